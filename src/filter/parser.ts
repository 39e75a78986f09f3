/** The parser of the filter language: tokens to tree, by recursive descent with one token of look-ahead.
 *
 * The grammar is that of pcap-filter(7) as libpcap 1.10 has it. Where a place allows both a primitive and an id that
 * takes over the qualifiers before it (`port 80 or 443`), or both an expression and arithmetic in parentheses, what was
 * read decides afterwards which of them it was. */
import type { Arithmetic, Direction, Expression, Id, IdType, Link, NameOrNumber, Qualifiers } from './ast.ts';
import { FilterError, type FilterErrorCode, type Span } from './error.ts';
import { ATM_FIELDS, ATM_WORDS, MTP2_WORDS, MTP3_FIELDS, type Protocol } from './keywords.ts';
import { ArithmeticStack, BINARY_OPERATORS, RELATIONS } from './parser-arithmetic.ts';
import { describe, hintFor } from './parser-hints.ts';
import { Scanner, type Token } from './scanner.ts';

/** Parentheses, brackets and signs of negation that may be open at once. libpcap's parser gives up at about 10000
 * symbols; nobody writes a hundred, and each costs stack here and in gencode. */
export const MAX_NESTING = 500;

/** An id, or a list of ids in parentheses, that took over the qualifiers before it. */
interface IdOperand {
  readonly kind: 'id';
  readonly node: Expression;
}

/** What was read where several things could stand. */
type Operand =
  | { readonly kind: 'expression'; readonly node: Expression; readonly qualifiers: Qualifiers | null }
  | IdOperand
  /** A number, perhaps in parentheses: an id or a constant. */
  | { readonly kind: 'number'; readonly node: Arithmetic & { kind: 'constant' } }
  | { readonly kind: 'arithmetic'; readonly node: Arithmetic };

const NO_QUALIFIERS: Qualifiers = { protocol: null, direction: null, type: null };
const SIMPLE_DIRECTIONS = new Set(['addr1', 'addr2', 'addr3', 'addr4', 'ra', 'ta']);
const ID_TYPES = new Set(['host', 'net', 'port', 'portrange', 'gateway', 'proto', 'protochain']);
const TYPES_AFTER_DIRECTION = new Set(['host', 'net', 'port', 'portrange']);
const FOREIGN_WORDS: ReadonlyMap<string, 'ATM' | 'MTP2'> = new Map([
  ...ATM_WORDS.map((word) => [word, 'ATM'] as const),
  ...MTP2_WORDS.map((word) => [word, 'MTP2'] as const),
]);
const FOREIGN_FIELDS: ReadonlyMap<string, 'ATM' | 'SS7'> = new Map([
  ...ATM_FIELDS.map((word) => [word, 'ATM'] as const),
  ...MTP3_FIELDS.map((word) => [word, 'SS7'] as const),
]);
const PF_NAMES = new Set(['ifname', 'rset', 'action']);
const PF_NUMBERS = new Set(['rnr', 'srnr']);

/** The tree of `expression`; null where it is empty (only white space), which accepts every packet. Throws FilterError
 * for anything that is not in the language. `strict` gives the operators of arithmetic C's precedence, where libpcap's
 * grammar has none for `%` and `^`. */
export const parse = (expression: string, strict = false): Expression | null => new Parser(expression, strict).parse();

class Parser {
  readonly #scanner: Scanner;
  #token: Token;
  /** Offset behind the last token that was consumed. */
  #end = 0;
  #depth = 0;
  readonly #strict: boolean;

  constructor(expression: string, strict: boolean) {
    this.#strict = strict;
    this.#scanner = new Scanner(expression);
    this.#token = this.#scanner.next();
  }

  parse(): Expression | null {
    if (this.#atEnd()) return null;
    const operand = this.#chain(null, false);
    if (operand.kind !== 'expression') throw this.#expectedRelation();
    if (!this.#atEnd()) throw this.#unexpected(["'and'", "'or'", 'the end']);
    return operand.node;
  }

  // Tokens

  #advance(): void {
    this.#end = this.#token.at + this.#token.length;
    this.#token = this.#scanner.next();
  }

  #atEnd(): boolean {
    return this.#token.kind === 'end';
  }

