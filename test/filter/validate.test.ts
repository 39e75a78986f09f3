import { afterAll, describe, expect, it } from 'vitest';
import * as bpf from '../../src/filter/opcodes.ts';
import type { BpfInstruction, BpfProgram } from '../../src/filter/program.ts';
import { isAllowedCode, type RejectionReason, validate } from '../../src/filter/validate.ts';
import { run } from '../../src/filter/vm.ts';
import { EINVAL } from '../../src/uapi/errno.ts';
import { KernelFilter } from './support/kernel-filter.ts';
import { Dice, mutate, randomPackets, randomProgram } from './support/random-programs.ts';

const op = (code: number, k = 0, jt = 0, jf = 0): BpfInstruction => ({ code, jt, jf, k });
const ret = op(bpf.BPF_RET, 0);
const st = (cell: number): BpfInstruction => op(bpf.BPF_ST, cell);
const ldMem = (cell: number): BpfInstruction => op(bpf.BPF_LD | bpf.BPF_MEM, cell);
const jeq = (jt: number, jf: number): BpfInstruction => op(bpf.BPF_JMP | bpf.BPF_JEQ, 0, jt, jf);
const ja = (k: number): BpfInstruction => op(bpf.BPF_JMP | bpf.BPF_JA, k);
const abs = (k: number, size = bpf.BPF_W): BpfInstruction => op(bpf.BPF_LD | size | bpf.BPF_ABS, k);

/** Programs at the edge of each rule: what is wrong with them and where, or null. */
const edges: [name: string, program: BpfProgram, reason: RejectionReason | null, at?: number][] = [
  ['nothing', [], 'empty', -1],
  ['a return', [ret], null],
  ['a return of X', [op(bpf.BPF_RET | bpf.BPF_X)], 'unknown-code', 0],
  ['4096 instructions', Array.from({ length: 4096 }, () => ret), null],
  ['4097 instructions', Array.from({ length: 4097 }, () => ret), 'too-long', -1],
  ['no return at the end', [ret, op(bpf.BPF_LD)], 'no-return-at-end', 1],
  ['a code above 8 bits', [op(0x100 | bpf.BPF_RET), ret], 'unknown-code', 0],
  ['ldxb [k]', [op(bpf.BPF_LDX | bpf.BPF_B | bpf.BPF_ABS), ret], 'unknown-code', 0],
  ['ldxh 4*([k]&0xf)', [op(bpf.BPF_LDX | bpf.BPF_H | bpf.BPF_MSH), ret], 'unknown-code', 0],
  ['division by 0', [op(bpf.BPF_ALU | bpf.BPF_DIV, 0), ret], 'division-by-zero', 0],
  ['modulo 0', [op(bpf.BPF_ALU | bpf.BPF_MOD, 0), ret], 'division-by-zero', 0],
  ['division by X', [op(bpf.BPF_ALU | bpf.BPF_DIV | bpf.BPF_X, 0), ret], null],
  ['a shift by 31', [op(bpf.BPF_ALU | bpf.BPF_LSH, 31), ret], null],
  ['a shift by 32', [op(bpf.BPF_ALU | bpf.BPF_LSH, 32), ret], 'shift-out-of-range', 0],
  ['a shift right by 32', [op(bpf.BPF_ALU | bpf.BPF_RSH, 32), ret], 'shift-out-of-range', 0],
  ['a shift by X with a k of 99', [op(bpf.BPF_ALU | bpf.BPF_RSH | bpf.BPF_X, 99), ret], null],
  ['M[15]', [st(15), ret], null],
  ['M[16]', [st(16), ret], 'memory-out-of-range', 0],
  ['a jump to the last', [jeq(0, 1), ret, ret], null],
  ['a jump past the last', [jeq(0, 2), ret, ret], 'jump-out-of-range', 0],
  ['a true jump past the last', [jeq(2, 0), ret, ret], 'jump-out-of-range', 0],
  ['ja to the last', [ja(0), ret], null],
  ['ja past the last', [ja(1), ret], 'jump-out-of-range', 0],
  ['ja back', [ret, ja(0xfffffffe), ret], 'jump-out-of-range', 1],
  ['ancillary data', [abs(bpf.SKF_AD_OFF + 60), ret], null],
  ['past the ancillary data', [abs(bpf.SKF_AD_OFF + 64), ret], 'unknown-ancillary', 0],
  ['between two ancillary data', [abs(bpf.SKF_AD_OFF + 2, bpf.BPF_B), ret], 'unknown-ancillary', 0],
  ['below the ancillary data', [abs(bpf.SKF_AD_OFF - 1), ret], null],
  ['ancillary data by an index', [op(bpf.BPF_LD | bpf.BPF_IND, 0xffffffff), ret], null],
  ['a load before a store', [ldMem(3), ret], 'load-before-store', 0],
  ['a load after a store of another cell', [st(2), ldMem(3), ret], 'load-before-store', 1],
  ['a store on one of two paths', [jeq(0, 1), st(3), ldMem(3), ret], 'load-before-store', 2],
  ['stores on both paths', [jeq(0, 2), st(3), ja(1), st(3), ldMem(3), ret], null],
  ['a load that nothing reaches, after a jump', [ja(1), ldMem(3), ret], null],
  ['a load that nothing reaches, after a return', [ret, ldMem(3), ret], 'load-before-store', 1],
];

