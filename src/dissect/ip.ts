import { wordOf } from '../bytes/digits.ts';
import { be16, be32 } from '../bytes/endian.ts';
import { formatIpv4 } from '../wire/address.ts';
import { IPPROTO_DCCP, IPPROTO_NONE, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/ipproto.ts';
import * as wire from '../wire/ipv4.ts';
import {
  BAD,
  CHECKSUM_STATUS,
  defineAlias,
  defineFields,
  type Fields,
  GOOD,
  groupOf,
  ROW_IP,
  UNVERIFIED,
} from './fields.ts';
import { ipProtocolName } from './names.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import { protocolOverIp } from './tables.ts';
import { MAX_TEXT_DEPTH, type Text } from './text.ts';
import { shouldBe } from './udp.ts';

const F = defineFields('ip', {
  version: ['Version', 'uint8'],
  hdr_len: ['Header Length', 'uint8'],
  dsfield: ['Differentiated Services Field', 'uint8', { base: 'hex' }],
  'dsfield.dscp': ['Differentiated Services Codepoint', 'uint8'],
  'dsfield.ecn': ['Explicit Congestion Notification', 'uint8'],
  len: ['Total Length', 'uint16'],
  id: ['Identification', 'uint16', { base: 'hex' }],
  flags: ['Flags', 'uint8', { base: 'hex' }],
  'flags.rb': ['Reserved bit', 'bool'],
  'flags.df': ["Don't fragment", 'bool'],
  'flags.mf': ['More fragments', 'bool'],
  frag_offset: ['Fragment Offset', 'uint16'],
  ttl: ['Time to Live', 'uint8'],
  proto: ['Protocol', 'uint8'],
  checksum: ['Header Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Header checksum status', 'uint8', CHECKSUM_STATUS],
  src: ['Source Address', 'ipv4'],
  dst: ['Destination Address', 'ipv4'],
  'opt.type': ['Type', 'uint8', { list: true }],
  'opt.len': ['Length', 'uint8', { list: true }],
  'opt.ptr': ['Pointer', 'uint8', { list: true }],
  'opt.ra': ['Router Alert', 'uint16', { list: true }],
  rec_rt: ['Recorded Route', 'ipv4', { list: true }],
  empty_rt: ['Empty Route', 'ipv4', { list: true }],
  src_rt: ['Source Route', 'ipv4', { list: true }],
  cur_rt: ['Current Route', 'ipv4', { list: true }],
  'opt.overflow': ['Overflow', 'uint8', { list: true }],
  'opt.flag': ['Flag', 'uint8', { list: true, base: 'hex' }],
  'opt.time_stamp_addr': ['Address', 'ipv4', { list: true }],
  'opt.time_stamp': ['Time stamp', 'uint32', { list: true }],
});
defineAlias('ip.addr', ['ip.src', 'ip.dst']);
/** Hosts' names, which are the addresses as long as nobody asks for names: only for who asks for these by name. */
const H = defineFields('ip', {
  src_host: ['Source Host', 'string', { named: true }],
  dst_host: ['Destination Host', 'string', { named: true }],
});
defineAlias('ip.host', ['ip.src_host', 'ip.dst_host']);
const HOSTS = groupOf(Object.values(H));
/** Fields of the header but for its addresses. */
const HEADER = groupOf(Object.values(F).filter((id) => id !== F.src && id !== F.dst));

const IP = wordOf('IP ');
const ECN = ['', ',ECT(1)', ',ECT(0)', ',CE'];
const OPTIONS: Readonly<Record<number, string>> = {
  [wire.OPTION_END]: 'EOL',
  [wire.OPTION_NOP]: 'NOP',
  [wire.OPTION_RECORD_ROUTE]: 'RR',
  [wire.OPTION_TIMESTAMP]: 'timestamp',
  [wire.OPTION_TRACEROUTE]: 'traceroute',
  [wire.OPTION_SECURITY]: 'security',
  [wire.OPTION_LOOSE_ROUTE]: 'LSRR',
  [wire.OPTION_STRICT_ROUTE]: 'SSRR',
  [wire.OPTION_ROUTER_ALERT]: 'RA',
};

/** Prints the IPv4 packet at `at`, of `length` bytes by the layer below. */
export function printIpv4(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'ip';
  const version = t.u8(at) >>> 4;
  if (version !== 4) {
    if (version === 6) out.ascii('IP6, wrong link-layer encapsulation');
    else {
      out.ascii('IP');
      out.decimal(version);
    }
    t.invalid();
    return;
  }
  if (!t.link) out.word(IP);
  t.need(at, wire.HEADER_LENGTH);
  if (length < wire.HEADER_LENGTH) {
    out.ascii('truncated-ip ');
    out.decimal(length);
    return;
  }
  if (t.depth >= MAX_TEXT_DEPTH) return;
  const headerLength = wire.headerLength(bytes, at);
  if (headerLength < wire.HEADER_LENGTH) {
    out.ascii('bad-hlen ');
    out.decimal(headerLength);
    return;
  }
  const total = wire.totalLength(bytes, at);
  if (length < total) {
    out.ascii('truncated-ip - ');
    out.decimal(total - length);
    out.ascii(' bytes missing! ');
  }
  if (total < headerLength) {
    out.ascii('bad-len ');
    out.decimal(total);
    return;
  }
  const outerEnd = t.end;
  t.end = Math.min(t.end, at + total);
  const flags = wire.flagsFragment(bytes, at);
  const protocol = wire.protocol(bytes, at);
  if (t.verbose > 0 && !printVerbose(t, at, headerLength, flags, protocol)) {
    t.ipv4(wire.srcAt(at));
    out.ascii(' > ');
    t.ipv4(wire.dstAt(at));
    out.ascii(': ');
    t.truncated();
    t.end = outerEnd;
    return;
  }
  if ((flags & 0x1fff) === 0) {
    const saved = enter(t, at, headerLength, protocol, (flags & wire.FLAG_MORE_FRAGMENTS) !== 0);
    if (
      protocol !== IPPROTO_TCP &&
      protocol !== IPPROTO_UDP &&
      protocol !== IPPROTO_SCTP &&
      protocol !== IPPROTO_DCCP
    ) {
      t.ipv4(wire.srcAt(at));
      out.ascii(' > ');
      t.ipv4(wire.dstAt(at));
      out.ascii(': ');
    }
    if (!t.has(at, headerLength)) {
      out.ascii(' [remaining caplen(');
      out.decimal(t.end - at);
      out.ascii(') < header length(');
      out.decimal(headerLength);
      out.ascii(')]');
      t.reads(at, headerLength);
    } else printUpper(t, protocol, at + headerLength, total - headerLength);
    leave(t, saved);
  } else {
    t.ipv4(wire.srcAt(at));
    out.ascii(' > ');
    t.ipv4(wire.dstAt(at));
    out.byte(58);
    printProtocolNumber(t, protocol);
  }
  t.end = outerEnd;
}

function printProtocolNumber(t: Text, protocol: number): void {
  const name = t.options.protocolName?.(protocol);
  t.out.byte(32);
  if (name === undefined) {
    t.out.ascii('ip-proto-');
    t.out.decimal(protocol);
  } else t.name(name);
}

/** What printing an inner packet changes in `t`, to put back behind it. */
interface Outer {
  ip: number;
  ipVersion: number;
  protocolOfIp: number;
  fragmented: boolean;
  ttl: number;
  finalDst: number;
}
/** One object for each depth of nesting, made once. */
const outers: Outer[] = Array.from({ length: MAX_TEXT_DEPTH + 1 }, () => ({
  ip: 0,
  ipVersion: 0,
  protocolOfIp: 0,
  fragmented: false,
  ttl: 0,
  finalDst: 0,
}));

/** Makes the IPv4 packet at `at` the innermost one; `leave` puts the one before back. */
function enter(t: Text, at: number, headerLength: number, protocol: number, fragmented: boolean): Outer {
  const outer = save(t);
  t.ip = at;
  t.ipVersion = 4;
  t.protocolOfIp = protocol;
  t.fragmented = fragmented;
  t.ttl = wire.ttl(t.bytes, at);
  t.finalDst =
    headerLength === wire.HEADER_LENGTH
      ? wire.dstAt(at)
      : finalDestination(t.bytes, at, Math.min(at + headerLength, t.end));
  return outer;
}

/** Notes what an inner packet will change; for `leave`. */
export function save(t: Text): Outer {
  const outer = outers[t.depth++]!;
  outer.ip = t.ip;
  outer.ipVersion = t.ipVersion;
  outer.protocolOfIp = t.protocolOfIp;
  outer.fragmented = t.fragmented;
  outer.ttl = t.ttl;
  outer.finalDst = t.finalDst;
  return outer;
}

export function leave(t: Text, outer: Outer): void {
  t.depth--;
  t.ip = outer.ip;
  t.ipVersion = outer.ipVersion;
  t.protocolOfIp = outer.protocolOfIp;
  t.fragmented = outer.fragmented;
  t.ttl = outer.ttl;
  t.finalDst = outer.finalDst;
}

/** Offset of the address that the packet finally goes to: the last of a source route, which the checksums of the layers
 * above cover (RFC 1122 4.1.3.4), or the header's destination. */
function finalDestination(bytes: Uint8Array, at: number, end: number): number {
  for (let option = wire.optionsAt(at); option < end; ) {
    const type = bytes[option]!;
    if (type === wire.OPTION_END) break;
    const length = type === wire.OPTION_NOP ? 1 : option + 1 < end ? bytes[option + 1]! : 0;
    if (length < (type === wire.OPTION_NOP ? 1 : 2) || option + length > end) break;
    if ((type === wire.OPTION_LOOSE_ROUTE || type === wire.OPTION_STRICT_ROUTE) && length >= 7)
      return option + length - 4;
    option += length;
  }
  return wire.dstAt(at);
}

/** Prints the payload of an IP packet by its protocol: what both versions share. */
export function printUpper(t: Text, protocol: number, at: number, length: number): void {
  const { out } = t;
  const upper = protocolOverIp(t, protocol);
  if (upper?.print) upper.print(t, at, length);
  else if (protocol === IPPROTO_NONE) out.ascii('no next header');
  else {
    printProtocolNumber(t, protocol);
    out.byte(32);
    out.decimal(length);
  }
}

/** Prints that a protocol belongs to the other version of IP; true where it does. */
export function wrongVersion(t: Text, version: number, name: string): boolean {
  if (t.ipVersion === version) return false;
  t.out.ascii(`[${name} requires IPv${version}]`);
  t.invalid();
  return true;
}

/** The parenthesis of -v. False where the options are cut. */
function printVerbose(t: Text, at: number, headerLength: number, flags: number, protocol: number): boolean {
  const { out, bytes } = t;
  let isWhole = true;
  const tos = wire.tos(bytes, at);
  out.ascii('(tos 0x');
  out.hex(tos);
  out.ascii(ECN[tos & 3]!);
  const ttl = wire.ttl(bytes, at);
  if (ttl >= 1) {
    out.ascii(', ttl ');
    out.decimal(ttl);
  }
  out.ascii(', id ');
  out.decimal(wire.id(bytes, at));
  out.ascii(', offset ');
  out.decimal((flags & 0x1fff) * 8);
  out.ascii(', flags [');
  const mark = out.length;
  if (flags & wire.FLAG_MORE_FRAGMENTS) out.ascii('+, ');
  if (flags & wire.FLAG_DONT_FRAGMENT) out.ascii('DF, ');
  if (flags & wire.FLAG_RESERVED) out.ascii('rsvd, ');
  if (out.length === mark) out.ascii('none');
  else out.length -= 2;
  out.ascii('], proto ');
  out.ascii(ipProtocolName(protocol));
  out.ascii(' (');
  out.decimal(protocol);
  out.ascii('), length ');
  out.decimal(wire.totalLength(bytes, at));
  if (headerLength > wire.HEADER_LENGTH) {
    out.ascii(', options (');
    isWhole = printOptions(t, wire.optionsAt(at), headerLength - wire.HEADER_LENGTH);
    out.byte(41);
  }
  if (t.checksums && at + headerLength <= t.end) {
    const left = wire.verify(bytes, at, headerLength);
    if (left !== 0) {
      const stated = wire.checksum(bytes, at);
      t.trouble |= TROUBLE_CHECKSUM;
      out.ascii(', bad cksum ');
      out.hex(stated);
      out.ascii(' (->');
      out.hex(shouldBe(stated, left));
      out.ascii(')!');
    }
  }
  out.ascii(')\n    ');
  return isWhole;
}

function badLength(t: Text, length: number): void {
  t.out.ascii(' [bad length ');
  t.out.decimal(length);
  t.out.byte(93);
}

/** False where an option is cut. */
function printOptions(t: Text, at: number, length: number): boolean {
  const { out } = t;
  for (let separator = ''; length > 0; separator = ',') {
    out.ascii(separator);
    const type = t.u8(at);
    out.ascii(OPTIONS[type] ?? `unknown ${type}`);
    const isShort = type <= wire.OPTION_NOP;
    const size = isShort ? 1 : t.u8(at + 1);
    if (size < (isShort ? 1 : 2) || size > length) {
      badLength(t, size);
      return true;
    }
    if (!t.has(at, size)) return cutOption(t);
    if (type === wire.OPTION_END) return true;
    if (type === wire.OPTION_TIMESTAMP) printTimestamps(t, at, size);
    else if (type === wire.OPTION_RECORD_ROUTE || type === wire.OPTION_LOOSE_ROUTE || type === wire.OPTION_STRICT_ROUTE)
      printRoute(t, at, size);
    else if (type === wire.OPTION_ROUTER_ALERT) {
      if (size < 4) badLength(t, size);
      else if (be16(t.bytes, at + 2) !== 0) {
        out.ascii(' value ');
        out.decimal(be16(t.bytes, at + 2));
      }
    }
    at += size;
    length -= size;
  }
  return true;
}

/** False where an address is cut, as may be behind an option of a wrong length. */
function printRoute(t: Text, at: number, length: number): boolean {
  const { out, bytes } = t;
  if (length < 3) {
    badLength(t, length);
    return true;
  }
  if (((length + 1) & 3) !== 0) badLength(t, length);
  const stated = bytes[at + 2]!;
  // A pointer of 0 counts as one behind all addresses.
  const pointer = (stated - 1) >>> 0;
  if (pointer < 3 || ((pointer + 1) & 3) !== 0 || pointer > length) printBadPointer(t, stated);
  for (let place = 3; place < length; place += 4) {
    if (!t.has(at + place, 4)) return cutOption(t);
    out.byte(32);
    t.ipv4(at + place);
    // What the pointer is behind has been visited.
    if (pointer > place) out.byte(44);
  }
  return true;
}

function cutOption(t: Text): false {
  t.out.ascii(' [truncated-option]');
  return false;
}

function printBadPointer(t: Text, pointer: number): void {
  t.out.ascii(' [bad ptr ');
  t.out.decimal(pointer);
  t.out.byte(93);
}

/** RFC 791 3.1: pointer, overflow and flag (0 timestamps alone, 1 with addresses, 3 with addresses given). */
function printTimestamps(t: Text, at: number, length: number): boolean {
  const { out, bytes } = t;
  if (length < 4) {
    out.ascii(`[bad length ${length}]`);
    return true;
  }
  out.ascii(' TS{');
  const flags = bytes[at + 3]! & 15;
  const hop = flags !== 0 ? 8 : 4;
  if (((length - 4) & (hop - 1)) !== 0) out.ascii(`[bad length ${length}]`);
  const pointer = bytes[at + 2]! - 1;
  let place = 4;
  if (pointer < 4 || ((pointer - 4) & (hop - 1)) !== 0 || pointer > length) out.ascii(`[bad ptr ${pointer + 1}]`);
  if (flags === 0) out.ascii('TSONLY');
  else if (flags === 1) out.ascii('TS+ADDR');
  else if (flags === 3) out.ascii('PRESPEC');
  else {
    out.ascii(`[bad ts type ${flags}]`);
    place = 0;
  }
  if (place > 0) {
    for (; place < length; place += hop) {
      if (!t.has(at + place, hop)) return cutOption(t);
      out.ascii(pointer === place ? ' ^ ' : ' ');
      out.decimal(t.be32(at + place + hop - 4));
      out.byte(64);
      if (hop === 8) t.ipv4(at + place);
    }
    if (pointer === place) out.ascii(' ^ ');
  }
  const overflow = bytes[at + 3]! >>> 4;
  out.ascii(overflow !== 0 ? ` [${overflow} hops not recorded]} ` : '}');
  return true;
}

export const ip: Protocol = {
  name: 'ip',
  title: 'Internet Protocol Version 4',
  print: printIpv4,
  walk(f, at, end) {
    if (!f.fits('ip', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const headerLength = wire.headerLength(bytes, at);
    f.layer(ip, at, Math.min(Math.max(headerLength, wire.HEADER_LENGTH), end - at));
    const total = wire.totalLength(bytes, at);
    const flags = wire.flagsFragment(bytes, at);
    const isCompact = f.compact && !f.verifies;
    if (isCompact) f.header(ROW_IP, at);
    else if (f.wantsSome(HEADER)) {
      f.uint(F.version, at, 1, wire.version(bytes, at));
      f.uint(F.hdr_len, at, 1, headerLength);
      const tos = wire.tos(bytes, at);
      f.uint(F.dsfield, at + 1, 1, tos);
      f.uint(F['dsfield.dscp'], at + 1, 1, tos >>> 2);
      f.uint(F['dsfield.ecn'], at + 1, 1, tos & 3);
      f.uint(F.len, at + 2, 2, total);
      f.uint(F.id, at + 4, 2, wire.id(bytes, at));
      f.uint(F.flags, at + 6, 1, flags >>> 13);
      f.bool(F['flags.rb'], at + 6, 1, (flags & wire.FLAG_RESERVED) !== 0);
      f.bool(F['flags.df'], at + 6, 1, (flags & wire.FLAG_DONT_FRAGMENT) !== 0);
      f.bool(F['flags.mf'], at + 6, 1, (flags & wire.FLAG_MORE_FRAGMENTS) !== 0);
      // As it stands in the header, in units of 8 bytes, as Wireshark 4.0 shows it.
      f.uint(F.frag_offset, at + 6, 2, wire.fragmentOffset(bytes, at) >>> 3);
      f.uint(F.ttl, at + 8, 1, wire.ttl(bytes, at));
      f.uint(F.proto, at + 9, 1, wire.protocol(bytes, at));
      f.uint(F.checksum, at + 10, 2, wire.checksum(bytes, at));
      const fits = headerLength >= wire.HEADER_LENGTH && at + headerLength <= end;
      const status = !f.verifies || !fits ? UNVERIFIED : wire.verify(bytes, at, headerLength) === 0 ? GOOD : BAD;
      f.uint(F['checksum.status'], at + 10, 0, status);
    }
    if (!isCompact) {
      f.raw(F.src, wire.srcAt(at), 4);
      f.raw(F.dst, wire.dstAt(at), 4);
    }
    if (f.wanted !== null && f.wantsSome(HOSTS)) {
      f.value(H.src_host, wire.srcAt(at), 4, formatIpv4(bytes, wire.srcAt(at)));
      f.value(H.dst_host, wire.dstAt(at), 4, formatIpv4(bytes, wire.dstAt(at)));
    }
    if (headerLength < wire.HEADER_LENGTH) {
      f.invalid('ip', at, wire.HEADER_LENGTH, headerLength, 'ip.hdr_len');
      return;
    }
    if (!f.fits('ip', at, headerLength, end)) return;
    if (headerLength > wire.HEADER_LENGTH && f.wantsSome(HEADER)) walkOptions(f, at, at + headerLength);
    // A total length of 0 comes from segmentation offload: the packet is as long as the frame.
    if (total !== 0 && total < headerLength) {
      f.invalid('ip', at + 2, headerLength, total, 'ip.len');
      return;
    }
    const stop = total === 0 ? end : f.narrow(at + total, end, 'ip.len');
    let payload = at + headerLength;
    let payloadEnd = stop;
    const protocol = wire.protocol(bytes, at);
    const offset = wire.fragmentOffset(bytes, at);
    let fragmented = (flags & wire.FLAG_MORE_FRAGMENTS) !== 0;
    let wireEnd = total === 0 ? f.wireEnd : Math.min(f.wireEnd, at + total);
    const finalDst = finalDestination(bytes, at, payload);
    if (offset !== 0 || fragmented) {
      // A fragment that was cut by the snapshot length cannot be put together with others.
      const isWhole = f.sessions !== null && wireEnd === stop;
      const whole = isWhole
        ? f.sessions!.fragment(f, 4, at, protocol, wire.id(bytes, at), offset, fragmented, payload, stop)
        : -1;
      if (whole === 0 || (whole < 0 && offset !== 0)) {
        f.data(payload, stop);
        return;
      }
      if (whole > 0) {
        fragmented = false;
        payloadEnd = f.capturedEnd;
        wireEnd = payloadEnd;
        payload = payloadEnd - whole;
      }
    }
    // Of the packet around this one; in locals, for an object a packet is what the collector then has to do.
    const outerIp = f.ip;
    const outerVersion = f.ipVersion;
    const outerDst = f.finalDst;
    const outerFragmented = f.fragmented;
    const outerWireEnd = f.wireEnd;
    f.ip = at;
    f.ipEnd = at + total;
    f.ipVersion = 4;
    f.finalDst = finalDst;
    f.fragmented = fragmented;
    f.wireEnd = wireEnd;
    f.next(protocolOverIp(f, protocol), payload, payloadEnd);
    f.ip = outerIp;
    f.ipVersion = outerVersion;
    f.finalDst = outerDst;
    f.fragmented = outerFragmented;
    f.wireEnd = outerWireEnd;
  },
};

/** The options of the header at `header`, which ends at `end`. */
function walkOptions(f: Fields, header: number, end: number): void {
  const { bytes } = f;
  let at = wire.optionsAt(header);
  while (at < end) {
    const type = bytes[at]!;
    f.uint(F['opt.type'], at, 1, type);
    if (type === wire.OPTION_END) return;
    if (type === wire.OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) {
      f.invalid('ip', at, Math.max(length, 2), end - at, 'ip.opt.len');
      return;
    }
    f.uint(F['opt.len'], at + 1, 1, length);
    if (type === wire.OPTION_ROUTER_ALERT && length === 4) f.uint(F['opt.ra'], at + 2, 2, be16(bytes, at + 2));
    if (
      length >= 3 &&
      (type === wire.OPTION_RECORD_ROUTE || type === wire.OPTION_LOOSE_ROUTE || type === wire.OPTION_STRICT_ROUTE)
    ) {
      f.uint(F['opt.ptr'], at + 2, 1, bytes[at + 2]!);
      walkRoute(f, header, type, at, length);
    }
    if (type === wire.OPTION_TIMESTAMP && length >= 4) walkTimestamps(f, at, length);
    at += length;
  }
}

/** RFC 791 3.1: a pointer, counted from 1, to the first slot that is not used yet. Of a source route the header's
 * destination is the current hop, and the last slot the destination. */
function walkRoute(f: Fields, header: number, type: number, at: number, length: number): void {
  const pointer = f.bytes[at + 2]!;
  if (pointer < 4 || pointer % 4 !== 0) return;
  const isRecord = type === wire.OPTION_RECORD_ROUTE;
  for (let place = at + 3; place + 4 <= at + length; place += 4) {
    if (place - at + 1 < pointer) f.raw(F.rec_rt, place, 4);
    else if (isRecord) f.raw(F.empty_rt, place, 4);
    else {
      if (place - at + 1 === pointer) f.raw(F.cur_rt, wire.dstAt(header), 4);
      if (place + 8 <= at + length) f.raw(F.src_rt, place, 4);
    }
  }
}

/** Kinds of the timestamp option in which each time has an address before it. */
const TIMES_OF_ADDRESSES = 1;
const TIMES_OF_ADDRESSES_ASKED = 3;

function walkTimestamps(f: Fields, at: number, length: number): void {
  const { bytes } = f;
  const kind = bytes[at + 3]! & 15;
  f.uint(F['opt.ptr'], at + 2, 1, bytes[at + 2]!);
  f.uint(F['opt.overflow'], at + 3, 1, bytes[at + 3]! >> 4);
  f.uint(F['opt.flag'], at + 3, 1, kind);
  const hasAddresses = kind === TIMES_OF_ADDRESSES || kind === TIMES_OF_ADDRESSES_ASKED;
  const size = hasAddresses ? 8 : 4;
  for (let place = at + 4; place + size <= at + length; place += size) {
    if (hasAddresses) f.raw(F['opt.time_stamp_addr'], place, 4);
    f.uint(F['opt.time_stamp'], place + size - 4, 4, be32(bytes, place + size - 4));
  }
}
