/** Which processors a thread runs on (sched_setaffinity(2)). */
import { SystemError } from '../syscall/error.ts';
import { native } from './native.ts';

/** CPU_SETSIZE / 8 of the C library: 1024 processors. */
const MASK_BYTES = 128;

/** Processors that the calling thread may run on, by number. */
export function affinity(): number[] {
  const libc = native();
  const mask = new Uint8Array(MASK_BYTES);
  if (libc.sched_getaffinity(0, MASK_BYTES, mask) < 0) throw new SystemError(libc.errno(), 'sched_getaffinity');
  const processors: number[] = [];
  for (let cpu = 0; cpu < MASK_BYTES * 8; cpu++) if (mask[cpu >> 3]! & (1 << (cpu & 7))) processors.push(cpu);
  return processors;
}

/** Binds the calling thread to these processors. Throws SystemError EINVAL where it may run on none of them. */
export function setAffinity(processors: readonly number[]): void {
  const libc = native();
  const mask = new Uint8Array(MASK_BYTES);
  for (const cpu of processors) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= MASK_BYTES * 8) throw new RangeError(`processors: ${cpu}`);
    mask[cpu >> 3]! |= 1 << (cpu & 7);
  }
  if (libc.sched_setaffinity(0, MASK_BYTES, mask) < 0)
    throw new SystemError(libc.errno(), 'sched_setaffinity', { dest: processors.join(',') });
}
