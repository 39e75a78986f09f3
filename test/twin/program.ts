/** Small words for programs over the contract: addresses, options, one call each. */
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { messageHeader } from '../../src/syscall/message.ts';
import { hostI32, hostU32, int } from '../../src/uapi/host.ts';
import { encodeSockaddrIn, encodeSockaddrIn6 } from '../../src/uapi/sockaddr.ts';
import { AF_INET, AF_INET6, controlMessages, MSG_DONTWAIT, SOCK_DGRAM } from '../../src/uapi/socket.ts';
import { parseIpv6 } from '../../src/wire/address.ts';

export const ip = (text: string): Uint8Array => Uint8Array.from(text.split('.').map(Number));
export const sin = (address: string, port: number): Uint8Array => encodeSockaddrIn({ address: ip(address), port });
export const ip6 = (text: string): Uint8Array => parseIpv6(text)!;
export const sin6 = (address: string, port: number, scopeId = 0, flowInfo = 0): Uint8Array =>
  encodeSockaddrIn6({ address: ip6(address), port, scopeId, flowInfo });
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
export const NEAR = '10.0.0.1';
export const FAR = '10.0.0.2';

/** A socket bound where asked; throws where that fails. */
export function udp(calls: SystemCalls, address?: string, port?: number, family = AF_INET): number {
  const fd = calls.socket(family, SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`socket: ${fd}`);
  if (address !== undefined) {
    const error = calls.bind(fd, sin(address, port ?? 0));
    if (error < 0) throw new Error(`bind ${address}:${port}: ${error}`);
  }
  return fd;
}

export const set = (calls: SystemCalls, fd: number, level: number, name: number, value: number | Uint8Array): number =>
  calls.setsockopt(fd, level, name, typeof value === 'number' ? int(value) : value);

/** A datagram socket of IPv6, bound where asked; throws where that fails. */
export function udp6(calls: SystemCalls, address?: string, port = 0, scope = 0, protocol = 0): number {
  const fd = calls.socket(AF_INET6, SOCK_DGRAM, protocol);
  if (fd < 0) throw new Error(`socket: ${fd}`);
  if (address !== undefined) {
    const error = calls.bind(fd, sin6(address, port, scope));
    if (error < 0) throw new Error(`bind ${address}:${port}: ${error}`);
  }
  return fd;
}

/** Frames that went out, but for questions after IPv6 neighbours that do not answer, which come again later. */
export const outgoing = (frames: readonly string[]): string[] =>
  frames.filter((f) => f.startsWith('out') && !(f.slice(44, 48) === '3aff' && f.slice(112, 114) === '87'));

/** [result, value as int or hex, length]. */
export function get(calls: SystemCalls, fd: number, level: number, name: number, room = 4): unknown[] {
  const value = new Uint8Array(Math.max(room, 1)).fill(0xa5);
  const length = Int32Array.of(room);
  const result = calls.getsockopt(fd, level, name, value, length);
  if (result < 0) return [result];
  return [result, length[0] === 4 ? hostI32(value, 0) : hex(value.subarray(0, Math.max(0, length[0]!))), length[0]];
}

export const send = (
  calls: SystemCalls,
  fd: number,
  data: string | Uint8Array,
  flags = 0,
  to: Uint8Array | null = null,
): number => calls.sendto(fd, typeof data === 'string' ? bytes(data) : data, flags, to);

/** [result, data, sender, flags, control messages]. */
export function recv(
  calls: SystemCalls,
  fd: number,
  { room = 2048, flags = 0, control = 512, name = true, whole = false } = {},
): unknown[] {
  const buffer = new Uint8Array(room).fill(0xa5);
  const message = messageHeader(
    [buffer],
    name ? new Uint8Array(128) : null,
    control > 0 ? new Uint8Array(control) : null,
  );
  const result = calls.recvmsg(fd, message, flags | MSG_DONTWAIT);
  if (result < 0) return [result];
  const data = buffer.subarray(0, Math.min(result, room));
  return [
    result,
    data.length > 64 && !whole ? `${hex(data.subarray(0, 32))}…${data.length}` : hex(data),
    message.name === null ? null : hex(message.name.subarray(0, message.nameLength)),
    message.flags,
    message.control === null
      ? []
      : controlMessages(message.control, message.controlLength).map((m) => `${m.level}/${m.type}:${hex(m.data)}`),
  ];
}

export function name(calls: SystemCalls, fd: number, peer = false): unknown {
  const address = new Uint8Array(128);
  const length = Int32Array.of(128);
  const result = peer ? calls.getpeername(fd, address, length) : calls.getsockname(fd, address, length);
  return result < 0 ? result : hex(address.subarray(0, length[0]!));
}

export const port = (calls: SystemCalls, fd: number): number => {
  const address = new Uint8Array(28);
  calls.getsockname(fd, address, Int32Array.of(28));
  return (address[2]! << 8) | address[3]!;
};

export const revents = (calls: SystemCalls, fd: number, events = 0x3fff): number => {
  const entry = { fd, events, revents: 0 };
  calls.poll([entry]);
  return entry.revents;
};

/** SO_MEMINFO: receive memory in use, its limit, send memory in use, its limit, drops. */
export function meminfo(calls: SystemCalls, fd: number): number[] {
  const value = new Uint8Array(36);
  calls.getsockopt(fd, 1, 55, value, Int32Array.of(36));
  return [0, 4, 8, 12, 32].map((at) => hostU32(value, at));
}

const decoder = new TextDecoder();

/** Counters of /proc/net/snmp6, but those of multicast listener discovery and of the devices' own doing. */
export function counters6(calls: SystemCalls): Map<string, number> {
  const content = calls.readFile('/proc/net/snmp6');
  if (typeof content === 'number') throw new Error(`/proc/net/snmp6: ${content}`);
  const found = new Map<string, number>();
  for (const line of decoder.decode(content).trim().split('\n')) {
    const [counter, value] = line.trim().split(/\s+/);
    if (/^(Udp|UdpLite)6/.test(counter!)) found.set(counter!, Number(value));
  }
  return found;
}

/** Counters of /proc/net/snmp and netstat that moved, by group and name. TCP's and what the machine itself does are left
 * out. */
export function counters(calls: SystemCalls): Map<string, number> {
  const found = new Map<string, number>();
  for (const file of ['snmp', 'netstat']) {
    const content = calls.readFile(`/proc/net/${file}`);
    if (typeof content === 'number') throw new Error(`/proc/net/${file}: ${content}`);
    const lines = decoder.decode(content).trim().split('\n');
    for (let i = 0; i + 1 < lines.length; i += 2) {
      const [group, ...names] = lines[i]!.split(' ');
      const values = lines[i + 1]!.split(' ').slice(1);
      if (group === 'Tcp:' || group === 'TcpExt:' || group === 'MPTcpExt:') continue;
      names.forEach((n, at) => {
        found.set(`${group}${n}`, Number(values[at]));
      });
    }
  }
  return found;
}

export function moved(before: Map<string, number>, after: Map<string, number>): Record<string, number> {
  const result: Record<string, number> = {};
  for (const [key, value] of after) {
    const by = value - (before.get(key) ?? 0);
    if (by !== 0) result[key] = by;
  }
  return result;
}
