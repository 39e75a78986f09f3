import type { ParquetWriter } from 'hyparquet-writer';
import { writePageHeader } from 'hyparquet-writer/src/datapage.js';
import { TextWriter } from '../bytes/text.ts';
import type { FieldInfo, Fields } from './fields.ts';

/** One column of a Parquet row group, gathered in typed arrays and encoded from them.
 *
 * hyparquet-writer takes an array of JavaScript values for each column, and makes the dictionary by looking each of them up
 * in a Map: with addresses as strings that was two thirds of the time of a table with four columns. Here a value goes from
 * the frame's bytes into its column, and each different address becomes text once in a row group. The pages are what the
 * Parquet format (apache/parquet-format: Encodings.md, README.md) says of data page v2, RLE_DICTIONARY and PLAIN. */

type Schema = ParquetWriter['schema'][number];
type Chunk = ParquetWriter['row_groups'][number]['columns'][number];
type Statistics = NonNullable<NonNullable<Chunk['meta_data']>['statistics']>;

const KIND_INT32 = 0;
const KIND_INT64 = 1;
const KIND_TIMESTAMP = 2;
const KIND_DOUBLE = 3;
const KIND_BOOLEAN = 4;
/** Addresses: few different ones, of a fixed number of bytes. */
const KIND_ADDRESS = 5;
const KIND_STRING = 6;
const KIND_BYTES = 7;

const ADDRESS_LENGTHS: Readonly<Record<string, number>> = { ipv4: 4, ether: 6, ipv6: 16 };

function kindOf(element: Schema, info: FieldInfo | undefined): number {
  if (element.logical_type?.type === 'TIMESTAMP') return KIND_TIMESTAMP;
  if (element.type === 'BOOLEAN') return KIND_BOOLEAN;
  if (element.type === 'INT64') return KIND_INT64;
  if (element.type === 'DOUBLE') return KIND_DOUBLE;
  if (element.type === 'INT32') return KIND_INT32;
  if (info !== undefined && ADDRESS_LENGTHS[info.type] !== undefined) return KIND_ADDRESS;
  return info?.type === 'bytes' ? KIND_BYTES : KIND_STRING;
}

/** Nanoseconds of a second as two words, worked out when the second changes: a bigint for each packet takes longer than
 * the packet. */
class Nanoseconds {
  #second = Number.NaN;
  #high = 0;
  #low = 0;

  put(to: Int32Array, at: number, seconds: number, nanoseconds: number): void {
    if (seconds !== this.#second) {
      const count = BigInt.asUintN(64, BigInt(seconds) * 1_000_000_000n);
      this.#second = seconds;
      this.#high = Number(count >> 32n);
      this.#low = Number(count & 0xffff_ffffn);
    }
    const low = this.#low + nanoseconds;
    to[at] = low | 0;
    to[at + 1] = low > 0xffff_ffff ? this.#high + 1 : this.#high;
  }
}

export class FlatColumn {
  readonly #name: string;
  readonly #element: Schema;
  readonly #kind: number;
  readonly #isUnsigned: boolean;
  readonly #hasStatistics: boolean;
  /** By row of the group: 1 where there is a value. */
  readonly #defined: Uint8Array;
  /** Values that are there, in order: numbers (of 64 bits two each, the low one first), or numbers of the dictionary's
   * entries. */
  readonly #values: Int32Array;
  readonly #doubles: Float64Array;
  #count = 0;
  /** Entries of the dictionary as PLAIN has them: length and bytes. Of bytes: all values. */
  readonly #plain = new TextWriter(1 << 12);
  #entries = 0;
  /** Where each entry begins in `#plain`, and behind the last one its end. */
  #begins = new Uint32Array(1 << 10);
  readonly #strings = new Map<string, number>();
  /** Addresses: raw bytes of the entries, and entry + 1 by hash. */
  readonly #addressLength: number;
  #raw = new Uint8Array(0);
  #index = new Uint32Array(0);
  readonly #nanoseconds = new Nanoseconds();

