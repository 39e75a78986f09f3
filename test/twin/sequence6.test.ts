import { afterAll, expect, it } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import { compareRuns } from './sequence.ts';
import { runSequence6 } from './sequence6.ts';
import { IN_TIME } from './stage.ts';
import { emulatedWorld, linuxWorld, type World } from './world.ts';

/** Fresh worlds for each seed, so that a seed alone repeats a failure. */
describeNetwork('sequences of system calls on sockets of IPv6 on both kernels', () => {
  const worlds: World[] = [];
  afterAll(() => {
    for (const world of worlds) world.dispose();
  });
  const first = Number(process.env['NETLAB_SEED'] ?? 1);
  const seeds = Number(process.env['NETLAB_SEEDS'] ?? 4);
  const calls = Number(process.env['NETLAB_CALLS'] ?? 400);
  for (let seed = first; seed < first + seeds; seed++)
    it(`seed ${seed}, ${calls} calls`, { timeout: 600_000, ...IN_TIME }, () => {
      const host = linuxWorld({ ipv6: true });
      worlds.push(host);
      const ours = emulatedWorld(1, { ipv6: true });
      const times: number[] = [];
      const linux = runSequence6(host, seed, calls, times);
      const difference = compareRuns(runSequence6(ours, seed, calls, times), linux);
      expect(difference, `seed ${seed}: ${difference}`).toBe('');
    });
});
