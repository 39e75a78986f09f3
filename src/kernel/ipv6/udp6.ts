import { fold } from '../../bytes/checksum.ts';
import { be16, be32, putBe16 } from '../../bytes/endian.ts';
import { EDESTADDRREQ, EINVAL, EIO, EMSGSIZE, ENETUNREACH, ENOBUFS, ENOENT } from '../../uapi/errno.ts';
import { hostU16, hostU32 } from '../../uapi/host.ts';
import { IPPROTO_UDP, IPPROTO_UDPLITE } from '../../uapi/in.ts';
import { IPV6_PMTUDISC_DONT, IPV6_PMTUDISC_INTERFACE, IPV6_PMTUDISC_OMIT, sockaddr_in6 } from '../../uapi/in6.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_PROXY,
  SOCK_DGRAM,
  SOL_UDP,
} from '../../uapi/socket.ts';
import { udpDisconnect } from '../datagram.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_SADDR, saddrOf, UDP_CHECK, UDP_DEST, UDP_LEN, UDP_SOURCE, UDPHDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import { ipCmsgRecv } from '../ip-sockglue.ts';
import * as mib from '../mib.ts';
import { kfreeSkb, pskbMayPull, pskbTrimRcsum, skbChecksum, skbClone } from '../skbuff.ts';
import { skCommonRelease, TCP_ESTABLISHED } from '../sock.ts';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type Net, type Proto, type SkBuff, type Sock } from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import {
  genericGetfrag,
  inetDgramOps,
  tableKey,
  UDPLITE_SEND_CC,
  udpCmsgSend,
  udpIoctl,
  udpLibGetsockopt,
  udpLibSetsockopt,
  udpliteProt,
  udpProt,
  udpPushPendingFrames,
  udpSendmsg,
  udpSendSegments,
  udpSetPush6,
} from '../udp.ts';
import { type UdpReceive, udpChecksumBad, udpCsumInit, udpQueueRcvSkb, udpRecvmsgBy } from '../udp-input.ts';
import {
  UDP_TABLE_KEY,
  UDPLITE_TABLE_KEY,
  udp6LibLookup,
  udpLibGetPort,
  udpLibHash4,
  udpLibRehash,
  udpLibUnhash,
  udpPortSockets,
  udpTable,
} from '../udp-table.ts';
import {
  csumIpv6Magic,
  csumIpv6Pseudo,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsMulticast,
  ipv6AddrNeedsScopeId,
  ipv6AddrType,
  ipv6AddrV4Mapped,
} from './addr.ts';
import { inet6DgramOps, inet6RegisterProtosw } from './af-inet6.ts';
import {
  ip6DatagramConnect,
  ip6DatagramRecvCommonCtl,
  ip6DatagramRecvSpecificCtl,
  ip6DatagramSendCtl,
  ip6DatagramUpdatePmtu,
  ip6MessageOptions,
  ipcm6InitSk,
  ipv6IfaceScopeId,
  putSockaddrIn6,
  SIN6_LEN_RFC2133,
  sockaddrOfMapped,
  v4Mapped,
} from './datagram6.ts';
import { hasRxpmtu, ipv6IcmpError, ipv6RecvError, ipv6RecvRxpmtu } from './error-queue6.ts';
import { fl6UpdateDst } from './exthdrs-push.ts';
import { Flowi6, IPV6_FLOWINFO_MASK, Ipcm6Cookie, ip6MakeFlowinfo } from './flow.ts';
import {
  ICMPV6_DEST_UNREACH,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_PORT_UNREACH,
  icmpv6ErrConvert,
  NDISC_REDIRECT,
} from './icmpv6.ts';
import { ip6AppendData, ip6FlushPendingFrames, ip6MakeSkb } from './ip6-append.ts';
import { ip6SendSkb } from './ip6-output.ts';
import { icmp6Inc, inet6AddProtocol, inet6Iif, ipv6 } from './ipv6.ts';
import { ipv6Getsockopt, ipv6SetAddrform, ipv6Setsockopt } from './ipv6-sockglue.ts';
import { inet6McCheck } from './mcast6.ts';
import { ip6SkDstHoplimit, ip6SkDstLookupFlow, ip6SkRedirect } from './route6.ts';

