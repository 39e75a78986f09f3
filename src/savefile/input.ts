import { closeSync, createReadStream, fstatSync, open, read, readSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { systemError } from './error.ts';
import { positionOf } from './output.ts';
import type { PositionalRead } from './read-ahead.ts';

/** Where the bytes of a savefile come from. */
export interface ByteInput {
  /** Reads into `buffer` from `at` on, at most to its end. Gives the number of bytes, 0 at the end of the input: at once
   * where it need not wait (regular files), else as a promise. */
  read(buffer: Uint8Array, at: number): number | Promise<number>;
  /** `read` never makes anybody wait. */
  readonly immediate: boolean;
  /** Reads a place of the input on another thread; for one that is long enough to gain by it. */
  readonly readAt?: PositionalRead | null;
  /** Where `read` goes on. */
  readonly position?: number;
  /** The same input from its beginning once more, or null where it cannot be had. */
  again(): ByteInput | null;
  close(): void;
}

/** From this size on a file is read ahead on a thread of the pool: half of the time of reading a savefile is the
 * kernel's copying from the page cache, which then goes on while frames are parsed. */
const LARGE = 16 * 1024 * 1024;

/** A regular file. A small one is read synchronously: from the page cache a megabyte takes less than a trip to the thread
 * pool. */
class FileInput implements ByteInput {
  readonly immediate = true;
  readonly readAt: PositionalRead | null;
  /** Reads on other threads that have not come to their end. */
  #reading = 0;
  #closeDue = false;
  readonly #file: string;
  readonly #fd: number;
  #owned: boolean;
  readonly #start: number;
  #position: number;

  constructor(file: string, fd: number, owned: boolean, start: number, size: number) {
    this.readAt = size >= LARGE ? (buffer, at, length, position) => this.#readAt(buffer, at, length, position) : null;
    this.#file = file;
    this.#fd = fd;
    this.#owned = owned;
    this.#start = start;
    this.#position = start;
  }

  read(buffer: Uint8Array, at: number): number {
    try {
      const length = readSync(this.#fd, buffer, at, buffer.length - at, this.#position);
      this.#position += length;
      return length;
    } catch (error) {
      throw systemError(this.#file, 'SAVEFILE_READ', error);
    }
  }

  again(): ByteInput {
    return new FileInput(this.#file, this.#fd, false, this.#start, 0);
  }

  get position(): number {
    return this.#position;
  }

  #readAt(buffer: Uint8Array, at: number, length: number, position: number): Promise<number> {
    this.#reading++;
    return new Promise((resolve, reject) => {
      read(this.#fd, buffer, at, length, position, (error, done) => {
        this.#reading--;
        if (this.#closeDue && this.#reading === 0) closeSync(this.#fd);
        if (error === null) resolve(done);
        else reject(systemError(this.#file, 'SAVEFILE_READ', error));
      });
    });
  }

  close(): void {
    if (!this.#owned) return;
    this.#owned = false;
    // A descriptor must not be closed, and its number given to another file, under a thread that reads from it.
    if (this.#reading > 0) this.#closeDue = true;
    else closeSync(this.#fd);
  }
}

/** How much of a stream is kept so that it can be read again. */
const REMEMBERED = 4 * 1024 * 1024;

/** A pipe, a socket, a terminal, or any Readable. */
class StreamInput implements ByteInput {
  readonly immediate = false;
  readonly #file: string;
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array | null = null;
  #taken = 0;
  /** Everything read so far, while that is little; null: forgotten. */
  #remembered: Uint8Array[] | null = [];
  #rememberedLength = 0;

  constructor(file: string, stream: Readable) {
    this.#file = file;
    this.#stream = stream;
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  read(buffer: Uint8Array, at: number): number | Promise<number> {
    return this.#chunk === null ? this.#next(buffer, at) : this.#take(buffer, at);
  }

  async #next(buffer: Uint8Array, at: number): Promise<number> {
    for (;;) {
      let step: IteratorResult<unknown>;
      try {
        step = await this.#chunks.next();
      } catch (error) {
        throw systemError(this.#file, 'SAVEFILE_READ', error);
      }
      if (step.done) return 0;
      const chunk: unknown = step.value;
      if (!(chunk instanceof Uint8Array))
        throw new TypeError(`the stream of a savefile must give bytes, not ${typeof chunk}: give it no encoding`);
      if (chunk.length === 0) continue;
      this.#remember(chunk);
      this.#chunk = chunk;
      this.#taken = 0;
      return this.#take(buffer, at);
    }
  }

  #take(buffer: Uint8Array, at: number): number {
    const chunk = this.#chunk!;
    const length = Math.min(buffer.length - at, chunk.length - this.#taken);
    buffer.set(chunk.subarray(this.#taken, this.#taken + length), at);
    this.#taken += length;
    if (this.#taken === chunk.length) this.#chunk = null;
    return length;
  }

  #remember(chunk: Uint8Array): void {
    if (this.#remembered === null) return;
    this.#rememberedLength += chunk.length;
    if (this.#rememberedLength > REMEMBERED) this.#remembered = null;
    else this.#remembered.push(chunk);
  }

  again(): ByteInput | null {
    return this.#remembered === null ? null : new MemoryInput(Buffer.concat(this.#remembered));
  }

  close(): void {
    this.#stream.destroy();
  }
}

/** Bytes in memory. */
export class MemoryInput implements ByteInput {
  readonly immediate = true;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  read(buffer: Uint8Array, at: number): number {
    const length = Math.min(buffer.length - at, this.#bytes.length - this.#at);
    buffer.set(this.#bytes.subarray(this.#at, this.#at + length), at);
    this.#at += length;
    return length;
  }

  again(): ByteInput {
    return new MemoryInput(this.#bytes);
  }

  close(): void {}
}

/** Bytes that were read already, before the rest of the input: what telling the format by content needs. */
export class PrefixedInput implements ByteInput {
  readonly immediate = false;
  readonly #prefix: MemoryInput;
  readonly #rest: ByteInput;
  #prefixLeft: number;

  constructor(prefix: Uint8Array, rest: ByteInput) {
    this.#prefix = new MemoryInput(prefix);
    this.#prefixLeft = prefix.length;
    this.#rest = rest;
  }

  read(buffer: Uint8Array, at: number): number | Promise<number> {
    if (this.#prefixLeft === 0) return this.#rest.read(buffer, at);
    const length = this.#prefix.read(buffer, at);
    this.#prefixLeft -= length;
    return length;
  }

  again(): ByteInput | null {
    return this.#rest.again();
  }

  close(): void {
    this.#rest.close();
  }
}

const openAsync = promisify(open);

/** Opens a path ('-': standard input), a descriptor, a stream, or bytes. A descriptor stays its owner's to close, and its
 * own position does not move where it is a regular file's. */
export async function openInput(from: string | number | Readable | Uint8Array, file: string): Promise<ByteInput> {
  if (from instanceof Uint8Array) return new MemoryInput(from);
  if (typeof from === 'object') return new StreamInput(file, from);
  let fd: number;
  const owned = typeof from === 'string' && from !== '-';
  try {
    // Not openSync: opening a FIFO waits for its writer.
    fd = typeof from === 'number' ? from : from === '-' ? 0 : await openAsync(from, 'r');
  } catch (error) {
    throw systemError(file, 'SAVEFILE_READ', error);
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isFile()) return new FileInput(file, fd, owned, owned ? 0 : positionOf(fd), stat.size);
    if (stat.isDirectory()) {
      // What read(2) would say, said before a stream is made of it.
      throw Object.assign(new Error('EISDIR: illegal operation on a directory, read'), { code: 'EISDIR' });
    }
    if (fd === 0) return new StreamInput(file, process.stdin);
    if (stat.isFIFO() || stat.isSocket())
      return new StreamInput(file, new Socket({ fd, readable: true, writable: false }));
    return new StreamInput(file, createReadStream('', { fd, autoClose: owned }));
  } catch (error) {
    if (owned) closeSync(fd);
    throw systemError(file, 'SAVEFILE_READ', error);
  }
}
