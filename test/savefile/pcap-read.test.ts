import { describe, expect, it } from 'vitest';
import { openSavefile, readSavefile, type SavefileError } from '../../src/savefile/index.ts';
import { BE, concat, filled, hex, LE, type Order, pcapHeader, pcapRecord } from './bytes.ts';

const times = (bytes: Uint8Array): string[] =>
  readSavefile(bytes).frames.map(
    ({ seconds, nanoseconds, bytes: { length }, originalLength }) =>
      `${seconds}.${String(nanoseconds).padStart(9, '0')} ${length}/${originalLength}`,
  );

/** What opening or reading says; the frames before it are counted. */
function failure(bytes: Uint8Array): { frames: number; error: SavefileError } {
  try {
    const { frames, error } = readSavefile(bytes, { name: 'x.pcap' });
    if (error === null) throw new Error('nothing was wrong');
    return { frames: frames.length, error };
  } catch (error) {
    if ((error as Error).name !== 'SavefileError') throw error;
    return { frames: -1, error: error as SavefileError };
  }
}

describe('pcap, literal bytes', () => {
  it('little-endian microseconds', () => {
    const bytes = hex(`
      d4c3b2a1 0200 0400 00000000 00000000 60000000 01000000
      15cd5b07 40e20100 04000000 3c000000 deadbeef
      16cd5b07 3f420f00 00000000 00000000`);
    const { format, interfaces, frames, error } = readSavefile(bytes);
    expect(error).toBeNull();
    expect(format).toBe('pcap');
    expect(interfaces).toEqual([{ name: '', linkType: 1, snapLength: 96, timestampDigits: 6, unnumbered: true }]);
    expect(frames).toEqual([
      {
        bytes: hex('deadbeef'),
        originalLength: 60,
        seconds: 123456789,
        nanoseconds: 123456000,
        interfaceId: 0,
        flags: 0,
      },
      { bytes: hex(''), originalLength: 0, seconds: 123456790, nanoseconds: 999999000, interfaceId: 0, flags: 0 },
    ]);
  });

  it('big-endian nanoseconds, seconds beyond 2^31', () => {
    const bytes = hex(`
      a1b23c4d 0002 0004 00000000 00000000 00040000 00000071
      f0000000 3b9ac9ff 00000002 00000002 0102`);
    const { interfaces, frames } = readSavefile(bytes);
    expect(interfaces[0]).toEqual({
      name: '',
      bigEndian: true,
      linkType: 113,
      snapLength: 262144,
      timestampDigits: 9,
      unnumbered: true,
    });
    expect(frames[0]).toMatchObject({ seconds: 0xf0000000, nanoseconds: 999_999_999, bytes: hex('0102') });
  });

  it('the modified header of Kuznetsov has 24 bytes, and tells the direction', () => {
    const bytes = hex(`
      34cdb2a1 0200 0400 00000000 00000000 ffff0000 01000000
      01000000 02000000 04000000 04000000 02000000 0008 04 00 aabbccdd
      01000000 03000000 04000000 04000000 02000000 0008 01 00 aabbccee`);
    const { frames, error } = readSavefile(bytes);
    expect(error).toBeNull();
    expect(frames.map(({ bytes: b, flags }) => [Buffer.from(b).toString('hex'), flags])).toEqual([
      ['aabbccdd', 2],
      ['aabbccee', 1 | (3 << 2)],
    ]);
  });
});

