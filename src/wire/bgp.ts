import { be16 } from '../bytes/endian.ts';

/** BGP-4, RFC 4271 4: a marker of ones, length, type.
 *
 *     0             16       18     19
 *    | marker (16) | length | type | message …
 */
export const MARKER_LENGTH = 16;
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
export const ATOMIC_AGGREGATE = 6;
export const AGGREGATOR = 7;
/** RFC 1997. */
export const COMMUNITIES = 8;
/** RFC 4456. */
export const ORIGINATOR_ID = 9;
export const CLUSTER_LIST = 10;
/** RFC 4760. */
export const MP_REACH = 14;
export const MP_UNREACH = 15;
/** RFC 4360. */
export const EXTENDED_COMMUNITIES = 16;
/** RFC 6793. */
export const AS4_PATH = 17;
export const AS4_AGGREGATOR = 18;
/** RFC 6514. */
export const PMSI_TUNNEL = 22;
/** RFC 7311. */
export const AIGP = 26;
/** RFC 8092. */
export const LARGE_COMMUNITIES = 32;
/** RFC 6368. */
export const ATTRIBUTE_SET = 128;

/** Optional parameters of an open message (RFC 5492), and capabilities. */
export const PARAMETER_CAPABILITIES = 2;
export const CAPABILITY_MULTIPROTOCOL = 1;
export const CAPABILITY_REFRESH = 2;
/** RFC 8950. */
export const CAPABILITY_EXTENDED_NEXT_HOP = 5;
export const CAPABILITY_GRACEFUL_RESTART = 64;
export const CAPABILITY_AS4 = 65;
export const CAPABILITY_ADD_PATH = 69;
export const CAPABILITY_LONG_LIVED = 71;
/** draft-walton-bgp-hostname-capability. */
export const CAPABILITY_FQDN = 73;
export const CAPABILITY_REFRESH_CISCO = 128;

/** The caller has checked that 19 bytes are there, as for all below. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;

/** True where a message begins at `at`. */
export const hasMarker = (bytes: Uint8Array, at: number, end: number): boolean =>
  end - at >= HEADER_LENGTH && mayBegin(bytes, at, end);

/** True where nothing that was captured from `at` on contradicts that a message begins there. */
export function mayBegin(bytes: Uint8Array, at: number, end: number): boolean {
  const stop = Math.min(end, at + MARKER_LENGTH);
  for (let i = at; i < stop; i++) if (bytes[i] !== 0xff) return false;
  return true;
}
