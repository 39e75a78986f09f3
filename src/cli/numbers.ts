import { InvalidArgumentError } from 'commander';

/** Parsers for option values, for commander's third argument. Each throws what commander turns into a usage error that
 * names the option and the value. */

/** A whole number from `least` to `most`, in decimal or 0x. */
export const integer =
  (least: number, most: number = Number.MAX_SAFE_INTEGER, unit = '') =>
  (text: string): number => {
    const value = /^(\d+|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(range(least, most, 'a whole number', unit));
    return value;
  };

/** Seconds, fractions allowed; also 500ms, 90s, 5m, 2h. More than zero. */
export const seconds = (text: string): number => {
  const match = /^(\d+(?:\.\d*)?|\.\d+)(ms|s|m|h)?$/.exec(text);
  const value = match ? Number(match[1]) * { ms: 0.001, s: 1, m: 60, h: 3600 }[match[2] ?? 's']! : Number.NaN;
  // Timers count milliseconds in 31 bits; longer than 24 days is not a duration that they can wait.
  if (!(value > 0 && value * 1000 <= 0x7fffffff))
    throw new InvalidArgumentError(
      'It must be a number of seconds greater than 0 (or 500ms, 5m, 2h), at most 24 days.',
    );
  return value;
};

/** Counts how often a flag was given: -t to -ttttt, -x and -xx. */
export const counted =
  (most: number) =>
  (_: string | undefined, before: number | undefined): number =>
    Math.min((before ?? 0) + 1, most);

/** Collects the values of an option that may be given several times. */
export const collected = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

function range(least: number, most: number, what: string, unit: string): string {
  const of = unit ? ` of ${unit}` : '';
  if (most === Number.MAX_SAFE_INTEGER) return `It must be ${what}${of}, at least ${least}.`;
  return `It must be ${what}${of} from ${least} to ${most}.`;
}
