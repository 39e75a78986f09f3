import type { DisplayFilter } from '../dissect/display/compile.ts';
import type { Fields } from '../dissect/fields.ts';
import type { FrameFacts } from '../dissect/frame.ts';
import { displayFilter } from './display-filter.ts';
import { UsageError } from './exit.ts';
import { eachFrame, type FrameVisitor, wantedFields } from './frames.ts';
import type { FramesOptions } from './frames-options.ts';
import { bar } from './plot.ts';
import { printText } from './print-text.ts';
import { stdout } from './stdout.ts';
import { secondsText, table } from './table.ts';

export interface IoOptions extends FramesOptions {
  interval?: number;
  column?: string[];
  plot: 'frames' | 'bytes' | 'bits' | 'none';
  ascii?: true;
  width?: number;
}

/** Intervals that are kept at most; the finest that an unasked interval starts with. */
const MAX_INTERVALS = 1_000_000;
/** Intervals without frames that are printed in a row; longer silences are one line. */
const MAX_EMPTY = 100;
/** How many intervals an unasked interval aims at. */
const AIM = 60;
const WIDEST = 200;

/** `netlab io`. */
export async function runIo(words: string[], options: IoOptions): Promise<void> {
  if (options.width !== undefined && !(Number.isInteger(options.width) && options.width >= 20))
    throw new UsageError('io: --width must be a whole number, at least 20');
  const columns = (options.column ?? []).map(displayFilter);
  const counts = new IoCounts(columns, options.interval === undefined ? null : Math.round(options.interval * 1e9));
  await eachFrame('io', words, options, counts);
  const intervals = counts.finish();
  const names = ['all', ...(options.column ?? [])];
  await printText(() =>
    options.json ? ioJson(counts, intervals, options.column ?? []) : ioText(counts, intervals, names, options),
  );
}

/** Counters of one interval: frames and bytes of each column. */
type Interval = Float64Array;

class IoCounts implements FrameVisitor {
  readonly wanted: Uint8Array;
  readonly #columns: readonly DisplayFilter[];
  readonly #asked: boolean;
  /** Nanoseconds. While nobody asked for one it grows as the capture goes on. */
  interval: number;
  #intervals = new Map<number, Interval>();
  first: { seconds: number; nanoseconds: number } | null = null;
  /** Nanoseconds from the first frame to the latest. */
  last = 0;
  readonly totals: Interval;

  constructor(columns: readonly DisplayFilter[], interval: number | null) {
    this.#columns = columns;
    this.#asked = interval !== null;
    this.interval = interval ?? 1000;
    this.wanted = wantedFields([], columns);
    this.totals = new Float64Array((columns.length + 1) * 2);
  }

  frame(f: Fields, facts: FrameFacts): void {
    this.first ??= { seconds: facts.seconds, nanoseconds: facts.nanoseconds };
    const time = (facts.seconds - this.first.seconds) * 1e9 + facts.nanoseconds - this.first.nanoseconds;
    this.last = Math.max(this.last, time);
    // Frames may be older than the first one: their intervals are negative.
    const number = Math.floor(time / this.interval);
    let interval = this.#intervals.get(number);
    if (interval === undefined) {
      interval = new Float64Array(this.totals.length);
      this.#intervals.set(number, interval);
      if (this.#intervals.size > (this.#asked ? MAX_INTERVALS : AIM * 16)) {
        this.#coarsen();
        interval = this.#intervals.get(Math.floor(time / this.interval))!;
      }
    }
    this.#add(interval, 0, facts.originalLength);
    for (let i = 0; i < this.#columns.length; i++)
      if (this.#columns[i]!.matches(f)) this.#add(interval, i + 1, facts.originalLength);
  }

  #add(interval: Interval, column: number, bytes: number): void {
    interval[column * 2]! += 1;
    interval[column * 2 + 1]! += bytes;
    this.totals[column * 2]! += 1;
    this.totals[column * 2 + 1]! += bytes;
  }

  #coarsen(): void {
    if (this.#asked)
      throw new UsageError(`io: --interval is too short for this capture: it has over ${MAX_INTERVALS} intervals`);
    this.#merge();
  }

  /** Makes the intervals longer: 1, 2, 10, 20, 100, … microseconds. */
  #merge(): void {
    const factor = String(this.interval).startsWith('1') ? 2 : 5;
    const merged = new Map<number, Interval>();
    for (const [number, counts] of this.#intervals) {
      const to = Math.floor(number / factor);
      const into = merged.get(to);
      if (into === undefined) merged.set(to, counts);
      else for (let i = 0; i < counts.length; i++) into[i]! += counts[i]!;
    }
    this.#intervals = merged;
    this.interval *= factor;
  }

