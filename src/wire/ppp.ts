import { be16, putBe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** PPP: framing like HDLC's (RFC 1662), protocol numbers, and the packets of control protocols (RFC 1661 5):
 *
 *     0         1         2          4
 *    | address | control | protocol | payload …       address and control may be left out
 *
 *     0      1            2         4
 *    | code | identifier | length  | data …
 */
export const ADDRESS = 0xff;
export const CONTROL = 0x03;
const CODE = 0;
const IDENTIFIER = 1;
const LENGTH = 2;
export const CONTROL_HEADER_LENGTH = 4;

export const PPP_IP = 0x0021;
export const PPP_OSI = 0x0023;
export const PPP_IPX = 0x002b;
export const PPP_MULTILINK = 0x003d;
export const PPP_IPV6 = 0x0057;
export const PPP_COMPRESSED = 0x00fd;
export const PPP_MPLS = 0x0281;
export const PPP_MPLS_MULTICAST = 0x0283;
export const PPP_IPCP = 0x8021;
export const PPP_OSICP = 0x8023;
export const PPP_IPV6CP = 0x8057;
export const PPP_CCP = 0x80fd;
export const PPP_MPLSCP = 0x8281;
export const PPP_LCP = 0xc021;
export const PPP_PAP = 0xc023;
export const PPP_LQR = 0xc025;
export const PPP_SPAP = 0xc027;
export const PPP_BACP = 0xc02b;
export const PPP_BAP = 0xc02d;
export const PPP_SPAP_OLD = 0xc123;
export const PPP_CHAP = 0xc223;
export const PPP_EAP = 0xc227;

/** Codes of LCP; the other control protocols use some of them. */
export const VENDOR = 0;
export const CONFIGURE_REQUEST = 1;
export const CONFIGURE_REJECT = 4;
export const PROTOCOL_REJECT = 8;
export const ECHO_REQUEST = 9;
export const ECHO_REPLY = 10;
export const DISCARD_REQUEST = 11;
export const IDENTIFICATION = 12;
export const TIME_REMAINING = 13;

/** The caller has checked that four bytes are there, as for all below. */
export const code = (bytes: Uint8Array, at: number): number => bytes[at + CODE]!;
export const identifier = (bytes: Uint8Array, at: number): number => bytes[at + IDENTIFIER]!;
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + LENGTH);

/** RFC 1661 2: the first byte of a protocol number is even, the last one odd; a number of one byte was compressed. */
export const isCompressed = (first: number): boolean => (first & 1) === 1;

export interface PppControl {
  code: number;
  identifier: number;
  /** Of the whole packet, these four bytes too. */
  length: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): PppControl | Stop {
  if (end - at < CONTROL_HEADER_LENGTH) return truncated('ppp', at, CONTROL_HEADER_LENGTH, end - at);
  return { code: code(bytes, at), identifier: identifier(bytes, at), length: length(bytes, at) };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: PppControl): number {
  bytes[at + CODE] = header.code;
  bytes[at + IDENTIFIER] = header.identifier;
  putBe16(bytes, at + LENGTH, header.length);
  return at + CONTROL_HEADER_LENGTH;
}
