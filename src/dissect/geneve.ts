import { ETHERTYPE_TEB } from '../wire/ethertype.ts';
import * as wire from '../wire/geneve.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Bits, printBits } from './flags.ts';
import { etherTypeName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { protocolOfEtherType } from './tables.ts';
import type { Text } from './text.ts';
import { printInner } from './vxlan.ts';

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('geneve', {
  version: ['Version', 'uint8'],
  flags: ['Flags', 'uint8', { base: 'hex' }],
  'flags.oam': ['Operations, Administration and Management Frame', 'bool'],
  'flags.critical': ['Critical Options Present', 'bool'],
  'flags.reserved': ['Reserved', 'bool'],
  proto_type: ['Protocol Type', 'uint16', { base: 'hex' }],
  vni: ['Virtual Network Identifier (VNI)', 'uint24', { base: 'hex' }],
  reserved: ['Reserved', 'uint8', { base: 'hex' }],
  options: ['Geneve Options', 'bytes'],
  option: ['Option', 'bytes', LIST],
  'option.class': ['Class', 'uint16', HEX],
  'option.type': ['Type', 'uint8', HEX],
  'option.type.critical': ['Critical Option', 'bool', LIST],
  'option.flags': ['Flags', 'uint8', HEX],
  'option.flags.reserved': ['Reserved', 'bool', LIST],
  'option.length': ['Length', 'uint8', LIST],
  'option.unknown.data': ['Unknown Option Data', 'bytes', LIST],
});
const FLAGS: Bits = [
  [0x80, 'O'],
  [0x40, 'C'],
  [0x20, 'R1'],
  [0x10, 'R2'],
  [0x08, 'R3'],
  [0x04, 'R4'],
  [0x02, 'R5'],
  [0x01, 'R6'],
];
const CLASSES: Readonly<Record<number, string>> = {
  256: 'Linux',
  257: 'Open vSwitch',
  258: 'Open Virtual Networking (OVN)',
  259: 'In-band Network Telemetry (INT)',
  260: 'VMware',
};

function className(value: number): string {
  if (value < 0x100) return 'Standard';
  return value >= 0xfff0 ? 'Experimental' : (CLASSES[value] ?? 'Unknown');
}

function printGeneve(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'geneve';
  out.ascii('Geneve');
  if (length < wire.HEADER_LENGTH) {
    out.ascii(` [length ${length} < ${wire.HEADER_LENGTH}]`);
    t.invalid();
    return;
  }
  t.need(at, wire.HEADER_LENGTH);
  const version = t.u8(at) >>> 6;
  if (version !== 0) {
    out.ascii(` ERROR: unknown-version ${version}`);
    return;
  }
  const flags = t.u8(at + 1);
  out.ascii(', Flags [');
  printBits(t, FLAGS, flags, 'none', '');
  out.byte(93);
  const protocol = t.be16(at + 2);
  out.ascii(`, vni 0x${t.be24(at + 4).toString(16)}`);
  const reserved = t.u8(at + 7);
  if (reserved !== 0) out.ascii(`, rsvd 0x${reserved.toString(16)}`);
  if (t.link)
    out.ascii(`, proto ${etherTypeName(protocol) ?? 'unknown'} (0x${protocol.toString(16).padStart(4, '0')})`);
  const options = wire.optionsLength(t.bytes, at);
  let body = at + wire.HEADER_LENGTH;
  let rest = length - wire.HEADER_LENGTH;
  if (rest < options) {
    out.ascii(` truncated-geneve - ${options - rest} bytes missing`);
    return;
  }
  t.need(body, options);
  if (options > 0) {
    out.ascii(', options [');
    if (t.verbose > 0) printOptions(t, body, options);
    else out.ascii(`${options} bytes`);
    out.byte(93);
  }
  body += options;
  rest -= options;
  out.ascii(t.verbose > 0 ? '\n\t' : ': ');
  if (protocol === ETHERTYPE_TEB) {
    printInner(t, body, rest);
    return;
  }
  const upper = protocolOfEtherType(t, protocol);
  if (upper?.print) upper.print(t, body, rest);
  else out.ascii(`geneve-proto-0x${protocol.toString(16)}`);
}

function printOptions(t: Text, at: number, left: number): void {
  const { out, bytes } = t;
  for (let separator = ''; left > 0; separator = ', ') {
    out.ascii(separator);
    const group = wire.optionClass(bytes, at);
    const type = wire.optionType(bytes, at);
    const length = wire.optionLength(bytes, at);
    out.ascii(`class ${className(group)} (0x${group.toString(16)}) type 0x${type.toString(16)}`);
    out.ascii(`${(type & wire.OPTION_CRITICAL) !== 0 ? '(C)' : ''} len ${length}`);
    if (length > left) {
      out.ascii(' [bad length]');
      return;
    }
    if (t.verbose > 1 && length > wire.OPTION_HEADER_LENGTH) {
      out.ascii(' data');
      for (let i = wire.OPTION_HEADER_LENGTH; i < length; i += 4) {
        out.byte(32);
        out.hexPadded(t.be32(at + i), 8);
      }
    }
    at += length;
    left -= length;
  }
}

export const geneve: Protocol = {
  name: 'geneve',
  title: 'Generic Network Virtualization Encapsulation',
  print: printGeneve,
  walk(f, at, end) {
    if (!f.fits('geneve', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const version = wire.version(bytes, at);
    const flags = wire.flags(bytes, at);
    const protocol = wire.protocol(bytes, at);
    const length = wire.optionsLength(bytes, at);
    f.layer(geneve, at, wire.HEADER_LENGTH);
    f.uint(F.version, at, 1, version);
    f.uint(F['option.length'], at, 1, length);
    f.uint(F.flags, at + 1, 1, flags);
    f.bool(F['flags.oam'], at + 1, 1, (flags & wire.FLAG_OAM) !== 0);
    f.bool(F['flags.critical'], at + 1, 1, (flags & wire.FLAG_CRITICAL) !== 0);
    f.bool(F['flags.reserved'], at + 1, 1, (flags & 0x3f) !== 0);
    f.uint(F.proto_type, at + 2, 2, protocol);
    f.uint(F.vni, at + 4, 3, wire.vni(bytes, at));
    f.uint(F.reserved, at + 7, 1, wire.reserved(bytes, at));
    if (version !== 0) {
      f.invalid('geneve', at, 0, version, 'geneve.version');
      return;
    }
    const options = at + wire.HEADER_LENGTH;
    if (!f.fits('geneve', options, length, end)) return;
    f.layerEnds(options + length);
    if (length > 0) {
      f.raw(F.options, options, length);
      walkOptions(f, options, options + length);
    }
    if (options + length < end) f.next(protocolOfEtherType(f, protocol), options + length, end);
  },
};

function walkOptions(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const length = wire.optionLength(bytes, at);
    const type = wire.optionType(bytes, at);
    if (at + length > end) {
      f.invalid('geneve', at + 3, length, end - at, 'geneve.option.length');
      return;
    }
    f.raw(F.option, at, length);
    f.uint(F['option.class'], at, 2, wire.optionClass(bytes, at));
    f.uint(F['option.type'], at + 2, 1, type);
    f.bool(F['option.type.critical'], at + 2, 1, (type & wire.OPTION_CRITICAL) !== 0);
    f.uint(F['option.flags'], at + 3, 1, bytes[at + 3]! & 0xe0);
    f.bool(F['option.flags.reserved'], at + 3, 1, (bytes[at + 3]! & 0xe0) !== 0);
    f.uint(F['option.length'], at + 3, 1, length);
    if (length > wire.OPTION_HEADER_LENGTH)
      f.raw(F['option.unknown.data'], at + wire.OPTION_HEADER_LENGTH, length - wire.OPTION_HEADER_LENGTH);
    at += length;
  }
}
