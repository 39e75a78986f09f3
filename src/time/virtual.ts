import type { Clock } from './clock.ts';

interface Timer {
  /** Nanoseconds since the clock's start. */
  at: number;
  /** Order of arming: timers of the same time fire in the order in which they were armed. */
  order: number;
  callback: (() => void) | null;
}

/** A clock that moves only when it is told to. Two runs that arm the same timers see the same times, to the nanosecond.
 *
 * `realtime` starts at `epoch` seconds (default 1,000,000,000: 2001-09-09T01:46:40Z) and advances with `monotonic`. */
export class VirtualClock implements Clock {
  readonly #epochSeconds: number;
  readonly #heap: Timer[] = [];
  #now = 0;
  #order = 0;
  /** Timers cancelled but still in the heap. */
  #dead = 0;

  constructor({ epoch = 1_000_000_000 }: { epoch?: number } = {}) {
    this.#epochSeconds = epoch;
  }

  realtime(): { seconds: number; nanoseconds: number } {
    const whole = Math.floor(this.#now / 1e9);
    return { seconds: this.#epochSeconds + whole, nanoseconds: this.#now - whole * 1e9 };
  }

  monotonic(): number {
    return this.#now;
  }

  after(nanoseconds: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, Math.ceil(nanoseconds)), order: this.#order++, callback };
    this.#push(timer);
    return () => {
      if (timer.callback === null) return;
      timer.callback = null;
      this.#dead++;
      // Mostly dead heaps are swept, so that timers armed and cancelled for each packet cost no memory.
      if (this.#dead > 64 && this.#dead * 2 > this.#heap.length) this.#sweep();
    };
  }

  /** Timers that are armed. */
  get pending(): number {
    return this.#heap.length - this.#dead;
  }

  /** Time of the next timer in nanoseconds since the start, or Infinity. */
  next(): number {
    while (this.#heap.length > 0 && this.#heap[0]!.callback === null) {
      this.#pop();
      this.#dead--;
    }
    return this.#heap.length > 0 ? this.#heap[0]!.at : Number.POSITIVE_INFINITY;
  }

  /** Moves to the next timer and fires it. False where none is armed. */
  step(): boolean {
    if (this.next() === Number.POSITIVE_INFINITY) return false;
    const timer = this.#pop();
    this.#now = Math.max(this.#now, timer.at);
    const callback = timer.callback!;
    timer.callback = null;
    callback();
    return true;
  }

  /** Fires everything due within `nanoseconds`, and ends at exactly that time. */
  advance(nanoseconds: number): void {
    this.runUntil(this.#now + nanoseconds);
  }

  /** Fires everything due up to `time` (nanoseconds since the start) and ends there. */
  runUntil(time: number): void {
    while (this.next() <= time) this.step();
    this.#now = Math.max(this.#now, time);
  }

  /** Fires timers until none is left or `limit` have fired; returns how many. Periodic timers never end: give a limit. */
  run(limit: number): number {
    let fired = 0;
    while (fired < limit && this.step()) fired++;
    return fired;
  }

  #before(a: Timer, b: Timer): boolean {
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#before(timer, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = timer;
  }

  #pop(): Timer {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sift(last, 0);
    return top;
  }

  #sift(timer: Timer, at: number): void {
    const heap = this.#heap;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && this.#before(heap[down + 1]!, heap[down]!)) down++;
      if (!this.#before(heap[down]!, timer)) break;
      heap[at] = heap[down]!;
      at = down;
    }
    heap[at] = timer;
  }

  #sweep(): void {
    const heap = this.#heap;
    let kept = 0;
    for (const timer of heap) if (timer.callback !== null) heap[kept++] = timer;
    heap.length = kept;
    this.#dead = 0;
    for (let at = (kept >> 1) - 1; at >= 0; at--) this.#sift(heap[at]!, at);
  }
}
