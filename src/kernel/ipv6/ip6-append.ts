import { putBe16 } from '../../bytes/endian.ts';
import { EFAULT, EINVAL, EMSGSIZE, ENOBUFS } from '../../uapi/errno.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { IPPROTO_RAW, IPPROTO_UDP } from '../../uapi/in.ts';
import { IPPROTO_ICMPV6, IPV6_PMTUDISC_DO, IPV6_PMTUDISC_OMIT, IPV6_PMTUDISC_PROBE } from '../../uapi/in6.ts';
import { MSG_CONFIRM, MSG_MORE, MSG_PROXY, SOCK_RAW } from '../../uapi/socket.ts';
import { FLOWI_FLAG_KNOWN_NH } from '../fib.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_NEXTHDR, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import type { GetFrag } from '../ip-append.ts';
import * as mib from '../mib.ts';
import {
  allocSkb,
  consumeSkb,
  copyBytes,
  headTruesize,
  llReservedSpace,
  NETIF_F_HW_CSUM,
  NETIF_F_SG,
  SKB_MAX_ALLOC,
  skbDequeue,
  skbPush,
  skbPut,
  skbQueuePurge,
  skbQueueTail,
  skbReserve,
  skbSetOwnerW,
} from '../skbuff.ts';
import { sockAllocSendSkb } from '../sock.ts';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type DstEntry, type Net, type SkBuff, type SkBuffHead } from '../structs.ts';
import { skbSetupTxTimestamp } from '../tx-timestamp.ts';
import { in6Copy } from './addr.ts';
import { ipv6PushFragOpts, ipv6PushNfragOpts } from './exthdrs-push.ts';
import { type Flowi6, type Inet6Cork, IPV6_FLOWLABEL_MASK, type Ipcm6Cookie, optFlen, optNflen } from './flow.ts';
import { ip6SendSkb } from './ip6-output.ts';
import { icmp6OutCount, ip6Inc, ipv6Sysctl } from './ipv6.ts';
import { dst6Mtu, IP6_MAX_MTU } from './route6.ts';

/** Datagrams gathered from a program's writes and made into packets (ip6_append_data, ip6_make_skb of
 * net/ipv6/ip6_output.c).
 *
 * A datagram is sent so: `ip6AppendData` (which sets the cork up where nothing is pending), then with the transport
 * header filled in at `sk.writeQueue.first.transportHeader` `ip6PushPendingFrames`; or `ip6FlushPendingFrames` where
 * anything fails. `ip6MakeSkb` is both halves for a datagram that is not corked, without the sending. */

const FRAG_HDR_LEN = 8;
const IPV6_MAXPLEN = 65535;

/** What sockets do on the way, registered by ipv6-sockglue: the error queue (IPV6_RECVERR) and IPV6_RECVPATHMTU. */
export interface Ip6AppendHooks {
  /** ipv6_local_error */
  localError(sk: InetSock, error: number, fl: Flowi6, info: number): void;
  /** ipv6_local_rxpmtu */
  localRxpmtu(sk: InetSock, fl: Flowi6, mtu: number): void;
}
let hooks: Ip6AppendHooks = { localError: () => {}, localRxpmtu: () => {} };
export function ip6SetAppendHooks(made: Partial<Ip6AppendHooks>): void {
  hooks = { ...hooks, ...made };
}

/** ip6_sk_ignore_df */
export const ip6SkIgnoreDf = (sk: InetSock): boolean =>
  sk.inet6!.pmtudisc < IPV6_PMTUDISC_DO || sk.inet6!.pmtudisc === IPV6_PMTUDISC_OMIT;

/** ip6_autoflowlabel */
export function ip6Autoflowlabel(net: Net, sk: InetSock): boolean {
  const np = sk.inet6!;
  if (np.autoflowlabelSet) return np.autoflowlabel;
  const mode = ipv6Sysctl(net).autoFlowlabels;
  return mode === 1 || mode === 3;
}

const LABEL_SECRET_KEY = 24;
/** ip6_make_flowlabel: the flow's own label, or one made from what the flow is (RFC 6437), if `auto`. */
export function ip6MakeFlowlabel(net: Net, label: number, auto: boolean, fl: Flowi6): number {
  const sysctl = ipv6Sysctl(net);
  if (label !== 0) return label;
  if (sysctl.autoFlowlabels === 0 || (!auto && sysctl.autoFlowlabels !== 3)) return 0;
  const secret = (net.gen[LABEL_SECRET_KEY] ??= net.random()) as number;
  let hash = secret;
  for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ fl.saddr[i]!, 0x01000193);
  for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ fl.daddr[i]!, 0x01000193);
  hash = Math.imul(hash ^ (fl.sport << 16) ^ fl.dport ^ (fl.proto << 8), 0x85ebca6b);
  hash ^= hash >>> 13;
  const made = hash & IPV6_FLOWLABEL_MASK;
  return sysctl.flowlabelStateRanges !== 0 ? made | 0x80000 : made;
}

