/** A classic BPF program: what the compiler makes, the kernel attaches, and the vm and the jit run.
 * Source: linux/filter.h (struct sock_filter), linux/bpf_common.h. */

/** One instruction, struct sock_filter: 16 bits of code, 8 of jt and jf, 32 of k (unsigned). */
export interface BpfInstruction {
  readonly code: number;
  /** Instructions to skip when the test is true; 0 in all but conditional jumps. */
  readonly jt: number;
  /** Instructions to skip when the test is false. */
  readonly jf: number;
  /** Operand, 0 to 2^32 - 1. */
  readonly k: number;
}

export type BpfProgram = readonly BpfInstruction[];
