/** Sentences about single instructions: what is loaded, what is tested, where it goes on. */
import { type Name, nameOf, prefixLength } from './naming.ts';
import {
  BPF_A,
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_IMM,
  BPF_IND,
  BPF_JA,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MEM,
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
  BPF_TXA,
  BPF_X,
  BPF_XOR,
  bpfClass,
  bpfLoadBytes,
  bpfMode,
  bpfOperation,
  bpfReturnValue,
  bpfSource,
  SKF_AD_OFF,
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';
import { type State, step } from './symbolic.ts';

/** What a test says, and what it says when it fails: clauses without an end mark. */
export function testClauses(
  { code, k }: BpfInstruction,
  state: State,
  linkType: number,
): [holds: string, fails: string] {
  const name = nameOf(state.a, linkType, state.facts);
  const operation = bpfOperation(code);
  const is = name.text.startsWith('bytes ') ? 'are' : 'is';
  if (bpfSource(code) === BPF_X) {
    const other = nameOf(state.x, linkType, state.facts, 'X').text;
    if (operation === BPF_JEQ) return [`${name.text} equals ${other}`, `${name.text} differs from ${other}`];
    if (operation === BPF_JGT)
      return [`${name.text} ${is} greater than ${other}`, `${name.text} ${is} not greater than ${other}`];
    if (operation === BPF_JGE) return [`${name.text} ${is} at least ${other}`, `${name.text} ${is} less than ${other}`];
    return [`${name.text} and ${other} have a bit in common`, `${name.text} and ${other} have no bit in common`];
  }
  if (operation === BPF_JEQ) {
    const network = networkOf(state, k, linkType) ?? comparisonOf(state, k, linkType);
    if (network !== null) return network;
    const value = name.value(k);
    // The names of flags read better without their number.
    if (value === 'set' || value === 'clear')
      return [`${name.text} ${is} ${value}`, `${name.text} ${is} ${value === 'set' ? 'clear' : 'set'}`];
    return [`${name.text} ${is} ${value}`, `${name.text} ${is} not ${value}`];
  }
  if (operation === BPF_JGT)
    return [`${name.text} ${is} greater than ${name.value(k)}`, `${name.text} ${is} at most ${name.value(k)}`];
  if (operation === BPF_JGE)
    return [`${name.text} ${is} at least ${name.value(k)}`, `${name.text} ${is} less than ${name.value(k)}`];
  return bitClauses(name, k);
}

/** A comparison of a masked IPv4 address with a number is a test for a network. */
function networkOf({ a, facts }: State, k: number, linkType: number): [string, string] | null {
  if (a.kind !== 'arithmetic' || a.operation !== BPF_AND || a.right.kind !== 'constant') return null;
  const address = nameOf(a.left, linkType, facts);
  const length = prefixLength(a.right.value);
  if (!address.isIpv4 || length === null) return null;
  const network = `${address.value(k)}/${length}`;
  return [`${address.text} is in ${network}`, `${address.text} is not in ${network}`];
}

/** A difference that is compared with 0 compares what was subtracted. */
function comparisonOf({ a, facts }: State, k: number, linkType: number): [string, string] | null {
  if (a.kind !== 'arithmetic' || a.operation !== BPF_SUB || k !== 0) return null;
  const left = nameOf(a.left, linkType, facts);
  if (a.right.kind === 'constant') {
    const value = left.value(a.right.value);
    return [`${left.text} is ${value}`, `${left.text} is not ${value}`];
  }
  const right = nameOf(a.right, linkType, facts, 'X').text;
  return [`${left.text} equals ${right}`, `${left.text} differs from ${right}`];
}

function bitClauses(name: Name, mask: number): [string, string] {
  const exact = name.bits.find((bits) => bits.mask === mask);
  if (exact !== undefined)
    return exact.isFlag
      ? [`the ${exact.name} is set`, `the ${exact.name} is clear`]
      : [`the ${exact.name} is not 0`, `the ${exact.name} is 0`];
  const flags = name.bits.filter((bits) => bits.isFlag && (bits.mask & mask) !== 0);
  if (flags.length > 1 && flags.reduce((sum, bits) => sum | bits.mask, 0) >>> 0 === mask) {
    const words = flags.map((bits) => bits.name.replace(/ flag$/, ''));
    const last = words.pop()!;
    return [`the ${words.join(', ')} or ${last} flag is set`, `the ${words.join(', ')} and ${last} flags are clear`];
  }
  const hexadecimal = `0x${mask.toString(16)}`;
  return (mask & (mask - 1)) === 0 && mask !== 0
    ? [`bit ${hexadecimal} of ${name.text} is set`, `bit ${hexadecimal} of ${name.text} is clear`]
    : [`some bit of ${hexadecimal} is set in ${name.text}`, `no bit of ${hexadecimal} is set in ${name.text}`];
}

/** Why some tests are there: what a reader who does not know the protocol would ask. */
function remark({ code, k }: BpfInstruction, state: State, linkType: number): string {
  const { a } = state;
  if (a.kind !== 'load') return '';
  const { text } = nameOf(a, linkType, state.facts);
  if (bpfOperation(code) === BPF_JGT && k === 1500 && text === 'the Ethernet type')
    return ' (up to 1500 it is the length of an 802.3 frame, and an LLC header follows)';
  if (text === 'the IPv4 flags and fragment offset' && k === 0x1fff && bpfOperation(code) !== BPF_JEQ)
    return ' (only the first fragment has the transport header)';
  return '';
}

export const isReject = ({ code, k }: BpfInstruction): boolean =>
  bpfClass(code) === BPF_RET && bpfReturnValue(code) !== BPF_A && k === 0;
export const isAccept = ({ code, k }: BpfInstruction): boolean =>
  bpfClass(code) === BPF_RET && bpfReturnValue(code) !== BPF_A && k !== 0;

/** `accept (18)`, `reject (19)` or `go on at 7`. */
function destination(program: BpfProgram, target: number): string {
  const instruction = program[target];
  if (instruction !== undefined && isReject(instruction)) return `reject (${target})`;
  if (instruction !== undefined && isAccept(instruction)) return `accept (${target})`;
  return `go on at ${target}`;
}

/** One instruction in words, given the state before it. */
export function sentence(program: BpfProgram, index: number, state: State | undefined, linkType: number): string {
  const instruction = program[index]!;
  if (state === undefined) return 'never reached';
  const { code, jt, jf, k } = instruction;
  switch (bpfClass(code)) {
    case BPF_LD:
    case BPF_LDX:
      return loadSentence(instruction, state, linkType);
    case BPF_ST:
      return `keep ${nameOf(state.a, linkType, state.facts).text} in M[${k}]`;
    case BPF_STX:
      return `keep ${nameOf(state.x, linkType, state.facts, 'X').text} in M[${k}]`;
    case BPF_ALU:
      return arithmeticSentence(instruction, state, linkType);
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA)
        ? `copy X into A: ${nameOf(state.x, linkType, state.facts, 'X').text}`
        : `copy A into X: ${nameOf(state.a, linkType, state.facts).text}`;
    case BPF_RET:
      if (bpfReturnValue(code) === BPF_A) return 'end: A is the number of bytes to keep, and 0 rejects the packet';
      return k === 0 ? 'reject the packet' : `accept the packet: keep up to ${k} byte${k === 1 ? '' : 's'} of it`;
    case BPF_JMP: {
      const next = index + 1;
      if (bpfOperation(code) === BPF_JA) return destination(program, next + (k | 0));
      if (jt === jf) return `${destination(program, next + jt)}, whatever A is`;
      const [holds] = testClauses(instruction, state, linkType);
      const yes = destination(program, next + jt);
      const no = destination(program, next + jf);
      const otherwise = yes.startsWith('go on') && no.startsWith('go on') ? no.replace('go on ', '') : no;
      return `if ${holds}${remark(instruction, state, linkType)} ${yes}, else ${otherwise}`;
    }
    default:
      return `an instruction that does not exist (code 0x${code.toString(16)})`;
  }
}

