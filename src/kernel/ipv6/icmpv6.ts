import { fold, sum } from '../../bytes/checksum.ts';
import { be32, putBe16, putBe32 } from '../../bytes/endian.ts';
import {
  EACCES,
  ECONNREFUSED,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EOPNOTSUPP,
  EPROTO,
} from '../../uapi/errno.ts';
import { IFF_LOOPBACK } from '../../uapi/if.ts';
import { PACKET_HOST } from '../../uapi/if_packet.ts';
import { IPPROTO_ICMPV6 } from '../../uapi/in6.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_NEXTHDR, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import { icmpGlobalAllow, icmpGlobalConsume } from '../icmp.ts';
import { Inet6SockFields, InetSock } from '../inet-sock.ts';
import type { GetFrag } from '../ip-append.ts';
import * as mib from '../mib.ts';
import { inetPeerXrlimAllow } from '../route.ts';
import { consumeSkb, kfreeSkb, pskbMayPull, skbChecksum, skbCopyBits, skbPull, skbTruesize } from '../skbuff.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  type DstEntry,
  type Net,
  type NetDevice,
  type Proto,
  type SkBuff,
} from '../structs.ts';
import {
  csumIpv6Magic,
  csumIpv6Pseudo,
  IPV6_ADDR_ANY,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MULTICAST,
  in6Copy,
  in6Equal,
  in6Key,
  ipv6AddrIsMulticast,
  ipv6AddrNeedsScopeId,
  ipv6AddrType,
} from './addr.ts';
import { ipv6ChkAcastAddrSrc } from './anycast.ts';
import { ipv6ExtHdr, ipv6SkipExthdr, skippedFragOff, skippedNexthdr } from './exthdrs-core.ts';
import { Flowi6, Ipcm6Cookie } from './flow.ts';
import { ipv6ChkAddr, ipv6DevGetSaddr } from './inet6-addr.ts';
import { ip6AppendData, ip6FlushPendingFrames, ip6PushPendingFrames } from './ip6-append.ts';
import { type Fib6Info, RTF_ANYCAST, RTF_GATEWAY, RTF_LOCAL, RTF_NONEXTHOP } from './ip6-fib.ts';
import { icmp6Inc, icmp6MsgIn, inet6AddProtocol, ip6Inc, ipv6, ipv6Sysctl } from './ipv6.ts';
import {
  IPV6_MIN_MTU,
  ip6DstLookupFlow,
  ip6Redirect,
  ip6RouteOutput,
  ip6SkDstHoplimit,
  ip6UpdatePmtu,
  LOOPBACK_IFINDEX,
} from './route6.ts';

/** ICMPv6, RFC 4443 (net/ipv6/icmp.c): errors sent at limited rates, errors received and handed to whom they concern,
 * echo answered. Neighbour discovery and multicast listener discovery register what they take. */

export const ICMPV6_DEST_UNREACH = 1;
export const ICMPV6_PKT_TOOBIG = 2;
export const ICMPV6_TIME_EXCEED = 3;
export const ICMPV6_PARAMPROB = 4;
export const ICMPV6_ECHO_REQUEST = 128;
export const ICMPV6_ECHO_REPLY = 129;
export const ICMPV6_MGM_QUERY = 130;
export const ICMPV6_MGM_REPORT = 131;
export const ICMPV6_MGM_REDUCTION = 132;
export const NDISC_ROUTER_SOLICITATION = 133;
export const NDISC_ROUTER_ADVERTISEMENT = 134;
export const NDISC_NEIGHBOUR_SOLICITATION = 135;
export const NDISC_NEIGHBOUR_ADVERTISEMENT = 136;
export const NDISC_REDIRECT = 137;
export const ICMPV6_MLD2_REPORT = 143;
const ICMPV6_EXT_ECHO_REPLY = 161;
const ICMPV6_INFOMSG_MASK = 0x80;

// Codes of destination unreachable.
export const ICMPV6_NOROUTE = 0;
export const ICMPV6_ADM_PROHIBITED = 1;
export const ICMPV6_ADDR_UNREACH = 3;
export const ICMPV6_PORT_UNREACH = 4;
// Codes of time exceeded.
export const ICMPV6_EXC_HOPLIMIT = 0;
export const ICMPV6_EXC_FRAGTIME = 1;
// Codes of parameter problem.
export const ICMPV6_HDR_FIELD = 0;
export const ICMPV6_UNK_NEXTHDR = 1;
export const ICMPV6_UNK_OPTION = 2;
export const ICMPV6_HDR_INCOMP = 3;

