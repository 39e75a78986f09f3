import { checksum } from '../../../bytes/checksum.ts';
import { parseIpv4 } from '../../../wire/address.ts';
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from '../../../wire/ethertype.ts';
import {
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_ESP,
  IPPROTO_FRAGMENT,
  IPPROTO_HOPOPTS,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_NONE,
  IPPROTO_ROUTING,
} from '../../../wire/ipproto.ts';
import * as ipv4Wire from '../../../wire/ipv4.ts';
import * as extension from '../../../wire/ipv6-extension.ts';
import { LINKTYPE_RAW } from '../../../wire/linktype.ts';
import { PPP_IP, PPP_IPV6 } from '../../../wire/ppp.ts';
import {
  data,
  dataOf,
  flags,
  ip4,
  ip6,
  joined,
  type Kind,
  list,
  uint,
  unknownName,
  ValueError,
  word,
  wordOf,
} from '../kind.ts';
import { defineLayer, derived, field, type Place } from '../layer.ts';
import type { Item } from '../node.ts';

/** IPv4 with options, IPv6 with extension headers, AH and ESP. */

/** RFC 3692 2.1: for experimentation, where what follows has no number. */
const IPPROTO_EXPERIMENTAL = 253;

/** IPv4 in one protocol field, IPv6 in the next header: of what is above, or "nothing" where there is nothing. */
const protocol = (place: Place): number =>
  place.above?.type.numbers.ip ?? (place.above === null ? IPPROTO_NONE : IPPROTO_EXPERIMENTAL);
/** What the layer above asks for (RFC 4861 7.1, RFC 5798 5.1.1.3, RFC 3376 4), else 64. */
const ttl = (place: Place): number => place.above?.type.ttl ?? 64;

const OPTION_NAMES: Readonly<Record<string, number>> = {
  end: ipv4Wire.OPTION_END,
  nop: ipv4Wire.OPTION_NOP,
  rr: ipv4Wire.OPTION_RECORD_ROUTE,
  ts: ipv4Wire.OPTION_TIMESTAMP,
  lsrr: ipv4Wire.OPTION_LOOSE_ROUTE,
  ssrr: ipv4Wire.OPTION_STRICT_ROUTE,
  ra: ipv4Wire.OPTION_ROUTER_ALERT,
};

function encodeOptions(options: readonly ipv4Wire.Ipv4Option[]): Uint8Array {
  const bytes = new Uint8Array(ipv4Wire.emittedLength(options) - ipv4Wire.HEADER_LENGTH);
  let at = 0;
  for (const { type, data: contents } of options) {
    bytes[at++] = type;
    if (type <= ipv4Wire.OPTION_NOP) continue;
    bytes[at++] = contents.length + 2;
    bytes.set(contents, at);
    at += contents.length;
  }
  return bytes;
}

/** `nop`, `ra`, `rr=9` (room for so many addresses), `lsrr=192.0.2.1+192.0.2.2`, `130=0x…`. */
function ipv4Option({ name, value }: Item): ipv4Wire.Ipv4Option {
  const type = name !== null && /^\d+$/.test(name) ? Number(name) : OPTION_NAMES[name ?? ''];
  if (type === undefined) throw unknownName('option', name ?? '', Object.keys(OPTION_NAMES));
  if (name === 'ra') return { type, data: value === null ? word(0) : word(Number(wordOf(value, 'a number'))) };
  if (value === null) return { type, data: new Uint8Array(0) };
  if (name === 'rr' && value.type === 'word' && /^\d$/.test(value.text))
    // RFC 791 3.1: the pointer counts from the option's first byte, and 4 is the first place.
    return { type, data: joined([Uint8Array.of(4), new Uint8Array(4 * Number(value.text))]) };
  if (name === 'rr' || name === 'lsrr' || name === 'ssrr') {
    const hops = wordOf(value, 'addresses')
      .split('+')
      .map((hop) => parseIpv4(hop));
    if (hops.includes(null)) throw new ValueError(`IPv4 addresses with + between them are needed`);
    return { type, data: joined([Uint8Array.of(4), ...(hops as Uint8Array[])]) };
  }
  return { type, data: dataOf(value) };
}

export const ipv4 = defineLayer({
  name: 'ip',
  names: ['ipv4', 'ip4'],
  title: 'IPv4 header',
  numbers: { ether: ETHERTYPE_IPV4, ip: IPPROTO_IPIP, ppp: PPP_IP, sap: 6 },
  linkType: LINKTYPE_RAW,
  fields: {
    version: field(uint(4), 4),
    ihl: derived(uint(4), (place) => (ipv4Wire.HEADER_LENGTH + place.width('options')) >> 2, {
      names: ['hdr_len'],
    }),
    tos: field(uint(8), 0, { names: ['dsfield'] }),
    len: derived(uint(16), (place) => place.length, { names: ['total_length'] }),
    id: field(uint(16), 1),
    flags: field(flags(3, ['MF', 'DF', 'evil']), 0),
    frag: field(uint(13), 0, { names: ['frag_offset'] }),
    ttl: field(uint(8), ttl),
    proto: field(uint(8), (place) => (place.above === null ? 0 : protocol(place)), { names: ['protocol', 'p'] }),
    chksum: field(
      uint(16),
      { seal: (place, bytes, at) => checksum(bytes, at, at + place.headerLength) },
      { names: ['checksum', 'cksum'] },
    ),
    src: field(ip4, '127.0.0.1', { names: ['saddr'] }),
    dst: field(ip4, '127.0.0.1', { names: ['daddr'] }),
    options: field(list<ipv4Wire.Ipv4Option>('options', encodeOptions, ipv4Option), () => [], { names: ['opt'] }),
  },
});

