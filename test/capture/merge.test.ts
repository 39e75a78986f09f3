import { describe, expect, it } from 'vitest';
import { BlockMerger, copyBatch } from '../../src/capture/merge.ts';
import { FrameBlock } from '../../src/frames/block.ts';

/** A block of one-byte frames: each frame's byte is `mark`, its time in nanoseconds as given, with a gap before each. */
function block(mark: number, ...times: number[]): FrameBlock {
  const made = new FrameBlock(new Uint8Array(times.length * 4 + 8).fill(0xee), times.length);
  times.forEach((time, row) => {
    made.offset[row] = 8 + row * 4;
    made.bytes[8 + row * 4] = mark;
    made.capturedLength[row] = 1;
    made.originalLength[row] = 60 + row;
    made.seconds[row] = Math.floor(time / 1e9);
    made.nanoseconds[row] = time % 1e9;
    made.interfaceId[row] = mark;
    made.flags[row] = mark;
    made.keep[row] = 1;
  });
  made.count = times.length;
  return made;
}

const shown = (given: FrameBlock | null): string =>
  given === null
    ? ''
    : Array.from({ length: given.count }, (_, row) => {
        expect(given.bytes[given.offset[row]!]).toBe(given.interfaceId[row]);
        expect(given.keep[row]).toBe(1);
        return `${given.interfaceId[row]}@${given.seconds[row]! * 1e9 + given.nanoseconds[row]!}`;
      }).join(' ');

describe('BlockMerger', () => {
  it('holds a row until every ring has given one as late', () => {
    const merger = new BlockMerger(2, 100);
    merger.add(0, copyBatch(block(0, 10, 20, 30)), 0);
    expect(merger.take(0, false)).toBeNull();
    merger.add(1, copyBatch(block(1, 15, 25)), 1);
    expect(shown(merger.take(1, false))).toBe('0@10 1@15 0@20 1@25');
    expect(shown(merger.take(1, false))).toBe('');
    expect(shown(merger.take(1, true))).toBe('0@30');
    expect(merger.waiting).toBe(0);
  });

  it('lets rows go when they have waited longer than a ring keeps a block', () => {
    const merger = new BlockMerger(2, 100);
    merger.add(0, copyBatch(block(0, 10, 2_000_000_020)), 50);
    expect(merger.untilDue(60)).toBe(90);
    expect(merger.take(149, false)).toBeNull();
    expect(shown(merger.take(150, false))).toBe('0@10 0@2000000020');
    expect(merger.untilDue(150)).toBeNull();
  });

  it('keeps the order of a ring whose times step back', () => {
    const merger = new BlockMerger(2, 100);
    merger.add(0, copyBatch(block(0, 50, 40, 60)), 0);
    merger.add(1, copyBatch(block(1, 45, 70)), 0);
    expect(shown(merger.take(0, true))).toBe('1@45 0@50 0@40 0@60 1@70');
  });

  it('gives equal times in the order of the rings, and a late row at the next chance', () => {
    const merger = new BlockMerger(2, 100);
    merger.add(0, copyBatch(block(0, 10)), 0);
    merger.add(1, copyBatch(block(1, 10, 30)), 0);
    expect(shown(merger.take(0, false))).toBe('0@10 1@10');
    merger.add(0, copyBatch(block(0, 5, 40)), 1);
    expect(shown(merger.take(1, false))).toBe('0@5 1@30');
  });

  it('gives back each batch when its last row is gone', () => {
    const merger = new BlockMerger(1, 100);
    const batches = [copyBatch(block(7, 1, 2)), copyBatch(block(7, 3))];
    for (const batch of batches) merger.add(0, batch, 0);
    const back: unknown[] = [];
    merger.take(0, true, (ring, batch) => back.push([ring, batch]));
    expect(back).toEqual(batches.map((batch) => [0, batch]));
  });

  it('copies only kept rows, and nothing of a block without any', () => {
    const some = block(3, 1, 2, 3);
    some.keep[1] = 0;
    expect(Array.from(copyBatch(some).nanoseconds)).toEqual([1, 3]);
    some.keep.fill(0);
    expect(copyBatch(some)).toMatchObject({ count: 0, bytes: new Uint8Array(0) });
  });

  it('neither loses nor reorders a frame of many, whatever the interleaving', () => {
    let seed = 20_261_120;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const rings = 4;
    const merger = new BlockMerger(rings, 10);
    const sent: number[][] = Array.from({ length: rings }, () => []);
    const got: number[][] = Array.from({ length: rings }, () => []);
    const clocks = new Array<number>(rings).fill(0);
    const collect = (given: FrameBlock | null): void => {
      for (let row = 0; given !== null && row < given.count; row++)
        got[given.interfaceId[row]!]!.push(given.nanoseconds[row]!);
    };
    for (let now = 0; now < 400; now++) {
      const ring = random(rings);
      const times = Array.from({ length: random(20) }, () => (clocks[ring]! += 1 + random(1000)));
      sent[ring]!.push(...times);
      if (times.length > 0) merger.add(ring, copyBatch(block(ring, ...times)), now);
      collect(merger.take(now, false));
    }
    collect(merger.take(400, true));
    expect(got, 'seed 20261120').toEqual(sent);
  });
});
