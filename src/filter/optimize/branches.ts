/** Optimization of where branches go. */
import type { Block, Edge } from '../gencode/block.ts';
import { BPF_JEQ, BPF_JMP, BPF_K } from '../opcodes.ts';
import { A_ATOM, ATOMS, atomDefined, uses } from './atoms.ts';
import type { EdgeTree } from './edge-tree.ts';
import type { Flow } from './flow.ts';
import { type Progress, progress } from './values.ts';

/** True where going from `from` straight to `to` would hand over another value of something that is read from there on
 * than `to` leaves. */
function conflicts(flow: Flow, from: Block, to: Block): boolean {
  const { usedOut, values } = flow.nodeOf(to);
  if (usedOut === 0) return false;
  const { values: before, phantom } = flow.nodeOf(from);
  if ((usedOut & phantom) !== 0) return true;
  for (let atom = 0; atom < ATOMS; atom++) if (uses(usedOut, atom) && before[atom] !== values[atom]) return true;
  return false;
}

/** Where the test of `block` must go when `edge` was taken on the way to it; null where that is not known. */
function implied(flow: Flow, block: Block, edge: Edge): Block | null {
  const { from } = edge;
  if (block.code !== from.code) return null;
  const here = flow.nodeOf(block);
  const there = flow.nodeOf(from);
  if (here.values[A_ATOM] !== there.values[A_ATOM]) return null;
  const taken = edge === from.onTrue;
  // The same test again.
  if (here.operand === there.operand) return taken ? block.onTrue.target : block.onFalse.target;
  // A was equal to another constant.
  if (taken && block.code === (BPF_JMP | BPF_JEQ | BPF_K)) return block.onFalse.target;
  return null;
}

/** Moves an edge past the blocks whose outcome is known on the way along it. */
export function shorten(flow: Flow, tree: EdgeTree, edge: Edge, state: Progress): void {
  const isReturn = (block: Block): boolean => block.onTrue.target === null;
  let target = edge.target!;
  if (isReturn(target)) return;
  if (target.onTrue.target === target.onFalse.target && !conflicts(flow, edge.from, target.onTrue.target!)) {
    progress(state);
    edge.target = target = target.onTrue.target!;
  }
  for (;;) {
    const test = edge.target!;
    const next = tree.first(edge, test, (dominator) => {
      const candidate = implied(flow, test, dominator);
      return candidate === null || conflicts(flow, edge.from, candidate) ? null : candidate;
    });
    if (next === null) return;
    state.changed = true;
    edge.target = next;
    if (isReturn(next)) return;
  }
}

/** True where later blocks load what this one stores: they must not see it when they came there without this block.
 * (libpcap does not look, and so gets live captures wrong that say `ip or vlan and ip`.) */
function storesForLater(flow: Flow, block: Block): boolean {
  const { usedOut } = flow.nodeOf(block);
  return block.statements.some((statement) => {
    const atom = atomDefined(statement);
    return atom >= 0 && atom < A_ATOM && uses(usedOut, atom);
  });
}

/** A chain of tests of which one further down tests the same value as `block`, with others between: pulls that one up, so
 * that the value is loaded once. `way` is the way along the chain: the false one where the tests are joined by `or`, the
 * true one where by `and`; the tests of the chain agree in where the other way goes. */
export function pullUp(flow: Flow, block: Block, way: 'onTrue' | 'onFalse', state: Progress): void {
  const other = way === 'onFalse' ? 'onTrue' : 'onFalse';
  const { inEdges } = flow.nodeOf(block);
  const [first] = inEdges;
  if (first === undefined) return;
  const valueOfA = (each: Block): number => flow.nodeOf(each).values[A_ATOM]!;
  // All that lead here must leave the same value in A.
  const value = valueOfA(first.from);
  if (inEdges.some(({ from }) => valueOfA(from) !== value)) return;

  let dominated: Uint8Array | null = null;
  const inChain = (each: Block | null): each is Block => {
    if (each === null || each[other].target !== block[other].target) return false;
    if (each === block) return true;
    dominated ??= flow.dominatedBy(block);
    return dominated[each.id] === 1;
  };

  // The first test of the chain that looks at another value; and the edge that leads to it.
  let before: Edge = first.from.onTrue.target === block ? first.from.onTrue : first.from.onFalse;
  let atTop = true;
  for (;;) {
    const each = before.target;
    if (!inChain(each)) return;
    if (valueOfA(each) !== value) break;
    before = each[way];
    atTop = false;
  }
  // Below it, the first that looks at the original value again.
  const displaced = before.target!;
  let same: Edge = displaced[way];
  for (;;) {
    const each = same.target;
    if (!inChain(each)) return;
    if (valueOfA(each) === value) break;
    same = each[way];
  }
  const pulled = same.target!;
  if (storesForLater(flow, pulled)) return;
  same.target = pulled[way].target;
  pulled[way].target = displaced;
  if (atTop)
    for (const { from } of inEdges) {
      if (from.onTrue.target === block) from.onTrue.target = pulled;
      else from.onFalse.target = pulled;
    }
  else before.target = pulled;
  state.changed = true;
  flow.followBranches();
}
