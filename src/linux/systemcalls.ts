import { closeSync, constants, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import type { EpollEvent, Mapping, MessageHeader, MessageVector, PollFd, SystemCalls } from '../syscall/contract.ts';
import { EFAULT, EINTR, EINVAL, EIO } from '../uapi/errno.ts';
import { F_SETFL, O_NONBLOCK } from '../uapi/fcntl.ts';
import { sock_filter, sock_fprog } from '../uapi/filter.ts';
import { hostU16, hostU64, putHostU64 } from '../uapi/host.ts';
import { ifreq } from '../uapi/if.ts';
import { PACKET_FANOUT_DATA } from '../uapi/if_packet.ts';
import { XDP_UMEM_REG, xdp_umem_reg } from '../uapi/if_xdp.ts';
import { pollfd } from '../uapi/poll.ts';
import {
  MSG_DONTWAIT,
  SO_ATTACH_FILTER,
  SO_ATTACH_REUSEPORT_CBPF,
  SO_GET_FILTER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_PACKET,
  SOL_SOCKET,
  SOL_XDP,
} from '../uapi/socket.ts';
import { SIOCETHTOOL, SIOCGHWTSTAMP, SIOCGIFCONF, SIOCSHWTSTAMP } from '../uapi/sockios.ts';
import { decodeEpollEvent, EPOLL_EVENT_SIZE, encodeEpollEvent } from './epoll-event.ts';
import { map, unmap } from './mapping.ts';
import { receiveVector, sendVector, transferMessage } from './messages.ts';
import { type Native, native } from './native.ts';
import { Reactor } from './reactor.ts';

/** The host's kernel behind the contract. Sockets are made non-blocking and close-on-exec; lengths that would let the
 * kernel write past a buffer are cut to the buffer. */
class LinuxSystemCalls implements SystemCalls {
  readonly kernelName = 'linux';
  readonly #native: Native;
  readonly #reactor: Reactor;
  #pollfds = new Uint8Array(16 * pollfd.sizeof);
  #pollWords = new Int32Array(this.#pollfds.buffer);
  #pollHalves = new Int16Array(this.#pollfds.buffer);
  readonly #ioctl = new Uint8Array(IOCTL_ROOM);

  constructor(native: Native) {
    this.#native = native;
    this.#reactor = new Reactor(native, (fds) => this.poll(fds));
  }

  #result(result: number): number {
    return result < 0 ? -this.#native.errno() : result;
  }

  socket(domain: number, type: number, protocol: number): number {
    return this.#result(this.#native.socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  }

  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number {
    if (pair.length < 2) return -EFAULT;
    return this.#result(this.#native.socketpair(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol, pair));
  }

  bind(fd: number, address: Uint8Array): number {
    return this.#result(this.#native.bind(fd, address, address.length));
  }

  listen(fd: number, backlog: number): number {
    return this.#result(this.#native.listen(fd, backlog));
  }

  accept4(fd: number, address: Uint8Array | null, addressLength: Int32Array | null, flags: number): number {
    limit(address, addressLength);
    return this.#result(this.#native.accept4(fd, address, addressLength, flags | SOCK_NONBLOCK | SOCK_CLOEXEC));
  }

  connect(fd: number, address: Uint8Array): number {
    return this.#result(this.#native.connect(fd, address, address.length));
  }

  getsockname(fd: number, address: Uint8Array, addressLength: Int32Array): number {
    limit(address, addressLength);
    return this.#result(this.#native.getsockname(fd, address, addressLength));
  }

  getpeername(fd: number, address: Uint8Array, addressLength: Int32Array): number {
    limit(address, addressLength);
    return this.#result(this.#native.getpeername(fd, address, addressLength));
  }

  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Int32Array): number {
    // SO_GET_FILTER counts its length in instructions.
    const unit = level === SOL_SOCKET && name === SO_GET_FILTER ? sock_filter.sizeof : 1;
    limit(value, length, unit);
    return this.#result(this.#native.getsockopt(fd, level, name, value, length));
  }

  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number {
    if (takesProgram(level, name) && isProgram(value)) {
      const copy = value.slice();
      putHostU64(copy, sock_fprog.filter, BigInt(this.#native.address(copy) + sock_fprog.sizeof));
      return this.#result(this.#native.setsockopt(fd, level, name, copy, sock_fprog.sizeof));
    }
    if (level === SOL_XDP && name === XDP_UMEM_REG && value.length >= xdp_umem_reg.sizeof) {
      // What is registered is the memory that the structure stands in, no more.
      const copy = value.slice(0, xdp_umem_reg.sizeof);
      putHostU64(copy, xdp_umem_reg.addr, BigInt(this.#native.address(value)));
      if (hostU64(copy, xdp_umem_reg.len) > BigInt(value.length)) return -EFAULT;
      return this.#result(this.#native.setsockopt(fd, level, name, copy, copy.length));
    }
    return this.#result(this.#native.setsockopt(fd, level, name, value, value.length));
  }

  shutdown(fd: number, how: number): number {
    return this.#result(this.#native.shutdown(fd, how));
  }

  close(fd: number): number {
    this.#reactor.closing(fd);
    return this.#result(this.#native.close(fd));
  }

  dup(fd: number): number {
    return this.#result(this.#native.dup(fd));
  }

  fcntl(fd: number, command: number, argument: number): number {
    // Nothing here may ever block, so O_NONBLOCK cannot be taken off.
    return this.#result(this.#native.fcntl(fd, command, command === F_SETFL ? argument | O_NONBLOCK : argument));
  }

  ioctl(fd: number, request: number, argument: Uint8Array): number {
    // How much a request reads and writes is known to the kernel alone (a struct ifreq is 40 bytes though its name may be
    // all that one cares for), so the kernel is given a buffer of ours that has room for any.
    if (argument.length > IOCTL_ROOM / 2) return -EINVAL;
    const room = this.#ioctl;
    room.fill(0);
    room.set(argument);
    const pointer = POINTER_AT.get(request);
    if (pointer && argument.length > pointer.size)
      putHostU64(room, pointer.at, BigInt(this.#native.address(room) + pointer.size));
    const result = this.#result(this.#native.ioctl(fd, request, room));
    if (pointer) putHostU64(room, pointer.at, 0n);
    argument.set(room.subarray(0, argument.length));
    return result;
  }

  read(fd: number, buffer: Uint8Array): number {
    return this.#result(this.#native.read(fd, buffer, buffer.length));
  }

  write(fd: number, buffer: Uint8Array): number {
    return this.#result(this.#native.write(fd, buffer, buffer.length));
  }

  sendto(fd: number, buffer: Uint8Array, flags: number, address: Uint8Array | null): number {
    return this.#result(
      this.#native.sendto(fd, buffer, buffer.length, flags | MSG_DONTWAIT, address, address?.length ?? 0),
    );
  }

  recvfrom(
    fd: number,
    buffer: Uint8Array,
    flags: number,
    address: Uint8Array | null,
    addressLength: Int32Array | null,
  ): number {
    limit(address, addressLength);
    return this.#result(this.#native.recvfrom(fd, buffer, buffer.length, flags | MSG_DONTWAIT, address, addressLength));
  }

  sendmsg(fd: number, message: MessageHeader, flags: number): number {
    return transferMessage(this.#native, false, fd, message, flags);
  }

  recvmsg(fd: number, message: MessageHeader, flags: number): number {
    return transferMessage(this.#native, true, fd, message, flags);
  }

  sendmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number {
    return sendVector(this.#native, fd, vector, first, count, flags);
  }

  recvmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number {
    return receiveVector(this.#native, fd, vector, first, count, flags);
  }

  mmap(length: number, protection: number, flags: number, fd: number, offset: number): Mapping | number {
    return map(this.#native, length, protection, flags, fd, offset);
  }

  munmap(mapping: Mapping): number {
    return unmap(this.#native, mapping);
  }

  poll(fds: readonly PollFd[]): number {
    if (fds.length * pollfd.sizeof > this.#pollfds.length) {
      this.#pollfds = new Uint8Array(2 * fds.length * pollfd.sizeof);
      this.#pollWords = new Int32Array(this.#pollfds.buffer);
      this.#pollHalves = new Int16Array(this.#pollfds.buffer);
    }
    const words = this.#pollWords;
    const halves = this.#pollHalves;
    for (let row = 0; row < fds.length; row++) {
      words[row * 2] = fds[row]!.fd;
      halves[row * 4 + 2] = fds[row]!.events;
      halves[row * 4 + 3] = 0;
    }
    // A signal that comes just now (SIGWINCH of a terminal, a profiler's SIGPROF) makes even a poll that does not wait
    // fail with EINTR; nothing is lost by asking again.
    let ready = this.#native.poll(this.#pollfds, fds.length, 0);
    while (ready < 0 && this.#native.errno() === EINTR) ready = this.#native.poll(this.#pollfds, fds.length, 0);
    if (ready < 0) return -this.#native.errno();
    for (let row = 0; row < fds.length; row++) fds[row]!.revents = halves[row * 4 + 3]! & 0xffff;
    return ready;
  }

  pollWait(fds: readonly PollFd[], timeout: number, wake: (ready: number) => void): () => void {
    return this.#reactor.wait(fds, timeout, wake);
  }

  epoll_create1(flags: number): number {
    return this.#result(this.#native.epoll_create1(flags));
  }

  epoll_ctl(epfd: number, operation: number, fd: number, events: number, data: bigint): number {
    const event = new Uint8Array(EPOLL_EVENT_SIZE);
    encodeEpollEvent(event, 0, events, data);
    return this.#result(this.#native.epoll_ctl(epfd, operation, fd, event));
  }

  epoll_wait(epfd: number, events: EpollEvent[], maximum: number): number {
    if (maximum <= 0 || maximum > MAXIMUM_EVENTS) return -EINVAL;
    const bytes = new Uint8Array(maximum * EPOLL_EVENT_SIZE);
    const count = this.#native.epoll_wait(epfd, bytes, maximum, 0);
    if (count < 0) return -this.#native.errno();
    for (let row = 0; row < count; row++) events[row] = decodeEpollEvent(bytes, row * EPOLL_EVENT_SIZE);
    return count;
  }

  readFile(path: string): Uint8Array | number {
    return attempt(() => readFileSync(path) as Uint8Array);
  }

  writeFile(path: string, content: Uint8Array): number {
    return attempt(() => {
      // Neither O_CREAT nor O_TRUNC: only what the kernel offers can be written.
      const fd = openSync(path, constants.O_WRONLY);
      try {
        return writeSync(fd, content);
      } finally {
        closeSync(fd);
      }
    });
  }

  readdir(path: string): string[] | number {
    return attempt(() => readdirSync(path).sort());
  }

  readlink(path: string): string | number {
    return attempt(() => readlinkSync(path));
  }
}

/** Room for an ioctl's structure and for what it points to. */
const IOCTL_ROOM = 1 << 16;

/** What Node can wait for at most in one call here. */
const MAXIMUM_EVENTS = 1 << 16;

/** Requests whose structure points to more memory: its size, and where the pointer is. */
const IFR_DATA = { size: ifreq.sizeof, at: ifreq.ifr_ifru };
const POINTER_AT = new Map<number, { size: number; at: number }>([
  [SIOCETHTOOL, IFR_DATA],
  [SIOCGHWTSTAMP, IFR_DATA],
  [SIOCSHWTSTAMP, IFR_DATA],
  // struct ifconf: a length, then the pointer.
  [SIOCGIFCONF, { size: 16, at: 8 }],
]);

const takesProgram = (level: number, name: number): boolean =>
  (level === SOL_SOCKET && (name === SO_ATTACH_FILTER || name === SO_ATTACH_REUSEPORT_CBPF)) ||
  (level === SOL_PACKET && name === PACKET_FANOUT_DATA);

/** A struct sock_fprog with its instructions behind it (PACKET_FANOUT_DATA may also be a bare descriptor). */
const isProgram = (value: Uint8Array): boolean =>
  value.length >= sock_fprog.sizeof &&
  value.length === sock_fprog.sizeof + hostU16(value, sock_fprog.len) * sock_filter.sizeof;

/** The kernel writes as much as the value-result length says: never more than the buffer holds. */
function limit(buffer: Uint8Array | null, length: Int32Array | null, unit = 1): void {
  if (!length) return;
  const room = buffer ? Math.floor(buffer.length / unit) : 0;
  if (length[0]! > room) length[0] = room;
}

/** Node reports the kernel's own number, negated, as `errno`. */
function attempt<T>(operation: () => T): T | number {
  try {
    return operation();
  } catch (error) {
    const { errno } = error as NodeJS.ErrnoException;
    return typeof errno === 'number' && errno < 0 ? errno : -EIO;
  }
}

let calls: LinuxSystemCalls | undefined;

/** The host's kernel, one for each thread. Loads koffi at the first call; throws NativeUnavailable where it cannot. */
export function linuxSystemCalls(): SystemCalls {
  calls ??= new LinuxSystemCalls(native());
  return calls;
}
