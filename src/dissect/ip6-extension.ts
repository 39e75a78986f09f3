import { be16, be32 } from '../bytes/endian.ts';
import { IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from '../wire/ipproto.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as wire from '../wire/ipv6-extension.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const FR = defineFields('ipv6', {
  'fraghdr.nxt': ['Next header', 'uint8'],
  'fraghdr.reserved_octet': ['Reserved octet', 'uint8', { base: 'hex' }],
  'fraghdr.reserved_bits': ['Reserved bits', 'uint16'],
  'fraghdr.offset': ['Offset', 'uint16'],
  'fraghdr.more': ['More Fragments', 'bool'],
  'fraghdr.ident': ['Identification', 'uint32', { base: 'hex' }],
  'hopopts.nxt': ['Next Header', 'uint8'],
  'hopopts.len': ['Length', 'uint8'],
  'hopopts.len_oct': ['Length', 'uint16'],
  'dstopts.nxt': ['Next Header', 'uint8'],
  'dstopts.len': ['Length', 'uint8'],
  'dstopts.len_oct': ['Length', 'uint16'],
  'routing.nxt': ['Next Header', 'uint8'],
  'routing.len': ['Length', 'uint8'],
  'routing.len_oct': ['Length', 'uint16'],
  'routing.type': ['Type', 'uint8'],
  'routing.segleft': ['Segments Left', 'uint8'],
  'routing.src.addr': ['Address', 'ipv6', { list: true }],
  'routing.src.reserved': ['Reserved', 'bytes'],
  'routing.mipv6.reserved': ['Reserved', 'bytes'],
  'routing.mipv6.home_address': ['Home Address', 'ipv6'],
  'routing.srh.last_entry': ['Last Entry', 'uint8'],
  'routing.srh.flags': ['Flags', 'uint8', { base: 'hex' }],
  'routing.srh.tag': ['Tag', 'bytes'],
  'routing.srh.addr': ['Address', 'ipv6', { list: true }],
  'routing.unknown_data': ['Type-Specific Data', 'bytes'],
  'opt.type': ['Type', 'uint8', { base: 'hex', list: true }],
  'opt.length': ['Length', 'uint8', { list: true }],
  'opt.type.action': ['Action', 'uint8', { list: true }],
  'opt.type.change': ['May Change', 'bool', { list: true }],
  'opt.type.rest': ['Low-Order Bits', 'uint8', { base: 'hex', list: true }],
  'opt.padn': ['PadN', 'bytes', { list: true, mayBeEmpty: true }],
  'opt.tel': ['Tunnel Encapsulation Limit', 'uint8', { list: true }],
  'opt.mipv6.home_address': ['MIPv6 Home Address', 'ipv6', { list: true }],
  'opt.router_alert': ['Router Alert', 'uint16', { list: true }],
  'opt.jumbo': ['Payload Length', 'uint32', { list: true }],
});

const fragment: Protocol = { name: 'ipv6.fraghdr', title: 'Fragment Header for IPv6' };
const hopByHop: Protocol = { name: 'ipv6.hopopts', title: 'IPv6 Hop-by-Hop Option' };
const destination: Protocol = { name: 'ipv6.dstopts', title: 'Destination Options for IPv6' };
const routing: Protocol = { name: 'ipv6.routing', title: 'Routing Header for IPv6' };

/** Walks the extension header of type `protocol` at `at`, all `size` bytes of which are there. */
export function walkExtension(f: Fields, protocol: number, at: number, size: number): void {
  const { bytes } = f;
  const end = at + size;
  if (protocol === IPPROTO_FRAGMENT) {
    f.layer(fragment, at, size);
    f.uint(FR['fraghdr.nxt'], at, 1, bytes[at]!);
    f.uint(FR['fraghdr.reserved_octet'], at + 1, 1, bytes[at + 1]!);
    f.uint(FR['fraghdr.offset'], at + 2, 2, wire.fragmentOffset(bytes, at) >>> 3);
    f.uint(FR['fraghdr.reserved_bits'], at + 2, 2, (bytes[at + 3]! >>> 1) & 3);
    f.bool(FR['fraghdr.more'], at + 2, 2, wire.moreFragments(bytes, at));
    f.uint(FR['fraghdr.ident'], at + 4, 4, wire.fragmentId(bytes, at));
  } else if (protocol === IPPROTO_ROUTING) {
    f.layer(routing, at, size);
    f.uint(FR['routing.nxt'], at, 1, bytes[at]!);
    f.uint(FR['routing.len'], at + 1, 1, bytes[at + 1]!);
    f.uint(FR['routing.len_oct'], at + 1, 1, size);
    f.uint(FR['routing.type'], at + 2, 1, wire.routingType(bytes, at));
    f.uint(FR['routing.segleft'], at + 3, 1, wire.segmentsLeft(bytes, at));
    walkRoute(f, at, end);
  } else {
    const isHop = protocol === IPPROTO_HOPOPTS;
    f.layer(isHop ? hopByHop : destination, at, size);
    f.uint(FR[isHop ? 'hopopts.nxt' : 'dstopts.nxt'], at, 1, bytes[at]!);
    f.uint(FR[isHop ? 'hopopts.len' : 'dstopts.len'], at + 1, 1, bytes[at + 1]!);
    f.uint(FR[isHop ? 'hopopts.len_oct' : 'dstopts.len_oct'], at + 1, 1, size);
    walkOptions(f, at + 2, end);
  }
}

/** What follows the four bytes that all routing headers have. */
function walkRoute(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const body = at + 4;
  const addresses = (id: number): void => {
    for (let place = at + 8; place + 16 <= end; place += 16) f.raw(id, place, 16);
  };
  switch (wire.routingType(bytes, at)) {
    case wire.ROUTING_SOURCE:
      f.raw(FR['routing.src.reserved'], body, 4);
      addresses(FR['routing.src.addr']);
      break;
    case wire.ROUTING_HOME:
      f.raw(FR['routing.mipv6.reserved'], body, 4);
      if (body + 20 <= end) f.raw(FR['routing.mipv6.home_address'], body + 4, 16);
      break;
    case wire.ROUTING_SEGMENTS: {
      // RFC 8754 2.
      const last = bytes[body]!;
      f.uint(FR['routing.srh.last_entry'], body, 1, last);
      f.uint(FR['routing.srh.flags'], body + 1, 1, bytes[body + 1]!);
      f.raw(FR['routing.srh.tag'], body + 2, 2);
      for (let i = 0, place = body + 4; i <= last && place + 16 <= end; i++, place += 16)
        f.raw(FR['routing.srh.addr'], place, 16);
      break;
    }
    case wire.ROUTING_RPL:
      break;
    default:
      f.raw(FR['routing.unknown_data'], body, end - body);
  }
}

function walkOptions(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const type = bytes[at]!;
    f.uint(FR['opt.type'], at, 1, type);
    if (type === wire.OPTION_PAD1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (at + 2 + length > end) {
      f.invalid('ipv6', at, length + 2, end - at, 'ipv6.opt.length');
      return;
    }
    // RFC 8200 4.2.
    f.uint(FR['opt.type.action'], at, 1, type >>> 6);
    f.bool(FR['opt.type.change'], at, 1, (type & 0x20) !== 0);
    f.uint(FR['opt.type.rest'], at, 1, type & 0x1f);
    f.uint(FR['opt.length'], at + 1, 1, length);
    if (type === wire.OPTION_PADN) f.raw(FR['opt.padn'], at + 2, length);
    else if (type === wire.OPTION_TUNNEL_LIMIT && length === 1) f.uint(FR['opt.tel'], at + 2, 1, bytes[at + 2]!);
    else if (type === wire.OPTION_HOME_ADDRESS && length === 16) f.raw(FR['opt.mipv6.home_address'], at + 2, 16);
    if (type === wire.OPTION_ROUTER_ALERT && length === 2)
      f.uint(FR['opt.router_alert'], at + 2, 2, be16(bytes, at + 2));
    else if (type === wire.OPTION_JUMBO && length === 4) f.uint(FR['opt.jumbo'], at + 2, 4, be32(bytes, at + 2));
    at += 2 + length;
  }
}

/** Offset of the address that the packet at `at` finally goes to: the last of a type 0 or 2 routing header, or the
 * header's destination (RFC 8200 8.1). */
export function finalDestination(bytes: Uint8Array, at: number, end: number): number {
  let next = ipv6.nextHeader(bytes, at);
  for (let header = at + ipv6.HEADER_LENGTH; header + wire.MIN_LENGTH <= end; ) {
    if (next === IPPROTO_ROUTING) {
      const type = wire.routingType(bytes, header);
      const size = wire.length(bytes, header, next);
      if ((type === 0 || type === 2) && size >= 24 && header + size <= end) return header + size - 16;
      if (type === 4 && size >= 24 && header + 24 <= end) return header + 8;
      break;
    }
    if (next !== IPPROTO_HOPOPTS && next !== IPPROTO_DSTOPTS && next !== IPPROTO_FRAGMENT) break;
    const size = wire.length(bytes, header, next);
    next = wire.nextHeader(bytes, header);
    header += size;
  }
  return ipv6.dstAt(at);
}

/** Prints the extension header of type `protocol` at `at`. Gives its length, or -1 where nothing can be said of what
 * follows. */
export function printExtension(t: Text, protocol: number, at: number): number {
  if (protocol === IPPROTO_FRAGMENT) return printFragment(t, at);
  if (protocol === IPPROTO_ROUTING) return printRouting(t, at);
  if (protocol === IPPROTO_HOPOPTS || protocol === IPPROTO_DSTOPTS) return printOptionHeader(t, protocol, at);
  return -1;
}

function printFragment(t: Text, at: number): number {
  const { out, bytes } = t;
  t.layer = 'frag6';
  const payload = ipv6.payloadLength(bytes, t.ip);
  const offset = t.be16(at + 2) & 0xfff8;
  if (t.verbose > 0) t.reads(at + 4, 4);
  out.ascii('frag (');
  if (t.verbose > 0) {
    out.ascii('0x');
    out.hexPadded(wire.fragmentId(bytes, at), 8);
    out.byte(58);
  }
  out.decimal(offset);
  out.byte(124);
  const size = payload - (at + wire.MIN_LENGTH - t.ip - ipv6.HEADER_LENGTH);
  // tcpdump prints a negative size as the unsigned number of 64 bits that it becomes.
  if (size >= 0) out.decimal(size);
  else out.big(BigInt.asUintN(64, BigInt(size)));
  out.byte(41);
  // Only the first fragment has a header to print.
  if (offset !== 0) return -1;
  out.byte(32);
  return wire.MIN_LENGTH;
}

function printRouting(t: Text, at: number): number {
  const { out, bytes } = t;
  t.reads(at, 1);
  t.layer = 'rt6';
  out.ascii('RT6');
  const words = t.u8(at + 1);
  out.ascii(' (len=');
  out.decimal(words);
  const type = t.u8(at + 2);
  out.ascii(', type=');
  out.decimal(type);
  // RFC 5095 forbids type 0.
  if (type === 0) out.ascii(' [Deprecated]');
  t.reads(at, 4);
  out.ascii(', segleft=');
  out.decimal(wire.segmentsLeft(bytes, at));
  if (type === 0 || type === 2) {
    const reserved = t.be32(at + 4);
    if (reserved !== 0 || t.verbose > 0) {
      out.ascii(', rsv=0x');
      out.hex(reserved);
    }
  } else if (type === 4) {
    // RFC 8754 2: the segment routing header.
    t.reads(at + 4, 1);
    out.ascii(', last-entry=');
    out.decimal(t.u8(at + 4));
    const flags = t.u8(at + 5);
    if (flags !== 0 || t.verbose > 0) {
      out.ascii(', flags=0x');
      out.hex(flags);
    }
    t.reads(at + 6, 2);
    out.ascii(', tag=');
    out.hex(t.be16(at + 6));
  } else {
    out.ascii(' (unknown type)');
    t.invalid();
    return -1;
  }
  if (words % 2 === 1) {
    out.ascii(` (invalid length ${words})`);
    t.invalid();
    return -1;
  }
  for (let i = 0, place = at + 8; i < words >> 1; i++, place += 16) {
    t.reads(place, 16);
    out.ascii(`, [${i}]`);
    t.ipv6(place);
  }
  out.ascii(') ');
  return (words + 1) * 8;
}

function printOptionHeader(t: Text, protocol: number, at: number): number {
  const { out } = t;
  const isHop = protocol === IPPROTO_HOPOPTS;
  t.layer = isHop ? 'hbhopt' : 'dstopt';
  const size = (t.u8(at + 1) + 1) * 8;
  if (!t.has(at, size)) {
    t.truncated();
    return -1;
  }
  out.ascii(isHop ? 'HBH ' : 'DSTOPT ');
  // tcpdump looks into destination options only to print them.
  if ((isHop || t.verbose > 0) && !printOptions(t, at + 2, size - 2, isHop)) {
    t.truncated();
    return -1;
  }
  if (t.verbose > 0) out.byte(32);
  return size;
}

/** Payload length of the jumbogram whose hop-by-hop header `printExtension` has just printed; -1 where it was none. */
export let jumboLength = -1;

export function forgetJumbo(): void {
  jumboLength = -1;
}

/** Checks the options, and prints them under -v. False where one has a wrong length. */
function printOptions(t: Text, at: number, length: number, isHop: boolean): boolean {
  const { out, bytes } = t;
  const verbose = t.verbose > 0;
  for (let i = 0, size = 0; i < length; i += size) {
    const type = bytes[at + i]!;
    if (type === wire.OPTION_PAD1) {
      size = 1;
      if (verbose) out.ascii('(pad1)');
      continue;
    }
    if (i + 1 >= length) return false;
    size = bytes[at + i + 1]! + 2;
    if (i + size > length) return false;
    const data = at + i + 2;
    if (type === wire.OPTION_PADN) {
      if (verbose) out.ascii('(padn)');
    } else if (type === wire.OPTION_ROUTER_ALERT) {
      if (size !== 4) {
        out.ascii(`(rtalert: invalid len ${size - 2})`);
        return false;
      }
      if (verbose) {
        out.ascii('(rtalert: 0x');
        out.hexPadded(be16(bytes, data), 4);
        out.ascii(') ');
      }
    } else if (type === wire.OPTION_JUMBO) {
      if (size !== 6) {
        out.ascii(`(jumbo: invalid len ${size - 2})`);
        return false;
      }
      printJumbo(t, be32(bytes, data), isHop);
    } else if (type === wire.OPTION_HOME_ADDRESS) {
      if (size < 18) {
        out.ascii(`(homeaddr: invalid len ${size - 2})`);
        return false;
      }
      if (verbose) {
        out.ascii('(homeaddr: ');
        t.ipv6(data);
        out.byte(41);
      }
    } else if (verbose) {
      out.ascii('(opt_type 0x');
      out.hexPadded(type, 2);
      out.ascii(`: len=${size - 2})`);
    }
  }
  return true;
}

function printJumbo(t: Text, size: number, isHop: boolean): void {
  const { out } = t;
  let complaint = '';
  if (!isHop) complaint = ' - not a hop-by-hop option';
  else if (jumboLength >= 0) complaint = ' - already seen';
  else if (ipv6.payloadLength(t.bytes, t.ip) !== 0) complaint = ' - payload len != 0';
  else if (size < 65536) complaint = ' - < 65536';
  else jumboLength = size;
  if (t.verbose > 0) out.ascii(`(jumbo: ${size}${complaint}) `);
}
