import { be16, putBe16 } from '../../bytes/endian.ts';
import { EINVAL, ENOBUFS } from '../../uapi/errno.ts';
import { IFF_LOOPBACK } from '../../uapi/if.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { PACKET_LOOPBACK } from '../../uapi/if_packet.ts';
import { IPV6_PMTUDISC_PROBE } from '../../uapi/in6.ts';
import { AF_INET, AF_INET6 } from '../../uapi/socket.ts';
import { netifRx } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_PAYLOAD_LEN, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import * as mib from '../mib.ts';
import { neighConfirm, neighOutput, neighResolveOutput } from '../neighbour.ts';
import { NF_INET_LOCAL_OUT, NF_INET_POST_ROUTING, nfHook } from '../netfilter.ts';
import { NET_XMIT_CN } from '../sch-generic.ts';
import { consumeSkb, kfreeSkb, skbClone } from '../skbuff.ts';
import { CHECKSUM_NONE, CHECKSUM_UNNECESSARY, type Net, type NetDevice, type SkBuff, type Sock } from '../structs.ts';
import { IPV6_ADDR_SCOPE_NODELOCAL, ipv6AddrIsMulticast, ipv6AddrMcScope } from './addr.ts';
import { ip6Fragment } from './ip6-fragment-output.ts';
import { IP6SKB_FORWARDED, IP6SKB_REROUTED, ip6DstIdev, ip6Inc, ip6Upd } from './ipv6.ts';
import { dst6Mtu, ip6NeighForNexthop } from './route6.ts';

/** IPv6 output (net/ipv6/ip6_output.c): from a packet with a route to its neighbour. */

const IPV6_MAXPLEN = 65535;

/** Whether `dev` hears the group from that source (ipv6_chk_mcast_addr); registered by mcast6.ts. */
export type ChkMcastAddr = (dev: NetDevice, head: Uint8Array, group: number, source: number) => boolean;
let chkMcastAddr: ChkMcastAddr = () => false;
export function ip6SetChkMcastAddr(check: ChkMcastAddr): void {
  chkMcastAddr = check;
}

/** ip6_local_out: a packet of ours with its IPv6 header at `skb.data` (payload length is filled in here) and its route in
 * `skb.dst`. Takes the buffer. 0, -errno, or a NET_XMIT_ code. */
export function ip6LocalOut(net: Net, sk: Sock | null, skb: SkBuff): number {
  const at = skb.networkHeader;
  const length = skb.len - IPV6HDR_LEN;
  putBe16(skb.head, at + IP6_PAYLOAD_LEN, length > IPV6_MAXPLEN ? 0 : length);
  skb.protocol = ETH_P_IPV6;
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_local_out', skb);
  const verdict = nfHook(net, AF_INET6, NF_INET_LOCAL_OUT, sk, skb, null, skb.dst!.dev);
  if (verdict !== 1) return verdict;
  return skb.dst!.output(net, sk, skb);
}

/** ip6_send_skb: the code of a lost packet as a send call reports it. */
export function ip6SendSkb(net: Net, skb: SkBuff): number {
  const { idev6 } = skb.dst!;
  let error = ip6LocalOut(net, skb.sk, skb);
  if (error !== 0) {
    if (error > 0) error = error !== NET_XMIT_CN ? -ENOBUFS : 0;
    if (error !== 0) ip6Inc(net, idev6, mib.IP6_OUTDISCARDS);
  }
  return error;
}

/** The output of routes (ip6_output). */
export function ip6Output(net: Net, sk: Sock | null, skb: SkBuff): number {
  const dst = skb.dst!;
  const { dev, idev6: idev } = dst;
  const indev = skb.dev;
  skb.protocol = ETH_P_IPV6;
  skb.dev = dev;
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_output', skb);
  if (idev === null || idev.cnf.disableIpv6 !== 0) {
    ip6Inc(net, idev, mib.IP6_OUTDISCARDS);
    kfreeSkb(net, skb, reason.IPV6DISABLED, 'ip6_output');
    return 0;
  }
  if (!(skb.cbFlags & IP6SKB_REROUTED)) {
    const verdict = nfHook(net, AF_INET6, NF_INET_POST_ROUTING, sk, skb, indev, dev);
    if (verdict !== 1) return verdict;
  }
  return ip6FinishOutput(net, sk, skb);
}

