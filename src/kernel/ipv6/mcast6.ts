import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, ENOENT, ESRCH } from '../../uapi/errno.ts';
import { IFF_UP } from '../../uapi/if.ts';
import { devAddAddress, devDelAddress } from '../dev.ts';
import type { InetSock, Ipv6McSocklist } from '../inet-sock.ts';
import type { Inet6Dev, Net, NetDevice } from '../structs.ts';
import type { Ifmcaddr6, Ip6SfList } from '../structs-plain.ts';
import {
  IPV6_ADDR_SCOPE_LINKLOCAL,
  in6Copy,
  in6Equal,
  in6Key,
  ipv6AddrAny,
  ipv6AddrEqual,
  ipv6AddrIsLlAllNodes,
  ipv6AddrIsMulticast,
  ipv6AddrMcScope,
  ipv6EthMcMap,
} from './addr.ts';
import { Flowi6 } from './flow.ts';
import { ip6SetChkMcastAddr } from './ip6-output.ts';
import { ipv6Sysctl } from './ipv6.ts';
import {
  MAF_LOADED,
  MAF_NOREPORT,
  MCAST_EXCLUDE,
  MCAST_INCLUDE,
  mldIfcEvent,
  mldInV1Mode,
  mldLeave,
  mldStop,
  mldV1Join,
  unsolicitedReportInterval,
} from './mld.ts';
import { ip6RouteOutput } from './route6.ts';

export { ipv6IsMld, MCAST_EXCLUDE, MCAST_INCLUDE } from './mld.ts';

/** Multicast membership of IPv6 (net/ipv6/mcast.c): which groups a device and a socket listen to, and from which
 * sources. */

/** ipv6_chk_mcast_addr: whether the device hears the group at `head[group]` from the source at `head[source]` (-1: from
 * any). */
export function ipv6ChkMcastAddr(dev: NetDevice, head: Uint8Array, group: number, source: number): boolean {
  const mc = dev.ip6?.mcList.get(in6Key(head, group));
  if (mc === undefined) return false;
  if (source < 0 || ipv6AddrAny(head, source)) return true;
  const psf = mc.sources.get(in6Key(head, source));
  if (psf === undefined) return mc.sfcount[MCAST_EXCLUDE] !== 0;
  return psf.sfcount[MCAST_INCLUDE] > 0 || psf.sfcount[MCAST_EXCLUDE] !== mc.sfcount[MCAST_EXCLUDE];
}
ip6SetChkMcastAddr(ipv6ChkMcastAddr);

/** inet6_mc_check: whether the socket wants packets to the group at `head[group]` from `head[source]`. */
export function inet6McCheck(sk: InetSock, head: Uint8Array, group: number, source: number): boolean {
  const np = sk.inet6!;
  for (const mc of np.mcList) {
    if (!ipv6AddrEqual(mc.addr, 0, head, group)) continue;
    const listed = mc.sources.some((one) => ipv6AddrEqual(one, 0, head, source));
    return mc.sfmode === MCAST_INCLUDE ? listed : !listed;
  }
  return np.mcAll;
}

// ---- groups of a device ----

function groupAdded(idev: Inet6Dev, mc: Ifmcaddr6): void {
  const { dev } = idev;
  if (ipv6AddrMcScope(mc.addr) < IPV6_ADDR_SCOPE_LINKLOCAL) return;
  if (!(mc.flags & MAF_LOADED)) {
    mc.flags |= MAF_LOADED;
    if (dev.addrLen === 6) devAddAddress(dev, ipv6EthMcMap(mc.addr), false);
  }
  if (!(dev.flags & IFF_UP) || mc.flags & MAF_NOREPORT) return;
  if (mldInV1Mode(idev)) {
    mldV1Join(idev, mc);
    return;
  }
  // RFC 3810 6.1: a new group that includes sources is told by its sources.
  if (mc.sfmode === MCAST_EXCLUDE) mc.crcount = idev.mcQrv;
  mldIfcEvent(idev);
}

function groupDropped(idev: Inet6Dev, mc: Ifmcaddr6): void {
  const { dev } = idev;
  if (ipv6AddrMcScope(mc.addr) < IPV6_ADDR_SCOPE_LINKLOCAL) return;
  if (mc.flags & MAF_LOADED) {
    mc.flags &= ~MAF_LOADED;
    if (dev.addrLen === 6) devDelAddress(dev, ipv6EthMcMap(mc.addr), false);
  }
  if (mc.flags & MAF_NOREPORT) return;
  if (!idev.dead) mldLeave(idev, mc);
  mc.workCancel?.();
  mc.workCancel = null;
}

