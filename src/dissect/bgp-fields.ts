import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/bgp.ts';
import { defineFields, type Fields } from './fields.ts';

/** Fields of BGP's path attributes and routes. */

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('bgp', {
  'update.path_attribute.flags': ['Flags', 'uint8', HEX],
  'update.path_attribute.flags.optional': ['Optional', 'bool', LIST],
  'update.path_attribute.flags.transitive': ['Transitive', 'bool', LIST],
  'update.path_attribute.flags.partial': ['Partial', 'bool', LIST],
  'update.path_attribute.flags.extended_length': ['Extended-Length', 'bool', LIST],
  'update.path_attribute.flags.unused': ['Unused', 'uint8', HEX],
  'update.path_attribute.type_code': ['Type Code', 'uint8', LIST],
  'update.path_attribute.length': ['Length', 'uint16', LIST],
  'update.path_attribute.origin': ['Origin', 'uint8', LIST],
  'update.path_attribute.as_path_segment.type': ['Segment type', 'uint8', LIST],
  'update.path_attribute.as_path_segment.length': ['Segment length (number of ASN)', 'uint8', LIST],
  'update.path_attribute.as_path_segment.as2': ['AS2', 'uint16', LIST],
  'update.path_attribute.as_path_segment.as4': ['AS4', 'uint32', LIST],
  'update.path_attribute.next_hop': ['Next hop', 'ipv4', LIST],
  'update.path_attribute.multi_exit_disc': ['Multiple exit discriminator', 'uint32', LIST],
  'update.path_attribute.local_pref': ['Local preference', 'uint32', LIST],
  'update.path_attribute.aggregator_as': ['Aggregator AS', 'uint32', LIST],
  'update.path_attribute.aggregator_origin': ['Aggregator origin', 'ipv4', LIST],
  'update.path_attribute.community_wellknown': ['Community Well-known', 'uint32', HEX],
  'update.path_attribute.community_as': ['Community AS', 'uint16', LIST],
  'update.path_attribute.community_value': ['Community value', 'uint16', LIST],
  'update.path_attribute.originator_id': ['Originator identifier', 'ipv4', LIST],
  'path_attribute.cluster_id': ['Cluster ID', 'ipv4', LIST],
  'ext_com.type': ['Type', 'uint8', HEX],
  'ext_com.type.auth': ['IANA Authority', 'bool', LIST],
  'ext_com.type.tran': ['Transitive across ASes', 'bool', LIST],
  'ext_com.stype_tr_as2': ['Subtype (AS2)', 'uint8', HEX],
  'ext_com.stype_ntr_as2': ['Subtype (Non-transitive AS2)', 'uint8', HEX],
  'ext_com.stype_tr_as4': ['Subtype (AS4)', 'uint8', HEX],
  'ext_com.stype_tr_IP4': ['Subtype (IPv4)', 'uint8', HEX],
  'ext_com.value_as2': ['2-Octet AS', 'uint16', LIST],
  'ext_com.value_as4': ['4-Octet AS', 'uint32', LIST],
  'ext_com.value_IP4': ['IPv4 address', 'ipv4', LIST],
  'ext_com.value_an2': ['2-Octet AN', 'uint16', LIST],
  'ext_com.value_an4': ['4-Octet AN', 'uint32', LIST],
  'large_communities.ga': ['Global Administrator', 'uint32', LIST],
  'large_communities.ldp1': ['Local Data Part 1', 'uint32', LIST],
  'large_communities.ldp2': ['Local Data Part 2', 'uint32', LIST],
  'update.path_attribute.mp_reach_nlri.afi': ['Address family identifier (AFI)', 'uint16', LIST],
  'update.path_attribute.mp_reach_nlri.safi': ['Subsequent address family identifier (SAFI)', 'uint8', LIST],
  'update.path_attribute.mp_reach_nlri.next_hop': ['Next hop', 'bytes', LIST],
  'update.path_attribute.mp_reach_nlri.next_hop.ipv4': ['IPv4 Address', 'ipv4', LIST],
  'update.path_attribute.mp_reach_nlri.next_hop.ipv6': ['IPv6 Address', 'ipv6', LIST],
  'update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local': ['Link-local Address', 'ipv6', LIST],
  'update.path_attribute.mp_reach_nlri.nbr_snpa': ['Number of Subnetwork points of attachment (SNPA)', 'uint8', LIST],
  'update.path_attribute.mp_unreach_nlri.afi': ['Address family identifier (AFI)', 'uint16', LIST],
  'update.path_attribute.mp_unreach_nlri.safi': ['Subsequent address family identifier (SAFI)', 'uint8', LIST],
  mp_reach_nlri_ipv4_prefix: ['MP Reach NLRI IPv4 prefix', 'ipv4', LIST],
  mp_reach_nlri_ipv6_prefix: ['MP Reach NLRI IPv6 prefix', 'ipv6', LIST],
  mp_unreach_nlri_ipv4_prefix: ['MP Unreach NLRI IPv4 prefix', 'ipv4', LIST],
  mp_unreach_nlri_ipv6_prefix: ['MP Unreach NLRI IPv6 prefix', 'ipv6', LIST],
});