export const ICMP6_TYPE = 0;
export const ICMP6_CODE = 1;
export const ICMP6_CKSUM = 2;
/** MTU, pointer, or identifier and sequence. */
export const ICMP6_DATA = 4;
export const ICMP6HDR_LEN = 8;

/** icmpv6_err_convert: errno of an error, and whether it ends what it is about (Linux's return value). */
export function icmpv6ErrConvert(type: number, code: number): { errno: number; fatal: boolean } {
  switch (type) {
    case ICMPV6_DEST_UNREACH:
      return UNREACH[code] ?? { errno: EPROTO, fatal: true };
    case ICMPV6_PKT_TOOBIG:
      return { errno: EMSGSIZE, fatal: false };
    case ICMPV6_PARAMPROB:
      return { errno: EPROTO, fatal: true };
    case ICMPV6_TIME_EXCEED:
      return { errno: EHOSTUNREACH, fatal: false };
    default:
      return { errno: EPROTO, fatal: false };
  }
}
const UNREACH: readonly { errno: number; fatal: boolean }[] = [
  { errno: ENETUNREACH, fatal: false },
  { errno: EACCES, fatal: true },
  { errno: EHOSTUNREACH, fatal: false },
  { errno: EHOSTUNREACH, fatal: false },
  { errno: ECONNREFUSED, fatal: true },
  { errno: EACCES, fatal: true },
  { errno: EACCES, fatal: true },
];

/** What the rooms above take from ICMPv6. */
export interface Icmpv6Hooks {
  /** Neighbour discovery: `skb.data` is behind the 8 bytes at `skb.transportHeader`. Does not take the buffer; gives ''
   * or the reason of the drop. */
  ndiscRcv(net: Net, skb: SkBuff): string;
  /** Queries and reports of MLD; takes the buffer. */
  mldQuery(net: Net, skb: SkBuff): void;
  mldReport(net: Net, skb: SkBuff): void;
  /** ping_rcv: an echo reply (`skb.data` behind its 8 bytes at `skb.transportHeader`); takes the buffer. */
  pingRcv(net: Net, skb: SkBuff): void;
  /** ping_err: an error about an echo request of ours, which is at `skb.data + offset`. */
  pingErr(net: Net, skb: SkBuff, type: number, code: number, offset: number, info: number): void;
  /** raw6_icmp_error */
  rawError(net: Net, skb: SkBuff, nexthdr: number, type: number, code: number, offset: number, info: number): void;
}

export const ICMPV6_KEY = 25;
interface Icmpv6State {
  readonly sk: InetSock;
  hooks: Icmpv6Hooks;
  readonly peers: Map<string, number>;
}
const state = (net: Net): Icmpv6State => net.gen[ICMPV6_KEY] as Icmpv6State;
export function icmpv6SetHooks(net: Net, hooks: Partial<Icmpv6Hooks>): void {
  const st = state(net);
  st.hooks = { ...st.hooks, ...hooks };
}

// ---- rates ----

/** icmpv6_mask_allow: types whose rate is not limited. */
const maskAllow = (net: Net, type: number): boolean => ipv6Sysctl(net).icmpRatemask[type] === 0;

/** icmpv6_xrlim_allow */
function xrlimAllow(net: Net, fl: Flowi6, applies: boolean): boolean {
  if (!applies) return true;
  const dst = ip6RouteOutput(net, null, fl);
  let allowed = false;
  if (dst.error !== 0) ip6Inc(net, dst.idev6, mib.IP6_OUTNOROUTES);
  else if (dst.dev.flags & IFF_LOOPBACK) allowed = true;
  else {
    allowed = inetPeerXrlimAllow(net, peerOf(net, fl.daddr), ipv6Sysctl(net).icmpRatelimit * 1e6);
  }
  if (allowed) icmpGlobalConsume(net);
  else icmp6Inc(net, dst.idev6, mib.ICMP6_RATELIMITHOST);
  return allowed;
}

