import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** SCTP, RFC 9260 3: a common header, then chunks, each padded to a multiple of four bytes.
 *
 *     0              2                   4                  8
 *    | source port  | destination port  | verification tag | checksum (CRC32c) |
 *    | chunk type | flags | length (2) | value …
 */
const SRC_PORT = 0;
const DST_PORT = 2;
const TAG = 4;
const CHECKSUM = 8;
export const HEADER_LENGTH = 12;
/** Type, flags and length of a chunk; type and length of a parameter or a cause. */
export const CHUNK_HEADER_LENGTH = 4;
export const PARAMETER_HEADER_LENGTH = 4;
/** Bytes of a DATA chunk before the user's data, of INIT and SACK before what varies. */
export const DATA_LENGTH = 16;
export const INIT_LENGTH = 20;
export const SACK_LENGTH = 16;

export const CHUNK_DATA = 0;
export const CHUNK_INIT = 1;
export const CHUNK_INIT_ACK = 2;
export const CHUNK_SACK = 3;
export const CHUNK_HEARTBEAT = 4;
export const CHUNK_HEARTBEAT_ACK = 5;
export const CHUNK_ABORT = 6;
export const CHUNK_SHUTDOWN = 7;
export const CHUNK_ERROR = 9;
export const CHUNK_COOKIE_ECHO = 10;
export const CHUNK_ECNE = 12;
export const CHUNK_CWR = 13;
export const CHUNK_SHUTDOWN_COMPLETE = 14;
/** RFC 4895, RFC 4820, RFC 6525, RFC 8260, RFC 5061, RFC 3758. */
export const CHUNK_AUTH = 15;
export const CHUNK_PAD = 132;
export const CHUNK_RE_CONFIG = 130;
export const CHUNK_I_DATA = 64;
export const CHUNK_I_FORWARD_TSN = 194;
export const CHUNK_ASCONF = 193;
export const CHUNK_ASCONF_ACK = 128;
export const CHUNK_FORWARD_TSN = 192;
/** Of an I-DATA chunk, before the payload. */
export const I_DATA_LENGTH = 20;

export const FLAG_END = 1;
export const FLAG_BEGIN = 2;
export const FLAG_UNORDERED = 4;
export const FLAG_IMMEDIATE = 8;

/** The caller has checked that twelve bytes are there, as for those below. */
export const srcPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + SRC_PORT);
export const dstPort = (bytes: Uint8Array, at: number): number => be16(bytes, at + DST_PORT);
export const tag = (bytes: Uint8Array, at: number): number => be32(bytes, at + TAG);
export const checksum = (bytes: Uint8Array, at: number): number => be32(bytes, at + CHECKSUM);

export interface SctpHeader {
  srcPort: number;
  dstPort: number;
  verificationTag: number;
  /** As `crc` computes it. */
  checksum: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): SctpHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('sctp', at, HEADER_LENGTH, end - at);
  return {
    srcPort: srcPort(bytes, at),
    dstPort: dstPort(bytes, at),
    verificationTag: tag(bytes, at),
    checksum: checksum(bytes, at),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: SctpHeader): number {
  putBe16(bytes, at + SRC_PORT, header.srcPort);
  putBe16(bytes, at + DST_PORT, header.dstPort);
  putBe32(bytes, at + TAG, header.verificationTag);
  putBe32(bytes, at + CHECKSUM, header.checksum);
  return at + HEADER_LENGTH;
}

/** CRC32c's polynomial, its bits reversed. */
const POLYNOMIAL = 0x82f63b78;
const TABLE = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = (value & 1) !== 0 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  TABLE[i] = value;
}

/** The checksum of the packet from `at` up to `end`, whose checksum field counts as zero, as it stands in the header
 * (RFC 9260 appendix A). */
export function crc(bytes: Uint8Array, at: number, end: number): number {
  let value = 0xffffffff;
  for (let i = at; i < end; i++) {
    const byte = i >= at + CHECKSUM && i < at + HEADER_LENGTH ? 0 : bytes[i]!;
    value = (value >>> 8) ^ TABLE[(value ^ byte) & 0xff]!;
  }
  value = ~value >>> 0;
  // Its bytes go low one first.
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}

/** Writes the checksum of the packet from `at` up to `end` into its header. */
export const putCrc = (bytes: Uint8Array, at: number, end: number): void =>
  putBe32(bytes, at + CHECKSUM, crc(bytes, at, end));

export interface SctpChunk {
  type: number;
  flags: number;
  /** Behind the chunk's header, without padding. */
  value: Uint8Array;
}

/** The chunks from `at`, behind the common header, up to `end`. */
export function parseChunks(bytes: Uint8Array, at: number, end: number): SctpChunk[] | Stop {
  const chunks: SctpChunk[] = [];
  while (at < end) {
    if (end - at < CHUNK_HEADER_LENGTH) return truncated('sctp', at, CHUNK_HEADER_LENGTH, end - at);
    const length = be16(bytes, at + 2);
    if (length < CHUNK_HEADER_LENGTH) return invalid('sctp', at + 2, CHUNK_HEADER_LENGTH, length, 'sctp.chunk_length');
    if (end - at < length) return truncated('sctp', at, length, end - at, 'sctp.chunk_length');
    chunks.push({
      type: bytes[at]!,
      flags: bytes[at + 1]!,
      value: copyOf(bytes, at + CHUNK_HEADER_LENGTH, length - CHUNK_HEADER_LENGTH),
    });
    at += (length + 3) & ~3;
  }
  return chunks;
}

/** Bytes that `emitChunks` writes. */
export const emittedChunksLength = (chunks: readonly SctpChunk[]): number =>
  chunks.reduce((sum, { value }) => sum + ((CHUNK_HEADER_LENGTH + value.length + 3) & ~3), 0);

/** Writes the chunks at `at`, each padded with zeros to a multiple of four bytes; gives the offset behind them. */
export function emitChunks(bytes: Uint8Array, at: number, chunks: readonly SctpChunk[]): number {
  for (const { type, flags, value } of chunks) {
    const length = CHUNK_HEADER_LENGTH + value.length;
    bytes[at] = type;
    bytes[at + 1] = flags;
    putBe16(bytes, at + 2, length);
    bytes.set(value, at + CHUNK_HEADER_LENGTH);
    bytes.fill(0, at + length, at + ((length + 3) & ~3));
    at += (length + 3) & ~3;
  }
  return at;
}
