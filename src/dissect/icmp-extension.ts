import { checksum } from '../bytes/checksum.ts';
import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/icmp.ts';
import { BAD, CHECKSUM_STATUS, defineFields, type Fields, GOOD } from './fields.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** Extensions of ICMP messages: RFC 4884 (structure), RFC 4950 (MPLS label stack), RFC 5837 (interface information). They
 * begin 128 bytes behind the ICMP header: version, reserved, checksum; then objects: length, class, type, payload. */
const ORIGINAL_LENGTH = 128;
const HEADER_LENGTH = 4;
const OBJECT_HEADER_LENGTH = 4;
const VERSION = 2;

const CLASS_MPLS = 1;
const CLASS_INTERFACE = 2;
const CLASSES: Readonly<Record<number, string>> = { 1: 'MPLS Stack Entry', 2: 'Interface Identification' };

const mayExtend = (type: number): boolean =>
  type === wire.UNREACHABLE || type === wire.TIME_EXCEEDED || type === wire.PARAMETER_PROBLEM;

/** Prints the extensions, under -v, of the ICMP message of `length` bytes at `at`. */
export function printIcmpExtensions(t: Text, at: number, length: number, type: number): void {
  const { out, bytes } = t;
  const header = at + wire.HEADER_LENGTH + ORIGINAL_LENGTH;
  if (length <= header - at || !mayExtend(type)) return;
  // tcpdump asks for the first byte behind the header as well.
  t.reads(header, HEADER_LENGTH + 1);
  // RFC 4884 5.5: the length attribute, in words. Older routers leave it 0: then the checksum tells whether there are
  // extensions.
  if (t.u8(at + 5) < 1 && t.has(at, length) && checksum(bytes, header, at + length) !== 0) return;
  const version = bytes[header]! >>> 4;
  out.ascii('\n\tICMP Multi-Part extension v');
  out.decimal(version);
  if (version !== VERSION) {
    out.ascii(' packet not supported');
    return;
  }
  let left = length - (header - at);
  if (t.has(header, left)) {
    const remains = checksum(bytes, header, header + left);
    out.ascii(', checksum 0x');
    out.hexPadded(be16(bytes, header + 2), 4);
    out.ascii(remains !== 0 ? ' (incorrect), length ' : ' (correct), length ');
    out.decimal(left);
  }
  left -= HEADER_LENGTH;
  let object = header + HEADER_LENGTH;
  while (left > OBJECT_HEADER_LENGTH) {
    const size = t.be16(object);
    const kind = t.u8(object + 2);
    const subtype = t.u8(object + 3);
    out.ascii(`\n\t  ${CLASSES[kind] ?? 'unknown'} Object (${kind}), Class-Type: ${subtype}, length ${size}`);
    const rest = size - OBJECT_HEADER_LENGTH;
    if (rest < 0) break;
    const body = object + OBJECT_HEADER_LENGTH;
    // Of a label stack tcpdump prints the first entry.
    if (kind === CLASS_MPLS && subtype === 1) printLabel(t, body);
    else printUnknown(t, body, rest, '\n\t    ');
    left -= size;
    object += size;
  }
}

function printLabel(t: Text, at: number): void {
  const entry = t.be32(at);
  t.out.ascii(
    `\n\t    label ${entry >>> 12}, tc ${(entry >>> 9) & 7}${entry & 0x100 ? ', [S]' : ''}, ttl ${entry & 255}`,
  );
}

const LIST = { list: true } as const;
const F = defineFields('icmp', {
  unused: ['Unused', 'bytes', LIST],
  length: ['Length', 'uint8'],
  'length.original_datagram': ['Length of original datagram', 'uint8'],
  'ext.version': ['Version', 'uint8'],
  'ext.res': ['Reserved', 'uint16', { base: 'hex' }],
  'ext.checksum': ['Checksum', 'uint16', { base: 'hex' }],
  'ext.checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  'ext.length': ['Length', 'uint16', LIST],
  'ext.class': ['Class', 'uint8', LIST],
  'ext.ctype': ['C-Type', 'uint8', LIST],
  'ext.data': ['Data', 'bytes', LIST],
  'mpls.label': ['Label', 'uint24', LIST],
  'mpls.exp': ['Experimental', 'uint24', LIST],
  'mpls.s': ['Stack bit', 'bool', LIST],
  'mpls.ttl': ['Time to live', 'uint8', LIST],
  'mpls.data': ['Data', 'bytes', LIST],
  'int_info.role': ['Interface Role', 'uint8', LIST],
  'int_info.reserved': ['Reserved', 'uint8', LIST],
  'int_info.ifindex': ['ifIndex', 'bool', LIST],
  'int_info.ipaddr': ['IP Address', 'bool', LIST],
  'int_info.name_present': ['Interface Name', 'bool', LIST],
  'int_info.mtu_present': ['MTU', 'bool', LIST],
  'int_info.index': ['Interface Index', 'uint32', LIST],
  'int_info.afi': ['Address Family Identifier', 'uint16', LIST],
  'int_info.ipv4': ['Source', 'ipv4', LIST],
  'int_info.ipv6': ['Source', 'ipv6', LIST],
  'int_info.name_length': ['Name Length', 'uint8', LIST],
  'int_info.name': ['Name', 'string', LIST],
  'int_info.mtu': ['Maximum Transmission Unit', 'uint32', LIST],
});

