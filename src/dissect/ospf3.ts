import { be16, be24, be32 } from '../bytes/endian.ts';
import { formatIpv6 } from '../wire/address.ts';
import { TYPE_ACKNOWLEDGE, TYPE_DESCRIPTION, TYPE_HELLO, TYPE_REQUEST, TYPE_UPDATE } from '../wire/ospf.ts';
import * as wire from '../wire/ospf3.ts';
import { defineFields, type Fields } from './fields.ts';
import { walkRouterInformation } from './ospf-opaque.ts';
import { F } from './ospf-registry.ts';

/** Fields of OSPF version 3, RFC 5340. */

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const V = defineFields('ospf.v3', {
  options: ['Options', 'uint24', HEX],
  'options.at': ['AT', 'bool', LIST],
  'options.l': ['L', 'bool', LIST],
  'options.af': ['AF', 'bool', LIST],
  'options.dc': ['DC', 'bool', LIST],
  'options.r': ['R', 'bool', LIST],
  'options.n': ['N', 'bool', LIST],
  'options.mc': ['MC', 'bool', LIST],
  'options.e': ['E', 'bool', LIST],
  'options.v6': ['V6', 'bool', LIST],
  lsa: ['LS Type', 'uint16', HEX],
  'lsa.do_not_age': ['Do Not Age', 'bool', LIST],
  'lsa.u': ['LSA Handling', 'bool', LIST],
  'lsa.s12': ['Flooding Scope', 'uint16', HEX],
  'lsa.fc': ['Function Code', 'uint16', LIST],
  'lsa.router': ['Router-LSA', 'bool', LIST],
  'lsa.network': ['Network-LSA', 'bool', LIST],
  'lsa.interprefix': ['Inter-Area-Prefix-LSA', 'bool', LIST],
  'lsa.interrouter': ['Inter-Area-Router-LSA', 'bool', LIST],
  'lsa.asext': ['AS-External-LSA', 'bool', LIST],
  'lsa.member': ['Group-Membership-LSA', 'bool', LIST],
  'lsa.nssa': ['NSSA-LSA', 'bool', LIST],
  'lsa.link': ['Link-LSA', 'bool', LIST],
  'lsa.intraprefix': ['Intra-Area-Prefix-LSA', 'bool', LIST],
  'lsa.opaque': ['Router Information Opaque-LSA', 'bool', LIST],
  'router.lsa.flags': ['Flags', 'uint8', HEX],
  'router.lsa.flags.w': ['(W) Wild-card multicast receiver', 'bool', LIST],
  'router.lsa.flags.v': ['(V) Virtual link endpoint', 'bool', LIST],
  'router.lsa.flags.e': ['(E) AS boundary router', 'bool', LIST],
  'router.lsa.flags.b': ['(B) Area border router', 'bool', LIST],
  'lsa.type': ['Type', 'uint8', LIST],
  'lsa.interface_id': ['Interface ID', 'uint32', LIST],
  'lsa.neighbor_interface_id': ['Neighbor Interface ID', 'uint32', LIST],
  'lsa.neighbor_router_id': ['Neighbor Router ID', 'ipv4', LIST],
  'lsa.attached_router': ['Attached Router', 'ipv4', LIST],
  'lsa.destination_router_id': ['Destination Router ID', 'ipv4', LIST],
  'prefix.options': ['PrefixOptions', 'uint8', HEX],
  'prefix.options.p': ['(P) Propagate', 'bool', LIST],
  'prefix.options.mc': ['(MC) Multicast', 'bool', LIST],
  'prefix.options.la': ['(LA) Local Address', 'bool', LIST],
  'prefix.options.nu': ['(NU) NoUnicast', 'bool', LIST],
  'address_prefix.ipv6': ['Address Prefix', 'string', LIST],
  'as.external.flags': ['Flags', 'uint8', HEX],
  'as.external.flags.e': ['(E) External Metric', 'bool', LIST],
  'as.external.flags.f': ['(F) Forwarding Address', 'bool', LIST],
  'as.external.flags.t': ['(T) External Route Tag', 'bool', LIST],
  'lsa.referenced_ls_type': ['Referenced LS type', 'uint16', HEX],
  'lsa.forwarding_address.ipv6': ['Forwarding Address', 'ipv6', LIST],
  'lsa.external_route_tag': ['External Route Tag', 'uint32', LIST],
  'lsa.referenced_link_state_id': ['Referenced Link State ID', 'ipv4', LIST],
  'lsa.referenced_advertising_router': ['Referenced Advertising Router', 'ipv4', LIST],
  'lsa.router_priority': ['Router Priority', 'uint8', LIST],
  'lsa.link_local_interface_address.ipv6': ['Link-local Interface Address', 'ipv6', LIST],
  'lsa.num_prefixes': ['# prefixes', 'uint32', LIST],
});

