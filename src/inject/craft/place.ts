import { pseudoOf } from '../../wire/pseudo.ts';
import { lastHop } from '../fix.ts';
import type { Value } from './kind.ts';
import { ValueError } from './kind.ts';
import type { Fields, LayerType, Place } from './layer.ts';

/** What is given for one layer of one packet: single values. */
export interface LayerDraft {
  readonly type: LayerType;
  readonly given: Map<string, unknown>;
}

/** A layer at its place in a packet that is being laid out: what stands in its fields, given or filled in, and who its
 * neighbours are. Values are computed when they are first asked for, so that they may depend on each other in any
 * direction. */
export class PlacedLayer implements Place {
  readonly type: LayerType;
  /** The layers below (towards the wire's beginning) and above; null at the ends. */
  readonly below: PlacedLayer | null;
  above: PlacedLayer | null = null;
  readonly #given: ReadonlyMap<string, unknown>;
  readonly #values = new Map<string, Value>();
  readonly #asking = new Set<string>();
  #headerLength = -1;

  constructor(draft: LayerDraft, below: PlacedLayer | null) {
    this.type = draft.type;
    this.#given = draft.given;
    this.below = below;
    if (below) below.above = this;
  }

  isGiven(name: string): boolean {
    return this.#given.has(name);
  }

  /** Parts of a list that is given; 0 where it is not given, or given as bytes. */
  parts(name: string): number {
    const given = this.#given.get(name);
    return Array.isArray(given) ? given.length : 0;
  }

  /** True where this packet has the field. */
  has(name: string): boolean {
    const field = this.type.fields[name]!;
    return field.present === null || field.present(this);
  }

  /** What stands in the field. A checksum that is not given is 0 here. Throws TypeError for a value that does not fit. */
  value(name: string): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#asking.has(name)) throw new Error(`${this.type.name}.${name} depends on itself`);
    this.#asking.add(name);
    const value = this.#compute(name, this.type.fields[name]!);
    this.#asking.delete(name);
    this.#values.set(name, value);
    return value;
  }

  #compute(name: string, { kind, fallback, isDerived }: Fields[string]): Value {
    let input: unknown = this.#given.get(name);
    if (input === undefined) {
      if (typeof fallback === 'function') input = fallback(this);
      else if (typeof fallback === 'object' && !(fallback instanceof Uint8Array)) input = 0;
      else input = fallback;
    }
    // A length that its field has no room for is written as the most that it has.
    if (isDerived && kind.bits !== null && typeof input === 'number' && !this.#given.has(name))
      input = Math.max(0, Math.min(input, 2 ** kind.bits - 1));
    try {
      return kind.take(input as never);
    } catch (error) {
      if (!(error instanceof ValueError || error instanceof RangeError)) throw error;
      throw new TypeError(`${this.type.name}.${name}: ${error.message}`);
    }
  }

  /** A field of at most 32 bits. */
  number(name: string): number {
    return this.value(name) as number;
  }

  /** A field of bytes. */
  bytes(name: string): Uint8Array {
    return this.value(name) as Uint8Array;
  }

  /** Bytes of a field of bytes; 0 where this packet or this protocol has no such field. */
  width(name: string): number {
    return Object.hasOwn(this.type.fields, name) && this.has(name) ? this.bytes(name).length : 0;
  }

  /** Bytes of this layer's own fields. */
  get headerLength(): number {
    if (this.#headerLength >= 0) return this.#headerLength;
    let bits = 0;
    for (const [name, { kind, isVirtual }] of Object.entries(this.type.fields))
      if (!isVirtual && this.has(name)) bits += kind.bits ?? this.bytes(name).length * 8;
    if (bits % 8) throw new Error(`${this.type.name}: ${bits} bits are no whole bytes`);
    this.#headerLength = bits / 8;
    return this.#headerLength;
  }

  /** Bytes of all that is above, padding not counted. */
  get payloadLength(): number {
    let length = 0;
    for (let place = this.above; place !== null; place = place.above)
      if (!place.type.isPadding) length += place.headerLength;
    return length;
  }

  /** Bytes of this layer and all above. */
  get length(): number {
    return this.headerLength + this.payloadLength;
  }

  /** The nearest layer below with one of these names, or null. */
  under(...names: string[]): PlacedLayer | null {
    let place = this.below;
    while (place !== null && !names.includes(place.type.name)) place = place.below;
    return place;
  }

  /** Running sum of the pseudo header (`wire/pseudo.ts`) for the protocol number, without a length; null where no IP
   * packet is around this layer. */
  pseudo(protocol: number): number | null {
    const ip = this.under('ip', 'ipv6');
    if (ip === null) return null;
    let dst = ip.bytes('dst');
    if (dst.length === 4) {
      const options = ip.bytes('options');
      const last = lastHop(options, 0, options.length);
      if (last !== null) dst = options.slice(last, last + 4);
    }
    // RFC 8200 8.1: the final destination counts where a routing header is not used up.
    for (let place = ip.above; place !== null && place !== this; place = place.above)
      if (place.type.name === 'ipv6.routing' && place.number('segleft') > 0) {
        const list = place.bytes('addresses');
        // RFC 8754 2: the list of type 4 is in reverse order.
        if (list.length >= 16) dst = place.number('type') === 4 ? list.slice(0, 16) : list.slice(-16);
      }
    return pseudoOf(ip.bytes('src'), dst, protocol);
  }
}

