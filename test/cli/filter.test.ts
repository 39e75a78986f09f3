import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../src/cli/exit.ts';
import { runCommand } from '../../src/cli/program.ts';
import { writeSavefile } from '../../src/savefile/index.ts';
import { ether, ipv4, ipv6, tcp, udp } from '../filter/support/packets.ts';
import { netlab } from '../support/cli.ts';
import { describeWith } from '../support/tools.ts';

/** What the command prints, run in this process: starting the program takes longer than all it does. */
async function filter(...args: string[]): Promise<string> {
  let text = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += chunk;
    return true;
  });
  try {
    expect(await runCommand(['filter', ...args])).toBeUndefined();
  } finally {
    write.mockRestore();
  }
  return text;
}

const IP =
  '(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 3\n(002) ret      #262144\n(003) ret      #0\n';

describe('netlab filter', () => {
  it('prints the program, as -d does', async () => {
    expect(await filter('ip')).toBe(IP);
    expect(await filter('-d', 'ip')).toBe(IP);
  });

  it('-dd prints C, -ddd numbers', async () => {
    expect(await filter('-dd', 'ip')).toBe(
      '{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 1, 0x00000800 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n',
    );
    expect(await filter('-ddd', 'ip')).toBe('4\n40 0 0 12\n21 0 1 2048\n6 0 0 262144\n6 0 0 0\n');
  });

  it('joins its words, and without any accepts everything', async () => {
    expect(await filter('ip', 'or', 'ip6')).toBe(await filter('ip or ip6'));
    expect(await filter()).toBe('(000) ret      #262144\n');
  });

  it('takes a link type by its names and its numbers', async () => {
    const cooked = await filter('--link', 'LINUX_SLL', 'ip');
    expect(cooked).toContain('[14]');
    for (const name of ['linux_sll', 'DLT_LINUX_SLL', 'LINKTYPE_LINUX_SLL', '113'])
      expect(await filter('--link', name, 'ip')).toBe(cooked);
    expect(await filter('--link', 'RAW', 'ip')).toBe(await filter('--link', '12', 'ip'));
  });

  it('takes a snapshot length and leaves the optimizer out', async () => {
    expect(await filter('-s', '96', 'ip')).toContain('ret      #96');
    expect((await filter('-O', 'tcp port 80')).length).toBeGreaterThan((await filter('tcp port 80')).length);
    expect(await filter('--no-optimize', 'tcp port 80')).toBe(await filter('-O', 'tcp port 80'));
  });

  it('--filter-mode strict is another program where the words mean something else', async () => {
    expect(await filter('--filter-mode', 'strict', 'vlan or ip')).not.toBe(await filter('vlan or ip'));
    expect(await filter('--filter-mode', 'libpcap', 'vlan or ip')).toBe(await filter('vlan or ip'));
  });

  it('--explain says it in words, --graph draws it, in the order of the options’ list', async () => {
    const both = await filter('--explain', '--graph', '--width', '80', 'ip');
    expect(both).toContain("'ip' for Ethernet frames: 4 instructions.");
    expect(both).toContain('(001) jeq #0x800          if the Ethernet type is IPv4 (0x0800) accept (2), else');
    expect(both).toContain('|<-');
    expect(both).not.toContain('jt 2');
    for (const line of both.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect((await filter('-d', '--explain', 'ip')).startsWith(IP)).toBe(true);
  });

  it('an expression that is wrong is a usage error with a caret below the place', () => {
    const done = netlab(['filter', 'tcp port port']);
    expect(done.status).toBe(2);
    expect(done.stdout).toBe('');
    expect(done.stderr).toMatch(/column 10/);
    const lines = done.stderr.trimEnd().split('\n');
    expect(lines.at(-1)!.indexOf('^')).toBe(lines.at(-2)!.indexOf('port port') + 5);
  });

  it.each([
    [['--link', 'NOSUCH', 'ip'], /--link/],
    [['--packet', '3', 'ip'], /--run/],
    [['--filter-mode', 'loose', 'ip'], /filter-mode/],
    [['--width', '3', 'ip'], /width/],
  ])('%j is a usage error', async (args, message) => {
    const error = await filter(...args).catch((caught) => caught);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(message);
  });
});

describe('netlab filter --run', () => {
  let directory: string;
  let file: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'netlab-filter-'));
    file = join(directory, 'some.pcap');
    const frames = [
      ether(0x0800, ipv4(17, udp(1000, 53))),
      ether(0x0800, ipv4(6, tcp(1000, 443, 2))),
      ether(0x86dd, ipv6(6, tcp(443, 1000, 0x12))),
      ether(0x0806, new Uint8Array(28)),
    ].map((bytes) => ({ bytes, originalLength: bytes.length }));
    frames[1]!.originalLength += 100;
    writeSavefile(file, frames, { format: 'pcap' });
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('shows the path of the first packet, and what became of all', async () => {
    const text = await filter('--run', file, '--width', '80', 'tcp port 443');
    expect(text).toContain('Packet 1, 42 bytes:\n(000) ldh [12]            A = IPv4 (0x0800): the Ethernet type\n');
    expect(text).toContain('the IPv4 protocol is not TCP (6)');
    expect(text).toContain('Of 4 packets 2 match:');
    expect(text).toMatch(/ 1 {2}match .*the TCP destination port is https \(443\) \(packet 2\)/);
    expect(text).toMatch(/ 1 {2}match .*the TCP source port is https \(443\) \(packet 3\)/);
  });

  it('--packet shows that one alone', async () => {
    const text = await filter('--run', file, '--packet', '2', 'tcp port 443');
    expect(text.startsWith('Packet 2, 54 bytes of 154:\n')).toBe(true);
    expect(text).toContain('Match (up to 262144 bytes are kept), decided at');
    expect(text).not.toContain('Of 4 packets');
  });

  it('a packet that is not there, a file that is not there: one line, exit 1', () => {
    const beyond = netlab(['filter', '--run', file, '--packet', '9', 'ip']);
    expect(beyond).toMatchObject({ status: 1, stdout: '' });
    expect(beyond.stderr).toMatch(/has 4 packets, and no packet 9/);
    expect(netlab(['filter', '--run', join(directory, 'none.pcap'), 'ip'])).toMatchObject({ status: 1, stdout: '' });
  });
});

