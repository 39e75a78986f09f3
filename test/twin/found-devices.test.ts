/** What seeded sequences of calls found (`npm run fuzz -- syscalls`) about devices and addresses changed in the midst, as
 * cases of their own. */
import { afterAll } from 'vitest';
import { messageVector } from '../../src/syscall/message.ts';
import { hostU32, int, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { describeNetwork } from '../support/network.ts';
import {
  bytes,
  counters,
  FAR,
  get,
  hex,
  ip6,
  moved,
  NEAR,
  recv,
  revents,
  send,
  set,
  sin,
  sin6,
  udp,
} from './program.ts';
import { stage } from './stage.ts';
import { FAR6, NEAR6, type World } from './world.ts';

const [SIOCGIFCONF, SIOCGIFADDR, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR] = [0x8912, 0x8915, 0x8913, 0x8914, 0x8916];
const [SIOCGIFBRDADDR, SIOCSIFBRDADDR, SIOCGIFNETMASK, SIOCSIFNETMASK, SIOCSIFMTU] = [
  0x8919, 0x891a, 0x891b, 0x891c, 0x8922,
];

/** [result, what the union holds afterwards]. */
function ask(w: World, fd: number, name: string, request: number, fill: (at: Uint8Array) => void = () => {}): unknown {
  const argument = new Uint8Array(40);
  argument.set(bytes(name));
  fill(argument.subarray(16));
  const result = w.near.ioctl(fd, request, argument);
  return [result, hex(argument.subarray(16, 24))];
}
const address =
  (...four: number[]) =>
  (at: Uint8Array): void =>
    at.set([2, 0, 0, 0, ...four]);
const flags =
  (value: number) =>
  (at: Uint8Array): void =>
    putHostU16(at, 0, value);

describeNetwork('addresses with labels, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  for (const four of [
    [10, 0, 0, 77],
    [10, 9, 0, 1],
    [172, 16, 0, 1],
    [0, 0, 0, 0],
    [255, 255, 255, 255],
    [239, 1, 1, 1],
  ])
    twin(`SIOCSIFADDR of eth0:1, ${four}: eth0 keeps its own`, (w) => {
      const s = udp(w.near);
      const log: unknown[] = [ask(w, s, 'eth0:1', SIOCGIFADDR), ask(w, s, 'eth0:1', SIOCSIFADDR, address(...four))];
      const conf = new Uint8Array(16 + 160);
      putHostU32(conf, 0, 160);
      log.push(w.near.ioctl(s, SIOCGIFCONF, conf), hex(conf));
      for (const name of ['eth0', 'eth0:1', 'eth0:2'])
        for (const request of [SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK]) log.push(ask(w, s, name, request));
      log.push(
        ask(w, s, 'eth0', SIOCGIFADDR, address(...four)),
        ask(w, s, 'eth0:1', SIOCGIFADDR, address(10, 0, 0, 1)),
      );
      log.push(send(w.near, s, 'x', 0, sin(FAR, 9)), send(w.near, s, 'x', 0, sin('10.9.0.2', 9)));
      log.push(ask(w, s, 'eth0:1', SIOCSIFNETMASK, address(255, 255, 255, 0)), ask(w, s, 'eth0:1', SIOCGIFBRDADDR));
      log.push(ask(w, s, 'eth0:1', SIOCSIFBRDADDR, address(10, 0, 0, 3)), ask(w, s, 'eth0:1', SIOCGIFBRDADDR));
      log.push(ask(w, s, 'eth0:1', SIOCSIFNETMASK, address(255, 255, 0, 0)), ask(w, s, 'eth0:1', SIOCGIFBRDADDR));
      log.push(
        ask(w, s, 'eth0:1', SIOCSIFFLAGS, flags(0)),
        ask(w, s, 'eth0:1', SIOCGIFADDR),
        ask(w, s, 'eth0', SIOCGIFADDR),
      );
      log.push(ask(w, s, 'eth0:1', SIOCSIFFLAGS, flags(1)));
      w.near.close(s);
      w.frames();
      return log;
    });

  for (const room of [0, 39, 40, 79, 80, 200])
    twin(`SIOCGIFCONF with room for ${room} bytes, and with none`, (w) => {
      const s = udp(w.near);
      const conf = new Uint8Array(16 + Math.max(room, 1)).fill(0);
      putHostU32(conf, 0, room);
      const log: unknown[] = [w.near.ioctl(s, SIOCGIFCONF, conf), hex(conf)];
      const bare = new Uint8Array(16);
      log.push(w.near.ioctl(s, SIOCGIFCONF, bare), hostU32(bare, 0));
      w.near.close(s);
      return log;
    });
});

