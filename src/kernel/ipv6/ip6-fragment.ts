import { be16, be32, putBe16 } from '../../bytes/endian.ts';
import { IPPROTO_ICMPV6 } from '../../uapi/in6.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_NEXTHDR, IP6_PAYLOAD_LEN, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import { combinedEcn, ECN_ENCODING } from '../ip-fragment.ts';
import * as mib from '../mib.ts';
import { consumeSkb, copyBytes, kfreeSkb, pskbMayPull, skbCow, skbOrphan, skbTrim } from '../skbuff.ts';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Net, type NetDevice, type SkBuff } from '../structs.ts';
import { IPV6_ADDR_LINKLOCAL, IPV6_ADDR_MULTICAST, in6Key, ipv6AddrType } from './addr.ts';
import { icmpv6ParamProb } from './exthdrs.ts';
import { ipv6SkipExthdr, NEXTHDR_FRAGMENT, skippedFragOff, skippedNexthdr } from './exthdrs-core.ts';
import { ICMPV6_EXC_FRAGTIME, ICMPV6_HDR_FIELD, ICMPV6_HDR_INCOMP, ICMPV6_TIME_EXCEED } from './icmpv6.ts';
import { FRAG_HDR_LEN, FRAG_ID, FRAG_NEXTHDR, FRAG_OFF, IP6_MF } from './ip6-fragment-output.ts';
import { IP6SKB_FRAGMENTED, inet6AddProtocol, ip6DstIdev, ip6Inc, ipv6, ipv6Sysctl } from './ipv6.ts';

/** Reassembly of IPv6, RFC 8200 4.5, with RFC 5722's rule for overlaps (net/ipv6/reassembly.c, inet_fragment.c). */

const FIRST_IN = 1;
const LAST_IN = 2;
const IPV6_MAXPLEN = 65535;
const IP6_OFFSET = 0xfff8;

/** struct frag_queue: the fragments of one packet. */
interface FragQueue {
  readonly key: string;
  fragments: { skb: SkBuff; offset: number; end: number }[];
  len: number;
  meat: number;
  flags: number;
  ecn: number;
  maxSize: number;
  /** Where the first fragment names the fragment header. */
  nhoffset: number;
  iif: number;
  memory: number;
  cancel: () => void;
}

/** sizeof(struct frag_queue) of x86-64, charged beside the fragments. */
const FRAG_QUEUE_SIZE = 184;

export const FRAGS6_KEY = 26;
interface Frag6State {
  readonly queues: Map<string, FragQueue>;
  memory: number;
}
export const ip6Frags = (net: Net): Frag6State => net.gen[FRAGS6_KEY] as Frag6State;

function kill(net: Net, fq: FragQueue): void {
  const state = ip6Frags(net);
  fq.cancel();
  if (state.queues.get(fq.key) === fq) state.queues.delete(fq.key);
  state.memory -= fq.memory;
  fq.memory = 0;
}

function purge(net: Net, fq: FragQueue, why: string): void {
  for (const { skb } of fq.fragments) kfreeSkb(net, skb, why, 'ip6_frag_queue');
  fq.fragments.length = 0;
}

/** ip6frag_expire_frag_queue */
function expire(net: Net, fq: FragQueue): void {
  kill(net, fq);
  const dev = net.devices.get(fq.iif);
  if (dev !== undefined) {
    ip6Inc(net, dev.ip6, mib.IP6_REASMFAILS);
    ip6Inc(net, dev.ip6, mib.IP6_REASMTIMEOUT);
    const first = fq.fragments[0];
    // Nobody is told where the first fragment is not there: it has the ports.
    if (fq.flags & FIRST_IN && first !== undefined) {
      first.skb.dev = dev;
      ipv6(net).icmpv6Send(net, first.skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_FRAGTIME, 0);
    }
  }
  purge(net, fq, reason.FRAG_REASM_TIMEOUT);
}

/** ipv6frag_thdr_truncated, RFC 8200 4.5: a first fragment must have all headers, the transport's too. */
function headersTruncated(skb: SkBuff): boolean {
  const start = skb.networkHeader - skb.data + IPV6HDR_LEN;
  let offset = ipv6SkipExthdr(skb, start, skb.head[skb.networkHeader + IP6_NEXTHDR]!);
  if (offset < 0 || skippedFragOff & IP6_OFFSET) return false;
  switch (skippedNexthdr) {
    case 6:
      offset += 20;
      break;
    case 17:
    case IPPROTO_ICMPV6:
      offset += 8;
      break;
    default:
      offset += 1;
  }
  return offset > skb.len;
}

