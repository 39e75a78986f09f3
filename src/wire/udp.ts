import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, putBe16 } from '../bytes/endian.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** UDP header, RFC 768.
 *
 *     0      7 8     15 16    23 24    31
 *    |  source port    |  destination port|
 *    |  length         |  checksum        |
 */
const SRC_PORT = 0;
const DST_PORT = 2;
const LENGTH = 4;
const CHECKSUM = 6;
export const HEADER_LENGTH = 8;

/** Source port of the header at `at`. The caller has checked that 8 bytes are there, as for all below. */
export const srcPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + SRC_PORT);
export const dstPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + DST_PORT);
/** Length of header and payload in bytes. 0 means, in an IPv6 jumbogram, all that is left (RFC 2675 4). */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);
/** 0 means none was computed (IPv4 only, but for the tunnels of RFC 6935). */
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);

/** What is left of the checksum over the pseudo header (`pseudo.ts`) and the datagram from `at` up to `end`: 0 when it
 * is right. */
export const verify = (bytes: Uint8Array, at: number, end: number, pseudo: number): number =>
  internetChecksum(bytes, at, end, pseudo + (end - at));

export interface UdpHeader {
  srcPort: number;
  dstPort: number;
  length: number;
  checksum: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): UdpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('udp', at, HEADER_LENGTH, end - at);
  const header = {
    srcPort: srcPort(bytes, at),
    dstPort: dstPort(bytes, at),
    length: length(bytes, at),
    checksum: checksum(bytes, at),
  };
  if (header.length !== 0 && header.length < HEADER_LENGTH)
    return invalid('udp', at + LENGTH, HEADER_LENGTH, header.length, 'udp.length');
  return header;
}

/** Ports, and what is computed unless it is given: a given length or checksum is written as it is, also a wrong one. */
export interface UdpEmit {
  srcPort: number;
  dstPort: number;
  length?: number;
  checksum?: number;
}

/** Writes the header at `at` in front of a payload that ends at `end` and is there already. `pseudo` is the running sum
 * of the pseudo header (`pseudo.ts`), or null for no checksum (0). Gives the offset of the payload. */
export function emit(bytes: Uint8Array, at: number, end: number, header: UdpEmit, pseudo: number | null): number {
  putBe16(bytes, at + SRC_PORT, header.srcPort);
  putBe16(bytes, at + DST_PORT, header.dstPort);
  putBe16(bytes, at + LENGTH, header.length ?? end - at);
  putBe16(bytes, at + CHECKSUM, header.checksum ?? 0);
  if (header.checksum === undefined && pseudo !== null) {
    // RFC 768: a checksum that comes out as zero is sent as all ones.
    putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, end, pseudo + (end - at)) || 0xffff);
  }
  return at + HEADER_LENGTH;
}
