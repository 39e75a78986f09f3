import { fold } from '../bytes/checksum.ts';
import { be16, be32, putBe16 } from '../bytes/endian.ts';
import {
  EACCES,
  EAFNOSUPPORT,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOBUFS,
  ENOPROTOOPT,
  EOPNOTSUPP,
} from '../uapi/errno.ts';
import { hostI32, hostU16, putHostU32 } from '../uapi/host.ts';
import { IPPROTO_UDP, IPPROTO_UDPLITE, sockaddr_in } from '../uapi/in.ts';
import { RT_SCOPE_LINK } from '../uapi/rtnetlink.ts';
import {
  AF_INET,
  AF_UNSPEC,
  MSG_CONFIRM,
  MSG_DONTROUTE,
  MSG_MORE,
  MSG_OOB,
  SOCK_DGRAM,
  SOL_UDP,
} from '../uapi/socket.ts';
import { SIOCINQ, SIOCOUTQ } from '../uapi/sockios.ts';
import {
  UDP_CORK,
  UDP_ENCAP,
  UDP_ENCAP_ESPINUDP,
  UDP_ENCAP_L2TPINUDP,
  UDP_GRO,
  UDP_NO_CHECK6_RX,
  UDP_NO_CHECK6_TX,
  UDP_SEGMENT,
} from '../uapi/udp.ts';
import { inetRegisterProtosw, inetSockrawOps } from './af-inet.ts';
import { ip4DatagramConnect, udpDisconnect } from './datagram.ts';
import { ENOIOCTLCMD } from './dev-ioctl.ts';
import { FLOWI_FLAG_ANYSRC, Flowi4 } from './fib.ts';
import { ipv4IsMulticast, UDP_CHECK, UDP_DEST, UDP_LEN, UDP_SOURCE, UDPHDR_LEN } from './headers.ts';
import { InetCork, type InetSock } from './inet-sock.ts';
import { copyFromIter, forEachCmsg } from './iov.ts';
import { type GetFrag, ipAppendData, ipFlushPendingFrames, ipMakeSkb, ipSetupCork } from './ip-append.ts';
import { csumFold, csumPseudo } from './ip-header.ts';
import { inetAddProtocol } from './ip-input.ts';
import { ipSendSkb } from './ip-output.ts';
import { IpcmCookie, ipCmsgSend, ipGetsockopt, ipSetsockopt } from './ip-sockglue.ts';
import * as mib from './mib.ts';
import { ipRouteOutput, RTCF_BROADCAST } from './route.ts';
import {
  allocSkb,
  consumeSkb,
  kfreeSkb,
  skbChecksum,
  skbCopyBits,
  skbPut,
  skbQueuePurge,
  skbReserve,
  skbSetOwnerW,
} from './skbuff.ts';
import { SOCK_BROADCAST, SOCK_LOCALROUTE, skCommonRelease, TCP_ESTABLISHED } from './sock.ts';
import { putOption } from './sock-options.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  type DstEntry,
  type Net,
  type Proto,
  type ProtoOps,
  type SkBuff,
  SkBuffHead,
  type Sock,
} from './structs.ts';
import type { Msghdr } from './structs-plain.ts';
import { firstPacketLength, udpErr, udpliteErr, udpliteRcv, udpPoll, udpRcv, udpRecvmsg } from './udp-input.ts';
import {
  UDP_TABLE_KEY,
  UDPLITE_TABLE_KEY,
  udpLibGetPort,
  udpLibHash4,
  udpLibRehash,
  udpLibUnhash,
} from './udp-table.ts';

/** UDP, RFC 768, and UDP-Lite, RFC 3828, over IPv4: sending, options, the calls of SOCK_DGRAM (net/ipv4/udp.c). */

export const UDPLITE_SEND_CC = 2;
export const UDPLITE_RECV_CC = 4;
const UDPLITE_SEND_CSCOV = 10;
const UDPLITE_RECV_CSCOV = 11;
const CSUM_MANGLED_0 = 0xffff;

