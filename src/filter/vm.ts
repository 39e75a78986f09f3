/** The interpreter of classic BPF.
 *
 * Two interpreters exist in the world, and they differ at the edges. `'linux'` is the kernel's (net/core/filter.c, after
 * its translation to eBPF), which decides what an attached filter lets through; `'libpcap'` is that of libpcap's
 * bpf_filter(), which decides what `tcpdump -r` prints. Both: registers are 32 bits, unsigned; a load that is not wholly
 * inside the captured bytes ends the program with 0; so does a division by a zero X. They differ so:
 *
 * |                                    | linux                                   | libpcap                           |
 * | ---------------------------------- | --------------------------------------- | --------------------------------- |
 * | shift by an X of 32 and more       | by the low five bits of X               | gives 0                           |
 * | [x + k] beyond 2^32                | wraps round, and may be inside again    | outside: ends with 0              |
 * | offsets from SKF_LL_OFF up         | link and network header                 | outside: ends with 0              |
 * | offsets from SKF_AD_OFF up (ld [k])| what the kernel knows of the packet     | VLAN tag where known, else 0      |
 * | ja by a k of 2^31 and more         | refused by the checker                  | jumps back (ip6 protochain)       |
 */
import { type Ancillary, NO_ANCILLARY, nestedNetlinkAttribute, netlinkAttribute } from './ancillary.ts';
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
  SKF_AD_ALU_XOR_X,
  SKF_AD_CPU,
  SKF_AD_HATYPE,
  SKF_AD_IFINDEX,
  SKF_AD_MARK,
  SKF_AD_NLATTR,
  SKF_AD_NLATTR_NEST,
  SKF_AD_OFF,
  SKF_AD_PAY_OFFSET,
  SKF_AD_PKTTYPE,
  SKF_AD_PROTOCOL,
  SKF_AD_QUEUE,
  SKF_AD_RANDOM,
  SKF_AD_RXHASH,
  SKF_AD_VLAN_TAG,
  SKF_AD_VLAN_TAG_PRESENT,
  SKF_AD_VLAN_TPID,
  SKF_LL_OFF,
  SKF_NET_OFF,
} from './opcodes.ts';
import type { BpfProgram } from './program.ts';

