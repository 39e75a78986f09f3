import type { Kernel } from '../kernel/kernel.ts';
import type { Net, SkBuff, Tracer } from '../kernel/structs.ts';
import type { Clock } from '../time/clock.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../wire/linktype.ts';

/** The path of each packet through our kernels: function by function by Linux's names, with the queues that it met, the
 * virtual time that it took, and where and why it died.
 *
 * A packet is one sk_buff and its clones: it keeps its number across a cable, so that its path goes from the call that made
 * it on one host to the socket that took it on another. Fragments are packets of their own; the one that reassembly makes
 * goes on under the number of the first. */

/** A queue as the packet found it. */
export interface TraceQueue {
  name: string;
  /** Packets, or bytes where the name is rmem or wmem. */
  length: number;
  limit: number | null;
}

export interface TraceStep {
  /** Nanoseconds since the trace began. */
  time: number;
  host: string;
  function: string;
  /** What else is known there (a device, an ICMP type); null: nothing. */
  detail: string | null;
  queue: TraceQueue | null;
  /** Linux's drop reason, where the packet (or a copy of it) died here. */
  dropped: string | null;
}

/** How a packet ended on a host. */
export interface TraceEnd {
  /** `read`: a program has it. `queued`: it waits in a socket's receive queue. `kernel`: the kernel was its receiver.
   * `dropped`: it died. `left`: it left the emulated network. `waiting`: it is still in a queue of the host. */
  kind: 'read' | 'queued' | 'kernel' | 'dropped' | 'left' | 'waiting';
  host: string;
  function: string;
  /** Linux's drop reason; null where it did not die. */
  reason: string | null;
  time: number;
}

export interface TracedPacket {
  /** From 1 in the order of birth. */
  number: number;
  /** As much of the frame as was kept; an IP packet where it never got a link header. */
  frame: Uint8Array;
  linkType: number;
  /** Bytes of the whole. */
  length: number;
  steps: TraceStep[];
  ends: TraceEnd[];
}

const KEPT = 2048;

/** Functions behind which the packet is on its way to another device, or to another layer of the same host. */
const PASSES_ON = new Set(['veth_xmit', 'netlab_impair', 'loopback_xmit', 'dev_hard_start_xmit', 'br_dev_xmit']);
/** What a tap did says nothing of the packet's own end. */
const TAPS = new Set(['packet_rcv', 'tpacket_rcv']);
const READ = new Set(['udp_recvmsg', 'skb_recv_datagram']);
const QUEUED = new Set(['udp_queue_rcv_skb', 'sock_queue_rcv_skb', 'udpv6_queue_rcv_skb']);
const KERNEL = /^(arp_rcv|icmp_|icmpv6_|igmp_|ndisc_|ping_rcv)/;

interface Entry {
  number: number;
  frame: Uint8Array | null;
  linkType: number;
  length: number;
  steps: TraceStep[];
}

/** Numbers of packets, for all tracers: a buffer may come from a kernel that another one watches. */
let lastId = 0;

export class PacketTrace implements Tracer {
  /** Packets beyond the limit: counted, not kept. */
  missed = 0;
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #start: number;
  readonly #entries = new Map<number, Entry>();
  readonly #attached: Net[] = [];
  /** Calls that have begun and made no packet yet, by host. */
  readonly #begun = new Map<Net, TraceStep>();
  #full = false;

  /** `limit`: so many packets are kept. */
  constructor(clock: Clock, { limit = 1000 }: { limit?: number } = {}) {
    this.#clock = clock;
    this.#limit = limit;
    this.#start = clock.monotonic();
  }

  /** Traces these hosts from now on. */
  attach(kernels: Iterable<Kernel>): void {
    for (const { net } of kernels) {
      net.tracer = this;
      this.#attached.push(net);
    }
  }

  detach(): void {
    for (const net of this.#attached.splice(0)) net.tracer = null;
  }

  /** No packet that is born from now on is traced; those that are known are traced on. */
  close(): void {
    this.#full = true;
  }

  #step(net: Net, name: string, detail: string | undefined, dropped: string | null): TraceStep {
    const queue = /^(\w+) (\d+)(?: of (\d+))?$/.exec(detail ?? '');
    return {
      time: this.#clock.monotonic() - this.#start,
      host: net.hostname,
      function: name,
      detail: queue === null ? (detail ?? null) : null,
      queue:
        queue === null
          ? null
          : { name: queue[1]!, length: Number(queue[2]), limit: queue[3] === undefined ? null : Number(queue[3]) },
      dropped,
    };
  }

