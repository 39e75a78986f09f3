import { DisplayFilterError } from './error.ts';
import { scan, type Token } from './scan.ts';
import type { Condition, Operand, Range, SetRange, TestOperator } from './syntax.ts';

/** Deepest nesting of parentheses and negations. */
const MAX_DEPTH = 200;
const TESTS = new Set(['==', '!=', '===', '!==', '>', '>=', '<', '<=', 'contains', 'matches']);

/** Reads a display filter, wireshark-filter(4). An empty one is null: it matches everything.
 *
 * Binding, loosest first: or, xor, and, not, tests, &, + and -, * / and %, negation. */
export function parse(expression: string): Condition | null {
  const parser = new Parser(expression);
  if (parser.peek().kind === 'end') return null;
  const condition = parser.condition();
  const rest = parser.peek();
  if (rest.kind !== 'end')
    throw parser.error(rest, rest.text === ')' ? "there is no '(' for this ')'" : `unexpected ${show(rest)}`);
  return condition;
}

const show = (token: Token): string => (token.kind === 'end' ? 'end of the filter' : `'${token.text}'`);

class Parser {
  readonly #expression: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(expression: string) {
    this.#expression = expression;
    this.#tokens = scan(expression);
  }

  peek(): Token {
    return this.#tokens[this.#next]!;
  }

  error(token: Token, message: string): DisplayFilterError {
    return new DisplayFilterError(this.#expression, token.at, token.length, message);
  }

  #take(): Token {
    const token = this.#tokens[this.#next]!;
    if (token.kind !== 'end') this.#next++;
    return token;
  }

  #isOp(text: string): boolean {
    const token = this.peek();
    return token.kind === 'op' && token.text === text;
  }

  #accept(text: string): boolean {
    if (!this.#isOp(text)) return false;
    this.#next++;
    return true;
  }

  #expect(text: string, why: string): Token {
    if (!this.#isOp(text)) throw this.error(this.peek(), `${why}, not ${show(this.peek())}`);
    return this.#take();
  }

  #deeper<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw this.error(this.peek(), `nested more than ${MAX_DEPTH} deep`);
    const result = read();
    this.#depth--;
    return result;
  }

  condition(): Condition {
    let left = this.#xor();
    while (this.#accept('||')) left = { kind: 'or', left, right: this.#xor() };
    return left;
  }

  #xor(): Condition {
    let left = this.#and();
    while (this.#accept('^^')) left = { kind: 'xor', left, right: this.#and() };
    return left;
  }

  #and(): Condition {
    let left = this.#not();
    while (this.#accept('&&')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Condition {
    if (this.#accept('!')) return { kind: 'not', operand: this.#deeper(() => this.#not()) };
    if (this.#isOp('(')) {
      // Either a condition in parentheses, or a value in them with a test behind: the closing one tells.
      const start = this.#next;
      const condition = this.#deeper(() => {
        this.#take();
        const inner = this.condition();
        this.#expect(')', "')' is missing: expected 'and', 'or' or ')'");
        return inner;
      });
      const after = this.peek();
      if (condition.kind !== 'exists' || after.kind !== 'op' || !isContinuation(after.text)) return condition;
      this.#next = start;
    }
    return this.#test();
  }

  #test(): Condition {
    let quantifier: 'any' | 'all' | null = null;
    if (this.#accept('any')) quantifier = 'any';
    else if (this.#accept('all')) quantifier = 'all';
    const left = this.#bitwise();
    const token = this.peek();
    if (token.kind === 'op' && token.text === 'in') {
      this.#take();
      const ranges = this.#set();
      return { kind: 'in', quantifier, left, ranges, at: token.at, length: token.length };
    }
    if (token.kind === 'op' && token.text === '!' && this.#tokens[this.#next + 1]!.text === 'in') {
      this.#next += 2;
      const ranges = this.#set();
      // None of the values is a member, whatever the quantifier.
      return {
        kind: 'not',
        operand: { kind: 'in', quantifier: null, left, ranges, at: token.at, length: token.length },
      };
    }
    if (token.kind !== 'op' || !TESTS.has(token.text)) {
      if (quantifier !== null) throw this.error(token, `'${quantifier}' asks for a comparison behind the field`);
      return { kind: 'exists', operand: left };
    }
    this.#take();
    const right = this.#bitwise();
    const operator = token.text as TestOperator;
    const test: Condition = { kind: 'test', operator, quantifier, left, right, at: token.at, length: token.length };
    // a < b < c is a < b and b < c.
    const more = this.peek();
    if (more.kind !== 'op' || !TESTS.has(more.text)) return test;
    this.#take();
    const last = this.#bitwise();
    const second: Condition = {
      kind: 'test',
      operator: more.text as TestOperator,
      quantifier,
      left: right,
      right: last,
      at: more.at,
      length: more.length,
    };
    return { kind: 'and', left: test, right: second };
  }

  #set(): SetRange[] {
    this.#expect('{', "a set in braces is expected behind 'in'");
    const ranges: SetRange[] = [];
    do {
      const low = this.#element();
      ranges.push({ low, high: this.#accept('..') ? this.#element() : null });
    } while (this.#accept(','));
    this.#expect('}', "expected ',' or '}' in a set");
    return ranges;
  }

  /** What a set holds: nothing that is computed but by a function. */
  #element(): Operand {
    const token = this.peek();
    if (token.kind === 'op' && token.text !== '-' && token.text !== '+')
      throw this.error(token, `a set holds values, and not ${show(token)}`);
    return this.#unary();
  }

  #bitwise(): Operand {
    let left = this.#sum();
    while (this.#isOp('&')) {
      const { at, length } = this.#take();
      left = { kind: 'arithmetic', operator: '&', left, right: this.#sum(), at, length };
    }
    return left;
  }

  #sum(): Operand {
    let left = this.#product();
    while (this.#isOp('+') || this.#isOp('-')) {
      const { text, at, length } = this.#take();
      left = { kind: 'arithmetic', operator: text as '+' | '-', left, right: this.#product(), at, length };
    }
    return left;
  }

  #product(): Operand {
    let left = this.#unary();
    while (this.#isOp('*') || this.#isOp('/') || this.#isOp('%')) {
      const { text, at, length } = this.#take();
      left = { kind: 'arithmetic', operator: text as '*' | '/' | '%', left, right: this.#unary(), at, length };
    }
    return left;
  }

  #unary(): Operand {
    if (this.#isOp('-')) {
      const { at, length } = this.#take();
      return { kind: 'negative', of: this.#deeper(() => this.#unary()), at, length };
    }
    if (this.#accept('+')) return this.#deeper(() => this.#unary());
    return this.#operand();
  }

  #operand(): Operand {
    const token = this.#take();
    const { at, length, text } = token;
    let operand: Operand;
    if (token.kind === 'string' || token.kind === 'char') operand = { kind: token.kind, text, at, length };
    else if (token.kind === 'word') {
      if (this.#isOp('(')) operand = this.#call(token);
      else operand = { kind: 'word', text, layers: this.#accept('#') ? this.#layers() : null, at, length };
    } else if (token.kind === 'op' && (text === '{' || text === '(')) {
      operand = this.#deeper(() => this.#bitwise());
      this.#expect(text === '{' ? '}' : ')', `'${text}' is not closed`);
    } else throw this.error(token, `expected a field, a value or '(', not ${show(token)}`);
    while (this.#isOp('[')) {
      const open = this.#take();
      const ranges = this.#ranges();
      const close = this.#expect(']', "expected ',' or ']' in a slice");
      operand = { kind: 'slice', of: operand, ranges, at, length: close.at + 1 - Math.min(at, open.at) };
    }
    return operand;
  }

  #call(name: Token): Operand {
    this.#take();
    const args: Operand[] = [];
    if (!this.#isOp(')'))
      do args.push(this.#deeper(() => this.#bitwise()));
      while (this.#accept(','));
    const close = this.#expect(')', "expected ',' or ')' behind an argument");
    return { kind: 'call', name: name.text, args, at: name.at, length: close.at + 1 - name.at };
  }

  #layers(): Range[] {
    if (this.#accept('[')) {
      const ranges = this.#ranges();
      this.#expect(']', "expected ',' or ']' behind a layer's number");
      return ranges;
    }
    const { kind, at } = this.peek();
    if (kind !== 'word' || at !== this.#tokens[this.#next - 1]!.at + 1)
      throw this.error(this.peek(), `a layer's number is expected right behind '#', not ${show(this.peek())}`);
    return [{ start: this.#integer("a layer's number is expected behind '#'"), length: 1 }];
  }

  /** `n`, `n:length`, `n:`, `:length`, `n-m`, `-n:…`, one or several. */
  #ranges(): Range[] {
    const ranges: Range[] = [];
    do {
      if (this.#accept(':')) {
        const isAll = this.#isOp(']') || this.#isOp(',');
        ranges.push({ start: 0, length: isAll ? null : this.#integer('a length is expected') });
        continue;
      }
      const start = this.#integer('a number or a range is expected in a slice');
      if (this.#accept(':')) {
        const open = this.#isOp(']') || this.#isOp(',');
        ranges.push({ start, length: open ? null : this.#integer('a length is expected') });
      } else if (this.#isOp('-')) {
        const dash = this.#take();
        const last = this.#integer('the last byte is expected');
        if (start < 0 || last < start) throw this.error(dash, `${start}-${last} is not a range`);
        ranges.push({ start, length: last - start + 1 });
      } else ranges.push({ start, length: 1 });
    } while (this.#accept(','));
    const empty = ranges.find((range) => range.length !== null && range.length <= 0);
    if (empty) throw this.error(this.peek(), 'a slice has at least one byte');
    return ranges;
  }

  #integer(why: string): number {
    const negative = this.#accept('-');
    const token = this.#take();
    const value = token.kind === 'word' ? Number(token.text) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw this.error(token, `${why}, not ${show(token)}`);
    return negative ? -value : value;
  }
}

const isContinuation = (text: string): boolean =>
  TESTS.has(text) || ['in', '&', '+', '-', '*', '/', '%', '['].includes(text);
