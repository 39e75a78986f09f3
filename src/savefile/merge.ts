import { FrameBlock, type FrameExtras } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import type { SavefileSource } from './open.ts';

/** Rows of a block that is given. */
const ROWS = 4096;
/** Bytes of a block, as a rule: a longer frame makes it longer. */
const BYTES = 1024 * 1024;

interface Input {
  source: SavefileSource;
  /** Rows of `interfaces` that the source's own begin at; they move in as the source meets them. */
  rows: number[];
  block: FrameBlock | null;
  row: number;
}

/** The frames of several savefiles in one order by time. The order within a file is kept, whatever its times are: of the
 * files' next frames the earliest comes first, the first file's where two are at the same time. Blocks beside the frames
 * (names, secrets) are left out. */
export class MergedSource implements FrameSource {
  readonly interfaces: FrameInterface[] = [];
  readonly #inputs: Input[];
  #out = new FrameBlock(new Uint8Array(BYTES), ROWS);

  constructor(sources: readonly SavefileSource[]) {
    this.#inputs = sources.map((source) => ({ source, rows: [], block: null, row: 0 }));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock> {
    try {
      for (let block = await this.next(); block !== null; block = await this.next()) yield block;
    } finally {
      this.close();
    }
  }

  /** The next frames, at least one, or null at the end. Throws SavefileError where a file is damaged, after the frames
   * before that place; the other files can be read on. */
  async next(): Promise<FrameBlock | null> {
    const out = this.#out;
    out.count = 0;
    out.extras = null;
    let at = 0;
    while (out.count < ROWS) {
      for (const input of this.#inputs)
        if (input.block === null || input.row >= input.block.count) {
          // A block's memory is its source's until the next is asked for, and its rows have been copied.
          if (!(await this.#fill(input, out.count > 0))) return out;
        }
      const input = this.#earliest();
      if (input === null) break;
      const block = input.block!;
      const { row } = input;
      const length = block.capturedLength[row]!;
      if (at + length > out.bytes.length) {
        if (out.count > 0) break;
        out.bytes = new Uint8Array(length);
      }
      input.row++;
      out.bytes.set(block.bytes.subarray(block.offset[row]!, block.offset[row]! + length), at);
      const to = out.count++;
      out.offset[to] = at;
      out.capturedLength[to] = length;
      out.originalLength[to] = block.originalLength[row]!;
      out.seconds[to] = block.seconds[row]!;
      out.nanoseconds[to] = block.nanoseconds[row]!;
      out.interfaceId[to] = input.rows[block.interfaceId[row]!]!;
      out.flags[to] = block.flags[row]!;
      out.keep[to] = 1;
      const extras: FrameExtras | undefined = block.extras?.get(row);
      if (extras !== undefined) {
        out.extras ??= new Map();
        out.extras.set(to, extras);
      }
      at += length;
    }
    return out.count === 0 ? null : out;
  }

  /** Gets the input's next frames. False: that failed, and there are frames to give before it is told. */
  async #fill(input: Input, hasFrames: boolean): Promise<boolean> {
    if (input.block === null && input.row < 0) return true;
    try {
      do {
        const step = input.source.next();
        input.block = step instanceof Promise ? await step : step;
        input.row = 0;
      } while (input.block !== null && input.block.count === 0);
      if (input.block === null) input.row = -1;
      for (let row = input.rows.length; row < input.source.interfaces.length; row++)
        input.rows.push(this.interfaces.push(input.source.interfaces[row]!) - 1);
      return true;
    } catch (error) {
      input.block = null;
      if (hasFrames) {
        // Asked again, the source says again what is wrong with it.
        input.row = 0;
        return false;
      }
      input.row = -1;
      throw error;
    }
  }

  #earliest(): Input | null {
    let first: Input | null = null;
    let seconds = 0;
    let nanoseconds = 0;
    for (const input of this.#inputs) {
      if (input.block === null) continue;
      const s = input.block.seconds[input.row]!;
      const n = input.block.nanoseconds[input.row]!;
      if (first !== null && (s > seconds || (s === seconds && n >= nanoseconds))) continue;
      first = input;
      seconds = s;
      nanoseconds = n;
    }
    return first;
  }

  close(): void {
    for (const { source } of this.#inputs) source.close();
  }
}
