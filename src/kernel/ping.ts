import { fold, sum } from '../bytes/checksum.ts';
import { be16, be32, putBe16 } from '../bytes/endian.ts';
import {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  EOPNOTSUPP,
} from '../uapi/errno.ts';
import { hostU16 } from '../uapi/host.ts';
import { IPPROTO_ICMP, sockaddr_in } from '../uapi/in.ts';
import { RT_SCOPE_LINK, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  MSG_DONTROUTE,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_TRUNC,
  SOCK_DGRAM,
} from '../uapi/socket.ts';
import { inetAddrValid, inetRegisterProtosw, inetSockrawOps } from './af-inet.ts';
import { ip4DatagramConnect, udpDisconnect } from './datagram.ts';
import { ENOIOCTLCMD } from './dev-ioctl.ts';
import { Flowi4, inetAddrType } from './fib.ts';
import { daddrOf, ICMP_CHECKSUM, ICMP_UN, ICMPHDR_LEN, ihl, ipv4IsMulticast, saddrOf } from './headers.ts';
import { ICMP_DEST_UNREACH, ICMP_ECHO, ICMP_FRAG_NEEDED, ICMP_REDIRECT, icmpSetPing } from './icmp.ts';
import type { InetSock } from './inet-sock.ts';
import { copyFromIter } from './iov.ts';
import { type GetFrag, ipAppendData, ipFlushPendingFrames, ipPushPendingFrames, ipSetupCork } from './ip-append.ts';
import { ipIcmpError, ipRecvError } from './ip-error-queue.ts';
import { csumFold, ipv4Sysctl } from './ip-header.ts';
import { IpcmCookie, ipCmsgRecv, ipCmsgSend, ipGetsockopt, ipSetsockopt, putSockaddrIn } from './ip-sockglue.ts';
import * as mib from './mib.ts';
import { inetIif, ipRouteOutput, RTCF_BROADCAST } from './route.ts';
import { ipv4SkRedirect, ipv4SkUpdatePmtu } from './route-exception.ts';
import { consumeSkb, kfreeSkb, skbClone, skbTrim } from './skbuff.ts';
import {
  finishDatagram,
  recvError,
  SOCK_BINDADDR_LOCK,
  SOCK_BINDPORT_LOCK,
  SOCK_BROADCAST,
  SOCK_LOCALROUTE,
  skbRecvDatagram,
  skCommonRelease,
  skFilterTrimCap,
  sockProtInuseAdd,
  sockQueueRcvSkb,
  sockRecvCmsgs,
  TCP_ESTABLISHED,
} from './sock.ts';
import { CHECKSUM_NONE, type Net, type Proto, type SkBuff, type Sock } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';
import { icmpToErrno } from './udp-input.ts';

/** ICMP datagram sockets: echo without privilege (net/ipv4/ping.c). The port is the message's identifier. */

export const PING_KEY = 16;
interface PingState {
  readonly byIdent: Map<number, InetSock[]>;
  rover: number;
}
const pingState = (net: Net): PingState =>
  (net.gen[PING_KEY] ??= { byIdent: new Map(), rover: net.random() & 0xffff }) as PingState;
/** Sockets of both families. */
export const pingSockets = (net: Net): InetSock[] => [...pingState(net).byIdent.values()].flat();
/** Sockets of both families with this identifier, newest first. */
export const pingIdentSockets = (net: Net, ident: number): readonly InetSock[] =>
  pingState(net).byIdent.get(ident) ?? [];

