import { describe, expect, it } from 'vitest';
import { readSavefile, type SavefileError } from '../../src/savefile/index.ts';
import { BE, block, concat, epb, filled, hex, idb, LE, type Order, option, padding, shb, text } from './bytes.ts';

const END = hex('00000000');
const time = ({ seconds, nanoseconds }: { seconds: number; nanoseconds: number }): string =>
  `${seconds}.${String(nanoseconds).padStart(9, '0')}`;

describe('pcapng, literal bytes', () => {
  it('section header, interface, enhanced packet', () => {
    const bytes = hex(`
      0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffffffffffff 1c000000
      01000000 14000000 0100 0000 00000400 14000000
      06000000 24000000 00000000 ca9a3b00 f4c99a3b 03000000 3c000000 aabbcc00 24000000`);
    const { format, interfaces, sections, frames, error } = readSavefile(bytes);
    expect(error).toBeNull();
    expect(format).toBe('pcapng');
    expect(sections).toEqual([{ firstInterface: 0 }]);
    expect(interfaces).toEqual([{ name: '', linkType: 1, snapLength: 262144, timestampDigits: 6 }]);
    const count = (BigInt(0x003b9aca) << 32n) | 0x3b9ac9f4n;
    expect(frames).toEqual([
      {
        bytes: hex('aabbcc'),
        originalLength: 60,
        seconds: Number(count / 1_000_000n),
        nanoseconds: Number(count % 1_000_000n) * 1000,
        interfaceId: 0,
        flags: 0,
      },
    ]);
  });

  it('big-endian: simple packet, obsolete packet block, statistics', () => {
    const bytes = hex(`
      0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
      00000001 00000014 0065 0000 00000005 00000014
      00000003 00000018 00000064 0102030405 000000 00000018
      00000002 00000030 0000 0007 00000000 000f4241 00000002 00000002 aabb 0000
        0002 0004 00000001 00000000 00000030
      00000005 00000024 00000000 00000000 00000002 0004 0008 0000000000000009 00000024`);
    const { interfaces, frames, error } = readSavefile(bytes);
    expect(error).toBeNull();
    expect(interfaces[0]).toMatchObject({ linkType: 101, snapLength: 5, statistics: { received: 9n } });
    expect(frames).toEqual([
      { bytes: hex('0102030405'), originalLength: 100, seconds: 0, nanoseconds: 0, interfaceId: 0, flags: 0 },
      {
        bytes: hex('aabb'),
        originalLength: 2,
        seconds: 1,
        nanoseconds: 1000,
        interfaceId: 0,
        flags: 1,
        extras: { dropCount: 7n },
      },
    ]);
  });
});

