/** Packets for comparing filters: for each link type a few dozen of every kind that a filter can tell apart, and some of
 * them cut short at every length. Built by hand from the specifications, so that a fault in netlab's own wire code cannot
 * hide one in its filters. */

export interface TestPacket {
  name: string;
  /** What was captured. */
  bytes: Uint8Array;
  /** Bytes on the wire. */
  originalLength: number;
}

type Part = readonly number[] | Uint8Array;
const join = (...parts: Part[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)];
const ip4 = (text: string): number[] => text.split('.').map(Number);
const mac = (text: string): number[] => text.split(':').map((byte) => Number.parseInt(byte, 16));
const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => index * 37 + seed * 11);

/** Sixteen bytes from `2001:db8::1` (one `::` at most). */
function ip6(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').flatMap((g) => u16(Number.parseInt(g, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  return [...left, ...new Array<number>(16 - left.length - right.length).fill(0), ...right];
}

const MAC_A = mac('00:11:22:33:44:55');
const MAC_B = mac('66:77:88:99:aa:bb');
const MAC_MULTICAST = mac('01:00:5e:00:00:fb');
const MAC_ALL = mac('ff:ff:ff:ff:ff:ff');

export const ether = (type: number, payload: Part, dst: Part = MAC_B, src: Part = MAC_A): Uint8Array =>
  join(dst, src, u16(type), payload);

interface Ipv4Options {
  src?: string;
  dst?: string;
  tos?: number;
  id?: number;
  fragment?: number;
  ttl?: number;
  options?: Part;
}

export function ipv4(protocol: number, payload: Part, options: Ipv4Options = {}): Uint8Array {
  const { src = '10.0.0.1', dst = '192.168.1.20', tos = 0, id = 0x1234, fragment = 0, ttl = 64 } = options;
  const extra = options.options ?? [];
  const headerLength = 20 + extra.length;
  return join(
    [0x40 | (headerLength / 4), tos],
    u16(headerLength + payload.length),
    u16(id),
    u16(fragment),
    [ttl, protocol, 0xab, 0xcd],
    ip4(src),
    ip4(dst),
    extra,
    payload,
  );
}

export const ipv6 = (
  next: number,
  payload: Part,
  src = '2001:db8::1',
  dst = '2001:db8:0:1::20',
  first = 0x60000000,
): Uint8Array => join(u32(first), u16(payload.length), [next, 64], ip6(src), ip6(dst), payload);

export const tcp = (src: number, dst: number, flags: number, payload: Part = [], offset = 5): Uint8Array =>
  join(
    u16(src),
    u16(dst),
    u32(0x01020304),
    u32(0x05060708),
    [offset << 4, flags],
    u16(0x2000),
    u16(0xbeef),
    u16(0),
    payload,
  );

export const udp = (src: number, dst: number, payload: Part = []): Uint8Array =>
  join(u16(src), u16(dst), u16(8 + payload.length), u16(0xcafe), payload);

const sctp = (src: number, dst: number): Uint8Array =>
  join(u16(src), u16(dst), u32(0xdeadbeef), u32(0), [1, 0, 0, 20], pattern(16));

const icmp = (type: number, code: number): Uint8Array => join([type, code], u16(0x1111), u16(7), u16(1), pattern(16));

const arp = (operation: number, sender = '10.0.0.1', target = '10.0.0.2'): Uint8Array =>
  join(u16(1), u16(0x0800), [6, 4], u16(operation), MAC_A, ip4(sender), MAC_ALL, ip4(target));

/** A label stack entry; the bottom of the stack has its bit. */
const mpls = (label: number, bottom: boolean, ttl = 64): number[] =>
  u32(((label << 12) | (bottom ? 0x100 : 0) | ttl) >>> 0);

const vlan = (tag: number, type: number, payload: Part): Uint8Array => join(u16(tag), u16(type), payload);

const pppoe = (session: number, protocol: number, payload: Part): Uint8Array =>
  join([0x11, 0], u16(session), u16(payload.length + 2), u16(protocol), payload);

/** Hop-by-hop options of 8 bytes, then `next`. */
const hopByHop = (next: number, payload: Part): Uint8Array => join([next, 0, 5, 2, 0, 0, 1, 0], payload);
const authentication = (next: number, payload: Part): Uint8Array =>
  join([next, 4, 0, 0], u32(1), u32(2), pattern(12), payload);
