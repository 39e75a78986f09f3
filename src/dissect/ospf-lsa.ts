import * as wire from '../wire/ospf.ts';
import { type Bits, printBits } from './flags.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** Link state advertisements as tcpdump prints them. */

/** Bits of the options field, of headers and of link state advertisements alike. */
export const OPTIONS: Bits = [
  [0x01, 'MultiTopology'],
  [0x02, 'External'],
  [0x04, 'Multicast'],
  [0x08, 'NSSA'],
  [0x10, 'LLS'],
  [0x20, 'Demand Circuit'],
  [0x40, 'Opaque'],
  [0x80, 'Up/Down'],
];

const TYPES: Readonly<Record<number, string>> = {
  1: 'Router',
  2: 'Network',
  3: 'Summary',
  4: 'ASBR Summary',
  5: 'External',
  6: 'Multicast',
  7: 'NSSA',
  9: 'Link Local Opaque',
  10: 'Area Local Opaque',
  11: 'Domain Wide Opaque',
};
const OPAQUE: Readonly<Record<number, string>> = {
  1: 'Traffic Engineering',
  3: 'Graceful restart',
  4: 'Router Information',
};
const ROUTER_FLAGS: Bits = [
  [1, 'ABR'],
  [2, 'ASBR'],
  [8, 'Virtual'],
  [16, 'W2'],
];
const TOPOLOGIES: Readonly<Record<number, string>> = { 0: 'default', 1: 'multicast', 2: 'management' };
const topology = (id: number): string => `topology ${TOPOLOGIES[id] ?? 'Unknown'} (${id})`;
const INFINITE = 0xffffff;

const typeName = (type: number): string => `${TYPES[type] === undefined ? 'unknown' : `${TYPES[type]} LSA`} (${type})`;
const isOpaque = (type: number): boolean => type >= wire.LSA_OPAQUE_LINK && type <= wire.LSA_OPAQUE_AS;

/** Gives the LSA's length, or -1 where it makes no sense. */
export function printLsaHeader(t: Text, at: number): number {
  const { out } = t;
  const length = t.be16(at + 18);
  if (length < wire.LSA_HEADER_LENGTH) {
    out.ascii(`\n\t    Bogus length ${length} < header (${wire.LSA_HEADER_LENGTH})`);
    return -1;
  }
  t.reads(at, wire.LSA_HEADER_LENGTH);
  out.ascii('\n\t  Advertising Router ');
  t.ipv4(wire.lsaRouterAt(at));
  out.ascii(
    `, seq 0x${t
      .be32(at + 12)
      .toString(16)
      .padStart(8, '0')}, age ${t.be16(at)}s, length `,
  );
  out.decimal(length - wire.LSA_HEADER_LENGTH);
  const type = t.u8(at + 3);
  if (isOpaque(type)) {
    const kind = t.u8(at + 4);
    out.ascii(`\n\t    ${typeName(type)}, Opaque-Type ${OPAQUE[kind] ?? 'unknown'} LSA (${kind})`);
    out.ascii(`, Opaque-ID ${t.be24(at + 5)}`);
  } else {
    out.ascii(`\n\t    ${typeName(type)}, LSA-ID: `);
    t.ipv4(wire.lsaIdAt(at));
  }
  out.ascii('\n\t    Options: [');
  printBits(t, OPTIONS, t.u8(at + 2), 'none');
  out.byte(93);
  return length;
}

export function printRequest(t: Text, at: number): void {
  const { out } = t;
  t.reads(at, wire.REQUEST_LENGTH);
  const type = t.be32(at);
  out.ascii('\n\t  Advertising Router: ');
  t.ipv4(at + 8);
  out.ascii(`, ${typeName(type)}`);
  if (isOpaque(type)) {
    const kind = t.u8(at + 4);
    out.ascii(`, Opaque-Type: ${OPAQUE[kind] ?? 'unknown'} LSA (${kind}), Opaque-ID: ${t.be24(at + 5)}`);
  } else {
    out.ascii(', LSA-ID: ');
    t.ipv4(at + 4);
  }
}

