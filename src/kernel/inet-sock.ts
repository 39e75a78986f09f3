import { Inet6Cork, type Ipv6TxOptions } from './ipv6/flow.ts';
import { type DstEntry, type Net, type Proto, type SkFilter, Sock } from './structs.ts';
import type { IpOptions } from './structs-plain.ts';

/** struct inet_sock: what sockets of IPv4 and IPv6 have beyond struct sock. Ports and addresses are in host order. */

// inet_cmsg_flags
export const IP_CMSG_PKTINFO = 1;
export const IP_CMSG_TTL = 2;
export const IP_CMSG_TOS = 4;
export const IP_CMSG_RECVOPTS = 8;
export const IP_CMSG_RETOPTS = 16;
export const IP_CMSG_PASSSEC = 32;
export const IP_CMSG_ORIGDSTADDR = 64;
export const IP_CMSG_CHECKSUM = 128;
export const IP_CMSG_RECVFRAGSIZE = 256;

/** struct sock_reuseport: one group. */
export interface SockReuseport {
  /** In the order in which they joined; the last takes the place of one that leaves. */
  readonly socks: InetSock[];
  /** SO_ATTACH_REUSEPORT_CBPF: its answer is an index into `socks`. */
  prog: SkFilter | null;
  /** One of them has been connected. Stays so. */
  hasConns: boolean;
}

/** What ip_append_data gathers until it is sent (struct inet_cork_full). */
export class InetCork {
  active = false;
  opt: IpOptions | null = null;
  dst: DstEntry | null = null;
  fragsize = 0;
  length = 0;
  addr = 0;
  ttl = 0;
  /** -1: the socket's. */
  tos = -1;
  priority = 0;
  mark = 0;
  gsoSize = 0;
  /** SOF_TIMESTAMPING_ bits of the datagram's first packet. */
  tsflags = 0;
  /** Type of the ICMP message that the last part of a raw socket's datagram looked like; -1: as the packet has it. */
  icmpType = -1;
  saddr = 0;
  daddr = 0;
  sport = 0;
  dport = 0;
}

export interface IpMcSocklist {
  multiaddr: number;
  ifindex: number;
  address: number;
  sfmode: number;
  sources: number[];
}

export class InetSock extends Sock {
  /** Port bound to (inet_num). */
  num = 0;
  rcvSaddr = 0;
  saddr = 0;
  daddr = 0;
  dport = 0;
  sport = 0;
  ucTtl = -1;
  tos = 0;
  minTtl = 0;
  mcTtl = 1;
  mcLoop = true;
  mcAll = true;
  mcIndex = 0;
  mcAddr = 0;
  ucIndex = 0;
  pmtudisc = 1;
  cmsgFlags = 0;
  recverr = false;
  recverrRfc4884 = false;
  hdrincl = false;
  freebind = false;
  transparent = false;
  nodefrag = false;
  bindAddressNoPort = false;
  routerAlert = false;
  localPortRange = 0;
  opt: IpOptions | null = null;
  mcList: IpMcSocklist[] = [];
  /** Identification of the next packet of a connected socket. */
  ident = 0;
  readonly cork = new InetCork();
  // udp_sock
  corkflag = false;
  /** 0, AF_INET or AF_INET6: frames pending under a cork. */
  pending = 0;
  encapType = 0;
  gsoSize = 0;
  groEnabled = false;
  noCheck6Tx = false;
  noCheck6Rx = false;
  pcslen = 0;
  pcrlen = 0;
  /** UDP-Lite: 1 the protocol itself, 2 send coverage set, 4 receive coverage set. */
  pcflag = 0;
  len = 0;
  forwardDeficit = 0;
  forwardThreshold = 0;
  /** Place in the port tables. */
  hashed = false;
  reuseportGroup: SockReuseport | null = null;
  // raw_sock
  icmpFilter = 0;
  icmp6Filter: Uint32Array | null = null;
  // ipv6_pinfo, made for sockets of AF_INET6
  inet6: Inet6SockFields | null = null;

  constructor(net: Net, family: number, prot: Proto) {
    super(net, family, prot);
    this.forwardThreshold = this.rcvbuf >> 2;
  }
}

/** Bits of rxopt: what is told with each packet of IPv6. Those with an O are of RFC 2292. */
export const RXOPT_RXINFO = 1;
export const RXOPT_RXOINFO = 2;
export const RXOPT_RXHLIM = 4;
export const RXOPT_RXOHLIM = 8;
export const RXOPT_HOPOPTS = 0x10;
export const RXOPT_OHOPOPTS = 0x20;
export const RXOPT_DSTOPTS = 0x40;
export const RXOPT_ODSTOPTS = 0x80;
export const RXOPT_SRCRT = 0x100;
export const RXOPT_OSRCRT = 0x200;
export const RXOPT_RXTCLASS = 0x400;
export const RXOPT_RXFLOW = 0x800;
export const RXOPT_RXPMTU = 0x1000;
export const RXOPT_RXORIGDSTADDR = 0x2000;
export const RXOPT_RECVFRAGSIZE = 0x4000;

/** struct ipv6_pinfo and the IPv6 part of struct inet_sock. */
export class Inet6SockFields {
  /** Addresses of 16 bytes. */
  saddr: Uint8Array = new Uint8Array(16);
  daddr: Uint8Array = new Uint8Array(16);
  rcvSaddr: Uint8Array = new Uint8Array(16);
  /** Flow label and traffic class of a connected socket (np->flow_label), host order. */
  flowLabel = 0;
  /** -1: as the route has it. */
  hopLimit = -1;
  mcastHops = 1;
  tclass = 0;
  minHopcount = 0;
  mcastOif = 0;
  ucastOif = 0;
  v6only = false;
  mcLoop = true;
  mcAll = true;
  recverr = false;
  recverrRfc4884 = false;
  sndflow = false;
  pmtudisc = 1;
  dontfrag = false;
  autoflowlabel = false;
  autoflowlabelSet = false;
  srcprefs = 0;
  /** IPV6_MTU: fragments of at most this; 0: the path's. */
  frag = 0;
  routerAlert = -1;
  rtalertIsolate = false;
  repflow = false;
  /** RXOPT_ bits. */
  rxopt = 0;
  stickyPktinfoIfindex = 0;
  stickyPktinfoAddr: Uint8Array = new Uint8Array(16);
  opt: Ipv6TxOptions | null = null;
  mcList: Ipv6McSocklist[] = [];
  acList: { addr: Uint8Array; ifindex: number }[] = [];
  /** Offset of the checksum in a raw socket's data; -1: none. */
  checksumOffset = -1;
  rxpmtu: { addr: Uint8Array; scope: number; mtu: number } | null = null;
  /** What ip6AppendData gathers. */
  readonly cork = new Inet6Cork();
}

/** struct ipv6_mc_socklist: a membership of a socket. `sfmode` is MCAST_EXCLUDE (0) or MCAST_INCLUDE (1). */
export interface Ipv6McSocklist {
  addr: Uint8Array;
  ifindex: number;
  sfmode: number;
  sources: Uint8Array[];
  /** A list of sources was made; it stays one (sflist) when its last source is taken out. */
  listed: boolean;
}

export const inetSk = (sk: Sock): InetSock => sk as InetSock;
