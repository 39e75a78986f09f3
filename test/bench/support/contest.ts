/** Contestants measured side by side, and how the outcome is told: medians, the spread, ratios, goals. */

/** What one round of one contestant gave, by the figure's name. */
export type Sample = Record<string, number>;

export interface Contestant {
  name: string;
  /** Why it cannot take part (it is not installed, say); null: it can. */
  missing?: string | null;
  round(): Promise<Sample>;
}

export type Unit = 'rate' | 'seconds' | 'bytes' | 'count';

export interface Figure {
  name: string;
  unit: Unit;
}

/** What is to be reached: a ratio of medians, the same value in every round, or less than a value in every round. */
export type Goal =
  | { figure: string; contestant: string; against: string; atLeast?: number; atMost?: number }
  | { figure: string; contestant: string; always: number }
  | { figure: string; contestant: string; under: number };

export interface Section {
  title: string;
  figures: Figure[];
  results: { name: string; missing: string | null; samples: Sample[] }[];
  goals: Goal[];
  /** What the reader should know beside the table. */
  notes: string[];
}

export interface ContestOptions {
  title: string;
  figures: Figure[];
  contestants: Contestant[];
  rounds: number;
  /** Rounds before those that count (to warm the page cache). Default 1. */
  warmUp?: number;
  goals?: Goal[];
  notes?: string[];
  /** Called before each round of a contestant, with words for a person who waits. */
  progress?: (text: string) => void;
}

/** Lets the contestants run in turns: A B C, B C A, C A B and so on, so that what else the machine does meets all. */
export async function contest(options: ContestOptions): Promise<Section> {
  const results = options.contestants.map(({ name, missing }) => ({
    name,
    missing: missing ?? null,
    samples: [] as Sample[],
  }));
  const present = options.contestants.map((_, index) => index).filter((index) => results[index]!.missing === null);
  const warmUp = options.warmUp ?? 1;
  for (let round = -warmUp; round < options.rounds; round++)
    for (let turn = 0; turn < present.length; turn++) {
      const index = present[(turn + round + warmUp) % present.length]!;
      const name = results[index]!.name;
      options.progress?.(`${options.title}: ${name}, ${round < 0 ? 'warm-up' : `${round + 1} of ${options.rounds}`}`);
      const sample = await options.contestants[index]!.round();
      if (round >= 0) results[index]!.samples.push(sample);
    }
  return {
    title: options.title,
    figures: options.figures,
    results,
    goals: options.goals ?? [],
    notes: options.notes ?? [],
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The figure's values in the rounds that gave one. */
const valuesOf = (section: Section, contestant: string, figure: string): number[] =>
  section.results
    .find(({ name }) => name === contestant)!
    .samples.map((sample) => sample[figure])
    .filter((value) => value !== undefined);

const scaled = (value: number): string => {
  for (const [size, suffix] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ] as const)
    if (Math.abs(value) >= size) return (value / size).toPrecision(3) + suffix;
  return value.toPrecision(3);
};

const WORDS: Record<Unit, (value: number) => string> = {
  rate: (value) => `${scaled(value)}/s`,
  seconds: (value) =>
    value >= 1
      ? `${value.toPrecision(3)} s`
      : value >= 1e-3
        ? `${(value * 1e3).toPrecision(3)} ms`
        : value >= 1e-6
          ? `${(value * 1e6).toPrecision(3)} µs`
          : `${(value * 1e9).toPrecision(3)} ns`,
  bytes: (value) => `${(value / (1 << 20)).toFixed(1)} MiB`,
  count: (value) => Math.round(value).toLocaleString('en-US'),
};

/** The section as lines for a terminal: median, and in brackets the least and the most. */
export function render(section: Section): string {
  const rows = [['', ...section.figures.map(({ name }) => name)]];
  for (const { name, missing } of section.results) {
    if (missing !== null) continue;
    const cells = section.figures.map((figure) => {
      const values = valuesOf(section, name, figure.name);
      if (values.length === 0) return '-';
      const words = WORDS[figure.unit];
      const low = words(Math.min(...values));
      const high = words(Math.max(...values));
      return low === high ? low : `${words(median(values))} [${low}, ${high}]`;
    });
    rows.push([name, ...cells]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = [section.title];
  for (const row of rows)
    lines.push(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('   ')}`.trimEnd());
  for (const { name, missing } of section.results)
    if (missing !== null) lines.push(`  ${name}: not measured: ${missing}`);
  for (const goal of section.goals) lines.push(`  ${judge(section, goal).words}`);
  for (const note of section.notes) lines.push(`  note: ${note}`);
  return lines.join('\n');
}

/** Whether a goal was reached; null where it could not be measured. */
export function judge(section: Section, goal: Goal): { ratio: number | null; reached: boolean | null; words: string } {
  const one = valuesOf(section, goal.contestant, goal.figure);
  if ('always' in goal) {
    const words = `goal: ${goal.contestant}'s ${goal.figure} always ${goal.always.toLocaleString('en-US')}`;
    if (one.length === 0) return { ratio: null, reached: null, words: `${words}: could not be measured` };
    const reached = one.every((value) => value === goal.always);
    return { ratio: null, reached, words: `${words}: ${reached ? 'reached' : 'NOT reached'}` };
  }
  if ('under' in goal) {
    const { unit } = section.figures.find(({ name }) => name === goal.figure)!;
    const words = `goal: ${goal.contestant}'s ${goal.figure} always under ${WORDS[unit](goal.under)}`;
    if (one.length === 0) return { ratio: null, reached: null, words: `${words}: could not be measured` };
    const most = Math.max(...one);
    const reached = most < goal.under;
    return { ratio: null, reached, words: `${words}: ${WORDS[unit](most)}, ${reached ? 'reached' : 'NOT reached'}` };
  }
  const bound = goal.atLeast !== undefined ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
  const words = `goal: ${goal.contestant}'s ${goal.figure} ${bound} times ${goal.against}'s`;
  const other = valuesOf(section, goal.against, goal.figure);
  if (one.length === 0 || other.length === 0)
    return { ratio: null, reached: null, words: `${words}: could not be measured` };
  const ratio = median(one) / median(other);
  const reached = ratio >= (goal.atLeast ?? 0) && ratio <= (goal.atMost ?? Number.POSITIVE_INFINITY);
  return { ratio, reached, words: `${words}: ${ratio.toFixed(2)}, ${reached ? 'reached' : 'NOT reached'}` };
}
