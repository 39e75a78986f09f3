import { putBe16 } from '../bytes/endian.ts';
import { EINVAL, ENOBUFS } from '../uapi/errno.ts';
import { ETH_P_IP } from '../uapi/if_ether.ts';
import { PACKET_LOOPBACK } from '../uapi/if_packet.ts';
import { IP_PMTUDISC_PROBE } from '../uapi/in.ts';
import { RTN_BROADCAST, RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { netifRx } from './dev.ts';
import * as reason from './drop-reason.ts';
import { daddrOf, IPH_TOT_LEN, IPH_TTL } from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import { ipFragment } from './ip-fragment-output.ts';
import { IPSKB_FORWARDED, IPSKB_REROUTED, ipSendCheck } from './ip-header.ts';
import * as mib from './mib.ts';
import { neighConfirm, neighOutput, neighResolveOutput } from './neighbour.ts';
import { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, nfHook } from './netfilter.ts';
import { dstMtu, ipNeighForGw, RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST } from './route.ts';
import { NET_XMIT_CN } from './sch-generic.ts';
import { consumeSkb, kfreeSkb, skbClone } from './skbuff.ts';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Net, type SkBuff, type Sock } from './structs.ts';

/** IPv4 output (net/ipv4/ip_output.c): from a packet with a route to its neighbour. */

const IP_MAX_MTU = 0xffff;

/** What ICMP must do when a packet is too long to go out: registered by icmp.ts. */
export interface IpOutputHooks {
  icmpFragNeeded(net: Net, skb: SkBuff, mtu: number): void;
}
let hooks: IpOutputHooks = { icmpFragNeeded: () => {} };
export function ipSetOutputHooks(made: IpOutputHooks): void {
  hooks = made;
}

// ---- the way out ----

/** __ip_local_out: length and checksum, LOCAL_OUT; returns what the route's output returns. */
export function ipLocalOut(net: Net, sk: Sock | null, skb: SkBuff): number {
  const at = skb.networkHeader;
  const { head } = skb;
  net.mib.ip[mib.IP_OUTREQUESTS]!++;
  putBe16(head, at + IPH_TOT_LEN, skb.len);
  ipSendCheck(head, at);
  skb.protocol = ETH_P_IP;
  const dst = skb.dst!;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_local_out', skb);
  const verdict = nfHook(net, AF_INET, NF_INET_LOCAL_OUT, sk, skb, null, dst.dev);
  if (verdict !== 1) return verdict;
  return skb.dst!.output(net, sk, skb);
}

/** ip_send_skb: the code of a lost packet as a send call reports it. */
export function ipSendSkb(net: Net, skb: SkBuff): number {
  if (net.tracer !== null) net.tracer.enter(net, 'ip_send_skb', skb);
  let error = ipLocalOut(net, skb.sk, skb);
  if (error !== 0) {
    if (error > 0) error = error !== NET_XMIT_CN ? -ENOBUFS : 0;
    if (error !== 0) net.mib.ip[mib.IP_OUTDISCARDS]!++;
  }
  return error;
}

export function ipOutput(net: Net, sk: Sock | null, skb: SkBuff): number {
  const dst = skb.dst!;
  const indev = skb.dev;
  skb.dev = dst.dev;
  skb.protocol = ETH_P_IP;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_output', skb);
  if (!(skb.cbFlags & IPSKB_REROUTED)) {
    const verdict = nfHook(net, AF_INET, NF_INET_POST_ROUTING, sk, skb, indev, dst.dev);
    if (verdict !== 1) return verdict;
  }
  return ipFinishOutput(net, sk, skb);
}

