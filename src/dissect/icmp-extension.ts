import { checksum } from '../bytes/checksum.ts';
import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/icmp.ts';
import type { Text } from './text.ts';

/** Extensions of ICMP messages: RFC 4884 (structure), RFC 4950 (MPLS label stack), RFC 5837 (interface information). They
 * begin 128 bytes behind the ICMP header: version, reserved, checksum; then objects: length, class, type, payload. */
const ORIGINAL_LENGTH = 128;
const HEADER_LENGTH = 4;
const OBJECT_HEADER_LENGTH = 4;
/** Messages of a shorter length have none. */
const MIN_LENGTH = 156;
const VERSION = 2;

const CLASS_MPLS = 1;
const CLASS_INTERFACE = 2;
const CLASSES: Readonly<Record<number, string>> = { 1: 'MPLS Stack Entry', 2: 'Interface Identification' };
const ROLES = [
  'the IP interface upon which datagram arrived',
  'the sub-IP component of an IP interface',
  'the IP interface through which the datagram would have been forwarded',
  'the IP next hop to which the datagram would be forwarded',
];

const mayExtend = (type: number): boolean =>
  type === wire.UNREACHABLE || type === wire.TIME_EXCEEDED || type === wire.PARAMETER_PROBLEM;

/** Prints the extensions, under -v, of the ICMP message of `length` bytes at `at`. */
export function printIcmpExtensions(t: Text, at: number, length: number, type: number): void {
  if (length <= MIN_LENGTH || !mayExtend(type)) return;
  const { out, bytes } = t;
  const header = at + wire.HEADER_LENGTH + ORIGINAL_LENGTH;
  t.reads(header, HEADER_LENGTH);
  // RFC 4884 5.4: the length attribute, in words. Older routers leave it 0.
  const stated = t.u8(at + 5);
  if (stated < 1 && length > MIN_LENGTH && checksum(bytes, header, Math.min(at + length, t.end)) !== 0) {
    // Nothing says that there are extensions, and the checksum says that there are none.
    return;
  }
  const version = bytes[header]! >>> 4;
  out.ascii('\n\tICMP Multi-Part extension v');
  out.decimal(version);
  if (version !== VERSION) {
    out.ascii(', packet not supported');
    return;
  }
  let left = length - (header - at);
  if (!t.has(header, left)) return;
  const remains = checksum(bytes, header, header + left);
  out.ascii(', checksum 0x');
  out.hexPadded(be16(bytes, header + 2), 4);
  out.ascii(remains !== 0 ? ' (incorrect), length ' : ' (correct), length ');
  out.decimal(left);
  left -= HEADER_LENGTH;
  let object = header + HEADER_LENGTH;
  while (left > OBJECT_HEADER_LENGTH) {
    const size = t.be16(object);
    const kind = t.u8(object + 2);
    const subtype = t.u8(object + 3);
    out.ascii(`\n\t  ${CLASSES[kind] ?? 'unknown'} Object (${kind}), Class-Type: ${subtype}, length ${size}`);
    let rest = size - OBJECT_HEADER_LENGTH;
    if (size > left || rest < 0) break;
    let body = object + OBJECT_HEADER_LENGTH;
    t.reads(object, size);
    if (kind === CLASS_MPLS && subtype === 1) printLabels(t, body, rest);
    else if (kind === CLASS_INTERFACE) printInterface(t, body, rest, subtype);
    else if (t.verbose < 2) out.ascii('');
    left -= Math.max(size, 1);
    object += size;
    body = object;
    rest = 0;
    if (size === 0) break;
  }
}

function printLabels(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  for (let entry = at, count = 0; length >= 4; entry += 4, length -= 4, count++) {
    const label = be32(bytes, entry);
    out.ascii(count === 0 ? '\n\t    ' : '\n\t    ');
    out.ascii(`label ${label >>> 12}, tc ${(label >>> 9) & 7}`);
    if (label & 0x100) out.ascii(', [S]');
    out.ascii(`, ttl ${label & 255}`);
  }
}

function printInterface(t: Text, at: number, length: number, subtype: number): void {
  const { out, bytes } = t;
  out.ascii(`\n\t\t This object describes ${ROLES[(subtype >>> 6) & 3]}`);
  const end = at + length;
  if (subtype & 8 && at + 4 <= end) {
    out.ascii(`\n\t\t Interface Index, length 4, value ${be32(bytes, at)}`);
    at += 4;
  }
  if (subtype & 4 && at + 4 <= end) {
    const family = be16(bytes, at);
    at += 4;
    out.ascii('\n\t\t IP Address sub-object: ');
    if (family === 1 && at + 4 <= end) {
      t.ipv4(at);
      at += 4;
    } else if (family === 2 && at + 16 <= end) {
      t.ipv6(at);
      at += 16;
    }
  }
  if (subtype & 2 && at + 1 <= end) {
    const size = bytes[at]!;
    out.ascii(`\n\t\t Interface Name, length ${size}, value `);
    t.visibleBytes(at + 1, Math.min(at + size, end));
    at += size;
  }
  if (subtype & 1 && at + 4 <= end) out.ascii(`\n\t\t MTU Value, length 4, value ${be32(bytes, at)}`);
}
