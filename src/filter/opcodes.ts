/** The instruction code of classic BPF taken apart. The constants are `uapi/filter.ts`'s, handed on so that this room
 * names one place.
 *
 * A code is a sum: three low bits of class; then for loads a size and a mode, for arithmetic and jumps an operation and
 * the source of the operand (K or X), for a return the source of the value. Source: linux/bpf_common.h. */
import { BPF_H, BPF_JA, BPF_JMP, BPF_W } from '../uapi/filter.ts';

export * from '../uapi/filter.ts';

/** The parts of a code, as the macros BPF_CLASS() and the rest take it apart. */
export const bpfClass = (code: number): number => code & 0x07;
export const bpfSize = (code: number): number => code & 0x18;
export const bpfMode = (code: number): number => code & 0xe0;
export const bpfOperation = (code: number): number => code & 0xf0;
export const bpfSource = (code: number): number => code & 0x08;
/** BPF_RVAL(): where BPF_RET takes its value from. */
export const bpfReturnValue = (code: number): number => code & 0x18;

/** Bytes that a load of this code reads from the packet. */
export const bpfLoadBytes = (code: number): number => {
  const size = bpfSize(code);
  return size === BPF_W ? 4 : size === BPF_H ? 2 : 1;
};

/** True for the conditional jumps, which alone use jt and jf. */
export const isConditionalJump = (code: number): boolean => bpfClass(code) === BPF_JMP && bpfOperation(code) !== BPF_JA;
