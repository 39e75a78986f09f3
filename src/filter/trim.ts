/** Removes instructions that do nothing from a program that the optimizer must not touch: those of `geneve`, which jump
 * within blocks. Applied only where such a program gets stores in front (acceptable.ts), to make up for them. */
import {
  BPF_IMM,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MISC,
  BPF_RET,
  BPF_TAX,
  BPF_TXA,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfOperation,
} from './opcodes.ts';
import { A_ATOM, atomDefined, atomsUsed, uses, X_ATOM } from './optimize/atoms.ts';
import type { BpfInstruction } from './program.ts';

const JUMP_ALWAYS = BPF_JMP | BPF_JA;

/** Where an instruction goes to, by index: none after a return. */
function next({ code, jt, jf, k }: BpfInstruction, index: number): number[] {
  if (bpfClass(code) === BPF_RET) return [];
  if (bpfClass(code) !== BPF_JMP) return [index + 1];
  return bpfOperation(code) === BPF_JA ? [index + 1 + k] : [index + 1 + jt, index + 1 + jf];
}

/** The same program with fewer instructions, if there are any to spare. All jumps must go forward. */
export function trim(program: readonly BpfInstruction[]): BpfInstruction[] {
  const decided = withoutKnownTests(program);
  const live = liveness(decided);
  const keep = decided.map((instruction, index) => !isIdle(instruction, live[index]!));
  // Place of each instruction that stays, and for one that goes, of the next that stays.
  const place = new Int32Array(decided.length + 1);
  let count = 0;
  for (const [index, kept] of keep.entries()) {
    place[index] = count;
    if (kept) count++;
  }
  return decided.flatMap((instruction, index) => {
    if (!keep[index]) return [];
    const distance = (target: number): number => place[target]! - place[index]! - 1;
    const { code, jt, jf, k } = instruction;
    if (bpfClass(code) !== BPF_JMP) return [instruction];
    if (code === JUMP_ALWAYS) return [{ code, jt, jf, k: distance(index + 1 + k) }];
    return [{ code, jt: distance(index + 1 + jt), jf: distance(index + 1 + jf), k }];
  });
}

/** Tests that are always true, as gencode makes them to carry code, become jumps. */
function withoutKnownTests(program: readonly BpfInstruction[]): BpfInstruction[] {
  const targets = new Set<number>();
  for (const [index, instruction] of program.entries())
    if (bpfClass(instruction.code) === BPF_JMP) for (const target of next(instruction, index)) targets.add(target);
  return program.map((instruction, index) => {
    const before = program[index - 1];
    if (before === undefined || targets.has(index)) return instruction;
    const { code, jt, k } = instruction;
    const moves = before.code === (BPF_MISC | BPF_TAX) || before.code === (BPF_MISC | BPF_TXA);
    const isTrue =
      (code === (BPF_JMP | BPF_JEQ | BPF_X) && moves) ||
      (code === (BPF_JMP | BPF_JEQ | BPF_K) && before.code === (BPF_LD | BPF_IMM) && before.k === k);
    return isTrue ? { code: JUMP_ALWAYS, jt: 0, jf: 0, k: jt } : instruction;
  });
}

/** For each instruction the atoms that are still read after it. */
function liveness(program: readonly BpfInstruction[]): Int32Array {
  const before = new Int32Array(program.length + 1);
  const after = new Int32Array(program.length);
  for (let index = program.length - 1; index >= 0; index--) {
    const instruction = program[index]!;
    for (const target of next(instruction, index)) after[index]! |= before[target]!;
    const defined = atomDefined(instruction);
    const rest = defined < 0 ? after[index]! : after[index]! & ~(1 << defined);
    before[index] = rest | (instruction.code === JUMP_ALWAYS ? 0 : atomsUsed(instruction));
  }
  return after;
}

/** A jump to the next instruction, or a move into a register that nothing reads. Loads from the packet stay: they reject
 * packets that are too short. */
function isIdle({ code, k }: BpfInstruction, live: number): boolean {
  if (code === JUMP_ALWAYS) return k === 0;
  switch (bpfClass(code)) {
    case BPF_LD:
    case BPF_LDX: {
      const mode = bpfMode(code);
      return (mode === BPF_IMM || mode === BPF_MEM) && !uses(live, bpfClass(code) === BPF_LD ? A_ATOM : X_ATOM);
    }
    case BPF_MISC:
      return !uses(live, code === (BPF_MISC | BPF_TAX) ? X_ATOM : A_ATOM);
    default:
      return false;
  }
}
