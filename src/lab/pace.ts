import { VirtualClock } from '../time/virtual.ts';

/** How a network that is emulated in this process is driven.
 *
 * `real`: its clock follows the machine's, so that a capture of it in a terminal looks alive. `virtual`: its clock moves on
 * whenever somebody outside waits for the network, straight to the next event; the same seed then gives the same run on
 * every machine, however fast that is. */
export type Pace = 'real' | 'virtual';

/** A process that was held up for longer than this (stopped, swapped out) finds the network where it left it. */
const LONGEST_LEAP = 1e9;
/** Timers are looked at again at least this often, in milliseconds: timers of the event loop keep the process alive. */
const LONGEST_SLEEP = 1000;
/** Events in one turn of the event loop. */
const STEPS = 2000;
/** Nanoseconds between two looks at the clock in one event. */
const LOOK = 1000;

/** A virtual clock that is moved by this process's event loop. It keeps the process alive while somebody outside of the
 * network waits (`hold`), and only then: a network that talks to itself does not. */
export class PacedClock extends VirtualClock {
  readonly pace: Pace;
  /** Wall time that is time 0 here, in milliseconds of performance.now(). */
  #origin = 0;
  #held = 0;
  /** The last time of day that was told, as `monotonic`. */
  #looked = -1;
  #running = false;
  /** Until `begin`, and after `stop`. */
  #stopped = true;
  /** Somebody outside was woken: his turn comes before the next event. */
  #awakened = false;
  #timer: NodeJS.Timeout | null = null;
  #immediate: NodeJS.Immediate | null = null;
  /** When `#timer` fires, in virtual nanoseconds. */
  #due = 0;

  readonly #start: number;

  /** `warmUp`: nanoseconds that pass at once, in `begin`. `epoch`: seconds since 1970 after them; default: now for `real`,
   * and 1,000,000,000 for `virtual`. */
  constructor({ pace, warmUp = 0, epoch }: { pace: Pace; warmUp?: number; epoch?: number }) {
    const milliseconds = epoch !== undefined ? epoch * 1000 : pace === 'real' ? Date.now() : 1e12;
    const first = milliseconds - warmUp / 1e6;
    super({ epoch: Math.floor(first / 1000) });
    this.pace = pace;
    this.#start = Math.round((milliseconds - Math.floor(first / 1000) * 1000) * 1e6);
  }

  /** Lets the time of warming up pass, and moves by itself from here on. */
  begin(): void {
    this.#running = true;
    this.runUntil(this.#start);
    this.#running = false;
    this.#origin = performance.now() - this.monotonic() / 1e6;
    this.#stopped = false;
    this.#arm();
  }

  /** Time passes while a host works: of two looks at the clock the second is later, so that an answer's frame bears a
   * later time than the question's. */
  override realtime(): { seconds: number; nanoseconds: number } {
    const { seconds, nanoseconds } = super.realtime();
    const now = this.monotonic();
    this.#looked = now > this.#looked ? now : this.#looked + LOOK;
    const ahead = nanoseconds + this.#looked - now;
    return ahead < 1e9 ? { seconds, nanoseconds: ahead } : { seconds: seconds + 1, nanoseconds: ahead - 1e9 };
  }

  override after(nanoseconds: number, callback: () => void): () => void {
    const cancel = super.after(nanoseconds, callback);
    if (!this.#running) this.#arm();
    return cancel;
  }

  /** Brings the time up to the machine's, as far as no event is due before: what is sent now is stamped with now. */
  catchUp(): void {
    if (this.pace === 'virtual' || this.#running || this.#stopped) return;
    const time = Math.min(this.#wall(), this.next() - 1);
    if (time > this.monotonic()) this.runUntil(time);
  }

  /** Somebody outside waits, until the function that is returned is called (which may be called again). */
  hold(): () => void {
    let held = true;
    this.#held++;
    if (this.#held === 1) this.#refer();
    this.#arm();
    return () => {
      if (!held) return;
      held = false;
      this.#awakened = true;
      if (--this.#held === 0) this.#refer();
    };
  }

  /** The time stands still from now on. */
  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#immediate !== null) clearImmediate(this.#immediate);
    this.#timer = null;
    this.#immediate = null;
  }

  #wall(): number {
    const wall = (performance.now() - this.#origin) * 1e6;
    const leap = wall - this.monotonic() - LONGEST_LEAP;
    // Whole nanoseconds, as every time here.
    if (leap <= 0) return Math.floor(wall);
    this.#origin += leap / 1e6;
    return Math.floor(wall - leap);
  }

  #refer(): void {
    for (const timer of [this.#timer, this.#immediate])
      if (this.#held > 0) timer?.ref();
      else timer?.unref();
  }

  #arm(): void {
    if (this.#stopped || this.#immediate !== null) return;
    if (this.pace === 'virtual') {
      if (this.#held > 0 && this.next() !== Number.POSITIVE_INFINITY) this.#soon();
      return;
    }
    const next = this.next();
    if (this.#timer !== null) {
      if (next >= this.#due) return;
      clearTimeout(this.#timer);
      this.#timer = null;
    }
    const left = (next - this.#wall()) / 1e6;
    if (left <= 0) {
      this.#soon();
      return;
    }
    const sleep = Math.min(Math.ceil(left), LONGEST_SLEEP);
    this.#due = next;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#turn();
    }, sleep);
    if (this.#held === 0) this.#timer.unref();
  }

  #soon(): void {
    this.#immediate = setImmediate(() => {
      this.#immediate = null;
      this.#turn();
    });
    if (this.#held === 0) this.#immediate.unref();
  }

  #turn(): void {
    const until = this.pace === 'real' ? this.#wall() : Number.POSITIVE_INFINITY;
    this.#running = true;
    this.#awakened = false;
    try {
      let steps = 0;
      while (steps < STEPS && this.next() <= until) {
        // In virtual time nothing happens that nobody outside waits for.
        if (this.pace === 'virtual' && (this.#awakened || this.#held === 0)) break;
        this.step();
        steps++;
      }
      if (this.pace === 'real' && this.next() > until && until > this.monotonic()) this.runUntil(until);
    } finally {
      this.#running = false;
      this.#arm();
    }
  }
}
