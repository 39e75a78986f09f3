/** Programs drawn at random: valid ones that do something, and mutations of them that may not be valid. */
import * as bpf from '../../../src/filter/opcodes.ts';
import type { BpfInstruction, BpfProgram } from '../../../src/filter/program.ts';
import { seededRandom } from '../../../src/time/random.ts';

export class Dice {
  readonly seed: number;
  readonly #next: () => number;

  constructor(seed: number) {
    this.seed = seed;
    this.#next = seededRandom(seed);
  }

  /** 0 to `below - 1`. */
  below(below: number): number {
    return this.#next() % below;
  }

  /** 32 bits. */
  word(): number {
    return this.#next();
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }
}

const EDGES = [0, 1, 2, 3, 12, 14, 15, 31, 32, 63, 64, 255, 256, 0x800, 0xffff, 0x10000, 0x7fffffff, 0x80000000];
const LATE_EDGES = [0xffe00000, 0xfff00000, 0xfff00004, 0xfffff000, 0xfffffff0, 0xfffffffe, 0xffffffff];

const operations = [
  bpf.BPF_ADD,
  bpf.BPF_SUB,
  bpf.BPF_MUL,
  bpf.BPF_DIV,
  bpf.BPF_MOD,
  bpf.BPF_AND,
  bpf.BPF_OR,
  bpf.BPF_XOR,
];
const shifts = [bpf.BPF_LSH, bpf.BPF_RSH];
const tests = [bpf.BPF_JEQ, bpf.BPF_JGT, bpf.BPF_JGE, bpf.BPF_JSET];
const sizes = [bpf.BPF_W, bpf.BPF_H, bpf.BPF_B];

/** Offsets of headers, of the packet's end and beyond 32 bits, as they come up in programs. */
const offset = (dice: Dice): number =>
  dice.once(30) ? dice.pick([...EDGES, ...LATE_EDGES]) : dice.once(3) ? dice.below(80) : dice.below(20);

const constant = (dice: Dice): number =>
  dice.once(3) ? dice.word() : dice.once(2) ? dice.pick([...EDGES, ...LATE_EDGES]) : dice.below(256);

/** A valid program of about `length` instructions that ends with A as its verdict (as far as `mask`, which is ANDed in
 * before the return). `withAncillary`: the loads at SKF_AD_OFF may come up. */
export function randomProgram(
  dice: Dice,
  length: number,
  { mask = 0xffffffff, withAncillary = false }: { mask?: number; withAncillary?: boolean } = {},
): BpfProgram {
  const program: BpfInstruction[] = [];
  const stored: number[] = [];
  const emit = (code: number, k = 0, jt = 0, jf = 0): void => void program.push({ code, jt, jf, k });
  // Cells that every path has written: all stores stand before the first jump.
  for (let index = dice.below(3); index > 0; index--) {
    const cell = dice.below(bpf.BPF_MEMWORDS);
    emit(bpf.BPF_LD | bpf.BPF_IMM, constant(dice));
    emit(dice.pick([bpf.BPF_ST, bpf.BPF_STX]), cell);
    stored.push(cell);
  }
  while (program.length < length) {
    const left = length - program.length;
    switch (dice.below(16)) {
      case 0:
      case 1:
      case 2:
        emit(bpf.BPF_LD | dice.pick(sizes) | bpf.BPF_ABS, offset(dice) % 0xfffff000);
        break;
      case 3:
      case 4:
        emit(bpf.BPF_LD | dice.pick(sizes) | bpf.BPF_IND, offset(dice));
        break;
      case 5:
        emit(bpf.BPF_LDX | bpf.BPF_B | bpf.BPF_MSH, offset(dice));
        break;
      case 6:
        emit(dice.pick([bpf.BPF_LD, bpf.BPF_LDX]) | bpf.BPF_IMM, dice.once(2) ? dice.below(40) : constant(dice));
        break;
      case 7:
        emit(dice.pick([bpf.BPF_LD, bpf.BPF_LDX]) | bpf.BPF_LEN);
        break;
      case 8:
        emit(bpf.BPF_MISC | dice.pick([bpf.BPF_TAX, bpf.BPF_TXA]));
        break;
      case 9:
        if (stored.length > 0) emit(dice.pick([bpf.BPF_LD, bpf.BPF_LDX]) | bpf.BPF_MEM, dice.pick(stored));
        else emit(bpf.BPF_ALU | bpf.BPF_NEG);
        break;
      case 10:
        if (dice.once(2)) emit(bpf.BPF_ALU | dice.pick(shifts) | bpf.BPF_K, dice.below(32));
        else emit(bpf.BPF_ALU | dice.pick(shifts) | bpf.BPF_X);
        break;
      case 11:
      case 12:
        if (dice.once(2)) emit(bpf.BPF_ALU | dice.pick(operations) | bpf.BPF_K, Math.max(constant(dice), 1));
        else emit(bpf.BPF_ALU | dice.pick(operations) | bpf.BPF_X);
        break;
      case 13:
        if (withAncillary) emit(bpf.BPF_LD | dice.pick(sizes) | bpf.BPF_ABS, bpf.SKF_AD_OFF + 4 * dice.below(16));
        break;
      default: {
        const reach = Math.min(left, 255);
        if (dice.once(8)) emit(bpf.BPF_JMP | bpf.BPF_JA, dice.below(Math.min(reach, 6)));
        else
          emit(
            bpf.BPF_JMP | dice.pick(tests) | dice.pick([bpf.BPF_K, bpf.BPF_X]),
            constant(dice),
            dice.below(Math.min(reach, 8)),
            dice.below(Math.min(reach, 8)),
          );
      }
    }
    if (dice.once(25))
      emit(bpf.BPF_RET | dice.pick([bpf.BPF_K, bpf.BPF_A]), dice.below(mask === 0xffffffff ? mask : mask + 1));
  }
  if (mask !== 0xffffffff) emit(bpf.BPF_ALU | bpf.BPF_AND | bpf.BPF_K, mask);
  emit(bpf.BPF_RET | bpf.BPF_A);
  return program;
}