/** The key of a peer in the table of peers, apart from the addresses of IPv4 there. */
export function peerOf(net: Net, addr: Uint8Array): number {
  const { peers } = state(net);
  const key = in6Key(addr);
  let peer = peers.get(key);
  if (peer === undefined) {
    if (peers.size > 65536) peers.clear();
    peers.set(key, (peer = 0x100000000 + peers.size));
  }
  return peer;
}

// ---- sending ----

/** Bytes of the packet that is answered or quoted. */
const getfrag: GetFrag = (from, to, at, offset, length) => {
  const part = from as { skb: SkBuff; offset: number };
  skbCopyBits(part.skb, part.offset + offset, to, at, length);
  return true;
};

const ipc = new Ipcm6Cookie();

/** icmpv6_push_pending_frames: fills in header and checksum of what ip6AppendData queued on the socket, and sends. */
export function icmpv6PushPendingFrames(sk: InetSock, fl: Flowi6, header: Uint8Array, len: number): number {
  const first = sk.writeQueue.first;
  if (first === null) return 0;
  const at = first.transportHeader;
  first.head.set(header.subarray(0, ICMP6HDR_LEN), at);
  putBe16(first.head, at + ICMP6_CKSUM, 0);
  let total = 0;
  for (let skb: SkBuff | null = first; skb !== null; skb = skb.next)
    total += fold(sum(skb.head, skb.transportHeader, skb.tail));
  putBe16(first.head, at + ICMP6_CKSUM, csumIpv6Magic(fl.saddr, fl.daddr, len, IPPROTO_ICMPV6, total));
  first.ipSummed = CHECKSUM_NONE;
  return ip6PushPendingFrames(sk);
}

/** is_ineligible: an error, or something of ICMPv6 that is cut before its type. */
function isIneligible(skb: SkBuff): boolean {
  const at = skb.networkHeader - skb.data;
  if (skb.len - at - IPV6HDR_LEN < 0) return true;
  const offset = ipv6SkipExthdr(skb, at + IPV6HDR_LEN, skb.head[skb.networkHeader + IP6_NEXTHDR]!);
  if (offset < 0 || skippedNexthdr !== IPPROTO_ICMPV6) return false;
  if (offset >= skb.len) return skippedFragOff === 0;
  skbCopyBits(skb, offset, oneByte, 0, 1);
  return !(oneByte[0]! & ICMPV6_INFOMSG_MASK);
}
const oneByte = new Uint8Array(1);

/** icmp6_iif: the device whose address or link the packet is about. */
function icmp6Dev(skb: SkBuff): NetDevice {
  const dev = skb.dev!;
  if (dev.ifindex === LOOPBACK_IFINDEX && skb.dst?.idev6) return skb.dst.idev6.dev;
  return dev;
}

/** ipv6_anycast_destination */
export function ipv6AnycastDestination(dst: DstEntry, daddr: Uint8Array): boolean {
  if (dst.rtFlags & RTF_ANYCAST) return true;
  const f6i = dst.fibInfo as Fib6Info | null;
  return f6i !== null && f6i.plen < 127 && !(dst.rtFlags & (RTF_GATEWAY | RTF_NONEXTHOP)) && in6Equal(f6i.dst, daddr);
}

const flow = new Flowi6();
const header = new Uint8Array(ICMP6HDR_LEN);

/** icmpv6_send: tells the sender of a packet what became of it. `skb.networkHeader` is at its IPv6 header, `skb.dev` the
 * device; `info` is the second word of the message (MTU, pointer; host order). Does not take the buffer. */
