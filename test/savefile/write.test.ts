import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { FrameInterface } from '../../src/frames/source.ts';
import {
  blockOf,
  createSavefile,
  formatOfName,
  openSavefile,
  readSavefile,
  type SavedFrame,
  writeSavefile,
} from '../../src/savefile/index.ts';
import {
  BE,
  block,
  concat,
  epb,
  filled,
  hex,
  idb,
  LE,
  option,
  padding,
  pcapHeader,
  pcapRecord,
  random,
  scratch,
  shb,
  text,
} from './bytes.ts';

const file = scratch();
const ethernet: FrameInterface = { name: 'eth0', linkType: 1, snapLength: 65535, timestampDigits: 9 };
const micro: FrameInterface = { name: '', linkType: 1, snapLength: 96, timestampDigits: 6 };

describe('pcap writer', () => {
  it('writes these bytes', () => {
    const path = file('a.pcap');
    writeSavefile(
      path,
      [
        { bytes: hex('deadbeef'), originalLength: 60, seconds: 123456789, nanoseconds: 123456789 },
        { bytes: hex(''), seconds: 0xffff_ffff, nanoseconds: 999_999_999 },
      ],
      { interfaces: [ethernet] },
    );
    expect(readFileSync(path).toString('hex')).toBe(
      Buffer.from(
        hex(`4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000000
             15cd5b07 15cd5b07 04000000 3c000000 deadbeef
             ffffffff ffc99a3b 00000000 00000000`),
      ).toString('hex'),
    );
  });

  it('microseconds where the source has no more, or where they are asked for', () => {
    const frames = [{ bytes: hex('01'), seconds: 1, nanoseconds: 1999 }];
    writeSavefile(file('m.pcap'), frames, { interfaces: [micro] });
    expect(Uint8Array.from(readFileSync(file('m.pcap')))).toEqual(
      concat(pcapHeader(LE, { snap: 96 }), pcapRecord(LE, 1, 1, hex('01'))),
    );
    writeSavefile(file('m.pcap'), frames, { interfaces: [ethernet], precision: 'micro' });
    expect(readSavefile(file('m.pcap')).frames[0]!.nanoseconds).toBe(1000);
    writeSavefile(file('m.pcap'), frames, { interfaces: [micro], precision: 'nano' });
    expect(readSavefile(file('m.pcap')).frames[0]!.nanoseconds).toBe(1999);
  });

  it('the header has the largest snapshot length, the FCS length, and is there without frames', () => {
    const path = file('h.pcap');
    writeSavefile(path, [], {
      interfaces: [
        { ...micro, fcsLength: 4 },
        { ...micro, snapLength: 0 },
      ],
    });
    expect(Uint8Array.from(readFileSync(path))).toEqual(pcapHeader(LE, { snap: 262144, link: 0x2400_0001 }));
    void createSavefile(path).close();
    expect(readSavefile(path).interfaces[0]!.linkType).toBe(1);
  });

  it('a second link type is an error that names both and leaves what was written before', () => {
    const path = file('mixed.pcap');
    const interfaces = [ethernet, { ...ethernet, name: 'tun0', linkType: 101 }];
    const writer = createSavefile(path);
    expect(() =>
      writer.write(
        blockOf([
          { bytes: filled(4), seconds: 1 },
          { bytes: filled(4), seconds: 2, interfaceId: 1 },
        ]),
        interfaces,
      ),
    ).toThrowError(
      expect.objectContaining({
        code: 'SAVEFILE_LINK_TYPE',
        message: `${path}: a pcap file holds frames of one link type: it has ETHERNET (1), and a frame of tun0 has RAW (101); write pcapng instead`,
      }),
    );
    void writer.close();
    expect(readSavefile(path)).toMatchObject({ frames: [{ seconds: 1 }], error: null });
  });

  it('an interface of another link type does no harm while no frame of it is kept', () => {
    const path = file('unmixed.pcap');
    const frames = blockOf([
      { bytes: filled(4), interfaceId: 0 },
      { bytes: filled(4), interfaceId: 1, seconds: 5 },
    ]);
    frames.keep[0] = 0;
    const writer = createSavefile(path);
    void writer.write(frames, [ethernet, { ...ethernet, linkType: 113 }]);
    void writer.close();
    expect(readSavefile(path)).toMatchObject({ interfaces: [{ linkType: 113 }], frames: [{ seconds: 5 }] });
  });

  it('a time beyond 32 bits is an error, and pcapng takes it', () => {
    const frames = [
      { bytes: filled(1), seconds: 1 },
      { bytes: filled(1), seconds: 2 ** 32 },
    ];
    expect(() => writeSavefile(file('late.pcap'), frames)).toThrowError(
      expect.objectContaining({ code: 'SAVEFILE_RANGE' }),
    );
    expect(readSavefile(file('late.pcap')).frames).toHaveLength(1);
    writeSavefile(file('late.pcapng'), frames);
    expect(readSavefile(file('late.pcapng')).frames[1]!.seconds).toBe(2 ** 32);
    for (const seconds of [-1, 18_446_744_073])
      expect(() => writeSavefile(file('late.pcapng'), [{ seconds }])).toThrowError(
        expect.objectContaining({ code: 'SAVEFILE_RANGE' }),
      );
  });
});

