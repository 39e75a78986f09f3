import { expect, it } from 'vitest';
import { describeNetwork } from '../support/network.ts';
import type { Profile } from './call-arguments.ts';
import { makeSteps, runSteps } from './calls.ts';
import { compareRuns } from './sequence.ts';
import { IN_TIME } from './stage.ts';
import { emulatedWorld, linuxWorld } from './world.ts';

/** Every call in sequences, with what /proc tells and the frames on the cable. Fresh worlds for each seed, so that a seed
 * alone repeats a failure: `npm run fuzz -- syscalls --of NAME --seed N --count N` finds what of it is needed. */
describeNetwork('sequences of every call on both kernels', () => {
  const first = Number(process.env['NETLAB_SEED'] ?? 1);
  const seeds = Number(process.env['NETLAB_SEEDS'] ?? 2);
  const count = Number(process.env['NETLAB_CALLS'] ?? 300);
  for (const profile of ['ipv4', 'ipv6', 'packet'] satisfies Profile[])
    for (let seed = first; seed < first + seeds; seed++)
      it(`${profile}, seed ${seed}, ${count} calls`, { timeout: 600_000, ...IN_TIME }, () => {
        const steps = makeSteps(seed, count);
        const ipv6 = profile === 'ipv6';
        const host = linuxWorld({ ipv6 });
        const times: number[] = [];
        try {
          const linux = runSteps(host, profile, steps, times);
          const ours = runSteps(emulatedWorld(1, { ipv6 }), profile, steps, times);
          const difference = compareRuns(ours.log, linux.log);
          expect(difference, `seed ${seed}: ${difference}`).toBe('');
          const [made, succeeded] = [...linux.tally.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
          expect(succeeded, 'a sequence of calls that fail shows nothing').toBeGreaterThan(made * 0.35);
        } finally {
          host.dispose();
        }
      });
});
