import { QDISC_OVERLIMIT } from './drop-reason.ts';
import { NET_XMIT_SUCCESS, qdiscCreate, qdiscDrop, qdiscQueued, qdiscTaken } from './sch-generic.ts';
import { skbDequeue, skbQueuePurge, skbQueueTail } from './skbuff.ts';
import { type NetDevice, type Qdisc, type QdiscState, SkBuffHead } from './structs.ts';

/** Token bucket filter (tc-tbf(8), net/sched/sch_tbf.c): packets leave at `rate`, bursts of up to `burst` bytes at
 * once. */
interface Tbf {
  readonly queue: SkBuffHead;
  /** Bytes a second. */
  readonly rate: number;
  /** Nanoseconds that the whole bucket is worth. */
  readonly buffer: number;
  readonly maxSize: number;
  tokens: number;
  checkpoint: number;
  wake: (() => void) | null;
  schedule: (dev: NetDevice) => void;
}

const tbf: Qdisc = {
  id: 'tbf',
  enqueue(skb, q) {
    const state = q.priv as Tbf;
    if (skb.len > state.maxSize) return qdiscDrop(skb, q, QDISC_OVERLIMIT);
    if (q.backlog + skb.len > q.limit) return qdiscDrop(skb, q, QDISC_OVERLIMIT);
    skbQueueTail(state.queue, skb);
    qdiscQueued(skb, q);
    return NET_XMIT_SUCCESS;
  },
  dequeue(q) {
    const state = q.priv as Tbf;
    const skb = state.queue.first;
    if (skb === null) return null;
    const clock = q.dev.net.clock;
    const now = clock.monotonic();
    const tokens = Math.min(now - state.checkpoint + state.tokens, state.buffer) - (skb.len / state.rate) * 1e9;
    if (tokens >= 0) {
      state.checkpoint = now;
      state.tokens = tokens;
      skbDequeue(state.queue);
      qdiscTaken(skb, q);
      return skb;
    }
    q.overlimits++;
    if (state.wake === null)
      state.wake = clock.after(-tokens, () => {
        state.wake = null;
        state.schedule(q.dev);
      });
    return null;
  },
  reset(q) {
    const state = q.priv as Tbf;
    state.wake?.();
    state.wake = null;
    skbQueuePurge(state.queue);
    q.qlen = q.backlog = 0;
  },
};

/** `rate` in bytes a second, `burst` and `limit` in bytes. `schedule` runs the device's queue again. */
export function tbfCreate(
  dev: NetDevice,
  { rate, burst, limit }: { rate: number; burst: number; limit: number },
  schedule: (dev: NetDevice) => void,
): QdiscState {
  const buffer = (burst / rate) * 1e9;
  const state: Tbf = {
    queue: new SkBuffHead(),
    rate,
    buffer,
    maxSize: burst,
    tokens: buffer,
    checkpoint: dev.net.clock.monotonic(),
    wake: null,
    schedule,
  };
  return qdiscCreate(dev, tbf, limit, state);
}
