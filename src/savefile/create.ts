import type { Writable } from 'node:stream';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { OutputBuffer } from './buffer.ts';
import type { RecordEncoder } from './encoder.ts';
import { SavefileError } from './error.ts';
import type { SavefileRecord } from './metadata.ts';
import { type ByteOutput, type OutputCompression, openOutput } from './output.ts';
import { PcapEncoder } from './pcap-write.ts';
import { PcapngEncoder, type SectionText } from './pcapng-write.ts';
import { Turns } from './turns.ts';

/** One write(2) takes so much. */
const BUFFER = 1024 * 1024;
const NO_RECORDS: readonly SavefileRecord[] = [];

export interface CreateSavefileOptions {
  /** By default by the name's suffix: `.pcap`, `.cap` and `.dmp` (before `.gz` or `.zst`) are pcap, `.pcapng` and `.ntar`
   * are pcapng, and anything else is what `otherwise` says. */
  format?: 'pcap' | 'pcapng';
  /** The format where the name does not tell it (`-`, `/dev/null`). Default: pcapng. */
  otherwise?: 'pcap' | 'pcapng';
  /** By default by the name's suffix. */
  compression?: OutputCompression;
  /** Effort of the compression, 1 to 9 (gzip; 1 by default, since a capture must keep up) or 1 to 22 (zstd). */
  level?: number;
  /** pcap: digits of a second. By default nanoseconds where an interface of the first frames has them. */
  precision?: 'micro' | 'nano';
  /** Interfaces that are known before the first frame. Given, the file has its headers from the beginning. */
  interfaces?: readonly FrameInterface[];
  /** pcapng: texts of the section header. */
  section?: SectionText;
  /** pcapng: where the blocks beside the frames come from that are to be kept: the SavefileSource that is copied. */
  records?: { readonly records: readonly SavefileRecord[] };
  /** What messages call the file; the path by default, '-' for streams. */
  name?: string;
  /** Bytes of the buffer; for tests. */
  bufferSize?: number;
}

/** Format and compression as a name's suffix says; the format is `otherwise` where it does not. */
export function formatOfName(
  name: string,
  otherwise: 'pcap' | 'pcapng' = 'pcapng',
): { format: 'pcap' | 'pcapng'; compression: OutputCompression } {
  const suffix = /\.(gz|zst)$/i.exec(name)?.[1]?.toLowerCase();
  const compression = suffix === 'gz' ? 'gzip' : suffix === 'zst' ? 'zstd' : 'none';
  const inner = suffix === undefined ? name : name.slice(0, -suffix.length - 1);
  if (/\.(pcap|cap|dmp)$/i.test(inner)) return { format: 'pcap', compression };
  return { format: /\.(pcapng|ntar)$/i.test(inner) ? 'pcapng' : otherwise, compression };
}

/** A savefile being written. Frames are gathered in a buffer; each time that it is full, at `flush` and at `close`, whole
 * records go to the operating system, so that what a killed process leaves behind is readable up to there. */
export class SavefileWriter implements FrameSink {
  readonly file: string;
  readonly format: 'pcap' | 'pcapng';
  readonly #encoder: RecordEncoder;
  readonly #output: ByteOutput;
  readonly #out: OutputBuffer;
  readonly #records: { readonly records: readonly SavefileRecord[] } | undefined;
  /** The records that were written last: a source has a new array for every block. */
  #recordsDone: readonly SavefileRecord[] = NO_RECORDS;
  #nextRecord = 0;
  #drained = 0;
  /** Frames in the file when a write had failed. */
  #savedFrames = 0;
  /** Frames of the failed write itself that could stay. */
  #kept = 0;
  readonly #turns = new Turns();
  #failure: unknown = null;
  #closed = false;

  /** For `createSavefile`, which knows how an encoder and an output belong together. */
  constructor(file: string, encoder: RecordEncoder, output: ByteOutput, options: CreateSavefileOptions) {
    this.file = file;
    this.format = encoder.format;
    this.#encoder = encoder;
    this.#output = output;
    this.#records = options.records;
    this.#out = new OutputBuffer(options.bufferSize ?? BUFFER);
    if (options.interfaces !== undefined) encoder.prepare(this.#out, options.interfaces, null);
  }

  /** Bytes of content so far, before compression, those in the buffer included. */
  get size(): number {
    return this.#drained + this.#out.used;
  }

  /** Frames taken so far; after a failed write, frames that are in the file. */
  get frames(): number {
    return this.#failure === null ? this.#encoder.frames : this.#savedFrames;
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    const done = this.writeSome(block, interfaces, 0, Number.POSITIVE_INFINITY);
    if (typeof done !== 'number') return done.then(() => undefined);
  }

  /** Takes the block's kept rows from `row` on, until `size` is more than `limit` (looked at before each frame, as
   * tcpdump does). Gives the row it stopped at, `block.count` where all were taken. */
  writeSome(
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    row: number,
    limit: number,
  ): number | Promise<number> {
    return this.#turns.take(() => this.#writeSome(block, interfaces, row, limit));
  }

  #writeSome(
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    row: number,
    limit: number,
  ): number | Promise<number> {
    this.#usable();
    const out = this.#out;
    const encoder = this.#encoder;
    this.#beginRecords(row);
    encoder.prepare(out, interfaces, block);
    for (;;) {
      const record = this.#recordsDone[this.#nextRecord];
      const end = record === undefined ? block.count : Math.min(record.row, block.count);
      row = encoder.rows(out, block, interfaces, row, end, limit - this.#drained);
      if (out.directEnd !== 0) {
        const pending = this.#direct(block.bytes);
        if (pending !== undefined) return pending.then(() => this.#writeSome(block, interfaces, row, limit));
      } else if (out.refused !== null) {
        const { refused } = out;
        out.refused = null;
        throw refused;
      } else if (row === end) {
        if (record === undefined) return row;
        encoder.record(out, record);
        this.#nextRecord++;
      } else if (out.wanted === 0) return row;
      else {
        const wanted = out.wanted;
        const pending = this.#drain();
        if (pending !== undefined) {
          const from = row;
          return pending.then(() => {
            out.ensure(wanted);
            return this.#writeSome(block, interfaces, from, limit);
          });
        }
        out.ensure(wanted);
      }
    }
  }

  #beginRecords(row: number): void {
    const records = this.#records?.records ?? NO_RECORDS;
    if (records === this.#recordsDone) return;
    this.#recordsDone = records;
    // What stood before the first row that comes here went to the file before this one.
    const first = row === 0 ? 0 : records.findIndex((record) => record.row >= row);
    this.#nextRecord = first < 0 ? records.length : first;
  }

  #usable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closed) throw new TypeError(`${this.file} is closed`);
  }

  /** Gives the buffer to the output. `next`: what is to follow it. */
  #drain(next?: Uint8Array): Promise<void> | undefined {
    const out = this.#out;
    if (out.used === 0) return undefined;
    const pending = this.#give(out.bytes, out.used, next);
    if (pending !== undefined)
      return pending.then(() => {
        out.used = 0;
      });
    out.used = 0;
  }

