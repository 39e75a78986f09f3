import { readFileSync } from 'node:fs';
import { constants, gunzipSync } from 'node:zlib';
import { FrameBlock, type FrameExtras } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import { type CreateSavefileOptions, createSavefile } from './create.ts';
import { compressionOf } from './decompress.ts';
import { SavefileError, systemError } from './error.ts';
import type { SavefileRecord, SavefileSection } from './metadata.ts';
import { type OpenSavefileOptions, openSavefileSync } from './open.ts';

/** One frame with memory of its own. */
export interface SavedFrame {
  bytes: Uint8Array;
  originalLength: number;
  seconds: number;
  nanoseconds: number;
  interfaceId: number;
  flags: number;
  extras?: FrameExtras;
}

export interface SavedFrames {
  format: 'pcap' | 'pcapng';
  interfaces: readonly FrameInterface[];
  sections: readonly SavefileSection[];
  /** `row` counts the frames of the whole file here. */
  records: SavefileRecord[];
  frames: SavedFrame[];
  /** What was wrong with the file after these frames, or null. */
  error: SavefileError | null;
}

/** Reads a whole savefile (a path, or its bytes) into memory at once, gzip included. For small files: tests, fixtures.
 * Throws a SavefileError where not even the header can be read; later damage is in `error`. */
export function readSavefile(from: string | Uint8Array, options: OpenSavefileOptions = {}): SavedFrames {
  const name = options.name ?? (typeof from === 'string' ? from : '-');
  let bytes: Uint8Array;
  try {
    bytes = typeof from === 'string' ? readFileSync(from) : from;
    // Data cut short gives what is there, as everywhere.
    if (compressionOf(bytes, bytes.length) === 'gzip')
      bytes = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw systemError(name, 'SAVEFILE_READ', error);
  }
  const source = openSavefileSync(bytes, { ...options, name });
  const { format, interfaces, sections } = source;
  const result: SavedFrames = { format, interfaces, sections, records: [], frames: [], error: null };
  try {
    for (;;) {
      const block = source.next() as FrameBlock | null;
      if (block === null) return result;
      const first = result.frames.length;
      for (const record of source.records) result.records.push({ ...record, row: first + record.row });
      for (let row = 0; row < block.count; row++) result.frames.push(frameAt(block, row));
    }
  } catch (error) {
    if (!(error instanceof SavefileError)) throw error;
    result.error = error;
    return result;
  }
}

function frameAt(block: FrameBlock, row: number): SavedFrame {
  const at = block.offset[row]!;
  const extras = block.extras?.get(row);
  return {
    bytes: block.bytes.slice(at, at + block.capturedLength[row]!),
    originalLength: block.originalLength[row]!,
    seconds: block.seconds[row]!,
    nanoseconds: block.nanoseconds[row]!,
    interfaceId: block.interfaceId[row]!,
    flags: block.flags[row]!,
    ...(extras === undefined ? {} : { extras }),
  };
}

/** A block of frames, copied together. */
export function blockOf(frames: readonly Partial<SavedFrame>[]): FrameBlock {
  const length = frames.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0);
  const block = new FrameBlock(new Uint8Array(length), frames.length);
  let at = 0;
  frames.forEach((frame, row) => {
    const bytes = frame.bytes ?? new Uint8Array(0);
    block.bytes.set(bytes, at);
    block.offset[row] = at;
    block.capturedLength[row] = bytes.length;
    block.originalLength[row] = frame.originalLength ?? bytes.length;
    block.seconds[row] = frame.seconds ?? 0;
    block.nanoseconds[row] = frame.nanoseconds ?? 0;
    block.interfaceId[row] = frame.interfaceId ?? 0;
    block.flags[row] = frame.flags ?? 0;
    block.keep[row] = 1;
    if (frame.extras !== undefined) (block.extras ??= new Map()).set(row, frame.extras);
    at += bytes.length;
  });
  block.count = frames.length;
  return block;
}

const ETHERNET: readonly FrameInterface[] = [{ name: '', linkType: 1, snapLength: 262_144, timestampDigits: 9 }];

/** Writes a whole savefile at once, to a regular file and without compression. Frames are of Ethernet where no interfaces
 * are given. */
export function writeSavefile(
  path: string,
  frames: readonly Partial<SavedFrame>[],
  options: CreateSavefileOptions = {},
): void {
  const interfaces = options.interfaces ?? ETHERNET;
  const writer = createSavefile(path, { ...options, compression: 'none', interfaces });
  try {
    void writer.write(blockOf(frames), interfaces);
  } finally {
    void writer.close();
  }
}
