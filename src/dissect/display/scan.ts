import { DisplayFilterError } from './error.ts';

/** Words of a display filter. `word` is anything unquoted that may be a field, a number, an address or bytes: which of
 * these it is depends on where it stands, so the checker decides. */
export interface Token {
  readonly kind: 'word' | 'string' | 'char' | 'op' | 'end';
  /** A string's content with its escapes resolved, each byte one character; else the text as it is, operators in their
   * symbolic form. */
  readonly text: string;
  readonly at: number;
  readonly length: number;
}

/** Words that are operators (wireshark-filter(4)), and the symbols that mean the same. */
const WORDS: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  xor: '^^',
  not: '!',
  eq: '==',
  any_eq: '==',
  all_eq: '===',
  ne: '!=',
  all_ne: '!=',
  any_ne: '!==',
  gt: '>',
  lt: '<',
  ge: '>=',
  le: '<=',
  contains: 'contains',
  matches: 'matches',
  in: 'in',
  any: 'any',
  all: 'all',
  bitwise_and: '&',
};
/** Longest first. */
const SYMBOLS = [
  ['!==', '!=='],
  ['===', '==='],
  ['&&', '&&'],
  ['||', '||'],
  ['^^', '^^'],
  ['==', '=='],
  ['!=', '!='],
  ['~=', '!=='],
  ['>=', '>='],
  ['<=', '<='],
  ['..', '..'],
  ['>', '>'],
  ['<', '<'],
  ['!', '!'],
  ['~', 'matches'],
  ['&', '&'],
  ['+', '+'],
  ['-', '-'],
  ['*', '*'],
  ['/', '/'],
  ['%', '%'],
  ['(', '('],
  [')', ')'],
  ['{', '{'],
  ['}', '}'],
  ['[', '['],
  [']', ']'],
  [',', ','],
  ['#', '#'],
  [':', ':'],
] as const;

const WORD = /[\w.:/-]/;
const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** Cuts a display filter into words; the last is of kind `end`. Time is linear in the length. */
export function scan(expression: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  // Inside [ ], '-' and ':' divide numbers; elsewhere they belong to addresses and bytes.
  let brackets = 0;
  const push = (kind: Token['kind'], text: string, length: number): void => {
    tokens.push({ kind, text, at, length });
    at += length;
  };
  while (at < expression.length) {
    const c = expression[at]!;
    if (/\s/.test(c)) {
      at++;
      continue;
    }
    if (c === '"') {
      const { text, end } = quoted(expression, at, at + 1, '"', false);
      push('string', text, end - at);
      continue;
    }
    if ((c === 'r' || c === 'R') && expression[at + 1] === '"') {
      const { text, end } = quoted(expression, at, at + 2, '"', true);
      push('string', text, end - at);
      continue;
    }
    if (c === "'") {
      const { text, end } = quoted(expression, at, at + 1, "'", false);
      if (text.length !== 1)
        throw new DisplayFilterError(expression, at, end - at, 'a character constant is one character');
      push('char', text, end - at);
      continue;
    }
    if (brackets > 0 && /[\d:-]/.test(c)) {
      const digits = /^(0x[0-9a-f]+|\d+)/i.exec(expression.slice(at, at + 24))?.[0];
      if (digits) push('word', digits, digits.length);
      else push('op', c, 1);
      continue;
    }
    const isColons = c === ':' && expression[at + 1] === ':';
    if (/\w/.test(c) || isColons || (c === '.' && /[a-z_]/i.test(expression[at + 1] ?? ''))) {
      let end = at + 1;
      while (end < expression.length && WORD.test(expression[end]!)) {
        // A range inside a set: 80..90.
        if (expression[end] === '.' && expression[end + 1] === '.') break;
        end++;
      }
      const text = expression.slice(at, end);
      const operator = WORDS[text];
      push(operator === undefined ? 'word' : 'op', operator ?? text, end - at);
      continue;
    }
    const symbol = SYMBOLS.find(([written]) => expression.startsWith(written, at));
    if (symbol === undefined)
      throw new DisplayFilterError(expression, at, 1, `${JSON.stringify(c)} means nothing in a display filter`);
    if (symbol[0] === '[') brackets++;
    else if (symbol[0] === ']' && brackets > 0) brackets--;
    push('op', symbol[1], symbol[0].length);
  }
  push('end', '', 0);
  return tokens;
}

/** The content of a quoted piece whose first character is at `from`, up to the closing `quote`. In a raw one a backslash
 * stays, and only keeps a quote from closing. */
function quoted(
  expression: string,
  at: number,
  from: number,
  quote: string,
  raw: boolean,
): { text: string; end: number } {
  let text = '';
  let i = from;
  for (;;) {
    const c = expression[i];
    if (c === undefined)
      throw new DisplayFilterError(expression, at, expression.length - at, `the closing ${quote} is missing`);
    if (c === quote) break;
    if (c !== '\\') {
      // What is typed is UTF-8 on the wire.
      const whole = String.fromCodePoint(expression.codePointAt(i)!);
      text += Buffer.from(whole, 'utf8').toString('latin1');
      i += whole.length;
      continue;
    }
    const next = expression[i + 1] ?? '';
    if (raw) {
      text += next === quote ? quote : c + next;
      i += 2;
      continue;
    }
    const coded = /^(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3}))/.exec(expression.slice(i + 1, i + 4));
    if (coded) {
      const code = coded[1] ? Number.parseInt(coded[1], 16) : Number.parseInt(coded[2]!, 8);
      if (code > 0xff) throw new DisplayFilterError(expression, i, 4, `\\${coded[0]} is larger than 255`);
      text += String.fromCharCode(code);
      i += 1 + coded[0].length;
    } else if (next === 'u' || next === 'U') {
      const digits = (next === 'u' ? /^[0-9a-f]{4}/i : /^[0-9a-f]{8}/i).exec(expression.slice(i + 2, i + 10))?.[0];
      const code = Number.parseInt(digits ?? '', 16);
      // As in C: characters of the basic set are written as such.
      const isBasic = code < 0xa0 && code !== 0x24 && code !== 0x40 && code !== 0x60;
      if (!(code <= 0x10ffff) || isBasic || (code >= 0xd800 && code < 0xe000))
        throw new DisplayFilterError(
          expression,
          i,
          2,
          `\\${next} is to be followed by the digits of a character outside ASCII`,
        );
      text += Buffer.from(String.fromCodePoint(code), 'utf8').toString('latin1');
      i += 2 + digits!.length;
    } else if (ESCAPES[next] !== undefined) {
      text += String.fromCharCode(ESCAPES[next]);
      i += 2;
    } else if (next === '\\' || next === '"' || next === "'") {
      text += next;
      i += 2;
    } else throw new DisplayFilterError(expression, i, 2, `\\${next} is no escape (wireshark-filter(4) lists them)`);
  }
  return { text, end: i + 1 };
}
