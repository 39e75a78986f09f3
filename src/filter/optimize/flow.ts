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
  /** Blocks of the levels, from the highest level down. */
  #order: Block[] = [];
  /** Numbers of the two blocks that each block went to when `findDominators` ran; -1 where it returns. */
  readonly #wentTo: Int32Array;
  #current = true;
  readonly #dominated: Uint8Array;

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
    this.#wentTo = new Int32Array(2 * this.nodes.length);
    this.#dominated = new Uint8Array(this.nodes.length);
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
    this.#order = [];
    for (const level of this.levels) level.reverse();
    for (let level = this.levels.length - 1; level >= 0; level--)
      for (const { block } of this.levels[level]!) this.#order.push(block);
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

  /** Blocks that can be reached, those of the highest level first. */
  get order(): readonly Block[] {
    return this.#order;
  }

  /** Makes `dominatedBy` answer for the branches as they are now, and go on doing so when they change. */
  findDominators(): void {
    const to = this.#wentTo;
    for (const { onTrue, onFalse, id } of this.#order) {
      to[2 * id] = onTrue.target?.id ?? -1;
      to[2 * id + 1] = onFalse.target?.id ?? -1;
    }
    this.#current = false;
  }

  /** From here on `dominatedBy` answers for the branches as they are at each call. */
  followBranches(): void {
    this.#current = true;
  }

  /** For each block, by number: 1 where every way to it goes through `dominator`. The levels are gone through once from
   * above, also where a branch was moved upwards meanwhile, so the answer can then be wrong in the same places as
   * libpcap's. The array is used again by the next call. */
  dominatedBy(dominator: Block): Uint8Array {
    const dominated = this.#dominated.fill(1);
    dominated[this.root.id] = 0;
    const to = this.#wentTo;
    const current = this.#current;
    for (const block of this.#order) {
      const { id } = block;
      if (block === dominator) dominated[id] = 1;
      if (dominated[id] === 1) continue;
      const first = current ? (block.onTrue.target?.id ?? -1) : to[2 * id]!;
      if (first < 0) continue;
      dominated[first] = 0;
      dominated[current ? block.onFalse.target!.id : to[2 * id + 1]!] = 0;
    }
    return dominated;
  }
}
