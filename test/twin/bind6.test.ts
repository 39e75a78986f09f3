import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { FAR, NEAR, name, outgoing, recv, send, set, sin, sin6, udp6 } from './program.ts';
import { stage } from './stage.ts';
import { FAR_LL, FAR6, NEAR_LL, NEAR6, type World } from './world.ts';

const AF_INET6 = 10;
const IPV6 = 41;
const V6ONLY = 26;
const ANY = '::';
const short = (address: Uint8Array, length: number): Uint8Array => address.slice(0, length);

describeNetwork('names of IPv6 sockets on both kernels', () => {
  const { twin, dispose } = stage({ ipv6: true });
  afterAll(dispose);

  const KINDS: [string, number, number][] = [
    ['UDP', 2, 17],
    ['ping', 2, 58],
    ['raw', 3, 200],
  ];
  const socket = (calls: SystemCalls, type: number, protocol: number): number => {
    calls.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
    return calls.socket(AF_INET6, type, protocol);
  };
  /** Addresses to bind or connect to; -1 stands for the device's index. */
  const ADDRESSES: [string, (w: World) => Uint8Array][] = [
    ['any', () => sin6(ANY, 9000)],
    ['loopback', () => sin6('::1', 9000)],
    ['own', () => sin6(NEAR6, 9000)],
    ['own, with the device', (w) => sin6(NEAR6, 9000, w.ifindex)],
    ['own, with a device that is not there', () => sin6(NEAR6, 9000, 77)],
    ["another's", () => sin6(FAR6, 9000)],
    ['nobody’s', () => sin6('2001:db8::99', 9000)],
    ['own link-local', () => sin6(NEAR_LL, 9000)],
    ['own link-local, with the device', (w) => sin6(NEAR_LL, 9000, w.ifindex)],
    ['own link-local, with lo', () => sin6(NEAR_LL, 9000, 1)],
    ['own link-local, with a device that is not there', () => sin6(NEAR_LL, 9000, 77)],
    ["another's link-local, with the device", (w) => sin6(FAR_LL, 9000, w.ifindex)],
    ["another's link-local", () => sin6(FAR_LL, 9000)],
    ['mapped any', () => sin6('::ffff:0.0.0.0', 9000)],
    ['mapped loopback', () => sin6('::ffff:127.0.0.1', 9000)],
    ['mapped own', () => sin6(`::ffff:${NEAR}`, 9000)],
    ["mapped another's", () => sin6(`::ffff:${FAR}`, 9000)],
    ['mapped broadcast', () => sin6('::ffff:10.0.0.255', 9000)],
    ['mapped multicast', () => sin6('::ffff:224.0.0.9', 9000)],
    ['compatible with IPv4', () => sin6('::10.0.0.1', 9000)],
    ['multicast of the link', () => sin6('ff02::99', 9000)],
    ['multicast of the link, with the device', (w) => sin6('ff02::99', 9000, w.ifindex)],
    ['multicast, global', () => sin6('ff0e::99', 9000)],
    ['multicast of the interface', () => sin6('ff01::99', 9000)],
    ['site-local', () => sin6('fec0::1', 9000)],
    ['blackholed', () => sin6('2001:db8:66::1', 9000)],
    ['prohibited', () => sin6('2001:db8:67::1', 9000)],
    ['unreachable', () => sin6('2001:db8:68::1', 9000)],
    ['without a route', () => sin6('2002::1', 9000)],
    ['behind the far host', () => sin6('2001:db8:1::1', 9000)],
    ['port 0', () => sin6(NEAR6, 0)],
    ['flow information', () => sin6(NEAR6, 9000, 0, 0x12345678)],
    ['24 bytes', () => short(sin6(NEAR6, 9000), 24)],
    ['23 bytes', () => short(sin6(NEAR6, 9000), 23)],
    ['27 bytes of link-local', (w) => short(sin6(NEAR_LL, 9000, w.ifindex), 27)],
    ['2 bytes', () => short(sin6(NEAR6, 9000), 2)],
    ['1 byte', () => short(sin6(NEAR6, 9000), 1)],
    ['nothing', () => new Uint8Array(0)],
    ['40 bytes', () => Uint8Array.from([...sin6(NEAR6, 9000), ...new Uint8Array(12)])],
    ['of IPv4', () => sin(NEAR, 9000)],
    ['of IPv4, far', () => sin(FAR, 9000)],
    ['of family 0', () => Uint8Array.from([0, 0, ...sin6(NEAR6, 9000).subarray(2)])],
    ['of family 1', () => Uint8Array.from([1, 0, ...sin6(NEAR6, 9000).subarray(2)])],
    ['any of family 0', () => new Uint8Array(28)],
  ];
  const sent = (w: World): string[] => outgoing(w.frames());
  /** Ports that the kernel chose. */
  const masked = (text: unknown, fixed: boolean): unknown =>
    typeof text === 'string' && !fixed ? `${text.slice(0, 4)}....${text.slice(8)}` : text;

  for (const [kind, type, protocol] of KINDS)
    for (const [what, address] of ADDRESSES) {
      twin(`${kind}: bind to ${what}`, (w) => {
        const s = socket(w.near, type, protocol);
        const bound = w.near.bind(s, address(w));
        const fixed = what !== 'port 0' && (bound === 0 || kind === 'raw');
        const log: unknown[] = [bound, masked(name(w.near, s), fixed), name(w.near, s, true)];
        const again = w.near.bind(s, sin6(NEAR6, 9001));
        log.push(again, masked(name(w.near, s), fixed || again === 0));
        log.push(
          w.near.connect(s, sin6(FAR6, 9)),
          masked(name(w.near, s), fixed || again === 0),
          name(w.near, s, true),
        );
        w.near.close(s);
        return log;
      });
      twin(`${kind}: connect to ${what}`, (w) => {
        const s = socket(w.near, type, protocol);
        const own = kind === 'raw';
        const log: unknown[] = [];
        for (let i = 0; i < 2; i++)
          log.push(w.near.connect(s, address(w)), masked(name(w.near, s), own), name(w.near, s, true));
        log.push(w.near.connect(s, sin6('::1', 9)), masked(name(w.near, s), own), name(w.near, s, true));
        log.push(w.near.connect(s, new Uint8Array(28)), masked(name(w.near, s), own), name(w.near, s, true));
        log.push(w.near.connect(s, sin6(FAR6, 9)), masked(name(w.near, s), own), name(w.near, s, true));
        w.near.close(s);
        return log;
      });
      twin(`${kind}: bound, connect to ${what}`, (w) => {
        const s = socket(w.near, type, protocol);
        const log: unknown[] = [w.near.bind(s, sin6(NEAR6, 9000)), w.near.connect(s, address(w))];
        log.push(name(w.near, s), name(w.near, s, true), w.near.connect(s, new Uint8Array(28)), name(w.near, s));
        w.near.close(s);
        return log;
      });
      twin(`${kind}: sendto ${what}`, (w) => {
        const s = socket(w.near, type, protocol);
        if (kind === 'ping') w.near.bind(s, sin6('::', 77));
        else if (kind === 'UDP') w.near.bind(s, sin6('::', 8888));
        const data = Uint8Array.of(128, 0, 0, 0, 1, 2, 3, 4, 5, 6);
        const to = kind === 'raw' ? address(w).slice() : address(w);
        if (kind === 'raw') to.fill(0, 2, 4);
        const log: unknown[] = [w.near.sendto(s, data, 0, to)];
        if (kind === 'raw') log.push(w.near.sendto(s, data, 0, address(w)));
        w.settle(2);
        log.push(sent(w), name(w.near, s));
        w.near.close(s);
        return log;
      });
    }

  // ---- who may have the port ----
  const FORMS: [string, Uint8Array, number, boolean][] = [
    ['::', sin6(ANY, 9100), AF_INET6, false],
    [':: alone', sin6(ANY, 9100), AF_INET6, true],
    ['::1', sin6('::1', 9100), AF_INET6, false],
    [NEAR6, sin6(NEAR6, 9100), AF_INET6, false],
    ['mapped any', sin6('::ffff:0.0.0.0', 9100), AF_INET6, false],
    ['mapped own', sin6(`::ffff:${NEAR}`, 9100), AF_INET6, false],
    ['0.0.0.0', sin('0.0.0.0', 9100), 2, false],
    [NEAR, sin(NEAR, 9100), 2, false],
    ['127.0.0.1', sin('127.0.0.1', 9100), 2, false],
  ];
  for (const reuse of [0, 2, 15])
    for (const [first, a, familyA, onlyA] of FORMS)
      twin(`${first}${reuse === 0 ? '' : ` with option ${reuse}`}, and then another`, (w) => {
        const log: unknown[] = [];
        for (const [second, b, familyB, onlyB] of FORMS) {
          const one = w.near.socket(familyA, 2, 0);
          const two = w.near.socket(familyB, 2, 0);
          if (onlyA) set(w.near, one, IPV6, V6ONLY, 1);
          if (onlyB) set(w.near, two, IPV6, V6ONLY, 1);
          if (reuse !== 0) for (const s of [one, two]) set(w.near, s, 1, reuse, 1);
          const result = [w.near.bind(one, a), w.near.bind(two, b)];
          // Who gets what comes to each address.
          const s4 = w.near.socket(2, 2, 0);
          const s6 = w.near.socket(AF_INET6, 2, 0);
          const got: unknown[] = [];
          for (const [s, to] of [
            [s6, sin6('::1', 9100)],
            [s6, sin6(NEAR6, 9100)],
            [s6, sin6('::ffff:127.0.0.1', 9100)],
            [s4, sin(NEAR, 9100)],
            [s4, sin('127.0.0.1', 9100)],
          ] as const) {
            send(w.near, s, 'x', 0, to);
            w.settle(1);
            const members = [recv(w.near, one, { name: false })[0], recv(w.near, two, { name: false })[0]];
            // Of a group that shares by hash, either may be the one.
            got.push(reuse === 15 ? members.filter((n) => n === 1).length : members);
          }
          log.push([second, result, got]);
          for (const s of [one, two, s4, s6]) w.near.close(s);
        }
        w.frames();
        return log;
      });
  twin('IPV6_V6ONLY after bind, and what bind makes of it', (w) => {
    const log: unknown[] = [];
    for (const [, address, family] of FORMS) {
      if (family !== AF_INET6) continue;
      const s = w.near.socket(AF_INET6, 2, 0);
      const value = new Uint8Array(4);
      log.push(w.near.bind(s, address), set(w.near, s, IPV6, V6ONLY, 1));
      w.near.getsockopt(s, IPV6, V6ONLY, value, Int32Array.of(4));
      log.push(value[0]);
      w.near.close(s);
    }
    return log;
  });
  for (const only of [0, 1])
    for (const bound of [undefined, ANY, '::1', NEAR6, '::ffff:0.0.0.0', `::ffff:${NEAR}`])
      twin(`V6ONLY ${only}, bound to ${bound}: to every kind of address`, (w) => {
        const log: unknown[] = [];
        for (const to of [
          sin6('::1', 9),
          sin6(FAR6, 9),
          sin6(ANY, 9),
          sin6('::ffff:0.0.0.0', 9),
          sin6('::ffff:127.0.0.1', 9),
          sin6(`::ffff:${FAR}`, 9),
          sin(FAR, 9),
          sin('127.0.0.1', 9),
        ]) {
          for (const connect of [false, true]) {
            const s = udp6(w.near);
            log.push(set(w.near, s, IPV6, V6ONLY, only));
            const fixed = bound !== undefined && w.near.bind(s, sin6(bound, 9200)) === 0;
            log.push(fixed);
            if (connect) log.push(w.near.connect(s, to));
            log.push(send(w.near, s, 'abc', 0, connect ? null : to));
            log.push(masked(name(w.near, s), fixed));
            log.push(name(w.near, s, true));
            w.settle(1);
            log.push(sent(w).map((frame) => (fixed ? frame : frame.length)));
            w.near.close(s);
          }
        }
        return log;
      });
});
