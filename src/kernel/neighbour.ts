import { putBe16 } from '../bytes/endian.ts';
import { ETH_HLEN } from '../uapi/if_ether.ts';
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_NONE,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
} from '../uapi/neighbour.ts';
import { devQueueXmit } from './dev.ts';
import { NEIGH_DEAD, NEIGH_FAILED, NEIGH_QUEUEFULL } from './drop-reason.ts';
import { sameAddress } from './eth.ts';
import {
  consumeSkb,
  copyBytes,
  kfreeSkb,
  llReservedSpace,
  skbClone,
  skbCow,
  skbDequeue,
  skbPush,
  skbQueuePurge,
  skbQueueTail,
} from './skbuff.ts';
import { Neighbour, type NeighParms, type NeighTable, type Net, type NetDevice, type SkBuff } from './structs.ts';

/** The neighbour table: link addresses of the next hop, learned and checked (net/core/neighbour.c). Times are
 * nanoseconds of the monotonic clock. */

export const NUD_VALID = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
export const NUD_CONNECTED = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;
const NUD_IN_TIMER = NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE;

export const NEIGH_UPDATE_F_OVERRIDE = 1;
export const NEIGH_UPDATE_F_WEAK_OVERRIDE = 2;
export const NEIGH_UPDATE_F_OVERRIDE_ISROUTER = 4;
export const NEIGH_UPDATE_F_ISROUTER = 0x40000000;
export const NEIGH_UPDATE_F_ADMIN = 0x80000000;
/** Neighbour.flags: it is a router. */
export const NTF_ROUTER = 0x80;

export const SECOND = 1e9;
const MIN_TIMER = SECOND / 100;

/** Indices of NeighTable.stat (/proc/net/stat/arp_cache). */
export const NEIGH_STAT_ALLOCS = 0;
export const NEIGH_STAT_DESTROYS = 1;
export const NEIGH_STAT_RES_FAILED = 4;
export const NEIGH_STAT_UNRES_DISCARDS = 11;

export function neighParmsDefault(dev: NetDevice | null, random: () => number): NeighParms {
  const parms: NeighParms = {
    dev,
    baseReachableTime: 30 * SECOND,
    reachableTime: 0,
    retransTime: SECOND,
    delayProbeTime: 5 * SECOND,
    gcStaletime: 60 * SECOND,
    anycastDelay: SECOND,
    proxyDelay: 0.8 * SECOND,
    locktime: SECOND,
    intervalProbeTime: 5 * SECOND,
    queueLenBytes: 212992,
    mcastProbes: 3,
    ucastProbes: 3,
    appProbes: 0,
    mcastReprobes: 0,
    proxyQlen: 64,
  };
  parms.reachableTime = randReachTime(parms.baseReachableTime, random);
  return parms;
}

/** Between half and one and a half of the base (RFC 4861 6.3.2). */
export const randReachTime = (base: number, random: () => number): number => base / 2 + (random() / 0x100000000) * base;

export function neighTable(
  net: Net,
  table: Pick<NeighTable, 'family' | 'id' | 'protocol' | 'constructor_' | 'solicit' | 'errorReport'>,
): NeighTable {
  return {
    ...table,
    net,
    hash: new Map(),
    parms: neighParmsDefault(null, net.random),
    devParms: new Map(),
    gcThresh1: 128,
    gcThresh2: 512,
    gcThresh3: 1024,
    gcInterval: 30 * SECOND,
    entries: 0,
    stat: new Float64Array(13),
    gcCancel: null,
    pneigh: new Map(),
  };
}

export function neighParms(tbl: NeighTable, dev: NetDevice): NeighParms {
  let parms = tbl.devParms.get(dev.ifindex);
  if (parms === undefined) {
    parms = { ...tbl.parms, dev, reachableTime: randReachTime(tbl.parms.baseReachableTime, tbl.net.random) };
    tbl.devParms.set(dev.ifindex, parms);
  }
  return parms;
}

