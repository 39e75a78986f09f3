import { nearestOf } from '../../bytes/nearest.ts';
import { type FieldInfo, type Fields, fieldNames, findFields } from '../fields.ts';
// Registers the fields of the frame itself.
import '../frame.ts';
import { protocols } from '../protocols.ts';
import { DisplayFilterError } from './error.ts';
import { bytesLiteral, integer, kindOfField, type Literal, literalFor, type Value, type ValueKind } from './literal.ts';
import { protocolEnd } from './protocol-bytes.ts';
import type { Operand, Place, Range } from './syntax.ts';
import { compare, inLayers, layerIs, rowValue, sliceOf, textOf } from './values.ts';

/** Hands over the values that an operand has in a packet: none, one or several. */
export type Evaluate = (f: Fields, take: (value: Value) => void) => void;

/** An operand whose meaning is known. */
export type Typed = Place &
  (
    | { form: 'field'; name: string; infos: readonly FieldInfo[]; layers: readonly Range[] | null }
    | { form: 'protocol'; name: string; layers: readonly Range[] | null }
    /** `like`: its values are read and compared as this field's are; null: they are bytes of a slice. */
    | { form: 'computed'; by: 'slice' | 'function' | 'arithmetic'; like: FieldInfo | null; evaluate: Evaluate }
    /** Not yet a value: what it is compared with says how to read it. */
    | { form: 'literal'; text: string; quoted: 'string' | 'char' | null }
  );

/** What a part of a filter reads. */
export interface ReadFields {
  readonly ids: number[];
  /** Layers as well: the bytes of one, or which layer a field stands in. */
  layers: boolean;
}

const protocolNames = new Set<string>(['frame', 'data', ...protocols.map(({ name }) => name)]);

/** Types that compare with each other: wireshark-filter(4) calls them compatible. */
export type TypeClass =
  | 'integer'
  | 'bool'
  | 'float'
  | 'date'
  | 'interval'
  | 'string'
  | 'bytes'
  | 'ipv4'
  | 'ipv6'
  | 'protocol'
  | 'slice'
  | 'none'
  | 'literal';

/** A type without a field: what functions give. */
const typeAlone = (name: string, type: FieldInfo['type']): FieldInfo => ({
  id: -1,
  name,
  title: name,
  type,
  base: 'dec',
  list: false,
  values: null,
  named: false,
  date: null,
  mayBeEmpty: false,
});
const LENGTH = typeAlone('a number', 'uint32');
const TEXT = typeAlone('a string', 'string');
/** Kinds of values that a slice compares with; it makes bytes of them. */
const SLICEABLE: readonly TypeClass[] = ['string', 'bytes', 'ipv4', 'ipv6', 'protocol', 'slice'];

/** Gives operands their meaning: words are fields, protocols or values; slices, functions and arithmetic get a type. */
export class OperandChecker {
  readonly expression: string;
  /** By field id: 1 where the filter reads it. */
  readonly wanted = new Uint8Array(65536);
  /** It reads layers, not only fields. */
  layers = false;
  #reading: ReadFields = { ids: [], layers: false };

  constructor(expression: string) {
    this.expression = expression;
  }

  /** What is typed from now on is noted in what this gives. */
  startReading(): ReadFields {
    this.#reading = { ids: [], layers: false };
    return this.#reading;
  }

  error(place: Place, message: string, nearest: readonly string[] = []): DisplayFilterError {
    return new DisplayFilterError(this.expression, place.at, place.length, message, nearest);
  }

