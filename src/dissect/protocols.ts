import * as bgpNumber from '../wire/bgp.ts';
import * as cdpNumber from '../wire/cdp.ts';
import * as ethertype from '../wire/ethertype.ts';
import { UDP_PORT as GENEVE_PORT } from '../wire/geneve.ts';
import * as ipproto from '../wire/ipproto.ts';
import { UDP_PORT as ESP_PORT } from '../wire/ipsec.ts';
import * as linktype from '../wire/linktype.ts';
import * as llcNumber from '../wire/llc.ts';
import { SAP_IP } from '../wire/llc.ts';
import * as pppNumber from '../wire/ppp.ts';
import * as radiusPort from '../wire/radius.ts';
import * as ripPort from '../wire/rip.ts';
import * as vxlanPort from '../wire/vxlan.ts';
import { arp } from './arp.ts';
import { bgp } from './bgp.ts';
import { cdp } from './cdp.ts';
import { dccp } from './dccp.ts';
import type { OtherTable } from './decode-as-tables.ts';
import { dhcp } from './dhcp.ts';
import { dhcpv6 } from './dhcpv6.ts';
import { dns, dnsTcp, llmnr, mdns } from './dns.ts';
import { dnsByContent } from './dns-content.ts';
import { dtls } from './dtls.ts';
import { eap, eapol } from './eapol.ts';
import { eth, vlan } from './eth.ts';
import { ethernetInIp } from './ethernet-in-ip.ts';
import { fddi } from './fddi.ts';
import { ftp } from './ftp.ts';
import { geneve } from './geneve.ts';
import { gre } from './gre.ts';
import { http, httpByContent, httpElsewhere } from './http.ts';
import { icmp } from './icmp.ts';
import { icmpv6 } from './icmp6.ts';
import { igmp } from './igmp.ts';
import { ip } from './ip.ts';
import { ipv6 } from './ip6.ts';
import { ah, esp, espInUdp } from './ipsec.ts';
import { lldp } from './lldp.ts';
import { loopback } from './loopback.ts';
import { mpls } from './mpls.ts';
import { nbdgm, nbns } from './nbns.ts';
import { ntp } from './ntp.ts';
import { ospf } from './ospf.ts';
import { chdlc, ppp, pppHdlc, pppLink } from './ppp.ts';
import { chap, pap } from './ppp-auth.ts';
import { bacp, ccp, ipcp, ipv6cp, lcp, mplscp, osicp } from './ppp-control.ts';
import { pppEther, pppoe, pppoeDiscovery } from './pppoe.ts';
import type { Protocol } from './protocol.ts';
import { quic, quicOfHttp } from './quic.ts';
import { radius } from './radius.ts';
import { raw } from './raw.ts';
import { rip, ripng } from './rip.ts';
import { rtcp } from './rtcp.ts';
import { rtp } from './rtp.ts';
import { rtsp } from './rtsp.ts';
import { sctp } from './sctp.ts';
import { sip, sipElsewhere } from './sip.ts';
import { slow } from './slow.ts';
import { snmp } from './snmp.ts';
import { stp } from './stp.ts';
import { syslog } from './syslog.ts';
import { tftp } from './tftp.ts';
import { vrrp } from './vrrp.ts';
// Registers the fields that depend on earlier packets.
import './session/sessions.ts';
import { sll, sll2 } from './sll.ts';
import { smtp, submission } from './smtp.ts';
import { ssh, sshOnPort } from './ssh.ts';
import {
  etherTypes,
  ipProtocols,
  leaves,
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
import { tls, tlsOnPort } from './tls.ts';
import { udp } from './udp.ts';
import { udpLite } from './udplite.ts';
import { vxlan, vxlanGpe, vxlanLinux } from './vxlan.ts';
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
  /** Of a protocol found by port or content: it carries packets or other protocols, so that any field may come of its bytes.
   * Others are passed over where nobody asks for a field of theirs. */
  carries?: true;
  /** The first words of its fields, where they are not its name. */
  words?: readonly string[];
}

