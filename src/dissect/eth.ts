import { be24, be32 } from '../bytes/endian.ts';
import { formatMac } from '../wire/address.ts';
import * as arp from '../wire/arp.ts';
import * as ethernet from '../wire/ethernet.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_QINQ_OLD2,
  ETHERTYPE_REVARP,
  ETHERTYPE_VLAN,
  MAX_LENGTH,
} from '../wire/ethertype.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as mpls from '../wire/mpls.ts';
import * as vlanTag from '../wire/vlan.ts';
import { CHECKSUM_STATUS, defineAlias, defineFields, type Fields, groupOf, ROW_ETH, UNVERIFIED } from './fields.ts';
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
  'dst.lg': ['LG bit', 'bool', { named: true }],
  'src.lg': ['LG bit', 'bool', { named: true }],
  'dst.oui': ['Destination OUI', 'uint24', { named: true }],
  'src.oui': ['Source OUI', 'uint24', { named: true }],
  dst_resolved: ['Destination (resolved)', 'string', { named: true }],
  src_resolved: ['Source (resolved)', 'string', { named: true }],
  type: ['Type', 'uint16', { base: 'hex' }],
  len: ['Length', 'uint16'],
  padding: ['Padding', 'bytes', { list: true }],
  trailer: ['Trailer', 'bytes'],
  fcs: ['Frame check sequence', 'uint32', { base: 'hex' }],
  'fcs.status': ['FCS Status', 'uint8', CHECKSUM_STATUS],
});
for (const part of ['', '.ig', '.lg', '.oui', '_resolved'])
  defineAlias(part === '.ig' || part === '.lg' ? `eth${part}` : `eth.addr${part}`, [
    `eth.dst${part}`,
    `eth.src${part}`,
  ]);
const HEADER = groupOf([F.dst, F.src, F['dst.ig'], F['src.ig'], F.type, F.len]);
/** What says the addresses again: only for who asks for it by name. */
const PARTS = groupOf([F['dst.lg'], F['src.lg'], F['dst.oui'], F['src.oui'], F.dst_resolved, F.src_resolved]);
const TRAILER = groupOf([F.padding, F.trailer, F.fcs, F['fcs.status']]);
const V = defineFields('vlan', {
  priority: ['Priority', 'uint16'],
  dei: ['DEI', 'bool'],
  id: ['ID', 'uint16'],
  etype: ['Type', 'uint16', { base: 'hex' }],
  len: ['Length', 'uint16'],
  trailer: ['Trailer', 'bytes', { list: true }],
});
const VLAN_TRAILER = groupOf([F.padding, V.trailer]);

const isVlanType = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ || type === ETHERTYPE_QINQ_OLD || type === ETHERTYPE_QINQ_OLD2;

/** Prints the Ethernet frame at `at`, as link layer or inside of another packet. Gives the length of the headers that are
 * not the payload's, for the hexdumps. */
export function printEthernet(t: Text, at: number, length: number): number {
  const { out } = t;
  if (length < t.end - at) {
    t.complain('length', length, ' < caplen ', t.end - at);
    return length;
  }
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
    else if (f.wantsSome(HEADER)) {
      f.raw(F.dst, ethernet.dstAt(at), 6);
      f.bool(F['dst.ig'], ethernet.dstAt(at), 1, (bytes[ethernet.dstAt(at)]! & 1) !== 0);
      f.raw(F.src, ethernet.srcAt(at), 6);
      f.bool(F['src.ig'], ethernet.srcAt(at), 1, (bytes[ethernet.srcAt(at)]! & 1) !== 0);
      f.uint(type <= MAX_LENGTH ? F.len : F.type, ethernet.typeAt(at), 2, type);
    }
    if (f.wanted !== null && f.wantsSome(PARTS)) walkAddressParts(f, at);
    if (f.wantsSome(TRAILER)) walkTrailer(f, type, at, at + ethernet.HEADER_LENGTH, end, false);
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
    if (f.wantsSome(VLAN_TRAILER)) walkTrailer(f, type, at, at + vlanTag.HEADER_LENGTH, end, true);
    walkEtherType(f, type, at + vlanTag.HEADER_LENGTH, end, 'vlan.len');
  },
};

