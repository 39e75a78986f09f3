import { afterAll } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import { bytes, FAR, get, meminfo, NEAR, name, port, recv, revents, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';

const SOL = 1;
describeNetwork('UDP on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);
  let next = 20000;
  const p = (): number => next++;

  twin('a datagram arrives with its sender', (w) => {
    const r = udp(w.far, FAR, 7001);
    const s = udp(w.near, NEAR, 7002);
    const log = [send(w.near, s, 'hello', 0, sin(FAR, 7001))];
    w.settle(2);
    return [log, recv(w.far, r), recv(w.far, r), w.frames(), w.near.close(s), w.far.close(r)];
  });

  // ---- errors of sending ----
  const destinations: [string, string, number][] = [
    ['port 0', FAR, 0],
    ['broadcast without SO_BROADCAST', '255.255.255.255', 9],
    ['broadcast of the network without SO_BROADCAST', '10.0.0.255', 9],
    ['the network address without SO_BROADCAST', '10.0.0.0', 9],
    ['no route', '192.0.2.1', 9],
    ['blackhole', '10.66.0.1', 9],
    ['prohibit', '10.67.0.1', 9],
    ['unreachable', '10.68.0.1', 9],
    ['by a gateway', '10.1.0.1', 9],
    ['0.0.0.0 is ourselves', '0.0.0.0', 9],
    ['127.0.0.1', '127.0.0.1', 9],
    ['our own address', NEAR, 9],
    ['multicast without a route', '239.1.2.3', 9],
    ['class E', '240.0.0.1', 9],
  ];
  for (const [what, to, number] of destinations)
    for (const flags of [0, 4])
      twin(`sendto ${what}${flags ? ' with MSG_DONTROUTE' : ''}`, (w) => {
        const s = udp(w.near, NEAR, 7010);
        const a = send(w.near, s, 'x', flags, sin(to, number));
        w.settle(1);
        const b = send(w.near, s, 'y', flags, sin(to, number));
        w.settle(1);
        const frames = w.frames();
        w.near.close(s);
        return [a, b, frames];
      });
  for (const [what, to, number] of destinations)
    twin(`connect ${what}`, (w) => {
      const s = udp(w.near);
      const result = w.near.connect(s, sin(to, number));
      const peer = name(w.near, s, true);
      const sent = send(w.near, s, 'x');
      w.settle(1);
      const again = send(w.near, s, 'x');
      const log = [result, peer, sent, again, get(w.near, s, SOL, 4)];
      w.near.close(s);
      w.frames();
      return log;
    });
  for (const [what, to, number] of destinations.slice(1, 4))
    twin(`sendto ${what.replace('without', 'with')}`, (w) => {
      const s = udp(w.near, NEAR, 7010);
      const log = [set(w.near, s, SOL, 6, 1), send(w.near, s, 'x', 0, sin(to, number))];
      w.settle(1);
      const frames = w.frames();
      w.near.close(s);
      return [log, frames];
    });

  twin('send without a destination', (w) => {
    const s = udp(w.near);
    return [send(w.near, s, 'x'), w.near.write(s, bytes('x')), w.near.close(s)];
  });
  for (const length of [0, 1, 2, 8, 15, 16, 17, 28, 128])
    twin(`an address of ${length} bytes`, (w) => {
      const s = udp(w.near);
      const address = new Uint8Array(length);
      address.set(sin(FAR, 9).subarray(0, length));
      const log = [send(w.near, s, 'x', 0, address), w.near.bind(s, address), w.near.connect(s, address)];
      w.near.close(s);
      return log;
    });
  for (const family of [0, 1, 2, 3, 10, 17])
    twin(`an address of family ${family}`, (w) => {
      const s = udp(w.near);
      const address = sin(FAR, 9);
      address[0] = family;
      const any = sin('0.0.0.0', 0);
      any[0] = family;
      const log = [
        send(w.near, s, 'x', 0, address),
        w.near.bind(s, address),
        w.near.bind(s, any),
        w.near.connect(s, address),
      ];
      w.near.close(s);
      w.frames();
      return log;
    });
  for (const flags of [
    1, 2, 4, 8, 0x20, 0x40, 0x80, 0x100, 0x200, 0x800, 0x2000, 0x4000, 0x8000, 0x4000000, 0x20000000,
  ])
    twin(`flag 0x${flags.toString(16)} on send and receive`, (w) => {
      const r = udp(w.far, FAR, 7020);
      const s = udp(w.near, NEAR, 7021);
      const log: unknown[] = [send(w.near, s, 'data', flags, sin(FAR, 7020))];
      send(w.near, s, 'more', 0, sin(FAR, 7020));
      w.settle(1);
      log.push(recv(w.far, r, { flags, room: 2 }), recv(w.far, r), recv(w.far, r), w.frames());
      w.near.close(s);
      w.far.close(r);
      return log;
    });
  for (const length of [0, 1, 1471, 1472, 1473, 2952, 8192, 16000, 16100, 40000, 65507, 65508, 65535, 65536, 70000])
    twin(`${length} bytes`, (w) => {
      const r = udp(w.far, FAR, 7022);
      const s = udp(w.near, NEAR, 7023);
      const data = Uint8Array.from({ length }, (_, i) => i * 7);
      const log: unknown[] = [send(w.near, s, data, 0, sin(FAR, 7022))];
      w.settle(2);
      log.push(meminfo(w.far, r), meminfo(w.near, s));
      log.push(
        recv(w.far, r, { room: 66000 }),
        w.frames().map((f) => `${f.slice(0, 100)} ${f.length}`),
      );
      w.near.close(s);
      w.far.close(r);
      return log;
    });

  // ---- bind ----
  twin('a second bind is EINVAL, whatever the port', (w) => {
    const s = udp(w.near);
    const log = [
      w.near.bind(s, sin(NEAR, 7030)),
      w.near.bind(s, sin(NEAR, 7031)),
      w.near.bind(s, sin(NEAR, 0)),
      name(w.near, s),
    ];
    w.near.close(s);
    return log;
  });
  twin('bind after connect is EINVAL', (w) => {
    const s = udp(w.near);
    const log = [w.near.connect(s, sin(FAR, 9)), w.near.bind(s, sin(NEAR, 7032))];
    w.near.close(s);
    return log;
  });
  for (const address of [
    '10.0.0.9',
    '8.8.8.8',
    '127.0.0.2',
    '127.1.2.3',
    '0.0.0.0',
    '10.0.0.255',
    '255.255.255.255',
    '239.1.1.1',
    '10.0.0.0',
    '10.0.0.2',
  ])
    for (const how of ['plainly', 'with IP_FREEBIND', 'with IP_TRANSPARENT'])
      twin(`bind to ${address} ${how}`, (w) => {
        const s = udp(w.near);
        if (how.includes('FREEBIND')) set(w.near, s, 0, 15, 1);
        if (how.includes('TRANSPARENT')) set(w.near, s, 0, 19, 1);
        const log = [w.near.bind(s, sin(address, 7033)), name(w.near, s)];
        w.near.close(s);
        return log;
      });
  const pairs: [string, string][] = [
    ['0.0.0.0', '0.0.0.0'],
    ['0.0.0.0', NEAR],
    [NEAR, '0.0.0.0'],
    [NEAR, NEAR],
    [NEAR, '127.0.0.1'],
    ['127.0.0.1', '127.0.0.2'],
  ];
  for (const [a, b] of pairs)
    for (const [x, y] of [
      [0, 0],
      [2, 0],
      [0, 2],
      [2, 2],
      [15, 15],
      [15, 2],
      [15, 0],
      [0, 15],
    ] as const)
      twin(`two sockets at ${a} and ${b}, options ${x} and ${y}`, (w) => {
        const first = udp(w.near);
        const second = udp(w.near);
        if (x) set(w.near, first, SOL, x, 1);
        if (y) set(w.near, second, SOL, y, 1);
        const log = [w.near.bind(first, sin(a, 7040)), w.near.bind(second, sin(b, 7040))];
        // Who gets a datagram for our own address?
        const s = udp(w.near, NEAR, 7041);
        send(w.near, s, 'who', 0, sin(NEAR, 7040));
        w.settle(1);
        if (x !== 15 || y !== 15) log.push(revents(w.near, first), revents(w.near, second));
        else log.push(Number((revents(w.near, first) & 1) + (revents(w.near, second) & 1)));
        for (const fd of [first, second, s]) w.near.close(fd);
        return log;
      });
  twin('autobind picks from ip_local_port_range', (w) => {
    const s = udp(w.near);
    send(w.near, s, 'x', 0, sin(FAR, 9));
    const n = port(w.near, s);
    w.near.close(s);
    w.settle(1);
    w.frames();
    return n >= 32768 && n <= 60999;
  });
  twin('bind to port 0 picks one', (w) => {
    const s = udp(w.near, '0.0.0.0', 0);
    const n = port(w.near, s);
    w.near.close(s);
    return n >= 32768 && n <= 60999;
  });

  // ---- receive ----
  for (const room of [0, 1, 3, 5, 6])
    for (const flags of [0, 2, 0x20, 0x22])
      twin(`five bytes into ${room} with flags ${flags}`, (w) => {
        const r = udp(w.far, FAR, 7050);
        const s = udp(w.near, NEAR, 7051);
        send(w.near, s, 'abcde', 0, sin(FAR, 7050));
        w.settle(1);
        const log = [recv(w.far, r, { room, flags }), recv(w.far, r, { room, flags }), recv(w.far, r)];
        w.near.close(s);
        w.far.close(r);
        return log;
      });
  twin('SO_PEEK_OFF walks through what is queued', (w) => {
    const r = udp(w.far, FAR, 7052);
    const s = udp(w.near, NEAR, 7053);
    const log: unknown[] = [get(w.far, r, SOL, 42), set(w.far, r, SOL, 42, 0)];
    send(w.near, s, 'abcdef', 0, sin(FAR, 7052));
    send(w.near, s, 'ghi', 0, sin(FAR, 7052));
    w.settle(1);
    for (let i = 0; i < 5; i++) log.push(recv(w.far, r, { room: 2, flags: 2 }), get(w.far, r, SOL, 42));
    log.push(recv(w.far, r), get(w.far, r, SOL, 42), recv(w.far, r), get(w.far, r, SOL, 42));
    w.near.close(s);
    w.far.close(r);
    return log;
  });
  twin('a full receive buffer drops, and SO_RXQ_OVFL tells', (w) => {
    const r = udp(w.far, FAR, 7054);
    const s = udp(w.near, NEAR, 7055);
    set(w.far, r, SOL, 8, 0);
    set(w.far, r, SOL, 40, 1);
    for (let i = 0; i < 12; i++) send(w.near, s, `datagram ${i}`, 0, sin(FAR, 7054));
    w.settle(2);
    const log: unknown[] = [meminfo(w.far, r)];
    for (let i = 0; i < 4; i++) log.push(recv(w.far, r), meminfo(w.far, r));
    send(w.near, s, 'after', 0, sin(FAR, 7054));
    w.settle(1);
    log.push(recv(w.far, r), recv(w.far, r));
    w.near.close(s);
    w.far.close(r);
    w.frames();
    return log;
  });
  for (const size of [100, 300, 1000, 1472])
    twin(`receive memory with datagrams of ${size} bytes`, (w) => {
      const r = udp(w.far, FAR, 7056);
      const s = udp(w.near, NEAR, 7057);
      set(w.far, r, SOL, 8, 8000);
      const log: unknown[] = [];
      for (let i = 0; i < 30; i++) send(w.near, s, new Uint8Array(size), 0, sin(FAR, 7056));
      w.settle(2);
      for (let i = 0; i < 20; i++) {
        log.push(meminfo(w.far, r), recv(w.far, r, { room: 4 })[0]);
      }
      w.near.close(s);
      w.far.close(r);
      w.frames();
      return log;
    });
  twin('shutdown', (w) => {
    const log: unknown[] = [];
    for (const how of [-1, 0, 1, 2, 3]) {
      const s = udp(w.near, NEAR, 7058);
      log.push(w.near.shutdown(s, how), revents(w.near, s), send(w.near, s, 'x', 0, sin(FAR, 9)), recv(w.near, s));
      log.push(
        w.near.connect(s, sin(FAR, 9)),
        w.near.shutdown(s, how),
        revents(w.near, s),
        send(w.near, s, 'x'),
        recv(w.near, s),
      );
      w.settle(1);
      w.near.close(s);
    }
    w.frames();
    return log;
  });
  twin('calls that a datagram socket has not', (w) => {
    const s = udp(w.near, NEAR, 7059);
    const log = [
      w.near.listen(s, 5),
      w.near.accept4(s, null, null, 0),
      w.near.socketpair(2, 2, 0, new Int32Array(2)),
      w.near.mmap(4096, 3, 1, s, 0) as number,
      w.near.bind(999, sin(NEAR, 1)),
      w.near.close(999),
    ];
    w.near.close(s);
    return log;
  });
  for (const [d, t, pr] of [
    [2, 2, 17],
    [2, 2, 1],
    [2, 2, 6],
    [2, 2, 255],
    [2, 3, 0],
    [2, 3, 1],
    [2, 3, 255],
    [2, 3, 256],
    [2, 3, 300],
    [2, 4, 0],
    [2, 5, 0],
    [2, 6, 0],
    [2, 7, 0],
    [2, 11, 0],
    [2, 2, -1],
    [2, 2, 263],
    [2, 2, 262],
    [99, 2, 0],
    [46, 1, 0],
    [-1, 2, 0],
    [0, 2, 0],
    [3, 2, 0],
    [17, 1, 0],
    [17, 2, 0],
    [17, 3, 3],
    [17, 5, 0],
    [2, 0x802, 0],
    [2, 0x80802, 0],
    [2, 0x1002, 0],
    [2, 0x10, 0],
    [2, 0, 0],
    [2, 10, 768],
    [30000, 1, 0],
  ] as const)
    twin(`socket(${d}, ${t}, ${pr})`, (w) => {
      const s = w.near.socket(d, t, pr);
      if (s >= 0) w.near.close(s);
      return s >= 0 ? 'a descriptor' : s;
    });
  void p;
});
