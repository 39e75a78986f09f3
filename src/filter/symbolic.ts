/** A program followed without a packet: what A, X and the scratch memory hold before each instruction, as expressions
 * over the packet's bytes, and what the tests on the way have shown of them. Explanations and drawings read from this. */

import { successors } from './flow.ts';
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_MEM,
  BPF_MISC,
  BPF_MSH,
  BPF_MUL,
  BPF_NEG,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TXA,
  BPF_X,
  bpfClass,
  bpfLoadBytes,
  bpfMode,
  bpfOperation,
  bpfSource,
  isConditionalJump,
  SKF_AD_OFF,
  SKF_AD_RANDOM,
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';

/** What a register holds. `key` is equal for equal expressions; `nodes` counts its parts. */
export type Expression = { readonly key: string; readonly nodes: number } & (
  | { readonly kind: 'load'; readonly size: number; readonly x: Expression | null; readonly k: number }
  | { readonly kind: 'header-length'; readonly k: number }
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'length' }
  | { readonly kind: 'ancillary'; readonly which: number }
  | { readonly kind: 'arithmetic'; readonly operation: number; readonly left: Expression; readonly right: Expression }
  /** Different on the paths that meet at an instruction, and the same from there on. */
  | { readonly kind: 'merged' }
  | { readonly kind: 'unknown' }
);

export const UNKNOWN: Expression = { kind: 'unknown', key: '?', nodes: 1 };
/** The register or cell `what` where several paths meet before instruction `index`. */
const merged = (index: number, what: string): Expression => ({ kind: 'merged', key: `${what}@${index}`, nodes: 1 });

/** Above this an expression says nothing to a reader, and repeated squaring would never end. */
const LARGEST_EXPRESSION = 16;

export const constant = (value: number): Expression => ({ kind: 'constant', value, key: `#${value}`, nodes: 1 });

export const load = (size: number, k: number, x: Expression | null = null): Expression =>
  x === UNKNOWN
    ? UNKNOWN
    : { kind: 'load', size, x, k, key: `${size}[${x ? `${x.key}+` : ''}${k}]`, nodes: 1 + (x?.nodes ?? 0) };

export const headerLength = (k: number): Expression => ({ kind: 'header-length', k, key: `msh[${k}]`, nodes: 1 });

export function arithmetic(operation: number, left: Expression, right: Expression): Expression {
  const nodes = left.nodes + right.nodes + 1;
  if (left.kind === 'constant' && right.kind === 'constant') {
    const value = folded(operation, left.value, right.value);
    if (value !== null) return constant(value);
  }
  if (left === UNKNOWN || right === UNKNOWN || nodes > LARGEST_EXPRESSION) return UNKNOWN;
  return { kind: 'arithmetic', operation, left, right, key: `(${left.key} ${operation} ${right.key})`, nodes };
}

/** The operations that compilers leave between constants where they do not optimize. */
function folded(operation: number, left: number, right: number): number | null {
  switch (operation) {
    case BPF_ADD:
      return (left + right) >>> 0;
    case BPF_SUB:
      return (left - right) >>> 0;
    case BPF_MUL:
      return Math.imul(left, right) >>> 0;
    case BPF_AND:
      return (left & right) >>> 0;
    default:
      return null;
  }
}

/** What is known of an expression: the values it can have, where they are few, and the largest. */
export interface Fact {
  readonly of: Expression;
  readonly values: ReadonlySet<number> | null;
  readonly largest: number;
}

export type Facts = ReadonlyMap<string, Fact>;

export interface State {
  readonly a: Expression;
  readonly x: Expression;
  readonly cells: ReadonlyMap<number, Expression>;
  readonly facts: Facts;
}

export const START: State = { a: constant(0), x: constant(0), cells: new Map(), facts: new Map() };

/** The state after an instruction that is neither a jump nor a return. */
export function step(state: State, { code, k }: BpfInstruction): State {
  switch (bpfClass(code)) {
    case BPF_LD:
      return { ...state, a: loaded(state, code, k) };
    case BPF_LDX:
      return { ...state, x: bpfMode(code) === BPF_MSH ? headerLength(k) : loaded(state, code, k) };
    case BPF_ST:
    case BPF_STX:
      return { ...state, cells: new Map(state.cells).set(k, bpfClass(code) === BPF_ST ? state.a : state.x) };
    case BPF_ALU:
      return {
        ...state,
        a: arithmetic(
          bpfOperation(code),
          state.a,
          bpfOperation(code) === BPF_NEG ? constant(0) : bpfSource(code) === BPF_X ? state.x : constant(k),
        ),
      };
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA) ? { ...state, a: state.x } : { ...state, x: state.a };
    default:
      return state;
  }
}

