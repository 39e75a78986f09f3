import { ETHERTYPE_VLAN, MAX_LENGTH } from '../wire/ethertype.ts';
import * as v1 from '../wire/sll.ts';
import * as v2 from '../wire/sll2.ts';
import * as vlanTag from '../wire/vlan.ts';
import { printTag } from './eth.ts';
import { defineFields, type Fields } from './fields.ts';
import { llc, printLlc } from './llc.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { protocolOfEtherType } from './tables.ts';
import type { Text } from './text.ts';

const PACKET_TYPES: Readonly<Record<number, string>> = {
  [v1.PACKET_HOST]: 'Unicast to us',
  [v1.PACKET_BROADCAST]: 'Broadcast',
  [v1.PACKET_MULTICAST]: 'Multicast',
  [v1.PACKET_OTHERHOST]: 'Unicast to another host',
  [v1.PACKET_OUTGOING]: 'Sent by us',
};
const F = defineFields('sll', {
  pkttype: ['Packet type', 'uint16', { values: PACKET_TYPES }],
  hatype: ['Link-layer address type', 'uint16'],
  halen: ['Link-layer address length', 'uint16'],
  'src.eth': ['Source', 'ether'],
  'src.ipv4': ['Source', 'ipv4'],
  'src.other': ['Source', 'bytes'],
  unused: ['Unused', 'bytes'],
  etype: ['Protocol', 'uint16', { base: 'hex' }],
  ltype: ['Protocol', 'uint16', { base: 'hex' }],
  ifindex: ['Interface index', 'uint32'],
});

const DIRECTIONS: Readonly<Record<number, string>> = { 0: 'In', 1: 'B', 2: 'M', 3: 'P', 4: 'Out' };

/** A header of either version, for what they share. */
interface Cooked {
  version: 1 | 2;
  packetType: number;
  addressAt: number;
  addressLength: number;
  protocol: number;
  ifindex: number;
  length: number;
}
const header: Cooked = {
  version: 1,
  packetType: 0,
  addressAt: 0,
  addressLength: 0,
  protocol: 0,
  ifindex: 0,
  length: 0,
};

function read1(bytes: Uint8Array, at: number): void {
  header.version = 1;
  header.packetType = v1.packetType(bytes, at);
  header.addressAt = v1.addressAt(at);
  header.addressLength = v1.addressLength(bytes, at);
  header.protocol = v1.protocol(bytes, at);
  header.length = v1.HEADER_LENGTH;
}

function read2(bytes: Uint8Array, at: number): void {
  header.version = 2;
  header.packetType = v2.packetType(bytes, at);
  header.addressAt = v2.addressAt(at);
  header.addressLength = v2.addressLength(bytes, at);
  header.protocol = v2.protocol(bytes, at);
  header.ifindex = v2.interfaceIndex(bytes, at);
  header.length = v2.HEADER_LENGTH;
}

function printHeader(t: Text, length: number): void {
  const { out } = t;
  if (header.version === 1) {
    out.ascii((DIRECTIONS[header.packetType] ?? '?').padStart(3));
    out.byte(32);
  } else {
    out.ascii('ifindex ');
    out.decimal(header.ifindex);
    out.byte(32);
  }
  // Only addresses of six bytes are printed.
  if (header.addressLength === 6) {
    t.mac(header.addressAt);
    out.byte(32);
  }
  if (t.quiet) return;
  const type = header.protocol;
  if (type <= MAX_LENGTH && type === v1.PROTOCOL_802_3) out.ascii('802.3');
  else if (type <= MAX_LENGTH && type === v1.PROTOCOL_802_2) out.ascii('802.2');
  else {
    out.ascii('ethertype ');
    out.ascii((type <= MAX_LENGTH ? undefined : etherTypeName(type)) ?? 'Unknown');
    out.ascii(' (0x');
    out.hexPadded(type, 4);
    out.byte(41);
  }
  out.ascii(', length ');
  out.decimal(length);
  out.ascii(': ');
}

