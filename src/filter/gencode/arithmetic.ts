/** Arithmetic on fields and constants. Every value gets a scratch register; the optimizer removes most of them. */

import { IPPROTO_ICMPV6 } from '../../wire/ipproto.ts';
import { LINKTYPE_IEEE802_11_RADIOTAP } from '../../wire/linktype.ts';
import type { Arithmetic, ArithmeticOperator, Relation } from '../ast.ts';
import type { Protocol } from '../keywords.ts';
import {
  BPF_ADD,
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_DIV,
  BPF_H,
  BPF_IMM,
  BPF_IND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
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
  BPF_W,
  BPF_X,
  BPF_XOR,
} from '../opcodes.ts';
import { all, and, type Condition, not, or, Statement, test } from './block.ts';
import { LINKTYPE_IEEE802_11_AVS, LINKTYPE_IEEE802_11_PRISM } from './link-types.ts';
import { equal, IP6_HEADER_LENGTH, load, loadTransportOffset, loadVariablePart } from './load.ts';
import { firstFragment } from './port.ts';
import { IP_PROTOCOLS, protocolAlone } from './protocol.ts';
import type { HeaderOffset, State } from './state.ts';

/** Code that leaves a value in a register, and the test that a packet has the fields at all. */
interface Value {
  readonly statements: Statement[];
  readonly register: number;
  readonly check: Condition | null;
}

const OPERATIONS: Readonly<Record<ArithmeticOperator, number>> = {
  '+': BPF_ADD,
  '-': BPF_SUB,
  '*': BPF_MUL,
  '/': BPF_DIV,
  '%': BPF_MOD,
  '&': BPF_AND,
  '|': BPF_OR,
  '^': BPF_XOR,
  '<<': BPF_LSH,
  '>>': BPF_RSH,
};

const RELATIONS: Readonly<Record<Relation, readonly [jump: number, reversed: boolean]>> = {
  '>': [BPF_JGT, false],
  '>=': [BPF_JGE, false],
  '=': [BPF_JEQ, false],
  '<=': [BPF_JGT, true],
  '<': [BPF_JGE, true],
  '!=': [BPF_JEQ, true],
};

const SIZES: ReadonlyMap<number, number> = new Map([
  [1, BPF_B],
  [2, BPF_H],
  [4, BPF_W],
]);

const toX = (value: Value): Statement => new Statement(BPF_LDX | BPF_MEM, value.register);
const toA = (value: Value): Statement => new Statement(BPF_LD | BPF_MEM, value.register);

const bothChecks = (first: Condition | null, second: Condition | null): Condition | null =>
  first === null ? second : second === null ? first : and(first, second);

export function relation(state: State, operator: Relation, left: Arithmetic, right: Arithmetic): Condition {
  const a = value(state, left);
  const b = value(state, right);
  const [jump, reversed] = RELATIONS[operator];
  const { statements } = a;
  append(statements, b.statements);
  statements.push(toX(b), toA(a));
  let condition: Condition;
  if (jump === BPF_JEQ) {
    statements.push(new Statement(BPF_ALU | BPF_SUB | BPF_X));
    condition = test(jump, 0, statements);
  } else condition = test(jump | BPF_X, 0, statements);
  if (reversed) condition = not(condition);
  state.freeRegister(a.register);
  state.freeRegister(b.register);
  const check = bothChecks(a.check, b.check);
  return check === null ? condition : and(check, condition);
}

function append(to: Statement[], from: readonly Statement[]): void {
  for (const statement of from) to.push(statement);
}

function store(state: State, statements: Statement[], check: Condition | null): Value {
  const register = state.allocateRegister();
  statements.push(new Statement(BPF_ST, register));
  return { statements, register, check };
}

function value(state: State, node: Arithmetic): Value {
  // A chain of operators is a tree that is deep on the left: it is walked without recursion.
  const chain: (Arithmetic & { kind: 'binary' })[] = [];
  while (node.kind === 'binary') {
    chain.push(node);
    node = node.left;
  }
  let result = leaf(state, node);
  while (chain.length > 0) result = binary(state, result, chain.pop()!);
  return result;
}

