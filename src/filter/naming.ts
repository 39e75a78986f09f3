/** Names for what a program loads: an offset, and what the tests before it have shown, become a header's field. */

import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_11,
  LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
} from '../wire/linktype.ts';
import * as fields from './fields.ts';
import {
  BPF_ADD,
  BPF_AND,
  BPF_DIV,
  BPF_LSH,
  BPF_MOD,
  BPF_MUL,
  BPF_NEG,
  BPF_OR,
  BPF_RSH,
  BPF_SUB,
  BPF_XOR,
} from './opcodes.ts';
import { arithmetic, constant, type Expression, type Facts, headerLength, load, UNKNOWN } from './symbolic.ts';

/** A header at its place: `at` bytes from the start of the packet, or from where `x` points. */
interface Placed {
  readonly header: fields.Header;
  readonly at: number;
  readonly x: Expression | null;
  /** True of the link header, whose presence is no news. */
  readonly isLink: boolean;
}

const every = (values: ReadonlySet<number>, ...allowed: number[]): boolean =>
  [...values].every((value) => allowed.includes(value));

const masked = (expression: Expression, mask: number): Expression => arithmetic(BPF_AND, expression, constant(mask));

/** The length of a radiotap header, as the compiler puts it together from its two bytes. */
const RADIOTAP_LENGTH = arithmetic(BPF_OR, load(1, 2), arithmetic(BPF_LSH, load(1, 3), constant(8))).key;

/** Where the transport header of an IPv4 header `at` bytes after `x` is reckoned from: the header's length, beside `x`. */
function afterIpv4(at: number, x: Expression | null): Expression[] {
  if (x === null) return [headerLength(at)];
  const length = arithmetic(BPF_LSH, masked(load(1, at, x), 0x0f), constant(2));
  const times = arithmetic(BPF_MUL, masked(load(1, at, x), 0x0f), constant(4));
  return [length, times].flatMap((one) => [arithmetic(BPF_ADD, one, x), arithmetic(BPF_ADD, x, one)]);
}

/** The headers that are known to be there, outermost first. `near`: the base of the load in question, where it has one;
 * of a link header without a fixed length, that is where its payload starts. */
