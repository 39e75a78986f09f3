import { afterAll, expect, it } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { hostU16, hostU32, int, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { describeNetwork } from '../support/network.ts';
import { addr, cat, icmp6, ip6, NEAR6, options, RIM6 } from './packets6.ts';
import { hex } from './program.ts';
import { IN_TIME } from './stage.ts';
import { NEAR_MAC } from './world.ts';
import { emulatedWorld6, linuxWorld6, type World6 } from './world6.ts';

const [AF_INET6, SOCK_DGRAM, IPPROTO_IPV6] = [10, 2, 41];
const [IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP] = [20, 21];
const [MCAST_LEAVE_GROUP, MCAST_JOIN_SOURCE_GROUP, MCAST_LEAVE_SOURCE_GROUP] = [45, 46, 47];
const [MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE] = [43, 44];

describeNetwork('Multicast listener reports and rtnetlink of IPv6 on both kernels', () => {
  let host: World6 | undefined;
  let ours: World6 | undefined;
  const twin = (name: string, program: (w: World6) => unknown): void => {
    it(name, IN_TIME, () => {
      host ??= linuxWorld6();
      ours ??= emulatedWorld6();
      const theirs = program(host);
      expect(program(ours)).toEqual(theirs);
    });
  };
  afterAll(() => {
    host?.dispose();
    ours?.dispose();
  });

  /** Messages of MLD that the far host sees from the near one while `act` is under way and until a while after: each
   * once, since a change is reported twice. */
  function reports(w: World6, act: () => unknown, wanted = 1): unknown {
    const fd = w.far.socket(17, 3, 0);
    w.far.bind(fd, encodeSockaddrLl({ protocol: 0x86dd, ifindex: 2 }));
    const result = act();
    const seen: string[] = [];
    const buffer = new Uint8Array(2048);
    let quiet = 0;
    for (let tries = 0; tries < 600 && quiet < 12; tries++) {
      w.settle(10);
      let any = false;
      for (let n = w.far.recvfrom(fd, buffer, 0, null, null); n >= 0; n = w.far.recvfrom(fd, buffer, 0, null, null)) {
        // From the near host, hop-by-hop options, a message of MLD.
        if (buffer[11] !== NEAR_MAC[5] || buffer[20] !== 0 || buffer[54] !== 58) continue;
        const text = hex(buffer.subarray(0, n));
        any = true;
        if (!seen.includes(text)) seen.push(text);
      }
      quiet = any || seen.length < wanted ? (tries > 300 ? quiet + 1 : 0) : quiet + 1;
    }
    w.far.close(fd);
    return [result, seen];
  }
  const mreq = (group: string, ifindex: number): Uint8Array => {
    const bytes = cat(addr(group), new Uint8Array(4));
    putHostU32(bytes, 16, ifindex);
    return bytes;
  };
  const sin6 = (address: string): Uint8Array => {
    const bytes = new Uint8Array(128);
    putHostU16(bytes, 0, AF_INET6);
    bytes.set(addr(address), 8);
    return bytes;
  };
  const groupReq = (ifindex: number, group: string, source?: string): Uint8Array => {
    const head = new Uint8Array(8);
    putHostU32(head, 0, ifindex);
    return cat(head, sin6(group), source === undefined ? [] : sin6(source));
  };
  const open = (w: World6): number => w.near.socket(AF_INET6, SOCK_DGRAM, 0);
  const set = (w: World6, fd: number, name: number, value: Uint8Array): number =>
    w.near.setsockopt(fd, IPPROTO_IPV6, name, value);

  for (const group of ['ff02::1234', 'ff05::1', 'ff0e::aaaa'])
    twin(`${group} joined, joined by a second socket, left by both`, (w) => {
      const [a, b] = [open(w), open(w)];
      const log = [reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq(group, w.ifindex)))];
      log.push(reports(w, () => set(w, b, IPV6_JOIN_GROUP, mreq(group, w.ifindex)), 0));
      log.push(reports(w, () => set(w, a, IPV6_LEAVE_GROUP, mreq(group, w.ifindex)), 0));
      log.push(reports(w, () => w.near.close(b)));
      w.near.close(a);
      return log;
    });
  twin('groups that are not reported', (w) => {
    const a = open(w);
    const log = ['ff01::1234', 'ff02::1'].map((group) =>
      reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq(group, w.ifindex)), 0),
    );
    w.near.close(a);
    return log;
  });
  twin('a group with sources: allowed one by one, blocked one by one', (w) => {
    const a = open(w);
    const group = 'ff0e::77';
    const log: unknown[] = [];
    for (const source of ['2001:db8::51', '2001:db8::52'])
      log.push(reports(w, () => set(w, a, MCAST_JOIN_SOURCE_GROUP, groupReq(w.ifindex, group, source))));
    for (const source of ['2001:db8::51', '2001:db8::52'])
      log.push(reports(w, () => set(w, a, MCAST_LEAVE_SOURCE_GROUP, groupReq(w.ifindex, group, source))));
    w.near.close(a);
    return log;
  });
  twin('a group without sources: blocked and unblocked', (w) => {
    const a = open(w);
    const group = 'ff0e::78';
    const log = [reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq(group, w.ifindex)))];
    for (const name of [MCAST_BLOCK_SOURCE, MCAST_UNBLOCK_SOURCE])
      log.push(reports(w, () => set(w, a, name, groupReq(w.ifindex, group, '2001:db8::53'))));
    log.push(reports(w, () => set(w, a, MCAST_LEAVE_GROUP, groupReq(w.ifindex, group))));
    w.near.close(a);
    return log;
  });

  /** A query from the far host. */
  const query = (
    w: World6,
    group: string,
    v2: number[],
    rest: { src?: string; hops?: number; alert?: boolean; code?: number } = {},
  ): number => {
    const { src = 'fe80::ff:fe00:2', hops = 1, alert = true, code = 10 } = rest;
    const dst = group === '::' ? 'ff02::1' : group;
    const message = icmp6(130, 0, code << 16, cat(addr(group), v2), { src, dst });
    const payload = alert ? cat(options(58, [5, 2, 0, 0]), message) : message;
    const frame = cat(
      [0x33, 0x33, ...addr(dst).slice(12), 2, 0, 0, 0, 0, 2, 0x86, 0xdd],
      ip6({ src, dst, next: alert ? 0 : 58, hops, payload }),
    );
    const fd = w.far.socket(17, 3, 0);
    const sent = w.far.sendto(fd, frame, 0, encodeSockaddrLl({ protocol: 0x86dd, ifindex: 2 }));
    w.far.close(fd);
    return sent;
  };
  const V2 = [2, 125, 0, 0];
  twin('a general query is answered with all groups', (w) => {
    const a = open(w);
    reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq('ff0e::99', w.ifindex)));
    const log = [reports(w, () => query(w, '::', V2))];
    w.near.close(a);
    reports(w, () => 0);
    return log;
  });
  twin('queries for a group, and for one that nobody joined', (w) => {
    const a = open(w);
    reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq('ff0e::9a', w.ifindex)));
    const log = [reports(w, () => query(w, 'ff0e::9a', V2)), reports(w, () => query(w, 'ff0e::9b', V2), 0)];
    w.near.close(a);
    reports(w, () => 0);
    return log;
  });
  twin('a query for sources', (w) => {
    const a = open(w);
    reports(w, () => set(w, a, MCAST_JOIN_SOURCE_GROUP, groupReq(w.ifindex, 'ff0e::9c', '2001:db8::61')));
    reports(w, () => set(w, a, MCAST_JOIN_SOURCE_GROUP, groupReq(w.ifindex, 'ff0e::9c', '2001:db8::62')));
    const one = (source: string): number[] => [2, 125, 0, 1, ...addr(source)];
    const log = [
      reports(w, () => query(w, 'ff0e::9c', one('2001:db8::61'))),
      reports(w, () => query(w, 'ff0e::9c', one('2001:db8::69')), 0),
    ];
    w.near.close(a);
    reports(w, () => 0);
    return log;
  });
  twin('queries that are not heard: hop limit, source, router alert', (w) => [
    reports(w, () => query(w, '::', V2, { hops: 2 }), 0),
    reports(w, () => query(w, '::', V2, { src: '2001:db8::2' }), 0),
    reports(w, () => query(w, '::', V2, { alert: false }), 0),
  ]);
  twin('a query of version 1: reports of version 1 from then on', (w) => {
    const a = open(w);
    reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq('ff0e::9d', w.ifindex)));
    const log = [reports(w, () => query(w, 'ff0e::9d', []))];
    log.push(reports(w, () => set(w, a, IPV6_JOIN_GROUP, mreq('ff0e::9e', w.ifindex))));
    log.push(reports(w, () => w.near.close(a)));
    return log;
  });

  // ---- duplicate address detection, solicitation of routers ----
  const put = (calls: SystemCalls, name: string, value: number): void => {
    const result = calls.writeFile(`/proc/sys/net/ipv6/${name}`, new TextEncoder().encode(`${value}\n`));
    if (result < 0) throw new Error(`${name}: ${result}`);
  };
  const RIM_LL = 'fe80::ff:fe00:4';
  /** The rim's device loses IPv6 and gets it again; what the far host hears of it until `fits`, each message once, the
   * nonce of RFC 7527 as n. `answer` is sent by the far host once, when it is first asked for the address. */
  function again(w: World6, fits: (seen: string[]) => boolean, answer: Uint8Array | null): unknown {
    const fd = w.far.socket(17, 3, 0);
    const there = encodeSockaddrLl({ protocol: 0x86dd, ifindex: 3 });
    w.far.bind(fd, there);
    put(w.rim, 'conf/eth0/disable_ipv6', 1);
    put(w.rim, 'conf/eth0/accept_dad', 1);
    put(w.rim, 'conf/eth0/router_solicitations', 1);
    put(w.rim, 'conf/eth0/disable_ipv6', 0);
    const seen: string[] = [];
    const buffer = new Uint8Array(2048);
    let pending = answer;
    for (let tries = 0; tries < 800 && !fits(seen); tries++) {
      w.settle(10);
      for (let n = w.far.recvfrom(fd, buffer, 0, null, null); n >= 0; n = w.far.recvfrom(fd, buffer, 0, null, null)) {
        if (buffer[11] !== 4) continue;
        const solicits = buffer[20] === 58 && buffer[54] === 135;
        if (solicits && n === 86 && buffer[78] === 14) {
          buffer.fill(0, 80, 86);
          buffer.fill(0, 56, 58);
        }
        const text = hex(buffer.subarray(0, n));
        if (!seen.includes(text)) seen.push(text);
        if (solicits && pending !== null) {
          w.far.sendto(fd, pending, 0, there);
          pending = null;
        }
      }
    }
    w.far.close(fd);
    const state = (): string => String(new TextDecoder().decode(w.rim.readFile('/proc/net/if_inet6') as Uint8Array));
    // The flags of a lost address follow by a work queue.
    for (let tries = 0; tries < 200 && answer !== null && !/ (48|c8) +eth0/.test(state()); tries++) w.settle(10);
    return [seen.sort(), state().split('\n').sort()];
  }
  const ofType = (seen: string[], type: string): boolean => seen.some((text) => text.slice(108, 110) === type);
  twin('an address is looked for, reported, and routers asked', (w) =>
    again(w, (seen) => ofType(seen, '85') && seen.filter((text) => text.slice(40, 42) === '00').length >= 2, null),
  );
  twin('an address that somebody has is not taken', (w) => {
    const na = icmp6(136, 0, 0x20000000, cat(addr(RIM_LL), [2, 1, 2, 0, 0, 0, 0, 9]), { src: RIM_LL, dst: 'ff02::1' });
    const frame = cat(
      [0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 0x86, 0xdd],
      ip6({ src: RIM_LL, dst: 'ff02::1', next: 58, hops: 255, payload: na }),
    );
    return again(w, (seen) => ofType(seen, '87'), frame);
  });
  twin('an address that somebody looks for at the same time is not taken', (w) => {
    const group = 'ff02::1:ff00:4';
    const ns = icmp6(135, 0, 0, cat(addr(RIM_LL), [14, 1, 9, 9, 9, 9, 9, 9]), { src: '::', dst: group });
    const frame = cat(
      [0x33, 0x33, 0xff, 0, 0, 4, 2, 0, 0, 0, 0, 9, 0x86, 0xdd],
      ip6({ src: '::', dst: group, next: 58, hops: 255, payload: ns }),
    );
    return again(w, (seen) => ofType(seen, '87'), frame);
  });

  // ---- rtnetlink ----
  const RTM = { addr: 22, route: 26, neigh: 30 };
  function ask(calls: SystemCalls, type: number, flags: number, body: Uint8Array): unknown[] {
    const fd = calls.socket(16, 3, 0);
    const head = new Uint8Array(16);
    putHostU32(head, 0, 16 + body.length);
    putHostU16(head, 4, type);
    putHostU16(head, 6, flags);
    putHostU32(head, 8, 1);
    const sent = calls.sendto(fd, cat(head, body), 0, null);
    if (sent < 0) throw new Error(`netlink: ${sent}`);
    const answers: unknown[] = [];
    const buffer = new Uint8Array(65536);
    for (let done = false; !done; ) {
      const n = calls.recvfrom(fd, buffer, 0x40, null, null);
      if (n <= 0) break;
      for (let at = 0; at < n; at += (hostU32(buffer, at) + 3) & ~3) {
        const length = hostU32(buffer, at);
        const kind = hostU16(buffer, at + 4);
        if (kind === 3) {
          done = true;
          break;
        }
        if (kind === 2) {
          answers.push(['error', hex(buffer.subarray(at + 16, at + 20))]);
          done = true;
          break;
        }
        answers.push(message(kind, buffer.subarray(at + 16, at + length), type === RTM.addr ? 8 : 12));
        if (!(flags & 0x300)) done = true;
      }
    }
    calls.close(fd);
    return answers;
  }
  /** Header and attributes as text, without times and counts of uses. */
  function message(kind: number, bytes: Uint8Array, header: number): string {
    const parts = [`${kind} ${hex(bytes.subarray(0, header))}`];
    for (let at = header; at + 4 <= bytes.length; at += (hostU16(bytes, at) + 3) & ~3) {
      const type = hostU16(bytes, at + 2);
      const value = hex(bytes.subarray(at + 4, at + hostU16(bytes, at)));
      const timed = (kind === 20 && type === 6) || (kind === 24 && type === 12) || (kind === 28 && type === 3);
      parts.push(`${type}=${timed ? (kind === 20 ? value.slice(0, 16) : value.length) : value}`);
    }
    return parts.join(' ');
  }
  const DUMP = 0x301;
  twin('RTM_GETADDR of AF_INET6', (w) =>
    [w.near, w.far].map((calls) => ask(calls, RTM.addr, DUMP, Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0))),
  );
  twin('RTM_GETROUTE of AF_INET6', (w) =>
    [w.near, w.far].map((calls) =>
      ask(calls, RTM.route, DUMP, Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)).sort(),
    ),
  );
  twin('RTM_GETNEIGH of AF_INET6: what was put in by hand', (w) =>
    [w.near, w.far].map((calls) =>
      ask(calls, RTM.neigh, DUMP, Uint8Array.of(10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        .filter((text) => / .{16}8000/.test(String(text)))
        .sort(),
    ),
  );
  const toward = (text: string, oif?: number): Uint8Array => {
    const attribute = cat([20, 0, 1, 0], addr(text));
    return cat(
      [10, 128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      attribute,
      oif === undefined ? [] : cat([8, 0, 4, 0], int(oif)),
    );
  };
  for (const text of [
    NEAR6,
    '2001:db8::2',
    RIM6,
    '2001:db8:66::1',
    '2001:db8:67::1',
    '2001:db8:68::1',
    '2001:db8:99::1',
    '::1',
    'fe80::1',
    'ff02::1',
    '::',
  ])
    twin(`RTM_GETROUTE toward ${text}`, (w) => [
      ask(w.near, RTM.route, 1, toward(text)),
      ask(w.near, RTM.route, 1, toward(text, w.ifindex)),
      ask(w.near, RTM.route, 1, toward(text, 77)),
    ]);
});