// The codes, put together once: a case that is computed from imports is computed each time that it is reached.
const LD_W_ABS = BPF_LD | BPF_W | BPF_ABS;
const LD_H_ABS = BPF_LD | BPF_H | BPF_ABS;
const LD_B_ABS = BPF_LD | BPF_B | BPF_ABS;
const LD_W_IND = BPF_LD | BPF_W | BPF_IND;
const LD_H_IND = BPF_LD | BPF_H | BPF_IND;
const LD_B_IND = BPF_LD | BPF_B | BPF_IND;
const LDX_B_MSH = BPF_LDX | BPF_B | BPF_MSH;
const LD_W_LEN = BPF_LD | BPF_W | BPF_LEN;
const LDX_W_LEN = BPF_LDX | BPF_W | BPF_LEN;
const LD_IMM = BPF_LD | BPF_IMM;
const LDX_IMM = BPF_LDX | BPF_IMM;
const LD_MEM = BPF_LD | BPF_MEM;
const LDX_MEM = BPF_LDX | BPF_MEM;
const ST = BPF_ST;
const STX = BPF_STX;
const JMP_JA = BPF_JMP | BPF_JA;
const JMP_JEQ_K = BPF_JMP | BPF_JEQ | BPF_K;
const JMP_JEQ_X = BPF_JMP | BPF_JEQ | BPF_X;
const JMP_JGT_K = BPF_JMP | BPF_JGT | BPF_K;
const JMP_JGT_X = BPF_JMP | BPF_JGT | BPF_X;
const JMP_JGE_K = BPF_JMP | BPF_JGE | BPF_K;
const JMP_JGE_X = BPF_JMP | BPF_JGE | BPF_X;
const JMP_JSET_K = BPF_JMP | BPF_JSET | BPF_K;
const JMP_JSET_X = BPF_JMP | BPF_JSET | BPF_X;
const ALU_ADD_K = BPF_ALU | BPF_ADD | BPF_K;
const ALU_ADD_X = BPF_ALU | BPF_ADD | BPF_X;
const ALU_SUB_K = BPF_ALU | BPF_SUB | BPF_K;
const ALU_SUB_X = BPF_ALU | BPF_SUB | BPF_X;
const ALU_MUL_K = BPF_ALU | BPF_MUL | BPF_K;
const ALU_MUL_X = BPF_ALU | BPF_MUL | BPF_X;
const ALU_DIV_K = BPF_ALU | BPF_DIV | BPF_K;
const ALU_DIV_X = BPF_ALU | BPF_DIV | BPF_X;
const ALU_MOD_K = BPF_ALU | BPF_MOD | BPF_K;
const ALU_MOD_X = BPF_ALU | BPF_MOD | BPF_X;
const ALU_AND_K = BPF_ALU | BPF_AND | BPF_K;
const ALU_AND_X = BPF_ALU | BPF_AND | BPF_X;
const ALU_OR_K = BPF_ALU | BPF_OR | BPF_K;
const ALU_OR_X = BPF_ALU | BPF_OR | BPF_X;
const ALU_XOR_K = BPF_ALU | BPF_XOR | BPF_K;
const ALU_XOR_X = BPF_ALU | BPF_XOR | BPF_X;
const ALU_LSH_K = BPF_ALU | BPF_LSH | BPF_K;
const ALU_LSH_X = BPF_ALU | BPF_LSH | BPF_X;
const ALU_RSH_K = BPF_ALU | BPF_RSH | BPF_K;
const ALU_RSH_X = BPF_ALU | BPF_RSH | BPF_X;
const ALU_NEG = BPF_ALU | BPF_NEG;
const MISC_TAX = BPF_MISC | BPF_TAX;
const MISC_TXA = BPF_MISC | BPF_TXA;
const RET_K = BPF_RET | BPF_K;
const RET_A = BPF_RET | BPF_A;

export type Semantics = 'linux' | 'libpcap';

/** All that libpcap takes from a capture beside the bytes (struct pcap_bpf_aux_data). */
const LIBPCAP_VLAN_TAG = SKF_AD_OFF + SKF_AD_VLAN_TAG;
const LIBPCAP_VLAN_TAG_PRESENT = SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT;

/** What an instrumented run tells after each instruction: its index, the registers after it, and the scratch memory
 * (reused: copy it to keep it). */
export type Watcher = (pc: number, a: number, x: number, memory: Uint32Array) => void;

const OUTSIDE = -1;

/** Index in `bytes` of a load of `size` bytes at `k` under Linux's rules, or OUTSIDE. `k` is an unsigned offset. */
export function locate(
  k: number,
  size: number,
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  ancillary: Ancillary,
): number {
  if (k <= 0x7fffffff) return k + size <= capturedLength ? offset + k : OUTSIDE;
  // bpf_internal_load_pointer_neg_helper(): only these two ranges mean anything, and SKF_AD_OFF has no meaning here.
  let at: number;
  if (k >= SKF_NET_OFF) at = k - SKF_NET_OFF + ancillary.networkOffset;
  else if (k >= SKF_LL_OFF && ancillary.linkOffset !== null) at = k - SKF_LL_OFF + ancillary.linkOffset;
  else return OUTSIDE;
  return offset + at >= 0 && at + size <= capturedLength && offset + at + size <= bytes.length ? offset + at : OUTSIDE;
}

const readWord = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

const scratch = new Uint32Array(BPF_MEMWORDS);

/** Runs `program` over the packet that starts at `offset` of `bytes` and of which `capturedLength` bytes are there, and
 * returns its verdict: how many bytes of the packet to keep, 0 to 2^32 - 1; 0 rejects it.
 *
 * `originalLength` is what `ld #pktlen` gives. The program must have passed `validate` (under `'libpcap'` it may jump
 * back by `ja`, as libpcap's own programs do; one that never ends is not defended against). Allocates nothing. Not
 * reentrant from a getter of `ancillary` or from `watch`. Throws RangeError where the program is not a valid one. */
