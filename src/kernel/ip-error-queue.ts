import { EAGAIN } from '../uapi/errno.ts';
import { SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_LOCAL, SO_EE_ORIGIN_TXSTATUS, sock_extended_err } from '../uapi/errqueue.ts';
import { putHostU32 } from '../uapi/host.ts';
import { IP_RECVERR, sockaddr_in } from '../uapi/in.ts';
import { SOF_TIMESTAMPING_OPT_CMSG } from '../uapi/net_tstamp.ts';
import { MSG_ERRQUEUE, MSG_TRUNC, SOL_IP } from '../uapi/socket.ts';
import { daddrOf, ICMP_CODE, ICMP_TYPE, ICMP_UN, IPHDR_LEN, saddrOf } from './headers.ts';
import { icmpErrorExtensions } from './icmp-extensions.ts';
import type { InetSock } from './inet-sock.ts';
import { putCmsg, skbCopyDatagram } from './iov.ts';
import { ipSetAppendHooks } from './ip-append.ts';
import { ipCmsgRecv, putSockaddrIn } from './ip-sockglue.ts';
import { allocSkb, consumeSkb, kfreeSkb, skbClone } from './skbuff.ts';
import { sockDequeueErrSkb, sockQueueErrSkb, sockRecvTimestamp } from './sock.ts';
import type { SkBuff } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';

/** The error queue of sockets of IPv4, IP_RECVERR (net/ipv4/ip_sockglue.c). */

/** ip_icmp_error: an error by ICMP goes to the socket's error queue, with the data that was quoted from `payload` on. */
export function ipIcmpError(
  sk: InetSock,
  skb: SkBuff,
  errno: number,
  port: number,
  info: number,
  payload: number,
): void {
  const copy = skbClone(skb);
  const { head } = skb;
  const icmp = skb.transportHeader;
  copy.errInfo = {
    errno,
    origin: SO_EE_ORIGIN_ICMP,
    type: head[icmp + ICMP_TYPE]!,
    code: head[icmp + ICMP_CODE]!,
    info,
    data: 0,
    addr: daddrOf(head, skb.data),
    addr6: null,
    port,
    offender: saddrOf(head, skb.networkHeader),
    offender6: null,
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
  // Of destination unreachable, time exceeded and parameter problem.
  if (sk.recverrRfc4884 && [3, 11, 12].includes(head[icmp]!))
    copy.errInfo.data = icmpErrorExtensions(copy, icmp, head[icmp + ICMP_UN + 1]! * 4);
  if (sockQueueErrSkb(sk, copy) !== 0) kfreeSkb(sk.net, copy);
}

/** ip_local_error: an error that we found ourselves. */
export function ipLocalError(sk: InetSock, errno: number, daddr: number, port: number, info: number): void {
  if (!sk.recverr) return;
  const skb = allocSkb(IPHDR_LEN);
  skb.networkHeader = skb.data;
  skb.errInfo = {
    errno,
    origin: SO_EE_ORIGIN_LOCAL,
    type: 0,
    code: 0,
    info,
    data: 0,
    addr: daddr,
    addr6: null,
    port,
    offender: 0,
    offender6: null,
    rfc4884Len: 0,
    rfc4884Flags: 0,
  };
  if (sockQueueErrSkb(sk, skb) !== 0) kfreeSkb(sk.net, skb);
}
ipSetAppendHooks({ localError: ipLocalError });

/** recvmsg with MSG_ERRQUEUE (ip_recv_error). */
export function ipRecvError(sk: InetSock, msg: Msghdr, len: number): number {
  const skb = sockDequeueErrSkb(sk);
  if (skb === null) return -EAGAIN;
  const info = skb.errInfo!;
  let copied = skb.len;
  if (copied > len) {
    msg.flags |= MSG_TRUNC;
    copied = len;
  }
  skbCopyDatagram(sk.net, skb, 0, msg, copied);
  sockRecvTimestamp(sk, skb, msg);
  if (
    msg.name !== null &&
    (info.origin === SO_EE_ORIGIN_ICMP || info.origin === SO_EE_ORIGIN_LOCAL || info.port !== 0)
  ) {
    putSockaddrIn(msg.name, msg.nameAt, info.addr, info.port);
    msg.namelen = sockaddr_in.sizeof;
  }
  const errhdr = new Uint8Array(sock_extended_err.sizeof + sockaddr_in.sizeof);
  putHostU32(errhdr, sock_extended_err.ee_errno, info.errno);
  errhdr[sock_extended_err.ee_origin] = info.origin;
  errhdr[sock_extended_err.ee_type] = info.type;
  errhdr[sock_extended_err.ee_code] = info.code;
  putHostU32(errhdr, sock_extended_err.ee_info, info.info);
  putHostU32(errhdr, sock_extended_err.ee_data, info.data);
  const sent = info.origin === SO_EE_ORIGIN_TXSTATUS && (sk.tsflags & SOF_TIMESTAMPING_OPT_CMSG) !== 0 && skb.iif !== 0;
  // Of a packet that was sent, IP_PKTINFO tells the device that it went out by, and our address in it.
  if (sent) skb.specDst = info.offender = saddrOf(skb.head, skb.networkHeader);
  if (info.origin === SO_EE_ORIGIN_ICMP || sent) {
    putSockaddrIn(errhdr, sock_extended_err.sizeof, info.offender, 0);
    if (sk.cmsgFlags !== 0) ipCmsgRecv(sk, msg, skb);
  }
  putCmsg(msg, SOL_IP, IP_RECVERR, errhdr);
  msg.flags |= MSG_ERRQUEUE;
  consumeSkb(skb);
  return copied;
}
