/** A seeded sequence of system calls over UDP, raw, ping-like and packet sockets, run on one world. What it returns must be
 * the same on both kernels. */
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { seededRandom } from '../../src/time/random.ts';
import { hostI32, hostU32, int } from '../../src/uapi/host.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { controlMessages, MSG_DONTWAIT } from '../../src/uapi/socket.ts';
import { FAR, hex, NEAR, sin } from './program.ts';
import { FAR_MAC, NEAR_MAC, type World } from './world.ts';

interface Handle {
  calls: SystemCalls;
  host: 'near' | 'far';
  fd: number;
  kind: 'udp' | 'raw' | 'icmp' | 'packet' | 'cooked';
}

const ADDRESSES = [
  '0.0.0.0',
  NEAR,
  FAR,
  '127.0.0.1',
  '10.0.0.255',
  '10.1.0.9',
  '192.0.2.1',
  '10.66.0.1',
  '239.1.1.1',
  '255.255.255.255',
];
const SIZES = [0, 1, 7, 8, 20, 100, 600, 1472, 1473, 3000];
/** Options whose value is the same on any machine: [level, option]. */
const OPTIONS: [number, number][] = [
  [1, 2],
  [1, 5],
  [1, 6],
  [1, 7],
  [1, 8],
  [1, 11],
  [1, 12],
  [1, 15],
  [1, 40],
  [1, 42],
  [1, 36],
  [0, 1],
  [0, 2],
  [0, 3],
  [0, 6],
  [0, 8],
  [0, 10],
  [0, 11],
  [0, 12],
  [0, 13],
  [0, 15],
  [0, 19],
  [0, 20],
  [0, 25],
  [0, 33],
  [0, 34],
  [0, 49],
  [17, 1],
  [255, 1],
  [263, 7],
  [263, 8],
  [263, 9],
  [263, 12],
  [263, 15],
  [263, 23],
];
const VALUES = [0, 1, 2, 3, 64, 255, 300, 4096, 20000, -1];
const FLAGS = [0, 0, 0, 0, 2, 0x20, 0x22, 4, 0x8000, 0x2000, 0x800, 1];

/** Ports from the ephemeral range are random; IPv4's identification and what is summed over it too. */
function masked(data: string): string {
  // IP's header is first, or behind a virtio header, an Ethernet header, or both.
  const match = /^(|.{20}|.{28}|.{48})45([0-9a-f]{6})[0-9a-f]{4}([0-9a-f]{8})/.exec(data);
  // What follows the time to live and the protocol are sums, and ports.
  return match === null ? data.slice(0, 56) : `${match[1]}ip${match[2]}${match[3]}`;
}
/** Two bytes of a port in a socket address: those of the ephemeral range are random. */
const maskedName = (name: string): string =>
  name.startsWith('0200') && Number.parseInt(name.slice(4, 8), 16) >= 32768 ? `0200eph.${name.slice(8)}` : name;

/** `times`: milliseconds between the pauses. The host's kernel goes first and fills them in; ours, on its virtual clock, takes
 * as long, so that what happens by time (a neighbour that does not answer for three seconds) happens before the same call. */
