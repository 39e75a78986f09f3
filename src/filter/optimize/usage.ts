/** Which registers are still read, and where. */
import { NOP } from '../emit.ts';
import { BPF_JMP, bpfClass } from '../opcodes.ts';
import { atomDefined, atomsUsed } from './atoms.ts';
import type { Flow, Node } from './flow.ts';

/** Which atoms each block and those after it read before they write them. */
export function findUses(flow: Flow): void {
  const killed = new Int32Array(flow.nodes.length);
  const visit = (node: Node): void => {
    let defined = 0;
    let used = 0;
    let kill = 0;
    for (const statement of node.block.statements) {
      if (statement.code === NOP) continue;
      used |= atomsUsed(statement) & ~defined;
      const atom = atomDefined(statement);
      if (atom < 0) continue;
      if ((used & (1 << atom)) === 0) kill |= 1 << atom;
      defined |= 1 << atom;
    }
    if (bpfClass(node.block.code) === BPF_JMP) used |= atomsUsed(node.block) & ~defined;
    node.usedIn = used;
    node.usedOut = 0;
    killed[node.id] = kill;
  };
  for (const level of flow.levels) for (const node of level) visit(node);
  for (const level of flow.levels.slice(1))
    for (const node of level) {
      const { onTrue, onFalse } = node.block;
      node.usedOut = flow.nodeOf(onTrue.target!).usedIn | flow.nodeOf(onFalse.target!).usedIn;
      node.usedIn |= node.usedOut & ~killed[node.id]!;
    }
}
