import { be16, be32 } from '../bytes/endian.ts';

/** RIP: version 1 (RFC 1058), 2 (RFC 2453), and RIPng (RFC 2080).
 *
 *     0         1         2
 *    | command | version | zero | entries of 20 bytes:
 *    | address family | route tag | address | mask | next hop | metric |     RIP
 *    | prefix (16) | route tag | prefix length | metric |                    RIPng
 */
export const HEADER_LENGTH = 4;
export const ENTRY_LENGTH = 20;
export const UDP_PORT = 520;
export const UDP_PORT_NG = 521;
const COMMAND = 0;
const VERSION = 1;
const FAMILY = 0;
const TAG = 2;
const ADDRESS = 4;
const MASK = 8;
const NEXT_HOP = 12;
const METRIC = 16;
const NG_TAG = 16;
const NG_LENGTH = 18;
const NG_METRIC = 19;

export const REQUEST = 1;
export const RESPONSE = 2;
export const FAMILY_IPV4 = 2;
/** The entry is authentication (RFC 2453 4.1). */
export const FAMILY_AUTH = 0xffff;
/** Types of authentication, in the place of the tag; the digest and its trailer by RFC 4822. */
export const AUTH_TRAILER = 1;
export const AUTH_SIMPLE = 2;
export const AUTH_DIGEST = 3;

export const command = (bytes: Uint8Array, at: number): number => bytes[at + COMMAND]!;
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION]!;
/** Of the entry at `at`, of which 20 bytes are there. */
export const family = (bytes: Uint8Array, at: number): number => be16(bytes, at + FAMILY);
export const tag = (bytes: Uint8Array, at: number): number => be16(bytes, at + TAG);
export const addressAt = (at: number): number => at + ADDRESS;
export const maskAt = (at: number): number => at + MASK;
export const nextHopAt = (at: number): number => at + NEXT_HOP;
export const metric = (bytes: Uint8Array, at: number): number => be32(bytes, at + METRIC);
/** Of the RIPng entry at `at`. */
export const ngTag = (bytes: Uint8Array, at: number): number => be16(bytes, at + NG_TAG);
export const ngLength = (bytes: Uint8Array, at: number): number => bytes[at + NG_LENGTH]!;
export const ngMetric = (bytes: Uint8Array, at: number): number => bytes[at + NG_METRIC]!;
