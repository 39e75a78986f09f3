import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hasTshark } from '../dissect/fixture.ts';
import { hasTcpdump, savefile } from '../dissect/oracle.ts';
import { tcpFrame, udpFrame } from '../dissect/session/craft.ts';
import { netlab, tcpdump } from '../support/cli.ts';

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');
if (!hasTshark) process.stderr.write('skipped: comparison with tshark: tshark 4.0.17 is not installed\n');

const directory = mkdtempSync(join(tmpdir(), 'netlab-decode-as-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hex = (text: string): Buffer => Buffer.from(text.replace(/\s/g, ''), 'hex');
function write(name: string, linkType: number, ...frames: Uint8Array[]): string {
  const path = join(directory, `${name}.pcap`);
  const file = savefile(
    frames.map((bytes) => ({ bytes })),
    linkType,
  );
  writeFileSync(path, file);
  return path;
}

const QUERY = hex('0007 0100 0001 0000 0000 0000 0161 00 0001 0001');
const RTP = hex(`8000 0001 000000a0 12345678 ${'80'.repeat(20)}`);
const udp = (clientPort: number, serverPort: number, payload: Uint8Array): Buffer =>
  Buffer.from(udpFrame(0, Buffer.from(payload), { clientPort, serverPort }));
const request = Buffer.from(
  tcpFrame(
    { side: 0, seq: 1, ack: 1, flags: 0x18, payload: Buffer.from('GET /a HTTP/1.1\r\nHost: b\r\n\r\n') },
    { clientPort: 40_000, serverPort: 8888 },
  ),
);
/** A query over IPv4, without a link header. */
const packet = udp(1, 53, QUERY).subarray(14);
const MACS = '020000000002 020000000001';
const ethernet = (type: string, ...rest: Uint8Array[]): Buffer => Buffer.concat([hex(MACS + type), ...rest]);
function snap(header: string): Buffer {
  const length = (8 + packet.length).toString(16).padStart(4, '0');
  return ethernet(length, hex(`aaaa03 ${header}`), packet);
}
/** IPv4 of the protocol, with a right header checksum. */
function ipv4(protocol: number, payload: Uint8Array): Buffer {
  const header = hex('4500 0000 0001 0000 40 00 0000 0a000001 0a000002');
  header.writeUInt16BE(20 + payload.length, 2);
  header[9] = protocol;
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([header, payload]);
}

const ports = write('ports', 1, udp(6000, 6002, RTP), udp(6000, 6004, QUERY), request);
const links = write(
  'links',
  1,
  ethernet('88b5', packet),
  ethernet('8100 0001 88b5', packet),
  snap('000000 88b5'),
  snap('0000f8 88b5'),
  snap('00000c 88b5'),
  ethernet('0800', ipv4(47, Buffer.concat([hex('0000 88b5'), packet]))),
  ethernet('0800', ipv4(47, Buffer.concat([hex(`0000 6558 ${MACS} 88b5`), packet]))),
  ethernet('0800', ipv4(253, packet.subarray(20))),
  ethernet('0800', ipv4(136, Buffer.concat([hex('1770 1774 0000 1234'), QUERY]))),
  ethernet('8847 00064 1ff'.replaceAll(' ', ''), packet),
);
const ppp = write('ppp', 9, Buffer.concat([hex('ff03 0021'), packet]), Buffer.concat([hex('ff03 88b5'), packet]));
const cisco = write('cisco', 104, Buffer.concat([hex('0f00 88b5'), packet]), Buffer.concat([hex('0f00 0800'), packet]));

const FIELDS = ['frame.protocols', 'rtp.seq', 'dns.id', 'http.request.uri', 'arp.opcode'];
const columns = (path: string, ...options: string[]): string => {
  const asked = FIELDS.flatMap((name) => ['-e', name]);
  const done = netlab(['read', ...options, '--format', 'fields', ...asked, path]);
  expect(done).toMatchObject({ status: 0, stderr: '' });
  return done.stdout;
};

describe.skipIf(!hasTshark)('-d takes numbers for the protocols that tshark -d takes them for', () => {
  it.each<[string, string, string[]]>([
    ['ports', ports, ['udp.port==6002,rtp']],
    ['ports in a range, two tables', ports, ['udp.port==6001-6003,rtp', 'tcp.port==8888,http']],
    ['ports by count', ports, ['udp.port==6003:2,dns']],
    ['what is no DNS for DNS', ports, ['udp.port==6002,dns', 'udp.port==6004,dns']],
    [
      'an EtherType behind Ethernet, VLAN tags, SNAP, GRE and more',
      links,
      ['ethertype==0x88b5,ip', 'udp.port==6004,dns'],
    ],
    ['an EtherType that is another’s', links, ['ethertype==0x0800,arp']],
    ['an IP protocol', links, ['ip.proto==253,udp', 'udp.port==6004,dns']],
    ['PPP has no EtherTypes', ppp, ['ethertype==0x88b5,ip', 'ethertype==0x0800,arp']],
    ['Cisco’s HDLC has none', cisco, ['ethertype==0x88b5,ip', 'ethertype==0x0800,arp']],
  ])('%s', (_, path, said) => {
    const options = said.flatMap((text) => ['-d', text]);
    const asked = FIELDS.flatMap((name) => ['-e', name]);
    const done = spawnSync('tshark', ['-n', ...options, '-r', path, '-T', 'fields', ...asked], { encoding: 'utf8' });
    expect(done.status, done.stderr).toBe(0);
    expect(columns(path, ...options)).toBe(done.stdout);
    expect(columns(path, ...said.flatMap((text) => ['--decode-as', text]))).toBe(done.stdout);
  });
});

describe('-d, tables that tshark has and lets only some protocols into', () => {
  const protocols = (path: string, said: string): string[] =>
    columns(path, '-d', said)
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t')[0]!);

  it.each<[string, string, number, string]>([
    ['gre.proto==0x88b5,ip', links, 5, 'eth:ethertype:ip:gre:ip:udp:dns'],
    ['mpls.label==100,eth', links, 9, 'eth:ethertype:mpls:eth:ethertype:data'],
    ['ppp.protocol==0x88b5,ip', ppp, 1, 'ppp:ip:udp:dns'],
    ['chdlc.protocol==0x88b5,ip', cisco, 0, 'chdlc:ip:udp:dns'],
    ['llc.dsap==0xaa,stp', links, 2, 'eth:llc:data'],
  ])('%s', (said, path, row, names) => {
    expect(protocols(path, said)[row]).toBe(names);
  });

  it('in the text as well', () => {
    const text = (path: string, said: string): string => netlab(['read', '-nt', '-d', said, path]).stdout;
    const asked = '10.0.0.1.1 > 10.0.0.2.53: 7+ A? a. (19)';
    expect(text(links, 'ethertype==0x88b5,ip').split(asked)).toHaveLength(1 + 6);
    expect(text(links, 'gre.proto==0x88b5,ip')).toContain(`GREv0, length ${packet.length + 4}: IP ${asked}`);
    expect(text(ppp, 'ppp.protocol==0x88b5,ip').split(asked)).toHaveLength(1 + 2);
    expect(text(cisco, 'chdlc.protocol==0x88b5,ip').split(asked)).toHaveLength(1 + 2);
    expect(text(ports, 'udp.port==6004,dns')).toContain('10.0.0.1.6000 > 10.0.0.2.6004: 7+ A? a. (19)');
  });
});

describe.skipIf(!hasTcpdump)('-T takes every datagram for what tcpdump -T takes it for', () => {
  it.each(['domain', 'rtcp', 'rtp', 'snmp', 'tftp', 'vxlan'])('%s', (type) => {
    for (const flags of ['-nvv', '-nexq'])
      expect(netlab(['read', flags, '-T', type, ports])).toEqual({
        status: 0,
        signal: null,
        stderr: '',
        stdout: tcpdump(flags, '-T', type, '-r', ports),
      });
  });

  it('Cisco’s HDLC prints as with tcpdump', () => {
    for (const flags of ['-n', '-ne', '-nXX', '-nvx'])
      expect(netlab(['read', flags, cisco]).stdout).toBe(tcpdump(flags, '-r', cisco));
  });
});

describe('-T and -d that make no sense end with a line and status 2', () => {
  it.each([
    [['-T', 'rpt'], /'rpt' is invalid. Did you mean rtp\?/],
    [['-T', 'jsno'], /Did you mean json\?/],
    [['-d', 'tcp.prt==1,http'], /there is no table 'tcp.prt'; did you mean tcp.port\?/],
    [['-d', 'gre.port==1,http'], /gre\.proto/],
    [['-d', 'tcp.port==1,htp'], /no protocol 'htp' over tcp.port; near to it: http/],
    [['-d', 'tcp.port==1,arp'], /no protocol 'arp' over tcp.port/],
    [['-d', 'udp.port==70000,dns'], /udp.port goes up to 65535/],
    [['-d', 'mpls.label==1048576,ip'], /mpls.label goes up to 1048575/],
    [['-d', 'ip.proto==0x100,udp'], /ip.proto goes up to 255/],
    [['-d', 'udp.port==5-4,rtp'], /nothing in it/],
    [['-d', 'udp.port==x,rtp'], /no number/],
    [['-d', 'http'], /tcp.port==8888,http/],
    [['--decode-as', 'udp.port=1,rtp'], /does not say what to decode as what/],
  ])('%j', (options, message) => {
    const { status, stdout, stderr } = netlab(['read', ...options, ports]);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
