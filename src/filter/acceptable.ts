/** Small changes that make a compiled program pass Linux's checker (sk_chk_filter() in net/core/filter.c) where it would
 * refuse it, without a change of what the program accepts. libpcap leaves such programs as they are, and the kernel then
 * refuses them. */
import {
  BPF_ABS,
  BPF_JA,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_MEM,
  BPF_RET,
  BPF_ST,
  BPF_STX,
  bpfClass,
  bpfMode,
  bpfOperation,
  SKF_AD_MAX,
  SKF_AD_OFF,
} from './opcodes.ts';
import type { BpfInstruction } from './program.ts';
import { trim } from './trim.ts';

/** An offset that no packet has, and that the checker lets pass. */
const BEYOND_ALL_PACKETS = 0x7fffffff;
/** Ancillary loads are this far apart. */
const ANCILLARY_STEP = 4;

/** The program with loads outside of every packet, and scratch memory, as Linux wants them. */
export const acceptable = (program: readonly BpfInstruction[]): BpfInstruction[] =>
  storeBeforeLoad(program.map(namedOrBeyond));

/** A load at or above SKF_AD_OFF must be one that has a name. Another one is outside of every packet, so the packet is
 * rejected: it becomes one that says so to the checker too. */
function namedOrBeyond(instruction: BpfInstruction): BpfInstruction {
  const { code, k } = instruction;
  if (bpfClass(code) !== BPF_LD || bpfMode(code) !== BPF_ABS || k < SKF_AD_OFF) return instruction;
  const name = k - SKF_AD_OFF;
  return name < SKF_AD_MAX && name % ANCILLARY_STEP === 0 ? instruction : { ...instruction, k: BEYOND_ALL_PACKETS };
}

/** Every M[k] that some way through the program loads without having stored it (such as what `geneve` computes, in what
 * stands behind `or`) is stored first: A is 0 when a program starts. What can be spared elsewhere then is, so that the
 * program is no longer than libpcap's. */
function storeBeforeLoad(program: BpfInstruction[]): BpfInstruction[] {
  const ALL = 0xffff;
  const stored = new Int32Array(program.length + 1).fill(ALL);
  stored[0] = 0;
  let missing = 0;
  // A protochain; Linux takes no such program anyway.
  let goesBack = false;
  const goesTo = (index: number, memory: number): void => {
    if (index <= program.length) stored[index]! &= memory;
  };
  for (const [index, { code, k, jt, jf }] of program.entries()) {
    let memory = stored[index]!;
    switch (bpfClass(code)) {
      case BPF_LD:
      case BPF_LDX:
        if (bpfMode(code) === BPF_MEM) missing |= ~memory & (1 << k);
        break;
      case BPF_ST:
      case BPF_STX:
        memory |= 1 << k;
        break;
      case BPF_RET:
        continue;
      case BPF_JMP:
        if (bpfOperation(code) === BPF_JA) {
          goesBack ||= k > BEYOND_ALL_PACKETS;
          goesTo(index + 1 + k, memory);
        } else {
          goesTo(index + 1 + jt, memory);
          goesTo(index + 1 + jf, memory);
        }
        continue;
    }
    goesTo(index + 1, memory);
  }
  if (missing === 0) return program;
  const stores: BpfInstruction[] = [];
  for (let register = 0; 1 << register <= missing; register++)
    if ((missing & (1 << register)) !== 0) stores.push({ code: BPF_ST, jt: 0, jf: 0, k: register });
  return [...stores, ...(goesBack ? program : trim(program))];
}
