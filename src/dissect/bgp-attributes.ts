import { formatIpv4, formatIpv6 } from '../wire/address.ts';
import * as wire from '../wire/bgp.ts';
import * as names from './bgp-names.ts';
import * as routes from './bgp-routes.ts';
import { printUnknown } from './ppp-unknown.ts';
import { CUT, type Text } from './text.ts';

/** Path attributes of BGP's updates as tcpdump prints them. */

export const named = (table: Readonly<Record<number, string>>, value: number, unknown = 'Unknown'): string =>
  `${table[value] ?? unknown} (${value})`;

/** Deepest nesting of attribute sets. */
const MAX_SETS = 10;

/** Openings and endings of the segments of a path. */
const SEGMENTS: Readonly<Record<number, readonly [string, string]>> = {
  1: ['{ ', '}'],
  2: ['', ''],
  3: ['( ', ')'],
  4: ['({ ', '})'],
};

/** Bytes of an AS number in a path of `length` bytes at `at`, which the message does not say: two, unless the segments
 * then do not end where the attribute does. */
function asSize(t: Text, at: number, length: number): 2 | 4 {
  const end = at + length;
  while (at < end) {
    if (!t.has(at, 2) || at + 2 >= end + 1) return 4;
    const type = t.bytes[at]!;
    if (type < 1 || type > 4) return 4;
    at += 2 + t.bytes[at + 1]! * 2;
    if (at > end) return 4;
  }
  return 2;
}

function printPath(t: Text, at: number, length: number, size: 2 | 4): void {
  const { out } = t;
  if (length % 2 === 1) {
    out.ascii('invalid len');
    return;
  }
  if (length === 0) {
    out.ascii('empty');
    return;
  }
  const end = at + length;
  while (at < end) {
    const [open, close] = SEGMENTS[t.u8(at)] ?? ['?', '?'];
    out.ascii(open);
    const count = t.u8(at + 1);
    at += 2;
    for (let i = 0; i < count; i++, at += size) {
      t.need(at, size);
      out.decimal(size === 2 ? t.be16(at) : t.be32(at));
      out.byte(32);
    }
    out.ascii(close);
  }
}

function printCommunities(t: Text, at: number, length: number): void {
  if (length % 4 !== 0) {
    t.out.ascii('invalid len');
    return;
  }
  for (const end = at + length; at < end; at += 4) {
    const value = t.be32(at);
    const name = names.COMMUNITIES[value];
    t.out.ascii(name ?? `${value >>> 16}:${value & 0xffff}${end - at > 4 ? ', ' : ''}`);
  }
}

function extendedValue(t: Text, type: number, at: number): string {
  const { bytes } = t;
  const high = t.be16(at + 2);
  const word = t.be32(at + 2);
  const low = t.be32(at + 4);
  switch (type) {
    case 0x0002:
    case 0x0003:
    case 0x000a:
      return `${high}:${low} (= ${routes.quad(low)})`;
    case 0x0102:
    case 0x0103:
    case 0x010b:
    case 0xf10a:
      return `${routes.quad(word)}:${t.be16(at + 6)}`;
    case 0x0202:
    case 0x0203:
      return `${word}:${t.be16(at + 6)}`;
    case 0x0005:
    case 0x0105:
    case 0x0205:
    case 0x0107:
    case 0x8001:
    case 0x8005:
      return routes.quad(word);
    case 0x0009:
      return `AS ${high}`;
    case 0x0306:
    case 0x8000: {
      const route = bytes[at + 6]!;
      const options = bytes[at + 7]!;
      // RFC 4577 4.2.6: the lowest bit tells the metrics of external routes apart.
      const isExternal = route === 5 || route === 7;
      const metric = (options & 1) === 1 ? 'E2' : '';
      const kind = names.OSPF_ROUTES[route] ?? `unknown (0x${route.toString(16).padStart(2, '0')})`;
      return `area:${routes.quad(word)}, router-type:${kind}, metric-type:${metric}${isExternal ? 'E1' : ''}`;
    }
    case 0x030c:
      return `Tunnel type: ${names.TUNNELS[t.be16(at + 6)] ?? 'unknown encaps'}`;
    case 0x4004: {
      const bandwidth = new DataView(bytes.buffer, bytes.byteOffset + at + 4, 4).getFloat32(0) * 8;
      return `bandwidth: ${floatText(bandwidth / 1_000_000)} Mbps`;
    }
    case 0x800a: {
      const encapsulation = names.ENCAPSULATIONS[bytes[at + 2]!] ?? 'unknown encaps';
      const flags = bytes[at + 3]!.toString(16).padStart(2, '0');
      return `${encapsulation} Control Flags [0x${flags}]:MTU ${t.be16(at + 4)}`;
    }
    default: {
      let hex = '';
      for (let i = 2; i < 8; i++) hex += bytes[at + i]!.toString(16).padStart(2, '0');
      return hex;
    }
  }
}