/** The list has the latest group first. */
function prepend(idev: Inet6Dev, mc: Ifmcaddr6): void {
  const rest = [...idev.mcList];
  idev.mcList.clear();
  idev.mcList.set(in6Key(mc.addr), mc);
  for (const [key, other] of rest) idev.mcList.set(key, other);
}

/** __ipv6_dev_mc_inc: the device listens to the group for one user more. 0, -EINVAL, -ENODEV. */
export function ipv6DevMcInc(dev: NetDevice, addr: Uint8Array, mode: number = MCAST_EXCLUDE): number {
  const idev = dev.ip6;
  if (idev === null) return -EINVAL;
  if (idev.dead) return -ENODEV;
  const found = idev.mcList.get(in6Key(addr));
  if (found !== undefined) {
    found.users++;
    addSrc(idev, addr, mode, [], false);
    return 0;
  }
  const mc: Ifmcaddr6 = {
    addr: in6Copy(addr),
    users: 1,
    flags: ipv6AddrIsLlAllNodes(addr) || ipv6AddrMcScope(addr) < IPV6_ADDR_SCOPE_LINKLOCAL ? MAF_NOREPORT : 0,
    sfmode: mode,
    sfcount: mode === MCAST_EXCLUDE ? [1, 0] : [0, 1],
    crcount: 0,
    sources: new Map(),
    tomb: new Map(),
    workCancel: null,
    workAt: 0,
  };
  prepend(idev, mc);
  delDelrec(idev, mc);
  groupAdded(idev, mc);
  return 0;
}

/** mld_del_delrec: a group that had just been left is joined again. */
function delDelrec(idev: Inet6Dev, mc: Ifmcaddr6): void {
  const key = in6Key(mc.addr);
  const gone = idev.mcTomb.get(key);
  if (gone === undefined) return;
  idev.mcTomb.delete(key);
  if (mc.sfmode === MCAST_INCLUDE) {
    [mc.tomb, mc.sources] = [gone.tomb, gone.sources];
    for (const psf of mc.sources.values()) psf.crcount = idev.mcQrv;
  } else mc.crcount = idev.mcQrv;
}

/** __ipv6_dev_mc_dec */
export function ipv6DevMcDec(dev: NetDevice, addr: Uint8Array): number {
  const idev = dev.ip6;
  if (idev === null) return -ENODEV;
  const key = in6Key(addr);
  const mc = idev.mcList.get(key);
  if (mc === undefined) return -ENOENT;
  if (--mc.users === 0) {
    idev.mcList.delete(key);
    groupDropped(idev, mc);
  }
  return 0;
}

/** ipv6_mc_up: the device comes up; all groups are announced. */
export function ipv6McUp(idev: Inet6Dev): void {
  idev.mcQrv = ipv6Sysctl(idev.dev.net).mldQrv;
  idev.mcQi = 125e9;
  idev.mcQri = 10e9;
  idev.mcV1Seen = 0;
  idev.mcMaxdelay = unsolicitedReportInterval(idev);
  for (const mc of idev.mcList.values()) {
    delDelrec(idev, mc);
    groupAdded(idev, mc);
  }
}

/** ipv6_mc_down */
export function ipv6McDown(idev: Inet6Dev): void {
  for (const mc of idev.mcList.values()) groupDropped(idev, mc);
  mldStop(idev);
}

// ---- sources ----

const newIn = (pmc: Ifmcaddr6, psf: Ip6SfList): boolean =>
  pmc.sfcount[MCAST_EXCLUDE] > 0
    ? pmc.sfcount[MCAST_EXCLUDE] === psf.sfcount[MCAST_EXCLUDE] && psf.sfcount[MCAST_INCLUDE] === 0
    : psf.sfcount[MCAST_INCLUDE] > 0;

function markState(pmc: Ifmcaddr6): void {
  for (const psf of pmc.sources.values()) psf.oldin = newIn(pmc, psf);
}

/** sf_setstate: true where a source's state changed. */
function setState(idev: Inet6Dev, pmc: Ifmcaddr6): boolean {
  let changed = false;
  for (const [key, psf] of pmc.sources) {
    if (newIn(pmc, psf)) {
      if (psf.oldin) continue;
      pmc.tomb.delete(key);
      psf.crcount = idev.mcQrv;
      changed = true;
    } else if (psf.oldin) {
      psf.crcount = 0;
      const gone = pmc.tomb.get(key) ?? { ...psf, sfcount: [...psf.sfcount] as [number, number] };
      gone.crcount = idev.mcQrv;
      pmc.tomb.set(key, gone);
      changed = true;
    }
  }
  return changed;
}