/** Fields that have one value under a short name of their own here. */
const A = {
  flags: F['update.path_attribute.flags'],
  reachAfi: F['update.path_attribute.mp_reach_nlri.afi'],
  reachSafi: F['update.path_attribute.mp_reach_nlri.safi'],
  nextHop: F['update.path_attribute.mp_reach_nlri.next_hop'],
  nextHop4: F['update.path_attribute.mp_reach_nlri.next_hop.ipv4'],
  nextHop6: F['update.path_attribute.mp_reach_nlri.next_hop.ipv6'],
  linkLocal: F['update.path_attribute.mp_reach_nlri.next_hop.ipv6.link_local'],
  unreachAfi: F['update.path_attribute.mp_unreach_nlri.afi'],
  unreachSafi: F['update.path_attribute.mp_unreach_nlri.safi'],
} as const;

const AFI_IPV4 = 1;
const AFI_IPV6 = 2;
const SAFI_UNICAST = 1;
const SAFI_MULTICAST = 2;

/** Prefixes of `size` bytes at most from `at` up to `end`: `lengthId` is their lengths' field, `id` their own. False where
 * one is longer than an address. */
export function walkPrefixes(f: Fields, at: number, end: number, size: 4 | 16, id: number, lengthId: number): boolean {
  while (at < end) {
    const bits = f.bytes[at]!;
    const length = (bits + 7) >> 3;
    if (length > size || at + 1 + length > end) {
      f.invalid('bgp', at, length, end - at - 1, 'bgp.prefix_length');
      return false;
    }
    f.uint(lengthId, at, 1, bits);
    if (f.wants(id)) {
      // An address needs all its bytes: those that are not on the wire are zero.
      const place = f.append(size);
      f.bytes.fill(0, place, place + size);
      f.bytes.copyWithin(place, at + 1, at + 1 + length);
      if (bits % 8 !== 0) f.bytes[place + length - 1] = f.bytes[place + length - 1]! & (0xff00 >> (bits % 8));
      f.raw(id, place, size);
    }
    at += 1 + length;
  }
  return true;
}

/** Bytes of an AS number in a path, which the message does not say: two, unless the segments then do not end where the
 * attribute does. */
function asSize(bytes: Uint8Array, at: number, end: number): 2 | 4 {
  while (at + 2 <= end) {
    const type = bytes[at]!;
    if (type < 1 || type > 4) return 4;
    at += 2 + bytes[at + 1]! * 2;
  }
  return at === end ? 2 : 4;
}

function walkPath(f: Fields, at: number, end: number, size: 2 | 4): void {
  const { bytes } = f;
  while (at + 2 <= end) {
    const count = bytes[at + 1]!;
    f.uint(F['update.path_attribute.as_path_segment.type'], at, 1, bytes[at]!);
    f.uint(F['update.path_attribute.as_path_segment.length'], at + 1, 1, count);
    at += 2;
    for (let i = 0; i < count && at + size <= end; i++, at += size)
      if (size === 2) f.uint(F['update.path_attribute.as_path_segment.as2'], at, 2, be16(bytes, at));
      else f.uint(F['update.path_attribute.as_path_segment.as4'], at, 4, be32(bytes, at));
  }
}

