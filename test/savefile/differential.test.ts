import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import {
  createSavefile,
  openSavefile,
  readSavefile,
  type SavedFrames,
  writeSavefile,
} from '../../src/savefile/index.ts';
import { describeWith } from '../support/tools.ts';
import { BE, block, concat, epb, filled, hex, idb, type Order, option, random, scratch, shb, text } from './bytes.ts';

const file = scratch();
const captures = fileURLToPath(new URL('../../../shared/captures', import.meta.url));

/** What tshark says of each frame: time, captured and original length. */
function tshark(path: string): string[] {
  const fields = ['frame.time_epoch', 'frame.cap_len', 'frame.len'].flatMap((name) => ['-e', name]);
  const { stdout } = spawnSync('tshark', ['-nr', path, '-T', 'fields', ...fields], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return stdout.split('\n').filter((line) => line !== '');
}

const ours = ({ frames }: SavedFrames): string[] =>
  frames.map(
    ({ seconds, nanoseconds, bytes, originalLength }) =>
      `${seconds}.${String(nanoseconds).padStart(9, '0')}\t${bytes.length}\t${originalLength}`,
  );

/** Packets, data bytes (as captured on the wire), first and last time, as capinfos prints them. */
function capinfos(paths: string[]): Map<string, string> {
  const { stdout } = spawnSync('capinfos', ['-T', '-M', '-r', '-N', '-c', '-d', '-a', '-e', '-S', ...paths], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const rows = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
  return new Map(rows.map(([path, ...rest]) => [path!, rest.join(' ')]));
}

describeWith(['capinfos', 'tshark'], "other people's captures", () => {
  const there = existsSync(captures);
  if (!there) process.stderr.write(`skipped: comparison over ${captures}: there is no such folder\n`);
  const paths: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(folder)) {
      const path = `${folder}/${name}`;
      if (statSync(path).isDirectory()) walk(path);
      else if (!/\.md$|LICENSE$/.test(name)) paths.push(path);
    }
  };
  if (there) walk(captures);

  it.skipIf(!there)('the same number of frames, bytes, first and last time as capinfos', () => {
    const theirs = capinfos(paths);
    let compared = 0;
    for (const path of paths) {
      const { frames } = readSavefile(path);
      const row = theirs.get(path);
      if (row === undefined) throw new Error(`${path}: capinfos says nothing`);
      const bytes = frames.reduce((sum, { originalLength }) => sum + originalLength, 0);
      const stamps = frames.map(({ seconds, nanoseconds }) => BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
      const sorted = stamps.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      const [count, data, first, last] = row.split(' ');
      const stamp = (printed: string): bigint => {
        const [seconds, fraction = ''] = printed.split('.');
        return BigInt(seconds!) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
      };
      expect([path, frames.length, bytes]).toEqual([path, Number(count), Number(data)]);
      if (frames.length > 0) expect([path, sorted[0], sorted.at(-1)]).toEqual([path, stamp(first!), stamp(last!)]);
      compared++;
    }
    expect(compared).toBe(paths.length);
  });

  it.skipIf(!there)('every frame as tshark has it, in a sample', () => {
    const next = random(20);
    for (let i = 0; i < 12; i++) {
      const path = paths[next(paths.length)]!;
      expect([path, ...ours(readSavefile(path))]).toEqual([path, ...tshark(path)]);
    }
  });
});

describeWith(['tshark', 'tcpdump', 'editcap', 'mergecap', 'capinfos'], 'files of ours read by others', () => {
  const next = random(77);
  const frames = Array.from({ length: 200 }, (_, i) => ({
    bytes: filled(14 + next(300), i),
    originalLength: 400,
    seconds: 1_700_000_000 + i,
    nanoseconds: next(1_000_000_000),
  }));

  for (const name of ['a.pcap', 'a.pcapng']) {
    it(`${name}: tshark, tcpdump and editcap read the same frames`, () => {
      const path = file(name);
      writeSavefile(path, frames);
      expect(tshark(path)).toEqual(ours(readSavefile(path)));
      expect(spawnSync('tcpdump', ['-r', path, '-w', file('t.pcap'), '--nano']).status).toBe(0);
      expect(ours(readSavefile(file('t.pcap')))).toEqual(ours(readSavefile(path)));
      for (const type of ['pcap', 'nsecpcap', 'modpcap', 'pcapng', 'nokiapcap', 'rh6_1pcap', 'suse6_3pcap']) {
        expect(spawnSync('editcap', ['-F', type, path, file(type)]).status, type).toBe(0);
        const read = readSavefile(file(type));
        expect(read.error, type).toBeNull();
        expect(ours(read), type).toEqual(tshark(file(type)));
      }
    });
  }

  it('two link types in one pcapng, merged and written by others', () => {
    writeSavefile(file('b.pcapng'), frames, {
      interfaces: [{ name: 'tun0', linkType: 101, snapLength: 0, timestampDigits: 9 }],
    });
    expect(spawnSync('mergecap', ['-w', file('m.pcapng'), file('a.pcapng'), file('b.pcapng')]).status).toBe(0);
    const { interfaces, frames: merged, error } = readSavefile(file('m.pcapng'));
    expect(error).toBeNull();
    expect(interfaces.map(({ linkType }) => linkType)).toEqual([1, 101]);
    expect(merged).toHaveLength(400);
  });

  it('comments, names, flags and statistics are what tshark and capinfos show', async () => {
    const path = file('rich.pcapng');
    const o: Order = BE;
    const bytes = concat(
      shb(
        o,
        option(o, 2, text('hardware')),
        option(o, 3, text('Linux 6')),
        option(o, 1, text('about')),
        hex('00000000'),
      ),
      idb(
        o,
        1,
        0,
        option(o, 2, text('eth7')),
        option(o, 11, concat(hex('00'), text('udp'))),
        option(o, 9, hex('09')),
        hex('00000000'),
      ),
      epb(
        o,
        0,
        1_700_000_000_000_000_001n,
        filled(60),
        option(o, 1, text('look')),
        option(o, 2, o.u32(2)),
        hex('00000000'),
      ),
      block(o, 5, o.u32(0), o.u32(0), o.u32(0), option(o, 4, o.u64(12n)), option(o, 5, o.u64(3n)), hex('00000000')),
    );
    const source = await openSavefile(bytes);
    const writer = createSavefile(path, { section: source.sections[0]!, records: source });
    for await (const rows of source) await writer.write(rows, source.interfaces);
    await writer.close();
    const { stdout } = spawnSync(
      'tshark',
      [
        '-nr',
        path,
        '-T',
        'fields',
        ...['frame.comment', 'frame.packet_flags_direction', 'frame.interface_name', 'frame.time_epoch'].flatMap(
          (name) => ['-e', name],
        ),
      ],
      { encoding: 'utf8' },
    );
    expect(stdout).toBe('look\t0x00000002\teth7\t1700000000.000000001\n');
    const about = spawnSync('capinfos', [path], { encoding: 'utf8' }).stdout;
    for (const words of ['hardware', 'Linux 6', 'about', 'eth7', 'Filter string = udp', 'Number of stat entries = 1'])
      expect(about).toContain(words);
  });
});

describeWith(['tcpdump'], 'damaged files beside tcpdump', () => {
  it('a cut pcap file gives the frames that tcpdump gives', () => {
    const frames = Array.from({ length: 30 }, (_, i) => ({ bytes: filled(14 + i * 7, i), seconds: i }));
    writeSavefile(file('whole.pcap'), frames);
    const whole = readFileSync(file('whole.pcap'));
    const next = random(9);
    for (let i = 0; i < 12; i++) {
      const cut = whole.subarray(0, 25 + next(whole.length - 26));
      const { stdout, status } = spawnSync('tcpdump', ['-r', '-', '-n', '-t', '-q'], { input: cut, encoding: 'utf8' });
      const { frames: read, error } = readSavefile(Uint8Array.from(cut));
      expect(read).toHaveLength(stdout.split('\n').filter((line) => line !== '').length);
      expect(error === null).toBe(status === 0);
    }
  });
});
