/** Savefiles byte by byte, for tests: independent of the code under test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/[^0-9a-f]/gi, ''), 'hex'));
export const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));

/** Integers of a byte order. */
export interface Order {
  u16(value: number): Uint8Array;
  u32(value: number): Uint8Array;
  u64(value: bigint): Uint8Array;
}

const order = (little: boolean): Order => ({
  u16(value) {
    const bytes = new Uint8Array(2);
    new DataView(bytes.buffer).setUint16(0, value, little);
    return bytes;
  },
  u32(value) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, little);
    return bytes;
  },
  u64(value) {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, little);
    return bytes;
  },
});
export const LE = order(true);
export const BE = order(false);

export const filled = (length: number, value = 0x11): Uint8Array => new Uint8Array(length).fill(value);
export const padding = (bytes: Uint8Array): Uint8Array => concat(bytes, new Uint8Array((4 - (bytes.length % 4)) % 4));

export const pcapHeader = (
  o: Order,
  { magic = 0xa1b2c3d4, major = 2, minor = 4, snap = 65535, link = 1 } = {},
): Uint8Array => concat(o.u32(magic), o.u16(major), o.u16(minor), o.u32(0), o.u32(0), o.u32(snap), o.u32(link));
export const pcapRecord = (
  o: Order,
  seconds: number,
  fraction: number,
  bytes: Uint8Array,
  original = bytes.length,
): Uint8Array => concat(o.u32(seconds), o.u32(fraction), o.u32(bytes.length), o.u32(original), bytes);

export const block = (o: Order, type: number, ...body: Uint8Array[]): Uint8Array => {
  const inner = padding(concat(...body));
  const length = o.u32(inner.length + 12);
  return concat(o.u32(type), length, inner, length);
};
export const option = (o: Order, code: number, value: Uint8Array): Uint8Array =>
  concat(o.u16(code), o.u16(value.length), padding(value));
export const text = (value: string): Uint8Array => new TextEncoder().encode(value);
export const shb = (o: Order, ...options: Uint8Array[]): Uint8Array =>
  block(o, 0x0a0d0d0a, o.u32(0x1a2b3c4d), o.u16(1), o.u16(0), o.u64(0xffff_ffff_ffff_ffffn), ...options);
export const idb = (o: Order, link = 1, snap = 0, ...options: Uint8Array[]): Uint8Array =>
  block(o, 1, o.u16(link), o.u16(0), o.u32(snap), ...options);
export const epb = (o: Order, id: number, time: bigint, data: Uint8Array, ...options: Uint8Array[]): Uint8Array =>
  block(
    o,
    6,
    o.u32(id),
    o.u32(Number(time >> 32n)),
    o.u32(Number(time & 0xffff_ffffn)),
    o.u32(data.length),
    o.u32(data.length),
    padding(data),
    ...options,
  );

/** A folder that is gone after the file's tests. */
export function scratch(): (name: string) => string {
  const folder = mkdtempSync(join(tmpdir(), 'netlab-savefile-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => join(folder, name);
}

/** Random numbers from a seed (xorshift32), 0 up to `below`. */
export function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
