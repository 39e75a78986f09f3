/** The kernel's clocks, to the nanosecond (clock_gettime(2)), and sleeping by them. */
import { SystemError } from '../syscall/error.ts';
import { hostU64, putHostU64 } from '../uapi/host.ts';
import { native } from './native.ts';

export const CLOCK_REALTIME = 0;
export const CLOCK_MONOTONIC = 1;

/** Seconds and nanoseconds of a clock. CLOCK_REALTIME is the clock that packet rings stamp frames with. */
export function clockTime(clock: number): { seconds: number; nanoseconds: number } {
  const libc = native();
  const time = new Uint8Array(16);
  if (libc.clock_gettime(clock, time) < 0) throw new SystemError(libc.errno(), 'clock_gettime');
  return { seconds: Number(hostU64(time, 0)), nanoseconds: Number(hostU64(time, 8)) };
}

/** Longest sleep, in nanoseconds: the event loop stands still meanwhile. */
const LONGEST = 10_000_000;

/** Blocks the thread for `nanoseconds`, at most 10 ms: for pacing between two frames, where a timer of the event loop is
 * too coarse. The kernel adds its timer slack, 50 µs as a rule (prctl(2), PR_SET_TIMERSLACK). Throws RangeError. */
export function sleepNanoseconds(nanoseconds: number): void {
  if (!(nanoseconds >= 0) || nanoseconds > LONGEST)
    throw new RangeError(`nanoseconds: ${nanoseconds} is not 0 to ${LONGEST}`);
  const request = new Uint8Array(16);
  putHostU64(request, 8, BigInt(Math.round(nanoseconds)));
  const error = native().clock_nanosleep(CLOCK_MONOTONIC, 0, request, null);
  if (error !== 0) throw new SystemError(error, 'clock_nanosleep');
}
