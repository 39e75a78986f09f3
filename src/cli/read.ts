import { existsSync } from 'node:fs';
import { BlockFilter } from '../capture/filter.ts';
import { isClosedOutput } from '../capture/session.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { openSavefile, SavefileError, type SavefileSource } from '../savefile/index.ts';
import { EXIT_FAILURE, exitCodeOf, messageOf, UsageError } from './exit.ts';
import { filterText } from './filter-text.ts';
import { formatOf } from './format.ts';
import type { PrintOptions, SelectOptions, WriteOptions } from './options.ts';
import { type Outputs, prepareOutputs } from './outputs.ts';
import { refuseOverwriting } from './same-file.ts';
import { handleSignals } from './signals.ts';
import { readWords } from './words.ts';

export interface ReadOptions extends PrintOptions, WriteOptions, SelectOptions {}

/** Time that may pass until signals and timers are looked at: a regular file is read without ever waiting. */
const TURN = 50;

/** `netlab read`: prints, filters or converts savefiles, one after the other. Sets the exit code. */
export async function runRead(given: string[], words: string[], options: ReadOptions): Promise<void> {
  const outputs = await prepareOutputs(options);
  const { files, filter: wordsOfFilter } = readWords(given, words, existsSync);
  if (files.length === 0) throw new UsageError('read: which file? netlab read FILE… [filter], - for standard input');
  if (files.filter((file) => file === '-').length > 1) throw new UsageError('standard input can be read only once');
  refuseOverwriting(files, options.write);
  const expression = filterText(wordsOfFilter, options.filterFile);
  let filter: BlockFilter | null = null;
  if (expression !== '') {
    const { prepareFilter, savefileFilters } = await import('./filter.ts');
    filter = new BlockFilter(
      savefileFilters(await prepareFilter(expression, { optimize: options.optimize, mode: options.filterMode })),
    );
  }
  await new Reader(files, filter, outputs, options).run();
}

class Reader {
  readonly #files: string[];
  readonly #options: ReadOptions;
  readonly #filter: BlockFilter | null;
  /** Frames go from file to file, and nobody looks into them. */
  readonly #isCopied: boolean;
  readonly #outputs: Outputs;
  #sink: FrameSink | null = null;
  /** Frames taken so far. */
  #taken = 0;
  #stopped = false;
  /** Interfaces of all files, where there are several: the rows of a file's blocks are moved behind those before. */
  #interfaces: FrameInterface[] = [];

  constructor(files: string[], filter: BlockFilter | null, outputs: Outputs, options: ReadOptions) {
    this.#files = files;
    this.#options = options;
    this.#isCopied =
      options.write !== undefined &&
      options.print !== true &&
      options.displayFilter === undefined &&
      formatOf(options) !== 'parquet';
    this.#filter = filter;
    this.#outputs = outputs;
  }

  async run(): Promise<void> {
    const release = handleSignals(
      () => {
        this.#stopped = true;
      },
      () => process.stderr.write(`${this.#taken} packets read\n`),
    );
    try {
      for (const file of this.#files) {
        if (this.#stopped) break;
        await this.#file(file);
      }
      // With nothing to read there is still a file to write: an empty one, where a source was opened.
      await this.#sink?.close();
    } catch (error) {
      if (isClosedOutput(error)) return;
      try {
        await this.#sink?.close();
      } catch {
        // What went wrong first is what to tell.
      }
      throw error;
    } finally {
      release();
    }
  }

  async #file(file: string): Promise<void> {
    let source: SavefileSource | null = null;
    try {
      source = await openSavefile(file, { ahead: this.#isCopied });
      const sink = this.#sink ?? (await this.#open(source));
      this.#sink = sink;
      await this.#copy(source, sink);
    } catch (error) {
      // A damaged file does not keep the next from being read; a damaged output does.
      if (!(error instanceof SavefileError) || error.code === 'SAVEFILE_WRITE' || error.file === this.#options.write)
        throw error;
      await this.#sink?.flush();
      process.stderr.write(`netlab: ${messageOf(error)}\n`);
      process.exitCode = Math.max(exitCodeOf(error), EXIT_FAILURE);
    } finally {
      source?.close();
    }
  }

  #open(source: SavefileSource): Promise<FrameSink> {
    const section = source.sections[0];
    return this.#outputs.open({
      live: false,
      // Files of several may have several link types, which only pcapng holds.
      ...(this.#files.length > 1 ? {} : { records: source, interfaces: source.interfaces, otherwise: source.format }),
      ...(section === undefined ? {} : { section }),
    });
  }

  async #copy(source: SavefileSource, sink: FrameSink): Promise<void> {
    const { count = Number.POSITIVE_INFINITY, snaplen = 0 } = this.#options;
    const base = this.#interfaces.length;
    const several = this.#files.length > 1;
    let turn = performance.now();
    for (;;) {
      const step = source.next();
      const block = step instanceof Promise ? await step : step;
      if (block === null) return;
      let kept = block.count;
      if (this.#filter !== null && block.count > 0) kept = this.#filter.apply(block, source.interfaces);
      if (this.#taken + kept > count) kept = cut(block, count - this.#taken);
      this.#taken += kept;
      if (snaplen > 0) shorten(block, snaplen);
      if (several) this.#move(block, base, source.interfaces);
      const done = sink.write(block, several ? this.#interfaces : source.interfaces);
      if (done !== undefined) await done;
      if (this.#taken >= count) this.#stopped = true;
      if (performance.now() - turn > TURN) {
        await new Promise<void>((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
      if (this.#stopped) return;
    }
  }

  #move(block: FrameBlock, base: number, interfaces: readonly FrameInterface[]): void {
    for (let row = this.#interfaces.length - base; row < interfaces.length; row++)
      this.#interfaces.push(interfaces[row]!);
    if (base > 0) for (let row = 0; row < block.count; row++) block.interfaceId[row]! += base;
  }
}

/** Keeps the first `room` kept rows and rejects the rest. */
function cut(block: FrameBlock, room: number): number {
  let kept = 0;
  for (let row = 0; row < block.count; row++)
    if (block.keep[row] !== 0) {
      if (kept < room) kept++;
      else block.keep[row] = 0;
    }
  return kept;
}

function shorten(block: FrameBlock, snaplen: number): void {
  const { capturedLength } = block;
  for (let row = 0; row < block.count; row++) if (capturedLength[row]! > snaplen) capturedLength[row] = snaplen;
}
