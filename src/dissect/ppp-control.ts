import { be16, be24, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ppp.ts';
import { defineFields, type Fields, type FieldType } from './fields.ts';
import { ouiName } from './oui.ts';
import { pppName } from './ppp.ts';
import { printBacpOption, printCcpOption, printIp6cpOption, printIpcpOption, printLcpOption } from './ppp-options.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Protocol } from './protocol.ts';
import { pppProtocols } from './tables.ts';
import type { Text } from './text.ts';

/** The control protocols of PPP: LCP (RFC 1661), IPCP (RFC 1332), IPv6CP (RFC 5072), CCP (RFC 1962) and their like. */

const CODES = [
  'Vendor-Extension',
  'Conf-Request',
  'Conf-Ack',
  'Conf-Nack',
  'Conf-Reject',
  'Term-Request',
  'Term-Ack',
  'Code-Reject',
  'Prot-Reject',
  'Echo-Request',
  'Echo-Reply',
  'Disc-Req',
  'Ident',
  'Time-Rem',
  'Reset-Req',
  'Reset-Ack',
];

/** Prints an option; gives its length, or 0 where nothing more can be read. */
type PrintOption = (t: Text, at: number, length: number) => number;

function printControl(t: Text, at: number, length: number, protocol: number, option: PrintOption | null): void {
  const { out } = t;
  const name = pppName(protocol) ?? `unknown ctrl-proto (0x${protocol.toString(16).padStart(4, '0')})`;
  out.ascii(`${name}, `);
  const cut = (): void => out.ascii(`[|${name}]`);
  if (length < wire.CONTROL_HEADER_LENGTH || !t.has(at, 2)) {
    cut();
    return;
  }
  const code = t.u8(at);
  out.ascii(`${CODES[code] ?? 'Unknown Opcode'} (0x${code.toString(16).padStart(2, '0')}), id ${t.u8(at + 1)}`);
  out.ascii(`, length ${length + 2}`);
  if (t.verbose === 0) return;
  const size = t.be16(at + 2);
  if (size < wire.CONTROL_HEADER_LENGTH) {
    out.ascii(`\n\tencoded length ${size} (< 4))`);
    return;
  }
  if (size > length) {
    out.ascii(`\n\tencoded length ${size} (> packet length ${length}))`);
    return;
  }
  out.ascii(`\n\tencoded length ${size} (=Option(s) length ${size - 4})`);
  if (size === wire.CONTROL_HEADER_LENGTH) return;
  // The protocol's number stands before the packet.
  if (t.verbose > 1) printUnknown(t, at - 2, 6);
  const body = at + wire.CONTROL_HEADER_LENGTH;
  const magic = (): void => out.ascii(`\n\t  Magic-Num 0x${t.be32(body).toString(16).padStart(8, '0')}`);
  if (code >= wire.CONFIGURE_REQUEST && code <= wire.CONFIGURE_REJECT) {
    if (option !== null) printOptions(t, body, size, option);
  } else if (code === wire.VENDOR) {
    if (size < 11) return;
    magic();
    const oui = t.be24(body + 4);
    out.ascii(` Vendor: ${ouiName(oui)} (${oui})`);
  } else if (code === wire.PROTOCOL_REJECT) {
    if (size < 6) return;
    const rejected = t.be16(body);
    const hex = `(0x${rejected.toString(16).padStart(4, '0')})`;
    out.ascii(`\n\t  Rejected ${pppName(rejected) ?? 'unknown'} Protocol ${hex}`);
    if (size > 6) {
      out.ascii('\n\t  Rejected Packet');
      printUnknown(t, body + 2, size - 2, '\n\t    ');
    }
  } else if (code >= wire.ECHO_REQUEST && code <= wire.DISCARD_REQUEST) {
    if (size < 8) return;
    magic();
    if (size > 8) {
      out.ascii('\n\t  -----trailing data-----');
      if (!t.has(body + 4, size - 8)) {
        cut();
        return;
      }
      printUnknown(t, body + 4, size - 8, '\n\t  ');
    }
  } else if (code === wire.IDENTIFICATION) {
    if (size < 8) return;
    magic();
    if (size > 8) {
      out.ascii('\n\t  Message\n\t    ');
      // tcpdump counts the magic number with the message.
      if (t.visibleBytes(body + 4, body + 4 + size - 4)) cut();
    }
  } else if (code === wire.TIME_REMAINING) {
    if (size < 12) return;
    magic();
    out.ascii(`, Seconds-Remaining ${t.be32(body + 4)}s`);
  } else if (code > wire.TIME_REMAINING && t.verbose <= 1) printUnknown(t, at - 2, size + 2, '\n\t  ');
}

function printOptions(t: Text, at: number, size: number, option: PrintOption): void {
  for (let left = size - wire.CONTROL_HEADER_LENGTH; left > 0; ) {
    const length = option(t, at, size);
    if (length === 0) return;
    if (left < length) {
      t.out.ascii(` [remaining options length ${left} < ${length}]`);
      t.invalid();
      return;
    }
    left -= length;
    at += length;
  }
}

const X = defineFields('ppp', {
  code: ['Code', 'uint8'],
  identifier: ['Identifier', 'uint8'],
  length: ['Length', 'uint16'],
  magic_number: ['Magic Number', 'uint32', { base: 'hex' }],
  oui: ['OUI', 'uint24', { base: 'hex' }],
  kind: ['Kind', 'uint8'],
  data: ['Data', 'bytes'],
});
const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const L = defineFields('lcp', {
  magic_number: ['Magic Number', 'uint32', { base: 'hex' }],
  data: ['Data', 'bytes'],
  message: ['Message', 'string'],
  secs_remaining: ['Seconds Remaining', 'uint32'],
  rej_proto: ['Rejected Protocol', 'uint16', { base: 'hex' }],
  'opt.type': ['Type', 'uint8', LIST],
  'opt.length': ['Length', 'uint8', LIST],
  'opt.oui': ['OUI', 'uint24', HEX],
  'opt.kind': ['Kind', 'uint8', LIST],
  'opt.data': ['Data', 'bytes', LIST],
  'opt.mru': ['Maximum Receive Unit', 'uint16', LIST],
  'opt.asyncmap': ['Async Control Character Map', 'uint32', HEX],
  'opt.auth_protocol': ['Authentication Protocol', 'uint16', HEX],
  'opt.algorithm': ['Algorithm', 'uint8', LIST],
  'opt.quality_protocol': ['Quality Protocol', 'uint16', HEX],
  'opt.magic_number': ['Magic Number', 'uint32', HEX],
  'opt.operation': ['Operation', 'uint8', LIST],
  'opt.message': ['Message', 'bytes', LIST],
  'opt.mrru': ['MRRU', 'uint16', LIST],
  'opt.ep_disc_class': ['Class', 'uint8', LIST],
  'opt.ip_address': ['IP Address', 'ipv4', LIST],
  'opt.802_1_address': ['IEEE 802.1 Address', 'ether', LIST],
  'opt.psndn': ['Public Switched Network Directory Number', 'bytes', LIST],
  'opt.link_discrim': ['Link Discriminator', 'uint16', LIST],
});
const I = defineFields('ipcp', {
  data: ['Data', 'bytes'],
  'opt.type': ['Type', 'uint8', LIST],
  'opt.length': ['Length', 'uint8', LIST],
  'opt.src_address': ['Source IP Address', 'ipv4', LIST],
  'opt.dst_address': ['Destination IP Address', 'ipv4', LIST],
  'opt.compress_proto': ['IP Compression Protocol', 'uint16', HEX],
  'opt.max_slot_id': ['Max Slot ID', 'uint8', LIST],
  'opt.comp_slot_id': ['Comp Slot ID', 'bool', LIST],
  'opt.tcp_space': ['TCP Space', 'uint16', LIST],
  'opt.non_tcp_space': ['Non TCP Space', 'uint16', LIST],
  'opt.f_max_period': ['F Max Period', 'uint16', LIST],
  'opt.f_max_time': ['F Max Time', 'uint16', LIST],
  'opt.max_header': ['Max Header', 'uint16', LIST],
  'opt.ip_address': ['IP Address', 'ipv4', LIST],
  'opt.mobilenodehomeaddress': ["Mobile Node's Home Address", 'ipv4', LIST],
  'opt.pri_dns_address': ['Primary DNS Address', 'ipv4', LIST],
  'opt.pri_nbns_address': ['Primary NBNS Address', 'ipv4', LIST],
  'opt.sec_dns_address': ['Secondary DNS Address', 'ipv4', LIST],
  'opt.sec_nbns_address': ['Secondary NBNS Address', 'ipv4', LIST],
});
const V6 = defineFields('ipv6cp', {
  'opt.type': ['Type', 'uint8', LIST],
  'opt.length': ['Length', 'uint8', LIST],
  'opt.interface_identifier': ['Interface Identifier', 'bytes', LIST],
});

/** What stands in an option's value: field, its type and length; bytes go on to the option's end. */
type Part = readonly [id: number, type: FieldType, length?: number];
interface Layout {
  type: number;
  length: number;
  /** By option type: the exact length (0: any), and the parts of the value. */
  options: Readonly<Record<number, readonly [exact: number, ...parts: Part[]]>>;
}

const LCP_OPTIONS: Layout = {
  type: L['opt.type'],
  length: L['opt.length'],
  options: {
    0: [0, [L['opt.oui'], 'uint24'], [L['opt.kind'], 'uint8'], [L['opt.data'], 'bytes']],
    1: [4, [L['opt.mru'], 'uint16']],
    2: [6, [L['opt.asyncmap'], 'uint32']],
    3: [0, [L['opt.auth_protocol'], 'uint16'], [L['opt.algorithm'], 'uint8']],
    4: [0, [L['opt.quality_protocol'], 'uint16']],
    5: [6, [L['opt.magic_number'], 'uint32']],
    7: [2],
    8: [2],
    13: [0, [L['opt.operation'], 'uint8'], [L['opt.message'], 'bytes']],
    17: [4, [L['opt.mrru'], 'uint16']],
    9: [0],
    10: [0],
    11: [0],
    15: [0],
    16: [0],
    18: [2],
    19: [0, [L['opt.ep_disc_class'], 'uint8']],
    23: [4, [L['opt.link_discrim'], 'uint16']],
    26: [0],
  },
};
const IPCP_OPTIONS: Layout = {
  type: I['opt.type'],
  length: I['opt.length'],
  options: {
    1: [10, [I['opt.src_address'], 'ipv4'], [I['opt.dst_address'], 'ipv4']],
    2: [0, [I['opt.compress_proto'], 'uint16']],
    3: [6, [I['opt.ip_address'], 'ipv4']],
    4: [6, [I['opt.mobilenodehomeaddress'], 'ipv4']],
    129: [6, [I['opt.pri_dns_address'], 'ipv4']],
    130: [6, [I['opt.pri_nbns_address'], 'ipv4']],
    131: [6, [I['opt.sec_dns_address'], 'ipv4']],
    132: [6, [I['opt.sec_nbns_address'], 'ipv4']],
  },
};
const IPV6CP_OPTIONS: Layout = {
  type: V6['opt.type'],
  length: V6['opt.length'],
  options: { 1: [10] },
};

const SIZES: Partial<Record<FieldType, number>> = { uint8: 1, uint16: 2, uint24: 3, uint32: 4, ipv4: 4, ether: 6 };

function walkOptions(f: Fields, layout: Layout, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('ppp', at, 2, end)) return;
    const type = bytes[at]!;
    const length = bytes[at + 1]!;
    if (length < 2 || at + length > end) {
      f.invalid('ppp', at + 1, Math.max(length, 2), end - at, 'ppp.opt.len');
      return;
    }
    const known = layout.options[type];
    if (known !== undefined && (known[0] === 0 || known[0] === length)) {
      f.uint(layout.type, at, 1, type);
      f.uint(layout.length, at + 1, 1, length);
      let place = at + 2;
      const stop = at + length;
      for (const part of known.slice(1) as Part[]) place = walkPart(f, part, place, stop);
      // Wireshark's value is the whole option.
      if (layout === IPV6CP_OPTIONS) f.raw(V6['opt.interface_identifier'], at, length);
      if (layout === LCP_OPTIONS && type === 19) walkDiscriminator(f, at + 3, stop);
      if (layout === IPCP_OPTIONS && type === 2) walkCompression(f, at + 2, stop);
    }
    at += length;
  }
}

