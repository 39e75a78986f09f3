import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/exit.ts';
import { runCommand } from '../../src/cli/program.ts';
import { check, diffCaptures, ignoring, parseExpectations, recorded } from '../../src/expect/index.ts';
import { CachedSides, CLIENT, SERVER, SideRecorder } from '../../src/inject/replay/sides.ts';
import { arriving, numbered, pcap } from '../inject/replay/support.ts';
import { netlab, start } from '../support/cli.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';
import { describeWith } from '../support/tools.ts';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));
const TOUR = `${FIXTURES}tour.pcapng`;
/** The words that take a program's capabilities for raw sockets away, root or not. */
const UNPRIVILEGED = ['setpriv', '--bounding-set=-net_raw', '--inh-caps=-net_raw'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'netlab-replay-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a wrong command line', () => {
  it.each([
    [['x.pcap'], /-i INTERFACE/],
    [['x.pcap', '-i', 'lo', '--pps', '5', '--topspeed'], /--pps and --topspeed exclude each other/],
    [['x.pcap', '-i', 'lo', '--pps', '0'], /greater than 0/],
    [['x.pcap', '-i', 'lo', '--split-by', 'first-sender'], /--dual/],
    [['x.pcap', '-i', 'lo', '--dual', 'lo', '--split-by', 'subnet:10.0.0.0/40'], /prefix/],
    [['x.pcap', '-i', 'lo', '--dual', 'lo', '--split-by', 'weather'], /first-sender, subnet:CIDR or cache/],
    [['x.pcap', '-i', 'lo', '--dual', 'lo', '--split-by', 'cache'], /--cache FILE/],
    [['x.pcap', '-i', 'lo', '--cache', 'x'], /--split-by cache/],
    [['x.pcap', '-i', 'lo', '--via', 'socket'], /--as client/],
    [['x.pcap', '-i', 'lo', '--peer', '10.0.0.1'], /--as client/],
    [['-', '-', '-i', 'lo'], /read only once/],
  ])('%j', async (args, message) => {
    const error = await runCommand(['replay', ...args]).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as UsageError).message).toMatch(message);
  });
});

it('plays into our kernel without any privilege, the same in every run', () => {
  const words = ['replay', TOUR, '-i', 'eth0', '--backend', 'emulated', '--virtual-time', '--format', 'json'];
  const first = netlab(words, { prefix: UNPRIVILEGED });
  expect(first.stderr).toBe('');
  expect(first.status).toBe(0);
  expect(JSON.parse(first.stdout)).toMatchObject({
    attempted: 56,
    sent: 56,
    bytes: 10_542,
    failed: {},
    timing: { max: 0 },
  });
  expect(netlab(words, { prefix: UNPRIVILEGED }).stdout).toBe(first.stdout);
});

