/** The unit that flows through netlab: many frames in one piece of memory, and a table with one row a frame.
 *
 * A block of a TPACKET_V3 ring, a chunk of a savefile and a batch from our kernel are all this. The table is columns
 * (one typed array a field), so that nobody allocates for a packet on the way from the ring to the file or to text.
 *
 * Ownership: a block and its memory belong to the source that gave it, and hold until the source is asked for the next
 * one. A sink that needs a frame longer copies it. A filter clears `keep` for the rows that it rejects; a sink passes
 * over them. */
export class FrameBlock {
  /** The memory that the rows point into. Bytes outside the rows are not the reader's business. */
  bytes: Uint8Array;
  /** How many rows are valid. */
  count = 0;
  /** First byte of each frame in `bytes`. */
  offset: Uint32Array;
  /** Bytes of the frame that are in `bytes` (cut by the snapshot length). */
  capturedLength: Uint32Array;
  /** Bytes that the frame had on the wire. */
  originalLength: Uint32Array;
  /** Time of the frame: whole seconds since 1970 (UTC). A double, since pcapng's seconds go beyond 32 bits. */
  seconds: Float64Array;
  /** Time of the frame: nanoseconds within the second, 0 to 999,999,999. */
  nanoseconds: Uint32Array;
  /** Row of the source's table of interfaces (`FrameSource.interfaces`). */
  interfaceId: Uint32Array;
  /** Direction, reception type and errors, laid out as pcapng's epb_flags (see `flags.ts`). 0: nothing known. */
  flags: Uint32Array;
  /** 1: the row counts. A filter writes 0 to reject it. Producers set 1. */
  keep: Uint8Array;
  /** What few frames have and a savefile should not lose; null where no row has any. */
  extras: Map<number, FrameExtras> | null = null;

  constructor(bytes: Uint8Array, capacity: number) {
    this.bytes = bytes;
    this.offset = new Uint32Array(capacity);
    this.capturedLength = new Uint32Array(capacity);
    this.originalLength = new Uint32Array(capacity);
    this.seconds = new Float64Array(capacity);
    this.nanoseconds = new Uint32Array(capacity);
    this.interfaceId = new Uint32Array(capacity);
    this.flags = new Uint32Array(capacity);
    this.keep = new Uint8Array(capacity);
  }

  get capacity(): number {
    return this.offset.length;
  }

  /** Doubles the table until `capacity` rows fit. The rows that are there stay. */
  grow(capacity: number): void {
    let size = Math.max(this.capacity, 16);
    while (size < capacity) size *= 2;
    if (size === this.capacity) return;
    const copy = <T extends Uint32Array | Float64Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.offset = copy(this.offset, new Uint32Array(size));
    this.capturedLength = copy(this.capturedLength, new Uint32Array(size));
    this.originalLength = copy(this.originalLength, new Uint32Array(size));
    this.seconds = copy(this.seconds, new Float64Array(size));
    this.nanoseconds = copy(this.nanoseconds, new Uint32Array(size));
    this.interfaceId = copy(this.interfaceId, new Uint32Array(size));
    this.flags = copy(this.flags, new Uint32Array(size));
    this.keep = copy(this.keep, new Uint8Array(size));
  }
}

/** Per-frame data beside the columns, from pcapng packet options. */
export interface FrameExtras {
  /** opt_comment, in order. */
  comments?: string[];
  /** epb_dropcount: frames lost between this one and the one before on the same interface. */
  dropCount?: bigint;
  /** epb_packetid. */
  packetId?: bigint;
  /** epb_queue. */
  queue?: number;
  /** epb_verdict and epb_hash and options unknown to us, as (code, value bytes), kept on rewriting. */
  others?: { code: number; value: Uint8Array }[];
}