  #entry(net: Net, skb: SkBuff): Entry | null {
    if (skb.id !== 0) return this.#entries.get(skb.id) ?? null;
    const begun = this.#begun.get(net);
    this.#begun.delete(net);
    if (this.#full || this.#entries.size >= this.#limit) {
      if (!this.#full) this.missed++;
      // A number of its own, so that it is counted once.
      skb.id = ++lastId;
      return null;
    }
    skb.id = ++lastId;
    const entry: Entry = { number: this.#entries.size + 1, frame: null, linkType: LINKTYPE_RAW, length: 0, steps: [] };
    // A call that failed made nothing: what is born later is not its.
    if (begun !== undefined && begun.time === this.#clock.monotonic() - this.#start) entry.steps.push(begun);
    this.#entries.set(skb.id, entry);
    return entry;
  }

  begin(net: Net, name: string, detail?: string): void {
    this.#begun.set(net, this.#step(net, name, detail, null));
  }

  enter(net: Net, name: string, skb: SkBuff, detail?: string): void {
    // Netlink's answers, and packets that were there before the trace.
    if (skb.id === 0 && READ.has(name)) return;
    const entry = this.#entry(net, skb);
    if (entry === null) return;
    entry.steps.push(this.#step(net, name, detail, null));
    if (entry.linkType === LINKTYPE_ETHERNET) return;
    if (name === '__dev_queue_xmit' || name === 'dev_hard_start_xmit') keep(entry, skb, skb.data, LINKTYPE_ETHERNET);
    else if (name === 'netif_rx' || name === '__netif_receive_skb_core')
      keep(entry, skb, skb.macHeader, LINKTYPE_ETHERNET);
    else if (/^ip6?_(local_out|output|send_skb)$/.test(name)) keep(entry, skb, skb.networkHeader, LINKTYPE_RAW);
  }

  drop(net: Net, name: string, skb: SkBuff, reason: string): void {
    const entry = this.#entry(net, skb);
    if (entry === null) return;
    entry.steps.push(this.#step(net, name === '' ? 'kfree_skb' : name, undefined, reason));
    if (entry.frame === null) keep(entry, skb, skb.data, LINKTYPE_RAW);
  }

  /** True while a packet is on its way: on a cable, in a queue of a device or a socket, waiting for its neighbour. */
  get busy(): boolean {
    for (const entry of this.#entries.values())
      if (endsOf(entry.steps).some(({ kind }) => kind === 'waiting' || kind === 'queued')) return true;
    return false;
  }

  /** What is known until now. */
  packets(): TracedPacket[] {
    return [...this.#entries.values()].map(({ number, frame, linkType, length, steps }) => ({
      number,
      frame: frame ?? new Uint8Array(0),
      linkType,
      length,
      steps,
      ends: endsOf(steps),
    }));
  }
}

function keep(entry: Entry, skb: SkBuff, from: number, linkType: number): void {
  const length = skb.len + skb.data - from;
  // The linear part: of a packet in pieces the headers.
  const linear = Math.max(0, Math.min(length - skb.dataLen, skb.head.length - from, KEPT));
  entry.frame = skb.head.slice(from, from + linear);
  entry.linkType = linkType;
  entry.length = length;
}

/** The last thing that happened to the packet on each host; nothing where it went on from there. */
function endsOf(steps: readonly TraceStep[]): TraceEnd[] {
  const ends: TraceEnd[] = [];
  const last = new Map<string, TraceStep>();
  const end = (kind: TraceEnd['kind'], step: TraceStep): void => {
    ends.push({ kind, host: step.host, function: step.function, reason: step.dropped, time: step.time });
  };
  for (const step of steps) {
    if (step.dropped !== null) end('dropped', step);
    if (!TAPS.has(step.function)) last.set(step.host, step);
  }
  const hosts = [...last.values()];
  const final = steps.findLast((step) => !TAPS.has(step.function));
  for (const step of hosts) {
    if (step.dropped !== null) continue;
    if (READ.has(step.function)) end('read', step);
    else if (QUEUED.has(step.function)) end('queued', step);
    else if (KERNEL.test(step.function)) end('kernel', step);
    else if (step.function === 'ndo_start_xmit') end('left', step);
    else if (step === final || !PASSES_ON.has(step.function)) end('waiting', step);
  }
  return ends.sort((a, b) => a.time - b.time);
}