/** As `%.3f` writes it. */
function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  return Math.abs(value) < 1e21 ? value.toFixed(3) : `${BigInt(value)}.000`;
}

function printExtended(t: Text, at: number, length: number): void {
  const { out } = t;
  if (length % 8 !== 0) {
    out.ascii('invalid len');
    return;
  }
  for (const end = at + length; at < end; at += 8) {
    const type = t.be16(at);
    t.need(at, 8);
    const bits = [type & 0x8000 ? 'vendor-specific' : '', type & 0x4000 ? 'non-transitive' : ''];
    const flags = bits.filter((bit) => bit !== '').join(', ') || 'none';
    const name = names.EXTENDED_COMMUNITIES[type] ?? 'unknown extd community typecode';
    out.ascii(`\n\t    ${name} (0x${type.toString(16).padStart(4, '0')}), Flags [${flags}]: `);
    out.ascii(extendedValue(t, type, at));
  }
}

function printMulticastTunnel(t: Text, at: number, length: number): void {
  const { out } = t;
  t.need(at, 5);
  const type = t.u8(at + 1);
  const flag = t.u8(at) & 1 ? 'Leaf Information required' : 'none';
  out.ascii(`\n\t    Tunnel-type ${named(names.MULTICAST_TUNNELS, type)}, Flags [${flag}]`);
  out.ascii(`, MPLS Label ${t.be24(at + 2) >>> 4}`);
  const address = (place: number): string => routes.quad(t.be32(place));
  const number = (place: number): string => `0x${t.be32(place).toString(16).padStart(8, '0')}`;
  const body = at + 5;
  if (type === 6) out.ascii(`\n\t      Tunnel-Endpoint ${address(body)}`);
  else if (type >= 1 && type <= 7) {
    t.need(body, 8);
    if (type === 1) out.ascii(`\n\t      Extended-Tunnel-ID ${address(body)}, P2MP-ID ${number(body + 4)}`);
    else if (type === 2 || type === 7) out.ascii(`\n\t      Root-Node ${address(body)}, LSP-ID ${number(body + 4)}`);
    else out.ascii(`\n\t      ${type === 3 ? 'Root-Node' : 'Sender'} ${address(body)}, P-Group ${address(body + 4)}`);
  } else if (t.verbose <= 1) printUnknown(t, body, length - 5, '\n\t      ');
}

function printAccumulatedMetric(t: Text, at: number, length: number): void {
  const { out } = t;
  for (const end = at + length; end - at >= 3; ) {
    const type = t.u8(at);
    const size = t.be16(at + 1);
    out.ascii(`\n\t    ${type === 1 ? 'AIGP' : 'Unknown'} TLV (${type}), length ${size}`);
    if (size < 3) throw CUT;
    if (type === 1) {
      if (size < 11) throw CUT;
      t.need(at + 3, 8);
      out.ascii(`, metric ${BigInt(t.be32(at + 3)) * 0x100000000n + BigInt(t.be32(at + 7))}`);
    } else if (t.verbose <= 1) printUnknown(t, at + 3, size - 3, '\n\t      ');
    at += size;
  }
}

function printLarge(t: Text, at: number, length: number): void {
  const { out } = t;
  if (length === 0 || length % 12 !== 0) {
    out.ascii('invalid len');
    return;
  }
  out.ascii('\n\t    ');
  for (const end = at + length; at < end; at += 12) {
    t.need(at, 12);
    out.ascii(`${t.be32(at)}:${t.be32(at + 4)}:${t.be32(at + 8)}${end - at > 12 ? ', ' : ''}`);
  }
}

/** Kinds of prefixes by address family * 256 + subsequent one: size of the address, how the prefix is read, whether a path
 * identifier may be before it. */
