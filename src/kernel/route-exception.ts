import { RTN_UNICAST } from '../uapi/rtnetlink.ts';
import { arpTbl } from './arp.ts';
import { inDevAnd, inDevOr, inetAddrOnlink } from './devinet.ts';
import { FibResult, Flowi4, fibIsGateway, fibLookup, inetAddrType } from './fib.ts';
import { daddrOf, IPH_PROTOCOL, IPH_TOS, ipv4IsLbcast, ipv4IsMulticast, ipv4IsZeronet, saddrOf } from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import { ipSkAcceptPmtu } from './ip-append.ts';
import { NUD_VALID, neighCreate, neighEventSend } from './neighbour.ts';
import { dstMtu, ipRouteOutput, routes, rtIsStale } from './route.ts';
import type { DstEntry, Net, SkBuff } from './structs.ts';

/** What routers say of a route of ours, by ICMP (the exceptions of net/ipv4/route.c): a smaller MTU, a better gateway. */

const SECOND = 1e9;
/** ip_rt_gc_timeout: how long a redirect is believed. */
const GC_TIMEOUT = 300 * SECOND;
/** FNHE_HASH_SIZE times FNHE_RECLAIM_DEPTH in spirit: the oldest goes first. */
const MOST_EXCEPTIONS = 4096;

const result = new FibResult();

/** update_or_create_fnhe: `gw` and `pmtu` of 0 leave what is known. */
function updateOrCreate(net: Net, fl: Flowi4, gw: number, pmtu: number, locked: boolean, expires: number): void {
  if (fibLookup(net, fl, result) < 0 || result.nh === null) return;
  // Of several next hops each may be chosen by another flow to the same place.
  const nhs = pmtu !== 0 ? result.route!.nhs : [result.nh];
  for (const nh of nhs) {
    nh.exceptions ??= new Map();
    let found = nh.exceptions.get(fl.daddr);
    if (found === undefined) {
      if (nh.exceptions.size >= MOST_EXCEPTIONS) nh.exceptions.delete(nh.exceptions.keys().next().value!);
      found = { pmtu: 0, locked: false, expires: 0, gw: 0 };
      nh.exceptions.set(fl.daddr, found);
    }
    if (gw !== 0) found.gw = gw;
    if (pmtu !== 0) {
      found.pmtu = pmtu;
      found.locked = locked;
    }
    found.expires = expires;
  }
  net.rtGenid++;
}

/** __ip_rt_update_pmtu */
function updatePmtu(net: Net, dst: DstEntry, fl: Flowi4, mtu: number): void {
  if (dst.rtMtuLocked) return;
  const { minPmtu, mtuExpires } = routes(net);
  const old = dstMtu(net, dst);
  if (old < mtu) return;
  let locked = false;
  if (mtu < minPmtu) {
    locked = true;
    mtu = Math.min(old, minPmtu);
  }
  const now = net.clock.monotonic();
  if (dst.rtPmtu === mtu && !locked && now < dst.expires - (mtuExpires * SECOND) / 2) return;
  updateOrCreate(net, fl, 0, mtu, locked, now + mtuExpires * SECOND);
}

/** __build_flow_key: the flow of a packet of ours that an error quotes; the header is at skb.data. */
function quotedFlow(skb: SkBuff, sk: InetSock | null): Flowi4 {
  const fl = new Flowi4();
  const { head, data: at } = skb;
  fl.daddr = daddrOf(head, at);
  fl.saddr = saddrOf(head, at);
  fl.proto = sk === null ? head[at + IPH_PROTOCOL]! : sk.protocol;
  fl.tos = (sk === null ? head[at + IPH_TOS]! : sk.tos) & 0x1c;
  if (sk !== null) {
    fl.oif = sk.boundDevIf;
    fl.mark = sk.mark;
  }
  return fl;
}

/** ipv4_update_pmtu: of a packet that the kernel itself had sent. */
export function ipv4UpdatePmtu(net: Net, skb: SkBuff, mtu: number): void {
  const fl = quotedFlow(skb, null);
  const dst = ipRouteOutput(net, fl);
  if (typeof dst !== 'number') updatePmtu(net, dst, fl, mtu);
}

/** ipv4_sk_update_pmtu: of a packet of this socket's; the route that it remembers learns it too. */
export function ipv4SkUpdatePmtu(sk: InetSock, skb: SkBuff, mtu: number): void {
  if (!ipSkAcceptPmtu(sk)) return;
  const { net } = sk;
  const fl = quotedFlow(skb, sk);
  let dst = sk.dst === null || rtIsStale(net, sk.dst) ? ipRouteOutput(net, fl) : sk.dst;
  if (typeof dst === 'number') return;
  updatePmtu(net, dst, fl, mtu);
  if (sk.dst === null) return;
  if (rtIsStale(net, dst)) dst = ipRouteOutput(net, quotedFlow(skb, sk));
  if (typeof dst !== 'number') sk.dst = dst;
}

/** __ip_do_redirect: a redirect counts that comes from the gateway in use and names another neighbour, one that answers.
 * skb.data is at the quoted packet. */
function redirect(net: Net, skb: SkBuff, fl: Flowi4, gateway: number): void {
  const code = skb.head[skb.transportHeader + 1]!;
  const inDev = skb.dev?.ip ?? null;
  if (code > 3 || inDev === null) return;
  const from = saddrOf(skb.head, skb.networkHeader);
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number' || !dst.rtUsesGateway || dst.rtGw4 !== from) return;
  const accept = inDev.cnf.forwarding !== 0 ? inDevAnd(inDev, 'acceptRedirects') : inDevOr(inDev, 'acceptRedirects');
  if (gateway === from || !accept || ipv4IsMulticast(gateway) || ipv4IsLbcast(gateway) || ipv4IsZeronet(gateway))
    return;
  if (!inDevOr(inDev, 'sharedMedia')) {
    if (!inetAddrOnlink(inDev, gateway, from)) return;
    if (inDevOr(inDev, 'secureRedirects') && !fibIsGateway(net, gateway, inDev.dev)) return;
  } else if (inetAddrType(net, gateway) !== RTN_UNICAST) return;
  const neigh = neighCreate(arpTbl(net), dst.dev, gateway, null);
  if (neigh === null) return;
  if (neigh.nudState & NUD_VALID) updateOrCreate(net, fl, gateway, 0, false, net.clock.monotonic() + GC_TIMEOUT);
  else neighEventSend(neigh, null);
}

/** ipv4_redirect: about a packet that the kernel itself had sent. */
export function ipv4Redirect(net: Net, skb: SkBuff, gateway: number): void {
  redirect(net, skb, quotedFlow(skb, null), gateway);
}

/** ipv4_sk_redirect: about a packet of this socket's. */
export function ipv4SkRedirect(sk: InetSock, skb: SkBuff, gateway: number): void {
  redirect(sk.net, skb, quotedFlow(skb, sk), gateway);
}
