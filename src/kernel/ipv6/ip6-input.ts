import { be16 } from '../../bytes/endian.ts';
import { IFF_LOOPBACK } from '../../uapi/if.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { PACKET_BROADCAST, PACKET_LOOPBACK, PACKET_MULTICAST, PACKET_OTHERHOST } from '../../uapi/if_packet.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import { devAddPack } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_NEXTHDR, IP6_PAYLOAD_LEN, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import * as mib from '../mib.ts';
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, nfHook } from '../netfilter.ts';
import { consumeSkb, kfreeSkb, pskbMayPull, pskbTrimRcsum, skbOrphan, skbShareCheck } from '../skbuff.ts';
import type { Net, PacketType, SkBuff } from '../structs.ts';
import { ipv6AddrIsMulticast, ipv6AddrLoopback, ipv6AddrMcScope } from './addr.ts';
import { ipv6ParseHopopts } from './exthdrs.ts';
import { NEXTHDR_HOP } from './exthdrs-core.ts';
import { ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR } from './icmpv6.ts';
import { ip6DstIdev, ip6Inc, ip6Upd, ipv6 } from './ipv6.ts';
import { ipv6ChkMcastAddr, ipv6IsMld } from './mcast6.ts';
import { ip6RouteInput } from './route6.ts';

/** IPv6 input (net/ipv6/ip6_input.c): the header checked, the route found, extension headers and transport called. */

const ipv6Rcv: PacketType['func'] = (skb, dev) => {
  const { net } = dev;
  if (net.tracer !== null) net.tracer.enter(net, 'ipv6_rcv', skb);
  if (skb.pktType === PACKET_OTHERHOST) {
    kfreeSkb(net, skb, reason.OTHERHOST, 'ip6_rcv_core');
    return 0;
  }
  const idev = dev.ip6;
  ip6Upd(net, idev, mib.IP6_INRECEIVES, mib.IP6_INOCTETS, skb.len);
  if (skb.users > 1) skb = skbShareCheck(skb);
  if (idev === null || idev.cnf.disableIpv6 !== 0) {
    ip6Inc(net, idev, mib.IP6_INDISCARDS);
    kfreeSkb(net, skb, idev === null ? reason.NOT_SPECIFIED : reason.IPV6DISABLED, 'ip6_rcv_core');
    return 1;
  }
  const bad = (why: string = reason.IP_INHDR): number => {
    ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    kfreeSkb(net, skb, why, 'ip6_rcv_core');
    return 1;
  };
  // What we send to ourselves counts as received by the device whose address it is for.
  const iif = skb.dst?.idev6 ? skb.dst.idev6.dev.ifindex : dev.ifindex;
  skb.cbFlags = 0;
  skb.fragMaxSize = 0;
  skb.iif = iif;
  skb.opt = null;
  skb.opt6 = { iif, ra: 0, dst0: 0, srcrt: 0, dst1: 0, lasthop: 0, nhoff: IP6_NEXTHDR, hop: 0 };
  if (!pskbMayPull(net, skb, IPV6HDR_LEN)) return bad();
  const { head } = skb;
  const at = skb.data;
  if (head[at]! >>> 4 !== 6) return bad(reason.UNHANDLED_PROTO);
  ip6Inc(net, idev, mib.IP6_NOECTPKTS + ((head[at + 1]! >>> 4) & 3));
  const loop = (dev.flags & IFF_LOOPBACK) !== 0;
  // RFC 4291 2.5.3: the loopback address never crosses a wire.
  if (!loop && (ipv6AddrLoopback(head, at + IP6_SADDR) || ipv6AddrLoopback(head, at + IP6_DADDR))) return bad();
  if (ipv6AddrIsMulticast(head, at + IP6_DADDR)) {
    const scope = ipv6AddrMcScope(head, at + IP6_DADDR);
    // RFC 4291 2.7: neither does scope 1; scope 0 is reserved.
    if (scope === 0 || (scope === 1 && !loop && skb.pktType !== PACKET_LOOPBACK)) return bad();
  } else if (
    (skb.pktType === PACKET_BROADCAST || skb.pktType === PACKET_MULTICAST) &&
    idev.cnf.dropUnicastInL2Multicast !== 0
  )
    return bad(reason.UNICAST_IN_L2_MULTICAST);
  if (ipv6AddrIsMulticast(head, at + IP6_SADDR)) return bad();
  skb.networkHeader = at;
  skb.transportHeader = at + IPV6HDR_LEN;
  const length = be16(head, at + IP6_PAYLOAD_LEN);
  const nexthdr = head[at + IP6_NEXTHDR];
  // With a jumbo payload option the length is 0 here.
  if (length !== 0 || nexthdr !== NEXTHDR_HOP) {
    if (length + IPV6HDR_LEN > skb.len) {
      ip6Inc(net, idev, mib.IP6_INTRUNCATEDPKTS);
      kfreeSkb(net, skb, reason.PKT_TOO_SMALL, 'ip6_rcv_core');
      return 1;
    }
    pskbTrimRcsum(net, skb, length + IPV6HDR_LEN);
  }
  if (nexthdr === NEXTHDR_HOP && !ipv6ParseHopopts(net, skb)) {
    ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    return 1;
  }
  if (skb.destructor !== null || skb.sk !== null) skbOrphan(skb);
  const verdict = nfHook(net, AF_INET6, NF_INET_PRE_ROUTING, null, skb, dev, null);
  if (verdict !== 1) return verdict;
  if (skb.dst === null) ip6RouteInput(net, skb);
  return skb.dst!.input(net, skb);
};

