import { describe, expect, it } from 'vitest';
import { type Ancillary, NO_ANCILLARY } from '../../src/filter/ancillary.ts';
import { interpret, jit } from '../../src/filter/jit.ts';
import * as bpf from '../../src/filter/opcodes.ts';
import type { BpfInstruction } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { run, type Semantics } from '../../src/filter/vm.ts';
import { libpcapRun, whyNoLibpcap } from '../../src/linux/libpcap.ts';
import { encodeSockFilters } from '../../src/uapi/filter.ts';
import { lacks } from '../support/tools.ts';
import { Dice, randomPackets, randomProgram } from './support/random-programs.ts';

const op = (code: number, k = 0, jt = 0, jf = 0): BpfInstruction => ({ code, jt, jf, k });
const lda = (k: number): BpfInstruction => op(bpf.BPF_LD | bpf.BPF_IMM, k);
const ldx = (k: number): BpfInstruction => op(bpf.BPF_LDX | bpf.BPF_IMM, k);
const aluX = (operation: number): BpfInstruction => op(bpf.BPF_ALU | operation | bpf.BPF_X);
const aluK = (operation: number, k: number): BpfInstruction => op(bpf.BPF_ALU | operation | bpf.BPF_K, k);
const load = (size: number, k: number): BpfInstruction => op(bpf.BPF_LD | size | bpf.BPF_ABS, k);
const indirect = (size: number, k: number): BpfInstruction => op(bpf.BPF_LD | size | bpf.BPF_IND, k);
const retA = op(bpf.BPF_RET | bpf.BPF_A);
const ret = (k: number): BpfInstruction => op(bpf.BPF_RET | bpf.BPF_K, k);

const packet = Uint8Array.from({ length: 24 }, (_, index) => 0xf0 + index);

/** The verdict of the interpreter, after the compiled function has given the same, at two places in memory. */
function verdict(
  program: BpfInstruction[],
  {
    bytes = packet,
    semantics = 'linux',
    originalLength = bytes.length,
    ancillary = NO_ANCILLARY,
  }: { bytes?: Uint8Array; semantics?: Semantics; originalLength?: number; ancillary?: Ancillary } = {},
): number {
  expect(validate(program)).toBeNull();
  const result = run(program, bytes, 0, bytes.length, originalLength, ancillary, semantics);
  const moved = new Uint8Array(bytes.length + 9).fill(0xa5);
  moved.set(bytes, 5);
  const compiled = jit(program, { semantics });
  expect(compiled.generated).toBe(true);
  expect(compiled.run(bytes, 0, bytes.length, originalLength, ancillary)).toBe(result);
  expect(compiled.run(moved, 5, bytes.length, originalLength, ancillary)).toBe(result);
  expect(run(program, moved, 5, bytes.length, originalLength, ancillary, semantics)).toBe(result);
  return result;
}

describe('loads', () => {
  it('are big-endian and unsigned', () => {
    expect(verdict([load(bpf.BPF_W, 0), retA])).toBe(0xf0f1f2f3);
    expect(verdict([load(bpf.BPF_H, 1), retA])).toBe(0xf1f2);
    expect(verdict([load(bpf.BPF_B, 2), retA])).toBe(0xf2);
  });

  it.each([
    [bpf.BPF_W, 20],
    [bpf.BPF_H, 22],
    [bpf.BPF_B, 23],
  ])('of size code %i reach the last byte and not one further', (size, last) => {
    expect(verdict([load(size, last), ret(7)])).toBe(7);
    expect(verdict([load(size, last + 1), ret(7)])).toBe(0);
    expect(verdict([ldx(last), indirect(size, 0), ret(7)])).toBe(7);
    expect(verdict([ldx(last), indirect(size, 1), ret(7)])).toBe(0);
    expect(verdict([ldx(last + 1), indirect(size, 0), ret(7)])).toBe(0);
    expect(verdict([load(size, 0x7fffffff), ret(7)])).toBe(0);
  });

  it('of an IP header length take the low four bits times four', () => {
    const msh = (k: number): BpfInstruction => op(bpf.BPF_LDX | bpf.BPF_B | bpf.BPF_MSH, k);
    expect(verdict([msh(5), op(bpf.BPF_MISC | bpf.BPF_TXA), retA])).toBe(20);
    expect(verdict([lda(9), msh(23), retA])).toBe(9);
    expect(verdict([msh(24), ret(7)])).toBe(0);
  });

  it('of the length give the original one', () => {
    expect(verdict([op(bpf.BPF_LD | bpf.BPF_LEN), retA], { originalLength: 1500 })).toBe(1500);
    const viaX = [op(bpf.BPF_LDX | bpf.BPF_LEN), op(bpf.BPF_MISC | bpf.BPF_TXA), retA];
    expect(verdict(viaX, { originalLength: 0xffffffff })).toBe(0xffffffff);
  });

  it('of an index beyond 2^32 wrap round in Linux only', () => {
    const program = [ldx(0xfffffffe), indirect(bpf.BPF_B, 12), retA];
    expect(verdict(program)).toBe(packet[10]);
    expect(verdict(program, { semantics: 'libpcap' })).toBe(0);
  });

  it('of scratch memory give what was stored, from A and from X', () => {
    const store = [lda(5), op(bpf.BPF_ST, 15), ldx(6), op(bpf.BPF_STX, 0), lda(0), ldx(0)];
    expect(verdict([...store, op(bpf.BPF_LD | bpf.BPF_MEM, 15), retA])).toBe(5);
    expect(verdict([...store, op(bpf.BPF_LDX | bpf.BPF_MEM, 0), op(bpf.BPF_MISC | bpf.BPF_TXA), retA])).toBe(6);
  });
});