const bytes = (count: number): string => (count === 1 ? 'the byte' : `${count} bytes`);

function loadSentence(instruction: BpfInstruction, state: State, linkType: number): string {
  const { code, k } = instruction;
  const after = step(state, instruction);
  const isA = bpfClass(code) === BPF_LD;
  const name = isA ? nameOf(after.a, linkType, state.facts) : nameOf(after.x, linkType, state.facts, 'X');
  const into = isA ? 'load' : 'load into X';
  switch (bpfMode(code)) {
    case BPF_IMM:
      return `${into} the number ${name.text}`;
    case BPF_LEN:
      return `${into} the length that the packet had on the wire`;
    case BPF_MEM:
      return (isA ? after.a : after.x).kind === 'merged'
        ? `${into} M[${k}], which the path decides`
        : `${into} M[${k}]: ${name.text}`;
    case BPF_MSH:
      return name.text.includes('offset')
        ? `load into X ${name.text}`
        : `load into X ${name.text}: four times the low half of the byte at offset ${k}`;
    case BPF_ABS:
      if (k >= SKF_AD_OFF) return `load ${name.text}`;
      return name.text.includes(' at offset ')
        ? `load ${name.text}${k > 0x7fffffff ? ' (counted from a header that the kernel knows)' : ''}`
        : `load ${name.text}: ${bytes(bpfLoadBytes(code))} at offset ${k}`;
    case BPF_IND:
      return name.text.includes(' at offset ')
        ? `load ${name.text}`
        : `load ${name.text}: ${bytes(bpfLoadBytes(code))} at X + ${k | 0}`;
    default:
      return 'load';
  }
}

