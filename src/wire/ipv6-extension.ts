import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HIP,
  IPPROTO_HOPOPTS,
  IPPROTO_MOBILITY,
  IPPROTO_ROUTING,
  IPPROTO_SHIM6,
} from './ipproto.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** IPv6 extension headers, RFC 8200 4. All begin alike; the fragment header has a fixed length, and AH (RFC 4302 2.2)
 * counts its own in words of four bytes less two.
 *
 *     0              8              16
 *    | next header  |  length      |  …       length: units of 8 bytes, not counting the first 8
 *
 * Fragment header, RFC 8200 4.5:
 *
 *     0              8              16                         29    31
 *    | next header  |  reserved    |  offset (units of 8 bytes) |res|M|
 *    |  identification                                                |
 */
const NEXT_HEADER = 0;
const LENGTH = 1;
const OPTIONS = 2;
const ROUTING_TYPE = 2;
const SEGMENTS_LEFT = 3;
const ROUTING_DATA = 4;
const FRAGMENT_OFFSET = 2;
const FRAGMENT_ID = 4;
/** Shortest extension header, and the whole of a fragment header. */
export const MIN_LENGTH = 8;

export const OPTION_PAD1 = 0;
export const OPTION_PADN = 1;
/** RFC 2473 4.1.1. */
export const OPTION_TUNNEL_LIMIT = 4;
export const OPTION_ROUTER_ALERT = 5;
export const OPTION_JUMBO = 0xc2;
export const OPTION_HOME_ADDRESS = 0xc9;

/** Routing types: RFC 2460 4.4, RFC 6275 6.4, RFC 6554 3, RFC 8754 2. */
export const ROUTING_SOURCE = 0;
export const ROUTING_HOME = 2;
export const ROUTING_RPL = 3;
export const ROUTING_SEGMENTS = 4;

/** True for the headers that another header follows, by the registry of IPv6 extension header types (ESP, which hides
 * what follows, is not among them). */
export const isExtension = (protocol: number): boolean =>
  protocol === IPPROTO_HOPOPTS ||
  protocol === IPPROTO_ROUTING ||
  protocol === IPPROTO_FRAGMENT ||
  protocol === IPPROTO_AH ||
  protocol === IPPROTO_DSTOPTS ||
  protocol === IPPROTO_MOBILITY ||
  protocol === IPPROTO_HIP ||
  protocol === IPPROTO_SHIM6;

/** The caller has checked that 8 bytes are there, as for all below. */
export const nextHeader = (bytes: Uint8Array, at: number): number => bytes[at + NEXT_HEADER]!;
/** Length in bytes of the extension header of type `protocol` at `at`. */
export const length = (bytes: Uint8Array, at: number, protocol: number): number =>
  protocol === IPPROTO_FRAGMENT
    ? MIN_LENGTH
    : protocol === IPPROTO_AH
      ? (bytes[at + LENGTH]! + 2) * 4
      : (bytes[at + LENGTH]! + 1) * 8;
export const routingType = (bytes: Uint8Array, at: number): number => bytes[at + ROUTING_TYPE]!;
export const segmentsLeft = (bytes: Uint8Array, at: number): number => bytes[at + SEGMENTS_LEFT]!;
/** Fragment offset in bytes. */
export const fragmentOffset = (bytes: Uint8Array, at: number): number => be16(bytes, at + FRAGMENT_OFFSET) & 0xfff8;
export const moreFragments = (bytes: Uint8Array, at: number): boolean => (be16(bytes, at + FRAGMENT_OFFSET) & 1) !== 0;
export const fragmentId = (bytes: Uint8Array, at: number): number => be32(bytes, at + FRAGMENT_ID);

export interface Ipv6Option {
  type: number;
  data: Uint8Array;
}

export type Ipv6Extension =
  | { kind: 'hopByHop' | 'destination'; nextHeader: number; options: Ipv6Option[] }
  | { kind: 'routing'; nextHeader: number; routingType: number; segmentsLeft: number; data: Uint8Array }
  | { kind: 'fragment'; nextHeader: number; fragmentOffset: number; moreFragments: boolean; id: number }
  | { kind: 'other'; protocol: number; nextHeader: number; data: Uint8Array };

