import { be16, be24, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ospf.ts';
import { defineFields, type Fields } from './fields.ts';
import { F as COMMON } from './ospf-registry.ts';

/** Fields of OSPF's options and of the bodies of link state advertisements, RFC 2328 A.2 and A.4. */

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('ospf', {
  'v2.options': ['Options', 'uint8', HEX],
  'v2.options.mt': ['(MT) Multi-Topology Routing', 'bool', LIST],
  'v2.options.e': ['(E) External Routing', 'bool', LIST],
  'v2.options.mc': ['(MC) Multicast', 'bool', LIST],
  'v2.options.n': ['(N) NSSA', 'bool', LIST],
  'v2.options.p': ['(P) Propagate', 'bool', LIST],
  'v2.options.l': ['(L) LLS Data block', 'bool', LIST],
  'v2.options.dc': ['(DC) Demand Circuits', 'bool', LIST],
  'v2.options.o': ['O', 'bool', LIST],
  'v2.options.dn': ['DN', 'bool', LIST],
  'lsa.router': ['Router LSA', 'bool', LIST],
  'lsa.network': ['Network LSA', 'bool', LIST],
  'lsa.summary': ['Summary LSA (IP Network)', 'bool', LIST],
  'lsa.asbr': ['Summary LSA (ASBR)', 'bool', LIST],
  'lsa.asext': ['AS-External LSA (ASBR)', 'bool', LIST],
  'lsa.member': ['Group Membership LSA', 'bool', LIST],
  'lsa.attr': ['External Attributes LSA', 'bool', LIST],
  'lsa.opaque': ['Opaque LSA', 'bool', LIST],
  'lsa.id': ['Link State ID', 'ipv4', LIST],
  lsid_opaque_type: ['Link State ID Opaque Type', 'uint8', LIST],
  'lsid.opaque_id': ['Link State ID Opaque ID', 'uint24', LIST],
  'lsid_te_lsa.reserved': ['Link State ID TE-LSA Reserved', 'uint8', LIST],
  'lsid_te_lsa.instance': ['Link State ID TE-LSA Instance', 'uint16', LIST],
  'ls.metric': ['Metric', 'uint32', LIST],
  'lsa.nssa': ['NSSA AS-External LSA', 'bool', LIST],
  'v2.router.lsa.flags': ['Flags', 'uint8', HEX],
  'v2.router.lsa.flags.b': ['(B) Area border router', 'bool', LIST],
  'v2.router.lsa.flags.e': ['(E) AS boundary router', 'bool', LIST],
  'v2.router.lsa.flags.v': ['(V) Virtual link endpoint', 'bool', LIST],
  'v2.router.lsa.flags.w': ['(W) Wild-card multicast receiver', 'bool', LIST],
  'v2.router.lsa.flags.n': ['(N) flag', 'bool', LIST],
  'v2.router.lsa.flags.h': ['(H) flag', 'bool', LIST],
  'lsa.number_of_links': ['Number of Links', 'uint16', LIST],
  'lsa.router.linkid': ['Link ID', 'ipv4', LIST],
  'lsa.router.linkdata': ['Link Data', 'ipv4', LIST],
  'lsa.router.linktype': ['Link Type', 'uint8', LIST],
  'lsa.router.nummetrics': ['Number of Metrics', 'uint8', LIST],
  'lsa.router.metric0': ['0 Metric', 'uint16', LIST],
  'lsa.network.netmask': ['Netmask', 'ipv4', LIST],
  'lsa.network.attchrtr': ['Attached Router', 'ipv4', LIST],
  'lsa.asbr.netmask': ['Netmask', 'ipv4', LIST],
  'lsa.asext.netmask': ['Netmask', 'ipv4', LIST],
  'lsa.asext.type': ['External Type', 'bool', LIST],
  'lsa.asext.fwdaddr': ['Forwarding Address', 'ipv4', LIST],
  'lsa.asext.extrttag': ['External Route Tag', 'uint32', LIST],
  'lsa.tos': ['TOS', 'uint8', LIST],
});

const ROUTER = 1;
const NETWORK = 2;
const SUMMARY = 3;
const ASBR_SUMMARY = 4;
const EXTERNAL = 5;
const GROUP_MEMBERSHIP = 6;
const NSSA = 7;
const EXTERNAL_ATTRIBUTES = 8;

/** By type of LSA: the field that says that it is one. */
const KINDS: Readonly<Record<number, number>> = {
  [ROUTER]: F['lsa.router'],
  [NETWORK]: F['lsa.network'],
  [SUMMARY]: F['lsa.summary'],
  [ASBR_SUMMARY]: F['lsa.asbr'],
  [EXTERNAL]: F['lsa.asext'],
  [GROUP_MEMBERSHIP]: F['lsa.member'],
  [NSSA]: F['lsa.nssa'],
  [EXTERNAL_ATTRIBUTES]: F['lsa.attr'],
  [wire.LSA_OPAQUE_LINK]: F['lsa.opaque'],
  [wire.LSA_OPAQUE_LINK + 1]: F['lsa.opaque'],
  [wire.LSA_OPAQUE_AS]: F['lsa.opaque'],
};

/** The options at `at`. In the header of an NSSA's LSA one bit has another meaning (RFC 3101 2.4). */
export function walkOptions(f: Fields, at: number, isOfNssa = false): void {
  const value = f.bytes[at]!;
  f.uint(F['v2.options'], at, 1, value);
  f.bool(F['v2.options.dn'], at, 1, (value & 0x80) !== 0);
  f.bool(F['v2.options.o'], at, 1, (value & 0x40) !== 0);
  f.bool(F['v2.options.dc'], at, 1, (value & 0x20) !== 0);
  f.bool(F['v2.options.l'], at, 1, (value & 0x10) !== 0);
  f.bool(isOfNssa ? F['v2.options.p'] : F['v2.options.n'], at, 1, (value & 0x08) !== 0);
  f.bool(F['v2.options.mc'], at, 1, (value & 0x04) !== 0);
  f.bool(F['v2.options.e'], at, 1, (value & 0x02) !== 0);
  f.bool(F['v2.options.mt'], at, 1, (value & 0x01) !== 0);
}

/** Options and kind of the LSA whose header is at `at`. */
export function walkLsaKind(f: Fields, at: number): void {
  const type = wire.lsaType(f.bytes, at);
  walkOptions(f, at + 2, type === NSSA);
  const kind = KINDS[type];
  if (kind !== undefined) f.bool(kind, at + 3, 1, true);
}

/** The link state ID of the LSA whose header is at `at`: of an opaque one it is a type and an identifier (RFC 5250 3). */
export function walkLsaId(f: Fields, at: number): void {
  const { bytes } = f;
  const id = wire.lsaIdAt(at);
  if (!wire.isOpaque(wire.lsaType(bytes, at))) {
    f.raw(F['lsa.id'], id, 4);
    return;
  }
  f.uint(F.lsid_opaque_type, id, 1, bytes[id]!);
  if (bytes[id] === wire.OPAQUE_TRAFFIC_ENGINEERING) {
    f.uint(F['lsid_te_lsa.reserved'], id + 1, 1, bytes[id + 1]!);
    f.uint(F['lsid_te_lsa.instance'], id + 2, 2, be16(bytes, id + 2));
  } else f.uint(F['lsid.opaque_id'], id + 1, 3, be24(bytes, id + 1));
}

/** The body of an LSA, from `at` up to `end`. */
export function walkLsaBody(f: Fields, type: number, at: number, end: number): void {
  switch (type) {
    case ROUTER:
      walkRouter(f, at, end);
      break;
    case NETWORK:
      if (at + 4 > end) break;
      f.raw(F['lsa.network.netmask'], at, 4);
      for (let place = at + 4; place + 4 <= end; place += 4) f.raw(F['lsa.network.attchrtr'], place, 4);
      break;
    case SUMMARY:
    case ASBR_SUMMARY:
      if (at + 4 > end) break;
      f.raw(F['lsa.asbr.netmask'], at, 4);
      for (let place = at + 4; place + 4 <= end; place += 4) {
        f.uint(F['lsa.tos'], place, 1, f.bytes[place]!);
        f.uint(COMMON.metric, place + 1, 3, be24(f.bytes, place + 1));
      }
      break;
    case EXTERNAL:
    case NSSA:
      walkExternal(f, at, end);
  }
}

/** RFC 2328 A.4.2. */
function walkRouter(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 4 > end) return;
  const flags = bytes[at]!;
  f.uint(F['v2.router.lsa.flags'], at, 1, flags);
  f.bool(F['v2.router.lsa.flags.h'], at, 1, (flags & 0x80) !== 0);
  f.bool(F['v2.router.lsa.flags.n'], at, 1, (flags & 0x10) !== 0);
  f.bool(F['v2.router.lsa.flags.w'], at, 1, (flags & 0x08) !== 0);
  f.bool(F['v2.router.lsa.flags.v'], at, 1, (flags & 0x04) !== 0);
  f.bool(F['v2.router.lsa.flags.e'], at, 1, (flags & 0x02) !== 0);
  f.bool(F['v2.router.lsa.flags.b'], at, 1, (flags & 0x01) !== 0);
  const links = be16(bytes, at + 2);
  f.uint(F['lsa.number_of_links'], at + 2, 2, links);
  let link = at + 4;
  for (let i = 0; i < links && link + 12 <= end; i++) {
    f.raw(F['lsa.router.linkid'], link, 4);
    f.raw(F['lsa.router.linkdata'], link + 4, 4);
    f.uint(F['lsa.router.linktype'], link + 8, 1, bytes[link + 8]!);
    f.uint(F['lsa.router.nummetrics'], link + 9, 1, bytes[link + 9]!);
    f.uint(F['lsa.router.metric0'], link + 10, 2, be16(bytes, link + 10));
    const metrics = bytes[link + 9]!;
    link += wire.LINK_LENGTH;
    for (let k = 0; k < metrics && link + 4 <= end; k++, link += 4)
      f.uint(F['ls.metric'], link, 4, be16(bytes, link + 2));
  }
}

/** RFC 2328 A.4.5. */
function walkExternal(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 4 > end) return;
  f.raw(F['lsa.asext.netmask'], at, 4);
  for (let place = at + 4; place + 12 <= end; place += 12) {
    f.bool(F['lsa.asext.type'], place, 1, bytes[place]! >= 0x80);
    f.uint(F['lsa.tos'], place, 1, bytes[place]! & 0x7f);
    f.uint(COMMON.metric, place + 1, 3, be24(bytes, place + 1));
    f.raw(F['lsa.asext.fwdaddr'], place + 4, 4);
    f.uint(F['lsa.asext.extrttag'], place + 8, 4, be32(bytes, place + 8));
  }
}