/** Multicast and broadcast also come back to ourselves (ip_mc_output). */
export function ipMcOutput(net: Net, sk: Sock | null, skb: SkBuff): number {
  const dst = skb.dst!;
  skb.dev = dst.dev;
  skb.protocol = ETH_P_IP;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_mc_output', skb);
  if (dst.rtFlags & RTCF_MULTICAST) {
    const loop = sk === null || sk.family !== AF_INET || (sk as InetSock).mcLoop;
    if (loop && (dst.rtFlags & RTCF_LOCAL || !(skb.cbFlags & IPSKB_FORWARDED))) loopBack(net, sk, skb);
    if (skb.head[skb.networkHeader + IPH_TTL] === 0) {
      consumeSkb(skb);
      return 0;
    }
  }
  if (dst.rtFlags & RTCF_BROADCAST) loopBack(net, sk, skb);
  const verdict = nfHook(net, AF_INET, NF_INET_POST_ROUTING, sk, skb, null, dst.dev);
  return verdict !== 1 ? verdict : ipFinishOutput(net, sk, skb);
}

/** dev_loopback_xmit */
function loopBack(net: Net, sk: Sock | null, skb: SkBuff): void {
  const copy = skbClone(skb);
  const verdict = nfHook(net, AF_INET, NF_INET_POST_ROUTING, sk, copy, null, copy.dev);
  if (verdict !== 1) return;
  copy.macHeader = copy.data;
  const pull = copy.networkHeader - copy.data;
  copy.data += pull;
  copy.len -= pull;
  copy.pktType = PACKET_LOOPBACK;
  if (copy.ipSummed === CHECKSUM_NONE) copy.ipSummed = CHECKSUM_UNNECESSARY;
  // The original goes on to the wire, where a header is put in front: the copy must not share those bytes' fate.
  netifRx(net, copy);
}

/** ip_skb_dst_mtu */
function skbDstMtu(net: Net, sk: Sock | null, skb: SkBuff): number {
  const dst = skb.dst!;
  if (sk === null || usePmtu(sk)) {
    if (skb.cbFlags & IPSKB_FORWARDED && !dst.rtMtuLocked && dst.metricMtu === 0)
      return Math.min(dst.dev.mtu, IP_MAX_MTU);
    return dstMtu(net, dst);
  }
  return Math.min(dst.dev.mtu, IP_MAX_MTU);
}
function usePmtu(sk: Sock): boolean {
  if (sk.family !== AF_INET && sk.family !== 10) return true;
  return (sk as InetSock).pmtudisc < IP_PMTUDISC_PROBE;
}

export function ipFinishOutput(net: Net, sk: Sock | null, skb: SkBuff): number {
  const mtu = skbDstMtu(net, sk, skb);
  if (skb.len > mtu || skb.fragMaxSize > 0) return ipFragment(net, skb, mtu, ipFinishOutput2, hooks.icmpFragNeeded);
  return ipFinishOutput2(net, skb);
}

function ipFinishOutput2(net: Net, skb: SkBuff): number {
  const dst = skb.dst!;
  const { ip, ipExt } = net.mib;
  if (dst.rtType === RTN_MULTICAST) {
    ipExt[mib.IPEXT_OUTMCASTPKTS]!++;
    ipExt[mib.IPEXT_OUTMCASTOCTETS]! += skb.len;
  } else if (dst.rtType === RTN_BROADCAST) {
    ipExt[mib.IPEXT_OUTBCASTPKTS]!++;
    ipExt[mib.IPEXT_OUTBCASTOCTETS]! += skb.len;
  }
  ip[mib.IP_OUTTRANSMITS]!++;
  ipExt[mib.IPEXT_OUTOCTETS]! += skb.len;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_finish_output2', skb);
  const neigh = ipNeighForGw(dst, daddrOf(skb.head, skb.networkHeader));
  if (neigh === null) {
    kfreeSkb(net, skb, reason.NEIGH_CREATEFAIL, 'ip_finish_output2');
    return -EINVAL;
  }
  if (skb.sk?.dstPendingConfirm) {
    skb.sk.dstPendingConfirm = false;
    neighConfirm(neigh);
  }
  return neigh.hh !== null ? neighOutput(neigh, skb) : neighResolveOutput(neigh, skb);
}
