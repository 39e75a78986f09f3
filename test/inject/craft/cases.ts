/** Packets that are crafted here, by their text form, and in scapy. */
export interface Case {
  /** Text form of ours. */
  text: string;
  /** The same in scapy, without the Ethernet header where `text` begins with `ETH/`. */
  scapy: string;
}

export const ETHER = 'eth(dst=02:00:00:00:00:02,src=02:00:00:00:00:01)';
const SCAPY_ETHER = "Ether(dst='02:00:00:00:00:02',src='02:00:00:00:00:01')";
const IP = 'ip(src=192.0.2.1,dst=192.0.2.2)';
const SCAPY_IP = "IP(src='192.0.2.1',dst='192.0.2.2')";
const IP6 = 'ipv6(src=2001:db8::1,dst=2001:db8::2)';
const SCAPY_IP6 = "IPv6(src='2001:db8::1',dst='2001:db8::2')";

const eth = (text: string, scapy: string): Case => ({ text: `${ETHER}/${text}`, scapy: `${SCAPY_ETHER}/${scapy}` });
const ip = (text: string, scapy: string): Case => eth(`${IP}/${text}`, `${SCAPY_IP}/${scapy}`);
const ip6 = (text: string, scapy: string): Case => eth(`${IP6}/${text}`, `${SCAPY_IP6}/${scapy}`);

