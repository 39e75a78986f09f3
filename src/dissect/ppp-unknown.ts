import { hexdump } from '../bytes/hexdump.ts';
import type { Text } from './text.ts';

/** A hexdump of what was captured of `length` bytes at `at`, with `indent` before each line;
 * tcpdump's words where `at` is behind that. */
export function printUnknown(t: Text, at: number, length: number, indent = '\n\t'): void {
  if (at > t.end) {
    t.out.ascii(`${indent}Dissector error: print_unknown_data called with pointer past end of packet`);
    return;
  }
  hexdump(t.out, t.bytes, at, Math.min(at + length, t.end), false, indent);
}
