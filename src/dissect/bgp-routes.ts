import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import type { Text } from './text.ts';

/** Prefixes of BGP's routes as tcpdump prints them. */

/** What reading a prefix gives instead of how many bytes it takes: its length makes no sense, the capture ends in it, or
 * the attribute does. */
export const ILLEGAL = -1;
export const CUT_SHORT = -2;
export const NOT_ENOUGH = -3;

/** The text of the prefix read last. */
export let prefix = '';

const scratch = new Uint8Array(16);

/** Prints a dotted quad of 32 bits. */
export const quad = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;

/** Reads `bits` of an address at `at` of which the attribute has `left` bytes, into `scratch`. */
function address(t: Text, at: number, bits: number, left: number): number {
  const size = (bits + 7) >> 3;
  if (!t.has(at, size)) return CUT_SHORT;
  if (left < size) return NOT_ENOUGH;
  scratch.fill(0);
  for (let i = 0; i < size; i++) scratch[i] = t.bytes[at + i]!;
  // What is behind the prefix in its last byte does not count.
  if (bits % 8 !== 0) scratch[size - 1] = scratch[size - 1]! & (0xff00 >> (bits % 8));
  return size;
}

const formatted = (size: 4 | 16, bits: number): string =>
  `${size === 4 ? formatIpv4(scratch) : formatIpv6(scratch)}/${bits}`;

/** A length, then as many bits of an address of `size` bytes. */
export function plain(t: Text, at: number, left: number, size: 4 | 16): number {
  if (!t.has(at, 1)) return CUT_SHORT;
  if (left < 1) return NOT_ENOUGH;
  const bits = t.bytes[at]!;
  if (bits > size * 8) return ILLEGAL;
  const taken = address(t, at + 1, bits, left - 1);
  if (taken < 0) return taken;
  prefix = formatted(size, bits);
  return 1 + taken;
}

/** `label:100 (bottom)` of the three bytes at `at`. */
function label(t: Text, at: number): string {
  const value = t.be24(at);
  return `label:${value >>> 4} ${(value & 1) === 1 ? '(bottom)' : '(BOGUS: Bottom of Stack NOT set!)'}`;
}

/** A length, a label, then the rest of the bits. */
export function labelled(t: Text, at: number, left: number, size: 4 | 16): number {
  if (!t.has(at, 4)) return CUT_SHORT;
  if (left < 4) return NOT_ENOUGH;
  const bits = t.bytes[at]! - 24;
  if (bits < 0 || bits > size * 8) return ILLEGAL;
  const taken = address(t, at + 4, bits, left - 4);
  if (taken < 0) return taken;
  prefix = `${formatted(size, bits)}, ${label(t, at + 1)}`;
  return 4 + taken;
}

/** The route distinguisher at `at` (RFC 4364 4.2). */
export function distinguisher(t: Text, at: number): string {
  const low = t.be32(at + 4);
  switch (t.be16(at)) {
    case 0:
      return `${t.be16(at + 2)}:${low} (= ${quad(low)})`;
    case 1:
      return `${quad(t.be32(at + 2))}:${low & 0xffff}`;
    case 2:
      return `${t.be32(at + 2)}:${low & 0xffff} (${quad(t.be32(at + 2))}:${low & 0xffff})`;
    default:
      return 'unknown RD format';
  }
}

/** A length, a label, a distinguisher, then the rest of the bits. */
export function labelledVpn(t: Text, at: number, left: number, size: 4 | 16): number {
  if (!t.has(at, 1)) return CUT_SHORT;
  const bits = t.bytes[at]! - 88;
  if (bits < 0 || bits > size * 8) return ILLEGAL;
  if (!t.has(at + 12, (bits + 7) >> 3)) return CUT_SHORT;
  const taken = address(t, at + 12, bits, left - 12);
  // This one is not measured against the attribute.
  const used = taken === NOT_ENOUGH ? address(t, at + 12, bits, Number.POSITIVE_INFINITY) : taken;
  if (used < 0) return used;
  prefix = `RD: ${distinguisher(t, at + 4)}, ${formatted(size, bits)}, ${label(t, at + 1)}`;
  return 12 + used;
}

/** A route target of route target constraint (RFC 4684 4): AS, then a part of an extended community. */
export function routeTarget(t: Text, at: number): number {
  if (!t.has(at, 1)) return CUT_SHORT;
  const length = t.bytes[at]!;
  if (length === 0) {
    prefix = 'default route target';
    return 1;
  }
  if (length < 32 || length > 96) return ILLEGAL;
  const bits = length - 32;
  if (!t.has(at + 1, 4)) return CUT_SHORT;
  const taken = address(t, at + 5, bits, Number.POSITIVE_INFINITY);
  if (taken < 0) return taken;
  prefix = `origin AS: ${t.be32(at + 1)}, ${targetText(bits, taken)}`;
  return 5 + taken;
}

function targetText(bits: number, taken: number): string {
  if (bits === 0) return 'route-target: 0:0/0';
  let hex = '';
  for (let i = 0; i < taken; i++) hex += (i > 0 && i % 2 === 0 ? ' ' : '') + scratch[i]!.toString(16).padStart(2, '0');
  const word = (i: number): number => (scratch[i]! << 8) | scratch[i + 1]!;
  const high = ((word(2) << 16) | word(4)) >>> 0;
  const low = ((word(4) << 16) | word(6)) >>> 0;
  switch (word(0)) {
    case 0x0002:
      return `route-target: ${word(2)}:${low}/${bits} (${hex})`;
    case 0x0102:
      return `route-target: ${quad(high)}:${word(6)}/${bits} (${hex})`;
    case 0x0202:
      return `route-target: ${high}:${word(6)}/${bits} (${hex})`;
    default:
      return `route target: unknown-type(${word(0).toString(16).padStart(4, '0')}) (${hex}/${bits})`;
  }
}

/** Distinguisher, address and group of a multicast distribution tree (draft-rosen-vpn-mcast). */
export function multicastTree(t: Text, at: number): number {
  if (!t.has(at, 17)) return CUT_SHORT;
  if (t.bytes[at] !== 16 * 8) return ILLEGAL;
  prefix = `RD: ${distinguisher(t, at + 1)}, VPN IP Address: ${formatIpv4(t.bytes, at + 9)}, MC Group Address: ${formatIpv4(t.bytes, at + 13)}`;
  return 17;
}

/** True where the prefixes of `length` bytes at `at` only make sense with an identifier of four bytes before each (RFC
 * 7911 3). */
export function hasPathIds(t: Text, at: number, length: number, size: 4 | 16): boolean {
  if (length === 0) return false;
  const { bytes } = t;
  let offset = 0;
  while (offset < length) {
    offset += 4;
    if (!t.has(at + offset, 1) || bytes[at + offset]! > size * 8) return false;
    offset += 1 + ((bytes[at + offset]! + 7) >> 3);
  }
  if (offset > length) return false;
  offset = 0;
  while (offset < length) {
    if (!t.has(at + offset, 1)) return false;
    const bits = bytes[at + offset]!;
    // A default route would be alone.
    if (bits < 1 || bits > size * 8) return true;
    offset += 1 + ((bits + 7) >> 3);
  }
  return offset > length;
}
