import { sum } from '../bytes/checksum.ts';

/** Pseudo headers that the checksums of UDP, TCP and ICMPv6 cover besides the segment. The functions give a running sum
 * of addresses and protocol; the segment's emitter adds its own length, so that the sum serves segments of any length. */

/** Addresses and protocol of an IPv4 packet (RFC 768, RFC 9293 3.1). Addresses are four bytes each. */
export const ipv4Pseudo = (src: Uint8Array, srcAt: number, dst: Uint8Array, dstAt: number, protocol: number): number =>
  sum(dst, dstAt, dstAt + 4, sum(src, srcAt, srcAt + 4)) + protocol;

/** Addresses and next header of an IPv6 packet (RFC 8200 8.1). Addresses are 16 bytes each. */
export const ipv6Pseudo = (src: Uint8Array, srcAt: number, dst: Uint8Array, dstAt: number, protocol: number): number =>
  sum(dst, dstAt, dstAt + 16, sum(src, srcAt, srcAt + 16)) + protocol;

/** The sum for two addresses of the same family, told by their length. */
export const pseudoOf = (src: Uint8Array, dst: Uint8Array, protocol: number): number =>
  src.length === 4 ? ipv4Pseudo(src, 0, dst, 0, protocol) : ipv6Pseudo(src, 0, dst, 0, protocol);
