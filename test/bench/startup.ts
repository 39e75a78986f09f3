/** How long the program takes to say its version, against Node doing nothing. */
import type { Bench, Context } from './support/bench.ts';
import { contest, type Section } from './support/contest.ts';
import { cpu, measure } from './support/measure.ts';

export const bench: Bench = {
  about: 'start-up: netlab --version against node -e 0',
  async *run(context: Context): AsyncGenerator<Section> {
    const once =
      (command: string, ...args: string[]) =>
      async () => {
        const usage = await measure(command, args);
        return { 'wall time': usage.wall, CPU: cpu(usage), 'peak memory': usage.peak };
      };
    yield await contest({
      title: 'start-up',
      figures: [
        { name: 'wall time', unit: 'seconds' },
        { name: 'CPU', unit: 'seconds' },
        { name: 'peak memory', unit: 'bytes' },
      ],
      contestants: [
        { name: 'netlab --version', round: once(context.netlab[0], ...context.netlab.slice(1), '--version') },
        { name: 'node -e 0', round: once(process.execPath, '-e', '0') },
      ],
      rounds: context.rounds * 5,
      goals: [{ figure: 'wall time', contestant: 'netlab --version', against: 'node -e 0', atMost: 1.6 }],
      progress: context.progress,
    });
  },
};
