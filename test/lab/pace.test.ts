/** A virtual clock that the event loop moves: who waits, and how far it goes. */
import { describe, expect, it } from 'vitest';
import { Kernel } from '../../src/kernel/kernel.ts';
import { attended, attendedClock } from '../../src/lab/attended.ts';
import { PacedClock } from '../../src/lab/pace.ts';
import { udpSocket } from '../../src/socket/open.ts';
import { seededRandom } from '../../src/time/random.ts';

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

describe('virtual', () => {
  it('stands still until somebody waits, and goes straight to what he waits for', async () => {
    const clock = new PacedClock({ pace: 'virtual' });
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.monotonic());
      clock.after(1e9, again);
    };
    clock.after(1e9, again);
    clock.begin();
    await turns(50);
    expect(fired).toEqual([]);
    await new Promise<void>((resolve) => attendedClock(clock).after(3.5e9, resolve));
    expect(fired).toEqual([1e9, 2e9, 3e9]);
    expect(clock.monotonic()).toBe(3.5e9);
    await turns(50);
    expect(clock.monotonic()).toBe(3.5e9);
    clock.stop();
  });

  it('a wait that is given up holds no longer; the program that was woken comes before the next event', async () => {
    const clock = new PacedClock({ pace: 'virtual' });
    const outside = attendedClock(clock);
    clock.begin();
    const cancel = outside.after(5e9, () => expect.unreachable());
    cancel();
    cancel();
    const order: string[] = [];
    clock.after(1e9 + 1, () => order.push(`event ${clock.monotonic()}`));
    await new Promise<void>((resolve) => outside.after(1e9, resolve));
    order.push(`program ${clock.monotonic()}`);
    await new Promise<void>((resolve) => outside.after(1, resolve));
    expect(order).toEqual(['program 1000000000', 'event 1000000001']);
    clock.stop();
  });

  it('warms up at once, and is at its epoch then', () => {
    const clock = new PacedClock({ pace: 'virtual', warmUp: 5e9, epoch: 1234 });
    let fired = 0;
    clock.after(4e9, () => fired++);
    clock.begin();
    expect([fired, clock.monotonic()]).toEqual([1, 5e9]);
    expect(clock.realtime()).toEqual({ seconds: 1234, nanoseconds: 0 });
    // Two looks are a microsecond apart: an answer has a later time than its question.
    expect(clock.realtime()).toEqual({ seconds: 1234, nanoseconds: 1000 });
    clock.stop();
  });

  it('a wait of a socket moves it: a timeout of an hour takes no hour', async () => {
    const clock = new PacedClock({ pace: 'virtual' });
    const kernel = new Kernel({ clock, random: seededRandom(1) });
    clock.begin();
    const socket = udpSocket(attended(kernel.process(), clock), { address: '127.0.0.1' });
    expect(await socket.receive(new Uint8Array(1), { timeout: 3_600_000 })).toBeNull();
    expect(clock.monotonic()).toBe(3600e9);
    clock.stop();
  });
});

describe('real', () => {
  it('follows the clock on the wall, and stamps what is done now with now', async () => {
    const before = Date.now();
    const clock = new PacedClock({ pace: 'real' });
    clock.begin();
    const outside = attendedClock(clock);
    const started = outside.monotonic();
    await new Promise<void>((resolve) => outside.after(50e6, resolve));
    expect(outside.monotonic() - started).toBeGreaterThanOrEqual(50e6);
    const { seconds, nanoseconds } = outside.realtime();
    const now = seconds * 1000 + nanoseconds / 1e6;
    expect(now).toBeGreaterThanOrEqual(before + 49);
    expect(now).toBeLessThanOrEqual(Date.now() + 50);
    clock.stop();
  });

  it('fires nothing after it was stopped', async () => {
    const clock = new PacedClock({ pace: 'real' });
    clock.begin();
    clock.after(1e6, () => expect.unreachable());
    clock.stop();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(clock.pending).toBe(1);
  });
});
