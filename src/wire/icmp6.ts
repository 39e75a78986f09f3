import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** ICMPv6, RFC 4443 2.1. Neighbour discovery is in `ndp.ts`, multicast listener discovery in `mld.ts`; here is what all
 * messages share, with the second word that nearly all have.
 *
 *     0              8              16                       31
 *    |  type        |  code         |  checksum               |
 *    |  MTU, pointer, identifier and sequence number, …       |
 */
const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const ID = 4;
const SEQUENCE = 6;
export const HEADER_LENGTH = 8;
/** Type, code and checksum alone. */
export const FIXED_LENGTH = 4;

export const UNREACHABLE = 1;
export const PACKET_TOO_BIG = 2;
export const TIME_EXCEEDED = 3;
export const PARAMETER_PROBLEM = 4;
export const ECHO_REQUEST = 128;
export const ECHO_REPLY = 129;
export const MLD_QUERY = 130;
export const MLD_REPORT = 131;
export const MLD_DONE = 132;
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;
export const NEIGHBOR_SOLICITATION = 135;
export const NEIGHBOR_ADVERTISEMENT = 136;
export const REDIRECT = 137;
export const ROUTER_RENUMBERING = 138;
export const NODE_INFORMATION_QUERY = 139;
export const NODE_INFORMATION_REPLY = 140;
export const INVERSE_SOLICITATION = 141;
export const INVERSE_ADVERTISEMENT = 142;
export const MLDV2_REPORT = 143;
export const HOME_AGENT_REQUEST = 144;
export const HOME_AGENT_REPLY = 145;
export const MOBILE_PREFIX_SOLICITATION = 146;
export const MOBILE_PREFIX_ADVERTISEMENT = 147;
export const RPL = 155;

/** The caller has checked the length, as for all below. */
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
export const code = (bytes: Uint8Array, at: number): number => bytes[at + CODE]!;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const rest = (bytes: Uint8Array, at: number): number => be32(bytes, at + REST);
export const id = (bytes: Uint8Array, at: number): number => be16(bytes, at + ID);
export const sequence = (bytes: Uint8Array, at: number): number => be16(bytes, at + SEQUENCE);

/** RFC 4443 2.1: error messages have types below 128. */
export const isError = (messageType: number): boolean => messageType < 128;

/** What is left of the checksum over the pseudo header and the message from `at` up to `end`: 0 when it is right. */
export const verify = (bytes: Uint8Array, at: number, end: number, pseudo: number): number =>
  internetChecksum(bytes, at, end, pseudo + (end - at));

export interface Icmp6Header {
  type: number;
  code: number;
  checksum: number;
  rest: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): Icmp6Header | Stop {
  if (end - at < HEADER_LENGTH) return truncated('icmpv6', at, HEADER_LENGTH, end - at);
  return { type: type(bytes, at), code: code(bytes, at), checksum: checksum(bytes, at), rest: rest(bytes, at) };
}

/** What `emit` takes. The checksum is computed unless given; a given one is written as it is. */
export interface Icmp6Emit {
  type: number;
  code?: number;
  checksum?: number;
  rest?: number;
}

/** Writes the header at `at` in front of a body that ends at `end` and is there already. `pseudo` is the running sum of
 * the pseudo header (`pseudo.ts`). Gives the body's offset. */
export function emit(bytes: Uint8Array, at: number, end: number, header: Icmp6Emit, pseudo: number): number {
  putBe32(bytes, at + REST, header.rest ?? 0);
  emitFixed(bytes, at, end, header, pseudo);
  return at + HEADER_LENGTH;
}

/** As `emit`, for messages whose second word is written already. */
export function emitFixed(bytes: Uint8Array, at: number, end: number, header: Icmp6Emit, pseudo: number): number {
  bytes[at + TYPE] = header.type;
  bytes[at + CODE] = header.code ?? 0;
  putBe16(bytes, at + CHECKSUM, header.checksum ?? 0);
  if (header.checksum === undefined)
    putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, end, pseudo + (end - at)));
  return at + FIXED_LENGTH;
}
