import { TYPE_ACKNOWLEDGE, TYPE_DESCRIPTION, TYPE_HELLO, TYPE_REQUEST, TYPE_UPDATE } from '../wire/ospf.ts';
import * as wire from '../wire/ospf3.ts';
import { type Bits, printBits } from './flags.ts';
import { ospfTypes, printDescriptionFlags } from './ospf-names.ts';
import { printGraceTlvs } from './ospf-opaque-text.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** OSPF version 3 as tcpdump prints it. */

const OPTIONS: Bits = [
  [0x001, 'V6'],
  [0x002, 'External'],
  [0x004, 'Deprecated'],
  [0x008, 'NSSA'],
  [0x010, 'Router'],
  [0x020, 'Demand Circuit'],
  [0x100, 'AFs Support'],
  [0x200, 'LLS'],
  [0x400, 'Authentication Trailer'],
];
const ROUTER_FLAGS: Bits = [
  [0x01, 'ABR'],
  [0x02, 'External'],
  [0x04, 'Virtual-Link Endpoint'],
  [0x08, 'Deprecated'],
  [0x10, 'NSSA Translator'],
];
const PREFIX_OPTIONS: Bits = [
  [0x01, 'No Unicast'],
  [0x02, 'Local address'],
  [0x04, 'Deprecated'],
  [0x08, 'Propagate'],
  [0x10, 'Down'],
  [0x20, 'N-bit'],
];
/** As tcpdump has them: type 2 is another bit than RFC 5340's. */
const EXTERNAL_FLAGS: Bits = [
  [0x80, 'External Type 2'],
  [wire.EXTERNAL_FORWARDING, 'Forwarding'],
  [wire.EXTERNAL_TAG, 'Tag'],
];
const FUNCTIONS: Readonly<Record<number, string>> = {
  1: 'Router',
  2: 'Network',
  3: 'Inter-Area Prefix',
  4: 'Inter-Area Router',
  5: 'External',
  6: 'Deprecated',
  7: 'NSSA',
  8: 'Link',
  9: 'Intra-Area Prefix',
  10: 'Intra-Area TE',
  11: 'Grace',
  12: 'Router Information',
  13: 'Inter-AS-TE',
  14: 'Layer 1 VPN',
  15: 'Autoconfiguration',
};
const SCOPES = ['Link Local', 'Area Local', 'Domain Wide', 'Unknown'];
const METRIC = 0xffffff;

export function printOspf3(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'ospf3';
  const version = t.u8(at);
  const type = t.u8(at + 1);
  const name = ospfTypes[type];
  out.ascii(`OSPFv${version}, ${name ?? `unknown packet type (${type})`}, length ${length}`);
  if (name === undefined || t.verbose === 0) return;
  const stated = t.be16(at + 2);
  if (stated > length) {
    out.ascii(` [len ${stated}]`);
    return;
  }
  t.reads(at + 4, 4);
  out.ascii('\n\tRouter-ID ');
  t.ipv4(at + 4);
  if (t.be32(at + 8) !== 0) {
    out.ascii(', Area ');
    t.ipv4(at + 8);
  } else out.ascii(', Backbone Area');
  if (t.u8(at + 14) !== 0) out.ascii(`, Instance ${t.u8(at + 14)}`);
  if (!printBody(t, type, at + wire.HEADER_LENGTH, at + stated)) t.truncated();
}

function printOptions(t: Text, at: number, begin: string): void {
  const value = t.be24(at);
  t.out.ascii(`${begin}Options [`);
  printBits(t, OPTIONS, value, 'none');
  t.out.byte(93);
}

