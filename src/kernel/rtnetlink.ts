import { be32, putBe32 } from '../bytes/endian.ts';
import { EINVAL, ENODEV, EOPNOTSUPP } from '../uapi/errno.ts';
import { hostU32, int, putHostU16, putHostU32, putHostU64 } from '../uapi/host.ts';
import { IFF_LOOPBACK, IFF_UP } from '../uapi/if.ts';
import {
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  ifaddrmsg,
} from '../uapi/if_addr.ts';
import {
  IFLA_ADDRESS,
  IFLA_BROADCAST,
  IFLA_CARRIER,
  IFLA_GROUP,
  IFLA_IFNAME,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_LINKMODE,
  IFLA_MASTER,
  IFLA_MAX_MTU,
  IFLA_MIN_MTU,
  IFLA_MTU,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_OPERSTATE,
  IFLA_PROMISCUITY,
  IFLA_QDISC,
  IFLA_STATS64,
  IFLA_TXQLEN,
  ifinfomsg,
  rtnl_link_stats64,
} from '../uapi/if_link.ts';
import { NDA_CACHEINFO, NDA_DST, NDA_LLADDR, NDA_PROBES, NUD_NOARP, ndmsg } from '../uapi/neighbour.ts';
import { NLMSG_ALIGN, netlinkAttributes } from '../uapi/netlink.ts';
import {
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTA_CACHEINFO,
  RTA_DST,
  RTA_GATEWAY,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_SRC,
  RTA_TABLE,
  RTA_UID,
  RTAX_HOPLIMIT,
  RTAX_MTU,
  RTM_F_CLONED,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETNEIGH,
  RTM_GETROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_UNICAST,
  rtmsg,
} from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { rtnlRegister } from './af-netlink.ts';
import { arpTbl } from './arp.ts';
import { allDevices, devGetFlags } from './dev.ts';
import { type FibRoute, Flowi4, fib, fibTableRoutes } from './fib.ts';
import { NUD_VALID } from './neighbour.ts';
import { dstMtu, ipRouteOutput } from './route.ts';
import type { InIfaddr, Neighbour, Net, NetDevice } from './structs.ts';
import type { DevStats } from './structs-plain.ts';

/** rtnetlink(7), the questions: links, addresses, routes, neighbours (net/core/rtnetlink.c and the families). */

/** Attributes one after another, each padded to 4 bytes. */
export class Attributes {
  readonly #parts: Uint8Array[] = [];
  put(type: number, data: Uint8Array): this {
    const bytes = new Uint8Array(NLMSG_ALIGN(4 + data.length));
    putHostU16(bytes, 0, 4 + data.length);
    putHostU16(bytes, 2, type);
    bytes.set(data, 4);
    this.#parts.push(bytes);
    return this;
  }
  u32(type: number, value: number): this {
    return this.put(type, int(value));
  }
  u8(type: number, value: number): this {
    return this.put(type, Uint8Array.of(value));
  }
  text(type: number, value: string): this {
    return this.put(type, new TextEncoder().encode(`${value}\0`));
  }
  address(type: number, value: number): this {
    const bytes = new Uint8Array(4);
    putBe32(bytes, 0, value);
    return this.put(type, bytes);
  }
  after(header: Uint8Array): Uint8Array {
    const total = this.#parts.reduce((sum, part) => sum + part.length, header.length);
    const bytes = new Uint8Array(total);
    bytes.set(header);
    let at = header.length;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }
}

/** RFC 2863: 0 unknown, 2 down, 3 lower layer down, 6 up. */
function operstate(dev: NetDevice): number {
  if (dev.flags & IFF_LOOPBACK) return dev.flags & IFF_UP ? 0 : 2;
  if (!(dev.flags & IFF_UP)) return 2;
  return dev.carrier ? 6 : 3;
}

const STATS: (keyof DevStats)[] = [
  'rxPackets',
  'txPackets',
  'rxBytes',
  'txBytes',
  'rxErrors',
  'txErrors',
  'rxDropped',
  'txDropped',
  'multicast',
  'collisions',
  'rxLengthErrors',
  'rxOverErrors',
  'rxCrcErrors',
  'rxFrameErrors',
  'rxFifoErrors',
  'rxMissedErrors',
  'txAbortedErrors',
  'txCarrierErrors',
  'txFifoErrors',
  'txHeartbeatErrors',
  'txWindowErrors',
  'rxCompressed',
  'txCompressed',
  'rxNohandler',
];

