/** What comes before and after the code of the expression: the length of headers that are not fixed, and the returns. */
import { LINKTYPE_IEEE802_11_RADIOTAP } from '../../wire/linktype.ts';
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MISC,
  BPF_OR,
  BPF_ST,
  BPF_TAX,
  BPF_TXA,
  BPF_W,
  BPF_X,
} from '../opcodes.ts';
import { and, type Block, type Condition, join, returnBlock, Statement, test } from './block.ts';
import { is80211, LINKTYPE_IEEE802_11_AVS, LINKTYPE_IEEE802_11_PRISM, LINKTYPE_PPI } from './link-types.ts';
import type { State } from './state.ts';

/** Prism: a fixed header of this length, unless it is an AVS header, which begins with this cookie. */
const PRISM_LENGTH = 144;
const AVS_COOKIE = 0x80211000;
const AVS_COOKIE_MASK = 0xfffff000;
const AVS_LENGTH = 4;
/** Radiotap and PPI: two octets of length, little endian. */
const RADIOTAP_LENGTH = 2;
const PPI_DLT = 4;
/** DLT_IEEE802_11 as the little-endian word of a PPI header, read in network order. */
const PPI_DLT_IEEE802_11 = 0x69000000;

/** Radiotap's first word of present fields, read in network order though it is little endian; its fields of 8 bytes of
 * time and 1 of flags come first if they are there. Source: radiotap.org. */
const RADIOTAP_PRESENT = 4;
const PRESENT_TSFT = 0x01000000;
const PRESENT_FLAGS = 0x02000000;
const PRESENT_MORE_WORDS = 0x00000080;
const FLAGS_WITHOUT_TSFT = 8;
const FLAGS_AFTER_TSFT = 16;
/** There is padding between the 802.11 header and its payload. */
const FLAG_DATA_PAD = 0x20;

/** 802.11 header with three addresses, and what a QoS data frame has more. */
const HEADER_LENGTH = 24;
const QOS_LENGTH = 2;
const FC0_DATA = 0x08;
const FC0_CONTROL = 0x04;
const FC0_QOS = 0x80;

const jset = (k: number): Statement => new Statement(BPF_JMP | BPF_JSET | BPF_K, k);

/** Leaves the length of the header before the 802.11 header in X and in its register. */
function prefixLength(state: State, register: number): Statement[] {
  const store = [new Statement(BPF_ST, register), new Statement(BPF_MISC | BPF_TAX)];
  switch (state.outermostLinkType) {
    case LINKTYPE_IEEE802_11_RADIOTAP:
    case LINKTYPE_PPI:
      return [
        new Statement(BPF_LD | BPF_ABS | BPF_B, RADIOTAP_LENGTH + 1),
        new Statement(BPF_ALU | BPF_LSH | BPF_K, 8),
        new Statement(BPF_MISC | BPF_TAX),
        new Statement(BPF_LD | BPF_ABS | BPF_B, RADIOTAP_LENGTH),
        new Statement(BPF_ALU | BPF_OR | BPF_X),
        ...store,
      ];
    case LINKTYPE_IEEE802_11_AVS:
      return [new Statement(BPF_LD | BPF_ABS | BPF_W, AVS_LENGTH), ...store];
    case LINKTYPE_IEEE802_11_PRISM: {
      const isAvs = new Statement(BPF_JMP | BPF_JEQ | BPF_K, AVS_COOKIE);
      const avs = new Statement(BPF_LD | BPF_ABS | BPF_W, AVS_LENGTH);
      const prism = new Statement(BPF_LD | BPF_IMM, PRISM_LENGTH);
      const over = new Statement(BPF_JMP | BPF_JA);
      isAvs.jt = avs;
      isAvs.jf = prism;
      over.jt = store[0]!;
      return [
        new Statement(BPF_LD | BPF_ABS | BPF_W, 0),
        new Statement(BPF_ALU | BPF_AND | BPF_K, AVS_COOKIE_MASK),
        isAvs,
        avs,
        over,
        prism,
        ...store,
      ];
    }
    default:
      return [];
  }
}

/** libpcap forgets radiotap's padding and PPI's link type where a pppoes or geneve stands in the expression. */
const linkTypeAtEnd = (state: State): number =>
  state.options.strict ? state.outermostLinkType : state.layers.linkType;

