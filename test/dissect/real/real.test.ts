/** What real programs say to each other: text and fields of one capture of them against the installed tcpdump and tshark. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import '../../../src/dissect/protocols.ts';
import { allFields } from '../../../src/dissect/fields.ts';
import { netlab } from '../../support/cli.ts';
import { describeNetwork, run } from '../../support/network.ts';
import { hasTool } from '../../support/tools.ts';
import { hasTshark } from '../fixture.ts';
import { compare, type Frame, hasTcpdump, readSavefile, savefile } from '../oracle.ts';
import { Capture } from './capture.ts';
import { World } from './world.ts';

/** Numbers of a net that no other test has. */
const NET = 61;

/** The conversations, and the programs that they take beyond those of the base system. */
const CONVERSATIONS = [
  ['pings', ['ping']],
  ['traceroutes', ['traceroute']],
  ['http', ['curl']],
  ['tls', ['curl', 'openssl']],
  ['dnsmasq', ['dnsmasq', 'busybox']],
  ['ntp', ['ntpd', 'setpriv']],
  ['iperf', ['iperf3']],
  ['sockets', ['/usr/bin/python3']],
  ['vxlan', []],
  ['syslog', ['logger']],
] as const satisfies readonly (readonly [keyof World, readonly string[]])[];

/** Options of tcpdump's, each run over the whole capture. */
const MATRIX: readonly (readonly string[])[] = [
  [],
  ['-e'],
  ['-v'],
  ['-vv'],
  ['-vvve'],
  ['-q'],
  ['-S', '-t'],
  ['-tt', '-K', '-v'],
  ['-ttt', '-x'],
  ['-tttt', '-qX'],
  ['-ttttt', '-A'],
  ['-xx', '-ve'],
];

/** What must be installed for all of it. */
const TOOLS_MISSING = [...CONVERSATIONS.flatMap(([, tools]) => tools), 'tcprewrite'].some((tool) => !hasTool(tool));

/** Fields that Wireshark 4.0 does not have. */
const OURS = new Set([
  'tls.handshake.ja4',
  'tls.handshake.ja4_r',
  'dns.svcb.params',
  'icmpv6.rd.na.target_address',
  'ipv6cp.opt.interface_identifier',
  'tcp.options.sack_perm',
]);

/** What differs from tshark's fields, and why. */
const DIFFERENT: readonly (readonly [field: RegExp, why: string, as: (ours: string, theirs: string) => boolean])[] = [
  [/^frame\.interface_id$/, 'a savefile that knows no interfaces has one here, number 0', (ours) => ours === '0'],
  [
    /^frame\.protocols$/,
    'bodies of HTTP messages and certificates are no layers here, and Wireshark has IGMPv3 twice',
    (ours, theirs) =>
      /:http:(data|data-text-lines|urlencoded-form|json)$|:igmp:igmp$|:tls:x509sat:/.test(theirs) &&
      theirs.startsWith(ours),
  ],
  [/^(http\.file_data|data\.(data|len))$/, 'nor is it unzipped', (ours) => ours === ''],
];

/** Frames of the capture again, with tags that tcprewrite put in: not every kernel has VLAN devices. */
function tagged(folder: string, frames: readonly Frame[], linkType: number): Frame[] {
  const last = frames.at(-1)!.seconds!;
  const [from, to] = [join(folder, 'untagged.pcap'), join(folder, 'tagged.pcap')];
  writeFileSync(from, savefile(frames, linkType));
  const tag = ['--enet-vlan=add', '--enet-vlan-tag=100', '--enet-vlan-pri=3', '--enet-vlan-cfi=0'];
  run('tcprewrite', ...tag, `--infile=${from}`, `--outfile=${to}`);
  return readSavefile(readFileSync(to)).frames.map((frame) => ({ ...frame, seconds: last + 1 }));
}