  type(operand: Operand): Typed {
    const { at, length } = operand;
    switch (operand.kind) {
      case 'string':
      case 'char':
        return { form: 'literal', text: operand.text, quoted: operand.kind, at, length };
      case 'word': {
        // A dot in front says that it is a name, and nothing else.
        const isName = operand.text.startsWith('.');
        const name = isName ? operand.text.slice(1) : operand.text;
        const infos = findFields(name);
        if (infos.length > 0) {
          for (const { id } of infos) {
            this.wanted[id] = 1;
            if (!this.#reading.ids.includes(id)) this.#reading.ids.push(id);
          }
          if (operand.layers !== null) this.#reading.layers = true;
          return { form: 'field', name, infos, layers: operand.layers, at, length };
        }
        const protocol = RENAMED[name] ?? name;
        if (protocolNames.has(protocol)) {
          this.layers = true;
          this.#reading.layers = true;
          return { form: 'protocol', name: protocol, layers: operand.layers, at, length };
        }
        if (operand.layers !== null || isName) throw this.unknown(operand, name);
        return { form: 'literal', text: name, quoted: null, at, length };
      }
      case 'negative': {
        const of = this.type(operand.of);
        if (of.form === 'literal' && of.quoted === null)
          return { form: 'literal', text: `-${of.text}`, quoted: null, at, length: of.at + of.length - at };
        if (!['integer', 'float', 'interval'].includes(this.classOf(of)))
          throw this.error(of, `there is no negative of ${describe(of)}`);
        const evaluate = this.evaluator(of);
        return this.#computed(operand, 'arithmetic', this.like(of), (f, take) =>
          evaluate(f, (value) => take(-(value as number))),
        );
      }
      case 'arithmetic':
        return this.#arithmetic(operand);
      case 'slice':
        return this.#slice(operand);
      case 'call':
        return this.#call(operand);
    }
  }

  unknown(place: Place, name: string): DisplayFilterError {
    const names = [...fieldNames(), ...protocolNames];
    return this.error(place, `'${name}' is neither a field nor a protocol`, nearestOf(name, names, 3));
  }

  /** The field whose values are read as its own: for a field itself, for what is computed the one that it is made from. */
  like(typed: Typed): FieldInfo | null {
    return typed.form === 'field' ? typed.infos[0]! : typed.form === 'computed' ? typed.like : null;
  }

  classOf(typed: Typed): TypeClass {
    if (typed.form === 'literal' || typed.form === 'protocol') return typed.form;
    const info = this.like(typed);
    if (info === null) return 'slice';
    switch (info.type) {
      case 'bool':
      case 'float':
      case 'string':
      case 'ipv4':
      case 'ipv6':
      case 'none':
        return info.type;
      case 'time':
        return info.date === null ? 'interval' : 'date';
      case 'ether':
      case 'bytes':
        return 'bytes';
      default:
        return 'integer';
    }
  }

  /** Throws where the values of the two are of types that nothing compares. */
  comparable(left: Typed, right: Typed): void {
    const [one, two] = [this.classOf(left), this.classOf(right)];
    const isPair =
      one === 'slice' || two === 'slice'
        ? SLICEABLE.includes(one) && SLICEABLE.includes(two)
        : one !== 'none' && (one === two || (one === 'integer' && two === 'bool'));
    if (!isPair) throw this.error(right, `${describe(left)} and ${describe(right)} cannot be compared`);
  }

  /** The values of two operands that are comparable, in one form. */
  pair(left: Typed, right: Typed): [Evaluate, Evaluate] {
    const [one, two] = [this.evaluator(left), this.evaluator(right)];
    const hasSlice = this.classOf(left) === 'slice' || this.classOf(right) === 'slice';
    return hasSlice ? [asBytes(one), asBytes(two)] : [one, two];
  }

  /** What kind of values it has; a literal has none of its own. */
  kind(typed: Typed): ValueKind | 'literal' | 'none' {
    if (typed.form === 'literal') return typed.form;
    const info = this.like(typed);
    return info === null ? 'bytes' : kindOfField(info);
  }

  evaluator(typed: Typed): Evaluate {
    switch (typed.form) {
      case 'computed':
        return typed.evaluate;
      case 'protocol':
        return (f, take) => {
          for (let i = 0; i < f.layers; i++)
            if (layerIs(f, i, typed.name, typed.layers)) take(f.bytes.subarray(f.layerAt[i]!, protocolEnd(f, i)));
        };
      case 'field':
        return eachRow(typed.infos, typed.layers, (f, row, take) => take(rowValue(f, row)));
      case 'literal':
        throw this.unknown(typed, typed.text);
    }
  }

  /** A literal as a value of the type that it stands beside. */
  literal(typed: Typed & { form: 'literal' }, beside: Typed): Literal {
    const { text, quoted } = typed;
    const info = this.like(beside);
    const result = info === null ? bytesLiteral(text, quoted) : literalFor(text, quoted, info);
    if (typeof result !== 'string') return result;
    // A word that was meant as a field: say which.
    const near = quoted || !/^[a-z]\w*\./i.test(text) ? [] : nearestOf(text, fieldNames(), 3);
    throw this.error(typed, result, near);
  }

