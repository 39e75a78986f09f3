/** What a display filter says, as the parser hands it to the checker. Places are characters of the expression. */
export interface Place {
  readonly at: number;
  readonly length: number;
}

export type TestOperator = '==' | '!=' | '===' | '!==' | '>' | '>=' | '<' | '<=' | 'contains' | 'matches';

/** True or false of a packet. */
export type Condition =
  | { kind: 'and' | 'or' | 'xor'; left: Condition; right: Condition }
  | { kind: 'not'; operand: Condition }
  | (Place & {
      kind: 'test';
      operator: TestOperator;
      quantifier: 'any' | 'all' | null;
      left: Operand;
      right: Operand;
    })
  | (Place & { kind: 'in'; quantifier: 'any' | 'all' | null; left: Operand; ranges: SetRange[] })
  | { kind: 'exists'; operand: Operand };

export interface SetRange {
  low: Operand;
  /** Null: the one value `low`. */
  high: Operand | null;
}

/** Something that has values. */
export type Operand = Place &
  (
    | { kind: 'word'; text: string; layers: Range[] | null }
    | { kind: 'string' | 'char'; text: string }
    | { kind: 'slice'; of: Operand; ranges: Range[] }
    | { kind: 'call'; name: string; args: Operand[] }
    | { kind: 'arithmetic'; operator: '+' | '-' | '*' | '/' | '%' | '&'; left: Operand; right: Operand }
    | { kind: 'negative'; of: Operand }
  );

/** From `start` (negative: counted from the end) on, `length` of them; null: to the end. */
export interface Range {
  start: number;
  length: number | null;
}
