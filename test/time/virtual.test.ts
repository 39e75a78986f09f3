import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/time/random.ts';
import { VirtualClock } from '../../src/time/virtual.ts';

describe('the virtual clock', () => {
  it('fires timers in order of time, those of the same time in the order of arming', () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    clock.after(20, () => seen.push(`c${clock.monotonic()}`));
    clock.after(10, () => seen.push(`a${clock.monotonic()}`));
    clock.after(10, () => seen.push(`b${clock.monotonic()}`));
    clock.advance(15);
    expect(seen).toEqual(['a10', 'b10']);
    expect(clock.monotonic()).toBe(15);
    clock.advance(5);
    expect(seen).toEqual(['a10', 'b10', 'c20']);
  });

  it('a timer armed by a timer fires within the same advance where it is due', () => {
    const clock = new VirtualClock();
    const seen: number[] = [];
    const again = () => {
      seen.push(clock.monotonic());
      if (seen.length < 5) clock.after(7, again);
    };
    clock.after(7, again);
    clock.advance(28);
    expect(seen).toEqual([7, 14, 21, 28]);
  });

  it('a cancelled timer never fires, and thousands of them cost no memory', () => {
    const clock = new VirtualClock();
    let fired = 0;
    for (let i = 0; i < 10_000; i++) clock.after(1000 + i, () => fired++)();
    clock.after(5, () => fired++);
    expect(clock.pending).toBe(1);
    clock.advance(20_000);
    expect(fired).toBe(1);
  });

  it('realtime moves with monotonic and keeps nanoseconds', () => {
    const clock = new VirtualClock({ epoch: 5 });
    clock.advance(1_500_000_001);
    expect(clock.realtime()).toEqual({ seconds: 6, nanoseconds: 500_000_001 });
  });

  it('agrees with a sorted list over random timers', () => {
    const seed = 20261120;
    const random = seededRandom(seed);
    const clock = new VirtualClock();
    const expected: { at: number; id: number }[] = [];
    const seen: number[] = [];
    for (let id = 0; id < 2000; id++) {
      const at = random() % 5000;
      const cancel = clock.after(at, () => seen.push(id));
      if (random() % 3 === 0) cancel();
      else expected.push({ at, id });
    }
    clock.run(5000);
    expected.sort((a, b) => a.at - b.at || a.id - b.id);
    expect(seen, `seed ${seed}`).toEqual(expected.map((e) => e.id));
  });
});
