import { be16, be32 } from '../../bytes/endian.ts';
import { CAP_NET_ADMIN, CAP_NET_BIND_SERVICE, CAP_NET_RAW } from '../../uapi/capability.ts';
import {
  EACCES,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOTCONN,
  ENXIO,
  EPERM,
} from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32 } from '../../uapi/host.ts';
import { IP_PMTUDISC_DONT, IP_PMTUDISC_WANT, IPPROTO_RAW } from '../../uapi/in.ts';
import { sockaddr_in6 } from '../../uapi/in6.ts';
import { AF_INET6, SOCK_RAW, SOCK_STREAM } from '../../uapi/socket.ts';
import { SIOCDIFADDR, SIOCGSTAMP_OLD, SIOCGSTAMPNS_OLD, SIOCSIFADDR } from '../../uapi/sockios.ts';
import {
  type InetProtosw,
  inetAddrValid,
  inetDgramConnect,
  inetRecvmsg,
  inetRelease,
  inetSendmsg,
  inetShutdown,
  lookupProtosw,
  sockCommonGetsockopt,
  sockCommonSetsockopt,
  sockGettstamp,
} from '../af-inet.ts';
import { devIoctl, ENOIOCTLCMD } from '../dev-ioctl.ts';
import { inetAddrType } from '../fib.ts';
import { Inet6SockFields, InetSock } from '../inet-sock.ts';
import { ipv4Sysctl } from '../ip-header.ts';
import {
  datagramPoll,
  SOCK_BINDADDR_LOCK,
  SOCK_BINDPORT_LOCK,
  skCommonRelease,
  sockInitData,
  TCP_CLOSE,
} from '../sock.ts';
import { type NetProtoFamily, sockNoAccept, sockNoListen, sockNoSocketpair, sockRegister } from '../socket.ts';
import type { Net, ProtoOps, Socket } from '../structs.ts';
import {
  IPV6_ADDR_ANY,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_MULTICAST,
  in6Copy,
  ipv6AddrAny,
  ipv6AddrNeedsScopeId,
  ipv6AddrType,
} from './addr.ts';
import { inet6AddrAdd, inet6AddrDel } from './addrconf.ts';
import {
  ipv6CanNonlocalBind,
  ipv6IfaceScopeId,
  LOOPBACK4_IPV6,
  putSockaddrIn6,
  SIN6_LEN_RFC2133,
} from './datagram6.ts';
import { ipv6ChkAddr } from './inet6-addr.ts';
import { ipv6Sysctl } from './ipv6.ts';
import { ipv6SockMcClose } from './mcast6.ts';

/** AF_INET6 (net/ipv6/af_inet6.c): the table of socket types, bind, names, ioctl. */

export const INETSW6_KEY = 40;
const IPPROTO_MAX = 263;
const inetsw6 = (net: Net): InetProtosw[][] =>
  (net.gen[INETSW6_KEY] ??= Array.from({ length: 11 }, () => [])) as InetProtosw[][];

export function inet6RegisterProtosw(net: Net, p: InetProtosw): void {
  const list = inetsw6(net)[p.type]!;
  // Behind the permanent ones, of whom the first that came stays the first.
  list.splice(list.filter((one) => one.permanent).length, 0, p);
}

const inet6Family: NetProtoFamily = {
  family: AF_INET6,
  create(net, socket, protocol) {
    if (protocol < 0 || protocol >= IPPROTO_MAX) return -EINVAL;
    const found = lookupProtosw(inetsw6(net)[socket.type]!, protocol);
    if (typeof found === 'number') return found;
    const { answer } = found;
    if (socket.type === SOCK_RAW && !net.cred.capable(CAP_NET_RAW)) return -EPERM;
    socket.ops = answer.ops;
    const sk = new InetSock(net, AF_INET6, answer.prot);
    sk.protocol = found.protocol;
    if (answer.reuse) sk.reuse = 1;
    sk.pmtudisc = ipv4Sysctl(net).noPmtuDisc ? IP_PMTUDISC_DONT : IP_PMTUDISC_WANT;
    // IP_MULTICAST_ALL is on for sockets of IPv4 alone.
    sk.mcAll = false;
    sk.inet6 = new Inet6SockFields();
    sk.inet6.v6only = ipv6Sysctl(net).bindv6only !== 0;
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
    if (error !== 0) skCommonRelease(sk);
    return error;
  },
};

