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
}

/** How long the network has been up when it is handed over, in nanoseconds: addresses are in use, and neighbours known. */
const WARM_UP = 5e9;

/** Boots the network. `epoch`: seconds since 1970 when it is handed over; default: now for `real`, 1,000,000,000 for
 * `virtual`. */
export function openEmulated({ seed, pace, epoch }: { seed: number; pace: Pace; epoch?: number }): Emulated {
  const clock = new PacedClock({ pace, warmUp: WARM_UP, ...(epoch === undefined ? {} : { epoch }) });
  const network = emulatedNetwork({ clock, seed });
  clock.begin();
  return {
    system: attended(network.here.process(), clock),
    clock: attendedClock(clock),
    network,
    random: seededRandom(seed ^ 0x6e65746c),
  };
}
