import { be16, putBe16 } from '../bytes/endian.ts';
import { RTN_LOCAL } from '../uapi/rtnetlink.ts';
import * as reason from './drop-reason.ts';
import {
  daddrOf,
  IP_DF,
  IP_MF,
  IP_OFFSET,
  IPH_FRAG_OFF,
  IPH_ID,
  IPH_PROTOCOL,
  IPH_TOS,
  IPH_TOT_LEN,
  ihl,
  saddrOf,
} from './headers.ts';
import { IPSKB_FRAG_COMPLETE, IPSKB_FRAG_PMTU, ipSendCheck, ipv4Sysctl } from './ip-header.ts';
import { inetProtos } from './ip-input.ts';
import * as mib from './mib.ts';
import { ipRouteInput } from './route.ts';
import { consumeSkb, copyBytes, kfreeSkb, skbCow, skbOrphan, skbPull, skbTrim } from './skbuff.ts';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Net, type NetDevice, type SkBuff } from './structs.ts';

/** Reassembly of IPv4 (net/ipv4/ip_fragment.c, inet_fragment.c). */

const FIRST_IN = 1;
const LAST_IN = 2;
/** RFC 3168 5.3 (ip4_frag_ecn_table): which code points of the fragments' ECN fields go together. */
export const ECN_ENCODING = [1, 2, 4, 8];
export function combinedEcn(seen: number): number {
  switch (seen) {
    case 1 | 8:
    case 2 | 8:
    case 4 | 8:
    case 2 | 4 | 8:
    case 1 | 2 | 8:
    case 1 | 4 | 8:
    case 1 | 2 | 4 | 8:
      // CE and Not-ECT never belong to one datagram; CE with ECT is CE.
      return seen & 1 ? 0xff : 3;
    case 1 | 2:
    case 1 | 4:
    case 1 | 2 | 4:
      return 0xff;
    default:
      return 0;
  }
}

/** struct ipq: the fragments of one datagram. */
interface Ipq {
  key: string;
  /** Sorted by where they start, without gaps between neighbours of one run. */
  fragments: { skb: SkBuff; offset: number; end: number }[];
  len: number;
  meat: number;
  flags: number;
  ecn: number;
  maxSize: number;
  maxDfSize: number;
  iif: number;
  memory: number;
  cancel: () => void;
  saddr: number;
  rid: number;
  dev: NetDevice | null;
}

/** sizeof(struct ipq) of x86-64, charged beside the fragments. */
const IPQ_SIZE = 200;

export const FRAGS_KEY = 10;
interface FragState {
  readonly queues: Map<string, Ipq>;
  memory: number;
  /** Packets of one source seen, for ipfrag_max_dist. */
  readonly rids: Map<number, number>;
}
export const ipFrags = (net: Net): FragState => net.gen[FRAGS_KEY] as FragState;

function kill(net: Net, qp: Ipq): void {
  const state = ipFrags(net);
  qp.cancel();
  if (state.queues.get(qp.key) === qp) state.queues.delete(qp.key);
  state.memory -= qp.memory;
  qp.memory = 0;
}

function purge(net: Net, qp: Ipq, why: string, where = 'ip_frag_queue'): void {
  for (const { skb } of qp.fragments) kfreeSkb(net, skb, why, where);
  qp.fragments.length = 0;
}

/** ip_expire: the datagram's time is over. */
function expire(net: Net, qp: Ipq): void {
  const { ip } = net.mib;
  kill(net, qp);
  ip[mib.IP_REASMFAILS]!++;
  ip[mib.IP_REASMTIMEOUT]!++;
  const first = qp.fragments[0];
  if (qp.flags & FIRST_IN && first !== undefined) {
    const { skb } = first;
    const dev = net.devices.get(qp.iif) ?? null;
    if (dev !== null) {
      skb.dev = dev;
      const at = skb.networkHeader;
      const why = ipRouteInput(net, skb, daddrOf(skb.head, at), saddrOf(skb.head, at), skb.head[at + IPH_TOS]!, dev);
      // Only the host that the datagram was for says so (RFC 1122 3.3.2).
      if (why === '' && skb.dst !== null && skb.dst.rtType === RTN_LOCAL) {
        skb.data = skb.networkHeader;
        skb.len = skb.tail - skb.data;
        inetProtos(net).icmpSend(net, skb, 11, 1, 0);
      }
    }
  }
  purge(net, qp, reason.FRAG_REASM_TIMEOUT, 'ip_expire');
}

