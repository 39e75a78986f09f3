import {
  addresses,
  type Link,
  links,
  route as lookUp,
  neighbour,
  neighbourUsable,
  type Route,
} from '../socket/route.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { ENETUNREACH, ENODEV } from '../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT } from '../uapi/if.ts';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK } from '../uapi/if_arp.ts';
import { RTN_BROADCAST, RTN_LOCAL } from '../uapi/rtnetlink.ts';
import { parseMac } from '../wire/address.ts';
import * as ethernet from '../wire/ethernet.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../wire/ethertype.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../wire/linktype.ts';
import { formatIp, isMulticast, multicastMac, parseIp, sameAddress } from './address.ts';
import { type SolicitOptions, solicit } from './solicit.ts';

/** Where a packet to an address has to go: device, next hop, link header, as the kernel would choose them. */

export interface PathRequest extends SolicitOptions {
  /** 4 or 16 bytes. */
  destination: Uint8Array;
  /** Name of the device to send on, or its index in decimal; default: the routing table says. */
  device?: string | undefined;
  /** Source address that is wanted; it need not be this machine's. */
  source?: Uint8Array | undefined;
  /** False: the link header is not needed, so that nobody on the link is asked. Default true. */
  neighbour?: boolean;
}

export interface Path {
  device: Link;
  /** Longest IP packet, bytes: the route's MTU or the device's. */
  mtu: number;
  /** Source address: the one asked for, else the routing table's. */
  source: Uint8Array;
  /** Who gets the frame: the gateway, or the destination itself. */
  nextHop: Uint8Array;
  /** Hop limit that the kernel would use: 1 for multicast, else the route's or the system's. */
  hopLimit: number;
  /** The destination is an address of this machine. */
  local: boolean;
  /** True: `linkHeader` stands in front of the packet. False: the device has no header that we make (tun, ppp), and a
   * cooked packet socket sends the bare packet. */
  framed: boolean;
  /** Ethernet header, or empty. */
  linkHeader: Uint8Array;
  /** LINKTYPE_ of header and packet together. */
  linkType: number;
  etherType: number;
}

/** Finds the path by the routing table (rtnetlink(7)) and the next hop's Ethernet address by the neighbour table, or by
 * asking the link ourselves, which needs CAP_NET_RAW. Throws SystemError: ENETUNREACH without a route, ENODEV without the
 * device, EHOSTUNREACH where nobody answers. */
export async function resolvePath(calls: SystemCalls, request: PathRequest): Promise<Path> {
  const { destination } = request;
  const all = await links(calls);
  const wanted = request.device === undefined ? undefined : findLink(all, request.device);
  const route = await findRoute(calls, request, wanted?.ifindex);
  const device = findLink(all, route.ifindex);
  const mac = parseMac(device.macAddress) ?? new Uint8Array(ethernet.ADDRESS_LENGTH);
  const multicast = isMulticast(destination);
  const direct = multicast || route.type === RTN_BROADCAST || route.gateway === undefined;
  const nextHop = direct ? destination : parseIp(route.gateway!)!;
  const framed = device.arphrd === ARPHRD_ETHER || device.arphrd === ARPHRD_LOOPBACK;
  const etherType = destination.length === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
  let linkHeader = new Uint8Array(0);
  if (framed && request.neighbour !== false) {
    const dst = multicast
      ? multicastMac(destination)
      : (fixedMac(device, mac, route) ?? (await neighbourMac(calls, device, mac, nextHop, request)));
    linkHeader = new Uint8Array(ethernet.HEADER_LENGTH);
    ethernet.emit(linkHeader, 0, { dst, src: mac, type: etherType });
  }
  return {
    device,
    mtu: route.mtu ?? device.mtu,
    source: request.source ?? sourceOf(route, destination),
    nextHop,
    hopLimit: multicast ? 1 : defaultHopLimit(calls, destination, device.name),
    local: route.type === RTN_LOCAL,
    framed,
    linkHeader,
    linkType: framed ? LINKTYPE_ETHERNET : LINKTYPE_RAW,
    etherType,
  };
}

