import { be16, putBe16 } from '../../../src/bytes/endian.ts';
import { IPPROTO_UDP } from '../../../src/wire/ipproto.ts';
import * as ipv4 from '../../../src/wire/ipv4.ts';
import * as ipv6 from '../../../src/wire/ipv6.ts';
import type { Place, Seeds } from './seeds.ts';

/** Frames changed with regard to what they are made of: the headers that lead to a protocol stay good, lengths of the
 * layers below follow, and what the protocol itself reads is changed; parts of frames are put together at a protocol that
 * both have, so that tunnels nest and anything comes in anything that carries it. */

export interface Mutant {
  bytes: Uint8Array;
  originalLength: number;
  linkType: number;
}

/** Longest frame made: what grows is cut there. */
const LONGEST = 9000;

/** Numbers as text has them, at the edges of types. */
const NUMBERS = ['', '0', '-1', '255', '256', '65535', '65536', '4294967295', '4294967296', '9'.repeat(20), '1.5e3'];
const EDGES = [0, 1, 2, 3, 4, 7, 8, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xfe, 0xff];

type Next = () => number;
const below = (next: Next, limit: number): number => Math.floor(next() * limit);
const pick = <T>(next: Next, values: readonly T[]): T => values[below(next, values.length)]!;

/** `bytes` with one to four changes from `at` on: numbers of one to four bytes at their edges or about the length of what
 * follows, bits, bytes, numbers in text, pieces doubled, moved out or put in. */
export function changed(bytes: Uint8Array, at: number, next: Next): Uint8Array {
  let made = Uint8Array.from(bytes);
  for (let changes = 1 + below(next, 4); changes > 0; changes--) made = change(made, at, next);
  return made;
}

function change(bytes: Uint8Array, at: number, next: Next): Uint8Array<ArrayBuffer> {
  const made = Uint8Array.from(bytes);
  const room = made.length - at;
  if (room <= 0) return joined(made, randomBytes(1 + below(next, 8), next));
  // What comes first decides what is read at all.
  const place = at + below(next, next() < 0.6 ? Math.min(room, 32) : room);
  const left = made.length - place;
  switch (below(next, 13)) {
    case 0:
    case 1:
      made[place]! ^= 1 << below(next, 8);
      return made;
    case 2:
    case 3:
      made[place] = pick(next, EDGES);
      return made;
    case 4:
      made[place] = below(next, 256);
      return made;
    case 5:
      made[place] = left - 3 + below(next, 6);
      return made;
    case 6:
    case 7: {
      if (left < 2) return made;
      const edges = [0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff, left, left - 1, left - 2, left - 4, left + 1, left >> 2];
      putBe16(made, place, pick(next, edges) & 0xffff);
      return made;
    }
    case 8: {
      const value = pick(next, [0, 0x7f, 0x80, 0xff]);
      for (let i = place; i < Math.min(place + pick(next, [3, 4, 8]), made.length); i++)
        made[i] = i === place ? value : value & 1 ? 0xff : 0;
      return made;
    }
    case 9: {
      // A piece once more, or many times: options, records, headers.
      const length = 1 + below(next, Math.min(left, 64));
      const piece = made.subarray(place, place + length);
      const times = next() < 0.8 ? 1 : 1 + below(next, Math.ceil((LONGEST - made.length) / length / 4) + 1);
      const parts = [made.subarray(0, place + length), ...Array.from({ length: times }, () => piece)];
      return joined(...parts, made.subarray(place + length));
    }
    case 10: {
      const from = made.findIndex((byte, i) => i >= place && isDigit(byte));
      if (from < 0) return made;
      let to = from;
      while (to < made.length && isDigit(made[to]!)) to++;
      return joined(made.subarray(0, from), Buffer.from(pick(next, NUMBERS)), made.subarray(to));
    }
    case 11: {
      const length = 1 + below(next, Math.min(left, 16));
      return joined(made.subarray(0, place), made.subarray(place + length));
    }
    default:
      return joined(made.subarray(0, place), randomBytes(1 + below(next, 12), next), made.subarray(place));
  }
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;

function randomBytes(length: number, next: Next): Uint8Array {
  return Uint8Array.from({ length }, () => below(next, 256));
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = Math.min(
    parts.reduce((sum, part) => sum + part.length, 0),
    LONGEST,
  );
  const made = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    if (at + part.length > length) {
      made.set(part.subarray(0, length - at), at);
      break;
    }
    made.set(part, at);
    at += part.length;
  }
  return made;
}

/** Makes mutants of `seeds`. */
export class Mutator {
  readonly #seeds: Seeds;
  readonly #next: Next;
  readonly #names: readonly string[];

  constructor(seeds: Seeds, next: Next) {
    this.#seeds = seeds;
    this.#next = next;
    this.#names = [...seeds.byProtocol.keys()];
  }

