import { describe, expect, it } from 'vitest';
import { StreamAssembler } from '../../../src/dissect/session/stream.ts';
import { ACK_FLAG, FIN, RST, SYN } from '../../../src/wire/tcp.ts';
import { random } from '../mutate.ts';
import { conversation, randomBytes, type Segment } from './craft.ts';

interface Heard {
  bytes: [Buffer, Buffer];
  gaps: [number, number];
  /** In order: data as its length, gaps negative. */
  events: [number, number][];
}

function assemble(segments: readonly Segment[], wireLength?: (segment: Segment) => number): Heard {
  const chunks: [Buffer[], Buffer[]] = [[], []];
  const heard: Heard = { bytes: [Buffer.alloc(0), Buffer.alloc(0)], gaps: [0, 0], events: [] };
  const assembler = new StreamAssembler({
    data(direction, bytes) {
      chunks[direction].push(Buffer.from(bytes));
      heard.events.push([direction, bytes.length]);
    },
    gap(direction, length) {
      heard.gaps[direction] += length;
      heard.events.push([direction, -length]);
    },
  });
  for (const segment of segments)
    assembler.segment(
      segment.side,
      segment.seq,
      segment.ack,
      segment.flags,
      segment.payload,
      0,
      segment.payload.length,
      wireLength?.(segment) ?? segment.payload.length,
    );
  assembler.end();
  heard.bytes = [Buffer.concat(chunks[0]), Buffer.concat(chunks[1])];
  return heard;
}

const text = (word: string): Uint8Array => Buffer.from(word);
const data = (side: 0 | 1, seq: number, word: string, ack = 0): Segment => ({
  side,
  seq: seq >>> 0,
  ack: ack >>> 0,
  flags: ACK_FLAG,
  payload: text(word),
});
const flagged = (side: 0 | 1, seq: number, flags: number, ack = 0): Segment => ({
  side,
  seq: seq >>> 0,
  ack: ack >>> 0,
  flags,
  payload: text(''),
});
const SYNS: Segment[] = [flagged(0, 99, SYN), flagged(1, 999, SYN | ACK_FLAG, 100)];

