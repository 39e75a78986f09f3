/** Traffic made to fill the memory of what remembers packets, or to make it search: bounds hold, and what is copied grows
 * as what came does. */
import { describe, expect, it } from 'vitest';
import { Fields } from '../../../src/dissect/fields.ts';
import { walkFrame } from '../../../src/dissect/frame.ts';
import { ByteQueue } from '../../../src/dissect/session/byte-queue.ts';
import { Desegmenter } from '../../../src/dissect/session/desegment.ts';
import { FragmentTable } from '../../../src/dissect/session/fragments.ts';
import { HttpReader } from '../../../src/dissect/session/http-messages.ts';
import { Sessions } from '../../../src/dissect/session/sessions.ts';
import { StreamAssembler } from '../../../src/dissect/session/stream.ts';
import { TlsReader } from '../../../src/dissect/session/tls-records.ts';
import { ACK_FLAG, SYN } from '../../../src/wire/tcp.ts';
import { random } from '../mutate.ts';
import { tcpFrame } from './craft.ts';

const SEED = Number(process.env['SEED'] ?? 1);

/** Bytes that `work` copies by methods of typed arrays. */
function copiedBy(work: () => void): number {
  const { set, slice, copyWithin } = Uint8Array.prototype;
  let copied = 0;
  Uint8Array.prototype.set = function (from, at) {
    copied += from.length;
    set.call(this, from, at);
  };
  Uint8Array.prototype.slice = function (from, to) {
    const piece = slice.call(this, from, to);
    copied += piece.length;
    return piece;
  };
  Uint8Array.prototype.copyWithin = function (to, from, end) {
    copied += (end ?? this.length) - from;
    return copyWithin.call(this, to, from, end);
  };
  try {
    work();
  } finally {
    Object.assign(Uint8Array.prototype, { set, slice, copyWithin });
  }
  return copied;
}

describe('what comes a byte at a time is copied a few times', () => {
  const count = 100_000;
  const pieces = (read: (bytes: Uint8Array) => void, begin: string, byte: string) => (): void => {
    read(Buffer.from(begin));
    const one = Buffer.from(byte);
    for (let i = 0; i < count; i++) read(one);
  };
  const http = (begin: string, byte: string) => {
    const reader = new HttpReader(
      () => {},
      () => 'GET',
    );
    return pieces((bytes) => reader.data(bytes), begin, byte);
  };
  const tls = (begin: string, byte: string) => {
    const reader = new TlsReader(() => {});
    return pieces((bytes) => reader.data(bytes), begin, byte);
  };
  for (const [name, work] of Object.entries({
    'a head of HTTP': http('HTTP/1.1 200 OK\r\nA: ', 'a'),
    'empty lines before a head': http('', '\n'),
    'a body': http('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n', 'a'),
    'the size of a chunk': http('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', '0'),
    'a chunk': http('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n', 'a'),
    'a body until the end': http('HTTP/1.1 200 OK\r\n\r\n', 'a'),
    'records of TLS': tls('', '\x17\x03\x03'),
    'one record of TLS': tls('\x17\x03\x03\x40\x00', 'a'),
  }))
    it(name, () => expect(copiedBy(work)).toBeLessThan(count * 12));

  it('a queue gives what came', () => {
    const next = random(SEED);
    const queue = new ByteQueue();
    let came = 0;
    let gone = 0;
    for (let i = 0; i < 500; i++) {
      const length = Math.floor(next() ** 4 * 500);
      queue.add(Uint8Array.from({ length }, () => came++));
      const taken = queue.take(Math.floor(next() * (queue.length + 1)));
      expect(Buffer.from(taken).equals(Uint8Array.from({ length: taken.length }, () => gone++))).toBe(true);
      expect(queue.length).toBe(came - gone);
    }
  });
});

describe('fragments', () => {
  it('a datagram of 8,000 pieces that come twice and backwards becomes whole with the last', () => {
    const table = new FragmentTable();
    const piece = new Uint8Array(8);
    let whole = 0;
    for (const repeat of [1, 2])
      for (let i = 7999; i >= 1; i--)
        if (table.add('k', piece, 0, 8, i * 8, i < 7999, repeat * 8000 - i, 0) !== null) whole++;
    expect(whole).toBe(0);
    const done = table.add('k', piece, 0, 8, 0, true, 20_000, 0);
    expect(done).toMatchObject({ length: 64_000, overlap: true, overlaps: 0, conflict: false });
    expect(done!.frames.length).toBe(15_999);
    expect([table.waiting, table.held]).toEqual([0, 0]);
  });

  it('a flood holds 8 MiB and 16,384 datagrams at most', () => {
    const table = new FragmentTable();
    const bytes = new Uint8Array(1480);
    let most = 0;
    for (let i = 0; i < 30_000; i++) {
      table.add(`${i}`, bytes, 0, i % 2 === 0 ? 8 : 1480, 8, i % 3 !== 0, i, 0);
      most = Math.max(most, table.held);
    }
    expect(most).toBeLessThanOrEqual(8 << 20);
    expect(table.waiting).toBeLessThanOrEqual(16_384);
    for (let i = 0; i < 40_000; i++) table.add('one', bytes, 0, 8, 16, false, i, 0);
    expect(table.held).toBeLessThanOrEqual(8 << 20);
  });
});

