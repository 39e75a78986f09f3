import { be16, be32 } from '../bytes/endian.ts';

/** RTP header, RFC 3550 5.1. All fields are big-endian.
 *
 *     0 1  2   3    4 … 7   8         9 … 15         16 … 31
 *    | V | P | X | CC     | M | payload type | sequence number |
 *    | timestamp                                               |
 *    | SSRC                                                    |
 *    | CSRC … (CC of them)                                     |
 *    | profile | length of the extension, if X | extension …   |
 */
const FLAGS = 0,
  TYPE = 1,
  SEQUENCE = 2,
  TIMESTAMP = 4,
  SSRC = 8;
export const HEADER_LENGTH = 12;
export const EXTENSION_HEADER_LENGTH = 4;
export const VERSION = 2;
/** RFC 8285 4.2: profile of extensions whose elements have a header of one byte; of two: 0x100 and four free bits. */
export const ONE_BYTE_PROFILE = 0xbede;
export const TWO_BYTE_PROFILE = 0x1000;

/** The caller has checked that 12 bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]! >>> 6;
export const hasPadding = (bytes: Uint8Array, at: number): boolean => (bytes[at + FLAGS]! & 0x20) !== 0;
export const hasExtension = (bytes: Uint8Array, at: number): boolean => (bytes[at + FLAGS]! & 0x10) !== 0;
export const sources = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]! & 15;
export const marker = (bytes: Uint8Array, at: number): boolean => (bytes[at + TYPE]! & 0x80) !== 0;
export const payloadType = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]! & 0x7f;
export const sequence = (bytes: Uint8Array, at: number): number => be16(bytes, at + SEQUENCE);
export const timestamp = (bytes: Uint8Array, at: number): number => be32(bytes, at + TIMESTAMP);
export const ssrc = (bytes: Uint8Array, at: number): number => be32(bytes, at + SSRC);
/** Of the extension at `at`, whose header's four bytes are there: its profile, and bytes behind that header. */
export const extensionProfile = (bytes: Uint8Array, at: number): number => be16(bytes, at);
export const extensionLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2) * 4;
