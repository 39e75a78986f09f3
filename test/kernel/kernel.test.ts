import { describe, expect, it } from 'vitest';
import { devOpen, netifSchedule } from '../../src/kernel/dev.ts';
import { Bridge } from '../../src/kernel/drivers/bridge.ts';
import { impair } from '../../src/kernel/drivers/impairment.ts';
import { Port, type PortOptions } from '../../src/kernel/drivers/port.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import { NF_ACCEPT, NF_DROP, nfRegisterHook } from '../../src/kernel/netfilter.ts';
import { bfifoCreate, pfifoCreate } from '../../src/kernel/sch-generic.ts';
import { tbfCreate } from '../../src/kernel/sch-tbf.ts';
import type { NetDevice, Tracer } from '../../src/kernel/structs.ts';
import { PacketRing } from '../../src/socket/ring.ts';
import { addresses, links, neighbours, route } from '../../src/socket/route.ts';
import { FrameSender } from '../../src/socket/sender.ts';
import { systemClock } from '../../src/time/clock.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT } from '../../src/uapi/epoll.ts';
import { blockOf, collect, numbered } from '../socket/frames.ts';
import { FAR, NEAR, recv, send, sin, udp } from '../twin/program.ts';

function two(
  clock = new VirtualClock(),
  seed = 7,
): { clock: VirtualClock; near: Kernel; far: Kernel; devs: [NetDevice, NetDevice] } {
  const random = seededRandom(seed);
  const near = new Kernel({ clock, random, hostname: 'near' });
  const far = new Kernel({ clock, random, hostname: 'far' });
  for (const host of [near, far]) host.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
  const devs = veth({ kernel: near, name: 'eth0' }, { kernel: far, name: 'eth0' });
  near.address('eth0', `${NEAR}/24`);
  far.address('eth0', `${FAR}/24`);
  return { clock, near, far, devs };
}

