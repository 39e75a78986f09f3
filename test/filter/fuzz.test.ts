import { expect, test } from 'vitest';
import { fuzzFilter } from '../fuzz/filter.ts';

test('strings that are almost filters: no throw but FilterError, no hang, and what compiles is valid', () => {
  const seed = Number(process.env['NETLAB_SEED'] ?? 1789);
  const result = fuzzFilter({ count: 15_000, seed, seconds: 60 });
  expect(result.failures).toEqual([]);
  expect(result.accepted).toBeGreaterThan(1000);
  expect(result.rejected).toBeGreaterThan(5000);
  expect(result.compiled).toBeGreaterThan(200);
});
