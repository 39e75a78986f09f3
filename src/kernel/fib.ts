import {
  EACCES,
  EAGAIN,
  EEXIST,
  EHOSTUNREACH,
  EINVAL,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  ENOENT,
  ESRCH,
} from '../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_UP } from '../uapi/if.ts';
import { IFA_F_SECONDARY } from '../uapi/if_addr.ts';
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_NOWHERE,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_DEFAULT,
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_KERNEL,
} from '../uapi/rtnetlink.ts';
import { NETDEV_CHANGE, NETDEV_DOWN, NETDEV_UNREGISTER, NETDEV_UP } from './dev.ts';
import { IFADDR_DOWN, IFADDR_UP, inetIfaMatch, inetSelectAddr } from './devinet.ts';
import { inetMakeMask, ipv4IsLbcast, ipv4IsMulticast, ipv4IsZeronet } from './headers.ts';
import type { InIfaddr, Net, NetDevice } from './structs.ts';

/** The forwarding information base (net/ipv4/fib_trie.c, fib_frontend.c, fib_rules.c): tables of routes with longest
 * prefix match, and the rules that say which table is asked. */

/** What was learned of one destination behind a next hop (struct fib_nh_exception); 0: nothing. */
export interface FibNhException {
  pmtu: number;
  locked: boolean;
  gw: number;
  /** Monotonic time at which all of it is forgotten. */
  expires: number;
}

export interface FibNh {
  dev: NetDevice | null;
  gw: number;
  weight: number;
  scope: number;
  flags: number;
  /** By destination. */
  exceptions: Map<number, FibNhException> | null;
}

/** One route (fib_alias with its fib_info). */
export interface FibRoute {
  dst: number;
  plen: number;
  tos: number;
  type: number;
  scope: number;
  protocol: number;
  priority: number;
  table: number;
  prefsrc: number;
  nhs: FibNh[];
  /** RTAX_MTU, RTAX_HOPLIMIT, RTAX_ADVMSS; 0: not set. */
  mtu: number;
  hoplimit: number;
  advmss: number;
  mtuLocked: boolean;
  flags: number;
}

export interface FibTable {
  readonly id: number;
  /** By prefix length, then by network. */
  readonly byLength: (Map<number, FibRoute[]> | null)[];
  count: number;
}

export interface FibRule {
  priority: number;
  action: number;
  table: number;
  src: number;
  srcLen: number;
  dst: number;
  dstLen: number;
  iif: number;
  oif: number;
  mark: number;
  markMask: number;
  tos: number;
  invert: boolean;
}
export const FR_ACT_TO_TBL = 1;
export const FR_ACT_BLACKHOLE = 6;
export const FR_ACT_UNREACHABLE = 7;
export const FR_ACT_PROHIBIT = 8;

/** What is asked, and what a route to send by decides: struct flowi4. */
export class Flowi4 {
  oif = 0;
  iif = 0;
  mark = 0;
  tos = 0;
  scope = 0;
  proto = 0;
  flags = 0;
  saddr = 0;
  daddr = 0;
  sport = 0;
  dport = 0;
}
export const FLOWI_FLAG_ANYSRC = 1;
export const FLOWI_FLAG_KNOWN_NH = 2;

export class FibResult {
  route: FibRoute | null = null;
  nh: FibNh | null = null;
  type = 0;
  scope = 0;
  prefixlen = 0;
  table = 0;
}

export const FIB_KEY = 3;
interface FibState {
  /** Some route is for one type of service alone. */
  tosRoutes: boolean;
  tables: Map<number, FibTable>;
  rules: FibRule[];
  customRules: boolean;
  customLocalRoutes: boolean;
}
export const fib = (net: Net): FibState => net.gen[FIB_KEY] as FibState;

export function fibTable(net: Net, id: number): FibTable {
  const { tables } = fib(net);
  let table = tables.get(id);
  if (table === undefined) {
    table = { id, byLength: new Array(33).fill(null), count: 0 };
    tables.set(id, table);
  }
  return table;
}

