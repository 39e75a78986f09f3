import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** IPv6 header, RFC 8200 3. Extension headers are in `ipv6-extension.ts`.
 *
 *     0       4              12              16              24             31
 *    |version|  traffic class |  flow label                                   |
 *    |  payload length                       |  next header  |  hop limit     |
 *    |  source address (16 bytes)                                             |
 *    |  destination address (16 bytes)                                        |
 */
const VERSION_CLASS_FLOW = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SRC = 8;
const DST = 24;
export const HEADER_LENGTH = 40;
export const ADDRESS_LENGTH = 16;

/** The caller has checked that 40 bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_CLASS_FLOW]! >>> 4;
export const trafficClass = (bytes: Uint8Array, at: number): number =>
  (be16(bytes, at + VERSION_CLASS_FLOW) >>> 4) & 255;
export const flowLabel = (bytes: Uint8Array, at: number): number => be32(bytes, at + VERSION_CLASS_FLOW) & 0xfffff;
/** Bytes behind this header, extension headers included; 0 for a jumbogram (RFC 2675). */
export const payloadLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + PAYLOAD_LENGTH);
export const nextHeader = (bytes: Uint8Array, at: number): number => bytes[at + NEXT_HEADER]!;
export const hopLimit = (bytes: Uint8Array, at: number): number => bytes[at + HOP_LIMIT]!;
/** Offsets of the addresses. */
export const srcAt = (at: number): number => at + SRC;
export const dstAt = (at: number): number => at + DST;

export interface Ipv6Header {
  trafficClass: number;
  flowLabel: number;
  payloadLength: number;
  nextHeader: number;
  hopLimit: number;
  /** 16 bytes each. */
  src: Uint8Array;
  dst: Uint8Array;
}

export function parse(bytes: Uint8Array, at: number, end: number): Ipv6Header | Stop {
  if (end - at < HEADER_LENGTH) return truncated('ipv6', at, HEADER_LENGTH, end - at);
  if (version(bytes, at) !== 6) return invalid('ipv6', at, 6, version(bytes, at), 'ipv6.version');
  return {
    trafficClass: trafficClass(bytes, at),
    flowLabel: flowLabel(bytes, at),
    payloadLength: payloadLength(bytes, at),
    nextHeader: nextHeader(bytes, at),
    hopLimit: hopLimit(bytes, at),
    src: copyOf(bytes, at + SRC, ADDRESS_LENGTH),
    dst: copyOf(bytes, at + DST, ADDRESS_LENGTH),
  };
}

/** What `emit` takes. The payload length is computed unless given; a given one is written as it is. */
export interface Ipv6Emit {
  version?: number;
  trafficClass?: number;
  flowLabel?: number;
  payloadLength?: number;
  nextHeader: number;
  /** 64 unless given. */
  hopLimit?: number;
  src: Uint8Array;
  dst: Uint8Array;
}

/** Writes the header at `at` in front of a payload (extension headers included) that ends at `end`. Gives the offset
 * behind the header. */
export function emit(bytes: Uint8Array, at: number, end: number, header: Ipv6Emit): number {
  const first = (((header.version ?? 6) << 28) | ((header.trafficClass ?? 0) << 20) | (header.flowLabel ?? 0)) >>> 0;
  putBe32(bytes, at + VERSION_CLASS_FLOW, first);
  putBe16(bytes, at + PAYLOAD_LENGTH, header.payloadLength ?? end - at - HEADER_LENGTH);
  bytes[at + NEXT_HEADER] = header.nextHeader;
  bytes[at + HOP_LIMIT] = header.hopLimit ?? 64;
  bytes.set(header.src, at + SRC);
  bytes.set(header.dst, at + DST);
  return at + HEADER_LENGTH;
}
