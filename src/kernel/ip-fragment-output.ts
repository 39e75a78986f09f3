import { be16, putBe16 } from '../bytes/endian.ts';
import { EMSGSIZE } from '../uapi/errno.ts';
import * as reason from './drop-reason.ts';
import { IP_DF, IP_MF, IP_OFFSET, IPH_FRAG_OFF, IPH_TOT_LEN, ihl } from './headers.ts';
import { IPSKB_FRAG_COMPLETE, ipSendCheck } from './ip-header.ts';
import { ipOptionsFragment } from './ip-options.ts';
import * as mib from './mib.ts';
import {
  allocSkb,
  consumeSkb,
  copyBytes,
  kfreeSkb,
  llReservedSpace,
  skbChecksumHelp,
  skbCopyBits,
  skbPush,
  skbPut,
  skbReserve,
  skbSetOwnerW,
  sockWfree,
} from './skbuff.ts';
import { CHECKSUM_PARTIAL, type Net, type SkBuff } from './structs.ts';

/** Cutting IPv4 packets to what a device takes (ip_fragment of net/ipv4/ip_output.c). */

/** Sends one fragment. */
export type FragOutput = (net: Net, skb: SkBuff) => number;

/** ip_fragment: cuts, or says that it may not. */
export function ipFragment(
  net: Net,
  skb: SkBuff,
  mtu: number,
  output: FragOutput,
  tooBig: (net: Net, skb: SkBuff, mtu: number) => void,
): number {
  const at = skb.networkHeader;
  if (!(be16(skb.head, at + IPH_FRAG_OFF) & IP_DF)) return ipDoFragment(net, skb, mtu, output);
  if (!skb.ignoreDf || (skb.fragMaxSize > 0 && skb.fragMaxSize > mtu)) {
    net.mib.ip[mib.IP_FRAGFAILS]!++;
    tooBig(net, skb, mtu);
    kfreeSkb(net, skb, reason.PKT_TOO_BIG, 'ip_fragment');
    return -EMSGSIZE;
  }
  return ipDoFragment(net, skb, mtu, output);
}

function ipDoFragment(net: Net, skb: SkBuff, limit: number, output: FragOutput): number {
  const { ip } = net.mib;
  if (skb.ipSummed === CHECKSUM_PARTIAL) skbChecksumHelp(net, skb);
  const at = skb.networkHeader;
  const hlen = ihl(skb.head, at);
  let mtu = limit;
  if (skb.fragMaxSize > 0 && skb.fragMaxSize < mtu) mtu = skb.fragMaxSize;
  mtu -= hlen;
  skb.cbFlags |= IPSKB_FRAG_COMPLETE;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_do_fragment', skb, `mtu ${mtu + hlen}`);
  const fragOff = be16(skb.head, at + IPH_FRAG_OFF);
  if (skb.fragList !== null) {
    // What was built in pieces of the right size goes out in them, without a copy.
    const first = skb.len - skb.dataLen;
    let fits =
      first - hlen <= mtu && ((first - hlen) & 7) === 0 && !(fragOff & (IP_MF | IP_OFFSET)) && skb.buf.refs === 1;
    for (let piece: SkBuff | null = skb.fragList; fits && piece !== null; piece = piece.next)
      fits =
        piece.len <= mtu && ((piece.len & 7) === 0 || piece.next === null) && piece.data >= hlen && piece.users === 1;
    if (fits) return fragmentFast(net, skb, hlen, output);
  }
  const left = skb.len - hlen;
  const isLast = !(fragOff & IP_MF);
  const fragment = (offset: number, length: number): SkBuff => {
    const room = llReservedSpace(skb.dst!.dev);
    const made = allocSkb(room + hlen + length);
    made.pktType = skb.pktType;
    made.priority = skb.priority;
    made.protocol = skb.protocol;
    made.dst = skb.dst;
    made.dev = skb.dev;
    made.mark = skb.mark;
    made.cbFlags = skb.cbFlags;
    made.opt = skb.opt;
    skbReserve(made, room);
    skbPut(made, hlen + length);
    made.networkHeader = made.data;
    made.transportHeader = made.data + hlen;
    if (skb.sk !== null) skbSetOwnerW(made, skb.sk);
    copyBytes(made.head, made.data, skb.head, at, hlen);
    skbCopyBits(skb, hlen + offset, made.head, made.data + hlen, length);
    net.copies.within++;
    let off = (fragOff & IP_OFFSET) + (offset >>> 3);
    if (offset + length < left || !isLast) off |= IP_MF;
    if (fragOff & IP_DF) off |= IP_DF;
    putBe16(made.head, made.data + IPH_FRAG_OFF, off);
    putBe16(made.head, made.data + IPH_TOT_LEN, hlen + length);
    ipSendCheck(made.head, made.data);
    return made;
  };
  let offset = 0;
  let error = 0;
  while (offset < left) {
    let length = Math.min(left - offset, mtu);
    if (length < left - offset) length &= ~7;
    if (length <= 0) {
      error = -EMSGSIZE;
      break;
    }
    const made = fragment(offset, length);
    if (offset === 0 && skb.opt !== null) ipOptionsFragment(skb);
    offset += length;
    error = output(net, made);
    if (error !== 0) break;
    ip[mib.IP_FRAGCREATES]!++;
  }
  if (error === 0) {
    consumeSkb(skb);
    ip[mib.IP_FRAGOKS]!++;
    return 0;
  }
  kfreeSkb(net, skb);
  ip[mib.IP_FRAGFAILS]!++;
  return error;
}