/** fib_table_lookup: 0 and `result` filled, or -errno (-EAGAIN: go on with the next rule). */
function tableLookup(table: FibTable, fl: Flowi4, result: FibResult): number {
  if (table.count === 0) return -EAGAIN;
  for (let length = 32; length >= 0; length--) {
    const byNetwork = table.byLength[length];
    if (byNetwork === null || byNetwork === undefined) continue;
    const key = length === 0 ? 0 : (fl.daddr & (0xffffffff << (32 - length))) >>> 0;
    const routes = byNetwork.get(key);
    if (routes === undefined) continue;
    for (let i = 0; i < routes.length; i++) {
      const route = routes[i]!;
      if (route.tos !== 0 && route.tos !== fl.tos) continue;
      if (route.scope < fl.scope) continue;
      if (
        route.type !== RTN_UNICAST &&
        route.type !== RTN_LOCAL &&
        route.type !== RTN_BROADCAST &&
        route.type !== RTN_MULTICAST
      ) {
        const error = typeError(route.type);
        if (error !== 0) {
          if (error === -EAGAIN) return error;
          result.route = route;
          result.type = route.type;
          return error;
        }
      }
      for (let n = 0; n < route.nhs.length; n++) {
        const nh = route.nhs[n]!;
        if (nh.flags & 1) continue; // RTNH_F_DEAD
        if (fl.oif !== 0 && fl.oif !== (nh.dev === null ? 0 : nh.dev.ifindex)) continue;
        result.route = route;
        result.nh = nh;
        result.type = route.type;
        result.scope = route.scope;
        result.prefixlen = length;
        result.table = table.id;
        return 0;
      }
    }
  }
  return -EAGAIN;
}

/** fib_props: what looking up a route of this type gives. */
function typeError(type: number): number {
  switch (type) {
    case RTN_BLACKHOLE:
      return -EINVAL;
    case RTN_UNREACHABLE:
      return -EHOSTUNREACH;
    case RTN_PROHIBIT:
      return -EACCES;
    case RTN_THROW:
      return -EAGAIN;
    default:
      return type === RTN_UNICAST || type === RTN_LOCAL || type === RTN_BROADCAST || type === RTN_MULTICAST
        ? 0
        : -EINVAL;
  }
}

function ruleMatches(rule: FibRule, fl: Flowi4): boolean {
  const matched =
    (rule.iif === 0 || rule.iif === fl.iif) &&
    (rule.oif === 0 || rule.oif === fl.oif) &&
    ((rule.mark ^ fl.mark) & rule.markMask) === 0 &&
    ((rule.src ^ fl.saddr) & inetMakeMask(rule.srcLen)) === 0 &&
    ((rule.dst ^ fl.daddr) & inetMakeMask(rule.dstLen)) === 0 &&
    (rule.tos === 0 || rule.tos === fl.tos);
  return matched !== rule.invert;
}

/** fib_lookup: 0, or -errno. */
export function fibLookup(net: Net, fl: Flowi4, result: FibResult): number {
  const state = fib(net);
  result.route = null;
  result.nh = null;
  if (!state.customRules) {
    let error = tableLookup(state.tables.get(RT_TABLE_LOCAL)!, fl, result);
    if (error === -EAGAIN) error = tableLookup(state.tables.get(RT_TABLE_MAIN)!, fl, result);
    if (error === -EAGAIN) {
      const dflt = state.tables.get(RT_TABLE_DEFAULT);
      if (dflt !== undefined) error = tableLookup(dflt, fl, result);
    }
    return error === -EAGAIN ? -ENETUNREACH : error;
  }
  for (const rule of state.rules) {
    if (!ruleMatches(rule, fl)) continue;
    switch (rule.action) {
      case FR_ACT_UNREACHABLE:
        return -ENETUNREACH;
      case FR_ACT_PROHIBIT:
        return -EACCES;
      case FR_ACT_BLACKHOLE:
        return -EINVAL;
    }
    const table = state.tables.get(rule.table);
    if (table === undefined) continue;
    const error = tableLookup(table, fl, result);
    if (error !== -EAGAIN) return error;
  }
  return -ENETUNREACH;
}

/** inet_addr_type: RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST or RTN_MULTICAST, by the local table alone; with `dev` only
 * what belongs to it (inet_dev_addr_type). */
const typeFlow = new Flowi4();
const typeResult = new FibResult();
export function inetAddrType(net: Net, address: number, dev: NetDevice | null = null): number {
  if (ipv4IsZeronet(address) || ipv4IsLbcast(address)) return RTN_BROADCAST;
  if (ipv4IsMulticast(address)) return RTN_MULTICAST;
  typeFlow.daddr = address;
  typeFlow.oif = 0;
  typeResult.route = null;
  if (tableLookup(fibTable(net, RT_TABLE_LOCAL), typeFlow, typeResult) === 0) {
    if (dev === null || dev === typeResult.nh!.dev) return typeResult.type;
  }
  return RTN_UNICAST;
}

