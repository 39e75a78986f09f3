import { closeSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { UnknownField } from '../dissect/columns.ts';
import type { DecodeAsTables } from '../dissect/decode-as-tables.ts';
import type { Protocol } from '../dissect/fields.ts';
import { type PacketOptions, PacketWalker } from '../dissect/packets.ts';
import { DEFAULT_COLUMNS, ParquetColumns, ParquetFile } from '../dissect/parquet.ts';
import { utcDay } from '../dissect/timestamp.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { displayFilter } from './display-filter.ts';
import { Failure, UsageError } from './exit.ts';
import { fieldSettings } from './format.ts';
import type { PrintOptions, WriteOptions } from './options.ts';
import { stdout } from './stdout.ts';

/** Hours that are written at the same time; frames are about in the order of time. */
const MAX_OPEN = 3;
const HOUR = 3600;

/** Checks what was asked for. Throws UsageError. */
export function prepareParquet(
  options: PrintOptions & WriteOptions,
  decodeAs: DecodeAsTables<Protocol> | null,
): { open(): Promise<ParquetSink> } {
  const { write } = options;
  if (write === undefined) throw new UsageError('--format parquet needs -w FILE, or -w DIRECTORY/ for a file an hour');
  if (options.print) throw new UsageError('--format parquet writes a file: --print does not go with it');
  if (options.raw) throw new UsageError('--raw goes with --format json');
  if (options.rotateSize !== undefined || options.rotateSeconds !== undefined)
    throw new UsageError('-C and -G cut savefiles; -w DIRECTORY/ cuts Parquet by the hour');
  const { occurrence, ...others } = fieldSettings(options.fieldOptions ?? []);
  const [other] = Object.keys(others);
  if (other !== undefined) throw new UsageError(`-E ${other} is about text; with --format parquet there is occurrence`);
  let columns: ParquetColumns;
  try {
    columns = new ParquetColumns(options.field ?? DEFAULT_COLUMNS, occurrence);
  } catch (error) {
    if (error instanceof UnknownField || error instanceof RangeError) throw new UsageError(`-e: ${error.message}`);
    throw error;
  }
  const packets: PacketOptions = {
    wanted: columns.wanted,
    fieldsOnly: columns.ofProtocol.length === 0,
    filter: options.displayFilter === undefined ? null : displayFilter(options.displayFilter),
    checksums: (options.verbose ?? 0) > 0 && options.dontVerifyChecksums !== true,
    decodeAs,
  };
  return {
    open: async () => {
      if (write === '-' && stdout().isTerminal)
        throw new UsageError('-w - writes binary data, and standard output is a terminal: send it to a file or a pipe');
      return new ParquetSink(write, columns, packets);
    },
  };
}

/** A file of the sink, and how it is closed. */
interface Target {
  file: ParquetFile;
  close(): void;
}

/** Writes frames as rows of one Parquet file, or of files by date and hour (UTC):
 * `date=2026-01-31/hour=23/part-0.parquet`, as engines take for partitions. */
class ParquetSink implements FrameSink {
  readonly #path: string;
  readonly #columns: ParquetColumns;
  readonly #walker: PacketWalker;
  readonly #isPartitioned: boolean;
  /** By hour since 1970, or 0; the one used last is at the end. */
  readonly #open = new Map<number, Target>();
  /** By hour: files begun so far. */
  readonly #parts = new Map<number, number>();
  #wait: Promise<void> | undefined;
  /** Frames that became rows, and those that the filter rejected. */
  frames = 0;

  constructor(path: string, columns: ParquetColumns, packets: PacketOptions) {
    this.#path = path;
    this.#columns = columns;
    this.#walker = new PacketWalker(packets);
    this.#isPartitioned = path.endsWith('/');
    if (this.#isPartitioned) prepareDirectory(path);
    // Without frames there is still a table: an empty one.
    else this.#target(0);
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    const { fields } = this.#walker;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      this.frames++;
      if (!this.#walker.walk(block, row, interfaces)) continue;
      const hour = this.#isPartitioned ? Math.floor(block.seconds[row]! / HOUR) : 0;
      this.#target(hour).file.add(fields);
    }
    return this.#waited();
  }

  flush(): void {
    // Rows come out group by group: a smaller group would be a worse table.
  }

  close(): void | Promise<void> {
    for (const hour of [...this.#open.keys()]) this.#finish(hour);
    return this.#waited();
  }

  #waited(): void | Promise<void> {
    const wait = this.#wait;
    this.#wait = undefined;
    return wait;
  }

  #target(hour: number): Target {
    let target = this.#open.get(hour);
    if (target !== undefined && this.#open.size === 1) return target;
    if (target !== undefined) this.#open.delete(hour);
    else {
      if (this.#open.size >= MAX_OPEN) this.#finish(this.#open.keys().next().value!);
      target = this.#begin(hour);
    }
    this.#open.set(hour, target);
    return target;
  }

  #begin(hour: number): Target {
    if (this.#path === '-') {
      const take = (chunk: Uint8Array): void => {
        const done = stdout().write(chunk);
        if (done !== undefined) this.#wait = done;
      };
      return { file: new ParquetFile(this.#columns, take), close: () => undefined };
    }
    let path = this.#path;
    if (this.#isPartitioned) {
      const part = this.#parts.get(hour) ?? 0;
      this.#parts.set(hour, part + 1);
      const ofDay = String(((hour % 24) + 24) % 24).padStart(2, '0');
      const directory = `${path}date=${utcDay(hour * HOUR)}/hour=${ofDay}`;
      told(directory, () => mkdirSync(directory, { recursive: true }));
      path = `${directory}/part-${part}.parquet`;
    }
    const fd = told(path, () => openSync(path, 'w'));
    const take = (chunk: Uint8Array): void =>
      told(path, () => {
        for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at, chunk.length - at);
      });
    return { file: new ParquetFile(this.#columns, take), close: () => told(path, () => closeSync(fd)) };
  }

  #finish(hour: number): void {
    const target = this.#open.get(hour)!;
    this.#open.delete(hour);
    try {
      target.file.finish();
    } finally {
      target.close();
    }
  }
}

/** What was written into it earlier would be counted twice. */
function prepareDirectory(path: string): void {
  told(path, () => mkdirSync(path, { recursive: true }));
  const found = told(path, () => readdirSync(path)).find((name) => name.startsWith('date='));
  if (found !== undefined)
    throw new Failure(`${path} has ${found} already: choose a new directory, or remove what is in it`);
}

/** What the operating system refuses, as a person should read it. */
function told<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new Failure(`cannot write ${path}: ${(error as Error).message}`);
  }
}
