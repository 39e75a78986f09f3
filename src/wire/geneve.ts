import { be16, be24, putBe16, putBe24 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** Geneve, RFC 8926 3.4.
 *
 *     0                  1       2          4     7
 *    | ver, opt length  | flags | protocol | VNI | reserved | options …
 */
const VERSION_LENGTH = 0;
const FLAGS = 1;
const PROTOCOL = 2;
const VNI = 4;
const RESERVED = 7;
export const HEADER_LENGTH = 8;
export const UDP_PORT = 6081;
export const FLAG_OAM = 0x80;
export const FLAG_CRITICAL = 0x40;

/** Class, type and length of an option, before its data (RFC 8926 3.5). */
export const OPTION_HEADER_LENGTH = 4;
const OPTION_TYPE = 2;
const OPTION_LENGTH = 3;
/** Bit of an option's type. */
export const OPTION_CRITICAL = 0x80;

/** The caller has checked that eight bytes are there, as for those below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION_LENGTH]! >>> 6;
/** Bytes of options. */
export const optionsLength = (bytes: Uint8Array, at: number): number => (bytes[at + VERSION_LENGTH]! & 0x3f) * 4;
export const flags = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS]!;
export const protocol = (bytes: Uint8Array, at: number): number => be16(bytes, at + PROTOCOL);
export const vni = (bytes: Uint8Array, at: number): number => be24(bytes, at + VNI);
export const reserved = (bytes: Uint8Array, at: number): number => bytes[at + RESERVED]!;

/** Of the option at `at`, of which four bytes are there. */
export const optionClass = (bytes: Uint8Array, at: number): number => be16(bytes, at);
export const optionType = (bytes: Uint8Array, at: number): number => bytes[at + OPTION_TYPE]!;
/** Length with the option's header. */
export const optionLength = (bytes: Uint8Array, at: number): number =>
  OPTION_HEADER_LENGTH + (bytes[at + OPTION_LENGTH]! & 0x1f) * 4;

export interface GeneveHeader {
  flags: number;
  protocol: number;
  vni: number;
  /** All options as they stand on the wire; a multiple of four bytes, at most 252. */
  options: Uint8Array;
}

export function parse(bytes: Uint8Array, at: number, end: number): GeneveHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('geneve', at, HEADER_LENGTH, end - at);
  const length = HEADER_LENGTH + optionsLength(bytes, at);
  if (end - at < length) return truncated('geneve', at, length, end - at);
  return {
    flags: flags(bytes, at),
    protocol: protocol(bytes, at),
    vni: vni(bytes, at),
    options: bytes.slice(at + HEADER_LENGTH, at + length),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: GeneveHeader): number {
  bytes[at + VERSION_LENGTH] = header.options.length / 4;
  bytes[at + FLAGS] = header.flags;
  putBe16(bytes, at + PROTOCOL, header.protocol);
  putBe24(bytes, at + VNI, header.vni);
  bytes[at + RESERVED] = 0;
  bytes.set(header.options, at + HEADER_LENGTH);
  return at + HEADER_LENGTH + header.options.length;
}
