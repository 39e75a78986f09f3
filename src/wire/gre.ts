import { checksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** Generic routing encapsulation: RFC 2784, with key and sequence number of RFC 2890, and routing of RFC 1701; version 1
 * is PPTP's (RFC 2637 4.1).
 *
 *     0            2          4                        8           12
 *    | flags, ver | protocol | checksum (C) | offset  | key (K)   | sequence number (S) |
 *
 * A field is there only where its flag is set. */
const FLAGS = 0;
const PROTOCOL = 2;
/** Length without any of the optional fields. */
export const HEADER_LENGTH = 4;

export const FLAG_CHECKSUM = 0x8000;
export const FLAG_ROUTING = 0x4000;
export const FLAG_KEY = 0x2000;
export const FLAG_SEQUENCE = 0x1000;
export const FLAG_STRICT_ROUTE = 0x0800;
/** Version 1: an acknowledgment number is there. */
export const FLAG_ACK = 0x0080;
const VERSION_MASK = 7;
/** Address family, offset and length before each source route entry (RFC 1701). */
export const ROUTE_HEADER_LENGTH = 4;
export const ROUTE_IP = 0x0800;
export const ROUTE_AS = 0xfffe;

/** The caller has checked that four bytes are there, as for all below. */
export const flags = (bytes: Uint8Array, at: number): number => be16(bytes, at + FLAGS);
export const version = (bytes: Uint8Array, at: number): number => flags(bytes, at) & VERSION_MASK;
export const protocol = (bytes: Uint8Array, at: number): number => be16(bytes, at + PROTOCOL);

/** Length of a version 0 header with these flags, routing entries not counted. */
export const lengthOf = (flagBits: number): number =>
  HEADER_LENGTH +
  ((flagBits & (FLAG_CHECKSUM | FLAG_ROUTING)) !== 0 ? 4 : 0) +
  ((flagBits & FLAG_KEY) !== 0 ? 4 : 0) +
  ((flagBits & FLAG_SEQUENCE) !== 0 ? 4 : 0);

export interface GreHeader {
  protocol: number;
  /** Present where not null. */
  checksum: number | null;
  key: number | null;
  sequence: number | null;
}

/** The version 0 header at `at`. Routing entries are not read. */
export function parse(bytes: Uint8Array, at: number, end: number): GreHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('gre', at, HEADER_LENGTH, end - at);
  const bits = flags(bytes, at);
  if (end - at < lengthOf(bits)) return truncated('gre', at, lengthOf(bits), end - at);
  let place = at + HEADER_LENGTH;
  const header: GreHeader = { protocol: protocol(bytes, at), checksum: null, key: null, sequence: null };
  if ((bits & (FLAG_CHECKSUM | FLAG_ROUTING)) !== 0) {
    if ((bits & FLAG_CHECKSUM) !== 0) header.checksum = be16(bytes, place);
    place += 4;
  }
  if ((bits & FLAG_KEY) !== 0) {
    header.key = be32(bytes, place);
    place += 4;
  }
  if ((bits & FLAG_SEQUENCE) !== 0) header.sequence = be32(bytes, place);
  return header;
}

/** Writes a version 0 header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: GreHeader): number {
  putBe16(
    bytes,
    at + FLAGS,
    (header.checksum !== null ? FLAG_CHECKSUM : 0) |
      (header.key !== null ? FLAG_KEY : 0) |
      (header.sequence !== null ? FLAG_SEQUENCE : 0),
  );
  putBe16(bytes, at + PROTOCOL, header.protocol);
  let to = at + HEADER_LENGTH;
  if (header.checksum !== null) {
    putBe16(bytes, to, header.checksum);
    putBe16(bytes, to + 2, 0);
    to += 4;
  }
  for (const value of [header.key, header.sequence]) {
    if (value === null) continue;
    putBe32(bytes, to, value);
    to += 4;
  }
  return to;
}

/** 0 where the checksum over header and payload, `at` up to `end`, is right (RFC 2784 2.5). */
export const verify = (bytes: Uint8Array, at: number, end: number): number => checksum(bytes, at, end);
