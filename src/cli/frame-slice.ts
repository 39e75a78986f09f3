import type { FrameBlock } from '../frames/block.ts';
import { UsageError } from './exit.ts';

/** Selecting frames by their time and by their number. */

/** A time, or one counted from the first frame. */
export interface Moment {
  isRelative: boolean;
  seconds: number;
  nanoseconds: number;
}

/** `+1.5`, `1700000000.123456789`, `2026-01-31T12:00:00Z`, `2026-01-31 12:00` (local time). Throws UsageError. */
export function parseMoment(text: string, option: string): Moment {
  const match = /^(\+?)(\d{1,12})(?:\.(\d{1,9}))?$/.exec(text);
  if (match !== null)
    return {
      isRelative: match[1] === '+',
      seconds: Number(match[2]),
      nanoseconds: Number((match[3] ?? '').padEnd(9, '0')),
    };
  const iso = /^(\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const time = iso === null ? Number.NaN : Date.parse(`${iso[1]!.replace(' ', 'T')}${iso[3] ?? ''}`);
  if (Number.isNaN(time))
    throw new UsageError(
      `${option} ${text}: a time such as 2026-01-31T12:00:00Z, seconds since 1970, or +SECONDS from the first frame`,
    );
  return { isRelative: false, seconds: time / 1000, nanoseconds: Number((iso![2] ?? '').padEnd(9, '0')) };
}

/** Frames from one moment on and before another. */
export class TimeSlice {
  readonly #from: Moment | null;
  readonly #to: Moment | null;
  #first: { seconds: number; nanoseconds: number } | null = null;

  constructor(from: Moment | null, to: Moment | null) {
    this.#from = from;
    this.#to = to;
  }

  /** Clears `keep` of frames outside. */
  apply(block: FrameBlock): void {
    for (let row = 0; row < block.count; row++) {
      const seconds = block.seconds[row]!;
      const nanoseconds = block.nanoseconds[row]!;
      this.#first ??= { seconds, nanoseconds };
      if (this.#from !== null && this.#isBefore(seconds, nanoseconds, this.#from)) block.keep[row] = 0;
      else if (this.#to !== null && !this.#isBefore(seconds, nanoseconds, this.#to)) block.keep[row] = 0;
    }
  }

  #isBefore(seconds: number, nanoseconds: number, moment: Moment): boolean {
    if (moment.isRelative) {
      seconds -= this.#first!.seconds;
      nanoseconds -= this.#first!.nanoseconds;
      if (nanoseconds < 0) {
        seconds--;
        nanoseconds += 1e9;
      }
    }
    return seconds < moment.seconds || (seconds === moment.seconds && nanoseconds < moment.nanoseconds);
  }
}

/** Frames of some numbers, counted from 1. */
export class FrameNumbers {
  /** Ranges in ascending order. */
  readonly #ranges: { first: number; last: number }[];
  #number = 0;

  /** `1-100,205,300-`. Throws UsageError. */
  constructor(text: string) {
    this.#ranges = text.split(',').map((part) => {
      const match = /^(\d+)(-(\d*))?$/.exec(part);
      const first = Number(match?.[1] ?? 0);
      const last = match?.[2] === undefined ? first : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
      if (first < 1 || last < first)
        throw new UsageError(`--frames ${text}: numbers from 1 on such as 1-100,205,300- are expected`);
      return { first, last };
    });
    this.#ranges.sort((a, b) => a.first - b.first);
  }

  /** Clears `keep` of the others. */
  apply(block: FrameBlock): void {
    for (let row = 0; row < block.count; row++) {
      this.#number++;
      while (this.#ranges.length > 0 && this.#ranges[0]!.last < this.#number) this.#ranges.shift();
      const next = this.#ranges[0];
      if (next === undefined || this.#number < next.first) block.keep[row] = 0;
    }
  }

  /** No later frame is asked for. */
  get isDone(): boolean {
    const last = this.#ranges[0];
    return last === undefined || (this.#ranges.length === 1 && last.last <= this.#number);
  }
}