/** False where the packet ends too early. */
function printBody(t: Text, type: number, at: number, end: number): boolean {
  const { out } = t;
  switch (type) {
    case TYPE_HELLO:
      printOptions(t, at + 5, '\n\t');
      t.reads(at + 8, 4);
      out.ascii(`\n\t  Hello Timer ${t.be16(at + 8)}s, Dead Timer ${t.be16(at + 10)}s, Interface-ID `);
      t.ipv4(at);
      out.ascii(`, Priority ${t.u8(at + 4)}`);
      if (t.be32(at + 12) !== 0) {
        out.ascii('\n\t  Designated Router ');
        t.ipv4(at + 12);
      }
      if (t.be32(at + 16) !== 0) {
        out.ascii(', Backup Designated Router ');
        t.ipv4(at + 16);
      }
      if (t.verbose < 2) return true;
      out.ascii('\n\t  Neighbor List:');
      for (let place = at + wire.HELLO_LENGTH; place < end; place += 4) {
        t.reads(place, 4);
        out.ascii('\n\t    ');
        t.ipv4(place);
      }
      return true;
    case TYPE_DESCRIPTION:
      printOptions(t, at + 1, '\n\t');
      printDescriptionFlags(t, t.u8(at + 7), 3);
      out.ascii(
        `, MTU ${t.be16(at + 4)}, DD-Sequence 0x${t
          .be32(at + 8)
          .toString(16)
          .padStart(8, '0')}`,
      );
      if (t.verbose > 1) printHeaders(t, at + wire.DESCRIPTION_LENGTH, end);
      return true;
    case TYPE_REQUEST:
      if (t.verbose < 2) return true;
      for (let place = at; place < end; place += wire.REQUEST_LENGTH) {
        t.reads(place, wire.REQUEST_LENGTH);
        out.ascii('\n\t  Advertising Router ');
        t.ipv4(place + 8);
        printKind(t, t.be16(place + 2), place + 4);
      }
      return true;
    case TYPE_UPDATE: {
      if (t.verbose < 2) return true;
      let lsa = at + 4;
      for (let count = t.be32(at); count > 0 && lsa < end; count--) {
        const length = printLsa(t, lsa, end);
        if (length < 0) return false;
        lsa += length;
      }
      return true;
    }
    case TYPE_ACKNOWLEDGE:
      if (t.verbose > 1) printHeaders(t, at, end);
  }
  return true;
}

function printHeaders(t: Text, at: number, end: number): void {
  for (let lsa = at; lsa < end; lsa += wire.LSA_HEADER_LENGTH) printHeader(t, lsa);
}

function printHeader(t: Text, at: number): void {
  const { out } = t;
  t.reads(at, wire.LSA_HEADER_LENGTH);
  out.ascii('\n\t  Advertising Router ');
  t.ipv4(wire.lsaRouterAt(at));
  const sequence = t
    .be32(at + 12)
    .toString(16)
    .padStart(8, '0');
  // tcpdump counts without a sign.
  const length = BigInt.asUintN(64, BigInt(t.be16(at + 18) - wire.LSA_HEADER_LENGTH));
  out.ascii(`, seq 0x${sequence}, age ${t.be16(at)}s, length ${length}`);
  printKind(t, t.be16(at + 2), wire.lsaIdAt(at));
}

/** A type of LSA, and its link state ID at `idAt`. */
function printKind(t: Text, type: number, idAt: number): void {
  const code = wire.functionOf(type);
  t.out.ascii(`\n\t    ${FUNCTIONS[code] ?? 'Unknown'} LSA (${code}), ${SCOPES[wire.scope(type)]} Scope`);
  t.out.ascii(`${wire.isTransitive(type) ? ', transitive' : ''}, LSA-ID `);
  t.ipv4(idAt);
}

/** Gives the LSA's length, or -1 where it is not whole. */
function printLsa(t: Text, at: number, end: number): number {
  t.reads(at + 18, 2);
  const length = t.be16(at + 18);
  if (at + length > end || length < wire.LSA_HEADER_LENGTH) return -1;
  printHeader(t, at);
  return printLsaBody(t, t.be16(at + 2), at + wire.LSA_HEADER_LENGTH, at + length) ? length : -1;
}

function printLsaBody(t: Text, type: number, at: number, end: number): boolean {
  const { out } = t;
  const left = end - at;
  switch (wire.functionOf(type)) {
    case wire.LSA_ROUTER:
      return printRouter(t, at, end);
    case wire.LSA_NETWORK:
      if (left < 4) return false;
      printOptions(t, at + 1, '\n\t      ');
      out.ascii('\n\t      Connected Routers:');
      for (let place = at + 4; place < end; place += 4) {
        if (place + 4 > end) return false;
        t.reads(place, 4);
        out.ascii('\n\t\t');
        t.ipv4(place);
      }
      return true;
    case wire.LSA_INTER_AREA_PREFIX:
      if (left < 4) return false;
      out.ascii(`, metric ${t.be32(at) & METRIC}`);
      return printPrefixes(t, at + 4, end, Number.POSITIVE_INFINITY);
    case wire.LSA_EXTERNAL:
      return printExternal(t, at, end);
    case wire.LSA_LINK:
      if (left < 24) return false;
      printOptions(t, at + 1, '\n\t      ');
      t.reads(at + 4, 20);
      out.ascii(`\n\t      Priority ${t.u8(at)}, Link-local address `);
      t.ipv6(at + 4);
      out.ascii(`, Prefixes ${t.be32(at + 20)}:`);
      return printPrefixes(t, at + 24, end, t.be32(at + 20));
    case wire.LSA_INTRA_AREA_PREFIX:
      if (left < 12) return false;
      t.reads(at, 12);
      printKind(t, t.be16(at + 2), at + 4);
      out.ascii(`\n\t      Prefixes ${t.be16(at)}:`);
      return printPrefixes(t, at + 12, end, t.be16(at));
    case wire.LSA_GRACE:
      printGraceTlvs(t, at, left);
      return true;
    default:
      printUnknown(t, at, left, '\n\t      ');
  }
  return true;
}

