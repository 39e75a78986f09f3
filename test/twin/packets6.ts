/** Packets of IPv6 made byte by byte, and what comes back for them: for cases about the network layer by itself. */
import { checksum, sum } from '../../src/bytes/checksum.ts';
import { putBe16, putBe32 } from '../../src/bytes/endian.ts';
import type { SystemCalls } from '../../src/syscall/contract.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import { AF_PACKET, SOCK_RAW } from '../../src/uapi/socket.ts';
import { parseIpv6 } from '../../src/wire/address.ts';
import { FAR_MAC, NEAR_MAC } from './world.ts';
import type { World6 } from './world6.ts';

export const NEAR6 = '2001:db8::1';
export const FAR6 = '2001:db8::2';
export const RIM6 = '2001:db8:1::2';
export const addr = (text: string): Uint8Array => parseIpv6(text)!;
export const cat = (...parts: (Uint8Array | number[])[]): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
export const fill = (length: number, seed = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => i + seed);

export interface Ip6 {
  src?: string;
  dst?: string;
  next: number;
  hops?: number;
  tclass?: number;
  label?: number;
  payload: Uint8Array;
  /** What the header says, where that is not the payload's length. */
  length?: number;
  version?: number;
}

export function ip6({
  src = NEAR6,
  dst = FAR6,
  next,
  hops = 64,
  tclass = 0,
  label = 0,
  payload,
  length,
  version = 6,
}: Ip6): Uint8Array {
  const header = new Uint8Array(40);
  putBe32(header, 0, ((version << 28) | (tclass << 20) | label) >>> 0);
  putBe16(header, 4, length ?? payload.length);
  header[6] = next;
  header[7] = hops;
  header.set(addr(src), 8);
  header.set(addr(dst), 24);
  return cat(header, payload);
}

/** A message of ICMPv6 with its checksum. `rest` is the second word. */
export function icmp6(
  type: number,
  code: number,
  rest: number,
  data: Uint8Array = new Uint8Array(0),
  { src = NEAR6, dst = FAR6, bad = false }: { src?: string; dst?: string; bad?: boolean } = {},
): Uint8Array {
  const body = cat([type, code, 0, 0], new Uint8Array(4), data);
  putBe32(body, 4, rest >>> 0);
  const pseudo = sum(addr(src), 0, 16, sum(addr(dst), 0, 16)) + body.length + 58;
  putBe16(body, 2, checksum(body, 0, body.length, pseudo) ^ (bad ? 0x5555 : 0));
  return body;
}

export const echo = (
  length: number,
  options: { src?: string; dst?: string; id?: number; bad?: boolean } = {},
): Uint8Array => icmp6(128, 0, ((options.id ?? 7) << 16) | 1, fill(length), options);

/** A datagram of UDP without checksum 0. */
export function udp6(from: number, to: number, data: Uint8Array, { src = NEAR6, dst = FAR6 } = {}): Uint8Array {
  const body = cat(new Uint8Array(8), data);
  putBe16(body, 0, from);
  putBe16(body, 2, to);
  putBe16(body, 4, body.length);
  const pseudo = sum(addr(src), 0, 16, sum(addr(dst), 0, 16)) + body.length + 17;
  putBe16(body, 6, checksum(body, 0, body.length, pseudo) || 0xffff);
  return body;
}

/** An extension header of options, filled to a multiple of 8 with PadN. */
export function options(next: number, ...parts: number[][]): Uint8Array {
  const body = parts.flat();
  const length = (body.length + 2 + 7) & ~7;
  const pad = length - 2 - body.length;
  if (pad === 1) body.push(0);
  else if (pad > 1) body.push(1, pad - 2, ...new Array<number>(pad - 2).fill(0));
  return Uint8Array.of(next, length / 8 - 1, ...body);
}
export const routing = (next: number, type: number, left: number, data: Uint8Array): Uint8Array =>
  cat([next, (data.length + 4) / 8 - 1, type, left], data);

export function fragment(next: number, offset: number, more: boolean, id: number, data: Uint8Array): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = next;
  putBe16(header, 2, offset | (more ? 1 : 0));
  putBe32(header, 4, id);
  return cat(header, data);
}

export const ether = (packet: Uint8Array, to: Uint8Array = FAR_MAC, type = 0x86dd): Uint8Array =>
  cat(to, NEAR_MAC, [type >>> 8, type & 255], packet);

/** Sends whole frames by the near host's device. */
export function inject(w: World6, ...frames: Uint8Array[]): void {
  const fd = w.near.socket(AF_PACKET, SOCK_RAW, 0);
  const to = encodeSockaddrLl({ protocol: 0x86dd, ifindex: w.ifindex });
  for (const frame of frames) {
    const sent = w.near.sendto(fd, frame, 0, to);
    if (sent !== frame.length) throw new Error(`sendto: ${sent}`);
  }
  w.near.close(fd);
}

let markers = 0;
const MARK = 0x6d61;

/** Sends frames and gives what came in for them, as text. A last echo request, whose answer is waited for and left out,
 * shows that everything before it has been handled. */
export function exchange(w: World6, ...frames: Uint8Array[]): string[] {
  w.frames();
  inject(w, ...frames);
  return flush(w);
}

/** Frames that came in until the answer to a marker. */
export function flush(w: World6, by = FAR6): string[] {
  const id = ++markers & 0xffff;
  const marker = icmp6(128, 0, ((MARK << 16) | id) >>> 0, new Uint8Array(0), { dst: by });
  inject(w, ether(ip6({ dst: by, next: 58, payload: marker })));
  const answer = `8100....${MARK.toString(16)}${id.toString(16).padStart(4, '0')}`;
  const isAnswer = new RegExp(`^in0 .{108}${answer}$`);
  const found: string[] = [];
  for (let tries = 0; tries < 2000; tries++) {
    found.push(...w.frames());
    if (found.some((frame) => isAnswer.test(frame))) break;
    w.settle(1);
  }
  const last = found.findIndex((frame) => isAnswer.test(frame));
  if (last < 0) throw new Error('no answer to the marker');
  return found.filter((frame) => frame.startsWith('in') && !isAnswer.test(frame));
}

/** Waits until a frame that came in fits, and gives it; at most `milliseconds`. */
export function awaitFrame(w: World6, fits: (frame: string) => boolean, milliseconds = 8000): string {
  for (let waited = 0; waited < milliseconds; waited += 20) {
    const found = w.frames().find((frame) => frame.startsWith('in') && fits(frame));
    if (found !== undefined) return found;
    w.settle(20);
  }
  return 'nothing';
}

const decoder = new TextDecoder();
/** Counters of /proc/net/snmp6, or of one device. */
export function counters6(calls: SystemCalls, dev?: string): Map<string, number> {
  const content = calls.readFile(dev === undefined ? '/proc/net/snmp6' : `/proc/net/dev_snmp6/${dev}`);
  if (typeof content === 'number') throw new Error(`snmp6: ${content}`);
  return new Map(
    decoder
      .decode(content)
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/))
      .map(([name, value]) => [name!, Number(value)]),
  );
}
export const read = (calls: SystemCalls, path: string): string | number => {
  const content = calls.readFile(path);
  return typeof content === 'number' ? content : decoder.decode(content);
};
export function sysctl(calls: SystemCalls, name: string, value: string | number): void {
  const result = calls.writeFile(`/proc/sys/net/ipv6/${name}`, new TextEncoder().encode(`${value}\n`));
  if (result < 0) throw new Error(`${name}: ${result}`);
}
