import { EACCES, EADDRNOTAVAIL, EEXIST, EINVAL, ENOBUFS, ENODEV } from '../../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_NOARP, IFF_UP } from '../../uapi/if.ts';
import {
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
} from '../../uapi/if_addr.ts';
import { ARPHRD_ETHER } from '../../uapi/if_arp.ts';
import {
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTPROT_KERNEL,
} from '../../uapi/rtnetlink.ts';
import { NETDEV_CHANGE, NETDEV_CHANGEMTU, NETDEV_DOWN, NETDEV_REGISTER, NETDEV_UNREGISTER, NETDEV_UP } from '../dev.ts';
import { neighIfdown, neighParms } from '../neighbour.ts';
import { Inet6Dev, Inet6Ifaddr, type Net, type NetDevice } from '../structs.ts';
import { Ipv6Devconf } from '../structs-plain.ts';
import {
  addrconfAddrSolictMult,
  IFA_HOST,
  IFA_LINK,
  IN6ADDR_ANY,
  IN6ADDR_INTERFACELOCAL_ALLNODES,
  IN6ADDR_INTERFACELOCAL_ALLROUTERS,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  IN6ADDR_LOOPBACK,
  IN6ADDR_SITELOCAL_ALLROUTERS,
  IPV6_ADDR_ANY,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MULTICAST,
  IPV6_ADDR_SCOPE_MASK,
  in6Copy,
  in6Equal,
  in6Key,
  ipv6AddrAny,
  ipv6AddrPrefix,
  ipv6AddrSrcScope,
  ipv6AddrType,
  ipv6AddrTypeScope,
} from './addr.ts';
import { inet6AddrList, ipv6GetLladdr } from './inet6-addr.ts';
import {
  type Fib6Info,
  fib6Add,
  fib6Del,
  fib6Table,
  IP6_RT_PRIO_ADDRCONF,
  NLM_F_CREATE,
  RTF_ADDRCONF,
  RTF_ANYCAST,
  RTF_EXPIRES,
  RTF_LOCAL,
  RTF_NONEXTHOP,
  RTF_UP,
} from './ip6-fib.ts';
import { ipv6, ndTbl } from './ipv6.ts';
import { ipv6DevMcDec, ipv6DevMcInc, ipv6McDown, ipv6McUp } from './mcast6.ts';
import { ipv6McDadComplete } from './mld.ts';
import { ndiscSendNa, ndiscSendNs, ndiscSendRs } from './nd-send.ts';
import { ip6PurgeDfltRouters, ip6RouteAdd, prefixRouteOf, rt6DisableIp, rt6RemovePrefsrc } from './route6-add.ts';

/** Addresses of devices: made by hand, from the link address (RFC 4862), and their end; duplicate address detection;
 * router solicitations (net/ipv6/addrconf.c). */

export const IF_READY = 0x80000000;
export const IF_RS_SENT = 0x10;
export const IF_RA_RCVD = 0x20;
export const IF_RA_MANAGED = 0x40;
export const IF_RA_OTHERCONF = 0x80;

const STATE_PREDAD = 0;
const STATE_DAD = 1;
const STATE_POSTDAD = 2;
const STATE_ERRDAD = 3;
const STATE_DEAD = 4;

const IPV6_MIN_MTU = 1280;
export const INFINITY_LIFE_TIME = 0xffffffff;
const SECOND = 1e9;
const MIN_DELAY = SECOND / 100;
const JIFFY = 4e6;

export interface Ifa6Config {
  addr: Uint8Array;
  plen: number;
  flags: number;
  scope: number;
  validLft: number;
  preferedLft: number;
  metric?: number;
  /** IFAPROT_: 1 the loopback address, 2 from a router, 3 link-local. */
  proto?: number;
}

const linkReady = (dev: NetDevice): boolean => (dev.flags & IFF_UP) !== 0 && dev.running && dev.carrier;
export const ipv6AcceptRa = (idev: Inet6Dev): boolean =>
  idev.cnf.forwarding !== 0 ? idev.cnf.acceptRa === 2 : idev.cnf.acceptRa !== 0;

// ---- a device ----

