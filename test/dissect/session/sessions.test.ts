import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FlowTable } from '../../../src/dissect/session/flows.ts';
import { FragmentTable } from '../../../src/dissect/session/fragments.ts';
import * as ethernet from '../../../src/wire/ethernet.ts';
import * as ipv4 from '../../../src/wire/ipv4.ts';
import * as ipv6 from '../../../src/wire/ipv6.ts';
import { describeWith } from '../../support/tools.ts';
import { random } from '../mutate.ts';
import { type Frame, savefile } from '../oracle.ts';
import { randomBytes } from './craft.ts';
import { sessionFields, tsharkFields } from './oracle.ts';

const MACS = { src: new Uint8Array([2, 0, 0, 0, 0, 1]), dst: new Uint8Array([2, 0, 0, 0, 0, 2]) };
const SRC4 = new Uint8Array([10, 0, 0, 1]);
const DST4 = new Uint8Array([10, 0, 0, 2]);
const SRC6 = new Uint8Array(16).fill(0xfd, 0, 1).fill(1, 15);
const DST6 = new Uint8Array(16).fill(0xfd, 0, 1).fill(2, 15);

/** An IPv4 fragment with the bytes from `offset` up to `end` of `payload`. */
function fragment4(
  payload: Uint8Array,
  id: number,
  protocol: number,
  offset: number,
  end: number,
  more: boolean,
): Uint8Array {
  const bytes = new Uint8Array(14 + 20 + end - offset);
  const at = ethernet.emit(bytes, 0, { ...MACS, type: 0x0800 });
  bytes.set(payload.subarray(offset, end), at + 20);
  ipv4.emit(bytes, at, bytes.length, {
    id,
    protocol,
    src: SRC4,
    dst: DST4,
    fragmentOffset: offset,
    moreFragments: more,
  });
  return bytes;
}

function fragment6(
  payload: Uint8Array,
  id: number,
  protocol: number,
  offset: number,
  end: number,
  more: boolean,
): Uint8Array {
  const bytes = new Uint8Array(14 + 40 + 8 + end - offset);
  const at = ethernet.emit(bytes, 0, { ...MACS, type: 0x86dd });
  bytes.set(payload.subarray(offset, end), at + 48);
  bytes.set([protocol, 0, offset >> 8, (offset & 0xf8) | (more ? 1 : 0), 0, 0, id >> 8, id & 255], at + 40);
  ipv6.emit(bytes, at, bytes.length, { nextHeader: 44, src: SRC6, dst: DST6 });
  return bytes;
}

function datagram(length: number, next: () => number): Uint8Array {
  const bytes = randomBytes(length, next);
  bytes.set([0x30, 0x39, 0xd4, 0x31, length >> 8, length & 255, 0, 0]);
  return bytes;
}

