import { be16 } from '../bytes/endian.ts';

/** RTCP, RFC 3550 6: several packets in a datagram, each with this header. All fields are big-endian.
 *
 *     0 1   2   3 … 7    8 … 15        16 … 31
 *    | V | P | count  | packet type | length in words, less one |
 */
const FLAGS = 0,
  TYPE = 1,
  LENGTH = 2;
export const HEADER_LENGTH = 4;

export const SENDER_REPORT = 200;
export const RECEIVER_REPORT = 201;
export const SOURCE_DESCRIPTION = 202;
export const GOODBYE = 203;
export const APPLICATION = 204;
/** RFC 4585 6. */
export const TRANSPORT_FEEDBACK = 205;
export const PAYLOAD_FEEDBACK = 206;
/** RFC 3611 2. */
export const EXTENDED_REPORT = 207;

/** Bytes of what a sender says about itself behind its SSRC, and of a report block (RFC 3550 6.4.1). */
export const SENDER_LENGTH = 20;
export const BLOCK_LENGTH = 24;

/** The caller has checked that four bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]! >>> 6;
export const hasPadding = (bytes: Uint8Array, at: number): boolean => (bytes[at + FLAGS]! & 0x20) !== 0;
/** Of report blocks or sources; of some types a subtype. */
export const count = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]! & 31;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
/** Bytes of the packet with its header. */
export const length = (bytes: Uint8Array, at: number): number => (be16(bytes, at + LENGTH) + 1) * 4;

/** True where packets of RTCP fill the bytes from `at` up to `end`, the first of a type that stands first. */
export function isCompound(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + HEADER_LENGTH > end) return false;
  const first = type(bytes, at);
  if (first < SENDER_REPORT || first > PAYLOAD_FEEDBACK || first === SOURCE_DESCRIPTION || first === TRANSPORT_FEEDBACK)
    return false;
  while (at + HEADER_LENGTH <= end) {
    // RFC 5761 4: types in use.
    if (version(bytes, at) !== 2 || type(bytes, at) < 192 || type(bytes, at) > 223) return false;
    at += length(bytes, at);
  }
  return at === end;
}
