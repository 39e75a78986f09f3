/** IP, transports, tunnels and routing: what is written reads back. */
import * as geneve from '../../src/wire/geneve.ts';
import * as gre from '../../src/wire/gre.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmp6 from '../../src/wire/icmp6.ts';
import * as igmp from '../../src/wire/igmp.ts';
import * as ipsec from '../../src/wire/ipsec.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as mld from '../../src/wire/mld.ts';
import * as ndp from '../../src/wire/ndp.ts';
import * as rip from '../../src/wire/rip.ts';
import * as sctp from '../../src/wire/sctp.ts';
import * as tcp from '../../src/wire/tcp.ts';
import type { TcpOption } from '../../src/wire/tcp-options.ts';
import * as udp from '../../src/wire/udp.ts';
import * as udplite from '../../src/wire/udplite.ts';
import * as vrrp from '../../src/wire/vrrp.ts';
import * as vxlan from '../../src/wire/vxlan.ts';
import { type Case, type Draw, fixed, headerOf, ip4, ip6, of, readsBack, words } from './reads-back.ts';

const ipv4Options = (d: Draw): ipv4.Ipv4Option[] =>
  // Four times nine bytes fit, and a last one that fills the word.
  d.pick([
    () => [],
    () => [{ type: ipv4.OPTION_ROUTER_ALERT, data: d.bytes(2) }],
    () => Array.from({ length: 4 }, () => ({ type: ipv4.OPTION_NOP, data: d.bytes(0) })),
    () => [{ type: 2 + d.below(254), data: d.bytes(6 + 4 * d.below(8)) }],
  ])();

const tcpOption = (d: Draw): TcpOption =>
  d.pick<() => TcpOption>([
    () => ({ kind: 'mss', mss: d.bits(16) }),
    () => ({ kind: 'nop' }),
    () => ({ kind: 'windowScale', shift: d.bits(8) }),
    () => ({ kind: 'sackPermitted' }),
    () => ({ kind: 'sack', blocks: [{ left: d.bits(32), right: d.bits(32) }] }),
    () => ({ kind: 'timestamps', value: d.bits(32), echo: d.bits(32) }),
    () => ({ kind: 'userTimeout', minutes: d.bool(), timeout: d.bits(15) }),
    () => ({ kind: 'fastOpen', cookie: d.bytes(2 * d.below(9)) }),
    () => ({ kind: 'other', type: 253, data: d.bytes(d.below(6)) }),
  ])();

const tcpOptions = (d: Draw): TcpOption[] => {
  const options: TcpOption[] = [];
  for (let i = d.below(6); i > 0; i--) {
    options.push(tcpOption(d));
    if (tcp.emittedLength(options) > 60) options.pop();
  }
  // Whole words, so that no padding is read as options.
  let length = 20;
  for (const option of options) length += optionLength(option);
  for (; length % 4 !== 0; length++) options.push({ kind: 'nop' });
  return options;
};

function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'nop':
    case 'end':
      return 1;
    case 'sackPermitted':
      return 2;
    case 'windowScale':
      return 3;
    case 'mss':
    case 'userTimeout':
      return 4;
    case 'timestamps':
      return 10;
    case 'sack':
      return 2 + 8 * option.blocks.length;
    case 'fastOpen':
      return 2 + option.cookie.length;
    case 'md5':
      return 18;
    default:
      return 2 + option.data.length;
  }
}

const v6Options = (d: Draw): extension.Ipv6Option[] => {
  // Together a multiple of eight with the header's two bytes: Pad1 is an option too.
  const options = d.list(3, () => ({ type: 2 + d.below(254), data: d.bytes(d.below(12)) }));
  let length = 2 + options.reduce((sum, option) => sum + 2 + option.data.length, 0);
  for (; length % 8 !== 0; length++) options.push({ type: 0, data: d.bytes(0) });
  return options;
};