/** Gives the offset behind the LSA, or -1 where it is not whole. */
export function printLsa(t: Text, at: number, limit: number): number {
  const { out } = t;
  const length = printLsaHeader(t, at);
  if (length < 0) return -1;
  const body = at + wire.LSA_HEADER_LENGTH;
  const end = at + length;
  switch (t.u8(at + 3)) {
    case wire.LSA_ROUTER_LINKS:
      if (!printRouter(t, body)) return -1;
      break;
    case wire.LSA_NETWORK:
      t.reads(body, 4);
      out.ascii('\n\t    Mask ');
      t.ipv4(body);
      out.ascii('\n\t    Connected Routers:');
      for (let place = body + 4; place < end; place += 4) {
        t.reads(place, 4);
        out.ascii('\n\t      ');
        t.ipv4(place);
      }
      break;
    case wire.LSA_SUMMARY:
      t.reads(body, 4);
      out.ascii('\n\t    Mask ');
      t.ipv4(body);
      printSummary(t, body + 4, end);
      break;
    case wire.LSA_SUMMARY_ASBR:
      printSummary(t, body + 4, end);
      break;
    case wire.LSA_EXTERNAL:
    case wire.LSA_NSSA:
      t.reads(body, 4);
      out.ascii('\n\t    Mask ');
      t.ipv4(body);
      for (let place = body + 4; place < end; place += 12) {
        const metric = t.be32(place);
        out.ascii(`\n\t\t${topology((metric >>> 24) & 0x7f)}, type ${metric >>> 31 === 1 ? 2 : 1}, metric`);
        out.ascii((metric & INFINITE) === INFINITE ? ' infinite' : ` ${metric & INFINITE}`);
        if (t.be32(place + 4) !== 0) {
          out.ascii(', forward ');
          t.ipv4(place + 4);
        }
        if (t.be32(place + 8) !== 0) {
          out.ascii(', tag ');
          t.ipv4(place + 8);
        }
      }
      break;
    default:
      if (t.verbose <= 1) printUnknown(t, body, length - wire.LSA_HEADER_LENGTH, '\n\t    ');
  }
  if (t.verbose > 1) printUnknown(t, body, length - wire.LSA_HEADER_LENGTH, '\n\t    ');
  return end > limit ? -1 : end;
}

function printSummary(t: Text, at: number, end: number): void {
  for (; at < end; at += 4) {
    const metric = t.be32(at);
    t.out.ascii(`\n\t\t${topology((metric >>> 24) & 0x7f)} metric ${metric & INFINITE}`);
  }
}

const LINKS: Readonly<Record<number, readonly [string, string]>> = {
  1: ['Neighbor Router-ID: ', ', Interface Address: '],
  2: ['Neighbor Network-ID: ', ', Interface Address: '],
  3: ['Stub Network: ', ', Mask: '],
  4: ['Virtual Link: Neighbor Router-ID: ', ', Interface Address: '],
};

/** False at a link of a type that nothing knows. */
function printRouter(t: Text, at: number): boolean {
  const { out } = t;
  const flags = t.u8(at);
  out.ascii('\n\t    Router LSA Options: [');
  printBits(t, ROUTER_FLAGS, flags, 'none');
  out.byte(93);
  const links = t.be16(at + 2);
  let place = at + 4;
  for (let i = 0; i < links; i++) {
    t.need(place, wire.LINK_LENGTH);
    const type = t.u8(place + 8);
    const words = LINKS[type];
    if (words === undefined) {
      out.ascii(`\n\t      Unknown Router Link Type (${type})`);
      return false;
    }
    out.ascii(`\n\t      ${words[0]}`);
    t.ipv4(place);
    out.ascii(words[1]);
    t.ipv4(place + 4);
    out.ascii(`\n\t\t${topology(0)}, metric ${t.be16(place + 10)}`);
    const more = t.u8(place + 9);
    place += wire.LINK_LENGTH;
    for (let k = 0; k < more; k++, place += 4) {
      t.reads(place, 4);
      out.ascii(`\n\t\t${topology(t.u8(place))}, metric ${t.be16(place + 2)}`);
    }
  }
  return true;
}
