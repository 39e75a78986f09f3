import { be16, be32 } from '../bytes/endian.ts';
import { hexdump } from '../bytes/hexdump.ts';
import * as wire from '../wire/icmp6.ts';
import { IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipproto.ts';
import * as ipv6Wire from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';
import { walkEcho } from './echo.ts';
import { CHECKSUM_STATUS, defineFields } from './fields.ts';
import { wrongVersion } from './ip.ts';
import { ipv6 } from './ip6.ts';
import { printMld, walkMld } from './mld.ts';
import { printNdp, walkNdp } from './ndp.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';
import { requestMemory } from './transactions.ts';
import { shouldBe } from './udp.ts';

const F = defineFields('icmpv6', {
  type: ['Type', 'uint8'],
  code: ['Code', 'uint8'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  mtu: ['MTU', 'uint32'],
  pointer: ['Pointer', 'uint32'],
  'echo.identifier': ['Identifier', 'uint16', { base: 'hex' }],
  'echo.sequence_number': ['Sequence', 'uint16'],
  resp_to: ['Response To', 'uint32'],
  resptime: ['Response Time', 'float'],
});

/** Requests of echoes that have no reply yet. */
const echoes = requestMemory([F.resp_to, F.resptime]);
/** What the first word of a request has more than that of a reply, in one's complement. */
const ECHO_DIFFERENCE = 0xffff - ((wire.ECHO_REPLY - wire.ECHO_REQUEST) << 8);

const TYPES: Readonly<Record<number, string>> = {
  [wire.UNREACHABLE]: 'destination unreachable',
  [wire.PACKET_TOO_BIG]: 'packet too big',
  [wire.TIME_EXCEEDED]: 'time exceeded in-transit',
  [wire.PARAMETER_PROBLEM]: 'parameter problem',
  [wire.ECHO_REQUEST]: 'echo request',
  [wire.ECHO_REPLY]: 'echo reply',
  [wire.MLD_QUERY]: 'multicast listener query',
  [wire.MLD_REPORT]: 'multicast listener report',
  [wire.MLD_DONE]: 'multicast listener done',
  [wire.ROUTER_SOLICITATION]: 'router solicitation',
  [wire.ROUTER_ADVERTISEMENT]: 'router advertisement',
  [wire.NEIGHBOR_SOLICITATION]: 'neighbor solicitation',
  [wire.NEIGHBOR_ADVERTISEMENT]: 'neighbor advertisement',
  [wire.REDIRECT]: 'redirect',
  [wire.ROUTER_RENUMBERING]: 'router renumbering',
  [wire.NODE_INFORMATION_QUERY]: 'who-are-you request',
  [wire.NODE_INFORMATION_REPLY]: 'who-are-you reply',
  [wire.INVERSE_SOLICITATION]: 'inverse neighbor solicitation',
  [wire.INVERSE_ADVERTISEMENT]: 'inverse neighbor advertisement',
  [wire.MLDV2_REPORT]: 'multicast listener report v2',
  [wire.HOME_AGENT_REQUEST]: 'ha discovery request',
  [wire.HOME_AGENT_REPLY]: 'ha discovery reply',
  [wire.MOBILE_PREFIX_SOLICITATION]: 'mobile router solicitation',
  [wire.MOBILE_PREFIX_ADVERTISEMENT]: 'mobile router advertisement',
  [wire.RPL]: 'RPL',
  200: 'mtrace response',
  201: 'mtrace message',
};
/** Messages whose length -v prints ahead of the rest. */
const LENGTH_FIRST = new Set([
  wire.ROUTER_SOLICITATION,
  wire.ROUTER_ADVERTISEMENT,
  wire.NEIGHBOR_SOLICITATION,
  wire.NEIGHBOR_ADVERTISEMENT,
  wire.REDIRECT,
  wire.HOME_AGENT_REPLY,
  wire.MOBILE_PREFIX_ADVERTISEMENT,
]);
const UNREACHABLE: Readonly<Record<number, string>> = {
  0: 'unreachable route',
  1: ' unreachable prohibited',
  2: 'beyond scope',
  3: 'unreachable address',
  4: 'unreachable port',
};
const PARAMETERS: Readonly<Record<number, string>> = {
  0: 'erroneous',
  1: 'next header',
  2: 'option',
  3: 'incomplete header chain',
};

function printIcmp6(t: Text, at: number, length: number): void {
  if (wrongVersion(t, 6, 'ICMPv6')) return;
  const { out, bytes } = t;
  t.layer = 'icmp6';
  if (length === 0) {
    out.ascii('ICMP6, length 0');
    t.invalid();
    return;
  }
  // -K is about IP, TCP and UDP only.
  if (t.verbose > 0 && !t.fragmented && t.has(at, length)) {
    t.reads(at, wire.FIXED_LENGTH);
    const left = wire.verify(bytes, at, at + length, t.pseudo(IPPROTO_ICMPV6));
    if (left === 0) out.ascii('[icmp6 sum ok] ');
    else {
      const stated = wire.checksum(bytes, at);
      t.trouble |= TROUBLE_CHECKSUM;
      out.ascii('[bad icmp6 cksum 0x');
      out.hexPadded(stated, 4);
      out.ascii(' -> 0x');
      out.hexPadded(shouldBe(stated, left), 4);
      out.ascii('!] ');
    }
  }
  const type = t.u8(at);
  out.ascii('ICMP6, ');
  out.ascii(TYPES[type] ?? `unknown icmp6 type (${type})`);
  if (t.verbose > 0 && LENGTH_FIRST.has(type)) printLength(t, length);
  if (!printMessage(t, at, length, type)) return;
  if (t.verbose === 0) printLength(t, length);
}

function printLength(t: Text, length: number): void {
  t.out.ascii(', length ');
  t.out.decimal(length);
}

/** Prints what is special to the type. False where the line is complete. */
function printMessage(t: Text, at: number, length: number, type: number): boolean {
  const { out } = t;
  const code = t.u8(at + 1);
  const inner = at + wire.HEADER_LENGTH;
  switch (type) {
    case wire.UNREACHABLE:
      return printUnreachable(t, at, length, code);
    case wire.PACKET_TOO_BIG:
      t.reads(at + 4, 4);
      out.ascii(', mtu ');
      out.decimal(t.be32(at + 4));
      return true;
    case wire.TIME_EXCEEDED:
      if (code === 0) {
        t.reads(ipv6Wire.dstAt(inner), 16);
        out.ascii(' for ');
        t.ipv6(ipv6Wire.dstAt(inner));
      } else if (code === 1) out.ascii(' (reassembly)');
      else out.ascii(`, unknown code (${code})`);
      return true;
    case wire.PARAMETER_PROBLEM:
      t.reads(ipv6Wire.dstAt(inner), 16);
      if (PARAMETERS[code] !== undefined) out.ascii(`, ${PARAMETERS[code]} - octet ${t.be32(at + 4)}`);
      else out.ascii(`, code-#${code}`);
      return true;
    case wire.ECHO_REQUEST:
    case wire.ECHO_REPLY:
      t.reads(at + 6, 2);
      out.ascii(', id ');
      out.decimal(t.be16(at + 4));
      out.ascii(', seq ');
      out.decimal(t.be16(at + 6));
      return true;
    case wire.MLD_QUERY:
    case wire.MLD_REPORT:
    case wire.MLD_DONE:
    case wire.MLDV2_REPORT:
      printMld(t, at, length, type);
      return true;
    case wire.ROUTER_SOLICITATION:
    case wire.ROUTER_ADVERTISEMENT:
    case wire.NEIGHBOR_SOLICITATION:
    case wire.NEIGHBOR_ADVERTISEMENT:
    case wire.REDIRECT:
    case wire.HOME_AGENT_REQUEST:
    case wire.HOME_AGENT_REPLY:
    case wire.MOBILE_PREFIX_SOLICITATION:
    case wire.MOBILE_PREFIX_ADVERTISEMENT:
      printNdp(t, at, length, type);
      return true;
    case wire.ROUTER_RENUMBERING:
    case wire.NODE_INFORMATION_QUERY:
    case wire.NODE_INFORMATION_REPLY:
    case wire.INVERSE_SOLICITATION:
    case wire.INVERSE_ADVERTISEMENT:
    case wire.RPL:
      return true;
    default:
      printLength(t, length);
      if (t.verbose <= 1) hexdump(out, t.bytes, at, Math.min(at + length, t.end), false);
      return false;
  }
}

function printUnreachable(t: Text, at: number, length: number, code: number): boolean {
  const { out, bytes } = t;
  const inner = at + wire.HEADER_LENGTH;
  out.ascii(', ');
  out.ascii(UNREACHABLE[code] ?? `unknown unreach code (${code})`);
  if (code === 4) {
    const upper = findUpper(t, inner);
    if (upper < 0) {
      t.truncated();
      return false;
    }
    const port = t.be16(upper + 2);
    out.ascii(', ');
    t.ipv6(ipv6Wire.dstAt(inner));
    if (upperProtocol === IPPROTO_TCP || upperProtocol === IPPROTO_UDP) {
      const name = upperProtocol === IPPROTO_TCP ? 'tcp' : 'udp';
      out.ascii(` ${name} port `);
      t.port(port, name);
    } else out.ascii(` protocol ${ipv6Wire.nextHeader(bytes, inner)} port ${port} unreachable`);
  } else if (code <= 3) {
    t.reads(ipv6Wire.dstAt(inner), 16);
    out.byte(32);
    t.ipv6(ipv6Wire.dstAt(inner));
    if (code === 2) {
      out.ascii(', source address ');
      t.ipv6(ipv6Wire.srcAt(inner));
    }
  } else {
    if (t.verbose <= 1) {
      hexdump(out, bytes, at, Math.min(at + length, t.end), false);
      return false;
    }
  }
  return true;
}

let upperProtocol = 0;
/** Offset of the transport header in the packet that an error is about, its protocol in `upperProtocol`; -1 where there
 * is none or the capture ends before it. */
function findUpper(t: Text, at: number): number {
  if (!t.has(at, ipv6Wire.HEADER_LENGTH)) return -1;
  let next = ipv6Wire.nextHeader(t.bytes, at);
  let header = at + ipv6Wire.HEADER_LENGTH;
  while (header < t.end) {
    upperProtocol = next;
    if (next === IPPROTO_TCP || next === IPPROTO_UDP) return t.has(header, 4) ? header : -1;
    if (!extension.isExtension(next) || next > 60 || !t.has(header, 2)) return -1;
    const size = extension.length(t.bytes, header, next);
    next = extension.nextHeader(t.bytes, header);
    header += size;
  }
  return -1;
}

export const icmpv6: Protocol = {
  name: 'icmpv6',
  title: 'Internet Control Message Protocol v6',
  print: printIcmp6,
  walk(f, at, end) {
    if (!f.fits('icmpv6', at, wire.FIXED_LENGTH, end)) return;
    const { bytes } = f;
    const type = wire.type(bytes, at);
    f.layer(icmpv6, at, Math.min(end - at, wire.HEADER_LENGTH));
    f.uint(F.type, at, 1, type);
    f.uint(F.code, at + 1, 1, wire.code(bytes, at));
    f.uint(F.checksum, at + 2, 2, wire.checksum(bytes, at));
    const isWhole = (end < f.capturedEnd || f.ipEnd <= f.capturedEnd) && !f.isQuoted();
    f.uint(F['checksum.status'], at + 2, 0, f.checksumStatus(at, end - at, IPPROTO_ICMPV6, isWhole));
    if (!f.fits('icmpv6', at, wire.HEADER_LENGTH, end)) return;
    const body = at + wire.HEADER_LENGTH;
    if (type === wire.PACKET_TOO_BIG) f.uint(F.mtu, at + 4, 4, be32(bytes, at + 4));
    else if (type === wire.PARAMETER_PROBLEM) f.uint(F.pointer, at + 4, 4, be32(bytes, at + 4));
    else if (type === wire.ECHO_REQUEST || type === wire.ECHO_REPLY) {
      f.uint(F['echo.identifier'], at + 4, 2, be16(bytes, at + 4));
      f.uint(F['echo.sequence_number'], at + 6, 2, be16(bytes, at + 6));
      walkEcho(f, at, type === wire.ECHO_REQUEST, ECHO_DIFFERENCE, echoes, F);
    }
    if (type > 0 && type <= wire.PARAMETER_PROBLEM) f.next(ipv6, body, end);
    else if (!walkNdp(f, at, end, type) && !walkMld(f, at, end, type)) f.data(body, end);
    else f.layerEnds(end);
  },
};