function linkMessage(dev: NetDevice): Uint8Array {
  const header = new Uint8Array(ifinfomsg.sizeof);
  putHostU16(header, ifinfomsg.ifi_type, dev.type);
  putHostU32(header, ifinfomsg.ifi_index, dev.ifindex);
  putHostU32(header, ifinfomsg.ifi_flags, devGetFlags(dev));
  dev.ops.getStats?.(dev);
  const stats = new Uint8Array(rtnl_link_stats64.sizeof);
  STATS.forEach((key, i) => {
    putHostU64(stats, i * 8, BigInt(dev.stats[key]));
  });
  const attributes = new Attributes()
    .text(IFLA_IFNAME, dev.name)
    .u32(IFLA_TXQLEN, dev.txQueueLen)
    .u8(IFLA_OPERSTATE, operstate(dev))
    .u8(IFLA_LINKMODE, 0)
    .u32(IFLA_MTU, dev.mtu)
    .u32(IFLA_MIN_MTU, dev.minMtu)
    .u32(IFLA_MAX_MTU, dev.maxMtu)
    .u32(IFLA_GROUP, 0)
    .u32(IFLA_PROMISCUITY, dev.promiscuity)
    .u32(IFLA_NUM_TX_QUEUES, dev.numTxQueues)
    .u32(IFLA_NUM_RX_QUEUES, dev.numRxQueues)
    .u8(IFLA_CARRIER, dev.carrier ? 1 : 0)
    .text(IFLA_QDISC, dev.qdisc?.ops.id ?? 'noqueue')
    .put(IFLA_ADDRESS, dev.devAddr)
    .put(IFLA_BROADCAST, dev.broadcast)
    .put(IFLA_STATS64, stats);
  if (dev.iflink !== dev.ifindex) attributes.u32(IFLA_LINK, dev.iflink);
  if (dev.master !== null) attributes.u32(IFLA_MASTER, dev.master.ifindex);
  if (dev.kind !== '')
    attributes.put(IFLA_LINKINFO, new Attributes().text(IFLA_INFO_KIND, dev.kind).after(new Uint8Array(0)));
  return attributes.after(header);
}

function addressMessage(ifa: InIfaddr): Uint8Array {
  const header = new Uint8Array(ifaddrmsg.sizeof);
  header[ifaddrmsg.ifa_family] = AF_INET;
  header[ifaddrmsg.ifa_prefixlen] = ifa.prefixlen;
  header[ifaddrmsg.ifa_flags] = ifa.flags;
  header[ifaddrmsg.ifa_scope] = ifa.scope;
  putHostU32(header, ifaddrmsg.ifa_index, ifa.inDev.dev.ifindex);
  const attributes = new Attributes().address(IFA_ADDRESS, ifa.address).address(IFA_LOCAL, ifa.local);
  if (ifa.broadcast !== 0) attributes.address(IFA_BROADCAST, ifa.broadcast);
  attributes.text(IFA_LABEL, ifa.label).u32(IFA_FLAGS, ifa.flags);
  const cache = new Uint8Array(16);
  cache.fill(0xff, 0, 8);
  return attributes.put(IFA_CACHEINFO, cache).after(header);
}

function routeMessage(route: FibRoute): Uint8Array {
  const header = new Uint8Array(rtmsg.sizeof);
  header[rtmsg.rtm_family] = AF_INET;
  header[rtmsg.rtm_dst_len] = route.plen;
  header[rtmsg.rtm_tos] = route.tos;
  header[rtmsg.rtm_table] = route.table;
  header[rtmsg.rtm_protocol] = route.protocol;
  header[rtmsg.rtm_scope] = route.scope;
  header[rtmsg.rtm_type] = route.type;
  const attributes = new Attributes().u32(RTA_TABLE, route.table);
  if (route.plen > 0) attributes.address(RTA_DST, route.dst);
  if (route.priority !== 0) attributes.u32(RTA_PRIORITY, route.priority);
  if (route.mtu !== 0 || route.hoplimit !== 0) attributes.put(RTA_METRICS, metrics(route.mtu, route.hoplimit));
  if (route.prefsrc !== 0) attributes.address(RTA_PREFSRC, route.prefsrc);
  const nh = route.nhs[0]!;
  if (route.type === RTN_UNICAST || route.type === RTN_LOCAL || route.type === RTN_BROADCAST) {
    if (nh.gw !== 0) attributes.address(RTA_GATEWAY, nh.gw);
    if (nh.dev !== null) attributes.u32(RTA_OIF, nh.dev.ifindex);
  }
  return attributes.after(header);
}

export function metrics(mtu: number, hoplimit: number): Uint8Array {
  const list = new Attributes();
  if (mtu !== 0) list.u32(RTAX_MTU, mtu);
  if (hoplimit !== 0) list.u32(RTAX_HOPLIMIT, hoplimit);
  return list.after(new Uint8Array(0));
}

