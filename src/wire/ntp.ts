import { be16, be32, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** NTP, RFC 5905 7.3 (versions 1 to 4), and its control messages, RFC 9327 2.
 *
 *     0            1         2      3
 *    | li vn mode | stratum | poll | precision |
 *    | root delay | root dispersion | reference id (4 each)
 *    | reference | origin | receive | transmit timestamp (8 each) | key id (4) | digest
 */
export const STRATUM = 1;
export const POLL = 2;
export const PRECISION = 3;
export const ROOT_DELAY = 4;
export const ROOT_DISPERSION = 8;
export const REFERENCE_ID = 12;
export const REFERENCE_TIME = 16;
export const ORIGIN_TIME = 24;
export const RECEIVE_TIME = 32;
export const TRANSMIT_TIME = 40;
export const HEADER_LENGTH = 48;
/** Behind the header: key id, and the digest of MD5 or SHA-1. */
export const KEY_LENGTH = 4;
export const MD5_LENGTH = 16;
export const SHA1_LENGTH = 20;

/** Control messages. */
export const OPERATION = 1;
export const SEQUENCE = 2;
export const STATUS = 4;
export const ASSOCIATION = 6;
export const OFFSET = 8;
export const COUNT = 10;
export const CONTROL_LENGTH = 12;
export const CONTROL_RESPONSE = 0x80;
export const CONTROL_ERROR = 0x40;
export const CONTROL_MORE = 0x20;

export const MODE_CONTROL = 6;
export const MODE_PRIVATE = 7;

export const leap = (bytes: Uint8Array, at: number): number => bytes[at]! >> 6;
export const version = (bytes: Uint8Array, at: number): number => (bytes[at]! >> 3) & 7;
export const mode = (bytes: Uint8Array, at: number): number => bytes[at]! & 7;

/** Seconds from 1900 to 1970. */
export const EPOCH = 2_208_988_800;

/** Seconds since 1900 of the timestamp at `at`. */
export const seconds = (bytes: Uint8Array, at: number): number => be32(bytes, at);
/** Its fraction of a second, in units of 2^-32 s. */
export const fraction = (bytes: Uint8Array, at: number): number => be32(bytes, at + 4);
/** Whole nanoseconds of a fraction. */
export const nanoseconds = (part: number): number => Math.floor((part / 2 ** 32) * 1e9);

/** Seconds since 1970 of a timestamp: those whose first bit is clear lie behind the wrap of 2036 (RFC 5905 6). */
export const unixSeconds = (since1900: number): number =>
  since1900 >= 0x80000000 ? since1900 - EPOCH : since1900 + 2 ** 32 - EPOCH;

export const operation = (bytes: Uint8Array, at: number): number => bytes[at + OPERATION]!;
export const sequence = (bytes: Uint8Array, at: number): number => be16(bytes, at + SEQUENCE);
export const status = (bytes: Uint8Array, at: number): number => be16(bytes, at + STATUS);
export const association = (bytes: Uint8Array, at: number): number => be16(bytes, at + ASSOCIATION);
export const offset = (bytes: Uint8Array, at: number): number => be16(bytes, at + OFFSET);
export const count = (bytes: Uint8Array, at: number): number => be16(bytes, at + COUNT);

/** A timestamp: seconds since 1900, and the fraction in units of 2^-32 s. */
export interface NtpTimestamp {
  seconds: number;
  fraction: number;
}

/** Header of a packet of modes 1 to 5. */
export interface NtpHeader {
  leap: number;
  version: number;
  mode: number;
  stratum: number;
  /** Powers of two, in seconds; signed. */
  poll: number;
  precision: number;
  /** Seconds in 16.16 fixed point. */
  rootDelay: number;
  rootDispersion: number;
  referenceId: number;
  reference: NtpTimestamp;
  origin: NtpTimestamp;
  receive: NtpTimestamp;
  transmit: NtpTimestamp;
}

const timestamp = (bytes: Uint8Array, at: number): NtpTimestamp => ({
  seconds: seconds(bytes, at),
  fraction: fraction(bytes, at),
});

export function parse(bytes: Uint8Array, at: number, end: number): NtpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('ntp', at, HEADER_LENGTH, end - at);
  return {
    leap: leap(bytes, at),
    version: version(bytes, at),
    mode: mode(bytes, at),
    stratum: bytes[at + STRATUM]!,
    poll: (bytes[at + POLL]! << 24) >> 24,
    precision: (bytes[at + PRECISION]! << 24) >> 24,
    rootDelay: be32(bytes, at + ROOT_DELAY),
    rootDispersion: be32(bytes, at + ROOT_DISPERSION),
    referenceId: be32(bytes, at + REFERENCE_ID),
    reference: timestamp(bytes, at + REFERENCE_TIME),
    origin: timestamp(bytes, at + ORIGIN_TIME),
    receive: timestamp(bytes, at + RECEIVE_TIME),
    transmit: timestamp(bytes, at + TRANSMIT_TIME),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: NtpHeader): number {
  bytes[at] = ((header.leap & 3) << 6) | ((header.version & 7) << 3) | (header.mode & 7);
  bytes[at + STRATUM] = header.stratum;
  bytes[at + POLL] = header.poll;
  bytes[at + PRECISION] = header.precision;
  putBe32(bytes, at + ROOT_DELAY, header.rootDelay);
  putBe32(bytes, at + ROOT_DISPERSION, header.rootDispersion);
  putBe32(bytes, at + REFERENCE_ID, header.referenceId);
  let to = at + REFERENCE_TIME;
  for (const time of [header.reference, header.origin, header.receive, header.transmit]) {
    putBe32(bytes, to, time.seconds);
    putBe32(bytes, to + 4, time.fraction);
    to += 8;
  }
  return to;
}