/** ipv6_add_dev */
function addDev(dev: NetDevice): Inet6Dev | null {
  if (dev.mtu < IPV6_MIN_MTU && dev !== dev.net.loopbackDev) return null;
  const { dflt } = ipv6(dev.net);
  const idev = new Inet6Dev(dev, Object.assign(new Ipv6Devconf(), dflt));
  idev.cnf.mtu6 = dev.mtu;
  idev.ndParms = neighParms(ndTbl(dev.net), dev);
  if (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) idev.cnf.acceptDad = -1;
  if (dev.flags & IFF_LOOPBACK) idev.cnf.useTempaddr = -1;
  dev.ip6 = idev;
  if (linkReady(dev)) idev.ifFlags |= IF_READY;
  idev.tstamp = dev.net.clock.monotonic();
  ipv6DevMcInc(dev, IN6ADDR_INTERFACELOCAL_ALLNODES);
  ipv6DevMcInc(dev, IN6ADDR_LINKLOCAL_ALLNODES);
  if (idev.cnf.forwarding !== 0 && dev.flags & IFF_MULTICAST) ipv6DevMcInc(dev, IN6ADDR_LINKLOCAL_ALLROUTERS);
  return idev;
}

/** ipv6_find_idev */
function findIdev(dev: NetDevice): Inet6Dev | null {
  const idev = dev.ip6 ?? addDev(dev);
  if (idev !== null && dev.flags & IFF_UP) ipv6McUp(idev);
  return idev;
}

/** addrconf_add_dev: and the route of all multicast by it. */
function addrconfAddDev(dev: NetDevice): Inet6Dev | number {
  const idev = findIdev(dev);
  if (idev === null) return -ENOBUFS;
  if (idev.cnf.disableIpv6 !== 0) return -EACCES;
  if (!(dev.flags & IFF_LOOPBACK))
    ip6RouteAdd(dev.net, {
      dst: Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
      plen: 8,
      table: RT_TABLE_LOCAL,
      metric: IP6_RT_PRIO_ADDRCONF,
      oif: dev.ifindex,
      flags: RTF_UP,
      type: RTN_MULTICAST,
      protocol: RTPROT_KERNEL,
    });
  return idev;
}

// ---- addresses ----

/** addrconf_f6i_alloc: the local route of an address. */
function localRoute(idev: Inet6Dev, addr: Uint8Array, anycast: boolean): Fib6Info {
  const { dev } = idev;
  return {
    dst: in6Copy(addr),
    plen: 128,
    src: IN6ADDR_ANY,
    srcLen: 0,
    metric: 0,
    flags: (RTF_UP | RTF_NONEXTHOP | (anycast ? RTF_ANYCAST : RTF_LOCAL)) >>> 0,
    type: anycast ? RTN_ANYCAST : RTN_LOCAL,
    protocol: RTPROT_KERNEL,
    table: fib6Table(dev.net, RT_TABLE_LOCAL),
    prefsrc: null,
    nhs: [{ dev, gw: null, weight: 1, dead: false, lastProbe: Number.NEGATIVE_INFINITY, rt: null, exceptions: null }],
    expires: 0,
    mtu: 0,
    hoplimit: 0,
    advmss: 0,
    mtuLocked: false,
    dstNocount: true,
    gone: true,
  };
}

function insertRoute(net: Net, f6i: Fib6Info): void {
  if (!f6i.gone) return;
  f6i.gone = false;
  fib6Add(net, f6i, NLM_F_CREATE);
}

/** ipv6_add_addr: the address, tentative, or -errno. */
export function ipv6AddAddr(idev: Inet6Dev, cfg: Ifa6Config): Inet6Ifaddr | number {
  const { dev } = idev;
  const { net } = dev;
  const type = ipv6AddrType(cfg.addr);
  if (
    type === IPV6_ADDR_ANY ||
    (type & IPV6_ADDR_MULTICAST && !(cfg.flags & IFA_F_MCAUTOJOIN)) ||
    (!(dev.flags & IFF_LOOPBACK) && type & IPV6_ADDR_LOOPBACK)
  )
    return -EADDRNOTAVAIL;
  if (idev.dead) return -ENODEV;
  if (idev.cnf.disableIpv6 !== 0) return -EACCES;
  const list = inet6AddrList(net);
  const key = in6Key(cfg.addr);
  const same = list.get(key);
  if (same?.some((ifp) => ifp.idev === idev)) return -EEXIST;
  const ifp = new Inet6Ifaddr(idev, in6Copy(cfg.addr), cfg.plen);
  ifp.scope = cfg.scope;
  ifp.flags = cfg.flags;
  if (!(cfg.flags & IFA_F_NODAD)) ifp.flags |= IFA_F_TENTATIVE;
  ifp.validLft = cfg.validLft;
  ifp.preferedLft = cfg.preferedLft;
  ifp.rtPriority = cfg.metric ?? 0;
  ifp.ifaProto = cfg.proto ?? 0;
  ifp.cstamp = ifp.tstamp = net.clock.monotonic();
  ifp.rt = localRoute(idev, cfg.addr, false);
  if (same === undefined) list.set(key, [ifp]);
  else same.push(ifp);
  // ipv6_link_dev_addr: sorted by falling scope, the latest of one scope first.
  const scope = ipv6AddrSrcScope(ipv6AddrTypeScope(ifp.addr));
  const { addrList } = idev;
  let at = addrList.findIndex((other) => scope >= ipv6AddrSrcScope(ipv6AddrTypeScope(other.addr)));
  if (at < 0) at = addrList.length;
  addrList.splice(at, 0, ifp);
  net.rtGenid6++;
  return ifp;
}

