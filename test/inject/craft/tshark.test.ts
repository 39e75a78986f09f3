import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { write } from '../../../src/api/write.ts';
import { craft } from '../../../src/inject/craft/index.ts';
import { layerTypes } from '../../../src/inject/craft/registry.ts';
import { describeWith } from '../../support/tools.ts';
import { CASES, ETHER } from './cases.ts';

const IP = `${ETHER}/ip(src=192.0.2.1,dst=192.0.2.2)`;
const IP6 = `${ETHER}/ipv6(src=2001:db8::1,dst=2001:db8::2)`;

/** Packets of the layers that the comparison with scapy has not. */
const MORE: readonly string[] = [
  `${ETHER}/pppoed(code=padi,tags=(service="",host-uniq=0x0102))`,
  `${ETHER}/pppoe(sessionid=1)/ppp/lcp(code=request,id=1)/raw(0x0104010005061234abcd)`,
  `${ETHER}/pppoe(sessionid=1)/ppp/ipcp(code=request,id=1)/raw(0x030600000000)`,
  'sll(src=0x020000000001)/ip(src=192.0.2.1,dst=192.0.2.2)/icmp',
  'sll2(ifindex=3,src=0x020000000001)/ip(src=192.0.2.1,dst=192.0.2.2)/icmp',
  'null/ip(src=192.0.2.1,dst=192.0.2.2)/icmp',
  'loop/ip(src=192.0.2.1,dst=192.0.2.2)/icmp',
  'ppp/ip(src=192.0.2.1,dst=192.0.2.2)/icmp',
  'ip(src=192.0.2.1,dst=192.0.2.2)/udp(sport=1,dport=40001)/"bare"',
  `${IP}/ah(spi=5,seq=1)/udp(sport=1,dport=40001)/"x"`,
  `${IP}/udplite(sport=1,dport=40001,coverage=8)/"lite"`,
  `${IP}/udplite(sport=1,dport=40001)/"lite"`,
  `${IP6}/udplite(sport=1,dport=40001)/"lite"`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.initack(inittag=1,arwnd=2000,nout=3,nin=4,tsn=5,params=0x00070008aabbccdd)`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.sack(cumtsn=7,arwnd=3000,blocks=0x00020003)`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.heartbeat(data=0x00010008aabbccdd)`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.abort`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.cookieecho(data=0x01020304)/sctp.data(flags=3,tsn=1,data="x")`,
  `${IP}/sctp(sport=1,dport=2,tag=3)/sctp.shutdown(cumtsn=9)`,
  `${ETHER}/ip(src=192.0.2.1,dst=224.0.0.1)/igmp3.query(gaddr=239.1.1.1,srcaddrs=(192.0.2.9))`,
  `${ETHER}/ip(src=192.0.2.1,dst=224.0.0.22,options=(ra))/igmp3.report(records=(to_ex=239.1.1.1,allow=239.1.1.2+192.0.2.9))`,
  `${ETHER}/ipv6(src=fe80::1,dst=ff02::1)/hopopts(options=(ra))/mld.report(mladdr=ff02::5)`,
  `${ETHER}/ipv6(src=fe80::1,dst=ff02::2)/hopopts(options=(ra))/mld.done(mladdr=ff02::5)`,
  `${ETHER}/ipv6(src=fe80::1,dst=ff02::1)/hopopts(options=(ra))/mld2.query(mladdr=ff02::5,sources=(2001:db8::9))`,
  `${IP6}/dstopts(options=(padn=0x00000000))/udp(sport=1,dport=40001)`,
  `${IP6}/redirect(tgt=fe80::2,dst=2001:db8::9)`,
  `${IP6}/icmpv6(type=4,ptr=40)/ipv6(src=2001:db8::2,dst=2001:db8::1)/udp(sport=1,dport=40001)`,
  `${IP6}/routing(type=4,segleft=0,reserved=0,addresses=(2001:db8::2))/udp(sport=1,dport=40001)`,
  `${IP}/icmp(type=router-advertisement,naddr=1)/raw(0xc000020100000000)`,
  `${IP}/icmp(type=10)`,
  `${IP}/udp(sport=40001)/syslog(facility=daemon,severity=err,msg="test[1]: it happened")`,
  `${IP}/tcp(sport=40001,dport=80,flags=PA,seq=1,ack=1)/http(method=POST,path="/x",host="example.org",headers=(Accept="*/*"))/"body"`,
  `${IP}/tcp(sport=40001,dport=443,flags=PA,seq=1,ack=1)/tls.clienthello(sni="example.org")`,
  `${ETHER}/llc/stp(version=2,bpduflags=0x3c,rootmac=02:00:00:00:00:05,portid=0x8001)`,
  `${ETHER}/arp(psrc=192.0.2.1,pdst=192.0.2.2)/padding`,
  `${IP}/gre(key=1,seq=2,chksum_present=1)/ip(src=10.0.0.1,dst=10.0.0.2)/udp(sport=1,dport=40001)/"inner"`,
  `${IP}/gre(proto=0x6558)/${ETHER}/ip(src=10.0.0.1,dst=10.0.0.2)/icmp`,
  `${IP}/udp(sport=50000)/geneve(vni=5,options=0x0102030100000000)/${ETHER}/ip(src=10.0.0.1,dst=10.0.0.2)/icmp`,
  `${IP}/udp(sport=69,dport=40001)/tftp(op=error,errorcode=1,errormsg="File not found")`,
  `${IP}/udp(sport=40001)/tftp(op=write,filename="a",mode=netascii,options=(blksize,1432))`,
];

/** What tshark makes of bytes that are wrong by intent, or that it cannot follow: the reason each. */
const EXCEPT: readonly { match: RegExp; why: string }[] = [
  { match: /version=5,ihl=4|dataofs=15|chksum=0xbeef/, why: 'wrong by intent' },
  { match: /flags=MF|fraghdr/, why: 'a fragment alone: what it carries is not there' },
  { match: /esp\(/, why: 'what is encrypted is none of its algorithms' },
];

describeWith(['tshark'], 'crafted packets in tshark', () => {
  test('every layer, without a malformed packet or a checksum that is wrong', async () => {
    const texts = [...CASES.map(({ text }) => text), ...MORE].filter(
      (text) => !EXCEPT.some(({ match }) => match.test(text)),
    );
    const names = [...CASES.map(({ text }) => text), ...MORE].join('\n');
    const missing = layerTypes.filter(
      ({ name, names: others }) => ![name, ...others].some((one) => names.includes(one)),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);

    const directory = mkdtempSync(join(tmpdir(), 'netlab-craft-'));
    try {
      const path = join(directory, 'all.pcapng');
      const out = write(path);
      for (const text of texts) await out.write(craft(text).first);
      await out.close();
      const preferences = [
        ...['ip', 'tcp', 'udp', 'udplite'].map((name) => `${name}.check_checksum:TRUE`),
        'udplite.ignore_checksum_coverage:FALSE',
        'sctp.checksum:CRC 32c',
      ].flatMap((preference) => ['-o', preference]);
      const done = spawnSync(
        'tshark',
        [
          '-n',
          '-r',
          path,
          ...preferences,
          '-T',
          'fields',
          ...['frame.number', 'frame.protocols', '_ws.malformed', '_ws.expert.message'].flatMap((field) => [
            '-e',
            field,
          ]),
          '-E',
          'occurrence=a',
        ],
        { encoding: 'utf8', timeout: 100_000 },
      );
      const lines = done.stdout.trimEnd().split('\n');
      expect(lines).toHaveLength(texts.length);
      const complaints = lines.flatMap((line) => {
        const [number, , malformed, expert = ''] = line.split('\t');
        const wrong =
          malformed || /checksum|malformed|exceed|too (short|long)|invalid|bogus|incorrect|not enough/i.test(expert);
        return wrong ? [`${texts[Number(number) - 1]}: ${malformed} ${expert}`] : [];
      });
      expect(complaints).toEqual([]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
