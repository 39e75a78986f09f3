/** Links, addresses, routes and neighbours, asked from the kernel by rtnetlink(7). */
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { ENETUNREACH } from '../uapi/errno.ts';
import { hostI32, hostU16, hostU32, hostU64, int } from '../uapi/host.ts';
import * as ifAddr from '../uapi/if_addr.ts';
import * as ifLink from '../uapi/if_link.ts';
import * as neigh from '../uapi/neighbour.ts';
import { netlinkAttributes } from '../uapi/netlink.ts';
import * as rt from '../uapi/rtnetlink.ts';
import { AF_INET, AF_INET6 } from '../uapi/socket.ts';
import { formatIp, formatMac, parseIpv4, parseIpv6 } from './address.ts';
import { NetlinkSocket } from './netlink.ts';
import type { Waiting } from './socket.ts';

const decoder = new TextDecoder();
const text = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && decoder.decode(bytes.subarray(0, bytes.indexOf(0) < 0 ? bytes.length : bytes.indexOf(0)));
const number = (bytes: Uint8Array | undefined): number | undefined => (bytes ? hostU32(bytes, 0) : undefined);

/** A network device. */
export interface Link {
  ifindex: number;
  name: string;
  /** ARPHRD_ type. */
  arphrd: number;
  /** IFF_ flags, all 32. */
  flags: number;
  mtu: number;
  /** `02:00:00:00:00:01`, or '' where the device has no address. */
  macAddress: string;
  /** As in /sys: up, down, unknown, dormant, lowerlayerdown, testing, notpresent. */
  state: string;
  /** veth, bridge, tun…; undefined for hardware and loopback. */
  kind?: string;
  /** Index of the bridge or bond that it belongs to. */
  master?: number;
  /** Index of the device below or of the peer (in the peer's namespace). */
  link?: number;
  qdisc?: string;
  txQueueLength?: number;
  promiscuity?: number;
  /** Fields of struct rtnl_link_stats64, by name. */
  counters: Record<string, bigint>;
}

/** IF_OPER_UNKNOWN and the rest, RFC 2863, linux/if.h. */
const OPERSTATES = ['unknown', 'notpresent', 'down', 'lowerlayerdown', 'testing', 'dormant', 'up'];

/** All devices of the namespace, by index. */
export function links(calls: SystemCalls, waiting: Waiting = {}): Promise<Link[]> {
  return withSocket(calls, async (socket) => {
    const messages = await socket.dump(rt.RTM_GETLINK, new Uint8Array(ifLink.ifinfomsg.sizeof), [], waiting);
    return messages
      .filter(({ type, payload }) => type === rt.RTM_NEWLINK && payload.length >= ifLink.ifinfomsg.sizeof)
      .map(({ payload }) => decodeLink(payload))
      .sort((a, b) => a.ifindex - b.ifindex);
  });
}

function decodeLink(payload: Uint8Array): Link {
  const attributes = netlinkAttributes(payload, ifLink.ifinfomsg.sizeof);
  const info = attributes.get(ifLink.IFLA_LINKINFO);
  const kind = info && text(netlinkAttributes(info, 0).get(ifLink.IFLA_INFO_KIND));
  const stats = attributes.get(ifLink.IFLA_STATS64);
  const counters: Record<string, bigint> = {};
  for (const [name, offset] of Object.entries(ifLink.rtnl_link_stats64))
    if (name !== 'sizeof' && stats && stats.length >= offset + 8) counters[name] = hostU64(stats, offset);
  const optional = {
    kind,
    master: number(attributes.get(ifLink.IFLA_MASTER)),
    link: number(attributes.get(ifLink.IFLA_LINK)),
    qdisc: text(attributes.get(ifLink.IFLA_QDISC)),
    txQueueLength: number(attributes.get(ifLink.IFLA_TXQLEN)),
    promiscuity: number(attributes.get(ifLink.IFLA_PROMISCUITY)),
  };
  return {
    ifindex: hostI32(payload, ifLink.ifinfomsg.ifi_index),
    name: text(attributes.get(ifLink.IFLA_IFNAME)) ?? '',
    arphrd: hostU16(payload, ifLink.ifinfomsg.ifi_type),
    flags: hostU32(payload, ifLink.ifinfomsg.ifi_flags),
    mtu: number(attributes.get(ifLink.IFLA_MTU)) ?? 0,
    macAddress: formatMac(attributes.get(ifLink.IFLA_ADDRESS) ?? new Uint8Array(0)),
    state: OPERSTATES[attributes.get(ifLink.IFLA_OPERSTATE)?.[0] ?? 0] ?? 'unknown',
    ...defined(optional),
    counters,
  };
}

