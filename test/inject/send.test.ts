import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { FrameBlock } from '../../src/frames/block.ts';
import { send } from '../../src/inject/send.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { describeNetwork, type Pair, run, vethPair } from '../support/network.ts';

/** A frame of a local experimental EtherType (IEEE 802, 0x88b5) with a number in it. */
function frame(number: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(0xa5);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
  bytes.set([number >>> 24, number >>> 16, number >>> 8, number], 14);
  return bytes;
}

describeNetwork('send', () => {
  const calls = linuxSystemCalls();
  let folder: string;
  let pair: Pair;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'netlab-send-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    pair = vethPair();
  });
  afterEach(() => pair.remove());

  const received = (): number => Number(readFileSync(`/sys/class/net/${pair.b}/statistics/rx_packets`, 'utf8'));

  it('sends every frame once, in order, of any iterable', async () => {
    const { spawn } = await import('node:child_process');
    const file = join(folder, 'order.pcap');
    const tcpdump = spawn('tcpdump', ['-i', pair.b, '-Z', 'root', '-w', file, '-B', '16384', '-c', '2002'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const closed = new Promise((resolve) => tcpdump.once('close', resolve));
    await new Promise<void>((resolve) => {
      tcpdump.stderr.on('data', (data: Buffer) => data.includes('listening on') && resolve());
    });
    const result = await send(
      calls,
      pair.a,
      Array.from({ length: 1500 }, (_, index) => frame(index, 60 + index / 2)),
    );
    expect(result).toMatchObject({ sent: 1500, failed: new Map(), aborted: false });
    const block = new FrameBlock(new Uint8Array(600), 4);
    block.count = 3;
    for (let row = 0; row < 3; row++) {
      block.bytes.set(frame(1500 + row / 2), row * 100);
      block.offset[row] = row * 100;
      block.capturedLength[row] = 60;
      block.keep[row] = row === 1 ? 0 : 1;
    }
    expect((await send(calls, pair.a, [block])).sent).toBe(2);
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let index = 1502; index < 2002; index++) {
        if (index % 100 === 0) await new Promise(setImmediate);
        yield frame(index);
      }
    }
    expect((await send(calls, pair.a, slowly())).sent).toBe(500);
    await closed;
    const bytes = readFileSync(file);
    const numbers: number[] = [];
    for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
      numbers.push(bytes.readUInt32BE(at + 30));
    expect(numbers).toEqual(Array.from({ length: 2002 }, (_, index) => index));
  });

  it('counts what the kernel refuses by its error, and goes on', async () => {
    const before = received();
    const result = await send(calls, pair.a, [
      frame(1),
      frame(2, 1515),
      new Uint8Array(8),
      frame(3, 3_000_000),
      frame(4),
    ]);
    expect(result.sent).toBe(2);
    expect(result.bytes).toBe(120);
    expect([...result.failed.values()].reduce((sum, count) => sum + count, 0)).toBe(3);
    expect(result.failed.get('EMSGSIZE')).toBe(2);
    expect(received() - before).toBe(2);
  });

  it('sends through AF_XDP as well, with the same counts', async () => {
    const before = received();
    const frames = Array.from({ length: 700 }, (_, index) => frame(index, 60 + index));
    const result = await send(calls, pair.a, [...frames, frame(700, 1519)], { via: 'af_xdp' });
    expect(result.sent).toBe(700);
    expect(result.bytes).toBe(frames.reduce((sum, { length }) => sum + length, 0));
    expect(result.failed).toEqual(new Map([['EMSGSIZE', 1]]));
    expect(received() - before).toBe(700);
  });

  it('keeps the rate', async () => {
    let elapsed = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < 50 && elapsed >= 400; turn++) {
      const started = performance.now();
      const result = await send(
        calls,
        pair.a,
        Array.from({ length: 200 }, (_, index) => frame(index)),
        { rate: 1000 },
      );
      elapsed = performance.now() - started;
      expect(result.sent).toBe(200);
      // Never faster than asked.
      expect(result.seconds).toBeGreaterThanOrEqual(0.199);
    }
    // How much slower is the machine's business, but not always by half.
    expect(elapsed).toBeLessThan(400);
  });

  it('stops when aborted, with what was sent in the result', async () => {
    const controller = new AbortController();
    function* endless(): Generator<Uint8Array> {
      for (let index = 0; ; index++) yield frame(index);
    }
    const before = received();
    const watching = setInterval(() => {
      if (received() - before > 20) controller.abort();
    }, 5);
    const result = await send(calls, pair.a, endless(), { rate: 2000, signal: controller.signal });
    clearInterval(watching);
    expect(result.aborted).toBe(true);
    expect(result.sent).toBeGreaterThan(10);
    expect(result.sent).toBeLessThan(1000);
    expect(received() - before).toBe(result.sent);
    const unpaced = new AbortController();
    setTimeout(() => unpaced.abort(), 30);
    expect((await send(calls, pair.a, endless(), { signal: unpaced.signal })).aborted).toBe(true);
  });

  it('says which device is not there or not up, and closes its socket when the frames throw', async () => {
    await expect(send(calls, 'nope', [])).rejects.toMatchObject({ code: 'ENODEV' });
    run('ip', 'link', 'set', 'dev', pair.a, 'down');
    await expect(send(calls, pair.a, [frame(1)])).rejects.toMatchObject({ code: 'ENETDOWN', dest: pair.a });
    run('ip', 'link', 'set', 'dev', pair.a, 'up');
    const sockets = (): number => readFileSync('/proc/net/packet', 'utf8').split('\n').length;
    const before = sockets();
    function* broken(): Generator<Uint8Array> {
      yield frame(1);
      throw new Error('out of frames');
    }
    await expect(send(calls, pair.a, broken())).rejects.toThrow('out of frames');
    expect(sockets()).toBe(before);
  });
});
