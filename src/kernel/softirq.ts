import { consumeSkb, skbDequeue } from './skbuff.ts';
import type { NapiStruct, Net, NetDevice, SkBuff } from './structs.ts';

/** Softirqs of one host, and NAPI (net_rx_action of net/core/dev.c).
 *
 * A host has one CPU. Work raised while bottom halves are disabled, or while a softirq runs, waits until they are
 * enabled again; else it runs at once, as it does on the way out of an interrupt. */

/** MAX_SOFTIRQ_RESTART: after so many rounds the rest is ksoftirqd's. */
const MAX_SOFTIRQ_RESTART = 10;

export function localBhDisable(net: Net): void {
  net.softnet.bhDisabled++;
}

export function localBhEnable(net: Net): void {
  const sd = net.softnet;
  if (--sd.bhDisabled === 0 && sd.pending && !sd.inSoftirq) doSoftirq(net);
}

/** Marks NET_RX or NET_TX work as pending, and runs it where nothing forbids it. */
export function raiseSoftirq(net: Net): void {
  const sd = net.softnet;
  sd.pending = true;
  if (sd.bhDisabled === 0 && !sd.inSoftirq) doSoftirq(net);
}

/** Runs a driver's interrupt handler: softirqs that it raises run after it. */
export function irq(net: Net, handler: () => void): void {
  const sd = net.softnet;
  sd.interrupts++;
  sd.bhDisabled++;
  handler();
  localBhEnable(net);
}

let netTxAction: (net: Net) => void = () => {};
/** Set by dev.ts: runs the queues of devices that were scheduled. */
export function openSoftirqTx(action: (net: Net) => void): void {
  netTxAction = action;
}

function doSoftirq(net: Net): void {
  const sd = net.softnet;
  if (sd.deferred !== null) return; // ksoftirqd has it
  sd.inSoftirq = true;
  let restart = MAX_SOFTIRQ_RESTART;
  do {
    sd.pending = false;
    if (sd.outputQueue.length > 0) netTxAction(net);
    netRxAction(net);
  } while (sd.pending && --restart > 0);
  sd.inSoftirq = false;
  if (!sd.pending) return;
  // ksoftirqd: the rest waits until the one who is running has had his turn.
  sd.deferred = net.clock.after(0, () => {
    sd.deferred = null;
    doSoftirq(net);
  });
}

export function napiSchedule(net: Net, napi: NapiStruct): void {
  if (napi.scheduled) return;
  napi.scheduled = true;
  net.softnet.pollList.push(napi);
  raiseSoftirq(net);
}

export function napiComplete(napi: NapiStruct): void {
  napi.scheduled = false;
}

function netRxAction(net: Net): void {
  const sd = net.softnet;
  let budget = net.netdevBudget;
  const list = sd.pollList;
  while (list.length > 0) {
    const napi = list.shift()!;
    const weight = napi.weight;
    sd.polls++;
    const work = napi.poll(napi, weight);
    // A poll that used its whole weight is not finished: to the end of the list with it (napi_poll).
    if (work >= weight && napi.scheduled) list.push(napi);
    budget -= work;
    if (budget <= 0) {
      if (list.length > 0) {
        sd.timeSqueeze++;
        sd.pending = true;
      }
      return;
    }
  }
}

/** The backlog queue's poll function, set up by dev.ts with what receives a packet. */
export function makeBacklog(net: Net, receive: (net: Net, skb: SkBuff) => void): NapiStruct {
  const sd = net.softnet;
  return {
    weight: 64,
    scheduled: false,
    dev: null,
    poll(napi, budget) {
      let work = 0;
      while (work < budget) {
        const skb = skbDequeue(sd.inputQueue);
        if (skb === null) {
          napi.scheduled = false;
          return work;
        }
        work++;
        receive(net, skb);
      }
      return work;
    },
  };
}

/** Packets of a device that goes away are dropped from the backlog (flush_backlog). */
export function flushBacklog(net: Net, dev: NetDevice): void {
  const queue = net.softnet.inputQueue;
  for (let count = queue.qlen; count > 0; count--) {
    const skb = skbDequeue(queue)!;
    if (skb.dev === dev) consumeSkb(skb);
    else {
      skb.list = queue;
      skb.prev = queue.last;
      if (queue.last === null) queue.first = skb;
      else queue.last.next = skb;
      queue.last = skb;
      queue.qlen++;
    }
  }
}
