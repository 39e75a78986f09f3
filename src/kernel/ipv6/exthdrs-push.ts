import { copyBytes, skbPush } from '../skbuff.ts';
import type { SkBuff } from '../structs.ts';
import { in6Copy } from './addr.ts';
import type { Flowi6, Ipv6TxOptions } from './flow.ts';

/** Extension headers put in front of a packet of ours (the sending half of net/ipv6/exthdrs.c). */

const NEXTHDR_HOP = 0;
const NEXTHDR_ROUTING = 43;
const NEXTHDR_DEST = 60;
/** Routing headers, RFC 6275 6.4 (type 2) and the obsolete type 0: type, segments left, then reserved and addresses. */
const RT_TYPE = 2;
const RT0_ADDRS = 8;
const IPV6_SRCRT_TYPE_4 = 4;

/** fl6_update_dst: with a routing header a packet is routed to its first hop. Sets `fl.daddr` to that and returns the
 * final destination (a copy), which `ip6DstLookupFlow` puts back; null where there is no routing header. */
export function fl6UpdateDst(fl: Flowi6, opt: Ipv6TxOptions | null): Uint8Array | null {
  const srcrt = opt?.srcrt;
  if (!srcrt) return null;
  const orig = in6Copy(fl.daddr);
  // Type 4 (segment routing) names its segments in reverse order.
  const at = srcrt[RT_TYPE] === IPV6_SRCRT_TYPE_4 ? RT0_ADDRS + srcrt[4]! * 16 : RT0_ADDRS;
  fl.daddr.set(srcrt.subarray(at, at + 16));
  return orig;
}

function push(skb: SkBuff, proto: number, header: Uint8Array): void {
  const at = skbPush(skb, header.length);
  copyBytes(skb.head, at, header, 0, header.length);
  skb.head[at] = proto;
}

/** ipv6_push_frag_opts: destination options for the last destination. Returns the next header's number. */
export function ipv6PushFragOpts(skb: SkBuff, opt: Ipv6TxOptions, proto: number): number {
  if (opt.dst1opt === null) return proto;
  push(skb, proto, opt.dst1opt);
  return NEXTHDR_DEST;
}

/** ipv6_push_nfrag_opts: routing header, destination options for every hop of it, hop-by-hop options. With a routing
 * header `daddr` (the final destination) goes to its last place, and the first hop is written into `daddr`. */
export function ipv6PushNfragOpts(skb: SkBuff, opt: Ipv6TxOptions, proto: number, daddr: Uint8Array): number {
  if (opt.srcrt !== null) {
    const header = opt.srcrt.slice();
    const segments = header[1]! >>> 1;
    if (header[RT_TYPE] === IPV6_SRCRT_TYPE_4) {
      const first = in6Copy(header, RT0_ADDRS + header[4]! * 16);
      header.set(daddr, RT0_ADDRS);
      daddr.set(first);
    } else {
      const first = in6Copy(header, RT0_ADDRS);
      header.copyWithin(RT0_ADDRS, RT0_ADDRS + 16, RT0_ADDRS + segments * 16);
      header.set(daddr, RT0_ADDRS + (segments - 1) * 16);
      daddr.set(first);
    }
    push(skb, proto, header);
    proto = NEXTHDR_ROUTING;
    // RFC 8200 4.1: destination options before a routing header are for each of its hops.
    if (opt.dst0opt !== null) {
      push(skb, proto, opt.dst0opt);
      proto = NEXTHDR_DEST;
    }
  }
  if (opt.hopopt !== null) {
    push(skb, proto, opt.hopopt);
    proto = NEXTHDR_HOP;
  }
  return proto;
}
