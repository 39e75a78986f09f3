import { be16, be32, putBe16 } from '../../bytes/endian.ts';
import { EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EDESTADDRREQ, EINVAL, ENODEV, EOPNOTSUPP } from '../../uapi/errno.ts';
import { hostU16, hostU32 } from '../../uapi/host.ts';
import { IPPROTO_ICMPV6, sockaddr_in6 } from '../../uapi/in6.ts';
import { AF_INET6, MSG_DONTWAIT, MSG_ERRQUEUE, MSG_OOB, MSG_TRUNC, SOCK_DGRAM } from '../../uapi/socket.ts';
import { udpDisconnect } from '../datagram.ts';
import { ENOIOCTLCMD } from '../dev-ioctl.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_SADDR } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import { copyFromIter } from '../iov.ts';
import type { GetFrag } from '../ip-append.ts';
import * as mib from '../mib.ts';
import { pingCommonSendmsg, pingGetPort, pingIdentSockets, pingInitSock, pingUnhash } from '../ping.ts';
import { consumeSkb, kfreeSkb, skbClone, skbTrim } from '../skbuff.ts';
import {
  finishDatagram,
  recvError,
  SOCK_BINDADDR_LOCK,
  SOCK_BINDPORT_LOCK,
  skbRecvDatagram,
  skCommonRelease,
  skFilterTrimCap,
  sockQueueRcvSkb,
  sockRecvCmsgs,
  TCP_ESTABLISHED,
} from '../sock.ts';
import type { Net, Proto, SkBuff, Sock } from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import {
  IPV6_ADDR_ANY,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_UNICAST,
  in6Copy,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsMulticast,
  ipv6AddrNeedsScopeId,
  ipv6AddrType,
} from './addr.ts';
import { inet6RegisterProtosw, inet6SockrawOps } from './af-inet6.ts';
import {
  ip6DatagramConnectV6Only,
  ip6DatagramRecvCtl,
  ip6DatagramSendCtl,
  ipcm6InitSk,
  ipv6CanNonlocalBind,
  ipv6IfaceScopeId,
  putSockaddrIn6,
} from './datagram6.ts';
import { ipv6IcmpError, ipv6RecvError } from './error-queue6.ts';
import { Flowi6, IPV6_FLOWINFO_MASK, Ipcm6Cookie, ip6MakeFlowinfo } from './flow.ts';
import {
  ICMP6_DATA,
  ICMP6HDR_LEN,
  ICMPV6_ECHO_REQUEST,
  icmpv6ErrConvert,
  icmpv6PushPendingFrames,
  icmpv6SetHooks,
} from './icmpv6.ts';
import { ipv6ChkAddr } from './inet6-addr.ts';
import { ip6AppendData, ip6FlushPendingFrames } from './ip6-append.ts';
import { icmp6Inc, inet6Iif } from './ipv6.ts';
import { ipv6Getsockopt, ipv6Setsockopt } from './ipv6-sockglue.ts';
import { ip6SkDstHoplimit, ip6SkDstLookupFlow } from './route6.ts';

/** ICMPv6 datagram sockets: echo without privilege (net/ipv6/ping.c). Identifiers are shared with ping.ts. */

/** ping_lookup, for a packet whose IPv6 header is at `skb.networkHeader`. */
function pingLookup(net: Net, skb: SkBuff, ident: number): InetSock | null {
  const { head, networkHeader: at } = skb;
  for (const sk of pingIdentSockets(net, ident)) {
    if (sk.family !== AF_INET6) continue;
    const { rcvSaddr } = sk.inet6!;
    if (!ipv6AddrAny(rcvSaddr) && !ipv6AddrEqual(rcvSaddr, 0, head, at + IP6_DADDR)) continue;
    if (sk.boundDevIf !== 0 && sk.boundDevIf !== inet6Iif(skb)) continue;
    return sk;
  }
  return null;
}

function pingRcv(net: Net, skb: SkBuff): void {
  const at = skb.transportHeader;
  const sk = pingLookup(net, skb, be16(skb.head, at + ICMP6_DATA));
  if (sk === null) {
    kfreeSkb(net, skb, reason.NO_SOCKET, 'ping_rcv');
    return;
  }
  const copy = skbClone(skb);
  copy.data = at;
  copy.len = skb.len + (skb.data - at);
  consumeSkb(skb);
  if (!skFilterTrimCap(sk, copy, 1, (packet, length) => skbTrim(net, packet, length)))
    kfreeSkb(net, copy, reason.SOCKET_FILTER, 'ping_queue_rcv_skb');
  else if (sockQueueRcvSkb(sk, copy) < 0) kfreeSkb(net, copy, reason.SOCKET_RCVBUFF, 'ping_queue_rcv_skb');
}

