import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import * as icmp6 from './icmp6.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** Neighbour discovery, RFC 4861 4: five ICMPv6 messages, each with options behind a fixed part. The options have a type,
 * and a length in units of eight bytes.
 *
 *    router solicitation      4: reserved                                                          8: options
 *    router advertisement     4: hop limit  5: flags  6: lifetime  8: reachable  12: retransmit   16: options
 *    neighbour solicitation   4: reserved   8: target                                             24: options
 *    neighbour advertisement  4: flags      8: target                                             24: options
 *    redirect                 4: reserved   8: target  24: destination                            40: options
 */
const HOP_LIMIT = 4;
const ROUTER_FLAGS = 5;
const ROUTER_LIFETIME = 6;
const REACHABLE_TIME = 8;
const RETRANSMIT_TIME = 12;
const NEIGHBOR_FLAGS = 4;
const TARGET = 8;
const DESTINATION = 24;
export const SOLICITATION_LENGTH = 8;
export const ADVERTISEMENT_LENGTH = 16;
export const NEIGHBOR_LENGTH = 24;
export const REDIRECT_LENGTH = 40;

export const FLAG_MANAGED = 0x80;
export const FLAG_OTHER = 0x40;
export const FLAG_HOME_AGENT = 0x20;
export const FLAG_ROUTER = 0x80000000;
export const FLAG_SOLICITED = 0x40000000;
export const FLAG_OVERRIDE = 0x20000000;

export const OPTION_SOURCE_LINK = 1;
export const OPTION_TARGET_LINK = 2;
export const OPTION_PREFIX = 3;
export const OPTION_REDIRECTED = 4;
export const OPTION_MTU = 5;
export const OPTION_ADVERTISEMENT_INTERVAL = 7;
export const OPTION_HOME_AGENT = 8;
/** RFC 4191 2.3. */
export const OPTION_ROUTE = 24;
/** RFC 8106 5. */
export const OPTION_RDNSS = 25;
export const OPTION_DNSSL = 31;

/** The caller has checked the length of the fixed part, as for all below. */
export const hopLimit = (bytes: Uint8Array, at: number): number => bytes[at + HOP_LIMIT]!;
export const routerFlags = (bytes: Uint8Array, at: number): number => bytes[at + ROUTER_FLAGS]!;
/** Seconds. */
export const routerLifetime = (bytes: Uint8Array, at: number): number => be16(bytes, at + ROUTER_LIFETIME);
/** Milliseconds, both. */
export const reachableTime = (bytes: Uint8Array, at: number): number => be32(bytes, at + REACHABLE_TIME);
export const retransmitTime = (bytes: Uint8Array, at: number): number => be32(bytes, at + RETRANSMIT_TIME);
export const neighborFlags = (bytes: Uint8Array, at: number): number => be32(bytes, at + NEIGHBOR_FLAGS);
export const targetAt = (at: number): number => at + TARGET;
export const destinationAt = (at: number): number => at + DESTINATION;

/** Length of the part before the options of a message of this type; 0 for other types. */
export function fixedLength(type: number): number {
  if (type === icmp6.ROUTER_SOLICITATION) return SOLICITATION_LENGTH;
  if (type === icmp6.ROUTER_ADVERTISEMENT) return ADVERTISEMENT_LENGTH;
  if (type === icmp6.NEIGHBOR_SOLICITATION || type === icmp6.NEIGHBOR_ADVERTISEMENT) return NEIGHBOR_LENGTH;
  return type === icmp6.REDIRECT ? REDIRECT_LENGTH : 0;
}

export interface NdpOption {
  type: number;
  /** Behind type and length: 6, 14, 22, … bytes. */
  data: Uint8Array;
}

export type NdpMessage =
  | { kind: 'routerSolicitation'; options: NdpOption[] }
  | {
      kind: 'routerAdvertisement';
      hopLimit: number;
      flags: number;
      routerLifetime: number;
      reachableTime: number;
      retransmitTime: number;
      options: NdpOption[];
    }
  | { kind: 'neighborSolicitation'; target: Uint8Array; options: NdpOption[] }
  | {
      kind: 'neighborAdvertisement';
      router: boolean;
      solicited: boolean;
      override: boolean;
      target: Uint8Array;
      options: NdpOption[];
    }
  | { kind: 'redirect'; target: Uint8Array; destination: Uint8Array; options: NdpOption[] };