for (const [name, o] of [
  ['little', LE],
  ['big', BE],
] as [string, Order][]) {
  describe(`pcapng, ${name}-endian`, () => {
    it('section and interface options', () => {
      const bytes = concat(
        shb(
          o,
          option(o, 2, text('hard')),
          option(o, 3, text('Linux\0')),
          option(o, 4, text('prog')),
          option(o, 1, text('one')),
          option(o, 1, text('två')),
          option(o, 2988, concat(o.u32(32473), text('x'))),
          END,
        ),
        idb(
          o,
          1,
          96,
          option(o, 2, text('eth0')),
          option(o, 3, text('the first')),
          option(o, 4, hex('0a000001ffffff00')),
          option(o, 6, hex('020000000001')),
          option(o, 8, o.u64(10_000_000_000n)),
          option(o, 9, hex('09')),
          option(o, 10, o.u32(7200)),
          option(o, 11, concat(hex('00'), text('tcp port 80'))),
          option(o, 12, text('Linux')),
          option(o, 13, hex('04')),
          option(o, 14, o.u64(1000n)),
          option(o, 15, text('card')),
          option(o, 16, o.u64(5n)),
          option(o, 1, text('remark')),
          END,
        ),
        epb(o, 0, 1_500_000_000n, filled(5)),
      );
      const { sections, interfaces, frames, error } = readSavefile(bytes);
      expect(error).toBeNull();
      expect(sections).toEqual([
        {
          firstInterface: 0,
          hardware: 'hard',
          os: 'Linux',
          application: 'prog',
          comments: ['one', 'två'],
          others: [{ code: 2988, value: concat(LE.u32(32473), text('x')) }],
        },
      ]);
      expect(interfaces).toEqual([
        {
          name: 'eth0',
          ...(o === BE ? { bigEndian: true } : {}),
          description: 'the first',
          linkType: 1,
          snapLength: 96,
          timestampDigits: 9,
          macAddress: hex('020000000001'),
          speed: 10_000_000_000n,
          filter: 'tcp port 80',
          os: 'Linux',
          fcsLength: 4,
          hardware: 'card',
          comments: ['remark'],
          others: [
            { code: 4, value: hex('0a000001ffffff00') },
            { code: 10, value: LE.u32(7200) },
            { code: 16, value: LE.u64(5n) },
          ],
        },
      ]);
      expect(time(frames[0]!)).toBe('1001.500000000');
    });

    it('packet options', () => {
      const bytes = concat(
        shb(o),
        idb(o),
        epb(o, 0, 1n, filled(3), option(o, 2, o.u32(0x1_0005)), END),
        epb(o, 0, 2n, filled(3), option(o, 2, o.u32(2))),
        epb(
          o,
          0,
          3n,
          filled(3),
          option(o, 1, text('first')),
          option(o, 1, text('second')),
          option(o, 2, o.u32(1)),
          option(o, 3, hex('02deadbeef')),
          option(o, 4, o.u64(12n)),
          option(o, 5, o.u64(0x1234_5678_9abcn)),
          option(o, 6, o.u32(3)),
          option(o, 7, concat(hex('02'), o.u64(2n))),
          END,
        ),
      );
      const { frames, error } = readSavefile(bytes);
      expect(error).toBeNull();
      expect(frames.map(({ flags }) => flags)).toEqual([0x1_0005, 2, 1]);
      expect(frames[0]!.extras).toBeUndefined();
      expect(frames[2]!.extras).toEqual({
        comments: ['first', 'second'],
        dropCount: 12n,
        packetId: 0x1234_5678_9abcn,
        queue: 3,
        others: [
          { code: 3, value: hex('02deadbeef') },
          { code: 7, value: concat(hex('02'), LE.u64(2n)) },
        ],
      });
    });

    it('times in units of powers of ten and of two, and before 1970 by an offset', () => {
      const at = (tsresol: number, count: bigint, offset = 0n): string => {
        const options = [option(o, 9, Uint8Array.of(tsresol)), option(o, 14, o.u64(BigInt.asUintN(64, offset))), END];
        const { frames } = readSavefile(concat(shb(o), idb(o, 1, 0, ...options), epb(o, 0, count, filled(1))));
        return time(frames[0]!);
      };
      expect(at(0, 1_700_000_000n)).toBe('1700000000.000000000');
      expect(at(3, 1_700_000_000_123n)).toBe('1700000000.123000000');
      expect(at(6, 1_700_000_000_123_456n)).toBe('1700000000.123456000');
      expect(at(7, 17_000_000_001_234_567n)).toBe('1700000000.123456700');
      expect(at(9, 1_700_000_000_999_999_999n)).toBe('1700000000.999999999');
      expect(at(9, 0xffff_ffff_ffff_ffffn)).toBe('18446744073.709551615');
      expect(at(12, 1_700_000_123_456_789_012n)).toBe('1700000.123456789');
      expect(at(0x80, 5n)).toBe('5.000000000');
      expect(at(0x8a, 1024n * 1_700_000_000n + 512n)).toBe('1700000000.500000000');
      expect(at(0x9e, (1n << 30n) * 1_700_000_000n + 1n)).toBe('1700000000.000000000');
      expect(at(0xa0, (1n << 31n) | (7n << 32n))).toBe('7.500000000');
      expect(at(0xff, 1n)).toBe('0.000000000');
      expect(at(6, 500n, -5000n)).toBe('-5000.000500000');
    });

    it('times across the border of the high word', () => {
      const base = 1_700_000_000n * 1_000_000_000n;
      const border = ((base >> 32n) + 1n) << 32n;
      const options = [option(o, 9, hex('09')), END];
      const counts = [border - 2n, border - 1n, border, border + 1n, border - 1n, border + 5_000_000_000n];
      const { frames } = readSavefile(
        concat(shb(o), idb(o, 1, 0, ...options), ...counts.map((count) => epb(o, 0, count, filled(1)))),
      );
      expect(frames.map(time)).toEqual(
        counts.map((count) => `${count / 1_000_000_000n}.${String(count % 1_000_000_000n).padStart(9, '0')}`),
      );
    });

    it('names, secrets and custom blocks are kept, with the row they stood before', () => {
      const names = concat(
        o.u16(1),
        o.u16(9),
        padding(concat(hex('0a000001'), text('host\0'))),
        END,
        option(o, 2, text('dns')),
        END,
      );
      const bytes = concat(
        shb(o),
        idb(o),
        block(o, 4, names),
        epb(o, 0, 1n, filled(4)),
        block(o, 10, o.u32(0x544c534b), o.u32(5), text('abcde')),
        block(o, 0xbad, o.u32(32473), hex('01020304')),
        epb(o, 0, 2n, filled(4)),
        block(o, 0x40000bad, o.u32(32473), hex('05060708')),
      );
      const { records, frames, error } = readSavefile(bytes);
      expect(error).toBeNull();
      expect(frames).toHaveLength(2);
      expect(records).toEqual([
        {
          kind: 'names',
          row: 0,
          entries: [{ type: 1, value: concat(hex('0a000001'), text('host\0')) }],
          options: [{ code: 2, value: text('dns') }],
        },
        { kind: 'secrets', row: 1, secretsType: 0x544c534b, data: text('abcde'), options: [] },
        { kind: 'custom', row: 1, enterprise: 32473, data: hex('01020304'), copy: true },
        { kind: 'custom', row: 2, enterprise: 32473, data: hex('05060708'), copy: false },
      ]);
    });

    it('statistics with times, the newest counts', () => {
      const stamp = (seconds: bigint): Uint8Array => {
        const count = seconds * 1_000_000n + 250_000n;
        return concat(o.u32(Number(count >> 32n)), o.u32(Number(count & 0xffff_ffffn)));
      };
      const isb = (...options: Uint8Array[]) => block(o, 5, o.u32(0), o.u32(0), o.u32(0), ...options);
      const { interfaces } = readSavefile(
        concat(
          shb(o),
          idb(o),
          isb(option(o, 4, o.u64(1n)), END),
          isb(
            option(o, 2, stamp(1_700_000_000n)),
            option(o, 3, stamp(1_700_000_009n)),
            ...[4, 5, 6, 7, 8].map((code) => option(o, code, o.u64(BigInt(code) * 10n))),
            END,
          ),
        ),
      );
      expect(interfaces[0]!.statistics).toEqual({
        startTime: { seconds: 1_700_000_000, nanoseconds: 250_000_000 },
        endTime: { seconds: 1_700_000_009, nanoseconds: 250_000_000 },
        received: 40n,
        interfaceDropped: 50n,
        filterAccepted: 60n,
        osDropped: 70n,
        delivered: 80n,
      });
    });

    it('a total length without the last padding is read, as Wireshark does', () => {
      const odd = concat(
        ...[6, 93, 0, 0, 5, 61, 61].map((value) => o.u32(value)),
        filled(61),
        hex('000000'),
        o.u32(93),
      );
      const { frames, error } = readSavefile(concat(shb(o), idb(o), odd, epb(o, 0, 9n, filled(2))));
      expect(error).toBeNull();
      expect(frames.map(({ bytes: { length } }) => length)).toEqual([61, 2]);
    });
  });
}

