import type { FieldInfo, Fields } from '../fields.ts';
import { bytesLiteral, kindOfField, type Literal, type Value } from './literal.ts';
import { describe, type Evaluate, OperandChecker, type ReadFields, type Typed } from './operand.ts';
import { parse } from './parse.ts';
import { isPlainField, type PlainPredicate, plainLayer } from './plain.ts';
import { perlRegex, RegexError } from './regex.ts';
import type { Condition, Operand, Range, TestOperator } from './syntax.ts';
import { compare, compareBytes, includesBytes, inLayers, latin1, layerIs } from './values.ts';

/** A display filter, ready to be asked. */
export interface DisplayFilter {
  readonly expression: string;
  /** By field id: 1 where the filter reads the field. A record made with this as `Fields.wanted` (or with more) is enough
   * to answer. */
  readonly wanted: Uint8Array;
  /** It asks whether a protocol is there, or for its bytes: every layer has to be walked. */
  readonly layers: boolean;
  /** Whether the packet in the record matches. */
  matches(f: Fields): boolean;
  /** The same of a plain frame, from its headers; null where the filter asks for more than those. */
  readonly plain: PlainPredicate | null;
}

type Predicate = (f: Fields) => boolean;
/** Whether the value in a row passes. */
type RowTest = (f: Fields, row: number) => boolean;

/** Compiles a display filter in Wireshark's syntax (wireshark-filter(4)) over the registry of fields: each part becomes
 * a function that is specialised for the type and the value it compares with, so that nothing of the expression is
 * interpreted per packet. Throws DisplayFilterError. */
export function compileDisplayFilter(expression: string): DisplayFilter {
  const condition = parse(expression);
  const compiler = new Compiler(expression);
  const { matches, plain } = condition === null ? { matches: () => true, plain: null } : compiler.condition(condition);
  const { wanted, layers } = compiler.operands;
  return { expression, wanted, layers, matches, plain };
}

/** What a part of the filter has become. */
interface Compiled {
  readonly matches: Predicate;
  readonly plain: PlainPredicate | null;
}

class Compiler {
  readonly operands: OperandChecker;

  constructor(expression: string) {
    this.operands = new OperandChecker(expression);
  }

  condition(node: Condition): Compiled {
    switch (node.kind) {
      case 'and': {
        const [left, right] = [this.condition(node.left), this.condition(node.right)];
        return {
          matches: (f) => left.matches(f) && right.matches(f),
          plain: both(left, right, (one, two) => (frame) => one(frame) && two(frame)),
        };
      }
      case 'or': {
        const [left, right] = [this.condition(node.left), this.condition(node.right)];
        return {
          matches: (f) => left.matches(f) || right.matches(f),
          plain: both(left, right, (one, two) => (frame) => one(frame) || two(frame)),
        };
      }
      case 'xor': {
        const [left, right] = [this.condition(node.left), this.condition(node.right)];
        return {
          matches: (f) => left.matches(f) !== right.matches(f),
          plain: both(left, right, (one, two) => (frame) => one(frame) !== two(frame)),
        };
      }
      case 'not': {
        const operand = this.condition(node.operand);
        return {
          matches: (f) => !operand.matches(f),
          plain: both(operand, operand, (one) => (frame) => !one(frame)),
        };
      }
      case 'exists': {
        const read = this.operands.startReading();
        const operand = this.operands.type(node.operand);
        const matches = this.#exists(operand);
        const isLayer = operand.form === 'protocol' && operand.layers === null;
        return { matches, plain: isLayer ? plainLayer(operand.name) : ofHeaders(matches, read) };
      }
      case 'test': {
        const read = this.operands.startReading();
        const matches = this.#test(node);
        return { matches, plain: ofHeaders(matches, read) };
      }
      case 'in': {
        const read = this.operands.startReading();
        const matches = this.#in(node);
        return { matches, plain: ofHeaders(matches, read) };
      }
    }
  }

