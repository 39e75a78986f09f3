import { fold, sum } from '../../bytes/checksum.ts';
import { be16, be32, putBe16 } from '../../bytes/endian.ts';
import {
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EDESTADDRREQ,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOPROTOOPT,
  EOPNOTSUPP,
} from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU32 } from '../../uapi/host.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { IPPROTO_IP, IPPROTO_RAW, IPPROTO_UDP } from '../../uapi/in.ts';
import {
  IPPROTO_ICMPV6,
  IPPROTO_MH,
  IPV6_CHECKSUM,
  IPV6_HDRINCL,
  IPV6_PMTUDISC_DO,
  sockaddr_in6,
} from '../../uapi/in6.ts';
import {
  AF_INET6,
  MSG_CONFIRM,
  MSG_ERRQUEUE,
  MSG_MORE,
  MSG_OOB,
  MSG_PROXY,
  SOCK_RAW,
  SOL_ICMPV6,
  SOL_IPV6,
  SOL_RAW,
} from '../../uapi/socket.ts';
import { udpDisconnect } from '../datagram.ts';
import * as reason from '../drop-reason.ts';
import { FLOWI_FLAG_KNOWN_NH } from '../fib.ts';
import { IP6_DADDR, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import { copyFromIter } from '../iov.ts';
import type { GetFrag } from '../ip-append.ts';
import * as mib from '../mib.ts';
import { NF_INET_LOCAL_OUT, nfHook } from '../netfilter.ts';
import { rawIoctl } from '../raw.ts';
import { NET_XMIT_CN } from '../sch-generic.ts';
import {
  consumeSkb,
  kfreeSkb,
  llReservedSpace,
  skbChecksum,
  skbClone,
  skbCopyBits,
  skbPut,
  skbReserve,
  skbTrim,
  skbUnlink,
} from '../skbuff.ts';
import {
  finishDatagram,
  recvError,
  skbRecvDatagram,
  skCommonRelease,
  skFilterTrimCap,
  sockAllocSendSkb,
  sockProtInuseAdd,
  sockQueueRcvSkb,
  sockRecvCmsgs,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from '../sock.ts';
import { putOption } from '../sock-options.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_UNNECESSARY,
  type DstEntry,
  type Net,
  type Proto,
  type SkBuff,
  type Sock,
} from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import { skbSetupTxTimestamp } from '../tx-timestamp.ts';
import { csumUnnecessary } from '../udp-input.ts';
import {
  csumIpv6Pseudo,
  IPV6_ADDR_ANY,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_MULTICAST,
  in6Copy,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsMulticast,
  ipv6AddrNeedsScopeId,
  ipv6AddrType,
} from './addr.ts';
import { inet6BindCheck, inet6RegisterProtosw, inet6SockrawOps, scopeOf } from './af-inet6.ts';
import {
  ip6DatagramConnectV6Only,
  ip6DatagramRecvCtl,
  ip6DatagramSendCtl,
  ip6DatagramUpdatePmtu,
  ip6MessageOptions,
  ipcm6InitSk,
  ipv6IfaceScopeId,
  LOOPBACK4_IPV6,
  putSockaddrIn6,
  SIN6_LEN_RFC2133,
} from './datagram6.ts';
import { hasRxpmtu, ipv6IcmpError, ipv6LocalError, ipv6RecvError, ipv6RecvRxpmtu } from './error-queue6.ts';
import { fl6UpdateDst } from './exthdrs-push.ts';
import { Flowi6, type Inet6Cork, IPV6_FLOWINFO_MASK, Ipcm6Cookie, ip6MakeFlowinfo, optFlen } from './flow.ts';
import { ICMPV6_PKT_TOOBIG, icmpv6ErrConvert, icmpv6SetHooks, NDISC_REDIRECT } from './icmpv6.ts';
import { ip6AppendData, ip6FlushPendingFrames, ip6PushPendingFrames } from './ip6-append.ts';
import { inet6Iif, ip6Inc, ipv6 } from './ipv6.ts';
import { ip6RaControl, ipv6Getsockopt, ipv6Setsockopt, raChain } from './ipv6-sockglue.ts';
import { inet6McCheck } from './mcast6.ts';
import { ip6DstLookupFlow, ip6SkDstHoplimit, ip6SkRedirect } from './route6.ts';

/** Raw sockets of IPv6 (net/ipv6/raw.c): without the IPv6 header in both directions, but with IPV6_HDRINCL. */

const ICMPV6_FILTER = 1;
const ICMP6_FILTER_SIZE = 32;

export const RAW6_KEY = 41;
/** Sockets by protocol. */
export const raw6Table = (net: Net): Map<number, InetSock[]> =>
  (net.gen[RAW6_KEY] ??= new Map()) as Map<number, InetSock[]>;

/** raw_v6_match, for a packet from the address at `rmt` to the one at `loc`. */
function rawMatch(sk: InetSock, head: Uint8Array, loc: number, rmt: number, dif: number): boolean {
  const np = sk.inet6!;
  if (!ipv6AddrAny(np.daddr) && !ipv6AddrEqual(np.daddr, 0, head, rmt)) return false;
  if (sk.boundDevIf !== 0 && sk.boundDevIf !== dif) return false;
  return (
    ipv6AddrAny(np.rcvSaddr) ||
    ipv6AddrEqual(np.rcvSaddr, 0, head, loc) ||
    (ipv6AddrIsMulticast(head, loc) && inet6McCheck(sk, head, loc, rmt))
  );
}

/** icmpv6_filter: true where the socket does not want this type. */
function icmpFiltered(sk: InetSock, skb: SkBuff): boolean {
  if (skb.len < 4) return true;
  const type = skb.head[skb.data]!;
  return sk.icmp6Filter !== null && (sk.icmp6Filter[type >>> 5]! & (1 << (type & 31))) !== 0;
}

/** ipv6_raw_deliver: every raw socket of the protocol gets a copy. True where one took it. */
function rawLocalDeliver(net: Net, skb: SkBuff, nexthdr: number): boolean {
  const list = raw6Table(net).get(nexthdr);
  if (list === undefined || list.length === 0) return false;
  const { head, networkHeader: at } = skb;
  const dif = inet6Iif(skb);
  let delivered = false;
  for (const sk of [...list]) {
    if (!rawMatch(sk, head, at + IP6_DADDR, at + IP6_SADDR, dif)) continue;
    if (sk.rmemAlloc >= sk.rcvbuf) {
      sk.drops++;
      continue;
    }
    delivered = true;
    if (nexthdr === IPPROTO_ICMPV6 && icmpFiltered(sk, skb)) continue;
    rawRcv(net, sk, skbClone(skb));
  }
  return delivered;
}

/** True where the checksum that the socket asked to be looked at is wrong (skb_checksum_complete). */
function checksumBad(sk: InetSock, skb: SkBuff): boolean {
  if (csumUnnecessary(skb)) return false;
  const { head, networkHeader: at } = skb;
  const pseudo = csumIpv6Pseudo(head, at + IP6_SADDR, head, at + IP6_DADDR, skb.len, sk.num);
  if (fold(skbChecksum(skb, 0, skb.len) + pseudo) !== 0xffff) return true;
  skb.csumValid = true;
  return false;
}

function rawRcv(net: Net, sk: InetSock, skb: SkBuff): void {
  if (net.tracer !== null) net.tracer.enter(net, 'rawv6_rcv', skb, `rmem ${sk.rmemAlloc} of ${sk.rcvbuf}`);
  const checked = sk.inet6!.checksumOffset >= 0;
  if (!checked) skb.ipSummed = CHECKSUM_UNNECESSARY;
  if ((sk.hdrincl || checked || sk.filter !== null) && checksumBad(sk, skb)) {
    sk.drops++;
    kfreeSkb(net, skb, reason.SKB_CSUM, 'rawv6_rcv_skb');
    return;
  }
  if (!skFilterTrimCap(sk, skb, 1, (packet, length) => skbTrim(net, packet, length)))
    kfreeSkb(net, skb, reason.SOCKET_FILTER, 'rawv6_rcv_skb');
  else if (sockQueueRcvSkb(sk, skb) < 0) kfreeSkb(net, skb, reason.SOCKET_RCVBUFF, 'rawv6_rcv_skb');
}

/** raw6_icmp_error and rawv6_err */
function rawError(
  net: Net,
  skb: SkBuff,
  nexthdr: number,
  type: number,
  code: number,
  offset: number,
  info: number,
): void {
  const { head, data: at } = skb;
  for (const sk of [...(raw6Table(net).get(nexthdr) ?? [])]) {
    const np = sk.inet6!;
    if (!rawMatch(sk, head, at + IP6_SADDR, at + IP6_DADDR, inet6Iif(skb))) continue;
    if (!np.recverr && sk.state !== TCP_ESTABLISHED) continue;
    const { errno, fatal } = icmpv6ErrConvert(type, code);
    let hard = fatal;
    if (type === ICMPV6_PKT_TOOBIG) {
      ip6DatagramUpdatePmtu(sk, skb, info);
      hard = np.pmtudisc === IPV6_PMTUDISC_DO;
    }
    if (type === NDISC_REDIRECT) {
      ip6SkRedirect(net, skb, sk);
      continue;
    }
    if (np.recverr) ipv6IcmpError(sk, skb, errno, 0, info, sk.hdrincl ? at : at + offset);
    if (np.recverr || hard) {
      sk.err = errno;
      sk.errorReport();
    }
  }
}

// ---- sending ----

const flow = new Flowi6();
const ipc = new Ipcm6Cookie();

/** The data of a message; the first bytes were read already (struct raw6_frag_vec). */
interface Raw6Frag {
  msg: Msghdr;
  header: Uint8Array;
  hlen: number;
  /** The cork, where an odd number of bytes is pending under it. */
  odd: Inet6Cork | null;
}
const frag: Raw6Frag = { msg: null as unknown as Msghdr, header: new Uint8Array(4), hlen: 0, odd: null };
const getfrag: GetFrag = (from, to, at, offset, length) => {
  const { msg, header, hlen, odd } = from as Raw6Frag;
  let done = 0;
  for (; done < length && offset + done < hlen; done++) to[at + done] = header[offset + done]!;
  if (done === length) return true;
  if (!copyFromIter(msg, to, at + done, length - done)) return false;
  if (odd !== null && offset < hlen) {
    // raw6_getfrag forgets behind the header that the data begins at an odd place: it is summed with its bytes swapped.
    const even = fold(sum(to, at + done, at + length));
    odd.missummed += even + 0xffff - (((even & 0xff) << 8) | (even >>> 8));
  }
  return true;
};

function rawv6Sendmsg(sock: Sock, msg: Msghdr, len: number): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  const { net } = sk;
  if (net.tracer !== null) net.tracer.begin(net, 'rawv6_sendmsg', `wmem ${sk.wmemAlloc} of ${sk.sndbuf}`);
  if (msg.flags & MSG_OOB) return -EOPNOTSUPP;
  const { hdrincl } = sk;
  const fl = flow.clear();
  ipcm6InitSk(ipc, sk);
  let proto: number;
  const { name, nameAt } = msg;
  if (name !== null) {
    if (msg.namelen < SIN6_LEN_RFC2133) return -EINVAL;
    const family = hostU16(name, nameAt);
    if (family !== 0 && family !== AF_INET6) return -EAFNOSUPPORT;
    // The port is the protocol, or nothing.
    proto = be16(name, nameAt + sockaddr_in6.sin6_port);
    if (proto === 0) proto = sk.num;
    else if (proto !== sk.num && sk.num !== IPPROTO_RAW) return -EINVAL;
    if (proto > 255) return -EINVAL;
    const addrAt = nameAt + sockaddr_in6.sin6_addr;
    for (let i = 0; i < 16; i++) fl.daddr[i] = name[addrAt + i]!;
    if (np.sndflow) fl.flowlabel = be32(name, nameAt + sockaddr_in6.sin6_flowinfo) & IPV6_FLOWINFO_MASK;
    const scope = msg.namelen >= sockaddr_in6.sizeof ? hostU32(name, nameAt + sockaddr_in6.sin6_scope_id) : 0;
    if (scope !== 0 && ipv6AddrNeedsScopeId(ipv6AddrType(fl.daddr))) fl.oif = scope;
  } else {
    if (sk.state !== TCP_ESTABLISHED) return -EDESTADDRREQ;
    proto = sk.num;
    fl.daddr.set(np.daddr);
    fl.flowlabel = np.flowLabel;
  }
  if (fl.oif === 0) fl.oif = sk.boundDevIf;
  if (msg.controllen > 0) {
    const error = ip6DatagramSendCtl(sk, msg, fl, ipc);
    if (error < 0) return error;
  }
  ipc.opt = ip6MessageOptions(np, ipc);
  fl.proto = proto;
  fl.mark = ipc.mark;
  frag.msg = msg;
  frag.hlen = 0;
  frag.odd = sk.writeQueue.qlen > 0 && (np.cork.length - optFlen(np.cork.opt)) & 1 ? np.cork : null;
  if (!hdrincl && (proto === IPPROTO_ICMPV6 || proto === IPPROTO_MH)) {
    // rawv6_probe_proto_opt: the route may depend on the message's type.
    frag.hlen = proto === IPPROTO_MH ? 4 : 2;
    if (!copyFromIter(msg, frag.header, 0, frag.hlen)) return -EFAULT;
    if (proto === IPPROTO_ICMPV6) {
      fl.icmpType = frag.header[0]!;
      fl.icmpCode = frag.header[1]!;
    }
  }
  if (ipv6AddrAny(fl.daddr)) fl.daddr[15] = 1;
  if (ipv6AddrAny(fl.saddr)) fl.saddr.set(np.saddr);
  const final = fl6UpdateDst(fl, ipc.opt);
  if (fl.oif === 0) fl.oif = ipv6AddrIsMulticast(fl.daddr) ? np.mcastOif : np.ucastOif;
  if (hdrincl) fl.flags |= FLOWI_FLAG_KNOWN_NH;
  ipc.tclass &= 0xff; // -1 is sent as 255, though RFC 3542 6.5 means the default
  fl.flowlabel = ip6MakeFlowinfo(ipc.tclass, fl.flowlabel);
  const dst = ip6DstLookupFlow(net, sk, fl, final);
  if (typeof dst === 'number') return dst;
  if (ipc.hlimit < 0) ipc.hlimit = ip6SkDstHoplimit(sk, fl, dst);
  if (msg.flags & MSG_CONFIRM) sk.dstPendingConfirm = true;
  net.copies.fromUser++;
  if (hdrincl) {
    const error = sendHdrinc(sk, msg, len, fl, dst);
    return error < 0 ? error : len;
  }
  let error = ip6AppendData(sk, getfrag, frag, len, 0, ipc, fl, dst, msg.flags);
  if (error < 0) ip6FlushPendingFrames(sk);
  else if (!(msg.flags & MSG_MORE)) error = pushPendingFrames(sk, fl);
  return error < 0 ? error : len;
}

