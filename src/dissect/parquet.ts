import { ByteWriter, type ColumnSource, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { formatIpv4, formatIpv6, formatMac } from '../wire/address.ts';
import { checkColumns } from './columns.ts';
import { allFields, type FieldInfo, type Fields, findFields } from './fields.ts';
import { FlatColumn } from './parquet-column.ts';

/** Tables of packets in Parquet, for engines that query captures: one row a packet, one typed column a field. */

/** Columns where none are chosen. */
export const DEFAULT_COLUMNS: readonly string[] = [
  'frame.number',
  'frame.time_epoch',
  'frame.len',
  'frame.cap_len',
  'frame.protocols',
  'eth.src',
  'eth.dst',
  'eth.type',
  'vlan.id',
  'ip.src',
  'ip.dst',
  'ip.proto',
  'ip.ttl',
  'ipv6.src',
  'ipv6.dst',
  'ipv6.nxt',
  'tcp.srcport',
  'tcp.dstport',
  'tcp.stream',
  'tcp.flags',
  'tcp.seq_raw',
  'tcp.ack_raw',
  'tcp.window_size_value',
  'tcp.len',
  'udp.srcport',
  'udp.dstport',
  'udp.stream',
  'udp.length',
  'icmp.type',
  'icmp.code',
  'icmpv6.type',
  'icmpv6.code',
  'arp.opcode',
  'dns.id',
  'dns.flags.response',
  'dns.qry.name',
  'dns.qry.type',
];

/** Most rows of a group; and most bytes of strings and such, whichever comes first. What is not yet in a group stands in
 * memory. */
const GROUP_ROWS = 1 << 15;
const GROUP_BYTES = 16 << 20;
/** Most addresses whose text is remembered. */
const MAX_REMEMBERED = 1 << 16;

type Cell = boolean | number | bigint | string | Uint8Array;
type Cells = (Cell | Cell[] | null)[];

/** Times since 1970; all others are durations. */
const isDate = (name: string): boolean =>
  name === 'frame.time' || name === 'frame.time_epoch' || name.startsWith('dns.rrsig.');

/** The physical and logical type of a column. */
function elementOf(name: string, info: FieldInfo | undefined): SchemaElement {
  const element = { name, repetition_type: 'OPTIONAL' } as const;
  switch (info?.type) {
    case undefined:
    case 'none':
    case 'bool':
      return { ...element, type: 'BOOLEAN' };
    case 'uint8':
    case 'uint16':
    case 'uint24':
    case 'int32':
      return { ...element, type: 'INT32' };
    case 'uint32':
      return { ...element, type: 'INT32', converted_type: 'UINT_32' };
    case 'uint64':
      return { ...element, type: 'INT64', converted_type: 'UINT_64' };
    case 'float':
      return { ...element, type: 'DOUBLE' };
    case 'time':
      return isDate(name)
        ? { ...element, type: 'INT64', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'NANOS' } }
        : { ...element, type: 'DOUBLE' };
    case 'bytes':
      return { ...element, type: 'BYTE_ARRAY' };
    default:
      return { ...element, type: 'BYTE_ARRAY', converted_type: 'UTF8' };
  }
}

/** The columns of a table: `names` are fields, aliases (whose fields have the same type) or protocols. Types: flags,
 * labels and protocols BOOLEAN (where they are there); numbers INT32 and INT64, unsigned where 32 or 64 bits are;
 * `frame.time_epoch` and other dates INT64 as TIMESTAMP(NANOS, UTC); durations DOUBLE seconds; addresses and text UTF8;
 * bytes BYTE_ARRAY. A field that a packet does not have is null; of several values `occurrence` says which is kept, the
 * first (`f`, the default), the last (`l`) or all (`a`), where the columns are lists. Throws UnknownField, and RangeError
 * for a name that stands twice. */
