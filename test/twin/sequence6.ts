/** A seeded sequence of system calls over sockets of IPv6 (UDP, UDP-Lite, raw, ping) and UDP sockets of IPv4 beside them,
 * run on one world. What it returns must be the same on both kernels. */
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { seededRandom } from '../../src/time/random.ts';
import { hostI32, hostU32, int } from '../../src/uapi/host.ts';
import { encodeIn6Pktinfo } from '../../src/uapi/in6.ts';
import { type ControlMessage, controlMessages, encodeControl, MSG_DONTWAIT } from '../../src/uapi/socket.ts';
import { hex, ip6, NEAR, sin, sin6 } from './program.ts';
import { FAR_LL, FAR6, NEAR_LL, NEAR6, type World } from './world.ts';

interface Handle {
  calls: SystemCalls;
  host: 'near' | 'far';
  fd: number;
  /** How many were opened before it. */
  serial: number;
  kind: 'udp6' | 'lite6' | 'raw6' | 'icmp6' | 'ping6' | 'udp4';
}

const ADDRESSES = [
  '::',
  '::1',
  NEAR6,
  FAR6,
  NEAR_LL,
  FAR_LL,
  'ff02::1',
  'ff01::1',
  '::ffff:0.0.0.0',
  '::ffff:127.0.0.1',
  `::ffff:${NEAR}`,
  '::ffff:10.0.0.2',
  '2001:db8:66::1',
  '2001:db8:67::1',
  '2002::1',
];
const ADDRESSES4 = ['0.0.0.0', '127.0.0.1', NEAR, '10.0.0.2'];
const PORTS = [0, 9000, 9001, 9002, 9003, 9];
const SIZES = [0, 1, 7, 8, 20, 100, 600, 1452, 1453, 3000];
/** Options whose value is the same on any machine: [level, option]. */
const OPTIONS: [number, number][] = [
  ...[2, 5, 6, 7, 8, 11, 12, 15, 40, 42, 36].map((option): [number, number] => [1, option]),
  ...[2, 3, 8, 10, 11, 12, 13, 15, 20, 33, 34, 49].map((option): [number, number] => [0, option]),
  ...[1, 2, 7, 8, 11, 16, 18, 19, 23, 24, 25, 26, 29, 33, 49, 51, 53, 58, 60, 61, 62, 66, 67, 72, 74, 77, 78].map(
    (option): [number, number] => [41, option],
  ),
  [17, 1],
  [17, 101],
  [17, 102],
  [136, 10],
  [136, 11],
];
const VALUES = [0, 0, 1, 1, 2, 3, 64, 255, 300, 1280, 4096, 20000, -1];
const FLAGS = [0, 0, 0, 0, 2, 0x20, 0x22, 4, 0x8000, 0x2000, 0x800, 1];

/** Ports and identifiers that the kernel chose. */
function maskedName(name: string): string {
  const family = name.slice(0, 4);
  const port = Number.parseInt(name.slice(4, 8), 16);
  return (family === '0a00' || family === '0200') && !PORTS.includes(port) && port !== 58 && port !== 200
    ? `${family}eph.${name.slice(8)}`
    : name;
}