const two = new Uint8Array(2);

/** rawv6_push_pending_frames: the checksum is put where IPV6_CHECKSUM said. */
function pushPendingFrames(sk: InetSock, fl: Flowi6): number {
  const { cork, checksumOffset } = sk.inet6!;
  const first = sk.writeQueue.first;
  if (checksumOffset >= 0) {
    if (first === null) return 0;
    const total = cork.length - optFlen(cork.opt);
    if (checksumOffset >= total - 1) {
      ip6FlushPendingFrames(sk);
      return -EINVAL;
    }
    let summed = csumIpv6Pseudo(fl.saddr, 0, fl.daddr, 0, total, fl.proto) + fold(cork.missummed);
    let offset = checksumOffset;
    let place = first;
    let found = false;
    for (let skb: SkBuff | null = first; skb !== null; skb = skb.next) {
      const data = skb.transportHeader - skb.data;
      const length = skb.len - data;
      // Pieces behind the first begin at multiples of 8.
      summed += fold(skbChecksum(skb, data, length));
      if (!found && offset < length) {
        place = skb;
        found = true;
      } else if (!found) offset -= length;
    }
    offset += place.transportHeader - place.data;
    skbCopyBits(place, offset, two, 0, 2);
    // What the program left in the field does not count.
    summed += 0xffff - be16(two, 0);
    let check = ~fold(summed) & 0xffff;
    if (check === 0 && fl.proto === IPPROTO_UDP) check = 0xffff;
    putBe16(place.head, place.data + offset, check);
  }
  return ip6PushPendingFrames(sk);
}

