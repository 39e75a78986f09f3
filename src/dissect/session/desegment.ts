import { FIN, SYN } from '../../wire/tcp.ts';
import { defineFields, type Fields, WAITS_FOR_END, WAITS_FOR_MORE } from '../fields.ts';
import type { Protocol } from '../protocol.ts';
import { protocolOverTcp } from '../tables.ts';
import { type Extent, MAX_MESSAGE, measureAll, Waiting, WaitingTable } from './messages.ts';
import { OUT_OF_ORDER, RETRANSMISSION, SPURIOUS_RETRANSMISSION } from './tcp-analysis.ts';

const F = defineFields('tcp', {
  segment_data: ['TCP segment data', 'bytes', { list: true }],
  segment: ['TCP Segment', 'uint32', { list: true }],
  'segment.count': ['Segment count', 'uint32', { list: true }],
  'reassembled.length': ['Reassembled TCP length', 'uint32', { list: true }],
  'reassembled.data': ['Reassembled TCP Data', 'bytes', { list: true }],
});

/** Names of the fields that say how segments were put together. */
export const SEGMENT_FIELDS: readonly string[] = Object.keys(F).map((key) => `tcp.${key}`);

/** Walks the payloads of TCP segments: messages that are whole, in the frame that completes them. What is held back, and
 * for how long, says `messages.ts`. */
export class Desegmenter {
  readonly #waiting = new WaitingTable();
  readonly #extent: Extent = { end: 0, need: WAITS_FOR_MORE };
  /** Of the message that begins in this segment. */
  readonly #fresh = { stage: 0, done: 0, connection: 0 };
  /** What to walk when all fields of the TCP header are written. */
  readonly #protocols: (Protocol | undefined)[] = [];
  readonly #begins: number[] = [];
  readonly #ends: number[] = [];
  #parts = 0;
  // Of the segment.
  #header = 0;
  #frame = 0;
  #stream = 0;
  #direction = 0;
  /** It completes messages, but nothing is looked for in it: Wireshark's preference `tcp.no_subdissector_on_error`. */
  #isOutOfOrder = false;

  /** Bytes held back. */
  get held(): number {
    return this.#waiting.held;
  }

