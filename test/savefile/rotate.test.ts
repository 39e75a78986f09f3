import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  blockOf,
  openSavefile,
  parseRotateSize,
  RotatingSink,
  type RotationOptions,
  readSavefile,
  strftime,
  writeSavefile,
} from '../../src/savefile/index.ts';
import { describeWith } from '../support/tools.ts';
import { filled, random, scratch } from './bytes.ts';

const file = scratch();
const ETHERNET = [{ name: 'eth0', linkType: 1, snapLength: 0, timestampDigits: 6 }];
let folders = 0;
/** An empty folder, and what is in it later. */
function folder(): { path: (name: string) => string; names: () => string[] } {
  const path = file(`folder${folders++}`);
  mkdirSync(path);
  return { path: (name) => `${path}/${name}`, names: () => readdirSync(path).sort() };
}
const frames = (count: number, length = 100) =>
  blockOf(Array.from({ length: count }, (_, i) => ({ bytes: filled(length, i), seconds: i })));

/** A sink over a clock that the test moves. */
function rotating(options: Omit<RotationOptions, 'now'>): { sink: RotatingSink; clock: { now: number } } {
  const clock = { now: 1_700_000_000 };
  return { clock, sink: new RotatingSink({ ...options, now: () => clock.now }) };
}

describe('rotation by size', () => {
  it('looks at the size before each frame: file, file1, file2', async () => {
    const { path, names } = folder();
    const { sink } = rotating({ path: path('x.pcap'), size: 500 });
    await sink.write(frames(14), ETHERNET);
    expect(sink.frames).toBe(14);
    await sink.close();
    expect(names()).toEqual(['x.pcap', 'x.pcap1', 'x.pcap2']);
    // 24 + 5 * 116 = 604 is the first size beyond 500.
    expect(names().map((name) => readSavefile(path(name)).frames.map(({ seconds }) => seconds))).toEqual([
      [0, 1, 2, 3, 4],
      [5, 6, 7, 8, 9],
      [10, 11, 12, 13],
    ]);
  });

  it('with a number of files: padded names, and the first again after the last', async () => {
    const { path, names } = folder();
    const { sink } = rotating({ path: path('x.pcap'), size: 1, files: 11 });
    for (let i = 0; i < 13; i++) await sink.write(frames(1), ETHERNET);
    await sink.close();
    expect(names()).toEqual(Array.from({ length: 11 }, (_, i) => `x.pcap${String(i).padStart(2, '0')}`));
  });

  it('every file is complete in itself: pcapng with interfaces and statistics, compressed', async () => {
    const { path, names } = folder();
    const { sink } = rotating({
      path: path('x.pcapng.gz'),
      size: 1000,
      savefile: { section: { application: 'netlab' } },
    });
    const interfaces = [{ ...ETHERNET[0]!, statistics: { received: 5n } }];
    await sink.write(frames(20), interfaces);
    await sink.flush();
    await sink.close();
    expect(names().length).toBeGreaterThan(2);
    let total = 0;
    for (const name of names()) {
      const read = readSavefile(path(name));
      expect(read).toMatchObject({
        format: 'pcapng',
        error: null,
        sections: [{ application: 'netlab' }],
        interfaces: [{ name: 'eth0', statistics: { received: 5n } }],
      });
      total += read.frames.length;
    }
    expect(total).toBe(20);
  });
});

describe('rotation by the clock', () => {
  it('names by strftime, without waiting for a frame', async () => {
    const { path, names } = folder();
    const { sink, clock } = rotating({ path: path('x-%s.pcap'), seconds: 10, savefile: { interfaces: ETHERNET } });
    expect(sink.due).toBe(1_700_000_010);
    await sink.write(frames(1), ETHERNET);
    clock.now += 9;
    await sink.tick();
    clock.now += 1;
    await sink.tick();
    expect(sink.due).toBe(1_700_000_020);
    clock.now += 25;
    await sink.write(frames(2), ETHERNET);
    await sink.close();
    expect(names()).toEqual(['x-1700000000.pcap', 'x-1700000010.pcap', 'x-1700000035.pcap']);
    expect(names().map((name) => readSavefile(path(name)).frames.length)).toEqual([1, 0, 2]);
  });

  it('with a number of files it is finished after the last, and takes nothing more', async () => {
    const { path, names } = folder();
    const closed: string[] = [];
    const { sink, clock } = rotating({
      path: path('%s.pcap'),
      seconds: 1,
      files: 2,
      closed: (name) => closed.push(name),
    });
    for (let i = 0; i < 4; i++) {
      await sink.write(frames(1), ETHERNET);
      expect(sink.finished).toBe(i >= 2);
      clock.now++;
    }
    await sink.flush();
    await sink.close();
    expect(sink.frames).toBe(2);
    expect(names()).toEqual(['1700000000.pcap', '1700000001.pcap']);
    expect(closed).toEqual(names().map(path));
  });

  it('a tick while a compressed file is being written loses nothing and rotates once', async () => {
    const { path, names } = folder();
    const { sink, clock } = rotating({ path: path('%s.pcap.gz'), seconds: 1 });
    const writing = sink.write(frames(5000), ETHERNET);
    clock.now++;
    await Promise.all([writing, sink.tick(), sink.tick(), sink.flush(), sink.write(frames(10), ETHERNET)]);
    await sink.close();
    expect(names()).toEqual(['1700000000.pcap.gz', '1700000001.pcap.gz']);
    expect(names().map((name) => readSavefile(path(name)).frames.length)).toEqual([5000, 10]);
  });

  it('with a size as well: numbers within each interval', async () => {
    const { path, names } = folder();
    const { sink, clock } = rotating({ path: path('%s-'), seconds: 5, size: 500, savefile: { format: 'pcap' } });
    await sink.write(frames(12), ETHERNET);
    clock.now += 5;
    await sink.write(frames(6), ETHERNET);
    await sink.close();
    expect(names()).toEqual(['1700000000-', '1700000000-1', '1700000000-2', '1700000005-', '1700000005-1']);
  });
});

