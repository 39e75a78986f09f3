import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Most tests are pure computation; the few that drive namespaces state their own longer time.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