/** rawv6_send_hdrinc: the program wrote the header itself. */
function sendHdrinc(sk: InetSock, msg: Msghdr, length: number, fl: Flowi6, dst: DstEntry): number {
  const { net } = sk;
  if (length > dst.dev.mtu) {
    ipv6LocalError(sk, EMSGSIZE, fl, dst.dev.mtu);
    return -EMSGSIZE;
  }
  if (length < IPV6HDR_LEN) return -EINVAL;
  if (msg.flags & MSG_PROXY) return 0; // MSG_PROBE
  const lost = (error: number): number => {
    ip6Inc(net, dst.idev6, mib.IP6_OUTDISCARDS);
    return error === -ENOBUFS && !sk.inet6!.recverr ? 0 : error;
  };
  const room = llReservedSpace(dst.dev);
  const skb = sockAllocSendSkb(sk, length + room + 15);
  if (typeof skb === 'number') return lost(skb);
  skbReserve(skb, room);
  skb.protocol = ETH_P_IPV6;
  skb.priority = ipc.priority;
  skb.mark = ipc.mark;
  skbSetupTxTimestamp(sk, skb, ipc.tsflags);
  skb.networkHeader = skb.data;
  const at = skbPut(skb, length);
  skb.transportHeader = at;
  skb.ipSummed = CHECKSUM_NONE;
  if (!copyFromIter(msg, skb.head, at, length)) {
    kfreeSkb(net, skb);
    return lost(-EFAULT);
  }
  skb.dst = dst;
  skb.dev = dst.dev;
  ip6Inc(net, dst.idev6, mib.IP6_OUTREQUESTS);
  let error = nfHook(net, AF_INET6, NF_INET_LOCAL_OUT, sk, skb, null, dst.dev);
  if (error === 1) error = dst.output(net, sk, skb);
  if (error > 0) error = error !== NET_XMIT_CN ? -ENOBUFS : 0;
  return error < 0 ? lost(error) : 0;
}

