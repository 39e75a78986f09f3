import { be16 } from '../../bytes/endian.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../wire/ethertype.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import { networkStart } from '../rewrite/find.ts';
import { samePrefix } from '../rewrite/maps.ts';

/** Which of two interfaces a frame goes out on. */

export const CLIENT = 0;
export const SERVER = 1;
/** Not sent at all. */
export const NEITHER = 2;
export type Side = typeof CLIENT | typeof SERVER | typeof NEITHER;

/** Tells the side of the sender of each frame. Frames come in their order, each once; `number` counts from 0. */
export interface Splitter {
  side(bytes: Uint8Array, at: number, end: number, linkType: number, number: number): Side;
}

interface Ends {
  source: Uint8Array;
  destination: Uint8Array | null;
}

const key = (address: Uint8Array): string => {
  let text = '';
  for (const byte of address) text += String.fromCharCode(byte);
  return text;
};

/** Sender and receiver: addresses of IP, of who asks and is asked in ARP, else of Ethernet. Null: none of these. */
function endsOf(bytes: Uint8Array, at: number, end: number, linkType: number): Ends | null {
  const network = networkStart(bytes, at, end, linkType);
  if (network !== null) {
    const from = network.at;
    if (network.etherType === ETHERTYPE_IPV4 && end - from >= ipv4.HEADER_LENGTH) {
      const source = ipv4.srcAt(from);
      return { source: bytes.subarray(source, source + 4), destination: group(bytes.subarray(source + 4, source + 8)) };
    }
    if (network.etherType === ETHERTYPE_IPV6 && end - from >= ipv6.HEADER_LENGTH) {
      const source = from + 8;
      return {
        source: bytes.subarray(source, source + 16),
        destination: group(bytes.subarray(source + 16, source + 32)),
      };
    }
    if (network.etherType === ETHERTYPE_ARP && end - from >= arp.ETHERNET_IPV4_LENGTH) {
      const sender = arp.senderProtocolAt(bytes, from);
      const target = arp.targetProtocolAt(bytes, from);
      if (arp.protocolLength(bytes, from) === 4 && arp.hardwareLength(bytes, from) === ethernet.ADDRESS_LENGTH)
        return { source: bytes.subarray(sender, sender + 4), destination: bytes.subarray(target, target + 4) };
    }
  }
  if (linkType !== LINKTYPE_ETHERNET || end - at < ethernet.HEADER_LENGTH) return null;
  const destination = bytes.subarray(at, at + 6);
  return { source: bytes.subarray(at + 6, at + 12), destination: destination[0]! & 1 ? null : destination };
}

/** Null for a group, which is on both sides. */
function group(address: Uint8Array): Uint8Array | null {
  if (address.length === 4) return address[0]! >= 224 ? null : address;
  return address[0] === 0xff ? null : address;
}

/** The unspecified address belongs to nobody. */
const isNobody = (address: Uint8Array): boolean => address.every((byte) => byte === 0);

/** A host that was first seen sending is a client, one that was first sent to a server: all frames of a host go out on one
 * interface, as a switch between the two expects. */
export class FirstSender implements Splitter {
  readonly #sides = new Map<string, Side>();

  side(bytes: Uint8Array, at: number, end: number, linkType: number): Side {
    const ends = endsOf(bytes, at, end, linkType);
    if (ends === null || isNobody(ends.source)) return CLIENT;
    const source = key(ends.source);
    let side = this.#sides.get(source);
    if (side === undefined) {
      side = CLIENT;
      this.#sides.set(source, side);
    }
    if (ends.destination !== null && !isNobody(ends.destination)) {
      const destination = key(ends.destination);
      // Opposite to whoever spoke to it first.
      if (!this.#sides.has(destination)) this.#sides.set(destination, side === CLIENT ? SERVER : CLIENT);
    }
    return side;
  }
}

/** Hosts of the network are the clients, all others servers. */
export class SubnetSplitter implements Splitter {
  readonly #network: { bytes: Uint8Array; length: number };

  constructor(network: { bytes: Uint8Array; length: number }) {
    this.#network = network;
  }

