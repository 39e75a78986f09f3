import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { samePrefix } from './maps.ts';

/** Addresses replaced by others under a key, so that two that shared their first n bits still do, and no more (Xu, Fan,
 * Ammar, Moon: Prefix-Preserving IP Address Anonymization, 2002): each bit is flipped or not by a function of the bits
 * before it. The same key gives the same addresses in every file; without it nobody finds the way back by less than
 * guessing.
 *
 * Addresses with a meaning of their own stay: unspecified, loopback, multicast and broadcast. So that no other address
 * is mapped onto them, the bits on the way to them are not flipped either. IPv6 keeps fe80::/64 and treats the last 32
 * bits of ::ffff:0:0/96 as IPv4. */

interface Kept {
  prefix: Uint8Array;
  length: number;
  /** Everything under it stays; otherwise only the prefix does. */
  whole: boolean;
}

const kept4: readonly Kept[] = [
  { prefix: Uint8Array.of(0, 0, 0, 0), length: 32, whole: true },
  { prefix: Uint8Array.of(127, 0, 0, 0), length: 8, whole: true },
  { prefix: Uint8Array.of(224, 0, 0, 0), length: 4, whole: true },
  { prefix: Uint8Array.of(255, 255, 255, 255), length: 32, whole: true },
];
const address6 = (...head: number[]): Uint8Array => Uint8Array.from({ length: 16 }, (_, i) => head[i] ?? 0);
const LOOPBACK6 = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const MAPPED6 = address6(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);
const kept6: readonly Kept[] = [
  { prefix: address6(), length: 128, whole: true },
  { prefix: LOOPBACK6, length: 128, whole: true },
  { prefix: MAPPED6, length: 96, whole: false },
  { prefix: address6(0xfe, 0x80), length: 64, whole: false },
  { prefix: address6(0xff), length: 8, whole: true },
];
/** ff02::1:ff00:0/104, the solicited-node addresses: the last 24 bits are those of a host's address. */
const SOLICITED_NODE = address6(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff);

export class Anonymizer {
  readonly #key: Buffer;
  /** What the bits behind those that are looked at are filled with. */
  readonly #pad: Uint8Array;
  readonly #known = new Map<string, Uint8Array>();

  /** `key`: any text; without one a key is made up that nobody knows. */
  constructor(key?: string) {
    const secret = key === undefined ? randomBytes(32) : createHash('sha256').update(key).digest();
    this.#key = secret.subarray(0, 16);
    this.#pad = this.#encrypt(secret.subarray(16, 32));
  }

  #encrypt(blocks: Uint8Array): Uint8Array {
    const cipher = createCipheriv('aes-128-ecb', this.#key, null);
    cipher.setAutoPadding(false);
    return cipher.update(blocks);
  }

  /** Replaces an address of 4 or 16 bytes in place. */
  address = (address: Uint8Array): boolean => {
    const name = String.fromCharCode(...address);
    let to = this.#known.get(name);
    if (to === undefined) {
      to = address.length === 4 ? this.#mapped(address, kept4) : this.#address6(address);
      this.#known.set(name, to);
    }
    address.set(to);
    return true;
  };

  #address6(address: Uint8Array): Uint8Array {
    if (samePrefix(address, SOLICITED_NODE, 104)) {
      const to = address.slice();
      this.#scramble(to, 13, 16, 's');
      return to;
    }
    if (samePrefix(address, MAPPED6, 96)) {
      const to = address.slice();
      to.set(this.#mapped(address.subarray(12), kept4), 12);
      return to;
    }
    return this.#mapped(address, kept6);
  }

  #mapped(address: Uint8Array, kept: readonly Kept[]): Uint8Array {
    const bits = address.length * 8;
    for (const { prefix, length, whole } of kept)
      if (whole && samePrefix(prefix, address, length)) return address.slice();
    // One block of the cipher for each bit: the bits before it, then the pad.
    const blocks = new Uint8Array(bits * 16);
    for (let bit = 0; bit < bits; bit++) {
      const at = bit * 16;
      blocks.set(this.#pad.subarray(0, 16), at);
      const bytes = bit >> 3;
      blocks.set(address.subarray(0, bytes), at);
      const mask = (0xff00 >> (bit & 7)) & 0xff;
      blocks[at + bytes] = (address[bytes]! & mask) | (this.#pad[bytes]! & ~mask);
    }
    const flips = this.#encrypt(blocks);
    const to = address.slice();
    for (let bit = 0; bit < bits; bit++) {
      if (flips[bit * 16]! < 0x80) continue;
      if (kept.some(({ prefix, length }) => bit < length && samePrefix(prefix, address, bit))) continue;
      to[bit >> 3]! ^= 0x80 >> (bit & 7);
    }
    return to;
  }

  /** Replaces a MAC address in place. Group addresses stay, but for the part that IPv6 makes of a host's address
   * (33:33:ff:…); others become locally administered ones. */
  mac = (address: Uint8Array): boolean => {
    const first = address[0]!;
    if (first & 1) {
      if (first !== 0x33 || address[1] !== 0x33 || address[2] !== 0xff) return false;
      this.#scramble(address, 3, 6, 's');
      return true;
    }
    if (address.every((byte) => byte === 0)) return false;
    this.#scramble(address, 0, address.length, 'm');
    address[0] = (address[0]! & 0xfc) | 2;
    return true;
  };

  /** Replaces the bytes by what the key makes of them; the same bytes give the same. `use` keeps kinds of numbers apart. */
  #scramble(bytes: Uint8Array, at: number, end: number, use: string): void {
    const digest = createHash('sha256').update(this.#key).update(use).update(bytes.subarray(at, end)).digest();
    bytes.set(digest.subarray(0, end - at), at);
  }
}
