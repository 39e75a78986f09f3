import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { get, ip6, meminfo, name, outgoing, recv, revents, send, set, sin, sin6, udp6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR_LL, FAR6, NEAR_LL, NEAR6, type World } from './world.ts';

const IPV6 = 41;

describeNetwork('raw sockets of IPv6, echo and corks on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);
  const raw = (calls: SystemCalls, protocol: number): number => {
    const fd = calls.socket(10, 3, protocol);
    if (fd < 0) throw new Error(`raw socket: ${fd}`);
    return fd;
  };
  const ping = (calls: SystemCalls): number => {
    calls.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
    const fd = calls.socket(10, 2, 58);
    if (fd < 0) throw new Error(`ping socket: ${fd}`);
    return fd;
  };
  const out = (w: World): string[] => outgoing(w.frames());
  const bytesOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7);

  // ---- IPV6_CHECKSUM ----
  for (const protocol of [17, 58, 135, 200, 255])
    for (const offset of [-1, 0, 2, 4, 6, 3, 18, 100, 1450, 1460, 2000])
      twin(`protocol ${protocol}: checksum at ${offset}`, (w) => {
        const s = raw(w.near, protocol);
        const log: unknown[] = [
          set(w.near, s, 255, 7, offset),
          set(w.near, s, IPV6, 7, offset),
          get(w.near, s, 255, 7),
        ];
        if (protocol !== 255)
          for (const length of [0, 1, 2, 4, 8, 19, 20, 21, 1452, 2001, 3000]) {
            log.push(send(w.near, s, bytesOf(length), 0, sin6(FAR6, 0)));
            w.settle(1);
            log.push(out(w));
          }
        w.near.close(s);
        return log;
      });
  for (const offset of [undefined, 0, 2, 6])
    for (const right of [true, false])
      twin(`a packet whose checksum at 2 is ${right ? 'right' : 'wrong'}, looked at ${offset}`, (w) => {
        const s = raw(w.far, 200);
        if (right) set(w.far, s, 255, 7, 2);
        const r = raw(w.near, 200);
        if (offset !== undefined) set(w.near, r, 255, 7, offset);
        const log: unknown[] = [send(w.far, s, bytesOf(20), 0, sin6(NEAR6, 0))];
        w.settle(2);
        log.push(revents(w.near, r), recv(w.near, r), meminfo(w.near, r)[4], out(w));
        w.near.close(r);
        w.far.close(s);
        return log;
      });

  // ---- IPV6_HDRINCL ----
  const header = (from: string, to: string, length: number, edit: (b: Uint8Array) => void = () => {}): Uint8Array => {
    const b = new Uint8Array(40 + length);
    b[0] = 0x60;
    b[4] = length >>> 8;
    b[5] = length & 255;
    b[6] = 200;
    b[7] = 33;
    b.set(ip6(from), 8);
    b.set(ip6(to), 24);
    edit(b);
    return b;
  };
  for (const [what, data] of [
    ['as it should be', header(NEAR6, FAR6, 8)],
    ['from another', header('2001:db8::77', FAR6, 8)],
    ['from nobody', header('::', FAR6, 8)],
    ['to another', header(NEAR6, NEAR6, 8)],
    ['with a wrong length', header(NEAR6, FAR6, 8, (b) => b.set([9, 9], 4))],
    ['of version 4', header(NEAR6, FAR6, 8, (b) => b.set([0x45], 0))],
    ['with class and label', header(NEAR6, FAR6, 8, (b) => b.set([0x6a, 0xbc, 0xde, 0xf0], 0))],
    ['of 39 bytes', header(NEAR6, FAR6, 0).subarray(0, 39)],
    ['alone', header(NEAR6, FAR6, 0)],
    ['of 1500 bytes', header(NEAR6, FAR6, 1460)],
    ['of 1501 bytes', header(NEAR6, FAR6, 1461)],
    ['of nothing', new Uint8Array(0)],
  ] as [string, Uint8Array][])
    for (const protocol of [255, 200])
      twin(`a header ${what}, protocol ${protocol}`, (w) => {
        const s = raw(w.near, protocol);
        const log: unknown[] = [set(w.near, s, IPV6, 36, 1), get(w.near, s, IPV6, 36)];
        for (const to of [
          sin6(FAR6, 0),
          sin6(FAR6, 200),
          sin6(FAR6, 300),
          sin6(NEAR6, 0),
          sin6(FAR_LL, 0, w.ifindex),
        ]) {
          log.push(w.near.sendto(s, data, 0, to));
          w.settle(1);
          log.push(out(w));
        }
        log.push(w.near.connect(s, sin6(FAR6, 0)), w.near.sendto(s, data, 0, null), out(w));
        w.near.close(s);
        return log;
      });

  // ---- who hears what ----
  const binds: [string, (w: World, fd: number) => number][] = [
    ['not bound', () => 0],
    ['bound to any', (w, fd) => w.near.bind(fd, sin6('::', 0))],
    ['bound to its address', (w, fd) => w.near.bind(fd, sin6(NEAR6, 0))],
    ['bound to its link-local address', (w, fd) => w.near.bind(fd, sin6(NEAR_LL, 0, w.ifindex))],
    ['bound to loopback', (w, fd) => w.near.bind(fd, sin6('::1', 0))],
    ['connected', (w, fd) => w.near.connect(fd, sin6(FAR6, 0))],
    ['connected to another', (w, fd) => w.near.connect(fd, sin6('2001:db8::5', 0))],
    ['bound to the device', (w, fd) => w.near.setsockopt(fd, 1, 25, new TextEncoder().encode(w.dev))],
    ['bound to lo', (w, fd) => w.near.setsockopt(fd, 1, 25, new TextEncoder().encode('lo'))],
    ['disconnected', (w, fd) => w.near.connect(fd, sin6(FAR6, 0)) || w.near.connect(fd, new Uint8Array(28))],
  ];
  for (const [what, bind] of binds)
    for (const protocol of [200, 58, 17])
      twin(`protocol ${protocol}, ${what}`, (w) => {
        const r = raw(w.near, protocol);
        const log: unknown[] = [bind(w, r)];
        const s = raw(w.far, protocol);
        const here = raw(w.near, protocol);
        const data = Uint8Array.of(129, 0, 0, 0, 0, 0, 0, 9, 1, 2, 3, 4);
        for (const [calls, fd, to] of [
          [w.far, s, sin6(NEAR6, 0)],
          [w.far, s, sin6(NEAR_LL, 0, w.ifindex)],
          [w.far, s, sin6('ff02::1', 0, w.ifindex)],
          [w.near, here, sin6('::1', 0)],
        ] as const) {
          log.push(calls.sendto(fd, data, 0, to));
          w.settle(2);
          log.push(recv(w.near, r), recv(w.near, r));
        }
        w.near.close(r);
        w.near.close(here);
        w.far.close(s);
        w.frames();
        return log;
      });
  for (const types of [[], [128], [129], [1, 128, 129], [255]])
    twin(`ICMP6_FILTER blocks ${types.join(', ') || 'nothing'}`, (w) => {
      const r = raw(w.near, 58);
      const filter = new Uint8Array(32);
      for (const type of types) filter[type >>> 3]! |= 1 << (type & 7);
      const log: unknown[] = [set(w.near, r, 58, 1, filter), get(w.near, r, 58, 1, 32), get(w.near, r, 58, 1, 5)];
      const p = ping(w.near);
      w.near.bind(p, sin6('::', 55));
      log.push(w.near.sendto(p, Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 1), 0, sin6('::1', 0)));
      w.settle(2);
      for (let i = 0; i < 3; i++) log.push(recv(w.near, r));
      log.push(recv(w.near, p));
      const s = raw(w.far, 58);
      for (const type of [1, 128, 129, 200, 255]) {
        w.far.sendto(s, Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1), 0, sin6(NEAR6, 0));
        w.settle(2);
        log.push(recv(w.near, r));
      }
      for (const length of [0, 1, 4, 31, 32, 33, 40]) {
        log.push(set(w.near, r, 58, 1, new Uint8Array(length).fill(0xff)), get(w.near, r, 58, 1, 40));
      }
      w.near.close(r);
      w.near.close(p);
      w.far.close(s);
      w.frames();
      return log;
    });
  for (const [what, to] of [
    ['a port that is the protocol', sin6(FAR6, 200)],
    ['a port that is another protocol', sin6(FAR6, 201)],
    ['a port beyond protocols', sin6(FAR6, 456)],
  ] as [string, Uint8Array][])
    for (const protocol of [200, 255])
      twin(`protocol ${protocol}: ${what}`, (w) => {
        const s = raw(w.near, protocol);
        const log: unknown[] = [set(w.near, s, IPV6, 36, 0), send(w.near, s, 'abc', 0, to), out(w)];
        log.push(w.near.connect(s, to), send(w.near, s, 'abc'), out(w), name(w.near, s), name(w.near, s, true));
        w.near.close(s);
        return log;
      });
  for (const [what, pieces, flags] of [
    ['two pieces', [10, 20], [0x8000, 0]],
    ['three pieces beyond the MTU', [1000, 1000, 1000], [0x8000, 0x8000, 0]],
    ['an empty end', [10, 0], [0x8000, 0]],
  ] as [string, number[], number[]][])
    twin(`MSG_MORE on a raw socket: ${what}`, (w) => {
      const s = raw(w.near, 200);
      set(w.near, s, 255, 7, 4);
      const log: unknown[] = [];
      for (const [i, length] of pieces.entries())
        log.push(send(w.near, s, bytesOf(length), flags[i], sin6(FAR6, 0)), out(w));
      w.near.close(s);
      return log;
    });

  // ---- echo ----
  for (const [what, data] of [
    ['8 bytes', Uint8Array.of(128, 0, 9, 9, 1, 2, 3, 4)],
    ['7 bytes', Uint8Array.of(128, 0, 0, 0, 1, 2, 3)],
    ['nothing', new Uint8Array(0)],
    ['code 1', Uint8Array.of(128, 1, 0, 0, 1, 2, 3, 4)],
    ['a reply', Uint8Array.of(129, 0, 0, 0, 1, 2, 3, 4)],
    ['an echo of IPv4', Uint8Array.of(8, 0, 0, 0, 1, 2, 3, 4)],
    ['2000 bytes', Uint8Array.of(128, ...new Array<number>(1999).fill(0))],
    ['65535 bytes', Uint8Array.of(128, ...new Array<number>(65534).fill(0))],
    ['65536 bytes', Uint8Array.of(128, ...new Array<number>(65535).fill(0))],
  ] as [string, Uint8Array][])
    for (const [where, to] of [
      ['the far host', () => sin6(FAR6, 0)],
      ['the far host, 24 bytes of address', () => sin6(FAR6, 0).subarray(0, 24)],
      ['link-local', (w: World) => sin6(FAR_LL, 0, w.ifindex)],
      ['all nodes', (w: World) => sin6('ff02::1', 0, w.ifindex)],
      ['ourselves', () => sin6('::1', 0)],
      ['an address of IPv4', () => sin('10.0.0.2', 0)],
    ] as [string, (w: World) => Uint8Array][])
      twin(`ping socket: ${what} to ${where}`, (w) => {
        const p = ping(w.near);
        const log: unknown[] = [w.near.bind(p, sin6('::', 1234)), w.near.sendto(p, data, 0, to(w))];
        w.settle(2);
        if (data.length < 3000) log.push(w.frames());
        for (let i = 0; i < 3; i++) log.push(recv(w.near, p));
        log.push(w.near.connect(p, sin6('::1', 0)), w.near.sendto(p, data, 0, null));
        w.settle(2);
        log.push(recv(w.near, p, { room: 5 }), name(w.near, p), name(w.near, p, true));
        w.near.close(p);
        w.frames();
        return log;
      });
  twin('ping sockets of both families share identifiers', (w) => {
    const log: unknown[] = [];
    for (const [a, b] of [
      [10, 10],
      [10, 2],
      [2, 10],
    ] as const) {
      ping(w.near);
      const one = w.near.socket(a, 2, a === 10 ? 58 : 1);
      const two = w.near.socket(b, 2, b === 10 ? 58 : 1);
      const at = (family: number): Uint8Array => (family === 10 ? sin6('::', 321) : sin('0.0.0.0', 321));
      for (const reuse of [1, 0]) {
        set(w.near, one, 1, 2, reuse);
        set(w.near, two, 1, 2, reuse);
      }
      log.push(w.near.bind(one, at(a)), w.near.bind(two, at(b)));
      w.near.close(one);
      w.near.close(two);
    }
    return log;
  });

  // ---- corks, and UDP-Lite ----
  for (const [what, option] of [
    ['UDP_CORK', true],
    ['MSG_MORE', false],
  ] as [string, boolean][])
    for (const [first, second] of [
      [FAR6, null],
      [FAR6, FAR6],
      [FAR6, '::1'],
      ['::ffff:10.0.0.2', null],
      ['::ffff:10.0.0.2', FAR6],
      [FAR6, '::ffff:10.0.0.2'],
    ] as [string, string | null][])
      for (const lengths of [
        [3, 4],
        [0, 0],
        [1000, 1000],
        [60000, 10000],
      ])
        twin(`${what}: ${lengths.join(' and ')} bytes to ${first}, then ${second}`, (w) => {
          const s = udp6(w.near, '::', 8000);
          const more = option ? 0 : 0x8000;
          const log: unknown[] = [];
          if (option) log.push(set(w.near, s, 17, 1, 1), get(w.near, s, 17, 1));
          log.push(send(w.near, s, bytesOf(lengths[0]!), more, sin6(first, 8001)), out(w).length);
          const to = second === null ? null : sin6(second, 8002);
          log.push(send(w.near, s, bytesOf(lengths[1]!), 0, to));
          if (option) log.push(set(w.near, s, 17, 1, 0));
          w.settle(1);
          const frames = out(w);
          log.push(
            frames.map((f) => (f.length > 300 ? f.length : f)),
            send(w.near, s, 'end', 0, sin6(FAR6, 8003)),
            out(w),
          );
          w.near.close(s);
          return log;
        });
  twin('a cork that is closed, or becomes of IPv4', (w) => {
    const s = udp6(w.near, '::', 8000);
    const log: unknown[] = [w.near.connect(s, sin6('::ffff:10.0.0.2', 9))];
    set(w.near, s, 17, 1, 1);
    log.push(send(w.near, s, 'abc'), set(w.near, s, IPV6, 1, 2), name(w.near, s), set(w.near, s, 17, 1, 0), out(w));
    w.near.close(s);
    const t = udp6(w.near, '::', 8000);
    set(w.near, t, 17, 1, 1);
    log.push(send(w.near, t, 'abc', 0, sin6(FAR6, 9)), w.near.close(t), out(w));
    return log;
  });
  for (const [what, peer] of [
    ['mapped', sin6('::ffff:10.0.0.2', 9)],
    ['native', sin6(FAR6, 9)],
    ['of IPv4', sin('10.0.0.2', 9)],
    ['none', null],
  ] as [string, Uint8Array | null][])
    for (const protocol of [17, 136, 58])
      twin(`IPV6_ADDRFORM, protocol ${protocol}, peer ${what}`, (w) => {
        ping(w.near);
        const s = w.near.socket(10, 2, protocol);
        w.near.bind(s, sin6('::', 8000));
        const log: unknown[] = [];
        if (peer !== null) log.push(w.near.connect(s, peer));
        log.push(get(w.near, s, IPV6, 1), set(w.near, s, IPV6, 1, 10), set(w.near, s, IPV6, 1, 2));
        log.push(get(w.near, s, IPV6, 1), get(w.near, s, 1, 39), name(w.near, s), name(w.near, s, true));
        log.push(send(w.near, s, 'abcdefgh'), out(w), set(w.near, s, IPV6, 26, 1), get(w.near, s, 0, 2));
        log.push(recv(w.near, s), w.near.connect(s, sin('10.0.0.2', 10)), name(w.near, s, true));
        w.near.close(s);
        return log;
      });
  for (const cover of [undefined, 0, 8, 20, 100])
    for (const length of [0, 40, 3000])
      twin(`UDP-Lite over IPv6: ${length} bytes with a send coverage of ${cover}`, (w) => {
        const r = udp6(w.far, FAR6, 8001, 0, 136);
        const s = udp6(w.near, NEAR6, 8000, 0, 136);
        const log: unknown[] = [];
        if (cover !== undefined) log.push(set(w.near, s, 136, 10, cover));
        log.push(send(w.near, s, bytesOf(length), 0, sin6(FAR6, 8001)));
        w.settle(2);
        log.push(recv(w.far, r, { room: 5000 }), out(w));
        w.near.close(s);
        w.far.close(r);
        return log;
      });
  for (const [size, segment] of [
    [10, 20],
    [100, 1453],
    [100, 1452],
    [3000, 20],
    [0, 10],
  ] as [number, number][])
    twin(`UDP_SEGMENT of ${segment} refused or not, ${size} bytes`, (w) => {
      const s = udp6(w.near, NEAR6, 8000);
      const log: unknown[] = [set(w.near, s, 17, 103, segment)];
      log.push(send(w.near, s, bytesOf(size), 0, sin6(FAR6, 8001)));
      log.push(set(w.near, s, 17, 101, 1), send(w.near, s, bytesOf(size), 0, sin6(FAR6, 8001)));
      w.near.close(s);
      w.settle(1);
      w.frames();
      return log;
    });
});
