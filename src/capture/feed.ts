import type { FrameInterface } from '../frames/source.ts';
import type { Batch } from './merge.ts';
import type { RingStatistics } from './statistics.ts';

/** A ring, in this thread or another, whose blocks come as batches. */
export interface Feed {
  /** Delivers batches, with the ring's own table of interfaces as it is then, until the ring has ended. `take` resolves
   * when the next may come. Rejects with what ended the ring: an interface that went down. */
  run(take: (batch: Batch, interfaces: readonly FrameInterface[]) => Promise<void> | void): Promise<void>;
  stop(): void;
  statistics(): RingStatistics | Promise<RingStatistics>;
  close(): Promise<void> | void;
}