const fragment6 = (next: number, offset: number, payload: Part): Uint8Array =>
  join([next, 0], u16(offset), u32(99), payload);
const routing = (next: number, payload: Part): Uint8Array =>
  join([next, 2, 0, 1], u32(0), ip6('2001:db8::99'), payload);

/** The network-layer packets that every link type carries: EtherType, bytes, name. */
function networkPackets(): [name: string, type: number, payload: Uint8Array][] {
  const v4 = (name: string, payload: Uint8Array): [string, number, Uint8Array] => [name, 0x0800, payload];
  const v6 = (name: string, payload: Uint8Array): [string, number, Uint8Array] => [name, 0x86dd, payload];
  const web = tcp(54321, 443, 0x02, pattern(20));
  const answer = tcp(80, 40000, 0x12);
  const dns = udp(5353, 53, pattern(30));
  return [
    v4('tcp syn to https', ipv4(6, web)),
    v4('tcp syn-ack from http', ipv4(6, answer, { src: '192.168.1.20', dst: '10.0.0.1' })),
    v4('tcp fin-ack, options', ipv4(6, tcp(22, 1024, 0x11, pattern(12), 8), { options: pattern(8) })),
    v4('tcp rst', ipv4(6, tcp(443, 6000, 0x04), { src: '172.16.5.4', dst: '10.1.2.3', ttl: 1 })),
    v4('tcp psh-ack with data', ipv4(6, tcp(8080, 1234, 0x18, pattern(60)), { fragment: 0x4000 })),
    v4('udp dns', ipv4(17, dns, { dst: '8.8.8.8' })),
    v4('udp ntp', ipv4(17, udp(123, 123, pattern(48)), { tos: 0xb8 })),
    v4('udp dhcp', ipv4(17, udp(68, 67, pattern(60)), { src: '0.0.0.0', dst: '255.255.255.255' })),
    v4('udp multicast', ipv4(17, udp(5353, 5353, pattern(12)), { dst: '224.0.0.251', ttl: 255 })),
    v4('udp vxlan', ipv4(17, udp(40000, 4789, join([8, 0, 0, 0], [0, 0, 42, 0], ether(0x0800, ipv4(6, web)))))),
    v4('udp geneve', ipv4(17, udp(40000, 6081, join([0, 0, 0x65, 0x58], [0, 0, 7, 0], ether(0x0800, ipv4(17, dns)))))),
    v4(
      'udp geneve, options',
      ipv4(17, udp(40000, 6081, join([2, 0, 0x65, 0x58], [0, 0, 5, 0], pattern(8), ether(0x86dd, ipv6(6, web))))),
    ),
    v4('udp geneve with ip inside', ipv4(17, udp(40000, 6081, join([0, 0, 0x08, 0x00], [0, 0, 7, 0], ipv4(6, web))))),
    v4('sctp', ipv4(132, sctp(5000, 80))),
    v4('icmp echo', ipv4(1, icmp(8, 0), { src: '10.0.0.2' })),
    v4('icmp echo reply', ipv4(1, icmp(0, 0))),
    v4('icmp unreachable', ipv4(1, icmp(3, 1))),
    v4('icmp time exceeded', ipv4(1, icmp(11, 0))),
    v4('igmp', ipv4(2, [0x16, 0, 0xde, 0xad, 224, 0, 0, 5], { dst: '224.0.0.5', options: [0x94, 4, 0, 0] })),
    v4('gre', ipv4(47, join([0, 0, 8, 0], ipv4(6, web)))),
    v4('esp', ipv4(50, pattern(40))),
    v4('ah over tcp', ipv4(51, authentication(6, web))),
    v4('ospf', ipv4(89, pattern(24), { dst: '224.0.0.5' })),
    v4('vrrp', ipv4(112, pattern(20), { dst: '224.0.0.18' })),
    v4('pim', ipv4(103, pattern(20))),
    v4('first fragment', ipv4(6, web, { fragment: 0x2000 })),
    v4('later fragment', ipv4(6, pattern(24), { fragment: 0x00b9 })),
    v4('last fragment of udp', ipv4(17, pattern(24), { fragment: 0x0172 })),
    v4('don’t fragment, later fragment', ipv4(6, web, { fragment: 0x4001 })),
    v4(
      'header length of 0',
      Uint8Array.from(ipv4(6, web), (byte, index) => (index === 0 ? 0x40 : byte)),
    ),
    v4(
      'header length of 60',
      Uint8Array.from(ipv4(6, web), (byte, index) => (index === 0 ? 0x4f : byte)),
    ),
    v4(
      'version 6 in an IPv4 frame',
      Uint8Array.from(ipv4(6, web), (byte, index) => (index === 0 ? 0x65 : byte)),
    ),
    v6('tcp6 syn to https', ipv6(6, web)),
    v6('tcp6 from http', ipv6(6, answer, '2001:db8:0:1::20', '2001:db8::1')),
    v6('udp6 dns', ipv6(17, dns, 'fe80::1', 'ff02::fb', 0x6ab12345)),
    v6('udp6 vxlan', ipv6(17, udp(40000, 4789, join([8, 0, 0, 0], [0, 0, 42, 0], ether(0x86dd, ipv6(6, web)))))),
    v6('udp6 geneve', ipv6(17, udp(40000, 6081, join([0, 0, 0x65, 0x58], [0, 0, 7, 0], ether(0x0800, ipv4(6, web)))))),
    v6('sctp6', ipv6(132, sctp(80, 5000))),
    v6('icmp6 echo', ipv6(58, icmp(128, 0))),
    v6('icmp6 neighbor solicitation', ipv6(58, icmp(135, 0), 'fe80::1', 'ff02::1:ff00:20')),
    v6('icmp6 router advertisement', ipv6(58, icmp(134, 0), 'fe80::ff', 'ff02::1')),
    v6('hop-by-hop, icmp6', ipv6(0, hopByHop(58, icmp(143, 0)))),
    v6('hop-by-hop, routing, tcp6', ipv6(0, hopByHop(43, routing(6, web)))),
    v6('destination options, udp6', ipv6(60, hopByHop(17, dns))),
    v6('ah, tcp6', ipv6(51, authentication(6, web))),
    v6('esp6', ipv6(50, pattern(40))),
    v6('first fragment, tcp6', ipv6(44, fragment6(6, 1, web))),
    v6('later fragment, tcp6', ipv6(44, fragment6(6, 0x5a8, pattern(30)))),
    v6('fragment of udp6', ipv6(44, fragment6(17, 0, dns))),
    v6('no next header', ipv6(59, [])),
    ['arp request', 0x0806, arp(1)],
    ['arp reply', 0x0806, arp(2, '192.168.1.20', '10.0.0.1')],
    ['rarp request', 0x8035, arp(3)],
    ['mpls, one label, ip', 0x8847, join(mpls(100, true), ipv4(6, web))],
    ['mpls, two labels, ip', 0x8847, join(mpls(100, false), mpls(1024, true), ipv4(17, dns))],
    ['mpls, three labels, ip6', 0x8847, join(mpls(5, false), mpls(100, false), mpls(16, true), ipv6(6, web))],
    ['mpls multicast', 0x8848, join(mpls(100, true), ipv4(6, web))],
    ['pppoe discovery', 0x8863, join([0x11, 9], u16(0), u16(4), pattern(4))],
    ['pppoe session, ip', 0x8864, pppoe(0x27, 0x0021, ipv4(6, web))],
    ['pppoe session, ip6', 0x8864, pppoe(0x11, 0x0057, ipv6(17, dns))],
    ['pppoe session, lcp', 0x8864, pppoe(0x27, 0xc021, pattern(10))],
    ['ipx', 0x8137, pattern(40)],
    ['appletalk', 0x809b, pattern(40)],
    ['aarp', 0x80f3, pattern(28)],
    ['decnet', 0x6003, join([0x19, 0, 0x02, 0x81], pattern(30))],
    ['decnet, short', 0x6003, join([0x0f, 0, 0x81, 0x02], pattern(30))],
    ['lat', 0x6004, pattern(20)],
    ['lldp', 0x88cc, pattern(40)],
  ];
}

