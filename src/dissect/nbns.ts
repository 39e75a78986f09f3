import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/nbns.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';

const many = { list: true } as const;
const N = defineFields('nbns', {
  id: ['Transaction ID', 'uint16', { base: 'hex' }],
  flags: ['Flags', 'uint16', { base: 'hex' }],
  'flags.response': ['Response', 'bool'],
  'flags.opcode': ['Opcode', 'uint16'],
  'flags.authoritative': ['Authoritative', 'bool'],
  'flags.truncated': ['Truncated', 'bool'],
  'flags.recdesired': ['Recursion desired', 'bool'],
  'flags.recavail': ['Recursion available', 'bool'],
  'flags.broadcast': ['Broadcast', 'bool'],
  'flags.rcode': ['Reply code', 'uint16'],
  'count.queries': ['Questions', 'uint16'],
  'count.answers': ['Answer RRs', 'uint16'],
  'count.auth_rr': ['Authority RRs', 'uint16'],
  'count.add_rr': ['Additional RRs', 'uint16'],
  name: ['Name', 'string', many],
  type: ['Type', 'uint16', many],
  class: ['Class', 'uint16', many],
  ttl: ['Time to live', 'uint32', many],
  data_length: ['Data length', 'uint16', many],
  nb_flags: ['Name flags', 'uint16', { base: 'hex', list: true }],
  'nb_flags.group': ['Name type', 'bool', many],
  'nb_flags.ont': ['ONT', 'uint16', many],
  addr: ['Addr', 'ipv4', many],
  number_of_names: ['Number of names', 'uint8'],
  netbios_name: ['Name', 'string', many],
  name_flags: ['Name flags', 'uint16', { base: 'hex', list: true }],
  'name_flags.group': ['Name type', 'bool', many],
  'name_flags.ont': ['ONT', 'uint16', many],
  'name_flags.drg': ['Name is being deregistered', 'bool', many],
  'name_flags.cnf': ['Name is in conflict', 'bool', many],
  'name_flags.act': ['Name is active', 'bool', many],
  'name_flags.prm': ['Permanent node name', 'bool', many],
  unit_id: ['Unit ID', 'ether'],
  data: ['Data', 'bytes', many],
});
const D = defineFields('nbdgm', {
  type: ['Message Type', 'uint8'],
  flags: ['Flags', 'uint8', { base: 'hex' }],
  next: ['More fragments follow', 'bool'],
  first: ['This is first fragment', 'bool'],
  node_type: ['Node Type', 'uint8'],
  dgram_id: ['Datagram ID', 'uint16', { base: 'hex' }],
  'src.ip': ['Source IP', 'ipv4'],
  'src.port': ['Source Port', 'uint16'],
  dgram_len: ['Datagram length', 'uint16'],
  pkt_offset: ['Packet offset', 'uint16', { base: 'hex' }],
  error_code: ['Error code', 'uint8', { base: 'hex' }],
  source_name: ['Source name', 'string'],
  destination_name: ['Destination name', 'string'],
});

/** What the last byte of a name says that it is, where Wireshark says it too: in records of addresses. */
const KINDS: Readonly<Record<number, string>> = {
  0: 'Workstation/Redirector',
  1: 'Browser',
  2: 'Workstation/Redirector',
  3: 'Messenger service/Main name',
  5: 'Forwarded name',
  6: 'RAS Server service',
  27: 'Domain Master Browser',
  28: 'Domain Controllers',
  29: 'Local Master Browser',
  30: 'Browser Election Service',
  31: 'Net DDE Service',
  32: 'Server service',
  33: 'RAS client service',
  34: 'Exchange Interchange (MSMail Connector)',
  35: 'Exchange Store',
  36: 'Exchange Directory',
  43: 'Lotus Notes Server service',
  48: 'Modem sharing server service',
  49: 'Modem sharing client service',
  67: 'SMS Clients Remote Control',
  68: 'SMS Administrators Remote Control Tool',
  69: 'SMS Clients Remote Chat',
  70: 'SMS Clients Remote Transfer',
  76: 'DEC Pathworks TCP/IP Service on Windows NT',
  82: 'DEC Pathworks TCP/IP Service on Windows NT',
  106: 'Microsoft Exchange IMC',
  135: 'Microsoft Exchange MTA',
  190: 'Network Monitor Agent',
  191: 'Network Monitor Analyzer',
};

interface Name {
  text: string;
  kind: number;
  end: number;
}

/** RFC 1001 14: 15 characters and a kind, each byte as two letters; a scope may follow; or a pointer. Null where there is no
 * name. */
