import * as mib from '../mib.ts';
import type { Inet6Dev, NeighTable, Net, NetDevice, SkBuff } from '../structs.ts';
import { Ipv6Devconf } from '../structs-plain.ts';

/** What every room of IPv6 shares: sysctls, the table of transport protocols (inet6_protos), counters, and the functions
 * that rooms above register for the rooms below. */

/** net.ipv6.* that the data path reads. */
export class Ipv6Sysctl {
  bindv6only = 0;
  anycastSrcEchoReply = 0;
  flowlabelConsistency = 1;
  autoFlowlabels = 1;
  flowlabelStateRanges = 0;
  flowlabelReflect = 0;
  fwmarkReflect = 0;
  idgenRetries = 3;
  idgenDelay = 1;
  ipNonlocalBind = 0;
  maxDstOptsNumber = 8;
  maxHbhOptsNumber = 8;
  maxDstOptsLength = 2147483647;
  maxHbhLength = 2147483647;
  mldMaxMsf = 64;
  mldQrv = 2;
  icmpEchoIgnoreAll = 0;
  icmpEchoIgnoreMulticast = 0;
  icmpEchoIgnoreAnycast = 0;
  icmpErrorAnycastAsUnicast = 0;
  /** Milliseconds. */
  icmpRatelimit = 100;
  /** Types whose rate is limited, `0-1,3-127`. */
  readonly icmpRatemask: Uint8Array = new Uint8Array(256).fill(1, 0, 128);
  ip6fragHighThresh = 4194304;
  ip6fragLowThresh = 3145728;
  /** Seconds. */
  ip6fragTime = 60;
  seg6Flowlabel = 0;
  fibMultipathHashPolicy = 0;
  fibMultipathHashFields = 7;
  fibNotifyOnFlagChange = 0;
  ioam6Id = 0xffffff;
  // net.ipv6.route
  rtMtuExpires = 600;
  rtMinAdvmss = 1220;
  rtGcTimeout = 60;
  rtGcInterval = 30;
  rtGcThresh = 1024;
  rtGcElasticity = 9;
  rtMaxSize = 2147483647;
  rtGcMinIntervalMs = 500;
  rtSkipNotifyOnDevDown = 0;
}

/** struct inet6_protocol: a transport protocol. */
export interface Inet6Protocol {
  /** Takes the packet. `skb.data` is at the transport header, `skb.networkHeader` at the IPv6 header,
   * `skb.transportHeader === skb.data`, and `skb.opt6` (inet6_skb_parm) says which extension headers lie between. The
   * device it came in by is `skb.dev`, `inet6Iif(skb)` for sockets bound to one. Returns 0 once the buffer is consumed
   * or freed; a number above 0 asks for delivery to that next header at `skb.data` (with `skb.opt6.nhoff` at the byte
   * that says so). */
  handler(net: Net, skb: SkBuff): number;
  /** An ICMPv6 error about a packet of ours. `skb.data` is at the quoted IPv6 header, `skb.transportHeader` at the
   * ICMPv6 header of the error, and `skb.networkHeader` at the IPv6 header that carried it; the quoted transport header
   * is at `skb.data + offset`. `type`, `code` and `info` are the error's (info: the 32 bits after the checksum, in host
   * order: MTU or pointer). Does not take the buffer. */
  errHandler?(net: Net, skb: SkBuff, type: number, code: number, offset: number, info: number): number;
  /** INET6_PROTO_NOPOLICY and INET6_PROTO_FINAL: no further header may follow. */
  readonly final?: boolean;
}

export type Icmpv6Send = (net: Net, skb: SkBuff, type: number, code: number, info: number) => void;

export interface Ipv6State {
  readonly sysctl: Ipv6Sysctl;
  /** conf/all and conf/default. */
  readonly all: Ipv6Devconf;
  readonly dflt: Ipv6Devconf;
  /** inet6_protos. */
  readonly protos: (Inet6Protocol | null)[];
  /** raw6_local_deliver: raw sockets hear first, each a clone of `skb` (data at the transport header). True where one
   * took it. Registered by raw6. */
  rawLocalDeliver: (net: Net, skb: SkBuff, nexthdr: number) => boolean;
  /** ip6_call_ra_chain: sockets with IPV6_ROUTER_ALERT of this value. Takes the buffer where it gives true. */
  callRaChain: (net: Net, skb: SkBuff, value: number) => boolean;
  /** icmpv6_send, for rooms below icmpv6.ts. */
  icmpv6Send: Icmpv6Send;
  /** nd_tbl. */
  ndTbl: NeighTable | null;
  /** The packet that the last fragment made whole, on its way from the fragment header's handler to delivery. */
  reassembled: SkBuff | null;
}