/** The layers as bytes. */
export function layOut(drafts: readonly LayerDraft[]): Uint8Array {
  const places: PlacedLayer[] = [];
  for (const draft of drafts) places.push(new PlacedLayer(draft, places.at(-1) ?? null));
  const starts: number[] = [];
  let total = 0;
  let end = 0;
  for (const place of places) {
    starts.push(total);
    total += place.headerLength;
    if (!place.type.isPadding) end = total;
  }
  const bytes = new Uint8Array(total);
  for (const [index, place] of places.entries()) write(bytes, starts[index]!, place);
  for (let index = places.length - 1; index >= 0; index--)
    seal(bytes, starts[index]!, end, places[index]!, drafts[index]!);
  return bytes;
}

function write(bytes: Uint8Array, at: number, place: PlacedLayer): void {
  let bit = at * 8;
  for (const [name, { kind, isVirtual }] of Object.entries(place.type.fields)) {
    if (isVirtual || !place.has(name)) continue;
    const value = place.value(name);
    if (value instanceof Uint8Array) {
      bytes.set(value, bit >> 3);
      bit += value.length * 8;
    } else {
      put(bytes, bit, kind.bits!, value, kind.little === true);
      bit += kind.bits!;
    }
  }
}

/** Writes the low `width` bits of a number at bit `bit`, the most significant first; bytes in reverse where `little`. */
function put(bytes: Uint8Array, bit: number, width: number, value: number | bigint, little: boolean): void {
  let left = BigInt(value);
  if (little) {
    for (let at = bit >> 3; width > 0; at++, width -= 8, left >>= 8n) bytes[at] = Number(left & 255n);
    return;
  }
  for (let last = bit + width; last > bit; ) {
    const at = (last - 1) >> 3;
    const from = Math.max(bit, at * 8);
    const count = last - from;
    const shift = at * 8 + 8 - last;
    const mask = (1 << count) - 1;
    bytes[at] = (bytes[at]! & ~(mask << shift)) | ((Number(left & 255n) & mask) << shift);
    left >>= BigInt(count);
    last = from;
  }
}

function seal(bytes: Uint8Array, at: number, end: number, place: PlacedLayer, draft: LayerDraft): void {
  let bit = at * 8;
  for (const [name, { kind, fallback, isVirtual }] of Object.entries(place.type.fields)) {
    if (isVirtual || !place.has(name)) continue;
    const width = kind.bits ?? place.bytes(name).length * 8;
    if (typeof fallback === 'object' && !(fallback instanceof Uint8Array) && !draft.given.has(name)) {
      const value = fallback.seal(place, bytes, at, end);
      if (value instanceof Uint8Array) bytes.set(value, bit >> 3);
      else put(bytes, bit, width, value, kind.little === true);
    }
    bit += width;
  }
}