type Flags = readonly (readonly [id: number, mask: number])[];

const OPTIONS: Flags = [
  [V['options.at'], 0x400],
  [V['options.l'], 0x200],
  [V['options.af'], 0x100],
  [V['options.dc'], 0x20],
  [V['options.r'], 0x10],
  [V['options.n'], 0x08],
  [V['options.mc'], 0x04],
  [V['options.e'], 0x02],
  [V['options.v6'], 0x01],
];
const ROUTER_FLAGS: Flags = [
  [V['router.lsa.flags.w'], 0x08],
  [V['router.lsa.flags.v'], 0x04],
  [V['router.lsa.flags.e'], 0x02],
  [V['router.lsa.flags.b'], 0x01],
];
const PREFIX_OPTIONS: Flags = [
  [V['prefix.options.p'], 0x08],
  [V['prefix.options.mc'], 0x04],
  [V['prefix.options.la'], 0x02],
  [V['prefix.options.nu'], 0x01],
];
const EXTERNAL_FLAGS: Flags = [
  [V['as.external.flags.e'], wire.EXTERNAL_TYPE_2],
  [V['as.external.flags.f'], wire.EXTERNAL_FORWARDING],
  [V['as.external.flags.t'], wire.EXTERNAL_TAG],
];
/** By function code: the field that says that it is one. */
const KINDS: Readonly<Record<number, number>> = {
  1: V['lsa.router'],
  2: V['lsa.network'],
  3: V['lsa.interprefix'],
  4: V['lsa.interrouter'],
  5: V['lsa.asext'],
  6: V['lsa.member'],
  7: V['lsa.nssa'],
  8: V['lsa.link'],
  9: V['lsa.intraprefix'],
  12: V['lsa.opaque'],
};

function flags(f: Fields, id: number, at: number, length: number, value: number, bits: Flags): void {
  f.uint(id, at, length, value);
  for (const [bit, mask] of bits) f.bool(bit, at, length, (value & mask) !== 0);
}

const options = (f: Fields, at: number): void => flags(f, V.options, at, 3, be24(f.bytes, at), OPTIONS);

/** The rest of the packet at `at`, behind the checksum. */
export function walkOspf3(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  f.uint(F.instance_id, at + 14, 1, wire.instance(bytes, at));
  f.raw(F.reserved, at + 15, 1);
  const body = at + wire.HEADER_LENGTH;
  switch (type) {
    case TYPE_HELLO:
      if (!f.fits('ospf', body, wire.HELLO_LENGTH, end)) return;
      f.uint(F['hello.interface_id'], body, 4, be32(bytes, body));
      f.uint(F['hello.router_priority'], body + 4, 1, bytes[body + 4]!);
      options(f, body + 5);
      f.uint(F['hello.hello_interval'], body + 8, 2, be16(bytes, body + 8));
      f.uint(F['hello.router_dead_interval'], body + 10, 2, be16(bytes, body + 10));
      f.raw(F['hello.designated_router'], body + 12, 4);
      f.raw(F['hello.backup_designated_router'], body + 16, 4);
      for (let place = body + wire.HELLO_LENGTH; place + 4 <= end; place += 4)
        f.raw(F['hello.active_neighbor'], place, 4);
      break;
    case TYPE_DESCRIPTION: {
      if (!f.fits('ospf', body, wire.DESCRIPTION_LENGTH, end)) return;
      f.raw(F.reserved, body, 1);
      options(f, body + 1);
      f.uint(F['db.interface_mtu'], body + 4, 2, be16(bytes, body + 4));
      f.raw(F.reserved, body + 6, 1);
      flags(f, F.dbd, body + 7, 1, bytes[body + 7]!, [
        [F['dbd.r'], 8],
        [F['dbd.i'], 4],
        [F['dbd.m'], 2],
        [F['dbd.ms'], 1],
      ]);
      f.uint(F['db.dd_sequence'], body + 8, 4, be32(bytes, body + 8));
      walkLsas(f, body + wire.DESCRIPTION_LENGTH, end, false);
      break;
    }
    case TYPE_REQUEST:
      for (let place = body; place + wire.REQUEST_LENGTH <= end; place += wire.REQUEST_LENGTH) {
        f.raw(F.reserved, place, 2);
        walkType(f, place + 2);
        f.raw(F.link_state_id, place + 4, 4);
        f.raw(F.advrouter, place + 8, 4);
      }
      break;
    case TYPE_UPDATE:
      if (!f.fits('ospf', body, 4, end)) return;
      f.uint(F['ls.number_of_lsas'], body, 4, be32(bytes, body));
      walkLsas(f, body + 4, end, true);
      break;
    case TYPE_ACKNOWLEDGE:
      walkLsas(f, body, end, false);
  }
}

