/** Loads from a header and comparisons with what was loaded. */
import {
  BPF_ABS,
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_LDX,
  BPF_LSH,
  BPF_MEM,
  BPF_MISC,
  BPF_MSH,
  BPF_TAX,
  BPF_W,
  BPF_X,
} from '../opcodes.ts';
import { and, type Condition, not, Statement, test } from './block.ts';
import type { HeaderOffset, State } from './state.ts';

/** What an offset counts from. */
export type Base =
  | 'packet'
  | 'link header'
  | 'link type'
  /** The LLC header, or what else follows the link-layer header. */
  | 'llc'
  | 'network'
  /** The network header of a frame that has LLC and no SNAP header. */
  | 'network without snap'
  /** The label before the current one of an MPLS stack. */
  | 'previous label'
  | 'transport of IPv4'
  | 'transport of IPv6';

/** IPv6 header without extension headers, RFC 8200 3. */
export const IP6_HEADER_LENGTH = 40;
const MPLS_LABEL_LENGTH = 4;

const ANY_BITS = 0xffffffff;

/** X := the variable part of the offset; nothing where it has none. */
export function loadVariablePart(state: State, offset: HeaderOffset): Statement[] {
  return offset.variable ? [new Statement(BPF_LDX | BPF_MEM, state.registerOf(offset))] : [];
}

function loadAt(state: State, header: HeaderOffset, offset: number, size: number): Statement[] {
  const statements = loadVariablePart(state, header);
  const mode = statements.length > 0 ? BPF_IND : BPF_ABS;
  statements.push(new Statement(BPF_LD | mode | size, header.constant + offset));
  return statements;
}

/** X := the length of the IPv4 header, plus the variable part of its offset: an offset to the transport header, to which
 * a load adds the constant part. */
export function loadTransportOffset(state: State): Statement[] {
  const { linkPayload, network } = state.layers;
  const statements = loadVariablePart(state, linkPayload);
  const at = linkPayload.constant + network;
  if (statements.length === 0) return [new Statement(BPF_LDX | BPF_MSH | BPF_B, at)];
  statements.push(
    new Statement(BPF_LD | BPF_IND | BPF_B, at),
    new Statement(BPF_ALU | BPF_AND | BPF_K, 0xf),
    new Statement(BPF_ALU | BPF_LSH | BPF_K, 2),
    new Statement(BPF_ALU | BPF_ADD | BPF_X),
    new Statement(BPF_MISC | BPF_TAX),
  );
  return statements;
}

/** A := `size` (BPF_B, BPF_H, BPF_W) bytes at `offset` from the base. */
export function load(state: State, base: Base, offset: number, size: number): Statement[] {
  const { linkHeader, linkTypeField, linkPayload, network, networkNoSnap } = state.layers;
  switch (base) {
    case 'packet':
      return [new Statement(BPF_LD | BPF_ABS | size, offset)];
    case 'link header':
      return loadAt(state, linkHeader, offset, size);
    case 'link type':
      return loadAt(state, linkTypeField, offset, size);
    case 'llc':
      return loadAt(state, linkPayload, offset, size);
    case 'network':
      return loadAt(state, linkPayload, network + offset, size);
    case 'network without snap':
      return loadAt(state, linkPayload, networkNoSnap + offset, size);
    case 'previous label':
      return loadAt(state, linkPayload, network - MPLS_LABEL_LENGTH + offset, size);
    case 'transport of IPv6':
      return loadAt(state, linkPayload, network + IP6_HEADER_LENGTH + offset, size);
    case 'transport of IPv4': {
      const statements = loadTransportOffset(state);
      statements.push(new Statement(BPF_LD | BPF_IND | size, linkPayload.constant + network + offset));
      return statements;
    }
  }
}

function compare(
  state: State,
  base: Base,
  offset: number,
  size: number,
  mask: number,
  jump: number,
  value: number,
): Condition {
  const statements = load(state, base, offset, size);
  if (mask >>> 0 !== ANY_BITS) statements.push(new Statement(BPF_ALU | BPF_AND | BPF_K, mask));
  return test(jump, value, statements);
}

export const equal = (state: State, base: Base, offset: number, size: number, value: number): Condition =>
  compare(state, base, offset, size, ANY_BITS, BPF_JEQ, value);

/** True where the bits of `mask` are those of `value`. */
export const equalMasked = (
  state: State,
  base: Base,
  offset: number,
  size: number,
  value: number,
  mask: number,
): Condition => compare(state, base, offset, size, mask, BPF_JEQ, value);

export const greater = (state: State, base: Base, offset: number, size: number, value: number): Condition =>
  compare(state, base, offset, size, ANY_BITS, BPF_JGT, value);

export const atLeast = (state: State, base: Base, offset: number, size: number, value: number): Condition =>
  compare(state, base, offset, size, ANY_BITS, BPF_JGE, value);

export const atMost = (state: State, base: Base, offset: number, size: number, value: number): Condition =>
  not(greater(state, base, offset, size, value));

export const less = (state: State, base: Base, offset: number, size: number, value: number): Condition =>
  not(atLeast(state, base, offset, size, value));

/** True where any bit of `mask` is set. */
export const anyBit = (state: State, base: Base, offset: number, size: number, mask: number): Condition =>
  compare(state, base, offset, size, ANY_BITS, BPF_JSET, mask);

/** True where these bytes are there: words from the end, and what remains in front of them. */
export function equalBytes(state: State, base: Base, offset: number, bytes: ArrayLike<number>): Condition {
  let condition: Condition | null = null;
  let rest = bytes.length;
  while (rest > 0) {
    const [length, size] = rest >= 4 ? [4, BPF_W] : rest >= 2 ? [2, BPF_H] : [1, BPF_B];
    rest -= length;
    let value = 0;
    for (let at = rest; at < rest + length; at++) value = ((value << 8) | bytes[at]!) >>> 0;
    const part = equal(state, base, offset + rest, size, value);
    condition = condition === null ? part : and(condition, part);
  }
  return condition!;
}

const constant = (value: boolean): Condition => test(BPF_JEQ, 0, [new Statement(BPF_LD | BPF_IMM, value ? 0 : 1)]);

/** True for every packet; a block of its own, which the optimizer removes. */
export const always = (): Condition => constant(true);
export const never = (): Condition => constant(false);
