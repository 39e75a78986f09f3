import { nearestOf } from '../bytes/nearest.ts';
import { TextWriter } from '../bytes/text.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { allFields, type FieldInfo, type Fields, fieldNames, findFields } from './fields.ts';
import { type ListColumn, listColumn, listColumnNames } from './packet-list.ts';
import { type PacketOptions, PacketWalker } from './packets.ts';
import { protocols } from './protocols.ts';
import { writtenTime } from './timestamp.ts';

const CHUNK = 1 << 16;

/** How values are put into columns: tshark's -E. */
export interface ColumnOptions extends Omit<PacketOptions, 'wanted'> {
  /** Names of fields or protocols, one a column. */
  fields: readonly string[];
  /** A first line with the names. */
  header?: boolean;
  /** Between columns; one character. */
  separator?: string;
  /** Which of several values: the first, the last, all. */
  occurrence?: 'f' | 'l' | 'a';
  /** Between several values of one column. */
  aggregator?: string;
  /** Around each column: nothing, single or double quotes. */
  quote?: 'n' | 's' | 'd';
  /** A byte order mark at the start. */
  bom?: boolean;
}

/** A field that nobody knows. */
export class UnknownField extends Error {
  readonly code = 'EFIELD';
  readonly nearest: readonly string[];

  constructor(name: string) {
    const nearest = nearestOf(name, [...fieldNames(), ...listColumnNames], 3);
    super(`there is no field '${name}'${nearest.length > 0 ? `; near to it: ${nearest.join(', ')}` : ''}`);
    this.nearest = nearest;
  }
}

/** Throws UnknownField where one of the names is neither a field's nor a protocol's. */
export function checkColumns(names: readonly string[]): void {
  for (const name of names)
    if (findFields(name).length === 0 && !isProtocol(name) && listColumn(name) === undefined)
      throw new UnknownField(name);
}

const isProtocol = (name: string): boolean =>
  name === 'frame' || name === 'data' || protocols.some((protocol) => protocol.name === name);

/** Throws UnknownField where one of the names is no field's. */
export function checkFields(names: readonly string[]): void {
  for (const name of names) if (findFields(name).length === 0) throw new UnknownField(name);
}

interface Column {
  /** Null: a protocol, whose title is printed where it is there. */
  ids: readonly number[] | null;
  protocol: string;
  /** A column of the packet list. */
  list?: ListColumn;
}

/** Prints chosen fields, one packet a line, as `tshark -T fields` does. */
export class ColumnPrinter {
  readonly #out = new TextWriter(1 << 17);
  readonly #take: (chunk: Uint8Array) => void;
  readonly #walker: PacketWalker;
  readonly #columns: readonly Column[];
  readonly #separator: number;
  readonly #aggregator: number;
  readonly #occurrence: 'f' | 'l' | 'a';
  readonly #quote: number;

