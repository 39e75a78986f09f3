import type { InterfaceCounters } from '../capture/counters.ts';
import { prepareExpression } from '../capture/expression.ts';
import { openLibpcap } from '../capture/libpcap.ts';
import { type LiveOptions, SingleRing } from '../capture/live.ts';
import { openMerged } from '../capture/merged.ts';
import type { LiveSource } from '../capture/session.ts';
import { type CaptureStatistics, total } from '../capture/statistics.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface, FrameSource } from '../frames/source.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import { DEFAULT_BUFFER_SIZE, DEFAULT_SNAP_LENGTH } from '../socket/ring.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import type { Clock } from '../time/clock.ts';
import { startMember } from './fanout.ts';
import { type Packet, packetsOf } from './packet.ts';

export interface CaptureOptions {
  /** Name of an interface, 'any', or several names. */
  interface: string | readonly string[];
  /** Filter expression as in pcap-filter(7); the kernel runs it. */
  filter?: string;
  /** What its words mean: as to libpcap (default), traps included, or what they say; see `compileFilter`. */
  filterMode?: 'libpcap' | 'strict';
  /** Ends the capture: what the kernel has captured until then is still given, then the iteration is done. */
  signal?: AbortSignal;
  /** Stop after this many packets. */
  count?: number;
  /** Default true. Never for 'any'. */
  promiscuous?: boolean;
  /** Default 'inout'. */
  direction?: 'in' | 'out' | 'inout';
  /** Bytes of a packet to keep; default 262144. */
  snaplen?: number;
  /** Bytes of the ring that the kernel writes to; default 64 MiB. */
  bufferSize?: number;
  /** Milliseconds after which packets are handed over though their block is not full; default 100. */
  blockTimeout?: number;
  /** Hand over packets as soon as the kernel can. */
  immediate?: boolean;
  timestampType?: 'host' | 'adapter_unsynced';
  /** Share the packets among threads that each have a ring. */
  fanout?: { threads: number; mode: 'hash' | 'lb' | 'cpu' | 'rollover' | 'rnd' | 'qm' };
  /** Default 'af_packet'. 'libpcap' needs the optional package cap, and has neither kernel timestamps nor drop counts. */
  backend?: 'af_packet' | 'libpcap';
  /** The kernel to run on; default: this machine's. One of ours must have a clock that goes on while the capture waits, as
   * a `PacedClock` does. */
  system?: SystemCalls;
  /** The time of `system`, for the statistics' times; default: the machine's. */
  clock?: Clock;
}

/** A capture, packet by packet. */
export interface Capturing extends AsyncIterable<Packet> {
  /** The same frames in blocks, for speed: nothing is allocated a frame, and a block holds only until the next is asked
   * for. Iterate either the packets or the blocks, once. */
  blocks(): FrameSource;
  /** Resolves when packets are being captured: what is sent from then on is seen. Opens the rings, as iterating does. */
  ready(): Promise<void>;
  /** Counts since the start; also after the end, where `received = captured + dropped + left` holds to the packet. */
  stats(): Promise<CaptureStatistics>;
  /** Interfaces met so far. */
  readonly interfaces: readonly FrameInterface[];
  /** Ends the capture: what the kernel has captured until now is still given, then the iteration is done. */
  stop(): void;
  /** Ends the capture at once. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Captures frames of an interface. Nothing is opened until the iteration begins (or `ready` is called).
 *
 * Iterating throws SystemError: EPERM without CAP_NET_RAW, ENODEV where there is no such interface, ENETDOWN where it is
 * not up or, after all packets until then, goes down; FilterError for a wrong filter. Leaving the loop closes everything.
 *
 *     const capturing = capture({ interface: 'lo', filter: 'icmp', count: 2 });
 *     for await (const packet of capturing) console.log(packet.bytes.length, packet.direction);
 *     console.log(await capturing.stats());
 */
export function capture(options: CaptureOptions): Capturing {
  const names = typeof options?.interface === 'string' ? [options.interface] : [...(options?.interface ?? [])];
  if (names.length === 0 || names.some((name) => typeof name !== 'string' || name === ''))
    throw new TypeError("capture: options.interface must be the name of an interface, 'any', or several names");
  if (options.count !== undefined && !(Number.isInteger(options.count) && options.count > 0))
    throw new RangeError(`capture: options.count must be a whole number above 0, not ${options.count}`);
  return new LiveCapture(names, options);
}

class LiveCapture implements Capturing {
  readonly #names: string[];
  readonly #options: CaptureOptions;
  #source: LiveSource | null = null;
  #opening: Promise<LiveSource> | null = null;
  #begun = false;
  #stopped = false;
  #started = performance.now();
  #ended: number | null = null;
  #captured = 0;
  #left = 0;
  #bytes = 0;