describeWith(['tshark'], 'fragments are put together as tshark does', () => {
  const seed = Number(process.env['SEED'] ?? 1);
  const NAMES = [
    'ip.fragment',
    'ip.fragment.count',
    'ip.reassembled.length',
    'ip.reassembled.data',
    'ipv6.fragment',
    'ipv6.fragment.count',
    'ipv6.fraghdr.offset',
    'ipv6.reassembled.length',
    'ipv6.reassembled.data',
    'udp.srcport',
    'udp.length',
    'udp.stream',
    'icmp.type',
  ];

  it(`in any order, twice, several datagrams at a time, with fragments missing (seed ${seed})`, () => {
    const next = random(seed);
    const below = (limit: number): number => Math.floor(next() * limit);
    const waiting: Uint8Array[][] = [];
    for (let i = 0; i < 40; i++) {
      const payload = i % 5 === 4 ? randomBytes(1000, next).fill(8, 0, 1) : datagram(600 + below(4000), next);
      const protocol = i % 5 === 4 ? 1 : 17;
      const make = i % 3 === 2 && protocol === 17 ? fragment6 : fragment4;
      const pieces: Uint8Array[] = [];
      for (let offset = 0; offset < payload.length; ) {
        const end = Math.min(payload.length, offset + 8 * (1 + below(100)));
        // tshark tells datagrams apart by the identification exclusive-or the protocol: far apart they are told apart.
        pieces.push(make(payload, 256 * (1 + i), protocol, offset, end, end < payload.length));
        offset = end;
      }
      if (i % 4 === 1) pieces.sort(() => next() - 0.5);
      if (i % 4 === 2) pieces.reverse();
      if (i % 7 === 3) pieces.splice(below(pieces.length), 1);
      // Not behind the last one: the datagram would be whole before, and begin anew.
      if (i % 4 === 3) pieces.splice(0, 0, pieces[0]!);
      waiting.push(pieces);
    }
    const frames: Frame[] = [];
    while (waiting.some((list) => list.length > 0)) {
      const open = waiting.filter((list) => list.length > 0);
      const time = frames.length;
      frames.push({
        bytes: open[below(Math.min(3, open.length))]!.shift()!,
        seconds: 1_700_000_000 + Math.floor(time / 1000),
        nanoseconds: (time % 1000) * 1_000_000,
      });
    }
    const folder = mkdtempSync(join(tmpdir(), 'netlab-session-'));
    try {
      const file = join(folder, 'frames.pcap');
      writeFileSync(file, savefile(frames, 1, true));
      const ours = sessionFields(frames, 1, NAMES);
      expect(ours).toEqual(tsharkFields(file, NAMES));
      expect(ours.filter((row) => row[2] !== '' || row[7] !== '').length).toBeGreaterThan(25);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('FragmentTable', () => {
  const piece = new Uint8Array(16).fill(7);

  it('of overlapping bytes the fragment with the lower offset keeps its own, and the conflict is told', () => {
    const table = new FragmentTable();
    expect(table.add('a', new Uint8Array(16).fill(1), 0, 16, 0, true, 1, 0)).toBeNull();
    expect(table.add('a', new Uint8Array(16).fill(2), 0, 16, 8, true, 2, 0)).toBeNull();
    const whole = table.add('a', new Uint8Array(8).fill(3), 0, 8, 24, false, 3, 0)!;
    const bytes = new Uint8Array(32);
    whole.copy(bytes, 0);
    expect(Buffer.from(bytes).toString('hex')).toBe(`${'01'.repeat(16)}${'02'.repeat(8)}${'03'.repeat(8)}`);
    expect(whole).toMatchObject({ overlap: true, conflict: true, frames: [1, 2, 3], length: 32 });
  });

  it('gives up a datagram after a minute of packet time', () => {
    const table = new FragmentTable();
    table.add('a', piece, 0, 16, 0, true, 1, 100);
    expect(table.add('a', piece, 0, 16, 16, false, 2, 161)).toBeNull();
    expect(table.waiting).toBe(1);
  });

  it('holds at most eight MiB, whatever comes: the oldest go first', () => {
    const table = new FragmentTable();
    const large = new Uint8Array(60_000);
    for (let i = 0; i < 1000; i++) {
      table.add(`k${i}`, large, 0, large.length, 0, true, i, 0);
      expect(table.held).toBeLessThanOrEqual(8 << 20);
    }
    for (let i = 0; i < 100_000; i++) table.add(`s${i}`, piece, 0, 8, 0, true, i, 0);
    expect(table.waiting).toBeLessThanOrEqual(16_384);
    expect(table.held).toBeLessThanOrEqual(8 << 20);
  });
});

describe('FlowTable', () => {
  const addresses = (a: number, b: number): Uint8Array => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, a);
    new DataView(bytes.buffer).setUint32(4, b);
    return bytes;
  };

  it('finds what a map finds, in both directions', () => {
    const next = random(5);
    const table = new FlowTable(1);
    const known = new Map<string, number>();
    for (let i = 0; i < 50_000; i++) {
      const [a, b, p, q] = [
        Math.floor(next() * 60),
        Math.floor(next() * 60),
        Math.floor(next() * 4),
        Math.floor(next() * 4),
      ];
      const forward = `${a}.${p} ${b}.${q}`;
      const backward = `${b}.${q} ${a}.${p}`;
      const entry = table.find(addresses(a, b), 0, 4, p, q);
      const expected = known.get(forward) ?? known.get(backward);
      expect(table.isNew).toBe(expected === undefined);
      if (expected === undefined) known.set(forward, entry);
      else expect(entry).toBe(expected);
      if (forward !== backward) {
        const { reversed } = table;
        table.find(addresses(b, a), 0, 4, q, p);
        expect(table.reversed).toBe(!reversed);
      }
    }
    expect(table.size).toBe(known.size);
  });

  it('at its bound forgets the flows that were made first, and finds all others', () => {
    const most = 1 << 14;
    const table = new FlowTable(1, most);
    const forgotten: [number, number][] = [];
    table.onForget = (first, end) => forgotten.push([first, end]);
    for (let i = 0; i < most * 2; i++) {
      const entry = table.find(addresses(i, 1), 0, 4, 1, 2);
      expect(table.isNew).toBe(true);
      table.setStream(entry, i);
      expect(table.size).toBeLessThanOrEqual(most);
    }
    const gone = forgotten.at(-1)![1];
    expect(gone).toBeGreaterThanOrEqual(most);
    for (let i = gone; i < most * 2; i++) {
      const entry = table.find(addresses(i, 1), 0, 4, 1, 2);
      expect(table.isNew, `flow ${i}`).toBe(false);
      expect(table.stream(entry)).toBe(i);
    }
    table.find(addresses(gone - 1, 1), 0, 4, 1, 2);
    expect(table.isNew).toBe(true);
  });
});
