/** Programs as text, to the byte as `tcpdump -d`, `-dd` and `-ddd` print them. Source: bpf_image() and bpf_dump() as they
 * behave (pcap(3PCAP)); shown by test against the installed libpcap for every code. */
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
  isConditionalJump,
  SKF_AD_OFF,
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';

/** The names of the loads at SKF_AD_OFF, four apart. */
const ANCILLARY_NAMES = [
  'proto',
  'type',
  'ifidx',
  'nla',
  'nlan',
  'mark',
  'queue',
  'hatype',
  'rxhash',
  'cpu',
  'xor_x',
  'vlan_tci',
  'vlanp',
  'poff',
  'random',
  'vlan_tpid',
];

/** How an operand is written: from k (signed where C prints it with %d), and the instruction's index for `ja`. */
type Operand = (k: number, index: number) => string;

const none: Operand = () => '';
const register: Operand = () => 'x';
const decimal: Operand = (k) => `#${k | 0}`;
const hexadecimal: Operand = (k) => `#0x${k.toString(16)}`;
const cell: Operand = (k) => `M[${k | 0}]`;
const length: Operand = () => '#pktlen';
const indirect: Operand = (k) => `[x + ${k | 0}]`;
const headerLength: Operand = (k) => `4*([${k | 0}]&0xf)`;
const target: Operand = (k, index) => `${(index + 1 + k) | 0}`;
const absolute: Operand = (k) => {
  const name = k >= SKF_AD_OFF && k % 4 === 0 ? ANCILLARY_NAMES[(k - SKF_AD_OFF) / 4] : undefined;
  return `[${name ?? k | 0}]`;
};

const FORMS = new Map<number, readonly [mnemonic: string, operand: Operand]>([
  [BPF_RET | BPF_K, ['ret', decimal]],
  [BPF_RET | BPF_A, ['ret', none]],
  [BPF_LD | BPF_W | BPF_ABS, ['ld', absolute]],
  [BPF_LD | BPF_H | BPF_ABS, ['ldh', absolute]],
  [BPF_LD | BPF_B | BPF_ABS, ['ldb', absolute]],
  [BPF_LD | BPF_W | BPF_LEN, ['ld', length]],
  [BPF_LD | BPF_W | BPF_IND, ['ld', indirect]],
  [BPF_LD | BPF_H | BPF_IND, ['ldh', indirect]],
  [BPF_LD | BPF_B | BPF_IND, ['ldb', indirect]],
  [BPF_LD | BPF_IMM, ['ld', hexadecimal]],
  [BPF_LDX | BPF_IMM, ['ldx', hexadecimal]],
  [BPF_LDX | BPF_B | BPF_MSH, ['ldxb', headerLength]],
  [BPF_LD | BPF_MEM, ['ld', cell]],
  [BPF_LDX | BPF_MEM, ['ldx', cell]],
  [BPF_ST, ['st', cell]],
  [BPF_STX, ['stx', cell]],
  [BPF_JMP | BPF_JA, ['ja', target]],
  [BPF_ALU | BPF_NEG, ['neg', none]],
  [BPF_MISC | BPF_TAX, ['tax', none]],
  [BPF_MISC | BPF_TXA, ['txa', none]],
]);
for (const [mnemonic, operation, operand] of [
  ['add', BPF_ADD, decimal],
  ['sub', BPF_SUB, decimal],
  ['mul', BPF_MUL, decimal],
  ['div', BPF_DIV, decimal],
  ['mod', BPF_MOD, decimal],
  ['and', BPF_AND, hexadecimal],
  ['or', BPF_OR, hexadecimal],
  ['xor', BPF_XOR, hexadecimal],
  ['lsh', BPF_LSH, decimal],
  ['rsh', BPF_RSH, decimal],
] as const) {
  FORMS.set(BPF_ALU | operation | BPF_K, [mnemonic, operand]);
  FORMS.set(BPF_ALU | operation | BPF_X, [mnemonic, register]);
}
for (const [mnemonic, operation] of [
  ['jeq', BPF_JEQ],
  ['jgt', BPF_JGT],
  ['jge', BPF_JGE],
  ['jset', BPF_JSET],
] as const) {
  FORMS.set(BPF_JMP | operation | BPF_K, [mnemonic, hexadecimal]);
  FORMS.set(BPF_JMP | operation | BPF_X, [mnemonic, register]);
}
/** An instruction without its number and targets: `ldh`, `[12]`. */
export function mnemonicAndOperand({ code, k }: BpfInstruction, index: number): [mnemonic: string, operand: string] {
  const form = FORMS.get(code);
  return form ? [form[0], form[1](k, index)] : ['unimp', `0x${code.toString(16)}`];
}

/** One line of `tcpdump -d`: `(003) jeq      #0x800           jt 4	jf 8`. `index` is the instruction's place in the
 * program, from which the targets of jumps are counted. */
export function instructionImage(instruction: BpfInstruction, index: number): string {
  const [mnemonic, operand] = mnemonicAndOperand(instruction, index);
  const start = `(${String(index).padStart(3, '0')}) ${mnemonic.padEnd(8)} `;
  if (!isConditionalJump(instruction.code)) return start + operand;
  return `${start}${operand.padEnd(16)} jt ${index + 1 + instruction.jt}\tjf ${index + 1 + instruction.jf}`;
}

/** The program as `tcpdump -d` prints it, each line ended. */
export const programImage = (program: BpfProgram): string =>
  program.map((instruction, index) => `${instructionImage(instruction, index)}\n`).join('');

/** The program as `tcpdump -dd` prints it: initialisers of a C array of struct sock_filter, each line ended. */
export const programAsC = (program: BpfProgram): string =>
  program
    .map(({ code, jt, jf, k }) => `{ 0x${code.toString(16)}, ${jt}, ${jf}, 0x${k.toString(16).padStart(8, '0')} },\n`)
    .join('');

/** The program as `tcpdump -ddd` prints it: how many instructions, then code, jt, jf and k of each, in decimal. */
export const programAsNumbers = (program: BpfProgram): string =>
  `${program.length}\n${program.map(({ code, jt, jf, k }) => `${code} ${jt} ${jf} ${k}\n`).join('')}`;
