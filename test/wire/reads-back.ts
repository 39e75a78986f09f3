/** The property that every protocol with an emitter has: what is written reads back, `parse(emit(x))` is `x` for random `x`.
 * Emission goes to an odd offset of memory full of 0xa5, so that a byte that was not written shows, and so does one written
 * outside. */
import { describe, expect, it } from 'vitest';
import { isStop } from '../../src/wire/stop.ts';
import { random } from '../dissect/mutate.ts';

const SEED = Number(process.env['SEED'] ?? 1);
/** Values of each kind. */
const ROUNDS = 300;
/** Where they are written, with as many bytes behind that must stay as they are. */
const MARGIN = 3;

/** Draws values. */
export class Draw {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = random(seed);
  }

  /** From 0 up to `limit`, which is not drawn. */
  below = (limit: number): number => Math.floor(this.#next() * limit);
  /** The edges more often than what is between. */
  bits = (count: number): number => {
    const kind = this.below(8);
    if (kind === 0) return 0;
    if (kind === 1) return 2 ** count - 1;
    return Math.floor(this.#next() * 2 ** count);
  };
  bool = (): boolean => this.below(2) === 1;
  bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => this.below(256));
  pick = <T>(values: readonly T[]): T => values[this.below(values.length)]!;
  list = <T>(most: number, one: () => T): T[] => Array.from({ length: this.below(most + 1) }, one);
  /** Text without zeros, a byte a character. */
  text = (most: number): string => String.fromCharCode(...this.list(most, () => 1 + this.below(255)));
  name = (): string => this.list(4, () => this.pick(['a', 'www', 'example', 'x\\.y', '\\000\\255', 'org'])).join('.');
}

export interface Case<T> {
  draw: (d: Draw) => T;
  /** Bytes that the value takes. */
  length: (value: T) => number;
  emit: (bytes: Uint8Array, at: number, end: number, value: T) => number;
  parse: (bytes: Uint8Array, at: number, end: number, value: T) => object;
  /** What is read, where the value does not say all of it (checksums and lengths that are computed). */
  read?: (value: T) => object;
  /** A shorter piece may be whole in itself (a list of values, text, payload). */
  open?: true;
}

/** Names a case, with its type checked. */
export const of = <T extends object>(name: string, value: Case<T>): [string, Case<T>] => [name, value];
export const fixed = (length: number) => (): number => length;
/** `emit` without an end. */
export const headerOf =
  <T>(emit: (bytes: Uint8Array, at: number, value: T) => number) =>
  (bytes: Uint8Array, at: number, _: number, value: T): number =>
    emit(bytes, at, value);

export const mac = (d: Draw): Uint8Array => d.bytes(6);
export const ip4 = (d: Draw): Uint8Array => d.bytes(4);
export const ip6 = (d: Draw): Uint8Array => d.bytes(16);
export const words = (d: Draw, most: number, unit = 4): Uint8Array => d.bytes(d.below(most + 1) * unit);

/** The tests of such cases, made by `of`. */
export function readsBack(kind: string, list: readonly unknown[]): void {
  const cases = list as [string, Case<object>][];
  describe(`what is written reads back: ${kind} (SEED=${SEED})`, () => {
    it.each(cases)('%s', (_, { draw, length, emit, parse, open }) => {
      const d = new Draw(SEED);
      for (let round = 0; round < ROUNDS; round++) {
        const value = draw(d);
        const size = length(value);
        const bytes = new Uint8Array(size + 2 * MARGIN).fill(0xa5);
        const end = emit(bytes, MARGIN, MARGIN + size, value);
        expect(end, 'the offset behind what was written').toBe(MARGIN + size);
        expect(parse(bytes, MARGIN, end, value)).toEqual(value);
        for (let i = 0; i < MARGIN; i++)
          expect([bytes[i], bytes[size + MARGIN + i]], 'bytes outside').toEqual([165, 165]);
        // The same in memory full of other bytes: each byte was written.
        const other = new Uint8Array(bytes.length).fill(0x5a);
        emit(other, MARGIN, MARGIN + size, value);
        expect(Buffer.compare(other.subarray(MARGIN, end), bytes.subarray(MARGIN, end)), 'all bytes are written').toBe(
          0,
        );
        // A shorter piece is a stop, or a value of its own; never a throw.
        const shorter = parse(bytes, MARGIN, MARGIN + d.below(size), value);
        if (!open && size > 0) expect(isStop(shorter)).toBe(true);
      }
    });

    it.each(cases)('%s: any bytes are a value or a stop within them', (_, { draw, parse }) => {
      const d = new Draw(SEED + 1);
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = d.bytes(d.below(120));
        const result = parse(bytes, 0, bytes.length, draw(d));
        if (!isStop(result)) continue;
        expect(result.offset).toBeGreaterThanOrEqual(0);
        expect(result.offset).toBeLessThanOrEqual(bytes.length);
        expect(result.available).toBeGreaterThanOrEqual(0);
      }
    });
  });
}
