import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** IPv4 header, RFC 791 3.1; differentiated services RFC 2474, ECN RFC 3168.
 *
 *     0       4       8              16      19              31
 *    |version|  IHL  | DSCP     |ECN|  total length            |
 *    |  identification              |flags |  fragment offset  |
 *    |  time to live |  protocol    |  header checksum         |
 *    |  source address                                         |
 *    |  destination address                                    |
 *    |  options, padded to a multiple of four bytes            |
 */
const VERSION_IHL = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const ID = 4;
const FLAGS_FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SRC = 12;
const DST = 16;
const OPTIONS = 20;
/** Length of a header without options. */
export const HEADER_LENGTH = 20;
export const MAX_HEADER_LENGTH = 60;

export const FLAG_RESERVED = 0x8000;
export const FLAG_DONT_FRAGMENT = 0x4000;
export const FLAG_MORE_FRAGMENTS = 0x2000;
const FRAGMENT_OFFSET_MASK = 0x1fff;

/** The caller has checked that 20 bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_IHL]! >>> 4;
/** Header length in bytes as the IHL field says, 0 to 60. */
export const headerLength = (bytes: Uint8Array, at: number): number => (bytes[at + VERSION_IHL]! & 15) << 2;
export const tos = (bytes: Uint8Array, at: number): number => bytes[at + TOS]!;
export const totalLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + TOTAL_LENGTH);
export const id = (bytes: Uint8Array, at: number): number => be16(bytes, at + ID);
/** Flags and fragment offset as they stand in the header. */
export const flagsFragment = (bytes: Uint8Array, at: number): number => be16(bytes, at + FLAGS_FRAGMENT);
/** Fragment offset in bytes. */
export const fragmentOffset = (bytes: Uint8Array, at: number): number =>
  (be16(bytes, at + FLAGS_FRAGMENT) & FRAGMENT_OFFSET_MASK) * 8;
export const dontFragment = (bytes: Uint8Array, at: number): boolean =>
  (flagsFragment(bytes, at) & FLAG_DONT_FRAGMENT) !== 0;
export const moreFragments = (bytes: Uint8Array, at: number): boolean =>
  (flagsFragment(bytes, at) & FLAG_MORE_FRAGMENTS) !== 0;
export const ttl = (bytes: Uint8Array, at: number): number => bytes[at + TTL]!;
export const protocol = (bytes: Uint8Array, at: number): number => bytes[at + PROTOCOL]!;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
/** Addresses as unsigned 32-bit numbers. */
export const src = (bytes: Uint8Array, at: number): number => be32(bytes, at + SRC);
export const dst = (bytes: Uint8Array, at: number): number => be32(bytes, at + DST);
/** Offsets of the addresses and of the options. */
export const srcAt = (at: number): number => at + SRC;
export const dstAt = (at: number): number => at + DST;
export const optionsAt = (at: number): number => at + OPTIONS;
/** What is left of the header's checksum over its `length` bytes: 0 when it is right. */
export const verify = (bytes: Uint8Array, at: number, length: number): number =>
  internetChecksum(bytes, at, at + length);

/** Option types (IANA: IP option numbers). All but the first two have a length in their second byte. */
export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_RECORD_ROUTE = 7;
export const OPTION_TIMESTAMP = 68;
export const OPTION_TRACEROUTE = 82;
export const OPTION_SECURITY = 130;
export const OPTION_LOOSE_ROUTE = 131;
export const OPTION_STREAM_ID = 136;
export const OPTION_STRICT_ROUTE = 137;
export const OPTION_ROUTER_ALERT = 148;

export interface Ipv4Option {
  type: number;
  /** The bytes behind type and length; empty for END and NOP. */
  data: Uint8Array;
}

export interface Ipv4Header {
  tos: number;
  totalLength: number;
  id: number;
  reservedFlag: boolean;
  dontFragment: boolean;
  moreFragments: boolean;
  /** In bytes, a multiple of eight. */
  fragmentOffset: number;
  ttl: number;
  protocol: number;
  checksum: number;
  /** Four bytes each. */
  src: Uint8Array;
  dst: Uint8Array;
  options: Ipv4Option[];
}

