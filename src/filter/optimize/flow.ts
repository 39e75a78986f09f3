/** The control flow as the optimizer sees it: every block that the program had when optimization began, in layers from
 * the returns (level 0) up to the first block, with the edges into each and what dominates it. */
import type { Block, Edge } from '../gencode/block.ts';
import { ATOMS } from './atoms.ts';

/** What is known of one block. */
export interface Node {
  readonly block: Block;
  readonly id: number;
  level: number;
  /** Edges that lead here. */
  inEdges: Edge[];
  /** Atoms whose value on entry matters to this block or to those after it, and on exit to those after it. */
  usedIn: number;
  usedOut: number;
  /** Value numbers of all atoms on exit, and of the operand of the test. */
  readonly values: Int32Array;
  operand: number;
  /** Atoms that do not hold the value of which they have the number, because this round removed what stored it there (as
   * nothing reads it). The number may still be used to compute with, but not to spare storing the value again. */
  phantom: number;
}

export class Flow {
  readonly root: Block;
  /** Numbered in the order in which a walk from the root meets them, the true way first. */
  readonly nodes: Node[] = [];
  /** Blocks of each level that could be reached when `layer` ran; the last one that a walk finished first. */
  levels: Node[][] = [];
  readonly #words: number;
  /** One row of bits per block: the blocks that every way to it goes through. */
  readonly #dominators: Uint32Array;
  /** The edge that every way to a block goes through last, as an index of `edge`; -1 where there is none. */
  readonly #lastEdge: Int32Array;
  /** How many edges every way to a block goes through. */
  readonly #edgeDepth: Int32Array;

  constructor(root: Block) {
    this.root = root;
    const stack = [root];
    const seen = new Set<Block>();
    while (stack.length > 0) {
      const block = stack.pop()!;
      if (seen.has(block)) continue;
      seen.add(block);
      block.id = this.nodes.length;
      this.nodes.push({
        block,
        id: block.id,
        level: 0,
        inEdges: [],
        usedIn: 0,
        usedOut: 0,
        values: new Int32Array(ATOMS),
        operand: 0,
        phantom: 0,
      });
      if (block.onFalse.target !== null) stack.push(block.onFalse.target);
      if (block.onTrue.target !== null) stack.push(block.onTrue.target);
    }
    this.#words = (this.nodes.length + 31) >>> 5;
    this.#dominators = new Uint32Array(this.#words * this.nodes.length);
    this.#lastEdge = new Int32Array(this.nodes.length);
    this.#edgeDepth = new Int32Array(this.nodes.length);
  }

  nodeOf(block: Block): Node {
    return this.nodes[block.id]!;
  }

  /** Number of an edge: those taken when true come first, each kind in the order of the blocks. */
  edgeIndex(edge: Edge): number {
    const { from } = edge;
    return edge === from.onTrue ? from.id : this.nodes.length + from.id;
  }

  edge(index: number): Edge {
    const count = this.nodes.length;
    return index < count ? this.nodes[index]!.block.onTrue : this.nodes[index - count]!.block.onFalse;
  }

  /** Puts every block that can be reached into its level: one more than the higher of the two that it goes to. */
  layer(): void {
    this.levels = [];
    const state = new Uint8Array(this.nodes.length);
    const stack = [this.root];
    while (stack.length > 0) {
      const block = stack.at(-1)!;
      const { onTrue, onFalse } = block;
      const step = state[block.id]!;
      if (step < 2) {
        state[block.id] = step + 1;
        const next = step === 0 ? onTrue.target : onFalse.target;
        if (next !== null && state[next.id] === 0) stack.push(next);
        continue;
      }
      stack.pop();
      if (step === 3) continue;
      state[block.id] = 3;
      const node = this.nodeOf(block);
      node.level =
        onTrue.target === null ? 0 : Math.max(this.nodeOf(onTrue.target).level, this.nodeOf(onFalse.target!).level) + 1;
      (this.levels[node.level] ??= []).push(node);
    }
    for (const level of this.levels) level.reverse();
  }

  /** Finds the edges into every block, from those of the blocks in the levels. The last one found comes first. */
  findInEdges(): void {
    for (const node of this.nodes) node.inEdges = [];
    for (let level = this.levels.length - 1; level > 0; level--)
      for (const { block } of this.levels[level]!) {
        this.nodeOf(block.onTrue.target!).inEdges.push(block.onTrue);
        this.nodeOf(block.onFalse.target!).inEdges.push(block.onFalse);
      }
    for (const node of this.nodes) node.inEdges.reverse();
  }

  /** Which blocks every way to a block goes through, itself among them. Blocks that are not in the levels are taken to be
   * dominated by all. */
  findDominators(): void {
    const words = this.#words;
    const sets = this.#dominators;
    sets.fill(0xffffffff);
    sets.fill(0, this.root.id * words, (this.root.id + 1) * words);
    const intersect = (target: Block, row: number): void => {
      const to = target.id * words;
      for (let word = 0; word < words; word++) sets[to + word]! &= sets[row + word]!;
    };
    for (let level = this.levels.length - 1; level >= 0; level--)
      for (const { block, id } of this.levels[level]!) {
        const row = id * words;
        sets[row + (id >>> 5)]! |= 1 << (id & 31);
        if (block.onTrue.target === null) continue;
        intersect(block.onTrue.target, row);
        intersect(block.onFalse.target!, row);
      }
  }

  /** True where every way to `block` goes through `dominator`. */
  dominates(dominator: Block, block: Block): boolean {
    const { id } = dominator;
    return (this.#dominators[block.id * this.#words + (id >>> 5)]! & (1 << (id & 31))) !== 0;
  }

  /** Which edges every way along an edge goes through. They form a tree, of which each block keeps the nearest edge: the
   * nearest that the edges into it have in common. */
  findEdgeDominators(): void {
    const UNKNOWN = -2;
    const last = this.#lastEdge.fill(UNKNOWN);
    const depth = this.#edgeDepth;
    last[this.root.id] = -1;
    depth[this.root.id] = 0;
    const arrive = (edge: Edge): void => {
      const to = edge.target!.id;
      let index = this.edgeIndex(edge);
      if (last[to] === UNKNOWN) {
        last[to] = index;
        depth[to] = depth[edge.from.id]! + 1;
        return;
      }
      let other = last[to]!;
      while (index !== other) {
        const deep = index === -1 ? 0 : depth[this.edge(index).from.id]! + 1;
        const otherDeep = other === -1 ? 0 : depth[this.edge(other).from.id]! + 1;
        if (deep >= otherDeep) index = last[this.edge(index).from.id]!;
        if (otherDeep >= deep) other = last[this.edge(other).from.id]!;
      }
      last[to] = index;
      depth[to] = index === -1 ? 0 : depth[this.edge(index).from.id]! + 1;
    };
    for (let level = this.levels.length - 1; level > 0; level--)
      for (const { block } of this.levels[level]!) {
        arrive(block.onTrue);
        arrive(block.onFalse);
      }
  }

  /** Indexes of the edges that every way along `edge` goes through, itself among them, from the lowest. */
  edgeDominators(edge: Edge): number[] {
    const indexes: number[] = [];
    for (let index = this.edgeIndex(edge); index !== -1; index = this.#lastEdge[this.edge(index).from.id]!)
      indexes.push(index);
    return indexes.sort((a, b) => a - b);
  }
}
