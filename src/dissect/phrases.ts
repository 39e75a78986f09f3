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

/** Writes a time as `seconds.nanoseconds`: seconds of any sign, nanoseconds below 10^9. */
export function writeTime(view: DataView, at: number, seconds: number, nanoseconds: number): number {
  if (seconds < 0) {
    view.setUint8(at++, 45);
    seconds = -seconds;
  }
  at = writeUint(view, at, seconds);
  view.setUint8(at, 46);
  return writeNine(view, at + 1, nanoseconds);
}

/** For each octet, its decimal digits and a dot, the first in the low byte; and how many bytes that is. */
const OCTET = new Uint32Array(256);
const OCTET_LENGTH = new Uint8Array(256);
/** For each octet, two hexadecimal digits and a colon. */
const HEX_COLON = new Uint32Array(256);
for (let i = 0; i < 256; i++) {
  OCTET[i] = Buffer.from(`${i}.   `, 'latin1').readUInt32LE(0);
  OCTET_LENGTH[i] = String(i).length + 1;
  HEX_COLON[i] = Buffer.from(`${i.toString(16).padStart(2, '0')}: `, 'latin1').readUInt32LE(0);
}

/** Writes the IPv4 address in the four bytes at `from`, dotted. Up to three bytes behind it are overwritten too. */
export function writeIpv4(view: DataView, at: number, bytes: Uint8Array, from: number): number {
  const a = bytes[from]!;
  const b = bytes[from + 1]!;
  const c = bytes[from + 2]!;
  const d = bytes[from + 3]!;
  view.setUint32(at, OCTET[a]!, true);
  at += OCTET_LENGTH[a]!;
  view.setUint32(at, OCTET[b]!, true);
  at += OCTET_LENGTH[b]!;
  view.setUint32(at, OCTET[c]!, true);
  at += OCTET_LENGTH[c]!;
  view.setUint32(at, OCTET[d]!, true);
  return at + OCTET_LENGTH[d]! - 1;
}

/** Writes the MAC address in the six bytes at `from`. Two bytes behind it are overwritten too. */
export function writeMac(view: DataView, at: number, bytes: Uint8Array, from: number): number {
  for (let i = 0; i < 6; i++) view.setUint32(at + i * 3, HEX_COLON[bytes[from + i]!]!, true);
  return at + 17;
}
