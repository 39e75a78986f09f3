import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { type CreateSavefileOptions, createSavefile, type SavefileWriter } from './create.ts';
import { SavefileError } from './error.ts';

/** Names the piece that a row goes to. */
export interface Splitter {
  /** The piece's number, from 0 on. */
  piece(block: FrameBlock, row: number, interfaces: readonly FrameInterface[]): number;
  /** True: pieces come one after the other, so that one is complete when the next begins. */
  readonly inOrder: boolean;
}

export interface SplitOptions {
  /** Name of the whole: `a.pcapng` gives `a-00001.pcapng`, `a-00002.pcapng`, … */
  path: string;
  splitter: Splitter;
  savefile?: Omit<CreateSavefileOptions, 'name' | 'records'>;
}

/** Files that are open at a time at most, where pieces do not come one after the other. */
const MOST_OPEN = 4000;
/** Bytes of each one's buffer then. */
const BUFFER = 16 * 1024;
const DIGITS = 5;

/** `a.pcapng.gz` and 0 give `a-00001.pcapng.gz`. */
export function pieceName(path: string, piece: number): string {
  const slash = path.lastIndexOf('/') + 1;
  const name = path.slice(slash);
  const match = /(\.(?:pcap|pcapng|cap|dmp))?(\.(?:gz|zst))?$/i.exec(name)!;
  const stem = name.slice(0, name.length - match[0].length);
  return `${path.slice(0, slash)}${stem}-${String(piece + 1).padStart(DIGITS, '0')}${match[0]}`;
}

/** Writes each row to the file of its piece. A file is made when its first frame comes. */
export class SplitSink implements FrameSink {
  readonly #options: SplitOptions;
  readonly #open = new Map<number, SavefileWriter>();
  /** Files made so far, in the order of their making. */
  readonly files: string[] = [];

  constructor(options: SplitOptions) {
    this.#options = options;
  }

  async write(block: FrameBlock, interfaces: readonly FrameInterface[]): Promise<void> {
    const { splitter } = this.#options;
    const rows = new Map<number, number[]>();
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      const piece = splitter.piece(block, row, interfaces);
      const of = rows.get(piece);
      if (of === undefined) rows.set(piece, [row]);
      else of.push(row);
    }
    const kept = block.keep.slice(0, block.count);
    try {
      for (const [piece, of] of rows) {
        const writer = await this.#writer(piece);
        block.keep.fill(0, 0, block.count);
        for (const row of of) block.keep[row] = 1;
        await writer.write(block, interfaces);
      }
    } finally {
      block.keep.set(kept);
    }
  }

  async #writer(piece: number): Promise<SavefileWriter> {
    const known = this.#open.get(piece);
    if (known !== undefined) return known;
    const { path, splitter, savefile } = this.#options;
    if (splitter.inOrder) await this.#closeAll();
    else if (this.#open.size >= MOST_OPEN) {
      const what = `more than ${MOST_OPEN} pieces at a time cannot be written: select frames with a filter first`;
      throw new SavefileError(path, { code: 'SAVEFILE_WRITE', what });
    }
    const name = pieceName(path, piece);
    const writer = createSavefile(name, { ...savefile, ...(splitter.inOrder ? {} : { bufferSize: BUFFER }) });
    this.files.push(name);
    this.#open.set(piece, writer);
    return writer;
  }

  async #closeAll(): Promise<void> {
    const writers = [...this.#open.values()];
    this.#open.clear();
    for (const writer of writers) await writer.close();
  }

  async flush(): Promise<void> {
    for (const writer of this.#open.values()) await writer.flush();
  }

  close(): Promise<void> {
    return this.#closeAll();
  }
}

/** So many frames a file. */
export function byFrames(frames: number): Splitter {
  let seen = 0;
  return { inOrder: true, piece: () => Math.floor(seen++ / frames) };
}

/** So many bytes of captured frames a file; a frame is not divided. */
export function byBytes(bytes: number): Splitter {
  let piece = 0;
  let sum = 0;
  return {
    inOrder: true,
    piece(block, row) {
      const length = block.capturedLength[row]!;
      if (sum > 0 && sum + length > bytes) {
        piece++;
        sum = 0;
      }
      sum += length;
      return piece;
    },
  };
}

/** So many seconds a file, counted from the first frame. Intervals without frames have no file. A frame that is earlier
 * than one before it stays in that one's file. */
export function bySeconds(seconds: number): Splitter {
  let start: number | null = null;
  let startNanoseconds = 0;
  let interval = 0;
  let piece = 0;
  return {
    inOrder: true,
    piece(block, row) {
      const s = block.seconds[row]!;
      const ns = block.nanoseconds[row]!;
      if (start === null) {
        start = s;
        startNanoseconds = ns;
      }
      const now = Math.floor((s - start + (ns - startNanoseconds) / 1e9) / seconds);
      if (now > interval) {
        interval = now;
        piece++;
      }
      return piece;
    },
  };
}