  #computed(
    place: Place,
    by: 'slice' | 'function' | 'arithmetic',
    like: FieldInfo | null,
    evaluate: Evaluate,
  ): Typed & { form: 'computed' } {
    return { form: 'computed', by, like, evaluate, at: place.at, length: place.length };
  }

  #arithmetic(operand: Operand & { kind: 'arithmetic' }): Typed {
    const { operator } = operand;
    let left = this.type(operand.left);
    let right = this.type(operand.right);
    if (left.form === 'literal') {
      if (right.form === 'literal') return this.#constant(operand, left, right);
      left = this.#asComputed(left, right);
    } else if (right.form === 'literal') right = this.#asComputed(right, left);
    const own = this.classOf(left);
    const allowed = operator === '&' ? MASKED : operator === '+' || operator === '-' ? ADDED : MULTIPLIED;
    if (!allowed.includes(own)) throw this.error(left, `'${operator}' does not work on ${describe(left)}`);
    if (this.classOf(right) !== own) throw this.error(right, `${describe(left)} '${operator}' ${describe(right)}?`);
    const like = this.like(left);
    const [one, two] = this.pair(left, right);
    const combine = combination(operator, like);
    return this.#computed(operand, 'arithmetic', like, (f, take) =>
      one(f, (a) =>
        two(f, (b) => {
          const result = combine(a, b);
          if (result !== null) take(result);
        }),
      ),
    );
  }

  /** Two numbers of which nothing else says what they are: 79 + 1. */
  #constant(place: Place & { operator: Arithmetic }, left: LiteralOperand, right: LiteralOperand): Typed {
    const [a, b] = [integer(left.text, left.quoted), integer(right.text, right.quoted)];
    if (a === null) throw this.unknown(left, left.text);
    if (b === null) throw this.unknown(right, right.text);
    const value = combination(place.operator, typeAlone('a number', 'uint64'))(a, b);
    if (value === null) throw this.error(place, 'this is no number');
    return { form: 'literal', text: String(value), quoted: null, at: place.at, length: place.length };
  }

  #asComputed(literal: LiteralOperand, beside: Typed): Typed {
    const { value } = this.literal(literal, beside);
    return this.#computed(literal, 'arithmetic', this.like(beside), (_, take) => take(value));
  }

  #slice(operand: Operand & { kind: 'slice' }): Typed {
    const of = this.type(operand.of);
    if (of.form === 'literal')
      throw of.quoted ? this.error(of, 'a literal cannot be sliced') : this.unknown(of, of.text);
    const own = this.classOf(of);
    if (!SLICEABLE.includes(own))
      throw this.error(of, `only bytes and strings can be sliced, and this is ${describe(of)}`);
    const evaluate = of.form === 'protocol' ? headers(of.name, of.layers) : asBytes(this.evaluator(of));
    const { ranges } = operand;
    return this.#computed(operand, 'slice', null, (f, take) =>
      evaluate(f, (value) => take(sliceOf(value as Uint8Array, ranges))),
    );
  }

  #call(operand: Operand & { kind: 'call' }): Typed {
    const { name, args } = operand;
    const define = FUNCTIONS[name];
    if (define === undefined)
      throw this.error(operand, `there is no function '${name}'`, nearestOf(name, Object.keys(FUNCTIONS), 3));
    const { min, max } = define;
    if (args.length < min || args.length > max)
      throw this.error(
        operand,
        `${name}() takes ${min === max ? min : `at least ${min}`} argument${min === 1 ? '' : 's'}`,
      );
    const typed = args.map((arg) => this.type(arg));
    const { like, evaluate } = define.make(this, typed);
    return this.#computed(operand, 'function', like, evaluate);
  }
}

type LiteralOperand = Typed & { form: 'literal' };
type Arithmetic = (Operand & { kind: 'arithmetic' })['operator'];

/** Names that Wireshark has given up, and still takes. */
const RENAMED: Readonly<Record<string, string>> = { bootp: 'dhcp', ssl: 'tls' };

