import type { Readable } from 'node:stream';
import { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import type { Chunk, SavefileParser } from './chunk.ts';
import { type Compression, canReadZstd, compressionOf, DecompressedInput } from './decompress.ts';
import { SavefileError, type SavefileProblem } from './error.ts';
import { type ByteInput, MemoryInput, openInput, PrefixedInput } from './input.ts';
import type { SavefileRecord, SavefileSection } from './metadata.ts';
import { looksLikePcap, PcapParser } from './pcap-read.ts';
import { looksLikePcapng, PcapngParser } from './pcapng-read.ts';
import { type Piece, ReadAhead } from './read-ahead.ts';

/** Bytes read at a time. Measured with frames of 60 to 1500 bytes from the page cache: 256 KiB to 1 MiB are the fastest,
 * since the parser then finds in the processor's cache what the kernel has just copied. */
const CHUNK = 512 * 1024;
/** Bytes read ahead at a time: a trip to the thread pool costs what copying half a megabyte does. Measured over 1.5 GB: 0.34 s
 * with 512 KiB, 0.30 with 1 MiB, 0.26 with 2 MiB, the same with 4. */
const AHEAD = 2 * 1024 * 1024;
/** Pieces that are read at a time: copying 1.5 GB from the page cache takes one thread as long as everything else takes.
 * Measured on two idle processors (`bench -- read`): 0.22 s where one at a time takes 0.33 s. */
const AT_ONCE = 2;
/** Room before what is read ahead, for the begin of a record whose end it holds. */
const LEAD = 512 * 1024;
/** Rows of a block at most. */
const ROWS = 16 * 1024;
/** Bytes that tell the format and the compression; what comes with them at once helps to name other files. */
const MAGIC_LENGTH = 4;
const SNIFF = 32;

export interface OpenSavefileOptions {
  /** What messages call the file; the path by default, '-' for streams. */
  name?: string;
  /** Ends the iteration as if the loop were left; the abort's reason is thrown. */
  signal?: AbortSignal;
  /** Whether a large file is read ahead on another thread (default: true). Worth it for who does little with a frame:
   * copying is then half of the time. Who does much finds the bytes in the cache of the other processor: printing text
   * takes 12 % less CPU without, and no more time. */
  ahead?: boolean;
  /** Bytes read at a time; for tests. */
  chunkSize?: number;
  /** Rows of a block at most; for tests. */
  rows?: number;
}

/** A savefile being read. A block's memory is the file's buffer: it holds until the next block is asked for. */
export interface SavefileSource extends FrameSource {
  readonly file: string;
  readonly format: 'pcap' | 'pcapng';
  readonly compression: Compression;
  /** Sections met so far; one for a pcap file. */
  readonly sections: readonly SavefileSection[];
  /** Blocks beside the frames that were met in the block given last (see their `row`). */
  readonly records: readonly SavefileRecord[];
  /** Content read so far, in bytes after decompression: for a progress line. */
  readonly position: number;
  /** The next block of frames (at least one row, or none and records), or null at the end. Throws a SavefileError where
   * the file is cut short or damaged, after everything before that place has been given. */
  next(): FrameBlock | null | Promise<FrameBlock | null>;
  close(): void;
}

class Reader implements SavefileSource {
  readonly file: string;
  readonly compression: Compression;
  readonly format: 'pcap' | 'pcapng';
  readonly interfaces: readonly FrameInterface[];
  readonly sections: readonly SavefileSection[];
  readonly #input: ByteInput;
  readonly #parser: SavefileParser;
  readonly #chunk: Chunk;
  readonly #block: FrameBlock;
  readonly #signal: AbortSignal | undefined;
  readonly #readsAhead: boolean;
  /** Parsed but not yet given. */
  #pending = false;
  #inputEnded = false;
  /** Bytes have come since the last parse. */
  #fresh = true;
  #failure: SavefileError | null = null;
  #closed = false;
  /** What reads on while the chunk is parsed. */
  #ahead: ReadAhead | null = null;

  constructor(
    file: string,
    compression: Compression,
    input: ByteInput,
    parser: SavefileParser,
    chunk: Chunk,
    options: OpenSavefileOptions,
  ) {
    this.file = file;
    this.compression = compression;
    this.format = parser.format;
    this.interfaces = parser.interfaces;
    this.sections = parser.sections;
    this.#input = input;
    this.#parser = parser;
    this.#chunk = chunk;
    this.#block = new FrameBlock(chunk.bytes, options.rows ?? ROWS);
    this.#signal = options.signal;
    this.#readsAhead = options.ahead ?? true;
  }

  get records(): readonly SavefileRecord[] {
    return this.#parser.records;
  }

  get position(): number {
    return this.#chunk.base + this.#chunk.at;
  }

  /** Reads until the file's own header is parsed, or it is known to be wrong. What was parsed beside it is given by the
   * first `next`. */
  begin(): void | Promise<void> {
    for (;;) {
      this.#parse();
      if (this.#parser.begun) {
        this.#pending = this.#block.count > 0 || this.#parser.records.length > 0;
        // Where nobody has to wait for it, the first frames are read as well, and so the interfaces before them.
        if (this.#pending || !this.#input.immediate || this.#parser.problem !== null || this.#inputEnded) return;
      }
      if (!this.#parser.begun && (this.#parser.problem !== null || this.#inputEnded)) this.#end();
      const filled = this.#fill();
      if (filled !== undefined) return filled.then(() => this.begin());
    }
  }

  #parse(): void {
    const block = this.#block;
    block.count = 0;
    block.extras = null;
    block.bytes = this.#chunk.bytes;
    this.#parser.parse(this.#chunk, block);
    this.#fresh = block.count === block.capacity;
  }

  next(): FrameBlock | null | Promise<FrameBlock | null> {
    if (this.#pending) {
      this.#pending = false;
      return this.#block;
    }
    for (;;) {
      if (this.#signal?.aborted) {
        this.close();
        this.#signal.throwIfAborted();
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#closed) return null;
      if (this.#fresh) {
        this.#parse();
        if (this.#block.count > 0 || this.#parser.records.length > 0) return this.#block;
      }
      if (this.#parser.problem !== null || this.#inputEnded) return this.#end();
      const filled = this.#fill();
      if (filled !== undefined) return filled.then(() => this.next());
    }
  }

  /** Nothing more can be parsed: the end, or what is wrong. */
  #end(): null {
    const { at, end } = this.#chunk;
    const parser = this.#parser;
    const decompression = this.#input instanceof DecompressedInput ? this.#input.problem : null;
    let problem: SavefileProblem | null = parser.problem;
    if (problem === null && (at < end || !parser.begun)) problem = parser.cutShort(this.#chunk);
    if (decompression !== null && (problem === null || problem.code === 'SAVEFILE_TRUNCATED')) {
      // The compression is the cause, what it did to the record is the effect.
      const effect = problem === null ? 'the content before it ends between two records,' : problem.what;
      problem = {
        offset: this.#chunk.base + end,
        ...problem,
        ...decompression,
        what: `${decompression.what} ${effect}`,
      };
    }
    if (problem === null && parser instanceof PcapngParser) problem = parser.defect;
    this.close();
    if (problem === null) return null;
    this.#failure = new SavefileError(this.file, problem, this.compression !== 'none');
    throw this.#failure;
  }

  /** Brings bytes: what was read ahead, or else moves what is not yet parsed to the front and reads behind it. */
  #fill(): Promise<void> | undefined {
    const chunk = this.#chunk;
    const left = chunk.end - chunk.at;
    if (this.#ahead !== null)
      return this.#ahead.next().then(
        (piece) => this.#append(piece),
        (error) => this.#broken(error),
      );
    if (chunk.at > 0) {
      chunk.bytes.copyWithin(0, chunk.at, chunk.end);
      chunk.base += chunk.at;
      chunk.at = 0;
      chunk.end = left;
    }
    // A record longer than the buffer: grown only as bytes really come, for the length may be a lie.
    if (left === chunk.bytes.length) {
      const larger = new Uint8Array(Math.min(Math.max(this.#parser.needed, left + 1), left * 2));
      larger.set(chunk.bytes);
      chunk.bytes = larger;
      chunk.view = new DataView(larger.buffer);
    }
    let read: number | Promise<number>;
    try {
      read = this.#input.read(chunk.bytes, chunk.end);
    } catch (error) {
      this.#broken(error);
    }
    if (typeof read === 'number') {
      this.#took(read);
      const { readAt, position } = this.#input;
      if (read > 0 && this.#readsAhead && readAt && position !== undefined)
        this.#ahead = new ReadAhead(readAt, position, LEAD, AHEAD, AT_ONCE);
      return undefined;
    }
    return read.then(
      (length) => this.#took(length),
      (error) => this.#broken(error),
    );
  }

  /** Puts what is left of the chunk before the bytes that were read ahead. */
  #append({ bytes, view, length }: Piece): void {
    const chunk = this.#chunk;
    const left = chunk.end - chunk.at;
    const rest = chunk.bytes.subarray(chunk.at, chunk.end);
    if (left <= LEAD) {
      bytes.set(rest, LEAD - left);
      this.#ahead!.recycle(chunk.bytes, chunk.view);
      chunk.bytes = bytes;
      chunk.view = view;
      chunk.base += chunk.at - (LEAD - left);
      chunk.at = LEAD - left;
      chunk.end = LEAD;
    } else {
      // A record longer than the room before: both in one piece, with room for more of it.
      if (chunk.end + length > chunk.bytes.length) {
        const larger = new Uint8Array(left + Math.max(left, length));
        larger.set(rest);
        this.#ahead!.recycle(chunk.bytes, chunk.view);
        chunk.bytes = larger;
        chunk.view = new DataView(larger.buffer);
        chunk.base += chunk.at;
        chunk.at = 0;
        chunk.end = left;
      }
      chunk.bytes.set(bytes.subarray(LEAD, LEAD + length), chunk.end);
      this.#ahead!.recycle(bytes, view);
    }
    this.#took(length);
  }

  #took(length: number): void {
    this.#chunk.end += length;
    if (length === 0) this.#inputEnded = true;
    else this.#fresh = true;
  }

  #broken(error: unknown): never {
    if (error instanceof SavefileError) this.#failure = error;
    this.close();
    throw error;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<FrameBlock> {
    const stop = (): void => this.close();
    this.#signal?.addEventListener('abort', stop, { once: true });
    try {
      for (;;) {
        const step = this.next();
        const block = step instanceof Promise ? await step : step;
        this.#signal?.throwIfAborted();
        if (block === null) return;
        yield block;
      }
    } catch (error) {
      // Closing the input under a read makes that fail in its own way; the abort is the reason.
      this.#signal?.throwIfAborted();
      throw error;
    } finally {
      this.#signal?.removeEventListener('abort', stop);
      this.close();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = false;
    this.#input.close();
  }
}

/** Opens a savefile for reading: pcap or pcapng, plain or compressed, told by content and never by name.
 *
 * `from` is a path ('-': standard input), a file descriptor (which stays its owner's to close), a Readable of bytes, or
 * the bytes themselves. Resolves when the file's header has been read. Memory stays the same whatever the file's size.
 *
 * Throws a SavefileError: `SAVEFILE_READ`, `SAVEFILE_EMPTY`, `SAVEFILE_UNKNOWN`, `SAVEFILE_UNSUPPORTED`, and for a header
 * that is cut short or contradicts itself `SAVEFILE_TRUNCATED` and `SAVEFILE_CORRUPT`. */
export async function openSavefile(
  from: string | number | Readable | Uint8Array,
  options: OpenSavefileOptions = {},
): Promise<SavefileSource> {
  options.signal?.throwIfAborted();
  const file = options.name ?? (typeof from === 'string' ? from : '-');
  let input = await openInput(from, file);
  const abort = (): void => input.close();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    const sniff = new Uint8Array(SNIFF);
    let length = await readMagic(input, sniff);
    if (length === 0) throw new SavefileError(file, { code: 'SAVEFILE_EMPTY', what: 'the file is empty' });
    const compression = compressionOf(sniff, length);
    if (typeof compression !== 'string') {
      const what = `${compression.unsupported} compression cannot be read here; try: ${compression.unpack} ${file} | netlab read -`;
      throw new SavefileError(file, { code: 'SAVEFILE_UNSUPPORTED', what });
    }
    if (compression === 'zstd' && !canReadZstd) {
      const what = `zstd compression needs Node 22.15 or later (this is ${process.version}); try: zstd -dc ${file} | netlab read -`;
      throw new SavefileError(file, { code: 'SAVEFILE_UNSUPPORTED', what });
    }
    if (compression !== 'none') {
      input = new DecompressedInput(compression, new PrefixedInput(sniff.slice(0, length), input));
      length = await readMagic(input, sniff);
    }
    const reader = readerFor(file, compression, input, sniff, length, options);
    await reader.begin();
    return reader;
  } catch (error) {
    input.close();
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

function readerFor(
  file: string,
  compression: Compression,
  input: ByteInput,
  sniff: Uint8Array,
  length: number,
  options: OpenSavefileOptions,
): Reader {
  const parser = parserFor(file, sniff, length, compression, input);
  const bytes = new Uint8Array(Math.max(options.chunkSize ?? CHUNK, SNIFF));
  bytes.set(sniff.subarray(0, length));
  const chunk: Chunk = { bytes, view: new DataView(bytes.buffer), at: 0, end: length, base: 0 };
  return new Reader(file, compression, input, parser, chunk, options);
}

/** The same over the uncompressed bytes of a file, without waiting: `next` gives no promises. */
export function openSavefileSync(bytes: Uint8Array, options: OpenSavefileOptions = {}): SavefileSource {
  const file = options.name ?? '-';
  if (bytes.length === 0) throw new SavefileError(file, { code: 'SAVEFILE_EMPTY', what: 'the file is empty' });
  const input = new MemoryInput(bytes);
  const sniff = new Uint8Array(SNIFF);
  const length = input.read(sniff, 0);
  const reader = readerFor(file, 'none', input, sniff, length, options);
  // Memory never makes anybody wait.
  void reader.begin();
  return reader;
}

/** Reads the magic number, and not one byte that a live pipe has not yet. */
async function readMagic(input: ByteInput, buffer: Uint8Array): Promise<number> {
  let length = 0;
  while (length < MAGIC_LENGTH) {
    const read = await input.read(buffer, length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function parserFor(
  file: string,
  bytes: Uint8Array,
  length: number,
  compression: Compression,
  input: ByteInput,
): SavefileParser {
  const compressed = compression !== 'none';
  const damage = input instanceof DecompressedInput ? input.problem : null;
  if (damage !== null && length < 4)
    throw new SavefileError(file, { ...damage, offset: length, available: length }, true);
  if (length < MAGIC_LENGTH) {
    const what = `${length} bytes${compressed ? ` of ${compression} data` : ''} are no savefile: its magic number alone has 4`;
    throw new SavefileError(file, { code: 'SAVEFILE_TRUNCATED', what, needed: 4, available: length }, compressed);
  }
  if (looksLikePcap(bytes)) return new PcapParser();
  if (looksLikePcapng(bytes)) return new PcapngParser();
  const hex = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const kind = FOREIGN.find(({ magic }) => magic.every((byte, i) => bytes[i] === byte))?.kind;
  const what = `neither pcap nor pcapng: it begins with ${hex}${kind === undefined ? '' : `, which is ${kind}`}`;
  throw new SavefileError(file, { code: 'SAVEFILE_UNKNOWN', what }, compressed);
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));

/** What people give by mistake. */
const FOREIGN: { magic: number[]; kind: string }[] = [
  { magic: [0x7f, ...ascii('ELF')], kind: 'an ELF executable' },
  { magic: ascii('snoop\0\0\0'), kind: 'a snoop capture; try: editcap -F pcapng' },
  { magic: ascii('btsnoop\0'), kind: 'a btsnoop capture; try: editcap -F pcapng' },
  { magic: ascii('GMBU'), kind: 'a Microsoft Network Monitor capture; try: editcap -F pcapng' },
  { magic: [...ascii('TRSNIFF')], kind: 'a Sniffer capture; try: editcap -F pcapng' },
  { magic: [0x1f, 0x8b], kind: 'gzip once more: unpack it twice' },
  { magic: ascii('PK\x03\x04'), kind: 'a zip archive' },
  { magic: ascii('%PDF'), kind: 'a PDF document' },
  { magic: ascii('#!'), kind: 'a script' },
];
