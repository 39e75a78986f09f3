import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import * as zlib from 'node:zlib';
import { SavefileError, systemError } from './error.ts';

/** Where the bytes of a savefile go. */
export interface ByteOutput {
  /** Writes the bytes from 0 up to `length`, all of them. Where it gives a promise, they must not change until that
   * resolves. What is written begins and ends at the border of a record. */
  write(bytes: Uint8Array, length: number): void | Promise<void>;
  /** What was written reaches the operating system. */
  flush(): void | Promise<void>;
  close(): void | Promise<void>;
}

/** How much of what a failed write had begun can stay, so that the file ends with a whole record: given the bytes, how
 * many of them had got into the file, and where in the file they begin. */
export type RecordBorder = (bytes: Uint8Array, written: number, position: number) => number;

/** A regular file, or a device such as /dev/null: synchronous, one write(2) for a full buffer. */
class FileOutput implements ByteOutput {
  readonly #file: string;
  readonly #fd: number;
  readonly #owned: boolean;
  readonly #border: RecordBorder | null;
  #written: number;
  /** Where in the file our content begins; null: no regular file, nothing can be taken back. */
  readonly #start: number | null;

  constructor(file: string, fd: number, owned: boolean, border: RecordBorder | null) {
    this.#file = file;
    this.#fd = fd;
    this.#owned = owned;
    this.#border = border;
    this.#written = 0;
    const stat = fstatSync(fd);
    this.#start = stat.isFile() ? (owned ? 0 : writesFrom(fd, stat.size)) : null;
  }

