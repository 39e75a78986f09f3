import type { Measure, Progress } from '../fields.ts';
import { WAITS_FOR_MORE } from '../fields.ts';
import type { Protocol } from '../protocol.ts';
import { after, before } from './sequence-number.ts';

/** Messages that go on in the next TCP segment: what has come of them, until they are whole.
 *
 * As Wireshark has it (preference `tcp.desegment_tcp_streams`, and `tcp.reassemble_out_of_order` off): a message is shown
 * in the frame that completes it; retransmissions are passed over, and so is what comes out of order, unless it belongs to
 * a message that waits.
 *
 * Bounds: a message of more than `MAX_MESSAGE` bytes is shown as far as it is there when that is known, and what follows
 * of it is passed over. Where all together hold more than `MAX_HELD`, those that have waited longest are given up, and so
 * are the oldest of one direction where more than `MAX_OPEN` wait. */
export const MAX_MESSAGE = 4 << 20;
const MAX_HELD = 24 << 20;
const MAX_OPEN = 8;
/** What an entry costs beside its bytes, for the bound. */
const OVERHEAD = 512;
/** And each of its segments: their number and place. */
const SEGMENT_COST = 16;
/** Connections of which a message has said something about later ones. */
const MAX_NOTES = 65_536;
/** Ranges behind a hole that one message keeps. */
const MAX_RANGES = 256;

/** A message that waits, with its first byte at `seq`. */
export class Waiting implements Progress {
  readonly protocol: Protocol;
  readonly seq: number;
  /** Its length; or WAITS_FOR_MORE, WAITS_FOR_END. */
  need: number;
  bytes: Uint8Array;
  /** Bytes of it from the first on that are here. */
  have = 0;
  /** What is here behind a hole: begin and end, by begin. */
  #ranges: [number, number][] = [];
  /** Of its segments, by their places. */
  readonly frames: number[] = [];
  readonly #offsets: number[] = [];
  /** Too long to be kept: its bytes are passed over. */
  isSkipped = false;
  /** It was shown. */
  isDone = false;
  /** What came with its last bytes and waits in its place. */
  rest: Waiting | null = null;
  stage = 0;
  done = 0;
  connection = 0;

  constructor(protocol: Protocol, seq: number, need: number, room: number) {
    this.protocol = protocol;
    this.seq = seq;
    this.need = need;
    this.bytes = new Uint8Array(room);
  }

  /** Bytes that it holds in memory, for the bound. */
  get cost(): number {
    return OVERHEAD + this.bytes.length + SEGMENT_COST * this.frames.length;
  }

  /** True where the byte at `seq` may be its own. */
  covers(seq: number): boolean {
    const offset = (seq - this.seq) | 0;
    if (this.need > 0) return offset < this.need;
    return offset <= this.have;
  }

