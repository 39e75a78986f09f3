import * as ethernet from '../wire/ethernet.ts';
import {
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_QINQ_OLD2,
  ETHERTYPE_VLAN,
  MAX_LENGTH,
} from '../wire/ethertype.ts';
import * as vlanTag from '../wire/vlan.ts';
import { defineAlias, defineFields, type Fields, groupOf, ROW_ETH } from './fields.ts';
import { llc, printLlc } from './llc.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { protocolOfEtherType } from './tables.ts';
import { MAX_TEXT_DEPTH, type Text } from './text.ts';

const F = defineFields('eth', {
  dst: ['Destination', 'ether'],
  src: ['Source', 'ether'],
  'dst.ig': ['IG bit', 'bool'],
  'src.ig': ['IG bit', 'bool'],
  type: ['Type', 'uint16', { base: 'hex' }],
  len: ['Length', 'uint16'],
  padding: ['Padding', 'bytes'],
});
defineAlias('eth.addr', ['eth.dst', 'eth.src']);
const ALL = groupOf(Object.values(F));
const V = defineFields('vlan', {
  priority: ['Priority', 'uint8'],
  dei: ['DEI', 'bool'],
  id: ['ID', 'uint16'],
  etype: ['Type', 'uint16', { base: 'hex' }],
  len: ['Length', 'uint16'],
});

const isVlanType = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ || type === ETHERTYPE_QINQ_OLD || type === ETHERTYPE_QINQ_OLD2;

/** Prints the Ethernet frame at `at`, as link layer or inside of another packet. Gives the length of the headers that are
 * not the payload's, for the hexdumps. */
export function printEthernet(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!t.has(at, ethernet.HEADER_LENGTH)) {
    t.layer = 'ether';
    t.truncated();
    return t.end - at;
  }
  const start = at;
  const wireEnd = at + length;
  if (t.link) printAddresses(t, at);
  let type = ethernet.type(t.bytes, at);
  let lengthShown = false;
  at += ethernet.HEADER_LENGTH;
  while (isVlanType(type)) {
    if (!t.has(at, vlanTag.HEADER_LENGTH)) {
      t.layer = 'vlan';
      t.truncated();
      return t.end - start;
    }
    if (wireEnd - at < vlanTag.HEADER_LENGTH) {
      t.layer = 'vlan';
      t.truncated();
      return wireEnd - start;
    }
    if (t.link) {
      printType(t, type);
      if (lengthShown) out.ascii(', ');
      else printLength(t, length);
      lengthShown = true;
      printTag(t, at);
      out.ascii(', ');
    }
    type = vlanTag.type(t.bytes, at);
    at += vlanTag.HEADER_LENGTH;
  }
  let payload = wireEnd - at;
  if (type <= MAX_LENGTH) {
    if (type < payload) {
      payload = type;
      t.end = Math.min(t.end, at + payload);
    }
    if (t.link) {
      out.ascii('802.3');
      if (!lengthShown) printLength(t, payload);
    }
    if (t.depth === 0) t.linkHeaderLength = at - start;
    return at - start + Math.abs(printLlc(t, at, payload, start));
  }
  if (t.link) {
    printType(t, type);
    if (lengthShown) out.ascii(', ');
    else printLength(t, length);
  }
  if (t.depth === 0) t.linkHeaderLength = at - start;
  const protocol = protocolOfEtherType(t, type);
  if (protocol?.print) protocol.print(t, at, payload);
  else {
    if (!t.link) {
      printAddresses(t, start);
      printType(t, type);
      printLength(t, length);
    }
    t.unknown(at, t.end - at);
  }
  return at - start;
}

/** `source > destination, ` of the Ethernet header at `at`. */
export function printAddresses(t: Text, at: number): void {
  printPair(t, at);
  t.out.ascii(', ');
}

