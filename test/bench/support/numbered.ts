/** Numbered frames: UDP over IPv4 to an Ethernet address that no device has, so that a receiver's stack drops them at
 * once. The data begins with a mark, the frame's number and its complement, which keeps the checksum the same for all. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { be32, putBe32, putLe16, putLe32 } from '../../../src/bytes/endian.ts';
import { udpPacket } from '../../../src/inject/udp-packet.ts';
import * as ethernet from '../../../src/wire/ethernet.ts';

const MARK = 0x6e6c6162;
/** Behind Ethernet, IPv4 and UDP. */
const MARK_AT = 42;
const NUMBER_AT = MARK_AT + 4;
/** The shortest frame that has room for mark and number, padding apart. */
export const SHORTEST = NUMBER_AT + 8;

/** A frame of `size` bytes with the number 0. */
export function numberedFrame(size: number): Uint8Array {
  if (size < SHORTEST) throw new RangeError(`size: at least ${SHORTEST} bytes, not ${size}`);
  const data = new Uint8Array(size - MARK_AT);
  putBe32(data, 0, MARK);
  putBe32(data, 8, 0xffffffff);
  const packet = udpPacket({
    src: Uint8Array.of(10, 98, 0, 1),
    dst: Uint8Array.of(10, 98, 0, 2),
    srcPort: 40000,
    dstPort: 9,
    data,
  });
  const frame = new Uint8Array(size);
  ethernet.emit(frame, 0, {
    dst: Uint8Array.of(2, 0, 0, 0, 0, 0xfe),
    src: Uint8Array.of(2, 0, 0, 0, 0, 0xfd),
    type: 0x0800,
  });
  frame.set(packet, ethernet.HEADER_LENGTH);
  return frame;
}

/** Gives the frame at `at` its number. */
export function setNumber(bytes: Uint8Array, at: number, number: number): void {
  putBe32(bytes, at + NUMBER_AT, number);
  putBe32(bytes, at + NUMBER_AT + 4, ~number);
}

/** The number of the frame of `length` bytes at `at`; null where it is not numbered. */
export const numberOf = (bytes: Uint8Array, at: number, length: number): number | null =>
  length >= SHORTEST && be32(bytes, at + MARK_AT) === MARK ? be32(bytes, at + NUMBER_AT) : null;

/** A pcap file of numbered frames, ten microseconds apart. */
export function writeNumbered(path: string, frames: number, size: number): void {
  const fd = openSync(path, 'w');
  try {
    const head = new Uint8Array(24);
    putLe32(head, 0, 0xa1b2c3d4);
    putLe16(head, 4, 2);
    putLe16(head, 6, 4);
    putLe32(head, 16, 262144);
    putLe32(head, 20, 1);
    writeSync(fd, head);
    const record = new Uint8Array(16 + size);
    putLe32(record, 8, size);
    putLe32(record, 12, size);
    record.set(numberedFrame(size), 16);
    const rows = Math.max(1, Math.floor((1 << 20) / record.length));
    const chunk = new Uint8Array(rows * record.length);
    for (let row = 0; row < rows; row++) chunk.set(record, row * record.length);
    for (let first = 0; first < frames; first += rows) {
      const count = Math.min(rows, frames - first);
      for (let row = 0; row < count; row++) {
        const at = row * record.length;
        const number = first + row;
        putLe32(chunk, at, 1_700_000_000 + Math.floor(number / 100_000));
        putLe32(chunk, at + 4, (number % 100_000) * 10);
        setNumber(chunk, at + 16, number);
      }
      writeSync(fd, chunk, 0, count * record.length);
    }
  } finally {
    closeSync(fd);
  }
}
