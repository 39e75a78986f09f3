import { EADDRINUSE } from '../uapi/errno.ts';
import { AF_INET, AF_INET6 } from '../uapi/socket.ts';
import type { InetSock } from './inet-sock.ts';
import { ipv4Sysctl } from './ip-header.ts';
import { IPV6_ADDR_ANY, IPV6_ADDR_MAPPED, in6Equal, ipv6AddrAny, ipv6AddrEqual, ipv6AddrType } from './ipv6/addr.ts';
import { sockProtInuseAdd, TCP_ESTABLISHED } from './sock.ts';
import {
  reuseportAddSock,
  reuseportAlloc,
  reuseportDetachSock,
  reuseportHasConns,
  reuseportSelectSock,
} from './sock-reuseport.ts';
import type { Net, SkBuff } from './structs.ts';

/** Which UDP socket has a port, and which of several gets a datagram (net/ipv4/udp.c and the like of net/ipv6/udp.c).
 * IPv4 and IPv6 share the ports. */

export const UDP_TABLE_KEY = 13;
export const UDPLITE_TABLE_KEY = 14;
const UDPHDR_LEN = 8;

/** The sockets of a port, newest first (but sockets of IPv6 with SO_REUSEPORT, which go behind). */
class UdpSlot {
  /** hash: as they were bound. */
  readonly all: InetSock[] = [];
  /** hash2: a socket whose address changes moves to the front. */
  readonly byAddr: InetSock[] = [];
  /** hash4: connected sockets that had an address of their own, or got one by connecting. */
  readonly connected: InetSock[] = [];
}
export type UdpTable = Map<number, UdpSlot>;
export const udpTable = (net: Net, key = UDP_TABLE_KEY): UdpTable => (net.gen[key] ??= new Map()) as UdpTable;
/** Every socket of a table. */
export const udpSockets = (net: Net, key: number): InetSock[] => [...udpTable(net, key).values()].flatMap((s) => s.all);
const NONE: readonly InetSock[] = [];
/** The sockets of a port in the order in which a multicast datagram reaches them. */
export const udpPortSockets = (table: UdpTable, port: number): readonly InetSock[] => table.get(port)?.all ?? NONE;

export const v6only = (sk: InetSock): boolean => sk.inet6?.v6only ?? false;

function rcvSaddrEqual4(a: number, b: number, bV6only: boolean, wildcard: boolean): boolean {
  if (bV6only) return false;
  return a === b || (wildcard && (a === 0 || b === 0));
}

/** inet_rcv_saddr_equal: both would get the same datagrams; with `wildcard`, one of them at any address too. */
export function inetRcvSaddrEqual(a: InetSock, b: InetSock, wildcard: boolean): boolean {
  if (a.family !== AF_INET6 || a.inet6 === null) return rcvSaddrEqual4(a.rcvSaddr, b.rcvSaddr, v6only(b), wildcard);
  const a6 = a.inet6.rcvSaddr;
  const b6 = b.family === AF_INET6 && b.inet6 !== null ? b.inet6.rcvSaddr : null;
  const aType = ipv6AddrType(a6);
  const bType = b6 === null ? IPV6_ADDR_MAPPED : ipv6AddrType(b6);
  if (aType === IPV6_ADDR_MAPPED && bType === IPV6_ADDR_MAPPED)
    return rcvSaddrEqual4(a.rcvSaddr, b.rcvSaddr, v6only(b), wildcard);
  if (aType === IPV6_ADDR_ANY && bType === IPV6_ADDR_ANY) return true;
  if (bType === IPV6_ADDR_ANY && wildcard && !(v6only(b) && aType === IPV6_ADDR_MAPPED)) return true;
  if (aType === IPV6_ADDR_ANY && wildcard && !(v6only(a) && bType === IPV6_ADDR_MAPPED)) return true;
  return b6 !== null && in6Equal(a6, b6);
}

/** udp_lib_lport_inuse */
function inUse(table: UdpTable, sk: InetSock, port: number): boolean {
  for (const other of udpPortSockets(table, port)) {
    if (other === sk) continue;
    if (other.reuse !== 0 && sk.reuse !== 0) continue;
    if (other.boundDevIf !== 0 && sk.boundDevIf !== 0 && other.boundDevIf !== sk.boundDevIf) continue;
    if (!inetRcvSaddrEqual(sk, other, true)) continue;
    // The first of the group speaks for all.
    if (other.reuseport !== 0 && sk.reuseport !== 0 && sk.reuseportGroup === null && other.uid === sk.uid) return false;
    return true;
  }
  return false;
}

/** udp_reuseport_add_sock: into the group of a socket that is bound to the same, or into one of its own. */
function joinReuseport(slot: UdpSlot, sk: InetSock): number {
  for (const other of slot.all)
    if (
      other !== sk &&
      other.family === sk.family &&
      v6only(other) === v6only(sk) &&
      other.boundDevIf === sk.boundDevIf &&
      other.reuseport !== 0 &&
      other.uid === sk.uid &&
      inetRcvSaddrEqual(sk, other, false)
    )
      return reuseportAddSock(sk, other);
  reuseportAlloc(sk);
  return 0;
}

