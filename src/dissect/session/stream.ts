import { ACK_FLAG, FIN, RST, SYN } from '../../wire/tcp.ts';
import { after, before } from './sequence-number.ts';

/** What a direction of a connection carried, in the order in which the application wrote it. */
export interface StreamReader {
  /** Bytes that come next; `direction` is 0 for those of the side that sorts first. The memory holds during the call. */
  data(direction: 0 | 1, bytes: Uint8Array): void;
  /** `length` bytes were sent that are not in the capture. */
  gap(direction: 0 | 1, length: number): void;
}

/** Bytes that one direction may hold back while others before them are missing. */
const MAX_HELD = 16 << 20;
/** And segments, so that finding the place of one stays cheap. */
const MAX_HELD_SEGMENTS = 16_384;
/** Segments of the connection that may still come before acknowledged bytes count as not captured. */
const PATIENCE = 16;

interface Held {
  seq: number;
  bytes: Uint8Array;
  /** Bytes behind them that were sent but not captured. */
  cut: number;
}

/** Puts the bytes of one TCP connection in order.
 *
 * Overlaps: a byte that came first stays, whatever comes later for the same place. A segment before the first one that was
 * seen counts, where no SYN was, until the other side has acknowledged the first; bytes that the other side acknowledges
 * and that do not come within 16 more segments are a gap. A direction that holds back more than 16 MiB, or
 * 16,384 segments, gives up what is missing. Behind a FIN, and behind a reset, comes nothing. */
export class StreamAssembler {
  readonly #directions: readonly [Direction, Direction];

  constructor(reader: StreamReader) {
    this.#directions = [new Direction(reader, 0), new Direction(reader, 1)];
  }

  /** A segment from the side `direction`: `seq`, `ack` and `flags` of its header, its payload from `at` up to `end` of
   * which `wireLength` bytes were sent. */
  segment(
    direction: 0 | 1,
    seq: number,
    ack: number,
    flags: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    wireLength: number,
  ): void {
    const own = this.#directions[direction];
    const other = this.#directions[1 - direction]!;
    if (flags & ACK_FLAG) other.acknowledged(ack);
    // The text that a reset may carry (RFC 1122 4.2.2.12) is not the application's.
    if (flags & RST) {
      own.close();
      return;
    }
    if (flags & SYN) {
      seq = (seq + 1) >>> 0;
      own.begin(seq);
    }
    if (wireLength > 0) own.add(seq, bytes, at, Math.min(end, at + wireLength), wireLength);
    if (flags & FIN) own.fin((seq + wireLength) >>> 0);
    own.settle();
    other.settle();
  }

  /** Nothing more will come: gives what is held back, with the gaps before it. */
  end(): void {
    for (const direction of this.#directions) direction.end();
  }
}

class Direction {
  readonly #reader: StreamReader;
  readonly #side: 0 | 1;
  /** Next byte to give. */
  #next = 0;
  /** `#next` is known. */
  #begun = false;
  /** Sorted, without overlaps. */
  #held: Held[] = [];
  #heldBytes = 0;
  #acked = 0;
  #hasAck = false;
  #finAt: number | null = null;
  #closed = false;
  /** Segments that came since acknowledged bytes are missing. */
  #waited = 0;

  constructor(reader: StreamReader, side: 0 | 1) {
    this.#reader = reader;
    this.#side = side;
  }

  begin(seq: number): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#next = seq;
  }