/** A copy of `program` with one to four things changed: a code, an operand, a target, an instruction lost, doubled or
 * moved. */
export function mutate(dice: Dice, program: BpfProgram): BpfProgram {
  const copy = program.map((instruction) => ({ ...instruction }));
  for (let changes = 1 + dice.below(4); changes > 0; changes--) {
    const at = dice.below(copy.length);
    const instruction = copy[at]!;
    switch (dice.below(11)) {
      case 0:
        instruction.code = dice.below(256);
        break;
      case 1:
        instruction.code = dice.once(4) ? dice.below(0x10000) : instruction.code ^ (1 << dice.below(9));
        break;
      case 2:
        instruction.k = dice.once(3) ? dice.word() : dice.pick([...EDGES, ...LATE_EDGES]);
        break;
      case 3:
        instruction.k = bpf.SKF_AD_OFF + dice.below(80) - 4;
        break;
      case 4:
        instruction.k = dice.below(20);
        break;
      case 5:
        instruction.jt = dice.below(256);
        break;
      case 6:
        instruction.jf = dice.below(copy.length + 2) % 256;
        break;
      case 7:
        if (copy.length > 1) copy.splice(at, 1);
        break;
      case 8:
        copy.splice(at, 0, { ...dice.pick(copy) });
        break;
      case 9:
        copy[at] = dice.once(2)
          ? { code: bpf.BPF_ALU | bpf.BPF_K | dice.pick(shifts), jt: 0, jf: 0, k: 29 + dice.below(6) }
          : { code: bpf.BPF_ALU | bpf.BPF_K | dice.pick([bpf.BPF_DIV, bpf.BPF_MOD]), jt: 0, jf: 0, k: dice.below(3) };
        break;
      default:
        copy[at] = {
          code: dice.pick([bpf.BPF_ST, bpf.BPF_STX, bpf.BPF_LD | bpf.BPF_MEM, bpf.BPF_LDX | bpf.BPF_MEM]),
          jt: 0,
          jf: 0,
          k: dice.below(18),
        };
    }
  }
  return copy;
}

/** `count` packets of 0 to 90 bytes; small values are frequent, since offsets come from them. */
export function randomPackets(dice: Dice, count: number): Uint8Array[] {
  return Array.from({ length: count }, () =>
    Uint8Array.from({ length: dice.below(91) }, () => (dice.once(2) ? dice.below(16) : dice.below(256))),
  );
}