// ---- reading, names, options ----

function rawv6Recvmsg(sock: Sock, msg: Msghdr, len: number, flags: number): number {
  const sk = sock as InetSock;
  if (flags & MSG_OOB) return -EOPNOTSUPP;
  if (flags & MSG_ERRQUEUE) return ipv6RecvError(sk, msg, len);
  if (hasRxpmtu(sk)) return ipv6RecvRxpmtu(sk, msg);
  const skb = skbRecvDatagram(sk, sk.receiveQueue, flags);
  if (skb === null) return recvError;
  if (checksumBad(sk, skb)) {
    if (skb.list !== null) skbUnlink(skb, sk.receiveQueue);
    sk.drops++;
    kfreeSkb(sk.net, skb, reason.SKB_CSUM, 'rawv6_recvmsg');
    return -EAGAIN;
  }
  const result = finishDatagram(sk, skb, msg, len, flags);
  const { head, networkHeader: at } = skb;
  if (msg.name !== null) {
    const scope = ipv6IfaceScopeId(head, at + IP6_SADDR, inet6Iif(skb));
    putSockaddrIn6(msg.name, msg.nameAt, head, at + IP6_SADDR, 0, scope);
    msg.namelen = sockaddr_in6.sizeof;
  }
  sockRecvCmsgs(sk, skb, msg);
  if (sk.inet6!.rxopt !== 0) ip6DatagramRecvCtl(sk, msg, skb);
  consumeSkb(skb);
  return result;
}

