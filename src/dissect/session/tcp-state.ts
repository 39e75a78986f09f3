import { SegmentPool } from './segments.ts';

/** What the analysis of TCP remembers of connections: words and times of both directions in two growing arrays.
 *
 * Bounds: the `MAX_STATES` connections that spoke most recently (45 MB). One that finds its state gone is analysed as if
 * the capture began there; its stream and relative sequence numbers, which the flow table keeps, stay. */
export const MAX_STATES = 1 << 18;

/** Words of a direction. */
export const NEXT_SEQ = 0;
export const NEXT_SEQ_FRAME = 1;
/** Highest sequence number up to which all was seen. */
export const MAX_TO_BE_ACKED = 2;
export const LAST_ACK = 3;
/** Frame of the last acknowledgement that was no duplicate. */
export const LAST_NON_DUPLICATE = 4;
/** Last window, as the header has it. */
export const WINDOW = 5;
export const DUPLICATES = 6;
/** Bits KNOWN_* below, and the shift of the window + 1 above them (0: no SYN seen; 255: not scaled). */
export const BITS = 7;
/** Analysis flags of the last segment. */
export const LAST_FLAGS = 8;
/** Unacknowledged segments: first and last node, number, highest sequence number behind one. */
export const HEAD = 9;
export const TAIL = 10;
export const SEGMENTS = 11;
export const HIGHEST = 12;
/** Bytes sent since the last PSH. */
export const PUSHED = 13;
/** Bytes in the blocks of its last segment's selective acknowledgement. */
export const SACKED = 14;
/** Last window as it was meant. */
export const SCALED_WINDOW = 15;
export const DIRECTION_WORDS = 16;
/** Words of a connection, behind those of its directions. */
export const OWNER = DIRECTION_WORDS * 2;
const WORDS = OWNER + 1;

/** Times (nanoseconds since the capture's beginning; NaN: never) of a direction. */
export const NEXT_SEQ_TIME = 0;
export const LAST_ACK_TIME = 1;
export const DIRECTION_TIMES = 2;
/** Times of a connection. */
export const SYN_TIME = 4;
export const FIRST_RTT = 5;
const TIMES = 6;

export class TcpStates {
  readonly segments = new SegmentPool();
  words = new Uint32Array(64 * WORDS);
  times = new Float64Array(64 * TIMES);
  #capacity = 64;
  #recent = new Uint8Array(64);
  #used = 0;
  #hand = 0;
  /** Told which flow loses its state. */
  readonly #onLoss: (flow: number) => void;

  constructor(onLoss: (flow: number) => void) {
    this.#onLoss = onLoss;
  }

  wordsAt(state: number): number {
    return state * WORDS;
  }

  timesAt(state: number): number {
    return state * TIMES;
  }

  touch(state: number): void {
    this.#recent[state] = 1;
  }

  /** A state for the flow `owner`, all zeros. */
  make(owner: number): number {
    let state: number;
    if (this.#used < this.#capacity || this.#capacity < MAX_STATES) {
      if (this.#used === this.#capacity) this.#grow();
      state = this.#used++;
    } else {
      // Second chance: the hand passes over what was used since it was here last.
      while (this.#recent[this.#hand] !== 0) {
        this.#recent[this.#hand] = 0;
        this.#hand = (this.#hand + 1) % this.#capacity;
      }
      state = this.#hand;
      this.#hand = (this.#hand + 1) % this.#capacity;
      const lost = this.words[state * WORDS + OWNER]!;
      if (lost !== 0) this.#onLoss(lost - 1);
    }
    this.clear(state);
    this.words[state * WORDS + OWNER] = owner + 1;
    this.#recent[state] = 1;
    return state;
  }

  /** Forgets all of a connection but whose it is. */
  clear(state: number): void {
    const at = state * WORDS;
    this.segments.dropAll(this.words[at + HEAD]!);
    this.segments.dropAll(this.words[at + DIRECTION_WORDS + HEAD]!);
    this.words.fill(0, at, at + OWNER);
    this.times.fill(Number.NaN, state * TIMES, (state + 1) * TIMES);
  }

  /** The flow that owned it is forgotten: the state is the next to be given away. */
  disown(state: number): void {
    this.clear(state);
    this.words[state * WORDS + OWNER] = 0;
    this.#recent[state] = 0;
  }

  #grow(): void {
    this.#capacity *= 2;
    const words = new Uint32Array(this.#capacity * WORDS);
    words.set(this.words);
    this.words = words;
    const times = new Float64Array(this.#capacity * TIMES);
    times.set(this.times);
    this.times = times;
    const recent = new Uint8Array(this.#capacity);
    recent.set(this.#recent);
    this.#recent = recent;
  }
}
