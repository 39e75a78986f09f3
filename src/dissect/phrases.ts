/** Text that is written again and again (the keys of JSON objects), kept as words of eight bytes.
 *
 * A key of 20 bytes is three stores where a copy byte by byte is 20: measured, keys then take a quarter of the time. The
 * words are doubles, which a DataView stores at any offset without making an object; text has no byte above 0x7e, so none
 * of them is a NaN, whose bits could change on the way. */
export class Phrases {
  #words = new Float64Array(256);
  #used = 0;
  /** By phrase: its first word, and its length in bytes. */
  #first = new Uint32Array(64);
  #length = new Uint16Array(64);
  #count = 0;

  /** Keeps `text` (ASCII without control characters, at most 64 KiB) and gives its number: they count from 0. */
  add(text: string): number {
    const phrase = this.#count++;
    const words = (text.length + 7) >> 3;
    if (phrase === this.#first.length) {
      this.#first = grown(this.#first, new Uint32Array(phrase * 2));
      this.#length = grown(this.#length, new Uint16Array(phrase * 2));
    }
    if (this.#used + words > this.#words.length)
      this.#words = grown(this.#words, new Float64Array((this.#used + words) * 2));
    const bytes = new Uint8Array(this.#words.buffer, this.#used * 8, words * 8).fill(32);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    this.#first[phrase] = this.#used;
    this.#length[phrase] = text.length;
    this.#used += words;
    return phrase;
  }

  /** Bytes that `write` may touch. */
  room(phrase: number): number {
    return this.#length[phrase]! + 7;
  }

  /** Writes the phrase at `at` and gives the offset behind it. Up to seven bytes behind that are overwritten too. */
  write(view: DataView, at: number, phrase: number): number {
    const words = this.#words;
    const length = this.#length[phrase]!;
    let word = this.#first[phrase]!;
    for (let i = 0; i < length; i += 8) view.setFloat64(at + i, words[word++]!, NATIVE);
    return at + length;
  }
}

const grown = <T extends Float64Array | Uint32Array | Uint16Array>(from: T, to: T): T => {
  to.set(from);
  return to;
};

/** The machine's byte order, in which the words were read. */
const NATIVE = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;
/** Numbers below 10,000 in four digits, the first in the low byte. */
const FOUR = new Uint32Array(10_000);
for (let i = 0; i < FOUR.length; i++)
  FOUR[i] =
    (48 + ((i / 1000) | 0)) |
    ((48 + (((i / 100) | 0) % 10)) << 8) |
    ((48 + (((i / 10) | 0) % 10)) << 16) |
    ((48 + (i % 10)) << 24);

/** Writes a whole number from 0 to 2^53 - 1 at `at` and gives the offset behind it. Up to three bytes behind that are
 * overwritten too. */
export function writeUint(view: DataView, at: number, value: number): number {
  if (value < 10_000) {
    const digits = FOUR[value | 0]!;
    if (value < 100) {
      if (value < 10) {
        view.setUint8(at, digits >>> 24);
        return at + 1;
      }
      view.setUint16(at, digits >>> 16, true);
      return at + 2;
    }
    if (value < 1000) {
      view.setUint32(at, digits >>> 8, true);
      return at + 3;
    }
    view.setUint32(at, digits, true);
    return at + 4;
  }
  const upper = Math.floor(value / 10_000);
  const behind = writeUint(view, at, upper);
  view.setUint32(behind, FOUR[value - upper * 10_000]!, true);
  return behind + 4;
}

/** Writes a number below 10^9 in nine digits, and gives the offset behind them. */
export function writeNine(view: DataView, at: number, value: number): number {
  const upper = (value / 10_000) | 0;
  const first = (upper / 10_000) | 0;
  view.setUint8(at, 48 + first);
  view.setUint32(at + 1, FOUR[upper - first * 10_000]!, true);
  view.setUint32(at + 5, FOUR[value - upper * 10_000]!, true);
  return at + 9;
}