export function parse(bytes: Uint8Array, at: number, end: number): NdpMessage | Stop {
  if (end - at < icmp6.HEADER_LENGTH) return truncated('icmpv6', at, icmp6.HEADER_LENGTH, end - at);
  const type = icmp6.type(bytes, at);
  const fixed = fixedLength(type);
  if (fixed === 0) return invalid('icmpv6', at, icmp6.ROUTER_SOLICITATION, type, 'icmpv6.type');
  if (end - at < fixed) return truncated('icmpv6', at, fixed, end - at);
  const options = parseOptions(bytes, at + fixed, end);
  if (!Array.isArray(options)) return options;
  if (type === icmp6.ROUTER_SOLICITATION) return { kind: 'routerSolicitation', options };
  if (type === icmp6.ROUTER_ADVERTISEMENT)
    return {
      kind: 'routerAdvertisement',
      hopLimit: hopLimit(bytes, at),
      flags: routerFlags(bytes, at),
      routerLifetime: routerLifetime(bytes, at),
      reachableTime: reachableTime(bytes, at),
      retransmitTime: retransmitTime(bytes, at),
      options,
    };
  const target = copyOf(bytes, at + TARGET, 16);
  if (type === icmp6.NEIGHBOR_SOLICITATION) return { kind: 'neighborSolicitation', target, options };
  if (type === icmp6.REDIRECT)
    return { kind: 'redirect', target, destination: copyOf(bytes, at + DESTINATION, 16), options };
  const flags = neighborFlags(bytes, at);
  return {
    kind: 'neighborAdvertisement',
    router: (flags & FLAG_ROUTER) !== 0,
    solicited: (flags & FLAG_SOLICITED) !== 0,
    override: (flags & FLAG_OVERRIDE) !== 0,
    target,
    options,
  };
}

/** The options from `at` up to `end`. RFC 4861 4.6: a length of 0 makes the message invalid. */
export function parseOptions(bytes: Uint8Array, at: number, end: number): NdpOption[] | Stop {
  const options: NdpOption[] = [];
  while (at < end) {
    const length = at + 1 < end ? bytes[at + 1]! * 8 : 8;
    if (length === 0 || at + length > end)
      return invalid('icmpv6', at, Math.max(length, 8), end - at, 'icmpv6.opt.length');
    options.push({ type: bytes[at]!, data: copyOf(bytes, at + 2, length - 2) });
    at += length;
  }
  return options;
}

const TYPE_OF = {
  routerSolicitation: icmp6.ROUTER_SOLICITATION,
  routerAdvertisement: icmp6.ROUTER_ADVERTISEMENT,
  neighborSolicitation: icmp6.NEIGHBOR_SOLICITATION,
  neighborAdvertisement: icmp6.NEIGHBOR_ADVERTISEMENT,
  redirect: icmp6.REDIRECT,
} as const;

/** Bytes that the message takes. */
export function emittedLength(message: NdpMessage): number {
  let length = fixedLength(TYPE_OF[message.kind]);
  for (const option of message.options) length += (option.data.length + 2 + 7) & ~7;
  return length;
}

/** Writes the whole ICMPv6 message at `at`; gives the offset behind it. The checksum is computed from `pseudo`
 * (`pseudo.ts`) unless one is given. */
export function emit(bytes: Uint8Array, at: number, message: NdpMessage, pseudo: number, checksum?: number): number {
  const end = at + emittedLength(message);
  const type = TYPE_OF[message.kind];
  let to = at + fixedLength(type);
  bytes.fill(0, at + icmp6.FIXED_LENGTH, to);
  if (message.kind === 'routerAdvertisement') {
    bytes[at + HOP_LIMIT] = message.hopLimit;
    bytes[at + ROUTER_FLAGS] = message.flags;
    putBe16(bytes, at + ROUTER_LIFETIME, message.routerLifetime);
    putBe32(bytes, at + REACHABLE_TIME, message.reachableTime);
    putBe32(bytes, at + RETRANSMIT_TIME, message.retransmitTime);
  } else if (message.kind !== 'routerSolicitation') {
    bytes.set(message.target, at + TARGET);
    if (message.kind === 'redirect') bytes.set(message.destination, at + DESTINATION);
    if (message.kind === 'neighborAdvertisement')
      putBe32(
        bytes,
        at + NEIGHBOR_FLAGS,
        (message.router ? FLAG_ROUTER : 0) +
          (message.solicited ? FLAG_SOLICITED : 0) +
          (message.override ? FLAG_OVERRIDE : 0),
      );
  }
  for (const option of message.options) {
    const length = (option.data.length + 2 + 7) & ~7;
    bytes[to] = option.type;
    bytes[to + 1] = length / 8;
    bytes.set(option.data, to + 2);
    bytes.fill(0, to + 2 + option.data.length, to + length);
    to += length;
  }
  icmp6.emitFixed(bytes, at, end, checksum === undefined ? { type } : { type, checksum }, pseudo);
  return end;
}