function fragmentFast(net: Net, skb: SkBuff, hlen: number, output: FragOutput): number {
  const { ip } = net.mib;
  const { sk, dst, dev, priority, mark, protocol, cbFlags } = skb;
  let piece = skb.fragList;
  const firstLen = skb.len - skb.dataLen;
  for (let each = piece; each !== null; each = each.next) {
    skb.truesize -= each.truesize;
    if (sk === null) continue;
    // Its memory is charged already, as part of the first piece's (see ipMakeSkb).
    each.sk = sk;
    each.destructor = sockWfree;
  }
  skb.fragList = null;
  skb.len = firstLen;
  skb.dataLen = 0;
  const at = skb.networkHeader;
  putBe16(skb.head, at + IPH_TOT_LEN, firstLen);
  const keepDf = be16(skb.head, at + IPH_FRAG_OFF) & IP_DF;
  putBe16(skb.head, at + IPH_FRAG_OFF, IP_MF | keepDf);
  ipSendCheck(skb.head, at);
  // The header is kept: the first fragment is another's once it is sent.
  const header = skb.head.slice(at, at + hlen);
  const { opt } = skb;
  let offset = firstLen - hlen;
  let current: SkBuff = skb;
  let error = 0;
  let firstDone = false;
  for (;;) {
    const next: SkBuff | null = piece;
    if (next !== null) {
      piece = next.next;
      next.next = null;
      if (!firstDone && opt !== null) {
        const cover = allocSkb(hlen);
        cover.networkHeader = 0;
        cover.head.set(header, 0);
        cover.opt = opt;
        const carry = opt;
        ipOptionsFragment(cover);
        header.set(cover.head.subarray(0, hlen));
        void carry;
        consumeSkb(cover);
      }
      firstDone = true;
      const payload = next.len;
      const nat = skbPush(next, hlen);
      next.networkHeader = nat;
      next.transportHeader = nat + hlen;
      next.head.set(header, nat);
      let off = (offset >>> 3) | keepDf;
      if (piece !== null) off |= IP_MF;
      putBe16(next.head, nat + IPH_FRAG_OFF, off);
      putBe16(next.head, nat + IPH_TOT_LEN, next.len);
      ipSendCheck(next.head, nat);
      offset += payload;
      next.dst = dst;
      next.dev = dev;
      next.priority = priority;
      next.mark = mark;
      next.protocol = protocol;
      next.cbFlags = cbFlags;
    }
    error = output(net, current);
    if (error === 0) ip[mib.IP_FRAGCREATES]!++;
    if (error !== 0 || next === null) {
      if (next !== null) {
        consumeSkb(next);
        while (piece !== null) {
          const after: SkBuff | null = piece.next;
          piece.next = null;
          consumeSkb(piece);
          piece = after;
        }
      }
      break;
    }
    current = next;
  }
  if (error === 0) ip[mib.IP_FRAGOKS]!++;
  else ip[mib.IP_FRAGFAILS]!++;
  return error;
}
