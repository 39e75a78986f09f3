import { be32, le32, putBe32, putLe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** BSD loopback encapsulation: four bytes with an address family, in the byte order of the capturing machine
 * (LINKTYPE_NULL) or in network order (LINKTYPE_LOOP). */
export const HEADER_LENGTH = 4;

/** Values of the family. IPv6's differs between the BSDs, Darwin and Linux. */
export const AF_INET = 2;
export const AF_INET6_LINUX = 10;
export const AF_INET6_BSD = 24;
export const AF_INET6_FREEBSD = 28;
export const AF_INET6_DARWIN = 30;
/** AF_OSI of the BSDs. */
export const AF_ISO = 7;

/** The family of the header at `at`, told of either byte order: families are below 65536, so a value that is not is one
 * of the other order. The caller has checked that four bytes are there. */
export function family(bytes: Uint8Array, at: number): number {
  const value = le32(bytes, at);
  return value > 0xffff ? be32(bytes, at) : value;
}

export const isIpv6 = (value: number): boolean =>
  value === AF_INET6_BSD || value === AF_INET6_FREEBSD || value === AF_INET6_DARWIN || value === AF_INET6_LINUX;

export interface LoopbackHeader {
  family: number;
  /** True where the family was written with its least significant byte first. */
  littleEndian: boolean;
}

export function parse(bytes: Uint8Array, at: number, end: number): LoopbackHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('null', at, HEADER_LENGTH, end - at);
  return { family: family(bytes, at), littleEndian: le32(bytes, at) <= 0xffff };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: LoopbackHeader): number {
  if (header.littleEndian) putLe32(bytes, at, header.family);
  else putBe32(bytes, at, header.family);
  return at + HEADER_LENGTH;
}