  constructor(name: string, element: Schema, info: FieldInfo | undefined, rows: number, hasStatistics: boolean) {
    this.#name = name;
    this.#element = element;
    this.#kind = kindOf(element, info);
    this.#isUnsigned = element.converted_type === 'UINT_32' || element.converted_type === 'UINT_64';
    this.#hasStatistics = hasStatistics;
    this.#defined = new Uint8Array(rows);
    const words = this.#kind === KIND_INT64 || this.#kind === KIND_TIMESTAMP ? 2 : this.#kind === KIND_DOUBLE ? 0 : 1;
    this.#values = new Int32Array(rows * words);
    this.#doubles = new Float64Array(this.#kind === KIND_DOUBLE ? rows : 0);
    this.#addressLength = this.#kind === KIND_ADDRESS ? ADDRESS_LENGTHS[info!.type]! : 0;
    if (this.#kind === KIND_ADDRESS) {
      this.#raw = new Uint8Array(1024 * this.#addressLength);
      this.#index = new Uint32Array(2048);
    }
  }

  /** True where the group's row has a value. */
  has(row: number): boolean {
    return this.#defined[row] === 1;
  }

  /** Bytes of text and the like that the group holds so far. */
  get size(): number {
    return this.#plain.length;
  }

  /** A BOOLEAN. */
  putBoolean(row: number, value: boolean): void {
    this.#values[this.#take(row)] = value ? 1 : 0;
  }

  /** The value in row `from` of the record; of several for one row the last counts. */
  put(row: number, f: Fields, from: number, info: FieldInfo): void {
    const at = f.at[from]!;
    switch (this.#kind) {
      case KIND_INT32:
        this.#values[this.#take(row)] = f.number[from]! | 0;
        return;
      case KIND_BOOLEAN:
        this.putBoolean(row, info.type === 'none' || f.number[from] !== 0);
        return;
      case KIND_DOUBLE: {
        const seconds = f.number[from]!;
        this.#doubles[this.#take(row)] = info.type === 'time' ? seconds + f.nanoseconds[from]! / 1e9 : seconds;
        return;
      }
      case KIND_TIMESTAMP:
        this.#nanoseconds.put(this.#values, this.#take(row) * 2, f.number[from]!, f.nanoseconds[from]!);
        return;
      case KIND_INT64: {
        const value = f.object[from] as bigint;
        const place = this.#take(row) * 2;
        this.#values[place] = Number(value & 0xffff_ffffn);
        this.#values[place + 1] = Number((value >> 32n) & 0xffff_ffffn);
        return;
      }
      case KIND_ADDRESS: {
        const entry = this.#address(f.bytes, at);
        this.#values[this.#take(row)] = entry;
        return;
      }
      case KIND_BYTES: {
        const entry = this.#entry();
        this.#plain.copy(f.bytes, at, at + f.length[from]!);
        this.#end(entry);
        this.#values[this.#take(row)] = entry;
        return;
      }
      default: {
        const text = f.object[from] as string;
        let entry = this.#strings.get(text);
        if (entry === undefined) {
          entry = this.#entry();
          this.#plain.utf8(text);
          this.#end(entry);
          this.#strings.set(text, entry);
        }
        this.#values[this.#take(row)] = entry;
      }
    }
  }

  /** Place of the row's value among those that are there. */
  #take(row: number): number {
    if (this.#defined[row] === 1) return this.#count - 1;
    this.#defined[row] = 1;
    return this.#count++;
  }

  /** Begins an entry of the dictionary: room for its length. */
  #entry(): number {
    const entry = this.#entries++;
    if (entry + 1 >= this.#begins.length) {
      const larger = new Uint32Array(this.#begins.length * 2);
      larger.set(this.#begins);
      this.#begins = larger;
    }
    this.#begins[entry] = this.#plain.length;
    this.#plain.reserve(4);
    this.#plain.length += 4;
    return entry;
  }

  #end(entry: number): void {
    const { bytes, length } = this.#plain;
    const begin = this.#begins[entry]!;
    const size = length - begin - 4;
    bytes[begin] = size;
    bytes[begin + 1] = size >>> 8;
    bytes[begin + 2] = size >>> 16;
    bytes[begin + 3] = size >>> 24;
    this.#begins[entry + 1] = length;
  }