function walkAddressParts(f: Fields, at: number): void {
  const { bytes } = f;
  const dst = ethernet.dstAt(at);
  const src = ethernet.srcAt(at);
  f.bool(F['dst.lg'], dst, 1, (bytes[dst]! & 2) !== 0);
  f.bool(F['src.lg'], src, 1, (bytes[src]! & 2) !== 0);
  f.uint(F['dst.oui'], dst, 3, be24(bytes, dst));
  f.uint(F['src.oui'], src, 3, be24(bytes, src));
  if (f.wants(F.dst_resolved)) f.value(F.dst_resolved, dst, 6, formatMac(bytes, dst));
  if (f.wants(F.src_resolved)) f.value(F.src_resolved, src, 6, formatMac(bytes, src));
}

/** Shortest frame on an Ethernet, without its frame check sequence. */
const SHORTEST = 60;
const FCS_LENGTH = 4;

/** What follows the payload that begins at `payload` and says itself where it ends: padding up to the shortest frame,
 * what the capturing device has put there, and, in frames that need no padding, presumably the frame check sequence. The
 * captured bytes end at `end`; a tag has no check sequence. */
function walkTrailer(f: Fields, type: number, header: number, payload: number, end: number, isTag: boolean): void {
  let at = payloadEnd(f.bytes, type, payload, end);
  if (at < 0 || at >= end) return;
  const { wireEnd } = f;
  const missing = SHORTEST - (at - f.frameAt);
  if (missing > 0 && wireEnd - f.frameAt >= SHORTEST && at + missing <= end && isZero(f.bytes, at, at + missing)) {
    f.raw(F.padding, at, missing);
    at += missing;
  }
  let trailerEnd = end;
  const hasFcs = !isTag && wireEnd - header >= SHORTEST + FCS_LENGTH && wireEnd - at >= FCS_LENGTH;
  if (hasFcs) trailerEnd = Math.min(end, wireEnd - FCS_LENGTH);
  if (trailerEnd > at) f.raw(isTag ? V.trailer : F.trailer, at, trailerEnd - at);
  if (!hasFcs) return;
  if (wireEnd <= end) f.uint(F.fcs, trailerEnd, FCS_LENGTH, be32(f.bytes, trailerEnd));
  f.uint(F['fcs.status'], trailerEnd, 0, UNVERIFIED);
}

function isZero(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end && bytes[at] === 0) at++;
  return at === end;
}

/** Where the payload ends by its own length; -1 where it does not tell. */
function payloadEnd(bytes: Uint8Array, type: number, at: number, end: number): number {
  if (type <= MAX_LENGTH) return at + type;
  if (type === ETHERTYPE_MPLS || type === ETHERTYPE_MPLS_MULTICAST) {
    while (at + mpls.ENTRY_LENGTH < end && !mpls.isBottom(bytes, at)) at += mpls.ENTRY_LENGTH;
    at += mpls.ENTRY_LENGTH;
    const version = at < end ? bytes[at]! >>> 4 : 0;
    type = version === 4 ? ETHERTYPE_IPV4 : version === 6 ? ETHERTYPE_IPV6 : 0;
  }
  if (type === ETHERTYPE_IPV4 && at + ipv4.HEADER_LENGTH <= end) {
    const length = ipv4.totalLength(bytes, at);
    return length < ipv4.HEADER_LENGTH ? -1 : at + length;
  }
  if (type === ETHERTYPE_IPV6 && at + ipv6.HEADER_LENGTH <= end) {
    const length = ipv6.payloadLength(bytes, at);
    return length === 0 ? -1 : at + ipv6.HEADER_LENGTH + length;
  }
  if ((type === ETHERTYPE_ARP || type === ETHERTYPE_REVARP) && at + arp.FIXED_LENGTH <= end)
    return at + arp.totalLength(bytes, at);
  return -1;
}

/** Walks into what an EtherType or 802.3 length announces. */
export function walkEtherType(f: Fields, type: number, at: number, end: number, limit: string): void {
  if (type <= MAX_LENGTH) f.next(llc, at, f.narrow(at + type, end, limit));
  else f.next(protocolOfEtherType(f, type), at, end);
}
