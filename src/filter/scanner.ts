/** The scanner of the filter language: text to tokens, in one pass and linear time.
 *
 * At each place the longest token wins; of two that are equally long, the one named first here. That is how the
 * language's reference scanner works, and it matters: `112233445566` is an Ethernet address and `80-90` is a name. */
import { FilterError, type Span } from './error.ts';
import { KEYWORDS, NUMBER_NAMES, PROTOCOLS, type Protocol } from './keywords.ts';

export type Token = Span &
  (
    | { readonly kind: 'keyword'; readonly word: string }
    | { readonly kind: 'protocol'; readonly protocol: Protocol }
    | { readonly kind: 'operator'; readonly operator: string }
    | { readonly kind: 'number'; readonly value: number }
    /** A name: of a host, network, service, protocol, LLC or 802.11 type. */
    | { readonly kind: 'name'; readonly name: string }
    /** Two to four numbers with dots between: an IPv4 address or network, or a DECnet address. */
    | { readonly kind: 'dotted'; readonly text: string }
    | { readonly kind: 'ip6'; readonly text: string }
    | { readonly kind: 'ether'; readonly text: string }
    /** ARCnet address, `$` and one or two hexadecimal digits. */
    | { readonly kind: 'arcnet'; readonly text: string }
    | { readonly kind: 'end' }
  );

const OPERATORS_OF_TWO = new Set(['>=', '<=', '!=', '==', '<<', '>>', '&&', '||']);
const OPERATORS_OF_ONE = '+-*/%:[]!<>()&|^=';

/** Meaning of operators that are written in more than one way. */
const OPERATOR_ALIASES: ReadonlyMap<string, string> = new Map([['==', '=']]);
const WORD_OPERATORS: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
]);

