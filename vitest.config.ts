import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { namespacePool } from './test/support/pool.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // `npm test` runs in a namespace; vitest by itself does not, and what needs one skips.
    pool: process.env['NETLAB_NETNS'] ? namespacePool : 'forks',
    // By itself vitest leaves one processor unused: of two, half. Many tests wait for programs more than they compute.
    maxWorkers: Math.min(4, Math.max(2, availableParallelism())),
    // Bounds against hanging, not judgements of speed: a machine may be slow and busy with other work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
