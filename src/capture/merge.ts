import { FrameBlock } from '../frames/block.ts';

/** A block's rows with memory of their own, so that they outlive the ring's block and can move between threads. */
export interface Batch {
  bytes: Uint8Array;
  count: number;
  offset: Uint32Array;
  capturedLength: Uint32Array;
  originalLength: Uint32Array;
  seconds: Float64Array;
  nanoseconds: Uint32Array;
  interfaceId: Uint32Array;
  flags: Uint32Array;
}

/** Copies the kept rows of `block` with one copy of the memory between the first and the last of them. Cost: the
 * memory's bytes and some 30 bytes a row. */
export function copyBatch(block: FrameBlock): Batch {
  let count = 0;
  let start = Number.POSITIVE_INFINITY;
  let end = 0;
  for (let row = 0; row < block.count; row++) {
    if (block.keep[row] === 0) continue;
    count++;
    const offset = block.offset[row]!;
    if (offset < start) start = offset;
    if (offset + block.capturedLength[row]! > end) end = offset + block.capturedLength[row]!;
  }
  if (count === 0) start = end = 0;
  const batch: Batch = {
    bytes: block.bytes.slice(start, end),
    count,
    offset: new Uint32Array(count),
    capturedLength: new Uint32Array(count),
    originalLength: new Uint32Array(count),
    seconds: new Float64Array(count),
    nanoseconds: new Uint32Array(count),
    interfaceId: new Uint32Array(count),
    flags: new Uint32Array(count),
  };
  let to = 0;
  for (let row = 0; row < block.count; row++) {
    if (block.keep[row] === 0) continue;
    batch.offset[to] = block.offset[row]! - start;
    batch.capturedLength[to] = block.capturedLength[row]!;
    batch.originalLength[to] = block.originalLength[row]!;
    batch.seconds[to] = block.seconds[row]!;
    batch.nanoseconds[to] = block.nanoseconds[row]!;
    batch.interfaceId[to] = block.interfaceId[row]!;
    batch.flags[to] = block.flags[row]!;
    to++;
  }
  return batch;
}

interface Pending {
  batch: Batch;
  /** First row that was not taken yet. */
  next: number;
  /** When the batch came, milliseconds of a monotonic clock. */
  came: number;
}

/** Puts the rows of several rings into one order by time. A ring's own order is never changed.
 *
 * A frame may go out once every ring has given one as late or later. A ring that is silent would hold the others up, so
 * a batch that waited for `hold` milliseconds (longer than a ring keeps a block open) goes out all the same. */
export class BlockMerger {
  readonly #queues: Pending[][];
  readonly #hold: number;
  /** Time of the last row that each ring has given. */
  readonly #lastSeconds: Float64Array;
  readonly #lastNanoseconds: Uint32Array;
  readonly #block = new FrameBlock(new Uint8Array(0), 1024);

  constructor(rings: number, hold: number) {
    this.#queues = Array.from({ length: rings }, () => []);
    this.#hold = hold;
    this.#lastSeconds = new Float64Array(rings).fill(Number.NEGATIVE_INFINITY);
    this.#lastNanoseconds = new Uint32Array(rings);
  }

