import { fold, sum } from '../bytes/checksum.ts';
import { be16 } from '../bytes/endian.ts';
import { EHOSTUNREACH, EMSGSIZE, ENOENT, ENOMEM, EPROTO } from '../uapi/errno.ts';
import { IP_PMTUDISC_DONT, IPPROTO_UDP, IPPROTO_UDPLITE, sockaddr_in } from '../uapi/in.ts';
import { MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC } from '../uapi/socket.ts';
import * as reason from './drop-reason.ts';
import { daddrOf, IPH_TTL, ihl, saddrOf, UDP_CHECK, UDP_DEST, UDP_LEN, UDP_SOURCE, UDPHDR_LEN } from './headers.ts';
import {
  ICMP_DEST_UNREACH,
  ICMP_FRAG_NEEDED,
  ICMP_PARAMETERPROB,
  ICMP_REDIRECT,
  ICMP_SOURCE_QUENCH,
  icmpErrConvert,
  icmpSend,
  NR_ICMP_UNREACH,
} from './icmp.ts';
import { ipMcSfAllow } from './igmp.ts';
import type { InetSock } from './inet-sock.ts';
import { skbCopyDatagram } from './iov.ts';
import { ipIcmpError, ipRecvError } from './ip-error-queue.ts';
import { csumPseudo } from './ip-header.ts';
import { ipCmsgRecv, ipv4PktinfoPrepare, putSockaddrIn } from './ip-sockglue.ts';
import * as mib from './mib.ts';
import { inetIif, RTCF_BROADCAST, RTCF_MULTICAST } from './route.ts';
import { ipv4SkRedirect, ipv4SkUpdatePmtu } from './route-exception.ts';
import {
  consumeSkb,
  kfreeSkb,
  pskbMayPull,
  pskbTrimRcsum,
  skbChecksum,
  skbClone,
  skbQueueTail,
  skbTrim,
  skbUnlink,
} from './skbuff.ts';
import {
  datagramPoll,
  recvError,
  recvOffset,
  SOCK_RXQ_OVFL,
  skbRecvDatagram,
  skFilterTrimCap,
  sockRecvCmsgs,
  TCP_ESTABLISHED,
} from './sock.ts';
import {
  CHECKSUM_COMPLETE,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  type Net,
  type SkBuff,
  type Sock,
  type Socket,
} from './structs.ts';
import type { Msghdr } from './structs-plain.ts';
import {
  UDP_TABLE_KEY,
  UDPLITE_TABLE_KEY,
  type UdpTable,
  udp4LibLookup,
  udpPortSockets,
  udpTable,
  v6only,
} from './udp-table.ts';

/** Datagrams that come in: to which socket, into its queue, out of it (net/ipv4/udp.c). */

const CHECKSUM_BREAK = 76;

const lite = (sk: Sock): boolean => sk.protocol === IPPROTO_UDPLITE;
const isIpv4 = (skb: SkBuff): boolean => skb.head[skb.networkHeader]! >>> 4 === 4;
/** A datagram counts by its own version of IP, whichever its socket's family. */
const counters = (sk: Sock, skb: SkBuff): Float64Array => {
  const { net } = sk;
  if (isIpv4(skb)) return lite(sk) ? net.mib.udplite : net.mib.udp;
  return lite(sk) ? net.mib.udplite6 : net.mib.udp6;
};

/** skb_csum_unnecessary */
export const csumUnnecessary = (skb: SkBuff): boolean =>
  skb.ipSummed === CHECKSUM_UNNECESSARY ||
  skb.csumValid ||
  (skb.ipSummed === CHECKSUM_PARTIAL && skb.csumStart >= skb.data);

/** Sum of the pseudo header of a received packet, by its family. */
function pseudo(skb: SkBuff, length: number, protocol: number): number {
  const { head, networkHeader: at } = skb;
  if (isIpv4(skb)) return csumPseudo(saddrOf(head, at), daddrOf(head, at), length, protocol);
  return sum(head, at + 8, at + 40) + length + protocol;
}

/** udp_lib_checksum_complete: true where the checksum is wrong. `skb.data` is at the UDP header, or behind it where it
 * was pulled. */