function walkType(f: Fields, at: number): void {
  const type = be16(f.bytes, at);
  f.uint(V.lsa, at, 2, type);
  f.bool(V['lsa.u'], at, 2, wire.isTransitive(type));
  f.uint(V['lsa.s12'], at, 2, wire.scope(type));
  f.uint(V['lsa.fc'], at, 2, wire.functionOf(type));
}

/** LSA headers, with their bodies where those follow. */
function walkLsas(f: Fields, at: number, end: number, haveBodies: boolean): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('ospf', at, wire.LSA_HEADER_LENGTH, end)) return;
    const length = wire.lsaLength(bytes, at);
    const age = wire.lsaAge(bytes, at);
    f.uint(F['lsa.age'], at, 2, age & 0x7fff);
    f.bool(V['lsa.do_not_age'], at, 2, age >>> 15 === 1);
    walkType(f, at + 2);
    const code = wire.functionOf(wire.lsaType(bytes, at));
    const kind = KINDS[code];
    if (kind !== undefined) f.bool(kind, at + 2, 2, true);
    f.raw(F.link_state_id, wire.lsaIdAt(at), 4);
    f.raw(F.advrouter, wire.lsaRouterAt(at), 4);
    f.uint(F['lsa.seqnum'], at + 12, 4, wire.lsaSequence(bytes, at));
    f.uint(F['lsa.chksum'], at + 16, 2, wire.lsaChecksum(bytes, at));
    f.uint(F['lsa.length'], at + 18, 2, length);
    if (length < wire.LSA_HEADER_LENGTH) {
      f.invalid('ospf', at + 18, wire.LSA_HEADER_LENGTH, length, 'ospf.lsa.length');
      return;
    }
    if (haveBodies) {
      if (!f.fits('ospf', at, length, end)) return;
      walkBody(f, code, at + wire.LSA_HEADER_LENGTH, at + length);
    }
    at += haveBodies ? length : wire.LSA_HEADER_LENGTH;
  }
}

/** Bytes of each body before its list. */
const FIXED: Readonly<Record<number, number>> = {
  [wire.LSA_ROUTER]: 4,
  [wire.LSA_NETWORK]: 4,
  [wire.LSA_INTER_AREA_PREFIX]: 4,
  [wire.LSA_INTER_AREA_ROUTER]: 12,
  [wire.LSA_EXTERNAL]: 4,
  [wire.LSA_NSSA]: 4,
  [wire.LSA_LINK]: 24,
  [wire.LSA_INTRA_AREA_PREFIX]: 12,
};