  side(bytes: Uint8Array, at: number, end: number, linkType: number): Side {
    const source = endsOf(bytes, at, end, linkType)?.source;
    const { bytes: network, length } = this.#network;
    return source?.length === network.length && samePrefix(network, source, length) ? CLIENT : SERVER;
  }
}

const MAGIC = [0x74, 0x63, 0x70, 0x70, 0x72, 0x65, 0x70, 0x00];
const VERSION = [0x30, 0x34, 0x00, 0x00];
const COUNT_AT = 12;
const PER_BYTE_AT = 20;
const COMMENT_LENGTH_AT = 22;
const HEADER = 24;
/** Two bits a frame, the first frame in the lowest: is it sent, and out of the client's interface. */
const SENT = 2;
const FROM_CLIENT = 1;

/** Sides that were computed before, in the format of tcpprep's cache files (version 04): magic, version, the number of
 * frames as 64 bits, 4 (frames a byte) and the length of a comment as 16 bits each, all big-endian; comment; two bits a
 * frame. */
export class CachedSides implements Splitter {
  readonly #bytes: Uint8Array;
  readonly #data: number;
  /** Frames that the cache knows. */
  readonly count: number;

  /** Throws RangeError where the bytes are no such cache. */
  constructor(bytes: Uint8Array) {
    if (bytes.length < HEADER || MAGIC.some((byte, i) => bytes[i] !== byte))
      throw new RangeError('not a cache file of tcpprep or --write-cache');
    if (VERSION.some((byte, i) => bytes[MAGIC.length + i] !== byte))
      throw new RangeError('a cache file of another version than 04');
    if (be16(bytes, PER_BYTE_AT) !== 4) throw new RangeError(`${be16(bytes, PER_BYTE_AT)} frames a byte, not 4`);
    this.count = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(COUNT_AT));
    this.#bytes = bytes;
    this.#data = HEADER + be16(bytes, COMMENT_LENGTH_AT);
    if (bytes.length < this.#data + Math.ceil(this.count / 4))
      throw new RangeError(`cut short: ${this.count} frames need ${Math.ceil(this.count / 4)} bytes`);
  }

  /** Throws RangeError for a frame that the cache does not have. */
  side(_bytes: Uint8Array, _at: number, _end: number, _linkType: number, number: number): Side {
    if (number >= this.count)
      throw new RangeError(`the cache has ${this.count} frames, and there are more: it was made from other files`);
    const bits = (this.#bytes[this.#data + (number >>> 2)]! >>> ((number & 3) * 2)) & 3;
    if ((bits & SENT) === 0) return NEITHER;
    return bits & FROM_CLIENT ? CLIENT : SERVER;
  }
}

/** Remembers sides for a cache file. */
export class SideRecorder {
  #bits = new Uint8Array(1 << 12);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(side: Side): void {
    const at = this.#count >>> 2;
    if (at === this.#bits.length) {
      const longer = new Uint8Array(this.#bits.length * 2);
      longer.set(this.#bits);
      this.#bits = longer;
    }
    const bits = side === NEITHER ? 0 : side === CLIENT ? SENT | FROM_CLIENT : SENT;
    this.#bits[at]! |= bits << ((this.#count & 3) * 2);
    this.#count++;
  }

  /** The file. */
  cache(comment = ''): Uint8Array {
    const text = new TextEncoder().encode(comment).subarray(0, 0xffff);
    const bytes = new Uint8Array(HEADER + text.length + Math.ceil(this.#count / 4));
    const view = new DataView(bytes.buffer);
    bytes.set(MAGIC);
    bytes.set(VERSION, MAGIC.length);
    view.setBigUint64(COUNT_AT, BigInt(this.#count));
    view.setUint16(PER_BYTE_AT, 4);
    view.setUint16(COMMENT_LENGTH_AT, text.length);
    bytes.set(text, HEADER);
    bytes.set(this.#bits.subarray(0, Math.ceil(this.#count / 4)), HEADER + text.length);
    return bytes;
  }
}
