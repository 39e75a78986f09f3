import { EACCES, EEXIST, EHOSTUNREACH, EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ESRCH } from '../../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_UP } from '../../uapi/if.ts';
import {
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_LOCAL,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNICAST,
  RTN_UNREACHABLE,
  RTPROT_BOOT,
  RTPROT_RA,
} from '../../uapi/rtnetlink.ts';
import type { Inet6Ifaddr, Net, NetDevice } from '../structs.ts';
import {
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_LOOPBACK,
  IPV6_ADDR_MAPPED,
  IPV6_ADDR_UNICAST,
  in6Copy,
  in6Equal,
  ipv6AddrPrefix,
  ipv6AddrType,
} from './addr.ts';
import { Flowi6 } from './flow.ts';
import { ipv6ChkAddr, ipv6ChkAddrAndFlags } from './inet6-addr.ts';
import {
  type Fib6Info,
  type Fib6Nh,
  fib6,
  fib6Add,
  fib6CleanAll,
  fib6Del,
  fib6Locate,
  fib6Table,
  fib6TableRoutes,
  IP6_RT_PRIO_USER,
  NLM_F_CREATE,
  RTF_ADDRCONF,
  RTF_DEFAULT,
  RTF_EXPIRES,
  RTF_GATEWAY,
  RTF_LOCAL,
  RTF_NONEXTHOP,
  RTF_PREF_SHIFT,
  RTF_REJECT,
  RTF_UP,
} from './ip6-fib.ts';
import { ip6RouteOutput } from './route6.ts';

/** Routes put into the tables and taken out (ip6_route_add and what calls it, net/ipv6/route.c). */

const SECOND = 1e9;

export interface Fib6Config {
  dst: Uint8Array;
  plen: number;
  /** Next hop; null or absent: the destination itself. */
  gw?: Uint8Array | null;
  oif?: number;
  /** RTN_; RTN_UNICAST where absent. */
  type?: number;
  /** 0 or absent: 1024. */
  metric?: number;
  table?: number;
  /** RTF_ bits beside those that the rest says. */
  flags?: number;
  protocol?: number;
  prefsrc?: Uint8Array | null;
  /** Seconds, with RTF_EXPIRES. */
  expires?: number;
  mtu?: number;
  hoplimit?: number;
  advmss?: number;
  mtuLocked?: boolean;
  onlink?: boolean;
  weight?: number;
  /** NLM_F_ bits. */
  nlflags?: number;
}

const flow = new Flowi6();

/** ip6_validate_gw: the device by which a gateway is reached, or -errno. */
function gatewayDev(net: Net, cfg: Fib6Config, named: NetDevice | null): NetDevice | number {
  const gw = cfg.gw!;
  let dev = named;
  const type = ipv6AddrType(gw);
  // A local address is no gateway.
  if (ipv6ChkAddrAndFlags(net, gw, type & IPV6_ADDR_LINKLOCAL ? dev : null, false, 0) !== null) return -EINVAL;
  if (type !== (IPV6_ADDR_LINKLOCAL | IPV6_ADDR_UNICAST)) {
    if (!(type & (IPV6_ADDR_UNICAST | IPV6_ADDR_MAPPED))) return -EINVAL;
    if (cfg.onlink) return dev === null ? -ENODEV : dev;
    const fl = flow.clear();
    fl.daddr.set(gw);
    fl.oif = dev?.ifindex ?? 0;
    const dst = ip6RouteOutput(net, null, fl);
    if (dst.error !== 0) return dst.error === -ENETUNREACH ? -EHOSTUNREACH : dst.error;
    const f6i = dst.fibInfo as Fib6Info | null;
    if (dst.rtFlags & RTF_GATEWAY || (dev !== null && dst.dev !== dev)) return -EHOSTUNREACH;
    dev = f6i?.nhs[0]?.dev ?? dst.dev;
  }
  if (dev === null) return -EINVAL;
  return dev.flags & IFF_LOOPBACK ? -EINVAL : dev;
}

/** fib6_is_reject: types that refuse, and what leads to the loopback device but is not of this host. */
function isReject(type: number, flags: number, dev: NetDevice | null, dst: Uint8Array): boolean {
  if (type === RTN_BLACKHOLE || type === RTN_UNREACHABLE || type === RTN_PROHIBIT || type === RTN_THROW) return true;
  if (dev === null || !(dev.flags & IFF_LOOPBACK) || flags & RTF_LOCAL || type === RTN_LOCAL) return false;
  return !(ipv6AddrType(dst) & IPV6_ADDR_LOOPBACK);
}

