/** Value numbering: two results with the same number are equal wherever the program runs, and a number may be known to be
 * a constant. With `rewrite`, a statement whose result is known is replaced by a simpler one. */
import { NOP } from '../emit.ts';
import type { Statement } from '../gencode/block.ts';
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_DIV,
  BPF_IMM,
  BPF_IND,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LEN,
  BPF_LSH,
  BPF_MEM,
  BPF_MISC,
  BPF_MOD,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_ST,
  BPF_STX,
  BPF_SUB,
  BPF_TAX,
  BPF_TXA,
  BPF_XOR,
  bpfClass,
  bpfMode,
  bpfOperation,
  bpfSize,
  bpfSource,
} from '../opcodes.ts';
import { A_ATOM, X_ATOM } from './atoms.ts';
import type { Node } from './flow.ts';

/** Number of a value of which nothing is known, not even that it is equal to itself elsewhere. */
export const UNKNOWN = 0;

/** What the optimizer found wrong with the expression, thrown by the caller's means. */
export type Complaint = (code: 'ARITHMETIC' | 'REJECTS_ALL', message: string) => Error;

/** Tells the loop of the optimizer whether it must go on. */
export interface Progress {
  /** Something changed. */
  changed: boolean;
  /** Something else changed than where branches go. */
  beyondBranches: boolean;
}

export function progress(state: Progress): void {
  state.changed = true;
  state.beyondBranches = true;
}

const MAX_VALUES = 2 ** 20;

export class Values {
  /** By code; then by both operands in one number (the second is a number of a value, and there are fewer than 2^20). */
  readonly #numbers = new Map<number, Map<number, number>>();
  readonly #constants: (number | undefined)[] = [undefined];
  readonly #progress: Progress;
  readonly #complain: Complaint;

  constructor(state: Progress, complain: Complaint) {
    this.#progress = state;
    this.#complain = complain;
  }

  /** Number of the result of an operation on operands that are numbers of values, or constants of the code. */
  number(code: number, first: number, second: number): number {
    let ofCode = this.#numbers.get(code);
    if (ofCode === undefined) this.#numbers.set(code, (ofCode = new Map()));
    const key = first * MAX_VALUES + second;
    let number = ofCode.get(key);
    if (number === undefined) {
      number = this.#constants.length;
      ofCode.set(key, number);
      const constant = bpfMode(code) === BPF_IMM && (bpfClass(code) === BPF_LD || bpfClass(code) === BPF_LDX);
      this.#constants.push(constant ? first : undefined);
    }
    return number;
  }

  constant(value: number): number {
    return this.number(BPF_LD | BPF_IMM, value >>> 0, 0);
  }

  /** The constant that a value is known to be. */
  known(number: number): number | undefined {
    return this.#constants[number];
  }

  /** Follows the effect of a statement on the numbers of all atoms. */
  apply(statement: Statement, node: Node, rewrite: boolean): void {
    const { code, k } = statement;
    if (code === NOP) return;
    const { values } = node;
    switch (bpfClass(code)) {
      case BPF_LD:
        this.#load(statement, node, rewrite);
        return;
      case BPF_LDX:
        if (bpfMode(code) === BPF_IMM) assign(statement, node, X_ATOM, this.constant(k), rewrite);
        else if (bpfMode(code) === BPF_MEM) {
          const known = rewrite ? this.known(values[k]!) : undefined;
          const number = values[k]!;
          if (known !== undefined) this.#become(statement, BPF_LDX | BPF_IMM, known);
          assign(statement, node, X_ATOM, number, rewrite);
        } else assign(statement, node, X_ATOM, this.number(code, k, 0), rewrite);
        return;
      case BPF_ALU:
        if (bpfOperation(code) === BPF_NEG) this.#negate(statement, node, rewrite);
        else if (bpfSource(code) === BPF_K) this.#withConstant(statement, node, rewrite);
        else this.#withX(statement, node, rewrite);
        return;
      case BPF_MISC:
        if (code === (BPF_MISC | BPF_TXA)) assign(statement, node, A_ATOM, values[X_ATOM]!, rewrite);
        else if (code === (BPF_MISC | BPF_TAX)) assign(statement, node, X_ATOM, values[A_ATOM]!, rewrite);
        return;
      case BPF_ST:
        assign(statement, node, k, values[A_ATOM]!, rewrite);
        return;
      case BPF_STX:
        assign(statement, node, k, values[X_ATOM]!, rewrite);
        return;
    }
  }

  #become(statement: Statement, code: number, k: number): void {
    statement.code = code;
    statement.k = k >>> 0;
    progress(this.#progress);
  }

