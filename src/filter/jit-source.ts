/** The JavaScript text of a BPF program. Everything that goes into the text is a number or a name from here. */
import { isConstantLoad, reachable, registerRanges, requiredLengths, successors } from './flow.ts';
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
} from './opcodes.ts';
import type { BpfInstruction, BpfProgram } from './program.ts';
import type { Semantics } from './vm.ts';

/** The properties of `Ancillary` by the offset that asks for them. */
const ANCILLARY_PROPERTIES = new Map([
  [SKF_AD_PROTOCOL, 'protocol'],
  [SKF_AD_PKTTYPE, 'pktType'],
  [SKF_AD_IFINDEX, 'ifindex'],
  [SKF_AD_MARK, 'mark'],
  [SKF_AD_QUEUE, 'queue'],
  [SKF_AD_HATYPE, 'hatype'],
  [SKF_AD_RXHASH, 'rxhash'],
  [SKF_AD_CPU, 'cpu'],
  [SKF_AD_VLAN_TAG, 'vlanTag'],
  [SKF_AD_VLAN_TAG_PRESENT, 'vlanTagPresent'],
  [SKF_AD_PAY_OFFSET, 'payOffset'],
  [SKF_AD_RANDOM, 'random'],
  [SKF_AD_VLAN_TPID, 'vlanTpid'],
]);

/** How a body leaves with a verdict: an expression, or a number. */
interface Exits {
  reject: string;
  constant(verdict: number): string;
  a: string;
}

/** A function expression (bytes, offset, capturedLength, originalLength, ancillary) → verdict. Names in the text: `b`
 * the bytes, `o` the offset, `c` the captured and `w` the original length, `y` the ancillary data, `a`, `x` and `m0` to
 * `m15` the machine's registers, `t` a place to compute in. */
export function packetSource(program: BpfProgram, semantics: Semantics): string {
  const exits: Exits = { reject: 'return 0;', constant: (verdict) => `return ${verdict};`, a: 'return a >>> 0;' };
  return `function (b, o, c, w, y = NO_ANCILLARY) {
${locals(program)}
${body(program, semantics, exits)}
}`;
}

/** A function expression (block) → rows kept, that clears `keep` of the rejected rows. */
export function blockSource(program: BpfProgram, semantics: Semantics): string {
  const exits: Exits = {
    reject: 'break reject;',
    constant: (verdict) => (verdict === 0 ? 'break reject;' : '{ kept++; continue rows; }'),
    a: '{ if (a === 0) break reject; kept++; continue rows; }',
  };
  return `function (block) {
const b = block.bytes, offsets = block.offset, captured = block.capturedLength, wire = block.originalLength;
const keep = block.keep, y = NO_ANCILLARY, count = block.count;
let kept = 0;
rows: for (let row = 0; row < count; row++) {
if (keep[row] === 0) continue;
const o = offsets[row], c = captured[row], w = wire[row];
${locals(program)}
reject: {
${body(program, semantics, exits)}
}
keep[row] = 0;
}
return kept;
}`;
}

function locals(program: BpfProgram): string {
  const cells = new Set<number>();
  for (const { code, k } of program)
    if (bpfClass(code) === BPF_ST || bpfClass(code) === BPF_STX) cells.add(k);
    else if (bpfClass(code) <= BPF_LDX && bpfMode(code) === BPF_MEM) cells.add(k);
  return `let a = 0, x = 0, t = 0${[...cells].map((cell) => `, m${cell} = 0`).join('')};`;
}

/** Where the block that ends before each jump target begins: at the first jump to it, or further up where the blocks
 * would not nest otherwise. */
function blockStarts(
  program: BpfProgram,
  reached: Uint8Array,
  isReturn: (index: number) => boolean,
): Map<number, number> {
  const starts = new Map<number, number>();
  program.forEach((instruction, index) => {
    if (!reached[index] || bpfClass(instruction.code) !== BPF_JMP) return;
    for (const target of successors(instruction, index))
      if (target !== index + 1 && !isReturn(target) && !starts.has(target)) starts.set(target, index);
  });
  const targets = [...starts.keys()].sort((one, other) => one - other);
  // A block that begins inside a shorter one, and ends outside it, must begin where that one does.
  targets.forEach((target, position) => {
    const start = starts.get(target)!;
    for (let later = position + 1; later < targets.length; later++) {
      const laterStart = starts.get(targets[later]!)!;
      if (laterStart > start && laterStart < target) starts.set(targets[later]!, start);
    }
  });
  return starts;
}

