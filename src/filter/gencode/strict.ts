/** Strict mode's way of joining primitives: what `vlan`, `mpls`, `pppoes` and `geneve` say about where the headers are is
 * true for the packets that they accepted, and for no others.
 *
 * - `a and b`: b is tested with the headers where a found them.
 * - `a or b`: b is tested with the headers where they were before a. What comes after tests the packets that a accepted
 *   with a's headers, and those that b accepted with b's.
 * - `not a`: the headers stay where they were. */
import type { Expression } from '../ast.ts';
import { type Block, type Condition, type Edge, join } from './block.ts';
import { copyLayers, type Layers, layersKey, type State } from './state.ts';

/** Ways out of accepted packets, which have their headers in the same places. */
interface Exit {
  readonly layers: Layers;
  readonly edges: Edge[];
}

interface Branching {
  readonly head: Block;
  readonly accepted: Map<string, Exit>;
  readonly rejected: Edge[];
}

type Primitive = Exclude<Expression, { kind: 'chain' | 'not' }>;

/** The condition for a tree, of which `primitive` makes the leaves (and moves the layers of the state). */
export function strictCondition(
  state: State,
  tree: Expression,
  primitive: (state: State, node: Primitive) => Condition,
): Condition {
  const branch = (node: Expression, layers: Layers): Branching => {
    if (node.kind === 'chain') {
      let joined = branch(node.first, layers);
      for (const { operator, operand } of node.rest)
        joined =
          operator === 'and' ? both(joined, (exit) => branch(operand, exit)) : either(joined, branch(operand, layers));
      return joined;
    }
    if (node.kind === 'not') {
      const operand = branch(node.operand, layers);
      return {
        head: operand.head,
        accepted: oneExit(layers, operand.rejected),
        rejected: [...operand.accepted.values()].flatMap(({ edges }) => edges),
      };
    }
    state.layers = copyLayers(layers);
    state.span = node;
    const { head, whenTrue, whenFalse } = primitive(state, node);
    return { head, accepted: oneExit(state.layers, whenTrue), rejected: whenFalse };
  };
  const { head, accepted, rejected } = branch(tree, state.outermost);
  return { head, whenTrue: [...accepted.values()].flatMap(({ edges }) => edges), whenFalse: rejected };
}

const oneExit = (layers: Layers, edges: Edge[]): Map<string, Exit> => new Map([[layersKey(layers), { layers, edges }]]);

function push(to: Edge[], from: readonly Edge[]): void {
  for (const edge of from) to.push(edge);
}

function addExits(to: Map<string, Exit>, from: ReadonlyMap<string, Exit>): void {
  for (const [key, exit] of from) {
    const same = to.get(key);
    if (same === undefined) to.set(key, exit);
    else push(same.edges, exit.edges);
  }
}

/** What `next` makes is joined to each exit, for the layers that it has. */
function both(first: Branching, next: (layers: Layers) => Branching): Branching {
  const accepted = new Map<string, Exit>();
  const { rejected } = first;
  for (const { layers, edges } of first.accepted.values()) {
    const second = next(layers);
    join(edges, second.head);
    addExits(accepted, second.accepted);
    push(rejected, second.rejected);
  }
  return { head: first.head, accepted, rejected };
}

function either(first: Branching, second: Branching): Branching {
  join(first.rejected, second.head);
  addExits(first.accepted, second.accepted);
  return { head: first.head, accepted: first.accepted, rejected: second.rejected };
}
