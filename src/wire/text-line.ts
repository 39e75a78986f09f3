/** Lines of text protocols (HTTP, FTP, SMTP, RTSP, SIP): ASCII, ended by CR LF or by LF alone.
 *
 * A header field is `name: value` (RFC 9110 5, RFC 3261 7.3); white space around the value is no part of it. */

const TAB = 9;
const LF = 10;
const CR = 13;
const BLANK = 32;
const COLON = 58;

/** Offset behind the LF that ends the line at `at`, or `end` where the line does not end before it. */
export function nextLine(bytes: Uint8Array, at: number, end: number): number {
  const found = indexOf(bytes, at, end, LF);
  return found < 0 ? end : found + 1;
}

/** Offset of the first `value` from `at` up to `end`, or -1. Most are near: for these a loop is faster than the object that
 * a search in native code needs. */
function indexOf(bytes: Uint8Array, at: number, end: number, value: number): number {
  const near = Math.min(end, at + NEAR);
  for (; at < near; at++) if (bytes[at] === value) return at;
  if (at >= end) return -1;
  const found = bytes.subarray(at, end).indexOf(value);
  return found < 0 ? -1 : at + found;
}
const NEAR = 64;

/** True where the line that `nextLine` put the end of at `next` did end. */
export const isEnded = (bytes: Uint8Array, at: number, next: number): boolean => next > at && bytes[next - 1] === LF;

/** Offset of the CR LF (or LF) that ends the line from `at` up to `next`; `next` where it has none. */
export function lineEnd(bytes: Uint8Array, at: number, next: number): number {
  if (!isEnded(bytes, at, next)) return next;
  return next - 2 >= at && bytes[next - 2] === CR ? next - 2 : next - 1;
}

/** Offset of the first blank or tab at or behind `at`, or `end`. */
export function tokenEnd(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== BLANK && bytes[at] !== TAB) at++;
  return at;
}

/** Offset of the first byte at or behind `at` that is neither blank nor tab, or `end`. */
export function skipBlanks(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && (bytes[at] === BLANK || bytes[at] === TAB)) at++;
  return at;
}

/** Offset behind the last byte before `end` that is neither blank nor tab, not before `at`. */
export function trimEnd(bytes: Uint8Array, at: number, end: number): number {
  while (end > at && (bytes[end - 1] === BLANK || bytes[end - 1] === TAB)) end--;
  return end;
}

/** Offset of the colon of the header field from `at` up to `end`; -1 where there is none. */
export const colonOf = (bytes: Uint8Array, at: number, end: number): number => indexOf(bytes, at, end, COLON);

/** Bytes `at` up to `end`, each one character (Latin-1). */
export function latin1(bytes: Uint8Array, at: number, end: number): string {
  if (at >= end) return '';
  // Views are compared, not their buffers: asking for one is a call out of compiled code.
  if (viewed !== bytes) {
    viewed = bytes;
    whole = Buffer.from(bytes.buffer);
  }
  return whole.toString('latin1', bytes.byteOffset + at, bytes.byteOffset + end);
}
/** All of the memory that was read last: strings come from the same piece again and again, and a Buffer for each of them
 * takes longer than the string. */
let whole: Buffer = Buffer.alloc(0);
let viewed: Uint8Array | null = null;

/** Bytes `at` up to `end` as ASCII; a byte that is none becomes U+FFFD. */
export function ascii(bytes: Uint8Array, at: number, end: number): string {
  let all = 0;
  for (let i = at; i < end; i++) all |= bytes[i]!;
  if (all < 0x80) return latin1(bytes, at, end);
  const length = end - at;
  if (length > UNITS.length) return latin1(bytes, at, end).replace(/[\x80-\xff]/g, '\ufffd');
  for (let i = 0; i < length; i++) UNITS[i] = bytes[at + i]! < 0x80 ? bytes[at + i]! : 0xfffd;
  return UNITS_AS_BYTES.toString('utf16le', 0, length * 2);
}
/** Code units of a string that is being made: a tenth of the time of a regular expression. */
const UNITS = new Uint16Array(2048);
const UNITS_AS_BYTES = Buffer.from(UNITS.buffer);

/** True where `text` (ASCII) stands at `at`, before `end`. */
export function startsWith(bytes: Uint8Array, at: number, end: number, text: string): boolean {
  if (end - at < text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** True for three decimal digits at `at`, with the end or no digit behind. */
export function isCode(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + 3 > end) return false;
  for (let i = 0; i < 3; i++) if (!isDigit(bytes[at + i]!)) return false;
  return at + 3 === end || !isDigit(bytes[at + 3]!);
}

/** The number in the three digits at `at`. */
export const codeAt = (bytes: Uint8Array, at: number): number =>
  (bytes[at]! - 48) * 100 + (bytes[at + 1]! - 48) * 10 + bytes[at + 2]! - 48;

export const isDigit = (value: number): boolean => value >= 48 && value <= 57;
