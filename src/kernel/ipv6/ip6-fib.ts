import { EACCES, EAGAIN, EEXIST, EHOSTUNREACH, EINVAL, ENETUNREACH, ENOENT, ESRCH } from '../../uapi/errno.ts';
import { NUD_FAILED } from '../../uapi/neighbour.ts';
import {
  RT_TABLE_LOCAL,
  RT_TABLE_MAIN,
  RTN_BLACKHOLE,
  RTN_PROHIBIT,
  RTN_THROW,
  RTN_UNREACHABLE,
} from '../../uapi/rtnetlink.ts';
import { FR_ACT_TO_TBL } from '../fib.ts';
import { NUD_VALID, neighLookup } from '../neighbour.ts';
import type { DstEntry, Net, NetDevice } from '../structs.ts';
import { in6Equal, in6Key, ipv6AddrPrefix, ipv6PrefixEqual } from './addr.ts';
import type { Flowi6 } from './flow.ts';
import { ndTbl } from './ipv6.ts';

/** Tables of IPv6 routes (net/ipv6/ip6_fib.c, fib6_rules.c): longest prefix match; among routes of one prefix the metric,
 * then whether the router answers. */

// linux/ipv6_route.h, linux/route.h
export const RTF_UP = 0x0001;
export const RTF_GATEWAY = 0x0002;
export const RTF_HOST = 0x0004;
export const RTF_DYNAMIC = 0x0010;
export const RTF_MODIFIED = 0x0020;
export const RTF_REJECT = 0x0200;
export const RTF_DEFAULT = 0x00010000;
export const RTF_ALLONLINK = 0x00020000;
export const RTF_ADDRCONF = 0x00040000;
export const RTF_PREFIX_RT = 0x00080000;
export const RTF_ANYCAST = 0x00100000;
export const RTF_NONEXTHOP = 0x00200000;
export const RTF_EXPIRES = 0x00400000;
export const RTF_ROUTEINFO = 0x00800000;
export const RTF_CACHE = 0x01000000;
export const RTF_PREF_SHIFT = 27;
export const RTF_PREF_MASK = 0x18000000;
export const RTF_PCPU = 0x40000000;
export const RTF_LOCAL = 0x80000000;

export const IP6_RT_PRIO_USER = 1024;
export const IP6_RT_PRIO_ADDRCONF = 256;

// Bits of a lookup.
export const RT6_LOOKUP_F_IFACE = 0x1;
export const RT6_LOOKUP_F_REACHABLE = 0x2;
export const RT6_LOOKUP_F_HAS_SADDR = 0x4;

/** What was learned of one destination by redirects and Packet Too Big (an RTF_CACHE route). */
export interface Rt6Exception {
  readonly addr: Uint8Array;
  readonly rt: DstEntry;
}

/** struct fib6_nh */
export interface Fib6Nh {
  dev: NetDevice;
  gw: Uint8Array | null;
  weight: number;
  dead: boolean;
  /** When the router was last probed (rt6_probe), nanoseconds; -Infinity: never. */
  lastProbe: number;
  /** The route of packets by it (rt6i_pcpu), and of which state of the tables. */
  rt: DstEntry | null;
  exceptions: Map<string, Rt6Exception> | null;
}

/** struct fib6_info: one route; a route by several ways has several next hops. */
export interface Fib6Info {
  dst: Uint8Array;
  plen: number;
  src: Uint8Array;
  srcLen: number;
  metric: number;
  /** RTF_ bits, unsigned. */
  flags: number;
  /** RTN_ */
  type: number;
  protocol: number;
  table: Fib6Table;
  prefsrc: Uint8Array | null;
  nhs: Fib6Nh[];
  /** Monotonic nanoseconds at which it ends; 0: never. */
  expires: number;
  /** RTAX_MTU, RTAX_HOPLIMIT, RTAX_ADVMSS; 0: not set. */
  mtu: number;
  hoplimit: number;
  advmss: number;
  mtuLocked: boolean;
  dstNocount: boolean;
  /** In no table any more. */
  gone: boolean;
}

interface Fib6Node {
  readonly plen: number;
  readonly prefix: Uint8Array;
  /** By rising metric. */
  readonly leaf: Fib6Info[];
}

export interface Fib6Table {
  readonly id: number;
  readonly byLength: (Map<string, Fib6Node> | null)[];
  /** Lengths in use, falling. */
  lengths: number[];
}

