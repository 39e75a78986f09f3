import type { Fields } from '../../../src/dissect/fields.ts';
import { JsonPrinter } from '../../../src/dissect/json.ts';
import { protocols } from '../../../src/dissect/protocols.ts';
import { TextPrinter } from '../../../src/dissect/text-printer.ts';
import { FrameBlock } from '../../../src/frames/block.ts';
import type { FrameInterface } from '../../../src/frames/source.ts';
import type { Mutant } from './mutant.ts';

/** How many packets reached each protocol: layers of a walk, and calls of its printer. */
export class Coverage {
  readonly walked = new Map<string, number>();
  readonly printed = new Map<string, number>();

  /** Counts calls of all printers from now on. */
  watch(): void {
    for (const protocol of new Set(protocols)) {
      const { name, print } = protocol;
      if (print === undefined) continue;
      this.printed.set(name, 0);
      (protocol as { print: typeof print }).print = (...args) => {
        this.printed.set(name, this.printed.get(name)! + 1);
        print(...args);
      };
    }
    for (const { name, walk } of protocols) if (walk !== undefined) this.walked.set(name, 0);
  }

  walk(f: Fields): void {
    for (let layer = 0; layer < f.layers; layer++) {
      const { name } = f.layerProtocol[layer]!;
      this.walked.set(name, (this.walked.get(name) ?? 0) + 1);
    }
  }
}

/** Times that clocks do not show and files may have: pcapng's have 64 bits. */
const TIMES = [0, 2 ** 32, 8.7e12, 2 ** 53 - 1, 2 ** 63];

/** Bytes between two frames of `spaced`. */
const SPACE = 40;

/** The frames with bytes between them that belong to none. */
export function spaced(mutants: readonly Mutant[], links: readonly number[], fill: number): FrameBlock {
  const length = mutants.reduce((sum, { bytes }) => sum + bytes.length + SPACE, SPACE);
  const block = new FrameBlock(new Uint8Array(length).fill(fill), mutants.length);
  let at = SPACE;
  for (const [row, { bytes, originalLength, linkType }] of mutants.entries()) {
    block.bytes.set(bytes, at);
    block.offset[row] = at;
    block.capturedLength[row] = bytes.length;
    block.originalLength[row] = originalLength;
    block.interfaceId[row] = links.indexOf(linkType);
    block.seconds[row] = row % 50 === 49 ? TIMES[((row / 50) % TIMES.length) | 0]! : 1_700_000_000;
    block.nanoseconds[row] = row * 1000;
    block.keep[row] = 1;
    at += bytes.length + SPACE;
  }
  block.count = mutants.length;
  return block;
}

/** What differs in text or JSON where the bytes around the frames differ: something was read that is not the frame's. ''
 * where nothing does. */
export function readsBeyond(mutants: readonly Mutant[], interfaces: readonly FrameInterface[]): string {
  const links = interfaces.map(({ linkType }) => linkType);
  const [first, second] = [0, 0x41].map((fill) => {
    const block = spaced(mutants, links, fill);
    const chunks: Buffer[] = [];
    const take = (chunk: Uint8Array): void => {
      chunks.push(Buffer.from(chunk));
    };
    for (const printer of [
      new TextPrinter({ verbose: 3, link: true }, take),
      new JsonPrinter({ checksums: true }, take),
    ]) {
      printer.print(block, interfaces);
      printer.flush();
    }
    return Buffer.concat(chunks).toString('latin1');
  }) as [string, string];
  if (first === second) return '';
  const lines = second.split('\n');
  const at = first.split('\n').findIndex((line, i) => line !== lines[i]);
  const [one, other] = [first.split('\n')[at] ?? '', lines[at] ?? ''];
  let same = 0;
  while (one[same] === other[same] && same < one.length) same++;
  return `reads beyond the frame: ...${one.slice(Math.max(0, same - 60), same + 40)} | ...${other.slice(Math.max(0, same - 5), same + 40)}`;
}