export const ipv6 = defineLayer({
  name: 'ipv6',
  names: ['ip6'],
  title: 'IPv6 header',
  numbers: { ether: ETHERTYPE_IPV6, ip: IPPROTO_IPV6, ppp: PPP_IPV6 },
  linkType: LINKTYPE_RAW,
  fields: {
    version: field(uint(4), 6),
    tc: field(uint(8), 0, { names: ['tclass', 'class'] }),
    fl: field(uint(20), 0, { names: ['flow'] }),
    plen: derived(uint(16), (place) => place.payloadLength, { names: ['len'] }),
    nh: field(uint(8), protocol, { names: ['nxt', 'proto'] }),
    hlim: field(uint(8), ttl, { names: ['hop_limit', 'hoplimit', 'ttl'] }),
    src: field(ip6, '::1', { names: ['saddr'] }),
    dst: field(ip6, '::1', { names: ['daddr'] }),
  },
});

const EXTENSION_OPTIONS: Readonly<Record<string, number>> = {
  pad1: extension.OPTION_PAD1,
  padn: extension.OPTION_PADN,
  ra: extension.OPTION_ROUTER_ALERT,
  jumbo: extension.OPTION_JUMBO,
  hao: extension.OPTION_HOME_ADDRESS,
};

/** Options and the padding behind them, without the two bytes that the header begins with. */
const extensionOptions: Kind<readonly extension.Ipv6Option[]> = list(
  'options',
  (options) => {
    const header: extension.Ipv6Extension = { kind: 'destination', nextHeader: 0, options: [...options] };
    const bytes = new Uint8Array(extension.emittedLength(header));
    extension.emit(bytes, 0, header);
    return bytes.slice(2);
  },
  ({ name, value }) => {
    const type = name !== null && /^\d+$/.test(name) ? Number(name) : EXTENSION_OPTIONS[name ?? ''];
    if (type === undefined) throw unknownName('option', name ?? '', Object.keys(EXTENSION_OPTIONS));
    if (name === 'ra') return { type, data: word(value === null ? 0 : Number(wordOf(value, 'a number'))) };
    return { type, data: value === null ? new Uint8Array(0) : dataOf(value) };
  },
);

const optionsHeader = (name: string, names: string[], title: string, number: number) =>
  defineLayer({
    name,
    names,
    title,
    numbers: { ip: number },
    fields: {
      nh: field(uint(8), protocol, { names: ['nxt'] }),
      len: derived(uint(8), (place) => (place.headerLength >> 3) - 1),
      options: field(extensionOptions, () => [], { names: ['opt'] }),
    },
  });
export const hopByHop = optionsHeader(
  'ipv6.hopopts',
  ['hopopts', 'hbh', 'hopbyhop'],
  'IPv6 hop-by-hop options',
  IPPROTO_HOPOPTS,
);
export const destinationOptions = optionsHeader(
  'ipv6.dstopts',
  ['dstopts', 'destopt'],
  'IPv6 destination options',
  IPPROTO_DSTOPTS,
);

const addresses6: Kind<readonly (string | Uint8Array)[]> = list(
  'IPv6 addresses',
  (all) => joined(all.map((address) => ip6.take(address) as Uint8Array)),
  (item) => item.name ?? wordOf(item.value!, 'an IPv6 address'),
);
export const routing = defineLayer({
  name: 'ipv6.routing',
  names: ['routing', 'rthdr'],
  title: 'IPv6 routing header',
  numbers: { ip: IPPROTO_ROUTING },
  fields: {
    nh: field(uint(8), protocol, { names: ['nxt'] }),
    len: derived(uint(8), (place) => (place.headerLength >> 3) - 1),
    type: field(uint(8), 0),
    segleft: derived(uint(8), (place) => place.width('addresses') >> 4),
    reserved: field(uint(32), 0),
    addresses: field(addresses6, () => []),
  },
});
export const fragmentHeader = defineLayer({
  name: 'ipv6.fraghdr',
  names: ['fraghdr', 'fragment', 'frag6'],
  title: 'IPv6 fragment header',
  numbers: { ip: IPPROTO_FRAGMENT },
  fields: {
    nh: field(uint(8), protocol, { names: ['nxt'] }),
    res1: field(uint(8), 0),
    offset: field(uint(13), 0),
    res2: field(uint(2), 0),
    m: field(uint(1), 0, { names: ['more'] }),
    id: field(uint(32), 0, { names: ['ident'] }),
  },
});

export const ah = defineLayer({
  name: 'ah',
  names: [],
  title: 'IPsec authentication header',
  numbers: { ip: IPPROTO_AH },
  fields: {
    nh: field(uint(8), protocol, { names: ['next_header'] }),
    payloadlen: derived(uint(8), (place) => (place.headerLength >> 2) - 2, { names: ['length'] }),
    reserved: field(uint(16), 0),
    spi: field(uint(32), 1),
    seq: field(uint(32), 1, { names: ['sequence'] }),
    icv: field(data, new Uint8Array(12)),
  },
});
export const esp = defineLayer({
  name: 'esp',
  names: [],
  title: 'IPsec encapsulating payload: the open header; what is encrypted follows as data',
  numbers: { ip: IPPROTO_ESP },
  fields: { spi: field(uint(32), 1), seq: field(uint(32), 1, { names: ['sequence'] }) },
});