/** The checks of a native address that sockets of datagrams and raw ones share: 0 or -errno. A scope given with a
 * link-local address binds the socket to that device. */
export function inet6BindCheck(sk: InetSock, addr: Uint8Array, type: number, scope: number): number {
  const { net } = sk;
  if (type === IPV6_ADDR_ANY) return 0;
  if (ipv6AddrNeedsScopeId(type)) {
    if (scope !== 0) sk.boundDevIf = scope;
    if (sk.boundDevIf === 0) return -EINVAL;
  }
  const dev = sk.boundDevIf !== 0 ? net.devices.get(sk.boundDevIf) : null;
  if (dev === undefined) return -ENODEV;
  if (type & IPV6_ADDR_MULTICAST || ipv6CanNonlocalBind(net, sk)) return 0;
  return ipv6ChkAddr(net, addr, dev) ? 0 : -EADDRNOTAVAIL;
}

/** Scope of a socket address that is long enough to have one. */
export const scopeOf = (address: Uint8Array): number =>
  address.length >= sockaddr_in6.sizeof ? hostU32(address, sockaddr_in6.sin6_scope_id) : 0;

function inet6Bind(socket: Socket, address: Uint8Array): number {
  const sk = socket.sk as InetSock;
  const np = sk.inet6!;
  const { net } = sk;
  if (sk.prot.bind !== undefined) return sk.prot.bind(sk, address);
  if (address.length < SIN6_LEN_RFC2133) return -EINVAL;
  if (hostU16(address, 0) !== AF_INET6) return -EAFNOSUPPORT;
  const addr = in6Copy(address, sockaddr_in6.sin6_addr);
  const type = ipv6AddrType(addr);
  if (type & IPV6_ADDR_MULTICAST && socket.type === SOCK_STREAM) return -EINVAL;
  const port = be16(address, sockaddr_in6.sin6_port);
  if (port !== 0 && port < ipv4Sysctl(net).unprivPortStart && !net.cred.capable(CAP_NET_BIND_SERVICE)) return -EACCES;
  if (sk.state !== TCP_CLOSE || sk.num !== 0) return -EINVAL;
  let v4addr = 0;
  if (type === IPV6_ADDR_MAPPED) {
    if (np.v6only) return -EINVAL;
    v4addr = be32(addr, 12);
    if (!inetAddrValid(net, sk, v4addr, inetAddrType(net, v4addr))) return -EADDRNOTAVAIL;
  } else {
    const error = inet6BindCheck(sk, addr, type, scopeOf(address));
    if (error !== 0) return error;
    if (type !== IPV6_ADDR_ANY) v4addr = LOOPBACK4_IPV6;
  }
  sk.rcvSaddr = sk.saddr = v4addr;
  np.rcvSaddr = addr;
  if (!(type & IPV6_ADDR_MULTICAST)) np.saddr = addr;
  const before = np.v6only;
  if (type !== IPV6_ADDR_ANY && type !== IPV6_ADDR_MAPPED) np.v6only = true;
  if (port !== 0 || !sk.bindAddressNoPort) {
    const error = sk.prot.getPort!(sk, port);
    if (error !== 0) {
      np.v6only = before;
      sk.rcvSaddr = sk.saddr = 0;
      np.rcvSaddr = new Uint8Array(16);
      np.saddr = new Uint8Array(16);
      return error;
    }
  }
  if (type !== IPV6_ADDR_ANY) sk.userlocks |= SOCK_BINDADDR_LOCK;
  if (port !== 0) sk.userlocks |= SOCK_BINDPORT_LOCK;
  sk.sport = sk.num;
  sk.dport = 0;
  sk.daddr = 0;
  return 0;
}