describeNetwork('a device that goes down and up, on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  twin('what is sent over the loopback while it is down is dropped without an error; routes that refuse stay', (w) => {
    const s = udp(w.near, '0.0.0.0', 9001);
    const before = counters(w.near);
    const log: unknown[] = [];
    const reach = (): void => {
      for (const to of ['127.0.0.1', NEAR, '10.66.0.1', '10.67.0.1', '10.68.0.1', '192.0.2.1'])
        log.push(send(w.near, s, 'x', 0, sin(to, 9001)));
      w.settle(3);
      for (let i = 0; i < 3; i++) log.push(recv(w.near, s));
    };
    reach();
    log.push(ask(w, s, 'lo', SIOCSIFFLAGS, flags(0)));
    reach();
    log.push(ask(w, s, 'lo', SIOCSIFFLAGS, flags(1)));
    reach();
    log.push(moved(before, counters(w.near)));
    w.near.close(s);
    w.frames();
    return log;
  });

  for (const recverr of [0, 1])
    for (const [what, type, protocol] of [
      ['UDP', 2, 17],
      ['raw', 3, 200],
    ] as const)
      twin(`${what}, IP_RECVERR ${recverr}: frames longer than the other end of the cable takes`, (w) => {
        const s = w.near.socket(2, type, protocol);
        const before = counters(w.near);
        const log: unknown[] = [
          set(w.near, s, 0, 11, recverr),
          ask(w, s, 'eth0', SIOCSIFMTU, (at) => putHostU32(at, 0, 9000)),
        ];
        for (const length of [1400, 5000, 20000]) log.push(send(w.near, s, new Uint8Array(length), 0, sin(FAR, 9000)));
        w.settle(3);
        log.push(
          w.frames().map((frame) => `${frame.length} ${frame.slice(0, 60)}`),
          get(w.near, s, 1, 4),
          moved(before, counters(w.near)),
        );
        log.push(ask(w, s, 'eth0', SIOCSIFMTU, (at) => putHostU32(at, 0, 1500)));
        w.near.close(s);
        return log;
      });
});