export function pingGetPort(sk: Sock, ident: number): number {
  const inet = sk as InetSock;
  const state = pingState(sk.net);
  if (ident === 0) {
    for (let i = 0; i < 65536; i++) {
      state.rover = (state.rover + 1) & 0xffff;
      if (state.rover !== 0 && !state.byIdent.has(state.rover)) {
        ident = state.rover;
        break;
      }
    }
    if (ident === 0) return -1;
  } else {
    for (const other of state.byIdent.get(ident) ?? []) if (other !== inet && (!other.reuse || !inet.reuse)) return -1;
  }
  inet.num = ident;
  if (!inet.hashed) {
    const list = state.byIdent.get(ident);
    if (list === undefined) state.byIdent.set(ident, [inet]);
    else if (inet.reuseport !== 0 && inet.family === AF_INET6)
      list.push(inet); // sk_add_node_rcu
    else list.unshift(inet);
    inet.hashed = true;
    sockProtInuseAdd(sk, 1);
  }
  return 0;
}

export function pingUnhash(sk: Sock): void {
  const inet = sk as InetSock;
  if (!inet.hashed) return;
  const { byIdent } = pingState(sk.net);
  const list = byIdent.get(inet.num)!;
  list.splice(list.indexOf(inet), 1);
  if (list.length === 0) byIdent.delete(inet.num);
  inet.hashed = false;
  inet.num = 0;
  inet.sport = 0;
  sockProtInuseAdd(sk, -1);
}

function pingLookup(net: Net, ident: number, saddr: number, daddr: number, dif: number): InetSock | null {
  void saddr;
  for (const sk of pingIdentSockets(net, ident)) {
    if (sk.family !== AF_INET) continue;
    if (sk.rcvSaddr !== 0 && sk.rcvSaddr !== daddr) continue;
    if (sk.boundDevIf !== 0 && sk.boundDevIf !== dif) continue;
    return sk;
  }
  return null;
}

function pingRcv(net: Net, skb: SkBuff): boolean {
  const at = skb.transportHeader;
  const ident = be16(skb.head, at + ICMP_UN);
  const sk = pingLookup(
    net,
    ident,
    saddrOf(skb.head, skb.networkHeader),
    daddrOf(skb.head, skb.networkHeader),
    inetIif(skb),
  );
  if (sk === null) return false;
  const copy = skbClone(skb);
  copy.data = at;
  copy.len = skb.len + (skb.data - at);
  if (!skFilterTrimCap(sk, copy, 1, (packet, length) => skbTrim(net, packet, length)) || pingQueue(sk, copy) < 0)
    kfreeSkb(net, copy);
  return true;
}
function pingQueue(sk: InetSock, skb: SkBuff): number {
  // No ipv4_pktinfo_prepare here: IP_PKTINFO tells the device that the packet came by, and 0 for our address.
  skb.specDst = 0;
  return sockQueueRcvSkb(sk, skb);
}

/** An error about an echo of ours (ping_err). */
function pingErr(net: Net, skb: SkBuff, info: number): void {
  const { head, data: at } = skb;
  const icmp = at + ihl(head, at);
  if (head[icmp] !== ICMP_ECHO) return;
  const sk = pingLookup(net, be16(head, icmp + ICMP_UN), daddrOf(head, at), saddrOf(head, at), skb.dev!.ifindex);
  if (sk === null) return;
  const type = head[skb.transportHeader]!;
  const code = head[skb.transportHeader + 1]!;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) ipv4SkUpdatePmtu(sk, skb, info);
  else if (type === ICMP_REDIRECT) ipv4SkRedirect(sk, skb, info);
  const found = icmpToErrno(type, code, sk.pmtudisc);
  if (found === null) return;
  if (!sk.recverr) {
    if (!found.hard || sk.state !== TCP_ESTABLISHED) return;
  } else ipIcmpError(sk, skb, found.errno, 0, info, icmp);
  sk.err = found.errno;
  sk.errorReport();
}

const flow = new Flowi4();
const ipc = new IpcmCookie();
interface PingFrag {
  msg: Msghdr;
}
const getfrag: GetFrag = (from, to, at, _offset, length) => copyFromIter((from as PingFrag).msg, to, at, length);