/** 802.3 frames with an LLC header. */
function llcFrames(): [name: string, payload: Uint8Array][] {
  return [
    ['stp', join([0x42, 0x42, 3], [0, 0, 0, 0, 0], pattern(30))],
    ['netbeui', join([0xf0, 0xf0, 3], pattern(30))],
    ['ipx over 802.2', join([0xe0, 0xe0, 3], pattern(30))],
    ['ipx over 802.3', join([0xff, 0xff, 0, 30], pattern(30))],
    ['snap, ip', join([0xaa, 0xaa, 3, 0, 0, 0, 8, 0], ipv4(6, tcp(1, 80, 2)))],
    ['snap, appletalk', join([0xaa, 0xaa, 3, 8, 0, 7, 0x80, 0x9b], pattern(30))],
    ['snap, aarp', join([0xaa, 0xaa, 3, 0, 0, 0, 0x80, 0xf3], pattern(30))],
    ['snap, ipx', join([0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0x37], pattern(30))],
    ['iso is-is, level 1 hello', join([0xfe, 0xfe, 3, 0x83, 27, 1, 0, 15, 1, 0, 0], pattern(30))],
    ['iso is-is, level 2 lsp', join([0xfe, 0xfe, 3, 0x83, 27, 1, 0, 20, 1, 0, 0], pattern(30))],
    ['iso is-is, point to point', join([0xfe, 0xfe, 3, 0x83, 27, 1, 0, 17, 1, 0, 0], pattern(30))],
    ['iso es-is', join([0xfe, 0xfe, 3, 0x82, 10], pattern(30))],
    ['iso clnp', join([0xfe, 0xfe, 3, 0x81, 10], pattern(30))],
    ['llc information', join([0x04, 0x08, 0x10, 0x12], pattern(20))],
    ['llc receiver ready', join([0x04, 0x08, 0x01, 0x12], pattern(20))],
    ['llc receiver not ready', join([0x04, 0x08, 0x05, 0x12], pattern(20))],
    ['llc reject', join([0x04, 0x09, 0x09, 0x12], pattern(20))],
    ['llc xid', join([0x00, 0x01, 0xaf, 0x81], pattern(20))],
    ['llc test', join([0x00, 0x01, 0xe3], pattern(20))],
    ['llc sabme', join([0x04, 0x04, 0x7f], pattern(20))],
    ['llc disconnect', join([0x04, 0x04, 0x53], pattern(20))],
  ];
}

