import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** Ethernet header, IEEE 802.3-2018 3.1.1. The third field is an EtherType, or the payload's length where it is 1500 or
 * less.
 *
 *     0                    6                    12       14
 *    |  destination        |  source            |  type  |
 */
const DST = 0;
const SRC = 6;
const TYPE = 12;
export const HEADER_LENGTH = 14;
export const ADDRESS_LENGTH = 6;
export const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255);

/** Offset of the destination address of the header at `at`. */
export const dstAt = (at: number): number => at + DST;
/** Offset of the source address of the header at `at`. */
export const srcAt = (at: number): number => at + SRC;
/** Offset of the type of the header at `at`. */
export const typeAt = (at: number): number => at + TYPE;
/** EtherType, or length, of the header at `at`. The caller has checked that 14 bytes are there. */
export const type = (bytes: Uint8Array, at: number): number => be16(bytes, at + TYPE);
/** IEEE 802: the group bit of the destination. */
export const isGroup = (bytes: Uint8Array, at: number): boolean => (bytes[at + DST]! & 1) !== 0;

export interface EthernetHeader {
  /** Six bytes each. */
  dst: Uint8Array;
  src: Uint8Array;
  /** EtherType, or length of an 802.3 frame. */
  type: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): EthernetHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('eth', at, HEADER_LENGTH, end - at);
  return { dst: copyOf(bytes, at + DST, 6), src: copyOf(bytes, at + SRC, 6), type: type(bytes, at) };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: EthernetHeader): number {
  bytes.set(header.dst, at + DST);
  bytes.set(header.src, at + SRC);
  putBe16(bytes, at + TYPE, header.type);
  return at + HEADER_LENGTH;
}
