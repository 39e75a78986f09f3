import { be16 } from '../bytes/endian.ts';

/** BGP-4, RFC 4271 4: a marker of ones, length, type.
 *
 *     0             16       18     19
 *    | marker (16) | length | type | message …
 */
const MARKER_LENGTH = 16;
const LENGTH = 16;
const TYPE = 18;
export const HEADER_LENGTH = 19;
export const TCP_PORT = 179;

export const TYPE_OPEN = 1;
export const TYPE_UPDATE = 2;
export const TYPE_NOTIFICATION = 3;
export const TYPE_KEEPALIVE = 4;
export const TYPE_REFRESH = 5;
/** Bytes of an open message behind the header, without its parameters. */
export const OPEN_LENGTH = 10;

/** Bits and types of path attributes (RFC 4271 4.3). */
export const ATTRIBUTE_EXTENDED = 0x10;
export const ORIGIN = 1;
export const AS_PATH = 2;
export const NEXT_HOP = 3;
export const MULTI_EXIT_DISC = 4;
export const LOCAL_PREF = 5;
/** RFC 1997. */
export const COMMUNITIES = 8;

/** The caller has checked that 19 bytes are there, as for all below. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;

/** True where a message begins at `at`. */
export function hasMarker(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < HEADER_LENGTH) return false;
  for (let i = 0; i < MARKER_LENGTH; i++) if (bytes[at + i] !== 0xff) return false;
  return true;
}

/** True where nothing that was captured from `at` on contradicts that a message begins there. */
export function mayBegin(bytes: Uint8Array, at: number, end: number): boolean {
  const stop = Math.min(end, at + MARKER_LENGTH);
  for (let i = at; i < stop; i++) if (bytes[i] !== 0xff) return false;
  return true;
}
