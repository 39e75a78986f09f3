/** The expressions that compilers are compared over: written by hand, drawn from the grammar, and damaged ones. */
import { readFileSync } from 'node:fs';
import { namesFrom } from '../../../src/filter/compile.ts';
import { damage, randomExpression } from './grammar.ts';
import type { Dice } from './random-programs.ts';

export interface Sample {
  /** DLT_ value, as libpcap's compiler takes it. */
  linkType: number;
  expression: string;
}

/** The hand-written list, data/expressions.txt. */
export function handWritten(): Sample[] {
  const samples: Sample[] = [];
  let linkType = 1;
  for (const line of readFileSync(new URL('../data/expressions.txt', import.meta.url), 'utf8').split('\n')) {
    const change = /^# link (\d+)$/.exec(line);
    if (change) linkType = Number(change[1]);
    else if (line !== '' && !line.startsWith('#')) samples.push({ linkType, expression: line });
  }
  return samples;
}

// Ethernet is what most filters are for.
const LINK_TYPES = [1, 1, 1, 1, 1, 1, 12, 0, 113, 276, 9, 105, 127];

export function generated(dice: Dice, count: number): Sample[] {
  return Array.from({ length: count }, () => {
    const linkType = dice.pick(LINK_TYPES);
    return { linkType, expression: randomExpression(dice, linkType, 3) };
  });
}

export const damaged = (dice: Dice, samples: readonly Sample[], count: number): Sample[] =>
  Array.from({ length: count }, () => {
    const { linkType, expression } = dice.pick(samples);
    return { linkType, expression: damage(dice, expression) };
  });

/** DLT_RAW is 12 in libpcap on Linux, and LINKTYPE_RAW is 101 in files and in netlab. */
export const netlabLinkType = (linkType: number): number => (linkType === 12 ? 101 : linkType);

/** The names that libpcap finds in this machine's files. */
export const systemNames = namesFrom((file) => {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
});