function readName(bytes: Uint8Array, at: number, end: number, message: number): Name | null {
  let stop = 0;
  // A pointer may lead to a pointer; more than a few are no name.
  for (let hops = 0; hops < 8; hops++) {
    if (at + 2 > end) return null;
    if (bytes[at]! < 0xc0) break;
    stop ||= at + 2;
    at = message + (be16(bytes, at) & 0x3fff);
  }
  if (at + 1 + wire.ENCODED_LENGTH > end || bytes[at] !== wire.ENCODED_LENGTH) return null;
  let text = '';
  let kind = 0;
  for (let i = 0; i < wire.NAME_LENGTH; i++) {
    const high = bytes[at + 1 + i * 2]! - 65;
    const low = bytes[at + 2 + i * 2]! - 65;
    if ((high | low) & ~15) return null;
    kind = (high << 4) | low;
    if (i === wire.NAME_LENGTH - 1) break;
    text += kind < 0x20 ? `<${hex(kind)}>` : String.fromCharCode(kind);
  }
  text = `${text.trimEnd()}<${hex(kind)}>`;
  at += 1 + wire.ENCODED_LENGTH;
  let scope = '';
  while (at < end && bytes[at] !== 0) {
    const size = bytes[at]!;
    if (size > 63 || at + 1 + size > end) return null;
    for (let i = 1; i <= size; i++) scope += String.fromCharCode(bytes[at + i]!);
    scope += '.';
    at += 1 + size;
  }
  if (at >= end) return null;
  if (scope !== '') text += `.${scope.slice(0, -1)}`;
  return { text, kind, end: stop || at + 1 };
}

const hex = (value: number): string => value.toString(16).padStart(2, '0');

function walkRecord(f: Fields, at: number, end: number, message: number): number {
  const { bytes } = f;
  const name = readName(bytes, at, end, message);
  if (name === null) {
    f.invalid('nbns', at, 1, end - at, 'nbns.name');
    return -1;
  }
  const fixed = name.end;
  if (!f.fits('nbns', fixed, wire.RECORD_FIXED, end)) return -1;
  const type = be16(bytes, fixed);
  const length = be16(bytes, fixed + 8);
  const kind = type === wire.TYPE_NB ? (KINDS[name.kind] ?? 'Unknown') : undefined;
  f.value(N.name, at, name.end - at, kind === undefined ? name.text : `${name.text} (${kind})`);
  f.uint(N.type, fixed, 2, type);
  f.uint(N.class, fixed + 2, 2, be16(bytes, fixed + 2));
  f.uint(N.ttl, fixed + 4, 4, be32(bytes, fixed + 4));
  f.uint(N.data_length, fixed + 8, 2, length);
  const data = fixed + wire.RECORD_FIXED;
  if (!f.fits('nbns', data, length, end)) return -1;
  const stop = data + length;
  if (type === wire.TYPE_NB) {
    for (let to = data; to + 6 <= stop; to += 6) {
      const flags = be16(bytes, to);
      f.uint(N.nb_flags, to, 2, flags);
      f.bool(N['nb_flags.group'], to, 2, (flags & wire.FLAG_GROUP) !== 0);
      f.uint(N['nb_flags.ont'], to, 2, (flags >> 13) & 3);
      f.raw(N.addr, to + 2, 4);
    }
  } else if (type === wire.TYPE_NBSTAT) walkStatus(f, data, stop);
  else if (length > 0) f.raw(N.data, data, length);
  return stop;
}

/** RFC 1002 4.2.18: names with flags, then the unit's address and statistics. */
function walkStatus(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (!f.fits('nbns', at, 1, end)) return;
  const count = bytes[at]!;
  f.uint(N.number_of_names, at, 1, count);
  at++;
  for (let i = 0; i < count; i++) {
    if (!f.fits('nbns', at, wire.STATUS_NAME, end)) return;
    let text = '';
    for (let k = 0; k < wire.NAME_LENGTH - 1; k++) text += String.fromCharCode(bytes[at + k]!);
    f.value(N.netbios_name, at, wire.NAME_LENGTH, text.trimEnd());
    const place = at + wire.NAME_LENGTH;
    const flags = be16(bytes, place);
    f.uint(N.name_flags, place, 2, flags);
    f.bool(N['name_flags.group'], place, 2, (flags & wire.FLAG_GROUP) !== 0);
    f.uint(N['name_flags.ont'], place, 2, (flags >> 13) & 3);
    f.bool(N['name_flags.drg'], place, 2, (flags & 0x1000) !== 0);
    f.bool(N['name_flags.cnf'], place, 2, (flags & 0x0800) !== 0);
    f.bool(N['name_flags.act'], place, 2, (flags & 0x0400) !== 0);
    f.bool(N['name_flags.prm'], place, 2, (flags & 0x0200) !== 0);
    at += wire.STATUS_NAME;
  }
  if (f.fits('nbns', at, 6, end)) f.raw(N.unit_id, at, 6);
}

