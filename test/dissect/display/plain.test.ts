import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileDisplayFilter, type DisplayFilter } from '../../../src/dissect/display/compile.ts';
import { isPlainField, PlainFrame, plainPlan } from '../../../src/dissect/display/plain.ts';
import { allFields, Fields } from '../../../src/dissect/fields.ts';
import { PacketWalker } from '../../../src/dissect/packets.ts';
import { unwanted } from '../../../src/dissect/tables.ts';
import { FrameBlock } from '../../../src/frames/block.ts';
import { LINKTYPE_ETHERNET } from '../../../src/wire/linktype.ts';
import { fixture } from '../fixture.ts';
import { mutate, random } from '../mutate.ts';
import type { Frame } from '../oracle.ts';

const SEED = Number(process.env['SEED'] ?? 20261120);
const FOLDER = join(import.meta.dirname, '../../../fixtures/protocols');
const INTERFACES = [{ name: '', linkType: LINKTYPE_ETHERNET, snapLength: 0, timestampDigits: 9 }];

const plainFields = allFields.filter(({ id }) => isPlainField(id));

/** Frames of every protocol that there is a fixture of, and what crafted damage makes of them. */
function frames(): Frame[] {
  const known = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.pcap'))
    .sort()
    .map((name) => fixture(name.slice(0, -'.pcap'.length)))
    .filter(({ linkType }) => linkType === LINKTYPE_ETHERNET)
    .flatMap((file) => file.frames.slice(0, 60));
  return [...known, ...mutate(known, random(SEED), 1500)];
}

function blockOf(all: readonly Frame[]): FrameBlock {
  const bytes = Buffer.concat(all.map((frame) => frame.bytes));
  const block = new FrameBlock(bytes, all.length);
  let at = 0;
  for (const [row, frame] of all.entries()) {
    block.offset[row] = at;
    block.capturedLength[row] = frame.bytes.length;
    block.originalLength[row] = frame.originalLength ?? frame.bytes.length;
    block.seconds[row] = 1_700_000_000 + row;
    block.nanoseconds[row] = row * 1000;
    block.keep[row] = 1;
    at += frame.bytes.length;
  }
  block.count = all.length;
  return block;
}

const block = blockOf(frames());

/** The rows of the record whose fields are of these. */
function rowsOf(f: Fields, ids: ReadonlySet<number>): string {
  const rows: string[] = [];
  for (let row = 0; row < f.count; row++) {
    const id = f.id[row]!;
    if (!ids.has(id)) continue;
    const { name, type } = allFields[id]!;
    const isBytes = type === 'ipv4' || type === 'ipv6' || type === 'ether';
    const value = isBytes
      ? Buffer.from(f.bytes.subarray(f.at[row]!, f.at[row]! + f.length[row]!)).toString('hex')
      : `${f.number[row]}${type === 'time' ? `.${f.nanoseconds[row]}` : ''}`;
    rows.push(`${name}@${f.at[row]}+${f.length[row]}=${value}`);
  }
  return rows.join(' ');
}

const sorted = (rows: string): string[] => rows.split(' ').sort();

/** The first layers: their protocols, places, and how many of the fields each has. */
const layersOf = (f: Fields, count: number): unknown[] =>
  Array.from({ length: count }, (_, i) => [f.layerProtocol[i]!.name, f.layerAt[i], f.layerLength[i]]);

/** Numbers of the frames that match, with the way over the headers or without. */
function matching(filter: DisplayFilter, isPlain: boolean): string {
  const walker = new PacketWalker({ wanted: filter.wanted, filter, fieldsOnly: isPlain });
  const rows: number[] = [];
  // A third of the frames for each filter, and each third for some.
  for (let row = filter.expression.length % 3; row < block.count; row += 3)
    if (walker.walk(block, row, INTERFACES)) rows.push(row + 1);
  return rows.join(' ');
}

describe('plain frames', () => {
  it(`have the fields that a walk finds in them, and no others of those (seed ${SEED})`, () => {
    const ids = new Set(plainFields.map(({ id }) => id));
    const wanted = Uint8Array.from(allFields, ({ id }) => (ids.has(id) ? 1 : 0));
    const walker = new PacketWalker({ wanted });
    const frame = new PlainFrame();
    const passedOver = unwanted(plainFields.map(({ name }) => name));
    const plan = plainPlan(wanted)!;
    const filled = new Fields();
    let plain = 0;
    for (let row = 0; row < block.count; row++) {
      walker.walk(block, row, INTERFACES);
      const captured = block.capturedLength[row]!;
      const original = block.originalLength[row]!;
      if (!frame.parse(block.bytes, block.offset[row]!, captured, original, LINKTYPE_ETHERNET, passedOver)) continue;
      plain++;
      frame.number = row + 1;
      frame.seconds = block.seconds[row]!;
      frame.nanoseconds = block.nanoseconds[row]!;
      const walked = rowsOf(walker.fields, ids);
      expect(sorted(rowsOf(frame.read([...ids]), ids)), `frame ${row + 1}`).toEqual(sorted(walked));
      frame.fill(filled, plan);
      expect(rowsOf(filled, ids), `frame ${row + 1}`).toBe(walked);
      expect(layersOf(filled, filled.layers)).toEqual(layersOf(walker.fields, filled.layers));
    }
    expect(plain).toBeGreaterThan(block.count / 3);
  });

  it(`match what a walk matches (seed ${SEED})`, () => {
    const expressions = [
      ...plainFields.map(({ name }) => name),
      'tcp.flags.reset == 1 && ip.addr in {10.0.0.0/8}',
      'tcp && !(ip.ttl > 60)',
      'udp || tcp.flags.syn == 1',
      'ip ^^ tcp',
      'ipv6 && frame.len > 100',
      'eth && tcp.port in {80, 443, 1000 .. 2000}',
      'any ip.addr == 10.0.0.0/8',
      'all tcp.port > 1000',
      'ip.addr != 10.0.0.1',
      'ip.src == ip.dst',
      'tcp.flags & 0x12',
      'eth.src[0:3] == 00:00:00 or eth.dst[5] == 01',
      'count(ip.addr) == 2',
      'tcp.srcport == udp.srcport',
      'max(tcp.srcport, tcp.dstport) > 40000',
      'frame.number % 3 == 1 and ip.proto == 6',
      'frame.time_epoch >= 1700001000.5',
      'ip.len + 14 == frame.len',
      'tcp.len > 0 and not ip.flags.df',
      'ip.version == 6',
      'ipv6.addr == fe80::/16',
      'ip.dsfield.dscp != 0',
      'tcp.checksum == 0 or udp.checksum == 0',
      'ip.src#1 == 10.0.0.0/8',
      'ip[0] == 45',
    ];
    const quick: string[] = [];
    for (const expression of expressions) {
      const filter = compileDisplayFilter(expression);
      if (filter.plain !== null) quick.push(expression);
      expect(matching(filter, true), expression).toBe(matching(filter, false));
    }
    // What asks for layers by number, or for their bytes, is walked for.
    expect(expressions.filter((expression) => !quick.includes(expression))).toEqual([
      'ip.src#1 == 10.0.0.0/8',
      'ip[0] == 45',
    ]);
  });
});
