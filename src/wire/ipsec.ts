import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** IPsec's headers: AH (RFC 4302 2) and the open part of ESP (RFC 4303 2).
 *
 *     0             1        2          4     8          12
 *    | next header | length | reserved | SPI | sequence | ICV …       AH; length in words of 32 bits, minus 2
 *    | SPI (4)     | sequence (4)      | encrypted …                  ESP
 */
const AH_NEXT_HEADER = 0;
const AH_LENGTH = 1;
const AH_RESERVED = 2;
const AH_SPI = 4;
const AH_SEQUENCE = 8;
export const AH_HEADER_LENGTH = 12;
const ESP_SPI = 0;
const ESP_SEQUENCE = 4;
export const ESP_HEADER_LENGTH = 8;
/** RFC 3948: ESP and IKE in UDP. */
export const UDP_PORT = 4500;

/** The caller has checked that the header is there, as for all below. */
export const ahNextHeader = (bytes: Uint8Array, at: number): number => bytes[at + AH_NEXT_HEADER]!;
/** The length field: words of 32 bits, minus 2. */
export const ahWords = (bytes: Uint8Array, at: number): number => bytes[at + AH_LENGTH]!;
/** Bytes of the whole header. */
export const ahLength = (bytes: Uint8Array, at: number): number => (ahWords(bytes, at) + 2) * 4;
export const ahReserved = (bytes: Uint8Array, at: number): number => be16(bytes, at + AH_RESERVED);
export const ahSpi = (bytes: Uint8Array, at: number): number => be32(bytes, at + AH_SPI);
export const ahSequence = (bytes: Uint8Array, at: number): number => be32(bytes, at + AH_SEQUENCE);
export const espSpi = (bytes: Uint8Array, at: number): number => be32(bytes, at + ESP_SPI);
export const espSequence = (bytes: Uint8Array, at: number): number => be32(bytes, at + ESP_SEQUENCE);

export interface AhHeader {
  nextHeader: number;
  spi: number;
  sequence: number;
  /** The integrity check value: a multiple of four bytes. */
  icv: Uint8Array;
}

export function parseAh(bytes: Uint8Array, at: number, end: number): AhHeader | Stop {
  if (end - at < AH_HEADER_LENGTH) return truncated('ah', at, AH_HEADER_LENGTH, end - at);
  const length = ahLength(bytes, at);
  if (end - at < length) return truncated('ah', at, length, end - at);
  return {
    nextHeader: ahNextHeader(bytes, at),
    spi: ahSpi(bytes, at),
    sequence: ahSequence(bytes, at),
    icv: bytes.slice(at + AH_HEADER_LENGTH, at + length),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emitAh(bytes: Uint8Array, at: number, header: AhHeader): number {
  bytes[at + AH_NEXT_HEADER] = header.nextHeader;
  bytes[at + AH_LENGTH] = header.icv.length / 4 + 1;
  putBe16(bytes, at + AH_RESERVED, 0);
  putBe32(bytes, at + AH_SPI, header.spi);
  putBe32(bytes, at + AH_SEQUENCE, header.sequence);
  bytes.set(header.icv, at + AH_HEADER_LENGTH);
  return at + AH_HEADER_LENGTH + header.icv.length;
}

export interface EspHeader {
  spi: number;
  sequence: number;
}

export function parseEsp(bytes: Uint8Array, at: number, end: number): EspHeader | Stop {
  if (end - at < ESP_HEADER_LENGTH) return truncated('esp', at, ESP_HEADER_LENGTH, end - at);
  return { spi: espSpi(bytes, at), sequence: espSequence(bytes, at) };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emitEsp(bytes: Uint8Array, at: number, header: EspHeader): number {
  putBe32(bytes, at + ESP_SPI, header.spi);
  putBe32(bytes, at + ESP_SEQUENCE, header.sequence);
  return at + ESP_HEADER_LENGTH;
}
