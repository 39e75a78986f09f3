import type { BpfInstruction, BpfProgram } from '../filter/program.ts';
import {
  BPF_ABS,
  BPF_JEQ,
  BPF_JMP,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  SKF_AD_IFINDEX,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
} from '../uapi/filter.ts';
import { PACKET_OUTGOING } from '../uapi/if_packet.ts';

export type Direction = 'in' | 'out' | 'inout';

const load = (ancillary: number): BpfInstruction => ({
  code: BPF_LD | BPF_W | BPF_ABS,
  jt: 0,
  jf: 0,
  k: (SKF_AD_OFF + ancillary) >>> 0,
});
const ifEqual = (k: number, jt: number, jf: number): BpfInstruction => ({ code: BPF_JMP | BPF_JEQ | BPF_K, jt, jf, k });
const ret = (k: number): BpfInstruction => ({ code: BPF_RET | BPF_K, jt: 0, jf: 0, k });

/** The program that the kernel runs for a ring: `filter` (null: everything) with the direction tested before it, and at
 * most `snaplen` bytes of a frame. In the kernel, so that its counts are of the frames that were asked for.
 *
 * A packet socket sees each frame of the loopback device twice, going out and coming in. As everybody's capture does,
 * the way out is left out there, unless it was asked for. `loopback` is the index of that device where this ring can
 * see it: alone (`onlyLoopback`) or among others. */
export function ringProgram(
  filter: BpfProgram | null,
  direction: Direction,
  snaplen: number,
  loopback: { ifindex: number; only: boolean } | null,
): BpfProgram {
  const program: BpfInstruction[] = [];
  if (direction === 'out') program.push(load(SKF_AD_PKTTYPE), ifEqual(PACKET_OUTGOING, 1, 0), ret(0));
  else if (direction === 'in' || loopback?.only)
    program.push(load(SKF_AD_PKTTYPE), ifEqual(PACKET_OUTGOING, 0, 1), ret(0));
  else if (loopback !== null)
    program.push(
      load(SKF_AD_PKTTYPE),
      ifEqual(PACKET_OUTGOING, 0, 3),
      load(SKF_AD_IFINDEX),
      ifEqual(loopback.ifindex, 0, 1),
      ret(0),
    );
  // An accepting program returns how many bytes to keep.
  for (const instruction of filter ?? [ret(snaplen)]) {
    const accepts = instruction.code === (BPF_RET | BPF_K) && instruction.k > snaplen;
    program.push(accepts ? { ...instruction, k: snaplen } : instruction);
  }
  return program;
}
