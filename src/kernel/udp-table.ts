import { be32 } from '../bytes/endian.ts';
import { EADDRINUSE } from '../uapi/errno.ts';
import { AF_INET, AF_INET6 } from '../uapi/socket.ts';
import type { InetSock } from './inet-sock.ts';
import { ipv4Sysctl } from './ip-header.ts';
import { sockProtInuseAdd, TCP_ESTABLISHED } from './sock.ts';
import type { Net } from './structs.ts';

/** Which UDP socket has a port, and which of several gets a datagram (net/ipv4/udp.c, sock_reuseport.c). IPv4 and IPv6
 * share the ports. */

export const UDP_TABLE_KEY = 13;
export const UDPLITE_TABLE_KEY = 14;
export type UdpTable = Map<number, InetSock[]>;
export const udpTable = (net: Net, key = UDP_TABLE_KEY): UdpTable => (net.gen[key] ??= new Map()) as UdpTable;

/** ipv6_rcv_saddr_equal and ipv4_rcv_saddr_equal, wildcards matching everything: two sockets would get the same. */
export function rcvSaddrEqual(a: InetSock, b: InetSock): boolean {
  const a6 = a.inet6;
  const b6 = b.inet6;
  const isAny = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0);
  const mapped = (bytes: Uint8Array): boolean =>
    bytes[10] === 0xff && bytes[11] === 0xff && isAny(bytes.subarray(0, 10));
  const v4 = (sk: InetSock): number | null => {
    if (sk.inet6 === null) return sk.rcvSaddr;
    if (mapped(sk.inet6.rcvSaddr)) return be32(sk.inet6.rcvSaddr, 12);
    if (isAny(sk.inet6.rcvSaddr) && !sk.inet6.v6only) return 0;
    return null;
  };
  if (a6 !== null && b6 !== null && !mapped(a6.rcvSaddr) && !mapped(b6.rcvSaddr)) {
    if (isAny(a6.rcvSaddr) || isAny(b6.rcvSaddr)) return true;
    return a6.rcvSaddr.every((byte, i) => byte === b6.rcvSaddr[i]);
  }
  const x = v4(a);
  const y = v4(b);
  if (x === null || y === null) return false;
  return x === y || x === 0 || y === 0;
}

function inUse(table: UdpTable, sk: InetSock, port: number): boolean {
  const list = table.get(port);
  if (list === undefined) return false;
  for (const other of list) {
    if (other === sk) continue;
    if (other.reuse !== 0 && sk.reuse !== 0) continue;
    if (other.boundDevIf !== 0 && sk.boundDevIf !== 0 && other.boundDevIf !== sk.boundDevIf) continue;
    if (!rcvSaddrEqual(sk, other)) continue;
    if (other.reuseport !== 0 && sk.reuseport !== 0 && other.uid === sk.uid) continue;
    return true;
  }
  return false;
}

/** udp_lib_get_port: 0 and the socket is in the table, or -EADDRINUSE. */
export function udpLibGetPort(sk: InetSock, port: number, key: number): number {
  const { net } = sk;
  const table = udpTable(net, key);
  if (port === 0) {
    const sysctl = ipv4Sysctl(net);
    let low = sysctl.portLow;
    let high = sysctl.portHigh;
    const wantedLow = sk.localPortRange & 0xffff;
    const wantedHigh = sk.localPortRange >>> 16;
    // IP_LOCAL_PORT_RANGE narrows within the sysctl's range.
    if (wantedLow !== 0 && wantedLow >= low && wantedLow <= high) low = wantedLow;
    if (wantedHigh !== 0 && wantedHigh <= high && wantedHigh >= low) high = wantedHigh;
    const range = high - low + 1;
    const first = Math.floor((net.random() / 0x100000000) * range);
    // An odd step visits every port of the range where its length is a power of two, else a plain walk does.
    for (let i = 0; i < range; i++) {
      const candidate = low + ((first + i) % range);
      if (sysctl.reservedPorts.some(([a, b]) => candidate >= a && candidate <= b)) continue;
      if (!inUse(table, sk, candidate)) {
        port = candidate;
        break;
      }
    }
    if (port === 0) return -EADDRINUSE;
  } else if (inUse(table, sk, port)) return -EADDRINUSE;
  sk.num = port;
  let list = table.get(port);
  if (list === undefined) table.set(port, (list = []));
  // The newest comes first, and so wins where several fit equally well.
  if (sk.reuseport !== 0 && sk.family === AF_INET6) list.push(sk);
  else list.unshift(sk);
  sk.hashed = true;
  sockProtInuseAdd(sk, 1);
  return 0;
}