const newNh = (dev: NetDevice, gw: Uint8Array | null, weight: number): Fib6Nh => ({
  dev,
  gw,
  weight,
  dead: false,
  lastProbe: Number.NEGATIVE_INFINITY,
  rt: null,
  exceptions: null,
});

/** ip6_route_add: 0 or -errno. */
export function ip6RouteAdd(net: Net, cfg: Fib6Config): number {
  if (cfg.plen > 128) return -EINVAL;
  const type = cfg.type ?? RTN_UNICAST;
  const named = cfg.oif ? (net.devices.get(cfg.oif) ?? null) : null;
  if (cfg.oif && named === null) return -ENODEV;
  if (named !== null && named.ip6 === null) return -ENODEV;
  let flags = cfg.flags ?? RTF_UP;
  let nh: Fib6Nh;
  if (isReject(type, flags, named, cfg.dst)) {
    flags = RTF_REJECT | RTF_NONEXTHOP;
    nh = newNh(net.loopbackDev, null, 1);
  } else {
    let dev = named;
    if (cfg.gw) {
      const found = gatewayDev(net, cfg, named);
      if (typeof found === 'number') return found;
      dev = found;
      flags |= RTF_GATEWAY;
    }
    if (dev === null) return -ENODEV;
    if (dev.ip6 === null || dev.ip6.cnf.disableIpv6 !== 0) return -EACCES;
    if (!(dev.flags & IFF_UP)) return -ENETDOWN;
    nh = newNh(dev, cfg.gw ? in6Copy(cfg.gw) : null, cfg.weight ?? 1);
  }
  if (cfg.prefsrc && !ipv6ChkAddr(net, cfg.prefsrc, nh.dev)) return -EINVAL;
  const f6i: Fib6Info = {
    dst: ipv6AddrPrefix(cfg.dst, cfg.plen),
    plen: cfg.plen,
    src: new Uint8Array(16),
    srcLen: 0,
    metric: cfg.metric ? cfg.metric : IP6_RT_PRIO_USER,
    flags: flags >>> 0,
    type,
    protocol: cfg.protocol ?? RTPROT_BOOT,
    table: fib6Table(net, cfg.table ?? (type === RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN)),
    prefsrc: cfg.prefsrc ? in6Copy(cfg.prefsrc) : null,
    nhs: [nh],
    expires: flags & RTF_EXPIRES ? net.clock.monotonic() + (cfg.expires ?? 0) * SECOND : 0,
    mtu: cfg.mtu ?? 0,
    hoplimit: cfg.hoplimit ?? 0,
    advmss: cfg.advmss ?? 0,
    mtuLocked: cfg.mtuLocked ?? false,
    dstNocount: false,
    gone: false,
  };
  const error = fib6Add(net, f6i, cfg.nlflags ?? NLM_F_CREATE);
  armGc(net);
  return error;
}

/** ip6_route_del: 0 or -ESRCH. */
export function ip6RouteDel(net: Net, cfg: Fib6Config): number {
  const table = fib6(net).tables.get(cfg.table ?? RT_TABLE_MAIN);
  if (table === undefined) return -ESRCH;
  for (const f6i of fib6Locate(table, ipv6AddrPrefix(cfg.dst, cfg.plen), cfg.plen)) {
    const nh = f6i.nhs[0];
    if (cfg.oif && nh?.dev.ifindex !== cfg.oif) continue;
    if (cfg.gw && !(nh?.gw && in6Equal(cfg.gw, nh.gw))) continue;
    if (cfg.metric && cfg.metric !== f6i.metric) continue;
    if (cfg.protocol && cfg.protocol !== f6i.protocol) continue;
    return fib6Del(net, f6i);
  }
  return -ESRCH;
}