/** ipv6_frag_rcv: `skb.data` and `skb.transportHeader` are at the fragment header. */
function fragRcv(net: Net, skb: SkBuff): number {
  const idev = ip6DstIdev(skb);
  const opt = skb.opt6!;
  const failHdr = (): number => {
    ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    const pointer = skb.transportHeader - skb.networkHeader;
    icmpv6ParamProb(net, skb, ICMPV6_HDR_FIELD, pointer, reason.NOT_SPECIFIED);
    return -1;
  };
  if (skb.cbFlags & IP6SKB_FRAGMENTED) return failHdr();
  ip6Inc(net, idev, mib.IP6_REASMREQDS);
  const at = skb.networkHeader;
  if (be16(skb.head, at + IP6_PAYLOAD_LEN) === 0) return failHdr();
  if (!pskbMayPull(net, skb, skb.transportHeader - skb.data + FRAG_HDR_LEN)) return failHdr();
  const { head } = skb;
  const fhdr = skb.transportHeader;
  const fragOff = be16(head, fhdr + FRAG_OFF);
  if (!(fragOff & (IP6_OFFSET | IP6_MF))) {
    // RFC 6946: an atomic fragment is a packet with a header too many.
    skb.transportHeader += FRAG_HDR_LEN;
    ip6Inc(net, idev, mib.IP6_REASMOKS);
    opt.nhoff = fhdr - at;
    skb.cbFlags |= IP6SKB_FRAGMENTED;
    skb.fragMaxSize = be16(head, at + IP6_PAYLOAD_LEN) + IPV6HDR_LEN;
    return 1;
  }
  if (headersTruncated(skb)) {
    ip6Inc(net, skb.dev!.ip6, mib.IP6_INHDRERRORS);
    icmpv6ParamProb(net, skb, ICMPV6_HDR_INCOMP, 0, reason.NOT_SPECIFIED);
    return -1;
  }
  const dev = skb.dev!;
  const fq = find(net, head, at, be32(head, fhdr + FRAG_ID), dev);
  if (fq === null) {
    ip6Inc(net, idev, mib.IP6_REASMFAILS);
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ipv6_frag_rcv');
    return -1;
  }
  fq.iif = dev.ifindex;
  return queue(net, fq, skb, fhdr, fragOff);
}

function find(net: Net, head: Uint8Array, at: number, id: number, dev: NetDevice): FragQueue | null {
  const state = ip6Frags(net);
  const sysctl = ipv6Sysctl(net);
  const scoped = ipv6AddrType(head, at + IP6_DADDR) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL);
  const key = `${in6Key(head, at + IP6_SADDR)}${in6Key(head, at + IP6_DADDR)}${id}.${scoped ? dev.ifindex : 0}`;
  // Also for what would complete a datagram (inet_frag_find).
  if (sysctl.ip6fragHighThresh === 0 || state.memory > sysctl.ip6fragHighThresh) return null;
  const found = state.queues.get(key);
  if (found !== undefined) return found;
  state.memory += FRAG_QUEUE_SIZE;
  const made: FragQueue = {
    key,
    fragments: [],
    len: 0,
    meat: 0,
    flags: 0,
    ecn: 0,
    maxSize: 0,
    nhoffset: 0,
    iif: 0,
    memory: FRAG_QUEUE_SIZE,
    cancel: () => {},
  };
  made.cancel = net.clock.after(sysctl.ip6fragTime * 1e9, () => expire(net, made));
  state.queues.set(key, made);
  return made;
}

