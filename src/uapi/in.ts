import { hostI32, putHostU32 } from './host.ts';

/** linux/in.h: IPv4 protocols, socket options and addresses. */

export const IPPROTO_IP = 0;
export const IPPROTO_ICMP = 1;
export const IPPROTO_IGMP = 2;
export const IPPROTO_IPIP = 4;
export const IPPROTO_TCP = 6;
export const IPPROTO_EGP = 8;
export const IPPROTO_PUP = 12;
export const IPPROTO_UDP = 17;
export const IPPROTO_IDP = 22;
export const IPPROTO_TP = 29;
export const IPPROTO_DCCP = 33;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_RSVP = 46;
export const IPPROTO_GRE = 47;
export const IPPROTO_ESP = 50;
export const IPPROTO_AH = 51;
export const IPPROTO_MTP = 92;
export const IPPROTO_BEETPH = 94;
export const IPPROTO_ENCAP = 98;
export const IPPROTO_PIM = 103;
export const IPPROTO_COMP = 108;
export const IPPROTO_L2TP = 115;
export const IPPROTO_SCTP = 132;
export const IPPROTO_UDPLITE = 136;
export const IPPROTO_MPLS = 137;
export const IPPROTO_ETHERNET = 143;
export const IPPROTO_RAW = 255;
export const IPPROTO_MPTCP = 262;

// Options of level SOL_IP.
export const IP_TOS = 1;
export const IP_TTL = 2;
export const IP_HDRINCL = 3;
export const IP_OPTIONS = 4;
export const IP_ROUTER_ALERT = 5;
export const IP_RECVOPTS = 6;
export const IP_RECVRETOPTS = 7;
export const IP_RETOPTS = 7;
export const IP_PKTINFO = 8;
export const IP_PKTOPTIONS = 9;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVERR = 11;
export const IP_RECVTTL = 12;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_FREEBIND = 15;
export const IP_IPSEC_POLICY = 16;
export const IP_XFRM_POLICY = 17;
export const IP_PASSSEC = 18;
export const IP_TRANSPARENT = 19;
export const IP_ORIGDSTADDR = 20;
export const IP_RECVORIGDSTADDR = 20;
export const IP_MINTTL = 21;
export const IP_NODEFRAG = 22;
export const IP_CHECKSUM = 23;
export const IP_BIND_ADDRESS_NO_PORT = 24;
export const IP_RECVFRAGSIZE = 25;
export const IP_RECVERR_RFC4884 = 26;
export const IP_MULTICAST_IF = 32;
export const IP_MULTICAST_TTL = 33;
export const IP_MULTICAST_LOOP = 34;
export const IP_ADD_MEMBERSHIP = 35;
export const IP_DROP_MEMBERSHIP = 36;
export const IP_UNBLOCK_SOURCE = 37;
export const IP_BLOCK_SOURCE = 38;
export const IP_ADD_SOURCE_MEMBERSHIP = 39;
export const IP_DROP_SOURCE_MEMBERSHIP = 40;
export const IP_MSFILTER = 41;
export const IP_MULTICAST_ALL = 49;
export const IP_UNICAST_IF = 50;
export const IP_LOCAL_PORT_RANGE = 51;
export const IP_PROTOCOL = 52;

// Values of IP_MTU_DISCOVER.
export const IP_PMTUDISC_DONT = 0;
export const IP_PMTUDISC_WANT = 1;
export const IP_PMTUDISC_DO = 2;
export const IP_PMTUDISC_PROBE = 3;
export const IP_PMTUDISC_INTERFACE = 4;
export const IP_PMTUDISC_OMIT = 5;

// Addresses, in host order.
export const INADDR_ANY = 0x0;
export const INADDR_LOOPBACK = 0x7f000001;
export const INADDR_UNSPEC_GROUP = 0xe0000000;
export const INADDR_ALLHOSTS_GROUP = 0xe0000001;
export const INADDR_ALLRTRS_GROUP = 0xe0000002;
export const INADDR_ALLSNOOPERS_GROUP = 0xe000006a;
export const INADDR_MAX_LOCAL_GROUP = 0xe00000ff;
export const INADDR_BROADCAST = 0xffffffff;
export const INADDR_NONE = 0xffffffff;

export const sockaddr_in = { sizeof: 16, sin_family: 0, sin_port: 2, sin_addr: 4 } as const;
export const ip_mreqn = { sizeof: 12, imr_multiaddr: 0, imr_address: 4, imr_ifindex: 8 } as const;
export const in_pktinfo = { sizeof: 12, ipi_ifindex: 0, ipi_spec_dst: 4, ipi_addr: 8 } as const;

/** struct ip_mreqn, the value of IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP and IP_MULTICAST_IF. Addresses are 4 bytes. */
export function encodeIpMreqn(multicast: Uint8Array, address: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(ip_mreqn.sizeof);
  bytes.set(multicast, ip_mreqn.imr_multiaddr);
  bytes.set(address, ip_mreqn.imr_address);
  putHostU32(bytes, ip_mreqn.imr_ifindex, ifindex);
  return bytes;
}

/** struct in_pktinfo, the data of IP_PKTINFO: where a datagram came in (ip(7)). */
export interface InPktinfo {
  ifindex: number;
  /** Local address of the packet, 4 bytes. */
  specDst: Uint8Array;
  /** Destination address in the header, 4 bytes. */
  addr: Uint8Array;
}

/** Copies out of `bytes`, which holds at least 12. */
export const decodeInPktinfo = (bytes: Uint8Array): InPktinfo => ({
  ifindex: hostI32(bytes, in_pktinfo.ipi_ifindex),
  specDst: bytes.slice(in_pktinfo.ipi_spec_dst, in_pktinfo.ipi_spec_dst + 4),
  addr: bytes.slice(in_pktinfo.ipi_addr, in_pktinfo.ipi_addr + 4),
});

export function encodeInPktinfo({ ifindex, specDst, addr }: InPktinfo): Uint8Array {
  const bytes = new Uint8Array(in_pktinfo.sizeof);
  putHostU32(bytes, in_pktinfo.ipi_ifindex, ifindex);
  bytes.set(specDst, in_pktinfo.ipi_spec_dst);
  bytes.set(addr, in_pktinfo.ipi_addr);
  return bytes;
}
