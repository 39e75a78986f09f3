/** Our text against the installed tcpdump's: the same frames, the same options, byte for byte. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { printFrame, TextPrinter } from '../../src/dissect/text-printer.ts';
import { FrameBlock } from '../../src/frames/block.ts';
import { lacks } from '../support/tools.ts';
import { mutate, random } from './mutate.ts';
import { compare, type Difference, type Frame, hasTcpdump, readSavefile } from './oracle.ts';

const folder = new URL('../../fixtures/frames/', import.meta.url).pathname;
const files = readdirSync(folder).filter((name) => name.endsWith('.pcap'));
const captures = files.map((name) => ({ name, ...readSavefile(readFileSync(join(folder, name))) }));

/** Protocols that tcpdump prints and we do not (yet): a line that shows one is not compared. A protocol that gets its
 * printer leaves this list. */
const NOT_OURS = new RegExp(
  [
    // Above IP.
    'igrp|EGP|egp|pim|rsvp|RSVP|mobile|MOBILE|IPComp|ipcomp|PGM|pgm|DCCP|dccp|sctp|eigrp|EIGRP|ospf|OSPF|carp|VRRP|vrrp',
    'GRE|gre|AH\\(|ESP\\(|\\[\\|(ah|esp)\\]|mobility| nd \\d|HIP|PIM',
    // In IGMP and ICMPv6.
    'dvmrp|pimv1|router renumbering|who-are-you|RPL|mtrace message',
    // Link layers and what rides on them.
    'IPX|ipx|OSI|isoclns|AT \\d|at-#|ddp|nbp|STP|802\\.1d|CDP|PTP|LLDP|Loopback|PPPoE|MPLS|ATM|DLCI|Slow|EAP|TIPC|MACsec',
    // Above UDP and TCP, at ports that chance gave.
    'NTP|BOOTP|dhcp6|snmp|C="|SYSLOG|syslog|radius|RADIUS|isakmp|LWAPP|rx type|sip|SIP|HTTP|SSH|FTP|SMTP|BGP|tftp|TFTP',
    'NBT|RIP|timed|krb|Kerberos|kerberos|VXLAN|Geneve|lwres|RTP|vat|wb|l2tp|L2TP|asnlen|\\.\\d+:  \\(invalid\\)|\\.\\d+: $',
  ].join('|'),
);

const report = (differences: Difference[], limit = 5): string =>
  differences
    .slice(0, limit)
    .map((d) => `packet ${d.index + 1}\nours:   ${d.ours}theirs: ${d.theirs}`)
    .join('\n');

const mattering = (differences: Difference[]): Difference[] => differences.filter((d) => !NOT_OURS.test(d.theirs));

if (!hasTcpdump) process.stderr.write('skipped: comparison with tcpdump: tcpdump 4.99.3 is not installed\n');

