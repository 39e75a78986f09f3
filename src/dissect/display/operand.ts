import { nearestOf } from '../../bytes/nearest.ts';
import { type FieldInfo, type Fields, fieldNames, findFields } from '../fields.ts';
// Registers the fields of the frame itself.
import '../frame.ts';
import { protocols } from '../protocols.ts';
import { DisplayFilterError } from './error.ts';
import {
  bytesLiteral,
  integer,
  kindOfField,
  type Literal,
  literalFor,
  timeLiteral,
  utf8,
  type Value,
  type ValueKind,
} from './literal.ts';
import type { Operand, Place, Range } from './syntax.ts';
import { inLayers, rowValue, sliceOf, textOf } from './values.ts';

/** Hands over the values that an operand has in a packet: none, one or several. */
export type Evaluate = (f: Fields, take: (value: Value) => void) => void;

/** An operand whose meaning is known. */
export type Typed = Place &
  (
    | { form: 'field'; name: string; infos: readonly FieldInfo[]; layers: readonly Range[] | null }
    | { form: 'protocol'; name: string }
    | { form: 'computed'; kind: ValueKind; what: string; evaluate: Evaluate; isMask: boolean }
    /** Not yet a value: what it is compared with says how to read it. */
    | { form: 'literal'; text: string; quoted: 'string' | 'char' | null }
  );

/** What a part of a filter reads. */
export interface ReadFields {
  readonly ids: number[];
  /** Layers as well: the bytes of one, or which layer a field stands in. */
  layers: boolean;
}

const protocolNames = new Set<string>(['frame', ...protocols.map(({ name }) => name)]);

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
        const infos = findFields(operand.text);
        // A protocol's own name stands for its bytes even where a field has the same one.
        if (infos.length > 0) {
          for (const { id } of infos) {
            this.wanted[id] = 1;
            if (!this.#reading.ids.includes(id)) this.#reading.ids.push(id);
          }
          if (operand.layers !== null) this.#reading.layers = true;
          return { form: 'field', name: operand.text, infos, layers: operand.layers, at, length };
        }
        if (operand.layers !== null) throw this.unknown(operand, operand.text);
        if (protocolNames.has(operand.text)) {
          this.layers = true;
          this.#reading.layers = true;
          return { form: 'protocol', name: operand.text, at, length };
        }
        return { form: 'literal', text: operand.text, quoted: null, at, length };
      }
      case 'negative': {
        const of = this.type(operand.of);
        if (of.form === 'literal' && of.quoted === null)
          return { form: 'literal', text: `-${of.text}`, quoted: null, at, length: of.at + of.length - at };
        const number = this.numeric(of);
        return this.#computed(operand, 'number', 'a number', (f, take) => number(f, (v) => take(-Number(v))));
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

  /** What kind of values it has; a literal has none of its own. */
  kind(typed: Typed): ValueKind | 'literal' | 'none' {
    switch (typed.form) {
      case 'field':
        return kindOfField(typed.infos[0]!);
      case 'protocol':
        return 'bytes';
      case 'computed':
        return typed.kind;
      case 'literal':
        return 'literal';
    }
  }

  evaluator(typed: Typed): Evaluate {
    switch (typed.form) {
      case 'computed':
        return typed.evaluate;
      case 'protocol':
        return (f, take) => {
          for (let i = 0; i < f.layers; i++)
            if (f.layerProtocol[i]!.name === typed.name) take(f.bytes.subarray(f.layerAt[i]!, f.capturedEnd));
        };
      case 'field':
        return eachRow(typed.infos, typed.layers, (f, row, take) => take(rowValue(f, row)));
      case 'literal':
        throw this.unknown(typed, typed.text);
    }
  }

  /** A literal as a value of a kind, or of the field's type where it stands beside a field. */
  literal(typed: Typed & { form: 'literal' }, beside: Typed): Literal {
    const { text, quoted } = typed;
    if (beside.form === 'field') {
      const result = literalFor(text, quoted, beside.infos[0]!);
      if (typeof result !== 'string') return result;
      // A word that was meant as a field: say which.
      const near = quoted || !/^[a-z]\w*\./i.test(text) ? [] : nearestOf(text, fieldNames(), 3);
      throw this.error(typed, result, near);
    }
    const kind = this.kind(beside);
    if (kind === 'string') return { value: utf8(text), mask: null };
    const result = kind === 'bytes' ? bytesLiteral(text, quoted) : kind === 'time' ? timeLiteral(text, quoted) : null;
    if (typeof result === 'string') throw this.error(typed, result);
    if (result !== null) return result;
    const number = integer(text, quoted) ?? (quoted ? Number.NaN : Number(text));
    if (typeof number === 'number' && Number.isNaN(number))
      throw /^[a-z_]/i.test(text) && !quoted
        ? this.unknown(typed, text)
        : this.error(typed, `'${text}' is not a number`);
    return { value: number, mask: null };
  }

  /** Its values as numbers; an error where it has others. */
  numeric(typed: Typed): Evaluate {
    if (typed.form === 'literal') {
      const value = Number(integer(typed.text, typed.quoted) ?? (typed.quoted ? Number.NaN : typed.text));
      if (Number.isNaN(value)) throw this.unknown(typed, typed.text);
      return (_, take) => take(value);
    }
    const kind = this.kind(typed);
    if (kind !== 'number' && kind !== 'big') throw this.error(typed, 'arithmetic asks for numbers here');
    return this.evaluator(typed);
  }

  #computed(place: Place, kind: ValueKind, what: string, evaluate: Evaluate, isMask = false): Typed {
    return { form: 'computed', kind, what, evaluate, isMask, at: place.at, length: place.length };
  }

  #arithmetic(operand: Operand & { kind: 'arithmetic' }): Typed {
    const left = this.numeric(this.type(operand.left));
    const right = this.numeric(this.type(operand.right));
    const { operator } = operand;
    const combine = (a: Value, b: Value): number | null => {
      const x = Number(a);
      const y = Number(b);
      switch (operator) {
        case '+':
          return x + y;
        case '-':
          return x - y;
        case '*':
          return x * y;
        case '/':
          return y === 0 ? null : Math.trunc(x / y);
        case '%':
          return y === 0 ? null : x % y;
        case '&':
          return Number(BigInt.asUintN(64, BigInt(Math.trunc(x))) & BigInt.asUintN(64, BigInt(Math.trunc(y))));
      }
    };
    const evaluate: Evaluate = (f, take) =>
      left(f, (a) =>
        right(f, (b) => {
          const result = combine(a, b);
          if (result !== null) take(result);
        }),
      );
    return this.#computed(operand, 'number', 'a number', evaluate, operator === '&');
  }

  #slice(operand: Operand & { kind: 'slice' }): Typed {
    const of = this.type(operand.of);
    if (of.form === 'literal')
      throw of.quoted ? this.error(of, 'a literal cannot be sliced') : this.unknown(of, of.text);
    const kind = this.kind(of);
    if (kind !== 'bytes' && kind !== 'string')
      throw this.error(of, `only bytes and strings can be sliced, and this is ${describe(of)}`);
    const evaluate = this.evaluator(of);
    const { ranges } = operand;
    return this.#computed(operand, kind, kind === 'bytes' ? 'bytes' : 'a string', (f, take) =>
      evaluate(f, (value) => {
        const slice = sliceOf(value as string | Uint8Array, ranges);
        if (slice !== null) take(slice);
      }),
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
    const { kind, evaluate } = define.make(this, typed);
    return this.#computed(operand, kind, kind === 'number' ? 'a number' : 'a string', evaluate);
  }
}

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
      return typed.what;
    case 'literal':
      return `'${typed.text}'`;
  }
}

