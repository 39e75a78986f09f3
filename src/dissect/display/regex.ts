/** Perl-compatible regular expressions (pcre2pattern(3)) as JavaScript's, over bytes: one character a byte, as Wireshark
 * compiles them. Case, `.`, `$`, `\s` and the classes mean what they mean there and not in JavaScript. */

import { setFlagsFromString } from 'node:v8';

/** Thrown for what is no regular expression, or has no counterpart (recursion, conditions, callouts). */
export class RegexError extends Error {
  override name = 'RegexError';
}

interface Modes {
  caseless: boolean;
  multiline: boolean;
  dotAll: boolean;
  extended: boolean;
}

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t-\\r ',
  upper: 'A-Z',
  word: '0-9A-Z_a-z',
  xdigit: '0-9A-Fa-f',
};
const CLASSES: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Z_a-z',
  s: '\\t-\\r ',
  h: '\\t \\xa0',
  v: '\\n-\\r\\x85',
  N: '',
};
const CONTROLS: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 };
// Without the flag of many lines these are the ends of the bytes.
const START = '(?:^)';
const END = '(?:$)';

// A backtracking match takes time that no frame's length bounds: (a+)+! of many a. After 50,000 steps back V8 then goes on
// with its other engine, whose time is linear in the length; it has all but assertions about what is around, and references
// back. Where a version of V8 does not know the flag, nothing happens.
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

/** Compiles `source`; letters match either case unless `(?-i)` says otherwise. Throws RegexError. */
export function perlRegex(source: string): RegExp {
  const translator = new Translator(source);
  const text = translator.all();
  try {
    return new RegExp(text);
  } catch (error) {
    throw new RegexError((error as Error).message.replace(/^Invalid regular expression: .*: /s, ''));
  }
}

const hex = (code: number): string => `\\x${code.toString(16).padStart(2, '0')}`;
const isLetter = (code: number): boolean => (code >= 65 && code <= 90) || (code >= 97 && code <= 122);

class Translator {
  readonly #source: string;
  #at = 0;
  #atomic = 0;

  constructor(source: string) {
    this.#source = source;
  }

  all(): string {
    const text = this.#alternatives({ caseless: true, multiline: false, dotAll: false, extended: false });
    if (this.#at < this.#source.length) throw new RegexError('unmatched closing parenthesis');
    return text;
  }

  /** The end, or the line's end before it. It is looked for ahead only where something follows that it may not take. */
  #beforeEnd(): string {
    return /^\)*$/.test(this.#source.slice(this.#at)) ? `\\n?${END}` : `(?=\\n?${END})`;
  }

  /** Up to a closing parenthesis or the end. Options set in it hold up to its end. */
  #alternatives(outer: Modes): string {
    let modes = { ...outer };
    let text = '';
    for (;;) {
      const c = this.#source[this.#at];
      if (c === undefined || c === ')') return text;
      if (c === '|') {
        text += c;
        this.#at++;
        continue;
      }
      if (modes.extended && /[\s#]/.test(c)) {
        this.#at++;
        if (c === '#') while (this.#at < this.#source.length && this.#source[this.#at++] !== '\n');
        continue;
      }
      const options = /^\(\?(\^?[imsxnJ]*)(?:-([imsxn]*))?\)/.exec(this.#rest(40));
      if (options) {
        this.#at += options[0].length;
        modes = changed(modes, options[1]!, options[2] ?? '');
        continue;
      }
      const comment = /^\(\?#[^)]*\)/.exec(this.#source.slice(this.#at));
      if (comment) {
        this.#at += comment[0].length;
        continue;
      }
      text += this.#quantified(this.#atom(modes));
    }
  }

  #rest(length: number): string {
    return this.#source.slice(this.#at, this.#at + length);
  }

  /** What repeats `atom`; a possessive one gives nothing back once it has matched. */
  #quantified(atom: string): string {
    const found = /^(?:[*+?]|\{\d+(?:,\d*)?\})/.exec(this.#rest(24));
    if (!found) return atom;
    this.#at += found[0].length;
    const next = this.#source[this.#at];
    if (next === '?') {
      this.#at++;
      return `${atom}${found[0]}?`;
    }
    if (next !== '+') return `${atom}${found[0]}`;
    this.#at++;
    return this.#keep(`${atom}${found[0]}`);
  }

  /** A look-ahead is never entered again: what it has seen is then taken. */
  #keep(text: string): string {
    const name = `atomic${this.#atomic++}`;
    return `(?:(?=(?<${name}>${text}))\\k<${name}>)`;
  }

  #atom(modes: Modes): string {
    const c = this.#source[this.#at]!;
    switch (c) {
      case '(':
        return this.#group(modes);
      case '[':
        return this.#set(modes);
      case '\\':
        return this.#escape(modes);
      case '.':
        this.#at++;
        return modes.dotAll ? '[^]' : '[^\\n]';
      case '^':
        this.#at++;
        return modes.multiline ? `(?:${START}|(?<=\\n)(?=[^]))` : START;
      case '$':
        this.#at++;
        return modes.multiline ? `(?=\\n|${END})` : this.#beforeEnd();
      case '*':
      case '+':
      case '?':
        throw new RegexError('quantifier does not follow a repeatable item');
      default:
        this.#at++;
        return character(c.charCodeAt(0), modes);
    }
  }