/** See `runSequence` for `times`. */
export function runSequence6(world: World, seed: number, count: number, times: number[] = []): string[] {
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
  let opened = 0;
  const log: string[] = [];
  for (const calls of [world.near, world.far])
    calls.writeFile('/proc/sys/net/ipv4/ping_group_range', new TextEncoder().encode('0 2147483647\n'));
  const open = (): string => {
    const host = pick(['near', 'near', 'far'] as const);
    const kind = pick(['udp6', 'udp6', 'udp6', 'lite6', 'raw6', 'icmp6', 'ping6', 'udp4'] as const);
    const calls = world[host];
    const [family, type, protocol] = (
      {
        udp6: [10, 2, 17],
        lite6: [10, 2, 136],
        raw6: [10, 3, 200],
        icmp6: [10, 3, 58],
        ping6: [10, 2, 58],
        udp4: [2, 2, 17],
      } as const
    )[kind];
    const fd = calls.socket(family, type, protocol);
    if (fd < 0) return `open ${kind} ${fd}`;
    handles.push({ calls, host, fd, kind, serial: opened++ });
    return `open ${host} ${kind}`;
  };
  const address = (h: Handle): Uint8Array => {
    if (h.kind === 'udp4' || random() % 12 === 0) return sin(pick(ADDRESSES4), pick(PORTS));
    const port = h.kind === 'raw6' || h.kind === 'icmp6' ? 0 : pick(PORTS);
    return sin6(pick(ADDRESSES), port, pick([0, world.ifindex, world.ifindex, 1]), pick([0, 0, 0x0ab12345]));
  };
  const payload = (h: Handle): Uint8Array => {
    const data = Uint8Array.from({ length: pick(SIZES) }, (_, i) => i);
    if ((h.kind === 'icmp6' || h.kind === 'ping6') && data.length >= 8) data.set([128, 0, 0, 0]);
    return data;
  };
  const control = (): ControlMessage[] => {
    const list: ControlMessage[] = [];
    const add = (type: number, data: Uint8Array): void => void list.push({ level: 41, type, data });
    if (random() % 2) add(52, int(pick([-1, 0, 3, 255, 256])));
    if (random() % 3 === 0) add(67, int(pick([0, 8, 0xb8])));
    if (random() % 3 === 0) add(62, int(pick([0, 1])));
    if (random() % 4 === 0) add(54, Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0));
    if (random() % 4 === 0) add(59, Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0));
    if (random() % 3 === 0)
      add(50, encodeIn6Pktinfo({ addr: ip6(pick(ADDRESSES)), ifindex: pick([0, world.ifindex, 1]) }));
    return list;
  };
  while (log.length < count) {
    if (handles.length === 0 || (handles.length < 12 && random() % 9 === 0)) {
      log.push(open());
      continue;
    }
    const at = random() % handles.length;
    const h = handles[at]!;
    const { calls, fd } = h;
    const what = random() % 17;
    let line: string;
    if (what === 0) {
      line = `close ${calls.close(fd)}`;
      handles.splice(at, 1);
    } else if (what === 1) {
      const to = address(h);
      line = `bind ${hex(to)} ${calls.bind(fd, to)}`;
    } else if (what === 2) {
      const to = address(h);
      if (random() % 6 === 0) to[0] = 0;
      settle();
      line = `connect ${hex(to)} ${calls.connect(fd, to)}`;
    } else if (what <= 5) {
      settle();
      const to = random() % 4 === 0 ? null : address(h);
      const [data, flags] = [payload(h), pick(FLAGS)];
      line = `send ${data.length} ${flags} ${to === null ? '' : hex(to)} ${calls.sendto(fd, data, flags, to)}`;
    } else if (what === 6) {
      settle();
      const to = random() % 4 === 0 ? null : address(h);
      const [data, list] = [payload(h), control()];
      const message = messageHeader([data], to, list.length === 0 ? null : encodeControl(list));
      const asked = list.map((m) => `${m.type}:${hex(m.data)}`).join(' ');
      line = `sendmsg ${data.length} ${to === null ? '' : hex(to)} ${asked} ${calls.sendmsg(fd, message, 0)}`;
    } else if (what <= 10) {
      settle();
      const flags = pick(FLAGS);
      const buffer = new Uint8Array(pick([0, 4, 64, 4000]));
      const message = messageHeader([buffer], new Uint8Array(128), new Uint8Array(512));
      const result = calls.recvmsg(fd, message, flags | MSG_DONTWAIT);
      line = `recv ${flags} ${result}`;
      if (result >= 0) {
        const controls = controlMessages(message.control!, message.controlLength).map((m) => {
          const data = hex(m.data);
          return `${m.level}/${m.type}:${data.startsWith('0a00') || data.startsWith('0200') ? maskedName(data) : data}`;
        });
        // Of ICMP's own messages the identifier and the checksum are not the program's.
        const icmp = h.kind === 'icmp6' || h.kind === 'ping6';
        const data = icmp ? buffer.subarray(8, Math.max(8, result)) : buffer.subarray(0, result);
        line += ` ${icmp ? hex(buffer.subarray(0, 2)) : ''} ${icmp && buffer[0]! < 128 ? '' : hex(data).slice(0, 56)}`;
        line += ` ${maskedName(hex(message.name!.subarray(0, message.nameLength)))} ${message.flags} ${controls.join(' ')}`;
      }
    } else if (what <= 12) {
      const [level, option] = pick(OPTIONS);
      const value = pick(VALUES);
      line = `set ${level}/${option} ${value} ${calls.setsockopt(fd, level, option, int(value))}`;
    } else if (what === 13) {
      const [level, option] = pick(OPTIONS);
      const value = new Uint8Array(32);
      const length = Int32Array.of(option === 61 ? 32 : 4);
      const result = calls.getsockopt(fd, level, option, value, length);
      line = `get ${level}/${option} ${result} ${result < 0 ? '' : hostI32(value, option === 61 ? 28 : 0)}`;
    } else if (what === 14) {
      const name = new Uint8Array(128);
      const length = Int32Array.of(128);
      const peer = random() % 2 === 0;
      const result = peer ? calls.getpeername(fd, name, length) : calls.getsockname(fd, name, length);
      line = `name ${result} ${result < 0 ? '' : maskedName(hex(name.subarray(0, length[0]!)))}`;
    } else if (what === 15) {
      settle();
      const entry = { fd, events: 0x3fff, revents: 0 };
      calls.poll([entry]);
      line = `poll ${entry.revents}`;
    } else {
      settle();
      const value = new Uint8Array(4);
      line = `ioctl ${calls.ioctl(fd, pick([0x541b, 0x5411]), value)} ${hostU32(value, 0)}`;
      if (random() % 8 === 0) line += ` shutdown ${calls.shutdown(fd, random() % 3)}`;
    }
    log.push(`${h.host} ${h.kind} #${h.serial} ${line}`);
  }
  for (const { calls, fd } of handles) calls.close(fd);
  world.settle(2);
  world.frames();
  return log;
}
