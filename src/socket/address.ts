/** IP and MAC addresses between text and bytes, and socket addresses as values. */

import * as sockaddr from '../uapi/sockaddr.ts';
import { AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX } from '../uapi/socket.ts';

/** Four bytes of a dotted quad, or null. Each part is decimal, 0 to 255, without leading zeros (inet_pton(3)). */
export function parseIpv4(text: string): Uint8Array | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (!match) return null;
  const bytes = new Uint8Array(4);
  for (let at = 0; at < 4; at++) {
    const part = match[at + 1]!;
    if (Number(part) > 255 || (part.length > 1 && part[0] === '0')) return null;
    bytes[at] = Number(part);
  }
  return bytes;
}

/** Sixteen bytes of an IPv6 address (RFC 4291, 2.2), or null. A zone (`%eth0`) is not part of it. */
export function parseIpv6(text: string): Uint8Array | null {
  const bytes = new Uint8Array(16);
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = (part: string, last: boolean): number[] | null => {
    if (part === '') return [];
    const found: number[] = [];
    const pieces = part.split(':');
    for (const [at, piece] of pieces.entries()) {
      const quad = last && at === pieces.length - 1 ? parseIpv4(piece) : null;
      if (quad) found.push(...quad);
      else if (/^[0-9a-f]{1,4}$/i.test(piece))
        found.push(Number.parseInt(piece, 16) >> 8, Number.parseInt(piece, 16) & 255);
      else return null;
    }
    return found;
  };
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (!head || !tail) return null;
  // '::' stands for at least one group of zeros.
  if (halves.length === 1 ? head.length !== 16 : head.length + tail.length > 14) return null;
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The address as text: IPv4 for 4 bytes, IPv6 as RFC 5952 asks for 16. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: number[] = [];
  for (let at = 0; at < 16; at += 2) groups.push((bytes[at]! << 8) | bytes[at + 1]!);
  // RFC 5952 4.2.3: the longest run of zero groups, the first of equally long ones, never a single group.
  let start = -1;
  let longest = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && groups[end] === 0) end++;
    if (end - at > longest) {
      start = at;
      longest = end - at;
    }
    if (end > at) at = end;
  }
  // RFC 5952 5: mixed notation where the prefix is well known: IPv4-mapped.
  if (start === 0 && longest === 5 && groups[5] === 0xffff) return `::ffff:${bytes.subarray(12).join('.')}`;
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  return start < 0 ? hex(groups) : `${hex(groups.slice(0, start))}::${hex(groups.slice(start + longest))}`;
}

/** `02:00:00:00:00:01`: hexadecimal bytes with colons, as many as there are. */
export const formatMac = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');

/** Six bytes of a MAC address with colons or hyphens, or null. */
export function parseMac(text: string): Uint8Array | null {
  if (!/^[0-9a-f]{1,2}([:-][0-9a-f]{1,2}){5}$/i.test(text)) return null;
  return Uint8Array.from(text.split(/[:-]/), (byte) => Number.parseInt(byte, 16));
}

/** A socket address as a value. IP addresses are text, ports in host order. */
export type SocketAddress =
  | { family: 'ipv4'; address: string; port: number }
  | { family: 'ipv6'; address: string; port: number; flowInfo?: number; scopeId?: number }
  | { family: 'unix'; path: string }
  | ({ family: 'packet' } & sockaddr.SockaddrLl)
  | ({ family: 'netlink' } & sockaddr.SockaddrNl)
  | { family: 'other'; number: number };

/** struct sockaddr_… of the address. Throws RangeError for what is no address. */
export function encodeAddress(address: SocketAddress): Uint8Array {
  switch (address.family) {
    case 'ipv4': {
      const bytes = parseIpv4(address.address);
      if (!bytes) throw new RangeError(`address: '${address.address}' is no IPv4 address`);
      return sockaddr.encodeSockaddrIn({ address: bytes, port: portNumber(address.port) });
    }
    case 'ipv6': {
      const bytes = parseIpv6(address.address);
      if (!bytes) throw new RangeError(`address: '${address.address}' is no IPv6 address`);
      return sockaddr.encodeSockaddrIn6({ ...address, address: bytes, port: portNumber(address.port) });
    }
    case 'unix':
      return sockaddr.encodeSockaddrUn(address.path);
    case 'packet':
      return sockaddr.encodeSockaddrLl(address);
    case 'netlink':
      return sockaddr.encodeSockaddrNl(address);
    case 'other':
      throw new RangeError(`address: family ${address.number} cannot be encoded`);
  }
}

/** The address in the first `length` bytes, or null where there is none. */
export function decodeAddress(bytes: Uint8Array, length: number): SocketAddress | null {
  if (length < 2) return null;
  const family = sockaddr.sockaddrFamily(bytes, length);
  switch (family) {
    case AF_INET: {
      const { address, port } = sockaddr.decodeSockaddrIn(bytes);
      return { family: 'ipv4', address: formatIp(address), port };
    }
    case AF_INET6: {
      const { address, ...rest } = sockaddr.decodeSockaddrIn6(bytes);
      return { family: 'ipv6', address: formatIp(address), ...rest };
    }
    case AF_UNIX:
      return { family: 'unix', path: sockaddr.decodeSockaddrUn(bytes, length) };
    case AF_PACKET:
      return { family: 'packet', ...sockaddr.decodeSockaddrLl(bytes) };
    case AF_NETLINK:
      return { family: 'netlink', ...sockaddr.decodeSockaddrNl(bytes) };
    default:
      return { family: 'other', number: family };
  }
}

function portNumber(port: number): number {
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) throw new RangeError(`port: ${port} is not 0 to 65535`);
  return port;
}