function walkBody(f: Fields, code: number, at: number, end: number): void {
  const { bytes } = f;
  if (!f.fits('ospf', at, FIXED[code] ?? 0, end)) return;
  switch (code) {
    case wire.LSA_ROUTER:
      flags(f, V['router.lsa.flags'], at, 1, bytes[at]!, ROUTER_FLAGS);
      options(f, at + 1);
      for (let link = at + 4; link + wire.LINK_LENGTH <= end; link += wire.LINK_LENGTH) {
        f.uint(V['lsa.type'], link, 1, bytes[link]!);
        f.raw(F.reserved, link + 1, 1);
        f.uint(F.metric, link + 2, 2, be16(bytes, link + 2));
        f.uint(V['lsa.interface_id'], link + 4, 4, be32(bytes, link + 4));
        f.uint(V['lsa.neighbor_interface_id'], link + 8, 4, be32(bytes, link + 8));
        f.raw(V['lsa.neighbor_router_id'], link + 12, 4);
      }
      break;
    case wire.LSA_NETWORK:
      f.raw(F.reserved, at, 1);
      options(f, at + 1);
      for (let place = at + 4; place + 4 <= end; place += 4) f.raw(V['lsa.attached_router'], place, 4);
      break;
    case wire.LSA_INTER_AREA_PREFIX:
      f.raw(F.reserved, at, 1);
      f.uint(F.metric, at + 1, 3, be24(bytes, at + 1));
      walkPrefix(f, at + 4, end, 'reserved');
      break;
    case wire.LSA_INTER_AREA_ROUTER:
      f.raw(F.reserved, at, 1);
      options(f, at + 1);
      f.raw(F.reserved, at + 4, 1);
      f.uint(F.metric, at + 5, 3, be24(bytes, at + 5));
      f.raw(V['lsa.destination_router_id'], at + 8, 4);
      break;
    case wire.LSA_EXTERNAL:
    case wire.LSA_NSSA:
      walkExternal(f, at, end);
      break;
    case wire.LSA_LINK: {
      f.uint(V['lsa.router_priority'], at, 1, bytes[at]!);
      options(f, at + 1);
      f.raw(V['lsa.link_local_interface_address.ipv6'], at + 4, 16);
      f.uint(V['lsa.num_prefixes'], at + 20, 4, be32(bytes, at + 20));
      let place = at + 24;
      for (let i = be32(bytes, at + 20); i > 0 && place >= 0; i--) place = walkPrefix(f, place, end, 'reserved');
      break;
    }
    case wire.LSA_INTRA_AREA_PREFIX: {
      f.uint(V['lsa.num_prefixes'], at, 2, be16(bytes, at));
      f.uint(V['lsa.referenced_ls_type'], at + 2, 2, be16(bytes, at + 2));
      f.raw(V['lsa.referenced_link_state_id'], at + 4, 4);
      f.raw(V['lsa.referenced_advertising_router'], at + 8, 4);
      let place = at + 12;
      for (let i = be16(bytes, at); i > 0 && place >= 0; i--) place = walkPrefix(f, place, end, 'metric');
      break;
    }
    case 12:
      walkRouterInformation(f, at, end);
  }
}

/** What the two bytes behind a prefix's options are. */
type Use = 'reserved' | 'metric' | 'referenced';

/** Gives the offset behind the prefix, or -1 where it is not whole. */
function walkPrefix(f: Fields, at: number, end: number, use: Use): number {
  if (at + wire.PREFIX_HEADER_LENGTH > end) return -1;
  const { bytes } = f;
  const bits = bytes[at]!;
  f.uint(F.prefix_length, at, 1, bits);
  flags(f, V['prefix.options'], at + 1, 1, bytes[at + 1]!, PREFIX_OPTIONS);
  if (use === 'reserved') f.raw(F.reserved, at + 2, 2);
  else f.uint(use === 'metric' ? F.metric : V['lsa.referenced_ls_type'], at + 2, 2, be16(bytes, at + 2));
  const address = at + wire.PREFIX_HEADER_LENGTH;
  const length = wire.prefixBytes(bits);
  if (bits > 128) {
    f.invalid('ospf', at, 128, bits, 'ospf.prefix_length');
    return -1;
  }
  if (!f.fits('ospf', address, length, end)) return -1;
  const whole = new Uint8Array(16);
  whole.set(bytes.subarray(address, address + length));
  f.value(V['address_prefix.ipv6'], address, length, formatIpv6(whole, 0));
  return address + length;
}

function walkExternal(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const bits = bytes[at]!;
  flags(f, V['as.external.flags'], at, 1, bits, EXTERNAL_FLAGS);
  f.uint(F.metric, at + 1, 3, be24(bytes, at + 1));
  let place = walkPrefix(f, at + 4, end, 'referenced');
  if (place < 0) return;
  if ((bits & wire.EXTERNAL_FORWARDING) !== 0) {
    if (!f.fits('ospf', place, 16, end)) return;
    f.raw(V['lsa.forwarding_address.ipv6'], place, 16);
    place += 16;
  }
  if ((bits & wire.EXTERNAL_TAG) !== 0) {
    if (!f.fits('ospf', place, 4, end)) return;
    f.uint(V['lsa.external_route_tag'], place, 4, be32(bytes, place));
    place += 4;
  }
  if (be16(bytes, at + 6) !== 0) {
    if (!f.fits('ospf', place, 4, end)) return;
    f.raw(V['lsa.referenced_link_state_id'], place, 4);
  }
}