describe('a stream gives what the application wrote', () => {
  const seed = Number(process.env['SEED'] ?? 1);
  for (const [name, trouble] of Object.entries({
    'in order': { reorder: 0, duplicate: 0, overlap: 0, loss: 0 },
    reordered: { reorder: 0.4, duplicate: 0, overlap: 0, loss: 0 },
    duplicated: { reorder: 0, duplicate: 0.3, overlap: 0, loss: 0 },
    overlapping: { reorder: 0, duplicate: 0, overlap: 0.4, loss: 0 },
    'lost and sent again': { reorder: 0, duplicate: 0, overlap: 0, loss: 0.2 },
    'all together': { reorder: 0.2, duplicate: 0.2, overlap: 0.2, loss: 0.1 },
  }))
    it(`${name} (seed ${seed})`, () => {
      for (let round = 0; round < 40; round++) {
        const next = random(seed * 1000 + round);
        const said = [
          randomBytes(Math.floor(next() * 40_000), next),
          randomBytes(Math.floor(next() * 40_000), next),
        ] as const;
        // Every fourth connection wraps: its first number is less than its bytes below 2^32.
        const isn = [0, 1].map((side) =>
          round % 4 === 0 ? 2 ** 32 - 1 - Math.floor(next() * said[side]!.length) : Math.floor(next() * 2 ** 32),
        ) as [number, number];
        const heard = assemble(conversation(said, isn, trouble, next));
        for (const side of [0, 1] as const) {
          expect(heard.bytes[side].equals(said[side]), `seed ${seed} round ${round} side ${side}`).toBe(true);
          expect(heard.gaps[side], `seed ${seed} round ${round} side ${side}`).toBe(0);
        }
      }
    });

  it('without its beginning: from the first segment that was acknowledged on, also where a later one came first', () => {
    const heard = assemble([data(0, 105, 'World'), data(0, 100, 'Hello'), flagged(1, 7, ACK_FLAG, 110)]);
    expect(heard.bytes[0].toString()).toBe('HelloWorld');
  });

  it('a retransmission of other bytes changes nothing: what came first stays', () => {
    const heard = assemble([
      ...SYNS,
      data(0, 100, 'abcd'),
      data(0, 102, 'XXef'),
      data(0, 110, 'kl'),
      data(0, 106, 'ghijYY'),
    ]);
    expect(heard.bytes[0].toString()).toBe('abcdefghijkl');
  });

  it('a segment that spans others gives only what lies between them', () => {
    const heard = assemble([
      ...SYNS,
      data(0, 103, 'd'),
      data(0, 105, 'f'),
      data(0, 101, 'bXcXeXg'.replace(/X/g, '#')),
      data(0, 100, 'a'),
    ]);
    expect(heard.bytes[0].toString()).toBe('ab#d#f#g');
  });

  it('bytes that were acknowledged and never captured are a gap, told at their place', () => {
    const segments = [...SYNS, data(0, 100, 'ab'), data(0, 105, 'fg'), flagged(1, 1000, ACK_FLAG, 107)];
    for (let i = 0; i < 20; i++) segments.push(data(0, 107 + i, 'x'), flagged(1, 1000, ACK_FLAG, 108 + i));
    const heard = assemble(segments);
    expect(heard.events.slice(0, 3)).toEqual([
      [0, 2],
      [0, -3],
      [0, 2],
    ]);
    expect(heard.bytes[0].toString()).toBe(`abfg${'x'.repeat(20)}`);
  });

  it('an acknowledgement that was captured before its data is no gap', () => {
    const heard = assemble([...SYNS, data(0, 103, 'def'), flagged(1, 1000, ACK_FLAG, 106), data(0, 100, 'abc')]);
    expect(heard).toMatchObject({ gaps: [0, 0] });
    expect(heard.bytes[0].toString()).toBe('abcdef');
  });

  it('what is missing at the end is told', () => {
    const heard = assemble([...SYNS, data(0, 100, 'ab'), flagged(0, 105, FIN | ACK_FLAG, 1000)]);
    expect(heard.events).toEqual([
      [0, 2],
      [0, -3],
    ]);
  });

  it('a frame cut by the snapshot length leaves a gap behind what was captured', () => {
    const heard = assemble([...SYNS, data(0, 100, 'abc'), data(0, 110, 'kl')], ({ payload }) =>
      payload.length === 3 ? 10 : payload.length,
    );
    expect(heard.events).toEqual([
      [0, 3],
      [0, -7],
      [0, 2],
    ]);
  });

  it('keep-alives give no byte, and nothing comes behind FIN or RST', () => {
    const heard = assemble([
      ...SYNS,
      data(0, 100, 'ab'),
      data(0, 101, '?'),
      flagged(0, 102, FIN | ACK_FLAG, 1000),
      data(0, 102, 'late'),
      data(1, 1000, 'yes', 103),
      { ...flagged(1, 1003, RST), payload: text('reason') },
      data(1, 1003, 'no', 103),
    ]);
    expect(heard.bytes.map(String)).toEqual(['ab', 'yes']);
  });

  it('holds back at most 16 MiB: then what is missing is a gap', () => {
    const piece = new Uint8Array(60_000);
    const segments = [...SYNS];
    for (let i = 0; i < 300; i++)
      segments.push({ side: 0, seq: (101 + i * piece.length) >>> 0, ack: 0, flags: ACK_FLAG, payload: piece });
    let most = 0;
    let held = 0;
    const assembler = new StreamAssembler({
      data: (_, bytes) => {
        held -= bytes.length;
      },
      gap: (_, length) => expect(length).toBe(1),
    });
    for (const segment of segments) {
      assembler.segment(
        0,
        segment.seq,
        0,
        segment.flags,
        segment.payload,
        0,
        segment.payload.length,
        segment.payload.length,
      );
      held += segment.payload.length;
      most = Math.max(most, held);
    }
    expect(most).toBeLessThanOrEqual((16 << 20) + 60_000);
    expect(held).toBe(0);
  });
});
