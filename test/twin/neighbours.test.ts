/** The neighbour table of IPv4: its states and their timers, what waits for an answer, what ARP says unasked. */
import { afterAll } from 'vitest';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { describeNetwork } from '../support/network.ts';
import { arpTable } from './netlink.ts';
import { bytes, counters, FAR, hex, ip, moved, NEAR, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, NEAR_MAC, type World } from './world.ts';

const sysctl = (calls: SystemCalls, name: string, value: number): void => {
  const result = calls.writeFile(`/proc/sys/net/ipv4/${name}`, bytes(`${value}\n`));
  if (result < 0) throw new Error(`${name}: ${result}`);
};
const neigh = (calls: SystemCalls, values: Record<string, number>): void => {
  for (const [name, value] of Object.entries(values)) sysctl(calls, `neigh/eth0/${name}`, value);
};
const conf = (calls: SystemCalls, name: string, value: number): void => {
  for (const dev of ['all', 'eth0']) sysctl(calls, `conf/${dev}/${name}`, value);
};

/** SIOCDARP, or SIOCSARP of a permanent entry. */
function arp(calls: SystemCalls, address: string, mac: Uint8Array | null): number {
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
  return result;
}

const USUAL = {
  base_reachable_time_ms: 30000,
  retrans_time_ms: 1000,
  delay_first_probe_time: 5,
  ucast_solicit: 3,
  mcast_solicit: 3,
  mcast_resolicit: 0,
  unres_qlen_bytes: 212992,
  locktime: 100,
};

