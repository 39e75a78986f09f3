import { parseIpv4, parseIpv6 } from '../../wire/address.ts';

/** What may stand for a field's value besides one value: several, of which each makes a packet, and one drawn for each
 * packet. */

/** Several values: a packet for each. */
export class Choice<T> {
  /** How many there are. */
  readonly count: number;
  readonly #at: (index: number) => T;

  constructor(count: number, at: (index: number) => T) {
    this.count = count;
    this.#at = at;
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.count; index++) yield this.#at(index);
  }
}

/** A value that is drawn anew for each packet, uniformly; between two numbers where they are given. */
export class Random {
  readonly least: number | undefined;
  readonly most: number | undefined;

  constructor(least?: number, most?: number) {
    this.least = least;
    this.most = most;
  }
}

/** Numbers of 0 to 2^32 - 1 for drawing. */
export type Draw = () => number;

/** Each of the values, one after the other; values that are choices themselves give theirs. */
export function each<T>(values: Iterable<T | Choice<T>>): Choice<T> {
  const parts = Array.from(values, (value) => (value instanceof Choice ? value : new Choice(1, () => value)));
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const starts: number[] = [];
  let start = 0;
  for (const part of parts) {
    starts.push(start);
    start += part.count;
  }
  return new Choice(total, (index) => {
    let part = parts.length - 1;
    while (starts[part]! > index) part--;
    let left = index - starts[part]!;
    for (const value of parts[part]!) if (left-- === 0) return value;
    throw new RangeError(`each: there is no value ${index}`);
  });
}

/** The whole numbers from `first` to `last`, both included. */
export function range(first: number, last: number, step = 1): Choice<number> {
  if (!(Number.isInteger(first) && Number.isInteger(last) && last >= first && Number.isInteger(step) && step > 0))
    throw new RangeError(`range: two whole numbers in order and a step above 0, not ${first}, ${last}, ${step}`);
  return new Choice(Math.floor((last - first) / step) + 1, (index) => first + index * step);
}

/** A random value for each packet; of numbers, one from `least` to `most`. */
export const random = (least?: number, most?: number): Random => new Random(least, most);

/** Most addresses that a network may stand for. */
const MOST_ADDRESSES = 1 << 24;

/** All addresses of a network in order, `10.0.0.0/30` or `2001:db8::/126`, the first and the last included. Bits of the
 * address behind the prefix are taken as 0. */
export function network(text: string): Choice<Uint8Array> {
  const match = /^([^/]+)\/(\d{1,3})$/.exec(text);
  const address = match && (parseIpv4(match[1]!) ?? parseIpv6(match[1]!));
  const prefix = match ? Number(match[2]) : 0;
  if (!address || prefix > address.length * 8)
    throw new RangeError(`network: '${text}' is no network; 10.0.0.0/30 and 2001:db8::/126 are`);
  const host = address.length * 8 - prefix;
  if (2 ** host > MOST_ADDRESSES) throw new RangeError(`network: '${text}' has more than ${MOST_ADDRESSES} addresses`);
  const base = address.slice();
  for (let bit = prefix; bit < base.length * 8; bit++) base[bit >> 3]! &= ~(0x80 >> (bit & 7));
  return new Choice(2 ** host, (index) => {
    const bytes = base.slice();
    for (let at = bytes.length - 1; index > 0; at--, index = Math.floor(index / 256)) bytes[at]! |= index & 255;
    return bytes;
  });
}