/** An address of a device. */
export interface LinkAddress {
  ifindex: number;
  family: 'ipv4' | 'ipv6';
  /** The address itself: for a point-to-point device the local one. */
  address: string;
  prefixLength: number;
  /** The other end of a point-to-point device. */
  peer?: string;
  broadcast?: string;
  label?: string;
  /** RT_SCOPE_ value. */
  scope: number;
  /** IFA_F_ flags. */
  flags: number;
}

/** All addresses of the namespace, in the kernel's order. */
export function addresses(calls: SystemCalls, waiting: Waiting = {}): Promise<LinkAddress[]> {
  return withSocket(calls, async (socket) => {
    const messages = await socket.dump(rt.RTM_GETADDR, new Uint8Array(ifAddr.ifaddrmsg.sizeof), [], waiting);
    return messages.flatMap(({ type, payload }) => {
      if (type !== rt.RTM_NEWADDR || payload.length < ifAddr.ifaddrmsg.sizeof) return [];
      const family = familyName(payload[ifAddr.ifaddrmsg.ifa_family]!);
      const attributes = netlinkAttributes(payload, ifAddr.ifaddrmsg.sizeof);
      // rtnetlink(7): IFA_LOCAL is the address; IFA_ADDRESS the same, or the peer's on a point-to-point device.
      const far = attributes.get(ifAddr.IFA_ADDRESS);
      const local = attributes.get(ifAddr.IFA_LOCAL) ?? far;
      if (!family || !local) return [];
      const broadcast = attributes.get(ifAddr.IFA_BROADCAST);
      const optional = {
        peer: far && formatIp(far) !== formatIp(local) ? formatIp(far) : undefined,
        broadcast: broadcast && formatIp(broadcast),
        label: text(attributes.get(ifAddr.IFA_LABEL)),
      };
      return [
        {
          ifindex: hostU32(payload, ifAddr.ifaddrmsg.ifa_index),
          family,
          address: formatIp(local),
          prefixLength: payload[ifAddr.ifaddrmsg.ifa_prefixlen]!,
          ...defined(optional),
          scope: payload[ifAddr.ifaddrmsg.ifa_scope]!,
          flags: number(attributes.get(ifAddr.IFA_FLAGS)) ?? payload[ifAddr.ifaddrmsg.ifa_flags]!,
        },
      ];
    });
  });
}

/** How a packet to a destination leaves. */
export interface Route {
  destination: string;
  /** Index of the device it leaves by. */
  ifindex: number;
  /** The next hop; undefined: the destination itself is on the link. */
  gateway?: string;
  /** The address the kernel would send from. */
  source?: string;
  /** RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST… */
  type: number;
  table: number;
  /** Path MTU, where the route has one of its own. */
  mtu?: number;
}

/** Looks the route up (RTM_GETROUTE). `from` and `ifindex` constrain it, as `ip route get … from … oif …`. Throws
 * SystemError ENETUNREACH (or the route's own error, EHOSTUNREACH, EACCES) where there is none, and RangeError where
 * `destination` is no address. */
export function route(
  calls: SystemCalls,
  destination: string,
  { from, ifindex, ...waiting }: { from?: string; ifindex?: number } & Waiting = {},
): Promise<Route> {
  const target = ipBytes('destination', destination);
  const header = new Uint8Array(rt.rtmsg.sizeof);
  header[rt.rtmsg.rtm_family] = target.length === 4 ? AF_INET : AF_INET6;
  header[rt.rtmsg.rtm_dst_len] = target.length * 8;
  const attributes = [{ type: rt.RTA_DST, data: target }];
  if (from !== undefined) {
    const data = ipBytes('from', from);
    header[rt.rtmsg.rtm_src_len] = data.length * 8;
    attributes.push({ type: rt.RTA_SRC, data });
  }
  if (ifindex !== undefined) attributes.push({ type: rt.RTA_OIF, data: int(ifindex) });
  return withSocket(calls, async (socket) => {
    const [answer] = await socket.request(rt.RTM_GETROUTE, 0, header, attributes, waiting);
    if (!answer || answer.payload.length < rt.rtmsg.sizeof)
      throw new SystemError(ENETUNREACH, 'netlink', { dest: destination });
    const { payload } = answer;
    const found = netlinkAttributes(payload, rt.rtmsg.sizeof);
    const oif = number(found.get(rt.RTA_OIF));
    // IPv6 answers for an unreachable destination with RTA_CACHEINFO's rta_error or a route of type unreachable.
    const type = payload[rt.rtmsg.rtm_type]!;
    if (oif === undefined || type === rt.RTN_UNREACHABLE || type === rt.RTN_BLACKHOLE || type === rt.RTN_PROHIBIT)
      throw new SystemError(ENETUNREACH, 'netlink', { dest: destination });
    const gateway = found.get(rt.RTA_GATEWAY) ?? viaAddress(found.get(rt.RTA_VIA));
    const source = found.get(rt.RTA_PREFSRC);
    const metrics = found.get(rt.RTA_METRICS);
    const optional = {
      gateway: gateway && formatIp(gateway),
      source: source && formatIp(source),
      mtu: metrics && number(netlinkAttributes(metrics, 0).get(rt.RTAX_MTU)),
    };
    return {
      destination,
      ifindex: oif,
      ...defined(optional),
      type,
      table: number(found.get(rt.RTA_TABLE)) ?? payload[rt.rtmsg.rtm_table]!,
    };
  });
}