describe('arithmetic is of 32 bits, unsigned', () => {
  it.each([
    ['add', bpf.BPF_ADD, 0xffffffff, 2, 1],
    ['sub', bpf.BPF_SUB, 1, 2, 0xffffffff],
    ['mul', bpf.BPF_MUL, 0x10001, 0xffff, 0xffffffff],
    ['mul', bpf.BPF_MUL, 0xffffffff, 0xffffffff, 1],
    ['div', bpf.BPF_DIV, 0xffffffff, 2, 0x7fffffff],
    ['div', bpf.BPF_DIV, 0xfffffffe, 0xffffffff, 0],
    ['div', bpf.BPF_DIV, 0x80000000, 0xffffffff, 0],
    ['mod', bpf.BPF_MOD, 0xffffffff, 0x80000000, 0x7fffffff],
    ['and', bpf.BPF_AND, 0xf0f0f0f0, 0xff00ff00, 0xf000f000],
    ['or', bpf.BPF_OR, 0xf0000000, 1, 0xf0000001],
    ['xor', bpf.BPF_XOR, 0xffffffff, 0x0fffffff, 0xf0000000],
    ['lsh', bpf.BPF_LSH, 0xffffffff, 31, 0x80000000],
    ['rsh', bpf.BPF_RSH, 0xffffffff, 31, 1],
  ])('%s 0x%#', (_name, operation, left, right, result) => {
    expect(verdict([lda(left), ldx(right), aluX(operation), retA])).toBe(result);
    expect(verdict([lda(left), aluK(operation, right), retA])).toBe(result);
  });

  it('neg is the two-complement', () => {
    expect(verdict([lda(1), op(bpf.BPF_ALU | bpf.BPF_NEG), retA])).toBe(0xffffffff);
    expect(verdict([lda(0x80000000), op(bpf.BPF_ALU | bpf.BPF_NEG), retA])).toBe(0x80000000);
    expect(verdict([lda(0), op(bpf.BPF_ALU | bpf.BPF_NEG), retA])).toBe(0);
  });

  it.each([
    ['div', bpf.BPF_DIV],
    ['mod', bpf.BPF_MOD],
  ])('%s by a zero X ends the program with 0', (_name, operation) => {
    expect(verdict([lda(8), ldx(0), aluX(operation), ret(7)])).toBe(0);
  });

  it.each([
    ['lsh', bpf.BPF_LSH, 3, 33, 6],
    ['lsh', bpf.BPF_LSH, 3, 32, 3],
    ['rsh', bpf.BPF_RSH, 0xff, 0xffffffe4, 0xf],
  ])('%s by 32 and more: Linux takes five bits of X, libpcap gives 0', (_name, operation, left, right, result) => {
    const program = [lda(left), ldx(right), aluX(operation), retA];
    expect(verdict(program)).toBe(result);
    expect(verdict(program, { semantics: 'libpcap' })).toBe(0);
  });
});