const whole = (name: string, bytes: Uint8Array): TestPacket => ({ name, bytes, originalLength: bytes.length });

/** A packet cut short at every length from nothing to all but one byte. */
function cuts({ name, bytes }: TestPacket): TestPacket[] {
  return Array.from({ length: bytes.length }, (_, length) => ({
    name: `${name}, cut at ${length}`,
    bytes: bytes.subarray(0, length),
    originalLength: bytes.length,
  }));
}

function ethernetPackets(): TestPacket[] {
  const packets: TestPacket[] = [];
  const network = networkPackets();
  for (const [name, type, payload] of network) packets.push(whole(name, ether(type, payload)));
  for (const [name, payload] of llcFrames())
    packets.push(whole(name, ether(payload.length, payload, mac('01:80:c2:00:00:00'))));
  const find = (name: string): Uint8Array => network.find(([candidate]) => candidate === name)![2];
  const web = find('tcp syn to https');
  const web6 = find('tcp6 syn to https');
  packets.push(
    whole('broadcast ip', ether(0x0800, find('udp dhcp'), MAC_ALL)),
    whole('multicast ip', ether(0x0800, find('udp multicast'), MAC_MULTICAST)),
    whole('multicast ip6', ether(0x86dd, find('icmp6 router advertisement'), mac('33:33:00:00:00:01'))),
    whole('from b to a', ether(0x0800, web, MAC_A, MAC_B)),
    whole('other addresses', ether(0x0800, web, mac('de:ad:be:ef:00:01'), mac('02:00:00:00:00:02'))),
    whole('vlan 5, tcp', ether(0x8100, vlan(5, 0x0800, web))),
    whole('vlan 100, priority 7, tcp6', ether(0x8100, vlan(0xe064, 0x86dd, web6))),
    whole('vlan 4095, udp', ether(0x8100, vlan(4095, 0x0800, find('udp dns')))),
    whole('vlan 5, arp', ether(0x8100, vlan(5, 0x0806, arp(1)))),
    whole('vlan 5, drop eligible, icmp', ether(0x8100, vlan(0x1005, 0x0800, find('icmp echo')))),
    whole('qinq 200 and 5, tcp', ether(0x88a8, vlan(200, 0x8100, vlan(5, 0x0800, web)))),
    whole('qinq of 0x9100', ether(0x9100, vlan(300, 0x8100, vlan(100, 0x86dd, web6)))),
    whole('two tags of 0x8100', ether(0x8100, vlan(200, 0x8100, vlan(5, 0x0800, find('udp dns'))))),
    whole('three tags', ether(0x8100, vlan(1, 0x8100, vlan(2, 0x8100, vlan(3, 0x0800, web))))),
    whole('vlan, mpls, ip', ether(0x8100, vlan(7, 0x8847, join(mpls(100, true), web)))),
    whole('vlan, pppoe, ip', ether(0x8100, vlan(7, 0x8864, pppoe(1, 0x0021, web)))),
    whole('vlan, 802.3', ether(0x8100, vlan(5, 40, join([0x42, 0x42, 3], pattern(37))))),
    whole('pppoe, mpls', ether(0x8864, pppoe(2, 0x0281, join(mpls(100, true), web)))),
    whole('jumbo', ether(0x0800, ipv4(6, tcp(9999, 80, 0x10, pattern(1600))))),
    whole('of 60 bytes', ether(0x0800, ipv4(17, udp(7, 9, pattern(18))))),
    whole('type 1500', ether(1500, pattern(50))),
    whole('type 1501', ether(1501, pattern(50))),
    whole('loopback type', ether(0x9000, pattern(46))),
  );
  for (const name of [
    'tcp syn to https',
    'tcp fin-ack, options',
    'udp geneve, options',
    'tcp6 syn to https',
    'first fragment, tcp6',
    'arp request',
    'mpls, two labels, ip',
    'pppoe session, ip',
    'qinq 200 and 5, tcp',
    'iso is-is, level 1 hello',
    'snap, ip',
  ])
    packets.push(...cuts(packets.find((packet) => packet.name === name)!));
  return packets;
}

