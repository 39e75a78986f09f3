/** The compiler's programs against those of libpcap 1.10.3, instruction by instruction: from a list that is kept, and, where
 * a libpcap 1.10.3 is installed, over expressions drawn from a grammar. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compile, FilterError } from '../../src/filter/compile.ts';
import type { BpfProgram } from '../../src/filter/program.ts';
import { validate } from '../../src/filter/validate.ts';
import { libpcapCompile, libpcapVersion, whyNoLibpcap } from '../../src/linux/libpcap.ts';
import { generated, handWritten, netlabLinkType, systemNames } from './support/corpus.ts';
import { Dice } from './support/random-programs.ts';

const NETMASK = 0xffffff00;
const text = (program: BpfProgram): string =>
  program.map(({ code, jt, jf, k }) => `${code},${jt},${jf},${k}`).join(' ');

function ours(expression: string, linkType: number, optimize: boolean, names = systemNames): string {
  try {
    return text(compile(expression, { linkType: netlabLinkType(linkType), netmask: NETMASK, optimize, names }));
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return 'rejected';
  }
}

describe('programs as libpcap 1.10.3 makes them', () => {
  const kept = readFileSync(new URL('../../fixtures/filter/libpcap-programs.txt', import.meta.url), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t') as [string, string, string, string]);

  it('the kept list', () => {
    expect(kept.length).toBeGreaterThan(1200);
    for (const [linkType, optimize, expression, program] of kept)
      expect([expression, linkType, optimize, ours(expression, Number(linkType), optimize === '1')]).toEqual([
        expression,
        linkType,
        optimize,
        program,
      ]);
  });
});

const whyNot = whyNoLibpcap() ?? (libpcapVersion().includes('1.10.3') ? null : `it is ${libpcapVersion()}`);

describe.skipIf(whyNot !== null)(`the installed libpcap${whyNot === null ? '' : ` (skipped: ${whyNot})`}`, () => {
  const seed = Number(process.env['NETLAB_SEED'] ?? 4711);
  const samples = [...handWritten(), ...generated(new Dice(seed), 1500)];

  /** Where libpcap's optimizer forgot a store (its program reads memory that it never wrote), or loads from an offset that
   * no packet has and no kernel takes, ours is another. */
  const isWrong = (program: BpfProgram): boolean => validate(program) !== null;

  for (const optimize of [false, true])
    it(`makes the same instructions ${optimize ? 'with' : 'without'} its optimizer`, () => {
      const differences: string[] = [];
      let same = 0;
      for (const { linkType, expression } of samples) {
        const theirs = libpcapCompile(expression, { linkType, netmask: NETMASK, optimize }).program;
        const program = ours(expression, linkType, optimize);
        if (program === (theirs === null ? 'rejected' : text(theirs))) same++;
        else if (theirs === null || !isWrong(theirs))
          differences.push(`${JSON.stringify(expression)} on ${linkType}:\n${theirs && text(theirs)}\n${program}`);
      }
      expect(differences.slice(0, 10), `seed ${seed}`).toEqual([]);
      expect(same).toBeGreaterThan(samples.length * 0.95);
    });
});
