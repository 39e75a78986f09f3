import { be32 } from '../../bytes/endian.ts';
import { EAGAIN } from '../../uapi/errno.ts';
import {
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
  SO_EE_ORIGIN_TXSTATUS,
  sock_extended_err,
} from '../../uapi/errqueue.ts';
import { putHostU32 } from '../../uapi/host.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import * as IN6 from '../../uapi/in6.ts';
import { sockaddr_in6 } from '../../uapi/in6.ts';
import { MSG_ERRQUEUE, MSG_TRUNC, SOL_IPV6 } from '../../uapi/socket.ts';
import { IP6_DADDR, IP6_SADDR, IPV6HDR_LEN, saddrOf } from '../headers.ts';
import { icmpErrorExtensions } from '../icmp-extensions.ts';
import { type InetSock, RXOPT_RXPMTU } from '../inet-sock.ts';
import { putCmsg, skbCopyDatagram } from '../iov.ts';
import { ipCmsgRecv } from '../ip-sockglue.ts';
import { allocSkb, consumeSkb, kfreeSkb, skbClone } from '../skbuff.ts';
import { sockDequeueErrSkb, sockQueueErrSkb, sockRecvTimestamp } from '../sock.ts';
import type { SkBuff } from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import { in6Copy } from './addr.ts';
import {
  ip6DatagramRecvCommonCtl,
  ip6DatagramRecvSpecificCtl,
  ipv6IfaceScopeId,
  putSockaddrIn6,
  v4Mapped,
} from './datagram6.ts';
import { type Flowi6, IPV6_FLOWINFO_MASK } from './flow.ts';
import { ICMP6_DATA, ICMP6HDR_LEN, ICMPV6_DEST_UNREACH, ICMPV6_TIME_EXCEED } from './icmpv6.ts';
import { ip6SetAppendHooks } from './ip6-append.ts';
import { inet6Iif } from './ipv6.ts';

/** The error queue of IPv6 sockets, IPV6_RECVERR, and IPV6_RECVPATHMTU (net/ipv6/datagram.c). */

/** struct ip6_mtuinfo: a socket address and an MTU. */
export const IP6_MTUINFO_SIZE = sockaddr_in6.sizeof + 4;

/** ipv6_icmp_error: an error by ICMPv6 goes to the socket's error queue, with the data that was quoted from `payload`
 * (an offset in the buffer) on. */
export function ipv6IcmpError(
  sk: InetSock,
  skb: SkBuff,
  errno: number,
  port: number,
  info: number,
  payload: number,
): void {
  if (!sk.inet6!.recverr) return;
  const copy = skbClone(skb);
  const { head, transportHeader: icmp } = skb;
  copy.protocol = ETH_P_IPV6;
  const quoted = icmp + ICMP6HDR_LEN;
  copy.errInfo = {
    errno,
    origin: SO_EE_ORIGIN_ICMP6,
    type: head[icmp]!,
    code: head[icmp + 1]!,
    info,
    data: 0,
    addr: be32(head, quoted) & IPV6_FLOWINFO_MASK,
    addr6: in6Copy(head, quoted + IP6_DADDR),
    port,
    offender: 0,
    offender6: in6Copy(head, skb.networkHeader + IP6_SADDR),
    rfc4884Len: 0,
    rfc4884Flags: 0,
  };
  const pull = payload - copy.data;
  if (pull > copy.len) {
    kfreeSkb(sk.net, copy);
    return;
  }
  copy.data += pull;
  copy.len -= pull;
  if (sk.inet6!.recverrRfc4884 && (head[icmp] === ICMPV6_DEST_UNREACH || head[icmp] === ICMPV6_TIME_EXCEED))
    copy.errInfo.data = icmpErrorExtensions(copy, icmp, head[icmp + ICMP6_DATA]! * 8);
  copy.transportHeader = copy.data;
  if (sockQueueErrSkb(sk, copy) !== 0) kfreeSkb(sk.net, copy);
}

/** ipv6_local_error: an error that we found ourselves. */
export function ipv6LocalError(sk: InetSock, errno: number, fl: Flowi6, info: number): void {
  if (!sk.inet6!.recverr) return;
  const skb = allocSkb(IPV6HDR_LEN);
  skb.networkHeader = skb.data;
  skb.protocol = ETH_P_IPV6;
  skb.errInfo = {
    errno,
    origin: SO_EE_ORIGIN_LOCAL,
    type: 0,
    code: 0,
    info,
    data: 0,
    addr: 0,
    addr6: in6Copy(fl.daddr),
    port: fl.dport,
    offender: 0,
    offender6: null,
    rfc4884Len: 0,
    rfc4884Flags: 0,
  };
  if (sockQueueErrSkb(sk, skb) !== 0) kfreeSkb(sk.net, skb);
}

