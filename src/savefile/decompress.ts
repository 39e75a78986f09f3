import * as zlib from 'node:zlib';
import { be32, le32 } from '../bytes/endian.ts';
import type { SavefileProblem } from './error.ts';
import type { ByteInput } from './input.ts';

export type Compression = 'none' | 'gzip' | 'zstd';

/** How a compressed file begins: gzip (RFC 1952), zstd (RFC 8878, with its skippable frames), and what cannot be read. */
export function compressionOf(
  bytes: Uint8Array,
  length: number,
): Compression | { unsupported: string; unpack: string } {
  if (length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b) return 'gzip';
  if (length < 4) return 'none';
  const little = le32(bytes, 0);
  if (little === 0xfd2fb528 || (little & 0xffff_fff0) >>> 0 === 0x184d2a50) return 'zstd';
  if (little === 0x184d2204) return { unsupported: 'lz4', unpack: 'lz4 -dc' };
  if (be32(bytes, 0) === 0xfd377a58) return { unsupported: 'xz', unpack: 'xzcat' };
  if (be32(bytes, 0) >>> 8 === 0x425a68) return { unsupported: 'bzip2', unpack: 'bzcat' };
  return 'none';
}

type Decoder = zlib.Gunzip;
/** Node has zstd from 22.15 and 23.8 on; the types that we build with are older. */
const createZstdDecompress = (zlib as unknown as { createZstdDecompress?: (options: object) => Decoder })
  .createZstdDecompress;

export const canReadZstd = createZstdDecompress !== undefined;

/** Compressed bytes a step: small, since one step may give a thousand times as much, and all of it is kept at once. */
const STEP = 32 * 1024;
/** Output of one call into the library. An error loses what that call had made: see `#recover`. */
const OUTPUT = 64 * 1024;

/** The decompressed content of an input. Everything that the compressed data holds is given, and only then what is wrong
 * with it. */
export class DecompressedInput implements ByteInput {
  readonly #compression: Compression;
  readonly #input: ByteInput;
  #decoder: Decoder;
  readonly #pieces: Uint8Array[] = [];
  #taken = 0;
  /** Decompressed bytes that the decoder gave. */
  #produced = 0;
  /** Compressed bytes that it took without complaint. */
  #consumed = 0;
  #ended = false;
  #error: (Error & { code?: string }) | null = null;
  /** What was wrong, once everything has been given. */
  problem: SavefileProblem | null = null;

  constructor(compression: Compression, input: ByteInput) {
    this.#compression = compression;
    this.#input = input;
    this.#decoder = this.#start(0);
  }

  /** A decoder whose output goes to the pieces, but for the first `skip` bytes. */
  #start(skip: number): Decoder {
    const options = { chunkSize: OUTPUT };
    const decoder = this.#compression === 'gzip' ? zlib.createGunzip(options) : createZstdDecompress!(options);
    this.#error = null;
    this.#produced = 0;
    decoder.on('data', (piece: Uint8Array) => {
      const from = Math.min(piece.length, Math.max(0, skip - this.#produced));
      this.#produced += piece.length;
      if (from < piece.length) this.#pieces.push(from === 0 ? piece : piece.subarray(from));
    });
    decoder.on('error', (error) => {
      this.#error = error;
    });
    return decoder;
  }

  read(buffer: Uint8Array, at: number): number | Promise<number> {
    return this.#pieces.length > 0 ? this.#take(buffer, at) : this.#next(buffer, at);
  }

  #take(buffer: Uint8Array, at: number): number {
    let to = at;
    while (this.#pieces.length > 0 && to < buffer.length) {
      const piece = this.#pieces[0]!;
      const length = Math.min(buffer.length - to, piece.length - this.#taken);
      buffer.set(piece.subarray(this.#taken, this.#taken + length), to);
      to += length;
      this.#taken += length;
      if (this.#taken === piece.length) {
        this.#pieces.shift();
        this.#taken = 0;
      }
    }
    return to - at;
  }

  async #next(buffer: Uint8Array, at: number): Promise<number> {
    // A buffer of its own every step: the decoder holds on to it.
    while (this.#pieces.length === 0 && !this.#ended) {
      const step = new Uint8Array(STEP);
      const length = await this.#input.read(step, 0);
      if (length === 0) {
        this.#ended = true;
        await this.#finish();
        break;
      }
      await this.#feed(step.subarray(0, length));
      if (this.#error === null) this.#consumed += length;
      else {
        this.#ended = true;
        await this.#recover();
      }
    }
    return this.#take(buffer, at);
  }

  /** Resolves when the decoder has taken all of `step`, or has failed. */
  #feed(step: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      const decoder = this.#decoder;
      // After the data's end Node takes zero bytes for padding: it ends the output and never calls back for the rest.
      if (decoder.destroyed || this.#error !== null || decoder.readableEnded) {
        resolve();
        return;
      }
      const done = (): void => {
        for (const event of ['error', 'end', 'close']) decoder.off(event, done);
        resolve();
      };
      for (const event of ['error', 'end', 'close']) decoder.once(event, done);
      decoder.write(step, done);
    });
  }

  #finish(): Promise<void> {
    return new Promise((resolve) => {
      const decoder = this.#decoder;
      const done = (): void => {
        this.#describe(true);
        resolve();
      };
      if (decoder.destroyed || decoder.readableEnded) {
        done();
        return;
      }
      decoder.once('end', done);
      decoder.once('error', done);
      decoder.end();
    });
  }

  /** The library throws away what the failing call had made so far. Where the input can be had once more, it is
   * decompressed again, with the last steps byte by byte, so that only the failing byte's output can be missing. */
  async #recover(): Promise<void> {
    const failure = this.#error;
    const produced = this.#produced;
    const again = this.#input.again();
    if (again !== null) {
      this.#decoder = this.#start(produced);
      const step = new Uint8Array(STEP);
      let position = 0;
      while (this.#error === null) {
        const careful = position >= this.#consumed;
        const most = careful ? 1 : Math.min(STEP, this.#consumed - position);
        const piece = new Uint8Array(most);
        const length = await again.read(piece, 0);
        if (length === 0) break;
        await this.#feed(piece.subarray(0, length));
        position += length;
        if (careful && position > this.#consumed + step.length + OUTPUT) break;
      }
      this.#consumed = Math.max(0, position - 1);
      again.close();
    }
    this.#error ??= failure;
    this.#describe(false);
  }

  #describe(atEnd: boolean): void {
    if (this.#error === null) return;
    const truncated = atEnd && /unexpected end|BUF_ERROR/i.test(`${this.#error.message} ${this.#error.code}`);
    const compressed = `at byte ${this.#consumed} of the compressed file`;
    this.problem = {
      code: truncated ? 'SAVEFILE_TRUNCATED' : 'SAVEFILE_CORRUPT',
      what: truncated
        ? `cut short: the ${this.#compression} data ends in the middle, ${compressed};`
        : `the ${this.#compression} data is damaged near ${compressed.slice(3)} (${this.#error.message});`,
      cause: this.#error,
    };
  }

  again(): null {
    return null;
  }

  close(): void {
    this.#decoder.destroy();
    this.#input.close();
  }
}
