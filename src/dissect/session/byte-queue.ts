/** Bytes that come at one end, in pieces of any size, and go at the other. A byte is copied a few times at most, however
 * small the pieces. */
export class ByteQueue {
  #bytes: Uint8Array = new Uint8Array(0);
  #from = 0;
  #to = 0;

  get length(): number {
    return this.#to - this.#from;
  }

  /** What is there; holds until the next `add`. */
  get view(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  add(bytes: Uint8Array): void {
    const { length } = this;
    const needed = length + bytes.length;
    if (this.#to + bytes.length > this.#bytes.length) {
      // Half of the memory is free after this, so that moving what is there pays.
      const larger = needed * 2 > this.#bytes.length ? new Uint8Array(needed * 2) : this.#bytes;
      if (larger === this.#bytes) larger.copyWithin(0, this.#from, this.#to);
      else larger.set(this.view);
      this.#bytes = larger;
      this.#from = 0;
      this.#to = length;
    }
    this.#bytes.set(bytes, this.#to);
    this.#to += bytes.length;
  }

  /** Takes the first `length` bytes away and gives them; they hold until the next `add`. */
  take(length: number): Uint8Array {
    const taken = this.#bytes.subarray(this.#from, this.#from + length);
    this.#from += length;
    if (this.#from === this.#to) this.#from = this.#to = 0;
    return taken;
  }
}
