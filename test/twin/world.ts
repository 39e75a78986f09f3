/** Two kernels, one stage: a near host and a far host joined by a cable, once made of network namespaces of this machine,
 * once of two of our kernels. A case is a program over the contract that is run on both. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Kernel, veth } from '../../src/kernel/kernel.ts';
import type { Process } from '../../src/kernel/process.ts';
import { affinity, enterNetwork, linuxSystemCalls, setAffinity } from '../../src/linux/index.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { AF_PACKET, MSG_TRUNC, SOCK_RAW } from '../../src/uapi/socket.ts';
import { run } from '../support/network.ts';

export interface World {
  readonly kind: 'linux' | 'emulated';
  readonly near: SystemCalls;
  readonly far: SystemCalls;
  /** Name of the near host's device. */
  readonly dev: string;
  readonly ifindex: number;
  /** Lets `milliseconds` pass: really, or on the virtual clock. */
  settle(milliseconds: number): void;
  /** Frames that passed the near device since the last call, as text, random fields masked. */
  frames(): string[];
  /** The same calls with no capability. */
  unprivileged(): SystemCalls;
  /** What no system call of the contract does: a shell script, in which `$near` and `$far` (and `$rim`) are the names of the
   * hosts' namespaces, for Linux, and the same by the interface of `Kernel` for ours. */
  change(linux: string, ours: (near: Kernel, far: Kernel, rim: Kernel) => void): void;
  dispose(): void;
}

export const NEAR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const FAR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
export const mac = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, '0')).join(':');

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A frame as text. IPv4's identification is masked where it is not 0 (it starts at random), and with it the header
 * checksum. */
export function maskFrame(frame: Uint8Array, type: number): string {
  const copy = frame.slice();
  const at = 14;
  let mark = '';
  if (copy.length >= at + 20 && copy[12] === 8 && copy[13] === 0) {
    if (copy[at + 4] !== 0 || copy[at + 5] !== 0) mark = ' id';
    copy.fill(0, at + 4, at + 6);
    copy.fill(0, at + 10, at + 12);
    // ICMP quotes the header of a packet of ours, identification and checksums too.
    const icmp = at + ((copy[at]! & 15) << 2);
    if (copy[at + 9] === 1 && copy.length >= icmp + 28 && [3, 5, 11, 12].includes(copy[icmp]!)) {
      copy.fill(0, icmp + 2, icmp + 4);
      copy.fill(0, icmp + 8 + 4, icmp + 8 + 6);
      copy.fill(0, icmp + 8 + 10, icmp + 8 + 12);
    }
  }
  if (copy.length >= at + 40 && copy[12] === 0x86 && copy[13] === 0xdd && maskIpv6(copy, at)) mark = ' id';
  return `${type === 4 ? 'out' : `in${type}`} ${hex(copy)}${mark}`;
}

/** IPv6's identification of fragments starts at random: masked here, and in what an ICMPv6 error quotes, with its
 * checksum. */
function maskIpv6(frame: Uint8Array, at: number): boolean {
  let nexthdr = frame[at + 6]!;
  let header = at + 40;
  for (let i = 0; i < 8 && header + 8 <= frame.length; i++) {
    if (nexthdr === 44) {
      frame.fill(0, header + 4, header + 8);
      return true;
    }
    if (nexthdr === 58 && frame[header]! < 128 && header + 48 <= frame.length) {
      if (!maskIpv6(frame, header + 8)) return false;
      frame.fill(0, header + 2, header + 4);
      return true;
    }
    if (nexthdr !== 0 && nexthdr !== 43 && nexthdr !== 60) return false;
    nexthdr = frame[header]!;
    header += (frame[header + 1]! + 1) << 3;
  }
  return false;
}