  acknowledged(ack: number): void {
    if (!this.#hasAck || after(ack, this.#acked)) this.#acked = ack;
    this.#hasAck = true;
    if (this.#begun) return;
    // Without a SYN: what is acknowledged has come from its first byte on.
    const first = this.#held[0];
    if (first !== undefined && !before(ack, first.seq)) {
      this.begin(first.seq);
      this.#give();
    }
  }

  /** Notes where the stream ends. */
  fin(seq: number): void {
    this.#finAt ??= seq;
  }

  close(): void {
    this.end();
    this.#closed = true;
  }

  add(seq: number, bytes: Uint8Array, at: number, end: number, wireLength: number): void {
    if (this.#closed) return;
    let length = wireLength;
    if (this.#begun && before(seq, this.#next)) {
      const known = (this.#next - seq) | 0;
      if (known >= length) return;
      seq = this.#next;
      at += known;
      length -= known;
    }
    if (this.#finAt !== null) length = Math.min(length, (this.#finAt - seq) | 0);
    if (length <= 0) return;
    if (this.#begun && seq === this.#next && this.#held.length === 0) {
      const captured = Math.max(0, Math.min(end - at, length));
      if (captured > 0) this.#reader.data(this.#side, bytes.subarray(at, at + captured));
      if (captured < length) this.#reader.gap(this.#side, length - captured);
      this.#next = (seq + length) >>> 0;
      return;
    }
    this.#hold(seq, bytes, at, end, length);
    this.#give();
  }

  /** Keeps the parts that nobody has yet. */
  #hold(seq: number, bytes: Uint8Array, at: number, end: number, length: number): void {
    const stop = (seq + length) >>> 0;
    let place = this.#held.length;
    if (place > 0 && after(this.#held[place - 1]!.seq, seq)) {
      let low = 0;
      for (let high = place; low < high; ) {
        const middle = (low + high) >>> 1;
        if (after(this.#held[middle]!.seq, seq)) high = middle;
        else low = middle + 1;
      }
      place = low;
    }
    if (place > 0) {
      const previous = this.#held[place - 1]!;
      const reached = (previous.seq + lengthOf(previous)) >>> 0;
      const known = (reached - seq) | 0;
      if (known >= length) return;
      if (known > 0) {
        seq = reached;
        at += known;
      }
    }
    while (before(seq, stop)) {
      const following = this.#held[place];
      const until = following !== undefined && before(following.seq, stop) ? following.seq : stop;
      const size = (until - seq) | 0;
      if (size > 0) {
        const captured = Math.max(0, Math.min(end - at, size));
        this.#held.splice(place++, 0, { seq, bytes: bytes.slice(at, at + captured), cut: size - captured });
        this.#heldBytes += captured;
      }
      if (following === undefined || until === stop) break;
      const next = (following.seq + lengthOf(following)) >>> 0;
      at += (next - seq) | 0;
      seq = next;
      place++;
    }
  }

  /** Gives what is in order. */
  #give(): void {
    if (!this.#begun) return;
    let given = 0;
    for (const held of this.#held) {
      if (after(held.seq, this.#next)) break;
      const known = (this.#next - held.seq) | 0;
      given++;
      this.#heldBytes -= held.bytes.length;
      if (known >= lengthOf(held)) continue;
      if (known < held.bytes.length) this.#reader.data(this.#side, held.bytes.subarray(known));
      const cut = held.cut - Math.max(0, known - held.bytes.length);
      if (cut > 0) this.#reader.gap(this.#side, cut);
      this.#next = (held.seq + lengthOf(held)) >>> 0;
    }
    if (given > 0) {
      this.#held.splice(0, given);
      this.#waited = 0;
    }
  }

  /** After each segment of the connection: decides about what is missing. */
  settle(): void {
    const first = this.#held[0];
    if (first === undefined || this.#closed) return;
    const isAcked = this.#begun && this.#hasAck && !before(this.#acked, first.seq);
    if (isAcked || !this.#begun) this.#waited++;
    if (this.#heldBytes > MAX_HELD || this.#held.length > MAX_HELD_SEGMENTS || this.#waited > PATIENCE) this.#skip();
  }

  /** Gives up what is missing before the first bytes held back. */
  #skip(): void {
    const first = this.#held[0]!;
    this.#waited = 0;
    if (this.#begun) {
      const missing = (first.seq - this.#next) >>> 0;
      if (missing > 0) this.#reader.gap(this.#side, missing);
    }
    this.#begun = true;
    this.#next = first.seq;
    this.#give();
  }

  end(): void {
    while (this.#held.length > 0) this.#skip();
    if (this.#begun && this.#finAt !== null && after(this.#finAt, this.#next)) {
      this.#reader.gap(this.#side, (this.#finAt - this.#next) >>> 0);
      this.#next = this.#finAt;
    }
  }
}

const lengthOf = (held: Held): number => held.bytes.length + held.cut;