describe('the checker', () => {
  it.each(edges)('judges %s', (_name, program, reason, at) => {
    const rejection = validate(program);
    expect(rejection?.reason ?? null).toBe(reason);
    if (at !== undefined) expect(rejection).toMatchObject({ at, message: expect.any(String) });
  });

  it('knows 49 codes', () => {
    let count = 0;
    for (let code = 0; code < 0x10000; code++) if (isAllowedCode(code)) count++;
    expect(count).toBe(49);
  });
});

describe('against the running kernel', () => {
  const kernel = new KernelFilter();
  afterAll(() => kernel.close());
  const seed = Number(process.env['NETLAB_SEED'] ?? 4711);

  it.each(edges)('it says the same of %s', (_name, program, reason) => {
    expect(kernel.attach(program)).toBe(reason === null ? 0 : -EINVAL);
  });

  it('it takes the same codes', () => {
    for (let code = 0; code < 0x400; code++)
      for (const k of [1, 16])
        expect(
          kernel.attach([st(1), op(code, k), ret, ret, ...Array.from({ length: 20 }, () => ret)]) === 0,
          `${code}`,
        ).toBe(validate([st(1), op(code, k), ret, ret, ...Array.from({ length: 20 }, () => ret)]) === null);
  });

  it('the two agree on 12,000 mutated programs', () => {
    const dice = new Dice(seed);
    const seen = new Map<string, number>();
    for (let count = 0; count < 12_000; count++) {
      const program = mutate(dice, randomProgram(dice, 1 + dice.below(30), { withAncillary: true }));
      const ours = validate(program);
      const theirs = kernel.attach(program);
      if ((ours === null ? 0 : -EINVAL) !== theirs)
        expect.fail(`seed ${seed}, program ${count}: we say ${ours?.message ?? 'good'}, the kernel ${theirs}`);
      const reason = ours?.reason ?? 'good';
      seen.set(reason, (seen.get(reason) ?? 0) + 1);
    }
    // Every rule must have come up, or the agreement says little.
    for (const reason of [
      'good',
      'unknown-code',
      'division-by-zero',
      'shift-out-of-range',
      'memory-out-of-range',
      'jump-out-of-range',
      'unknown-ancillary',
      'no-return-at-end',
      'load-before-store',
    ])
      expect(seen.get(reason) ?? 0, reason).toBeGreaterThan(20);
  });

  it('it runs programs to the same verdicts', () => {
    const dice = new Dice(seed + 1);
    let accepted = 0;
    for (let count = 0; count < 2000; count++) {
      // The kernel cuts the datagram to the verdict: six bits of it can be told from the length that arrives.
      const program = randomProgram(dice, 1 + dice.below(40), { mask: 0x3f });
      expect(kernel.attach(program)).toBe(0);
      for (const packet of randomPackets(dice, 10)) {
        if (packet.length === 0) continue;
        const verdict = run(program, packet, 0, packet.length, packet.length);
        const ours = Math.min(verdict, packet.length);
        const theirs = kernel.verdict(packet);
        if (ours !== theirs) expect.fail(`seed ${seed + 1}, program ${count}: ours ${ours}, the kernel's ${theirs}`);
        if (ours > 0) accepted++;
      }
    }
    expect(accepted).toBeGreaterThan(1000);
  });

  it('it ends a program that asks for the device of a packet without one, with A as the verdict', () => {
    const program = [op(bpf.BPF_LD | bpf.BPF_IMM, 5), abs(bpf.SKF_AD_OFF + bpf.SKF_AD_IFINDEX), ret];
    expect(kernel.attach(program)).toBe(0);
    const packet = new Uint8Array(20);
    expect(kernel.verdict(packet)).toBe(5);
    expect(run(program, packet, 0, 20, 20)).toBe(5);
  });
});
