/** Network namespaces (network_namespaces(7)). Both calls change the calling thread only: sockets that it makes from then
 * on belong to the new namespace, other threads stay where they are. */
import { closeSync, openSync } from 'node:fs';
import { SystemError } from '../syscall/error.ts';
import { CLONE_NEWNET } from '../uapi/sched.ts';
import { native } from './native.ts';

/** A new namespace, with nothing in it but a loopback device that is down. Needs CAP_SYS_ADMIN. */
export function unshareNetwork(): void {
  const libc = native();
  if (libc.unshare(CLONE_NEWNET) < 0) throw new SystemError(libc.errno(), 'unshare CLONE_NEWNET');
}

/** Enters the namespace behind a file, `/proc/PID/ns/net` or `/run/netns/NAME`. Needs CAP_SYS_ADMIN. */
export function enterNetwork(path: string): void {
  const libc = native();
  const fd = openSync(path, 'r');
  try {
    if (libc.setns(fd, CLONE_NEWNET) < 0) throw new SystemError(libc.errno(), 'setns', { dest: path });
  } finally {
    closeSync(fd);
  }
}