describe('the way of a packet', () => {
  it('data is copied twice: from the program to the buffer, from the buffer to the program', () => {
    const { near, far } = two();
    const a = near.process();
    const b = far.process();
    const r = udp(b, FAR, 5000);
    const s = udp(a, NEAR, 5001);
    send(a, s, 'first, resolves the neighbour', 0, sin(FAR, 5000));
    recv(b, r);
    for (const kernel of [near, far])
      for (const key of Object.keys(kernel.net.copies)) kernel.net.copies[key as 'within'] = 0;
    for (let i = 0; i < 100; i++) {
      send(a, s, new Uint8Array(1400), 0, sin(FAR, 5000));
      recv(b, r);
    }
    expect(near.net.copies).toEqual({ fromUser: 100, toUser: 0, fromDevice: 0, toDevice: 0, within: 0 });
    expect(far.net.copies).toEqual({ fromUser: 0, toUser: 100, fromDevice: 0, toDevice: 0, within: 0 });
    // Fragments are built in pieces of the right size: still two.
    send(a, s, new Uint8Array(4000), 0, sin(FAR, 5000));
    recv(b, r, { room: 5000 });
    expect([near.net.copies.within, far.net.copies.within]).toEqual([0, 0]);
  });

  it('a trace tells the functions in order, and why a packet died', () => {
    const { near, far } = two();
    const a = near.process();
    const log: string[] = [];
    const tracer: Tracer = {
      begin: (net, name) => log.push(`${net.hostname} ${name}`),
      enter: (net, name) => log.push(`${net.hostname} ${name}`),
      drop: (net, name, _skb, reason) => log.push(`${net.hostname} ${name} ${reason}`),
    };
    const s = udp(a, NEAR, 5001);
    send(a, s, 'resolve', 0, sin(FAR, 9));
    near.net.tracer = far.net.tracer = tracer;
    send(a, s, 'x', 0, sin(FAR, 9));
    expect(log.slice(0, 12)).toEqual([
      'near udp_sendmsg',
      'near __ip_make_skb',
      'near udp_send_skb',
      'near ip_send_skb',
      'near ip_local_out',
      'near ip_output',
      'near ip_finish_output2',
      'near __dev_queue_xmit',
      'near dev_hard_start_xmit',
      'near veth_xmit',
      'far netif_rx',
      'far __netif_receive_skb_core',
    ]);
    expect(log).toContain('far icmp_send');
    expect(log).toContain('far __udp4_lib_rcv NO_SOCKET');
  });

  it('the same seed gives the same bytes at the same times', () => {
    const run = (): string[] => {
      const { clock, near, far, devs } = two(new VirtualClock(), 42);
      impair(devs[0], { delay: 5e6, jitter: 2e6, loss: 0.2, duplicate: 0.1, corrupt: 0.1, reorder: 0.1 });
      const a = near.process();
      const b = far.process();
      const tap = b.socket(17, 3, 0x0300);
      const log: string[] = [];
      const s = a.socket(2, 2, 0);
      for (let i = 0; i < 60; i++) {
        a.sendto(s, Uint8Array.of(i, i, i), 0, sin(FAR, 1000 + i));
        clock.advance(1e6);
        for (let one = recv(b, tap, { whole: true }); (one[0] as number) >= 0; one = recv(b, tap, { whole: true }))
          log.push(`${clock.monotonic()} ${one[1]}`);
      }
      return log;
    };
    const first = run();
    expect(first.length).toBeGreaterThan(40);
    expect(run()).toEqual(first);
  });

  it('netfilter: a hook at each place may look and drop', () => {
    const { near, far } = two();
    const a = near.process();
    const seen: string[] = [];
    for (const [kernel, name] of [
      [near, 'near'],
      [far, 'far'],
    ] as const)
      for (let hooknum = 0; hooknum < 5; hooknum++)
        nfRegisterHook(kernel.net, {
          pf: 2,
          hooknum,
          priority: 0,
          hook: () => {
            seen.push(`${name} ${hooknum}`);
            return NF_ACCEPT;
          },
        });
    const s = udp(a, NEAR, 5001);
    send(a, s, 'x', 0, sin(FAR, 9));
    expect(seen.slice(0, 4)).toEqual(['near 3', 'near 4', 'far 0', 'far 1']);
    nfRegisterHook(near.net, { pf: 2, hooknum: 3, priority: -1, hook: () => NF_DROP });
    expect(send(a, s, 'x', 0, sin(FAR, 9))).toBe(-1);
  });

  it('a router forwards, counts the TTL down, says when it is over and when a packet is too long', () => {
    const clock = new VirtualClock();
    const random = seededRandom(3);
    const [left, router, right] = ['left', 'router', 'right'].map(
      (hostname) => new Kernel({ clock, random, hostname }),
    ) as [Kernel, Kernel, Kernel];
    veth({ kernel: left, name: 'eth0' }, { kernel: router, name: 'eth0' });
    veth({ kernel: router, name: 'eth1' }, { kernel: right, name: 'eth0' });
    left.address('eth0', '10.1.0.1/24').route('default', { via: '10.1.0.254' });
    router.address('eth0', '10.1.0.254/24').address('eth1', '10.2.0.254/24');
    right.address('eth0', '10.2.0.1/24').route('default', { via: '10.2.0.254' });
    router.link('eth1', { mtu: 1000 });
    router.process().writeFile('/proc/sys/net/ipv4/ip_forward', new TextEncoder().encode('1'));
    const a = left.process();
    const b = right.process();
    const r = udp(b, '10.2.0.1', 5000);
    b.setsockopt(r, 0, 12, Uint8Array.of(1, 0, 0, 0));
    const s = udp(a, '10.1.0.1', 5001);
    expect(send(a, s, 'over', 0, sin('10.2.0.1', 5000))).toBe(4);
    const got = recv(b, r);
    expect(got[0]).toBe(4);
    expect(got[4]).toEqual(['0/2:3f000000']);
    a.setsockopt(s, 0, 11, Uint8Array.of(1, 0, 0, 0));
    a.setsockopt(s, 0, 2, Uint8Array.of(1, 0, 0, 0));
    send(a, s, 'dies', 0, sin('10.2.0.1', 5000));
    expect(String((recv(a, s, { flags: 0x2000 })[4] as string[])[0])).toMatch(/^0\/11:71000000020b00/);
    a.setsockopt(s, 0, 2, Uint8Array.of(64, 0, 0, 0));
    send(a, s, new Uint8Array(1200), 0, sin('10.2.0.1', 5000));
    expect(recv(a, s, { flags: 0x2000 })[0]).toBeGreaterThan(0);
    // Learned: now it is cut at home.
    expect(send(a, s, new Uint8Array(1200), 0, sin('10.2.0.1', 5000))).toBe(1200);
    expect(recv(b, r)[0]).toBe(1200);
  });
});

