import { afterAll, expect, it } from 'vitest';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { describeNetwork } from '../support/network.ts';
import {
  addr,
  awaitFrame,
  cat,
  counters6,
  echo,
  ether,
  exchange,
  FAR6,
  fill,
  fragment,
  icmp6,
  inject,
  ip6,
  NEAR6,
  options,
  RIM6,
  read,
  routing,
  sysctl,
  udp6,
} from './packets6.ts';
import { moved } from './program.ts';
import { IN_TIME } from './stage.ts';
import { FAR_MAC, NEAR_MAC } from './world.ts';
import { emulatedWorld6, linuxWorld6, type World6 } from './world6.ts';

/** Identifications of fragments are random: each becomes the number of its first appearance. */
function masked(frames: string[]): string[] {
  const seen = new Map<string, number>();
  return frames.map((frame) => {
    const start = frame.indexOf(' ') + 1;
    // Next header 44 in the IPv6 header, behind the Ethernet header.
    if (frame.slice(start + 24, start + 28) !== '86dd' || frame.slice(start + 40, start + 42) !== '2c') return frame;
    const at = start + (14 + 40 + 4) * 2;
    const id = frame.slice(at, at + 8);
    if (!seen.has(id)) seen.set(id, seen.size);
    return `${frame.slice(0, at)}(id ${seen.get(id)})${frame.slice(at + 8)}`;
  });
}

