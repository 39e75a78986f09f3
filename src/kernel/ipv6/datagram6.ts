import { be16, be32, putBe32 } from '../../bytes/endian.ts';
import { CAP_NET_RAW } from '../../uapi/capability.ts';
import { EAFNOSUPPORT, EINVAL, ENETUNREACH, ENODEV, EPERM } from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from '../../uapi/host.ts';
import { IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { sockaddr_in } from '../../uapi/in.ts';
import * as IN6 from '../../uapi/in6.ts';
import { in6_pktinfo, sockaddr_in6 } from '../../uapi/in6.ts';
import { AF_INET, AF_INET6, SOL_IPV6, SOL_SOCKET } from '../../uapi/socket.ts';
import { ip4DatagramConnect } from '../datagram.ts';
import { daddrOf, IP6_DADDR, IP6_HOP_LIMIT, IP6_NEXTHDR, IPV6HDR_LEN } from '../headers.ts';
import type { Inet6SockFields, InetSock } from '../inet-sock.ts';
import * as S from '../inet-sock.ts';
import { forEachCmsg, putCmsg, putCmsgInt } from '../iov.ts';
import { sockCmsgSend, TCP_ESTABLISHED } from '../sock.ts';
import { reuseportHasConnsSet } from '../sock-reuseport.ts';
import type { Net, SkBuff, Sock } from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import {
  IN6ADDR_LOOPBACK,
  IPV6_ADDR_ANY,
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_MULTICAST,
  IPV6_ADDR_SCOPE_LINKLOCAL,
  in6Copy,
  ipv6AddrAny,
  ipv6AddrIsMulticast,
  ipv6AddrNeedsScopeId,
  ipv6AddrSrcScope,
  ipv6AddrType,
  ipv6AddrTypeScope,
  ipv6AddrV4Mapped,
} from './addr.ts';
import { ipv6ChkAcastAddrSrc } from './anycast.ts';
import { NEXTHDR_AUTH, NEXTHDR_DEST, NEXTHDR_ROUTING } from './exthdrs-core.ts';
import { fl6UpdateDst } from './exthdrs-push.ts';
import { Flowi6, IPV6_FLOWINFO_MASK, type Ipcm6Cookie, type Ipv6TxOptions, ip6MakeFlowinfo } from './flow.ts';
import { ipv6ChkAddrAndFlags } from './inet6-addr.ts';
import { IP6SKB_HOPBYHOP, inet6Iif, ipv6Sysctl } from './ipv6.ts';
import { ip6DstLookupFlow, ip6SkUpdatePmtu } from './route6.ts';

/** Datagram sockets of IPv6: connect, and control messages in both directions (net/ipv6/datagram.c). The error queue is
 * in error-queue6.ts. */

/** sizeof(struct sockaddr_in6) without the scope, as RFC 2133 had it. */
export const SIN6_LEN_RFC2133 = 24;
/** What IPv4 keeps as the address of a socket that has one of IPv6 (LOOPBACK4_IPV6). */
export const LOOPBACK4_IPV6 = 0x7f000006;

// ---- addresses ----

/** ipv6_addr_set_v4mapped */
export function v4Mapped(address: number): Uint8Array {
  const mapped = new Uint8Array(16);
  mapped[10] = mapped[11] = 0xff;
  putBe32(mapped, 12, address);
  return mapped;
}
/** ::ffff:0.0.0.0 or :: */
const mappedOrAny = (addr: Uint8Array): boolean =>
  ipv6AddrAny(addr) || (ipv6AddrV4Mapped(addr) && be32(addr, 12) === 0);

/** ipv6_iface_scope_id */
export const ipv6IfaceScopeId = (bytes: Uint8Array, at: number, iif: number): number =>
  ipv6AddrNeedsScopeId(ipv6AddrType(bytes, at)) ? iif : 0;

/** Writes a struct sockaddr_in6; `flowinfo` in host order. */
export function putSockaddrIn6(
  bytes: Uint8Array,
  at: number,
  addr: Uint8Array,
  addrAt: number,
  port: number,
  scope: number,
  flowinfo = 0,
): void {
  putHostU16(bytes, at + sockaddr_in6.sin6_family, AF_INET6);
  bytes[at + sockaddr_in6.sin6_port] = port >>> 8;
  bytes[at + sockaddr_in6.sin6_port + 1] = port & 255;
  putBe32(bytes, at + sockaddr_in6.sin6_flowinfo, flowinfo);
  for (let i = 0; i < 16; i++) bytes[at + sockaddr_in6.sin6_addr + i] = addr[addrAt + i]!;
  putHostU32(bytes, at + sockaddr_in6.sin6_scope_id, scope);
}

/** A struct sockaddr_in made of a mapped address, for the rooms of IPv4. */
export function sockaddrOfMapped(addr: Uint8Array, at: number, port: number): Uint8Array {
  const sin = new Uint8Array(sockaddr_in.sizeof);
  putHostU16(sin, sockaddr_in.sin_family, AF_INET);
  sin[sockaddr_in.sin_port] = port >>> 8;
  sin[sockaddr_in.sin_port + 1] = port & 255;
  for (let i = 0; i < 4; i++) sin[sockaddr_in.sin_addr + i] = addr[at + 12 + i]!;
  return sin;
}

/** ipv6_can_nonlocal_bind */
export const ipv6CanNonlocalBind = (net: Net, sk: InetSock): boolean =>
  ipv6Sysctl(net).ipNonlocalBind !== 0 || sk.freebind || sk.transparent;

/** ipv6_fixup_options: destination options for a routing header's hops go only with a routing header. */
export const ipv6FixupOptions = (opt: Ipv6TxOptions | null): Ipv6TxOptions | null =>
  opt !== null && opt.dst0opt !== null && opt.srcrt === null ? { ...opt, dst0opt: null } : opt;

// ---- connect ----

const flow = new Flowi6();

/** ip6_datagram_dst_update: the route of a connected socket; with `fixSaddr` its address too, where it has none. */
function dstUpdate(sk: InetSock, fixSaddr: boolean): number {
  const np = sk.inet6!;
  const fl = flow.clear();
  fl.proto = sk.protocol;
  fl.daddr.set(np.daddr);
  fl.saddr.set(np.saddr);
  fl.mark = sk.mark;
  fl.dport = sk.dport;
  fl.sport = sk.sport;
  fl.flowlabel = ip6MakeFlowinfo(np.tclass, np.flowLabel);
  fl.oif = sk.boundDevIf || np.stickyPktinfoIfindex;
  if (fl.oif === 0) fl.oif = ipv6AddrIsMulticast(fl.daddr) ? np.mcastOif : np.ucastOif;
  const final = fl6UpdateDst(fl, np.opt);
  const dst = ip6DstLookupFlow(sk.net, sk, fl, final);
  if (typeof dst === 'number') return dst;
  if (fixSaddr && ipv6AddrAny(np.saddr)) np.saddr = in6Copy(fl.saddr);
  if (fixSaddr && ipv6AddrAny(np.rcvSaddr)) {
    np.rcvSaddr = in6Copy(fl.saddr);
    sk.rcvSaddr = LOOPBACK4_IPV6;
    sk.prot.rehash?.(sk);
  }
  sk.dst = dst;
  return 0;
}

/** ip6_sk_update_pmtu: a router said what the way of the socket's packets takes; a connected socket has the new route at
 * once. */
export function ip6DatagramUpdatePmtu(sk: InetSock, skb: SkBuff, mtu: number): void {
  const kept = sk.dst;
  ip6SkUpdatePmtu(sk.net, skb, sk, mtu);
  if (kept !== null && sk.dst === null && !ipv6AddrV4Mapped(sk.inet6!.daddr)) dstUpdate(sk, false);
}

/** __ip6_datagram_connect */
export function ip6DatagramConnect(sk: Sock, address: Uint8Array): number {
  const inet = sk as InetSock;
  const np = inet.inet6!;
  const { length } = address;
  const family = hostU16(address, 0);
  if (family === AF_INET) {
    if (np.v6only) return -EAFNOSUPPORT;
    return v4Connected(inet, ip4DatagramConnect(sk, address));
  }
  if (length < SIN6_LEN_RFC2133) return -EINVAL;
  if (family !== AF_INET6) return -EAFNOSUPPORT;
  const label = np.sndflow ? be32(address, sockaddr_in6.sin6_flowinfo) & IPV6_FLOWINFO_MASK : 0;
  let daddr = in6Copy(address, sockaddr_in6.sin6_addr);
  // Any address means this host.
  if (ipv6AddrAny(daddr)) daddr = ipv6AddrV4Mapped(np.rcvSaddr) ? v4Mapped(0x7f000001) : IN6ADDR_LOOPBACK.slice();
  const type = ipv6AddrType(daddr);
  const port = be16(address, sockaddr_in6.sin6_port);
  if (type & IPV6_ADDR_MAPPED) {
    if (np.v6only) return -ENETUNREACH;
    return v4Connected(inet, ip4DatagramConnect(sk, sockaddrOfMapped(daddr, 0, port)));
  }
  if (ipv6AddrNeedsScopeId(type)) {
    const scope = length >= sockaddr_in6.sizeof ? hostU32(address, sockaddr_in6.sin6_scope_id) : 0;
    if (scope !== 0) {
      if (sk.boundDevIf !== 0 && sk.boundDevIf !== scope) return -EINVAL;
      sk.boundDevIf = scope;
    }
    if (sk.boundDevIf === 0 && type & IPV6_ADDR_MULTICAST) sk.boundDevIf = np.mcastOif;
    if (sk.boundDevIf === 0) return -EINVAL;
  }
  const before = [np.daddr, np.flowLabel, inet.dport] as const;
  np.daddr = daddr;
  np.flowLabel = label;
  inet.dport = port;
  const error = dstUpdate(inet, true);
  if (error !== 0) {
    [np.daddr, np.flowLabel, inet.dport] = before;
    return error;
  }
  reuseportHasConnsSet(inet);
  sk.state = TCP_ESTABLISHED;
  return 0;
}

function v4Connected(sk: InetSock, error: number): number {
  if (error !== 0) return error;
  const np = sk.inet6!;
  np.daddr = v4Mapped(sk.daddr);
  if (mappedOrAny(np.saddr)) np.saddr = v4Mapped(sk.saddr);
  if (mappedOrAny(np.rcvSaddr)) {
    np.rcvSaddr = v4Mapped(sk.rcvSaddr);
    sk.prot.rehash?.(sk);
  }
  return 0;
}

/** ip6_datagram_connect_v6_only */
export function ip6DatagramConnectV6Only(sk: Sock, address: Uint8Array): number {
  return hostU16(address, 0) === AF_INET6 ? ip6DatagramConnect(sk, address) : -EAFNOSUPPORT;
}

// ---- control messages of a sender ----

/** Options gathered from control messages. */
class GatheredOptions implements Ipv6TxOptions {
  hopopt: Uint8Array | null = null;
  dst0opt: Uint8Array | null = null;
  srcrt: Uint8Array | null = null;
  dst1opt: Uint8Array | null = null;
}

/** An extension header in a control message, whole; -EINVAL where it is cut, -EPERM without the capability. */
function optionHeader(net: Net, control: Uint8Array, at: number, length: number): Uint8Array | number {
  if (length < 2) return -EINVAL;
  const size = (control[at + 1]! + 1) << 3;
  if (length < size) return -EINVAL;
  if (!net.cred.capable(CAP_NET_RAW)) return -EPERM;
  return control.slice(at, at + size);
}

/** ip6_datagram_send_ctl: what the control messages ask for goes into the flow and the cookie; 0 or -errno. The options
 * among them end in `ipc.opt` (null: none). */
export function ip6DatagramSendCtl(sk: InetSock, msg: Msghdr, fl: Flowi6, ipc: Ipcm6Cookie): number {
  const { net } = sk;
  const opt = new GatheredOptions();
  const error = forEachCmsg(msg, EINVAL, (level, type, control, at, length) => {
    if (level === SOL_SOCKET) return sockCmsgSend(sk, type, control, at, length, ipc);
    if (level !== SOL_IPV6) return 0;
    switch (type) {
      case IN6.IPV6_PKTINFO:
      case IN6.IPV6_2292PKTINFO:
        return length < in6_pktinfo.sizeof ? -EINVAL : sendPktinfo(sk, control, at, fl);
      case IN6.IPV6_FLOWINFO:
        if (length < 4) return -EINVAL;
        if (fl.flowlabel & IPV6_FLOWINFO_MASK && (fl.flowlabel ^ be32(control, at)) & ~IPV6_FLOWINFO_MASK)
          return -EINVAL;
        fl.flowlabel = be32(control, at) & IPV6_FLOWINFO_MASK;
        return 0;
      case IN6.IPV6_2292HOPOPTS:
      case IN6.IPV6_HOPOPTS: {
        if (opt.hopopt !== null) return -EINVAL;
        const header = optionHeader(net, control, at, length);
        if (typeof header === 'number') return header;
        opt.hopopt = header;
        return 0;
      }
      case IN6.IPV6_2292DSTOPTS:
      case IN6.IPV6_DSTOPTS:
      case IN6.IPV6_RTHDRDSTOPTS: {
        const header = optionHeader(net, control, at, length);
        if (typeof header === 'number') return header;
        if (type === IN6.IPV6_2292DSTOPTS && opt.dst1opt !== null) return -EINVAL;
        if (type === IN6.IPV6_RTHDRDSTOPTS) opt.dst0opt = header;
        else opt.dst1opt = header;
        return 0;
      }
      case IN6.IPV6_2292RTHDR:
      case IN6.IPV6_RTHDR:
        // Type 0 is deprecated (RFC 5095), type 2 needs Mobile IPv6, and no other may be given with one message.
        return -EINVAL;
      case IN6.IPV6_2292HOPLIMIT:
      case IN6.IPV6_HOPLIMIT:
        if (length !== 4) return -EINVAL;
        ipc.hlimit = hostI32(control, at);
        return ipc.hlimit < -1 || ipc.hlimit > 255 ? -EINVAL : 0;
      case IN6.IPV6_TCLASS: {
        if (length !== 4) return -EINVAL;
        const tclass = hostI32(control, at);
        if (tclass < -1 || tclass > 255) return -EINVAL;
        ipc.tclass = tclass;
        return 0;
      }
      case IN6.IPV6_DONTFRAG: {
        if (length !== 4) return -EINVAL;
        const dontfrag = hostI32(control, at);
        if (dontfrag < 0 || dontfrag > 1) return -EINVAL;
        ipc.dontfrag = dontfrag;
        return 0;
      }
      default:
        return -EINVAL;
    }
  });
  ipc.opt = opt.hopopt !== null || opt.dst0opt !== null || opt.dst1opt !== null ? opt : null;
  return error;
}

function sendPktinfo(sk: InetSock, control: Uint8Array, at: number, fl: Flowi6): number {
  const { net } = sk;
  const ifindex = hostI32(control, at + in6_pktinfo.ipi6_ifindex);
  if (ifindex !== 0) {
    if (fl.oif !== 0 && ifindex !== fl.oif) return -EINVAL;
    fl.oif = ifindex;
  }
  const addr = in6Copy(control, at + in6_pktinfo.ipi6_addr);
  const type = ipv6AddrTypeScope(addr);
  const dev = fl.oif !== 0 ? (net.devices.get(fl.oif) ?? null) : null;
  if (fl.oif !== 0) {
    if (dev === null) return -ENODEV;
  } else if (type & IPV6_ADDR_LINKLOCAL) return -EINVAL;
  if (type === IPV6_ADDR_ANY) return 0;
  const strict = ipv6AddrSrcScope(type) <= IPV6_ADDR_SCOPE_LINKLOCAL;
  if (
    !ipv6CanNonlocalBind(net, sk) &&
    ipv6ChkAddrAndFlags(net, addr, strict ? dev : null, false, IFA_F_TENTATIVE) === null &&
    (dev === null || !ipv6ChkAcastAddrSrc(net, dev, addr))
  )
    return -EINVAL;
  fl.saddr.set(addr);
  return 0;
}

/** ipcm6_init_sk */
export function ipcm6InitSk(ipc: Ipcm6Cookie, sk: InetSock): void {
  const np = sk.inet6!;
  ipc.hlimit = -1;
  ipc.tclass = np.tclass;
  ipc.dontfrag = np.dontfrag ? 1 : 0;
  ipc.mark = sk.mark;
  ipc.priority = sk.priority;
  ipc.gsoSize = 0;
  ipc.opt = null;
  ipc.tsflags = sk.tsflags;
  ipc.transmitTime = 0;
}

/** txopt_get, or the options of this message alone. */
export const ip6MessageOptions = (np: Inet6SockFields, ipc: Ipcm6Cookie): Ipv6TxOptions | null =>
  ipv6FixupOptions(ipc.opt ?? np.opt);

// ---- control messages of a receiver ----

const pktinfo = new Uint8Array(in6_pktinfo.sizeof);
const word = new Uint8Array(4);

const isIpv6 = (skb: SkBuff): boolean => skb.protocol === ETH_P_IPV6;

/** ip6_datagram_recv_common_ctl: what packets of both versions tell. */
export function ip6DatagramRecvCommonCtl(sk: InetSock, msg: Msghdr, skb: SkBuff): void {
  if (!(sk.inet6!.rxopt & S.RXOPT_RXINFO)) return;
  const { head, networkHeader: at } = skb;
  let ifindex: number;
  if (isIpv6(skb)) {
    ifindex = inet6Iif(skb);
    for (let i = 0; i < 16; i++) pktinfo[i] = head[at + IP6_DADDR + i]!;
  } else {
    ifindex = skb.iif;
    pktinfo.set(v4Mapped(daddrOf(head, at)));
  }
  putHostU32(pktinfo, in6_pktinfo.ipi6_ifindex, ifindex);
  if (ifindex >= 0) putCmsg(msg, SOL_IPV6, IN6.IPV6_PKTINFO, pktinfo);
}

/** ip6_datagram_recv_specific_ctl: what an IPv6 packet tells. */
export function ip6DatagramRecvSpecificCtl(sk: InetSock, msg: Msghdr, skb: SkBuff): void {
  const { rxopt } = sk.inet6!;
  const { head, networkHeader: at } = skb;
  const opt = skb.opt6;
  const tell = (type: number, offset: number): void => {
    const length = (head[at + offset + 1]! + 1) << 3;
    putCmsg(msg, SOL_IPV6, type, head.subarray(at + offset, at + offset + length));
  };
  const hopbyhop = (skb.cbFlags & IP6SKB_HOPBYHOP) !== 0;
  if (rxopt & S.RXOPT_RXHLIM) putCmsgInt(msg, SOL_IPV6, IN6.IPV6_HOPLIMIT, head[at + IP6_HOP_LIMIT]!);
  if (rxopt & S.RXOPT_RXTCLASS)
    putCmsgInt(msg, SOL_IPV6, IN6.IPV6_TCLASS, ((head[at]! & 15) << 4) | (head[at + 1]! >>> 4));
  if (rxopt & S.RXOPT_RXFLOW) {
    const flowinfo = be32(head, at) & IPV6_FLOWINFO_MASK;
    putBe32(word, 0, flowinfo);
    if (flowinfo !== 0) putCmsg(msg, SOL_IPV6, IN6.IPV6_FLOWINFO, word);
  }
  if (rxopt & S.RXOPT_HOPOPTS && hopbyhop) tell(IN6.IPV6_HOPOPTS, IPV6HDR_LEN);
  if (opt !== null && opt.lasthop !== 0 && rxopt & (S.RXOPT_DSTOPTS | S.RXOPT_SRCRT)) {
    // In the order in which they stand in the packet.
    let off = IPV6HDR_LEN;
    let nexthdr = head[at + IP6_NEXTHDR]!;
    while (off <= opt.lasthop) {
      if (nexthdr === NEXTHDR_DEST && rxopt & S.RXOPT_DSTOPTS) tell(IN6.IPV6_DSTOPTS, off);
      if (nexthdr === NEXTHDR_ROUTING && rxopt & S.RXOPT_SRCRT) tell(IN6.IPV6_RTHDR, off);
      const length = nexthdr === NEXTHDR_AUTH ? (head[at + off + 1]! + 2) << 2 : (head[at + off + 1]! + 1) << 3;
      nexthdr = head[at + off]!;
      off += length;
    }
  }
  // As RFC 2292 had them.
  if (rxopt & S.RXOPT_RXOINFO) {
    for (let i = 0; i < 16; i++) pktinfo[i] = head[at + IP6_DADDR + i]!;
    putHostU32(pktinfo, in6_pktinfo.ipi6_ifindex, inet6Iif(skb));
    putCmsg(msg, SOL_IPV6, IN6.IPV6_2292PKTINFO, pktinfo);
  }
  if (rxopt & S.RXOPT_RXOHLIM) putCmsgInt(msg, SOL_IPV6, IN6.IPV6_2292HOPLIMIT, head[at + IP6_HOP_LIMIT]!);
  if (rxopt & S.RXOPT_OHOPOPTS && hopbyhop) tell(IN6.IPV6_2292HOPOPTS, IPV6HDR_LEN);
  if (opt !== null) {
    if (rxopt & S.RXOPT_ODSTOPTS && opt.dst0 !== 0) tell(IN6.IPV6_2292DSTOPTS, opt.dst0);
    if (rxopt & S.RXOPT_OSRCRT && opt.srcrt !== 0) tell(IN6.IPV6_2292RTHDR, opt.srcrt);
    if (rxopt & S.RXOPT_ODSTOPTS && opt.dst1 !== 0) tell(IN6.IPV6_2292DSTOPTS, opt.dst1);
  }
  // The ports must be there, whatever the protocol.
  if (rxopt & S.RXOPT_RXORIGDSTADDR && skb.tail - skb.transportHeader >= 4) {
    const sin6 = new Uint8Array(sockaddr_in6.sizeof);
    const scope = ipv6IfaceScopeId(head, at + IP6_DADDR, inet6Iif(skb));
    putSockaddrIn6(sin6, 0, head, at + IP6_DADDR, be16(head, skb.transportHeader + 2), scope);
    putCmsg(msg, SOL_IPV6, IN6.IPV6_ORIGDSTADDR, sin6);
  }
  if (rxopt & S.RXOPT_RECVFRAGSIZE && skb.fragMaxSize > 0)
    putCmsgInt(msg, SOL_IPV6, IN6.IPV6_RECVFRAGSIZE, skb.fragMaxSize);
}

/** ip6_datagram_recv_ctl */
export function ip6DatagramRecvCtl(sk: InetSock, msg: Msghdr, skb: SkBuff): void {
  ip6DatagramRecvCommonCtl(sk, msg, skb);
  ip6DatagramRecvSpecificCtl(sk, msg, skb);
}
