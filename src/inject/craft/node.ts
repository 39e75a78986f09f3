/** A value as it stands in the text form, before a field has given it a meaning. `at` is the offset of its first
 * character. */
export type Node =
  /** A number, a name, an address, 0x…: what needs no quotes. */
  | { type: 'word'; text: string; at: number }
  | { type: 'string'; text: string; at: number }
  /** `[a, b-c]`: several values, of which each makes a packet. */
  | { type: 'set'; members: Member[]; at: number }
  /** `(a=1, b)`: one value with parts. */
  | { type: 'list'; items: Item[]; at: number }
  /** `rand`, `rand(1, 5)`. */
  | { type: 'random'; limits: number[]; at: number };

/** A value, or the numbers from one to another. */
export interface Member {
  first: Node;
  last: Node | null;
}

/** A part of a list: a name alone, a value alone, or both. */
export interface Item {
  name: string | null;
  value: Node | null;
  at: number;
}
