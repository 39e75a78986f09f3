import { be16, be32 } from '../bytes/endian.ts';
import { formatMac } from '../wire/address.ts';
import * as wire from '../wire/dhcp.ts';
import { readName } from '../wire/dns-name.ts';
import { ascii, latin1 } from '../wire/text-line.ts';
import { D, OPTION_FIELDS, type OptionField } from './dhcp-fields.ts';
import { printDhcp } from './dhcp-text.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';

const MESSAGES = {
  1: 'Discover',
  2: 'Offer',
  3: 'Request',
  4: 'Decline',
  5: 'ACK',
  6: 'NAK',
  7: 'Release',
  8: 'Inform',
  9: 'Force Renew',
  10: 'Lease query',
  11: 'Lease Unassigned',
  12: 'Lease Unknown',
  13: 'Lease Active',
};
const F = defineFields('dhcp', {
  type: ['Message type', 'uint8', { values: { 1: 'Boot Request', 2: 'Boot Reply' } }],
  'hw.type': ['Hardware type', 'uint8', { base: 'hex', list: true }],
  'hw.len': ['Hardware address length', 'uint8'],
  hops: ['Hops', 'uint8'],
  id: ['Transaction ID', 'uint32', { base: 'hex' }],
  secs: ['Seconds elapsed', 'uint16'],
  flags: ['Bootp flags', 'uint16', { base: 'hex' }],
  'flags.bc': ['Broadcast flag', 'bool'],
  'flags.reserved': ['Reserved flags', 'uint16', { base: 'hex' }],
  'ip.client': ['Client IP address', 'ipv4'],
  'ip.your': ['Your (client) IP address', 'ipv4'],
  'ip.server': ['Next server IP address', 'ipv4'],
  'ip.relay': ['Relay agent IP address', 'ipv4'],
  'hw.mac_addr': ['Client MAC address', 'ether', { list: true }],
  'hw.addr': ['Client hardware address', 'bytes'],
  'hw.addr_padding': ['Client hardware address padding', 'bytes'],
  server: ['Server host name', 'string'],
  file: ['Boot file name', 'string'],
  bootp: ['Bootp', 'bool'],
  cookie: ['Magic cookie', 'ipv4'],
  vendor_specific_options: ['Bootp Vendor Specific Options', 'bytes'],
  'option.type': ['Option', 'uint8', { list: true }],
  'option.length': ['Length', 'uint8', { list: true }],
  'option.value': ['Value', 'bytes', { list: true }],
  'option.padding': ['Padding', 'bytes', { list: true }],
  'option.end': ['Option End', 'uint8'],
  'option.dhcp': ['DHCP', 'uint8', { list: true, values: MESSAGES }],
});

/** Text up to its zero byte. */
function text(f: Fields, id: number, at: number, size: number, end: number): void {
  const limit = Math.min(at + size, end);
  const zero = f.bytes.subarray(at, limit).indexOf(0);
  f.value(id, at, size, ascii(f.bytes, at, zero < 0 ? limit : at + zero));
}

function walkOptions(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const code = bytes[at]!;
    if (code === wire.OPTION_PAD) {
      let stop = at;
      while (stop < end && bytes[stop] === wire.OPTION_PAD) stop++;
      f.uint(F['option.type'], at, 1, code);
      f.raw(F['option.padding'], at, stop - at);
      at = stop;
      continue;
    }
    if (code === wire.OPTION_END) {
      // Wireshark gives the end the type 0, and its number to this field.
      f.uint(F['option.type'], at, 1, 0);
      f.uint(F['option.end'], at, 1, code);
      if (at + 1 < end) f.raw(F['option.padding'], at + 1, end - at - 1);
      return;
    }
    if (!f.fits('dhcp', at, 2, end)) return;
    const length = bytes[at + 1]!;
    const body = at + 2;
    f.uint(F['option.type'], at, 1, code);
    f.uint(F['option.length'], at + 1, 1, length);
    if (!f.fits('dhcp', body, length, end)) return;
    f.raw(F['option.value'], body, length);
    walkOption(f, code, body, body + length);
    at = body + length;
  }
}