export function headersAt(linkType: number, facts: Facts, near: Expression | null = null): Placed[] {
  const placed: Placed[] = [];
  const valuesOf = (expression: Expression): ReadonlySet<number> | null => {
    const values = facts.get(expression.key)?.values ?? null;
    return values !== null && values.size > 0 ? values : null;
  };
  const place = (header: fields.Header, at: number, x: Expression | null): void =>
    void placed.push({ header, at, x, isLink: false });
  const placeLink = (header: fields.Header, x: Expression | null = null): void =>
    void placed.push({ header, at: 0, x, isLink: true });

  const transport = (
    protocols: ReadonlySet<number> | null,
    at: number,
    bases: readonly (Expression | null)[],
    isIpv6: boolean,
  ): void => {
    if (protocols === null) return;
    for (const x of bases) {
      if (every(protocols, 6)) place(fields.TCP, at, x);
      else if (every(protocols, 17)) place(fields.UDP, at, x);
      else if (every(protocols, 132)) place(fields.SCTP, at, x);
      else if (every(protocols, 6, 17, 132)) place(fields.PORTS, at, x);
      else if (every(protocols, 1)) place(fields.ICMP, at, x);
      else if (every(protocols, 58)) place(fields.ICMPV6, at, x);
      else if (isIpv6 && every(protocols, 44)) {
        place(fields.IPV6_FRAGMENT, at, x);
        transport(valuesOf(load(1, at, x)), at + 8, [x], false);
      }
    }
  };
  const ipv4 = (at: number, x: Expression | null): void => {
    place(fields.IPV4, at, x);
    transport(valuesOf(load(1, at + 9, x)), at, afterIpv4(at, x), false);
  };
  const ipv6 = (at: number, x: Expression | null): void => {
    place(fields.IPV6, at, x);
    transport(valuesOf(load(1, at + 6, x)), at + 40, [x], true);
  };
  /** An IP header whose version was tested, since nothing else tells what it is. */
  const byVersion = (at: number, x: Expression | null): boolean => {
    const version = valuesOf(masked(load(1, at, x), 0xf0));
    if (version !== null && every(version, 0x40)) ipv4(at, x);
    else if (version !== null && every(version, 0x60)) ipv6(at, x);
    else return false;
    return true;
  };
  const mpls = (at: number, x: Expression | null): void => {
    place(fields.MPLS, at, x);
    const bottom = valuesOf(masked(load(1, at + 2, x), 1));
    if (bottom !== null && every(bottom, 0)) mpls(at + 4, x);
    else byVersion(at + 4, x);
  };
  /** What an EtherType `typeAt` bytes after `x` says of the bytes at `at`. */
  const network = (typeAt: number, at: number, x: Expression | null): void => {
    const types = valuesOf(load(2, typeAt, x));
    if (types === null) return;
    if (every(types, 0x0800)) ipv4(at, x);
    else if (every(types, 0x86dd)) ipv6(at, x);
    else if (every(types, 0x0806)) place(fields.ARP, at, x);
    else if (every(types, 0x8035)) place(fields.RARP, at, x);
    else if (every(types, 0x0806, 0x8035)) place(fields.ARP_OR_RARP, at, x);
    else if (every(types, 0x8100, 0x88a8, 0x9100)) {
      place(fields.VLAN, at, x);
      network(at + 2, at + 4, x);
    } else if (every(types, 0x8847, 0x8848)) mpls(at, x);
    else if (every(types, 0x8863, 0x8864)) {
      place(fields.PPPOE, at, x);
      if (every(types, 0x8864)) ppp(at + 6, x);
    }
  };
  const ppp = (at: number, x: Expression | null): void => {
    place(fields.PPP_PROTOCOL, at, x);
    const protocols = valuesOf(load(2, at, x));
    if (protocols === null) return;
    if (every(protocols, 0x0021)) ipv4(at + 2, x);
    else if (every(protocols, 0x0057)) ipv6(at + 2, x);
    else if (every(protocols, 0x0281, 0x0283)) mpls(at + 2, x);
  };
  const llc = (at: number, x: Expression | null): void => {
    place(fields.LLC, at, x);
    const both = valuesOf(load(2, at, x));
    const one = valuesOf(load(1, at, x));
    if ((both !== null && every(both, 0xaaaa)) || (one !== null && every(one, 0xaa)) || x !== null) {
      place(fields.SNAP, at + 3, x);
      network(at + 6, at + 8, x);
    }
  };
  /** 802.11 has a header of several lengths. The payload's base is what loads and tests other than of the header itself
   * reckon from. */
  const wireless = (header: Expression | null): void => {
    placeLink(fields.IEEE802_11, header);
    const bases = new Map<string, Expression>();
    const consider = (x: Expression | null): void => {
      if (x !== null && x.key !== header?.key && x !== UNKNOWN) bases.set(x.key, x);
    };
    for (const { of } of facts.values()) if (of.kind === 'load' && of.size === 2 && of.k === 6) consider(of.x);
    if (bases.size === 0) consider(near);
    for (const x of bases.values()) llc(0, x);
  };

  switch (linkType) {
    case LINKTYPE_ETHERNET: {
      placeLink(fields.ETHERNET);
      const type = facts.get(load(2, 12).key);
      if (type !== undefined && type.largest <= 1500) llc(14, null);
      else network(12, 14, null);
      break;
    }
    case LINKTYPE_LINUX_SLL: {
      placeLink(fields.LINUX_SLL);
      const type = valuesOf(load(2, 14));
      if (type !== null && every(type, 4)) llc(16, null);
      else network(14, 16, null);
      break;
    }
    case LINKTYPE_LINUX_SLL2:
      placeLink(fields.LINUX_SLL2);
      network(0, 20, null);
      break;
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP: {
      placeLink(fields.BSD_LOOPBACK);
      const family = valuesOf(load(4, 0));
      if (family === null) break;
      if (every(family, 2, 0x02000000)) ipv4(4, null);
      else if (every(family, 10, 24, 28, 30, 0x0a000000, 0x18000000, 0x1c000000, 0x1e000000)) ipv6(4, null);
      break;
    }
    case LINKTYPE_PPP:
    case LINKTYPE_PPP_HDLC:
      placeLink(fields.PPP_HDLC);
      ppp(2, null);
      break;
    case LINKTYPE_PPP_ETHER:
      placeLink(fields.PPPOE);
      ppp(6, null);
      break;
    case LINKTYPE_IPV4:
      ipv4(0, null);
      break;
    case LINKTYPE_IPV6:
      ipv6(0, null);
      break;
    case LINKTYPE_RAW:
    case DLT_RAW:
    case DLT_RAW_OPENBSD:
      // The version tells which of the two it is; before that test, the first byte is all that has a name.
      if (!byVersion(0, null)) placeLink({ ...fields.IPV4, length: 1, fields: fields.IPV4.fields.slice(0, 1) });
      break;
    case LINKTYPE_IEEE802_11:
      wireless(null);
      break;
    case LINKTYPE_IEEE802_11_RADIOTAP: {
      placeLink(fields.RADIOTAP);
      const length = near?.key === RADIOTAP_LENGTH ? near : baseOf(facts, RADIOTAP_LENGTH);
      if (length !== null) wireless(length);
      break;
    }
  }
  return placed;
}