export const nbns: Protocol = {
  name: 'nbns',
  title: 'NetBIOS Name Service',
  walk(f, at, end) {
    if (!f.fits('nbns', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(nbns, at, end - at);
    const flags = be16(bytes, at + 2);
    const isResponse = (flags & 0x8000) !== 0;
    f.uint(N.id, at, 2, be16(bytes, at));
    f.uint(N.flags, at + 2, 2, flags);
    f.bool(N['flags.response'], at + 2, 2, isResponse);
    f.uint(N['flags.opcode'], at + 2, 2, (flags >> 11) & 15);
    if (isResponse) f.bool(N['flags.authoritative'], at + 2, 2, (flags & 0x0400) !== 0);
    f.bool(N['flags.truncated'], at + 2, 2, (flags & 0x0200) !== 0);
    f.bool(N['flags.recdesired'], at + 2, 2, (flags & 0x0100) !== 0);
    if (isResponse) f.bool(N['flags.recavail'], at + 2, 2, (flags & 0x0080) !== 0);
    f.bool(N['flags.broadcast'], at + 2, 2, (flags & 0x0010) !== 0);
    if (isResponse) f.uint(N['flags.rcode'], at + 2, 2, flags & 15);
    const counts = [4, 6, 8, 10].map((offset) => be16(bytes, at + offset));
    f.uint(N['count.queries'], at + 4, 2, counts[0]!);
    f.uint(N['count.answers'], at + 6, 2, counts[1]!);
    f.uint(N['count.auth_rr'], at + 8, 2, counts[2]!);
    f.uint(N['count.add_rr'], at + 10, 2, counts[3]!);
    let to = at + wire.HEADER_LENGTH;
    for (let i = counts[0]!; i > 0; i--) {
      const name = readName(bytes, to, end, at);
      if (name === null) {
        f.invalid('nbns', to, 1, end - to, 'nbns.name');
        return;
      }
      f.value(N.name, to, name.end - to, name.text);
      if (!f.fits('nbns', name.end, wire.QUESTION_FIXED, end)) return;
      f.uint(N.type, name.end, 2, be16(bytes, name.end));
      f.uint(N.class, name.end + 2, 2, be16(bytes, name.end + 2));
      to = name.end + wire.QUESTION_FIXED;
    }
    for (let i = counts[1]! + counts[2]! + counts[3]!; i > 0 && to >= 0; i--) to = walkRecord(f, to, end, at);
  },
};

export const nbdgm: Protocol = {
  name: 'nbdgm',
  title: 'NetBIOS Datagram Service',
  walk(f, at, end) {
    if (!f.fits('nbdgm', at, wire.DATAGRAM_HEADER, end)) return;
    const { bytes } = f;
    f.layer(nbdgm, at, end - at);
    const type = bytes[at]!;
    const flags = bytes[at + 1]!;
    f.uint(D.type, at, 1, type);
    f.uint(D.flags, at + 1, 1, flags);
    f.bool(D.next, at + 1, 1, (flags & 1) !== 0);
    f.bool(D.first, at + 1, 1, (flags & 2) !== 0);
    f.uint(D.node_type, at + 1, 1, (flags >> 2) & 3);
    f.uint(D.dgram_id, at + 2, 2, be16(bytes, at + 2));
    f.raw(D['src.ip'], at + 4, 4);
    f.uint(D['src.port'], at + 8, 2, be16(bytes, at + 8));
    let to = at + wire.DATAGRAM_HEADER;
    if (type === wire.DATAGRAM_ERROR) {
      if (f.fits('nbdgm', to, 1, end)) f.uint(D.error_code, to, 1, bytes[to]!);
      return;
    }
    const isData = type >= wire.DATAGRAM_FIRST && type <= wire.DATAGRAM_LAST;
    if (isData) {
      if (!f.fits('nbdgm', to, 4, end)) return;
      f.uint(D.dgram_len, to, 2, be16(bytes, to));
      f.uint(D.pkt_offset, to + 2, 2, be16(bytes, to + 2));
      to += 4;
      const source = readName(bytes, to, end, at);
      if (source === null) return;
      f.value(D.source_name, to, source.end - to, source.text);
      to = source.end;
    }
    const destination = readName(bytes, to, end, at);
    if (destination === null) return;
    f.value(D.destination_name, to, destination.end - to, destination.text);
    f.layerEnds(destination.end);
    if (isData) f.data(destination.end, end);
  },
};
