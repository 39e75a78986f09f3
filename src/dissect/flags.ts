import type { Text } from './text.ts';

/** Names of bits: value of the bits, and what they are called. */
export type Bits = readonly (readonly [mask: number, name: string])[];

/** The names of all bits that are set, with `separator` between them, in the order of the table; `none` where none is. */
export function printBits(t: Text, bits: Bits, value: number, none: string, separator = ', '): void {
  let isFirst = true;
  for (const [mask, name] of bits) {
    if ((value & mask) !== mask) continue;
    if (!isFirst) t.out.ascii(separator);
    t.out.ascii(name);
    isFirst = false;
  }
  if (isFirst) t.out.ascii(none);
}

/** `0x` and at least `digits` hexadecimal digits. */
export function printHex(t: Text, value: number, digits = 1): void {
  t.out.ascii('0x');
  if (digits > 1 && value < 2 ** (digits * 4)) t.out.hexPadded(value, digits);
  else t.out.hex(value);
}

/** Number as `%u.%02u`: `hundredths` of a unit. */
export const hundredths = (value: number): string =>
  `${Math.floor(value / 100)}.${String(value % 100).padStart(2, '0')}`;
