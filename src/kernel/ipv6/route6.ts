import { EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, EINVAL, ENETUNREACH } from '../../uapi/errno.ts';
import { IFF_LOOPBACK } from '../../uapi/if.ts';
import { RTN_ANYCAST, RTN_BLACKHOLE, RTN_LOCAL, RTN_PROHIBIT, RTN_UNREACHABLE } from '../../uapi/rtnetlink.ts';
import * as reason from '../drop-reason.ts';
import { FLOWI_FLAG_KNOWN_NH } from '../fib.ts';
import { IP6_DADDR, IP6_NEXTHDR, IP6_SADDR } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import * as mib from '../mib.ts';
import { neighConfirm, neighCreate, neighLookup } from '../neighbour.ts';
import { kfreeSkb } from '../skbuff.ts';
import {
  DstEntry,
  type Inet6Dev,
  type Neighbour,
  type Net,
  type NetDevice,
  type SkBuff,
  type Sock,
} from '../structs.ts';
import {
  IPV6_ADDR_ANY,
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MULTICAST,
  in6Copy,
  in6Equal,
  in6Key,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsMulticast,
  ipv6AddrType,
  ipv6AddrV4Mapped,
} from './addr.ts';
import { Flowi6 } from './flow.ts';
import { ipv6DevGetSaddr } from './inet6-addr.ts';
import {
  type Fib6Info,
  type Fib6Nh,
  Fib6Result,
  fib6,
  fib6Lookup,
  fib6Table,
  fib6TableLookup,
  fib6TableRoutes,
  isReject,
  type ProbeHook,
  RT6_LOOKUP_F_HAS_SADDR,
  RT6_LOOKUP_F_IFACE,
  RT6_LOOKUP_F_REACHABLE,
  RTF_ANYCAST,
  RTF_CACHE,
  RTF_DYNAMIC,
  RTF_EXPIRES,
  RTF_GATEWAY,
  RTF_LOCAL,
  RTF_MODIFIED,
  RTF_PCPU,
  RTF_REJECT,
  RTF_UP,
  rt6TypeError,
} from './ip6-fib.ts';
import { ip6Inc, ipv6, ipv6Sysctl, ndTbl } from './ipv6.ts';

/** Routes of IPv6 packets (net/ipv6/route.c). A route is shared by all packets that go by it; the neighbour is found by
 * the packet's own destination. `dst.error` is 0, or the -errno of a route that refuses; `dst.rtFlags` has RTF_ bits;
 * `dst.idev6` is the device whose address or link it is about, `dst.dev` the one that packets go out by. */

export const IP6_MAX_MTU = 0xffff + 40;
export const IPV6_MIN_MTU = 1280;
const SECOND = 1e9;
const ICMPV6_DEST_UNREACH = 1;
const ICMPV6_NOROUTE = 0;
const ICMPV6_ADM_PROHIBITED = 1;
export const LOOPBACK_IFINDEX = 1;

/** Where routes lead: functions of the rooms above, registered as the kernel starts. */
export interface Route6Handlers {
  input(net: Net, skb: SkBuff): number;
  mcInput(net: Net, skb: SkBuff): number;
  forward(net: Net, skb: SkBuff): number;
  output(net: Net, sk: Sock | null, skb: SkBuff): number;
  probe: ProbeHook;
}

export const ROUTE6_KEY = 23;
interface Route6State {
  handlers: Route6Handlers;
  nullEntry: DstEntry | null;
}
const state = (net: Net): Route6State => net.gen[ROUTE6_KEY] as Route6State;

/** rt6_need_strict: what such an address is depends on the device. */
export const rt6NeedStrict = (addr: Uint8Array, at = 0): boolean =>
  (ipv6AddrType(addr, at) & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL | IPV6_ADDR_LOOPBACK)) !== 0;

// ---- making a route ----

/** ip6_rt_get_dev_rcu: packets to ourselves go by the loopback device. */
const routeDev = (net: Net, f6i: Fib6Info, nh: Fib6Nh): NetDevice =>
  f6i.flags & (RTF_LOCAL | RTF_ANYCAST) ? net.loopbackDev : nh.dev;

