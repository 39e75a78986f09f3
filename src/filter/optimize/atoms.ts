/** What a statement reads and writes: the scratch registers M[0] to M[15], the accumulator A and the index register X. */

import { NOP } from '../emit.ts';
import type { Statement } from '../gencode/block.ts';
import {
  BPF_A,
  BPF_ALU,
  BPF_IND,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_RET,
  BPF_ST,
  BPF_STX,
  BPF_TXA,
  BPF_X,
  bpfClass,
  bpfMode,
  bpfReturnValue,
  bpfSource,
} from '../opcodes.ts';

export const A_ATOM = BPF_MEMWORDS;
export const X_ATOM = BPF_MEMWORDS + 1;
export const ATOMS = BPF_MEMWORDS + 2;

/** Bits of the atoms in a set of them. */
const A = 1 << A_ATOM;
const X = 1 << X_ATOM;

type Instruction = Pick<Statement, 'code' | 'k'>;

/** Set of the atoms that it reads. */
export function atomsUsed({ code, k }: Instruction): number {
  if (code === NOP) return 0;
  switch (bpfClass(code)) {
    case BPF_RET:
      return bpfReturnValue(code) === BPF_A ? A : bpfReturnValue(code) === BPF_X ? X : 0;
    case BPF_LD:
    case BPF_LDX:
      return bpfMode(code) === BPF_IND ? X : bpfMode(code) === BPF_MEM ? 1 << k : 0;
    case BPF_ST:
      return A;
    case BPF_STX:
      return X;
    case BPF_JMP:
    case BPF_ALU:
      return bpfSource(code) === BPF_X ? A | X : A;
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA) ? X : A;
    default:
      return 0;
  }
}

/** The atom that it writes; -1 where it writes none. */
export function atomDefined({ code, k }: Instruction): number {
  if (code === NOP) return -1;
  switch (bpfClass(code)) {
    case BPF_LD:
    case BPF_ALU:
      return A_ATOM;
    case BPF_LDX:
      return X_ATOM;
    case BPF_ST:
    case BPF_STX:
      return k;
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA) ? A_ATOM : X_ATOM;
    default:
      return -1;
  }
}

export const uses = (set: number, atom: number): boolean => (set & (1 << atom)) !== 0;
