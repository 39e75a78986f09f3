/** Programs for a packet socket, made from programs over whole frames. */
import * as bpf from '../uapi/filter.ts';
import { PACKET_OUTGOING } from '../uapi/if_packet.ts';
import { LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from './linktype.ts';

type Program = readonly bpf.SockFilter[];

const RET_K = bpf.BPF_RET | bpf.BPF_K;
const LD_W_ABS = bpf.BPF_LD | bpf.BPF_W | bpf.BPF_ABS;
const JEQ_K = bpf.BPF_JMP | bpf.BPF_JEQ | bpf.BPF_K;

const instruction = (code: number, k: number, jt = 0, jf = 0): bpf.SockFilter => ({ code, jt, jf, k: k >>> 0 });
const ancillary = (what: number): bpf.SockFilter => instruction(LD_W_ABS, bpf.SKF_AD_OFF + what);

/** Which frames a direction lets through. */
export type Direction = 'in' | 'out' | 'inout';

/** Puts a test of the frame's direction in front of a program, and caps the bytes that it accepts. `loopback` is the
 * index of the loopback device where the socket may see it: each of its frames is seen going out and coming in, and only
 * the second is wanted, as libpcap does it. null: the direction does not matter. The program's registers and memory
 * are as at the start when it begins. */
export function socketProgram(
  program: Program | null,
  {
    direction = 'inout',
    loopback = null,
    everyFrameIsLoopback = false,
    snapLength,
  }: {
    direction?: Direction;
    loopback?: number | null;
    everyFrameIsLoopback?: boolean;
    /** Bytes that an accepted frame is cut to; at least 1, since 0 means rejected. */
    snapLength: number;
  },
): bpf.SockFilter[] {
  const reject = instruction(RET_K, 0);
  const body = (program ?? [instruction(RET_K, 0xffffffff)]).map((one) =>
    one.code === RET_K && one.k !== 0 ? instruction(RET_K, Math.min(one.k, Math.max(1, snapLength))) : one,
  );
  const head: bpf.SockFilter[] = [];
  if (everyFrameIsLoopback) {
    // Going out: never. Coming in: unless only outgoing frames are asked for.
    if (direction === 'out') return [reject];
    head.push(ancillary(bpf.SKF_AD_PKTTYPE), instruction(JEQ_K, PACKET_OUTGOING, 0, 1), reject);
  } else {
    if (direction === 'in') head.push(ancillary(bpf.SKF_AD_PKTTYPE), instruction(JEQ_K, PACKET_OUTGOING, 0, 1), reject);
    if (direction === 'out')
      head.push(ancillary(bpf.SKF_AD_PKTTYPE), instruction(JEQ_K, PACKET_OUTGOING, 1, 0), reject);
    if (loopback !== null && direction !== 'in')
      head.push(
        ancillary(bpf.SKF_AD_PKTTYPE),
        instruction(JEQ_K, PACKET_OUTGOING, 0, 3),
        ancillary(bpf.SKF_AD_IFINDEX),
        instruction(JEQ_K, loopback, 0, 1),
        reject,
      );
  }
  // The accumulator is 0 when a program starts (packet sockets, Linux), and a program may count on it.
  if (head.length > 0) head.push(instruction(bpf.BPF_LD | bpf.BPF_IMM, 0));
  return [...head, ...body];
}

/** Length of the header that a cooked frame gets, by link type; 0 for others. */
export const cookedHeaderLength = (linkType: number): number =>
  linkType === LINKTYPE_LINUX_SLL ? 16 : linkType === LINKTYPE_LINUX_SLL2 ? 20 : 0;

/** A program over cooked frames as one for a SOCK_DGRAM socket, which sees the packet without the cooked header: loads from
 * the header become loads of the same datum from the kernel's ancillary data, others move by the header's length. null
 * where the program looks at something that has no counterpart there (the sender's address, say), or loads a half of a
 * field: then the frames have to be filtered here. */
export function cookedProgram(program: Program, linkType: number): bpf.SockFilter[] | null {
  const header = cookedHeaderLength(linkType);
  if (header === 0) return [...program];
  const out: bpf.SockFilter[] = [];
  for (const one of program) {
    const kind = one.code & 0x07;
    const mode = one.code & 0xe0;
    const size = one.code & 0x18;
    if (kind === bpf.BPF_LD && mode === bpf.BPF_LEN) return null;
    const fromPacket =
      (kind === bpf.BPF_LD && (mode === bpf.BPF_ABS || mode === bpf.BPF_IND)) ||
      (kind === bpf.BPF_LDX && mode === bpf.BPF_MSH);
    if (!fromPacket || one.k >= bpf.SKF_LL_OFF) {
      out.push(one);
      continue;
    }
    if (one.k >= header) {
      out.push({ ...one, k: one.k - header });
      continue;
    }
    if (mode !== bpf.BPF_ABS) return null;
    const datum = cookedField(linkType, one.k, size);
    if (datum === null) return null;
    out.push(ancillary(datum));
  }
  return out;
}

/** The ancillary datum (SKF_AD_) that equals the cooked header's field at `offset` when it is loaded with `size`. */
function cookedField(linkType: number, offset: number, size: number): number | null {
  if (linkType === LINKTYPE_LINUX_SLL) {
    // pcap-linktype(7), LINKTYPE_LINUX_SLL: packet type 0, ARPHRD_ type 2, address length 4, address 6, protocol 14.
    // The packet type is not the kernel's for frames that others sent: equal for all that a packet socket sees.
    if (size !== bpf.BPF_H) return null;
    if (offset === 0) return bpf.SKF_AD_PKTTYPE;
    if (offset === 2) return bpf.SKF_AD_HATYPE;
    return offset === 14 ? bpf.SKF_AD_PROTOCOL : null;
  }
  // LINKTYPE_LINUX_SLL2: protocol 0, interface 4 (32 bits), ARPHRD_ type 8, packet type 10 (8 bits), length 11, address 12.
  if (offset === 0 && size === bpf.BPF_H) return bpf.SKF_AD_PROTOCOL;
  if (offset === 4 && size === bpf.BPF_W) return bpf.SKF_AD_IFINDEX;
  if (offset === 8 && size === bpf.BPF_H) return bpf.SKF_AD_HATYPE;
  return offset === 10 && size === bpf.BPF_B ? bpf.SKF_AD_PKTTYPE : null;
}
