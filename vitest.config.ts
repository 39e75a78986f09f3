import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Bounds against hanging, not judgements of speed: a machine may be slow and busy with other work.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