/** DLT_RAW as libpcap names it, on Linux and on OpenBSD; savefiles have LINKTYPE_RAW. */
const DLT_RAW = 12;
const DLT_RAW_OPENBSD = 14;

/** The base with this key of a load that something is known of. */
function baseOf(facts: Facts, key: string): Expression | null {
  for (const { of } of facts.values()) {
    const inner = of.kind === 'arithmetic' ? of.left : of;
    if (inner.kind === 'load' && inner.x?.key === key) return inner.x;
  }
  return null;
}

/** What a person calls an expression, and how its values and its bits are to be written. */
export interface Name {
  /** With its article: `the Ethernet type`. */
  readonly text: string;
  value(value: number): string;
  readonly bits: readonly fields.Bits[];
  /** True where it is the whole of an IPv4 address, so that a mask makes a network of it. */
  readonly isIpv4: boolean;
}

const hex = (value: number): string => `0x${value.toString(16)}`;
/** A number that nothing is known of: in both notations where they differ. */
const plain = (value: number): string => (value < 10 ? `${value}` : `${value} (${hex(value)})`);
const dotted = (value: number): string =>
  `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
const colons = (value: number, size: number): string =>
  value
    .toString(16)
    .padStart(size * 2, '0')
    .match(/../g)!
    .join(':');
const groups = (value: number, size: number): string =>
  size === 4
    ? `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
    : size === 2
      ? value.toString(16)
      : hex(value);

const simple = (text: string, value: (value: number) => string = plain): Name => ({
  text,
  value,
  bits: [],
  isIpv4: false,
});

const places = (size: number): string => (size === 1 ? 'byte' : `${size} bytes`);

/** The name of a load where a known header covers it; null where none does. */
function fieldName(expression: Expression & { kind: 'load' }, placed: readonly Placed[]): Name | null {
  const { k, size, x } = expression;
  for (const { header, at, x: base } of placed.toReversed()) {
    if ((base?.key ?? null) !== (x?.key ?? null)) continue;
    const from = k - at;
    if (from < 0) continue;
    const exact = header.fields.find((field) => field.at === from && field.length === size);
    const field =
      exact ?? header.fields.find(({ at: first, length }) => first <= from && from + size <= first + length);
    if (field !== undefined) return partOf(field, from - field.at, size);
    if (from + size <= header.length)
      return simple(`the ${places(size)} at offset ${from} of the ${header.name} header`);
  }
  return null;
}

function partOf(field: fields.Field, from: number, size: number): Name {
  const whole = from === 0 && size === field.length;
  const write =
    field.address === 'ipv4' && size === 4
      ? dotted
      : field.address === 'ipv6'
        ? (value: number) => groups(value, size)
        : field.address === 'mac'
          ? (value: number) => colons(value, size)
          : ((whole ? field.value : undefined) ?? plain);
  const text = whole
    ? `the ${field.name}`
    : size === 1
      ? `byte ${from + 1} of the ${field.name}`
      : `bytes ${from + 1} ${size === 2 ? 'and' : 'to'} ${from + size} of the ${field.name}`;
  return {
    text,
    value: write,
    bits: whole || (from === 0 && size === 1 && field.address === 'mac') ? (field.bits ?? []) : [],
    isIpv4: whole && field.address === 'ipv4',
  };
}

