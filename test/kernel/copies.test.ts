/** How often data is copied on its way: from the program into the buffer, from the buffer to the program or the device, and
 * nowhere in between. */
import { describe, expect, it } from 'vitest';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import type { Process } from '../../src/kernel/process.ts';
import type { Net } from '../../src/kernel/structs.ts';
import type { Mapping } from '../../src/syscall/contract.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { hostU32, int } from '../../src/uapi/host.ts';
import { encodeTpacketReq3 } from '../../src/uapi/if_packet.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { recv, send, set, sin, sin6, udp, udp6 } from '../twin/program.ts';

type Copies = Net['copies'];
const NONE: Copies = { fromUser: 0, toUser: 0, fromDevice: 0, toDevice: 0, within: 0 };
const [ADDRESS, PEER] = ['10.0.0.1', '10.0.0.2'];
const [ADDRESS6, PEER6] = ['2001:db8::1', '2001:db8::2'];

interface Pair {
  near: Kernel;
  far: Kernel;
  a: Process;
  b: Process;
  clock: VirtualClock;
}
/** Two hosts that know each other, over a cable or over a bridge between them. */
function pair(bridged: boolean): Pair {
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const [near, far, lan] = ['near', 'far', 'lan'].map((hostname) => new Kernel({ clock, random, hostname })) as [
    Kernel,
    Kernel,
    Kernel,
  ];
  for (const host of [near, far, lan])
    host.sysctl('net.ipv6.conf.default.accept_dad', 0).sysctl('net.ipv6.conf.default.router_solicitations', 0);
  const macs = [Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2)] as const;
  const [one, two] = [
    { kernel: near, name: 'eth0', address: macs[0] },
    { kernel: far, name: 'eth0', address: macs[1] },
  ];
  if (bridged) {
    veth(one, { kernel: lan, name: 'p0' });
    veth(two, { kernel: lan, name: 'p1' });
    lan.bridge('br0', ['p0', 'p1']);
  } else veth(one, two);
  near.address('eth0', `${ADDRESS}/24`).neighbour('eth0', PEER, macs[1]);
  far.address('eth0', `${PEER}/24`).neighbour('eth0', ADDRESS, macs[0]);
  near.address('eth0', `${ADDRESS6}/64`, { nodad: true }).neighbour('eth0', PEER6, macs[1]);
  far.address('eth0', `${PEER6}/64`, { nodad: true }).neighbour('eth0', ADDRESS6, macs[0]);
  clock.advance(30e9);
  return { near, far, a: near.process(), b: far.process(), clock };
}
const reset = (...kernels: Kernel[]): void => {
  for (const { net } of kernels) Object.assign(net.copies, NONE);
};

/** Sends and receives `data` once; gives what came. */
type Way = (p: Pair, length: number) => () => unknown;
const datagrams =
  (protocol: number, prepare: (p: Pair, s: number, r: number) => void = () => {}): Way =>
  (p, length) => {
    const [s, r] = [p.a.socket(2, 2, protocol), p.b.socket(2, 2, protocol)];
    p.a.bind(s, sin(ADDRESS, 5000));
    p.b.bind(r, sin(PEER, 5000));
    p.a.connect(s, sin(PEER, 5000));
    prepare(p, s, r);
    return () => {
      send(p.a, s, new Uint8Array(length));
      return recv(p.b, r, { room: 65536 })[0];
    };
  };
const ways: [string, number, Way][] = [
  ['UDP', 1400, datagrams(0)],
  ['UDP, small', 1, datagrams(0)],
  ['UDP without a checksum', 1400, datagrams(0, (p, s) => void set(p.a, s, 1, 11, 1))],
  ['UDP in fragments', 9000, datagrams(0)],
  ['UDP-Lite', 1400, datagrams(136)],
  ['UDP-Lite with partial coverage', 1400, datagrams(136, (p, s) => void set(p.a, s, 136, 10, 8))],
  ['UDP-Lite in fragments', 5000, datagrams(136)],
  [
    'UDP of IPv6',
    1400,
    (p, length) => {
      const [s, r] = [udp6(p.a, ADDRESS6, 5000), udp6(p.b, PEER6, 5000)];
      return () => {
        send(p.a, s, new Uint8Array(length), 0, sin6(PEER6, 5000));
        return recv(p.b, r)[0];
      };
    },
  ],
  [
    'UDP of IPv6 in fragments',
    5000,
    (p, length) => {
      const [s, r] = [udp6(p.a, ADDRESS6, 5000), udp6(p.b, PEER6, 5000)];
      return () => {
        send(p.a, s, new Uint8Array(length), 0, sin6(PEER6, 5000));
        return recv(p.b, r, { room: 8192 })[0];
      };
    },
  ],
  [
    'a raw socket',
    1400,
    (p, length) => {
      const [s, r] = [p.a.socket(2, 3, 200), p.b.socket(2, 3, 200)];
      return () => {
        send(p.a, s, new Uint8Array(length), 0, sin(PEER, 0));
        return (recv(p.b, r)[0] as number) - 20;
      };
    },
  ],
  [
    'a raw socket with IP_HDRINCL',
    1400,
    (p, length) => {
      const [s, r] = [p.a.socket(2, 3, 255), p.b.socket(2, 3, 200)];
      const packet = new Uint8Array(20 + length);
      packet.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 200, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
      return () => {
        send(p.a, s, packet, 0, sin(PEER, 0));
        return (recv(p.b, r)[0] as number) - 20;
      };
    },
  ],
  [
    'a packet socket',
    1400,
    (p, length) => {
      const [s, r] = [p.a.socket(17, 3, 0), p.b.socket(17, 3, 0xb588)];
      const frame = new Uint8Array(length);
      frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
      const to = encodeSockaddrLl({ protocol: 0x88b5, ifindex: p.near.device('eth0').ifindex });
      return () => {
        p.a.sendto(s, frame, 0, to);
        return recv(p.b, r)[0];
      };
    },
  ],
];

