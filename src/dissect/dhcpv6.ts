import { be16, be32 } from '../bytes/endian.ts';
import { formatMac } from '../wire/address.ts';
import * as wire from '../wire/dhcpv6.ts';
import { readName } from '../wire/dns-name.ts';
import { ascii, latin1 } from '../wire/text-line.ts';
import { printDhcpv6 } from './dhcpv6-text.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';

const many = { list: true } as const;
const F = defineFields('dhcpv6', {
  msgtype: ['Message type', 'uint8', many],
  xid: ['Transaction ID', 'uint24', { base: 'hex', list: true }],
  hopcount: ['Hopcount', 'uint8', many],
  linkaddr: ['Link address', 'ipv6', many],
  peeraddr: ['Peer address', 'ipv6', many],
  'option.type': ['Option', 'uint16', many],
  'option.length': ['Length', 'uint16', many],
  'duid.bytes': ['DUID', 'bytes', many],
  'duid.type': ['DUID Type', 'uint16', many],
  'duidllt.hwtype': ['Hardware type', 'uint16', many],
  'duidllt.time': ['DUID Time', 'time', { list: true, date: 'local' }],
  'duidllt.link_layer_addr': ['Link-layer address', 'string', many],
  'duidll.hwtype': ['Hardware type', 'uint16', many],
  'duidll.link_layer_addr': ['Link-layer address', 'string', many],
  'duiden.enterprise': ['Enterprise Number', 'uint32', many],
  'duiden.identifier': ['Identifier', 'bytes', many],
  'duiduuid.bytes': ['UUID', 'bytes', many],
  iaid: ['IAID', 'string', many],
  'iaid.t1': ['T1', 'uint32', many],
  'iaid.t2': ['T2', 'uint32', many],
  iata: ['IAID', 'string', many],
  'iaaddr.ip': ['IPv6 address', 'ipv6', many],
  'iaaddr.pref_lifetime': ['Preferred lifetime', 'uint32', many],
  'iaaddr.valid_lifetime': ['Valid lifetime', 'uint32', many],
  'iaprefix.pref_lifetime': ['Preferred lifetime', 'uint32', many],
  'iaprefix.valid_lifetime': ['Valid lifetime', 'uint32', many],
  'iaprefix.pref_len': ['Prefix length', 'uint8', many],
  'iaprefix.pref_addr': ['Prefix address', 'ipv6', many],
  requested_option_code: ['Requested Option code', 'uint16', many],
  option_preference: ['Pref-value', 'uint8', many],
  elapsed_time: ['Elapsed time', 'uint32', many],
  unicast: ['IPv6 address', 'ipv6', many],
  status_code: ['Status Code', 'uint16', many],
  status_msg: ['Status Message', 'string', many],
  'userclass.length': ['User Class length', 'uint16', many],
  'userclass.opaque_data': ['User Class', 'bytes', many],
  'vendorclass.enterprise': ['Enterprise ID', 'uint32', many],
  'vendorclass.data': ['vendor-class-data', 'string', many],
  interface_id: ['Interface-ID', 'bytes', many],
  reconf_msg: ['Reconfigure Type', 'uint8', many],
  sip_server_a: ['SIP server address', 'ipv6', many],
  dns_server: ['DNS server address', 'ipv6', many],
  search_list_entry: ['List entry', 'string', many],
  sntp_server: ['SNTP server address', 'ipv6', many],
  lifetime: ['Lifetime', 'uint32', many],
  'remoteid.enterprise': ['Enterprise ID', 'uint32', many],
  remoteid_enterprise_id: ['Remote-ID', 'bytes', many],
  client_fqdn_flags: ['Flags', 'uint8', { base: 'hex', list: true }],
  'clientfqdn.client.n': ['N bit', 'bool', many],
  'clientfqdn.client.s': ['S bit', 'bool', many],
  client_domain: ['Client Domain Name', 'string', many],
  'ntpserver.option.type': ['Suboption', 'uint16', many],
  'ntpserver.option.length': ['Length', 'uint16', many],
  'ntpserver.addr': ['NTP Server Address', 'ipv6', many],
  'ntpserver.mc_addr': ['NTP Multicast Address', 'ipv6', many],
});

/** Deepest nesting of options and of messages in relayed messages. */
const MAX_NESTING = 32;
/** Seconds from 1970 to 2000, which DUIDs count from (RFC 8415 11.2). */
const EPOCH = 946_684_800;

const hex = (bytes: Uint8Array, at: number, end: number): string =>
  Buffer.from(latin1(bytes, at, end), 'latin1').toString('hex');

const linkAddress = (bytes: Uint8Array, at: number, end: number): string =>
  end - at === 6 ? formatMac(bytes, at) : hex(bytes, at, end).replace(/..(?=.)/g, '$&:');