export function udpLibUnhash(sk: InetSock, key: number): void {
  if (!sk.hashed) return;
  const table = udpTable(sk.net, key);
  const list = table.get(sk.num)!;
  list.splice(list.indexOf(sk), 1);
  if (list.length === 0) table.delete(sk.num);
  sk.hashed = false;
  sk.num = 0;
  sockProtInuseAdd(sk, -1);
}

/** compute_score: how well the socket fits; -1: not at all. */
function score(sk: InetSock, saddr: number, sport: number, daddr: number, dif: number): number {
  if (sk.inet6?.v6only) return -1;
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

const ehash = (saddr: number, sport: number, daddr: number, dport: number): number => {
  let h =
    Math.imul(saddr ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(daddr ^ sport, 0xc2b2ae35) ^ Math.imul(dport, 0x27d4eb2f);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 12)) >>> 0;
};

function lookup2(
  list: readonly InetSock[],
  saddr: number,
  sport: number,
  daddr: number,
  dport: number,
  bound: number,
  dif: number,
): InetSock | null {
  let best: InetSock | null = null;
  let badness = 0;
  for (let i = 0; i < list.length; i++) {
    const sk = list[i]!;
    const points =
      bound === 0 && sk.inet6 !== null ? wildcardScore(sk, saddr, sport, dif) : score(sk, saddr, sport, bound, dif);
    if (points <= badness) continue;
    badness = points;
    best = sk;
    if (sk.state === TCP_ESTABLISHED || sk.reuseport === 0) continue;
    const group = list.filter(
      (one) =>
        one.reuseport !== 0 &&
        one.state !== TCP_ESTABLISHED &&
        one.uid === sk.uid &&
        rcvSaddrEqual(one, sk) &&
        one.boundDevIf === sk.boundDevIf,
    );
    // reciprocal_scale of the flow's hash
    best = group[Math.floor((ehash(saddr, sport, daddr, dport) / 0x100000000) * group.length)] ?? sk;
    if (!list.some((one) => one.reuseport !== 0 && one.state === TCP_ESTABLISHED)) return best;
  }
  return best;
}

/** A socket of IPv6 bound to :: hears IPv4 too, unless it is v6only. */
function wildcardScore(sk: InetSock, saddr: number, sport: number, dif: number): number {
  if (sk.inet6!.v6only || sk.inet6!.rcvSaddr.some((byte) => byte !== 0)) return score(sk, saddr, sport, 0, dif);
  return score(sk, saddr, sport, sk.rcvSaddr, dif);
}

/** __udp4_lib_lookup */
export function udp4LibLookup(
  table: UdpTable,
  saddr: number,
  sport: number,
  daddr: number,
  dport: number,
  dif: number,
): InetSock | null {
  const list = table.get(dport);
  if (list === undefined) return null;
  // One plain socket on the port, the usual case.
  if (list.length === 1) {
    const sk = list[0]!;
    if (sk.inet6 === null)
      return (sk.rcvSaddr === daddr || sk.rcvSaddr === 0) &&
        (sk.daddr === 0 || sk.daddr === saddr) &&
        (sk.dport === 0 || sk.dport === sport) &&
        (sk.boundDevIf === 0 || sk.boundDevIf === dif)
        ? sk
        : null;
  }
  return lookup2(list, saddr, sport, daddr, dport, daddr, dif) ?? lookup2(list, saddr, sport, daddr, dport, 0, dif);
}
