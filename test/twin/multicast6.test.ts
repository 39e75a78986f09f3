import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { int, putHostU32 } from '../../src/uapi/host.ts';
import { encodeIpv6Mreq } from '../../src/uapi/in6.ts';
import { describeNetwork } from '../support/network.ts';
import { counters6, get, ip6, moved, NEAR, name, outgoing, recv, send, set, sin6, udp, udp6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR_LL, FAR6, NEAR_LL, NEAR6, type World } from './world.ts';

const IPV6 = 41;
const JOIN = 20;
const LEAVE = 21;
const GROUP = 'ff0e::1234';
const decoder = new TextDecoder();

/** struct group_req: an index, and a socket address at 8. */
function groupReq(ifindex: number, group: string): Uint8Array {
  const b = new Uint8Array(136);
  putHostU32(b, 0, ifindex);
  b.set(sin6(group, 0), 8);
  return b;
}
/** struct group_source_req */
function sourceReq(ifindex: number, group: string, source: string): Uint8Array {
  const b = new Uint8Array(264);
  b.set(groupReq(ifindex, group));
  b.set(sin6(source, 0), 136);
  return b;
}
/** struct group_filter */
function filter(ifindex: number, group: string, mode: number, sources: string[], count = sources.length): Uint8Array {
  const b = new Uint8Array(144 + sources.length * 128);
  b.set(groupReq(ifindex, group));
  putHostU32(b, 136, mode);
  putHostU32(b, 140, count);
  sources.forEach((source, i) => {
    b.set(sin6(source, 0), 144 + i * 128);
  });
  return b;
}

