/** Text that is written again and again (the keys of JSON objects), kept as words of eight bytes.
 *
 * A key of 20 bytes is three stores where a copy byte by byte is 20: measured, keys then take a quarter of the time. The
 * words are doubles, which a DataView stores at any offset without making an object; text has no byte above 0x7e, so none
 * of them is a NaN, whose bits could change on the way. */
export class Phrases {
  /** Of all phrases, one after the other. A new one may put others in its place. */
  words = new Float64Array(256);
  #used = 0;

  /** Keeps `text` (ASCII without control characters, at most 1023 bytes) and tells where: the first word above ten bits of
   * length. */
  add(text: string): number {
    if (text.length > LENGTH_MASK) throw new RangeError(`a phrase has at most ${LENGTH_MASK} bytes`);
    const first = this.#used;
    const count = (text.length + 7) >> 3;
    // Behind the last one there are words for `writePhrase` to read.
    if (first + count + AT_ONCE / 8 > this.words.length) {
      const larger = new Float64Array((first + count) * 2 + AT_ONCE);
      larger.set(this.words);
      this.words = larger;
    }
    const bytes = Buffer.alloc(count * 8, 32);
    bytes.write(text, 'latin1');
    for (let i = 0; i < count; i++) this.words[first + i] = bytes.readDoubleLE(i * 8);
    this.#used += count;
    return ((first << LENGTH_BITS) | text.length) >>> 0;
  }
}

const LENGTH_BITS = 10;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/** Bytes that `writePhrase` may touch. */
export const phraseRoom = (phrase: number): number => (phrase & LENGTH_MASK) + AT_ONCE;

/** Bytes that are written whatever the length is: a loop that ends after one word or after four is what the processor's
 * guesses of branches do not like, and takes longer than the words that nobody needs. */
const AT_ONCE = 32;

/** Writes a phrase at `at` and gives the offset behind it. Up to 31 bytes behind that are overwritten too. `words` are
 * those of its `Phrases`, which a loop holds in a local. */
export function writePhrase(view: DataView, at: number, words: Float64Array, phrase: number): number {
  const word = phrase >>> LENGTH_BITS;
  const length = phrase & LENGTH_MASK;
  view.setFloat64(at, words[word]!, true);
  view.setFloat64(at + 8, words[word + 1]!, true);
  view.setFloat64(at + 16, words[word + 2]!, true);
  view.setFloat64(at + 24, words[word + 3]!, true);
  for (let i = AT_ONCE; i < length; i += 8) view.setFloat64(at + i, words[word + (i >> 3)]!, true);
  return at + length;
}

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
