import { LITTLE_ENDIAN_HOST } from '../bytes/endian.ts';

/** Integers in host order, as the fields of the ABI's structures hold them (those marked __be16 and __be32 in the headers
 * are big-endian on every machine: `bytes/endian.ts`). The caller has checked that the bytes are there. */

const little = LITTLE_ENDIAN_HOST;

/** Unsigned 16 bits. */
export const hostU16 = (bytes: Uint8Array, at: number): number =>
  little ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;

/** Unsigned 32 bits. */
export const hostU32 = (bytes: Uint8Array, at: number): number => hostI32(bytes, at) >>> 0;

/** Signed 32 bits. */
export const hostI32 = (bytes: Uint8Array, at: number): number =>
  little
    ? bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    : (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;

/** Unsigned 64 bits. */
export const hostU64 = (bytes: Uint8Array, at: number): bigint => {
  const first = BigInt(hostU32(bytes, at));
  const second = BigInt(hostU32(bytes, at + 4));
  return little ? (second << 32n) | first : (first << 32n) | second;
};

/** Writes the low 16 bits. */
export const putHostU16 = (bytes: Uint8Array, at: number, value: number): void => {
  bytes[at] = little ? value : value >>> 8;
  bytes[at + 1] = little ? value >>> 8 : value;
};

/** Writes the low 32 bits; signed values too. */
export const putHostU32 = (bytes: Uint8Array, at: number, value: number): void => {
  if (little) {
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  } else {
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }
};

/** Writes the low 64 bits. */
export const putHostU64 = (bytes: Uint8Array, at: number, value: bigint): void => {
  const low = Number(value & 0xffffffffn);
  const high = Number((value >> 32n) & 0xffffffffn);
  putHostU32(bytes, at, little ? low : high);
  putHostU32(bytes, at + 4, little ? high : low);
};

/** A C `int`: the value of most socket options. */
export const int = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  putHostU32(bytes, 0, value);
  return bytes;
};
