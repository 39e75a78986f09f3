import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EDESTADDRREQ,
  EFAULT,
  EHOSTUNREACH,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPROTO,
} from '../uapi/errno.ts';
import { hostI32, hostU16, putHostU32 } from '../uapi/host.ts';
import { ETH_P_IP } from '../uapi/if_ether.ts';
import { IP_PMTUDISC_DONT, IPPROTO_ICMP, IPPROTO_IP, IPPROTO_RAW, sockaddr_in } from '../uapi/in.ts';
import { RT_SCOPE_LINK, RTN_BROADCAST, RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import {
  AF_INET,
  AF_UNSPEC,
  MSG_CONFIRM,
  MSG_DONTROUTE,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_OOB,
  MSG_PROXY,
  SOCK_RAW,
} from '../uapi/socket.ts';
import { SIOCINQ, SIOCOUTQ } from '../uapi/sockios.ts';
import { inetAddrValid, inetRegisterProtosw, inetSockrawOps } from './af-inet.ts';
import { ip4DatagramConnect, udpDisconnect } from './datagram.ts';
import { ENOIOCTLCMD } from './dev-ioctl.ts';
import * as reason from './drop-reason.ts';
import { FLOWI_FLAG_ANYSRC, FLOWI_FLAG_KNOWN_NH, Flowi4, inetAddrType } from './fib.ts';
import {
  daddrOf,
  ICMPHDR_LEN,
  IPH_CHECK,
  IPH_ID,
  IPH_PROTOCOL,
  IPH_SADDR,
  IPH_TOT_LEN,
  IPHDR_LEN,
  ihl,
  ipv4IsMulticast,
  saddrOf,
} from './headers.ts';
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  icmpErrConvert,
  icmpOutCount,
  icmpSetRawError,
  NR_ICMP_UNREACH,
} from './icmp.ts';
import { ipMcSfAllow } from './igmp.ts';
import type { InetSock } from './inet-sock.ts';
import { copyFromIter } from './iov.ts';
import { type GetFrag, ipAppendData, ipFlushPendingFrames, ipPushPendingFrames, ipSetupCork } from './ip-append.ts';
import { ipIcmpError, ipLocalError, ipRecvError } from './ip-error-queue.ts';
import { ipFastCsum, ipSelectIdent } from './ip-header.ts';
import { inetProtos } from './ip-input.ts';
import {
  IpcmCookie,
  ipCmsgRecv,
  ipCmsgSend,
  ipGetsockopt,
  ipSetsockopt,
  ipv4PktinfoPrepare,
  putSockaddrIn,
} from './ip-sockglue.ts';
import * as mib from './mib.ts';
import { NF_INET_LOCAL_OUT, nfHook } from './netfilter.ts';
import { inetIif, ipRouteOutput, RTCF_BROADCAST } from './route.ts';
import { ipv4SkRedirect, ipv4SkUpdatePmtu } from './route-exception.ts';
import { NET_XMIT_CN } from './sch-generic.ts';
import { consumeSkb, kfreeSkb, llReservedSpace, skbClone, skbPut, skbReserve, skbTrim } from './skbuff.ts';
import {
  finishDatagram,
  recvError,
  SOCK_BROADCAST,
  SOCK_LOCALROUTE,
  skbRecvDatagram,
  skCommonRelease,
  skFilterTrimCap,
  sockAllocSendSkb,
  sockProtInuseAdd,
  sockQueueRcvSkb,
  sockRecvCmsgs,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from './sock.ts';
import { putOption } from './sock-options.ts';
import type { DstEntry, Net, Proto, SkBuff, Sock } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';

import { skbSetupTxTimestamp } from './tx-timestamp.ts';

/** Raw sockets of IPv4, raw(7) (net/ipv4/raw.c). */

const ICMP_FILTER = 1;
const SOL_RAW_LEVEL = 255;

export const RAW_KEY = 15;
/** Sockets by protocol. */
export const rawTable = (net: Net): Map<number, InetSock[]> =>
  (net.gen[RAW_KEY] ??= new Map()) as Map<number, InetSock[]>;

function rawMatch(sk: InetSock, raddr: number, laddr: number, dif: number): boolean {
  return (
    (sk.daddr === 0 || sk.daddr === raddr) &&
    (sk.rcvSaddr === 0 || sk.rcvSaddr === laddr) &&
    (sk.boundDevIf === 0 || sk.boundDevIf === dif)
  );
}

/** icmp_filter: true where the socket does not want this type. */
function icmpFiltered(sk: InetSock, skb: SkBuff): boolean {
  if (skb.len < ICMPHDR_LEN) return true;
  const type = skb.head[skb.data]!;
  return type < 32 && ((1 << type) & sk.icmpFilter) !== 0;
}

/** Every raw socket of the protocol gets a copy (raw_v4_input). True where one took it. */
function rawLocalDeliver(net: Net, skb: SkBuff, protocol: number): boolean {
  const list = rawTable(net).get(protocol);
  if (list === undefined || list.length === 0) return false;
  const { head, networkHeader: at } = skb;
  const saddr = saddrOf(head, at);
  const daddr = daddrOf(head, at);
  const dif = inetIif(skb);
  let delivered = false;
  for (const sk of [...list]) {
    if (!rawMatch(sk, saddr, daddr, dif)) continue;
    if (sk.rmemAlloc >= sk.rcvbuf) {
      sk.drops++;
      continue;
    }
    delivered = true;
    if (protocol === IPPROTO_ICMP && icmpFiltered(sk, skb)) continue;
    if (!ipMcSfAllow(sk, daddr, saddr, dif)) continue;
    rawRcv(net, sk, skbClone(skb));
  }
  return delivered;
}

function rawRcv(net: Net, sk: InetSock, skb: SkBuff): void {
  const push = skb.data - skb.networkHeader;
  skb.data -= push;
  skb.len += push;
  if (net.tracer !== null) net.tracer.enter(net, 'raw_rcv', skb, `rmem ${sk.rmemAlloc} of ${sk.rcvbuf}`);
  ipv4PktinfoPrepare(sk, skb);
  if (!skFilterTrimCap(sk, skb, 1, (packet, length) => skbTrim(net, packet, length))) {
    kfreeSkb(net, skb, reason.SOCKET_FILTER, 'raw_rcv_skb');
    return;
  }
  if (sockQueueRcvSkb(sk, skb) < 0) kfreeSkb(net, skb, reason.SOCKET_RCVBUFF, 'raw_rcv_skb');
}

/** raw_icmp_error */
function rawIcmpError(net: Net, skb: SkBuff, protocol: number, info: number): void {
  const list = rawTable(net).get(protocol);
  if (list === undefined) return;
  const { head, data: at } = skb;
  for (const sk of [...list]) {
    if (!rawMatch(sk, daddrOf(head, at), saddrOf(head, at), skb.dev!.ifindex)) continue;
    const type = head[skb.transportHeader]!;
    const code = head[skb.transportHeader + 1]!;
    if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) ipv4SkUpdatePmtu(sk, skb, info);
    else if (type === ICMP_REDIRECT) {
      ipv4SkRedirect(sk, skb, info);
      continue;
    }
    if (!sk.recverr && sk.state !== TCP_ESTABLISHED) continue;
    let errno = EHOSTUNREACH;
    let hard = false;
    switch (type) {
      case ICMP_SOURCE_QUENCH:
        continue;
      case ICMP_PARAMETERPROB:
        errno = EPROTO;
        hard = true;
        break;
      case ICMP_DEST_UNREACH:
        if (code > NR_ICMP_UNREACH) break;
        if (code === ICMP_FRAG_NEEDED) {
          hard = sk.pmtudisc !== IP_PMTUDISC_DONT;
          errno = EMSGSIZE;
        } else ({ errno, fatal: hard } = icmpErrConvert[code]!);
        break;
    }
    if (sk.recverr) ipIcmpError(sk, skb, errno, 0, info, sk.hdrincl ? at : at + ihl(head, at));
    if (sk.recverr || hard) {
      sk.err = errno;
      sk.errorReport();
    }
  }
}