  #load(statement: Statement, node: Node, rewrite: boolean): void {
    const { code, k } = statement;
    const { values } = node;
    switch (bpfMode(code)) {
      case BPF_ABS:
        assign(statement, node, A_ATOM, this.number(code, k, 0), rewrite);
        return;
      case BPF_IND: {
        const known = rewrite ? this.known(values[X_ATOM]!) : undefined;
        let number: number;
        if (known !== undefined) {
          this.#become(statement, BPF_LD | BPF_ABS | bpfSize(code), k + known);
          number = this.number(statement.code, statement.k, 0);
        } else number = this.number(code, k, values[X_ATOM]!);
        assign(statement, node, A_ATOM, number, rewrite);
        return;
      }
      case BPF_LEN:
        assign(statement, node, A_ATOM, this.number(code, 0, 0), rewrite);
        return;
      case BPF_IMM:
        assign(statement, node, A_ATOM, this.constant(k), rewrite);
        return;
      case BPF_MEM: {
        const number = values[k]!;
        const known = rewrite ? this.known(number) : undefined;
        if (known !== undefined) this.#become(statement, BPF_LD | BPF_IMM, known);
        assign(statement, node, A_ATOM, number, rewrite);
        return;
      }
    }
  }

  #negate(statement: Statement, node: Node, rewrite: boolean): void {
    const { values } = node;
    const known = rewrite ? this.known(values[A_ATOM]!) : undefined;
    if (known === undefined) {
      setA(node, this.number(statement.code, values[A_ATOM]!, 0));
      return;
    }
    statement.code = BPF_LD | BPF_IMM;
    statement.k = -known >>> 0;
    setA(node, this.constant(statement.k));
  }

  #withConstant(statement: Statement, node: Node, rewrite: boolean): void {
    const { values } = node;
    const { code, k } = statement;
    const operation = bpfOperation(code);
    if (rewrite) {
      if (k === 0) {
        switch (operation) {
          // Not `sub #0`: later steps look for it.
          case BPF_ADD:
          case BPF_LSH:
          case BPF_RSH:
          case BPF_OR:
          case BPF_XOR:
            statement.code = NOP;
            return;
          case BPF_MUL:
          case BPF_AND:
            statement.code = BPF_LD | BPF_IMM;
            setA(node, this.constant(0));
            return;
          case BPF_DIV:
          case BPF_MOD:
            throw this.#divisionByZero(operation);
        }
      }
      const known = this.known(values[A_ATOM]!);
      if (known !== undefined) {
        this.#fold(statement, operation, known, k);
        setA(node, this.constant(statement.k));
        return;
      }
    }
    setA(node, this.number(code, values[A_ATOM]!, this.constant(k)));
  }

  #withX(statement: Statement, node: Node, rewrite: boolean): void {
    const { values } = node;
    const operation = bpfOperation(statement.code);
    const a = rewrite ? this.known(values[A_ATOM]!) : undefined;
    const x = rewrite ? this.known(values[X_ATOM]!) : undefined;
    if (x !== undefined) {
      if (a !== undefined) {
        this.#fold(statement, operation, a, x);
        setA(node, this.constant(statement.k));
        return;
      }
      this.#become(statement, BPF_ALU | BPF_K | operation, x);
      if ((operation === BPF_LSH || operation === BPF_RSH) && x > 31)
        throw this.#complain('ARITHMETIC', 'a shift by more than 31 bits');
      setA(node, this.number(statement.code, values[A_ATOM]!, this.constant(x)));
      return;
    }
    if (a === 0) {
      switch (operation) {
        case BPF_ADD:
        case BPF_OR:
        case BPF_XOR:
          statement.code = BPF_MISC | BPF_TXA;
          assign(statement, node, A_ATOM, values[X_ATOM]!, rewrite);
          return;
        case BPF_MUL:
        case BPF_DIV:
        case BPF_MOD:
        case BPF_AND:
        case BPF_LSH:
        case BPF_RSH:
          statement.code = BPF_LD | BPF_IMM;
          statement.k = 0;
          assign(statement, node, A_ATOM, this.constant(0), rewrite);
          return;
      }
    }
    setA(node, this.number(statement.code, values[A_ATOM]!, values[X_ATOM]!));
  }

  #fold(statement: Statement, operation: number, a: number, b: number): void {
    this.#become(statement, BPF_LD | BPF_IMM, this.#result(operation, a, b));
  }

  #result(operation: number, a: number, b: number): number {
    switch (operation) {
      case BPF_ADD:
        return a + b;
      case BPF_SUB:
        return a - b;
      case BPF_MUL:
        return Math.imul(a, b);
      case BPF_DIV:
        if (b === 0) throw this.#divisionByZero(operation);
        return Math.floor(a / b);
      case BPF_MOD:
        if (b === 0) throw this.#divisionByZero(operation);
        return a % b;
      case BPF_AND:
        return a & b;
      case BPF_OR:
        return a | b;
      case BPF_XOR:
        return a ^ b;
      case BPF_LSH:
        return b < 32 ? a << b : 0;
      default:
        return b < 32 ? a >>> b : 0;
    }
  }

  #divisionByZero(operation: number): Error {
    return this.#complain('ARITHMETIC', operation === BPF_DIV ? 'division by zero' : 'remainder of a division by zero');
  }
}

/** Gives the atom its new number; a statement that only stores what is there already is removed. */
function assign(statement: Statement, node: Node, atom: number, number: number, rewrite: boolean): void {
  const there = (node.phantom & (1 << atom)) === 0;
  if (rewrite && there && number !== UNKNOWN && node.values[atom] === number) {
    statement.code = NOP;
    return;
  }
  node.values[atom] = number;
  node.phantom &= ~(1 << atom);
}

/** A has a new value, which a statement that stays has computed. */
function setA(node: Node, number: number): void {
  node.values[A_ATOM] = number;
  node.phantom &= ~(1 << A_ATOM);
}