function inet6Getname(socket: Socket, address: Uint8Array, peer: boolean): number {
  const sk = socket.sk as InetSock;
  const np = sk.inet6!;
  let addr: Uint8Array;
  let port: number;
  let flowinfo = 0;
  if (peer) {
    if (sk.dport === 0 || sk.state === TCP_CLOSE) return -ENOTCONN;
    addr = np.daddr;
    port = sk.dport;
    if (np.sndflow) flowinfo = np.flowLabel;
  } else {
    addr = ipv6AddrAny(np.rcvSaddr) ? np.saddr : np.rcvSaddr;
    port = sk.sport;
  }
  putSockaddrIn6(address, 0, addr, 0, port, ipv6IfaceScopeId(addr, 0, sk.boundDevIf), flowinfo);
  return sockaddr_in6.sizeof;
}

function inet6Release(socket: Socket): void {
  const sk = socket.sk as InetSock | null;
  if (sk === null) return;
  ipv6SockMcClose(sk);
  inetRelease(socket);
}

/** struct in6_ifreq: an address, its prefix length, the device's index. */
const IN6_IFREQ = { sizeof: 24, ifr6_addr: 0, ifr6_prefixlen: 16, ifr6_ifindex: 20 } as const;

/** addrconf_add_ifaddr, addrconf_del_ifaddr */
function addrconfIoctl(net: Net, request: number, argument: Uint8Array): number {
  if (!net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
  if (argument.length < IN6_IFREQ.sizeof) return -EFAULT;
  const addr = in6Copy(argument, IN6_IFREQ.ifr6_addr);
  const prefixlen = hostU32(argument, IN6_IFREQ.ifr6_prefixlen);
  const dev = net.devices.get(hostI32(argument, IN6_IFREQ.ifr6_ifindex));
  if (request === SIOCSIFADDR) return dev === undefined ? -ENODEV : inet6AddrAdd(dev, addr, prefixlen);
  if (prefixlen > 128) return -EINVAL;
  if (dev === undefined) return -ENODEV;
  return dev.ip6 === null ? -ENXIO : inet6AddrDel(dev, addr, prefixlen);
}

function inet6Ioctl(socket: Socket, request: number, argument: Uint8Array): number {
  const sk = socket.sk!;
  if (request === SIOCGSTAMP_OLD || request === SIOCGSTAMPNS_OLD)
    return sockGettstamp(sk, argument, request === SIOCGSTAMPNS_OLD);
  if (request === SIOCSIFADDR || request === SIOCDIFADDR) return addrconfIoctl(sk.net, request, argument);
  const result = sk.prot.ioctl?.(sk, request, argument) ?? -ENOIOCTLCMD;
  return result === -ENOIOCTLCMD ? devIoctl(sk.net, request, argument) : result;
}

/** The calls of SOCK_RAW and of ping sockets. */
export const inet6SockrawOps: ProtoOps = {
  family: AF_INET6,
  release: inet6Release,
  bind: inet6Bind,
  connect: inetDgramConnect,
  socketpair: sockNoSocketpair,
  accept: sockNoAccept,
  getname: inet6Getname,
  poll: (socket) => datagramPoll(socket.sk!),
  ioctl: inet6Ioctl,
  listen: sockNoListen,
  shutdown: inetShutdown,
  setsockopt: sockCommonSetsockopt,
  getsockopt: sockCommonGetsockopt,
  sendmsg: inetSendmsg,
  recvmsg: inetRecvmsg,
};

/** The calls of SOCK_DGRAM. */
export const inet6DgramOps: ProtoOps = {
  ...inet6SockrawOps,
  setPeekOff(sk, value) {
    sk.peekOff = value;
    return 0;
  },
};

export function inet6Init(net: Net): void {
  sockRegister(net, inet6Family);
}
