import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { invalid, type Stop, truncated } from './stop.ts';
import { emitOptions, optionsLength, parseOptions, type TcpOption } from './tcp-options.ts';

/** TCP header, RFC 9293 3.1. Options are in `tcp-options.ts`.
 *
 *     0       4       8              16                       31
 *    |  source port                  |  destination port        |
 *    |  sequence number                                         |
 *    |  acknowledgment number                                   |
 *    | offset| reserved|  flags      |  window                  |
 *    |  checksum                     |  urgent pointer          |
 *    |  options, padded to a multiple of four bytes             |
 */
const SRC_PORT = 0;
const DST_PORT = 2;
const SEQ = 4;
const ACK = 8;
const OFFSET_FLAGS = 12;
const WINDOW = 14;
const CHECKSUM = 16;
const URGENT = 18;
const OPTIONS = 20;
/** Length of a header without options. */
export const HEADER_LENGTH = 20;
export const MAX_HEADER_LENGTH = 60;

export const FIN = 0x001;
export const SYN = 0x002;
export const RST = 0x004;
export const PSH = 0x008;
export const ACK_FLAG = 0x010;
export const URG = 0x020;
/** RFC 3168 6.1. */
export const ECE = 0x040;
export const CWR = 0x080;
/** The lowest reserved bit: nonce sum of RFC 3540, AE of Accurate ECN. */
export const AE = 0x100;

/** The caller has checked that 20 bytes are there, as for all below. */
export const srcPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + SRC_PORT);
export const dstPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + DST_PORT);
export const seq = (bytes: Uint8Array, at: number): number => be32(bytes, at + SEQ);
export const ack = (bytes: Uint8Array, at: number): number => be32(bytes, at + ACK);
/** Header length in bytes as the data offset says, 0 to 60. */
export const headerLength = (bytes: Uint8Array, at: number): number => (bytes[at + OFFSET_FLAGS]! >>> 4) << 2;
/** The twelve bits below the data offset: the four reserved ones (of which AE is the lowest) and the flags. */
export const flags = (bytes: Uint8Array, at: number): number => be16(bytes, at + OFFSET_FLAGS) & 0xfff;
export const window = (bytes: Uint8Array, at: number): number => be16(bytes, at + WINDOW);
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const urgent = (bytes: Uint8Array, at: number): number => be16(bytes, at + URGENT);
export const optionsAt = (at: number): number => at + OPTIONS;

/** What is left of the checksum over the pseudo header (`pseudo.ts`) and the segment from `at` up to `end`: 0 when it is
 * right. */
export const verify = (bytes: Uint8Array, at: number, end: number, pseudo: number): number =>
  internetChecksum(bytes, at, end, pseudo + (end - at));

export interface TcpHeader {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack: number;
  /** FIN, SYN, … or-ed; the reserved bits too. */
  flags: number;
  window: number;
  checksum: number;
  urgent: number;
  options: TcpOption[];
}

export function parse(bytes: Uint8Array, at: number, end: number): TcpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('tcp', at, HEADER_LENGTH, end - at);
  const length = headerLength(bytes, at);
  if (length < HEADER_LENGTH) return invalid('tcp', at + OFFSET_FLAGS, HEADER_LENGTH, length, 'tcp.hdr_len');
  if (end - at < length) return truncated('tcp', at, length, end - at);
  const options = parseOptions(bytes, at + OPTIONS, at + length);
  if (!Array.isArray(options)) return options;
  return {
    srcPort: srcPort(bytes, at),
    dstPort: dstPort(bytes, at),
    seq: seq(bytes, at),
    ack: ack(bytes, at),
    flags: flags(bytes, at),
    window: window(bytes, at),
    checksum: checksum(bytes, at),
    urgent: urgent(bytes, at),
    options,
  };
}

/** What `emit` takes. Header length and checksum are computed unless given; given ones are written as they are. */
export interface TcpEmit {
  srcPort: number;
  dstPort: number;
  seq: number;
  ack?: number;
  flags: number;
  window: number;
  urgent?: number;
  /** In bytes. */
  headerLength?: number;
  checksum?: number;
  options?: readonly TcpOption[];
}

/** Bytes that the header takes with these options, padding included. */
export const emittedLength = (options: readonly TcpOption[] = []): number =>
  HEADER_LENGTH + ((optionsLength(options) + 3) & ~3);

/** Writes the header at `at` in front of a payload that ends at `end` and is there already. `pseudo` is the running sum
 * of the pseudo header (`pseudo.ts`). Gives the offset of the payload. */
export function emit(bytes: Uint8Array, at: number, end: number, header: TcpEmit, pseudo: number): number {
  const length = emittedLength(header.options);
  putBe16(bytes, at + SRC_PORT, header.srcPort);
  putBe16(bytes, at + DST_PORT, header.dstPort);
  putBe32(bytes, at + SEQ, header.seq);
  putBe32(bytes, at + ACK, header.ack ?? 0);
  putBe16(bytes, at + OFFSET_FLAGS, (((header.headerLength ?? length) >> 2) << 12) | header.flags);
  putBe16(bytes, at + WINDOW, header.window);
  putBe16(bytes, at + CHECKSUM, header.checksum ?? 0);
  putBe16(bytes, at + URGENT, header.urgent ?? 0);
  const to = emitOptions(bytes, at + OPTIONS, header.options ?? []);
  bytes.fill(0, to, at + length);
  if (header.checksum === undefined)
    putBe16(bytes, at + CHECKSUM, internetChecksum(bytes, at, end, pseudo + (end - at)));
  return at + length;
}