export function udpChecksumBad(skb: SkBuff, protocol: number): boolean {
  if (csumUnnecessary(skb)) return false;
  const header = skb.data - skb.transportHeader;
  skb.data -= header;
  skb.len += header;
  const coverage = skb.csumCoverage !== 0 ? skb.csumCoverage : skb.len;
  const total = fold(skbChecksum(skb, 0, coverage)) + pseudo(skb, skb.len, protocol);
  skb.data += header;
  skb.len -= header;
  if (fold(total) !== 0xffff) return true;
  if (header > 0) {
    // What was summed in software is known from now on (CHECKSUM_COMPLETE, for IP_CHECKSUM).
    skb.ipSummed = CHECKSUM_COMPLETE;
    skb.csum = fold(skbChecksum(skb, 0, skb.len));
  }
  skb.csumValid = true;
  return false;
}

/** udp4_csum_init: short datagrams are checked at once, long ones when they are read. True: wrong. */
export function udpCsumInit(skb: SkBuff, protocol: number): boolean {
  if (protocol === IPPROTO_UDPLITE) {
    // udplite_checksum_init
    const coverage = be16(skb.head, skb.data + UDP_LEN);
    if (coverage === 0) skb.csumCoverage = skb.len;
    else if (coverage < 8 || coverage > skb.len) return true;
    else {
      skb.csumCoverage = coverage;
      skb.partialCov = coverage < skb.len;
    }
    if (be16(skb.head, skb.data + UDP_CHECK) === 0) return true;
    // What is covered in part is not summed before it is read, however short.
    if (skb.partialCov) return false;
    return skb.len <= CHECKSUM_BREAK ? udpChecksumBad(skb, protocol) : false;
  }
  if (skb.ipSummed === CHECKSUM_UNNECESSARY || skb.ipSummed === CHECKSUM_PARTIAL) return false;
  if (be16(skb.head, skb.data + UDP_CHECK) === 0) {
    // IPv6 takes this from senders alone whose receivers allow it (RFC 6936): the socket decides.
    if (isIpv4(skb)) skb.ipSummed = CHECKSUM_UNNECESSARY;
    else skb.csumValid = true;
    return false;
  }
  return skb.len <= CHECKSUM_BREAK ? udpChecksumBad(skb, protocol) : false;
}

// ---- the socket's queue ----

/** Memory that a socket is charged for what it reads is given back in larger amounts (udp_rmem_release). */
const readers = new WeakMap<InetSock, number>();

function rmemRelease(sk: InetSock, size: number): void {
  sk.forwardDeficit += size;
  const reader = (readers.get(sk) ?? 0) > 0;
  if (sk.forwardDeficit < sk.rcvbuf >> 2 && reader) return;
  sk.rmemAlloc -= sk.forwardDeficit;
  sk.forwardDeficit = 0;
}

/** __udp_enqueue_schedule_skb */
function enqueue(sk: InetSock, skb: SkBuff): number {
  const size = skb.truesize;
  if (sk.rmemAlloc + size > sk.rcvbuf) {
    // One packet fits into an empty queue, however large it is.
    if (sk.rcvbuf > 0x3fffffff || sk.rmemAlloc > 0) {
      sk.drops++;
      return -ENOMEM;
    }
  }
  sk.rmemAlloc += size;
  if (sk.flags & SOCK_RXQ_OVFL) skb.dropcount = sk.drops;
  skb.dev = null;
  skb.dst = null;
  skbQueueTail(sk.receiveQueue, skb);
  if (!sk.dead) sk.dataReady();
  return 0;
}

