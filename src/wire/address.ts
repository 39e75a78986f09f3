import { TextWriter } from '../bytes/text.ts';

/** Addresses as text: MAC, IPv4, IPv6. Bytes are in network order. */

const writer = new TextWriter(64);

/** `02:00:00:00:00:01` of the six bytes at `at`. */
export function formatMac(bytes: Uint8Array, at = 0): string {
  writer.clear();
  writer.mac(bytes, at);
  return writer.toString();
}

/** `192.0.2.1` of the four bytes at `at`. */
export function formatIpv4(bytes: Uint8Array, at = 0): string {
  writer.clear();
  writer.ipv4(bytes, at);
  return writer.toString();
}

/** `2001:db8::1` of the 16 bytes at `at`, as inet_ntop(3) writes it. */
export function formatIpv6(bytes: Uint8Array, at = 0): string {
  writer.clear();
  writer.ipv6(bytes, at);
  return writer.toString();
}

/** Six groups of one or two hexadecimal digits with `:` or `-` between; null for anything else. */
export function parseMac(text: string): Uint8Array | null {
  const groups = text.split(text.includes('-') ? '-' : ':');
  if (groups.length !== 6 || !groups.every((group) => /^[0-9a-fA-F]{1,2}$/.test(group))) return null;
  return Uint8Array.from(groups, (group) => Number.parseInt(group, 16));
}

/** Four decimal octets without leading zeros, as inet_pton(3) takes them; null for anything else. */
export function parseIpv4(text: string): Uint8Array | null {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256))
    return null;
  return Uint8Array.from(octets, Number);
}

/** An IPv6 address as inet_pton(3) takes it (RFC 4291 2.2), without a zone; null for anything else. */
export function parseIpv6(text: string): Uint8Array | null {
  const bytes = new Uint8Array(16);
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === null || tail === null) return null;
  const count = head.length + tail.length;
  if (halves.length === 2 ? count > 14 : count !== 16) return null;
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups, where the last may be a dotted IPv4 address. */
function groupsOf(text: string, mayEndDotted: boolean): number[] | null {
  const bytes: number[] = [];
  if (text === '') return bytes;
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (mayEndDotted && index === groups.length - 1 && group.includes('.')) {
      const dotted = parseIpv4(group);
      if (dotted === null) return null;
      bytes.push(...dotted);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** A copy of `length` bytes at `at`: addresses of parsed headers outlive the frame's memory. */
export const copyOf = (bytes: Uint8Array, at: number, length: number): Uint8Array => bytes.slice(at, at + length);
