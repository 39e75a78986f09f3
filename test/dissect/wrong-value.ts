import { allFields, type Fields } from '../../src/dissect/fields.ts';

/** Largest numbers of the types that are whole numbers. */
const LARGEST: Readonly<Record<string, number>> = {
  bool: 1,
  uint8: 255,
  uint16: 65535,
  uint24: 0xffffff,
  uint32: 0xffffffff,
};

/** Bytes of the types that are so many of the frame. */
const SIZES: Readonly<Record<string, number>> = { ipv4: 4, ipv6: 16, ether: 6 };

const most = allFields.map(({ type }) => LARGEST[type] ?? 0);
const size = allFields.map(({ type }) => SIZES[type] ?? 0);

/** The fields whose values their types do not have, told. */
export function wrongValues(f: Fields, tell: (field: string, what: string) => void): void {
  for (let row = 0; row < f.count; row++) {
    const id = f.id[row]!;
    const { name, type } = allFields[id]!;
    const number = f.number[row]!;
    const at = f.at[row]!;
    const length = f.length[row]!;
    let isWrong = at + length > f.capturedEnd || at < f.frameAt;
    if (most[id]! > 0) isWrong ||= !(number >= 0 && number <= most[id]! && Number.isInteger(number));
    else if (size[id]! > 0) isWrong ||= at + size[id]! > f.capturedEnd;
    else if (type === 'int32') isWrong ||= !Number.isSafeInteger(number);
    else if (type === 'float') isWrong ||= typeof number !== 'number';
    else if (type === 'time') isWrong ||= !Number.isInteger(number) || f.nanoseconds[row]! > 999_999_999;
    else if (type === 'string') isWrong ||= typeof f.object[row] !== 'string';
    else if (type === 'uint64')
      isWrong ||= typeof f.object[row] !== 'bigint' || (f.object[row] as bigint) >> 64n !== 0n;
    if (isWrong) tell(name, `(${type}) is ${number} at ${at - f.frameAt}, ${length} bytes`);
  }
}

/** The first such field of the record; '' where there is none. */
export function wrongValue(f: Fields): string {
  let first = '';
  wrongValues(f, (field, what) => {
    first ||= `${field} ${what}`;
  });
  return first;
}
