/** Times of pcapng: a 64-bit count of an interface's own unit (if_tsresol), plus whole seconds (if_tsoffset). */

/** What an interface description says about its times. */
export interface Resolution {
  /** The unit is 10 (or 2, where `binary`) to the power of minus this, in seconds. 0 to 127. */
  exponent: number;
  binary: boolean;
  offsetSeconds: number;
}

/** Microseconds, where a description says nothing. */
export const defaultResolution = (): Resolution => ({ exponent: 6, binary: false, offsetSeconds: 0 });

/** Decimal digits of a second that the unit tells apart; at most 9, as nobody here keeps more. */
export const digits = ({ exponent, binary }: Resolution): number =>
  Math.min(9, binary ? Math.ceil(exponent * Math.LOG10E * Math.LN2) : exponent);

/** Splits counts into seconds and nanoseconds, exactly, though a count of nanoseconds does not fit a double.
 *
 * The high word changes every 4.3 seconds (nanoseconds) or 72 minutes (microseconds), so what it is worth is worked out
 * once, with BigInt, and the low word is added in doubles. */
export class Times {
  /** The high word that the next three belong to; -1: none yet. */
  high = -1;
  /** Whole seconds of the high word, the offset included. */
  baseSeconds = 0;
  /** What is left of it, in units: less than a second. */
  baseUnits = 0;
  /** Nanoseconds a unit; 0 where that is no whole number, and `exact` must be used. */
  readonly nanosecondsPerUnit: number;
  /** A double: exact where `nanosecondsPerUnit` is not 0, for then it is 1,000,000,000 at most. */
  readonly unitsPerSecond: number;
  readonly #units: bigint;
  readonly #offset: number;
  /** Result of `exact`. */
  seconds = 0;
  nanoseconds = 0;

  constructor(resolution: Resolution) {
    this.#units = (resolution.binary ? 2n : 10n) ** BigInt(resolution.exponent);
    this.#offset = resolution.offsetSeconds;
    this.unitsPerSecond = Number(this.#units);
    this.nanosecondsPerUnit = 1_000_000_000n % this.#units === 0n ? 1e9 / this.unitsPerSecond : 0;
  }

  rebase(high: number): void {
    const count = BigInt(high) << 32n;
    this.high = high;
    this.baseSeconds = Number(count / this.#units) + this.#offset;
    this.baseUnits = Number(count % this.#units);
  }

  /** Any resolution, at the price of BigInt: leaves the result in `seconds` and `nanoseconds`. */
  exact(high: number, low: number): void {
    const count = (BigInt(high) << 32n) | BigInt(low);
    this.seconds = Number(count / this.#units) + this.#offset;
    this.nanoseconds = Number(((count % this.#units) * 1_000_000_000n) / this.#units);
  }

  at(high: number, low: number): { seconds: number; nanoseconds: number } {
    this.exact(high, low);
    return { seconds: this.seconds, nanoseconds: this.nanoseconds };
  }
}
