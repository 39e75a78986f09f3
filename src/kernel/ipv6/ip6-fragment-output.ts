import { putBe16, putBe32 } from '../../bytes/endian.ts';
import { EINVAL, EMSGSIZE } from '../../uapi/errno.ts';
import * as reason from '../drop-reason.ts';
import { IP6_NEXTHDR, IP6_PAYLOAD_LEN, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import * as mib from '../mib.ts';
import {
  allocSkb,
  consumeSkb,
  copyBytes,
  kfreeSkb,
  llReservedSpace,
  skbChecksumHelp,
  skbCopyBits,
  skbCow,
  skbPush,
  skbPut,
  skbReserve,
  skbSetOwnerW,
  sockWfree,
} from '../skbuff.ts';
import { CHECKSUM_NONE, CHECKSUM_PARTIAL, type Net, type SkBuff, type Sock } from '../structs.ts';
import { ip6DstIdev, ip6Inc, ipv6 } from './ipv6.ts';
import { IPV6_MIN_MTU } from './route6.ts';

/** Cutting packets of ours to what the path takes, RFC 8200 4.5 (ip6_fragment of net/ipv6/ip6_output.c). */

export const NEXTHDR_FRAGMENT = 44;
export const FRAG_NEXTHDR = 0;
export const FRAG_OFF = 2;
export const FRAG_ID = 4;
export const FRAG_HDR_LEN = 8;
export const IP6_MF = 1;
const IPV6_MAXPLEN = 65535;
const ICMPV6_PKT_TOOBIG = 2;

/** Sends one fragment. */
export type Frag6Output = (net: Net, sk: Sock | null, skb: SkBuff) => number;

/** Where the next-header byte lies that `ip6Find1stfragopt` found last. */
export let prevhdrAt = 0;
/** ip6_find_1stfragopt: offset from the network header at which the part that may be fragmented begins; -EINVAL where
 * the headers do not end. */
export function ip6Find1stfragopt(skb: SkBuff): number {
  const { head, networkHeader: at } = skb;
  const length = skb.tail - at;
  let offset = IPV6HDR_LEN;
  let foundRouting = false;
  prevhdrAt = at + IP6_NEXTHDR;
  while (offset <= length) {
    switch (head[prevhdrAt]) {
      case 0:
        break;
      case 43:
        foundRouting = true;
        break;
      case 60:
        if (foundRouting) return offset;
        break;
      default:
        return offset;
    }
    if (offset + 2 > length) return -EINVAL;
    prevhdrAt = at + offset;
    offset += (head[at + offset + 1]! + 1) << 3;
    if (offset > IPV6_MAXPLEN) return -EINVAL;
  }
  return -EINVAL;
}

/** ipv6_select_ident: never 0. */
export function ipv6SelectIdent(net: Net): number {
  for (;;) {
    const id = net.random() >>> 0;
    if (id !== 0) return id;
  }
}

interface Cut {
  hlen: number;
  /** Offset of the byte that names the fragment header, from the network header. */
  prevhdr: number;
  nexthdr: number;
  id: number;
}

export function ip6Fragment(net: Net, sk: Sock | null, skb: SkBuff, limit: number, output: Frag6Output): number {
  const idev = ip6DstIdev(skb);
  const fail = (error: number, why: string): number => {
    ip6Inc(net, idev, mib.IP6_FRAGFAILS);
    kfreeSkb(net, skb, why, 'ip6_fragment');
    return error;
  };
  let mtu = limit;
  const tooBig = (): number => {
    ipv6(net).icmpv6Send(net, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
    return fail(-EMSGSIZE, reason.PKT_TOO_BIG);
  };
  const hlen = ip6Find1stfragopt(skb);
  if (hlen < 0) return fail(hlen, reason.NOT_SPECIFIED);
  const prevhdr = prevhdrAt - skb.networkHeader;
  if (!skb.ignoreDf && skb.len > mtu) return tooBig();
  if (skb.fragMaxSize > 0) {
    if (skb.fragMaxSize > mtu) return tooBig();
    mtu = Math.max(skb.fragMaxSize, IPV6_MIN_MTU);
  }
  const np = (skb.sk as InetSock | null)?.inet6;
  if (np && np.frag !== 0 && np.frag < mtu) mtu = np.frag;
  if (mtu < hlen + FRAG_HDR_LEN + 8) return tooBig();
  mtu -= hlen + FRAG_HDR_LEN;
  const cut: Cut = { hlen, prevhdr, nexthdr: skb.head[skb.networkHeader + prevhdr]!, id: ipv6SelectIdent(net) };
  if (skb.ipSummed === CHECKSUM_PARTIAL) skbChecksumHelp(net, skb);
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_fragment', skb, `mtu ${mtu + hlen + FRAG_HDR_LEN}`);
  const error = fitsAsBuilt(skb, hlen, mtu)
    ? fragmentFast(net, sk, skb, cut, output)
    : fragmentSlow(net, sk, skb, cut, mtu, output);
  ip6Inc(net, idev, error === 0 ? mib.IP6_FRAGOKS : mib.IP6_FRAGFAILS);
  return error;
}

/** What was built in pieces of the right size goes out in them, without a copy. */
function fitsAsBuilt(skb: SkBuff, hlen: number, mtu: number): boolean {
  if (skb.fragList === null) return false;
  const room = llReservedSpace(skb.dst!.dev);
  const first = skb.len - skb.dataLen - hlen;
  if (first > mtu || (first & 7) !== 0 || skb.buf.refs > 1 || skb.data < room + FRAG_HDR_LEN) return false;
  for (let piece: SkBuff | null = skb.fragList; piece !== null; piece = piece.next)
    if (
      piece.len > mtu ||
      ((piece.len & 7) !== 0 && piece.next !== null) ||
      piece.data < hlen + room + FRAG_HDR_LEN ||
      piece.users > 1
    )
      return false;
  return true;
}

function putFragmentHeader(head: Uint8Array, at: number, cut: Cut, offset: number): void {
  head[at + FRAG_NEXTHDR] = cut.nexthdr;
  head[at + 1] = 0;
  putBe16(head, at + FRAG_OFF, offset);
  putBe32(head, at + FRAG_ID, cut.id);
}

function copyMetadata(to: SkBuff, from: SkBuff): void {
  to.pktType = from.pktType;
  to.priority = from.priority;
  to.protocol = from.protocol;
  to.dst = from.dst;
  to.dev = from.dev;
  to.mark = from.mark;
  to.hash = from.hash;
  to.cbFlags = from.cbFlags;
  to.opt6 = from.opt6;
}

function fragmentSlow(net: Net, sk: Sock | null, skb: SkBuff, cut: Cut, mtu: number, output: Frag6Output): number {
  const { hlen } = cut;
  const at = skb.networkHeader;
  const idev = ip6DstIdev(skb);
  const total = skb.len - hlen;
  const room = llReservedSpace(skb.dst!.dev);
  let offset = 0;
  while (offset < total) {
    let length = Math.min(total - offset, mtu);
    if (length < total - offset) length &= ~7;
    const made = allocSkb(room + hlen + FRAG_HDR_LEN + length);
    copyMetadata(made, skb);
    skbReserve(made, room);
    const start = skbPut(made, hlen + FRAG_HDR_LEN + length);
    made.networkHeader = start;
    made.transportHeader = start + hlen + FRAG_HDR_LEN;
    if (skb.sk !== null) skbSetOwnerW(made, skb.sk);
    copyBytes(made.head, start, skb.head, at, hlen);
    made.head[start + cut.prevhdr] = NEXTHDR_FRAGMENT;
    skbCopyBits(skb, hlen + offset, made.head, made.transportHeader, length);
    net.copies.within++;
    const more = offset + length < total ? IP6_MF : 0;
    putFragmentHeader(made.head, start + hlen, cut, offset | more);
    putBe16(made.head, start + IP6_PAYLOAD_LEN, made.len - IPV6HDR_LEN);
    offset += length;
    const error = output(net, sk, made);
    if (error !== 0) {
      kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip6_fragment');
      return error;
    }
    ip6Inc(net, idev, mib.IP6_FRAGCREATES);
  }
  consumeSkb(skb);
  return 0;
}

function fragmentFast(net: Net, sk: Sock | null, skb: SkBuff, cut: Cut, output: Frag6Output): number {
  const { hlen } = cut;
  const idev = ip6DstIdev(skb);
  let piece = skb.fragList;
  const owner = skb.sk;
  for (let each = piece; each !== null; each = each.next) skb.truesize -= each.truesize;
  const firstLen = skb.len - skb.dataLen;
  skb.fragList = null;
  skb.len = firstLen;
  skb.dataLen = 0;
  skbCow(net, skb, skb.data);
  const header = skb.head.slice(skb.networkHeader, skb.networkHeader + hlen);
  header[cut.prevhdr] = NEXTHDR_FRAGMENT;
  const at = skbPush(skb, FRAG_HDR_LEN);
  copyBytes(skb.head, at, header, 0, hlen);
  skb.networkHeader = at;
  putFragmentHeader(skb.head, at + hlen, cut, IP6_MF);
  putBe16(skb.head, at + IP6_PAYLOAD_LEN, skb.len - IPV6HDR_LEN);
  let offset = firstLen - hlen;
  let current: SkBuff = skb;
  for (;;) {
    const next: SkBuff | null = piece;
    if (next !== null) {
      piece = next.next;
      next.next = null;
      const payload = next.len;
      next.ipSummed = CHECKSUM_NONE;
      next.transportHeader = next.data;
      const start = skbPush(next, hlen + FRAG_HDR_LEN);
      next.networkHeader = start;
      copyBytes(next.head, start, header, 0, hlen);
      putFragmentHeader(next.head, start + hlen, cut, offset | (piece !== null ? IP6_MF : 0));
      putBe16(next.head, start + IP6_PAYLOAD_LEN, next.len - IPV6HDR_LEN);
      offset += payload;
      copyMetadata(next, current);
      if (owner !== null) {
        // Its memory is charged already, as part of the first piece's (ip6MakeSkb).
        next.sk = owner;
        next.destructor = sockWfree;
      }
    }
    const error = output(net, sk, current);
    if (error === 0) ip6Inc(net, idev, mib.IP6_FRAGCREATES);
    if (error !== 0 || next === null) {
      if (next !== null) consumeSkb(next);
      while (piece !== null) {
        const after: SkBuff | null = piece.next;
        piece.next = null;
        if (owner !== null) {
          piece.sk = owner;
          piece.destructor = sockWfree;
        }
        consumeSkb(piece);
        piece = after;
      }
      return error;
    }
    current = next;
  }
}
