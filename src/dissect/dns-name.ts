import { LABEL_MASK, POINTER } from '../wire/dns-name.ts';
import type { Text } from './text.ts';

/** RFC 2673's bit-string labels, which tcpdump still prints: 0x41, number of bits (0: 256), the bits. */
const EXTENDED = 0x40;
const BIT_STRING = 1;
/** Most bytes of labels that one name may expand to. RFC 1035 allows 255; the bound keeps the work for a message of
 * pointers to pointers linear. */
const MAX_EXPANSION = 1024;
/** Longest text of a name. */
const MAX_TEXT = 255;
const TOO_LONG = '<DOMAIN NAME TOO LONG>';

/** Length of the label at `at` behind its first byte; -1 where it has no legal form or is not there. */
function labelLength(t: Text, at: number): number {
  if (!t.has(at, 1)) return -1;
  const first = t.bytes[at]!;
  if ((first & LABEL_MASK) === EXTENDED) {
    if ((first & 0x3f) !== BIT_STRING) {
      t.out.ascii(`<ELT ${first & 0x3f}>`);
      return -1;
    }
    if (!t.has(at + 1, 1)) return -1;
    return (((t.bytes[at + 1]! || 256) + 7) >> 3) + 1;
  }
  if ((first & LABEL_MASK) === 0 || (first & LABEL_MASK) === POINTER) return first;
  t.out.ascii('<BAD LABEL TYPE>');
  return -1;
}

/** Prints the name at `at` of the message at `message`, each label with a dot behind it. Gives the offset behind the name
 * where it stands; -1 where it cannot be printed to
 * its end. A name that ends with the capture, right behind the length of a label, passes for a whole one, as it does for
 * tcpdump. */
export function printName(t: Text, at: number, message: number): number {
  const { out } = t;
  let length = labelLength(t, at);
  if (length < 0) return -1;
  let lowest = at - message;
  let first = t.bytes[at++]!;
  let followed = false;
  let after = at + length;
  let expansion = 0;
  const begin = at - 1;
  let printed = 0;
  if (first === 0) {
    out.byte(46);
    return after;
  }
  while (first !== 0) {
    if (at >= t.end) return (first & LABEL_MASK) === POINTER && !followed ? -1 : after;
    if ((first & LABEL_MASK) === POINTER) {
      if (!followed) {
        after = at + 1;
        followed = true;
      }
      const target = ((first & 0x3f) << 8) | t.bytes[at]!;
      // A pointer must lead backwards, so that no chain of them can be a loop.
      if (target >= lowest || ++expansion > MAX_EXPANSION) {
        out.ascii('<BAD PTR>');
        return -1;
      }
      lowest = target;
      at = message + target;
    } else {
      if ((first & LABEL_MASK) === EXTENDED) {
        if (!printBits(t, at)) return -1;
      } else if (printed + length > MAX_TEXT) {
        if (t.visibleBytes(at, at + MAX_TEXT - printed) || !t.has(at, length)) return -1;
        out.ascii(TOO_LONG);
        return followed ? after : skipPrinted(t, begin);
      } else if (t.visibleBytes(at, at + length)) return -1;
      at += length;
      expansion += length;
      if (expansion > MAX_EXPANSION) return -1;
      out.byte(46);
      printed += length + 1;
      if (printed > MAX_TEXT && t.has(at, 1)) {
        out.ascii(TOO_LONG);
        return followed ? after : skipPrinted(t, begin);
      }
      if (!followed) after = at + 1;
    }
    length = labelLength(t, at);
    if (length < 0) return -1;
    first = t.bytes[at++]!;
    if (!followed && (first & LABEL_MASK) !== POINTER) after = at + length;
  }
  return after;
}

/** `\[x…/bits]` */
function printBits(t: Text, at: number): boolean {
  const { out } = t;
  if (!t.has(at, 1)) return false;
  const bits = t.bytes[at++]! || 256;
  const size = (bits + 7) >> 3;
  out.ascii('\\[x');
  const end = at + size;
  let left = bits;
  for (; left > 7; left -= 8) out.hexPadded(t.u8(at++), 2);
  if (left > 4) out.hexPadded(t.u8(at++) & (0xff << (8 - left)), 2);
  else if (left > 0) out.hexPadded((t.u8(at++) >> 4) & (0x0f << (4 - left)), 1);
  if (at < end) t.need(at, end - at);
  out.ascii(`/${bits}]`);
  return true;
}

/** Offset behind the name at `at`, not following pointers; -1 where it does not end in what was captured. */
export function skipPrinted(t: Text, at: number): number {
  if (!t.has(at, 1)) return -1;
  let first = t.bytes[at++]!;
  while (first !== 0) {
    if ((first & LABEL_MASK) === POINTER) return at + 1;
    if ((first & LABEL_MASK) === EXTENDED) {
      if ((first & 0x3f) !== BIT_STRING || !t.has(at, 1)) return -1;
      at += 1 + (((t.bytes[at]! || 256) + 7) >> 3);
    } else if (first & LABEL_MASK) return -1;
    else at += first;
    if (!t.has(at, 1)) return -1;
    first = t.bytes[at++]!;
  }
  return at;
}
