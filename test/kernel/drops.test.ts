/** Why packets die, by Linux's names; what queues do on the way. */
import { describe, expect, it } from 'vitest';
import { checksum } from '../../src/bytes/checksum.ts';
import { netifSchedule } from '../../src/kernel/dev.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import { NF_DROP, nfRegisterHook } from '../../src/kernel/netfilter.ts';
import type { Process } from '../../src/kernel/process.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { encodeSockFprog } from '../../src/uapi/filter.ts';
import { int } from '../../src/uapi/host.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { numbered } from '../socket/frames.ts';
import { ip, send, set, sin, udp } from '../twin/program.ts';

const [NEAR, FAR] = ['10.0.0.1', '10.0.0.2'];
const NEAR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const FAR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);

interface Stage {
  clock: VirtualClock;
  near: Kernel;
  far: Kernel;
  a: Process;
  b: Process;
  /** Puts a frame on the cable to the far host. */
  inject(frame: Uint8Array): void;
}
function stage(): { drops: string[]; stage: Stage } {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const [near, far] = ['near', 'far'].map((hostname) => new Kernel({ clock, random, hostname })) as [Kernel, Kernel];
  for (const host of [near, far]) host.sysctl('net.ipv6.conf.default.disable_ipv6', 1);
  veth({ kernel: near, name: 'eth0', address: NEAR_MAC }, { kernel: far, name: 'eth0', address: FAR_MAC });
  near.address('eth0', `${NEAR}/24`).neighbour('eth0', FAR, FAR_MAC);
  far.address('eth0', `${FAR}/24`).neighbour('eth0', NEAR, NEAR_MAC);
  const drops: string[] = [];
  for (const { net } of [near, far])
    net.tracer = {
      begin() {},
      enter() {},
      drop: (at, name, _skb, reason) => drops.push(`${at.hostname} ${name} ${reason}`),
    };
  const a = near.process();
  const fd = a.socket(17, 3, 0);
  const to = encodeSockaddrLl({ protocol: 0x0800, ifindex: near.device('eth0').ifindex });
  const inject = (frame: Uint8Array): void => void a.sendto(fd, frame, 0, to);
  return { drops, stage: { clock, near, far, a, b: far.process(), inject } };
}

interface Header {
  protocol?: number;
  from?: string;
  to?: string;
  off?: number;
  ihl?: number;
  bad?: boolean;
  mac?: Uint8Array;
  ttl?: number;
}
function packet(
  data: number[],
  { protocol = 17, from = NEAR, to = FAR, off = 0, ihl = 5, bad = false, mac = FAR_MAC, ttl = 64 }: Header = {},
): Uint8Array {
  const length = 20 + data.length;
  const header = Uint8Array.of(
    0x40 | ihl,
    0,
    length >> 8,
    length,
    0,
    7,
    off >> 8,
    off,
    ttl,
    protocol,
    0,
    0,
    ...ip(from),
    ...ip(to),
  );
  const sum = checksum(header, 0, 20) ^ (bad ? 1 : 0);
  header[10] = sum >> 8;
  header[11] = sum;
  return Uint8Array.of(...mac, ...NEAR_MAC, 8, 0, ...header, ...data);
}
/** Of a datagram without checksum to a port. */
const datagram = (port: number, data = [1, 2, 3], sum = 0): number[] => [
  ...[1, 1, port >> 8, port & 255, 0, 8 + data.length, sum >> 8, sum & 255],
  ...data,
];

