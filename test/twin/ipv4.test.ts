import { afterAll } from 'vitest';
import { messageHeader } from '../../src/syscall/message.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeControl } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';
import {
  bytes,
  counters,
  FAR,
  get,
  hex,
  ip,
  moved,
  NEAR,
  name,
  recv,
  revents,
  send,
  set,
  sin,
  udp,
} from './program.ts';
import { stage } from './stage.ts';
import type { World } from './world.ts';

/** Times are random to a comparison: only their presence counts. */
const timeless = (log: unknown): unknown =>
  Array.isArray(log)
    ? log.map(timeless)
    : typeof log === 'string' && /^1\/(29|35|37|63|64|65):/.test(log)
      ? `${log.slice(0, 5)}${log.length}`
      : log;

describeNetwork('IPv4 on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  // ---- control messages received ----
  const asks: [string, number, number][] = [
    ['IP_PKTINFO', 0, 8],
    ['IP_RECVTTL', 0, 12],
    ['IP_RECVTOS', 0, 13],
    ['IP_RECVOPTS', 0, 6],
    ['IP_RETOPTS', 0, 7],
    ['IP_RECVORIGDSTADDR', 0, 20],
    ['IP_CHECKSUM', 0, 23],
    ['IP_RECVFRAGSIZE', 0, 25],
    ['SO_TIMESTAMP', 1, 29],
    ['SO_TIMESTAMPNS', 1, 35],
    ['SO_TIMESTAMP_NEW', 1, 63],
    ['SO_TIMESTAMPNS_NEW', 1, 64],
    ['SO_RXQ_OVFL', 1, 40],
    ['SO_RCVMARK', 1, 75],
    ['SO_TIMESTAMPING', 1, 37],
  ];
  for (const [what, level, option] of asks)
    for (const control of [512, 20, 16, 8, 0])
      twin(`${what} with ${control} bytes of room`, (w) => {
        const r = udp(w.far, '0.0.0.0', 8001);
        const s = udp(w.near, NEAR, 8002);
        const log: unknown[] = [set(w.far, r, level, option, option === 37 ? 0x18 : 1)];
        set(w.near, s, 0, 1, 0x48);
        set(w.near, s, 0, 2, 77);
        send(w.near, s, 'one', 0, sin(FAR, 8001));
        send(w.near, s, new Uint8Array(3000), 0, sin(FAR, 8001));
        w.settle(2);
        log.push(recv(w.far, r, { control }), recv(w.far, r, { control }));
        log.push(set(w.far, r, level, option, 0));
        send(w.near, s, 'two', 0, sin(FAR, 8001));
        w.settle(1);
        log.push(recv(w.far, r, { control }));
        w.near.close(s);
        w.far.close(r);
        w.frames();
        return timeless(log);
      });
  twin("all control messages at once, in Linux's order", (w) => {
    const r = udp(w.near, '0.0.0.0', 8003);
    const s = udp(w.near, NEAR, 8004);
    for (const [, level, option] of asks) if (option !== 64 && option !== 63) set(w.near, r, level, option, 1);
    set(w.near, s, 0, 4, Uint8Array.of(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    send(w.near, s, 'to ourselves', 0, sin(NEAR, 8003));
    send(w.near, s, 'to loopback', 0, sin('127.0.0.1', 8003));
    w.settle(1);
    const log = [recv(w.near, r), recv(w.near, r)];
    w.near.close(s);
    w.near.close(r);
    return timeless(log);
  });

  // ---- control messages sent ----
  const sends: [string, number, number, Uint8Array][] = [
    ['IP_TTL 5', 0, 2, int(5)],
    ['IP_TTL 0', 0, 2, int(0)],
    ['IP_TTL 256', 0, 2, int(256)],
    ['IP_TTL of a byte', 0, 2, Uint8Array.of(5)],
    ['IP_TOS 0x48', 0, 1, int(0x48)],
    ['IP_TOS of a byte', 0, 1, Uint8Array.of(0x28)],
    ['IP_TOS 300', 0, 1, int(300)],
    ['IP_PKTINFO with a source of ours', 0, 8, Uint8Array.of(0, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0)],
    ['IP_PKTINFO with the address', 0, 8, Uint8Array.of(0, 0, 0, 0, 10, 0, 0, 1, 0, 0, 0, 0)],
    ['IP_PKTINFO with a foreign source', 0, 8, Uint8Array.of(0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0)],
    ['IP_PKTINFO too short', 0, 8, new Uint8Array(8)],
    ['IP_RETOPTS', 0, 7, Uint8Array.of(7, 7, 4, 0, 0, 0, 0, 0)],
    ['IP_RETOPTS broken', 0, 7, Uint8Array.of(7, 2, 4, 0)],
    ['an unknown type', 0, 99, int(1)],
    ['another level', 77, 1, int(1)],
    ['SO_MARK', 1, 36, int(5)],
    ['SCM_RIGHTS', 1, 1, int(0)],
    ['an unknown type of SOL_SOCKET', 1, 99, int(1)],
    ['SO_TIMESTAMPING', 1, 37, int(0)],
    ['UDP_SEGMENT', 17, 103, Uint8Array.of(0, 0)],
    ['UDP_SEGMENT too long', 17, 103, int(0)],
    ['IP_PROTOCOL', 0, 52, int(17)],
    ['SO_PRIORITY', 1, 12, int(3)],
  ];
  for (const [what, level, type, data] of sends)
    for (const kind of ['udp', 'raw'] as const)
      twin(`${kind} sendmsg with ${what}`, (w) => {
        const s = kind === 'udp' ? udp(w.near, NEAR, 8005) : w.near.socket(2, 3, 200);
        const control = encodeControl([{ level, type, data }]);
        const message = messageHeader([bytes('con'), bytes('trol')], sin(FAR, 9), control);
        const log: unknown[] = [w.near.sendmsg(s, message, 0)];
        w.settle(1);
        log.push(w.frames());
        w.near.close(s);
        return log;
      });
  for (const cut of [0, 4, 8, 12, 15, 16, 19])
    twin(`a control message cut to ${cut} bytes`, (w) => {
      const s = udp(w.near, NEAR, 8006);
      const control = encodeControl([{ level: 0, type: 2, data: int(5) }]).slice(0, cut);
      const log = [w.near.sendmsg(s, messageHeader([bytes('x')], sin(FAR, 9), control), 0)];
      w.settle(1);
      log.push(w.frames().length);
      w.near.close(s);
      return log;
    });
  for (const length of [0, 1, 15, 16, 17, 1000])
    twin(`a cmsg_len of ${length}`, (w) => {
      const s = udp(w.near, NEAR, 8007);
      const control = encodeControl([{ level: 0, type: 2, data: int(5) }]);
      control[0] = length & 255;
      control[1] = length >> 8;
      const result = w.near.sendmsg(s, messageHeader([bytes('x')], sin(FAR, 9), control), 0);
      w.settle(1);
      w.frames();
      w.near.close(s);
      return result;
    });

  // ---- errors ----
  const errors: [string, string, number][] = [
    ['nobody on the port', FAR, 9],
    ['our own closed port', NEAR, 9],
    ['a gateway that does not forward', '10.1.0.1', 9],
    ['no neighbour', '10.0.0.77', 9],
  ];
  for (const [what, to, number] of errors)
    for (const how of ['unconnected', 'connected', 'connected with IP_RECVERR', 'unconnected with IP_RECVERR'])
      twin(`${what}, ${how}`, (w) => {
        const before = counters(w.near);
        const s = udp(w.near, NEAR, 8010);
        if (how.includes('RECVERR')) set(w.near, s, 0, 11, 1);
        if (how.startsWith('connected')) w.near.connect(s, sin(to, number));
        const target = how.startsWith('connected') ? null : sin(to, number);
        const log: unknown[] = [send(w.near, s, 'lost and found', 0, target)];
        w.settle(what === 'no neighbour' ? 3300 : 5);
        log.push(revents(w.near, s), send(w.near, s, 'again', 0, target));
        w.settle(5);
        log.push(
          get(w.near, s, 1, 4),
          recv(w.near, s),
          recv(w.near, s, { flags: 0x2000 }),
          recv(w.near, s, { flags: 0x2000, room: 4 }),
        );
        log.push(recv(w.near, s, { flags: 0x2000, name: false }), revents(w.near, s), w.frames());
        w.near.close(s);
        log.push(moved(before, counters(w.near)));
        return log;
      });
  for (const mode of [0, 1, 2, 3, 4, 5])
    twin(`IP_MTU_DISCOVER ${mode}: what is longer than the link`, (w) => {
      const before = counters(w.near);
      const s = udp(w.near, NEAR, 8011);
      const log: unknown[] = [set(w.near, s, 0, 10, mode), set(w.near, s, 0, 11, 1), get(w.near, s, 0, 14)];
      for (const length of [1472, 1473, 4000]) {
        log.push(send(w.near, s, new Uint8Array(length), 0, sin(FAR, 9)));
        log.push(recv(w.near, s, { flags: 0x2000 }));
      }
      w.near.connect(s, sin(FAR, 9));
      log.push(get(w.near, s, 0, 14), get(w.near, s, 1, 4));
      w.settle(5);
      log.push(w.frames().map((f) => `${f.slice(0, 90)} ${f.length}`));
      w.near.close(s);
      const by = moved(before, counters(w.near));
      log.push(by);
      return log;
    });

  // ---- corks ----
  for (const how of ['UDP_CORK', 'MSG_MORE'])
    for (const pieces of [
      [1, 1, 1],
      [700, 700, 72],
      [1000, 1000],
      [1471, 1],
      [1472, 1],
      [5, 1467, 1],
      [1480, 1480, 40],
      [8, 1477, 3],
      [0, 0],
      [40000, 20000],
      [60000, 10000],
    ])
      twin(`${how}: ${pieces.join(' + ')} bytes`, (w) => {
        const r = udp(w.far, FAR, 8012);
        const s = udp(w.near, NEAR, 8013);
        const log: unknown[] = [];
        let at = 0;
        if (how === 'UDP_CORK') log.push(set(w.near, s, 17, 1, 1), get(w.near, s, 17, 1));
        pieces.forEach((length, i) => {
          const data = Uint8Array.from({ length }, () => at++);
          const last = i === pieces.length - 1;
          log.push(send(w.near, s, data, how === 'MSG_MORE' && !last ? 0x8000 : 0, i === 0 ? sin(FAR, 8012) : null));
        });
        const outq = new Uint8Array(4);
        if (how === 'UDP_CORK') log.push(w.near.ioctl(s, 0x5411, outq), set(w.near, s, 17, 1, 0));
        w.settle(3);
        const before = w.frames();
        log.push(
          before.map((f) => `${f.slice(0, 110)} ${f.length} ${f.slice(-40)}`),
          recv(w.far, r, { room: 70000 }),
          recv(w.far, r),
        );
        w.near.close(s);
        w.far.close(r);
        return log;
      });

  // ---- addresses and devices ----
  twin('connect gives a source address, disconnect takes it away', (w) => {
    const s = udp(w.near);
    const log: unknown[] = [name(w.near, s), w.near.connect(s, sin(FAR, 9))];
    const local = String(name(w.near, s));
    log.push(local.slice(0, 4), local.slice(8), name(w.near, s, true));
    const unspecified = sin('0.0.0.0', 0);
    unspecified[0] = 0;
    log.push(w.near.connect(s, unspecified), name(w.near, s), name(w.near, s, true));
    log.push(
      w.near.bind(s, sin(NEAR, 8014)),
      w.near.connect(s, sin(FAR, 9)),
      w.near.connect(s, unspecified),
      name(w.near, s),
    );
    w.near.close(s);
    return log;
  });
  twin('a connect that fails leaves its flow to the datagrams after the next', (w) => {
    const before = counters(w.near);
    const s = udp(w.near);
    const log: unknown[] = [w.near.connect(s, sin('127.0.0.1', 0)), w.near.connect(s, sin(FAR, 9003))];
    for (let i = 0; i < 3; i++) {
      log.push(send(w.near, s, ''));
      w.settle(2);
      log.push(recv(w.near, s)[0]);
    }
    log.push(moved(before, counters(w.near)));
    w.near.close(s);
    w.frames();
    return log;
  });
  twin('a connect under a cork sends what is pending to the new address by the old route', (w) => {
    const s = udp(w.near, NEAR, 8030);
    const log: unknown[] = [send(w.near, s, 'pending ', 0x8000, sin(FAR, 9)), w.near.connect(s, sin('10.0.0.99', 10))];
    log.push(send(w.near, s, 'and done', 0, sin(FAR, 9)));
    w.settle(2);
    log.push(w.frames());
    w.near.close(s);
    return log;
  });
  twin('a connected socket hears its peer alone', (w) => {
    const r = udp(w.far, FAR, 8015);
    const a = udp(w.near, NEAR, 8016);
    const b = udp(w.near, NEAR, 8017);
    w.far.connect(r, sin(NEAR, 8016));
    send(w.near, a, 'from a', 0, sin(FAR, 8015));
    send(w.near, b, 'from b', 0, sin(FAR, 8015));
    w.settle(2);
    const log = [recv(w.far, r), recv(w.far, r), w.frames().length];
    for (const fd of [a, b]) w.near.close(fd);
    w.far.close(r);
    return log;
  });
  for (const to of [NEAR, '127.0.0.1', '127.0.0.2', FAR])
    twin(`bound to lo, sending to ${to}`, (w) => {
      const s = udp(w.near, '0.0.0.0', 8018);
      const log = [set(w.near, s, 1, 25, bytes('lo')), send(w.near, s, 'x', 0, sin(to, 8018))];
      w.settle(1);
      log.push(recv(w.near, s) as never);
      w.frames();
      w.near.close(s);
      return log;
    });

  const mreqn = (group: string, address: string, ifindex: number): Uint8Array => {
    const b = new Uint8Array(12);
    b.set(ip(group));
    b.set(ip(address), 4);
    b[8] = ifindex;
    return b;
  };
  // ---- options of the header ----
  const rr = [7, 39, 4, ...new Array(36).fill(0)];
  const options: [string, number[]][] = [
    ['record route', rr],
    ['NOP and record route', [1, 7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['timestamps', [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['timestamps with addresses', [68, 20, 5, 1, ...new Array(16).fill(0)]],
    ['router alert', [148, 4, 0, 0]],
    ['a loose route', [131, 11, 4, 10, 0, 0, 2, 10, 0, 0, 9, 0]],
    ['a short loose route', [131, 7, 4, 10, 0, 0, 2, 0]],
    ['a strict route', [137, 7, 4, 10, 0, 0, 2, 0]],
    ['END and rubbish', [0, 5, 5, 5]],
    ['a length of 1', [7, 1, 0, 0]],
    ['a length beyond', [7, 12, 4, 0]],
    ['a pointer of 3', [7, 7, 3, 0, 0, 0, 0, 0]],
    ['two record routes', [7, 7, 4, 0, 0, 0, 0, 7, 7, 4, 0, 0, 0, 0]],
    ['security', [130, 4, 0, 0]],
    ['unknown', [99, 4, 0, 0]],
    ['41 bytes', new Array(41).fill(1)],
    ['none', []],
  ];
  const untimed = (frame: string): string =>
    /^(out|in\d) .{28}4[6-f]/.test(frame) && frame.includes('44') ? frame.slice(0, 72) : frame;
  for (const [what, option] of options)
    twin(`IP_OPTIONS: ${what}`, (w) => {
      const r = udp(w.far, FAR, 8024);
      const s = udp(w.near, NEAR, 8025);
      set(w.far, r, 0, 6, 1);
      set(w.far, r, 0, 7, 1);
      const log: unknown[] = [set(w.near, s, 0, 4, Uint8Array.from(option)), get(w.near, s, 0, 4, 64)];
      log.push(send(w.near, s, 'with options', 0, sin(FAR, 8024)));
      w.settle(2);
      const got = recv(w.far, r);
      log.push(what.startsWith('timestamps') ? got[0] : got, w.frames().map(untimed));
      // An answer with the options that came.
      log.push(send(w.near, s, new Uint8Array(3000), 0, sin(FAR, 9)));
      w.settle(2);
      log.push(w.frames().map((f) => untimed(`${f.slice(0, 150)} ${f.length}`)));
      w.near.close(s);
      w.far.close(r);
      return log;
    });

  // ---- ICMP ----
  const icmp = (type: number, code: number, rest: number[], data: number[]): Uint8Array => {
    const b = Uint8Array.from([type, code, 0, 0, ...rest, ...data]);
    let sum = 0;
    for (let i = 0; i < b.length; i += 2) sum += (b[i]! << 8) | (b[i + 1] ?? 0);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    b[2] = ~sum >>> 8;
    b[3] = ~sum;
    return b;
  };
  const masked = (r: unknown[]): unknown[] => {
    // Identification and checksum of the IP header that a raw socket gives.
    const [n, data, ...rest] = r as [number, string, ...unknown[]];
    if (typeof data !== 'string' || data.length < 40) return r;
    return [n, `${data.slice(0, 8)}....${data.slice(12, 20)}....${data.slice(24)}`, ...rest];
  };
  for (const to of [FAR, NEAR, '127.0.0.1', '10.0.0.255', '224.0.0.1'])
    for (const [what, message] of [
      ['echo', icmp(8, 0, [1, 2, 3, 4], [1, 2, 3])],
      ['a long echo', icmp(8, 0, [1, 2, 3, 4], new Array(2000).fill(7))],
      ['echo with a code', icmp(8, 5, [1, 2, 3, 4], [])],
      ['echo with a wrong checksum', Uint8Array.of(8, 0, 1, 1, 0, 1, 0, 1)],
      ['a mask request', icmp(17, 0, [0, 1, 0, 1], [0, 0, 0, 0])],
      ['type 44', icmp(44, 0, [0, 1, 0, 1], [0, 0, 0, 0])],
      ['four bytes', Uint8Array.of(8, 0, 0xf7, 0xff)],
      ['nothing', new Uint8Array(0)],
    ] as [string, Uint8Array][])
      twin(`ICMP: ${what} to ${to}`, (w) => {
        const before = [counters(w.near), counters(w.far)];
        const s = w.near.socket(2, 3, 1);
        set(w.near, s, 1, 6, 1);
        set(w.near, s, 0, 32, mreqn('0.0.0.0', '0.0.0.0', w.ifindex));
        const log: unknown[] = [send(w.near, s, message, 0, sin(to, 0))];
        w.settle(3);
        for (let i = 0; i < 3; i++) log.push(masked(recv(w.near, s, { room: 3000 })));
        log.push(w.frames().map((f) => `${f.slice(0, 160)} ${f.length}`));
        w.near.close(s);
        log.push(moved(before[0]!, counters(w.near)), moved(before[1]!, counters(w.far)));
        return log;
      });
  twin('ICMP_FILTER', (w) => {
    const s = w.near.socket(2, 3, 1);
    const log: unknown[] = [get(w.near, s, 255, 1), set(w.near, s, 255, 1, 1), get(w.near, s, 255, 1)];
    send(w.near, s, icmp(8, 0, [1, 2, 3, 4], []), 0, sin(FAR, 0));
    w.settle(2);
    log.push(recv(w.near, s), set(w.near, s, 255, 1, 0));
    send(w.near, s, icmp(8, 0, [1, 2, 3, 4], []), 0, sin(FAR, 0));
    w.settle(2);
    log.push(masked(recv(w.near, s)));
    w.near.close(s);
    w.frames();
    return log;
  });

  // ---- raw sockets ----
  const header = (
    fields: Partial<Record<'ihl' | 'len' | 'id' | 'off' | 'ttl' | 'proto', number>>,
    from: string,
    to: string,
    data: number[],
  ): Uint8Array => {
    const f = { ihl: 0x45, len: 0, id: 0, off: 0, ttl: 64, proto: 200, ...fields };
    return Uint8Array.from([
      f.ihl,
      0,
      f.len >> 8,
      f.len & 255,
      f.id >> 8,
      f.id & 255,
      f.off >> 8,
      f.off & 255,
      f.ttl,
      f.proto,
      0xde,
      0xad,
      ...ip(from),
      ...ip(to),
      ...data,
    ]);
  };
  const packets: [string, Uint8Array][] = [
    ['a source of 0', header({}, '0.0.0.0', FAR, [1, 2, 3])],
    ['a foreign source', header({}, '9.9.9.9', FAR, [1, 2, 3])],
    ['its own id', header({ id: 0x1234 }, NEAR, FAR, [1, 2, 3])],
    ['a wrong length', header({ len: 5, id: 1 }, NEAR, FAR, [1, 2, 3])],
    ['an IHL beyond the end', header({ ihl: 0x4f, id: 1 }, NEAR, FAR, [])],
    ['an IHL of 0', header({ ihl: 0x40, id: 1 }, NEAR, FAR, [])],
    ['version 5', header({ ihl: 0x55, id: 1 }, NEAR, FAR, [])],
    ['a TTL of 0', header({ ttl: 0, id: 1 }, NEAR, FAR, [])],
    ['a fragment', header({ off: 0x2000, id: 1 }, NEAR, FAR, [1, 2, 3, 4, 5, 6, 7, 8])],
    ['another destination than the address', header({ id: 1 }, NEAR, '10.0.0.200', [1])],
    ['19 bytes', header({}, NEAR, FAR, []).subarray(0, 19)],
    ['1500 bytes', header({ id: 1 }, NEAR, FAR, new Array(1480).fill(1))],
    ['1501 bytes', header({ id: 1 }, NEAR, FAR, new Array(1481).fill(1))],
    ['a UDP datagram to a closed port', header({ id: 1, proto: 17 }, NEAR, FAR, [0, 9, 0, 9, 0, 8, 0, 0])],
  ];
  for (const [what, packet] of packets)
    for (const protocol of [255, 200])
      twin(`IP_HDRINCL on protocol ${protocol}: ${what}`, (w) => {
        const before = [counters(w.near), counters(w.far)];
        const s = w.near.socket(2, 3, protocol);
        if (protocol !== 255) set(w.near, s, 0, 3, 1);
        const log: unknown[] = [get(w.near, s, 0, 3), send(w.near, s, packet, 0, sin(FAR, 0))];
        w.settle(3);
        log.push(
          w.frames().map((f) => `${f.slice(0, 150)} ${f.length}`),
          recv(w.near, s),
        );
        w.near.close(s);
        log.push(moved(before[0]!, counters(w.near)), moved(before[1]!, counters(w.far)));
        return log;
      });
  twin('raw sockets of a protocol all hear, with the header', (w) => {
    const a = w.far.socket(2, 3, 200);
    const b = w.far.socket(2, 3, 200);
    const c = w.far.socket(2, 3, 201);
    const s = w.near.socket(2, 3, 200);
    set(w.near, s, 0, 2, 9);
    const log: unknown[] = [
      send(w.near, s, 'raw', 0, sin(FAR, 0)),
      send(w.near, s, 'raw', 0, null),
      w.near.connect(s, sin(FAR, 5)),
      send(w.near, s, 'connected'),
    ];
    w.settle(2);
    for (const fd of [a, b, c]) log.push(masked(recv(w.far, fd)), masked(recv(w.far, fd)), recv(w.far, fd)[0]);
    log.push(name(w.near, s), name(w.near, s, true), w.frames());
    w.near.close(s);
    for (const fd of [a, b, c]) w.far.close(fd);
    return log;
  });
  for (const address of ['127.0.0.1', NEAR, '8.8.8.8', '0.0.0.0', '224.0.0.9'])
    twin(`raw bind to ${address}`, (w) => {
      const s = w.near.socket(2, 3, 200);
      const log = [w.near.bind(s, sin(address, 0)), name(w.near, s), w.near.bind(s, sin(NEAR, 5)), name(w.near, s)];
      w.near.close(s);
      return log;
    });

  // ---- frames that no program would send ----
  const frame = (packet: number[]): Uint8Array =>
    Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, ...packet]);
  const withChecksum = (packet: Uint8Array): number[] => {
    const p = packet.slice();
    p[10] = p[11] = 0;
    p[2] = p.length >> 8;
    p[3] = p.length;
    let sum = 0;
    for (let i = 0; i < Math.min(p.length, (p[0]! & 15) * 4); i += 2) sum += (p[i]! << 8) | p[i + 1]!;
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    p[10] = ~sum >>> 8;
    p[11] = ~sum;
    return [...p];
  };
  const part = (offset: number, more: boolean, data: number[], id = 77, proto = 17): number[] =>
    withChecksum(header({ off: (more ? 0x2000 : 0) | (offset / 8), id, proto }, NEAR, FAR, data));
  const datagram = (data: number[]): number[] => [
    0x1f,
    0x90,
    0x1f,
    0x99,
    (data.length + 8) >> 8,
    (data.length + 8) & 255,
    0,
    0,
    ...data,
  ];
  const whole = datagram(Array.from({ length: 40 }, (_, i) => i));
  const arrivals: [string, number[][]][] = [
    ['two fragments', [part(0, true, whole.slice(0, 24)), part(24, false, whole.slice(24))]],
    ['two fragments, the last first', [part(24, false, whole.slice(24)), part(0, true, whole.slice(0, 24))]],
    [
      'three, mixed',
      [part(16, true, whole.slice(16, 32)), part(32, false, whole.slice(32)), part(0, true, whole.slice(0, 16))],
    ],
    [
      'a duplicate',
      [part(0, true, whole.slice(0, 24)), part(0, true, whole.slice(0, 24)), part(24, false, whole.slice(24))],
    ],
    [
      'an overlap',
      [part(0, true, whole.slice(0, 24)), part(16, true, whole.slice(16, 32)), part(24, false, whole.slice(24))],
    ],
    [
      'a fragment within another',
      [part(0, true, whole.slice(0, 24)), part(8, true, whole.slice(8, 16)), part(24, false, whole.slice(24))],
    ],
    [
      'two different ends',
      [part(24, false, whole.slice(24)), part(32, false, whole.slice(24)), part(0, true, whole.slice(0, 24))],
    ],
    ['a middle not a multiple of 8', [part(0, true, whole.slice(0, 21)), part(16, false, whole.slice(16))]],
    ['beyond 65535', [part(65528, false, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])]],
    ['an empty fragment', [part(0, true, [])]],
    ['a datagram with padding', [[...part(0, false, whole), 0, 0, 0, 0, 0]]],
    ['a truncated packet', [part(0, false, whole).slice(0, 40)]],
    ['a wrong header checksum', [part(0, false, whole).map((b, i) => (i === 10 ? b ^ 1 : b))]],
    ['version 6', [part(0, false, whole).map((b, i) => (i === 0 ? 0x65 : b))]],
    ['an IHL of 4', [part(0, false, whole).map((b, i) => (i === 0 ? 0x44 : b))]],
    [
      'a wrong UDP checksum, short',
      [
        part(
          0,
          false,
          datagram([1, 2, 3]).map((b, i) => (i === 6 ? 5 : b)),
        ),
      ],
    ],
    [
      'a wrong UDP checksum, long',
      [
        part(
          0,
          false,
          datagram(new Array(200).fill(9)).map((b, i) => (i === 6 ? 5 : b)),
        ),
      ],
    ],
    [
      'a UDP length too long',
      [
        part(
          0,
          false,
          whole.map((b, i) => (i === 5 ? 200 : b)),
        ),
      ],
    ],
    [
      'a UDP length too short',
      [
        part(
          0,
          false,
          whole.map((b, i) => (i === 5 ? 7 : b)),
        ),
      ],
    ],
    [
      'a UDP length shorter than the packet',
      [
        part(
          0,
          false,
          whole.map((b, i) => (i === 5 ? 20 : b)),
        ),
      ],
    ],
    ['a UDP header cut', [part(0, false, whole.slice(0, 5))]],
    ['an unknown protocol', [part(0, false, [1, 2, 3, 4], 78, 222)]],
    ['for another host', [withChecksum(header({ id: 5, proto: 17 }, NEAR, '10.0.0.99', whole))]],
    ['from our own address', [withChecksum(header({ id: 5, proto: 17 }, FAR, FAR, whole))]],
    ['from loopback', [withChecksum(header({ id: 5, proto: 17 }, '127.0.0.1', FAR, whole))]],
    ['to loopback', [withChecksum(header({ id: 5, proto: 17 }, NEAR, '127.0.0.1', whole))]],
    ['from multicast', [withChecksum(header({ id: 5, proto: 17 }, '224.1.1.1', FAR, whole))]],
    ['from broadcast', [withChecksum(header({ id: 5, proto: 17 }, '255.255.255.255', FAR, whole))]],
    ['from 0.0.0.0', [withChecksum(header({ id: 5, proto: 17 }, '0.0.0.0', FAR, whole))]],
    ['to broadcast', [withChecksum(header({ id: 5, proto: 17 }, NEAR, '255.255.255.255', whole))]],
    ['to a group nobody joined', [withChecksum(header({ id: 5, proto: 17 }, NEAR, '239.3.3.3', whole))]],
    ['a frame of another type', []],
  ];
  const injector = (w: World): number => w.near.socket(17, 3, 0);
  for (const [what, list] of arrivals)
    twin(`arriving: ${what}`, (w) => {
      const before = counters(w.far);
      const r = udp(w.far, '0.0.0.0', 0x1f99);
      const fd = injector(w);
      const ll = new Uint8Array(20);
      ll[0] = 17;
      ll[2] = 8;
      ll[4] = w.ifindex;
      const log: unknown[] = [];
      const frames =
        list.length > 0
          ? list.map(frame)
          : [Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 1, 2, 3])];
      for (const f of frames) log.push(w.near.sendto(fd, f, 0, ll));
      w.settle(3);
      log.push(recv(w.far, r), recv(w.far, r), w.frames());
      w.near.close(fd);
      w.far.close(r);
      log.push(moved(before, counters(w.far)));
      return log;
    });
  void hex;
});
