/** Whole captures, from the ring to the file, with the same code on both kernels: nothing is lost unseen, the counts add up,
 * every way of ending leaves a readable file. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest';
import { readCounters } from '../../src/capture/counters.ts';
import { prepareExpression } from '../../src/capture/expression.ts';
import { type LiveOptions, SingleRing } from '../../src/capture/live.ts';
import { openMerged } from '../../src/capture/merged.ts';
import { CaptureSession, type LiveSource, type SessionOptions, type SessionResult } from '../../src/capture/session.ts';
import { FrameBlock } from '../../src/frames/block.ts';
import { send } from '../../src/inject/send.ts';
import { createSavefile, readSavefile } from '../../src/savefile/index.ts';
import { PacketSocket } from '../../src/socket/packet.ts';
import { FrameSender } from '../../src/socket/sender.ts';
import { checkNumbers } from '../bench/support/flooding.ts';
import { numberedFrame, setNumber } from '../bench/support/numbered.ts';
import { ETHERTYPE, numbered as framed, hex } from '../socket/frames.ts';
import { describeMachines } from '../support/machine.ts';
import type { Pair } from '../support/network.ts';

const SIZE = 60;
const folder = mkdtempSync(join(tmpdir(), 'netlab-live-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** Blocks of numbered frames, made as they are asked for. */
function* numbered(frames: number, first = 0): Generator<FrameBlock> {
  const rows = 256;
  const block = new FrameBlock(new Uint8Array(rows * SIZE), rows);
  for (let row = 0; row < rows; row++) {
    block.bytes.set(numberedFrame(SIZE), row * SIZE);
    block.offset[row] = row * SIZE;
    block.capturedLength[row] = SIZE;
    block.keep[row] = 1;
  }
  for (let at = 0; at < frames; at += rows) {
    block.count = Math.min(rows, frames - at);
    for (let row = 0; row < block.count; row++) setNumber(block.bytes, row * SIZE, first + at + row);
    yield block;
  }
}

const times = (count: number, make: (at: number) => Uint8Array): Uint8Array[] =>
  Array.from({ length: count }, (_, at) => make(at));