/** Every network packet behind a link header made by `wrapped`, and three of them cut at every length. */
function linked(wrapped: (type: number, payload: Uint8Array) => Uint8Array | null): TestPacket[] {
  const packets: TestPacket[] = [];
  for (const [name, type, payload] of networkPackets()) {
    const bytes = wrapped(type, payload);
    if (bytes !== null) packets.push(whole(name, bytes));
  }
  for (const name of ['tcp syn to https', 'hop-by-hop, routing, tcp6', 'udp dns']) {
    const packet = packets.find((candidate) => candidate.name === name);
    if (packet) packets.push(...cuts(packet));
  }
  return packets;
}

const PPP_PROTOCOL = new Map([
  [0x0800, 0x0021],
  [0x86dd, 0x0057],
  [0x8847, 0x0281],
  [0x8137, 0x002b],
  [0x809b, 0x0029],
  [0x6003, 0x0027],
]);

/** A data frame of 802.11: the direction bits decide which addresses there are, QoS adds two bytes. */
function wlan(direction: number, qos: boolean, payload: Part): Uint8Array {
  const addresses = [MAC_B, MAC_A, mac('de:ad:be:ef:00:01')];
  const fourth = direction === 3 ? mac('02:00:00:00:00:02') : [];
  return join([qos ? 0x88 : 0x08, direction, 0x2c, 0], ...addresses, [0x10, 0], fourth, qos ? [0, 0] : [], payload);
}

const snap = (type: number, payload: Part): Uint8Array => join([0xaa, 0xaa, 3, 0, 0, 0], u16(type), payload);
const beacon = (subtype: number): Uint8Array =>
  join([subtype << 4, 0, 0, 0], MAC_ALL, MAC_A, MAC_A, [0x20, 0], pattern(40));
const control = (subtype: number): Uint8Array => join([(subtype << 4) | 4, 0, 0x10, 0], MAC_A, MAC_B);

function wlanPackets(prefix: (index: number) => number[]): TestPacket[] {
  const packets: TestPacket[] = [];
  let index = 0;
  const add = (name: string, frame: Uint8Array): void => void packets.push(whole(name, join(prefix(index++), frame)));
  for (const [name, type, payload] of networkPackets())
    add(name, wlan(index % 4, index % 3 === 0, snap(type, payload)));
  for (let subtype = 0; subtype < 16; subtype++) {
    add(`management subtype ${subtype}`, beacon(subtype));
    add(`control subtype ${subtype}`, control(subtype));
    add(
      `data subtype ${subtype}`,
      join([(subtype << 4) | 8, subtype % 4, 0, 0], MAC_B, MAC_A, MAC_ALL, [0, 0], pattern(30)),
    );
  }
  for (const name of ['tcp syn to https', 'tcp6 syn to https', 'management subtype 8'])
    packets.push(...cuts(packets.find((packet) => packet.name === name)!));
  return packets;
}

