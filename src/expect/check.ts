import { PacketWalker } from '../dissect/packets.ts';
import '../dissect/protocols.ts';
import { printFrame } from '../dissect/text-printer.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { Recorded } from './capture-of.ts';
import { Evaluation, type Seen, type Verdict } from './evaluate.ts';
import type { Expectation } from './parse.ts';

export interface Checked {
  /** Name of the capture. */
  name: string;
  frames: number;
  verdicts: Verdict[];
  /** By number: the frames that the verdicts name, as tcpdump prints them. */
  lines: Map<number, string>;
  isMet: boolean;
}

/** Asks what is expected of a capture. */
export async function check(capture: Recorded, expectations: readonly Expectation[]): Promise<Checked> {
  const evaluation = new Evaluation(expectations);
  const walker = new PacketWalker({ wanted: evaluation.wanted });
  await capture.each((block, interfaces) => {
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      walker.walk(block, row, interfaces);
      evaluation.frame(walker.fields, walker.facts satisfies Seen);
    }
  });
  const verdicts = evaluation.verdicts();
  const numbers = new Set(verdicts.flatMap(({ frames }) => frames.map(({ number }) => number)));
  return {
    name: capture.name,
    frames: walker.facts.number,
    verdicts,
    lines: await lines(capture, numbers),
    isMet: verdicts.every(({ isMet }) => isMet),
  };
}

/** The frames of these numbers as text, in a pass of their own: which they are is known at the end only. */
export async function lines(capture: Recorded, numbers: ReadonlySet<number>): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  if (numbers.size === 0) return found;
  let number = 0;
  await capture.each((block, interfaces) => {
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0 || !numbers.has(++number)) continue;
      const at = block.offset[row]!;
      const bytes = block.bytes.subarray(at, at + block.capturedLength[row]!);
      found.set(number, lineOf(bytes, interfaces[block.interfaceId[row]!], block.originalLength[row]!));
    }
  });
  return found;
}

/** One frame as tcpdump -n -t prints it. */
export const lineOf = (bytes: Uint8Array, from: FrameInterface | undefined, originalLength: number): string =>
  printFrame(bytes, from?.linkType ?? -1, { timestamp: 1, originalLength })
    .trim()
    .split('\n')[0]!;
