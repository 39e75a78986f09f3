import { be16, be32 } from '../bytes/endian.ts';
import { CAP_NET_BIND_SERVICE, CAP_NET_RAW } from '../uapi/capability.ts';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EINVAL,
  ENOENT,
  ENOTCONN,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../uapi/errno.ts';
import { hostU16, putHostU64 } from '../uapi/host.ts';
import { IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IPPROTO_IP, IPPROTO_RAW, sockaddr_in } from '../uapi/in.ts';
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import { AF_INET, AF_UNSPEC, SOCK_RAW } from '../uapi/socket.ts';
import {
  SIOCADDRT,
  SIOCDARP,
  SIOCDELRT,
  SIOCGARP,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFDSTADDR,
  SIOCGIFNETMASK,
  SIOCGSTAMP_OLD,
  SIOCGSTAMPNS_OLD,
  SIOCSARP,
  SIOCSIFADDR,
  SIOCSIFBRDADDR,
  SIOCSIFDSTADDR,
  SIOCSIFFLAGS,
  SIOCSIFNETMASK,
} from '../uapi/sockios.ts';
import { devIoctl, ENOIOCTLCMD, inetDevIoctl } from './dev-ioctl.ts';
import { inetAddrType } from './fib.ts';
import { ipMcDropSocket } from './igmp.ts';
import { InetSock } from './inet-sock.ts';
import { ipv4Sysctl } from './ip-header.ts';
import { putSockaddrIn } from './ip-sockglue.ts';
import {
  datagramPoll,
  SOCK_BINDADDR_LOCK,
  SOCK_BINDPORT_LOCK,
  SOCK_TIMESTAMP,
  skCommonRelease,
  sockEnableTimestamp,
  sockInitData,
  TCP_CLOSE,
} from './sock.ts';
import { type NetProtoFamily, sockNoAccept, sockNoListen, sockNoSocketpair, sockRegister } from './socket.ts';
import type { Net, Proto, ProtoOps, Sock, Socket } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';

/** AF_INET (net/ipv4/af_inet.c): the table of socket types, bind and connect, names, ioctl. */

/** struct inet_protosw */
export interface InetProtosw {
  readonly type: number;
  readonly protocol: number;
  readonly prot: Proto;
  readonly ops: ProtoOps;
  /** INET_PROTOSW_PERMANENT goes first; INET_PROTOSW_REUSE shares its "port". */
  readonly permanent?: boolean;
  readonly reuse?: boolean;
}

export const INETSW_KEY = 12;
const IPPROTO_MAX = 263;
const inetsw = (net: Net): InetProtosw[][] =>
  (net.gen[INETSW_KEY] ??= Array.from({ length: 11 }, () => [])) as InetProtosw[][];

export function inetRegisterProtosw(net: Net, p: InetProtosw): void {
  const list = inetsw(net)[p.type]!;
  if (p.permanent) list.unshift(p);
  else list.splice(list.filter((one) => one.permanent).length, 0, p);
}

/** Finds the entry for what socket(2) asked for; -errno where there is none. */
export function lookupProtosw(
  list: readonly InetProtosw[],
  protocol: number,
): { answer: InetProtosw; protocol: number } | number {
  let error = -ESOCKTNOSUPPORT;
  for (const answer of list) {
    if (protocol === answer.protocol) {
      if (protocol !== IPPROTO_IP) return { answer, protocol };
    } else {
      if (protocol === IPPROTO_IP) return { answer, protocol: answer.protocol };
      if (answer.protocol === IPPROTO_IP) return { answer, protocol };
    }
    error = -EPROTONOSUPPORT;
  }
  return error;
}

