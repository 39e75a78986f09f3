import { describe, expect, it } from 'vitest';
import { writeNine, writeUint } from '../../src/bytes/digits.ts';
import { TextWriter } from '../../src/bytes/text.ts';
import { Phrases, phraseRoom, writePhrase, writeTime } from '../../src/dissect/phrases.ts';

const NUMBERS = [0, 1, 9];
for (let power = 10; power <= 1e15; power *= 10) NUMBERS.push(power - 1, power, power + 1, power * 7 + 3);
NUMBERS.push(2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER);

/** A view of memory that is full of what nobody writes, so that what is not written shows. */
const memory = (length: number): { bytes: Buffer; view: DataView } => {
  const bytes = Buffer.alloc(length, 0xa5);
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, length) };
};

describe('phrases', () => {
  it('of any length come out as they went in, at any offset, and touch no more than they say', () => {
    const phrases = new Phrases();
    const texts = Array.from({ length: 200 }, (_, i) =>
      'abcdefghijklmnopqrstuvwxyz'.repeat(8).slice(i % 26, (i % 26) + i),
    );
    texts.push('~'.repeat(1023));
    const kept = texts.map((text) => phrases.add(text));
    for (const [i, text] of texts.entries())
      for (const at of [0, 1, 5, 8]) {
        const { bytes, view } = memory(1100);
        expect(writePhrase(view, at, phrases.words, kept[i]!)).toBe(at + text.length);
        expect(bytes.toString('latin1', at, at + text.length)).toBe(text);
        const behind = at + phraseRoom(kept[i]!);
        expect(bytes.subarray(behind).every((byte) => byte === 0xa5)).toBe(true);
      }
    expect(() => phrases.add('x'.repeat(1024))).toThrow(RangeError);
  });

  it('numbers are written as String writes them', () => {
    const writer = new TextWriter(8);
    for (const value of NUMBERS) {
      const { bytes, view } = memory(32);
      expect(bytes.toString('latin1', 2, writeUint(view, 2, value))).toBe(String(value));
      writer.clear();
      writer.decimal(value);
      expect(writer.toString()).toBe(String(value));
      writer.clear();
      writer.padded(value, 9, 48);
      expect(writer.toString()).toBe(String(value).padStart(9, '0'));
    }
    for (const value of NUMBERS.filter((number) => number < 1e9)) {
      const { bytes, view } = memory(32);
      expect(bytes.toString('latin1', 2, writeNine(view, 2, value))).toBe(String(value).padStart(9, '0'));
    }
  });

  it('times whose seconds are rounded down are written with their sign before them', () => {
    const written = (seconds: number, nanoseconds: number): string => {
      const { bytes, view } = memory(40);
      return bytes.toString('latin1', 2, writeTime(view, 2, seconds, nanoseconds));
    };
    expect(written(12, 5)).toBe('12.000000005');
    expect(written(0, 0)).toBe('0.000000000');
    expect(written(-1, 250_000_000)).toBe('-0.750000000');
    expect(written(-1, 999_999_999)).toBe('-0.000000001');
    expect(written(-10, 0)).toBe('-10.000000000');
    expect(written(-10, 500_000_000)).toBe('-9.500000000');
  });
});