describe('--filter-mode', () => {
  it('read: libpcap lets the shift of vlan leak across or, strict does not', () => {
    const directory = mkdtempSync(join(tmpdir(), 'netlab-mode-'));
    try {
      const file = join(directory, 'two.pcap');
      const plain = ether(0x0800, ipv4(17, udp(1, 53)));
      const tagged = Uint8Array.from([...plain.subarray(0, 12), 0x81, 0, 0, 5, ...plain.subarray(12)]);
      writeSavefile(file, [{ bytes: plain }, { bytes: tagged }], { format: 'pcap' });
      const lengths = (mode: string): string[] => {
        const { stdout } = netlab(['read', file, '-n', '-e', '--filter-mode', mode, 'vlan 7 or udp port 53']);
        return stdout.split('\n').flatMap((line) => (line === '' ? [] : [/vlan 5/.test(line) ? 'tagged' : 'plain']));
      };
      expect(lengths('libpcap')).toEqual(['tagged']);
      expect(lengths('strict')).toEqual(['plain']);
      expect(netlab(['read', file, '--filter-mode', 'loose', 'udp']).status).toBe(2);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describeWith(['tcpdump'], 'netlab filter and tcpdump', () => {
  it('print the same programs', async () => {
    for (const args of [
      ['-d', 'tcp port 443 and host 10.0.0.1'],
      ['-dd', 'ip6 and udp port 53'],
      ['-ddd', 'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0'],
      ['-d', '-y', 'LINUX_SLL', 'icmp or arp'],
      ['-d', '-O', 'tcp port 80'],
      ['-d', '-s', '100', 'vlan 5 and ip'],
      ['-d', 'ip broadcast'],
    ]) {
      const theirs = spawnSync('tcpdump', args, { encoding: 'utf8' });
      expect(await filter(...args), args.join(' ')).toBe(theirs.stdout);
    }
  });
});
