import { wordOf } from '../bytes/digits.ts';
import { be32 } from '../bytes/endian.ts';
import { formatIpv6 } from '../wire/address.ts';
import {
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_MOBILITY,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from '../wire/ipproto.ts';
import * as wire from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';
import { defineAlias, defineFields, findFields, groupOf, ROW_IPV6 } from './fields.ts';
import { leave, printUpper, save } from './ip.ts';
import { finalDestination, forgetJumbo, jumboLength, printExtension, walkExtension } from './ip6-extension.ts';
import { ipProtocolName } from './names.ts';
import type { Protocol } from './protocol.ts';
import { protocolOverIp } from './tables.ts';
import { MAX_TEXT_DEPTH, type Text } from './text.ts';

/** Wireshark has the version of either protocol under this name. */
const IP_VERSION = findFields('ip.version')[0]!.id;
const IP6 = wordOf('IP6 ');
const F = defineFields('ipv6', {
  version: ['Version', 'uint8'],
  tclass: ['Traffic Class', 'uint32', { base: 'hex' }],
  'tclass.dscp': ['Differentiated Services Codepoint', 'uint32'],
  'tclass.ecn': ['Explicit Congestion Notification', 'uint32'],
  flow: ['Flow Label', 'uint24', { base: 'hex' }],
  plen: ['Payload Length', 'uint16'],
  nxt: ['Next Header', 'uint8'],
  hlim: ['Hop Limit', 'uint8'],
  src: ['Source Address', 'ipv6'],
  dst: ['Destination Address', 'ipv6'],
});
defineAlias('ipv6.addr', ['ipv6.src', 'ipv6.dst']);
/** As `ip.src_host`. */
const H = defineFields('ipv6', {
  src_host: ['Source Host', 'string', { named: true }],
  dst_host: ['Destination Host', 'string', { named: true }],
});
defineAlias('ipv6.host', ['ipv6.src_host', 'ipv6.dst_host']);
const HOSTS = groupOf(Object.values(H));
/** Fields of the header but for its addresses. */
const HEADER = groupOf(Object.values(F).filter((id) => id !== F.src && id !== F.dst));

/** Prints the IPv6 packet at `at`, of `length` bytes by the layer below. */
export function printIpv6(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'ip6';
  t.need(at, wire.HEADER_LENGTH);
  if (length < wire.HEADER_LENGTH) {
    out.ascii('truncated-ip6 ');
    out.decimal(length);
    return;
  }
  if (t.depth >= MAX_TEXT_DEPTH) return;
  if (!t.link) out.word(IP6);
  if (wire.version(bytes, at) !== 6) {
    out.ascii('version error: ');
    out.decimal(wire.version(bytes, at));
    out.ascii(' != 6');
    return;
  }
  const payload = wire.payloadLength(bytes, at);
  let left = payload + wire.HEADER_LENGTH;
  if (length < left) printMissing(t, left - length);
  let next = wire.nextHeader(bytes, at);
  if (t.verbose > 0) printVerbose(t, at, next, payload);
  const outerEnd = t.end;
  // A length of 0 may be a jumbogram's, so it cuts nothing before the payload is reached.
  if (payload !== 0) t.end = Math.min(t.end, at + left);
  const outer = save(t);
  t.ip = at;
  t.ipVersion = 6;
  t.protocolOfIp = next;
  t.fragmented = false;
  t.ttl = wire.hopLimit(bytes, at);
  t.finalDst = finalDestination(bytes, at, t.end);
  let header = at;
  let advance = wire.HEADER_LENGTH;
  let sawHopByHop = false;
  forgetJumbo();
  while (header < t.end && advance > 0) {
    if (left < advance) {
      t.truncated();
      break;
    }
    header += advance;
    left -= advance;
    // A header that is cut, but not where it was read.
    if (header > t.end) break;
    if (
      header === at + wire.HEADER_LENGTH &&
      next !== IPPROTO_TCP &&
      next !== IPPROTO_UDP &&
      next !== IPPROTO_DCCP &&
      next !== IPPROTO_SCTP
    ) {
      t.ipv6(wire.srcAt(at));
      out.ascii(' > ');
      t.ipv6(wire.dstAt(at));
      out.ascii(': ');
    }
    if (
      next === IPPROTO_HOPOPTS ||
      next === IPPROTO_DSTOPTS ||
      next === IPPROTO_FRAGMENT ||
      next === IPPROTO_ROUTING ||
      next === IPPROTO_MOBILITY
    ) {
      if (next === IPPROTO_HOPOPTS && header !== at + wire.HEADER_LENGTH) {
        out.ascii(
          sawHopByHop
            ? '[The Hop-by-Hop Options header was already found]'
            : "[The Hop-by-Hop Options header don't follow the IPv6 header]",
        );
        t.invalid();
        break;
      }
      advance = printExtension(t, next, header);
      if (next === IPPROTO_HOPOPTS) {
        sawHopByHop = true;
        if (jumboLength >= 0) {
          left = jumboLength + wire.HEADER_LENGTH;
          if (length < left) printMissing(t, left - length);
          left -= wire.HEADER_LENGTH;
        } else if (payload === 0) {
          // RFC 2675 3: a length of 0 needs the option.
          out.ascii('[No valid Jumbo Payload Hop-by-Hop option found]');
          t.invalid();
          break;
        }
      }
      if (advance < 0) break;
      if (next === IPPROTO_FRAGMENT) t.fragmented = true;
      next = bytes[header]!;
      t.layer = 'ip6';
      continue;
    }
    t.end = Math.min(t.end, header + left);
    printUpper(t, next, header, left);
    break;
  }
  leave(t, outer);
  t.end = outerEnd;
}

function printMissing(t: Text, count: number): void {
  t.out.ascii('truncated-ip6 - ');
  t.out.decimal(count);
  t.out.ascii(' bytes missing!');
}

function printVerbose(t: Text, at: number, next: number, payload: number): void {
  const { out, bytes } = t;
  const flow = be32(bytes, at);
  out.byte(40);
  if (flow & 0x0ff00000) {
    out.ascii('class 0x');
    out.hexPadded(wire.trafficClass(bytes, at), 2);
    out.ascii(', ');
  }
  if (flow & 0x000fffff) {
    out.ascii('flowlabel 0x');
    out.hexPadded(wire.flowLabel(bytes, at), 5);
    out.ascii(', ');
  }
  out.ascii('hlim ');
  out.decimal(wire.hopLimit(bytes, at));
  out.ascii(', next-header ');
  out.ascii(ipProtocolName(next));
  out.ascii(' (');
  out.decimal(next);
  out.ascii(') payload length: ');
  out.decimal(payload);
  out.ascii(') ');
}

export const ipv6: Protocol = {
  name: 'ipv6',
  title: 'Internet Protocol Version 6',
  print: printIpv6,
  walk(f, at, end) {
    if (!f.fits('ipv6', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(ipv6, at, wire.HEADER_LENGTH);
    const length = wire.payloadLength(bytes, at);
    if (f.compact) f.header(ROW_IPV6, at);
    else if (f.wantsSome(HEADER)) {
      f.uint(F.version, at, 1, wire.version(bytes, at));
      const tclass = wire.trafficClass(bytes, at);
      f.uint(F.tclass, at, 4, tclass);
      f.uint(F['tclass.dscp'], at, 4, tclass >>> 2);
      f.uint(F['tclass.ecn'], at, 4, tclass & 3);
      f.uint(F.flow, at, 4, wire.flowLabel(bytes, at));
      f.uint(F.plen, at + 4, 2, length);
      f.uint(F.nxt, at + 6, 1, wire.nextHeader(bytes, at));
      f.uint(F.hlim, at + 7, 1, wire.hopLimit(bytes, at));
    }
    if (!f.compact) {
      f.raw(F.src, wire.srcAt(at), 16);
      f.raw(F.dst, wire.dstAt(at), 16);
    }
    // The same again: only for who asks for it by name.
    if (f.wanted?.[IP_VERSION] === 1) f.uint(IP_VERSION, at, 1, wire.version(bytes, at));
    if (f.wanted !== null && f.wantsSome(HOSTS)) {
      f.value(H.src_host, wire.srcAt(at), 16, formatIpv6(bytes, wire.srcAt(at)));
      f.value(H.dst_host, wire.dstAt(at), 16, formatIpv6(bytes, wire.dstAt(at)));
    }
    if (wire.version(bytes, at) !== 6) {
      f.invalid('ipv6', at, 6, wire.version(bytes, at), 'ipv6.version');
      return;
    }
    let header = at + wire.HEADER_LENGTH;
    // A payload length of 0: a jumbogram (RFC 2675), or segmentation offload; the packet is as long as the frame.
    const stop = length === 0 ? end : f.narrow(header + length, end, 'ipv6.plen');
    // Of the packet around this one; in locals, for an object a packet is what the collector then has to do.
    const outerIp = f.ip;
    const outerVersion = f.ipVersion;
    const outerDst = f.finalDst;
    const outerFragmented = f.fragmented;
    const outerWireEnd = f.wireEnd;
    const wireEnd = length === 0 ? f.wireEnd : Math.min(f.wireEnd, header + length);
    let payloadEnd = stop;
    f.ip = at;
    f.ipEnd = length === 0 ? end : header + length;
    f.ipVersion = 6;
    f.wireEnd = wireEnd;
    f.finalDst = finalDestination(bytes, at, stop);
    f.fragmented = false;
    let next = wire.nextHeader(bytes, at);
    let isDone = false;
    while (
      next === IPPROTO_HOPOPTS ||
      next === IPPROTO_DSTOPTS ||
      next === IPPROTO_FRAGMENT ||
      next === IPPROTO_ROUTING
    ) {
      if (!f.fits('ipv6', header, extension.MIN_LENGTH, stop)) break;
      const size = extension.length(bytes, header, next);
      if (!f.fits('ipv6', header, size, stop)) break;
      walkExtension(f, next, header, size);
      const isFragment = next === IPPROTO_FRAGMENT;
      const fragmentAt = header;
      next = extension.nextHeader(bytes, header);
      header += size;
      if (!isFragment) continue;
      const offset = extension.fragmentOffset(bytes, fragmentAt);
      const more = extension.moreFragments(bytes, fragmentAt);
      f.fragmented = offset !== 0 || more;
      if (!f.fragmented) continue;
      const isWhole = f.sessions !== null && wireEnd === stop;
      const id = extension.fragmentId(bytes, fragmentAt);
      const whole = isWhole ? f.sessions!.fragment(f, 6, at, next, id, offset, more, header, stop) : -1;
      if (whole === 0 || (whole < 0 && offset !== 0)) {
        f.data(header, stop);
        isDone = true;
        break;
      }
      if (whole > 0) {
        // What follows the fragment header is in the appended payload; extension headers there are read as a payload.
        f.fragmented = false;
        payloadEnd = f.capturedEnd;
        f.wireEnd = payloadEnd;
        header = payloadEnd - whole;
        break;
      }
    }
    if (f.stopped === null && !isDone) f.next(protocolOverIp(f, next), header, payloadEnd);
    f.ip = outerIp;
    f.ipVersion = outerVersion;
    f.finalDst = outerDst;
    f.fragmented = outerFragmented;
    f.wireEnd = outerWireEnd;
  },
};