export function run(
  program: BpfProgram,
  bytes: Uint8Array,
  offset: number,
  capturedLength: number,
  originalLength: number,
  ancillary: Ancillary = NO_ANCILLARY,
  semantics: Semantics = 'linux',
  watch?: Watcher,
): number {
  const linux = semantics === 'linux';
  const memory = scratch;
  let a = 0;
  let x = 0;
  for (let pc = 0; pc < program.length; pc++) {
    const here = pc;
    const { code, jt, jf, k } = program[pc]!;
    switch (code) {
      case LD_W_ABS:
      case LD_H_ABS:
      case LD_B_ABS: {
        if (k >= SKF_AD_OFF) {
          if (!linux) {
            if (ancillary === NO_ANCILLARY) return 0;
            if (k === LIBPCAP_VLAN_TAG) a = ancillary.vlanTag;
            else if (k === LIBPCAP_VLAN_TAG_PRESENT) a = ancillary.vlanTagPresent;
            else return 0;
            break;
          }
          switch (k - SKF_AD_OFF) {
            case SKF_AD_IFINDEX:
            case SKF_AD_HATYPE:
              // Without a device the kernel ends the program, and what A holds then is the verdict.
              if (ancillary.ifindex === 0) return a;
              a = k - SKF_AD_OFF === SKF_AD_IFINDEX ? ancillary.ifindex : ancillary.hatype;
              break;
            case SKF_AD_NLATTR:
              a = netlinkAttribute(bytes, offset, capturedLength, a, x);
              break;
            case SKF_AD_NLATTR_NEST:
              a = nestedNetlinkAttribute(bytes, offset, capturedLength, a, x);
              break;
            case SKF_AD_ALU_XOR_X:
              a = (a ^ x) >>> 0;
              break;
            default:
              a = ancillaryValue(ancillary, k - SKF_AD_OFF, pc);
          }
          break;
        }
        const size = code === LD_W_ABS ? 4 : code === LD_H_ABS ? 2 : 1;
        let at = offset + k;
        if (k + size > capturedLength) {
          if (!linux || (at = locate(k, size, bytes, offset, capturedLength, ancillary)) === OUTSIDE) return 0;
        }
        a = size === 4 ? readWord(bytes, at) : size === 2 ? (bytes[at]! << 8) | bytes[at + 1]! : bytes[at]!;
        break;
      }
      case LD_W_IND:
      case LD_H_IND:
      case LD_B_IND: {
        const size = code === LD_W_IND ? 4 : code === LD_H_IND ? 2 : 1;
        let at = offset + x + k;
        if (x + k + size > capturedLength) {
          if (!linux || (at = locate((x + k) >>> 0, size, bytes, offset, capturedLength, ancillary)) === OUTSIDE)
            return 0;
        }
        a = size === 4 ? readWord(bytes, at) : size === 2 ? (bytes[at]! << 8) | bytes[at + 1]! : bytes[at]!;
        break;
      }
      case LDX_B_MSH: {
        let at = offset + k;
        if (k + 1 > capturedLength) {
          if (!linux || (at = locate(k, 1, bytes, offset, capturedLength, ancillary)) === OUTSIDE) return 0;
        }
        x = (bytes[at]! & 0xf) << 2;
        break;
      }
      case LD_W_LEN:
        a = originalLength;
        break;
      case LDX_W_LEN:
        x = originalLength;
        break;
      case LD_IMM:
        a = k;
        break;
      case LDX_IMM:
        x = k;
        break;
      case LD_MEM:
        a = memory[k]!;
        break;
      case LDX_MEM:
        x = memory[k]!;
        break;
      case ST:
        memory[k] = a;
        break;
      case STX:
        memory[k] = x;
        break;
      case JMP_JA:
        pc += linux ? k : k | 0;
        break;
      case JMP_JEQ_K:
        pc += a === k ? jt : jf;
        break;
      case JMP_JEQ_X:
        pc += a === x ? jt : jf;
        break;
      case JMP_JGT_K:
        pc += a > k ? jt : jf;
        break;
      case JMP_JGT_X:
        pc += a > x ? jt : jf;
        break;
      case JMP_JGE_K:
        pc += a >= k ? jt : jf;
        break;
      case JMP_JGE_X:
        pc += a >= x ? jt : jf;
        break;
      case JMP_JSET_K:
        pc += (a & k) !== 0 ? jt : jf;
        break;
      case JMP_JSET_X:
        pc += (a & x) !== 0 ? jt : jf;
        break;
      case ALU_ADD_K:
        a = (a + k) >>> 0;
        break;
      case ALU_ADD_X:
        a = (a + x) >>> 0;
        break;
      case ALU_SUB_K:
        a = (a - k) >>> 0;
        break;
      case ALU_SUB_X:
        a = (a - x) >>> 0;
        break;
      case ALU_MUL_K:
        a = Math.imul(a, k) >>> 0;
        break;
      case ALU_MUL_X:
        a = Math.imul(a, x) >>> 0;
        break;
      case ALU_DIV_K:
        a = (a / k) >>> 0;
        break;
      case ALU_DIV_X:
        if (x === 0) return 0;
        a = (a / x) >>> 0;
        break;
      case ALU_MOD_K:
        a %= k;
        break;
      case ALU_MOD_X:
        if (x === 0) return 0;
        a %= x;
        break;
      case ALU_AND_K:
        a = (a & k) >>> 0;
        break;
      case ALU_AND_X:
        a = (a & x) >>> 0;
        break;
      case ALU_OR_K:
        a = (a | k) >>> 0;
        break;
      case ALU_OR_X:
        a = (a | x) >>> 0;
        break;
      case ALU_XOR_K:
        a = (a ^ k) >>> 0;
        break;
      case ALU_XOR_X:
        a = (a ^ x) >>> 0;
        break;
      case ALU_LSH_K:
        a = (a << k) >>> 0;
        break;
      case ALU_LSH_X:
        // `<<` takes the low five bits of its right side, as the kernel's shift does.
        a = linux || x < 32 ? (a << x) >>> 0 : 0;
        break;
      case ALU_RSH_K:
        a >>>= k;
        break;
      case ALU_RSH_X:
        a = linux || x < 32 ? a >>> x : 0;
        break;
      case ALU_NEG:
        a = -a >>> 0;
        break;
      case MISC_TAX:
        x = a;
        break;
      case MISC_TXA:
        a = x;
        break;
      case RET_K:
        watch?.(pc, a, x, memory);
        return k;
      case RET_A:
        watch?.(pc, a, x, memory);
        return a;
      default:
        throw new RangeError(`instruction ${pc} has the unknown code 0x${code.toString(16)}`);
    }
    watch?.(here, a, x, memory);
  }
  throw new RangeError('the program ends without a return');
}

/** The loads at SKF_AD_OFF that only look something up. */
function ancillaryValue(ancillary: Ancillary, which: number, pc: number): number {
  switch (which) {
    case SKF_AD_PROTOCOL:
      return ancillary.protocol;
    case SKF_AD_PKTTYPE:
      return ancillary.pktType;
    case SKF_AD_MARK:
      return ancillary.mark;
    case SKF_AD_QUEUE:
      return ancillary.queue;
    case SKF_AD_RXHASH:
      return ancillary.rxhash;
    case SKF_AD_CPU:
      return ancillary.cpu;
    case SKF_AD_VLAN_TAG:
      return ancillary.vlanTag;
    case SKF_AD_VLAN_TAG_PRESENT:
      return ancillary.vlanTagPresent;
    case SKF_AD_VLAN_TPID:
      return ancillary.vlanTpid;
    case SKF_AD_PAY_OFFSET:
      return ancillary.payOffset;
    case SKF_AD_RANDOM:
      return ancillary.random;
    default:
      throw new RangeError(`instruction ${pc}: SKF_AD_OFF + ${which} names nothing`);
  }
}