/** A tap on the near device: a packet socket of the kernel under test. */
export function tap(calls: SystemCalls, ifindex: number): { drain(): string[]; close(): void } {
  const fd = calls.socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) throw new Error(`packet socket: ${fd}`);
  const bound = calls.bind(fd, encodeSockaddrLl({ protocol: 3, ifindex }));
  if (bound < 0) throw new Error(`bind of the tap: ${bound}`);
  const buffer = new Uint8Array(70000);
  const name = new Uint8Array(20);
  return {
    drain() {
      const frames: string[] = [];
      for (;;) {
        const n = calls.recvfrom(fd, buffer, MSG_TRUNC, name, Int32Array.of(20));
        if (n < 0) return frames;
        if (!isMldReport(buffer)) frames.push(maskFrame(buffer.subarray(0, Math.min(n, buffer.length)), name[10]!));
      }
    },
    close: () => void calls.close(fd),
  };
}

let made = 0;

const nobody = new Int32Array(new SharedArrayBuffer(4));
export const sleep = (milliseconds: number): void => void Atomics.wait(nobody, 0, 0, milliseconds);

let cpu = -1;

/** Waits until the frames that were sent have been taken. What goes over a veth pair or the loopback waits in the backlog of
 * the processor that sent it; most often that is empty before the call returns, but not on a machine that is busy. The
 * thread is bound to one processor: while it runs there, nobody is at work on that backlog. */
export function delivered(): void {
  if (cpu < 0) {
    const all = affinity();
    cpu = all[process.pid % all.length]!;
    setAffinity([cpu]);
  }
  for (let tries = 0; tries < 5000; tries++) {
    // Columns of /proc/net/softnet_stat: the 12th is the length of the backlog, the 13th the processor.
    const row = readFileSync('/proc/net/softnet_stat', 'latin1')
      .split('\n')
      .map((line) => line.split(' '))
      .find((columns) => Number.parseInt(columns[12] ?? '', 16) === cpu);
    if (row === undefined || Number.parseInt(row[11]!, 16) === 0) return;
    sleep(1);
  }
}
/** Calls by which frames leave. */
const SENDING = ['write', 'sendto', 'sendmsg', 'sendmmsg', 'connect', 'setsockopt', 'shutdown', 'close'];

/** Calls whose sockets and files belong to the namespace `path`. */
export function inside(calls: SystemCalls, path: string): SystemCalls {
  const enter = <A extends unknown[], R>(call: (...args: A) => R) => {
    return (...args: A): R => {
      enterNetwork(path);
      return call(...args);
    };
  };
  return new Proxy(calls, {
    get(target, key) {
      const value = Reflect.get(target, key) as unknown;
      if (typeof value !== 'function') return value;
      const bound = (value as (...args: unknown[]) => unknown).bind(target);
      if (SENDING.includes(key as string))
        return (...args: unknown[]): unknown => {
          const result = bound(...args);
          delivered();
          return result;
        };
      return ['socket', 'socketpair', 'readFile', 'writeFile', 'readdir', 'readlink'].includes(key as string)
        ? enter(bound)
        : bound;
    },
  });
}

/** Both hosts with IPv6 or without: addresses without duplicate address detection, no router asked for, permanent
 * neighbours, so that nobody speaks unasked. */
export interface WorldOptions {
  ipv6?: boolean;
}
export const NEAR6 = '2001:db8::1';
export const FAR6 = '2001:db8::2';
/** Made of the devices' addresses. */
export const NEAR_LL = 'fe80::ff:fe00:1';
export const FAR_LL = 'fe80::ff:fe00:2';
/** Routes of the near host: behind the far one, and three that refuse. */
const ROUTES6 = {
  via: '2001:db8:1::/48',
  blackhole: '2001:db8:66::/48',
  prohibit: '2001:db8:67::/48',
  unreachable: '2001:db8:68::/48',
};
const QUIET6 = { accept_ra: 0, accept_dad: 0, dad_transmits: 0, router_solicitations: 0 };

/** Reports of multicast listener discovery, which come when they like. */
const isMldReport = (frame: Uint8Array): boolean =>
  frame[12] === 0x86 && frame[13] === 0xdd && frame[20] === 0 && (frame[62] === 143 || frame[62] === 131);

/** Limits of ICMP by time differ between a real and a virtual clock; the cases that are about them set them again. */
function quiet(...hosts: SystemCalls[]): void {
  for (const host of hosts) {
    // Flow labels are made of secrets, unless a case asks for them.
    for (const [name, value] of [
      ['ipv4/icmp_ratemask', '0'],
      ['ipv6/icmp/ratemask', ''],
      ['ipv6/auto_flowlabels', '0'],
    ]) {
      const result = host.writeFile(`/proc/sys/net/${name}`, new TextEncoder().encode(`${value}\n`));
      if (result < 0) throw new Error(`${name}: ${result}`);
    }
  }
}