function leaf(state: State, node: Exclude<Arithmetic, { kind: 'binary' }>): Value {
  switch (node.kind) {
    case 'constant':
      return store(state, [new Statement(BPF_LD | BPF_IMM, node.value)], null);
    case 'length':
      return store(state, [new Statement(BPF_LD | BPF_LEN)], null);
    case 'negate': {
      let count = 0;
      let inner: Arithmetic = node;
      for (; inner.kind === 'negate'; inner = inner.operand) count++;
      const operand = value(state, inner);
      for (; count > 0; count--)
        operand.statements.push(
          toA(operand),
          new Statement(BPF_ALU | BPF_NEG),
          new Statement(BPF_ST, operand.register),
        );
      return operand;
    }
    case 'load':
      return field(state, node);
  }
}

function binary(state: State, left: Value, { operator, right: rightNode }: Arithmetic & { kind: 'binary' }): Value {
  const right = value(state, rightNode);
  checkConstantOperand(state, operator, right, rightNode);
  const { statements } = left;
  append(statements, right.statements);
  statements.push(toX(right), toA(left), new Statement(BPF_ALU | BPF_X | OPERATIONS[operator]));
  state.freeRegister(left.register);
  state.freeRegister(right.register);
  // Only the left operand's check stays, as in libpcap: `ip[0] + tcp[0]` does not test for TCP.
  const check = state.options.strict ? bothChecks(left.check, right.check) : left.check;
  return store(state, statements, check);
}

/** Division by a constant 0 and shifts by more than 31 are refused, optimized or not. */
function checkConstantOperand(state: State, operator: ArithmeticOperator, right: Value, node: Arithmetic): void {
  const [first] = right.statements;
  if (first!.code !== (BPF_LD | BPF_IMM)) return;
  if (first!.k === 0 && (operator === '/' || operator === '%'))
    throw state.error(
      'ARITHMETIC',
      operator === '/' ? 'division by zero' : 'remainder of a division by zero',
      [],
      node,
    );
  if (first!.k > 31 && (operator === '<<' || operator === '>>'))
    throw state.error('ARITHMETIC', 'a shift by more than 31 bits', [], node);
}

/** `protocol[index:size]`. The packet is read only where it has the protocol. */
function field(state: State, node: Arithmetic & { kind: 'load' }): Value {
  const { protocol } = node;
  const index = value(state, node.index);
  const register = state.allocateRegister();
  state.freeRegister(index.register);
  const size = SIZES.get(node.size)!;
  const { statements } = index;
  const read = (header: HeaderOffset, more: number): void => {
    const variable = loadVariablePart(state, header);
    if (variable.length === 0) statements.push(toX(index));
    else {
      append(statements, variable);
      statements.push(toA(index), new Statement(BPF_ALU | BPF_ADD | BPF_X), new Statement(BPF_MISC | BPF_TAX));
    }
    statements.push(new Statement(BPF_LD | BPF_IND | size, header.constant + more));
  };
  let { check } = index;
  const { layers } = state;
  switch (protocol) {
    case 'radio':
      if (!WITH_RADIO_HEADER.has(layers.linkType))
        throw state.error(
          'LINK_TYPE',
          'only 802.11 with a radio header (radiotap, AVS, Prism) has fields of radio',
          [],
          node,
        );
      statements.push(toX(index), new Statement(BPF_LD | BPF_IND | size, 0));
      break;
    case 'link':
      read(layers.linkHeader, 0);
      break;
    case 'ip':
    case 'arp':
    case 'rarp':
    case 'atalk':
    case 'decnet':
    case 'lat':
    case 'sca':
    case 'moprc':
    case 'mopdl':
    case 'ip6':
      read(layers.linkPayload, layers.network);
      check = bothChecks(check, protocolAlone(state, protocol));
      break;
    case 'sctp':
    case 'tcp':
    case 'udp':
    case 'icmp':
    case 'igmp':
    case 'igrp':
    case 'pim':
    case 'vrrp':
    case 'carp': {
      const bothVersions = state.options.strict && OVER_BOTH.has(protocol);
      append(statements, bothVersions ? loadTransportOffset46(state) : loadTransportOffset(state));
      statements.push(
        toA(index),
        new Statement(BPF_ALU | BPF_ADD | BPF_X),
        new Statement(BPF_MISC | BPF_TAX),
        new Statement(BPF_LD | BPF_IND | size, layers.linkPayload.constant + layers.network),
      );
      check = bothVersions
        ? bothChecks(check, transport46(state, protocol))
        : and(
            protocolAlone(state, 'ip'),
            bothChecks(check, and(protocolAlone(state, protocol), firstFragment(state)))!,
          );
      break;
    }
    case 'icmp6': {
      check = bothChecks(check, protocolAlone(state, 'ip6'));
      check = bothChecks(check, equal(state, 'network', IP6_NEXT_HEADER, BPF_B, IPPROTO_ICMPV6));
      read(layers.linkPayload, layers.network + IP6_HEADER_LENGTH);
      break;
    }
    default:
      throw state.error('UNSUPPORTED', `fields of ${protocol} cannot be read`, INDEXABLE, node);
  }
  statements.push(new Statement(BPF_ST, register));
  return { statements, register, check };
}

