import { fold, sum } from '../../bytes/checksum.ts';
import { formatIpv6, parseIpv6 } from '../../wire/address.ts';

/** IPv6 addresses: 16 bytes in network order. Functions that take `(bytes, at)` read them in place, in a header or in an
 * address of its own (`at` 0). Types and scopes are those of net/ipv6.h and addrconf_core.c. */

export const IN6ADDR_ANY: Uint8Array = new Uint8Array(16);
const of = (text: string): Uint8Array => parseIpv6(text)!;
export const IN6ADDR_LOOPBACK: Uint8Array = of('::1');
export const IN6ADDR_LINKLOCAL_ALLNODES: Uint8Array = of('ff02::1');
export const IN6ADDR_LINKLOCAL_ALLROUTERS: Uint8Array = of('ff02::2');
export const IN6ADDR_INTERFACELOCAL_ALLNODES: Uint8Array = of('ff01::1');
export const IN6ADDR_INTERFACELOCAL_ALLROUTERS: Uint8Array = of('ff01::2');
export const IN6ADDR_SITELOCAL_ALLROUTERS: Uint8Array = of('ff05::2');
/** MLDv2 routers, RFC 3810 5.2.14. */
export const MLD2_ALL_MCR: Uint8Array = of('ff02::16');

// ipv6_addr_type: kinds in the low bits, scope in the type of a multicast address above them.
export const IPV6_ADDR_ANY = 0x0000;
export const IPV6_ADDR_UNICAST = 0x0001;
export const IPV6_ADDR_MULTICAST = 0x0002;
export const IPV6_ADDR_LOOPBACK = 0x0010;
export const IPV6_ADDR_LINKLOCAL = 0x0020;
export const IPV6_ADDR_SITELOCAL = 0x0040;
export const IPV6_ADDR_COMPATV4 = 0x0080;
export const IPV6_ADDR_SCOPE_MASK = 0x00f0;
export const IPV6_ADDR_MAPPED = 0x1000;
export const IPV6_ADDR_RESERVED = 0x2000;

// Scopes of addresses, RFC 4291 2.7 (__ipv6_addr_scope).
export const IPV6_ADDR_SCOPE_NODELOCAL = 0x01;
export const IPV6_ADDR_SCOPE_LINKLOCAL = 0x02;
export const IPV6_ADDR_SCOPE_SITELOCAL = 0x05;
export const IPV6_ADDR_SCOPE_ORGLOCAL = 0x08;
export const IPV6_ADDR_SCOPE_GLOBAL = 0x0e;

// Scopes of struct inet6_ifaddr.
export const IFA_HOST = IPV6_ADDR_LOOPBACK;
export const IFA_LINK = IPV6_ADDR_LINKLOCAL;
export const IFA_SITE = IPV6_ADDR_SITELOCAL;

const scopeBits = (scope: number): number => scope << 16;

/** Scope of a multicast address (IPV6_ADDR_MC_SCOPE): the low four bits of its second byte. */
export const ipv6AddrMcScope = (bytes: Uint8Array, at = 0): number => bytes[at + 1]! & 15;

function multicastType(scope: number): number {
  switch (scope) {
    case IPV6_ADDR_SCOPE_NODELOCAL:
      return IPV6_ADDR_LOOPBACK | scopeBits(scope);
    case IPV6_ADDR_SCOPE_LINKLOCAL:
      return IPV6_ADDR_LINKLOCAL | scopeBits(scope);
    case IPV6_ADDR_SCOPE_SITELOCAL:
      return IPV6_ADDR_SITELOCAL | scopeBits(scope);
    default:
      return scopeBits(scope);
  }
}

const zero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
};