/** IPv4's key is the address; IPv6's its 16 bytes as text. */
export const neighLookup = (tbl: NeighTable, dev: NetDevice, key: number | string): Neighbour | null =>
  tbl.hash.get(dev.ifindex)?.get(key) ?? null;

/** The neighbour, made where there is none; null where the table is full. */
export function neighCreate(
  tbl: NeighTable,
  dev: NetDevice,
  key: number | string,
  key6: Uint8Array | null,
): Neighbour | null {
  let byKey = tbl.hash.get(dev.ifindex);
  if (byKey === undefined) tbl.hash.set(dev.ifindex, (byKey = new Map()));
  const found = byKey.get(key);
  if (found !== undefined) return found;
  if (tbl.entries >= tbl.gcThresh3 && !forcedGc(tbl)) return null;
  const neigh = new Neighbour(tbl, dev, neighParms(tbl, dev));
  if (typeof key === 'number') neigh.key4 = key;
  neigh.key6 = key6;
  const now = tbl.net.clock.monotonic();
  neigh.used = neigh.updated = now;
  neigh.confirmed = now - neigh.parms.baseReachableTime * 2;
  const error = tbl.constructor_(neigh);
  if (error < 0) return null;
  byKey.set(key, neigh);
  tbl.entries++;
  tbl.stat[NEIGH_STAT_ALLOCS]!++;
  armGc(tbl);
  return neigh;
}

/** Old entries that nobody uses go (neigh_periodic_work). */
function armGc(tbl: NeighTable): void {
  if (tbl.gcCancel !== null) return;
  tbl.gcCancel = tbl.net.clock.after(tbl.gcInterval, () => {
    tbl.gcCancel = null;
    const now = tbl.net.clock.monotonic();
    if (tbl.entries >= tbl.gcThresh1)
      for (const byKey of tbl.hash.values())
        for (const [key, neigh] of byKey) {
          if (neigh.nudState & (NUD_PERMANENT | NUD_IN_TIMER)) continue;
          const idle = now - Math.max(neigh.used, neigh.confirmed);
          if (neigh.nudState === NUD_FAILED || idle > neigh.parms.gcStaletime) neighDrop(tbl, byKey, key, neigh);
        }
    if (tbl.entries > 0) armGc(tbl);
  });
}

function forcedGc(tbl: NeighTable): boolean {
  const now = tbl.net.clock.monotonic();
  for (const byKey of tbl.hash.values())
    for (const [key, neigh] of byKey) {
      if (neigh.nudState & (NUD_PERMANENT | NUD_NOARP)) continue;
      if (neigh.nudState === NUD_FAILED || now - neigh.updated > 5 * SECOND) neighDrop(tbl, byKey, key, neigh);
      if (tbl.entries < tbl.gcThresh2) return true;
    }
  return tbl.entries < tbl.gcThresh3;
}

function neighDrop(
  tbl: NeighTable,
  byKey: Map<number | string, Neighbour>,
  key: number | string,
  neigh: Neighbour,
): void {
  byKey.delete(key);
  neigh.dead = true;
  neigh.nudState = NUD_NONE;
  neigh.hh = null;
  neigh.timerCancel?.();
  neigh.timerCancel = null;
  skbQueuePurge(neigh.arpQueue);
  tbl.entries--;
  tbl.stat[NEIGH_STAT_DESTROYS]!++;
}

/** Takes an entry out (RTM_DELNEIGH after the update to FAILED). */
export function neighRemove(tbl: NeighTable, dev: NetDevice, key: number | string): boolean {
  const byKey = tbl.hash.get(dev.ifindex);
  const neigh = byKey?.get(key);
  if (byKey === undefined || neigh === undefined) return false;
  neighDrop(tbl, byKey, key, neigh);
  return true;
}

/** A device went down: its neighbours go (neigh_ifdown). */
export function neighIfdown(tbl: NeighTable, dev: NetDevice): void {
  const byKey = tbl.hash.get(dev.ifindex);
  if (byKey !== undefined) for (const [key, neigh] of [...byKey]) neighDrop(tbl, byKey, key, neigh);
  tbl.hash.delete(dev.ifindex);
}