function rawv6Bind(sock: Sock, address: Uint8Array): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  if (address.length < SIN6_LEN_RFC2133 || hostU16(address, 0) !== AF_INET6) return -EINVAL;
  const addr = in6Copy(address, sockaddr_in6.sin6_addr);
  const type = ipv6AddrType(addr);
  if (type === IPV6_ADDR_MAPPED) return -EADDRNOTAVAIL;
  if (sk.state !== TCP_CLOSE) return -EINVAL;
  const error = inet6BindCheck(sk, addr, type, scopeOf(address));
  if (error !== 0) return error;
  sk.rcvSaddr = sk.saddr = type === IPV6_ADDR_ANY ? 0 : LOOPBACK4_IPV6;
  np.rcvSaddr = addr;
  if (!(type & IPV6_ADDR_MULTICAST)) np.saddr = addr;
  return 0;
}

const scratch = new Uint8Array(ICMP6_FILTER_SIZE);

function filterBytes(sk: InetSock): Uint8Array {
  scratch.fill(0);
  for (let i = 0; i < 8; i++) putHostU32(scratch, i * 4, sk.icmp6Filter?.[i] ?? 0);
  return scratch;
}

/** Whether an option is one of the raw socket's own, at SOL_RAW or where RFC 3542 has it. */
const ownOption = (level: number, name: number): boolean =>
  level === SOL_RAW || (level === SOL_IPV6 && (name === IPV6_CHECKSUM || name === IPV6_HDRINCL));