function newRt(net: Net, f6i: Fib6Info, nh: Fib6Nh): DstEntry {
  const { handlers } = state(net);
  const dst = new DstEntry(routeDev(net, f6i, nh), handlers.forward, handlers.output);
  dst.rtFlags = ((f6i.flags & ~RTF_EXPIRES) | RTF_PCPU) >>> 0;
  dst.rtType = f6i.type;
  dst.genid = net.rtGenid6;
  dst.idev6 = nh.dev.ip6;
  dst.gw6 = nh.gw;
  dst.fibInfo = f6i;
  dst.metricMtu = f6i.mtu;
  dst.metricHoplimit = f6i.hoplimit;
  if (isReject(f6i)) {
    reject(dst, f6i.type);
    return dst;
  }
  if (f6i.type === RTN_LOCAL || f6i.type === RTN_ANYCAST) dst.input = handlers.input;
  else if (ipv6AddrIsMulticast(f6i.dst) && f6i.plen > 0) dst.input = handlers.mcInput;
  return dst;
}

/** ip6_rt_init_dst_reject */
function reject(dst: DstEntry, type: number): void {
  dst.error = rt6TypeError(type);
  if (type === RTN_BLACKHOLE) {
    dst.input = discard;
    dst.output = (net, _sk, skb) => discard(net, skb);
  } else {
    const code = type === RTN_PROHIBIT ? ICMPV6_ADM_PROHIBITED : ICMPV6_NOROUTE;
    dst.input = (net, skb) => pktDrop(net, skb, code, mib.IP6_INNOROUTES);
    dst.output = (net, _sk, skb) => {
      skb.dev = skb.dst!.dev;
      return pktDrop(net, skb, code, mib.IP6_OUTNOROUTES);
    };
  }
}

function discard(net: Net, skb: SkBuff): number {
  kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'dst_discard');
  return 0;
}

/** ip6_pkt_drop */
function pktDrop(net: Net, skb: SkBuff, code: number, counter: number): number {
  const iif = skb.opt6?.iif ?? 0;
  const idev = net.devices.get(iif)?.ip6 ?? skb.dst!.idev6;
  let why: string = reason.IP_OUTNOROUTES;
  if (counter === mib.IP6_INNOROUTES) {
    if (ipv6AddrType(skb.head, skb.networkHeader + IP6_DADDR) === IPV6_ADDR_ANY) {
      why = reason.IP_INADDRERRORS;
      counter = mib.IP6_INADDRERRORS;
    } else why = reason.IP_INNOROUTES;
  }
  ip6Inc(net, idev, counter);
  ipv6(net).icmpv6Send(net, skb, ICMPV6_DEST_UNREACH, code, 0);
  kfreeSkb(net, skb, why, 'ip6_pkt_drop');
  return 0;
}

/** net->ipv6.ip6_null_entry: no table has a route. */
export function ip6NullEntry(net: Net): DstEntry {
  const st = state(net);
  if (st.nullEntry === null) {
    const dst = new DstEntry(net.loopbackDev, discard, (_net, _sk, skb) => discard(_net, skb));
    reject(dst, RTN_UNREACHABLE);
    dst.error = -ENETUNREACH;
    dst.rtFlags = RTF_REJECT;
    dst.rtType = RTN_UNREACHABLE;
    dst.idev6 = net.loopbackDev.ip6;
    st.nullEntry = dst;
  }
  st.nullEntry.genid = net.rtGenid6;
  return st.nullEntry;
}

/** ip6_rt_cache_alloc: a route for one destination alone. */
function cacheAlloc(net: Net, f6i: Fib6Info, nh: Fib6Nh, daddr: Uint8Array): DstEntry {
  const dst = newRt(net, f6i, nh);
  dst.rtFlags = ((dst.rtFlags & ~RTF_PCPU) | RTF_CACHE) >>> 0;
  dst.dst6 = in6Copy(daddr);
  if (nh.gw === null) dst.gw6 = dst.dst6;
  return dst;
}

