/** Queueing disciplines of a device on both kernels: what they take, what they drop, what the sender is told. */
import { afterAll } from 'vitest';
import type { QdiscOptions } from '../../src/kernel/kernel.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { hostU32 } from '../../src/uapi/host.ts';
import * as sch from '../../src/uapi/pkt_sched.ts';
import { describeNetwork } from '../support/network.ts';
import { attributes, DUMP, rtnetlink } from './netlink.ts';
import { counters, FAR, get, moved, NEAR, recv, send, set, sin, udp } from './program.ts';
import { stage } from './stage.ts';
import { FAR_MAC, NEAR_MAC, type World } from './world.ts';

/** Kind, then bytes and packets sent, packets and bytes that wait, drops. (What runs over depends on when it is looked.) */
function qdisc(calls: SystemCalls, ifindex: number): unknown[] {
  const found = rtnetlink(calls, sch.RTM_GETQDISC, DUMP, new Uint8Array(sch.tcmsg.sizeof)).find(
    ({ body }) =>
      hostU32(body, sch.tcmsg.tcm_ifindex) === ifindex && hostU32(body, sch.tcmsg.tcm_parent) === 0xffffffff,
  );
  if (found === undefined) return [];
  const all = attributes(found.body, sch.tcmsg.sizeof);
  const stats = attributes(all.get(sch.TCA_STATS2)!, 0);
  const [basic, queue] = [stats.get(sch.TCA_STATS_BASIC)!, stats.get(sch.TCA_STATS_QUEUE)!];
  return [
    new TextDecoder().decode(all.get(sch.TCA_KIND)).replace('\0', ''),
    hostU32(basic, sch.gnet_stats_basic.bytes),
    hostU32(basic, sch.gnet_stats_basic.packets),
    ...(['qlen', 'backlog', 'drops', 'requeues'] as const).map((name) => hostU32(queue, sch.gnet_stats_queue[name])),
  ];
}
/** Columns of the device in /proc/net/dev. */
function device(calls: SystemCalls): number[] {
  const line = new TextDecoder()
    .decode(calls.readFile('/proc/net/dev') as Uint8Array)
    .split('\n')
    .find((text) => text.trim().startsWith('eth0:'))!;
  return line.split(':')[1]!.trim().split(/\s+/).map(Number);
}