const IP6_NEXT_HEADER = 6;
/** Transport protocols over both versions of IP: strict mode reads their fields over both. */
const OVER_BOTH: ReadonlySet<Protocol> = new Set(['sctp', 'tcp', 'udp', 'pim']);

/** The protocol over IPv4, in a first fragment; or right behind the IPv6 header. */
const transport46 = (state: State, protocol: Protocol): Condition =>
  or(
    all(protocolAlone(state, 'ip'), ipProtocol(state, 9, protocol), firstFragment(state)),
    and(protocolAlone(state, 'ip6'), ipProtocol(state, IP6_NEXT_HEADER, protocol)),
  );

const ipProtocol = (state: State, at: number, protocol: Protocol): Condition =>
  equal(state, 'network', at, BPF_B, IP_PROTOCOLS[protocol]![0]);

/** X := the length of the IP header of either version, plus the variable part of its offset; without a jump, so that the
 * optimizer can follow. The lowest bit of the version's upper half tells 6 (0110) from 4 (0100). */
function loadTransportOffset46(state: State): Statement[] {
  const version = state.allocateRegister();
  const variable = loadVariablePart(state, state.layers.linkPayload);
  const first = (): Statement[] => load(state, 'network', 0, BPF_B);
  const statements = [
    ...first(),
    new Statement(BPF_ALU | BPF_RSH | BPF_K, 5),
    new Statement(BPF_ALU | BPF_AND | BPF_K, 1),
    new Statement(BPF_ST, version),
    // All ones for IPv4, none for IPv6.
    new Statement(BPF_ALU | BPF_SUB | BPF_K, 1),
    new Statement(BPF_MISC | BPF_TAX),
  ];
  const mask = state.allocateRegister();
  statements.push(
    new Statement(BPF_STX, mask),
    ...first(),
    new Statement(BPF_ALU | BPF_AND | BPF_K, 0xf),
    new Statement(BPF_ALU | BPF_LSH | BPF_K, 2),
    new Statement(BPF_LDX | BPF_MEM, mask),
    new Statement(BPF_ALU | BPF_AND | BPF_X),
    new Statement(BPF_ST, mask),
    new Statement(BPF_LD | BPF_MEM, version),
    new Statement(BPF_ALU | BPF_MUL | BPF_K, IP6_HEADER_LENGTH),
    new Statement(BPF_LDX | BPF_MEM, mask),
    new Statement(BPF_ALU | BPF_ADD | BPF_X),
  );
  if (variable.length > 0) statements.push(...variable, new Statement(BPF_ALU | BPF_ADD | BPF_X));
  statements.push(new Statement(BPF_MISC | BPF_TAX));
  state.freeRegister(version);
  state.freeRegister(mask);
  return statements;
}

const WITH_RADIO_HEADER = new Set([LINKTYPE_IEEE802_11_RADIOTAP, LINKTYPE_IEEE802_11_AVS, LINKTYPE_IEEE802_11_PRISM]);
const INDEXABLE: readonly Protocol[] = ['link', 'ip', 'ip6', 'arp', 'rarp', 'tcp', 'udp', 'icmp', 'icmp6', 'sctp'];