describeNetwork('multicast of IPv6, files of /proc/net and ioctl on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);
  const out = (w: World): string[] => outgoing(w.frames());

  // ---- joining and leaving ----
  const GROUPS = [GROUP, 'ff02::77', 'ff01::77', 'ff05::77', NEAR6, '::', '::ffff:224.0.0.9', 'ff02::1'];
  for (const group of GROUPS)
    for (const [where, index] of [
      ['the device', (w: World) => w.ifindex],
      ['lo', () => 1],
      ['any device', () => 0],
      ['no such device', () => 77],
      ['a negative device', () => -1],
    ] as [string, (w: World) => number][])
      twin(`${group} on ${where}: joined and left`, (w) => {
        const log: unknown[] = [];
        for (const [join, leave, value] of [
          [JOIN, LEAVE, (i: number) => encodeIpv6Mreq(ip6(group), i)],
          [42, 45, (i: number) => groupReq(i, group)],
        ] as const) {
          const s = udp6(w.near);
          const mreq = value(index(w));
          log.push(
            set(w.near, s, IPV6, leave, mreq),
            set(w.near, s, IPV6, join, mreq),
            set(w.near, s, IPV6, join, mreq),
          );
          log.push(set(w.near, s, IPV6, join, value(w.ifindex)), set(w.near, s, IPV6, join, value(0)));
          log.push(set(w.near, s, IPV6, leave, value(0)), set(w.near, s, IPV6, leave, mreq));
          log.push(set(w.near, s, IPV6, leave, value(w.ifindex)), set(w.near, s, IPV6, leave, mreq));
          log.push(set(w.near, s, IPV6, join, mreq.subarray(0, 19)), set(w.near, s, IPV6, leave, new Uint8Array(0)));
          w.near.close(s);
        }
        return log;
      });

  // ---- who hears it ----
  const listeners: [string, (w: World, calls: SystemCalls, s: number) => unknown][] = [
    ['not joined', () => 0],
    ['not joined, IPV6_MULTICAST_ALL off', (_, calls, s) => set(calls, s, IPV6, 29, 0)],
    ['joined', (w, calls, s) => set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), w.ifindex))],
    ['joined another', (w, calls, s) => set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6('ff0e::9'), w.ifindex))],
    [
      'joined another, IPV6_MULTICAST_ALL off',
      (w, calls, s) => [
        set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6('ff0e::9'), w.ifindex)),
        set(calls, s, IPV6, 29, 0),
      ],
    ],
    ['joined for the source', (w, calls, s) => set(calls, s, IPV6, 46, sourceReq(w.ifindex, GROUP, FAR6))],
    ['joined for another source', (w, calls, s) => set(calls, s, IPV6, 46, sourceReq(w.ifindex, GROUP, '2001:db8::9'))],
    [
      'joined, the source blocked',
      (w, calls, s) => [
        set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), w.ifindex)),
        set(calls, s, IPV6, 43, sourceReq(w.ifindex, GROUP, FAR6)),
      ],
    ],
    [
      'joined, the source blocked and unblocked',
      (w, calls, s) => [
        set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), w.ifindex)),
        set(calls, s, IPV6, 43, sourceReq(w.ifindex, GROUP, FAR6)),
        set(calls, s, IPV6, 44, sourceReq(w.ifindex, GROUP, FAR6)),
      ],
    ],
    [
      'joined and left',
      (w, calls, s) => [
        set(calls, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), w.ifindex)),
        set(calls, s, IPV6, LEAVE, encodeIpv6Mreq(ip6(GROUP), w.ifindex)),
      ],
    ],
  ];
  for (const [what, prepare] of listeners)
    for (const bound of ['::', GROUP, NEAR6])
      twin(`a socket bound to ${bound}, ${what}, beside one that has joined`, (w) => {
        const one = w.near.socket(10, 2, 0);
        const two = w.near.socket(10, 2, 0);
        for (const s of [one, two]) set(w.near, s, 1, 2, 1);
        const log: unknown[] = [w.near.bind(one, sin6('::', 8100)), w.near.bind(two, sin6(bound, 8100, 0))];
        log.push(set(w.near, one, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), w.ifindex)), prepare(w, w.near, two));
        const before = counters6(w.near);
        const s = udp6(w.far, '::', 8000);
        log.push(set(w.far, s, IPV6, 17, w.ifindex), send(w.far, s, 'to all', 0, sin6(GROUP, 8100)));
        w.settle(2);
        log.push(recv(w.near, one), recv(w.near, two), moved(before, counters6(w.near)));
        // From ourselves, and with nobody on the port.
        const here = udp6(w.near, '::', 8050);
        log.push(set(w.near, here, IPV6, 17, w.ifindex), send(w.near, here, 'from here', 0, sin6(GROUP, 8100)));
        log.push(send(w.near, here, 'to none', 0, sin6(GROUP, 8999)));
        w.settle(2);
        log.push(recv(w.near, one), recv(w.near, two), out(w), moved(before, counters6(w.near)));
        log.push(set(w.near, here, IPV6, 19, 0), send(w.near, here, 'not to us', 0, sin6(GROUP, 8100)));
        w.settle(2);
        log.push(recv(w.near, one), out(w));
        for (const fd of [one, two, here]) w.near.close(fd);
        w.far.close(s);
        w.frames();
        return log;
      });

  // ---- sources ----
  const SOURCES = ['2001:db8::a', '2001:db8::b', '2001:db8::c'];
  twin('joining, blocking and leaving sources, in every order', (w) => {
    const log: unknown[] = [];
    const i = w.ifindex;
    for (const first of [JOIN, 46])
      for (const second of [43, 44, 46, 47]) {
        const s = udp6(w.near);
        log.push(
          set(
            w.near,
            s,
            IPV6,
            first,
            first === JOIN ? encodeIpv6Mreq(ip6(GROUP), i) : sourceReq(i, GROUP, SOURCES[0]!),
          ),
        );
        for (const source of [0, 0, 1]) log.push(set(w.near, s, IPV6, second, sourceReq(i, GROUP, SOURCES[source]!)));
        for (const option of [43, 44, 46, 47]) log.push(set(w.near, s, IPV6, option, sourceReq(i, GROUP, SOURCES[1]!)));
        log.push(get(w.near, s, IPV6, 48, 0), set(w.near, s, IPV6, LEAVE, encodeIpv6Mreq(ip6(GROUP), i)));
        w.near.close(s);
      }
    return log;
  });
  for (const option of [43, 44, 46, 47])
    twin(`option ${option} with what is not right`, (w) => {
      const i = w.ifindex;
      const log: unknown[] = [];
      for (const joined of [false, true]) {
        const s = udp6(w.near);
        if (joined) set(w.near, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), i));
        const wrongFamily = sourceReq(i, GROUP, SOURCES[0]!);
        wrongFamily[8] = 2;
        for (const value of [
          sourceReq(77, GROUP, SOURCES[0]!),
          sourceReq(0, GROUP, SOURCES[0]!),
          sourceReq(i, NEAR6, SOURCES[0]!),
          sourceReq(i, GROUP, '::'),
          sourceReq(i, GROUP, SOURCES[0]!).subarray(0, 263),
          wrongFamily,
          new Uint8Array(0),
          new Uint8Array(264),
        ])
          log.push(set(w.near, s, IPV6, option, value));
        w.near.close(s);
      }
      return log;
    });
  twin('MCAST_MSFILTER', (w) => {
    const i = w.ifindex;
    const log: unknown[] = [];
    const s = udp6(w.near);
    /** The filter that is kept, asked for `count` sources. */
    const read = (index: number, group: string, count: number, room = 144 + count * 128): unknown => {
      const value = filter(
        index,
        group,
        0,
        Array.from({ length: count }, () => '::'),
      );
      const length = Int32Array.of(room);
      const result = w.near.getsockopt(s, IPV6, 48, value, length);
      return [result, length[0], result < 0 ? '' : Buffer.from(value.subarray(136, length[0])).toString('hex')];
    };
    log.push(read(i, GROUP, 0), set(w.near, s, IPV6, 48, filter(i, GROUP, 0, [])));
    log.push(set(w.near, s, IPV6, JOIN, encodeIpv6Mreq(ip6(GROUP), i)), read(i, GROUP, 2));
    for (const [mode, sources] of [
      [0, SOURCES],
      [1, SOURCES.slice(1)],
      [0, []],
      [1, SOURCES],
      [2, SOURCES],
    ] as [number, string[]][])
      log.push(
        set(w.near, s, IPV6, 48, filter(i, GROUP, mode, sources)),
        read(i, GROUP, 0),
        read(i, GROUP, 2),
        read(i, GROUP, 5),
      );
    log.push(read(0, GROUP, 2), read(77, GROUP, 2), read(i, 'ff0e::9', 2), read(i, NEAR6, 2), read(i, GROUP, 2, 143));
    log.push(
      set(w.near, s, IPV6, 48, filter(i, GROUP, 0, SOURCES, 4)),
      set(w.near, s, IPV6, 48, filter(i, GROUP, 0, SOURCES, 65)),
    );
    log.push(
      set(w.near, s, IPV6, 48, filter(0, GROUP, 0, SOURCES)),
      set(w.near, s, IPV6, 48, filter(77, GROUP, 0, SOURCES)),
    );
    log.push(
      set(w.near, s, IPV6, 48, new Uint8Array(143)),
      set(w.near, s, IPV6, 48, filter(i, GROUP, 0, SOURCES).subarray(0, 200)),
    );
    log.push(set(w.near, s, IPV6, 48, filter(i, GROUP, 1, [])), read(i, GROUP, 2));
    w.near.close(s);
    return log;
  });

  // ---- where it goes ----
  for (const group of [GROUP, 'ff02::77', 'ff01::77', 'ff05::77', 'ff00::1'])
    for (const [what, prepare] of [
      ['nothing set', () => 0],
      ['IPV6_MULTICAST_IF', (w, s) => set(w.near, s, IPV6, 17, w.ifindex)],
      ['IPV6_MULTICAST_IF of lo', (w, s) => set(w.near, s, IPV6, 17, 1)],
      ['IPV6_UNICAST_IF', (w, s) => set(w.near, s, IPV6, 76, Uint8Array.of(0, 0, 0, w.ifindex))],
      ['IPV6_MULTICAST_HOPS 0', (w, s) => [set(w.near, s, IPV6, 17, w.ifindex), set(w.near, s, IPV6, 18, 0)]],
      ['IPV6_MULTICAST_HOPS 7', (w, s) => [set(w.near, s, IPV6, 17, w.ifindex), set(w.near, s, IPV6, 18, 7)]],
      ['SO_BINDTODEVICE', (w, s) => w.near.setsockopt(s, 1, 25, new TextEncoder().encode(w.dev))],
      ['an own address', (w, s) => w.near.bind(s, sin6(NEAR6, 8000))],
      ['an own link-local address', (w, s) => w.near.bind(s, sin6(NEAR_LL, 8000, w.ifindex))],
    ] as [string, (w: World, s: number) => unknown][])
      twin(`to ${group}: ${what}`, (w) => {
        const s = w.near.socket(10, 2, 0);
        const log: unknown[] = [prepare(w, s)];
        // A port of our own choice, where there is none.
        log.push(w.near.bind(s, sin6('::', 8000)));
        for (const scope of [0, w.ifindex, 1]) {
          log.push(send(w.near, s, 'abc', 0, sin6(group, 8001, scope)));
          w.settle(1);
          log.push(out(w));
        }
        log.push(
          w.near.connect(s, sin6(group, 8001)),
          name(w.near, s),
          name(w.near, s, true),
          send(w.near, s, 'abc'),
          out(w),
        );
        w.near.close(s);
        return log;
      });

  // ---- SO_BINDTODEVICE and scopes ----
  for (const device of ['', 'eth0', 'lo', 'none'])
    twin(`bound to device '${device}': to each destination`, (w) => {
      const log: unknown[] = [];
      for (const [type, protocol] of [
        [2, 17],
        [3, 200],
      ] as const) {
        const s = w.near.socket(10, type, protocol);
        log.push(w.near.setsockopt(s, 1, 25, new TextEncoder().encode(`${device}\0`)));
        if (type === 2) log.push(w.near.bind(s, sin6('::', 8000)));
        const port = type === 2 ? 8001 : 0;
        for (const to of [
          sin6(FAR6, port),
          sin6(FAR_LL, port),
          sin6(FAR_LL, port, w.ifindex),
          sin6(FAR_LL, port, 1),
          sin6(FAR_LL, port, 77),
          sin6('::1', port),
          sin6('::ffff:10.0.0.2', port),
        ]) {
          log.push(send(w.near, s, 'abcdefgh', 0, to));
          w.settle(1);
          log.push(
            out(w),
            w.near.connect(s, to),
            name(w.near, s, true),
            name(w.near, s),
            w.near.connect(s, new Uint8Array(28)),
          );
          log.push(w.near.setsockopt(s, 1, 25, new TextEncoder().encode(`${device}\0`)));
        }
        w.near.close(s);
      }
      return log;
    });

  // ---- files and ioctl ----
  /** A file without what is made up: slots, inodes, references, addresses of sockets. */
  const table = (calls: SystemCalls, file: string): string[] => {
    const content = calls.readFile(`/proc/net/${file}`);
    if (typeof content === 'number') return [String(content)];
    return decoder
      .decode(content)
      .split('\n')
      .map((l) =>
        l
          .trimEnd()
          .replace(/^ *\d+:/, 'N:')
          .replace(/(\s+\d+\s+\d+) \d+ \d+ [0-9a-f]+ (\d+)$/, '$1 … $2'),
      )
      .sort();
  };
  for (const [what, make] of [
    ['nothing', () => []],
    [
      'sockets bound and connected',
      (w) => {
        const a = udp6(w.near, '::', 8000);
        const b = udp6(w.near, NEAR6, 8001);
        w.near.connect(b, sin6(FAR6, 9));
        const d = udp6(w.near, '::', 8003);
        w.near.connect(d, sin6('::ffff:10.0.0.2', 9));
        return [a, b, d, udp6(w.near, '::1', 8002, 0, 136), udp(w.near, NEAR, 8004)];
      },
    ],
    [
      'datagrams waiting',
      (w) => {
        const a = udp6(w.near, '::', 8000);
        for (let i = 0; i < 3; i++) send(w.near, a, 'to myself', 0, sin6('::1', 8000));
        w.settle(2);
        return [a];
      },
    ],
    [
      'raw and ping sockets',
      (w) => {
        const r = w.near.socket(10, 3, 200);
        const c = w.near.socket(10, 3, 58);
        w.near.connect(c, sin6(FAR6, 0));
        const p = w.near.socket(10, 2, 58);
        w.near.bind(p, sin6('::', 99));
        return [r, c, p];
      },
    ],
  ] as [string, (w: World) => number[]][])
    for (const file of ['udp6', 'udplite6', 'raw6', 'icmp6', 'sockstat6', 'udp', 'icmp'])
      twin(`/proc/net/${file} with ${what}`, (w) => {
        w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
        const fds = make(w);
        const text = table(w.near, file);
        for (const fd of fds) w.near.close(fd);
        w.frames();
        return file === 'sockstat6' ? text.filter((l) => !l.startsWith('FRAG6')) : text;
      });
  for (const request of [0x541b, 0x5411, 0x8906, 0x8907, 0x8913, 0x8915, 0x8921, 0x8927, 0x8933, 0x1234])
    twin(`ioctl ${request.toString(16)}`, (w) => {
      w.near.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
      const log: unknown[] = [];
      for (const [type, protocol] of [
        [2, 17],
        [2, 58],
        [3, 17],
      ] as const) {
        const s = w.near.socket(10, type, protocol);
        if (protocol === 17) w.near.bind(s, sin6('::1', 8000));
        const from = udp6(w.near, '::1', 8005);
        send(w.near, from, 'twelve bytes', 0, sin6('::1', 8000));
        w.settle(2);
        const argument = new Uint8Array(40);
        argument.set(new TextEncoder().encode(request > 0x8906 ? 'eth0' : ''));
        const result = w.near.ioctl(s, request, argument);
        const time = request === 0x8906 || request === 0x8907;
        log.push(result, time ? '' : Buffer.from(argument).toString('hex'));
        w.near.close(s);
        w.near.close(from);
      }
      w.frames();
      return log;
    });
  twin('joining anycast addresses', (w) => {
    const s = udp6(w.near);
    const log: unknown[] = [];
    for (const option of [27, 28])
      for (const [addr, index] of [
        ['2001:db8::aaaa', w.ifindex],
        ['2001:db8::aaaa', 0],
        ['2001:db8:9::1', w.ifindex],
        ['2001:db8::bbbb', 77],
        [NEAR6, w.ifindex],
        [GROUP, w.ifindex],
        ['fe80::9999', w.ifindex],
      ] as const)
        log.push(set(w.near, s, IPV6, option, encodeIpv6Mreq(ip6(addr), index)));
    log.push(set(w.near, s, IPV6, 27, int(1)));
    // One that is joined is an address of ours for who asks it.
    log.push(set(w.near, s, IPV6, 27, encodeIpv6Mreq(ip6('2001:db8::aaaa'), w.ifindex)));
    const r = udp6(w.near, '::', 8000);
    const f = udp6(w.near);
    log.push(send(w.near, f, 'any', 0, sin6('2001:db8::aaaa', 8000)));
    w.settle(2);
    log.push(recv(w.near, r, { name: false }));
    for (const fd of [s, r, f]) w.near.close(fd);
    w.frames();
    return log;
  });
});
