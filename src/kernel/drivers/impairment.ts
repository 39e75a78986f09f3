import * as reason from '../drop-reason.ts';
import { kfreeSkb, skbChecksumHelp, skbCopy, skbCow, skbOrphan } from '../skbuff.ts';
import { irq } from '../softirq.ts';
import { NETDEV_TX_OK, type NetDevice, type SkBuff } from '../structs.ts';

/** What a bad path does to frames: a wrapper around a device's transmit function, seeded by the host's randomness. */
export interface Impairments {
  /** Nanoseconds that every frame is held, and by how much that varies (uniformly, to either side). */
  delay?: number;
  jitter?: number;
  /** Share of frames lost, each by itself. */
  loss?: number;
  /** Losses in bursts (Gilbert-Elliott): share of moving into the bad state and out of it; all are lost in it. */
  burst?: { enter: number; leave: number };
  /** Share of frames that come twice. */
  duplicate?: number;
  /** Share of frames of which one bit is flipped. */
  corrupt?: number;
  /** Share of frames that are not held, and so overtake others (needs a delay). */
  reorder?: number;
  /** Bytes a second, and how many frames may wait for them. */
  rate?: number;
  limit?: number;
}

export interface ImpairmentCounters {
  lost: number;
  duplicated: number;
  corrupted: number;
  reordered: number;
  /** Dropped because the queue was full. */
  overlimit: number;
}

/** Wraps `dev`; the function returned takes the wrapping off. */
export function impair(dev: NetDevice, options: Impairments): { counters: ImpairmentCounters; remove(): void } {
  const { net } = dev;
  const inner = dev.ops;
  const counters: ImpairmentCounters = { lost: 0, duplicated: 0, corrupted: 0, reordered: 0, overlimit: 0 };
  const chance = (share: number | undefined): boolean =>
    share !== undefined && share > 0 && net.random() / 0x100000000 < share;
  let bad = false;
  let free = 0;
  let queued = 0;

  const pass = (skb: SkBuff, wait: number): void => {
    if (net.tracer !== null)
      net.tracer.enter(
        net,
        'netlab_impair',
        skb,
        `queue ${queued}${options.limit === undefined ? '' : ` of ${options.limit}`}`,
      );
    if (wait <= 0) {
      inner.startXmit(skb, dev);
      return;
    }
    queued++;
    net.clock.after(wait, () => {
      queued--;
      // As the device's own transmission later on: the bottom half runs when it is over.
      irq(net, () => {
        if (dev.flags & 1) inner.startXmit(skb, dev);
        else kfreeSkb(net, skb, reason.DEV_READY, 'impairment');
      });
    });
  };

  const send = (skb: SkBuff): void => {
    if (options.burst !== undefined) {
      if (bad ? chance(options.burst.leave) : chance(options.burst.enter)) bad = !bad;
    }
    if (bad || chance(options.loss)) {
      counters.lost++;
      kfreeSkb(net, skb, reason.IMPAIRED, 'impairment');
      return;
    }
    if (options.limit !== undefined && queued >= options.limit) {
      counters.overlimit++;
      dev.stats.txDropped++;
      kfreeSkb(net, skb, reason.QDISC_OVERLIMIT, 'impairment');
      return;
    }
    if (chance(options.corrupt)) {
      counters.corrupted++;
      skbChecksumHelp(net, skb);
      skbCow(net, skb, skb.data);
      const bit = net.random() % (skb.len * 8);
      skb.head[skb.data + (bit >>> 3)]! ^= 1 << (bit & 7);
    }
    let wait = options.delay ?? 0;
    if (options.jitter) wait = Math.max(0, wait + (net.random() / 0x80000000 - 1) * options.jitter);
    if (wait > 0 && chance(options.reorder)) {
      counters.reordered++;
      wait = 0;
    }
    if (options.rate !== undefined) {
      const now = net.clock.monotonic();
      free = Math.max(free, now) + (skb.len / options.rate) * 1e9;
      wait += free - now;
    }
    pass(skb, wait);
  };

  dev.ops = {
    ...inner,
    startXmit(skb) {
      // A frame that waits is no longer its sender's (skb_orphan), as on a wire.
      skbOrphan(skb);
      if (chance(options.duplicate)) {
        counters.duplicated++;
        send(skbCopy(net, skb));
      }
      send(skb);
      return NETDEV_TX_OK;
    },
  };
  return {
    counters,
    remove() {
      dev.ops = inner;
    },
  };
}
