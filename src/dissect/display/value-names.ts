import type { FieldInfo } from '../fields.ts';

/** Names of values that a filter may use in place of numbers, beside those that the registry has: as Wireshark calls them,
 * since that is what its users type. */

type Names = Readonly<Record<number, string>>;

const numbered = (names: string, from = 0): Names =>
  Object.fromEntries(names.split('|').map((name, i) => [from + i, name]));

const ETHERTYPES: Names = {
  2048: 'IPv4',
  2054: 'ARP',
  8947: 'Transparent Interconnection of Lots of Links',
  25944: 'Transparent Ethernet bridging',
  32821: 'RARP',
  33024: '802.1Q Virtual LAN',
  34525: 'IPv6',
  34825: 'Slow Protocols',
  34887: 'MPLS label switched packet',
  34888: 'MPLS multicast label switched packet',
  34915: 'PPPoE Discovery',
  34916: 'PPPoE Session',
  34958: '802.1X Authentication',
  34984: '802.1ad Provider Bridge (Q-in-Q)',
  35020: '802.1 Link Layer Discovery Protocol (LLDP)',
  35045: '802.1AE (MACsec)',
  35063: 'PTPv2 over Ethernet (IEEE1588)',
  36864: 'Loopback',
};

const IP_PROTOCOLS: Names = {
  0: 'IPv6 Hop-by-Hop Option',
  1: 'ICMP',
  2: 'IGMP',
  4: 'IPIP',
  6: 'TCP',
  17: 'UDP',
  33: 'Datagram Congestion Control Protocol',
  41: 'IPv6',
  43: 'Routing Header for IPv6',
  44: 'Fragment Header for IPv6',
  46: 'Reservation Protocol',
  47: 'Generic Routing Encapsulation',
  50: 'Encap Security Payload',
  51: 'Authentication Header',
  58: 'ICMPv6',
  59: 'No Next Header for IPv6',
  60: 'Destination Options for IPv6',
  88: 'EIGRP',
  89: 'OSPF IGP',
  103: 'PIM',
  112: 'VRRP',
  115: 'Layer 2 Tunneling',
  132: 'SCTP',
  135: 'Mobile IPv6',
  136: 'UDPLite',
  137: 'MPLS in IP',
};

const DSCP: Names = {
  0: 'Default',
  1: 'Lower Effort',
  8: 'Class Selector 1',
  10: 'Assured Forwarding 11',
  12: 'Assured Forwarding 12',
  14: 'Assured Forwarding 13',
  16: 'Class Selector 2',
  18: 'Assured Forwarding 21',
  20: 'Assured Forwarding 22',
  22: 'Assured Forwarding 23',
  24: 'Class Selector 3',
  26: 'Assured Forwarding 31',
  28: 'Assured Forwarding 32',
  30: 'Assured Forwarding 33',
  32: 'Class Selector 4',
  34: 'Assured Forwarding 41',
  36: 'Assured Forwarding 42',
  38: 'Assured Forwarding 43',
  40: 'Class Selector 5',
  44: 'Voice Admit',
  46: 'Expedited Forwarding',
  48: 'Class Selector 6',
  56: 'Class Selector 7',
};
const ECN = numbered(
  "Not ECN-Capable Transport|ECN-Capable Transport codepoint '01'|ECN-Capable Transport codepoint '10'|Congestion Experienced",
);

const DNS_TYPES: Names = {
  1: 'A (Host Address)',
  2: 'NS (authoritative Name Server)',
  5: 'CNAME (Canonical NAME for an alias)',
  6: 'SOA (Start Of a zone of Authority)',
  12: 'PTR (domain name PoinTeR)',
  13: 'HINFO (host information)',
  15: 'MX (Mail eXchange)',
  16: 'TXT (Text strings)',
  28: 'AAAA (IPv6 Address)',
  33: 'SRV (Server Selection)',
  35: 'NAPTR (Naming Authority Pointer)',
  37: 'CERT',
  39: 'DNAME',
  41: 'OPT',
  43: 'DS (Delegation Signer)',
  46: 'RRSIG (Resource Record Signature)',
  47: 'NSEC (Next Secure)',
  48: 'DNSKEY (DNS Public Key)',
  50: 'NSEC3',
  52: 'TLSA',
};
const DNS_CLASSES: Names = { 1: 'IN', 2: 'CS', 3: 'CH', 4: 'HS', 254: 'NONE', 255: 'ANY' };