/** Queues a datagram whose header is pulled, or drops it and counts (__udp_queue_rcv_skb). */
export function udpQueueRcvSkb(sk: InetSock, skb: SkBuff): number {
  const { net } = sk;
  const count = counters(sk, skb);
  const drop = (why: string): number => {
    count[mib.UDP_INERRORS]!++;
    sk.drops++;
    kfreeSkb(net, skb, why, 'udp_queue_rcv_one_skb');
    return -1;
  };
  if (sk.pcflag & 4 && skb.partialCov) {
    // RFC 3828: less than the receiver asked for, or any partial cover where it asked for all.
    if (sk.pcrlen === 0 || skb.csumCoverage < sk.pcrlen) return drop(reason.NOT_SPECIFIED);
  }
  if (sk.filter !== null) {
    if (udpChecksumBad(skb, sk.protocol)) {
      count[mib.UDP_CSUMERRORS]!++;
      return drop(reason.UDP_CSUM);
    }
    if (!skFilterTrimCap(sk, skb, UDPHDR_LEN, (packet, length) => skbTrim(net, packet, length)))
      return drop(reason.SOCKET_FILTER);
  }
  // What is known of the checksum now holds when the packet is read (udp_set_dev_scratch).
  if (csumUnnecessary(skb)) skb.csumValid = true;
  skb.data += UDPHDR_LEN;
  skb.len -= UDPHDR_LEN;
  if (isIpv4(skb)) ipv4PktinfoPrepare(sk, skb);
  if (net.tracer !== null) net.tracer.enter(net, 'udp_queue_rcv_skb', skb, `rmem ${sk.rmemAlloc} of ${sk.rcvbuf}`);
  const error = enqueue(sk, skb);
  if (error === 0) return 0;
  count[mib.UDP_RCVBUFERRORS]!++;
  count[mib.UDP_INERRORS]!++;
  kfreeSkb(net, skb, reason.SOCKET_RCVBUFF, '__udp_queue_rcv_skb');
  return -1;
}

/** Takes a packet out of the queue for good, and its charge off the socket. */
function dequeued(sk: InetSock, skb: SkBuff): void {
  let reader = readers.get(sk) ?? 0;
  if (reader > 0) readers.set(sk, --reader);
  rmemRelease(sk, skb.truesize);
}

/** Length of the first datagram that is whole, -1 where there is none; wrong ones are dropped (first_packet_length). */
export function firstPacketLength(sk: InetSock): number {
  for (let skb = sk.receiveQueue.first; skb !== null; skb = sk.receiveQueue.first) {
    if (!udpChecksumBad(skb, sk.protocol)) return skb.len;
    dropBad(sk, skb);
  }
  return -1;
}

function dropBad(sk: InetSock, skb: SkBuff): void {
  const count = counters(sk, skb);
  count[mib.UDP_CSUMERRORS]!++;
  count[mib.UDP_INERRORS]!++;
  sk.drops++;
  if (skb.list !== null) {
    skbUnlink(skb, sk.receiveQueue);
    dequeued(sk, skb);
  }
  kfreeSkb(sk.net, skb, reason.UDP_CSUM, 'first_packet_length');
}

export function udpPoll(socket: Socket): number {
  const sk = socket.sk as InetSock;
  return datagramPoll(sk);
}

/** What differs by family in recvmsg. */
export interface UdpReceive {
  recvError(sk: InetSock, msg: Msghdr, len: number): number;
  putName(sk: InetSock, msg: Msghdr, skb: SkBuff): void;
  cmsg(sk: InetSock, msg: Msghdr, skb: SkBuff): void;
}
const receive4: UdpReceive = {
  recvError: ipRecvError,
  putName(_sk, msg, skb) {
    putSockaddrIn(msg.name!, msg.nameAt, saddrOf(skb.head, skb.networkHeader), be16(skb.head, skb.transportHeader));
    msg.namelen = sockaddr_in.sizeof;
  },
  cmsg(sk, msg, skb) {
    if (sk.cmsgFlags !== 0) ipCmsgRecv(sk, msg, skb);
  },
};

export const udpRecvmsg = (sk: Sock, msg: Msghdr, len: number, flags: number): number =>
  udpRecvmsgBy(sk as InetSock, msg, len, flags, receive4);

