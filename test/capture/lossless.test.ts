import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { FrameBlock } from '../../src/frames/block.ts';
import { send } from '../../src/inject/send.ts';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { checkNumbers, counts } from '../bench/support/flooding.ts';
import { numberedFrame, setNumber } from '../bench/support/numbered.ts';
import { start } from '../support/cli.ts';
import { describeNetwork, type Pair, vethPair } from '../support/network.ts';

// The full size, 3 million frames, is `npm run bench lossless`.
const FRAMES = 300_000;
const SIZE = 60;

/** Blocks of numbered frames, made as they are asked for. */
function* numbered(frames: number): Generator<FrameBlock> {
  const rows = 256;
  const block = new FrameBlock(new Uint8Array(rows * SIZE), rows);
  for (let row = 0; row < rows; row++) {
    block.bytes.set(numberedFrame(SIZE), row * SIZE);
    block.offset[row] = row * SIZE;
    block.capturedLength[row] = SIZE;
    block.keep[row] = 1;
  }
  for (let first = 0; first < frames; first += rows) {
    block.count = Math.min(rows, frames - first);
    for (let row = 0; row < block.count; row++) setNumber(block.bytes, row * SIZE, first + row);
    yield block;
  }
}

describeNetwork('capture -w, frames as fast as the sender can', () => {
  const calls = linuxSystemCalls();
  let folder: string;
  let pair: Pair;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'netlab-lossless-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    pair = vethPair();
  });
  afterEach(() => pair.remove());

  it.each(['all.pcapng', 'all.pcap'])('%s has every frame in order, and other programs read it', async (name) => {
    const file = join(folder, name);
    const capture = start(['capture', pair.b, '-w', file]);
    await capture.listening();
    const { sent, failed } = await send(calls, pair.a, numbered(FRAMES));
    expect([sent, failed.size]).toEqual([FRAMES, 0]);
    capture.kill('SIGINT');
    const { status, stderr } = await capture.ended;
    expect(status).toBe(0);
    expect(counts(stderr)).toEqual({ captured: FRAMES, received: FRAMES, dropped: 0, left: 0 });
    expect(checkNumbers(file, SIZE)).toEqual({ frames: FRAMES, outOfOrder: 0, backwards: 0 });
    const tcpdump = spawnSync('tcpdump', ['-nn', '-r', file, '--count', 'udp dst port 9'], { encoding: 'utf8' });
    expect(tcpdump.stdout).toBe(`${FRAMES} packets\n`);
    const tshark = spawnSync(
      'tshark',
      ['-r', file, '-c', '5000', '-Y', 'udp.dstport == 9', '-T', 'fields', '-e', 'udp.length'],
      {
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      },
    );
    expect(tshark.stdout).toBe(`${SIZE - 34}\n`.repeat(5000));
  });

  it('what it could not keep up with is counted: received = captured + dropped, and the file has what was captured', async () => {
    const file = join(folder, 'tiny.pcapng');
    const capture = start(['capture', pair.b, '-w', file, '-B', '64']);
    await capture.listening();
    const sending = send(calls, pair.a, numbered(FRAMES));
    // Stopped for a while in the midst of it, so that frames are dropped on any machine.
    await new Promise((resolve) => setTimeout(resolve, 50));
    capture.kill('SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 100));
    capture.kill('SIGCONT');
    expect((await sending).sent).toBe(FRAMES);
    capture.kill('SIGINT');
    const { status, stderr } = await capture.ended;
    const told = counts(stderr);
    expect(status).toBe(0);
    expect(told.dropped).toBeGreaterThan(0);
    expect(told.received).toBe(FRAMES);
    expect(told.captured + told.dropped + told.left).toBe(told.received);
    expect(told.left).toBe(0);
    expect(checkNumbers(file, SIZE)).toEqual({ frames: told.captured, outOfOrder: 0, backwards: 0 });
    expect(stderr).toMatch(/-B \d+/);
  });
});