describe('data is copied', () => {
  for (const bridged of [false, true])
    for (const [what, length, way] of ways)
      it(`once into the buffer and once out of it: ${what}, over ${bridged ? 'a bridge' : 'a cable'}`, () => {
        const p = pair(bridged);
        const once = way(p, length);
        expect(once()).toBe(length);
        reset(p.near, p.far);
        for (let i = 0; i < 10; i++) expect(once()).toBe(length);
        expect(p.near.net.copies).toEqual({ ...NONE, fromUser: 10 });
        expect(p.far.net.copies).toEqual({ ...NONE, toUser: 10 });
      });

  it('of many sends under UDP_CORK each once, into one buffer', () => {
    const p = pair(false);
    const [s, r] = [udp(p.a, ADDRESS, 5000), udp(p.b, PEER, 5000)];
    p.a.connect(s, sin(PEER, 5000));
    for (let round = 0; round < 2; round++) {
      reset(p.near, p.far);
      set(p.a, s, 17, 1, 1);
      for (let i = 0; i < 10; i++) send(p.a, s, new Uint8Array(100));
      set(p.a, s, 17, 1, 0);
      expect(recv(p.b, r)[0]).toBe(1000);
    }
    expect(p.near.net.copies).toEqual({ ...NONE, fromUser: 10 });
    expect(p.far.net.copies).toEqual({ ...NONE, toUser: 1 });
  });

  it('once more for each tap, and never for its sake', () => {
    const p = pair(false);
    const [s, r] = [udp(p.a, ADDRESS, 5000), udp(p.b, PEER, 5000)];
    const taps = [p.b.socket(17, 3, 0x0300), p.b.socket(17, 3, 0x0300)];
    send(p.a, s, new Uint8Array(1000), 0, sin(PEER, 5000));
    recv(p.b, r);
    for (const tap of taps) while ((recv(p.b, tap)[0] as number) >= 0);
    reset(p.near, p.far);
    send(p.a, s, new Uint8Array(1000), 0, sin(PEER, 5000));
    expect([recv(p.b, r)[0], ...taps.map((tap) => recv(p.b, tap)[0])]).toEqual([1000, 1042, 1042]);
    expect(p.near.net.copies).toEqual({ ...NONE, fromUser: 1 });
    expect(p.far.net.copies).toEqual({ ...NONE, toUser: 3 });
  });

  it('once into a ring, from which the program reads it in place', () => {
    const p = pair(false);
    const fd = p.b.socket(17, 3, 0);
    set(p.b, fd, 263, 10, int(2));
    const request = { blockSize: 1 << 16, blockNr: 4, frameSize: 2048, frameNr: 128, retireBlkTov: 10 };
    expect(p.b.setsockopt(fd, 263, 5, encodeTpacketReq3(request))).toBe(0);
    const map = p.b.mmap(4 << 16, 3, 1, fd, 0) as Mapping;
    p.b.bind(fd, encodeSockaddrLl({ protocol: 0x0800, ifindex: p.far.device('eth0').ifindex }));
    const s = udp(p.a, ADDRESS, 5000);
    const r = udp(p.b, PEER, 5000);
    reset(p.near, p.far);
    for (let i = 0; i < 10; i++) send(p.a, s, new Uint8Array(1000), 0, sin(PEER, 5000));
    p.clock.advance(50e6);
    expect(hostU32(map.bytes, 8) & 1).toBe(1);
    expect(hostU32(map.bytes, 12)).toBe(10);
    expect(p.near.net.copies).toEqual({ ...NONE, fromUser: 10 });
    expect(p.far.net.copies).toEqual({ ...NONE, toUser: 10 });
    for (let i = 0; i < 10; i++) recv(p.b, r);
    expect(p.far.net.copies).toEqual({ ...NONE, toUser: 20 });
  });
});
