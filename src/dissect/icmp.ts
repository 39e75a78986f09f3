import { checksum } from '../bytes/checksum.ts';
import { be16, be32, le32 } from '../bytes/endian.ts';
import * as wire from '../wire/icmp.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipproto.ts';
import * as ipv4 from '../wire/ipv4.ts';
import { walkEcho } from './echo.ts';
import { CHECKSUM_STATUS, defineFields, type Fields } from './fields.ts';
import { printIcmpExtensions, walkIcmpExtensions } from './icmp-extension.ts';
import { walkIcmpQuery } from './icmp-queries.ts';
import { ip, printIpv4, wrongVersion } from './ip.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import { CUT, type Text } from './text.ts';
import { requestMemory } from './transactions.ts';
import { shouldBe } from './udp.ts';

const F = defineFields('icmp', {
  type: ['Type', 'uint8'],
  code: ['Code', 'uint8'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  ident: ['Identifier (BE)', 'uint16'],
  ident_le: ['Identifier (LE)', 'uint16'],
  seq: ['Sequence Number (BE)', 'uint16'],
  seq_le: ['Sequence Number (LE)', 'uint16'],
  resp_to: ['Request frame', 'uint32'],
  resptime: ['Response time', 'float'],
  mtu: ['MTU of next hop', 'uint16'],
  redir_gw: ['Gateway Address', 'ipv4'],
  data_time: ['Timestamp from icmp data', 'time', { date: 'local' }],
  data_time_relative: ['Timestamp from icmp data (relative)', 'time'],
  pointer: ['Pointer', 'uint32'],
  originate_timestamp: ['Originate Timestamp', 'uint32'],
  receive_timestamp: ['Receive Timestamp', 'uint32'],
  transmit_timestamp: ['Transmit Timestamp', 'uint32'],
});

/** Requests of echoes that have no reply yet. */
const echoes = requestMemory([F.resp_to, F.resptime]);
/** What the first word of a request has more than that of a reply. */
const ECHO_DIFFERENCE = (wire.ECHO_REQUEST - wire.ECHO_REPLY) << 8;

/** Offset of the protocol in the header of the packet that an error is about. */
const EMBEDDED_PROTOCOL = 9;

/** Names of types that need no more than a name. */
const TYPES: Readonly<Record<number, string>> = {
  [wire.SOURCE_QUENCH]: 'source quench',
  [wire.ROUTER_SOLICITATION]: 'router solicitation',
  [wire.INFORMATION_REQUEST]: 'information request',
  [wire.INFORMATION_REPLY]: 'information reply',
  [wire.MASK_REQUEST]: 'address mask request',
};
/** Codes of "destination unreachable": what stands before and behind the address. */
const UNREACHABLE: Readonly<Record<number, readonly [string, string]>> = {
  0: ['net ', ' unreachable'],
  1: ['host ', ' unreachable'],
  5: ['', ' unreachable - source route failed'],
  6: ['net ', ' unreachable - unknown'],
  7: ['host ', ' unreachable - unknown'],
  8: ['', ' unreachable - source host isolated'],
  9: ['net ', ' unreachable - admin prohibited'],
  10: ['host ', ' unreachable - admin prohibited'],
  11: ['net ', ' unreachable - tos prohibited'],
  12: ['host ', ' unreachable - tos prohibited'],
  13: ['host ', ' unreachable - admin prohibited filter'],
  14: ['host ', ' unreachable - host precedence violation'],
  15: ['host ', ' unreachable - precedence cutoff'],
};
const REDIRECTS: Readonly<Record<number, readonly [string, string]>> = {
  0: ['redirect ', ' to net '],
  1: ['redirect ', ' to host '],
  2: ['redirect-tos ', ' to net '],
  3: ['redirect-tos ', ' to host '],
};

function printIcmp(t: Text, at: number, length: number): void {
  if (wrongVersion(t, 4, 'ICMP')) return;
  const { out, bytes } = t;
  t.layer = 'icmp';
  const begin = out.length;
  out.ascii('ICMP ');
  // The text is put together before any of it is printed: where it is cut, nothing of it is shown.
  try {
    t.reads(at, 2);
    printMessage(t, at);
  } catch (error) {
    out.length = begin;
    throw error;
  }
  out.ascii(', length ');
  out.decimal(length);
  const type = wire.type(bytes, at);
  if (t.verbose === 0) return;
  if (!t.fragmented && t.has(at, length)) {
    const left = checksum(bytes, at, at + length);
    // -K is about IP, TCP and UDP only.
    if (left !== 0) {
      t.reads(at + 2, 2);
      const stated = wire.checksum(bytes, at);
      t.trouble |= TROUBLE_CHECKSUM;
      out.ascii(' (wrong icmp cksum ');
      out.hex(stated);
      out.ascii(' (->');
      out.hex(shouldBe(stated, left));
      out.ascii(')!)');
    }
  }
  const body = at + wire.HEADER_LENGTH;
  if (wire.isError(type)) {
    out.ascii('\n\t');
    const outerEnd = t.end;
    const total = t.be16(body + 2);
    t.end = Math.min(t.end, body + total);
    try {
      printIpv4(t, body, total);
    } catch (error) {
      if (error !== CUT) throw error;
      // tcpdump goes on behind the quoted packet.
      t.truncated();
    }
    t.end = outerEnd;
    t.layer = 'icmp';
  }
  printIcmpExtensions(t, at, length, type);
}

function printMessage(t: Text, at: number): void {
  const { out, bytes } = t;
  const type = wire.type(bytes, at);
  const code = wire.code(bytes, at);
  const inner = at + wire.HEADER_LENGTH;
  switch (type) {
    case wire.ECHO_REPLY:
    case wire.ECHO_REQUEST:
      t.reads(at, wire.HEADER_LENGTH);
      out.ascii(type === wire.ECHO_REQUEST ? 'echo request, id ' : 'echo reply, id ');
      out.decimal(wire.id(bytes, at));
      out.ascii(', seq ');
      out.decimal(wire.sequence(bytes, at));
      break;
    case wire.UNREACHABLE:
      printUnreachable(t, at, code, inner);
      break;
    case wire.REDIRECT: {
      t.reads(ipv4.dstAt(inner), 4);
      const words = REDIRECTS[code];
      if (words) out.ascii(words[0]);
      else out.ascii(`redirect-#${code} `);
      t.ipv4(ipv4.dstAt(inner));
      out.ascii(words ? words[1] : ' to ');
      t.ipv4(wire.gatewayAt(at));
      break;
    }
    case wire.ROUTER_ADVERTISEMENT:
      printRouters(t, at);
      break;
    case wire.TIME_EXCEEDED:
      t.need(inner, ipv4.HEADER_LENGTH);
      if (code === 0) out.ascii('time exceeded in-transit');
      else if (code === 1) out.ascii('ip reassembly time exceeded');
      else out.ascii(`time exceeded-#${code}`);
      break;
    case wire.PARAMETER_PROBLEM:
      if (code !== 0) out.ascii(`parameter problem - code ${code}`);
      else {
        out.ascii('parameter problem - octet ');
        out.decimal(t.u8(at + 4));
      }
      break;
    case wire.MASK_REPLY:
      t.reads(at, 12);
      out.ascii('address mask is 0x');
      out.hexPadded(t.be32(at + 8), 8);
      break;
    case wire.TIMESTAMP_REQUEST:
      t.reads(at, wire.HEADER_LENGTH);
      out.ascii(`time stamp query id ${wire.id(bytes, at)} seq ${wire.sequence(bytes, at)}`);
      break;
    case wire.TIMESTAMP_REPLY:
      t.reads(at, 20);
      out.ascii(`time stamp reply id ${wire.id(bytes, at)} seq ${wire.sequence(bytes, at)}: org `);
      printTimeOfDay(t, t.be32(at + 8));
      out.ascii(', recv ');
      printTimeOfDay(t, t.be32(at + 12));
      out.ascii(', xmit ');
      printTimeOfDay(t, t.be32(at + 16));
      break;
    default:
      out.ascii(TYPES[type] ?? `type-#${type}`);
  }
}

function printUnreachable(t: Text, at: number, code: number, inner: number): void {
  const { out, bytes } = t;
  // The embedded header's protocol.
  if (code === wire.UNREACHABLE_PROTOCOL || code === wire.UNREACHABLE_PORT) t.need(inner + EMBEDDED_PROTOCOL, 1);
  const dst = ipv4.dstAt(inner);
  t.reads(dst, 4);
  if (code === wire.UNREACHABLE_PROTOCOL) {
    t.ipv4(dst);
    out.ascii(` protocol ${ipv4.protocol(bytes, inner)} unreachable`);
  } else if (code === wire.UNREACHABLE_PORT) {
    const transport = inner + ipv4.headerLength(bytes, inner);
    t.reads(transport + 2, 2);
    const port = be16(bytes, transport + 2);
    const protocol = ipv4.protocol(bytes, inner);
    t.ipv4(dst);
    if (protocol === IPPROTO_TCP || protocol === IPPROTO_UDP) {
      const name = protocol === IPPROTO_TCP ? 'tcp' : 'udp';
      out.ascii(` ${name} port `);
      t.port(port, name);
    } else out.ascii(` protocol ${protocol} port ${port}`);
    out.ascii(' unreachable');
  } else if (code === wire.UNREACHABLE_NEED_FRAGMENTATION) {
    t.ipv4(dst);
    out.ascii(' unreachable - need to frag');
    const mtu = wire.nextHopMtu(bytes, at);
    if (mtu !== 0) out.ascii(` (mtu ${mtu})`);
  } else {
    const words = UNREACHABLE[code];
    if (words) out.ascii(words[0]);
    t.ipv4(dst);
    out.ascii(words ? words[1] : ` unreachable - #${code}`);
  }
}

/** RFC 1256: number of addresses, words of each, lifetime in seconds; then addresses and preferences. */
function printRouters(t: Text, at: number): void {
  const { out, bytes } = t;
  out.ascii('router advertisement lifetime ');
  t.need(at, wire.HEADER_LENGTH);
  const lifetime = be16(bytes, at + 6);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (lifetime < 60) out.ascii(String(lifetime));
  else if (lifetime < 3600) out.ascii(`${Math.floor(lifetime / 60)}:${two(lifetime % 60)}`);
  else out.ascii(`${Math.floor(lifetime / 3600)}:${two(Math.floor((lifetime % 3600) / 60))}:${two(lifetime % 60)}`);
  const count = bytes[at + 4]!;
  out.ascii(` ${count}:`);
  const size = bytes[at + 5]!;
  if (size !== 2) {
    out.ascii(` [size ${size}]`);
    return;
  }
  for (let i = 0, place = at + 8; i < count; i++, place += 8) {
    t.need(place, 8);
    out.ascii(' {');
    t.ipv4(place);
    out.ascii(` ${t.be32(place + 4)}}`);
  }
}

/** Milliseconds since midnight. */
function printTimeOfDay(t: Text, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1000);
  const { out } = t;
  out.padded(Math.floor(seconds / 3600), 2, 48);
  out.byte(58);
  out.padded(Math.floor(seconds / 60) % 60, 2, 48);
  out.byte(58);
  out.padded(seconds % 60, 2, 48);
  out.byte(46);
  out.padded(milliseconds % 1000, 3, 48);
}