  /** A frame in which `name`, or a protocol drawn, is changed from its first byte on. */
  one(name = pick(this.#next, this.#names)): Mutant {
    const next = this.#next;
    const seed = pick(next, this.#seeds.byProtocol.get(name)!);
    const place = seed.places.find((one) => one.name === name)!;
    let bytes: Uint8Array = seed.bytes;
    let { places } = seed;
    let at = place.at;
    if (next() < 0.25) {
      // What another frame has from the same protocol on comes in its place, and again in that.
      for (let times = next() < 0.9 ? 1 : 1 + below(next, 40); times > 0; times--) {
        const from = pick(next, this.#names);
        const other = pick(next, this.#seeds.byProtocol.get(from)!);
        const shared = pick(next, other.places);
        const mine = places.filter((one) => one.name === shared.name).at(-1);
        if (mine === undefined || bytes.length > LONGEST / 2) continue;
        bytes = joined(bytes.subarray(0, mine.at), other.bytes.subarray(shared.at));
        const moved = other.places
          .filter((one) => one.at >= shared.at)
          .map((one) => ({ name: one.name, at: one.at - shared.at + mine.at }));
        places = [...places.filter((one) => one.at < mine.at), ...moved];
        at = next() < 0.5 ? mine.at : places.at(-1)!.at;
      }
    }
    if (next() < 0.95) bytes = changed(bytes, at, next);
    else bytes = Uint8Array.from(bytes);
    if (next() < 0.9) this.#mend(bytes, places, at);
    if (next() < 0.9) this.#otherFlow(bytes, places);
    let originalLength = Math.max(bytes.length, bytes.length + seed.originalLength - seed.bytes.length);
    if (next() < 0.25) {
      // A capture that ends early: lengths are right, or those of what was left.
      bytes = bytes.slice(0, Math.max(1, at + below(next, Math.max(1, bytes.length - at))));
      if (next() < 0.4) {
        this.#mend(bytes, places, at);
        originalLength = bytes.length;
      }
    }
    return { bytes, originalLength, linkType: seed.linkType };
  }

  /** `count` frames of one capture in their order, some of them changed, of which some go missing, come twice or too
   * late. */
  conversation(count: number): Mutant[] {
    const next = this.#next;
    const capture = pick(next, this.#seeds.captures);
    const made: Mutant[] = [];
    const nonce = below(next, 65_536);
    for (let i = below(next, capture.length), left = count; left > 0; i = (i + 1) % capture.length, left--) {
      const { bytes, originalLength, linkType, places } = capture[i]!;
      const mutant: Mutant = {
        bytes: Uint8Array.from(bytes),
        originalLength: Math.max(originalLength, bytes.length),
        linkType,
      };
      this.#otherFlow(mutant.bytes, places, nonce);
      if (next() < 0.2) {
        const { at } = pick(next, places.length > 0 ? places : [{ name: '', at: 0 }]);
        mutant.bytes = changed(mutant.bytes, at, next);
        mutant.originalLength = mutant.bytes.length;
        this.#mend(mutant.bytes, places, at);
      }
      const fate = next();
      if (fate < 0.05 && made.length > 0) made.splice(below(next, made.length), 0, mutant);
      else if (fate > 0.05) made.push(mutant);
      if (fate > 0.97) made.push(mutant);
    }
    return made;
  }

  /** Lengths in the headers before `at` say that the frame's last byte is theirs. */
  #mend(bytes: Uint8Array, places: readonly Place[], at: number): void {
    for (const place of places) {
      if (place.at >= at) return;
      const left = bytes.length - place.at;
      if (place.name === 'ip' && left >= ipv4.HEADER_LENGTH) putBe16(bytes, place.at + 2, left);
      else if (place.name === 'ipv6' && left >= ipv6.HEADER_LENGTH)
        putBe16(bytes, place.at + 4, left - ipv6.HEADER_LENGTH);
      else if (place.name === 'udp' && left >= 8) putBe16(bytes, place.at + 4, left);
      else if (place.name === 'pppoes' && left >= 6) putBe16(bytes, place.at + 4, left - 6);
      else if (place.name === 'eth' && left >= 14 && be16(bytes, place.at + 12) < 1536)
        putBe16(bytes, place.at + 12, left - 14);
    }
  }

  /** Other addresses, so that the frame is of another stream: what a stream had before is not looked into again. */
  #otherFlow(bytes: Uint8Array, places: readonly Place[], nonce = below(this.#next, 65_536)): void {
    for (const { name, at } of places) {
      if (name === 'ip' && at + ipv4.HEADER_LENGTH <= bytes.length) {
        // Streams of RTP are announced for an address.
        if (bytes[at + 9] !== IPPROTO_UDP) putBe16(bytes, at + 13, be16(bytes, at + 13) ^ nonce);
      } else if (name === 'ipv6' && at + ipv6.HEADER_LENGTH <= bytes.length && bytes[at + 6] !== IPPROTO_UDP)
        putBe16(bytes, at + 14, be16(bytes, at + 14) ^ nonce);
    }
  }
}