describeNetwork("IPv6's network layer on both kernels", () => {
  let host: World6 | undefined;
  let ours: World6 | undefined;
  /** Identification of the next fragments: the same on both kernels. */
  let id = 0;
  let cases = 0;
  const twin = (name: string, program: (w: World6) => unknown): void => {
    it(name, IN_TIME, () => {
      host ??= linuxWorld6();
      ours ??= emulatedWorld6();
      id = cases += 100;
      const theirs = program(host);
      id = cases;
      const mine = program(ours);
      expect(mine).toEqual(theirs);
    });
  };
  afterAll(() => {
    host?.dispose();
    ours?.dispose();
  });

  /** What comes back for these frames, and what they moved in the far host's counters. */
  const ask = (w: World6, ...frames: Uint8Array[]): unknown => {
    const before = counters6(w.far);
    const got = masked(exchange(w, ...frames));
    return [got, moved(before, counters6(w.far))];
  };
  const packet = (payload: Uint8Array, next = 58, rest: Partial<Parameters<typeof ip6>[0]> = {}): Uint8Array =>
    ether(ip6({ next, payload, ...rest }));

  // ---- echo ----
  for (const length of [0, 1, 7, 8, 56, 100, 1232, 1280, 1400, 1451, 1452])
    twin(`echo of ${length} bytes`, (w) => ask(w, packet(echo(length))));
  twin('echo of traffic class and hop limit', (w) => ask(w, packet(echo(8), 58, { tclass: 0xb9, hops: 1 })));
  twin('echo with a flow label', (w) => ask(w, packet(echo(8), 58, { label: 0x12345 })));
  twin('echo with a wrong checksum', (w) => ask(w, packet(echo(8, { bad: true }))));
  twin('echo cut short', (w) => ask(w, packet(echo(8).slice(0, 5))));
  twin('echo padded by the link', (w) => ask(w, cat(packet(echo(8)), fill(20))));
  twin('echo to all nodes', (w) => ask(w, packet(echo(8, { dst: 'ff02::1' }), 58, { dst: 'ff02::1' })));
  twin('echo to all nodes with echo_ignore_multicast', (w) => {
    sysctl(w.far, 'icmp/echo_ignore_multicast', 1);
    const got = ask(w, packet(echo(8, { dst: 'ff02::1' }), 58, { dst: 'ff02::1' }));
    sysctl(w.far, 'icmp/echo_ignore_multicast', 0);
    return got;
  });
  twin('echo to all routers', (w) => ask(w, packet(echo(8, { dst: 'ff02::2' }), 58, { dst: 'ff02::2' })));
  twin('echo to a group nobody joined', (w) => ask(w, packet(echo(8, { dst: 'ff02::99' }), 58, { dst: 'ff02::99' })));
  twin('echo to the solicited-node group', (w) => {
    const dst = 'ff02::1:ff00:2';
    return ask(w, packet(echo(8, { dst }), 58, { dst }));
  });
  twin('echo from and to link-local addresses', (w) => {
    const [src, dst] = ['fe80::ff:fe00:1', 'fe80::ff:fe00:2'];
    return ask(w, packet(echo(8, { src, dst }), 58, { src, dst }));
  });
  twin('echo to the router from a link-local address, for an address of the other link', (w) => {
    const [src, dst] = ['fe80::ff:fe00:1', '2001:db8:1::1'];
    return ask(w, packet(echo(8, { src, dst }), 58, { src, dst }));
  });
  twin('echo to the subnet-router anycast address', (w) => {
    const dst = '2001:db8::';
    return ask(w, packet(echo(8, { dst }), 58, { dst }));
  });
  twin("echo to the other link's address of the router", (w) => {
    const dst = '2001:db8:1::1';
    return ask(w, packet(echo(8, { dst }), 58, { dst }));
  });
  for (const type of [0, 1, 3, 100, 127, 129, 130, 131, 132, 138, 139, 141, 160, 161, 200, 255])
    twin(`a message of type ${type} with nothing behind`, (w) => ask(w, packet(icmp6(type, 0, 0))));

  // ---- the header ----
  const headers: [string, Partial<Parameters<typeof ip6>[0]>][] = [
    ['version 4', { version: 4 }],
    ['version 0', { version: 0 }],
    ['a length beyond the frame', { length: 200 }],
    ['a length of 0', { length: 0 }],
    ['a length that cuts the message', { length: 10 }],
    ['source ::1', { src: '::1' }],
    ['destination ::1', { dst: '::1' }],
    ['a multicast source', { src: 'ff02::1' }],
    ['an unspecified source', { src: '::' }],
    ['an unspecified destination', { dst: '::' }],
    ['interface-local multicast', { dst: 'ff01::1' }],
    ['multicast of scope 0', { dst: 'ff00::1' }],
    ['a mapped source', { src: '::ffff:10.0.0.1' }],
    ['a mapped destination', { dst: '::ffff:10.0.0.2' }],
    ['the source of the receiver', { src: FAR6 }],
    ['hop limit 0', { hops: 0 }],
    ['ECN bits', { tclass: 3 }],
    ['an unknown next header', { next: 253 }],
    ['no next header', { next: 59 }],
    ['hop-by-hop as a second header', { next: 0, payload: options(0, []) }],
    ['IPv4 inside', { next: 4 }],
  ];
  for (const [what, change] of headers)
    twin(`a packet with ${what}`, (w) => {
      const { src = NEAR6, dst = FAR6 } = change;
      return ask(w, packet(echo(8, { src, dst }), 58, change));
    });
  twin('a frame shorter than the header', (w) => ask(w, packet(echo(8)).slice(0, 14 + 39)));
  twin('a frame for somebody else', (w) =>
    ask(w, ether(ip6({ next: 58, payload: echo(8) }), Uint8Array.of(2, 0, 0, 0, 0, 9))),
  );
  twin('a unicast packet in a multicast frame', (w) =>
    ask(w, ether(ip6({ next: 58, payload: echo(8) }), Uint8Array.of(0x33, 0x33, 0, 0, 0, 1))),
  );
  twin('a unicast packet in a multicast frame, dropped', (w) => {
    sysctl(w.far, 'conf/eth0/drop_unicast_in_l2_multicast', 1);
    const got = ask(w, ether(ip6({ next: 58, payload: echo(8) }), Uint8Array.of(0x33, 0x33, 0, 0, 0, 1)));
    sysctl(w.far, 'conf/eth0/drop_unicast_in_l2_multicast', 0);
    return got;
  });

  // ---- extension headers ----
  const hops: [string, number[][]][] = [
    ['padding alone', []],
    ['Pad1 seven times', [[0, 0, 0, 0, 0]]],
    ['too much padding', [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]],
    ['PadN of six zeros', [[1, 4, 0, 0, 0, 0]]],
    ['PadN with a byte that is not 0', [[1, 4, 0, 0, 1, 0]]],
    ['PadN of more than seven', [[1, 8, 0, 0, 0, 0, 0, 0, 0, 0]]],
    ['router alert', [[5, 2, 0, 0]]],
    ['router alert of 3 bytes', [[5, 3, 0, 0, 0]]],
    ['an option to skip', [[0x1e, 2, 1, 2]]],
    ['an option to drop', [[0x5e, 2, 1, 2]]],
    ['an option to report', [[0x9e, 2, 1, 2]]],
    ['an option to report to a unicast sender', [[0xde, 2, 1, 2]]],
    ['an option longer than the header', [[0x1e, 40, 1, 2]]],
    [
      'a second option to report',
      [
        [0x1e, 1, 1],
        [0x9e, 2, 1, 2],
      ],
    ],
    [
      'nine options',
      [
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
        [0x1e, 0],
      ],
    ],
    ['a jumbo payload', [[0xc2, 4, 0, 1, 0, 0]]],
    ['a jumbo payload that is none', [[0xc2, 4, 0, 0, 0, 99]]],
    ['a home address', [[0xc9, 16, ...addr('2001:db8::77')]]],
    ['CALIPSO', [[7, 8, 0, 0, 0, 1, 0, 0, 0, 0]]],
    ['IOAM', [[0x31, 2, 0, 0]]],
  ];
  for (const [what, parts] of hops) {
    twin(`hop-by-hop options: ${what}`, (w) => ask(w, packet(cat(options(58, ...parts), echo(8)), 0)));
    twin(`destination options: ${what}`, (w) => ask(w, packet(cat(options(58, ...parts), echo(8)), 60)));
  }
  twin('an option to report, sent to a group', (w) => {
    const dst = 'ff02::1';
    return [0x9e, 0xde].map((type) => ask(w, packet(cat(options(58, [type, 2, 1, 2]), echo(8, { dst })), 60, { dst })));
  });
  twin('hop-by-hop options cut', (w) => ask(w, packet(options(58, [5, 2, 0, 0]).slice(0, 6), 0)));
  twin('hop-by-hop options that say they are longer', (w) =>
    ask(w, packet(cat([58, 9, 1, 4, 0, 0, 0, 0], echo(8)), 0)),
  );
  twin('destination options cut', (w) => ask(w, packet(options(58, [0x1e, 2, 0, 0]).slice(0, 6), 60)));
  twin('max_hbh_opts_number 1 and below 0', (w) => {
    const log: unknown[] = [];
    for (const value of [1, -8, 8]) {
      sysctl(w.far, 'max_hbh_opts_number', value);
      log.push(ask(w, packet(cat(options(58, [0x1e, 0], [0x1e, 0]), echo(8)), 0)));
    }
    return log;
  });
  twin('max_hbh_length and max_dst_opts_length of 8', (w) => {
    const log: unknown[] = [];
    for (const name of ['max_hbh_length', 'max_dst_opts_length']) {
      sysctl(w.far, name, 8);
      for (const length of [2, 10])
        log.push(
          ask(
            w,
            packet(cat(options(58, [0x1e, length, ...fill(length)]), echo(8)), name === 'max_hbh_length' ? 0 : 60),
          ),
        );
      sysctl(w.far, name, 2147483647);
    }
    return log;
  });
  for (const type of [0, 1, 2, 3, 4, 5, 253])
    for (const left of [0, 1, 3])
      twin(`a routing header of type ${type}, ${left} segments left`, (w) =>
        ask(w, packet(cat(routing(58, type, left, cat(new Uint8Array(4), addr(RIM6))), echo(8)), 43)),
      );
  twin('a routing header cut', (w) => ask(w, packet(Uint8Array.of(58, 2, 0, 1, 0, 0, 0, 0), 43)));
  twin('a routing header to a group', (w) => {
    const dst = 'ff02::1';
    return ask(w, packet(cat(routing(58, 0, 0, cat(new Uint8Array(4), addr(RIM6))), echo(8, { dst })), 43, { dst }));
  });
  twin('destination options, a routing header worked off, destination options', (w) =>
    ask(
      w,
      packet(
        cat(
          options(43, [0x1e, 1, 1]),
          routing(60, 9, 0, cat(new Uint8Array(4), addr(RIM6))),
          options(58, [0x1e, 1, 2]),
          echo(8),
        ),
        60,
      ),
    ),
  );
  twin('an unknown header behind options', (w) => ask(w, packet(cat(options(254, [0x1e, 1, 1]), fill(16)), 60)));
  twin('no next header behind options', (w) => ask(w, packet(options(59, [0x1e, 1, 1]), 60)));

  // ---- fragments ----
  const pieces = (message: Uint8Array, cuts: number[], id = 1, next = 58): Uint8Array[] => {
    const bounds = [0, ...cuts, message.length];
    return bounds.slice(0, -1).map((from, i) => {
      const to = bounds[i + 1]!;
      return packet(fragment(next, from, to < message.length, id, message.slice(from, to)), 44);
    });
  };
  const sets: [string, (parts: Uint8Array[]) => Uint8Array[], number[]][] = [
    ['in order', (p) => p, [1000]],
    ['in three', (p) => p, [1000, 2000]],
    ['backwards', (p) => [...p].reverse(), [1000, 2000]],
    ['mixed', (p) => [p[1]!, p[2]!, p[0]!], [8, 16]],
    ['one twice', (p) => [p[0]!, p[0]!, p[1]!], [1000]],
    ['the last twice', (p) => [p[1]!, p[1]!, p[0]!], [1000]],
    ['many of 8 bytes', (p) => p, Array.from({ length: 30 }, (_, i) => (i + 1) * 8)],
  ];
  for (const [what, order, cuts] of sets)
    twin(`an echo in fragments: ${what}`, (w) => ask(w, ...order(pieces(echo(cuts.at(-1)! + 1000), cuts, ++id))));
  twin('an echo in fragments of 60,000 bytes', (w) =>
    ask(
      w,
      ...pieces(
        echo(60000),
        Array.from({ length: 42 }, (_, i) => (i + 1) * 1400),
        ++id,
      ),
    ),
  );
  twin('a datagram to a closed port in fragments', (w) => ask(w, ...pieces(udp6(1, 9, fill(2000)), [1000], ++id, 17)));
  const overlaps: [string, (message: Uint8Array, n: number) => Uint8Array[]][] = [
    [
      'with what is there already',
      (m, n) => [
        packet(fragment(58, 0, true, n, m.slice(0, 800)), 44),
        packet(fragment(58, 792, false, n, m.slice(792)), 44),
      ],
    ],
    [
      'inside what is there',
      (m, n) => [
        packet(fragment(58, 0, true, n, m.slice(0, 800)), 44),
        packet(fragment(58, 80, true, n, m.slice(80, 160)), 44),
        packet(fragment(58, 800, false, n, m.slice(800)), 44),
      ],
    ],
    [
      'around what is there',
      (m, n) => [
        packet(fragment(58, 80, true, n, m.slice(80, 160)), 44),
        packet(fragment(58, 0, true, n, m.slice(0, 800)), 44),
        packet(fragment(58, 800, false, n, m.slice(800)), 44),
      ],
    ],
    [
      'a last one that is too short',
      (m, n) => [
        packet(fragment(58, 800, true, n, m.slice(800, 1600)), 44),
        packet(fragment(58, 400, false, n, m.slice(400, 600)), 44),
      ],
    ],
    [
      'one beyond the last',
      (m, n) => [
        packet(fragment(58, 400, false, n, m.slice(400, 600)), 44),
        packet(fragment(58, 800, true, n, m.slice(800, 1600)), 44),
      ],
    ],
  ];
  for (const [what, make] of overlaps)
    twin(`fragments that overlap: ${what}`, (w) => ask(w, ...make(echo(1600), ++id)));
  twin('an atomic fragment', (w) => ask(w, packet(fragment(58, 0, false, ++id, echo(8)), 44)));
  twin('an atomic fragment in an atomic fragment', (w) =>
    ask(w, packet(fragment(44, 0, false, ++id, fragment(58, 0, false, ++id, echo(8))), 44)),
  );
  twin('a first fragment whose length is no multiple of 8', (w) =>
    ask(w, packet(fragment(58, 0, true, ++id, echo(12)), 44)),
  );
  twin('a fragment beyond 65,535 bytes', (w) => ask(w, packet(fragment(58, 65528, false, ++id, fill(64)), 44)));
  twin('an empty fragment', (w) => ask(w, packet(fragment(58, 8, true, ++id, new Uint8Array(0)), 44)));
  twin('a fragment header cut', (w) => ask(w, packet(fragment(58, 0, true, ++id, new Uint8Array(0)).slice(0, 6), 44)));
  twin('a first fragment without all of its headers', (w) => {
    const log = [ask(w, packet(fragment(58, 0, true, ++id, new Uint8Array(0)), 44))];
    log.push(ask(w, packet(fragment(17, 0, true, ++id, new Uint8Array(0)), 44)));
    log.push(ask(w, packet(fragment(60, 0, true, ++id, cat(options(58, [0x1e, 1, 1]))), 44)));
    log.push(ask(w, packet(fragment(6, 0, true, ++id, fill(16)), 44)));
    return log;
  });
  twin('fragments with different ECN', (w) => {
    const n = ++id;
    const m = echo(1000);
    const part = (from: number, to: number, tclass: number, more: boolean): Uint8Array =>
      packet(fragment(58, from, more, n, m.slice(from, to)), 44, { tclass });
    return [
      ask(w, part(0, 504, 2, true), part(504, m.length, 3, false)),
      ask(w, part(0, 504, 0, true), part(504, m.length, 3, false)),
      ask(w, part(0, 504, 1, true), part(504, m.length, 1, false)),
    ];
  });
  twin('fragments with options before and behind the header', (w) => {
    const n = ++id;
    const m = cat(options(58, [0x1e, 1, 7]), echo(900));
    const part = (from: number, to: number, more: boolean): Uint8Array =>
      packet(cat(options(44, [0x1e, 1, 1]), fragment(60, from, more, n, m.slice(from, to))), 60);
    return ask(w, part(0, 496, true), part(496, m.length, false));
  });
  twin('a fragment that waits for the rest in vain', (w) => {
    sysctl(w.far, 'ip6frag_time', 1);
    const before = counters6(w.far);
    w.frames();
    inject(w, pieces(echo(1600), [800], ++id)[0]!);
    const told = awaitFrame(w, (frame) => frame.slice(4 + 108, 4 + 112) === '0301');
    sysctl(w.far, 'ip6frag_time', 60);
    return [told, moved(before, counters6(w.far))];
  });
  twin('ip6frag_high_thresh of 0: none are kept', (w) => {
    sysctl(w.far, 'ip6frag_low_thresh', 0);
    sysctl(w.far, 'ip6frag_high_thresh', 0);
    const got = ask(w, ...pieces(echo(1600), [800], ++id));
    sysctl(w.far, 'ip6frag_high_thresh', 4194304);
    sysctl(w.far, 'ip6frag_low_thresh', 3145728);
    return got;
  });

  // ---- errors and forwarding ----
  const to = (dst: string, rest: Partial<Parameters<typeof ip6>[0]> = {}): Uint8Array =>
    packet(echo(32, { dst, src: rest.src ?? NEAR6 }), 58, { dst, ...rest });
  twin('a datagram to a closed port', (w) => ask(w, packet(udp6(1, 9, fill(20)), 17)));
  twin('a long datagram to a closed port: 1,280 bytes are quoted', (w) => ask(w, packet(udp6(1, 9, fill(1400)), 17)));
  twin('through the router', (w) => ask(w, to(RIM6)));
  twin('through the router with hop limits', (w) => [0, 1, 2].map((h) => ask(w, to(RIM6, { hops: h }))));
  for (const [what, dst] of [
    ['no route', '2001:db8:9::1'],
    ['blackhole', '2001:db8:1:66::1'],
    ['prohibit', '2001:db8:1:67::1'],
    ['unreachable', '2001:db8:1:68::1'],
    ['global multicast', 'ff0e::1234'],
    ['documentation', '2001:db8:ffff::'],
  ] as const)
    twin(`through the router: ${what}`, (w) => ask(w, to(dst)));
  twin('through the router from a link-local address', (w) => ask(w, to(RIM6, { src: 'fe80::ff:fe00:1' })));
  twin('through the router from the unspecified address', (w) => ask(w, to(RIM6, { src: '::' })));
  twin('through the router from a site-local address', (w) => ask(w, to(RIM6, { src: 'fec0::1' })));
  twin('back to the link it came from: a redirect', (w) => {
    w.far.writeFile('/proc/sys/net/ipv6/conf/eth0/accept_redirects', new TextEncoder().encode('1\n'));
    return ask(w, to('2001:db8::1'));
  });
  twin('too big for the second link', (w) =>
    [1352, 1353, 1400].map((n) => ask(w, packet(echo(n, { dst: RIM6 }), 58, { dst: RIM6 }))),
  );
  twin('fragments pass a router as they are', (w) => {
    const n = ++id;
    const m = echo(2000, { dst: RIM6 });
    const part = (from: number, until: number, more: boolean): Uint8Array =>
      packet(fragment(58, from, more, n, m.slice(from, until)), 44, { dst: RIM6 });
    return ask(w, part(0, 1000, true), part(1000, m.length, false));
  });
  twin('no error about an error', (w) =>
    ask(
      w,
      packet(icmp6(1, 4, 0, ip6({ next: 17, payload: udp6(1, 2, fill(8)) }), { dst: '2001:db8:9::1' }), 58, {
        dst: '2001:db8:9::1',
      }),
    ),
  );
  twin('no error about a fragment that is not the first of an error', (w) =>
    ask(w, packet(fragment(58, 800, false, ++id, fill(64)), 44, { dst: '2001:db8:9::1' })),
  );
  twin('forwarding switched off', (w) => {
    sysctl(w.far, 'conf/all/forwarding', 0);
    w.settle(100);
    const got = [ask(w, to(RIM6)), ask(w, to('2001:db8:9::1')), ask(w, to('2001:db8::', { dst: '2001:db8::' }))];
    sysctl(w.far, 'conf/all/forwarding', 1);
    w.settle(100);
    return got;
  });
  // ---- neighbour discovery ----
  const ns = (
    target: string,
    dst: string,
    opts: number[] = [1, 1, ...NEAR_MAC],
    rest: Partial<Parameters<typeof ip6>[0]> = {},
  ): Uint8Array => {
    const src = rest.src ?? NEAR6;
    const group = addr(dst)[0] === 0xff;
    const frame = ip6({
      next: 58,
      payload: icmp6(135, 0, 0, cat(addr(target), opts), { src, dst }),
      dst,
      hops: 255,
      ...rest,
    });
    return ether(frame, group ? Uint8Array.of(0x33, 0x33, ...addr(dst).slice(12)) : FAR_MAC);
  };
  const group2 = 'ff02::1:ff00:2';
  const solicitations: [string, () => Uint8Array][] = [
    ['to the group', () => ns(FAR6, group2)],
    ['to the address itself', () => ns(FAR6, FAR6)],
    ['without its link address', () => ns(FAR6, group2, [])],
    ['to the address, without its link address', () => ns(FAR6, FAR6, [])],
    ['for duplicate address detection', () => ns(FAR6, group2, [], { src: '::' })],
    ['for duplicate address detection, with a link address', () => ns(FAR6, group2, undefined, { src: '::' })],
    ['for duplicate address detection, to the address', () => ns(FAR6, FAR6, [], { src: '::' })],
    ['with a nonce', () => ns(FAR6, group2, [1, 1, ...NEAR_MAC, 14, 1, 1, 2, 3, 4, 5, 6])],
    ['with an unknown option', () => ns(FAR6, group2, [200, 1, 0, 0, 0, 0, 0, 0, 1, 1, ...NEAR_MAC])],
    ['with an option of length 0', () => ns(FAR6, group2, [1, 0, 0, 0, 0, 0, 0, 0])],
    ['with an option cut', () => ns(FAR6, group2, [1, 2, 0, 0, 0, 0, 0, 0])],
    ['with a link address of 14 bytes', () => ns(FAR6, group2, [1, 2, ...fill(14)])],
    ['with hop limit 254', () => ns(FAR6, group2, undefined, { hops: 254 })],
    ['for a group', () => ns('ff02::1', group2)],
    ['for an address nobody has', () => ns('2001:db8::5:2', group2)],
    ['for the link-local address', () => ns('fe80::ff:fe00:2', group2, undefined, { src: 'fe80::ff:fe00:1' })],
    ["for the other link's address", () => ns('2001:db8:1::1', 'ff02::1')],
    ['to all nodes', () => ns(FAR6, 'ff02::1')],
    ['from a global address of another link', () => ns(FAR6, group2, undefined, { src: '2001:db8:77::1' })],
  ];
  for (const [what, make] of solicitations) twin(`a solicitation ${what}`, (w) => ask(w, make()));
  twin('a solicitation with code 1', (w) =>
    ask(w, packet(icmp6(135, 1, 0, cat(addr(FAR6), [1, 1], NEAR_MAC)), 58, { hops: 255 })),
  );
  twin('a solicitation cut', (w) => ask(w, packet(icmp6(135, 0, 0, addr(FAR6).slice(0, 8)), 58, { hops: 255 })));
  twin('a solicitation in a fragment', (w) =>
    ask(
      w,
      packet(fragment(58, 0, false, ++id, icmp6(135, 0, 0, cat(addr(FAR6), [1, 1], NEAR_MAC))), 44, { hops: 255 }),
    ),
  );
  const na = (target: string, flags: number, opts: number[], src: string, dst = FAR6): Uint8Array =>
    packet(icmp6(136, 0, (flags << 24) >>> 0, cat(addr(target), opts), { src, dst }), 58, { src, dst, hops: 255 });
  const MAC9 = [2, 0, 0, 0, 0, 9];
  twin('an unknown neighbour is asked for, answers, and gets what waited', (w) => {
    const src = '2001:db8::9:1';
    const log: unknown[] = [masked(exchange(w, packet(echo(16, { src }), 58, { src })))];
    log.push(masked(exchange(w, na(src, 0x60, [2, 1, ...MAC9], src))));
    return log;
  });
  twin('a neighbour that solicits is known', (w) => {
    const src = '2001:db8::9:2';
    return [
      exchange(w, ns(FAR6, group2, [1, 1, ...MAC9], { src })),
      exchange(w, packet(echo(16, { src }), 58, { src })),
    ];
  });
  for (const [what, flags, opts] of [
    ['without the override flag', 0x40, [2, 1, 2, 0, 0, 0, 0, 10]],
    ['with the override flag', 0x60, [2, 1, 2, 0, 0, 0, 0, 11]],
    ['not solicited, with the override flag', 0x20, [2, 1, 2, 0, 0, 0, 0, 12]],
    ['solicited, without an address', 0x40, []],
  ] as const)
    twin(`another advertisement ${what}`, (w) => {
      const src = `2001:db8::a:${flags + opts.length}`;
      return [
        exchange(w, ns(FAR6, group2, [1, 1, ...MAC9], { src })),
        exchange(w, na(src, flags, [...opts], src)),
        exchange(w, packet(echo(16, { src }), 58, { src })),
      ];
    });
  twin('an advertisement of nobody asked for makes no entry', (w) => {
    const src = '2001:db8::b:1';
    return [
      exchange(w, na(src, 0x60, [2, 1, ...MAC9], src)),
      masked(exchange(w, packet(echo(16, { src }), 58, { src }))),
    ];
  });
  twin('an advertisement of an address of ours', (w) => ask(w, na(FAR6, 0x20, [2, 1, ...MAC9], NEAR6)));
  twin('a solicitation of routers', (w) => {
    const src = '2001:db8::c:1';
    const rs = (hopsLeft: number, source: string): Uint8Array =>
      packet(icmp6(133, 0, 0, cat([1, 1], MAC9), { src: source, dst: 'ff02::2' }), 58, {
        src: source,
        dst: 'ff02::2',
        hops: hopsLeft,
      });
    return [
      ask(w, rs(255, src)),
      ask(w, rs(64, src)),
      ask(w, rs(255, '::')),
      exchange(w, packet(echo(8, { src }), 58, { src })),
    ];
  });
  twin('a neighbour that never answers: three solicitations, then unreachable', (w) => {
    sysctl(w.far, 'neigh/eth0/retrans_time_ms', 40);
    // Redirects are limited to one a second.
    w.settle(1100);
    w.frames();
    const before = counters6(w.far);
    inject(w, to('2001:db8::d:1'));
    const seen: string[] = [];
    for (let tries = 0; tries < 1000 && !seen.some((frame) => frame.slice(112, 116) === '0103'); tries++) {
      w.settle(5);
      seen.push(...w.frames().filter((frame) => frame.startsWith('in')));
    }
    sysctl(w.far, 'neigh/eth0/retrans_time_ms', 1000);
    return [seen, moved(before, counters6(w.far))];
  });

  // ---- routers' advertisements: the near host hears a router at the rim's place ----
  const ROUTER = 'fe80::1:1';
  const ra = (
    { hopLimit = 0, flags = 0, lifetime = 0, reachable = 0, retrans = 0 },
    opts: number[] = [],
    rest: Partial<Parameters<typeof ip6>[0]> = {},
  ): Uint8Array => {
    const src = rest.src ?? ROUTER;
    const u32 = (value: number): number[] => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    const first = ((hopLimit << 24) | (flags << 16) | lifetime) >>> 0;
    const payload = icmp6(134, 0, first, cat(u32(reachable), u32(retrans), opts), { src, dst: 'ff02::1' });
    return cat(
      [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 5, 0x86, 0xdd],
      ip6({ next: 58, payload, dst: 'ff02::1', hops: 255, ...rest, src }),
    );
  };
  const prefix = (text: string, length: number, flags: number, valid: number, preferred: number): number[] => [
    ...[3, 4, length, flags],
    ...[valid, preferred].flatMap((v) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]),
    ...[0, 0, 0, 0],
    ...addr(text),
  ];
  /** The rim's host hears it (the far one is a router), sent on its link by the router. */
  const hear = (w: World6, frame: Uint8Array): unknown => {
    const fd = w.far.socket(17, 3, 0);
    const to = encodeSockaddrLl({ protocol: 0x86dd, ifindex: 3 });
    const before = counters6(w.rim);
    const sent = w.far.sendto(fd, frame, 0, to);
    w.far.close(fd);
    w.settle(60);
    const state = {
      sent,
      addresses: String(read(w.rim, '/proc/net/if_inet6')).split('\n').sort(),
      routes: String(read(w.rim, '/proc/net/ipv6_route'))
        .split('\n')
        .map((line) => line.replace(/ [0-9a-f]{8} [0-9a-f]{8} ([0-9a-f]{8} +\w+)$/, ' $1'))
        .sort(),
      conf: ['hop_limit', 'mtu'].map((name) => read(w.rim, `/proc/sys/net/ipv6/conf/eth0/${name}`)),
      neigh: ['retrans_time_ms', 'base_reachable_time_ms'].map((name) =>
        read(w.rim, `/proc/sys/net/ipv6/neigh/eth0/${name}`),
      ),
    };
    const by = moved(before, counters6(w.rim));
    for (const key of Object.keys(by)) if (/Out|Mcast|Type143|Type13[56]/.test(key)) delete by[key];
    return [state, by];
  };
  const MTU = (value: number): number[] => [5, 1, 0, 0, 0, 0, value >>> 8, value & 255];
  const advertisements: [string, () => Uint8Array][] = [
    ['alone', () => ra({})],
    ['with a lifetime', () => ra({ lifetime: 1800 })],
    ['with a hop limit', () => ra({ lifetime: 1800, hopLimit: 33 })],
    ['with a lifetime of 0', () => ra({})],
    ['with high preference', () => ra({ lifetime: 1800, flags: 0x08 })],
    ['with low preference', () => ra({ lifetime: 1800, flags: 0x18 })],
    ['with the reserved preference', () => ra({ lifetime: 1800, flags: 0x10 })],
    ['from a global address', () => ra({ lifetime: 1800 }, [], { src: '2001:db8:1::99' })],
    ['with hop limit 64 in the header', () => ra({ lifetime: 0 }, [], { hops: 64 })],
    ['with a link address', () => ra({ lifetime: 1800 }, [1, 1, 2, 0, 0, 0, 0, 5])],
    ['with an MTU', () => ra({ lifetime: 1800 }, MTU(1300))],
    ['with an MTU that is too small', () => ra({ lifetime: 1800 }, MTU(1000))],
    ['with an MTU that is too large', () => ra({ lifetime: 1800 }, MTU(9000))],
    ['with times', () => ra({ lifetime: 1800, reachable: 20000, retrans: 2000 })],
    ['with a prefix on the link', () => ra({}, prefix('2001:db8:a::', 64, 0x80, 3600, 1800))],
    ['with a prefix to take addresses from', () => ra({}, prefix('2001:db8:b::', 64, 0x40, 3600, 1800))],
    ['with a prefix for both', () => ra({}, prefix('2001:db8:c::', 64, 0xc0, 0xffffffff, 0xffffffff))],
    ['with a prefix of 56 bits', () => ra({}, prefix('2001:db8:d::', 56, 0xc0, 3600, 1800))],
    ['with a preferred time beyond the valid one', () => ra({}, prefix('2001:db8:e::', 64, 0xc0, 1800, 3600))],
    ['with a link-local prefix', () => ra({}, prefix('fe80::', 64, 0xc0, 3600, 1800))],
    ['with a deprecated prefix', () => ra({}, prefix('2001:db8:f::', 64, 0xc0, 3600, 0))],
    ['that takes a prefix back', () => ra({}, prefix('2001:db8:a::', 64, 0x80, 0, 0))],
    ['that takes an address back: two hours are left', () => ra({}, prefix('2001:db8:c::', 64, 0xc0, 0, 0))],
    ['with a wrong option', () => ra({ lifetime: 1800 }, [3, 0, 0, 0, 0, 0, 0, 0])],
    ['cut', () => ra({}).slice(0, 14 + 40 + 12)],
  ];
  for (const [what, make] of advertisements) twin(`an advertisement ${what}`, (w) => hear(w, make()));
  twin('advertisements with accept_ra 0, without routes, prefixes, MTU', (w) => {
    const log: unknown[] = [];
    for (const name of ['accept_ra', 'accept_ra_defrtr', 'accept_ra_pinfo', 'accept_ra_mtu', 'autoconf']) {
      sysctl(w.rim, `conf/eth0/${name}`, 0);
      log.push(
        hear(w, ra({ lifetime: 900, hopLimit: 44 }, [...MTU(1290), ...prefix('2001:db8:10::', 64, 0xc0, 600, 600)])),
      );
      sysctl(w.rim, `conf/eth0/${name}`, 1);
    }
    return log;
  });
  twin('a router of its own hears no advertisement', (w) => {
    sysctl(w.rim, 'conf/all/forwarding', 1);
    w.settle(60);
    const log = [hear(w, ra({ lifetime: 700 }))];
    sysctl(w.rim, 'conf/all/forwarding', 0);
    w.settle(60);
    return log;
  });

  // ---- reading ----
  for (const file of ['if_inet6', 'igmp6', 'mcfilter6', 'anycast6'])
    twin(`/proc/net/${file}`, (w) =>
      // The order of if_inet6 is that of a hash.
      [w.near, w.far].map((calls) => {
        const lines = String(read(calls, `/proc/net/${file}`)).split('\n');
        return file === 'if_inet6' ? lines.sort() : lines;
      }),
    );
  twin('/proc/net/ipv6_route but for counts of references', (w) =>
    [w.near, w.far].map((calls) =>
      String(read(calls, '/proc/net/ipv6_route'))
        .split('\n')
        .map((line) => line.replace(/ [0-9a-f]{8} [0-9a-f]{8} ([0-9a-f]{8} +\w+)$/, ' $1'))
        // Routes of one prefix stand in the order in which the links came up.
        .sort(),
    ),
  );
  twin('names of snmp6 and of dev_snmp6', (w) => [
    [...counters6(w.rim).keys()].filter((name) => !/Type\d/.test(name)),
    [...counters6(w.rim, 'eth0').keys()].filter((name) => !/Type\d/.test(name)),
    w.far.readdir('/proc/net/dev_snmp6'),
  ]);
  twin('counters of devices', (w) => {
    const before = ['eth0', 'eth1', 'lo'].map((dev) => counters6(w.far, dev));
    exchange(
      w,
      to(RIM6),
      packet(echo(100)),
      packet(udp6(1, 9, fill(4)), 17),
      to('2001:db8:9::1'),
      ...pieces(echo(2400), [1000], ++id),
    );
    return ['eth0', 'eth1', 'lo'].map((dev, i) => moved(before[i]!, counters6(w.far, dev)));
  });
  twin('sysctls of a device and of the rest', (w) => {
    const log: unknown[] = [];
    for (const dir of ['conf/eth0', 'conf/all', 'conf/default', 'icmp', 'route', ''])
      for (const name of w.far.readdir(`/proc/sys/net/ipv6/${dir}`) as string[]) {
        const skipped =
          /mld_max_msf|mld_qrv|calipso|ioam6_id|xfrm6|flush|stable_secret|seg6_require_hmac|^conf$|^neigh$|^icmp$|^route$/.test(
            name,
          );
        if (!skipped) log.push([dir, name, read(w.far, `/proc/sys/net/ipv6/${dir}/${name}`)]);
      }
    return log;
  });
  twin('IPv6 switched off on a device', (w) => {
    sysctl(w.rim, 'conf/eth0/disable_ipv6', 1);
    const got = read(w.rim, '/proc/net/if_inet6');
    return [got, read(w.rim, '/proc/net/igmp6')];
  });
});