describeNetwork('on an interface', () => {
  let pair: Pair;
  beforeEach(() => {
    pair = vethPair();
  });
  afterEach(() => pair.remove());

  /** Runs a replay to its end without keeping this process from receiving. */
  const played = async (...words: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> =>
    start(['replay', ...words]).ended;

  it('the tour arrives as it was, and is what is expected of it', async () => {
    const { frames, result } = await arriving(pair.b, 56, () => played(TOUR, '-i', pair.a, '--multiplier', '20'));
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^56 frames of 56 sent on \w+: 10,542 bytes in 0\.\d+ s/);
    expect(result.stdout).toMatch(/^late by: p50 .*, p90 .*, p99 .*, max /m);
    const arrived = await recorded(frames, 'arrived');
    // Bounds on times are not for a machine that others use as well.
    const timeless = readFileSync(`${FIXTURES}tour.expect`, 'utf8')
      .split('\n')
      .filter((line) => !/ within /.test(line))
      .join('\n');
    const checked = await check(arrived, parseExpectations(timeless));
    expect(checked.verdicts.filter(({ isMet }) => !isMet)).toEqual([]);
    expect(checked.verdicts.length).toBeGreaterThanOrEqual(7);
    const { differences } = await diffCaptures(await recorded(TOUR), arrived, { ignored: ignoring(['times']) });
    expect(differences).toEqual([]);
  });

  it('tells as JSON and as text what became of the frames, exit 1 where some were not sent', async () => {
    const file = join(folder, 'mixed.pcap');
    writeFileSync(
      file,
      pcap([{ bytes: numbered(1) }, { bytes: numbered(2, 3000) }, { bytes: numbered(3), originalLength: 99 }]),
    );
    const json = await played(file, '-i', pair.a, '--topspeed', '--format', 'json');
    expect(json.status).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      attempted: 3,
      sent: 2,
      bytes: 120,
      failed: { EMSGSIZE: 1 },
      tooLong: { count: 1, first: 2, longest: 3000 },
      truncated: 1,
      timing: null,
      interfaces: [{ name: pair.a, sent: 2, bytes: 120 }],
    });
    const text = await played(file, '-i', pair.a);
    expect(text.stdout).toContain('1 frame not sent: EMSGSIZE\n');
    expect(text.stdout).toContain('the first is frame 2, the longest has 3000 bytes');
    expect(text.stdout).toContain('1 frame sent shorter than on the wire');
    // The same frame fits when it is cut.
    expect((await played(file, '-i', pair.a, '--mtu', '1500')).status).toBe(0);
  });

  it('a damaged file is played up to where it is damaged, the next one whole; exit 1', async () => {
    const damaged = join(folder, 'damaged.pcap');
    const good = join(folder, 'good.pcap');
    const bytes = pcap([1, 2, 3].map((i) => ({ bytes: numbered(i) })));
    writeFileSync(good, bytes);
    writeFileSync(damaged, bytes.subarray(0, bytes.length - 5));
    const { frames, result } = await arriving(pair.b, 5, () => played(damaged, good, '-i', pair.a));
    expect(result.status).toBe(1);
    expect(result.stderr).toMatch(/^netlab: .*damaged\.pcap.*\n$/);
    expect(frames.map(({ bytes }) => bytes[17])).toEqual([1, 2, 1, 2, 3]);
  });

  it('files in one order by time', async () => {
    const [a, b] = [join(folder, 'a.pcap'), join(folder, 'b.pcap')];
    const at = (times: number[]) => pcap(times.map((time) => ({ bytes: numbered(time), time: time * 1000 })));
    writeFileSync(a, at([1, 4, 5]));
    writeFileSync(b, at([2, 3, 6]));
    const { frames } = await arriving(pair.b, 6, () => played(a, b, '-i', pair.a, '--merge'));
    expect(frames.map(({ bytes }) => bytes[17])).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('reads standard input, more than once where it loops', () => {
    const done = netlab(['replay', '-', '-i', pair.a, '--loop', '3', '--format', 'json'], {
      input: pcap([{ bytes: numbered(1) }]),
    });
    expect(done.stderr).toBe('');
    expect(JSON.parse(done.stdout)).toMatchObject({ sent: 3, loops: 3 });
  });

  it('without the privilege: what would help, exit 77; without the interface or the file: exit 1', () => {
    const words = ['replay', TOUR, '-i', pair.a, '--backend', 'af_packet'];
    const denied = netlab(words, { prefix: UNPRIVILEGED });
    expect(denied.status).toBe(77);
    expect(denied.stderr).toMatch(/^netlab: .*CAP_NET_RAW/);
    const nowhere = netlab(['replay', TOUR, '-i', 'nope', '--backend', 'af_packet']);
    expect(nowhere.status).toBe(1);
    expect(nowhere.stderr).toMatch(/^netlab: .*nope/);
    const missing = netlab(['replay', join(folder, 'missing.pcap'), '-i', pair.a]);
    expect(missing.status).toBe(1);
    expect(missing.stderr).toMatch(/missing\.pcap/);
  });

  it('the first Ctrl-C ends it with statistics, exit 0; a second one at once', async () => {
    const slow = join(folder, 'slow.pcap');
    writeFileSync(slow, pcap([0, 1].map((i) => ({ bytes: numbered(i), time: i * 3600e9 }))));
    const { frames, result } = await arriving(pair.b, 1, async () => {
      const running = start(['replay', slow, '-i', pair.a]);
      await untilSent(pair.b);
      running.kill('SIGINT');
      return running.ended;
    });
    expect(frames).toHaveLength(1);
    expect(result.status).toBe(0);
    expect(result.stdout).toMatch(/^1 frame of 1 sent/);
    for (const speed of [['--topspeed'], ['--pps', '200000']]) {
      const before = received(pair.b);
      const busy = start(['replay', TOUR, '-i', pair.a, '--loop', '0', '--format', 'json', ...speed]);
      await untilSent(pair.b, before);
      busy.kill('SIGINT');
      const ended = await busy.ended;
      expect(ended.status).toBe(0);
      const { sent, attempted } = JSON.parse(ended.stdout);
      expect(sent).toBe(attempted);
      expect(sent).toBe(received(pair.b) - before);
    }
  });

  it('writes which frame is whose, and goes by it', async () => {
    const cache = join(folder, 'tour.cache');
    const second = vethPair();
    try {
      const words = [TOUR, '-i', pair.a, '--dual', second.a, '--topspeed', '--format', 'json'];
      const first = await played(...words, '--write-cache', cache);
      expect(first.stderr).toBe('');
      const again = await played(...words, '--split-by', 'cache', '--cache', cache);
      expect(again.stderr).toBe('');
      expect(JSON.parse(again.stdout).interfaces).toEqual(JSON.parse(first.stdout).interfaces);
      expect(JSON.parse(first.stdout).interfaces.map(({ sent }: { sent: number }) => sent > 10)).toEqual([true, true]);
      // Made of another file.
      const other = await played(TOUR, TOUR, ...words.slice(1), '--split-by', 'cache', '--cache', cache);
      expect(other.status).toBe(1);
      expect(other.stderr).toMatch(/the cache has 56 frames, and there are more/);
    } finally {
      second.remove();
    }
  });
});

