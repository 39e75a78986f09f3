import { EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV } from '../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_UP } from '../uapi/if.ts';
import { ETH_P_IP } from '../uapi/if_ether.ts';
import { IPPROTO_IGMP } from '../uapi/in.ts';
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from '../uapi/rtnetlink.ts';
import { arpTbl } from './arp.ts';
import { inDevMax, inDevOr, inetAddrOnlink, inetLookupIfaddr, inetSelectAddr, ipDevFind } from './devinet.ts';
import * as reason from './drop-reason.ts';
import {
  type FibNh,
  FibResult,
  type FibRoute,
  FLOWI_FLAG_ANYSRC,
  FLOWI_FLAG_KNOWN_NH,
  Flowi4,
  fib,
  fibLookup,
  fibResultPrefsrc,
  inetAddrType,
} from './fib.ts';
import {
  daddrOf,
  IPH_TOS,
  ipv4IsLbcast,
  ipv4IsLocalMulticast,
  ipv4IsLoopback,
  ipv4IsMulticast,
  ipv4IsZeronet,
  saddrOf,
} from './headers.ts';
import { neighCreate } from './neighbour.ts';
import { kfreeSkb } from './skbuff.ts';
import { DstEntry, type InDevice, type Neighbour, type Net, type NetDevice, type SkBuff } from './structs.ts';

/** Routes of packets (net/ipv4/route.c): what the tables say, with source address, neighbour, path MTU. */

export const RTCF_DOREDIRECT = 0x01000000;
export const RTCF_BROADCAST = 0x10000000;
export const RTCF_MULTICAST = 0x20000000;
export const RTCF_LOCAL = 0x80000000;
const IP_MAX_MTU = 0xffff;
const SECOND = 1e9;

interface Peer {
  tokens: number;
  last: number;
  nRedirects: number;
}

export const ROUTE_KEY = 5;
interface RouteState {
  /** Routes to send by, by destination, for flows that name nothing else. */
  readonly out: Map<number, { dst: DstEntry; saddr: number }>;
  readonly input: Map<number, DstEntry>;
  readonly peers: Map<number, Peer>;
  /** net.ipv4.route.* */
  mtuExpires: number;
  minPmtu: number;
  minAdvMss: number;
  genid: number;
  handlers: RouteHandlers;
}
export const routes = (net: Net): RouteState => net.gen[ROUTE_KEY] as RouteState;

/** Where routes lead: the functions of the rooms above, registered as the kernel starts. */
export interface RouteHandlers {
  localDeliver(net: Net, skb: SkBuff): number;
  forward(net: Net, skb: SkBuff): number;
  output(net: Net, sk: unknown, skb: SkBuff): number;
  mcOutput(net: Net, sk: unknown, skb: SkBuff): number;
  error(net: Net, skb: SkBuff): number;
  /** Whether `dev` hears the group from that source (ip_check_mc_rcu). */
  checkMc(inDev: InDevice, group: number, source: number, proto: number): boolean;
}

const bug = (net: Net, skb: SkBuff): number => {
  kfreeSkb(net, skb, reason.NOT_SPECIFIED, 'ip_rt_bug');
  return -EINVAL;
};

function newDst(net: Net, dev: NetDevice, flags: number, type: number): DstEntry {
  const { handlers } = routes(net);
  const dst = new DstEntry(dev, flags & RTCF_LOCAL ? handlers.localDeliver : bug, handlers.output);
  dst.rtFlags = flags;
  dst.rtType = type;
  dst.genid = net.rtGenid;
  return dst;
}

/** rt_set_nexthop: gateway, metrics, and what was learned of the destination. */
function setNexthop(net: Net, dst: DstEntry, daddr: number, route: FibRoute | null, nh: FibNh | null): void {
  if (route === null || nh === null) return;
  if (dst.rtType !== RTN_LOCAL && nh.gw !== 0) {
    dst.rtGw4 = nh.gw;
    dst.rtUsesGateway = true;
  }
  dst.metricMtu = route.mtu;
  dst.rtMtuLocked = route.mtuLocked;
  dst.metricHoplimit = route.hoplimit;
  const exception = nh.exceptions?.get(daddr);
  if (exception === undefined) return;
  if (net.clock.monotonic() >= exception.expires) {
    nh.exceptions!.delete(daddr);
    return;
  }
  if (exception.gw !== 0) {
    dst.rtGw4 = exception.gw;
    dst.rtUsesGateway = true;
  }
  dst.rtPmtu = exception.pmtu;
  if (exception.locked) dst.rtMtuLocked = true;
  dst.expires = exception.expires;
}

