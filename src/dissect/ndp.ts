import { be16, be32 } from '../bytes/endian.ts';
import { hexdump } from '../bytes/hexdump.ts';
import { readName } from '../wire/dns-name.ts';
import * as icmp6 from '../wire/icmp6.ts';
import * as wire from '../wire/ndp.ts';
import { printName } from './dns-name.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Text } from './text.ts';

const F = defineFields('icmpv6', {
  'nd.ra.cur_hop_limit': ['Cur hop limit', 'uint8'],
  'nd.ra.flag': ['Flags', 'uint8', { base: 'hex' }],
  'nd.ra.flag.m': ['Managed address configuration', 'bool'],
  'nd.ra.flag.o': ['Other configuration', 'bool'],
  'nd.ra.flag.h': ['Home Agent', 'bool'],
  'nd.ra.flag.prf': ['Prf (Default Router Preference)', 'uint8'],
  'nd.ra.router_lifetime': ['Router lifetime (s)', 'uint16'],
  'nd.ra.reachable_time': ['Reachable time (ms)', 'uint32'],
  'nd.ra.retrans_timer': ['Retrans timer (ms)', 'uint32'],
  'nd.ns.target_address': ['Target Address', 'ipv6'],
  'nd.na.flag': ['Flags', 'uint32', { base: 'hex' }],
  'nd.na.flag.r': ['Router', 'bool'],
  'nd.na.flag.s': ['Solicited', 'bool'],
  'nd.na.flag.o': ['Override', 'bool'],
  'nd.na.target_address': ['Target Address', 'ipv6'],
  'nd.rd.target_address': ['Target Address', 'ipv6'],
  'rd.na.destination_address': ['Destination Address', 'ipv6'],
  'opt.type': ['Type', 'uint8', { list: true }],
  'opt.length': ['Length', 'uint8', { list: true }],
  'opt.src_linkaddr': ['Source Link-Layer Address', 'ether', { list: true }],
  'opt.target_linkaddr': ['Target Link-Layer Address', 'ether', { list: true }],
  'opt.prefix.length': ['Prefix Length', 'uint8', { list: true }],
  'opt.prefix.flag.l': ['On-link flag(L)', 'bool', { list: true }],
  'opt.prefix.flag.a': ['Autonomous address-configuration flag(A)', 'bool', { list: true }],
  'opt.prefix.valid_lifetime': ['Valid Lifetime', 'uint32', { list: true }],
  'opt.prefix.preferred_lifetime': ['Preferred Lifetime', 'uint32', { list: true }],
  'opt.prefix': ['Prefix', 'ipv6', { list: true }],
  'opt.mtu': ['MTU', 'uint32', { list: true }],
  'opt.rdnss.lifetime': ['Lifetime', 'uint32', { list: true }],
  'opt.rdnss': ['Recursive DNS Servers', 'ipv6', { list: true }],
  'opt.dnssl.lifetime': ['Lifetime', 'uint32', { list: true }],
  'opt.dnssl': ['Domain Names', 'string', { list: true }],
});

const PREFERENCES = ['medium', 'high', 'rsv', 'low'];
const OPTIONS: Readonly<Record<number, string>> = {
  [wire.OPTION_SOURCE_LINK]: 'source link-address',
  [wire.OPTION_TARGET_LINK]: 'destination link-address',
  [wire.OPTION_PREFIX]: 'prefix info',
  [wire.OPTION_REDIRECTED]: 'redirected header',
  [wire.OPTION_MTU]: 'mtu',
  [wire.OPTION_ADVERTISEMENT_INTERVAL]: 'advertisement interval',
  [wire.OPTION_HOME_AGENT]: 'homeagent information',
  [wire.OPTION_ROUTE]: 'route info',
  [wire.OPTION_RDNSS]: 'rdnss',
  [wire.OPTION_DNSSL]: 'dnssl',
};
const RA_FLAGS: readonly (readonly [number, string])[] = [
  [0x80, 'managed'],
  [0x40, 'other stateful'],
  [0x20, 'home agent'],
  [0x02, 'ipv6 only'],
];

function printFlags(t: Text, names: readonly (readonly [number, string])[], value: number): void {
  const { out } = t;
  out.ascii('Flags [');
  const mark = out.length;
  for (const [bit, name] of names) if (value & bit) out.ascii(`${name}, `);
  if (out.length === mark) out.ascii('none');
  else out.length -= 2;
  out.byte(93);
}

