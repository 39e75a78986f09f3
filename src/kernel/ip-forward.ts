import { be16, putBe16 } from '../bytes/endian.ts';
import { EACCES, EHOSTUNREACH, ENETUNREACH } from '../uapi/errno.ts';
import { PACKET_HOST } from '../uapi/if_packet.ts';
import { AF_INET } from '../uapi/socket.ts';
import * as reason from './drop-reason.ts';
import { daddrOf, IP_DF, IPH_CHECK, IPH_FRAG_OFF, IPH_TOS, IPH_TTL, saddrOf } from './headers.ts';
import { IPSKB_FORWARDED, ipSendCheck, ipv4Sysctl } from './ip-header.ts';
import { inetProtos } from './ip-input.ts';
import { ipForwardOptions } from './ip-options.ts';
import * as mib from './mib.ts';
import { NF_INET_FORWARD, nfHook } from './netfilter.ts';
import { dstMtuForward, inetPeerXrlimAllow, RTCF_DOREDIRECT, redirectAllowed } from './route.ts';
import { kfreeSkb, llReservedSpace, skbCow } from './skbuff.ts';
import type { Net, SkBuff } from './structs.ts';

/** Forwarding (net/ipv4/ip_forward.c), and the input of routes that refuse (ip_error). */

export function ipForward(net: Net, skb: SkBuff): number {
  const { ip } = net.mib;
  const { icmpSend } = inetProtos(net);
  if (net.tracer !== null) net.tracer.enter(net, 'ip_forward', skb);
  const at = skb.networkHeader;
  if (skb.pktType !== PACKET_HOST || skb.sk !== null) {
    kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip_forward');
    return 1;
  }
  const protos = inetProtos(net);
  if (skb.opt !== null && skb.opt.routerAlert !== 0 && protos.callRaChain?.(net, skb)) return 0;
  if (skb.head[at + IPH_TTL]! <= 1) {
    ip[mib.IP_INHDRERRORS]!++;
    icmpSend(net, skb, 11, 0, 0);
    kfreeSkb(net, skb, reason.IP_INHDR, 'ip_forward');
    return 1;
  }
  const dst = skb.dst!;
  const opt = skb.opt;
  if (opt?.isStrictroute && dst.rtUsesGateway) {
    icmpSend(net, skb, 3, 5, 0);
    kfreeSkb(net, skb, reason.IP_INHDR, 'ip_forward');
    return 1;
  }
  ip[mib.IP_FORWDATAGRAMS]!++;
  skb.cbFlags |= IPSKB_FORWARDED;
  const mtu = dstMtuForward(net, dst, ipv4Sysctl(net).forwardUsePmtu !== 0);
  if (skb.len > mtu && be16(skb.head, at + IPH_FRAG_OFF) & IP_DF && !skb.ignoreDf) {
    ip[mib.IP_FRAGFAILS]!++;
    icmpSend(net, skb, 3, 4, mtu);
    kfreeSkb(net, skb, reason.PKT_TOO_BIG, 'ip_forward');
    return 1;
  }
  skbCow(net, skb, llReservedSpace(dst.dev));
  const { head } = skb;
  const base = skb.networkHeader;
  // ip_decrease_ttl: the checksum follows by RFC 1624.
  head[base + IPH_TTL]!--;
  let check = be16(head, base + IPH_CHECK) + 0x100;
  if (check >= 0xffff) check -= 0xffff;
  putBe16(head, base + IPH_CHECK, check);
  if (skb.dst!.rtFlags & RTCF_DOREDIRECT && (opt === null || opt.srr === 0)) sendRedirect(net, skb);
  skb.priority = rtTos2priority(head[base + IPH_TOS]!);
  const verdict = nfHook(net, AF_INET, NF_INET_FORWARD, null, skb, skb.dev, dst.dev);
  if (verdict !== 1) return verdict;
  if (opt !== null && ipForwardOptions(skb)) ipSendCheck(skb.head, skb.networkHeader);
  skb.tstampSec = 0;
  skb.tstampNsec = 0;
  return skb.dst!.output(net, null, skb);
}

/** ip_rt_send_redirect: there is a better first hop for the sender. */
function sendRedirect(net: Net, skb: SkBuff): void {
  const { dev } = skb.dst!;
  if (dev.ip === null || dev.ip.cnf.sendRedirects === 0) return;
  const saddr = saddrOf(skb.head, skb.networkHeader);
  if (!redirectAllowed(net, saddr)) return;
  const gateway = skb.dst!.rtUsesGateway ? skb.dst!.rtGw4 : daddrOf(skb.head, skb.networkHeader);
  inetProtos(net).icmpSend(net, skb, 5, 1, gateway);
}

const TOS2PRIO = [0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4];
/** Class of traffic (TC_PRIO_) of a TOS byte. */
export const rtTos2priority = (tos: number): number => TOS2PRIO[(tos & 0x1e) >>> 1]!;

/** ip_error */
export function ipError(net: Net, skb: SkBuff): number {
  const dst = skb.dst!;
  const dev = skb.dev!;
  const { ip, ipExt } = net.mib;
  let code: number;
  const lost = (why: string): number => {
    kfreeSkb(net, skb, why, 'ip_error');
    return 0;
  };
  if (dev.ip === null) return lost(reason.NOT_SPECIFIED);
  if (dev.ip.cnf.forwarding === 0) {
    if (dst.error === EHOSTUNREACH) {
      ip[mib.IP_INADDRERRORS]!++;
      return lost(reason.IP_INADDRERRORS);
    }
    if (dst.error === ENETUNREACH) {
      ipExt[mib.IPEXT_INNOROUTES]!++;
      return lost(reason.IP_INNOROUTES);
    }
    return lost(reason.NOT_SPECIFIED);
  }
  switch (dst.error) {
    case EHOSTUNREACH:
      code = 1;
      break;
    case ENETUNREACH:
      code = 0;
      ipExt[mib.IPEXT_INNOROUTES]!++;
      break;
    case EACCES:
      code = 13;
      break;
    default:
      return lost(reason.NOT_SPECIFIED);
  }
  // ip_rt_error_cost 1 s, ip_rt_error_burst 5 s.
  if (inetPeerXrlimAllow(net, saddrOf(skb.head, skb.networkHeader), 1e9))
    inetProtos(net).icmpSend(net, skb, 3, code, 0);
  return lost(reason.NOT_SPECIFIED);
}
