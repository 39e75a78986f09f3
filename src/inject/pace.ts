import type { Clock } from '../time/clock.ts';

/** When frames may go: waiting until a moment, and an even rate. */

/** Timers of the event loop count milliseconds and come up to one late; the last stretch goes without them. */
const TIMER_SLACK = 2_000_000;

export interface WaitOptions {
  signal?: AbortSignal | undefined;
  /** The last two milliseconds pass in turns of the event loop instead of a timer: to some microseconds, at the cost of a
   * core for that time. Only for a clock that runs by itself. Default: no. */
  precise?: boolean;
}

/** Waits until `clock.monotonic()` reaches `deadline` (nanoseconds), at least one turn of the event loop where it has not
 * yet. Resolves early, without an error, when the signal aborts. */
export async function waitUntil(clock: Clock, deadline: number, options: WaitOptions = {}): Promise<void> {
  const { signal, precise = false } = options;
  const slack = precise ? TIMER_SLACK : 0;
  while (!signal?.aborted) {
    const left = deadline - clock.monotonic();
    if (left <= 0) return;
    await pause(clock, Math.max(left - slack, 0), signal);
  }
}

const pause = (clock: Clock, nanoseconds: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.after(nanoseconds, done);
    signal?.addEventListener('abort', done);
  });

/** Deals out frames at an even rate. What was missed while others had the processor is made up for at once, but never
 * more than `burst` frames. */
export class Pacer {
  /** Nanoseconds between two frames. */
  readonly interval: number;
  readonly #clock: Clock;
  readonly #burst: number;
  /** When the next frame is due. */
  #next: number;

  /** `interval` in nanoseconds, 0 for no limit; the first frame is due now. */
  constructor(clock: Clock, interval: number, burst = 4096) {
    this.#clock = clock;
    this.interval = interval;
    this.#burst = burst;
    this.#next = clock.monotonic();
  }

  /** A pacer for so many frames a second. */
  static perSecond(clock: Clock, rate: number): Pacer {
    if (!(rate > 0)) throw new RangeError(`rate: more than 0 frames a second, not ${rate}`);
    return new Pacer(clock, 1e9 / rate);
  }

  /** How many frames are due now, at most `wanted`. Those that are taken count as sent. */
  take(wanted: number): number {
    if (this.interval === 0) return wanted;
    const now = this.#clock.monotonic();
    if (now < this.#next) return 0;
    const oldest = now - this.#burst * this.interval;
    if (this.#next < oldest) this.#next = oldest;
    const due = Math.min(wanted, Math.floor((now - this.#next) / this.interval) + 1);
    this.#next += due * this.interval;
    return due;
  }

  /** Waits until a frame is due. Resolves early when the signal aborts. */
  wait(options: WaitOptions = {}): Promise<void> {
    return waitUntil(this.#clock, this.#next, options);
  }
}