export const rtIsStale = (net: Net, dst: DstEntry): boolean => dst.genid !== net.rtGenid;

const result = new FibResult();

/** Chooses among several next hops by the flow (fib_select_path; the hash is of addresses). */
function selectPath(fl: Flowi4): void {
  const { nhs } = result.route!;
  if (nhs.length < 2 || fl.oif !== 0) return;
  const alive = nhs.filter((nh) => !(nh.flags & 1));
  const total = alive.reduce((sum, nh) => sum + nh.weight, 0);
  let hash = Math.imul(fl.saddr ^ Math.imul(fl.daddr, 0x9e3779b1), 0x85ebca6b) >>> 0;
  hash %= total;
  for (const nh of alive) {
    if (hash < nh.weight) {
      result.nh = nh;
      return;
    }
    hash -= nh.weight;
  }
}

/** ip_route_output_flow: a route to send by, or -errno. Fills `fl.saddr` and, for what goes nowhere else, `fl.daddr`. */
export function ipRouteOutput(net: Net, fl: Flowi4): DstEntry | number {
  const state = routes(net);
  if (state.genid !== net.rtGenid) flushCache(net, state);
  fl.iif = net.loopbackDev.ifindex;
  const { customRules, tosRoutes } = fib(net);
  const simple =
    fl.oif === 0 &&
    fl.flags === 0 &&
    fl.mark === 0 &&
    fl.scope === RT_SCOPE_UNIVERSE &&
    !customRules &&
    (!tosRoutes || fl.tos === 0);
  if (simple) {
    const cached = state.out.get(fl.daddr);
    // Another source address than the route's own must be shown to be ours first.
    if (
      cached !== undefined &&
      (fl.saddr === 0 || fl.saddr === cached.saddr) &&
      (cached.dst.expires === 0 || net.clock.monotonic() < cached.dst.expires)
    ) {
      fl.saddr = cached.saddr;
      return cached.dst;
    }
  }
  const plain = fl.saddr === 0;
  const { daddr } = fl;
  const dst = routeOutputSlow(net, fl);
  if (typeof dst !== 'number' && simple && plain && daddr !== 0 && dst.rtType !== RTN_MULTICAST) {
    if (state.out.size > 65536) state.out.clear();
    state.out.set(daddr, { dst, saddr: fl.saddr });
  }
  return dst;
}

function flushCache(net: Net, state: RouteState): void {
  state.out.clear();
  state.input.clear();
  state.genid = net.rtGenid;
}

/** rt_cache_flush, and what expires with it. */
export function rtCacheFlush(net: Net): void {
  net.rtGenid++;
}

/** The answers kept here are given up, as something that they were made from has changed; routes that sockets keep stay
 * good (Linux makes out anew for every packet what is kept here). */
export function rtForget(net: Net): void {
  flushCache(net, routes(net));
}

/** __ip_dev_find: the device of an address of ours; of those that are ours by a local route alone (127.0.0.0/8), lo. */
const sourceDev = (net: Net, saddr: number): NetDevice | null =>
  ipDevFind(net, saddr) ?? (inetAddrType(net, saddr) === RTN_LOCAL ? net.loopbackDev : null);

