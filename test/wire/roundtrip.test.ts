/** What is written reads back, for every protocol that can be written: `parse(emit(x))` is `x` for random `x`. Emission goes
 * to an odd offset of memory full of 0xa5, so that a byte that was not written shows, and so does one written outside. */
import { describe, expect, it } from 'vitest';
import * as arp from '../../src/wire/arp.ts';
import * as dhcp from '../../src/wire/dhcp.ts';
import * as dhcpv6 from '../../src/wire/dhcpv6.ts';
import * as dns from '../../src/wire/dns.ts';
import * as eapol from '../../src/wire/eapol.ts';
import * as ethernet from '../../src/wire/ethernet.ts';
import * as geneve from '../../src/wire/geneve.ts';
import * as gre from '../../src/wire/gre.ts';
import * as icmp from '../../src/wire/icmp.ts';
import * as icmp6 from '../../src/wire/icmp6.ts';
import * as igmp from '../../src/wire/igmp.ts';
import * as ipsec from '../../src/wire/ipsec.ts';
import * as ipv4 from '../../src/wire/ipv4.ts';
import * as ipv6 from '../../src/wire/ipv6.ts';
import * as extension from '../../src/wire/ipv6-extension.ts';
import * as llc from '../../src/wire/llc.ts';
import * as lldp from '../../src/wire/lldp.ts';
import * as loopback from '../../src/wire/loopback.ts';
import * as mld from '../../src/wire/mld.ts';
import * as mpls from '../../src/wire/mpls.ts';
import * as ndp from '../../src/wire/ndp.ts';
import * as ntp from '../../src/wire/ntp.ts';
import * as ppp from '../../src/wire/ppp.ts';
import * as pppoe from '../../src/wire/pppoe.ts';
import * as rip from '../../src/wire/rip.ts';
import * as sctp from '../../src/wire/sctp.ts';
import * as sll from '../../src/wire/sll.ts';
import * as sll2 from '../../src/wire/sll2.ts';
import { isStop } from '../../src/wire/stop.ts';
import * as stp from '../../src/wire/stp.ts';
import * as tcp from '../../src/wire/tcp.ts';
import type { TcpOption } from '../../src/wire/tcp-options.ts';
import * as tftp from '../../src/wire/tftp.ts';
import * as udp from '../../src/wire/udp.ts';
import * as udplite from '../../src/wire/udplite.ts';
import * as vlan from '../../src/wire/vlan.ts';
import * as vrrp from '../../src/wire/vrrp.ts';
import * as vxlan from '../../src/wire/vxlan.ts';
import { random } from '../dissect/mutate.ts';

const SEED = Number(process.env['SEED'] ?? 1);
/** Values of each kind. */
const ROUNDS = 300;
/** Where they are written, with as many bytes behind that must stay as they are. */
const MARGIN = 3;

/** Draws values. */
class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** From 0 up to `limit`, which is not drawn. */
  below = (limit: number): number => Math.floor(this.#next() * limit);
  /** The edges more often than what is between. */
  bits = (count: number): number => {
    const kind = this.below(8);
    if (kind === 0) return 0;
    if (kind === 1) return 2 ** count - 1;
    return Math.floor(this.#next() * 2 ** count);
  };
  bool = (): boolean => this.below(2) === 1;
  bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.below(256));
  pick = <T>(values: readonly T[]): T => values[this.below(values.length)]!;
  list = <T>(most: number, one: () => T): T[] => Array.from({ length: this.below(most + 1) }, one);
  /** Text without zeros, a byte a character. */
  text = (most: number): string => String.fromCharCode(...this.list(most, () => 1 + this.below(255)));
  name = (): string => this.list(4, () => this.pick(['a', 'www', 'example', 'x\\.y', '\\000\\255', 'org'])).join('.');
}

interface Case<T> {
  draw: (d: Draw) => T;
  /** Bytes that the value takes. */
  length: (value: T) => number;
  emit: (bytes: Uint8Array, at: number, end: number, value: T) => number;
  parse: (bytes: Uint8Array, at: number, end: number, value: T) => object;
  /** What is read, where the value does not say all of it (checksums and lengths that are computed). */
  read?: (value: T) => object;
  /** A shorter piece may be whole in itself (a list of values, text, payload). */
  open?: true;
}