export const IPV6_KEY = 20;
export const ipv6 = (net: Net): Ipv6State => net.gen[IPV6_KEY] as Ipv6State;
export const ipv6Sysctl = (net: Net): Ipv6Sysctl => ipv6(net).sysctl;
export const ndTbl = (net: Net): NeighTable => ipv6(net).ndTbl!;

export function ipv6StateInit(net: Net): void {
  const all = new Ipv6Devconf();
  const dflt = new Ipv6Devconf();
  // conf/all differs from conf/default in this one.
  all.acceptDad = 0;
  net.gen[IPV6_KEY] = {
    sysctl: new Ipv6Sysctl(),
    all,
    dflt,
    protos: new Array(256).fill(null),
    rawLocalDeliver: () => false,
    callRaChain: () => false,
    icmpv6Send: () => {},
    ndTbl: null,
    reassembled: null,
  } satisfies Ipv6State;
}

/** inet6_add_protocol */
export function inet6AddProtocol(net: Net, protocol: Inet6Protocol, number: number): void {
  ipv6(net).protos[number] = protocol;
}

// ---- flags of a packet (skb.cbFlags) ----
export const IP6SKB_XFRM_TRANSFORMED = 1;
export const IP6SKB_FORWARDED = 2;
export const IP6SKB_REROUTED = 4;
export const IP6SKB_ROUTERALERT = 8;
export const IP6SKB_FRAGMENTED = 16;
export const IP6SKB_HOPBYHOP = 32;
export const IP6SKB_L3SLAVE = 64;
export const IP6SKB_JUMBOGRAM = 128;

/** inet6_iif: index of the device that a socket must be bound to, or not bound at all, to have this packet. */
export const inet6Iif = (skb: SkBuff): number => (skb.opt6 === null ? skb.iif : skb.opt6.iif);

/** in6_dev_get: IPv6 on the device; null where it has none (its MTU is below 1280). */
export const in6Dev = (dev: NetDevice | null): Inet6Dev | null => (dev === null ? null : dev.ip6);
/** ip6_dst_idev */
export const ip6DstIdev = (skb: SkBuff): Inet6Dev | null => (skb.dst === null ? null : skb.dst.idev6);

// ---- counters: of the host (/proc/net/snmp6) and of the device (/proc/net/dev_snmp6/NAME) ----

/** IP6_INC_STATS */
export function ip6Inc(net: Net, idev: Inet6Dev | null, counter: number): void {
  net.mib.ip6[counter]!++;
  if (idev !== null) idev.ip6[counter]!++;
}
/** IP6_UPD_PO_STATS: packets at `counter`, their bytes at `octets`. */
export function ip6Upd(net: Net, idev: Inet6Dev | null, counter: number, octets: number, length: number): void {
  net.mib.ip6[counter]!++;
  net.mib.ip6[octets]! += length;
  if (idev === null) return;
  idev.ip6[counter]!++;
  idev.ip6[octets]! += length;
}
/** ICMP6_INC_STATS */
export function icmp6Inc(net: Net, idev: Inet6Dev | null, counter: number): void {
  net.mib.icmp6[counter]!++;
  if (idev !== null) idev.icmp6[counter]!++;
}
/** ICMP6MSGIN_INC_STATS */
export function icmp6MsgIn(net: Net, idev: Inet6Dev | null, type: number): void {
  (net.mib.icmp6Msg ??= new Float64Array(512))[type]!++;
  if (idev !== null) idev.icmp6Msg[type]!++;
}
/** ICMP6MSGOUT_INC_STATS and OutMsgs: a message of ICMPv6 goes out. */
export function icmp6OutCount(net: Net, idev: Inet6Dev | null, type: number): void {
  icmp6Inc(net, idev, mib.ICMP6_OUTMSGS);
  (net.mib.icmp6Msg ??= new Float64Array(512))[256 + type]!++;
  if (idev !== null) idev.icmp6Msg[256 + type]!++;
}