describe.skipIf(!hasTcpdump)('the text is tcpdump -n’s', () => {
  const options = [
    ['-t'],
    ['-tv'],
    ['-tvv'],
    ['-tvvv'],
    ['-te'],
    ['-tq'],
    ['-tqe'],
    ['-teS'],
    ['-tvvK'],
    ['-tx'],
    ['-txx'],
    ['-tX'],
    ['-tXX'],
    ['-tA'],
    [],
    ['--nano'],
    ['-tt'],
    ['-ttt', '--nano'],
    ['-tttt'],
    ['-ttttt'],
  ];
  for (const flags of options)
    it(`of crafted frames with ${flags.join(' ') || 'no options'}`, () => {
      for (const { name, frames, linkType } of captures) {
        const differences = mattering(compare(frames, linkType, flags));
        expect(differences.length, `${name}\n${report(differences)}`).toBe(0);
      }
    });

  it('of an earlier, an equal and a later time than the packet before', () => {
    const bytes = captures[0]!.frames[0]!.bytes;
    const times = [
      [100, 5],
      [100, 5],
      [99, 999_999_999],
      [100, 4],
      [100_000, 0],
      [99_999, 999_999_999],
      [0, 0],
    ];
    const frames = times.map(([seconds, nanoseconds]) => ({ bytes, seconds: seconds!, nanoseconds: nanoseconds! }));
    for (const flags of [[], ['-tt'], ['-ttt'], ['-tttt'], ['-ttttt'], ['-ttt', '--nano']])
      expect(report(compare(frames, 1, flags))).toBe('');
  });

  it('of relative sequence numbers, in both directions and when a connection starts anew', () => {
    const tcp = captures.find((capture) => capture.name === 'tcp.pcap')!;
    expect(report(mattering(compare([...tcp.frames, ...tcp.frames].reverse(), 1, ['-t'])))).toBe('');
  });

  it('of lengths that contradict each other', () => {
    const bytes = captures[0]!.frames[0]!.bytes;
    const frames: Frame[] = [
      { bytes: new Uint8Array(0), originalLength: 0 },
      { bytes: new Uint8Array(0), originalLength: 60 },
      { bytes, originalLength: bytes.length + 1000 },
    ];
    expect(report(compare(frames, 1, ['-t']))).toBe('');
  });

  it('of frames cut and changed at random', () => {
    const seed = Number(process.env['SEED'] ?? 20_240_229);
    let packets = 0;
    const different: string[] = [];
    for (const { name, frames, linkType } of captures) {
      const mutated = mutate(frames, random(seed), 400);
      packets += mutated.length;
      const differences = mattering(compare(mutated, linkType, ['-tvv']));
      different.push(...differences.map((d) => `${name} ${report([d])}`));
    }
    // What differs are names, options and labels that contradict themselves twice over; the bound keeps it so.
    expect(
      different.length,
      `seed ${seed}, ${packets} packets\n${different.slice(0, 5).join('\n')}`,
    ).toBeLessThanOrEqual(packets / 1000);
  });

  const shared = new URL('../../../shared/captures/', import.meta.url).pathname;
  const absent = lacks('text of captures of real traffic', !existsSync(shared) && 'no folder ../shared/captures');
  it.skipIf(absent)('of captures of real traffic, as far as the protocols are ours', async () => {
    const { readAny } = await import('./oracle.ts');
    for (const name of ['ipv6-reassembly-state-leak.pcap', 'arp-leak.pcap']) {
      if (!existsSync(join(shared, name))) continue;
      const capture = readAny(join(shared, name))!;
      const differences = mattering(compare(capture.frames.slice(0, 2000), capture.linkType, ['-tvvv']));
      expect(report(differences), name).toBe('');
    }
  });
});

describe('the printer', () => {
  const [first] = captures.find((capture) => capture.name === 'raw.pcap')!.frames;

  it('prints a single frame', () => {
    expect(printFrame(first!.bytes, 101)).toBe('IP 10.0.0.1.1000 > 10.0.0.2.2000: UDP, length 10\n');
  });

  it('asks for names of ports, hosts and devices, and keeps what could steer a terminal visible', () => {
    const text = printFrame(first!.bytes, 101, {
      portName: (port, transport) => (port === 1000 ? `${transport}\x1b[31m` : undefined),
      hostName: (bytes, at, length) => (bytes[at + 3] === 2 ? `host-${length}` : undefined),
    });
    expect(text).toBe('IP 10.0.0.1.udp^[[31m > host-4.2000: UDP, length 10\n');
  });

  it('puts colours around the line, not around its newline', () => {
    const text = printFrame(first!.bytes, 101, {
      colour: ({ protocol }) => ({ begin: Buffer.from(`<${protocol}>`), end: Buffer.from('</>') }),
    });
    expect(text).toBe('<udp>IP 10.0.0.1.1000 > 10.0.0.2.2000: UDP, length 10</>\n');
  });

  it('passes over rows that a filter rejected, and hands out what gathered at flush', () => {
    const block = new FrameBlock(first!.bytes, 3);
    block.count = 3;
    block.capturedLength.fill(first!.bytes.length);
    block.originalLength.fill(first!.bytes.length);
    block.keep.set([1, 0, 1]);
    const chunks: string[] = [];
    const printer = new TextPrinter({ timestamp: 1, number: true }, (chunk) =>
      chunks.push(Buffer.from(chunk).toString('latin1')),
    );
    expect(printer.print(block, [{ name: '', linkType: 101, snapLength: 0, timestampDigits: 6 }])).toBe(2);
    expect(chunks).toEqual([]);
    printer.flush();
    expect(chunks.join('')).toMatch(/^ {4}1 {2}IP .*\n {4}2 {2}IP .*\n$/);
  });
});
