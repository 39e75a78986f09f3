import { type Word, writeIpv4, writeIpv6, writeNine, writeSix, writeUint, writeWord } from './digits.ts';

/** A growing piece of memory that text (or any bytes) is written into, byte by byte, without a string on the way.
 *
 * Printers of packets write here: no concatenation, no object per field. The memory is reused: whoever takes what was
 * written (`view`) copies it or is done with it before the next write after `clear`. */
export class TextWriter {
  bytes: Uint8Array;
  /** The same memory. */
  memory: DataView;
  /** Bytes written so far. May be set back to an earlier value to take back what was written since. */
  length = 0;

  constructor(capacity = 1 << 16) {
    this.bytes = new Uint8Array(capacity);
    this.memory = new DataView(this.bytes.buffer);
  }

  clear(): void {
    this.length = 0;
  }

  /** What was written, as a view on the writer's memory: it holds until the next write. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, each byte one character (Latin-1), as a string of its own. */
  toString(): string {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.length).toString('latin1');
  }

  /** Makes room for `count` more bytes. */
  reserve(count: number): void {
    if (this.length + count > this.bytes.length) this.#grow(count);
  }

  #grow(count: number): void {
    let size = this.bytes.length * 2;
    while (size < this.length + count) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
    this.memory = new DataView(larger.buffer);
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1);
    this.bytes[this.length++] = value;
  }

  /** Text whose characters are all below U+0100; each becomes one byte. */
  ascii(text: string): void {
    const count = text.length;
    let at = this.length;
    if (at + count > this.bytes.length) this.#grow(count);
    const bytes = this.bytes;
    for (let i = 0; i < count; i++) bytes[at++] = text.charCodeAt(i);
    this.length = at;
  }

  /** Any text, as UTF-8. */
  utf8(text: string): void {
    // A code unit of UTF-16 takes at most three bytes.
    this.reserve(text.length * 3);
    this.length += UTF8.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Bytes `at` up to `end` of `source`, as they are. */
  copy(source: Uint8Array, at: number, end: number): void {
    const count = end - at;
    let to = this.length;
    if (to + count > this.bytes.length) this.#grow(count);
    const bytes = this.bytes;
    if (count > 64) bytes.set(source.subarray(at, end), to);
    else while (at < end) bytes[to++] = source[at++]!;
    this.length += count;
  }

  /** Text that `wordOf` has prepared: two stores, whatever its length. */
  word(word: Word): void {
    if (this.length + 16 > this.bytes.length) this.#grow(16);
    this.length = writeWord(this.memory, this.length, word);
  }

  /** A whole number from 0 to 2^53 - 1. One below 0 is written as the 32 bits that it is in C: what is left of a length
   * where a packet contradicts itself. */
  decimal(value: number): void {
    if (this.length + 24 > this.bytes.length) this.#grow(24);
    this.length = writeUint(this.memory, this.length, value < 0 ? value >>> 0 : value);
  }

  /** A whole number below 10^6 in six digits. */
  six(value: number): void {
    if (this.length + 8 > this.bytes.length) this.#grow(8);
    this.length = writeSix(this.memory, this.length, value);
  }

  /** A whole number below 10^9 in nine digits. */
  nine(value: number): void {
    if (this.length + 12 > this.bytes.length) this.#grow(12);
    this.length = writeNine(this.memory, this.length, value);
  }

  /** A whole number of any sign. */
  signed(value: number): void {
    if (value < 0) {
      this.byte(45);
      value = -value;
    }
    this.decimal(value);
  }

  /** A whole number from 0 to 2^53 - 1 at least `width` characters wide, filled on the left with the character `fill`. */
  padded(value: number, width: number, fill = 32): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    this.reserve(width + 16);
    for (; digits < width; width--) this.bytes[this.length++] = fill;
    this.decimal(value);
  }

  /** A 64-bit or larger whole number. */
  big(value: bigint): void {
    this.ascii(value.toString());
  }

  /** An unsigned number below 2^32 in hexadecimal, lower case, no leading zeros, no prefix. */
  hex(value: number): void {
    let digits = 1;
    for (let rest = value >>> 4; rest !== 0; rest >>>= 4) digits++;
    this.hexPadded(value, digits);
  }

  /** The low `4 * digits` bits of a number below 2^32 in exactly `digits` (at most 8) hexadecimal digits. */
  hexPadded(value: number, digits: number): void {
    this.reserve(8);
    let at = this.length;
    for (let shift = (digits - 1) * 4; shift >= 0; shift -= 4) this.bytes[at++] = HEX_DIGIT[(value >>> shift) & 15]!;
    this.length = at;
  }

  /** Bytes `at` up to `end` as two hexadecimal digits each, without anything between. */
  hexBytes(source: Uint8Array, at: number, end: number): void {
    this.reserve((end - at) * 2);
    let to = this.length;
    for (; at < end; at++) {
      this.bytes[to++] = HEX_DIGIT[source[at]! >>> 4]!;
      this.bytes[to++] = HEX_DIGIT[source[at]! & 15]!;
    }
    this.length = to;
  }

  /** The IPv4 address in the four bytes at `at`, dotted. */
  ipv4(source: Uint8Array, at: number): void {
    if (this.length + 20 > this.bytes.length) this.#grow(20);
    this.length = writeIpv4(this.memory, this.length, source, at);
  }

  /** The IPv6 address in the 16 bytes at `at`, as `writeIpv6` has it. */
  ipv6(source: Uint8Array, at: number): void {
    if (this.length + 48 > this.bytes.length) this.#grow(48);
    this.length = writeIpv6(this.memory, this.length, source, at);
  }

  /** `count` bytes (6: a MAC address) as two digits each with colons between. */
  mac(source: Uint8Array, at: number, count = 6): void {
    let to = this.length;
    if (to + count * 3 > this.bytes.length) this.#grow(count * 3);
    const bytes = this.bytes;
    for (let i = 0; i < count; i++) {
      const value = source[at + i]!;
      if (i > 0) bytes[to++] = 58;
      bytes[to++] = HEX_DIGIT[value >>> 4]!;
      bytes[to++] = HEX_DIGIT[value & 15]!;
    }
    this.length = to;
  }
}

const UTF8 = new TextEncoder();
const HEX_DIGIT = new Uint8Array(Buffer.from('0123456789abcdef', 'latin1'));
