/** Replay: how exactly recorded times are kept, and how fast frames go out, against tcpreplay and trafgen, over a veth pair. */
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { putLe16, putLe32 } from '../../src/bytes/endian.ts';
import { seededRandom } from '../../src/time/random.ts';
import { type Pair, vethPair } from '../support/veth.ts';
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Sample, type Section } from './support/contest.ts';
import { cpu, measure, packetSockets, Running, sleep, type Usage, until, whyMissing } from './support/measure.ts';
import { numberedFrame, numberOf, setNumber, writeNumbered } from './support/numbered.ts';
import { walk } from './support/savefile-walk.ts';

export const bench: Bench = {
  about: 'replay: exactness of recorded times, and top speed, against tcpreplay and trafgen',
  async *run(context: Context): AsyncGenerator<Section> {
    yield await recordedTiming(context);
    for (const size of [60, 1400]) yield await topSpeed(context, size);
  },
};

/** A pcap file with nanoseconds: numbered frames 20 µs to 4 ms apart, now and then several at once. Gives their times in
 * nanoseconds. */
function writeTimed(path: string, frames: number): number[] {
  const draw = seededRandom(20_261_120);
  const head = new Uint8Array(24);
  putLe32(head, 0, 0xa1b23c4d);
  putLe16(head, 4, 2);
  putLe16(head, 6, 4);
  putLe32(head, 16, 262_144);
  putLe32(head, 20, 1);
  const fd = openSync(path, 'w');
  const times: number[] = [];
  let time = 0;
  try {
    writeSync(fd, head);
    const record = new Uint8Array(16 + 100);
    record.set(numberedFrame(100), 16);
    for (let number = 0; number < frames; number++) {
      putLe32(record, 0, 1_700_000_000 + Math.floor(time / 1e9));
      putLe32(record, 4, time % 1e9);
      putLe32(record, 8, 100);
      putLe32(record, 12, 100);
      setNumber(record, 16, number);
      writeSync(fd, record);
      times.push(time);
      const kind = draw() % 10;
      time += kind === 0 ? 0 : kind < 4 ? 20_000 + (draw() % 180_000) : 200_000 + (draw() % 3_800_000);
    }
  } finally {
    closeSync(fd);
  }
  return times;
}

async function recordedTiming(context: Context): Promise<Section> {
  const frames = context.quick ? 400 : 3000;
  const file = context.path('timed.pcap');
  const times = writeTimed(file, frames);
  const pair = vethPair();
  const contestant = (name: string, command: readonly string[], missing: string | null = null): Contestant => ({
    name,
    missing,
    async round(): Promise<Sample> {
      const taken = context.path('taken.pcapng');
      const before = packetSockets();
      const [program, ...words] = [...context.netlab, 'capture', '-i', pair.b, '-Q', 'in', '-w', taken];
      const capture = new Running(program!, words);
      await until('the capture to listen', () => packetSockets() > before);
      await sleep(400);
      const usage = await measure(command[0]!, command.slice(1));
      await sleep(300);
      capture.signal('SIGINT');
      await capture.done;
      const errors = errorsOf(taken, times);
      const at = (share: number): number => errors[Math.min(errors.length - 1, Math.floor(errors.length * share))] ?? 0;
      return {
        median: at(0.5),
        p99: at(0.99),
        worst: at(1),
        CPU: cpu(usage),
        'not arrived': frames - errors.length,
      };
    },
  });
  const netlab = (...more: string[]): readonly string[] => [
    ...context.netlab,
    'replay',
    file,
    '-i',
    pair.a,
    '-q',
    ...more,
  ];
  try {
    const contestants = [
      contestant('netlab', netlab()),
      contestant('netlab, AF_XDP', netlab('--via', 'af_xdp')),
      contestant('tcpreplay', ['tcpreplay', '-i', pair.a, '--preload-pcap', file], whyMissing('tcpreplay')),
      contestant(
        'tcpreplay -T gtod',
        ['tcpreplay', '-i', pair.a, '--preload-pcap', '-T', 'gtod', file],
        whyMissing('tcpreplay'),
      ),
    ];
    return await contest({
      title: `replay, recorded times of ${frames} frames over ${(times.at(-1)! / 1e9).toFixed(1)} s`,
      figures: [
        { name: 'median', unit: 'seconds' },
        { name: 'p99', unit: 'seconds' },
        { name: 'worst', unit: 'seconds' },
        { name: 'CPU', unit: 'seconds' },
        { name: 'not arrived', unit: 'count' },
      ],
      contestants,
      rounds: context.rounds,
      warmUp: 0,
      goals: [
        { figure: 'median', contestant: 'netlab', under: 20e-6 },
        { figure: 'p99', contestant: 'netlab', under: 200e-6 },
        { figure: 'median', contestant: 'netlab', against: 'tcpreplay', atMost: 1 },
        { figure: 'p99', contestant: 'netlab', against: 'tcpreplay', atMost: 1 },
      ],
      notes: [
        "errors: the receiving kernel's time stamps against the file's times, after the median of the differences is taken off",
      ],
      progress: context.progress,
    });
  } finally {
    pair.remove();
  }
}

