import { checksum } from '../../../bytes/checksum.ts';
import { parseIpv6, parseMac } from '../../../wire/address.ts';
import * as icmpWire from '../../../wire/icmp.ts';
import * as icmp6Wire from '../../../wire/icmp6.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from '../../../wire/ipproto.ts';
import * as ndp from '../../../wire/ndp.ts';
import {
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
import { defineLayer, derived, type Field, type Fields, field, type Place } from '../layer.ts';
import type { Item } from '../node.ts';

/** ICMP of all types, ICMPv6, neighbour discovery and multicast listener discovery. An error's packet follows as layers:
 * `icmp({ type: 'dest-unreach', code: 3 })`, `ipv4(…)`, `udp(…)`. */

const TYPES: Readonly<Record<string, number>> = {
  'echo-reply': icmpWire.ECHO_REPLY,
  'dest-unreach': icmpWire.UNREACHABLE,
  'source-quench': icmpWire.SOURCE_QUENCH,
  redirect: icmpWire.REDIRECT,
  'echo-request': icmpWire.ECHO_REQUEST,
  'router-advertisement': icmpWire.ROUTER_ADVERTISEMENT,
  'router-solicitation': icmpWire.ROUTER_SOLICITATION,
  'time-exceeded': icmpWire.TIME_EXCEEDED,
  'parameter-problem': icmpWire.PARAMETER_PROBLEM,
  'timestamp-request': icmpWire.TIMESTAMP_REQUEST,
  'timestamp-reply': icmpWire.TIMESTAMP_REPLY,
  'information-request': icmpWire.INFORMATION_REQUEST,
  'information-reply': icmpWire.INFORMATION_REPLY,
  'address-mask-request': icmpWire.MASK_REQUEST,
  'address-mask-reply': icmpWire.MASK_REPLY,
};
const ofType =
  (...types: number[]) =>
  (place: Place): boolean =>
    types.includes(place.number('type'));
const { UNREACHABLE, REDIRECT, PARAMETER_PROBLEM, ROUTER_ADVERTISEMENT } = icmpWire;
const QUERIES = [
  icmpWire.ECHO_REPLY,
  icmpWire.ECHO_REQUEST,
  icmpWire.TIMESTAMP_REQUEST,
  icmpWire.TIMESTAMP_REPLY,
  icmpWire.INFORMATION_REQUEST,
  icmpWire.INFORMATION_REPLY,
  icmpWire.MASK_REQUEST,
  icmpWire.MASK_REPLY,
];
const TIMESTAMPS = [icmpWire.TIMESTAMP_REQUEST, icmpWire.TIMESTAMP_REPLY];
const query = { present: ofType(...QUERIES) };
const unreachable = { present: ofType(UNREACHABLE) };
const timestamps = { present: ofType(...TIMESTAMPS) };
const advertisement = { present: ofType(ROUTER_ADVERTISEMENT) };
/** Types whose second word means nothing, or nothing that is known. */
const hasUnused = (place: Place): boolean =>
  ![...QUERIES, UNREACHABLE, REDIRECT, PARAMETER_PROBLEM, ROUTER_ADVERTISEMENT].includes(place.number('type'));

export const icmp = defineLayer({
  name: 'icmp',
  names: ['icmp4'],
  title: 'ICMP; the type says which fields there are',
  numbers: { ip: IPPROTO_ICMP },
  fields: {
    type: field(uint(8, { names: TYPES }), icmpWire.ECHO_REQUEST),
    code: field(uint(8), 0),
    chksum: field(
      uint(16),
      { seal: (_, bytes, at, end) => checksum(bytes, at, end) },
      { names: ['checksum', 'cksum'] },
    ),
    id: field(uint(16), 0, { ...query, names: ['ident'] }),
    seq: field(uint(16), 0, query),
    gw: field(ip4, '0.0.0.0', { present: ofType(REDIRECT), names: ['redir_gw', 'gateway'] }),
    ptr: field(uint(8), 0, { present: ofType(PARAMETER_PROBLEM), names: ['pointer'] }),
    reserved: field(uint(8), 0, { present: ofType(PARAMETER_PROBLEM, UNREACHABLE) }),
    /** RFC 4884 4.1: words of the quoted packet, where extensions follow it. */
    length: field(uint(8), 0, unreachable),
    length12: field(uint(16), 0, { present: ofType(PARAMETER_PROBLEM) }),
    nexthopmtu: field(uint(16), 0, { ...unreachable, names: ['mtu'] }),
    naddr: field(uint(8), 0, { ...advertisement, names: ['num_addrs'] }),
    entrysize: field(uint(8), 2, advertisement),
    lifetime: field(uint(16), 1800, advertisement),
    unused: field(uint(32), 0, { present: hasUnused }),
    ts_ori: field(uint(32), 0, { ...timestamps, names: ['originate_timestamp'] }),
    ts_rx: field(uint(32), 0, { ...timestamps, names: ['receive_timestamp'] }),
    ts_tx: field(uint(32), 0, { ...timestamps, names: ['transmit_timestamp'] }),
    addr_mask: field(ip4, '0.0.0.0', { present: ofType(icmpWire.MASK_REQUEST, icmpWire.MASK_REPLY), names: ['mask'] }),
  },
});

const seal6: Field<number>['fallback'] = {
  seal(place, bytes, at, end) {
    const pseudo = place.pseudo(IPPROTO_ICMPV6);
    return pseudo === null ? 0 : checksum(bytes, at, end, pseudo + (end - at));
  },
};
const head = (type: number, names: Readonly<Record<string, number>> = {}) => ({
  type: field(uint(8, { names }), type),
  code: field(uint(8), 0),
  chksum: field(uint(16), seal6, { names: ['checksum', 'cksum'] }),
});

const TYPES6: Readonly<Record<string, number>> = {
  'dest-unreach': icmp6Wire.UNREACHABLE,
  'packet-too-big': icmp6Wire.PACKET_TOO_BIG,
  'time-exceeded': icmp6Wire.TIME_EXCEEDED,
  'parameter-problem': icmp6Wire.PARAMETER_PROBLEM,
  'echo-request': icmp6Wire.ECHO_REQUEST,
  'echo-reply': icmp6Wire.ECHO_REPLY,
};
const isEcho = ofType(icmp6Wire.ECHO_REQUEST, icmp6Wire.ECHO_REPLY);

export const icmpv6 = defineLayer({
  name: 'icmpv6',
  names: ['icmp6'],
  title: 'ICMPv6: echo and errors; the type says which fields there are',
  numbers: { ip: IPPROTO_ICMPV6 },
  fields: {
    ...head(icmp6Wire.ECHO_REQUEST, TYPES6),
    id: field(uint(16), 0, { present: isEcho, names: ['echo.identifier', 'ident'] }),
    seq: field(uint(16), 0, { present: isEcho, names: ['echo.sequence_number'] }),
    mtu: field(uint(32), 1280, { present: ofType(icmp6Wire.PACKET_TOO_BIG) }),
    ptr: field(uint(32), 6, { present: ofType(icmp6Wire.PARAMETER_PROBLEM), names: ['pointer'] }),
    unused: field(uint(32), 0, {
      present: (place) => !isEcho(place) && !ofType(icmp6Wire.PACKET_TOO_BIG, icmp6Wire.PARAMETER_PROBLEM)(place),
      names: ['reserved'],
    }),
  },
});

const NDP_OPTIONS: Readonly<Record<string, number>> = {
  sllad: ndp.OPTION_SOURCE_LINK,
  tllad: ndp.OPTION_TARGET_LINK,
  mtu: ndp.OPTION_MTU,
  prefix: ndp.OPTION_PREFIX,
  rdnss: ndp.OPTION_RDNSS,
};
const big = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
/** RFC 4861 4.6.2 and 6.2.1: on link and autonomous; valid for 30 days, preferred for 7. */
const PREFIX_FLAGS = 0xc0;
const VALID = 2_592_000;
const PREFERRED = 604_800;

/** `sllad=02:00:00:00:00:01`, `mtu=1500`, `prefix=2001:db8::/64`, `rdnss=2001:db8::53`, `14=0x…`. */
function ndpOption({ name, value }: Item): ndp.NdpOption {
  const type = name !== null && /^\d+$/.test(name) ? Number(name) : NDP_OPTIONS[name ?? ''];
  if (type === undefined) throw unknownName('option', name ?? '', Object.keys(NDP_OPTIONS));
  if (value === null) return { type, data: new Uint8Array(6) };
  const text = value.type === 'word' ? value.text : '';
  const known = name !== null && !/^\d/.test(name);
  if (!known) return { type, data: dataOf(value) };
  if (type === ndp.OPTION_MTU) return { type, data: joined([word(0), big(Number(text))]) };
  if (type === ndp.OPTION_PREFIX) {
    const [address, length] = text.split('/');
    const prefix = parseIpv6(address!);
    if (prefix === null || !length) throw new ValueError(`'${text}' is no IPv6 network`);
    return {
      type,
      data: joined([Uint8Array.of(Number(length), PREFIX_FLAGS), big(VALID), big(PREFERRED), big(0), prefix]),
    };
  }
  if (type === ndp.OPTION_RDNSS)
    return { type, data: joined([word(0), big(1800), ip6.take(wordOf(value, 'an IPv6 address')) as Uint8Array]) };
  const address = parseMac(text);
  if (address === null) throw new ValueError(`'${text}' is not a MAC address`);
  return { type, data: address };
}

const ndpOptions: Kind<readonly ndp.NdpOption[]> = list(
  'options',
  (options) =>
    joined(
      options.map(({ type, data }) => {
        const bytes = new Uint8Array((data.length + 2 + 7) & ~7);
        bytes[0] = type;
        bytes[1] = bytes.length / 8;
        bytes.set(data, 2);
        return bytes;
      }),
    ),
  ndpOption,
);
const options = field(ndpOptions, () => [], { names: ['opt'] });

/** RFC 4861 7.1: from a neighbour, and nobody else. */
const NEIGHBOUR_TTL = 255;
const neighbourLayer = <const F extends Fields>(name: string, short: string, title: string, fields: F) =>
  defineLayer({
    name,
    names: [short],
    title,
    numbers: { ip: IPPROTO_ICMPV6 },
    ttl: NEIGHBOUR_TTL,
    fields,
  });

export const routerSolicitation = neighbourLayer('icmpv6.rs', 'rs', 'neighbour discovery: router solicitation', {
  ...head(icmp6Wire.ROUTER_SOLICITATION),
  res: field(uint(32), 0),
  options,
});
export const routerAdvertisement = neighbourLayer('icmpv6.ra', 'ra', 'neighbour discovery: router advertisement', {
  ...head(icmp6Wire.ROUTER_ADVERTISEMENT),
  chlim: field(uint(8), 0, { names: ['hlim', 'cur_hop_limit'] }),
  flags: field(flags(8, ['', '', '', '', '', 'H', 'O', 'M']), 0),
  lifetime: field(uint(16), 1800, { names: ['router_lifetime'] }),
  reachable: field(uint(32), 0, { names: ['reachable_time'] }),
  retrans: field(uint(32), 0, { names: ['retrans_timer'] }),
  options,
});
export const neighborSolicitation = neighbourLayer('icmpv6.ns', 'ns', 'neighbour discovery: neighbour solicitation', {
  ...head(icmp6Wire.NEIGHBOR_SOLICITATION),
  res: field(uint(32), 0),
  tgt: field(ip6, '::', { names: ['target'] }),
  options,
});
const advertisementFlags = ['', '', 'O', 'S', 'R'];
export const neighborAdvertisement = neighbourLayer('icmpv6.na', 'na', 'neighbour discovery: neighbour advertisement', {
  ...head(icmp6Wire.NEIGHBOR_ADVERTISEMENT),
  flags: field(flags(32, [...Array(27).fill(''), ...advertisementFlags]), 0),
  tgt: field(ip6, '::', { names: ['target'] }),
  options,
});
export const redirect6 = neighbourLayer('icmpv6.redirect', 'redirect', 'neighbour discovery: redirect', {
  ...head(icmp6Wire.REDIRECT),
  res: field(uint(32), 0),
  tgt: field(ip6, '::', { names: ['target'] }),
  dst: field(ip6, '::', { names: ['destination'] }),
  options,
});

/** Addresses of 4 or 16 bytes in a row. */
const sourceList = (address: typeof ip4): Kind<readonly (string | Uint8Array)[]> =>
  list(
    'addresses',
    (all) => joined(all.map((one) => address.take(one) as Uint8Array)),
    (item) => item.name ?? wordOf(item.value!, 'an address'),
  );
/** Addresses of IPv4, for the layers that list them. */
export const addresses4 = sourceList(ip4);
const addresses6 = sourceList(ip6);

export interface GroupRecord {
  type: number;
  group: string | Uint8Array;
  sources?: readonly (string | Uint8Array)[];
}
const RECORD_TYPES = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** Records of a version 2 or 3 report: `to_ex=239.1.1.1`, `allow=239.1.1.1+192.0.2.1` (group, then sources). */
export const groupRecords = (address: typeof ip4): Kind<readonly GroupRecord[]> =>
  list(
    'records',
    (records) =>
      joined(
        records.flatMap(({ type, group, sources = [] }) => [
          Uint8Array.of(type, 0),
          word(sources.length),
          address.take(group) as Uint8Array,
          ...sources.map((source) => address.take(source) as Uint8Array),
        ]),
      ),
    ({ name, value }) => {
      const type = RECORD_TYPES.indexOf((name ?? '').toLowerCase());
      if (type < 1) throw unknownName('record', name ?? '', RECORD_TYPES.slice(1));
      if (value === null) throw new ValueError(`a record is ${name}= and its group`);
      const [group, ...sources] = wordOf(value, 'a group').split('+');
      return { type, group: group!, sources };
    },
  );

/** RFC 2710 3: from a neighbour, hop limit 1. */
const listenerLayer = <const F extends Fields>(name: string, title: string, fields: F) =>
  defineLayer({ name, names: [], title, numbers: { ip: IPPROTO_ICMPV6 }, ttl: 1, fields });
const listener = (type: number) => ({
  ...head(type),
  mrd: field(uint(16), 0, { names: ['maximum_response_delay'] }),
  reserved: field(uint(16), 0),
  mladdr: field(ip6, '::', { names: ['multicast_address'] }),
});
export const mldQuery = listenerLayer('mld.query', 'MLD version 1: query', listener(icmp6Wire.MLD_QUERY));
export const mldReport = listenerLayer('mld.report', 'MLD version 1: report', listener(icmp6Wire.MLD_REPORT));
export const mldDone = listenerLayer('mld.done', 'MLD version 1: done', listener(icmp6Wire.MLD_DONE));
export const mld2Query = listenerLayer('mld2.query', 'MLD version 2: query', {
  ...listener(icmp6Wire.MLD_QUERY),
  resv: field(uint(4), 0),
  s: field(uint(1), 0),
  qrv: field(uint(3), 0),
  qqic: field(uint(8), 0),
  numsrc: derived(uint(16), (place) => place.width('sources') >> 4),
  sources: field(addresses6, () => []),
});
export const mld2Report = listenerLayer('mld2.report', 'MLD version 2: report', {
  ...head(icmp6Wire.MLDV2_REPORT),
  reserved: field(uint(16), 0),
  numrec: derived(uint(16), (place) => place.parts('records')),
  records: field(groupRecords(ip6), () => []),
});
