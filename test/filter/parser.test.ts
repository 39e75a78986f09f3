import { describe, expect, it } from 'vitest';
import { compile, FilterError, type FilterErrorCode } from '../../src/filter/compile.ts';
import { MAX_NESTING, parse } from '../../src/filter/parser.ts';
import { processorTime } from '../support/cpu.ts';
import { Dice } from './support/random-programs.ts';

function failure(expression: string, linkType = 1): FilterError {
  try {
    compile(expression, { linkType });
  } catch (error) {
    if (error instanceof FilterError) return error;
    throw error;
  }
  return expect.fail(`${expression} was accepted`);
}

describe('the parser', () => {
  it('accepts nothing but white space as the filter that accepts everything', () => {
    for (const text of ['', ' ', '\t\r\n']) expect(parse(text)).toBeNull();
    expect(compile(' ', { linkType: 1, snapLength: 96 })).toEqual([{ code: 6, jt: 0, jf: 0, k: 96 }]);
  });

  it('hands qualifiers on to ids without their own, also past parentheses', () => {
    const same = (a: string, b: string): void =>
      expect(compile(a, { linkType: 1, optimize: false })).toEqual(compile(b, { linkType: 1, optimize: false }));
    same('tcp dst port 80 or 443', 'tcp dst port 80 or tcp dst port 443');
    same('host 10.0.0.1 and (10.0.0.2 or 10.0.0.3)', 'host 10.0.0.1 and (host 10.0.0.2 or host 10.0.0.3)');
    same('port 80 and (host 10.0.0.1) or 443', 'port 80 and host 10.0.0.1 or port 443');
    same('not host 10.0.0.1 and 10.0.0.2', 'not host 10.0.0.1 and host 10.0.0.2');
    same('host (10.0.0.1 or not 10.0.0.2)', 'host 10.0.0.1 or not host 10.0.0.2');
  });

  it('binds and and or equally, from the left', () => {
    const same = (a: string, b: string): void =>
      expect(compile(a, { linkType: 1, optimize: false })).toEqual(compile(b, { linkType: 1, optimize: false }));
    same('ip or arp and less 100', '(ip or arp) and less 100');
    same('ip and arp or less 100', '(ip and arp) or less 100');
    same('not ip and arp', '(not ip) and arp');
  });

  it('reads arithmetic as libpcap does: % and ^ take all that is on their right', () => {
    const k = (expression: string): number =>
      compile(`len = ${expression}`, { linkType: 1 }).find(({ code }) => code === 0x15)!.k;
    expect(k('2 + 3 * 4')).toBe(14);
    expect(k('(2 + 3) * 4')).toBe(20);
    expect(k('20 - 8 - 4')).toBe(8);
    expect(k('1 << 2 + 1')).toBe(8);
    expect(k('7 & 3 | 8')).toBe(11);
    expect(k('17 % 5 * 2')).toBe(7);
    expect(k('6 ^ 3 & 1')).toBe(7);
    expect(k('- 7 % 4')).toBe(0xfffffffd);
    expect(k('0x10 + 010 + 10')).toBe(34);
  });

  const wrong: [expression: string, code: FilterErrorCode, column: number, length: number][] = [
    ['tcp port', 'SYNTAX', 9, 1],
    ['tcp portt 80', 'SYNTAX', 5, 5],
    ['TCP', 'SYNTAX', 1, 3],
    ['tcp and', 'SYNTAX', 8, 1],
    ['(tcp', 'SYNTAX', 5, 1],
    ['tcp)', 'SYNTAX', 4, 1],
    ['tcp @ udp', 'CHARACTER', 5, 1],
    ['host \\', 'CHARACTER', 6, 1],
    ['host 10.0.0.256', 'ADDRESS', 6, 10],
    ['net 10.0.0.1/8', 'ADDRESS', 5, 10],
    ['net 10/8', 'SYNTAX', 7, 1],
    ['host aa:bb:cc', 'ADDRESS', 6, 6],
    ['host ::ffff:1.2.3.400', 'ADDRESS', 6, 16],
    ['port 65536', 'NUMBER', 6, 5],
    ['len > 4294967296', 'NUMBER', 7, 10],
    ['len > 08', 'NUMBER', 7, 2],
    ['tcp[0:3] = 1', 'NUMBER', 7, 1],
    ['vlan 4096', 'NUMBER', 1, 9],
    ['port nosuchservice', 'NAME', 6, 13],
    ['host somewhere', 'NAME', 6, 9],
    ['ip proto nosuch', 'NAME', 10, 6],
    ['ip6 host 10.0.0.1', 'QUALIFIER', 10, 8],
    ['tcp or 80', 'SYNTAX', 8, 2],
    ['port 80 or (1.2.3.4 or tcp)', 'SYNTAX', 24, 3],
    ['ip[0]', 'SYNTAX', 6, 1],
    ['len = 5 / 0', 'ARITHMETIC', 11, 1],
    ['len << 32 = 1', 'ARITHMETIC', 8, 2],
    ['type mgt', 'LINK_TYPE', 1, 8],
    ['gateway here', 'UNSUPPORTED', 9, 4],
    ['1 = 2', 'REJECTS_ALL', 1, 5],
    ['ah[0] = 1', 'UNSUPPORTED', 1, 5],
  ];
  it.each(wrong)('%s: %s at column %i, %i long', (expression, code, column, length) => {
    const error = failure(expression);
    expect([error.code, error.column, error.length]).toEqual([code, column, length]);
    expect(error.message).not.toBe('');
    expect(error.expression).toBe(expression);
  });

  it('says what was expected, and what was perhaps meant', () => {
    expect(failure('tcp portt 80').message).toContain("did you mean 'port'?");
    expect(failure('TCP').message).toContain("did you mean 'tcp'?");
    expect(failure('ip proto tcp').message).toContain('\\tcp');
    expect(failure('net 10/8').message).toContain('10.0.0.0/8');
    expect(failure('tcp port and host 10.0.0.1').expected).toEqual(['a port number', 'the name of a service']);
  });

  it('renders the expression with a caret, also one that is longer than a line', () => {
    expect(failure('tcp port and host 10.0.0.1').render()).toMatch(
      /^expected a port number .*\(column 10\)\n {2}tcp port and host 10\.0\.0\.1\n {11}\^\^\^$/,
    );
    expect(failure('tcp\tand\nudq').render()).toMatch(/\n {2}tcp and udq\n {10}\^\^\^$/);
    const before = 'ip or '.repeat(50);
    const rendered = failure(`${before}@ and tcp${' or ip'.repeat(50)}`)
      .render(60)
      .split('\n');
    expect(rendered[1]!.length).toBeLessThanOrEqual(60);
    expect(rendered[1]![rendered[2]!.indexOf('^')]).toBe('@');
  });

  it(`takes ${MAX_NESTING} open parentheses, and no more`, () => {
    const nested = (depth: number): string => '('.repeat(depth) + 'tcp' + ')'.repeat(depth);
    expect(compile(nested(MAX_NESTING), { linkType: 1 })).toEqual(compile('tcp', { linkType: 1 }));
    expect(failure(nested(MAX_NESTING + 1)).code).toBe('NESTING');
    expect(failure('('.repeat(1e6)).code).toBe('NESTING');
    expect(failure(`${'tcp['.repeat(1e5)}`).code).toBe('NESTING');
    const brackets = 'ip['.repeat(MAX_NESTING) + '0' + ']'.repeat(MAX_NESTING);
    expect(compile(`${brackets} = 0`, { linkType: 1 }).length).toBeGreaterThan(MAX_NESTING);
  });

  it('reads long chains, sums and negations without recursion', () => {
    expect(compile(Array(5000).fill('ip').join(' or '), { linkType: 1 })).toEqual(compile('ip', { linkType: 1 }));
    const sum = Array.from({ length: 3000 }, (_, index) => index).join(' + ');
    expect(compile(`len = ${sum}`, { linkType: 1 }).some(({ k }) => k === 4498500)).toBe(true);
    expect(compile('not '.repeat(20_001) + 'ip', { linkType: 1 })).toEqual(compile('not ip', { linkType: 1 }));
    expect(compile(`len = ${'-'.repeat(5000)} 7`, { linkType: 1 })).toEqual(compile('len = 7', { linkType: 1 }));
  });

  it('scans in linear time', () => {
    const spent = processorTime(() => {
      for (const text of [
        'a'.repeat(1e6),
        '1'.repeat(1e6),
        '1.'.repeat(5e5),
        '1:'.repeat(5e5),
        `a${'-'.repeat(1e6)}`,
        ' '.repeat(1e6) + '@',
        `\\${'x'.repeat(1e6)}`,
        'aa:bb:cc:dd:ee:ff'.repeat(5e4),
      ])
        expect(failure(text).code).toMatch(/^(SYNTAX|NUMBER|ADDRESS|CHARACTER)$/);
    });
    expect(spent).toBeLessThan(10_000);
  });

  it('throws nothing but FilterError, whatever it reads', () => {
    const seed = Number(process.env['NETLAB_SEED'] ?? 815);
    const dice = new Dice(seed);
    const words =
      'tcp udp ip ip6 host net port portrange src dst and or not ( ) [ ] : = < > ! & | + - * / % ^ << >> 80 10.0.0.1 ::1 0x10 08 len vlan mpls mask proto protochain ether aa:bb:cc:dd:ee:ff \\tcp \\ $1 @ é type llc rnr decnet 1.2 geneve on vpi sio byte less http-90 , ~ 4294967296'.split(
        ' ',
      );
    for (let run = 0; run < 20_000; run++) {
      let text = '';
      for (let length = dice.below(12); length >= 0; length--) text += dice.pick(words) + dice.pick([' ', ' ', '']);
      try {
        compile(text, { linkType: dice.pick([1, 101, 105, 127, 113, 9]) });
      } catch (error) {
        if (!(error instanceof FilterError)) throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
        expect(error.render()).toContain('^');
      }
    }
  });
});
