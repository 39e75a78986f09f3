import { fold, sum } from '../../bytes/checksum.ts';
import { be16, putBe16 } from '../../bytes/endian.ts';
import { IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { PACKET_BROADCAST, PACKET_LOOPBACK, PACKET_MULTICAST } from '../../uapi/if_packet.ts';
import { IPPROTO_ICMPV6 } from '../../uapi/in6.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import * as reason from '../drop-reason.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_NEXTHDR, IP6_PAYLOAD_LEN, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import * as mib from '../mib.ts';
import { NF_INET_LOCAL_OUT, nfHook } from '../netfilter.ts';
import { allocSkb, consumeSkb, kfreeSkb, llReservedSpace, pskbMayPull, skbPut, skbReserve } from '../skbuff.ts';
import type { Inet6Dev, Net, SkBuff } from '../structs.ts';
import type { Ifmcaddr6, Ip6SfList } from '../structs-plain.ts';
import {
  csumIpv6Pseudo,
  IN6ADDR_ANY,
  IN6ADDR_LINKLOCAL_ALLROUTERS,
  IPV6_ADDR_ANY,
  IPV6_ADDR_LINKLOCAL,
  IPV6_ADDR_MULTICAST,
  IPV6_ADDR_SCOPE_LINKLOCAL,
  in6Copy,
  in6Equal,
  in6Key,
  ipv6AddrEqual,
  ipv6AddrIsLlAllNodes,
  ipv6AddrMcScope,
  ipv6AddrType,
  MLD2_ALL_MCR,
} from './addr.ts';
import {
  ICMPV6_MGM_QUERY,
  ICMPV6_MGM_REDUCTION,
  ICMPV6_MGM_REPORT,
  ICMPV6_MLD2_REPORT,
  icmpv6SetHooks,
  kernelSock6,
} from './icmpv6.ts';
import { ipv6GetLladdr } from './inet6-addr.ts';
import { IP6SKB_ROUTERALERT, icmp6OutCount, ip6Inc, ipv6, ipv6Sysctl } from './ipv6.ts';
import { icmp6DstAlloc } from './route6.ts';

/** Multicast listener discovery, RFC 3810 and, where a router of that version asks, RFC 2710 (the half of
 * net/ipv6/mcast.c that speaks to the link). Sources are kept as sets by address; their order in reports is the order in
 * which they were added. */

export const MCAST_EXCLUDE = 0;
export const MCAST_INCLUDE = 1;
export const MAF_TIMER_RUNNING = 0x01;
export const MAF_LAST_REPORTER = 0x02;
export const MAF_LOADED = 0x04;
export const MAF_NOREPORT = 0x08;
export const MAF_GSQUERY = 0x10;

const MODE_IS_INCLUDE = 1;
const MODE_IS_EXCLUDE = 2;
const CHANGE_TO_INCLUDE = 3;
const CHANGE_TO_EXCLUDE = 4;
const ALLOW_NEW_SOURCES = 5;
const BLOCK_OLD_SOURCES = 6;

const JIFFY = 4e6;
const MS = 1e6;
/** Hop-by-hop header with router alert 0 (MLD) and PadN. */
const RA_OPTION = Uint8Array.of(IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0);
const GREC_HEAD = 20;
const REPORT_HEAD = 8;
const MLD_V1_QUERY_LEN = 24;
const MLD_V2_QUERY_LEN = 28;

const SOCK_KEY = 27;
const igmpSk = (net: Net): InetSock => net.gen[SOCK_KEY] as InetSock;

// ---- which version ----

export const unsolicitedReportInterval = (idev: Inet6Dev): number =>
  mldInV1Mode(idev)
    ? Math.max(idev.cnf.mldv1UnsolicitedReportInterval * MS, JIFFY)
    : Math.max(idev.cnf.mldv2UnsolicitedReportInterval * MS, JIFFY);

function forcedVersion(idev: Inet6Dev): number {
  const { all } = ipv6(idev.dev.net);
  return all.forceMldVersion !== 0 ? all.forceMldVersion : idev.cnf.forceMldVersion;
}

export function mldInV1Mode(idev: Inet6Dev): boolean {
  const forced = forcedVersion(idev);
  if (forced === 2) return false;
  if (forced === 1) return true;
  return idev.mcV1Seen !== 0 && idev.dev.net.clock.monotonic() < idev.mcV1Seen;
}

// ---- building reports ----

/** The records of one report. */
class Report {
  readonly records: { type: number; group: Uint8Array; sources: Uint8Array[] }[] = [];
  #length = REPORT_HEAD;
  readonly #idev: Inet6Dev;
  constructor(idev: Inet6Dev) {
    this.#idev = idev;
  }
  get #room(): number {
    return this.#idev.dev.mtu - IPV6HDR_LEN - RA_OPTION.length - this.#length;
  }
  fits(bytes: number): boolean {
    return bytes <= this.#room;
  }
  head(type: number, group: Uint8Array): Uint8Array[] {
    if (!this.fits(GREC_HEAD)) this.send();
    const sources: Uint8Array[] = [];
    this.records.push({ type, group, sources });
    this.#length += GREC_HEAD;
    return sources;
  }
  source(to: Uint8Array[], addr: Uint8Array): void {
    to.push(addr);
    this.#length += 16;
  }
  send(): void {
    if (this.records.length === 0) return;
    const body = new Uint8Array(this.#length);
    body[0] = ICMPV6_MLD2_REPORT;
    putBe16(body, 6, this.records.length);
    let at = REPORT_HEAD;
    for (const { type, group, sources } of this.records) {
      body[at] = type;
      putBe16(body, at + 2, sources.length);
      body.set(group, at + 4);
      at += GREC_HEAD;
      for (const source of sources) {
        body.set(source, at);
        at += 16;
      }
    }
    this.records.length = 0;
    this.#length = REPORT_HEAD;
    sendMld(this.#idev, MLD2_ALL_MCR, body);
  }
}

/** mld_sendpack, igmp6_send: one message, hop limit 1, with the router alert option. */
function sendMld(idev: Inet6Dev, daddr: Uint8Array, body: Uint8Array): void {
  const { dev } = idev;
  const { net } = dev;
  const room = llReservedSpace(dev);
  const length = IPV6HDR_LEN + RA_OPTION.length + body.length;
  // Without a link-local address that may be used, from the unspecified one (RFC 3590).
  const saddr = ipv6GetLladdr(dev, IFA_F_TENTATIVE) ?? IN6ADDR_ANY;
  const skb = allocSkb(room + length);
  skbReserve(skb, room);
  const at = skbPut(skb, length);
  const { head } = skb;
  head.fill(0, at, at + IPV6HDR_LEN);
  head[at] = 0x60;
  putBe16(head, at + IP6_PAYLOAD_LEN, length - IPV6HDR_LEN);
  head[at + IP6_NEXTHDR] = 0;
  head[at + IP6_HOP_LIMIT] = 1;
  head.set(saddr, at + IP6_SADDR);
  head.set(daddr, at + IP6_DADDR);
  head.set(RA_OPTION, at + IPV6HDR_LEN);
  const icmp = at + IPV6HDR_LEN + RA_OPTION.length;
  putBe16(body, 2, 0);
  const pseudo = csumIpv6Pseudo(saddr, 0, daddr, 0, body.length, IPPROTO_ICMPV6);
  putBe16(body, 2, ~fold(sum(body, 0, body.length, pseudo)) & 0xffff);
  head.set(body, icmp);
  skb.networkHeader = at;
  skb.transportHeader = icmp;
  skb.protocol = ETH_P_IPV6;
  skb.dev = dev;
  skb.dst = icmp6DstAlloc(dev, daddr);
  ip6Inc(net, idev, mib.IP6_OUTREQUESTS);
  const sk = igmpSk(net);
  let error = nfHook(net, AF_INET6, NF_INET_LOCAL_OUT, sk, skb, null, dev);
  if (error === 1) error = skb.dst.output(net, sk, skb);
  if (error === 0) icmp6OutCount(net, idev, body[0]!);
  else ip6Inc(net, idev, mib.IP6_OUTDISCARDS);
}

/** igmp6_send: a message of version 1. */
function sendV1(idev: Inet6Dev, group: Uint8Array, type: number): void {
  const body = new Uint8Array(MLD_V1_QUERY_LEN);
  body[0] = type;
  body.set(group, 8);
  sendMld(idev, type === ICMPV6_MGM_REDUCTION ? IN6ADDR_LINKLOCAL_ALLROUTERS : group, body);
}

/** is_in: whether a source belongs into a record of this type. */
function isIn(pmc: Ifmcaddr6, psf: Ip6SfList, type: number, gdeleted: boolean, sdeleted: boolean): boolean {
  const [excluding] = pmc.sfcount;
  const [excluded, included] = psf.sfcount;
  switch (type) {
    case MODE_IS_INCLUDE:
    case MODE_IS_EXCLUDE:
      if (gdeleted || sdeleted || (pmc.flags & MAF_GSQUERY && !psf.gsresp)) return false;
      if (pmc.sfmode === MCAST_INCLUDE) return true;
      if (included > 0) return type === MODE_IS_INCLUDE;
      return excluding === excluded;
    case CHANGE_TO_INCLUDE:
      return !gdeleted && !sdeleted && included !== 0;
    case CHANGE_TO_EXCLUDE:
      return !gdeleted && !sdeleted && excluding !== 0 && included === 0 && excluding === excluded;
    case ALLOW_NEW_SOURCES:
      if (gdeleted || psf.crcount === 0) return false;
      return (pmc.sfmode === MCAST_INCLUDE) !== sdeleted;
    case BLOCK_OLD_SOURCES:
      if (pmc.sfmode === MCAST_INCLUDE) return gdeleted || (psf.crcount > 0 && sdeleted);
      return psf.crcount > 0 && !gdeleted && !sdeleted;
    default:
      return false;
  }
}

/** add_grec: a record of a group, with those of its sources that belong into it. */
function addGrec(
  report: Report,
  pmc: Ifmcaddr6,
  type: number,
  { gdeleted = false, sdeleted = false, crsend = false } = {},
): void {
  if (pmc.flags & MAF_NOREPORT) return;
  const isQuery = type === MODE_IS_INCLUDE || type === MODE_IS_EXCLUDE;
  const truncate = type === MODE_IS_EXCLUDE || type === CHANGE_TO_EXCLUDE;
  const isChange = type === ALLOW_NEW_SOURCES || type === BLOCK_OLD_SOURCES;
  const list = sdeleted ? pmc.tomb : pmc.sources;
  let to: Uint8Array[] | null = null;
  let total = 0;
  for (const [key, psf] of [...list]) {
    if (!crsend && !isIn(pmc, psf, type, gdeleted, sdeleted)) continue;
    // RFC 3810 6.1: no changes of sources beside a change of the filter's mode.
    const modeChange = gdeleted ? pmc.sfmode === MCAST_EXCLUDE : pmc.crcount > 0;
    if (!(modeChange && isChange && psf.crcount > 0)) {
      if (isQuery) psf.gsresp = false;
      if (!report.fits(16 + (to === null ? GREC_HEAD : 0))) {
        if (truncate && to !== null) break;
        report.send();
        to = null;
      }
      to ??= report.head(type, pmc.addr);
      report.source(to, psf.addr);
      total++;
    }
    if (isChange && psf.crcount > 0) {
      psf.crcount--;
      if ((sdeleted || gdeleted) && psf.crcount === 0) list.delete(key);
    }
  }
  if (total === 0 && !isChange && (pmc.crcount > 0 || isQuery || crsend)) report.head(type, pmc.addr);
  if (isQuery) pmc.flags &= ~MAF_GSQUERY;
}

/** mld_send_cr: what changed since the last report. */
function sendChanges(idev: Inet6Dev): void {
  const report = new Report(idev);
  for (const [key, pmc] of [...idev.mcTomb]) {
    if (pmc.sfmode === MCAST_INCLUDE) {
      addGrec(report, pmc, BLOCK_OLD_SOURCES, { gdeleted: true });
      addGrec(report, pmc, BLOCK_OLD_SOURCES, { gdeleted: true, sdeleted: true });
    }
    if (pmc.crcount > 0) {
      if (pmc.sfmode === MCAST_EXCLUDE) addGrec(report, pmc, CHANGE_TO_INCLUDE, { gdeleted: true });
      if (--pmc.crcount === 0)
        for (const list of [pmc.tomb, pmc.sources])
          for (const [source, psf] of list) if (psf.crcount === 0) list.delete(source);
    }
    if (pmc.crcount === 0 && pmc.tomb.size === 0 && pmc.sources.size === 0) idev.mcTomb.delete(key);
  }
  for (const pmc of idev.mcList.values()) {
    const excluding = pmc.sfcount[MCAST_EXCLUDE] > 0;
    addGrec(report, pmc, excluding ? BLOCK_OLD_SOURCES : ALLOW_NEW_SOURCES);
    addGrec(report, pmc, excluding ? ALLOW_NEW_SOURCES : BLOCK_OLD_SOURCES, { sdeleted: true });
    if (pmc.crcount > 0) {
      addGrec(report, pmc, pmc.sfmode === MCAST_EXCLUDE ? CHANGE_TO_EXCLUDE : CHANGE_TO_INCLUDE);
      pmc.crcount--;
    }
  }
  report.send();
}

/** mld_send_report: the state of one group, or of all (null). */
function sendState(idev: Inet6Dev, one: Ifmcaddr6 | null): void {
  const report = new Report(idev);
  for (const pmc of one === null ? idev.mcList.values() : [one])
    addGrec(report, pmc, pmc.sfcount[MCAST_EXCLUDE] > 0 ? MODE_IS_EXCLUDE : MODE_IS_INCLUDE);
  report.send();
}

// ---- timers ----

const randomBelow = (net: Net, nanoseconds: number): number => (net.random() / 0x100000000) * nanoseconds;

function ifcStart(idev: Inet6Dev, delay: number): void {
  const { net } = idev.dev;
  idev.mcIfcCancel?.();
  idev.mcIfcCancel = net.clock.after(randomBelow(net, delay) + 2 * JIFFY, () => {
    idev.mcIfcCancel = null;
    sendChanges(idev);
    if (idev.mcIfcCount > 0 && --idev.mcIfcCount > 0) ifcStart(idev, idev.mcMaxdelay);
  });
}

/** mld_ifc_event: something changed; it is reported mc_qrv times. */
export function mldIfcEvent(idev: Inet6Dev): void {
  if (mldInV1Mode(idev)) return;
  idev.mcIfcCount = idev.mcQrv;
  ifcStart(idev, 0);
}

function sendInitial(idev: Inet6Dev): void {
  if (mldInV1Mode(idev)) return;
  const report = new Report(idev);
  for (const pmc of idev.mcList.values())
    addGrec(report, pmc, pmc.sfcount[MCAST_EXCLUDE] > 0 ? CHANGE_TO_EXCLUDE : ALLOW_NEW_SOURCES, { crsend: true });
  report.send();
}

function dadStart(idev: Inet6Dev, delay: number): void {
  const { net } = idev.dev;
  idev.mcDadCancel?.();
  idev.mcDadCancel = net.clock.after(randomBelow(net, delay) + 2 * JIFFY, () => {
    idev.mcDadCancel = null;
    sendInitial(idev);
    if (idev.mcDadCount > 0 && --idev.mcDadCount > 0) dadStart(idev, unsolicitedReportInterval(idev));
  });
}

/** ipv6_mc_dad_complete: with a link-local address, what was reported from none is said again. */
export function ipv6McDadComplete(idev: Inet6Dev): void {
  idev.mcDadCount = idev.mcQrv;
  if (idev.mcDadCount === 0) return;
  sendInitial(idev);
  if (--idev.mcDadCount > 0) dadStart(idev, unsolicitedReportInterval(idev));
}

/** Timers end as the device goes down (ipv6_mc_down). */
export function mldStop(idev: Inet6Dev): void {
  for (const cancel of [idev.mcIfcCancel, idev.mcGqCancel, idev.mcDadCancel]) cancel?.();
  idev.mcIfcCancel = idev.mcGqCancel = idev.mcDadCancel = null;
  idev.mcIfcCount = 0;
  idev.mcGqRunning = false;
}

function startWork(idev: Inet6Dev, ma: Ifmcaddr6, delay: number): void {
  const { net } = idev.dev;
  ma.workCancel?.();
  ma.workAt = net.clock.monotonic() + delay;
  ma.flags |= MAF_TIMER_RUNNING;
  ma.workCancel = net.clock.after(delay, () => {
    ma.workCancel = null;
    if (mldInV1Mode(idev)) sendV1(idev, ma.addr, ICMPV6_MGM_REPORT);
    else sendState(idev, ma);
    ma.flags = (ma.flags | MAF_LAST_REPORTER) & ~MAF_TIMER_RUNNING;
  });
}

const remaining = (idev: Inet6Dev, ma: Ifmcaddr6, otherwise: number): number =>
  ma.workCancel === null ? otherwise : Math.max(0, ma.workAt - idev.dev.net.clock.monotonic());

/** igmp6_join_group: in version 1 a group is announced at once, and once more. */
export function mldV1Join(idev: Inet6Dev, ma: Ifmcaddr6): void {
  if (ma.flags & MAF_NOREPORT) return;
  sendV1(idev, ma.addr, ICMPV6_MGM_REPORT);
  startWork(idev, ma, remaining(idev, ma, randomBelow(idev.dev.net, unsolicitedReportInterval(idev))));
  ma.flags |= MAF_LAST_REPORTER;
}

/** igmp6_leave_group */
export function mldLeave(idev: Inet6Dev, ma: Ifmcaddr6): void {
  if (mldInV1Mode(idev)) {
    if (ma.flags & MAF_LAST_REPORTER) sendV1(idev, ma.addr, ICMPV6_MGM_REDUCTION);
    return;
  }
  // mld_add_delrec
  const gone: Ifmcaddr6 = {
    ...ma,
    users: 0,
    crcount: idev.mcQrv,
    sources: ma.sfmode === MCAST_INCLUDE ? ma.sources : new Map(),
    tomb: ma.sfmode === MCAST_INCLUDE ? ma.tomb : new Map(),
    workCancel: null,
  };
  if (ma.sfmode === MCAST_INCLUDE) {
    for (const psf of ma.sources.values()) psf.crcount = idev.mcQrv;
    ma.sources = new Map();
    ma.tomb = new Map();
  }
  const rest = [...idev.mcTomb];
  idev.mcTomb.clear();
  idev.mcTomb.set(in6Key(ma.addr), gone);
  for (const [key, other] of rest) if (!in6Equal(other.addr, ma.addr)) idev.mcTomb.set(key, other);
  mldIfcEvent(idev);
}

// ---- received ----

const groupQueried = (idev: Inet6Dev, ma: Ifmcaddr6, resptime: number): void => {
  if (ipv6AddrIsLlAllNodes(ma.addr) || ipv6AddrMcScope(ma.addr) < IPV6_ADDR_SCOPE_LINKLOCAL) return;
  let delay = remaining(idev, ma, resptime);
  if (delay >= resptime) delay = randomBelow(idev.dev.net, resptime);
  startWork(idev, ma, delay);
};

/** RFC 3810 5.1.3: a code above 32767 is a mantissa and an exponent. */
const decodeMrc = (code: number): number =>
  code < 32768 ? code : ((code & 0xfff) | 0x1000) << (((code >>> 12) & 7) + 3);
const decodeQqic = (code: number): number => (code < 128 ? code : ((code & 15) | 16) << (((code >>> 4) & 7) + 3));

function query(net: Net, skb: SkBuff): void {
  const { head, networkHeader: at, transportHeader: icmp } = skb;
  const idev = skb.dev!.ip6;
  if (!pskbMayPull(net, skb, 16)) return;
  const length = be16(head, at + IP6_PAYLOAD_LEN) + IPV6HDR_LEN - (icmp - at);
  // RFC 3810 6.2: from a link-local address, hop limit 1, with the router alert of MLD.
  if (
    !(ipv6AddrType(head, at + IP6_SADDR) & IPV6_ADDR_LINKLOCAL) ||
    head[at + IP6_HOP_LIMIT] !== 1 ||
    !(skb.cbFlags & IP6SKB_ROUTERALERT) ||
    skb.opt6!.ra !== 0 ||
    idev === null
  )
    return;
  const groupType = ipv6AddrType(head, icmp + 8);
  if (groupType !== IPV6_ADDR_ANY && !(groupType & IPV6_ADDR_MULTICAST)) return;
  if (length < MLD_V1_QUERY_LEN) return;
  const code = be16(head, icmp + 4);
  let maxDelay: number;
  let sources: Uint8Array[] = [];
  if (length === MLD_V1_QUERY_LEN || forcedVersion(idev) === 1) {
    if (forcedVersion(idev) === 2) return;
    const v1 = length === MLD_V1_QUERY_LEN;
    maxDelay = Math.max((v1 ? code : Math.min(code, 32767)) * MS, JIFFY);
    if (v1) idev.mcV1Seen = net.clock.monotonic() + idev.mcQrv * idev.mcQi + idev.mcQri;
    mldStop(idev);
    idev.mcTomb.clear();
    for (const ma of idev.mcList.values()) ma.tomb.clear();
  } else if (length >= MLD_V2_QUERY_LEN) {
    if (!pskbMayPull(net, skb, MLD_V2_QUERY_LEN - 8)) return;
    maxDelay = Math.max(decodeMrc(code) * MS, JIFFY);
    const qrv = skb.head[icmp + 24]! & 7;
    if (qrv > 0) idev.mcQrv = qrv;
    idev.mcQrv = Math.max(idev.mcQrv, Math.min(2, ipv6Sysctl(net).mldQrv));
    idev.mcQi = decodeQqic(skb.head[icmp + 25]!) * 1e9;
    idev.mcQri = decodeMrc(code) * MS;
    idev.mcMaxdelay = maxDelay;
    const count = be16(skb.head, icmp + 26);
    if (groupType === IPV6_ADDR_ANY) {
      if (count > 0) return;
      idev.mcGqRunning = true;
      idev.mcGqCancel?.();
      idev.mcGqCancel = net.clock.after(randomBelow(net, idev.mcMaxdelay) + 2 * JIFFY, () => {
        idev.mcGqCancel = null;
        idev.mcGqRunning = false;
        sendState(idev, null);
      });
      return;
    }
    if (count > 0) {
      if (!pskbMayPull(net, skb, MLD_V2_QUERY_LEN - 8 + count * 16)) return;
      sources = Array.from({ length: count }, (_, i) => in6Copy(skb.head, icmp + MLD_V2_QUERY_LEN + i * 16));
    }
  } else return;
  for (const ma of idev.mcList.values()) {
    if (groupType === IPV6_ADDR_ANY) {
      groupQueried(idev, ma, maxDelay);
      continue;
    }
    if (!ipv6AddrEqual(ma.addr, 0, skb.head, icmp + 8)) continue;
    const mark = sources.length > 0;
    if (ma.flags & MAF_TIMER_RUNNING) {
      if (!mark) ma.flags &= ~MAF_GSQUERY;
    } else if (mark) ma.flags |= MAF_GSQUERY;
    else ma.flags &= ~MAF_GSQUERY;
    if (!(ma.flags & MAF_GSQUERY) || markSources(ma, sources)) groupQueried(idev, ma, maxDelay);
    break;
  }
}

/** mld_marksources: which of the sources asked for are ours to report. */
function markSources(ma: Ifmcaddr6, sources: Uint8Array[]): boolean {
  if (ma.sfmode === MCAST_EXCLUDE) {
    // mld_xmarksources: those that not all exclude are heard.
    const heard = sources.filter((addr) => {
      const psf = ma.sources.get(in6Key(addr));
      return (
        psf === undefined || psf.sfcount[MCAST_INCLUDE] > 0 || psf.sfcount[MCAST_EXCLUDE] !== ma.sfcount[MCAST_EXCLUDE]
      );
    });
    ma.flags &= ~MAF_GSQUERY;
    return heard.length > 0;
  }
  let found = 0;
  for (const addr of sources) {
    const psf = ma.sources.get(in6Key(addr));
    if (psf === undefined) continue;
    psf.gsresp = true;
    found++;
  }
  if (found === 0) {
    ma.flags &= ~MAF_GSQUERY;
    return false;
  }
  ma.flags |= MAF_GSQUERY;
  return true;
}

/** A report of another host (version 1): ours is not needed. */
function report(net: Net, skb: SkBuff): void {
  const { head, networkHeader: at, transportHeader: icmp } = skb;
  const idev = skb.dev!.ip6;
  if (skb.pktType === PACKET_LOOPBACK) return;
  if (skb.pktType !== PACKET_MULTICAST && skb.pktType !== PACKET_BROADCAST) return;
  if (!pskbMayPull(net, skb, 16) || idev === null) return;
  const type = ipv6AddrType(head, at + IP6_SADDR);
  if (type !== IPV6_ADDR_ANY && !(type & IPV6_ADDR_LINKLOCAL)) return;
  const ma = idev.mcList.get(in6Key(head, icmp + 8));
  if (ma === undefined) return;
  ma.workCancel?.();
  ma.workCancel = null;
  ma.flags &= ~(MAF_LAST_REPORTER | MAF_TIMER_RUNNING);
}

/** ipv6_is_mld: a packet of MLD, which is taken by a host that has not joined the group. */
export function ipv6IsMld(skb: SkBuff, nexthdr: number): boolean {
  if (nexthdr !== IPPROTO_ICMPV6 || skb.len < 1) return false;
  const type = skb.head[skb.data]!;
  return (
    type === ICMPV6_MGM_QUERY ||
    type === ICMPV6_MGM_REPORT ||
    type === ICMPV6_MGM_REDUCTION ||
    type === ICMPV6_MLD2_REPORT
  );
}

export function mldInit(net: Net): void {
  const sk = kernelSock6(net);
  sk.inet6!.hopLimit = 1;
  net.gen[SOCK_KEY] = sk;
  icmpv6SetHooks(net, {
    mldQuery(n, skb) {
      query(n, skb);
      kfreeSkb(n, skb, reason.NOT_SPECIFIED, 'igmp6_event_query');
    },
    mldReport(n, skb) {
      report(n, skb);
      consumeSkb(skb);
    },
  });
}