// Where scapy 2.5 would write something else by itself, it is told: it shortens PPP's protocol to one byte (RFC 2516 7 says
// not to), fills LLDP up to 60 bytes, turns VXLAN into its extension, and gives MX records another type.
export const CASES: readonly Case[] = [
  // Links.
  eth(
    'arp(op=request,psrc=192.0.2.1,pdst=192.0.2.2)',
    "ARP(op=1,hwsrc='02:00:00:00:00:01',psrc='192.0.2.1',hwdst='00:00:00:00:00:00',pdst='192.0.2.2')",
  ),
  eth(
    'arp(op=reply,hwsrc=02:00:00:00:00:09,psrc=192.0.2.1,hwdst=02:00:00:00:00:02,pdst=192.0.2.2)',
    "ARP(op=2,hwsrc='02:00:00:00:00:09',psrc='192.0.2.1',hwdst='02:00:00:00:00:02',pdst='192.0.2.2')",
  ),
  eth(
    `vlan(vlan=100,prio=3)/${IP}/udp(sport=1,dport=2)/"x"`,
    `Dot1Q(vlan=100,prio=3)/${SCAPY_IP}/UDP(sport=1,dport=2)/b'x'`,
  ),
  eth(`qinq(vlan=5)/vlan(vlan=6)/${IP}/icmp`, `Dot1AD(vlan=5)/Dot1Q(vlan=6)/${SCAPY_IP}/ICMP()`),
  eth(
    `mpls(label=16,ttl=9)/mpls(label=17,cos=2,ttl=8)/${IP}/icmp`,
    `MPLS(label=16,s=0,ttl=9)/MPLS(label=17,cos=2,s=1,ttl=8)/${SCAPY_IP}/ICMP()`,
  ),
  eth(`pppoe(sessionid=7)/ppp/${IP}/icmp`, `PPPoE(sessionid=7)/Raw(b'\\x00\\x21')/${SCAPY_IP}/ICMP()`),
  eth(
    `pppoe(sessionid=7)/ppp/${IP6}/icmpv6(id=1,seq=2)`,
    `PPPoE(sessionid=7)/Raw(b'\\x00\\x57')/${SCAPY_IP6}/ICMPv6EchoRequest(id=1,seq=2)`,
  ),
  {
    text: 'eth(src=02:00:00:00:00:01)/llc/stp(rootid=32768,rootmac=02:00:00:00:00:05,bridgeid=32768,portid=0x8001,pathcost=4)',
    scapy:
      "Dot3(dst='01:80:c2:00:00:00',src='02:00:00:00:00:01')/LLC(dsap=0x42,ssap=0x42,ctrl=3)/STP(rootid=32768,rootmac='02:00:00:00:00:05',bridgeid=32768,bridgemac='02:00:00:00:00:01',portid=0x8001,pathcost=4)",
  },
  {
    text: `${ETHER}/llc/snap/${IP}/icmp`,
    scapy: `Dot3(dst='02:00:00:00:00:02',src='02:00:00:00:00:01')/LLC(dsap=0xaa,ssap=0xaa,ctrl=3)/SNAP(OUI=0,code=0x800)/${SCAPY_IP}/ICMP()`,
  },
  eth(
    'lldp(tlvs=(chassis=02:00:00:00:00:01,port=eth0,ttl=120,system.name=host,end))/padding',
    "LLDPDU()/LLDPDUChassisID(subtype=4,id='02:00:00:00:00:01')/LLDPDUPortID(subtype=5,id='eth0')/LLDPDUTimeToLive(ttl=120)/LLDPDUSystemName(system_name='host')/LLDPDUEndOfLLDPDU()",
  ),
  // IP.
  { text: 'ip(src=192.0.2.1,dst=192.0.2.2,proto=0)', scapy: SCAPY_IP },
  ip('icmp(id=1,seq=2)/"hello"', "ICMP(id=1,seq=2)/b'hello'"),
  eth(
    'ip(src=192.0.2.1,dst=192.0.2.2,ttl=3,tos=0x10,id=77,flags=DF,frag=0)/icmp(type=0,id=9)',
    "IP(src='192.0.2.1',dst='192.0.2.2',ttl=3,tos=0x10,id=77,flags='DF')/ICMP(type=0,id=9)",
  ),
  eth(
    'ip(src=192.0.2.1,dst=192.0.2.2,flags=MF,frag=185,proto=17)/"fragment"',
    "IP(src='192.0.2.1',dst='192.0.2.2',flags='MF',frag=185,proto=17)/b'fragment'",
  ),
  eth(
    'ip(src=192.0.2.1,dst=192.0.2.2,options=(ra))/udp(sport=1,dport=2)',
    "IP(src='192.0.2.1',dst='192.0.2.2',options=[IPOption_Router_Alert()])/UDP(sport=1,dport=2)",
  ),
  eth(
    'ip(src=192.0.2.1,dst=192.0.2.2,options=(nop,lsrr=192.0.2.9+192.0.2.8))/udp(sport=1,dport=2)',
    "IP(src='192.0.2.1',dst='192.0.2.2',options=[IPOption_NOP(),IPOption_LSRR(routers=['192.0.2.9','192.0.2.8'])])/UDP(sport=1,dport=2)",
  ),
  // Wrong values are written as they are.
  eth(
    'ip(src=192.0.2.1,dst=192.0.2.2,version=5,ihl=4,len=7,chksum=0xdead)/udp(len=3,chksum=0xbeef)',
    "IP(src='192.0.2.1',dst='192.0.2.2',version=5,ihl=4,len=7,chksum=0xdead)/UDP(len=3,chksum=0xbeef)",
  ),
  ip(
    'ip(src=10.0.0.1,dst=10.0.0.2)/udp(sport=5,dport=6)/"in"',
    "IP(src='10.0.0.1',dst='10.0.0.2')/UDP(sport=5,dport=6)/b'in'",
  ),
  ip(`${IP6}/icmpv6(id=3)`, `${SCAPY_IP6}/ICMPv6EchoRequest(id=3)`),
  // ICMP.
  ip(
    `icmp(type=3,code=3)/${IP}/udp(sport=7,dport=8)/"quoted"`,
    `ICMP(type=3,code=3)/${SCAPY_IP}/UDP(sport=7,dport=8)/b'quoted'`,
  ),
  ip(
    `icmp(type=3,code=4,nexthopmtu=1400)/${IP}/udp(sport=7,dport=8)`,
    `ICMP(type=3,code=4,nexthopmtu=1400)/${SCAPY_IP}/UDP(sport=7,dport=8)`,
  ),
  ip(`icmp(type=11)/${IP}/tcp(sport=7,dport=8,seq=9)`, `ICMP(type=11)/${SCAPY_IP}/TCP(sport=7,dport=8,seq=9)`),
  ip(
    `icmp(type=5,code=1,gw=192.0.2.254)/${IP}/udp(sport=7,dport=8)`,
    `ICMP(type=5,code=1,gw='192.0.2.254')/${SCAPY_IP}/UDP(sport=7,dport=8)`,
  ),
  ip(`icmp(type=12,ptr=20)/${IP}/udp(sport=7,dport=8)`, `ICMP(type=12,ptr=20)/${SCAPY_IP}/UDP(sport=7,dport=8)`),
  ip('icmp(type=timestamp-request,id=4,ts_ori=1,ts_rx=2,ts_tx=3)', 'ICMP(type=13,id=4,ts_ori=1,ts_rx=2,ts_tx=3)'),
  ip('icmp(type=17,id=4,addr_mask=255.255.255.0)', "ICMP(type=17,id=4,addr_mask='255.255.255.0')"),
  // UDP, TCP and their kin.
  ip('udp(sport=40000,dport=9)/"datagram"', "UDP(sport=40000,dport=9)/b'datagram'"),
  ip('udp(sport=40000,dport=9,chksum=0)/"odd"', "UDP(sport=40000,dport=9,chksum=0)/b'odd'"),
  ip('tcp(sport=40000,dport=80,seq=1000)', 'TCP(sport=40000,dport=80,seq=1000)'),
  ip(
    'tcp(sport=40000,dport=80,seq=1,ack=2,flags=PA,window=1024)/"GET"',
    "TCP(sport=40000,dport=80,seq=1,ack=2,flags='PA',window=1024)/b'GET'",
  ),
  ip(
    'tcp(sport=1,dport=2,flags=FSRPAUEC,urgptr=5,reserved=1,dataofs=15)',
    "TCP(sport=1,dport=2,flags='FSRPAUEC',urgptr=5,reserved=1,dataofs=15)",
  ),
  ip(
    'tcp(sport=1,dport=2,options=(mss=1460,sackok,ts=100:200,nop,wscale=7))',
    "TCP(sport=1,dport=2,options=[('MSS',1460),('SAckOK',b''),('Timestamp',(100,200)),('NOP',None),('WScale',7)])",
  ),
  ip(
    'tcp(sport=1,dport=2,flags=A,options=(nop,nop,sack=10:20+30:40))',
    "TCP(sport=1,dport=2,flags='A',options=[('NOP',None),('NOP',None),('SAck',(10,20,30,40))])",
  ),
  ip(
    'sctp(sport=1,dport=2,tag=3)/sctp.data(tsn=4,sid=5,sseq=6,ppid=7,flags=3,data="abcde")',
    "SCTP(sport=1,dport=2,tag=3)/SCTPChunkData(tsn=4,stream_id=5,stream_seq=6,proto_id=7,beginning=1,ending=1,data=b'abcde')",
  ),
  ip(
    'sctp(sport=1,dport=2)/sctp.init(inittag=1,arwnd=2,nout=3,nin=4,tsn=5)',
    'SCTP(sport=1,dport=2,tag=0)/SCTPChunkInit(init_tag=1,a_rwnd=2,n_out_streams=3,n_in_streams=4,init_tsn=5,flags=0)',
  ),
  ip('sctp(sport=1,dport=2,tag=9)/sctp.cookieack', 'SCTP(sport=1,dport=2,tag=9)/SCTPChunkCookieAck(flags=0)'),
  // Tunnels.
  ip(`gre/${IP}/icmp`, `GRE(proto=0x800)/${SCAPY_IP}/ICMP()`),
  ip(
    `gre(key=5,seq=6)/${IP}/icmp`,
    `GRE(proto=0x800,key_present=1,key=5,seqnum_present=1,sequence_number=6)/${SCAPY_IP}/ICMP()`,
  ),
  ip(`gre(chksum_present=1)/${IP}/icmp`, `GRE(proto=0x800,chksum_present=1,offset=0)/${SCAPY_IP}/ICMP()`),
  ip(
    `udp(sport=50000)/vxlan(vni=42)/${ETHER}/${IP}/icmp`,
    `UDP(sport=50000,dport=4789)/VXLAN(vni=42,flags=8,NextProtocol=0)/${SCAPY_ETHER}/${SCAPY_IP}/ICMP()`,
  ),
  ip(
    `udp(sport=50000)/geneve(vni=42)/${ETHER}/${IP}/icmp`,
    `UDP(sport=50000,dport=6081)/GENEVE(vni=42,proto=0x6558)/${SCAPY_ETHER}/${SCAPY_IP}/ICMP()`,
  ),
  ip('esp(spi=7,seq=8)/"secret.."', "ESP(spi=7,seq=8,data=b'secret..')"),
  // IPv6.
  ip6('icmpv6(id=1,seq=2)/"hello"', "ICMPv6EchoRequest(id=1,seq=2,data=b'hello')"),
  ip6('icmpv6(type=echo-reply,id=1,seq=2)', 'ICMPv6EchoReply(id=1,seq=2)'),
  ip6(
    `icmpv6(type=2,mtu=1300)/${IP6}/udp(sport=1,dport=2)`,
    `ICMPv6PacketTooBig(mtu=1300)/${SCAPY_IP6}/UDP(sport=1,dport=2)`,
  ),
  ip6(
    `icmpv6(type=1,code=4)/${IP6}/udp(sport=1,dport=2)`,
    `ICMPv6DestUnreach(code=4)/${SCAPY_IP6}/UDP(sport=1,dport=2)`,
  ),
  ip6('udp(sport=1,dport=2)/"six"', "UDP(sport=1,dport=2)/b'six'"),
  ip6('tcp(sport=1,dport=2)', 'TCP(sport=1,dport=2)'),
  eth(
    'ipv6(src=2001:db8::1,dst=2001:db8::2,tc=5,fl=0x12345,hlim=3)/udp(sport=1,dport=2)',
    "IPv6(src='2001:db8::1',dst='2001:db8::2',tc=5,fl=0x12345,hlim=3)/UDP(sport=1,dport=2)",
  ),
  ip6(
    'hopopts(options=(ra))/icmpv6(id=5)',
    'IPv6ExtHdrHopByHop(options=[RouterAlert(),PadN(optdata=b"")])/ICMPv6EchoRequest(id=5)',
  ),
  ip6(
    'routing(addresses=(2001:db8::9))/udp(sport=1,dport=2)',
    "IPv6ExtHdrRouting(addresses=['2001:db8::9'])/UDP(sport=1,dport=2)",
  ),
  ip6('fraghdr(id=99,m=1,nh=17)/"fragment"', "IPv6ExtHdrFragment(id=99,m=1,nh=17)/b'fragment'"),
  ip6(
    'ns(tgt=2001:db8::2,options=(sllad=02:00:00:00:00:01))',
    "ICMPv6ND_NS(tgt='2001:db8::2')/ICMPv6NDOptSrcLLAddr(lladdr='02:00:00:00:00:01')",
  ),
  ip6(
    'na(tgt=2001:db8::2,flags=SO,options=(tllad=02:00:00:00:00:02))',
    "ICMPv6ND_NA(tgt='2001:db8::2',R=0,S=1,O=1)/ICMPv6NDOptDstLLAddr(lladdr='02:00:00:00:00:02')",
  ),
  ip6(
    'ra(chlim=64,lifetime=1800,options=(mtu=1400,prefix=2001:db8::/64))',
    "ICMPv6ND_RA(chlim=64,routerlifetime=1800,prf=0)/ICMPv6NDOptMTU(mtu=1400)/ICMPv6NDOptPrefixInfo(prefixlen=64,L=1,A=1,validlifetime=2592000,preferredlifetime=604800,prefix='2001:db8::')",
  ),
  ip6('rs', 'ICMPv6ND_RS()'),
  ip6('mld.query(mrd=1000,mladdr=ff02::5)', "ICMPv6MLQuery(mrd=1000,mladdr='ff02::5')"),
  ip6(
    'mld2.report(records=(to_ex=ff02::5))',
    "ICMPv6MLReport2(records_number=1,records=[ICMPv6MLDMultAddrRec(rtype=4,dst='ff02::5')])",
  ),
  // Between routers.
  eth(
    'ip(src=192.0.2.1,dst=224.0.0.1)/igmp(type=query,mrcode=100)',
    "IP(src='192.0.2.1',dst='224.0.0.1',ttl=1,proto=2)/IGMP(type=0x11,mrcode=100)",
  ),
  eth(
    'ip(src=192.0.2.1,dst=224.0.0.18)/vrrp(vrid=3,addrlist=(192.0.2.7,192.0.2.8))',
    "IP(src='192.0.2.1',dst='224.0.0.18',ttl=255)/VRRP(vrid=3,addrlist=['192.0.2.7','192.0.2.8'])",
  ),
  eth(
    'ip(src=192.0.2.1,dst=224.0.0.18)/vrrp(version=3,vrid=3,addrlist=(192.0.2.7))',
    "IP(src='192.0.2.1',dst='224.0.0.18',ttl=255)/VRRPv3(vrid=3,addrlist=['192.0.2.7'])",
  ),
  eth(
    'ip(src=192.0.2.1,dst=224.0.0.5)/ospf(src=1.2.3.4,area=0.0.0.1)/ospf.hello(neighbors=(5.6.7.8))',
    "IP(src='192.0.2.1',dst='224.0.0.5',ttl=1)/OSPF_Hdr(src='1.2.3.4',area='0.0.0.1')/OSPF_Hello(neighbors=['5.6.7.8'])",
  ),
  ip(
    'udp/rip(cmd=response,version=2)/rip.entry(addr=10.0.0.0,mask=255.0.0.0,metric=3)',
    "UDP(sport=520,dport=520)/RIP(cmd=2,version=2)/RIPEntry(AF=2,addr='10.0.0.0',mask='255.0.0.0',metric=3)",
  ),
  // Applications.
  ip(
    'udp(sport=5000)/dns(id=7,qname="example.org",qtype=AAAA)',
    "UDP(sport=5000,dport=53)/DNS(id=7,rd=1,qd=DNSQR(qname='example.org',qtype='AAAA'))",
  ),
  ip(
    'udp(sport=53,dport=5000)/dns(id=7,qname="example.org",ra=1,an=("example.org 60 A 192.0.2.9","example.org 60 MX 10 mail.example.org"))',
    "UDP(sport=53,dport=5000)/DNS(id=7,qr=1,rd=1,ra=1,qd=DNSQR(qname='example.org'),an=DNSRR(rrname='example.org',ttl=60,rdata='192.0.2.9')/DNSRRMX(type=15,rrname='example.org',ttl=60,preference=10,exchange='mail.example.org'))",
  ),
  ip(
    'udp(sport=5000)/dns(qname="example.org",edns=(size=1232,do))',
    "UDP(sport=5000,dport=53)/DNS(id=0,rd=1,qd=DNSQR(qname='example.org'),ar=DNSRROPT(rclass=1232,z=32768))",
  ),
  ip(
    'tcp(sport=5000,flags=PA)/dns(id=1,qname="example.org")',
    "TCP(sport=5000,dport=53,flags='PA')/DNS(id=1,length=29,rd=1,qd=DNSQR(qname='example.org'))",
  ),
  ip(
    'udp/dhcp(xid=99,chaddr=0x020000000001,options=(discover,hostname=box,params=1+3+6,end))',
    "UDP(sport=68,dport=67)/BOOTP(xid=99,chaddr=bytes.fromhex('020000000001'),options=b'c\\x82Sc')/DHCP(options=[('message-type','discover'),('hostname','box'),('param_req_list',[1,3,6]),'end'])",
  ),
  ip(
    'udp/ntp(orig=0,sent=0x1234567880000000,ref=1)',
    'UDP(sport=123,dport=123)/NTPHeader(orig=0,sent=0x12345678+0.5,ref=1/4294967296.0)',
  ),
  ip(
    'udp(sport=5000)/tftp(op=read,filename="boot.img")',
    "UDP(sport=5000,dport=69)/TFTP(op=1)/TFTP_RRQ(filename='boot.img',mode='octet')",
  ),
  ip(
    'udp(sport=69,dport=5000)/tftp(op=data,block=1)/"contents"',
    "UDP(sport=69,dport=5000)/TFTP(op=3)/TFTP_DATA(block=1)/b'contents'",
  ),
  ip(
    'udp(sport=5000)/snmp(id=1234,oid=(1.3.6.1.2.1.1.3.0))',
    "UDP(sport=5000,dport=161)/SNMP(version=1,community='public',PDU=SNMPget(id=1234,varbindlist=[SNMPvarbind(oid=ASN1_OID('1.3.6.1.2.1.1.3.0'))]))",
  ),
  ip(
    'udp(sport=5000,dport=5004)/rtp(payload_type=8,sequence=3,timestamp=160,sourcesync=0xabcd)/"voice"',
    "UDP(sport=5000,dport=5004)/RTP(payload_type=8,sequence=3,timestamp=160,sourcesync=0xabcd)/b'voice'",
  ),
];
