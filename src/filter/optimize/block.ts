/** Optimization inside of a block: known values, short patterns, stores that nothing reads, tests whose result is known. */
import { NOP } from '../emit.ts';
import type { Block, Statement } from '../gencode/block.ts';
import {
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MISC,
  BPF_MSH,
  BPF_RET,
  BPF_ST,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOperation,
  bpfSource,
} from '../opcodes.ts';
import { A_ATOM, ATOMS, atomDefined, atomsUsed, uses, X_ATOM } from './atoms.ts';
import type { Flow, Node } from './flow.ts';
import { type Progress, progress, UNKNOWN, type Values } from './values.ts';

/** Brings a block into a simpler form. Of the blocks that jump within themselves only those come here in which every
 * jump is over loads of A (tags of live VLANs): they can be followed in a line. All blocks that lead to it have been through here. With `rewrite` false the
 * statements keep their meaning one by one, and only their values are followed. */
export function optimizeBlock(flow: Flow, node: Node, values: Values, state: Progress, rewrite: boolean): void {
  const { block } = node;
  const numbers = node.values;

  const [first, ...others] = node.inEdges;
  node.phantom = 0;
  if (first === undefined) numbers.fill(UNKNOWN);
  else {
    numbers.set(flow.nodeOf(first.from).values);
    for (const { from } of node.inEdges) node.phantom |= flow.nodeOf(from).phantom;
    // Where the ways here disagree about a register, nothing is known of it.
    for (const { from } of others) {
      const theirs = flow.nodeOf(from).values;
      for (let atom = 0; atom < ATOMS; atom++) if (numbers[atom] !== theirs[atom]) numbers[atom] = UNKNOWN;
    }
  }
  const a = numbers[A_ATOM]!;
  const x = numbers[X_ATOM]!;
  for (const statement of block.statements) values.apply(statement, node, rewrite);

  const useless =
    (node.usedOut === 0 && a !== UNKNOWN && numbers[A_ATOM] === a && x !== UNKNOWN && numbers[X_ATOM] === x) ||
    bpfClass(block.code) === BPF_RET;
  if (rewrite && useless) {
    if (block.statements.length > 0) {
      block.statements = [];
      progress(state);
    }
  } else {
    patterns(node, values, state);
    removeDeadStores(node, state);
  }
  node.operand = bpfSource(block.code) === BPF_K ? values.constant(block.k) : numbers[X_ATOM]!;
}

/** The first statement from `at` on that was not removed. */
function nextStatement(statements: readonly Statement[], at: number): number {
  while (at < statements.length && statements[at]!.code === NOP) at++;
  return at;
}

function patterns(node: Node, values: Values, state: Progress): void {
  const { block } = node;
  const { statements } = block;
  if (statements.length === 0) return;
  let last = statements[0]!;
  let at = 0;
  for (;;) {
    at = nextStatement(statements, at);
    const following = nextStatement(statements, at + 1);
    if (following >= statements.length) break;
    const here = statements[at]!;
    const next = statements[following]!;
    last = next;
    // st M[k], ldx M[k]: st M[k], tax
    if (here.code === BPF_ST && next.code === (BPF_LDX | BPF_MEM) && here.k === next.k) {
      progress(state);
      next.code = BPF_MISC | BPF_TAX;
    }
    // ld #k, tax: ldx #k, txa
    if (here.code === (BPF_LD | BPF_IMM) && next.code === (BPF_MISC | BPF_TAX)) {
      here.code = BPF_LDX | BPF_IMM;
      next.code = BPF_MISC | BPF_TXA;
      progress(state);
    }
    if (here.code === (BPF_LD | BPF_IMM)) constantIndex(node, statements, at, following, state);
    at = following;
  }
  compareDirectly(node, last, values, state);
  knownTest(node, values, state);
}

/** What the code generator makes for a field at a constant offset of the transport header,
 *
 *     ld #k ; ldxb 4*([n]&0xf) (or nothing) ; add x ; tax ; ld [x + m]
 *
 * becomes ldxb 4*([n]&0xf) ; ld [x + m + k], where nothing needs X or A afterwards. */
