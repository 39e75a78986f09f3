/** Frames made to cost much: what a decoder reads and writes grows as their length does, and nothing throws. */
import { describe, expect, it } from 'vitest';
import { JsonPrinter } from '../../src/dissect/json.ts';
import { PacketWalker } from '../../src/dissect/packets.ts';
import { TextPrinter } from '../../src/dissect/text-printer.ts';
import { blockOf } from '../../src/savefile/index.ts';
import { HOSTILE } from './hostile.ts';
import { readsOf } from './reads.ts';

/** Pieces of all lengths fill it. */
const SHORT = 2_160;
/** How much twice as much may cost: twice, and what is left of a piece that did not fit. */
const MOST = 2.4;
/** Times that a byte is read, with all fields and checksums, and with the longest text. */
const PER_BYTE = 300;

const ETHERNET = [{ name: '', linkType: 1, snapLength: 0, timestampDigits: 9 }] as const;

/** Reads of bytes, rows or characters that a frame costs. */
interface Cost {
  reads: number;
  made: number;
}

function walk(frame: Uint8Array): Cost {
  const walker = new PacketWalker({ checksums: true });
  const block = blockOf([{ bytes: frame }]);
  const reads = readsOf(block.bytes, (bytes) => {
    block.bytes = bytes;
    walker.walk(block, 0, ETHERNET);
  });
  return { reads, made: walker.fields.count };
}

function print(frame: Uint8Array): Cost {
  let made = 0;
  const printer = new TextPrinter({ verbose: 3, link: true }, (chunk) => {
    made += chunk.length;
  });
  const block = blockOf([{ bytes: frame }]);
  const reads = readsOf(block.bytes, (bytes) => {
    block.bytes = bytes;
    printer.print(block, ETHERNET);
  });
  printer.flush();
  return { reads, made };
}

describe('a frame twice as long costs no more than twice as much', () => {
  for (const [name, make] of Object.entries(HOSTILE))
    it(name, () => {
      const frames = [make(SHORT), make(SHORT * 2)] as const;
      for (const [kind, cost] of [
        ['fields', walk],
        ['text', print],
      ] as const) {
        const [small, large] = frames.map(cost) as [Cost, Cost];
        // A piece more or less at the end is no growth.
        expect(large.reads, `reads of ${kind}`).toBeLessThanOrEqual(small.reads * MOST + 500);
        expect(large.made, `${kind} made`).toBeLessThanOrEqual(small.made * MOST + 500);
        expect(large.reads / frames[1].length, `reads a byte of ${kind}`).toBeLessThan(PER_BYTE);
      }
      const longest = blockOf([{ bytes: make(65_000) }]);
      let made = 0;
      const take = (chunk: Uint8Array): void => {
        made += chunk.length;
      };
      for (const printer of [new JsonPrinter({ checksums: true }, take), new TextPrinter({ verbose: 3 }, take)]) {
        printer.print(longest, ETHERNET);
        printer.flush();
      }
      expect(made).toBeGreaterThan(0);
    });
});