/** Prints what follows the name of a message of neighbour discovery, or of Mobile IPv6. */
export function printNdp(t: Text, at: number, length: number, type: number): void {
  const { out } = t;
  const verbose = t.verbose > 0;
  switch (type) {
    case icmp6.ROUTER_SOLICITATION:
      if (verbose) printOptions(t, at + wire.SOLICITATION_LENGTH, length - wire.SOLICITATION_LENGTH);
      break;
    case icmp6.ROUTER_ADVERTISEMENT:
      if (!verbose) break;
      t.reads(at, wire.ADVERTISEMENT_LENGTH);
      out.ascii(`\n\thop limit ${wire.hopLimit(t.bytes, at)}, `);
      printFlags(t, RA_FLAGS, wire.routerFlags(t.bytes, at));
      out.ascii(`, pref ${PREFERENCES[(wire.routerFlags(t.bytes, at) >> 3) & 3]}`);
      out.ascii(`, router lifetime ${wire.routerLifetime(t.bytes, at)}s`);
      out.ascii(`, reachable time ${wire.reachableTime(t.bytes, at)}ms`);
      out.ascii(`, retrans timer ${wire.retransmitTime(t.bytes, at)}ms`);
      printOptions(t, at + wire.ADVERTISEMENT_LENGTH, length - wire.ADVERTISEMENT_LENGTH);
      break;
    case icmp6.NEIGHBOR_SOLICITATION:
      t.reads(wire.targetAt(at), 16);
      out.ascii(', who has ');
      t.ipv6(wire.targetAt(at));
      if (verbose) printOptions(t, at + wire.NEIGHBOR_LENGTH, length - wire.NEIGHBOR_LENGTH);
      break;
    case icmp6.NEIGHBOR_ADVERTISEMENT:
      t.reads(wire.targetAt(at), 16);
      out.ascii(', tgt is ');
      t.ipv6(wire.targetAt(at));
      if (!verbose) break;
      out.ascii(', ');
      // The three flags are the upper bits of the word.
      printFlags(
        t,
        [
          [0x80, 'router'],
          [0x40, 'solicited'],
          [0x20, 'override'],
        ],
        t.u8(at + 4),
      );
      printOptions(t, at + wire.NEIGHBOR_LENGTH, length - wire.NEIGHBOR_LENGTH);
      break;
    case icmp6.REDIRECT:
      t.reads(wire.destinationAt(at), 16);
      out.ascii(', ');
      t.ipv6(wire.destinationAt(at));
      out.ascii(' to ');
      t.ipv6(wire.targetAt(at));
      if (verbose) printOptions(t, at + wire.REDIRECT_LENGTH, length - wire.REDIRECT_LENGTH);
      break;
    case icmp6.HOME_AGENT_REPLY:
      if (!verbose) break;
      printId(t, at);
      for (let place = at + 8; place < at + length; place += 16) {
        t.reads(place, 16);
        out.ascii(', ');
        t.ipv6(place);
      }
      break;
    case icmp6.MOBILE_PREFIX_ADVERTISEMENT: {
      if (!verbose) break;
      printId(t, at);
      const flags = t.u8(at + 6);
      if (flags & 0xc0) out.byte(32);
      if (flags & 0x80) out.byte(77);
      if (flags & 0x40) out.byte(79);
      printOptions(t, at + 8, length - 8);
      break;
    }
    default:
      printId(t, at);
  }
}

function printId(t: Text, at: number): void {
  t.reads(at + 4, 2);
  t.out.ascii(', id 0x');
  t.out.hexPadded(t.be16(at + 4), 4);
}

function printOptions(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  while (length > 0) {
    if (at >= t.end) return;
    const units = t.has(at, 2) ? bytes[at + 1]! : 0;
    const size = units * 8;
    // RFC 4861 4.6: a length of zero is invalid.
    if (size === 0 || size > length || !t.has(at, size)) {
      t.truncated();
      return;
    }
    const type = bytes[at]!;
    out.ascii(`\n\t  ${OPTIONS[type] ?? 'unknown'} option (${type}), length ${size} (${units}): `);
    if (!printOption(t, at, type, size)) {
      t.truncated();
      return;
    }
    // tcpdump goes no further behind an option that it does not know.
    if (OPTIONS[type] === undefined && t.verbose <= 1) return;
    if (t.verbose > 1) hexdumpIndented(t, at + 2, size - 2, '\n\t    ');
    at += size;
    length -= size;
  }
}