describe('tests compare unsigned', () => {
  it.each([
    ['jeq', bpf.BPF_JEQ, 0x80000000, 0x80000000, 1],
    ['jeq', bpf.BPF_JEQ, 0x80000000, 0, 0],
    ['jgt', bpf.BPF_JGT, 0x80000000, 0x7fffffff, 1],
    ['jgt', bpf.BPF_JGT, 0x80000000, 0x80000000, 0],
    ['jge', bpf.BPF_JGE, 0xffffffff, 0xffffffff, 1],
    ['jge', bpf.BPF_JGE, 1, 0xffffffff, 0],
    ['jset', bpf.BPF_JSET, 0x80000000, 0x80000001, 1],
    ['jset', bpf.BPF_JSET, 0xf0, 0x0f, 0],
  ])('%s of 0x%#', (_name, operation, left, right, holds) => {
    const ends = [ret(20), ret(10)];
    const [yes, no] = [10, 20];
    expect(verdict([lda(left), op(bpf.BPF_JMP | operation | bpf.BPF_K, right, 1, 0), ...ends])).toBe(holds ? yes : no);
    expect(verdict([lda(left), ldx(right), op(bpf.BPF_JMP | operation | bpf.BPF_X, 0, 1, 0), ...ends])).toBe(
      holds ? yes : no,
    );
    expect(verdict([lda(left), op(bpf.BPF_JMP | operation | bpf.BPF_K, right, 0, 1), ...ends])).toBe(holds ? no : yes);
  });

  it('ja skips', () => {
    expect(verdict([op(bpf.BPF_JMP | bpf.BPF_JA, 2), ret(1), ret(2), ret(3)])).toBe(3);
  });
});

describe('what the kernel knows of the packet', () => {
  const known: Ancillary = {
    protocol: 0x800,
    pktType: 4,
    ifindex: 7,
    hatype: 1,
    mark: 0xfedcba98,
    queue: 3,
    rxhash: 0x89abcdef,
    cpu: 1,
    vlanTag: 0x6123,
    vlanTagPresent: 1,
    vlanTpid: 0x88a8,
    payOffset: 54,
    random: 0xdeadbeef,
    networkOffset: 14,
    linkOffset: 0,
  };

  it.each([
    [bpf.SKF_AD_PROTOCOL, known.protocol],
    [bpf.SKF_AD_PKTTYPE, known.pktType],
    [bpf.SKF_AD_IFINDEX, known.ifindex],
    [bpf.SKF_AD_MARK, known.mark],
    [bpf.SKF_AD_QUEUE, known.queue],
    [bpf.SKF_AD_HATYPE, known.hatype],
    [bpf.SKF_AD_RXHASH, known.rxhash],
    [bpf.SKF_AD_CPU, known.cpu],
    [bpf.SKF_AD_VLAN_TAG, known.vlanTag],
    [bpf.SKF_AD_VLAN_TAG_PRESENT, known.vlanTagPresent],
    [bpf.SKF_AD_PAY_OFFSET, known.payOffset],
    [bpf.SKF_AD_RANDOM, known.random],
    [bpf.SKF_AD_VLAN_TPID, known.vlanTpid],
  ])('SKF_AD_OFF + %i is loaded whole, whatever the size of the load', (which, value) => {
    for (const size of [bpf.BPF_W, bpf.BPF_H, bpf.BPF_B])
      expect(verdict([load(size, bpf.SKF_AD_OFF + which), retA], { ancillary: known })).toBe(value);
  });

  it('SKF_AD_ALU_XOR_X changes A', () => {
    expect(verdict([lda(0xff), ldx(0x80000001), load(bpf.BPF_W, bpf.SKF_AD_OFF + bpf.SKF_AD_ALU_XOR_X), retA])).toBe(
      0x800000fe,
    );
  });

  it('without a device the index of it ends the program, and A is the verdict', () => {
    expect(verdict([lda(77), load(bpf.BPF_W, bpf.SKF_AD_OFF + bpf.SKF_AD_IFINDEX), ret(0)])).toBe(77);
    expect(verdict([lda(77), load(bpf.BPF_W, bpf.SKF_AD_OFF + bpf.SKF_AD_HATYPE), ret(0)])).toBe(77);
  });

  it('libpcap knows VLAN tags, where it has any', () => {
    const vlan = [load(bpf.BPF_B, bpf.SKF_AD_OFF + bpf.SKF_AD_VLAN_TAG), retA];
    expect(verdict(vlan, { semantics: 'libpcap', ancillary: known })).toBe(0x6123);
    expect(verdict(vlan, { semantics: 'libpcap' })).toBe(0);
    const protocol = [load(bpf.BPF_H, bpf.SKF_AD_OFF + bpf.SKF_AD_PROTOCOL), ret(1)];
    expect(verdict(protocol, { semantics: 'libpcap', ancillary: known })).toBe(0);
  });

  it('SKF_NET_OFF and SKF_LL_OFF count from the headers, within the packet', () => {
    expect(verdict([load(bpf.BPF_B, bpf.SKF_NET_OFF + 2), retA], { ancillary: known })).toBe(packet[16]);
    expect(verdict([load(bpf.BPF_B, bpf.SKF_LL_OFF + 2), retA], { ancillary: known })).toBe(packet[2]);
    expect(verdict([load(bpf.BPF_H, bpf.SKF_NET_OFF + 8), retA], { ancillary: known })).toBe(0x0607);
    expect(verdict([load(bpf.BPF_H, bpf.SKF_NET_OFF + 9), ret(7)], { ancillary: known })).toBe(0);
    expect(verdict([load(bpf.BPF_B, bpf.SKF_LL_OFF), ret(7)])).toBe(0);
    expect(verdict([ldx(bpf.SKF_NET_OFF), indirect(bpf.BPF_B, 1), retA], { ancillary: known })).toBe(packet[15]);
    expect(
      verdict([op(bpf.BPF_LDX | bpf.BPF_B | bpf.BPF_MSH, bpf.SKF_NET_OFF), op(bpf.BPF_MISC | bpf.BPF_TXA), retA], {
        ancillary: known,
      }),
    ).toBe((packet[14]! & 15) * 4);
    expect(verdict([load(bpf.BPF_B, bpf.SKF_NET_OFF), ret(7)], { semantics: 'libpcap', ancillary: known })).toBe(0);
    expect(verdict([load(bpf.BPF_B, 0x80000000), ret(7)], { ancillary: known })).toBe(0);
  });

  it('finds netlink attributes, nested ones too', () => {
    // Two attributes: type 5 of 6 bytes (2 of padding), and type 7, which holds type 2 of 8 bytes.
    const bytes = Uint8Array.of(9, 9, 6, 0, 5, 0, 1, 2, 0, 0, 12, 0, 7, 0x80, 8, 0, 2, 0, 1, 2, 3, 4);
    const find = (which: number, from: number, type: number): number =>
      verdict([lda(from), ldx(type), load(bpf.BPF_W, bpf.SKF_AD_OFF + which), retA], { bytes });
    expect(find(bpf.SKF_AD_NLATTR, 2, 5)).toBe(2);
    expect(find(bpf.SKF_AD_NLATTR, 2, 7)).toBe(10);
    expect(find(bpf.SKF_AD_NLATTR, 2, 2)).toBe(0);
    expect(find(bpf.SKF_AD_NLATTR, 19, 2)).toBe(0);
    expect(find(bpf.SKF_AD_NLATTR_NEST, 10, 2)).toBe(14);
    expect(find(bpf.SKF_AD_NLATTR_NEST, 10, 5)).toBe(0);
    expect(find(bpf.SKF_AD_NLATTR_NEST, 0xffffffff, 5)).toBe(0);
  });
});