describeWith(['tcpprep'], "tcpprep's cache files", () => {
  it('are read as tcpprep reads them, and tcpprep reads ours', async () => {
    // It takes the format of a file by its name's end.
    const file = join(folder, 'tour.pcapng');
    copyFileSync(TOUR, file);
    const cache = join(folder, 'tcpprep.cache');
    run('tcpprep', '-a', 'first', '-i', file, '-o', cache);
    const sides = (path: string): string[] =>
      run('sh', '-c', 'tcpprep -I "$1" 2>&1', 'sh', path)
        .split('\n')
        .flatMap((line) => /^Packet \d+ -> (\w+)/.exec(line)?.[1] ?? []);
    const told = sides(cache);
    expect(told).toHaveLength(56);
    const cached = new CachedSides(readFileSync(cache));
    const none = new Uint8Array(0);
    expect(told.map((_, i) => ['Primary', 'Secondary'][cached.side(none, 0, 0, 1, i)])).toEqual(told);
    const recorder = new SideRecorder();
    for (const side of told) recorder.add(side === 'Primary' ? CLIENT : SERVER);
    const ours = join(folder, 'ours.cache');
    writeFileSync(ours, recorder.cache('a comment'));
    expect(sides(ours)).toEqual(told);
    expect(run('sh', '-c', 'tcpprep -P "$1" 2>&1', 'sh', ours)).toContain('a comment');
  });
});

/** Frames that a device has received. */
const received = (device: string): number =>
  Number(readFileSync(`/sys/class/net/${device}/statistics/rx_packets`, 'utf8'));

async function untilSent(device: string, before = 0): Promise<void> {
  for (const end = Date.now() + 60_000; received(device) <= before; await new Promise((done) => setTimeout(done, 10)))
    if (Date.now() > end) throw new Error('nothing was sent');
}
