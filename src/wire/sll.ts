import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** Linux cooked capture, LINKTYPE_LINUX_SLL (the savefile registry's description). All fields are big-endian.
 *
 *     0              2              4               6             14           16
 *    | packet type  | ARPHRD_ type | address length| address (8) | protocol   |
 */
const PACKET_TYPE = 0;
const HARDWARE_TYPE = 2;
const ADDRESS_LENGTH = 4;
const ADDRESS = 6;
const PROTOCOL = 14;
export const HEADER_LENGTH = 16;
const ADDRESS_SPACE = 8;

/** Packet types of both cooked forms, and of struct sockaddr_ll's sll_pkttype. */
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

/** Protocol values below 1536: no EtherType, but Linux's ETH_P_802_3 (Novell's raw 802.3) and ETH_P_802_2 (LLC). */
export const PROTOCOL_802_3 = 1;
export const PROTOCOL_802_2 = 4;

/** ARPHRD_ types whose payload is told otherwise than by an EtherType (linux/if_arp.h). */
export const ARPHRD_ETHERNET = 1;
export const ARPHRD_LOOPBACK = 772;
export const ARPHRD_FRELAY = 770;
export const ARPHRD_IPGRE = 778;
export const ARPHRD_NETLINK = 824;

/** The caller has checked that 16 bytes are there, as for all below. */
export const packetType = (bytes: Uint8Array, at: number): number => be16(bytes, at + PACKET_TYPE);
export const hardwareType = (bytes: Uint8Array, at: number): number => be16(bytes, at + HARDWARE_TYPE);
export const addressLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + ADDRESS_LENGTH);
export const addressAt = (at: number): number => at + ADDRESS;
export const protocol = (bytes: Uint8Array, at: number): number => be16(bytes, at + PROTOCOL);

export interface SllHeader {
  packetType: number;
  hardwareType: number;
  /** At most eight bytes; a longer address is cut. */
  address: Uint8Array;
  /** The length that the header states, where it is not the address's. */
  addressLength?: number;
  protocol: number;
}

export function parse(bytes: Uint8Array, at: number, end: number): SllHeader | Stop {
  if (end - at < HEADER_LENGTH) return truncated('sll', at, HEADER_LENGTH, end - at);
  return {
    packetType: packetType(bytes, at),
    hardwareType: hardwareType(bytes, at),
    address: copyOf(bytes, at + ADDRESS, Math.min(addressLength(bytes, at), ADDRESS_SPACE)),
    addressLength: addressLength(bytes, at),
    protocol: protocol(bytes, at),
  };
}

/** Writes the header at `at`; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, header: SllHeader): number {
  putBe16(bytes, at + PACKET_TYPE, header.packetType);
  putBe16(bytes, at + HARDWARE_TYPE, header.hardwareType);
  putBe16(bytes, at + ADDRESS_LENGTH, header.addressLength ?? header.address.length);
  bytes.fill(0, at + ADDRESS, at + ADDRESS + ADDRESS_SPACE);
  bytes.set(header.address.subarray(0, ADDRESS_SPACE), at + ADDRESS);
  putBe16(bytes, at + PROTOCOL, header.protocol);
  return at + HEADER_LENGTH;
}