/** A device by its name, or by its index where none has that name. Throws SystemError ENODEV. */
export function findLink(all: readonly Link[], which: string | number): Link {
  const found = all.find(({ name }) => name === which) ?? all.find(({ ifindex }) => String(ifindex) === String(which));
  if (found) return found;
  const names = all.map(({ name }) => name).join(', ');
  throw new SystemError(ENODEV, 'interface', { dest: String(which), hint: `There are: ${names}` });
}

async function findRoute(calls: SystemCalls, request: PathRequest, ifindex: number | undefined): Promise<Route> {
  const { source } = request;
  const destination = formatIp(request.destination);
  // The kernel routes for no source that is not its own. What is sent from a foreign one goes the way of our own.
  const ours =
    source !== undefined && (await addresses(calls)).some((own) => sameAddress(parseIp(own.address)!, source));
  try {
    return await lookUp(calls, destination, {
      ...(ifindex === undefined ? {} : { ifindex }),
      ...(ours ? { from: formatIp(source) } : {}),
      ...(request.signal ? { signal: request.signal } : {}),
    });
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const hint = error.errno === ENETUNREACH ? 'The routing table has no way there' : undefined;
    throw new SystemError(error.errno, 'route', { dest: destination, ...(hint ? { hint } : {}) });
  }
}

/** The destination of frames on links where nobody is asked (Linux: arp_constructor, ndisc_constructor); null on others. */
function fixedMac(device: Link, mac: Uint8Array, route: Route): Uint8Array | null {
  if (device.flags & (IFF_NOARP | IFF_LOOPBACK)) return mac;
  if (route.type === RTN_BROADCAST || device.flags & IFF_POINTOPOINT) return ethernet.BROADCAST;
  return null;
}

async function neighbourMac(
  calls: SystemCalls,
  device: Link,
  own: Uint8Array,
  nextHop: Uint8Array,
  options: SolicitOptions,
): Promise<Uint8Array> {
  const address = formatIp(nextHop);
  const known = await neighbour(calls, device.ifindex, address);
  const cached = known && neighbourUsable(known) ? parseMac(known.macAddress!) : null;
  if (cached !== null) return cached;
  // Asked from an address of our own on that link, whatever the packet says: the answer comes back to it.
  const route = await lookUp(calls, address, { ifindex: device.ifindex });
  return solicit(calls, device, { mac: own, address: sourceOf(route, nextHop) }, nextHop, options);
}

/** The address that the kernel would send from; all zero where it has none. */
const sourceOf = (route: Route, destination: Uint8Array): Uint8Array =>
  (route.source === undefined ? null : parseIp(route.source)) ?? new Uint8Array(destination.length);

const text = new TextDecoder();

/** ip(7), ip_default_ttl; for IPv6 the device's hop_limit. */
function defaultHopLimit(calls: SystemCalls, destination: Uint8Array, device: string): number {
  const path =
    destination.length === 4 ? '/proc/sys/net/ipv4/ip_default_ttl' : `/proc/sys/net/ipv6/conf/${device}/hop_limit`;
  const content = calls.readFile(path);
  return typeof content === 'number' ? 64 : Number(text.decode(content));
}

/** Why the kernel would drop a frame that is injected on the loopback for an IPv4 address of this machine, and what changes
 * that; null where it takes it. (ip_route_input_slow: such packets are "martians", unless they come with the route that
 * the sending side found.) */
export function martian(calls: SystemCalls, path: Path): string | null {
  if (!path.local || path.nextHop.length !== 4) return null;
  const set = (name: string): boolean =>
    ['lo', 'all'].some((device) => {
      const content = calls.readFile(`/proc/sys/net/ipv4/conf/${device}/${name}`);
      return typeof content !== 'number' && text.decode(content).trim() === '1';
    });
  const name = path.nextHop[0] === 127 ? 'route_localnet' : 'accept_local';
  return set(name) ? null : `net.ipv4.conf.lo.${name}=1`;
}