/** RTM_GETROUTE for one destination: as a packet would be routed (inet_rtm_getroute). */
function getRoute(net: Net, payload: Uint8Array): { type: number; body: Uint8Array } | number {
  if (payload.length < rtmsg.sizeof) return -EINVAL;
  if (payload[rtmsg.rtm_family] !== AF_INET) return -EOPNOTSUPP;
  const given = netlinkAttributes(payload, rtmsg.sizeof);
  const dst = given.get(RTA_DST);
  const src = given.get(RTA_SRC);
  const oif = given.get(RTA_OIF);
  const fl = new Flowi4();
  fl.daddr = dst === undefined ? 0 : be32(dst, 0);
  fl.saddr = src === undefined ? 0 : be32(src, 0);
  fl.oif = oif === undefined ? 0 : hostU32(oif, 0);
  const wanted = fl.daddr;
  const found = ipRouteOutput(net, fl);
  if (typeof found === 'number') return found;
  const header = new Uint8Array(rtmsg.sizeof);
  header[rtmsg.rtm_family] = AF_INET;
  header[rtmsg.rtm_dst_len] = 32;
  header[rtmsg.rtm_src_len] = src === undefined ? 0 : 32;
  header[rtmsg.rtm_table] = found.rtType === RTN_LOCAL ? RT_TABLE_LOCAL : RT_TABLE_MAIN;
  header[rtmsg.rtm_type] = found.rtType;
  putHostU32(header, rtmsg.rtm_flags, (found.rtFlags & 0xf0000000) | RTM_F_CLONED);
  const attributes = new Attributes().u32(RTA_TABLE, header[rtmsg.rtm_table]!).address(RTA_DST, wanted);
  if (src !== undefined) attributes.put(RTA_SRC, src);
  attributes.u32(RTA_OIF, found.dev.ifindex);
  if (src === undefined) attributes.address(RTA_PREFSRC, fl.saddr);
  if (found.rtUsesGateway) attributes.address(RTA_GATEWAY, found.rtGw4);
  if (found.rtPmtu !== 0 || found.metricMtu !== 0) attributes.put(RTA_METRICS, metrics(dstMtu(net, found), 0));
  attributes.u32(RTA_UID, 0).put(RTA_CACHEINFO, new Uint8Array(32));
  return { type: RTM_NEWROUTE, body: attributes.after(header) };
}

export function neighMessage(neigh: Neighbour): Uint8Array {
  const header = new Uint8Array(ndmsg.sizeof);
  header[ndmsg.ndm_family] = neigh.tbl.family;
  putHostU32(header, ndmsg.ndm_ifindex, neigh.dev.ifindex);
  putHostU16(header, ndmsg.ndm_state, neigh.nudState);
  header[ndmsg.ndm_flags] = neigh.flags;
  header[ndmsg.ndm_type] = neigh.type;
  const attributes = new Attributes();
  if (neigh.key6 !== null) attributes.put(NDA_DST, neigh.key6);
  else attributes.address(NDA_DST, neigh.key4);
  if (neigh.nudState & NUD_VALID) attributes.put(NDA_LLADDR, neigh.ha);
  return attributes.u32(NDA_PROBES, neigh.probes).put(NDA_CACHEINFO, new Uint8Array(16)).after(header);
}

export function rtnetlinkInit(net: Net): void {
  rtnlRegister(net, RTM_GETLINK, {
    dump: () => allDevices(net).map((dev) => ({ type: RTM_NEWLINK, body: linkMessage(dev) })),
    doit(_net, payload) {
      if (payload.length < ifinfomsg.sizeof) return -EINVAL;
      const index = hostU32(payload, ifinfomsg.ifi_index);
      const name = netlinkAttributes(payload, ifinfomsg.sizeof).get(IFLA_IFNAME);
      const dev =
        index > 0
          ? net.devices.get(index)
          : name === undefined
            ? undefined
            : net.devByName.get(new TextDecoder().decode(name).replace(/\0.*$/s, ''));
      if (index <= 0 && name === undefined) return -EINVAL;
      return dev === undefined ? -ENODEV : { type: RTM_NEWLINK, body: linkMessage(dev) };
    },
  });
  rtnlRegister(net, RTM_GETADDR, {
    dump(_net, payload) {
      if (payload[0] !== 0 && payload[0] !== AF_INET) return [];
      return allDevices(net).flatMap((dev) =>
        (dev.ip?.ifaList ?? []).map((ifa) => ({ type: RTM_NEWADDR, body: addressMessage(ifa) })),
      );
    },
  });
  rtnlRegister(net, RTM_GETROUTE, {
    dump(_net, payload) {
      if (payload[0] !== 0 && payload[0] !== AF_INET) return [];
      return [...fib(net).tables.values()].flatMap((table) =>
        fibTableRoutes(table).map((route) => ({ type: RTM_NEWROUTE, body: routeMessage(route) })),
      );
    },
    doit: getRoute,
  });
  rtnlRegister(net, RTM_GETNEIGH, {
    dump(_net, payload) {
      if (payload[0] !== 0 && payload[0] !== AF_INET) return [];
      const list: { type: number; body: Uint8Array }[] = [];
      for (const byKey of arpTbl(net).hash.values())
        for (const neigh of byKey.values())
          if (!(neigh.nudState & NUD_NOARP)) list.push({ type: RTM_NEWNEIGH, body: neighMessage(neigh) });
      return list;
    },
  });
}