  /** Rows waiting, in batches. */
  get waiting(): number {
    let count = 0;
    for (const queue of this.#queues) count += queue.length;
    return count;
  }

  add(ring: number, batch: Batch, now: number): void {
    if (batch.count === 0) return;
    this.#queues[ring]!.push({ batch, next: 0, came: now });
    this.#lastSeconds[ring] = batch.seconds[batch.count - 1]!;
    this.#lastNanoseconds[ring] = batch.nanoseconds[batch.count - 1]!;
  }

  /** Milliseconds until the oldest batch has waited long enough; null where none waits. */
  untilDue(now: number): number | null {
    let least: number | null = null;
    for (const queue of this.#queues)
      if (queue.length > 0) least = Math.min(least ?? Number.POSITIVE_INFINITY, queue[0]!.came + this.#hold - now);
    return least === null ? null : Math.max(0, least);
  }

  /** The rows that may go out now, in order, or null. With `all` everything that waits. The block holds until the next
   * call. `released` gets every batch that was used up. */
  take(now: number, all: boolean, released?: (ring: number, batch: Batch) => void): FrameBlock | null {
    const queues = this.#queues;
    // The time up to which every ring has spoken: of each ring's last row the earliest.
    let seconds = Number.POSITIVE_INFINITY;
    let nanoseconds = 0;
    if (!all) {
      let dueSeconds = Number.NEGATIVE_INFINITY;
      let dueNanoseconds = 0;
      for (let ring = 0; ring < queues.length; ring++) {
        const s = this.#lastSeconds[ring]!;
        const n = this.#lastNanoseconds[ring]!;
        if (s < seconds || (s === seconds && n < nanoseconds)) {
          seconds = s;
          nanoseconds = n;
        }
        for (const { batch, came } of queues[ring]!) {
          if (came + this.#hold > now) break;
          const rowSeconds = batch.seconds[batch.count - 1]!;
          const rowNanoseconds = batch.nanoseconds[batch.count - 1]!;
          if (rowSeconds > dueSeconds || (rowSeconds === dueSeconds && rowNanoseconds > dueNanoseconds)) {
            dueSeconds = rowSeconds;
            dueNanoseconds = rowNanoseconds;
          }
        }
      }
      if (dueSeconds > seconds || (dueSeconds === seconds && dueNanoseconds > nanoseconds)) {
        seconds = dueSeconds;
        nanoseconds = dueNanoseconds;
      }
    }

    // Memory: each batch that has a row to give is copied whole, once; rows then only refer to it.
    const block = this.#block;
    const bases = new Map<Batch, number>();
    let size = 0;
    let rows = 0;
    for (const queue of queues) {
      for (const pending of queue) {
        const { batch, next } = pending;
        const s = batch.seconds[next]!;
        if (s > seconds || (s === seconds && batch.nanoseconds[next]! > nanoseconds)) break;
        bases.set(batch, size);
        size += batch.bytes.length;
        rows += batch.count - next;
      }
    }
    if (rows === 0) return null;
    if (block.bytes.length < size) block.bytes = new Uint8Array(Math.max(size, block.bytes.length * 2));
    block.grow(rows);
    for (const [batch, base] of bases) block.bytes.set(batch.bytes, base);

    let row = 0;
    for (;;) {
      let ring = -1;
      let bestSeconds = seconds;
      let bestNanoseconds = nanoseconds;
      for (let candidate = 0; candidate < queues.length; candidate++) {
        const head = queues[candidate]![0];
        if (head === undefined) continue;
        const s = head.batch.seconds[head.next]!;
        const n = head.batch.nanoseconds[head.next]!;
        if (s < bestSeconds || (s === bestSeconds && (n < bestNanoseconds || (ring < 0 && n === bestNanoseconds)))) {
          ring = candidate;
          bestSeconds = s;
          bestNanoseconds = n;
        }
      }
      if (ring < 0) break;
      const queue = queues[ring]!;
      const head = queue[0]!;
      const { batch } = head;
      const base = bases.get(batch)!;
      const from = head.next;
      block.offset[row] = base + batch.offset[from]!;
      block.capturedLength[row] = batch.capturedLength[from]!;
      block.originalLength[row] = batch.originalLength[from]!;
      block.seconds[row] = batch.seconds[from]!;
      block.nanoseconds[row] = batch.nanoseconds[from]!;
      block.interfaceId[row] = batch.interfaceId[from]!;
      block.flags[row] = batch.flags[from]!;
      block.keep[row] = 1;
      row++;
      if (++head.next === batch.count) {
        queue.shift();
        released?.(ring, batch);
      }
    }
    block.count = row;
    return row > 0 ? block : null;
  }
}