const deaths: [string, string, (s: Stage) => void][] = [
  ['nobody is on the port', 'far __udp4_lib_rcv NO_SOCKET', (s) => s.inject(packet(datagram(9)))],
  [
    'a checksum of UDP is wrong',
    'far __udp4_lib_rcv UDP_CSUM',
    (s) => s.inject(packet(datagram(9, [1, 2, 3], 0x1234))),
  ],
  [
    'a socket is full',
    'far __udp_queue_rcv_skb SOCKET_RCVBUFF',
    (s) => {
      const r = udp(s.b, FAR, 5000);
      set(s.b, r, 1, 8, 1);
      for (let i = 0; i < 10; i++) s.inject(packet(datagram(5000, new Array(200).fill(1))));
    },
  ],
  [
    'a filter refuses it',
    'far udp_queue_rcv_one_skb SOCKET_FILTER',
    (s) => {
      const r = udp(s.b, FAR, 5000);
      // ret #0
      expect(s.b.setsockopt(r, 1, 26, encodeSockFprog([{ code: 6, jt: 0, jf: 0, k: 0 }]))).toBe(0);
      s.inject(packet(datagram(5000)));
    },
  ],
  [
    'a hook of netfilter drops it',
    'far nf_hook_slow NETFILTER_DROP',
    (s) => {
      nfRegisterHook(s.far.net, { pf: 2, hooknum: 1, priority: 0, hook: () => NF_DROP });
      s.inject(packet(datagram(9)));
    },
  ],
  ['it is for another station', 'far ip_rcv_core OTHERHOST', (s) => s.inject(packet(datagram(9), { mac: NEAR_MAC }))],
  ["the header's checksum is wrong", 'far ip_rcv_core IP_CSUM', (s) => s.inject(packet(datagram(9), { bad: true }))],
  ['the header is too short', 'far ip_rcv_core IP_INHDR', (s) => s.inject(packet(datagram(9), { ihl: 4 }))],
  [
    'no protocol of that number',
    'far ip_protocol_deliver_rcu IP_NOPROTO',
    (s) => s.inject(packet([1], { protocol: 222 })),
  ],
  [
    'no protocol of that type of frame',
    'far __netif_receive_skb_core UNHANDLED_PROTO',
    (s) => s.inject(numbered(1, 60).fill(0xff, 0, 6).fill(0x99, 12, 14)),
  ],
  [
    'it comes from loopback',
    'far ip_rcv_finish_core IP_LOCALNET',
    (s) => s.inject(packet(datagram(9), { from: '127.0.0.1' })),
  ],
  [
    'it comes from a group',
    'far ip_rcv_finish_core IP_INVALID_SOURCE',
    (s) => s.inject(packet(datagram(9), { from: '224.1.1.1' })),
  ],
  [
    'it comes from ourselves',
    'far ip_rcv_finish_core IP_LOCAL_SOURCE',
    (s) => s.inject(packet(datagram(9), { from: FAR })),
  ],
  [
    'it cannot have come this way',
    'far ip_rcv_finish_core IP_RPFILTER',
    (s) => {
      s.far.sysctl('net.ipv4.conf.all.rp_filter', 1);
      s.inject(packet(datagram(9), { from: '99.1.1.1' }));
    },
  ],
  ['nobody forwards it', 'far ip_error IP_INADDRERRORS', (s) => s.inject(packet(datagram(9), { to: '99.1.1.1' }))],
  [
    'a message of ICMP has a wrong checksum',
    'far icmp_rcv ICMP_CSUM',
    (s) => s.inject(packet([8, 0, 1, 1, 0, 0, 0, 0], { protocol: 1 })),
  ],
  [
    'the rest of it never comes',
    'far ip_expire FRAG_REASM_TIMEOUT',
    (s) => {
      s.inject(packet(datagram(9, new Array(16).fill(1)), { off: 0x2000 }));
      s.clock.advance(31e9);
    },
  ],
  [
    'the backlog is full',
    'far netif_rx CPU_BACKLOG',
    (s) => {
      s.far.sysctl('net.core.netdev_max_backlog', 2);
      // While the host is in a softirq nothing is taken from the backlog.
      s.far.net.softnet.bhDisabled++;
      for (let i = 0; i < 5; i++) s.inject(packet(datagram(9)));
    },
  ],
  [
    'a neighbour does not answer',
    'near arp_error_report NEIGH_FAILED',
    (s) => {
      send(s.a, udp(s.a, NEAR, 5000), 'x', 0, sin('10.0.0.77', 9));
      s.clock.advance(4e9);
    },
  ],
  [
    'too much waits for a neighbour',
    'near neigh_event_send NEIGH_QUEUEFULL',
    (s) => {
      s.near.sysctl('net.ipv4.neigh.eth0.unres_qlen_bytes', 2000);
      const fd = udp(s.a, NEAR, 5000);
      for (let i = 0; i < 5; i++) send(s.a, fd, new Uint8Array(1000), 0, sin('10.0.0.77', 9));
    },
  ],
  [
    'a queue is full',
    'near bfifo QDISC_OVERLIMIT',
    (s) => {
      s.near.qdisc('eth0', { kind: 'bfifo', limit: 10 });
      s.inject(packet(datagram(9)));
    },
  ],
  [
    'it is too long to be forwarded whole',
    'far ip_forward PKT_TOO_BIG',
    (s) => {
      s.far.port({ name: 'eth1' });
      s.far.link('eth1', { mtu: 68 }).address('eth1', '10.9.0.1/24').sysctl('net.ipv4.ip_forward', 1);
      s.inject(packet(datagram(9, new Array(100).fill(1)), { to: '10.9.0.2', off: 0x4000 }));
    },
  ],
];

describe('a packet dies', () => {
  for (const [what, death, provoke] of deaths)
    it(`because ${what}: ${death.split(' ')[2]}`, () => {
      const { drops, stage: s } = stage();
      provoke(s);
      expect(drops).toContain(death);
    });
  it('for more than twenty reasons', () => {
    expect(new Set(deaths.map(([, death]) => death.split(' ')[2])).size).toBeGreaterThan(20);
  });
});