export const rt6IsStale = (net: Net, dst: DstEntry): boolean =>
  dst.genid !== net.rtGenid6 || (dst.rtFlags & RTF_CACHE && expired(net, dst)) !== 0;

const expired = (net: Net, dst: DstEntry): number =>
  dst.rtFlags & RTF_EXPIRES && net.clock.monotonic() > dst.expires ? 1 : 0;

const result = new Fib6Result();

/** fib6_select_path: one of several ways, by the flow's addresses. */
function selectPath(f6i: Fib6Info, nh: Fib6Nh, fl: Flowi6, oif: number, strict: number): Fib6Nh {
  if (f6i.nhs.length < 2 || (oif !== 0 && strict & RT6_LOOKUP_F_IFACE)) return nh;
  const alive = f6i.nhs.filter((one) => !one.dead);
  const total = alive.reduce((sum, one) => sum + one.weight, 0);
  let hash = 0x811c9dc5;
  for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ fl.saddr[i]!, 0x01000193);
  for (let i = 0; i < 16; i++) hash = Math.imul(hash ^ fl.daddr[i]!, 0x01000193);
  hash = Math.imul(hash ^ (fl.flowlabel & 0xfffff) ^ fl.proto, 0x85ebca6b);
  // The low bits, which count below, are to depend on all.
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  hash = ((hash ^ (hash >>> 13)) >>> 0) % total;
  for (const one of alive) {
    if (hash < one.weight) return one;
    hash -= one.weight;
  }
  return nh;
}

/** ip6_pol_route, by the rules. Always gives a route; see its `error`. */
function polRoute(net: Net, oif: number, fl: Flowi6, flags: number): DstEntry {
  const { handlers } = state(net);
  const strict = (flags & RT6_LOOKUP_F_IFACE) | (ipv6(net).all.forwarding === 0 ? RT6_LOOKUP_F_REACHABLE : 0);
  const error = fib6Lookup(net, oif, fl, result, strict, handlers.probe);
  if (error < 0 || result.f6i === null) {
    const none = ip6NullEntry(net);
    if (error === -ENETUNREACH || error === 0) return none;
    // A rule that refuses.
    const refused = new DstEntry(net.loopbackDev, none.input, none.output);
    reject(refused, error === -EINVAL ? RTN_BLACKHOLE : error === -EACCES ? RTN_PROHIBIT : RTN_UNREACHABLE);
    refused.idev6 = net.loopbackDev.ip6;
    refused.genid = net.rtGenid6;
    return refused;
  }
  const { f6i } = result;
  const nh = selectPath(f6i, result.nh!, fl, oif, strict);
  const learned = nh.exceptions?.get(in6Key(fl.daddr))?.rt;
  if (learned !== undefined && expired(net, learned) === 0) {
    learned.genid = net.rtGenid6;
    return learned;
  }
  // The packet's own header may name another destination than the one whose route this is.
  if (fl.flags & FLOWI_FLAG_KNOWN_NH && nh.gw === null) return cacheAlloc(net, f6i, nh, fl.daddr);
  if (nh.rt === null || nh.rt.genid !== net.rtGenid6 || nh.rt.fibInfo !== f6i) nh.rt = newRt(net, f6i, nh);
  return nh.rt;
}

/** ip6_route_output_flags: the route for a packet of ours. Never fails: look at `dst.error` (-errno). Sets `fl.iif`.
 * Reads daddr, saddr (any: to be chosen), oif, mark, flowlabel, proto and flags of the flow. */
export function ip6RouteOutput(net: Net, sk: Sock | null, fl: Flowi6, flags = 0): DstEntry {
  fl.iif = LOOPBACK_IFINDEX;
  const anySrc = ipv6AddrAny(fl.saddr);
  if ((sk !== null && sk.boundDevIf !== 0) || rt6NeedStrict(fl.daddr) || (fl.oif !== 0 && anySrc))
    flags |= RT6_LOOKUP_F_IFACE;
  if (!anySrc) flags |= RT6_LOOKUP_F_HAS_SADDR;
  return polRoute(net, fl.oif, fl, flags);
}

