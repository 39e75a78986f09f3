/** A network with everything in it that draws lots or waits: two nets with a switch and a router, bad paths, a token bucket,
 * services, clients that send by chance, captures of three kinds. All that is seen of it goes into one digest, with the
 * virtual time at which it was seen; the same seed must give the same digest wherever it is run.
 *
 * Run by itself it prints the result of its first argument, a seed, as JSON; with IPv6 where a second one says `ipv6`. */
import { createHash, type Hash } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { devOpen, netifSchedule } from '../../src/kernel/dev.ts';
import { Bridge } from '../../src/kernel/drivers/bridge.ts';
import { impair } from '../../src/kernel/drivers/impairment.ts';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import type { Process } from '../../src/kernel/process.ts';
import { tbfCreate } from '../../src/kernel/sch-tbf.ts';
import type { Mapping, SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { hostU32, int, putHostU32 } from '../../src/uapi/host.ts';
import { encodeTpacketReq3, tpacket_block_desc } from '../../src/uapi/if_packet.ts';
import { encodeSockaddrIn, encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';

export interface ScenarioResult {
  /** SHA-256 over times, frames, messages and counters. */
  digest: string;
  frames: number;
  datagrams: number;
  errors: number;
  lost: number;
  corrupted: number;
}

const text = new TextEncoder();
const ip = (address: string): Uint8Array => Uint8Array.from(address.split('.').map(Number));
const sin = (address: string, port: number): Uint8Array => encodeSockaddrIn({ address: ip(address), port });
const MILLISECOND = 1e6;
const SECONDS = 4;

function must(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: error ${-result}`);
  return result;
}

/** Calls `ready` each time there is something to read. */
function serve(calls: SystemCalls, fd: number, ready: () => void): void {
  calls.pollWait([{ fd, events: 1, revents: 0 }], -1, () => {
    ready();
    serve(calls, fd, ready);
  });
}

/** `ipv6`: the hosts speak IPv6 as well, as far as they do so by themselves. */
export function scenario(seed: number, { ipv6 = false }: { ipv6?: boolean } = {}): ScenarioResult {
  const clock = new VirtualClock();
  const hash = createHash('sha256');
  const result: ScenarioResult = { digest: '', frames: 0, datagrams: 0, errors: 0, lost: 0, corrupted: 0 };
  const note = (who: string, data: Uint8Array): void => {
    hash.update(`${clock.monotonic()} ${who} ${data.length}\n`);
    hash.update(data);
  };

  // ---- the network ----
  const random = seededRandom(seed);
  let made = 0;
  // What a host draws while it boots is its own affair, so that a change there is none of what follows.
  const kernel = (hostname: string): Kernel => {
    let draw = seededRandom(made++);
    const host = new Kernel({ clock, random: () => draw(), hostname });
    draw = random;
    if (!ipv6)
      for (const which of ['all', 'default'])
        must(
          host.process().writeFile(`/proc/sys/net/ipv6/conf/${which}/disable_ipv6`, text.encode('1')),
          'disable_ipv6',
        );
    return host;
  };
  const lan = kernel('switch');
  const bridge = new Bridge(lan.net, 'br0');
  devOpen(bridge.dev);
  const plug = (host: Kernel, name: string): void => {
    const [port] = veth({ kernel: lan, name: `to-${host.net.hostname}` }, { kernel: host, name });
    bridge.add(port);
  };
  const hosts = [1, 2, 3, 4].map((number) => {
    const host = kernel(`h${number}`);
    plug(host, 'eth0');
    return host.address('eth0', `10.0.0.${number}/24`).route('default', { via: '10.0.0.254' });
  }) as [Kernel, Kernel, Kernel, Kernel];
  const router = kernel('router');
  const far = kernel('far');
  plug(router, 'eth0');
  const [out, back] = veth({ kernel: router, name: 'eth1' }, { kernel: far, name: 'eth0' });
  router.address('eth0', '10.0.0.254/24').address('eth1', '10.1.0.254/24').link('eth1', { mtu: 1200 });
  router.process().writeFile('/proc/sys/net/ipv4/ip_forward', text.encode('1'));
  far.address('eth0', '10.1.0.1/24').route('default', { via: '10.1.0.254' });
  const bad = [
    impair(out, {
      delay: 20 * MILLISECOND,
      jitter: 5 * MILLISECOND,
      loss: 0.1,
      duplicate: 0.05,
      corrupt: 0.05,
      reorder: 0.1,
    }),
    impair(back, { delay: 3 * MILLISECOND, burst: { enter: 0.05, leave: 0.3 }, rate: 200_000, limit: 20 }),
  ];
  const shaped = hosts[2].device('eth0');
  shaped.qdisc = tbfCreate(shaped, { rate: 50_000, burst: 3000, limit: 20_000 }, netifSchedule);

  // ---- services: echo on two hosts, one that answers a question with a number of its length ----
  for (const [host, address] of [
    [hosts[1], '10.0.0.2'],
    [far, '10.1.0.1'],
  ] as const)
    service(host.process(), address, 7, (data) => data);
  service(hosts[3].process(), '10.0.0.4', 53, (data) => text.encode(`${data.length} bytes of ${data[0]}`));

  function service(calls: Process, address: string, port: number, answer: (data: Uint8Array) => Uint8Array): void {
    const fd = must(calls.socket(2, 2, 0), 'socket');
    must(calls.bind(fd, sin(address, port)), 'bind');
    const buffer = new Uint8Array(65536);
    const from = new Uint8Array(16);
    serve(calls, fd, () => {
      for (;;) {
        const length = calls.recvfrom(fd, buffer, 0, from, Int32Array.of(16));
        if (length < 0) return;
        calls.sendto(fd, answer(buffer.slice(0, length)), 0, from);
      }
    });
  }

  // ---- clients: datagrams, pings and multicast by chance ----
  const GROUP = '239.1.1.1';
  const targets = ['10.0.0.2', '10.0.0.4', '10.1.0.1', '10.1.0.9', '10.0.0.77', '10.9.9.9', GROUP, '10.0.0.255'];
  const pick = <T>(list: readonly T[]): T => list[random() % list.length]!;
  for (const host of [...hosts, far]) {
    const calls = host.process();
    calls.writeFile('/proc/sys/net/ipv4/ping_group_range', text.encode('0 2147483647'));
    const listener = must(calls.socket(2, 2, 0), 'socket');
    must(calls.bind(listener, sin('0.0.0.0', 5000)), 'bind');
    const group = new Uint8Array(12);
    group.set(ip(GROUP));
    putHostU32(group, 8, host.device('eth0').ifindex);
    must(calls.setsockopt(listener, 0, 35, group), 'IP_ADD_MEMBERSHIP');
    const sender = must(calls.socket(2, 2, 0), 'socket');
    for (const [level, option] of [
      [0, 11], // IP_RECVERR
      [0, 12], // IP_RECVTTL
      [1, 6], // SO_BROADCAST
      [1, 35], // SO_TIMESTAMPNS
    ] as const)
      must(calls.setsockopt(sender, level, option, int(1)), 'setsockopt');
    const ping = must(calls.socket(2, 2, 1), 'ping socket');
    const read = (fd: number, what: string): void => {
      for (const flags of [0, 0x2000])
        for (;;) {
          const message = messageHeader([new Uint8Array(9000)], new Uint8Array(16), new Uint8Array(256));
          const length = calls.recvmsg(fd, message, flags);
          if (length === -11) break;
          if (length < 0) {
            result.errors++;
            note(`${host.net.hostname} ${what} error ${-length}`, new Uint8Array(0));
            continue;
          }
          if (flags === 0) result.datagrams++;
          else result.errors++;
          note(`${host.net.hostname} ${what} ${flags}`, message.iov[0]!.subarray(0, Math.min(length, 9000)));
          note('from', message.name!.subarray(0, message.nameLength));
          note('control', message.control!.subarray(0, message.controlLength));
        }
    };
    for (const [fd, what] of [
      [listener, 'listener'],
      [sender, 'sender'],
      [ping, 'ping'],
    ] as const)
      serve(calls, fd, () => read(fd, what));
    const act = (): void => {
      const to = pick(targets);
      if (random() % 4 === 0) {
        const echo = new Uint8Array(8 + (random() % 2000));
        echo[0] = 8;
        calls.sendto(ping, echo, 0, sin(to, 0));
      } else {
        const data = new Uint8Array(1 + (random() % pick([20, 1400, 5000]))).fill(random());
        calls.setsockopt(sender, 0, 2, int(pick([1, 2, 64])));
        const sent = calls.sendto(sender, data, 0, sin(to, pick([7, 53, 5000, 9])));
        note(`${host.net.hostname} sent ${sent}`, data.subarray(0, 1));
      }
      clock.after((random() % 40) * MILLISECOND + (random() % 1000), act);
    };
    clock.after((random() % 40) * MILLISECOND, act);
  }

  // ---- captures: packet sockets of two hosts, a ring of version 3 on a third ----
  const drains = [tap(hosts[0]), tap(router), ring(far)];

  function tap(host: Kernel): () => void {
    const calls = host.process();
    const fd = must(calls.socket(17, 3, 0x0300), 'packet socket');
    calls.setsockopt(fd, 1, 33, int(8 << 20));
    calls.setsockopt(fd, 1, 35, int(1));
    calls.setsockopt(fd, 263, 8, int(1));
    const message = messageHeader([new Uint8Array(2000)], new Uint8Array(20), new Uint8Array(128));
    return () => {
      for (;;) {
        const length = calls.recvmsg(fd, message, 0);
        if (length < 0) return;
        result.frames++;
        note(`${host.net.hostname} frame`, message.iov[0]!.subarray(0, length));
        note('from', message.name!.subarray(0, message.nameLength));
        note('control', message.control!.subarray(0, message.controlLength));
      }
    };
  }

  function ring(host: Kernel): () => void {
    const calls = host.process();
    const fd = must(calls.socket(17, 3, 0), 'packet socket');
    must(calls.setsockopt(fd, 263, 10, int(2)), 'PACKET_VERSION');
    const [blockSize, blockNr] = [16384, 8];
    const request = { blockSize, blockNr, frameSize: 2048, frameNr: 64, retireBlkTov: 20 };
    must(calls.setsockopt(fd, 263, 5, encodeTpacketReq3(request)), 'PACKET_RX_RING');
    const { bytes } = calls.mmap(blockSize * blockNr, 3, 1, fd, 0) as Mapping;
    must(calls.bind(fd, encodeSockaddrLl({ protocol: 3, ifindex: host.device('eth0').ifindex })), 'bind');
    let block = 0;
    return () => {
      for (;;) {
        const at = block * blockSize;
        const status = at + tpacket_block_desc['hdr.bh1.block_status'];
        if ((hostU32(bytes, status) & 1) === 0) return;
        result.frames += hostU32(bytes, at + tpacket_block_desc['hdr.bh1.num_pkts']);
        note('block', bytes.subarray(at, at + hostU32(bytes, at + tpacket_block_desc['hdr.bh1.blk_len'])));
        putHostU32(bytes, status, 0);
        block = (block + 1) % blockNr;
      }
    };
  }

  for (let step = 0; step < SECONDS * 100; step++) {
    clock.advance(10 * MILLISECOND);
    for (const drain of drains) drain();
  }
  for (const host of [...hosts, router, far]) counters(host, hash);
  for (const { counters: counted } of bad) {
    result.lost += counted.lost;
    result.corrupted += counted.corrupted;
    hash.update(JSON.stringify(counted));
  }
  result.digest = hash.digest('hex');
  return result;
}

function counters(host: Kernel, hash: Hash): void {
  const calls = host.process();
  for (const file of ['dev', 'snmp', 'arp', 'softnet_stat', 'packet', 'udp']) {
    const content = calls.readFile(`/proc/net/${file}`);
    if (typeof content === 'number') throw new Error(`/proc/net/${file}: ${content}`);
    hash.update(content);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  process.stdout.write(`${JSON.stringify(scenario(Number(process.argv[2]), { ipv6: process.argv[3] === 'ipv6' }))}\n`);