/** ipv6_local_rxpmtu */
export function ipv6LocalRxpmtu(sk: InetSock, fl: Flowi6, mtu: number): void {
  const np = sk.inet6!;
  if (!(np.rxopt & RXOPT_RXPMTU)) return;
  np.rxpmtu = { addr: in6Copy(fl.daddr), scope: fl.oif, mtu };
}
ip6SetAppendHooks({ localError: ipv6LocalError, localRxpmtu: ipv6LocalRxpmtu });

/** recvmsg with MSG_ERRQUEUE (ipv6_recv_error). Errors by ICMP about datagrams to mapped addresses are there too. */
export function ipv6RecvError(sk: InetSock, msg: Msghdr, len: number): number {
  const skb = sockDequeueErrSkb(sk);
  if (skb === null) return -EAGAIN;
  const np = sk.inet6!;
  const info = skb.errInfo!;
  let native = info.addr6 !== null;
  let copied = skb.len;
  if (copied > len) {
    msg.flags |= MSG_TRUNC;
    copied = len;
  }
  skbCopyDatagram(sk.net, skb, 0, msg, copied);
  sockRecvTimestamp(sk, skb, msg);
  const icmp = info.origin === SO_EE_ORIGIN_ICMP || info.origin === SO_EE_ORIGIN_ICMP6;
  if (msg.name !== null && (icmp || info.origin === SO_EE_ORIGIN_LOCAL || info.port !== 0)) {
    const addr = info.addr6 ?? v4Mapped(info.addr);
    const scope = native ? ipv6IfaceScopeId(addr, 0, inet6Iif(skb)) : 0;
    putSockaddrIn6(msg.name, msg.nameAt, addr, 0, info.port, scope, native && np.sndflow ? info.addr : 0);
    msg.namelen = sockaddr_in6.sizeof;
  }
  const errhdr = new Uint8Array(sock_extended_err.sizeof + sockaddr_in6.sizeof);
  putHostU32(errhdr, sock_extended_err.ee_errno, info.errno);
  errhdr[sock_extended_err.ee_origin] = info.origin;
  errhdr[sock_extended_err.ee_type] = info.type;
  errhdr[sock_extended_err.ee_code] = info.code;
  putHostU32(errhdr, sock_extended_err.ee_info, info.info);
  putHostU32(errhdr, sock_extended_err.ee_data, info.data);
  const sent = info.origin === SO_EE_ORIGIN_TXSTATUS && skb.iif !== 0;
  if (icmp || sent) {
    const at = skb.networkHeader;
    if (sent) {
      native = skb.protocol === ETH_P_IPV6;
      if (native) info.offender6 = in6Copy(skb.head, at + IP6_SADDR);
    }
    const offender = native ? info.offender6! : v4Mapped(saddrOf(skb.head, at));
    if (np.rxopt !== 0) ip6DatagramRecvCommonCtl(sk, msg, skb);
    if (native) {
      if (np.rxopt !== 0) ip6DatagramRecvSpecificCtl(sk, msg, skb);
    } else if (sk.cmsgFlags !== 0) ipCmsgRecv(sk, msg, skb);
    const scope = native ? ipv6IfaceScopeId(offender, 0, inet6Iif(skb)) : 0;
    putSockaddrIn6(errhdr, sock_extended_err.sizeof, offender, 0, 0, scope);
  }
  putCmsg(msg, SOL_IPV6, IN6.IPV6_RECVERR, errhdr);
  msg.flags |= MSG_ERRQUEUE;
  consumeSkb(skb);
  return copied;
}

/** ipv6_recv_rxpmtu: the path's MTU that a datagram of ours did not fit. */
export function ipv6RecvRxpmtu(sk: InetSock, msg: Msghdr): number {
  const np = sk.inet6!;
  const told = np.rxpmtu;
  if (told === null) return -EAGAIN;
  np.rxpmtu = null;
  const info = new Uint8Array(IP6_MTUINFO_SIZE);
  putSockaddrIn6(info, 0, told.addr, 0, 0, told.scope);
  putHostU32(info, sockaddr_in6.sizeof, told.mtu);
  if (msg.name !== null) {
    putSockaddrIn6(msg.name, msg.nameAt, told.addr, 0, 0, told.scope);
    msg.namelen = sockaddr_in6.sizeof;
  }
  putCmsg(msg, SOL_IPV6, IN6.IPV6_PATHMTU, info);
  return 0;
}
/** Whether the next read tells of a path's MTU instead of a datagram. */
export const hasRxpmtu = (sk: InetSock): boolean => sk.inet6!.rxpmtu !== null && (sk.inet6!.rxopt & RXOPT_RXPMTU) !== 0;