function walkCommunities(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  for (; at + 4 <= end; at += 4) {
    // RFC 1997 2: those of the first and the last AS are reserved.
    const as = be16(bytes, at);
    if (as === 0xffff || be32(bytes, at) === 0) {
      f.uint(F['update.path_attribute.community_wellknown'], at, 4, be32(bytes, at));
      continue;
    }
    f.uint(F['update.path_attribute.community_as'], at, 2, as);
    f.uint(F['update.path_attribute.community_value'], at + 2, 2, be16(bytes, at + 2));
  }
}

function walkExtended(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  for (; at + 8 <= end; at += 8) {
    const type = bytes[at]!;
    f.uint(F['ext_com.type'], at, 1, type);
    f.bool(F['ext_com.type.auth'], at, 1, (type & 0x80) !== 0);
    f.bool(F['ext_com.type.tran'], at, 1, (type & 0x40) !== 0);
    const subtype = bytes[at + 1]!;
    switch (type) {
      case 0x00:
      case 0x40:
        f.uint(type === 0 ? F['ext_com.stype_tr_as2'] : F['ext_com.stype_ntr_as2'], at + 1, 1, subtype);
        f.uint(F['ext_com.value_as2'], at + 2, 2, be16(bytes, at + 2));
        f.uint(F['ext_com.value_an4'], at + 4, 4, be32(bytes, at + 4));
        break;
      case 0x01:
        f.uint(F['ext_com.stype_tr_IP4'], at + 1, 1, subtype);
        f.raw(F['ext_com.value_IP4'], at + 2, 4);
        f.uint(F['ext_com.value_an2'], at + 6, 2, be16(bytes, at + 6));
        break;
      case 0x02:
        f.uint(F['ext_com.stype_tr_as4'], at + 1, 1, subtype);
        f.uint(F['ext_com.value_as4'], at + 2, 4, be32(bytes, at + 2));
        f.uint(F['ext_com.value_an2'], at + 6, 2, be16(bytes, at + 6));
        break;
    }
  }
}

function walkLarge(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  for (; at + 12 <= end; at += 12) {
    f.uint(F['large_communities.ga'], at, 4, be32(bytes, at));
    f.uint(F['large_communities.ldp1'], at + 4, 4, be32(bytes, at + 4));
    f.uint(F['large_communities.ldp2'], at + 8, 4, be32(bytes, at + 8));
  }
}

const isPlain = (safi: number): boolean => safi === SAFI_UNICAST || safi === SAFI_MULTICAST;

function walkReach(f: Fields, at: number, end: number, lengthId: number): void {
  if (!f.fits('bgp', at, 5, end)) return;
  const { bytes } = f;
  const afi = be16(bytes, at);
  const safi = bytes[at + 2]!;
  const hop = bytes[at + 3]!;
  f.uint(A.reachAfi, at, 2, afi);
  f.uint(A.reachSafi, at + 2, 1, safi);
  if (!f.fits('bgp', at + 4, hop + 1, end)) return;
  f.raw(A.nextHop, at + 3, hop + 1);
  if (afi === AFI_IPV4 && hop === 4) f.raw(A.nextHop4, at + 4, 4);
  else if ((afi === AFI_IPV4 || afi === AFI_IPV6) && (hop === 16 || hop === 32)) {
    f.raw(A.nextHop6, at + 4, 16);
    if (hop === 32) f.raw(A.linkLocal, at + 20, 16);
  }
  at += 4 + hop;
  let points = bytes[at]!;
  f.uint(F['update.path_attribute.mp_reach_nlri.nbr_snpa'], at++, 1, points);
  for (; points > 0; points--) {
    if (!f.fits('bgp', at, 1 + (at < end ? bytes[at]! : 0), end)) return;
    at += 1 + bytes[at]!;
  }
  if (isPlain(safi) && afi === AFI_IPV4) walkPrefixes(f, at, end, 4, F.mp_reach_nlri_ipv4_prefix, lengthId);
  else if (isPlain(safi) && afi === AFI_IPV6) walkPrefixes(f, at, end, 16, F.mp_reach_nlri_ipv6_prefix, lengthId);
}