/** ip_frag_too_far: too many other packets of the source came between two fragments of this one. */
function tooFar(net: Net, qp: Ipq): boolean {
  const max = ipv4Sysctl(net).ipfragMaxDist;
  if (max === 0) return false;
  const { rids } = ipFrags(net);
  const end = (rids.get(qp.saddr) ?? 0) + 1;
  if (rids.size > 4096) rids.clear();
  rids.set(qp.saddr, end);
  const start = qp.rid;
  qp.rid = end;
  return qp.fragments.length > 0 && end - start > max;
}

/** Takes a fragment; gives the whole packet where it was the last one missing (ip_defrag). */
export function ipDefrag(net: Net, skb: SkBuff): SkBuff | null {
  const { ip } = net.mib;
  const state = ipFrags(net);
  const sysctl = ipv4Sysctl(net);
  ip[mib.IP_REASMREQDS]!++;
  skbOrphan(skb);
  const { head } = skb;
  const at = skb.networkHeader;
  const key = `${saddrOf(head, at)}.${daddrOf(head, at)}.${be16(head, at + IPH_ID)}.${head[at + IPH_PROTOCOL]}`;
  // Also for what would complete a datagram (inet_frag_find).
  if (sysctl.ipfragHighThresh === 0 || state.memory > sysctl.ipfragHighThresh) {
    ip[mib.IP_REASMFAILS]!++;
    kfreeSkb(net, skb, reason.NOMEM, 'ip_defrag');
    return null;
  }
  let qp = state.queues.get(key);
  if (qp === undefined) {
    state.memory += IPQ_SIZE;
    const made: Ipq = {
      key,
      fragments: [],
      len: 0,
      meat: 0,
      flags: 0,
      ecn: 0,
      maxSize: 0,
      maxDfSize: 0,
      iif: 0,
      memory: IPQ_SIZE,
      cancel: () => {},
      saddr: saddrOf(head, at),
      rid: 0,
      dev: null,
    };
    made.cancel = net.clock.after(sysctl.ipfragTime * 1e9, () => expire(net, made));
    state.queues.set(key, made);
    qp = made;
  }
  return queue(net, qp, skb);
}

function queue(net: Net, qp: Ipq, skb: SkBuff): SkBuff | null {
  const { ip, ipExt } = net.mib;
  const state = ipFrags(net);
  const discard = (why: string): null => {
    kill(net, qp);
    ip[mib.IP_REASMFAILS]!++;
    purge(net, qp, why);
    kfreeSkb(net, skb, why, 'ip_frag_queue');
    return null;
  };
  if (!(skb.cbFlags & IPSKB_FRAG_COMPLETE) && tooFar(net, qp)) {
    // ip_frag_reinit: what was there belongs to another datagram of that number.
    ip[mib.IP_REASMFAILS]!++;
    purge(net, qp, reason.FRAG_TOO_FAR);
    state.memory -= qp.memory;
    qp.memory = 0;
    qp.flags = qp.len = qp.meat = qp.ecn = qp.iif = qp.maxSize = qp.maxDfSize = 0;
    qp.cancel();
    qp.cancel = net.clock.after(ipv4Sysctl(net).ipfragTime * 1e9, () => expire(net, qp));
  }
  const at = skb.networkHeader;
  const hlen = ihl(skb.head, at);
  const fragOff = be16(skb.head, at + IPH_FRAG_OFF);
  const offset = (fragOff & IP_OFFSET) << 3;
  const ecn = ECN_ENCODING[skb.head[at + IPH_TOS]! & 3]!;
  let end = offset + skb.len - hlen;
  if (!(fragOff & IP_MF)) {
    // The last one: it says how long the whole is, and nothing may contradict it.
    if (end < qp.len || (qp.flags & LAST_IN && end !== qp.len)) return discard(reason.NOT_SPECIFIED);
    qp.flags |= LAST_IN;
    qp.len = end;
  } else {
    if (end & 7) {
      end &= ~7;
      if (skb.ipSummed !== CHECKSUM_UNNECESSARY) skb.ipSummed = CHECKSUM_NONE;
    }
    if (end > qp.len) {
      if (qp.flags & LAST_IN) return discard(reason.NOT_SPECIFIED);
      qp.len = end;
    }
  }
  if (end === offset) return discard(reason.NOT_SPECIFIED);
  // The link header and the IP header stay in front of the data.
  skbPull(skb, hlen);
  if (skb.len > end - offset) skbTrim(net, skb, end - offset);
  const list = qp.fragments;
  let index = list.length;
  while (index > 0 && list[index - 1]!.offset > offset) index--;
  const before = list[index - 1];
  const after = list[index];
  if (before !== undefined && before.end > offset) {
    // inet_frag_queue_insert: a run that holds all of it makes it a duplicate; any other overlap kills the datagram.
    let covered = before.end;
    for (let i = index; i < list.length && list[i]!.offset === covered; i++) covered = list[i]!.end;
    if (end <= covered) {
      kfreeSkb(net, skb, reason.DUP_FRAG, 'ip_frag_queue');
      return null;
    }
    ipExt[mib.IPEXT_REASMOVERLAPS]!++;
    return discard(reason.NOT_SPECIFIED);
  }
  if (after !== undefined && after.offset < end) {
    let runEnd = after.end;
    for (let i = index + 1; i < list.length && list[i]!.offset === runEnd; i++) runEnd = list[i]!.end;
    if (after.offset === offset && end <= runEnd) {
      kfreeSkb(net, skb, reason.DUP_FRAG, 'ip_frag_queue');
      return null;
    }
    ipExt[mib.IPEXT_REASMOVERLAPS]!++;
    return discard(reason.NOT_SPECIFIED);
  }
  list.splice(index, 0, { skb, offset, end });
  if (skb.dev !== null) qp.iif = skb.dev.ifindex;
  qp.dev = skb.dev;
  skb.dev = null;
  qp.meat += skb.len;
  qp.ecn |= ecn;
  qp.memory += skb.truesize;
  state.memory += skb.truesize;
  if (offset === 0) qp.flags |= FIRST_IN;
  const fragSize = skb.len + hlen;
  if (fragSize > qp.maxSize) qp.maxSize = fragSize;
  if (fragOff & IP_DF && fragSize > qp.maxDfSize) qp.maxDfSize = fragSize;
  if (qp.flags !== (FIRST_IN | LAST_IN) || qp.meat !== qp.len) {
    skb.dst = null;
    return null;
  }
  return reassemble(net, qp, skb);
}

