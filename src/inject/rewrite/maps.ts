import { formatMac, parseIpv4, parseIpv6, parseMac } from '../../wire/address.ts';

/** What rewriting maps to what: networks, ports, MAC addresses. The first rule that fits decides. */

/** Changes the address of 4 or 16 bytes in place; false: left as it was. */
export type AddressChange = (address: Uint8Array) => boolean;

interface NetworkRule {
  from: Uint8Array;
  to: Uint8Array;
  /** Leading bits that must fit. */
  length: number;
  /** Leading bits that are replaced; the others stay. */
  replaced: number;
}

/** `10.0.0.0/8=192.168.0.0/16`, `2001:db8::/32=fd00::/32`, `10.0.0.1=10.9.9.9`: addresses of the first network get the
 * leading bits of the second. Both must be of one family. Throws RangeError that says what is wrong. */
export function parseNetworkRule(text: string): NetworkRule {
  const [left, right, more] = text.split('=');
  if (left === undefined || right === undefined || more !== undefined)
    throw new RangeError(`${text}: OLD=NEW is expected, addresses or networks, such as 10.0.0.0/8=192.168.0.0/16`);
  const from = parseNetwork(left);
  const to = parseNetwork(right);
  if (from.bytes.length !== to.bytes.length) throw new RangeError(`${text}: one side is IPv4, the other IPv6`);
  return { from: from.bytes, to: to.bytes, length: from.length, replaced: to.length };
}

/** `10.0.0.0/8`, `fe80::/10`, or an address alone. */
export function parseNetwork(text: string): { bytes: Uint8Array; length: number } {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const bytes = parseIpv4(address) ?? parseIpv6(address.replace(/^\[(.*)\]$/, '$1'));
  if (bytes === null) throw new RangeError(`${text}: ${address || 'nothing'} is no IPv4 or IPv6 address`);
  const bits = bytes.length * 8;
  const length = slash < 0 ? bits : Number(text.slice(slash + 1));
  if ((slash >= 0 && !/^\d+$/.test(text.slice(slash + 1))) || length > bits)
    throw new RangeError(`${text}: the length of the prefix is a number from 0 to ${bits}`);
  return { bytes, length };
}

/** True where the first `length` bits are the same. */
export function samePrefix(a: Uint8Array, b: Uint8Array, length: number): boolean {
  let i = 0;
  for (; length >= 8; length -= 8, i++) if (a[i] !== b[i]) return false;
  return length === 0 || ((a[i]! ^ b[i]!) & (0xff00 >> length) & 0xff) === 0;
}

/** The change that the rules make. */
export function networkMap(rules: readonly NetworkRule[]): AddressChange {
  return (address) => {
    for (const { from, to, length, replaced } of rules) {
      if (from.length !== address.length || !samePrefix(from, address, length)) continue;
      let left = replaced;
      for (let i = 0; left > 0; i++, left -= 8) {
        const mask = left >= 8 ? 0xff : (0xff00 >> left) & 0xff;
        address[i] = (to[i]! & mask) | (address[i]! & ~mask);
      }
      return true;
    }
    return false;
  };
}

export interface PortRule {
  first: number;
  last: number;
  to: number;
}

/** `80=8080`, `8000-8010=80`: a port or a range to one port. */
export function parsePortRule(text: string): PortRule {
  const match = /^(\d+)(?:-(\d+))?=(\d+)$/.exec(text);
  const rule = match && { first: Number(match[1]), last: Number(match[2] ?? match[1]), to: Number(match[3]) };
  if (!rule || rule.first > rule.last || rule.last > 0xffff || rule.to > 0xffff)
    throw new RangeError(`${text}: OLD=NEW is expected, ports from 0 to 65535, such as 80=8080 or 8000-8010=80`);
  return rule;
}

/** By port: what it becomes. */
export function portTable(rules: readonly PortRule[]): Uint16Array {
  const table = Uint16Array.from({ length: 0x10000 }, (_, port) => port);
  for (const { first, last, to } of [...rules].reverse()) table.fill(to, first, last + 1);
  return table;
}

export interface MacRule {
  from: Uint8Array;
  to: Uint8Array;
}

/** `02:00:00:00:00:01=02:00:00:00:00:09`. */
export function parseMacRule(text: string): MacRule {
  const [left, right, more] = text.split('=');
  const from = parseMac(left ?? '');
  const to = parseMac(right ?? '');
  if (from === null || to === null || more !== undefined)
    throw new RangeError(`${text}: OLD=NEW is expected, MAC addresses such as 02:00:00:00:00:01`);
  return { from, to };
}

export function macMap(rules: readonly MacRule[]): AddressChange {
  const table = new Map(rules.toReversed().map(({ from, to }) => [formatMac(from), to]));
  return (address) => {
    const to = table.get(formatMac(address));
    if (to === undefined) return false;
    address.set(to);
    return true;
  };
}
