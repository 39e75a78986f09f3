import { PacketSocket } from '../../socket/packet.ts';
import type { SystemCalls } from '../../syscall/contract.ts';
import { type Clock, systemClock } from '../../time/clock.ts';
import { hostU64 } from '../../uapi/host.ts';
import { ARPHRD_ETHER, ARPHRD_LOOPBACK } from '../../uapi/if_arp.ts';
import { PACKET_OUTGOING } from '../../uapi/if_packet.ts';
import { SCM_TIMESTAMPNS, SO_TIMESTAMPNS, SOL_SOCKET } from '../../uapi/socket.ts';
import { LINKTYPE_ETHERNET, LINKTYPE_RAW } from '../../wire/linktype.ts';
import { formatIp, needsZone } from '../address.ts';
import { waitUntil } from '../pace.ts';
import { RawCallsSocket } from '../raw-calls.ts';
import { fromAnybody, type Reading, readFrame, suits } from './answer.ts';
import { type CompleteOptions, Completer, type Ready } from './complete.ts';
import type { Draft, Packets } from './packet.ts';

/** Sends packets and finds what answers them, with round-trip times. */

/** A frame that answers a packet. */
export interface Reply {
  /** `error`: an ICMP error that quotes the packet. */
  kind: 'answer' | 'error';
  bytes: Uint8Array;
  /** LINKTYPE_ of the bytes. */
  linkType: number;
  /** Who sent it. */
  from: string;
  ttl: number;
  /** From the packet to this frame: by the kernel's stamps of both where it gave them, else by the clock. */
  milliseconds: number;
  /** When it came: seconds since 1970 and nanoseconds; null where the kernel did not say. */
  at: { seconds: number; nanoseconds: number } | null;
  /** It is not the first for this packet. */
  isDuplicate: boolean;
  /** What was read of it. */
  reading: Reading;
}

/** A packet that was sent. */
export interface Sent {
  /** Counted from 0. */
  index: number;
  /** As it was given to the kernel. */
  bytes: Uint8Array;
  linkType: number;
  device: string;
  /** Time of day of sending. */
  at: { seconds: number; nanoseconds: number };
  /** What was read of it; null for what is neither IP nor ARP. */
  reading: Reading | null;
  /** The first reply. */
  reply: Reply | null;
  /** The exchange still knows it. */
  ready: Ready;
}

export interface ExchangeOptions extends CompleteOptions {
  /** Called at each reply, as it comes. */
  onReply?: ((sent: Sent, reply: Reply) => void) | undefined;
  /** False: packets are sent, and nobody listens. Default true. */
  listen?: boolean | undefined;
}

interface Pending extends Sent {
  monotonic: number;
  /** The kernel's stamp of the packet on its way out, in nanoseconds since 1970 as a bigint. */
  stamp: bigint | null;
}

/** Packets that are remembered: of more, the oldest are given up. */
const MOST_PENDING = 1 << 16;
const MOST_LEAVING = 1024;
const RECEIVE_BUFFER = 8 << 20;
const FRAME_ROOM = 1 << 16;

/** An open way to send packets and to hear what answers them. Needs CAP_NET_RAW. */
export class Exchange {
  readonly #calls: SystemCalls;
  readonly #options: ExchangeOptions;
  readonly #clock: Clock;
  readonly #completer: Completer;
  readonly #ears = new Map<number, PacketSocket>();
  /** Other sockets than those that listen: a socket does not hear what it sent itself. */
  readonly #mouths = new Map<string, PacketSocket>();
  readonly #raw = new Map<4 | 6, RawCallsSocket>();
  /** Packets by what an answer to them has. */
  readonly #asked = new Map<string, Pending[]>();
  readonly #order: Pending[] = [];
  /** Packets whose copy on the way out has not been seen. */
  readonly #leaving = new Set<Pending>();
  readonly #stop = new AbortController();
  readonly #waiting = new Set<() => void>();
  #count = 0;
  #failure: unknown = null;

  /** Throws SystemError EPERM without the privilege. */
  constructor(calls: SystemCalls, options: ExchangeOptions = {}) {
    this.#calls = calls;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#completer = new Completer(calls, options);
    // First, so that a missing privilege is told before anything else.
    PacketSocket.create(calls).close();
  }