export interface Fib6Rule {
  priority: number;
  /** FR_ACT_ of ../fib.ts. */
  action: number;
  table: number;
  src: Uint8Array;
  srcLen: number;
  dst: Uint8Array;
  dstLen: number;
  iif: number;
  oif: number;
  mark: number;
  markMask: number;
}

export const FIB6_KEY = 22;
interface Fib6State {
  readonly tables: Map<number, Fib6Table>;
  rules: Fib6Rule[];
  customRules: boolean;
}
export const fib6 = (net: Net): Fib6State => net.gen[FIB6_KEY] as Fib6State;

export class Fib6Result {
  f6i: Fib6Info | null = null;
  nh: Fib6Nh | null = null;
}

export function fib6Table(net: Net, id: number): Fib6Table {
  const { tables } = fib6(net);
  let table = tables.get(id);
  if (table === undefined) tables.set(id, (table = { id, byLength: new Array(129).fill(null), lengths: [] }));
  return table;
}

/** ip6_rt_type_to_error */
export function rt6TypeError(type: number): number {
  switch (type) {
    case RTN_BLACKHOLE:
      return -EINVAL;
    case RTN_UNREACHABLE:
      return -EHOSTUNREACH;
    case RTN_PROHIBIT:
      return -EACCES;
    case RTN_THROW:
      return -EAGAIN;
    default:
      return 0;
  }
}

export const isReject = (f6i: Fib6Info): boolean => (f6i.flags & RTF_REJECT) !== 0;
export const fib6Expired = (net: Net, f6i: Fib6Info): boolean =>
  (f6i.flags & RTF_EXPIRES) !== 0 && net.clock.monotonic() > f6i.expires;

// ---- looking up ----

const NUD_FAIL_HARD = -3;
const NUD_FAIL_PROBE = -2;

/** rt6_check_neigh: a router known not to answer is chosen last. */
function neighFails(net: Net, nh: Fib6Nh): boolean {
  const neigh = neighLookup(ndTbl(net), nh.dev, in6Key(nh.gw!));
  return neigh !== null && !(neigh.nudState & NUD_VALID) && (neigh.nudState & NUD_FAILED) !== 0;
}

/** rt6_score_route */
function score(net: Net, f6i: Fib6Info, nh: Fib6Nh, oif: number, strict: number): number {
  const onDevice = oif === 0 || nh.dev.ifindex === oif;
  if (!onDevice && strict & RT6_LOOKUP_F_IFACE) return NUD_FAIL_HARD;
  // IPV6_DECODE_PREF: 0 medium, 1 high, 3 low become 2, 3, 1.
  const pref = (((f6i.flags & RTF_PREF_MASK) >>> RTF_PREF_SHIFT) ^ 2) & 3;
  if (strict & RT6_LOOKUP_F_REACHABLE && !(f6i.flags & RTF_NONEXTHOP) && nh.gw !== null && neighFails(net, nh))
    return NUD_FAIL_PROBE;
  return (onDevice ? 2 : 0) | (pref << 2);
}

/** rt6_select: the best route of one node. */
function select(net: Net, node: Fib6Node, oif: number, strict: number, result: Fib6Result, probe: ProbeHook): void {
  let mpri = -1;
  const metric = node.leaf[0]!.metric;
  for (let i = 0; i < node.leaf.length; i++) {
    const f6i = node.leaf[i]!;
    // Another metric counts only where none of the lowest will do.
    if (f6i.metric !== metric && result.f6i !== null) return;
    if (fib6Expired(net, f6i)) continue;
    for (let n = 0; n < f6i.nhs.length; n++) {
      const nh = f6i.nhs[n]!;
      if (nh.dead) continue;
      const m = score(net, f6i, nh, oif, strict);
      if (m === NUD_FAIL_HARD) continue;
      if (strict & RT6_LOOKUP_F_REACHABLE && nh.gw !== null) probe(net, nh);
      if (m > mpri) {
        mpri = m;
        result.f6i = f6i;
        result.nh = nh;
      }
    }
  }
}

/** rt6_probe: asks after a router whose entry has gone stale; registered by ndisc.ts. */
export type ProbeHook = (net: Net, nh: Fib6Nh) => void;

/** So many prefixes are compared one by one rather than by a key that must be made first. */
const FEW = 8;

function nodeOf(nodes: Map<string, Fib6Node>, daddr: Uint8Array, length: number): Fib6Node | undefined {
  if (nodes.size > FEW) return nodes.get(in6Key(length === 128 ? daddr : ipv6AddrPrefix(daddr, length)));
  for (const node of nodes.values()) if (ipv6PrefixEqual(node.prefix, 0, daddr, 0, length)) return node;
  return undefined;
}