function unhash(net: Net, ifp: Inet6Ifaddr): void {
  const list = inet6AddrList(net);
  const key = in6Key(ifp.addr);
  const left = (list.get(key) ?? []).filter((one) => one !== ifp);
  if (left.length > 0) list.set(key, left);
  else list.delete(key);
}

/** ipv6_ifa_notify(RTM_NEWADDR): from now on it takes packets. */
function notifyNew(net: Net, ifp: Inet6Ifaddr): void {
  insertRoute(net, ifp.rt as Fib6Info);
  if (ifp.idev.cnf.forwarding !== 0) joinAnycast(ifp);
  net.rtGenid6++;
}

function notifyDel(net: Net, ifp: Inet6Ifaddr): void {
  if (ifp.idev.cnf.forwarding !== 0) leaveAnycast(ifp);
  leaveSolict(ifp.idev, ifp.addr);
  const rt = ifp.rt as Fib6Info;
  if (!rt.gone) fib6Del(net, rt);
  net.rtGenid6++;
}

/** ipv6_del_addr */
export function ipv6DelAddr(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { net } = idev.dev;
  if (ifp.state === STATE_DEAD) return;
  ifp.state = STATE_DEAD;
  unhash(net, ifp);
  const at = idev.addrList.indexOf(ifp);
  if (at >= 0) idev.addrList.splice(at, 1);
  delDadWork(ifp);
  const cleanup = ifp.flags & IFA_F_PERMANENT && !(ifp.flags & IFA_F_NOPREFIXROUTE);
  // check_cleanup_prefix_route: the prefix's route goes with the last permanent address of it.
  const others = idev.addrList.some(
    (other) =>
      in6Equal(ipv6AddrPrefix(other.addr, ifp.prefixLen), ipv6AddrPrefix(ifp.addr, ifp.prefixLen)) &&
      other.prefixLen === ifp.prefixLen &&
      other.flags & IFA_F_PERMANENT,
  );
  notifyDel(net, ifp);
  if (cleanup && !others) {
    const rt = prefixRouteOf(net, ifp.addr, ifp.prefixLen, idev.dev, 0, RTF_ADDRCONF);
    if (rt !== null) fib6Del(net, rt);
  }
  rt6RemovePrefsrc(net, ifp);
}

/** addrconf_prefix_route */
export function addrconfPrefixRoute(
  dev: NetDevice,
  addr: Uint8Array,
  plen: number,
  metric: number,
  expires: number,
  flags: number,
): void {
  ip6RouteAdd(dev.net, {
    dst: ipv6AddrPrefix(addr, plen),
    plen,
    table: RT_TABLE_MAIN,
    metric: metric !== 0 ? metric : IP6_RT_PRIO_ADDRCONF,
    oif: dev.ifindex,
    flags: (RTF_UP | flags) >>> 0,
    expires,
    type: RTN_UNICAST,
    protocol: RTPROT_KERNEL,
  });
}

const addrScope = (addr: Uint8Array): number => ipv6AddrType(addr) & IPV6_ADDR_SCOPE_MASK;

/** inet6_addr_add: what RTM_NEWADDR does. `flags`: IFA_F_NODAD and the like; lifetimes in seconds. */
export function inet6AddrAdd(
  dev: NetDevice,
  addr: Uint8Array,
  plen: number,
  { flags = 0, validLft = INFINITY_LIFE_TIME, preferedLft = INFINITY_LIFE_TIME, metric = 0 } = {},
): number {
  const { net } = dev;
  if (plen > 128 || validLft === 0 || preferedLft > validLft) return -EINVAL;
  const idev = addrconfAddDev(dev);
  if (typeof idev === 'number') return idev;
  const finite = validLft !== INFINITY_LIFE_TIME;
  let ifaFlags = flags;
  if (!finite) ifaFlags |= IFA_F_PERMANENT;
  if (preferedLft === 0) ifaFlags |= IFA_F_DEPRECATED;
  const ifp = ipv6AddAddr(idev, { addr, plen, flags: ifaFlags, scope: addrScope(addr), validLft, preferedLft, metric });
  if (typeof ifp === 'number') return ifp;
  if (!(flags & IFA_F_NOPREFIXROUTE))
    addrconfPrefixRoute(dev, addr, plen, metric, finite ? validLft : 0, finite ? RTF_EXPIRES : 0);
  addrconfDadStart(ifp);
  addrconfVerify(net);
  return 0;
}

