/** Frames for tests: built by hand, numbered, so that order and contents can be told. */
import { FrameBlock } from '../../src/frames/block.ts';
import type { PacketRing } from '../../src/socket/ring.ts';

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replace(/\s+/g, ''), 'hex'));

/** Experimental ethertype (IEEE 802, local experimental 1): nothing else in the namespace sends it. */
export const ETHERTYPE = 0x88b5;

/** An Ethernet frame of `length` bytes whose payload begins with `number`, 32 bits big-endian. */
export function numbered(number: number, length = 60, destination = 'ffffffffffff', type = ETHERTYPE): Uint8Array {
  const frame = new Uint8Array(length).map((_, at) => at & 0xff);
  frame.set(unhex(`${destination} 020000000001 ${type.toString(16).padStart(4, '0')}`));
  new DataView(frame.buffer).setUint32(14, number);
  return frame;
}

/** A block that holds copies of the frames. */
export function blockOf(frames: readonly Uint8Array[]): FrameBlock {
  const bytes = new Uint8Array(frames.reduce((sum, { length }) => sum + length, 0));
  const block = new FrameBlock(bytes, Math.max(1, frames.length));
  let at = 0;
  for (const [row, frame] of frames.entries()) {
    bytes.set(frame, at);
    block.offset[row] = at;
    block.capturedLength[row] = frame.length;
    block.originalLength[row] = frame.length;
    block.keep[row] = 1;
    at += frame.length;
  }
  block.count = frames.length;
  return block;
}

/** A row of a block as a value of its own. */
export interface Captured {
  bytes: Uint8Array;
  captured: number;
  original: number;
  time: number;
  interfaceId: number;
  flags: number;
}

export function rows(block: FrameBlock): Captured[] {
  return Array.from({ length: block.count }, (_, row) => {
    const offset = block.offset[row]!;
    return {
      bytes: block.bytes.slice(offset, offset + block.capturedLength[row]!),
      captured: block.capturedLength[row]!,
      original: block.originalLength[row]!,
      time: block.seconds[row]! + block.nanoseconds[row]! / 1e9,
      interfaceId: block.interfaceId[row]!,
      flags: block.flags[row]!,
    };
  });
}

/** Everything that the ring gives until its end. */
export async function collect(ring: PacketRing): Promise<Captured[]> {
  const found: Captured[] = [];
  for await (const block of ring) found.push(...rows(block));
  return found;
}

/** Resolves when the ring was given `count` frames by the kernel, or rejects after a minute. */
export async function received(ring: PacketRing, count: number): Promise<void> {
  const end = performance.now() + 60_000;
  for (;;) {
    const { received } = ring.statistics();
    if (received >= count) return;
    if (performance.now() > end) throw new Error(`${received} of ${count} frames came`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
