import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

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

export interface VrrpHeader {
  version: number;
  type: number;
  routerId: number;
  priority: number;
  /** Version 2: seconds; version 3: hundredths of a second, below 4096. */
  interval: number;
  /** Version 2. */
  authType: number;
  /** Four bytes each over IPv4, 16 over IPv6. */
  addresses: Uint8Array[];
}

/** The packet from `at` up to `end`, whose addresses have `size` bytes each. */
export function parse(bytes: Uint8Array, at: number, end: number, size: 4 | 16 = 4): VrrpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('vrrp', at, HEADER_LENGTH, end - at);
  const isVersion2 = version(bytes, at) === 2;
  if (!isVersion2 && version(bytes, at) !== 3) return invalid('vrrp', at, 3, version(bytes, at), 'vrrp.version');
  const length = HEADER_LENGTH + count(bytes, at) * size;
  if (end - at < length) return truncated('vrrp', at, length, end - at);
  return {
    version: version(bytes, at),
    type: type(bytes, at),
    routerId: routerId(bytes, at),
    priority: priority(bytes, at),
    interval: isVersion2 ? interval(bytes, at) : shortInterval(bytes, at),
    authType: isVersion2 ? authType(bytes, at) : 0,
    addresses: Array.from({ length: count(bytes, at) }, (_, i) => copyOf(bytes, at + HEADER_LENGTH + i * size, size)),
  };
}

/** Writes the packet at `at`; gives the offset behind it. The checksum is computed, in version 3 with `pseudo` (see
 * `pseudo.ts`) as RFC 5798 5.2.8 wants it, unless it is given. Authentication data (version 2) is not written. */
export function emit(bytes: Uint8Array, at: number, header: VrrpHeader, pseudo = 0, given?: number): number {
  bytes[at + VERSION_TYPE] = ((header.version & 15) << 4) | (header.type & 15);
  bytes[at + VRID] = header.routerId;
  bytes[at + PRIORITY] = header.priority;
  bytes[at + COUNT] = header.addresses.length;
  if (header.version === 2) {
    bytes[at + AUTH_TYPE] = header.authType;
    bytes[at + INTERVAL] = header.interval;
  } else putBe16(bytes, at + AUTH_TYPE, header.interval & 0x0fff);
  putBe16(bytes, at + CHECKSUM, given ?? 0);
  let to = at + HEADER_LENGTH;
  for (const address of header.addresses) {
    bytes.set(address, to);
    to += address.length;
  }
  if (given === undefined) {
    const initial = header.version === 2 ? 0 : pseudo + (to - at);
    putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, to, initial));
  }
  return to;
}