const extensionOf = (d: Draw): extension.Ipv6Extension =>
  d.pick<() => extension.Ipv6Extension>([
    () => ({ kind: d.pick(['hopByHop', 'destination'] as const), nextHeader: d.bits(8), options: v6Options(d) }),
    () => ({
      kind: 'routing',
      nextHeader: d.bits(8),
      routingType: d.bits(8),
      segmentsLeft: d.bits(8),
      data: d.bytes(4 + 8 * d.below(6)),
    }),
    () => ({
      kind: 'fragment',
      nextHeader: d.bits(8),
      fragmentOffset: d.bits(13) * 8,
      moreFragments: d.bool(),
      id: d.bits(32),
    }),
  ])();

const PROTOCOL_OF = { hopByHop: 0, destination: 60, routing: 43, fragment: 44 } as const;

const igmpMessage = (d: Draw): igmp.IgmpMessage =>
  d.pick<() => igmp.IgmpMessage>([
    () => ({
      kind: 'simple',
      type: d.pick([igmp.MEMBERSHIP_QUERY, igmp.V1_MEMBERSHIP_REPORT, igmp.V2_LEAVE_GROUP]),
      maxResponseCode: d.bits(8),
      group: ip4(d),
    }),
    () => ({
      kind: 'v3Query',
      maxResponseCode: d.bits(8),
      group: ip4(d),
      suppress: d.bool(),
      robustness: d.bits(3),
      queryIntervalCode: d.bits(8),
      sources: d.list(5, () => ip4(d)),
    }),
    () => ({
      kind: 'v3Report',
      records: d.list(4, () => ({ type: d.bits(8), group: ip4(d), sources: d.list(3, () => ip4(d)) })),
    }),
  ])();

const igmpLength = (message: igmp.IgmpMessage): number => {
  if (message.kind === 'simple') return 8;
  if (message.kind === 'v3Query') return 12 + 4 * message.sources.length;
  return message.records.reduce((sum, { sources }) => sum + 8 + 4 * sources.length, 8);
};

const mldMessage = (d: Draw): mld.MldMessage =>
  d.pick<() => mld.MldMessage>([
    () => ({
      kind: 'v1',
      type: d.pick([icmp6.MLD_QUERY, icmp6.MLD_REPORT, icmp6.MLD_DONE]),
      maxResponseCode: d.bits(16),
      group: ip6(d),
    }),
    () => ({
      kind: 'v2Query',
      maxResponseCode: d.bits(16),
      group: ip6(d),
      suppress: d.bool(),
      robustness: d.bits(3),
      queryIntervalCode: d.bits(8),
      sources: d.list(5, () => ip6(d)),
    }),
    () => ({
      kind: 'v2Report',
      records: d.list(4, () => ({ type: d.bits(8), group: ip6(d), sources: d.list(3, () => ip6(d)) })),
    }),
  ])();

const mldLength = (message: mld.MldMessage): number => {
  if (message.kind === 'v1') return 24;
  if (message.kind === 'v2Query') return 28 + 16 * message.sources.length;
  return message.records.reduce((sum, { sources }) => sum + 20 + 16 * sources.length, 8);
};

const ndpMessage = (d: Draw): ndp.NdpMessage => {
  const options = d.list(3, () => ({ type: d.bits(8), data: d.bytes(6 + 8 * d.below(3)) }));
  return d.pick<() => ndp.NdpMessage>([
    () => ({ kind: 'routerSolicitation', options }),
    () => ({
      kind: 'routerAdvertisement',
      hopLimit: d.bits(8),
      flags: d.bits(8),
      routerLifetime: d.bits(16),
      reachableTime: d.bits(32),
      retransmitTime: d.bits(32),
      options,
    }),
    () => ({ kind: 'neighborSolicitation', target: ip6(d), options }),
    () => ({
      kind: 'neighborAdvertisement',
      router: d.bool(),
      solicited: d.bool(),
      override: d.bool(),
      target: ip6(d),
      options,
    }),
    () => ({ kind: 'redirect', target: ip6(d), destination: ip6(d), options }),
  ])();
};

const vrrpHeader = (d: Draw, size: 4 | 16): vrrp.VrrpHeader => {
  const version = size === 16 ? 3 : d.pick([2, 3]);
  return {
    version,
    type: d.bits(4),
    routerId: d.bits(8),
    priority: d.bits(8),
    interval: d.bits(version === 2 ? 8 : 12),
    authType: version === 2 ? d.bits(8) : 0,
    addresses: d.list(5, () => d.bytes(size)),
  };
};

