/** Giving privileges up, once what needs them is open. */
import { readdirSync, readFileSync } from 'node:fs';
import { SystemError } from '../syscall/error.ts';
import { EPERM } from '../uapi/errno.ts';

/** A user of the machine. */
export interface User {
  name: string;
  uid: number;
  gid: number;
  home: string;
}

/** The user of that name in /etc/passwd (passwd(5)), or null. A number is looked up as a uid. */
export function findUser(name: string): User | null {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid, , home] = line.split(':');
    if (uid === undefined || gid === undefined) continue;
    if (user === name || uid === name) return { name: user!, uid: Number(uid), gid: Number(gid), home: home ?? '/' };
  }
  return null;
}

/** Becomes the user for good: its groups, its gid, its uid, in all threads, workers included, as the C library does it for
 * the whole process. For the main thread; Node has these calls in no other. Throws SystemError EPERM where this process
 * may not (CAP_SETUID and CAP_SETGID are needed), and Error where the change did not reach every thread. */
export function becomeUser(user: User): void {
  // initgroups(3) is in Node's documentation and not in the types of it that are pinned here.
  const { initgroups } = process as { initgroups?: (user: string, group: number) => void };
  if (!initgroups || !process.setgid || !process.setuid)
    throw new SystemError(EPERM, 'setuid', { dest: user.name, hint: 'Privileges are given up in the main thread' });
  try {
    // In this order: without uid 0 the first two are not permitted any more.
    initgroups(user.name, user.gid);
    process.setgid(user.gid);
    process.setuid(user.uid);
  } catch (error) {
    const { errno, syscall } = error as NodeJS.ErrnoException;
    throw new SystemError(Math.abs(errno ?? EPERM), syscall ?? 'setuid', { dest: user.name });
  }
  const identity = `${user.uid} ${user.gid}`;
  for (const [thread, ids] of threadIdentities())
    if (ids !== identity) throw new Error(`thread ${thread} is still ${ids} (uid and gid), not ${identity}`);
}

/** uid and gid of each thread of this process, all four kinds where they differ. */
export function threadIdentities(): Map<number, string> {
  const found = new Map<number, string>();
  for (const thread of readdirSync('/proc/self/task')) {
    let status: string;
    try {
      status = readFileSync(`/proc/self/task/${thread}/status`, 'utf8');
    } catch {
      // A thread that has ended meanwhile has no privileges to keep.
      continue;
    }
    const ids = (field: string): string => {
      const all = new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)![1]!.split(/\s+/);
      return new Set(all).size === 1 ? all[0]! : all.join('/');
    };
    found.set(Number(thread), `${ids('Uid')} ${ids('Gid')}`);
  }
  return found;
}
