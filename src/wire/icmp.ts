import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** ICMP for IPv4, RFC 792. The second word means something else by type.
 *
 *     0              8              16                       31
 *    |  type        |  code         |  checksum               |
 *    |  identifier (echo), gateway (redirect), …              |
 */
const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const ID = 4;
const SEQUENCE = 6;
const POINTER = 4;
const NEXT_HOP_MTU = 6;
export const HEADER_LENGTH = 8;

export const ECHO_REPLY = 0;
export const UNREACHABLE = 3;
export const SOURCE_QUENCH = 4;
export const REDIRECT = 5;
export const ECHO_REQUEST = 8;
export const ROUTER_ADVERTISEMENT = 9;
export const ROUTER_SOLICITATION = 10;
export const TIME_EXCEEDED = 11;
export const PARAMETER_PROBLEM = 12;
export const TIMESTAMP_REQUEST = 13;
export const TIMESTAMP_REPLY = 14;
export const INFORMATION_REQUEST = 15;
export const INFORMATION_REPLY = 16;
export const MASK_REQUEST = 17;
export const MASK_REPLY = 18;
export const EXTENDED_ECHO_REQUEST = 42;
export const EXTENDED_ECHO_REPLY = 43;

/** Codes of UNREACHABLE (RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1). */
export const UNREACHABLE_NET = 0;
export const UNREACHABLE_HOST = 1;
export const UNREACHABLE_PROTOCOL = 2;
export const UNREACHABLE_PORT = 3;
export const UNREACHABLE_NEED_FRAGMENTATION = 4;

/** The caller has checked that 8 bytes are there, as for all below. */
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
export const code = (bytes: Uint8Array, at: number): number => bytes[at + CODE]!;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
/** The second word: 32 bits whose meaning the type tells. */
export const rest = (bytes: Uint8Array, at: number): number => be32(bytes, at + REST);
/** Identifier and sequence number of echo, timestamp, information and mask messages. */
export const id = (bytes: Uint8Array, at: number): number => be16(bytes, at + ID);
export const sequence = (bytes: Uint8Array, at: number): number => be16(bytes, at + SEQUENCE);
/** Offset of the router's address in a redirect. */
export const gatewayAt = (at: number): number => at + REST;
/** Byte that a parameter problem points at. */
export const pointer = (bytes: Uint8Array, at: number): number => bytes[at + POINTER]!;
/** MTU of the next hop in "fragmentation needed" (RFC 1191 4). */
export const nextHopMtu = (bytes: Uint8Array, at: number): number => be16(bytes, at + NEXT_HOP_MTU);

/** True for the error messages, which carry the packet that they are about (RFC 1122 3.2.2). */
export const isError = (messageType: number): boolean =>
  messageType === UNREACHABLE ||
  messageType === SOURCE_QUENCH ||
  messageType === REDIRECT ||
  messageType === TIME_EXCEEDED ||
  messageType === PARAMETER_PROBLEM;

/** What is left of the checksum over the message from `at` up to `end`: 0 when it is right. */
export const verify = (bytes: Uint8Array, at: number, end: number): number => internetChecksum(bytes, at, end);

export interface IcmpHeader {
  type: number;
  code: number;
  checksum: number;
  /** The second word. */
  rest: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): IcmpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('icmp', at, HEADER_LENGTH, end - at);
  return { type: type(bytes, at), code: code(bytes, at), checksum: checksum(bytes, at), rest: rest(bytes, at) };
}

/** What `emit` takes. The checksum is computed unless given; a given one is written as it is. */
export interface IcmpEmit {
  type: number;
  code?: number;
  checksum?: number;
  rest?: number;
}

/** The second word of an echo message. */
export const echoRest = (identifier: number, number: number): number => ((identifier << 16) | number) >>> 0;

/** Writes the header at `at` in front of a body that ends at `end` and is there already. Gives the body's offset. */
export function emit(bytes: Uint8Array, at: number, end: number, header: IcmpEmit): number {
  bytes[at + TYPE] = header.type;
  bytes[at + CODE] = header.code ?? 0;
  putBe16(bytes, at + CHECKSUM, header.checksum ?? 0);
  putBe32(bytes, at + REST, header.rest ?? 0);
  if (header.checksum === undefined) putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, end));
  return at + HEADER_LENGTH;
}