function reassemble(net: Net, qp: Ipq, last: SkBuff): SkBuff | null {
  const { ip } = net.mib;
  kill(net, qp);
  const ecn = combinedEcn(qp.ecn);
  const first = qp.fragments[0]!.skb;
  const at = first.networkHeader;
  const hlen = ihl(first.head, at);
  const length = hlen + qp.len;
  if (ecn === 0xff || length > 65535) {
    ip[mib.IP_REASMFAILS]!++;
    purge(net, qp, reason.NOT_SPECIFIED);
    return null;
  }
  if (first.buf.refs > 1) skbCow(net, first, first.data);
  const { dst, iif } = last;
  const dev = qp.dev;
  let tail: SkBuff | null = null;
  let summed = first.ipSummed;
  for (let i = 1; i < qp.fragments.length; i++) {
    const { skb } = qp.fragments[i]!;
    if (skb.ipSummed !== summed) summed = CHECKSUM_NONE;
    // skb_try_coalesce: what fits behind the first piece is copied there, and its buffer goes.
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
    if (skb !== last) skb.dst = null;
  }
  if (summed !== CHECKSUM_UNNECESSARY) summed = CHECKSUM_NONE;
  first.ipSummed = summed;
  qp.fragments.length = 0;
  // The IP header comes back in front.
  const header = first.data - first.networkHeader;
  first.data -= header;
  first.len += header;
  first.dev = dev;
  first.dst = dst;
  first.iif = iif;
  first.transportHeader = first.networkHeader + hlen;
  const base = first.networkHeader;
  putBe16(first.head, base + IPH_TOT_LEN, length);
  first.head[base + IPH_TOS]! |= ecn;
  first.fragMaxSize = Math.max(qp.maxDfSize, qp.maxSize);
  if (qp.maxDfSize === qp.maxSize) {
    first.cbFlags |= IPSKB_FRAG_PMTU;
    putBe16(first.head, base + IPH_FRAG_OFF, IP_DF);
  } else putBe16(first.head, base + IPH_FRAG_OFF, 0);
  ipSendCheck(first.head, base);
  ip[mib.IP_REASMOKS]!++;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_frag_reasm', first);
  return first;
}

export function ipfragInit(net: Net): void {
  net.gen[FRAGS_KEY] = { queues: new Map(), memory: 0, rids: new Map() } satisfies FragState;
  inetProtos(net).defrag = ipDefrag;
}
