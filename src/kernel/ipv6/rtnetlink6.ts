import { EINVAL } from '../../uapi/errno.ts';
import { hostU32, putHostU32 } from '../../uapi/host.ts';
import { IFA_ADDRESS, IFA_CACHEINFO, IFA_FLAGS, IFA_PROTO, ifaddrmsg } from '../../uapi/if_addr.ts';
import { netlinkAttributes } from '../../uapi/netlink.ts';
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_SITE,
  RTA_CACHEINFO,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTM_F_CLONED,
  RTM_GETADDR,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  rtmsg,
} from '../../uapi/rtnetlink.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import { type RtnlHandler, rtnlHandler, rtnlRegister } from '../af-netlink.ts';
import { allDevices } from '../dev.ts';
import { Attributes, metrics, neighMessage } from '../rtnetlink.ts';
import type { DstEntry, Inet6Ifaddr, Net } from '../structs.ts';
import { IFA_HOST, IFA_LINK, IFA_SITE } from './addr.ts';
import { Flowi6 } from './flow.ts';
import { ipv6DevGetSaddr } from './inet6-addr.ts';
import {
  type Fib6Info,
  fib6,
  fib6TableRoutes,
  RTF_CACHE,
  RTF_EXPIRES,
  RTF_GATEWAY,
  RTF_PREF_MASK,
  RTF_PREF_SHIFT,
} from './ip6-fib.ts';
import { ndTbl } from './ipv6.ts';
import { dst6Mtu, ip6RouteOutput } from './route6.ts';

/** rtnetlink(7) for IPv6, the questions: addresses, routes, neighbours. */

const INFINITY = 0xffffffff;
/** Times of address and route caches are in hundredths of a second. */
const CENTISECOND = 1e7;

const rtScope = (scope: number): number =>
  scope & IFA_HOST ? RT_SCOPE_HOST : scope & IFA_LINK ? RT_SCOPE_LINK : scope & IFA_SITE ? RT_SCOPE_SITE : 0;

function addressMessage(ifp: Inet6Ifaddr): Uint8Array {
  const { dev } = ifp.idev;
  const header = new Uint8Array(ifaddrmsg.sizeof);
  header[ifaddrmsg.ifa_family] = AF_INET6;
  header[ifaddrmsg.ifa_prefixlen] = ifp.prefixLen;
  header[ifaddrmsg.ifa_flags] = ifp.flags;
  header[ifaddrmsg.ifa_scope] = rtScope(ifp.scope);
  putHostU32(header, ifaddrmsg.ifa_index, dev.ifindex);
  const age = Math.floor((dev.net.clock.monotonic() - ifp.tstamp) / 1e9);
  const left = (lifetime: number): number => (lifetime === INFINITY ? INFINITY : Math.max(0, lifetime - age));
  const cache = new Uint8Array(16);
  putHostU32(cache, 0, left(ifp.preferedLft));
  putHostU32(cache, 4, left(ifp.validLft));
  putHostU32(cache, 8, Math.floor(ifp.cstamp / CENTISECOND));
  putHostU32(cache, 12, Math.floor(ifp.tstamp / CENTISECOND));
  const attributes = new Attributes().put(IFA_ADDRESS, ifp.addr).put(IFA_CACHEINFO, cache).u32(IFA_FLAGS, ifp.flags);
  if (ifp.ifaProto !== 0) attributes.u8(IFA_PROTO, ifp.ifaProto);
  return attributes.after(header);
}

