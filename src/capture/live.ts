import type { Worker } from 'node:worker_threads';
import { jit } from '../filter/jit.ts';
import type { BpfProgram } from '../filter/program.ts';
import type { FrameBlock } from '../frames/block.ts';
import type { FrameInterface } from '../frames/source.ts';
import type { Direction } from '../socket/capture-filter.ts';
import type { FanoutMode } from '../socket/packet.ts';
import { PacketRing, type RingOptions } from '../socket/ring.ts';
import type { TimestampType } from '../socket/timestamp.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { CounterWatch, type InterfaceCounters } from './counters.ts';
import { BlockFilter } from './filter.ts';
import type { MemberTask } from './member.ts';
import type { LiveSource } from './session.ts';
import type { RingStatistics } from './statistics.ts';

export interface LiveOptions {
  /** Names of devices; 'any' alone for all of them. At least one. */
  interfaces: readonly string[];
  /** The program for a link type; null: everything. May throw what is wrong with the expression. */
  program?: ((linkType: number) => BpfProgram | null) | undefined;
  /** The filter as it was typed. */
  filterText?: string | undefined;
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
  /** So many rings share the frames, each in a thread that `start` makes. */
  fanout?: { threads: number; mode: FanoutMode; start: (task: MemberTask) => Worker } | undefined;
}

/** What `PacketRing.open` needs of the options, for one interface. */
export function ringOptions(name: string, options: LiveOptions): RingOptions {
  const { program, filterText, promiscuous, direction, snaplen, bufferSize, blockTimeout, immediate, timestampType } =
    options;
  return {
    interface: name,
    ...(program === undefined ? {} : { filter: program }),
    ...(filterText ? { filterText } : {}),
    ...(promiscuous === undefined ? {} : { promiscuous }),
    ...(direction === undefined ? {} : { direction }),
    ...(snaplen === undefined ? {} : { snapLength: snaplen }),
    ...(bufferSize === undefined ? {} : { bufferSize }),
    ...(blockTimeout === undefined ? {} : { blockTimeout }),
    ...(immediate === undefined ? {} : { immediate }),
    ...(timestampType === undefined ? {} : { timestampType }),
  };
}

/** A ring as a source of blocks, with the frames taken out that only a program here can tell: the kernel cannot run every
 * program over cooked frames. */
export class FilteredRing {
  readonly ring: PacketRing;
  readonly name: string;
  readonly member: number | null;
  readonly #filter: BlockFilter | null;
  #rejected = 0;

  constructor(ring: PacketRing, name: string, member: number | null, program: LiveOptions['program']) {
    this.ring = ring;
    this.name = name;
    this.member = member;
    // An accepting program of the kernel's also cuts frames; here only its yes or no counts.
    this.#filter = ring.filtered ? null : new BlockFilter((linkType) => jit(program!(linkType)!));
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

/** Fills in what a savefile says at its end about each interface. What the kernel counts, it counts by ring; a ring over
 * `any` has many interfaces, and then the counts stand at the first, so that their sum over a file is true. */
export function fillStatistics(
  interfaces: readonly FrameInterface[],
  rings: readonly RingStatistics[],
  counters: readonly { name: string; counters: InterfaceCounters }[],
  started: number,
): void {
  const time = (milliseconds: number): { seconds: number; nanoseconds: number } => ({
    seconds: Math.floor(milliseconds / 1000),
    nanoseconds: Math.floor((milliseconds % 1000) * 1e6),
  });
  const endTime = time(Date.now());
  const byInterface = new Map<string, RingStatistics[]>();
  for (const ring of rings) byInterface.set(ring.interface, [...(byInterface.get(ring.interface) ?? []), ring]);
  interfaces.forEach((known, row) => {
    const own = byInterface.get(known.name) ?? (row === 0 ? byInterface.get('any') : undefined) ?? [];
    const device = counters.find(({ name }) => name === known.name)?.counters;
    const sum = (what: 'received' | 'dropped' | 'delivered'): bigint | undefined =>
      own.length === 0 || own.some((ring) => ring[what] === null)
        ? undefined
        : BigInt(own.reduce((total, ring) => total + ring[what]!, 0));
    const accepted = sum('received');
    const dropped = sum('dropped');
    const delivered = sum('delivered');
    known.statistics = {
      startTime: time(started),
      endTime,
      ...(device === undefined ? {} : { interfaceDropped: BigInt(device.rxDropped + device.rxMissed + device.rxFifo) }),
      ...(accepted === undefined ? {} : { filterAccepted: accepted }),
      ...(dropped === undefined ? {} : { osDropped: dropped }),
      ...(delivered === undefined ? {} : { delivered }),
    };
  });
}

/** One ring, iterated in place: nothing is copied. */
export class SingleRing implements LiveSource {
  readonly #ring: FilteredRing;
  readonly #watch: CounterWatch | null;
  readonly #started = Date.now();

  constructor(system: SystemCalls, options: LiveOptions) {
    const name = options.interfaces[0]!;
    this.#watch = name === 'any' ? null : new CounterWatch(system, name);
    this.#ring = new FilteredRing(PacketRing.open(system, ringOptions(name, options)), name, null, options.program);
  }

  get interfaces(): readonly FrameInterface[] {
    return this.#ring.ring.interfaces;
  }

  get linkType(): number {
    return this.#ring.ring.link.linkType;
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
    fillStatistics(this.interfaces, rings, this.counters(), this.#started);
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
