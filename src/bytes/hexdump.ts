import type { TextWriter } from './text.ts';

/** Hexdumps in tcpdump's forms: lines of 16 bytes in pairs, each line begun by a newline, a tab and its offset. */

const LINE = 16;
/** Columns that eight pairs take: five each. */
const PAIRS_WIDTH = 40;

const isGraph = (value: number): boolean => value > 0x20 && value < 0x7f;

/** `\n\t0x0000:  4500 003c …` for the bytes from `at` up to `end`, offsets counted from 0 (-x), with the printable
 * characters beside it where `ascii` is true (-X). `indent` is what stands before each line. No newline at the end. */
export function hexdump(
  out: TextWriter,
  bytes: Uint8Array,
  at: number,
  end: number,
  ascii: boolean,
  indent = '\n\t',
): void {
  for (let line = at; line < end; line += LINE) {
    const stop = Math.min(line + LINE, end);
    out.ascii(indent);
    out.ascii('0x');
    const offset = line - at;
    out.hexPadded(offset, offset > 0xffff ? (offset > 0xfffff ? 6 : 5) : 4);
    out.ascii(': ');
    let written = 0;
    for (let i = line; i < stop; i += 2) {
      out.byte(0x20);
      out.hexPadded(bytes[i]!, 2);
      if (i + 1 < stop) out.hexPadded(bytes[i + 1]!, 2);
      written += i + 1 < stop ? 5 : 3;
    }
    if (!ascii) continue;
    for (; written < PAIRS_WIDTH + 2; written++) out.byte(0x20);
    for (let i = line; i < stop; i++) out.byte(isGraph(bytes[i]!) ? bytes[i]! : 0x2e);
  }
}

/** A newline, then the bytes as text (-A): graphic characters, blanks, tabs and newlines as they are, a carriage return
 * before a newline (and, as tcpdump has it, among the last two bytes) left out, anything else a dot. Nothing that steers a terminal comes through. */
export function asciidump(out: TextWriter, bytes: Uint8Array, at: number, end: number): void {
  out.byte(0x0a);
  for (; at < end; at++) {
    const value = bytes[at]!;
    if (value === 0x0d && (at + 2 >= end || bytes[at + 1] === 0x0a)) continue;
    out.byte(isGraph(value) || value === 0x20 || value === 0x09 || value === 0x0a ? value : 0x2e);
  }
}
