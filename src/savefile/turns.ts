const nothing = (): void => {};

/** One step at a time: a step asked for while another is waiting for its output begins when that has ended, however it
 * ended. Where nothing is waiting a step runs at once and without a promise.
 *
 * A timer flushes, a clock rotates, and neither knows whether a pipe is just being written to. */
export class Turns {
  #last: Promise<void> | null = null;

  take<T>(step: () => T | Promise<T>): T | Promise<T> {
    if (this.#last !== null) return this.#hold(this.#last.then(step));
    const result = step();
    return result instanceof Promise ? this.#hold(result) : result;
  }

  #hold<T>(running: Promise<T>): Promise<T> {
    const settled: Promise<void> = running.then(nothing, nothing).then(() => {
      if (this.#last === settled) this.#last = null;
    });
    this.#last = settled;
    return running;
  }
}