export function udpRecvmsgBy(sk: InetSock, msg: Msghdr, len: number, flags: number, family: UdpReceive): number {
  if (flags & MSG_ERRQUEUE) return family.recvError(sk, msg, len);
  const { net } = sk;
  const peeking = (flags & MSG_PEEK) !== 0;
  for (;;) {
    if (!peeking && (readers.get(sk) ?? 0) === 0 && sk.receiveQueue.qlen > 1) readers.set(sk, sk.receiveQueue.qlen);
    const skb = skbRecvDatagram(sk, sk.receiveQueue, flags, sk.peekOff);
    if (skb === null) return recvError;
    if (!peeking) dequeued(sk, skb);
    if (net.tracer !== null && !peeking)
      net.tracer.enter(net, 'udp_recvmsg', skb, `receive_queue ${sk.receiveQueue.qlen}`);
    const off = recvOffset;
    const ulen = skb.len;
    let copied = len;
    if (copied > ulen - off) copied = ulen - off;
    else if (copied < ulen) msg.flags |= MSG_TRUNC;
    if (udpChecksumBad(skb, sk.protocol)) {
      if (peeking) consumeSkb(skb);
      dropBad(sk, skb);
      msg.flags &= ~MSG_TRUNC;
      continue;
    }
    skbCopyDatagram(net, skb, off, msg, copied);
    if (!peeking) counters(sk, skb)[mib.UDP_INDATAGRAMS]!++;
    if (sk.flags !== 0 || sk.tsflags !== 0 || sk.stampSec === -1 || sk.rcvpriority) sockRecvCmsgs(sk, skb, msg);
    if (msg.name !== null) family.putName(sk, msg, skb);
    if (sk.cmsgFlags !== 0 || sk.inet6 !== null) family.cmsg(sk, msg, skb);
    if (sk.peekOff >= 0) {
      if (peeking) sk.peekOff += copied;
      else sk.peekOff = Math.max(0, sk.peekOff - skb.len);
    }
    consumeSkb(skb);
    return flags & MSG_TRUNC ? ulen : copied;
  }
}

// ---- from the network ----

/** __udp_is_mcast_sock */
function isMcastSock(sk: InetSock, daddr: number, saddr: number, sport: number, dif: number): boolean {
  if (sk.daddr !== 0 && sk.daddr !== saddr) return false;
  if (sk.dport !== 0 && sk.dport !== sport) return false;
  if (sk.rcvSaddr !== 0 && sk.rcvSaddr !== daddr) return false;
  if (v6only(sk)) return false;
  if (sk.boundDevIf !== 0 && sk.boundDevIf !== dif) return false;
  return ipMcSfAllow(sk, daddr, saddr, dif);
}

function mcastDeliver(
  skb: SkBuff,
  saddr: number,
  daddr: number,
  sport: number,
  dport: number,
  table: UdpTable,
  mibs: Float64Array,
): number {
  const dif = skb.dev!.ifindex;
  let first: InetSock | null = null;
  for (const sk of udpPortSockets(table, dport)) {
    if (!isMcastSock(sk, daddr, saddr, sport, dif)) continue;
    if (first === null) {
      first = sk;
      continue;
    }
    udpQueueRcvSkb(sk, skbClone(skb));
  }
  if (first !== null) udpQueueRcvSkb(first, skb);
  else {
    mibs[mib.UDP_IGNOREDMULTI]!++;
    consumeSkb(skb);
  }
  return 0;
}