/** A part of a value at `at`; gives the offset behind it. */
function walkPart(f: Fields, [id, type]: Part, at: number, end: number): number {
  const size = SIZES[type] ?? end - at;
  if (at >= end || at + size > end) return end;
  if (type === 'uint8' || type === 'bool') f.uint(id, at, 1, f.bytes[at]!);
  else if (type === 'uint16') f.uint(id, at, 2, be16(f.bytes, at));
  else if (type === 'uint24') f.uint(id, at, 3, be24(f.bytes, at));
  else if (type === 'uint32') f.uint(id, at, 4, be32(f.bytes, at));
  else f.raw(id, at, size);
  return at + size;
}

/** RFC 1990 5.1.3: the endpoint's address by its class. */
function walkDiscriminator(f: Fields, at: number, end: number): void {
  const kind = f.bytes[at - 1]!;
  if (at >= end) return;
  if (kind === 2 && end - at === 4) f.raw(L['opt.ip_address'], at, 4);
  else if (kind === 3 && end - at === 6) f.raw(L['opt.802_1_address'], at, 6);
  else if (kind === 1 || kind === 4) f.raw(L['opt.data'], at, end - at);
  else if (kind === 5) f.raw(L['opt.psndn'], at, end - at);
}

const VAN_JACOBSON = 0x002d;
/** What some implementations send instead (RFC 1332 4). */
const VAN_JACOBSON_OLD = 0x0037;
const HEADER_COMPRESSION = 0x0061;

