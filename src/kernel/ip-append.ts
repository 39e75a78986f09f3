import { putBe16, putBe32 } from '../bytes/endian.ts';
import { EFAULT, EINVAL, EMSGSIZE, ENETUNREACH, ENOBUFS } from '../uapi/errno.ts';
import {
  IP_PMTUDISC_DO,
  IP_PMTUDISC_INTERFACE,
  IP_PMTUDISC_OMIT,
  IP_PMTUDISC_PROBE,
  IP_PMTUDISC_WANT,
  IPPROTO_ICMP,
} from '../uapi/in.ts';
import { RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import { MSG_CONFIRM, MSG_MORE } from '../uapi/socket.ts';
import { IP_DF, IPH_DADDR, IPH_FRAG_OFF, IPH_PROTOCOL, IPH_SADDR, IPH_TOS, IPH_TTL, IPHDR_LEN } from './headers.ts';
import type { InetCork, InetSock } from './inet-sock.ts';
import { ipSelectIdent, ipv4Sysctl } from './ip-header.ts';
import { ipOptionsBuild } from './ip-options.ts';
import { ipSendSkb } from './ip-output.ts';
import * as mib from './mib.ts';
import { dstMtu } from './route.ts';
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
  skbPut,
  skbQueuePurge,
  skbQueueTail,
  skbReserve,
  skbSetOwnerW,
} from './skbuff.ts';
import { sockAllocSendSkb } from './sock.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  type DstEntry,
  type Net,
  type SkBuff,
  type SkBuffHead,
  type Sock,
} from './structs.ts';

import { skbSetupTxTimestamp } from './tx-timestamp.ts';

/** Datagrams gathered from a program's writes and made into packets (ip_append_data, ip_make_skb of
 * net/ipv4/ip_output.c). */

const IP_MAX_MTU = 0xffff;

/** What the rooms above do on the way: registered by icmp.ts and ip-sockglue.ts. */
export interface IpAppendHooks {
  icmpOutCount(net: Net, type: number): void;
  localError(sk: InetSock, error: number, daddr: number, port: number, info: number): void;
}
let hooks: IpAppendHooks = { icmpOutCount: () => {}, localError: () => {} };
export function ipSetAppendHooks(made: Partial<IpAppendHooks>): void {
  hooks = { ...hooks, ...made };
}

export const ipSkIgnoreDf = (sk: InetSock): boolean => sk.pmtudisc < IP_PMTUDISC_DO || sk.pmtudisc === IP_PMTUDISC_OMIT;
export const ipSkUsePmtu = (sk: InetSock): boolean => sk.pmtudisc < IP_PMTUDISC_PROBE;
export const ipSkAcceptPmtu = (sk: InetSock): boolean =>
  sk.pmtudisc !== IP_PMTUDISC_INTERFACE && sk.pmtudisc !== IP_PMTUDISC_OMIT;
export const ipDontFragment = (sk: InetSock, dst: DstEntry): boolean =>
  sk.pmtudisc === IP_PMTUDISC_DO || (sk.pmtudisc === IP_PMTUDISC_WANT && !dst.rtMtuLocked);

/** ip_setup_cork: what all the pieces of this datagram have in common. */
export function ipSetupCork(sk: InetSock, cork: InetCork, dst: DstEntry, tsflags = 0): number {
  cork.fragsize = ipSkUsePmtu(sk) ? dstMtu(sk.net, dst) : Math.min(dst.dev.mtu, IP_MAX_MTU);
  if (cork.fragsize < 68) return -ENETUNREACH;
  cork.dst = dst;
  cork.tsflags = tsflags;
  cork.icmpType = -1;
  cork.length = 0;
  cork.active = true;
  return 0;
}

/** Where the data of a datagram comes from: copies `length` bytes from `offset` to `to`. False: EFAULT. */
export type GetFrag = (from: unknown, to: Uint8Array, at: number, offset: number, length: number) => boolean;

/** __ip_append_data: adds data to the queue, cut where the path would cut it. `transhdrlen` bytes of the first packet's
 * start are left for the transport header and count in `length`. */
