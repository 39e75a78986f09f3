/** What /proc/net tells at the end of a seeded sequence (`calls.ts`), without what moves by itself. */
import { portText } from './masks.ts';
import { counters, counters6, moved } from './program.ts';
import type { World } from './world.ts';

/** Reports of memberships go out when they like, and count in these. */
const RESTLESS = /^(Ip:(InReceives|InDelivers|OutRequests|OutTransmits)|IpExt:(In|Out)(Mcast|Octets|NoECT))/;
const HOSTS = ['near', 'far'] as const;

/** Counters of both hosts, before anything happened. */
export function countersBefore(world: World): Map<string, number>[] {
  return HOSTS.flatMap((host) => [counters(world[host]), counters6(world[host])]);
}

/** Local and remote address with ports, state, both queues and drops of each socket; queues alone of what the kernel chose
 * a port for. */
function socketRows(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => {
      // Discovery of neighbours and of listeners comes to raw sockets of ICMPv6 when it likes.
      const [, local, remote, state, queues, ...rest] = line.trim().split(/\s+/) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const told = (address: string): string => {
        const [host, port] = address.split(':') as [string, string];
        return `${host}:${portText(Number.parseInt(port, 16))}`;
      };
      const shown = told(local).endsWith(':58') ? '' : queues;
      return `${told(local)} ${told(remote)} ${state} ${shown} drops ${rest.at(-1)}`;
    })
    .sort();
}

/** Type, protocol, device, running, receive memory of each packet socket. */
const packetRows = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/).slice(2, 7).join(' '))
    .sort();

/** Sockets in use, by protocol. */
const sockstatRows = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .filter((line) => /^(UDP|RAW|FRAG)/.test(line))
    .map((line) => line.replace(/ mem \d+| memory \d+/, ''));

const FILES: [string, (text: string) => string[]][] = [
  ['udp', socketRows],
  ['udplite', socketRows],
  ['raw', socketRows],
  ['icmp', socketRows],
  ['udp6', socketRows],
  ['udplite6', socketRows],
  ['raw6', socketRows],
  ['icmp6', socketRows],
  ['packet', packetRows],
  ['sockstat', sockstatRows],
  ['sockstat6', sockstatRows],
];

export function countersText(world: World, before: readonly Map<string, number>[]): string[] {
  const lines: string[] = [];
  for (const [at, host] of HOSTS.entries()) {
    for (const [i, now] of [counters(world[host]), counters6(world[host])].entries()) {
      const by = moved(before[at * 2 + i]!, now);
      for (const [name, amount] of Object.entries(by).sort())
        if (!RESTLESS.test(name)) lines.push(`${host} ${name} ${amount}`);
    }
    for (const [file, rows] of FILES) {
      const content = world[host].readFile(`/proc/net/${file}`);
      if (typeof content === 'number') lines.push(`${host} ${file} ${content}`);
      else lines.push(...rows(new TextDecoder().decode(content)).map((row) => `${host} ${file} ${row}`));
    }
  }
  return lines;
}
