import type { Worker } from 'node:worker_threads';
import { jit } from '../filter/jit.ts';
import type { BpfProgram } from '../filter/program.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { Direction } from '../socket/capture-filter.ts';
import type { FanoutMode } from '../socket/packet.ts';
import { DEFAULT_SNAP_LENGTH, PacketRing, type RingOptions } from '../socket/ring.ts';
import type { TimestampType } from '../socket/timestamp.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { CounterWatch, type InterfaceCounters } from './counters.ts';
import type { Expression } from './expression.ts';
import { BlockFilter } from './filter.ts';
import type { MemberTask } from './member.ts';
import type { LiveSource } from './session.ts';
import type { RingStatistics } from './statistics.ts';

export interface LiveOptions {
  /** Names of devices; 'any' alone for all of them. At least one. */
  interfaces: readonly string[];
  /** The filter; none: everything. */
  filter?: Expression | undefined;
  promiscuous?: boolean | undefined;
  direction?: Direction | undefined;
  /** Bytes of a frame to keep. */
  snaplen?: number | undefined;
  /** Bytes of each ring. */
  bufferSize?: number | undefined;
  /** Milliseconds after which a block that is not full is handed over. */
  blockTimeout?: number | undefined;
  immediate?: boolean | undefined;
  timestampType?: TimestampType | undefined;
  /** What files say of the interfaces (if_description, if_os). */
  description?: string | undefined;
  os?: string | undefined;
  /** The time of the kernel that is captured on; default: the machine's. */
  clock?: Clock | undefined;
  /** So many rings share the frames, each in a thread that `start` makes. */
  fanout?: { threads: number; mode: FanoutMode; start: (task: MemberTask) => Worker } | undefined;
}

/** What `PacketRing.open` needs of the options, for one interface. */
export function ringOptions(name: string, options: LiveOptions): RingOptions {
  const { filter, promiscuous, direction, snaplen, bufferSize, blockTimeout, immediate, timestampType } = options;
  const { description, os } = options;
  return {
    interface: name,
    ...(filter === undefined ? {} : { filter: (type) => filter.program(type, 'kernel'), filterText: filter.text }),
    ...(promiscuous === undefined ? {} : { promiscuous }),
    ...(direction === undefined ? {} : { direction }),
    ...(snaplen === undefined ? {} : { snapLength: snaplen }),
    ...(bufferSize === undefined ? {} : { bufferSize }),
    ...(blockTimeout === undefined ? {} : { blockTimeout }),
    ...(immediate === undefined ? {} : { immediate }),
    ...(timestampType === undefined ? {} : { timestampType }),
    ...(description === undefined ? {} : { description }),
    ...(os === undefined ? {} : { os }),
  };
}

/** The program for frames that were captured, by link type. */
export const userProgram =
  ({ filter }: LiveOptions) =>
  (linkType: number): BpfProgram | null =>
    filter?.program(linkType, 'frames') ?? null;

/** A ring as a source of blocks, with the frames taken out that only a program here can tell: the kernel cannot run every
 * program over cooked frames. */
export class FilteredRing {
  readonly ring: PacketRing;
  readonly name: string;
  readonly member: number | null;
  readonly #filter: BlockFilter | null;
  #rejected = 0;

  /** `program` makes the program that runs here, where the kernel cannot run the filter. */
  constructor(ring: PacketRing, name: string, member: number | null, program: (linkType: number) => BpfProgram | null) {
    this.ring = ring;
    this.name = name;
    this.member = member;
    // An accepting program of the kernel's also cuts frames; here only its yes or no counts.
    this.#filter = ring.filtered ? null : new BlockFilter((linkType) => jit(program(linkType)!));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    const filter = this.#filter;
    for await (const block of this.ring) {
      if (filter !== null) {
        const kept = filter.apply(block, this.ring.interfaces);
        this.#rejected += block.count - kept;
        if (kept === 0) continue;
      }
      yield block;
    }
  }