export function parse(bytes: Uint8Array, at: number, end: number): Ipv4Header | Stop {
  if (end - at < HEADER_LENGTH) return truncated('ip', at, HEADER_LENGTH, end - at);
  if (version(bytes, at) !== 4) return invalid('ip', at, 4, version(bytes, at), 'ip.version');
  const length = headerLength(bytes, at);
  if (length < HEADER_LENGTH) return invalid('ip', at, HEADER_LENGTH, length, 'ip.hdr_len');
  if (end - at < length) return truncated('ip', at, length, end - at);
  if (totalLength(bytes, at) < length)
    return invalid('ip', at + TOTAL_LENGTH, length, totalLength(bytes, at), 'ip.len');
  const options = parseOptions(bytes, at + OPTIONS, at + length);
  if (!Array.isArray(options)) return options;
  return {
    tos: tos(bytes, at),
    totalLength: totalLength(bytes, at),
    id: id(bytes, at),
    reservedFlag: (flagsFragment(bytes, at) & FLAG_RESERVED) !== 0,
    dontFragment: dontFragment(bytes, at),
    moreFragments: moreFragments(bytes, at),
    fragmentOffset: fragmentOffset(bytes, at),
    ttl: ttl(bytes, at),
    protocol: protocol(bytes, at),
    checksum: checksum(bytes, at),
    src: copyOf(bytes, at + SRC, 4),
    dst: copyOf(bytes, at + DST, 4),
    options,
  };
}

/** The options from `at` up to `end`; END ends them. */
export function parseOptions(bytes: Uint8Array, at: number, end: number): Ipv4Option[] | Stop {
  const options: Ipv4Option[] = [];
  while (at < end) {
    const type = bytes[at]!;
    const length = type <= OPTION_NOP ? 1 : at + 1 < end ? bytes[at + 1]! : 0;
    if (length < (type <= OPTION_NOP ? 1 : 2) || at + length > end)
      return invalid('ip', at, Math.max(length, 2), end - at, 'ip.opt.len');
    options.push({ type, data: copyOf(bytes, at + 2, Math.max(length - 2, 0)) });
    if (type === OPTION_END) break;
    at += length;
  }
  return options;
}

/** What `emit` takes. Lengths and checksum are computed unless given; given ones are written as they are. */
export interface Ipv4Emit {
  version?: number;
  /** In bytes. */
  headerLength?: number;
  tos?: number;
  totalLength?: number;
  id?: number;
  reservedFlag?: boolean;
  dontFragment?: boolean;
  moreFragments?: boolean;
  /** In bytes, a multiple of eight. */
  fragmentOffset?: number;
  /** 64 unless given. */
  ttl?: number;
  protocol: number;
  checksum?: number;
  src: Uint8Array;
  dst: Uint8Array;
  options?: readonly Ipv4Option[];
}

/** Bytes that the header takes with these options, padding included. */
export function emittedLength(options: readonly Ipv4Option[] = []): number {
  let length = HEADER_LENGTH;
  for (const option of options) length += option.type <= OPTION_NOP ? 1 : 2 + option.data.length;
  return (length + 3) & ~3;
}

/** Writes the header at `at` in front of a payload that ends at `end`. Gives the offset of the payload, which begins at
 * `at + emittedLength(options)`. */
export function emit(bytes: Uint8Array, at: number, end: number, header: Ipv4Emit): number {
  const length = emittedLength(header.options);
  bytes[at + VERSION_IHL] = ((header.version ?? 4) << 4) | ((header.headerLength ?? length) >> 2);
  bytes[at + TOS] = header.tos ?? 0;
  putBe16(bytes, at + TOTAL_LENGTH, header.totalLength ?? end - at);
  putBe16(bytes, at + ID, header.id ?? 0);
  const flags =
    (header.reservedFlag ? FLAG_RESERVED : 0) |
    (header.dontFragment ? FLAG_DONT_FRAGMENT : 0) |
    (header.moreFragments ? FLAG_MORE_FRAGMENTS : 0);
  putBe16(bytes, at + FLAGS_FRAGMENT, flags | ((header.fragmentOffset ?? 0) >> 3));
  bytes[at + TTL] = header.ttl ?? 64;
  bytes[at + PROTOCOL] = header.protocol;
  bytes.set(header.src, at + SRC);
  bytes.set(header.dst, at + DST);
  let to = at + OPTIONS;
  for (const option of header.options ?? []) {
    bytes[to++] = option.type;
    if (option.type <= OPTION_NOP) continue;
    bytes[to++] = option.data.length + 2;
    bytes.set(option.data, to);
    to += option.data.length;
  }
  bytes.fill(OPTION_END, to, at + length);
  putBe16(bytes, at + CHECKSUM, header.checksum ?? 0);
  if (header.checksum === undefined) putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, at + length));
  return at + length;
}
