import { be16, be32 } from '../bytes/endian.ts';

/** Frames of WebSocket, RFC 6455 5.2. All fields are big-endian.
 *
 *     0               1
 *    |F|RSV|opcode   |M| length      | extended length (16 or 64 bits) | masking key (where M) | payload …
 */
export const FIN = 0x80;
export const RESERVED = 0x70;
export const OPCODE = 0x0f;
export const MASK = 0x80;
export const LENGTH = 0x7f;
/** Values of the length that say where it is really. */
export const LENGTH_16 = 126;
export const LENGTH_64 = 127;
export const KEY_LENGTH = 4;

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** Length of the header at `at`; 0 where its beginning is not there. */
export function headerLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 2 > end) return 0;
  const length = bytes[at + 1]! & LENGTH;
  const extended = length === LENGTH_16 ? 2 : length === LENGTH_64 ? 8 : 0;
  return 2 + extended + (bytes[at + 1]! & MASK ? KEY_LENGTH : 0);
}

/** Length of the payload. The caller has checked that the header is there. */
export function payloadLength(bytes: Uint8Array, at: number): number {
  const length = bytes[at + 1]! & LENGTH;
  if (length === LENGTH_16) return be16(bytes, at + 2);
  return length === LENGTH_64 ? be32(bytes, at + 2) * 0x1_0000_0000 + be32(bytes, at + 6) : length;
}