const SPACE = /[ \t\r\n]*/y;
const WORD = /[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?/y;
const ESCAPED = /\\[^ !()\n\t]+/y;
const ARCNET = /\$[0-9A-Fa-f]{1,2}/y;
const ETHER =
  /(?:[0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{1,2}(?:-[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{1,2}(?:\.[0-9A-Fa-f]{1,2}){5}|[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12})/y;
/** Groups of hexadecimal digits that each end in colons: neither an Ethernet nor an IPv6 address. */
const COLONS = /(?:[0-9A-Fa-f]{1,2}:+){2,}/y;
const NUMBER = /^(?:[0-9]+|0[xX][0-9A-Fa-f]+)$/;
const DOTTED = /^(?:[0-9]+|0[xX][0-9A-Fa-f]+)(?:\.(?:[0-9]+|0[xX][0-9A-Fa-f]+)){1,3}$/;
const GROUP = /[0-9A-Fa-f]{1,4}/y;
const QUAD = /(?:0[xX][0-9A-Fa-f]+|[0-9]+)(?:\.(?:0[xX][0-9A-Fa-f]+|[0-9]+)){3}/y;

/** Characters that `pattern` (sticky) matches at `at`; 0 where it does not. */
function matchLength(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex - at : 0;
}

/** Characters at `at` that have the shape of an IPv6 address (RFC 4291 2.2): eight groups, or fewer around one `::`, the
 * last two possibly as a dotted quad. The values are checked later. */
function ip6Length(text: string, at: number): number {
  let best = 0;
  let groups = 0;
  let compressed = false;
  let here = at;
  if (text.startsWith('::', here)) {
    compressed = true;
    here += 2;
    best = 2;
  }
  for (;;) {
    const length = matchLength(GROUP, text, here);
    if (length === 0) return best;
    if (compressed ? groups <= 5 : groups === 6) {
      const quad = matchLength(QUAD, text, here);
      if (quad > 0) best = Math.max(best, here + quad - at);
    }
    groups++;
    here += length;
    if (compressed || groups === 8) best = Math.max(best, here - at);
    if (groups === (compressed ? 7 : 8)) return best;
    if (!compressed && text.startsWith('::', here)) {
      compressed = true;
      here += 2;
      best = Math.max(best, here - at);
      if (groups === 7) return best;
    } else if (text[here] === ':') here++;
    else return best;
  }
}

/** Value of a number as C writes it: decimal, octal after a 0, hexadecimal after 0x; at most 32 bits. */
function numberOf(text: string, expression: string, span: Span): number {
  const hexadecimal = /^0[xX]/.test(text);
  const octal = !hexadecimal && text.length > 1 && text[0] === '0';
  if (octal && /[89]/.test(text))
    throw new FilterError(
      'NUMBER',
      `the number ${shown(text)} begins with 0, so it is octal, and has a digit that is not (0 to 7)`,
      expression,
      span,
    );
  const digits = (hexadecimal ? text.slice(2) : text).replace(/^0+/, '');
  const value =
    digits === '' ? 0 : digits.length > 11 ? Infinity : Number.parseInt(digits, hexadecimal ? 16 : octal ? 8 : 10);
  if (value > 0xffffffff)
    throw new FilterError('NUMBER', `the number ${shown(text)} does not fit 32 bits`, expression, span);
  return value;
}

/** `text` for a message: not longer than a line. */
export const shown = (text: string): string => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function wordToken(text: string, span: Span, expression: string): Token {
  const protocol = PROTOCOLS.get(text);
  if (protocol !== undefined) return { ...span, kind: 'protocol', protocol };
  const word = KEYWORDS.get(text);
  if (word !== undefined) return { ...span, kind: 'keyword', word };
  if (NUMBER.test(text)) return { ...span, kind: 'number', value: numberOf(text, expression, span) };
  if (DOTTED.test(text)) return { ...span, kind: 'dotted', text };
  const named = NUMBER_NAMES.get(text);
  if (named !== undefined) return { ...span, kind: 'number', value: named };
  return { ...span, kind: 'name', name: text };
}

/** Reads the tokens of an expression one at a time. After the last one comes `end`, again and again. */
export class Scanner {
  readonly expression: string;
  #at = 0;

  constructor(expression: string) {
    this.expression = expression;
  }

  /** The next token. Throws FilterError where there is none, or it is a number or an address that cannot be. */
  next(): Token {
    const text = this.expression;
    const at = (this.#at += matchLength(SPACE, text, this.#at));
    if (at >= text.length) return { kind: 'end', at: text.length, length: 0 };
    const token = this.#addressOrWord(at) ?? this.#sign(at);
    this.#at = at + token.length;
    return token;
  }

  #addressOrWord(at: number): Token | null {
    const text = this.expression;
    const word = matchLength(WORD, text, at);
    const ether = matchLength(ETHER, text, at);
    const ip6 = ip6Length(text, at);
    const colons = matchLength(COLONS, text, at);
    const length = Math.max(word, ether, ip6, colons);
    if (length === 0) return null;
    const token = text.slice(at, at + length);
    const span = { at, length };
    if (length === ether) return { ...span, kind: 'ether', text: token };
    if (length === word) return wordToken(token, span, text);
    if (length === ip6) return { ...span, kind: 'ip6', text: token };
    throw new FilterError(
      'ADDRESS',
      `'${shown(token)}' begins like an Ethernet or IPv6 address, and is neither`,
      text,
      span,
      ['six groups of hexadecimal digits for Ethernet', 'eight groups, or fewer around one ::, for IPv6'],
    );
  }

  #sign(at: number): Token {
    const text = this.expression;
    const two = text.slice(at, at + 2);
    const sign = OPERATORS_OF_TWO.has(two) ? two : text[at]!;
    if (sign.length === 2 || OPERATORS_OF_ONE.includes(sign)) {
      const span = { at, length: sign.length };
      const word = WORD_OPERATORS.get(sign);
      if (word !== undefined) return { ...span, kind: 'keyword', word };
      return { ...span, kind: 'operator', operator: OPERATOR_ALIASES.get(sign) ?? sign };
    }
    const escaped = matchLength(ESCAPED, text, at);
    if (escaped > 0) return { at, length: escaped, kind: 'name', name: text.slice(at + 1, at + escaped) };
    const arcnet = matchLength(ARCNET, text, at);
    if (arcnet > 0) return { at, length: arcnet, kind: 'arcnet', text: text.slice(at, at + arcnet) };
    const character = String.fromCodePoint(text.codePointAt(at)!);
    const code = `U+${text.codePointAt(at)!.toString(16).toUpperCase().padStart(4, '0')}`;
    throw new FilterError(
      'CHARACTER',
      character === '\\'
        ? 'a backslash must stand directly before a name'
        : `no filter contains the character ${/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Zs}]/u.test(character) ? code : `'${character}'`}`,
      text,
      { at, length: character.length },
    );
  }
}
