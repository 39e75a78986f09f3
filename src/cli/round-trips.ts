/** What ping says of round-trip times at its end. */
export interface RoundTrips {
  least: number;
  mean: number;
  most: number;
  /** Standard deviation, as iputils' mdev. */
  deviation: number;
}

/** In milliseconds; null where there is none. */
export function statisticsOf(times: readonly number[]): RoundTrips | null {
  if (times.length === 0) return null;
  let sum = 0;
  let squares = 0;
  let least = Number.POSITIVE_INFINITY;
  let most = 0;
  for (const time of times) {
    sum += time;
    squares += time * time;
    least = Math.min(least, time);
    most = Math.max(most, time);
  }
  const mean = sum / times.length;
  return { least, mean, most, deviation: Math.sqrt(Math.max(0, squares / times.length - mean * mean)) };
}

/** `, rtt min/avg/max/mdev = 0.045/0.062/0.080/0.011 ms`; '' where there is none. */
export function roundTrips(times: readonly number[]): string {
  const found = statisticsOf(times);
  return found === null ? '' : `, rtt min/avg/max/mdev = ${rttOf(found)} ms`;
}

export const rttOf = ({ least, mean, most, deviation }: RoundTrips): string =>
  [least, mean, most, deviation].map((value) => value.toFixed(3)).join('/');