  /** Gives the buffer to the output, and then the piece of the source's memory that follows it. */
  #direct(source: Uint8Array): Promise<void> | undefined {
    const out = this.#out;
    const piece = source.subarray(out.directFrom, out.directEnd);
    out.directFrom = out.directEnd = 0;
    const pending = this.#drain(piece);
    const write = (): Promise<void> | undefined => this.#give(piece, piece.length);
    return pending === undefined ? write() : pending.then(write);
  }

  #give(bytes: Uint8Array, length: number, next?: Uint8Array): Promise<void> | undefined {
    this.#kept = 0;
    const done = (): void => {
      this.#drained += length;
    };
    const failed = (error: unknown): never => {
      // Of the frames taken these are not in the file.
      const position = this.#drained;
      const lost = this.#encoder.whole(bytes, length, position).frames - this.#kept;
      const after = next === undefined ? 0 : this.#encoder.whole(next, next.length, position + length).frames;
      this.#savedFrames = this.#encoder.frames - lost - after;
      this.#failure = error;
      throw error;
    };
    try {
      const pending = this.#output.write(bytes, length);
      if (pending !== undefined) return pending.then(done, failed);
    } catch (error) {
      failed(error);
    }
    done();
  }

  /** How much of a write that failed half way can stay: whole records. The output asks before it takes the rest back. */
  border(bytes: Uint8Array, written: number, position: number): number {
    const { length, frames } = this.#encoder.whole(bytes, written, position);
    this.#kept = frames;
    return length;
  }

  flush(): void | Promise<void> {
    return this.#turns.take(() => {
      this.#usable();
      const pending = this.#drain();
      return pending === undefined ? this.#output.flush() : pending.then(() => this.#output.flush());
    });
  }

  /** Ends the file (pcapng: with the interfaces' statistics as they are now) and closes it. After a failed write it only
   * closes; that error has been reported. */
  close(): void | Promise<void> {
    return this.#turns.take(() => this.#close());
  }

  #close(): void | Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    let pending: Promise<void> | undefined;
    try {
      if (this.#failure === null) {
        this.#encoder.finish(this.#out);
        pending = this.#drain();
      }
    } catch (error) {
      this.#release();
      throw error;
    }
    if (pending === undefined) return this.#release();
    return pending.then(
      () => this.#release(),
      async (error) => {
        await this.#release();
        throw error;
      },
    );
  }

  #release(): void | Promise<void> {
    if (this.#failure === null) return this.#output.close();
    // Closing what has failed fails once more, and says nothing new.
    try {
      const pending = this.#output.close();
      return pending?.catch(() => undefined);
    } catch {
      return undefined;
    }
  }
}

/** Creates a savefile: `to` is a path ('-': standard output; what was there is overwritten), a file descriptor or a
 * Writable (both stay their owner's to close).
 *
 * Regular files are written synchronously; for pipes, streams and compressed files `write`, `flush` and `close` give
 * promises. A call made before the last one has ended waits for it; a block must hold until its own promise resolves.
 *
 * The writer throws a SavefileError: `SAVEFILE_WRITE` (a full disk: the file then ends with the last whole record),
 * `SAVEFILE_LINK_TYPE`, `SAVEFILE_RANGE`; `SAVEFILE_UNSUPPORTED` where this Node has no zstd. */
export function createSavefile(to: string | number | Writable, options: CreateSavefileOptions = {}): SavefileWriter {
  const file = options.name ?? (typeof to === 'string' ? to : '-');
  const named = formatOfName(typeof to === 'string' ? to : file, options.otherwise);
  const format = options.format ?? named.format;
  const compression = options.compression ?? named.compression;
  const level = options.level ?? (compression === 'gzip' ? 1 : undefined);
  const encoder =
    format === 'pcap' ? new PcapEncoder(file, options.precision) : new PcapngEncoder(file, options.section);
  let writer: SavefileWriter | null = null;
  const output = openOutput(to, file, compression, level, (bytes, written, position) =>
    writer!.border(bytes, written, position),
  );
  try {
    writer = new SavefileWriter(file, encoder, output, options);
  } catch (error) {
    void output.close();
    throw error instanceof SavefileError || error instanceof RangeError
      ? error
      : new SavefileError(file, { code: 'SAVEFILE_WRITE', what: String(error), cause: error });
  }
  return writer;
}