  #exists(operand: Typed): Predicate {
    switch (operand.form) {
      case 'literal':
        throw operand.quoted
          ? this.operands.error(operand, 'a string alone is neither true nor false')
          : this.operands.unknown(operand, operand.text);
      case 'protocol': {
        const { name, layers } = operand;
        return (f) => {
          for (let i = 0; i < f.layers; i++) if (layerIs(f, i, name, layers)) return true;
          return false;
        };
      }
      case 'field':
        return overRows(operand.infos, operand.layers, false, () => true);
      case 'computed': {
        const { evaluate, by } = operand;
        if (by === 'function')
          throw this.operands.error(operand, "a function's value is there or not only in a comparison");
        return (f) => {
          let found = false;
          evaluate(f, (value) => {
            // A slice asks for bytes that are there, arithmetic for a value that is not zero: `field & mask`.
            if (by === 'slice' ? (value as Uint8Array).length > 0 : !isZero(value)) found = true;
          });
          return found;
        };
      }
    }
  }

  #test(node: Condition & { kind: 'test' }): Predicate {
    let left = this.operands.type(node.left);
    let right = this.operands.type(node.right);
    let { operator } = node;
    if (left.form === 'literal') {
      if (right.form === 'literal')
        throw left.quoted === null && /^[a-z_]/i.test(left.text)
          ? this.operands.unknown(left, left.text)
          : this.operands.error(left, 'a comparison needs a field on one of its sides');
      if (operator === 'contains' || operator === 'matches')
        throw this.operands.error(left, `a field is expected before '${operator}'`);
      [left, right] = [right, left];
      operator = MIRRORED[operator];
    }
    const all = node.quantifier === null ? operator === '===' || operator === '!=' : node.quantifier === 'all';
    if (operator === 'contains' || operator === 'matches') return this.#search(operator, left, right, all);
    const kind = this.operands.kind(left);
    if (kind === 'none') throw this.operands.error(left, `${describe(left)} has no value to compare`);
    const sign = SIGNS[operator];
    if (right.form === 'literal') {
      const literal = this.operands.literal(right, left);
      return this.#each(left, all, (type) => rowComparison(type, sign, literal), valueComparison(sign, literal));
    }
    this.operands.comparable(left, right);
    const [one, two] = this.operands.pair(left, right);
    return pairs(one, two, all, (a, b) => sign(compare(a, b)));
  }

  #in(node: Condition & { kind: 'in' }): Predicate {
    const left = this.operands.type(node.left);
    if (left.form === 'literal') throw this.operands.unknown(left, left.text);
    if (left.form === 'computed')
      throw this.operands.error(left, `a field is expected before 'in', and this is ${describe(left)}`);
    if (this.operands.kind(left) === 'none')
      throw this.operands.error(left, `${describe(left)} has no value to compare`);
    const ranges = node.ranges.map(({ low, high }) => ({
      low: this.#element(low, left),
      high: high === null ? null : this.#element(high, left),
    }));
    const all = node.quantifier === 'all';
    const constant = ranges.every(({ low, high }) => low.literal !== null && (high === null || high.literal !== null));
    if (!constant) {
      const evaluate = this.operands.evaluator(left);
      return (f) => {
        let some = false;
        let every = true;
        evaluate(f, (value) => {
          const isMember = ranges.some(({ low, high }) =>
            high === null
              ? anyOf(f, low.values, (other) => compare(value, other) === 0)
              : anyOf(f, low.values, (other) => compare(value, other) >= 0) &&
                anyOf(f, high.values, (other) => compare(value, other) <= 0),
          );
          if (isMember) some = true;
          else every = false;
        });
        return all ? some && every : some;
      };
    }
    const rowTest = (info: FieldInfo): RowTest => {
      const tests = ranges.map(({ low, high }): RowTest => {
        if (high === null) return rowComparison(info, SIGNS['=='], low.literal!);
        const above = rowComparison(info, SIGNS['>='], low.literal!);
        const below = rowComparison(info, SIGNS['<='], high.literal!);
        return (f, row) => above(f, row) && below(f, row);
      });
      return (f, row) => {
        for (const test of tests) if (test(f, row)) return true;
        return false;
      };
    };
    const values = ranges.map(({ low, high }) => {
      if (high === null) return valueComparison(SIGNS['=='], low.literal!);
      const above = valueComparison(SIGNS['>='], low.literal!);
      const below = valueComparison(SIGNS['<='], high.literal!);
      return (value: Value) => above(value) && below(value);
    });
    return this.#each(left, all, rowTest, (value) => values.some((test) => test(value)));
  }

  /** A member of a set: a value, or a field or function that has some. */
  #element(operand: Operand, left: Typed): { literal: Literal | null; values: Evaluate } {
    const typed = this.operands.type(operand);
    if (typed.form === 'literal') {
      const literal = this.operands.literal(typed, left);
      return { literal, values: (_, take) => take(literal.value) };
    }
    this.operands.comparable(left, typed);
    return { literal: null, values: this.operands.pair(left, typed)[1] };
  }

  #search(operator: 'contains' | 'matches', left: Typed, right: Typed, all: boolean): Predicate {
    const kind = this.operands.kind(left);
    if (!['string', 'bytes', 'protocol', 'slice'].includes(this.operands.classOf(left)))
      throw this.operands.error(
        left,
        `'${operator}' asks for bytes, a string or a protocol, and this is ${describe(left)}`,
      );
    if (operator === 'matches') {
      if (right.form !== 'literal' || right.quoted !== 'string')
        throw this.operands.error(right, 'a regular expression in double quotes is expected');
      const expression = this.#expression(right);
      return this.#each(
        left,
        all,
        () => (f, row) =>
          expression.test(
            kind === 'string'
              ? asLatin1(f.object[row] as string)
              : latin1(f.bytes, f.at[row]!, f.at[row]! + f.length[row]!),
          ),
        (value) => expression.test(typeof value === 'string' ? asLatin1(value) : latin1(value as Uint8Array)),
      );
    }
    if (right.form !== 'literal') {
      this.operands.comparable(left, right);
      const [one, two] = this.operands.pair(left, right);
      return pairs(one, two, all, contains);
    }
    const isEther = left.form === 'field' && left.infos[0]!.type === 'ether';
    if (isEther && right.quoted) throw this.operands.error(right, `${describe(left)} is compared with bytes: aa:bb`);
    const needle = kind === 'string' ? this.operands.literal(right, left).value : this.#bytes(right);
    const bytes = typeof needle === 'string' ? null : (needle as Uint8Array);
    const text = typeof needle === 'string' ? needle : '';
    return this.#each(
      left,
      all,
      () => (f, row) =>
        bytes === null
          ? text !== '' && (f.object[row] as string).includes(text)
          : includesBytes(f.bytes, f.at[row]!, f.at[row]! + f.length[row]!, bytes),
      (value) => contains(value, bytes ?? text),
    );
  }

  #bytes(literal: Typed & { form: 'literal' }): Value {
    const result = bytesLiteral(literal.text, literal.quoted);
    if (typeof result === 'string') throw this.operands.error(literal, result);
    return result.value;
  }

  #expression(literal: Typed & { form: 'literal' }): RegExp {
    try {
      return perlRegex(literal.text);
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      throw this.operands.error(literal, `not a regular expression: ${error.message}`);
    }
  }

  /** A test of one operand's values: row by row where it is a field, else value by value. */
  #each(
    operand: Typed,
    all: boolean,
    forRows: (info: FieldInfo) => RowTest,
    forValues: (value: Value) => boolean,
  ): Predicate {
    if (operand.form === 'field') {
      const { infos, layers } = operand;
      const same = infos.every(({ type }) => type === infos[0]!.type);
      if (same) return overRows(infos, layers, all, forRows(infos[0]!));
      const tests = new Map(infos.map((info) => [info.id, forRows(info)]));
      return overRows(infos, layers, all, (f, row) => tests.get(f.id[row]!)!(f, row));
    }
    const evaluate = this.operands.evaluator(operand);
    return (f) => {
      let some = false;
      let every = true;
      evaluate(f, (value) => {
        if (forValues(value)) some = true;
        else every = false;
      });
      return all ? some && every : some;
    };
  }
}