// ---- changing ----

export interface FibConfig {
  dst: number;
  plen: number;
  tos?: number;
  type?: number;
  scope?: number;
  protocol?: number;
  priority?: number;
  table?: number;
  prefsrc?: number;
  oif?: number;
  gw?: number;
  multipath?: { oif: number; gw: number; weight: number }[];
  mtu?: number;
  hoplimit?: number;
  advmss?: number;
  mtuLocked?: boolean;
  onlink?: boolean;
  /** NLM_F_ bits: EXCL 0x200, REPLACE 0x100, APPEND 0x800. */
  nlflags?: number;
}

const checkFlow = new Flowi4();
const checkResult = new FibResult();

/** fib_check_nh: the device by which a gateway is reached, and its scope; -errno where it is not on a link of ours. */
function checkNh(net: Net, nh: FibNh, oif: number, scope: number, table: number, onlink: boolean): number {
  void table;
  if (nh.gw !== 0) {
    if (onlink) {
      const dev = net.devices.get(oif);
      if (dev === undefined) return -ENODEV;
      if (!(dev.flags & IFF_UP)) return -ENETDOWN;
      nh.dev = dev;
      nh.scope = RT_SCOPE_LINK;
      return 0;
    }
    checkFlow.daddr = nh.gw;
    checkFlow.scope = Math.max(scope + 1, RT_SCOPE_LINK);
    checkFlow.oif = oif;
    checkFlow.iif = 1;
    const error = fibLookup(net, checkFlow, checkResult);
    if (error < 0) return error === -EINVAL ? -EINVAL : error;
    if (checkResult.type !== RTN_UNICAST && checkResult.type !== RTN_LOCAL) return -EINVAL;
    if (inetAddrType(net, nh.gw) !== RTN_UNICAST) return -EINVAL;
    nh.scope = checkResult.scope;
    nh.dev = checkResult.nh!.dev;
    if (nh.dev !== null && !(nh.dev.flags & IFF_UP)) return -ENETDOWN;
    return 0;
  }
  const dev = net.devices.get(oif);
  if (dev === undefined) return -ENODEV;
  if (!(dev.flags & IFF_UP)) return -ENETDOWN;
  nh.dev = dev;
  nh.scope = scope;
  return 0;
}