function routeMessage(
  net: Net,
  f6i: Fib6Info,
  found: { dst: DstEntry; daddr: Uint8Array; saddr: Uint8Array } | null,
): Uint8Array {
  const header = new Uint8Array(rtmsg.sizeof);
  header[rtmsg.rtm_family] = AF_INET6;
  header[rtmsg.rtm_dst_len] = found === null ? f6i.plen : 128;
  header[rtmsg.rtm_src_len] = found === null ? f6i.srcLen : 128;
  header[rtmsg.rtm_table] = f6i.table.id < 256 ? f6i.table.id : 0;
  header[rtmsg.rtm_protocol] = f6i.protocol;
  header[rtmsg.rtm_type] = f6i.type;
  if (found !== null && found.dst.rtFlags & RTF_CACHE) putHostU32(header, rtmsg.rtm_flags, RTM_F_CLONED);
  const attributes = new Attributes().u32(RTA_TABLE, f6i.table.id);
  if (found !== null) attributes.put(RTA_DST, found.daddr).put(RTA_SRC, found.saddr);
  else if (f6i.plen > 0) attributes.put(RTA_DST, f6i.dst);
  const nh = f6i.nhs[0];
  if (found !== null) {
    const source = f6i.prefsrc ?? ipv6DevGetSaddr(net, nh?.dev ?? null, found.daddr, 0);
    if (source !== null) attributes.put(RTA_PREFSRC, source);
  } else if (f6i.prefsrc !== null) attributes.put(RTA_PREFSRC, f6i.prefsrc);
  const mtu = found !== null && found.dst.rtPmtu !== 0 ? dst6Mtu(found.dst) : f6i.mtu;
  if (mtu !== 0 || f6i.hoplimit !== 0) attributes.put(RTA_METRICS, metrics(mtu, f6i.hoplimit));
  attributes.u32(RTA_PRIORITY, f6i.metric);
  const gw = found !== null && found.dst.rtFlags & RTF_GATEWAY ? found.dst.gw6 : (nh?.gw ?? null);
  if (gw !== null) attributes.put(RTA_GATEWAY, gw);
  if (nh !== undefined) attributes.u32(RTA_OIF, found === null ? nh.dev.ifindex : found.dst.dev.ifindex);
  const cache = new Uint8Array(32);
  if (f6i.flags & RTF_EXPIRES)
    putHostU32(cache, 8, Math.max(0, Math.floor((f6i.expires - net.clock.monotonic()) / CENTISECOND)));
  return attributes
    .put(RTA_CACHEINFO, cache)
    .u8(RTA_PREF, (f6i.flags & RTF_PREF_MASK) >>> RTF_PREF_SHIFT)
    .after(header);
}

/** inet6_rtm_getroute: as a packet would be routed. */
function getRoute(net: Net, payload: Uint8Array): { type: number; body: Uint8Array } | number {
  if (payload.length < rtmsg.sizeof) return -EINVAL;
  const given = netlinkAttributes(payload, rtmsg.sizeof);
  const fl = new Flowi6();
  const dst = given.get(RTA_DST);
  const src = given.get(RTA_SRC);
  const oif = given.get(RTA_OIF);
  if ((dst !== undefined && dst.length < 16) || (src !== undefined && src.length < 16)) return -EINVAL;
  if (dst !== undefined) fl.daddr.set(dst.subarray(0, 16));
  if (src !== undefined) fl.saddr.set(src.subarray(0, 16));
  if (oif !== undefined) fl.oif = hostU32(oif, 0);
  const found = ip6RouteOutput(net, null, fl);
  if (found.error !== 0) return found.error;
  const f6i = found.fibInfo as Fib6Info;
  return { type: RTM_NEWROUTE, body: routeMessage(net, f6i, { dst: found, daddr: fl.daddr, saddr: fl.saddr }) };
}

/** Answers for AF_INET6 behind those for AF_INET, or alone where that family is asked for. */
function beside(net: Net, type: number, mine: RtnlHandler): void {
  const other = rtnlHandler(net, type);
  rtnlRegister(net, type, {
    dump: (n, payload) => [
      ...(payload[0] === AF_INET6 ? [] : (other?.dump?.(n, payload) ?? [])),
      ...(payload[0] === AF_INET6 || payload[0] === 0 ? mine.dump!(n, payload) : []),
    ],
    ...((mine.doit ?? other?.doit) && {
      doit: (n, payload, flags) =>
        payload[0] === AF_INET6 && mine.doit !== undefined
          ? mine.doit(n, payload, flags)
          : (other?.doit?.(n, payload, flags) ?? -EINVAL),
    }),
  });
}

export function rtnetlink6Init(net: Net): void {
  beside(net, RTM_GETADDR, {
    dump: () =>
      allDevices(net).flatMap((dev) =>
        (dev.ip6?.addrList ?? []).map((ifp) => ({ type: RTM_NEWADDR, body: addressMessage(ifp) })),
      ),
  });
  beside(net, RTM_GETROUTE, {
    dump: () =>
      [...fib6(net).tables.values()]
        .sort((a, b) => (a.id === 255 ? 1 : 0) - (b.id === 255 ? 1 : 0) || a.id - b.id)
        .flatMap((table) =>
          fib6TableRoutes(table).map((f6i) => ({ type: RTM_NEWROUTE, body: routeMessage(net, f6i, null) })),
        ),
    doit: getRoute,
  });
  beside(net, RTM_GETNEIGH, {
    dump: () =>
      [...ndTbl(net).hash.values()].flatMap((byKey) =>
        [...byKey.values()].map((neigh) => ({ type: RTM_NEWNEIGH, body: neighMessage(neigh) })),
      ),
  });
}