// ---- timers ----

function addTimer(neigh: Neighbour, at: number): void {
  const { clock } = neigh.tbl.net;
  // neigh_add_timer since Linux 6.3: who was heard of counts as used.
  if (neigh.used < neigh.confirmed) neigh.used = neigh.confirmed;
  neigh.timerCancel?.();
  neigh.timerCancel = clock.after(Math.max(0, at - clock.monotonic()), () => {
    neigh.timerCancel = null;
    timerHandler(neigh);
  });
}
function delTimer(neigh: Neighbour): void {
  neigh.timerCancel?.();
  neigh.timerCancel = null;
}

function maxProbes(neigh: Neighbour): number {
  const { parms } = neigh;
  return parms.ucastProbes + parms.appProbes + (neigh.nudState & NUD_PROBE ? parms.mcastReprobes : parms.mcastProbes);
}

function timerHandler(neigh: Neighbour): void {
  const now = neigh.tbl.net.clock.monotonic();
  const { parms } = neigh;
  const state = neigh.nudState;
  if (!(state & NUD_IN_TIMER) || neigh.dead) return;
  let next = now + SECOND;
  if (state & NUD_REACHABLE) {
    if (now <= neigh.confirmed + parms.reachableTime) next = neigh.confirmed + parms.reachableTime;
    else if (now <= neigh.used + parms.delayProbeTime) {
      neigh.nudState = NUD_DELAY;
      neigh.updated = now;
      next = now + parms.delayProbeTime;
    } else {
      neigh.nudState = NUD_STALE;
      neigh.updated = now;
    }
  } else if (state & NUD_DELAY) {
    if (now <= neigh.confirmed + parms.delayProbeTime) {
      neigh.nudState = NUD_REACHABLE;
      neigh.updated = now;
      next = neigh.confirmed + parms.reachableTime;
    } else {
      neigh.nudState = NUD_PROBE;
      neigh.updated = now;
      neigh.probes = 0;
      next = now + Math.max(parms.retransTime, MIN_TIMER);
    }
  } else next = now + Math.max(parms.retransTime, MIN_TIMER);
  if (neigh.nudState & (NUD_INCOMPLETE | NUD_PROBE) && neigh.probes >= maxProbes(neigh)) {
    neigh.nudState = NUD_FAILED;
    neigh.updated = now;
    invalidate(neigh);
    return;
  }
  if (neigh.nudState & NUD_IN_TIMER) addTimer(neigh, Math.max(next, now + MIN_TIMER));
  if (neigh.nudState & (NUD_INCOMPLETE | NUD_PROBE)) probe(neigh);
}

/** Resolution failed: those who wait are told (neigh_invalidate). */
function invalidate(neigh: Neighbour): void {
  neigh.tbl.stat[NEIGH_STAT_RES_FAILED]!++;
  neigh.hh = null;
  while (neigh.nudState === NUD_FAILED) {
    const skb = skbDequeue(neigh.arpQueue);
    if (skb === null) break;
    neigh.tbl.errorReport(neigh, skb);
  }
  skbQueuePurge(neigh.arpQueue);
  neigh.arpQueueLenBytes = 0;
}

function probe(neigh: Neighbour): void {
  const waiting = neigh.arpQueue.last;
  const skb = waiting === null ? null : skbClone(waiting);
  neigh.tbl.solicit(neigh, skb);
  neigh.probes++;
  if (skb !== null) consumeSkb(skb);
}

