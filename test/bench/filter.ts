/** Filters: a large savefile filtered into another against tcpdump, and what a packet costs in the interpreter and in the
 * compiled function. */
import { compile } from '../../src/filter/compile.ts';
import { interpret, jit, type PacketFilter } from '../../src/filter/jit.ts';
import type { FrameBlock } from '../../src/frames/block.ts';
import { openSavefile } from '../../src/savefile/index.ts';
import { LINKTYPE_ETHERNET } from '../../src/wire/linktype.ts';
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Section } from './support/contest.ts';
import { cpu, measure, whyMissing } from './support/measure.ts';

/** From simple to long. */
export const EXPRESSIONS = [
  'icmp',
  'udp port 53',
  'tcp port 443 and net 10.0.0.0/11',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and not port 22',
  '(host 10.0.0.1 or net 10.32.0.0/12 or net 172.16.0.0/12 or portrange 1000-2000 or port 53 or icmp6) and not (udp port 123 or tcp port 22 or tcp port 443) and greater 80 and ip[8] > 1',
];

export const bench: Bench = {
  about: 'filter: a savefile of 1.5 GB into another by five expressions, against tcpdump; nanoseconds a packet',
  async *run(context: Context): AsyncGenerator<Section> {
    const file = context.traffic({ bytes: context.quick ? 50_000_000 : 1_500_000_000 });
    const size = `${file.packets.toLocaleString('en-US')} frames, ${Math.round(file.bytes / 1e6)} MB`;
    const [node, ...program] = context.netlab;
    const contestant = (name: string, command: string, args: readonly string[]): Contestant => ({
      name,
      missing: name === 'netlab' ? null : whyMissing(command),
      async round() {
        const usage = await measure(command, args, { stdout: '/dev/null' });
        return {
          'frames a second': file.packets / usage.wall,
          'frames a CPU second': file.packets / cpu(usage),
          'wall time': usage.wall,
          CPU: cpu(usage),
          'peak memory': usage.peak,
        };
      },
    });
    for (const expression of EXPRESSIONS)
      yield await contest({
        title: `filter into a file with '${expression}' (${size})`,
        figures: [
          { name: 'frames a second', unit: 'rate' },
          { name: 'frames a CPU second', unit: 'rate' },
          { name: 'wall time', unit: 'seconds' },
          { name: 'CPU', unit: 'seconds' },
          { name: 'peak memory', unit: 'bytes' },
        ],
        contestants: [
          contestant('netlab', node, [...program, 'read', file.path, '-w', context.path('netlab.pcap'), expression]),
          contestant('tcpdump', 'tcpdump', ['-r', file.path, '-w', context.path('tcpdump.pcap'), expression]),
        ],
        rounds: context.rounds,
        goals: [
          { figure: 'frames a second', contestant: 'netlab', against: 'tcpdump', atLeast: 3 },
          { figure: 'frames a CPU second', contestant: 'netlab', against: 'tcpdump', atLeast: 3 },
        ],
        progress: context.progress,
      });

    const block = await firstBlock(file.path);
    for (const expression of EXPRESSIONS) {
      const code = compile(expression, { linkType: LINKTYPE_ETHERNET, savefile: true });
      yield await contest({
        title: `a packet in '${expression}' (${code.length} instructions, ${block.count} frames again and again)`,
        figures: [
          { name: 'in a block', unit: 'seconds' },
          { name: 'by a call each', unit: 'seconds' },
        ],
        contestants: [
          perPacket('interpreter', interpret(code, { semantics: 'libpcap' }), block, context.quick ? 5 : 40),
          perPacket('compiled', jit(code, { semantics: 'libpcap' }), block, context.quick ? 20 : 200),
        ],
        rounds: context.rounds,
        progress: context.progress,
      });
    }
  },
};

/** One block of the file, with memory that stays: small enough for the processor's cache, so that the filter is measured
 * and not the memory. */
async function firstBlock(path: string): Promise<FrameBlock> {
  for await (const block of await openSavefile(path, { chunkSize: 1 << 20 })) return block;
  throw new Error(`${path} is empty`);
}

function perPacket(name: string, filter: PacketFilter, block: FrameBlock, times: number): Contestant {
  return {
    name,
    async round() {
      const { bytes, offset, capturedLength, originalLength, keep, count } = block;
      let began = process.hrtime.bigint();
      for (let time = 0; time < times; time++) {
        keep.fill(1, 0, count);
        filter.filterBlock(block);
      }
      const inBlock = Number(process.hrtime.bigint() - began) / (times * count) / 1e9;
      const { run } = filter;
      let accepted = 0;
      began = process.hrtime.bigint();
      for (let time = 0; time < times; time++)
        for (let row = 0; row < count; row++)
          if (run(bytes, offset[row]!, capturedLength[row]!, originalLength[row]!) !== 0) accepted++;
      const byCall = Number(process.hrtime.bigint() - began) / (times * count) / 1e9;
      const kept = keep.subarray(0, count).reduce((sum, one) => sum + one, 0);
      if (accepted !== kept * times) throw new Error(`${name}: the two ways differ: ${accepted}, ${kept * times}`);
      return { 'in a block': inBlock, 'by a call each': byCall };
    },
  };
}