function walkDuid(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.raw(F['duid.bytes'], at, end - at);
  if (end - at < 4) return;
  const type = be16(bytes, at);
  f.uint(F['duid.type'], at, 2, type);
  if (type === 1 && end - at >= 8) {
    f.uint(F['duidllt.hwtype'], at + 2, 2, be16(bytes, at + 2));
    f.time(F['duidllt.time'], at + 4, 4, be32(bytes, at + 4) + EPOCH, 0);
    if (end > at + 8) f.value(F['duidllt.link_layer_addr'], at + 8, end - at - 8, linkAddress(bytes, at + 8, end));
  } else if (type === 2 && end - at >= 6) {
    f.uint(F['duiden.enterprise'], at + 2, 4, be32(bytes, at + 2));
    if (end > at + 6) f.raw(F['duiden.identifier'], at + 6, end - at - 6);
  } else if (type === 3) {
    f.uint(F['duidll.hwtype'], at + 2, 2, be16(bytes, at + 2));
    if (end > at + 4) f.value(F['duidll.link_layer_addr'], at + 4, end - at - 4, linkAddress(bytes, at + 4, end));
  } else if (type === 4) f.raw(F['duiduuid.bytes'], at + 2, end - at - 2);
}

function addresses(f: Fields, id: number, at: number, end: number): void {
  for (; at + 16 <= end; at += 16) f.raw(id, at, 16);
}

function names(f: Fields, id: number, at: number, end: number): void {
  while (at < end) {
    const name = readName(f.bytes, at, end, at);
    if (name === null) return;
    f.value(id, at, name.end - at, `${name.text}.`);
    at = name.end;
  }
}

function walkOptions(f: Fields, at: number, end: number, depth: number): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('dhcpv6', at, wire.OPTION_HEADER, end)) return;
    const code = wire.optionCode(bytes, at);
    const length = wire.optionLength(bytes, at);
    f.uint(F['option.type'], at, 2, code);
    f.uint(F['option.length'], at + 2, 2, length);
    const body = at + wire.OPTION_HEADER;
    if (!f.fits('dhcpv6', body, length, end)) return;
    walkOption(f, code, body, body + length, depth);
    at = body + length;
  }
}