/** Adds a route as RTM_NEWROUTE does; 0 or -errno. */
export function fibTableInsert(net: Net, cfg: FibConfig): number {
  const type = cfg.type ?? RTN_UNICAST;
  const dst = cfg.plen === 0 ? 0 : cfg.dst >>> 0;
  if (cfg.plen > 32) return -EINVAL;
  if (cfg.plen < 32 && (dst & ~inetMakeMask(cfg.plen)) >>> 0 !== 0) return -EINVAL;
  const table = fibTable(
    net,
    cfg.table ?? (type === RTN_LOCAL || type === RTN_BROADCAST ? RT_TABLE_LOCAL : RT_TABLE_MAIN),
  );
  const hasGw = (cfg.gw ?? 0) !== 0 || (cfg.multipath ?? []).some((p) => p.gw !== 0);
  let scope = cfg.scope;
  if (scope === undefined) {
    if (type === RTN_LOCAL) scope = RT_SCOPE_HOST;
    else if (type === RTN_BROADCAST || type === RTN_MULTICAST) scope = RT_SCOPE_LINK;
    else if (type === RTN_UNICAST) scope = hasGw ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    else scope = RT_SCOPE_UNIVERSE;
  }
  const route: FibRoute = {
    dst,
    plen: cfg.plen,
    tos: cfg.tos ?? 0,
    type,
    scope,
    protocol: cfg.protocol ?? RTPROT_BOOT,
    priority: cfg.priority ?? 0,
    table: table.id,
    prefsrc: cfg.prefsrc ?? 0,
    nhs: [],
    mtu: cfg.mtu ?? 0,
    hoplimit: cfg.hoplimit ?? 0,
    advmss: cfg.advmss ?? 0,
    mtuLocked: cfg.mtuLocked ?? false,
    flags: 0,
  };
  if (typeError(type) !== 0) {
    if ((cfg.gw ?? 0) !== 0 || (cfg.oif ?? 0) !== 0) return -EINVAL;
    route.nhs.push({
      dev: net.loopbackDev ?? null,
      gw: 0,
      weight: 1,
      scope: RT_SCOPE_NOWHERE,
      flags: 0,
      exceptions: null,
    });
  } else {
    const paths = cfg.multipath ?? [{ oif: cfg.oif ?? 0, gw: cfg.gw ?? 0, weight: 1 }];
    for (const path of paths) {
      const nh: FibNh = {
        dev: null,
        gw: path.gw,
        weight: path.weight,
        scope: RT_SCOPE_NOWHERE,
        flags: 0,
        exceptions: null,
      };
      const error = checkNh(net, nh, path.oif, scope, table.id, cfg.onlink ?? false);
      if (error < 0) return error;
      route.nhs.push(nh);
    }
  }
  if (route.prefsrc !== 0 && inetAddrType(net, route.prefsrc) !== RTN_LOCAL) {
    if (type !== RTN_LOCAL || route.prefsrc !== dst) return -EINVAL;
  }
  let byNetwork = table.byLength[cfg.plen] ?? null;
  if (byNetwork === null) table.byLength[cfg.plen] = byNetwork = new Map();
  let routes = byNetwork.get(dst);
  if (routes === undefined) byNetwork.set(dst, (routes = []));
  const flags = cfg.nlflags ?? 0;
  const same = routes.findIndex((r) => r.tos === route.tos && r.priority === route.priority);
  if (same >= 0 && flags & 0x200) return -EEXIST;
  if (same >= 0 && flags & 0x100) routes[same] = route;
  else {
    const duplicate = routes.some(
      (r) =>
        r.tos === route.tos &&
        r.priority === route.priority &&
        r.type === route.type &&
        r.scope === route.scope &&
        r.prefsrc === route.prefsrc &&
        r.nhs.length === route.nhs.length &&
        r.nhs.every((nh, i) => nh.dev === route.nhs[i]!.dev && nh.gw === route.nhs[i]!.gw),
    );
    if (duplicate) return -EEXIST;
    // Sorted by falling tos, then by rising priority; newer ones of the same go first unless appended.
    let at = routes.findIndex(
      (r) =>
        r.tos < route.tos ||
        (r.tos === route.tos && (flags & 0x800 ? r.priority > route.priority : r.priority >= route.priority)),
    );
    if (at < 0) at = routes.length;
    routes.splice(at, 0, route);
    table.count++;
  }
  if (route.tos !== 0) fib(net).tosRoutes = true;
  if (table.id === RT_TABLE_LOCAL && type === RTN_LOCAL && route.protocol !== RTPROT_KERNEL)
    fib(net).customLocalRoutes = true;
  net.rtGenid++;
  return 0;
}

/** Removes the first route that fits what is given; 0 or -ESRCH. */
export function fibTableDelete(net: Net, cfg: FibConfig): number {
  const id = cfg.table ?? (cfg.type === RTN_LOCAL || cfg.type === RTN_BROADCAST ? RT_TABLE_LOCAL : RT_TABLE_MAIN);
  const table = fib(net).tables.get(id);
  const routes = table?.byLength[cfg.plen]?.get(cfg.plen === 0 ? 0 : cfg.dst >>> 0);
  if (table === undefined || routes === undefined) return -ESRCH;
  const at = routes.findIndex(
    (r) =>
      (cfg.tos === undefined || r.tos === cfg.tos) &&
      (cfg.type === undefined || r.type === cfg.type) &&
      (cfg.scope === undefined || cfg.scope === RT_SCOPE_NOWHERE || r.scope === cfg.scope) &&
      (cfg.prefsrc === undefined || cfg.prefsrc === 0 || r.prefsrc === cfg.prefsrc) &&
      (cfg.protocol === undefined || r.protocol === cfg.protocol) &&
      (cfg.priority === undefined || cfg.priority === 0 || r.priority === cfg.priority) &&
      (cfg.gw === undefined || r.nhs[0]?.gw === cfg.gw) &&
      (cfg.oif === undefined || cfg.oif === 0 || r.nhs[0]?.dev?.ifindex === cfg.oif),
  );
  if (at < 0) return -ESRCH;
  routes.splice(at, 1);
  table.count--;
  if (routes.length === 0) table.byLength[cfg.plen]!.delete(cfg.plen === 0 ? 0 : cfg.dst >>> 0);
  net.rtGenid++;
  return 0;
}