function body(program: BpfProgram, semantics: Semantics, exits: Exits): string {
  const reached = reachable(program);
  const required = requiredLengths(program);
  const ranges = registerRanges(program);
  /** Bytes known to be there before each instruction, whatever the path to it. */
  const known = new Float64Array(program.length).fill(Number.POSITIVE_INFINITY);
  known[0] = 0;

  const isReturn = (index: number): boolean => bpfClass(program[index]!.code) === BPF_RET;
  const leave = ({ code, k }: BpfInstruction): string => (bpfReturnValue(code) === BPF_A ? exits.a : exits.constant(k));
  const starts = blockStarts(program, reached, isReturn);
  const opening = new Map<number, number[]>();
  for (const [target, start] of starts) opening.set(start, [...(opening.get(start) ?? []), target]);
  const go = (target: number): string => (isReturn(target) ? leave(program[target]!) : `break L${target};`);

  const lines: string[] = [];
  for (let index = 0; index < program.length; index++) {
    if (starts.has(index)) lines.push('}');
    if (!reached[index]) continue;
    // The outermost block is the one that ends last.
    for (const target of (opening.get(index) ?? []).sort((one, other) => other - one)) lines.push(`L${target}: {`);
    const instruction = program[index]!;
    const { code, jt, jf, k } = instruction;
    let length = known[index]!;
    switch (bpfClass(code)) {
      case BPF_RET:
        // Every jump here has become a return of its own, so this is for the path that falls in.
        if (index === 0 || fallsInto(program, reached, index)) lines.push(leave(instruction));
        break;
      case BPF_JMP: {
        const next = index + 1;
        if (bpfOperation(code) === BPF_JA) {
          if (k !== 0) lines.push(go(next + k));
        } else if (jt === jf) {
          if (jt !== 0) lines.push(go(next + jt));
        } else {
          const [holds, fails] = condition(instruction, ranges.a[index]!, ranges.x[index]!);
          if (jf === 0) lines.push(`if (${holds}) ${go(next + jt)}`);
          else {
            lines.push(`if (${fails}) ${go(next + jf)}`);
            if (jt !== 0) lines.push(go(next + jt));
          }
        }
        break;
      }
      default: {
        if (isConstantLoad(instruction)) {
          const end = k + bpfLoadBytes(code);
          if (end > length) {
            length = Math.max(end, required[index + 1]!);
            if (length === Number.POSITIVE_INFINITY) {
              lines.push(exits.reject);
              break;
            }
            lines.push(`if (c < ${length}) ${exits.reject}`);
          }
        }
        lines.push(straight(instruction, semantics, exits, ranges.a[index]!, ranges.x[index]!));
      }
    }
    for (const next of successors(instruction, index)) known[next] = Math.min(known[next]!, length);
  }
  return lines.join('\n');
}

/** True where the instruction before `index` is reached and can go on to it without a jump. */
function fallsInto(program: BpfProgram, reached: Uint8Array, index: number): boolean {
  if (!reached[index - 1]) return false;
  const { code, jt, jf, k } = program[index - 1]!;
  if (bpfClass(code) === BPF_RET) return false;
  if (bpfClass(code) !== BPF_JMP) return true;
  return bpfOperation(code) === BPF_JA ? k === 0 : jt === 0 || jf === 0;
}

/** The registers as unsigned numbers, where that makes a difference. */
const unsigned = (name: string, largest: number): string => (largest <= 0x7fffffff ? name : `(${name} >>> 0)`);

/** The test of a conditional jump, and its opposite. */
function condition({ code, k }: BpfInstruction, aMax: number, xMax: number): [holds: string, fails: string] {
  const byX = bpfSource(code) === BPF_X;
  const signed = byX ? 'x' : `${k | 0}`;
  const right = byX ? unsigned('x', xMax) : `${k}`;
  const left = unsigned('a', aMax);
  switch (bpfOperation(code)) {
    case BPF_JEQ:
      return [`a === ${signed}`, `a !== ${signed}`];
    case BPF_JGT:
      return [`${left} > ${right}`, `${left} <= ${right}`];
    case BPF_JGE:
      return [`${left} >= ${right}`, `${left} < ${right}`];
    default:
      return [`(a & ${signed}) !== 0`, `(a & ${signed}) === 0`];
  }
}

/** `size` bytes at an index expression, as a signed 32-bit integer. */
function read(size: number, at: (plus: number) => string): string {
  if (size === 1) return `b[${at(0)}]`;
  if (size === 2) return `(b[${at(0)}] << 8) | b[${at(1)}]`;
  return `(b[${at(0)}] << 24) | (b[${at(1)}] << 16) | (b[${at(2)}] << 8) | b[${at(3)}]`;
}

/** An instruction that is neither a jump nor a return. The check of a constant load stands before it. */
function straight(instruction: BpfInstruction, semantics: Semantics, exits: Exits, aMax: number, xMax: number): string {
  const { code, k } = instruction;
  switch (bpfClass(code)) {
    case BPF_LD:
    case BPF_LDX:
      return load(instruction, semantics, exits, xMax);
    case BPF_ST:
      return `m${k} = a;`;
    case BPF_STX:
      return `m${k} = x;`;
    case BPF_ALU:
      return arithmetic(instruction, semantics, exits, aMax, xMax);
    case BPF_MISC:
      return code === (BPF_MISC | BPF_TXA) ? 'a = x;' : 'x = a;';
    default:
      throw new RangeError(`the code 0x${code.toString(16)} is not one of classic BPF's`);
  }
}