describe('misuse', () => {
  it('an unknown code is a RangeError', () => {
    expect(() => run([op(0xff), ret(0)], packet, 0, 24, 24)).toThrow(RangeError);
    expect(() => run([op(bpf.BPF_LD | bpf.BPF_IMM)], packet, 0, 24, 24)).toThrow(/without a return/);
  });
});

describe('programs drawn at random', () => {
  const seed = Number(process.env['NETLAB_SEED'] ?? 20261);

  it('mean the same interpreted and compiled, with and without what the kernel knows', () => {
    const dice = new Dice(seed);
    for (let count = 0; count < 1500; count++) {
      const program = randomProgram(dice, 1 + dice.below(50), { withAncillary: true });
      const semantics = dice.pick(['linux', 'libpcap'] as const);
      const ancillary: Ancillary = {
        ...NO_ANCILLARY,
        protocol: dice.below(65536),
        ifindex: dice.below(3),
        mark: dice.word(),
        random: dice.word(),
        vlanTag: dice.below(65536),
        networkOffset: dice.below(30) - 5,
        linkOffset: dice.once(2) ? null : dice.below(20) - 10,
      };
      const compiled = jit(program, { semantics });
      for (const bytes of randomPackets(dice, 8)) {
        const interpreted = run(program, bytes, 0, bytes.length, 1500, ancillary, semantics);
        const generated = compiled.run(bytes, 0, bytes.length, 1500, ancillary);
        if (interpreted !== generated)
          expect.fail(`seed ${seed}, program ${count}: ${interpreted} interpreted, ${generated} compiled`);
      }
    }
  });

  it.skipIf(lacks("filters against libpcap's interpreter", whyNoLibpcap()))(
    "mean what libpcap's interpreter makes of them",
    () => {
      const dice = new Dice(seed + 1);
      for (let count = 0; count < 1500; count++) {
        const program = randomProgram(dice, 1 + dice.below(50));
        const encoded = encodeSockFilters(program);
        const filter = interpret(program, { semantics: 'libpcap' });
        for (const bytes of randomPackets(dice, 8)) {
          const ours = filter.run(bytes, 0, bytes.length, bytes.length + 3);
          const theirs = libpcapRun(encoded, bytes, bytes.length + 3);
          if (ours !== theirs) expect.fail(`seed ${seed + 1}, program ${count}: ${ours}, libpcap says ${theirs}`);
        }
      }
    },
  );
});
