import { allFields, type Fields } from '../../src/dissect/fields.ts';

/** Largest numbers of the types that are whole numbers. */
const LARGEST: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 255,
  uint16: 65535,
  uint24: 0xffffff,
  uint32: 0xffffffff,
};

/** The first field whose value its type does not have; '' where there is none. */
export function wrongValue(f: Fields): string {
  for (let row = 0; row < f.count; row++) {
    const { name, type } = allFields[f.id[row]!]!;
    const number = f.number[row]!;
    const most = LARGEST[type];
    const isWrong =
      (most !== undefined && !(number >= 0 && number <= most && Number.isInteger(number))) ||
      (type === 'int32' && !Number.isSafeInteger(number)) ||
      (type === 'string' && typeof f.object[row] !== 'string') ||
      (type === 'uint64' && (typeof f.object[row] !== 'bigint' || (f.object[row] as bigint) >> 64n !== 0n)) ||
      f.at[row]! + f.length[row]! > f.bytes.length;
    if (isWrong) return `${name} (${type}) is ${number} at ${f.at[row]}, ${f.length[row]} bytes`;
  }
  return '';
}
