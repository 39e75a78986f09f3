import { be16, be32 } from '../bytes/endian.ts';

/** OSPF version 2, RFC 2328 A.3 and A.4.
 *
 *     0         1      2        4           8         12         14          16
 *    | version | type | length | router ID | area ID | checksum | auth type | authentication (8) |
 *
 *    Link state advertisement:
 *     0     2         3      4                5 (4)                8                    12         16         18
 *    | age | options | type | link state ID (4)                 | advertising router | sequence | checksum | length |
 */
export const HEADER_LENGTH = 24;
const VERSION = 0;
const TYPE = 1;
const LENGTH = 2;
const ROUTER_ID = 4;
const AREA_ID = 8;
const CHECKSUM = 12;
const AUTH_TYPE = 14;
const AUTH_DATA = 16;

export const TYPE_HELLO = 1;
export const TYPE_DESCRIPTION = 2;
export const TYPE_REQUEST = 3;
export const TYPE_UPDATE = 4;
export const TYPE_ACKNOWLEDGE = 5;
export const AUTH_SIMPLE = 1;
export const AUTH_CRYPTO = 2;

/** Of a hello, from the header's end: mask, interval, options, priority, dead interval, routers, neighbours. */
export const HELLO_LENGTH = 20;
/** Of a database description: MTU, options, flags, sequence. */
export const DESCRIPTION_LENGTH = 8;
export const REQUEST_LENGTH = 12;
export const LSA_HEADER_LENGTH = 20;
const LSA_OPTIONS = 2;
const LSA_TYPE = 3;
const LSA_ID = 4;
const LSA_ROUTER = 8;
const LSA_SEQUENCE = 12;
const LSA_CHECKSUM = 16;
const LSA_LENGTH = 18;

export const LSA_ROUTER_LINKS = 1;
export const LSA_NETWORK = 2;
export const LSA_SUMMARY = 3;
export const LSA_SUMMARY_ASBR = 4;
export const LSA_EXTERNAL = 5;
export const LSA_NSSA = 7;
/** RFC 5250: opaque, of the link, the area and the autonomous system. */
export const LSA_OPAQUE_LINK = 9;
export const LSA_OPAQUE_AS = 11;
export const isOpaque = (type: number): boolean => type >= LSA_OPAQUE_LINK && type <= LSA_OPAQUE_AS;
/** Types of opaque LSAs: the first byte of their link state ID. */
export const OPAQUE_TRAFFIC_ENGINEERING = 1;
export const OPAQUE_GRACE = 3;
export const OPAQUE_ROUTER_INFORMATION = 4;
/** Of the options: a block for link-local signaling follows the packet (RFC 5613 2.1). */
export const OPTION_LLS = 0x10;
/** Bytes of a link of a router LSA, without further metrics. */
export const LINK_LENGTH = 12;

/** The caller has checked that the header is there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION]!;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
export const routerIdAt = (at: number): number => at + ROUTER_ID;
export const areaIdAt = (at: number): number => at + AREA_ID;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const authType = (bytes: Uint8Array, at: number): number => be16(bytes, at + AUTH_TYPE);
export const authDataAt = (at: number): number => at + AUTH_DATA;

export const lsaAge = (bytes: Uint8Array, at: number): number => be16(bytes, at);
export const lsaOptions = (bytes: Uint8Array, at: number): number => bytes[at + LSA_OPTIONS]!;
export const lsaType = (bytes: Uint8Array, at: number): number => bytes[at + LSA_TYPE]!;
export const lsaIdAt = (at: number): number => at + LSA_ID;
export const lsaRouterAt = (at: number): number => at + LSA_ROUTER;
export const lsaSequence = (bytes: Uint8Array, at: number): number => be32(bytes, at + LSA_SEQUENCE);
export const lsaChecksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + LSA_CHECKSUM);
/** With its header. */
export const lsaLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + LSA_LENGTH);
