import { QDISC_DROP, QDISC_OVERLIMIT } from './drop-reason.ts';
import { kfreeSkb, skbDequeue, skbQueuePurge, skbQueueTail } from './skbuff.ts';
import { type NetDevice, type Qdisc, type QdiscState, type SkBuff, SkBuffHead } from './structs.ts';

/** Queueing disciplines without a clock: pfifo_fast, pfifo, bfifo (net/sched/sch_generic.c, sch_fifo.c). noqueue is no
 * discipline at all: `dev.qdisc` is null. */

export const NET_XMIT_SUCCESS = 0;
export const NET_XMIT_DROP = 1;
export const NET_XMIT_CN = 2;

/** net_xmit_errno: what a send call returns for the code of a transmission. */
export const netXmitErrno = (code: number, enobufs: number): number => (code !== NET_XMIT_CN ? -enobufs : 0);

export function qdiscCreate(dev: NetDevice, ops: Qdisc, limit: number, priv: unknown = null): QdiscState {
  return {
    ops,
    dev,
    qlen: 0,
    backlog: 0,
    limit,
    drops: 0,
    requeues: 0,
    overlimits: 0,
    packets: 0,
    bytes: 0,
    requeued: null,
    running: false,
    priv,
  };
}

export function qdiscDrop(skb: SkBuff, q: QdiscState, reason = QDISC_DROP): number {
  q.drops++;
  kfreeSkb(q.dev.net, skb, reason, q.ops.id);
  return NET_XMIT_DROP;
}

export function qdiscQueued(skb: SkBuff, q: QdiscState): void {
  q.qlen++;
  q.backlog += skb.len;
}

export function qdiscTaken(skb: SkBuff, q: QdiscState): void {
  q.qlen--;
  q.backlog -= skb.len;
  q.packets++;
  q.bytes += skb.len;
}

/** Which of pfifo_fast's three bands a priority (TC_PRIO_) goes to. */
const PRIO2BAND = [1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];

/** Three bands, the first served first; each holds as many packets as the device's queue is long. */
export const pfifoFast: Qdisc = {
  id: 'pfifo_fast',
  enqueue(skb, q) {
    const band = (q.priv as SkBuffHead[])[PRIO2BAND[skb.priority & 15]!]!;
    if (band.qlen >= q.limit) return qdiscDrop(skb, q, QDISC_OVERLIMIT);
    skbQueueTail(band, skb);
    qdiscQueued(skb, q);
    return NET_XMIT_SUCCESS;
  },
  dequeue(q) {
    for (const band of q.priv as SkBuffHead[]) {
      const skb = skbDequeue(band);
      if (skb === null) continue;
      qdiscTaken(skb, q);
      return skb;
    }
    return null;
  },
  reset(q) {
    for (const band of q.priv as SkBuffHead[]) skbQueuePurge(band);
    q.qlen = q.backlog = 0;
  },
};

export const pfifoFastCreate = (dev: NetDevice): QdiscState =>
  qdiscCreate(dev, pfifoFast, dev.txQueueLen, [new SkBuffHead(), new SkBuffHead(), new SkBuffHead()]);

function fifo(id: string, full: (q: QdiscState, skb: SkBuff) => boolean): Qdisc {
  return {
    id,
    enqueue(skb, q) {
      if (full(q, skb)) return qdiscDrop(skb, q, QDISC_OVERLIMIT);
      skbQueueTail(q.priv as SkBuffHead, skb);
      qdiscQueued(skb, q);
      return NET_XMIT_SUCCESS;
    },
    dequeue(q) {
      const skb = skbDequeue(q.priv as SkBuffHead);
      if (skb !== null) qdiscTaken(skb, q);
      return skb;
    },
    reset(q) {
      skbQueuePurge(q.priv as SkBuffHead);
      q.qlen = q.backlog = 0;
    },
  };
}

/** One queue, limited in packets. */
export const pfifo = fifo('pfifo', (q) => q.qlen >= q.limit);
/** One queue, limited in bytes. */
export const bfifo = fifo('bfifo', (q, skb) => q.backlog + skb.len > q.limit);

export const pfifoCreate = (dev: NetDevice, limit = dev.txQueueLen || 1): QdiscState =>
  qdiscCreate(dev, pfifo, limit, new SkBuffHead());
export const bfifoCreate = (dev: NetDevice, limit: number): QdiscState =>
  qdiscCreate(dev, bfifo, limit, new SkBuffHead());