function loaded(state: State, code: number, k: number): Expression {
  switch (bpfMode(code)) {
    case BPF_IMM:
      return constant(k);
    case BPF_LEN:
      return { kind: 'length', key: 'length', nodes: 1 };
    case BPF_MEM:
      return state.cells.get(k) ?? UNKNOWN;
    case BPF_IND:
      // An index that is a number is an offset like any other.
      return state.x.kind === 'constant'
        ? load(bpfLoadBytes(code), state.x.value + k)
        : load(bpfLoadBytes(code), k, state.x);
    case BPF_ABS:
      if (k < SKF_AD_OFF) return load(bpfLoadBytes(code), k);
      // Two loads of a random number are two numbers.
      return k === SKF_AD_OFF + SKF_AD_RANDOM
        ? UNKNOWN
        : { kind: 'ancillary', which: k - SKF_AD_OFF, key: `anc${k - SKF_AD_OFF}`, nodes: 1 };
    default:
      return UNKNOWN;
  }
}

const NO_BOUND = 0xffffffff;

/** What the test at a conditional jump shows where it holds (`outcome` true) or fails; the facts before it otherwise. */
export function learn(state: State, { code, k }: BpfInstruction, outcome: boolean): State {
  const { a } = state;
  if (bpfSource(code) === BPF_X || a.kind === 'constant' || a === UNKNOWN) return state;
  const facts = new Map(state.facts);
  const before = facts.get(a.key) ?? { of: a, values: null, largest: NO_BOUND };
  const narrowed = (keep: (value: number) => boolean): ReadonlySet<number> | null =>
    before.values && new Set([...before.values].filter(keep));
  switch (bpfOperation(code)) {
    case BPF_JEQ:
      if (outcome) facts.set(a.key, { of: a, values: new Set([k]), largest: k });
      else if (before.values) facts.set(a.key, { ...before, values: narrowed((value) => value !== k) });
      break;
    case BPF_JGT:
    case BPF_JGE: {
      const bound = bpfOperation(code) === BPF_JGT ? k : k - 1;
      if (outcome) facts.set(a.key, { ...before, values: narrowed((value) => value > bound) });
      else
        facts.set(a.key, {
          of: a,
          values: narrowed((value) => value <= bound),
          largest: Math.min(before.largest, Math.max(bound, 0)),
        });
      break;
    }
    case BPF_JSET:
      if (!outcome) {
        const masked = arithmetic(BPF_AND, a, constant(k));
        if (masked !== UNKNOWN) facts.set(masked.key, { of: masked, values: new Set([0]), largest: 0 });
      }
      break;
  }
  return { ...state, facts };
}

/** More values than this are not worth listing. */
const MOST_VALUES = 16;

/** What holds on both of two paths that meet before instruction `index`. */
function join(one: State, other: State, index: number): State {
  const same = (left: Expression, right: Expression, what: string): Expression =>
    left.key === right.key ? left : merged(index, what);
  const cells = new Map<number, Expression>();
  for (const [cell, expression] of one.cells) {
    const there = other.cells.get(cell);
    if (there !== undefined) cells.set(cell, same(expression, there, `M[${cell}]`));
  }
  const facts = new Map<string, Fact>();
  for (const [key, fact] of one.facts) {
    const there = other.facts.get(key);
    if (there === undefined) continue;
    let values = fact.values && there.values ? new Set([...fact.values, ...there.values]) : null;
    if (values !== null && values.size > MOST_VALUES) values = null;
    const largest = Math.max(fact.largest, there.largest);
    if (values !== null || largest !== NO_BOUND) facts.set(key, { of: fact.of, values, largest });
  }
  return { a: same(one.a, other.a, 'A'), x: same(one.x, other.x, 'X'), cells, facts };
}

/** The states that follow an instruction, each with the index it is the state before. */
export function follow(program: BpfProgram, index: number, state: State): [next: number, state: State][] {
  const instruction = program[index]!;
  const next = successors(instruction, index);
  if (!isConditionalJump(instruction.code)) {
    const after = bpfClass(instruction.code) === BPF_JMP ? state : step(state, instruction);
    return next.map((target) => [target, after]);
  }
  return [
    [next[0]!, learn(state, instruction, true)],
    [next[1]!, learn(state, instruction, false)],
  ];
}

/** The state before each instruction; undefined for those that nothing reaches. Jumps back (libpcap's protochain) are
 * taken once: where they land, nothing is known of the registers. */
export function states(program: BpfProgram): (State | undefined)[] {
  const before: (State | undefined)[] = new Array(program.length);
  before[0] = START;
  const landings = new Set<number>();
  program.forEach((instruction, index) => {
    for (const next of successors(instruction, index)) if (next <= index) landings.add(next);
  });
  for (let index = 0; index < program.length; index++) {
    let state = before[index];
    if (state === undefined) continue;
    if (landings.has(index))
      before[index] = state = { ...state, a: merged(index, 'A'), x: merged(index, 'X'), cells: new Map() };
    for (const [next, after] of follow(program, index, state)) {
      if (next <= index) continue;
      const there = before[next];
      before[next] = there === undefined ? after : join(there, after, next);
    }
  }
  return before;
}