describe('queues and devices', () => {
  const frames = (n: number): Uint8Array[] => Array.from({ length: n }, (_, i) => numbered(i, 100));

  it('a token bucket lets pass at its rate, and drops what does not fit', () => {
    const { clock, near, far, devs } = two();
    near.neighbour('eth0', FAR, far.device('eth0').devAddr);
    devs[0].qdisc = tbfCreate(devs[0], { rate: 100_000, burst: 2000, limit: 5000 }, netifSchedule);
    const a = near.process();
    const b = far.process();
    const r = udp(b, FAR, 5000);
    const s = udp(a, NEAR, 5001);
    for (let i = 0; i < 20; i++) send(a, s, new Uint8Array(958), 0, sin(FAR, 5000));
    const count = (): number => {
      let n = 0;
      while ((recv(b, r)[0] as number) >= 0) n++;
      return n;
    };
    expect(count()).toBe(2);
    clock.advance(1e7);
    expect(count()).toBe(1);
    clock.advance(1e9);
    expect(count()).toBe(4);
    expect(devs[0].qdisc.drops).toBe(13);
  });

  it('a fifo drops at its limit, in packets or in bytes, while the driver is stopped', () => {
    for (const [make, kept] of [
      [(dev: NetDevice) => pfifoCreate(dev, 3), 3],
      [(dev: NetDevice) => bfifoCreate(dev, 250), 2],
    ] as const) {
      const clock = new VirtualClock();
      const kernel = new Kernel({ clock, random: seededRandom(1) });
      const out: number[] = [];
      const port = new Port(kernel.net, { name: 'eth0', transmit: (frame) => out.push(frame[17]!) });
      port.dev.qdisc = make(port.dev);
      devOpen(port.dev);
      const p = kernel.process();
      const fd = p.socket(17, 3, 0);
      const ll = new Uint8Array(20);
      ll[0] = 17;
      ll[2] = 0x88;
      ll[3] = 0xb5;
      ll[4] = port.dev.ifindex;
      port.dev.queueStopped = true;
      const results = frames(6).map((frame) => p.sendto(fd, frame, 0, ll));
      expect(results.filter((n) => n === 100)).toHaveLength(kept);
      // The queue is full: the sender hears ENOBUFS.
      expect(results.at(-1)).toBe(-105);
      port.dev.queueStopped = false;
      netifSchedule(port.dev);
      expect(out).toEqual([0, 1, 2].slice(0, kept));
    }
  });

  it('a bridge learns where stations are', () => {
    const clock = new VirtualClock();
    const random = seededRandom(5);
    const lan = new Kernel({ clock, random, hostname: 'switch' });
    const bridge = new Bridge(lan.net, 'br0');
    devOpen(bridge.dev);
    const hosts = [1, 2, 3].map((i) => {
      const host = new Kernel({ clock, random, hostname: `host${i}` });
      const [port] = veth({ kernel: lan, name: `port${i}` }, { kernel: host, name: 'eth0' });
      bridge.add(port);
      host.address('eth0', `10.5.0.${i}/24`);
      return host;
    });
    const r = udp(hosts[1]!.process(), '10.5.0.2', 5000);
    void r;
    const p2 = hosts[1]!.process();
    const r2 = udp(p2, '10.5.0.2', 5002);
    const p1 = hosts[0]!.process();
    const s = udp(p1, '10.5.0.1', 5001);
    send(p1, s, 'one', 0, sin('10.5.0.2', 5002));
    expect(recv(p2, r2)[0]).toBe(3);
    const idle = hosts[2]!.device('eth0').stats.rxPackets;
    for (let i = 0; i < 5; i++) send(p1, s, 'more', 0, sin('10.5.0.2', 5002));
    // The ARP broadcast went everywhere; what is known goes to its port alone.
    expect(idle).toBe(1);
    expect(hosts[2]!.device('eth0').stats.rxPackets).toBe(1);
    expect(hosts[1]!.device('eth0').stats.rxPackets).toBe(7);
  });

  const load = (
    options: Partial<PortOptions>,
    interval: number,
    total: number,
  ): { perFrame: number; handled: number; missed: number } => {
    const clock = new VirtualClock();
    const kernel = new Kernel({ clock, random: seededRandom(1) });
    const port = new Port(kernel.net, {
      name: 'eth0',
      rxRing: 64,
      interruptCost: 5_000,
      packetCost: 2_000,
      ...options,
    });
    devOpen(port.dev);
    for (let i = 0; i < total; i++) {
      port.receive(numbered(i));
      clock.advance(interval);
    }
    const { handled } = port;
    clock.advance(1e9);
    return { perFrame: port.interrupts / total, handled, missed: port.dev.stats.rxMissedErrors };
  };
  it('NAPI: an interrupt a frame when idle, few under load; without it the host is livelocked', () => {
    expect(load({}, 100_000, 200).perFrame).toBe(1);
    const busy = load({}, 2_100, 2000);
    expect(busy.perFrame).toBeLessThan(0.2);
    const overload = load({}, 1_000, 2000);
    expect(overload.perFrame).toBeLessThan(0.1);
    expect(overload.handled).toBeGreaterThan(800);
    // Each frame interrupts, and the interrupts alone take more time than there is: nothing is handled.
    const livelock = load({ napi: false }, 1_000, 2000);
    expect(livelock.perFrame).toBeGreaterThan(0.02);
    expect(livelock.handled).toBeLessThan(overload.handled / 10);
    expect(livelock.missed).toBeGreaterThan(overload.missed);
  });

  it('every impairment does what it says', () => {
    const { clock, near, far, devs } = two();
    near.neighbour('eth0', FAR, far.device('eth0').devAddr);
    const wrapped = impair(devs[0], { loss: 0.3, duplicate: 0.2, corrupt: 0.2 });
    const a = near.process();
    const s = udp(a, NEAR, 5001);
    for (let i = 0; i < 1000; i++) send(a, s, 'x', 0, sin(FAR, 5000));
    clock.advance(1e6);
    const { lost, duplicated, corrupted } = wrapped.counters;
    expect(lost).toBeGreaterThan(250);
    expect(lost).toBeLessThan(480);
    expect(duplicated).toBeGreaterThan(150);
    expect(corrupted).toBeGreaterThan(120);
    wrapped.remove();
    const before = far.device('eth0').stats.rxPackets;
    send(a, s, 'x', 0, sin(FAR, 5000));
    expect(far.device('eth0').stats.rxPackets).toBe(before + 1);
  });
});