describeNetwork('sockets of IPv6, found by sequences, on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  twin('SIOCSIFFLAGS on a socket of IPv6', (w) => {
    const s = w.near.socket(10, 2, 0);
    const log = [0x1143, 0x1043].map((value) => [
      ask(w, s, 'eth0', SIOCSIFFLAGS, flags(value)),
      String(ask(w, s, 'eth0', SIOCGIFFLAGS)).slice(0, 6),
    ]);
    log.push([ask(w, s, 'eth9', SIOCSIFFLAGS, flags(1)), '']);
    w.near.close(s);
    return log;
  });

  for (const [name, value] of [
    [67, 8],
    [67, 0],
    [67, -1],
    [16, 9],
    [62, 1],
    [23, 2],
  ] as const)
    twin(`IPV6 option ${name} set to ${value} on a connected socket: whether it forgets its route`, (w) => {
      const s = w.near.socket(10, 3, 58);
      const log: unknown[] = [w.near.connect(s, sin6(FAR6, 0)), get(w.near, s, 41, 24)];
      log.push(set(w.near, s, 41, name, value), get(w.near, s, 41, 24));
      w.near.close(s);
      return log;
    });

  for (const first of [1, 7, 8])
    for (const second of [0, 1, 3, 20, 21])
      twin(`an ICMPv6 message of ${first} and ${second} bytes, under MSG_MORE`, (w) => {
        const s = w.near.socket(10, 3, 58);
        const data = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
        data[0] = 200;
        const log: unknown[] = [send(w.near, s, data.subarray(0, first), 0x8000, sin6(FAR6, 0))];
        log.push(send(w.near, s, data.subarray(0, second), 0, sin6(FAR6, 0)));
        w.settle(3);
        log.push(w.frames());
        w.near.close(s);
        return log;
      });

  for (const kind of ['raw', 'cooked', 'udp'] as const)
    twin(`an empty packet looked at twice with MSG_PEEK, ${kind}`, (w) => {
      const s =
        kind === 'raw' ? w.near.socket(10, 3, 200) : kind === 'udp' ? w.near.socket(10, 2, 0) : w.near.socket(17, 2, 0);
      const log: unknown[] = [];
      if (kind === 'cooked') {
        const to = new Uint8Array(20);
        to.set([17, 0, 0x88, 0xb5]);
        to.set(int(1), 4);
        to[11] = 6;
        log.push(w.near.bind(s, to), w.near.sendto(s, new Uint8Array(0), 0, to));
      } else {
        log.push(w.near.bind(s, sin6('::1', kind === 'udp' ? 9001 : 0)));
        log.push(send(w.near, s, '', 0, sin6('::1', kind === 'udp' ? 9001 : 0)));
      }
      w.settle(3);
      for (const how of [2, 2, 0x22, 0, 0]) log.push(recv(w.near, s, { flags: how })[0]);
      if (kind === 'udp') {
        log.push(
          set(w.near, s, 1, 42, 0),
          send(w.near, s, '', 0, sin6('::1', 9001)),
          send(w.near, s, 'ab', 0, sin6('::1', 9001)),
        );
        w.settle(3);
        for (const how of [2, 2, 2, 0, 0]) log.push(recv(w.near, s, { flags: how })[0]);
      }
      w.near.close(s);
      w.frames();
      return log;
    });

  for (const protocol of [17, 136])
    for (const value of [0, 1, 8])
      twin(`SO_ZEROCOPY ${value} on a socket of protocol ${protocol}`, (w) => {
        const s = w.near.socket(10, 2, protocol);
        const result = set(w.near, s, 1, 60, value);
        w.near.close(s);
        return result;
      });

  twin('routes that refuse go with the loopback, and the loopback’s own address comes back with it', (w) => {
    const s = w.near.socket(10, 2, 0);
    const log: unknown[] = [];
    for (const value of [0x49, 0, 1]) {
      log.push(ask(w, s, 'lo', SIOCSIFFLAGS, flags(value)));
      for (const to of ['2001:db8:66::1', '2001:db8:67::1', '2001:db8:68::1', '::1', NEAR6, FAR6])
        log.push(send(w.near, s, 'x', 0, sin6(to, 9)));
    }
    w.near.close(s);
    w.settle(3);
    w.frames();
    return log;
  });

  for (const room of [32, 31, 0, -1])
    for (const connects of [true, false])
      twin(`IPV6_PATHMTU into ${room} bytes, ${connects ? '' : 'not '}connected`, (w) => {
        const s = w.near.socket(10, 2, 0);
        if (connects) w.near.connect(s, sin6(FAR6, 9));
        const length = Int32Array.of(room);
        const value = new Uint8Array(32);
        const log = [w.near.getsockopt(s, 41, 61, value, length), length[0], hex(value)];
        w.near.close(s);
        return log;
      });

  for (const request of [0x8916, 0x8936])
    for (const [text, plen, index] of [
      ['2001:db8:5::5', 64, 0],
      ['2001:db8:5::5', 129, 0],
      ['2001:db8:5::5', 64, 99],
      ['2001:db8:5::6', 64, 0],
      ['ff02::1', 64, 0],
      ['::1', 128, 0],
    ] as const)
      twin(`ioctl 0x${request.toString(16)} of ${text}/${plen} on device ${index || 'eth0'}`, (w) => {
        const s = w.near.socket(10, 2, 0);
        const argument = new Uint8Array(24);
        argument.set(ip6(text));
        putHostU32(argument, 16, plen);
        putHostU32(argument, 20, index || w.ifindex);
        const log: unknown[] = [w.near.ioctl(s, request, argument)];
        w.settle(30);
        log.push(w.near.bind(s, sin6('2001:db8:5::5', 9001)));
        w.near.close(s);
        return log;
      });

  twin('recvmmsg with MSG_ERRQUEUE leaves the pending error alone', (w) => {
    const s = w.near.socket(10, 2, 0);
    const log: unknown[] = [w.near.connect(s, sin6(FAR6, 9)), send(w.near, s, 'x')];
    w.settle(3);
    for (const how of [0x2000, 0x2020, 0, 0]) {
      const vector = messageVector(new Uint8Array(64), 1, { nameStride: 128, controlStride: 128 });
      vector.length[0] = 64;
      log.push(w.near.recvmmsg(s, vector, 0, 1, how));
    }
    w.near.close(s);
    w.frames();
    return log;
  });

  for (const to of [NEAR6, FAR6, '::1'])
    twin(`IP_MTU of a socket of IPv6 connected to ${to}`, (w) => {
      const s = w.near.socket(10, 2, 0);
      const log = [
        get(w.near, s, 0, 14),
        w.near.connect(s, sin6(to, 9)),
        get(w.near, s, 0, 14),
        get(w.near, s, 41, 24),
      ];
      w.near.close(s);
      return log;
    });

  for (const first of [0, 8, 13])
    for (const second of [0, 8, 13])
      twin(`a raw ICMP message in two parts, beginning ${first} and ${second}: what is counted`, (w) => {
        const s = w.near.socket(2, 3, 1);
        const before = counters(w.near);
        const log = [first, second].map((type, i) =>
          send(w.near, s, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0, 1), i === 0 ? 0x8000 : 0, sin(FAR, 0)),
        );
        w.settle(3);
        w.near.close(s);
        w.frames();
        return [log, moved(before, counters(w.near))];
      });

  twin('poll without room to send does not count as a lack of it', (w) => {
    const s = udp(w.near);
    const before = counters(w.near);
    const log: unknown[] = [
      set(w.near, s, 1, 25, bytes('eth0')),
      send(w.near, s, new Uint8Array(2000), 0, sin('10.0.0.99', 9)),
    ];
    log.push(set(w.near, s, 1, 32, 0), revents(w.near, s), send(w.near, s, 'x', 0, sin('239.1.1.1', 0)));
    log.push(set(w.near, s, 1, 25, bytes('')), send(w.near, s, 'x', 0, sin('10.68.0.1', 9)));
    log.push(moved(before, counters(w.near)));
    w.near.close(s);
    w.frames();
    return log;
  });
});