/** Parses the extension header of type `protocol` at `at`. */
export function parse(bytes: Uint8Array, at: number, end: number, protocol: number): Ipv6Extension | Stop {
  if (end - at < MIN_LENGTH) return truncated('ipv6', at, MIN_LENGTH, end - at);
  const total = length(bytes, at, protocol);
  if (end - at < total) return truncated('ipv6', at, total, end - at);
  const next = nextHeader(bytes, at);
  if (protocol === IPPROTO_FRAGMENT)
    return {
      kind: 'fragment',
      nextHeader: next,
      fragmentOffset: fragmentOffset(bytes, at),
      moreFragments: moreFragments(bytes, at),
      id: fragmentId(bytes, at),
    };
  if (protocol === IPPROTO_ROUTING)
    return {
      kind: 'routing',
      nextHeader: next,
      routingType: routingType(bytes, at),
      segmentsLeft: segmentsLeft(bytes, at),
      data: copyOf(bytes, at + ROUTING_DATA, total - ROUTING_DATA),
    };
  if (protocol === IPPROTO_HOPOPTS || protocol === IPPROTO_DSTOPTS) {
    const options = parseOptions(bytes, at + OPTIONS, at + total);
    if (!Array.isArray(options)) return options;
    return { kind: protocol === IPPROTO_HOPOPTS ? 'hopByHop' : 'destination', nextHeader: next, options };
  }
  return { kind: 'other', protocol, nextHeader: next, data: copyOf(bytes, at + OPTIONS, total - OPTIONS) };
}

/** The options from `at` up to `end`, padding included. */
export function parseOptions(bytes: Uint8Array, at: number, end: number): Ipv6Option[] | Stop {
  const options: Ipv6Option[] = [];
  while (at < end) {
    const type = bytes[at]!;
    if (type === OPTION_PAD1) {
      options.push({ type, data: new Uint8Array(0) });
      at++;
      continue;
    }
    const size = at + 1 < end ? bytes[at + 1]! + 2 : 2;
    if (at + size > end) return invalid('ipv6', at, size, end - at, 'ipv6.opt.length');
    options.push({ type, data: copyOf(bytes, at + 2, size - 2) });
    at += size;
  }
  return options;
}

/** Bytes that the header takes, a multiple of eight but for AH. */
export function emittedLength(header: Ipv6Extension): number {
  if (header.kind === 'fragment') return MIN_LENGTH;
  if (header.kind === 'routing') return (ROUTING_DATA + header.data.length + 7) & ~7;
  if (header.kind === 'other')
    return header.protocol === IPPROTO_AH ? OPTIONS + header.data.length : (OPTIONS + header.data.length + 7) & ~7;
  let size = OPTIONS;
  for (const option of header.options) size += option.type === OPTION_PAD1 ? 1 : 2 + option.data.length;
  return (size + 7) & ~7;
}

/** Writes the header at `at`, padded to its length (options with PadN); gives the offset behind it. `lengthField`, where
 * given, is written instead of the right one. */
export function emit(bytes: Uint8Array, at: number, header: Ipv6Extension, lengthField?: number): number {
  const total = emittedLength(header);
  const end = at + total;
  bytes[at + NEXT_HEADER] = header.nextHeader;
  if (header.kind === 'fragment') {
    bytes[at + LENGTH] = lengthField ?? 0;
    putBe16(bytes, at + FRAGMENT_OFFSET, header.fragmentOffset | (header.moreFragments ? 1 : 0));
    putBe32(bytes, at + FRAGMENT_ID, header.id);
    return end;
  }
  const isAh = header.kind === 'other' && header.protocol === IPPROTO_AH;
  bytes[at + LENGTH] = lengthField ?? (isAh ? total / 4 - 2 : total / 8 - 1);
  if (header.kind === 'routing') {
    bytes[at + ROUTING_TYPE] = header.routingType;
    bytes[at + SEGMENTS_LEFT] = header.segmentsLeft;
    bytes.set(header.data, at + ROUTING_DATA);
    bytes.fill(0, at + ROUTING_DATA + header.data.length, end);
    return end;
  }
  if (header.kind === 'other') {
    bytes.set(header.data, at + OPTIONS);
    bytes.fill(0, at + OPTIONS + header.data.length, end);
    return end;
  }
  let to = at + OPTIONS;
  for (const option of header.options) {
    bytes[to++] = option.type;
    if (option.type === OPTION_PAD1) continue;
    bytes[to++] = option.data.length;
    bytes.set(option.data, to);
    to += option.data.length;
  }
  const padding = end - to;
  if (padding === 1) bytes[to] = OPTION_PAD1;
  else if (padding > 1) {
    bytes[to] = OPTION_PADN;
    bytes[to + 1] = padding - 2;
    bytes.fill(0, to + 2, end);
  }
  return end;
}