export const icmp: Protocol = {
  name: 'icmp',
  title: 'Internet Control Message Protocol',
  print: printIcmp,
  walk(f, at, end) {
    if (!f.fits('icmp', at, 4, end)) return;
    const { bytes } = f;
    const type = wire.type(bytes, at);
    f.layer(icmp, at, Math.min(wire.HEADER_LENGTH, end - at));
    f.uint(F.type, at, 1, type);
    f.uint(F.code, at + 1, 1, wire.code(bytes, at));
    f.uint(F.checksum, at + 2, 2, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 2, 0, f.ownChecksumStatus(at, end));
    if (!f.fits('icmp', at, wire.HEADER_LENGTH, end)) return;
    const body = at + wire.HEADER_LENGTH;
    if (
      type === wire.ECHO_REQUEST ||
      type === wire.ECHO_REPLY ||
      (type >= wire.TIMESTAMP_REQUEST && type <= wire.MASK_REPLY)
    ) {
      const ident = wire.id(bytes, at);
      f.uint(F.ident, at + 4, 2, ident);
      f.uint(F.ident_le, at + 4, 2, ((ident & 255) << 8) | (ident >> 8));
      const sequence = wire.sequence(bytes, at);
      f.uint(F.seq, at + 6, 2, sequence);
      f.uint(F.seq_le, at + 6, 2, ((sequence & 255) << 8) | (sequence >> 8));
      if (type === wire.ECHO_REQUEST || type === wire.ECHO_REPLY)
        walkEcho(f, at, type === wire.ECHO_REQUEST, ECHO_DIFFERENCE, echoes, F);
      if ((type === wire.TIMESTAMP_REQUEST || type === wire.TIMESTAMP_REPLY) && end - body >= 12) {
        f.uint(F.originate_timestamp, body, 4, wire.rest(bytes, body - 4));
        f.uint(F.receive_timestamp, body + 4, 4, wire.rest(bytes, body));
        f.uint(F.transmit_timestamp, body + 8, 4, wire.rest(bytes, body + 4));
        return;
      }
    } else if (type === wire.REDIRECT) f.raw(F.redir_gw, wire.gatewayAt(at), 4);
    else if (type === wire.PARAMETER_PROBLEM) f.uint(F.pointer, at + 4, 1, wire.pointer(bytes, at));
    else if (type === wire.UNREACHABLE && wire.code(bytes, at) === wire.UNREACHABLE_NEED_FRAGMENTATION)
      f.uint(F.mtu, at + 6, 2, wire.nextHopMtu(bytes, at));
    else if (type === wire.EXTENDED_ECHO_REQUEST || type === wire.EXTENDED_ECHO_REPLY) {
      const ident = wire.id(bytes, at);
      f.uint(F.ident, at + 4, 2, ident);
      f.uint(F.ident_le, at + 4, 2, ((ident & 255) << 8) | (ident >> 8));
    }
    if (walkIcmpQuery(f, at, end, type)) return;
    if (wire.isError(type)) {
      walkIcmpExtensions(f, at, end, type, bytes[at + 1]!);
      f.next(ip, body, end);
    } else if (type === wire.ECHO_REQUEST || type === wire.ECHO_REPLY) f.data(walkSendTime(f, body, end), end);
    else f.data(body, end);
  },
};

const DAY = 86_400;
const SEND_TIME_LENGTH = 8;

/** ping(8) begins its data with the time of sending, seconds and microseconds in the order of the sender's machine: taken
 * for that where it is within a day of the frame's time. Gives the offset behind it. */
function walkSendTime(f: Fields, at: number, end: number): number {
  if (at + SEND_TIME_LENGTH > end) return at;
  const { bytes } = f;
  for (const read of [be32, le32]) {
    const seconds = read(bytes, at);
    const microseconds = read(bytes, at + 4);
    // Not where the frame has no time.
    if (!(Math.abs(seconds - f.frameSeconds) < DAY) || microseconds >= 1e6) continue;
    const nanoseconds = microseconds * 1000;
    f.time(F.data_time, at, SEND_TIME_LENGTH, seconds, nanoseconds);
    const isLater = f.frameNanoseconds >= nanoseconds;
    f.time(
      F.data_time_relative,
      at,
      SEND_TIME_LENGTH,
      f.frameSeconds - seconds - (isLater ? 0 : 1),
      f.frameNanoseconds - nanoseconds + (isLater ? 0 : 1e9),
    );
    f.layerEnds(at + SEND_TIME_LENGTH);
    return at + SEND_TIME_LENGTH;
  }
  return at;
}
