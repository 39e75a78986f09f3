import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { SavefileProblem } from './error.ts';
import type { SavefileRecord, SavefileSection } from './metadata.ts';

/** A window of a savefile's content, as the parsers see it. */
export interface Chunk {
  bytes: Uint8Array;
  /** Over the same memory. One for the whole chunk: its reads compile to single loads, where four byte reads and shifts
   * cost three times as much in the loops below. */
  view: DataView;
  /** The first byte not yet parsed; parsing moves it on, record by record. */
  at: number;
  /** One past the last byte that is there. */
  end: number;
  /** Offset in the content of `bytes[0]`, for messages. */
  base: number;
}

/** One savefile format. A parser keeps what it learned from headers, and never holds on to a chunk. */
export interface SavefileParser {
  readonly format: 'pcap' | 'pcapng';
  readonly interfaces: FrameInterface[];
  readonly sections: SavefileSection[];
  /** What was met beside frames in the last call of `parse`. */
  records: SavefileRecord[];
  /** Set where the content is wrong: nothing after `chunk.at` can be parsed. */
  problem: SavefileProblem | null;
  /** After `parse`, where the chunk ended inside a record: how many bytes from `chunk.at` that record is known to need.
   * 0 where the chunk ended between records. */
  needed: number;
  /** True as soon as the file's own header has been parsed. */
  readonly begun: boolean;
  /** Appends the chunk's whole records to the block's table, until the chunk ends, the table is full, or `problem`. */
  parse(chunk: Chunk, block: FrameBlock): void;
  /** What is wrong when the content ends here, with `needed` bytes asked for and fewer there. */
  cutShort(chunk: Chunk): SavefileProblem;
}
