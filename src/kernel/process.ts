import type { EpollEvent, Mapping, MessageHeader, MessageVector, PollFd, SystemCalls } from '../syscall/contract.ts';
import { EPOLL_CLOEXEC, EPOLL_CTL_DEL } from '../uapi/epoll.ts';
import { EAGAIN, EBADF, EFAULT, EINVAL, ENODEV, ENOTSOCK, ENOTTY } from '../uapi/errno.ts';
import { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK } from '../uapi/fcntl.ts';
import { POLLERR, POLLHUP, POLLNVAL } from '../uapi/poll.ts';
import {
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_WAITFORONE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  SOMAXCONN,
} from '../uapi/socket.ts';
import { FIONBIO } from '../uapi/sockios.ts';
import { type EventPoll, epollCtl, epollFile } from './epoll.ts';
import { FilesStruct } from './file.ts';
import { iovMany, iovSingle } from './iov.ts';
import { procReaddir, procReadFile, procReadlink, procWriteFile } from './procfs.ts';
import { sockGetsockopt, sockSetsockopt } from './sock-options.ts';
import { sockAllocFile, sockCreate, sockRelease } from './socket.ts';
import type { Net, Socket } from './structs.ts';
import { type Cred, Msghdr } from './structs-plain.ts';
import { WaitQueueEntry } from './wait.ts';

const SOCKADDR_STORAGE = 128;
const UIO_MAXIOV = 1024;
const OPTMEM_CONTROL = 0x7fffffff;

/** A process of a host: its descriptors, and the system calls by the contract. */
export class Process implements SystemCalls {
  readonly kernelName = 'emulated';
  readonly net: Net;
  readonly cred: Cred;
  readonly files: FilesStruct;
  readonly #send = new Msghdr();
  readonly #receive = new Msghdr();
  readonly #name = new Uint8Array(SOCKADDR_STORAGE);

  constructor(net: Net, cred: Cred, files = new FilesStruct()) {
    this.net = net;
    this.cred = cred;
    this.files = files;
  }

  /** fork(2): another process with a copy of the descriptor table; the open descriptions are shared. */
  fork(cred: Cred = this.cred): Process {
    return new Process(this.net, cred, this.files.fork());
  }

  /** exit(2): every descriptor is closed. */
  exit(): void {
    this.net.cred = this.cred;
    this.files.closeAll();
  }