describe('processes', () => {
  it('fork copies the table, the descriptions are shared', () => {
    const { near } = two();
    const parent = near.process();
    const fd = udp(parent, NEAR, 5000);
    const child = parent.fork();
    expect(parent.close(fd)).toBe(0);
    expect(parent.close(fd)).toBe(-9);
    // The socket lives on in the child.
    const s = udp(parent, '127.0.0.1', 0);
    send(parent, s, 'to the child', 0, sin(NEAR, 5000));
    expect(recv(child, fd)[0]).toBe(12);
    const copy = child.dup(fd);
    child.exit();
    expect(child.close(copy)).toBe(-9);
    expect(send(parent, s, 'x', 0, sin(NEAR, 5000))).toBe(1);
  });

  it('what needs a capability is refused without it', () => {
    const { near } = two();
    const user = near.process({ uid: 1000, gid: 1000 });
    expect(user.socket(2, 3, 1)).toBe(-1);
    expect(user.socket(17, 3, 0)).toBe(-1);
    expect(user.socket(2, 2, 1)).toBe(-13);
    const fd = user.socket(2, 2, 0);
    expect(user.bind(fd, sin(NEAR, 80))).toBe(-13);
    expect(user.bind(fd, sin(NEAR, 1024))).toBe(0);
    expect(user.setsockopt(fd, 1, 36, Uint8Array.of(1, 0, 0, 0))).toBe(-1);
    expect(user.writeFile('/proc/sys/net/ipv4/ip_forward', Uint8Array.of(0x31))).toBe(-13);
    near.process().writeFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', new TextEncoder().encode('80'));
    const low = user.socket(2, 2, 0);
    expect(user.bind(low, sin(NEAR, 80))).toBe(0);
  });

  it('pollWait wakes once, never from inside the call, and not after it was given up', () => {
    const { clock, near } = two();
    const p = near.process();
    const r = udp(p, NEAR, 5000);
    const s = udp(p, NEAR, 5001);
    const woken: number[] = [];
    p.pollWait([{ fd: r, events: 1, revents: 0 }], -1, (ready) => woken.push(ready));
    send(p, s, 'a', 0, sin(NEAR, 5000));
    send(p, s, 'b', 0, sin(NEAR, 5000));
    expect(woken).toEqual([]);
    clock.advance(1);
    expect(woken).toEqual([1]);
    p.pollWait([{ fd: r, events: 1, revents: 0 }], -1, (ready) => woken.push(ready))();
    clock.advance(1e9);
    expect(woken).toEqual([1]);
    recv(p, r);
    recv(p, r);
    p.pollWait([{ fd: r, events: 1, revents: 0 }], 50, (ready) => woken.push(ready));
    clock.advance(49e6);
    expect(woken).toEqual([1]);
    clock.advance(2e6);
    expect(woken).toEqual([1, 0]);
  });

  it('epoll: level, edge, one-shot, and a set within a set', () => {
    const { near } = two();
    const p = near.process();
    const r = udp(p, NEAR, 5000);
    const s = udp(p, NEAR, 5001);
    const wait = (ep: number): number[] => {
      const events = Array.from({ length: 4 }, () => ({ events: 0, data: 0n }));
      const n = p.epoll_wait(ep, events, 4);
      return n < 0 ? [n] : events.slice(0, n).map((e) => Number(e.data));
    };
    const level = p.epoll_create1(0);
    const edge = p.epoll_create1(0);
    const once = p.epoll_create1(0);
    const outer = p.epoll_create1(0);
    expect(p.epoll_ctl(level, 1, r, EPOLLIN, 1n)).toBe(0);
    expect(p.epoll_ctl(level, 1, r, EPOLLIN, 1n)).toBe(-17);
    expect(p.epoll_ctl(edge, 1, r, (EPOLLIN | EPOLLET) >>> 0, 2n)).toBe(0);
    expect(p.epoll_ctl(once, 1, r, EPOLLIN | EPOLLONESHOT, 3n)).toBe(0);
    expect(p.epoll_ctl(outer, 1, level, EPOLLIN, 4n)).toBe(0);
    expect(p.epoll_ctl(level, 1, outer, EPOLLIN, 5n)).toBe(-40);
    expect(p.epoll_ctl(outer, 1, level, EPOLLIN | EPOLLEXCLUSIVE, 4n)).toBe(-22);
    expect([wait(level), wait(edge), wait(once), wait(outer)]).toEqual([[], [], [], []]);
    send(p, s, 'a', 0, sin(NEAR, 5000));
    expect([wait(level), wait(level), wait(outer)]).toEqual([[1], [1], [4]]);
    expect([wait(edge), wait(edge)]).toEqual([[2], []]);
    expect([wait(once), wait(once)]).toEqual([[3], []]);
    send(p, s, 'b', 0, sin(NEAR, 5000));
    expect([wait(edge), wait(once)]).toEqual([[2], []]);
    expect(p.epoll_ctl(once, 3, r, EPOLLIN | EPOLLONESHOT, 3n)).toBe(0);
    expect(wait(once)).toEqual([3]);
    p.close(r);
    expect([wait(level), wait(edge)]).toEqual([[], []]);
  });
});

