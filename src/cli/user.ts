import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Failure, UsageError } from './exit.ts';

export interface User {
  name: string;
  uid: number;
  gid: number;
}

/** The user named `name`: from /etc/passwd, else by id(1), which knows other sources of users as well. */
export function lookUpUser(name: string): User {
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name) return { name, uid: Number(uid), gid: Number(gid) };
  }
  try {
    const ask = (flag: string): number =>
      Number(execFileSync('id', [flag, '--', name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
    return { name, uid: ask('-u'), gid: ask('-g') };
  } catch {
    throw new UsageError(`-Z ${name}: no such user`);
  }
}

/** Becomes `user` for good, with that user's groups; no capability stays. The descriptors that are open stay so. */
export function become(user: User): void {
  try {
    // Node has it (process.initgroups); its types leave it out where they do not know the platform.
    (process as unknown as { initgroups(user: string, gid: number): void }).initgroups(user.name, user.gid);
    process.setgid!(user.gid);
    process.setuid!(user.uid);
  } catch (error) {
    throw new Failure(`-Z ${user.name}: cannot change to this user: ${(error as Error).message}`);
  }
}
