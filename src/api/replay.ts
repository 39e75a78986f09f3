import {
  type OpenFrames,
  type ReplayOptions as PlayOptions,
  replay as play,
  type ReplaySummary,
} from '../inject/replay/index.ts';
import { linuxSystemCalls } from '../linux/index.ts';
import { openSavefile } from '../savefile/index.ts';
import type { SystemCalls } from '../syscall/contract.ts';

export interface ReplayOptions extends PlayOptions {
  /** The kernel to run on; default: this machine's. */
  system?: SystemCalls;
}

/** What can be played: a savefile by its path or its bytes, or a function that opens a source of frames, called once for
 * each time that it is played. */
export type Playable = string | Uint8Array | OpenFrames;

/** Plays savefiles onto an interface, one after the other: at the times of the files unless `speed` says otherwise.
 * Resolves to what became of the frames, and how late they were.
 *
 * Throws SystemError (EPERM without CAP_NET_RAW, ENODEV, ENETDOWN), SavefileError where a file cannot be read, and
 * RangeError for options that make no sense.
 *
 *     const { sent, timing } = await replay('eth0', 'fixtures/tour.pcapng', { speed: { kind: 'pps', rate: 1000 } });
 */
export async function replay(
  interfaceName: string,
  files: Playable | readonly Playable[],
  options: ReplayOptions = {},
): Promise<ReplaySummary> {
  if (typeof interfaceName !== 'string' || interfaceName === '')
    throw new TypeError('replay: the name of an interface is needed');
  const { system = linuxSystemCalls(), ...rest } = options;
  const all = Array.isArray(files) ? (files as readonly Playable[]) : [files as Playable];
  return play(
    system,
    interfaceName,
    all.map((file): OpenFrames => (typeof file === 'function' ? file : () => openSavefile(file))),
    rest,
  );
}