/** Radiotap headers of three lengths; the last asks for padding after the 802.11 header. */
const radiotap = (index: number): number[] =>
  [
    [0, 0, 8, 0, 0, 0, 0, 0],
    [0, 0, 13, 0, 0x2e, 0, 0, 0, 0x10, 0x0c, 0x6c, 0x09, 0xc0],
    [0, 0, 9, 0, 0x02, 0, 0, 0, 0x20],
    [0, 0, 17, 0, 0x03, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20],
  ][index % 4]!;

/** DLT_ values as libpcap's compiler takes them, and packets of each. */
export function packetsOf(linkType: number): TestPacket[] {
  const ip = (type: number, payload: Uint8Array): Uint8Array | null =>
    type === 0x0800 || type === 0x86dd ? payload : null;
  switch (linkType) {
    case 1:
      return ethernetPackets();
    case 12:
    case 228:
    case 229:
      return linked(ip);
    case 0:
    case 108: {
      const family = (type: number): number => (type === 0x0800 ? 2 : type === 0x86dd ? 10 : 99);
      return linked((type, payload) =>
        join(linkType === 0 ? [family(type), 0, 0, 0] : u32(family(type)), payload),
      ).concat(
        linked((type, payload) => (type === 0x86dd ? join(linkType === 0 ? [30, 0, 0, 0] : u32(24), payload) : null)),
      );
    }
    case 113: {
      const packets = linked((type, payload) =>
        join(u16(type & 7 & 3), u16(1), u16(6), MAC_A, [0, 0], u16(type), payload),
      );
      packets.push(
        ...[0, 1, 2, 3, 4].map((direction) =>
          whole(
            `direction ${direction}`,
            join(u16(direction), u16(1), u16(6), MAC_B, [0, 0], u16(0x0800), ipv4(6, tcp(1, 80, 2))),
          ),
        ),
        whole('802.2', join(u16(0), u16(1), u16(6), MAC_A, [0, 0], u16(4), llcFrames()[0]![1])),
        whole('802.3 novell', join(u16(0), u16(1), u16(6), MAC_A, [0, 0], u16(1), llcFrames()[3]![1])),
        whole(
          'vlan',
          join(u16(0), u16(1), u16(6), MAC_A, [0, 0], u16(0x8100), vlan(5, 0x0800, ipv4(6, tcp(1, 80, 2)))),
        ),
      );
      return packets;
    }
    case 276: {
      const sll2 = (type: number, index: number, direction: number, payload: Part): Uint8Array =>
        join(u16(type), u16(0), u32(index), u16(1), [direction, 6], MAC_A, [0, 0], payload);
      const packets = linked((type, payload) => sll2(type, 2, type & 3, payload));
      packets.push(
        ...[0, 1, 2, 3, 4].map((direction) =>
          whole(`direction ${direction}`, sll2(0x0800, direction, direction, ipv4(6, tcp(1, 80, 2)))),
        ),
        whole('802.2', sll2(4, 1, 0, llcFrames()[0]![1])),
        whole('vlan', sll2(0x8100, 1, 0, vlan(5, 0x0800, ipv4(6, tcp(1, 80, 2))))),
      );
      return packets;
    }
    case 9:
      return linked((type, payload) => {
        const protocol = PPP_PROTOCOL.get(type);
        return protocol === undefined ? null : join([0xff, 3], u16(protocol), payload);
      });
    case 50:
      return linked((type, payload) => {
        const protocol = PPP_PROTOCOL.get(type);
        return protocol === undefined ? null : join([0x0f, 0], u16(type), payload);
      }).concat(
        linked((type, payload) => {
          const protocol = PPP_PROTOCOL.get(type);
          return protocol === undefined ? null : join([0xff, 3], u16(protocol), payload);
        }),
      );
    case 51:
      return linked((type, payload) => {
        const protocol = PPP_PROTOCOL.get(type);
        return protocol === undefined ? null : pppoe(3, protocol, payload);
      });
    case 105:
      return wlanPackets(() => []);
    case 127:
      return wlanPackets(radiotap);
    default:
      throw new RangeError(`no packets of link type ${linkType}`);
  }
}
