import { hostU16, hostU32, putHostU16, putHostU32 } from './host.ts';

/** linux/filter.h and linux/bpf_common.h: classic BPF. */

// Instruction classes
export const BPF_LD = 0x0;
export const BPF_LDX = 0x1;
export const BPF_ST = 0x2;
export const BPF_STX = 0x3;
export const BPF_ALU = 0x4;
export const BPF_JMP = 0x5;
export const BPF_RET = 0x6;
export const BPF_MISC = 0x7;

// Sizes and modes of loads
export const BPF_W = 0x0;
export const BPF_H = 0x8;
export const BPF_B = 0x10;
export const BPF_IMM = 0x0;
export const BPF_ABS = 0x20;
export const BPF_IND = 0x40;
export const BPF_MEM = 0x60;
export const BPF_LEN = 0x80;
export const BPF_MSH = 0xa0;

// Operations of BPF_ALU and BPF_JMP
export const BPF_ADD = 0x0;
export const BPF_SUB = 0x10;
export const BPF_MUL = 0x20;
export const BPF_DIV = 0x30;
export const BPF_OR = 0x40;
export const BPF_AND = 0x50;
export const BPF_LSH = 0x60;
export const BPF_RSH = 0x70;
export const BPF_NEG = 0x80;
export const BPF_MOD = 0x90;
export const BPF_XOR = 0xa0;
export const BPF_JA = 0x0;
export const BPF_JEQ = 0x10;
export const BPF_JGT = 0x20;
export const BPF_JGE = 0x30;
export const BPF_JSET = 0x40;

// Sources, of an operand and of BPF_RET's value
export const BPF_K = 0x0;
export const BPF_X = 0x8;
export const BPF_A = 0x10;

// BPF_MISC
export const BPF_TAX = 0x0;
export const BPF_TXA = 0x80;

export const BPF_MAXINSNS = 4096;
export const BPF_MEMWORDS = 16;

// Ancillary data: loads from SKF_AD_OFF + these (negative offsets, as unsigned 32 bits)
export const SKF_AD_PROTOCOL = 0x0;
export const SKF_AD_PKTTYPE = 0x4;
export const SKF_AD_IFINDEX = 0x8;
export const SKF_AD_NLATTR = 0xc;
export const SKF_AD_NLATTR_NEST = 0x10;
export const SKF_AD_MARK = 0x14;
export const SKF_AD_QUEUE = 0x18;
export const SKF_AD_HATYPE = 0x1c;
export const SKF_AD_RXHASH = 0x20;
export const SKF_AD_CPU = 0x24;
export const SKF_AD_ALU_XOR_X = 0x28;
export const SKF_AD_VLAN_TAG = 0x2c;
export const SKF_AD_VLAN_TAG_PRESENT = 0x30;
export const SKF_AD_PAY_OFFSET = 0x34;
export const SKF_AD_RANDOM = 0x38;
export const SKF_AD_VLAN_TPID = 0x3c;
export const SKF_AD_MAX = 0x40;
export const SKF_LL_OFF = 0xffe00000;
export const SKF_NET_OFF = 0xfff00000;
export const SKF_AD_OFF = 0xfffff000;

export const sock_filter = { sizeof: 8, code: 0, jt: 2, jf: 3, k: 4 } as const;
export const sock_fprog = { sizeof: 16, len: 0, filter: 8 } as const;

/** struct sock_filter as values: code 16 bits, jt and jf 8, k 32 unsigned. */
export interface SockFilter {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** An array of struct sock_filter. */
export function encodeSockFilters(program: readonly SockFilter[]): Uint8Array {
  const bytes = new Uint8Array(program.length * sock_filter.sizeof);
  putSockFilters(bytes, 0, program);
  return bytes;
}

/** struct sock_fprog followed by the instructions that it points to. The pointer is left 0: it is filled by the kernel's
 * side of the contract, which knows where the bytes are (see `SystemCalls.setsockopt`). */
export function encodeSockFprog(program: readonly SockFilter[]): Uint8Array {
  const bytes = new Uint8Array(sock_fprog.sizeof + program.length * sock_filter.sizeof);
  putHostU16(bytes, sock_fprog.len, program.length);
  putSockFilters(bytes, sock_fprog.sizeof, program);
  return bytes;
}

/** The program in a struct sock_fprog that is followed by its instructions; null where they do not fit. */
export function decodeSockFprog(bytes: Uint8Array): SockFilter[] | null {
  if (bytes.length < sock_fprog.sizeof) return null;
  const length = hostU16(bytes, sock_fprog.len);
  if (bytes.length < sock_fprog.sizeof + length * sock_filter.sizeof) return null;
  return decodeSockFilters(bytes.subarray(sock_fprog.sizeof, sock_fprog.sizeof + length * sock_filter.sizeof));
}

/** As many instructions as whole ones are there. */
export function decodeSockFilters(bytes: Uint8Array): SockFilter[] {
  const program: SockFilter[] = [];
  for (let at = 0; at + sock_filter.sizeof <= bytes.length; at += sock_filter.sizeof) {
    program.push({
      code: hostU16(bytes, at + sock_filter.code),
      jt: bytes[at + sock_filter.jt]!,
      jf: bytes[at + sock_filter.jf]!,
      k: hostU32(bytes, at + sock_filter.k),
    });
  }
  return program;
}

function putSockFilters(bytes: Uint8Array, at: number, program: readonly SockFilter[]): void {
  for (const { code, jt, jf, k } of program) {
    putHostU16(bytes, at + sock_filter.code, code);
    bytes[at + sock_filter.jt] = jt;
    bytes[at + sock_filter.jf] = jf;
    putHostU32(bytes, at + sock_filter.k, k);
    at += sock_filter.sizeof;
  }
}
