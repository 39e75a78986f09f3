/** The checker: accepts exactly the programs that Linux accepts for SO_ATTACH_FILTER (bpf_check_basics_ok,
 * bpf_check_classic and check_load_and_stores in net/core/filter.c; shown by test against the running kernel on
 * mutated programs).
 *
 * What may still fail after it: memory (ENOMEM where the translated program is larger than net.core.optmem_max), and a
 * jump over so many instructions that their translation to eBPF leaves its 16-bit range (some 2,000 loads at least). */
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_DIV,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MAXINSNS,
  BPF_MEM,
  BPF_MEMWORDS,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
  BPF_XOR,
  SKF_AD_MAX,
  SKF_AD_OFF,
} from './opcodes.ts';
import type { BpfProgram } from './program.ts';

/** Why a program is refused. The kernel says EINVAL to all of them. */
export type RejectionReason =
  | 'empty'
  | 'too-long'
  | 'unknown-code'
  | 'division-by-zero'
  | 'shift-out-of-range'
  | 'memory-out-of-range'
  | 'jump-out-of-range'
  | 'unknown-ancillary'
  | 'no-return-at-end'
  | 'load-before-store';

export interface Rejection {
  reason: RejectionReason;
  /** Instruction at fault, counted from 0; -1: the program as a whole. */
  at: number;
  /** One sentence for a person. */
  message: string;
}

/** Every code that the kernel runs, by value. */
const ALLOWED = new Uint8Array(0x100);
for (const operation of [BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_MOD, BPF_AND, BPF_OR, BPF_XOR, BPF_LSH, BPF_RSH])
  for (const source of [BPF_K, BPF_X]) ALLOWED[BPF_ALU | operation | source] = 1;
ALLOWED[BPF_ALU | BPF_NEG] = 1;
for (const size of [BPF_W, BPF_H, BPF_B]) for (const mode of [BPF_ABS, BPF_IND]) ALLOWED[BPF_LD | size | mode] = 1;
for (const code of [BPF_LD, BPF_LDX]) for (const mode of [BPF_IMM, BPF_MEM, BPF_LEN]) ALLOWED[code | BPF_W | mode] = 1;
ALLOWED[BPF_LDX | BPF_B | BPF_MSH] = 1;
ALLOWED[BPF_ST] = 1;
ALLOWED[BPF_STX] = 1;
ALLOWED[BPF_MISC | BPF_TAX] = 1;
ALLOWED[BPF_MISC | BPF_TXA] = 1;
ALLOWED[BPF_RET | BPF_K] = 1;
ALLOWED[BPF_RET | BPF_A] = 1;
ALLOWED[BPF_JMP | BPF_JA] = 1;
for (const operation of [BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET])
  for (const source of [BPF_K, BPF_X]) ALLOWED[BPF_JMP | operation | source] = 1;

/** True for the codes of classic BPF that Linux runs. */
export const isAllowedCode = (code: number): boolean => code >= 0 && code < ALLOWED.length && ALLOWED[code] === 1;

/** Null where Linux accepts the program; else the first thing that it minds. Costs a pass or two over the program. */
export function validate(program: BpfProgram): Rejection | null {
  const length = program.length;
  if (length === 0) return { reason: 'empty', at: -1, message: 'a program has at least one instruction' };
  if (length > BPF_MAXINSNS)
    return { reason: 'too-long', at: -1, message: `${length} instructions; the kernel takes ${BPF_MAXINSNS}` };
  for (let pc = 0; pc < length; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    if (!isAllowedCode(code))
      return { reason: 'unknown-code', at: pc, message: `code 0x${code.toString(16)} is not one of classic BPF's` };
    switch (code) {
      case BPF_ALU | BPF_DIV | BPF_K:
      case BPF_ALU | BPF_MOD | BPF_K:
        if (k === 0) return { reason: 'division-by-zero', at: pc, message: 'division by the constant zero' };
        break;
      case BPF_ALU | BPF_LSH | BPF_K:
      case BPF_ALU | BPF_RSH | BPF_K:
        if (k >= 32)
          return { reason: 'shift-out-of-range', at: pc, message: `a shift by ${k}; a register has 32 bits` };
        break;
      case BPF_LD | BPF_MEM:
      case BPF_LDX | BPF_MEM:
      case BPF_ST:
      case BPF_STX:
        if (k >= BPF_MEMWORDS)
          return {
            reason: 'memory-out-of-range',
            at: pc,
            message: `M[${k}]; there are M[0] to M[${BPF_MEMWORDS - 1}]`,
          };
        break;
      case BPF_JMP | BPF_JA:
        if (k >= length - pc - 1) return jumpOutOfRange(pc, k);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
      case BPF_JMP | BPF_JEQ | BPF_X:
      case BPF_JMP | BPF_JGT | BPF_K:
      case BPF_JMP | BPF_JGT | BPF_X:
      case BPF_JMP | BPF_JGE | BPF_K:
      case BPF_JMP | BPF_JGE | BPF_X:
      case BPF_JMP | BPF_JSET | BPF_K:
      case BPF_JMP | BPF_JSET | BPF_X:
        if (pc + 1 + jt >= length) return jumpOutOfRange(pc, jt);
        if (pc + 1 + jf >= length) return jumpOutOfRange(pc, jf);
        break;
      case BPF_LD | BPF_W | BPF_ABS:
      case BPF_LD | BPF_H | BPF_ABS:
      case BPF_LD | BPF_B | BPF_ABS: {
        const ancillary = k - SKF_AD_OFF;
        if (ancillary >= 0 && (ancillary >= SKF_AD_MAX || ancillary % 4 !== 0))
          return { reason: 'unknown-ancillary', at: pc, message: `SKF_AD_OFF + ${ancillary} names nothing` };
        break;
      }
    }
  }
  const last = program[length - 1]!.code;
  if (last !== (BPF_RET | BPF_K) && last !== (BPF_RET | BPF_A))
    return { reason: 'no-return-at-end', at: length - 1, message: 'the last instruction must be a return' };
  return checkLoadsAndStores(program);
}

const jumpOutOfRange = (at: number, skip: number): Rejection => ({
  reason: 'jump-out-of-range',
  at,
  message: `a jump over ${skip} instructions, past the end of the program`,
});

/** Every load of M[k] has a store before it on every path. One pass is enough, since jumps go forward only. As in the
 * kernel, what follows a jump counts as initialised until a jump that lands there says otherwise, and a return does not
 * end the state before it: code that nothing reaches is judged by what stands above it. */
function checkLoadsAndStores(program: BpfProgram): Rejection | null {
  const ALL = 0xffff;
  const masks = new Uint16Array(program.length).fill(ALL);
  let valid = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const { code, jt, jf, k } = program[pc]!;
    valid &= masks[pc]!;
    switch (code) {
      case BPF_ST:
      case BPF_STX:
        valid |= 1 << k;
        break;
      case BPF_LD | BPF_MEM:
      case BPF_LDX | BPF_MEM:
        if ((valid & (1 << k)) === 0)
          return { reason: 'load-before-store', at: pc, message: `M[${k}] is read on a path that never writes it` };
        break;
      case BPF_JMP | BPF_JA:
        masks[pc + 1 + k]! &= valid;
        valid = ALL;
        break;
      default:
        if ((code & 0x07) === BPF_JMP) {
          masks[pc + 1 + jt]! &= valid;
          masks[pc + 1 + jf]! &= valid;
          valid = ALL;
        }
    }
  }
  return null;
}