/** ip6_mc_add_src: `delta`: sources of a filter that is there already. */
function addSrc(
  idev: Inet6Dev,
  group: Uint8Array,
  mode: number,
  sources: readonly Uint8Array[],
  delta: boolean,
): number {
  const pmc = idev.mcList.get(in6Key(group));
  if (pmc === undefined) return -ESRCH;
  markState(pmc);
  const wasExclude = pmc.sfmode === MCAST_EXCLUDE;
  const at = mode as 0 | 1;
  if (!delta) pmc.sfcount[at]++;
  for (const addr of sources) {
    const key = in6Key(addr);
    let psf = pmc.sources.get(key);
    if (psf === undefined) {
      psf = { addr: in6Copy(addr), sfcount: [0, 0], oldin: false, crcount: 0, gsresp: false };
      pmc.sources.set(key, psf);
    }
    psf.sfcount[at]++;
  }
  if (wasExclude !== (pmc.sfcount[MCAST_EXCLUDE] !== 0)) {
    if (pmc.sfcount[MCAST_EXCLUDE] > 0) pmc.sfmode = MCAST_EXCLUDE;
    else if (pmc.sfcount[MCAST_INCLUDE] > 0) pmc.sfmode = MCAST_INCLUDE;
    modeChanged(idev, pmc);
  } else if (setState(idev, pmc)) mldIfcEvent(idev);
  return 0;
}

function modeChanged(idev: Inet6Dev, pmc: Ifmcaddr6): void {
  pmc.crcount = idev.mcQrv;
  idev.mcIfcCount = pmc.crcount;
  for (const psf of pmc.sources.values()) psf.crcount = 0;
  mldIfcEvent(idev);
}

/** ip6_mc_del_src */
function delSrc(
  idev: Inet6Dev,
  group: Uint8Array,
  mode: number,
  sources: readonly Uint8Array[],
  delta: boolean,
): number {
  const pmc = idev.mcList.get(in6Key(group));
  if (pmc === undefined) return -ESRCH;
  markState(pmc);
  const at = mode as 0 | 1;
  if (!delta) {
    if (pmc.sfcount[at] === 0) return -EINVAL;
    pmc.sfcount[at]--;
  }
  let error = 0;
  let changed = false;
  for (const addr of sources) {
    const key = in6Key(addr);
    const psf = pmc.sources.get(key);
    if (psf === undefined || psf.sfcount[at] === 0) {
      if (error === 0) error = -ESRCH;
      continue;
    }
    psf.sfcount[at]--;
    if (psf.sfcount[0] > 0 || psf.sfcount[1] > 0) continue;
    pmc.sources.delete(key);
    if (psf.oldin && !(pmc.flags & MAF_NOREPORT) && !mldInV1Mode(idev)) {
      psf.crcount = idev.mcQrv;
      pmc.tomb.set(key, psf);
      changed = true;
    }
  }
  if (pmc.sfmode === MCAST_EXCLUDE && pmc.sfcount[MCAST_EXCLUDE] === 0 && pmc.sfcount[MCAST_INCLUDE] > 0) {
    pmc.sfmode = MCAST_INCLUDE;
    modeChanged(idev, pmc);
  } else if (setState(idev, pmc) || changed) mldIfcEvent(idev);
  return error;
}

// ---- sockets ----

const flow = new Flowi6();

/** The device of a group where none is named: the one that a packet to it would go by. */
function mcDev(net: Net, group: Uint8Array, ifindex: number): NetDevice | null {
  if (ifindex !== 0) return net.devices.get(ifindex) ?? null;
  const fl = flow.clear();
  fl.daddr.set(group);
  const dst = ip6RouteOutput(net, null, fl);
  return dst.error !== 0 ? null : dst.dev;
}

/** ipv6_sock_mc_join, and with MCAST_INCLUDE ipv6_sock_mc_join_ssm: 0, -EINVAL, -EADDRINUSE, -ENODEV. */
export function ipv6SockMcJoin(sk: InetSock, ifindex: number, addr: Uint8Array, mode: number = MCAST_EXCLUDE): number {
  const np = sk.inet6!;
  if (!ipv6AddrIsMulticast(addr)) return -EINVAL;
  if (np.mcList.some((mc) => (ifindex === 0 || mc.ifindex === ifindex) && in6Equal(mc.addr, addr))) return -EADDRINUSE;
  const dev = mcDev(sk.net, addr, ifindex);
  if (dev === null) return -ENODEV;
  const error = ipv6DevMcInc(dev, addr, mode);
  if (error !== 0) return error;
  np.mcList.unshift({ addr: in6Copy(addr), ifindex: dev.ifindex, sfmode: mode, sources: [], listed: false });
  return 0;
}