/** A port of the ephemeral range that is free for the socket; 0 where there is none. */
function ephemeral(table: UdpTable, sk: InetSock): number {
  const sysctl = ipv4Sysctl(sk.net);
  let low = sysctl.portLow;
  let high = sysctl.portHigh;
  const wantedLow = sk.localPortRange & 0xffff;
  const wantedHigh = sk.localPortRange >>> 16;
  // IP_LOCAL_PORT_RANGE narrows within the sysctl's range.
  if (wantedLow !== 0 && wantedLow >= low && wantedLow <= high) low = wantedLow;
  if (wantedHigh !== 0 && wantedHigh <= high && wantedHigh >= low) high = wantedHigh;
  const range = high - low + 1;
  const first = Math.floor((sk.net.random() / 0x100000000) * range);
  for (let i = 0; i < range; i++) {
    const candidate = low + ((first + i) % range);
    if (sysctl.reservedPorts.some(([a, b]) => candidate >= a && candidate <= b)) continue;
    if (!inUse(table, sk, candidate)) return candidate;
  }
  return 0;
}

/** udp_lib_get_port: 0 and the socket is in the table, or -EADDRINUSE. */
export function udpLibGetPort(sk: InetSock, port: number, key: number): number {
  const table = udpTable(sk.net, key);
  if (port === 0) {
    port = ephemeral(table, sk);
    if (port === 0) return -EADDRINUSE;
  } else if (inUse(table, sk, port)) return -EADDRINUSE;
  let slot = table.get(port);
  if (slot === undefined) table.set(port, (slot = new UdpSlot()));
  if (sk.reuseport !== 0 && joinReuseport(slot, sk) !== 0) {
    if (slot.all.length === 0) table.delete(port);
    return -EADDRINUSE;
  }
  sk.num = port;
  if (sk.reuseport !== 0 && sk.family === AF_INET6) {
    slot.all.push(sk);
    slot.byAddr.push(sk);
  } else {
    slot.all.unshift(sk);
    slot.byAddr.unshift(sk);
  }
  sk.hashed = true;
  sockProtInuseAdd(sk, 1);
  return 0;
}

function remove(list: InetSock[], sk: InetSock): void {
  const at = list.indexOf(sk);
  if (at >= 0) list.splice(at, 1);
}

export function udpLibUnhash(sk: InetSock, key: number): void {
  if (!sk.hashed) return;
  const table = udpTable(sk.net, key);
  const slot = table.get(sk.num)!;
  reuseportDetachSock(sk);
  remove(slot.all, sk);
  remove(slot.byAddr, sk);
  remove(slot.connected, sk);
  if (slot.all.length === 0) table.delete(sk.num);
  sk.hashed = false;
  sk.num = 0;
  sockProtInuseAdd(sk, -1);
}

/** udp_lib_rehash: the address that the socket is bound to has changed. It leaves its group. */
export function udpLibRehash(sk: InetSock, key: number): void {
  if (!sk.hashed) return;
  const slot = udpTable(sk.net, key).get(sk.num)!;
  reuseportDetachSock(sk);
  remove(slot.byAddr, sk);
  slot.byAddr.unshift(sk);
  if (sk.inet6 === null ? sk.rcvSaddr === 0 : ipv6AddrAny(sk.inet6.rcvSaddr)) remove(slot.connected, sk);
}

/** udp_lib_hash4: a socket that has an address and has been connected is found by both ends first. It leaves its group. */
export function udpLibHash4(sk: InetSock, key: number): void {
  if (!sk.hashed) return;
  const slot = udpTable(sk.net, key).get(sk.num)!;
  if (slot.connected.includes(sk)) return;
  reuseportDetachSock(sk);
  slot.connected.unshift(sk);
}

// ---- looking up ----

/** compute_score: how well the socket fits; -1: not at all. */
function score(sk: InetSock, saddr: number, sport: number, daddr: number, dif: number): number {
  if (v6only(sk)) return -1;
  if (sk.rcvSaddr !== daddr) return -1;
  let points = sk.family === AF_INET ? 2 : 1;
  if (sk.daddr !== 0) {
    if (sk.daddr !== saddr) return -1;
    points += 4;
  }
  if (sk.dport !== 0) {
    if (sk.dport !== sport) return -1;
    points += 4;
  }
  if (sk.boundDevIf !== 0) {
    if (sk.boundDevIf !== dif) return -1;
    points += 4;
  }
  return points;
}

