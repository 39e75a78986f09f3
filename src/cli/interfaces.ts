import { nearest } from '../bytes/nearest.ts';
import { linkTypeName } from '../savefile/index.ts';
import { deviceLinkType } from '../socket/linktype.ts';
import { addresses, type Link, links } from '../socket/route.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { IFF_LOOPBACK, IFF_RUNNING, IFF_UP } from '../uapi/if.ts';
import { Failure } from './exit.ts';

/** A network device as `netlab interfaces` shows it. */
export interface InterfaceInfo {
  index: number;
  name: string;
  /** Operational state: up, down, unknown, dormant, lowerlayerdown, testing, notpresent. */
  state: string;
  /** Set up by the administrator. A device captures only while it is. */
  up: boolean;
  running: boolean;
  loopback: boolean;
  /** '' where the device has none. */
  mac: string;
  mtu: number;
  /** `10.0.0.1/24`, `fe80::1/64`. */
  addresses: string[];
  /** LINKTYPE_ value of what a capture on it gives, and its name. */
  linkType: number;
  linkTypeName: string;
  /** veth, bridge, tun…; '' for hardware. */
  kind: string;
  /** Counters of the driver, as /sys/class/net/NAME/statistics has them. */
  counters: Record<(typeof COUNTERS)[number], number>;
}

const COUNTERS = [
  'rx_packets',
  'rx_bytes',
  'rx_errors',
  'rx_dropped',
  'rx_missed_errors',
  'rx_fifo_errors',
  'tx_packets',
  'tx_bytes',
  'tx_errors',
  'tx_dropped',
] as const;

/** All devices of this network namespace, by index. Needs no privilege. */
export async function interfaceInfos(system: SystemCalls): Promise<InterfaceInfo[]> {
  const [devices, configured] = await Promise.all([links(system), addresses(system)]);
  return devices.map((device) => {
    const { linkType } = deviceLinkType(device.arphrd);
    return {
      index: device.ifindex,
      name: device.name,
      state: device.state,
      up: (device.flags & IFF_UP) !== 0,
      running: (device.flags & IFF_RUNNING) !== 0,
      loopback: (device.flags & IFF_LOOPBACK) !== 0,
      mac: device.macAddress,
      mtu: device.mtu,
      addresses: configured
        .filter(({ ifindex }) => ifindex === device.ifindex)
        .map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      linkType,
      linkTypeName: linkTypeName(linkType),
      kind: device.kind ?? '',
      // Beyond 2^53 a count of bytes loses its last digits in JSON; that is nine petabytes.
      counters: Object.fromEntries(
        COUNTERS.map((name) => [name, Number(device.counters[name] ?? 0n)]),
      ) as InterfaceInfo['counters'],
    };
  });
}

/** The device that a capture without -i takes: the first that is up and running and no loopback, else the loopback. */
export function defaultInterface(devices: readonly Link[]): string {
  const up = devices.filter(({ flags }) => (flags & IFF_UP) !== 0);
  const found =
    up.find(({ flags }) => (flags & IFF_LOOPBACK) === 0 && (flags & IFF_RUNNING) !== 0) ??
    up.find(({ flags }) => (flags & IFF_LOOPBACK) === 0) ??
    up[0];
  if (found === undefined) throw new Failure('no interface is up: ip link set NAME up brings one up');
  return found.name;
}

/** The device that `word` names, by its name or, where no device has that name, by its index. Throws Failure with a
 * suggestion. */
export function findInterface(devices: readonly Link[], word: string): Link {
  const found =
    devices.find(({ name }) => name === word) ??
    (/^\d+$/.test(word) ? devices.find(({ ifindex }) => ifindex === Number(word)) : undefined);
  if (found !== undefined) return found;
  const names = devices.map(({ name }) => name);
  const near = nearest(word, names);
  throw new Failure(
    `no interface '${word}'${near === null ? '' : `; did you mean ${near}?`} (there are ${[...names, 'any'].join(', ')})`,
  );
}