const isLite = (sk: Sock): boolean => sk.protocol === IPPROTO_UDPLITE;
export const tableKey = (sk: Sock): number => (isLite(sk) ? UDPLITE_TABLE_KEY : UDP_TABLE_KEY);
const udpMib = (sk: Sock): Float64Array => (isLite(sk) ? sk.net.mib.udplite : sk.net.mib.udp);

/** Copies a program's data (ip_generic_getfrag). The pieces are taken in order, as ip_append_data asks for them. */
export const genericGetfrag: GetFrag = (from, to, at, _offset, length) => copyFromIter(from as Msghdr, to, at, length);

const flow = new Flowi4();
const ipc = new IpcmCookie();
const cork = new InetCork();
const plainQueue = new SkBuffHead();

/** udp_cmsg_send: UDP_SEGMENT; 1 where the message has control messages of other levels too. */
export function udpCmsgSend(msg: Msghdr, to: { gsoSize: number }): number {
  let other = false;
  const error = forEachCmsg(msg, EINVAL, (level, type, control, at, length) => {
    if (level !== SOL_UDP) {
      other = true;
      return 0;
    }
    if (type !== UDP_SEGMENT || length !== 2) return -EINVAL;
    to.gsoSize = hostU16(control, at);
    return 0;
  });
  return error < 0 ? error : other ? 1 : 0;
}

