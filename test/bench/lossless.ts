/** Whether `capture -w` keeps its promise at full speed: every frame in the file, in order, with times that do not go back;
 * tcpdump and capinfos (Wireshark's reader) read it; received = captured + dropped, also where drops are forced by a tiny ring. */
import { rmSync } from 'node:fs';
import { vethPair } from '../support/veth.ts';
import type { Bench, Context } from './support/bench.ts';
import { type Contestant, contest, type Section } from './support/contest.ts';
import { captureUnderLoad, checkNumbers, counts } from './support/flooding.ts';
import { measure, whyMissing } from './support/measure.ts';

const SIZE = 60;
const CONTESTANTS = ['pcapng', 'pcap', 'pcapng, a ring of 128 KiB'];
/** Figures that are 0 in every run, whatever was dropped. */
const NOUGHTS = ['out of order', 'times going back', 'received - captured - dropped', 'captured - in the file'];

export const bench: Bench = {
  about: 'capture -w at full speed: no frame lost, order, times, true counts; drops forced by a tiny ring',
  async *run(context: Context): AsyncGenerator<Section> {
    const frames = context.quick ? 300_000 : 3_000_000;
    const pair = vethPair();
    const round = (suffix: string, ...options: string[]): Contestant['round'] => {
      return async () => {
        const file = context.path(`lossless${suffix}`);
        const command = [...context.netlab, 'capture', pair.b, '-w', file, ...options];
        const result = await captureUnderLoad(command, context.flood, pair.a, { frames, size: SIZE, rate: null });
        const told = counts(result.capture.stderr);
        const found = checkNumbers(file, SIZE);
        const readers = await readBack(file);
        rmSync(file);
        return {
          offered: result.sent / result.seconds,
          sent: result.sent,
          'in the file': found.frames,
          'out of order': found.outOfOrder,
          'times going back': found.backwards,
          dropped: told.dropped,
          'received - captured - dropped': told.received - told.captured - told.dropped - told.left,
          'captured - in the file': told.captured - found.frames,
          ...readers,
        };
      };
    };
    const figures: Section['figures'] = [
      { name: 'offered', unit: 'rate' },
      { name: 'sent', unit: 'count' },
      { name: 'in the file', unit: 'count' },
      { name: 'out of order', unit: 'count' },
      { name: 'times going back', unit: 'count' },
      { name: 'dropped', unit: 'count' },
      { name: 'received - captured - dropped', unit: 'count' },
      { name: 'captured - in the file', unit: 'count' },
      { name: 'read by tcpdump', unit: 'count' },
      { name: 'read by capinfos', unit: 'count' },
    ];
    try {
      yield await contest({
        title: `capture at full speed, ${frames.toLocaleString('en-US')} frames of ${SIZE} bytes`,
        figures,
        contestants: [
          { name: CONTESTANTS[0]!, round: round('.pcapng') },
          { name: CONTESTANTS[1]!, round: round('.pcap') },
          { name: CONTESTANTS[2]!, round: round('-tiny.pcapng', '-B', '128') },
        ],
        rounds: context.rounds,
        warmUp: 0,
        goals: [
          ...['pcapng', 'pcap'].map((contestant) => ({ figure: 'in the file', contestant, always: frames })),
          ...CONTESTANTS.flatMap((contestant) => NOUGHTS.map((figure) => ({ figure, contestant, always: 0 }))),
        ],
        progress: context.progress,
      });
    } finally {
      pair.remove();
    }
  },
};

/** How many frames the other readers find in the file. */
async function readBack(file: string): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  if (whyMissing('tcpdump') === null) {
    const usage = await measure('tcpdump', ['-r', file, '-nn', '--count', 'udp dst port 9']);
    found['read by tcpdump'] = Number(/^(\d+) packets?$/m.exec(usage.stdout)?.[1]);
  }
  if (whyMissing('capinfos') === null) {
    const usage = await measure('capinfos', ['-c', '-M', '-T', '-r', file]);
    found['read by capinfos'] = Number(usage.stdout.trim().split('\t').pop());
  }
  return found;
}
