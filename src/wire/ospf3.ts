import { be16, be24, be32 } from '../bytes/endian.ts';

/** OSPF version 3, RFC 5340 A.3 and A.4. All fields are big-endian.
 *
 *     0         1      2        4           8         12         14         15
 *    | version | type | length | router ID | area ID | checksum | instance | 0 |
 *
 *    Link state advertisement:
 *     0     2      4               8                    12         16         18
 *    | age | type | link state ID | advertising router | sequence | checksum | length |
 *
 *    Prefix:
 *     0        1         2                            4
 *    | length | options | metric or referenced type  | address, whole words of it |
 */
export const HEADER_LENGTH = 16;
export const instance = (bytes: Uint8Array, at: number): number => bytes[at + 14]!;

/** Of a hello, from the header's end: interface, priority, options, intervals, routers; neighbours follow. */
export const HELLO_LENGTH = 20;
/** Of a database description: options, MTU, flags, sequence. */
export const DESCRIPTION_LENGTH = 12;
export const REQUEST_LENGTH = 12;
export const LSA_HEADER_LENGTH = 20;
/** Of a router LSA: a link. */
export const LINK_LENGTH = 16;
export const PREFIX_HEADER_LENGTH = 4;

/** Function codes. */
export const LSA_ROUTER = 1;
export const LSA_NETWORK = 2;
export const LSA_INTER_AREA_PREFIX = 3;
export const LSA_INTER_AREA_ROUTER = 4;
export const LSA_EXTERNAL = 5;
export const LSA_NSSA = 7;
export const LSA_LINK = 8;
export const LSA_INTRA_AREA_PREFIX = 9;
export const LSA_GRACE = 11;

export const EXTERNAL_TAG = 0x01;
export const EXTERNAL_FORWARDING = 0x02;
export const EXTERNAL_TYPE_2 = 0x04;

/** The caller has checked that the LSA's header is there, as for all below. */
export const lsaAge = (bytes: Uint8Array, at: number): number => be16(bytes, at);
export const lsaType = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2);
export const lsaIdAt = (at: number): number => at + 4;
export const lsaRouterAt = (at: number): number => at + 8;
export const lsaSequence = (bytes: Uint8Array, at: number): number => be32(bytes, at + 12);
export const lsaChecksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + 16);
/** With its header. */
export const lsaLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + 18);

/** Handling of an unknown type (1 bit), scope (2) and function (13) of a type of LSA. */
export const isTransitive = (type: number): boolean => type >= 0x8000;
export const scope = (type: number): number => (type >>> 13) & 3;
export const functionOf = (type: number): number => type & 0x1fff;

/** Options of 24 bits. */
export const options = (bytes: Uint8Array, at: number): number => be24(bytes, at);
/** Bytes of the address of a prefix of so many bits. */
export const prefixBytes = (bits: number): number => ((bits + 31) >>> 5) * 4;
