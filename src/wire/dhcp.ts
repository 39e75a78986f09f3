import { be16, be32 } from '../bytes/endian.ts';

/** BOOTP and DHCP, RFC 951, RFC 2131.
 *
 *     0      1       2      3
 *    | op   | htype | hlen | hops |
 *    | xid                        |
 *    | secs         | flags       |
 *    | ciaddr | yiaddr | siaddr | giaddr (4 each)
 *    | chaddr (16) | sname (64) | file (128) | options: magic cookie, then code, length, data
 */
const OP = 0;
const HTYPE = 1;
const HLEN = 2;
const HOPS = 3;
const XID = 4;
const SECS = 8;
const FLAGS = 10;
export const CIADDR = 12;
export const YIADDR = 16;
export const SIADDR = 20;
export const GIADDR = 24;
export const CHADDR = 28;
export const SNAME = 44;
export const FILE = 108;
export const OPTIONS = 236;
export const CHADDR_LENGTH = 16;
export const SNAME_LENGTH = 64;
export const FILE_LENGTH = 128;

export const OP_REQUEST = 1;
export const OP_REPLY = 2;
export const HTYPE_ETHERNET = 1;
export const FLAG_BROADCAST = 0x8000;
/** RFC 2132 2: what the options begin with. */
export const COOKIE = 0x63825363;
export const COOKIE_LENGTH = 4;

export const OPTION_PAD = 0;
export const OPTION_SUBNET_MASK = 1;
export const OPTION_OVERLOAD = 52;
export const OPTION_MESSAGE_TYPE = 53;
export const OPTION_PARAMETER_REQUEST = 55;
export const OPTION_CLIENT_ID = 61;
export const OPTION_USER_CLASS = 77;
export const OPTION_FQDN = 81;
export const OPTION_AGENT = 82;
export const OPTION_NETWORK_ID = 94;
export const OPTION_DOMAIN_SEARCH = 119;
export const OPTION_CLASSLESS_ROUTE = 121;
export const OPTION_VENDOR_CLASSES = 124;
export const OPTION_CLASSLESS_ROUTE_MS = 249;
export const OPTION_END = 255;

export const op = (bytes: Uint8Array, at: number): number => bytes[at + OP]!;
export const htype = (bytes: Uint8Array, at: number): number => bytes[at + HTYPE]!;
export const hlen = (bytes: Uint8Array, at: number): number => bytes[at + HLEN]!;
export const hops = (bytes: Uint8Array, at: number): number => bytes[at + HOPS]!;
export const xid = (bytes: Uint8Array, at: number): number => be32(bytes, at + XID);
export const secs = (bytes: Uint8Array, at: number): number => be16(bytes, at + SECS);
export const flags = (bytes: Uint8Array, at: number): number => be16(bytes, at + FLAGS);

/** Places of those fields, for who shows where they are. */
export const AT = { OP, HTYPE, HLEN, HOPS, XID, SECS, FLAGS } as const;

/** True where the options' cookie stands at its place before `end`. */
export const hasCookie = (bytes: Uint8Array, at: number, end: number): boolean =>
  at + OPTIONS + COOKIE_LENGTH <= end && be32(bytes, at + OPTIONS) === COOKIE;
