import { type Clock, systemClock } from '../../time/clock.ts';
import { waitUntil } from '../pace.ts';

/** Timers of the event loop count milliseconds and come up to one late. */
const TIMER_SLACK = 2_200_000;
/** The thread sleeps for what is left of that, but for this stretch: the kernel wakes it up to some 60 µs late
 * (PR_SET_TIMERSLACK), more where the processor has to wake up as well. */
const SLEEP_SLACK = 250_000;
/** The event loop has its turn at least this often (signals, the progress line), where there is time for it. */
const TURN = 8_000_000;
/** And this often where there is not. */
const LATEST_TURN = 25_000_000;
const TURN_COSTS = 100_000;

const machineTime = (): number => performance.now() * 1e6;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Waits for moments, and lets the event loop have its turns. */
export class Waiter {
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  /** The clock is the machine's: it may be waited for without the event loop. */
  readonly #spins: boolean;
  readonly #precise: boolean;
  #turned: number;

  /** `precise`: the clock runs by itself. */
  constructor(clock: Clock, precise: boolean, signal: AbortSignal | undefined) {
    this.#clock = clock;
    this.#precise = precise;
    this.#spins = precise && clock === systemClock;
    this.#signal = signal;
    this.#turned = this.#spins ? clock.monotonic() : machineTime();
  }

  /** Whether `until` has to be awaited: `now` and `due` in nanoseconds. */
  needsTurn(now: number, due: number): boolean {
    // On a clock that stands still while this runs, turns are the machine's business all the same.
    const since = (this.#spins ? now : machineTime()) - this.#turned;
    return (
      (!this.#spins && due > now) ||
      due - now > TIMER_SLACK ||
      (since > TURN && due - now > TURN_COSTS) ||
      since > LATEST_TURN
    );
  }

  /** Spins, and sleeps where there is time. Returns the time, which is `due` or later. */
  spin(due: number): number {
    const clock = this.#clock;
    for (;;) {
      const now = clock.monotonic();
      const left = due - now;
      if (left <= 0) return now;
      if (left > 2 * SLEEP_SLACK) Atomics.wait(sleeper, 0, 0, (left - SLEEP_SLACK) / 1e6);
    }
  }

  /** Gives the event loop its turn and waits until `due` is near (or there, for a clock that cannot be spun for). Resolves
   * early when the signal aborts. */
  async turn(due: number): Promise<void> {
    const clock = this.#clock;
    if (!this.#spins) {
      if (due > clock.monotonic()) await waitUntil(clock, due, { signal: this.#signal, precise: this.#precise });
      else await new Promise(setImmediate);
    } else {
      const left = due - clock.monotonic() - TIMER_SLACK;
      if (left > 0) await waitUntil(clock, due - TIMER_SLACK, { signal: this.#signal });
      else await new Promise(setImmediate);
    }
    this.#turned = this.#spins ? clock.monotonic() : machineTime();
  }
}
