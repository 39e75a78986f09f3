/** A program in words: a summary of what passes, then every instruction with what is tested and where it goes on. */
import { isForwardOnly, reachable, requiredLengths, successors } from './flow.ts';
import { mnemonicAndOperand } from './image.ts';
import { headersAt } from './naming.ts';
import { BPF_JEQ, BPF_K, BPF_RET, bpfClass, bpfOperation, bpfSource, isConditionalJump } from './opcodes.ts';
import type { BpfProgram } from './program.ts';
import { isAccept, isReject, sentence, testClauses } from './sentences.ts';
import { follow, START, type State, states } from './symbolic.ts';

export interface ExplainOptions {
  /** LINKTYPE_ value of the frames that the program is for. */
  linkType: number;
  /** The expression that the program was compiled from, to be quoted. */
  expression?: string;
  /** Columns. Default 80; at least 60 are used. */
  width?: number;
}

const LINK_NAMES: Readonly<Record<number, string>> = {
  0: 'BSD loopback packets',
  1: 'Ethernet frames',
  9: 'PPP frames',
  12: 'bare IP packets',
  14: 'bare IP packets',
  50: 'PPP frames',
  51: 'PPPoE frames',
  101: 'bare IP packets',
  105: '802.11 frames',
  108: 'BSD loopback packets',
  113: 'Linux cooked frames',
  127: '802.11 frames with radiotap',
  228: 'bare IPv4 packets',
  229: 'bare IPv6 packets',
  276: 'Linux cooked frames (v2)',
};

export const linkName = (linkType: number): string => LINK_NAMES[linkType] ?? `frames of link type ${linkType}`;

/** Breaks text at spaces into lines of `width` columns at most (a longer word stands alone). */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines;
}