export class ParquetColumns {
  readonly names: readonly string[];
  readonly schema: readonly SchemaElement[];
  readonly occurrence: 'f' | 'l' | 'a';
  /** By field id: 1 where a column needs it. */
  readonly wanted = new Uint8Array(allFields.length);
  /** By field id: the columns that show it. */
  readonly ofField: (number[] | undefined)[] = new Array<number[] | undefined>(allFields.length);
  /** Columns that show whether a protocol is there. */
  readonly ofProtocol: readonly (readonly [column: number, protocol: string])[];
  readonly isTimestamp: readonly boolean[];
  readonly hasStatistics: readonly boolean[];

  constructor(names: readonly string[], occurrence: 'f' | 'l' | 'a' = 'f') {
    checkColumns(names);
    this.names = names;
    this.occurrence = occurrence;
    const protocols: [number, string][] = [];
    const schema: SchemaElement[] = [{ name: 'packets', num_children: names.length }];
    this.isTimestamp = names.map(isDate);
    this.hasStatistics = names.map((name) => elementOf(name, findFields(name)[0]).type !== 'BYTE_ARRAY');
    names.forEach((name, column) => {
      if (names.indexOf(name) < column) throw new RangeError(`column ${name} stands twice`);
      const infos = findFields(name);
      if (infos.length === 0) protocols.push([column, name]);
      for (const { id } of infos) {
        this.wanted[id] = 1;
        (this.ofField[id] ??= []).push(column);
      }
      const element = elementOf(name, infos[0]);
      if (occurrence !== 'a' || infos.length === 0) schema.push(element);
      else
        schema.push(
          { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { ...element, name: 'element' },
        );
    });
    this.schema = schema;
    this.ofProtocol = protocols;
  }
}

/** One Parquet file. Rows gather in memory until a group of them is full; the file can be read when `finish` has written
 * its end. */
export class ParquetFile {
  readonly #columns: ParquetColumns;
  readonly #bytes = new ByteWriter(1 << 20);
  readonly #writer: ParquetWriter;
  /** Columns of single values. Null: they are lists. */
  readonly #flat: readonly FlatColumn[] | null;
  readonly #cells: Cells[];
  readonly #addresses = new Map<number, string>();
  readonly #take: (chunk: Uint8Array) => void;
  #rows = 0;
  #size = 0;

  /** `take` gets views of the writer's memory, which hold until it returns. */
  constructor(columns: ParquetColumns, take: (chunk: Uint8Array) => void, createdBy = 'netlab') {
    this.#columns = columns;
    this.#take = take;
    this.#writer = new ParquetWriter({ writer: this.#bytes, schema: [...columns.schema], createdBy });
    this.#cells = columns.names.map(() => []);
    this.#flat =
      columns.occurrence === 'a'
        ? null
        : columns.names.map(
            (name, i) =>
              new FlatColumn(
                name,
                columns.schema[i + 1]!,
                findFields(name)[0],
                GROUP_ROWS,
                // Least and greatest of a group help where values grow with time, as numbers and times do; those of
                // addresses and names span everything.
                columns.hasStatistics[i]!,
              ),
          );
  }

  /** Adds the packet in the record as a row. */
  add(f: Fields): void {
    if (this.#flat !== null) this.#addFlat(f, this.#flat);
    else this.#addLists(f);
    if (this.#rows === GROUP_ROWS || this.#size >= GROUP_BYTES) this.#group();
  }

  #addFlat(f: Fields, flat: readonly FlatColumn[]): void {
    const { ofField, ofProtocol, occurrence } = this.#columns;
    const at = this.#rows++;
    const { count, id } = f;
    for (let row = 0; row < count; row++) {
      const columns = ofField[id[row]!];
      if (columns === undefined) continue;
      const info = allFields[id[row]!]!;
      for (let i = 0; i < columns.length; i++) {
        const column = flat[columns[i]!]!;
        if (occurrence === 'f' && column.has(at)) continue;
        const before = column.size;
        column.put(at, f, row, info);
        this.#size += column.size - before;
      }
    }
    for (let i = 0; i < ofProtocol.length; i++) {
      const [column, protocol] = ofProtocol[i]!;
      flat[column]!.putBoolean(at, hasLayer(f, protocol));
    }
  }

  #addLists(f: Fields): void {
    const { ofField, ofProtocol } = this.#columns;
    const cells = this.#cells;
    const at = this.#rows++;
    for (const column of cells) column.push(null);
    for (let row = 0; row < f.count; row++) {
      const id = f.id[row]!;
      const columns = ofField[id];
      if (columns === undefined) continue;
      for (const column of columns) {
        const values = cells[column]!;
        const before = values[at]!;
        const value = this.#value(f, row, allFields[id]!, column);
        if (before === null) values[at] = [value];
        else (before as Cell[]).push(value);
      }
    }
    for (const [column, protocol] of ofProtocol) cells[column]![at] = hasLayer(f, protocol);
  }