describe('queues', () => {
  it('pfifo_fast: three bands by priority and type of service, served in order', () => {
    const clock = new VirtualClock();
    const kernel = new Kernel({ clock, random: seededRandom(1) });
    const out: number[] = [];
    const port = kernel.port({ name: 'eth0', transmit: (frame) => out.push(frame[frame.length - 1]!) });
    kernel.address('eth0', `${NEAR}/24`).neighbour('eth0', FAR, FAR_MAC);
    const p = kernel.process();
    port.dev.queueStopped = true;
    // [option, value] and its band: IP_TOS of bulk, nothing, low delay; SO_PRIORITY of each.
    const sends: [number, number, number, number][] = [
      [0, 1, 0x08, 2],
      [0, 1, 0x00, 1],
      [0, 1, 0x10, 0],
      [0, 1, 0x04, 1],
      [1, 12, 0, 1],
      [1, 12, 1, 2],
      [1, 12, 2, 2],
      [1, 12, 4, 1],
      [1, 12, 6, 0],
    ];
    sends.forEach(([level, option, value], i) => {
      const fd = udp(p, NEAR, 0);
      expect(p.setsockopt(fd, level, option, int(value))).toBe(0);
      expect(send(p, fd, Uint8Array.of(i), 0, sin(FAR, 9))).toBe(1);
    });
    expect(out).toEqual([]);
    port.dev.queueStopped = false;
    netifSchedule(port.dev);
    const order = sends.map(([, , , band], i) => ({ band, i })).sort((x, y) => x.band - y.band || x.i - y.i);
    expect(out).toEqual(order.map(({ i }) => i));
  });

  it('what a driver does not take is put back and goes first', () => {
    const clock = new VirtualClock();
    const kernel = new Kernel({ clock, random: seededRandom(1) });
    const out: number[] = [];
    const port = kernel.port({ name: 'eth0', transmit: (frame) => out.push(frame[frame.length - 1]!) });
    kernel.address('eth0', `${NEAR}/24`).neighbour('eth0', FAR, FAR_MAC);
    const take = port.dev.ops.startXmit;
    let busy = true;
    const NETDEV_TX_BUSY = 0x10;
    (port.dev as { ops: object }).ops = {
      ...port.dev.ops,
      startXmit: (...given: Parameters<typeof take>) => (busy ? NETDEV_TX_BUSY : take(...given)),
    };
    const p = kernel.process();
    const fd = udp(p, NEAR, 0);
    port.dev.queueStopped = true;
    for (const i of [1, 2, 3]) send(p, fd, Uint8Array.of(i), 0, sin(FAR, 9));
    const q = port.dev.qdisc!;
    // The driver stops its queue when it is busy, as drivers do.
    port.dev.queueStopped = false;
    (port.dev.ops as { startXmit: unknown }).startXmit = () => {
      port.dev.queueStopped = true;
      return NETDEV_TX_BUSY;
    };
    netifSchedule(port.dev);
    expect([out, q.requeues, q.drops]).toEqual([[], 1, 0]);
    busy = false;
    (port.dev.ops as { startXmit: unknown }).startXmit = take;
    port.dev.queueStopped = false;
    netifSchedule(port.dev);
    expect(out).toEqual([1, 2, 3]);
  });

  it('net.core.netdev_budget and dev_weight bound what one softirq takes; softnet_stat tells it', () => {
    const run = (budget: number, weight: number): [polls: number, squeezed: number] => {
      const clock = new VirtualClock();
      const kernel = new Kernel({ clock, random: seededRandom(1) });
      kernel.sysctl('net.core.netdev_budget', budget).sysctl('net.core.dev_weight', weight);
      const ports = ['eth0', 'eth1'].map((name) => kernel.port({ name, rxRing: 256 }));
      const { softnet } = kernel.net;
      const before = softnet.polls;
      softnet.bhDisabled++;
      for (let i = 0; i < 200; i++) for (const port of ports) port.receive(numbered(i, 60));
      softnet.bhDisabled--;
      netifSchedule(ports[0]!.dev);
      clock.advance(1e6);
      const row = new TextDecoder()
        .decode(kernel.process().readFile('/proc/net/softnet_stat') as Uint8Array)
        .split(' ');
      expect(Number.parseInt(row[0]!, 16)).toBe(400);
      expect(Number.parseInt(row[2]!, 16)).toBe(softnet.timeSqueeze);
      return [softnet.polls - before, softnet.timeSqueeze];
    };
    const [, idle] = run(1000, 64);
    expect(idle).toBe(0);
    const [, squeezed] = run(100, 64);
    expect(squeezed).toBeGreaterThan(0);
  });
});