function setsockopt(sock: Sock, level: number, name: number, value: Uint8Array): number {
  const sk = sock as InetSock;
  const np = sk.inet6!;
  if (level === SOL_ICMPV6) {
    if (sk.num !== IPPROTO_ICMPV6) return -EOPNOTSUPP;
    if (name !== ICMPV6_FILTER) return -ENOPROTOOPT;
    filterBytes(sk).set(value.subarray(0, ICMP6_FILTER_SIZE));
    sk.icmp6Filter = Uint32Array.from({ length: 8 }, (_, i) => hostU32(scratch, i * 4));
    return 0;
  }
  if (!ownOption(level, name)) return ipv6Setsockopt(sk, level, name, value);
  if (value.length < 4) return -EINVAL;
  const val = hostI32(value, 0);
  switch (name) {
    case IPV6_HDRINCL:
      sk.hdrincl = val !== 0;
      return 0;
    case IPV6_CHECKSUM:
      // RFC 3542 3.1: ICMPv6's is the kernel's business.
      if (sk.num === IPPROTO_ICMPV6 && level === SOL_IPV6) return -EINVAL;
      if (val > 0 && val & 1) return -EINVAL;
      np.checksumOffset = val < 0 ? -1 : val;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

function getsockopt(sock: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  const sk = sock as InetSock;
  if (level === SOL_ICMPV6) {
    if (sk.num !== IPPROTO_ICMPV6) return -EOPNOTSUPP;
    if (name !== ICMPV6_FILTER) return -ENOPROTOOPT;
    if (length[0]! < 0) return -EINVAL;
    return putOption(filterBytes(sk), ICMP6_FILTER_SIZE, value, length);
  }
  if (!ownOption(level, name)) return ipv6Getsockopt(sk, level, name, value, length);
  let val: number;
  if (name === IPV6_HDRINCL) val = sk.hdrincl ? 1 : 0;
  else if (name === IPV6_CHECKSUM) val = sk.inet6!.checksumOffset;
  else return -ENOPROTOOPT;
  putHostU32(scratch, 0, val);
  length[0] = Math.min(length[0]! >>> 0, 4);
  return putOption(scratch, 4, value, length);
}

export const rawv6Prot: Proto = {
  name: 'RAWv6',
  close(sk) {
    if ((sk as InetSock).num === IPPROTO_RAW) ip6RaControl(sk as InetSock, -1);
    skCommonRelease(sk);
  },
  init(sk) {
    const { num, inet6 } = sk as InetSock;
    if (num === IPPROTO_ICMPV6) inet6!.checksumOffset = 2;
    else if (num === IPPROTO_MH) inet6!.checksumOffset = 4;
    return 0;
  },
  connect: ip6DatagramConnectV6Only,
  disconnect: udpDisconnect,
  bind: rawv6Bind,
  sendmsg: rawv6Sendmsg,
  recvmsg: rawv6Recvmsg,
  ioctl: rawIoctl,
  setsockopt,
  getsockopt,
  hash(sk) {
    const inet = sk as InetSock;
    const table = raw6Table(sk.net);
    const list = table.get(inet.num);
    if (list === undefined) table.set(inet.num, [inet]);
    else list.push(inet);
    sockProtInuseAdd(sk, 1);
    return 0;
  },
  unhash(sk) {
    const list = raw6Table(sk.net).get((sk as InetSock).num);
    const at = list?.indexOf(sk as InetSock) ?? -1;
    if (at < 0) return;
    list!.splice(at, 1);
    sockProtInuseAdd(sk, -1);
  },
};

/** ip6_call_ra_chain: a packet with the router alert option goes to the sockets that asked for its value. */
function callRaChain(net: Net, skb: SkBuff, value: number): boolean {
  let last: InetSock | null = null;
  for (const { sk, sel } of raChain(net)) {
    if (sel !== value || (sk.boundDevIf !== 0 && sk.boundDevIf !== skb.dev!.ifindex)) continue;
    if (last !== null) rawRcv(net, last, skbClone(skb));
    last = sk;
  }
  if (last === null) return false;
  rawRcv(net, last, skb);
  return true;
}

export function raw6Init(net: Net): void {
  inet6RegisterProtosw(net, {
    type: SOCK_RAW,
    protocol: IPPROTO_IP,
    prot: rawv6Prot,
    ops: inet6SockrawOps,
    reuse: true,
  });
  ipv6(net).rawLocalDeliver = rawLocalDeliver;
  ipv6(net).callRaChain = callRaChain;
  icmpv6SetHooks(net, { rawError });
}