const flow = new Flowi4();
const ipc = new IpcmCookie();

function rawSendmsg(sk: Sock, msg: Msghdr, len: number): number {
  if (sk.net.tracer !== null) sk.net.tracer.begin(sk.net, 'raw_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  const inet = sk as InetSock;
  const { net } = sk;
  if (len > 0xffff) return -EMSGSIZE;
  if (msg.flags & MSG_OOB) return -EOPNOTSUPP;
  let daddr: number;
  if (msg.name !== null) {
    if (msg.namelen < sockaddr_in.sizeof) return -EINVAL;
    const family = hostU16(msg.name, msg.nameAt);
    if (family !== AF_INET && family !== AF_UNSPEC) return -EAFNOSUPPORT;
    daddr = be32(msg.name, msg.nameAt + sockaddr_in.sin_addr);
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    daddr = inet.daddr;
  }
  ipc.init(inet);
  if (inet.hdrincl) ipc.protocol = IPPROTO_RAW;
  if (msg.controllen > 0) {
    const error = ipCmsgSend(inet, msg, ipc);
    if (error < 0) return error;
  }
  let saddr = ipc.addr;
  ipc.addr = daddr;
  if (ipc.opt === null) ipc.opt = inet.opt;
  if (ipc.opt !== null) {
    if (inet.hdrincl) return -EINVAL;
    if (ipc.opt.srr !== 0) {
      if (daddr === 0) return -EINVAL;
      daddr = ipc.opt.faddr;
    }
  }
  const linkOnly = sk.flags & SOCK_LOCALROUTE || msg.flags & MSG_DONTROUTE || ipc.opt?.isStrictroute;
  if (ipv4IsMulticast(daddr)) {
    if (ipc.oif === 0) ipc.oif = inet.mcIndex;
    if (saddr === 0) saddr = inet.mcAddr;
  } else if (ipc.oif === 0) ipc.oif = inet.ucIndex;
  const fl = flow;
  fl.oif = ipc.oif;
  fl.iif = 0;
  fl.mark = ipc.mark;
  fl.tos = (ipc.tos !== -1 ? ipc.tos : inet.tos) & 0x1c;
  fl.scope = linkOnly ? RT_SCOPE_LINK : 0;
  fl.proto = inet.hdrincl ? ipc.protocol : sk.protocol;
  fl.flags = (inet.hdrincl || inet.transparent ? FLOWI_FLAG_ANYSRC : 0) | (inet.hdrincl ? FLOWI_FLAG_KNOWN_NH : 0);
  // raw_probe_proto_opt reads type and code.
  if (!inet.hdrincl && sk.protocol === IPPROTO_ICMP && len < 2) return -EFAULT;
  fl.saddr = saddr;
  fl.daddr = daddr;
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number') return dst;
  if (dst.rtFlags & RTCF_BROADCAST && !(sk.flags & SOCK_BROADCAST)) return -EACCES;
  if (msg.flags & MSG_CONFIRM) sk.dstPendingConfirm = true;
  if (inet.hdrincl) {
    const error = sendHdrinc(inet, msg, len, dst, fl.saddr, fl.daddr);
    return error < 0 ? error : len;
  }
  if (ipc.addr === 0) ipc.addr = fl.daddr;
  const { cork } = inet;
  if (inet.writeQueue.qlen === 0) {
    cork.opt = ipc.opt;
    cork.addr = ipc.addr;
    cork.ttl = ipc.ttl;
    cork.tos = ipc.tos !== -1 ? ipc.tos : inet.tos;
    cork.priority = ipc.priority;
    cork.mark = ipc.mark;
    cork.gsoSize = 0;
    const error = ipSetupCork(inet, cork, dst, ipc.tsflags);
    if (error < 0) return error;
  }
  // The addresses are those of the call that sends, the route that of the first (MSG_MORE).
  cork.saddr = fl.saddr;
  cork.daddr = fl.daddr;
  net.copies.fromUser++;
  let error = ipAppendData(inet, inet.writeQueue, cork, rawGetfrag, msg, len, 0, msg.flags);
  if (error < 0) ipFlushPendingFrames(inet);
  else if (!(msg.flags & MSG_MORE)) {
    if (sk.protocol === IPPROTO_ICMP) cork.icmpType = probed;
    error = ipPushPendingFrames(inet, sk.protocol);
    if (error === -ENOBUFS && !inet.recverr) error = 0;
  }
  return error < 0 ? error : len;
}
/** First byte of the last message: what raw_probe_proto_opt takes for the type. */
let probed = 0;
const rawGetfrag: GetFrag = (from, to, at, offset, length) => {
  if (!copyFromIter(from as Msghdr, to, at, length)) return false;
  if (offset === 0) probed = to[at]!;
  return true;
};

/** The program wrote the header itself (raw_send_hdrinc): length, checksum, and a missing source or id are filled in. */
function sendHdrinc(sk: InetSock, msg: Msghdr, length: number, dst: DstEntry, saddr: number, daddr: number): number {
  const { net } = sk;
  if (length > dst.dev.mtu) {
    ipLocalError(sk, EMSGSIZE, daddr, sk.dport, dst.dev.mtu);
    return -EMSGSIZE;
  }
  if (length < IPHDR_LEN) return -EINVAL;
  if (msg.flags & MSG_PROXY) return 0; // MSG_PROBE
  const lost = (error: number): number => {
    net.mib.ip[mib.IP_OUTDISCARDS]!++;
    return error === -ENOBUFS && !sk.recverr ? 0 : error;
  };
  const room = llReservedSpace(dst.dev);
  const skb = sockAllocSendSkb(sk, length + room + 15);
  if (typeof skb === 'number') return lost(skb);
  skbReserve(skb, room);
  skb.protocol = ETH_P_IP;
  skb.priority = ipc.priority;
  skb.mark = ipc.mark;
  skbSetupTxTimestamp(sk, skb, ipc.tsflags);
  skb.dst = dst;
  skb.dev = dst.dev;
  skb.networkHeader = skb.data;
  const at = skbPut(skb, length);
  skb.transportHeader = at;
  const { head } = skb;
  if (!copyFromIter(msg, head, at, length)) {
    kfreeSkb(net, skb);
    return lost(-EFAULT);
  }
  net.copies.fromUser++;
  const hlen = ihl(head, at);
  if (hlen > length || hlen < IPHDR_LEN) {
    kfreeSkb(net, skb);
    return lost(-EINVAL);
  }
  if (saddrOf(head, at) === 0) putBe32(head, at + IPH_SADDR, saddr);
  putBe16(head, at + IPH_CHECK, 0);
  putBe16(head, at + IPH_TOT_LEN, length);
  if (be16(head, at + IPH_ID) === 0) ipSelectIdent(net, head, at, null, false, saddrOf(head, at), daddrOf(head, at));
  putBe16(head, at + IPH_CHECK, ipFastCsum(head, at, hlen));
  skb.transportHeader += hlen;
  if (head[at + IPH_PROTOCOL] === IPPROTO_ICMP && length >= hlen + ICMPHDR_LEN) icmpOutCount(net, head[at + hlen]!);
  let error = nfHook(net, AF_INET, NF_INET_LOCAL_OUT, sk, skb, null, dst.dev);
  if (error === 1) error = dst.output(net, sk, skb);
  if (error > 0) error = error !== NET_XMIT_CN ? -ENOBUFS : 0;
  return error < 0 ? lost(error) : 0;
}

function rawRecvmsg(sk: Sock, msg: Msghdr, len: number, flags: number): number {
  const inet = sk as InetSock;
  if (flags & MSG_OOB) return -EOPNOTSUPP;
  if (flags & MSG_ERRQUEUE) return ipRecvError(inet, msg, len);
  const skb = skbRecvDatagram(sk, sk.receiveQueue, flags);
  if (skb === null) return recvError;
  const result = finishDatagram(sk, skb, msg, len, flags);
  sockRecvCmsgs(sk, skb, msg);
  if (msg.name !== null) {
    putSockaddrIn(msg.name, msg.nameAt, saddrOf(skb.head, skb.networkHeader), 0);
    msg.namelen = sockaddr_in.sizeof;
  }
  if (inet.cmsgFlags !== 0) ipCmsgRecv(inet, msg, skb);
  consumeSkb(skb);
  return result;
}

function rawBind(sk: Sock, address: Uint8Array): number {
  const inet = sk as InetSock;
  if (sk.state !== TCP_CLOSE || address.length < sockaddr_in.sizeof) return -EINVAL;
  const saddr = be32(address, sockaddr_in.sin_addr);
  const type = inetAddrType(sk.net, saddr);
  if (!inetAddrValid(sk.net, inet, saddr, type)) return -EADDRNOTAVAIL;
  inet.rcvSaddr = inet.saddr = saddr;
  if (type === RTN_MULTICAST || type === RTN_BROADCAST) inet.saddr = 0;
  sk.dst = null;
  return 0;
}

const filterBytes = new Uint8Array(4);

/** raw_ioctl, and rawv6_ioctl. */
export function rawIoctl(sk: Sock, request: number, argument: Uint8Array): number {
  switch (request) {
    case SIOCOUTQ:
      putHostU32(argument, 0, sk.wmemAlloc);
      return 0;
    case SIOCINQ:
      putHostU32(argument, 0, sk.receiveQueue.first?.len ?? 0);
      return 0;
    default:
      return -ENOIOCTLCMD;
  }
}

export const rawProt: Proto = {
  name: 'RAW',
  close: (sk) => skCommonRelease(sk),
  connect: ip4DatagramConnect,
  disconnect: udpDisconnect,
  bind: rawBind,
  sendmsg: rawSendmsg,
  recvmsg: rawRecvmsg,
  ioctl: rawIoctl,
  setsockopt(sk, level, name, value) {
    if (level !== SOL_RAW_LEVEL) return ipSetsockopt(sk, level, name, value);
    if (name !== ICMP_FILTER) return -ENOPROTOOPT;
    if ((sk as InetSock).num !== IPPROTO_ICMP) return -EOPNOTSUPP;
    filterBytes.fill(0);
    putHostU32(filterBytes, 0, (sk as InetSock).icmpFilter);
    filterBytes.set(value.subarray(0, 4));
    (sk as InetSock).icmpFilter = hostI32(filterBytes, 0);
    return 0;
  },
  getsockopt(sk, level, name, value, length) {
    if (level !== SOL_RAW_LEVEL) return ipGetsockopt(sk, level, name, value, length);
    if (name !== ICMP_FILTER) return -ENOPROTOOPT;
    if ((sk as InetSock).num !== IPPROTO_ICMP) return -EOPNOTSUPP;
    if (length[0]! < 0) return -EINVAL;
    putHostU32(filterBytes, 0, (sk as InetSock).icmpFilter);
    return putOption(filterBytes, 4, value, length);
  },
  hash(sk) {
    const table = rawTable(sk.net);
    const list = table.get((sk as InetSock).num);
    if (list === undefined) table.set((sk as InetSock).num, [sk as InetSock]);
    else list.push(sk as InetSock);
    sockProtInuseAdd(sk, 1);
    return 0;
  },
  unhash(sk) {
    const list = rawTable(sk.net).get((sk as InetSock).num);
    const at = list?.indexOf(sk as InetSock) ?? -1;
    if (at < 0) return;
    list!.splice(at, 1);
    sockProtInuseAdd(sk, -1);
  },
};
// A raw socket's number is its protocol: it is not let go of when it disconnects.
export function rawInit(net: Net): void {
  inetRegisterProtosw(net, { type: SOCK_RAW, protocol: IPPROTO_IP, prot: rawProt, ops: inetSockrawOps, reuse: true });
  inetProtos(net).rawLocalDeliver = rawLocalDeliver;
  icmpSetRawError(net, rawIcmpError);
}