function routeOutputSlow(net: Net, fl: Flowi4): DstEntry | number {
  let flags = 0;
  let devOut: NetDevice | null = null;
  const origOif = fl.oif;
  result.route = null;
  result.type = RTN_UNICAST;
  result.prefixlen = 32;
  if (fl.saddr !== 0) {
    const { saddr } = fl;
    if (ipv4IsMulticast(saddr) || ipv4IsLbcast(saddr) || ipv4IsZeronet(saddr)) return -EINVAL;
    if (fl.oif === 0 && (ipv4IsMulticast(fl.daddr) || ipv4IsLbcast(fl.daddr))) {
      // It goes where its source address lives.
      devOut = sourceDev(net, saddr);
      if (devOut === null) return -ENETUNREACH;
      fl.oif = devOut.ifindex;
      return mkrouteOutput(net, fl, origOif, devOut, flags);
    }
    if (!(fl.flags & FLOWI_FLAG_ANYSRC) && sourceDev(net, saddr) === null) return -ENETUNREACH;
  }
  if (fl.oif !== 0) {
    devOut = net.devices.get(fl.oif) ?? null;
    if (devOut === null) return -ENODEV;
    if (!(devOut.flags & IFF_UP) || devOut.ip === null) return -ENETUNREACH;
    if (ipv4IsLocalMulticast(fl.daddr) || ipv4IsLbcast(fl.daddr) || fl.proto === IPPROTO_IGMP) {
      if (fl.saddr === 0) fl.saddr = inetSelectAddr(devOut, 0, RT_SCOPE_LINK);
      return mkrouteOutput(net, fl, origOif, devOut, flags);
    }
    if (fl.saddr === 0) {
      if (ipv4IsMulticast(fl.daddr)) fl.saddr = inetSelectAddr(devOut, 0, fl.scope);
      else if (fl.daddr === 0) fl.saddr = inetSelectAddr(devOut, 0, RT_SCOPE_HOST);
    }
  }
  if (fl.daddr === 0) {
    fl.daddr = fl.saddr;
    if (fl.daddr === 0) fl.daddr = fl.saddr = 0x7f000001;
    devOut = net.loopbackDev;
    fl.oif = devOut.ifindex;
    result.type = RTN_LOCAL;
    flags |= RTCF_LOCAL;
    return mkrouteOutput(net, fl, origOif, devOut, flags);
  }
  const error = fibLookup(net, fl, result);
  if (error < 0) {
    result.route = null;
    result.nh = null;
    if (fl.oif === 0) return error;
    // A device is named: the destination is taken to be on its link.
    if (fl.saddr === 0) fl.saddr = inetSelectAddr(devOut!, 0, RT_SCOPE_LINK);
    result.type = RTN_UNICAST;
    return mkrouteOutput(net, fl, origOif, devOut!, flags);
  }
  if (result.type === RTN_LOCAL) {
    if (fl.saddr === 0) fl.saddr = result.route!.prefsrc !== 0 ? result.route!.prefsrc : fl.daddr;
    const owner = result.nh!.dev!;
    devOut = net.loopbackDev;
    fl.oif = devOut.ifindex;
    flags |= RTCF_LOCAL;
    return mkrouteOutput(net, fl, owner.ifindex, devOut, flags);
  }
  selectPath(fl);
  if (fl.saddr === 0) fl.saddr = fibResultPrefsrc(result);
  devOut = result.nh!.dev!;
  return mkrouteOutput(net, fl, origOif, devOut, flags);
}

