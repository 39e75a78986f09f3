/** Blocks to instructions: lays the blocks out one behind the other and turns ways on into distances. */

import type { Block, Statement } from './gencode/block.ts';
import { BPF_JA, BPF_JMP, BPF_RET, bpfClass, bpfOperation } from './opcodes.ts';
import type { BpfInstruction } from './program.ts';

/** Code of a statement that the optimizer removed. */
export const NOP = -1;

/** A jump over more instructions than this needs an unconditional one, whose distance has 32 bits. */
const MAX_JUMP = 255;

/** The program that begins with `root`. A block stands before all that it goes to; what its test goes to when true
 * stands before what it goes to when false, unless that was needed earlier. */
export function emit(root: Block): BpfInstruction[] {
  const order = bottomUp(root);
  // Instructions from the start of a block to the end of the program.
  const fromEnd = new Map<Block, number>();
  const blocks: BpfInstruction[][] = [];
  let total = 0;
  for (const block of order) {
    const body = statements(block);
    const tail = ending(block, fromEnd, total);
    blocks.push([...body, ...tail]);
    total += body.length + tail.length;
    fromEnd.set(block, total);
  }
  return blocks.reverse().flat();
}

/** All blocks, each behind everything that it goes to. */
function bottomUp(root: Block): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>([root]);
  const stack: { block: Block; step: number }[] = [{ block: root, step: 0 }];
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    const next = top.step === 0 ? top.block.onFalse.target : top.step === 1 ? top.block.onTrue.target : null;
    if (top.step++ === 2) {
      order.push(top.block);
      stack.pop();
    } else if (next !== null && !seen.has(next)) {
      seen.add(next);
      stack.push({ block: next, step: 0 });
    }
  }
  return order;
}

function statements(block: Block): BpfInstruction[] {
  const kept = block.statements.filter((statement) => statement.code !== NOP);
  const distance = (from: number, target: Statement | null): number => {
    if (target === null) return kept.length - from - 1;
    // A removed target stands for what came after it.
    let at = block.statements.indexOf(target);
    while (at < block.statements.length && block.statements[at]!.code === NOP) at++;
    const index = at === block.statements.length ? kept.length : kept.indexOf(block.statements[at]!);
    return index - from - 1;
  };
  return kept.map(({ code, k, jt, jf }, index) => {
    if (bpfClass(code) !== BPF_JMP) return { code, jt: 0, jf: 0, k };
    if (bpfOperation(code) === BPF_JA) return { code, jt: 0, jf: 0, k: distance(index, jt) >>> 0 };
    return { code, jt: distance(index, jt), jf: distance(index, jf), k };
  });
}

/** The test at the end of a block, with the jumps that it needs to go far; `after` instructions come behind the block. */
function ending(
  { code, k, onTrue, onFalse }: Block,
  fromEnd: ReadonlyMap<Block, number>,
  after: number,
): BpfInstruction[] {
  if (bpfClass(code) === BPF_RET) return [{ code, jt: 0, jf: 0, k }];
  const toTrue = after - fromEnd.get(onTrue.target!)!;
  const toFalse = after - fromEnd.get(onFalse.target!)!;
  let farTrue = toTrue > MAX_JUMP;
  let farFalse = toFalse > MAX_JUMP;
  // A jump that is added makes both distances longer.
  if (farFalse && toTrue + 1 > MAX_JUMP) farTrue = true;
  if (farTrue && toFalse + 1 > MAX_JUMP) farFalse = true;
  const jumps = (farTrue ? 1 : 0) + (farFalse ? 1 : 0);
  const instructions: BpfInstruction[] = [
    {
      code,
      jt: farTrue ? 0 : toTrue + jumps,
      jf: farFalse ? jumps - 1 : toFalse + jumps,
      k,
    },
  ];
  for (const [far, distance] of [[farTrue, toTrue] as const, [farFalse, toFalse] as const])
    if (far)
      instructions.push({
        code: BPF_JMP | BPF_JA,
        jt: 0,
        jf: 0,
        k: distance + jumps - instructions.length,
      });
  return instructions;
}
