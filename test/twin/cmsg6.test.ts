import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeIn6Pktinfo } from '../../src/uapi/in6.ts';
import { encodeControl } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';
import { FAR, get, ip6, NEAR, name, outgoing, recv, send, set, sin, sin6, udp, udp6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR_LL, FAR6, NEAR_LL, NEAR6, type World } from './world.ts';

const IPV6 = 41;
/** Options that tell something with each packet. */
const RECEIVE: [string, number][] = [
  ['RECVPKTINFO', 49],
  ['2292PKTINFO', 2],
  ['RECVHOPLIMIT', 51],
  ['2292HOPLIMIT', 8],
  ['RECVTCLASS', 66],
  ['FLOWINFO', 11],
  ['RECVHOPOPTS', 53],
  ['2292HOPOPTS', 3],
  ['RECVDSTOPTS', 58],
  ['2292DSTOPTS', 4],
  ['RECVRTHDR', 56],
  ['2292RTHDR', 5],
  ['RECVORIGDSTADDR', 74],
  ['RECVFRAGSIZE', 77],
];
/** Options headers: a PadN of 4 or 12 bytes of zeros. */
const PAD8 = Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0);
const PAD16 = Uint8Array.of(0, 1, 1, 12, ...new Array<number>(12).fill(0));
const HOPOPTS = 54;
const DSTOPTS = 59;
const RTHDRDSTOPTS = 55;

type Control = { level: number; type: number; data: Uint8Array };
const message = (calls: SystemCalls, fd: number, data: Uint8Array, to: Uint8Array | null, control: Control[]): number =>
  calls.sendmsg(fd, messageHeader([data], to, control.length > 0 ? encodeControl(control) : null), 0);
const c = (type: number, data: Uint8Array): Control => ({ level: IPV6, type, data });