function walkOption(f: Fields, code: number, at: number, end: number, depth: number): void {
  const { bytes } = f;
  const length = end - at;
  const nest = (from: number): void => {
    if (depth < MAX_NESTING) walkOptions(f, from, end, depth + 1);
  };
  switch (code) {
    case wire.OPTION_CLIENT_ID:
    case wire.OPTION_SERVER_ID:
      walkDuid(f, at, end);
      return;
    case wire.OPTION_IA_NA:
    case wire.OPTION_IA_PD:
      if (length < 12) return;
      f.value(F.iaid, at, 4, hex(bytes, at, at + 4));
      f.uint(F['iaid.t1'], at + 4, 4, be32(bytes, at + 4));
      f.uint(F['iaid.t2'], at + 8, 4, be32(bytes, at + 8));
      nest(at + 12);
      return;
    case wire.OPTION_IA_TA:
      if (length < 4) return;
      f.value(F.iata, at, 4, hex(bytes, at, at + 4));
      nest(at + 4);
      return;
    case wire.OPTION_IA_ADDRESS:
      if (length < 24) return;
      f.raw(F['iaaddr.ip'], at, 16);
      f.uint(F['iaaddr.pref_lifetime'], at + 16, 4, be32(bytes, at + 16));
      f.uint(F['iaaddr.valid_lifetime'], at + 20, 4, be32(bytes, at + 20));
      nest(at + 24);
      return;
    case wire.OPTION_IA_PREFIX:
      if (length < 25) return;
      f.uint(F['iaprefix.pref_lifetime'], at, 4, be32(bytes, at));
      f.uint(F['iaprefix.valid_lifetime'], at + 4, 4, be32(bytes, at + 4));
      f.uint(F['iaprefix.pref_len'], at + 8, 1, bytes[at + 8]!);
      f.raw(F['iaprefix.pref_addr'], at + 9, 16);
      nest(at + 25);
      return;
    case wire.OPTION_REQUEST:
      for (; at + 2 <= end; at += 2) f.uint(F.requested_option_code, at, 2, be16(bytes, at));
      return;
    case wire.OPTION_PREFERENCE:
      if (length === 1) f.uint(F.option_preference, at, 1, bytes[at]!);
      return;
    case wire.OPTION_ELAPSED:
      // In hundredths of a second on the wire, in milliseconds here.
      if (length === 2) f.uint(F.elapsed_time, at, 2, be16(bytes, at) * 10);
      return;
    case wire.OPTION_RELAY_MESSAGE:
      if (depth < MAX_NESTING) walkMessage(f, at, end, depth + 1);
      return;
    case wire.OPTION_UNICAST:
      if (length === 16) f.raw(F.unicast, at, 16);
      return;
    case wire.OPTION_STATUS:
      if (length < 2) return;
      f.uint(F.status_code, at, 2, be16(bytes, at));
      if (length > 2) f.value(F.status_msg, at + 2, length - 2, ascii(bytes, at + 2, end));
      return;
    case wire.OPTION_USER_CLASS:
      while (at + 2 <= end) {
        const size = be16(bytes, at);
        if (at + 2 + size > end) return;
        f.uint(F['userclass.length'], at, 2, size);
        f.raw(F['userclass.opaque_data'], at + 2, size);
        at += 2 + size;
      }
      return;
    case wire.OPTION_VENDOR_CLASS:
      if (length < 4) return;
      f.uint(F['vendorclass.enterprise'], at, 4, be32(bytes, at));
      for (at += 4; at + 2 <= end; ) {
        const size = be16(bytes, at);
        if (at + 2 + size > end) return;
        f.value(F['vendorclass.data'], at + 2, size, ascii(bytes, at + 2, at + 2 + size));
        at += 2 + size;
      }
      return;
    case wire.OPTION_INTERFACE_ID:
      if (length > 0) f.raw(F.interface_id, at, length);
      return;
    case wire.OPTION_RECONFIGURE:
      if (length === 1) f.uint(F.reconf_msg, at, 1, bytes[at]!);
      return;
    case wire.OPTION_SIP_ADDRESSES:
      addresses(f, F.sip_server_a, at, end);
      return;
    case wire.OPTION_DNS_SERVERS:
      addresses(f, F.dns_server, at, end);
      return;
    case wire.OPTION_SNTP_SERVERS:
      addresses(f, F.sntp_server, at, end);
      return;
    case wire.OPTION_DOMAINS:
      names(f, F.search_list_entry, at, end);
      return;
    case wire.OPTION_LIFETIME:
      if (length === 4) f.uint(F.lifetime, at, 4, be32(bytes, at));
      return;
    case wire.OPTION_REMOTE_ID:
      if (length < 4) return;
      f.uint(F['remoteid.enterprise'], at, 4, be32(bytes, at));
      if (length > 4) f.raw(F.remoteid_enterprise_id, at + 4, length - 4);
      return;
    case wire.OPTION_FQDN:
      if (length < 1) return;
      f.uint(F.client_fqdn_flags, at, 1, bytes[at]!);
      f.bool(F['clientfqdn.client.n'], at, 1, (bytes[at]! & 4) !== 0);
      f.bool(F['clientfqdn.client.s'], at, 1, (bytes[at]! & 1) !== 0);
      names(f, F.client_domain, at + 1, end);
      return;
    case wire.OPTION_NTP_SERVER:
      while (at + 4 <= end) {
        const kind = be16(bytes, at);
        const size = be16(bytes, at + 2);
        if (at + 4 + size > end) return;
        f.uint(F['ntpserver.option.type'], at, 2, kind);
        f.uint(F['ntpserver.option.length'], at + 2, 2, size);
        if (size === 16 && kind <= 2) f.raw(kind === 1 ? F['ntpserver.addr'] : F['ntpserver.mc_addr'], at + 4, 16);
        at += 4 + size;
      }
  }
}

function walkMessage(f: Fields, at: number, end: number, depth: number): void {
  const { bytes } = f;
  if (!f.fits('dhcpv6', at, wire.HEADER_LENGTH, end)) return;
  const type = bytes[at]!;
  f.uint(F.msgtype, at, 1, type);
  if (!wire.isRelay(type)) {
    f.uint(F.xid, at + 1, 3, wire.transactionId(bytes, at));
    walkOptions(f, at + wire.HEADER_LENGTH, end, depth);
    return;
  }
  if (!f.fits('dhcpv6', at, wire.RELAY_LENGTH, end)) return;
  f.uint(F.hopcount, at + wire.HOPS, 1, bytes[at + wire.HOPS]!);
  f.raw(F.linkaddr, at + wire.LINK_ADDRESS, 16);
  f.raw(F.peeraddr, at + wire.PEER_ADDRESS, 16);
  walkOptions(f, at + wire.RELAY_LENGTH, end, depth);
}

export const dhcpv6: Protocol = {
  name: 'dhcpv6',
  title: 'DHCPv6',
  print: printDhcpv6,
  walk(f, at, end) {
    f.layer(dhcpv6, at, end - at);
    walkMessage(f, at, end, 0);
  },
};