export function ipAppendData(
  sk: InetSock,
  queue: SkBuffHead,
  cork: InetCork,
  getfrag: GetFrag,
  from: unknown,
  length: number,
  transhdrlen: number,
  flags: number,
): number {
  const { net } = sk;
  const dst = cork.dst!;
  const { dev } = dst;
  const hasSg = (dev.features & NETIF_F_SG) !== 0;
  const mtu = cork.gsoSize !== 0 ? IP_MAX_MTU : cork.fragsize;
  const paged = cork.gsoSize !== 0;
  const hhLen = llReservedSpace(dev);
  const optlen = cork.opt === null ? 0 : cork.opt.optlen;
  const fragheaderlen = IPHDR_LEN + optlen;
  const maxfraglen = ((mtu - fragheaderlen) & ~7) + fragheaderlen;
  const maxnonfragsize = ipSkIgnoreDf(sk) ? IP_MAX_MTU : mtu;
  if (cork.length + length > maxnonfragsize - fragheaderlen) {
    hooks.localError(sk, EMSGSIZE, cork.daddr, sk.dport, mtu - optlen);
    return -EMSGSIZE;
  }
  let csummode = CHECKSUM_NONE;
  if (
    transhdrlen > 0 &&
    length + fragheaderlen <= mtu &&
    dev.features & NETIF_F_HW_CSUM &&
    (!(flags & MSG_MORE) || cork.gsoSize !== 0)
  )
    csummode = CHECKSUM_PARTIAL;
  cork.length += length;
  const { tskey } = sk;
  /** Nothing of this call counts, and the number it took for its timestamps is given back. */
  const lost = (error: number): number => {
    cork.length -= length;
    sk.tskey = tskey;
    net.mib.ip[mib.IP_OUTDISCARDS]!++;
    return error;
  };
  let offset = 0;
  let skb = queue.last;
  // An empty datagram is a packet too.
  while (length > 0 || skb === null) {
    let copy = -1;
    if (skb !== null) {
      copy = mtu - skb.len;
      if (copy < length) copy = maxfraglen - skb.len;
    }
    if (skb === null || copy <= 0) {
      const prev: SkBuff | null = skb;
      const fraggap = prev === null ? 0 : prev.len - maxfraglen;
      let datalen = length + fraggap;
      if (datalen > mtu - fragheaderlen) datalen = maxfraglen - fragheaderlen;
      const fraglen = datalen + fragheaderlen;
      const extra = hhLen + 15;
      let alloclen: number;
      let pagedlen = 0;
      if (flags & MSG_MORE && !hasSg) alloclen = mtu;
      else if (!paged && (fraglen + extra < SKB_MAX_ALLOC || !hasSg)) alloclen = fraglen;
      else {
        alloclen = fragheaderlen + transhdrlen;
        pagedlen = datalen - transhdrlen;
      }
      alloclen += extra;
      // More may follow under a cork: real room for it now, though Linux would take pages then.
      const room = flags & MSG_MORE ? Math.max(alloclen + pagedlen, Math.min(mtu, 4096) + extra) : alloclen + pagedlen;
      let made: SkBuff;
      if (transhdrlen > 0) {
        const got = sockAllocSendSkb(sk, room);
        if (typeof got === 'number') return lost(got);
        made = got;
        recharge(sk, made, headTruesize(alloclen) + pagedlen);
      } else {
        if (sk.wmemAlloc > 2 * sk.sndbuf) return lost(-ENOBUFS);
        made = allocSkb(room);
        made.truesize = headTruesize(alloclen) + pagedlen;
        skbSetOwnerW(made, sk);
      }
      made.ipSummed = csummode;
      skbReserve(made, hhLen);
      const data = skbPut(made, fraglen) + fragheaderlen;
      made.networkHeader = made.data;
      made.transportHeader = data;
      if (fraggap > 0) {
        // The last piece was filled beyond a multiple of 8: what is too much moves over.
        copyBytes(made.head, data + transhdrlen, prev!.head, prev!.data + maxfraglen, fraggap);
        prev!.tail -= fraggap;
        prev!.len -= fraggap;
      }
      copy = datalen - transhdrlen - fraggap;
      if (copy < 0) {
        consumeSkb(made);
        return lost(-EINVAL);
      }
      if (copy > 0 && !getfrag(from, made.head, data + transhdrlen + fraggap, offset, copy)) {
        consumeSkb(made);
        return lost(-EFAULT);
      }
      offset += copy;
      length -= copy + transhdrlen;
      transhdrlen = 0;
      csummode = CHECKSUM_NONE;
      if (flags & MSG_CONFIRM && prev === null) sk.dstPendingConfirm = true;
      // Of a datagram in fragments the first is told of.
      if (prev === null && cork.tsflags !== 0) skbSetupTxTimestamp(sk, made, cork.tsflags);
      skbQueueTail(queue, made);
      skb = made;
      continue;
    }
    if (copy > length) copy = length;
    // More data into the packet that is there.
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

function recharge(sk: Sock, skb: SkBuff, truesize: number): void {
  sk.wmemAlloc += truesize - skb.truesize;
  skb.truesize = truesize;
}

/** Room for a whole packet behind what is there. */
function growTail(net: Net, skb: SkBuff, mtu: number): void {
  const made = allocSkb(skb.data + mtu + 16);
  copyBytes(made.head, 0, skb.head, 0, skb.tail);
  net.copies.within++;
  const old = skb.buf;
  skb.buf = made.buf;
  skb.head = made.head;
  skb.end = made.end;
  made.buf = old;
  consumeSkb(made);
}

/** __ip_make_skb: one packet of all that was queued, with its IP header. Null where nothing was. */
export function ipMakeSkb(sk: InetSock, queue: SkBuffHead, cork: InetCork, protocol: number): SkBuff | null {
  const { net } = sk;
  const skb = skbDequeue(queue);
  if (skb === null) return null;
  const dst = cork.dst!;
  let last: SkBuff | null = null;
  for (let next = skbDequeue(queue); next !== null; next = skbDequeue(queue)) {
    // Behind the first, a piece is its payload alone; its header's room stays in front for the fragment's.
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
  skb.ignoreDf = ipSkIgnoreDf(sk);
  let df = 0;
  if (
    sk.pmtudisc === IP_PMTUDISC_DO ||
    sk.pmtudisc === IP_PMTUDISC_PROBE ||
    (skb.len <= dstMtu(net, dst) && ipDontFragment(sk, dst))
  )
    df = IP_DF;
  let ttl = cork.ttl;
  if (ttl === 0) ttl = dst.rtType === RTN_MULTICAST ? sk.mcTtl : ipSelectTtl(net, sk, dst);
  const at = skb.networkHeader;
  const { head } = skb;
  head[at] = 0x45;
  head[at + IPH_TOS] = cork.tos !== -1 ? cork.tos : sk.tos;
  putBe16(head, at + IPH_FRAG_OFF, df);
  head[at + IPH_TTL] = ttl;
  head[at + IPH_PROTOCOL] = protocol;
  putBe32(head, at + IPH_SADDR, cork.saddr);
  putBe32(head, at + IPH_DADDR, cork.daddr);
  ipSelectIdent(net, head, at, sk, skb.ignoreDf, cork.saddr, cork.daddr);
  skb.priority = cork.priority;
  skb.mark = cork.mark;
  skb.dst = dst;
  skb.dev = dst.dev;
  if (cork.opt !== null) {
    head[at] = 0x45 + (cork.opt.optlen >>> 2);
    ipOptionsBuild(net, skb, cork.opt, cork.addr, dst);
  }
  if (protocol === IPPROTO_ICMP && !sk.hdrincl)
    hooks.icmpOutCount(net, cork.icmpType < 0 ? head[skb.transportHeader]! : cork.icmpType);
  cork.active = false;
  cork.dst = null;
  cork.opt = null;
  if (net.tracer !== null) net.tracer.enter(net, '__ip_make_skb', skb);
  return skb;
}

export function ipSelectTtl(net: Net, sk: InetSock, dst: DstEntry): number {
  if (sk.ucTtl >= 0) return sk.ucTtl;
  return dst.metricHoplimit !== 0 ? dst.metricHoplimit : ipv4Sysctl(net).defaultTtl;
}

/** ip_flush_pending_frames */
export function ipFlushPendingFrames(sk: InetSock): void {
  skbQueuePurge(sk.writeQueue);
  sk.cork.active = false;
  sk.cork.dst = null;
  sk.cork.opt = null;
}

/** ip_push_pending_frames for raw sockets, ICMP and ping sockets. */
export function ipPushPendingFrames(sk: InetSock, protocol: number): number {
  const skb = ipMakeSkb(sk, sk.writeQueue, sk.cork, protocol);
  return skb === null ? 0 : ipSendSkb(sk.net, skb);
}
