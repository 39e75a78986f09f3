import { be16, be32 } from '../../bytes/endian.ts';
import { IFA_F_DEPRECATED, IFA_F_MANAGETEMPADDR } from '../../uapi/if_addr.ts';
import { NUD_STALE } from '../../uapi/neighbour.ts';
import * as reason from '../drop-reason.ts';
import { IP6_SADDR } from '../headers.ts';
import {
  NEIGH_UPDATE_F_ISROUTER,
  NEIGH_UPDATE_F_OVERRIDE,
  NEIGH_UPDATE_F_OVERRIDE_ISROUTER,
  NEIGH_UPDATE_F_WEAK_OVERRIDE,
  NTF_ROUTER,
  neighCreate,
  neighUpdate,
  randReachTime,
} from '../neighbour.ts';
import type { Inet6Dev, Neighbour, Net, NetDevice, SkBuff } from '../structs.ts';
import {
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_MULTICAST,
  IPV6_ADDR_SCOPE_MASK,
  in6Copy,
  in6Key,
  ipv6AddrType,
} from './addr.ts';
import { addrconfVerify } from './addrconf.ts';
import { addrconfDadFailure, addrconfDadStart } from './dad.ts';
import { ipv6ChkAddr, ipv6GetIfaddr } from './inet6-addr.ts';
import {
  addrconfPrefixRoute,
  IF_RA_MANAGED,
  IF_RA_OTHERCONF,
  IF_RA_RCVD,
  IF_RS_SENT,
  INFINITY_LIFE_TIME,
  ipv6AcceptRa,
  ipv6AddAddr,
  ipv6GenerateEui64,
} from './inet6-ifaddr.ts';
import {
  type Fib6Info,
  fib6Del,
  RTF_ADDRCONF,
  RTF_DEFAULT,
  RTF_EXPIRES,
  RTF_PREF_MASK,
  RTF_PREF_SHIFT,
  RTF_PREFIX_RT,
} from './ip6-fib.ts';
import { ndTbl } from './ipv6.ts';
import { ND_OPT_MTU, ND_OPT_SOURCE_LL_ADDR } from './nd-send.ts';
import { ndiscAddress, ndiscParseOptions, ndiscSetHooks } from './ndisc.ts';
import { armGc, prefixRouteOf, rt6AddDfltRouter, rt6GetDfltRouter } from './route6-add.ts';

/** Router advertisements, RFC 4861 6.3.4 and RFC 4862 5.5.3 (ndisc_router_discovery, addrconf_prefix_rcv). */

const RA_HOP_LIMIT = 4;
const RA_FLAGS = 5;
const RA_LIFETIME = 6;
const RA_REACHABLE = 8;
const RA_RETRANS = 12;
const RA_LEN = 16;
const PREFIX_LEN = 2;
const PREFIX_FLAGS = 3;
const PREFIX_VALID = 4;
const PREFIX_PREFERRED = 8;
const PREFIX_ADDR = 16;
const IPV6_MIN_MTU = 1280;
/** RFC 4862 5.5.3 e: a lifetime is not shortened below two hours. */
const MIN_VALID_LIFETIME = 7200;
const SECOND = 1e9;
const MS = 1e6;