describe('pcapng writer', () => {
  it('writes these bytes', () => {
    const path = file('a.pcapng');
    writeSavefile(
      path,
      [
        { bytes: hex('aabbcc'), originalLength: 60, seconds: 1, nanoseconds: 2 },
        { bytes: hex('01020304'), seconds: 5, nanoseconds: 0, flags: 2 },
      ],
      { interfaces: [{ ...ethernet, statistics: { received: 7n } }], section: { application: 'netlab' } },
    );
    expect(readFileSync(path).toString('hex')).toBe(
      Buffer.from(
        hex(`
        0a0d0d0a 2c000000 4d3c2b1a 0100 0000 ffffffffffffffff
          0400 0600 6e65746c6162 0000 00000000 2c000000
        01000000 28000000 0100 0000 ffff0000 0200 0400 65746830 0900 0100 09 000000 00000000 28000000
        06000000 24000000 00000000 00000000 02ca9a3b 03000000 3c000000 aabbcc00 24000000
        06000000 30000000 00000000 01000000 00f2052a 04000000 04000000 01020304
          0200 0400 02000000 00000000 30000000
        05000000 28000000 00000000 01000000 00f2052a 0400 0800 0700000000000000 00000000 28000000`),
      ).toString('hex'),
    );
  });

  it('gives every device an interface of its own, also from several sources and while it grows', () => {
    const path = file('many.pcapng');
    const a = [{ ...ethernet, name: 'a' }];
    const b = [{ ...ethernet, name: 'b', linkType: 113 }];
    const writer = createSavefile(path);
    const one = (interfaceId: number) => blockOf([{ bytes: filled(1), interfaceId }]);
    void writer.write(one(0), a);
    void writer.write(one(0), b);
    a.push({ ...ethernet, name: 'c' });
    void writer.write(one(1), a);
    void writer.write(one(0), a);
    a[0]!.statistics = {
      osDropped: 3n,
      startTime: { seconds: 1, nanoseconds: 2 },
      endTime: { seconds: 3, nanoseconds: 4 },
    };
    void writer.close();
    const { interfaces, frames } = readSavefile(path);
    expect(interfaces.map(({ name, linkType }) => `${name}:${linkType}`)).toEqual(['a:1', 'b:113', 'c:1']);
    expect(frames.map(({ interfaceId }) => interfaceId)).toEqual([0, 1, 2, 0]);
    expect(interfaces[0]!.statistics).toEqual(a[0]!.statistics);
    expect(interfaces[1]!.statistics).toBeUndefined();
  });
});