/** Names a case, with its type checked. */
const of = <T extends object>(name: string, value: Case<T>): [string, Case<T>] => [name, value];
const fixed = (length: number) => (): number => length;
/** `emit` without an end. */
const headerOf =
  <T>(emit: (bytes: Uint8Array, at: number, value: T) => number) =>
  (bytes: Uint8Array, at: number, _: number, value: T): number =>
    emit(bytes, at, value);

const mac = (d: Draw): Uint8Array => d.bytes(6);
const ip4 = (d: Draw): Uint8Array => d.bytes(4);
const ip6 = (d: Draw): Uint8Array => d.bytes(16);
const time = (d: Draw): ntp.NtpTimestamp => ({ seconds: d.bits(32), fraction: d.bits(32) });
const words = (d: Draw, most: number, unit = 4): Uint8Array => d.bytes(d.below(most + 1) * unit);

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

const record = (d: Draw): dns.DnsRecord => ({
  name: d.name(),
  type: d.bits(16),
  class: d.bits(16),
  ttl: d.bits(32),
  data: d.bytes(d.below(40)),
});

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

const tftpMessage = (d: Draw): tftp.TftpMessage => {
  // Text that ends in a zero of its own would be another text, and an empty last one cannot be told from none.
  const text = (): string => `${d.text(10)}x`;
  const options = d.list(3, () => ({ name: text(), value: text() }));
  return d.pick<() => tftp.TftpMessage>([
    () => ({ kind: d.pick(['read', 'write'] as const), file: text(), mode: text(), options }),
    () => ({ kind: 'data', block: d.bits(16), data: d.bytes(d.below(600)) }),
    () => ({ kind: 'ack', block: d.bits(16) }),
    () => ({ kind: 'error', code: d.bits(16), message: d.text(20) }),
    () => ({ kind: 'oack', options }),
  ])();
};

const stpUnit = (d: Draw): stp.StpUnit =>
  d.below(5) === 0
    ? { kind: 'topologyChange' }
    : {
        kind: d.pick(['config', 'rapid'] as const),
        flags: d.bits(8),
        root: d.bytes(8),
        cost: d.bits(32),
        bridge: d.bytes(8),
        port: d.bits(16),
        messageAge: d.bits(16),
        maxAge: d.bits(16),
        helloTime: d.bits(16),
        forwardDelay: d.bits(16),
      };

const STP_LENGTH = { topologyChange: 4, config: 35, rapid: 36 } as const;

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

const dhcpOptions = (d: Draw): dhcp.DhcpOption[] => [
  ...d.list(6, () => {
    const code = d.below(255);
    return { code, data: d.bytes(code === dhcp.OPTION_PAD ? 0 : d.below(30)) };
  }),
  { code: dhcp.OPTION_END, data: d.bytes(0) },
];