/** ping_common_sendmsg: the message's header, checked; -errno. Type `echo` of code 0 alone may be sent. */
export function pingCommonSendmsg(msg: Msghdr, len: number, echo: number): Uint8Array | number {
  if (len > 0xffff) return -EMSGSIZE;
  if (len < ICMPHDR_LEN) return -EINVAL;
  if (msg.flags & MSG_OOB) return -EOPNOTSUPP;
  const header = new Uint8Array(ICMPHDR_LEN);
  if (!copyFromIter(msg, header, 0, ICMPHDR_LEN)) return -EFAULT;
  return header[0] === echo && header[1] === 0 ? header : -EINVAL;
}

function pingSendmsg(sk: Sock, msg: Msghdr, len: number): number {
  if (sk.net.tracer !== null) sk.net.tracer.begin(sk.net, 'ping_v4_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  const inet = sk as InetSock;
  const { net } = sk;
  const header = pingCommonSendmsg(msg, len, ICMP_ECHO);
  if (typeof header === 'number') return header;
  let daddr: number;
  if (msg.name !== null) {
    if (msg.namelen < sockaddr_in.sizeof) return -EINVAL;
    if (hostU16(msg.name, msg.nameAt) !== AF_INET) return -EAFNOSUPPORT;
    daddr = be32(msg.name, msg.nameAt + sockaddr_in.sin_addr);
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    daddr = inet.daddr;
  }
  ipc.init(inet);
  if (msg.controllen > 0) {
    const error = ipCmsgSend(inet, msg, ipc);
    if (error < 0) return error;
  }
  if (ipc.opt === null) ipc.opt = inet.opt;
  let saddr = ipc.addr;
  let faddr = daddr;
  ipc.addr = daddr;
  if (ipc.opt !== null && ipc.opt.srr !== 0) {
    if (daddr === 0) return -EINVAL;
    faddr = ipc.opt.faddr;
  }
  if (ipv4IsMulticast(daddr)) {
    if (ipc.oif === 0) ipc.oif = inet.mcIndex;
    if (saddr === 0) saddr = inet.mcAddr;
  } else if (ipc.oif === 0) ipc.oif = inet.ucIndex;
  const fl = flow;
  fl.oif = ipc.oif;
  fl.iif = 0;
  fl.mark = ipc.mark;
  fl.tos = (ipc.tos !== -1 ? ipc.tos : inet.tos) & 0x1c;
  fl.scope = sk.flags & SOCK_LOCALROUTE || msg.flags & MSG_DONTROUTE ? RT_SCOPE_LINK : 0;
  fl.proto = IPPROTO_ICMP;
  fl.flags = 0;
  fl.saddr = saddr;
  fl.daddr = faddr;
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number') {
    if (dst === -ENETUNREACH) net.mib.ip[mib.IP_OUTNOROUTES]!++;
    return dst;
  }
  if (dst.rtFlags & RTCF_BROADCAST && !(sk.flags & SOCK_BROADCAST)) return -EACCES;
  const { cork } = inet;
  cork.opt = ipc.opt;
  cork.addr = ipc.addr === 0 ? fl.daddr : ipc.addr;
  cork.ttl = ipc.ttl;
  cork.tos = ipc.tos;
  cork.priority = ipc.priority;
  cork.mark = ipc.mark;
  cork.gsoSize = 0;
  cork.saddr = fl.saddr;
  cork.daddr = fl.daddr;
  let error = ipSetupCork(inet, cork, dst, ipc.tsflags);
  if (error < 0) return error;
  net.copies.fromUser++;
  error = ipAppendData(inet, inet.writeQueue, cork, getfrag, { msg }, len, ICMPHDR_LEN, msg.flags);
  if (error < 0) {
    ipFlushPendingFrames(inet);
    return error;
  }
  const first = inet.writeQueue.first!;
  const at = first.transportHeader;
  first.head.set(header, at);
  putBe16(first.head, at + ICMP_CHECKSUM, 0);
  putBe16(first.head, at + ICMP_UN, inet.sport);
  let total = 0;
  for (let skb: SkBuff | null = first; skb !== null; skb = skb.next)
    total += fold(sum(skb.head, skb.transportHeader, skb.tail));
  putBe16(first.head, at + ICMP_CHECKSUM, csumFold(total));
  first.ipSummed = CHECKSUM_NONE;
  error = ipPushPendingFrames(inet, IPPROTO_ICMP);
  return error < 0 ? error : len;
}