/** ip6_skb_dst_mtu */
export function ip6SkbDstMtu(skb: SkBuff): number {
  const dst = skb.dst!;
  const np = (skb.sk as InetSock | null)?.inet6;
  return np && np.pmtudisc >= IPV6_PMTUDISC_PROBE ? dst.dev.mtu : dst6Mtu(dst);
}

export function ip6FinishOutput(net: Net, sk: Sock | null, skb: SkBuff): number {
  const mtu = ip6SkbDstMtu(skb);
  if (skb.len > mtu || (skb.fragMaxSize > 0 && skb.len > skb.fragMaxSize))
    return ip6Fragment(net, sk, skb, mtu, ip6FinishOutput2);
  return ip6FinishOutput2(net, sk, skb);
}

/** sk_mc_loop */
function skMcLoop(sk: Sock | null): boolean {
  if (sk === null) return true;
  if (sk.family === AF_INET) return (sk as InetSock).mcLoop;
  return (sk as InetSock).inet6?.mcLoop ?? true;
}

function ip6FinishOutput2(net: Net, sk: Sock | null, skb: SkBuff): number {
  const dst = skb.dst!;
  const { dev } = dst;
  const idev = ip6DstIdev(skb);
  const { head } = skb;
  const at = skb.networkHeader;
  if (ipv6AddrIsMulticast(head, at + IP6_DADDR)) {
    if (
      !(dev.flags & IFF_LOOPBACK) &&
      !(skb.cbFlags & IP6SKB_FORWARDED) &&
      skMcLoop(sk) &&
      chkMcastAddr(dev, head, at + IP6_DADDR, at + IP6_SADDR)
    ) {
      loopBack(net, sk, skb);
      if (head[at + IP6_HOP_LIMIT] === 0) {
        ip6Inc(net, idev, mib.IP6_OUTDISCARDS);
        kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip6_finish_output2');
        return 0;
      }
    }
    ip6Upd(net, idev, mib.IP6_OUTMCASTPKTS, mib.IP6_OUTMCASTOCTETS, skb.len);
    if (ipv6AddrMcScope(head, at + IP6_DADDR) <= IPV6_ADDR_SCOPE_NODELOCAL && !(dev.flags & IFF_LOOPBACK)) {
      consumeSkb(skb);
      return 0;
    }
  }
  ip6Upd(net, idev, mib.IP6_OUTTRANSMITS, mib.IP6_OUTOCTETS, skb.len);
  if (net.tracer !== null) net.tracer.enter(net, 'ip6_finish_output2', skb);
  const neigh = ip6NeighForNexthop(dst, head, at + IP6_DADDR);
  if (neigh === null) {
    ip6Inc(net, idev, mib.IP6_OUTNOROUTES);
    kfreeSkb(net, skb, reason.NEIGH_CREATEFAIL, 'ip6_finish_output2');
    return -EINVAL;
  }
  if (skb.sk?.dstPendingConfirm) {
    skb.sk.dstPendingConfirm = false;
    neighConfirm(neigh);
  }
  return neigh.hh !== null ? neighOutput(neigh, skb) : neighResolveOutput(neigh, skb);
}

/** dev_loopback_xmit: a multicast packet comes back to ourselves. */
function loopBack(net: Net, sk: Sock | null, skb: SkBuff): void {
  const copy = skbClone(skb);
  const verdict = nfHook(net, AF_INET6, NF_INET_POST_ROUTING, sk, copy, null, copy.dev);
  if (verdict !== 1) return;
  copy.macHeader = copy.data;
  const pull = copy.networkHeader - copy.data;
  copy.data += pull;
  copy.len -= pull;
  copy.pktType = PACKET_LOOPBACK;
  if (copy.ipSummed === CHECKSUM_NONE) copy.ipSummed = CHECKSUM_UNNECESSARY;
  netifRx(net, copy);
}

/** payload_len of the header at `at`. */
export const payloadLen = (head: Uint8Array, at: number): number => be16(head, at + IP6_PAYLOAD_LEN);
