import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { counters, FAR, get, ip, meminfo, moved, NEAR, recv, revents, send, set, sin } from './program.ts';
import { stage } from './stage.ts';

const IPPROTO_UDPLITE = 136;
const SEND_CSCOV = 10;
const RECV_CSCOV = 11;
const decoder = new TextDecoder();

describeNetwork('UDP-Lite on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  /** A socket of UDP-Lite, bound where asked. */
  function lite(calls: SystemCalls, address?: string, port = 0): number {
    const fd = calls.socket(2, 2, IPPROTO_UDPLITE);
    if (fd < 0) throw new Error(`socket: ${fd}`);
    if (address !== undefined) {
      const error = calls.bind(fd, sin(address, port));
      if (error < 0) throw new Error(`bind: ${error}`);
    }
    return fd;
  }
  const onesComplement = (data: Uint8Array, sum = 0): number => {
    for (let i = 0; i < data.length; i += 2) sum += (data[i]! << 8) | (data[i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    return sum;
  };
  /** A datagram whose coverage field and checksum are as given. */
  function datagram(coverage: number, payload: number, covered: number, spoil = -1, zero = false): Uint8Array {
    const b = new Uint8Array(8 + payload);
    b.set([0x1f, 0x41, 0x1f, 0x40, coverage >>> 8, coverage & 255]);
    for (let i = 8; i < b.length; i++) b[i] = i * 3;
    const pseudo = Uint8Array.from([...ip(FAR), ...ip(NEAR), 0, IPPROTO_UDPLITE, b.length >>> 8, b.length & 255]);
    const sum = 0xffff & ~onesComplement(b.subarray(0, covered), onesComplement(pseudo));
    if (!zero) b.set([sum >>> 8, sum & 255], 6);
    if (spoil >= 0) b[spoil]! ^= 0x55;
    return b;
  }

  for (const cover of [undefined, 0, 1, 7, 8, 9, 12, 20, 108, 109, 5000, 65535, 70000, -1])
    for (const length of [0, 1, 100])
      twin(`${length} bytes with a send coverage of ${cover}`, (w) => {
        const r = lite(w.far, FAR, 8001);
        const s = lite(w.near, NEAR, 8000);
        const log: unknown[] = [];
        if (cover !== undefined) log.push(set(w.near, s, IPPROTO_UDPLITE, SEND_CSCOV, cover));
        const before = [counters(w.near), counters(w.far)];
        log.push(send(w.near, s, new Uint8Array(length).fill(0x61), 0, sin(FAR, 8001)));
        w.settle(2);
        log.push(recv(w.far, r), w.frames());
        log.push(moved(before[0]!, counters(w.near)), moved(before[1]!, counters(w.far)));
        w.near.close(s);
        w.far.close(r);
        return log;
      });
  for (const cover of [undefined, 0, 8, 20, 1480, 1500, 2000, 4008])
    twin(`4000 bytes in fragments with a send coverage of ${cover}`, (w) => {
      const r = lite(w.far, FAR, 8001);
      const s = lite(w.near, NEAR, 8000);
      if (cover !== undefined) set(w.near, s, IPPROTO_UDPLITE, SEND_CSCOV, cover);
      const log: unknown[] = [send(w.near, s, new Uint8Array(4000).fill(0x62), 0, sin(FAR, 8001))];
      w.settle(2);
      log.push(recv(w.far, r, { room: 5000 }), w.frames());
      w.near.close(s);
      w.far.close(r);
      return log;
    });
  // What comes in: coverage said, bytes in fact covered, receiver's wish.
  const incoming: [string, number, number, number, number, boolean][] = [
    ['all covered, said by 0', 0, 40, 48, -1, false],
    ['all covered, said by the length', 48, 40, 48, -1, false],
    ['20 covered', 20, 40, 20, -1, false],
    ['the header alone covered', 8, 40, 8, -1, false],
    ['a coverage of 7', 7, 40, 8, -1, false],
    ['a coverage of 1', 1, 40, 8, -1, false],
    ['a coverage beyond the end', 49, 40, 48, -1, false],
    ['no checksum', 20, 40, 20, -1, true],
    ['a changed byte that is covered', 20, 40, 20, 12, false],
    ['a changed byte that is not covered', 20, 40, 20, 30, false],
    ['a long datagram, a changed byte that is covered', 100, 200, 100, 50, false],
    ['a long datagram, a changed byte that is not covered', 100, 200, 100, 150, false],
    ['nothing but the header', 0, 0, 8, -1, false],
  ];
  for (const [what, coverage, payload, covered, spoil, zero] of incoming)
    for (const wish of [undefined, 0, 8, 20, 21, 48])
      twin(`received: ${what}, receive coverage ${wish}`, (w) => {
        const r = lite(w.near, NEAR, 8000);
        if (wish !== undefined) set(w.near, r, IPPROTO_UDPLITE, RECV_CSCOV, wish);
        const before = counters(w.near);
        const s = w.far.socket(2, 3, IPPROTO_UDPLITE);
        const log: unknown[] = [w.far.sendto(s, datagram(coverage, payload, covered, spoil, zero), 0, sin(NEAR, 0))];
        w.settle(2);
        log.push(revents(w.near, r), recv(w.near, r), meminfo(w.near, r), moved(before, counters(w.near)));
        w.near.close(r);
        w.far.close(s);
        w.frames();
        return log;
      });

  // ---- options ----
  for (const protocol of [17, IPPROTO_UDPLITE])
    for (const level of [17, IPPROTO_UDPLITE])
      for (const option of [1, 10, 11, 100, 101, 102, 103, 104, 200])
        twin(`protocol ${protocol}: option ${level}/${option}`, (w) => {
          const s = w.near.socket(2, 2, protocol);
          const log: unknown[] = [get(w.near, s, level, option)];
          for (const value of [0, 1, 3, 7, 8, 70000, -1])
            log.push(set(w.near, s, level, option, value), get(w.near, s, level, option));
          log.push(
            set(w.near, s, level, option, Uint8Array.of(1)),
            get(w.near, s, level, option, 1),
            get(w.near, s, level, option, 0),
            get(w.near, s, level, option, 8),
          );
          w.near.close(s);
          return log;
        });

  // ---- ports ----
  twin('the ports of UDP and UDP-Lite are two tables', (w) => {
    const u = w.near.socket(2, 2, 17);
    const a = lite(w.near);
    const b = lite(w.near);
    const log = [
      w.near.bind(u, sin(NEAR, 8010)),
      w.near.bind(a, sin(NEAR, 8010)),
      w.near.bind(b, sin(NEAR, 8010)),
      w.near.bind(b, sin('127.0.0.1', 8010)),
    ];
    for (const fd of [u, a, b]) w.near.close(fd);
    return log;
  });
  twin('nobody on the port: port unreachable, ECONNREFUSED, counters', (w) => {
    const s = lite(w.near, NEAR, 8000);
    const before = [counters(w.near), counters(w.far)];
    const log: unknown[] = [w.near.connect(s, sin(FAR, 8099)), set(w.near, s, 0, 11, 1), send(w.near, s, 'anyone')];
    w.settle(2);
    log.push(w.frames(), revents(w.near, s), recv(w.near, s, { flags: 0x2000 }), send(w.near, s, 'x'));
    log.push(moved(before[0]!, counters(w.near)), moved(before[1]!, counters(w.far)));
    w.settle(2);
    w.frames();
    w.near.close(s);
    return log;
  });
  twin('/proc/net/udplite and sockstat', (w) => {
    const a = lite(w.near, NEAR, 8011);
    const b = lite(w.near, '0.0.0.0', 8012);
    w.near.connect(b, sin(FAR, 8013));
    send(w.near, a, 'to myself', 0, sin(NEAR, 8011));
    const file = (path: string): string => {
      const content = w.near.readFile(path);
      return typeof content === 'number' ? String(content) : decoder.decode(content);
    };
    const text = file('/proc/net/udplite');
    const log = [
      text.split('\n')[0],
      text
        .split('\n')
        .slice(1)
        .filter((line) => line !== '')
        .map((line) => [line.length, ...line.trim().split(/\s+/).slice(1, 9)].join(' '))
        .sort(),
      file('/proc/net/sockstat')
        .split('\n')
        .filter((line) => line.startsWith('UDPLITE')),
    ];
    w.near.close(a);
    w.near.close(b);
    return log;
  });
  twin('corked: one datagram, partly covered', (w) => {
    const r = lite(w.far, FAR, 8001);
    const s = lite(w.near, NEAR, 8000);
    const log: unknown[] = [
      set(w.near, s, IPPROTO_UDPLITE, SEND_CSCOV, 12),
      set(w.near, s, IPPROTO_UDPLITE, 1, 1),
      send(w.near, s, 'one ', 0, sin(FAR, 8001)),
      send(w.near, s, 'two '),
      set(w.near, s, 17, 1, 0),
    ];
    w.settle(2);
    log.push(recv(w.far, r), w.frames());
    w.near.close(s);
    w.far.close(r);
    return log;
  });
  twin('multicast to a member, and to nobody', (w) => {
    const r = lite(w.near, '0.0.0.0', 8001);
    const log: unknown[] = [set(w.near, r, 0, 35, Uint8Array.from([...ip('239.1.1.9'), ...ip(NEAR)]))];
    const s = lite(w.near, NEAR, 8000);
    w.settle(2);
    w.frames();
    const before = counters(w.near);
    log.push(set(w.near, s, 0, 32, ip(NEAR)), send(w.near, s, 'group', 0, sin('239.1.1.9', 8001)));
    log.push(send(w.near, s, 'other', 0, sin('239.1.1.9', 8002)));
    w.settle(2);
    log.push(
      recv(w.near, r),
      w.frames().filter((f) => f.includes('ef010109')),
    );
    const by = moved(before, counters(w.near));
    log.push(by['UdpLite:InDatagrams'], by['UdpLite:IgnoredMulti'], by['UdpLite:OutDatagrams']);
    w.near.close(s);
    w.near.close(r);
    w.settle(5);
    w.frames();
    return log;
  });
});
