/** From this length on a write(2) of its own costs less than copying, measured from 64 to 256 KiB. */
const DIRECT = 128 * 1024;

/** The memory that a writer fills with records before one write(2) takes it. */
export class OutputBuffer {
  bytes: Uint8Array;
  view: DataView;
  used = 0;
  /** Bytes that a record needs which did not fit into the rest of the buffer; 0: everything fitted. */
  wanted = 0;
  /** A long piece of the source's memory that follows what is in the buffer, and is best written from where it is:
   * first byte and one past the last. Equal: none. */
  directFrom = 0;
  directEnd = 0;
  /** Why the row that the encoder stopped at cannot be written; null: it can. */
  refused: Error | null = null;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** Takes over the run of records from `from` up to `end` of the source, for which room was counted before `used`: copied
   * into the buffer, or left where it is (then true: nothing may be added before it is written). */
  takeRun(source: Uint8Array, from: number, end: number, used: number): boolean {
    const length = end - from;
    if (length >= DIRECT) {
      this.directFrom = from;
      this.directEnd = end;
      return true;
    }
    if (length > 0) this.bytes.set(source.subarray(from, end), used - length);
    return false;
  }

  /** Makes room for `length` bytes after `used`. */
  ensure(length: number): void {
    if (this.used + length <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.used + length));
    larger.set(this.bytes.subarray(0, this.used));
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/** Up to this length words are copied one by one: cheaper than a view of the source for `set` (35 ns), measured. */
const SHORT = 128;

/** Copies `length` bytes. Where they are few and the memory allows it, by words, up to three bytes too many: the caller
 * overwrites what follows. */
export function copyFrame(
  from: Uint8Array,
  fromView: DataView,
  at: number,
  length: number,
  to: Uint8Array,
  toView: DataView,
  toAt: number,
): void {
  if (length <= SHORT && at + length + 3 <= from.length && toAt + length + 3 <= to.length) {
    for (let i = 0; i < length; i += 4) toView.setUint32(toAt + i, fromView.getUint32(at + i, true), true);
  } else to.set(from.subarray(at, at + length), toAt);
}

/** A DataView over the same bytes. */
export const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
