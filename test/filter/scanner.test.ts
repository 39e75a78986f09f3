import { describe, expect, it } from 'vitest';
import { NUMBER_NAMES } from '../../src/filter/keywords.ts';
import { Scanner, type Token } from '../../src/filter/scanner.ts';

function tokens(text: string): string[] {
  const scanner = new Scanner(text);
  const found: string[] = [];
  for (let token: Token = scanner.next(); token.kind !== 'end'; token = scanner.next()) {
    const { kind } = token;
    const value =
      kind === 'number'
        ? String(token.value)
        : kind === 'keyword'
          ? token.word
          : kind === 'protocol'
            ? token.protocol
            : kind === 'operator'
              ? token.operator
              : kind === 'name'
                ? token.name
                : token.text;
    found.push(`${kind} ${value}`);
  }
  return found;
}

describe('the scanner', () => {
  it('takes the longest token', () => {
    expect(tokens('80-90')).toEqual(['name 80-90']);
    expect(tokens('tcp-udp')).toEqual(['name tcp-udp']);
    expect(tokens('112233445566')).toEqual(['ether 112233445566']);
    expect(tokens('1.2.3.4')).toEqual(['dotted 1.2.3.4']);
    expect(tokens('1.2.3.4.5')).toEqual(['name 1.2.3.4.5']);
    expect(tokens('1.2.3.4.5.6')).toEqual(['ether 1.2.3.4.5.6']);
    expect(tokens('a--b')).toEqual(['name a--b']);
    expect(tokens('a-')).toEqual(['name a', 'operator -']);
    expect(tokens('len<<2<=3')).toEqual(['keyword len', 'operator <<', 'number 2', 'operator <=', 'number 3']);
  });

  it('knows words by other spellings', () => {
    expect(tokens('ether fddi tr wlan ppp slip link')).toEqual(Array(7).fill('protocol link'));
    expect(tokens('&& and || or ! not')).toEqual(['and', 'and', 'or', 'or', 'not', 'not'].map((w) => `keyword ${w}`));
    expect(tokens('length == len = is-is')).toEqual([
      'keyword len',
      'operator =',
      'keyword len',
      'operator =',
      'protocol isis',
    ]);
    expect(tokens('\\tcp \\and tcp')).toEqual(['name tcp', 'name and', 'protocol tcp']);
  });

  it('reads numbers as C does, and named ones', () => {
    expect(tokens('0 10 010 0x10 0X1f 4294967295 0000000000037')).toEqual(
      [0, 10, 8, 16, 31, 4294967295, 31].map((n) => `number ${n}`),
    );
    expect(tokens('tcpflags tcp-syn icmp6-neighborsolicit')).toEqual(['number 13', 'number 2', 'number 135']);
    expect(NUMBER_NAMES.size).toBe(57);
  });

  it('tells Ethernet from IPv6 addresses', () => {
    for (const text of ['0:1:2:3:4:5', 'aa-bb-cc-dd-ee-ff', 'a.b.c.d.e.f', 'aabb.ccdd.eeff', 'AABBCCDDEEFF'])
      expect(tokens(text)).toEqual([`ether ${text}`]);
    for (const text of [
      '::',
      '::1',
      '1::',
      '1:2:3:4:5:6:7:8',
      '1:2::7:8',
      '::1.2.3.4',
      '1:2:3:4:5:6:1.2.3.4',
      '1:2:3:4:5:6:7::',
    ])
      expect(tokens(text)).toEqual([`ip6 ${text}`]);
    for (const text of ['aa:bb:cc', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', 'aa:bb:cc:dd:ee:ff:00'])
      expect(() => tokens(text), text).toThrow(/neither/);
    expect(tokens('ip[1:2]')).toEqual([
      'protocol ip',
      'operator [',
      'number 1',
      'operator :',
      'number 2',
      'operator ]',
    ]);
  });

  it('gives offsets and lengths', () => {
    const scanner = new Scanner('  tcp  && \\x');
    expect(
      [scanner.next(), scanner.next(), scanner.next(), scanner.next()].map(({ at, length }) => [at, length]),
    ).toEqual([
      [2, 3],
      [7, 2],
      [10, 2],
      [12, 0],
    ]);
  });
});
