/** What the parser makes of an expression: the tree that gencode walks. */
import type { Span } from './error.ts';
import type { Protocol } from './keywords.ts';

export type Direction =
  | 'src'
  | 'dst'
  | 'src or dst'
  | 'src and dst'
  | 'addr1'
  | 'addr2'
  | 'addr3'
  | 'addr4'
  | 'ra'
  | 'ta';

/** What kind of thing an id is. */
export type IdType = 'host' | 'net' | 'port' | 'portrange' | 'gateway' | 'proto' | 'protochain';

/** The qualifiers before an id: those that were written, or those of the primitive before it. Null where none stands. */
export interface Qualifiers {
  readonly protocol: Protocol | null;
  readonly direction: Direction | null;
  readonly type: IdType | null;
}

export type Id = Span &
  (
    | { readonly kind: 'number'; readonly value: number }
    | { readonly kind: 'name'; readonly name: string }
    | { readonly kind: 'dotted'; readonly text: string }
    | { readonly kind: 'ip6'; readonly text: string }
    | { readonly kind: 'ether'; readonly text: string }
    | { readonly kind: 'arcnet'; readonly text: string }
    /** `10.1.0.0/16`, `fe80::/10`. */
    | { readonly kind: 'prefix'; readonly text: string; readonly bits: number; readonly version: 4 | 6 }
    /** `10.1.0.0 mask 255.255.0.0`. */
    | { readonly kind: 'masked'; readonly text: string; readonly mask: string }
  );

export type Relation = '>' | '>=' | '=' | '<=' | '<' | '!=';
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>';
export type ByteOperator = '&' | '|' | '<' | '>' | '=';

export type Arithmetic = Span &
  (
    | { readonly kind: 'constant'; readonly value: number }
    | { readonly kind: 'length' }
    /** `protocol[index:size]`; size is 1 where it is not written. */
    | { readonly kind: 'load'; readonly protocol: Protocol; readonly index: Arithmetic; readonly size: number }
    | { readonly kind: 'negate'; readonly operand: Arithmetic }
    | {
        readonly kind: 'binary';
        readonly operator: ArithmeticOperator;
        readonly left: Arithmetic;
        readonly right: Arithmetic;
      }
  );

/** A primitive with an optional number: `vlan`, `mpls 100`. */
export type Encapsulation = 'vlan' | 'mpls' | 'pppoes' | 'geneve';

export type Expression = Span &
  /** Operands joined from left to right; `and` and `or` bind equally. Flat, because lists of thousands of addresses are
   * common. */
  (
    | { readonly kind: 'chain'; readonly first: Expression; readonly rest: readonly Link[] }
    | { readonly kind: 'not'; readonly operand: Expression }
    | { readonly kind: 'id'; readonly id: Id; readonly qualifiers: Qualifiers }
    | { readonly kind: 'protocol'; readonly protocol: Protocol }
    | {
        readonly kind: 'relation';
        readonly relation: Relation;
        readonly left: Arithmetic;
        readonly right: Arithmetic;
      }
    | { readonly kind: 'broadcast' | 'multicast'; readonly protocol: Protocol | null }
    | { readonly kind: 'less' | 'greater'; readonly value: number }
    | { readonly kind: 'byte'; readonly index: number; readonly operator: ByteOperator; readonly value: number }
    | { readonly kind: 'inbound' | 'outbound' | 'pppoed' }
    | { readonly kind: 'ifindex'; readonly value: number }
    | { readonly kind: 'encapsulation'; readonly protocol: Encapsulation; readonly number: number | null }
    | { readonly kind: 'llc'; readonly type: string | null }
    | { readonly kind: 'wlan'; readonly type: NameOrNumber | null; readonly subtype: NameOrNumber | null }
    | { readonly kind: 'wlan-direction'; readonly direction: NameOrNumber }
    /** A primitive of a link type that no capture here has: what it is, and which link types would have it. */
    | { readonly kind: 'foreign'; readonly word: string; readonly needs: 'ATM' | 'MTP2' | 'SS7' | 'PF' }
  );

export interface Link {
  readonly operator: 'and' | 'or';
  readonly operand: Expression;
}

export type NameOrNumber = Span & { readonly name: string | null; readonly value: number };