describe('pcapng, sections', () => {
  it('in either byte order, with interface numbers of their own', () => {
    const bytes = concat(
      shb(LE),
      idb(LE, 1, 0, option(LE, 2, text('a')), END),
      idb(LE, 101, 0, option(LE, 2, text('b')), END),
      epb(LE, 1, 1n, hex('01')),
      shb(BE, option(BE, 4, text('other')), END),
      idb(BE, 113, 0, option(BE, 2, text('c')), END),
      epb(BE, 0, 2n, hex('02')),
      // A section may tell its length.
      block(LE, 0x0a0d0d0a, LE.u32(0x1a2b3c4d), LE.u16(1), LE.u16(2), LE.u64(56n)),
      idb(LE, 1, 0),
      epb(LE, 0, 3n, hex('03')),
    );
    const { interfaces, sections, frames, error } = readSavefile(bytes);
    expect(error).toBeNull();
    expect(interfaces.map(({ name, linkType }) => `${name}:${linkType}`)).toEqual(['a:1', 'b:101', 'c:113', ':1']);
    expect(sections.map(({ firstInterface }) => firstInterface)).toEqual([0, 2, 3]);
    expect(frames.map(({ interfaceId, bytes: [byte] }) => [interfaceId, byte])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ]);
  });

  it('an interface described after frames counts from there on', () => {
    const { frames, error } = readSavefile(
      concat(shb(LE), idb(LE), epb(LE, 0, 1n, filled(1)), idb(LE, 101), epb(LE, 1, 1n, filled(1))),
    );
    expect(error).toBeNull();
    expect(frames.map(({ interfaceId }) => interfaceId)).toEqual([0, 1]);
  });

  it('unknown blocks are stepped over', () => {
    const { frames, error, records } = readSavefile(
      concat(shb(LE), idb(LE), block(LE, 0x77, filled(40)), epb(LE, 0, 1n, filled(1)), block(LE, 9, filled(3))),
    );
    expect([frames.length, records.length, error]).toEqual([1, 0, null]);
  });
});

