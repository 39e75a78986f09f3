import { hexdump } from '../bytes/hexdump.ts';
import * as wire from '../wire/arp.ts';
import { ETHERTYPE_IPV4 } from '../wire/ethertype.ts';
import { defineFields } from './fields.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const OPCODES: Readonly<Record<number, string>> = {
  1: 'request',
  2: 'reply',
  3: 'reverse request',
  4: 'reverse reply',
};
const F = defineFields('arp', {
  'hw.type': ['Hardware type', 'uint16'],
  'proto.type': ['Protocol type', 'uint16', { base: 'hex' }],
  'hw.size': ['Hardware size', 'uint8'],
  'proto.size': ['Protocol size', 'uint8'],
  opcode: ['Opcode', 'uint16', { values: OPCODES }],
  'src.hw_mac': ['Sender MAC address', 'ether'],
  'src.hw': ['Sender hardware address', 'bytes'],
  'src.proto_ipv4': ['Sender IP address', 'ipv4'],
  'src.proto': ['Sender protocol address', 'bytes'],
  'dst.hw_mac': ['Target MAC address', 'ether'],
  'dst.hw': ['Target hardware address', 'bytes'],
  'dst.proto_ipv4': ['Target IP address', 'ipv4'],
  'dst.proto': ['Target protocol address', 'bytes'],
});

/** RFC 893: IPv4 with its headers behind the data. */
const ETHERTYPE_TRAILERS = 0x1000;

const OPERATIONS: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Reply',
  3: 'Reverse Request',
  4: 'Reverse Reply',
  8: 'Inverse Request',
  9: 'Inverse Reply',
  10: 'NACK Reply',
};
/** tcpdump's names of hardware types. */
const HARDWARE: Readonly<Record<number, string>> = {
  1: 'Ethernet',
  6: 'TokenRing',
  7: 'ArcNet',
  15: 'FrameRelay',
  23: 'Strip',
  24: 'IEEE 1394',
  32: 'InfiniBand',
};

function printHardware(t: Text, at: number, length: number): void {
  if (length === 6) t.mac(at);
  else if (length === 0) t.out.ascii('<empty>');
  else {
    t.need(at, length);
    t.out.mac(t.bytes, at, length);
  }
}

function printProtocolAddress(t: Text, at: number, type: number, length: number): void {
  if (type !== ETHERTYPE_IPV4 && type !== ETHERTYPE_TRAILERS) t.out.ascii(`<wrong proto type>`);
  else if (length !== 4) t.out.ascii('<wrong len>');
  else t.ipv4(at);
}

function printArp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'arp';
  t.reads(at, wire.FIXED_LENGTH);
  const type = wire.hardwareType(bytes, at);
  const protocol = wire.protocolType(bytes, at);
  const hlen = wire.hardwareLength(bytes, at);
  const plen = wire.protocolLength(bytes, at);
  const operation = wire.operation(bytes, at);
  t.reads(at, wire.totalLength(bytes, at));
  if (!t.link) out.ascii('ARP, ');
  if ((protocol !== ETHERTYPE_IPV4 && protocol !== ETHERTYPE_TRAILERS) || plen !== 4 || hlen === 0 || t.verbose > 0) {
    out.ascii(HARDWARE[type] ?? `Unknown Hardware (${type})`);
    out.ascii(' (len ');
    out.decimal(hlen);
    out.ascii('), ');
    out.ascii(etherTypeName(protocol) ?? `Unknown Protocol (0x${protocol.toString(16).padStart(4, '0')})`);
    out.ascii(' (len ');
    out.decimal(plen);
    out.byte(41);
    if (t.verbose === 0) {
      out.ascii(', length ');
      out.decimal(length);
      return;
    }
    out.ascii(', ');
  }
  out.ascii(OPERATIONS[operation] ?? `Unknown (${operation})`);
  out.byte(32);
  const senderHardware = wire.senderHardwareAt(bytes, at);
  const senderProtocol = wire.senderProtocolAt(bytes, at);
  const targetHardware = wire.targetHardwareAt(bytes, at);
  const targetProtocol = wire.targetProtocolAt(bytes, at);
  switch (operation) {
    case wire.OP_REQUEST: {
      out.ascii('who-has ');
      printProtocolAddress(t, targetProtocol, protocol, plen);
      let zero = true;
      for (let i = 0; i < hlen; i++) zero &&= bytes[targetHardware + i] === 0;
      if (!zero) {
        out.ascii(' (');
        printHardware(t, targetHardware, hlen);
        out.byte(41);
      }
      out.ascii(' tell ');
      printProtocolAddress(t, senderProtocol, protocol, plen);
      break;
    }
    case wire.OP_REPLY:
      printProtocolAddress(t, senderProtocol, protocol, plen);
      out.ascii(' is-at ');
      printHardware(t, senderHardware, hlen);
      break;
    case wire.OP_REVERSE_REQUEST:
      out.ascii('who-is ');
      printHardware(t, targetHardware, hlen);
      out.ascii(' tell ');
      printHardware(t, senderHardware, hlen);
      break;
    case wire.OP_REVERSE_REPLY:
      printHardware(t, targetHardware, hlen);
      out.ascii(' at ');
      printProtocolAddress(t, targetProtocol, protocol, plen);
      break;
    case wire.OP_INVERSE_REQUEST:
      out.ascii('who-is ');
      printHardware(t, targetHardware, hlen);
      out.ascii(' tell ');
      printHardware(t, senderHardware, hlen);
      break;
    case wire.OP_INVERSE_REPLY:
      printHardware(t, senderHardware, hlen);
      out.ascii(' at ');
      printProtocolAddress(t, senderProtocol, protocol, plen);
      break;
    default:
      // Dumped whatever the options are, as tcpdump does.
      hexdump(out, bytes, at, t.end, true);
      return;
  }
  out.ascii(', length ');
  out.decimal(length);
}

export const arp: Protocol = {
  name: 'arp',
  title: 'Address Resolution Protocol',
  print: printArp,
  walk(f, at, end) {
    if (!f.fits('arp', at, wire.FIXED_LENGTH, end)) return;
    const { bytes } = f;
    const hlen = wire.hardwareLength(bytes, at);
    const plen = wire.protocolLength(bytes, at);
    const total = wire.totalLength(bytes, at);
    f.layer(arp, at, Math.min(total, end - at));
    f.uint(F['hw.type'], at, 2, wire.hardwareType(bytes, at));
    f.uint(F['proto.type'], at + 2, 2, wire.protocolType(bytes, at));
    f.uint(F['hw.size'], at + 4, 1, hlen);
    f.uint(F['proto.size'], at + 5, 1, plen);
    f.uint(F.opcode, at + 6, 2, wire.operation(bytes, at));
    if (!f.fits('arp', at, total, end)) return;
    const isIpv4 = plen === 4 && wire.protocolType(bytes, at) === ETHERTYPE_IPV4;
    f.raw(hlen === 6 ? F['src.hw_mac'] : F['src.hw'], wire.senderHardwareAt(bytes, at), hlen);
    f.raw(isIpv4 ? F['src.proto_ipv4'] : F['src.proto'], wire.senderProtocolAt(bytes, at), plen);
    f.raw(hlen === 6 ? F['dst.hw_mac'] : F['dst.hw'], wire.targetHardwareAt(bytes, at), hlen);
    f.raw(isIpv4 ? F['dst.proto_ipv4'] : F['dst.proto'], wire.targetProtocolAt(bytes, at), plen);
  },
};