const mix = (h: number): number => {
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 12)) >>> 0;
};
const ehash = (saddr: number, sport: number, daddr: number, dport: number): number =>
  mix(Math.imul(saddr ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(daddr ^ sport, 0xc2b2ae35) ^ Math.imul(dport, 0x27d4eb2f));

function lookup2(
  list: readonly InetSock[],
  saddr: number,
  sport: number,
  daddr: number,
  dport: number,
  bound: number,
  dif: number,
  skb: SkBuff | null,
): InetSock | null {
  let best: InetSock | null = null;
  let badness = 0;
  for (const sk of list) {
    const points = score(sk, saddr, sport, bound, dif);
    if (points <= badness) continue;
    badness = points;
    best = sk;
    if (sk.state === TCP_ESTABLISHED || sk.reuseport === 0) continue;
    const chosen = reuseportSelectSock(sk, ehash(saddr, sport, daddr, dport), skb, UDPHDR_LEN);
    if (chosen === null) continue;
    if (!reuseportHasConns(sk)) return chosen;
    // A group that has had connections: what was chosen must stand against the rest.
    best = chosen;
    badness = Math.max(badness, score(chosen, saddr, sport, bound, dif));
  }
  return best;
}

/** __udp4_lib_lookup. `skb` is null for errors about a datagram of ours. */
export function udp4LibLookup(
  table: UdpTable,
  saddr: number,
  sport: number,
  daddr: number,
  dport: number,
  dif: number,
  skb: SkBuff | null,
): InetSock | null {
  const slot = table.get(dport);
  if (slot === undefined) return null;
  const list = slot.byAddr;
  // One plain socket on the port, the usual case.
  if (list.length === 1) {
    const sk = list[0]!;
    if (sk.inet6 === null && sk.reuseport === 0)
      return (sk.rcvSaddr === daddr || sk.rcvSaddr === 0) &&
        (sk.daddr === 0 || sk.daddr === saddr) &&
        (sk.dport === 0 || sk.dport === sport) &&
        (sk.boundDevIf === 0 || sk.boundDevIf === dif)
        ? sk
        : null;
  }
  for (const sk of slot.connected)
    if (
      sk.daddr === saddr &&
      sk.dport === sport &&
      sk.rcvSaddr === daddr &&
      (sk.boundDevIf === 0 || sk.boundDevIf === dif)
    )
      return sk;
  return (
    lookup2(list, saddr, sport, daddr, dport, daddr, dif, skb) ?? lookup2(list, saddr, sport, daddr, dport, 0, dif, skb)
  );
}

// ---- IPv6. Addresses are 16 bytes at an offset. ----

function score6(
  sk: InetSock,
  saddr: Uint8Array,
  saddrAt: number,
  sport: number,
  daddr: Uint8Array,
  daddrAt: number,
  dif: number,
): number {
  const np = sk.inet6;
  if (np === null || sk.family !== AF_INET6) return -1;
  if (!ipv6AddrEqual(np.rcvSaddr, 0, daddr, daddrAt)) return -1;
  let points = 0;
  if (sk.dport !== 0) {
    if (sk.dport !== sport) return -1;
    points++;
  }
  if (!ipv6AddrAny(np.daddr)) {
    if (!ipv6AddrEqual(np.daddr, 0, saddr, saddrAt)) return -1;
    points++;
  }
  if (sk.boundDevIf !== 0) {
    if (sk.boundDevIf !== dif) return -1;
    points++;
  }
  return points;
}

function ehash6(
  saddr: Uint8Array,
  saddrAt: number,
  sport: number,
  daddr: Uint8Array,
  at: number,
  dport: number,
): number {
  let h = Math.imul(sport, 0xc2b2ae35) ^ Math.imul(dport, 0x27d4eb2f);
  for (let i = 0; i < 16; i++) h = Math.imul(h ^ saddr[saddrAt + i]! ^ (daddr[at + i]! << 8), 0x9e3779b1);
  return mix(h);
}

const ANY = new Uint8Array(16);

/** __udp6_lib_lookup. `skb` is null for errors about a datagram of ours. */
export function udp6LibLookup(
  table: UdpTable,
  saddr: Uint8Array,
  saddrAt: number,
  sport: number,
  daddr: Uint8Array,
  daddrAt: number,
  dport: number,
  dif: number,
  skb: SkBuff | null,
): InetSock | null {
  const slot = table.get(dport);
  if (slot === undefined) return null;
  for (const sk of slot.connected) {
    const np = sk.inet6;
    if (
      np !== null &&
      sk.family === AF_INET6 &&
      sk.dport === sport &&
      ipv6AddrEqual(np.daddr, 0, saddr, saddrAt) &&
      ipv6AddrEqual(np.rcvSaddr, 0, daddr, daddrAt) &&
      (sk.boundDevIf === 0 || sk.boundDevIf === dif)
    )
      return sk;
  }
  const lookup = (bound: Uint8Array, boundAt: number): InetSock | null => {
    let best: InetSock | null = null;
    let badness = -1;
    for (const sk of slot.byAddr) {
      const points = score6(sk, saddr, saddrAt, sport, bound, boundAt, dif);
      if (points <= badness) continue;
      badness = points;
      best = sk;
      if (sk.state === TCP_ESTABLISHED || sk.reuseport === 0) continue;
      const hash = ehash6(saddr, saddrAt, sport, daddr, daddrAt, dport);
      const chosen = reuseportSelectSock(sk, hash, skb, UDPHDR_LEN);
      if (chosen === null) continue;
      if (!reuseportHasConns(sk)) return chosen;
      best = chosen;
      badness = Math.max(badness, score6(chosen, saddr, saddrAt, sport, bound, boundAt, dif));
    }
    return best;
  };
  return lookup(daddr, daddrAt) ?? lookup(ANY, 0);
}
