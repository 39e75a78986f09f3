import { type AsyncBuffer, parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { Fields, findFields } from '../../src/dissect/fields.ts';
import { ParquetColumns, ParquetFile } from '../../src/dissect/parquet.ts';
import { formatIpv4, formatIpv6, formatMac } from '../../src/wire/address.ts';
import { random } from './mutate.ts';
import '../../src/dissect/protocols.ts';

const SEED = 20261120;
/** More than two row groups. */
const ROWS = 70_000;
const NAMES = [
  'tcp.srcport',
  'tcp.seq_raw',
  'frame.len',
  'tcp.window_size_scalefactor',
  'ip.src',
  'ipv6.src',
  'eth.src',
  'dns.qry.name',
  'tcp.payload',
  'frame.time_epoch',
  'frame.time_delta',
  'tcp.flags.syn',
  'tcp.analysis.flags',
  'dccp.seq_raw',
] as const;
const idOf = (name: string): number => findFields(name)[0]!.id;

/** Columns of every kind, with runs, gaps, few and many different values; as they should be read. */
function write(): { bytes: Uint8Array; rows: Record<string, unknown>[] } {
  const next = random(SEED);
  const below = (limit: number): number => Math.floor(next() * limit);
  const chunks: Uint8Array[] = [];
  const file = new ParquetFile(new ParquetColumns([...NAMES, 'tcp']), (chunk) => chunks.push(chunk.slice()));
  const f = new Fields();
  const bytes = new Uint8Array(64);
  const rows: Record<string, unknown>[] = [];
  // A value stays for a while, or changes each time; at times a column is left out.
  let stays = 0;
  let seed = 0;
  for (let row = 0; row < ROWS; row++) {
    if (stays-- <= 0) {
      stays = next() < 0.5 ? 0 : below(200);
      seed = below(2 ** 32);
    }
    for (let i = 0; i < bytes.length; i++) bytes[i] = seed >>> (i % 4 === 3 && row % 3 === 0 ? 24 : (i % 3) * 8);
    bytes[3] = below(row < 40_000 ? 4 : 256);
    f.begin(bytes, bytes.length);
    const expected: Record<string, unknown> = Object.fromEntries([...NAMES, 'tcp'].map((name) => [name, null]));
    const give = (name: (typeof NAMES)[number], value: unknown, add: (id: number) => void): void => {
      if (next() < 0.1) return;
      expected[name] = value;
      add(idOf(name));
    };
    give('tcp.srcport', seed & 0xffff, (id) => f.uint(id, 0, 2, seed & 0xffff));
    give('tcp.seq_raw', seed, (id) => f.uint(id, 0, 4, seed));
    give('frame.len', row, (id) => f.uint(id, 0, 4, row));
    give('tcp.window_size_scalefactor', (seed % 7) - 2, (id) => f.uint(id, 0, 4, (seed % 7) - 2));
    give('ip.src', formatIpv4(bytes, 0), (id) => f.raw(id, 0, 4));
    give('ipv6.src', formatIpv6(bytes, 8), (id) => f.raw(id, 8, 16));
    give('eth.src', formatMac(bytes, 0), (id) => f.raw(id, 0, 6));
    const text = `n\u00e4me${seed % 50}`;
    give('dns.qry.name', text, (id) => f.value(id, 0, 0, text));
    give('tcp.payload', Buffer.from(bytes.subarray(0, seed % 40)).toString('hex'), (id) => f.raw(id, 0, seed % 40));
    const seconds = row % 1000 === 0 ? -row : 1_700_000_000 + (row >>> 4);
    give('frame.time_epoch', BigInt(seconds) * 1_000_000_000n + BigInt(seed % 1e9), (id) =>
      f.time(id, 0, 0, seconds, seed % 1e9),
    );
    give('frame.time_delta', row + (seed % 1e9) / 1e9, (id) => f.time(id, 0, 0, row, seed % 1e9));
    give('tcp.flags.syn', (seed & 1) !== 0, (id) => f.bool(id, 0, 1, (seed & 1) !== 0));
    const big = (BigInt(seed) << 32n) | BigInt(row);
    give('dccp.seq_raw', big, (id) => f.value(id, 0, 0, big));
    if (row % 9 === 0) give('tcp.analysis.flags', true, (id) => f.raw(id, 0, 0));
    f.end();
    file.add(f);
    expected['tcp'] = false;
    rows.push(expected);
  }
  file.finish();
  return { bytes: Buffer.concat(chunks), rows };
}

describe('Parquet columns', () => {
  it(`of every kind are read as they were written (seed ${SEED})`, { timeout: 120_000 }, async () => {
    const { bytes, rows } = write();
    const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const file: AsyncBuffer = { byteLength: buffer.byteLength, slice: (from, to) => buffer.slice(from, to) };
    // Times as numbers: the reader's dates have milliseconds.
    const parsers = { timestampFromNanoseconds: (value: bigint): bigint => value };
    const read = (await parquetReadObjects({ file, utf8: false, parsers } as never)) as Record<string, unknown>[];
    expect(read.length).toBe(rows.length);
    const plain = (value: unknown): unknown =>
      value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
    for (let row = 0; row < rows.length; row++)
      for (const name of Object.keys(rows[row]!)) {
        const [is, should] = [plain(read[row]![name]), rows[row]![name]];
        if (is !== should) expect({ row, name, is }).toEqual({ row, name, is: should });
      }
    const metadata = parquetMetadata(buffer);
    expect(metadata.row_groups.length).toBeGreaterThan(2);
    let first = 0;
    for (const group of metadata.row_groups) {
      const part = rows.slice(first, (first += Number(group.num_rows)));
      for (const { meta_data } of group.columns) {
        const name = meta_data!.path_in_schema[0]!;
        const there = part.map((row) => row[name]).filter((value) => value !== null);
        const { statistics } = meta_data!;
        if (statistics === undefined) continue;
        expect(Number(statistics.null_count), name).toBe(part.length - there.length);
        if (there.length === 0 || name === 'frame.time_epoch') continue;
        const sorted = [...there].sort((a, b) => (a! < b! ? -1 : a! > b! ? 1 : 0));
        expect([statistics.min_value, statistics.max_value], name).toEqual([sorted[0], sorted.at(-1)]);
      }
    }
  });
});