const MULTIPLIED: readonly TypeClass[] = ['integer', 'float'];
const ADDED: readonly TypeClass[] = [...MULTIPLIED, 'interval'];
const MASKED: readonly TypeClass[] = ['integer', 'bytes', 'ipv4', 'ipv6', 'slice'];

/** What an operator makes of two values; null: nothing, where it divides by zero or the result does not fit. */
function combination(operator: Arithmetic, like: FieldInfo | null): (a: Value, b: Value) => Value | null {
  if (like === null || kindOfField(like) === 'bytes') return (a, b) => masked(a as Uint8Array, b as Uint8Array);
  const isBig = like.type === 'uint64' || like.type === 'time';
  if (like.type === 'float')
    return (a, b) => {
      const [x, y] = [Number(a), Number(b)];
      return operator === '+' ? x + y : operator === '-' ? x - y : operator === '*' ? x * y : x / y;
    };
  const [low, high] = isBig ? [-(2n ** 63n), 2n ** 64n - 1n] : [-(2n ** 31n), 2n ** 32n - 1n];
  return (a, b) => {
    const [x, y] = [BigInt(a as number), BigInt(b as number)];
    if (y === 0n && (operator === '/' || operator === '%')) return null;
    const result = INTEGERS[operator](x, y);
    if (result < low || result > high) return null;
    return isBig ? result : Number(result);
  };
}

const INTEGERS: Readonly<Record<Arithmetic, (x: bigint, y: bigint) => bigint>> = {
  '+': (x, y) => x + y,
  '-': (x, y) => x - y,
  '*': (x, y) => x * y,
  '/': (x, y) => x / y,
  '%': (x, y) => x % y,
  '&': (x, y) => x & y,
};

/** Bits that both have, in the length of the shorter. */
const masked = (a: Uint8Array, b: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: Math.min(a.length, b.length) }, (_, i) => a[i]! & b[i]!);

/** The bytes of a protocol's own header, or of all of it where nothing stands above it: a slice of a protocol sees those (of
 * TCP the payload as well), while `contains` and `matches` look to the end of the packet. */
const headers =
  (name: string, layers: readonly Range[] | null): Evaluate =>
  (f, take) => {
    for (let i = 0; i < f.layers; i++)
      if (layerIs(f, i, name, layers)) {
        const at = f.layerAt[i]!;
        const end = protocolEnd(f, i);
        take(f.bytes.subarray(at, name === 'tcp' ? end : Math.min(at + f.layerLength[i]!, end)));
      }
  };

const asBytes =
  (evaluate: Evaluate): Evaluate =>
  (f, take) =>
    evaluate(f, (value) => take(typeof value === 'string' ? Buffer.from(value) : value));

/** Calls `use` for each row whose field is one of `infos`, in the layers asked for. */
export function eachRow(
  infos: readonly FieldInfo[],
  layers: readonly Range[] | null,
  use: (f: Fields, row: number, take: (value: Value) => void) => void,
): Evaluate {
  const ids = infos.map(({ id }) => id);
  return (f, take) => {
    for (let row = 0; row < f.count; row++)
      if (ids.includes(f.id[row]!) && (layers === null || inLayers(f, row, layers))) use(f, row, take);
  };
}

export function describe(typed: Typed): string {
  switch (typed.form) {
    case 'field':
      return `${typed.name} (${typed.infos[0]!.type})`;
    case 'protocol':
      return `the protocol ${typed.name}`;
    case 'computed':
      return typed.like === null
        ? 'bytes'
        : typed.by === 'function'
          ? typed.like.name
          : `a value of ${typed.like.name}`;
    case 'literal':
      return `'${typed.text}'`;
  }
}

interface FunctionDefinition {
  min: number;
  max: number;
  make(checker: OperandChecker, args: Typed[]): { like: FieldInfo; evaluate: Evaluate };
}

/** The argument, which has to be a field (or a protocol) by itself. */
function fieldOf(checker: OperandChecker, name: string, typed: Typed): Typed & { form: 'field' | 'protocol' } {
  if (typed.form === 'literal' && !typed.quoted) throw checker.unknown(typed, typed.text);
  if (typed.form !== 'field' && typed.form !== 'protocol')
    throw checker.error(typed, `${name}() takes a field, and this is ${describe(typed)}`);
  return typed;
}