/** ip6_route_get_saddr: 0 with `fl.saddr` filled, or -EADDRNOTAVAIL. */
function routeGetSaddr(net: Net, dst: DstEntry | null, fl: Flowi6, prefs: number): number {
  const f6i = (dst?.fibInfo ?? null) as Fib6Info | null;
  if (f6i?.prefsrc) {
    fl.saddr.set(f6i.prefsrc);
    return 0;
  }
  const found = ipv6DevGetSaddr(net, f6i?.nhs[0]?.dev ?? null, fl.daddr, prefs);
  if (found === null) return -EADDRNOTAVAIL;
  fl.saddr.set(found);
  return 0;
}

/** ip6_dst_lookup_flow: the route of a datagram of `sk` (null: the kernel's own), and the source address where
 * `fl.saddr` is unspecified. Returns the route, usable as it is, or -errno: ENETUNREACH (counted in Ip6OutNoRoutes),
 * EADDRNOTAVAIL, EHOSTUNREACH, EACCES, EINVAL (of reject routes), EAFNOSUPPORT (a mapped source for a native
 * destination). With `finalDst` (fl6UpdateDst: a routing header was given) the flow's destination is set to it after. */
export function ip6DstLookupFlow(
  net: Net,
  sk: Sock | null,
  fl: Flowi6,
  finalDst: Uint8Array | null,
): DstEntry | number {
  let dst: DstEntry | null = null;
  let error = 0;
  let flags = 0;
  if (ipv6AddrAny(fl.saddr)) {
    dst = ip6RouteOutput(net, sk, fl);
    error = routeGetSaddr(net, dst.error !== 0 ? null : dst, fl, (sk as InetSock | null)?.inet6?.srcprefs ?? 0);
    // A route that refuses may be another's once the source is known.
    if (dst.error !== 0) dst = null;
    if (fl.oif !== 0) flags |= RT6_LOOKUP_F_IFACE;
  }
  if (error === 0) {
    dst ??= ip6RouteOutput(net, sk, fl, flags);
    error = dst.error;
    if (error === 0 && ipv6AddrV4Mapped(fl.saddr) && !ipv6AddrV4Mapped(fl.daddr) && !ipv6AddrAny(fl.daddr))
      error = -EAFNOSUPPORT;
  }
  if (error !== 0) {
    if (error === -ENETUNREACH) ip6Inc(net, null, mib.IP6_OUTNOROUTES);
    return error;
  }
  if (finalDst !== null) fl.daddr.set(finalDst);
  return dst!;
}

/** ip6_sk_dst_lookup_flow: as `ip6DstLookupFlow`, by the route that a connected socket remembers where it still holds
 * (sk.dst; stored there with `connected`). */
export function ip6SkDstLookupFlow(
  sk: Sock,
  fl: Flowi6,
  finalDst: Uint8Array | null,
  connected: boolean,
): DstEntry | number {
  const { net } = sk;
  const kept = sk.dst;
  if (kept !== null && kept.idev6 !== null) {
    const f6i = kept.fibInfo as Fib6Info | null;
    const host = kept.dst6 ?? (f6i !== null && f6i.plen === 128 ? f6i.dst : null);
    // ip6_sk_dst_check: a host's route is for that host; another is known to fit a connected socket's address alone.
    const fits =
      (host !== null && in6Equal(host, fl.daddr)) || (connected && in6Equal((sk as InetSock).inet6!.daddr, fl.daddr));
    if (!rt6IsStale(net, kept) && fits && (fl.oif === 0 || fl.oif === kept.dev.ifindex)) return kept;
    if (rt6IsStale(net, kept)) sk.dst = null;
  }
  const dst = ip6DstLookupFlow(net, sk, fl, finalDst);
  if (connected && typeof dst !== 'number') sk.dst = dst;
  return dst;
}

const inFlow = new Flowi6();