/** RFC 1332 4 and RFC 2509 2.1. */
function walkCompression(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (end - at < 2) return;
  const protocol = be16(bytes, at);
  if (protocol === VAN_JACOBSON || protocol === VAN_JACOBSON_OLD) {
    if (end - at >= 3) f.uint(I['opt.max_slot_id'], at + 2, 1, bytes[at + 2]!);
    if (end - at >= 4) f.bool(I['opt.comp_slot_id'], at + 3, 1, (bytes[at + 3]! & 1) !== 0);
  } else if (protocol === HEADER_COMPRESSION && end - at >= 12) {
    f.uint(I['opt.tcp_space'], at + 2, 2, be16(bytes, at + 2));
    f.uint(I['opt.non_tcp_space'], at + 4, 2, be16(bytes, at + 4));
    f.uint(I['opt.f_max_period'], at + 6, 2, be16(bytes, at + 6));
    f.uint(I['opt.f_max_time'], at + 8, 2, be16(bytes, at + 8));
    f.uint(I['opt.max_header'], at + 10, 2, be16(bytes, at + 10));
  }
}

function control(
  name: string,
  title: string,
  number: number,
  option: PrintOption | null,
  layout: Layout | null,
): Protocol {
  const protocol: Protocol = {
    name,
    title,
    print: (t, at, length) => printControl(t, at, length, number, option),
    walk(f, at, end) {
      if (!f.fits(name, at, wire.CONTROL_HEADER_LENGTH, end)) return;
      const { bytes } = f;
      const code = wire.code(bytes, at);
      const length = wire.length(bytes, at);
      f.layer(protocol, at, wire.CONTROL_HEADER_LENGTH);
      f.uint(X.code, at, 1, code);
      f.uint(X.identifier, at + 1, 1, wire.identifier(bytes, at));
      f.uint(X.length, at + 2, 2, length);
      const stop = f.narrow(at + length, end, 'ppp.length');
      const body = at + wire.CONTROL_HEADER_LENGTH;
      if (stop <= body) return;
      f.layerEnds(stop);
      if (code >= wire.CONFIGURE_REQUEST && code <= wire.CONFIGURE_REJECT) {
        if (layout !== null) walkOptions(f, layout, body, stop);
      } else walkBody(f, name === 'lcp', code, body, stop);
    },
  };
  return protocol;
}

