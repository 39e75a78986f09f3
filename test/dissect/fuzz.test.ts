/** A short run of `npm run fuzz -- dissect`, which shows as well that such runs reach every protocol. */
import { expect, it } from 'vitest';
import { EkPrinter } from '../../src/dissect/ek.ts';
import { writtenTime } from '../../src/dissect/timestamp.ts';
import { blockOf } from '../../src/savefile/index.ts';
import { fuzzDissect } from '../fuzz/dissect.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const COUNT = 12_000;

it(`changed frames harm nothing, and reach each protocol's fields and text (SEED=${SEED})`, async () => {
  const { done, failures, coverage } = await fuzzDissect({ count: COUNT, seed: SEED, folders: ['fixtures'] });
  expect(failures).toEqual([]);
  expect(done).toBe(COUNT);
  for (const counts of [coverage.walked, coverage.printed]) {
    expect(counts.size).toBeGreaterThan(60);
    for (const [name, count] of counts) expect(count, name).toBeGreaterThan(0);
  }
});

it('times that no Date holds are written out, as Wireshark does', () => {
  const zone = process.env['TZ'];
  process.env['TZ'] = 'UTC';
  expect(writtenTime(2 ** 45, 5)).toBe('May 14, 1116918 19:20:32.000000005 UTC');
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
  expect(writtenTime(2 ** 53 - 1, 0, 'utc')).toBe('Nov 12, 285428751 07:36:31.000000000 UTC');
  expect(writtenTime(2 ** 63, 0, 'utc')).toBe('Not representable');
  let text = '';
  const printer = new EkPrinter({}, (chunk) => {
    text += Buffer.from(chunk).toString();
  });
  const frame = { bytes: new Uint8Array(60), seconds: 2 ** 45 };
  printer.print(blockOf([frame]), [{ name: '', linkType: 1, snapLength: 0, timestampDigits: 9 }]);
  printer.flush();
  expect(JSON.parse(text.split('\n')[0]!)).toEqual({ index: { _index: 'packets-1116918-05-14', _type: 'doc' } });
});