/** inet6_addr_del */
export function inet6AddrDel(dev: NetDevice, addr: Uint8Array, plen: number): number {
  const ifp = dev.ip6?.addrList.find((one) => one.prefixLen === plen && in6Equal(one.addr, addr));
  if (ifp === undefined) return -EADDRNOTAVAIL;
  ipv6DelAddr(ifp);
  addrconfVerify(dev.net);
  return 0;
}

function joinSolict(dev: NetDevice, addr: Uint8Array): void {
  if (dev.flags & (IFF_LOOPBACK | IFF_NOARP)) return;
  ipv6DevMcInc(dev, addrconfAddrSolictMult(addr));
}
function leaveSolict(idev: Inet6Dev, addr: Uint8Array): void {
  if (idev.dev.flags & (IFF_LOOPBACK | IFF_NOARP)) return;
  ipv6DevMcDec(idev.dev, addrconfAddrSolictMult(addr));
}

/** __ipv6_dev_ac_inc: an anycast address for one user more. */
export function ipv6DevAcInc(idev: Inet6Dev, addr: Uint8Array): number {
  const key = in6Key(addr);
  const found = idev.acList.get(key);
  if (found !== undefined) {
    found.users++;
    return 0;
  }
  if (idev.dead) return -ENODEV;
  const rt = localRoute(idev, addr, true);
  idev.acList.set(key, { addr: in6Copy(addr), users: 1, rt });
  insertRoute(idev.dev.net, rt);
  joinSolict(idev.dev, addr);
  return 0;
}

export function ipv6DevAcDec(idev: Inet6Dev, addr: Uint8Array): number {
  const key = in6Key(addr);
  const found = idev.acList.get(key);
  if (found === undefined) return -ENODEV;
  if (--found.users > 0) return 0;
  idev.acList.delete(key);
  leaveSolict(idev, addr);
  fib6Del(idev.dev.net, found.rt as Fib6Info);
  return 0;
}

/** addrconf_join_anycast: a router answers to the subnet's router address, RFC 4291 2.6.1. */
function joinAnycast(ifp: Inet6Ifaddr): void {
  if (ifp.prefixLen >= 127) return;
  const addr = ipv6AddrPrefix(ifp.addr, ifp.prefixLen);
  if (!ipv6AddrAny(addr)) ipv6DevAcInc(ifp.idev, addr);
}
function leaveAnycast(ifp: Inet6Ifaddr): void {
  if (ifp.prefixLen >= 127) return;
  const addr = ipv6AddrPrefix(ifp.addr, ifp.prefixLen);
  if (!ipv6AddrAny(addr)) ipv6DevAcDec(ifp.idev, addr);
}

// ---- duplicate address detection ----

function delDadWork(ifp: Inet6Ifaddr): void {
  ifp.dadCancel?.();
  ifp.dadCancel = null;
}

function modDadWork(ifp: Inet6Ifaddr, delay: number): void {
  delDadWork(ifp);
  ifp.dadCancel = ifp.idev.dev.net.clock.after(delay, () => {
    ifp.dadCancel = null;
    dadWork(ifp);
  });
}

/** addrconf_dad_start */
export function addrconfDadStart(ifp: Inet6Ifaddr): void {
  if (ifp.state === STATE_DEAD) return;
  ifp.state = STATE_PREDAD;
  modDadWork(ifp, 0);
}

function dadWork(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { dev } = idev;
  if (ifp.state === STATE_PREDAD) {
    ifp.state = STATE_DAD;
    dadBegin(ifp);
    return;
  }
  if (ifp.state === STATE_ERRDAD) {
    ifp.state = STATE_POSTDAD;
    const strict = ipv6(dev.net).all.acceptDad > 1 || idev.cnf.acceptDad > 1;
    const fromMac = ifp.scope === IFA_LINK && in6Equal(ifp.addr, linkLocalOf(dev));
    const disable = strict && idev.cnf.disableIpv6 === 0 && fromMac;
    if (disable) idev.cnf.disableIpv6 = 1;
    dadStop(ifp, true);
    if (disable) addrconfIfdown(dev, false);
    return;
  }
  if (idev.dead || !(idev.ifFlags & IF_READY) || ifp.state === STATE_DEAD) return;
  if (ifp.dadProbes === 0) {
    dadDone(ifp, false);
    return;
  }
  ifp.dadProbes--;
  modDadWork(ifp, Math.max(idev.ndParms!.retransTime, MIN_DELAY));
  ndiscSendNs(dev, ifp.addr, addrconfAddrSolictMult(ifp.addr), IN6ADDR_ANY, ifp.dadNonce);
}

