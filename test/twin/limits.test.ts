/** Limits that depend on time, and on memory: what is certain of them on a real clock too. */
import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { counters, FAR, get, ip, meminfo, moved, NEAR, recv, revents, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { NEAR_MAC, type World } from './world.ts';

const sysctl = (calls: SystemCalls, name: string, value: number): void => {
  const result = calls.writeFile(`/proc/sys/net/ipv4/${name}`, new TextEncoder().encode(`${value}\n`));
  if (result < 0) throw new Error(`${name}: ${result}`);
};
const LIMITED = 6168;

describeNetwork('limits on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  /** Sends `count` packets to the far host as if from `source`; what moved there by ICMP. */
  function provoke(w: World, source: string, count: number, what: 'closed port' | 'echo' | 'no protocol'): number[] {
    const fd = w.near.socket(2, 3, 255);
    // What waits for a neighbour would be charged to ICMP's own socket, and be a limit too.
    const arpreq = new Uint8Array(68);
    arpreq[0] = 2;
    arpreq.set(ip(source), 4);
    arpreq[16] = 1;
    arpreq.set(NEAR_MAC, 18);
    arpreq[32] = 4;
    arpreq.set(new TextEncoder().encode('eth0'), 52);
    const asker = w.far.socket(2, 2, 0);
    const known = w.far.ioctl(asker, 0x8955, arpreq);
    if (known < 0) throw new Error(`SIOCSARP: ${known}`);
    w.far.close(asker);
    const packet = new Uint8Array(36);
    packet[0] = 0x45;
    packet[8] = 64;
    packet[9] = what === 'closed port' ? 17 : what === 'echo' ? 1 : 200;
    packet.set(ip(source), 12);
    packet.set(ip(FAR), 16);
    if (what === 'closed port') packet.set([0x30, 0x39, 0x1f, 0xff, 0, 16], 20);
    if (what === 'echo') packet.set([8, 0, 0xf7, 0xff], 20);
    const before = counters(w.far);
    for (let i = 0; i < count; i++) send(w.near, fd, packet, 0, sin(FAR, 0));
    w.near.close(fd);
    w.settle(3);
    const by = moved(before, counters(w.far));
    const of = (name: string): number => by[`Icmp:${name}`] ?? 0;
    w.frames();
    return [of('OutDestUnreachs') + of('OutEchoReps'), of('OutRateLimitHost'), of('OutRateLimitGlobal')];
  }
  const usual = (w: World): void => {
    sysctl(w.far, 'icmp_ratemask', 0);
    sysctl(w.far, 'icmp_ratelimit', 1000);
    sysctl(w.far, 'icmp_msgs_per_sec', 1000);
    sysctl(w.far, 'icmp_msgs_burst', 50);
  };

  let host = 50;
  // A peer that was not heard of has six in hand.
  for (const what of ['closed port', 'no protocol'] as const)
    for (const count of [1, 5, 6, 7, 20])
      for (const limit of [1000, 60000]) {
        const source = `10.0.0.${++host}`;
        twin(`${count} times ${what} with one error each ${limit} ms`, (w) => {
          usual(w);
          sysctl(w.far, 'icmp_ratelimit', limit);
          sysctl(w.far, 'icmp_ratemask', LIMITED);
          const first = provoke(w, source, count, what);
          usual(w);
          return first;
        });
      }
  twin('a rate limit of 0 is none', (w) => {
    usual(w);
    sysctl(w.far, 'icmp_ratelimit', 0);
    sysctl(w.far, 'icmp_ratemask', LIMITED);
    sysctl(w.far, 'icmp_msgs_burst', 1000);
    sysctl(w.far, 'icmp_msgs_per_sec', 100000);
    w.settle(30);
    const result = provoke(w, '10.0.0.40', 40, 'closed port');
    usual(w);
    return result;
  });
  for (const [what, mask, type] of [
    ['errors out of the mask', LIMITED & ~8, 'closed port'],
    ['echo, which is not in the mask', LIMITED, 'echo'],
    ['echo, put into the mask', LIMITED | 1, 'echo'],
  ] as const)
    twin(`icmp_ratemask: ${what}`, (w) => {
      usual(w);
      sysctl(w.far, 'icmp_ratelimit', 60000);
      sysctl(w.far, 'icmp_ratemask', mask);
      const result = provoke(w, `10.0.0.${mask & 63 ? 41 : 42}`, 20, type);
      usual(w);
      return result;
    });
  twin('after a while one more goes out', (w) => {
    usual(w);
    sysctl(w.far, 'icmp_ratelimit', 200);
    sysctl(w.far, 'icmp_ratemask', LIMITED);
    const first = provoke(w, '10.0.0.43', 20, 'closed port');
    w.settle(300);
    const [sent, host] = provoke(w, '10.0.0.43', 20, 'closed port') as [number, number];
    usual(w);
    // How much time passed between is not ours to say on a real clock.
    return [first[0]! >= 6 && first[0]! < 15, sent >= 1 && sent < 20, sent + host];
  });
  twin('the whole host: none a second', (w) => {
    usual(w);
    sysctl(w.far, 'icmp_ratemask', LIMITED);
    sysctl(w.far, 'icmp_ratelimit', 0);
    // What is in hand is used up first.
    sysctl(w.far, 'icmp_msgs_per_sec', 0);
    provoke(w, '10.0.0.44', 2500, 'closed port');
    const result = provoke(w, '10.0.0.44', 30, 'closed port');
    usual(w);
    return result;
  });
  twin('the whole host: a burst, about as many as asked for', (w) => {
    usual(w);
    sysctl(w.far, 'icmp_ratemask', LIMITED);
    sysctl(w.far, 'icmp_ratelimit', 0);
    sysctl(w.far, 'icmp_msgs_per_sec', 0);
    provoke(w, '10.0.0.45', 2500, 'closed port');
    sysctl(w.far, 'icmp_msgs_burst', 100);
    sysctl(w.far, 'icmp_msgs_per_sec', 100);
    w.settle(1100);
    const [sent, , global] = provoke(w, '10.0.0.45', 300, 'closed port') as [number, number, number];
    usual(w);
    return [sent > 50 && sent < 250, sent + global];
  });
  twin('the whole host: a burst of 0 still lets one pass now and then', (w) => {
    usual(w);
    sysctl(w.far, 'icmp_ratemask', LIMITED);
    sysctl(w.far, 'icmp_ratelimit', 0);
    sysctl(w.far, 'icmp_msgs_per_sec', 0);
    provoke(w, '10.0.0.46', 2500, 'closed port');
    sysctl(w.far, 'icmp_msgs_burst', 0);
    sysctl(w.far, 'icmp_msgs_per_sec', 1000);
    w.settle(50);
    const [sent, , global] = provoke(w, '10.0.0.46', 50, 'closed port') as [number, number, number];
    usual(w);
    return [sent >= 1 && sent < 25, sent + global];
  });
  twin('loopback has no limit', (w) => {
    usual(w);
    sysctl(w.near, 'icmp_ratemask', LIMITED);
    const s = udp(w.near, '127.0.0.1', 9200);
    const before = counters(w.near);
    for (let i = 0; i < 60; i++) send(w.near, s, 'x', 0, sin('127.0.0.1', 9201));
    w.settle(1);
    const by = moved(before, counters(w.near));
    w.near.close(s);
    sysctl(w.near, 'icmp_ratemask', 0);
    return [by['Icmp:OutDestUnreachs'], by['Icmp:OutRateLimitHost']];
  });

  // ---- what waits for a neighbour is charged to its sender ----
  for (const protocol of [17, 136])
    for (const [what, length, buffer] of [
      ['small ones', 10, 1],
      ['large ones', 1400, 1],
      ['large ones, more room', 1400, 10000],
      ['in fragments', 4000, 1],
      ['in fragments, more room', 4000, 20000],
    ] as const)
      twin(`protocol ${protocol}: a send buffer runs full of ${what}`, (w) => {
        const fd = w.near.socket(2, 2, protocol);
        set(w.near, fd, 1, 7, buffer);
        const before = counters(w.near);
        const log: unknown[] = [get(w.near, fd, 1, 7)];
        for (let i = 0; i < 24; i++) log.push(send(w.near, fd, new Uint8Array(length), 0, sin('10.0.0.230', 9)));
        log.push(meminfo(w.near, fd), revents(w.near, fd));
        const by = moved(before, counters(w.near));
        for (const key of Object.keys(by)) if (key.startsWith('Icmp')) delete by[key];
        log.push(by, recv(w.near, fd, { flags: 0x2000 }));
        w.near.close(fd);
        w.settle(3400);
        w.frames();
        return log;
      });
  for (const recverr of [0, 1])
    twin(`a device queue that is full, IP_RECVERR ${recverr}`, (w) => {
      const s = udp(w.near, NEAR, 9300);
      set(w.near, s, 0, 11, recverr);
      const before = counters(w.near);
      const log: unknown[] = [send(w.near, s, 'ok', 0, sin(FAR, 9))];
      w.settle(2);
      log.push(moved(before, counters(w.near))['Udp:SndbufErrors']);
      w.near.close(s);
      w.frames();
      return log;
    });
});