function walkOption(f: Fields, code: number, at: number, end: number): void {
  const { bytes } = f;
  const length = end - at;
  const known = OPTION_FIELDS.get(code);
  if (known !== undefined) {
    walkKnown(f, known, at, end);
    return;
  }
  switch (code) {
    case wire.OPTION_MESSAGE_TYPE:
      if (length > 0) f.uint(F['option.dhcp'], at, 1, bytes[at]!);
      return;
    case wire.OPTION_CLIENT_ID:
      walkClient(f, at, end);
      return;
    case wire.OPTION_USER_CLASS:
      walkClasses(f, at, end);
      return;
    case wire.OPTION_FQDN:
      if (length >= 3) walkDomain(f, at, end);
      return;
    case wire.OPTION_AGENT:
      walkAgent(f, at, end);
      return;
    case wire.OPTION_DOMAIN_SEARCH:
      for (let to = at; to < end; ) {
        const name = readName(bytes, to, end, at);
        if (name === null) return;
        f.value(D['option.dhcp_dns_domain_search_list_fqdn'], to, name.end - to, name.text);
        to = name.end;
      }
      return;
    case wire.OPTION_CLASSLESS_ROUTE:
    case wire.OPTION_CLASSLESS_ROUTE_MS:
      while (at < end) {
        const size = 5 + ((bytes[at]! + 7) >> 3);
        if (bytes[at]! > 32 || at + size > end) return;
        f.raw(D['option.classless_static_route'], at, size);
        at += size;
      }
      return;
    case wire.OPTION_NETWORK_ID:
      if (length < 3) return;
      f.uint(D.client_network_id_major, at + 1, 1, bytes[at + 1]!);
      f.uint(D.client_network_id_minor, at + 2, 1, bytes[at + 2]!);
      return;
    case wire.OPTION_VENDOR_CLASSES:
      while (at + 5 <= end) {
        const size = bytes[at + 4]!;
        f.uint(D['option.vi_class.enterprise'], at, 4, be32(bytes, at));
        f.uint(D['option.vi_class.length'], at + 4, 1, size);
        at += 5;
        if (at + size > end) return;
        f.value(D['option.vi_class.data'], at, size, ascii(bytes, at, at + size));
        at += size;
      }
  }
}

function walkKnown(f: Fields, [id, kind]: OptionField, at: number, end: number): void {
  const { bytes } = f;
  const length = end - at;
  switch (kind) {
    case 'address':
      if (length === 4) f.raw(id, at, 4);
      return;
    case 'addresses':
      if (length % 4 === 0) for (; at < end; at += 4) f.raw(id, at, 4);
      return;
    case 'pairs':
      // The second of the two has the id behind the first's.
      if (length % 8 !== 0) return;
      for (; at < end; at += 8) {
        f.raw(id, at, 4);
        f.raw(id + 1, at + 4, 4);
      }
      return;
    case 'number32':
      if (length === 4) f.uint(id, at, 4, be32(bytes, at));
      return;
    case 'signed32':
      if (length === 4) f.uint(id, at, 4, be32(bytes, at) | 0);
      return;
    case 'number16':
      if (length === 2) f.uint(id, at, 2, be16(bytes, at));
      return;
    case 'numbers16':
      if (length % 2 === 0) for (; at < end; at += 2) f.uint(id, at, 2, be16(bytes, at));
      return;
    case 'number8':
      if (length === 1) f.uint(id, at, 1, bytes[at]!);
      return;
    case 'numbers8':
      for (; at < end; at++) f.uint(id, at, 1, bytes[at]!);
      return;
    case 'boolean':
      if (length === 1) f.bool(id, at, 1, bytes[at] !== 0);
      return;
    case 'text':
      text(f, id, at, length, end);
      return;
    case 'bytes':
      f.raw(id, at, length);
      return;
    case 'uuid':
      if (length === 17 && bytes[at] === 0) f.value(id, at + 1, 16, guid(bytes, at + 1));
  }
}

