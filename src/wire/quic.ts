import { be16, be32 } from '../bytes/endian.ts';

/** Headers of QUIC packets, RFC 8999 (what all versions share), RFC 9000 17 (version 1) and RFC 9369 (version 2).
 *
 *     0       1                 5      6                  …
 *    | first | version         | DCID length | DCID … | SCID length | SCID … | of the type
 *
 *    | first | DCID … | packet number … | payload …          (short: its connection ID's length is not written) */
const VERSION = 1;
const DCID_LENGTH = 5;
const DCID = 6;
/** RFC 9000 17.2: connection IDs of version 1 and 2 have at most 20 bytes. */
const MAX_CONNECTION_ID = 20;

/** Bits of the first byte. */
export const LONG_FORM = 0x80;
export const FIXED_BIT = 0x40;
export const SPIN_BIT = 0x20;

export const VERSION_NEGOTIATION = 0;
export const VERSION_1 = 1;
/** RFC 9369 3.1. */
export const VERSION_2 = 0x6b3343cf;

export const INITIAL = 0;
export const ZERO_RTT = 1;
export const HANDSHAKE = 2;
export const RETRY = 3;

export const version = (bytes: Uint8Array, at: number): number => be32(bytes, at + VERSION);

/** Is it a version whose packets look like those of version 1: that, version 2 or a late draft? */
export const isKnownVersion = (value: number): boolean =>
  value === VERSION_1 || value === VERSION_2 || (value >= 0xff00001d && value <= 0xff000022);

/** The type of a long header, by the numbers of version 1: RFC 9369 3.2 turns them by one. */
export function packetType(first: number, value: number): number {
  const type = (first >> 4) & 3;
  return value === VERSION_2 ? (type + 3) & 3 : type;
}

/** A variable-length integer (RFC 9000 16) at `at`: how many bytes it takes. */
export const varintLength = (bytes: Uint8Array, at: number): number => 1 << (bytes[at]! >> 6);

/** Its value; of eight bytes those above 2^53 lose digits, and are longer than anything. The caller has checked that its
 * bytes are there. */
export function varint(bytes: Uint8Array, at: number): number {
  switch (bytes[at]! >> 6) {
    case 0:
      return bytes[at]!;
    case 1:
      return be16(bytes, at) & 0x3fff;
    case 2:
      return be32(bytes, at) & 0x3fffffff;
    default:
      return (be32(bytes, at) & 0x3fffffff) * 2 ** 32 + be32(bytes, at + 4);
  }
}

/** Where the parts of a long header are. */
export interface LongHeader {
  version: number;
  /** See `packetType`; -1 for a version negotiation. */
  type: number;
  dcid: number;
  dcidLength: number;
  scid: number;
  scidLength: number;
  /** Of an Initial: the token and its length's place. */
  tokenLengthAt: number;
  token: number;
  tokenLength: number;
  /** Place of the length field, of what is not a Retry or a version negotiation. */
  lengthAt: number;
  length: number;
  /** First byte behind the header: the protected packet number, a Retry's token, the first of the versions. */
  body: number;
  /** Where the packet ends. */
  end: number;
}

/** Reads the long header at `at`. Null where it is not one of a version that is known, or is longer than what is there. */
export function longHeader(bytes: Uint8Array, at: number, end: number): LongHeader | null {
  if (at + DCID + 1 > end || (bytes[at]! & LONG_FORM) === 0) return null;
  const value = version(bytes, at);
  const isNegotiation = value === VERSION_NEGOTIATION;
  if (!isNegotiation && (!isKnownVersion(value) || (bytes[at]! & FIXED_BIT) === 0)) return null;
  const dcidLength = bytes[at + DCID_LENGTH]!;
  const dcid = at + DCID;
  const scid = dcid + dcidLength + 1;
  if (dcidLength > MAX_CONNECTION_ID || scid > end) return null;
  const scidLength = bytes[scid - 1]!;
  let body = scid + scidLength;
  if (scidLength > MAX_CONNECTION_ID || body > end) return null;
  const header: LongHeader = {
    version: value,
    type: isNegotiation ? -1 : packetType(bytes[at]!, value),
    dcid,
    dcidLength,
    scid,
    scidLength,
    tokenLengthAt: 0,
    token: 0,
    tokenLength: 0,
    lengthAt: 0,
    length: 0,
    body,
    end,
  };
  if (isNegotiation || header.type === RETRY) return header;
  if (header.type === INITIAL) {
    if (body >= end || body + varintLength(bytes, body) > end) return null;
    header.tokenLengthAt = body;
    header.tokenLength = varint(bytes, body);
    header.token = body + varintLength(bytes, body);
    body = header.token + header.tokenLength;
    if (body > end) return null;
  }
  if (body >= end || body + varintLength(bytes, body) > end) return null;
  header.lengthAt = body;
  header.length = varint(bytes, body);
  header.body = body + varintLength(bytes, body);
  header.end = header.body + header.length;
  return header;
}
