/** Our kernel against the host's, both driven by the same program through the contract of system calls. */

import { devOpen } from '../../src/kernel/dev.ts';
import { Bridge } from '../../src/kernel/drivers/bridge.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import type { Mapping, SystemCalls } from '../../src/syscall/contract.ts';
import { messageVector } from '../../src/syscall/message.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { hostU32, int, putHostU32 } from '../../src/uapi/host.ts';
import { encodeTpacketReq3 } from '../../src/uapi/if_packet.ts';
import { encodeSockaddrIn, encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { emulatedWorld, linuxWorld, type World } from '../twin/world.ts';
import type { Bench, Context } from './support/bench.ts';
import { contest, type Section } from './support/contest.ts';

const FAR = Uint8Array.of(10, 0, 0, 2);

/** Datagrams a second from socket to socket over veth, by sendmmsg and recvmmsg of 32. */
function datagrams({ near, far }: World, size: number, total: number): number {
  const r = far.socket(2, 2, 0);
  far.setsockopt(r, 1, 33, int(4 << 20));
  far.bind(r, encodeSockaddrIn({ address: FAR, port: 7777 }));
  const s = near.socket(2, 2, 0);
  near.connect(s, encodeSockaddrIn({ address: FAR, port: 7777 }));
  const batch = 32;
  const out = messageVector(new Uint8Array(batch * size), batch);
  const back = messageVector(new Uint8Array(batch * 2048), batch);
  for (let i = 0; i < batch; i++) {
    out.offset[i] = i * size;
    out.length[i] = size;
    back.offset[i] = i * 2048;
    back.length[i] = 2048;
  }
  let received = 0;
  const start = process.hrtime.bigint();
  for (let sent = 0; sent < total; sent += batch) {
    near.sendmmsg(s, out, 0, batch, 0);
    for (let n = far.recvmmsg(r, back, 0, batch, 0); n > 0; n = far.recvmmsg(r, back, 0, batch, 0)) received += n;
  }
  // The host may deliver a little later.
  for (let spin = 0; received < total && spin < 200_000; spin++) {
    const n = far.recvmmsg(r, back, 0, batch, 0);
    if (n > 0) received += n;
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  near.close(s);
  far.close(r);
  if (received < total * 0.99) throw new Error(`${received} of ${total} datagrams came`);
  return received / seconds;
}

/** Frames a second into a ring of version 3. */
function ring({ near, far, ifindex }: World, total: number): number {
  const fd = far.socket(17, 3, 0);
  far.setsockopt(fd, 263, 10, int(2));
  const blockSize = 1 << 18;
  const blocks = 16;
  far.setsockopt(
    fd,
    263,
    5,
    encodeTpacketReq3({
      blockSize,
      blockNr: blocks,
      frameSize: 2048,
      frameNr: (blockSize / 2048) * blocks,
      retireBlkTov: 10,
    }),
  );
  const map = far.mmap(blockSize * blocks, 3, 1, fd, 0) as Mapping;
  far.bind(fd, encodeSockaddrLl({ protocol: 0x88b5, ifindex: 0 }));
  const s = near.socket(17, 3, 0);
  near.bind(s, encodeSockaddrLl({ protocol: 0x88b5, ifindex }));
  const batch = 64;
  const out = messageVector(new Uint8Array(batch * 60).fill(2), batch);
  for (let i = 0; i < batch; i++) {
    out.offset[i] = i * 60;
    out.length[i] = 60;
    out.memory[i * 60 + 12] = 0x88;
    out.memory[i * 60 + 13] = 0xb5;
  }
  let block = 0;
  let seen = 0;
  const harvest = (): void => {
    for (;;) {
      const at = block * blockSize;
      if ((Atomics.load(map.words, (at + 8) >> 2) & 1) === 0) return;
      seen += hostU32(map.bytes, at + 12);
      putHostU32(map.bytes, at + 8, 0);
      block = (block + 1) % blocks;
    }
  };
  const start = process.hrtime.bigint();
  for (let sent = 0; sent < total; sent += batch) {
    near.sendmmsg(s, out, 0, batch, 0);
    harvest();
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  far.munmap(map);
  near.close(s);
  far.close(fd);
  if (seen < total / 2) throw new Error(`${seen} of ${total} frames came`);
  return total / seconds;
}

interface Crowd {
  /** Bytes of memory of all of it. */
  memory: number;
  /** Seconds of CPU: to build it; for the first virtual hour, in which the hosts make their addresses, announce their groups
   * and ask for routers ever more rarely; for the hour after that. */
  build: number;
  first: number;
  idle: number;
}

/** `hosts` hosts with IPv4 and IPv6 on one switch, with `sockets` sockets: all that anybody says by itself reaches everybody. */
function crowd(hosts: number, sockets: number): Crowd {
  const before = process.memoryUsage().rss;
  const cpu = (work: () => void): number => {
    const start = process.cpuUsage();
    work();
    const used = process.cpuUsage(start);
    return (used.user + used.system) / 1e6;
  };
  const clock = new VirtualClock();
  const kept: SystemCalls[] = [];
  const build = cpu(() => {
    const random = seededRandom(1);
    const lan = new Kernel({ clock, random, hostname: 'switch' });
    const bridge = new Bridge(lan.net, 'br0');
    devOpen(bridge.dev);
    for (let i = 0; i < hosts; i++) {
      const host = new Kernel({ clock, random, hostname: `host${i}` });
      const [port] = veth({ kernel: lan, name: `p${i}` }, { kernel: host, name: 'eth0' });
      bridge.add(port);
      host.address('eth0', `10.${64 + (i >> 8)}.${i & 255}.1/8`);
      const process_ = host.process();
      for (let n = 0; n < sockets / hosts; n++)
        process_.bind(process_.socket(2, 2, 0), encodeSockaddrIn({ address: new Uint8Array(4), port: 5000 + n }));
      kept.push(process_);
    }
  });
  const first = cpu(() => clock.advance(3600e9));
  const idle = cpu(() => clock.advance(3600e9));
  if (kept.length !== hosts) throw new Error('unreachable');
  return { memory: process.memoryUsage().rss - before, build, first, idle };
}

export const bench: Bench = {
  about: 'our kernel against the host’s over veth: UDP, rings; memory of a thousand hosts',
  async *run(context: Context): AsyncGenerator<Section> {
    const total = context.quick ? 20_000 : 400_000;
    const worlds: Record<string, World> = { ours: emulatedWorld(), "the host's": linuxWorld() };
    try {
      for (const size of [64, 1400])
        yield await contest({
          title: `UDP over veth, ${size} bytes`,
          figures: [{ name: 'datagrams', unit: 'rate' }],
          contestants: Object.entries(worlds).map(([name, world]) => ({
            name,
            round: async () => ({ datagrams: datagrams(world, size, total) }),
          })),
          rounds: context.rounds,
          goals: [{ figure: 'datagrams', contestant: 'ours', against: "the host's", atLeast: 1 }],
          progress: context.progress,
        });
      yield await contest({
        title: 'frames of 60 bytes into a ring of version 3',
        figures: [{ name: 'frames', unit: 'rate' }],
        contestants: Object.entries(worlds).map(([name, world]) => ({
          name,
          round: async () => ({ frames: ring(world, total) }),
        })),
        rounds: context.rounds,
        progress: context.progress,
      });
      yield await contest({
        title: '1,000 hosts with 10,000 sockets on one switch',
        figures: [
          { name: 'memory', unit: 'bytes' },
          { name: 'memory a host', unit: 'bytes' },
          { name: 'CPU to build', unit: 'seconds' },
          { name: 'CPU of the first hour', unit: 'seconds' },
          { name: 'CPU of an idle hour', unit: 'seconds' },
          { name: 'CPU of an idle hour a host', unit: 'seconds' },
        ],
        contestants: [
          {
            name: 'ours',
            round: async () => {
              const { memory, build, first, idle } = crowd(1000, 10_000);
              return {
                memory,
                'memory a host': memory / 1000,
                'CPU to build': build,
                'CPU of the first hour': first,
                'CPU of an idle hour': idle,
                'CPU of an idle hour a host': idle / 1000,
              };
            },
          },
        ],
        rounds: 1,
        warmUp: 0,
        goals: [{ figure: 'memory', contestant: 'ours', under: 1e9 }],
        progress: context.progress,
      });
    } finally {
      for (const world of Object.values(worlds)) world.dispose();
    }
  },
};
