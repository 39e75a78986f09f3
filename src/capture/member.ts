/** What the threads of a fanout group and the main thread say to each other. */
import type { BpfProgram } from '../filter/program.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { RingOptions } from '../socket/ring.ts';
import { SystemError } from '../syscall/error.ts';
import type { Batch } from './merge.ts';
import type { RingStatistics } from './statistics.ts';

/** What a member's thread is started with. */
export interface MemberTask {
  options: RingOptions;
  /** For frames that the kernel could not filter. */
  program: BpfProgram | null;
  member: number;
}

/** What the thread is told. */
export type ToMember = { kind: 'stop' | 'taken' | 'statistics' };

/** What the thread tells. Everything in order, so that what is counted in statistics has been delivered before. The
 * interfaces of `open` are as a file can describe them before the first frame. */
export type FromMember =
  | { kind: 'open'; bufferSize: number; interfaces: FrameInterface[] }
  | { kind: 'batch'; batch: Batch; interfaces: FrameInterface[] }
  | { kind: 'statistics'; statistics: RingStatistics }
  | { kind: 'ended'; statistics: RingStatistics; error: MemberError | null };

/** An error on its way between threads, where classes are lost. */
export type MemberError =
  | { errno: number; syscall: string; dest: string | undefined; hint: string | undefined }
  | { message: string };

export const packError = (error: unknown): MemberError =>
  error instanceof SystemError
    ? { errno: error.errno, syscall: error.syscall, dest: error.dest, hint: error.hint }
    : { message: error instanceof Error ? error.message : String(error) };

export function unpackError(error: MemberError): Error {
  if (!('errno' in error)) return new Error(error.message);
  const { dest, hint } = error;
  return new SystemError(error.errno, error.syscall, {
    ...(dest === undefined ? {} : { dest }),
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Batches that may be on their way from a thread before it waits: its ring then fills. */
export const BATCHES_UNDERWAY = 32;
