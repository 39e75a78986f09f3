import { describe, expect, it } from 'vitest';
import { asciidump, hexdump } from '../../src/bytes/hexdump.ts';
import { TextWriter } from '../../src/bytes/text.ts';

const write = (body: (out: TextWriter) => void): string => {
  // A capacity of one byte makes every write grow the memory.
  const out = new TextWriter(1);
  body(out);
  return out.toString();
};

describe('TextWriter', () => {
  it('writes a length below zero as C prints it, never as a control character', () => {
    expect(write((out) => out.decimal(-1))).toBe('4294967295');
    expect(write((out) => out.decimal(-48))).toBe('4294967248');
  });

  it('writes whole numbers of every size', () => {
    const numbers = [0, 9, 10, 99, 100, 12345, 999_999_999, 1e9, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 1e15, 2 ** 53 - 1];
    for (const number of numbers) {
      expect(write((out) => out.decimal(number))).toBe(String(number));
      expect(write((out) => out.signed(-number))).toBe(number === 0 ? '0' : String(-number));
      expect(write((out) => out.padded(number, 6, 48))).toBe(String(number).padStart(6, '0'));
      if (number < 2 ** 32) expect(write((out) => out.hex(number))).toBe(number.toString(16));
    }
    expect(write((out) => out.hexPadded(0xab, 4))).toBe('00ab');
  });

  it('writes addresses', () => {
    const bytes = Uint8Array.of(1, 2, 30, 255, 0, 16);
    expect(write((out) => out.ipv4(bytes, 0))).toBe('1.2.30.255');
    expect(write((out) => out.mac(bytes, 0))).toBe('01:02:1e:ff:00:10');
    expect(write((out) => out.hexBytes(bytes, 1, 3))).toBe('021e');
  });

  it('writes text as bytes and as UTF-8, and copies', () => {
    expect(
      Buffer.from(
        write((out) => out.utf8('é€')),
        'latin1',
      ).toString('utf8'),
    ).toBe('é€');
    const long = Uint8Array.from({ length: 100 }, (_, i) => 32 + (i % 90));
    expect(write((out) => out.copy(long, 0, 100))).toBe(Buffer.from(long).toString('latin1'));
    const out = new TextWriter(4);
    out.ascii('abc');
    const mark = out.length;
    out.ascii('def');
    out.length = mark;
    expect(Buffer.from(out.view()).toString()).toBe('abc');
  });
});

describe('hexdumps', () => {
  const bytes = Uint8Array.from(Buffer.from('Hello,\r\nworld\x1b[0m\t\xff\r!', 'latin1'));

  it('-x and -X', () => {
    expect(write((out) => hexdump(out, bytes, 0, bytes.length, false))).toBe(
      '\n\t0x0000:  4865 6c6c 6f2c 0d0a 776f 726c 641b 5b30\n\t0x0010:  6d09 ff0d 21',
    );
    expect(write((out) => hexdump(out, bytes, 16, 21, true))).toBe(
      '\n\t0x0000:  6d09 ff0d 21                             m...!',
    );
    expect(write((out) => hexdump(out, bytes, 3, 3, true))).toBe('');
  });

  it('-A lets nothing through that steers a terminal', () => {
    expect(write((out) => asciidump(out, bytes, 0, bytes.length))).toBe('\nHello,\nworld.[0m\t.!');
  });
});
