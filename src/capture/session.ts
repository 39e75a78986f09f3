import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink, FrameSource } from '../frames/source.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import type { InterfaceCounters } from './counters.ts';
import { type CaptureStatistics, type RingStatistics, total } from './statistics.ts';

/** A source of frames as they arrive, with the kernel's counts. */
export interface LiveSource extends FrameSource {
  /** Ends the intake: no frame that arrives from now on comes in. The iteration gives what is in the rings already and
   * ends. May be called again. */
  stop(): void;
  /** Counts since the start, one row a ring. May be asked at any time, after the end as well. */
  rings(): RingStatistics[] | Promise<RingStatistics[]>;
  /** What a file can say of the interfaces before the first frame. For `any`, whose devices become known with their
   * frames, one that stands for all of them, and has the ring's counts in the end. */
  readonly described: readonly FrameInterface[];
  /** Bytes of a ring. */
  readonly bufferSize: number;
  /** The interfaces' own counters since the start. */
  counters(): { name: string; counters: InterfaceCounters }[];
}

/** Why a capture ended. */
export type StopReason =
  /** `count` frames were captured. */
  | 'count'
  | 'duration'
  /** The caller asked (a signal to the program, an AbortSignal). */
  | 'asked'
  /** The sink wants no more: its reader closed the pipe, or the last of the files is full. */
  | 'output-closed'
  /** The sink failed: the disk is full, say. `error` tells. */
  | 'output-failed'
  /** The source failed: the interface went down or away. `error` tells. */
  | 'source-failed';

export interface SessionResult {
  reason: StopReason;
  error: Error | null;
  statistics: CaptureStatistics;
}

export interface SessionOptions {
  source: LiveSource;
  /** `frames`, where the sink has it: how many it really took, also after it failed. */
  sink: FrameSink & { readonly frames?: number | undefined };
  /** Frames to capture, then stop. */
  count?: number | undefined;
  /** Milliseconds to capture, then stop. */
  duration?: number | undefined;
  /** Aborting stops as a person would: what is in the ring is still captured. */
  signal?: AbortSignal | undefined;
  /** Milliseconds between flushes of the sink, so that a killed process leaves a readable file. 0: never by time. */
  flushEvery?: number | undefined;
  /** Whose time `duration` and the elapsed time are in: the one of the kernel that is captured on. Default: the machine's. */
  clock?: Clock | undefined;
}

/** A sink throws this to say that it wants no more frames, and that nothing is wrong with that. */
export class OutputClosed extends Error {
  readonly code = 'OUTPUT_CLOSED';
}

/** Carries frames from a live source to a sink until something ends it, then flushes, closes both, and tells why. Never
 * throws for what the source or the sink did: `reason` and `error` say it, beside true statistics. */
