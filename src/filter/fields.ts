/** Which header field lies at an offset: tables of the headers that filters look into, in words for a person. Offsets are
 * the specifications' (RFC 791, 8200, 9293, 768, 792, 4443, 826; IEEE 802.3, 802.1Q, 802.2). */

/** A field, or some of its bits, by its place in its header. */
export interface Field {
  readonly at: number;
  readonly length: number;
  /** As it reads after 'the': `IPv4 protocol`. */
  readonly name: string;
  /** A value in words, for those that have a name. */
  readonly value?: (value: number) => string;
  /** How parts of an address are written. */
  readonly address?: 'mac' | 'ipv4' | 'ipv6';
  readonly bits?: readonly Bits[];
}

/** Bits inside a field. `flag` reads after 'the': `SYN flag`; a number has `shift`. */
export interface Bits {
  readonly mask: number;
  readonly name: string;
  readonly isFlag: boolean;
}

export interface Header {
  readonly name: string;
  readonly length: number;
  readonly fields: readonly Field[];
}

const hex = (value: number, digits = 1): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** A function from a number to `name (number)`. */
const named =
  (names: Readonly<Record<number, string>>, write: (value: number) => string = String) =>
  (value: number): string =>
    names[value] === undefined ? write(value) : `${names[value]} (${write(value)})`;

const flag = (mask: number, name: string): Bits => ({ mask, name: `${name} flag`, isFlag: true });
const part = (mask: number, name: string): Bits => ({ mask, name, isFlag: false });

export const etherTypeName = named(
  {
    2048: 'IPv4',
    2054: 'ARP',
    32821: 'RARP',
    33024: 'VLAN',
    32923: 'AppleTalk',
    33011: 'AppleTalk ARP',
    33079: 'IPX',
    34525: 'IPv6',
    34887: 'MPLS',
    34888: 'MPLS multicast',
    34915: 'PPPoE discovery',
    34916: 'PPPoE session',
    34958: 'EAPOL',
    34984: 'service VLAN',
    35020: 'LLDP',
    37120: 'old service VLAN',
    24579: 'DECnet',
    24580: 'LAT',
    24578: 'MOP remote console',
    24577: 'MOP dump and load',
  },
  (value) => hex(value, 4),
);

export const protocolName = named({
  0: 'hop-by-hop options',
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPv4 in IP',
  6: 'TCP',
  8: 'EGP',
  9: 'IGRP',
  17: 'UDP',
  33: 'DCCP',
  41: 'IPv6 in IP',
  43: 'routing header',
  44: 'fragment header',
  46: 'RSVP',
  47: 'GRE',
  50: 'ESP',
  51: 'AH',
  58: 'ICMPv6',
  59: 'no next header',
  60: 'destination options',
  89: 'OSPF',
  103: 'PIM',
  112: 'VRRP',
  132: 'SCTP',
});

const portName = named({
  20: 'ftp-data',
  21: 'ftp',
  22: 'ssh',
  23: 'telnet',
  25: 'smtp',
  53: 'domain',
  67: 'bootps',
  68: 'bootpc',
  69: 'tftp',
  80: 'http',
  110: 'pop3',
  123: 'ntp',
  137: 'netbios-ns',
  138: 'netbios-dgm',
  139: 'netbios-ssn',
  143: 'imap2',
  161: 'snmp',
  162: 'snmp-trap',
  179: 'bgp',
  389: 'ldap',
  443: 'https',
  445: 'microsoft-ds',
  514: 'syslog',
  546: 'dhcpv6-client',
  547: 'dhcpv6-server',
  554: 'rtsp',
  993: 'imaps',
  995: 'pop3s',
  1900: 'ssdp',
  3306: 'mysql',
  3389: 'rdp',
  4789: 'vxlan',
  5060: 'sip',
  5353: 'mdns',
  5432: 'postgresql',
  6081: 'geneve',
  6379: 'redis',
  8080: 'http-alt',
});

const MAC_DESTINATION: Field = { at: 0, length: 6, name: 'Ethernet destination address', address: 'mac' };