const LINKS: Readonly<Record<number, string>> = {
  1: 'Neighbor Router-ID ',
  2: 'Neighbor Network-ID ',
  4: 'Virtual Link: Neighbor Router-ID ',
};

function printRouter(t: Text, at: number, end: number): boolean {
  const { out } = t;
  if (end - at < 4) return false;
  printOptions(t, at + 1, '\n\t      ');
  out.ascii(', RLA-Flags [');
  printBits(t, ROUTER_FLAGS, t.u8(at), 'none');
  out.byte(93);
  for (let link = at + 4; link < end; link += wire.LINK_LENGTH) {
    if (link + wire.LINK_LENGTH > end) return false;
    t.reads(link, wire.LINK_LENGTH);
    const words = LINKS[t.u8(link)];
    if (words === undefined) {
      out.ascii(`\n\t      Unknown Router Links Type 0x${t.u8(link).toString(16).padStart(2, '0')}`);
      return true;
    }
    out.ascii(`\n\t      ${words}`);
    t.ipv4(link + 12);
    out.ascii('\n\t      Neighbor Interface-ID ');
    t.ipv4(link + 8);
    out.ascii(', Interface ');
    t.ipv4(link + 4);
    out.ascii(`, metric ${t.be16(link + 2)}`);
  }
  return true;
}

function printPrefixes(t: Text, at: number, end: number, most: number): boolean {
  for (let count = 0; count < most && at < end; count++) {
    const length = printPrefix(t, at, end);
    if (length < 0) return false;
    at += length;
  }
  return true;
}

/** Gives the prefix's length, or -1 where it makes no sense. */
function printPrefix(t: Text, at: number, end: number): number {
  const { out } = t;
  if (at + wire.PREFIX_HEADER_LENGTH > end) return -1;
  const bits = t.u8(at);
  if (bits > 128) {
    out.ascii(` bogus prefixlen /${bits}`);
    return -1;
  }
  const length = wire.PREFIX_HEADER_LENGTH + wire.prefixBytes(bits);
  if (at + length > end) return -1;
  t.reads(at, length);
  const address = new Uint8Array(16);
  address.set(t.bytes.subarray(at + wire.PREFIX_HEADER_LENGTH, at + length));
  out.ascii('\n\t\t');
  out.ipv6(address, 0);
  out.ascii(`/${bits}`);
  const options = t.u8(at + 1);
  if (options !== 0) {
    out.ascii(', Options [');
    printBits(t, PREFIX_OPTIONS, options, 'none');
    out.byte(93);
  }
  out.ascii(`, metric ${t.be16(at + 2)}`);
  return length;
}

function printExternal(t: Text, at: number, end: number): boolean {
  const { out } = t;
  if (end - at < 4) return false;
  const word = t.be32(at);
  const flags = word >>> 24;
  out.ascii('\n\t     Flags [');
  printBits(t, EXTERNAL_FLAGS, flags, 'none');
  out.ascii(`] metric ${word & METRIC}`);
  const prefix = at + 4;
  if (prefix >= end) return true;
  const length = printPrefix(t, prefix, end);
  if (length < 0) return false;
  let place = prefix + length;
  if ((flags & wire.EXTERNAL_FORWARDING) !== 0) {
    if (place + 16 > end) return false;
    t.reads(place, 16);
    out.ascii(' forward ');
    t.ipv6(place);
    place += 16;
  }
  if ((flags & wire.EXTERNAL_TAG) !== 0) {
    if (place + 4 > end) return false;
    t.reads(place, 4);
    out.ascii(' tag ');
    t.ipv4(place);
    place += 4;
  }
  if (t.be16(prefix + 2) !== 0) {
    if (place + 4 > end) return false;
    t.reads(place, 4);
    out.ascii(' RefLSID: ');
    t.ipv4(place);
  }
  return true;
}