const inetFamily: NetProtoFamily = {
  family: AF_INET,
  create(net, socket, protocol) {
    if (protocol < 0 || protocol >= IPPROTO_MAX) return -EINVAL;
    const found = lookupProtosw(inetsw(net)[socket.type]!, protocol);
    if (typeof found === 'number') return found;
    const { answer } = found;
    if (socket.type === SOCK_RAW && !net.cred.capable(CAP_NET_RAW)) return -EPERM;
    socket.ops = answer.ops;
    const sk = new InetSock(net, AF_INET, answer.prot);
    sk.protocol = found.protocol;
    if (answer.reuse) sk.reuse = 1;
    sk.pmtudisc = ipv4Sysctl(net).noPmtuDisc ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
    sockInitData(socket, sk);
    if (socket.type === SOCK_RAW) {
      sk.num = found.protocol;
      if (found.protocol === IPPROTO_RAW) sk.hdrincl = true;
    }
    if (sk.num !== 0) {
      sk.sport = sk.num;
      answer.prot.hash?.(sk);
    }
    const error = answer.prot.init?.(sk) ?? 0;
    if (error !== 0) {
      skCommonRelease(sk);
      return error;
    }
    return 0;
  },
};

export function inetAutobind(sk: InetSock): number {
  if (sk.num !== 0) return 0;
  if (sk.prot.getPort!(sk, 0) !== 0) return -EAGAIN;
  sk.sport = sk.num;
  return 0;
}

/** inet_addr_valid_or_nonlocal */
export function inetAddrValid(net: Net, sk: InetSock, address: number, type: number): boolean {
  return (
    ipv4Sysctl(net).nonlocalBind !== 0 ||
    sk.freebind ||
    sk.transparent ||
    address === 0 ||
    type === RTN_LOCAL ||
    type === RTN_MULTICAST ||
    type === RTN_BROADCAST
  );
}

function inetBind(socket: Socket, address: Uint8Array): number {
  const sk = socket.sk as InetSock;
  const { net } = sk;
  if (sk.prot.bind !== undefined) return sk.prot.bind(sk, address);
  if (address.length < sockaddr_in.sizeof) return -EINVAL;
  const family = hostU16(address, 0);
  const saddr = be32(address, sockaddr_in.sin_addr);
  // AF_UNSPEC with no address is let pass, for old programs.
  if (family !== AF_INET && (family !== AF_UNSPEC || saddr !== 0)) return -EAFNOSUPPORT;
  const type = inetAddrType(net, saddr);
  if (!inetAddrValid(net, sk, saddr, type)) return -EADDRNOTAVAIL;
  const port = be16(address, sockaddr_in.sin_port);
  if (port !== 0 && port < ipv4Sysctl(net).unprivPortStart && !net.cred.capable(CAP_NET_BIND_SERVICE)) return -EACCES;
  if (sk.state !== TCP_CLOSE || sk.num !== 0) return -EINVAL;
  sk.rcvSaddr = sk.saddr = saddr;
  if (type === RTN_MULTICAST || type === RTN_BROADCAST) sk.saddr = 0;
  if (port !== 0 || !sk.bindAddressNoPort) {
    const error = sk.prot.getPort!(sk, port);
    if (error !== 0) {
      sk.saddr = sk.rcvSaddr = 0;
      return error;
    }
  }
  if (sk.rcvSaddr !== 0) sk.userlocks |= SOCK_BINDADDR_LOCK;
  if (port !== 0) sk.userlocks |= SOCK_BINDPORT_LOCK;
  sk.sport = sk.num;
  sk.daddr = 0;
  sk.dport = 0;
  sk.dst = null;
  return 0;
}

export function inetDgramConnect(socket: Socket, address: Uint8Array): number {
  const sk = socket.sk as InetSock;
  if (address.length < 2) return -EINVAL;
  if (hostU16(address, 0) === AF_UNSPEC) return sk.prot.disconnect!(sk, 0);
  if (sk.num === 0 && inetAutobind(sk) !== 0) return -EAGAIN;
  return sk.prot.connect!(sk, address);
}

function inetGetname(socket: Socket, address: Uint8Array, peer: boolean): number {
  const sk = socket.sk as InetSock;
  if (peer) {
    if (sk.dport === 0 || sk.state === TCP_CLOSE) return -ENOTCONN;
    putSockaddrIn(address, 0, sk.daddr, sk.dport);
  } else putSockaddrIn(address, 0, sk.rcvSaddr !== 0 ? sk.rcvSaddr : sk.saddr, sk.sport);
  return sockaddr_in.sizeof;
}

