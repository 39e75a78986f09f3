import { accessSync, constants, readFileSync } from 'node:fs';
import { EXIT_NO_PERMISSION, Failure } from './exit.ts';

export const CAP_NET_ADMIN = 12;
export const CAP_NET_RAW = 13;

export interface Capabilities {
  effective: bigint;
  bounding: bigint;
}

/** This process's capabilities as bit sets (capabilities(7), proc(5): CapEff and CapBnd of /proc/self/status). */
export function capabilities(): Capabilities {
  const status = readFileSync('/proc/self/status', 'latin1');
  const set = (name: string): bigint =>
    BigInt(`0x${new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '0'}`);
  return { effective: set('CapEff'), bounding: set('CapBnd') };
}

export const has = (set: bigint, capability: number): boolean => ((set >> BigInt(capability)) & 1n) === 1n;

/** Where `command` is in PATH or the usual places of a system administrator, or null. */
export function which(command: string): string | null {
  for (const directory of [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    if (!directory) continue;
    try {
      accessSync(`${directory}/${command}`, constants.X_OK);
      return `${directory}/${command}`;
    } catch {
      // Not here: the next directory.
    }
  }
  return null;
}

/** A word as a POSIX shell reads it back. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

/** This very command line with this very Node: sudo's secure_path hides a Node that is installed under a home
 * directory, so its full path is spelt out. */
export const ownCommand = (args: string[] = process.argv.slice(2)): string =>
  [process.execPath, ...process.execArgv, process.argv[1] ?? '', ...args].map(quoted).join(' ');

/** A command that gives this one the privilege that it lacks. */
export interface Way {
  command: string;
  /** What it does. */
  what: string;
  /** Why it cannot work on this machine, or ''. */
  not: string;
}

/** The commands that would give this one the privilege, those that work here first. `lonely` are the words that make
 * sense in a private network, where there is nothing but a loopback; by default `args` themselves. */
export function waysToPermission(args: string[] = process.argv.slice(2), lonely: string[] = args): Way[] {
  const uid = process.getuid!();
  const isRoot = uid === 0;
  const bounds = has(capabilities().bounding, CAP_NET_RAW) ? '' : 'this process may never have the capability';
  const sudo = which('sudo') !== null;
  const asUser = isRoot ? '' : `--reuid=${uid} --regid=${process.getgid!()} --clear-groups `;
  const capable = `setpriv ${asUser}--inh-caps=+net_raw,+net_admin --ambient-caps=+net_raw,+net_admin ${ownCommand(args)}`;
  const raised = isRoot ? capable : sudo ? `sudo ${capable}` : `su -c ${quoted(capable)}`;
  // The loopback of a new network namespace is down.
  const alone = `unshare -Urn sh -c 'ip link set lo up; exec "$@"' sh ${ownCommand(lonely)}`;
  const ways: Way[] = [
    {
      command: `sudo ${ownCommand(args)}`,
      what: 'as root',
      not: isRoot ? 'this is root already' : sudo ? bounds : 'sudo is not installed',
    },
    {
      command: raised,
      what: 'with only the two capabilities',
      not: which('setpriv') === null ? 'setpriv is not installed' : bounds,
    },
    {
      command: alone,
      what: 'without any privilege, in a private network of its own',
      not: which('unshare') === null ? 'unshare is not installed' : '',
    },
  ];
  return ways.sort((a, b) => Number(a.not !== '') - Number(b.not !== ''));
}

/** The failure that says what is missing and what would work here. `doing` begins the sentence: `capturing on eth0`. */
export function noPermission(doing: string, cause: string, lonely?: string[]): Failure {
  const ways = waysToPermission(undefined, lonely);
  const lines = [`${doing} needs CAP_NET_RAW (and CAP_NET_ADMIN for promiscuous mode): ${cause}`];
  if (process.getuid!() === 0 && !has(capabilities().bounding, CAP_NET_RAW))
    lines.push(
      'This is root without the capability, as in a container: start the container with --cap-add=NET_RAW,NET_ADMIN.',
    );
  lines.push('What works here:');
  let elsewhere = false;
  for (const { command, what, not } of ways) {
    if (not !== '' && !elsewhere) {
      elsewhere = true;
      lines.push('What does not work here:');
    }
    lines.push(`  ${command}`, `      ${what}${not === '' ? '' : `; ${not}`}`);
  }
  lines.push('Without any privilege there is the emulated network of netlab: --backend emulated.');
  return new Failure(lines.join('\n'), EXIT_NO_PERMISSION);
}