type Reader = (t: Text, at: number, left: number, size: 4 | 16) => number;
const READERS = new Map<number, readonly [4 | 16, Reader, boolean]>();
for (const [family, size] of [
  [1, 4],
  [2, 16],
] as const) {
  for (const kind of [1, 2, 3]) READERS.set(family * 256 + kind, [size, routes.plain, true]);
  READERS.set(family * 256 + 4, [size, routes.labelled, false]);
  for (const kind of [128, 129, 130]) READERS.set(family * 256 + kind, [size, routes.labelledVpn, false]);
}
READERS.set(256 + 132, [4, routes.routeTarget, false]);
READERS.set(256 + 66, [4, routes.multicastTree, false]);

function printFamilies(t: Text, at: number): number {
  const family = t.be16(at);
  const subsequent = t.u8(at + 2);
  t.out.ascii(`\n\t    AFI: ${named(names.FAMILIES, family, 'Unknown AFI')}, `);
  t.out.ascii(
    `${subsequent > 128 ? 'vendor specific ' : ''}SAFI: ${named(names.SUBSEQUENT, subsequent, 'Unknown SAFI')}`,
  );
  return family * 256 + subsequent;
}

/** The prefixes from `at` up to `end`. */
function printPrefixes(t: Text, at: number, end: number, key: number): void {
  const { out } = t;
  const [size, read, mayHaveIds] = READERS.get(key)!;
  const hasIds = mayHaveIds && routes.hasPathIds(t, at, end - at, size);
  while (at < end) {
    let id = 0;
    if (hasIds) {
      id = t.be32(at);
      at += 4;
    }
    const taken = read(t, at, end - at, size);
    if (taken === routes.ILLEGAL) {
      out.ascii(read === routes.routeTarget ? '\n\t      (illegal prefix length)' : '\n\t    (illegal prefix length)');
      return;
    }
    if (taken === routes.CUT_SHORT) throw CUT;
    if (taken === routes.NOT_ENOUGH) return;
    out.ascii(`\n\t      ${routes.prefix}`);
    if (hasIds) out.ascii(`   Path Id: ${id}`);
    at += taken;
  }
}

/** Next hops of `length` bytes at `at`. */
function printNextHops(t: Text, at: number, length: number, key: number): void {
  const { out } = t;
  const [size] = READERS.get(key)!;
  const subsequent = key & 255;
  const isVpn = subsequent >= 128 && subsequent <= 130;
  const step = size + (isVpn ? 8 : 0);
  for (let left = length, isFirst = true; left > 0; isFirst = false) {
    out.ascii(isFirst ? '\n\t    nexthop: ' : ', ');
    if (left < step) {
      out.ascii('invalid len');
      return;
    }
    t.need(at, step);
    if (isVpn) out.ascii(`RD: ${routes.distinguisher(t, at)}, `);
    const place = at + step - size;
    out.ascii(size === 4 ? formatIpv4(t.bytes, place) : formatIpv6(t.bytes, place));
    at += step;
    left -= step;
  }
}

function printReach(t: Text, at: number, length: number): void {
  const { out } = t;
  const end = at + length;
  const key = printFamilies(t, at);
  if (!READERS.has(key)) {
    out.ascii(`\n\t    no AFI ${key >>> 8} / SAFI ${key & 255} decoder`);
    if (t.verbose <= 1) printUnknown(t, at, length, '\n\t    ');
    return;
  }
  const hops = t.u8(at + 3);
  at += 4;
  t.need(at, hops);
  printNextHops(t, at, hops, key);
  out.ascii(`, nh-length: ${hops}`);
  at += hops;
  let points = t.u8(at++);
  if (points === 0) out.ascii(', no SNPA');
  else {
    out.ascii(`\n\t    ${points} SNPA`);
    for (; points > 0; points--) {
      const size = t.u8(at);
      out.ascii(`\n\t      ${size} bytes`);
      at += 1 + size;
    }
  }
  printPrefixes(t, at, end, key);
}

function printUnreach(t: Text, at: number, length: number): void {
  const { out } = t;
  t.need(at, 3);
  const key = printFamilies(t, at);
  if (length === 3) out.ascii('\n\t      End-of-Rib Marker (empty NLRI)');
  else if (READERS.has(key)) printPrefixes(t, at + 3, at + length, key);
  else {
    out.ascii(`\n\t    no AFI ${key >>> 8} / SAFI ${key & 255} decoder`);
    if (t.verbose <= 1) printUnknown(t, at, length, '\n\t    ');
  }
}

function printAggregator(t: Text, at: number, length: number, sizes: readonly number[]): void {
  const { out } = t;
  if (!sizes.includes(length)) {
    out.ascii('invalid len');
    return;
  }
  t.need(at, length);
  out.ascii(` AS #${length === 6 ? t.be16(at) : t.be32(at)}, origin `);
  t.ipv4(at + length - 4);
}