const TLS_VERSIONS = numbered('SSL 3.0|TLS 1.0|TLS 1.1|TLS 1.2|TLS 1.3', 0x300);

const NAMES: Readonly<Record<string, Names>> = {
  'arp.hw.type': { 1: 'Ethernet', 6: 'IEEE 802' },
  'arp.proto.type': ETHERTYPES,
  'bgp.type': numbered(
    'OPEN Message|UPDATE Message|NOTIFICATION Message|KEEPALIVE Message|ROUTE-REFRESH Message|CAPABILITY Message',
    1,
  ),
  'chap.code': numbered('Challenge|Response|Success|Failure', 1),
  'dccp.type': numbered('Request|Response|Data|Ack|DataAck|CloseReq|Close|Reset|Sync|SyncAck|Listen'),
  'dhcpv6.msgtype': numbered(
    'Solicit|Advertise|Request|Confirm|Renew|Rebind|Reply|Release|Decline|Reconfigure|Information-request|Relay-forw|Relay-reply|Leasequery|Leasequery-reply',
    1,
  ),
  'dns.flags.opcode': {
    0: 'Standard query',
    1: 'Inverse query',
    2: 'Server status request',
    4: 'Zone change notification',
    5: 'Dynamic update',
  },
  'dns.flags.rcode': numbered(
    'No error|Format error|Server failure|No such name|Not implemented|Refused|Name exists|RRset exists|RRset does not exist|Not authoritative|Name out of zone',
  ),
  'dns.qry.class': DNS_CLASSES,
  'dns.qry.type': DNS_TYPES,
  'dns.resp.class': DNS_CLASSES,
  'dns.resp.type': DNS_TYPES,
  'eap.code': numbered('Request|Response|Success|Failure', 1),
  'eapol.type': numbered('EAP Packet|Start|Logoff|Key|Encapsulated ASF Alert|MKA'),
  'eth.type': ETHERTYPES,
  'gre.proto': { 2048: 'IP', 25944: 'Transparent Ethernet bridging', 34525: 'IPv6', 34827: 'PPP' },
  'icmpv6.type': {
    ...numbered('Destination Unreachable|Packet Too Big|Time Exceeded|Parameter Problem', 1),
    ...numbered(
      'Echo (ping) request|Echo (ping) reply|Multicast Listener Query|Multicast Listener Report|Multicast Listener Done|Router Solicitation|Router Advertisement|Neighbor Solicitation|Neighbor Advertisement|Redirect',
      128,
    ),
    143: 'Multicast Listener Report Message v2',
  },
  'ip.dsfield.dscp': DSCP,
  'ip.dsfield.ecn': ECN,
  'ip.proto': IP_PROTOCOLS,
  'ipv6.nxt': IP_PROTOCOLS,
  'ipv6.tclass.dscp': DSCP,
  'ipv6.tclass.ecn': ECN,
  'lldp.tlv.type': {
    ...numbered(
      'End of LLDPDU|Chassis Id|Port Id|Time to Live|Port Description|System Name|System Description|System Capabilities|Management Address',
    ),
    127: 'Organization Specific',
  },
  'mpls.label': numbered('IPv4 Explicit-Null|Router Alert|IPv6 Explicit-Null|Implicit-Null'),
  'ntp.flags.mode': numbered(
    'reserved|symmetric active|symmetric passive|client|server|broadcast|reserved for NTP control message|reserved for private use',
  ),
  'ospf.auth.type': numbered('Null|Simple password|Cryptographic'),
  'ospf.msg': numbered('Hello Packet|DB Description|LS Request|LS Update|LS Acknowledge', 1),
  'pap.code': numbered('Authenticate-Request|Authenticate-Ack|Authenticate-Nak', 1),
  'ppp.protocol': {
    33: 'Internet Protocol version 4',
    87: 'Internet Protocol version 6',
    32801: 'Internet Protocol Control Protocol',
    32855: 'IPv6 Control Protocol',
    49185: 'Link Control Protocol',
    49187: 'Password Authentication Protocol',
    49699: 'Challenge Handshake Authentication Protocol',
  },
  'rip.version': { 1: 'RIPv1', 2: 'RIPv2' },
  'sctp.chunk_type': {
    ...numbered(
      'DATA|INIT|INIT_ACK|SACK|HEARTBEAT|HEARTBEAT_ACK|ABORT|SHUTDOWN|SHUTDOWN_ACK|ERROR|COOKIE_ECHO|COOKIE_ACK|ECNE|CWR|SHUTDOWN_COMPLETE|AUTH|NR_SACK',
    ),
    64: 'I_DATA',
    128: 'ASCONF_ACK',
    192: 'FORWARD_TSN',
    193: 'ASCONF',
  },
  'snmp.error_status': numbered('noError|tooBig|noSuchName|badValue|readOnly|genErr'),
  'stp.type': { 0: 'Configuration', 2: 'Rapid/Multiple Spanning Tree', 128: 'Topology Change Notification' },
  'stp.version': { 0: 'Spanning Tree', 2: 'Rapid Spanning Tree', 3: 'Multiple Spanning Tree', 4: 'Shortest Path Tree' },
  'tcp.option_kind': {
    0: 'End of Option List',
    1: 'No-Operation',
    2: 'Maximum Segment Size',
    3: 'Window Scale',
    4: 'SACK Permitted',
    5: 'SACK',
    8: 'Time Stamp Option',
    19: 'MD5 Signature Option',
    28: 'User Timeout Option',
    29: 'The TCP Authentication Option',
    30: 'Multipath TCP',
    34: 'TCP Fast Open Cookie',
  },
  'tftp.opcode': numbered(
    'Read Request|Write Request|Data Packet|Acknowledgement|Error Code|Option Acknowledgement',
    1,
  ),
  'tls.alert_message.level': { 1: 'Warning', 2: 'Fatal' },
  'tls.handshake.version': TLS_VERSIONS,
  'tls.record.version': TLS_VERSIONS,
  'vlan.etype': ETHERTYPES,
};