export const ETHERNET: Header = {
  name: 'Ethernet',
  length: 14,
  fields: [
    {
      ...MAC_DESTINATION,
      bits: [{ mask: 1, name: 'group bit (multicast or broadcast)', isFlag: true }],
    },
    { at: 6, length: 6, name: 'Ethernet source address', address: 'mac' },
    {
      at: 12,
      length: 2,
      name: 'Ethernet type',
      value: (value) => (value <= 1500 ? `${value}` : etherTypeName(value)),
    },
  ],
};

export const VLAN: Header = {
  name: 'VLAN tag',
  length: 4,
  fields: [
    {
      at: 0,
      length: 2,
      name: 'VLAN tag control information',
      bits: [part(0x0fff, 'VLAN identifier'), part(0xe000, 'VLAN priority'), flag(0x1000, 'drop-eligible')],
    },
    { at: 2, length: 2, name: 'Ethernet type after the VLAN tag', value: etherTypeName },
  ],
};

export const MPLS: Header = {
  name: 'MPLS label',
  length: 4,
  fields: [
    {
      at: 0,
      length: 4,
      name: 'MPLS label entry',
      bits: [part(0xfffff000, 'MPLS label'), part(0xe00, 'MPLS traffic class'), part(0xff, 'MPLS time to live')],
    },
    { at: 2, length: 1, name: 'MPLS label entry, third byte', bits: [flag(1, 'bottom-of-stack')] },
  ],
};

export const PPPOE: Header = {
  name: 'PPPoE',
  length: 6,
  fields: [
    { at: 0, length: 1, name: 'PPPoE version and type' },
    { at: 1, length: 1, name: 'PPPoE code' },
    { at: 2, length: 2, name: 'PPPoE session identifier' },
    { at: 4, length: 2, name: 'PPPoE length' },
  ],
};

export const PPP_PROTOCOL: Header = {
  name: 'PPP',
  length: 2,
  fields: [
    {
      at: 0,
      length: 2,
      name: 'PPP protocol',
      value: named(
        { 33: 'IPv4', 87: 'IPv6', 49185: 'LCP', 32801: 'IPCP', 641: 'MPLS', 643: 'MPLS multicast' },
        (value) => hex(value, 4),
      ),
    },
  ],
};

export const PPP_HDLC: Header = {
  name: 'PPP',
  length: 2,
  fields: [
    { at: 0, length: 1, name: 'PPP address byte' },
    { at: 1, length: 1, name: 'PPP control byte' },
  ],
};

export const LLC: Header = {
  name: 'LLC',
  length: 3,
  fields: [
    {
      at: 0,
      length: 1,
      name: 'LLC destination SAP',
      value: named({ 66: 'spanning tree', 170: 'SNAP', 224: 'IPX', 240: 'NetBEUI', 254: 'OSI' }, (value) =>
        hex(value, 2),
      ),
    },
    { at: 0, length: 2, name: 'LLC destination and source SAP', value: (value) => hex(value, 4) },
    { at: 1, length: 1, name: 'LLC source SAP', value: (value) => hex(value, 2) },
    { at: 2, length: 1, name: 'LLC control byte', value: (value) => hex(value, 2) },
  ],
};

export const SNAP: Header = {
  name: 'SNAP',
  length: 5,
  fields: [
    { at: 0, length: 3, name: 'SNAP organization code' },
    { at: 3, length: 2, name: 'SNAP protocol type', value: etherTypeName },
  ],
};

export const IPV4: Header = {
  name: 'IPv4',
  length: 20,
  fields: [
    {
      at: 0,
      length: 1,
      name: 'first byte of the IPv4 header',
      value: (value) => hex(value, 2),
      bits: [part(0xf0, 'IP version'), part(0x0f, 'IPv4 header length in words')],
    },
    { at: 1, length: 1, name: 'IPv4 type of service', bits: [part(0xfc, 'IPv4 DSCP'), part(0x03, 'IPv4 ECN')] },
    { at: 2, length: 2, name: 'IPv4 total length' },
    { at: 4, length: 2, name: 'IPv4 identification' },
    {
      at: 6,
      length: 2,
      name: 'IPv4 flags and fragment offset',
      bits: [
        part(0x1fff, 'IPv4 fragment offset'),
        part(0x3fff, 'IPv4 fragment offset and more-fragments flag'),
        flag(0x2000, 'IPv4 more-fragments'),
        flag(0x4000, "IPv4 don't-fragment"),
        flag(0x8000, 'IPv4 reserved'),
      ],
    },
    {
      at: 6,
      length: 1,
      name: 'IPv4 flags byte',
      bits: [flag(0x20, 'IPv4 more-fragments'), flag(0x40, "IPv4 don't-fragment"), flag(0x80, 'IPv4 reserved')],
    },
    { at: 8, length: 1, name: 'IPv4 time to live' },
    { at: 9, length: 1, name: 'IPv4 protocol', value: protocolName },
    { at: 10, length: 2, name: 'IPv4 header checksum', value: (value) => hex(value, 4) },
    { at: 12, length: 4, name: 'IPv4 source address', address: 'ipv4' },
    { at: 16, length: 4, name: 'IPv4 destination address', address: 'ipv4' },
  ],
};

