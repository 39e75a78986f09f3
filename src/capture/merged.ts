import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { DEFAULT_BLOCK_TIMEOUT, PacketRing } from '../socket/ring.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { CounterWatch, type InterfaceCounters } from './counters.ts';
import { openMembers } from './fanout.ts';
import type { Feed } from './feed.ts';
import { FilteredRing, fillStatistics, type LiveOptions, type Moment, ringOptions, userProgram } from './live.ts';
import { type Batch, BlockMerger, copyBatch } from './merge.ts';
import type { LiveSource } from './session.ts';
import type { RingStatistics } from './statistics.ts';

/** A ring of this thread. */
export class LocalFeed implements Feed {
  readonly #ring: FilteredRing;

  constructor(ring: FilteredRing) {
    this.#ring = ring;
  }

  async run(take: (batch: Batch, interfaces: readonly FrameInterface[]) => Promise<void> | void): Promise<void> {
    for await (const block of this.#ring) {
      const taken = take(copyBatch(block), this.#ring.ring.interfaces);
      if (taken !== undefined) await taken;
    }
  }

  stop(): void {
    this.#ring.ring.stop();
  }

  statistics(): RingStatistics {
    return this.#ring.statistics();
  }

  close(): void {
    this.#ring.ring.close();
  }
}

/** Batches may wait for a slow sink in this much memory; then the rings fill, and the kernel counts what they lose. */
const WAITING_LIMIT = 256 << 20;
/** How much longer than a block stays open a ring's silence is waited for, in milliseconds. */
const PATIENCE = 100;

/** Opens a ring for each interface, and with `fanout` so many of them in threads of their own, as one source in the order
 * of time. Throws SystemError. */
export async function openMerged(system: SystemCalls, options: LiveOptions): Promise<LiveSource> {
  const feeds: Feed[] = [];
  const blockTimeout = options.immediate ? 1 : (options.blockTimeout ?? DEFAULT_BLOCK_TIMEOUT);
  let bufferSize = 0;
  const described: FrameInterface[] = [];
  try {
    for (const name of options.interfaces) {
      if (options.fanout === undefined) {
        const ring = PacketRing.open(system, ringOptions(name, options));
        feeds.push(new LocalFeed(new FilteredRing(ring, name, null, userProgram(options))));
        bufferSize ||= ring.bufferSize;
        described.push(...ring.interfaces);
      } else {
        const members = await openMembers(system, name, options, options.fanout);
        feeds.push(...members.feeds);
        bufferSize ||= members.bufferSize;
        described.push(...members.interfaces);
      }
    }
  } catch (error) {
    await Promise.all(feeds.map((feed) => feed.close()));
    throw error;
  }
  const watches = options.interfaces.filter((name) => name !== 'any').map((name) => new CounterWatch(system, name));
  return new MergedSource(feeds, watches, 2 * blockTimeout + PATIENCE, bufferSize, described, options.clock);
}

class MergedSource implements LiveSource {
  readonly interfaces: FrameInterface[] = [];
  readonly bufferSize: number;
  readonly described: readonly FrameInterface[];
  readonly #feeds: Feed[];
  readonly #watches: CounterWatch[];
  readonly #merger: BlockMerger;
  readonly #clock: Clock;
  readonly #started: Moment;
  /** Row of `interfaces` by name and index of a ring's interface: members of a fanout group share a device. */
  readonly #ids = new Map<string, number>();
  #running = 0;
  #waitingBytes = 0;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;
  #room: (() => void)[] = [];
  #closed = false;

  constructor(
    feeds: Feed[],
    watches: CounterWatch[],
    hold: number,
    bufferSize: number,
    described: readonly FrameInterface[],
    clock: Clock = systemClock,
  ) {
    this.#clock = clock;
    this.#started = clock.realtime();
    this.#feeds = feeds;
    this.#watches = watches;
    this.#merger = new BlockMerger(feeds.length, hold);
    this.bufferSize = bufferSize;
    this.described = described;
    // The interfaces of a file are in the order they were asked for, whichever has the first frame.
    if (!described.some(({ name }) => name === 'any')) for (const known of described) this.#id(known);
  }

  /** Milliseconds. */
  #now(): number {
    return this.#clock.monotonic() / 1e6;
  }

  #id(known: FrameInterface): number {
    const key = `${known.ifindex ?? ''} ${known.name}`;
    let id = this.#ids.get(key);
    if (id === undefined) {
      id = this.interfaces.push(known) - 1;
      this.#ids.set(key, id);
    }
    return id;
  }

  #take(ring: number, batch: Batch, interfaces: readonly FrameInterface[]): Promise<void> | undefined {
    const ids = interfaces.map((known) => this.#id(known));
    const { interfaceId } = batch;
    for (let row = 0; row < batch.count; row++) interfaceId[row] = ids[interfaceId[row]!]!;
    this.#merger.add(ring, batch, this.#now());
    this.#waitingBytes += batch.bytes.length;
    this.#wake?.();
    if (this.#waitingBytes <= WAITING_LIMIT) return undefined;
    return new Promise((resolve) => this.#room.push(resolve));
  }

  #begin(): void {
    this.#running = this.#feeds.length;
    this.#feeds.forEach((feed, ring) => {
      const ended = (error: Error | null): void => {
        this.#running--;
        if (error !== null) {
          this.#failure ??= error;
          // One interface that went away ends the capture: what the others have is still taken.
          this.stop();
        }
        this.#wake?.();
      };
      feed
        .run((batch, interfaces) => this.#take(ring, batch, interfaces))
        .then(
          () => ended(null),
          (error: unknown) => ended(error instanceof Error ? error : new Error(String(error))),
        );
    });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    this.#begin();
    const released = (_: number, batch: Batch): void => {
      this.#waitingBytes -= batch.bytes.length;
      if (this.#waitingBytes > WAITING_LIMIT) return;
      const waiting = this.#room;
      this.#room = [];
      for (const resume of waiting) resume();
    };
    try {
      for (;;) {
        // With too much waiting, order gives way: a ring that is silent must not stop the others.
        const all = this.#running === 0 || this.#waitingBytes > WAITING_LIMIT;
        const block = this.#merger.take(this.#now(), all, released);
        if (block !== null) {
          yield block;
          continue;
        }
        if (this.#running === 0) break;
        await this.#pause(this.#merger.untilDue(this.#now()));
      }
    } finally {
      await this.close();
    }
    if (this.#failure !== null) throw this.#failure;
  }

  #pause(limit: number | null): Promise<void> {
    return new Promise((resolve) => {
      const cancel = limit === null ? null : this.#clock.after((Math.ceil(limit) + 1) * 1e6, resume);
      const self = this;
      function resume(): void {
        cancel?.();
        self.#wake = null;
        resolve();
      }
      this.#wake = resume;
    });
  }

  stop(): void {
    for (const feed of this.#feeds) feed.stop();
  }

  async rings(): Promise<RingStatistics[]> {
    const rings = await Promise.all(this.#feeds.map((feed) => feed.statistics()));
    fillStatistics(this.described, rings, this.counters(), this.#started, this.#clock.realtime());
    return rings;
  }

  counters(): { name: string; counters: InterfaceCounters }[] {
    return this.#watches.flatMap((watch) => {
      const counters = watch.difference();
      return counters === null ? [] : [{ name: watch.name, counters }];
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const resume of this.#room) resume();
    await Promise.all(this.#feeds.map((feed) => feed.close()));
    this.#wake?.();
  }
}