const CASES = [
  of<ethernet.EthernetHeader>('Ethernet', {
    draw: (d) => ({ dst: mac(d), src: mac(d), type: d.bits(16) }),
    length: fixed(14),
    emit: headerOf(ethernet.emit),
    parse: ethernet.parse,
  }),
  of<vlan.VlanTag>('VLAN', {
    draw: (d) => ({ priority: d.bits(3), dei: d.bool(), id: d.bits(12), type: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(vlan.emit),
    parse: vlan.parse,
  }),
  of<llc.LlcHeader>('LLC', {
    draw: (d) =>
      d.bool()
        ? { dsap: 0xaa, ssap: 0xaa, control: 3, snap: { oui: d.bits(24), pid: d.bits(16) } }
        : { dsap: d.below(0xaa), ssap: d.below(0xaa), control: d.pick([3, 0xe3, 0x0102]), snap: null },
    length: ({ control, snap }) => (control > 255 ? 4 : 3) + (snap === null ? 0 : 5),
    emit: headerOf(llc.emit),
    parse: llc.parse,
  }),
  of<sll.SllHeader>('Linux cooked', {
    draw: (d) => ({
      packetType: d.bits(16),
      hardwareType: d.bits(16),
      address: mac(d),
      addressLength: 6,
      protocol: d.bits(16),
    }),
    length: fixed(16),
    emit: headerOf(sll.emit),
    parse: sll.parse,
  }),
  of<sll2.Sll2Header>('Linux cooked, version 2', {
    draw: (d) => ({
      protocol: d.bits(16),
      interfaceIndex: d.bits(32),
      hardwareType: d.bits(16),
      packetType: d.bits(8),
      address: mac(d),
      addressLength: 6,
    }),
    length: fixed(20),
    emit: headerOf(sll2.emit),
    parse: sll2.parse,
  }),
  of<loopback.LoopbackHeader>('BSD loopback', {
    draw: (d) => ({ family: 1 + d.below(255), littleEndian: d.bool() }),
    length: fixed(4),
    emit: headerOf(loopback.emit),
    parse: loopback.parse,
  }),
  of<arp.ArpMessage>('ARP', {
    draw: (d) => {
      const hardware = d.below(9);
      const protocol = d.below(9);
      return {
        hardwareType: d.bits(16),
        protocolType: d.bits(16),
        operation: d.bits(16),
        senderHardware: d.bytes(hardware),
        senderProtocol: d.bytes(protocol),
        targetHardware: d.bytes(hardware),
        targetProtocol: d.bytes(protocol),
      };
    },
    length: ({ senderHardware, senderProtocol }) => 8 + 2 * (senderHardware.length + senderProtocol.length),
    emit: headerOf(arp.emit),
    parse: arp.parse,
  }),
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
  of<mpls.MplsEntry>('MPLS', {
    draw: (d) => ({ label: d.bits(20), trafficClass: d.bits(3), bottom: d.bool(), ttl: d.bits(8) }),
    length: fixed(4),
    emit: headerOf(mpls.emit),
    parse: mpls.parse,
  }),
  of<pppoe.PppoeHeader>('PPPoE', {
    draw: (d) => ({ code: d.bits(8), sessionId: d.bits(16), length: d.bits(16) }),
    length: fixed(6),
    emit: headerOf(pppoe.emit),
    parse: pppoe.parse,
  }),
  of<ppp.PppControl>('PPP control', {
    draw: (d) => ({ code: d.bits(8), identifier: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(ppp.emit),
    parse: ppp.parse,
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
  of<lldp.LldpTlv[]>('LLDP', {
    draw: (d) => d.list(8, () => ({ type: 1 + d.below(127), value: d.bytes(d.pick([0, 1, 20, 511])) })),
    length: lldp.emittedLength,
    emit: headerOf(lldp.emit),
    parse: lldp.parse,
    open: true,
  }),
  of<eapol.EapolHeader>('EAPOL', {
    draw: (d) => ({ version: d.bits(8), type: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(eapol.emit),
    parse: eapol.parse,
  }),
  of<eapol.EapHeader>('EAP', {
    draw: (d) => ({ code: d.bits(8), identifier: d.bits(8), length: d.bits(16) }),
    length: fixed(4),
    emit: headerOf(eapol.emitEap),
    parse: eapol.parseEap,
  }),
  of<stp.StpUnit>('STP', {
    draw: stpUnit,
    length: ({ kind }) => STP_LENGTH[kind],
    emit: headerOf(stp.emit),
    parse: stp.parse,
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
  of<dns.DnsMessage>('DNS', {
    draw: (d) => ({
      id: d.bits(16),
      flags: d.bits(16),
      questions: d.list(3, () => ({ name: d.name(), type: d.bits(16), class: d.bits(16) })),
      answers: d.list(3, () => record(d)),
      authorities: d.list(3, () => record(d)),
      additionals: d.list(3, () => record(d)),
    }),
    length: dns.emittedLength,
    emit: headerOf(dns.emit),
    parse: dns.parse,
  }),
  of<dhcp.DhcpMessage>('DHCP', {
    draw: (d) => ({
      op: d.bits(8),
      hardwareType: d.bits(8),
      hardwareLength: d.bits(8),
      hops: d.bits(8),
      xid: d.bits(32),
      secs: d.bits(16),
      flags: d.bits(16),
      ciaddr: ip4(d),
      yiaddr: ip4(d),
      siaddr: ip4(d),
      giaddr: ip4(d),
      chaddr: d.bytes(16),
      sname: d.bytes(64),
      file: d.bytes(128),
      options: d.below(5) === 0 ? null : dhcpOptions(d),
    }),
    length: dhcp.emittedLength,
    emit: headerOf(dhcp.emit),
    parse: dhcp.parse,
    open: true,
  }),
  of<dhcpv6.Dhcpv6Message>('DHCPv6', {
    draw: (d) => {
      const options = d.list(5, () => ({ code: d.bits(16), data: d.bytes(d.below(40)) }));
      return d.bool()
        ? { kind: 'message', type: 1 + d.below(11), transactionId: d.bits(24), options }
        : { kind: 'relay', type: 12 + d.below(2), hops: d.bits(8), linkAddress: ip6(d), peerAddress: ip6(d), options };
    },
    length: dhcpv6.emittedLength,
    emit: headerOf(dhcpv6.emit),
    parse: dhcpv6.parse,
    open: true,
  }),
  of<ntp.NtpHeader>('NTP', {
    draw: (d) => ({
      leap: d.bits(2),
      version: d.bits(3),
      mode: d.bits(3),
      stratum: d.bits(8),
      poll: d.bits(8) - 128,
      precision: d.bits(8) - 128,
      rootDelay: d.bits(32),
      rootDispersion: d.bits(32),
      referenceId: d.bits(32),
      reference: time(d),
      origin: time(d),
      receive: time(d),
      transmit: time(d),
    }),
    length: fixed(48),
    emit: headerOf(ntp.emit),
    parse: ntp.parse,
  }),
  of<tftp.TftpMessage>('TFTP', {
    draw: tftpMessage,
    length: tftp.emittedLength,
    emit: headerOf(tftp.emit),
    parse: tftp.parse,
    open: true,
  }),
] as unknown as [string, Case<object>][];

describe(`what is written reads back (SEED=${SEED})`, () => {
  it.each(CASES)('%s', (_, { draw, length, emit, parse, open }) => {
    const d = new Draw(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const value = draw(d);
      const size = length(value);
      const bytes = new Uint8Array(size + 2 * MARGIN).fill(0xa5);
      const end = emit(bytes, MARGIN, MARGIN + size, value);
      expect(end, 'the offset behind what was written').toBe(MARGIN + size);
      expect(parse(bytes, MARGIN, end, value)).toEqual(value);
      for (let i = 0; i < MARGIN; i++)
        expect([bytes[i], bytes[size + MARGIN + i]], 'bytes outside').toEqual([165, 165]);
      // The same in memory full of other bytes: each byte was written.
      const other = new Uint8Array(bytes.length).fill(0x5a);
      emit(other, MARGIN, MARGIN + size, value);
      expect(Buffer.compare(other.subarray(MARGIN, end), bytes.subarray(MARGIN, end)), 'all bytes are written').toBe(0);
      // A shorter piece is a stop, or a value of its own; never a throw.
      const shorter = parse(bytes, MARGIN, MARGIN + d.below(size), value);
      if (!open && size > 0) expect(isStop(shorter)).toBe(true);
    }
  });

  it.each(CASES)('%s: any bytes are a value or a stop within them', (_, { draw, parse }) => {
    const d = new Draw(SEED + 1);
    for (let round = 0; round < ROUNDS; round++) {
      const bytes = d.bytes(d.below(120));
      const result = parse(bytes, 0, bytes.length, draw(d));
      if (!isStop(result)) continue;
      expect(result.offset).toBeGreaterThanOrEqual(0);
      expect(result.offset).toBeLessThanOrEqual(bytes.length);
      expect(result.available).toBeGreaterThanOrEqual(0);
    }
  });
});