  /** `out` gets views of the writer's memory, which hold until it returns. Throws UnknownField. */
  constructor(options: ColumnOptions, out: (chunk: Uint8Array) => void) {
    const wanted = new Uint8Array(allFields.length);
    checkColumns(options.fields);
    this.#columns = options.fields.map((name): Column => {
      const infos = findFields(name);
      for (const { id } of infos) wanted[id] = 1;
      if (infos.length > 0) return { ids: infos.map(({ id }) => id), protocol: '' };
      const list = listColumn(name);
      return { ids: null, protocol: name, ...(list === undefined ? {} : { list }) };
    });
    this.#walker = new PacketWalker({ ...options, wanted, fieldsOnly: this.#columns.every(({ ids }) => ids !== null) });
    this.#separator = (options.separator ?? '\t').charCodeAt(0);
    this.#aggregator = (options.aggregator ?? ',').charCodeAt(0);
    this.#occurrence = options.occurrence ?? 'a';
    this.#quote = { n: 0, s: 39, d: 34 }[options.quote ?? 'n'];
    this.#take = out;
    if (options.bom) this.#out.utf8('\ufeff');
    if (options.header) {
      options.fields.forEach((name, i) => {
        if (i > 0) this.#out.byte(this.#separator);
        this.#out.utf8(name);
      });
      this.#out.byte(10);
    }
  }

  /** Prints the block's kept rows that the filter lets pass. Gives how many those were. */
  print(block: FrameBlock, interfaces: readonly FrameInterface[]): number {
    const { fields } = this.#walker;
    const out = this.#out;
    let printed = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0 || !this.#walker.walk(block, row, interfaces)) continue;
      for (let i = 0; i < this.#columns.length; i++) {
        if (i > 0) out.byte(this.#separator);
        const column = this.#columns[i]!;
        if (column.list !== undefined) {
          const { timestampDigits = 6 } = interfaces[block.interfaceId[row]!] ?? {};
          this.#text(printable(column.list(fields, this.#walker.facts, timestampDigits)));
        } else if (column.ids === null) this.#protocol(fields, column.protocol);
        else this.#values(fields, column.ids);
      }
      out.byte(10);
      if (out.length >= CHUNK) this.flush();
      printed++;
    }
    return printed;
  }

  /** Hands out what has gathered. */
  flush(): void {
    if (this.#out.length === 0) return;
    this.#take(this.#out.view());
    this.#out.clear();
  }

  #protocol(f: Fields, name: string): void {
    for (let i = 0; i < f.layers; i++) {
      if (f.layerProtocol[i]!.name !== name) continue;
      this.#text(f.layerProtocol[i]!.title);
      return;
    }
  }

  #text(text: string): void {
    if (this.#quote !== 0) this.#out.byte(this.#quote);
    this.#out.utf8(text);
    if (this.#quote !== 0) this.#out.byte(this.#quote);
  }

  #values(f: Fields, ids: readonly number[]): void {
    const out = this.#out;
    const first = ids[0]!;
    let start = -1;
    let valueAt = 0;
    for (let row = 0; row < f.count; row++) {
      const id = f.id[row]!;
      if (id !== first && (ids.length === 1 || !ids.includes(id))) continue;
      if (start < 0) {
        start = out.length;
        if (this.#quote !== 0) out.byte(this.#quote);
        valueAt = out.length;
      } else if (this.#occurrence === 'l') out.length = valueAt;
      else out.byte(this.#aggregator);
      writeValue(out, f, row, allFields[id]!);
      if (this.#occurrence === 'f') break;
    }
    if (start >= 0 && this.#quote !== 0) out.byte(this.#quote);
  }
}

const HEX_DIGITS: Partial<Record<FieldInfo['type'], number>> = { uint8: 2, uint16: 4, uint24: 6, uint32: 8 };

/** A field's value as tshark writes it in columns: numbers in the field's base, bytes as hexadecimal digits, flags as 1
 * and 0, no bytes as `<MISSING>` or `<none>`, times as seconds with nine digits (a date where the field is one). Control
 * characters of the network do not pass. */
export function writeValue(out: TextWriter, f: Fields, row: number, info: FieldInfo): void {
  const at = f.at[row]!;
  switch (info.type) {
    case 'none':
      out.ascii('1');
      break;
    case 'bool':
      out.byte(f.number[row] !== 0 ? 49 : 48);
      break;
    case 'uint8':
    case 'uint16':
    case 'uint24':
    case 'uint32':
      if (info.base === 'hex') {
        out.ascii('0x');
        out.hexPadded(f.number[row]!, HEX_DIGITS[info.type]!);
      } else if (info.base === 'oct') out.ascii(`0${f.number[row]!.toString(8)}`);
      else out.decimal(f.number[row]!);
      break;
    case 'int32':
      out.signed(f.number[row]!);
      break;
    case 'float':
      out.ascii(String(f.number[row]));
      break;
    case 'uint64':
      out.ascii(
        info.base === 'hex' ? `0x${(f.object[row] as bigint).toString(16).padStart(16, '0')}` : `${f.object[row]}`,
      );
      break;
    case 'string':
      out.utf8(printable(f.object[row] as string));
      break;
    case 'time':
      if (info.date === null) writeSeconds(out, f.number[row]!, f.nanoseconds[row]!);
      else out.ascii(writtenTime(f.number[row]!, f.nanoseconds[row]!, info.date));
      break;
    case 'ipv4':
      out.ipv4(f.bytes, at);
      break;
    case 'ipv6':
      out.ipv6(f.bytes, at);
      break;
    case 'ether':
      out.mac(f.bytes, at);
      break;
    default:
      if (f.length[row] === 0) out.ascii(info.mayBeEmpty ? '<none>' : '<MISSING>');
      else out.hexBytes(f.bytes, at, at + f.length[row]!);
  }
}

/** Seconds that are rounded down, and the nanoseconds above them, as one number with its sign. */
function writeSeconds(out: TextWriter, seconds: number, nanoseconds: number): void {
  if (seconds < 0 && nanoseconds > 0) {
    out.byte(45);
    out.signed(-seconds - 1);
    nanoseconds = 1e9 - nanoseconds;
  } else out.signed(seconds);
  out.byte(46);
  out.padded(nanoseconds, 9, 48);
}

const ESCAPES: Readonly<Record<string, string>> = { '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Escapes what could end a line or a column, as tshark does, and what could steer a terminal, which tshark lets pass. A
 * backslash stands for itself, as in tshark. */
export function printable(text: string): string {
  let isPlain = true;
  for (let i = 0; i < text.length && isPlain; i++) {
    const unit = text.charCodeAt(i);
    isPlain = unit >= 0x20 && unit < 0x7f;
  }
  if (isPlain) return text;
  return text.replace(
    /[\0-\x1f\x7f-\x9f]/g,
    (c) => ESCAPES[c] ?? `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
