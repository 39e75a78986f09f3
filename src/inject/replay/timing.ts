/** How far from their time frames were sent: a histogram of nanoseconds, exact below 128, within one part in 64 above. */

const BITS = 6;
const STEPS = 1 << BITS;
const LINEAR = 2 * STEPS;
/** Powers of two above the linear part, up to 2^53. */
const BUCKETS = LINEAR + (53 - BITS - 1) * STEPS;

export interface TimingError {
  /** Nanoseconds; half, nine tenths, 99 hundredths of the frames were at most so late. */
  p50: number;
  p90: number;
  p99: number;
  max: number;
}

export class TimingHistogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;
  #max = 0;

  get total(): number {
    return this.#total;
  }

  /** `nanoseconds`: how late; less than nothing counts as nothing. */
  add(nanoseconds: number): void {
    const value = nanoseconds > 0 ? Math.floor(nanoseconds) : 0;
    if (value > this.#max) this.#max = value;
    this.#counts[bucketOf(value)]!++;
    this.#total++;
  }

  /** The largest value that `share` (0 to 1) of all are not above; 0 where there are none. */
  percentile(share: number): number {
    const rank = Math.max(1, Math.ceil(this.#total * share));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= rank) return Math.min(highestOf(bucket), this.#max);
    }
    return 0;
  }

  /** Null where nothing was counted. */
  summary(): TimingError | null {
    if (this.#total === 0) return null;
    return {
      p50: this.percentile(0.5),
      p90: this.percentile(0.9),
      p99: this.percentile(0.99),
      max: this.#max,
    };
  }
}

function bucketOf(value: number): number {
  if (value < LINEAR) return value;
  // Halved until it is below LINEAR: numbers go beyond the 32 bits of shifts.
  const exponent = Math.floor(Math.log2(value)) - BITS;
  const step = Math.min(LINEAR - 1, Math.max(STEPS, Math.floor(value / 2 ** exponent)));
  return Math.min(BUCKETS - 1, LINEAR + (exponent - 1) * STEPS + (step - STEPS));
}

function highestOf(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const exponent = Math.floor((bucket - LINEAR) / STEPS) + 1;
  const step = ((bucket - LINEAR) % STEPS) + STEPS;
  return (step + 1) * 2 ** exponent - 1;
}
