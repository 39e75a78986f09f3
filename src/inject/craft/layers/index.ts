/** Every layer that can be crafted. A protocol more is one definition and one line here. */
export { http, ntp, rtp, snmp, syslog, tftp, tlsClientHello } from './application.ts';
export { igmp, igmp3Query, igmp3Report, ospf, ospfHello, rip, ripEntry, vrrp } from './control.ts';
export { dhcp } from './dhcp.ts';
export { dns } from './dns.ts';
export {
  icmp,
  icmpv6,
  mld2Query,
  mld2Report,
  mldDone,
  mldQuery,
  mldReport,
  neighborAdvertisement,
  neighborSolicitation,
  redirect6,
  routerAdvertisement,
  routerSolicitation,
} from './icmp.ts';
export { ah, destinationOptions, esp, fragmentHeader, hopByHop, ipv4, ipv6, routing } from './ip.ts';
export {
  arp,
  ethernet,
  ipcp,
  lcp,
  llc,
  lldp,
  loop,
  loopback,
  mpls,
  ppp,
  pppoe,
  pppoed,
  qinq,
  sll,
  sll2,
  snap,
  stp,
  vlan,
} from './link.ts';
export { padding, raw } from './raw.ts';
export {
  sctp,
  sctpAbort,
  sctpCookieAck,
  sctpCookieEcho,
  sctpData,
  sctpHeartbeat,
  sctpInit,
  sctpInitAck,
  sctpSack,
  sctpShutdown,
  tcp,
  udp,
  udplite,
} from './transport.ts';
export { geneve, gre, vxlan } from './tunnel.ts';
