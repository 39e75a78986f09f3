import { IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT } from '../../uapi/if.ts';
import { IFA_F_OPTIMISTIC, IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { PACKET_LOOPBACK } from '../../uapi/if_packet.ts';
import { NUD_FAILED, NUD_NOARP, NUD_REACHABLE, NUD_STALE } from '../../uapi/neighbour.ts';
import { RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST } from '../../uapi/rtnetlink.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import { NETDEV_CHANGEADDR } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_SADDR } from '../headers.ts';
import {
  NEIGH_UPDATE_F_ISROUTER,
  NEIGH_UPDATE_F_OVERRIDE,
  NEIGH_UPDATE_F_OVERRIDE_ISROUTER,
  NEIGH_UPDATE_F_WEAK_OVERRIDE,
  NTF_ROUTER,
  NUD_VALID,
  neighChangeaddr,
  neighCreate,
  neighLookup,
  neighSetProbeOnce,
  neighTable,
  neighUpdate,
} from '../neighbour.ts';
import { kfreeSkb, pskbMayPull } from '../skbuff.ts';
import type { Inet6Ifaddr, Neighbour, Net, NetDevice, SkBuff } from '../structs.ts';
import {
  addrconfAddrSolictMult,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IPV6_ADDR_LINKLOCAL,
  in6Copy,
  in6Key,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsMulticast,
  ipv6AddrIsSolictMult,
  ipv6AddrType,
  ipv6EthMcMap,
} from './addr.ts';
import { ipv6ChkAcastAddr } from './anycast.ts';
import {
  ICMPV6_ADDR_UNREACH,
  ICMPV6_DEST_UNREACH,
  icmpv6Notify,
  icmpv6Send,
  icmpv6SetHooks,
  NDISC_NEIGHBOUR_ADVERTISEMENT,
  NDISC_NEIGHBOUR_SOLICITATION,
  NDISC_REDIRECT,
  NDISC_ROUTER_ADVERTISEMENT,
  NDISC_ROUTER_SOLICITATION,
} from './icmpv6.ts';
import { ipv6ChkAddrAndFlags, ipv6GetIfaddr } from './inet6-addr.ts';
import { type Fib6Nh, fib6CleanAll, RTF_ADDRCONF, RTF_DEFAULT, RTF_GATEWAY } from './ip6-fib.ts';
import { IP6SKB_FRAGMENTED, ipv6, ndTbl } from './ipv6.ts';
import {
  ND_MSG_LEN,
  ND_OPT_MTU,
  ND_OPT_NONCE,
  ND_OPT_PREFIX_INFO,
  ND_OPT_REDIRECT_HDR,
  ND_OPT_ROUTE_INFO,
  ND_OPT_SOURCE_LL_ADDR,
  ND_OPT_TARGET_LL_ADDR,
  ND_TARGET,
  ndiscSendNa,
  ndiscSendNs,
  ndSendInit,
  RD_MSG_LEN,
} from './nd-send.ts';
import { ip6RedirectNoHeader, rt6SetRedirectTarget } from './route6.ts';

/** Neighbour discovery, RFC 4861 (net/ipv6/ndisc.c): the table of neighbours, solicitations and advertisements received,
 * redirects. Router advertisements are in ra.ts. */

// ---- options ----

/** Where the options of a message are in its bytes: offset by type, those that may be there more than once in lists. */
export interface NdOptions {
  readonly at: Map<number, number>;
  readonly prefixes: number[];
  readonly routes: number[];
}

/** ndisc_parse_options: null where a length is wrong. */
export function ndiscParseOptions(bytes: Uint8Array, at: number, end: number): NdOptions | null {
  if (end < at) return null;
  const options: NdOptions = { at: new Map(), prefixes: [], routes: [] };
  while (at < end) {
    if (end - at < 2) return null;
    const length = bytes[at + 1]! << 3;
    if (length === 0 || length > end - at) return null;
    const type = bytes[at]!;
    switch (type) {
      case ND_OPT_SOURCE_LL_ADDR:
      case ND_OPT_TARGET_LL_ADDR:
      case ND_OPT_MTU:
      case ND_OPT_NONCE:
      case ND_OPT_REDIRECT_HDR:
        if (!options.at.has(type)) options.at.set(type, at);
        break;
      case ND_OPT_PREFIX_INFO:
        options.prefixes.push(at);
        break;
      case ND_OPT_ROUTE_INFO:
        options.routes.push(at);
        break;
    }
    at += length;
  }
  return options;
}

/** ndisc_opt_addr_data: the link address of an option; null where it is not there, 'bad' where its length is not that of
 * the device's addresses. */
export function ndiscAddress(
  head: Uint8Array,
  options: NdOptions,
  type: number,
  dev: NetDevice,
): Uint8Array | null | 'bad' {
  const at = options.at.get(type);
  if (at === undefined) return null;
  const space = (dev.addrLen + 2 + 7) & ~7;
  if (head[at + 1]! << 3 !== space) return 'bad';
  return head.slice(at + 2, at + 2 + dev.addrLen);
}

/** What addrconf.ts and ra.ts do with what is heard. */
export interface NdiscHooks {
  /** Somebody else has, or is about to take, an address of ours that is still tentative. */
  dadFailure(net: Net, ifp: Inet6Ifaddr): void;
  /** A router advertisement: '' or the reason of its drop. `skb.data` is at the message. */
  routerDiscovery(net: Net, skb: SkBuff): string;
}
const NDISC_KEY = 29;
const hooks = (net: Net): NdiscHooks => net.gen[NDISC_KEY] as NdiscHooks;
export function ndiscSetHooks(net: Net, made: NdiscHooks): void {
  net.gen[NDISC_KEY] = made;
}

// ---- received ----

function recvNs(net: Net, skb: SkBuff): string {
  const dev = skb.dev!;
  const { head, networkHeader, transportHeader: at } = skb;
  const dropped = reason.NOT_SPECIFIED;
  if (skb.len < ND_MSG_LEN) return reason.PKT_TOO_SMALL;
  const target = in6Copy(head, at + ND_TARGET);
  if (ipv6AddrIsMulticast(target)) return dropped;
  const saddr = in6Copy(head, networkHeader + IP6_SADDR);
  const dad = ipv6AddrAny(saddr);
  // RFC 4861 7.1.1: from the unspecified address only to a solicited-node group, and without a link address.
  if (dad && !ipv6AddrIsSolictMult(head, networkHeader + IP6_DADDR)) return dropped;
  const options = ndiscParseOptions(head, at + ND_MSG_LEN, skb.tail);
  if (options === null) return reason.IPV6_NDISC_BAD_OPTIONS;
  const lladdr = ndiscAddress(head, options, ND_OPT_SOURCE_LL_ADDR, dev);
  if (lladdr === 'bad' || (lladdr !== null && dad)) return dropped;
  const nonceAt = options.at.get(ND_OPT_NONCE);
  const nonce = nonceAt !== undefined && head[nonceAt + 1] === 1 ? head.slice(nonceAt + 2, nonceAt + 8) : null;
  const multicast = ipv6AddrIsMulticast(head, networkHeader + IP6_DADDR);
  const ifp = ipv6GetIfaddr(net, target, dev, true);
  const idev = ifp?.idev ?? dev.ip6;
  let proxied = -1;
  if (ifp !== null) {
    if (ifp.flags & (IFA_F_TENTATIVE | IFA_F_OPTIMISTIC)) {
      if (dad) {
        // RFC 7527: our own probe, looped back.
        const own =
          nonce !== null &&
          ifp.dadNonce !== null &&
          nonce.some((b) => b !== 0) &&
          nonce.every((b, i) => b === ifp.dadNonce![i]);
        if (!own) hooks(net).dadFailure(net, ifp);
        return dropped;
      }
      if (!(ifp.flags & IFA_F_OPTIMISTIC)) return dropped;
    }
  } else {
    if (idev === null) return dropped;
    if (!ipv6ChkAcastAddr(net, dev, target)) {
      const proxy = idev.cnf.forwarding !== 0 && (ipv6(net).all.proxyNdp !== 0 || idev.cnf.proxyNdp !== 0);
      const flags = proxy ? ndTbl(net).pneigh.get(`${dev.ifindex} ${in6Key(target)}`) : undefined;
      if (flags === undefined) return reason.IPV6_NDISC_NS_OTHERHOST;
      proxied = flags & NTF_ROUTER ? 1 : 0;
    }
  }
  const router = proxied < 0 ? idev!.cnf.forwarding !== 0 : proxied === 1;
  if (dad) {
    ndiscSendNa(dev, IN6ADDR_LINKLOCAL_ALLNODES, target, {
      router,
      solicited: false,
      override: ifp !== null,
      withAddress: true,
    });
    return dropped;
  }
  const key = in6Key(saddr);
  const tbl = ndTbl(net);
  const create = !multicast || lladdr !== null || dev.addrLen === 0;
  const neigh = create ? neighCreate(tbl, dev, key, saddr) : neighLookup(tbl, dev, key);
  if (neigh !== null) neighUpdate(neigh, lladdr, NUD_STALE, NEIGH_UPDATE_F_WEAK_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE);
  if (neigh === null && dev.headerOps !== null) return dropped;
  ndiscSendNa(dev, saddr, target, {
    router,
    solicited: true,
    override: ifp !== null && multicast,
    withAddress: multicast,
  });
  return '';
}

/** accept_untracked_na: RFC 9131, from whom an advertisement nobody asked for makes an entry. */
function acceptUntrackedNa(dev: NetDevice, saddr: Uint8Array): boolean {
  switch (dev.ip6!.cnf.acceptUntrackedNa) {
    case 0:
      return false;
    case 1:
      return true;
    default:
      return dev.ip6!.addrList.some((ifp) => sameSubnet(ifp, saddr));
  }
}
const sameSubnet = (ifp: Inet6Ifaddr, addr: Uint8Array): boolean => {
  for (let i = 0; i < ifp.prefixLen; i++)
    if (((ifp.addr[i >>> 3]! ^ addr[i >>> 3]!) >>> (7 - (i & 7))) & 1) return false;
  return true;
};

function recvNa(net: Net, skb: SkBuff): string {
  const dev = skb.dev!;
  const { head, networkHeader, transportHeader: at } = skb;
  const dropped = reason.NOT_SPECIFIED;
  if (skb.len < ND_MSG_LEN) return reason.PKT_TOO_SMALL;
  const target = in6Copy(head, at + ND_TARGET);
  const flags = head[at + 4]!;
  const solicited = (flags & 0x40) !== 0;
  if (ipv6AddrIsMulticast(target)) return dropped;
  if (ipv6AddrIsMulticast(head, networkHeader + IP6_DADDR) && solicited) return dropped;
  const idev = dev.ip6;
  if (!solicited && idev !== null && idev.cnf.dropUnsolicitedNa !== 0) return dropped;
  const options = ndiscParseOptions(head, at + ND_MSG_LEN, skb.tail);
  if (options === null) return reason.IPV6_NDISC_BAD_OPTIONS;
  const lladdr = ndiscAddress(head, options, ND_OPT_TARGET_LL_ADDR, dev);
  if (lladdr === 'bad') return dropped;
  const ifp = ipv6GetIfaddr(net, target, dev, true);
  if (ifp !== null) {
    if (skb.pktType !== PACKET_LOOPBACK && ifp.flags & IFA_F_TENTATIVE) hooks(net).dadFailure(net, ifp);
    return dropped;
  }
  const tbl = ndTbl(net);
  const saddr = in6Copy(head, networkHeader + IP6_SADDR);
  let state = solicited ? NUD_REACHABLE : NUD_STALE;
  let neigh = neighLookup(tbl, dev, in6Key(target));
  if (
    neigh === null &&
    lladdr !== null &&
    idev !== null &&
    idev.cnf.forwarding !== 0 &&
    acceptUntrackedNa(dev, saddr)
  ) {
    neigh = neighCreate(tbl, dev, in6Key(target), target);
    state = NUD_STALE;
  }
  if (neigh === null || neigh.nudState & NUD_FAILED) return dropped;
  const before = neigh.flags;
  neighUpdate(
    neigh,
    lladdr,
    state,
    NEIGH_UPDATE_F_WEAK_OVERRIDE |
      (flags & 0x20 ? NEIGH_UPDATE_F_OVERRIDE : 0) |
      NEIGH_UPDATE_F_OVERRIDE_ISROUTER |
      (flags & 0x80 ? NEIGH_UPDATE_F_ISROUTER : 0),
  );
  // A router that is one no more: its routes go (rt6_clean_tohost).
  if (before & ~neigh.flags & NTF_ROUTER)
    fib6CleanAll(
      net,
      (f6i) =>
        (f6i.flags & (RTF_ADDRCONF | RTF_DEFAULT | RTF_GATEWAY)) === (RTF_ADDRCONF | RTF_DEFAULT | RTF_GATEWAY) &&
        f6i.nhs.some((nh) => nh.gw !== null && ipv6AddrEqual(nh.gw, 0, saddr, 0)),
    );
  return '';
}

function recvRs(net: Net, skb: SkBuff): string {
  const dev = skb.dev!;
  const { head, networkHeader, transportHeader: at } = skb;
  const dropped = reason.NOT_SPECIFIED;
  if (skb.len < 8) return reason.PKT_TOO_SMALL;
  if (dev.ip6 === null || dev.ip6.cnf.forwarding === 0) return dropped;
  if (ipv6AddrAny(head, networkHeader + IP6_SADDR)) return dropped;
  const options = ndiscParseOptions(head, at + 8, skb.tail);
  if (options === null) return reason.IPV6_NDISC_BAD_OPTIONS;
  const lladdr = ndiscAddress(head, options, ND_OPT_SOURCE_LL_ADDR, dev);
  if (lladdr === 'bad') return dropped;
  const saddr = in6Copy(head, networkHeader + IP6_SADDR);
  const neigh = neighCreate(ndTbl(net), dev, in6Key(saddr), saddr);
  if (neigh === null) return dropped;
  neighUpdate(
    neigh,
    lladdr,
    NUD_STALE,
    NEIGH_UPDATE_F_WEAK_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_OVERRIDE_ISROUTER,
  );
  return '';
}

/** ndisc_redirect_rcv */
function recvRedirect(net: Net, skb: SkBuff): string {
  const { head, networkHeader, transportHeader: at } = skb;
  if (!(ipv6AddrType(head, networkHeader + IP6_SADDR) & IPV6_ADDR_LINKLOCAL)) return reason.NOT_SPECIFIED;
  const options = ndiscParseOptions(head, at + RD_MSG_LEN, skb.tail);
  if (options === null) return reason.IPV6_NDISC_BAD_OPTIONS;
  const quoted = options.at.get(ND_OPT_REDIRECT_HDR);
  if (quoted === undefined) {
    ip6RedirectNoHeader(net, skb);
    return reason.NOT_SPECIFIED;
  }
  // The option's header goes too: what it quotes is a packet of ours.
  const pull = quoted + 8 - skb.data;
  skb.data += pull;
  skb.len -= pull;
  return icmpv6Notify(net, skb, NDISC_REDIRECT, 0, 0);
}

/** What rt6_do_redirect does with the target's entry. */
function redirectTarget(net: Net, skb: SkBuff, onLink: boolean): Neighbour | null {
  const dev = skb.dev!;
  const { head, transportHeader: at } = skb;
  const options = ndiscParseOptions(head, at + RD_MSG_LEN, skb.tail);
  if (options === null) return null;
  const lladdr = ndiscAddress(head, options, ND_OPT_TARGET_LL_ADDR, dev);
  if (lladdr === 'bad') return null;
  const target = in6Copy(head, at + ND_TARGET);
  const neigh = neighCreate(ndTbl(net), dev, in6Key(target), target);
  if (neigh === null) return null;
  neighUpdate(
    neigh,
    lladdr,
    NUD_STALE,
    NEIGH_UPDATE_F_WEAK_OVERRIDE |
      NEIGH_UPDATE_F_OVERRIDE |
      (onLink ? 0 : NEIGH_UPDATE_F_OVERRIDE_ISROUTER | NEIGH_UPDATE_F_ISROUTER),
  );
  return neigh;
}

function ndiscRcv(net: Net, skb: SkBuff): string {
  if (skb.dev!.ip6 !== null && skb.dev!.ip6.cnf.suppressFragNdisc !== 0 && skb.cbFlags & IP6SKB_FRAGMENTED)
    return reason.IPV6_NDISC_FRAG;
  if (!pskbMayPull(net, skb, skb.len)) return reason.NOT_SPECIFIED;
  const at = skb.transportHeader;
  const push = skb.data - at;
  skb.data -= push;
  skb.len += push;
  // RFC 4861: a hop limit of 255 shows that it came from the link.
  if (skb.head[skb.networkHeader + IP6_HOP_LIMIT] !== 255) return reason.IPV6_NDISC_HOP_LIMIT;
  if (skb.head[at + 1] !== 0) return reason.IPV6_NDISC_BAD_CODE;
  if (net.tracer !== null) net.tracer.enter(net, 'ndisc_rcv', skb, `type ${skb.head[at]}`);
  switch (skb.head[at]) {
    case NDISC_NEIGHBOUR_SOLICITATION:
      return recvNs(net, skb);
    case NDISC_NEIGHBOUR_ADVERTISEMENT:
      return recvNa(net, skb);
    case NDISC_ROUTER_SOLICITATION:
      return recvRs(net, skb);
    case NDISC_ROUTER_ADVERTISEMENT:
      return hooks(net).routerDiscovery(net, skb);
    case NDISC_REDIRECT:
      return recvRedirect(net, skb);
    default:
      return reason.NOT_SPECIFIED;
  }
}

/** rt6_probe: a router whose entry is not known to be good is asked after, not oftener than router_probe_interval. */
export function rt6Probe(net: Net, nh: Fib6Nh): void {
  const idev = nh.dev.ip6;
  if (nh.gw === null || idev === null) return;
  const neigh = neighLookup(ndTbl(net), nh.dev, in6Key(nh.gw));
  if (neigh !== null && neigh.nudState & NUD_VALID) return;
  const now = net.clock.monotonic();
  const since = neigh !== null ? neigh.updated : nh.lastProbe;
  if (now <= since + idev.cnf.rtrProbeInterval * 1e9) return;
  if (neigh !== null) neighSetProbeOnce(neigh);
  nh.lastProbe = now;
  const { gw, dev } = nh;
  net.clock.after(0, () => ndiscSendNs(dev, gw, addrconfAddrSolictMult(gw), null, null));
}

export function ndiscInit(net: Net): void {
  ndSendInit(net);
  const tbl = neighTable(net, {
    family: AF_INET6,
    id: 'ndisc_cache',
    protocol: ETH_P_IPV6,
    constructor_(neigh) {
      const { dev, key6 } = neigh;
      if (dev.ip6 === null) return -22;
      const multicast = ipv6AddrIsMulticast(key6!);
      neigh.type = multicast ? RTN_MULTICAST : RTN_UNICAST;
      if (dev.headerOps === null) neigh.nudState = NUD_NOARP;
      else if (multicast) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = ipv6EthMcMap(key6!);
      } else if (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = dev.devAddr.slice();
        if (dev.flags & IFF_LOOPBACK) neigh.type = RTN_LOCAL;
      } else if (dev.flags & IFF_POINTOPOINT) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = dev.broadcast.slice();
      }
      return 0;
    },
    solicit(neigh, skb) {
      const { dev, parms } = neigh;
      const target = neigh.key6!;
      const source = skb === null ? null : in6Copy(skb.head, skb.networkHeader + IP6_SADDR);
      const banned = IFA_F_TENTATIVE | IFA_F_OPTIMISTIC;
      const saddr = source !== null && ipv6ChkAddrAndFlags(net, source, dev, true, banned) !== null ? source : null;
      let probes = neigh.probes - parms.ucastProbes;
      if (probes < 0) ndiscSendNs(dev, target, target, saddr, null);
      else {
        probes -= parms.appProbes;
        // The first of the application's probes are a daemon's, and there is none.
        if (probes >= 0) ndiscSendNs(dev, target, addrconfAddrSolictMult(target), saddr, null);
      }
    },
    errorReport(_neigh, skb) {
      icmpv6Send(net, skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
      kfreeSkb(net, skb, reason.NEIGH_FAILED, 'ndisc_error_report');
    },
  });
  tbl.parms.locktime = 0;
  ipv6(net).ndTbl = tbl;
  icmpv6SetHooks(net, { ndiscRcv });
  rt6SetRedirectTarget(net, redirectTarget);
  net.netdevChain.push((event, dev) => {
    if (event === NETDEV_CHANGEADDR) {
      neighChangeaddr(tbl, dev);
      net.rtGenid6++;
    }
  });
}