function mkrouteOutput(net: Net, fl: Flowi4, origOif: number, devOut: NetDevice, flags: number): DstEntry | number {
  const inDev = devOut.ip;
  if (inDev === null) return -EINVAL;
  if (!inDevOr(inDev, 'routeLocalnet') && ipv4IsLoopback(fl.saddr) && !(devOut.flags & IFF_LOOPBACK)) return -EINVAL;
  let { type, route } = result;
  if (ipv4IsLbcast(fl.daddr)) {
    type = RTN_BROADCAST;
    // It stays on the link, whatever the table says. A net's own broadcast address has an entry without gateway.
    route = null;
  } else if (ipv4IsMulticast(fl.daddr)) type = RTN_MULTICAST;
  else if (ipv4IsZeronet(fl.daddr)) return -EINVAL;
  if (devOut.flags & IFF_LOOPBACK) flags |= RTCF_LOCAL;
  const { handlers } = routes(net);
  if (type === RTN_BROADCAST) flags |= RTCF_BROADCAST | RTCF_LOCAL;
  else if (type === RTN_MULTICAST) {
    flags |= RTCF_MULTICAST | RTCF_LOCAL;
    if (!handlers.checkMc(inDev, fl.daddr, fl.saddr, fl.proto)) flags &= ~RTCF_LOCAL;
    // The default route carries multicast, but not to its gateway.
    if (result.prefixlen < 4) route = null;
  }
  const dst = newDst(net, devOut, flags >>> 0, type);
  dst.rtIif = origOif;
  if (flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
    if (flags & RTCF_LOCAL && !(devOut.flags & IFF_LOOPBACK)) dst.output = handlers.mcOutput;
  }
  setNexthop(net, dst, fl.daddr, route, result.nh);
  // The packet's own header may name another destination; this route's next hop is known. (Not so where no entry of the
  // table stands behind the route: groups and broadcasts by a named device go to where the header says.)
  if (route !== null && fl.flags & FLOWI_FLAG_KNOWN_NH) dst.rtNexthop4 = dst.rtUsesGateway ? dst.rtGw4 : fl.daddr;
  return dst;
}

// ---- input ----

const inFlow = new Flowi4();

/** ip_route_input: sets the packet's route. Returns '' or the reason for which it must be dropped. */
export function ipRouteInput(net: Net, skb: SkBuff, daddr: number, saddr: number, tos: number, dev: NetDevice): string {
  const state = routes(net);
  if (state.genid !== net.rtGenid) flushCache(net, state);
  const inDev = dev.ip;
  if (ipv4IsMulticast(daddr)) {
    if (inDev === null) return reason.IP_INVALID_DEST;
    const protocol = skb.head[skb.networkHeader + 9]!;
    if (!state.handlers.checkMc(inDev, daddr, saddr, protocol)) return reason.IP_INVALID_DEST;
    return routeInputMc(net, skb, daddr, saddr, dev, inDev);
  }
  // Packets of one source to one address of ours, from one device: the answer holds until the tables change.
  const cached = state.input.get(daddr);
  if (cached !== undefined && cached.dev === dev && cached.rtGw4 === saddr && !cached.rtUsesGateway) {
    skb.dst = cached;
    return '';
  }
  return routeInputSlow(net, skb, daddr, saddr, tos, dev, inDev);
}

function routeInputMc(net: Net, skb: SkBuff, daddr: number, saddr: number, dev: NetDevice, inDev: InDevice): string {
  // ip_mc_validate_source
  if (ipv4IsMulticast(saddr) || ipv4IsLbcast(saddr)) return reason.IP_INVALID_SOURCE;
  if (skb.protocol !== ETH_P_IP) return reason.INVALID_PROTO;
  if (ipv4IsLoopback(saddr) && !inDevOr(inDev, 'routeLocalnet')) return reason.IP_LOCALNET;
  if (ipv4IsZeronet(saddr)) {
    if (!ipv4IsLocalMulticast(daddr) && skb.head[skb.networkHeader + 9] !== IPPROTO_IGMP)
      return reason.IP_INVALID_SOURCE;
  } else {
    const why = fibValidateSource(net, skb, saddr, 0, dev, inDev);
    if (why !== '') return why;
  }
  const dst = newDst(net, dev, (RTCF_MULTICAST | RTCF_LOCAL) >>> 0, RTN_MULTICAST);
  dst.rtIsInput = true;
  dst.output = bug as never;
  skb.dst = dst;
  return '';
}

const sourceFlow = new Flowi4();
const sourceResult = new FibResult();

