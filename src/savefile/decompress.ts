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

/** A zstd frame of one raw block with one byte in it (RFC 8878, 3.1.1). */
const PROBE = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x09, 0x00, 0x00, 0x78);

/** The decompressed content of an input. Everything that the compressed data holds is given, and only then what is wrong
 * with it. */
export class DecompressedInput implements ByteInput {
  readonly immediate = false;
  readonly #compression: Compression;
  readonly #input: ByteInput;
  #decoder: Decoder;
  readonly #pieces: Uint8Array[] = [];
  #taken = 0;
  /** Decompressed bytes that the decoder gave. */
  #produced = 0;
  /** Decompressed bytes that were given on before, when the input is read again. */
  #skip = 0;
  /** Compressed bytes that were written to the present decoder. */
  #given = 0;
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

  /** A decoder for the input from its beginning, whose output goes to the pieces but for the first `skip` bytes. */
  #start(skip: number): Decoder {
    this.#error = null;
    this.#produced = 0;
    this.#skip = skip;
    return this.#create();
  }

  #create(): Decoder {
    const options = { chunkSize: OUTPUT };
    const decoder = this.#compression === 'gzip' ? zlib.createGunzip(options) : createZstdDecompress!(options);
    this.#given = 0;
    decoder.on('data', (piece: Uint8Array) => {
      const from = Math.min(piece.length, Math.max(0, this.#skip - this.#produced));
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

  /** Resolves when `step` has been decompressed, or the decoder has failed. Node's gunzip goes on with the next member of
   * a file by itself; its zstd decoder ends with a frame, and the next frame needs another. */
  async #feed(step: Uint8Array): Promise<void> {
    for (;;) {
      this.#given += step.length;
      await this.#write(step);
      const left = this.#given - this.#decoder.bytesWritten;
      if (this.#compression !== 'zstd' || this.#error !== null || !this.#decoder.readableEnded || left === 0) return;
      step = step.subarray(step.length - left);
      this.#decoder.destroy();
      this.#decoder = this.#create();
    }
  }

  #write(step: Uint8Array): Promise<void> {
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

  async #finish(): Promise<void> {
    const decoder = this.#decoder;
    let truncated = false;
    if (this.#compression === 'zstd') truncated = await this.#endsInsideFrame();
    else if (!decoder.destroyed && !decoder.readableEnded) {
      await new Promise<void>((resolve) => {
        decoder.once('end', resolve);
        decoder.once('error', () => resolve());
        decoder.end();
      });
      // Z_BUF_ERROR: more input was wanted.
      truncated = this.#error?.code === 'Z_BUF_ERROR';
    }
    this.#describe(truncated);
  }

  /** Node's zstd decoder says nothing when its input ends inside a frame. After a whole frame it begins the next, so it is
   * given one more: what it makes of that tells whether it was between two. */
  async #endsInsideFrame(): Promise<boolean> {
    if (this.#error !== null) return false;
    const before = this.#pieces.length;
    await this.#write(PROBE);
    const [answer, ...more] = this.#pieces.splice(before);
    const whole = this.#error === null && more.length === 0 && answer?.length === 1 && answer[0] === PROBE.at(-1);
    this.#error = null;
    return !whole;
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

  #describe(truncated: boolean): void {
    const error = this.#error;
    if (error === null && !truncated) return;
    const compressed = `byte ${this.#consumed} of the compressed file`;
    this.problem = {
      code: truncated ? 'SAVEFILE_TRUNCATED' : 'SAVEFILE_CORRUPT',
      what: truncated
        ? `cut short: the ${this.#compression} data ends in the middle, at ${compressed};`
        : `the ${this.#compression} data is damaged near ${compressed} (${error!.message});`,
      ...(error === null ? {} : { cause: error }),
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