  #group(modes: Modes): string {
    const head = /^\((?:\?(?:[:>=!|]|<[=!]|P?<[A-Za-z_]\w*>|'[A-Za-z_]\w*'|P=\w+\)|\^?[imsxn]*(?:-[imsxn]*)?:))?/.exec(
      this.#source.slice(this.#at),
    )![0];
    this.#at += head.length;
    const word = head.slice(2);
    if (head === '(' && /^[?*]/.test(this.#rest(1)))
      throw new RegexError(`(${this.#rest(4)} is not known here: recursion, conditions and verbs are not`);
    if (word.startsWith('P=')) return `\\k<${word.slice(2, -1)}>`;
    if (word === '|') throw new RegexError('(?| is not known here');
    const options = /^(\^?[imsxn]*)(?:-([imsxn]*))?:$/.exec(word);
    const inner = this.#alternatives(options ? changed(modes, options[1]!, options[2] ?? '') : modes);
    if (this.#source[this.#at] !== ')') throw new RegexError('missing closing parenthesis');
    this.#at++;
    if (options) return `(?:${inner})`;
    if (word === '>') return this.#keep(inner);
    if (/^[=!]|^<[=!]/.test(word)) return `(?${word}${inner})`;
    if (word === '') return `(${inner})`;
    return `(?<${word.replace(/^P|[<>']/g, '').replace(/[<>']/g, '')}>${inner})`;
  }

  #escape(modes: Modes): string {
    const rest = this.#source.slice(this.#at + 1);
    const c = rest[0];
    if (c === undefined) throw new RegexError('\\ at end of pattern');
    if (c === 'Q') {
      const end = rest.indexOf('\\E');
      const quoted = end < 0 ? rest.slice(1) : rest.slice(1, end);
      this.#at += end < 0 ? 1 + rest.length : end + 3;
      return Array.from(quoted, (one) => character(one.charCodeAt(0), modes)).join('');
    }
    const reference = /^(?:g\{?(\d+)\}?|k(?:\{(\w+)\}|<(\w+)>|'(\w+)')|g\{([A-Za-z_]\w*)\}|([1-9]))(?!\d)/.exec(rest);
    if (reference) {
      this.#at += 1 + reference[0].length;
      const name = reference[2] ?? reference[3] ?? reference[4] ?? reference[5];
      return name === undefined ? `(?:\\${reference[1] ?? reference[6]})` : `\\k<${name}>`;
    }
    const code = this.#code(rest);
    if (code !== null) return character(code, modes);
    const property = this.#property(rest);
    if (property !== null) return `[${property}]`;
    this.#at += 2;
    if (CLASSES[c]) return `[${CLASSES[c]}]`;
    if (CLASSES[c.toLowerCase()] && c !== 'N') return `[^${CLASSES[c.toLowerCase()]}]`;
    switch (c) {
      case 'A':
      case 'G':
        return START;
      case 'z':
        return END;
      case 'Z':
        return this.#beforeEnd();
      case 'b':
      case 'B':
        return `\\${c}`;
      case 'N':
        return '[^\\n]';
      case 'R':
        return this.#keep('\\r\\n|[\\n-\\r\\x85]');
      case 'C':
        return '[^]';
      case 'E':
        return '(?:)';
      case 'X':
        return '[^]';
    }
    if (/[A-Za-z0-9]/.test(c)) throw new RegexError(`unrecognized character follows \\: ${c}`);
    return character(c.charCodeAt(0), modes);
  }

  /** A character that is written as a number or a letter; moves behind it. */
  #code(rest: string): number | null {
    const found =
      /^(?:x\{([0-9a-fA-F]+)\}|x([0-9a-fA-F]{0,2})|o\{([0-7]+)\}|(0[0-7]{0,2}|[1-3][0-7]{2})|c([ -~]))/.exec(rest);
    const control = CONTROLS[rest[0]!];
    if (!found) {
      if (control === undefined) return null;
      this.#at += 2;
      return control;
    }
    this.#at += 1 + found[0].length;
    const [, wide, two, braced, octal, letter] = found;
    const code =
      letter !== undefined
        ? letter.toUpperCase().charCodeAt(0) ^ 0x40
        : wide !== undefined || two !== undefined
          ? Number.parseInt(wide || two || '0', 16)
          : Number.parseInt((braced ?? octal)!, 8);
    if (code > 0xff) throw new RegexError('character code point value is too large');
    return code;
  }

