import { release } from 'node:os';
import { type Command, Option } from 'commander';
import { nearest } from '../bytes/nearest.ts';
import type { Network } from '../lab/network.ts';
import type { PacedClock } from '../lab/pace.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { errnoName } from '../uapi/errno.ts';
import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW } from '../uapi/socket.ts';
import { Failure, UsageError } from './exit.ts';
import { integer } from './numbers.ts';

/** On which kernel a command runs.
 *
 * A command that uses a kernel calls `addBackendOptions(command)` where it is defined and `chooseSystem(options)` where it
 * runs, and from then on writes its program once: it calls `system`, waits by `clock` (never by a timer of Node's where the
 * wait is for the network), looks names up by `lookUp`, and puts `note` and `os` into the files that it saves. */

export const BACKENDS = ['auto', 'af_packet', 'libpcap', 'emulated'] as const;
export type Backend = (typeof BACKENDS)[number];

/** What `addBackendOptions` adds to a command's options. */
export interface BackendOptions {
  backend: Backend;
  /** Of the emulated network. */
  seed?: number | undefined;
  /** The emulated network goes as fast as it can, the same in every run. */
  virtualTime?: true | undefined;
}

/** Adds --backend, --seed and --virtual-time. `backends`: the ones that the command can use besides auto. */
export function addBackendOptions(command: Command, backends: readonly Backend[] = ['af_packet', 'emulated']): Command {
  return command
    .addOption(
      new Option(
        '--backend <name>',
        "af_packet: this machine's kernel; emulated: a network of netlab's own, which needs no privilege; " +
          'auto: af_packet where that is permitted, else emulated',
      )
        .choices(['auto', ...backends])
        .default('auto'),
    )
    .option(
      '--seed <number>',
      'of the emulated network: the same number, the same addresses and times',
      integer(0, 0xffffffff),
    )
    .option(
      '--virtual-time',
      'the emulated network does not wait for the clock on the wall: as fast as it can, the same in every run',
    );
}

/** A kernel to run on. */
export interface ChosenSystem {
  readonly kind: 'linux' | 'emulated';
  readonly system: SystemCalls;
  /** The time that belongs to `system`: the machine's, or the network's own. A timer that is pending keeps the process
   * alive, as setTimeout does. With --virtual-time its `after` is the only way to let time pass. */
  readonly clock: Clock;
  /** True where time passes only while the program waits (--virtual-time): nothing may spin until a moment comes. */
  readonly virtualTime: boolean;
  /** What a file has to say of frames that are not real (if_description of pcapng); null on the host's kernel. */
  readonly note: string | null;
  /** Operating system for a file (shb_os, if_os). */
  readonly os: string;
  /** Addresses (text) of a host of the emulated network; null on the host's kernel, where the system's resolver is to be
   * asked. Throws Failure for a name that the network does not know, naming what it knows. */
  lookUp(name: string, family: 4 | 6 | null): readonly string[] | null;
  /** 0 up to but not including 1, for ports, identifiers and the like: from the seed in the emulated network. */
  readonly random: () => number;
}

/** Chooses the kernel by what the user asked for and what this process may do.
 *
 * - `--backend af_packet` (and libpcap): the host's kernel, whatever it permits: the command itself meets EPERM then, and
 *   ends with 77 (`noPermission`).
 * - `--backend emulated`: our kernel, as the host `here` of the network in lab/network.ts, without a word on stderr.
 * - auto: the host's kernel where a packet socket can be had, else ours, and one line on stderr says so.
 *
 * `fallBack: false` is for what makes sense on the host alone (an option that names something of this machine): auto is
 * then af_packet. Throws Failure where the host's kernel is wanted and cannot be reached, UsageError for --seed or
 * --virtual-time with the host's kernel. */
export async function chooseSystem(
  options: BackendOptions,
  { fallBack = true }: { fallBack?: boolean } = {},
): Promise<ChosenSystem> {
  if (given !== null) {
    if (options.backend !== 'auto' && options.backend !== 'emulated')
      throw new UsageError(`trace runs on netlab's own kernel: it cannot have --backend ${options.backend}`);
    return given;
  }
  if (options.backend === 'emulated') return emulated(options);
  if (options.backend !== 'auto')
    for (const [given, option] of [
      [options.seed, '--seed'],
      [options.virtualTime, '--virtual-time'],
    ] as const)
      if (given !== undefined) throw new UsageError(`${option} is for --backend emulated`);
  const asksForOurs = options.seed !== undefined || options.virtualTime !== undefined;
  if (options.backend === 'auto' && asksForOurs) return emulated(options);
  const { hostSystem } = await import('./host.ts');
  if (options.backend !== 'auto' || !fallBack) return host(await hostSystem());
  let system: SystemCalls;
  try {
    system = await hostSystem();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return fellBack(`this machine's kernel cannot be reached (${error.message})`, options);
  }
  const fd = system.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    system.close(fd);
    return host(system);
  }
  const name = errnoName(-fd);
  return fellBack(
    name === 'EPERM' || name === 'EACCES'
      ? 'real frames need CAP_NET_RAW'
      : `this machine's kernel has no packet sockets (${name})`,
    options,
  );
}

/** The kernel that all commands have for now. */
let given: ChosenSystem | null = null;

/** Runs `work`, in which every `chooseSystem` gives `chosen`. */
export async function runOn<T>(chosen: ChosenSystem, work: () => Promise<T>): Promise<T> {
  given = chosen;
  try {
    return await work();
  } finally {
    given = null;
  }
}

const host = (system: SystemCalls): ChosenSystem => ({
  kind: 'linux',
  system,
  clock: systemClock,
  virtualTime: false,
  note: null,
  os: `Linux ${release()}`,
  lookUp: () => null,
  random: Math.random,
});

function fellBack(why: string, options: BackendOptions): Promise<ChosenSystem> {
  process.stderr.write(`netlab: emulated network, not this machine's: ${why} (see netlab doctor)\n`);
  return emulated(options);
}

const emulated = async (options: BackendOptions): Promise<ChosenSystem> => (await emulatedSystem(options)).chosen;

/** The emulated network, with what drives it. `traffic: false`: a quiet one. */
export async function emulatedSystem(
  { seed = 1, virtualTime }: BackendOptions,
  { traffic = true }: { traffic?: boolean } = {},
): Promise<{ chosen: ChosenSystem; network: Network; paced: PacedClock }> {
  const { openEmulated } = await import('../lab/emulated.ts');
  const { system, clock, network, random, paced } = openEmulated({
    seed,
    pace: virtualTime ? 'virtual' : 'real',
    traffic,
  });
  const chosen: ChosenSystem = {
    kind: 'emulated',
    system,
    clock,
    virtualTime: virtualTime === true,
    note: "emulated network (netlab's own kernel, no real frames)",
    os: 'netlab emulated kernel',
    random: () => random() / 2 ** 32,
    lookUp(name, family) {
      const found = network.addressesOf(name);
      const fitting = found.filter((address) => family === null || address.includes(':') === (family === 6));
      if (fitting.length > 0) return fitting;
      if (found.length > 0)
        throw new Failure(`${name}: the emulated network knows no IPv${family} address of that name`);
      const names = [...network.hosts.keys()].filter((one) => network.addressesOf(one).length > 0);
      const near = nearest(name, names);
      throw new Failure(
        `${name}: no host of the emulated network${near === null ? '' : `; did you mean ${near}?`} (there are ${names.join(', ')})`,
      );
    },
  };
  return { chosen, network, paced };
}