export function icmpv6Send(net: Net, skb: SkBuff, type: number, code: number, info: number): void {
  const at = skb.networkHeader;
  const { head, dev } = skb;
  if (at < 0 || at + IPV6HDR_LEN > skb.tail || dev === null) return;
  const daddr = in6Copy(head, at + IP6_DADDR);
  let saddr: Uint8Array | null = ipv6ChkAddr(net, daddr, dev) || ipv6ChkAcastAddrSrc(net, dev, daddr) ? daddr : null;
  // RFC 4443 2.4 (e): none about a multicast, but for Packet Too Big and options that ask for it.
  if (ipv6AddrType(daddr) & IPV6_ADDR_MULTICAST || skb.pktType !== PACKET_HOST) {
    const asked = type === ICMPV6_PARAMPROB && code === ICMPV6_UNK_OPTION && ((head[at + info] ?? 0) & 0xc0) === 0x80;
    if (type !== ICMPV6_PKT_TOOBIG && !asked) return;
    saddr = null;
  }
  const addrType = ipv6AddrType(head, at + IP6_SADDR);
  const oif = ipv6AddrNeedsScopeId(addrType) ? icmp6Dev(skb).ifindex : 0;
  if (addrType === IPV6_ADDR_ANY || addrType & IPV6_ADDR_MULTICAST) return;
  if (isIneligible(skb)) return;
  let limited = false;
  if (!(dev.flags & IFF_LOOPBACK) && !maskAllow(net, type)) {
    if (!icmpGlobalAllow(net)) return;
    limited = true;
  }
  const { sk } = state(net);
  const fl = flow.clear();
  fl.proto = IPPROTO_ICMPV6;
  for (let i = 0; i < 16; i++) fl.daddr[i] = head[at + IP6_SADDR + i]!;
  fl.mark = ipv6Sysctl(net).fwmarkReflect ? skb.mark : 0;
  if (saddr !== null) fl.saddr.set(saddr);
  else if (!hasPrefsrc(net, fl)) {
    const inDev = net.devices.get(skb.opt6?.iif ?? 0);
    const chosen = inDev === undefined ? null : ipv6DevGetSaddr(net, inDev, fl.daddr, 0);
    if (chosen !== null) fl.saddr.set(chosen);
  }
  fl.oif = oif;
  fl.icmpType = type;
  fl.icmpCode = code;
  if (!xrlimAllow(net, fl, limited)) return;
  header[ICMP6_TYPE] = type;
  header[ICMP6_CODE] = code;
  putBe32(header, ICMP6_DATA, info >>> 0);
  const dst = ip6DstLookupFlow(net, sk, fl, null);
  if (typeof dst === 'number') return;
  if (ipv6Sysctl(net).icmpErrorAnycastAsUnicast === 0 && ipv6AnycastDestination(dst, fl.daddr)) return;
  const offset = at - skb.data;
  const len = Math.min(skb.len - offset, IPV6_MIN_MTU - IPV6HDR_LEN - ICMP6HDR_LEN);
  if (len < 0) return;
  if (net.tracer !== null) net.tracer.enter(net, 'icmp6_send', skb, `type ${type} code ${code}`);
  push(net, sk, dev, skb, offset, len, dst, fl, 0);
}

function hasPrefsrc(net: Net, fl: Flowi6): boolean {
  const dst = ip6RouteOutput(net, null, fl);
  return dst.error === 0 && ((dst.fibInfo as Fib6Info | null)?.prefsrc ?? null) !== null;
}

function push(
  net: Net,
  sk: InetSock,
  dev: NetDevice,
  skb: SkBuff,
  offset: number,
  len: number,
  dst: DstEntry,
  fl: Flowi6,
  tclass: number,
): void {
  ipc.hlimit = ip6SkDstHoplimit(sk, fl, dst);
  ipc.tclass = tclass;
  ipc.dontfrag = 0;
  ipc.mark = fl.mark;
  ipc.priority = 0;
  ipc.gsoSize = 0;
  ipc.opt = null;
  if (ip6AppendData(sk, getfrag, { skb, offset }, len + ICMP6HDR_LEN, ICMP6HDR_LEN, ipc, fl, dst, 0) < 0) {
    icmp6Inc(net, dev.ip6, mib.ICMP6_OUTERRORS);
    ip6FlushPendingFrames(sk);
    return;
  }
  icmpv6PushPendingFrames(sk, fl, header, len + ICMP6HDR_LEN);
}

// ---- receiving ----

