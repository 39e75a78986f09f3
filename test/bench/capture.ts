/** Capturing to a file under load: CPU a frame, frames lost, memory; tcpdump, dumpcap and cap at the same load. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { vethPair } from '../support/veth.ts';
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Sample, type Section } from './support/contest.ts';
import { captureUnderLoad, checkAndRemove, type Flooded, type Load } from './support/flooding.ts';
import { cpu, whyMissing } from './support/measure.ts';

const CAP = fileURLToPath(new URL('support/cap-capture.cjs', import.meta.url));

export const bench: Bench = {
  about: 'capture -w under load on a veth pair, against tcpdump -w, dumpcap and cap',
  async *run(context: Context): AsyncGenerator<Section> {
    const scale = context.quick ? 0.1 : 1;
    const loads: Load[] = [
      { frames: 3_000_000 * scale, size: 60, rate: null },
      { frames: 1_500_000 * scale, size: 60, rate: 300_000 },
      { frames: 1_000_000 * scale, size: 1400, rate: null },
    ];
    for (const load of loads) yield await underLoad(context, load);
  },
};

async function underLoad(context: Context, load: Load): Promise<Section> {
  const pair = vethPair();
  const [node, ...program] = context.netlab;
  const writer = (name: string, command: (file: string) => string[]): Contestant => ({
    name,
    missing: name === 'netlab' ? null : whyMissing(name),
    async round() {
      const file = context.path('captured');
      const result = await captureUnderLoad(command(file), context.flood, pair.a, load);
      return sample(result, checkAndRemove(file, load.size).frames);
    },
  });
  try {
    return await contest({
      title: `capture to a file, ${load.frames.toLocaleString('en-US')} frames of ${load.size} bytes, ${
        load.rate === null ? 'as fast as the sender can' : `${load.rate.toLocaleString('en-US')} a second`
      }`,
      figures: [
        { name: 'offered', unit: 'rate' },
        { name: 'CPU a frame', unit: 'seconds' },
        { name: 'of that the kernel', unit: 'seconds' },
        { name: 'lost', unit: 'count' },
        { name: 'peak memory', unit: 'bytes' },
      ],
      contestants: [
        writer('netlab', (file) => [node, ...program, 'capture', pair.b, '-w', file]),
        writer('tcpdump', (file) => ['tcpdump', '-n', '-i', pair.b, '-Z', 'root', '-w', file]),
        writer('dumpcap', (file) => ['dumpcap', '-q', '-i', pair.b, '-w', file]),
        {
          name: 'cap (counts only)',
          missing: whyNoCap(),
          async round() {
            const result = await captureUnderLoad([node, CAP, pair.b], context.flood, pair.a, load);
            return sample(result, Number(result.capture.stdout));
          },
        },
      ],
      rounds: context.rounds,
      warmUp: 0,
      goals: [
        { figure: 'CPU a frame', contestant: 'netlab', against: 'tcpdump', atMost: 1 },
        { figure: 'CPU a frame', contestant: 'netlab', against: 'dumpcap', atMost: 1 },
      ],
      notes: ['each with its own default buffer; CPU is that of the whole process, start-up included'],
      progress: context.progress,
    });
  } finally {
    pair.remove();
  }
}

const sample = (result: Flooded, frames: number): Sample => ({
  offered: result.sent / result.seconds,
  lost: result.sent - frames,
  'peak memory': result.capture.peak,
  ...(frames > 0
    ? { 'CPU a frame': cpu(result.capture) / frames, 'of that the kernel': result.capture.system / frames }
    : {}),
});

function whyNoCap(): string | null {
  try {
    createRequire(import.meta.url)('cap');
    return null;
  } catch (error) {
    return `cap does not load: ${(error as Error).message.split('\n')[0]}`;
  }
}
