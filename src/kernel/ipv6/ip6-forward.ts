import { EINVAL, EMSGSIZE, ETIMEDOUT } from '../../uapi/errno.ts';
import { PACKET_HOST } from '../../uapi/if_packet.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_SADDR } from '../headers.ts';
import * as mib from '../mib.ts';
import { NF_INET_FORWARD, nfHook } from '../netfilter.ts';
import { inetPeerXrlimAllow } from '../route.ts';
import { kfreeSkb, llReservedSpace, skbCow } from '../skbuff.ts';
import type { Net, SkBuff } from '../structs.ts';
import {
  IPV6_ADDR_ANY,
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MULTICAST,
  in6Copy,
  ipv6AddrType,
} from './addr.ts';
import {
  ICMPV6_DEST_UNREACH,
  ICMPV6_EXC_HOPLIMIT,
  ICMPV6_PKT_TOOBIG,
  ICMPV6_TIME_EXCEED,
  icmpv6Send,
  peerOf,
} from './icmpv6.ts';
import { RTF_GATEWAY } from './ip6-fib.ts';
import { IP6SKB_FORWARDED, IP6SKB_ROUTERALERT, ip6DstIdev, ip6Inc, ipv6 } from './ipv6.ts';
import { ndiscSendRedirect } from './nd-send.ts';
import { dst6MtuForward } from './route6.ts';

/** Forwarding of IPv6 (ip6_forward of net/ipv6/ip6_output.c). */

const ICMPV6_NOT_NEIGHBOUR = 2;

/** ip6_pkt_too_big */
const pktTooBig = (skb: SkBuff, mtu: number): boolean => {
  if (skb.len <= mtu) return false;
  if (skb.fragMaxSize > mtu) return true;
  return !skb.ignoreDf;
};

export function ip6Forward(net: Net, skb: SkBuff): number {
  const dst = skb.dst!;
  const { head, networkHeader: at } = skb;
  const idev = net.devices.get(skb.opt6!.iif)?.ip6 ?? null;
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_forward', skb);
  const lost = (why: string): number => {
    kfreeSkb(net, skb, why, 'ip6_forward');
    return -EINVAL;
  };
  const error = (): number => {
    ip6Inc(net, idev, mib.IP6_INADDRERRORS);
    return lost(reason.IP_INADDRERRORS);
  };
  const { all } = ipv6(net);
  if (all.forwarding === 0 && (idev === null || idev.cnf.forceForwarding === 0)) return error();
  if (skb.pktType !== PACKET_HOST || skb.sk !== null) return lost(reason.NOT_SPECIFIED);
  if (skb.cbFlags & IP6SKB_ROUTERALERT && ipv6(net).callRaChain(net, skb, skb.opt6!.ra)) return 0;
  if (head[at + IP6_HOP_LIMIT]! <= 1) {
    icmpv6Send(net, skb, ICMPV6_TIME_EXCEED, ICMPV6_EXC_HOPLIMIT, 0);
    ip6Inc(net, idev, mib.IP6_INHDRERRORS);
    kfreeSkb(net, skb, reason.IP_INHDR, 'ip6_forward');
    return -ETIMEDOUT;
  }
  const { dev } = dst;
  if (skb.opt6!.iif === dev.ifindex && skb.opt6!.srcrt === 0) {
    // It goes back where it came from: the sender has a better way.
    const daddr = in6Copy(head, at + IP6_DADDR);
    const target = dst.rtFlags & RTF_GATEWAY ? dst.gw6! : daddr;
    if (inetPeerXrlimAllow(net, peerOf(net, daddr), 1e9)) ndiscSendRedirect(net, skb, target);
  } else {
    const type = ipv6AddrType(head, at + IP6_SADDR);
    if (type === IPV6_ADDR_ANY || type & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LOOPBACK)) return error();
    if (type & IPV6_ADDR_LINKLOCAL) {
      icmpv6Send(net, skb, ICMPV6_DEST_UNREACH, ICMPV6_NOT_NEIGHBOUR, 0);
      return error();
    }
  }
  ip6Inc(net, ip6DstIdev(skb), mib.IP6_OUTFORWDATAGRAMS);
  const mtu = dst6MtuForward(dst);
  if (pktTooBig(skb, mtu)) {
    // The address of the device that it does not fit is the source.
    skb.dev = dev;
    icmpv6Send(net, skb, ICMPV6_PKT_TOOBIG, 0, mtu);
    ip6Inc(net, idev, mib.IP6_INTOOBIGERRORS);
    ip6Inc(net, ip6DstIdev(skb), mib.IP6_FRAGFAILS);
    kfreeSkb(net, skb, reason.PKT_TOO_BIG, 'ip6_forward');
    return -EMSGSIZE;
  }
  skbCow(net, skb, llReservedSpace(dev));
  skb.head[skb.networkHeader + IP6_HOP_LIMIT]!--;
  skb.cbFlags |= IP6SKB_FORWARDED;
  const verdict = nfHook(net, AF_INET6, NF_INET_FORWARD, null, skb, skb.dev, dev);
  if (verdict !== 1) return verdict;
  skb.tstampSec = 0;
  skb.tstampNsec = 0;
  return dst.output(net, null, skb);
}