describeNetwork('queueing disciplines on both kernels', () => {
  const { twin, dispose } = stage();
  afterAll(dispose);

  const with_ = (w: World, words: string, options: QdiscOptions): void =>
    w.change(`tc -n $near qdisc add dev eth0 root ${words}`, (near) => near.qdisc('eth0', options));
  const without = (w: World): void =>
    w.change('tc -n $near qdisc del dev eth0 root', (near) => near.qdisc('eth0', { kind: 'noqueue' }));

  const ways: [string, (w: World) => { fd: number; send(length: number): number }][] = [
    [
      'UDP',
      (w) => {
        const fd = udp(w.near, NEAR, 8300);
        return { fd, send: (length) => send(w.near, fd, new Uint8Array(length), 0, sin(FAR, 9)) };
      },
    ],
    [
      'UDP with IP_RECVERR',
      (w) => {
        const fd = udp(w.near, NEAR, 8300);
        set(w.near, fd, 0, 11, 1);
        return { fd, send: (length) => send(w.near, fd, new Uint8Array(length), 0, sin(FAR, 9)) };
      },
    ],
    [
      'a raw socket',
      (w) => {
        const fd = w.near.socket(2, 3, 200);
        return { fd, send: (length) => send(w.near, fd, new Uint8Array(length), 0, sin(FAR, 0)) };
      },
    ],
    [
      'a packet socket',
      (w) => {
        const fd = w.near.socket(17, 3, 0);
        const ll = Uint8Array.of(17, 0, 0x88, 0xb5, w.ifindex, 0, 0, 0, 0, 0, 0, 6, ...FAR_MAC, 0, 0);
        const frame = (length: number): Uint8Array => {
          const bytes = new Uint8Array(14 + length);
          bytes.set([...FAR_MAC, ...NEAR_MAC, 0x88, 0xb5]);
          return bytes;
        };
        return { fd, send: (length) => w.near.sendto(fd, frame(length), 0, ll) };
      },
    ],
    [
      'a packet socket past the queue',
      (w) => {
        const way = ways[3]![1](w);
        set(w.near, way.fd, 263, 20, 1);
        return way;
      },
    ],
  ];
  const buckets: [string, string, QdiscOptions][] = [
    [
      'tbf, a small burst',
      'tbf rate 8kbit burst 1600 limit 3000',
      { kind: 'tbf', rate: 1000, burst: 1600, limit: 3000 },
    ],
    [
      'tbf, a large burst',
      'tbf rate 8kbit burst 5000 limit 2000',
      { kind: 'tbf', rate: 1000, burst: 5000, limit: 2000 },
    ],
    ['tbf by latency', 'tbf rate 16kbit burst 1600 latency 1s', { kind: 'tbf', rate: 2000, burst: 1600, latency: 1e9 }],
    ['tbf, no room', 'tbf rate 8kbit burst 1600 limit 1', { kind: 'tbf', rate: 1000, burst: 1600, limit: 1 }],
    [
      'tbf, too small for a frame',
      'tbf rate 8kbit burst 600 limit 9000',
      { kind: 'tbf', rate: 1000, burst: 600, limit: 9000 },
    ],
    ['pfifo', 'pfifo limit 3', { kind: 'pfifo', limit: 3 }],
    ['bfifo', 'bfifo limit 3000', { kind: 'bfifo', limit: 3000 }],
    ['pfifo_fast', 'pfifo_fast', { kind: 'pfifo_fast' }],
  ];
  for (const [what, words, options] of buckets)
    for (const [way, open] of ways)
      for (const length of way === 'UDP' ? [100, 1000, 4000] : [1000])
        twin(`${what}: ${way}, ${length} bytes at a time`, (w) => {
          const before = [counters(w.near), device(w.near)] as const;
          with_(w, words, options);
          const { fd, send } = open(w);
          const log: unknown[] = [];
          for (let i = 0; i < 8; i++) log.push(send(length));
          const outq = new Uint8Array(4);
          log.push(w.near.ioctl(fd, 0x5411, outq), hostU32(outq, 0), get(w.near, fd, 1, 4), qdisc(w.near, w.ifindex));
          log.push(w.frames().filter((frame) => frame.startsWith('out')).length);
          // What still waits is gone with the discipline, and given back to the sender.
          without(w);
          log.push(w.near.ioctl(fd, 0x5411, outq), hostU32(outq, 0), qdisc(w.near, w.ifindex));
          log.push(recv(w.near, fd, { flags: 0x2000 })[0]);
          w.near.close(fd);
          w.settle(3);
          w.frames();
          const by = moved(before[0], counters(w.near));
          for (const key of Object.keys(by)) if (/^Icmp|:In/.test(key)) delete by[key];
          // Columns of what was sent: bytes, packets, errors, drops.
          log.push(
            by,
            device(w.near)
              .slice(8, 12)
              .map((value, i) => value - before[1][8 + i]!),
          );
          return log;
        });
  twin('tbf: what waits goes out as time passes', (w) => {
    with_(w, 'tbf rate 40kbit burst 1600 limit 9000', { kind: 'tbf', rate: 5000, burst: 1600, limit: 9000 });
    const fd = udp(w.near, NEAR, 8301);
    for (let i = 0; i < 5; i++) send(w.near, fd, new Uint8Array(958), 0, sin(FAR, 9));
    const log: unknown[] = [w.frames().filter((frame) => frame.startsWith('out')).length];
    // A fifth of a second for each of the other four, less what the bucket still held.
    for (let tries = 0; tries < 60 && (qdisc(w.near, w.ifindex)[3] as number) > 0; tries++) w.settle(50);
    log.push(w.frames().filter((frame) => frame.startsWith('out')).length, qdisc(w.near, w.ifindex));
    without(w);
    w.near.close(fd);
    return log;
  });
});
