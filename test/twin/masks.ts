/** Packets, addresses and control messages as text in which what a kernel chooses at random is left out. */
import { be16, be32 } from '../../src/bytes/endian.ts';
import { type ControlMessage, controlMessages } from '../../src/uapi/socket.ts';
import { hex } from './program.ts';

/** Ports and protocols that sequences name; any other was chosen by the kernel. */
const NAMED = new Set([0, 1, 9, 17, 58, 136, 200, 255, 9000, 9001, 9002, 9003]);
export const portText = (port: number): string => (NAMED.has(port) ? String(port) : 'eph');

/** A socket address of IPv4 or IPv6 with its port masked where it was chosen by the kernel; others in hexadecimal. */
export function nameText(name: Uint8Array): string {
  const family = name.length >= 4 && name[1] === 0 ? name[0] : -1;
  if (family !== 2 && family !== 10) return hex(name);
  return `${hex(name.subarray(0, 2))}:${portText(be16(name, 2))}:${hex(name.subarray(4))}`;
}

function transportText(b: Uint8Array, at: number, end: number, protocol: number, depth: number): string {
  if ((protocol === 17 || protocol === 136) && end - at >= 8)
    return `udp ${portText(be16(b, at))}>${portText(be16(b, at + 2))} ${be16(b, at + 4)} ${hex(b.subarray(at + 8, Math.min(end, at + 20)))}`;
  if ((protocol === 1 || protocol === 58) && end - at >= 8) {
    const type = b[at]!;
    const error = protocol === 1 ? [3, 4, 5, 11, 12].includes(type) : type < 128;
    const head = `icmp ${type}/${b[at + 1]}`;
    if (error && depth < 3)
      return `${head} ${type === 8 || type === 0 ? '' : be32(b, at + 4)} [${packetText(b, at + 8, end, depth + 1)}]`;
    return head;
  }
  if (depth > 0 || protocol === 17 || protocol === 136) return '';
  return hex(b.subarray(at, Math.min(end, at + 20)));
}

/** An IPv4 or IPv6 packet without identification, checksums and ports that were chosen. */
export function packetText(b: Uint8Array, at: number, end: number, depth = 0): string {
  const length = end - at;
  if (length >= 20 && b[at]! >>> 4 === 4) {
    const ihl = (b[at]! & 15) << 2;
    const fragment = be16(b, at + 6);
    const head = `4.${ihl} tos ${b[at + 1]} len ${be16(b, at + 2)}/${length} off ${fragment} ttl ${b[at + 8]} ${b[at + 9]} ${hex(b.subarray(at + 12, Math.min(at + Math.max(20, ihl), end)))}`;
    if ((fragment & 0x1fff) !== 0 || at + ihl > end) return head;
    return `${head} ${transportText(b, at + ihl, end, b[at + 9]!, depth)}`;
  }
  if (length >= 40 && b[at]! >>> 4 === 6) {
    let next = b[at + 6]!;
    let header = at + 40;
    let text = `6 ${hex(b.subarray(at, at + 4))} len ${be16(b, at + 4)}/${length} ${next} hlim ${b[at + 7]} ${hex(b.subarray(at + 8, at + 40))}`;
    for (let i = 0; i < 8 && header + 8 <= end; i++) {
      if (next === 44) {
        const offset = be16(b, header + 2);
        text += ` frag ${offset}`;
        next = b[header]!;
        header += 8;
        if (offset & 0xfff8) return text;
      } else if (next === 0 || next === 43 || next === 60) {
        text += ` ext ${next}`;
        next = b[header]!;
        header += (b[header + 1]! + 1) << 3;
      } else break;
    }
    return `${text} ${transportText(b, Math.min(header, end), end, next, depth)}`;
  }
  // Of a header that was cut what comes before the identification.
  return hex(b.subarray(at, Math.min(end, at + (length < 20 && b[at]! >>> 4 === 4 ? 4 : 28))));
}

/** A frame, perhaps behind a virtio header, perhaps without its Ethernet header. */
export function frameText(b: Uint8Array, end: number): string {
  for (const at of [0, 10]) {
    if (end < at + 14) continue;
    const type = be16(b, at + 12);
    if (type === 0x800 || type === 0x86dd) return `${hex(b.subarray(0, at + 14))} ${packetText(b, at + 14, end)}`;
    const version = b[at]! >>> 4;
    if ((version === 4 && end >= at + 20) || (version === 6 && end >= at + 40))
      return `${hex(b.subarray(0, at))} ${packetText(b, at, end)}`;
  }
  return hex(b.subarray(0, Math.min(end, 28)));
}

/** Times are told as such alone: SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING and their new names. */
const TIMES = [29, 35, 37, 63, 64, 65];
const IP_CHECKSUM = 23;

function controlText({ level, type, data }: ControlMessage): string {
  const kind = `${level}/${type}:`;
  if (level === 1 && TIMES.includes(type)) return `${kind}${data.length}`;
  if (level === 0 && type === IP_CHECKSUM) return kind;
  return kind + (data.length >= 16 && (data[0] === 2 || data[0] === 10) ? nameText(data) : hex(data));
}
export const controlsText = (control: Uint8Array, length: number): string =>
  controlMessages(control, length).map(controlText).join(' ');
