import { describe, expect, it } from 'vitest';
import { type PositionalRead, ReadAhead } from '../../src/savefile/read-ahead.ts';

const LEAD = 3;
const SIZE = 10;

/** A file whose byte at a position is that position, and reads of it that end when the test says. */
class SlowFile {
  length: number;
  readonly waiting: { position: number; end: (error?: Error) => void }[] = [];

  constructor(length: number) {
    this.length = length;
  }

  readonly read: PositionalRead = (buffer, at, length, position) =>
    new Promise((resolve, reject) => {
      const end = (error?: Error): void => {
        if (error !== undefined) reject(error);
        const there = Math.max(0, Math.min(length, this.length - position));
        for (let i = 0; i < there; i++) buffer[at + i] = position + i;
        resolve(there);
      };
      this.waiting.push({ position, end });
    });

  /** Lets a read end, by its place among those that wait. */
  end(place: number, error?: Error): void {
    this.waiting.splice(place, 1)[0]!.end(error);
  }

  /** Ends reads as they are asked for, the youngest first, until `promise` is settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    promise.then(done, done);
    for (let turn = 0; turn < 1000 && !settled; turn++) {
      if (this.waiting.length > 0) this.end(this.waiting.length - 1);
      await Promise.resolve();
    }
    return promise;
  }
}

/** All pieces, one after the other. */
async function content(file: SlowFile, ahead: ReadAhead): Promise<number[]> {
  const all: number[] = [];
  for (;;) {
    const { bytes, view, length } = await file.until(ahead.next());
    if (length === 0) return all;
    all.push(...bytes.subarray(LEAD, LEAD + length));
    ahead.recycle(bytes, view);
  }
}

const upTo = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('reading ahead', () => {
  it.each([0, 1, 9, 10, 11, 20, 25, 40, 99])('gives %d bytes in order, however the reads end', async (length) => {
    for (const atOnce of [1, 2, 3, 5]) {
      const file = new SlowFile(length);
      expect(await content(file, new ReadAhead(file.read, 0, LEAD, SIZE, atOnce))).toEqual(upTo(0, length));
    }
  });

  it('begins where it is told to, and has as many reads under way as it was told', () => {
    const file = new SlowFile(100);
    new ReadAhead(file.read, 7, LEAD, SIZE, 3);
    expect(file.waiting.map(({ position }) => position)).toEqual([7, 17, 27]);
  });

  it('a file that grows while it is read: no gap behind a short piece', async () => {
    const file = new SlowFile(15);
    const ahead = new ReadAhead(file.read, 0, LEAD, SIZE, 3);
    const first = ahead.next();
    file.end(0);
    expect((await first).length).toBe(10);
    // The piece at 10 ends with 5 bytes; then somebody writes, and those at 20 and 30 are full.
    const second = ahead.next();
    file.end(0);
    file.length = 60;
    const { bytes, length } = await file.until(second);
    expect([...bytes.subarray(LEAD, LEAD + length)]).toEqual(upTo(10, 15));
    expect(await content(file, ahead)).toEqual(upTo(15, 60));
  });

  it('a failed read is told to who asks for its piece, in its turn', async () => {
    const file = new SlowFile(100);
    const ahead = new ReadAhead(file.read, 0, LEAD, SIZE, 2);
    file.end(1, new Error('the disk is gone'));
    const first = ahead.next();
    file.end(0);
    expect((await first).length).toBe(10);
    await expect(ahead.next()).rejects.toThrow('the disk is gone');
  });

  it('memory that is given back is used again; other memory is not', async () => {
    const file = new SlowFile(1000);
    const ahead = new ReadAhead(file.read, 0, LEAD, SIZE, 2);
    const seen = new Set<Uint8Array>();
    for (let piece = 0; piece < 20; piece++) {
      const { bytes, view } = await file.until(ahead.next());
      seen.add(bytes);
      ahead.recycle(bytes, view);
      const other = new Uint8Array(5);
      ahead.recycle(other, new DataView(other.buffer));
    }
    expect(seen.size).toBe(2);
  });
});
