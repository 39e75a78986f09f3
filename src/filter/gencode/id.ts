/** Ids with their qualifiers: what an address, a number or a name means there. */

import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipproto.ts';
import type { Id, Qualifiers } from '../ast.ts';
import type { Protocol } from '../keywords.ts';
import { LINK_PROTOCOL_NAMES, parseInt32, parseServiceNumber } from '../names.ts';
import { etherHost, ip4Host, ip6Host, isAddressType } from './address.ts';
import { type Condition, or } from './block.ts';
import { type PortProtocol, portOf, portRange } from './port.ts';
import { ISO_PROTOCOLS, protocolChain, protocolNumber } from './protocol.ts';
import { NOT_SET, type State } from './state.ts';
import { macOf, parseDecnet, parseDotted, parseIp6, prefixMask6 } from './text-address.ts';

const ALL_ONES = 0xffffffff;
const MAX_PORT = 65535;
const PORT_PROTOCOLS: Partial<Record<Protocol, NonNullable<PortProtocol>>> = {
  tcp: IPPROTO_TCP,
  udp: IPPROTO_UDP,
  sctp: IPPROTO_SCTP,
};
const PORT_PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [IPPROTO_TCP, 'tcp'],
  [IPPROTO_UDP, 'udp'],
  [IPPROTO_SCTP, 'sctp'],
]);

export function idCondition(state: State, id: Id, qualifiers: Qualifiers): Condition {
  switch (id.kind) {
    case 'number':
      return number(state, id.value, null, qualifiers);
    case 'dotted':
      return dotted(state, id.text, qualifiers);
    case 'prefix':
      return id.version === 4
        ? prefix4(state, id.text, id.bits, qualifiers)
        : prefix6(state, id.text, id.bits, qualifiers);
    case 'masked':
      return masked(state, id.text, id.mask, qualifiers);
    case 'ip6':
      return prefix6(state, id.text, 128, qualifiers);
    case 'ether':
      if (qualifiers.protocol !== 'link' || (qualifiers.type !== null && qualifiers.type !== 'host'))
        throw state.error('QUALIFIER', 'an Ethernet address needs ether (or wlan …) before it, with host, src or dst', [
          'ether host',
          'ether src',
          'ether dst',
        ]);
      return etherHost(state, macOf(id.text), qualifiers.direction);
    case 'arcnet':
      throw state.error('LINK_TYPE', 'only ARCnet has addresses of this form');
    case 'name':
      return name(state, id.name, qualifiers);
  }
}

const noAddress = (state: State, { type }: Qualifiers) =>
  state.error('QUALIFIER', `${type} does not go with an address`, ['host', 'net']);

/** A number alone, or (`address` given) the number that a dotted address is, with the bits that its parts are. */
function number(
  state: State,
  value: number,
  address: { readonly bits: number } | null,
  qualifiers: Qualifiers,
): Condition {
  const { type, protocol, direction } = qualifiers;
  switch (type) {
    case null:
    case 'host':
    case 'net': {
      if (protocol === 'decnet') return ip4Host(state, value, ALL_ONES, qualifiers);
      if (protocol === 'link')
        throw state.error('QUALIFIER', 'this is no Ethernet address', ['six groups of hexadecimal digits']);
      if (address !== null) {
        const shift = 32 - address.bits;
        return ip4Host(state, (value << shift) >>> 0, (ALL_ONES << shift) >>> 0, qualifiers);
      }
      if (type !== 'net') return ip4Host(state, value, ALL_ONES, qualifiers);
      const [network, mask] = promote(value);
      return ip4Host(state, network, mask, qualifiers);
    }
    case 'port':
      return portOf(state, port(state, value), portProtocol(state, protocol, 'port'), direction);
    case 'portrange':
      return portRange(state, port(state, value), value, portProtocol(state, protocol, 'portrange'), direction);
    case 'gateway':
      throw gateway(state);
    case 'proto':
      return protocolNumber(state, value, protocol);
    case 'protochain':
      return protocolChain(state, value, protocol);
  }
}

/** `net 10` is 10.0.0.0/8: a network number is moved up until its first octet is not 0. */
function promote(network: number): [network: number, mask: number] {
  let mask = ALL_ONES;
  while (network !== 0 && network >>> 24 === 0) {
    network = (network << 8) >>> 0;
    mask = (mask << 8) >>> 0;
  }
  return [network, mask];
}

function port(state: State, value: number): number {
  if (value < 0 || value > MAX_PORT)
    throw state.error('NUMBER', `a port is a number from 0 to ${MAX_PORT}, not ${value}`);
  return value;
}

function portProtocol(state: State, protocol: Protocol | null, word: string): PortProtocol {
  if (protocol === null) return null;
  const known = PORT_PROTOCOLS[protocol];
  if (known === undefined) throw state.error('QUALIFIER', `${protocol} has no ${word}`, ['tcp', 'udp', 'sctp']);
  return known;
}