/** A GUID whose first three numbers have the least significant byte first. */
function guid(bytes: Uint8Array, at: number): string {
  const order = [3, 2, 1, 0, -1, 5, 4, -1, 7, 6, -1, 8, 9, -1, 10, 11, 12, 13, 14, 15];
  return order.map((i) => (i < 0 ? '-' : bytes[at + i]!.toString(16).padStart(2, '0'))).join('');
}

const hex = (bytes: Uint8Array, at: number, end: number): string =>
  Buffer.from(latin1(bytes, at, end), 'latin1').toString('hex');

/** RFC 2132 9.14; RFC 4361 for type 255: an identity association and a DUID. */
function walkClient(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const length = end - at;
  if (length === 0) return;
  const type = bytes[at]!;
  if (length === 7 && type > 0 && type < 48) {
    f.uint(F['hw.type'], at, 1, type);
    f.raw(F['hw.mac_addr'], at + 1, 6);
  } else if (type === 0) {
    f.uint(D['client_id.type'], at, 1, type);
    f.value(D['client_id.undef'], at + 1, length - 1, ascii(bytes, at + 1, end));
  } else if (type === 255 && length >= 7) {
    const duid = at + 5;
    const kind = be16(bytes, duid);
    f.value(D['client_id.iaid'], at + 1, 4, hex(bytes, at + 1, duid));
    f.uint(D['client_id.duid_type'], duid, 2, kind);
    if (kind === 1 && duid + 8 <= end) {
      f.uint(D['client_id.duid_llt_hw_type'], duid + 2, 2, be16(bytes, duid + 2));
      f.uint(D['client_id.time'], duid + 4, 4, be32(bytes, duid + 4));
      walkLinkAddress(f, duid + 8, end);
    } else if (kind === 3 && duid + 4 <= end) {
      f.uint(D['client_id.duid_ll_hw_type'], duid + 2, 2, be16(bytes, duid + 2));
      walkLinkAddress(f, duid + 4, end);
    }
  }
}

function walkLinkAddress(f: Fields, at: number, end: number): void {
  const value = end - at === 6 ? formatMac(f.bytes, at) : hex(f.bytes, at, end);
  f.value(D['client_id.link_layer_address'], at, end - at, value);
}

/** RFC 3004, and what clients send that do not keep to it: text. */
function walkClasses(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  let to = at;
  while (to < end && bytes[to] !== 0) to += 1 + bytes[to]!;
  if (to !== end) {
    f.value(D['option.user_class.text'], at, end - at, ascii(bytes, at, end));
    return;
  }
  for (let number = 0; at < end; number++) {
    const size = bytes[at]!;
    f.uint(D['option.user_class'], at, 1, number);
    f.uint(D['option.user_class.length'], at, 1, size);
    f.raw(D['option.user_class.data'], at + 1, size);
    at += 1 + size;
  }
}

/** RFC 4702. */
function walkDomain(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const flags = bytes[at]!;
  f.uint(D['fqdn.flags'], at, 1, flags);
  f.uint(D['fqdn.mbz'], at, 1, flags >> 4);
  f.bool(D['fqdn.n'], at, 1, (flags & 8) !== 0);
  f.bool(D['fqdn.e'], at, 1, (flags & 4) !== 0);
  f.bool(D['fqdn.o'], at, 1, (flags & 2) !== 0);
  f.bool(D['fqdn.s'], at, 1, (flags & 1) !== 0);
  f.uint(D['fqdn.rcode1'], at + 1, 1, bytes[at + 1]!);
  f.uint(D['fqdn.rcode2'], at + 2, 1, bytes[at + 2]!);
  const name = at + 3;
  if (name >= end) return;
  if (flags & 4) {
    const read = readName(bytes, name, end, name);
    if (read !== null) f.value(D['fqdn.name'], name, end - name, read.text);
  } else f.value(D['fqdn.name'], name, end - name, ascii(bytes, name, end));
}