/** icmpv6_echo_reply: '' where an answer went out. */
function echoReply(net: Net, skb: SkBuff): string {
  const sysctl = ipv6Sysctl(net);
  const { head, networkHeader: at, transportHeader: icmp } = skb;
  const failed = reason.NOT_SPECIFIED;
  const daddr = in6Copy(head, at + IP6_DADDR);
  if (ipv6AddrIsMulticast(daddr) && sysctl.icmpEchoIgnoreMulticast !== 0) return failed;
  const anycast = ipv6AnycastDestination(skb.dst!, daddr);
  if (anycast && sysctl.icmpEchoIgnoreAnycast !== 0) return failed;
  const { sk } = state(net);
  const fl = flow.clear();
  // The address that was asked answers, if it is one alone's.
  if (skb.dst!.rtFlags & RTF_LOCAL || (sysctl.anycastSrcEchoReply !== 0 && anycast)) fl.saddr.set(daddr);
  for (let i = 0; i < 16; i++) fl.daddr[i] = head[at + IP6_SADDR + i]!;
  if (sysctl.flowlabelReflect & 4) fl.flowlabel = be32(head, at) & 0xfffff;
  fl.proto = IPPROTO_ICMPV6;
  // ::1 asked an address of ours: its route is the loopback device's, not that of the device with the address.
  const asker = ipv6AddrType(fl.daddr) & IPV6_ADDR_LOOPBACK ? skb.dev! : icmp6Dev(skb);
  fl.oif = asker.ifindex;
  fl.icmpType = ICMPV6_ECHO_REPLY;
  fl.mark = sysctl.fwmarkReflect ? skb.mark : 0;
  const tclass = ((head[at]! & 15) << 4) | (head[at + 1]! >>> 4);
  for (let i = 0; i < ICMP6HDR_LEN; i++) header[i] = head[icmp + i]!;
  header[ICMP6_TYPE] = ICMPV6_ECHO_REPLY;
  const dst = ip6DstLookupFlow(net, sk, fl, null);
  if (typeof dst === 'number') return failed;
  let limited = false;
  if (!(skb.dev!.flags & IFF_LOOPBACK) && !maskAllow(net, ICMPV6_ECHO_REPLY)) {
    if (!icmpGlobalAllow(net)) return failed;
    limited = true;
  }
  if (!xrlimAllow(net, fl, limited)) return failed;
  push(net, sk, skb.dev!, skb, 0, skb.len, dst, fl, tclass);
  return '';
}

/** icmpv6_notify: an error (or a redirect) about a packet of ours; `skb.data` is at the quoted IPv6 header. */
export function icmpv6Notify(net: Net, skb: SkBuff, type: number, code: number, info: number): string {
  const lost = (why: string): string => {
    icmp6Inc(net, skb.dev!.ip6, mib.ICMP6_INERRORS);
    return why;
  };
  if (!pskbMayPull(net, skb, IPV6HDR_LEN)) return lost(reason.NOT_SPECIFIED);
  let nexthdr = skb.head[skb.data + IP6_NEXTHDR]!;
  let offset = IPV6HDR_LEN;
  if (ipv6ExtHdr(nexthdr)) {
    offset = ipv6SkipExthdr(skb, IPV6HDR_LEN, nexthdr);
    if (offset < 0) return lost(reason.IPV6_BAD_EXTHDR);
    nexthdr = skippedNexthdr;
  }
  if (!pskbMayPull(net, skb, offset + 8)) return lost(reason.PKT_TOO_SMALL);
  ipv6(net).protos[nexthdr]?.errHandler?.(net, skb, type, code, offset, info);
  state(net).hooks.rawError(net, skb, nexthdr, type, code, offset, info);
  return '';
}

function icmpv6Err(net: Net, skb: SkBuff, type: number, code: number, offset: number, info: number): number {
  if (type === ICMPV6_PKT_TOOBIG) ip6UpdatePmtu(net, skb, info, skb.dev!.ifindex, 0);
  else if (type === NDISC_REDIRECT) ip6Redirect(net, skb, skb.dev!.ifindex);
  if (!(type & ICMPV6_INFOMSG_MASK) && skb.head[skb.data + offset] === ICMPV6_ECHO_REQUEST)
    state(net).hooks.pingErr(net, skb, type, code, offset, info);
  return 0;
}

