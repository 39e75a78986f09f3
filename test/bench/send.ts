/** Sending as fast as the machine can: netlab's sender by sendmmsg against tcpreplay --topspeed, over a veth pair. */
import { readFileSync } from 'node:fs';
import { vethPair } from '../support/veth.ts';
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Section } from './support/contest.ts';
import { flood } from './support/flooding.ts';
import { cpu, measure, type Usage, whyMissing } from './support/measure.ts';
import { writeNumbered } from './support/numbered.ts';

const SIZES = [60, 1400];

export const bench: Bench = {
  about: 'send: frames a second over a veth pair, against tcpreplay --topspeed',
  async *run(context: Context): AsyncGenerator<Section> {
    for (const size of SIZES) yield await ofSize(context, size);
  },
};

async function ofSize(context: Context, size: number): Promise<Section> {
  const frames = (size === 60 ? 1_000_000 : 400_000) * (context.quick ? 0.1 : 1);
  const file = context.path(`numbered-${size}.pcap`);
  writeNumbered(file, frames, size);
  const pair = vethPair();
  const received = (): number => Number(readFileSync(`/sys/class/net/${pair.b}/statistics/rx_packets`, 'utf8'));
  const contestant = (name: string, send: () => Promise<{ seconds: number; usage: Usage }>): Contestant => ({
    name,
    missing: name.startsWith('tcpreplay') ? whyMissing('tcpreplay') : null,
    async round() {
      const before = received();
      const { seconds, usage } = await send();
      const arrived = received() - before;
      return {
        'frames a second': arrived / seconds,
        'CPU a frame': cpu(usage) / arrived,
        'not arrived': frames - arrived,
        'peak memory': usage.peak,
      };
    },
  });
  const tcpreplay =
    (...more: string[]) =>
    async () => {
      const usage = await measure('tcpreplay', ['-i', pair.a, '--topspeed', ...more, file]);
      // Actual: 1000000 packets (60000000 bytes) sent in 2.05 seconds
      const seconds = /^Actual: .* sent in ([\d.]+) seconds/m.exec(usage.stdout)?.[1];
      if (seconds === undefined) throw new Error(`tcpreplay said no time: ${usage.stdout}`);
      return { seconds: Number(seconds), usage };
    };
  try {
    return await contest({
      title: `send, ${frames.toLocaleString('en-US')} frames of ${size} bytes`,
      figures: [
        { name: 'frames a second', unit: 'rate' },
        { name: 'CPU a frame', unit: 'seconds' },
        { name: 'not arrived', unit: 'count' },
        { name: 'peak memory', unit: 'bytes' },
      ],
      contestants: [
        contestant('netlab, sendmmsg', () => flood(context.flood, pair.a, { frames, size, rate: null })),
        contestant('netlab, AF_XDP', () => flood(context.flood, pair.a, { frames, size, rate: null }, 'af_xdp')),
        contestant('tcpreplay --topspeed', tcpreplay()),
        contestant('tcpreplay --topspeed --preload-pcap', tcpreplay('--preload-pcap')),
      ],
      rounds: context.rounds,
      goals: ['netlab, sendmmsg', 'netlab, AF_XDP'].map((contestant) => ({
        figure: 'frames a second',
        contestant,
        against: 'tcpreplay --topspeed',
        atLeast: 1.6,
      })),
      notes: ['the time is that of the sending alone, as each sender tells it; CPU is that of the whole process'],
      progress: context.progress,
    });
  } finally {
    pair.remove();
  }
}