/** fib_validate_source: '' where a packet from there may come in by this device. */
function fibValidateSource(net: Net, skb: SkBuff, saddr: number, tos: number, dev: NetDevice, inDev: InDevice): string {
  const rpf = inDevMax(inDev, 'rpFilter');
  const state = fib(net);
  if (rpf === 0 && !state.customLocalRoutes && !state.customRules) {
    if (inDev.cnf.acceptLocal !== 0) return '';
    return inetLookupIfaddr(net, saddr) !== null ? reason.IP_LOCAL_SOURCE : '';
  }
  sourceFlow.daddr = saddr;
  sourceFlow.saddr = 0;
  sourceFlow.oif = 0;
  sourceFlow.iif = dev.ifindex;
  sourceFlow.mark = inDevOr(inDev, 'srcValidMark') ? skb.mark : 0;
  sourceFlow.tos = tos;
  sourceFlow.scope = RT_SCOPE_UNIVERSE;
  const error = fibLookup(net, sourceFlow, sourceResult);
  if (error < 0) return rpf === 0 ? '' : reason.IP_RPFILTER;
  if (sourceResult.type !== RTN_UNICAST && (sourceResult.type !== RTN_LOCAL || inDev.cnf.acceptLocal === 0))
    return reason.IP_INVALID_SOURCE;
  if (sourceResult.route!.nhs.some((nh) => nh.dev === dev)) return '';
  return rpf === 1 ? reason.IP_RPFILTER : '';
}

function routeInputSlow(
  net: Net,
  skb: SkBuff,
  daddr: number,
  saddr: number,
  tos: number,
  dev: NetDevice,
  inDev: InDevice | null,
): string {
  if (inDev === null) return reason.IP_INVALID_DEST;
  if (ipv4IsMulticast(saddr) || ipv4IsLbcast(saddr)) return reason.IP_INVALID_SOURCE;
  if (ipv4IsLbcast(daddr) || (saddr === 0 && daddr === 0)) return broadcastInput(net, skb, saddr, tos, dev, inDev);
  if (ipv4IsZeronet(saddr)) return reason.IP_INVALID_SOURCE;
  if (ipv4IsZeronet(daddr)) return reason.IP_INVALID_DEST;
  const localnet = inDevOr(inDev, 'routeLocalnet');
  const isLoop = (dev.flags & IFF_LOOPBACK) !== 0;
  if (ipv4IsLoopback(daddr)) {
    if (!localnet && !isLoop) return reason.IP_LOCALNET;
  } else if (ipv4IsLoopback(saddr) && !localnet && !isLoop) return reason.IP_LOCALNET;
  inFlow.oif = 0;
  inFlow.iif = dev.ifindex;
  inFlow.mark = skb.mark;
  inFlow.tos = tos & 0x1c;
  inFlow.scope = RT_SCOPE_UNIVERSE;
  inFlow.saddr = saddr;
  inFlow.daddr = daddr;
  inFlow.flags = 0;
  let error = fibLookup(net, inFlow, result);
  if (error < 0) {
    if (inDev.cnf.forwarding === 0) error = -EHOSTUNREACH;
    return unreachableInput(net, skb, dev, error);
  }
  if (result.type === RTN_BROADCAST) {
    if (inDev.cnf.bcForwarding === 0) return broadcastInput(net, skb, saddr, tos, dev, inDev);
  } else if (result.type === RTN_LOCAL) {
    const why = isLoop ? '' : fibValidateSource(net, skb, saddr, tos, dev, inDev);
    if (why !== '') return why;
    const dst = newDst(net, dev, RTCF_LOCAL, RTN_LOCAL);
    dst.rtIsInput = true;
    dst.output = bug as never;
    // Remembered with its source in rtGw4: only the cache reads that, and only of input routes.
    dst.rtGw4 = saddr;
    if (!fib(net).customRules) {
      const state = routes(net);
      if (state.input.size > 4096) state.input.clear();
      state.input.set(daddr, dst);
    }
    skb.dst = dst;
    return '';
  }
  if (inDev.cnf.forwarding === 0) return unreachableInput(net, skb, dev, -EHOSTUNREACH);
  if (result.type !== RTN_UNICAST && result.type !== RTN_BROADCAST) return reason.IP_INVALID_DEST;
  return mkrouteInput(net, skb, daddr, saddr, tos, dev, inDev);
}

