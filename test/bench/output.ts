/** What the packets say, in the forms for people and for programs: text against tcpdump; fields, NDJSON and Parquet of the
 * same four fields, NDJSON of all, and display filters against tshark; memory, with a million conversations open at a time as well. */
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Section } from './support/contest.ts';
import { cpu, measure, whyMissing } from './support/measure.ts';

const COLUMNS = ['ip.src', 'ip.dst', 'tcp.srcport', 'frame.len'];
const EACH_COLUMN = COLUMNS.flatMap((name) => ['-e', name]);
const FILTER = 'tcp.flags.reset == 1 && ip.addr in {10.0.0.0/8}';
const MOST_MEMORY = 200e6;

const FIGURES: Section['figures'] = [
  { name: 'frames a second', unit: 'rate' },
  { name: 'frames a CPU second', unit: 'rate' },
  { name: 'wall time', unit: 'seconds' },
  { name: 'CPU', unit: 'seconds' },
  { name: 'peak memory', unit: 'bytes' },
];

/** Forms of netlab, by the arguments that ask for them. */
const FORMS: Readonly<Record<'text' | 'fields' | 'NDJSON' | 'whole NDJSON' | 'Parquet' | 'filter', readonly string[]>> =
  {
    text: ['-nS'],
    fields: ['-n', '--format', 'fields', ...EACH_COLUMN],
    NDJSON: ['-n', '--format', 'json', ...EACH_COLUMN],
    'whole NDJSON': ['-n', '--format', 'json'],
    Parquet: ['-n', '--format', 'parquet', '-w', '/dev/null', ...EACH_COLUMN],
    filter: ['-nS', '-Y', FILTER],
  };

interface File {
  path: string;
  packets: number;
  bytes: number;
}

const sizeOf = ({ packets, bytes }: File): string =>
  `${packets.toLocaleString('en-US')} frames, ${Math.round(bytes / 1e6)} MB`;

export const bench: Bench = {
  about: 'output: text, fields, NDJSON, Parquet, display filters of 500 MB, against tcpdump and tshark; peak memory',
  async *run(context: Context): AsyncGenerator<Section> {
    const { quick, rounds, progress } = context;
    const file = context.traffic({ bytes: quick ? 20_000_000 : 500_000_000 });
    // tshark takes 16 µs a frame and more, and gets slower with what it keeps: its rate on the first tenth, which flatters it.
    const cut = context.traffic({ bytes: quick ? 20_000_000 : 50_000_000 });
    const contestant = (name: string, command: string, args: readonly string[], of: File): Contestant => ({
      name,
      missing: name.startsWith('netlab') ? null : whyMissing(command),
      async round() {
        const usage = await measure(command, args, { stdout: '/dev/null' });
        return {
          'frames a second': of.packets / usage.wall,
          'frames a CPU second': of.packets / cpu(usage),
          'wall time': usage.wall,
          CPU: cpu(usage),
          'peak memory': usage.peak,
        };
      },
    });
    const [node, ...program] = context.netlab;
    const netlab = (form: keyof typeof FORMS, of: File, name = 'netlab'): Contestant =>
      contestant(name, node, [...program, 'read', ...FORMS[form], of.path], of);
    const tshark = (args: readonly string[], name = 'tshark'): Contestant =>
      contestant(name, 'tshark', ['-n', '-r', cut.path, ...args], cut);
    const goals = (against: string, atLeast: number): Section['goals'] => [
      { figure: 'frames a second', contestant: 'netlab', against, atLeast },
      { figure: 'frames a CPU second', contestant: 'netlab', against, atLeast },
      { figure: 'peak memory', contestant: 'netlab', under: MOST_MEMORY },
    ];
    const beside = `tshark reads ${sizeOf(cut)}`;

    yield await contest({
      title: `text, -nS (${sizeOf(file)})`,
      figures: FIGURES,
      contestants: [netlab('text', file), contestant('tcpdump', 'tcpdump', ['-nS', '-r', file.path], file)],
      rounds,
      goals: goals('tcpdump', 4),
      progress,
    });
    // What it takes to start is a sixth of the time that the other file takes.
    const long = context.traffic({ bytes: quick ? 40_000_000 : 1_500_000_000 });
    yield await contest({
      title: `text, -nS, of a longer file (${sizeOf(long)})`,
      figures: FIGURES,
      contestants: [netlab('text', long), contestant('tcpdump', 'tcpdump', ['-nS', '-r', long.path], long)],
      rounds: Math.min(rounds, 3),
      goals: goals('tcpdump', 4),
      progress,
    });
    for (const form of ['fields', 'NDJSON', 'Parquet'] as const)
      yield await contest({
        title: `${form} of ${COLUMNS.length} fields against tshark -T fields (${sizeOf(file)}; ${beside})`,
        figures: FIGURES,
        contestants: [netlab(form, file), tshark(['-T', 'fields', ...EACH_COLUMN])],
        rounds,
        goals: goals('tshark', 20),
        progress,
      });
    // Both goals are told: every field against every field, and against four, where the text of a frame is forty times as long.
    yield await contest({
      title: `NDJSON of every field against tshark -T json, and -T fields with ${COLUMNS.length} (${sizeOf(file)}; ${beside})`,
      figures: FIGURES,
      contestants: [
        netlab('whole NDJSON', file),
        tshark(['-T', 'json'], 'tshark -T json'),
        tshark(['-T', 'fields', ...EACH_COLUMN], 'tshark -T fields'),
      ],
      // tshark -T json takes a quarter of a minute each time.
      rounds: Math.min(rounds, 2),
      warmUp: 0,
      goals: [...goals('tshark -T json', 20), ...goals('tshark -T fields', 20).slice(0, 2)],
      progress,
    });
    yield await contest({
      title: `display filter '${FILTER}' (${sizeOf(file)}; ${beside})`,
      figures: FIGURES,
      contestants: [netlab('filter', file), tshark(['-Y', FILTER])],
      rounds,
      goals: goals('tshark', 20),
      progress,
    });

    const flows = quick ? 20_000 : 1_000_000;
    const crowd = context.traffic({ flows, packets: flows * 3, bytes: Number.POSITIVE_INFINITY });
    const names = Object.keys(FORMS) as (keyof typeof FORMS)[];
    yield await contest({
      title: `${flows.toLocaleString('en-US')} conversations at a time (${sizeOf(crowd)})`,
      figures: FIGURES,
      contestants: names.map((form) => netlab(form, crowd, `netlab ${form}`)),
      rounds: 1,
      warmUp: 0,
      goals: names.map((form) => ({
        figure: 'peak memory',
        contestant: `netlab ${form}`,
        under: MOST_MEMORY,
      })),
      progress,
    });
  },
};
