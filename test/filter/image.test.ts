import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { instructionImage, programAsC, programAsNumbers, programImage } from '../../src/filter/image.ts';
import type { BpfProgram } from '../../src/filter/program.ts';
import { libpcapCompile, libpcapImage, whyNoLibpcap } from '../../src/linux/libpcap.ts';
import { lacks } from '../support/tools.ts';

const port80: BpfProgram = [
  { code: 0x28, jt: 0, jf: 0, k: 12 },
  { code: 0x15, jt: 0, jf: 2, k: 0x800 },
  { code: 0xb1, jt: 0, jf: 0, k: 14 },
  { code: 0x48, jt: 0, jf: 0, k: 16 },
  { code: 0x06, jt: 0, jf: 0, k: 0xffffffff },
];

describe('programs as text', () => {
  it('prints instructions in columns', () => {
    expect(programImage(port80)).toBe(
      '(000) ldh      [12]\n' +
        '(001) jeq      #0x800           jt 2\tjf 4\n' +
        '(002) ldxb     4*([14]&0xf)\n' +
        '(003) ldh      [x + 16]\n' +
        '(004) ret      #-1\n',
    );
  });

  it('prints C with eight digits of k', () => {
    expect(programAsC(port80.slice(0, 2))).toBe('{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 2, 0x00000800 },\n');
  });

  it('prints numbers with the count first', () => {
    expect(programAsNumbers(port80.slice(3))).toBe('2\n72 0 0 16\n6 0 0 4294967295\n');
  });
});

describe.skipIf(lacks('instructions as libpcap prints them', whyNoLibpcap()))('against the installed libpcap', () => {
  it('prints every code with every kind of k as bpf_image does', () => {
    const ks = [0, 1, 12, 255, 4096, 0x7fffffff, 0x80000000, 0xffe00000, 0xfff00004, 0xffffffff];
    for (let k = 0xfffff000 - 4; k < 0xfffff000 + 80; k++) ks.push(k);
    for (let code = 0; code < 256; code++)
      for (const k of ks)
        for (const index of [0, 7, 999, 1234]) {
          const instruction = { code, jt: 3, jf: 255, k };
          const theirs = libpcapImage(instruction, index);
          if (instructionImage(instruction, index) !== theirs)
            expect(instructionImage(instruction, index), `code 0x${code.toString(16)}, k ${k}`).toBe(theirs);
        }
  });

  it('prints -d, -dd and -ddd as tcpdump does', () => {
    for (const expression of ['tcp port 443 and host 10.0.0.1', 'ip6 protochain 6', 'ether[0] & 1 != 0', 'less 60']) {
      const program = libpcapCompile(expression).program!;
      const tcpdump = (flag: string): string =>
        spawnSync('tcpdump', ['-y', 'EN10MB', flag, expression], { encoding: 'utf8' }).stdout;
      expect(programImage(program)).toBe(tcpdump('-d'));
      expect(programAsC(program)).toBe(tcpdump('-dd'));
      expect(programAsNumbers(program)).toBe(tcpdump('-ddd'));
    }
  });
});
