import { be16, putBe16 } from '../../bytes/endian.ts';

/** The headers of one frame, as a table of columns, and the checksums that cover its bytes. Filled anew for each frame by
 * `findHeaders`; a rewriting rule walks the table and changes bytes through `write`, which carries each change into every
 * checksum that covers it (RFC 1624), so that what was right stays right, and what was wrong stays as wrong. */

export const ETHERNET = 1;
export const VLAN = 2;
/** The link-layer address of a cooked capture: `at` is the address, `end` its end. */
export const LINK_ADDRESS = 3;
export const ARP = 4;
export const IPV4 = 5;
export const IPV6 = 6;
/** A routing header of IPv6. */
export const ROUTING = 7;
export const TCP = 8;
export const UDP = 9;
/** UDP-Lite and DCCP: ports at the same place, nothing else in common. */
export const PORTS = 10;
export const SCTP = 11;
export const ICMP = 12;
export const ICMPV6 = 13;
export const IGMP = 14;
/** What no rule knows: application data, other protocols, padding behind the packet. */
export const DATA = 15;
/** An option header of IPv6: hop-by-hop and destination options. */
export const OPTIONS = 16;

/** In `depth`: the header belongs to a packet that an ICMP error quotes. */
export const QUOTED = 0x80;

/** No checksum. */
export const NONE = -1;

const MOST = 64;

export class Headers {
  bytes: Uint8Array = new Uint8Array(0);
  count = 0;
  /** By header: what it is, its first byte, and the end of what belongs to it and is there. */
  readonly kind = new Uint8Array(MOST);
  readonly at = new Uint32Array(MOST);
  readonly end = new Uint32Array(MOST);
  /** By header: the innermost checksum that covers all of it, or NONE. */
  readonly cover = new Int8Array(MOST);
  /** By header of IP: the checksum that has the addresses in its pseudo header, or NONE. */
  readonly pseudo = new Int8Array(MOST);
  /** By header: its own checksum, or NONE. IPv4's covers the header; that of a transport header what it carries, too. */
  readonly own = new Int8Array(MOST);
  /** By header: 0 in the packet itself, 1 and more in one that it carries; QUOTED is added in one that ICMP quotes. */
  readonly depth = new Uint8Array(MOST);
  /** By header of IPv6: where the address stands that the pseudo header has as destination. */
  readonly finalDst = new Uint32Array(MOST);

  /** By checksum: its field, the first byte that it covers, the checksum around it (which covers all of that too). */
  readonly #field = new Uint32Array(MOST);
  readonly #start = new Uint32Array(MOST);
  readonly #outer = new Int8Array(MOST);
  /** 1: a field of 0 says that there is none, and a sum of 0 is written as all ones. */
  readonly #optional = new Uint8Array(MOST);
  #checksums = 0;
  /** `depth` of the headers that are added. */
  level = 0;
  readonly #word = new Uint8Array(2);

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.count = 0;
    this.level = 0;
    this.#checksums = 0;
  }

  get isFull(): boolean {
    return this.count === MOST;
  }

  /** Adds a header; its row. A frame with more of them keeps the first 64: the caller sees `isFull`. */
  add(kind: number, at: number, end: number, cover: number): number {
    if (this.isFull) return this.count - 1;
    const row = this.count++;
    this.kind[row] = kind;
    this.at[row] = at;
    this.end[row] = end;
    this.cover[row] = cover;
    this.pseudo[row] = NONE;
    this.own[row] = NONE;
    this.depth[row] = this.level;
    return row;
  }

  /** Adds the checksum at `field` over bytes from `start` on; NONE where the field is not there. */
  checksum(field: number, start: number, limit: number, outer: number, optional: boolean): number {
    if (field + 2 > limit || this.#checksums === MOST) return NONE;
    const id = this.#checksums++;
    this.#field[id] = field;
    this.#start[id] = start;
    this.#outer[id] = outer;
    this.#optional[id] = optional ? 1 : 0;
    return id;
  }

  /** Copies `length` bytes of `from` over those at `at`. `cover` is the innermost checksum over these bytes; those around
   * it follow from it. `first` and `second` are checksums that have the bytes in their sum besides, alone: of a pseudo
   * header, of the header itself. */
  write(
    at: number,
    from: Uint8Array,
    fromAt: number,
    length: number,
    cover: number,
    first = NONE,
    second = NONE,
  ): void {
    const { bytes } = this;
    if (first !== NONE) this.#carry(first, at, from, fromAt, length);
    if (second !== NONE) this.#carry(second, at, from, fromAt, length);
    for (let id = cover; id !== NONE; id = this.#outer[id]!) this.#carry(id, at, from, fromAt, length);
    for (let i = 0; i < length; i++) bytes[at + i] = from[fromAt + i]!;
  }

  /** Writes 16 bits, network order; as `write`. */
  write16(at: number, value: number, cover: number, first = NONE): void {
    putBe16(this.#word, 0, value);
    this.write(at, this.#word, 0, 2, cover, first);
  }

  /** The innermost checksum over what the header of `row` holds and carries. */
  inner(row: number): number {
    return this.own[row] === NONE ? this.cover[row]! : this.own[row]!;
  }

  /** Sums what leaves and what comes, and carries the difference into one checksum. */
  #carry(id: number, at: number, from: Uint8Array, fromAt: number, length: number): void {
    const { bytes } = this;
    let delta = 0;
    const odd = (at - this.#start[id]!) & 1;
    for (let i = 0; i < length; i++) {
      const change = from[fromAt + i]! - bytes[at + i]!;
      delta += ((i + odd) & 1) === 0 ? change * 256 : change;
    }
    if (delta !== 0) this.#adjust(id, delta);
  }

  #adjust(id: number, delta: number): void {
    const { bytes } = this;
    const field = this.#field[id]!;
    const before = be16(bytes, field);
    if (before === 0 && this.#optional[id] === 1) return;
    // RFC 1624: HC' = ~(~HC + ~m + m'). The remainder modulo 65535 is the ones' complement sum.
    let sum = ((~before & 0xffff) + delta) % 0xffff;
    if (sum < 0) sum += 0xffff;
    let after = ~sum & 0xffff;
    // Ones' complement has two zeros. A sum of what is not all zero comes out as all ones, so its complement as 0; only
    // where 0 says that there is no checksum, all ones stand for it.
    if (after === 0xffff) after = 0;
    if (after === 0 && this.#optional[id] === 1) after = 0xffff;
    putBe16(bytes, field, after);
    for (let outer = this.#outer[id]!; outer !== NONE; outer = this.#outer[outer]!) {
      const odd = (field - this.#start[outer]!) & 1;
      const change =
        odd === 0 ? after - before : ((after & 0xff) - (before & 0xff)) * 256 + (after >>> 8) - (before >>> 8);
      if (change !== 0) this.#adjust(outer, change);
    }
  }
}