function dadDone(ifp: Inet6Ifaddr, sendNa: boolean): void {
  const bump = (ifp.flags & IFA_F_TENTATIVE) !== 0;
  ifp.flags &= ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED);
  dadCompleted(ifp, bump, sendNa);
}

function dadBegin(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { dev } = idev;
  joinSolict(dev, ifp.addr);
  if (
    dev.flags & (IFF_NOARP | IFF_LOOPBACK) ||
    (ipv6(dev.net).all.acceptDad < 1 && idev.cnf.acceptDad < 1) ||
    !(ifp.flags & IFA_F_TENTATIVE) ||
    ifp.flags & IFA_F_NODAD
  ) {
    dadDone(ifp, (ifp.flags & IFA_F_TENTATIVE) !== 0 && !(ifp.flags & IFA_F_OPTIMISTIC));
    return;
  }
  if (!(idev.ifFlags & IF_READY)) {
    // Kept, tentative, until the device is.
    dadStop(ifp, false);
    return;
  }
  dadKick(ifp);
}

function dadKick(ifp: Inet6Ifaddr): void {
  const { idev } = ifp;
  const { net } = idev.dev;
  const delay = ifp.flags & IFA_F_OPTIMISTIC ? 0 : (net.random() / 0x100000000) * idev.cnf.rtrSolicitDelay * SECOND;
  ifp.dadNonce = null;
  if (idev.cnf.enhancedDad !== 0 || ipv6(net).all.enhancedDad !== 0) {
    const [a, b] = [net.random(), net.random()];
    ifp.dadNonce = Uint8Array.of(a | 1, a >>> 8, a >>> 16, a >>> 24, b, b >>> 8);
  }
  ifp.dadProbes = idev.cnf.dadTransmits;
  modDadWork(ifp, delay);
}

/** addrconf_dad_stop */
function dadStop(ifp: Inet6Ifaddr, failed: boolean): void {
  if (failed) ifp.flags |= IFA_F_DADFAILED;
  if (!(ifp.flags & IFA_F_PERMANENT) && failed) {
    ipv6DelAddr(ifp);
    return;
  }
  delDadWork(ifp);
  ifp.flags |= IFA_F_TENTATIVE;
  if (failed) ifp.flags &= ~IFA_F_OPTIMISTIC;
}

/** addrconf_dad_failure: somebody else has the address. */
export function addrconfDadFailure(_net: Net, ifp: Inet6Ifaddr): void {
  if (ifp.state !== STATE_DAD) return;
  ifp.state = STATE_ERRDAD;
  modDadWork(ifp, 0);
}

/** ipv6_lonely_lladdr: the device's first link-local address. */
const lonelyLladdr = (ifp: Inet6Ifaddr): boolean =>
  !ifp.idev.addrList.some(
    (other) =>
      other !== ifp &&
      other.scope === IFA_LINK &&
      (other.flags & (IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED)) === IFA_F_PERMANENT,
  );

function dadCompleted(ifp: Inet6Ifaddr, bump: boolean, sendNa: boolean): void {
  const { idev } = ifp;
  const { dev } = idev;
  const { net } = dev;
  delDadWork(ifp);
  notifyNew(net, ifp);
  const sendMld = ifp.scope === IFA_LINK && lonelyLladdr(ifp);
  const sendRs = sendMld && ipv6AcceptRa(idev) && idev.cnf.rtrSolicits !== 0 && !(dev.flags & IFF_LOOPBACK);
  if (sendMld) ipv6McDadComplete(idev);
  if (sendNa && (idev.cnf.ndiscNotify !== 0 || ipv6(net).all.ndiscNotify !== 0))
    ndiscSendNa(dev, IN6ADDR_LINKLOCAL_ALLNODES, ifp.addr, {
      router: idev.cnf.forwarding !== 0,
      solicited: false,
      override: true,
      withAddress: true,
    });
  if (sendRs) {
    const lladdr = ipv6GetLladdr(dev, IFA_F_TENTATIVE);
    if (lladdr === null) return;
    ndiscSendRs(dev, lladdr, IN6ADDR_LINKLOCAL_ALLROUTERS);
    // RFC 3315 14: the first time within a tenth of the interval.
    idev.rsInterval = idev.cnf.rtrSolicitInterval * SECOND * between(net, 0.9, 1.1);
    idev.rsProbes = 1;
    idev.ifFlags |= IF_RS_SENT;
    modRsTimer(idev, idev.rsInterval);
  }
  if (bump) net.rtGenid6++;
}