/** ip6_flow_hdr: the first word. */
export function ip6FlowHdr(head: Uint8Array, at: number, tclass: number, label: number): void {
  head[at] = 0x60 | (tclass >>> 4);
  head[at + 1] = ((tclass & 15) << 4) | (label >>> 16);
  putBe16(head, at + 2, label & 0xffff);
}

/** ip6_setup_cork. `ipc` has its -1s replaced by now: hop limit, traffic class, dontfrag. */
function ip6SetupCork(sk: InetSock, cork: Inet6Cork, ipc: Ipcm6Cookie, fl: Flowi6, dst: DstEntry): void {
  const np = sk.inet6!;
  cork.opt = ipc.opt;
  cork.hopLimit = ipc.hlimit;
  cork.tclass = ipc.tclass;
  cork.dontfrag = ipc.dontfrag > 0;
  let mtu = np.pmtudisc >= IPV6_PMTUDISC_PROBE ? dst.dev.mtu : dst6Mtu(dst);
  if (np.frag !== 0 && np.frag < mtu) mtu = np.frag;
  cork.fragsize = mtu;
  cork.gsoSize = ipc.gsoSize;
  cork.tsflags = ipc.tsflags;
  cork.mark = ipc.mark;
  cork.priority = ipc.priority;
  cork.length = 0;
  cork.missummed = 0;
  cork.dst = dst;
  cork.fl.copy(fl);
  cork.active = true;
}

/** ip6_append_data: adds `length` bytes from `getfrag(from, …)` to `sk.writeQueue` with the cork `sk.inet6.cork`.
 * `transhdrlen` bytes of the first packet are left for the transport header and count in `length`. `ipc`, `fl` and `dst`
 * count for the first call of a datagram alone (nothing pending); `ipc.hlimit`, `ipc.tclass` and `ipc.dontfrag` must be
 * decided. 0, -EMSGSIZE, -EFAULT, -ENOBUFS, -EAGAIN, -EPIPE. */
export function ip6AppendData(
  sk: InetSock,
  getfrag: GetFrag,
  from: unknown,
  length: number,
  transhdrlen: number,
  ipc: Ipcm6Cookie,
  fl: Flowi6,
  dst: DstEntry,
  flags: number,
): number {
  if (flags & MSG_PROXY) return 0; // MSG_PROBE
  const { cork } = sk.inet6!;
  if (sk.writeQueue.qlen === 0) {
    ip6SetupCork(sk, cork, ipc, fl, dst);
    const exthdrlen = optFlen(ipc.opt);
    length += exthdrlen;
    transhdrlen += exthdrlen;
  } else transhdrlen = 0;
  return appendData(sk, sk.writeQueue, cork, getfrag, from, length, transhdrlen, flags);
}

