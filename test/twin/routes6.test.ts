/** IPv6: rules and several next hops, redirects and path MTU that routers tell, limits of ICMPv6, lifetimes. */
import { afterAll, expect, it } from 'vitest';
import type { RuleOptions } from '../../src/kernel/kernel.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { describeNetwork } from '../support/network.ts';
import {
  addr,
  cat,
  counters6,
  udp6 as datagram6,
  ether,
  FAR6,
  icmp6,
  inject,
  ip6,
  NEAR6,
  RIM6,
  read,
  sysctl,
} from './packets6.ts';
import { bytes, get, hex, moved, recv, send, set, sin6, udp6 } from './program.ts';
import { difference, IN_TIME } from './stage.ts';
import { FAR_MAC, mac, NEAR_MAC } from './world.ts';
import { emulatedWorld6, linuxWorld6, type World6 } from './world6.ts';

const FAR_LL = 'fe80::ff:fe00:2';
const GATEWAY = (number: number): Uint8Array => Uint8Array.of(2, 0, 0, 0, 1, number);

describeNetwork('routes of IPv6 on both kernels', () => {
  let host: World6 | undefined;
  let ours: World6 | undefined;
  const twin = (name: string, program: (w: World6) => unknown): void => {
    it(name, IN_TIME, () => {
      host ??= prepared(linuxWorld6());
      ours ??= prepared(emulatedWorld6());
      const theirs = program(host);
      const mine = program(ours);
      expect(mine, difference(mine, theirs)).toEqual(theirs);
    });
  };
  afterAll(() => {
    host?.dispose();
    ours?.dispose();
  });

  /** More neighbours, addresses and routes of the near host than the stage gives it. */
  function prepared(w: World6): World6 {
    const script = [3, 4, 5].map(
      (n) => `
        ip -n $near neighbour replace fe80::${n} lladdr ${mac(GATEWAY(n))} dev eth0 nud permanent
        ip -n $near neighbour replace 2001:db8::${n} lladdr ${mac(GATEWAY(n))} dev eth0 nud permanent`,
    );
    w.change(
      `${script.join('')}
       ip -n $near address add 2001:db8::7/64 dev eth0 nodad
       ip -n $near route add 2001:db8:2::/48 via ${FAR_LL} dev eth0
       ip -n $near route add default via 2001:db8::5 table 100
       ip -n $near route add prohibit 2001:db8:2:68::/64 table 100
       ip -n $near route add throw 2001:db8:2:69::/64 table 100
       ip -n $near route add 2001:db8:3::/48 nexthop via fe80::3 dev eth0 weight 1 nexthop via fe80::4 dev eth0 weight 3
       ip -n $near route add 2001:db8:4::/48 via 2001:db8::3 src 2001:db8::7
       ip -n $near route add 2001:db8:4:8::/64 via 2001:db8::4 mtu 1300`,
      (near) => {
        for (const n of [3, 4, 5])
          near.neighbour('eth0', `fe80::${n}`, GATEWAY(n)).neighbour('eth0', `2001:db8::${n}`, GATEWAY(n));
        near
          .address('eth0', '2001:db8::7/64', { nodad: true })
          .route('2001:db8:2::/48', { via: FAR_LL, dev: 'eth0' })
          .route('::/0', { via: '2001:db8::5', table: 100 })
          .route('2001:db8:2:68::/64', { type: 8, table: 100 })
          .route('2001:db8:2:69::/64', { type: 9, table: 100 })
          .route('2001:db8:3::/48', {
            nexthops: [
              { via: 'fe80::3', dev: 'eth0', weight: 1 },
              { via: 'fe80::4', dev: 'eth0', weight: 3 },
            ],
          })
          .route('2001:db8:4::/48', { via: '2001:db8::3', src: '2001:db8::7' })
          .route('2001:db8:4:8::/64', { via: '2001:db8::4', mtu: 1300 });
      },
    );
    sysctl(w.near, 'neigh/eth0/retrans_time_ms', 3600000);
    w.settle(50);
    w.frames();
    return w;
  }

  /** Destination's link address, sender and receiver of what a socket sent with these words. */
  const gone = (w: World6, words: string): string[] =>
    w
      .frames()
      .filter((frame) => frame.startsWith('out') && frame.includes(hex(bytes(words))))
      .map((frame) => `${frame.slice(4, 16)} ${frame.slice(48, 80)} ${frame.slice(80, 112)}`);

  interface Question {
    to: string;
    from?: string;
    mark?: number;
    dev?: string;
  }
  const ask = (w: World6, questions: readonly Question[]): unknown[] =>
    questions.map(({ to, from, mark, dev }) => {
      w.frames();
      const fd = w.near.socket(10, 2, 0);
      if (mark !== undefined) set(w.near, fd, 1, 36, mark);
      if (dev !== undefined) set(w.near, fd, 1, 25, bytes(dev));
      const bound = from === undefined ? 0 : w.near.bind(fd, sin6(from, 0));
      const connected = w.near.connect(fd, sin6(to, 9));
      const own = new Uint8Array(28);
      w.near.getsockname(fd, own, Int32Array.of(28));
      const sent = send(w.near, fd, 'where to', 0);
      w.settle(1);
      const log = [
        to,
        bound,
        connected,
        hex(own.subarray(8, 24)),
        get(w.near, fd, 41, 24),
        sent,
        ...gone(w, 'where to'),
      ];
      w.near.close(fd);
      return log;
    });
  const everywhere: Question[] = [
    { to: FAR6 },
    { to: NEAR6 },
    { to: '::1' },
    { to: RIM6 },
    { to: '2001:db8:2::9' },
    { to: '2001:db8:2:68::9' },
    { to: '2001:db8:2:69::9' },
    { to: '2001:db8:4::9' },
    { to: '2001:db8:4:8::9' },
    { to: '2001:db8:66::9' },
    { to: '2001:db8:67::9' },
    { to: '2001:db8:68::9' },
    { to: '2001:db8:99::9' },
    { to: '2001:db8:2::9', from: '2001:db8::7' },
    { to: '2001:db8:2::9', mark: 7 },
    { to: '2001:db8:2::9', dev: 'eth0' },
    { to: '2001:db8:2::9', dev: 'lo' },
    { to: '2001:db8:99::9', dev: 'eth0' },
  ];
  twin('the longest prefix, the kinds of routes, source addresses', (w) => ask(w, everywhere));
  for (const [what, words, rule] of [
    ['from an address', 'from 2001:db8::7 table 100', { from: '2001:db8::7', table: 100 }],
    ['from a prefix', 'from 2001:db8::/64 table 100', { from: '2001:db8::/64', table: 100 }],
    ['to a prefix', 'to 2001:db8:2::/48 table 100', { to: '2001:db8:2::/48', table: 100 }],
    ['by mark', 'fwmark 7 table 100', { fwmark: 7, table: 100, family: 6 }],
    ['of the host itself', 'iif lo table 100', { iif: 'lo', table: 100, family: 6 }],
    ['of what came in', 'iif eth0 table 100', { iif: 'eth0', table: 100, family: 6 }],
    ['out of a device', 'oif eth0 table 100', { oif: 'eth0', table: 100, family: 6 }],
    ['an empty table', 'table 177', { table: 177, family: 6 }],
    ['blackhole', 'to 2001:db8:2::/48 blackhole', { to: '2001:db8:2::/48', action: 'blackhole' }],
    ['prohibit', 'to 2001:db8:2::/48 prohibit', { to: '2001:db8:2::/48', action: 'prohibit' }],
    ['unreachable', 'to 2001:db8:2::/48 unreachable', { to: '2001:db8:2::/48', action: 'unreachable' }],
  ] as [string, string, Omit<RuleOptions, 'priority'>][])
    twin(`a rule: ${what}`, (w) => {
      w.change(`ip -6 -n $near rule add ${words} priority 1000`, (near) => near.rule({ ...rule, priority: 1000 }));
      const log = ask(w, everywhere);
      w.change('ip -6 -n $near rule del priority 1000', (near) => near.deleteRule(1000, { family: 6 }));
      return log;
    });
  twin('several next hops: each is used as its weight says, a flow stays with its own', (w) => {
    const fd = udp6(w.near, NEAR6, 0);
    const used = new Map<string, string>();
    const count: Record<string, number> = {};
    let constant = true;
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 256; i++) {
        send(w.near, fd, 'flow', 0, sin6(`2001:db8:3:${i.toString(16)}::${((i * 7) & 255).toString(16)}`, 9));
        if (i % 64 !== 63) continue;
        w.settle(1);
        for (const path of gone(w, 'flow')) {
          const [hop, , to] = path.split(' ') as [string, string, string];
          if (used.has(to)) constant &&= used.get(to) === hop;
          else count[hop] = (count[hop] ?? 0) + 1;
          used.set(to, hop);
        }
      }
    w.near.close(fd);
    const light = count[hex(GATEWAY(3))] ?? 0;
    return [constant, used.size, Object.keys(count).sort(), light > 29 && light < 99];
  });

  // ---- what routers say ----
  /** A message of ICMPv6 that the far host's device sends to the near one. */
  function tell(w: World6, payload: Uint8Array, { src = FAR_LL, dst = NEAR6, hops = 255 } = {}): void {
    const fd = w.far.socket(17, 3, 0);
    const frame = cat(NEAR_MAC, FAR_MAC, [0x86, 0xdd], ip6({ src, dst, next: 58, payload, hops }));
    w.far.sendto(fd, frame, 0, encodeSockaddrLl({ protocol: 0x86dd, ifindex: 2 }));
    w.far.close(fd);
    w.settle(3);
  }
  const quoted = (to: string, port: number, next = 17): Uint8Array =>
    ip6({ dst: to, next, payload: datagram6(port, 9, bytes('first'), { dst: to }) });

  let target = 0;
  const redirects: [
    string,
    {
      gateway?: string;
      for_?: string;
      src?: string;
      hops?: number;
      code?: number;
      option?: Uint8Array;
      accept?: number;
      port?: number;
      dev?: string;
    },
  ][] = [
    ['to another router', {}],
    ['to a router nobody knows yet', { gateway: 'fe80::77', option: Uint8Array.of(2, 1, 2, 0, 0, 0, 0, 0x77) }],
    ['to a router nobody knows yet, without its link address', { gateway: 'fe80::78' }],
    ['that says: it is on the link', { gateway: 'destination', option: Uint8Array.of(2, 1, 2, 0, 0, 0, 0, 0x79) }],
    ['to a global address', { gateway: '2001:db8::4' }],
    ['from another than the router', { src: 'fe80::9' }],
    ["from the router's global address", { src: FAR6 }],
    ['with a hop limit of 254', { hops: 254 }],
    ['with code 1', { code: 1 }],
    ['for a group', { for_: 'ff0e::1' }],
    ['with a wrong option', { option: Uint8Array.of(2, 0, 2, 0, 0, 0, 0, 4) }],
    ['with accept_redirects 0', { accept: 0 }],
    ['about a datagram of nobody', { port: 8999 }],
    ['to another router, for a socket bound to its device', { dev: 'eth0' }],
    ['that says: it is on the link, for a socket bound to its device', { dev: 'eth0', gateway: 'destination' }],
    ['from another than the router, for a socket bound to its device', { dev: 'eth0', src: 'fe80::9' }],
    ['with accept_redirects 0, for a socket bound to its device', { dev: 'eth0', accept: 0 }],
    ['about an echo request', { port: 0 }],
    ['about an echo request, that says: it is on the link', { port: 0, gateway: 'destination' }],
  ];
  for (const [what, options] of redirects) {
    const to = `2001:db8:2:20::${++target}`;
    twin(`a redirect ${what}`, (w) => {
      const { gateway = 'fe80::4', for_ = to, src = FAR_LL, hops = 255, code = 0, accept = 1, port = 8100 } = options;
      sysctl(w.near, 'conf/eth0/accept_redirects', accept);
      const before = counters6(w.near);
      const s = udp6(w.near, NEAR6, 8100);
      set(w.near, s, 41, 25, 1);
      if (options.dev !== undefined) set(w.near, s, 1, 25, bytes(options.dev));
      w.near.connect(s, sin6(to, 9));
      send(w.near, s, 'first');
      w.settle(1);
      const log: unknown[] = [gone(w, 'first')];
      const packet =
        port === 0 ? ip6({ dst: to, next: 58, payload: icmp6(128, 0, 1, new Uint8Array(8)) }) : quoted(to, port);
      const pad = (8 - ((packet.length + 8) & 7)) & 7;
      const header = cat([4, (packet.length + 8 + pad) / 8, 0, 0, 0, 0, 0, 0], packet, new Uint8Array(pad));
      const body = cat(addr(gateway === 'destination' ? for_ : gateway), addr(for_), options.option ?? [], header);
      tell(w, icmp6(137, code, 0, body, { src, dst: NEAR6 }), { src, hops });
      // What the first datagram met is of no interest.
      get(w.near, s, 1, 4);
      recv(w.near, s, { flags: 0x2000 });
      const heard = moved(before, counters6(w.near));
      for (const key of Object.keys(heard)) if (!/^(Icmp6In|Ip6InHdr)/.test(key)) delete heard[key];
      w.frames();
      send(w.near, s, 'second');
      w.settle(1);
      log.push(gone(w, 'second'), get(w.near, s, 1, 4), recv(w.near, s, { flags: 0x2000 }));
      const other = udp6(w.near, NEAR6, 8101);
      send(w.near, other, 'third', 0, sin6(to, 9));
      w.settle(1);
      log.push(gone(w, 'third'), heard);
      w.near.close(other);
      w.near.close(s);
      sysctl(w.near, 'conf/eth0/accept_redirects', 1);
      return log;
    });
  }

  const pathMtus: [string, { mtu?: number; again?: number; discover?: number; port?: number; next?: number }][] = [
    ['of 1400', { mtu: 1400 }],
    ['of 1280', {}],
    ['of 1400, then 1300', { mtu: 1400, again: 1300 }],
    ['of 1300, then 1400', { mtu: 1300, again: 1400 }],
    ['of 1500', { mtu: 1500 }],
    ['of 9000', { mtu: 9000 }],
    ['of 1000: below what IPv6 needs', { mtu: 1000 }],
    ['of 0', { mtu: 0 }],
    ['about a datagram of nobody', { port: 8999 }],
    ['about an unknown protocol', { next: 200 }],
    ['with IPV6_PMTUDISC_DONT', { discover: 0 }],
    ['with IPV6_PMTUDISC_DO', { discover: 2 }],
    ['with IPV6_PMTUDISC_PROBE', { discover: 3 }],
    ['with IPV6_PMTUDISC_INTERFACE', { discover: 4 }],
    ['with IPV6_PMTUDISC_OMIT', { discover: 5 }],
  ];
  for (const [what, { mtu = 1280, again, discover = 1, port = 8110, next = 17 }] of pathMtus) {
    const to = `2001:db8:2:40::${++target}`;
    twin(`packet too big, an MTU ${what}`, (w) => {
      const before = counters6(w.near);
      const s = udp6(w.near, NEAR6, 8110);
      set(w.near, s, 41, 25, 1);
      set(w.near, s, 41, 23, discover);
      w.near.connect(s, sin6(to, 9));
      const log: unknown[] = [get(w.near, s, 41, 24)];
      for (const size of again === undefined ? [mtu] : [mtu, again]) {
        tell(w, icmp6(2, 0, size, quoted(to, port, next), { src: FAR6, dst: NEAR6 }), { src: FAR6, hops: 64 });
        log.push(get(w.near, s, 41, 24), get(w.near, s, 1, 4), recv(w.near, s, { flags: 0x2000 }));
      }
      const other = udp6(w.near, NEAR6, 8111);
      w.near.connect(other, sin6(to, 9));
      log.push(get(w.near, other, 41, 24));
      w.frames();
      log.push(send(w.near, s, new Uint8Array(1420)), send(w.near, other, new Uint8Array(1420)));
      w.settle(2);
      log.push(
        w
          .frames()
          .filter((frame) => frame.startsWith('out') && !frame.startsWith('out 3333'))
          .map((frame) => `${frame.slice(4, 16)} ${frame.length}`),
      );
      w.near.close(s);
      w.near.close(other);
      const by = moved(before, counters6(w.near));
      for (const key of Object.keys(by))
        if (/^Ip6(In|Out).*(Octets|Pkts|Mcast)|Type|^Icmp6Out|^Ip6OutReq|^Ip6OutTra/.test(key)) delete by[key];
      log.push(by);
      return log;
    });
  }
  twin('a path MTU is forgotten after mtu_expires', (w) => {
    sysctl(w.near, 'route/mtu_expires', 1);
    const to = '2001:db8:2:41::1';
    const s = udp6(w.near, NEAR6, 8112);
    w.near.connect(s, sin6(to, 9));
    tell(w, icmp6(2, 0, 1300, quoted(to, 8112), { src: FAR6, dst: NEAR6 }), { src: FAR6, hops: 64 });
    const log: unknown[] = [get(w.near, s, 41, 24), get(w.near, s, 1, 4)];
    w.settle(1300);
    const other = udp6(w.near, NEAR6, 8113);
    w.near.connect(other, sin6(to, 9));
    log.push(get(w.near, s, 41, 24), get(w.near, other, 41, 24));
    w.frames();
    log.push(send(w.near, s, new Uint8Array(1400)));
    w.settle(2);
    log.push(
      w
        .frames()
        .filter((frame) => frame.startsWith('out 0200'))
        .map((frame) => frame.length),
    );
    w.near.close(other);
    w.near.close(s);
    sysctl(w.near, 'route/mtu_expires', 600);
    return log;
  });

  // ---- limits of ICMPv6 ----
  let peer = 0x5000;
  function provoke(w: World6, source: string, count: number, what: 'closed port' | 'echo' | 'hop limit'): unknown {
    w.change(`ip -n $far neighbour replace ${source} lladdr ${mac(NEAR_MAC)} dev eth0 nud permanent`, (_, far) =>
      far.neighbour('eth0', source, NEAR_MAC),
    );
    const dst = what === 'hop limit' ? RIM6 : FAR6;
    const packet = ether(
      what === 'echo'
        ? ip6({ src: source, next: 58, payload: icmp6(128, 0, 1, new Uint8Array(8), { src: source }) })
        : ip6({
            src: source,
            dst,
            next: 17,
            hops: what === 'hop limit' ? 1 : 64,
            payload: datagram6(1, 9, bytes('x'), { src: source, dst }),
          }),
    );
    const before = counters6(w.far);
    inject(w, ...Array.from({ length: count }, () => packet));
    w.settle(5);
    const by = moved(before, counters6(w.far));
    return ['Icmp6OutDestUnreachs', 'Icmp6OutEchoReplies', 'Icmp6OutTimeExcds', 'Icmp6OutRateLimitHost'].map(
      (name) => by[name] ?? 0,
    );
  }
  for (const [what, limit, mask] of [
    ['closed port', 1000, '0-1,3-127'],
    ['closed port', 60000, '0-1,3-127'],
    ['closed port', 0, '0-1,3-127'],
    ['closed port', 60000, '2-127'],
    ['hop limit', 60000, '0-1,3-127'],
    ['hop limit', 60000, '0-2'],
    ['echo', 60000, '0-1,3-127'],
    ['echo', 60000, '129'],
  ] as const)
    for (const count of [1, 6, 7, 30]) {
      const source = `2001:db8::${(++peer).toString(16)}`;
      twin(`${count} times ${what}, one each ${limit} ms of types ${mask}`, (w) => {
        sysctl(w.far, 'icmp/ratelimit', limit);
        sysctl(w.far, 'icmp/ratemask', mask);
        const log = provoke(w, source, count, what);
        sysctl(w.far, 'icmp/ratelimit', 0);
        sysctl(w.far, 'icmp/ratemask', '0-1,3-127');
        return log;
      });
    }

  // ---- lifetimes ----
  const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const prefix = (text: string, flags: number, valid: number, preferred: number): number[] => [
    ...[3, 4, 64, flags, ...u32(valid), ...u32(preferred), 0, 0, 0, 0],
    ...addr(text),
  ];
  /** The rim's host hears a router of its link. */
  function advertise(w: World6, lifetime: number, options: number[]): void {
    const src = 'fe80::1:1';
    const payload = icmp6(134, 0, lifetime, cat(u32(0), u32(0), options), { src, dst: 'ff02::1' });
    const fd = w.far.socket(17, 3, 0);
    const frame = cat(
      [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd],
      ip6({ src, dst: 'ff02::1', next: 58, hops: 255, payload }),
    );
    w.far.sendto(fd, frame, 0, encodeSockaddrLl({ protocol: 0x86dd, ifindex: 3 }));
    w.far.close(fd);
    w.settle(60);
  }
  /** Addresses of the prefix with their flags; what a socket is told of a place behind the router, and on the link. */
  const state = (w: World6, net: string): unknown => {
    const wanted = hex(addr(net).subarray(0, 8));
    const lines = String(read(w.rim, '/proc/net/if_inet6'))
      .split('\n')
      .filter((line) => line.startsWith(wanted));
    const told = ['2001:db8:aaaa::1', `${net}9`].map((to) => {
      const fd = w.rim.socket(10, 2, 0);
      const result = w.rim.connect(fd, sin6(to, 9));
      const own = new Uint8Array(28);
      w.rim.getsockname(fd, own, Int32Array.of(28));
      w.rim.close(fd);
      return [result, hex(own.subarray(8, 16))];
    });
    return [lines, told];
  };
  twin('an address is deprecated when its preferred time is over, and gone when its valid time is', (w) => {
    const net = '2001:db8:51::';
    advertise(w, 0, prefix(net, 0xc0, 4, 1));
    const log: unknown[] = [state(w, net)];
    const flags = (): string | undefined => (state(w, net) as [string[]])[0][0]?.split(/ +/)[4];
    const seen = [flags()];
    for (let tries = 0; tries < 100 && seen.at(-1) !== undefined; tries++) {
      w.settle(100);
      const now = flags();
      if (now !== seen.at(-1)) {
        seen.push(now);
        log.push(now, state(w, net));
      }
    }
    return log;
  });
  twin('a prefix on the link is forgotten when its time is over', (w) => {
    const net = '2001:db8:52::';
    advertise(w, 0, prefix(net, 0x80, 1, 1));
    const log = [state(w, net)];
    w.settle(1300);
    log.push(state(w, net));
    return log;
  });
  twin('a router is forgotten when its lifetime is over', (w) => {
    w.change('ip -6 -n $rim route del default', (_, __, rim) => rim.deleteRoute('::/0'));
    const net = '2001:db8:53::';
    const log = [state(w, net)];
    advertise(w, 1, []);
    log.push(state(w, net));
    w.settle(1300);
    log.push(state(w, net));
    advertise(w, 60, []);
    log.push(state(w, net));
    advertise(w, 0, []);
    log.push(state(w, net));
    return log;
  });
});
