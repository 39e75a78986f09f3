import { describe, expect, it } from 'vitest';
import { compileDisplayFilter } from '../../../src/dissect/display/compile.ts';
import { DisplayFilterError } from '../../../src/dissect/display/error.ts';
import { Fields } from '../../../src/dissect/fields.ts';
import { walkFrame } from '../../../src/dissect/frame.ts';
import { openSavefile } from '../../../src/savefile/index.ts';

const TOUR = 'fixtures/tour.pcapng';

/** Numbers of the tour's frames that match, joined by commas. */
async function ours(expression: string): Promise<string> {
  const filter = compileDisplayFilter(expression);
  const fields = new Fields();
  fields.wanted = filter.wanted;
  const source = await openSavefile(TOUR);
  const matching: number[] = [];
  let number = 0;
  for await (const block of source)
    for (let row = 0; row < block.count; row++) {
      number++;
      const { linkType, name } = source.interfaces[block.interfaceId[row]!]!;
      walkFrame(fields, block.bytes, block.offset[row]!, block.capturedLength[row]!, linkType, {
        number,
        seconds: block.seconds[row]!,
        nanoseconds: block.nanoseconds[row]!,
        originalLength: block.originalLength[row]!,
        interfaceId: block.interfaceId[row]!,
        interfaceName: name,
        flags: block.flags[row]!,
      });
      if (filter.matches(fields)) matching.push(number);
    }
  return matching.join(',');
}

function rejected(expression: string): DisplayFilterError {
  try {
    compileDisplayFilter(expression);
  } catch (error) {
    if (error instanceof DisplayFilterError) return error;
    throw error;
  }
  throw new Error(`${expression} was accepted`);
}

describe('display filters', () => {
  it('a misspelt field: the nearest names, and a caret under the word', () => {
    const error = rejected('ip.addr == 192.0.2.1 and tcp.prot == 80');
    expect(error.nearest).toContain('tcp.port');
    const lines = error.render().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[2]).toBe(`  ${' '.repeat(25)}^${'~'.repeat(7)}`);
  });

  it('an empty one matches everything', async () => {
    expect((await ours('')).split(',')).toHaveLength(56);
  });

  it('a value before the field means the same', async () => {
    expect(await ours('80 == tcp.port')).toBe(await ours('tcp.port == 80'));
    expect(await ours('100 < frame.len')).toBe(await ours('frame.len > 100'));
  });

  it('nesting has a limit, and stays an error of its own', () => {
    expect(rejected(`${'('.repeat(100_000)}tcp`).message).toContain('deep');
    expect(rejected(`${'!'.repeat(100_000)}tcp`).message).toContain('deep');
  });

  it('asks only for the fields it reads', () => {
    const { wanted } = compileDisplayFilter('tcp.port == 80 && ip.ttl > 3');
    expect(wanted.reduce((sum, one) => sum + one, 0)).toBe(3);
  });

  it('times compare to the nanosecond', async () => {
    expect(await ours('frame.time_epoch > 1700000000.000000001')).not.toBe('');
    expect(await ours('frame.time_epoch < "2020-01-01 00:00:00 UTC"')).toBe('');
  });
});

describe('garbage', () => {
  it('throws nothing but DisplayFilterError', () => {
    const seed = 20_261_120;
    const pieces = [
      'tcp',
      'ip.src',
      '==',
      '(',
      ')',
      '{',
      '}',
      '[',
      ']',
      '1',
      ':',
      '-',
      '"a"',
      "'b'",
      '..',
      '#',
      '!',
      '&',
    ];
    pieces.push('in', 'not', 'and', 'len(', ',', '0x', '10.0.0.0/8', '\\', '"', 'contains', 'matches', '~', '%', '::1');
    let state = seed;
    const next = (limit: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % limit;
    };
    for (let i = 0; i < 20_000; i++) {
      const words = Array.from({ length: 1 + next(9) }, () => pieces[next(pieces.length)]);
      const expression = words.join(next(2) ? ' ' : '');
      try {
        compileDisplayFilter(expression);
      } catch (error) {
        expect(error, `seed ${seed}, filter ${expression}`).toBeInstanceOf(DisplayFilterError);
      }
    }
  });
});