function appendData(
  sk: InetSock,
  queue: SkBuffHead,
  cork: Inet6Cork,
  getfrag: GetFrag,
  from: unknown,
  length: number,
  transhdrlen: number,
  flags: number,
): number {
  const { net } = sk;
  const dst = cork.dst!;
  const { dev } = dst;
  const { opt } = cork;
  const hasSg = (dev.features & NETIF_F_SG) !== 0;
  let exthdrlen = queue.last === null ? optFlen(opt) : 0;
  const paged = cork.gsoSize !== 0;
  const mtu = paged ? IP6_MAX_MTU : cork.fragsize;
  const hhLen = llReservedSpace(dev);
  const fragheaderlen = IPV6HDR_LEN + optNflen(opt);
  const headersize = fragheaderlen + optFlen(opt);
  const maxfraglen = ((mtu - fragheaderlen) & ~7) + fragheaderlen - FRAG_HDR_LEN;
  const tooLong = (): number => {
    hooks.localError(sk, EMSGSIZE, cork.fl, Math.max(mtu - headersize + IPV6HDR_LEN, 0));
    return -EMSGSIZE;
  };
  if (mtu <= fragheaderlen || maxfraglen + FRAG_HDR_LEN <= FRAG_HDR_LEN) return tooLong();
  // RFC 7112 5: the whole chain of headers is in the first fragment.
  if (headersize + transhdrlen > mtu) return tooLong();
  if (
    cork.length + length > mtu - headersize &&
    cork.dontfrag &&
    (sk.protocol === IPPROTO_UDP || sk.protocol === IPPROTO_ICMPV6 || sk.protocol === IPPROTO_RAW)
  ) {
    hooks.localRxpmtu(sk, cork.fl, mtu - headersize + IPV6HDR_LEN);
    return tooLong();
  }
  const maxnonfragsize = ip6SkIgnoreDf(sk) ? IPV6HDR_LEN + IPV6_MAXPLEN : mtu;
  if (cork.length + length > maxnonfragsize - headersize) return tooLong();
  let csummode = CHECKSUM_NONE;
  if (
    transhdrlen > 0 &&
    sk.protocol === IPPROTO_UDP &&
    headersize === IPV6HDR_LEN &&
    length <= mtu - headersize &&
    (!(flags & MSG_MORE) || cork.gsoSize !== 0) &&
    dev.features & NETIF_F_HW_CSUM
  )
    csummode = CHECKSUM_PARTIAL;
  const { tskey } = sk;
  /** Nothing of this call counts, and the number it took for its timestamps is given back. */
  const lost = (error: number): number => {
    cork.length -= length;
    sk.tskey = tskey;
    ip6Inc(net, dst.idev6, mib.IP6_OUTDISCARDS);
    return error;
  };
  cork.length += length;
  let offset = 0;
  let skb = queue.last;
  while (length > 0 || skb === null) {
    let copy = -1;
    if (skb !== null) {
      copy = (cork.length <= mtu ? mtu : maxfraglen) - skb.len;
      if (copy < length) copy = maxfraglen - skb.len;
    }
    if (skb === null || copy <= 0) {
      const prev: SkBuff | null = skb;
      const fraggap = prev === null ? 0 : prev.len - maxfraglen;
      let datalen = length + fraggap;
      if (datalen > (cork.length <= mtu ? mtu : maxfraglen) - fragheaderlen) datalen = maxfraglen - fragheaderlen;
      const fraglen = datalen + fragheaderlen;
      // Room for a fragment header in front, whether it comes to that or not.
      const extra = hhLen + FRAG_HDR_LEN;
      let alloclen: number;
      let pagedlen = 0;
      if (flags & MSG_MORE && !hasSg) alloclen = mtu;
      else if (!paged && (fraglen + extra < SKB_MAX_ALLOC || !hasSg)) alloclen = fraglen;
      else {
        alloclen = fragheaderlen + transhdrlen;
        pagedlen = datalen - transhdrlen;
      }
      alloclen += extra;
      copy = datalen - transhdrlen - fraggap;
      if (copy - pagedlen < 0) return lost(-EINVAL);
      // More may follow under a cork: real room for it now, though Linux would take pages then.
      const room = flags & MSG_MORE ? Math.max(alloclen + pagedlen, Math.min(mtu, 4096) + extra) : alloclen + pagedlen;
      let made: SkBuff;
      if (transhdrlen > 0) {
        const got = sockAllocSendSkb(sk, room);
        if (typeof got === 'number') return lost(got);
        made = got;
        const truesize = headTruesize(alloclen) + pagedlen;
        sk.wmemAlloc += truesize - made.truesize;
        made.truesize = truesize;
      } else {
        if (sk.wmemAlloc > 2 * sk.sndbuf) return lost(-ENOBUFS);
        made = allocSkb(room);
        made.truesize = headTruesize(alloclen) + pagedlen;
        skbSetOwnerW(made, sk);
      }
      made.protocol = ETH_P_IPV6;
      made.ipSummed = csummode;
      skbReserve(made, hhLen + FRAG_HDR_LEN);
      const data = skbPut(made, fraglen) + fragheaderlen;
      made.networkHeader = made.data + exthdrlen;
      made.transportHeader = made.networkHeader + fragheaderlen;
      if (fraggap > 0) {
        copyBytes(made.head, data + transhdrlen, prev!.head, prev!.data + maxfraglen, fraggap);
        prev!.tail -= fraggap;
        prev!.len -= fraggap;
      }
      if (copy > 0 && !getfrag(from, made.head, data + transhdrlen + fraggap, offset, copy)) {
        consumeSkb(made);
        return lost(-EFAULT);
      }
      offset += copy;
      length -= copy + transhdrlen;
      transhdrlen = 0;
      exthdrlen = 0;
      csummode = CHECKSUM_NONE;
      if (flags & MSG_CONFIRM && prev === null) sk.dstPendingConfirm = true;
      // Of a datagram in fragments the first is told of.
      if (prev === null && cork.tsflags !== 0) skbSetupTxTimestamp(sk, made, cork.tsflags);
      skbQueueTail(queue, made);
      skb = made;
      continue;
    }
    if (copy > length) copy = length;
    if (skb.end - skb.tail < copy) growTail(net, skb, mtu);
    const to = skbPut(skb, copy);
    if (!getfrag(from, skb.head, to, offset, copy)) {
      skb.tail -= copy;
      skb.len -= copy;
      return lost(-EFAULT);
    }
    if (hasSg) {
      skb.truesize += copy;
      sk.wmemAlloc += copy;
    }
    offset += copy;
    length -= copy;
  }
  return 0;
}

