import { checksum as internetChecksum, sum } from '../bytes/checksum.ts';
import { be16 } from '../bytes/endian.ts';

/** Cisco's discovery protocol, in SNAP frames of Cisco's OUI: a header, then type-length-values whose length counts type
 * and length.
 *
 *     0         1     2          4
 *    | version | TTL | checksum | type (2), length (2), value …
 */
const VERSION = 0;
const TTL = 1;
const CHECKSUM = 2;
export const HEADER_LENGTH = 4;
export const TLV_HEADER_LENGTH = 4;
/** Protocol of SNAP. */
export const SNAP_PID = 0x2000;

export const TLV_DEVICE_ID = 0x01;
export const TLV_ADDRESSES = 0x02;
export const TLV_PORT_ID = 0x03;
export const TLV_CAPABILITIES = 0x04;
export const TLV_VERSION = 0x05;
export const TLV_PLATFORM = 0x06;
export const TLV_PREFIXES = 0x07;
export const TLV_HELLO = 0x08;
export const TLV_VTP_DOMAIN = 0x09;
export const TLV_NATIVE_VLAN = 0x0a;
export const TLV_DUPLEX = 0x0b;
export const TLV_VOIP_VLAN_REPLY = 0x0e;
export const TLV_VOIP_VLAN_QUERY = 0x0f;
export const TLV_POWER = 0x10;
export const TLV_MTU = 0x11;
export const TLV_TRUST = 0x12;
export const TLV_UNTRUSTED_COS = 0x13;
export const TLV_SYSTEM_NAME = 0x14;
export const TLV_SYSTEM_OBJECT_ID = 0x15;
export const TLV_MANAGEMENT_ADDRESSES = 0x16;
export const TLV_LOCATION = 0x17;

/** The caller has checked that four bytes are there, as for all below. */
export const version = (bytes: Uint8Array, at: number): number => bytes[at + VERSION]!;
/** Seconds. */
export const ttl = (bytes: Uint8Array, at: number): number => bytes[at + TTL]!;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const tlvType = (bytes: Uint8Array, at: number): number => be16(bytes, at);
/** Type and length counted. */
export const tlvLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + 2);

/** 0 where the checksum of the packet from `at` up to `end` is right. Of an odd length the last byte counts as a signed
 * number of 16 bits, less one where it is negative: what Cisco's devices send. */
export function verify(bytes: Uint8Array, at: number, end: number): number {
  if ((end - at) % 2 === 0) return internetChecksum(bytes, at, end);
  const last = bytes[end - 1]!;
  const word = (last & 0x80) === 0 ? last : 0xff00 | (last - 1);
  return internetChecksum(bytes, at, at, sum(bytes, at, end - 1) + word);
}
