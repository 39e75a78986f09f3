import { TextWriter } from '../bytes/text.ts';
import { writeValue } from '../dissect/columns.ts';
import { allFields, type Fields, findFields } from '../dissect/fields.ts';

const writer = new TextWriter(1 << 10);
const idsOf = new Map<string, ReadonlySet<number>>();

/** The value in a row, as `--format fields` writes it. */
export function rowText(f: Fields, row: number): string {
  writer.clear();
  writeValue(writer, f, row, allFields[f.id[row]!]!);
  return Buffer.from(writer.view()).toString();
}

/** The first value that the packet has for a field or alias; '' where it has none. */
export function fieldText(f: Fields, name: string): string {
  let ids = idsOf.get(name);
  if (ids === undefined) {
    ids = new Set(findFields(name).map(({ id }) => id));
    idsOf.set(name, ids);
  }
  for (let row = 0; row < f.count; row++) if (ids.has(f.id[row]!)) return rowText(f, row);
  return '';
}
