import type { Readable } from 'node:stream';
import { prepareExpression } from '../capture/expression.ts';
import { BlockFilter } from '../capture/filter.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import { openSavefile, type SavefileSection, type SavefileSource } from '../savefile/index.ts';
import { type Packet, packetsOf } from './packet.ts';

export interface ReadOptions {
  /** Filter expression as in pcap-filter(7). */
  filter?: string;
  /** What its words mean: as to libpcap (default), traps included, or what they say; see `compileFilter`. */
  filterMode?: 'libpcap' | 'strict';
  /** Ends the iteration and closes the file; the abort's reason is thrown. */
  signal?: AbortSignal;
}

/** A savefile being read, packet by packet. */
export interface Reading extends AsyncIterable<Packet> {
  /** The same frames in blocks, for speed: nothing is allocated a frame, and a block holds until the next is asked for.
   * Rows whose `keep` is 0 were rejected by the filter. Iterate either the packets or the blocks, once. */
  blocks(): FrameSource;
  /** Interfaces met so far. */
  readonly interfaces: readonly FrameInterface[];
  /** Sections of a pcapng file met so far. */
  readonly sections: readonly SavefileSection[];
  close(): Promise<void>;
}

/** Reads a savefile: pcap or pcapng, plain or compressed, told by its content.
 *
 * `from` is a path ('-': standard input), a file descriptor, a Readable or the bytes themselves. Nothing is opened until
 * the iteration begins. Iterating throws SavefileError (the file cannot be read, or is damaged: then after every packet
 * that is before the damage) and FilterError. Leaving the loop closes the file.
 *
 *     for await (const packet of read('capture.pcapng', { filter: 'tcp port 80' })) console.log(packet.bytes.length);
 */
export function read(from: string | number | Readable | Uint8Array, options: ReadOptions = {}): Reading {
  if (from === undefined || from === null)
    throw new TypeError('read: a path, a descriptor, a stream or bytes are needed');
  return new SavefileReading(from, options);
}

class SavefileReading implements Reading {
  readonly #from: string | number | Readable | Uint8Array;
  readonly #options: ReadOptions;
  #source: SavefileSource | null = null;
  #begun = false;

  constructor(from: string | number | Readable | Uint8Array, options: ReadOptions) {
    this.#from = from;
    this.#options = options;
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#source?.interfaces ?? [];
  }

  get sections(): readonly SavefileSection[] {
    return this.#source?.sections ?? [];
  }

  blocks(): FrameSource {
    const self = this;
    return {
      get interfaces() {
        return self.interfaces;
      },
      [Symbol.asyncIterator]: () => this.#blocks(),
      close: () => this.close(),
    };
  }

  async *#blocks(): AsyncGenerator<FrameBlock, void> {
    if (this.#begun) throw new TypeError('read: a savefile is iterated once; call read() again');
    this.#begun = true;
    const { filter, filterMode, signal } = this.#options;
    const expression = filter ? await prepareExpression(filter, { mode: filterMode }) : null;
    const program =
      expression && new BlockFilter((linkType, swapped) => expression.filter(linkType, 'savefile', swapped));
    const source = await openSavefile(this.#from, signal === undefined ? {} : { signal });
    this.#source = source;
    try {
      for await (const block of source) {
        if (program !== null && program.apply(block, source.interfaces) === 0) continue;
        yield block;
      }
    } finally {
      source.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Packet, void> {
    for await (const block of this.#blocks()) yield* packetsOf(block, this.interfaces);
  }

  async close(): Promise<void> {
    this.#source?.close();
  }
}