function growTail(net: Net, skb: SkBuff, mtu: number): void {
  const made = allocSkb(skb.data + mtu + 64);
  copyBytes(made.head, 0, skb.head, 0, skb.tail);
  net.copies.within++;
  const old = skb.buf;
  skb.buf = made.buf;
  skb.head = made.head;
  skb.end = made.end;
  made.buf = old;
  consumeSkb(made);
}

/** __ip6_make_skb: one packet of all that was queued, with its IPv6 and extension headers; the cork is released. Null
 * where nothing was queued. `skb.data` is at the IPv6 header, the transport header where `transportHeader` says. */
export function ip6MakeSkb(sk: InetSock, queue: SkBuffHead, cork: Inet6Cork): SkBuff | null {
  const { net } = sk;
  const skb = skbDequeue(queue);
  if (skb === null) return null;
  const { opt, fl } = cork;
  const dst = cork.dst!;
  // The room that was left in front of the network header for headers that are fragmented.
  skb.len -= skb.networkHeader - skb.data;
  skb.data = skb.networkHeader;
  let last: SkBuff | null = null;
  for (let next = skbDequeue(queue); next !== null; next = skbDequeue(queue)) {
    const header = next.transportHeader - next.data;
    next.data += header;
    next.len -= header;
    if (last === null) skb.fragList = next;
    else last.next = next;
    last = next;
    skb.len += next.len;
    skb.dataLen += next.len;
    skb.truesize += next.truesize;
    next.destructor = null;
    next.sk = null;
  }
  skb.ignoreDf = ip6SkIgnoreDf(sk);
  const pull = skb.transportHeader - skb.networkHeader;
  skb.data += pull;
  skb.len -= pull;
  let proto = fl.proto;
  const finalDst = in6Copy(fl.daddr);
  if (opt !== null) {
    proto = ipv6PushFragOpts(skb, opt, proto);
    proto = ipv6PushNfragOpts(skb, opt, proto, finalDst);
  }
  const at = skbPush(skb, IPV6HDR_LEN);
  skb.networkHeader = at;
  const { head } = skb;
  const label = ip6MakeFlowlabel(net, fl.flowlabel & IPV6_FLOWLABEL_MASK, ip6Autoflowlabel(net, sk), fl);
  ip6FlowHdr(head, at, cork.tclass, label);
  head[at + IP6_HOP_LIMIT] = cork.hopLimit;
  head[at + IP6_NEXTHDR] = proto;
  copyBytes(head, at + IP6_SADDR, fl.saddr, 0, 16);
  copyBytes(head, at + IP6_DADDR, finalDst, 0, 16);
  skb.priority = cork.priority;
  skb.mark = cork.mark;
  skb.dst = dst;
  skb.dev = dst.dev;
  ip6Inc(net, dst.idev6, mib.IP6_OUTREQUESTS);
  if (proto === IPPROTO_ICMPV6) {
    const raw = sk.socket !== null && sk.socket.type === SOCK_RAW && !(fl.flags & FLOWI_FLAG_KNOWN_NH);
    icmp6OutCount(net, dst.idev6, raw ? fl.icmpType : head[skb.transportHeader]!);
  }
  ip6CorkRelease(cork);
  return skb;
}

function ip6CorkRelease(cork: Inet6Cork): void {
  cork.active = false;
  cork.dst = null;
  cork.opt = null;
}

/** ip6_push_pending_frames */
export function ip6PushPendingFrames(sk: InetSock): number {
  const skb = ip6MakeSkb(sk, sk.writeQueue, sk.inet6!.cork);
  return skb === null ? 0 : ip6SendSkb(sk.net, skb);
}

/** ip6_flush_pending_frames */
export function ip6FlushPendingFrames(sk: InetSock): void {
  for (let skb = sk.writeQueue.first; skb !== null; skb = skb.next)
    if (skb.dst !== null) ip6Inc(sk.net, skb.dst.idev6, mib.IP6_OUTDISCARDS);
  skbQueuePurge(sk.writeQueue);
  ip6CorkRelease(sk.inet6!.cork);
}