/** addrconf_get_prefix_route: the on-link route of a prefix by the device, with these flags and without those. */
export function prefixRouteOf(
  net: Net,
  addr: Uint8Array,
  plen: number,
  dev: NetDevice,
  flags: number,
  noflags: number,
  noGateway = true,
): Fib6Info | null {
  for (const f6i of fib6Locate(fib6Table(net, RT_TABLE_MAIN), ipv6AddrPrefix(addr, plen), plen)) {
    if (f6i.nhs[0]?.dev !== dev) continue;
    if (noGateway && f6i.nhs[0].gw !== null) continue;
    if ((f6i.flags & flags) >>> 0 !== flags >>> 0 || f6i.flags & noflags) continue;
    return f6i;
  }
  return null;
}

// ---- default routers ----

/** rt6_get_dflt_router */
export function rt6GetDfltRouter(net: Net, addr: Uint8Array, dev: NetDevice): Fib6Info | null {
  const wanted = RTF_ADDRCONF | RTF_DEFAULT;
  for (const f6i of fib6Locate(fib6Table(net, RT_TABLE_MAIN), new Uint8Array(16), 0)) {
    const nh = f6i.nhs[0];
    if (nh?.dev === dev && (f6i.flags & wanted) === wanted && nh.gw !== null && in6Equal(nh.gw, addr)) return f6i;
  }
  return null;
}

/** rt6_add_dflt_router: a default route from an advertisement. `lifetime` in seconds. */
export function rt6AddDfltRouter(
  net: Net,
  gw: Uint8Array,
  dev: NetDevice,
  pref: number,
  metric: number,
  lifetime: number,
): Fib6Info | null {
  const error = ip6RouteAdd(net, {
    dst: new Uint8Array(16),
    plen: 0,
    gw,
    oif: dev.ifindex,
    metric,
    flags: RTF_GATEWAY | RTF_ADDRCONF | RTF_DEFAULT | RTF_UP | RTF_EXPIRES | (pref << RTF_PREF_SHIFT),
    protocol: RTPROT_RA,
    expires: lifetime,
  });
  if (error !== 0 && error !== -EEXIST) return null;
  return rt6GetDfltRouter(net, gw, dev);
}

/** rt6_purge_dflt_routers: a router takes no default routes from others, unless accept_ra is 2. */
export function ip6PurgeDfltRouters(net: Net): void {
  fib6CleanAll(
    net,
    (f6i) =>
      f6i.table.id === RT_TABLE_MAIN &&
      (f6i.flags & (RTF_DEFAULT | RTF_ADDRCONF)) === (RTF_DEFAULT | RTF_ADDRCONF) &&
      f6i.nhs[0]?.dev.ip6?.cnf.acceptRa !== 2,
  );
}

// ---- what goes with devices and addresses ----

/** rt6_disable_ip: routes by a device that goes down; those that refuse go by the loopback. */
export function rt6DisableIp(dev: NetDevice): void {
  const { net } = dev;
  for (const table of fib6(net).tables.values())
    for (const f6i of fib6TableRoutes(table)) {
      if (!f6i.nhs.some((nh) => nh.dev === dev)) continue;
      f6i.nhs = f6i.nhs.filter((nh) => nh.dev !== dev);
      if (f6i.nhs.length === 0) fib6Del(net, f6i);
    }
  net.rtGenid6++;
}

/** rt6_remove_prefsrc: routes do not name an address that is gone. */
export function rt6RemovePrefsrc(net: Net, ifp: Inet6Ifaddr): void {
  for (const table of fib6(net).tables.values())
    for (const f6i of fib6TableRoutes(table))
      if (f6i.prefsrc !== null && in6Equal(f6i.prefsrc, ifp.addr)) f6i.prefsrc = null;
  net.rtGenid6++;
}

/** fib6_run_gc: routes whose time is over go, at most gc_interval after. */
const GC_KEY = 31;
export function armGc(net: Net): void {
  if (net.gen[GC_KEY] !== undefined && net.gen[GC_KEY] !== null) return;
  let expiring = false;
  for (const table of fib6(net).tables.values())
    for (const f6i of fib6TableRoutes(table)) if (f6i.flags & RTF_EXPIRES) expiring = true;
  if (!expiring) return;
  net.gen[GC_KEY] = net.clock.after(30 * SECOND, () => {
    net.gen[GC_KEY] = null;
    const now = net.clock.monotonic();
    fib6CleanAll(net, (f6i) => (f6i.flags & RTF_EXPIRES) !== 0 && now > f6i.expires);
    armGc(net);
  });
}
