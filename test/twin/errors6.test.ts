import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import {
  counters6,
  FAR,
  get,
  ip,
  ip6,
  moved,
  NEAR,
  outgoing,
  recv,
  revents,
  send,
  set,
  sin,
  sin6,
  udp6,
} from './program.ts';
import { stage } from './stage.ts';
import { FAR_LL, FAR6, NEAR6, type World } from './world.ts';

const IPV6 = 41;
const RECVERR = 25;
const ERRQUEUE = 0x2000;

const sum16 = (data: Uint8Array, sum = 0): number => {
  for (let i = 0; i < data.length; i += 2) sum += (data[i]! << 8) | (data[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
};
/** An IPv6 packet without its checksum filled in. */
function packet(from: string, to: string, nexthdr: number, payload: Uint8Array): Uint8Array {
  const b = new Uint8Array(40 + payload.length);
  b[0] = 0x60;
  b[4] = payload.length >>> 8;
  b[5] = payload.length & 255;
  b[6] = nexthdr;
  b[7] = 64;
  b.set(ip6(from), 8);
  b.set(ip6(to), 24);
  b.set(payload, 40);
  return b;
}

describeNetwork('errors on IPv6 sockets on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  /** What a program can see of an error. */
  const seen = (calls: SystemCalls, fd: number): unknown[] => {
    const log: unknown[] = [revents(calls, fd)];
    log.push(recv(calls, fd, { flags: ERRQUEUE, room: 300, whole: true }));
    log.push(recv(calls, fd, { flags: ERRQUEUE, room: 4 }));
    log.push(get(calls, fd, 1, 4), revents(calls, fd), recv(calls, fd));
    return log;
  };
  const modes: [string, (calls: SystemCalls, fd: number) => void][] = [
    ['plain', () => {}],
    ['with IPV6_RECVERR', (calls, fd) => void set(calls, fd, IPV6, RECVERR, 1)],
    [
      'with IPV6_RECVERR and all that is told',
      (calls, fd) => {
        set(calls, fd, IPV6, RECVERR, 1);
        for (const option of [49, 51, 66, 74]) set(calls, fd, IPV6, option, 1);
      },
    ],
    ['with IP_RECVERR', (calls, fd) => void set(calls, fd, 0, 11, 1)],
  ];
  const targets: [string, (w: World) => Uint8Array][] = [
    ['nobody on the port', () => sin6(FAR6, 4)],
    ['nobody on our own port', () => sin6('::1', 4)],
    ['nobody on the port, by link-local', (w) => sin6(FAR_LL, 4, w.ifindex)],
    ['nobody on the port, mapped', () => sin6(`::ffff:${FAR}`, 4)],
    ['nobody on our own port, mapped', () => sin6('::ffff:127.0.0.1', 4)],
    ['no route behind the far host', () => sin6('2001:db8:1::1', 4)],
    ['a blackhole', () => sin6('2001:db8:66::1', 4)],
    ['prohibited', () => sin6('2001:db8:67::1', 4)],
    ['unreachable', () => sin6('2001:db8:68::1', 4)],
    ['no route', () => sin6('2002::1', 4)],
  ];
  for (const [mode, prepare] of modes)
    for (const [what, target] of targets)
      for (const connected of [true, false])
        twin(`${mode}: ${what}, ${connected ? 'connected' : 'by sendto'}`, (w) => {
          const s = udp6(w.near, '::', 8000);
          prepare(w.near, s);
          const log: unknown[] = [];
          const before = counters6(w.near);
          if (connected) log.push(w.near.connect(s, target(w)), send(w.near, s, 'hello'));
          else log.push(send(w.near, s, 'hello', 0, target(w)));
          w.settle(3);
          log.push(seen(w.near, s), send(w.near, s, 'again', 0, connected ? null : target(w)));
          w.settle(3);
          log.push(get(w.near, s, 1, 4), get(w.near, s, 1, 4), moved(before, counters6(w.near)));
          w.near.close(s);
          w.frames();
          return log;
        });

  // ---- ICMPv6 errors of all kinds, made by hand ----
  const KINDS: [string, number, number, number][] = [
    ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 200].map((code): [string, number, number, number] => [
      `unreachable ${code}`,
      1,
      code,
      0,
    ]),
    ...[1200, 1280, 1400, 9000].map((mtu): [string, number, number, number] => [`too big, ${mtu}`, 2, 0, mtu]),
    ['time exceeded 0', 3, 0, 0],
    ['time exceeded 1', 3, 1, 0],
    ['time exceeded 9', 3, 9, 0],
    ...[0, 1, 2, 3, 4].map((code): [string, number, number, number] => [`parameter problem ${code}`, 4, code, 6]),
    ['an error of a kind that nobody knows', 100, 0, 7],
    ['an error of kind 127', 127, 1, 7],
  ];
  const inject = (w: World, type: number, code: number, info: number, quoted: Uint8Array): void => {
    const icmp = Uint8Array.from([
      type,
      code,
      0,
      0,
      info >>> 24,
      (info >>> 16) & 255,
      (info >>> 8) & 255,
      info & 255,
      ...quoted,
    ]);
    const raw = w.far.socket(10, 3, 58);
    const sent = w.far.sendto(raw, icmp, 0, sin6(NEAR6, 0));
    if (sent !== icmp.length) throw new Error(`icmp: ${sent}`);
    w.far.close(raw);
    w.settle(3);
  };
  for (const [what, type, code, info] of KINDS)
    for (const [mode, prepare] of modes.slice(0, 3))
      twin(`${what}: ${mode}`, (w) => {
        const log: unknown[] = [];
        const datagram = Uint8Array.of(0x1f, 0x40, 0, 7, 0, 12, 0x12, 0x34, 1, 2, 3, 4);
        for (const connected of [true, false])
          for (const discover of [0, 1, 2, 4]) {
            const s = udp6(w.near, NEAR6, 8000);
            prepare(w.near, s);
            set(w.near, s, IPV6, 23, discover);
            if (connected) w.near.connect(s, sin6(FAR6, 7));
            inject(w, type, code, info, packet(NEAR6, FAR6, 17, datagram));
            log.push(seen(w.near, s));
            if (connected) log.push(get(w.near, s, IPV6, 24), get(w.near, s, IPV6, 61, 32));
            w.near.close(s);
          }
        // A ping socket and a raw one.
        const p = w.near.socket(10, 2, 58);
        w.near.bind(p, sin6('::', 777));
        const r = w.near.socket(10, 3, 200);
        const rc = w.near.socket(10, 3, 200);
        for (const fd of [p, r]) prepare(w.near, fd);
        w.near.connect(rc, sin6(FAR6, 0));
        inject(w, type, code, info, packet(NEAR6, FAR6, 58, Uint8Array.of(128, 0, 1, 1, 3, 9, 0, 1, 7, 7)));
        inject(w, type, code, info, packet(NEAR6, FAR6, 200, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9)));
        log.push(seen(w.near, p), seen(w.near, r), seen(w.near, rc));
        for (const fd of [p, r, rc]) w.near.close(fd);
        w.frames();
        return log;
      });
  twin('an error that quotes extension headers', (w) => {
    const s = udp6(w.near, NEAR6, 8000);
    set(w.near, s, IPV6, RECVERR, 1);
    const datagram = [0x1f, 0x40, 0, 7, 0, 12, 0x12, 0x34, 1, 2, 3, 4];
    inject(w, 1, 4, 0, packet(NEAR6, FAR6, 60, Uint8Array.from([17, 0, 1, 4, 0, 0, 0, 0, ...datagram])));
    const log: unknown[] = [seen(w.near, s)];
    // A first fragment, and one that is not.
    for (const offset of [0, 8]) {
      const fragment = [17, 0, 0, offset | 1, 0, 0, 0, 9, ...datagram];
      inject(w, 1, 4, 0, packet(NEAR6, FAR6, 44, Uint8Array.from(fragment)));
      log.push(seen(w.near, s));
    }
    // Cut within the UDP header, and about somebody else's datagram.
    inject(w, 1, 4, 0, packet(NEAR6, FAR6, 17, Uint8Array.from(datagram.slice(0, 6))));
    log.push(seen(w.near, s));
    inject(w, 1, 4, 0, packet('2001:db8::77', FAR6, 17, Uint8Array.from(datagram)));
    log.push(seen(w.near, s));
    w.near.close(s);
    w.frames();
    return log;
  });
  twin('flow information in the name of an error', (w) => {
    const s = udp6(w.near, NEAR6, 8000);
    set(w.near, s, IPV6, RECVERR, 1);
    set(w.near, s, IPV6, 33, 1);
    const quoted = packet(NEAR6, FAR6, 17, Uint8Array.of(0x1f, 0x40, 0, 7, 0, 12, 0x12, 0x34, 1, 2, 3, 4));
    quoted.set([0x6b, 0x81, 0x23, 0x45]);
    inject(w, 1, 4, 0, quoted);
    const log = seen(w.near, s);
    w.near.close(s);
    w.frames();
    return log;
  });

  // ---- extensions behind what is quoted, RFC 4884 ----
  for (const type of [1, 3, 4])
    for (const length of [0, 1, 8, 15, 16, 17, 20, 255])
      for (const [what, extension] of [
        ['nothing', []],
        ['a header', [0x20, 0, 0, 0]],
        ['a header with its checksum', [0x20, 0, 0xdf, 0xff]],
        ['a header with a wrong checksum', [0x20, 0, 0xdf, 0xfe]],
        ['an object', [0x20, 0, 0, 0, 0, 8, 1, 1, 1, 2, 3, 4]],
        ['an object that is cut', [0x20, 0, 0, 0, 0, 12, 1, 1, 1, 2, 3, 4]],
        ['an object of no length', [0x20, 0, 0, 0, 0, 0, 1, 1]],
        ['a header of another version', [0x10, 0, 1, 2, 9, 9]],
      ] as [string, number[]][])
        twin(`RFC 4884: type ${type}, a length of ${length}, ${what}`, (w) => {
          const log: unknown[] = [];
          for (const on of [0, 1]) {
            const s = udp6(w.near, NEAR6, 8000);
            set(w.near, s, IPV6, RECVERR, 1);
            set(w.near, s, IPV6, 31, on);
            const quoted = packet(
              NEAR6,
              FAR6,
              17,
              Uint8Array.of(0x1f, 0x40, 0, 7, 0, 88, 0x12, 0x34, ...new Array<number>(80)),
            );
            inject(w, type, 4, length << 24, Uint8Array.from([...quoted, ...extension]));
            log.push(recv(w.near, s, { flags: ERRQUEUE, room: 4 }));
            w.near.close(s);
            // The same of IPv4, whose types are 3, 11 and 12.
            const s4 = w.near.socket(2, 2, 0);
            w.near.bind(s4, sin(NEAR, 8000));
            set(w.near, s4, 0, 11, 1);
            set(w.near, s4, 0, 26, on);
            const udp4 = [0x1f, 0x40, 0, 7, 0, 108, 0, 0, ...new Array<number>(100).fill(0)];
            const ip4 = [0x45, 0, 0, 128, 0, 0, 0, 0, 64, 17, 0, 0, ...ip(NEAR), ...ip(FAR)];
            const icmp = [{ 1: 3, 3: 11, 4: 12 }[type]!, 0, 0, 0, 0, length, 0, 0, ...ip4, ...udp4, ...extension];
            const check = 0xffff & ~sum16(Uint8Array.from(icmp));
            icmp[2] = check >>> 8;
            icmp[3] = check & 255;
            const raw = w.far.socket(2, 3, 1);
            log.push(w.far.sendto(raw, Uint8Array.from(icmp), 0, sin(NEAR, 0)));
            w.settle(2);
            log.push(recv(w.near, s4, { flags: ERRQUEUE, room: 4 }));
            w.near.close(s4);
            w.far.close(raw);
          }
          w.frames();
          return log;
        });

  // ---- too large ----
  for (const [what, options] of [
    ['nothing set', []],
    ['IPV6_DONTFRAG', [[62, 1]]],
    [
      'IPV6_DONTFRAG and IPV6_RECVERR',
      [
        [62, 1],
        [25, 1],
      ],
    ],
    [
      'IPV6_DONTFRAG and IPV6_RECVPATHMTU',
      [
        [62, 1],
        [60, 1],
      ],
    ],
    ['IPV6_PMTUDISC_DO', [[23, 2]]],
    [
      'IPV6_PMTUDISC_DO and IPV6_RECVERR',
      [
        [23, 2],
        [25, 1],
      ],
    ],
    [
      'IPV6_PMTUDISC_PROBE',
      [
        [23, 3],
        [25, 1],
      ],
    ],
    [
      'IPV6_PMTUDISC_INTERFACE',
      [
        [23, 4],
        [25, 1],
      ],
    ],
    [
      'IPV6_PMTUDISC_OMIT',
      [
        [23, 5],
        [25, 1],
      ],
    ],
    [
      'IPV6_MTU 1300',
      [
        [24, 1300],
        [25, 1],
      ],
    ],
    [
      'IPV6_MTU 1300 and IPV6_DONTFRAG',
      [
        [24, 1300],
        [62, 1],
        [25, 1],
        [60, 1],
      ],
    ],
  ] as [string, number[][]][])
    for (const [kind, type, protocol] of [
      ['UDP', 2, 17],
      ['ping', 2, 58],
      ['raw', 3, 200],
      ['raw with its own headers', 3, 255],
    ] as [string, number, number][])
      twin(`${kind}, ${what}: sizes about the MTU`, (w) => {
        const log: unknown[] = [];
        for (const length of [
          1240, 1252, 1253, 1300, 1440, 1452, 1453, 1460, 1461, 1500, 1501, 3000, 65500, 65527, 65536, 70000,
        ]) {
          const s = w.near.socket(10, type, protocol);
          if (type === 2) w.near.bind(s, sin6('::', 8000));
          for (const [option, value] of options) set(w.near, s, IPV6, option!, value!);
          const data = new Uint8Array(length);
          if (protocol === 255) data.set(packet(NEAR6, FAR6, 200, new Uint8Array(length - 40)));
          else data[0] = 128;
          log.push([length, w.near.sendto(s, data, 0, sin6(FAR6, type === 2 ? 8001 : 0))]);
          w.settle(1);
          log.push(outgoing(w.frames()).map((f) => f.length));
          log.push(recv(w.near, s, { flags: ERRQUEUE }), recv(w.near, s), recv(w.near, s), get(w.near, s, 1, 4));
          w.near.close(s);
        }
        return log;
      });

  // ---- checksums of UDP ----
  const datagram = (length: number, spoil: boolean, zero: boolean): Uint8Array => {
    const b = new Uint8Array(8 + length);
    b.set([0x1f, 0x41, 0x1f, 0x40, b.length >>> 8, b.length & 255]);
    for (let i = 8; i < b.length; i++) b[i] = i * 3;
    const pseudo = Uint8Array.from([...ip6(FAR6), ...ip6(NEAR6), 0, 17, b.length >>> 8, b.length & 255]);
    const sum = 0xffff & ~sum16(b, sum16(pseudo));
    if (!zero) b.set([sum >>> 8, sum & 255], 6);
    if (spoil) b[b.length - 1]! ^= 0x55;
    return b;
  };
  for (const length of [1, 20, 60, 100, 1000])
    for (const [what, spoil, zero] of [
      ['right', false, false],
      ['wrong', true, false],
      ['none', false, true],
    ] as [string, boolean, boolean][])
      for (const allowed of [0, 1])
        twin(`a checksum that is ${what}, ${length} bytes, UDP_NO_CHECK6_RX ${allowed}`, (w) => {
          const r = udp6(w.near, NEAR6, 8000);
          set(w.near, r, 17, 102, allowed);
          const before = counters6(w.near);
          const s = w.far.socket(10, 3, 17);
          const log: unknown[] = [w.far.sendto(s, datagram(length, spoil, zero), 0, sin6(NEAR6, 0))];
          w.settle(2);
          log.push(revents(w.near, r), recv(w.near, r), revents(w.near, r), moved(before, counters6(w.near)));
          // To a port where nobody is.
          w.near.close(r);
          w.frames();
          log.push(w.far.sendto(s, datagram(length, spoil, zero), 0, sin6(NEAR6, 0)));
          w.settle(2);
          log.push(w.frames(), moved(before, counters6(w.near)));
          w.far.close(s);
          return log;
        });
  for (const [what, edit] of [
    ['a length of 7', (b: Uint8Array) => b.set([0, 7], 4)],
    ['a length of 0', (b: Uint8Array) => b.set([0, 0], 4)],
    ['a length beyond the end', (b: Uint8Array) => b.set([0, 40], 4)],
    ['a length of less than there is', (b: Uint8Array) => b.set([0, 12], 4)],
  ] as [string, (b: Uint8Array) => void][])
    twin(`UDP with ${what}`, (w) => {
      const r = udp6(w.near, NEAR6, 8000);
      const before = counters6(w.near);
      const s = w.far.socket(10, 3, 17);
      const b = datagram(20, false, false);
      edit(b);
      const log: unknown[] = [w.far.sendto(s, b, 0, sin6(NEAR6, 0))];
      w.settle(2);
      log.push(recv(w.near, r), moved(before, counters6(w.near)), w.frames());
      w.near.close(r);
      w.far.close(s);
      return log;
    });
  for (const length of [0, 10, 1452, 2000])
    for (const off of [0, 1])
      twin(`UDP_NO_CHECK6_TX ${off}, ${length} bytes`, (w) => {
        const s = udp6(w.near, NEAR6, 8000);
        const log: unknown[] = [set(w.near, s, 17, 101, off)];
        log.push(send(w.near, s, new Uint8Array(length), 0, sin6(FAR6, 8001)));
        w.settle(1);
        log.push(outgoing(w.frames()));
        w.near.close(s);
        return log;
      });
});