describe('pcapng, cut short or damaged', () => {
  const o = LE;
  const start = concat(shb(o), idb(o));
  const frame = epb(o, 0, 1n, filled(60));
  /** Frames, and the error after them. */
  const read = (...parts: Uint8Array[]): [number, SavefileError] => {
    const { frames, error } = readSavefile(concat(...parts), { name: 'x' });
    expect(error).not.toBeNull();
    return [frames.length, error!];
  };

  it('every cut gives the frames before it, and says where and what was missing', () => {
    const good = concat(start, frame, frame);
    for (let length = start.length + 1; length < good.length; length++) {
      if ((length - start.length) % frame.length === 0) continue;
      const [frames, error] = read(good.subarray(0, length));
      const whole = Math.floor((length - start.length) / frame.length);
      const offset = start.length + whole * frame.length;
      expect(frames).toBe(whole);
      expect(error).toMatchObject({ code: 'SAVEFILE_TRUNCATED', offset, available: length - offset });
      expect(error.needed).toBe(length - offset < 12 ? 12 : frame.length);
    }
  });

  const damage = (offset: number, value: number): Uint8Array => {
    const bytes = Uint8Array.from(frame);
    bytes.set(o.u32(value), offset);
    return bytes;
  };

  for (const [what, bytes, words] of [
    ['total length too small for its type', damage(4, 28), '28 bytes, less than the 32'],
    ['total length beyond all bounds', damage(4, 0x1000_0000), '268435456 bytes, more than the 134348800'],
    ['total lengths that differ', damage(88, 4), '92 before its body and 4 after it'],
    ['captured length beyond the block', damage(20, 61), '61 bytes, and its block has room for 60'],
    ['captured length beyond all bounds', damage(20, 0x7fff_ffff), '2147483647 bytes'],
    ['captured length near 2^32', damage(20, 0xffff_ffff), '4294967295 bytes'],
    ['interface that is not described', damage(8, 1), 'names interface 1, and its section has described 1'],
    ['interface near 2^32', damage(8, 0xffff_ffff), 'names interface 4294967295'],
    ['total length of nothing', new Uint8Array(16), 'total length of the block of type 0x0 is 0'],
  ] as [string, Uint8Array, string][]) {
    it(what, () => {
      const [frames, error] = read(start, frame, bytes, frame);
      expect(frames).toBe(1);
      expect(error).toMatchObject({ code: 'SAVEFILE_CORRUPT', offset: start.length + frame.length });
      expect(error.message).toContain(words);
    });
  }

  it('a frame larger than its link type allows', () => {
    const [, error] = read(start, epb(o, 0, 1n, filled(262_148)));
    expect(error.message).toContain('262148 bytes, more than the 262144');
    const { frames } = readSavefile(concat(shb(o), idb(o, 231), epb(o, 0, 1n, filled(262_148))));
    expect(frames).toHaveLength(1);
  });

  it('a packet before any interface, and any block of a section with an unknown byte order', () => {
    expect(read(shb(o), frame)[1].message).toContain('described 0');
    const header = shb(o);
    header.set(hex('01020304'), 8);
    expect(read(start, frame, header)).toMatchObject([1, { code: 'SAVEFILE_CORRUPT', offset: 140 }]);
  });

  it('a version that nobody knows', () => {
    const header = shb(o);
    header.set(o.u16(2), 12);
    expect(() => readSavefile(header)).toThrowError(expect.objectContaining({ code: 'SAVEFILE_UNSUPPORTED' }));
  });

  for (const [what, bytes] of [
    ['options of a packet', epb(o, 0, 1n, filled(4), option(o, 2, filled(3)))],
    ['an option beyond its block', epb(o, 0, 1n, filled(4), hex('01003200 61620000'))],
    ['a name record beyond its block', block(o, 4, hex('01006400 00000000'))],
    ['secrets beyond their block', block(o, 10, o.u32(1), o.u32(100), filled(4))],
    ['a statistics block too short', block(o, 5, o.u32(0))],
    ['a custom block without its enterprise', block(o, 0xbad)],
    ['an interface option of the wrong length', idb(o, 1, 0, option(o, 9, filled(2)))],
  ] as [string, Uint8Array][]) {
    it(`${what}: hides no frame, and is told at the end`, () => {
      const [frames, error] = read(start, frame, bytes, frame);
      expect(frames).toBe(what.includes('option') && !what.includes('interface') ? 3 : 2);
      expect(error).toMatchObject({ code: 'SAVEFILE_CORRUPT', offset: start.length + frame.length });
      expect(error.message).toContain('reading went on');
    });
  }

  it('a simple packet block that is shorter than it says', () => {
    expect(read(start, block(o, 3, o.u32(60), filled(20)))).toMatchObject([0, { offset: start.length }]);
  });
});