const between = (net: Net, low: number, high: number): number => low + (net.random() / 0x100000000) * (high - low);

function modRsTimer(idev: Inet6Dev, delay: number): void {
  idev.rsCancel?.();
  idev.rsCancel = idev.dev.net.clock.after(delay, () => {
    idev.rsCancel = null;
    rsTimer(idev);
  });
}

function rsTimer(idev: Inet6Dev): void {
  const { dev, cnf } = idev;
  if (idev.dead || !(idev.ifFlags & IF_READY) || !ipv6AcceptRa(idev) || idev.ifFlags & IF_RA_RCVD) return;
  const probes = idev.rsProbes++;
  if (probes >= cnf.rtrSolicits && cnf.rtrSolicits >= 0) return;
  const lladdr = ipv6GetLladdr(dev, IFA_F_TENTATIVE);
  if (lladdr === null) return;
  ndiscSendRs(dev, lladdr, IN6ADDR_LINKLOCAL_ALLROUTERS);
  const max = cnf.rtrSolicitMaxInterval * SECOND;
  let interval = idev.rsInterval * between(dev.net, 1.9, 2.1);
  if (interval > max) interval = max * between(dev.net, 0.9, 1.1);
  idev.rsInterval = interval;
  modRsTimer(idev, idev.rsProbes === cnf.rtrSolicits ? cnf.rtrSolicitDelay * SECOND : interval);
}

// ---- lifetimes ----

const VERIFY_KEY = 30;
interface Verify {
  cancel: (() => void) | null;
}

/** addrconf_verify: addresses that are old are deprecated, then go. */
export function addrconfVerify(net: Net): void {
  const verify = (net.gen[VERIFY_KEY] ??= { cancel: null }) as Verify;
  verify.cancel?.();
  verify.cancel = null;
  const now = net.clock.monotonic();
  let next = Number.POSITIVE_INFINITY;
  for (const dev of net.devices.values())
    for (const ifp of [...(dev.ip6?.addrList ?? [])]) {
      if (ifp.flags & IFA_F_PERMANENT && ifp.preferedLft === INFINITY_LIFE_TIME) continue;
      const age = now - ifp.tstamp;
      const valid = ifp.validLft === INFINITY_LIFE_TIME ? Number.POSITIVE_INFINITY : ifp.validLft * SECOND;
      const prefered = ifp.preferedLft === INFINITY_LIFE_TIME ? Number.POSITIVE_INFINITY : ifp.preferedLft * SECOND;
      if (age >= valid) {
        ipv6DelAddr(ifp);
        continue;
      }
      if (age >= prefered) {
        ifp.flags |= IFA_F_DEPRECATED;
        next = Math.min(next, ifp.tstamp + valid);
      } else next = Math.min(next, ifp.tstamp + Math.min(prefered, valid));
    }
  if (next < Number.POSITIVE_INFINITY)
    verify.cancel = net.clock.after(Math.max(next - now, JIFFY), () => {
      verify.cancel = null;
      addrconfVerify(net);
    });
}

// ---- devices come and go ----

/** ipv6_generate_eui64, RFC 4291 appendix A: the interface identifier of a MAC address. */
export function ipv6GenerateEui64(dev: NetDevice): Uint8Array {
  const m = dev.devAddr;
  return Uint8Array.of(m[0]! ^ 2, m[1]!, m[2]!, 0xff, 0xfe, m[3]!, m[4]!, m[5]!);
}

function linkLocalOf(dev: NetDevice): Uint8Array {
  const addr = new Uint8Array(16);
  addr[0] = 0xfe;
  addr[1] = 0x80;
  addr.set(ipv6GenerateEui64(dev), 8);
  return addr;
}

