/** IPv4's tables: longest match, kinds of routes, rules, several next hops, source addresses, redirects, path MTU. */
import { afterAll } from 'vitest';
import type { RuleOptions } from '../../src/kernel/kernel.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { bytes, counters, FAR, get, hex, ip, moved, NEAR, recv, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, NEAR_MAC, type World } from './world.ts';

const GATEWAY = (number: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 1, number);

const sysctl = (calls: SystemCalls, name: string, value: number): void => {
  const result = calls.writeFile(`/proc/sys/net/ipv4/${name}`, bytes(`${value}\n`));
  if (result < 0) throw new Error(`${name}: ${result}`);
};

/** SIOCSARP: a neighbour known for good; with no address one that is forgotten (SIOCDARP). */
function neighbour(calls: SystemCalls, address: string, mac: Uint8Array | null): void {
  const arpreq = new Uint8Array(68);
  arpreq[0] = 2;
  arpreq.set(ip(address), 4);
  arpreq[16] = 1;
  arpreq.set(mac ?? new Uint8Array(6), 18);
  arpreq[32] = 4;
  arpreq.set(bytes('eth0'), 52);
  const fd = calls.socket(2, 2, 0);
  const result = calls.ioctl(fd, mac === null ? 0x8953 : 0x8955, arpreq);
  calls.close(fd);
  if (result < 0) throw new Error(`neighbour ${address}: ${result}`);
}

interface Question {
  to: string;
  from?: string;
  mark?: number;
  tos?: number;
  dev?: string;
  port?: number;
}

/** What a datagram socket is told when it connects: result, own address, path MTU; and by whom its datagram goes. */
function ask(w: World, questions: readonly Question[]): unknown[] {
  w.frames();
  const log: unknown[] = [];
  for (const { to, from, mark, tos, dev, port = 9 } of questions) {
    const fd = w.near.socket(2, 2, 0);
    if (mark !== undefined) set(w.near, fd, 1, 36, mark);
    if (tos !== undefined) set(w.near, fd, 0, 1, tos);
    if (dev !== undefined) set(w.near, fd, 1, 25, bytes(dev));
    const bound = from === undefined ? 0 : w.near.bind(fd, sin(from, 0));
    const connected = w.near.connect(fd, sin(to, port));
    const own = new Uint8Array(16);
    w.near.getsockname(fd, own, Int32Array.of(16));
    const sent = send(w.near, fd, 'where to', 0);
    w.settle(1);
    // Destination and source of the link, then those of the network.
    const frames = w.frames().filter((frame) => frame.startsWith('out') && frame.includes(hex(bytes('where to'))));
    const paths = frames.map((frame) => `${frame.slice(4, 16)} ${frame.slice(56, 72)}`);
    log.push([to, bound, connected, own.subarray(4, 8).join('.'), get(w.near, fd, 0, 14), sent, ...paths]);
    w.near.close(fd);
  }
  return log;
}

const everywhere: Question[] = [
  { to: FAR },
  { to: NEAR },
  { to: '127.0.0.1' },
  { to: '10.1.0.1' },
  { to: '10.66.0.1' },
  { to: '10.67.0.1' },
  { to: '10.68.0.1' },
  { to: '10.9.9.9' },
  { to: '10.9.8.9' },
  { to: '10.9.0.9' },
  { to: '11.0.0.1' },
  { to: '172.16.5.9' },
  { to: '10.1.0.1', from: '10.0.0.7' },
  { to: '10.1.0.1', from: '192.0.2.77' },
  { to: '10.9.9.9', from: '10.0.0.7', tos: 0x10 },
  { to: '10.1.0.1', mark: 7 },
  { to: '10.1.0.1', tos: 0x10 },
  { to: '10.1.0.1', tos: 0x08 },
  { to: '10.1.0.1', dev: 'eth0' },
  { to: '10.1.0.1', dev: 'lo' },
  { to: '11.0.0.1', dev: 'eth0' },
  { to: '10.0.0.255' },
];