it('numbers that make no sense are refused', () => {
  const now = () => 0;
  expect(() => new RotatingSink({ path: file('n'), now })).toThrow(RangeError);
  expect(() => new RotatingSink({ path: file('n'), now, size: 0 })).toThrow(RangeError);
  expect(() => new RotatingSink({ path: file('n'), now, seconds: Number.NaN })).toThrow(RangeError);
  expect(['1', '2k', '3M', '1g', '', '0', '-1', '1.5', '1t', '99999999999999999999'].map(parseRotateSize)).toEqual([
    1_000_000,
    2048,
    3 * 1024 ** 2,
    1024 ** 3,
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
});

describeWith(['tcpdump'], 'rotation like tcpdump', () => {
  for (const options of [[], ['-W', '1'], ['-W', '3'], ['-W', '10'], ['-W', '12']]) {
    it(`-C 1 ${options.join(' ')}: the same names with the same bytes`, async () => {
      const next = random(3);
      const input = file('in.pcap');
      const many = Array.from({ length: 5000 }, (_, i) => ({ bytes: filled(60 + next(1400), i), seconds: i }));
      writeSavefile(input, many, { precision: 'micro', interfaces: [{ ...ETHERNET[0]!, snapLength: 65535 }] });
      const theirs = folder();
      const ours = folder();
      // -Z root: it would give up its rights to the folder otherwise.
      const user = process.getuid!() === 0 ? ['-Z', 'root'] : [];
      const run = spawnSync('tcpdump', ['-r', input, '-w', theirs.path('x'), '-C', '1', ...options, ...user]);
      expect(run.status).toBe(0);
      const { sink } = rotating({
        path: ours.path('x'),
        size: 1_000_000,
        savefile: { format: 'pcap' },
        ...(options.length > 0 ? { files: Number(options[1]) } : {}),
      });
      const source = await openSavefile(input);
      for await (const rows of source) await sink.write(rows, source.interfaces);
      await sink.close();
      expect(ours.names()).toEqual(theirs.names());
      for (const name of ours.names())
        expect(readFileSync(ours.path(name)).equals(readFileSync(theirs.path(name))), name).toBe(true);
      for (const name of ours.names()) rmSync(theirs.path(name));
    });
  }
});

describeWith(['date'], 'strftime like the C library', () => {
  it('every conversion, in several years and zones', () => {
    const letters = 'aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYzZ%';
    const flags = ['', '-', '_', '0', '^'];
    const zone = process.env['TZ'];
    try {
      for (const tz of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Asia/Tokyo', 'Australia/Sydney']) {
        process.env['TZ'] = tz;
        for (const seconds of [0, 951_782_400, 1_104_537_600, 1_230_768_000, 1_700_000_000, 1_735_689_599]) {
          for (const flag of flags) {
            // date(1) has %P and the flags from the same C library; %c, %r, %x and %X are the C locale's.
            const wanted = [...letters].filter((letter) => flag === '' || !'cDFrRTxXz%'.includes(letter));
            const pattern = wanted.map((letter) => `%${flag}${letter}`).join('|');
            const { stdout } = spawnSync('date', ['-d', `@${seconds}`, `+${pattern}`], {
              encoding: 'utf8',
              env: { ...process.env, TZ: tz, LC_ALL: 'C' },
            });
            expect(strftime(pattern, seconds), `${tz} ${seconds} flag ${flag}`).toBe(stdout.slice(0, -1));
          }
        }
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });

  it('leaves alone what is no conversion', () => {
    expect(strftime('a%', 0)).toBe('a%');
    expect(strftime('%Q %n%t', 0)).toBe('%Q \n\t');
  });
});
