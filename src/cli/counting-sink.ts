import type { FrameSink } from '../frames/source.ts';

/** A sink that knows how many frames it really took, for when it failed. */
export interface CountingSink extends FrameSink {
  readonly frames?: number | undefined;
  /** Milliseconds between flushes that the sink asks for: file changes by the clock happen there. */
  readonly flushEvery?: number;
}