describeNetwork('routes of IPv4 on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  const known = (w: World): void => {
    for (const number of [3, 4, 5]) neighbour(w.near, `10.0.0.${number}`, GATEWAY(number));
  };
  let prepared = new WeakSet<World>();
  /** More addresses and neighbours of the near host than the stage gives it, for all that follows. */
  const prepare = (w: World): void => {
    if (prepared.has(w)) return;
    prepared = prepared.add(w);
    patient(w);
    w.change(
      `ip -n $near address add 10.0.0.7/24 dev eth0
       ip -n $near address add 172.16.5.1/24 dev eth0
       ip -n $near address add 192.0.2.77/32 dev lo`,
      (near) => near.address('eth0', '10.0.0.7/24').address('eth0', '172.16.5.1/24').address('lo', '192.0.2.77/32'),
    );
    known(w);
    w.settle(5);
  };

  /** A neighbour that is asked for is not asked again, and nobody is told that there is none, while the cases run. */
  const patient = (w: World): void => sysctl(w.near, 'neigh/eth0/retrans_time_ms', 3600000);

  twin('as the stage is', (w) => {
    patient(w);
    return ask(w, everywhere);
  });
  twin('with more addresses', (w) => {
    prepare(w);
    return ask(w, everywhere);
  });
  twin('the longest prefix, the kinds of routes, source addresses', (w) => {
    prepare(w);
    w.change(
      `ip -n $near route add 10.9.0.0/16 via 10.0.0.3 src 10.0.0.7
       ip -n $near route add 10.9.8.0/23 via 10.0.0.4 mtu 1000
       ip -n $near route add 10.9.9.9/32 via 10.0.0.5 src 192.0.2.77
       ip -n $near route add 11.0.0.0/8 dev eth0 scope link
       ip -n $near route add unreachable 11.0.0.0/24
       ip -n $near route add 10.1.0.0/24 via 10.0.0.3 tos 0x10
       ip -n $near route add 12.0.0.0/8 via 172.16.5.254
       ip -n $near route add throw 13.0.0.0/8
       ip -n $near route add 10.1.128.0/17 via 10.0.0.4 metric 5
       ip -n $near route add 10.1.128.0/17 via 10.0.0.5 metric 4`,
      (near) =>
        near
          .route('10.9.0.0/16', { via: '10.0.0.3', src: '10.0.0.7' })
          .route('10.9.8.0/23', { via: '10.0.0.4', mtu: 1000 })
          .route('10.9.9.9/32', { via: '10.0.0.5', src: '192.0.2.77' })
          .route('11.0.0.0/8', { dev: 'eth0', scope: 253 })
          .route('11.0.0.0/24', { type: 7 })
          .route('10.1.0.0/24', { via: '10.0.0.3', tos: 0x10 })
          .route('12.0.0.0/8', { via: '172.16.5.254' })
          .route('13.0.0.0/8', { type: 9 })
          .route('10.1.128.0/17', { via: '10.0.0.4', priority: 5 })
          .route('10.1.128.0/17', { via: '10.0.0.5', priority: 4 }),
    );
    return ask(w, [
      ...everywhere,
      { to: '11.1.0.1' },
      { to: '12.1.0.1' },
      { to: '13.1.0.1' },
      { to: '10.1.129.1' },
      { to: '10.1.127.1' },
    ]);
  });

  // ---- rules ----
  const ruled: [string, string, Partial<RuleOptions>][] = [
    ['from an address', 'from 10.0.0.7 table 100', { from: '10.0.0.7', table: 100 }],
    ['from a prefix', 'from 10.0.0.0/24 table 100', { from: '10.0.0.0/24', table: 100 }],
    ['to a prefix', 'to 10.1.0.0/16 table 100', { to: '10.1.0.0/16', table: 100 }],
    ['by mark', 'fwmark 7 table 100', { fwmark: 7, table: 100 }],
    ['by type of service', 'tos 0x10 table 100', { tos: 0x10, table: 100 }],
    ['of the host itself', 'iif lo table 100', { iif: 'lo', table: 100 }],
    ['of what came in', 'iif eth0 table 100', { iif: 'eth0', table: 100 }],
    ['out of a device', 'oif eth0 table 100', { oif: 'eth0', table: 100 }],
    ['not to a prefix', 'not to 10.1.0.0/16 table 100', { to: '10.1.0.0/16', not: true, table: 100 }],
    ['an empty table', 'table 177', { table: 177 }],
    ['blackhole', 'to 10.1.0.0/16 blackhole', { to: '10.1.0.0/16', action: 'blackhole' }],
    ['prohibit', 'to 10.1.0.0/16 prohibit', { to: '10.1.0.0/16', action: 'prohibit' }],
    ['unreachable', 'to 10.1.0.0/16 unreachable', { to: '10.1.0.0/16', action: 'unreachable' }],
    ['blackhole before the local table', 'to 10.0.0.1 blackhole', { to: '10.0.0.1', action: 'blackhole' }],
  ];
  let filled = new WeakSet<World>();
  for (const [what, words, rule] of ruled)
    twin(`a rule: ${what}`, (w) => {
      prepare(w);
      if (!filled.has(w)) {
        filled = filled.add(w);
        w.change(
          `ip -n $near route add default via 10.0.0.5 table 100
           ip -n $near route add prohibit 10.68.0.0/16 table 100
           ip -n $near route add throw 10.9.9.0/24 table 100`,
          (near) =>
            near
              .route('default', { via: '10.0.0.5', table: 100 })
              .route('10.68.0.0/16', { type: 8, table: 100 })
              .route('10.9.9.0/24', { type: 9, table: 100 }),
        );
      }
      w.change(`ip -n $near rule add ${words} priority 1000`, (near) => near.rule({ ...rule, priority: 1000 }));
      const log = ask(w, everywhere);
      w.change('ip -n $near rule del priority 1000', (near) => near.deleteRule(1000));
      return log;
    });
  twin('of two rules the lower number counts', (w) => {
    prepare(w);
    w.change(
      `ip -n $near rule add to 10.1.0.0/16 prohibit priority 900
       ip -n $near rule add to 10.1.0.0/16 blackhole priority 800`,
      (near) =>
        near
          .rule({ to: '10.1.0.0/16', action: 'prohibit', priority: 900 })
          .rule({ to: '10.1.0.0/16', action: 'blackhole', priority: 800 }),
    );
    const both = ask(w, [{ to: '10.1.0.1' }]);
    w.change('ip -n $near rule del priority 800', (near) => near.deleteRule(800));
    const one = ask(w, [{ to: '10.1.0.1' }]);
    w.change('ip -n $near rule del priority 900', (near) => near.deleteRule(900));
    return [both, one, ask(w, [{ to: '10.1.0.1' }])];
  });

  // ---- several next hops ----
  twin('several next hops: each is used as its weight says, a flow stays with its own', (w) => {
    prepare(w);
    w.change('ip -n $near route add 14.0.0.0/8 nexthop via 10.0.0.3 weight 1 nexthop via 10.0.0.4 weight 3', (near) =>
      near.route('14.0.0.0/8', {
        nexthops: [
          { via: '10.0.0.3', weight: 1 },
          { via: '10.0.0.4', weight: 3 },
        ],
      }),
    );
    const fd = udp(w.near, NEAR, 0);
    const used = new Map<string, string>();
    const count: Record<string, number> = {};
    let constant = true;
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 256; i++) {
        send(w.near, fd, 'flow', 0, sin(`14.0.${i}.${(i * 7) & 255}`, 9));
        if (i % 64 !== 63) continue;
        w.settle(1);
        for (const frame of w.frames()) {
          const [hop, to] = [frame.slice(4, 16), frame.slice(64, 72)];
          if (used.has(to)) constant &&= used.get(to) === hop;
          else count[hop] = (count[hop] ?? 0) + 1;
          used.set(to, hop);
        }
      }
    w.near.close(fd);
    // A quarter of 256, give or take five times what chance does.
    const light = count[hex(GATEWAY(3))] ?? 0;
    return [constant, used.size, Object.keys(count).sort(), light > 29 && light < 99];
  });

  // ---- what routers say ----
  /** ICMP from `from` about a packet that the near host sent: `quoted` is that packet. */
  function tell(w: World, type: number, code: number, rest: number, quoted: Uint8Array, from = FAR): void {
    const icmp = new Uint8Array(8 + quoted.length);
    icmp[0] = type;
    icmp[1] = code;
    new DataView(icmp.buffer).setUint32(4, rest >>> 0);
    icmp.set(quoted, 8);
    let total = 0;
    for (let i = 0; i < icmp.length; i += 2) total += (icmp[i]! << 8) | (icmp[i + 1] ?? 0);
    while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
    icmp[2] = ~total >>> 8;
    icmp[3] = ~total;
    // By hand: a raw socket of the far host would find a route for a source that is not its own.
    const header = Uint8Array.from([0x45, 0, 0, 20 + icmp.length, 0, 0, 0, 0, 64, 1, 0, 0, ...ip(from), ...ip(NEAR)]);
    let head = 0;
    for (let i = 0; i < 20; i += 2) head += (header[i]! << 8) | header[i + 1]!;
    while (head > 0xffff) head = (head & 0xffff) + (head >>> 16);
    header[10] = ~head >>> 8;
    header[11] = ~head;
    const fd = w.far.socket(17, 3, 0);
    const request = new Uint8Array(40);
    request.set(bytes('eth0'));
    w.far.ioctl(fd, 0x8933, request);
    const ll = new Uint8Array(20);
    ll[0] = 17;
    ll[2] = 8;
    ll[4] = request[16]!;
    w.far.sendto(fd, Uint8Array.from([...NEAR_MAC, ...FAR_MAC, 8, 0, ...header, ...icmp]), 0, ll);
    w.far.close(fd);
    w.settle(3);
  }
  /** The header and eight bytes of a packet of the near host's. */
  const sent = (to: string, protocol: number, first8: readonly number[]): Uint8Array =>
    Uint8Array.from([0x45, 0, 0, 36, 0, 1, 0, 0, 64, protocol, 0, 0, ...ip(NEAR), ...ip(to), ...first8]);
  const datagram = (from: number, to: number): number[] => [from >> 8, from & 255, to >> 8, to & 255, 0, 16, 0, 0];
  const word = (address: string): number => new DataView(ip(address).buffer).getUint32(0);
  /** Destination's link address of each datagram of ours; what is asked for by ARP. */
  const hops = (w: World): string[] =>
    w
      .frames()
      .filter((frame) => frame.startsWith('out'))
      .map((frame) => (frame.slice(28, 32) === '0806' ? `arp ${frame.slice(80, 88)}` : frame.slice(4, 16)));
  /** Without questions after neighbours that other cases left open. */
  const told = (frames: string[]): string[] => frames.filter((frame) => !/^(out|in\d) .{24}0806/.test(frame));

  let target = 0;
  const redirects: [
    string,
    { gateway?: string; from?: string; code?: number; quote?: string; conf?: [string, number][] },
  ][] = [
    ['to a known neighbour', {}],
    ['for a network', { code: 0 }],
    ['for a host and a type of service', { code: 3 }],
    ['with code 4', { code: 4 }],
    ['from another host than the gateway', { from: '10.0.0.9' }],
    ['to the gateway itself', { gateway: FAR }],
    ['to another network', { gateway: '10.50.0.1' }],
    ['to a group', { gateway: '224.0.0.5' }],
    ['to nowhere', { gateway: '0.0.0.0' }],
    ['to ourselves', { gateway: NEAR }],
    ['to the broadcast address', { gateway: '10.0.0.255' }],
    ['about a datagram of nobody', { quote: 'nobody' }],
    ['about an unknown protocol', { quote: 'protocol' }],
    ['about an echo request', { quote: 'echo' }],
    ['with accept_redirects 0', { conf: [['accept_redirects', 0]] }],
    ['with shared_media 0', { conf: [['shared_media', 0]] }],
    ['with shared_media 0, to another network', { gateway: '10.50.0.1', conf: [['shared_media', 0]] }],
    [
      'with shared_media 0 and secure_redirects 0',
      {
        conf: [
          ['shared_media', 0],
          ['secure_redirects', 0],
        ],
      },
    ],
  ];
  for (const [what, { gateway = '10.0.0.4', from = FAR, code = 1, quote = 'mine', conf = [] }] of redirects) {
    const to = `10.1.20.${++target}`;
    twin(`a redirect ${what}`, (w) => {
      prepare(w);
      const before = counters(w.near);
      for (const [name, value] of conf) for (const dev of ['all', 'eth0']) sysctl(w.near, `conf/${dev}/${name}`, value);
      const s = udp(w.near, NEAR, 8100);
      set(w.near, s, 0, 11, 1);
      w.near.connect(s, sin(to, 9));
      send(w.near, s, 'first');
      w.settle(1);
      const log: unknown[] = [hops(w).filter((hop) => !hop.startsWith('arp'))];
      tell(
        w,
        5,
        code,
        word(gateway),
        quote === 'protocol'
          ? sent(to, 200, datagram(1, 2))
          : quote === 'echo'
            ? sent(to, 1, [8, 0, 0, 0, 0, 1, 0, 1])
            : sent(to, 17, datagram(quote === 'mine' ? 8100 : 8999, 9)),
        from,
      );
      w.frames();
      send(w.near, s, 'second');
      w.settle(1);
      log.push(
        hops(w).filter((hop) => !hop.startsWith('arp')),
        recv(w.near, s, { flags: 0x2000 }),
        get(w.near, s, 1, 4),
      );
      const other = udp(w.near, NEAR, 8101);
      send(w.near, other, 'third', 0, sin(to, 9));
      w.settle(1);
      log.push(hops(w).filter((hop) => !hop.startsWith('arp')));
      w.near.close(other);
      w.near.close(s);
      for (const [name] of conf) for (const dev of ['all', 'eth0']) sysctl(w.near, `conf/${dev}/${name}`, 1);
      log.push(moved(before, counters(w.near)));
      return log;
    });
  }
  twin('a redirect to an unknown neighbour: it is asked for first', (w) => {
    prepare(w);
    const s = udp(w.near, NEAR, 8102);
    w.near.connect(s, sin('10.1.21.1', 9));
    send(w.near, s, 'first');
    w.settle(1);
    w.frames();
    tell(w, 5, 1, word('10.0.0.90'), sent('10.1.21.1', 17, datagram(8102, 9)));
    const log: unknown[] = [hops(w)];
    send(w.near, s, 'second');
    w.settle(1);
    log.push(hops(w));
    neighbour(w.near, '10.0.0.90', GATEWAY(5));
    send(w.near, s, 'third');
    w.settle(1);
    log.push(hops(w));
    tell(w, 5, 1, word('10.0.0.90'), sent('10.1.21.1', 17, datagram(8102, 9)));
    send(w.near, s, 'fourth');
    w.settle(1);
    log.push(hops(w).slice(-1));
    w.near.close(s);
    return log;
  });

  twin('a router sends redirects: nine, each later than the last', (w) => {
    // The far host forwards, and its own gateway is on the same link.
    neighbour(w.far, '10.0.0.3', GATEWAY(3));
    w.change('ip -n $far route add 10.1.0.0/16 via 10.0.0.3', (_, far) =>
      far.route('10.1.0.0/16', { via: '10.0.0.3' }),
    );
    sysctl(w.far, 'ip_forward', 1);
    for (const dev of ['all', 'eth0']) sysctl(w.near, `conf/${dev}/accept_redirects`, 0);
    const s = udp(w.near, NEAR, 8103);
    const log: unknown[] = [];
    const before = counters(w.far);
    for (const [to, pause] of [
      ['10.1.30.1', 1],
      ['10.1.30.1', 1],
      ['10.1.30.2', 60],
      ['10.1.30.1', 100],
    ] as const) {
      send(w.near, s, 'by whom', 0, sin(to, 9));
      w.settle(2);
      log.push(told(w.frames()));
      w.settle(pause);
    }
    log.push(moved(before, counters(w.far)));
    // Without leave, and out of another device's range.
    for (const dev of ['all', 'eth0']) sysctl(w.far, `conf/${dev}/send_redirects`, 0);
    w.settle(400);
    send(w.near, s, 'by whom', 0, sin('10.1.30.1', 9));
    w.settle(2);
    log.push(told(w.frames()));
    sysctl(w.far, 'ip_forward', 0);
    for (const dev of ['all', 'eth0']) {
      sysctl(w.far, `conf/${dev}/send_redirects`, 1);
      sysctl(w.near, `conf/${dev}/accept_redirects`, 1);
    }
    w.near.close(s);
    return log;
  });
  for (const [what, ttl, options, length] of [
    ['plain', 64, [], 8],
    ['with a TTL of 1', 1, [], 8],
    ['that records its route', 64, [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8],
    ['with a full record', 64, [7, 7, 8, 1, 2, 3, 4, 0], 8],
    ['with a router alert', 64, [148, 4, 0, 0], 8],
    ['with a strict route', 64, [137, 7, 4, 10, 1, 31, 1, 0], 8],
    ['with a loose route', 64, [131, 7, 4, 10, 1, 31, 1, 0], 8],
    ['to where it is prohibited', 64, [], 9],
    ['to where it is unreachable', 64, [], 10],
    ['to nowhere', 64, [], 11],
  ] as const)
    twin(`a packet to be forwarded, ${what}`, (w) => {
      neighbour(w.far, '10.0.0.3', GATEWAY(3));
      if (what === 'plain')
        w.change(
          `ip -n $far route replace 10.1.0.0/16 via 10.0.0.3
           ip -n $far route add prohibit 10.67.0.0/16; ip -n $far route add unreachable 10.68.0.0/16`,
          (_, far) =>
            far
              .route('10.1.0.0/16', { via: '10.0.0.3', nlflags: 0x100 })
              .route('10.67.0.0/16', { type: 8 })
              .route('10.68.0.0/16', { type: 7 }),
        );
      sysctl(w.far, 'ip_forward', 1);
      for (const dev of ['all', 'eth0']) sysctl(w.far, `conf/${dev}/send_redirects`, 0);
      const before = counters(w.far);
      const to = { 8: '10.1.31.1', 9: '10.67.0.1', 10: '10.68.0.1', 11: '99.0.0.1' }[length]!;
      const packet = Uint8Array.from([
        0x45 + options.length / 4,
        0,
        0,
        0,
        0,
        9,
        0,
        0,
        ttl,
        17,
        0,
        0,
        ...ip(NEAR),
        ...ip(to),
        ...options,
        ...datagram(8104, 9),
        ...bytes('forward!'),
      ]);
      packet[3] = packet.length;
      let total = 0;
      for (let i = 0; i < 20 + options.length; i += 2) total += (packet[i]! << 8) | packet[i + 1]!;
      while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
      packet[10] = ~total >>> 8;
      packet[11] = ~total;
      const fd = w.near.socket(17, 3, 0);
      const ll = new Uint8Array(20);
      ll[0] = 17;
      ll[2] = 8;
      ll[4] = w.ifindex;
      w.near.sendto(fd, Uint8Array.from([...FAR_MAC, ...NEAR_MAC, 8, 0, ...packet]), 0, ll);
      w.near.close(fd);
      w.settle(3);
      const log = [told(w.frames()), moved(before, counters(w.far))];
      sysctl(w.far, 'ip_forward', 0);
      for (const dev of ['all', 'eth0']) sysctl(w.far, `conf/${dev}/send_redirects`, 1);
      return log;
    });

  // ---- path MTU ----
  const pathMtus: [string, { mtu?: number; quote?: string; discover?: number; again?: number; min?: number }][] = [
    ['of 1000', {}],
    ['of 1000, then 900', { again: 900 }],
    ['of 1000, then 1200', { again: 1200 }],
    ['of 1500', { mtu: 1500 }],
    ['of 9000', { mtu: 9000 }],
    ['below min_pmtu', { mtu: 300 }],
    ['below min_pmtu, then 1000', { mtu: 300, again: 1000 }],
    ['below min_pmtu, then 400', { mtu: 300, again: 400 }],
    ['of 0', { mtu: 0 }],
    ['of 68', { mtu: 68 }],
    ['of 300, with min_pmtu 200', { mtu: 300, min: 200 }],
    ['about a datagram of nobody', { quote: 'nobody' }],
    ['about an unknown protocol', { quote: 'protocol' }],
    ['about an echo request', { quote: 'echo' }],
    ['with IP_PMTUDISC_DONT', { discover: 0 }],
    ['with IP_PMTUDISC_DO', { discover: 2 }],
    ['with IP_PMTUDISC_PROBE', { discover: 3 }],
    ['with IP_PMTUDISC_INTERFACE', { discover: 4 }],
    ['with IP_PMTUDISC_OMIT', { discover: 5 }],
  ];
  for (const [what, { mtu = 1000, quote = 'mine', discover = 1, again, min = 552 }] of pathMtus) {
    const to = `10.1.40.${++target}`;
    twin(`fragmentation needed, an MTU ${what}`, (w) => {
      prepare(w);
      const before = counters(w.near);
      sysctl(w.near, 'route/min_pmtu', min);
      const s = udp(w.near, NEAR, 8110);
      set(w.near, s, 0, 11, 1);
      set(w.near, s, 0, 10, discover);
      w.near.connect(s, sin(to, 9));
      const log: unknown[] = [get(w.near, s, 0, 14)];
      for (const size of again === undefined ? [mtu] : [mtu, again]) {
        tell(
          w,
          3,
          4,
          size,
          quote === 'protocol'
            ? sent(to, 200, datagram(1, 2))
            : quote === 'echo'
              ? sent(to, 1, [8, 0, 0, 0, 0, 1, 0, 1])
              : sent(to, 17, datagram(quote === 'mine' ? 8110 : 8999, 9)),
        );
        log.push(get(w.near, s, 0, 14), get(w.near, s, 1, 4), recv(w.near, s, { flags: 0x2000 }));
      }
      const other = udp(w.near, NEAR, 8111);
      w.near.connect(other, sin(to, 9));
      log.push(get(w.near, other, 0, 14));
      w.frames();
      log.push(send(w.near, s, new Uint8Array(1200)), send(w.near, other, new Uint8Array(1200)));
      w.settle(2);
      log.push(told(w.frames()).map((frame) => `${frame.slice(0, 72)} ${frame.length}`));
      w.near.close(s);
      w.near.close(other);
      sysctl(w.near, 'route/min_pmtu', 552);
      log.push(moved(before, counters(w.near)));
      return log;
    });
  }
  twin('a path MTU is forgotten after mtu_expires', (w) => {
    prepare(w);
    sysctl(w.near, 'route/mtu_expires', 1);
    const s = udp(w.near, NEAR, 8112);
    w.near.connect(s, sin('10.1.41.1', 9));
    tell(w, 3, 4, 1000, sent('10.1.41.1', 17, datagram(8112, 9)));
    const log: unknown[] = [get(w.near, s, 0, 14), get(w.near, s, 1, 4)];
    w.settle(1300);
    log.push(get(w.near, s, 0, 14), send(w.near, s, new Uint8Array(1400)));
    const other = udp(w.near, NEAR, 8113);
    w.near.connect(other, sin('10.1.41.1', 9));
    log.push(get(w.near, other, 0, 14));
    w.settle(2);
    log.push(
      told(w.frames())
        .filter((frame) => frame.startsWith('out'))
        .map((frame) => frame.length),
    );
    w.near.close(other);
    w.near.close(s);
    sysctl(w.near, 'route/mtu_expires', 600);
    return log;
  });
});