export class CaptureSession {
  readonly #options: SessionOptions;
  readonly #clock: Clock;
  readonly #started: number;
  #captured = 0;
  #left = 0;
  #bytes = 0;
  #ended: number | null = null;
  #reason: StopReason | null = null;
  #error: Error | null = null;
  /** The sink's work in progress; sinks take one call at a time. */
  #busy: Promise<void> | null = null;
  #writing = false;
  #flushDue = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#started = this.#clock.monotonic();
  }

  /** Ends the capture; the first reason stays. */
  stop(reason: StopReason = 'asked', error: Error | null = null): void {
    if (this.#reason !== null) return;
    this.#reason = reason;
    this.#error = error;
    this.#options.source.stop();
  }

  get captured(): number {
    return this.#captured;
  }

  get bytes(): number {
    return this.#bytes;
  }

  async statistics(): Promise<CaptureStatistics> {
    const rings = await this.#options.source.rings();
    return {
      captured: this.#captured,
      received: total(rings.map((ring) => ring.received)),
      dropped: total(rings.map((ring) => ring.dropped)),
      freezes: total(rings.map((ring) => ring.freezes)),
      left: this.#left + rings.reduce((sum, ring) => sum + ring.undelivered, 0),
      unwritten: 0,
      bytes: this.#bytes,
      elapsed: ((this.#ended ?? this.#clock.monotonic()) - this.#started) / 1e9,
      rings,
      interfaces: this.#options.source.counters(),
    };
  }

  async run(): Promise<SessionResult> {
    const { source, sink, count, duration, signal, flushEvery = 1000 } = this.#options;
    const onAbort = (): void => this.stop('asked');
    if (signal?.aborted) this.stop('asked');
    signal?.addEventListener('abort', onAbort, { once: true });
    const endDuration = duration === undefined ? null : this.#clock.after(duration * 1e6, () => this.stop('duration'));
    const flushTimer = flushEvery > 0 ? setInterval(() => this.#flush(), flushEvery) : null;
    if (count !== undefined && count <= 0) this.stop('count');
    try {
      for await (const block of source) {
        const kept = this.#limit(block, count);
        if (kept > 0 && this.#sinkWorks()) {
          // Waits only where the sink does: a sink that takes the block at once costs no turn of the event loop.
          while (this.#busy !== null) await this.#busy;
          this.#writing = true;
          await this.#put(() => sink.write(block, source.interfaces));
          this.#writing = false;
          if (this.#flushDue) this.#flush();
        }
        if (count !== undefined && this.#captured >= count) this.stop('count');
      }
    } catch (error) {
      this.stop('source-failed', asError(error));
    } finally {
      endDuration?.();
      if (flushTimer !== null) clearInterval(flushTimer);
      signal?.removeEventListener('abort', onAbort);
      this.#ended = this.#clock.monotonic();
    }
    const statistics = await this.statistics();
    while (this.#busy !== null) await this.#busy;
    try {
      await sink.close();
    } catch (error) {
      if (this.#reason === null || this.#sinkWorks()) {
        this.#reason = isClosedOutput(error) ? 'output-closed' : 'output-failed';
        this.#error = asError(error);
      }
    }
    await source.close();
    const { frames } = sink;
    if (!this.#sinkWorks() && frames !== undefined && frames < statistics.captured) {
      statistics.unwritten = statistics.captured - frames;
      statistics.captured = frames;
    }
    return { reason: this.#reason ?? 'asked', error: this.#error, statistics };
  }

  #sinkWorks(): boolean {
    return this.#reason !== 'output-closed' && this.#reason !== 'output-failed';
  }

  /** Counts the block's kept rows, and rejects those beyond `count`. */
  #limit(block: FrameBlock, count: number | undefined): number {
    const { keep, capturedLength } = block;
    const room = this.#sinkWorks() ? (count ?? Number.POSITIVE_INFINITY) - this.#captured : 0;
    let kept = 0;
    let bytes = 0;
    for (let row = 0; row < block.count; row++) {
      if (keep[row] === 0) continue;
      if (kept < room) {
        kept++;
        bytes += capturedLength[row]!;
      } else {
        keep[row] = 0;
        this.#left++;
      }
    }
    this.#captured += kept;
    this.#bytes += bytes;
    return kept;
  }

  #put(work: () => void | Promise<void>): void | Promise<void> {
    try {
      const done = work();
      if (done === undefined) return;
      this.#busy = done.then(
        () => {
          this.#busy = null;
        },
        (error: unknown) => {
          this.#busy = null;
          this.#fail(error);
        },
      );
      return this.#busy;
    } catch (error) {
      this.#fail(error);
    }
  }

  #flush(): void {
    // While a flush lasts, the next is left out; while a write lasts, it waits for that.
    this.#flushDue = this.#writing;
    if (this.#busy === null && this.#sinkWorks()) void this.#put(() => this.#options.sink.flush());
  }

  #fail(error: unknown): void {
    const closed = isClosedOutput(error);
    // An output that fails after something else had ended the capture is still what the caller must hear of.
    if (this.#reason !== null && this.#sinkWorks()) {
      this.#reason = closed ? 'output-closed' : 'output-failed';
      this.#error = asError(error);
    } else this.stop(closed ? 'output-closed' : 'output-failed', asError(error));
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Whether a sink's error says only that its reader is gone. */
export function isClosedOutput(error: unknown): boolean {
  if (error instanceof OutputClosed) return true;
  const { code, systemCode } = (error ?? {}) as { code?: string; systemCode?: string };
  return code === 'EPIPE' || systemCode === 'EPIPE';
}
