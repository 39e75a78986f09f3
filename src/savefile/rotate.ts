import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { type CreateSavefileOptions, createSavefile, formatOfName, type SavefileWriter } from './create.ts';
import { strftime } from './strftime.ts';
import { Turns } from './turns.ts';

export interface RotationOptions {
  /** Name of the files; with `seconds` a pattern for strftime(3), local time. */
  path: string;
  /** A file that is larger (content, before compression, in bytes) is followed by the next before another frame is
   * written: tcpdump's -C, but in bytes. */
  size?: number;
  /** A file is followed by the next after so many seconds of the wall clock: tcpdump's -G. */
  seconds?: number;
  /** tcpdump's -W: with `size` how many files there are, the first being overwritten after the last; with `seconds` alone
   * how many files are written before the end. */
  files?: number;
  /** The time of day in seconds since 1970, time(2). */
  now: () => number;
  /** How each file is written. Format and compression go by the suffix of `path` where they are not given. */
  savefile?: Omit<CreateSavefileOptions, 'name'>;
  /** Called for each file when it is complete. */
  closed?: (path: string) => void;
}

/** tcpdump's sizes: a number is millions of bytes; k, m and g (either case) are kibi-, mebi- and gibibytes, as tcpdump 5
 * has them. Gives bytes, or null where the text is no size. */
export function parseRotateSize(text: string): number | null {
  const match = /^(\d+)([kmg]?)$/i.exec(text);
  if (match === null) return null;
  const unit = { '': 1e6, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[match[2]!.toLowerCase() as '' | 'k' | 'm' | 'g'];
  const size = Number(match[1]) * unit;
  return size > 0 && Number.isSafeInteger(size) ? size : null;
}

/** Digits of the number in a file's name, so that the names sort: those of the highest number. */
function digitsOf(files: number): number {
  return files <= 1 ? 0 : String(files - 1).length;
}

/** Writes to one file after the other, named as tcpdump 4.99 names them. Every file is complete in itself.
 *
 * The wall clock is looked at before every block, and at `tick`, which whoever has a timer calls: so a file ends in time
 * also when no frames come. */
export class RotatingSink implements FrameSink {
  readonly #options: RotationOptions;
  readonly #savefile: Omit<CreateSavefileOptions, 'name'>;
  readonly #turns = new Turns();
  #writer: SavefileWriter;
  /** Interfaces of the frames so far: a file without frames has them as well. */
  #interfaces: readonly FrameInterface[] | undefined;
  /** When the current interval began, in seconds since 1970. */
  #since: number;
  /** Number of the file within the interval (-C). */
  #number = 0;
  #intervals = 0;
  #framesBefore = 0;
  /** The writer is closed and its frames are in `#framesBefore`. */
  #completed = false;
  #finished = false;
  #closed = false;

  /** Opens the first file. Throws a SavefileError where it cannot, and a RangeError for numbers that make no sense. */
  constructor(options: RotationOptions) {
    for (const name of ['size', 'seconds', 'files'] as const) {
      const value = options[name];
      if (value !== undefined && !(value >= 1 && Number.isFinite(value)))
        throw new RangeError(`${name} of a rotation must be 1 or more, not ${value}`);
    }
    if (options.size === undefined && options.seconds === undefined)
      throw new RangeError('a rotation needs a size or seconds');
    this.#options = options;
    this.#savefile = { ...formatOfName(options.path, options.savefile?.otherwise), ...options.savefile };
    this.#interfaces = options.savefile?.interfaces;
    this.#since = Math.floor(options.now());
    this.#writer = this.#open();
  }

  /** Name of the file that is being written. */
  get path(): string {
    return this.#writer.file;
  }

  /** True once as many files were written as `files` asked for (with `seconds` alone): nothing more is taken. */
  get finished(): boolean {
    return this.#finished;
  }

  /** Frames taken, in all files. */
  get frames(): number {
    return this.#framesBefore + (this.#completed ? 0 : this.#writer.frames);
  }

  /** When the next file is due by the clock, in seconds since 1970; null where only sizes count. */
  get due(): number | null {
    const { seconds } = this.#options;
    return seconds === undefined || this.#finished ? null : this.#since + seconds;
  }

  #name(): string {
    const { path, seconds, size, files } = this.#options;
    const name = seconds === undefined ? path : strftime(path, this.#since);
    if (size === undefined) return name;
    const digits = files === undefined ? 0 : digitsOf(files);
    return this.#number === 0 && digits === 0 ? name : name + String(this.#number).padStart(digits, '0');
  }

  #open(): SavefileWriter {
    const interfaces = this.#interfaces;
    const writer = createSavefile(this.#name(), {
      ...this.#savefile,
      ...(interfaces === undefined ? {} : { interfaces }),
    });
    this.#completed = false;
    return writer;
  }

  /** Looks at the clock. To be called about when `due` says. */
  tick(): void | Promise<void> {
    if (this.#isDue()) return this.#turns.take(() => (this.#isDue() ? this.#byClock() : undefined));
  }

  #isDue(): boolean {
    const due = this.due;
    return due !== null && !this.#closed && Math.floor(this.#options.now()) >= due;
  }

  async #byClock(): Promise<void> {
    this.#since = Math.floor(this.#options.now());
    this.#number = 0;
    this.#intervals++;
    const { files, size } = this.#options;
    await this.#complete();
    if (size === undefined && files !== undefined && this.#intervals >= files) this.#finished = true;
    else this.#writer = this.#open();
  }

  async #bySize(): Promise<void> {
    this.#number++;
    const { files } = this.#options;
    if (files !== undefined && this.#number >= files) this.#number = 0;
    await this.#complete();
    this.#writer = this.#open();
  }

  async #complete(): Promise<void> {
    if (this.#completed) return;
    const writer = this.#writer;
    await writer.close();
    this.#framesBefore += writer.frames;
    this.#completed = true;
    this.#options.closed?.(writer.file);
  }

  write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    return this.#turns.take(() => this.#write(block, interfaces));
  }

  #write(block: FrameBlock, interfaces: readonly FrameInterface[]): void | Promise<void> {
    this.#interfaces = interfaces;
    if (this.#finished) return;
    if (this.#isDue()) return this.#rest(block, interfaces, 0, true);
    const stopped = this.#writer.writeSome(block, interfaces, 0, this.#limit());
    if (stopped !== block.count) return this.#rest(block, interfaces, stopped, false);
  }

  #limit(): number {
    return this.#options.size ?? Number.POSITIVE_INFINITY;
  }

  async #rest(
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    stopped: number | Promise<number>,
    due: boolean,
  ): Promise<void> {
    let row: number;
    if (due) {
      await this.#byClock();
      if (this.#finished) return;
      row = await this.#writer.writeSome(block, interfaces, 0, this.#limit());
    } else row = await stopped;
    while (row < block.count) {
      await this.#bySize();
      // tcpdump looks at the size once for a frame, so every file gets one, however small the size.
      row = await this.#writer.writeSome(block, interfaces, row, Math.max(this.#limit(), this.#writer.size));
    }
  }

  flush(): void | Promise<void> {
    return this.#turns.take(() => (this.#finished ? undefined : this.#writer.flush()));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#turns.take(() => this.#complete());
  }
}