  /** Fills in what is not given, and sends it. Throws SystemError where the kernel refuses it or there is no way there,
   * TypeError where the packet does not say where it goes. */
  async send(draft: Draft): Promise<Sent> {
    return this.sendReady(await this.#completer.complete(draft));
  }

  /** The same for a packet that is complete. */
  async sendReady(ready: Ready): Promise<Sent> {
    const { bytes, linkType, device, ifindex } = ready;
    const listens = this.#options.listen ?? true;
    if (listens) this.#listen(ifindex, device);
    const reading = readFrame(bytes, linkType);
    const sent: Pending = {
      index: this.#count++,
      bytes,
      linkType,
      device,
      at: this.#clock.realtime(),
      reading,
      reply: null,
      ready,
      monotonic: this.#clock.monotonic(),
      stamp: null,
    };
    if (listens && reading?.asks) this.#remember(sent, reading.asks);
    await this.#out(ready);
    return sent;
  }

  async #out({ bytes, way, ifindex, path, device }: Ready): Promise<void> {
    const { signal } = this.#options;
    const waiting = signal ? { signal } : {};
    if (way === 'ip') {
      const version = bytes[0]! >>> 4 === 4 ? 4 : 6;
      let socket = this.#raw.get(version);
      if (!socket) this.#raw.set(version, (socket = new RawCallsSocket(this.#calls, version)));
      const to = readFrame(bytes, LINKTYPE_RAW)?.dst ?? path!.nextHop;
      await socket.send(bytes, formatIp(to) + (needsZone(to) ? `%${device}` : ''), ifindex);
      return;
    }
    const key = `${way} ${ifindex}`;
    let socket = this.#mouths.get(key);
    if (!socket) {
      socket = PacketSocket.create(this.#calls, { cooked: way === 'cooked' });
      this.#mouths.set(key, socket);
      // Protocol 0: nothing is received.
      if (way === 'frame') socket.bindTo(ifindex, 0, device);
    }
    if (way === 'cooked')
      await socket.send(bytes, { to: { family: 'packet', protocol: path!.etherType, ifindex }, ...waiting });
    else await socket.send(bytes, waiting);
  }

  #listen(ifindex: number, device: string): void {
    if (this.#ears.has(ifindex)) return;
    const socket = PacketSocket.create(this.#calls);
    try {
      socket.setReceiveBuffer(RECEIVE_BUFFER);
      socket.setOption(SOL_SOCKET, SO_TIMESTAMPNS, 1, 'setsockopt SO_TIMESTAMPNS');
      socket.bindTo(ifindex, undefined, device);
    } catch (error) {
      socket.close();
      throw error;
    }
    this.#ears.set(ifindex, socket);
    const linkType = this.#linkTypeOf(socket, device);
    this.#hear(socket, linkType).catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#failure = error;
      for (const wake of this.#waiting) wake();
    });
  }

  /** Frames of devices without a header of ours are IP packets. */
  #linkTypeOf(socket: PacketSocket, device: string): number {
    const { arphrd } = socket.device(device);
    return arphrd === ARPHRD_ETHER || arphrd === ARPHRD_LOOPBACK ? LINKTYPE_ETHERNET : LINKTYPE_RAW;
  }

  async #hear(socket: PacketSocket, linkType: number): Promise<void> {
    const buffer = new Uint8Array(FRAME_ROOM);
    while (!this.#stop.signal.aborted) {
      const message = await socket.receive(buffer, { signal: this.#stop.signal });
      if (message === null) return;
      const stamped = message.control.find(({ level, type }) => level === SOL_SOCKET && type === SCM_TIMESTAMPNS);
      const stamp = stamped ? hostU64(stamped.data, 0) * 1_000_000_000n + hostU64(stamped.data, 8) : null;
      if (message.from?.family === 'packet' && message.from.pkttype === PACKET_OUTGOING) {
        this.#left(message.data, stamp);
        continue;
      }
      const reading = readFrame(message.data, linkType);
      if (reading !== null) this.#arrived(message.data, linkType, reading, stamp);
    }
  }

  /** A frame on its way out: the stamp of the packet that it is. */
  #left(frame: Uint8Array, stamp: bigint | null): void {
    for (const sent of this.#leaving) {
      const extra = frame.length - sent.bytes.length;
      if (extra < 0 || Buffer.compare(frame.subarray(extra), sent.bytes) !== 0) continue;
      sent.stamp = stamp;
      this.#leaving.delete(sent);
      return;
    }
  }

  #arrived(frame: Uint8Array, linkType: number, reading: Reading, stamp: bigint | null): void {
    const sent = reading.error ? this.#quoted(reading.error.quoted) : this.#answered(frame, reading);
    if (sent === null) return;
    const isStamped = stamp !== null && sent.stamp !== null;
    const nanoseconds = isStamped ? Number(stamp - sent.stamp!) : this.#clock.monotonic() - sent.monotonic;
    const reply: Reply = {
      kind: reading.error ? 'error' : 'answer',
      bytes: frame.slice(),
      linkType,
      from: formatIp(reading.src),
      ttl: reading.ttl,
      milliseconds: Math.max(0, nanoseconds) / 1e6,
      at:
        stamp === null
          ? null
          : { seconds: Number(stamp / 1_000_000_000n), nanoseconds: Number(stamp % 1_000_000_000n) },
      isDuplicate: sent.reply !== null,
      reading,
    };
    sent.reply ??= reply;
    this.#options.onReply?.(sent, reply);
    for (const wake of this.#waiting) wake();
  }

