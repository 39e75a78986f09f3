import { hostI32, putHostU32 } from './host.ts';

/** linux/in6.h and linux/ipv6.h: IPv6 protocols (extension headers), socket options and addresses. */

export const IPPROTO_HOPOPTS = 0;
export const IPPROTO_ROUTING = 43;
export const IPPROTO_FRAGMENT = 44;
export const IPPROTO_ICMPV6 = 58;
export const IPPROTO_NONE = 59;
export const IPPROTO_DSTOPTS = 60;
export const IPPROTO_MH = 135;

// Options of level SOL_IPV6.
export const IPV6_ADDRFORM = 1;
export const IPV6_2292PKTINFO = 2;
export const IPV6_2292HOPOPTS = 3;
export const IPV6_2292DSTOPTS = 4;
export const IPV6_2292RTHDR = 5;
export const IPV6_2292PKTOPTIONS = 6;
export const IPV6_CHECKSUM = 7;
export const IPV6_2292HOPLIMIT = 8;
export const IPV6_NEXTHOP = 9;
export const IPV6_AUTHHDR = 10;
export const IPV6_FLOWINFO = 11;
export const IPV6_UNICAST_HOPS = 16;
export const IPV6_MULTICAST_IF = 17;
export const IPV6_MULTICAST_HOPS = 18;
export const IPV6_MULTICAST_LOOP = 19;
export const IPV6_ADD_MEMBERSHIP = 20;
export const IPV6_DROP_MEMBERSHIP = 21;
export const IPV6_ROUTER_ALERT = 22;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_RECVERR = 25;
export const IPV6_V6ONLY = 26;
export const IPV6_JOIN_ANYCAST = 27;
export const IPV6_LEAVE_ANYCAST = 28;
export const IPV6_MULTICAST_ALL = 29;
export const IPV6_ROUTER_ALERT_ISOLATE = 30;
export const IPV6_RECVERR_RFC4884 = 31;
export const IPV6_FLOWLABEL_MGR = 32;
export const IPV6_FLOWINFO_SEND = 33;
export const IPV6_IPSEC_POLICY = 34;
export const IPV6_XFRM_POLICY = 35;
export const IPV6_HDRINCL = 36;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVHOPLIMIT = 51;
export const IPV6_HOPLIMIT = 52;
export const IPV6_RECVHOPOPTS = 53;
export const IPV6_HOPOPTS = 54;
export const IPV6_RTHDRDSTOPTS = 55;
export const IPV6_RECVRTHDR = 56;
export const IPV6_RTHDR = 57;
export const IPV6_RECVDSTOPTS = 58;
export const IPV6_DSTOPTS = 59;
export const IPV6_RECVPATHMTU = 60;
export const IPV6_PATHMTU = 61;
export const IPV6_DONTFRAG = 62;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const IPV6_AUTOFLOWLABEL = 70;
export const IPV6_ADDR_PREFERENCES = 72;
export const IPV6_MINHOPCOUNT = 73;
export const IPV6_ORIGDSTADDR = 74;
export const IPV6_RECVORIGDSTADDR = 74;
export const IPV6_TRANSPARENT = 75;
export const IPV6_UNICAST_IF = 76;
export const IPV6_RECVFRAGSIZE = 77;
export const IPV6_FREEBIND = 78;

// Values of IPV6_MTU_DISCOVER.
export const IPV6_PMTUDISC_DONT = 0;
export const IPV6_PMTUDISC_WANT = 1;
export const IPV6_PMTUDISC_DO = 2;
export const IPV6_PMTUDISC_PROBE = 3;
export const IPV6_PMTUDISC_INTERFACE = 4;
export const IPV6_PMTUDISC_OMIT = 5;

export const sockaddr_in6 = {
  sizeof: 28,
  sin6_family: 0,
  sin6_port: 2,
  sin6_flowinfo: 4,
  sin6_addr: 8,
  sin6_scope_id: 24,
} as const;
export const ipv6_mreq = { sizeof: 20, ipv6mr_multiaddr: 0, ipv6mr_ifindex: 16 } as const;
export const in6_pktinfo = { sizeof: 20, ipi6_addr: 0, ipi6_ifindex: 16 } as const;

/** struct ipv6_mreq, the value of IPV6_ADD_MEMBERSHIP and IPV6_DROP_MEMBERSHIP. The address is 16 bytes. */
export function encodeIpv6Mreq(multicast: Uint8Array, ifindex: number): Uint8Array {
  const bytes = new Uint8Array(ipv6_mreq.sizeof);
  bytes.set(multicast, ipv6_mreq.ipv6mr_multiaddr);
  putHostU32(bytes, ipv6_mreq.ipv6mr_ifindex, ifindex);
  return bytes;
}

/** struct in6_pktinfo, the data of IPV6_PKTINFO. Copies out of `bytes`, which holds at least 20. */
export const decodeIn6Pktinfo = (bytes: Uint8Array): { addr: Uint8Array; ifindex: number } => ({
  addr: bytes.slice(in6_pktinfo.ipi6_addr, in6_pktinfo.ipi6_addr + 16),
  ifindex: hostI32(bytes, in6_pktinfo.ipi6_ifindex),
});

export function encodeIn6Pktinfo({ addr, ifindex }: { addr: Uint8Array; ifindex: number }): Uint8Array {
  const bytes = new Uint8Array(in6_pktinfo.sizeof);
  bytes.set(addr, in6_pktinfo.ipi6_addr);
  putHostU32(bytes, in6_pktinfo.ipi6_ifindex, ifindex);
  return bytes;
}