export const IPV6: Header = {
  name: 'IPv6',
  length: 40,
  fields: [
    {
      at: 0,
      length: 4,
      name: 'IPv6 version, traffic class and flow label',
      value: (value) => hex(value, 8),
      bits: [part(0xf0000000, 'IP version'), part(0xff00000, 'IPv6 traffic class'), part(0xfffff, 'IPv6 flow label')],
    },
    {
      at: 0,
      length: 1,
      name: 'first byte of the IPv6 header',
      value: (value) => hex(value, 2),
      bits: [part(0xf0, 'IP version')],
    },
    { at: 4, length: 2, name: 'IPv6 payload length' },
    { at: 6, length: 1, name: 'IPv6 next header', value: protocolName },
    { at: 7, length: 1, name: 'IPv6 hop limit' },
    { at: 8, length: 16, name: 'IPv6 source address', address: 'ipv6' },
    { at: 24, length: 16, name: 'IPv6 destination address', address: 'ipv6' },
  ],
};

export const IPV6_FRAGMENT: Header = {
  name: 'IPv6 fragment header',
  length: 8,
  fields: [
    { at: 0, length: 1, name: 'next header of the IPv6 fragment header', value: protocolName },
    {
      at: 2,
      length: 2,
      name: 'IPv6 fragment offset and flags',
      bits: [part(0xfff8, 'IPv6 fragment offset'), flag(1, 'IPv6 more-fragments')],
    },
    { at: 4, length: 4, name: 'IPv6 fragment identification' },
  ],
};

const arpLike = (name: string): Header => ({
  name,
  length: 28,
  fields: [
    { at: 0, length: 2, name: `${name} hardware type` },
    { at: 2, length: 2, name: `${name} protocol type`, value: etherTypeName },
    { at: 4, length: 1, name: `${name} hardware address length` },
    { at: 5, length: 1, name: `${name} protocol address length` },
    {
      at: 6,
      length: 2,
      name: `${name} operation`,
      value: named({ 1: 'request', 2: 'reply', 3: 'reverse request', 4: 'reverse reply' }),
    },
    { at: 8, length: 6, name: `${name} sender hardware address`, address: 'mac' },
    { at: 14, length: 4, name: `${name} sender address`, address: 'ipv4' },
    { at: 18, length: 6, name: `${name} target hardware address`, address: 'mac' },
    { at: 24, length: 4, name: `${name} target address`, address: 'ipv4' },
  ],
});
export const ARP = arpLike('ARP');
export const RARP = arpLike('RARP');
export const ARP_OR_RARP = arpLike('ARP or RARP');

const ports = (name: string): Field[] => [
  { at: 0, length: 2, name: `${name} source port`, value: portName },
  { at: 2, length: 2, name: `${name} destination port`, value: portName },
];

const TCP_FLAGS = [
  flag(0x01, 'FIN'),
  flag(0x02, 'SYN'),
  flag(0x04, 'RST'),
  flag(0x08, 'PSH'),
  flag(0x10, 'ACK'),
  flag(0x20, 'URG'),
  flag(0x40, 'ECE'),
  flag(0x80, 'CWR'),
];