/** All routes of a table, by rising network and falling prefix length, as /proc/net/route lists them. */
export function fibTableRoutes(table: FibTable): FibRoute[] {
  const found: FibRoute[] = [];
  for (const byNetwork of table.byLength)
    if (byNetwork !== null) for (const routes of byNetwork.values()) found.push(...routes);
  return found.sort((a, b) => a.dst - b.dst || b.plen - a.plen);
}

/** All that was learned of destinations is forgotten (fnhe_genid_bump). */
export function fibFlushExceptions(net: Net): void {
  for (const table of fib(net).tables.values())
    for (const { nhs } of fibTableRoutes(table)) for (const nh of nhs) nh.exceptions = null;
}

/** ip_fib_check_default: some route goes by this gateway out of this device. */
export function fibIsGateway(net: Net, gw: number, dev: NetDevice): boolean {
  return [...fib(net).tables.values()].some((table) =>
    fibTableRoutes(table).some(({ nhs }) => nhs.some((nh) => nh.dev === dev && nh.gw === gw)),
  );
}

export function fibRuleAdd(net: Net, rule: Partial<FibRule> & { priority: number }): number {
  const { rules } = fib(net);
  const full: FibRule = {
    action: FR_ACT_TO_TBL,
    table: 0,
    src: 0,
    srcLen: 0,
    dst: 0,
    dstLen: 0,
    iif: 0,
    oif: 0,
    mark: 0,
    markMask: rule.mark ? 0xffffffff : 0,
    tos: 0,
    invert: false,
    ...rule,
  };
  let at = rules.findIndex((r) => r.priority > full.priority);
  if (at < 0) at = rules.length;
  rules.splice(at, 0, full);
  fib(net).customRules = true;
  net.rtGenid++;
  return 0;
}

export function fibRuleDel(net: Net, match: (rule: FibRule) => boolean): number {
  const { rules } = fib(net);
  const at = rules.findIndex(match);
  if (at < 0) return -ENOENT;
  rules.splice(at, 1);
  net.rtGenid++;
  return 0;
}

// ---- following the addresses ----

/** fib_magic */
function magic(add: boolean, type: number, dst: number, plen: number, ifa: InIfaddr): void {
  const { net } = ifa.inDev.dev;
  const cfg: FibConfig = {
    dst,
    plen,
    type,
    scope: type === RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK,
    protocol: RTPROT_KERNEL,
    table: type === RTN_UNICAST ? RT_TABLE_MAIN : RT_TABLE_LOCAL,
    prefsrc: ifa.local,
    oif: ifa.inDev.dev.ifindex,
    nlflags: 0x800,
  };
  if (add) fibTableInsert(net, cfg);
  else fibTableDelete(net, cfg);
}

/** fib_add_ifaddr: routes that an address brings. */
function addIfaddr(ifa: InIfaddr): void {
  const { dev } = ifa.inDev;
  const secondary = (ifa.flags & IFA_F_SECONDARY) !== 0;
  let prefsrc = ifa;
  if (secondary) {
    const primary = ifa.inDev.ifaList.find(
      (o) => !(o.flags & IFA_F_SECONDARY) && o.mask === ifa.mask && inetIfaMatch(ifa.address, o),
    );
    if (primary === undefined) return;
    prefsrc = primary;
  }
  magic(true, RTN_LOCAL, ifa.local, 32, prefsrc);
  if (!(dev.flags & IFF_UP)) return;
  if (ifa.broadcast !== 0 && ifa.broadcast !== 0xffffffff) magic(true, RTN_BROADCAST, ifa.broadcast, 32, prefsrc);
  const network = (ifa.address & ifa.mask) >>> 0;
  if (!ipv4IsZeronet(network) && !secondary && (network !== ifa.address || ifa.prefixlen < 32)) {
    magic(true, dev.flags & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST, network, ifa.prefixlen, prefsrc);
    // Broadcast of the network, where it is a real one.
    if (ifa.prefixlen < 31) magic(true, RTN_BROADCAST, (network | ~ifa.mask) >>> 0, 32, prefsrc);
  }
}

