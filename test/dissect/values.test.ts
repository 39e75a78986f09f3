/** Numbers are within their fields' types, whatever the bytes say: columns and tables of columns rely on it. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AsyncBuffer, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { Fields } from '../../src/dissect/fields.ts';
import { ParquetColumns, ParquetFile } from '../../src/dissect/parquet.ts';
import { protocolOfLink } from '../../src/dissect/protocols.ts';
import { LINKTYPE_IPV4 } from '../../src/wire/linktype.ts';
import { fixture } from './fixture.ts';
import { mutate, random } from './mutate.ts';
import type { Frame } from './oracle.ts';
import { wrongValue } from './wrong-value.ts';

const SEED = Number(process.env['SEED'] ?? 20261120);
const FOLDER = join(import.meta.dirname, '../../fixtures/protocols');

function walk(f: Fields, { bytes }: Frame, linkType: number): void {
  f.begin(bytes, bytes.length);
  f.next(protocolOfLink(linkType), 0, bytes.length);
  f.end();
}

const ip = (protocol: string, payload: string): Frame => ({
  bytes: Buffer.from(`45000000000000004${'0'}${protocol}0000c0000201c0000202${payload}`.replace(/\s/g, ''), 'hex'),
});

/** An LS request for type 2^32 - 1; a RIP response with a metric of 2^32 - 1. */
const LARGE = [
  ip('59', '0203002401010101000000000000000000000000 00000000 ffffffff 01010101 02020202'),
  ip('11', '02080208 0020 0000 02020000 00020000 0a000000 ff000000 00000000 ffffffff'),
];
const NAMES = ['ospf.lsa', 'rip.metric'];

describe('numbers fit the types of their fields', () => {
  it('a type of LSA and a metric of 32 bits are in a table as they were sent', async () => {
    const chunks: Uint8Array[] = [];
    const table = new ParquetFile(new ParquetColumns(NAMES), (chunk) => chunks.push(chunk.slice()));
    const f = new Fields();
    for (const frame of LARGE) {
      walk(f, frame, LINKTYPE_IPV4);
      expect(wrongValue(f)).toBe('');
      table.add(f);
    }
    table.finish();
    const bytes = Buffer.concat(chunks);
    const file: AsyncBuffer = {
      byteLength: bytes.length,
      slice: (from, to) => Uint8Array.from(bytes.subarray(from, to)).buffer,
    };
    expect(await parquetReadObjects({ file })).toEqual([
      { 'ospf.lsa': 0xffffffff, 'rip.metric': null },
      { 'ospf.lsa': null, 'rip.metric': 0xffffffff },
    ]);
  });

  it(`of any bytes (SEED=${SEED})`, () => {
    const next = random(SEED);
    const f = new Fields();
    for (const name of readdirSync(FOLDER)) {
      const { frames, linkType } = fixture(name.replace('.pcap', ''));
      for (const frame of [...frames, ...mutate(frames, next, 400)]) {
        walk(f, frame, linkType);
        const wrong = wrongValue(f);
        if (wrong !== '') expect.fail(`${name}: ${wrong} of ${Buffer.from(frame.bytes).toString('hex')}`);
      }
    }
  });
});
