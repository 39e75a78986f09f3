/** Each way in which a capture ends: everything captured so far is in a readable file, the statistics are true, and the
 * exit code says how it was. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { send } from '../../src/index.ts';
import { readSavefile } from '../../src/savefile/index.ts';
import { NETLAB, netlab, type Running, start, tcpdump, until } from '../support/cli.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';

const directory = mkdtempSync(`${tmpdir()}/netlab-endings-`);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newFile = (suffix = 'pcapng'): string => `${directory}/${files++}.${suffix}`;

const frame = (number: number, length = 100): Uint8Array => {
  const bytes = new Uint8Array(length);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5, number >>> 24, number >>> 16, number >>> 8, number]);
  return bytes;
};
const numberOf = (bytes: Uint8Array): number => Buffer.from(bytes).readUInt32BE(14);
const frames = (count: number, length?: number): Uint8Array[] =>
  Array.from({ length: count }, (_, number) => frame(number, length));

/** The counts that were printed last. */
function counts(stderr: string): {
  captured: number;
  received: number;
  dropped: number;
  left: number;
  unwritten: number;
} {
  const last = (pattern: RegExp): number => Number([...stderr.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return {
    captured: last(/^(\d+) packets? captured$/gm),
    received: last(/^(\d+) packets? received by filter$/gm),
    dropped: last(/^(\d+) packets? dropped by kernel/gm),
    left: last(/^(\d+) packets? left in the ring/gm),
    unwritten: last(/^(\d+) packets? not written/gm),
  };
}

/** The file has frames 0 to `count - 1` in order, with times that never step back, and tcpdump reads it. */
function expectFrames(file: string, count: number): void {
  const { frames: saved, error } = readSavefile(file);
  expect(error).toBeNull();
  expect(saved.map(({ bytes }) => numberOf(bytes))).toEqual(Array.from({ length: count }, (_, number) => number));
  for (let at = 1; at < saved.length; at++) {
    const [a, b] = [saved[at - 1]!, saved[at]!];
    expect(b.seconds - a.seconds || b.nanoseconds - a.nanoseconds).toBeGreaterThanOrEqual(0);
  }
  expect(tcpdump('-n', '--count', '-r', file)).toBe(`${count} packet${count === 1 ? '' : 's'}\n`);
}

/** In an unprivileged user namespace there is only one user to be. */
const ONE_USER = process.env['NETLAB_NETNS'] === 'user';
const FILTER = 'ether proto 0x88b5';

describeNetwork('netlab capture ends', () => {
  let pair: Pair;
  let running: Running | null = null;
  beforeEach(() => {
    pair = vethPair();
  });
  afterEach(() => {
    running?.kill('SIGKILL');
    running = null;
    pair.remove();
  });
  const begin = async (...args: string[]): Promise<Running> => {
    running = start(['capture', pair.b, ...args, FILTER]);
    await running.listening();
    return running;
  };

  it('after -c frames: exactly so many, the rest of the ring is told', async () => {
    const file = newFile();
    const capture = await begin('-c', '10', '-w', file);
    await capture.stopped(() => send(pair.a, frames(25)));
    const { status, stderr, stdout } = await capture.ended;
    expect([status, stdout]).toEqual([0, '']);
    expect(counts(stderr)).toEqual({ captured: 10, received: 25, dropped: 0, left: 15, unwritten: 0 });
    expectFrames(file, 10);
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s: what is in the ring is written, statistics, exit 0',
    async (signal) => {
      const file = newFile();
      const capture = await begin('-w', file);
      await send(pair.a, frames(500));
      capture.kill(signal);
      const { status, stderr } = await capture.ended;
      expect(status).toBe(0);
      expect(counts(stderr)).toEqual({ captured: 500, received: 500, dropped: 0, left: 0, unwritten: 0 });
      expectFrames(file, 500);
    },
  );

  it('SIGINT while printing: every frame is printed', async () => {
    const capture = await begin('-n');
    await send(pair.a, frames(300));
    capture.kill('SIGINT');
    const { status, stdout, stderr } = await capture.ended;
    expect(status).toBe(0);
    expect(stdout.match(/ethertype Unknown \(0x88b5\)/g)).toHaveLength(300);
    expect(counts(stderr).captured).toBe(300);
  });

  it('a second SIGINT: at once, with 130', async () => {
    const capture = await begin('-n', '-XX');
    // Nobody reads the output: the first SIGINT cannot end it, since there is more to print than a pipe holds.
    capture.child.stdout.pause();
    await send(pair.a, frames(2000, 1000));
    await sleep(500);
    capture.kill('SIGINT');
    await sleep(500);
    expect(capture.child.exitCode).toBeNull();
    const code = new Promise((resolve) => capture.child.once('exit', resolve));
    capture.kill('SIGINT');
    // A process that got no time between the two takes them for one.
    const again = setInterval(() => capture.kill('SIGINT'), 1000);
    expect(await code).toBe(130);
    clearInterval(again);
    capture.child.stdout.resume();
  });

  it('--duration', async () => {
    const file = newFile('pcap');
    const capture = await begin('-w', file, '--duration', '3000ms');
    await send(pair.a, frames(20));
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    expect(counts(stderr)).toMatchObject({ captured: 20, received: 20 });
    expectFrames(file, 20);
  });

  it('the interface goes down: exit 1 and why', async () => {
    const file = newFile();
    const capture = await begin('-w', file);
    await send(pair.a, frames(30));
    run('ip', 'link', 'set', pair.b, 'down');
    const { status, stderr } = await capture.ended;
    expect(status).toBe(1);
    expect(counts(stderr)).toMatchObject({ captured: 30, received: 30, dropped: 0 });
    expect(stderr).toMatch(new RegExp(`^netlab: ${pair.b} went down.*$`, 'm'));
    expectFrames(file, 30);
  });

  it('the interface is removed: exit 1 and why', async () => {
    const file = newFile();
    const capture = await begin('-w', file);
    await send(pair.a, frames(30));
    run('ip', 'link', 'del', pair.a);
    const { status, stderr } = await capture.ended;
    expect(status).toBe(1);
    expect(counts(stderr)).toMatchObject({ captured: 30, received: 30, dropped: 0 });
    expect(stderr).toMatch(new RegExp(`^netlab: ${pair.b} is gone.*$`, 'm'));
    expectFrames(file, 30);
  });

  it('the disk is full: the file is readable, exit 1, the count says how many frames are in it', async () => {
    const mount = `${directory}/small`;
    mkdirSync(mount);
    run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount);
    try {
      const file = `${mount}/full.pcapng`;
      const capture = await begin('-w', file);
      await send(pair.a, frames(300, 1000));
      const { status, stderr } = await capture.ended;
      expect(status).toBe(1);
      expect(stderr).toMatch(/^netlab: .*full\.pcapng: cannot write: no space left on the device/m);
      const { captured, received, dropped, left, unwritten } = counts(stderr);
      const { frames: saved, error } = readSavefile(file);
      expect(error).toBeNull();
      expect(saved.length).toBeGreaterThan(20);
      expect(captured).toBe(saved.length);
      expect(captured + dropped + left + unwritten).toBe(received);
      expect(saved.map(({ bytes }) => numberOf(bytes))).toEqual(saved.map((_, number) => number));
      tcpdump('-nr', file);
    } finally {
      run('umount', mount);
    }
  });

  it('/dev/full: exit 1', async () => {
    const capture = await begin('-w', '/dev/full').catch(() => running!);
    const { status, stderr } = await capture.ended;
    expect(status).toBe(1);
    expect(stderr).toMatch(/no space left/);
  });

  it('the reader of the text goes away (| head): quietly, exit 0', async () => {
    const shell = spawn(
      'sh',
      [
        '-c',
        `"$@" 2>${directory}/err; echo "exit $?" >>${directory}/err`,
        'sh',
        ...NETLAB,
        'capture',
        pair.b,
        '-n',
        FILTER,
      ],
      { stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const head = spawn('head', ['-n', '2'], { stdio: [shell.stdout!, 'pipe', 'ignore'] });
    shell.stdout!.destroy();
    let printed = '';
    head.stdout!.on('data', (data: Buffer) => {
      printed += data;
    });
    const err = (): string => {
      try {
        return readFileSync(`${directory}/err`, 'utf8');
      } catch {
        return '';
      }
    };
    await until(() => err().includes('listening'), 'a capture that listens');
    const exited = new Promise((resolve) => shell.once('exit', resolve));
    // head has what it wants after the first two; the next ones find the pipe closed.
    for (let round = 0; round < 400 && !err().includes('exit '); round++) {
      await send(pair.a, frames(3));
      await sleep(150);
    }
    await exited;
    expect(printed.trim().split('\n')).toHaveLength(2);
    expect(err()).toMatch(/exit 0\n$/);
    expect(err()).not.toMatch(/EPIPE|Error| at /);
    const { captured, received, dropped, left } = counts(err());
    expect(captured + dropped + left).toBe(received);
  });

  it('the reader of -w - goes away: quietly, exit 0', async () => {
    const capture = await begin('-w', '-');
    capture.child.stdout.destroy();
    for (let round = 0; round < 400 && capture.child.exitCode === null; round++) {
      await send(pair.a, frames(5));
      await sleep(150);
    }
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|Error/);
    const { captured, received, dropped, left, unwritten } = counts(stderr);
    expect(captured + dropped + left + unwritten).toBe(received);
  });

  it('kill -9: what was captured until a second before can be read', async () => {
    const file = newFile();
    const capture = await begin('-w', file);
    await send(pair.a, frames(50));
    await until(() => readSavefile(file).frames.length === 50, 'fifty frames in the file');
    capture.kill('SIGKILL');
    await capture.ended;
    expectFrames(file, 50);
  });

  it('kill -9 at once: a file without frames, but a file', async () => {
    for (const suffix of ['pcapng', 'pcap']) {
      const file = newFile(suffix);
      const capture = await begin('-w', file);
      capture.kill('SIGKILL');
      await capture.ended;
      expectFrames(file, 0);
    }
  });

  it('-G with -W: after so many files, by the clock, exit 0', async () => {
    const pattern = `${directory}/g-%s.pcap`;
    const capture = await begin('-w', pattern, '-G', '5', '-W', '2');
    await send(pair.a, frames(4));
    // Nothing but the clock ends the second file: no frame comes.
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    expect(counts(stderr)).toMatchObject({ captured: 4, received: 4 });
    const found = spawnSync('sh', ['-c', `ls ${directory}/g-*`], { encoding: 'utf8' })
      .stdout.trim()
      .split('\n');
    expect(found).toHaveLength(2);
    expectFrames(found[0]!, 4);
    expectFrames(found[1]!, 0);
  });

  it('-C with -W: a ring of files, each complete', async () => {
    const file = `${directory}/c.pcap`;
    const capture = await begin('-w', file, '-C', '1', '-W', '3');
    await send(pair.a, frames(2500, 1500));
    capture.kill('SIGINT');
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    const { captured, received, dropped, unwritten } = counts(stderr);
    expect([captured + dropped, unwritten]).toEqual([received, 0]);
    const numbers = ['c.pcap0', 'c.pcap1', 'c.pcap2'].flatMap((name) => {
      const { frames: saved, error } = readSavefile(`${directory}/${name}`);
      expect(error).toBeNull();
      // Cut when it is larger than a million bytes, looked at before each frame.
      const { size } = statSync(`${directory}/${name}`);
      expect(size).toBeLessThanOrEqual(1_000_000 + 1600);
      if (name !== 'c.pcap0') expect(size).toBeGreaterThan(1_000_000);
      return saved.map(({ bytes }) => numberOf(bytes));
    });
    expect(Math.max(...numbers)).toBe(2499);
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it('drops are forced by a tiny ring: received = captured + dropped, and where and what to try', async () => {
    const file = newFile();
    const capture = await begin('-w', file, '-B', '128');
    await capture.stopped(() => send(pair.a, frames(3000, 400)));
    capture.kill('SIGINT');
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    const { captured, received, dropped, left } = counts(stderr);
    expect(received).toBe(3000);
    expect(dropped).toBeGreaterThan(1000);
    expect(captured + dropped).toBe(received);
    expect(left).toBe(0);
    expect(readSavefile(file).frames).toHaveLength(captured);
    expect(stderr).toMatch(/^Lost in the ring: .*-B 512.*a filter.*-s 128.*--fanout/m);
    expect(stderr).toMatch(/the ring froze [1-9]\d* time/);
    const statistics = run('capinfos', '-T', file);
    expect(statistics).toContain(file);
    const block = readSavefile(file).interfaces[0]!.statistics!;
    expect(block).toMatchObject({ osDropped: BigInt(dropped), filterAccepted: BigInt(received) });
  });

  it('there is nothing to end: no such interface, one that is down, both with advice, exit 1', async () => {
    const wrong = netlab(['capture', `${pair.b}z`]);
    expect(wrong).toMatchObject({ status: 1, stdout: '' });
    expect(wrong.stderr).toContain(`did you mean ${pair.b}?`);
    run('ip', 'link', 'set', pair.b, 'down');
    expect(netlab(['capture', pair.b])).toMatchObject({
      status: 1,
      stdout: '',
      stderr: `netlab: ${pair.b} is not up: ip link set ${pair.b} up\n`,
    });
  });

  it('without the privilege, with --backend af_packet: exit 77, and commands that work here', async () => {
    const without = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-all'];
    const { status, stdout, stderr } = netlab(['capture', 'lo', '--duration', '0.2', '--backend', 'af_packet'], {
      prefix: without,
    });
    expect([status, stdout]).toEqual([77, '']);
    expect(stderr).toMatch(/^netlab: capturing on lo needs CAP_NET_RAW/);
    // The ones that cannot work here are told as such.
    expect(stderr).toMatch(
      /^What does not work here:(.|\n)* sudo .*capture lo --duration 0\.2 --backend af_packet\n.*this is root already$/m,
    );
    expect(stderr).toMatch(
      / setpriv --inh-caps=\+net_raw,\+net_admin .*\n.*this process may never have the capability$/m,
    );
    const works = /^What works here:\n((?: {2,}.*\n)+)/m.exec(stderr)![1]!;
    const proposed = [...works.matchAll(/^ {2}(\S.*)$/gm)].map(([, command]) => command!);
    expect(proposed).toHaveLength(1);
    expect(proposed[0]).toMatch(/^unshare -Urn .*capture lo --duration 0\.2 --backend af_packet$/);
    expect(proposed[0]).toContain(process.execPath);
    const done = spawnSync('sh', ['-c', proposed[0]!], { encoding: 'utf8', timeout: 100_000 });
    expect(done.stderr).toMatch(/^0 packets captured$/m);
    expect(done.status).toBe(0);
  });

  it.skipIf(ONE_USER)(
    'without the privilege, as another user, with --backend af_packet: the command with the two capabilities works as it stands',
    () => {
      const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
      const { status, stderr } = netlab(['capture', pair.b, '--backend', 'af_packet', '--duration', '0.2'], {
        prefix: nobody,
      });
      expect(status).toBe(77);
      const raised = / (?:sudo |su -c '?)(setpriv --reuid=65534 .*--duration 0\.2)/.exec(stderr)![1]!;
      const done = spawnSync('sh', ['-c', raised], { encoding: 'utf8', timeout: 100_000 });
      expect(done.stderr).toMatch(/^0 packets captured$/m);
      expect(done.status).toBe(0);
      // In a private network there is no such interface.
      expect(stderr).toMatch(/^ {2}unshare -Urn .* capture lo$/m);
    },
  );
});