/** fib6_table_lookup: `result.f6i` is null where the table says nothing. */
export function fib6TableLookup(
  net: Net,
  table: Fib6Table,
  oif: number,
  daddr: Uint8Array,
  result: Fib6Result,
  strict: number,
  probe: ProbeHook,
): void {
  result.f6i = null;
  result.nh = null;
  for (;;) {
    for (const length of table.lengths) {
      const node = nodeOf(table.byLength[length]!, daddr, length);
      if (node === undefined) continue;
      select(net, node, oif, strict, result, probe);
      if (result.f6i !== null) return;
    }
    if (!(strict & RT6_LOOKUP_F_REACHABLE)) return;
    // Also those whose router does not answer.
    strict &= ~RT6_LOOKUP_F_REACHABLE;
  }
}

function ruleMatches(rule: Fib6Rule, fl: Flowi6): boolean {
  return (
    (rule.iif === 0 || rule.iif === fl.iif) &&
    (rule.oif === 0 || rule.oif === fl.oif) &&
    ((rule.mark ^ fl.mark) & rule.markMask) === 0 &&
    ipv6PrefixEqual(rule.src, 0, fl.saddr, 0, rule.srcLen) &&
    ipv6PrefixEqual(rule.dst, 0, fl.daddr, 0, rule.dstLen)
  );
}

/** fib6_lookup by the rules: 0 with `result`, or -errno: -ENETUNREACH where no table has a route. */
export function fib6Lookup(
  net: Net,
  oif: number,
  fl: Flowi6,
  result: Fib6Result,
  strict: number,
  probe: ProbeHook,
): number {
  const state = fib6(net);
  if (!state.customRules) {
    fib6TableLookup(net, fib6Table(net, RT_TABLE_LOCAL), oif, fl.daddr, result, strict, probe);
    if (result.f6i !== null && result.f6i.type !== RTN_THROW) return 0;
    fib6TableLookup(net, fib6Table(net, RT_TABLE_MAIN), oif, fl.daddr, result, strict, probe);
    if (result.f6i !== null && result.f6i.type !== RTN_THROW) return 0;
    result.f6i = null;
    return -ENETUNREACH;
  }
  for (const rule of state.rules) {
    if (!ruleMatches(rule, fl)) continue;
    switch (rule.action) {
      case 6:
        return -EINVAL;
      case 7:
        return -ENETUNREACH;
      case 8:
        return -EACCES;
    }
    const table = state.tables.get(rule.table);
    if (table === undefined) continue;
    fib6TableLookup(net, table, oif, fl.daddr, result, strict, probe);
    if (result.f6i !== null && result.f6i.type !== RTN_THROW) return 0;
  }
  result.f6i = null;
  return -ENETUNREACH;
}

// ---- changing ----

const sameNh = (a: Fib6Nh, b: Fib6Nh): boolean =>
  a.dev === b.dev && (a.gw === null ? b.gw === null : b.gw !== null && in6Equal(a.gw, b.gw));

export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** rt6_qualify_for_ecmp */
const qualifies = (f6i: Fib6Info): boolean =>
  !(f6i.flags & (RTF_ADDRCONF | RTF_DYNAMIC)) && f6i.nhs.length > 0 && f6i.nhs[0]!.gw !== null;

/** fib6_add: 0 or -errno. `nlflags`: NLM_F_ bits. */
export function fib6Add(net: Net, f6i: Fib6Info, nlflags: number): number {
  const { table } = f6i;
  let byPrefix = table.byLength[f6i.plen] ?? null;
  if (byPrefix === null) {
    table.byLength[f6i.plen] = byPrefix = new Map();
    table.lengths = [...table.lengths, f6i.plen].sort((a, b) => b - a);
  }
  const key = in6Key(f6i.dst);
  let node = byPrefix.get(key);
  if (node === undefined) byPrefix.set(key, (node = { plen: f6i.plen, prefix: f6i.dst, leaf: [] }));
  const { leaf } = node;
  let at = 0;
  let ecmp: Fib6Info | null = null;
  for (; at < leaf.length; at++) {
    const other = leaf[at]!;
    if (other.metric > f6i.metric) break;
    if (other.metric < f6i.metric) continue;
    if (nlflags & NLM_F_EXCL) return -EEXIST;
    if (nlflags & NLM_F_REPLACE) {
      other.gone = true;
      leaf[at] = f6i;
      net.rtGenid6++;
      return 0;
    }
    const first = f6i.nhs[0];
    if (first !== undefined && other.nhs.some((nh) => sameNh(nh, first)) && other.type === f6i.type) {
      // The same route once more: only its end is new.
      if (!(f6i.flags & RTF_EXPIRES)) other.flags = (other.flags & ~RTF_EXPIRES) >>> 0;
      else {
        other.flags = (other.flags | RTF_EXPIRES) >>> 0;
        other.expires = f6i.expires;
      }
      if (f6i.mtu !== 0) other.mtu = f6i.mtu;
      net.rtGenid6++;
      return -EEXIST;
    }
    if (qualifies(f6i) && qualifies(other)) ecmp = other;
  }
  if (ecmp !== null) ecmp.nhs.push(...f6i.nhs);
  else leaf.splice(at, 0, f6i);
  net.rtGenid6++;
  return 0;
}