/** ipv6_sock_mc_drop: 0, -EINVAL, -EADDRNOTAVAIL. */
export function ipv6SockMcDrop(sk: InetSock, ifindex: number, addr: Uint8Array): number {
  if (!ipv6AddrIsMulticast(addr)) return -EINVAL;
  const { mcList } = sk.inet6!;
  const at = mcList.findIndex((mc) => (ifindex === 0 || mc.ifindex === ifindex) && in6Equal(mc.addr, addr));
  if (at < 0) return -EADDRNOTAVAIL;
  leave(sk, mcList.splice(at, 1)[0]!);
  return 0;
}

function leave(sk: InetSock, mc: Ipv6McSocklist): void {
  const idev = sk.net.devices.get(mc.ifindex)?.ip6;
  if (!idev) return;
  delSrc(idev, mc.addr, mc.sfmode, mc.sources, false);
  ipv6DevMcDec(idev.dev, mc.addr);
}

/** ipv6_sock_mc_close: a socket ends, and with it its memberships. */
export function ipv6SockMcClose(sk: InetSock): void {
  for (const mc of sk.inet6!.mcList.splice(0)) leave(sk, mc);
}

/** ip6_mc_source: a source added to or taken from a membership's filter of mode `omode` (MCAST_EXCLUDE to block,
 * MCAST_INCLUDE to join). 0, -EINVAL, -ENODEV, -EADDRNOTAVAIL, -ENOBUFS. */
export function ip6McSource(
  sk: InetSock,
  add: boolean,
  omode: number,
  ifindex: number,
  group: Uint8Array,
  source: Uint8Array,
): number {
  if (!ipv6AddrIsMulticast(group)) return -EINVAL;
  const idev = mcDev(sk.net, group, ifindex)?.ip6;
  if (!idev || idev.dead) return -ENODEV;
  const pmc = sk.inet6!.mcList.find((mc) => (ifindex === 0 || mc.ifindex === ifindex) && in6Equal(mc.addr, group));
  if (pmc === undefined) return -EINVAL;
  if (pmc.listed) {
    if (pmc.sfmode !== omode) return -EINVAL;
  } else if (pmc.sfmode !== omode) {
    // An empty filter may change its mode.
    addSrc(idev, group, omode, [], false);
    delSrc(idev, group, pmc.sfmode, [], false);
    pmc.sfmode = omode;
  }
  const at = pmc.sources.findIndex((one) => in6Equal(one, source));
  if (!add) {
    if (at < 0) return -EADDRNOTAVAIL;
    if (pmc.sources.length === 1 && omode === MCAST_INCLUDE) return ipv6SockMcDrop(sk, ifindex, group);
    delSrc(idev, group, omode, [source], true);
    pmc.sources.splice(at, 1);
    return 0;
  }
  if (pmc.sources.length >= ipv6Sysctl(sk.net).mldMaxMsf) return -ENOBUFS;
  if (at >= 0) return -EADDRNOTAVAIL;
  pmc.listed = true;
  pmc.sources.push(in6Copy(source));
  addSrc(idev, group, omode, [source], true);
  return 0;
}

/** ip6_mc_msfilter: the whole filter of a membership at once. */
export function ip6McMsfilter(
  sk: InetSock,
  ifindex: number,
  group: Uint8Array,
  mode: number,
  sources: readonly Uint8Array[],
): number {
  if (!ipv6AddrIsMulticast(group)) return -EINVAL;
  if (mode !== MCAST_INCLUDE && mode !== MCAST_EXCLUDE) return -EINVAL;
  const idev = mcDev(sk.net, group, ifindex)?.ip6;
  if (!idev || idev.dead) return -ENODEV;
  if (mode === MCAST_INCLUDE && sources.length === 0) return ipv6SockMcDrop(sk, ifindex, group);
  const pmc = sk.inet6!.mcList.find((mc) => mc.ifindex === ifindex && in6Equal(mc.addr, group));
  if (pmc === undefined) return -EINVAL;
  addSrc(idev, group, mode, sources, false);
  delSrc(idev, group, pmc.sfmode, pmc.sources, false);
  pmc.sources = sources.map((addr) => in6Copy(addr));
  pmc.listed = sources.length > 0;
  pmc.sfmode = mode;
  return 0;
}