function routerDiscovery(net: Net, skb: SkBuff): string {
  const dev = skb.dev!;
  const { head, networkHeader, transportHeader: at } = skb;
  const dropped = reason.NOT_SPECIFIED;
  if (!(ipv6AddrType(head, networkHeader + IP6_SADDR) & IPV6_ADDR_LINKLOCAL)) return dropped;
  if (skb.tail - at < RA_LEN) return reason.PKT_TOO_SMALL;
  const idev = dev.ip6;
  if (idev === null) return dropped;
  const options = ndiscParseOptions(head, at + RA_LEN, skb.tail);
  if (options === null) return reason.IPV6_NDISC_BAD_OPTIONS;
  const saddr = in6Copy(head, networkHeader + IP6_SADDR);
  const accept = ipv6AcceptRa(idev);
  let router: { rt: Fib6Info | null; neigh: Neighbour | null } = { rt: null, neigh: null };
  if (accept) {
    if (idev.ifFlags & IF_RS_SENT) idev.ifFlags |= IF_RA_RCVD;
    const flags = head[at + RA_FLAGS]!;
    idev.ifFlags =
      (idev.ifFlags & ~(IF_RA_MANAGED | IF_RA_OTHERCONF)) |
      (flags & 0x80 ? IF_RA_MANAGED : 0) |
      (flags & 0x40 ? IF_RA_OTHERCONF : 0);
    const found = defaultRouter(net, idev, saddr, head, at);
    if (found === null) return dropped;
    router = found;
    neighbourTimes(idev, head, at);
  }
  const neigh = router.neigh ?? neighCreate(ndTbl(net), dev, in6Key(saddr), saddr);
  const lladdr = ndiscAddress(head, options, ND_OPT_SOURCE_LL_ADDR, dev);
  if (neigh !== null) {
    if (lladdr === 'bad') return dropped;
    neighUpdate(
      neigh,
      lladdr,
      NUD_STALE,
      NEIGH_UPDATE_F_WEAK_OVERRIDE |
        NEIGH_UPDATE_F_OVERRIDE |
        NEIGH_UPDATE_F_OVERRIDE_ISROUTER |
        NEIGH_UPDATE_F_ISROUTER,
    );
  }
  if (!accept) return neigh !== null ? '' : dropped;
  if (idev.cnf.acceptRaPinfo !== 0) for (const prefix of options.prefixes) prefixRcv(net, dev, idev, head, prefix);
  const mtuAt = options.at.get(ND_OPT_MTU);
  if (mtuAt !== undefined && idev.cnf.acceptRaMtu !== 0) {
    const mtu = be32(head, mtuAt + 4);
    idev.raMtu = mtu;
    if (mtu >= IPV6_MIN_MTU && mtu <= dev.mtu && idev.cnf.mtu6 !== mtu) {
      idev.cnf.mtu6 = mtu;
      if (router.rt !== null) router.rt.mtu = mtu;
      net.rtGenid6++;
    }
  }
  return neigh !== null ? '' : dropped;
}

/** The default route by this router; null where the message must be dropped. */
function defaultRouter(
  net: Net,
  idev: Inet6Dev,
  saddr: Uint8Array,
  head: Uint8Array,
  at: number,
): { rt: Fib6Info | null; neigh: Neighbour | null } | null {
  const { dev, cnf } = idev;
  const none = { rt: null, neigh: null };
  if (cnf.acceptRaDefrtr === 0) return none;
  const lifetime = be16(head, at + RA_LIFETIME);
  if (lifetime !== 0 && lifetime < cnf.acceptRaMinLft) return none;
  if (cnf.acceptRaFromLocal === 0 && ipv6ChkAddr(net, saddr, dev)) return none;
  let pref = (head[at + RA_FLAGS]! >>> 3) & 3;
  // RFC 4191 2.1: the reserved value counts as medium.
  if (pref === 2 || cnf.acceptRaRtrPref === 0) pref = 0;
  let rt = rt6GetDfltRouter(net, saddr, dev);
  let neigh: Neighbour | null = null;
  const entry = (): Neighbour | null => neighCreate(ndTbl(net), dev, in6Key(saddr), saddr);
  if (rt !== null) {
    neigh = entry();
    if (neigh === null) return null;
    if (lifetime === 0 || rt.metric !== cnf.raDefrtrMetric) {
      fib6Del(net, rt);
      rt = null;
    }
  }
  if (rt === null && lifetime !== 0) {
    rt = rt6AddDfltRouter(net, saddr, dev, pref, cnf.raDefrtrMetric, lifetime);
    if (rt === null) return null;
    neigh = entry();
    if (neigh === null) return null;
    neigh.flags |= NTF_ROUTER;
  } else if (rt !== null && (rt.flags & RTF_PREF_MASK) >>> RTF_PREF_SHIFT !== pref)
    rt.flags = ((rt.flags & ~RTF_PREF_MASK) | (pref << RTF_PREF_SHIFT)) >>> 0;
  if (rt !== null) {
    rt.flags = (rt.flags | RTF_EXPIRES) >>> 0;
    rt.expires = net.clock.monotonic() + lifetime * SECOND;
    armGc(net);
  }
  const hopLimit = head[at + RA_HOP_LIMIT]!;
  if (cnf.acceptRaMinHopLimit < 256 && hopLimit !== 0 && cnf.acceptRaMinHopLimit <= hopLimit) {
    cnf.hopLimit = hopLimit;
    if (rt !== null) rt.hoplimit = hopLimit;
  }
  net.rtGenid6++;
  return { rt, neigh };
}