export function udpSendmsg(sk: Sock, msg: Msghdr, len: number): number {
  const inet = sk as InetSock;
  const { net } = sk;
  const { flags } = msg;

  if (net.tracer !== null) net.tracer.begin(net, 'udp_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  if (len > 0xffff) return -EMSGSIZE;
  if (flags & MSG_OOB) return -EOPNOTSUPP;
  const corkreq = inet.corkflag || (flags & MSG_MORE) !== 0;
  if (inet.pending !== 0) {
    if (inet.pending !== AF_INET) return -EINVAL;
    return sendResult(inet, appendPending(inet, msg, len, corkreq), len);
  }
  const ulen = len + UDPHDR_LEN;
  let daddr: number;
  let dport: number;
  let connected = false;
  if (msg.name !== null) {
    if (msg.namelen < sockaddr_in.sizeof) return -EINVAL;
    const family = hostU16(msg.name, msg.nameAt);
    if (family !== AF_INET && family !== AF_UNSPEC) return -EAFNOSUPPORT;
    daddr = be32(msg.name, msg.nameAt + sockaddr_in.sin_addr);
    dport = be16(msg.name, msg.nameAt + sockaddr_in.sin_port);
    if (dport === 0) return -EINVAL;
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    daddr = inet.daddr;
    dport = inet.dport;
    connected = true;
  }
  const givenPort = dport;
  ipc.init(inet);
  ipc.gsoSize = inet.gsoSize;
  if (msg.controllen > 0) {
    let error = udpCmsgSend(msg, ipc);
    if (error > 0) {
      error = ipCmsgSend(inet, msg, ipc);
      connected = false;
    }
    if (error < 0) return error;
  }
  if (ipc.opt === null) ipc.opt = inet.opt;
  let saddr = ipc.addr;
  let faddr = daddr;
  ipc.addr = daddr;
  if (ipc.opt !== null && ipc.opt.srr !== 0) {
    if (daddr === 0) return -EINVAL;
    faddr = ipc.opt.faddr;
    connected = false;
  }
  let scope = 0;
  if (sk.flags & SOCK_LOCALROUTE || flags & MSG_DONTROUTE || ipc.opt?.isStrictroute) {
    scope = RT_SCOPE_LINK;
    connected = false;
  }
  if (ipv4IsMulticast(daddr)) {
    if (ipc.oif === 0) ipc.oif = inet.mcIndex;
    if (saddr === 0) saddr = inet.mcAddr;
    connected = false;
  } else if (ipc.oif === 0) ipc.oif = inet.ucIndex;
  let dst: DstEntry | null = null;
  if (connected) {
    dst = sk.dst;
    if (dst !== null && dst.genid !== net.rtGenid) dst = null;
    if (dst !== null) {
      // With the route that is kept goes the flow of the last connect (or cork), whatever became of that.
      saddr = inet.cork.saddr;
      faddr = inet.cork.daddr;
      dport = inet.cork.dport;
    }
  }
  if (dst === null) {
    const fl = flow;
    fl.oif = ipc.oif;
    fl.iif = 0;
    fl.mark = ipc.mark;
    fl.tos = (ipc.tos !== -1 ? ipc.tos : inet.tos) & 0x1c;
    fl.scope = scope;
    fl.proto = sk.protocol;
    fl.flags = inet.transparent ? FLOWI_FLAG_ANYSRC : 0;
    fl.saddr = saddr;
    fl.daddr = faddr;
    fl.sport = inet.sport;
    fl.dport = dport;
    const found = ipRouteOutput(net, fl);
    if (typeof found === 'number') {
      if (found === -ENETUNREACH) net.mib.ip[mib.IP_OUTNOROUTES]!++;
      return sendResult(inet, found, len);
    }
    if (found.rtFlags & RTCF_BROADCAST && !(sk.flags & SOCK_BROADCAST)) return sendResult(inet, -EACCES, len);
    if (connected) sk.dst = found;
    dst = found;
    saddr = fl.saddr;
    if (ipc.addr === 0) daddr = ipc.addr = fl.daddr;
    // The header's destination: the first hop of a source route, else where it is for.
    faddr = fl.daddr;
  }
  if (flags & MSG_CONFIRM) sk.dstPendingConfirm = true;
  const target = corkreq ? inet.cork : cork;
  target.opt = ipc.opt;
  target.addr = ipc.addr;
  target.ttl = ipc.ttl;
  target.tos = ipc.tos !== -1 ? ipc.tos : inet.tos;
  target.priority = ipc.priority;
  target.mark = ipc.mark;
  target.gsoSize = ipc.gsoSize;
  target.saddr = saddr;
  // Under a cork the destination is written anew, else the route's flow holds.
  target.daddr = corkreq ? daddr : faddr;
  target.sport = inet.sport;
  target.dport = corkreq ? givenPort : dport;
  const error = ipSetupCork(inet, target, dst, ipc.tsflags);
  if (error < 0) return sendResult(inet, error, len);
  if (!corkreq) {
    const appended = ipAppendData(inet, plainQueue, cork, genericGetfrag, msg, ulen, UDPHDR_LEN, flags);
    if (appended < 0) {
      skbQueuePurge(plainQueue);
      return sendResult(inet, appended, len);
    }
    net.copies.fromUser++;
    const skb = ipMakeSkb(inet, plainQueue, cork, sk.protocol)!;
    return sendResult(inet, udpSendSkb(inet, skb, cork), len);
  }
  inet.pending = AF_INET;
  inet.len = UDPHDR_LEN;
  return sendResult(inet, appendPending(inet, msg, len, corkreq, true), len);
}

/** What follows under a cork, or ends it. */
function appendPending(inet: InetSock, msg: Msghdr, len: number, corkreq: boolean, first = false): number {
  inet.len += len;
  const flags = corkreq ? msg.flags | MSG_MORE : msg.flags;
  const transhdrlen = first ? UDPHDR_LEN : 0;
  const error = ipAppendData(
    inet,
    inet.writeQueue,
    inet.cork,
    genericGetfrag,
    msg,
    len + transhdrlen,
    transhdrlen,
    flags,
  );
  inet.net.copies.fromUser++;
  if (error < 0) {
    udpFlushPendingFrames(inet);
    return error;
  }
  if (!corkreq) return udpPushPendingFrames(inet);
  if (inet.writeQueue.qlen === 0) inet.pending = 0;
  return 0;
}

function sendResult(inet: InetSock, error: number, len: number): number {
  if (error === 0) return len;
  if (error === -ENOBUFS || inet.nospace) udpMib(inet)[mib.UDP_SNDBUFERRORS]!++;
  return error;
}

export function udpFlushPendingFrames(inet: InetSock): void {
  if (inet.pending === 0) return;
  inet.len = 0;
  inet.pending = 0;
  ipFlushPendingFrames(inet);
}

export function udpPushPendingFrames(inet: InetSock): number {
  const kept = inet.cork;
  const { dport, sport, saddr, daddr } = kept;
  const skb = ipMakeSkb(inet, inet.writeQueue, kept, inet.protocol);
  inet.len = 0;
  inet.pending = 0;
  if (skb === null) return 0;
  kept.dport = dport;
  kept.sport = sport;
  kept.saddr = saddr;
  kept.daddr = daddr;
  return udpSendSkb(inet, skb, kept);
}

/** Writes the UDP header and sends (udp_send_skb). */
function udpSendSkb(inet: InetSock, skb: SkBuff, made: InetCork): number {
  const { net } = inet;
  const at = skb.transportHeader;
  const { head } = skb;
  const offset = at - skb.data;
  const len = skb.len - offset;
  putBe16(head, at + UDP_SOURCE, inet.sport);
  putBe16(head, at + UDP_DEST, made.dport);
  putBe16(head, at + UDP_LEN, len);
  putBe16(head, at + UDP_CHECK, 0);
  if (net.tracer !== null) net.tracer.enter(net, 'udp_send_skb', skb, `wmem ${inet.wmemAlloc} of ${inet.sndbuf}`);
  if (isLite(inet)) {
    // RFC 3828 3.1: the field says how much the checksum covers; 0 is everything.
    let coverage = len;
    if (inet.pcflag & UDPLITE_SEND_CC) {
      if (inet.pcslen < len) {
        coverage = inet.pcslen === 0 ? len : inet.pcslen;
        putBe16(head, at + UDP_LEN, inet.pcslen);
      }
    }
    const total = fold(skbChecksum(skb, offset, coverage)) + csumPseudo(made.saddr, made.daddr, len, IPPROTO_UDPLITE);
    putBe16(head, at + UDP_CHECK, csumFold(total) || CSUM_MANGLED_0);
    skb.ipSummed = CHECKSUM_NONE;
  } else if (inet.noCheckTx) skb.ipSummed = CHECKSUM_NONE;
  else if (skb.ipSummed === CHECKSUM_PARTIAL && skb.fragList === null) {
    // The device fills it: the field holds the pseudo header's sum till then (udp4_hwcsum).
    skb.csumStart = at;
    skb.csumOffset = UDP_CHECK;
    putBe16(head, at + UDP_CHECK, fold(csumPseudo(made.saddr, made.daddr, len, IPPROTO_UDP)));
  } else {
    const total = fold(skbChecksum(skb, offset, len)) + csumPseudo(made.saddr, made.daddr, len, IPPROTO_UDP);
    putBe16(head, at + UDP_CHECK, csumFold(total) || CSUM_MANGLED_0);
    skb.ipSummed = CHECKSUM_NONE;
  }
  if (made.gsoSize !== 0 && len - UDPHDR_LEN > made.gsoSize) {
    const pseudo = (ulen: number): number => csumPseudo(made.saddr, made.daddr, ulen, IPPROTO_UDP);
    if (inet.noCheckTx) {
      kfreeSkb(net, skb);
      return sent(inet, -EINVAL);
    }
    return sent(inet, udpSendSegments(inet, skb, made.gsoSize, pseudo, ipSendSkb));
  }
  return sent(inet, ipSendSkb(net, skb));
}

function sent(inet: InetSock, error: number): number {
  const counters = udpMib(inet);
  if (error !== 0) {
    if (error === -ENOBUFS && !inet.recverr) {
      counters[mib.UDP_SNDBUFERRORS]!++;
      return 0;
    }
    return error;
  }
  counters[mib.UDP_OUTDATAGRAMS]!++;
  return 0;
}

/** UDP_SEGMENT: one datagram of each `gsoSize` bytes of the data. `pseudo` gives the sum of the pseudo header of so many
 * bytes. Takes the buffer; 0 or -errno. */
export function udpSendSegments(
  inet: InetSock,
  skb: SkBuff,
  gsoSize: number,
  pseudo: (length: number) => number,
  send: (net: Net, skb: SkBuff) => number,
): number {
  const { net } = inet;
  const headers = skb.transportHeader + UDPHDR_LEN - skb.data;
  const total = skb.len - headers;
  // UDP_MAX_SEGMENTS
  if (Math.ceil(total / gsoSize) > 128) {
    kfreeSkb(net, skb);
    return -EINVAL;
  }
  let error = 0;
  for (let done = 0; done < total && error === 0; done += gsoSize) {
    const length = Math.min(gsoSize, total - done);
    const piece = allocSkb(skb.data + headers + length);
    skbReserve(piece, skb.data);
    skbPut(piece, headers + length);
    piece.head.set(skb.head.subarray(skb.data, skb.data + headers), piece.data);
    skbCopyBits(skb, headers + done, piece.head, piece.data + headers, length);
    net.copies.within++;
    piece.networkHeader = piece.data + (skb.networkHeader - skb.data);
    piece.transportHeader = piece.data + (skb.transportHeader - skb.data);
    piece.dst = skb.dst;
    piece.dev = skb.dev;
    piece.priority = skb.priority;
    piece.mark = skb.mark;
    piece.ignoreDf = skb.ignoreDf;
    skbSetOwnerW(piece, inet);
    const at = piece.transportHeader;
    const ulen = UDPHDR_LEN + length;
    putBe16(piece.head, at + UDP_LEN, ulen);
    putBe16(piece.head, at + UDP_CHECK, 0);
    const all = fold(skbChecksum(piece, at - piece.data, ulen)) + pseudo(ulen);
    putBe16(piece.head, at + UDP_CHECK, csumFold(all) || CSUM_MANGLED_0);
    error = send(net, piece);
  }
  consumeSkb(skb);
  return error;
}

// ---- options ----

export function udpLibSetsockopt(sk: Sock, name: number, value: Uint8Array): number {
  const inet = sk as InetSock;
  if (value.length < 4) return -EINVAL;
  const val = hostI32(value, 0);
  const lite = isLite(sk);
  switch (name) {
    case UDP_CORK:
      if (val !== 0) inet.corkflag = true;
      else {
        inet.corkflag = false;
        if (inet.pending === AF_INET) udpPushPendingFrames(inet);
        else if (inet.pending !== 0) pushPending6(inet);
      }
      return 0;
    case UDP_ENCAP:
      if (val !== 0 && val !== UDP_ENCAP_ESPINUDP && val !== UDP_ENCAP_L2TPINUDP) return -ENOPROTOOPT;
      inet.encapType = val;
      return 0;
    case UDP_NO_CHECK6_TX:
      inet.noCheck6Tx = val !== 0;
      return 0;
    case UDP_NO_CHECK6_RX:
      inet.noCheck6Rx = val !== 0;
      return 0;
    case UDP_SEGMENT:
      if (val < 0 || val > 0xffff) return -EINVAL;
      inet.gsoSize = val;
      return 0;
    case UDP_GRO:
      inet.groEnabled = val !== 0;
      return 0;
    case UDPLITE_SEND_CSCOV:
      if (!lite) return -ENOPROTOOPT;
      inet.pcslen = Math.min(val !== 0 && val < 8 ? 8 : val >>> 0, 0xffff);
      inet.pcflag |= UDPLITE_SEND_CC;
      return 0;
    case UDPLITE_RECV_CSCOV:
      if (!lite) return -ENOPROTOOPT;
      inet.pcrlen = Math.min(val !== 0 && val < 8 ? 8 : val >>> 0, 0xffff);
      inet.pcflag |= UDPLITE_RECV_CC;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

let pushPending6: (inet: InetSock) => void = () => {};
export function udpSetPush6(push: (inet: InetSock) => void): void {
  pushPending6 = push;
}

const scratch = new Uint8Array(4);
export function udpLibGetsockopt(sk: Sock, name: number, value: Uint8Array, length: Int32Array): number {
  const inet = sk as InetSock;
  if (length[0]! < 0) return -EINVAL;
  let val: number;
  switch (name) {
    case UDP_CORK:
      val = inet.corkflag ? 1 : 0;
      break;
    case UDP_ENCAP:
      val = inet.encapType;
      break;
    case UDP_NO_CHECK6_TX:
      val = inet.noCheck6Tx ? 1 : 0;
      break;
    case UDP_NO_CHECK6_RX:
      val = inet.noCheck6Rx ? 1 : 0;
      break;
    case UDP_SEGMENT:
      val = inet.gsoSize;
      break;
    case UDP_GRO:
      val = inet.groEnabled ? 1 : 0;
      break;
    case UDPLITE_SEND_CSCOV:
      val = inet.pcslen;
      break;
    case UDPLITE_RECV_CSCOV:
      val = inet.pcrlen;
      break;
    default:
      return -ENOPROTOOPT;
  }
  putHostU32(scratch, 0, val);
  return putOption(scratch, 4, value, length);
}

export function udpSetsockopt(sk: Sock, level: number, name: number, value: Uint8Array): number {
  if (level === SOL_UDP || level === IPPROTO_UDPLITE) return udpLibSetsockopt(sk, name, value);
  return ipSetsockopt(sk, level, name, value);
}
export function udpGetsockopt(sk: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  if (level === SOL_UDP || level === IPPROTO_UDPLITE) return udpLibGetsockopt(sk, name, value, length);
  return ipGetsockopt(sk, level, name, value, length);
}

export function udpIoctl(sk: Sock, request: number, argument: Uint8Array): number {
  switch (request) {
    case SIOCOUTQ:
      putHostU32(argument, 0, sk.wmemAlloc);
      return 0;
    case SIOCINQ:
      putHostU32(argument, 0, Math.max(0, firstPacketLength(sk as InetSock)));
      return 0;
    default:
      return -ENOIOCTLCMD;
  }
}

export function udpClose(sk: Sock): void {
  udpFlushPendingFrames(sk as InetSock);
  skCommonRelease(sk);
}

function udpConnect(sk: Sock, address: Uint8Array): number {
  const error = ip4DatagramConnect(sk, address);
  if (error === 0 && (sk as InetSock).rcvSaddr !== 0) udpLibHash4(sk as InetSock, tableKey(sk));
  return error;
}

function makeProt(name: string, init: (sk: Sock) => number): Proto {
  return {
    name,
    close: udpClose,
    connect: udpConnect,
    disconnect: udpDisconnect,
    ioctl: udpIoctl,
    init,
    setsockopt: udpSetsockopt,
    getsockopt: udpGetsockopt,
    sendmsg: udpSendmsg,
    recvmsg: udpRecvmsg,
    getPort: (sk, port) => udpLibGetPort(sk as InetSock, port, tableKey(sk)),
    unhash: (sk) => udpLibUnhash(sk as InetSock, tableKey(sk)),
    rehash: (sk) => udpLibRehash(sk as InetSock, tableKey(sk)),
  };
}
export const udpProt = makeProt('UDP', () => 0);
export const udpliteProt = makeProt('UDP-Lite', (sk) => {
  (sk as InetSock).pcflag = 1;
  return 0;
});

export const inetDgramOps: ProtoOps = {
  ...inetSockrawOps,
  poll: udpPoll,
  setPeekOff(sk, value) {
    sk.peekOff = value;
    return 0;
  },
};

export function udpInit(net: Net): void {
  inetAddProtocol(net, { handler: udpRcv, errHandler: udpErr }, IPPROTO_UDP);
  inetAddProtocol(net, { handler: udpliteRcv, errHandler: udpliteErr }, IPPROTO_UDPLITE);
  inetRegisterProtosw(net, {
    type: SOCK_DGRAM,
    protocol: IPPROTO_UDP,
    prot: udpProt,
    ops: inetDgramOps,
    permanent: true,
  });
  inetRegisterProtosw(net, {
    type: SOCK_DGRAM,
    protocol: IPPROTO_UDPLITE,
    prot: udpliteProt,
    ops: inetDgramOps,
    permanent: false,
  });
}
