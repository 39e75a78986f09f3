/** Which edges every way along an edge goes through. These edges form a tree: each block has a nearest edge that all ways
 * to it go through, and that edge begins at another block.
 *
 * libpcap keeps a set of bits per edge, and asks every member; for a filter of some hundred addresses that is most of its
 * time. Here the only members are looked at that can answer: the edges that were taken because a test was true (which are
 * few on any way through a long list), and those behind a test of the same value with the same operand. */
import type { Block, Edge } from '../gencode/block.ts';
import { A_ATOM } from './atoms.ts';
import type { Flow } from './flow.ts';

const NONE = -1;
const UNKNOWN = -2;

export class EdgeTree {
  readonly #flow: Flow;
  readonly #count: number;
  /** By block: the nearest edge that every way to it goes through, and how many there are. */
  readonly #nearest: Int32Array;
  readonly #depth: Int32Array;
  /** By block: the nearest of these that was taken when true. */
  readonly #nearestTaken: Int32Array;
  /** By edge: its place in a walk through the tree, and the place behind all below it. */
  readonly #from: Int32Array;
  readonly #to: Int32Array;
  /** Test, value of A and operand → the edges not taken behind it, the lowest number first. */
  #untaken = new Map<string, Edge[]>();

  constructor(flow: Flow) {
    this.#flow = flow;
    this.#count = flow.nodes.length;
    this.#nearest = new Int32Array(this.#count);
    this.#depth = new Int32Array(this.#count);
    this.#nearestTaken = new Int32Array(this.#count);
    this.#from = new Int32Array(2 * this.#count);
    this.#to = new Int32Array(2 * this.#count);
  }

  /** Edges taken when true come first, each kind in the order of the blocks. */
  #index(edge: Edge): number {
    return edge === edge.from.onTrue ? edge.from.id : this.#count + edge.from.id;
  }

  #edge(index: number): Edge {
    const { block } = this.#flow.nodes[index % this.#count]!;
    return index < this.#count ? block.onTrue : block.onFalse;
  }

  /** Builds the tree for the branches as they are now. */
  build(): void {
    const { order, root } = this.#flow;
    const nearest = this.#nearest.fill(UNKNOWN);
    const depth = this.#depth;
    nearest[root.id] = NONE;
    depth[root.id] = 0;
    const count = this.#count;
    const depthOf = (index: number): number => (index === NONE ? 0 : depth[index % count]! + 1);
    const arrive = (edge: Edge): void => {
      const to = edge.target!.id;
      let index = this.#index(edge);
      if (nearest[to] !== UNKNOWN) {
        let other = nearest[to]!;
        while (index !== other) {
          const deep = depthOf(index);
          const otherDeep = depthOf(other);
          if (deep >= otherDeep) index = nearest[index % count]!;
          if (otherDeep >= deep) other = nearest[other % count]!;
        }
      }
      nearest[to] = index;
      depth[to] = depthOf(index);
    };
    for (const block of order) {
      if (block.onTrue.target === null) continue;
      arrive(block.onTrue);
      arrive(block.onFalse);
    }
    for (const { id } of order) {
      const index = nearest[id]!;
      this.#nearestTaken[id] = index === NONE || index < count ? index : this.#nearestTaken[index - count]!;
    }
    this.#number();
  }

  /** Numbers the edges so that those below another have the numbers from its own to its end. */
  #number(): void {
    const count = this.#count;
    const below: number[][] = Array.from({ length: 2 * count + 1 }, () => []);
    for (const block of this.#flow.order) {
      if (block.onTrue.target === null) continue;
      const children = below[this.#nearest[block.id]! + 1]!;
      children.push(block.id, count + block.id);
    }
    let place = 0;
    const stack = [...below[0]!];
    while (stack.length > 0) {
      const index = stack.pop()!;
      if (index < 0) {
        this.#to[~index] = place;
        continue;
      }
      this.#from[index] = place++;
      stack.push(~index);
      for (const child of below[index + 1]!) stack.push(child);
    }
  }

  /** Sorts the edges by what their tests compare. To be called when all blocks have their values, before `first`. */
  group(): void {
    this.#untaken = new Map();
    for (const { block, id } of this.#flow.nodes) {
      if (block.onFalse.target === null || this.#nearest[id] === UNKNOWN) continue;
      const key = this.#key(block);
      const group = this.#untaken.get(key);
      if (group === undefined) this.#untaken.set(key, [block.onFalse]);
      else group.push(block.onFalse);
    }
  }

  #key(block: Block): string {
    const { values, operand } = this.#flow.nodeOf(block);
    return `${block.code},${values[A_ATOM]},${operand}`;
  }

  /** Of the edges that every way along `edge` goes through (itself among them), the one with the lowest number that
   * `accept` takes. Only those are offered that were taken when true, or that are behind the same test as `test` does. */
  first<T>(edge: Edge, test: Block, accept: (edge: Edge) => T | null): T | null {
    let best: T | null = null;
    let bestIndex = Infinity;
    let index = edge === edge.from.onTrue ? edge.from.id : this.#nearestTaken[edge.from.id]!;
    while (index !== NONE) {
      if (index < bestIndex) {
        const result = accept(this.#edge(index));
        if (result !== null) {
          best = result;
          bestIndex = index;
        }
      }
      index = this.#nearestTaken[index]!;
    }
    if (best !== null) return best;
    const place = this.#from[this.#index(edge)]!;
    for (const other of this.#untaken.get(this.#key(test)) ?? []) {
      const otherIndex = this.#index(other);
      if (this.#from[otherIndex]! > place || place >= this.#to[otherIndex]!) continue;
      const result = accept(other);
      if (result !== null) return result;
    }
    return null;
  }
}