/** Linux begins to stamp received frames some time after the first socket asked (a static branch is switched by a work
 * queue). A socket that asks and stays open, and has seen its first stamp, takes that time out of the cases. */
function stampingSocket(calls: SystemCalls): number {
  const [AF_INET, SOCK_DGRAM, SOL_SOCKET, SO_TIMESTAMPING] = [2, 2, 1, 37];
  const RX_SOFTWARE_AND_SOFTWARE = 0x18;
  const fd = calls.socket(AF_INET, SOCK_DGRAM, 0);
  const here = Uint8Array.of(2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  const length = Int32Array.of(16);
  const failed =
    calls.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, Uint8Array.of(RX_SOFTWARE_AND_SOFTWARE, 0, 0, 0)) ||
    calls.bind(fd, here) ||
    calls.getsockname(fd, here, length);
  if (failed) throw new Error(`socket that asks for receive times: ${failed}`);
  for (let tries = 0; tries < 2000; tries++) {
    calls.sendto(fd, Uint8Array.of(1), 0, here);
    const control = new Uint8Array(128);
    const message = { name: null, nameLength: 0, iov: [new Uint8Array(8)], control, controlLength: 128, flags: 0 };
    if (calls.recvmsg(fd, message, 0) > 0 && message.controlLength > 0) return fd;
    sleep(1);
  }
  throw new Error('no receive time in two seconds');
}

export function linuxWorld({ ipv6 = false }: WorldOptions = {}): World {
  const id = `${process.pid}n${made++}`;
  const near = `near${id}`;
  const far = `far${id}`;
  run('sh', '-c', 'mkdir -p /run/netns');
  for (const name of [near, far]) run('ip', 'netns', 'add', name);
  const conf = ipv6
    ? Object.entries(QUIET6).map(([name, value]) => `net.ipv6.conf.default.${name}=${value}`)
    : ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
  const script = `
    for n in ${near} ${far}; do ip netns exec $n sysctl -q -w ${conf.join(' ')}; done
    ip -n ${near} link set lo up
    ip -n ${far} link set lo up
    ip -n ${near} link add eth0 type veth peer name eth0 netns ${far}
    ip -n ${near} link set eth0 address ${mac(NEAR_MAC)}
    ip -n ${far} link set eth0 address ${mac(FAR_MAC)}
    ip -n ${near} address add 10.0.0.1/24 dev eth0
    ip -n ${far} address add 10.0.0.2/24 dev eth0
    ip -n ${near} link set eth0 up
    ip -n ${far} link set eth0 up
    ip -n ${near} neighbour replace 10.0.0.2 lladdr ${mac(FAR_MAC)} dev eth0 nud permanent
    ip -n ${far} neighbour replace 10.0.0.1 lladdr ${mac(NEAR_MAC)} dev eth0 nud permanent
    ip -n ${near} route add 10.1.0.0/16 via 10.0.0.2
    ip -n ${near} route add blackhole 10.66.0.0/16
    ip -n ${near} route add prohibit 10.67.0.0/16
    ip -n ${near} route add unreachable 10.68.0.0/16
  `;
  const script6 = `
    ip -n ${near} address add ${NEAR6}/64 dev eth0 nodad
    ip -n ${far} address add ${FAR6}/64 dev eth0 nodad
    for a in ${FAR6} ${FAR_LL}; do ip -n ${near} neighbour replace $a lladdr ${mac(FAR_MAC)} dev eth0 nud permanent; done
    for a in ${NEAR6} ${NEAR_LL}; do ip -n ${far} neighbour replace $a lladdr ${mac(NEAR_MAC)} dev eth0 nud permanent; done
    ip -n ${near} route add ${ROUTES6.via} via ${FAR6}
    ip -n ${near} route add blackhole ${ROUTES6.blackhole}
    ip -n ${near} route add prohibit ${ROUTES6.prohibit}
    ip -n ${near} route add unreachable ${ROUTES6.unreachable}
  `;
  run('sh', '-e', '-c', script);
  if (ipv6) run('sh', '-e', '-c', script6);
  const nearPath = `/run/netns/${near}`;
  const farPath = `/run/netns/${far}`;
  if (!existsSync(nearPath)) throw new Error(`no ${nearPath}`);
  const calls = linuxSystemCalls();
  const nearCalls = inside(calls, nearPath);
  const farCalls = inside(calls, farPath);
  const ifindex = Number(
    spawnSync('ip', ['-n', near, '-o', 'link', 'show', 'eth0'], { encoding: 'utf8' }).stdout.split(':')[0],
  );
  sleep(20);
  quiet(nearCalls, farCalls);
  // In a namespace of its own, since /proc/net/udp would show it.
  const aside = `aside${id}`;
  run('ip', 'netns', 'add', aside);
  run('ip', '-n', aside, 'link', 'set', 'lo', 'up');
  const stamping = stampingSocket(inside(calls, `/run/netns/${aside}`));
  const watching = tap(nearCalls, ifindex);
  return {
    kind: 'linux',
    near: nearCalls,
    far: farCalls,
    dev: 'eth0',
    ifindex,
    settle(milliseconds) {
      sleep(Math.max(1, milliseconds));
      delivered();
    },
    frames: () => watching.drain(),
    unprivileged: () => nearCalls,
    change: (script) => void run('env', `near=${near}`, `far=${far}`, 'sh', '-e', '-c', script),
    dispose() {
      calls.close(stamping);
      watching.close();
      for (const name of [near, far, aside]) spawnSync('ip', ['netns', 'del', name]);
    },
  };
}