const OPERATORS = new Map([
  [BPF_ADD, 'plus'],
  [BPF_SUB, 'minus'],
  [BPF_MUL, 'times'],
  [BPF_DIV, 'divided by'],
  [BPF_MOD, 'modulo'],
  [BPF_AND, 'and (bitwise)'],
  [BPF_OR, 'or (bitwise)'],
  [BPF_XOR, 'exclusive-or'],
  [BPF_LSH, 'shifted left by'],
  [BPF_RSH, 'shifted right by'],
]);

/** Names an expression. `register` is what to call it where nothing better is known: 'A' or 'X'. */
export function nameOf(expression: Expression, linkType: number, facts: Facts, register = 'A'): Name {
  const placed = headersAt(linkType, facts, expression.kind === 'load' ? expression.x : null);
  const name = (inner: Expression, depth: number): Name => {
    switch (inner.kind) {
      case 'unknown':
        return simple(register);
      case 'merged':
        return simple(depth === 0 ? register : 'X');
      case 'constant':
        return simple(plain(inner.value));
      case 'length':
        return simple('the length of the packet', String);
      case 'ancillary': {
        const field = fields.ANCILLARY.find(({ at }) => at === inner.which)!;
        return { ...simple(`the ${field.name}`, field.value ?? plain), bits: field.bits ?? [] };
      }
      case 'header-length': {
        const header = placed.find((candidate) => candidate.at === inner.k && candidate.header.name === 'IPv4');
        return simple(
          header ? 'the length of the IPv4 header' : `four times the low half of the byte at offset ${inner.k}`,
          String,
        );
      }
      case 'load': {
        const known = fieldName(inner, placed);
        if (known !== null) return known;
        if (inner.x === null) return simple(`the ${places(inner.size)} at offset ${inner.k}`);
        if (inner.x.kind === 'header-length')
          return simple(`the ${places(inner.size)} ${placeAfterHeader(inner.k - inner.x.k)}`);
        // A base that takes more than a load to say is X to the reader as well.
        const base = inner.x.nodes > 1 ? 'X' : name(inner.x, depth + 1).text;
        return simple(`the ${places(inner.size)} at offset ${inner.k | 0} + ${base}`);
      }
      case 'arithmetic': {
        if (inner.key === RADIOTAP_LENGTH) return simple('the length of the radiotap header');
        if (inner.operation === BPF_NEG) return simple(`minus ${name(inner.right, depth + 1).text}`);
        const left = name(inner.left, depth + 1);
        if (inner.right.kind === 'constant') {
          const mask = inner.right.value;
          if (inner.operation === BPF_AND) {
            const bits = left.bits.find((candidate) => candidate.mask === mask);
            if (bits) return simple(`the ${bits.name}`, (value) => bitsValue(value, bits));
            return {
              ...simple(
                `${left.text} & ${left.isIpv4 ? left.value(mask) : hex(mask)}`,
                left.isIpv4 ? left.value : plain,
              ),
            };
          }
          return simple(`${left.text} ${OPERATORS.get(inner.operation)} ${plain(mask)}`);
        }
        if (depth > 2) return simple(register);
        return simple(`${left.text} ${OPERATORS.get(inner.operation)} ${name(inner.right, depth + 1).text}`);
      }
    }
  };
  return name(expression, 0);
}

/** A masked value: the bits that are set, and for a number that does not start at bit 0 the number itself. */
function bitsValue(value: number, { mask, isFlag }: fields.Bits): string {
  if (isFlag) return value === 0 ? 'clear' : 'set';
  const shift = 31 - Math.clz32(mask & -mask);
  return shift === 0 ? plain(value) : `${value >>> shift} (bits ${hex(value)})`;
}

const placeAfterHeader = (offset: number): string =>
  offset === 0 ? 'right after the IPv4 header' : `${offset} past the end of the IPv4 header`;

/** How many leading bits a mask has, or null where it is no prefix. */
export function prefixLength(mask: number): number | null {
  const length = Math.clz32(~mask >>> 0);
  return (length === 32 ? mask === 0xffffffff : (0xffffffff << (32 - length)) >>> 0 === mask || mask === 0)
    ? length
    : null;
}
