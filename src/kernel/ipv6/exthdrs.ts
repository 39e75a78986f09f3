import { be32 } from '../../bytes/endian.ts';
import { PACKET_HOST } from '../../uapi/if_packet.ts';
import { IPPROTO_DSTOPTS, IPPROTO_NONE, IPPROTO_ROUTING } from '../../uapi/in6.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_PAYLOAD_LEN, IPV6HDR_LEN } from '../headers.ts';
import * as mib from '../mib.ts';
import { kfreeSkb, pskbMayPull, pskbTrimRcsum } from '../skbuff.ts';
import type { Net, SkBuff } from '../structs.ts';
import { ipv6AddrIsMulticast } from './addr.ts';
import { ICMPV6_HDR_FIELD, ICMPV6_PARAMPROB, ICMPV6_UNK_OPTION } from './icmpv6.ts';
import {
  IP6SKB_HOPBYHOP,
  IP6SKB_JUMBOGRAM,
  IP6SKB_ROUTERALERT,
  inet6AddProtocol,
  ip6Inc,
  ipv6,
  ipv6Sysctl,
} from './ipv6.ts';

/** Extension headers of received packets, RFC 8200 4 (net/ipv6/exthdrs.c): hop-by-hop and destination options, routing
 * headers. Fragments are in ip6-fragment.ts. */

const IPV6_TLV_PAD1 = 0;
const IPV6_TLV_PADN = 1;
const IPV6_TLV_ROUTERALERT = 5;
const IPV6_TLV_CALIPSO = 7;
const IPV6_TLV_IOAM = 49;
const IPV6_TLV_JUMBO = 194;
const IPV6_MAXPLEN = 65535;

const IPV6_SRCRT_TYPE_3 = 3;
const IPV6_SRCRT_TYPE_4 = 4;
const RT_TYPE = 2;
const RT_SEGMENTS_LEFT = 3;

/** icmpv6_param_prob: says so, and ends the packet. */
export function icmpv6ParamProb(net: Net, skb: SkBuff, code: number, pointer: number, why: string): void {
  ipv6(net).icmpv6Send(net, skb, ICMPV6_PARAMPROB, code, pointer);
  kfreeSkb(net, skb, why, 'icmpv6_param_prob');
}

/** ip6_tlvopt_unknown: true where the option may be passed over; else the packet has ended. */
function unknownOption(net: Net, skb: SkBuff, offset: number, disallow: boolean): boolean {
  const { head, networkHeader: at } = skb;
  if (!disallow)
    switch (head[at + offset]! >>> 6) {
      case 0:
        return true;
      case 3:
        if (ipv6AddrIsMulticast(head, at + IP6_DADDR)) break;
        icmpv6ParamProb(net, skb, ICMPV6_UNK_OPTION, offset, reason.UNHANDLED_PROTO);
        return false;
      case 2:
        icmpv6ParamProb(net, skb, ICMPV6_UNK_OPTION, offset, reason.UNHANDLED_PROTO);
        return false;
    }
  kfreeSkb(net, skb, reason.UNHANDLED_PROTO, 'ip6_tlvopt_unknown');
  return false;
}

/** One option of the hop-by-hop header; false: the packet has ended. */
function hopOption(net: Net, skb: SkBuff, offset: number, disallow: boolean): boolean {
  const { head, networkHeader: at } = skb;
  const length = head[at + offset + 1]!;
  const drop = (why: string = reason.IP_INHDR): boolean => {
    kfreeSkb(net, skb, why, 'ip6_parse_tlv');
    return false;
  };
  switch (head[at + offset]) {
    case IPV6_TLV_ROUTERALERT:
      if (length !== 2) return drop();
      skb.cbFlags |= IP6SKB_ROUTERALERT;
      skb.opt6!.ra = (head[at + offset + 2]! << 8) | head[at + offset + 3]!;
      return true;
    case IPV6_TLV_JUMBO: {
      if (length !== 4 || (offset & 3) !== 2) return drop();
      const total = be32(head, at + offset + 2);
      if (total <= IPV6_MAXPLEN) {
        icmpv6ParamProb(net, skb, ICMPV6_HDR_FIELD, offset + 2, reason.IP_INHDR);
        return false;
      }
      if (head[at + IP6_PAYLOAD_LEN] !== 0 || head[at + IP6_PAYLOAD_LEN + 1] !== 0) {
        icmpv6ParamProb(net, skb, ICMPV6_HDR_FIELD, offset, reason.IP_INHDR);
        return false;
      }
      if (total > skb.len - IPV6HDR_LEN) return drop(reason.PKT_TOO_SMALL);
      pskbTrimRcsum(net, skb, total + IPV6HDR_LEN);
      skb.cbFlags |= IP6SKB_JUMBOGRAM;
      return true;
    }
    case IPV6_TLV_IOAM:
      // RFC 9486 3: aligned on 4; without ioam6_enabled it is passed over.
      return offset & 3 ? drop() : true;
    case IPV6_TLV_CALIPSO:
      // RFC 5570: no domain of interpretation is known here.
      return drop();
    default:
      return unknownOption(net, skb, offset, disallow);
  }
}