describeMachines('a capture to a file', (machine) => {
  const { calls } = machine;
  let pair: Pair;
  beforeEach(() => {
    pair = machine.pair();
  });
  afterEach(() => pair.remove());

  interface Capture {
    file: string;
    source: LiveSource;
    session: CaptureSession;
    ended: Promise<SessionResult>;
  }
  /** Starts a capture; what is sent from here on is seen. */
  async function start(
    live: Partial<LiveOptions> = {},
    { suffix = 'pcapng', ...options }: { suffix?: string } & Partial<SessionOptions> = {},
  ): Promise<Capture> {
    const all: LiveOptions = { interfaces: [pair.b], blockTimeout: 10, ...live };
    const source = all.interfaces.length > 1 ? await openMerged(calls, all) : new SingleRing(calls, all);
    const file = join(folder, `${files++}.${suffix}`);
    const session = new CaptureSession({ source, sink: createSavefile(file), ...options });
    return { file, source, session, ended: session.run() };
  }
  /** Resolves when the rings were given `count` frames by the kernel. */
  async function received(source: LiveSource, count: number): Promise<void> {
    for (let tries = 0; tries < 3000; tries++) {
      const rings = await source.rings();
      if (rings.reduce((sum, ring) => sum + (ring.received ?? 0), 0) >= count) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    throw new Error(`${count} frames did not come`);
  }
  const numbersIn = (file: string): number[] =>
    readSavefile(file).frames.map(({ bytes }) => Buffer.from(bytes).readUInt32BE(14));

  it.each(['pcapng', 'pcap'])('every frame is in the %s file, in order, and the counts are true', async (suffix) => {
    const frames = 60_000;
    const { file, source, session, ended } = await start({}, { suffix });
    expect(await send(calls, pair.a, numbered(frames))).toMatchObject({ sent: frames });
    await received(source, frames);
    session.stop();
    const { reason, error, statistics } = await ended;
    expect([reason, error]).toEqual(['asked', null]);
    expect(statistics).toMatchObject({ captured: frames, received: frames, dropped: 0, left: 0, freezes: 0 });
    expect(checkNumbers(file, SIZE)).toEqual({ frames, outOfOrder: 0, backwards: 0 });
    expect(statistics.interfaces).toMatchObject([{ name: pair.b, counters: { rxPackets: frames, rxDropped: 0 } }]);
  });

  it('a ring that is too small: received = captured + dropped, and the file has what was captured', async () => {
    const frames = 20_000;
    const { file, source, session, ended } = await start({ bufferSize: 128 << 10 });
    // In one go, so that the consumer has no turn: most do not fit.
    const sender = FrameSender.open(calls, { interface: pair.a });
    for (const block of numbered(frames))
      for (let row = 0; row < block.count; ) row += sender.sendRowsNow(block, row, block.count - row);
    sender.close();
    await received(source, frames);
    session.stop();
    const { statistics } = await ended;
    expect(statistics.received).toBe(frames);
    expect(statistics.dropped).toBeGreaterThan(0);
    expect(statistics.freezes).toBeGreaterThan(0);
    expect(statistics.captured + statistics.dropped! + statistics.left).toBe(frames);
    expect(statistics.left).toBe(0);
    expect(checkNumbers(file, SIZE)).toEqual({ frames: statistics.captured, outOfOrder: 0, backwards: 0 });
    const { interfaces } = readSavefile(file);
    expect(interfaces[0]?.statistics).toMatchObject({
      filterAccepted: BigInt(frames),
      osDropped: BigInt(statistics.dropped!),
    });
  });

  it('count: exactly as many, and what came beside is left', async () => {
    const { file, source, ended } = await start({}, { count: 7 });
    await send(calls, pair.a, times(20, framed));
    const { reason, statistics } = await ended;
    await received(source, 20);
    expect(reason).toBe('count');
    expect(statistics.captured).toBe(7);
    expect(statistics.received).toBe(statistics.captured + statistics.dropped! + statistics.left);
    expect(numbersIn(file)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('an aborted signal: what was captured is in the file', async () => {
    const abort = new AbortController();
    const { file, source, ended } = await start({}, { signal: abort.signal });
    await send(calls, pair.a, times(3, framed));
    await received(source, 3);
    abort.abort();
    expect((await ended).reason).toBe('asked');
    expect(numbersIn(file)).toEqual([0, 1, 2]);
  });

  it('duration: it ends by itself', async () => {
    const { file, ended } = await start({}, { duration: 100 });
    const { reason, statistics } = await ended;
    expect(reason).toBe('duration');
    expect(statistics).toMatchObject({ captured: 0, received: 0, dropped: 0, left: 0 });
    expect(numbersIn(file)).toEqual([]);
  });

  it.each(['down', 'remove'] as const)(
    'the interface goes (%s): the frames until then, and what happened',
    async (how) => {
      const { file, source, ended } = await start();
      await send(calls, pair.a, times(4, framed));
      await received(source, 4);
      machine[how](pair.b);
      const { reason, error, statistics } = await ended;
      expect(reason).toBe('source-failed');
      expect((error as NodeJS.ErrnoException).code).toBe(how === 'down' ? 'ENETDOWN' : 'ENODEV');
      expect(statistics).toMatchObject({ captured: 4, received: 4, dropped: 0, left: 0 });
      expect(numbersIn(file)).toEqual([0, 1, 2, 3]);
    },
  );

  it('a filter: the kernel counts only what passes', async () => {
    const filter = await prepareExpression(`ether proto ${ETHERTYPE} and ether[17] & 1 = 1`);
    const { file, source, session, ended } = await start({ filter });
    await send(calls, pair.a, times(100, framed));
    await received(source, 50);
    session.stop();
    expect((await ended).statistics).toMatchObject({ captured: 50, received: 50, dropped: 0 });
    expect(numbersIn(file)).toEqual(Array.from({ length: 50 }, (_, at) => 2 * at + 1));
  });

  it('two interfaces in one file, in the order of time', async () => {
    const { file, source, session, ended } = await start({
      interfaces: [pair.a, pair.b],
      direction: 'in',
      blockTimeout: 1000,
    });
    for (let at = 0; at < 40; at++) await send(calls, at % 2 === 0 ? pair.a : pair.b, [framed(at)]);
    await received(source, 40);
    session.stop();
    expect((await ended).statistics).toMatchObject({ captured: 40, received: 40, dropped: 0 });
    expect(numbersIn(file)).toEqual(Array.from({ length: 40 }, (_, at) => at));
    const { frames, interfaces } = readSavefile(file);
    expect(interfaces.map(({ name }) => name)).toEqual([pair.a, pair.b]);
    expect(frames.every(({ interfaceId }, at) => interfaceId === (at % 2 === 0 ? 1 : 0))).toBe(true);
  });

  it('statistics are read and added up while frames come; counters of the interface as well', async () => {
    const before = readCounters(calls, pair.b)!;
    const { source, session, ended } = await start();
    for (let round = 1; round <= 5; round++) {
      await send(calls, pair.a, times(100, framed));
      await received(source, 100 * round);
      // Reading resets the kernel's own counters; the total stays.
      expect((await source.rings())[0]).toMatchObject({ received: 100 * round, dropped: 0 });
    }
    expect(readCounters(calls, pair.b)!.rxPackets - before.rxPackets).toBe(500);
    expect(source.counters()).toMatchObject([{ name: pair.b, counters: { rxPackets: 500 } }]);
    expect(readCounters(calls, 'nosuch')).toBeNull();
    session.stop();
    await ended;
  });

  it('no frame of before the filter is read after it was attached', async () => {
    const odd = await prepareExpression(`ether proto ${ETHERTYPE} and ether[17] & 1 = 1`);
    const program = odd.program(1, 'kernel').map(({ code, jt, jf, k }) => ({ code, jt, jf, k }));
    const socket = PacketSocket.create(calls);
    const sender = FrameSender.open(calls, { interface: pair.a });
    try {
      socket.bindTo(socket.device(pair.b).ifindex);
      for (let at = 0; at < 10; at++) expect(sender.sendNow(framed(at))).toBe(SIZE);
      const drained: string[] = [];
      const buffer = new Uint8Array(100);
      const drain = (): void => {
        for (;;) {
          const length = calls.recvfrom(socket.fd, buffer, 0, null, null);
          if (length < 0) return;
          drained.push(hex(buffer.subarray(14, 18)));
        }
      };
      // Between the drain and the real filter nothing may slip in.
      socket.attachFilterCleanly(program, () => {
        drain();
        sender.sendNow(framed(98));
        sender.sendNow(framed(99));
      });
      expect(drained).toHaveLength(10);
      drained.length = 0;
      for (let at = 100; at < 104; at++) sender.sendNow(framed(at));
      drain();
      expect(drained).toEqual(['00000065', '00000067']);
      socket.detachFilter();
      sender.sendNow(framed(200));
      drained.length = 0;
      drain();
      expect(drained).toEqual(['000000c8']);
    } finally {
      socket.close();
      sender.close();
    }
  });
});
