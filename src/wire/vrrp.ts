import { be16 } from '../bytes/endian.ts';

/** VRRP: version 2 (RFC 3768 5.1) and 3 (RFC 5798 5.1).
 *
 *     0           1      2          3       4                            6
 *    | ver, type | VRID | priority | count | auth type, interval (v2)   | checksum | addresses … | auth data (v2)
 *                                          | reserved 4, interval 12 (v3)|
 */
const VERSION_TYPE = 0;
const VRID = 1;
const PRIORITY = 2;
const COUNT = 3;
const AUTH_TYPE = 4;
const INTERVAL = 5;
const CHECKSUM = 6;
export const HEADER_LENGTH = 8;
export const TYPE_ADVERTISEMENT = 1;
export const AUTH_SIMPLE = 1;
export const AUTH_DATA_LENGTH = 8;
/** A router must see the packet with this time to live. */
export const TTL = 255;

/** The caller has checked that eight bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_TYPE]! >>> 4;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_TYPE]! & 15;
export const routerId = (bytes: Uint8Array, at: number): number => bytes[at + VRID]!;
export const priority = (bytes: Uint8Array, at: number): number => bytes[at + PRIORITY]!;
/** Number of addresses. */
export const count = (bytes: Uint8Array, at: number): number => bytes[at + COUNT]!;
export const authType = (bytes: Uint8Array, at: number): number => bytes[at + AUTH_TYPE]!;
/** Version 2: in seconds. */
export const interval = (bytes: Uint8Array, at: number): number => bytes[at + INTERVAL]!;
/** Version 3: in hundredths of a second. */
export const shortInterval = (bytes: Uint8Array, at: number): number => be16(bytes, at + AUTH_TYPE) & 0x0fff;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