function both(
  left: Compiled,
  right: Compiled,
  combine: (one: PlainPredicate, two: PlainPredicate) => PlainPredicate,
): PlainPredicate | null {
  return left.plain === null || right.plain === null ? null : combine(left.plain, right.plain);
}

/** The predicate asked of a record that holds nothing but the fields it reads, put there from the headers: so that a part
 * that decides early keeps the fields of the others from being read at all. */
function ofHeaders(matches: Predicate, { ids, layers }: ReadFields): PlainPredicate | null {
  if (layers || !ids.every(isPlainField)) return null;
  return (frame) => matches(frame.read(ids));
}

const isZero = (value: Value): boolean =>
  value instanceof Uint8Array ? value.every((byte) => byte === 0) : Number(value) === 0;

/** The bytes of a text in UTF-8, one a character. */
const asLatin1 = (text: string): string =>
  /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');

function anyOf(f: Fields, values: Evaluate, test: (value: Value) => boolean): boolean {
  let found = false;
  values(f, (value) => {
    if (test(value)) found = true;
  });
  return found;
}

function contains(value: Value, needle: Value): boolean {
  if (typeof value === 'string') return needle !== '' && value.includes(needle as string);
  return includesBytes(value as Uint8Array, 0, (value as Uint8Array).length, needle as Uint8Array);
}

