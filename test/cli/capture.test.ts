/** Options of `netlab capture`, each on real frames. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { send } from '../../src/index.ts';
import { readSavefile } from '../../src/savefile/index.ts';
import { NETLAB, NETLAB_FROM_SOURCES, netlab, Running, start, TCPDUMP, tcpdump, until } from '../support/cli.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';
import { noCap } from '../support/tools.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-capture-`);
// A user without privilege must get there.
chmodSync(directory, 0o777);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newFile = (suffix = 'pcapng'): string => `${directory}/${files++}.${suffix}`;

const frame = (number: number, length = 100): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, 0, 0, number >>> 8, number]);
  return bytes;
};
const numberOf = (bytes: Uint8Array): number => (bytes[16]! << 8) | bytes[17]!;
const frames = (count: number, from = 0): Uint8Array[] =>
  Array.from({ length: count }, (_, number) => frame(from + number));
const FILTER = 'ether proto 0x88b5';
/** Order between rings gives way to a ring that is silent for 300 ms, which one that got no time of the processor is. */
const IN_TIME = { retry: 3 };
const numbers = (text: string): number[] =>
  [...text.matchAll(/0x0000: {2}0000 ([0-9a-f]{4})/g)].map(([, digits]) => Number.parseInt(digits!, 16));

/** In an unprivileged user namespace there is only one user to be. */
const ONE_USER = process.env['NETLAB_NETNS'] === 'user';