  /** The segment of the header at `header` in stream `stream`, from the side that sorts second where `reversed`, with the
   * payload from `body` up to `end`, whose first byte has the number `seq`. `analysis` is what the analysis of the stream
   * says of it. */
  payload(
    f: Fields,
    header: number,
    body: number,
    end: number,
    seq: number,
    flags: number,
    stream: number,
    reversed: boolean,
    frame: number,
    analysis: number,
  ): void {
    const direction = stream * 2 + (reversed ? 1 : 0);
    if (body >= end && ((flags & FIN) === 0 || this.#waiting.isEmpty)) return;
    // What was acknowledged before is not looked at again; nor is what comes again because it was taken for lost.
    if (analysis & SPURIOUS_RETRANSMISSION) return;
    if (analysis & RETRANSMISSION) {
      if (body < end) f.raw(F.segment_data, body, end - body);
      return;
    }
    this.#isOutOfOrder = (analysis & OUT_OF_ORDER) !== 0;
    this.#header = header;
    this.#frame = frame;
    this.#stream = stream;
    this.#direction = direction;
    this.#parts = 0;
    const first = flags & SYN ? (seq + 1) >>> 0 : seq;
    let at = body;
    let before: Protocol | undefined;
    while (at < end) {
      const here = (first + at - body) >>> 0;
      const waiting = this.#waiting.isEmpty ? undefined : this.#waiting.find(direction, here);
      if (waiting === undefined) {
        this.#begin(f, before, here, at, end, (flags & FIN) !== 0);
        break;
      }
      before = waiting.protocol;
      at = this.#goOn(f, waiting, here, at, end);
    }
    if (flags & FIN && !this.#waiting.isEmpty) this.#finish(f, (first + end - body) >>> 0);
    const note = this.#waiting.note(stream);
    f.connection = note;
    for (let i = 0; i < this.#parts; i++) f.next(this.#protocols[i], this.#begins[i]!, this.#ends[i]!);
    if (f.connection !== note) this.#waiting.setNote(stream, f.connection);
    f.connection = 0;
  }

  #plan(f: Fields, protocol: Protocol | undefined, at: number, end: number): void {
    if (this.#isOutOfOrder || f.passesOver(protocol)) return;
    const part = this.#parts++;
    this.#protocols[part] = protocol;
    this.#begins[part] = at;
    this.#ends[part] = end;
  }

  /** Messages that begin in this segment; `before` is the protocol of the one that ended right before them. */
  #begin(f: Fields, before: Protocol | undefined, seq: number, at: number, end: number, isLast: boolean): void {
    if (this.#isOutOfOrder) return;
    const { bytes } = f;
    const protocol = protocolOverTcp(f, at, end) ?? before;
    if (protocol?.measure === undefined) {
      this.#plan(f, protocol, at, end);
      return;
    }
    const fresh = this.#fresh;
    const extent = this.#extent;
    fresh.stage = 0;
    fresh.done = 0;
    const note = this.#waiting.note(this.#stream);
    fresh.connection = note;
    measureAll(protocol.measure, bytes, at, end, fresh, extent);
    if (fresh.connection !== note) this.#waiting.setNote(this.#stream, fresh.connection);
    if (isLast && extent.need === WAITS_FOR_END) extent.end = end;
    const isTooLong = extent.end < end && extent.need > MAX_MESSAGE;
    const stop = isTooLong ? end : extent.end;
    if (stop > at || protocol.showsWaiting) this.#plan(f, protocol, at, stop);
    if (extent.end === end) return;
    const waiting = new Waiting(protocol, (seq + extent.end - at) >>> 0, extent.need, isTooLong ? 0 : end - stop);
    waiting.stage = fresh.stage;
    waiting.done = fresh.done;
    if (isTooLong) waiting.skip();
    else f.raw(F.segment_data, stop, end - stop);
    waiting.add(bytes, extent.end, end, 0, this.#frame);
    this.#waiting.put(this.#direction, waiting);
  }

  /** Takes what belongs to `waiting`; gives the offset behind it. */
  #goOn(f: Fields, waiting: Waiting, seq: number, at: number, end: number): number {
    const offset = (seq - waiting.seq) | 0;
    if (waiting.need > 0) end = Math.min(end, at + waiting.need - offset);
    const cost = waiting.cost;
    if (!waiting.isSkipped && offset + end - at > MAX_MESSAGE) this.#overflow(f, waiting);
    if (waiting.isSkipped) {
      waiting.add(f.bytes, at, end, offset, this.#frame);
      if (waiting.need > 0 && waiting.have >= waiting.need) this.#waiting.remove(this.#direction, waiting, cost);
      else this.#waiting.touch(this.#direction, waiting, cost);
      return end;
    }
    f.raw(F.segment_data, at, end - at);
    const had = waiting.have;
    const isNew = waiting.add(f.bytes, at, end, offset, this.#frame);
    if (isNew && waiting.have > had) this.#check(f, waiting, had);
    if (waiting.isDone) this.#waiting.remove(this.#direction, waiting, cost);
    else this.#waiting.touch(this.#direction, waiting, cost);
    if (waiting.rest !== null) this.#waiting.put(this.#direction, waiting.rest);
    return end;
  }

  /** Looks whether messages of `waiting` have become whole. */
  #check(f: Fields, waiting: Waiting, had: number): void {
    const { protocol, have } = waiting;
    if (waiting.need > 0) {
      if (have < waiting.need) return;
      this.#show(f, waiting, waiting.need, waiting.need);
      return;
    }
    if (waiting.need === WAITS_FOR_END) return;
    const extent = this.#extent;
    const note = this.#waiting.note(this.#stream);
    waiting.connection = note;
    measureAll(protocol.measure!, waiting.bytes, 0, have, waiting, extent);
    if (waiting.connection !== note) this.#waiting.setNote(this.#stream, waiting.connection);
    if (extent.end === 0) {
      waiting.need = extent.need;
      if (extent.need > MAX_MESSAGE) this.#overflow(f, waiting);
      return;
    }
    this.#show(f, waiting, extent.end, have);
    if (extent.end === have) return;
    // The rest came with this segment: without that, no message was whole.
    const from = Math.max(extent.end, had);
    const rest = new Waiting(protocol, (waiting.seq + from) >>> 0, extent.need, have - from);
    rest.stage = waiting.stage;
    rest.done = waiting.done;
    rest.add(waiting.bytes, from, have, 0, this.#frame);
    waiting.rest = rest;
  }

  /** The message is longer than what is kept: shown as far as it is here. */
  #overflow(f: Fields, waiting: Waiting): void {
    this.#show(f, waiting, waiting.have, waiting.have);
    waiting.isDone = false;
    waiting.skip();
    // Where it ends is not known; what follows is looked at by itself.
    if (waiting.need === WAITS_FOR_MORE) waiting.need = Math.max(waiting.have, 1);
  }

  /** Walks the first `length` of `whole` bytes that have been put together. */
  #show(f: Fields, waiting: Waiting, length: number, whole: number): void {
    waiting.isDone = true;
    const { protocol, frames } = waiting;
    if (f.passesOver(protocol)) return;
    const place = f.append(whole);
    f.bytes.set(waiting.bytes.subarray(0, whole), place);
    for (const frame of frames) f.uint(F.segment, this.#header, 0, frame);
    f.uint(F['segment.count'], this.#header, 0, frames.length);
    f.uint(F['reassembled.length'], this.#header, 0, whole);
    f.raw(F['reassembled.data'], place, whole);
    this.#plan(f, protocol, place, place + length);
  }

  /** The direction ends: so does a message that waits for that. */
  #finish(f: Fields, seq: number): void {
    const waiting = this.#waiting.find(this.#direction, seq);
    if (waiting === undefined || waiting.need !== WAITS_FOR_END) return;
    if (!waiting.isSkipped) {
      if (waiting.frames.at(-1) !== this.#frame) waiting.frames.push(this.#frame);
      this.#show(f, waiting, waiting.have, waiting.have);
    }
    this.#waiting.remove(this.#direction, waiting);
  }
}
