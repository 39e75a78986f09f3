import { be32 } from '../bytes/endian.ts';

/** The transport of SSH, RFC 4253: the line with the version that each side begins with (4.2), and packets that are not
 * encrypted (6), as those of the key exchange are. All fields are big-endian.
 *
 *     0               4               5         6
 *    | packet length | padding length | message | … | padding … | */
const PADDING_LENGTH = 4;
const MESSAGE = 5;
/** Through the number of the message. */
export const HEADER_LENGTH = 6;
/** RFC 4253 6.1: everyone must take packets of this size; key exchanges are shorter. */
const MAX_PACKET = 35_000;

export const DISCONNECT = 1;
export const KEXINIT = 20;
export const NEWKEYS = 21;
export const KEX_FIRST = 30;
export const KEX_LAST = 49;

/** Bytes behind the packet's length: padding and all. */
export const packetLength = (bytes: Uint8Array, at: number): number => be32(bytes, at);
export const paddingLength = (bytes: Uint8Array, at: number): number => bytes[at + PADDING_LENGTH]!;
export const message = (bytes: Uint8Array, at: number): number => bytes[at + MESSAGE]!;

/** Does the line of a version begin at `at`? */
export const isVersion = (bytes: Uint8Array, at: number, end: number): boolean =>
  at + 4 <= end && bytes[at] === 83 && bytes[at + 1] === 83 && bytes[at + 2] === 72 && bytes[at + 3] === 45;

/** Does a packet that is not encrypted begin at `at`? Its length is a multiple of eight with itself (RFC 4253 6), its
 * padding at least four bytes, and its message one of those that come before encryption. */
export function isPacket(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + HEADER_LENGTH > end) return false;
  const length = packetLength(bytes, at);
  const padding = paddingLength(bytes, at);
  const code = message(bytes, at);
  if (length < 12 || length > MAX_PACKET || (length + 4) % 8 !== 0 || padding < 4 || padding + 1 >= length)
    return false;
  return (
    (code >= DISCONNECT && code <= 4) || code === KEXINIT || code === NEWKEYS || (code >= KEX_FIRST && code <= KEX_LAST)
  );
}
