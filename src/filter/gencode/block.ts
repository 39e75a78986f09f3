/** The control flow that gencode builds and the optimizer rewrites: blocks of statements that each end in a test (two
 * ways on) or in a return (none). */
import { BPF_JMP, BPF_K, BPF_RET } from '../opcodes.ts';

/** One instruction inside a block. A few blocks (802.11 header lengths, live VLAN tags, header chains) jump within
 * themselves: such a statement names the statements that it goes to; null is the test at the block's end. */
export class Statement {
  code: number;
  /** Operand, 0 to 2^32 - 1. */
  k: number;
  jt: Statement | null = null;
  jf: Statement | null = null;

  constructor(code: number, k = 0) {
    this.code = code;
    this.k = k >>> 0;
  }
}

/** One of the two ways on from a block. `target` is null until gencode knows it, and in returns. */
export class Edge {
  readonly from: Block;
  target: Block | null = null;

  constructor(from: Block) {
    this.from = from;
  }
}

export class Block {
  statements: Statement[];
  /** The test, or the return. */
  code: number;
  k: number;
  readonly onTrue = new Edge(this);
  readonly onFalse = new Edge(this);
  /** Number in the optimizer's tables. */
  id = -1;

  constructor(code: number, k = 0, statements: Statement[] = []) {
    this.code = code;
    this.k = k >>> 0;
    this.statements = statements;
  }
}

/** A piece of control flow with one way in and two kinds of ways out that are not joined to anything yet. */
export interface Condition {
  readonly head: Block;
  whenTrue: Edge[];
  whenFalse: Edge[];
}

/** A test of one block: `code` is one of the conditional jumps without its class (BPF_JEQ | BPF_X …). */
export function test(code: number, k: number, statements: Statement[]): Condition {
  const head = new Block(BPF_JMP | code, k, statements);
  return { head, whenTrue: [head.onTrue], whenFalse: [head.onFalse] };
}

export const returnBlock = (k: number): Block => new Block(BPF_RET | BPF_K, k);

export function join(edges: readonly Edge[], target: Block): void {
  for (const edge of edges) edge.target = target;
}

/** Both lists in one; the longer one is reused, so that a chain of n operands costs n. */
function concat(a: Edge[], b: Edge[]): Edge[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  for (const edge of short) long.push(edge);
  return long;
}

/** True where `a` is true and then `b` is. The operands are used up, as by `or` and `not`. */
export function and(a: Condition, b: Condition): Condition {
  join(a.whenTrue, b.head);
  return { head: a.head, whenTrue: b.whenTrue, whenFalse: concat(a.whenFalse, b.whenFalse) };
}

export function or(a: Condition, b: Condition): Condition {
  join(a.whenFalse, b.head);
  return { head: a.head, whenTrue: concat(a.whenTrue, b.whenTrue), whenFalse: b.whenFalse };
}

export const not = (a: Condition): Condition => ({ head: a.head, whenTrue: a.whenFalse, whenFalse: a.whenTrue });

/** `first and second and …`, in this order. */
export const all = (first: Condition, ...rest: readonly Condition[]): Condition => rest.reduce(and, first);

/** `first or second or …`, in this order. */
export const any = (first: Condition, ...rest: readonly Condition[]): Condition => rest.reduce(or, first);
