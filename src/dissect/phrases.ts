import { writeNine, writeUint } from '../bytes/digits.ts';

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
    this.#reserve((text.length + 7) >> 3);
    return this.replace(first << LENGTH_BITS, text);
  }

  /** Room for a phrase of any length that `replace` fills in again and again. */
  room(): number {
    const first = this.#used;
    this.#reserve((LENGTH_MASK + 7) >> 3);
    return ((first << LENGTH_BITS) | LENGTH_MASK) >>> 0;
  }

  /** Puts `text` in the place of a phrase that is as long at least, and gives the new one. */
  replace(phrase: number, text: string): number {
    const first = phrase >>> LENGTH_BITS;
    const count = (text.length + 7) >> 3;
    const bytes = Buffer.alloc(count * 8, 32);
    bytes.write(text, 'latin1');
    for (let i = 0; i < count; i++) this.words[first + i] = bytes.readDoubleLE(i * 8);
    return ((first << LENGTH_BITS) | text.length) >>> 0;
  }

  #reserve(count: number): void {
    const first = this.#used;
    // Behind the last one there are words for `writePhrase` to read.
    if (first + count + AT_ONCE / 8 > this.words.length) {
      const larger = new Float64Array((first + count) * 2 + AT_ONCE);
      larger.set(this.words);
      this.words = larger;
    }
    this.#used += count;
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

/** Writes a time as `seconds.nanoseconds`: whole seconds of any sign, rounded down, and nanoseconds from 0 up to 10^9 that count
 * up from there. */
export function writeTime(view: DataView, at: number, seconds: number, nanoseconds: number): number {
  if (seconds < 0) {
    view.setUint8(at++, 45);
    seconds = -seconds;
    if (nanoseconds > 0) {
      seconds--;
      nanoseconds = 1e9 - nanoseconds;
    }
  }
  at = writeUint(view, at, seconds);
  view.setUint8(at, 46);
  return writeNine(view, at + 1, nanoseconds);
}
