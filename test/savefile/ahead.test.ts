import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openSavefile } from '../../src/savefile/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'netlab-ahead-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** A pcap file of at least `size` bytes; each frame is filled with a byte that its number gives. */
function longFile(size: number): { path: string; lengths: number[] } {
  const lengths: number[] = [];
  let total = 24;
  for (let i = 0; total < size; i++) {
    const length = i % 1000 === 500 ? 250_000 : i % 97 === 0 ? 60_000 : (i * 7919) % 1500;
    lengths.push(length);
    total += 16 + length;
  }
  const bytes = Buffer.alloc(total);
  bytes.writeUInt32LE(0xa1b2c3d4, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt16LE(4, 6);
  bytes.writeUInt32LE(1 << 20, 16);
  bytes.writeUInt32LE(1, 20);
  let at = 24;
  lengths.forEach((length, i) => {
    bytes.writeUInt32LE(i, at);
    bytes.writeUInt32LE(length, at + 8);
    bytes.writeUInt32LE(length, at + 12);
    bytes.fill(i % 251, at + 16, at + 16 + length);
    at += 16 + length;
  });
  const path = join(directory, `${size}.pcap`);
  writeFileSync(path, bytes);
  return { path, lengths };
}

describe('a file that is read ahead', () => {
  it('gives every frame, in order, with its own bytes', async () => {
    const { path, lengths } = longFile(24 * 1024 * 1024);
    let i = 0;
    for await (const block of await openSavefile(path))
      for (let row = 0; row < block.count; row++, i++) {
        const at = block.offset[row]!;
        const length = block.capturedLength[row]!;
        if (block.seconds[row] !== i || length !== lengths[i]) throw new Error(`frame ${i} is not what was written`);
        for (let k = 0; k < length; k += 61)
          if (block.bytes[at + k] !== i % 251) throw new Error(`frame ${i} has other bytes at ${k}`);
      }
    expect(i).toBe(lengths.length);
  });

  it('a block longer than the room for the begin of one', async () => {
    const { path } = longFile(18 * 1024 * 1024);
    const { appendFileSync, readFileSync } = await import('node:fs');
    // The same frames as pcapng, with a custom block of 3 MB in the middle of them.
    const { createSavefile } = await import('../../src/savefile/index.ts');
    const ng = join(directory, 'custom.pcapng');
    const source = await openSavefile(path);
    const sink = await createSavefile(ng, { interfaces: source.interfaces });
    let frames = 0;
    for await (const block of source) {
      frames += block.count;
      await sink.write(block, source.interfaces);
    }
    await sink.close();
    const content = readFileSync(ng);
    const custom = Buffer.alloc(3_000_000);
    custom.writeUInt32LE(0x0bad, 0);
    custom.writeUInt32LE(custom.length, 4);
    custom.writeUInt32LE(32473, 8);
    custom.writeUInt32LE(custom.length, custom.length - 4);
    appendFileSync(ng, custom);
    // A second section: everything once more.
    appendFileSync(ng, content);
    let read = 0;
    for await (const block of await openSavefile(ng)) read += block.count;
    expect(read).toBe(frames * 2);
  });

  it('cut short: says at which offset, after all whole frames', async () => {
    const { path, lengths } = longFile(20 * 1024 * 1024);
    const { truncateSync, statSync } = await import('node:fs');
    const size = statSync(path).size - 3;
    truncateSync(path, size);
    let frames = 0;
    const reading = async (): Promise<void> => {
      for await (const block of await openSavefile(path)) frames += block.count;
    };
    await expect(reading()).rejects.toMatchObject({
      code: 'SAVEFILE_TRUNCATED',
      offset: size + 3 - 16 - lengths.at(-1)!,
      available: 13 + lengths.at(-1)!,
    });
    expect(frames).toBe(lengths.length - 1);
  });

  it('left in the middle while a read is under way: closes once, and does no harm to other files', async () => {
    const { path } = longFile(18 * 1024 * 1024);
    for (let i = 0; i < 20; i++) {
      const source = await openSavefile(path);
      for await (const block of source) {
        expect(block.count).toBeGreaterThan(0);
        break;
      }
      source.close();
    }
    expect((await openSavefile(path)).format).toBe('pcap');
  });
});