describe('round trips', () => {
  const rich = concat(
    shb(BE, option(BE, 1, text('section')), option(BE, 19372, concat(BE.u32(1), text('no'))), hex('00000000')),
    idb(
      BE,
      1,
      96,
      option(BE, 2, text('eth0')),
      option(BE, 3, text('d')),
      option(BE, 6, hex('020000000001')),
      option(BE, 8, BE.u64(77n)),
      option(BE, 9, hex('09')),
      option(BE, 11, concat(hex('00'), text('udp'))),
      option(BE, 12, text('os')),
      option(BE, 13, hex('04')),
      option(BE, 15, text('hw')),
      option(BE, 1, text('interface')),
      option(BE, 10, BE.u32(3600)),
      option(BE, 11, concat(hex('01'), BE.u64(6n))),
      hex('00000000'),
    ),
    idb(BE, 113),
    block(BE, 4, BE.u16(1), BE.u16(7), padding(concat(hex('01020304'), text('ab\0'))), hex('00000000')),
    epb(BE, 0, 1_000_000_001n, filled(7), option(BE, 1, text('comment')), option(BE, 4, BE.u64(2n)), hex('00000000')),
    block(BE, 10, BE.u32(5), BE.u32(3), text('key')),
    epb(BE, 1, 5n, filled(8), option(BE, 2, BE.u32(1)), option(BE, 7, concat(hex('01'), BE.u64(9n))), hex('00000000')),
    block(BE, 0xbad, BE.u32(9), filled(4)),
    block(BE, 0x40000bad, BE.u32(9), filled(4)),
    block(BE, 5, BE.u32(1), BE.u32(0), BE.u32(0), option(BE, 8, BE.u64(44n)), hex('00000000')),
  );

  it('pcapng to pcapng keeps everything that may be kept', async () => {
    const before = readSavefile(rich);
    expect(before.error).toBeNull();
    for (const bufferSize of [1, 64, 1 << 20]) {
      const path = file('rich.pcapng');
      const source = await openSavefile(rich, { rows: bufferSize === 1 ? 1 : 100 });
      const writer = createSavefile(path, { records: source, section: source.sections[0]!, bufferSize });
      for await (const frames of source) await writer.write(frames, source.interfaces);
      await writer.close();
      const after = readSavefile(path);
      expect(after.error).toBeNull();
      expect(after.frames).toEqual(before.frames);
      expect(after.sections).toEqual([{ firstInterface: 0, comments: ['section'] }]);
      // The copy is little-endian, whatever the original was.
      const [first, second] = before.interfaces.map(({ bigEndian: _, ...rest }) => rest);
      expect(after.interfaces).toEqual([first, { ...second, timestampDigits: 9 }]);
      expect(after.records).toEqual(before.records.filter((record) => record.kind !== 'custom' || record.copy));
    }
  });

  it('interfaces of a file without frames are kept, and known when the file is open', async () => {
    const source = await openSavefile(concat(shb(BE), idb(BE, 113, 96, option(BE, 2, text('any')), hex('00000000'))));
    expect(source.interfaces).toMatchObject([{ name: 'any', linkType: 113 }]);
    for (const format of ['pcap', 'pcapng'] as const) {
      const writer = createSavefile(file('bare'), { format, interfaces: source.interfaces });
      void writer.close();
      expect(readSavefile(file('bare'))).toMatchObject({ interfaces: [{ linkType: 113, snapLength: 96 }], frames: [] });
    }
    expect(source.next()).toBeNull();
  });

  it('an interface that is described after the last frame is written at the end', () => {
    const interfaces = [ethernet];
    const writer = createSavefile(file('late-interface'), { format: 'pcapng' });
    void writer.write(blockOf([{ bytes: filled(3) }]), interfaces);
    interfaces.push({ ...ethernet, name: 'eth9', statistics: { received: 0n } });
    void writer.close();
    expect(readSavefile(file('late-interface')).interfaces).toMatchObject([
      { name: 'eth0' },
      { name: 'eth9', statistics: { received: 0n } },
    ]);
  });

  /** Frames of all lengths, some rejected. */
  function traffic(seed: number): Partial<SavedFrame>[] {
    const next = random(seed);
    const frames: Partial<SavedFrame>[] = [];
    for (let i = 0; i < 400; i++) {
      const length = next(10) === 0 ? next(9000) : next(200);
      frames.push({
        bytes: Uint8Array.from({ length }, () => next(256)),
        originalLength: length + next(2) * next(1000),
        seconds: 1_700_000_000 + next(9),
        nanoseconds: next(1_000_000_000),
        flags: next(3) === 0 ? next(0x1000) : 0,
        interfaceId: next(2),
      });
    }
    return frames;
  }

  /** One string a frame: comparing arrays byte by byte takes seconds. */
  const brief = (frames: Partial<SavedFrame>[]): string[] =>
    frames.map(
      ({ bytes, ...rest }) =>
        `${JSON.stringify(rest, Object.keys(rest).sort())} ${Buffer.from(bytes!).toString('base64')}`,
    );

  for (const format of ['pcap', 'pcapng'] as const) {
    it(`${format}: what is written is read, through any buffer, twice, and with rows rejected`, async () => {
      for (let seed = 1; seed <= 20; seed++) {
        const frames = traffic(seed).map((frame) =>
          format === 'pcap' ? { ...frame, flags: 0, interfaceId: 0 } : frame,
        );
        const interfaces = [ethernet, { ...ethernet, name: 'eth1' }];
        const bufferSize = [100, 5000, 1 << 20][seed % 3]!;
        writeSavefile(file('first'), frames, { format, interfaces, bufferSize });
        const first = readSavefile(file('first'));
        expect(first.error, `seed ${seed}`).toBeNull();
        expect(brief(first.frames), `seed ${seed}`).toEqual(brief(frames));
        // The second time through, runs of records are copied as they stand.
        const source = await openSavefile(file('first'), { chunkSize: [64, 4096, 1 << 20][(seed >> 1) % 3]! });
        const writer = createSavefile(file('second'), { format, bufferSize });
        const next = random(seed + 1000);
        const kept: Partial<SavedFrame>[] = [];
        let i = 0;
        for await (const rows of source) {
          for (let row = 0; row < rows.count; row++, i++) {
            if (next(4) === 0) rows.keep[row] = 0;
            else {
              if (next(8) === 0) frames[i]!.seconds = ++rows.seconds[row]!;
              kept.push(frames[i]!);
            }
          }
          await writer.write(rows, source.interfaces);
        }
        await writer.close();
        expect(writer.frames).toBe(kept.length);
        expect(brief(readSavefile(file('second')).frames), `seed ${seed}`).toEqual(brief(kept));
      }
    });

    it(`${format}: a long run goes from the source's memory to the file unchanged`, async () => {
      const frames = Array.from({ length: 3000 }, (_, i) => ({
        bytes: filled(500 + (i % 3), i),
        seconds: i,
        nanoseconds: 5,
      }));
      writeSavefile(file('long'), frames, { format });
      const source = await openSavefile(file('long'));
      const writer = createSavefile(file('copy'), { format, interfaces: source.interfaces });
      for await (const rows of source) await writer.write(rows, source.interfaces);
      await writer.close();
      expect(readFileSync(file('copy')).equals(readFileSync(file('long')))).toBe(true);
    });
  }
});

it('the format goes by the suffix', () => {
  expect(
    ['a.pcap', 'a.cap', 'a.DMP', 'a.pcap.gz', 'a.pcapng', 'a', 'a.gz', 'a.pcapng.zst', '-'].map((name) =>
      formatOfName(name),
    ),
  ).toEqual([
    { format: 'pcap', compression: 'none' },
    { format: 'pcap', compression: 'none' },
    { format: 'pcap', compression: 'none' },
    { format: 'pcap', compression: 'gzip' },
    { format: 'pcapng', compression: 'none' },
    { format: 'pcapng', compression: 'none' },
    { format: 'pcapng', compression: 'gzip' },
    { format: 'pcapng', compression: 'zstd' },
    { format: 'pcapng', compression: 'none' },
  ]);
  expect(['a.pcap', 'a.pcapng', 'a.NTAR', 'a', 'a.1.gz', '-'].map((name) => formatOfName(name, 'pcap').format)).toEqual(
    ['pcap', 'pcapng', 'pcapng', 'pcap', 'pcap', 'pcap'],
  );
});
