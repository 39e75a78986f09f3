import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { OutputBuffer } from './buffer.ts';
import type { SavefileRecord } from './metadata.ts';

/** How frames become records of a format. An encoder keeps what one file needs: interface ids, the last time. */
export interface RecordEncoder {
  readonly format: 'pcap' | 'pcapng';
  /** Frames encoded so far. */
  frames: number;
  /** Writes what the file needs before the frames of a block from these interfaces: headers, interface descriptions.
   * `block` is null where there are no frames yet. */
  prepare(out: OutputBuffer, interfaces: readonly FrameInterface[], block: FrameBlock | null): void;
  /** Encodes kept rows from `row` on, before `end`, until the buffer is full (`out.wanted` then says for what) or holds
   * more than `limit` bytes. Gives the row it stopped at. */
  rows(
    out: OutputBuffer,
    block: FrameBlock,
    interfaces: readonly FrameInterface[],
    row: number,
    end: number,
    limit: number,
  ): number;
  /** A record beside the frames; formats without such pass over it. */
  record(out: OutputBuffer, record: SavefileRecord): void;
  /** What comes at the end of the file. */
  finish(out: OutputBuffer): void;
  /** How many of the first `written` bytes, which begin at `position` of the file, are whole records; and how many
   * frames are in those. */
  whole(bytes: Uint8Array, written: number, position: number): { length: number; frames: number };
}