describeNetwork('netlab capture', () => {
  let pair: Pair;
  let running: Running | null = null;
  beforeAll(() => {
    pair = vethPair();
  });
  afterAll(() => pair.remove());
  afterEach(() => {
    running?.kill('SIGKILL');
    running = null;
  });
  const begin = async (args: string[], words: string[] = [FILTER]): Promise<Running> => {
    running = start(['capture', ...args, ...words]);
    await running.listening();
    return running;
  };
  const finish = async (capture: Running): Promise<{ stdout: string; stderr: string }> => {
    capture.kill('SIGINT');
    const { status, stdout, stderr } = await capture.ended;
    expect(status, stderr).toBe(0);
    return { stdout, stderr };
  };

  it('prints frames as they come, as tcpdump prints them', async () => {
    const file = newFile('pcap');
    const capture = await begin([pair.b, '-n', '-e', '-tt', '-x', '-w', file, '--print']);
    await send(pair.a, frames(3));
    await capture.until('stdout', /0002/);
    const { stdout } = await finish(capture);
    // The file keeps nanoseconds, tcpdump prints microseconds unless asked.
    expect(stdout).toBe(tcpdump('-n', '-e', '-tt', '-x', '-r', file));
    expect(stdout.length).toBeGreaterThan(100);
  });

  it('runs from the sources as well', async () => {
    running = new Running(
      [...NETLAB_FROM_SOURCES, 'capture', pair.b, '-n', '-c', '2', '--fanout', '2', 'lb', FILTER],
      {},
    );
    await running.listening();
    await send(pair.a, frames(2));
    expect((await running.ended).status).toBe(0);
  });

  it.each([
    [['-i'], 'b'],
    [['--interface'], 'b'],
    [[], 'b'],
  ])('the interface by %j', async (option) => {
    const capture = await begin([...option, pair.b, '-n', '-x', '-c', '1']);
    await send(pair.a, frames(1, 7));
    const { stdout } = await capture.ended;
    expect(numbers(stdout)).toEqual([7]);
  });

  it('-Q in and -Q out', async () => {
    const sides: [string, number[]][] = [
      ['in', [1]],
      ['out', [2]],
      ['inout', [1, 2]],
    ];
    for (const [direction, expected] of sides) {
      const capture = await begin([pair.b, '-n', '-x', '-Q', direction]);
      await send(pair.a, [frame(1)]);
      await send(pair.b, [frame(2)]);
      const { stdout, stderr } = await finish(capture);
      expect(numbers(stdout)).toEqual(expected);
      expect(stderr).toContain(`${expected.length} packet${expected.length > 1 ? 's' : ''} received by filter\n`);
    }
  });

  it('-s keeps so many bytes, and the length on the wire', async () => {
    const file = newFile();
    const capture = await begin([pair.b, '-s', '40', '-w', file, '-c', '1']);
    await send(pair.a, frames(1));
    await capture.ended;
    const { frames: saved, interfaces } = readSavefile(file);
    expect(saved[0]).toMatchObject({ originalLength: 100 });
    expect(saved[0]!.bytes.length).toBe(40);
    expect(interfaces[0]).toMatchObject({
      name: pair.b,
      snapLength: 40,
      timestampDigits: 9,
      filter: FILTER,
      linkType: 1,
    });
  });

  it('any: cooked frames, each with its device, in pcapng an interface for each', async () => {
    const file = newFile();
    const capture = await begin(['any', '-n', '-w', file, '--print']);
    await send(pair.a, frames(1));
    await capture.until('stdout', new RegExp(`${pair.b.padEnd(5)} `));
    const { stdout } = await finish(capture);
    expect(stdout).toMatch(new RegExp(`${pair.a} +Out `));
    expect(stdout).toMatch(new RegExp(`${pair.b} +P `));
    const { frames: saved, interfaces } = readSavefile(file);
    expect(saved.map(({ interfaceId }) => interfaces[interfaceId]!.name).sort()).toEqual([pair.a, pair.b].sort());
    expect(interfaces.every(({ linkType }) => linkType === 276)).toBe(true);
    expect(tcpdump('-n', '--count', '-r', file)).toBe('2 packets\n');
  });

  it('several interfaces: in the order of time, each line and each frame with its own', IN_TIME, async () => {
    const other = vethPair();
    try {
      const file = newFile();
      const capture = await begin(['-i', pair.b, '-i', other.b, '-n', '-x', '-w', file, '--print']);
      for (let round = 0; round < 5; round++) {
        await send(pair.a, [frame(2 * round)]);
        await send(other.a, [frame(2 * round + 1)]);
      }
      await capture.until('stdout', /0009/);
      const { stdout, stderr } = await finish(capture);
      expect(numbers(stdout)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(stdout.match(new RegExp(` ${pair.b} +P +`, 'g'))).toHaveLength(5);
      const { frames: saved, interfaces } = readSavefile(file);
      expect(interfaces.map(({ name }) => name)).toEqual([pair.b, other.b]);
      expect(saved.map(({ interfaceId }) => interfaceId)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
      expect(interfaces.map(({ statistics }) => statistics?.filterAccepted)).toEqual([5n, 5n]);
      expect(stderr).toContain(`${pair.b}: 5 received, 0 dropped`);
    } finally {
      other.remove();
    }
  });

  it('--fanout with threads: none lost, none twice, exactly -c, counts of each member', IN_TIME, async () => {
    const file = newFile();
    const capture = await begin([pair.b, '--fanout', '2', 'lb', '-w', file, '-c', '800']);
    await capture.stopped(() => send(pair.a, frames(1000)));
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    const { frames: saved } = readSavefile(file);
    expect(saved.map(({ bytes }) => numberOf(bytes))).toEqual(Array.from({ length: 800 }, (_, number) => number));
    expect(stderr).toMatch(/^800 packets captured\n1000 packets received by filter\n0 packets dropped/m);
    expect(stderr).toContain('200 packets left in the ring');
    expect(stderr).toContain(`${pair.b} member 0: 500 received, 0 dropped`);
    expect(stderr).toContain(`${pair.b} member 1: 500 received, 0 dropped`);
  });

  it('a filter that the kernel refuses, since it loops, runs over the blocks', async () => {
    const capture = await begin([pair.b, '-n', '-e'], ['ip protochain 17']);
    const udp = frame(1);
    udp.set([8, 0, 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 9, 0, 8], 12);
    const icmp = Uint8Array.from(udp);
    icmp[23] = 1;
    await send(pair.a, [icmp, udp, icmp]);
    await capture.until('stdout', /UDP/);
    const { stdout, stderr } = await finish(capture);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^1 packet captured$/m);
  });

  it('SIGUSR2 and --stats print statistics on the way', async () => {
    const capture = await begin([pair.b, '-n', '--stats', '1']);
    await send(pair.a, frames(3));
    await capture.until('stderr', /^3 packets captured\n3 packets received by filter\n0 packets dropped/m);
    await send(pair.a, frames(2));
    capture.kill('SIGUSR2');
    await sleep(300);
    capture.kill('SIGUSR2');
    await capture.until('stderr', /^5 packets captured\n5 packets received by filter/m);
    const { stdout, stderr } = await finish(capture);
    // Reading the kernel's counters resets them: the totals are kept.
    expect(stderr).toMatch(
      /5 packets captured\n5 packets received by filter\n0 packets dropped by kernel.*\n(?!.*packets captured)/,
    );
    expect(stdout.trimEnd().split('\n').length).toBeGreaterThan(4);
  });

  it('-w - goes to tcpdump through a pipe, live', async () => {
    const words = [
      '-c',
      `"$@" | ${TCPDUMP.join(' ')} -lnr - 2>/dev/null`,
      'sh',
      ...NETLAB,
      'capture',
      pair.b,
      '-U',
      '-w',
      '-',
      '-c',
      '2',
      FILTER,
    ];
    running = new Running(['sh', ...words], {});
    await running.listening();
    await send(pair.a, frames(2));
    const { status, stdout } = await running.ended;
    expect(status).toBe(0);
    expect(stdout.match(/ethertype Unknown \(0x88b5\)/g)).toHaveLength(2);
  });

  it.skipIf(ONE_USER)('-Z: the file is the other user’s, and capturing goes on without privilege', async () => {
    const file = newFile();
    const capture = await begin([pair.b, '-Z', 'nobody', '-w', file]);
    const status = readFileSync(`/proc/${capture.child.pid}/status`, 'utf8');
    const id = Number(run('id', '-u', 'nobody'));
    expect(status).toMatch(new RegExp(`^Uid:\\s+${id}\\s+${id}\\s+${id}`, 'm'));
    expect(status).toMatch(/^CapEff:\s+0+$/m);
    await send(pair.a, frames(5));
    await finish(capture);
    expect(statSync(file).uid).toBe(id);
    expect(readSavefile(file).frames).toHaveLength(5);
  });

  it('--format json: one object a line, as they come', async () => {
    const capture = await begin([pair.b, '--format', 'json', '-c', '2']);
    await send(pair.a, frames(2));
    const { stdout } = await capture.ended;
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ frame: facts }) => facts['frame.len'])).toEqual([100, 100]);
    expect(lines[0].frame['frame.interface_name']).toBe(pair.b);
  });

  it('-p: no promiscuous mode; without it the interface is in that mode', async () => {
    const promiscuity = (): number => JSON.parse(run('ip', '-d', '-j', 'link', 'show', pair.b))[0].promiscuity;
    const plain = await begin([pair.b, '-p', '-n']);
    expect(promiscuity()).toBe(0);
    await finish(plain);
    const promiscuous = await begin([pair.b, '-n']);
    expect(promiscuity()).toBe(1);
    await finish(promiscuous);
    expect(promiscuity()).toBe(0);
  });

  it.skipIf(noCap !== null)(
    '--backend libpcap: says what it cannot, on stderr and in the file; ends well when the interface goes down',
    async () => {
      const own = vethPair();
      try {
        const file = newFile();
        const capture = await begin([own.b, '--backend', 'libpcap', '-w', file]);
        expect(capture.stderr).toMatch(/no kernel timestamps.*no drop counts/);
        await send(own.a, frames(4));
        await until(() => readSavefile(file).frames.length === 4, 'four frames in the file');
        run('ip', 'link', 'set', own.b, 'down');
        const { status, stderr } = await capture.ended;
        expect(status).toBe(1);
        expect(stderr).toMatch(/^4 packets captured\nunknown packets received by filter/m);
        expect(stderr).toMatch(/^netlab: libpcap's capture on .* ended by itself/m);
        const { frames: saved, interfaces, error } = readSavefile(file);
        expect([saved.length, error]).toEqual([4, null]);
        expect(interfaces[0]!.description).toMatch(/no kernel timestamps/);
      } finally {
        own.remove();
      }
    },
  );

  it('signals that only interrupt do not end it', async () => {
    const capture = await begin([pair.b, '-n']);
    for (let round = 0; round < 50; round++) {
      capture.kill('SIGWINCH');
      capture.kill('SIGCONT');
      await sleep(2);
    }
    await send(pair.a, frames(2));
    const { stderr } = await finish(capture);
    expect(stderr).toMatch(/^2 packets captured$/m);
  });

  it('a terminal: a status line while writing to a file, none of it on a pipe', async () => {
    const file = newFile();
    const words = [...NETLAB, 'capture', pair.b, '-w', file, '-c', '6', FILTER];
    running = new Running(['script', '-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {});
    await running.until('stdout', /listening/);
    await send(pair.a, frames(5));
    // `script` gives what the terminal got: redrawn in place, and taken away in the end.
    await running.until('stdout', /\r5 packets, 500 B, .*0 dropped\x1b\[K/);
    await send(pair.a, frames(1));
    const { status, stdout } = await running.ended;
    expect(status).toBe(0);
    expect(stdout).toMatch(/\r\x1b\[K6 packets captured\r\n/);
    const piped = netlab(['capture', pair.b, '-w', newFile(), '--duration', '0.3', FILTER]);
    expect(piped.stderr).not.toMatch(/\r|\x1b/);
  });

  it('-w - on a terminal is refused', async () => {
    const words = [...NETLAB, 'capture', pair.b, '-w', '-'].map((word) => `'${word}'`).join(' ');
    running = new Running(['script', '-qec', words, '/dev/null'], {});
    const { status, stdout } = await running.ended;
    expect(status).toBe(2);
    expect(stdout).toMatch(/netlab: -w - writes binary data/);
  });

  it('-D and interfaces --json list what is there', () => {
    const { status, stdout } = netlab(['capture', '-D']);
    expect(status).toBe(0);
    expect(stdout).toMatch(new RegExp(`^\\d+: ${pair.b}  up`, 'm'));
    const list = JSON.parse(netlab(['interfaces', '--json']).stdout);
    expect(list.find(({ name }: { name: string }) => name === pair.b)).toMatchObject({
      up: true,
      mtu: 1500,
      linkType: 1,
      kind: 'veth',
      mac: readFileSync(`/sys/class/net/${pair.b}/address`, 'utf8').trim(),
      index: Number(readFileSync(`/sys/class/net/${pair.b}/ifindex`, 'utf8')),
    });
    expect(netlab(['interfaces', `${pair.b}x`]).status).toBe(1);
  });

  it('doctor: what is there with the privilege, and what to do without', () => {
    const all = JSON.parse(netlab(['doctor', '--json']).stdout) as { name: string; state: string; advice: string }[];
    const state = (found: typeof all, name: string): string | undefined =>
      found.find((one) => one.name === name)?.state;
    for (const name of ['CAP_NET_RAW', 'af_packet', 'TPACKET_V3 ring', 'fanout']) expect(state(all, name)).toBe('ok');
    const without = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-all'];
    const { status, stdout } = netlab(['doctor', '--json'], { prefix: without });
    expect(status).toBe(0);
    const less = JSON.parse(stdout) as typeof all;
    expect(state(less, 'CAP_NET_RAW')).toBe('missing');
    expect(state(less, 'af_packet')).toBe('missing');
    for (const one of less.filter((finding) => finding.state === 'missing' && finding.name.startsWith('CAP')))
      expect(one.advice).not.toBe('');
    expect(netlab(['doctor']).stdout).toMatch(/^ {2}ok +CAP_NET_RAW/m);
  });
});