describeNetwork('neighbours of IPv4 on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  /** Operation, destination of the link, asked for: of ARP. Destination and first byte of the data: of datagrams. */
  const seen = (w: World): string[] =>
    w.frames().map((frame) => {
      const [way, text] = frame.split(' ') as [string, string];
      return text.slice(24, 28) === '0806'
        ? `${way} arp ${text.slice(42, 44)} to ${text.slice(0, 12)} ${text.slice(56, 64)} > ${text.slice(76, 84)}`
        : `${way} data to ${text.slice(0, 12)} ${text.slice(84, 88)}`;
    });
  const table = (w: World): string[] => arpTable(w.near, w.ifindex);
  /** As the stage was: nobody known but by hand. */
  const clean = (w: World): void => {
    neigh(w.near, USUAL);
    for (const entry of table(w)) arp(w.near, entry.split(' ')[0]!, null);
    arp(w.near, FAR, FAR_MAC);
    w.settle(1);
    w.frames();
  };

  twin('INCOMPLETE, REACHABLE, STALE, DELAY, PROBE, REACHABLE again', (w) => {
    neigh(w.near, { base_reachable_time_ms: 1500, delay_first_probe_time: 1, retrans_time_ms: 500 });
    const log: unknown[] = [table(w), arp(w.near, FAR, null), table(w)];
    const s = udp(w.near, NEAR, 8200);
    send(w.near, s, 'A', 0, sin(FAR, 9));
    w.settle(20);
    log.push(table(w), seen(w));
    // The time of reachability is drawn between a half and one and a half of its base.
    for (let tries = 0; tries < 60 && table(w)[0]!.includes('REACHABLE'); tries++) w.settle(50);
    for (let tries = 0; tries < 60 && table(w)[0]!.includes('DELAY'); tries++) w.settle(50);
    for (let tries = 0; tries < 60 && table(w)[0]!.includes('REACHABLE'); tries++) w.settle(50);
    w.frames();
    send(w.near, s, 'B', 0, sin(FAR, 9));
    w.settle(20);
    log.push(
      table(w).map((entry) => entry.replace('DELAY', 'STALE')),
      seen(w).slice(0, 1),
    );
    for (let tries = 0; tries < 60 && !table(w)[0]!.includes('REACHABLE'); tries++) w.settle(50);
    // The answer came at once, so that PROBE is not seen but by the question.
    log.push(table(w), seen(w).slice(-2));
    clean(w);
    w.near.close(s);
    return log;
  });
  twin('a neighbour that answered within the last second is asked again and again', (w) => {
    neigh(w.near, { base_reachable_time_ms: 200, delay_first_probe_time: 1, retrans_time_ms: 500 });
    arp(w.near, FAR, null);
    const s = udp(w.near, NEAR, 8200);
    send(w.near, s, 'A', 0, sin(FAR, 9));
    w.settle(20);
    const log: unknown[] = [table(w), seen(w)];
    w.settle(2700);
    // Twice: each time it was reachable for 0.1 to 0.3 seconds, and a second went by.
    log.push(seen(w));
    clean(w);
    w.near.close(s);
    return log;
  });
  twin('a neighbour that falls silent: three questions to it alone, then FAILED', (w) => {
    neigh(w.near, { base_reachable_time_ms: 200, delay_first_probe_time: 1, retrans_time_ms: 150 });
    arp(w.near, FAR, null);
    const s = udp(w.near, NEAR, 8201);
    send(w.near, s, 'A', 0, sin(FAR, 9));
    w.settle(500);
    conf(w.far, 'arp_ignore', 8);
    seen(w);
    send(w.near, s, 'B', 0, sin(FAR, 9));
    for (let tries = 0; tries < 80 && !table(w).join().includes('FAILED'); tries++) w.settle(50);
    const log: unknown[] = [table(w), seen(w)];
    send(w.near, s, 'C', 0, sin(FAR, 9));
    for (let tries = 0; tries < 80 && !table(w).join().includes('FAILED'); tries++) w.settle(50);
    log.push(table(w), seen(w));
    conf(w.far, 'arp_ignore', 0);
    clean(w);
    w.near.close(s);
    return log;
  });
  for (const [what, values] of [
    ['one question', { mcast_solicit: 1 }],
    ['none', { mcast_solicit: 0 }],
    ['two to it alone, one more to all', { ucast_solicit: 2, mcast_resolicit: 1 }],
  ] as [string, Record<string, number>][])
    twin(`a neighbour that never answers: ${what}`, (w) => {
      neigh(w.near, { retrans_time_ms: 100, delay_first_probe_time: 1, base_reachable_time_ms: 100, ...values });
      const before = counters(w.near);
      const s = udp(w.near, NEAR, 8202);
      set(w.near, s, 0, 11, 1);
      const log: unknown[] = [send(w.near, s, 'A', 0, sin('10.0.0.70', 9))];
      for (let tries = 0; tries < 40 && !table(w).join().includes('FAILED'); tries++) w.settle(50);
      w.settle(50);
      log.push(seen(w), table(w), moved(before, counters(w.near)));
      // And one that was there.
      arp(w.near, FAR, null);
      send(w.near, s, 'B', 0, sin(FAR, 9));
      w.settle(400);
      conf(w.far, 'arp_ignore', 8);
      send(w.near, s, 'C', 0, sin(FAR, 9));
      for (let tries = 0; tries < 80 && !table(w).some((e) => e.startsWith(`${FAR} FAILED`)); tries++) w.settle(50);
      log.push(seen(w), table(w));
      conf(w.far, 'arp_ignore', 0);
      clean(w);
      w.near.close(s);
      return log;
    });
  for (const room of [0, 1, 800, 2000, 5000, 212992])
    twin(`unres_qlen_bytes of ${room}: what waits, the oldest go`, (w) => {
      neigh(w.near, { unres_qlen_bytes: room, retrans_time_ms: 3000 });
      const s = udp(w.near, NEAR, 8203);
      const log: unknown[] = [];
      for (let i = 0; i < 8; i++)
        log.push(send(w.near, s, new Uint8Array(i % 2 ? 1000 : 10).fill(0x41 + i), 0, sin('10.0.0.71', 9)));
      const outq = new Uint8Array(4);
      w.near.ioctl(s, 0x5411, outq);
      log.push(hex(outq), seen(w));
      arp(w.near, '10.0.0.71', Uint8Array.of(2, 0, 0, 0, 0, 0x71));
      w.settle(5);
      w.near.ioctl(s, 0x5411, outq);
      log.push(seen(w), hex(outq));
      clean(w);
      w.near.close(s);
      return log;
    });
  twin('MSG_CONFIRM says that a neighbour is there', (w) => {
    neigh(w.near, { base_reachable_time_ms: 200, delay_first_probe_time: 1 });
    arp(w.near, FAR, null);
    const s = udp(w.near, NEAR, 8204);
    send(w.near, s, 'A', 0, sin(FAR, 9));
    w.settle(500);
    const log: unknown[] = [table(w)];
    seen(w);
    for (let i = 0; i < 4; i++) {
      send(w.near, s, 'B', 0x800, sin(FAR, 9));
      w.settle(300);
    }
    // It was confirmed all the time: nobody was asked.
    log.push(
      seen(w),
      table(w).map((entry) => entry.replace(/REACHABLE|STALE|DELAY/, 'known')),
    );
    clean(w);
    w.near.close(s);
    return log;
  });

  // ---- what is heard ----
  const OTHER = Uint8Array.of(2, 0, 0, 0, 0, 0x99);
  function hear(
    w: World,
    op: number,
    from: [string, Uint8Array],
    to: [string, Uint8Array],
    link = to[1].every((byte) => byte === 0) ? new Uint8Array(6).fill(255) : to[1],
  ): void {
    const fd = w.far.socket(17, 3, 0);
    const request = new Uint8Array(40);
    request.set(bytes('eth0'));
    w.far.ioctl(fd, 0x8933, request);
    const ll = Uint8Array.of(17, 0, 8, 6, request[16]!, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const frame = [
      ...link,
      ...from[1],
      8,
      6,
      0,
      1,
      8,
      0,
      6,
      4,
      0,
      op,
      ...from[1],
      ...ip(from[0]),
      ...to[1],
      ...ip(to[0]),
    ];
    w.far.sendto(fd, Uint8Array.from(frame), 0, ll);
    w.far.close(fd);
    w.settle(3);
  }
  const NOBODY = new Uint8Array(6);
  for (const accept of [0, 1, 2])
    for (const [what, op, from, to] of [
      ['a gratuitous request', 1, ['10.0.0.72', OTHER], ['10.0.0.72', NOBODY]],
      ['a gratuitous answer', 2, ['10.0.0.73', OTHER], ['10.0.0.73', OTHER]],
      ['an answer to all that is none', 2, ['10.0.0.74', OTHER], ['10.0.0.1', NOBODY]],
      ['an answer to us', 2, ['10.0.0.75', OTHER], ['10.0.0.1', NEAR_MAC]],
      ['a gratuitous request from another network', 1, ['10.77.0.1', OTHER], ['10.77.0.1', NOBODY]],
    ] as [string, number, [string, Uint8Array], [string, Uint8Array]][])
      for (const drop of [0, 1])
        twin(`${what}, arp_accept ${accept}, drop_gratuitous_arp ${drop}`, (w) => {
          conf(w.near, 'arp_accept', accept);
          conf(w.near, 'drop_gratuitous_arp', drop);
          hear(w, op, from, to);
          const log = [table(w), seen(w)];
          conf(w.near, 'arp_accept', 0);
          conf(w.near, 'drop_gratuitous_arp', 0);
          clean(w);
          return log;
        });
  twin('another address for a neighbour: not within a second of the last, but if it is gratuitous', (w) => {
    neigh(w.near, { locktime: 100 });
    hear(w, 1, ['10.0.0.76', OTHER], [NEAR, NOBODY]);
    const log: unknown[] = [table(w)];
    const changed = Uint8Array.of(2, 0, 0, 0, 0, 0x98);
    hear(w, 2, ['10.0.0.76', changed], [NEAR, NEAR_MAC]);
    log.push(table(w));
    hear(w, 1, ['10.0.0.76', changed], ['10.0.0.76', NOBODY]);
    log.push(table(w));
    w.settle(1100);
    hear(w, 2, ['10.0.0.76', OTHER], [NEAR, NEAR_MAC]);
    log.push(table(w), seen(w).length);
    clean(w);
    return log;
  });
  for (const ignore of [0, 1, 2, 3, 8])
    for (const target of [NEAR, '127.0.0.1', '192.0.2.77', '10.0.0.255', '172.16.5.1'])
      for (const from of [FAR, '172.16.5.9', '0.0.0.0'])
        twin(`arp_ignore ${ignore}: ${from} asks for ${target}`, (w) => {
          w.change(
            `ip -n $near address replace 192.0.2.77/32 dev lo
             ip -n $near address replace 172.16.5.1/24 dev eth0`,
            (near) => {
              if (near.device('lo').ip!.ifaList.length > 1) return;
              near.address('lo', '192.0.2.77/32').address('eth0', '172.16.5.1/24');
            },
          );
          conf(w.near, 'arp_ignore', ignore);
          hear(w, 1, [from, OTHER], [target, NOBODY]);
          const log = [seen(w), table(w)];
          conf(w.near, 'arp_ignore', 0);
          clean(w);
          return log;
        });
  for (const announce of [0, 1, 2])
    for (const from of [NEAR, '192.0.2.77', '172.16.5.1'])
      twin(`arp_announce ${announce}: a question for a packet from ${from}`, (w) => {
        conf(w.near, 'arp_announce', announce);
        neigh(w.near, { retrans_time_ms: 3000 });
        const s = udp(w.near, from, 8205);
        const log: unknown[] = [send(w.near, s, 'A', 0, sin('10.0.0.78', 9))];
        w.settle(3);
        log.push(seen(w));
        conf(w.near, 'arp_announce', 0);
        clean(w);
        w.near.close(s);
        return log;
      });
  for (const [what, forwarding, proxy, target] of [
    ['a host behind us', 1, 1, '10.1.0.9'],
    ['a host behind us, without leave', 1, 0, '10.1.0.9'],
    ['a host behind us, but we are no router', 0, 1, '10.1.0.9'],
    ['a host on the same link', 1, 1, '10.0.0.9'],
    ['a host that nobody has a route to', 1, 1, '99.0.0.1'],
  ] as [string, number, number, string][])
    twin(`proxy_arp: ${what}`, (w) => {
      sysctl(w.near, 'ip_forward', forwarding);
      conf(w.near, 'proxy_arp', proxy);
      sysctl(w.near, 'neigh/eth0/proxy_delay', 0);
      hear(w, 1, [FAR, FAR_MAC], [target, NOBODY]);
      w.settle(20);
      const log = [seen(w), table(w)];
      conf(w.near, 'proxy_arp', 0);
      sysctl(w.near, 'ip_forward', 0);
      sysctl(w.near, 'neigh/eth0/proxy_delay', 80);
      clean(w);
      return log;
    });

  // ---- what is said unasked ----
  const flags = (w: World, up: boolean): number => {
    const fd = w.near.socket(2, 2, 0);
    const request = new Uint8Array(40);
    request.set(bytes('eth0'));
    w.near.ioctl(fd, 0x8913, request);
    request[16] = up ? request[16]! | 1 : request[16]! & ~1;
    const result = w.near.ioctl(fd, 0x8914, request);
    w.near.close(fd);
    return result;
  };
  for (const notify of [0, 1])
    twin(`arp_notify ${notify}: a device goes down, gets another address, and comes up`, (w) => {
      conf(w.near, 'arp_notify', notify);
      const log: unknown[] = [flags(w, false)];
      w.settle(5);
      w.frames();
      log.push(table(w));
      const fd = w.near.socket(2, 2, 0);
      const request = new Uint8Array(40);
      request.set(bytes('eth0'));
      request[16] = 1;
      request.set(OTHER, 18);
      log.push(w.near.ioctl(fd, 0x8924, request), flags(w, true));
      w.settle(20);
      log.push(seen(w));
      request.set(NEAR_MAC, 18);
      log.push(w.near.ioctl(fd, 0x8924, request));
      w.settle(5);
      log.push(seen(w), table(w));
      w.near.close(fd);
      conf(w.near, 'arp_notify', 0);
      w.change('ip -n $near route add 10.1.0.0/16 via 10.0.0.2', (near) => near.route('10.1.0.0/16', { via: FAR }));
      clean(w);
      return log;
    });
});
