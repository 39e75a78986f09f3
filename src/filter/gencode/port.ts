/** port and portrange: TCP, UDP and SCTP over IPv4 and IPv6. */

import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipproto.ts';
import type { Direction } from '../ast.ts';
import { BPF_B, BPF_H } from '../opcodes.ts';
import { bothDirections } from './address.ts';
import { all, and, any, type Condition, not, or } from './block.ts';
import { ETHERTYPE_IP, ETHERTYPE_IPV6, linkTypeIs } from './link-type-test.ts';
import { anyBit, atLeast, atMost, equal } from './load.ts';
import type { State } from './state.ts';

const IP_PROTOCOL = 9;
const IP_FRAGMENT = 6;
const IP_FRAGMENT_OFFSET = 0x1fff;
const IP6_NEXT_HEADER = 6;
const SIDES = { src: 0, dst: 2 };

/** The protocol of ports that a name or qualifier gives; null: any of TCP, UDP and SCTP. */
export type PortProtocol = typeof IPPROTO_TCP | typeof IPPROTO_UDP | typeof IPPROTO_SCTP | null;

/** Not a fragment other than the first: the transport header is there. */
export const firstFragment = (state: State): Condition =>
  not(anyBit(state, 'network', IP_FRAGMENT, BPF_H, IP_FRAGMENT_OFFSET));

type Transport = 'transport of IPv4' | 'transport of IPv6';
type PortTest = (base: Transport, offset: number) => Condition;

function ported(
  state: State,
  version: 4 | 6,
  protocol: PortProtocol,
  direction: Direction | null,
  port: PortTest,
): Condition {
  const base = version === 4 ? 'transport of IPv4' : 'transport of IPv6';
  const over = (number: number): Condition => {
    const sides = (): Condition => bothDirections(state, direction, 'ports', (side) => port(base, SIDES[side]));
    if (version === 6) return and(equal(state, 'network', IP6_NEXT_HEADER, BPF_B, number), sides());
    return all(equal(state, 'network', IP_PROTOCOL, BPF_B, number), firstFragment(state), sides());
  };
  const version4or6 = linkTypeIs(state, version === 4 ? ETHERTYPE_IP : ETHERTYPE_IPV6);
  return and(
    version4or6,
    protocol === null ? any(over(IPPROTO_SCTP), over(IPPROTO_TCP), over(IPPROTO_UDP)) : over(protocol),
  );
}

const ofVersion = (state: State, version: 4 | 6, port: number, protocol: PortProtocol, direction: Direction | null) =>
  ported(state, version, protocol, direction, (base, offset) => equal(state, base, offset, BPF_H, port));

export const port4 = (state: State, port: number, protocol: PortProtocol, direction: Direction | null): Condition =>
  ofVersion(state, 4, port, protocol, direction);
export const port6 = (state: State, port: number, protocol: PortProtocol, direction: Direction | null): Condition =>
  ofVersion(state, 6, port, protocol, direction);

export const portOf = (state: State, port: number, protocol: PortProtocol, direction: Direction | null): Condition =>
  or(port6(state, port, protocol, direction), port4(state, port, protocol, direction));

/** Ports from `first` to `last`, in whichever order they are given. */
export function portRange(
  state: State,
  first: number,
  last: number,
  protocol: PortProtocol,
  direction: Direction | null,
): Condition {
  const low = Math.min(first, last);
  const high = Math.max(first, last);
  const between: PortTest = (base, offset) =>
    and(atLeast(state, base, offset, BPF_H, low), atMost(state, base, offset, BPF_H, high));
  return or(ported(state, 6, protocol, direction, between), ported(state, 4, protocol, direction, between));
}
