/** Files to play, and what arrives of them. */
import { capture } from '../../../src/api/capture.ts';
import { putBe16, putBe32, putLe16, putLe32 } from '../../../src/bytes/endian.ts';
import type { SystemCalls } from '../../../src/syscall/contract.ts';
import type { Clock } from '../../../src/time/clock.ts';

export interface FileFrame {
  bytes: Uint8Array;
  /** Nanoseconds since the start. */
  time?: number;
  originalLength?: number;
}

/** A pcap file with nanoseconds. */
export function pcap(frames: readonly FileFrame[], linkType = 1): Uint8Array {
  const size = frames.reduce((sum, { bytes }) => sum + 16 + bytes.length, 24);
  const file = new Uint8Array(size);
  putLe32(file, 0, 0xa1b23c4d);
  putLe16(file, 4, 2);
  putLe16(file, 6, 4);
  putLe32(file, 16, 262144);
  putLe32(file, 20, linkType);
  let at = 24;
  for (const { bytes, time = 0, originalLength = bytes.length } of frames) {
    putLe32(file, at, 1_700_000_000 + Math.floor(time / 1e9));
    putLe32(file, at + 4, time % 1e9);
    putLe32(file, at + 8, bytes.length);
    putLe32(file, at + 12, originalLength);
    file.set(bytes, at + 16);
    at += 16 + bytes.length;
  }
  return file;
}

/** A frame of a local experimental EtherType (IEEE 802, 0x88b5) with a number in it. */
export function numbered(number: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(0xa5);
  bytes.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
  putBe16(bytes, 12, 0x88b5);
  putBe32(bytes, 14, number);
  return bytes;
}

export interface Arrived {
  bytes: Uint8Array;
  seconds: number;
  nanoseconds: number;
}

/** What arrives on `device` while `play` runs: waits for `expected` frames, and whether more come. */
export async function arriving<T>(
  device: string,
  expected: number,
  play: () => Promise<T>,
  options: { system?: SystemCalls; clock?: Clock; direction?: 'in' | 'out' } = {},
): Promise<{ frames: Arrived[]; result: T }> {
  const controller = new AbortController();
  const capturing = capture({
    interface: device,
    direction: options.direction ?? 'in',
    signal: controller.signal,
    blockTimeout: 10,
    bufferSize: 16 << 20,
    ...(options.system ? { system: options.system } : {}),
    ...(options.clock ? { clock: options.clock } : {}),
  });
  const frames: Arrived[] = [];
  await capturing.ready();
  const done = (async () => {
    for await (const { bytes, seconds, nanoseconds } of capturing) frames.push({ bytes, seconds, nanoseconds });
  })();
  let result: T;
  try {
    result = await play();
    const pause = (): Promise<void> =>
      new Promise((resolve) => (options.clock ? options.clock.after(10e6, resolve) : setTimeout(resolve, 10)));
    for (const end = Date.now() + 60_000; frames.length < expected && Date.now() < end; ) await pause();
    // What comes too much would come right behind.
    await pause();
  } finally {
    controller.abort();
    await done;
  }
  return { frames, result };
}