function walkBody(f: Fields, isLcp: boolean, code: number, at: number, end: number): void {
  const { bytes } = f;
  if (code === wire.VENDOR) {
    if (!f.fits('ppp', at, 8, end)) return;
    f.uint(X.magic_number, at, 4, be32(bytes, at));
    f.uint(X.oui, at + 4, 3, be24(bytes, at + 4));
    f.uint(X.kind, at + 7, 1, bytes[at + 7]!);
    if (at + 8 < end) f.raw(X.data, at + 8, end - at - 8);
  } else if (isLcp && code === wire.PROTOCOL_REJECT) {
    if (!f.fits('lcp', at, 2, end)) return;
    const rejected = be16(bytes, at);
    f.uint(L.rej_proto, at, 2, rejected);
    if (at + 2 < end) f.next(pppProtocols.get(rejected), at + 2, end);
  } else if (isLcp && code >= wire.ECHO_REQUEST && code <= wire.TIME_REMAINING) {
    if (!f.fits('lcp', at, 4, end)) return;
    f.uint(L.magic_number, at, 4, be32(bytes, at));
    at += 4;
    if (code === wire.TIME_REMAINING && f.fits('lcp', at, 4, end)) {
      f.uint(L.secs_remaining, at, 4, be32(bytes, at));
      at += 4;
    }
    if (at >= end) return;
    if (code === wire.IDENTIFICATION || code === wire.TIME_REMAINING) {
      if (f.wants(L.message)) f.value(L.message, at, end - at, new TextDecoder().decode(bytes.subarray(at, end)));
    } else f.raw(L.data, at, end - at);
  } else f.raw(X.data, at, end - at);
}

export const lcp = control('lcp', 'PPP Link Control Protocol', wire.PPP_LCP, printLcpOption, LCP_OPTIONS);
export const ipcp = control('ipcp', 'PPP IP Control Protocol', wire.PPP_IPCP, printIpcpOption, IPCP_OPTIONS);
export const ipv6cp = control('ipv6cp', 'PPP IPv6 Control Protocol', wire.PPP_IPV6CP, printIp6cpOption, IPV6CP_OPTIONS);
export const ccp = control('ccp', 'PPP Compression Control Protocol', wire.PPP_CCP, printCcpOption, null);
export const bacp = control('bacp', 'PPP Bandwidth Allocation Control Protocol', wire.PPP_BACP, printBacpOption, null);
export const osicp = control('osinlcp', 'PPP OSI Network Layer Control Protocol', wire.PPP_OSICP, null, null);
export const mplscp = control('mplscp', 'PPP MPLS Control Protocol', wire.PPP_MPLSCP, null, null);
