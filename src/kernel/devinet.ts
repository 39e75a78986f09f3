import { EADDRNOTAVAIL, EEXIST } from '../uapi/errno.ts';
import { IFF_BROADCAST, IFF_LOOPBACK, IFF_NOARP, IFF_UP } from '../uapi/if.ts';
import { IFA_F_PERMANENT, IFA_F_SECONDARY } from '../uapi/if_addr.ts';
import { RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from '../uapi/rtnetlink.ts';
import { allDevices, NETDEV_CHANGEMTU, NETDEV_DOWN, NETDEV_REGISTER, NETDEV_UNREGISTER, NETDEV_UP } from './dev.ts';
import { inetMakeMask, ipv4IsLoopback } from './headers.ts';
import { InDevice, InIfaddr, type Net, type NetDevice } from './structs.ts';
import { Ipv4Devconf } from './structs-plain.ts';

/** IPv4 addresses of devices (net/ipv4/devinet.c). */

export const DEVINET_KEY = 2;
const INET_MIN_MTU = 68;

interface DevinetState {
  /** conf/all and conf/default. */
  all: Ipv4Devconf;
  dflt: Ipv4Devconf;
  /** Local addresses, for the quick question whether one is ours (inet_addr_lst). */
  byAddress: Map<number, InIfaddr[]>;
}

export const devinet = (net: Net): DevinetState => net.gen[DEVINET_KEY] as DevinetState;

export const inDevForward = (net: Net, inDev: InDevice): boolean => {
  void net;
  return inDev.cnf.forwarding !== 0;
};
/** IN_DEV_MAXCONF and the like: the larger of the device's and conf/all's value. */
export const inDevMax = (inDev: InDevice, name: keyof Ipv4Devconf): number =>
  Math.max(inDev.cnf[name], devinet(inDev.dev.net).all[name]);
export const inDevOr = (inDev: InDevice, name: keyof Ipv4Devconf): boolean =>
  inDev.cnf[name] !== 0 || devinet(inDev.dev.net).all[name] !== 0;
export const inDevAnd = (inDev: InDevice, name: keyof Ipv4Devconf): boolean =>
  inDev.cnf[name] !== 0 && devinet(inDev.dev.net).all[name] !== 0;

function copyConf(from: Ipv4Devconf): Ipv4Devconf {
  return Object.assign(new Ipv4Devconf(), from);
}

export function inetdevInit(dev: NetDevice): InDevice {
  const inDev = new InDevice(dev, copyConf(devinet(dev.net).dflt));
  dev.ip = inDev;
  return inDev;
}

// Events of inetaddr_chain.
export const IFADDR_UP = 1;
export const IFADDR_DOWN = 2;

const notify = (event: number, ifa: InIfaddr): void => {
  for (const listener of ifa.inDev.dev.net.inetaddrChain) listener(event, ifa);
};

/** Whether `b` is in the subnet of `ifa`. */
export const inetIfaMatch = (address: number, ifa: InIfaddr): boolean => ((address ^ ifa.address) & ifa.mask) === 0;

function hashAdd(net: Net, ifa: InIfaddr): void {
  const { byAddress } = devinet(net);
  const list = byAddress.get(ifa.local);
  if (list === undefined) byAddress.set(ifa.local, [ifa]);
  else list.push(ifa);
}
function hashDel(net: Net, ifa: InIfaddr): void {
  const { byAddress } = devinet(net);
  const list = byAddress.get(ifa.local) ?? [];
  const at = list.indexOf(ifa);
  if (at >= 0) list.splice(at, 1);
  if (list.length === 0) byAddress.delete(ifa.local);
}

/** inet_insert_ifa: a second address of the same subnet is a secondary one. */
export function inetInsertIfa(ifa: InIfaddr): number {
  const { inDev } = ifa;
  const list = inDev.ifaList;
  ifa.flags &= ~IFA_F_SECONDARY;
  let insert = list.length;
  for (let i = 0; i < list.length; i++) {
    const other = list[i]!;
    if (!(other.flags & IFA_F_SECONDARY) && ifa.scope <= other.scope) insert = i + 1;
    if (other.mask === ifa.mask && inetIfaMatch(ifa.address, other)) {
      if (other.local === ifa.local) return -EEXIST;
      if (other.scope !== ifa.scope) return -EEXIST;
      ifa.flags |= IFA_F_SECONDARY;
    }
  }
  if (ifa.flags & IFA_F_SECONDARY) list.push(ifa);
  else list.splice(Math.min(insert, list.length), 0, ifa);
  hashAdd(inDev.dev.net, ifa);
  notify(IFADDR_UP, ifa);
  return 0;
}

/** inet_del_ifa: with a primary address its secondaries go too, or the first takes its place (promote_secondaries). */
export function inetDelIfa(ifa: InIfaddr): void {
  const { inDev } = ifa;
  const { net } = inDev.dev;
  const list = inDev.ifaList;
  const gone: InIfaddr[] = [];
  if (!(ifa.flags & IFA_F_SECONDARY) && !inDevOr(inDev, 'promoteSecondaries'))
    for (const other of list)
      if (other.flags & IFA_F_SECONDARY && other.mask === ifa.mask && inetIfaMatch(other.address, ifa))
        gone.push(other);
  for (const one of [...gone, ifa]) {
    const at = list.indexOf(one);
    if (at < 0) continue;
    list.splice(at, 1);
    hashDel(net, one);
    notify(IFADDR_DOWN, one);
  }
  if (!(ifa.flags & IFA_F_SECONDARY) && inDevOr(inDev, 'promoteSecondaries')) {
    const next = list.find(
      (other) => other.flags & IFA_F_SECONDARY && other.mask === ifa.mask && inetIfaMatch(other.address, ifa),
    );
    if (next !== undefined) {
      next.flags &= ~IFA_F_SECONDARY;
      notify(IFADDR_UP, next);
    }
  }
}

/** What rtnetlink's RTM_NEWADDR does with an address of prefix length `length`. */
export function inetAddAddress(
  dev: NetDevice,
  local: number,
  length: number,
  { broadcast, scope, peer, label }: { broadcast?: number; scope?: number; peer?: number; label?: string } = {},
): number {
  const inDev = dev.ip ?? inetdevInit(dev);
  const ifa = new InIfaddr(inDev);
  ifa.local = local;
  ifa.address = peer ?? local;
  ifa.prefixlen = length;
  ifa.mask = inetMakeMask(length);
  ifa.broadcast = broadcast ?? 0;
  ifa.scope = scope ?? (ipv4IsLoopback(local) ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
  ifa.flags = IFA_F_PERMANENT;
  ifa.label = label ?? dev.name;
  return inetInsertIfa(ifa);
}

export function inetDelAddress(dev: NetDevice, local: number, length: number): number {
  const ifa = dev.ip?.ifaList.find((one) => one.local === local && one.prefixlen === length);
  if (ifa === undefined) return -EADDRNOTAVAIL;
  inetDelIfa(ifa);
  return 0;
}

/** __ip_dev_find: the device that has the address. */
export function ipDevFind(net: Net, address: number): NetDevice | null {
  return devinet(net).byAddress.get(address)?.[0]?.inDev.dev ?? null;
}
export const inetLookupIfaddr = (net: Net, address: number): InIfaddr | null =>
  devinet(net).byAddress.get(address)?.[0] ?? null;

/** inet_select_addr: a source address of `dev` for `dst`, or of any device where it has none of that scope. */
export function inetSelectAddr(dev: NetDevice, dst: number, scope: number): number {
  const { net } = dev;
  let found = 0;
  if (dev.ip !== null)
    for (const ifa of dev.ip.ifaList) {
      if (ifa.flags & IFA_F_SECONDARY) continue;
      if (ifa.scope > scope) continue;
      if (dst === 0 || inetIfaMatch(dst, ifa)) {
        found = ifa.local;
        break;
      }
      if (found === 0) found = ifa.local;
    }
  if (found !== 0) return found;
  for (const other of allDevices(net)) {
    if (other.ip === null) continue;
    for (const ifa of other.ip.ifaList)
      if (!(ifa.flags & IFA_F_SECONDARY) && ifa.scope !== RT_SCOPE_LINK && ifa.scope <= scope) return ifa.local;
  }
  return 0;
}

/** inet_confirm_addr for one device: `local` is an address of it (0: any) that fits `dst`, of at most `scope`. */
export function inetConfirmAddr(inDev: InDevice, dst: number, local: number, scope: number): number {
  let same = false;
  let address = 0;
  for (const ifa of inDev.ifaList) {
    const minScope = Math.max(ifa.scope, RT_SCOPE_LINK === ifa.scope ? RT_SCOPE_LINK : 0);
    if (address === 0 && (local === ifa.local || local === 0) && minScope <= scope) {
      address = ifa.local;
      if (same) break;
    }
    if (!same) {
      same = (local === 0 || inetIfaMatch(local, ifa)) && (dst === 0 || inetIfaMatch(dst, ifa));
      if (same && address !== 0) {
        if (local !== 0 || dst === 0) break;
        if (inetIfaMatch(address, ifa)) break;
        if (minScope <= scope) {
          address = ifa.local;
          break;
        }
        same = false;
      }
    }
  }
  return same ? address : 0;
}

/** Both addresses are in the subnet of one of the device's addresses. */
export const inetAddrOnlink = (inDev: InDevice, a: number, b: number): boolean =>
  inDev.ifaList.some((ifa) => inetIfaMatch(a, ifa) && (b === 0 || inetIfaMatch(b, ifa)));

export function devinetInit(net: Net): void {
  // conf/all differs from conf/default in this one.
  const all = new Ipv4Devconf();
  all.acceptSourceRoute = 0;
  net.gen[DEVINET_KEY] = {
    all,
    dflt: new Ipv4Devconf(),
    byAddress: new Map(),
  } satisfies DevinetState;
  net.netdevChain.push((event, dev) => {
    switch (event) {
      case NETDEV_REGISTER: {
        const inDev = inetdevInit(dev);
        if (dev.flags & IFF_LOOPBACK) inDev.cnf.routeLocalnet = inDev.cnf.routeLocalnet | 0;
        break;
      }
      case NETDEV_UP:
        if (dev.mtu < INET_MIN_MTU) break;
        // The loopback device has its address from the start (inetdev_event).
        if (dev.flags & IFF_LOOPBACK && dev.ip !== null && dev.ip.ifaList.length === 0)
          inetAddAddress(dev, 0x7f000001, 8);
        break;
      case NETDEV_DOWN:
        break;
      case NETDEV_CHANGEMTU:
        if (dev.mtu < INET_MIN_MTU && dev.ip !== null) inetdevDestroy(dev);
        break;
      case NETDEV_UNREGISTER:
        if (dev.ip !== null) inetdevDestroy(dev);
        break;
    }
  });
}

function inetdevDestroy(dev: NetDevice): void {
  const inDev = dev.ip!;
  inDev.dead = true;
  while (inDev.ifaList.length > 0) inetDelIfa(inDev.ifaList[0]!);
  dev.ip = null;
}

export const hasBroadcast = (dev: NetDevice): boolean =>
  (dev.flags & (IFF_BROADCAST | IFF_NOARP | IFF_LOOPBACK)) === IFF_BROADCAST;
export const isUp = (dev: NetDevice): boolean => (dev.flags & IFF_UP) !== 0;
