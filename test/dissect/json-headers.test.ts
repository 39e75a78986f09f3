import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JsonPrinter } from '../../src/dissect/json.ts';
import type { FrameBlock } from '../../src/frames/block.ts';
import { blockOf, readSavefile, SavefileError } from '../../src/savefile/index.ts';
import { mutate, random } from './mutate.ts';
import type { Frame } from './oracle.ts';

const SHARED = '../shared/captures';
const SEED = 20261120;
/** Frames of a capture that are looked at. */
const MOST = 100;

function capturesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(pcap|pcapng|cap)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
const files = [...capturesIn('fixtures'), ...(existsSync(SHARED) ? capturesIn(SHARED) : [])];

/** The lines of the frames; `compact` false: written field by field. */
function linesOf(block: FrameBlock, linkType: number, options: { compact: boolean; raw?: boolean }): string[] {
  let text = '';
  const printer = new JsonPrinter(options, (chunk) => {
    text += Buffer.from(chunk).toString('utf8');
  });
  block.keep.fill(1);
  printer.print(block, [{ name: '', linkType, snapLength: 0, timestampDigits: 9 }]);
  printer.flush();
  return text.trimEnd().split('\n');
}

describe('JSON of common headers, written from their bytes', () => {
  it('is what their fields give one by one', { timeout: 120_000 }, () => {
    const next = random(SEED);
    let compared = 0;
    for (const path of files) {
      let saved: ReturnType<typeof readSavefile>;
      try {
        saved = readSavefile(path);
      } catch (error) {
        // Among the shared captures are some that are none.
        if (error instanceof SavefileError) continue;
        throw error;
      }
      const linkType = saved.interfaces[0]?.linkType;
      if (linkType === undefined || saved.frames.length === 0) continue;
      const frames = saved.frames.slice(0, MOST).map((frame) => ({ ...frame, interfaceId: 0 }));
      // Times that go back, and times before 1970, have signs.
      const moved = mutate(frames as unknown as Frame[], next, 40).map((frame, i) => ({
        ...frame,
        interfaceId: 0,
        seconds: i % 7 === 0 ? -1 - (i % 3) : Math.floor(next() * 4e9),
        nanoseconds: Math.floor(next() * 1e9),
        flags: i % 5 === 0 ? 1 : 0,
      }));
      for (const set of [frames, moved]) {
        const block = blockOf(set);
        for (const raw of set === moved ? [false, true] : [false]) {
          const plain = linesOf(block, linkType, { compact: false, raw });
          const compact = linesOf(block, linkType, { compact: true, raw });
          compared += plain.length;
          if (plain.join('\n') !== compact.join('\n')) {
            const row = plain.findIndex((line, i) => line !== compact[i]);
            const [one, other] = [plain[row]!, compact[row]!];
            let at = 0;
            while (one[at] === other[at]) at++;
            // Around the difference: lines may be long.
            const piece = (line: string): string => line.slice(Math.max(at - 60, 0), at + 60);
            expect(piece(other), `${path}, row ${row}, seed ${SEED}`).toBe(piece(one));
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(existsSync(SHARED) ? 10_000 : 2000);
  });

  it('is the same for more values than are kept as text', () => {
    // Every value of the bits that make a phrase: type of service, flags and offset, time to live, TCP's flags.
    const frames = Array.from({ length: 12_000 }, (_, i) => {
      const bytes = new Uint8Array(54);
      bytes[12] = 8;
      bytes.set([0x45, i & 255, 0, 40, i >>> 8, i & 255, (i >>> 3) & 0x40, 0, i & 255, 6, i >>> 8, i, 10, 0, 0, 1], 14);
      bytes.set([10, 0, 0, 2, 0, i, 1, 187, i, 2, 3, 4, i >>> 8, 6, 7, 8, 0x50 | (i >>> 8), i], 30);
      bytes[22] = i >>> 5;
      return { bytes, seconds: i, nanoseconds: i * 1000 };
    });
    const block = blockOf(frames);
    expect(linesOf(block, 1, { compact: true })).toEqual(linesOf(block, 1, { compact: false }));
  });
});