function printCooked(t: Text, at: number, length: number): void {
  const { out } = t;
  const start = at;
  t.linkHeaderLength = header.length;
  let total = length;
  if (header.version === 2) {
    const name = t.options.interfaceName?.(header.ifindex) ?? '?';
    out.ascii(name.padEnd(5));
    out.byte(32);
    out.ascii((DIRECTIONS[header.packetType] ?? '?').padEnd(3));
    out.byte(32);
  }
  if (t.link) printHeader(t, total);
  at += header.length;
  length -= header.length;
  let type = header.protocol;
  for (;;) {
    if (type <= MAX_LENGTH) {
      if (type === v1.PROTOCOL_802_2) {
        const headers = printLlc(t, at, length, -1);
        t.linkHeaderLength = at - start + Math.max(headers, 0);
        return;
      }
      t.unknown(at, t.end - at);
      break;
    }
    if (type === ETHERTYPE_VLAN) {
      if (!t.has(at, vlanTag.HEADER_LENGTH) || length < vlanTag.HEADER_LENGTH) {
        t.layer = 'vlan';
        t.truncated();
        t.linkHeaderLength = t.end - start;
        return;
      }
      if (t.link) {
        printTag(t, at);
        out.ascii(', ');
      }
      type = vlanTag.type(t.bytes, at);
      if (type <= MAX_LENGTH) type = v1.PROTOCOL_802_2;
      if (!t.quiet) {
        out.ascii('ethertype ');
        out.ascii(etherTypeName(type) ?? 'Unknown');
        out.ascii(', ');
      }
      at += vlanTag.HEADER_LENGTH;
      length -= vlanTag.HEADER_LENGTH;
      t.linkHeaderLength = at - start;
      // The length that is printed from here on is without the tag.
      total -= vlanTag.HEADER_LENGTH;
      continue;
    }
    const protocol = protocolOfEtherType(t, type);
    if (protocol?.print) protocol.print(t, at, length);
    else {
      if (!t.link) printHeader(t, total);
      t.unknown(at, t.end - at);
    }
    break;
  }
}

function walkCooked(f: Fields, end: number, at: number, self: Protocol): void {
  const { bytes } = f;
  const isFirst = header.version === 1;
  const addressLength = Math.min(header.addressLength, 8);
  f.layer(self, at, header.length);
  f.uint(F.pkttype, isFirst ? at : at + 10, isFirst ? 2 : 1, header.packetType);
  if (!isFirst) f.uint(F.ifindex, at + 4, 4, header.ifindex);
  f.uint(F.hatype, isFirst ? at + 2 : at + 8, 2, isFirst ? v1.hardwareType(bytes, at) : v2.hardwareType(bytes, at));
  f.uint(F.halen, isFirst ? at + 4 : at + 11, isFirst ? 2 : 1, header.addressLength);
  if (addressLength > 0)
    f.raw(
      addressLength === 6 ? F['src.eth'] : addressLength === 4 ? F['src.ipv4'] : F['src.other'],
      header.addressAt,
      addressLength,
    );
  if (addressLength < 8) f.raw(F.unused, header.addressAt + addressLength, 8 - addressLength);
  const type = header.protocol;
  f.uint(type <= MAX_LENGTH ? F.ltype : F.etype, isFirst ? at + 14 : at, 2, type);
  const body = at + header.length;
  if (type === v1.PROTOCOL_802_2) f.next(llc, body, end);
  else f.next(type <= MAX_LENGTH ? undefined : protocolOfEtherType(f, type), body, end);
}

export const sll: Protocol = {
  name: 'sll',
  title: 'Linux cooked capture v1',
  print(t, at, length) {
    t.layer = 'sll';
    if (!t.has(at, v1.HEADER_LENGTH)) {
      t.truncated();
      return;
    }
    read1(t.bytes, at);
    printCooked(t, at, length);
  },
  walk(f, at, end) {
    if (!f.fits('sll', at, v1.HEADER_LENGTH, end)) return;
    read1(f.bytes, at);
    walkCooked(f, end, at, sll);
  },
};

export const sll2: Protocol = {
  name: 'sll',
  title: 'Linux cooked capture v2',
  print(t, at, length) {
    t.layer = 'sll2';
    if (!t.has(at, v2.HEADER_LENGTH)) {
      t.truncated();
      return;
    }
    read2(t.bytes, at);
    printCooked(t, at, length);
  },
  walk(f, at, end) {
    if (!f.fits('sll', at, v2.HEADER_LENGTH, end)) return;
    read2(f.bytes, at);
    walkCooked(f, end, at, sll2);
  },
};
