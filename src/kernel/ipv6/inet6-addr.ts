import { IFA_F_DEPRECATED, IFA_F_OPTIMISTIC, IFA_F_TEMPORARY, IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { allDevices } from '../dev.ts';
import type { Inet6Dev, Inet6Ifaddr, Net, NetDevice } from '../structs.ts';
import {
  IFA_HOST,
  IFA_LINK,
  IPV6_ADDR_ANY,
  IPV6_ADDR_COMPATV4,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_MULTICAST,
  IPV6_ADDR_RESERVED,
  IPV6_ADDR_SCOPE_LINKLOCAL,
  in6Equal,
  in6Key,
  ipv6AddrDiff,
  ipv6AddrSrcScope,
  ipv6AddrTypeScope,
  ipv6Parse,
  ipv6PrefixEqual,
} from './addr.ts';
import { ipv6 } from './ipv6.ts';

/** Which IPv6 addresses are ours, and which of them a packet is sent from (the reading half of net/ipv6/addrconf.c, and
 * net/ipv6/addrlabel.c). addrconf.ts makes and ends them. */

export const INET6_ADDR_KEY = 21;
/** inet6_addr_lst: addresses of all devices by address. */
export const inet6AddrList = (net: Net): Map<string, Inet6Ifaddr[]> =>
  (net.gen[INET6_ADDR_KEY] ??= new Map()) as Map<string, Inet6Ifaddr[]>;

const isOptimistic = (ifp: Inet6Ifaddr): boolean => (ifp.flags & IFA_F_OPTIMISTIC) !== 0;

/** ipv6_chk_addr_and_flags: the device that has the address with none of the `banned` IFA_F_ flags; null where none has.
 * With `dev`, link-local addresses (with `strict` all) must be that device's. */
export function ipv6ChkAddrAndFlags(
  net: Net,
  addr: Uint8Array,
  dev: NetDevice | null,
  strict: boolean,
  banned: number,
): NetDevice | null {
  const list = inet6AddrList(net).get(in6Key(addr));
  if (list === undefined) return null;
  for (const ifp of list) {
    // Optimistic addresses are tentative too; who must not have them bans them by name.
    const flags = isOptimistic(ifp) ? ifp.flags & ~IFA_F_TENTATIVE : ifp.flags;
    if (flags & banned) continue;
    const owner = ifp.idev.dev;
    if (dev === null || owner === dev || !(ifp.scope & (IFA_LINK | IFA_HOST) || strict)) return owner;
  }
  return null;
}

/** ipv6_chk_addr: whether the address is ours and may be used (is not tentative). */
export const ipv6ChkAddr = (net: Net, addr: Uint8Array, dev: NetDevice | null = null, strict = false): boolean =>
  ipv6ChkAddrAndFlags(net, addr, dev, strict, IFA_F_TENTATIVE) !== null;

/** ipv6_get_ifaddr */
export function ipv6GetIfaddr(net: Net, addr: Uint8Array, dev: NetDevice | null, strict: boolean): Inet6Ifaddr | null {
  for (const ifp of inet6AddrList(net).get(in6Key(addr)) ?? [])
    if (dev === null || ifp.idev.dev === dev || !(ifp.scope & (IFA_LINK | IFA_HOST) || strict)) return ifp;
  return null;
}

/** ipv6_chk_prefix: the address is in the prefix of one of the device's addresses. */
export const ipv6ChkPrefix = (addr: Uint8Array, dev: NetDevice): boolean =>
  dev.ip6?.addrList.some((ifp) => ipv6PrefixEqual(addr, 0, ifp.addr, 0, ifp.prefixLen)) ?? false;

/** ipv6_get_lladdr: the device's link-local address without any of the `banned` flags. */
export function ipv6GetLladdr(dev: NetDevice, banned: number): Uint8Array | null {
  const list = dev.ip6?.addrList ?? [];
  for (let i = list.length - 1; i >= 0; i--) {
    const ifp = list[i]!;
    if (ifp.scope > IFA_LINK) break;
    if (ifp.scope === IFA_LINK && !(ifp.flags & banned)) return ifp.addr;
  }
  return null;
}

/** ipv6_find_idev's test whether IPv6 runs on the device. */
export const ipv6Enabled = (dev: NetDevice | null): dev is NetDevice & { ip6: Inet6Dev } =>
  dev !== null && dev.ip6 !== null && dev.ip6.cnf.disableIpv6 === 0;

/** RFC 6724's labels as Linux has them (ip6addrlbl_init_table): prefix, length, label. */
const LABELS: readonly [Uint8Array, number, number][] = (
  [
    ['::1', 128, 0],
    ['::ffff:0:0', 96, 4],
    ['::', 96, 3],
    ['2001::', 32, 6],
    ['2001:10::', 28, 7],
    ['3ffe::', 16, 12],
    ['2002::', 16, 2],
    ['fec0::', 10, 11],
    ['fc00::', 7, 5],
    ['::', 0, 1],
  ] as const
).map(([text, length, label]) => [ipv6Parse(text)!, length, label]);

/** ipv6_addr_label */
const addrLabel = (addr: Uint8Array): number =>
  LABELS.find(([prefix, length]) => ipv6PrefixEqual(addr, 0, prefix, 0, length))![2];

// Bits of IPV6_ADDR_PREFERENCES.
export const IPV6_PREFER_SRC_TMP = 1;
export const IPV6_PREFER_SRC_PUBLIC = 2;
export const IPV6_PREFER_SRC_COA = 4;

const ORCHID = ipv6Parse('2001:10::')!;
const isOrchid = (addr: Uint8Array): boolean => ipv6PrefixEqual(addr, 0, ORCHID, 0, 28);

interface Destination {
  addr: Uint8Array;
  ifindex: number;
  scope: number;
  label: number;
  prefs: number;
}

/** ipv6_get_saddr_eval: how well an address does by one rule of RFC 6724 section 5. */
const RULES: readonly ((net: Net, ifp: Inet6Ifaddr, type: number, dst: Destination) => number)[] = [
  // Rule 1: the destination itself.
  (_net, ifp, _type, dst) => (in6Equal(ifp.addr, dst.addr) ? 1 : 0),
  // Rule 2: the smallest scope that is enough; else the largest that is not.
  (_net, _ifp, type, dst) => {
    const scope = ipv6AddrSrcScope(type);
    return scope >= dst.scope ? -scope : scope - 128;
  },
  // Rule 3: not deprecated, and not optimistic unless those may be used.
  (net, ifp, type) => {
    if (type & (IPV6_ADDR_MAPPED | IPV6_ADDR_COMPATV4 | IPV6_ADDR_LOOPBACK | IPV6_ADDR_RESERVED)) return 1;
    const { cnf } = ifp.idev;
    const useOptimistic =
      (ipv6(net).all.optimisticDad !== 0 || cnf.optimisticDad !== 0) &&
      (ipv6(net).all.useOptimistic !== 0 || cnf.useOptimistic !== 0);
    return ifp.flags & (useOptimistic ? IFA_F_DEPRECATED : IFA_F_DEPRECATED | IFA_F_OPTIMISTIC) ? 0 : 1;
  },
  // Rule 5: of the device that it goes out by.
  (_net, ifp, _type, dst) => (dst.ifindex === 0 || dst.ifindex === ifp.idev.dev.ifindex ? 1 : 0),
  // Rule 6: of the same label.
  (_net, ifp, _type, dst) => (addrLabel(ifp.addr) === dst.label ? 1 : 0),
  // Rule 7: temporary or public, as asked.
  (_net, ifp, _type, dst) => {
    const wantsTemporary =
      dst.prefs & (IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_TMP)
        ? (dst.prefs & IPV6_PREFER_SRC_TMP) !== 0
        : ifp.idev.cnf.useTempaddr >= 2;
    return ((ifp.flags & IFA_F_TEMPORARY) !== 0) === wantsTemporary ? 1 : 0;
  },
  // RFC 4843: ORCHIDs talk to ORCHIDs.
  (_net, ifp, _type, dst) => (isOrchid(ifp.addr) === isOrchid(dst.addr) ? 1 : 0),
  // Rule 8: the longest prefix in common, not beyond the subnet's.
  (_net, ifp, _type, dst) => Math.min(ipv6AddrDiff(ifp.addr, dst.addr), ifp.prefixLen),
  (_net, ifp) => (isOptimistic(ifp) ? 0 : 1),
];

/** ipv6_dev_get_saddr: the source address for `daddr` when it goes out by `dev` (null: any), or null where there is none
 * (EADDRNOTAVAIL). `prefs`: IPV6_PREFER_SRC_ bits. The address is the device's own; do not write to it. */
export function ipv6DevGetSaddr(net: Net, dev: NetDevice | null, daddr: Uint8Array, prefs: number): Uint8Array | null {
  const type = ipv6AddrTypeScope(daddr);
  const dst: Destination = {
    addr: daddr,
    ifindex: dev?.ifindex ?? 0,
    scope: ipv6AddrSrcScope(type),
    label: addrLabel(daddr),
    prefs,
  };
  // RFC 6724 section 4: for what stays on a link, only addresses of that link.
  const onlyOif =
    dev !== null &&
    ((type & IPV6_ADDR_MULTICAST) !== 0 ||
      dst.scope <= IPV6_ADDR_SCOPE_LINKLOCAL ||
      (dev.ip6 !== null && dev.ip6.cnf.useOifAddrsOnly !== 0));
  let best: Inet6Ifaddr | null = null;
  let bestType = 0;
  for (const one of onlyOif ? [dev] : allDevices(net))
    for (const ifp of one.ip6?.addrList ?? []) {
      if (ifp.flags & IFA_F_TENTATIVE && !isOptimistic(ifp)) continue;
      const ifpType = ipv6AddrTypeScope(ifp.addr);
      if ((ifpType & 0xffff) === IPV6_ADDR_ANY || ifpType & IPV6_ADDR_MULTICAST) continue;
      if (best === null || betterSaddr(net, ifp, ifpType, best, bestType, dst)) {
        best = ifp;
        bestType = ifpType;
      }
    }
  return best === null ? null : best.addr;
}

function betterSaddr(
  net: Net,
  ifp: Inet6Ifaddr,
  type: number,
  best: Inet6Ifaddr,
  bestType: number,
  dst: Destination,
): boolean {
  for (const rule of RULES) {
    const by = rule(net, ifp, type, dst) - rule(net, best, bestType, dst);
    if (by !== 0) return by > 0;
  }
  return false;
}