/** The packet may go out now (true), or was queued or dropped (neigh_event_send). */
export function neighEventSend(neigh: Neighbour, skb: SkBuff | null): boolean {
  const { net } = neigh.tbl;
  const now = net.clock.monotonic();
  neigh.used = now;
  if (neigh.nudState & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE)) return true;
  const { parms } = neigh;
  if (neigh.dead) {
    if (skb !== null) kfreeSkb(net, skb, NEIGH_DEAD, 'neigh_event_send');
    return false;
  }
  let immediate = false;
  if (!(neigh.nudState & (NUD_STALE | NUD_INCOMPLETE))) {
    if (parms.mcastProbes + parms.appProbes > 0) {
      neigh.probes = parms.ucastProbes;
      delTimer(neigh);
      neigh.nudState = NUD_INCOMPLETE;
      neigh.updated = now;
      immediate = true;
      addTimer(neigh, now + Math.max(parms.retransTime, MIN_TIMER));
    } else {
      neigh.nudState = NUD_FAILED;
      neigh.updated = now;
      if (skb !== null) kfreeSkb(net, skb, NEIGH_FAILED, 'neigh_event_send');
      return false;
    }
  } else if (neigh.nudState & NUD_STALE) {
    delTimer(neigh);
    neigh.nudState = NUD_DELAY;
    neigh.updated = now;
    addTimer(neigh, now + parms.delayProbeTime);
  }
  const waits = neigh.nudState === NUD_INCOMPLETE;
  if (waits && skb !== null) {
    while (neigh.arpQueueLenBytes + skb.truesize > parms.queueLenBytes) {
      const oldest = skbDequeue(neigh.arpQueue);
      if (oldest === null) break;
      neigh.arpQueueLenBytes -= oldest.truesize;
      kfreeSkb(net, oldest, NEIGH_QUEUEFULL, 'neigh_event_send');
      neigh.tbl.stat[NEIGH_STAT_UNRES_DISCARDS]!++;
    }
    skbQueueTail(neigh.arpQueue, skb);
    neigh.arpQueueLenBytes += skb.truesize;
  }
  if (immediate) probe(neigh);
  return !waits;
}

/** What was heard of a neighbour (neigh_update): its address, or null for "as before", and the state it is in now. */
export function neighUpdate(neigh: Neighbour, lladdr: Uint8Array | null, state: number, flags: number): number {
  const { net } = neigh.tbl;
  const { dev, parms } = neigh;
  const old = neigh.nudState;
  if (!(flags & NEIGH_UPDATE_F_ADMIN) && old & (NUD_NOARP | NUD_PERMANENT)) return -1;
  if (neigh.dead) return -22;
  const now = net.clock.monotonic();
  let wanted = state;
  if (!(wanted & NUD_VALID)) {
    delTimer(neigh);
    neigh.nudState = wanted;
    if (old & (NUD_INCOMPLETE | NUD_PROBE) && wanted & NUD_FAILED) invalidate(neigh);
    if (!(wanted & NUD_VALID)) neigh.hh = null;
    return 0;
  }
  let address = lladdr;
  let updateIsrouter = (flags & NEIGH_UPDATE_F_OVERRIDE_ISROUTER) !== 0;
  if (dev.addrLen === 0) address = neigh.ha;
  else if (address !== null) {
    if (old & NUD_VALID && sameBytes(address, neigh.ha)) address = neigh.ha;
  } else {
    if (!(old & NUD_VALID)) return -22;
    address = neigh.ha;
  }
  if (wanted & NUD_CONNECTED) neigh.confirmed = now;
  if (old & NUD_VALID) {
    if (address !== neigh.ha && !(flags & NEIGH_UPDATE_F_OVERRIDE)) {
      updateIsrouter = false;
      if (flags & NEIGH_UPDATE_F_WEAK_OVERRIDE && old & NUD_CONNECTED) {
        address = neigh.ha;
        wanted = NUD_STALE;
      } else return 0;
    } else if (address === neigh.ha && wanted === NUD_STALE && !(flags & NEIGH_UPDATE_F_ADMIN)) wanted = old;
  }
  if (wanted !== old || address !== neigh.ha) neigh.updated = now;
  if (wanted !== old) {
    delTimer(neigh);
    if (wanted & NUD_PROBE) neigh.probes = 0;
    if (wanted & NUD_IN_TIMER)
      addTimer(
        neigh,
        now + (wanted & NUD_REACHABLE ? parms.reachableTime : wanted & NUD_DELAY ? parms.delayProbeTime : 0),
      );
    neigh.nudState = wanted;
  }
  if (address !== neigh.ha) {
    neigh.ha = address.slice(0, dev.addrLen);
    neigh.hh = null;
    if (!(wanted & NUD_CONNECTED)) neigh.confirmed = now - parms.baseReachableTime * 2;
  }
  if (!(old & NUD_VALID)) {
    // Those who waited go out now.
    while (neigh.nudState & NUD_VALID) {
      const skb = skbDequeue(neigh.arpQueue);
      if (skb === null) break;
      neighResolveOutput(neigh, skb);
    }
    skbQueuePurge(neigh.arpQueue);
    neigh.arpQueueLenBytes = 0;
  }
  if (updateIsrouter) {
    if (flags & NEIGH_UPDATE_F_ISROUTER) neigh.flags |= NTF_ROUTER;
    else neigh.flags &= ~NTF_ROUTER;
  }
  return 0;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (b.length === 6 && a.length >= 6) return sameAddress(a, 0, b, 0);
  return b.every((byte, i) => a[i] === byte);
}

