/** What a program did with one packet: the instructions that it came to, the values that it loaded, and the test that
 * decided. */
import type { Ancillary } from './ancillary.ts';
import { wrap } from './explain.ts';
import { successors } from './flow.ts';
import { mnemonicAndOperand } from './image.ts';
import { nameOf } from './naming.ts';
import {
  BPF_ALU,
  BPF_DIV,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_RET,
  BPF_ST,
  BPF_STX,
  BPF_TXA,
  BPF_X,
  bpfClass,
  bpfLoadBytes,
  bpfMode,
  bpfOperation,
  bpfSource,
  isConditionalJump,
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';
import { testClauses } from './sentences.ts';
import { learn, START, type State, step } from './symbolic.ts';
import { run, type Semantics } from './vm.ts';

export interface TraceOptions {
  linkType: number;
  /** Default 'libpcap', since the packets come from savefiles. */
  semantics?: Semantics;
  ancillary?: Ancillary;
}

/** An instruction that ran. */
export interface TraceStep {
  readonly index: number;
  /** The registers after it, unsigned. */
  readonly a: number;
  readonly x: number;
  /** What it found, in words. */
  readonly text: string;
}

export interface Trace {
  /** Bytes to keep; 0: rejected. */
  readonly verdict: number;
  readonly steps: readonly TraceStep[];
  /** What held on the way, a clause for each test, those that a later one makes needless left out. */
  readonly conditions: readonly string[];
  /** Why the program ended as it did, one clause. */
  readonly reason: string;
  /** The instruction that decided: the last test, or the load that ended it. */
  readonly decidedAt: number;
}

/** Steps that are told; a program that loops (libpcap's protochain) could have more. */
const MOST_STEPS = 10_000;

/** Whether a conditional jump's test holds. */
function holds({ code, k }: BpfInstruction, a: number, x: number): boolean {
  const right = bpfSource(code) === BPF_X ? x : k;
  switch (bpfOperation(code)) {
    case BPF_JEQ:
      return a === right;
    case BPF_JGT:
      return a > right;
    case BPF_JGE:
      return a >= right;
    default:
      return (a & right) !== 0;
  }
}

/** Runs `program` over a packet (see `run`) and tells what it did. */
export function trace(
  program: BpfProgram,
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  originalLength: number,
  { linkType, semantics = 'libpcap', ancillary }: TraceOptions,
): Trace {
  const steps: TraceStep[] = [];
  const conditions: { key: string; clause: string; isEquality: boolean }[] = [];
  let state: State = START;
  let next = 0;
  let decidedAt = 0;
  let a = 0;
  let x = 0;
  const verdict = run(
    program,
    bytes,
    offset,
    capturedLength,
    originalLength,
    ancillary,
    semantics,
    (index, nowA, nowX) => {
      const instruction = program[index]!;
      a = nowA;
      x = nowX;
      if (steps.length >= MOST_STEPS) return;
      const outcome = isConditionalJump(instruction.code) && holds(instruction, a, x);
      steps.push({ index, a, x, text: stepText(instruction, state, linkType, a, x, outcome) });
      if (isConditionalJump(instruction.code)) {
        const isEquality =
          bpfOperation(instruction.code) === BPF_JEQ && bpfSource(instruction.code) === BPF_K && outcome;
        const key = state.a.key;
        if (isEquality) drop(conditions, key);
        if (!conditions.some((condition) => condition.key === key && condition.isEquality))
          conditions.push({ key, clause: testClauses(instruction, state, linkType)[outcome ? 0 : 1], isEquality });
        decidedAt = index;
        state = learn(state, instruction, outcome);
        next = successors(instruction, index)[outcome ? 0 : 1]!;
      } else {
        state = step(state, instruction);
        next = successors(instruction, index)[0] ?? -1;
      }
    },
  );
  let reason = conditions.at(-1)?.clause ?? 'no test stands before the return';
  if (next >= 0) {
    // The program ended in the middle: a load outside the packet, or a division by zero.
    const instruction = program[next]!;
    decidedAt = next;
    reason = whyEnded(instruction, capturedLength, originalLength, x);
    steps.push({ index: next, a, x, text: reason });
  }
  return { verdict, steps, conditions: conditions.map(({ clause }) => clause), reason, decidedAt };
}

/** The instructions that a packet comes to, as a string with one UTF-16 unit for each: equal for packets that take the same
 * path, and some hundred times cheaper than a trace. The verdict follows it, as decimal digits. */
export function pathKey(
  program: BpfProgram,
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  originalLength: number,
  { semantics = 'libpcap', ancillary }: Pick<TraceOptions, 'semantics' | 'ancillary'> = {},
): string {
  let path = '';
  const verdict = run(program, bytes, offset, capturedLength, originalLength, ancillary, semantics, (index) => {
    path += String.fromCharCode(index);
  });
  return `${path}${verdict}`;
}

function drop(conditions: { key: string }[], key: string): void {
  for (let index = conditions.length - 1; index >= 0; index--)
    if (conditions[index]!.key === key) conditions.splice(index, 1);
}

function whyEnded(instruction: BpfInstruction, capturedLength: number, originalLength: number, x: number): string {
  const { code, k } = instruction;
  if (bpfClass(code) === BPF_ALU && (bpfOperation(code) === BPF_DIV || bpfOperation(code) === BPF_MOD))
    return 'X is 0, and dividing by it rejects the packet';
  const indexed = bpfClass(code) === BPF_LD && bpfMode(code) === 0x40;
  if (!indexed && k > 0x7fffffff) return 'this asks the kernel for something that a savefile does not hold';
  const from = indexed ? x + k : k;
  const end = from + bpfLoadBytes(code);
  const there =
    capturedLength < originalLength
      ? `only ${capturedLength} of the packet's ${originalLength} bytes were captured`
      : `the packet has only ${capturedLength} bytes`;
  return bpfLoadBytes(code) === 1
    ? `byte ${from} is needed, and ${there}`
    : `bytes ${from} to ${end - 1} are needed, and ${there}`;
}

function stepText(
  instruction: BpfInstruction,
  state: State,
  linkType: number,
  a: number,
  x: number,
  outcome: boolean,
): string {
  const { code, k } = instruction;
  const after = isConditionalJump(code) ? state : step(state, instruction);
  const number = (value: number): string => (value < 10 ? `${value}` : `${value} (0x${value.toString(16)})`);
  /** `the Ethernet type is IPv4 (0x0800)`. */
  const says = (expression: State['a'], register: 'A' | 'X', value: number): string => {
    const name = nameOf(expression, linkType, state.facts, register);
    if (name.text === register || expression.kind === 'constant') return `${register} = ${number(value)}`;
    return `${register} = ${name.value(value)}: ${name.text}`;
  };
  switch (bpfClass(code)) {
    case BPF_LD:
    case BPF_ALU:
      return says(after.a, 'A', a);
    case BPF_LDX:
      return bpfMode(code) === BPF_MSH ? `${says(after.x, 'X', x)}, in bytes` : says(after.x, 'X', x);
    case BPF_ST:
      return `M[${k}] = ${number(a)}`;
    case BPF_STX:
      return `M[${k}] = ${number(x)}`;
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA) ? `A = X = ${number(x)}` : `X = A = ${number(a)}`;
    case BPF_JMP:
      if (!isConditionalJump(code)) return 'go on';
      return `${outcome ? 'yes' : 'no'}: ${testClauses(instruction, state, linkType)[outcome ? 0 : 1]}`;
    case BPF_RET:
      return a === 0 && code !== (BPF_RET | BPF_K) ? 'A is 0: rejected' : k === 0 ? 'rejected' : 'accepted';
    default:
      return '';
  }
}

/** The path of a packet, a line an instruction, and the reason below; each line ended. */
export function traceText(program: BpfProgram, result: Trace, width = 80): string {
  const IMAGE = 26;
  const columns = Math.max(width, 60);
  const lines: string[] = [];
  for (const { index, text } of result.steps) {
    const [mnemonic, operand] = mnemonicAndOperand(program[index]!, index);
    const image = `(${String(index).padStart(3, '0')}) ${`${mnemonic} ${operand}`.trim()}`;
    const wrapped = wrap(text, columns - IMAGE);
    if (image.length >= IMAGE) lines.push(image, ...wrapped.map((line) => ' '.repeat(IMAGE) + line));
    else lines.push(...wrapped.map((line, row) => (row === 0 ? image : '').padEnd(IMAGE) + line));
  }
  const outcome = result.verdict === 0 ? 'No match' : `Match (up to ${result.verdict} bytes are kept)`;
  lines.push(
    '',
    ...wrap(`${outcome}, decided at (${String(result.decidedAt).padStart(3, '0')}): ${result.reason}.`, columns),
  );
  const others = result.conditions.filter((clause) => clause !== result.reason);
  if (others.length > 0) lines.push(...wrap(`Before that: ${others.join(', ')}.`, columns));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