/** ip6_parse_tlv: the options of the header at `skb.transportHeader`. False: the packet has ended. */
function parseTlv(net: Net, skb: SkBuff, hopbyhop: boolean, limit: number): boolean {
  const at = skb.networkHeader;
  let length = (skb.head[skb.transportHeader + 1]! + 1) << 3;
  let offset = skb.transportHeader - at + 2;
  length -= 2;
  const disallow = limit < 0;
  const max = Math.abs(limit);
  let count = 0;
  let padding = 0;
  const bad = (): boolean => {
    kfreeSkb(net, skb, reason.IP_INHDR, 'ip6_parse_tlv');
    return false;
  };
  while (length > 0) {
    const { head } = skb;
    if (head[at + offset] === IPV6_TLV_PAD1) {
      if (++padding > 7) return bad();
      offset++;
      length--;
      continue;
    }
    if (length < 2) return bad();
    const optlen = head[at + offset + 1]! + 2;
    if (optlen > length) return bad();
    if (head[at + offset] === IPV6_TLV_PADN) {
      // RFC 4942 2.1.9.5: no more than aligns to 8, and only zeros.
      padding += optlen;
      if (padding > 7) return bad();
      for (let i = 2; i < optlen; i++) if (head[at + offset + i] !== 0) return bad();
    } else {
      if (++count > max) return bad();
      // Mobile IPv6's home address (RFC 6275 6.3) is unknown here as everything else, as in the kernel of this machine.
      if (!(hopbyhop ? hopOption : unknownOption)(net, skb, offset, disallow)) return false;
      padding = 0;
    }
    offset += optlen;
    length -= optlen;
  }
  return true;
}

/** Bytes of the options or routing header at `skb.transportHeader`; 0 where they are not all there. */
function headerLength(net: Net, skb: SkBuff): number {
  const offset = skb.transportHeader - skb.data;
  if (!pskbMayPull(net, skb, offset + 8)) return 0;
  const length = (skb.head[skb.transportHeader + 1]! + 1) << 3;
  return pskbMayPull(net, skb, offset + length) ? length : 0;
}

/** ipv6_parse_hopopts, behind the IPv6 header. False: the packet has ended. */
export function ipv6ParseHopopts(net: Net, skb: SkBuff): boolean {
  const length = headerLength(net, skb);
  if (length === 0 || length > ipv6Sysctl(net).maxHbhLength) {
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ipv6_parse_hopopts');
    return false;
  }
  skb.cbFlags |= IP6SKB_HOPBYHOP;
  if (!parseTlv(net, skb, true, ipv6Sysctl(net).maxHbhOptsNumber)) return false;
  skb.transportHeader += length;
  const opt = skb.opt6!;
  opt.nhoff = IPV6HDR_LEN;
  opt.hop = IPV6HDR_LEN;
  return true;
}

/** ipv6_destopt_rcv */
function destoptRcv(net: Net, skb: SkBuff): number {
  const idev = skb.dev!.ip6;
  const length = headerLength(net, skb);
  if (length === 0 || length > ipv6Sysctl(net).maxDstOptsLength) {
    if (length === 0) ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ipv6_destopt_rcv');
    return -1;
  }
  const opt = skb.opt6!;
  const offset = skb.transportHeader - skb.networkHeader;
  opt.lasthop = opt.dst1 = offset;
  if (!parseTlv(net, skb, false, ipv6Sysctl(net).maxDstOptsNumber)) {
    ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    return -1;
  }
  skb.transportHeader += length;
  opt.nhoff = offset;
  return 1;
}

/** ipv6_rthdr_rcv */
function rthdrRcv(net: Net, skb: SkBuff): number {
  const idev = skb.dev!.ip6;
  const lost = (counter: number): number => {
    if (counter >= 0) ip6Inc(net, idev, counter);
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ipv6_rthdr_rcv');
    return -1;
  };
  const length = headerLength(net, skb);
  if (length === 0) return lost(mib.IP6_INHDRERRORS);
  const { head, networkHeader: at, transportHeader } = skb;
  if (ipv6AddrIsMulticast(head, at + IP6_DADDR) || skb.pktType !== PACKET_HOST) return lost(mib.IP6_INADDRERRORS);
  const type = head[transportHeader + RT_TYPE];
  // Segment routing and RPL: refused unless switched on, which these kernels are built to be asked, not to do.
  if (type === IPV6_SRCRT_TYPE_4 || type === IPV6_SRCRT_TYPE_3) return lost(-1);
  if (head[transportHeader + RT_SEGMENTS_LEFT] === 0) {
    const opt = skb.opt6!;
    const offset = transportHeader - at;
    opt.lasthop = opt.srcrt = offset;
    skb.transportHeader += length;
    opt.dst0 = opt.dst1;
    opt.dst1 = 0;
    opt.nhoff = offset;
    return 1;
  }
  // RFC 5095: type 0 is unknown, and so is type 2 without Mobile IPv6, as every other one.
  ip6Inc(net, idev, mib.IP6_INHDRERRORS);
  icmpv6ParamProb(net, skb, ICMPV6_HDR_FIELD, transportHeader + RT_TYPE - at, reason.NOT_SPECIFIED);
  return -1;
}

export function exthdrsInit(net: Net): void {
  inet6AddProtocol(net, { handler: rthdrRcv }, IPPROTO_ROUTING);
  inet6AddProtocol(net, { handler: destoptRcv }, IPPROTO_DSTOPTS);
  inet6AddProtocol(
    net,
    {
      handler(_net, skb) {
        kfreeSkb(_net, skb, reason.NOT_SPECIFIED, 'dst_discard');
        return 0;
      },
    },
    IPPROTO_NONE,
  );
}
