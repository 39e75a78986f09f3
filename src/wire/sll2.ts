import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** Linux cooked capture version 2, LINKTYPE_LINUX_SLL2 (the savefile registry's description). All fields are big-endian.
 *
 *     0           2          4                 8              10            11              12           20
 *    | protocol  | reserved | interface index | ARPHRD_ type | packet type | address length| address (8)|
 */
const PROTOCOL = 0;
const RESERVED = 2;
const INTERFACE_INDEX = 4;
const HARDWARE_TYPE = 8;
const PACKET_TYPE = 10;
const ADDRESS_LENGTH = 11;
const ADDRESS = 12;
export const HEADER_LENGTH = 20;
const ADDRESS_SPACE = 8;

/** The caller has checked that 20 bytes are there, as for all below. */
export const protocol = (bytes: Uint8Array, at: number): number => be16(bytes, at + PROTOCOL);
export const interfaceIndex = (bytes: Uint8Array, at: number): number => be32(bytes, at + INTERFACE_INDEX);
export const hardwareType = (bytes: Uint8Array, at: number): number => be16(bytes, at + HARDWARE_TYPE);
/** As in `sll.ts`. */
export const packetType = (bytes: Uint8Array, at: number): number => bytes[at + PACKET_TYPE]!;
export const addressLength = (bytes: Uint8Array, at: number): number => bytes[at + ADDRESS_LENGTH]!;
export const addressAt = (at: number): number => at + ADDRESS;

export interface Sll2Header {
  protocol: number;
  interfaceIndex: number;
  hardwareType: number;
  packetType: number;
  /** At most eight bytes; a longer address is cut. */
  address: Uint8Array;
  /** The length that the header states, where it is not the address's. */
  addressLength?: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): Sll2Header | Stop {
  if (end - at < HEADER_LENGTH) return truncated('sll', at, HEADER_LENGTH, end - at);
  return {
    protocol: protocol(bytes, at),
    interfaceIndex: interfaceIndex(bytes, at),
    hardwareType: hardwareType(bytes, at),
    packetType: packetType(bytes, at),
    address: copyOf(bytes, at + ADDRESS, Math.min(addressLength(bytes, at), ADDRESS_SPACE)),
    addressLength: addressLength(bytes, at),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: Sll2Header): number {
  putBe16(bytes, at + PROTOCOL, header.protocol);
  putBe16(bytes, at + RESERVED, 0);
  putBe32(bytes, at + INTERFACE_INDEX, header.interfaceIndex);
  putBe16(bytes, at + HARDWARE_TYPE, header.hardwareType);
  bytes[at + PACKET_TYPE] = header.packetType;
  bytes[at + ADDRESS_LENGTH] = header.addressLength ?? header.address.length;
  bytes.fill(0, at + ADDRESS, at + ADDRESS + ADDRESS_SPACE);
  bytes.set(header.address.subarray(0, ADDRESS_SPACE), at + ADDRESS);
  return at + HEADER_LENGTH;
}
