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

/** The commands that would give this one the privilege that it lacks, each with what it does. Only those that can work
 * here: a program that is not installed is not proposed. */
export function waysToPermission(args?: string[]): { command: string; what: string }[] {
  const own = ownCommand(args);
  const ways: { command: string; what: string }[] = [];
  const uid = process.getuid!();
  const gid = process.getgid!();
  const sudo = uid === 0 ? '' : which('sudo') !== null ? 'sudo ' : null;
  const inBounds = has(capabilities().bounding, CAP_NET_RAW);
  if (sudo && inBounds) ways.push({ command: `${sudo}${own}`, what: 'as root' });
  if (which('setpriv') !== null && inBounds) {
    const user = uid === 0 ? '' : `--reuid=${uid} --regid=${gid} --init-groups `;
    const caps = '--inh-caps=+net_raw,+net_admin --ambient-caps=+net_raw,+net_admin';
    const command = `setpriv ${user}${caps} ${own}`;
    if (sudo !== null) ways.push({ command: `${sudo}${command}`, what: 'as yourself, with only the two capabilities' });
    else ways.push({ command: `su -c ${quoted(command)}`, what: 'as yourself, with only the two capabilities' });
  }
  if (which('unshare') !== null)
    ways.push({
      command: `unshare -Urn ${own}`,
      what: 'no privilege needed: in a private network of its own, with only a loopback',
    });
  return ways;
}

/** The failure that says what is missing and what would work here. `doing` begins the sentence: `capturing on eth0`. */
export function noPermission(doing: string, cause: string): Failure {
  const ways = waysToPermission();
  const lines = [`${doing} needs CAP_NET_RAW (and CAP_NET_ADMIN for promiscuous mode): ${cause}`];
  if (process.getuid!() === 0 && !has(capabilities().bounding, CAP_NET_RAW))
    lines.push(
      'This is root without the capability, as in a container: start the container with --cap-add=NET_RAW,NET_ADMIN.',
    );
  if (ways.length > 0)
    lines.push('What works here:', ...ways.map(({ command, what }) => `  ${command}\n      ${what}`));
  return new Failure(lines.join('\n'), EXIT_NO_PERMISSION);
}