function load(instruction: BpfInstruction, semantics: Semantics, exits: Exits, xMax: number): string {
  const { code, k } = instruction;
  const register = bpfClass(code) === BPF_LD ? 'a' : 'x';
  switch (bpfMode(code)) {
    case BPF_IMM:
      return `${register} = ${k | 0};`;
    case BPF_LEN:
      return `${register} = w | 0;`;
    case BPF_MEM:
      return `${register} = m${k};`;
    case BPF_IND:
      return indirectLoad(instruction, semantics, exits, xMax);
    case BPF_ABS:
    case BPF_MSH: {
      const size = bpfLoadBytes(code);
      const take = (at: (plus: number) => string): string =>
        bpfMode(code) === BPF_MSH ? `x = (${read(1, at)} & 15) << 2;` : `a = ${read(size, at)};`;
      if (isConstantLoad(instruction)) return take((plus) => `o + ${k + plus}`);
      if (bpfMode(code) === BPF_ABS && k >= SKF_AD_OFF) return ancillaryLoad(k - SKF_AD_OFF, semantics, exits);
      if (semantics === 'libpcap') return exits.reject;
      return `t = locate(${k}, ${size}, b, o, c, y); if (t < 0) ${exits.reject}
${take((plus) => `t + ${plus}`)}`;
    }
    default:
      throw new RangeError(`the code 0x${code.toString(16)} is not one of classic BPF's`);
  }
}

function indirectLoad({ code, k }: BpfInstruction, semantics: Semantics, exits: Exits, xMax: number): string {
  const size = bpfLoadBytes(code);
  if (xMax + k + size <= 0x7fffffff)
    return `if (x + ${k + size} > c) ${exits.reject}
t = o + x | 0;
a = ${read(size, (plus) => `t + ${k + plus}`)};`;
  if (semantics === 'libpcap')
    return `if (${unsigned('x', xMax)} + ${k + size} > c) ${exits.reject}
t = o + (x + ${k | 0} | 0);
a = ${read(size, (plus) => `t + ${plus}`)};`;
  return `t = x + ${k | 0} | 0;
if (t >= 0 && t + ${size} <= c) t = o + t;
else { t = locate(t >>> 0, ${size}, b, o, c, y); if (t < 0) ${exits.reject} }
a = ${read(size, (plus) => `t + ${plus}`)};`;
}

function ancillaryLoad(which: number, semantics: Semantics, exits: Exits): string {
  const property = ANCILLARY_PROPERTIES.get(which);
  if (semantics === 'libpcap') {
    if (which !== SKF_AD_VLAN_TAG && which !== SKF_AD_VLAN_TAG_PRESENT) return exits.reject;
    return `if (y === NO_ANCILLARY) ${exits.reject}
a = y.${property} | 0;`;
  }
  switch (which) {
    case SKF_AD_NLATTR:
      return 'a = netlinkAttribute(b, o, c, a >>> 0, x >>> 0);';
    case SKF_AD_NLATTR_NEST:
      return 'a = nestedNetlinkAttribute(b, o, c, a >>> 0, x >>> 0);';
    case SKF_AD_ALU_XOR_X:
      return 'a ^= x;';
    case SKF_AD_IFINDEX:
    case SKF_AD_HATYPE:
      return `if (y.ifindex === 0) ${exits.a}
a = y.${property} | 0;`;
    default:
      if (property === undefined) throw new RangeError(`SKF_AD_OFF + ${which} names nothing`);
      return `a = y.${property} | 0;`;
  }
}

function arithmetic(
  { code, k }: BpfInstruction,
  semantics: Semantics,
  exits: Exits,
  aMax: number,
  xMax: number,
): string {
  const byX = bpfSource(code) === BPF_X;
  const signed = byX ? 'x' : `${k | 0}`;
  const right = byX ? unsigned('x', xMax) : `${k}`;
  const left = unsigned('a', aMax);
  switch (bpfOperation(code)) {
    case BPF_ADD:
      return `a = (a + ${signed}) | 0;`;
    case BPF_SUB:
      return `a = (a - ${byX ? 'x' : `(${signed})`}) | 0;`;
    case BPF_MUL:
      return `a = Math.imul(a, ${signed});`;
    case BPF_DIV:
      return `${byX ? `if (x === 0) ${exits.reject} ` : ''}a = (${left} / ${right}) | 0;`;
    case BPF_MOD:
      return `${byX ? `if (x === 0) ${exits.reject} ` : ''}a = (${left} % ${right}) | 0;`;
    case BPF_AND:
      return `a &= ${signed};`;
    case BPF_OR:
      return `a |= ${signed};`;
    case BPF_XOR:
      return `a ^= ${signed};`;
    case BPF_LSH:
      if (byX && semantics === 'libpcap' && xMax >= 32) return `a = ${unsigned('x', xMax)} < 32 ? a << x : 0;`;
      return `a <<= ${signed};`;
    case BPF_RSH:
      if (byX && semantics === 'libpcap' && xMax >= 32) return `a = ${unsigned('x', xMax)} < 32 ? (a >>> x) | 0 : 0;`;
      return `a = (a >>> ${signed}) | 0;`;
    case BPF_NEG:
      return 'a = -a | 0;';
    default:
      throw new RangeError(`the code 0x${code.toString(16)} is not one of classic BPF's`);
  }
}
