/** Arithmetic by operator precedence, with a stack of its own: a long sum costs no recursion. */
import type { Arithmetic, ArithmeticOperator, Relation } from './ast.ts';

export const RELATIONS: ReadonlyMap<string, Relation> = new Map(
  (['>', '>=', '=', '<=', '<', '!='] as const).map((relation) => [relation, relation]),
);

export const BINARY_OPERATORS: ReadonlyMap<string, ArithmeticOperator> = new Map(
  (['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>'] as const).map((operator) => [operator, operator]),
);

const NEGATE = 'negate';

/** How tightly an operator binds. `%` and `^` have no place in this order: libpcap's grammar gives them none, and what
 * stands on both sides is then read as if it stood in parentheses on the right: `len % 5 * 2` is `len % (5 * 2)`, and
 * `- len % 5` is `- (len % 5)`. */
const PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['|', 1],
  ['&', 2],
  ['<<', 3],
  ['>>', 3],
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['/', 5],
  [NEGATE, 6],
]);

type Pending = { readonly operator: ArithmeticOperator | typeof NEGATE; readonly at: number };

/** C's order, for strict mode. */
const STRICT_PRECEDENCE: ReadonlyMap<string, number> = new Map([
  ['|', 1],
  ['^', 2],
  ['&', 3],
  ['<<', 4],
  ['>>', 4],
  ['+', 5],
  ['-', 5],
  ['*', 6],
  ['/', 6],
  ['%', 6],
  [NEGATE, 7],
]);

export class ArithmeticStack {
  readonly #precedence: ReadonlyMap<string, number>;
  readonly #values: Arithmetic[] = [];
  readonly #pending: Pending[] = [];

  constructor(strict: boolean) {
    this.#precedence = strict ? STRICT_PRECEDENCE : PRECEDENCE;
  }

  /** A minus that negates the next value, at offset `at`. */
  negate(at: number): void {
    this.#pending.push({ operator: NEGATE, at });
  }

  push(value: Arithmetic): void {
    this.#values.push(value);
  }

  /** An operator behind a value: does first what binds at least as tightly. */
  operator(operator: ArithmeticOperator): void {
    const next = this.#precedence.get(operator);
    while (this.#pending.length > 0 && next !== undefined) {
      const last = this.#precedence.get(this.#pending.at(-1)!.operator);
      if (last === undefined || last < next) break;
      this.#reduce();
    }
    this.#pending.push({ operator, at: 0 });
  }

  finish(): Arithmetic {
    while (this.#pending.length > 0) this.#reduce();
    return this.#values.pop()!;
  }

  #reduce(): void {
    const { operator, at } = this.#pending.pop()!;
    const right = this.#values.pop()!;
    const end = right.at + right.length;
    if (operator === NEGATE) {
      this.#values.push({ at, length: end - at, kind: 'negate', operand: right });
      return;
    }
    const left = this.#values.pop()!;
    this.#values.push({ at: left.at, length: end - left.at, kind: 'binary', operator, left, right });
  }
}