export function runSequence(world: World, seed: number, count: number, times: number[] = []): string[] {
  let last = performance.now();
  let pauses = 0;
  const settle = (): void => {
    if (world.kind === 'emulated') {
      world.settle(Math.max(1, times[pauses++] ?? 1));
      return;
    }
    world.settle(1);
    const now = performance.now();
    times.push(now - last);
    last = now;
  };
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[random() % list.length]!;
  const handles: Handle[] = [];
  const log: string[] = [];
  const open = (): string => {
    const host = pick(['near', 'near', 'far'] as const);
    const kind = pick(['udp', 'udp', 'udp', 'raw', 'icmp', 'packet', 'cooked'] as const);
    const calls = world[host];
    const fd =
      kind === 'udp'
        ? calls.socket(2, 2, 0)
        : kind === 'raw'
          ? calls.socket(2, 3, pick([200, 255]))
          : kind === 'icmp'
            ? calls.socket(2, 3, 1)
            : calls.socket(17, kind === 'packet' ? 3 : 2, 0);
    if (fd < 0) return `open ${kind} ${fd}`;
    handles.push({ calls, host, fd, kind });
    return `open ${host} ${kind}`;
  };
  const address = (h: Handle): Uint8Array =>
    h.kind === 'packet' || h.kind === 'cooked'
      ? encodeSockaddrLl({
          protocol: pick([0x88b5, 0x88b6, 0x800, 3]),
          ifindex: pick([1, h.host === 'near' ? world.ifindex : world.ifindex, 99, 0]),
          address: pick([FAR_MAC, NEAR_MAC]),
        })
      : sin(pick(ADDRESSES), pick([0, 9000, 9001, 9002, 9003, 9]));
  const payload = (h: Handle): Uint8Array => {
    const data = Uint8Array.from({ length: pick(SIZES) }, (_, i) => i);
    if (h.kind === 'packet' && data.length >= 14) {
      data.set(pick([FAR_MAC, NEAR_MAC, new Uint8Array(6).fill(255)]));
      data.set(NEAR_MAC, 6);
      data[12] = 0x88;
      data[13] = pick([0xb5, 0xb6]);
    }
    // Echo requests, as the rest of ICMP would be answered by who knows whom.
    if (h.kind === 'icmp' && data.length >= 8) data.set([8, 0, 0, 0]);
    return data;
  };
  while (log.length < count) {
    if (handles.length === 0 || (handles.length < 12 && random() % 9 === 0)) {
      log.push(open());
      continue;
    }
    const at = random() % handles.length;
    const h = handles[at]!;
    const { calls, fd } = h;
    const what = random() % 16;
    let line: string;
    if (what === 0) {
      line = `close ${calls.close(fd)}`;
      handles.splice(at, 1);
    } else if (what === 1) line = `bind ${calls.bind(fd, address(h))}`;
    else if (what === 2) {
      const to = address(h);
      if (random() % 6 === 0) to[0] = 0;
      settle();
      line = `connect ${calls.connect(fd, to)}`;
    } else if (what <= 6) {
      settle();
      const to = random() % 4 === 0 ? null : address(h);
      line = `send ${calls.sendto(fd, payload(h), pick(FLAGS), to)}`;
    } else if (what <= 10) {
      settle();
      const flags = pick(FLAGS);
      const buffer = new Uint8Array(pick([0, 4, 64, 4000]));
      const message = messageHeader([buffer], new Uint8Array(128), new Uint8Array(256));
      const result = calls.recvmsg(fd, message, flags | MSG_DONTWAIT);
      line = `recv ${result}`;
      if (result >= 0) {
        const controls = controlMessages(message.control!, message.controlLength).map(
          (m) => `${m.level}/${m.type}:${hex(m.data).slice(0, 64)}`,
        );
        line += ` ${masked(hex(buffer.subarray(0, Math.min(result, buffer.length))))} ${maskedName(hex(message.name!.subarray(0, message.nameLength)))} ${message.flags} ${controls.join(' ').replace(/0\/20:0200[0-9a-f]{4}/g, '0/20:port')}`;
      }
    } else if (what === 11) {
      const [level, option] = pick(OPTIONS);
      line = `set ${level}/${option} ${calls.setsockopt(fd, level, option, int(pick(VALUES)))}`;
    } else if (what === 12) {
      const [level, option] = pick(OPTIONS);
      const value = new Uint8Array(4);
      const length = Int32Array.of(4);
      const result = calls.getsockopt(fd, level, option, value, length);
      line = `get ${level}/${option} ${result} ${result < 0 ? '' : hostI32(value, 0)}`;
    } else if (what === 13) {
      const name = new Uint8Array(128);
      const length = Int32Array.of(128);
      const peer = random() % 2 === 0;
      const result = peer ? calls.getpeername(fd, name, length) : calls.getsockname(fd, name, length);
      line = `name ${result} ${result < 0 ? '' : maskedName(hex(name.subarray(0, length[0]!)))}`;
    } else if (what === 14) {
      settle();
      const entry = { fd, events: 0x3fff, revents: 0 };
      calls.poll([entry]);
      line = `poll ${entry.revents}`;
    } else {
      settle();
      const value = new Uint8Array(4);
      const request = pick([0x541b, 0x5411]);
      line = `ioctl ${calls.ioctl(fd, request, value)} ${hostU32(value, 0)}`;
      if (random() % 8 === 0) line += ` shutdown ${calls.shutdown(fd, random() % 3)}`;
    }
    log.push(`${h.host} ${h.kind} ${line}`);
  }
  for (const { calls, fd } of handles) calls.close(fd);
  world.settle(2);
  world.frames();
  return log;
}

/** The first line in which two runs differ, with those before it that speak of it; '' where they agree. */
export function compareRuns(ours: readonly string[], linux: readonly string[]): string {
  const found = linux.findIndex((line, i) => line !== ours[i]);
  const at = found < 0 && ours.length > linux.length ? linux.length : found;
  if (at < 0) return '';
  return `call ${at}: ours '${ours[at]}', Linux '${linux[at]}'; before it:\n${linux.slice(Math.max(0, at - Number(process.env['NETLAB_BEFORE'] ?? 30)), at).join('\n')}`;
}