/** ip6_frag_queue */
function queue(net: Net, fq: FragQueue, skb: SkBuff, fhdr: number, fragOff: number): number {
  const state = ip6Frags(net);
  const idev = ip6DstIdev(skb);
  const { head, networkHeader: at } = skb;
  const dev = skb.dev!;
  const discard = (): number => {
    kill(net, fq);
    ip6Inc(net, idev, mib.IP6_REASMFAILS);
    purge(net, fq, reason.NOT_SPECIFIED);
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip6_frag_queue');
    return -1;
  };
  const problem = (pointer: number): number => {
    ip6Inc(net, dev.ip6, mib.IP6_INHDRERRORS);
    icmpv6ParamProb(net, skb, ICMPV6_HDR_FIELD, pointer, reason.NOT_SPECIFIED);
    return -1;
  };
  const offset = fragOff & IP6_OFFSET;
  const end = offset + be16(head, at + IP6_PAYLOAD_LEN) - (fhdr + FRAG_HDR_LEN - at - IPV6HDR_LEN);
  if (end > IPV6_MAXPLEN) return problem(fhdr + FRAG_OFF - at);
  const ecn = ECN_ENCODING[(head[at + 1]! >>> 4) & 3]!;
  if (!(fragOff & IP6_MF)) {
    if (end < fq.len || (fq.flags & LAST_IN && end !== fq.len)) return discard();
    fq.flags |= LAST_IN;
    fq.len = end;
  } else {
    if (end & 7) return problem(IP6_PAYLOAD_LEN);
    if (end > fq.len) {
      if (fq.flags & LAST_IN) return discard();
      fq.len = end;
    }
  }
  if (end === offset) return discard();
  const pull = fhdr + FRAG_HDR_LEN - skb.data;
  if (!pskbMayPull(net, skb, pull)) return discard();
  skb.data += pull;
  skb.len -= pull;
  if (skb.len > end - offset) skbTrim(net, skb, end - offset);
  const list = fq.fragments;
  let index = list.length;
  while (index > 0 && list[index - 1]!.offset > offset) index--;
  const before = list[index - 1];
  const after = list[index];
  const overlapsBefore = before !== undefined && before.end > offset;
  if (overlapsBefore || (after !== undefined && after.offset < end)) {
    // inet_frag_queue_insert: inside one run that is there it is a duplicate; anything else ends the packet.
    const from = overlapsBefore ? index - 1 : index;
    let covered = list[from]!.end;
    for (let i = from + 1; i < list.length && list[i]!.offset === covered; i++) covered = list[i]!.end;
    if (list[from]!.offset <= offset && end <= covered) {
      kfreeSkb(net, skb, reason.DUP_FRAG, 'ip6_frag_queue');
      return -1;
    }
    return discard();
  }
  list.splice(index, 0, { skb, offset, end });
  fq.iif = dev.ifindex;
  fq.meat += skb.len;
  fq.ecn |= ecn;
  fq.memory += skb.truesize;
  state.memory += skb.truesize;
  const fragsize = skb.data - at + skb.len;
  if (fragsize > fq.maxSize) fq.maxSize = fragsize;
  if (offset === 0) {
    fq.nhoffset = skb.opt6!.nhoff;
    fq.flags |= FIRST_IN;
  }
  if (fq.flags === (FIRST_IN | LAST_IN) && fq.meat === fq.len) return reassemble(net, fq, skb, dev);
  skb.dst = null;
  skb.dev = null;
  skbOrphan(skb);
  return -1;
}

/** ip6_frag_reasm: the whole is in the first fragment's buffer; delivery goes on with that. */
function reassemble(net: Net, fq: FragQueue, last: SkBuff, dev: NetDevice): number {
  kill(net, fq);
  const ecn = combinedEcn(fq.ecn);
  const first = fq.fragments[0]!.skb;
  const headers = first.data - first.networkHeader;
  const payload = headers - IPV6HDR_LEN + fq.len - FRAG_HDR_LEN;
  if (ecn === 0xff || payload > IPV6_MAXPLEN) {
    ip6Inc(net, dev.ip6, mib.IP6_REASMFAILS);
    purge(net, fq, reason.NOT_SPECIFIED);
    return -1;
  }
  if (first.buf.refs > 1) skbCow(net, first, first.data);
  const { dst } = last;
  let tail: SkBuff | null = null;
  let summed = first.ipSummed;
  for (let i = 1; i < fq.fragments.length; i++) {
    const { skb } = fq.fragments[i]!;
    if (skb.ipSummed !== summed) summed = CHECKSUM_NONE;
    if (tail === null && skb.dataLen === 0 && skb.len <= first.end - first.tail) {
      copyBytes(first.head, first.tail, skb.head, skb.data, skb.len);
      net.copies.within++;
      first.tail += skb.len;
      first.len += skb.len;
      consumeSkb(skb);
      continue;
    }
    if (tail === null) first.fragList = skb;
    else tail.next = skb;
    skb.next = null;
    tail = skb;
    first.len += skb.len;
    first.dataLen += skb.len;
    first.truesize += skb.truesize;
    skb.dst = null;
  }
  first.ipSummed = summed === CHECKSUM_UNNECESSARY ? summed : CHECKSUM_NONE;
  fq.fragments.length = 0;
  // The fragment header goes: what is before it moves up against what is behind it.
  const { head } = first;
  const at = first.networkHeader;
  head[at + fq.nhoffset] = head[first.transportHeader + FRAG_NEXTHDR]!;
  head.copyWithin(first.macHeader + FRAG_HDR_LEN, first.macHeader, first.data - FRAG_HDR_LEN);
  first.macHeader += FRAG_HDR_LEN;
  first.networkHeader += FRAG_HDR_LEN;
  first.transportHeader = first.data;
  const base = first.networkHeader;
  putBe16(head, base + IP6_PAYLOAD_LEN, payload);
  head[base + 1]! |= ecn << 4;
  first.dev = dev;
  first.dst = dst;
  first.cbFlags |= IP6SKB_FRAGMENTED;
  first.fragMaxSize = fq.maxSize;
  first.opt6!.nhoff = fq.nhoffset;
  ip6Inc(net, dev.ip6, mib.IP6_REASMOKS);
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_frag_reasm', first);
  ipv6(net).reassembled = first;
  return 1;
}

export function ip6fragInit(net: Net): void {
  net.gen[FRAGS6_KEY] = { queues: new Map(), memory: 0 } satisfies Frag6State;
  inet6AddProtocol(net, { handler: fragRcv }, NEXTHDR_FRAGMENT);
}
