import * as wire from '../wire/ospf.ts';
import { type Bits, printBits } from './flags.ts';
import { printGraceTlvs, printRouterInformation, printTrafficEngineering } from './ospf-opaque-text.ts';
import { printUnknown } from './ppp-unknown.ts';
import { type Text, TRUNCATED } from './text.ts';

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
  6: 'Multicast Group',
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
  [4, 'Virtual'],
  [8, 'Wildcard'],
  [16, 'Nt'],
  [0x80, 'Host'],
];
const TOPOLOGIES: Readonly<Record<number, string>> = { 0: 'default', 1: 'multicast', 2: 'management' };
const topology = (id: number): string => `topology ${TOPOLOGIES[id] ?? 'Unknown'} (${id})`;
/** Group membership, of multicast extensions. */
const LSA_GROUP = 6;
const INFINITE = 0xffffff;

const typeName = (type: number): string => `${TYPES[type] ?? 'unknown'} LSA (${type})`;

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
  if (wire.isOpaque(type)) {
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
  if (wire.isOpaque(type)) {
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
    case LSA_GROUP:
      printVertices(t, body, end);
      break;
    case wire.LSA_OPAQUE_LINK:
    case wire.LSA_OPAQUE_LINK + 1:
    case wire.LSA_OPAQUE_AS:
      if (!printOpaque(t, t.u8(wire.lsaIdAt(at)), body, length - wire.LSA_HEADER_LENGTH)) return end;
      break;
  }
  const isTraffic = wire.isOpaque(t.u8(at + 3)) && t.u8(wire.lsaIdAt(at)) === wire.OPAQUE_TRAFFIC_ENGINEERING;
  if (t.verbose > 1 && !isTraffic) printUnknown(t, body, length - wire.LSA_HEADER_LENGTH, '\n\t    ');
  return end > limit ? -1 : end;
}

/** False where it is not whole: tcpdump then goes on with the next, and says nothing of it. */
function printOpaque(t: Text, type: number, at: number, length: number): boolean {
  if (type === wire.OPAQUE_ROUTER_INFORMATION) return printRouterInformation(t, at, length);
  if (type === wire.OPAQUE_GRACE) return quietly(() => printGraceTlvs(t, at, length));
  if (type === wire.OPAQUE_TRAFFIC_ENGINEERING) return printTrafficEngineering(t, at, length);
  if (t.verbose <= 1) printUnknown(t, at, length, '\n\t    ');
  return true;
}

/** What `print` gives; false where the capture ends first. */
function quietly(print: () => boolean): boolean {
  try {
    return print();
  } catch (error) {
    if (error === TRUNCATED) return false;
    throw error;
  }
}

/** RFC 1584 A.3: routers and networks through which a group is reached. */
function printVertices(t: Text, at: number, end: number): void {
  for (let place = at; place < end; place += 8) {
    const type = t.be32(place);
    t.reads(place + 4, 4);
    if (type === 1 || type === 2) {
      t.out.ascii(type === 1 ? '\n\t    Router Router-ID ' : '\n\t    Network Designated Router ');
      t.ipv4(place + 4);
    } else t.out.ascii(`\n\t    unknown VertexType (${type})`);
  }
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
  // The first is asked for even where there is none.
  t.need(at + 4, wire.LINK_LENGTH);
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