function broadcastInput(net: Net, skb: SkBuff, saddr: number, tos: number, dev: NetDevice, inDev: InDevice): string {
  if (skb.protocol !== ETH_P_IP) return reason.INVALID_PROTO;
  if (!ipv4IsZeronet(saddr)) {
    const why = fibValidateSource(net, skb, saddr, tos, dev, inDev);
    if (why !== '') return why;
  }
  const dst = newDst(net, dev, (RTCF_BROADCAST | RTCF_LOCAL) >>> 0, RTN_BROADCAST);
  dst.rtIsInput = true;
  dst.output = bug as never;
  skb.dst = dst;
  return '';
}

/** A route whose input says so by ICMP (ip_error). */
function unreachableInput(net: Net, skb: SkBuff, dev: NetDevice, error: number): string {
  const dst = newDst(net, dev, 0, RTN_UNREACHABLE);
  dst.rtIsInput = true;
  dst.input = routes(net).handlers.error;
  dst.error = -error;
  skb.dst = dst;
  return '';
}

/** __mkroute_input: a packet that is to be forwarded. */
function mkrouteInput(
  net: Net,
  skb: SkBuff,
  daddr: number,
  saddr: number,
  tos: number,
  dev: NetDevice,
  inDev: InDevice,
): string {
  inFlow.saddr = saddr;
  selectPath(inFlow);
  const { nh, route } = result;
  const outDev = nh!.dev!;
  const outIn = outDev.ip;
  if (outIn === null) return reason.IP_INVALID_DEST;
  const chosen = nh!;
  const chosenRoute = route!;
  const why = fibValidateSource(net, skb, saddr, tos, dev, inDev);
  if (why !== '') return why;
  let flags = 0;
  if (outDev === dev && outIn.cnf.sendRedirects !== 0) {
    const gw = chosen.gw;
    if (inDev.cnf.sharedMedia !== 0 || inetAddrOnlink(outIn, saddr, gw !== 0 ? gw : daddr)) flags |= RTCF_DOREDIRECT;
  }
  const dst = newDst(net, outDev, flags, chosenRoute.type);
  dst.rtIsInput = true;
  dst.input = routes(net).handlers.forward;
  setNexthop(net, dst, daddr, chosenRoute, chosen);
  skb.dst = dst;
  return '';
}

/** Type of the input route and nothing else, for ARP. */
export function inputType(net: Net, skb: SkBuff, tip: number, sip: number, dev: NetDevice): number {
  const kept = skb.dst;
  const why = ipRouteInput(net, skb, tip, sip, 0, dev);
  const type = why === '' && skb.dst !== null ? skb.dst.rtType : -1;
  const out = skb.dst?.dev;
  skb.dst = kept;
  // Proxy ARP must not answer for what is reached by the device itself.
  return type === RTN_UNICAST && out === dev ? -1 : type;
}

// ---- what a route knows ----

/** Next hop's entry in the ARP table, made where need be; kept with the route. */
export function ipNeighForGw(dst: DstEntry, daddr: number): Neighbour | null {
  const key = dst.rtUsesGateway ? dst.rtGw4 : dst.rtNexthop4 !== 0 ? dst.rtNexthop4 : daddr;
  const { neigh } = dst;
  if (neigh !== null && !neigh.dead && dst.neighKey === key) return neigh;
  // Everything on loopback is one neighbour.
  const made = neighCreate(arpTbl(dst.dev.net), dst.dev, dst.dev.flags & IFF_LOOPBACK ? 0 : key, null);
  dst.neigh = made;
  dst.neighKey = key;
  return made;
}

/** ipv4_mtu */
export function dstMtu(net: Net, dst: DstEntry): number {
  if (dst.rtPmtu !== 0) {
    if (net.clock.monotonic() < dst.expires) return dst.rtPmtu;
    dst.rtPmtu = 0;
  }
  if (dst.metricMtu !== 0) return Math.min(dst.metricMtu, IP_MAX_MTU);
  // What is not to be found out is kept below what every router takes.
  const mtu = dst.rtMtuLocked && dst.rtUsesGateway ? Math.min(dst.dev.mtu, 576) : dst.dev.mtu;
  return Math.min(mtu, IP_MAX_MTU);
}