export function inetShutdown(socket: Socket, how: number): number {
  const sk = socket.sk!;
  // 0, 1, 2 become bits 1, 2, 3.
  const bits = how + 1;
  if (bits & ~3 || bits === 0) return -EINVAL;
  const error = sk.state === TCP_CLOSE ? -ENOTCONN : 0;
  sk.shutdown |= bits;
  sk.stateChange();
  return error;
}

export function inetRelease(socket: Socket): void {
  const sk = socket.sk as InetSock | null;
  if (sk === null) return;
  ipMcDropSocket(sk);
  sk.prot.close(sk, 0);
}

export function inetSendmsg(socket: Socket, msg: Msghdr, len: number): number {
  const sk = socket.sk as InetSock;
  if (sk.num === 0 && !sk.prot.noAutobind && inetAutobind(sk) !== 0) return -EAGAIN;
  return sk.prot.sendmsg(sk, msg, len);
}

export const inetRecvmsg = (socket: Socket, msg: Msghdr, len: number, flags: number): number =>
  socket.sk!.prot.recvmsg(socket.sk!, msg, len, flags);

/** SIOCGSTAMP and SIOCGSTAMPNS (sock_gettstamp). */
export function sockGettstamp(sk: Sock, argument: Uint8Array, nano: boolean): number {
  sockEnableTimestamp(sk, SOCK_TIMESTAMP);
  if (sk.stampSec === -1) return -ENOENT;
  if (sk.stampSec === 0) {
    const now = sk.net.clock.realtime();
    sk.stampSec = now.seconds;
    sk.stampNsec = now.nanoseconds;
  }
  putHostU64(argument, 0, BigInt(sk.stampSec));
  putHostU64(argument, 8, BigInt(nano ? sk.stampNsec : Math.floor(sk.stampNsec / 1000)));
  return 0;
}

export function inetIoctl(socket: Socket, request: number, argument: Uint8Array): number {
  const sk = socket.sk!;
  switch (request) {
    case SIOCGSTAMP_OLD:
    case SIOCGSTAMPNS_OLD:
      return sockGettstamp(sk, argument, request === SIOCGSTAMPNS_OLD);
    case SIOCADDRT:
    case SIOCDELRT:
    case SIOCDARP:
    case SIOCGARP:
    case SIOCSARP:
    case SIOCGIFADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFDSTADDR:
    case SIOCSIFADDR:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFDSTADDR:
    case SIOCSIFFLAGS:
      return inetDevIoctl(sk.net, request, argument);
    default: {
      const result = sk.prot.ioctl?.(sk, request, argument) ?? -ENOIOCTLCMD;
      return result === -ENOIOCTLCMD ? devIoctl(sk.net, request, argument) : result;
    }
  }
}

export const sockCommonSetsockopt = (socket: Socket, level: number, name: number, value: Uint8Array): number =>
  socket.sk!.prot.setsockopt!(socket.sk!, level, name, value);
export const sockCommonGetsockopt = (
  socket: Socket,
  level: number,
  name: number,
  value: Uint8Array,
  length: Int32Array,
): number => socket.sk!.prot.getsockopt!(socket.sk!, level, name, value, length);

/** The calls of SOCK_RAW and of ping sockets. */
export const inetSockrawOps: ProtoOps = {
  family: AF_INET,
  release: inetRelease,
  bind: inetBind,
  connect: inetDgramConnect,
  socketpair: sockNoSocketpair,
  accept: sockNoAccept,
  getname: inetGetname,
  poll: (socket) => datagramPoll(socket.sk!),
  ioctl: inetIoctl,
  listen: sockNoListen,
  shutdown: inetShutdown,
  setsockopt: sockCommonSetsockopt,
  getsockopt: sockCommonGetsockopt,
  sendmsg: inetSendmsg,
  recvmsg: inetRecvmsg,
};

export function inetInit(net: Net): void {
  sockRegister(net, inetFamily);
}
