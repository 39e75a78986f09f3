import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { canGenerateCode, interpret, jit } from '../../src/filter/jit.ts';
import * as bpf from '../../src/filter/opcodes.ts';
import type { BpfInstruction } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { FrameBlock } from '../../src/frames/block.ts';
import { Dice, randomPackets, randomProgram } from './support/random-programs.ts';

const op = (code: number, k = 0, jt = 0, jf = 0): BpfInstruction => ({ code, jt, jf, k });

/** One block that holds the packets one after the other, the captured part of each cut to a random length. */
function blockOf(dice: Dice, packets: Uint8Array[]): FrameBlock {
  const block = new FrameBlock(new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, 0)), packets.length);
  let at = 0;
  for (const packet of packets) {
    block.bytes.set(packet, at);
    block.offset[block.count] = at;
    block.capturedLength[block.count] = dice.below(packet.length + 1);
    block.originalLength[block.count] = packet.length;
    block.keep[block.count] = 1;
    block.count++;
    at += packet.length;
  }
  return block;
}

describe('a block', () => {
  it('loses the rows that the program rejects, and those it had lost stay lost', () => {
    const dice = new Dice(7);
    for (let count = 0; count < 300; count++) {
      const program = randomProgram(dice, 1 + dice.below(40));
      const semantics = dice.pick(['linux', 'libpcap'] as const);
      const block = blockOf(dice, randomPackets(dice, 30));
      for (let row = 0; row < block.count; row++) block.keep[row] = dice.once(5) ? 0 : 1;
      const before = block.keep.slice();
      const one = jit(program, { semantics }).run;
      const expected = Uint8Array.from(before, (kept, row) =>
        kept && one(block.bytes, block.offset[row]!, block.capturedLength[row]!, block.originalLength[row]!) !== 0
          ? 1
          : 0,
      );
      const total = expected.reduce((sum, kept) => sum + kept, 0);
      expect(jit(program, { semantics }).filterBlock(block), `program ${count} compiled`).toBe(total);
      expect(block.keep).toEqual(expected);
      block.keep.set(before);
      expect(interpret(program, { semantics }).filterBlock(block), `program ${count} interpreted`).toBe(total);
      expect(block.keep).toEqual(expected);
    }
  });

  it('of which fewer rows are valid than the table has is filtered as far as they go', () => {
    const block = new FrameBlock(new Uint8Array(10), 4);
    block.count = 2;
    block.keep.fill(1);
    expect(jit([op(bpf.BPF_RET, 0)]).filterBlock(block)).toBe(0);
    expect([...block.keep]).toEqual([0, 0, 1, 1]);
    block.count = 0;
    expect(jit([op(bpf.BPF_RET, 5)]).filterBlock(block)).toBe(0);
  });
});

describe('programs that are hard to nest', () => {
  it('crossing jumps become nested blocks', () => {
    // 0 and 1 jump over each other's targets; 2 jumps further than both.
    const program = [
      op(bpf.BPF_LD | bpf.BPF_B | bpf.BPF_ABS, 0),
      op(bpf.BPF_JMP | bpf.BPF_JEQ, 1, 4, 0),
      op(bpf.BPF_JMP | bpf.BPF_JEQ, 2, 2, 0),
      op(bpf.BPF_JMP | bpf.BPF_JEQ, 3, 4, 0),
      op(bpf.BPF_ALU | bpf.BPF_ADD, 0x10),
      op(bpf.BPF_ALU | bpf.BPF_ADD, 0x20),
      op(bpf.BPF_ALU | bpf.BPF_ADD, 0x40),
      op(bpf.BPF_ALU | bpf.BPF_ADD, 0x80),
      op(bpf.BPF_ALU | bpf.BPF_ADD, 0x100),
      op(bpf.BPF_RET | bpf.BPF_A),
    ];
    expect(validate(program)).toBeNull();
    const { run } = jit(program);
    expect([0, 1, 2, 3].map((first) => run(Uint8Array.of(first), 0, 1, 1))).toEqual([0x1f0, 0x1c1, 0x1e2, 0x103]);
  });

  it('the longest program with a thousand open jumps runs all the same', () => {
    const jumps = 1364;
    const program: BpfInstruction[] = [op(bpf.BPF_LD | bpf.BPF_H | bpf.BPF_ABS, 0)];
    // Every test has a far target of its own, in the order that nests deepest.
    for (let index = 0; index < jumps; index++) {
      program.push(op(bpf.BPF_JMP | bpf.BPF_JEQ, index, 0, 1));
      program.push(op(bpf.BPF_JMP | bpf.BPF_JA, jumps * 2 + (jumps - index - 1) - (index * 2 + 2)));
    }
    for (let index = 0; index < jumps; index++) program.push(op(bpf.BPF_ALU | bpf.BPF_ADD, 1));
    program.push(op(bpf.BPF_RET | bpf.BPF_A));
    expect(validate(program)).toBeNull();
    const compiled = jit(program).run;
    const interpreted = interpret(program).run;
    for (const value of [0, 1, 700, 1363, 1364, 65535]) {
      const packet = Uint8Array.of(value >> 8, value);
      expect(compiled(packet, 0, 2, 2)).toBe(interpreted(packet, 0, 2, 2));
    }
  });

  it('a jump back, which only libpcap makes, is interpreted', () => {
    // A counts down from the first byte to zero.
    const program = [
      op(bpf.BPF_LD | bpf.BPF_B | bpf.BPF_ABS, 0),
      op(bpf.BPF_JMP | bpf.BPF_JEQ, 0, 2, 0),
      op(bpf.BPF_ALU | bpf.BPF_SUB, 1),
      op(bpf.BPF_JMP | bpf.BPF_JA, 0xfffffffd),
      op(bpf.BPF_RET, 9),
    ];
    const filter = jit(program, { semantics: 'libpcap' });
    expect(filter.generated).toBe(false);
    expect(filter.run(Uint8Array.of(200), 0, 1, 1)).toBe(9);
  });
});

describe('where code must not be made from strings', () => {
  it('the interpreter takes over, with the same verdicts', () => {
    const script = `
      import { jit, canGenerateCode } from './src/filter/jit.ts';
      const filter = jit([{ code: 0x30, jt: 0, jf: 0, k: 1 }, { code: 0x16, jt: 0, jf: 0, k: 0 }]);
      const verdict = filter.run(Uint8Array.of(0, 42), 0, 2, 2);
      console.log(canGenerateCode(), filter.generated, verdict, filter.run(Uint8Array.of(0), 0, 1, 1));
    `;
    const child = spawnSync(
      process.execPath,
      ['--disallow-code-generation-from-strings', '--import', 'tsx', '--input-type=module', '--eval', script],
      { encoding: 'utf8' },
    );
    expect(child.stderr).toBe('');
    expect(child.stdout.trim()).toBe('false false 42 0');
  });

  it('and here it may', () => {
    expect(canGenerateCode()).toBe(true);
    expect(jit([op(bpf.BPF_RET, 1)]).generated).toBe(true);
  });
});