describe('pcap variants', () => {
  const two = (o: Order, header: (captured: number, original: number) => Uint8Array): Uint8Array[] => [
    concat(header(60, 100), filled(60)),
    concat(header(60, 100), filled(60)),
    concat(o.u32(7), header(8, 8).subarray(4), filled(8)),
  ];
  const plain = (o: Order) => (captured: number, original: number) =>
    concat(o.u32(1000), o.u32(500), o.u32(captured), o.u32(original));
  const expected = ['1000.000500000 60/100', '1000.000500000 60/100', '7.000500000 8/8'];

  for (const [name, o] of [
    ['little', LE],
    ['big', BE],
  ] as const) {
    it(`${name}-endian: versions 2.0 to 2.2 and 543.0 have the lengths swapped, 2.3 where the first is larger`, () => {
      const swapped = (captured: number, original: number) => plain(o)(original, captured);
      for (const [major, minor] of [
        [2, 0],
        [2, 1],
        [2, 2],
        [543, 0],
        [2, 3],
      ]) {
        expect(times(concat(pcapHeader(o, { major: major!, minor: minor! }), ...two(o, swapped)))).toEqual(expected);
      }
      expect(times(concat(pcapHeader(o, { minor: 3 }), ...two(o, plain(o))))).toEqual(expected);
    });

    it(`${name}-endian: longer record headers under the ordinary magic number are recognized`, () => {
      const nokia = (a: number, b: number) => concat(plain(o)(a, b), o.u32(9));
      const ss991029 = (a: number, b: number) => concat(plain(o)(a, b), o.u32(2), o.u16(8), Uint8Array.of(4, 0));
      const ss990915 = (a: number, b: number) => concat(ss991029(a, b), o.u32(1));
      expect(times(concat(pcapHeader(o), ...two(o, nokia)))).toEqual(expected);
      expect(times(concat(pcapHeader(o), ...two(o, ss991029)))).toEqual(expected);
      expect(times(concat(pcapHeader(o, { magic: 0xa1b2cd34 }), ...two(o, ss990915)))).toEqual(expected);
      expect(times(concat(pcapHeader(o, { magic: 0xa1b2cd34 }), ...two(o, ss991029)))).toEqual(expected);
    });

    it(`${name}-endian: Ixia's files have a word more in the file header`, () => {
      for (const magic of [0x1c0001ab, 0x1c0001ac])
        expect(times(concat(pcapHeader(o, { magic }), o.u32(77), ...two(o, plain(o))))).toEqual(expected);
    });
  }

  it("AIX's version 2.2 has interface types and nanoseconds", () => {
    const bytes = concat(pcapHeader(LE, { minor: 2, link: 6 }), pcapRecord(LE, 1, 5, filled(4)));
    const { frames, interfaces } = readSavefile(bytes);
    expect(interfaces[0]).toMatchObject({ linkType: 1, timestampDigits: 9 });
    expect(frames[0]!.nanoseconds).toBe(5);
  });

  it('the link type word holds the length of the frame check sequence', () => {
    const { interfaces } = readSavefile(pcapHeader(LE, { link: 0x2400_0001 }));
    expect(interfaces[0]).toMatchObject({ linkType: 1, fcsLength: 4 });
  });

  it('link type numbers of some systems for raw IP become the registered one', () => {
    for (const link of [12, 14, 101]) expect(readSavefile(pcapHeader(LE, { link })).interfaces[0]!.linkType).toBe(101);
    expect(readSavefile(pcapHeader(LE, { link: 11 })).interfaces[0]!.linkType).toBe(100);
  });

  it('a fraction that runs over the second is carried', () => {
    expect(times(concat(pcapHeader(LE), pcapRecord(LE, 1000, 1_500_000, filled(1))))).toEqual(['1001.500000000 1/1']);
    expect(times(concat(pcapHeader(LE), pcapRecord(LE, 1000, 0xffff_ffff, filled(1))))).toEqual(['5294.967295000 1/1']);
  });

  it('a captured length beyond the original or the snapshot length is kept, as Wireshark does', () => {
    expect(times(concat(pcapHeader(LE, { snap: 50 }), pcapRecord(LE, 1, 0, filled(60), 40)))).toEqual([
      '1.000000000 60/40',
    ]);
  });

  it('a larger frame than 262144 bytes is sound for link types that have such', () => {
    const bytes = concat(pcapHeader(LE, { link: 231 }), pcapRecord(LE, 1, 0, filled(300_000)));
    expect(times(bytes)).toEqual(['1.000000000 300000/300000']);
  });
});

