import { EADDRNOTAVAIL, EINVAL } from '../../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_MULTICAST, IFF_UP } from '../../uapi/if.ts';
import { IFA_F_DEPRECATED, IFA_F_NOPREFIXROUTE, IFA_F_PERMANENT, IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { ARPHRD_ETHER } from '../../uapi/if_arp.ts';
import { NETDEV_CHANGE, NETDEV_CHANGEMTU, NETDEV_DOWN, NETDEV_REGISTER, NETDEV_UNREGISTER, NETDEV_UP } from '../dev.ts';
import { neighIfdown } from '../neighbour.ts';
import type { Inet6Dev, Net, NetDevice } from '../structs.ts';
import {
  IFA_HOST,
  IFA_LINK,
  IN6ADDR_INTERFACELOCAL_ALLROUTERS,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  IN6ADDR_LOOPBACK,
  IN6ADDR_SITELOCAL_ALLROUTERS,
  in6Equal,
} from './addr.ts';
import { addrconfDadStart, dadKick, dadSetIfdown } from './dad.ts';
import {
  addDev,
  addrconfAddDev,
  addrconfPrefixRoute,
  addrScope,
  delDadWork,
  findIdev,
  IF_RA_RCVD,
  IF_READY,
  IF_RS_SENT,
  INFINITY_LIFE_TIME,
  IPV6_MIN_MTU,
  ipv6AddAddr,
  ipv6DelAddr,
  JIFFY,
  joinAnycast,
  leaveAnycast,
  leaveSolict,
  linkLocalOf,
  linkReady,
  localRoute,
  notifyDel,
  notifyNew,
  SECOND,
  STATE_DAD,
  STATE_DEAD,
  STATE_PREDAD,
  unhash,
} from './inet6-ifaddr.ts';
import { type Fib6Info, fib6Del, RTF_EXPIRES } from './ip6-fib.ts';
import { ipv6, ndTbl } from './ipv6.ts';
import { ipv6DevMcDec, ipv6DevMcInc, ipv6McDown, ipv6McUp } from './mcast6.ts';
import { ip6PurgeDfltRouters, rt6DisableIp } from './route6-add.ts';

/** Addresses of devices: made by hand, from the link address (RFC 4862), and their end; duplicate address detection;
 * router solicitations (net/ipv6/addrconf.c). */

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

dadSetIfdown(addrconfIfdown);