/** RFC 3046, and what adds to it. */
function walkAgent(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at + 2 <= end) {
    const code = bytes[at]!;
    const size = bytes[at + 1]!;
    const body = at + 2;
    f.uint(D['option.agent_information_option.suboption'], at, 1, code);
    f.uint(D['option.suboption_length'], at + 1, 1, size);
    if (body + size > end) return;
    f.raw(D['option.agent_information_option.value'], body, size);
    switch (code) {
      case 1:
        f.raw(D['option.agent_information_option.agent_circuit_id'], body, size);
        break;
      case 2:
        f.raw(D['option.agent_information_option.agent_remote_id'], body, size);
        break;
      case 5:
        if (size === 4) f.raw(D['option.agent_information_option.link_selection'], body, 4);
        break;
      case 6:
        f.value(D['option.agent_information_option.subscriber_id'], body, size, ascii(bytes, body, body + size));
        break;
      case 11:
        if (size === 4) f.raw(D['option.agent_information_option.server_id_override'], body, 4);
        break;
    }
    at = body + size;
  }
}

/** True where the options hold a message's type: else it is BOOTP. */
function hasMessageType(bytes: Uint8Array, at: number, end: number): boolean {
  while (at < end && bytes[at] !== wire.OPTION_END) {
    if (bytes[at] === wire.OPTION_MESSAGE_TYPE) return true;
    at += bytes[at] === wire.OPTION_PAD ? 1 : 2 + (bytes[at + 1] ?? 0);
  }
  return false;
}

export const dhcp: Protocol = {
  name: 'dhcp',
  title: 'Dynamic Host Configuration Protocol',
  print: printDhcp,
  walk(f, at, end) {
    if (!f.fits('dhcp', at, wire.OPTIONS, end)) return;
    const { bytes } = f;
    f.layer(dhcp, at, end - at);
    const length = wire.hlen(bytes, at);
    const flags = wire.flags(bytes, at);
    f.uint(F.type, at, 1, wire.op(bytes, at));
    f.uint(F['hw.type'], at + wire.AT.HTYPE, 1, wire.htype(bytes, at));
    f.uint(F['hw.len'], at + wire.AT.HLEN, 1, length);
    f.uint(F.hops, at + wire.AT.HOPS, 1, wire.hops(bytes, at));
    f.uint(F.id, at + wire.AT.XID, 4, wire.xid(bytes, at));
    f.uint(F.secs, at + wire.AT.SECS, 2, wire.secs(bytes, at));
    f.uint(F.flags, at + wire.AT.FLAGS, 2, flags);
    f.bool(F['flags.bc'], at + wire.AT.FLAGS, 2, (flags & wire.FLAG_BROADCAST) !== 0);
    f.uint(F['flags.reserved'], at + wire.AT.FLAGS, 2, flags & ~wire.FLAG_BROADCAST);
    f.raw(F['ip.client'], at + wire.CIADDR, 4);
    f.raw(F['ip.your'], at + wire.YIADDR, 4);
    f.raw(F['ip.server'], at + wire.SIADDR, 4);
    f.raw(F['ip.relay'], at + wire.GIADDR, 4);
    const hardware = at + wire.CHADDR;
    if (length === 6) f.raw(F['hw.mac_addr'], hardware, 6);
    else f.raw(F['hw.addr'], hardware, wire.CHADDR_LENGTH);
    if (length < wire.CHADDR_LENGTH) f.raw(F['hw.addr_padding'], hardware + length, wire.CHADDR_LENGTH - length);
    text(f, F.server, at + wire.SNAME, wire.SNAME_LENGTH, end);
    text(f, F.file, at + wire.FILE, wire.FILE_LENGTH, end);
    const options = at + wire.OPTIONS;
    const isDhcp = wire.hasCookie(bytes, at, end);
    if (!isDhcp || !hasMessageType(bytes, options + wire.COOKIE_LENGTH, end)) f.bool(F.bootp, at, 0, true);
    if (!isDhcp) {
      if (options < end) f.raw(F.vendor_specific_options, options, Math.min(end - options, 64));
      return;
    }
    f.raw(F.cookie, options, wire.COOKIE_LENGTH);
    walkOptions(f, options + wire.COOKIE_LENGTH, end);
  },
};