const vrrpCase = (size: 4 | 16): Case<vrrp.VrrpHeader> => ({
  draw: (d) => vrrpHeader(d, size),
  length: ({ addresses }) => 8 + size * addresses.length,
  emit: headerOf((bytes, at, value) => vrrp.emit(bytes, at, value, 0x1234)),
  parse: (bytes, at, end) => vrrp.parse(bytes, at, end, size),
});

readsBack('network', [
  of<Required<ipv4.Ipv4Header>>('IPv4', {
    draw: (d) => ({
      tos: d.bits(8),
      totalLength: 60 + d.below(65000),
      id: d.bits(16),
      reservedFlag: d.bool(),
      dontFragment: d.bool(),
      moreFragments: d.bool(),
      fragmentOffset: d.bits(13) * 8,
      ttl: d.bits(8),
      protocol: d.bits(8),
      checksum: d.bits(16),
      src: ip4(d),
      dst: ip4(d),
      options: ipv4Options(d),
    }),
    length: ({ options }) => ipv4.emittedLength(options),
    emit: (bytes, at, end, value) => ipv4.emit(bytes, at, end, value),
    parse: ipv4.parse,
  }),
  of<ipv6.Ipv6Header>('IPv6', {
    draw: (d) => ({
      trafficClass: d.bits(8),
      flowLabel: d.bits(20),
      payloadLength: d.bits(16),
      nextHeader: d.bits(8),
      hopLimit: d.bits(8),
      src: ip6(d),
      dst: ip6(d),
    }),
    length: fixed(40),
    emit: (bytes, at, end, value) => ipv6.emit(bytes, at, end, value),
    parse: ipv6.parse,
  }),
  of<extension.Ipv6Extension>('IPv6 extension headers', {
    draw: extensionOf,
    length: (value) => extension.emittedLength(value),
    emit: headerOf(extension.emit),
    parse: (bytes, at, end, value) =>
      extension.parse(bytes, at, end, value.kind === 'other' ? value.protocol : PROTOCOL_OF[value.kind]),
  }),
  of<icmp.IcmpHeader>('ICMP', {
    draw: (d) => ({ type: d.bits(8), code: d.bits(8), checksum: d.bits(16), rest: d.bits(32) }),
    length: fixed(8),
    emit: (bytes, at, end, value) => icmp.emit(bytes, at, end, value),
    parse: icmp.parse,
  }),
  of<icmp6.Icmp6Header>('ICMPv6', {
    draw: (d) => ({ type: d.bits(8), code: d.bits(8), checksum: d.bits(16), rest: d.bits(32) }),
    length: fixed(8),
    emit: (bytes, at, end, value) => icmp6.emit(bytes, at, end, value, 0),
    parse: icmp6.parse,
  }),
  of<igmp.IgmpMessage>('IGMP', {
    draw: igmpMessage,
    length: igmpLength,
    emit: headerOf(igmp.emit),
    parse: igmp.parse,
    open: true,
  }),
  of<mld.MldMessage>('MLD', {
    draw: mldMessage,
    length: mldLength,
    emit: headerOf((bytes, at, value) => mld.emit(bytes, at, value, 0)),
    parse: mld.parse,
    open: true,
  }),
  of<ndp.NdpMessage>('neighbour discovery', {
    draw: ndpMessage,
    length: ndp.emittedLength,
    emit: headerOf((bytes, at, value) => ndp.emit(bytes, at, value, 0)),
    parse: ndp.parse,
    open: true,
  }),
  of<udp.UdpHeader>('UDP', {
    draw: (d) => ({ srcPort: d.bits(16), dstPort: d.bits(16), length: 8 + d.below(65528), checksum: d.bits(16) }),
    length: fixed(8),
    emit: (bytes, at, end, value) => udp.emit(bytes, at, end, value, 0),
    parse: udp.parse,
  }),
  of<udplite.UdpLiteHeader>('UDP-Lite', {
    draw: (d) => ({ srcPort: d.bits(16), dstPort: d.bits(16), coverage: d.bits(16), checksum: d.bits(16) }),
    length: fixed(8),
    emit: headerOf(udplite.emit),
    parse: udplite.parse,
  }),
  of<tcp.TcpHeader>('TCP', {
    draw: (d) => ({
      srcPort: d.bits(16),
      dstPort: d.bits(16),
      seq: d.bits(32),
      ack: d.bits(32),
      flags: d.bits(12),
      window: d.bits(16),
      checksum: d.bits(16),
      urgent: d.bits(16),
      options: tcpOptions(d),
    }),
    length: ({ options }) => tcp.emittedLength(options),
    emit: (bytes, at, end, value) => tcp.emit(bytes, at, end, value, 0),
    parse: tcp.parse,
  }),
  of<sctp.SctpHeader>('SCTP', {
    draw: (d) => ({ srcPort: d.bits(16), dstPort: d.bits(16), verificationTag: d.bits(32), checksum: d.bits(32) }),
    length: fixed(12),
    emit: headerOf(sctp.emit),
    parse: sctp.parse,
  }),
  of<sctp.SctpChunk[]>('SCTP chunks', {
    draw: (d) => d.list(5, () => ({ type: d.bits(8), flags: d.bits(8), value: d.bytes(d.below(40)) })),
    length: sctp.emittedChunksLength,
    emit: headerOf(sctp.emitChunks),
    parse: sctp.parseChunks,
    open: true,
  }),
  of<gre.GreHeader>('GRE', {
    draw: (d) => ({
      protocol: d.bits(16),
      checksum: d.bool() ? d.bits(16) : null,
      key: d.bool() ? d.bits(32) : null,
      sequence: d.bool() ? d.bits(32) : null,
    }),
    length: (value) =>
      [value.checksum, value.key, value.sequence].reduce<number>((sum, it) => sum + (it === null ? 0 : 4), 4),
    emit: headerOf(gre.emit),
    parse: gre.parse,
  }),
  of<vxlan.VxlanHeader>('VXLAN', {
    draw: (d) => ({ flags: d.bits(8), vni: d.bits(24) }),
    length: fixed(8),
    emit: headerOf(vxlan.emit),
    parse: vxlan.parse,
  }),
  of<geneve.GeneveHeader>('Geneve', {
    draw: (d) => ({ flags: d.bits(8), protocol: d.bits(16), vni: d.bits(24), options: words(d, 63) }),
    length: ({ options }) => 8 + options.length,
    emit: headerOf(geneve.emit),
    parse: geneve.parse,
  }),
  of<ipsec.AhHeader>('AH', {
    draw: (d) => ({ nextHeader: d.bits(8), spi: d.bits(32), sequence: d.bits(32), icv: words(d, 16) }),
    length: ({ icv }) => 12 + icv.length,
    emit: headerOf(ipsec.emitAh),
    parse: ipsec.parseAh,
  }),
  of<ipsec.EspHeader>('ESP', {
    draw: (d) => ({ spi: d.bits(32), sequence: d.bits(32) }),
    length: fixed(8),
    emit: headerOf(ipsec.emitEsp),
    parse: ipsec.parseEsp,
  }),
  of<vrrp.VrrpHeader>('VRRP', vrrpCase(4)),
  of<vrrp.VrrpHeader>('VRRP over IPv6', vrrpCase(16)),
  of<rip.RipMessage<rip.RipEntry>>('RIP', {
    draw: (d) => ({
      command: d.bits(8),
      version: d.bits(8),
      entries: d.list(25, () => ({
        family: d.bits(16),
        tag: d.bits(16),
        address: ip4(d),
        mask: ip4(d),
        nextHop: ip4(d),
        metric: d.bits(32),
      })),
    }),
    length: ({ entries }) => 4 + 20 * entries.length,
    emit: headerOf(rip.emit),
    parse: rip.parse,
    open: true,
  }),
  of<rip.RipMessage<rip.RipngEntry>>('RIPng', {
    draw: (d) => ({
      command: d.bits(8),
      version: d.bits(8),
      entries: d.list(25, () => ({ prefix: ip6(d), tag: d.bits(16), prefixLength: d.bits(8), metric: d.bits(8) })),
    }),
    length: ({ entries }) => 4 + 20 * entries.length,
    emit: headerOf(rip.emitNg),
    parse: rip.parseNg,
    open: true,
  }),
]);