/** The explanation, each line ended. */
export function explain(program: BpfProgram, { linkType, expression, width = 80 }: ExplainOptions): string {
  const columns = Math.max(width, 60);
  const before = states(program);
  const lines = summary(program, linkType, expression, columns);
  lines.push('');
  const IMAGE = 26;
  let context = '';
  const targets = jumpTargets(program);
  for (let index = 0; index < program.length; index++) {
    const state = before[index];
    if (index > 0 && bpfClass(program[index]!.code) !== BPF_RET && state !== undefined) {
      const here = contextOf(state, linkType);
      if (targets.has(index) || here !== context) lines.push('');
      if (here !== '' && here !== context) lines.push(`      ${here}:`);
      context = here;
    }
    const [mnemonic, operand] = mnemonicAndOperand(program[index]!, index);
    const image = `(${String(index).padStart(3, '0')}) ${`${mnemonic} ${operand}`.trim()}`;
    const text = wrap(sentence(program, index, state, linkType), columns - IMAGE);
    if (image.length >= IMAGE) lines.push(image, ...text.map((line) => ' '.repeat(IMAGE) + line));
    else lines.push(...text.map((line, row) => (row === 0 ? image : '').padEnd(IMAGE) + line));
  }
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

/** The instructions that some other than the one before them jumps to. */
function jumpTargets(program: BpfProgram): Set<number> {
  const targets = new Set<number>();
  program.forEach((instruction, index) => {
    for (const next of successors(instruction, index)) if (next !== index + 1) targets.add(next);
  });
  return targets;
}

/** The headers that are known to be there: `IPv4, TCP`. */
const contextOf = (state: State, linkType: number): string =>
  [
    ...new Set(
      headersAt(linkType, state.facts)
        .filter(({ isLink }) => !isLink)
        .map(({ header }) => header.name),
    ),
  ].join(', ');

/** How many ways through the program end in acceptance; beyond 2^53 they are counted roughly. */
function acceptingPaths(program: BpfProgram): number {
  const ways = new Float64Array(program.length);
  for (let index = program.length - 1; index >= 0; index--) {
    const instruction = program[index]!;
    if (bpfClass(instruction.code) === BPF_RET) ways[index] = isReject(instruction) ? 0 : 1;
    else for (const next of new Set(successors(instruction, index))) ways[index]! += ways[next]!;
  }
  return ways[0]!;
}

const MOST_WAYS = 12;

function summary(program: BpfProgram, linkType: number, expression: string | undefined, columns: number): string[] {
  const lines: string[] = [];
  const say = (text: string, hanging = ''): void => {
    wrap(text, columns - hanging.length).forEach((line, row) => {
      lines.push((row === 0 ? hanging : ' '.repeat(hanging.length)) + line);
    });
  };
  const count = `${program.length} instruction${program.length === 1 ? '' : 's'}`;
  say(`${expression === undefined ? 'A filter' : `'${expression}'`} for ${linkName(linkType)}: ${count}.`);

  const reached = reachable(program);
  const kept = new Set<number>();
  program.forEach((instruction, index) => {
    if (reached[index] && isAccept(instruction)) kept.add(instruction.k);
  });
  if (!isForwardOnly(program)) {
    say('It runs round a loop over a chain of headers, until it finds one of the wanted type or the chain ends.');
    return lines;
  }
  const ways = acceptingPaths(program);
  if (ways === 0) {
    say('It rejects every packet.');
    return lines;
  }
  const always = bpfClass(program[0]!.code) === BPF_RET;
  if (always) say('It accepts every packet.');
  else if (ways <= MOST_WAYS) {
    say(ways === 1 ? 'A packet passes when' : `A packet passes in one of ${ways} ways, when`);
    waysToAcceptance(program, linkType).forEach((way, index) => {
      say(way, ways === 1 ? '  - ' : `${String(index + 1).padStart(3)}. `);
    });
  } else
    say(
      `There are ${ways > 1e6 ? 'more than a million' : ways} ways through it to acceptance, too many to list; ` +
        'each is a row of the tests below.',
    );
  const shortest = requiredLengths(program)[0]!;
  if (shortest > 0 && Number.isFinite(shortest))
    say(`A packet of which fewer than ${shortest} bytes are there cannot pass: a load outside the packet rejects it.`);
  if (kept.size > 0) {
    const counts = [...kept].sort((one, other) => other - one).join(' or ');
    say(`Of a packet that passes, up to ${counts} byte${counts === '1' ? ' is' : 's are'} kept.`);
  }
  return lines;
}

/** Each accepting path as the conditions on it, in words. The caller has seen that they are few. */
function waysToAcceptance(program: BpfProgram, linkType: number): string[] {
  const hopeful = new Uint8Array(program.length);
  for (let index = program.length - 1; index >= 0; index--) {
    const instruction = program[index]!;
    hopeful[index] =
      bpfClass(instruction.code) === BPF_RET
        ? Number(!isReject(instruction))
        : Number(successors(instruction, index).some((next) => hopeful[next] === 1));
  }
  const ways: string[] = [];
  type Condition = { key: string; clause: string; isEquality: boolean };
  const walk = (index: number, state: State, conditions: readonly Condition[]): void => {
    const instruction = program[index]!;
    if (bpfClass(instruction.code) === BPF_RET) {
      ways.push(conditions.length === 0 ? 'no test says otherwise' : conditions.map(({ clause }) => clause).join(', '));
      return;
    }
    const branches = follow(program, index, state);
    const isTest = isConditionalJump(instruction.code) && instruction.jt !== instruction.jf;
    if (!isTest) {
      walk(branches[0]![0], branches[0]![1], conditions);
      return;
    }
    branches.forEach(([next, after], outcome) => {
      if (hopeful[next] === 0) return;
      const { code } = instruction;
      const key = state.a.key;
      const isEquality = bpfOperation(code) === BPF_JEQ && bpfSource(code) === BPF_K && outcome === 0;
      const clause = testClauses(instruction, state, linkType)[outcome]!;
      // "is TCP" makes "is not UDP" before it needless.
      const others = isEquality ? conditions.filter((condition) => condition.key !== key) : conditions;
      const needless = others.some((condition) => condition.key === key && condition.isEquality && outcome === 1);
      walk(next, after, needless ? others : [...others, { key, clause, isEquality }]);
    });
  };
  walk(0, START, []);
  return ways;
}
