import { after, before } from './sequence-number.ts';

/** Segments that were sent and not yet acknowledged: a list for each direction of each connection, sorted by sequence
 * number, all in one pool of typed arrays.
 *
 * Bounds: `MAX_SEGMENTS` of all connections together, and as many of one as Wireshark keeps (10,000). A segment that finds
 * no room is not noted: its acknowledgement then tells no round-trip time. */
const MAX_SEGMENTS = 1 << 19;
export const MAX_UNACKED = 10_000;

export class SegmentPool {
  #capacity = 1 << 10;
  #seq = new Uint32Array(this.#capacity);
  #next = new Uint32Array(this.#capacity);
  #frame = new Uint32Array(this.#capacity);
  #time = new Float64Array(this.#capacity);
  /** Following and preceding node in the list; 0 is none, and node 0 is not used. */
  #after = new Uint32Array(this.#capacity);
  #before = new Uint32Array(this.#capacity);
  #used = 1;
  /** List of given-back nodes through `#after`. */
  #free = 0;

  seq(node: number): number {
    return this.#seq[node]!;
  }

  setSeq(node: number, seq: number): void {
    this.#seq[node] = seq;
  }

  nextSeq(node: number): number {
    return this.#next[node]!;
  }

  frame(node: number): number {
    return this.#frame[node]!;
  }

  time(node: number): number {
    return this.#time[node]!;
  }

  following(node: number): number {
    return this.#after[node]!;
  }

  /** A node of its own; 0 where there is no room. */
  make(seq: number, nextSeq: number, frame: number, time: number): number {
    let node = this.#free;
    if (node !== 0) this.#free = this.#after[node]!;
    else {
      if (this.#used === this.#capacity) {
        if (this.#capacity >= MAX_SEGMENTS) return 0;
        this.#grow();
      }
      node = this.#used++;
    }
    this.#seq[node] = seq;
    this.#next[node] = nextSeq;
    this.#frame[node] = frame;
    this.#time[node] = time;
    this.#after[node] = 0;
    this.#before[node] = 0;
    return node;
  }

  /** Where `node` belongs in the list that ends with `tail`: behind the last one that does not begin later than it. Gives
   * that one, 0 for the list's beginning. */
  place(head: number, tail: number, seq: number): number {
    if (tail === 0) return 0;
    // A retransmission is as a rule of what was sent first, all else of what comes last.
    const low = this.#seq[head]!;
    if (before(seq, low)) return 0;
    const isNearHead = ((seq - low) | 0) < ((this.#seq[tail]! - seq) | 0);
    if (isNearHead) {
      let node = head;
      for (let next = this.#after[node]!; next !== 0 && !after(this.#seq[next]!, seq); next = this.#after[node]!)
        node = next;
      return node;
    }
    let node = tail;
    while (node !== 0 && after(this.#seq[node]!, seq)) node = this.#before[node]!;
    return node;
  }

  /** Puts `node` behind `previous`, or before `head` where that is 0. */
  link(node: number, previous: number, head: number): void {
    const next = previous === 0 ? head : this.#after[previous]!;
    this.#before[node] = previous;
    this.#after[node] = next;
    if (previous !== 0) this.#after[previous] = node;
    if (next !== 0) this.#before[next] = node;
  }

  /** Takes `node` out of its list and gives it back. */
  drop(node: number): void {
    const previous = this.#before[node]!;
    const next = this.#after[node]!;
    if (previous !== 0) this.#after[previous] = next;
    if (next !== 0) this.#before[next] = previous;
    this.#after[node] = this.#free;
    this.#free = node;
  }

  preceding(node: number): number {
    return this.#before[node]!;
  }

  dropAll(head: number): void {
    for (let node = head; node !== 0; ) {
      const next = this.#after[node]!;
      this.#after[node] = this.#free;
      this.#free = node;
      node = next;
    }
  }

  #grow(): void {
    this.#capacity *= 2;
    const copy = <T extends Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.#seq = copy(this.#seq, new Uint32Array(this.#capacity));
    this.#next = copy(this.#next, new Uint32Array(this.#capacity));
    this.#frame = copy(this.#frame, new Uint32Array(this.#capacity));
    this.#time = copy(this.#time, new Float64Array(this.#capacity));
    this.#after = copy(this.#after, new Uint32Array(this.#capacity));
    this.#before = copy(this.#before, new Uint32Array(this.#capacity));
  }
}
