/** Primitives that test addresses: host, net, ether, decnet. */

import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import type { Direction, IdType, Qualifiers } from '../ast.ts';
import type { Protocol } from '../keywords.ts';
import { BPF_B, BPF_H, BPF_JEQ, BPF_LD, BPF_LDX, BPF_MEM, BPF_W, BPF_X } from '../opcodes.ts';
import { and, any, type Condition, not, or, Statement, test } from './block.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_DN,
  ETHERTYPE_IP,
  ETHERTYPE_IPV6,
  ETHERTYPE_REVARP,
  linkTypeIs,
} from './link-type-test.ts';
import { is80211, LINKTYPE_FDDI, LINKTYPE_IEEE802_5 } from './link-types.ts';
import { equal, equalBytes, equalMasked } from './load.ts';
import type { State } from './state.ts';
import { wlanAddress } from './wlan.ts';

/** Offsets of the two addresses: in IPv4 (RFC 791), in ARP for IPv4 over 6-byte hardware addresses (RFC 826), in IPv6
 * (RFC 8200). */
const IP_ADDRESSES = { src: 12, dst: 16 };
const ARP_ADDRESSES = { src: 14, dst: 24 };
const IP6_ADDRESSES = { src: 8, dst: 24 };
const WORDS_OF_IP6 = 4;

type Offsets = { readonly src: number; readonly dst: number };

/** Joins the tests of a source and a destination as the direction says; `src or dst` where none is given. */
export function bothDirections(
  state: State,
  direction: Direction | null,
  what: string,
  at: (side: 'src' | 'dst') => Condition,
): Condition {
  switch (direction) {
    case 'src':
    case 'dst':
      return at(direction);
    case 'src and dst':
      return and(at('src'), at('dst'));
    case 'src or dst':
    case null:
      return or(at('src'), at('dst'));
    default:
      throw state.error('QUALIFIER', `${direction} is a qualifier of 802.11 addresses, not of ${what}`, [
        'src',
        'dst',
        'src or dst',
        'src and dst',
      ]);
  }
}

const ip4 = (
  state: State,
  address: number,
  mask: number,
  direction: Direction | null,
  etherType: number,
  offsets: Offsets,
): Condition =>
  bothDirections(state, direction, 'IPv4 addresses', (side) =>
    and(linkTypeIs(state, etherType), equalMasked(state, 'network', offsets[side], BPF_W, address, mask)),
  );

const notFor = (state: State, protocol: Protocol, what: string) =>
  state.error('QUALIFIER', `${protocol} is no qualifier of ${what}`, ['ip', 'ip6', 'arp', 'rarp']);

/** `address` and `mask` of IPv4 in host order. */
export function ip4Host(
  state: State,
  address: number,
  mask: number,
  { protocol, direction, type }: Qualifiers,
): Condition {
  switch (protocol) {
    case null: {
      const ip = ip4(state, address, mask, direction, ETHERTYPE_IP, IP_ADDRESSES);
      // Behind MPLS there is no EtherType that could say ARP.
      if (state.layers.mplsDepth > 0) return ip;
      const arp = ip4(state, address, mask, direction, ETHERTYPE_ARP, ARP_ADDRESSES);
      return any(ip, arp, ip4(state, address, mask, direction, ETHERTYPE_REVARP, ARP_ADDRESSES));
    }
    case 'ip':
      return ip4(state, address, mask, direction, ETHERTYPE_IP, IP_ADDRESSES);
    case 'arp':
      return ip4(state, address, mask, direction, ETHERTYPE_ARP, ARP_ADDRESSES);
    case 'rarp':
      return ip4(state, address, mask, direction, ETHERTYPE_REVARP, ARP_ADDRESSES);
    case 'decnet':
      return decnetHost(state, address, direction);
    default:
      throw notFor(state, protocol, type === 'net' ? 'an IPv4 network' : 'an IPv4 address');
  }
}