describe('streams', () => {
  it(`single bytes in any order come out in order, 16,384 of them held back at most (SEED=${SEED})`, () => {
    const next = random(SEED);
    const count = 60_000;
    const order = Array.from({ length: count }, (_, i) => i);
    // The whole is the other way round, within it each block of 10,000 is mixed.
    for (let i = 0; i < count; i++) {
      const base = i - (i % 10_000);
      const other = base + Math.floor(next() * 10_000);
      [order[i], order[other]] = [order[other]!, order[i]!];
    }
    let given = 0;
    let missing = 0;
    const stream = new StreamAssembler({
      data: (_, bytes) => {
        for (const byte of bytes) if (byte !== ((given++ + missing) & 255)) throw new Error(`byte ${given}`);
      },
      gap: (_, length) => {
        missing += length;
      },
    });
    stream.segment(0, 2 ** 32 - 30_001, 0, SYN, new Uint8Array(0), 0, 0, 0);
    for (const i of order) {
      const seq = (2 ** 32 - 30_000 + i) % 2 ** 32;
      stream.segment(0, seq, 0, ACK_FLAG, Uint8Array.of(i), 0, 1, 1);
    }
    stream.end();
    expect([given, missing]).toEqual([count, 0]);
  });

  it('a hole of 2 GiB, and segments all over the space of numbers, end', () => {
    const next = random(SEED);
    let given = 0;
    const stream = new StreamAssembler({
      data: (_, bytes) => {
        given += bytes.length;
      },
      gap: () => {},
    });
    const bytes = new Uint8Array(100);
    stream.segment(0, 0, 0, SYN, bytes, 0, 0, 0);
    for (let i = 0; i < 50_000; i++)
      stream.segment(
        i & 1 ? 0 : 1,
        Math.floor(next() * 2 ** 32),
        Math.floor(next() * 2 ** 32),
        ACK_FLAG,
        bytes,
        0,
        100,
        100,
      );
    stream.end();
    expect(given).toBeGreaterThan(0);
    expect(given).toBeLessThanOrEqual(5_000_000);
  });

  it('beginnings of messages that never end hold 24 MiB at most, whatever the number of connections', () => {
    const f = new Fields();
    const sessions = new Sessions(null);
    f.sessions = sessions;
    const begins = [
      Buffer.from(`POST / HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n${'a'.repeat(800)}`),
      Buffer.from(`160301400001003ffc0303${'00'.repeat(900)}`, 'hex'),
      Buffer.from(`ffff${'00'.repeat(900)}`, 'hex'),
    ];
    const ports = [80, 443, 53];
    let number = 0;
    for (let i = 0; i < 24_000; i++) {
      const kind = i % 3;
      const segment = { side: 0, seq: 1, ack: 1, flags: 0x18, payload: begins[kind]! } as const;
      const bytes = tcpFrame(segment, { clientPort: 1024 + Math.floor(i / 3), serverPort: ports[kind]! });
      const facts = {
        number: ++number,
        seconds: 0,
        nanoseconds: 0,
        originalLength: bytes.length,
        interfaceId: 0,
        interfaceName: '',
        flags: 0,
      };
      walkFrame(f, bytes, 0, bytes.length, 1, facts);
    }
    expect(sessions.heldBytes).toBeGreaterThan(10 << 20);
    expect(sessions.heldBytes).toBeLessThanOrEqual(24 << 20);
  });

  it('a message in segments of one byte counts them as well', () => {
    const messages = new Desegmenter();
    const f = new Fields();
    const payload = Buffer.from('\xff\xff\x00', 'latin1');
    const bytes = tcpFrame({ side: 0, seq: 0, ack: 0, flags: 0x18, payload }, { clientPort: 1024, serverPort: 53 });
    const body = bytes.length - payload.length;
    walkFrame(f, bytes, 0, bytes.length, 1, null);
    messages.payload(f, body - 20, body, bytes.length, 0, 0x18, 0, false, 1, 0);
    for (let i = 0; i < 10_000; i++) {
      f.begin(bytes, bytes.length);
      messages.payload(f, body - 20, body, body + 1, 3 + i, 0x18, 0, false, 2 + i, 0);
    }
    expect(messages.held).toBeGreaterThan(160_000);
  });
});
