import type { Writable } from 'node:stream';
import { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSink } from '../frames/source.ts';
import { type CreateSavefileOptions, createSavefile, type SavefileWriter } from '../savefile/index.ts';
import { LINKTYPE_ETHERNET } from '../wire/linktype.ts';
import type { Packet } from './packet.ts';

export type WriteOptions = CreateSavefileOptions;

/** What a packet to be written must have; the rest has a default: the time is now, the length what is there, the
 * interface one without a name, of `linkType` (default: Ethernet). A `Packet` as `read` and `capture` give it fits. */
export type PacketToWrite = { bytes: Uint8Array } & Partial<Omit<Packet, 'bytes'>>;

/** A savefile being written. */
export interface Writing {
  /** Takes a packet; its bytes are copied before this returns. Await the promise: it resolves when the file can take
   * more. Throws SavefileError where the file cannot be written, TypeError and RangeError for a packet that is none. */
  write(packet: PacketToWrite): Promise<void>;
  /** The same for frames in blocks: rows whose `keep` is 0 are passed over. */
  readonly sink: FrameSink;
  /** Everything written so far reaches the operating system. */
  flush(): Promise<void>;
  /** Ends and closes the file. May be called again. */
  close(): Promise<void>;
  /** `await using out = write(…)` closes the file at the end of the block. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Creates a savefile. `to` is a path ('-': standard output), a file descriptor or a Writable. pcap or pcapng and the
 * compression follow the name's suffix (`.pcap`, `.gz`, `.zst`; else pcapng), or `options`. Throws SavefileError.
 *
 *     const out = write('only-dns.pcapng');
 *     for await (const packet of read('all.pcapng', { filter: 'port 53' })) await out.write(packet);
 *     await out.close();
 */
export function write(to: string | number | Writable, options: WriteOptions = {}): Writing {
  if (to === undefined || to === null) throw new TypeError('write: a path, a descriptor or a stream is needed');
  return new SavefileWriting(createSavefile(to, options));
}

/** Rows and bytes that are gathered before the file's encoder sees them. */
const ROWS = 512;
const BYTES = 512 * 1024;

class SavefileWriting implements Writing {
  readonly sink: FrameSink;
  readonly #writer: SavefileWriter;
  readonly #interfaces: FrameInterface[] = [];
  readonly #ids = new Map<FrameInterface, number>();
  /** Interfaces made up here, by link type. */
  readonly #plain = new Map<number, FrameInterface>();
  readonly #block = new FrameBlock(new Uint8Array(BYTES), ROWS);
  #used = 0;
  #closed: Promise<void> | null = null;

  constructor(writer: SavefileWriter) {
    this.#writer = writer;
    this.sink = {
      write: async (block, interfaces) => {
        await this.#pass();
        await writer.write(block, interfaces);
      },
      flush: () => this.flush(),
      close: () => this.close(),
    };
  }

  async write(packet: PacketToWrite): Promise<void> {
    const { bytes } = packet;
    if (!(bytes instanceof Uint8Array)) throw new TypeError('write: packet.bytes must be a Uint8Array');
    const now = Date.now();
    const seconds = packet.seconds ?? Math.floor(now / 1000);
    const nanoseconds = packet.nanoseconds ?? (packet.seconds === undefined ? (now % 1000) * 1e6 : 0);
    if (!(nanoseconds >= 0 && nanoseconds < 1e9))
      throw new RangeError('write: packet.nanoseconds must be 0 to 999999999');
    const originalLength = packet.originalLength ?? bytes.length;
    if (!(originalLength >= bytes.length))
      throw new RangeError('write: packet.originalLength must not be less than the length of packet.bytes');
    const block = this.#block;
    if (block.count === ROWS || this.#used + bytes.length > block.bytes.length) {
      await this.#pass();
      if (bytes.length > block.bytes.length) block.bytes = new Uint8Array(bytes.length);
    }
    block.bytes.set(bytes, this.#used);
    const row = block.count++;
    block.offset[row] = this.#used;
    block.capturedLength[row] = bytes.length;
    block.originalLength[row] = originalLength;
    block.seconds[row] = seconds;
    block.nanoseconds[row] = nanoseconds;
    block.interfaceId[row] = this.#id(packet);
    block.flags[row] = packet.flags ?? 0;
    block.keep[row] = 1;
    if (packet.extras !== undefined) {
      block.extras ??= new Map();
      block.extras.set(row, packet.extras);
    }
    this.#used += bytes.length;
  }

  #id(packet: PacketToWrite): number {
    let from = packet.interface;
    if (from === undefined) {
      const linkType = packet.linkType ?? LINKTYPE_ETHERNET;
      from = this.#plain.get(linkType);
      if (from === undefined) {
        from = { name: '', linkType, snapLength: 0, timestampDigits: 9 };
        this.#plain.set(linkType, from);
      }
    }
    let id = this.#ids.get(from);
    if (id === undefined) {
      id = this.#interfaces.push(from) - 1;
      this.#ids.set(from, id);
    }
    return id;
  }

  /** Gives what was gathered to the encoder. */
  async #pass(): Promise<void> {
    const block = this.#block;
    if (block.count === 0) return;
    await this.#writer.write(block, this.#interfaces);
    block.count = 0;
    block.extras = null;
    this.#used = 0;
  }

  async flush(): Promise<void> {
    await this.#pass();
    await this.#writer.flush();
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      try {
        await this.#pass();
      } finally {
        await this.#writer.close();
      }
    })();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