const gateway = (state: State) =>
  state.error(
    'UNSUPPORTED',
    "'gateway' is not supported (nor is it by libpcap with IPv6); write: ether host ADDRESS and not host ADDRESS",
  );

function dotted(state: State, text: string, qualifiers: Qualifiers): Condition {
  if (!isAddressType(qualifiers.type) && qualifiers.type !== 'gateway') throw noAddress(state, qualifiers);
  if (qualifiers.protocol === 'decnet') {
    const value = parseDecnet(text);
    if (value === null) throw state.error('ADDRESS', `'${text}' is no DECnet address`, ['AREA.NODE']);
    return number(state, value, { bits: 32 }, qualifiers);
  }
  const { value, bits } = network(state, text);
  return number(state, value, { bits }, qualifiers);
}

function network(state: State, text: string): { value: number; bits: number } {
  const parsed = parseDotted(text);
  if (parsed === null)
    throw state.error('ADDRESS', `'${text}' is no IPv4 address or network`, ['numbers up to 255 with dots between']);
  return parsed;
}

const topAligned = ({ value, bits }: { value: number; bits: number }): number => (value << (32 - bits)) >>> 0;

function prefix4(state: State, text: string, bits: number, qualifiers: Qualifiers): Condition {
  const address = topAligned(network(state, text));
  if (bits > 32) throw state.error('NUMBER', `a prefix of IPv4 has at most 32 bits, not ${bits}`);
  const mask = bits === 0 ? 0 : (ALL_ONES << (32 - bits)) >>> 0;
  return network4(state, address, mask, text, `/${bits}`, qualifiers);
}

function masked(state: State, text: string, maskText: string, qualifiers: Qualifiers): Condition {
  const address = topAligned(network(state, text));
  return network4(state, address, topAligned(network(state, maskText)), text, ` mask ${maskText}`, qualifiers);
}

function network4(
  state: State,
  address: number,
  mask: number,
  text: string,
  maskText: string,
  qualifiers: Qualifiers,
): Condition {
  if ((address & ~mask) !== 0)
    throw state.error(
      'ADDRESS',
      `${text}${maskText} has bits set behind its mask; the network is ${quad(address & mask)}${maskText}`,
    );
  if (qualifiers.type !== 'net') throw state.error('QUALIFIER', 'an address with a mask needs net before it', ['net']);
  return ip4Host(state, address, mask, qualifiers);
}