  #isKeyword(word: string): boolean {
    return this.#token.kind === 'keyword' && this.#token.word === word;
  }

  #isOperator(operator: string): boolean {
    return this.#token.kind === 'operator' && this.#token.operator === operator;
  }

  #accept(operator: string): boolean {
    if (!this.#isOperator(operator)) return false;
    this.#advance();
    return true;
  }

  #acceptKeyword(word: string): boolean {
    if (!this.#isKeyword(word)) return false;
    this.#advance();
    return true;
  }

  #require(operator: string): void {
    if (!this.#accept(operator)) throw this.#unexpected([`'${operator}'`]);
  }

  #andOr(): 'and' | 'or' | null {
    if (this.#token.kind !== 'keyword') return null;
    const { word } = this.#token;
    return word === 'and' || word === 'or' ? word : null;
  }

  #from(at: number): Span {
    return { at, length: this.#end - at };
  }

  #error(code: FilterErrorCode, message: string, span: Span, expected: readonly string[] = []): FilterError {
    return new FilterError(code, message, this.#scanner.expression, span, expected);
  }

  /** Something else than the token that is there should have been. */
  #unexpected(expected: readonly string[], note = ''): FilterError {
    const list = expected.length > 1 ? `${expected.slice(0, -1).join(', ')} or ${expected.at(-1)}` : expected[0];
    const hint = note || hintFor(this.#token, this.#scanner.expression, expected);
    return this.#error(
      'SYNTAX',
      `expected ${list}, found ${describe(this.#token, this.#scanner.expression)}${hint ? `; ${hint}` : ''}`,
      this.#token,
      expected,
    );
  }

  #expectedRelation(): FilterError {
    return this.#unexpected(
      ['a comparison (=, !=, <, <=, >, >=)'],
      'a value alone is neither true nor false, so compare it',
    );
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > MAX_NESTING)
      throw this.#error('NESTING', `more than ${MAX_NESTING} parentheses or brackets are open at once`, this.#token);
    const result = read();
    this.#depth--;
    return result;
  }

  // Expressions

  /** Operands joined by `and` and `or`. `qualifiers` are those that an id would take over; `idFirst` tells whether the
   * first operand may be an id. In parentheses (the only place where `idFirst` can be true) a number and arithmetic may
   * also stand alone. */
  #chain(qualifiers: Qualifiers | null, idFirst: boolean): Operand {
    const at = this.#token.at;
    let first = this.#operand(qualifiers, idFirst, false);
    if (first.kind === 'number' && idFirst && this.#andOr() !== null) first = this.#numberAsId(first.node, qualifiers);
    if (first.kind === 'number' || first.kind === 'arithmetic') return first;
    // A list that began with an id goes on with ids: `host (a or b)`; a chain of primitives takes both.
    const onlyIds = first.kind === 'id';
    let carried = first.kind === 'id' ? qualifiers : first.qualifiers;
    const rest: Link[] = [];
    for (let operator = this.#andOr(); operator !== null; operator = this.#andOr()) {
      this.#advance();
      if (onlyIds) {
        rest.push({ operator, operand: this.#id(qualifiers) });
        continue;
      }
      let next = this.#operand(carried, true, true);
      if (next.kind === 'number') next = this.#numberAsId(next.node, carried);
      if (next.kind === 'arithmetic') throw this.#expectedRelation();
      if (next.kind === 'expression') carried = next.qualifiers;
      rest.push({ operator, operand: next.node });
    }
    const node: Expression =
      rest.length === 0 ? first.node : { ...this.#from(at), kind: 'chain', first: first.node, rest };
    return onlyIds ? { kind: 'id', node } : { kind: 'expression', node, qualifiers: carried };
  }

  /** One operand with the negations before it. `idAllowed`: a bare id may stand here; `listAllowed`: a list of ids in
   * parentheses may. After a negation, where one may, the other may too. */
  #operand(qualifiers: Qualifiers | null, idAllowed: boolean, listAllowed: boolean): Operand {
    const at = this.#token.at;
    const negations = this.#negations();
    if (negations === 0) return this.#unit(qualifiers, idAllowed, listAllowed);
    let operand = this.#unit(qualifiers, idAllowed, idAllowed);
    if (operand.kind === 'number' && idAllowed) operand = this.#numberAsId(operand.node, qualifiers);
    if (operand.kind === 'number' || operand.kind === 'arithmetic') throw this.#expectedRelation();
    return { ...operand, node: this.#negated(operand.node, negations, at) };
  }

  #negations(): number {
    let count = 0;
    while (this.#acceptKeyword('not')) count++;
    return count;
  }

  #negated(operand: Expression, count: number, at: number): Expression {
    return count % 2 === 0 ? operand : { ...this.#from(at), kind: 'not', operand };
  }

  #unit(qualifiers: Qualifiers | null, idAllowed: boolean, listAllowed: boolean): Operand {
    const token = this.#token;
    switch (token.kind) {
      case 'name':
      case 'dotted':
      case 'ip6':
      case 'ether':
      case 'arcnet':
        if (idAllowed) return { kind: 'id', node: this.#bareId(qualifiers) };
        break;
      case 'number':
        return this.#relationOrValue(this.#primary());
      case 'operator':
        if (token.operator === '(') return this.#group(qualifiers, listAllowed);
        if (token.operator === '-') return this.#relationOrValue(null);
        break;
      case 'protocol':
        return this.#afterProtocol();
      case 'keyword':
        if (token.word === 'len') return this.#relationOrValue(this.#primary());
        return this.#primitive(null, token.at);
      case 'end':
        break;
    }
    throw this.#unexpected(idAllowed ? ['a primitive', 'an address or a name'] : ['a primitive']);
  }

  #group(qualifiers: Qualifiers | null, listAllowed: boolean): Operand {
    const at = this.#token.at;
    const inner = this.#nested(() => {
      this.#advance();
      const operand = this.#chain(qualifiers, listAllowed);
      if (!this.#accept(')')) {
        if (operand.kind === 'number' || operand.kind === 'arithmetic') throw this.#expectedRelation();
        throw this.#unexpected(["'and'", "'or'", "')'"]);
      }
      return operand;
    });
    // The qualifiers that go on after the parenthesis are those from before it.
    if (inner.kind === 'expression') return { ...inner, qualifiers };
    if (inner.kind === 'id') return inner;
    return this.#relationOrValue({ ...inner.node, ...this.#from(at) });
  }

  /** Goes on with arithmetic whose first value was read (null: it begins with a minus), and with a comparison. */
  #relationOrValue(first: Arithmetic | null): Operand {
    const left = this.#arithmetic(first);
    const relation = this.#token.kind === 'operator' ? RELATIONS.get(this.#token.operator) : undefined;
    if (relation === undefined)
      return left === first && left.kind === 'constant'
        ? { kind: 'number', node: left }
        : { kind: 'arithmetic', node: left };
    this.#advance();
    const right = this.#arithmetic(null);
    return {
      kind: 'expression',
      node: { ...this.#from(left.at), kind: 'relation', relation, left, right },
      qualifiers: null,
    };
  }

  // Arithmetic

  #arithmetic(first: Arithmetic | null): Arithmetic {
    const stack = new ArithmeticStack(this.#strict);
    let value = first;
    for (;;) {
      if (value === null) {
        while (this.#isOperator('-')) {
          stack.negate(this.#token.at);
          this.#advance();
        }
        value = this.#primary();
      }
      stack.push(value);
      value = null;
      const operator = this.#token.kind === 'operator' ? BINARY_OPERATORS.get(this.#token.operator) : undefined;
      if (operator === undefined) return stack.finish();
      stack.operator(operator);
      this.#advance();
    }
  }

  #primary(): Arithmetic {
    const token = this.#token;
    if (token.kind === 'number') {
      this.#advance();
      return { ...this.#from(token.at), kind: 'constant', value: token.value };
    }
    if (this.#acceptKeyword('len')) return { ...this.#from(token.at), kind: 'length' };
    if (token.kind === 'protocol') {
      this.#advance();
      if (!this.#isOperator('[')) throw this.#unexpected([`'[' and the offset of a field of ${token.protocol}`]);
      return this.#load(token.protocol, token.at);
    }
    if (this.#isOperator('('))
      return this.#nested(() => {
        this.#advance();
        const inner = this.#arithmetic(null);
        this.#require(')');
        return { ...inner, ...this.#from(token.at) };
      });
    throw this.#unexpected(['a number', 'len', 'a field such as ip[0]', "'('"]);
  }

  /** `[index]` or `[index:size]` after a protocol. */
  #load(protocol: Protocol, at: number): Arithmetic {
    return this.#nested(() => {
      this.#advance();
      const index = this.#arithmetic(null);
      let size = 1;
      if (this.#accept(':')) {
        const token = this.#token;
        if (token.kind !== 'number') throw this.#unexpected(['1', '2', '4']);
        size = token.value;
        this.#advance();
        if (size !== 1 && size !== 2 && size !== 4)
          throw this.#error('NUMBER', `a field has 1, 2 or 4 bytes, not ${size}`, token, ['1', '2', '4']);
      }
      if (!this.#accept(']')) throw this.#unexpected(size === 1 ? ["']'", "':' and a size"] : ["']'"]);
      return { ...this.#from(at), kind: 'load', protocol, index, size };
    });
  }

  // Primitives

  /** What follows a protocol: a field of it, a qualifier, or nothing. */
  #afterProtocol(): Operand {
    const token = this.#token as Token & { kind: 'protocol' };
    this.#advance();
    if (this.#isOperator('[')) return this.#relationOrValue(this.#load(token.protocol, token.at));
    if (this.#token.kind === 'keyword') {
      const { word } = this.#token;
      if (word === 'src' || word === 'dst' || SIMPLE_DIRECTIONS.has(word) || ID_TYPES.has(word))
        return this.#primitive(token.protocol, token.at);
      if (word === 'broadcast' || word === 'multicast' || word === 'type' || word === 'subtype' || word === 'dir')
        return this.#primitive(token.protocol, token.at);
    }
    return {
      kind: 'expression',
      node: { ...this.#from(token.at), kind: 'protocol', protocol: token.protocol },
      qualifiers: null,
    };
  }

  #primitive(protocol: Protocol | null, at: number): Operand {
    const { word } = this.#token as Token & { kind: 'keyword' };
    if (word === 'src' || word === 'dst' || SIMPLE_DIRECTIONS.has(word)) {
      const direction = this.#direction();
      return this.#qualified({ protocol, direction, type: this.#idType(TYPES_AFTER_DIRECTION) });
    }
    if (ID_TYPES.has(word)) return this.#qualified({ protocol, direction: null, type: this.#idType(ID_TYPES) });
    const node = this.#other(word, protocol);
    return { kind: 'expression', node: { ...node, ...this.#from(at) }, qualifiers: null };
  }

  #direction(): Direction {
    const { word } = this.#token as Token & { kind: 'keyword' };
    this.#advance();
    if (SIMPLE_DIRECTIONS.has(word)) return word as Direction;
    const operator = this.#andOr();
    if (operator === null) return word as Direction;
    this.#advance();
    const other = word === 'src' ? 'dst' : 'src';
    if (!this.#acceptKeyword(other)) throw this.#unexpected([`'${other}'`], `'${word} ${operator}' is one qualifier`);
    return operator === 'and' ? 'src and dst' : 'src or dst';
  }

  #idType(allowed: ReadonlySet<string>): IdType | null {
    if (this.#token.kind !== 'keyword' || !allowed.has(this.#token.word)) return null;
    const type = this.#token.word as IdType;
    this.#advance();
    return type;
  }

  #qualified(qualifiers: Qualifiers): Operand {
    return { kind: 'expression', node: this.#id(qualifiers), qualifiers };
  }

  /** The primitives that are not a qualifier and an id. */
  #other(word: string, protocol: Protocol | null): Expression {
    const span = this.#token;
    const { at, length } = span;
    const here = { at, length };
    const foreign = FOREIGN_WORDS.get(word);
    const field = FOREIGN_FIELDS.get(word);
    if (protocol === null || ['broadcast', 'multicast', 'type', 'subtype', 'dir'].includes(word)) {
      switch (word) {
        case 'broadcast':
        case 'multicast':
          this.#advance();
          return { ...here, kind: word, protocol };
        case 'type':
        case 'subtype':
        case 'dir':
          return this.#wlan(word, here);
        case 'less':
        case 'greater':
          this.#advance();
          return { ...here, kind: word, value: this.#number('a length in bytes') };
        case 'byte':
          return this.#byte(here);
        case 'inbound':
        case 'outbound':
        case 'pppoed':
          this.#advance();
          return { ...here, kind: word };
        case 'ifindex':
          this.#advance();
          return { ...here, kind: word, value: this.#number('the index of an interface') };
        case 'vlan':
        case 'mpls':
        case 'pppoes':
        case 'geneve':
          this.#advance();
          return { ...here, kind: 'encapsulation', protocol: word, number: this.#optionalNumber() };
        case 'llc':
          return this.#llc(here);
      }
      if (foreign !== undefined) {
        this.#advance();
        return { ...here, kind: 'foreign', word, needs: foreign };
      }
      if (field !== undefined) {
        this.#advance();
        this.#fieldValue();
        return { ...here, kind: 'foreign', word, needs: field };
      }
      if (PF_NAMES.has(word) || PF_NUMBERS.has(word) || word === 'reason') return this.#packetFilter(word, here);
    }
    throw this.#unexpected(['a primitive']);
  }

  #number(what: string): number {
    const token = this.#token;
    if (token.kind !== 'number') throw this.#unexpected([what]);
    this.#advance();
    return token.value;
  }

  /** A number, perhaps in parentheses. */
  #numberInParentheses(): number {
    if (!this.#isOperator('(')) return this.#number('a number');
    return this.#nested(() => {
      this.#advance();
      const value = this.#numberInParentheses();
      this.#require(')');
      return value;
    });
  }

  #optionalNumber(): number | null {
    return this.#token.kind === 'number' || this.#isOperator('(') ? this.#numberInParentheses() : null;
  }

  #byte(here: Span): Expression {
    this.#advance();
    const index = this.#number('the offset of a byte');
    const operator = this.#token.kind === 'operator' ? this.#token.operator : '';
    if (operator !== '&' && operator !== '|' && operator !== '<' && operator !== '>' && operator !== '=')
      throw this.#unexpected(["'&'", "'|'", "'<'", "'>'", "'='"]);
    this.#advance();
    return { ...here, kind: 'byte', index, operator, value: this.#number('a value') };
  }

  #llc(here: Span): Expression {
    this.#advance();
    const token = this.#token;
    if (token.kind === 'name') {
      this.#advance();
      return { ...here, ...this.#from(here.at), kind: 'llc', type: token.name };
    }
    if (this.#acceptKeyword('rnr')) return { ...here, kind: 'llc', type: 'rnr' };
    return { ...here, kind: 'llc', type: null };
  }

  #nameOrNumber(what: string): NameOrNumber {
    const { at, length } = this.#token;
    const token = this.#token;
    if (token.kind === 'name') {
      this.#advance();
      return { at, length, name: token.name, value: 0 };
    }
    return { at, length, name: null, value: this.#number(what) };
  }

  #wlan(word: 'type' | 'subtype' | 'dir', here: Span): Expression {
    this.#advance();
    if (word === 'dir')
      return {
        ...here,
        kind: 'wlan-direction',
        direction: this.#nameOrNumber('nods, tods, fromds, dstods or a number'),
      };
    if (word === 'subtype') {
      if (this.#token.kind !== 'name') throw this.#unexpected(['the name of a subtype']);
      return { ...here, kind: 'wlan', type: null, subtype: this.#nameOrNumber('') };
    }
    const type = this.#nameOrNumber('mgt, ctl, data or a number');
    const subtype = this.#acceptKeyword('subtype') ? this.#nameOrNumber('a subtype') : null;
    return { ...here, kind: 'wlan', type, subtype };
  }

  /** Value of an ATM or SS7 field: a number, a comparison with one, or several of these joined by `or` in parentheses. */
  #fieldValue(): void {
    const token = this.#token;
    if (token.kind === 'operator' && RELATIONS.has(token.operator)) {
      this.#advance();
      this.#number('a number');
    } else if (this.#isOperator('('))
      this.#nested(() => {
        this.#advance();
        this.#fieldValue();
        while (this.#acceptKeyword('or')) this.#fieldValue();
        this.#require(')');
      });
    else this.#number('a number or a comparison with one');
  }

  #packetFilter(word: string, here: Span): Expression {
    this.#advance();
    const token = this.#token;
    if (token.kind === 'name' && !PF_NUMBERS.has(word)) this.#advance();
    else if (PF_NAMES.has(word)) throw this.#unexpected(['a name']);
    else this.#number('a number');
    return { ...here, kind: 'foreign', word, needs: 'PF' };
  }

  // Ids

  #numberAsId(node: Arithmetic & { kind: 'constant' }, qualifiers: Qualifiers | null): IdOperand {
    const { at, length, value } = node;
    return { kind: 'id', node: this.#idNode({ at, length, kind: 'number', value }, qualifiers) };
  }

  #idNode(id: Id, qualifiers: Qualifiers | null): Expression {
    if (qualifiers === null)
      throw this.#error(
        'SYNTAX',
        `${describe(id, this.#scanner.expression)} has no qualifier before it that it could take over; write host, net, port …`,
        id,
        ['host', 'net', 'port', 'portrange', 'proto'],
      );
    return { at: id.at, length: id.length, kind: 'id', id, qualifiers };
  }

  /** An id after its qualifiers, or a list of ids in parentheses. */
  #id(qualifiers: Qualifiers | null): Expression {
    const at = this.#token.at;
    const negations = this.#negations();
    const id = this.#isOperator('(') ? this.#idList(qualifiers) : this.#bareId(qualifiers);
    return this.#negated(id, negations, at);
  }

  #idList(qualifiers: Qualifiers | null): Expression {
    return this.#nested(() => {
      const at = this.#token.at;
      this.#advance();
      let first: Expression;
      if (this.#isOperator('(')) {
        const value = this.#numberInParentheses();
        first = this.#idNode({ ...this.#from(at + 1), kind: 'number', value }, qualifiers);
      } else first = this.#id(qualifiers);
      const rest: Link[] = [];
      for (let operator = this.#andOr(); operator !== null; operator = this.#andOr()) {
        this.#advance();
        rest.push({ operator, operand: this.#id(qualifiers) });
      }
      if (!this.#accept(')')) throw this.#unexpected(["'and'", "'or'", "')'"]);
      return rest.length === 0 ? first : { ...this.#from(at), kind: 'chain', first, rest };
    });
  }

  #bareId(qualifiers: Qualifiers | null): Expression {
    const token = this.#token;
    const { at, length } = token;
    switch (token.kind) {
      case 'number':
        this.#advance();
        return this.#idNode({ at, length, kind: 'number', value: token.value }, qualifiers);
      case 'name':
        this.#advance();
        return this.#idNode({ at, length, kind: 'name', name: token.name }, qualifiers);
      case 'ether':
      case 'arcnet':
        this.#advance();
        return this.#idNode({ at, length, kind: token.kind, text: token.text }, qualifiers);
      case 'dotted':
      case 'ip6':
        this.#advance();
        return this.#idNode(this.#network(token), qualifiers);
      default:
        throw this.#unexpected(expectedFor(qualifiers ?? NO_QUALIFIERS));
    }
  }

  /** An address with the prefix length or mask behind it, if there is one. */
  #network(token: Token & { kind: 'dotted' | 'ip6' }): Id {
    const { at, text } = token;
    if (this.#accept('/')) {
      const bits = this.#number('a prefix length in bits');
      return { ...this.#from(at), kind: 'prefix', text, bits, version: token.kind === 'ip6' ? 6 : 4 };
    }
    if (token.kind === 'dotted' && this.#acceptKeyword('mask')) {
      const mask = this.#token;
      if (mask.kind !== 'dotted') throw this.#unexpected(['a mask such as 255.255.255.0']);
      this.#advance();
      return { ...this.#from(at), kind: 'masked', text, mask: mask.text };
    }
    return { ...this.#from(at), kind: token.kind, text };
  }
}

/** What the id after these qualifiers can be. */
function expectedFor({ protocol, type }: Qualifiers): string[] {
  switch (type) {
    case 'port':
      return ['a port number', 'the name of a service'];
    case 'portrange':
      return ['two ports with - between'];
    case 'net':
      return ['a network such as 10.0.0.0/8', 'the name of one'];
    case 'proto':
    case 'protochain':
      return ['a protocol number', 'the name of a protocol with a backslash before it, such as \\tcp'];
    case 'gateway':
      return ['the name of a host'];
    default:
      return protocol === 'link' ? ['an Ethernet address', 'the name of one'] : ['an address', 'the name of a host'];
  }
}