  /** Takes bytes that belong at `offset`. False where all of them were here. */
  add(bytes: Uint8Array, at: number, end: number, offset: number, frame: number): boolean {
    const stop = offset + end - at;
    if (stop <= this.have) return false;
    if (this.isSkipped) {
      if (offset <= this.have) this.have = stop;
      return true;
    }
    if (offset > this.have && this.#ranges.length >= MAX_RANGES) return false;
    this.#reserve(stop);
    const known = Math.max(this.have - offset, 0);
    this.bytes.set(bytes.subarray(at + known, end), offset + known);
    if (offset > this.have) this.#note(offset, stop);
    else {
      this.have = stop;
      while (this.#ranges.length > 0 && this.#ranges[0]![0] <= this.have)
        this.have = Math.max(this.have, this.#ranges.shift()![1]);
    }
    let place = this.frames.length;
    while (place > 0 && this.#offsets[place - 1]! > offset) place--;
    if (place === this.frames.length) {
      this.frames.push(frame);
      this.#offsets.push(offset);
    } else {
      this.frames.splice(place, 0, frame);
      this.#offsets.splice(place, 0, offset);
    }
    return true;
  }

  /** No more than this is to come in memory: the bytes go, their number stays. */
  skip(): void {
    this.isSkipped = true;
    this.bytes = new Uint8Array(0);
    this.frames.length = 0;
    this.#offsets.length = 0;
  }

  #note(begin: number, end: number): void {
    let place = this.#ranges.length;
    while (place > 0 && this.#ranges[place - 1]![0] > begin) place--;
    this.#ranges.splice(place, 0, [begin, end]);
  }

  #reserve(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.min(Math.max(length, this.bytes.length * 2), MAX_MESSAGE * 2));
    larger.set(this.bytes);
    this.bytes = larger;
  }
}

/** The messages that wait, by direction of a connection: twice its stream, and one for the side that sorts second. */
export class WaitingTable {
  /** Those that were looked at least recently first. */
  readonly #lists = new Map<number, Waiting[]>();
  readonly #notes = new Map<number, number>();
  #held = 0;

  get isEmpty(): boolean {
    return this.#lists.size === 0;
  }

  /** Bytes that all hold. */
  get held(): number {
    return this.#held;
  }

  /** What the messages of a stream said about later ones. */
  note(stream: number): number {
    return this.#notes.size === 0 ? 0 : (this.#notes.get(stream) ?? 0);
  }

  setNote(stream: number, note: number): void {
    if (note === 0) {
      this.#notes.delete(stream);
      return;
    }
    if (this.#notes.size >= MAX_NOTES && !this.#notes.has(stream)) this.#notes.delete(this.#notes.keys().next().value!);
    this.#notes.set(stream, note);
  }

  /** The message that the byte at `seq` belongs to: it can only be the last that begins before it. */
  find(direction: number, seq: number): Waiting | undefined {
    const list = this.#lists.get(direction);
    if (list === undefined) return undefined;
    let found: Waiting | undefined;
    for (const waiting of list)
      if (!after(waiting.seq, seq) && (found === undefined || !before(waiting.seq, found.seq))) found = waiting;
    return found?.covers(seq) ? found : undefined;
  }

  put(direction: number, waiting: Waiting): void {
    let list = this.#lists.get(direction);
    if (list === undefined) {
      list = [];
      this.#lists.set(direction, list);
    }
    list.push(waiting);
    this.#held += waiting.cost;
    if (list.length > MAX_OPEN) this.remove(direction, list[0]!);
    this.#bound();
  }

  /** Hands `waiting`, which costs `cost` no more, back into the order of those looked at. */
  touch(direction: number, waiting: Waiting, cost: number): void {
    this.#held += waiting.cost - cost;
    const list = this.#lists.get(direction)!;
    this.#lists.delete(direction);
    this.#lists.set(direction, list);
    this.#bound();
  }

  remove(direction: number, waiting: Waiting, cost = waiting.cost): void {
    const list = this.#lists.get(direction)!;
    list.splice(list.indexOf(waiting), 1);
    this.#held -= cost;
    if (list.length === 0) this.#lists.delete(direction);
  }

  #drop(direction: number): void {
    const list = this.#lists.get(direction);
    if (list === undefined) return;
    for (const waiting of list) this.#held -= waiting.cost;
    this.#lists.delete(direction);
  }

  #bound(): void {
    if (this.#held <= MAX_HELD) return;
    for (const direction of this.#lists.keys()) {
      this.#drop(direction);
      if (this.#held <= MAX_HELD) return;
    }
  }
}

/** How far messages go. */
export interface Extent {
  /** Offset behind the last one that is whole. */
  end: number;
  /** What the one behind it needs, as a `Measure` says; of no meaning where nothing is behind it. */
  need: number;
}

/** Finds out in `extent` how many of the messages at `at` are whole. `progress` is that of the first, and afterwards of the
 * one that is not whole. */
export function measureAll(
  measure: Measure,
  bytes: Uint8Array,
  at: number,
  end: number,
  progress: Progress,
  extent: Extent,
): void {
  extent.need = WAITS_FOR_MORE;
  while (at < end) {
    const length = measure(bytes, at, end, progress);
    if (length <= 0 || at + length > end) {
      extent.need = length;
      break;
    }
    at += length;
    progress.stage = 0;
    progress.done = 0;
  }
  extent.end = at;
}