/** UDP and UDP-Lite over IPv6 (net/ipv6/udp.c). A socket of IPv6 that is not IPV6_V6ONLY speaks IPv4 too: datagrams to
 * and from mapped addresses go through udp.ts. */

const CSUM_MANGLED_0 = 0xffff;

const isLite = (sk: Sock): boolean => sk.protocol === IPPROTO_UDPLITE;
const udp6Mib = (net: Net, protocol: number): Float64Array =>
  protocol === IPPROTO_UDPLITE ? net.mib.udplite6 : net.mib.udp6;

// ---- sending ----

const flow = new Flowi6();
const ipc = new Ipcm6Cookie();

/** As udp_sendmsg would be called for a mapped address. */
function sendmsg4(sk: InetSock, msg: Msghdr, len: number, name: Uint8Array | null): number {
  if (sk.inet6!.v6only) return -ENETUNREACH;
  if (name !== null) {
    msg.name = name;
    msg.nameAt = 0;
    msg.namelen = name.length;
  }
  return udpSendmsg(sk, msg, len);
}

function udpv6Sendmsg(sock: Sock, msg: Msghdr, len: number): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  const { net } = sk;
  if (net.tracer !== null) net.tracer.begin(net, 'udpv6_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  const corkreq = sk.corkflag || (msg.flags & MSG_MORE) !== 0;
  let name = msg.name;
  const nameAt = msg.nameAt;
  /** Destination: in the message's name, or the socket's. */
  let daddr: Uint8Array | null = null;
  let daddrAt = 0;
  if (name !== null) {
    if (msg.namelen < 2) return -EINVAL;
    switch (hostU16(name, nameAt)) {
      case AF_INET6:
        if (msg.namelen < SIN6_LEN_RFC2133) return -EINVAL;
        daddr = name;
        daddrAt = nameAt + sockaddr_in6.sin6_addr;
        if (ipv6AddrAny(daddr, daddrAt) && ipv6AddrV4Mapped(np.saddr)) {
          daddr = v4Mapped(0x7f000001);
          daddrAt = 0;
        }
        break;
      case AF_INET:
        return sendmsg4(sk, msg, len, null);
      case AF_UNSPEC:
        msg.name = name = null;
        msg.namelen = 0;
        break;
      default:
        return -EINVAL;
    }
  } else if (sk.pending === 0) {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    daddr = np.daddr;
  }
  if (daddr !== null && ipv6AddrV4Mapped(daddr, daddrAt)) {
    const port = name !== null ? be16(name, nameAt + sockaddr_in6.sin6_port) : sk.dport;
    return sendmsg4(sk, msg, len, sockaddrOfMapped(daddr, daddrAt, port));
  }
  if (sk.pending === AF_INET) return udpSendmsg(sk, msg, len);
  if (sk.pending !== 0) return sendResult(sk, appendData(sk, msg, len, corkreq), len);

  const fl = flow.clear();
  ipcm6InitSk(ipc, sk);
  ipc.gsoSize = sk.gsoSize;
  let connected = false;
  if (name !== null) {
    fl.dport = be16(name, nameAt + sockaddr_in6.sin6_port);
    if (fl.dport === 0) return -EINVAL;
    if (np.sndflow) fl.flowlabel = be32(name, nameAt + sockaddr_in6.sin6_flowinfo) & IPV6_FLOWINFO_MASK;
    const scope = msg.namelen >= sockaddr_in6.sizeof ? hostU32(name, nameAt + sockaddr_in6.sin6_scope_id) : 0;
    if (scope !== 0 && ipv6AddrNeedsScopeId(ipv6AddrType(daddr!, daddrAt))) fl.oif = scope;
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    daddr = np.daddr;
    daddrAt = 0;
    fl.dport = sk.dport;
    fl.flowlabel = np.flowLabel;
    connected = true;
  }
  if (fl.oif === 0) fl.oif = sk.boundDevIf;
  if (fl.oif === 0) fl.oif = np.stickyPktinfoIfindex;
  if (msg.controllen > 0) {
    let error = udpCmsgSend(msg, ipc);
    if (error > 0) {
      error = ip6DatagramSendCtl(sk, msg, fl, ipc);
      connected = false;
    }
    if (error < 0) return error;
  }
  ipc.opt = ip6MessageOptions(np, ipc);
  fl.proto = sk.protocol;
  fl.mark = ipc.mark;
  for (let i = 0; i < 16; i++) fl.daddr[i] = daddr![daddrAt + i]!;
  if (ipv6AddrAny(fl.saddr)) fl.saddr.set(np.saddr);
  fl.sport = sk.sport;
  if (ipv6AddrAny(fl.daddr)) fl.daddr[15] = 1;
  const final = fl6UpdateDst(fl, ipc.opt);
  if (final !== null) connected = false;
  if (fl.oif === 0) {
    if (ipv6AddrIsMulticast(fl.daddr)) {
      fl.oif = np.mcastOif;
      connected = false;
    } else fl.oif = np.ucastOif;
  }
  ipc.tclass &= 0xff; // -1 is sent as 255, though RFC 3542 6.5 means the default
  fl.flowlabel = ip6MakeFlowinfo(ipc.tclass, fl.flowlabel);
  const dst = ip6SkDstLookupFlow(sk, fl, final, connected);
  if (typeof dst === 'number') return sendResult(sk, dst, len);
  if (ipc.hlimit < 0) ipc.hlimit = ip6SkDstHoplimit(sk, fl, dst);
  if (msg.flags & MSG_PROXY) return len; // MSG_PROBE
  const ulen = len + UDPHDR_LEN;
  net.copies.fromUser++;
  const flags = corkreq ? msg.flags | MSG_MORE : msg.flags;
  const error = ip6AppendData(sk, genericGetfrag, msg, ulen, UDPHDR_LEN, ipc, fl, dst, flags);
  if (error < 0) {
    ip6FlushPendingFrames(sk);
    return sendResult(sk, error, len);
  }
  if (corkreq) {
    sk.pending = AF_INET6;
    sk.len = ulen;
    return len;
  }
  return sendResult(sk, udpV6PushPendingFrames(sk), len);
}

