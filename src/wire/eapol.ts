import { be16, putBe16 } from '../bytes/endian.ts';
import { type Stop, truncated } from './stop.ts';

/** EAP over LANs (IEEE 802.1X 11.3) and EAP (RFC 3748 4).
 *
 *     0         1      2
 *    | version | type | length | body …          EAPOL
 *    | code | identifier | length | type | data  EAP
 */
export const HEADER_LENGTH = 4;
export const TYPE_EAP = 0;
export const TYPE_KEY = 3;
export const EAP_HEADER_LENGTH = 4;
export const CODE_REQUEST = 1;
export const CODE_RESPONSE = 2;
export const EAP_IDENTITY = 1;
export const EAP_NOTIFICATION = 2;
export const EAP_NAK = 3;
export const EAP_TLS = 13;
export const EAP_SIM = 18;
export const EAP_TTLS = 21;
export const EAP_AKA = 23;
export const EAP_FAST = 43;

export const version = (bytes: Uint8Array, at: number): number => bytes[at]!;
export const type = (bytes: Uint8Array, at: number): number => bytes[at + 1]!;
/** Length of the body; for EAP of the whole packet. */
export const length = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2);

export interface EapolHeader {
  version: number;
  type: number;
  /** Of the body. */
  length: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): EapolHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('eapol', at, HEADER_LENGTH, end - at);
  return { version: version(bytes, at), type: type(bytes, at), length: length(bytes, at) };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: EapolHeader): number {
  bytes[at] = header.version;
  bytes[at + 1] = header.type;
  putBe16(bytes, at + 2, header.length);
  return at + HEADER_LENGTH;
}

export interface EapHeader {
  code: number;
  identifier: number;
  /** Of the whole packet. */
  length: number;
}

export function parseEap(bytes: Uint8Array, at: number, end: number): EapHeader | Stop {
  if (end - at < EAP_HEADER_LENGTH) return truncated('eap', at, EAP_HEADER_LENGTH, end - at);
  return { code: bytes[at]!, identifier: bytes[at + 1]!, length: length(bytes, at) };
}

/** Writes the header of an EAP packet at `at`; gives the offset behind it. */
export function emitEap(bytes: Uint8Array, at: number, header: EapHeader): number {
  bytes[at] = header.code;
  bytes[at + 1] = header.identifier;
  putBe16(bytes, at + 2, header.length);
  return at + EAP_HEADER_LENGTH;
}