/** `address` and `mask` of IPv6: four words each. */
export function ip6Host(
  state: State,
  address: readonly number[],
  mask: readonly number[],
  { protocol, direction, type }: Qualifiers,
): Condition {
  if (protocol !== null && protocol !== 'ip6')
    throw state.error('QUALIFIER', `${protocol} is no qualifier of an IPv6 ${type === 'net' ? 'network' : 'address'}`, [
      'ip6',
    ]);
  return bothDirections(state, direction, 'IPv6 addresses', (side) => {
    // Made from the last word to the link type, which numbers the registers of variable offsets as libpcap does.
    let condition: Condition | null = null;
    for (let word = WORDS_OF_IP6 - 1; word >= 0; word--) {
      const at = IP6_ADDRESSES[side] + 4 * word;
      const part = equalMasked(state, 'network', at, BPF_W, address[word]!, mask[word]!);
      condition = condition === null ? part : and(part, condition);
    }
    return and(linkTypeIs(state, ETHERTYPE_IPV6), condition!);
  });
}

/** DECnet phase IV: a flags octet behind two of length; the address, in little-endian order, is where the form of the
 * header (short or long, with an octet of padding or without) puts it. */
function decnetHost(state: State, address: number, direction: Direction | null): Condition {
  const FLAGS = 2;
  const SHORT = { src: 5, dst: 3 };
  const LONG = { src: 17, dst: 9 };
  const SHORT_FORM = 0x02;
  const LONG_FORM = 0x06;
  const FORM_MASK = 0x07;
  // One octet of padding (0x81) before the flags; read as two octets with them.
  const PADDING = 0x8100;
  const PADDING_MASK = 0xff00;
  const swapped = ((address & 0xff) << 8) | ((address >> 8) & 0xff);
  return bothDirections(state, direction, 'DECnet addresses', (side) => {
    const plain = (form: number, at: number): Condition =>
      and(equalMasked(state, 'network', FLAGS, BPF_B, form, FORM_MASK), equal(state, 'network', at, BPF_H, swapped));
    const padded = (form: number, at: number): Condition =>
      and(
        equalMasked(state, 'network', FLAGS, BPF_H, PADDING | form, PADDING_MASK | FORM_MASK),
        equal(state, 'network', at + 1, BPF_H, swapped),
      );
    return and(
      linkTypeIs(state, ETHERTYPE_DN),
      any(
        plain(SHORT_FORM, SHORT[side]),
        padded(SHORT_FORM, SHORT[side]),
        plain(LONG_FORM, LONG[side]),
        padded(LONG_FORM, LONG[side]),
      ),
    );
  });
}

/** Where the two addresses are in a link-layer header. */
const ETHER_ADDRESSES: ReadonlyMap<number, Offsets> = new Map([
  [LINKTYPE_ETHERNET, { src: 6, dst: 0 }],
  [LINKTYPE_FDDI, { src: 7, dst: 1 }],
  [LINKTYPE_IEEE802_5, { src: 8, dst: 2 }],
]);

/** Offset of the destination address; null where the link type has no such addresses. */
export const destinationOffset = (linkType: number): number | null => ETHER_ADDRESSES.get(linkType)?.dst ?? null;

/** Inside Geneve there may be an Ethernet header or none: there is one where the payload does not begin where the link
 * header does. */
export function guardLinkHeader(state: State, condition: Condition): Condition {
  if (!state.layers.geneve) return condition;
  const { linkPayload, linkHeader } = state.layers;
  const same = test(BPF_JEQ | BPF_X, 0, [
    new Statement(BPF_LD | BPF_MEM, state.registerOf(linkHeader)),
    new Statement(BPF_LDX | BPF_MEM, state.registerOf(linkPayload)),
  ]);
  return and(not(same), condition);
}

/** Link-layer address of six bytes. */
export function etherHost(state: State, address: ArrayLike<number>, direction: Direction | null): Condition {
  const { linkType } = state.layers;
  if (is80211(linkType)) return wlanAddress(state, address, direction);
  const offsets = ETHER_ADDRESSES.get(linkType);
  if (offsets === undefined)
    throw state.error(
      'LINK_TYPE',
      'this link type has no Ethernet addresses (Ethernet, FDDI, Token Ring and 802.11 have)',
    );
  const condition = bothDirections(state, direction, 'addresses of this link type', (side) =>
    equalBytes(state, 'link header', offsets[side], address),
  );
  return linkType === LINKTYPE_ETHERNET ? guardLinkHeader(state, condition) : condition;
}

/** A type of id that no address has. */
export const isAddressType = (type: IdType | null): boolean => type === null || type === 'host' || type === 'net';
