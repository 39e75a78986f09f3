import { CAP_NET_ADMIN, CAP_NET_RAW } from '../uapi/capability.ts';
import { EAGAIN, EINVAL, ENOMEM, EPERM, EPIPE } from '../uapi/errno.ts';
import { hostU32, putHostU32 } from '../uapi/host.ts';
import {
  SOF_TIMESTAMPING_RAW_HARDWARE,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
} from '../uapi/net_tstamp.ts';
import {
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from '../uapi/poll.ts';
import {
  MSG_PEEK,
  MSG_TRUNC,
  SCM_TIMESTAMP,
  SCM_TIMESTAMPING,
  SCM_TIMESTAMPNS,
  SO_MARK,
  SO_RXQ_OVFL,
  SOL_SOCKET,
} from '../uapi/socket.ts';
import { forEachCmsg, putCmsg, putCmsgInt, skbCopyDatagram } from './iov.ts';
import {
  allocSkb,
  headTruesize,
  SKB_MAX_ALLOC,
  skbOrphan,
  skbQueuePurge,
  skbQueueTail,
  skbSetOwnerR,
  skbSetOwnerW,
  skbUnlink,
} from './skbuff.ts';
import type { Net, Proto, SkBuff, SkBuffHead, Sock, Socket } from './structs.ts';
import type { Msghdr } from './structs-plain.ts';

/** struct sock's own functions: charging, datagram queues, poll (net/core/sock.c, net/core/datagram.c). */

// Bits of sk.flags (enum sock_flags).
export const SOCK_DEAD = 1 << 0;
export const SOCK_KEEPOPEN = 1 << 3;
export const SOCK_LINGER = 1 << 4;
export const SOCK_BROADCAST = 1 << 6;
export const SOCK_TIMESTAMP = 1 << 7;
export const SOCK_ZAPPED = 1 << 8;
export const SOCK_DBG = 1 << 10;
export const SOCK_RCVTSTAMP = 1 << 11;
export const SOCK_RCVTSTAMPNS = 1 << 12;
export const SOCK_LOCALROUTE = 1 << 13;
export const SOCK_TIMESTAMPING_RX_SOFTWARE = 1 << 14;
export const SOCK_RXQ_OVFL = 1 << 16;
export const SOCK_ZEROCOPY = 1 << 17;
export const SOCK_WIFI_STATUS = 1 << 18;
export const SOCK_NOFCS = 1 << 19;
export const SOCK_SELECT_ERR_QUEUE = 1 << 22;
export const SOCK_URGINLINE = 1 << 9;
export const SOCK_TSTAMP_NEW = 1 << 24;
export const SOCK_TXTIME = 1 << 23;
export const SOCK_RCVMARK = 1 << 25;

export const SOCK_SNDBUF_LOCK = 1;
export const SOCK_RCVBUF_LOCK = 2;
export const SOCK_BINDADDR_LOCK = 4;
export const SOCK_BINDPORT_LOCK = 8;

/** TCP_SKB_MIN_TRUESIZE: 2048 bytes and a struct sk_buff of 256. */
export const SOCK_MIN_RCVBUF = 2048 + 256;
export const SOCK_MIN_SNDBUF = SOCK_MIN_RCVBUF * 2;

export const RCV_SHUTDOWN = 1;
export const SEND_SHUTDOWN = 2;

export const TCP_ESTABLISHED = 1;
export const TCP_CLOSE = 7;
export const TCP_LISTEN = 10;

export const SS_UNCONNECTED = 1;
export const SS_CONNECTED = 3;

export const sockFlag = (sk: Sock, flag: number): boolean => (sk.flags & flag) !== 0;

export function sockInitData(socket: Socket, sk: Sock): void {
  sk.type = socket.type;
  sk.socket = socket;
  socket.sk = sk;
  sk.uid = sk.net.cred.uid;
  sk.net.socketsUsed++;
}

/** Sockets of a protocol in this host, for /proc/net/sockstat. */
const inuse = new WeakMap<Net, Map<Proto, number>>();
function protInuse(sk: Sock, by: number): void {
  let counts = inuse.get(sk.net);
  if (counts === undefined) inuse.set(sk.net, (counts = new Map()));
  counts.set(sk.prot, (counts.get(sk.prot) ?? 0) + by);
}
export const sockProtInuseAdd = protInuse;
export const sockProtInuseGet = (net: Net, prot: Proto): number => inuse.get(net)?.get(prot) ?? 0;

/** sk_common_release: leaves the tables; what queued memory is left is freed. */
export function skCommonRelease(sk: Sock): void {
  sk.prot.destroy?.(sk);
  sk.prot.unhash?.(sk);
  sockOrphan(sk);
  skbQueuePurge(sk.receiveQueue);
  skbQueuePurge(sk.errorQueue);
  skbQueuePurge(sk.writeQueue);
  sk.dst = null;
  if (sk.filter !== null) sk.filter = null;
  sk.net.socketsUsed--;
  if (sockFlag(sk, SOCK_TIMESTAMP)) sk.net.netstampNeeded--;
  if (sockFlag(sk, SOCK_TIMESTAMPING_RX_SOFTWARE)) sk.net.netstampNeeded--;
}

export function sockOrphan(sk: Sock): void {
  sk.dead = true;
  sk.flags |= SOCK_DEAD;
  if (sk.socket !== null) sk.socket.sk = null;
  sk.socket = null;
}

/** sock_enable_timestamp: packets are to be stamped as they come in. */
export function sockEnableTimestamp(sk: Sock, flag: number): void {
  if (sk.flags & flag) return;
  sk.flags |= flag;
  sk.net.netstampNeeded++;
}
export function sockDisableTimestamp(sk: Sock, flag: number): void {
  if (!(sk.flags & flag)) return;
  sk.flags &= ~flag;
  sk.net.netstampNeeded--;
}

/** sock_error: the pending error, which this takes away, negated. */
export function sockError(sk: Sock): number {
  const { err } = sk;
  if (err === 0) return 0;
  sk.err = 0;
  return -err;
}

// ---- memory ----

/** sock_alloc_send_skb without waiting: a buffer charged to the sender, or -errno. */
export function sockAllocSendSkb(sk: Sock, size: number): SkBuff | number {
  const error = sockError(sk);
  if (error !== 0) return error;
  if (sk.shutdown & SEND_SHUTDOWN) return -EPIPE;
  if (sk.wmemAlloc >= sk.sndbuf) {
    sk.nospace = true;
    return -EAGAIN;
  }
  const skb = allocSkb(size);
  skbSetOwnerW(skb, sk);
  return skb;
}

/** sock_alloc_send_pskb as packet sockets use it: `header` bytes linear, the rest charged as pages but stored linear. */
export function sockAllocSendPskb(sk: Sock, header: number, data: number): SkBuff | number {
  const error = sockError(sk);
  if (error !== 0) return error;
  if (sk.shutdown & SEND_SHUTDOWN) return -EPIPE;
  if (sk.wmemAlloc >= sk.sndbuf) {
    sk.nospace = true;
    return -EAGAIN;
  }
  const skb = allocSkb(header + data);
  if (data > 0) skb.truesize = headTruesize(header) + pageAlign(data);
  skbSetOwnerW(skb, sk);
  return skb;
}
const pageAlign = (n: number): number => (n + 4095) & ~4095;

/** sock_wmalloc: a buffer charged to the sender up to twice its limit, or null (`force` is for errors' sake). */
export function sockWmalloc(sk: Sock, size: number, force: boolean): SkBuff | null {
  if (!force && sk.wmemAlloc >= sk.sndbuf) return null;
  const skb = allocSkb(size);
  skbSetOwnerW(skb, sk);
  return skb;
}

/** SKB_MAX_ALLOC, for whoever splits data. */
export const MAX_LINEAR = SKB_MAX_ALLOC;

/** Queues a received packet on the socket (__sock_queue_rcv_skb): 0, or -ENOMEM where its buffer is full. */
export function sockQueueRcvSkb(sk: Sock, skb: SkBuff): number {
  if (sk.rmemAlloc >= sk.rcvbuf) {
    sk.drops++;
    return -ENOMEM;
  }
  skb.dev = null;
  skbSetOwnerR(skb, sk);
  if (sk.flags & SOCK_RXQ_OVFL) skb.dropcount = sk.drops;
  skb.dst = null;
  const { net } = sk;
  if (net.tracer !== null) net.tracer.enter(net, 'sock_queue_rcv_skb', skb, `rmem ${sk.rmemAlloc} of ${sk.rcvbuf}`);
  skbQueueTail(sk.receiveQueue, skb);
  if (!sk.dead) sk.dataReady();
  return 0;
}

/** Runs the socket's filter over the packet (sk_filter_trim_cap): false to drop it; else it is cut to what was kept,
 * but not below `cap` bytes. */
export function skFilterTrimCap(
  sk: Sock,
  skb: SkBuff,
  cap: number,
  trim: (skb: SkBuff, length: number) => void,
): boolean {
  const { filter } = sk;
  if (filter === null) return true;
  const keep = filter.run(skb);
  if (keep === 0) return false;
  if (keep < skb.len) trim(skb, Math.max(cap, keep));
  return true;
}

/** sock_queue_err_skb */
export function sockQueueErrSkb(sk: Sock, skb: SkBuff): number {
  if (sk.rmemAlloc + skb.truesize >= sk.rcvbuf) return -ENOMEM;
  skbOrphan(skb);
  skb.sk = sk;
  skb.destructor = sockRmemFree;
  sk.rmemAlloc += skb.truesize;
  skb.dst = null;
  skbQueueTail(sk.errorQueue, skb);
  if (!sk.dead) sk.errorReport();
  return 0;
}
function sockRmemFree(skb: SkBuff): void {
  skb.sk!.rmemAlloc -= skb.truesize;
  skb.sk = null;
}

/** sock_dequeue_err_skb: the next error; the one after it becomes the socket's pending error where it came by ICMP. */
export function sockDequeueErrSkb(sk: Sock): SkBuff | null {
  const skb = sk.errorQueue.first;
  if (skb === null) return null;
  skbUnlink(skb, sk.errorQueue);
  const next = sk.errorQueue.first;
  const icmp = (buffer: SkBuff): boolean =>
    buffer.errInfo !== null && (buffer.errInfo.origin === 2 || buffer.errInfo.origin === 3);
  const nextIcmp = next !== null && icmp(next);
  if (nextIcmp) sk.err = next.errInfo!.errno;
  if (icmp(skb) && !nextIcmp) sk.err = 0;
  if (nextIcmp) sk.errorReport();
  return skb;
}

// ---- receiving datagrams ----

/** Result of skbRecvDatagram where there is nothing: -errno. */
export let recvError = 0;
/** Bytes of the packet that earlier peeks have passed (SO_PEEK_OFF). */
export let recvOffset = 0;

/** The next packet of a queue, without waiting (__skb_recv_datagram). A peek leaves it there, held once more. Null: see
 * `recvError`. */
export function skbRecvDatagram(sk: Sock, queue: SkBuffHead, flags: number, peekOff = 0): SkBuff | null {
  recvOffset = 0;
  const error = sockError(sk);
  if (error !== 0) {
    recvError = error;
    return null;
  }
  const limited = (flags & MSG_PEEK) !== 0 && peekOff >= 0;
  let off = limited ? peekOff : 0;
  for (let skb = queue.first; skb !== null; skb = skb.next) {
    if (flags & MSG_PEEK) {
      if (limited && off >= skb.len && (off > 0 || skb.peeked)) {
        off -= skb.len;
        continue;
      }
      if (skb.len === 0) skb.peeked = true;
      skb.users++;
    } else skbUnlink(skb, queue);
    recvOffset = off;
    return skb;
  }
  recvError = -EAGAIN;
  return null;
}

/** The whole of recvmsg for a simple datagram: copies, says MSG_TRUNC. Returns what the call returns. */
export function finishDatagram(sk: Sock, skb: SkBuff, msg: Msghdr, len: number, flags: number, offset = 0): number {
  const { net } = sk;
  if (net.tracer !== null) net.tracer.enter(net, 'skb_recv_datagram', skb);
  const ulen = skb.len - offset;
  let copied = len;
  if (copied > ulen) copied = ulen;
  else if (copied < ulen) msg.flags |= MSG_TRUNC;
  skbCopyDatagram(sk.net, skb, offset, msg, copied);
  return flags & MSG_TRUNC ? ulen : copied;
}

const stamp = new Uint8Array(16);
function putStamp(at: Uint8Array, offset: number, sec: number, rest: number): void {
  putHostU32(at, offset, sec);
  putHostU32(at, offset + 4, Math.floor(sec / 0x100000000));
  putHostU32(at, offset + 8, rest);
  putHostU32(at, offset + 12, 0);
}

const SO_TIMESTAMP_NEW = 63;
const SO_TIMESTAMPNS_NEW = 64;
const SO_TIMESTAMPING_NEW = 65;

/** SOF_TIMESTAMPING_TX_RECORD_MASK: what can be asked of single packets. */
const TX_RECORD_MASK = 0x303;
const SOF_TIMESTAMPING_OPT_RX_FILTER = 1 << 17;

/** Time stamps as control messages (__sock_recv_timestamp). What comes from the error queue was stamped when it was sent;
 * a received packet's stamp is told though the socket asked for none itself, unless it said OPT_RX_FILTER. */
function putTimestamps(sk: Sock, skb: SkBuff, msg: Msghdr): void {
  const isNew = (sk.flags & SOCK_TSTAMP_NEW) !== 0;
  if (sk.flags & SOCK_RCVTSTAMP) {
    if (skb.tstampSec === 0) {
      const now = sk.net.clock.realtime();
      skb.tstampSec = now.seconds;
      skb.tstampNsec = now.nanoseconds;
    }
    if (!(sk.flags & SOCK_RCVTSTAMPNS)) {
      putStamp(stamp, 0, skb.tstampSec, Math.floor(skb.tstampNsec / 1000));
      putCmsg(msg, SOL_SOCKET, isNew ? SO_TIMESTAMP_NEW : SCM_TIMESTAMP, stamp);
    } else {
      putStamp(stamp, 0, skb.tstampSec, skb.tstampNsec);
      putCmsg(msg, SOL_SOCKET, isNew ? SO_TIMESTAMPNS_NEW : SCM_TIMESTAMPNS, stamp);
    }
  }
  const { tsflags } = sk;
  const wanted =
    (tsflags & SOF_TIMESTAMPING_RX_SOFTWARE) !== 0 ||
    skb.errInfo !== null ||
    !(tsflags & SOF_TIMESTAMPING_OPT_RX_FILTER);
  if (tsflags & SOF_TIMESTAMPING_SOFTWARE && wanted && skb.tstampSec !== 0) {
    const three = new Uint8Array(48);
    putStamp(three, 0, skb.tstampSec, skb.tstampNsec);
    putCmsg(msg, SOL_SOCKET, isNew ? SO_TIMESTAMPING_NEW : SCM_TIMESTAMPING, three);
  }
}

function writeTimestamp(sk: Sock, seconds: number, nanoseconds: number): void {
  sk.stampSec = seconds;
  sk.stampNsec = nanoseconds;
}

/** sock_recv_timestamp: the packet's time as control messages, or kept for SIOCGSTAMP. */
export function sockRecvTimestamp(sk: Sock, skb: SkBuff, msg: Msghdr): void {
  const { tsflags } = sk;
  if (
    sk.flags & SOCK_RCVTSTAMP ||
    tsflags & SOF_TIMESTAMPING_RX_SOFTWARE ||
    (skb.tstampSec !== 0 && tsflags & SOF_TIMESTAMPING_SOFTWARE)
  )
    putTimestamps(sk, skb, msg);
  else writeTimestamp(sk, skb.tstampSec, skb.tstampNsec);
}

/** Control messages of level SOL_SOCKET for a received packet (sock_recv_cmsgs). */
export function sockRecvCmsgs(sk: Sock, skb: SkBuff, msg: Msghdr): void {
  const told = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RAW_HARDWARE;
  if (sk.flags & (SOCK_RCVTSTAMP | SOCK_RXQ_OVFL | SOCK_RCVMARK) || sk.tsflags & told || sk.rcvpriority) {
    sockRecvTimestamp(sk, skb, msg);
    if (sk.flags & SOCK_RXQ_OVFL && skb.dropcount !== 0) putCmsgInt(msg, SOL_SOCKET, SO_RXQ_OVFL, skb.dropcount);
    if (sk.flags & SOCK_RCVMARK) putCmsgInt(msg, SOL_SOCKET, SO_MARK, skb.mark);
    if (sk.rcvpriority) putCmsgInt(msg, SOL_SOCKET, 12, skb.priority);
  } else if (sk.flags & SOCK_TIMESTAMP) writeTimestamp(sk, skb.tstampSec, skb.tstampNsec);
  else if (sk.stampSec === -1) writeTimestamp(sk, 0, 0);
}

/** What a sender may ask for by control messages of level SOL_SOCKET. */
export interface SockcmCookie {
  mark: number;
  priority: number;
  tsflags: number;
  transmitTime: number;
}

/** __sock_cmsg_send: 0 or -errno. */
export function sockCmsgSend(
  sk: Sock,
  type: number,
  control: Uint8Array,
  at: number,
  length: number,
  to: SockcmCookie,
): number {
  const { cred } = sk.net;
  switch (type) {
    case SO_MARK:
      if (!cred.capable(CAP_NET_RAW) && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (length !== 4) return -EINVAL;
      to.mark = hostU32(control, at);
      return 0;
    case SCM_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW:
      if (length !== 4) return -EINVAL;
      if (hostU32(control, at) & ~TX_RECORD_MASK) return -EINVAL;
      to.tsflags = (to.tsflags & ~TX_RECORD_MASK) | hostU32(control, at);
      return 0;
    case 61: // SCM_TXTIME
      if (!(sk.flags & SOCK_TXTIME)) return -EINVAL;
      if (length !== 8) return -EINVAL;
      to.transmitTime = 1;
      return 0;
    case 12: {
      // SO_PRIORITY
      if (length !== 4) return -EINVAL;
      const priority = hostU32(control, at);
      if (priority > 6 && !cred.capable(CAP_NET_ADMIN) && !cred.capable(CAP_NET_RAW)) return -EPERM;
      to.priority = priority;
      return 0;
    }
    case 1: // SCM_RIGHTS and SCM_CREDENTIALS are AF_UNIX's, and let pass
    case 2:
      return 0;
    default:
      return -EINVAL;
  }
}

/** Control messages of a packet socket's sender: SOL_SOCKET alone counts (sock_cmsg_send). */
export function sockCmsgSendAll(sk: Sock, msg: Msghdr, to: SockcmCookie): number {
  return forEachCmsg(msg, EINVAL, (level, type, control, at, length) =>
    level !== SOL_SOCKET ? 0 : sockCmsgSend(sk, type, control, at, length, to),
  );
}

// ---- poll ----

export const sockWriteable = (sk: Sock): boolean => sk.wmemAlloc < sk.sndbuf >> 1;

/** datagram_poll */
export function datagramPoll(sk: Sock): number {
  let mask = 0;
  if (sk.err !== 0 || sk.errorQueue.qlen > 0) mask |= POLLERR | (sk.flags & SOCK_SELECT_ERR_QUEUE ? POLLPRI : 0);
  if (sk.shutdown & RCV_SHUTDOWN) mask |= POLLRDHUP | POLLIN | POLLRDNORM;
  if (sk.shutdown === (RCV_SHUTDOWN | SEND_SHUTDOWN)) mask |= POLLHUP;
  if (sk.receiveQueue.qlen > 0) mask |= POLLIN | POLLRDNORM;
  if (sockWriteable(sk)) mask |= POLLOUT | POLLWRNORM | POLLWRBAND;
  return mask;
}