/** ip6_route_input: sets `skb.dst`, which may be a route that refuses. */
export function ip6RouteInput(net: Net, skb: SkBuff): void {
  const { head, networkHeader: at } = skb;
  const fl = inFlow.clear();
  for (let i = 0; i < 16; i++) {
    fl.saddr[i] = head[at + IP6_SADDR + i]!;
    fl.daddr[i] = head[at + IP6_DADDR + i]!;
  }
  fl.iif = skb.dev!.ifindex;
  fl.mark = skb.mark;
  fl.proto = head[at + IP6_NEXTHDR]!;
  fl.flowlabel = ((head[at]! & 15) << 24) | (head[at + 1]! << 16) | (head[at + 2]! << 8) | head[at + 3]!;
  let flags = RT6_LOOKUP_F_HAS_SADDR;
  if (rt6NeedStrict(fl.daddr)) flags |= RT6_LOOKUP_F_IFACE;
  skb.dst = polRoute(net, fl.iif, fl, flags);
}

/** icmp6_dst_alloc: a route of one packet to a neighbour on the link, whatever the tables say. */
export function icmp6DstAlloc(dev: NetDevice, daddr: Uint8Array): DstEntry {
  const { net } = dev;
  const { handlers } = state(net);
  const dst = new DstEntry(dev, handlers.input, handlers.output);
  dst.rtFlags = 0;
  dst.rtType = 0;
  dst.genid = net.rtGenid6;
  dst.idev6 = dev.ip6;
  dst.dst6 = in6Copy(daddr);
  dst.gw6 = dst.dst6;
  dst.metricHoplimit = 255;
  return dst;
}

// ---- what a route knows ----

/** rt6_nexthop, and its entry in the neighbour table, made where need be; null where the table is full. */
export function ip6NeighForNexthop(dst: DstEntry, head: Uint8Array, daddrAt: number): Neighbour | null {
  const { dev } = dst;
  const gw = dst.rtFlags & (RTF_GATEWAY | RTF_CACHE) || dst.dst6 !== null ? dst.gw6 : null;
  const { neigh } = dst;
  if (neigh !== null && !neigh.dead) {
    if (gw !== null ? neigh.key6 === gw || in6Equal(neigh.key6!, gw) : ipv6AddrEqual(neigh.key6!, 0, head, daddrAt))
      return neigh;
  }
  const addr = gw ?? in6Copy(head, daddrAt);
  const made = neighCreate(ndTbl(dev.net), dev, in6Key(addr), addr);
  dst.neigh = made;
  return made;
}

/** ip6_mtu */
export function dst6Mtu(dst: DstEntry): number {
  // Also of a route that has expired, until it is looked up again.
  if (dst.rtPmtu !== 0) return dst.rtPmtu;
  const mtu = dst.metricMtu !== 0 ? dst.metricMtu : (dst.dev.ip6?.cnf.mtu6 ?? IPV6_MIN_MTU);
  return Math.min(mtu, IP6_MAX_MTU);
}

/** ip6_dst_mtu_maybe_forward with forwarding: what was learned by Packet Too Big does not count for others' packets. */
export const dst6MtuForward = (dst: DstEntry): number => {
  const f6i = dst.fibInfo as Fib6Info | null;
  if (f6i?.mtuLocked) return dst6Mtu(dst);
  return Math.max(IPV6_MIN_MTU, dst.dev.ip6?.cnf.mtu6 ?? IPV6_MIN_MTU);
};

/** ip6_dst_hoplimit: the route's, else the device's, else conf/all's. */
export function ip6DstHoplimit(net: Net, dst: DstEntry): number {
  if (dst.metricHoplimit !== 0) return dst.metricHoplimit;
  return dst.dev.ip6?.cnf.hopLimit ?? ipv6(net).all.hopLimit;
}

/** ip6_sk_dst_hoplimit: hop limit of a datagram of the socket. */
export function ip6SkDstHoplimit(sk: InetSock, fl: Flowi6, dst: DstEntry): number {
  const np = sk.inet6!;
  const own = ipv6AddrIsMulticast(fl.daddr) ? np.mcastHops : np.hopLimit;
  return own < 0 ? ip6DstHoplimit(sk.net, dst) : own;
}

