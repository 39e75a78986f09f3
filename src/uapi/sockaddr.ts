import { be16, putBe16 } from '../bytes/endian.ts';
import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from './host.ts';
import { sockaddr_ll } from './if_packet.ts';
import { sockaddr_in } from './in.ts';
import { sockaddr_in6 } from './in6.ts';
import { sockaddr_nl } from './netlink.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from './socket.ts';
import { sockaddr_un } from './un.ts';

/** Socket addresses between values and bytes. Each encoder returns a buffer of its own with the structure's full size;
 * each decoder copies, and the caller has checked the family. */

/** sa_family of the address, AF_UNSPEC where fewer than two bytes are there. */
export const sockaddrFamily = (bytes: Uint8Array, length = bytes.length): number =>
  length < 2 ? 0 : hostU16(bytes, 0);

/** Room for any socket address, sizeof(struct sockaddr_storage). */
export const SOCKADDR_STORAGE_SIZE = 128;

/** struct sockaddr_in (ip(7)). The port is in host order. */
export interface SockaddrIn {
  /** 4 bytes. */
  address: Uint8Array;
  port: number;
}

export function encodeSockaddrIn({ address, port }: SockaddrIn): Uint8Array {
  const bytes = new Uint8Array(sockaddr_in.sizeof);
  putHostU16(bytes, sockaddr_in.sin_family, AF_INET);
  putBe16(bytes, sockaddr_in.sin_port, port);
  bytes.set(address, sockaddr_in.sin_addr);
  return bytes;
}

export const decodeSockaddrIn = (bytes: Uint8Array, at = 0): SockaddrIn => ({
  address: bytes.slice(at + sockaddr_in.sin_addr, at + sockaddr_in.sin_addr + 4),
  port: be16(bytes, at + sockaddr_in.sin_port),
});

/** struct sockaddr_in6 (ipv6(7)). The port is in host order. */
export interface SockaddrIn6 {
  /** 16 bytes. */
  address: Uint8Array;
  port: number;
  /** Traffic class and flow label, 28 bits in host order. */
  flowInfo?: number;
  /** Index of the interface, for link-local addresses. */
  scopeId?: number;
}

export function encodeSockaddrIn6({ address, port, flowInfo = 0, scopeId = 0 }: SockaddrIn6): Uint8Array {
  const bytes = new Uint8Array(sockaddr_in6.sizeof);
  putHostU16(bytes, sockaddr_in6.sin6_family, AF_INET6);
  putBe16(bytes, sockaddr_in6.sin6_port, port);
  putBe16(bytes, sockaddr_in6.sin6_flowinfo, flowInfo >>> 16);
  putBe16(bytes, sockaddr_in6.sin6_flowinfo + 2, flowInfo & 0xffff);
  bytes.set(address, sockaddr_in6.sin6_addr);
  putHostU32(bytes, sockaddr_in6.sin6_scope_id, scopeId);
  return bytes;
}

export const decodeSockaddrIn6 = (bytes: Uint8Array, at = 0): Required<SockaddrIn6> => ({
  address: bytes.slice(at + sockaddr_in6.sin6_addr, at + sockaddr_in6.sin6_addr + 16),
  port: be16(bytes, at + sockaddr_in6.sin6_port),
  flowInfo: be16(bytes, at + sockaddr_in6.sin6_flowinfo) * 0x10000 + be16(bytes, at + sockaddr_in6.sin6_flowinfo + 2),
  scopeId: hostU32(bytes, at + sockaddr_in6.sin6_scope_id),
});

/** struct sockaddr_ll (packet(7)). The protocol is in host order here and in network order in the structure. */
export interface SockaddrLl {
  protocol: number;
  ifindex: number;
  /** ARPHRD_ value. */
  hatype?: number;
  /** PACKET_HOST, PACKET_BROADCAST... */
  pkttype?: number;
  /** Physical-layer address. Up to 8 bytes are held. */
  address?: Uint8Array;
}

export function encodeSockaddrLl({ protocol, ifindex, hatype = 0, pkttype = 0, address }: SockaddrLl): Uint8Array {
  const bytes = new Uint8Array(sockaddr_ll.sizeof);
  putHostU16(bytes, sockaddr_ll.sll_family, AF_PACKET);
  putBe16(bytes, sockaddr_ll.sll_protocol, protocol);
  putHostU32(bytes, sockaddr_ll.sll_ifindex, ifindex);
  putHostU16(bytes, sockaddr_ll.sll_hatype, hatype);
  bytes[sockaddr_ll.sll_pkttype] = pkttype;
  if (address) {
    bytes[sockaddr_ll.sll_halen] = address.length;
    bytes.set(address.subarray(0, 8), sockaddr_ll.sll_addr);
  }
  return bytes;
}

export function decodeSockaddrLl(bytes: Uint8Array, at = 0): Required<SockaddrLl> {
  const length = Math.min(8, bytes[at + sockaddr_ll.sll_halen]!);
  return {
    protocol: be16(bytes, at + sockaddr_ll.sll_protocol),
    ifindex: hostI32(bytes, at + sockaddr_ll.sll_ifindex),
    hatype: hostU16(bytes, at + sockaddr_ll.sll_hatype),
    pkttype: bytes[at + sockaddr_ll.sll_pkttype]!,
    address: bytes.slice(at + sockaddr_ll.sll_addr, at + sockaddr_ll.sll_addr + length),
  };
}

/** struct sockaddr_nl (netlink(7)). */
export interface SockaddrNl {
  /** Port: 0 is the kernel. */
  pid: number;
  /** Multicast groups, a mask. */
  groups: number;
}

export function encodeSockaddrNl({ pid, groups }: SockaddrNl): Uint8Array {
  const bytes = new Uint8Array(sockaddr_nl.sizeof);
  putHostU16(bytes, sockaddr_nl.nl_family, AF_NETLINK);
  putHostU32(bytes, sockaddr_nl.nl_pid, pid);
  putHostU32(bytes, sockaddr_nl.nl_groups, groups);
  return bytes;
}

export const decodeSockaddrNl = (bytes: Uint8Array, at = 0): SockaddrNl => ({
  pid: hostU32(bytes, at + sockaddr_nl.nl_pid),
  groups: hostU32(bytes, at + sockaddr_nl.nl_groups),
});

/** struct sockaddr_un (unix(7)), as long as the path asks. An abstract address starts with a NUL. Throws RangeError when
 * the path and its NUL do not fit into 108 bytes. */
export function encodeSockaddrUn(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  const room = sockaddr_un.sizeof - sockaddr_un.sun_path;
  const length = name.length + (name[0] === 0 ? 0 : 1);
  if (length > room) throw new RangeError(`path: ${name.length} bytes do not fit into a socket address of ${room}`);
  const bytes = new Uint8Array(sockaddr_un.sun_path + length);
  putHostU16(bytes, sockaddr_un.sun_family, AF_UNIX);
  bytes.set(name, sockaddr_un.sun_path);
  return bytes;
}

/** The path in the first `length` bytes; '' for an unnamed socket; an abstract one keeps its leading NUL. */
export function decodeSockaddrUn(bytes: Uint8Array, length = bytes.length): string {
  const path = bytes.subarray(sockaddr_un.sun_path, length);
  const end = path[0] === 0 ? path.length : path.indexOf(0);
  return new TextDecoder().decode(end < 0 ? path : path.subarray(0, end));
}
