import { describe, expect, it } from 'vitest';
import { Pacer, waitUntil } from '../../src/inject/pace.ts';
import { type Clock, systemClock } from '../../src/time/clock.ts';

/** A clock that moves to the next timer as soon as somebody waits for one. */
class TestClock implements Clock {
  now = 0;
  waits: number[] = [];
  realtime(): { seconds: number; nanoseconds: number } {
    return { seconds: 0, nanoseconds: this.now };
  }
  monotonic(): number {
    return this.now;
  }
  after(nanoseconds: number, callback: () => void): () => void {
    this.waits.push(nanoseconds);
    let live = true;
    queueMicrotask(() => {
      if (!live) return;
      this.now += nanoseconds;
      callback();
    });
    return () => {
      live = false;
    };
  }
}

describe('Pacer', () => {
  it('deals out one frame now and one after each interval', () => {
    const clock = new TestClock();
    const pacer = Pacer.perSecond(clock, 1000);
    expect(pacer.take(10)).toBe(1);
    expect(pacer.take(10)).toBe(0);
    clock.now = 999_999;
    expect(pacer.take(10)).toBe(0);
    clock.now = 1_000_000;
    expect(pacer.take(10)).toBe(1);
    clock.now = 5_500_000;
    expect(pacer.take(10)).toBe(4);
    expect(pacer.take(10)).toBe(0);
    clock.now = 6_000_000;
    expect(pacer.take(10)).toBe(1);
  });

  it('never gives more than is wanted, and gives the rest later', () => {
    const clock = new TestClock();
    const pacer = Pacer.perSecond(clock, 1e6);
    clock.now = 99_000;
    expect(pacer.take(64)).toBe(64);
    expect(pacer.take(64)).toBe(36);
  });

  it('makes up for at most a burst after a long pause', () => {
    const clock = new TestClock();
    const pacer = new Pacer(clock, 1000, 16);
    clock.now = 1e9;
    expect(pacer.take(1000)).toBe(17);
    clock.now += 1000;
    expect(pacer.take(1000)).toBe(1);
  });

  it('waits exactly as long as the next frame asks for', async () => {
    const clock = new TestClock();
    const pacer = new Pacer(clock, 250_000_000);
    const times: number[] = [];
    for (let frames = 0; frames < 4; frames += pacer.take(1)) {
      await pacer.wait();
      times.push(clock.now);
    }
    expect(times).toEqual([0, 250_000_000, 500_000_000, 750_000_000]);
    expect(clock.waits).toEqual([250_000_000, 250_000_000, 250_000_000]);
  });

  it('without a limit gives what is wanted', () => {
    expect(new Pacer(new TestClock(), 0).take(123)).toBe(123);
  });

  it('refuses a rate that is no rate', () => {
    expect(() => Pacer.perSecond(new TestClock(), 0)).toThrow(RangeError);
    expect(() => Pacer.perSecond(new TestClock(), Number.NaN)).toThrow(RangeError);
  });
});

describe('waitUntil', () => {
  it("on the machine's clock is never early, and precise waits are late by little", async () => {
    let late = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 500 && late >= 200_000; turn++) {
      const deadline = systemClock.monotonic() + 3_300_000;
      await waitUntil(systemClock, deadline, { precise: true });
      const off = systemClock.monotonic() - deadline;
      expect(off).toBeGreaterThanOrEqual(0);
      late = Math.min(late, off);
    }
    // One of many: the machine may be busy with something else. A timer alone would be late by up to a millisecond.
    expect(late).toBeLessThan(200_000);
  });

  it('ends at once when the signal aborts, and leaves no timer', async () => {
    const controller = new AbortController();
    const wait = waitUntil(systemClock, systemClock.monotonic() + 60e9, { signal: controller.signal });
    controller.abort();
    await wait;
    await waitUntil(systemClock, systemClock.monotonic() + 60e9, { signal: controller.signal });
  });
});