function constantIndex(node: Node, statements: Statement[], at: number, following: number, state: Progress): void {
  if (uses(node.usedOut, X_ATOM)) return;
  const isLength = statements[following]!.code === (BPF_LDX | BPF_MSH | BPF_B);
  const add = isLength ? nextStatement(statements, following + 1) : following;
  if (statements[add]?.code !== (BPF_ALU | BPF_ADD | BPF_X)) return;
  const tax = nextStatement(statements, add + 1);
  if (statements[tax]?.code !== (BPF_MISC | BPF_TAX)) return;
  const load = statements[nextStatement(statements, tax + 1)];
  if (load === undefined || bpfClass(load.code) !== BPF_LD || bpfMode(load.code) !== BPF_IND) return;
  load.k = (load.k + statements[at]!.k) >>> 0;
  statements[at]!.code = NOP;
  statements[add]!.code = NOP;
  statements[tax]!.code = NOP;
  node.phantom |= 1 << X_ATOM;
  progress(state);
}

/** Arithmetic just before a comparison with a constant moves into the comparison, where nothing needs A afterwards. */
function compareDirectly(node: Node, last: Statement, values: Values, state: Progress): void {
  const { block, usedOut, values: numbers } = node;
  if (block.code !== (BPF_JMP | BPF_JEQ | BPF_K) || uses(usedOut, A_ATOM)) return;
  const remove = (): void => {
    last.code = NOP;
    node.phantom |= 1 << A_ATOM;
    progress(state);
  };
  if (last.code === (BPF_ALU | BPF_SUB | BPF_X)) {
    const x = values.known(numbers[X_ATOM]!);
    if (x !== undefined) {
      // sub x, jeq #y: jeq #(x + y)
      block.k = (block.k + x) >>> 0;
      remove();
    } else if (block.k === 0) {
      // sub x, jeq #0: jeq x
      block.code = BPF_JMP | BPF_JEQ | BPF_X;
      remove();
    }
  } else if (last.code === (BPF_ALU | BPF_SUB | BPF_K)) {
    block.k = (block.k + last.k) >>> 0;
    remove();
  } else if (last.code === (BPF_ALU | BPF_AND | BPF_K) && block.k === 0) {
    // and #k, jeq #0: jset #k, the other way round
    block.k = last.k;
    block.code = BPF_JMP | BPF_JSET | BPF_K;
    remove();
    swapWays(block);
  }
}

function swapWays({ onTrue, onFalse }: Block): void {
  const target = onTrue.target;
  onTrue.target = onFalse.target;
  onFalse.target = target;
}

/** A test of which the result is known goes the same way in both cases. */
function knownTest({ block, values: numbers }: Node, values: Values, state: Progress): void {
  const { onTrue, onFalse } = block;
  if (block.code === (BPF_JMP | BPF_JSET | BPF_K)) {
    if (block.k === 0) onTrue.target = onFalse.target;
    if (block.k === 0xffffffff) onFalse.target = onTrue.target;
  }
  const x = values.known(numbers[X_ATOM]!);
  if (x !== undefined && bpfSource(block.code) === BPF_X) {
    block.code &= ~BPF_X;
    block.k = x;
  }
  const a = values.known(numbers[A_ATOM]!);
  if (a === undefined || bpfSource(block.code) !== BPF_K || bpfClass(block.code) !== BPF_JMP) return;
  const result = compare(bpfOperation(block.code), a, block.k);
  if (onTrue.target !== onFalse.target) progress(state);
  if (result) onFalse.target = onTrue.target;
  else onTrue.target = onFalse.target;
}

function compare(operation: number, a: number, k: number): boolean {
  switch (operation) {
    case BPF_JEQ:
      return a === k;
    case BPF_JGT:
      return a > k;
    case BPF_JGE:
      return a >= k;
    default:
      return (a & k) !== 0;
  }
}

/** Removes what writes an atom that is written again, or not read after the block, before it is read. */
function removeDeadStores(node: Node, state: Progress): void {
  const last: (Statement | null)[] = new Array(ATOMS).fill(null);
  const follow = (instruction: Statement | Block): void => {
    const used = atomsUsed(instruction);
    if (used !== 0) for (let atom = 0; atom < ATOMS; atom++) if (uses(used, atom)) last[atom] = null;
    const atom = atomDefined(instruction);
    if (atom < 0) return;
    const before = last[atom]!;
    if (before !== null) {
      before.code = NOP;
      progress(state);
    }
    last[atom] = instruction as Statement;
  };
  for (const statement of node.block.statements) follow(statement);
  follow(node.block);
  for (let atom = 0; atom < ATOMS; atom++) {
    const statement = last[atom];
    if (statement === null || statement === undefined || uses(node.usedOut, atom)) continue;
    statement.code = NOP;
    node.phantom |= 1 << atom;
    progress(state);
  }
}