  statistics(): RingStatistics {
    const { received, dropped, freezes } = this.ring.statistics();
    return {
      interface: this.name,
      member: this.member,
      received: received - this.#rejected,
      dropped,
      freezes,
      delivered: this.ring.delivered - this.#rejected,
      undelivered: this.ring.undelivered,
    };
  }
}

/** An interface that stands for all devices: a ring over `any` is described by it before a frame has come. */
export const anyInterface = (ring: PacketRing, options: LiveOptions): FrameInterface => ({
  name: 'any',
  linkType: ring.link.linkType,
  snapLength: options.snaplen ?? DEFAULT_SNAP_LENGTH,
  timestampDigits: 9,
  description: `all interfaces${options.description === undefined ? '' : `; ${options.description}`}`,
  ...(options.os === undefined ? {} : { os: options.os }),
  ...(options.filter === undefined ? {} : { filter: options.filter.text }),
});

/** A time of day, as `Clock.realtime` gives it. */
export type Moment = ReturnType<Clock['realtime']>;

/** Fills in what a savefile says at its end about each interface. The kernel counts by ring, so that the devices behind
 * `any` have no counts of their own but those of their drivers. */
export function fillStatistics(
  interfaces: readonly FrameInterface[],
  rings: readonly RingStatistics[],
  counters: readonly { name: string; counters: InterfaceCounters }[],
  started: Moment,
  endTime: Moment,
): void {
  for (const known of interfaces) {
    const own = rings.filter((ring) => ring.interface === known.name);
    const device = counters.find(({ name }) => name === known.name)?.counters;
    const sum = (what: 'received' | 'dropped' | 'delivered'): bigint | undefined => {
      const counts = own.map((ring) => ring[what]);
      if (counts.length === 0 || counts.includes(null)) return undefined;
      return BigInt((counts as number[]).reduce((total, count) => total + count, 0));
    };
    const accepted = sum('received');
    const dropped = sum('dropped');
    const delivered = sum('delivered');
    known.statistics = {
      startTime: started,
      endTime,
      ...(device === undefined ? {} : { interfaceDropped: BigInt(device.rxDropped + device.rxMissed + device.rxFifo) }),
      ...(accepted === undefined ? {} : { filterAccepted: accepted }),
      ...(dropped === undefined ? {} : { osDropped: dropped }),
      ...(delivered === undefined ? {} : { delivered }),
    };
  }
}

/** One ring, iterated in place: nothing is copied. */
export class SingleRing implements LiveSource {
  readonly #ring: FilteredRing;
  readonly #watch: CounterWatch | null;
  readonly #clock: Clock;
  readonly #started: Moment;
  readonly described: readonly FrameInterface[];

  constructor(system: SystemCalls, options: LiveOptions) {
    const name = options.interfaces[0]!;
    this.#clock = options.clock ?? systemClock;
    this.#started = this.#clock.realtime();
    this.#watch = name === 'any' ? null : new CounterWatch(system, name);
    this.#ring = new FilteredRing(
      PacketRing.open(system, ringOptions(name, options)),
      name,
      null,
      userProgram(options),
    );
    this.described = name === 'any' ? [anyInterface(this.#ring.ring, options)] : this.interfaces;
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#ring.ring.interfaces;
  }

  get bufferSize(): number {
    return this.#ring.ring.bufferSize;
  }

  [Symbol.asyncIterator](): AsyncGenerator<FrameBlock, void> {
    return this.#ring[Symbol.asyncIterator]();
  }

  stop(): void {
    this.#ring.ring.stop();
  }

  rings(): RingStatistics[] {
    const rings = [this.#ring.statistics()];
    fillStatistics(this.described, rings, this.counters(), this.#started, this.#clock.realtime());
    return rings;
  }

  counters(): { name: string; counters: InterfaceCounters }[] {
    const counters = this.#watch?.difference() ?? null;
    return counters === null ? [] : [{ name: this.#watch!.name, counters }];
  }

  close(): void {
    this.#ring.ring.close();
  }
}