function arithmeticSentence({ code, k }: BpfInstruction, state: State, linkType: number): string {
  const a = nameOf(state.a, linkType, state.facts);
  const byX = bpfSource(code) === BPF_X;
  const x = nameOf(state.x, linkType, state.facts, 'X').text;
  const operand = byX ? x : `${k}`;
  switch (bpfOperation(code)) {
    case BPF_ADD:
      return `add ${operand} to ${a.text}`;
    case BPF_SUB:
      return `subtract ${operand} from ${a.text}`;
    case BPF_MUL:
      return `multiply ${a.text} by ${operand}`;
    case BPF_DIV:
      return `divide ${a.text} by ${operand}${byX ? ' (by zero: reject)' : ''}`;
    case BPF_MOD:
      return `take the remainder of ${a.text} divided by ${operand}${byX ? ' (by zero: reject)' : ''}`;
    case BPF_AND: {
      if (byX) return `keep those bits of ${a.text} that are set in ${x}`;
      const bits = a.bits.find((candidate) => candidate.mask === k);
      if (bits !== undefined) return `keep the ${bits.name} (bits 0x${k.toString(16)})`;
      const length = a.isIpv4 ? prefixLength(k) : null;
      return length === null
        ? `keep the bits 0x${k.toString(16)} of ${a.text}`
        : `keep the first ${length} bits of ${a.text}`;
    }
    case BPF_OR:
      return `set those bits of ${a.text} that are set in ${byX ? x : `0x${k.toString(16)}`}`;
    case BPF_XOR:
      return `turn those bits of ${a.text} that are set in ${byX ? x : `0x${k.toString(16)}`}`;
    case BPF_LSH:
      return `shift ${a.text} left by ${operand}`;
    case BPF_RSH:
      return `shift ${a.text} right by ${operand}`;
    case BPF_NEG:
      return `negate ${a.text}`;
    default:
      return 'compute';
  }
}