// ---- learning ----

/** rt6_insert_exception */
function insertException(net: Net, nh: Fib6Nh, rt: DstEntry): void {
  nh.exceptions ??= new Map();
  if (nh.exceptions.size >= 4096) nh.exceptions.delete(nh.exceptions.keys().next().value!);
  nh.exceptions.set(in6Key(rt.dst6!), { addr: rt.dst6!, rt });
  net.rtGenid6++;
  rt.genid = net.rtGenid6;
}

const nhOf = (dst: DstEntry): Fib6Nh | null => {
  const f6i = dst.fibInfo as Fib6Info | null;
  if (f6i === null) return null;
  return f6i.nhs.find((nh) => nh.rt === dst || (dst.gw6 !== null && nh.gw === dst.gw6)) ?? f6i.nhs[0] ?? null;
};

/** __ip6_rt_update_pmtu: a router said that the way to `daddr` takes packets of `mtu` bytes. */
export function ip6RtUpdatePmtu(net: Net, dst: DstEntry, daddr: Uint8Array | null, mtu: number): void {
  if (daddr !== null && dst.neigh !== null) neighConfirm(dst.neigh);
  if (mtu < IPV6_MIN_MTU || mtu >= dst6Mtu(dst)) return;
  const until = net.clock.monotonic() + ipv6Sysctl(net).rtMtuExpires * SECOND;
  if (dst.rtFlags & RTF_CACHE || dst.fibInfo === null) {
    dst.rtPmtu = mtu;
    dst.rtFlags = (dst.rtFlags | RTF_MODIFIED | RTF_EXPIRES) >>> 0;
    dst.expires = until;
    return;
  }
  if (daddr === null) return;
  const nh = nhOf(dst);
  if (nh === null) return;
  const rt = cacheAlloc(net, dst.fibInfo as Fib6Info, nh, daddr);
  rt.rtPmtu = mtu;
  rt.rtFlags = (rt.rtFlags | RTF_MODIFIED | RTF_EXPIRES) >>> 0;
  rt.expires = until;
  insertException(net, nh, rt);
}

const learnFlow = new Flowi6();

/** ip6_update_pmtu: for errHandlers of ICMPV6_PKT_TOOBIG. `skb.data` is at the quoted IPv6 header. */
export function ip6UpdatePmtu(net: Net, skb: SkBuff, mtu: number, oif: number, mark: number): void {
  const { head, data: at } = skb;
  const fl = learnFlow.clear();
  fl.oif = oif;
  fl.mark = mark;
  fl.daddr.set(head.subarray(at + IP6_DADDR, at + IP6_DADDR + 16));
  fl.saddr.set(head.subarray(at + IP6_SADDR, at + IP6_SADDR + 16));
  const dst = ip6RouteOutput(net, null, fl);
  if (dst.error === 0) ip6RtUpdatePmtu(net, dst, fl.daddr, mtu);
}

/** ip6_sk_update_pmtu: the same for a socket's packet. */
export function ip6SkUpdatePmtu(net: Net, skb: SkBuff, sk: Sock, mtu: number): void {
  ip6UpdatePmtu(net, skb, mtu, sk.boundDevIf, sk.mark);
  if (sk.dst !== null && sk.dst.idev6 !== null && rt6IsStale(net, sk.dst)) sk.dst = null;
}

/** The route whose router `gateway` says that there is a better one (ip6_route_redirect). */
function routeRedirect(
  net: Net,
  skb: SkBuff,
  daddr: Uint8Array,
  gateway: Uint8Array,
  oif: number,
): { f6i: Fib6Info; nh: Fib6Nh } | null {
  const { dev } = skb;
  const probe: ProbeHook = () => {};
  for (const id of fib6(net).tables.keys()) {
    // The most specific prefix first: its next hops, and what was learned about them.
    fib6TableLookup(net, fib6Table(net, id), dev!.ifindex, daddr, result, RT6_LOOKUP_F_IFACE, probe);
    const { f6i } = result;
    if (f6i === null) continue;
    for (const candidate of fib6TableRoutes(f6i.table)) {
      if (candidate.plen !== f6i.plen || !in6Equal(candidate.dst, f6i.dst) || isReject(candidate)) continue;
      for (const nh of candidate.nhs) {
        if (nh.dev.ifindex !== oif || nh.gw === null) continue;
        const learned = nh.exceptions?.get(in6Key(daddr))?.rt.gw6;
        if (in6Equal(nh.gw, gateway) || (learned && in6Equal(learned, gateway))) return { f6i: candidate, nh };
      }
    }
  }
  return null;
}

