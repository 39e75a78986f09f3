import { formatIpv4, formatIpv6, formatMac } from '../../wire/address.ts';
import type { FieldInfo, Fields } from '../fields.ts';
import { allFields } from '../fields.ts';
import type { Value } from './literal.ts';
import type { Range } from './syntax.ts';

/** The value in a row of the record, in the form that comparisons use. Addresses and bytes are views on the frame. */
export function rowValue(f: Fields, row: number): Value {
  switch (allFields[f.id[row]!]!.type) {
    case 'none':
    case 'uint64':
    case 'string':
      return f.object[row] as Value;
    case 'ipv4':
    case 'ipv6':
    case 'ether':
    case 'bytes':
      return f.bytes.subarray(f.at[row]!, f.at[row]! + f.length[row]!);
    case 'time':
      return BigInt(f.number[row]!) * 1_000_000_000n + BigInt(f.nanoseconds[row]!);
    default:
      return f.number[row]!;
  }
}

/** Below zero, zero or above: how two values of one kind order. Numbers and bigints may be mixed. */
export function compare(a: Value, b: Value): number {
  if (a instanceof Uint8Array) return compareBytes(a, 0, a.length, b as Uint8Array);
  if (typeof a === 'string') return a === b ? 0 : a < (b as string) ? -1 : 1;
  // biome-ignore lint/suspicious/noDoubleEquals: 1 and 1n are the same number here
  return a == b ? 0 : a < (b as number | bigint) ? -1 : 1;
}

/** Order of `length` bytes at `at` against all of `other`: the shorter comes first, and among equally long ones the first
 * byte that differs decides. */
export function compareBytes(bytes: Uint8Array, at: number, length: number, other: Uint8Array): number {
  if (length !== other.length) return length - other.length;
  for (let i = 0; i < length; i++) {
    const difference = bytes[at + i]! - other[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** True where the bytes from `at` up to `end` hold `needle` somewhere; an empty one never. */
export function includesBytes(bytes: Uint8Array, at: number, end: number, needle: Uint8Array): boolean {
  if (needle.length === 0) return false;
  const found = Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).indexOf(needle);
  return found >= 0;
}

export const latin1 = (bytes: Uint8Array, at = 0, end = bytes.length): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');

/** The pieces of a slice, joined, up to the first that is not all there: it may be nothing. */
export function sliceOf(value: Uint8Array, ranges: readonly Range[]): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (const range of ranges) {
    const start = range.start < 0 ? value.length + range.start : range.start;
    const end = range.length === null ? value.length : start + range.length;
    if (start < 0 || start >= value.length || end > value.length) break;
    pieces.push(value.subarray(start, end));
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

/** Whether the row stands in a layer that `ranges` name: layers of one protocol are counted from 1, from the end
 * negatively. */
export function inLayers(f: Fields, row: number, ranges: readonly Range[]): boolean {
  let layer = 0;
  while (layer + 1 < f.layers && f.layerField[layer + 1]! <= row) layer++;
  return isNumbered(f, layer, ranges);
}

/** Whether layer `i` is one of the protocol's, and one of those that `ranges` name. */
export const layerIs = (f: Fields, i: number, name: string, ranges: readonly Range[] | null): boolean =>
  f.layerProtocol[i]!.name === name && (ranges === null || isNumbered(f, i, ranges));

function isNumbered(f: Fields, layer: number, ranges: readonly Range[]): boolean {
  const name = f.layerProtocol[layer]!.name;
  let number = 0;
  let all = 0;
  for (let i = 0; i < f.layers; i++)
    if (f.layerProtocol[i]!.name === name) {
      all++;
      if (i <= layer) number++;
    }
  return ranges.some(({ start, length }) => {
    const first = start < 0 ? all + 1 + start : start;
    return number >= first && (length === null || number < first + length);
  });
}

/** A number or an address as text, for string(). */
export function textOf(f: Fields, row: number): string {
  const info: FieldInfo = allFields[f.id[row]!]!;
  const at = f.at[row]!;
  switch (info.type) {
    case 'ipv4':
      return formatIpv4(f.bytes, at);
    case 'ipv6':
      return formatIpv6(f.bytes, at);
    case 'ether':
      return formatMac(f.bytes, at);
    case 'uint64':
      return String(f.object[row]);
    default:
      return String(f.number[row]);
  }
}