/** __ipv6_addr_type: IPV6_ADDR_ bits, the scope (IPV6_ADDR_SCOPE_) above bit 16. `ipv6AddrType` gives the kinds alone. */
export function ipv6AddrTypeScope(bytes: Uint8Array, at = 0): number {
  const first = bytes[at]!;
  const second = bytes[at + 1]!;
  // Anything but ::/3 (and what fe80, fec0, fc00 and ff00 are below) is global unicast.
  if ((first & 0xe0) !== 0 && (first & 0xe0) !== 0xe0) return IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_GLOBAL);
  if (first === 0xff) return IPV6_ADDR_MULTICAST | multicastType(second & 15);
  if (first === 0xfe && (second & 0xc0) === 0x80)
    return IPV6_ADDR_LINKLOCAL | IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_LINKLOCAL);
  if (first === 0xfe && (second & 0xc0) === 0xc0)
    return IPV6_ADDR_SITELOCAL | IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_SITELOCAL);
  if ((first & 0xfe) === 0xfc) return IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_GLOBAL);
  if (zero(bytes, at, at + 8)) {
    if (zero(bytes, at + 8, at + 12)) {
      if (zero(bytes, at + 12, at + 15)) {
        if (bytes[at + 15] === 0) return IPV6_ADDR_ANY;
        if (bytes[at + 15] === 1) return IPV6_ADDR_LOOPBACK | IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_LINKLOCAL);
      }
      return IPV6_ADDR_COMPATV4 | IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_GLOBAL);
    }
    if (zero(bytes, at + 8, at + 10) && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff)
      return IPV6_ADDR_MAPPED | scopeBits(IPV6_ADDR_SCOPE_GLOBAL);
  }
  return IPV6_ADDR_UNICAST | scopeBits(IPV6_ADDR_SCOPE_GLOBAL);
}

export const ipv6AddrType = (bytes: Uint8Array, at = 0): number => ipv6AddrTypeScope(bytes, at) & 0xffff;
/** IPV6_ADDR_SCOPE_ of a type of `ipv6AddrTypeScope`. */
export const ipv6AddrSrcScope = (type: number): number => type >>> 16;
/** __ipv6_addr_needs_scope_id: link-local, or multicast of the interface or the link. */
export const ipv6AddrNeedsScopeId = (type: number): boolean =>
  (type & IPV6_ADDR_LINKLOCAL) !== 0 ||
  ((type & IPV6_ADDR_MULTICAST) !== 0 && (type & (IPV6_ADDR_LOOPBACK | IPV6_ADDR_LINKLOCAL)) !== 0);

export const ipv6AddrAny = (bytes: Uint8Array, at = 0): boolean => zero(bytes, at, at + 16);
export const ipv6AddrLoopback = (bytes: Uint8Array, at = 0): boolean =>
  zero(bytes, at, at + 15) && bytes[at + 15] === 1;
export const ipv6AddrIsMulticast = (bytes: Uint8Array, at = 0): boolean => bytes[at] === 0xff;
export const ipv6AddrV4Mapped = (bytes: Uint8Array, at = 0): boolean =>
  zero(bytes, at, at + 10) && bytes[at + 10] === 0xff && bytes[at + 11] === 0xff;
/** A subnet prefix's router anycast address: the host part is all 0. */
export const ipv6AddrIsLlAllNodes = (bytes: Uint8Array, at = 0): boolean =>
  ipv6AddrEqual(bytes, at, IN6ADDR_LINKLOCAL_ALLNODES, 0);
export const ipv6AddrIsLlAllRouters = (bytes: Uint8Array, at = 0): boolean =>
  ipv6AddrEqual(bytes, at, IN6ADDR_LINKLOCAL_ALLROUTERS, 0);
/** ff02::1:ffXX:XXXX */
export const ipv6AddrIsSolictMult = (bytes: Uint8Array, at = 0): boolean =>
  bytes[at] === 0xff &&
  bytes[at + 1] === 2 &&
  zero(bytes, at + 2, at + 11) &&
  bytes[at + 11] === 1 &&
  bytes[at + 12] === 0xff;

export function ipv6AddrEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = 0; i < 16; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}
export const in6Equal = (a: Uint8Array, b: Uint8Array): boolean => ipv6AddrEqual(a, 0, b, 0);

