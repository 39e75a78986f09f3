import { nearest } from '../bytes/nearest.ts';
import { compileDisplayFilter, type DisplayFilter } from '../dissect/display/compile.ts';
import { DisplayFilterError } from '../dissect/display/error.ts';
import { findFields } from '../dissect/fields.ts';
import { ExpectationError } from './error.ts';
import { expand } from './shorthand.ts';

/** A display filter as it was written, and ready to be asked. */
export interface Selector {
  readonly text: string;
  readonly filter: DisplayFilter;
}

/** What is expected of a capture. Times are nanoseconds. */
export type Rule =
  | { kind: 'count'; unit: 'frames' | 'bytes'; least: number; most: number; what: Selector }
  | { kind: 'every'; of: Selector; also: Selector }
  | { kind: 'sequence'; steps: readonly Selector[] }
  | { kind: 'before'; first: Selector; second: Selector }
  | {
      kind: 'near';
      what: Selector;
      side: 'before' | 'after' | 'either';
      other: Selector;
      limit: number;
      same: readonly string[];
    }
  | { kind: 'answers'; what: Selector; limit: number }
  | { kind: 'answered'; what: Selector; limit: number }
  | { kind: 'gap'; what: Selector; least: number; most: number }
  | { kind: 'duration'; what: Selector; least: number; most: number };

export interface Expectation {
  /** As it was written, without comment. */
  readonly text: string;
  readonly file: string;
  /** Line, from 1. */
  readonly line: number;
  readonly rule: Rule;
}

const FORMS = [
  'no FILTER',
  'some FILTER',
  'exactly N FILTER',
  'at least N FILTER',
  'at most N FILTER',
  'between N and M FILTER',
  'every FILTER has FILTER',
  'FILTER then FILTER',
  'FILTER before FILTER',
  'FILTER within TIME of its query',
  'FILTER answered within TIME',
  'FILTER followed by FILTER within TIME',
  'FILTER within TIME after FILTER',
  'gap at most TIME in FILTER',
  'duration at most TIME',
];

/** Reads expectations, one a line; a line that begins with a blank goes on with the one before, `#` begins a comment.
 * `file` is for messages. Throws ExpectationError. */
export function parseExpectations(text: string, file = ''): Expectation[] {
  const expectations: Expectation[] = [];
  const lines = text.split(/\r?\n/);
  for (let number = 0; number < lines.length; number++) {
    let line = withoutComment(lines[number]!);
    if (line.trim() === '') continue;
    const begin = number;
    if (
      /^\s/.test(line) &&
      expectations.length === 0 &&
      lines.slice(0, number).every((l) => withoutComment(l).trim() === '')
    )
      line = line.trimStart();
    while (number + 1 < lines.length && /^\s+\S/.test(withoutComment(lines[number + 1]!)))
      line = `${line.trimEnd()} ${withoutComment(lines[++number]!).trim()}`;
    expectations.push({
      text: line.trim(),
      file,
      line: begin + 1,
      rule: new Parser(line.trimEnd(), file, begin + 1).rule(),
    });
  }
  return expectations;
}

/** A `#` within quotes is none. */
function withoutComment(line: string): string {
  const end = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'#])*(?=#)/.exec(line);
  return (end === null ? line : end[0]).trimEnd();
}

const UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };
const TIME = String.raw`(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)`;

class Parser {
  readonly #line: string;
  readonly #file: string;
  readonly #number: number;

  constructor(line: string, file: string, number: number) {
    this.#line = line;
    this.#file = file;
    this.#number = number;
  }