describe('pcap, cut short or damaged', () => {
  const good = concat(pcapHeader(LE), pcapRecord(LE, 1, 1, filled(60)), pcapRecord(LE, 2, 2, filled(40)));

  it('every cut gives the frames before it, and says where and what was missing', () => {
    for (let length = 1; length < good.length; length++) {
      const cut = good.subarray(0, length);
      if (length === 24 || length === 100) {
        expect(readSavefile(cut).error).toBeNull();
        continue;
      }
      const { frames, error } = failure(cut);
      expect(error.code).toBe('SAVEFILE_TRUNCATED');
      expect(frames).toBe(length < 24 ? -1 : length < 100 ? 0 : 1);
      expect(error.available).toBe(length < 24 ? length : length < 100 ? length - 24 : length - 100);
      if (length >= 4) expect(error.offset).toBe(length < 24 ? 0 : length < 100 ? 24 : 100);
      expect(error.needed).toBe(
        length < 4 ? 4 : length < 24 ? 24 : length < 40 ? 16 : length < 100 ? 76 : length < 116 ? 16 : 56,
      );
    }
  });

  it('the message names file, frame, both lengths and the offset', () => {
    expect(failure(good.subarray(0, 150)).error.message).toBe(
      'x.pcap: cut short: the captured length of frame 2 says 40 bytes, 34 are there, in the record at byte 100',
    );
  });

  it('an insane captured length is an error with its offset, and hides no frame before it', () => {
    const bad = Uint8Array.from(good);
    bad.set(LE.u32(0xffff_fff0), 108);
    const { frames, error } = failure(bad);
    expect(frames).toBe(1);
    expect(error).toMatchObject({ code: 'SAVEFILE_CORRUPT', offset: 100, lengthFrom: 'captured length' });
    expect(error.message).toContain('4294967280 bytes, more than the 262144');
    bad.set(LE.u32(262_145), 108);
    expect(failure(bad).error.code).toBe('SAVEFILE_CORRUPT');
    // The largest that can be meant is looked for, and is not there.
    bad.set(LE.u32(262_144), 108);
    expect(failure(bad).error).toMatchObject({ code: 'SAVEFILE_TRUNCATED', needed: 262_160, available: 56 });
  });

  it('an old version and reserved bits of the link type are not supported', () => {
    expect(failure(pcapHeader(LE, { major: 1 })).error).toMatchObject({ code: 'SAVEFILE_UNSUPPORTED', offset: 4 });
    expect(failure(pcapHeader(BE, { link: 0x0001_0001 })).error).toMatchObject({
      code: 'SAVEFILE_UNSUPPORTED',
      offset: 20,
    });
  });

  it('no bytes, three bytes, and other kinds of file each have their own words', () => {
    expect(failure(new Uint8Array(0)).error.code).toBe('SAVEFILE_EMPTY');
    expect(failure(hex('d4c3b2')).error).toMatchObject({ code: 'SAVEFILE_TRUNCATED', needed: 4, available: 3 });
    expect(failure(hex('7f454c46 02010100')).error.message).toBe(
      'x.pcap: neither pcap nor pcapng: it begins with 7f 45 4c 46, which is an ELF executable',
    );
    expect(failure(hex('736e6f6f70000000 00000002')).error.message).toContain('snoop');
    expect(failure(hex('00000000')).error.code).toBe('SAVEFILE_UNKNOWN');
    // Magic numbers that neither libpcap nor Wireshark reads.
    expect(failure(pcapHeader(LE, { magic: 0xa1b234cd })).error.code).toBe('SAVEFILE_UNKNOWN');
  });
});

describe('pcap in pieces', () => {
  it('frames that straddle the chunks, or are longer than one, are whole', async () => {
    const records = [];
    for (let i = 0; i < 300; i++) records.push(pcapRecord(LE, i, i, filled((i * 37) % 700, i), 1500));
    const bytes = concat(pcapHeader(LE), ...records);
    const whole = readSavefile(bytes).frames;
    expect(whole).toHaveLength(300);
    for (const chunkSize of [32, 33, 100, 1024, 65536]) {
      for (const rows of [1, 7, 4096]) {
        const source = await openSavefile(bytes, { chunkSize, rows });
        let i = 0;
        for await (const { count, offset, capturedLength, seconds, bytes: memory } of source) {
          for (let row = 0; row < count; row++, i++) {
            expect(seconds[row]).toBe(i);
            const at = offset[row]!;
            const length = capturedLength[row]!;
            if (length !== (i * 37) % 700 || memory.subarray(at, at + length).some((byte) => byte !== i % 256))
              throw new Error(`frame ${i} differs with chunks of ${chunkSize} and ${rows} rows`);
          }
        }
        expect(i).toBe(300);
      }
    }
  });
});