function walkUnreach(f: Fields, at: number, end: number, lengthId: number): void {
  if (!f.fits('bgp', at, 3, end)) return;
  const { bytes } = f;
  const afi = be16(bytes, at);
  const safi = bytes[at + 2]!;
  f.uint(A.unreachAfi, at, 2, afi);
  f.uint(A.unreachSafi, at + 2, 1, safi);
  at += 3;
  if (isPlain(safi) && afi === AFI_IPV4) walkPrefixes(f, at, end, 4, F.mp_unreach_nlri_ipv4_prefix, lengthId);
  else if (isPlain(safi) && afi === AFI_IPV6) walkPrefixes(f, at, end, 16, F.mp_unreach_nlri_ipv6_prefix, lengthId);
}

/** The value of an attribute, from `at` up to `end`. */
function walkValue(f: Fields, type: number, at: number, end: number, lengthId: number): void {
  const { bytes } = f;
  const size = end - at;
  const word = (id: number): void => {
    if (size === 4) f.uint(id, at, 4, be32(bytes, at));
  };
  switch (type) {
    case wire.ORIGIN:
      if (size === 1) f.uint(F['update.path_attribute.origin'], at, 1, bytes[at]!);
      break;
    case wire.AS_PATH:
      walkPath(f, at, end, asSize(bytes, at, end));
      break;
    case wire.AS4_PATH:
      walkPath(f, at, end, 4);
      break;
    case wire.NEXT_HOP:
      if (size === 4) f.raw(F['update.path_attribute.next_hop'], at, 4);
      break;
    case wire.MULTI_EXIT_DISC:
      word(F['update.path_attribute.multi_exit_disc']);
      break;
    case wire.LOCAL_PREF:
      word(F['update.path_attribute.local_pref']);
      break;
    case wire.AGGREGATOR:
    case wire.AS4_AGGREGATOR:
      if (size !== 6 && size !== 8) break;
      f.uint(F['update.path_attribute.aggregator_as'], at, size - 4, size === 6 ? be16(bytes, at) : be32(bytes, at));
      f.raw(F['update.path_attribute.aggregator_origin'], end - 4, 4);
      break;
    case wire.COMMUNITIES:
      if (size % 4 === 0) walkCommunities(f, at, end);
      break;
    case wire.ORIGINATOR_ID:
      if (size === 4) f.raw(F['update.path_attribute.originator_id'], at, 4);
      break;
    case wire.CLUSTER_LIST:
      if (size % 4 === 0) for (; at < end; at += 4) f.raw(F['path_attribute.cluster_id'], at, 4);
      break;
    case wire.MP_REACH:
      walkReach(f, at, end, lengthId);
      break;
    case wire.MP_UNREACH:
      walkUnreach(f, at, end, lengthId);
      break;
    case wire.EXTENDED_COMMUNITIES:
      walkExtended(f, at, end);
      break;
    case wire.LARGE_COMMUNITIES:
      walkLarge(f, at, end);
      break;
  }
}

/** The attributes from `at` up to `end`; `lengthId` is the field of the lengths of prefixes. */
export function walkAttributes(f: Fields, at: number, end: number, lengthId: number): void {
  const { bytes } = f;
  while (at < end) {
    const flags = bytes[at]!;
    const isExtended = (flags & wire.ATTRIBUTE_EXTENDED) !== 0;
    const header = isExtended ? 4 : 3;
    if (!f.fits('bgp', at, header, end)) return;
    const type = bytes[at + 1]!;
    const size = isExtended ? be16(bytes, at + 2) : bytes[at + 2]!;
    f.uint(A.flags, at, 1, flags);
    f.bool(F['update.path_attribute.flags.optional'], at, 1, (flags & 0x80) !== 0);
    f.bool(F['update.path_attribute.flags.transitive'], at, 1, (flags & 0x40) !== 0);
    f.bool(F['update.path_attribute.flags.partial'], at, 1, (flags & 0x20) !== 0);
    f.bool(F['update.path_attribute.flags.extended_length'], at, 1, isExtended);
    f.uint(F['update.path_attribute.flags.unused'], at, 1, flags & 15);
    f.uint(F['update.path_attribute.type_code'], at + 1, 1, type);
    f.uint(F['update.path_attribute.length'], at + 2, header - 2, size);
    at += header;
    if (!f.fits('bgp', at, size, end)) return;
    walkValue(f, type, at, at + size, lengthId);
    at += size;
  }
}