/** ip_dst_mtu_maybe_forward: what a packet that is forwarded may have. */
export function dstMtuForward(net: Net, dst: DstEntry, usePmtu: boolean): number {
  if (usePmtu || dst.rtMtuLocked) return dstMtu(net, dst);
  if (dst.metricMtu !== 0) return Math.min(dst.metricMtu, IP_MAX_MTU);
  return Math.min(dst.dev.mtu, IP_MAX_MTU);
}

/** inet_peer_xrlim_allow: one message each `timeout` nanoseconds to a peer, with a burst of six. */
const XRLIM_BURST_FACTOR = 6;
export function inetPeerXrlimAllow(net: Net, daddr: number, timeout: number): boolean {
  const { peers } = routes(net);
  const now = net.clock.monotonic();
  let peer = peers.get(daddr);
  if (peer === undefined) {
    if (peers.size > 65536) peers.clear();
    peer = { tokens: 0, last: now - 60 * SECOND, nRedirects: 0 };
    peers.set(daddr, peer);
  }
  peer.tokens = Math.min(peer.tokens + now - peer.last, XRLIM_BURST_FACTOR * timeout);
  peer.last = now;
  if (peer.tokens < timeout) return false;
  peer.tokens -= timeout;
  return true;
}

/** Redirects to one peer become rarer, and end (ip_rt_send_redirect). True where one may go out now. */
const REDIRECT_LOAD = SECOND / 50;
const REDIRECT_NUMBER = 9;
const REDIRECT_SILENCE = REDIRECT_LOAD * 1024;
export function redirectAllowed(net: Net, daddr: number): boolean {
  const { peers } = routes(net);
  const now = net.clock.monotonic();
  let peer = peers.get(daddr);
  if (peer === undefined) {
    peer = { tokens: 0, last: now, nRedirects: 0 };
    peers.set(daddr, peer);
  }
  if (peer.nRedirects > 0 && now > peer.last + REDIRECT_SILENCE) peer.nRedirects = 0;
  if (peer.nRedirects >= REDIRECT_NUMBER) {
    peer.last = now;
    return false;
  }
  if (peer.nRedirects === 0 || now > peer.last + REDIRECT_LOAD * 2 ** peer.nRedirects) {
    peer.last = now;
    peer.nRedirects++;
    return true;
  }
  return false;
}

/** inet_iif: index of the device that a socket must be bound to, or not bound at all, to have this packet. Of what came over
 * the loopback it is the device that the address belongs to. */
export const inetIif = (skb: SkBuff): number => (skb.dst !== null && skb.dst.rtIif !== 0 ? skb.dst.rtIif : skb.iif);

/** The address of ours that a received packet is to be answered from (fib_compute_spec_dst). */
export function fibComputeSpecDst(net: Net, skb: SkBuff): number {
  const dst = skb.dst!;
  const at = skb.networkHeader;
  if ((dst.rtFlags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL)) >>> 0 === RTCF_LOCAL) return daddrOf(skb.head, at);
  const dev = skb.dev!;
  const saddr = saddrOf(skb.head, at);
  let scope = RT_SCOPE_UNIVERSE;
  if (!ipv4IsZeronet(saddr)) {
    sourceFlow.daddr = saddr;
    sourceFlow.saddr = 0;
    sourceFlow.oif = 0;
    sourceFlow.iif = net.loopbackDev.ifindex;
    sourceFlow.tos = skb.head[at + IPH_TOS]! & 0x1c;
    sourceFlow.scope = RT_SCOPE_UNIVERSE;
    if (fibLookup(net, sourceFlow, sourceResult) === 0 && sourceResult.nh !== null)
      return fibResultPrefsrc(sourceResult);
  } else scope = RT_SCOPE_LINK;
  return inetSelectAddr(dev, saddr, scope);
}

export function routeInit(net: Net, handlers: RouteHandlers): void {
  net.gen[ROUTE_KEY] = {
    out: new Map(),
    input: new Map(),
    peers: new Map(),
    mtuExpires: 600,
    minPmtu: 552,
    minAdvMss: 256,
    genid: -1,
    handlers,
  } satisfies RouteState;
}
