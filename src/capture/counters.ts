import type { SystemCalls } from '../syscall/contract.ts';

/** An interface's own counters, /sys/class/net/NAME/statistics, as far as they speak of losses (Documentation/ABI/
 * testing/sysfs-class-net-statistics). Counts of frames. */
export interface InterfaceCounters {
  /** Frames received by the device. */
  rxPackets: number;
  /** Dropped by the stack or the driver for want of resources. */
  rxDropped: number;
  /** Missed by the device itself: its own queue was full. */
  rxMissed: number;
  /** FIFO overruns of the device. */
  rxFifo: number;
  /** Bad frames: checksum, length, framing. */
  rxErrors: number;
}

const FILES: Record<keyof InterfaceCounters, string> = {
  rxPackets: 'rx_packets',
  rxDropped: 'rx_dropped',
  rxMissed: 'rx_missed_errors',
  rxFifo: 'rx_fifo_errors',
  rxErrors: 'rx_errors',
};

/** The counters of interface `name` now; null where it has none (it is gone, or the name is `any`). */
export function readCounters(system: SystemCalls, name: string): InterfaceCounters | null {
  const counters: InterfaceCounters = { rxPackets: 0, rxDropped: 0, rxMissed: 0, rxFifo: 0, rxErrors: 0 };
  for (const [key, file] of Object.entries(FILES) as [keyof InterfaceCounters, string][]) {
    const content = system.readFile(`/sys/class/net/${name}/statistics/${file}`);
    if (typeof content === 'number') return null;
    counters[key] = Number(Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1').trim());
  }
  return counters;
}

/** Remembers an interface's counters at the start, so that what is told belongs to this capture. */
export class CounterWatch {
  readonly name: string;
  readonly #system: SystemCalls;
  readonly #start: InterfaceCounters | null;
  #last: InterfaceCounters | null;

  constructor(system: SystemCalls, name: string) {
    this.name = name;
    this.#system = system;
    this.#start = readCounters(system, name);
    this.#last = this.#start;
  }

  /** Counted since the start. An interface that is gone keeps what was read last; null: never had any. */
  difference(): InterfaceCounters | null {
    const start = this.#start;
    if (start === null) return null;
    this.#last = readCounters(this.#system, this.name) ?? this.#last;
    const now = this.#last!;
    // A device that was reset starts again from 0; then its count since is what there is.
    const since = (key: keyof InterfaceCounters): number => (now[key] >= start[key] ? now[key] - start[key] : now[key]);
    return {
      rxPackets: since('rxPackets'),
      rxDropped: since('rxDropped'),
      rxMissed: since('rxMissed'),
      rxFifo: since('rxFifo'),
      rxErrors: since('rxErrors'),
    };
  }
}
