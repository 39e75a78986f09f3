/** Time comes in through the door: whoever needs it is given a Clock. */
export interface Clock {
  /** Time of day, CLOCK_REALTIME: seconds since 1970 (UTC) and nanoseconds within the second. */
  realtime(): { seconds: number; nanoseconds: number };
  /** CLOCK_MONOTONIC in nanoseconds. A double: exact to the nanosecond for 104 days of uptime, which suffices for
   * intervals; never use it as an epoch. */
  monotonic(): number;
  /** Calls `callback` once after `nanoseconds`, never from inside this call. 0 means as soon as the caller has returned
   * to the event loop. Returns a function that cancels. */
  after(nanoseconds: number, callback: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  realtime() {
    // performance.timeOrigin + now() has a resolution of microseconds at best; frames carry the kernel's own stamps.
    const milliseconds = performance.timeOrigin + performance.now();
    const seconds = Math.floor(milliseconds / 1000);
    return { seconds, nanoseconds: Math.min(999_999_999, Math.floor((milliseconds - seconds * 1000) * 1e6)) };
  },
  monotonic: () => Number(process.hrtime.bigint()),
  after(nanoseconds, callback) {
    if (nanoseconds <= 0) {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(callback, nanoseconds / 1e6);
    return () => clearTimeout(timer);
  },
};
