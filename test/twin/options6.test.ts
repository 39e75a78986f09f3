import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { get, set } from './program.ts';
import { stage } from './stage.ts';

const IPV6 = 41;

/** Every option of level SOL_IPV6 that a datagram or raw socket may be asked for. */
const OPTIONS: Record<string, number> = {
  ADDRFORM: 1,
  '2292PKTINFO': 2,
  '2292HOPOPTS': 3,
  '2292DSTOPTS': 4,
  '2292RTHDR': 5,
  CHECKSUM: 7,
  '2292HOPLIMIT': 8,
  NEXTHOP: 9,
  AUTHHDR: 10,
  FLOWINFO: 11,
  UNICAST_HOPS: 16,
  MULTICAST_IF: 17,
  MULTICAST_HOPS: 18,
  MULTICAST_LOOP: 19,
  ROUTER_ALERT: 22,
  MTU_DISCOVER: 23,
  MTU: 24,
  RECVERR: 25,
  V6ONLY: 26,
  MULTICAST_ALL: 29,
  ROUTER_ALERT_ISOLATE: 30,
  RECVERR_RFC4884: 31,
  FLOWINFO_SEND: 33,
  HDRINCL: 36,
  RECVPKTINFO: 49,
  PKTINFO: 50,
  RECVHOPLIMIT: 51,
  HOPLIMIT: 52,
  RECVHOPOPTS: 53,
  HOPOPTS: 54,
  RTHDRDSTOPTS: 55,
  RECVRTHDR: 56,
  RTHDR: 57,
  RECVDSTOPTS: 58,
  DSTOPTS: 59,
  RECVPATHMTU: 60,
  PATHMTU: 61,
  DONTFRAG: 62,
  RECVTCLASS: 66,
  TCLASS: 67,
  AUTOFLOWLABEL: 70,
  ADDR_PREFERENCES: 72,
  MINHOPCOUNT: 73,
  ORIGDSTADDR: 74,
  TRANSPARENT: 75,
  UNICAST_IF: 76,
  RECVFRAGSIZE: 77,
  FREEBIND: 78,
  unknown: 99,
};
const KINDS: [string, number, number][] = [
  ['UDP', 2, 17],
  ['UDP-Lite', 2, 136],
  ['ping', 2, 58],
  ['raw ICMPv6', 3, 58],
  ['raw 200', 3, 200],
  ['raw', 3, 255],
];
const VALUES = [0, 1, 2, 3, 4, 5, 6, 7, 63, 64, 255, 256, 1279, 1280, 65535, 70000, -1, -2];

describeNetwork('options of IPv6 sockets on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  const made = (calls: SystemCalls, type: number, protocol: number): number => {
    calls.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
    const fd = calls.socket(10, type, protocol);
    if (fd < 0) throw new Error(`socket: ${fd}`);
    return fd;
  };
  for (const [kind, type, protocol] of KINDS)
    for (const [option, number] of Object.entries(OPTIONS)) {
      twin(`${kind}: IPV6_${option}`, (w) => {
        const s = made(w.near, type, protocol);
        const log: unknown[] = [get(w.near, s, IPV6, number)];
        for (const value of VALUES)
          log.push([value, set(w.near, s, IPV6, number, value), get(w.near, s, IPV6, number)]);
        for (const length of [0, 1, 2, 3, 5, 8])
          log.push([`set ${length}`, set(w.near, s, IPV6, number, new Uint8Array(length).fill(1))]);
        for (const room of [0, 1, 2, 3, 8]) log.push([`get ${room}`, get(w.near, s, IPV6, number, room)]);
        w.near.close(s);
        return log;
      });
    }
  for (const [kind, type, protocol] of KINDS)
    for (const level of [0, 6, 17, 58, 136, 255])
      twin(`${kind}: options of level ${level}`, (w) => {
        const s = made(w.near, type, protocol);
        const log: unknown[] = [];
        for (const option of [...Array.from({ length: 52 }, (_, i) => i + 1), 101, 102])
          log.push([
            option,
            get(w.near, s, level, option),
            set(w.near, s, level, option, 3),
            get(w.near, s, level, option, 40),
            set(w.near, s, level, option, new Uint8Array(1)),
          ]);
        w.near.close(s);
        return log;
      });
});