describeNetwork('control messages of IPv6 on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);
  const out = (w: World): string[] => outgoing(w.frames());

  const PACKETS: [string, number, Control[]][] = [
    ['plain', 20, []],
    ['with a traffic class', 20, [c(67, int(0xb8))]],
    ['with a hop limit', 20, [c(52, int(7))]],
    ['with flow information', 20, [c(11, Uint8Array.of(0, 1, 2, 3))]],
    ['with hop-by-hop options', 20, [c(HOPOPTS, PAD8)]],
    ['with destination options', 20, [c(DSTOPTS, PAD16)]],
    ['with both', 20, [c(HOPOPTS, PAD16), c(DSTOPTS, PAD8)]],
    ['in fragments', 4000, []],
    ['in fragments with both', 4000, [c(HOPOPTS, PAD16), c(DSTOPTS, PAD8)]],
  ];
  for (const [what, length, control] of PACKETS) {
    twin(`all that is told of a datagram ${what}`, (w) => {
      const r = udp6(w.near, NEAR6, 8001);
      for (const [, option] of RECEIVE) set(w.near, r, IPV6, option, 1);
      const s = udp6(w.far, FAR6, 8000);
      const log: unknown[] = [message(w.far, s, new Uint8Array(length).fill(0x61), sin6(NEAR6, 8001), control)];
      w.settle(2);
      log.push(recv(w.near, r, { room: 5000, control: 1024 }));
      w.near.close(r);
      w.far.close(s);
      w.frames();
      return log;
    });
    for (const [option, number] of RECEIVE)
      twin(`IPV6_${option} of a datagram ${what}, on sockets of UDP, ping and raw`, (w) => {
        const r = udp6(w.near, '::', 8001);
        const raw = w.near.socket(10, 3, 17);
        for (const fd of [r, raw]) set(w.near, fd, IPV6, number, 1);
        const s = udp6(w.far, FAR6, 8000);
        const log: unknown[] = [message(w.far, s, new Uint8Array(length).fill(0x61), sin6(NEAR6, 8001), control)];
        w.settle(2);
        log.push(recv(w.near, r, { room: 5000 }), recv(w.near, raw, { room: 5000 }));
        // An echo, and its answer to a ping socket.
        const p = w.near.socket(10, 2, 58);
        set(w.near, p, IPV6, number, 1);
        w.near.bind(p, sin6('::', 777));
        log.push(message(w.near, p, Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 9, 1, 2), sin6(FAR6, 0), control));
        w.settle(2);
        log.push(recv(w.near, p), recv(w.near, p));
        for (const fd of [r, raw, p]) w.near.close(fd);
        w.far.close(s);
        w.frames();
        return log;
      });
  }
  for (const room of [0, 15, 16, 20, 36, 40, 47, 48, 60, 64])
    twin(`control messages cut at ${room} bytes`, (w) => {
      const r = udp6(w.near, NEAR6, 8001);
      for (const option of [49, 51, 66]) set(w.near, r, IPV6, option, 1);
      const s = udp6(w.far, FAR6, 8000);
      send(w.far, s, 'x', 0, sin6(NEAR6, 8001));
      w.settle(2);
      const log = recv(w.near, r, { control: room });
      w.near.close(r);
      w.far.close(s);
      w.frames();
      return log;
    });

  // ---- sending ----
  const pktinfo = (addr: string, ifindex: number): Uint8Array => encodeIn6Pktinfo({ addr: ip6(addr), ifindex });
  const SENT: [string, (w: World) => Control[]][] = [
    ...[-2, -1, 0, 1, 64, 255, 256].map((v): [string, () => Control[]] => [`hop limit ${v}`, () => [c(52, int(v))]]),
    ...[-1, 5, 256].map((v): [string, () => Control[]] => [`2292 hop limit ${v}`, () => [c(8, int(v))]]),
    ...[-2, -1, 0, 1, 0xb8, 255, 256].map((v): [string, () => Control[]] => [`class ${v}`, () => [c(67, int(v))]]),
    ...[-1, 0, 1, 2].map((v): [string, () => Control[]] => [`dontfrag ${v}`, () => [c(62, int(v))]]),
    ['hop limit of 3 bytes', () => [c(52, new Uint8Array(3))]],
    ['hop limit of 8 bytes', () => [c(52, new Uint8Array(8))]],
    ['class of 1 byte', () => [c(67, Uint8Array.of(3))]],
    ['dontfrag of 1 byte', () => [c(62, Uint8Array.of(1))]],
    ['the device', (w) => [c(50, pktinfo('::', w.ifindex))]],
    ['another device', () => [c(50, pktinfo('::', 1))]],
    ['a device that is not there', () => [c(50, pktinfo('::', 77))]],
    ['a negative device', () => [c(50, pktinfo('::', -1))]],
    ['own address', () => [c(50, pktinfo(NEAR6, 0))]],
    ['own address and device', (w) => [c(50, pktinfo(NEAR6, w.ifindex))]],
    ['own address and another device', () => [c(50, pktinfo(NEAR6, 1))]],
    ['own link-local address', () => [c(50, pktinfo(NEAR_LL, 0))]],
    ['own link-local address and device', (w) => [c(50, pktinfo(NEAR_LL, w.ifindex))]],
    ['loopback address', () => [c(50, pktinfo('::1', 0))]],
    ["another's address", () => [c(50, pktinfo(FAR6, 0))]],
    ['a group as address', () => [c(50, pktinfo('ff02::1', 0))]],
    ['a mapped address', () => [c(50, pktinfo(`::ffff:${NEAR}`, 0))]],
    ['2292 own address', () => [c(2, pktinfo(NEAR6, 0))]],
    ['packet information of 19 bytes', () => [c(50, new Uint8Array(19))]],
    ['packet information of 24 bytes', () => [c(50, new Uint8Array(24))]],
    ['flow information', () => [c(11, Uint8Array.of(0x0a, 0xbc, 0xde, 0xf0))]],
    ['flow information of all bits', () => [c(11, new Uint8Array(4).fill(255))]],
    ['flow information of 3 bytes', () => [c(11, new Uint8Array(3))]],
    ['flow information, twice', () => [c(11, Uint8Array.of(0, 1, 2, 3)), c(11, Uint8Array.of(0, 4, 5, 6))]],
    ['flow information and class', () => [c(11, Uint8Array.of(0, 1, 2, 3)), c(67, int(5))]],
    ['hop-by-hop options', () => [c(HOPOPTS, PAD8)]],
    ['hop-by-hop options of 16 bytes', () => [c(HOPOPTS, PAD16)]],
    ['hop-by-hop options, twice', () => [c(HOPOPTS, PAD8), c(HOPOPTS, PAD8)]],
    ['hop-by-hop options that are cut', () => [c(HOPOPTS, PAD16.subarray(0, 8))]],
    ['hop-by-hop options that are too long', () => [c(HOPOPTS, Uint8Array.from([...PAD8, ...PAD8]))]],
    ['hop-by-hop options of 1 byte', () => [c(HOPOPTS, new Uint8Array(1))]],
    ['hop-by-hop options of nothing', () => [c(HOPOPTS, new Uint8Array(0))]],
    ['2292 hop-by-hop options', () => [c(3, PAD8)]],
    ['destination options', () => [c(DSTOPTS, PAD8)]],
    ['destination options, twice', () => [c(DSTOPTS, PAD8), c(DSTOPTS, PAD16)]],
    ['2292 destination options', () => [c(4, PAD8)]],
    ['2292 destination options, twice', () => [c(4, PAD8), c(4, PAD16)]],
    ['options before a routing header', () => [c(RTHDRDSTOPTS, PAD8)]],
    ['all options', () => [c(HOPOPTS, PAD16), c(RTHDRDSTOPTS, PAD8), c(DSTOPTS, PAD8)]],
    ['a routing header of type 0', () => [c(57, Uint8Array.from([0, 2, 0, 1, 0, 0, 0, 0, ...ip6(FAR6)]))]],
    ['a routing header of type 2', () => [c(57, Uint8Array.from([0, 2, 2, 1, 0, 0, 0, 0, ...ip6(FAR6)]))]],
    ['a routing header of type 4', () => [c(57, Uint8Array.from([0, 2, 4, 0, 0, 0, 0, 0, ...ip6(FAR6)]))]],
    ['2292 routing header', () => [c(5, Uint8Array.from([0, 2, 0, 1, 0, 0, 0, 0, ...ip6(FAR6)]))]],
    ['a routing header of 3 bytes', () => [c(57, new Uint8Array(3))]],
    ['a message of no such type', () => [c(99, int(1))]],
    ['a message of another level', () => [{ level: 7, type: 1, data: int(1) }]],
    ["a message of IPv4's level", () => [{ level: 0, type: 2, data: int(5) }]],
    ['a mark', () => [{ level: 1, type: 36, data: int(5) }]],
    ['a priority', () => [{ level: 1, type: 12, data: int(3) }]],
    ['a message of the socket level that nobody knows', () => [{ level: 1, type: 99, data: int(3) }]],
    ['hop limit, class and address', () => [c(52, int(3)), c(67, int(9)), c(50, pktinfo(NEAR6, 0))]],
  ];
  const SOCKETS: [string, number, number, (s: number, w: World) => void][] = [
    ['UDP', 2, 17, (s, w) => void w.near.bind(s, sin6('::', 8000))],
    ['bound UDP', 2, 17, (s, w) => void w.near.bind(s, sin6(NEAR6, 8000))],
    ['ping', 2, 58, (s, w) => void w.near.bind(s, sin6('::', 77))],
    ['raw', 3, 200, () => {}],
  ];
  for (const [kind, type, protocol, prepare] of SOCKETS)
    for (const [what, control] of SENT)
      twin(`${kind}: sendmsg with ${what}`, (w) => {
        const log: unknown[] = [];
        for (const to of [sin6(FAR6, 8001), sin6(FAR_LL, 8001, w.ifindex), sin6('::1', 8001)]) {
          const s = w.near.socket(10, type, protocol);
          prepare(s, w);
          if (type === 3) to.fill(0, 2, 4);
          const data = Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 9, 1, 2);
          log.push(message(w.near, s, data, to, control(w)));
          w.settle(1);
          log.push(out(w));
          w.near.close(s);
        }
        return log;
      });
  for (const [what, control] of SENT)
    twin(`mapped: sendmsg with ${what}`, (w) => {
      const s = udp6(w.near, '::', 8000);
      const log: unknown[] = [];
      for (const to of [sin6(`::ffff:${FAR}`, 8001), sin6('::ffff:127.0.0.1', 8001)]) {
        log.push(message(w.near, s, Uint8Array.of(1, 2, 3), to, control(w)));
        w.settle(1);
        log.push(out(w));
      }
      w.near.close(s);
      return log;
    });
  for (const [what, control] of SENT)
    twin(`connected: sendmsg with ${what}`, (w) => {
      const s = udp6(w.near, '::', 8000);
      const log: unknown[] = [w.near.connect(s, sin6(FAR6, 8001))];
      log.push(message(w.near, s, Uint8Array.of(1, 2, 3), null, control(w)));
      w.settle(1);
      log.push(out(w), send(w.near, s, 'next'), out(w), name(w.near, s));
      w.near.close(s);
      return log;
    });

  // ---- kept with the socket ----
  for (const option of [HOPOPTS, RTHDRDSTOPTS, 57, DSTOPTS])
    for (const [what, value] of [
      ['8 bytes', PAD8],
      ['16 bytes', PAD16],
      ['7 bytes', PAD8.subarray(0, 7)],
      ['8 of 16 bytes', PAD16.subarray(0, 8)],
      ['16 bytes of which 8 count', Uint8Array.from([...PAD8, ...PAD8])],
      ['nothing', new Uint8Array(0)],
      ['a segment routing header', Uint8Array.from([0, 2, 4, 0, 0, 0, 0, 0, ...ip6(FAR6)])],
      ['a segment routing header of too many segments', Uint8Array.from([0, 2, 4, 2, 1, 0, 0, 0, ...ip6(FAR6)])],
      ['a routing header of type 0', Uint8Array.from([0, 2, 0, 1, 0, 0, 0, 0, ...ip6(FAR6)])],
    ] as [string, Uint8Array][])
      for (const [kind, type, protocol] of [
        ['UDP', 2, 17],
        ['raw', 3, 200],
      ] as [string, number, number][])
        twin(`${kind}: sticky option ${option} of ${what}`, (w) => {
          const s = w.near.socket(10, type, protocol);
          if (type === 2) w.near.bind(s, sin6('::', 8000));
          const log: unknown[] = [set(w.near, s, IPV6, option, value), get(w.near, s, IPV6, option, 64)];
          const to = sin6(FAR6, type === 2 ? 8001 : 0);
          log.push(send(w.near, s, 'abc', 0, to), out(w));
          // What a message says goes instead of all that is kept.
          log.push(message(w.near, s, Uint8Array.of(1), to, [c(52, int(9))]), out(w));
          log.push(message(w.near, s, Uint8Array.of(1), to, [c(DSTOPTS, PAD16)]), out(w));
          log.push(set(w.near, s, IPV6, HOPOPTS, PAD8), get(w.near, s, IPV6, option, 4), send(w.near, s, 'x', 0, to));
          log.push(out(w), set(w.near, s, IPV6, option, new Uint8Array(0)), get(w.near, s, IPV6, option, 64));
          log.push(send(w.near, s, 'x', 0, to), out(w));
          w.near.close(s);
          return log;
        });
  for (const [what, value] of [
    ['the device', (w: World) => pktinfo('::', w.ifindex)],
    ['lo', () => pktinfo('::', 1)],
    ['no such device', () => pktinfo('::', 77)],
    ['an address', () => pktinfo(NEAR_LL, 0)],
    ['nothing', () => pktinfo('::', 0)],
  ] as [string, (w: World) => Uint8Array][])
    twin(`sticky packet information: ${what}`, (w) => {
      const log: unknown[] = [];
      for (const [type, protocol] of [
        [2, 17],
        [2, 58],
        [3, 200],
      ] as const) {
        const s = w.near.socket(10, type, protocol);
        log.push(set(w.near, s, IPV6, 50, value(w)), get(w.near, s, IPV6, 50, 20));
        if (protocol !== 200) w.near.bind(s, sin6('::', 8000));
        for (const to of [FAR6, FAR_LL, '::1', 'ff02::99'])
          log.push(w.near.sendto(s, PING, 0, sin6(to, protocol === 200 ? 0 : 8001)), out(w));
        log.push(w.near.connect(s, sin6(FAR_LL, 9)), w.near.connect(s, sin6(FAR6, 9)), name(w.near, s));
        w.near.close(s);
      }
      return log;
    });
  const PING = Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 9);
  for (const [option, value] of [
    [16, 5],
    [16, 0],
    [16, 255],
    [18, 9],
    [67, 0xb8],
    [33, 1],
    [62, 1],
    [70, 0],
    [24, 1280],
    [23, 0],
    [23, 2],
    [23, 3],
    [23, 4],
    [23, 5],
  ] as const)
    for (const length of [10, 2000])
      twin(`IPV6 option ${option} of ${value}: ${length} bytes to each kind of destination`, (w) => {
        const log: unknown[] = [];
        for (const [type, protocol] of [
          [2, 17],
          [2, 58],
          [3, 200],
        ] as const) {
          const s = w.near.socket(10, type, protocol);
          if (protocol !== 200) w.near.bind(s, sin6('::', 8000));
          log.push(set(w.near, s, IPV6, option, value));
          const data = new Uint8Array(length);
          data[0] = 128;
          const port = protocol === 200 ? 0 : 8001;
          for (const to of [sin6(FAR6, port, 0, 0x00512345), sin6('ff0e::99', port), sin6('::1', port)]) {
            log.push(w.near.sendto(s, data, 0, to));
            w.settle(1);
            log.push(out(w));
          }
          log.push(w.near.connect(s, sin6(FAR6, 8001, 0, 0x00f12345)), name(w.near, s, true));
          log.push(w.near.sendto(s, data, 0, null));
          w.settle(1);
          log.push(out(w), get(w.near, s, IPV6, 24), get(w.near, s, IPV6, 61, 32), get(w.near, s, IPV6, 16));
          w.near.close(s);
        }
        return log;
      });

  // ---- datagrams of IPv4 on sockets of IPv6 ----
  for (const [what, level, option] of [
    ...RECEIVE.map(([n, o]): [string, number, number] => [`IPV6_${n}`, IPV6, o]),
    ['IP_PKTINFO', 0, 8],
    ['IP_RECVTTL', 0, 12],
    ['IP_RECVTOS', 0, 13],
    ['IP_RECVORIGDSTADDR', 0, 20],
  ] as [string, number, number][])
    twin(`${what} of a datagram of IPv4`, (w) => {
      const r = udp6(w.near, '::', 8001);
      const log: unknown[] = [set(w.near, r, level, option, 1)];
      const s = udp(w.far, FAR, 8000);
      send(w.far, s, 'four', 0, sin(NEAR, 8001));
      w.settle(2);
      log.push(recv(w.near, r));
      const here = udp(w.near, '127.0.0.1', 8005);
      send(w.near, here, 'four', 0, sin('127.0.0.1', 8001));
      w.settle(2);
      log.push(recv(w.near, r));
      w.near.close(r);
      w.near.close(here);
      w.far.close(s);
      w.frames();
      return log;
    });
});
