import type { FrameBlock } from '../../frames/block.ts';

/** Finds frames that were captured twice (on two interfaces, at a mirror port): the same bytes and length as one of the
 * frames shortly before. */

export interface DuplicateOptions {
  /** How many kept frames back a copy may be. Default 5. */
  window?: number;
  /** How many seconds before it a copy may be; then any number of frames back. */
  seconds?: number;
}

interface Seen {
  bytes: Uint8Array;
  originalLength: number;
  seconds: number;
  nanoseconds: number;
}

const DEFAULT_WINDOW = 5;

export class Deduplicator {
  readonly #window: number;
  readonly #seconds: number | undefined;
  /** The frames that later ones are compared with, oldest first; by hash too. */
  readonly #order: { hash: number; seen: Seen }[] = [];
  readonly #byHash = new Map<number, Seen[]>();
  #first = 0;
  /** Copies found. */
  found = 0;

  constructor({ window, seconds }: DuplicateOptions = {}) {
    this.#window = window ?? (seconds === undefined ? DEFAULT_WINDOW : Number.POSITIVE_INFINITY);
    this.#seconds = seconds;
  }

  /** Clears `keep` of the copies; the first of equal frames stays. */
  apply(block: FrameBlock): void {
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      const at = block.offset[row]!;
      const bytes = block.bytes.subarray(at, at + block.capturedLength[row]!);
      const seconds = block.seconds[row]!;
      const nanoseconds = block.nanoseconds[row]!;
      this.#forget(seconds, nanoseconds);
      const hash = hashOf(bytes);
      const same = this.#byHash.get(hash);
      const original = block.originalLength[row]!;
      if (same?.some((seen) => seen.originalLength === original && equal(seen.bytes, bytes))) {
        block.keep[row] = 0;
        this.found++;
        continue;
      }
      const seen: Seen = { bytes: bytes.slice(), originalLength: original, seconds, nanoseconds };
      this.#order.push({ hash, seen });
      if (same === undefined) this.#byHash.set(hash, [seen]);
      else same.push(seen);
      if (this.#order.length - this.#first > this.#window) this.#drop();
    }
  }

  #forget(seconds: number, nanoseconds: number): void {
    if (this.#seconds === undefined) return;
    while (this.#first < this.#order.length) {
      const { seen } = this.#order[this.#first]!;
      if (seconds - seen.seconds + (nanoseconds - seen.nanoseconds) / 1e9 <= this.#seconds) break;
      this.#drop();
    }
  }

  #drop(): void {
    const { hash, seen } = this.#order[this.#first++]!;
    const same = this.#byHash.get(hash)!;
    if (same.length === 1) this.#byHash.delete(hash);
    else same.splice(same.indexOf(seen), 1);
    if (this.#first > 1024) {
      this.#order.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

/** FNV-1a over the bytes, 32 bits. */
function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
