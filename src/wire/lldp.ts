import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** LLDP, IEEE 802.1AB 8: a list of type-length-values, type in seven bits, length in nine. */
export const TLV_HEADER_LENGTH = 2;
export const TLV_END = 0;
export const TLV_CHASSIS_ID = 1;
export const TLV_PORT_ID = 2;
export const TLV_TTL = 3;
export const TLV_PORT_DESCRIPTION = 4;
export const TLV_SYSTEM_NAME = 5;
export const TLV_SYSTEM_DESCRIPTION = 6;
export const TLV_CAPABILITIES = 7;
export const TLV_MANAGEMENT_ADDRESS = 8;
export const TLV_ORGANIZATION = 127;

export const OUI_8021 = 0x0080c2;
export const OUI_8023 = 0x00120f;
export const OUI_TIA = 0x0012bb;

/** Type of the value at `at`, of whose header two bytes are there. */
export const tlvType = (bytes: Uint8Array, at: number): number => bytes[at]! >>> 1;
/** Length without the header. */
export const tlvLength = (bytes: Uint8Array, at: number): number => be16(bytes, at) & 0x1ff;

/** Writes a value at `at`; gives the offset behind it. */
export function emitTlv(bytes: Uint8Array, at: number, type: number, value: Uint8Array): number {
  putBe16(bytes, at, (type << 9) | value.length);
  bytes.set(value, at + TLV_HEADER_LENGTH);
  return at + TLV_HEADER_LENGTH + value.length;
}

export interface LldpTlv {
  type: number;
  /** At most 511 bytes. */
  value: Uint8Array;
}

/** The values from `at` on, up to the one that ends the list (it is not among them) or `end`. */
export function parse(bytes: Uint8Array, at: number, end: number): LldpTlv[] | Stop {
  const values: LldpTlv[] = [];
  while (at < end) {
    if (end - at < TLV_HEADER_LENGTH) return truncated('lldp', at, TLV_HEADER_LENGTH, end - at);
    const type = tlvType(bytes, at);
    const length = TLV_HEADER_LENGTH + tlvLength(bytes, at);
    if (end - at < length) return truncated('lldp', at, length, end - at, 'lldp.tlv.len');
    if (type === TLV_END) break;
    values.push({ type, value: copyOf(bytes, at + TLV_HEADER_LENGTH, length - TLV_HEADER_LENGTH) });
    at += length;
  }
  return values;
}

/** Bytes that `emit` writes. */
export const emittedLength = (values: readonly LldpTlv[]): number =>
  values.reduce((sum, { value }) => sum + TLV_HEADER_LENGTH + value.length, TLV_HEADER_LENGTH);

/** Writes the values at `at`, and the one that ends the list; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, values: readonly LldpTlv[]): number {
  for (const { type, value } of values) at = emitTlv(bytes, at, type, value);
  return emitTlv(bytes, at, TLV_END, new Uint8Array(0));
}