  /** `\p{…}`: the bytes whose characters have the property; moves behind it. */
  #property(rest: string): string | null {
    const found = /^([pP])(?:\{(\^?)(\w+&?)\}|(\w))/.exec(rest);
    if (!found) return null;
    this.#at += 1 + found[0].length;
    const name = found[3] ?? found[4]!;
    let has: (text: string) => boolean;
    if (name === 'Any') has = () => true;
    else if (/^X(an|wd|sp|ps)$/.test(name))
      has = (text) => (name === 'Xan' ? /[\p{L}\p{N}]/u : name === 'Xwd' ? /[\p{L}\p{N}_]/u : /\s/).test(text);
    else
      try {
        const expression = new RegExp(
          `\\p{${name === 'L&' ? 'LC' : /^[A-Z][a-z]?$/.test(name) ? name : `Script=${name}`}}`,
          'u',
        );
        has = (text) => expression.test(text);
      } catch {
        throw new RegexError(`unknown property after \\${found[1]}: ${name}`);
      }
    const isNegated = (found[1] === 'P') !== (found[2] === '^');
    let text = '';
    for (let code = 0; code < 256; code++) if (has(String.fromCharCode(code)) !== isNegated) text += hex(code);
    return text;
  }

  /** `[…]` */
  #set(modes: Modes): string {
    this.#at++;
    let text = '[';
    if (this.#source[this.#at] === '^') {
      text += '^';
      this.#at++;
    }
    const first = this.#at;
    let low: number | null = null;
    for (;;) {
      const c = this.#source[this.#at];
      if (c === undefined) throw new RegexError('missing terminating ] for character class');
      if (c === ']' && this.#at > first) break;
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(this.#rest(16));
      if (posix) {
        const members = POSIX[posix[2]!];
        if (members === undefined) throw new RegexError(`unknown POSIX class name ${posix[2]}`);
        this.#at += posix[0].length;
        text += bothCases(posix[1] ? inverted(members) : members, modes);
        low = null;
        continue;
      }
      const isRange =
        c === '-' && low !== null && this.#source[this.#at + 1] !== ']' && this.#at + 1 < this.#source.length;
      if (isRange) this.#at++;
      const one = this.#member();
      if (typeof one === 'string') {
        text += isRange ? `\\-${one}` : one;
        low = null;
      } else if (isRange) {
        if (one < low!) throw new RegexError('range out of order in character class');
        for (let code = low!; code <= one; code++) text += member(code, modes);
        low = null;
      } else {
        text += member(one, modes);
        low = one;
      }
    }
    this.#at++;
    return text === '[' ? '[]' : `${text}]`;
  }

  /** A member of a set: a character's code, or several as they stand in a set. */
  #member(): number | string {
    const c = this.#source[this.#at]!;
    if (c !== '\\') {
      this.#at++;
      return c.charCodeAt(0);
    }
    const rest = this.#source.slice(this.#at + 1);
    const d = rest[0];
    if (d === undefined) throw new RegexError('\\ at end of pattern');
    if (d === 'b') {
      this.#at += 2;
      return 8;
    }
    const octal = /^[0-7]{1,3}/.exec(rest);
    if (octal) {
      this.#at += 1 + octal[0].length;
      return Number.parseInt(octal[0], 8) & 0xff;
    }
    const code = this.#code(rest);
    if (code !== null) return code;
    const property = this.#property(rest);
    if (property !== null) return property;
    this.#at += 2;
    if (CLASSES[d]) return CLASSES[d];
    if (CLASSES[d.toLowerCase()] && d !== 'N') return inverted(CLASSES[d.toLowerCase()]!);
    if (/[A-Za-z0-9]/.test(d)) throw new RegexError(`escape sequence \\${d} is invalid in character class`);
    return d.charCodeAt(0);
  }
}

function changed(modes: Modes, on: string, off: string): Modes {
  const set = (letter: string, now: boolean): boolean =>
    off.includes(letter) ? false : on.includes(letter) ? true : on.startsWith('^') ? false : now;
  return {
    caseless: set('i', modes.caseless),
    multiline: set('m', modes.multiline),
    dotAll: set('s', modes.dotAll),
    extended: set('x', modes.extended),
  };
}

const character = (code: number, { caseless }: Modes): string =>
  caseless && isLetter(code) ? `[${hex(code)}${hex(code ^ 0x20)}]` : hex(code);

const member = (code: number, { caseless }: Modes): string =>
  caseless && isLetter(code) ? hex(code) + hex(code ^ 0x20) : hex(code);

/** Members of a set that are not among `members`. */
function inverted(members: string): string {
  const expression = new RegExp(`[${members}]`);
  let text = '';
  for (let code = 0; code < 256; code++) if (!expression.test(String.fromCharCode(code))) text += hex(code);
  return text;
}

const bothCases = (members: string, { caseless }: Modes): string =>
  !caseless || !/^(A-Z|a-z)$/.test(members) ? members : 'A-Za-z';