function icmpv6Rcv(net: Net, skb: SkBuff): number {
  const idev = icmp6Dev(skb).ip6;
  const drop = (why: string): number => {
    icmp6Inc(net, idev, mib.ICMP6_INERRORS);
    kfreeSkb(net, skb, why, 'icmpv6_rcv');
    return 0;
  };
  if (net.tracer !== null) net.tracer.enter(net, 'icmpv6_rcv', skb);
  icmp6Inc(net, idev, mib.ICMP6_INMSGS);
  const at = skb.networkHeader;
  if (skb.ipSummed !== CHECKSUM_UNNECESSARY && skb.ipSummed !== CHECKSUM_PARTIAL) {
    const pseudo = csumIpv6Pseudo(skb.head, at + IP6_SADDR, skb.head, at + IP6_DADDR, skb.len, IPPROTO_ICMPV6);
    if (fold(skbChecksum(skb, 0, skb.len) + pseudo) !== 0xffff) {
      icmp6Inc(net, idev, mib.ICMP6_CSUMERRORS);
      return drop(reason.ICMP_CSUM);
    }
    skb.ipSummed = CHECKSUM_UNNECESSARY;
  }
  if (!pskbMayPull(net, skb, ICMP6HDR_LEN)) return drop(reason.NOT_SPECIFIED);
  const icmp = skb.data;
  skb.transportHeader = icmp;
  skbPull(skb, ICMP6HDR_LEN);
  const type = skb.head[icmp + ICMP6_TYPE]!;
  const code = skb.head[icmp + ICMP6_CODE]!;
  icmp6MsgIn(net, idev, type);
  const { hooks } = state(net);
  let why: string = reason.NOT_SPECIFIED;
  switch (type) {
    case ICMPV6_ECHO_REQUEST:
      if (ipv6Sysctl(net).icmpEchoIgnoreAll === 0) why = echoReply(net, skb);
      break;
    case ICMPV6_ECHO_REPLY:
    case ICMPV6_EXT_ECHO_REPLY:
      hooks.pingRcv(net, skb);
      return 0;
    case ICMPV6_PKT_TOOBIG:
      if (!pskbMayPull(net, skb, IPV6HDR_LEN)) return drop(reason.NOT_SPECIFIED);
      why = icmpv6Notify(net, skb, type, code, be32(skb.head, skb.transportHeader + ICMP6_DATA));
      break;
    case NDISC_ROUTER_SOLICITATION:
    case NDISC_ROUTER_ADVERTISEMENT:
    case NDISC_NEIGHBOUR_SOLICITATION:
    case NDISC_NEIGHBOUR_ADVERTISEMENT:
    case NDISC_REDIRECT:
      why = hooks.ndiscRcv(net, skb);
      break;
    case ICMPV6_MGM_QUERY:
      hooks.mldQuery(net, skb);
      return 0;
    case ICMPV6_MGM_REPORT:
      hooks.mldReport(net, skb);
      return 0;
    default:
      // Informational messages that nobody knows end here; errors of unknown kinds are still errors.
      if (!(type & ICMPV6_INFOMSG_MASK))
        why = icmpv6Notify(net, skb, type, code, be32(skb.head, skb.transportHeader + ICMP6_DATA));
  }
  if (why === '') consumeSkb(skb);
  else kfreeSkb(net, skb, why, 'icmpv6_rcv');
  return 0;
}

/** A socket of the kernel's own, for what ICMPv6 and neighbour discovery send. */
export function kernelSock6(net: Net): InetSock {
  const prot: Proto = { name: 'RAWv6', close: () => {}, sendmsg: () => -EOPNOTSUPP, recvmsg: () => -EINVAL };
  const sk = new InetSock(net, AF_INET6, prot);
  sk.protocol = IPPROTO_ICMPV6;
  sk.inet6 = new Inet6SockFields();
  sk.dead = true;
  return sk;
}

export function icmpv6Init(net: Net): void {
  const sk = kernelSock6(net);
  sk.sndbuf = 2 * skbTruesize(64 * 1024);
  const ignore = (_net: Net, skb: SkBuff): void => consumeSkb(skb);
  net.gen[ICMPV6_KEY] = {
    sk,
    hooks: {
      ndiscRcv: () => reason.NOT_SPECIFIED,
      mldQuery: ignore,
      mldReport: ignore,
      pingRcv: (n, skb) => kfreeSkb(n, skb, reason.NO_SOCKET, 'ping_rcv'),
      pingErr: () => {},
      rawError: () => {},
    },
    peers: new Map(),
  } satisfies Icmpv6State;
  inet6AddProtocol(net, { handler: icmpv6Rcv, errHandler: icmpv6Err, final: true }, IPPROTO_ICMPV6);
  ipv6(net).icmpv6Send = icmpv6Send;
}
