/** Commands on the emulated network: as a user without privilege, and asked for. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { netlab, start, tcpdump } from '../support/cli.ts';
import { describeNetwork } from '../support/network.ts';

/** The words that take a program's capabilities for raw sockets away, root or not. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];
/** In an unprivileged user namespace there is only one user to be. */
const ONE_USER = process.env['NETLAB_NETNS'] === 'user';
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
const ONE_LINE = /^netlab: emulated network, not this machine's: real frames need CAP_NET_RAW \(see netlab doctor\)$/m;
const NOTE = "emulated network (netlab's own kernel, no real frames)";

const directory = mkdtempSync(join(tmpdir(), 'netlab-emulated-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** Where a description stands in a pcapng file, as text. */
const saysNote = (file: string): boolean => readFileSync(file).includes(NOTE);

describeNetwork('without CAP_NET_RAW', () => {
  const prefixes: [string, string[]][] = [['as root without the capability', UNPRIVILEGED]];
  if (!ONE_USER) prefixes.push(['as nobody', NOBODY]);

  it.each(prefixes)('%s: capture eth0 sees frames, says in one line whose, and ends by -c', (_, prefix) => {
    const done = netlab(['capture', 'eth0', '-n', '-c', '5'], { prefix });
    expect(done.status).toBe(0);
    expect(done.stdout.trim().split('\n')).toHaveLength(5);
    expect(done.stderr.split('\n')[0]).toMatch(ONE_LINE);
    expect(done.stderr).toMatch(/^listening on eth0, link-type EN10MB/m);
    expect(done.stderr).toMatch(/^5 packets captured$/m);
  });

  it('the file says it in its interface description, and real tools read it', () => {
    const file = join(directory, 'fallback.pcapng');
    const done = netlab(['capture', '-n', '-c', '3', '-w', file], { prefix: UNPRIVILEGED });
    expect(done.status).toBe(0);
    expect(saysNote(file)).toBe(true);
    expect(tcpdump('-n', '-r', file).trim().split('\n')).toHaveLength(3);
  });

  it('lo and any are there; a name that is not says which are', () => {
    expect(netlab(['capture', 'lo', '-n', '-c', '2'], { prefix: UNPRIVILEGED }).stdout).toMatch(
      /127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.7: UDP/,
    );
    expect(netlab(['capture', 'any', '-n', '-c', '2'], { prefix: UNPRIVILEGED })).toMatchObject({ status: 0 });
    const wrong = netlab(['capture', 'wlan0'], { prefix: UNPRIVILEGED });
    expect(wrong.status).toBe(1);
    expect(wrong.stderr).toMatch(/no interface 'wlan0'.*\(there are lo, eth0, any\)/);
  });

  it('Ctrl-C ends a capture with its counts, exit 0', async () => {
    const running = start(['capture', 'eth0', '-n'], { prefix: UNPRIVILEGED });
    await running.until('stdout', /\n.*\n/);
    running.kill('SIGINT');
    const done = await running.ended;
    expect(done.status).toBe(0);
    expect(done.stderr).toMatch(/^\d+ packets captured$/m);
  });

  it('interfaces and send-udp run there as well', () => {
    const listed = netlab(['interfaces', '--json'], { prefix: UNPRIVILEGED });
    expect(listed.stderr).toMatch(ONE_LINE);
    expect(JSON.parse(listed.stdout).map(({ name }: { name: string }) => name)).toEqual(['lo', 'eth0']);
    const sent = netlab(['send-udp', '192.0.2.20', '7', 'hello', '--replies', '1'], { prefix: UNPRIVILEGED });
    expect(sent.status).toBe(0);
    expect(sent.stderr).toMatch(ONE_LINE);
    expect(sent.stderr).toMatch(/^1 datagram sent via packet on eth0: 1 frame, 47 bytes; 1 frame came back$/m);
    expect(sent.stdout).toMatch(/192\.0\.2\.20\.7 > 192\.0\.2\.10\.\d+: \[udp sum ok\] UDP, length 5/);
  });

  it('--backend af_packet refuses: 77', () => {
    for (const words of [
      ['capture', 'eth0'],
      ['send-udp', '192.0.2.20', '7'],
    ]) {
      const done = netlab([...words, '--backend', 'af_packet'], { prefix: UNPRIVILEGED });
      expect(done).toMatchObject({ status: words[0] === 'capture' ? 1 : 77, stdout: '' });
    }
    const done = netlab(['capture', 'lo', '--backend', 'af_packet'], { prefix: UNPRIVILEGED });
    expect(done).toMatchObject({ status: 77, stdout: '' });
    expect(done.stderr).toContain('--backend emulated');
  });

  it('doctor looks at this machine, and names the emulated network', () => {
    const done = netlab(['doctor'], { prefix: UNPRIVILEGED });
    expect(done.stdout).toMatch(/^ {2}MISSING {2}CAP_NET_RAW/m);
    expect(done.stdout).toMatch(/^ {2}ok {7}emulated .*what commands run on here/m);
    expect(done.stderr).toBe('');
  });
});

describe('--backend emulated', () => {
  it('needs no word on stderr', () => {
    const done = netlab(['interfaces', '--backend', 'emulated']);
    expect(done).toMatchObject({ status: 0, stderr: '' });
    expect(done.stdout).toMatch(
      /^2: eth0 {2}up, veth {2}mtu 1500 {2}ETHERNET \(1\) {2}02:00:00:00:01:01\n {3}192\.0\.2\.10\/24/m,
    );
  });

  it('--virtual-time: the same seed gives the same bytes, another seed others, without waiting', () => {
    const capture = (name: string, seed: string): Buffer => {
      const file = join(directory, name);
      const started = performance.now();
      const done = netlab(['capture', 'any', '--virtual-time', '--seed', seed, '--duration', '60', '-w', file]);
      expect(done.status).toBe(0);
      // A minute of the network takes no minute; a slow machine may take some seconds to start.
      expect(performance.now() - started).toBeLessThan(60_000);
      return readFileSync(file);
    };
    const first = capture('first.pcapng', '7');
    expect(capture('second.pcapng', '7').equals(first)).toBe(true);
    expect(capture('third.pcapng', '8').equals(first)).toBe(false);
    expect(first.includes(NOTE)).toBe(true);
    const lines = tcpdump('-n', '-tttt', '-r', join(directory, 'first.pcapng')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(300);
    expect(lines[0]).toMatch(/^2001-09-09 0[0-9]:46:4/);
    const text = lines.join('\n');
    for (const seen of [
      /ARP, Request who-has/,
      /ICMP echo request/,
      /ICMP echo reply/,
      /192\.0\.2\.10\.\d+ > 192\.0\.2\.53\.53: \d+\+ A\? \w+\.lab\.test\./,
      /192\.0\.2\.53\.53 > 192\.0\.2\.10\.\d+: \d+\*- \d\/0\/0 A /,
      /192\.0\.2\.10\.7 > 192\.0\.2\.30\.\d+: UDP/,
      /IP6 2001:db8:1::30 > 2001:db8:1::10: ICMP6, echo request/,
      /IP6 2001:db8:1::10 > 2001:db8:1::30: ICMP6, echo reply/,
      /ICMP6, neighbor solicitation, who has 2001:db8:1::30/,
    ])
      expect(text).toMatch(seen);
    expect(text).not.toMatch(/bad/);
  });

  it.each(['packet', 'raw', 'dgram'])('send-udp --via %s gets an answer, the same in every run', (via) => {
    const words = ['send-udp', 'server', '37', '--via', via, '--virtual-time', '--replies', '2', '-c', '3'];
    const done = netlab(words);
    expect(done.status).toBe(0);
    expect(done.stderr).toMatch(/^3 datagrams sent .*; 3 frames came back$/m);
    expect(done.stdout.match(/203\.0\.113\.7\.37 > 192\.0\.2\.10\.\d+: \[udp sum ok\]/g)).toHaveLength(3);
    expect(netlab(words).stdout).toBe(done.stdout);
  });

  it('a closed port answers by ICMP; a host that is not there by nobody', () => {
    const closed = netlab(['send-udp', 'bob', '4444', 'x', '--virtual-time', '--replies', '1']);
    expect(closed.stdout).toMatch(/192\.0\.2\.30 > 192\.0\.2\.10: ICMP 192\.0\.2\.30 udp port 4444 unreachable/);
    const nobody = netlab(['send-udp', '192.0.2.99', '7', 'x', '--virtual-time']);
    expect(nobody).toMatchObject({ status: 1, stdout: '' });
    expect(nobody.stderr).toMatch(/EHOSTUNREACH.*192\.0\.2\.99.*answered 3 questions/);
    const unknown = netlab(['send-udp', 'alicia', '7', 'x', '--virtual-time']);
    expect(unknown).toMatchObject({ status: 1, stderr: expect.stringMatching(/did you mean alice\?/) });
  });

  it('what only this machine has is refused in one line, exit 2', () => {
    for (const [words, message] of [
      [['capture', 'eth0', '--backend', 'emulated', '--fanout', '2', 'hash'], /--fanout/],
      [['capture', 'lo', '--backend', 'af_packet', '--seed', '1'], /--seed is for --backend emulated/],
      [['capture', 'lo', '--backend', 'af_packet', '--virtual-time'], /--virtual-time is for --backend emulated/],
    ] as [string[], RegExp][]) {
      const done = netlab(words);
      expect(done).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(message) });
      expect(done.stderr.trim().split('\n')).toHaveLength(1);
    }
  });

  it('doctor looks at our kernel', () => {
    const done = netlab(['doctor', '--backend', 'emulated', '--json']);
    const findings = JSON.parse(done.stdout) as { name: string; state: string; detail: string }[];
    expect(findings.find(({ name }) => name === 'TPACKET_V3 ring')).toMatchObject({ state: 'ok' });
    expect(findings.find(({ name }) => name === 'release')!.detail).toMatch(/^netlab emulated kernel/);
  });
});
