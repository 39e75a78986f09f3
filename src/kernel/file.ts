import { EBADF, EINVAL, EMFILE } from '../uapi/errno.ts';
import type { Socket } from './structs.ts';
import type { KernelMapping } from './structs-plain.ts';
import type { WaitQueueHead } from './wait.ts';

/** Open file descriptions and the descriptor table of a process (fs/file.c). */

/** What a description does. Calls that it has not are refused as Linux refuses them. */
export interface FileOps {
  readonly kind: 'socket' | 'epoll' | 'pipe';
  read?(file: File, buffer: Uint8Array): number;
  write?(file: File, buffer: Uint8Array): number;
  /** The poll bits that are true now. */
  poll(file: File): number;
  /** Queues that are woken when they may have changed. */
  queues(file: File): WaitQueueHead[];
  ioctl?(file: File, request: number, argument: Uint8Array): number;
  mmap?(file: File, length: number, offset: number): KernelMapping | number;
  release(file: File): void;
}

/** struct file: shared by every descriptor that was duplicated or inherited. */
export class File {
  readonly ops: FileOps;
  /** O_ flags of F_GETFL. */
  flags: number;
  refs = 1;
  readonly socket: Socket | null;
  readonly data: unknown;
  /** Epoll items that watch this description. */
  readonly epItems: { detach(): void }[] = [];

  constructor(ops: FileOps, flags: number, socket: Socket | null, data: unknown = null) {
    this.ops = ops;
    this.flags = flags;
    this.socket = socket;
    this.data = data;
  }
}

export function fput(file: File): void {
  if (--file.refs > 0) return;
  for (const item of file.epItems.splice(0)) item.detach();
  file.ops.release(file);
}

/** RLIMIT_NOFILE's usual soft limit is 1024; ours is that of a server. */
const NR_OPEN = 1 << 20;

export class FilesStruct {
  readonly fds: (File | null)[] = [null, null, null];
  readonly cloexec = new Set<number>();
  #next = 3;

  get(fd: number): File | null {
    const file = this.fds[fd];
    return file === undefined ? null : file;
  }

  /** The lowest free descriptor at or above `from`. */
  install(file: File, from = 3, cloexec = false): number {
    let fd = Math.max(from, from <= 3 ? this.#next : from);
    while (fd < this.fds.length && this.fds[fd] !== null) fd++;
    if (fd >= NR_OPEN) return -EMFILE;
    while (this.fds.length < fd) this.fds.push(null);
    this.fds[fd] = file;
    if (from <= 3) this.#next = fd + 1;
    if (cloexec) this.cloexec.add(fd);
    else this.cloexec.delete(fd);
    return fd;
  }

  close(fd: number): number {
    const file = this.get(fd);
    if (file === null) return -EBADF;
    this.fds[fd] = null;
    this.cloexec.delete(fd);
    if (fd < this.#next) this.#next = fd;
    fput(file);
    return 0;
  }

  dup(fd: number, from: number, cloexec: boolean): number {
    const file = this.get(fd);
    if (file === null) return -EBADF;
    if (from < 0 || from >= NR_OPEN) return -EINVAL;
    file.refs++;
    const made = this.install(file, from, cloexec);
    if (made < 0) file.refs--;
    return made;
  }

  /** fork(2): a table of its own, sharing the descriptions. */
  fork(): FilesStruct {
    const child = new FilesStruct();
    for (let fd = 3; fd < this.fds.length; fd++) {
      const file = this.fds[fd]!;
      if (file === null) continue;
      file.refs++;
      child.install(file, fd, this.cloexec.has(fd));
    }
    child.#next = 3;
    return child;
  }

  closeAll(): void {
    for (let fd = 0; fd < this.fds.length; fd++) if (this.get(fd) !== null) this.close(fd);
  }
}