/** The value of one attribute. Gives how much of it a hexdump shows. */
function printValue(t: Text, type: number, at: number, length: number, depth: number): number {
  const { out } = t;
  const ofLength = (wanted: number, print: () => void): number => {
    if (length === wanted) print();
    else out.ascii('invalid len');
    return length;
  };
  switch (type) {
    case wire.ORIGIN:
      return ofLength(1, () => out.ascii(names.ORIGINS[t.u8(at)] ?? 'Unknown Origin Typecode'));
    case wire.AS_PATH:
      printPath(t, at, length, asSize(t, at, length));
      return length;
    case wire.AS4_PATH:
      printPath(t, at, length, 4);
      return length;
    case wire.NEXT_HOP:
    case wire.ORIGINATOR_ID:
      return ofLength(4, () => t.ipv4(at));
    case wire.MULTI_EXIT_DISC:
    case wire.LOCAL_PREF:
      return ofLength(4, () => out.decimal(t.be32(at)));
    case wire.ATOMIC_AGGREGATE:
      return ofLength(0, () => {});
    case wire.AGGREGATOR:
      printAggregator(t, at, length, [6, 8]);
      return length;
    case wire.AS4_AGGREGATOR:
      printAggregator(t, at, length, [8]);
      return length;
    case wire.COMMUNITIES:
      printCommunities(t, at, length);
      return length;
    case wire.CLUSTER_LIST:
      if (length % 4 !== 0) out.ascii('invalid len');
      else
        for (let place = at; place < at + length; place += 4) {
          t.ipv4(place);
          if (place + 4 < at + length) out.ascii(', ');
        }
      return length;
    case wire.MP_REACH:
      printReach(t, at, length);
      return length;
    case wire.MP_UNREACH:
      printUnreach(t, at, length);
      return length;
    case wire.EXTENDED_COMMUNITIES:
      printExtended(t, at, length);
      return length;
    case wire.PMSI_TUNNEL:
      printMulticastTunnel(t, at, length);
      return length;
    case wire.AIGP:
      printAccumulatedMetric(t, at, length);
      return length;
    case wire.LARGE_COMMUNITIES:
      printLarge(t, at, length);
      return length > 0 && length % 12 === 0 ? 0 : length;
    case wire.ATTRIBUTE_SET:
      out.ascii(`\n\t    Origin AS: ${t.be32(at)}`);
      if (depth < MAX_SETS) printAttributes(t, at + 4, length - 4, '\n\t      ', depth + 1);
      return 0;
    default:
      t.need(at, length);
      out.ascii(`\n\t    no Attribute ${type} decoder`);
      if (t.verbose <= 1) printUnknown(t, at, length, '\n\t    ');
      return length;
  }
}

/** Prints the attributes of `length` bytes at `at`, each with `indent` before it. */
function printAttributes(t: Text, at: number, length: number, indent: string, depth: number): void {
  const { out } = t;
  for (const end = at + length; at < end; ) {
    t.need(at, 2);
    const flags = t.u8(at);
    const type = t.u8(at + 1);
    const isExtended = (flags & wire.ATTRIBUTE_EXTENDED) !== 0;
    const header = isExtended ? 4 : 3;
    if (end - at < header) throw CUT;
    const size = isExtended ? t.be16(at + 2) : t.u8(at + 2);
    out.ascii(`${indent}${named(names.ATTRIBUTES, type, 'Unknown Attribute')}, length: ${size}`);
    if (flags !== 0) {
      out.ascii(
        `, Flags [${flags & 0x80 ? 'O' : ''}${flags & 0x40 ? 'T' : ''}${flags & 0x20 ? 'P' : ''}${isExtended ? 'E' : ''}`,
      );
      if ((flags & 15) !== 0) out.ascii(`+${(flags & 15).toString(16)}`);
      out.ascii(']: ');
    }
    at += header;
    if (size > end - at) {
      out.ascii(' [path attrs too short]');
      return;
    }
    const shown = printValue(t, type, at, size, depth);
    if (t.verbose > 1 && shown > 0) printUnknown(t, at, shown, '\n\t    ');
    at += size;
  }
}

/** Prints the attributes of `length` bytes at `at`. */
export const printPathAttributes = (t: Text, at: number, length: number): void =>
  printAttributes(t, at, length, '\n\t  ', 0);