/** Sorted errors in seconds. */
function errorsOf(path: string, times: readonly number[]): number[] {
  const late: number[] = [];
  let origin: number | null = null;
  walk(path, ({ bytes, offset, length, seconds, nanoseconds }) => {
    const number = numberOf(bytes, offset, length);
    if (number === null) return;
    origin ??= seconds;
    late.push((seconds - origin) * 1e9 + nanoseconds - times[number]!);
  });
  late.sort((a, b) => a - b);
  const middle = late[late.length >> 1] ?? 0;
  return late.map((value) => Math.abs(value - middle) / 1e9).sort((a, b) => a - b);
}

async function topSpeed(context: Context, size: number): Promise<Section> {
  const each = (size === 60 ? 100_000 : 40_000) * (context.quick ? 0.1 : 1);
  const loops = 10;
  const frames = each * loops;
  const file = context.path(`top-${size}.pcap`);
  writeNumbered(file, each, size);
  const pair = vethPair();
  try {
    return await contest({
      title: `replay, ${frames.toLocaleString('en-US')} frames of ${size} bytes at top speed`,
      figures: [
        { name: 'frames a second', unit: 'rate' },
        { name: 'CPU a frame', unit: 'seconds' },
        { name: 'not arrived', unit: 'count' },
        { name: 'peak memory', unit: 'bytes' },
      ],
      contestants: [
        ...(['sendmmsg', 'tx_ring', 'af_xdp'] as const).map((via) =>
          fast(`netlab, ${via}`, pair, frames, async () => {
            const words = [
              'replay',
              file,
              '-i',
              pair.a,
              '--topspeed',
              '--preload',
              '--loop',
              String(loops),
              '--via',
              via,
            ];
            const [program, ...before] = context.netlab;
            const usage = await measure(program, [...before, ...words, '-q', '--format', 'json']);
            return { usage, seconds: (JSON.parse(usage.stdout) as { seconds: number }).seconds };
          }),
        ),
        {
          ...fast('tcpreplay', pair, frames, async () => {
            const words = ['-i', pair.a, '--topspeed', '--preload-pcap', '--loop', String(loops), file];
            const usage = await measure('tcpreplay', words);
            return { usage, seconds: told(usage, /^Actual: .* sent in ([\d.]+) seconds/m) };
          }),
          missing: whyMissing('tcpreplay'),
        },
        {
          ...fast('trafgen', pair, frames, async () => {
            const config = context.path('trafgen.cfg');
            writeFileSync(config, `{ ${[...numberedFrame(size)].join(', ')} }\n`);
            const words = ['--dev', pair.a, '--conf', config, '--num', String(frames), '-P1'];
            const usage = await measure('trafgen', words);
            const [, seconds, micro] = /(\d+) sec, (\d+) usec on CPU/.exec(usage.stdout + usage.stderr) ?? [];
            if (seconds === undefined) throw new Error(`trafgen said no time: ${usage.stdout}${usage.stderr}`);
            return { usage, seconds: Number(seconds) + Number(micro) / 1e6 };
          }),
          missing: whyMissing('trafgen'),
        },
      ],
      rounds: context.rounds,
      goals: (['netlab, sendmmsg', 'netlab, af_xdp'] as const).flatMap((contestant) =>
        ['tcpreplay', 'trafgen'].map((against) => ({ figure: 'frames a second', contestant, against, atLeast: 1.7 })),
      ),
      notes: [
        `the file holds ${each.toLocaleString('en-US')} frames, loaded before and played ${loops} times; trafgen sends one frame again and again`,
        'the time is that of the sending alone, as each sender tells it; CPU is that of the whole process, start-up included',
      ],
      progress: context.progress,
    });
  } finally {
    pair.remove();
  }
}

function told(usage: Usage, pattern: RegExp): number {
  const seconds = pattern.exec(usage.stdout)?.[1];
  if (seconds === undefined) throw new Error(`no time was told: ${usage.stdout}`);
  return Number(seconds);
}

const fast = (
  name: string,
  pair: Pair,
  frames: number,
  send: () => Promise<{ usage: Usage; seconds: number }>,
): Contestant => ({
  name,
  missing: null,
  async round(): Promise<Sample> {
    const received = (): number => Number(readFileSync(`/sys/class/net/${pair.b}/statistics/rx_packets`, 'utf8'));
    const before = received();
    const { usage, seconds } = await send();
    const arrived = received() - before;
    return {
      'frames a second': arrived / seconds,
      'CPU a frame': cpu(usage) / arrived,
      'not arrived': frames - arrived,
      'peak memory': usage.peak,
    };
  },
});
