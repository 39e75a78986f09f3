/** The primitives that are neither an address, a port, a protocol nor a header inside another. */

import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2 } from '../../wire/linktype.ts';
import type { ByteOperator } from '../ast.ts';
import type { Protocol } from '../keywords.ts';
import {
  BPF_ALU,
  BPF_AND,
  BPF_B,
  BPF_H,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_K,
  BPF_LD,
  BPF_LEN,
  BPF_OR,
  BPF_W,
  SKF_AD_IFINDEX,
  SKF_AD_OFF,
  SKF_AD_PKTTYPE,
} from '../opcodes.ts';
import { destinationOffset, etherHost, guardLinkHeader } from './address.ts';
import { relation } from './arithmetic.ts';
import { and, type Condition, not, or, Statement, test } from './block.ts';
import { ETHERTYPE_IP, ETHERTYPE_IPV6, linkTypeIs } from './link-type-test.ts';
import { is80211, LINKTYPE_SLIP, linkTypeName } from './link-types.ts';
import { anyBit, atLeast, equal, equalMasked, greater, less, load } from './load.ts';
import type { State } from './state.ts';
import { wlanMulticast } from './wlan.ts';

const IP_DESTINATION = 16;
const IP6_DESTINATION = 24;
const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** First octet of the multicast addresses of IPv4 (RFC 1112: 224 and above) and IPv6 (RFC 4291 2.7). */
const IP_MULTICAST = 224;
const IP6_MULTICAST = 255;
/** Lowest bit of the first octet of an Ethernet address: a group. */
const GROUP_BIT = 0x01;

const noGroupAddresses = (state: State, what: string) =>
  state.error('LINK_TYPE', `${linkTypeName(state.layers.linkType)} has no ${what} address`);

export function broadcast(state: State, protocol: Protocol | null): Condition {
  switch (protocol) {
    case null:
    case 'link':
      if (destinationOffset(state.layers.linkType) === null && !is80211(state.layers.linkType))
        throw noGroupAddresses(state, 'broadcast');
      return etherHost(state, BROADCAST, 'dst');
    case 'ip': {
      const { netmask } = state.options;
      if (netmask === null)
        throw state.error('UNSUPPORTED', "'ip broadcast' needs the mask of the network, which is not known");
      const hosts = ~netmask >>> 0;
      return and(
        linkTypeIs(state, ETHERTYPE_IP),
        or(
          equalMasked(state, 'network', IP_DESTINATION, BPF_W, 0, hosts),
          equalMasked(state, 'network', IP_DESTINATION, BPF_W, hosts, hosts),
        ),
      );
    }
    default:
      throw state.error('QUALIFIER', `${protocol} has no broadcast address`, ['ether', 'ip']);
  }
}

export function multicast(state: State, protocol: Protocol | null): Condition {
  switch (protocol) {
    case null:
    case 'link': {
      const { linkType } = state.layers;
      if (is80211(linkType)) return wlanMulticast(state);
      const destination = destinationOffset(linkType);
      if (destination === null) throw noGroupAddresses(state, 'multicast');
      const group = anyBit(state, 'link header', destination, BPF_B, GROUP_BIT);
      return linkType === LINKTYPE_ETHERNET ? guardLinkHeader(state, group) : group;
    }
    case 'ip':
      return and(linkTypeIs(state, ETHERTYPE_IP), atLeast(state, 'network', IP_DESTINATION, BPF_B, IP_MULTICAST));
    case 'ip6':
      return and(linkTypeIs(state, ETHERTYPE_IPV6), equal(state, 'network', IP6_DESTINATION, BPF_B, IP6_MULTICAST));
    default:
      throw state.error('QUALIFIER', `${protocol} has no multicast addresses of its own`, ['ether', 'ip', 'ip6']);
  }
}

/** `less n` is len <= n, `greater n` is len >= n. */
export const lengthIs = (relation: 'less' | 'greater', length: number): Condition => {
  const statements = [new Statement(BPF_LD | BPF_LEN)];
  return relation === 'greater' ? test(BPF_JGE, length, statements) : not(test(BPF_JGT, length, statements));
};

/** `byte index operator value`: compares a byte of the link layer, or tests whether it has bits in common. */
export function byteTest(state: State, index: number, operator: ByteOperator, value: number): Condition {
  switch (operator) {
    case '=':
      return equal(state, 'link header', index, BPF_B, value);
    case '<':
      return less(state, 'link header', index, BPF_B, value);
    case '>':
      return greater(state, 'link header', index, BPF_B, value);
    default: {
      // libpcap leaves the load out, so it tests what happens to be in A; strict mode tests the byte.
      const statements = state.options.strict ? load(state, 'link header', index, BPF_B) : [];
      statements.push(new Statement(BPF_ALU | (operator === '&' ? BPF_AND : BPF_OR) | BPF_K, value));
      return not(test(BPF_JEQ, 0, statements));
    }
  }
}

/** Packet type in the headers of Linux's cooked captures, and in the metadata of a packet socket.
 * Source: linux/if_packet.h, PACKET_OUTGOING. */
const PACKET_OUTGOING = 4;
const SLL_PACKET_TYPE = 0;
const SLL2_INTERFACE = 4;
const SLL2_PACKET_TYPE = 10;

export function direction(state: State, way: 'inbound' | 'outbound'): Condition {
  let outgoing: Condition;
  switch (state.layers.linkType) {
    case LINKTYPE_LINUX_SLL:
      outgoing = equal(state, 'link header', SLL_PACKET_TYPE, BPF_H, PACKET_OUTGOING);
      break;
    case LINKTYPE_LINUX_SLL2:
      outgoing = equal(state, 'link header', SLL2_PACKET_TYPE, BPF_B, PACKET_OUTGOING);
      break;
    case LINKTYPE_SLIP: {
      // The first byte of a captured SLIP packet is 0 for inbound, 1 for outbound.
      const here = state.span;
      const zero = { ...here, kind: 'constant', value: 0 } as const;
      const first = { ...here, kind: 'load', protocol: 'link', index: zero, size: 1 } as const;
      return relation(state, way === 'inbound' ? '=' : '!=', first, zero);
    }
    default:
      requireLive(state, way);
      outgoing = equal(state, metadata(state), SKF_AD_OFF + SKF_AD_PKTTYPE, BPF_H, PACKET_OUTGOING);
  }
  return way === 'outbound' ? outgoing : not(outgoing);
}

export function interfaceIndex(state: State, index: number): Condition {
  if (state.layers.linkType === LINKTYPE_LINUX_SLL2) return equal(state, 'link header', SLL2_INTERFACE, BPF_W, index);
  requireLive(state, 'ifindex');
  return equal(state, metadata(state), SKF_AD_OFF + SKF_AD_IFINDEX, BPF_W, index);
}

/** What the offsets of metadata count from. libpcap counts them from the link header, which pppoes and geneve move. */
const metadata = (state: State): 'packet' | 'link header' => (state.options.strict ? 'packet' : 'link header');

function requireLive(state: State, word: string): void {
  if (state.options.savefile)
    throw state.error('LINK_TYPE', `${word} cannot be tested in a savefile of ${linkTypeName(state.layers.linkType)}`);
}