interface FunctionDefinition {
  min: number;
  max: number;
  make(checker: OperandChecker, args: Typed[]): { kind: ValueKind; evaluate: Evaluate };
}

const mapped =
  (from: ValueKind[], kind: ValueKind, what: string, change: (value: Value) => Value): FunctionDefinition['make'] =>
  (checker, [arg]) => {
    const typed = arg!;
    const own = checker.kind(typed);
    if (own === 'literal') throw checker.unknown(typed, (typed as Typed & { form: 'literal' }).text);
    if (!from.includes(own as ValueKind)) throw checker.error(typed, `${what}, and this is ${describe(typed)}`);
    const evaluate = checker.evaluator(typed);
    return { kind, evaluate: (f, take) => evaluate(f, (value) => take(change(value))) };
  };

const extreme = (pick: (a: number, b: number) => number): FunctionDefinition => ({
  min: 1,
  max: 64,
  make(checker, args) {
    const each = args.map((arg) => checker.numeric(arg));
    return {
      kind: 'number',
      evaluate(f, take) {
        let best: number | null = null;
        for (const evaluate of each)
          evaluate(f, (value) => {
            best = best === null ? Number(value) : pick(best, Number(value));
          });
        if (best !== null) take(best);
      },
    };
  },
});

/** wireshark-filter(4), "Functions". */
const FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  len: {
    min: 1,
    max: 1,
    make: mapped(['string', 'bytes'], 'number', 'len() takes bytes or a string', (value) =>
      typeof value === 'string' ? Buffer.byteLength(value) : (value as Uint8Array).length,
    ),
  },
  upper: {
    min: 1,
    max: 1,
    make: mapped(['string'], 'string', 'upper() takes a string', (v) => String(v).toUpperCase()),
  },
  lower: {
    min: 1,
    max: 1,
    make: mapped(['string'], 'string', 'lower() takes a string', (v) => String(v).toLowerCase()),
  },
  abs: {
    min: 1,
    max: 1,
    make: mapped(['number', 'big'], 'number', 'abs() takes a number', (v) => Math.abs(Number(v))),
  },
  max: extreme(Math.max),
  min: extreme(Math.min),
  count: {
    min: 1,
    max: 1,
    make(checker, [arg]) {
      const field = arg!;
      if (field.form !== 'field') throw checker.error(field, `count() takes a field, and this is ${describe(field)}`);
      const each = eachRow(field.infos, field.layers, (_f, _row, take) => take(1));
      return {
        kind: 'number',
        evaluate(f, take) {
          let count = 0;
          each(f, () => count++);
          if (count > 0) take(count);
        },
      };
    },
  },
  string: {
    min: 1,
    max: 1,
    make(checker, [arg]) {
      const field = arg!;
      if (field.form !== 'field') throw checker.error(field, `string() takes a field, and this is ${describe(field)}`);
      return { kind: 'string', evaluate: eachRow(field.infos, field.layers, (f, row, take) => take(textOf(f, row))) };
    },
  },
};