const SET = ['Not set', 'Set'];
const YES = ['No', 'Yes'];
const LG = [
  'Globally unique address (factory default)',
  'Locally administered address (this is NOT the factory default)',
];

/** Names of false and true, where they are not False and True. */
const TRUTHS: Readonly<Record<string, readonly string[]>> = {
  'dhcp.flags.bc': ['Unicast', 'Broadcast'],
  'dns.flags.authoritative': ['Server is not an authority for domain', 'Server is an authority for domain'],
  'dns.flags.checkdisable': ['Unacceptable', 'Acceptable'],
  'dns.flags.recavail': ["Server can't do recursive queries", 'Server can do recursive queries'],
  'dns.flags.recdesired': ["Don't do query recursively", 'Do query recursively'],
  'dns.flags.response': ['Message is a query', 'Message is a response'],
  'dns.flags.truncated': ['Message is not truncated', 'Message is truncated'],
  'dns.flags.z': ['reserved (0)', 'reserved - incorrect!'],
  'dns.resp.z.do': ['Cannot handle DNSSEC security RRs', 'Accepts DNSSEC security RRs'],
  'eth.dst.ig': ['Individual address (unicast)', 'Group address (multicast/broadcast)'],
  'eth.src.ig': ['Individual address (unicast)', 'Group address (multicast/broadcast)'],
  'eth.dst.lg': LG,
  'eth.src.lg': LG,
  'vlan.dei': ['Ineligible', 'Eligible'],
};

/** Names of false and of true, other than False and True. */
export function truthNames({ name }: FieldInfo): readonly string[] {
  if (TRUTHS[name]) return TRUTHS[name];
  if (
    /^(tcp|ip)\.flags\.|^dns\.flags\.authenticated$|^bgp\..*\.flags\.|^icmpv6\.(nd\..*flag|opt\.prefix\.flag)|^dtls?\./.test(
      name,
    )
  )
    return SET;
  return /^stp\.flags\.|^gre\.flags\./.test(name) ? YES : [];
}

export const hasValueNames = ({ values, name }: FieldInfo): boolean => values !== null || NAMES[name] !== undefined;

/** The value that has this name, in any case of its letters; null: there is none. */
export function valueNamed(info: FieldInfo, text: string): number | null {
  const sought = text.toLowerCase();
  for (const [value, name] of Object.entries(info.values ?? NAMES[info.name] ?? {}))
    if (name.toLowerCase() === sought) return Number(value);
  return null;
}
