import { be16, be32 } from '../bytes/endian.ts';

/** DCCP, RFC 4340 5.1.
 *
 *     0              2                   4             5              6          8                9
 *    | source port  | destination port  | data offset | CCVal, CsCov | checksum | res, type, X   | sequence …
 *
 * With X the sequence number takes a reserved byte and six, else three bytes. */
const SRC_PORT = 0;
const DST_PORT = 2;
const DATA_OFFSET = 4;
const CCVAL_COVERAGE = 5;
const CHECKSUM = 6;
const TYPE_X = 8;
export const SHORT_LENGTH = 12;
export const LONG_LENGTH = 16;

export const TYPE_REQUEST = 0;
export const TYPE_RESPONSE = 1;
export const TYPE_DATA = 2;
export const TYPE_RESET = 7;
export const TYPE_SYNC_ACK = 9;

/** The caller has checked that twelve bytes are there, as for all below. */
export const srcPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + SRC_PORT);
export const dstPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + DST_PORT);
/** In words of four bytes. */
export const dataOffset = (bytes: Uint8Array, at: number): number => bytes[at + DATA_OFFSET]!;
export const ccVal = (bytes: Uint8Array, at: number): number => bytes[at + CCVAL_COVERAGE]! >>> 4;
export const coverage = (bytes: Uint8Array, at: number): number => bytes[at + CCVAL_COVERAGE]! & 15;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const type = (bytes: Uint8Array, at: number): number => (bytes[at + TYPE_X]! >>> 1) & 15;
export const isExtended = (bytes: Uint8Array, at: number): boolean => (bytes[at + TYPE_X]! & 1) === 1;
/** Length of the header without what its type adds. */
export const genericLength = (bytes: Uint8Array, at: number): number =>
  isExtended(bytes, at) ? LONG_LENGTH : SHORT_LENGTH;

/** A number of 48 bits at `at`; exact, for a double holds 53. */
export const be48 = (bytes: Uint8Array, at: number): number => be16(bytes, at) * 0x100000000 + be32(bytes, at + 2);
/** What the type adds: an acknowledgement (eight bytes, or four), a service code, a reset code with three bytes. */
export function typeLength(kind: number, extended: boolean): number {
  const acknowledgement = kind === TYPE_REQUEST || kind === TYPE_DATA ? 0 : extended ? 8 : 4;
  return acknowledgement + (kind === TYPE_REQUEST || kind === TYPE_RESPONSE || kind === TYPE_RESET ? 4 : 0);
}
