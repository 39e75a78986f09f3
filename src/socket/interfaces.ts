/** What network devices there are, with everything about them that a person asks for before capturing. */
import type { SystemCalls } from '../syscall/contract.ts';
import { IFF_LOOPBACK, IFF_LOWER_UP, IFF_RUNNING, IFF_UP } from '../uapi/if.ts';
import { deviceLinkType } from './linktype.ts';
import { addresses, type Link, type LinkAddress, links } from './route.ts';
import type { Waiting } from './socket.ts';

export interface NetworkInterface extends Omit<Link, 'link'> {
  up: boolean;
  running: boolean;
  loopback: boolean;
  /** LINKTYPE_ value that a capture on it has. */
  linkType: number;
  /** Captured with a Linux cooked header in place of its own. */
  cooked: boolean;
  addresses: LinkAddress[];
  /** Megabits a second as the driver says, where it does. */
  speed?: number;
  driver?: string;
}

/** All devices, by index. */
export async function interfaces(calls: SystemCalls, waiting: Waiting = {}): Promise<NetworkInterface[]> {
  const [found, all] = [await links(calls, waiting), await addresses(calls, waiting)];
  return found.map(({ link: _, ...one }) => {
    const speed = readNumber(calls, `/sys/class/net/${one.name}/speed`);
    const driver = calls.readlink(`/sys/class/net/${one.name}/device/driver`);
    const counters = interfaceCounters(calls, one.name);
    return {
      ...one,
      ...(Object.keys(counters).length > 0 ? { counters } : {}),
      up: (one.flags & IFF_UP) !== 0,
      running: (one.flags & (IFF_RUNNING | IFF_LOWER_UP)) !== 0,
      loopback: (one.flags & IFF_LOOPBACK) !== 0,
      ...deviceLinkType(one.arphrd),
      addresses: all.filter(({ ifindex }) => ifindex === one.ifindex),
      // A device without carrier, or one that has no speed, says -1.
      ...(speed !== null && speed > 0 ? { speed } : {}),
      ...(typeof driver === 'string' ? { driver: driver.slice(driver.lastIndexOf('/') + 1) } : {}),
    };
  });
}

/** The device's own counters, /sys/class/net/NAME/statistics: rx_dropped, rx_missed_errors, rx_fifo_errors and the rest,
 * by file name. Empty where the device is not there (or /sys is another namespace's). */
export function interfaceCounters(calls: SystemCalls, name: string): Record<string, bigint> {
  const directory = `/sys/class/net/${name}/statistics`;
  const counters: Record<string, bigint> = {};
  const files = calls.readdir(directory);
  if (typeof files === 'number') return counters;
  for (const file of files) {
    const text = readText(calls, `${directory}/${file}`);
    if (text !== null && /^\d+$/.test(text)) counters[file] = BigInt(text);
  }
  return counters;
}

function readText(calls: SystemCalls, path: string): string | null {
  const bytes = calls.readFile(path);
  return typeof bytes === 'number' ? null : new TextDecoder().decode(bytes).trim();
}

function readNumber(calls: SystemCalls, path: string): number | null {
  const text = readText(calls, path);
  return text !== null && /^-?\d+$/.test(text) ? Number(text) : null;
}