/** Stores where the payload of the 802.11 frame at X begins; then goes on at `next`. */
function headerLength(state: State, register: number, next: Statement | null): Statement[] {
  state.neverOptimize = true;
  const isData = jset(FC0_DATA);
  const isControl = jset(FC0_CONTROL);
  const isQos = jset(FC0_QOS);
  const addQos = new Statement(BPF_LD | BPF_MEM, register);
  isData.jt = isControl;
  isData.jf = next;
  isControl.jt = next;
  isControl.jf = isQos;
  isQos.jt = addQos;
  isQos.jf = next;
  const statements = [
    new Statement(BPF_MISC | BPF_TXA),
    new Statement(BPF_ALU | BPF_ADD | BPF_K, HEADER_LENGTH),
    new Statement(BPF_ST, register),
    new Statement(BPF_LD | BPF_IND | BPF_B, 0),
    isData,
    isControl,
    isQos,
    addQos,
    new Statement(BPF_ALU | BPF_ADD | BPF_K, QOS_LENGTH),
    new Statement(BPF_ST, register),
  ];
  if (linkTypeAtEnd(state) !== LINKTYPE_IEEE802_11_RADIOTAP) return statements;

  // Some drivers pad the header to a multiple of four, and say so in the flags of the radiotap header. They are looked at
  // where they can be found without going through a second word of present fields.
  const present = new Statement(BPF_LD | BPF_ABS | BPF_W, RADIOTAP_PRESENT);
  const hasFlags = jset(PRESENT_FLAGS);
  const hasMore = jset(PRESENT_MORE_WORDS);
  const hasTsft = jset(PRESENT_TSFT);
  const flagsAfter = new Statement(BPF_LD | BPF_ABS | BPF_B, FLAGS_AFTER_TSFT);
  const padAfter = jset(FLAG_DATA_PAD);
  const flagsWithout = new Statement(BPF_LD | BPF_ABS | BPF_B, FLAGS_WITHOUT_TSFT);
  const padWithout = jset(FLAG_DATA_PAD);
  const round = new Statement(BPF_LD | BPF_MEM, register);
  isQos.jf = present;
  hasFlags.jt = hasMore;
  hasFlags.jf = next;
  hasMore.jt = next;
  hasMore.jf = hasTsft;
  hasTsft.jt = flagsAfter;
  hasTsft.jf = flagsWithout;
  padAfter.jt = round;
  padAfter.jf = next;
  padWithout.jt = round;
  padWithout.jf = next;
  statements.push(
    present,
    hasFlags,
    hasMore,
    hasTsft,
    flagsAfter,
    padAfter,
    flagsWithout,
    padWithout,
    round,
    new Statement(BPF_ALU | BPF_ADD | BPF_K, 3),
    new Statement(BPF_ALU | BPF_AND | BPF_K, ~3),
    new Statement(BPF_ST, register),
  );
  return statements;
}

/** Puts the code that computes variable offsets before the first block. */
function computeOffsets(state: State, head: Block): void {
  // Those of the start of the expression. libpcap takes those of its end, and where a pppoes or geneve has moved them, its
  // program reads registers that nothing has filled.
  const layers = state.outermost;
  // The code for Prism jumps inside of a block; libpcap leaves the program as it is even where that code is not needed.
  if (state.outermostLinkType === LINKTYPE_IEEE802_11_PRISM) state.neverOptimize = true;
  let statements = layers.linkHeader.register.index === -1 ? [] : prefixLength(state, layers.linkHeader.register.index);
  if (is80211(state.outermostLinkType) && layers.linkPayload.register.index !== -1) {
    if (statements.length === 0) statements = [new Statement(BPF_LDX | BPF_IMM, state.outermostLinkHeader)];
    statements = [...statements, ...headerLength(state, layers.linkPayload.register.index, head.statements[0] ?? null)];
  }
  if (statements.length === 0 && state.vlanOffsets)
    statements = [
      new Statement(BPF_LD | BPF_IMM, 0),
      new Statement(BPF_ST, state.registerOf(layers.linkPayload)),
      new Statement(BPF_ST, state.registerOf(layers.linkTypeField)),
    ];
  head.statements = [...statements, ...head.statements];
}

/** Joins the condition to the two returns: `snapLength` bytes, or none. Returns the first block. */
export function finish(state: State, condition: Condition, snapLength: number): Block {
  computeOffsets(state, condition.head);
  if (linkTypeAtEnd(state) === LINKTYPE_PPI)
    condition = and(test(BPF_JEQ, PPI_DLT_IEEE802_11, [new Statement(BPF_LD | BPF_ABS | BPF_W, PPI_DLT)]), condition);
  join(condition.whenTrue, returnBlock(snapLength));
  join(condition.whenFalse, returnBlock(0));
  return condition.head;
}