/** addrconf_init_auto_addrs */
function initAutoAddrs(dev: NetDevice): void {
  if (dev.flags & IFF_LOOPBACK) {
    const idev = findIdev(dev);
    if (idev === null) return;
    const ifp = ipv6AddAddr(idev, {
      addr: IN6ADDR_LOOPBACK,
      plen: 128,
      flags: IFA_F_PERMANENT,
      scope: IFA_HOST,
      validLft: INFINITY_LIFE_TIME,
      preferedLft: INFINITY_LIFE_TIME,
      proto: 1,
    });
    if (typeof ifp === 'number') return;
    ifp.flags &= ~IFA_F_TENTATIVE;
    notifyNew(dev.net, ifp);
    return;
  }
  if (dev.type !== ARPHRD_ETHER) {
    if (dev.ip6 !== null && dev.flags & IFF_UP && dev.flags & IFF_MULTICAST) ipv6McUp(dev.ip6);
    return;
  }
  const idev = addrconfAddDev(dev);
  if (typeof idev === 'number' || idev.cnf.addrGenMode === 1) return;
  const addr = linkLocalOf(dev);
  const ifp = ipv6AddAddr(idev, {
    addr,
    plen: 64,
    flags: IFA_F_PERMANENT,
    scope: IFA_LINK,
    validLft: INFINITY_LIFE_TIME,
    preferedLft: INFINITY_LIFE_TIME,
    proto: 3,
  });
  if (typeof ifp === 'number') return;
  addrconfPrefixRoute(dev, addr, 64, 0, 0, 0);
  addrconfDadStart(ifp);
}

/** addrconf_dad_run: addresses that waited for the device. */
function dadRun(idev: Inet6Dev): void {
  if (!(idev.ifFlags & IF_READY)) return;
  for (const ifp of idev.addrList)
    if (ifp.flags & IFA_F_TENTATIVE && ifp.state === STATE_DAD && ifp.dadCancel === null) dadKick(ifp);
}

/** addrconf_permanent_addr: addresses kept while the device was down get their routes again. */
function permanentAddr(dev: NetDevice): void {
  const idev = dev.ip6;
  if (idev === null) return;
  for (const ifp of idev.addrList) {
    if (!(ifp.flags & IFA_F_PERMANENT) || ifp.state !== STATE_DEAD) continue;
    ifp.rt = localRoute(idev, ifp.addr, false);
    if (!(ifp.flags & IFA_F_NOPREFIXROUTE)) addrconfPrefixRoute(dev, ifp.addr, ifp.prefixLen, ifp.rtPriority, 0, 0);
    if (ifp.state === STATE_DEAD) ifp.state = STATE_PREDAD;
    addrconfDadStart(ifp);
  }
}

function up(dev: NetDevice, event: number): void {
  const idev = dev.ip6;
  if (idev !== null && idev.cnf.disableIpv6 !== 0) return;
  if (event === NETDEV_UP) {
    permanentAddr(dev);
    if (!linkReady(dev)) return;
    const made = idev ?? addDev(dev);
    if (made !== null) made.ifFlags = (made.ifFlags | IF_READY) >>> 0;
  } else {
    if (!(dev.flags & IFF_UP) || !linkReady(dev)) return;
    if (idev !== null) {
      if (idev.ifFlags & IF_READY) {
        // It may have roamed: groups are announced again.
        ipv6McUp(idev);
        return;
      }
      idev.ifFlags = (idev.ifFlags | IF_READY) >>> 0;
    }
  }
  initAutoAddrs(dev);
  const now = dev.ip6;
  if (now === null) return;
  dadRun(now);
  if (now.cnf.mtu6 !== dev.mtu && dev.mtu >= IPV6_MIN_MTU) now.cnf.mtu6 = dev.mtu;
  now.tstamp = dev.net.clock.monotonic();
  dev.net.rtGenid6++;
}

/** addrconf_ifdown: `unregister`: IPv6 leaves the device. */
export function addrconfIfdown(dev: NetDevice, unregister: boolean): void {
  const { net } = dev;
  rt6DisableIp(dev);
  neighIfdown(ndTbl(net), dev);
  const idev = dev.ip6;
  if (idev === null) return;
  const wasReady = (idev.ifFlags & IF_READY) !== 0;
  if (unregister) {
    idev.dead = true;
    dev.ip6 = null;
  }
  const { all } = ipv6(net);
  const setting = all.keepAddrOnDown !== 0 ? all.keepAddrOnDown : idev.cnf.keepAddrOnDown;
  const keepAll = !unregister && idev.cnf.disableIpv6 === 0 && setting > 0;
  idev.rsCancel?.();
  idev.rsCancel = null;
  if (!unregister) idev.ifFlags &= ~(IF_RS_SENT | IF_RA_RCVD | IF_READY);
  for (const ifp of [...idev.addrList]) {
    delDadWork(ifp);
    const keep = keepAll && ifp.flags & IFA_F_PERMANENT && !(ifp.scope & (IFA_LINK | IFA_HOST));
    const already = ifp.state === STATE_DEAD;
    ifp.state = STATE_DEAD;
    if (keep) {
      // Tentative again until the device is back.
      ifp.flags |= IFA_F_TENTATIVE;
      const rt = ifp.rt as Fib6Info;
      if (!rt.gone) fib6Del(net, rt);
      leaveSolict(idev, ifp.addr);
      continue;
    }
    unhash(net, ifp);
    idev.addrList.splice(idev.addrList.indexOf(ifp), 1);
    if (!already) notifyDel(net, ifp);
  }
  if (unregister) {
    for (const mc of [...idev.mcList.values()]) mc.workCancel?.();
    ipv6McDown(idev);
    idev.mcList.clear();
    idev.acList.clear();
  } else if (wasReady) ipv6McDown(idev);
  idev.tstamp = net.clock.monotonic();
  idev.raMtu = 0;
  net.rtGenid6++;
}