describe('the typed sockets, on our kernel', () => {
  it('a packet ring gives every frame, in order, and counts', async () => {
    const random = seededRandom(1);
    const a = new Kernel({ clock: systemClock, random });
    const b = new Kernel({ clock: systemClock, random });
    for (const host of [a, b]) host.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
    veth({ kernel: a, name: 'eth0' }, { kernel: b, name: 'eth0' });
    const capture = PacketRing.open(b.process(), { interface: 'eth0', bufferSize: 8 << 20, blockTimeout: 10 });
    const sender = FrameSender.open(a.process(), { interface: 'eth0' });
    const frames = Array.from({ length: 5000 }, (_, at) => numbered(at, 60 + (at % 1455)));
    const reading = (async () => {
      await sender.send(blockOf(frames));
      await new Promise((resolve) => setTimeout(resolve, 50));
      capture.stop();
    })();
    const found = await collect(capture);
    await reading;
    expect(found).toHaveLength(frames.length);
    expect(found.every(({ bytes }, at) => Buffer.compare(bytes, frames[at]!) === 0)).toBe(true);
    expect(capture.statistics()).toEqual({ received: 5000, dropped: 0, freezes: 0 });
    capture.close();
    sender.close();
  });

  it('links, addresses, routes and neighbours by rtnetlink', async () => {
    const random = seededRandom(1);
    const kernel = new Kernel({ clock: systemClock, random });
    const other = new Kernel({ clock: systemClock, random });
    veth(
      { kernel, name: 'eth0', address: Uint8Array.of(2, 0, 0, 0, 0, 1) },
      { kernel: other, name: 'eth0', address: Uint8Array.of(2, 0, 0, 0, 0, 2) },
    );
    kernel
      .address('eth0', '10.0.0.1/24')
      .route('default', { via: '10.0.0.2' })
      .neighbour('eth0', '10.0.0.2', Uint8Array.of(2, 0, 0, 0, 0, 2));
    const p = kernel.process();
    expect((await links(p)).map(({ name, state, mtu }) => [name, state, mtu])).toEqual([
      ['lo', 'unknown', 65536],
      ['eth0', 'up', 1500],
    ]);
    expect((await addresses(p)).map(({ address, prefixLength }) => `${address}/${prefixLength}`)).toEqual([
      '127.0.0.1/8',
      '10.0.0.1/24',
      '::1/128',
      'fe80::ff:fe00:1/64',
    ]);
    expect(await route(p, '8.8.8.8')).toMatchObject({ gateway: '10.0.0.2', source: '10.0.0.1' });
    // Groups of IPv6 that were reported meanwhile are there too.
    expect((await neighbours(p)).filter(({ address }) => !address.startsWith('ff'))).toMatchObject([
      { address: '10.0.0.2', macAddress: '02:00:00:00:00:02' },
    ]);
  });
});