  rule(): Rule {
    const line = this.#line;
    const start = line.length - line.trimStart().length;
    const at = (pattern: string): RegExpExecArray | null => new RegExp(`^${pattern}`).exec(line.slice(start));
    let match = at(String.raw`(no|some)(?:\s+|$)`);
    if (match !== null)
      return this.#count(
        match[1] === 'no' ? 0 : 1,
        match[1] === 'no' ? 0 : Number.POSITIVE_INFINITY,
        start + match[0].length,
      );
    match = at(String.raw`(exactly|at least|at most)\s+(\S+)(?:\s+|$)`);
    if (match !== null) {
      const count = this.#number10(match[2]!, start + match[0].indexOf(match[2]!, match[1]!.length));
      const least = match[1] === 'at most' ? 0 : count;
      const most = match[1] === 'at least' ? Number.POSITIVE_INFINITY : count;
      return this.#count(least, most, start + match[0].length);
    }
    match = at(String.raw`between\s+(\S+)\s+and\s+(\S+)(?:\s+|$)`);
    if (match !== null) {
      const least = this.#number10(match[1]!, start + match[0].indexOf(match[1]!, 7));
      const most = this.#number10(match[2]!, start + match[0].lastIndexOf(match[2]!));
      if (most < least) throw this.#error(start, `between ${least} and ${most}: the first number is the larger one`);
      return this.#count(least, most, start + match[0].length);
    }
    match = at(String.raw`(?:every|all|each)\s+`);
    if (match !== null) return this.#every(start + match[0].length);
    match = at(String.raw`(gap|duration)\s+(at most|at least)\s+${TIME}(?:\s+(in|of)\s+|\s*$)`);
    if (match !== null) {
      const limit = Number(match[3]) * UNITS[match[4]!]!;
      const what = this.#selector(start + match[0].length, line.length, true);
      const [least, most] = match[2] === 'at most' ? [0, limit] : [limit, Number.POSITIVE_INFINITY];
      return { kind: match[1] as 'gap' | 'duration', what, least, most };
    }
    match = at(String.raw`(gap|duration)\s`);
    if (match !== null)
      throw this.#error(start + match[0].length, 'at most or at least and a time such as 50ms is expected');
    return this.#relation(start);
  }

  #count(least: number, most: number, from: number): Rule {
    const rest = this.#line.slice(from);
    const match = /^(frames|frame|packets|packet|bytes)(?:\s+(?:of|with|where|in)\s+|\s*$)/.exec(rest);
    const unit = match?.[1] === 'bytes' ? 'bytes' : 'frames';
    const what = this.#selector(from + (match?.[0].length ?? 0), this.#line.length, match !== null);
    return { kind: 'count', unit, least, most, what };
  }

  #every(from: number): Rule {
    const split = this.#find(/\s(?:has|have|is|are)\s/g, from);
    if (split === null) throw this.#error(from, 'every FILTER has FILTER: the word has is missing');
    const of = /^(?:frames?|packets?)\s*$/.test(this.#line.slice(from, split.at))
      ? this.#selector(split.at, split.at, true)
      : this.#selector(from, split.at, false);
    return { kind: 'every', of, also: this.#selector(split.end, this.#line.length, false) };
  }

  /** What stands between filters, outside of quotes and brackets. */
  #relation(from: number): Rule {
    const line = this.#line;
    const end = line.length;
    let split = this.#find(/\sfollowed by\s/g, from);
    if (split !== null) {
      const what = this.#selector(from, split.at, false);
      const within = this.#find(new RegExp(String.raw`\swithin\s+${TIME}(?=\s|$)`, 'g'), split.end);
      if (within === null) throw this.#error(split.end, 'followed by FILTER within TIME: the time is missing');
      return this.#near(what, 'after', split.end, within.at, within, within.end);
    }
    split = this.#find(new RegExp(String.raw`\sanswered(?:\s+within\s+${TIME})?\s*$`, 'g'), from);
    if (split !== null) {
      const limit = split.groups[0] === undefined ? Number.POSITIVE_INFINITY : timeOf(split.groups);
      return { kind: 'answered', what: this.#selector(from, split.at, false), limit };
    }
    split = this.#find(new RegExp(String.raw`\swithin\s+${TIME}\s+(of its|of|after|before)\s+`, 'g'), from);
    if (split !== null) {
      const what = this.#selector(from, split.at, false);
      if (split.groups[2] === 'of its') {
        if (!/^[a-z]+(?: [a-z]+)?$/i.test(line.slice(split.end)))
          throw this.#error(split.end, 'a word is expected: its query, its request');
        return { kind: 'answers', what, limit: timeOf(split.groups) };
      }
      const side = { of: 'either', after: 'before', before: 'after' }[split.groups[2]!] as
        | 'either'
        | 'before'
        | 'after';
      return this.#near(what, side, split.end, end, split, end);
    }
    split = this.#find(/\swithin\s/g, from);
    if (split !== null)
      throw this.#error(
        split.at + 1,
        'within TIME of its query, within TIME after FILTER: such as within 50ms of its query',
      );
    if (this.#find(/\sthen\s/g, from) !== null) return this.#sequence(from);
    split = this.#find(/\sbefore\s/g, from);
    if (split !== null) {
      const first = this.#selector(from, split.at, false);
      return { kind: 'before', first, second: this.#selector(split.end, end, false) };
    }
    const word = /^\S+/.exec(line.slice(from))![0];
    const near = nearest(word, ['exactly', 'no', 'some', 'at', 'between', 'every', 'gap', 'duration']);
    throw this.#error(
      from,
      near !== null && near !== word
        ? `what is expected? near to ${word}: ${near}`
        : `what is expected of ${JSON.stringify(line.slice(from))}? One of: ${FORMS.join('; ')}`,
    );
  }

  #near(
    what: Selector,
    side: 'before' | 'after' | 'either',
    from: number,
    to: number,
    within: Found,
    behind: number,
  ): Rule {
    // `with the same FIELD, FIELD`, at the end of either.
    const same = /\s+with (?:the )?same\s+([\w.-]+(?:\s*(?:,|and)\s*[\w.-]+)*)\s*$/.exec(this.#line);
    const close = same === null ? to : Math.min(to, same.index);
    if (same === null && behind < this.#line.length && this.#line.slice(behind).trim() !== '')
      throw this.#error(behind + 1, 'nothing more is expected here but: with the same FIELD');
    const names = same === null ? [] : same[1]!.split(/\s*(?:,|and)\s*/);
    for (const name of names)
      if (findFields(name).length === 0) throw this.#error(this.#line.lastIndexOf(name), `${name} is no field`);
    return {
      kind: 'near',
      what,
      side,
      other: this.#selector(from, close, false),
      limit: timeOf(within.groups),
      same: names,
    };
  }

  #sequence(from: number): Rule {
    const steps: Selector[] = [];
    let at = from;
    for (let split = this.#find(/\sthen\s/g, at); split !== null; split = this.#find(/\sthen\s/g, at)) {
      steps.push(this.#selector(at, split.at, false));
      at = split.end;
    }
    steps.push(this.#selector(at, this.#line.length, false));
    return { kind: 'sequence', steps };
  }

  /** The first place where `pattern` is found outside of quotes. */
  #find(pattern: RegExp, from: number): Found | null {
    const masked = this.#line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, (quoted) => '"'.repeat(quoted.length));
    pattern.lastIndex = from;
    const match = pattern.exec(masked);
    return match === null ? null : { at: match.index, end: match.index + match[0].length, groups: match.slice(1) };
  }

  #number10(text: string, at: number): number {
    if (!/^\d+$/.test(text)) throw this.#error(at, `a number is expected, not ${text}`);
    return Number(text);
  }

  /** The filter from `from` up to `to`. `mayBeEmpty`: nothing means every frame. */
  #selector(from: number, to: number, mayBeEmpty: boolean): Selector {
    const raw = this.#line.slice(from, to);
    const text = raw.trim();
    const at = from + (raw.length - raw.trimStart().length);
    if (text === '' && !mayBeEmpty) throw this.#error(Math.min(at, this.#line.length), 'a display filter is expected');
    try {
      return { text, filter: compileDisplayFilter(expand(text, (name) => findFields(name).length > 0)) };
    } catch (error) {
      if (!(error instanceof DisplayFilterError)) throw error;
      const near = error.nearest.length > 0 ? `; near to it: ${error.nearest.join(', ')}` : '';
      // Where shorthands were written out the column is another one: then the filter's begin has to do.
      const column = error.expression === text ? at + error.column : at;
      throw this.#error(column, `${error.message}${near}`);
    }
  }

  #error(at: number, message: string): ExpectationError {
    return new ExpectationError(this.#file, this.#number, at + 1, this.#line, message);
  }
}

interface Found {
  at: number;
  end: number;
  groups: (string | undefined)[];
}

const timeOf = ([value, unit]: (string | undefined)[]): number => Number(value) * UNITS[unit!]!;
