import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/exit.ts';
import { runCommand } from '../../src/cli/program.ts';
import { Receiver, Watcher } from '../inject/peer.ts';
import { netlab, start } from '../support/cli.ts';
import { describeNetwork, joined, run } from '../support/network.ts';

const hex = (text: string): string => Buffer.from(text).toString('hex');
/** A program that echoes datagrams on port 9977. */
const ECHO =
  "const s = require('dgram').createSocket('udp4'); s.on('message', (m, r) => s.send(m, r.port, r.address)); " +
  "s.bind(9977, () => console.log('up'))";
/** The words that take a program's capabilities for raw sockets away, root or not. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];

describe('send-udp: a wrong command line', () => {
  it.each([
    [['10.0.0.1'], /missing required argument 'port'/],
    [['10.0.0.1', '65536', 'x'], /'65536' is no port/],
    [['10.0.0.1', '-1', 'x'], /unknown option '-1'/],
    [['10.0.0.1', '5', 'x', '--hex', '00'], /one of DATA, --hex and --file/],
    [['10.0.0.1', '5', '--hex', '0'], /1 digits make no whole number/],
    [['10.0.0.1', '5', '--hex', '0g'], /'g' is no hexadecimal digit/],
    [['10.0.0.1', '5', '--from', 'nonsense'], /--from: 'nonsense' is no source/],
    [['10.0.0.1', '5', '--from', '[::1]:5'], /is an IPv4 address, and -6 was given|IPv6 source for an IPv4/],
    [['fe80::1', '5'], /is an address of one link/],
    [['fe80::1%a', '5', '-i', 'b'], /two interfaces: b and a/],
    [['10.0.0.1', '5', '-4', '-6'], /-4 and -6 exclude each other/],
    [['10.0.0.1', '5', '--ttl', '256'], /from 0 to 255/],
    [['10.0.0.1', '5', '--count', '0'], /at least 1/],
    [['10.0.0.1', '5', '--interval', '-1'], /greater than 0/],
    [['10.0.0.1', '5', '--via', 'pigeon'], /pigeon/],
    [['10.0.0.1', '5', '--via', 'dgram', '--bad-checksum'], /kernel computes the checksum/],
    [['10.0.0.1', '5', 'x'.repeat(65508)], /65508 bytes; .* at most 65507/],
    [['::1', '5', '--file', '/dev/zero'], /more than 65527 bytes; .* IPv6 carries at most 65527/],
  ])('%#', async (args, message) => {
    const error = await runCommand(['send-udp', ...args]).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
    expect((error as UsageError).message).not.toContain('\n');
  });

  it('is one line on stderr and exit 2', () => {
    const done = netlab(['send-udp', '10.0.0.1', '65536', 'x']);
    expect(done).toEqual({
      status: 2,
      signal: null,
      stdout: '',
      stderr: "netlab: '65536' is no port: a number from 0 to 65535\n",
    });
  });

  it('a file that is not there is a failure', () => {
    const done = netlab(['send-udp', '10.0.0.1', '5', '--file', '/nonexistent']);
    expect(done).toMatchObject({ status: 1, stdout: '' });
    expect(done.stderr).toMatch(/cannot read \/nonexistent: ENOENT/);
  });
});

describeNetwork('send-udp', () => {
  let link: Awaited<ReturnType<typeof joined>>;
  let folder: string;
  let there: Receiver;
  let there6: Receiver;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'netlab-send-udp-'));
    link = await joined(3);
    there = await Receiver.open(link.far, 4, '10.99.3.2', 9999);
    there6 = await Receiver.open(link.far, 6, 'fd99:3::2', 9999);
  });
  afterAll(async () => {
    await there.close();
    await there6.close();
    link.remove();
    rmSync(folder, { recursive: true });
  });

  /** Datagrams that arrive through a run of the program; `count` of them are waited for. */
  async function arriving(
    receiver: Receiver,
    count: number,
    args: string[],
    options: Parameters<typeof netlab>[1] = {},
  ) {
    const before = receiver.datagrams.length;
    const done = netlab(['send-udp', ...args], options);
    expect(done).toMatchObject({ status: 0 });
    const all = await receiver.take(before + count);
    return { ...done, datagrams: all.slice(before) };
  }

  it.each(['packet', 'raw', 'dgram'])('via %s: sends over IPv4 and IPv6, and prints the packet', async (via) => {
    const v4 = await arriving(there, 1, ['10.99.3.2', '9999', 'hello', '--via', via, '--from', ':40001', '--ttl', '5']);
    expect(v4.datagrams).toEqual([{ data: hex('hello'), address: '10.99.3.1', port: 40001 }]);
    expect(v4.stdout).toMatch(
      /ttl 5, .*proto UDP \(17\), length 33\)\n {4}10\.99\.3\.1\.40001 > 10\.99\.3\.2\.9999: \[udp sum ok\] UDP, length 5\n$/,
    );
    expect(v4.stderr).toContain(`1 datagram sent via ${via}`);
    const v6 = await arriving(there6, 1, [
      'fd99:3::2',
      '9999',
      'hello',
      '--via',
      via,
      '--from',
      '[fd99:3::1]:40002',
      '--ttl',
      '5',
    ]);
    expect(v6.datagrams).toEqual([{ data: hex('hello'), address: 'fd99:3::1', port: 40002 }]);
    expect(v6.stdout).toMatch(/hlim 5, .*fd99:3::1\.40002 > fd99:3::2\.9999: \[udp sum ok\] UDP, length 5\n$/);
  });

  it('by default is packet, and prints the very frame that arrives, as tcpdump does', async () => {
    const wire = await Watcher.open(link.far, link.there, '-e', '-XX', 'udp dst port 9999');
    const done = netlab(['send-udp', '10.99.3.2', '9999', 'to be seen', '-XX', '--bad-checksum', '--tos', '16']);
    await wire.output.until(() => /seen\n$/.test(wire.output.stdout));
    const seen = wire.output.stdout;
    await wire.close();
    const untimed = (text: string): string => text.replace(/^\d\d:\d\d:\d\d\.\d+ /, '');
    expect(untimed(seen)).toBe(untimed(done.stdout));
    expect(done.stdout).toContain('bad udp cksum');
  });

  it('takes the data from standard input, a file, and hexadecimal digits', async () => {
    const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index * 3);
    const file = join(folder, 'data');
    writeFileSync(file, bytes);
    const target = ['10.99.3.2', '9999'];
    expect((await arriving(there, 1, [...target, '-'], { input: bytes })).datagrams[0]!.data).toBe(
      Buffer.from(bytes).toString('hex'),
    );
    expect((await arriving(there, 1, [...target, '--file', file])).datagrams[0]!.data).toBe(
      Buffer.from(bytes).toString('hex'),
    );
    expect((await arriving(there, 1, [...target, '--hex', '0x00:ff 7F'])).datagrams[0]!.data).toBe('00ff7f');
    expect((await arriving(there, 1, [...target, 'käse'])).datagrams[0]!.data).toBe(hex('käse'));
    expect((await arriving(there, 1, target)).datagrams[0]!.data).toBe('');
  });

  it('repeats with a pause, and counts', async () => {
    const started = performance.now();
    const done = await arriving(there, 5, ['10.99.3.2', '9999', 'x', '--count', '5', '--interval', '50ms', '-q']);
    expect(performance.now() - started).toBeGreaterThan(200);
    expect(done.stdout).toBe('');
    expect(done.stderr).toBe(`5 datagrams sent via packet on ${link.here}: 5 frames, 215 bytes\n`);
    expect(new Set(done.datagrams.map(({ port }) => port)).size).toBe(1);
  });

  it('JSON: one object a frame', async () => {
    const done = await arriving(there, 2, ['10.99.3.2', '9999', 'x', '-c', '2', '--interval', '0', '--format', 'json']);
    const objects = done.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(objects).toHaveLength(2);
    expect(objects[1].udp).toMatchObject({ 'udp.dstport': 9999 });
  });

  it('writes what it sent to a file', async () => {
    const file = join(folder, 'sent.pcapng');
    await arriving(there, 2, ['10.99.3.2', '9999', 'kept', '-c', '2', '--interval', '0', '-w', file, '-q']);
    const lines = run('tcpdump', '-nn', '-r', file).trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('> 10.99.3.2.9999: UDP, length 4');
  });

  it('Ctrl-C ends it with the count, exit 0', async () => {
    const running = start(['send-udp', '10.99.3.2', '9999', 'x', '--count', '1000', '--interval', '30']);
    await running.until('stdout', /UDP, length 1/);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^1 datagram sent via packet/m),
    });
  });

  // It asks for three seconds: should the machine be slower than that, once more.
  it('Ctrl-C while the neighbour is asked for ends it, too', { retry: 3 }, async () => {
    const wire = await Watcher.open(link.far, link.there, 'arp and host 10.99.3.88');
    const running = start(['send-udp', '10.99.3.88', '9999', 'x']);
    await wire.take(1);
    running.kill('SIGINT');
    expect(await running.ended).toMatchObject({ status: 0, stdout: '' });
    await wire.close();
  });

  it('an address of this machine gets there by default, and --via packet says that it will not', async () => {
    const here = await Receiver.open(link.far, 4, '10.99.3.2', 9998);
    const prefix = link.far.prefix();
    const done = netlab(['send-udp', '10.99.3.2', '9998', 'self'], { prefix });
    expect(done).toMatchObject({ status: 0 });
    expect(done.stderr).toMatch(/sending via dgram: the kernel drops frames .*accept_local/);
    expect(await here.take(1)).toMatchObject([{ data: hex('self') }]);
    const forced = netlab(['send-udp', '10.99.3.2', '9998', 'self', '--via', 'packet'], { prefix });
    expect(forced.stderr).toMatch(/will not arrive/);
    await here.close();
  });

  it('without privilege: --via dgram sends; --backend af_packet exits 77 with commands that work', async () => {
    const done = await arriving(there, 1, ['10.99.3.2', '9999', 'humble', '--via', 'dgram'], { prefix: UNPRIVILEGED });
    expect(done.datagrams[0]!.data).toBe(hex('humble'));
    for (const via of ['auto', 'packet', 'raw']) {
      const args = ['send-udp', '10.99.3.2', '9999', 'x', '--via', via, '--backend', 'af_packet'];
      const refused = netlab(args, { prefix: UNPRIVILEGED });
      expect(refused).toMatchObject({ status: 77, stdout: '' });
      expect(refused.stderr).toContain('CAP_NET_RAW');
      expect(refused.stderr).toContain(process.execPath);
    }
  });

  it('shows what comes back: an answer, and an ICMP error, on either way of sending', async () => {
    const echo = link.far.prefix();
    const answering = spawn(echo[0]!, [...echo.slice(1), process.execPath, '-e', ECHO], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await new Promise((resolve) => answering.stdout.once('data', resolve));
      for (const via of ['packet', 'dgram', 'raw']) {
        const args = ['10.99.3.2', '9977', 'hi', '--via', via, '--replies', '1', '--format', 'json'];
        const done = netlab(['send-udp', ...args]);
        expect(done.stderr).toMatch(/^1 datagram sent .*; 1 frame came back$/m);
        const [sent, back] = done.stdout
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line));
        expect(sent.udp['udp.dstport']).toBe(9977);
        expect(back.udp).toMatchObject({ 'udp.srcport': 9977, 'udp.dstport': sent.udp['udp.srcport'] });
      }
      const refused = netlab(['send-udp', '10.99.3.2', '9978', 'hi', '--replies', '1']);
      expect(refused.stdout).toMatch(/10\.99\.3\.2 > 10\.99\.3\.1: ICMP 10\.99\.3\.2 udp port 9978 unreachable/);
      expect(refused.stderr).toMatch(/; 1 frame came back$/m);
    } finally {
      answering.kill('SIGKILL');
    }
  });

  it('failures at run time: no route, no neighbour, no device; exit 1 and one line', () => {
    for (const [args, message] of [
      [['100.64.78.1', '9'], /ENETUNREACH.*100\.64\.78\.1/],
      [['10.99.3.77', '9'], /EHOSTUNREACH.*10\.99\.3\.77.*answered 3 questions/],
      [['10.99.3.2', '9', '-i', 'nope'], /ENODEV.*nope/],
      [['10.99.3.2', '9', '--via', 'dgram', '--from', '10.99.3.66'], /EADDRNOTAVAIL.*10\.99\.3\.66/],
      [['host.invalid', '9'], /host\.invalid: the system's resolver/],
    ] as [string[], RegExp][]) {
      const done = netlab(['send-udp', ...args]);
      expect(done).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(message) });
      expect(done.stderr.trim().split('\n')).toHaveLength(1);
    }
  });
});