  constructor(names: string[], options: CaptureOptions) {
    this.#names = names;
    this.#options = options;
  }

  #open(): Promise<LiveSource> {
    this.#opening ??= this.#openNow();
    return this.#opening;
  }

  async #openNow(): Promise<LiveSource> {
    const {
      filter,
      snaplen,
      bufferSize,
      backend,
      fanout,
      count: _,
      interface: __,
      filterMode,
      signal,
      system,
      ...rest
    } = this.#options;
    const live: LiveOptions = {
      ...rest,
      interfaces: this.#names,
      snaplen: snaplen ?? DEFAULT_SNAP_LENGTH,
      bufferSize,
      filter: filter ? await prepareExpression(filter, { mode: filterMode }) : undefined,
      fanout: fanout === undefined ? undefined : { ...fanout, start: startMember },
    };
    const calls = system ?? linuxSystemCalls();
    const source =
      backend === 'libpcap'
        ? await openLibpcap({
            interfaces: this.#names,
            filter,
            snaplen: live.snaplen!,
            bufferSize: bufferSize ?? DEFAULT_BUFFER_SIZE,
          })
        : this.#names.length === 1 && fanout === undefined
          ? new SingleRing(calls, live)
          : await openMerged(calls, live);
    this.#started = performance.now();
    this.#source = source;
    signal?.addEventListener('abort', this.#aborted, { once: true });
    if (signal?.aborted || this.#stopped) source.stop();
    return source;
  }

  readonly #aborted = (): void => this.stop();

  async #close(source: LiveSource): Promise<void> {
    this.#ended ??= performance.now();
    this.#options.signal?.removeEventListener('abort', this.#aborted);
    await source.close();
  }

  async ready(): Promise<void> {
    await this.#open();
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#source?.interfaces ?? [];
  }

  blocks(): FrameSource {
    const self = this;
    return {
      get interfaces() {
        return self.interfaces;
      },
      [Symbol.asyncIterator]: () => this.#blocks(),
      close: () => this.close(),
    };
  }

  async *#blocks(): AsyncGenerator<FrameBlock, void> {
    if (this.#begun) throw new TypeError('capture: a capture is iterated once; call capture() again');
    this.#begun = true;
    const source = await this.#open();
    try {
      for await (const block of source) if (this.#limit(block) > 0) yield block;
    } finally {
      await this.#close(source);
    }
  }

  /** Counts the block's rows, and rejects those beyond `count`. */
  #limit(block: FrameBlock): number {
    const { count = Number.POSITIVE_INFINITY } = this.#options;
    let kept = 0;
    for (let row = 0; row < block.count; row++) {
      if (block.keep[row] === 0) continue;
      if (this.#captured < count) {
        this.#captured++;
        this.#bytes += block.capturedLength[row]!;
        kept++;
      } else {
        block.keep[row] = 0;
        this.#left++;
      }
    }
    if (this.#captured >= count) this.stop();
    return kept;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Packet, void> {
    for await (const block of this.#blocks()) yield* packetsOf(block, this.interfaces);
  }

  async stats(): Promise<CaptureStatistics> {
    const rings = (await this.#source?.rings()) ?? [];
    const counters: { name: string; counters: InterfaceCounters }[] = this.#source?.counters() ?? [];
    return {
      captured: this.#captured,
      received: total(rings.map(({ received }) => received)),
      dropped: total(rings.map(({ dropped }) => dropped)),
      freezes: total(rings.map(({ freezes }) => freezes)),
      left: this.#left + rings.reduce((sum, { undelivered }) => sum + undelivered, 0),
      unwritten: 0,
      bytes: this.#bytes,
      elapsed: ((this.#ended ?? performance.now()) - this.#started) / 1000,
      rings,
      interfaces: counters,
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#source?.stop();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    const source = this.#source ?? (await this.#opening?.catch(() => null));
    if (source) await this.#close(source);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
