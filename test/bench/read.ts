/** Reading a large savefile: with a filter to /dev/null, and as text. */
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Section } from './support/contest.ts';
import { cpu, measure, whyMissing } from './support/measure.ts';

/** Filters from a cheap one that few frames pass to one that looks at much and passes about half. */
const FILTERS = ['tcp port 443', 'udp and net 10.32.0.0/11', 'ip6 or (vlan and tcp[tcpflags] & tcp-syn != 0)'];

export const bench: Bench = {
  about: 'read: a savefile of 500 MB and more, filtered to /dev/null and as text, against tcpdump',
  async *run(context: Context): AsyncGenerator<Section> {
    const file = context.traffic({ bytes: context.quick ? 50_000_000 : 1_500_000_000 });
    const size = `${file.packets.toLocaleString('en-US')} frames, ${Math.round(file.bytes / 1e6)} MB`;
    const contestant = (name: string, command: string, args: readonly string[], frames: number): Contestant => ({
      name,
      missing: name === 'netlab' ? null : whyMissing(command),
      async round() {
        const usage = await measure(command, args, { stdout: '/dev/null' });
        return {
          'frames a second': frames / usage.wall,
          'frames a CPU second': frames / cpu(usage),
          'wall time': usage.wall,
          CPU: cpu(usage),
          'peak memory': usage.peak,
        };
      },
    });
    const figures: Section['figures'] = [
      { name: 'frames a second', unit: 'rate' },
      { name: 'frames a CPU second', unit: 'rate' },
      { name: 'wall time', unit: 'seconds' },
      { name: 'CPU', unit: 'seconds' },
      { name: 'peak memory', unit: 'bytes' },
    ];
    const goal = (atLeast: number): Section['goals'] => [
      { figure: 'frames a second', contestant: 'netlab', against: 'tcpdump', atLeast },
      { figure: 'frames a CPU second', contestant: 'netlab', against: 'tcpdump', atLeast },
    ];
    const [node, ...program] = context.netlab;
    for (const filter of FILTERS)
      yield await contest({
        title: `read to /dev/null with '${filter}' (${size})`,
        figures,
        contestants: [
          contestant('netlab', node, [...program, 'read', file.path, '-w', '/dev/null', filter], file.packets),
          contestant('tcpdump', 'tcpdump', ['-r', file.path, '-w', '/dev/null', filter], file.packets),
        ],
        rounds: context.rounds,
        goals: goal(2),
        progress: context.progress,
      });
    // As text tcpdump takes four seconds for a million frames; a third of the file is enough.
    const text = context.traffic({ bytes: context.quick ? 10_000_000 : 500_000_000 });
    yield await contest({
      title: `read to text, -nS (${text.packets.toLocaleString('en-US')} frames, ${Math.round(text.bytes / 1e6)} MB)`,
      figures,
      contestants: [
        contestant('netlab', node, [...program, 'read', '-nS', text.path], text.packets),
        contestant('tcpdump', 'tcpdump', ['-nS', '-r', text.path], text.packets),
      ],
      rounds: context.rounds,
      goals: goal(3),
      progress: context.progress,
    });
  },
};