/** __neigh_set_probe_once: an entry that failed is asked for one more time. */
export function neighSetProbeOnce(neigh: Neighbour): void {
  if (neigh.dead) return;
  const now = neigh.tbl.net.clock.monotonic();
  neigh.updated = now;
  if (!(neigh.nudState & NUD_FAILED)) return;
  neigh.nudState = NUD_INCOMPLETE;
  neigh.probes = maxProbes(neigh);
  addTimer(neigh, now + Math.max(neigh.parms.retransTime, MIN_TIMER));
}

/** Somebody above knows that the neighbour answers (dst_confirm_neigh, MSG_CONFIRM). */
export function neighConfirm(neigh: Neighbour): void {
  neigh.confirmed = neigh.tbl.net.clock.monotonic();
}

/** Builds the link header from the entry and sends (neigh_resolve_output). Takes the buffer. */
export function neighResolveOutput(neigh: Neighbour, skb: SkBuff): number {
  const { net } = neigh.tbl;
  if (net.tracer !== null) net.tracer.enter(net, 'neigh_resolve_output', skb, `arp_queue ${neigh.arpQueue.qlen}`);
  if (!neighEventSend(neigh, skb)) return 0;
  const { dev } = neigh;
  if (dev.headerOps !== null && neigh.hh === null && dev.hardHeaderLen === ETH_HLEN) {
    const hh = new Uint8Array(ETH_HLEN);
    hh.set(neigh.ha, 0);
    hh.set(dev.devAddr, 6);
    putBe16(hh, 12, neigh.tbl.protocol);
    neigh.hh = hh;
  }
  const pull = skb.networkHeader - skb.data;
  if (pull > 0) {
    skb.data += pull;
    skb.len -= pull;
  }
  if (skb.data < dev.hardHeaderLen || skb.buf.refs > 1) skbCow(net, skb, llReservedSpace(dev));
  skb.dev = dev;
  if (dev.headerOps !== null && dev.headerOps.create(skb, dev, skb.protocol, neigh.ha, null, skb.len) < 0) {
    kfreeSkb(net, skb);
    return -22;
  }
  return devQueueXmit(net, skb);
}

/** The fast way: the header is known (neigh_hh_output). */
export function neighOutput(neigh: Neighbour, skb: SkBuff): number {
  const { hh } = neigh;
  if (hh === null || !(neigh.nudState & NUD_CONNECTED)) return neighResolveOutput(neigh, skb);
  const { net } = neigh.tbl;
  if (skb.data < hh.length || skb.buf.refs > 1) skbCow(net, skb, llReservedSpace(neigh.dev));
  copyBytes(skb.head, skbPush(skb, hh.length), hh, 0, hh.length);
  return devQueueXmit(net, skb);
}

/** The device's own address changed: cached headers are wrong. */
export function neighChangeaddr(tbl: NeighTable, dev: NetDevice): void {
  neighIfdown(tbl, dev);
}