  /** Writes what is left, and the end of the file. */
  finish(): void {
    if (this.#rows > 0) this.#group();
    void this.#writer.finish();
    this.#hand();
  }

  #group(): void {
    if (this.#flat === null) this.#writeLists();
    else {
      const writer = this.#writer;
      const begin = writer.writer.offset;
      const columns = this.#flat.map((column) => column.write(writer, this.#rows));
      const length = columns.reduce((sum, { meta_data }) => sum + meta_data!.total_uncompressed_size, 0n);
      writer.num_rows += BigInt(this.#rows);
      writer.row_groups.push({
        columns,
        total_byte_size: length,
        num_rows: BigInt(this.#rows),
        total_compressed_size: BigInt(writer.writer.offset - begin),
      });
    }
    this.#rows = 0;
    this.#size = 0;
    this.#hand();
  }

  #writeLists(): void {
    const columnData = this.#columns.names.map(
      (name, i): ColumnSource => ({
        name,
        data: this.#cells[i]!,
        statistics: this.#columns.hasStatistics[i]!,
      }),
    );
    void this.#writer.write({ columnData, rowGroupSize: this.#rows });
    for (let i = 0; i < this.#cells.length; i++) this.#cells[i] = [];
  }

  #hand(): void {
    if (this.#bytes.index === 0) return;
    this.#take(this.#bytes.getBytes());
    this.#bytes.index = 0;
  }

  #value(f: Fields, row: number, info: FieldInfo, column: number): Cell {
    const at = f.at[row]!;
    switch (info.type) {
      case 'none':
        return true;
      case 'bool':
        return f.number[row] !== 0;
      case 'time':
        return this.#columns.isTimestamp[column]
          ? BigInt(f.number[row]!) * 1_000_000_000n + BigInt(f.nanoseconds[row]!)
          : f.number[row]! + f.nanoseconds[row]! / 1e9;
      case 'uint64':
        return f.object[row] as bigint;
      case 'string': {
        const text = f.object[row] as string;
        this.#size += text.length;
        return text;
      }
      case 'bytes':
        this.#size += f.length[row]!;
        return f.bytes.slice(at, at + f.length[row]!);
      case 'ipv4':
        return this.#address(f.bytes, at, 0, formatIpv4);
      case 'ether':
        return this.#address(f.bytes, at + 2, (1 + f.bytes[at]! * 256 + f.bytes[at + 1]!) * 2 ** 32, formatMac);
      case 'ipv6':
        this.#size += 40;
        return formatIpv6(f.bytes, at);
      default:
        return f.number[row]!;
    }
  }

  /** The text of an address whose last four bytes are at `at`; `high` tells it from other kinds and holds the rest. */
  #address(bytes: Uint8Array, at: number, high: number, format: (bytes: Uint8Array, at: number) => string): string {
    const key = high + bytes[at]! * 2 ** 24 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
    let text = this.#addresses.get(key);
    if (text === undefined) {
      if (this.#addresses.size >= MAX_REMEMBERED) this.#addresses.clear();
      text = format(bytes, format === formatMac ? at - 2 : at);
      this.#addresses.set(key, text);
    }
    return text;
  }
}

function hasLayer(f: Fields, protocol: string): boolean {
  for (let i = 0; i < f.layers; i++) if (f.layerProtocol[i]!.name === protocol) return true;
  return false;
}