/** What follows under a cork, or ends it. */
function appendData(sk: InetSock, msg: Msghdr, len: number, corkreq: boolean): number {
  const { cork } = sk.inet6!;
  sk.len += len;
  sk.net.copies.fromUser++;
  const flags = corkreq ? msg.flags | MSG_MORE : msg.flags;
  ipcm6InitSk(ipc, sk);
  const error = ip6AppendData(sk, genericGetfrag, msg, len, 0, ipc, cork.fl, cork.dst!, flags);
  if (error < 0) {
    udpV6FlushPendingFrames(sk);
    return error;
  }
  return corkreq ? 0 : udpV6PushPendingFrames(sk);
}

function sendResult(sk: InetSock, error: number, len: number): number {
  if (error === 0) return len;
  if (error === -ENOBUFS || sk.nospace) udp6Mib(sk.net, sk.protocol)[mib.UDP_SNDBUFERRORS]!++;
  return error;
}

function udpV6FlushPendingFrames(sk: InetSock): void {
  sk.len = 0;
  sk.pending = 0;
  ip6FlushPendingFrames(sk);
}

export function udpV6PushPendingFrames(sk: InetSock): number {
  if (sk.pending === AF_INET) return udpPushPendingFrames(sk);
  const { cork } = sk.inet6!;
  const { gsoSize, fragsize } = cork;
  const skb = ip6MakeSkb(sk, sk.writeQueue, cork);
  sk.len = 0;
  sk.pending = 0;
  return skb === null ? 0 : udpV6SendSkb(sk, skb, cork.fl, gsoSize, fragsize);
}