/** fib6_del */
export function fib6Del(net: Net, f6i: Fib6Info): number {
  const { table } = f6i;
  const byPrefix = table.byLength[f6i.plen] ?? null;
  const key = in6Key(f6i.dst);
  const node = byPrefix?.get(key);
  const at = node?.leaf.indexOf(f6i) ?? -1;
  if (byPrefix === null || node === undefined || at < 0) return -ESRCH;
  node.leaf.splice(at, 1);
  f6i.gone = true;
  if (node.leaf.length === 0) byPrefix.delete(key);
  if (byPrefix.size === 0) {
    table.byLength[f6i.plen] = null;
    table.lengths = table.lengths.filter((length) => length !== f6i.plen);
  }
  net.rtGenid6++;
  return 0;
}

/** Routes of a table as fib6_walk meets them: by address, and a prefix behind the longer ones inside it. */
export function fib6TableRoutes(table: Fib6Table): Fib6Info[] {
  const nodes: Fib6Node[] = [];
  for (const byPrefix of table.byLength) if (byPrefix !== null) nodes.push(...byPrefix.values());
  nodes.sort((a, b) => {
    if (ipv6PrefixEqual(a.prefix, 0, b.prefix, 0, Math.min(a.plen, b.plen))) return b.plen - a.plen;
    for (let i = 0; i < 16; i++) {
      const by = a.prefix[i]! - b.prefix[i]!;
      if (by !== 0) return by;
    }
    return 0;
  });
  return nodes.flatMap((node) => node.leaf);
}

/** fib6_clean_all: routes for which `test` is true go, in all tables. */
export function fib6CleanAll(net: Net, test: (f6i: Fib6Info) => boolean): void {
  for (const table of fib6(net).tables.values())
    for (const f6i of fib6TableRoutes(table)) if (test(f6i)) fib6Del(net, f6i);
}

/** fib6_find_prefix: the route of exactly that prefix. */
export function fib6Locate(table: Fib6Table, dst: Uint8Array, plen: number): readonly Fib6Info[] {
  return table.byLength[plen]?.get(in6Key(dst))?.leaf ?? [];
}

const ANY_ADDRESS = new Uint8Array(16);

/** What is not given matches all; the action is to ask a table. */
export function fib6RuleAdd(net: Net, rule: Partial<Fib6Rule> & { priority: number; table: number }): void {
  const { rules } = fib6(net);
  const full: Fib6Rule = {
    action: FR_ACT_TO_TBL,
    src: ANY_ADDRESS,
    srcLen: 0,
    dst: ANY_ADDRESS,
    dstLen: 0,
    iif: 0,
    oif: 0,
    mark: 0,
    markMask: rule.mark ? 0xffffffff : 0,
    ...rule,
  };
  const at = rules.findIndex((other) => other.priority > full.priority);
  rules.splice(at < 0 ? rules.length : at, 0, full);
  fib6(net).customRules = true;
  net.rtGenid6++;
}

/** 0, or -ENOENT. */
export function fib6RuleDel(net: Net, priority: number): number {
  const { rules } = fib6(net);
  const at = rules.findIndex((rule) => rule.priority === priority);
  if (at < 0) return -ENOENT;
  rules.splice(at, 1);
  net.rtGenid6++;
  return 0;
}

export function ip6FibInit(net: Net): void {
  net.gen[FIB6_KEY] = { tables: new Map(), rules: [], customRules: false } satisfies Fib6State;
  fib6Table(net, RT_TABLE_LOCAL);
  fib6Table(net, RT_TABLE_MAIN);
  fib6RuleAdd(net, { priority: 0, table: RT_TABLE_LOCAL });
  fib6RuleAdd(net, { priority: 32766, table: RT_TABLE_MAIN });
  fib6(net).customRules = false;
}
