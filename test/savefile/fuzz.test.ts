import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { openSavefile, SavefileError } from '../../src/savefile/index.ts';
import {
  BE,
  block,
  concat,
  epb,
  filled,
  hex,
  idb,
  LE,
  type Order,
  option,
  pcapHeader,
  pcapRecord,
  random,
  shb,
  text,
} from './bytes.ts';

const END = hex('00000000');

/** Small files of every kind, for mutation. */
function seeds(): Uint8Array[] {
  const files: Uint8Array[] = [];
  for (const o of [LE, BE] as Order[]) {
    for (const magic of [0xa1b2c3d4, 0xa1b23c4d, 0xa1b2cd34, 0x1c0001ab])
      for (const minor of [2, 3, 4])
        files.push(
          concat(
            pcapHeader(o, { magic, minor }),
            ...[1, 60, 0, 9].map((length, i) => pcapRecord(o, i, i, filled(length), length + 3)),
          ),
        );
    files.push(
      concat(
        shb(o, option(o, 1, text('c')), option(o, 2988, o.u32(5)), END),
        idb(
          o,
          1,
          96,
          option(o, 2, text('eth0')),
          option(o, 9, hex('09')),
          option(o, 14, o.u64(3n)),
          option(o, 11, hex('0061')),
          END,
        ),
        idb(o, 101, 0, option(o, 9, hex('9e'))),
        epb(o, 0, 1_700_000_000_000_000_000n, filled(5), option(o, 2, o.u32(1)), END),
        epb(o, 1, 77n, filled(60), option(o, 1, text('hello')), option(o, 7, concat(hex('01'), o.u64(1n))), END),
        block(o, 2, o.u16(0), o.u16(1), o.u32(0), o.u32(5), o.u32(3), o.u32(3), filled(3)),
        block(o, 3, o.u32(7), filled(8)),
        block(o, 4, o.u16(1), o.u16(7), filled(8), END),
        block(o, 5, o.u32(0), o.u32(0), o.u32(1), option(o, 4, o.u64(1n)), option(o, 2, o.u64(1n)), END),
        block(o, 10, o.u32(1), o.u32(3), filled(4)),
        block(o, 0xbad, o.u32(1), filled(4)),
        epb(o, 0, 1n, filled(12)),
      ),
    );
  }
  files.push(...files.slice(0, 4).map((bytes) => Uint8Array.from(gzipSync(bytes))));
  return files;
}

const VALUES = [
  0, 1, 2, 3, 4, 7, 8, 11, 12, 13, 28, 32, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff,
];

function mutate(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  let mutant: Uint8Array = Uint8Array.from(bytes);
  for (let i = next(4); i >= 0; i--) {
    const at = next(Math.max(1, mutant.length));
    switch (next(6)) {
      case 0:
        mutant[at] = next(256);
        break;
      case 1:
        mutant[at]! ^= 1 << next(8);
        break;
      case 2:
        if (at + 4 <= mutant.length)
          new DataView(mutant.buffer).setUint32(at, VALUES[next(VALUES.length)]!, next(2) === 0);
        break;
      case 3:
        mutant = mutant.slice(0, at);
        break;
      case 4:
        mutant = concat(mutant.subarray(0, at), mutant.subarray(next(Math.max(1, mutant.length))));
        break;
      default:
        mutant = concat(mutant.subarray(0, at), filled(next(9), next(256)), mutant.subarray(at));
    }
  }
  return mutant;
}

it('mutated files: frames inside the memory, an error of ours or none, and an end', async () => {
  const files = seeds();
  const outcomes = new Map<string, number>();
  for (let seed = 1; seed <= 12_000; seed++) {
    const next = random(seed * 2654435761);
    const mutant = mutate(files[seed % files.length]!, next);
    let frames = 0;
    let outcome = 'read';
    try {
      const source = await openSavefile(mutant, {
        chunkSize: [32, 100, 1 << 16][seed % 3]!,
        rows: [1, 5, 100][next(3)]!,
      });
      for (let steps = 0; ; steps++) {
        const rows = await source.next();
        if (rows === null) break;
        expect(steps, `seed ${seed} does not end`).toBeLessThan(mutant.length + 10);
        for (let row = 0; row < rows.count; row++, frames++) {
          const end = rows.offset[row]! + rows.capturedLength[row]!;
          if (
            end > rows.bytes.length ||
            rows.keep[row] !== 1 ||
            !(rows.nanoseconds[row]! < 1_000_000_000) ||
            !Number.isInteger(rows.seconds[row]!) ||
            rows.interfaceId[row]! >= source.interfaces.length
          )
            throw new Error(`seed ${seed}, frame ${frames}: a row that cannot be`);
        }
      }
    } catch (error) {
      if (!(error instanceof SavefileError)) throw new Error(`seed ${seed}: ${(error as Error).stack}`);
      if (error.offset !== undefined && error.compressed === false)
        expect(error.offset, `seed ${seed}`).toBeLessThanOrEqual(mutant.length);
      outcome = error.code;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  // The mutations reach all of these; else the test would test little.
  expect([...outcomes.keys()].sort()).toEqual([
    'SAVEFILE_CORRUPT',
    'SAVEFILE_EMPTY',
    'SAVEFILE_TRUNCATED',
    'SAVEFILE_UNKNOWN',
    'SAVEFILE_UNSUPPORTED',
    'read',
  ]);
});

it('a length that lies costs no memory', async () => {
  const before = process.memoryUsage().arrayBuffers;
  const lie = concat(shb(LE), LE.u32(0x77), LE.u32(128 * 1024 * 1024), filled(100));
  const source = await openSavefile(lie);
  await expect((async () => source.next())()).rejects.toMatchObject({
    code: 'SAVEFILE_TRUNCATED',
    needed: 128 * 1024 * 1024,
    available: 108,
  });
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
});