/** A hexdump without characters, under another indentation than a packet's. */
function hexdumpIndented(t: Text, at: number, length: number, indent: string): void {
  hexdump(t.out, t.bytes, at, Math.min(at + length, t.end), false, indent);
}

const seconds = (value: number): string => (value === 0xffffffff ? 'infinity' : `${value}s`);

/** False where the option cannot be printed to its end. */
function printOption(t: Text, at: number, type: number, size: number): boolean {
  const { out, bytes } = t;
  const end = at + size;
  switch (type) {
    case wire.OPTION_SOURCE_LINK:
    case wire.OPTION_TARGET_LINK:
      if (size > 8) out.mac(bytes, at + 2, size - 2);
      else t.mac(at + 2);
      break;
    case wire.OPTION_PREFIX:
      t.reads(at, 32);
      t.ipv6(at + 16);
      out.ascii(`/${bytes[at + 2]}${size !== 32 ? 'badlen' : ''}, `);
      printFlags(
        t,
        [
          [0x80, 'onlink'],
          [0x40, 'auto'],
          [0x20, 'router'],
        ],
        bytes[at + 3]!,
      );
      out.ascii(`, valid time ${seconds(be32(bytes, at + 4))}, pref. time ${seconds(be32(bytes, at + 8))}`);
      break;
    case wire.OPTION_REDIRECTED:
      hexdumpIndented(t, at, size, '\n\t    ');
      break;
    case wire.OPTION_MTU:
      t.reads(at, 8);
      out.ascii(` ${be32(bytes, at + 4)}${size !== 8 ? ', bad option length' : ''}`);
      break;
    case wire.OPTION_RDNSS:
      out.ascii(` lifetime ${be32(bytes, at + 4)}s,`);
      for (let place = at + 8; place + 16 <= end; place += 16) {
        out.ascii(' addr: ');
        t.ipv6(place);
      }
      break;
    case wire.OPTION_DNSSL:
      out.ascii(` lifetime ${be32(bytes, at + 4)}s, domain(s):`);
      for (let place = at + 8; place < end && bytes[place] !== 0; ) {
        out.byte(32);
        const next = printName(t, place, at + 8);
        if (next < 0) return false;
        place = next;
      }
      break;
    case wire.OPTION_ADVERTISEMENT_INTERVAL:
      t.reads(at, 8);
      out.ascii(` ${be32(bytes, at + 4)}ms`);
      break;
    case wire.OPTION_HOME_AGENT:
      t.reads(at, 8);
      out.ascii(` preference ${be16(bytes, at + 4)}, lifetime ${be16(bytes, at + 6)}`);
      break;
    case wire.OPTION_ROUTE: {
      const prefix = new Uint8Array(16);
      prefix.set(bytes.subarray(at + 8, Math.min(end, at + 24)));
      out.byte(32);
      if (size !== 8 && size !== 16 && size !== 24) out.ascii('badlen');
      out.ipv6(prefix, 0);
      out.ascii(`/${bytes[at + 2]}, pref=${PREFERENCES[(bytes[at + 3]! >> 3) & 3]}, lifetime=`);
      out.ascii(seconds(be32(bytes, at + 4)));
      break;
    }
    default:
      if (t.verbose <= 1) hexdumpIndented(t, at + 2, size - 2, '\n\t  ');
  }
  return true;
}

