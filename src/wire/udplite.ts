import { be16, putBe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** UDP-Lite, RFC 3828 3.1: UDP whose length field says how many bytes the checksum covers instead.
 *
 *     0              2                   4                    6
 *    | source port  | destination port  | checksum coverage  | checksum |
 */
const SRC_PORT = 0;
const DST_PORT = 2;
const COVERAGE = 4;
const CHECKSUM = 6;
export const HEADER_LENGTH = 8;

/** The caller has checked that eight bytes are there, as for all below. */
export const srcPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + SRC_PORT);
export const dstPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + DST_PORT);
/** Bytes that the checksum covers, from the header's first on; 0: all. */
export const coverage = (bytes: Uint8Array, at: number): number => be16(bytes, at + COVERAGE);
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);

export interface UdpLiteHeader {
  srcPort: number;
  dstPort: number;
  coverage: number;
  checksum: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): UdpLiteHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('udplite', at, HEADER_LENGTH, end - at);
  return {
    srcPort: srcPort(bytes, at),
    dstPort: dstPort(bytes, at),
    coverage: coverage(bytes, at),
    checksum: checksum(bytes, at),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: UdpLiteHeader): number {
  putBe16(bytes, at + SRC_PORT, header.srcPort);
  putBe16(bytes, at + DST_PORT, header.dstPort);
  putBe16(bytes, at + COVERAGE, header.coverage);
  putBe16(bytes, at + CHECKSUM, header.checksum);
  return at + HEADER_LENGTH;
}