const ofString = (name: string, change: (value: string) => string): FunctionDefinition => ({
  min: 1,
  max: 1,
  make(checker, [arg]) {
    const field = fieldOf(checker, name, arg!);
    if (checker.classOf(field) !== 'string')
      throw checker.error(field, `${name}() takes a string, and this is ${describe(field)}`);
    const evaluate = checker.evaluator(field);
    return { like: TEXT, evaluate: (f, take) => evaluate(f, (value) => take(change(value as string))) };
  },
});

const extreme = (name: string, isBetter: (order: number) => boolean): FunctionDefinition => ({
  min: 1,
  max: 64,
  make(checker, [first, ...others]) {
    const like = checker.like(first!);
    if (like === null || like.type === 'none') throw checker.error(first!, `${name}() begins with a field`);
    const each = [first!, ...others].map((arg): Evaluate => {
      if (arg.form === 'literal') {
        const { value } = checker.literal(arg, first!);
        return (_, take) => take(value);
      }
      const type = checker.like(arg)?.type;
      if (type !== like.type) throw checker.error(arg, `${name}() compares values of one type: ${like.type}`);
      return checker.evaluator(arg);
    });
    return {
      like,
      evaluate(f, take) {
        let best: Value | null = null;
        for (const evaluate of each)
          evaluate(f, (value) => {
            if (best === null || isBetter(compare(value, best))) best = value;
          });
        if (best !== null) take(best);
      },
    };
  },
});

const counted = (each: Evaluate): Evaluate => {
  return (f, take) => {
    let count = 0;
    each(f, () => count++);
    if (count > 0) take(count);
  };
};

/** Types that string() writes. */
const WRITTEN: readonly TypeClass[] = ['integer', 'float', 'ipv4', 'ipv6'];

/** wireshark-filter(4), "Functions". */
const FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  len: {
    min: 1,
    max: 1,
    make(checker, [arg]) {
      const field = fieldOf(checker, 'len', arg!);
      const { layers } = field;
      const evaluate: Evaluate =
        field.form === 'protocol'
          ? (f, take) => {
              for (let i = 0; i < f.layers; i++) if (layerIs(f, i, field.name, layers)) take(f.layerLength[i]!);
            }
          : eachRow(field.infos, layers, (f, row, take) =>
              take(
                typeof f.object[row] === 'string' && checker.classOf(field) === 'string'
                  ? Buffer.byteLength(f.object[row])
                  : f.length[row]!,
              ),
            );
      return { like: LENGTH, evaluate };
    },
  },
  upper: ofString('upper', (text) => text.toUpperCase()),
  lower: ofString('lower', (text) => text.toLowerCase()),
  abs: {
    min: 1,
    max: 1,
    make(checker, [arg]) {
      if (arg!.form === 'literal') throw checker.unknown(arg!, arg!.text);
      if (!['integer', 'bool', 'float', 'interval'].includes(checker.classOf(arg!)))
        throw checker.error(arg!, `abs() takes a number, and this is ${describe(arg!)}`);
      const evaluate = checker.evaluator(arg!);
      return {
        like: checker.like(arg!)!,
        evaluate: (f, take) => evaluate(f, (value) => take((value as number) < 0 ? -(value as number) : value)),
      };
    },
  },
  max: extreme('max', (order) => order > 0),
  min: extreme('min', (order) => order < 0),
  count: {
    min: 1,
    max: 1,
    make: (checker, [arg]) => ({
      like: LENGTH,
      evaluate: counted(checker.evaluator(fieldOf(checker, 'count', arg!))),
    }),
  },
  string: {
    min: 1,
    max: 1,
    make(checker, [arg]) {
      const field = fieldOf(checker, 'string', arg!);
      if (field.form !== 'field' || !(WRITTEN.includes(checker.classOf(field)) || field.infos[0]!.type === 'ether'))
        throw checker.error(field, `string() takes a number or an address, and this is ${describe(field)}`);
      return { like: TEXT, evaluate: eachRow(field.infos, field.layers, (f, row, take) => take(textOf(f, row))) };
    },
  },
};
