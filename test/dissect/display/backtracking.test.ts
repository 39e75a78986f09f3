import { describe, expect, it } from 'vitest';
import { perlRegex } from '../../../src/dissect/display/regex.ts';

/** In a backtracking engine each more than doubles its time with every byte: with 2,000 they would not end. */
const EXPLOSIVE: readonly (readonly [expression: string, piece: string])[] = [
  ['(a+)+$', 'a'],
  ['^(a|aa)+$', 'a'],
  ['(x+x+)+y', 'x'],
  ['^(.*a){12}$', 'a'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'],
  ['(?-i)(\\w+\\s?)+\\Z', 'a'],
  ['([\\s\\S]+)*!\\z', 'x'],
];

describe('matches', () => {
  it.each(EXPLOSIVE)('%s ends, on bytes of any kind', (expression, piece) => {
    expect(perlRegex(expression).test(`${piece.repeat(2000)}\0`)).toBe(false);
  });

  it('an end of the line before the end of the bytes may stand behind $', () => {
    for (const [expression, text, does] of [
      ['a$', 'a\n', true],
      ['a$', 'a\n\n', false],
      ['a$\\n', 'a\n', true],
      ['(a$|b)c', 'bc', true],
      ['(b|a\\Z)', 'a\n', true],
      ['a\\z', 'a\n', false],
      ['x(?!a$)a', 'xa', false],
    ] as const)
      expect(perlRegex(expression).test(text), expression).toBe(does);
  });
});