  /** The socket behind a descriptor, or -errno. */
  #socket(fd: number): Socket | number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    if (file.socket === null) return -ENOTSOCK;
    this.net.cred = this.cred;
    return file.socket;
  }

  // ---- making and closing ----

  socket(domain: number, type: number, protocol: number): number {
    this.net.cred = this.cred;
    const flags = type & ~0xf;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    const socket = sockCreate(this.net, domain, type & 0xf, protocol);
    if (typeof socket === 'number') return socket;
    return this.files.install(sockAllocFile(socket, flags & SOCK_NONBLOCK), 3, (flags & SOCK_CLOEXEC) !== 0);
  }

  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number {
    this.net.cred = this.cred;
    const flags = type & ~0xf;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    const a = sockCreate(this.net, domain, type & 0xf, protocol);
    if (typeof a === 'number') return a;
    const b = sockCreate(this.net, domain, type & 0xf, protocol);
    if (typeof b === 'number') {
      sockRelease(a);
      return b;
    }
    const error = a.ops.socketpair(a, b);
    if (error < 0) {
      sockRelease(a);
      sockRelease(b);
      return error;
    }
    const cloexec = (flags & SOCK_CLOEXEC) !== 0;
    pair[0] = this.files.install(sockAllocFile(a, flags & SOCK_NONBLOCK), 3, cloexec);
    pair[1] = this.files.install(sockAllocFile(b, flags & SOCK_NONBLOCK), 3, cloexec);
    return 0;
  }

  close(fd: number): number {
    this.net.cred = this.cred;
    return this.files.close(fd);
  }

  dup(fd: number): number {
    return this.files.dup(fd, 3, false);
  }

  fcntl(fd: number, command: number, argument: number): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    switch (command) {
      case F_DUPFD:
        return this.files.dup(fd, argument, false);
      case F_DUPFD_CLOEXEC:
        return this.files.dup(fd, argument, true);
      case F_GETFD:
        return this.files.cloexec.has(fd) ? FD_CLOEXEC : 0;
      case F_SETFD:
        if (argument & FD_CLOEXEC) this.files.cloexec.add(fd);
        else this.files.cloexec.delete(fd);
        return 0;
      case F_GETFL:
        return file.flags;
      case F_SETFL: {
        // O_APPEND, O_NONBLOCK, O_DIRECT, O_NOATIME, FASYNC may change; sockets refuse O_DIRECT.
        const settable = 0x400 | O_NONBLOCK | 0x40000 | 0x2000;
        if (argument & 0x4000) return -EINVAL;
        file.flags = (file.flags & ~settable) | (argument & settable);
        return 0;
      }
      default:
        return -EINVAL;
    }
  }

  ioctl(fd: number, request: number, argument: Uint8Array): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    this.net.cred = this.cred;
    if (request === FIONBIO) {
      if (argument.some((byte) => byte !== 0)) file.flags |= O_NONBLOCK;
      else file.flags &= ~O_NONBLOCK;
      return 0;
    }
    return file.ops.ioctl === undefined ? -ENOTTY : file.ops.ioctl(file, request, argument);
  }

  // ---- names ----

  bind(fd: number, address: Uint8Array): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (address.length > SOCKADDR_STORAGE) return -EINVAL;
    return socket.ops.bind(socket, address);
  }

  listen(fd: number, backlog: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    return socket.ops.listen(socket, Math.min(backlog >>> 0, this.net.somaxconn, SOMAXCONN));
  }

  accept4(fd: number, address: Uint8Array | null, addressLength: Int32Array | null, flags: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
    const accepted = socket.ops.accept(socket, O_NONBLOCK);
    if (typeof accepted === 'number') return accepted;
    if (address !== null && addressLength !== null) {
      const size = accepted.ops.getname(accepted, this.#name, true);
      if (size >= 0) this.#putAddress(size, address, addressLength);
    }
    return this.files.install(sockAllocFile(accepted, flags & SOCK_NONBLOCK), 3, (flags & SOCK_CLOEXEC) !== 0);
  }

  connect(fd: number, address: Uint8Array): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (address.length > SOCKADDR_STORAGE) return -EINVAL;
    return socket.ops.connect(socket, address, O_NONBLOCK);
  }

  /** move_addr_to_user: as much of the address as there is room for, and its whole length. */
  #putAddress(size: number, address: Uint8Array, length: Int32Array): number {
    const room = length[0]!;
    if (room < 0) return -EINVAL;
    const n = Math.min(room, size, address.length);
    for (let i = 0; i < n; i++) address[i] = this.#name[i]!;
    length[0] = size;
    return 0;
  }

  getsockname(fd: number, address: Uint8Array, addressLength: Int32Array): number {
    return this.#getname(fd, address, addressLength, false);
  }

  getpeername(fd: number, address: Uint8Array, addressLength: Int32Array): number {
    return this.#getname(fd, address, addressLength, true);
  }

  #getname(fd: number, address: Uint8Array, addressLength: Int32Array, peer: boolean): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    const size = socket.ops.getname(socket, this.#name, peer);
    return size < 0 ? size : this.#putAddress(size, address, addressLength);
  }

  // ---- options ----

  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Int32Array): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (level === SOL_SOCKET) return sockGetsockopt(socket, name, value, length);
    return socket.ops.getsockopt(socket, level, name, value, length);
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (level === SOL_SOCKET) return sockSetsockopt(socket, name, value);
    return socket.ops.setsockopt(socket, level, name, value);
  }

  shutdown(fd: number, how: number): number {
    const socket = this.#socket(fd);
    return typeof socket === 'number' ? socket : socket.ops.shutdown(socket, how);
  }

  // ---- data ----

  read(fd: number, buffer: Uint8Array): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    this.net.cred = this.cred;
    return file.ops.read === undefined ? -EINVAL : file.ops.read(file, buffer);
  }

  write(fd: number, buffer: Uint8Array): number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    this.net.cred = this.cred;
    return file.ops.write === undefined ? -EINVAL : file.ops.write(file, buffer);
  }

  sendto(fd: number, buffer: Uint8Array, flags: number, address: Uint8Array | null): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    const msg = this.#send;
    if (address !== null && address.length > SOCKADDR_STORAGE) return -EINVAL;
    if (address !== null && address.length === 0) address = null;
    msg.name = address;
    msg.nameAt = 0;
    msg.namelen = address === null ? 0 : address.length;
    msg.control = null;
    msg.controllen = 0;
    msg.flags = flags | MSG_DONTWAIT;
    iovSingle(msg, buffer, 0, buffer.length);
    return socket.ops.sendmsg(socket, msg, buffer.length);
  }

  recvfrom(
    fd: number,
    buffer: Uint8Array,
    flags: number,
    address: Uint8Array | null,
    addressLength: Int32Array | null,
  ): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    const msg = this.#receive;
    msg.name = address === null ? null : this.#name;
    msg.nameAt = 0;
    msg.namelen = 0;
    msg.control = null;
    msg.controllen = 0;
    msg.flags = 0;
    iovSingle(msg, buffer, 0, buffer.length);
    const result = socket.ops.recvmsg(socket, msg, buffer.length, flags | MSG_DONTWAIT);
    if (result >= 0 && address !== null) {
      if (addressLength === null) return -EFAULT;
      const error = this.#putAddress(msg.namelen, address, addressLength);
      if (error < 0) return error;
    }
    return result;
  }

  sendmsg(fd: number, message: MessageHeader, flags: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (message.iov.length > UIO_MAXIOV) return -90; // EMSGSIZE
    const msg = this.#send;
    const { name, control } = message;
    msg.name = name === null || name.length === 0 ? null : name;
    msg.nameAt = 0;
    msg.namelen = name === null ? 0 : Math.min(name.length, SOCKADDR_STORAGE);
    if (control !== null && control.length > OPTMEM_CONTROL) return -105; // ENOBUFS
    msg.control = control !== null && control.length > 0 ? control : null;
    msg.controlAt = 0;
    msg.controllen = control === null ? 0 : control.length;
    msg.flags = flags | MSG_DONTWAIT;
    iovMany(msg, message.iov);
    return socket.ops.sendmsg(socket, msg, msg.count);
  }

  recvmsg(fd: number, message: MessageHeader, flags: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (message.iov.length > UIO_MAXIOV) return -90;
    const msg = this.#receive;
    const { name, control } = message;
    msg.name = name === null ? null : this.#name;
    msg.nameAt = 0;
    msg.namelen = 0;
    msg.control = control;
    msg.controlAt = 0;
    msg.controllen = control === null ? 0 : control.length;
    msg.flags = flags & MSG_CMSG_CLOEXEC;
    iovMany(msg, message.iov);
    const result = socket.ops.recvmsg(socket, msg, msg.count, flags | MSG_DONTWAIT);
    if (result < 0) return result;
    if (name !== null) {
      const n = Math.min(name.length, msg.namelen);
      for (let i = 0; i < n; i++) name[i] = this.#name[i]!;
      message.nameLength = msg.namelen;
    }
    message.flags = msg.flags;
    message.controlLength = control === null ? 0 : control.length - msg.controllen;
    return result;
  }

  sendmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    const msg = this.#send;
    const { memory, names, controls } = vector;
    const total = Math.min(count, UIO_MAXIOV);
    let sent = 0;
    while (sent < total) {
      const row = first + sent;
      const namelen = names === null ? 0 : vector.nameLength[row]!;
      msg.name = namelen > 0 ? names : null;
      msg.nameAt = row * vector.nameStride;
      msg.namelen = namelen;
      const controllen = controls === null ? 0 : vector.controlLength[row]!;
      msg.control = controllen > 0 ? controls : null;
      msg.controlAt = row * vector.controlStride;
      msg.controllen = controllen;
      msg.flags = flags | MSG_DONTWAIT;
      const length = vector.length[row]!;
      iovSingle(msg, memory, vector.offset[row]!, length);
      const result = socket.ops.sendmsg(socket, msg, length);
      if (result < 0) return sent > 0 ? sent : result;
      vector.transferred[row] = result;
      sent++;
      if (result < length) break;
    }
    return sent;
  }

  recvmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number {
    const socket = this.#socket(fd);
    if (typeof socket === 'number') return socket;
    if (socket.sk!.err !== 0 && !(flags & MSG_ERRQUEUE)) {
      const error = -socket.sk!.err;
      socket.sk!.err = 0;
      return error;
    }
    const msg = this.#receive;
    const { memory, names, controls } = vector;
    const wanted = (flags & ~MSG_WAITFORONE) | MSG_DONTWAIT;
    let done = 0;
    while (done < count) {
      const row = first + done;
      msg.name = names === null ? null : names;
      msg.nameAt = row * vector.nameStride;
      msg.namelen = 0;
      // The kernel writes a whole address; a row has room for one only if its stride does.
      if (names !== null && vector.nameStride < SOCKADDR_STORAGE) {
        msg.name = this.#name;
        msg.nameAt = 0;
      }
      msg.control = controls;
      msg.controlAt = row * vector.controlStride;
      msg.controllen = controls === null ? 0 : vector.controlStride;
      msg.flags = wanted & MSG_CMSG_CLOEXEC;
      const length = vector.length[row]!;
      iovSingle(msg, memory, vector.offset[row]!, length);
      const result = socket.ops.recvmsg(socket, msg, length, wanted);
      if (result < 0) {
        if (done > 0 && result !== -EAGAIN) {
          // The error waits for the next call (do_recvmmsg).
          socket.sk!.err = -result;
        }
        return done > 0 ? done : result;
      }
      if (names !== null) {
        if (msg.name === this.#name) {
          const n = Math.min(vector.nameStride, msg.namelen);
          const at = row * vector.nameStride;
          for (let i = 0; i < n; i++) names[at + i] = this.#name[i]!;
        }
        vector.nameLength[row] = msg.namelen;
      }
      vector.transferred[row] = result;
      vector.flags[row] = msg.flags;
      if (controls !== null) vector.controlLength[row] = vector.controlStride - msg.controllen;
      done++;
      if (flags & MSG_ERRQUEUE && msg.flags === 0) break;
    }
    return done;
  }

  // ---- memory ----

  mmap(length: number, _protection: number, _flags: number, fd: number, offset: number): Mapping | number {
    const file = this.files.get(fd);
    if (file === null) return -EBADF;
    return file.ops.mmap === undefined ? -ENODEV : file.ops.mmap(file, length, offset);
  }

  munmap(mapping: Mapping): number {
    const held = mapping as Mapping & { unmap?: () => void };
    held.unmap?.();
    return 0;
  }

  // ---- waiting ----

  poll(fds: readonly PollFd[]): number {
    let ready = 0;
    for (let i = 0; i < fds.length; i++) {
      const entry = fds[i]!;
      entry.revents = 0;
      if (entry.fd < 0) continue;
      const file = this.files.get(entry.fd);
      entry.revents = file === null ? POLLNVAL : file.ops.poll(file) & (entry.events | POLLERR | POLLHUP);
      if (entry.revents !== 0) ready++;
    }
    return ready;
  }

  pollWait(fds: readonly PollFd[], timeout: number, wake: (ready: number) => void): () => void {
    const { clock } = this.net;
    const entries: { queue: { remove(entry: WaitQueueEntry): void }; entry: WaitQueueEntry }[] = [];
    let cancelTimer: (() => void) | null = null;
    let cancelWake: (() => void) | null = null;
    let done = false;
    const cleanup = (): void => {
      done = true;
      cancelTimer?.();
      cancelWake?.();
      for (const { queue, entry } of entries) queue.remove(entry);
    };
    const look = (): void => {
      cancelWake = null;
      const ready = this.poll(fds);
      if (ready === 0) return; // woken for nothing: wait on
      cleanup();
      wake(ready);
    };
    const schedule = (): void => {
      if (!done && cancelWake === null) cancelWake = clock.after(0, look);
    };
    for (const { fd, events } of fds) {
      const file = fd < 0 ? null : this.files.get(fd);
      if (file === null) continue;
      for (const queue of file.ops.queues(file)) {
        const entry = new WaitQueueEntry((key) => {
          if (key === 0 || key & (events | POLLERR | POLLHUP)) schedule();
        });
        queue.add(entry);
        entries.push({ queue, entry });
      }
    }
    if (this.poll(fds) > 0) schedule();
    else if (timeout >= 0)
      cancelTimer = clock.after(timeout * 1e6, () => {
        const ready = this.poll(fds);
        cleanup();
        wake(ready);
      });
    return cleanup;
  }

  epoll_create1(flags: number): number {
    if (flags & ~EPOLL_CLOEXEC) return -EINVAL;
    return this.files.install(epollFile(), 3, (flags & EPOLL_CLOEXEC) !== 0);
  }

  epoll_ctl(epfd: number, operation: number, fd: number, events: number, data: bigint): number {
    const ep = this.files.get(epfd);
    const file = this.files.get(fd);
    if (ep === null || file === null) return -EBADF;
    return epollCtl(ep, operation, file, fd, operation === EPOLL_CTL_DEL ? 0 : events >>> 0, data);
  }

  epoll_wait(epfd: number, events: EpollEvent[], maximum: number): number {
    if (maximum <= 0) return -EINVAL;
    const file = this.files.get(epfd);
    if (file === null) return -EBADF;
    if (file.ops.kind !== 'epoll') return -EINVAL;
    let count = 0;
    return (file.data as EventPoll).harvest(maximum, (bits, data) => {
      const row = events[count];
      if (row === undefined) events[count] = { events: bits, data };
      else {
        row.events = bits;
        row.data = data;
      }
      count++;
    });
  }

  // ---- files of /proc and /sys ----

  readFile(path: string): Uint8Array | number {
    this.net.cred = this.cred;
    return procReadFile(this.net, path);
  }

  writeFile(path: string, content: Uint8Array): number {
    this.net.cred = this.cred;
    return procWriteFile(this.net, path, content);
  }

  readdir(path: string): string[] | number {
    return procReaddir(this.net, path);
  }

  readlink(path: string): string | number {
    return procReadlink(this.net, path);
  }
}