  /** The packet that an error quotes: the very one where its mark is there, else the oldest that asked for the same. */
  #quoted(quoted: Reading): Pending | null {
    const asked = quoted.asks === null ? undefined : this.#asked.get(quoted.asks);
    return asked?.find((sent) => sent.reading!.mark === quoted.mark) ?? oldest(asked ?? []);
  }

  #answered(frame: Uint8Array, reading: Reading): Pending | null {
    if (reading.answers === '') return null;
    const asked = this.#asked.get(reading.answers) ?? this.#asked.get(fromAnybody(reading));
    if (asked === undefined) return null;
    let best: Pending[] = [];
    let bestFit = 0;
    for (const sent of asked) {
      const how = suits(sent.bytes, sent.reading!, frame, reading);
      if (how > bestFit) best = [];
      if (how >= bestFit) best.push(sent);
      bestFit = Math.max(bestFit, how);
    }
    return oldest(best);
  }

  #remember(sent: Pending, asks: string): void {
    this.#leaving.add(sent);
    // A copy that has not come by now does not come.
    if (this.#leaving.size > MOST_LEAVING)
      for (const old of this.#leaving) {
        this.#leaving.delete(old);
        break;
      }
    this.#order.push(sent);
    const same = this.#asked.get(asks);
    if (same) same.push(sent);
    else this.#asked.set(asks, [sent]);
    if (this.#order.length <= MOST_PENDING) return;
    const old = this.#order.shift()!;
    this.#leaving.delete(old);
    const others = this.#asked.get(old.reading!.asks!)!.filter((other) => other !== old);
    if (others.length) this.#asked.set(old.reading!.asks!, others);
    else this.#asked.delete(old.reading!.asks!);
  }

  /** Waits until `done` is true, at most `seconds`. Returns what `done` says then. Throws what the listening threw. */
  async until(done: () => boolean, seconds: number, signal = this.#options.signal): Promise<boolean> {
    const over = new AbortController();
    const wake = (): void => {
      if (done() || this.#failure !== null) over.abort();
    };
    wake();
    this.#waiting.add(wake);
    const either = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    try {
      if (!over.signal.aborted)
        await waitUntil(this.#clock, this.#clock.monotonic() + seconds * 1e9, { signal: either });
    } finally {
      this.#waiting.delete(wake);
    }
    if (this.#failure !== null) throw this.#failure;
    return done();
  }

  /** Frames that came in until now and that the kernel had no room for. */
  dropped(): number {
    let dropped = 0;
    for (const ear of this.#ears.values()) dropped += ear.statistics().dropped;
    return dropped;
  }

  close(): void {
    this.#stop.abort();
    for (const socket of [...this.#ears.values(), ...this.#mouths.values(), ...this.#raw.values()]) socket.close();
  }
}

/** The oldest without a reply, else the newest. */
const oldest = (asked: readonly Pending[]): Pending | null =>
  asked.find(({ reply }) => reply === null) ?? asked.at(-1) ?? null;

export interface SendAndReceiveOptions extends Omit<ExchangeOptions, 'listen' | 'offline'> {
  /** Seconds to wait for replies after the last packet; ends early when all are there. Default 1. */
  timeout?: number;
  /** Seconds between two packets. Default 0. */
  interval?: number;
}

/** Sends the packets and waits for what answers them. Gives every packet with its first reply (or null), in the order of
 * sending; addresses, ports and identifiers that are not given are filled in as the kernel would. Needs CAP_NET_RAW.
 * Throws SystemError and TypeError as `Exchange.send`.
 *
 *     const [{ reply }] = await sendAndReceive(calls, packet(ipv4({ dst: '192.0.2.2' }), icmp()));
 */
export async function sendAndReceive(
  calls: SystemCalls,
  packets: Packets,
  options: SendAndReceiveOptions = {},
): Promise<Sent[]> {
  const { timeout = 1, interval = 0, ...rest } = options;
  const { clock = systemClock, signal } = rest;
  const exchange = new Exchange(calls, rest);
  const sent: Sent[] = [];
  try {
    for (const draft of packets.drafts()) {
      if (signal?.aborted) break;
      if (sent.length > 0 && interval > 0) await waitUntil(clock, clock.monotonic() + interval * 1e9, { signal });
      sent.push(await exchange.send(draft));
    }
    await exchange.until(() => sent.every(({ reply, reading }) => reply !== null || !reading?.asks), timeout);
  } finally {
    exchange.close();
  }
  return sent;
}
