/** The optimizer. It works on the blocks of gencode until nothing changes any more: first on where the branches go, then
 * on the statements too. The steps and their order are libpcap's (which are those of S. McCanne and V. Jacobson, The BSD
 * Packet Filter, 1993, and of the literature on static single assignment), so that programs come out as tcpdump -d
 * prints them. */
import type { Block } from '../gencode/block.ts';
import { BPF_K, BPF_RET } from '../opcodes.ts';
import { optimizeBlock } from './block.ts';
import { pullUp, shorten } from './branches.ts';
import { EdgeTree } from './edge-tree.ts';
import { Flow } from './flow.ts';
import { firstBlock, mergeEqual } from './intern.ts';
import { findUses } from './usage.ts';
import { type Complaint, type Progress, Values } from './values.ts';

/** Rounds in which only branches moved, after which they are taken to move in a circle. */
const MAX_BRANCH_ROUNDS = 100;

/** Optimizes the program that begins with `root`; its blocks are changed. Returns the first block of the new program.
 * Throws `complain` where a division by zero or a shift that is too far comes out, or a program that accepts nothing. */
export function optimize(root: Block, complain: Complaint): Block {
  const flow = new Flow(root);
  const tree = new EdgeTree(flow);
  loop(flow, tree, false, complain);
  loop(flow, tree, true, complain);
  mergeEqual(flow);
  const first = firstBlock(flow.root);
  if (first.code === (BPF_RET | BPF_K) && first.k === 0)
    throw complain('REJECTS_ALL', 'the expression is false for every packet');
  return first;
}

function loop(flow: Flow, tree: EdgeTree, rewrite: boolean, complain: Complaint): void {
  let branchRounds = 0;
  while (branchRounds < MAX_BRANCH_ROUNDS) {
    const state: Progress = { changed: false, beyondBranches: false };
    flow.layer();
    flow.findDominators();
    findUses(flow);
    tree.build();
    round(flow, tree, rewrite, state, complain);
    if (!state.changed) return;
    branchRounds = state.beyondBranches ? 0 : branchRounds + 1;
  }
}

function round(flow: Flow, tree: EdgeTree, rewrite: boolean, state: Progress, complain: Complaint): void {
  const values = new Values(state, complain);
  flow.findInEdges();
  for (let level = flow.levels.length - 1; level >= 0; level--)
    for (const node of flow.levels[level]!) optimizeBlock(flow, node, values, state, rewrite);
  // Where statements were rewritten, branches wait for the next loop.
  if (rewrite) return;
  const tests = flow.levels.slice(1);
  tree.group();
  for (const level of tests)
    for (const { block } of level) {
      shorten(flow, tree, block.onTrue, state);
      shorten(flow, tree, block.onFalse, state);
    }
  flow.findInEdges();
  for (const level of tests)
    for (const { block } of level) {
      pullUp(flow, block, 'onFalse', state);
      pullUp(flow, block, 'onTrue', state);
    }
}