/** Of what announces streams of RTP: those are told by it. */
const HTTP = ['http', 'websocket'];
const X509 = ['x509af', 'x509if', 'x509sat', 'x509ce'];
const SDP = ['sip', 'sdp', 'rtp', 'rtcp'];

/** Every protocol, and where it is found. To add one: its header in `wire/`, its `Protocol` (fields, `walk`, `print`) in
 * a file here, and a line in this list. Where both ports of a packet are in the list, the earlier line wins. */
const PROTOCOLS: readonly (readonly [Protocol, Announced])[] = [
  [eth, { link: [linktype.LINKTYPE_ETHERNET], ether: [ethertype.ETHERTYPE_TEB] }],
  [raw, { link: [linktype.LINKTYPE_RAW, linktype.LINKTYPE_IPV4, linktype.LINKTYPE_IPV6, 12, 14] }],
  [fddi, { link: [linktype.LINKTYPE_FDDI] }],
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
  [mdns, { udp: [5353], words: ['dns'] }],
  [llmnr, { udp: [5355], words: ['dns'] }],
  [gre, { ip: [ipproto.IPPROTO_GRE] }],
  [mpls, { ether: [ethertype.ETHERTYPE_MPLS, ethertype.ETHERTYPE_MPLS_MULTICAST] }],
  [pppLink, { link: [linktype.LINKTYPE_PPP] }],
  [ppp, { ether: [ethertype.ETHERTYPE_PPP] }],
  [chdlc, { link: [linktype.LINKTYPE_C_HDLC] }],
  [pppHdlc, { link: [linktype.LINKTYPE_PPP_HDLC] }],
  [pppEther, { link: [linktype.LINKTYPE_PPP_ETHER] }],
  [pppoe, { ether: [ethertype.ETHERTYPE_PPPOE_SESSION] }],
  [pppoeDiscovery, { ether: [ethertype.ETHERTYPE_PPPOE_DISCOVERY] }],
  [lcp, { ppp: [pppNumber.PPP_LCP] }],
  [ipcp, { ppp: [pppNumber.PPP_IPCP] }],
  [ipv6cp, { ppp: [pppNumber.PPP_IPV6CP] }],
  [ccp, { ppp: [pppNumber.PPP_CCP] }],
  [bacp, { ppp: [pppNumber.PPP_BACP] }],
  [osicp, { ppp: [pppNumber.PPP_OSICP] }],
  [mplscp, { ppp: [pppNumber.PPP_MPLSCP] }],
  [pap, { ppp: [pppNumber.PPP_PAP] }],
  [chap, { ppp: [pppNumber.PPP_CHAP] }],
  [http, { tcp: [80, 8080], words: HTTP }],
  [httpElsewhere, { tcp: [631, 1900, 2710, 2869, 3128, 3132, 3689, 5985, 8088, 11371], words: HTTP }],
  [httpByContent, { content: ['tcp'], words: HTTP }],
  [tls, { content: ['tcp'], words: ['tls', ...X509] }],
  [sshOnPort, { tcp: [22] }],
  [ssh, { content: ['tcp'] }],
  [quicOfHttp, { udp: [443], words: ['quic', 'tls', ...X509] }],
  [quic, { content: ['udp'], words: ['quic', 'tls', ...X509] }],
  [vxlan, { udp: [vxlanPort.UDP_PORT], carries: true }],
  [vxlanLinux, { udp: [vxlanPort.UDP_PORT_LINUX], carries: true }],
  [vxlanGpe, { udp: [vxlanPort.UDP_PORT_GPE], carries: true }],
  [geneve, { udp: [GENEVE_PORT], carries: true }],
  [ah, { ip: [ipproto.IPPROTO_AH] }],
  [esp, { ip: [ipproto.IPPROTO_ESP] }],
  [espInUdp, { udp: [ESP_PORT], carries: true }],
  [udpLite, { ip: [ipproto.IPPROTO_UDPLITE] }],
  [ftp, { tcp: [21] }],
  [smtp, { tcp: [25] }],
  [submission, { tcp: [587] }],
  [whois, { tcp: [43] }],
  [rtsp, { tcp: [554, 7236, 8554], words: ['rtsp', ...SDP] }],
  [dhcp, { udp: [67, 68] }],
  [vrrp, { ip: [ipproto.IPPROTO_VRRP] }],
  [rip, { udp: [ripPort.UDP_PORT] }],
  [ripng, { udp: [ripPort.UDP_PORT_NG] }],
  [stp, { sap: [llcNumber.SAP_STP], snap: [llcNumber.OUI_CISCO * 0x10000 + 0x010b] }],
  [ntp, { udp: [123] }],
  [tftp, { udp: [69] }],
  [radius, { udp: radiusPort.UDP_PORTS }],
  [syslog, { udp: [514] }],
  [sctp, { ip: [ipproto.IPPROTO_SCTP] }],
  [snmp, { udp: [161, 162] }],
  [ospf, { ip: [ipproto.IPPROTO_OSPF] }],
  [sip, { udp: [5060], words: SDP }],
  [sipElsewhere, { tcp: [5060], content: ['udp', 'tcp'], words: ['sip', ...SDP] }],
  [cdp, { snap: [llcNumber.OUI_CISCO * 0x10000 + cdpNumber.SNAP_PID] }],
  [lldp, { ether: [ethertype.ETHERTYPE_LLDP] }],
  [slow, { ether: [ethertype.ETHERTYPE_SLOW] }],
  [eapol, { ether: [ethertype.ETHERTYPE_EAPOL] }],
  [eap, { ppp: [pppNumber.PPP_EAP] }],
  [dhcpv6, { udp: [546, 547] }],
  [nbns, { udp: [137] }],
  [nbdgm, { udp: [138] }],
  [bgp, { tcp: [bgpNumber.TCP_PORT] }],
  [
    tlsOnPort,
    {
      tcp: [443, 465, 636, 853, 993, 995, 2221, 2443, 3496, 5061, 5671, 5684, 8883, 11207, 27017],
      words: ['tls', ...X509],
    },
  ],
  [dtls, { content: ['udp'], words: ['dtls', ...X509] }],
  [rtcp, { content: ['udp'] }],
  [dnsByContent, { content: ['udp'] }],
  [rtp, { udp: [] }],
  [dccp, { ip: [ipproto.IPPROTO_DCCP] }],
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
  if ((at.udp || at.tcp || at.content) && !at.carries) leaves.set(protocol, [...(at.words ?? [protocol.name]), 'data']);
  for (const transport of at.content ?? []) (transport === 'udp' ? udpContents : tcpContents).push(protocol);
}

/** The protocol that frames of a LINKTYPE_ begin with; undefined where nothing here knows it. */
export const protocolOfLink = (linkType: number): Protocol | undefined => linkTypes.get(linkType);

/** Protocols that may be named for the numbers of a table, by name: those that some such number or content stands for. */
export function namedProtocols(
  table: 'tcp.port' | 'udp.port' | 'ethertype' | 'ip.proto' | OtherTable,
): ReadonlyMap<string, Protocol> {
  const found = new Map<string, Protocol>();
  for (const [protocol, at] of PROTOCOLS) {
    const isThere =
      table === 'tcp.port'
        ? at.tcp !== undefined || at.content?.includes('tcp')
        : table === 'udp.port'
          ? at.udp !== undefined || at.content?.includes('udp')
          : table === 'ip.proto'
            ? at.ip
            : table === 'llc.dsap'
              ? at.sap
              : table === 'ppp.protocol'
                ? (at.ppp ?? at.ether)
                : at.ether;
    if (isThere && !found.has(protocol.name)) found.set(protocol.name, protocol);
  }
  return found;
}

/** All protocols, each once. */
export const protocols: readonly Protocol[] = PROTOCOLS.map(([protocol]) => protocol);