function rcv(net: Net, skb: SkBuff, protocol: number): number {
  const mibs = protocol === IPPROTO_UDP ? net.mib.udp : net.mib.udplite;
  const table = udpTable(net, protocol === IPPROTO_UDP ? UDP_TABLE_KEY : UDPLITE_TABLE_KEY);
  if (net.tracer !== null) net.tracer.enter(net, 'udp_rcv', skb);
  const drop = (why: string): number => {
    mibs[mib.UDP_INERRORS]!++;
    kfreeSkb(net, skb, why, '__udp4_lib_rcv');
    return 0;
  };
  if (!pskbMayPull(net, skb, UDPHDR_LEN)) return drop(reason.PKT_TOO_SMALL);
  skb.transportHeader = skb.data;
  const at = skb.data;
  const ulen = be16(skb.head, at + UDP_LEN);
  if (ulen > skb.len) return drop(reason.PKT_TOO_SMALL);
  if (protocol === IPPROTO_UDP) {
    if (ulen < UDPHDR_LEN) return drop(reason.PKT_TOO_SMALL);
    if (ulen < skb.len) pskbTrimRcsum(net, skb, ulen);
  }
  if (udpCsumInit(skb, protocol)) {
    mibs[mib.UDP_CSUMERRORS]!++;
    return drop(reason.UDP_CSUM);
  }
  const { head } = skb;
  const base = skb.networkHeader;
  const saddr = saddrOf(head, base);
  const daddr = daddrOf(head, base);
  const sport = be16(head, skb.data + UDP_SOURCE);
  const dport = be16(head, skb.data + UDP_DEST);
  if (skb.dst!.rtFlags & (RTCF_BROADCAST | RTCF_MULTICAST))
    return mcastDeliver(skb, saddr, daddr, sport, dport, table, mibs);
  const sk = udp4LibLookup(table, saddr, sport, daddr, dport, inetIif(skb), skb);
  if (sk !== null) {
    if (sk.minTtl > head[base + IPH_TTL]!) {
      kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'udp_rcv');
      return 0;
    }
    udpQueueRcvSkb(sk, skb);
    return 0;
  }
  if (udpChecksumBad(skb, protocol)) {
    mibs[mib.UDP_CSUMERRORS]!++;
    return drop(reason.UDP_CSUM);
  }
  mibs[mib.UDP_NOPORTS]!++;
  icmpSend(net, skb, ICMP_DEST_UNREACH, 3, 0);
  kfreeSkb(net, skb, reason.NO_SOCKET, '__udp4_lib_rcv');
  return 0;
}
export const udpRcv = (net: Net, skb: SkBuff): number => rcv(net, skb, IPPROTO_UDP);
export const udpliteRcv = (net: Net, skb: SkBuff): number => rcv(net, skb, IPPROTO_UDPLITE);

/** errno of an ICMP error, and whether an unconnected socket's program must hear it: null: it is nobody's. */
export function icmpToErrno(type: number, code: number, pmtudisc: number): { errno: number; hard: boolean } | null {
  switch (type) {
    case ICMP_SOURCE_QUENCH:
    case ICMP_REDIRECT:
      return null;
    case ICMP_PARAMETERPROB:
      return { errno: EPROTO, hard: true };
    case ICMP_DEST_UNREACH: {
      if (code === ICMP_FRAG_NEEDED) return pmtudisc !== IP_PMTUDISC_DONT ? { errno: EMSGSIZE, hard: true } : null;
      if (code > NR_ICMP_UNREACH) return { errno: EHOSTUNREACH, hard: false };
      const { errno, fatal } = icmpErrConvert[code]!;
      return { errno, hard: fatal };
    }
    default:
      return { errno: EHOSTUNREACH, hard: false };
  }
}

function err(net: Net, skb: SkBuff, info: number, key: number): number {
  const { head } = skb;
  const at = skb.data;
  const udp = at + ihl(head, at);
  const table = udpTable(net, key);
  const sk = udp4LibLookup(
    table,
    daddrOf(head, at),
    be16(head, udp + UDP_DEST),
    saddrOf(head, at),
    be16(head, udp + UDP_SOURCE),
    skb.dev!.ifindex,
    null,
  );
  if (sk === null) {
    net.mib.icmp[mib.ICMP_INERRORS]!++;
    return -ENOENT;
  }
  const type = head[skb.transportHeader]!;
  const code = head[skb.transportHeader + 1]!;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) ipv4SkUpdatePmtu(sk, skb, info);
  else if (type === ICMP_REDIRECT) ipv4SkRedirect(sk, skb, info);
  const found = icmpToErrno(type, code, sk.pmtudisc);
  if (found === null) return 0;
  // What is wrapped in datagrams has no program to tell.
  if (sk.encapType !== 0) return 0;
  if (!sk.recverr) {
    if (!found.hard || sk.state !== TCP_ESTABLISHED) return 0;
  } else ipIcmpError(sk, skb, found.errno, be16(head, udp + UDP_DEST), info, udp + UDPHDR_LEN);
  sk.err = found.errno;
  sk.errorReport();
  return 0;
}
export const udpErr = (net: Net, skb: SkBuff, info: number): number => err(net, skb, info, UDP_TABLE_KEY);
export const udpliteErr = (net: Net, skb: SkBuff, info: number): number => err(net, skb, info, UDPLITE_TABLE_KEY);