/** udp_v6_send_skb */
function udpV6SendSkb(sk: InetSock, skb: SkBuff, fl: Flowi6, gsoSize: number, fragsize: number): number {
  const { net } = sk;
  const { head, transportHeader: at } = skb;
  const offset = at - skb.data;
  const len = skb.len - offset;
  putBe16(head, at + UDP_SOURCE, fl.sport);
  putBe16(head, at + UDP_DEST, fl.dport);
  putBe16(head, at + UDP_LEN, len);
  putBe16(head, at + UDP_CHECK, 0);
  if (net.tracer !== null) net.tracer.enter(net, 'udp_v6_send_skb', skb, `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  if (gsoSize !== 0) {
    const data = len - UDPHDR_LEN;
    let error = 0;
    if (offset + UDPHDR_LEN + Math.min(data, gsoSize) > fragsize) error = -EMSGSIZE;
    else if (data > gsoSize * 128 || sk.noCheck6Tx) error = -EINVAL;
    else if (isLite(sk)) error = -EIO;
    if (error !== 0) {
      kfreeSkb(net, skb);
      return error;
    }
    if (data > gsoSize) {
      const pseudo = (ulen: number): number => csumIpv6Pseudo(fl.saddr, 0, fl.daddr, 0, ulen, IPPROTO_UDP);
      return sent(sk, udpSendSegments(sk, skb, gsoSize, pseudo, ip6SendSkb));
    }
  }
  if (!isLite(sk) && sk.noCheck6Tx) skb.ipSummed = CHECKSUM_NONE;
  else if (!isLite(sk) && skb.ipSummed === CHECKSUM_PARTIAL && skb.fragList === null) {
    skb.csumStart = at;
    skb.csumOffset = UDP_CHECK;
    putBe16(head, at + UDP_CHECK, fold(csumIpv6Pseudo(fl.saddr, 0, fl.daddr, 0, len, IPPROTO_UDP)));
  } else {
    let coverage = len;
    if (isLite(sk) && sk.pcflag & UDPLITE_SEND_CC && sk.pcslen < len) {
      coverage = sk.pcslen === 0 ? len : sk.pcslen;
      putBe16(head, at + UDP_LEN, sk.pcslen);
    }
    const total = skbChecksum(skb, offset, coverage);
    putBe16(head, at + UDP_CHECK, csumIpv6Magic(fl.saddr, fl.daddr, len, fl.proto, total) || CSUM_MANGLED_0);
    skb.ipSummed = CHECKSUM_NONE;
  }
  return sent(sk, ip6SendSkb(net, skb));
}

function sent(sk: InetSock, error: number): number {
  const counters = udp6Mib(sk.net, sk.protocol);
  if (error === 0) {
    counters[mib.UDP_OUTDATAGRAMS]!++;
    return 0;
  }
  if (error !== -ENOBUFS || sk.inet6!.recverr) return error;
  counters[mib.UDP_SNDBUFERRORS]!++;
  return 0;
}

// ---- receiving ----

const receive6: UdpReceive = {
  recvError: ipv6RecvError,
  putName(_sk, msg, skb) {
    const { head, networkHeader: at } = skb;
    const port = be16(head, skb.transportHeader + UDP_SOURCE);
    if (head[at]! >>> 4 === 4) putSockaddrIn6(msg.name!, msg.nameAt, v4Mapped(saddrOf(head, at)), 0, port, 0);
    else {
      const scope = ipv6IfaceScopeId(head, at + IP6_SADDR, inet6Iif(skb));
      putSockaddrIn6(msg.name!, msg.nameAt, head, at + IP6_SADDR, port, scope);
    }
    msg.namelen = sockaddr_in6.sizeof;
  },
  cmsg(sk, msg, skb) {
    const { rxopt } = sk.inet6!;
    if (rxopt !== 0) ip6DatagramRecvCommonCtl(sk, msg, skb);
    if (skb.head[skb.networkHeader]! >>> 4 === 4) {
      if (sk.cmsgFlags !== 0) ipCmsgRecv(sk, msg, skb);
    } else if (rxopt !== 0) ip6DatagramRecvSpecificCtl(sk, msg, skb);
  },
};

function udpv6Recvmsg(sock: Sock, msg: Msghdr, len: number, flags: number): number {
  const sk = sock as InetSock;
  if (!(flags & MSG_ERRQUEUE) && hasRxpmtu(sk)) return ipv6RecvRxpmtu(sk, msg);
  return udpRecvmsgBy(sk, msg, len, flags, receive6);
}

/** __udp_v6_is_mcast_sock */
function isMcastSock(sk: InetSock, skb: SkBuff, sport: number, dif: number): boolean {
  const np = sk.inet6;
  if (np === null || sk.family !== AF_INET6) return false;
  const { head, networkHeader: at } = skb;
  if (sk.dport !== 0 && sk.dport !== sport) return false;
  if (!ipv6AddrAny(np.daddr) && !ipv6AddrEqual(np.daddr, 0, head, at + IP6_SADDR)) return false;
  if (sk.boundDevIf !== 0 && sk.boundDevIf !== dif) return false;
  if (!ipv6AddrAny(np.rcvSaddr) && !ipv6AddrEqual(np.rcvSaddr, 0, head, at + IP6_DADDR)) return false;
  return inet6McCheck(sk, head, at + IP6_DADDR, at + IP6_SADDR);
}

function mcastDeliver(net: Net, skb: SkBuff, sport: number, dport: number, key: number, protocol: number): number {
  const dif = inet6Iif(skb);
  const unchecked = protocol === IPPROTO_UDP && be16(skb.head, skb.data + UDP_CHECK) === 0;
  let first: InetSock | null = null;
  for (const sk of udpPortSockets(udpTable(net, key), dport)) {
    if (!isMcastSock(sk, skb, sport, dif)) continue;
    if (unchecked && !sk.noCheck6Rx) continue;
    if (first === null) first = sk;
    else udpQueueRcvSkb(sk, skbClone(skb));
  }
  if (first !== null) udpQueueRcvSkb(first, skb);
  else {
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, '__udp6_lib_mcast_deliver');
    udp6Mib(net, protocol)[mib.UDP_IGNOREDMULTI]!++;
  }
  return 0;
}

function rcv(net: Net, skb: SkBuff, protocol: number): number {
  const mibs = udp6Mib(net, protocol);
  const key = protocol === IPPROTO_UDP ? UDP_TABLE_KEY : UDPLITE_TABLE_KEY;
  if (net.tracer !== null) net.tracer.enter(net, 'udpv6_rcv', skb);
  const drop = (why: string): number => {
    mibs[mib.UDP_INERRORS]!++;
    kfreeSkb(net, skb, why, '__udp6_lib_rcv');
    return 0;
  };
  const wrong = (): number => {
    mibs[mib.UDP_CSUMERRORS]!++;
    return drop(reason.UDP_CSUM);
  };
  if (!pskbMayPull(net, skb, UDPHDR_LEN)) return drop(reason.PKT_TOO_SMALL);
  const at = skb.data;
  skb.transportHeader = at;
  let ulen = be16(skb.head, at + UDP_LEN);
  if (ulen > skb.len) return drop(reason.PKT_TOO_SMALL);
  if (protocol === IPPROTO_UDP) {
    // RFC 2675 4: in a jumbogram the length is 0.
    if (ulen === 0) ulen = skb.len;
    if (ulen < UDPHDR_LEN) return drop(reason.PKT_TOO_SMALL);
    if (ulen < skb.len) pskbTrimRcsum(net, skb, ulen);
  }
  if (udpCsumInit(skb, protocol)) return wrong();
  const { head, networkHeader } = skb;
  const sport = be16(head, skb.data + UDP_SOURCE);
  const dport = be16(head, skb.data + UDP_DEST);
  if (ipv6AddrIsMulticast(head, networkHeader + IP6_DADDR)) return mcastDeliver(net, skb, sport, dport, key, protocol);
  const unchecked = be16(head, skb.data + UDP_CHECK) === 0;
  const table = udpTable(net, key);
  const [from, to] = [networkHeader + IP6_SADDR, networkHeader + IP6_DADDR];
  const sk = udp6LibLookup(table, head, from, sport, head, to, dport, inet6Iif(skb), skb);
  if (sk !== null) {
    if (unchecked && !sk.noCheck6Rx) return wrong();
    udpQueueRcvSkb(sk, skb);
    return 0;
  }
  if (unchecked || udpChecksumBad(skb, protocol)) return wrong();
  mibs[mib.UDP_NOPORTS]!++;
  ipv6(net).icmpv6Send(net, skb, ICMPV6_DEST_UNREACH, ICMPV6_PORT_UNREACH, 0);
  kfreeSkb(net, skb, reason.NO_SOCKET, '__udp6_lib_rcv');
  return 0;
}

/** __udp6_lib_err */
function err(net: Net, skb: SkBuff, type: number, code: number, offset: number, info: number, key: number): number {
  const { head, data: at } = skb;
  const udp = at + offset;
  const table = udpTable(net, key);
  const dport = be16(head, udp + UDP_DEST);
  const sport = be16(head, udp + UDP_SOURCE);
  const sk = udp6LibLookup(table, head, at + IP6_DADDR, dport, head, at + IP6_SADDR, sport, inet6Iif(skb), null);
  if (sk === null) {
    icmp6Inc(net, skb.dev!.ip6, mib.ICMP6_INERRORS);
    return -ENOENT;
  }
  const np = sk.inet6!;
  const found = icmpv6ErrConvert(type, code);
  let hard = found.fatal;
  if (type === ICMPV6_PKT_TOOBIG) {
    if (np.pmtudisc === IPV6_PMTUDISC_INTERFACE || np.pmtudisc === IPV6_PMTUDISC_OMIT) return 0;
    ip6DatagramUpdatePmtu(sk, skb, info);
    if (np.pmtudisc !== IPV6_PMTUDISC_DONT) hard = true;
  }
  if (type === NDISC_REDIRECT) {
    ip6SkRedirect(net, skb, sk);
    return 0;
  }
  // What is wrapped in datagrams has no program to tell.
  if (sk.encapType !== 0) return 0;
  if (!np.recverr) {
    if (!hard || sk.state !== TCP_ESTABLISHED) return 0;
  } else ipv6IcmpError(sk, skb, found.errno, dport, info, udp + UDPHDR_LEN);
  sk.err = found.errno;
  sk.errorReport();
  return 0;
}

// ---- the protocols ----

function setsockopt(sk: Sock, level: number, name: number, value: Uint8Array): number {
  if (level === SOL_UDP || level === IPPROTO_UDPLITE) return udpLibSetsockopt(sk, name, value);
  return ipv6Setsockopt(sk, level, name, value);
}
function getsockopt(sk: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  if (level === SOL_UDP || level === IPPROTO_UDPLITE) return udpLibGetsockopt(sk, name, value, length);
  return ipv6Getsockopt(sk, level, name, value, length);
}

function makeProt(name: string, init: (sk: Sock) => number): Proto {
  return {
    name,
    close(sk) {
      const inet = sk as InetSock;
      if (inet.pending === AF_INET6) udpV6FlushPendingFrames(inet);
      else if (inet.pending !== 0) udpProt.destroy?.(sk);
      skCommonRelease(sk);
    },
    connect(sk, address) {
      const error = ip6DatagramConnect(sk, address);
      const inet = sk as InetSock;
      const np = inet.inet6!;
      if (error === 0 && (ipv6AddrV4Mapped(np.rcvSaddr) ? inet.rcvSaddr !== 0 : !ipv6AddrAny(np.rcvSaddr)))
        udpLibHash4(inet, tableKey(sk));
      return error;
    },
    disconnect: udpDisconnect,
    ioctl: udpIoctl,
    init,
    setsockopt,
    getsockopt,
    sendmsg: udpv6Sendmsg,
    recvmsg: udpv6Recvmsg,
    getPort: (sk, port) => udpLibGetPort(sk as InetSock, port, tableKey(sk)),
    unhash: (sk) => udpLibUnhash(sk as InetSock, tableKey(sk)),
    rehash: (sk) => udpLibRehash(sk as InetSock, tableKey(sk)),
  };
}
export const udpv6Prot = makeProt('UDPv6', () => 0);
export const udplitev6Prot = makeProt('UDPLITEv6', (sk) => {
  (sk as InetSock).pcflag = 1;
  return 0;
});

export function udp6Init(net: Net): void {
  for (const [protocol, prot, key] of [
    [IPPROTO_UDP, udpv6Prot, UDP_TABLE_KEY],
    [IPPROTO_UDPLITE, udplitev6Prot, UDPLITE_TABLE_KEY],
  ] as const) {
    inet6AddProtocol(
      net,
      {
        handler: (n, skb) => rcv(n, skb, protocol),
        errHandler: (n, skb, type, code, offset, info) => err(n, skb, type, code, offset, info, key),
        final: true,
      },
      protocol,
    );
    inet6RegisterProtosw(net, { type: SOCK_DGRAM, protocol, prot, ops: inet6DgramOps, permanent: true });
  }
}
udpSetPush6(udpV6PushPendingFrames);
// IPV6_ADDRFORM: from now on a socket of IPv4.
ipv6SetAddrform((protocol) => ({ prot: protocol === IPPROTO_UDPLITE ? udpliteProt : udpProt, ops: inetDgramOps }));
