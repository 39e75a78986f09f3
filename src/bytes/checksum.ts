/** The Internet checksum, RFC 1071: the ones' complement of the ones' complement sum of 16-bit big-endian words.
 *
 * `sum` can be continued over several pieces (a pseudo header, a header, a payload) as long as every piece but the last
 * has an even length. */

/** Adds the bytes from `at` up to `end` to a running sum (not yet folded). An odd last byte counts as the high half.
 * Exact for up to 2^37 bytes, since the running sum is a double. */
export function sum(bytes: Uint8Array, at: number, end: number, initial = 0): number {
  let total = initial;
  const even = end - ((end - at) & 1);
  for (; at < even; at += 2) total += (bytes[at]! << 8) | bytes[at + 1]!;
  if (at < end) total += bytes[at]! << 8;
  return total;
}

/** Folds a running sum into 16 bits with end-around carry. */
export function fold(total: number): number {
  while (total > 0xffff) total = (total % 0x10000) + Math.floor(total / 0x10000);
  return total;
}

/** The checksum of the bytes from `at` up to `end`: what a header's field must hold when the field itself counts as 0.
 * Over data that already holds a right checksum the result is 0. */
export const checksum = (bytes: Uint8Array, at: number, end: number, initial = 0): number =>
  ~fold(sum(bytes, at, end, initial)) & 0xffff;
