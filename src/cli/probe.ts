import { Exchange, type ExchangeOptions } from '../inject/craft/exchange.ts';
import type { Layer } from '../inject/craft/layer.ts';
import { ipv4, ipv6 } from '../inject/craft/layers/index.ts';
import { SystemError } from '../syscall/error.ts';
import { EACCES, EPERM } from '../uapi/errno.ts';
import { type BackendOptions, type ChosenSystem, chooseSystem } from './backend.ts';
import { chosenInterface, parseAddress, resolveHost } from './endpoint.ts';
import { UsageError } from './exit.ts';
import { noPermission } from './permission.ts';
import { handleSignals } from './signals.ts';

/** What ping, traceroute and arp-scan have in common: a kernel, a target, an exchange of packets, and Ctrl-C. */

export interface ProbeOptions extends BackendOptions {
  ipv4?: true;
  ipv6?: true;
  interface?: string;
  from?: string;
}

export interface Target {
  /** 4 or 16 bytes. */
  address: Uint8Array;
  version: 4 | 6;
  device: string | undefined;
  source: Uint8Array | undefined;
}

/** Who the host is, by the chosen kernel's names. Throws UsageError, Failure. */
export async function targetOf(chosen: ChosenSystem, host: string, options: ProbeOptions): Promise<Target> {
  if (options.ipv4 && options.ipv6) throw new UsageError('-4 and -6 exclude each other');
  const from = options.from === undefined ? undefined : parseAddress(options.from);
  if (from === null) throw new UsageError(`--from: '${options.from}' is not an address`);
  const wanted = options.ipv4 ? 4 : options.ipv6 ? 6 : from === undefined ? null : from.address.length === 4 ? 4 : 6;
  const { address, zone } = await resolveHost(host, wanted, chosen);
  if (from !== undefined && from.address.length !== address.length)
    throw new UsageError(`--from ${options.from}: not of the kind of ${host}`);
  return {
    address,
    version: address.length === 4 ? 4 : 6,
    device: chosenInterface(options.interface, [zone, from?.zone], address),
    source: from?.address,
  };
}

/** The IP header of a probe. */
export const ipTo = ({ address, version, source }: Target, ttl: number | undefined, tos?: number): Layer => {
  const src = source === undefined ? {} : { src: source };
  return version === 4
    ? ipv4({ dst: address, ...src, ...(ttl === undefined ? {} : { ttl }), ...(tos === undefined ? {} : { tos }) })
    : ipv6({
        dst: address,
        ...src,
        ...(ttl === undefined ? {} : { hlim: ttl }),
        ...(tos === undefined ? {} : { tc: tos }),
      });
};

/** Runs `work` with an open exchange on the chosen kernel; Ctrl-C aborts `signal`, and the work then ends in order. Throws
 * Failure (77) without the privilege. */
export async function probing(
  options: BackendOptions,
  what: string,
  work: (chosen: ChosenSystem, open: (more: ExchangeOptions) => Exchange, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const chosen = await chooseSystem(options);
  const controller = new AbortController();
  const giveBack = handleSignals(
    () => controller.abort(),
    () => undefined,
  );
  let line: Exchange | null = null;
  try {
    await work(
      chosen,
      (more) => {
        line = new Exchange(chosen.system, {
          signal: controller.signal,
          clock: chosen.clock,
          random: chosen.random,
          ...more,
        });
        return line;
      },
      controller.signal,
    );
  } catch (error) {
    if (error instanceof SystemError && (error.errno === EPERM || error.errno === EACCES))
      throw noPermission(what, error.message);
    if (!controller.signal.aborted) throw error;
  } finally {
    const dropped = (line as Exchange | null)?.dropped() ?? 0;
    if (dropped > 0) process.stderr.write(`netlab: ${lost(dropped)}\n`);
    (line as Exchange | null)?.close();
    giveBack();
  }
}

/** What has to be said where the kernel had no room for frames that came in. */
export const lost = (dropped: number): string =>
  `${dropped.toLocaleString('en-US')} frame${dropped === 1 ? '' : 's'} dropped by the kernel before they were looked at: replies may be among them`;

const UNREACHABLE4: Readonly<Record<number, string>> = {
  0: 'Destination Net Unreachable',
  1: 'Destination Host Unreachable',
  2: 'Destination Protocol Unreachable',
  3: 'Destination Port Unreachable',
  4: 'Frag needed and DF set',
  5: 'Source Route Failed',
  9: 'Destination Net Prohibited',
  10: 'Destination Host Prohibited',
  13: 'Packet filtered',
};
const UNREACHABLE6: Readonly<Record<number, string>> = {
  0: 'Destination unreachable: No route',
  1: 'Destination unreachable: Administratively prohibited',
  2: 'Destination unreachable: Beyond scope of source address',
  3: 'Destination unreachable: Address unreachable',
  4: 'Destination unreachable: Port unreachable',
};

/** An ICMP error in the words of ping. */
export function errorText(version: 4 | 6, type: number, code: number, mtu: number): string {
  if (version === 4) {
    if (type === 3) {
      const text = UNREACHABLE4[code] ?? `Dest Unreachable, Bad Code: ${code}`;
      return code === 4 ? `${text} (mtu = ${mtu})` : text;
    }
    if (type === 11) return code === 0 ? 'Time to live exceeded' : 'Frag reassembly time exceeded';
    if (type === 5) return 'Redirect Host';
    if (type === 4) return 'Source Quench';
    return type === 12 ? 'Parameter problem' : `ICMP type ${type}, code ${code}`;
  }
  if (type === 1) return UNREACHABLE6[code] ?? `Destination unreachable: Unknown code ${code}`;
  if (type === 2) return `Packet too big: mtu=${mtu}`;
  if (type === 3) return code === 0 ? 'Time exceeded: Hop limit' : 'Time exceeded: Defragmentation failure';
  return type === 4 ? 'Parameter problem' : `ICMPv6 type ${type}, code ${code}`;
}