export function emulatedWorld(seed = 1, { ipv6 = false }: WorldOptions = {}): World {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const near = new Kernel({ clock, random, hostname: 'near' });
  const far = new Kernel({ clock, random, hostname: 'far' });
  for (const host of [near, far]) {
    if (ipv6) for (const [name, value] of Object.entries(QUIET6)) host.sysctl(`net.ipv6.conf.default.${name}`, value);
    else for (const name of ['all', 'default']) host.sysctl(`net.ipv6.conf.${name}.disable_ipv6`, 1);
  }
  veth({ kernel: near, name: 'eth0', address: NEAR_MAC }, { kernel: far, name: 'eth0', address: FAR_MAC });
  near.address('eth0', '10.0.0.1/24').neighbour('eth0', '10.0.0.2', FAR_MAC);
  far.address('eth0', '10.0.0.2/24').neighbour('eth0', '10.0.0.1', NEAR_MAC);
  near
    .route('10.1.0.0/16', { via: '10.0.0.2' })
    .route('10.66.0.0/16', { type: 6 })
    .route('10.67.0.0/16', { type: 8 })
    .route('10.68.0.0/16', { type: 7 });
  if (ipv6) {
    near.address('eth0', `${NEAR6}/64`, { nodad: true });
    far.address('eth0', `${FAR6}/64`, { nodad: true });
    for (const address of [FAR6, FAR_LL]) near.neighbour('eth0', address, FAR_MAC);
    for (const address of [NEAR6, NEAR_LL]) far.neighbour('eth0', address, NEAR_MAC);
    near
      .route(ROUTES6.via, { via: FAR6 })
      .route(ROUTES6.blackhole, { type: 6 })
      .route(ROUTES6.prohibit, { type: 8 })
      .route(ROUTES6.unreachable, { type: 7 });
  }
  const nearCalls: Process = near.process();
  const farCalls = far.process();
  clock.advance(20e6);
  quiet(nearCalls, farCalls);
  const { ifindex } = near.device('eth0');
  const watching = tap(nearCalls, ifindex);
  return {
    kind: 'emulated',
    near: nearCalls,
    far: farCalls,
    dev: 'eth0',
    ifindex,
    settle: (milliseconds) => clock.advance(Math.round(milliseconds * 1e6)),
    frames: () => watching.drain(),
    unprivileged: () => near.process({ uid: 1000, gid: 1000 }),
    change: (_, ours) => ours(near, far, far),
    dispose() {},
  };
}