/** ip6_input: a packet for us. */
export function ip6Input(net: Net, skb: SkBuff): number {
  const verdict = nfHook(net, AF_INET6, NF_INET_LOCAL_IN, null, skb, skb.dev, null);
  if (verdict !== 1) return verdict;
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_input_finish', skb);
  return ip6ProtocolDeliver(net, skb);
}

/** ip6_mc_input */
export function ip6McInput(net: Net, skb: SkBuff): number {
  const dev = skb.dev!;
  ip6Upd(net, dev.ip6, mib.IP6_INMCASTPKTS, mib.IP6_INMCASTOCTETS, skb.len);
  if (ipv6ChkMcastAddr(dev, skb.head, skb.networkHeader + IP6_DADDR, -1)) return ip6Input(net, skb);
  kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip6_mc_input');
  return 0;
}

/** ip6_protocol_deliver_rcu: header after header until one takes the packet. */
function ip6ProtocolDeliver(net: Net, skb: SkBuff): number {
  const state = ipv6(net);
  let haveFinal = false;
  let nexthdr = 0;
  let pull = true;
  for (;;) {
    const idev = ip6DstIdev(skb);
    const discard = (why: string): number => {
      ip6Inc(net, idev, mib.IP6_INDISCARDS);
      kfreeSkb(net, skb, why, 'ip6_protocol_deliver_rcu');
      return 0;
    };
    const { nhoff } = skb.opt6!;
    if (pull) {
      const by = skb.transportHeader - skb.data;
      if (!pskbMayPull(net, skb, by)) return discard(reason.NOT_SPECIFIED);
      skb.data += by;
      skb.len -= by;
      nexthdr = skb.head[skb.networkHeader + nhoff]!;
    }
    const raw = state.rawLocalDeliver(net, skb, nexthdr);
    const protocol = state.protos[nexthdr]!;
    if (protocol === null) {
      if (raw) {
        ip6Inc(net, idev, mib.IP6_INDELIVERS);
        consumeSkb(skb);
      } else {
        ip6Inc(net, idev, mib.IP6_INUNKNOWNPROTOS);
        state.icmpv6Send(net, skb, ICMPV6_PARAMPROB, ICMPV6_UNK_NEXTHDR, nhoff);
        kfreeSkb(net, skb, reason.IP_NOPROTO, 'ip6_protocol_deliver_rcu');
      }
      return 0;
    }
    if (haveFinal) {
      if (!protocol.final) return discard(reason.NOT_SPECIFIED);
    } else if (protocol.final) {
      haveFinal = true;
      const at = skb.networkHeader;
      if (
        ipv6AddrIsMulticast(skb.head, at + IP6_DADDR) &&
        !ipv6ChkMcastAddr(skb.dev!, skb.head, at + IP6_DADDR, at + IP6_SADDR) &&
        !ipv6IsMld(skb, nexthdr)
      )
        return discard(reason.IP_INADDRERRORS);
    }
    const result = protocol.handler(net, skb);
    if (result > 0) {
      if (state.reassembled !== null) {
        skb = state.reassembled;
        state.reassembled = null;
      }
      pull = !protocol.final;
      if (protocol.final) nexthdr = result;
      continue;
    }
    if (result === 0) ip6Inc(net, idev, mib.IP6_INDELIVERS);
    return 0;
  }
}

export function ip6InputInit(net: Net): void {
  devAddPack(net, {
    type: ETH_P_IPV6,
    dev: null,
    func: ipv6Rcv,
    afPacketPriv: null,
    ignoreOutgoing: false,
    idMatch: null,
  });
}