/** fib_del_ifaddr, for the common cases: what no other address of the device needs goes. */
function delIfaddr(ifa: InIfaddr): void {
  const { dev, ifaList } = ifa.inDev;
  const { net } = dev;
  const others = ifaList.filter((o) => o !== ifa);
  const network = (ifa.address & ifa.mask) >>> 0;
  if (!(ifa.flags & IFA_F_SECONDARY) && ifa.prefixlen < 32)
    magic(false, dev.flags & IFF_LOOPBACK ? RTN_LOCAL : RTN_UNICAST, network, ifa.prefixlen, ifa);
  const broadcast = (network | ~ifa.mask) >>> 0;
  if (ifa.prefixlen < 31 && !others.some((o) => ((o.address & o.mask) | ~o.mask) >>> 0 === broadcast))
    magic(false, RTN_BROADCAST, broadcast, 32, ifa);
  if (ifa.broadcast !== 0 && ifa.broadcast !== broadcast && !others.some((o) => o.broadcast === ifa.broadcast))
    magic(false, RTN_BROADCAST, ifa.broadcast, 32, ifa);
  if (!others.some((o) => o.local === ifa.local)) {
    fibTableDelete(net, { dst: ifa.local, plen: 32, type: RTN_LOCAL, table: RT_TABLE_LOCAL });
    // Routes that name the address as their source go with it (fib_sync_down_addr).
    for (const table of fib(net).tables.values())
      for (const route of fibTableRoutes(table))
        if (route.prefsrc === ifa.local && inetAddrType(net, ifa.local) !== RTN_LOCAL) removeRoute(net, table, route);
  }
}

function removeRoute(net: Net, table: FibTable, route: FibRoute): void {
  const byNetwork = table.byLength[route.plen]!;
  const routes = byNetwork.get(route.dst);
  const at = routes?.indexOf(route) ?? -1;
  if (routes === undefined || at < 0) return;
  routes.splice(at, 1);
  table.count--;
  if (routes.length === 0) byNetwork.delete(route.dst);
  net.rtGenid++;
}

/** fib_disable_ip: a device went down, and with it every route by it. Local addresses stay until it goes away; routes that
 * refuse go by no device. */
function disableIp(dev: NetDevice, all: boolean): void {
  const { net } = dev;
  for (const table of fib(net).tables.values())
    for (const route of fibTableRoutes(table)) {
      const local = route.type === RTN_LOCAL && route.scope === RT_SCOPE_HOST && route.plen === 32;
      const keep = (!all && local) || typeError(route.type) !== 0;
      if (route.nhs.some((nh) => nh.dev === dev) && !keep) {
        route.nhs = route.nhs.filter((nh) => nh.dev !== dev);
        if (route.nhs.length === 0) removeRoute(net, table, route);
      }
    }
  net.rtGenid++;
}

export function fibInit(net: Net): void {
  net.gen[FIB_KEY] = {
    tables: new Map(),
    rules: [],
    customRules: false,
    customLocalRoutes: false,
    tosRoutes: false,
  } satisfies FibState;
  fibTable(net, RT_TABLE_LOCAL);
  fibTable(net, RT_TABLE_MAIN);
  fibTable(net, RT_TABLE_DEFAULT);
  for (const [priority, table] of [
    [0, RT_TABLE_LOCAL],
    [32766, RT_TABLE_MAIN],
    [32767, RT_TABLE_DEFAULT],
  ] as const)
    fibRuleAdd(net, { priority, table });
  fib(net).customRules = false;
  net.inetaddrChain.push((event, ifa) => {
    if (event === IFADDR_UP) addIfaddr(ifa);
    else if (event === IFADDR_DOWN) delIfaddr(ifa);
    net.rtGenid++;
  });
  net.netdevChain.push((event, dev) => {
    switch (event) {
      case NETDEV_UP:
        if (dev.ip !== null) for (const ifa of dev.ip.ifaList) addIfaddr(ifa);
        net.rtGenid++;
        break;
      case NETDEV_DOWN:
        disableIp(dev, false);
        break;
      case NETDEV_UNREGISTER:
        disableIp(dev, true);
        break;
      case NETDEV_CHANGE:
        net.rtGenid++;
        break;
    }
  });
}

/** The source address that goes with a route (fib_result_prefsrc). */
export function fibResultPrefsrc(result: FibResult): number {
  const route = result.route!;
  if (route.prefsrc !== 0) return route.prefsrc;
  const nh = result.nh!;
  return nh.dev === null ? 0 : inetSelectAddr(nh.dev, nh.gw, route.scope);
}
