import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from '../wire/address.ts';

/** IP addresses as 4 or 16 bytes in network order: what kind they are, and where they go on a link. */

export const formatIp = (address: Uint8Array): string =>
  address.length === 4 ? formatIpv4(address) : formatIpv6(address);

/** The address's bytes, or null where the text is neither IPv4 nor IPv6. */
export const parseIp = (text: string): Uint8Array | null => parseIpv4(text) ?? parseIpv6(text);

export const isMulticast = (address: Uint8Array): boolean =>
  address.length === 4 ? address[0]! >>> 4 === 0xe : address[0] === 0xff;

/** RFC 4291 2.5.6 and 2.7: unicast in fe80::/10, and multicast whose scope is the link or the interface. Such an IPv6
 * address says nothing without a link. */
export const needsZone = (address: Uint8Array): boolean =>
  address.length === 16 &&
  ((address[0] === 0xfe && (address[1]! & 0xc0) === 0x80) || (address[0] === 0xff && (address[1]! & 0x0f) <= 2));

/** 127.0.0.0/8 or ::1. */
export const isLoopback = (address: Uint8Array): boolean =>
  address.length === 4 ? address[0] === 127 : address.every((byte, index) => byte === (index === 15 ? 1 : 0));

/** RFC 1112 6.4 and RFC 2464 7: where an IP multicast goes on Ethernet. */
export const multicastMac = (group: Uint8Array): Uint8Array =>
  group.length === 4
    ? Uint8Array.of(0x01, 0x00, 0x5e, group[1]! & 0x7f, group[2]!, group[3]!)
    : Uint8Array.of(0x33, 0x33, group[12]!, group[13]!, group[14]!, group[15]!);

export const sameAddress = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index]);