/** struct rtvia: a family of 2 bytes, then the address (an IPv4 route by an IPv6 gateway). */
const viaAddress = (via: Uint8Array | undefined): Uint8Array | undefined =>
  via && (via.length === 6 || via.length === 18) ? via.subarray(2) : undefined;

/** An entry of the neighbour table: who on the link has an IP address. */
export interface Neighbour {
  ifindex: number;
  address: string;
  /** undefined: not resolved (yet). */
  macAddress?: string;
  /** NUD_ state; see `neighbourUsable`. */
  state: number;
  /** NTF_ flags. */
  flags: number;
}

/** States in which the kernel itself would send to the MAC address (include/net/neighbour.h, NUD_VALID). */
export const neighbourUsable = ({ state, macAddress }: Neighbour): boolean =>
  macAddress !== undefined &&
  (state &
    (neigh.NUD_PERMANENT |
      neigh.NUD_NOARP |
      neigh.NUD_REACHABLE |
      neigh.NUD_PROBE |
      neigh.NUD_STALE |
      neigh.NUD_DELAY)) !==
    0;

/** The neighbour tables of IPv4 and IPv6, of one device or all. */
export function neighbours(
  calls: SystemCalls,
  { ifindex, ...waiting }: { ifindex?: number } & Waiting = {},
): Promise<Neighbour[]> {
  return withSocket(calls, async (socket) => {
    const found: Neighbour[] = [];
    for (const family of [AF_INET, AF_INET6]) {
      const header = new Uint8Array(neigh.ndmsg.sizeof);
      header[neigh.ndmsg.ndm_family] = family;
      for (const { type, payload } of await socket.dump(rt.RTM_GETNEIGH, header, [], waiting)) {
        if (type !== rt.RTM_NEWNEIGH || payload.length < neigh.ndmsg.sizeof) continue;
        const attributes = netlinkAttributes(payload, neigh.ndmsg.sizeof);
        const destination = attributes.get(neigh.NDA_DST);
        const index = hostI32(payload, neigh.ndmsg.ndm_ifindex);
        if (!destination || (ifindex !== undefined && ifindex !== index)) continue;
        const mac = attributes.get(neigh.NDA_LLADDR);
        found.push({
          ifindex: index,
          address: formatIp(destination),
          ...(mac ? { macAddress: formatMac(mac) } : {}),
          state: hostU16(payload, neigh.ndmsg.ndm_state),
          flags: payload[neigh.ndmsg.ndm_flags]!,
        });
      }
    }
    return found;
  });
}

/** The neighbour with this address on the device, or null. */
export async function neighbour(
  calls: SystemCalls,
  ifindex: number,
  address: string,
  waiting: Waiting = {},
): Promise<Neighbour | null> {
  const wanted = formatIp(ipBytes('address', address));
  return (await neighbours(calls, { ifindex, ...waiting })).find((one) => one.address === wanted) ?? null;
}

function ipBytes(name: string, address: string): Uint8Array {
  const bytes = parseIpv4(address) ?? parseIpv6(address);
  if (!bytes) throw new RangeError(`${name}: '${address}' is no IP address`);
  return bytes;
}

const familyName = (family: number): 'ipv4' | 'ipv6' | null =>
  family === AF_INET ? 'ipv4' : family === AF_INET6 ? 'ipv6' : null;

async function withSocket<T>(calls: SystemCalls, use: (socket: NetlinkSocket) => Promise<T>): Promise<T> {
  const socket = new NetlinkSocket(calls);
  try {
    return await use(socket);
  } finally {
    socket.close();
  }
}

/** The entries that have a value (exactOptionalPropertyTypes). */
function defined<T extends Record<string, unknown>>(from: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(from).filter(([, value]) => value !== undefined)) as never;
}
