/** Walks a pcap or pcapng file of this machine's byte order without any code of netlab's, as a check on what captures
 * wrote. Throws where the file is broken. */
import { closeSync, openSync, readSync } from 'node:fs';

export interface WalkedFrame {
  bytes: Uint8Array;
  offset: number;
  length: number;
  seconds: number;
  nanoseconds: number;
}

const SECTION = 0x0a0d0d0a;
const INTERFACE = 1;
const ENHANCED = 6;
const OPTION_TSRESOL = 9;

/** Calls `visit` for every frame; the object is used again for the next one. Returns the number of frames. */
export function walk(path: string, visit: (frame: WalkedFrame, index: number) => void = () => undefined): number {
  const fd = openSync(path, 'r');
  try {
    return walkOpen(new Window(fd), visit);
  } finally {
    closeSync(fd);
  }
}

/** A piece of the file in memory that moves forward. */
class Window {
  bytes = Buffer.alloc(8 << 20);
  at = 0;
  #end = 0;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Sees to it that `length` bytes are there at `at`; false at the end of the file. */
  need(length: number): boolean {
    if (this.at + length <= this.#end) return true;
    this.bytes.copyWithin(0, this.at, this.#end);
    this.#end -= this.at;
    this.at = 0;
    while (this.#end < length) {
      const got = readSync(this.#fd, this.bytes, this.#end, this.bytes.length - this.#end, null);
      if (got === 0) {
        if (this.#end > 0) throw new Error(`the file ends inside a record: ${this.#end} bytes of ${length}`);
        return false;
      }
      this.#end += got;
    }
    return true;
  }
}

function walkOpen(file: Window, visit: (frame: WalkedFrame, index: number) => void): number {
  if (!file.need(24)) throw new Error('the file is empty');
  const frame: WalkedFrame = { bytes: file.bytes, offset: 0, length: 0, seconds: 0, nanoseconds: 0 };
  const magic = file.bytes.readUInt32LE(0);
  let count = 0;
  if (magic === 0xa1b2c3d4 || magic === 0xa1b23c4d) {
    const scale = magic === 0xa1b2c3d4 ? 1000 : 1;
    file.at = 24;
    while (file.need(16)) {
      const length = file.bytes.readUInt32LE(file.at + 8);
      frame.seconds = file.bytes.readUInt32LE(file.at);
      frame.nanoseconds = file.bytes.readUInt32LE(file.at + 4) * scale;
      if (!file.need(16 + length)) break;
      frame.offset = file.at + 16;
      frame.length = length;
      visit(frame, count++);
      file.at += 16 + length;
    }
    return count;
  }
  if (magic !== SECTION) throw new Error(`neither pcap nor pcapng: ${magic.toString(16)}`);
  const digits: number[] = [];
  while (file.need(12)) {
    const type = file.bytes.readUInt32LE(file.at);
    const total = file.bytes.readUInt32LE(file.at + 4);
    if (!file.need(total)) break;
    const { bytes, at } = file;
    if (total < 12 || bytes.readUInt32LE(at + total - 4) !== total)
      throw new Error(`a block of ${total} bytes is broken`);
    if (type === INTERFACE) digits.push(resolution(bytes, at + 16, at + total - 4));
    if (type === ENHANCED) {
      const ticks = BigInt(bytes.readUInt32LE(at + 12)) * 0x1_0000_0000n + BigInt(bytes.readUInt32LE(at + 16));
      const perSecond = 10n ** BigInt(digits[bytes.readUInt32LE(at + 8)]!);
      frame.seconds = Number(ticks / perSecond);
      frame.nanoseconds = Number(((ticks % perSecond) * 1_000_000_000n) / perSecond);
      frame.length = bytes.readUInt32LE(at + 20);
      frame.offset = at + 28;
      visit(frame, count++);
    }
    file.at += total;
  }
  return count;
}

/** Digits of a second by the if_tsresol option between `at` and `end`; 6 without one. */
function resolution(bytes: Buffer, at: number, end: number): number {
  while (at + 4 <= end) {
    const code = bytes.readUInt16LE(at);
    const length = bytes.readUInt16LE(at + 2);
    if (code === 0) break;
    if (code === OPTION_TSRESOL) return bytes[at + 4]!;
    at += 4 + ((length + 3) & ~3);
  }
  return 6;
}
