import { describe, expect, it } from 'vitest';
import { Schedule } from '../../../src/inject/replay/schedule.ts';
import { CachedSides, CLIENT, NEITHER, SERVER, SideRecorder } from '../../../src/inject/replay/sides.ts';
import { TimingHistogram } from '../../../src/inject/replay/timing.ts';
import { seededRandom } from '../../../src/time/random.ts';

describe('when frames are due', () => {
  const times = (schedule: Schedule, frames: [number, number][]): number[] =>
    frames.map(([time, length]) => schedule.next(time, length));

  it('as recorded, and faster', () => {
    const frames: [number, number][] = [
      [500, 60],
      [1500, 60],
      [1500, 60],
      [4500, 60],
    ];
    expect(times(new Schedule({ kind: 'recorded', multiplier: 1 }), frames)).toEqual([0, 1000, 1000, 4000]);
    expect(times(new Schedule({ kind: 'recorded', multiplier: 4 }), frames)).toEqual([0, 250, 250, 1000]);
  });

  it('a frame that is older than the one before is due with it, and time goes on from the latest', () => {
    const schedule = new Schedule({ kind: 'recorded', multiplier: 1 });
    expect(
      times(schedule, [
        [0, 1],
        [1000, 1],
        [200, 1],
        [1100, 1],
      ]),
    ).toEqual([0, 1000, 1000, 1100]);
  });

  it('the next file begins with the last frame of the one before', () => {
    const schedule = new Schedule({ kind: 'recorded', multiplier: 1 });
    expect(
      times(schedule, [
        [0, 1],
        [700, 1],
      ]),
    ).toEqual([0, 700]);
    schedule.restart();
    expect(
      times(schedule, [
        [-90, 1],
        [10, 1],
      ]),
    ).toEqual([700, 800]);
  });

  it('by frames and by bits a second', () => {
    expect(
      times(new Schedule({ kind: 'pps', rate: 1000 }), [
        [9, 60],
        [1, 60],
        [5, 60],
      ]),
    ).toEqual([0, 1e6, 2e6]);
    // 125 bytes are 1,000 bits: a millisecond at 1 Mbit/s.
    expect(
      times(new Schedule({ kind: 'mbps', rate: 1 }), [
        [9, 125],
        [1, 250],
        [5, 60],
      ]),
    ).toEqual([0, 1e6, 3e6]);
  });

  it('refuses rates that are none', () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => new Schedule({ kind: 'pps', rate })).toThrow(RangeError);
  });
});

describe('percentiles of lateness', () => {
  it('are within one part in 64 of the sorted values', () => {
    const seed = 20261120;
    const draw = seededRandom(seed);
    const histogram = new TimingHistogram();
    const values: number[] = [];
    for (let i = 0; i < 5000; i++) {
      const value = Math.floor(2 ** ((draw() / 2 ** 32) * 45));
      values.push(value);
      histogram.add(value);
    }
    values.sort((a, b) => a - b);
    for (const share of [0.01, 0.5, 0.9, 0.99, 0.999]) {
      const exact = values[Math.ceil(values.length * share) - 1]!;
      const told = histogram.percentile(share);
      expect(told, `seed ${seed}, ${share}`).toBeGreaterThanOrEqual(exact);
      expect(told, `seed ${seed}, ${share}`).toBeLessThanOrEqual(exact * (1 + 1 / 64) + 1);
    }
    expect(histogram.summary()!.max).toBe(values.at(-1));
    expect(histogram.total).toBe(5000);
  });

  it('small values are exact, and too early is not late', () => {
    const histogram = new TimingHistogram();
    expect(histogram.summary()).toBeNull();
    for (const value of [-5, 0, 7, 7, 127, 128]) histogram.add(value);
    expect(histogram.percentile(0.5)).toBe(7);
    expect(histogram.percentile(0.8)).toBe(127);
    expect(histogram.percentile(0.01)).toBe(0);
    expect(histogram.summary()).toEqual({ p50: 7, p90: 128, p99: 128, max: 128 });
  });
});

describe('cache files', () => {
  it('come back as they were written', () => {
    const draw = seededRandom(7);
    const sides = Array.from({ length: 20_001 }, () => ([CLIENT, SERVER, NEITHER] as const)[draw() % 3]!);
    const recorder = new SideRecorder();
    for (const side of sides) recorder.add(side);
    const cached = new CachedSides(recorder.cache('made by a test'));
    expect(cached.count).toBe(sides.length);
    const nothing = new Uint8Array(0);
    expect(sides.map((_, i) => cached.side(nothing, 0, 0, 1, i))).toEqual(sides);
    expect(() => cached.side(nothing, 0, 0, 1, sides.length)).toThrow(/has 20001 frames/);
  });

  it('that are none, of another version or cut short are refused', () => {
    const recorder = new SideRecorder();
    for (let i = 0; i < 9; i++) recorder.add(CLIENT);
    const good = recorder.cache();
    expect(() => new CachedSides(good.subarray(0, good.length - 1))).toThrow(/cut short/);
    expect(() => new CachedSides(good.subarray(0, 20))).toThrow(/not a cache/);
    const other = good.slice();
    other[9] = 0x33;
    expect(() => new CachedSides(other)).toThrow(/version/);
    expect(() => new CachedSides(new TextEncoder().encode('tcpprep? no, this is some text'))).toThrow(/not a cache/);
  });
});