type Sign = (order: number) => boolean;

const SIGNS: Readonly<Record<Exclude<TestOperator, 'contains' | 'matches'>, Sign>> = {
  '==': (order) => order === 0,
  '===': (order) => order === 0,
  '!=': (order) => order !== 0,
  '!==': (order) => order !== 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
};

const MIRRORED: Readonly<Record<TestOperator, TestOperator>> = {
  '==': '==',
  '===': '===',
  '!=': '!=',
  '!==': '!==',
  '>': '<',
  '>=': '<=',
  '<': '>',
  '<=': '>=',
  contains: 'contains',
  matches: 'matches',
};

const valueComparison =
  (sign: Sign, { value, mask }: Literal): ((own: Value) => boolean) =>
  (own) =>
    sign(compare(mask && own instanceof Uint8Array ? own.map((byte, i) => byte & mask[i]!) : own, value));

/** A comparison of a row's value with a literal, specialised by the field's type so that it makes nothing. */
function rowComparison(info: FieldInfo, sign: Sign, literal: Literal): RowTest {
  const { value, mask } = literal;
  switch (kindOfField(info)) {
    case 'number': {
      const other = Number(value);
      if (info.type === 'bool') return (f, row) => sign((f.number[row] !== 0 ? 1 : 0) - other);
      return (f, row) => sign(f.number[row]! - other);
    }
    case 'big':
      return (f, row) => sign(compare(f.object[row] as bigint, value));
    case 'time': {
      const seconds = Number((value as bigint) / 1_000_000_000n);
      const nanoseconds = Number((value as bigint) % 1_000_000_000n);
      return (f, row) => sign(f.number[row]! - seconds || f.nanoseconds[row]! - nanoseconds);
    }
    case 'string': {
      const text = value as string;
      return (f, row) => sign(compare(f.object[row] as string, text));
    }
    case 'none':
      return () => false;
    default: {
      const other = value as Uint8Array;
      if (mask === null) return (f, row) => sign(compareBytes(f.bytes, f.at[row]!, f.length[row]!, other));
      return (f, row) => {
        const at = f.at[row]!;
        for (let i = 0; i < other.length; i++) {
          const difference = (f.bytes[at + i]! & mask[i]!) - other[i]!;
          if (difference !== 0) return sign(difference);
        }
        return sign(0);
      };
    }
  }
}

/** Whether one of the rows of these fields passes, or (`all`) each of them and at least one. */
function overRows(
  infos: readonly FieldInfo[],
  layers: readonly Range[] | null,
  all: boolean,
  test: RowTest,
): Predicate {
  // Two ids are what the aliases have as a rule; comparing numbers is faster than asking a set.
  const first = infos[0]!.id;
  const second = (infos[1] ?? infos[0]!).id;
  const more = infos.length > 2 ? new Set(infos.map(({ id }) => id)) : null;
  return (f) => {
    const { id, count } = f;
    let some = false;
    for (let row = 0; row < count; row++) {
      const own = id[row]!;
      if (own !== first && own !== second && (more === null || !more.has(own))) continue;
      if (layers !== null && !inLayers(f, row, layers)) continue;
      if (test(f, row)) {
        if (!all) return true;
        some = true;
      } else if (all) return false;
    }
    return some;
  };
}

/** Tests every value of one operand against every value of another. */
function pairs(one: Evaluate, two: Evaluate, all: boolean, test: (a: Value, b: Value) => boolean): Predicate {
  return (f) => {
    let some = false;
    let every = true;
    one(f, (a) =>
      two(f, (b) => {
        if (test(a, b)) some = true;
        else every = false;
      }),
    );
    return all ? some && every : some;
  };
}