  /** The entry of the address at `at`. */
  #address(bytes: Uint8Array, at: number): number {
    const length = this.#addressLength;
    const index = this.#index;
    const mask = index.length - 1;
    let hash = 0;
    for (let i = 0; i < length; i += 2)
      hash = Math.imul(hash ^ ((bytes[at + i]! << 8) | bytes[at + i + 1]!), 0x9e3779b1);
    let place = (hash ^ (hash >>> 15)) & mask;
    for (; index[place] !== 0; place = (place + 1) & mask) {
      const known = (index[place]! - 1) * length;
      let i = 0;
      while (i < length && this.#raw[known + i] === bytes[at + i]) i++;
      if (i === length) return index[place]! - 1;
    }
    const entry = this.#entry();
    const out = this.#plain;
    if (length === 4) out.ipv4(bytes, at);
    else if (length === 6) out.mac(bytes, at);
    else out.ipv6(bytes, at);
    this.#end(entry);
    if ((entry + 1) * length > this.#raw.length) {
      const larger = new Uint8Array(this.#raw.length * 2);
      larger.set(this.#raw);
      this.#raw = larger;
    }
    for (let i = 0; i < length; i++) this.#raw[entry * length + i] = bytes[at + i]!;
    index[place] = entry + 1;
    if (this.#entries * 2 > index.length) this.#reindex(index.length * 2);
    return entry;
  }

  #reindex(size: number): void {
    const length = this.#addressLength;
    this.#index = new Uint32Array(size);
    const mask = size - 1;
    for (let entry = 0; entry < this.#entries; entry++) {
      const at = entry * length;
      let hash = 0;
      for (let i = 0; i < length; i += 2)
        hash = Math.imul(hash ^ ((this.#raw[at + i]! << 8) | this.#raw[at + i + 1]!), 0x9e3779b1);
      let place = (hash ^ (hash >>> 15)) & mask;
      while (this.#index[place] !== 0) place = (place + 1) & mask;
      this.#index[place] = entry + 1;
    }
  }

  /** Writes the group's `rows` rows as a column chunk, and makes the column empty. */
  write(writer: ParquetWriter, rows: number): Chunk {
    const out = writer.writer;
    const begin = out.offset;
    const compress = writer.compressors['SNAPPY']!;
    let uncompressed = 0;
    let dictionaryAt: bigint | undefined;
    const page = new TextWriter(1 << 16);
    const levels = new TextWriter(1 << 10);
    writeHybrid(levels, this.#defined, rows, 1);
    const statistics = this.#hasStatistics ? this.#statistics(rows) : undefined;
    const isDictionary = this.#hasDictionary();
    if (isDictionary) {
      dictionaryAt = BigInt(begin);
      const plain = this.#plain.view();
      const packed = compress(plain);
      writePageHeader(out, {
        type: 'DICTIONARY_PAGE',
        uncompressed_page_size: plain.length,
        compressed_page_size: packed.length,
        dictionary_page_header: { num_values: this.#entries, encoding: 'PLAIN' },
      });
      uncompressed += out.offset - begin + plain.length;
      out.appendBytes(packed);
      const width = Math.ceil(Math.log2(Math.max(this.#entries, 1)));
      page.byte(width);
      writeHybrid(page, this.#values, this.#count, width);
    } else this.#plainValues(page);
    const dataAt = out.offset;
    const data = page.view();
    // Places in a dictionary are as good as random: compressing them takes a tenth of the time and saves 3 %.
    const packed = isDictionary ? data : compress(data);
    const isCompressed = packed.length < data.length;
    const body = isCompressed ? packed : data;
    writePageHeader(out, {
      type: 'DATA_PAGE_V2',
      uncompressed_page_size: levels.length + data.length,
      compressed_page_size: levels.length + body.length,
      data_page_header_v2: {
        num_values: rows,
        num_nulls: rows - this.#count,
        num_rows: rows,
        encoding: isDictionary ? 'RLE_DICTIONARY' : 'PLAIN',
        definition_levels_byte_length: levels.length,
        repetition_levels_byte_length: 0,
        is_compressed: isCompressed,
      },
    });
    uncompressed += out.offset - dataAt + levels.length + data.length;
    out.appendBytes(levels.view());
    out.appendBytes(body);
    this.#clear(rows);
    return {
      meta_data: {
        type: this.#element.type!,
        encodings: isDictionary ? ['PLAIN', 'RLE_DICTIONARY'] : ['PLAIN'],
        path_in_schema: [this.#name],
        codec: 'SNAPPY',
        num_values: BigInt(rows),
        total_compressed_size: BigInt(out.offset - begin),
        total_uncompressed_size: BigInt(uncompressed),
        data_page_offset: BigInt(dataAt),
        ...(dictionaryAt === undefined ? {} : { dictionary_page_offset: dictionaryAt }),
        ...(statistics === undefined ? {} : { statistics }),
      },
      file_offset: BigInt(begin),
    };
  }

  #clear(rows: number): void {
    this.#defined.fill(0, 0, rows);
    this.#count = 0;
    this.#plain.clear();
    this.#entries = 0;
    this.#strings.clear();
    this.#index.fill(0);
  }

  /** Whether a dictionary makes the column smaller. */
  #hasDictionary(): boolean {
    if (this.#kind === KIND_ADDRESS || this.#kind === KIND_STRING)
      return this.#count > 0 && this.#entries * 2 <= this.#count;
    return this.#kind === KIND_INT32 && this.#makeDictionary();
  }

  /** Finds the different numbers of the column. True where they are few: they are entries then, and the values their
   * places. */
  #makeDictionary(): boolean {
    const count = this.#count;
    const most = count >>> 2;
    if (most === 0) return false;
    const values = this.#values;
    const size = 2 ** Math.ceil(Math.log2(most * 2 + 2));
    const mask = size - 1;
    const index = new Uint32Array(size);
    const different = new Int32Array(most);
    const places = new Uint32Array(count);
    let entries = 0;
    for (let i = 0; i < count; i++) {
      const value = values[i]!;
      const hash = Math.imul(value, 0x9e3779b1);
      let place = (hash ^ (hash >>> 15)) & mask;
      while (index[place] !== 0 && different[index[place]! - 1] !== value) place = (place + 1) & mask;
      if (index[place] === 0) {
        if (entries === most) return false;
        different[entries] = value;
        index[place] = ++entries;
      }
      places[i] = index[place]! - 1;
    }
    values.set(places);
    this.#entries = entries;
    const out = this.#plain;
    out.clear();
    out.copy(new Uint8Array(different.buffer, 0, entries * 4), 0, entries * 4);
    this.#begins[0] = 0;
    return true;
  }

  /** All values one after the other, little-endian (as the machine is: this ABI has no other). */
  #plainValues(page: TextWriter): void {
    const count = this.#count;
    const values = this.#values;
    switch (this.#kind) {
      case KIND_INT32:
        page.copy(new Uint8Array(values.buffer, 0, count * 4), 0, count * 4);
        return;
      case KIND_INT64:
      case KIND_TIMESTAMP:
        page.copy(new Uint8Array(values.buffer, 0, count * 8), 0, count * 8);
        return;
      case KIND_DOUBLE:
        page.copy(new Uint8Array(this.#doubles.buffer, 0, count * 8), 0, count * 8);
        return;
      case KIND_BOOLEAN:
        for (let i = 0; i < count; i += 8) {
          let bits = 0;
          for (let k = 0; k < 8 && i + k < count; k++) bits |= values[i + k]! << k;
          page.byte(bits);
        }
        return;
      default: {
        const plain = this.#plain.bytes;
        for (let i = 0; i < count; i++) page.copy(plain, this.#begins[values[i]!]!, this.#begins[values[i]! + 1]!);
      }
    }
  }

  /** The least and the greatest value, and how many are not there. To be called before the column is encoded. */
  #statistics(rows: number): Statistics {
    const count = this.#count;
    const missing = { null_count: BigInt(rows - count) };
    if (count === 0) return missing;
    const values = this.#values;
    switch (this.#kind) {
      case KIND_INT64:
      case KIND_TIMESTAMP: {
        const [least, most] = this.#extremes64(count);
        return { ...missing, min_value: this.#bigAt(least), max_value: this.#bigAt(most) };
      }
      case KIND_DOUBLE: {
        let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
        for (let i = 0; i < count; i++) {
          const value = this.#doubles[i]!;
          if (value < least) least = value;
          if (value > most) most = value;
        }
        // Not a number has no place in an order. Zeros have two signs: apache/parquet-format, ColumnOrder.
        if (least > most) return missing;
        return { ...missing, min_value: least === 0 ? -0 : least, max_value: most === 0 ? 0 : most };
      }
      default: {
        // Unsigned ones are moved down, so that signed comparisons order them.
        const flip = this.#isUnsigned ? 0x8000_0000 | 0 : 0;
        let least = values[0]! ^ flip;
        let most = least;
        for (let i = 1; i < count; i++) {
          const value = values[i]! ^ flip;
          if (value < least) least = value;
          if (value > most) most = value;
        }
        const back = (value: number): number => (this.#isUnsigned ? (value ^ flip) >>> 0 : value);
        if (this.#kind === KIND_BOOLEAN) return { ...missing, min_value: least === 1, max_value: most === 1 };
        return { ...missing, min_value: back(least), max_value: back(most) };
      }
    }
  }

  /** Places of the least and the greatest number of 64 bits. */
  #extremes64(count: number): [least: number, most: number] {
    const values = this.#values;
    const flip = this.#isUnsigned ? 0x8000_0000 | 0 : 0;
    let least = 0;
    let most = 0;
    const isBelow = (a: number, b: number): boolean => {
      const high = values[a * 2 + 1]! ^ flip;
      const other = values[b * 2 + 1]! ^ flip;
      return high !== other ? high < other : values[a * 2]! >>> 0 < values[b * 2]! >>> 0;
    };
    for (let i = 1; i < count; i++) {
      if (isBelow(i, least)) least = i;
      if (isBelow(most, i)) most = i;
    }
    return [least, most];
  }

  #bigAt(place: number): bigint {
    const value = (BigInt(this.#values[place * 2 + 1]!) << 32n) | BigInt(this.#values[place * 2]! >>> 0);
    return this.#isUnsigned ? BigInt.asUintN(64, value) : value;
  }
}

/** Writes numbers of `width` bits as runs and packed groups of eight (Encodings.md: RLE / bit-packing hybrid). */
function writeHybrid(out: TextWriter, values: Int32Array | Uint8Array, count: number, width: number): void {
  let packedFrom = 0;
  let at = 0;
  while (at < count) {
    const value = values[at]!;
    let end = at + 1;
    while (end < count && values[end] === value) end++;
    if (end - at >= 8) {
      writePacked(out, values, packedFrom, at, width);
      varint(out, (end - at) * 2);
      for (let shift = 0; shift < width; shift += 8) out.byte((value >>> shift) & 255);
      at = end;
      packedFrom = at;
      // A group that begins here may end behind what is there: the rest of it is zeros.
    } else at = Math.min(at + 8, count);
  }
  writePacked(out, values, packedFrom, count, width);
}

/** Groups of eight from `at` up to `end`; the last one of all may be incomplete. */
function writePacked(out: TextWriter, values: Int32Array | Uint8Array, at: number, end: number, width: number): void {
  if (at === end) return;
  const groups = (end - at + 7) >>> 3;
  varint(out, groups * 2 + 1);
  out.reserve(groups * width);
  const { bytes } = out;
  let to = out.length;
  let held = 0;
  let bits = 0;
  for (let i = 0; i < groups * 8; i++) {
    const value = at + i < end ? values[at + i]! : 0;
    // Widths go up to 17 bits, so that what is held never goes beyond 32.
    held |= value << bits;
    bits += width;
    while (bits >= 8) {
      bytes[to++] = held;
      held >>>= 8;
      bits -= 8;
    }
  }
  out.length = to;
}

function varint(out: TextWriter, value: number): void {
  while (value > 127) {
    out.byte((value & 127) | 128);
    value >>>= 7;
  }
  out.byte(value);
}
