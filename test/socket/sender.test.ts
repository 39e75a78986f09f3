import { afterEach, expect, test } from 'vitest';
import { PacketRing } from '../../src/socket/ring.ts';
import { FrameSender, type SenderOptions } from '../../src/socket/sender.ts';
import { EMSGSIZE, ENXIO } from '../../src/uapi/errno.ts';
import { describeMachines } from '../support/machine.ts';
import type { Pair } from '../support/network.ts';
import { blockOf, collect, hex, numbered, received } from './frames.ts';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanup.splice(0).reverse()) undo();
});
describeMachines('the frame sender', (machine) => {
  const { calls } = machine;
  function setUp(options: Partial<SenderOptions> = {}): Pair & { sender: FrameSender; ring: PacketRing } {
    const pair = machine.pair();
    const ring = PacketRing.open(calls, { interface: pair.b, blockTimeout: 10, bufferSize: 8 << 20 });
    const sender = FrameSender.open(calls, { interface: pair.a, ...options });
    cleanup.push(
      () => pair.remove(),
      () => ring.close(),
      () => sender.close(),
    );
    return { ...pair, sender, ring };
  }

  test('kept rows in order, in batches of any size', async () => {
    const { sender, ring } = setUp({ batch: 7 });
    const block = blockOf(Array.from({ length: 100 }, (_, at) => numbered(at, 60 + at)));
    for (const row of [0, 13, 50, 99]) block.keep[row] = 0;
    const result = await sender.send(block);
    const kept = Array.from({ length: 100 }, (_, at) => at).filter((at) => block.keep[at] === 1);
    expect(result).toEqual({ sent: 96, bytes: kept.reduce((sum, at) => sum + 60 + at, 0), failed: new Map() });
    expect(await sender.send(block, { first: 98 })).toMatchObject({ sent: 1 });
    expect(await sender.send(block, { first: 10, end: 14 })).toMatchObject({ sent: 3 });
    await received(ring, 100);
    ring.stop();
    const numbers = (await collect(ring)).map(({ bytes }) => bytes[17]);
    expect(numbers).toEqual([...kept, 98, 10, 11, 12]);
  });

  test('blocks with memory of their own', async () => {
    const { sender, ring } = setUp();
    for (let at = 0; at < 5; at++) expect(await sender.send(blockOf([numbered(at)]))).toMatchObject({ sent: 1 });
    await received(ring, 5);
    ring.stop();
    expect((await collect(ring)).map(({ bytes }) => hex(bytes))).toEqual(
      [0, 1, 2, 3, 4].map((at) => hex(numbered(at))),
    );
  });

  test('a frame larger than the MTU fails alone, and is counted', async () => {
    const { sender, ring } = setUp();
    const result = await sender.send(
      blockOf([numbered(0), numbered(1, 1519), numbered(2, 1514), numbered(3, 9000), numbered(4).subarray(0, 10)]),
    );
    // Too long twice; and a frame shorter than an Ethernet header.
    expect(Object.fromEntries(result.failed)).toEqual({ EMSGSIZE: 2, EINVAL: 1 });
    expect(result.sent).toBe(2);
    await received(ring, 2);
    ring.stop();
    expect((await collect(ring)).map(({ bytes }) => bytes[17])).toEqual([0, 2]);
  });

  test('the device goes down: every frame is counted as failed', async () => {
    const { a, sender } = setUp();
    machine.down(a);
    const result = await sender.send(blockOf([numbered(0), numbered(1), numbered(2)]));
    expect(Object.fromEntries(result.failed)).toEqual({ ENETDOWN: 3 });
    expect(result.sent).toBe(0);
  });

  test('the device is gone', async () => {
    const { a, sender } = setUp();
    machine.remove(a);
    const result = await sender.send(blockOf([numbered(0)]));
    expect(Object.fromEntries(result.failed)).toEqual({ ENXIO: 1 });
    expect(sender.sendNow(numbered(1))).toBe(-ENXIO);
  });

  test('one frame now, rows now', async () => {
    const { sender, ring } = setUp();
    expect(sender.sendNow(numbered(7))).toBe(60);
    expect(sender.sendNow(numbered(7, 1519))).toBe(-EMSGSIZE);
    expect(sender.sendRowsNow(blockOf([numbered(1), numbered(2), numbered(3)]), 1, 2)).toBe(2);
    await received(ring, 3);
    ring.stop();
    expect((await collect(ring)).map(({ bytes }) => bytes[17])).toEqual([7, 2, 3]);
  });

  test('past the queueing discipline: other packet sockets of the device do not see it', async () => {
    const { a, sender, ring } = setUp({ qdiscBypass: true });
    const local = PacketRing.open(calls, { interface: a, blockTimeout: 10, bufferSize: 1 << 20 });
    cleanup.push(() => local.close());
    await sender.send(blockOf([numbered(1)]));
    await received(ring, 1);
    ring.stop();
    local.stop();
    expect(await collect(ring)).toHaveLength(1);
    expect(await collect(local)).toHaveLength(0);
  });

  test('a queue that is full is waited for: nothing is lost to a slow device', async () => {
    const { a, sender, ring } = setUp();
    // A token bucket of 8 Mbit/s with room for a few frames: ENOBUFS, again and again.
    machine.shape(a, { rate: 1_000_000, burst: 2048, limit: 6144 });
    const reading = collect(ring);
    const result = await sender.send(blockOf(Array.from({ length: 150 }, (_, at) => numbered(at, 1000))));
    expect(result).toEqual({ sent: 150, bytes: 150_000, failed: new Map() });
    await received(ring, 150);
    ring.stop();
    const numbers = (await reading).map(({ bytes }) => bytes[17]);
    expect(numbers).toEqual(Array.from({ length: 150 }, (_, at) => at));
  });

  test('a signal ends it between two batches', async () => {
    const { sender } = setUp({ batch: 1 });
    const controller = new AbortController();
    const sending = sender.send(blockOf(Array.from({ length: 200_000 }, () => numbered(1))), {
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 5);
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('no such device, a device that is down, a batch that makes no sense', () => {
    expect(() => FrameSender.open(calls, { interface: 'nosuch' })).toThrow(/ENODEV/);
    const pair = machine.pair();
    cleanup.push(() => pair.remove());
    machine.down(pair.a);
    expect(() => FrameSender.open(calls, { interface: pair.a })).toThrow(/ENETDOWN/);
    expect(() => FrameSender.open(calls, { interface: 'lo', batch: 0 })).toThrow(RangeError);
  });
});