  write(bytes: Uint8Array, length: number): void {
    let at = 0;
    try {
      // A full disk shows as a short count first and as ENOSPC after that.
      while (at < length) at += writeSync(this.#fd, bytes, at, length - at);
    } catch (error) {
      this.#takeBack(bytes, at);
      throw systemError(this.#file, 'SAVEFILE_WRITE', error);
    }
    this.#written += length;
  }

  #takeBack(bytes: Uint8Array, written: number): void {
    if (this.#border === null) return;
    const whole = this.#border(bytes, written, this.#written);
    if (this.#start === null || whole === written) return;
    try {
      ftruncateSync(this.#fd, this.#start + this.#written + whole);
    } catch {
      // The error that brought us here is the one to report; without this the file only ends in a cut record.
    }
  }

  flush(): void {}

  close(): void {
    if (!this.#owned) return;
    try {
      // Some file systems report a failed write only here.
      closeSync(this.#fd);
    } catch (error) {
      throw systemError(this.#file, 'SAVEFILE_WRITE', error);
    }
  }
}

/** A pipe, a socket, or any Writable: waits for the reader without holding up the event loop. */
class StreamOutput implements ByteOutput {
  readonly #file: string;
  readonly #stream: Writable;
  readonly #owned: boolean;
  #error: unknown = null;

  constructor(file: string, stream: Writable, owned: boolean) {
    this.#file = file;
    this.#stream = stream;
    this.#owned = owned;
    stream.on('error', this.#failed);
  }

  readonly #failed = (error: unknown): void => {
    this.#error ??= error;
  };

  write(bytes: Uint8Array, length: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== null) {
        reject(systemError(this.#file, 'SAVEFILE_WRITE', this.#error));
        return;
      }
      const stream = this.#stream;
      const closed = (): void =>
        reject(systemError(this.#file, 'SAVEFILE_WRITE', this.#error ?? new Error('the stream was closed')));
      stream.once('close', closed);
      // A socket of ours has written its bytes when it calls back; a stream of somebody else's may have only passed them on.
      const piece = this.#owned ? bytes.subarray(0, length) : bytes.slice(0, length);
      stream.write(piece, (error) => {
        stream.off('close', closed);
        if (error) reject(systemError(this.#file, 'SAVEFILE_WRITE', error));
        else resolve();
      });
    });
  }

  flush(): void {}

  close(): void | Promise<void> {
    const stream = this.#stream;
    if (!this.#owned || stream.destroyed) {
      if (!this.#owned) stream.off('error', this.#failed);
      return;
    }
    return new Promise((resolve) => {
      stream.once('close', resolve);
      stream.end(() => stream.destroy());
    });
  }
}

export type OutputCompression = 'none' | 'gzip' | 'zstd';

type Encoder = zlib.Gzip;
/** Node has zstd from 22.15 and 23.8 on; the types that we build with are older. */
const { createZstdCompress } = zlib as unknown as { createZstdCompress?: (options?: object) => Encoder };
const zstdConstants = zlib.constants as unknown as { ZSTD_e_flush: number; ZSTD_c_compressionLevel: number };

export const canWriteZstd = createZstdCompress !== undefined;

/** Compression between the records and another output. */
class CompressedOutput implements ByteOutput {
  readonly #file: string;
  readonly #inner: ByteOutput;
  readonly #encoder: Encoder;
  readonly #flushKind: number;
  #pieces: Uint8Array[] = [];
  #error: unknown = null;

  constructor(file: string, inner: ByteOutput, compression: 'gzip' | 'zstd', level: number | undefined) {
    this.#file = file;
    this.#inner = inner;
    if (compression === 'gzip') {
      this.#encoder = zlib.createGzip({ chunkSize: 128 * 1024, ...(level === undefined ? {} : { level }) });
      // Ends the deflate block at a byte's border: a reader gets everything up to here, though the file goes on or ends.
      this.#flushKind = zlib.constants.Z_SYNC_FLUSH;
    } else {
      const params = level === undefined ? {} : { params: { [zstdConstants.ZSTD_c_compressionLevel]: level } };
      this.#encoder = createZstdCompress!({ chunkSize: 128 * 1024, ...params });
      this.#flushKind = zstdConstants.ZSTD_e_flush;
    }
    this.#encoder.on('data', (piece: Uint8Array) => this.#pieces.push(piece));
    this.#encoder.on('error', (error) => {
      this.#error ??= error;
    });
  }

  async write(bytes: Uint8Array, length: number): Promise<void> {
    await this.#step((done) => this.#encoder.write(bytes.subarray(0, length), done));
  }

  async flush(): Promise<void> {
    await this.#step((done) => this.#encoder.flush(this.#flushKind, done));
    await this.#inner.flush();
  }

  async close(): Promise<void> {
    if (this.#encoder.destroyed) {
      await this.#inner.close();
      return;
    }
    try {
      await this.#step((done) => {
        this.#encoder.once('end', done);
        this.#encoder.end();
      });
    } finally {
      this.#encoder.destroy();
      await this.#inner.close();
    }
  }

  /** One call into the encoder, and what it gave on to the inner output. */
  async #step(call: (done: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#encoder.once('error', () => resolve());
      call(resolve);
    });
    this.#encoder.removeAllListeners('error');
    this.#encoder.on('error', (error) => {
      this.#error ??= error;
    });
    if (this.#error !== null) throw systemError(this.#file, 'SAVEFILE_WRITE', this.#error);
    const pieces = this.#pieces;
    this.#pieces = [];
    try {
      for (const piece of pieces) await this.#inner.write(piece, piece.length);
    } catch (error) {
      // Nothing more can be written, so nothing more need be compressed.
      this.#encoder.destroy();
      throw error;
    }
  }
}

/** What proc(5) says of a descriptor: where it stands in its file, and the flags of open(2) in octal. Without /proc: the
 * beginning, where nearly every descriptor stands. */
function fdinfo(fd: number): { position: number; flags: number } {
  try {
    const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
    const field = (name: string, radix: number): number =>
      Number.parseInt(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(text)?.[1] ?? '0', radix);
    return { position: field('pos', 10), flags: field('flags', 8) };
  } catch {
    return { position: 0, flags: 0 };
  }
}

/** Where a descriptor stands in its file. */
export const positionOf = (fd: number): number => fdinfo(fd).position;

/** Where what is written to it will begin. */
function writesFrom(fd: number, size: number): number {
  const { position, flags } = fdinfo(fd);
  return flags & constants.O_APPEND ? size : position;
}

/** A pipe behind a descriptor as a stream. The pipe is opened anew (proc(5), /proc/pid/fd), since making it nonblocking
 * for us would make it so for everybody who shares the descriptor. */
function pipeStream(fd: number, owned: boolean): Writable {
  let own = fd;
  if (!owned) {
    try {
      own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      // Not ours to open (another user's pipe) or no /proc: the descriptor itself, then.
    }
  }
  return new Socket({ fd: own, readable: false, writable: true });
}

/** Opens a path for writing ('-': standard output), or takes a descriptor or a stream, which stay their owner's to close. */
export function openOutput(
  to: string | number | Writable,
  file: string,
  compression: OutputCompression,
  level: number | undefined,
  border: RecordBorder,
): ByteOutput {
  if (compression === 'zstd' && !canWriteZstd)
    throw new SavefileError(file, {
      code: 'SAVEFILE_UNSUPPORTED',
      what: `zstd compression needs Node 22.15 or later (this is ${process.version}); try the suffix .gz`,
    });
  const plain = openPlain(to, file, compression === 'none' ? border : null);
  return compression === 'none' ? plain : new CompressedOutput(file, plain, compression, level);
}

function openPlain(to: string | number | Writable, file: string, border: RecordBorder | null): ByteOutput {
  if (typeof to === 'object') return new StreamOutput(file, to, false);
  const owned = typeof to === 'string' && to !== '-';
  try {
    const fd = typeof to === 'number' ? to : to === '-' ? 1 : openSync(to, 'w');
    const stat = fstatSync(fd);
    if (stat.isFIFO()) return new StreamOutput(file, pipeStream(fd, owned), true);
    // A socket cannot be opened anew; standard output has a stream already, and two on one descriptor would fight.
    if (stat.isSocket())
      return fd === 1
        ? new StreamOutput(file, process.stdout, false)
        : new StreamOutput(file, new Socket({ fd, readable: false, writable: true }), owned);
    return new FileOutput(file, fd, owned, border);
  } catch (error) {
    throw systemError(file, 'SAVEFILE_WRITE', error);
  }
}