function neighbourTimes(idev: Inet6Dev, head: Uint8Array, at: number): void {
  const parms = idev.ndParms!;
  const { net } = idev.dev;
  const retrans = be32(head, at + RA_RETRANS);
  if (retrans !== 0) {
    parms.retransTime = Math.max(retrans * MS, SECOND / 100);
    idev.tstamp = net.clock.monotonic();
  }
  const reachable = be32(head, at + RA_REACHABLE);
  if (reachable === 0) return;
  const base = Math.max(reachable * MS, SECOND / 10);
  if (base === parms.baseReachableTime) return;
  parms.baseReachableTime = base;
  parms.gcStaletime = 3 * base;
  parms.reachableTime = randReachTime(base, net.random);
  idev.tstamp = net.clock.monotonic();
}

/** addrconf_prefix_rcv: a prefix that is on the link, and an address of ours in it. */
function prefixRcv(net: Net, dev: NetDevice, idev: Inet6Dev, head: Uint8Array, at: number): void {
  if (head[at + 1] !== 4) return;
  const prefix = in6Copy(head, at + PREFIX_ADDR);
  const type = ipv6AddrType(prefix);
  if (type & (IPV6_ADDR_MULTICAST | IPV6_ADDR_LINKLOCAL)) return;
  const valid = be32(head, at + PREFIX_VALID);
  const preferred = be32(head, at + PREFIX_PREFERRED);
  if (preferred > valid) return;
  if (valid !== 0 && valid < idev.cnf.acceptRaMinLft) return;
  const plen = head[at + PREFIX_LEN]!;
  const flags = head[at + PREFIX_FLAGS]!;
  if (flags & 0x80) onLink(net, dev, prefix, plen, valid);
  const ignored = idev.cnf.raHonorPioPflag !== 0 && (flags & 0x10) !== 0;
  if (!(flags & 0x40) || idev.cnf.autoconf === 0 || ignored || plen !== 64) return;
  const addr = prefix.slice();
  addr.set(ipv6GenerateEui64(dev), 8);
  prefixAddress(net, dev, idev, addr, type, plen, valid, preferred);
}

function onLink(net: Net, dev: NetDevice, prefix: Uint8Array, plen: number, valid: number): void {
  const rt = prefixRouteOf(net, prefix, plen, dev, RTF_ADDRCONF | RTF_PREFIX_RT, RTF_DEFAULT);
  const finite = valid !== INFINITY_LIFE_TIME;
  if (rt !== null) {
    if (valid === 0) fib6Del(net, rt);
    else if (finite) {
      rt.flags = (rt.flags | RTF_EXPIRES) >>> 0;
      rt.expires = net.clock.monotonic() + valid * SECOND;
    } else rt.flags = (rt.flags & ~RTF_EXPIRES) >>> 0;
  } else if (valid !== 0)
    addrconfPrefixRoute(
      dev,
      prefix,
      plen,
      0,
      finite ? valid : 0,
      RTF_ADDRCONF | RTF_PREFIX_RT | (finite ? RTF_EXPIRES : 0),
    );
}

/** addrconf_prefix_rcv_add_addr */
function prefixAddress(
  net: Net,
  dev: NetDevice,
  idev: Inet6Dev,
  addr: Uint8Array,
  type: number,
  plen: number,
  valid: number,
  preferred: number,
): void {
  let ifp = ipv6GetIfaddr(net, addr, dev, true);
  let created = false;
  if (ifp === null && valid !== 0) {
    const max = idev.cnf.maxAddresses;
    if (max !== 0 && idev.addrList.length >= max) return;
    const made = ipv6AddAddr(idev, {
      addr,
      plen,
      flags: 0,
      scope: type & IPV6_ADDR_SCOPE_MASK,
      validLft: valid,
      preferedLft: preferred,
      proto: 2,
    });
    if (typeof made === 'number') return;
    ifp = made;
    created = true;
    ifp.flags |= IFA_F_MANAGETEMPADDR;
    addrconfDadStart(ifp);
  }
  if (ifp === null) return;
  const now = net.clock.monotonic();
  const age = Math.floor((now - ifp.tstamp) / SECOND);
  const stored = ifp.validLft === INFINITY_LIFE_TIME ? INFINITY_LIFE_TIME : ifp.validLft > age ? ifp.validLft - age : 0;
  if (!created && stored !== 0) {
    ifp.validLft = idev.cnf.raHonorPioLife === 0 ? Math.max(valid, Math.min(stored, MIN_VALID_LIFETIME)) : valid;
    ifp.preferedLft = preferred;
    ifp.tstamp = now;
    ifp.flags &= ~IFA_F_DEPRECATED;
  }
  addrconfVerify(net);
}

export function raInit(net: Net): void {
  ndiscSetHooks(net, { dadFailure: addrconfDadFailure, routerDiscovery });
}
