/** What can be known of a program without running it, for the compiler to JavaScript and for the explanations: how long
 * a packet must be, and how large the registers can get. All programs here jump forward only, so one pass is enough. */
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_DIV,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MISC,
  BPF_MOD,
  BPF_MSH,
  BPF_MUL,
  BPF_OR,
  BPF_RET,
  BPF_RSH,
  BPF_TXA,
  BPF_X,
  BPF_XOR,
  bpfClass,
  bpfLoadBytes,
  bpfMode,
  bpfOperation,
  bpfReturnValue,
  bpfSource,
  SKF_AD_HATYPE,
  SKF_AD_IFINDEX,
  SKF_AD_OFF,
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';

/** The instructions that can come after the one at `index`: none after a return, two after a test (the one taken where
 * it holds first). */
export function successors({ code, jt, jf, k }: BpfInstruction, index: number): number[] {
  if (bpfClass(code) === BPF_RET) return [];
  if (bpfClass(code) !== BPF_JMP) return [index + 1];
  if (bpfOperation(code) === BPF_JA) return [index + 1 + (k | 0)];
  return [index + 1 + jt, index + 1 + jf];
}

/** True where no jump goes back: all that `validate` accepts, and all that libpcap makes but for protochain. */
export const isForwardOnly = (program: BpfProgram): boolean =>
  program.every((instruction, index) => successors(instruction, index).every((next) => next > index));

/** 1 for each instruction that some path from the first one comes to. */
export function reachable(program: BpfProgram): Uint8Array {
  const reached = new Uint8Array(program.length);
  reached[0] = 1;
  for (let index = 0; index < program.length; index++)
    if (reached[index]) for (const next of successors(program[index]!, index)) reached[next] = 1;
  return reached;
}

/** True for loads of packet bytes at a place that the instruction fixes. */
export const isConstantLoad = ({ code, k }: BpfInstruction): boolean =>
  (code === (BPF_LDX | BPF_B | BPF_MSH) || (bpfClass(code) === BPF_LD && bpfMode(code) === BPF_ABS)) && k <= 0x7fffffff;

/** For each instruction, a length: where the captured packet is shorter when the program comes there, its verdict can
 * only be 0. Infinity: the verdict is 0 whatever the packet is. (A load outside the packet rejects it; so an early test
 * against this number means the same as the later ones against each load's own end.) */
export function requiredLengths(program: BpfProgram): Float64Array {
  const required = new Float64Array(program.length);
  for (let index = program.length - 1; index >= 0; index--) {
    const instruction = program[index]!;
    const { code, k } = instruction;
    if (bpfClass(code) === BPF_RET) {
      required[index] = bpfReturnValue(code) !== BPF_A && k === 0 ? Number.POSITIVE_INFINITY : 0;
      continue;
    }
    let later = Number.POSITIVE_INFINITY;
    for (const next of successors(instruction, index)) later = Math.min(later, required[next]!);
    if (isConstantLoad(instruction)) later = Math.max(later, k + bpfLoadBytes(code));
    // Without a device these two end the program with A as the verdict.
    else if (bpfClass(code) === BPF_LD && bpfMode(code) === BPF_ABS)
      if (k === SKF_AD_OFF + SKF_AD_IFINDEX || k === SKF_AD_OFF + SKF_AD_HATYPE) later = 0;
    required[index] = later;
  }
  return required;
}

const LARGEST = 0xffffffff;

/** The largest values that A and X can have before each instruction. */
export interface Ranges {
  a: Float64Array;
  x: Float64Array;
}

export function registerRanges(program: BpfProgram): Ranges {
  const a = new Float64Array(program.length);
  const x = new Float64Array(program.length);
  for (let index = 0; index < program.length; index++) {
    const instruction = program[index]!;
    const { code, k } = instruction;
    let aAfter = a[index]!;
    let xAfter = x[index]!;
    switch (bpfClass(code)) {
      case BPF_LD:
        aAfter = largestLoad(instruction);
        break;
      case BPF_LDX:
        xAfter = bpfMode(code) === BPF_MSH ? 60 : largestLoad(instruction);
        break;
      case BPF_ALU:
        aAfter = largestResult(code, aAfter, bpfSource(code) === BPF_X ? xAfter : k, bpfSource(code) === BPF_K);
        break;
      case BPF_MISC:
        if (code === (BPF_MISC | BPF_TXA)) aAfter = xAfter;
        else xAfter = aAfter;
        break;
    }
    for (const next of successors(instruction, index)) {
      a[next] = Math.max(a[next]!, aAfter);
      x[next] = Math.max(x[next]!, xAfter);
    }
  }
  return { a, x };
}

function largestLoad({ code, k }: BpfInstruction): number {
  const mode = bpfMode(code);
  if (mode === BPF_IMM) return k;
  if (mode === BPF_IND || (mode === BPF_ABS && k < SKF_AD_OFF)) return 2 ** (8 * bpfLoadBytes(code)) - 1;
  return LARGEST;
}

/** `right` is the operand's largest value, or its value where `constant`. */
function largestResult(code: number, left: number, right: number, constant: boolean): number {
  const orOverflow = (value: number): number => Math.min(value, LARGEST);
  const allBits = (value: number): number => 2 ** Math.ceil(Math.log2(value + 1)) - 1;
  switch (bpfOperation(code)) {
    case BPF_ADD:
      return orOverflow(left + right);
    case BPF_MUL:
      return orOverflow(left * right);
    case BPF_DIV:
      return constant && right > 0 ? Math.floor(left / right) : left;
    case BPF_MOD:
      return Math.min(left, Math.max(right - 1, 0));
    case BPF_AND:
      return Math.min(left, right);
    case BPF_OR:
    case BPF_XOR:
      return allBits(Math.max(left, right));
    case BPF_LSH:
      return constant && right < 32 ? orOverflow(left * 2 ** right) : LARGEST;
    case BPF_RSH:
      return constant && right < 32 ? Math.floor(left / 2 ** right) : left;
    default:
      return LARGEST;
  }
}
