import { EACCES, EADDRNOTAVAIL, EEXIST, ENOBUFS, ENODEV } from '../../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_NOARP, IFF_UP } from '../../uapi/if.ts';
import {
  IFA_F_MCAUTOJOIN,
  IFA_F_NODAD,
  IFA_F_NOPREFIXROUTE,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
} from '../../uapi/if_addr.ts';
import {
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_ANYCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
  RTPROT_KERNEL,
} from '../../uapi/rtnetlink.ts';
import { neighParms } from '../neighbour.ts';
import { Inet6Dev, Inet6Ifaddr, type Net, type NetDevice } from '../structs.ts';
import { Ipv6Devconf } from '../structs-plain.ts';
import {
  addrconfAddrSolictMult,
  IN6ADDR_ANY,
  IN6ADDR_INTERFACELOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLNODES,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
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
import { inet6AddrList } from './inet6-addr.ts';
import {
  type Fib6Info,
  fib6Add,
  fib6Del,
  fib6Table,
  IP6_RT_PRIO_ADDRCONF,
  NLM_F_CREATE,
  RTF_ADDRCONF,
  RTF_ANYCAST,
  RTF_LOCAL,
  RTF_NONEXTHOP,
  RTF_UP,
} from './ip6-fib.ts';
import { ipv6, ndTbl } from './ipv6.ts';
import { ipv6DevMcDec, ipv6DevMcInc, ipv6McUp } from './mcast6.ts';
import { ip6RouteAdd, prefixRouteOf, rt6RemovePrefsrc } from './route6-add.ts';

/** Addresses of a device as they are made, put to use and taken away (part of net/ipv6/addrconf.c, anycast.c). */

export const IF_READY = 0x80000000;
export const IF_RS_SENT = 0x10;
export const IF_RA_RCVD = 0x20;
export const IF_RA_MANAGED = 0x40;
export const IF_RA_OTHERCONF = 0x80;

export const STATE_PREDAD = 0;
export const STATE_DAD = 1;
export const STATE_POSTDAD = 2;
export const STATE_ERRDAD = 3;
export const STATE_DEAD = 4;

export const IPV6_MIN_MTU = 1280;
export const INFINITY_LIFE_TIME = 0xffffffff;
export const SECOND = 1e9;
export const MIN_DELAY = SECOND / 100;
export const JIFFY = 4e6;

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

export const linkReady = (dev: NetDevice): boolean => (dev.flags & IFF_UP) !== 0 && dev.running && dev.carrier;
export const ipv6AcceptRa = (idev: Inet6Dev): boolean =>
  idev.cnf.forwarding !== 0 ? idev.cnf.acceptRa === 2 : idev.cnf.acceptRa !== 0;

// ---- a device ----

/** ipv6_add_dev */
export function addDev(dev: NetDevice): Inet6Dev | null {
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
export function findIdev(dev: NetDevice): Inet6Dev | null {
  const idev = dev.ip6 ?? addDev(dev);
  if (idev !== null && dev.flags & IFF_UP) ipv6McUp(idev);
  return idev;
}

/** addrconf_add_dev: and the route of all multicast by it. */
export function addrconfAddDev(dev: NetDevice): Inet6Dev | number {
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
export function localRoute(idev: Inet6Dev, addr: Uint8Array, anycast: boolean): Fib6Info {
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

export function insertRoute(net: Net, f6i: Fib6Info): void {
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

export function unhash(net: Net, ifp: Inet6Ifaddr): void {
  const list = inet6AddrList(net);
  const key = in6Key(ifp.addr);
  const left = (list.get(key) ?? []).filter((one) => one !== ifp);
  if (left.length > 0) list.set(key, left);
  else list.delete(key);
}

/** ipv6_ifa_notify(RTM_NEWADDR): from now on it takes packets. */
export function notifyNew(net: Net, ifp: Inet6Ifaddr): void {
  insertRoute(net, ifp.rt as Fib6Info);
  if (ifp.idev.cnf.forwarding !== 0) joinAnycast(ifp);
  net.rtGenid6++;
}

export function notifyDel(net: Net, ifp: Inet6Ifaddr): void {
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

export const addrScope = (addr: Uint8Array): number => ipv6AddrType(addr) & IPV6_ADDR_SCOPE_MASK;

export function joinSolict(dev: NetDevice, addr: Uint8Array): void {
  if (dev.flags & (IFF_LOOPBACK | IFF_NOARP)) return;
  ipv6DevMcInc(dev, addrconfAddrSolictMult(addr));
}
export function leaveSolict(idev: Inet6Dev, addr: Uint8Array): void {
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
export function joinAnycast(ifp: Inet6Ifaddr): void {
  if (ifp.prefixLen >= 127) return;
  const addr = ipv6AddrPrefix(ifp.addr, ifp.prefixLen);
  if (!ipv6AddrAny(addr)) ipv6DevAcInc(ifp.idev, addr);
}
export function leaveAnycast(ifp: Inet6Ifaddr): void {
  if (ifp.prefixLen >= 127) return;
  const addr = ipv6AddrPrefix(ifp.addr, ifp.prefixLen);
  if (!ipv6AddrAny(addr)) ipv6DevAcDec(ifp.idev, addr);
}

export function delDadWork(ifp: Inet6Ifaddr): void {
  ifp.dadCancel?.();
  ifp.dadCancel = null;
}

/** ipv6_generate_eui64, RFC 4291 appendix A: the interface identifier of a MAC address. */
export function ipv6GenerateEui64(dev: NetDevice): Uint8Array {
  const m = dev.devAddr;
  return Uint8Array.of(m[0]! ^ 2, m[1]!, m[2]!, 0xff, 0xfe, m[3]!, m[4]!, m[5]!);
}

export function linkLocalOf(dev: NetDevice): Uint8Array {
  const addr = new Uint8Array(16);
  addr[0] = 0xfe;
  addr[1] = 0x80;
  addr.set(ipv6GenerateEui64(dev), 8);
  return addr;
}