function pingRecvmsg(sk: Sock, msg: Msghdr, len: number, flags: number): number {
  const inet = sk as InetSock;
  if (flags & MSG_OOB) return -EOPNOTSUPP;
  if (flags & MSG_ERRQUEUE) return ipRecvError(inet, msg, len);
  const skb = skbRecvDatagram(sk, sk.receiveQueue, flags);
  if (skb === null) return recvError;
  const copied = finishDatagram(sk, skb, msg, len, flags & ~MSG_TRUNC);
  sockRecvCmsgs(sk, skb, msg);
  if (msg.name !== null) {
    putSockaddrIn(msg.name, msg.nameAt, saddrOf(skb.head, skb.networkHeader), 0);
    msg.namelen = sockaddr_in.sizeof;
  }
  if (inet.cmsgFlags !== 0) ipCmsgRecv(inet, msg, skb);
  consumeSkb(skb);
  return copied;
}

function pingBind(sk: Sock, address: Uint8Array): number {
  const inet = sk as InetSock;
  if (address.length < sockaddr_in.sizeof) return -EINVAL;
  const family = hostU16(address, 0);
  const saddr = be32(address, sockaddr_in.sin_addr);
  if (family !== AF_INET && !(family === AF_UNSPEC && saddr === 0)) return -EAFNOSUPPORT;
  const type = saddr === 0 ? RTN_LOCAL : inetAddrType(sk.net, saddr);
  if (!inetAddrValid(sk.net, inet, saddr, type) || type === RTN_MULTICAST || type === RTN_BROADCAST)
    return -EADDRNOTAVAIL;
  if (inet.num !== 0) return -EINVAL;
  inet.rcvSaddr = inet.saddr = saddr;
  if (pingGetPort(sk, be16(address, sockaddr_in.sin_port)) !== 0) {
    inet.saddr = inet.rcvSaddr = 0;
    return -EADDRINUSE;
  }
  if (inet.rcvSaddr !== 0) sk.userlocks |= SOCK_BINDADDR_LOCK;
  if (be16(address, sockaddr_in.sin_port) !== 0) sk.userlocks |= SOCK_BINDPORT_LOCK;
  inet.sport = inet.num;
  inet.daddr = 0;
  inet.dport = 0;
  sk.dst = null;
  return 0;
}

/** ping_init_sock: who may have one says net.ipv4.ping_group_range. */
export function pingInitSock(sk: Sock): number {
  const { pingGroupLow, pingGroupHigh } = ipv4Sysctl(sk.net);
  const { gid } = sk.net.cred;
  return gid >= pingGroupLow && gid <= pingGroupHigh ? 0 : -EACCES;
}

export const pingProt: Proto = {
  name: 'PING',
  close: (sk) => skCommonRelease(sk),
  init: pingInitSock,
  connect: ip4DatagramConnect,
  disconnect: udpDisconnect,
  bind: pingBind,
  setsockopt: ipSetsockopt,
  getsockopt: ipGetsockopt,
  sendmsg: pingSendmsg,
  recvmsg: pingRecvmsg,
  getPort: pingGetPort,
  unhash: pingUnhash,
  ioctl: () => -ENOIOCTLCMD,
};

export function pingInit(net: Net): void {
  inetRegisterProtosw(net, {
    type: SOCK_DGRAM,
    protocol: IPPROTO_ICMP,
    prot: pingProt,
    ops: inetSockrawOps,
    reuse: true,
  });
  icmpSetPing(net, { rcv: pingRcv, err: pingErr });
}