const quad = (address: number): string => [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join('.');

function prefix6(state: State, text: string, bits: number, qualifiers: Qualifiers): Condition {
  const address = parseIp6(text);
  if (address === null) throw state.error('ADDRESS', `'${text}' is no IPv6 address`);
  if (bits > 128) throw state.error('NUMBER', `a prefix of IPv6 has at most 128 bits, not ${bits}`);
  const mask = prefixMask6(bits);
  if (address.some((word, index) => (word & ~mask[index]!) !== 0))
    throw state.error('ADDRESS', `${text}/${bits} has bits set behind its prefix`);
  if (!isAddressType(qualifiers.type)) throw noAddress(state, qualifiers);
  if (qualifiers.type !== 'net' && bits !== 128)
    throw state.error('QUALIFIER', 'an address with a prefix length needs net before it', ['net']);
  return ip6Host(state, address, mask, qualifiers);
}

function name(state: State, text: string, qualifiers: Qualifiers): Condition {
  const { names } = state.options;
  const { type, protocol, direction } = qualifiers;
  switch (type) {
    case 'net': {
      const value = names.network(text);
      if (value === null || value === 0) throw state.error('NAME', `no network is named '${text}'`);
      const [address, mask] = promote(value);
      return ip4Host(state, address, mask, qualifiers);
    }
    case null:
    case 'host':
      return hostName(state, text, qualifiers);
    case 'port': {
      const found = service(state, text, protocol, 'port');
      return portOf(state, port(state, found.port), found.protocol, direction);
    }
    case 'portrange': {
      const { first, last, protocol: over } = serviceRange(state, text, protocol);
      return portRange(state, port(state, first), port(state, last), over, direction);
    }
    case 'gateway':
      throw gateway(state);
    case 'proto':
    case 'protochain': {
      const value = protocolByName(state, text, protocol);
      return type === 'proto' ? protocolNumber(state, value, protocol) : protocolChain(state, value, protocol);
    }
  }
}

function hostName(state: State, text: string, qualifiers: Qualifiers): Condition {
  const { names, resolver } = state.options;
  const { protocol, direction } = qualifiers;
  if (protocol === 'link') {
    const address = names.ether(text);
    if (address === null) throw state.error('NAME', `no Ethernet address is named '${text}'`);
    return etherHost(state, address, direction);
  }
  if (protocol === 'decnet') throw state.error('NAME', `no DECnet address is named '${text}'`, ['AREA.NODE']);
  if (resolver === null)
    throw state.error('NAME', `'${text}' is the name of a host, and names are not looked up here`, ['an address']);
  const addresses = resolver(text);
  if (addresses === null || addresses.length === 0) throw state.error('NAME', `no host is named '${text}'`);
  // Without a field that tells the network protocol, ARP and RARP cannot be meant.
  const untyped = state.layers.linkTypeField.constant === NOT_SET && protocol === null;
  let condition: Condition | null = null;
  for (const address of addresses) {
    const version6 = address.includes(':');
    if (version6 ? protocol === 'ip' : protocol === 'ip6') continue;
    const over: Qualifiers = untyped ? { ...qualifiers, protocol: version6 ? 'ip6' : 'ip' } : qualifiers;
    const next = version6 ? resolved6(state, address, over) : resolved4(state, address, over);
    condition = condition === null ? next : or(condition, next);
  }
  if (condition === null) throw state.error('NAME', `'${text}' has no address of ${protocol}`);
  return condition;
}

function resolved4(state: State, address: string, qualifiers: Qualifiers): Condition {
  const parsed = parseDotted(address);
  if (parsed === null || parsed.bits !== 32)
    throw state.error('ADDRESS', `the name was resolved to '${address}', which is no address`);
  return ip4Host(state, parsed.value, ALL_ONES, qualifiers);
}

function resolved6(state: State, address: string, qualifiers: Qualifiers): Condition {
  // An address of a link has its interface behind a percent sign.
  const parsed = parseIp6(address.replace(/%.*$/, ''));
  if (parsed === null) throw state.error('ADDRESS', `the name was resolved to '${address}', which is no address`);
  return ip6Host(state, parsed, prefixMask6(128), qualifiers);
}

/** The port that a service has, and over which protocol: over any, where TCP's and UDP's are the same. */
function service(
  state: State,
  text: string,
  wanted: Protocol | null,
  word: 'port' | 'portrange',
): { port: number; protocol: PortProtocol } {
  const over = portProtocol(state, wanted, word);
  const found = serviceOf(state, text);
  if (found === null)
    throw state.error('NAME', `no service is named '${text}'`, ['a port number', 'the name of a service']);
  return { port: found.port, protocol: chosen(state, text, found.protocol, over) };
}

function serviceOf(state: State, text: string): { port: number; protocol: PortProtocol } | null {
  const numeric = parseServiceNumber(text);
  if (numeric !== null) return { port: numeric, protocol: null };
  const tcp = state.options.names.service(text, 'tcp');
  const udp = state.options.names.service(text, 'udp');
  if (tcp !== null) return { port: tcp, protocol: tcp === udp ? null : IPPROTO_TCP };
  return udp === null ? null : { port: udp, protocol: IPPROTO_UDP };
}

/** The protocol that a qualifier asks for, which a name that belongs to one protocol only must agree with. */
function chosen(state: State, text: string, real: PortProtocol, over: PortProtocol): PortProtocol {
  if (over === null) return real;
  if (real !== null && real !== over)
    throw state.error('QUALIFIER', `'${text}' is a service of ${PORT_PROTOCOL_NAMES.get(real)}`, [
      PORT_PROTOCOL_NAMES.get(real)!,
    ]);
  return over;
}

/** `first-last`: two numbers (what follows them does not count), or two names of services. */
function serviceRange(
  state: State,
  text: string,
  wanted: Protocol | null,
): { first: number; last: number; protocol: PortProtocol } {
  const over = portProtocol(state, wanted, 'portrange');
  const numbers = /^([-+]?\d+)-([-+]?\d+)/.exec(text);
  if (numbers !== null) return { first: parseInt32(numbers[1]!), last: parseInt32(numbers[2]!), protocol: over };
  const dash = text.indexOf('-');
  const first = dash < 0 ? null : serviceOf(state, text.slice(0, dash));
  const last = dash < 0 ? null : serviceOf(state, text.slice(dash + 1));
  if (first === null || last === null)
    throw state.error('NAME', `'${text}' is no range of ports`, ['two ports or services with - between']);
  const real = first.protocol === last.protocol ? first.protocol : null;
  return { first: first.port, last: last.port, protocol: chosen(state, text, real, over) };
}

function protocolByName(state: State, text: string, over: Protocol | null): number {
  let value: number | null | undefined = null;
  if (over === null || over === 'ip' || over === 'ip6') value = state.options.names.protocol(text);
  else if (over === 'iso') value = ISO_PROTOCOLS.get(text);
  else if (over === 'link') value = LINK_PROTOCOL_NAMES.get(text);
  if (value === null || value === undefined)
    throw state.error('NAME', `no protocol${over === null ? '' : ` over ${over}`} is named '${text}'`);
  return value;
}
