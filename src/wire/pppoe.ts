import { be16, putBe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** PPP over Ethernet, RFC 2516 4.
 *
 *     0           1      2            4        6
 *    | ver, type | code | session id | length | tags (discovery) or PPP (session)
 */
const VERSION_TYPE = 0;
const CODE = 1;
const SESSION_ID = 2;
const LENGTH = 4;
export const HEADER_LENGTH = 6;

export const CODE_SESSION = 0x00;
export const CODE_PADO = 0x07;
export const CODE_PADI = 0x09;
export const CODE_PADR = 0x19;
export const CODE_PADS = 0x65;
export const CODE_PADT = 0xa7;

/** Type and length of a tag, before its value. */
export const TAG_HEADER_LENGTH = 4;
export const TAG_END = 0x0000;
export const TAG_SERVICE_NAME = 0x0101;
export const TAG_AC_NAME = 0x0102;
export const TAG_HOST_UNIQ = 0x0103;
export const TAG_AC_COOKIE = 0x0104;
export const TAG_VENDOR = 0x0105;
export const TAG_RELAY_SESSION_ID = 0x0110;
/** RFC 4638 2.1. */
export const TAG_MAX_PAYLOAD = 0x0120;
export const TAG_SERVICE_NAME_ERROR = 0x0201;
export const TAG_AC_SYSTEM_ERROR = 0x0202;
export const TAG_GENERIC_ERROR = 0x0203;

/** The caller has checked that six bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_TYPE]! >>> 4;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_TYPE]! & 15;
export const code = (bytes: Uint8Array, at: number): number => bytes[at + CODE]!;
export const sessionId = (bytes: Uint8Array, at: number): number => be16(bytes, at + SESSION_ID);
/** Length of the payload. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);

export interface PppoeHeader {
  code: number;
  sessionId: number;
  /** Length of the payload. */
  length: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): PppoeHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('pppoe', at, HEADER_LENGTH, end - at);
  return { code: code(bytes, at), sessionId: sessionId(bytes, at), length: length(bytes, at) };
}

/** Writes the header at `at`, version and type 1; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: PppoeHeader): number {
  bytes[at + VERSION_TYPE] = 0x11;
  bytes[at + CODE] = header.code;
  putBe16(bytes, at + SESSION_ID, header.sessionId);
  putBe16(bytes, at + LENGTH, header.length);
  return at + HEADER_LENGTH;
}