/** ping_err */
function pingErr(net: Net, skb: SkBuff, type: number, code: number, offset: number, info: number): void {
  const icmp = skb.data + offset;
  const sk = pingLookup(net, skb, be16(skb.head, icmp + ICMP6_DATA));
  if (sk === null) return;
  const { errno, fatal } = icmpv6ErrConvert(type, code);
  if (!sk.inet6!.recverr) {
    if (!fatal || sk.state !== TCP_ESTABLISHED) return;
  } else ipv6IcmpError(sk, skb, errno, 0, info, icmp);
  sk.err = errno;
  sk.errorReport();
}

const flow = new Flowi6();
const ipc = new Ipcm6Cookie();
const getfrag: GetFrag = (from, to, at, _offset, length) => copyFromIter(from as Msghdr, to, at, length);

function pingV6Sendmsg(sock: Sock, msg: Msghdr, len: number): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  const { net } = sk;
  if (net.tracer !== null) net.tracer.begin(net, 'ping_v6_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  const header = pingCommonSendmsg(msg, len, ICMPV6_ECHO_REQUEST);
  if (typeof header === 'number') return header;
  const fl = flow.clear();
  const { name, nameAt } = msg;
  if (name !== null) {
    if (msg.namelen < sockaddr_in6.sizeof) return -EINVAL;
    if (hostU16(name, nameAt) !== AF_INET6) return -EAFNOSUPPORT;
    for (let i = 0; i < 16; i++) fl.daddr[i] = name[nameAt + sockaddr_in6.sin6_addr + i]!;
    if (np.sndflow) fl.flowlabel = be32(name, nameAt + sockaddr_in6.sin6_flowinfo) & IPV6_FLOWINFO_MASK;
    if (ipv6AddrNeedsScopeId(ipv6AddrType(fl.daddr))) fl.oif = hostU32(name, nameAt + sockaddr_in6.sin6_scope_id);
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    fl.daddr.set(np.daddr);
    fl.flowlabel = np.flowLabel;
  }
  if (fl.oif === 0) fl.oif = sk.boundDevIf;
  if (fl.oif === 0) fl.oif = np.stickyPktinfoIfindex;
  if (fl.oif === 0) fl.oif = ipv6AddrIsMulticast(fl.daddr) ? np.mcastOif : np.ucastOif;
  const type = ipv6AddrType(fl.daddr);
  if ((ipv6AddrNeedsScopeId(type) && fl.oif === 0) || type & IPV6_ADDR_MAPPED) return -EINVAL;
  if (fl.oif !== 0 && sk.boundDevIf !== 0 && fl.oif !== sk.boundDevIf) return -EINVAL;
  ipcm6InitSk(ipc, sk);
  if (msg.controllen > 0) {
    const error = ip6DatagramSendCtl(sk, msg, fl, ipc);
    if (error < 0) return error;
    // Extension headers are checked and let fall, and so is the address of IPV6_PKTINFO.
    ipc.opt = null;
  }
  fl.saddr.set(np.saddr);
  fl.proto = IPPROTO_ICMPV6;
  fl.mark = ipc.mark;
  fl.icmpType = header[0]!;
  fl.icmpCode = header[1]!;
  if (ipc.tclass < 0) ipc.tclass = np.tclass;
  fl.flowlabel = ip6MakeFlowinfo(ipc.tclass, fl.flowlabel);
  const dst = ip6SkDstLookupFlow(sk, fl, null, false);
  if (typeof dst === 'number') return dst;
  putBe16(header, ICMP6_DATA, sk.sport);
  if (ipc.hlimit < 0) ipc.hlimit = ip6SkDstHoplimit(sk, fl, dst);
  net.copies.fromUser++;
  let error = ip6AppendData(sk, getfrag, msg, len, ICMP6HDR_LEN, ipc, fl, dst, MSG_DONTWAIT);
  if (error < 0) {
    icmp6Inc(net, dst.idev6, mib.ICMP6_OUTERRORS);
    ip6FlushPendingFrames(sk);
    return error;
  }
  error = icmpv6PushPendingFrames(sk, fl, header, len);
  return error < 0 ? error : len;
}

