import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ACK_FLAG, FIN, PSH, RST, SYN } from '../../../src/wire/tcp.ts';
import { describeWith } from '../../support/tools.ts';
import { random } from '../mutate.ts';
import { type Frame, savefile } from '../oracle.ts';
import { conversation, type Ends, framesOf, randomBytes, type Segment, tcpFrame, udpFrame } from './craft.ts';
import { OURS, sessionFields, tsharkFields } from './oracle.ts';

/** In one pass Wireshark's completeness depends on details of its own that no document tells. */
const COMPARED = OURS.filter((name) => name !== 'tcp.completeness');

/** What differs, as `#frame field: ours / theirs`. */
function differences(frames: readonly Frame[], names: readonly string[] = COMPARED): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-session-'));
  try {
    const file = join(folder, 'frames.pcap');
    writeFileSync(file, savefile(frames, 1, true));
    const ours = sessionFields(frames, 1, names);
    const theirs = tsharkFields(file, names);
    expect(theirs.length).toBe(frames.length);
    return theirs.flatMap((row, frame) =>
      row.flatMap((value, column) =>
        value === ours[frame]![column] ? [] : [`#${frame + 1} ${names[column]}: ${ours[frame]![column]} / ${value}`],
      ),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One stream of frames out of several, with times of their own. */
function interleave(lists: readonly (readonly Frame[])[], next: () => number): Frame[] {
  const at = lists.map(() => 0);
  const frames: Frame[] = [];
  let time = 0;
  for (;;) {
    const open = lists.flatMap((list, i) => (at[i]! < list.length ? [i] : []));
    if (open.length === 0) return frames;
    const from = open[Math.floor(next() * open.length)]!;
    // Between 10 microseconds and 40 milliseconds, most of them short.
    time += 10_000 + Math.floor(next() ** 6 * 40e6);
    frames.push({
      bytes: lists[from]![at[from]++]!.bytes,
      seconds: 1_700_000_000 + Math.floor(time / 1e9),
      nanoseconds: time % 1e9,
    });
  }
}

describeWith(['tshark'], 'TCP analysis is what tshark says', () => {
  const seed = Number(process.env['SEED'] ?? 1);
  const NONE = new Uint8Array(0);
  const ends = (i: number): Ends => ({ clientPort: 40_000 + i, serverPort: 80, isIpv6: i % 3 === 2 });

  const traffic = (missing: boolean): Frame[] => {
    const next = random(seed);
    const lists: Frame[][] = [];
    for (let i = 0; i < 24; i++) {
      const said = [0, 1].map(() => randomBytes(Math.floor(next() * 20_000), next)) as [Uint8Array, Uint8Array];
      const isn: [number, number] = [
        Math.floor(next() * 2 ** 32),
        i % 4 === 0 ? 2 ** 32 - 5000 : Math.floor(next() * 2 ** 32),
      ];
      const trouble = { reorder: next() * 0.2, duplicate: next() * 0.1, overlap: next() * 0.1, loss: next() * 0.1 };
      let segments = conversation(said, isn, trouble, next);
      if (missing && i % 5 === 1) segments = segments.slice(Math.floor(next() * 10));
      if (missing && i % 5 === 2) segments = segments.filter(() => next() > 0.05);
      lists.push(framesOf(segments, ends(i)));
    }
    return interleave(lists, next);
  };

  /** What was compared by the number of frames that differ, for what the tests below do not ask to be equal. */
  const framesOfLines = (lines: readonly string[]): number => new Set(lines.map((line) => line.split(' ')[0])).size;

  it(`of connections with loss, reordering, duplicates and overlaps, interleaved (seed ${seed})`, () => {
    const frames = traffic(false);
    const found = differences(frames);
    // Of a segment that came out of order and comes once more out of order, tshark says sometimes that it is out of order
    // again, where we say that it is a retransmission. Nothing else differs.
    const repeated = /retransmission|rto|out_of_order/;
    expect(found.filter((line) => !repeated.test(line))).toEqual([]);
    expect(framesOfLines(found), found.join('\n')).toBeLessThan(frames.length / 300);
  });

  it(`of the same where frames are missing in the capture (seed ${seed})`, () => {
    // How far acknowledgements of segments that nobody saw count as told, and what is in flight behind a gap, Wireshark
    // decides by the order of its lists.
    const loose = /ack_lost_segment|bytes_in_flight|push_bytes_sent|retransmission|rto|out_of_order/;
    const frames = traffic(true);
    const found = differences(frames);
    expect(found.filter((line) => !loose.test(line))).toEqual([]);
    expect(framesOfLines(found), found.join('\n')).toBeLessThan(frames.length / 100);
  });

  it('of windows that close, are probed and open, keep-alives, scaled and full windows', () => {
    const segments: Segment[] = [];
    const add = (
      side: 0 | 1,
      seq: number,
      ack: number,
      flags: number,
      length = 0,
      window = 1000,
      options?: never,
    ): void => {
      segments.push({
        side,
        seq,
        ack,
        flags,
        payload: new Uint8Array(length),
        window,
        ...(options ? { options } : {}),
      });
    };
    add(0, 1000, 0, SYN);
    add(1, 5000, 1001, SYN | ACK_FLAG);
    add(0, 1001, 5001, ACK_FLAG);
    add(0, 1001, 5001, ACK_FLAG | PSH, 600);
    add(0, 1601, 5001, ACK_FLAG | PSH, 400);
    add(1, 5001, 2001, ACK_FLAG, 0, 0);
    add(0, 2001, 5001, ACK_FLAG, 1);
    add(1, 5001, 2001, ACK_FLAG, 0, 0);
    add(0, 2001, 5001, ACK_FLAG, 1);
    add(1, 5001, 2002, ACK_FLAG, 0, 0);
    add(1, 5001, 2002, ACK_FLAG, 0, 800);
    add(0, 2002, 5001, ACK_FLAG | PSH, 100);
    add(1, 5001, 2102, ACK_FLAG, 0, 800);
    for (let i = 0; i < 3; i++) {
      add(0, 2101, 5001, ACK_FLAG, i === 1 ? 1 : 0);
      add(1, 5001, 2102, ACK_FLAG, 0, 800);
    }
    add(1, 5001, 2102, ACK_FLAG, 0, 800);
    add(1, 5001, 2102, ACK_FLAG, 0, 800);
    add(1, 5001, 2102, ACK_FLAG, 0, 900);
    add(0, 2102, 5001, RST | ACK_FLAG);
    expect(differences(framesOf(segments, ends(0)))).toEqual([]);
  });

  it('of fast and spurious retransmissions, unseen segments, and ports that are used again', () => {
    const segments: Segment[] = [];
    const add = (side: 0 | 1, seq: number, ack: number, flags: number, length = 0): void => {
      segments.push({ side, seq, ack, flags, payload: new Uint8Array(length) });
    };
    for (const isn of [1000, 900_000]) {
      add(0, isn, 0, SYN);
      add(1, 5000, isn + 1, SYN | ACK_FLAG);
      add(0, isn + 1, 5001, ACK_FLAG);
      add(0, isn + 1, 5001, ACK_FLAG, 100);
      add(1, 5001, isn + 101, ACK_FLAG);
      add(0, isn + 201, 5001, ACK_FLAG, 100);
      for (let i = 0; i < 3; i++) {
        add(1, 5001, isn + 101, ACK_FLAG);
        add(0, isn + 301 + i * 100, 5001, ACK_FLAG, 100);
      }
      add(0, isn + 101, 5001, ACK_FLAG, 100);
      add(1, 5001, isn + 601, ACK_FLAG);
      add(0, isn + 101, 5001, ACK_FLAG, 100);
      add(1, 5001, isn + 901, ACK_FLAG);
      add(0, isn + 601, 5001, ACK_FLAG | FIN, 10);
      add(1, 5001, isn + 612, ACK_FLAG | FIN);
      add(0, isn + 612, 5002, ACK_FLAG);
    }
    add(0, 950_000, 0, SYN);
    add(0, 950_000, 0, SYN);
    expect(differences(framesOf(segments, ends(0)))).toEqual([]);
  });

  it('of acknowledgements without a flag, and resets out of nothing', () => {
    const segments: Segment[] = [
      { side: 1, seq: 77, ack: 12_345, flags: RST, payload: NONE },
      { side: 0, seq: 100, ack: 200, flags: ACK_FLAG, payload: new Uint8Array(5) },
      { side: 0, seq: 105, ack: 200, flags: ACK_FLAG, payload: new Uint8Array(5) },
    ];
    expect(differences(framesOf(segments, ends(0)))).toEqual([]);
  });

  it('numbers of UDP streams and their times', () => {
    const next = random(seed);
    const frames: Frame[] = [];
    for (let i = 0; i < 60; i++)
      frames.push({
        bytes: udpFrame(next() < 0.5 ? 0 : 1, randomBytes(20, next), {
          clientPort: 50_000 + Math.floor(next() * 9),
          serverPort: 50_004,
          isIpv6: next() < 0.3,
        }),
        seconds: 1_700_000_000 + i,
        nanoseconds: Math.floor(next() * 1e9),
      });
    expect(differences(frames, ['udp.stream', 'udp.time_relative', 'udp.time_delta'])).toEqual([]);
  });

  it('over PPPoE, whose length ends the segment where the IP header says more', () => {
    const segments = [0, 6, 0].map(
      (length): Segment => ({ side: 0, seq: 100, ack: 200, flags: ACK_FLAG, payload: new Uint8Array(length) }),
    );
    const frames = framesOf(segments, ends(0)).map((frame) => {
      const packet = frame.bytes.subarray(14);
      // Session 1, and always the length of a packet without payload; then PPP's number of IPv4.
      const header = [...frame.bytes.subarray(0, 12), 0x88, 0x64, 0x11, 0x00, 0x00, 0x01, 0x00, 42, 0x00, 0x21];
      return { ...frame, bytes: Uint8Array.from([...header, ...packet]) };
    });
    expect(differences(frames)).toEqual([]);
  });

  it('the frames are those of the emitters', () => {
    expect(tcpFrame({ side: 0, seq: 1, ack: 2, flags: SYN, payload: NONE }, ends(0))).toHaveLength(54);
  });
});
