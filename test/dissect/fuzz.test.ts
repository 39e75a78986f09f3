/** A short run of `npm run fuzz -- dissect`, which shows as well that such runs reach every protocol. */
import { expect, it } from 'vitest';
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
