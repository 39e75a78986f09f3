/** The last steps: equal blocks become one, and what comes first in the program loses what it does not need. */
import { NOP } from '../emit.ts';
import type { Block } from '../gencode/block.ts';
import { BPF_JMP, BPF_RET, bpfClass } from '../opcodes.ts';
import type { Flow } from './flow.ts';

/** Two blocks with the same key do the same and go to the same blocks. */
function key({ statements, code, k, onTrue, onFalse }: Block): string {
  const body = statements.filter((each) => each.code !== NOP).map((each) => `${each.code},${each.k}`);
  return `${code},${k},${onTrue.target?.id ?? -1},${onFalse.target?.id ?? -1};${body.join(';')}`;
}

function reachable(flow: Flow, root: Block): Uint8Array {
  const reached = new Uint8Array(flow.nodes.length);
  const stack = [root];
  while (stack.length > 0) {
    const block = stack.pop()!;
    if (reached[block.id]) continue;
    reached[block.id] = 1;
    if (block.onTrue.target !== null) stack.push(block.onTrue.target, block.onFalse.target!);
  }
  return reached;
}

/** Makes all ways go to one of several equal blocks, until no two are equal. */
export function mergeEqual(flow: Flow): void {
  for (let merged = true; merged; ) {
    merged = false;
    const reached = reachable(flow, flow.root);
    const kept = new Map<string, Block>();
    const replacement = new Map<Block, Block>();
    for (let id = flow.nodes.length - 1; id >= 0; id--) {
      if (!reached[id]) continue;
      const { block } = flow.nodes[id]!;
      const blockKey = key(block);
      const equal = kept.get(blockKey);
      if (equal === undefined) kept.set(blockKey, block);
      else replacement.set(block, equal);
    }
    for (const { block } of flow.nodes)
      for (const edge of [block.onTrue, block.onFalse]) {
        const other = edge.target === null ? undefined : replacement.get(edge.target);
        if (other === undefined) continue;
        edge.target = other;
        merged = true;
      }
  }
}

/** The block to begin with: tests that go the same way in both cases are passed over, and a program that only returns
 * computes nothing. */
export function firstBlock(root: Block): Block {
  const { statements } = root;
  root.statements = [];
  let block = root;
  while (bpfClass(block.code) === BPF_JMP && block.onTrue.target === block.onFalse.target) block = block.onTrue.target!;
  block.statements = bpfClass(block.code) === BPF_RET ? [] : [...statements, ...block.statements];
  return block;
}
