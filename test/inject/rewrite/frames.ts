import { craft } from '../../../src/inject/craft/index.ts';

/** Frames of many kinds with right lengths and checksums, none below 60 bytes: others have padding. */
const DATA = '"forty bytes of text that nobody reads, ok"';
const TEXTS = [
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/ip(src=10.1.2.3,dst=192.168.7.9)/udp(sport=5000,dport=53)/${DATA}`,
  `eth(dst=02:00:00:00:00:01,src=02:00:00:00:00:02)/ip(src=192.168.7.9,dst=10.1.2.3,ttl=3)/udp(sport=53,dport=5000)/${DATA}`,
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/ip(src=10.1.2.3,dst=192.168.7.9,tos=16)/tcp(sport=4000,dport=80,seq=1000,ack=4294967295,flags=PA)/${DATA}`,
  `eth(dst=02:00:00:00:00:01,src=02:00:00:00:00:02)/ip(src=192.168.7.9,dst=10.1.2.3)/tcp(sport=80,dport=4000,seq=4294967290,ack=1042,flags=A)/${DATA}`,
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/ip(src=10.1.2.3,dst=192.168.7.9)/icmp/${DATA}`,
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/ipv6(src=2001:db8::1,dst=2001:db8:5::2)/udp(sport=5001,dport=53)/${DATA}`,
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/ipv6(src=2001:db8::1,dst=2001:db8:5::2)/tcp(sport=4000,dport=80,seq=7,flags=S)/${DATA}`,
  `eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)/vlan(id=5)/ip(src=10.1.2.3,dst=10.9.9.9)/udp(sport=1,dport=8005)/${DATA}`,
];
const TUNNELS = [
  `eth/ip(src=10.1.2.3,dst=192.168.7.9)/udp(sport=1,dport=4789,checksum=0)/vxlan(vni=7)/eth(dst=02:00:00:00:00:04,src=02:00:00:00:00:03)/ip(src=10.1.2.3,dst=10.0.0.5)/udp(sport=80,dport=53)/${DATA}`,
  `eth/ip(src=10.1.2.3,dst=192.168.7.9)/gre/ip(src=10.1.2.3,dst=10.0.0.5)/tcp(sport=80,dport=53)/${DATA}`,
  `eth/ip(src=10.1.2.3,dst=192.168.7.9)/ip(src=172.16.0.1,dst=10.0.0.5)/icmp/${DATA}`,
  `eth/ipv6(src=2001:db8::1,dst=fe80::2)/ip(src=10.1.2.3,dst=10.0.0.5)/udp(sport=80,dport=53)/${DATA}`,
  `eth/ip(src=192.168.7.1,dst=10.1.2.3)/icmp(type=3,code=3)/ip(src=10.1.2.3,dst=192.168.7.9)/udp(sport=80,dport=53)/${DATA}`,
  `eth/ipv6(src=2001:db8::99,dst=2001:db8::1)/icmpv6(type=1,code=4)/ipv6(src=2001:db8::1,dst=2001:db8:5::2)/udp(sport=80,dport=53)/${DATA}`,
];

const build = (texts: readonly string[]): Uint8Array[] =>
  texts.flatMap((text) => [...craft(text)].map(({ bytes }) => bytes));
export const plainFrames = (): Uint8Array[] => build(TEXTS);
export const tunnelFrames = (): Uint8Array[] => build(TUNNELS);