function pingV6Recvmsg(sock: Sock, msg: Msghdr, len: number, flags: number): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  if (flags & MSG_OOB) return -EOPNOTSUPP;
  if (flags & MSG_ERRQUEUE) return ipv6RecvError(sk, msg, len);
  const skb = skbRecvDatagram(sk, sk.receiveQueue, flags);
  if (skb === null) return recvError;
  const copied = finishDatagram(sk, skb, msg, len, flags & ~MSG_TRUNC);
  sockRecvCmsgs(sk, skb, msg);
  const { head, networkHeader: at } = skb;
  if (msg.name !== null) {
    const scope = ipv6IfaceScopeId(head, at + IP6_SADDR, inet6Iif(skb));
    const flowinfo = np.sndflow ? be32(head, at) & IPV6_FLOWINFO_MASK : 0;
    putSockaddrIn6(msg.name, msg.nameAt, head, at + IP6_SADDR, 0, scope, flowinfo);
    msg.namelen = sockaddr_in6.sizeof;
  }
  if (np.rxopt !== 0) ip6DatagramRecvCtl(sk, msg, skb);
  consumeSkb(skb);
  return copied;
}

function pingV6Bind(sock: Sock, address: Uint8Array): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  const { net } = sk;
  if (address.length < sockaddr_in6.sizeof) return -EINVAL;
  if (hostU16(address, 0) !== AF_INET6) return -EAFNOSUPPORT;
  const addr = in6Copy(address, sockaddr_in6.sin6_addr);
  const scope = hostU32(address, sockaddr_in6.sin6_scope_id);
  const type = ipv6AddrType(addr);
  const scoped = ipv6AddrNeedsScopeId(type);
  if ((type !== IPV6_ADDR_ANY && !(type & IPV6_ADDR_UNICAST)) || (scoped && scope === 0)) return -EINVAL;
  const ifindex = scope !== 0 ? scope : sk.boundDevIf;
  const dev = ifindex === 0 ? null : net.devices.get(ifindex);
  if (dev === undefined) return -ENODEV;
  if (type !== IPV6_ADDR_ANY && !ipv6CanNonlocalBind(net, sk) && !ipv6ChkAddr(net, addr, dev, scoped))
    return -EADDRNOTAVAIL;
  if (scoped) sk.boundDevIf = scope;
  if (sk.num !== 0) return -EINVAL;
  const port = be16(address, sockaddr_in6.sin6_port);
  np.rcvSaddr = np.saddr = addr;
  if (pingGetPort(sk, port) !== 0) {
    np.rcvSaddr = new Uint8Array(16);
    np.saddr = new Uint8Array(16);
    return -EADDRINUSE;
  }
  if (!ipv6AddrAny(addr)) sk.userlocks |= SOCK_BINDADDR_LOCK;
  if (port !== 0) sk.userlocks |= SOCK_BINDPORT_LOCK;
  sk.sport = sk.num;
  sk.daddr = 0;
  sk.dport = 0;
  np.daddr = new Uint8Array(16);
  sk.dst = null;
  return 0;
}

export const pingv6Prot: Proto = {
  name: 'PINGv6',
  close: (sk) => skCommonRelease(sk),
  init(sk) {
    (sk as InetSock).inet6!.v6only = true;
    return pingInitSock(sk);
  },
  connect: ip6DatagramConnectV6Only,
  disconnect: udpDisconnect,
  bind: pingV6Bind,
  setsockopt: ipv6Setsockopt,
  getsockopt: ipv6Getsockopt,
  sendmsg: pingV6Sendmsg,
  recvmsg: pingV6Recvmsg,
  getPort: pingGetPort,
  unhash: pingUnhash,
  ioctl: () => -ENOIOCTLCMD,
};

export function ping6Init(net: Net): void {
  inet6RegisterProtosw(net, {
    type: SOCK_DGRAM,
    protocol: IPPROTO_ICMPV6,
    prot: pingv6Prot,
    ops: inet6SockrawOps,
    reuse: true,
  });
  icmpv6SetHooks(net, { pingRcv, pingErr });
}