export const TCP: Header = {
  name: 'TCP',
  length: 20,
  fields: [
    ...ports('TCP'),
    { at: 4, length: 4, name: 'TCP sequence number' },
    { at: 8, length: 4, name: 'TCP acknowledgment number' },
    {
      at: 12,
      length: 1,
      name: 'TCP data offset byte',
      value: (value) => hex(value, 2),
      bits: [part(0xf0, 'TCP data offset')],
    },
    { at: 13, length: 1, name: 'TCP flags', value: tcpFlags, bits: TCP_FLAGS },
    {
      at: 12,
      length: 2,
      name: 'TCP data offset and flags',
      value: (value) => hex(value, 4),
      bits: [part(0xf000, 'TCP data offset'), ...TCP_FLAGS],
    },
    { at: 14, length: 2, name: 'TCP window' },
    { at: 16, length: 2, name: 'TCP checksum', value: (value) => hex(value, 4) },
    { at: 18, length: 2, name: 'TCP urgent pointer' },
  ],
};

/** `SYN+ACK (0x12)`. */
function tcpFlags(value: number): string {
  const set = TCP_FLAGS.filter(({ mask }) => (value & mask) !== 0).map(({ name }) => name.replace(' flag', ''));
  return `${set.length > 0 ? set.join('+') : 'none'} (${hex(value, 2)})`;
}

export const UDP: Header = {
  name: 'UDP',
  length: 8,
  fields: [
    ...ports('UDP'),
    { at: 4, length: 2, name: 'UDP length' },
    { at: 6, length: 2, name: 'UDP checksum', value: (value) => hex(value, 4) },
  ],
};

export const SCTP: Header = {
  name: 'SCTP',
  length: 12,
  fields: [...ports('SCTP'), { at: 4, length: 4, name: 'SCTP verification tag', value: (value) => hex(value, 8) }],
};

/** The start that TCP, UDP and SCTP have in common. */
export const PORTS: Header = { name: 'transport', length: 4, fields: ports('transport') };

export const ICMP: Header = {
  name: 'ICMP',
  length: 8,
  fields: [
    {
      at: 0,
      length: 1,
      name: 'ICMP type',
      value: named({
        0: 'echo reply',
        3: 'destination unreachable',
        4: 'source quench',
        5: 'redirect',
        8: 'echo request',
        9: 'router advertisement',
        10: 'router solicitation',
        11: 'time exceeded',
        12: 'parameter problem',
        13: 'timestamp request',
        14: 'timestamp reply',
        15: 'information request',
        16: 'information reply',
        17: 'address mask request',
        18: 'address mask reply',
      }),
    },
    { at: 1, length: 1, name: 'ICMP code' },
    { at: 2, length: 2, name: 'ICMP checksum', value: (value) => hex(value, 4) },
    { at: 4, length: 2, name: 'ICMP identifier' },
    { at: 6, length: 2, name: 'ICMP sequence number' },
  ],
};

export const ICMPV6: Header = {
  name: 'ICMPv6',
  length: 8,
  fields: [
    {
      at: 0,
      length: 1,
      name: 'ICMPv6 type',
      value: named({
        1: 'destination unreachable',
        2: 'packet too big',
        3: 'time exceeded',
        4: 'parameter problem',
        128: 'echo request',
        129: 'echo reply',
        130: 'multicast listener query',
        131: 'multicast listener report',
        132: 'multicast listener done',
        133: 'router solicitation',
        134: 'router advertisement',
        135: 'neighbor solicitation',
        136: 'neighbor advertisement',
        137: 'redirect',
        143: 'multicast listener report, version 2',
      }),
    },
    { at: 1, length: 1, name: 'ICMPv6 code' },
    { at: 2, length: 2, name: 'ICMPv6 checksum', value: (value) => hex(value, 4) },
  ],
};

const ADDRESS_FAMILY: (value: number) => string = named(
  {
    2: 'IPv4',
    10: 'IPv6 (Linux)',
    24: 'IPv6 (NetBSD)',
    28: 'IPv6 (FreeBSD)',
    30: 'IPv6 (macOS)',
    33554432: 'IPv4, little-endian',
    402653184: 'IPv6 (NetBSD), little-endian',
    469762048: 'IPv6 (FreeBSD), little-endian',
    503316480: 'IPv6 (macOS), little-endian',
  },
  (value) => (value < 256 ? `${value}` : hex(value, 8)),
);

export const BSD_LOOPBACK: Header = {
  name: 'loopback',
  length: 4,
  fields: [{ at: 0, length: 4, name: 'address family', value: ADDRESS_FAMILY }],
};