if (!readFileSync('/proc/net/protocols', 'latin1').includes('SCTP'))
  process.stderr.write('skipped: SCTP among real programs: this kernel has none\n');

describeNetwork('real programs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-real-test-'));
  const file = join(folder, 'frames.pcap');
  let frames: Frame[] = [];
  let linkType = 0;

  beforeAll(async () => {
    const world = await World.create(NET);
    try {
      const capture = await Capture.start(world.link.here);
      world.capture = capture;
      for (const [name, tools] of CONVERSATIONS) {
        const missing = tools.filter((tool) => !hasTool(tool));
        if (missing.length === 0) await world[name]();
        else if (process.env['CI']) throw new Error(`${name}: not installed: ${missing.join(', ')}`);
        else process.stderr.write(`skipped: ${name} among real programs: not installed: ${missing.join(', ')}\n`);
      }
      ({ frames, linkType } = await capture.stop(world.far));
    } finally {
      world.remove();
    }
    const pings = frames.slice(0, 40);
    if (hasTool('tcprewrite')) frames = [...frames, ...tagged(folder, pings, linkType)];
    else process.stderr.write('skipped: VLAN tags among real programs: tcprewrite is not installed\n');
    writeFileSync(file, savefile(frames, linkType, true));
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('have said what is compared here', () => {
    const { stdout } = netlab(['read', '-n', '-T', 'fields', '-e', 'frame.protocols', file]);
    const seen = new Set(stdout.split(/[:\s]/));
    const expected = 'arp ip icmp ipv6 icmpv6 udp tcp http tls dns dhcp tftp ntp vxlan igmp syslog vlan'.split(' ');
    expect(expected.filter((name) => !seen.has(name))).toEqual(TOOLS_MISSING ? expect.anything() : []);
  });

  it.skipIf(!hasTcpdump).each(MATRIX.map((flags) => [flags]))("tcpdump's text with %j", (flags) => {
    const differing = compare(frames, linkType, flags).map(
      ({ index, ours, theirs }) => `#${index + 1}\n- ${ours}+ ${theirs}`,
    );
    expect(differing.slice(0, 3).join(''), `${differing.length} differ`).toBe('');
  });

  it.skipIf(!hasTshark)("tshark's fields", () => {
    const names = allFields.filter(({ type, name }) => type !== 'none' && !OURS.has(name)).map(({ name }) => name);
    const words = [
      '-T',
      'fields',
      '-E',
      'separator=/t',
      '-E',
      'aggregator=;',
      ...names.flatMap((name) => ['-e', name]),
    ];
    const env = { ...process.env, TZ: 'UTC' };
    const theirs = spawnSync('tshark', ['-n', '-r', file, ...words], { encoding: 'utf8', maxBuffer: 1 << 28, env });
    expect(theirs.status, theirs.stderr).toBe(0);
    const ours = netlab(['read', '-n', ...words, file], { env });
    expect(ours.status, ours.stderr).toBe(0);
    const cells = (text: string): string[][] => text.split('\n').map((line) => line.split('\t'));
    const [mine, other] = [cells(ours.stdout), cells(theirs.stdout)];
    expect(mine.length).toBe(other.length);
    const differing: string[] = [];
    let equal = 0;
    for (const [row, cellsOfRow] of other.entries())
      for (const [column, name] of names.entries()) {
        const [a, b] = [mine[row]![column] ?? '', cellsOfRow[column] ?? ''];
        if (a === b) equal += a === '' ? 0 : 1;
        else if (!DIFFERENT.some(([field, , as]) => field.test(name) && (as?.(a, b) ?? true)))
          differing.push(`#${row + 1} ${name}: ours ${a || '-'}, theirs ${b || '-'}`);
      }
    expect(differing.slice(0, 10), `${differing.length} differ`).toEqual([]);
    // That there was something to compare: some fifty values a frame.
    expect(equal).toBeGreaterThan(frames.length * 30);
  });
});