/** `source > destination` of the Ethernet header at `at`. */
export function printPair(t: Text, at: number): void {
  t.mac(ethernet.srcAt(at));
  t.out.ascii(' > ');
  t.mac(ethernet.dstAt(at));
}

function printLength(t: Text, length: number): void {
  t.out.ascii(', length ');
  t.out.decimal(length);
  t.out.ascii(': ');
}

/** `ethertype IPv4 (0x0800)`, or the name alone under -q. */
export function printType(t: Text, type: number): void {
  const { out } = t;
  const name = etherTypeName(type);
  if (!t.quiet) {
    out.ascii('ethertype ');
    out.ascii(name ?? 'Unknown');
    out.ascii(' (0x');
    out.hexPadded(type, 4);
    out.byte(41);
  } else if (name !== undefined) out.ascii(name);
  else {
    out.ascii('Unknown Ethertype (0x');
    out.hexPadded(type, 4);
    out.byte(41);
  }
}

/** `vlan 5, p 3, DEI` of the tag at `at`. */
export function printTag(t: Text, at: number): void {
  t.out.ascii('vlan ');
  t.out.decimal(vlanTag.id(t.bytes, at));
  t.out.ascii(', p ');
  t.out.decimal(vlanTag.priority(t.bytes, at));
  if (vlanTag.dei(t.bytes, at)) t.out.ascii(', DEI');
}

export const eth: Protocol = {
  name: 'eth',
  title: 'Ethernet',
  print(t, at, length) {
    if (t.ethernets >= MAX_TEXT_DEPTH) return;
    t.ethernets++;
    const inner = t.linkHeaderLength;
    t.linkHeaderLength = ethernet.HEADER_LENGTH;
    const headers = printEthernet(t, at, length);
    t.linkHeaderLength = t.depth === 0 ? headers : inner;
    t.ethernets--;
  },
  walk(f, at, end) {
    if (!f.fits('eth', at, ethernet.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(eth, at, ethernet.HEADER_LENGTH);
    const type = ethernet.type(bytes, at);
    if (f.compact && type > MAX_LENGTH) f.header(ROW_ETH, at);
    else if (f.wantsSome(ALL)) {
      f.raw(F.dst, ethernet.dstAt(at), 6);
      f.bool(F['dst.ig'], ethernet.dstAt(at), 1, (bytes[ethernet.dstAt(at)]! & 1) !== 0);
      f.raw(F.src, ethernet.srcAt(at), 6);
      f.bool(F['src.ig'], ethernet.srcAt(at), 1, (bytes[ethernet.srcAt(at)]! & 1) !== 0);
      f.uint(type <= MAX_LENGTH ? F.len : F.type, ethernet.typeAt(at), 2, type);
    }
    walkEtherType(f, type, at + ethernet.HEADER_LENGTH, end, 'eth.len');
  },
};

export const vlan: Protocol = {
  name: 'vlan',
  title: '802.1Q Virtual LAN',
  walk(f, at, end) {
    if (!f.fits('vlan', at, vlanTag.HEADER_LENGTH, end)) return;
    f.layer(vlan, at, vlanTag.HEADER_LENGTH);
    f.uint(V.priority, at, 2, vlanTag.priority(f.bytes, at));
    f.bool(V.dei, at, 2, vlanTag.dei(f.bytes, at) === 1);
    f.uint(V.id, at, 2, vlanTag.id(f.bytes, at));
    const type = vlanTag.type(f.bytes, at);
    f.uint(type <= MAX_LENGTH ? V.len : V.etype, at + 2, 2, type);
    walkEtherType(f, type, at + vlanTag.HEADER_LENGTH, end, 'vlan.len');
  },
};

/** Walks into what an EtherType or 802.3 length announces. */
export function walkEtherType(f: Fields, type: number, at: number, end: number, limit: string): void {
  if (type <= MAX_LENGTH) f.next(llc, at, f.narrow(at + type, end, limit));
  else f.next(protocolOfEtherType(f, type), at, end);
}