const PACKET_TYPE = named({
  0: 'to us',
  1: 'broadcast',
  2: 'multicast',
  3: 'to another host',
  4: 'sent by us',
});

export const LINUX_SLL: Header = {
  name: 'Linux cooked',
  length: 16,
  fields: [
    { at: 0, length: 2, name: 'cooked packet type', value: PACKET_TYPE },
    { at: 2, length: 2, name: 'ARPHRD type of the device' },
    { at: 4, length: 2, name: 'length of the link-layer address' },
    { at: 6, length: 8, name: 'link-layer address', address: 'mac' },
    { at: 14, length: 2, name: 'cooked protocol type', value: etherTypeName },
  ],
};

export const LINUX_SLL2: Header = {
  name: 'Linux cooked v2',
  length: 20,
  fields: [
    { at: 0, length: 2, name: 'cooked protocol type', value: etherTypeName },
    { at: 4, length: 4, name: 'interface index' },
    { at: 8, length: 2, name: 'ARPHRD type of the device' },
    { at: 10, length: 1, name: 'cooked packet type', value: PACKET_TYPE },
    { at: 11, length: 1, name: 'length of the link-layer address' },
    { at: 12, length: 8, name: 'link-layer address', address: 'mac' },
  ],
};

export const IEEE802_11: Header = {
  name: '802.11',
  length: 24,
  fields: [
    {
      at: 0,
      length: 1,
      name: '802.11 frame type',
      value: (value) => hex(value, 2),
      bits: [
        part(0x0c, '802.11 type'),
        part(0xf0, '802.11 subtype'),
        flag(0x04, '802.11 control-frame'),
        flag(0x08, '802.11 data-frame'),
        flag(0x80, '802.11 QoS'),
      ],
    },
    {
      at: 1,
      length: 1,
      name: '802.11 flags',
      bits: [
        flag(0x01, 'to-DS'),
        flag(0x02, 'from-DS'),
        flag(0x40, 'protected'),
        part(0x03, '802.11 direction (DS) bits'),
      ],
    },
    { at: 4, length: 6, name: '802.11 address 1', address: 'mac' },
    { at: 10, length: 6, name: '802.11 address 2', address: 'mac' },
    { at: 16, length: 6, name: '802.11 address 3', address: 'mac' },
    { at: 24, length: 6, name: '802.11 address 4', address: 'mac' },
  ],
};

export const RADIOTAP: Header = {
  name: 'radiotap',
  length: 8,
  fields: [
    { at: 2, length: 1, name: 'low byte of the radiotap header length' },
    { at: 3, length: 1, name: 'high byte of the radiotap header length' },
    { at: 4, length: 4, name: 'radiotap presence bits (little-endian)' },
  ],
};

/** What the loads at SKF_AD_OFF give. */
export const ANCILLARY: readonly Field[] = [
  { at: 0, length: 4, name: 'EtherType that the kernel found', value: etherTypeName },
  { at: 4, length: 4, name: "packet's direction as the kernel knows it", value: PACKET_TYPE },
  { at: 8, length: 4, name: "index of the packet's interface" },
  { at: 12, length: 4, name: 'offset of a netlink attribute' },
  { at: 16, length: 4, name: 'offset of a nested netlink attribute' },
  { at: 20, length: 4, name: "packet's mark (SO_MARK)" },
  { at: 24, length: 4, name: "packet's queue" },
  { at: 28, length: 4, name: 'ARPHRD type of the device' },
  { at: 32, length: 4, name: "packet's flow hash" },
  { at: 36, length: 4, name: 'number of the processor' },
  { at: 40, length: 4, name: 'exclusive or of A and X' },
  {
    at: 44,
    length: 4,
    name: 'VLAN tag that the kernel took out of the frame',
    bits: [part(0x0fff, 'VLAN identifier that the kernel took out of the frame')],
  },
  { at: 48, length: 4, name: 'number of VLAN tags that the kernel took out of the frame' },
  { at: 52, length: 4, name: 'offset of the payload' },
  { at: 56, length: 4, name: 'random number' },
  { at: 60, length: 4, name: 'type of the VLAN tag that the kernel took out', value: etherTypeName },
];
