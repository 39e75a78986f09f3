/** ASN.1's Basic Encoding Rules (ITU-T X.690), as far as SNMP needs them: identifier, length, contents. */

export const CLASS_UNIVERSAL = 0;
export const CLASS_APPLICATION = 1;
export const CLASS_CONTEXT = 2;
export const CONSTRUCTED = 0x20;
const LONG_LENGTH = 0x80;
const LONG_TAG = 31;

export const TAG_INTEGER = 2;
export const TAG_OCTETS = 4;
export const TAG_NULL = 5;
export const TAG_OID = 6;
export const TAG_SEQUENCE = 0x30;

/** An element's identifier and the place of its contents; filled in by `read`, so that none is made per element. */
export class Element {
  /** The identifier's first byte: class, form, tag. */
  identifier = 0;
  /** Tag number, which follows the first byte where that has no room for it. */
  tag = 0;
  /** Contents. `end` is where the length says, which may lie behind the data. */
  at = 0;
  end = 0;

  get class(): number {
    return this.identifier >> 6;
  }

  get isConstructed(): boolean {
    return (this.identifier & CONSTRUCTED) !== 0;
  }

  get length(): number {
    return this.end - this.at;
  }
}

/** Why an element's header cannot be read. After `short length`, the element's contents stand for the bytes of its
 * length. */
export type Trouble = 'nothing' | 'no length' | 'short length' | 'too long';

/** Reads the header of the element at `at` into `element`, from data that ends at `end`. Null: it is good, and its contents
 * end before `end`. */
export function read(element: Element, bytes: Uint8Array, at: number, end: number): Trouble | null {
  if (at >= end) return 'nothing';
  element.identifier = bytes[at++]!;
  element.tag = element.identifier & LONG_TAG;
  if (element.tag === LONG_TAG) {
    element.tag = 0;
    let more = true;
    while (more) {
      if (at >= end) return 'no length';
      const part = bytes[at++]!;
      element.tag = ((element.tag << 7) | (part & 0x7f)) >>> 0;
      more = (part & 0x80) !== 0;
    }
  }
  if (at >= end) return 'no length';
  let length = bytes[at++]!;
  if (length & LONG_LENGTH) {
    let octets = length & 0x7f;
    if (end - at < octets) {
      element.at = at;
      element.end = at + octets;
      return 'short length';
    }
    for (length = 0; octets > 0; octets--) length = ((length << 8) | bytes[at++]!) >>> 0;
  }
  element.at = at;
  element.end = at + length;
  return element.end > end ? 'too long' : null;
}

/** The signed integer in the bytes from `at` up to `end`, most significant first; the low 32 bits of a longer one. */
export function int32(bytes: Uint8Array, at: number, end: number): number {
  let value = at < end && bytes[at]! & 0x80 ? -1 : 0;
  for (; at < end; at++) value = (value << 8) | bytes[at]!;
  return value;
}

/** The unsigned one; the low 32 bits of a longer one. */
export function uint32(bytes: Uint8Array, at: number, end: number): number {
  let value = 0;
  for (; at < end; at++) value = ((value << 8) | bytes[at]!) >>> 0;
  return value;
}

/** The unsigned one of up to 64 bits; the low 64 bits of a longer one. */
export function uint64(bytes: Uint8Array, at: number, end: number): bigint {
  let value = 0n;
  for (; at < end; at++) value = BigInt.asUintN(64, (value << 8n) | BigInt(bytes[at]!));
  return value;
}

/** X.690 8.19: the numbers of the object identifier, with `separator` before each but, where `leads` is false, the first.
 * The first byte holds two numbers. */
export function oid(bytes: Uint8Array, at: number, end: number, leads: boolean): string {
  let text = '';
  let value = 0;
  let isFirst = true;
  for (; at < end; at++) {
    value = ((value << 7) | (bytes[at]! & 0x7f)) >>> 0;
    if (bytes[at]! & 0x80) continue;
    if (isFirst) {
      const top = value < 40 ? 0 : value < 80 ? 1 : 2;
      text = `${leads ? '.' : ''}${top}.${value - top * 40}`;
      isFirst = false;
    } else text += `.${value}`;
    value = 0;
  }
  return text;
}
