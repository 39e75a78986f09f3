/** Reads into `buffer` from `at` on, at most `length` bytes from `position` of a file on. Gives the number of bytes, 0 at
 * the end. May be called again before it has resolved. */
export type PositionalRead = (buffer: Uint8Array, at: number, length: number, position: number) => Promise<number>;

/** Memory with bytes of a file from `lead` on. */
export interface Piece {
  bytes: Uint8Array;
  view: DataView;
  /** Bytes that were read: 0 at the end of the file. */
  length: number;
}

interface Reading {
  bytes: Uint8Array;
  view: DataView;
  position: number;
  read: Promise<number>;
}

/** A file in pieces, in order, of which a few are being read at a time while the caller works on the one before. */
export class ReadAhead {
  readonly #read: PositionalRead;
  readonly #lead: number;
  readonly #size: number;
  readonly #atOnce: number;
  /** Where the next piece begins. */
  #position: number;
  readonly #queue: Reading[] = [];
  readonly #free: { bytes: Uint8Array; view: DataView }[] = [];

  /** Pieces of `size` bytes from `position` on, each with room for `lead` bytes before it; `atOnce` are being read. */
  constructor(read: PositionalRead, position: number, lead: number, size: number, atOnce: number) {
    this.#read = read;
    this.#position = position;
    this.#lead = lead;
    this.#size = size;
    this.#atOnce = atOnce;
    this.begin();
  }

  /** Has as many pieces read at a time as were asked for. */
  begin(): void {
    while (this.#queue.length < this.#atOnce) {
      const { bytes, view } = this.#free.pop() ?? this.#allocate();
      const position = this.#position;
      this.#position += this.#size;
      const read = this.#read(bytes, this.#lead, this.#size, position);
      // Who asks for the piece hears of a failure; nobody has to.
      read.catch(() => {});
      this.#queue.push({ bytes, view, position, read });
    }
  }

  #allocate(): { bytes: Uint8Array; view: DataView } {
    const bytes = new Uint8Array(this.#lead + this.#size);
    return { bytes, view: new DataView(bytes.buffer) };
  }

  /** The next piece. Its memory is the caller's until it is given to `recycle`. */
  async next(): Promise<Piece> {
    this.begin();
    const { bytes, view, position, read } = this.#queue.shift()!;
    const length = await read;
    if (length < this.#size) await this.#startOver(position + length);
    return { bytes, view, length };
  }

  /** A short piece is the end of the file, or was when it was read: somebody may be writing it. What is being read behind
   * it would leave a gap. */
  async #startOver(position: number): Promise<void> {
    for (const { bytes, view, read } of this.#queue.splice(0)) {
      // Whatever comes of it, it is read again.
      await read.catch(() => 0);
      this.#free.push({ bytes, view });
    }
    this.#position = position;
  }

  /** Takes back the memory of a piece. Other memory is passed over. */
  recycle(bytes: Uint8Array, view: DataView): void {
    if (bytes.length === this.#lead + this.#size) this.#free.push({ bytes, view });
  }
}
