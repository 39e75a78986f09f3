import * as ethertype from '../wire/ethertype.ts';
import * as ipproto from '../wire/ipproto.ts';
import * as linktype from '../wire/linktype.ts';
import { SAP_IP } from '../wire/llc.ts';
import { arp } from './arp.ts';
import { dns, dnsTcp, llmnr, mdns } from './dns.ts';
import { eth, vlan } from './eth.ts';
import { ethernetInIp } from './ethernet-in-ip.ts';
import { ftp } from './ftp.ts';
import { http, httpByContent, httpElsewhere } from './http.ts';
import { icmp } from './icmp.ts';
import { icmpv6 } from './icmp6.ts';
import { igmp } from './igmp.ts';
import { ip } from './ip.ts';
import { ipv6 } from './ip6.ts';
import { loopback } from './loopback.ts';
import type { Protocol } from './protocol.ts';
import { raw } from './raw.ts';
import { rtsp } from './rtsp.ts';
// Registers the fields that depend on earlier packets.
import './session/sessions.ts';
import { sll, sll2 } from './sll.ts';
import { smtp, submission } from './smtp.ts';
import {
  etherTypes,
  ipProtocols,
  linkTypes,
  llcSaps,
  pppProtocols,
  snapProtocols,
  tcpContents,
  tcpPorts,
  udpContents,
  udpPorts,
} from './tables.ts';
import { tcp } from './tcp.ts';
import { udp } from './udp.ts';
import { whois } from './whois.ts';

/** Values of the layer below that announce a protocol. */
interface Announced {
  /** LINKTYPE_ values. */
  link?: readonly number[];
  /** EtherTypes. */
  ether?: readonly number[];
  /** SAPs of LLC (with unnumbered information). */
  sap?: readonly number[];
  /** SNAP: OUI * 65536 + protocol. */
  snap?: readonly number[];
  /** PPP protocol numbers. */
  ppp?: readonly number[];
  /** IP protocol numbers. */
  ip?: readonly number[];
  udp?: readonly number[];
  tcp?: readonly number[];
  /** Known by content where the ports do not decide. */
  content?: readonly ('udp' | 'tcp')[];
}

/** Every protocol, and where it is found. To add one: its header in `wire/`, its `Protocol` (fields, `walk`, `print`) in
 * a file here, and a line in this list. Where both ports of a packet are in the list, the earlier line wins. */
const PROTOCOLS: readonly (readonly [Protocol, Announced])[] = [
  [eth, { link: [linktype.LINKTYPE_ETHERNET], ether: [ethertype.ETHERTYPE_TEB] }],
  [raw, { link: [linktype.LINKTYPE_RAW, linktype.LINKTYPE_IPV4, linktype.LINKTYPE_IPV6, 12, 14] }],
  [loopback, { link: [linktype.LINKTYPE_NULL, linktype.LINKTYPE_LOOP] }],
  [sll, { link: [linktype.LINKTYPE_LINUX_SLL] }],
  [sll2, { link: [linktype.LINKTYPE_LINUX_SLL2] }],
  [
    vlan,
    {
      ether: [
        ethertype.ETHERTYPE_VLAN,
        ethertype.ETHERTYPE_QINQ,
        ethertype.ETHERTYPE_QINQ_OLD,
        ethertype.ETHERTYPE_QINQ_OLD2,
      ],
    },
  ],
  [arp, { ether: [ethertype.ETHERTYPE_ARP, ethertype.ETHERTYPE_REVARP] }],
  [ip, { ether: [ethertype.ETHERTYPE_IPV4], sap: [SAP_IP], ip: [ipproto.IPPROTO_IPIP] }],
  [ipv6, { ether: [ethertype.ETHERTYPE_IPV6], ip: [ipproto.IPPROTO_IPV6] }],
  [icmp, { ip: [ipproto.IPPROTO_ICMP] }],
  [udp, { ip: [ipproto.IPPROTO_UDP] }],
  [tcp, { ip: [ipproto.IPPROTO_TCP] }],
  [icmpv6, { ip: [ipproto.IPPROTO_ICMPV6] }],
  [ethernetInIp, { ip: [ipproto.IPPROTO_ETHERNET] }],
  [igmp, { ip: [ipproto.IPPROTO_IGMP] }],
  [dns, { udp: [53] }],
  [dnsTcp, { tcp: [53] }],
  [mdns, { udp: [5353] }],
  [llmnr, { udp: [5355] }],
  [http, { tcp: [80, 8080] }],
  [httpElsewhere, { tcp: [631, 1900, 2710, 2869, 3128, 3132, 3689, 5985, 8088, 11371] }],
  [httpByContent, { content: ['tcp'] }],
  [ftp, { tcp: [21] }],
  [smtp, { tcp: [25] }],
  [submission, { tcp: [587] }],
  [whois, { tcp: [43] }],
  [rtsp, { tcp: [554, 8554] }],
];

for (const [protocol, at] of PROTOCOLS) {
  for (const value of at.link ?? []) linkTypes.set(value, protocol);
  for (const value of at.ether ?? []) etherTypes.set(value, protocol);
  for (const value of at.sap ?? []) llcSaps[value] = protocol;
  for (const value of at.snap ?? []) snapProtocols.set(value, protocol);
  for (const value of at.ppp ?? []) pppProtocols.set(value, protocol);
  for (const value of at.ip ?? []) ipProtocols[value] = protocol;
  for (const port of at.udp ?? []) udpPorts.add(port, protocol);
  for (const port of at.tcp ?? []) tcpPorts.add(port, protocol);
  for (const transport of at.content ?? []) (transport === 'udp' ? udpContents : tcpContents).push(protocol);
}

/** The protocol that frames of a LINKTYPE_ begin with; undefined where nothing here knows it. */
export const protocolOfLink = (linkType: number): Protocol | undefined => linkTypes.get(linkType);

/** All protocols, each once. */
export const protocols: readonly Protocol[] = PROTOCOLS.map(([protocol]) => protocol);