/** Walks a message of neighbour discovery; false for other types. */
export function walkNdp(f: Fields, at: number, end: number, type: number): boolean {
  const { bytes } = f;
  const fixed = wire.fixedLength(type);
  if (fixed === 0) return false;
  if (!f.fits('icmpv6', at, fixed, end)) return true;
  if (type === icmp6.ROUTER_ADVERTISEMENT) {
    const flags = wire.routerFlags(bytes, at);
    f.uint(F['nd.ra.cur_hop_limit'], at + 4, 1, wire.hopLimit(bytes, at));
    f.uint(F['nd.ra.flag'], at + 5, 1, flags);
    f.bool(F['nd.ra.flag.m'], at + 5, 1, (flags & wire.FLAG_MANAGED) !== 0);
    f.bool(F['nd.ra.flag.o'], at + 5, 1, (flags & wire.FLAG_OTHER) !== 0);
    f.bool(F['nd.ra.flag.h'], at + 5, 1, (flags & wire.FLAG_HOME_AGENT) !== 0);
    f.uint(F['nd.ra.flag.prf'], at + 5, 1, (flags >> 3) & 3);
    f.uint(F['nd.ra.router_lifetime'], at + 6, 2, wire.routerLifetime(bytes, at));
    f.uint(F['nd.ra.reachable_time'], at + 8, 4, wire.reachableTime(bytes, at));
    f.uint(F['nd.ra.retrans_timer'], at + 12, 4, wire.retransmitTime(bytes, at));
  } else if (type === icmp6.NEIGHBOR_SOLICITATION) f.raw(F['nd.ns.target_address'], wire.targetAt(at), 16);
  else if (type === icmp6.NEIGHBOR_ADVERTISEMENT) {
    const flags = wire.neighborFlags(bytes, at);
    f.uint(F['nd.na.flag'], at + 4, 4, flags);
    f.bool(F['nd.na.flag.r'], at + 4, 4, (flags & wire.FLAG_ROUTER) !== 0);
    f.bool(F['nd.na.flag.s'], at + 4, 4, (flags & wire.FLAG_SOLICITED) !== 0);
    f.bool(F['nd.na.flag.o'], at + 4, 4, (flags & wire.FLAG_OVERRIDE) !== 0);
    f.raw(F['nd.na.target_address'], wire.targetAt(at), 16);
  } else if (type === icmp6.REDIRECT) {
    f.raw(F['nd.rd.target_address'], wire.targetAt(at), 16);
    f.raw(F['rd.na.destination_address'], wire.destinationAt(at), 16);
  }
  walkOptions(f, at + fixed, end);
  return true;
}

function walkOptions(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('icmpv6', at, 8, end)) return;
    const type = bytes[at]!;
    const size = bytes[at + 1]! * 8;
    f.uint(F['opt.type'], at, 1, type);
    f.uint(F['opt.length'], at + 1, 1, bytes[at + 1]!);
    if (size === 0) {
      f.invalid('icmpv6', at + 1, 1, 0, 'icmpv6.opt.length');
      return;
    }
    if (!f.fits('icmpv6', at, size, end)) return;
    if (type === wire.OPTION_SOURCE_LINK) f.raw(F['opt.src_linkaddr'], at + 2, 6);
    else if (type === wire.OPTION_TARGET_LINK) f.raw(F['opt.target_linkaddr'], at + 2, 6);
    else if (type === wire.OPTION_MTU) f.uint(F['opt.mtu'], at + 4, 4, be32(bytes, at + 4));
    else if (type === wire.OPTION_PREFIX && size >= 32) {
      f.uint(F['opt.prefix.length'], at + 2, 1, bytes[at + 2]!);
      f.bool(F['opt.prefix.flag.l'], at + 3, 1, (bytes[at + 3]! & 0x80) !== 0);
      f.bool(F['opt.prefix.flag.a'], at + 3, 1, (bytes[at + 3]! & 0x40) !== 0);
      f.uint(F['opt.prefix.valid_lifetime'], at + 4, 4, be32(bytes, at + 4));
      f.uint(F['opt.prefix.preferred_lifetime'], at + 8, 4, be32(bytes, at + 8));
      f.raw(F['opt.prefix'], at + 16, 16);
    } else if (type === wire.OPTION_RDNSS) {
      f.uint(F['opt.rdnss.lifetime'], at + 4, 4, be32(bytes, at + 4));
      for (let place = at + 8; place + 16 <= at + size; place += 16) f.raw(F['opt.rdnss'], place, 16);
    } else if (type === wire.OPTION_DNSSL) {
      f.uint(F['opt.dnssl.lifetime'], at + 4, 4, be32(bytes, at + 4));
      for (let place = at + 8; place < at + size && bytes[place] !== 0; ) {
        const name = readName(bytes, place, at + size, at + 8);
        if (name === null) break;
        f.value(F['opt.dnssl'], place, name.end - place, name.text);
        place = name.end;
      }
    }
    at += size;
  }
}
