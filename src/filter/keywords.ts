/** The words of the filter language, pcap-filter(7): keywords, and names that stand for numbers. */

/** Protocols that qualify a primitive, or stand alone as one. `link` is also written ether, fddi, tr, wlan, ppp, slip. */
export type Protocol =
  | 'link'
  | 'ip'
  | 'arp'
  | 'rarp'
  | 'sctp'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'igmp'
  | 'igrp'
  | 'pim'
  | 'vrrp'
  | 'carp'
  | 'atalk'
  | 'aarp'
  | 'decnet'
  | 'lat'
  | 'sca'
  | 'moprc'
  | 'mopdl'
  | 'ip6'
  | 'icmp6'
  | 'ah'
  | 'esp'
  | 'iso'
  | 'esis'
  | 'isis'
  | 'clnp'
  | 'l1'
  | 'l2'
  | 'iih'
  | 'lsp'
  | 'snp'
  | 'csnp'
  | 'psnp'
  | 'stp'
  | 'ipx'
  | 'netbeui'
  | 'radio';

const PROTOCOL_WORDS: readonly Protocol[] = [
  'link',
  'ip',
  'arp',
  'rarp',
  'sctp',
  'tcp',
  'udp',
  'icmp',
  'igmp',
  'igrp',
  'pim',
  'vrrp',
  'carp',
  'atalk',
  'aarp',
  'decnet',
  'lat',
  'sca',
  'moprc',
  'mopdl',
  'ip6',
  'icmp6',
  'ah',
  'esp',
  'iso',
  'esis',
  'isis',
  'clnp',
  'l1',
  'l2',
  'iih',
  'lsp',
  'snp',
  'csnp',
  'psnp',
  'stp',
  'ipx',
  'netbeui',
  'radio',
];

/** Other spellings of protocols. */
const PROTOCOL_ALIASES: readonly (readonly [string, Protocol])[] = [
  ['ether', 'link'],
  ['ppp', 'link'],
  ['slip', 'link'],
  ['fddi', 'link'],
  ['tr', 'link'],
  ['wlan', 'link'],
  ['es-is', 'esis'],
  ['is-is', 'isis'],
];

/** word → Protocol. */
export const PROTOCOLS: ReadonlyMap<string, Protocol> = new Map([
  ...PROTOCOL_WORDS.map((word) => [word, word] as const),
  ...PROTOCOL_ALIASES,
]);

/** Words of the ATM link types, which no capture that netlab reads has: they parse, and are then refused. */
export const ATM_WORDS = [
  'lane',
  'metac',
  'bcc',
  'oamf4ec',
  'oamf4sc',
  'sc',
  'ilmic',
  'oam',
  'oamf4',
  'connectmsg',
  'metaconnect',
] as const;
/** Words of the ATM link types that take a value. */
export const ATM_FIELDS = ['vpi', 'vci'] as const;
/** Words of the SS7 link types. */
export const MTP2_WORDS = ['fisu', 'lssu', 'lsu', 'msu', 'hfisu', 'hlssu', 'hmsu'] as const;
/** Words of the SS7 link types that take a value. */
export const MTP3_FIELDS = ['sio', 'opc', 'dpc', 'sls', 'hsio', 'hopc', 'hdpc', 'hsls'] as const;

/** What a keyword is to the parser, where several are spelled. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['direction', 'dir'],
  ['address1', 'addr1'],
  ['address2', 'addr2'],
  ['address3', 'addr3'],
  ['address4', 'addr4'],
  ['length', 'len'],
  ['on', 'ifname'],
  ['ruleset', 'rset'],
  ['rulenum', 'rnr'],
  ['subrulenum', 'srnr'],
  ['lsu', 'lssu'],
]);

const PLAIN = [
  'dst',
  'src',
  'host',
  'net',
  'mask',
  'port',
  'portrange',
  'proto',
  'protochain',
  'gateway',
  'type',
  'subtype',
  'dir',
  'addr1',
  'addr2',
  'addr3',
  'addr4',
  'ra',
  'ta',
  'less',
  'greater',
  'byte',
  'broadcast',
  'multicast',
  'and',
  'or',
  'not',
  'len',
  'inbound',
  'outbound',
  'ifindex',
  'vlan',
  'mpls',
  'pppoed',
  'pppoes',
  'geneve',
  'llc',
  'ifname',
  'rset',
  'rnr',
  'srnr',
  'reason',
  'action',
  ...ATM_WORDS,
  ...ATM_FIELDS,
  ...MTP2_WORDS,
  ...MTP3_FIELDS,
];

/** word → what the parser calls it, for all keywords that are not protocols. */
export const KEYWORDS: ReadonlyMap<string, string> = new Map([
  ...PLAIN.map((word) => [word, word] as const),
  ...ALIASES,
]);

/** Names that the scanner reads as numbers: offsets of fields and values of ICMP, ICMPv6 and TCP. */
export const NUMBER_NAMES: ReadonlyMap<string, number> = new Map([
  ['icmptype', 0],
  ['icmpcode', 1],
  ['icmp-echoreply', 0],
  ['icmp-unreach', 3],
  ['icmp-sourcequench', 4],
  ['icmp-redirect', 5],
  ['icmp-echo', 8],
  ['icmp-routeradvert', 9],
  ['icmp-routersolicit', 10],
  ['icmp-timxceed', 11],
  ['icmp-paramprob', 12],
  ['icmp-tstamp', 13],
  ['icmp-tstampreply', 14],
  ['icmp-ireq', 15],
  ['icmp-ireqreply', 16],
  ['icmp-maskreq', 17],
  ['icmp-maskreply', 18],
  ['icmp6type', 0],
  ['icmp6code', 1],
  ['icmp6-destinationunreach', 1],
  ['icmp6-packettoobig', 2],
  ['icmp6-timeexceeded', 3],
  ['icmp6-parameterproblem', 4],
  ['icmp6-echo', 128],
  ['icmp6-echoreply', 129],
  ['icmp6-multicastlistenerquery', 130],
  ['icmp6-multicastlistenerreportv1', 131],
  ['icmp6-multicastlistenerdone', 132],
  ['icmp6-routersolicit', 133],
  ['icmp6-routeradvert', 134],
  ['icmp6-neighborsolicit', 135],
  ['icmp6-neighboradvert', 136],
  ['icmp6-redirect', 137],
  ['icmp6-routerrenum', 138],
  ['icmp6-nodeinformationquery', 139],
  ['icmp6-nodeinformationresponse', 140],
  ['icmp6-ineighbordiscoverysolicit', 141],
  ['icmp6-ineighbordiscoveryadvert', 142],
  ['icmp6-multicastlistenerreportv2', 143],
  ['icmp6-homeagentdiscoveryrequest', 144],
  ['icmp6-homeagentdiscoveryreply', 145],
  ['icmp6-mobileprefixsolicit', 146],
  ['icmp6-mobileprefixadvert', 147],
  ['icmp6-certpathsolicit', 148],
  ['icmp6-certpathadvert', 149],
  ['icmp6-multicastrouteradvert', 151],
  ['icmp6-multicastroutersolicit', 152],
  ['icmp6-multicastrouterterm', 153],
  ['tcpflags', 13],
  ['tcp-fin', 0x01],
  ['tcp-syn', 0x02],
  ['tcp-rst', 0x04],
  ['tcp-push', 0x08],
  ['tcp-ack', 0x10],
  ['tcp-urg', 0x20],
  ['tcp-ece', 0x40],
  ['tcp-cwr', 0x80],
]);