/** ipv6_prefix_equal: the first `length` bits are the same. */
export function ipv6PrefixEqual(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number): boolean {
  const whole = length >>> 3;
  for (let i = 0; i < whole; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  const rest = length & 7;
  return rest === 0 || ((a[aAt + whole]! ^ b[bAt + whole]!) & (0xff00 >>> rest) & 0xff) === 0;
}

/** ipv6_addr_diff: how many leading bits are the same, 128 where all are. */
export function ipv6AddrDiff(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < 16; i++) {
    const x = a[i]! ^ b[i]!;
    if (x !== 0) return i * 8 + Math.clz32(x) - 24;
  }
  return 128;
}

/** ipv6_addr_prefix: the address with everything behind the first `length` bits 0. */
export function ipv6AddrPrefix(address: Uint8Array, length: number, at = 0): Uint8Array {
  const prefix = new Uint8Array(16);
  const whole = length >>> 3;
  for (let i = 0; i < whole; i++) prefix[i] = address[at + i]!;
  if (length & 7) prefix[whole] = address[at + whole]! & (0xff00 >>> (length & 7));
  return prefix;
}

/** A string that is equal for equal addresses: a key for maps. */
export function in6Key(bytes: Uint8Array, at = 0): string {
  const b = bytes;
  return String.fromCharCode(
    (b[at]! << 8) | b[at + 1]!,
    (b[at + 2]! << 8) | b[at + 3]!,
    (b[at + 4]! << 8) | b[at + 5]!,
    (b[at + 6]! << 8) | b[at + 7]!,
    (b[at + 8]! << 8) | b[at + 9]!,
    (b[at + 10]! << 8) | b[at + 11]!,
    (b[at + 12]! << 8) | b[at + 13]!,
    (b[at + 14]! << 8) | b[at + 15]!,
  );
}

export const in6Copy = (bytes: Uint8Array, at = 0): Uint8Array => bytes.slice(at, at + 16);

/** addrconf_addr_solict_mult: the group that neighbour solicitations for the address go to, RFC 4291 2.7.1. */
export function addrconfAddrSolictMult(address: Uint8Array, at = 0): Uint8Array {
  const group = new Uint8Array(16);
  group[0] = 0xff;
  group[1] = 2;
  group[11] = 1;
  group[12] = 0xff;
  for (let i = 13; i < 16; i++) group[i] = address[at + i]!;
  return group;
}

/** ipv6_eth_mc_map: the Ethernet group of a multicast address, RFC 2464 7. */
export const ipv6EthMcMap = (b: Uint8Array, at = 0): Uint8Array =>
  Uint8Array.of(0x33, 0x33, b[at + 12]!, b[at + 13]!, b[at + 14]!, b[at + 15]!);

/** `fe80::1` as bytes, null where it is no address. */
export const ipv6Parse = (text: string): Uint8Array | null => parseIpv6(text);
export const ipv6Text = (bytes: Uint8Array, at = 0): string => formatIpv6(bytes, at);
/** 32 lower-case digits, as files of /proc/net have them. */
export const in6Hex = (bytes: Uint8Array, at = 0): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, 16).toString('hex');

/** Sum of the pseudo header of RFC 8200 8.1, not folded: `~fold(sum(…, csumIpv6Pseudo(…)))` is csum_ipv6_magic. */
export const csumIpv6Pseudo = (
  saddr: Uint8Array,
  saddrAt: number,
  daddr: Uint8Array,
  daddrAt: number,
  length: number,
  protocol: number,
): number =>
  sum(saddr, saddrAt, saddrAt + 16, sum(daddr, daddrAt, daddrAt + 16)) + (length >>> 16) + (length & 0xffff) + protocol;

/** csum_ipv6_magic: the checksum for data whose sum (not folded) is `total`. */
export const csumIpv6Magic = (
  saddr: Uint8Array,
  daddr: Uint8Array,
  length: number,
  protocol: number,
  total: number,
): number => ~fold(total + csumIpv6Pseudo(saddr, 0, daddr, 0, length, protocol)) & 0xffff;
