import type { SystemCalls } from '../syscall/contract.ts';
import type { Clock } from '../time/clock.ts';
import { seededRandom } from '../time/random.ts';
import { attended, attendedClock } from './attended.ts';
import { emulatedNetwork, type Network } from './network.ts';
import { type Pace, PacedClock } from './pace.ts';

/** The emulated network, running in this process's event loop, and a process of its host `here` for a program outside. */
export interface Emulated {
  system: SystemCalls;
  clock: Clock;
  network: Network;
  /** Uniform unsigned 32-bit integers from the seed, for the program outside. */
  random: () => number;
  paced: PacedClock;
}

/** How long the network has been up when it is handed over, in nanoseconds: addresses are in use, and neighbours known. */
const WARM_UP = 5e9;

export interface EmulatedOptions {
  seed: number;
  pace: Pace;
  /** Seconds since 1970 when the network is handed over; default: now for `real`, 1,000,000,000 for `virtual`. */
  epoch?: number;
  /** Default true: the hosts talk to each other by themselves. */
  traffic?: boolean;
}

/** Boots the network. */
export function openEmulated({ seed, pace, epoch, traffic = true }: EmulatedOptions): Emulated {
  const clock = new PacedClock({ pace, warmUp: WARM_UP, ...(epoch === undefined ? {} : { epoch }) });
  const network = emulatedNetwork({ clock, seed, traffic });
  clock.begin();
  return {
    paced: clock,
    system: attended(network.here.process(), clock),
    clock: attendedClock(clock),
    network,
    random: seededRandom(seed ^ 0x6e65746c),
  };
}