/** Adds the fields of what says how long the quoted packet is, and of the extensions behind it, of the error of `type` from
 * `at` up to `end`. */
export function walkIcmpExtensions(f: Fields, at: number, end: number, type: number, code: number): void {
  const { bytes } = f;
  if (!mayExtend(type)) return;
  const words = bytes[at + 5]!;
  const haveMtu = type === wire.UNREACHABLE && code === wire.UNREACHABLE_NEED_FRAGMENTATION;
  if (type !== wire.PARAMETER_PROBLEM) f.raw(F.unused, at + 4, words === 0 && !haveMtu ? 4 : words === 0 ? 2 : 1);
  if (words !== 0) {
    f.uint(F.length, at + 5, 1, words);
    f.uint(F['length.original_datagram'], at + 5, 0, (words * 4) & 0xff);
    if (!haveMtu) f.raw(F.unused, at + 6, 2);
  }
  const header = at + wire.HEADER_LENGTH + Math.max(words * 4, ORIGINAL_LENGTH);
  if (header + HEADER_LENGTH > end || bytes[header]! >>> 4 !== VERSION) return;
  f.uint(F['ext.version'], header, 1, VERSION);
  f.uint(F['ext.res'], header, 2, be16(bytes, header) & 0xfff);
  f.uint(F['ext.checksum'], header + 2, 2, be16(bytes, header + 2));
  f.uint(F['ext.checksum.status'], header + 2, 0, checksum(bytes, header, end) === 0 ? GOOD : BAD);
  for (let object = header + HEADER_LENGTH; object + OBJECT_HEADER_LENGTH <= end; ) {
    const size = be16(bytes, object);
    const kind = bytes[object + 2]!;
    const subtype = bytes[object + 3]!;
    f.uint(F['ext.length'], object, 2, size);
    f.uint(F['ext.class'], object + 2, 1, kind);
    f.uint(F['ext.ctype'], object + 3, 1, subtype);
    if (size < OBJECT_HEADER_LENGTH || object + size > end) return;
    const body = object + OBJECT_HEADER_LENGTH;
    const stop = object + size;
    if (kind === CLASS_MPLS && subtype === 1) {
      for (let entry = body; entry + 4 <= stop; entry += 4) {
        const value = be32(bytes, entry);
        f.uint(F['mpls.label'], entry, 3, value >>> 12);
        f.uint(F['mpls.exp'], entry + 2, 1, (value >>> 9) & 7);
        f.bool(F['mpls.s'], entry + 2, 1, (value & 0x100) !== 0);
        f.uint(F['mpls.ttl'], entry + 3, 1, value & 0xff);
      }
    } else if (kind === CLASS_INTERFACE) walkInterface(f, subtype, body, stop);
    else if (body < stop) f.raw(kind === CLASS_MPLS ? F['mpls.data'] : F['ext.data'], body, stop - body);
    object = stop;
  }
}

/** RFC 5837 4. */
function walkInterface(f: Fields, subtype: number, at: number, end: number): void {
  const { bytes } = f;
  const kind = at - 1;
  f.uint(F['int_info.role'], kind, 1, subtype >>> 6);
  f.uint(F['int_info.reserved'], kind, 1, (subtype >>> 4) & 3);
  f.bool(F['int_info.ifindex'], kind, 1, (subtype & 8) !== 0);
  f.bool(F['int_info.ipaddr'], kind, 1, (subtype & 4) !== 0);
  f.bool(F['int_info.name_present'], kind, 1, (subtype & 2) !== 0);
  f.bool(F['int_info.mtu_present'], kind, 1, (subtype & 1) !== 0);
  if ((subtype & 8) !== 0 && at + 4 <= end) {
    f.uint(F['int_info.index'], at, 4, be32(bytes, at));
    at += 4;
  }
  if ((subtype & 4) !== 0 && at + 4 <= end) {
    const family = be16(bytes, at);
    f.uint(F['int_info.afi'], at, 2, family);
    at += 4;
    const size = family === 1 ? 4 : family === 2 ? 16 : 0;
    if (size === 0 || at + size > end) return;
    f.raw(family === 1 ? F['int_info.ipv4'] : F['int_info.ipv6'], at, size);
    at += size;
  }
  if ((subtype & 2) !== 0 && at < end) {
    const size = bytes[at]!;
    f.uint(F['int_info.name_length'], at, 1, size);
    if (size === 0 || at + size > end) return;
    let stop = at + 1;
    while (stop < at + size && bytes[stop] !== 0) stop++;
    f.value(F['int_info.name'], at + 1, size - 1, Buffer.from(bytes.subarray(at + 1, stop)).toString());
    at += size;
  }
  if ((subtype & 1) !== 0 && at + 4 <= end) f.uint(F['int_info.mtu'], at, 4, be32(bytes, at));
}