/** What ndisc.ts does with the target of a redirect: its entry, updated; null where it says nothing valid. */
export type RedirectTarget = (net: Net, skb: SkBuff, onLink: boolean) => Neighbour | null;
const targets = new WeakMap<Net, RedirectTarget>();
export function rt6SetRedirectTarget(net: Net, target: RedirectTarget): void {
  targets.set(net, target);
}

const RD_TARGET = 8;
const RD_DEST = 24;

/** ip6_redirect: for errHandlers of NDISC_REDIRECT (type 137). `skb.transportHeader` is at the redirect, `skb.data` at
 * the quoted IPv6 header, which was sent by the device `oif`: to a router of another device, or of 0, nothing is believed. */
export function ip6Redirect(net: Net, skb: SkBuff, oif: number): void {
  doRedirect(net, skb, in6Copy(skb.head, skb.data + IP6_DADDR), oif);
}

/** ip6_redirect_no_header: a redirect that quotes nothing. */
export function ip6RedirectNoHeader(net: Net, skb: SkBuff): void {
  if (skb.tail - skb.transportHeader < 40) return;
  doRedirect(net, skb, in6Copy(skb.head, skb.transportHeader + RD_DEST), skb.dev!.ifindex);
}

/** rt6_do_redirect */
function doRedirect(net: Net, skb: SkBuff, daddr: Uint8Array, oif: number): void {
  const { head, transportHeader: at, networkHeader } = skb;
  if (skb.tail - at < 40) return;
  const dest = in6Copy(head, at + RD_DEST);
  const target = in6Copy(head, at + RD_TARGET);
  const found = routeRedirect(net, skb, daddr, in6Copy(head, networkHeader + IP6_SADDR), oif);
  if (found === null || ipv6AddrIsMulticast(dest)) return;
  const onLink = in6Equal(dest, target);
  if (!onLink && !(ipv6AddrType(target) & IPV6_ADDR_LINKLOCAL)) return;
  const idev: Inet6Dev | null = skb.dev!.ip6;
  if (idev === null || idev.cnf.forwarding !== 0 || idev.cnf.acceptRedirects === 0) return;
  const from = neighLookup(ndTbl(net), skb.dev!, in6Key(head, networkHeader + IP6_SADDR));
  const neigh = targets.get(net)?.(net, skb, onLink) ?? null;
  if (neigh === null) return;
  // Redirects are sent in answer to packets only: the router is reachable.
  if (from !== null) neighConfirm(from);
  const rt = cacheAlloc(net, found.f6i, found.nh, dest);
  rt.rtFlags = onLink ? RTF_UP | RTF_DYNAMIC | RTF_CACHE : RTF_GATEWAY | RTF_UP | RTF_DYNAMIC | RTF_CACHE;
  rt.gw6 = neigh.key6;
  insertException(net, found.nh, rt);
}

/** ip6_sk_redirect */
export function ip6SkRedirect(net: Net, skb: SkBuff, sk: Sock): void {
  ip6Redirect(net, skb, sk.boundDevIf);
  if (sk.dst !== null && sk.dst.idev6 !== null && rt6IsStale(net, sk.dst)) sk.dst = null;
}

export const isLoopbackRoute = (dst: DstEntry): boolean => (dst.dev.flags & IFF_LOOPBACK) !== 0;

export function route6Init(net: Net, handlers: Route6Handlers): void {
  net.gen[ROUTE6_KEY] = { handlers, nullEntry: null } satisfies Route6State;
}