  /** The intervals that have frames, in order. An unasked interval becomes the first that gives no more than `AIM`. */
  finish(): [number, Interval][] {
    if (!this.#asked) {
      while ((this.last + 1) / this.interval > AIM) this.#merge();
    }
    return [...this.#intervals].sort(([a], [b]) => a - b);
  }
}

function* ioJson(counts: IoCounts, intervals: [number, Interval][], columns: string[]): Iterable<string> {
  for (const [number, values] of intervals)
    yield `${JSON.stringify({
      start: secondsText(number * counts.interval),
      interval: secondsText(counts.interval),
      frames: values[0],
      bytes: values[1],
      ...(columns.length === 0
        ? {}
        : {
            columns: columns.map((filter, i) => ({ filter, frames: values[i * 2 + 2], bytes: values[i * 2 + 3] })),
          }),
    })}\n`;
}

function* ioText(
  counts: IoCounts,
  intervals: [number, Interval][],
  names: string[],
  options: IoOptions,
): Iterable<string> {
  if (intervals.length === 0) {
    yield 'no frames\n';
    return;
  }
  const columns = names.length;
  yield `${counts.totals[0]} frames, ${counts.totals[1]} bytes in ${secondsText(counts.last)} s, intervals of ${secondsText(counts.interval)} s\n`;
  for (let i = 1; i < columns; i++) yield `column ${i}: ${names[i]}\n`;
  yield '\n';
  const scale = options.plot === 'frames' ? 1 : (options.plot === 'bits' ? 8 : 1) / (counts.interval / 1e9);
  const place = (columns - 1) * 2 + (options.plot === 'frames' ? 0 : 1);
  const most = intervals.reduce((max, [, values]) => Math.max(max, values[place]!), 0);
  const head = ['start', ...names.flatMap((_, i) => (i === 0 ? ['frames', 'bytes'] : [`frames ${i}`, `bytes ${i}`]))];
  const rows: string[][] = [];
  const drawn: (number | null)[] = [];
  const empty = new Float64Array(columns * 2);
  const add = (number: number, values: Interval): void => {
    rows.push([secondsText(number * counts.interval), ...Array.from(values, String)]);
    drawn.push(values[place]!);
  };
  let before = intervals[0]![0] - 1;
  for (const [number, values] of intervals) {
    if (number - before - 1 > MAX_EMPTY) {
      rows.push(['…', ...Array.from(empty, () => '')]);
      drawn.push(null);
    } else for (let silent = before + 1; silent < number; silent++) add(silent, empty);
    add(number, values);
    before = number;
  }
  const lines = table(
    head,
    rows,
    head.map(() => true),
  ).split('\n');
  if (options.plot === 'none') {
    for (const line of lines.slice(0, -1)) yield `${line}\n`;
    return;
  }
  const text = lines.reduce((width, line) => Math.max(width, line.length), 0);
  const width = options.width ?? (stdout().isTerminal ? (process.stdout.columns ?? 80) - 1 : 100);
  const room = Math.max(Math.min(width, WIDEST) - text - 2, 8);
  const ascii = options.ascii === true || !isUnicode();
  const unit = options.plot === 'frames' ? 'frames' : `${options.plot}/s`;
  yield `${lines[0]!.padEnd(text)}  0 to ${Math.round(most * scale)} ${unit}\n`;
  for (const [i, line] of lines.slice(1, -1).entries()) {
    const value = drawn[i]!;
    yield `${line.padEnd(text)}  ${value === null || most === 0 ? '' : bar(value / most, room, ascii)}`.trimEnd() +
      '\n';
  }
}

/** The terminal's characters: by the locale, as programs of C ask for it. */
function isUnicode(): boolean {
  const { LC_ALL, LC_CTYPE, LANG } = process.env;
  const locale = LC_ALL || LC_CTYPE || LANG || '';
  return locale === '' ? !stdout().isTerminal : /utf-?8/i.test(locale);
}