// ---- sysctls that do something ----

/** dev_forward_change */
function forwardChange(idev: Inet6Dev): void {
  const { dev } = idev;
  const on = idev.cnf.forwarding !== 0;
  if (dev.flags & IFF_MULTICAST)
    for (const group of [IN6ADDR_LINKLOCAL_ALLROUTERS, IN6ADDR_INTERFACELOCAL_ALLROUTERS, IN6ADDR_SITELOCAL_ALLROUTERS])
      (on ? ipv6DevMcInc : ipv6DevMcDec)(dev, group);
  for (const ifp of idev.addrList) {
    if (ifp.flags & IFA_F_TENTATIVE) continue;
    (on ? joinAnycast : leaveAnycast)(ifp);
  }
}

/** addrconf_fixup_forwarding: for `idev`, or with null for all devices and those to come. */
export function addrconfFixupForwarding(net: Net, idev: Inet6Dev | null, value: number): void {
  const { all, dflt } = ipv6(net);
  if (idev !== null) {
    const changed = (idev.cnf.forwarding === 0) !== (value === 0);
    idev.cnf.forwarding = value;
    if (changed) forwardChange(idev);
    if (changed && value !== 0) ip6PurgeDfltRouters(net);
  } else {
    const old = all.forwarding;
    all.forwarding = value;
    dflt.forwarding = value;
    for (const dev of net.devices.values()) {
      if (dev.ip6 === null) continue;
      const changed = (dev.ip6.cnf.forwarding === 0) !== (value === 0);
      dev.ip6.cnf.forwarding = value;
      if (changed) forwardChange(dev.ip6);
    }
    if ((old === 0) !== (value === 0) && value !== 0) ip6PurgeDfltRouters(net);
  }
  net.rtGenid6++;
}

/** addrconf_disable_ipv6 */
export function addrconfDisableIpv6(net: Net, idev: Inet6Dev | null, value: number): void {
  const change = (one: Inet6Dev): void => {
    const changed = (one.cnf.disableIpv6 === 0) !== (value === 0);
    one.cnf.disableIpv6 = value;
    if (!changed) return;
    if (value !== 0) addrconfIfdown(one.dev, false);
    else if (one.dev.flags & IFF_UP) up(one.dev, NETDEV_UP);
  };
  if (idev !== null) change(idev);
  else {
    const { all, dflt } = ipv6(net);
    all.disableIpv6 = value;
    dflt.disableIpv6 = value;
    for (const dev of net.devices.values()) if (dev.ip6 !== null) change(dev.ip6);
  }
  net.rtGenid6++;
}

export function addrconfInit(net: Net): void {
  net.netdevChain.push((event, dev) => {
    switch (event) {
      case NETDEV_REGISTER:
        if (dev.ip6 === null) addDev(dev);
        break;
      case NETDEV_CHANGEMTU:
        if (dev.mtu < IPV6_MIN_MTU) {
          addrconfIfdown(dev, dev !== net.loopbackDev);
          break;
        }
        if (dev.ip6 !== null) {
          dev.ip6.cnf.mtu6 = dev.mtu;
          net.rtGenid6++;
          break;
        }
        if (addDev(dev) !== null && dev.flags & IFF_UP && linkReady(dev)) up(dev, NETDEV_UP);
        break;
      case NETDEV_UP:
      case NETDEV_CHANGE:
        up(dev, event);
        break;
      case NETDEV_DOWN:
        addrconfIfdown(dev, false);
        break;
      case NETDEV_UNREGISTER:
        addrconfIfdown(dev, true);
        break;
    }
  });
}
