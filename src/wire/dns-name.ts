/** Domain names in messages, RFC 1035 3.1 and 4.1.4: labels (a length byte below 64, then as many bytes), ended by a zero
 * or by a pointer (two bytes, the upper two bits set) to a name earlier in the message. */

/** Upper two bits of a label's first byte. */
export const LABEL_MASK = 0xc0;
export const POINTER = 0xc0;
/** RFC 1035 2.3.4: longest name in bytes, length bytes and the final zero included. */
export const MAX_NAME = 255;

export interface DomainName {
  /** Labels joined by dots, without a dot at the end (`''` is the root); bytes that are no printable ASCII, dots and
   * backslashes within labels as `\ddd` or with a backslash (RFC 1035 5.1). */
  text: string;
  /** Offset behind the name where it stands (behind its first pointer, where it has one). */
  end: number;
}

/** Reads the name at `at` in the message that begins at `message`, reading no byte from `end` on; null where it does not
 * end, is too long, or points elsewhere than backwards. */
export function readName(bytes: Uint8Array, at: number, end: number, message: number): DomainName | null {
  let text = '';
  let after = -1;
  let lowest = at;
  let length = 0;
  while (at < end) {
    const size = bytes[at]!;
    if (size === 0) return { text, end: after < 0 ? at + 1 : after };
    if ((size & LABEL_MASK) === POINTER) {
      if (at + 2 > end) return null;
      const target = message + (((size & 0x3f) << 8) | bytes[at + 1]!);
      if (after < 0) after = at + 2;
      // Each pointer must lead before the name that it is in, so that no chain of them can be a loop.
      if (target >= lowest) return null;
      lowest = at = target;
      length++;
    } else if ((size & LABEL_MASK) === 0) {
      if (at + 1 + size > end) return null;
      if (text !== '') text += '.';
      for (let i = at + 1; i <= at + size; i++) text += escaped(bytes[i]!);
      at += 1 + size;
      length += size + 1;
    } else return null;
    if (length > MAX_NAME) return null;
  }
  return null;
}

function escaped(value: number): string {
  if (value === 0x2e || value === 0x5c) return `\\${String.fromCharCode(value)}`;
  if (value > 0x20 && value < 0x7f) return String.fromCharCode(value);
  return `\\${String(value).padStart(3, '0')}`;
}

/** Offset behind the name at `at`, without following pointers; -1 where it does not end before `end`. */
export function skipName(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const size = bytes[at]!;
    if (size === 0) return at + 1;
    if ((size & LABEL_MASK) === POINTER) return at + 2 <= end ? at + 2 : -1;
    if ((size & LABEL_MASK) !== 0) return -1;
    at += 1 + size;
  }
  return -1;
}

/** The labels of a name as `DomainName.text` has it, as bytes. */
function labelsOf(name: string): number[][] {
  const labels: number[][] = [];
  if (name === '' || name === '.') return labels;
  let label: number[] = [];
  for (let i = 0; i < name.length; i++) {
    const unit = name[i]!;
    if (unit === '.') {
      labels.push(label);
      label = [];
    } else if (unit !== '\\') label.push(name.charCodeAt(i) & 255);
    else if (/^\d{3}$/.test(name.slice(i + 1, i + 4))) {
      label.push(Number(name.slice(i + 1, i + 4)) & 255);
      i += 3;
    } else label.push(name.charCodeAt(++i) & 255);
  }
  if (label.length > 0) labels.push(label);
  return labels;
}

/** Bytes that `emitName` writes. */
export const nameLength = (name: string): number => labelsOf(name).reduce((sum, label) => sum + 1 + label.length, 1);

/** Writes a name, not compressed, at `at`; gives the offset behind it. Labels above 63 bytes are a RangeError. */
export function emitName(bytes: Uint8Array, at: number, name: string): number {
  for (const label of labelsOf(name)) {
    if (label.length === 0 || label.length > 63) throw new RangeError(`a label of ${name} has ${label.length} bytes`);
    bytes[at++] = label.length;
    for (const value of label) bytes[at++] = value;
  }
  bytes[at] = 0;
  return at + 1;
}
