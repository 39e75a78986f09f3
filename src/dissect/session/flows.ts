/** Conversations between two transport addresses, numbered in the order in which they were first seen.
 *
 * A flow has one entry for both directions. Entries lie in pages that are never copied; an index of open addressing finds
 * them, so that a packet costs the same whatever the number of flows. A million IPv4 flows take about 65 MB.
 *
 * Bounds: at `MAX_FLOWS` the flows of the oldest pages (by when they were made) are forgotten, a 64th of all at a time;
 * one of those that speaks again gets a new number. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const PAGE_MASK = PAGE - 1;
export const MAX_FLOWS = 1 << 22;

/** Words of an entry behind its key. */
const STREAM = 0;
/** Free for who uses the table: TCP keeps both first sequence numbers, flags and its state's number here. */
const SPARE = 1;
export const SPARE_WORDS = 4;
/** Times of an entry: its first packet's seconds and nanoseconds, and nanoseconds from that to its last one. */
const TIMES = 3;

/** Addresses of four bytes are one word, those of sixteen four. */
export class FlowTable {
  readonly #keyWords: number;
  readonly #words: number;
  readonly #key: Uint32Array;
  readonly #maxFlows: number;
  #pages: Uint32Array[] = [];
  #times: Float64Array[] = [];
  /** Pages forgotten so far: an entry's number goes on counting over them. */
  #forgotten = 0;
  #count = 0;
  /** Entry + 1; 0 is free. */
  #index = new Uint32Array(1 << 10);
  /** True where the flow's side that sorts second sent the packet of the last `find`. */
  reversed = false;
  /** True where the last `find` made the entry. */
  isNew = false;
  /** Called with a range of entries before they are forgotten. */
  onForget: ((first: number, end: number) => void) | null = null;

  constructor(addressWords: number, maxFlows = MAX_FLOWS) {
    this.#keyWords = addressWords * 2 + 1;
    this.#words = this.#keyWords + SPARE + SPARE_WORDS;
    this.#key = new Uint32Array(this.#keyWords);
    this.#maxFlows = Math.max(maxFlows, PAGE * 2);
  }

  /** Flows that are known. */
  get size(): number {
    return this.#count - this.#forgotten * PAGE;
  }

  stream(entry: number): number {
    return this.#page(entry)[this.#at(entry) + STREAM]!;
  }

  setStream(entry: number, stream: number): void {
    this.#page(entry)[this.#at(entry) + STREAM] = stream;
  }

  spare(entry: number, word: number): number {
    return this.#page(entry)[this.#at(entry) + SPARE + word]!;
  }

  setSpare(entry: number, word: number, value: number): void {
    this.#page(entry)[this.#at(entry) + SPARE + word] = value;
  }

  /** The flow begins now. */
  begin(entry: number, seconds: number, nanoseconds: number): void {
    const times = this.#timesOf(entry);
    const at = (entry & PAGE_MASK) * TIMES;
    times[at] = seconds;
    times[at + 1] = nanoseconds;
    times[at + 2] = 0;
  }

  /** Nanoseconds since the flow's first packet: exact for a hundred days. */
  sinceFirst(entry: number, seconds: number, nanoseconds: number): number {
    const times = this.#timesOf(entry);
    const at = (entry & PAGE_MASK) * TIMES;
    return (seconds - times[at]!) * 1e9 + (nanoseconds - times[at + 1]!);
  }

  /** Nanoseconds from the flow's first packet to its last one. */
  last(entry: number): number {
    return this.#timesOf(entry)[(entry & PAGE_MASK) * TIMES + 2]!;
  }

  setLast(entry: number, sinceFirst: number): void {
    this.#timesOf(entry)[(entry & PAGE_MASK) * TIMES + 2] = sinceFirst;
  }

  #timesOf(entry: number): Float64Array {
    return this.#times[(entry >>> PAGE_BITS) - this.#forgotten]!;
  }

  #page(entry: number): Uint32Array {
    return this.#pages[(entry >>> PAGE_BITS) - this.#forgotten]!;
  }

  #at(entry: number): number {
    return (entry & PAGE_MASK) * this.#words + this.#keyWords;
  }

  /** The entry of the flow between two transport addresses; `isNew` and `reversed` tell the rest. A new one has zeros in
   * all its words. */
  find(bytes: Uint8Array, srcAt: number, dstAt: number, srcPort: number, dstPort: number): number {
    const key = this.#key;
    const last = this.#keyWords - 1;
    const half = last >> 1;
    let reversed = srcPort > dstPort;
    if (srcPort === dstPort)
      for (let i = 0; i < half * 4; i++) {
        const difference = bytes[srcAt + i]! - bytes[dstAt + i]!;
        if (difference !== 0) {
          reversed = difference > 0;
          break;
        }
      }
    this.reversed = reversed;
    const lower = reversed ? dstAt : srcAt;
    const upper = reversed ? srcAt : dstAt;
    for (let i = 0; i < half; i++) {
      key[i] = word(bytes, lower + i * 4);
      key[half + i] = word(bytes, upper + i * 4);
    }
    key[last] = reversed ? (dstPort << 16) | srcPort : (srcPort << 16) | dstPort;
    const index = this.#index;
    const mask = index.length - 1;
    let place = hash(key, 0, last) & mask;
    for (; index[place] !== 0; place = (place + 1) & mask) {
      const entry = index[place]! - 1;
      const page = this.#page(entry);
      const at = (entry & PAGE_MASK) * this.#words;
      let i = last;
      while (i >= 0 && page[at + i] === key[i]) i--;
      if (i < 0) {
        this.isNew = false;
        return entry;
      }
    }
    this.isNew = true;
    return this.#make(place);
  }

  #make(place: number): number {
    const isFull = this.size >= this.#maxFlows;
    if (isFull) this.#forget();
    const entry = this.#count++;
    const page = (entry >>> PAGE_BITS) - this.#forgotten;
    if (page === this.#pages.length) {
      this.#pages.push(new Uint32Array(PAGE * this.#words));
      this.#times.push(new Float64Array(PAGE * TIMES));
    }
    this.#pages[page]!.set(this.#key, (entry & PAGE_MASK) * this.#words);
    if (this.size * 2 > this.#index.length) this.#reindex(this.#index.length * 2);
    else if (isFull) this.#insert(entry);
    else this.#index[place] = entry + 1;
    return entry;
  }

  #forget(): void {
    const pages = Math.max(1, this.#pages.length >> 6);
    this.onForget?.(this.#forgotten * PAGE, (this.#forgotten + pages) * PAGE);
    this.#pages.splice(0, pages);
    this.#times.splice(0, pages);
    this.#forgotten += pages;
    this.#reindex(this.#index.length);
  }

  #reindex(size: number): void {
    this.#index = new Uint32Array(size);
    for (let entry = this.#forgotten * PAGE; entry < this.#count; entry++)
      if ((entry >>> PAGE_BITS) - this.#forgotten < this.#pages.length) this.#insert(entry);
  }

  #insert(entry: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let place = hash(this.#page(entry), (entry & PAGE_MASK) * this.#words, this.#keyWords - 1) & mask;
    while (index[place] !== 0) place = (place + 1) & mask;
    index[place] = entry + 1;
  }
}

function hash(words: Uint32Array, at: number, last: number): number {
  let value = 0;
  for (let i = 0; i <= last; i++) {
    value = Math.imul(value ^ words[at + i]!, 0x9e3779b1);
    value ^= value >>> 15;
  }
  // The index looks at the low bits: let the high ones of the last word reach them.
  value = Math.imul(value, 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

const word = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
