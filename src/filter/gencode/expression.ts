/** Walks the tree of an expression and joins the code of its primitives, in the order in which they stand: some of them
 * move the offsets of those that follow. */
import type { Expression } from '../ast.ts';
import { FilterError } from '../error.ts';
import { relation } from './arithmetic.ts';
import { and, type Block, type Condition, not, or, returnBlock } from './block.ts';
import { encapsulations } from './encapsulation.ts';
import { finish } from './finish.ts';
import { idCondition } from './id.ts';
import { layersOf } from './link-types.ts';
import { broadcast, byteTest, direction, interfaceIndex, lengthIs, multicast } from './other.ts';
import { llc, protocolAlone } from './protocol.ts';
import { type GenerationOptions, State } from './state.ts';
import { strictCondition } from './strict.ts';
import { wlanDirection, wlanType } from './wlan.ts';

/** The control flow of a whole program. */
export interface Generated {
  readonly root: Block;
  /** The code jumps within blocks, and must stay as it is. */
  readonly neverOptimize: boolean;
}

/** Code for the tree (null: every packet is accepted). Accepted packets return `snapLength`. Throws FilterError where the
 * expression means nothing, or nothing on this link type. */
export function generate(tree: Expression | null, snapLength: number, options: GenerationOptions): Generated {
  if (tree === null) return { root: returnBlock(snapLength), neverOptimize: false };
  const layers = layersOf(options.linkType);
  if (layers === null)
    throw new FilterError('LINK_TYPE', `no filters can be made for link type ${options.linkType}`, options.expression, {
      at: 0,
      length: options.expression.length,
    });
  const state = new State(options, layers);
  const whole = options.strict ? strictCondition(state, tree, primitive) : condition(state, tree);
  const root = finish(state, whole, snapLength);
  return { root, neverOptimize: state.neverOptimize };
}

function condition(state: State, node: Expression): Condition {
  if (node.kind === 'chain') {
    let joined = condition(state, node.first);
    for (const { operator, operand } of node.rest) {
      const next = condition(state, operand);
      joined = operator === 'and' ? and(joined, next) : or(joined, next);
    }
    return joined;
  }
  if (node.kind === 'not') return not(condition(state, node.operand));
  state.span = node;
  return primitive(state, node);
}

function primitive(state: State, node: Exclude<Expression, { kind: 'chain' | 'not' }>): Condition {
  switch (node.kind) {
    case 'id':
      return idCondition(state, node.id, node.qualifiers);
    case 'protocol':
      return protocolAlone(state, node.protocol);
    case 'relation':
      return relation(state, node.relation, node.left, node.right);
    case 'broadcast':
      return broadcast(state, node.protocol);
    case 'multicast':
      return multicast(state, node.protocol);
    case 'less':
    case 'greater':
      return lengthIs(node.kind, node.value);
    case 'byte':
      return byteTest(state, node.index, node.operator, node.value);
    case 'inbound':
    case 'outbound':
      return direction(state, node.kind);
    case 'ifindex':
      return interfaceIndex(state, node.value);
    case 'pppoed':
      return encapsulations.pppoed(state);
    case 'encapsulation':
      return encapsulations[node.protocol](state, node.number);
    case 'llc':
      return llc(state, node.type);
    case 'wlan':
      return wlanType(state, node);
    case 'wlan-direction':
      return wlanDirection(state, node);
    case 'foreign':
      throw state.error('LINK_TYPE', `'${node.word}' is known on ${FOREIGN[node.needs]} only`);
  }
}

const FOREIGN = { ATM: 'ATM', MTP2: 'MTP2', SS7: 'SS7', PF: "OpenBSD's pflog" } as const;
