import type { PollFd, SystemCalls } from '../syscall/contract.ts';
import { check, SystemError } from '../syscall/error.ts';
import { messageHeader } from '../syscall/message.ts';
import { EAGAIN, EINPROGRESS } from '../uapi/errno.ts';
import { hostI32, int } from '../uapi/host.ts';
import { POLLIN, POLLOUT } from '../uapi/poll.ts';
import { SOCKADDR_STORAGE_SIZE } from '../uapi/sockaddr.ts';
import { type ControlMessage, controlMessages, encodeControl, SO_ERROR, SOL_SOCKET } from '../uapi/socket.ts';
import { decodeAddress, encodeAddress, type SocketAddress } from './address.ts';
import { waitFor } from './wait.ts';

/** What a wait may be given up by. */
export interface Waiting {
  /** Milliseconds; default: no limit. */
  timeout?: number;
  signal?: AbortSignal;
}

/** A message as received. `data` is a view on the buffer that was given, or memory of its own. */
export interface ReceivedMessage {
  data: Uint8Array;
  from: SocketAddress | null;
  control: ControlMessage[];
  /** MSG_ flags: MSG_TRUNC where the datagram was longer than the buffer. */
  flags: number;
}

/** A socket of either kernel: owns its descriptor, throws SystemError, waits by poll. */
export class Socket {
  readonly calls: SystemCalls;
  #fd: number;

  /** Takes over a descriptor. */
  constructor(calls: SystemCalls, fd: number) {
    this.calls = calls;
    this.#fd = fd;
  }

  /** socket(2). */
  static open(calls: SystemCalls, domain: number, type: number, protocol = 0): Socket {
    return new Socket(calls, check(calls.socket(domain, type, protocol), 'socket'));
  }

  /** The descriptor; -1 after `close`. */
  get fd(): number {
    return this.#fd;
  }

  get closed(): boolean {
    return this.#fd < 0;
  }

  /** Idempotent. A wait that is pending ends. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.calls.close(fd);
  }

  setOption(level: number, name: number, value: Uint8Array | number, label = `setsockopt ${level} ${name}`): void {
    check(this.calls.setsockopt(this.#fd, level, name, typeof value === 'number' ? int(value) : value), label);
  }

  /** The option's value, as many of `size` bytes as the kernel wrote. */
  getOption(level: number, name: number, size: number, label = `getsockopt ${level} ${name}`): Uint8Array {
    const value = new Uint8Array(size);
    const length = Int32Array.of(size);
    check(this.calls.getsockopt(this.#fd, level, name, value, length), label);
    return value.subarray(0, length[0]);
  }

  getIntOption(level: number, name: number, label?: string): number {
    return hostI32(this.getOption(level, name, 4, label), 0);
  }

  /** The error that is pending on the socket, which reading clears; 0: none. */
  takeError(): number {
    return this.getIntOption(SOL_SOCKET, SO_ERROR, 'getsockopt SO_ERROR');
  }

  bind(address: SocketAddress): void {
    check(this.calls.bind(this.#fd, encodeAddress(address)), 'bind', about(address));
  }

  /** connect(2): waits until the connection stands. */
  async connect(address: SocketAddress, waiting: Waiting = {}): Promise<void> {
    const result = this.calls.connect(this.#fd, encodeAddress(address));
    if (result !== -EINPROGRESS && result !== -EAGAIN) {
      check(result, 'connect', about(address));
      return;
    }
    if (!(await this.wait(POLLOUT, waiting))) return;
    const error = this.takeError();
    if (error !== 0) throw new SystemError(error, 'connect', about(address));
  }

  listen(backlog: number): void {
    check(this.calls.listen(this.#fd, backlog), 'listen');
  }

  /** The next connection; null when the time is over or this socket is closed. */
  async accept(waiting: Waiting = {}): Promise<{ socket: Socket; from: SocketAddress | null } | null> {
    const address = new Uint8Array(SOCKADDR_STORAGE_SIZE);
    const length = Int32Array.of(address.length);
    const fd = await this.#retry(POLLIN, waiting, () => {
      length[0] = address.length;
      return this.calls.accept4(this.#fd, address, length, 0);
    });
    if (fd === null) return null;
    return { socket: new Socket(this.calls, check(fd, 'accept4')), from: decodeAddress(address, length[0]!) };
  }

  localAddress(): SocketAddress | null {
    return this.#name('getsockname');
  }

  peerAddress(): SocketAddress | null {
    return this.#name('getpeername');
  }

  #name(call: 'getsockname' | 'getpeername'): SocketAddress | null {
    const address = new Uint8Array(SOCKADDR_STORAGE_SIZE);
    const length = Int32Array.of(address.length);
    check(this.calls[call](this.#fd, address, length), call);
    return decodeAddress(address, length[0]!);
  }

  /** Sends now or returns -errno: -EAGAIN where the buffer is full. */
  trySend(data: Uint8Array, to: SocketAddress | null = null, flags = 0): number {
    return this.calls.sendto(this.#fd, data, flags, to && encodeAddress(to));
  }

  /** Sends one message, waiting for room. Returns the bytes sent; null when the time is over. */
  async send(
    data: Uint8Array,
    {
      to = null,
      control = [],
      flags = 0,
      ...waiting
    }: { to?: SocketAddress | null; control?: readonly ControlMessage[]; flags?: number } & Waiting = {},
  ): Promise<number | null> {
    const name = to && encodeAddress(to);
    const message = messageHeader([data], name, control.length ? encodeControl(control) : null);
    const sent = await this.#retry(POLLOUT, waiting, () => this.calls.sendmsg(this.#fd, message, flags));
    return sent === null ? null : check(sent, 'sendmsg', to ? about(to) : undefined);
  }

  /** The next message, or null when the time is over or the socket is closed. `buffer` bounds its length. */
  async receive(
    buffer: Uint8Array,
    { flags = 0, controlRoom = 512, ...waiting }: { flags?: number; controlRoom?: number } & Waiting = {},
  ): Promise<ReceivedMessage | null> {
    const message = messageHeader([buffer], new Uint8Array(SOCKADDR_STORAGE_SIZE), new Uint8Array(controlRoom));
    const length = await this.#retry(POLLIN, waiting, () => this.calls.recvmsg(this.#fd, message, flags));
    if (length === null) return null;
    check(length, 'recvmsg');
    return {
      data: buffer.subarray(0, Math.min(length, buffer.length)),
      from: decodeAddress(message.name!, message.nameLength),
      control: controlMessages(message.control!, message.controlLength),
      flags: message.flags,
    };
  }

  /** Waits for POLLIN, POLLOUT… Returns what is there (POLLERR and POLLHUP included); 0 when the time is over. Rejects
   * with the signal's reason. */
  async wait(events: number, { timeout = -1, signal }: Waiting = {}): Promise<number> {
    const fds: PollFd[] = [{ fd: this.#fd, events, revents: 0 }];
    await waitFor(this.calls, fds, { timeout, signal });
    return fds[0]!.revents;
  }

  /** Calls until the result is not -EAGAIN; null when the time is over or the socket was closed meanwhile. The time is
   * the kernel's (ours may run on a clock of its own), and starts again after a wake-up that came to nothing. */
  async #retry(events: number, waiting: Waiting, call: () => number): Promise<number | null> {
    for (;;) {
      const result = call();
      if (result !== -EAGAIN) return result;
      if ((await this.wait(events, waiting)) === 0 || this.closed) return null;
    }
  }
}

/** The address as an error message names it. */
function about(address: SocketAddress): { dest: string } {
  switch (address.family) {
    case 'ipv4':
      return { dest: `${address.address}:${address.port}` };
    case 'ipv6':
      return { dest: `[${address.address}]:${address.port}` };
    case 'unix':
      return { dest: address.path };
    case 'packet':
      return { dest: `interface ${address.ifindex}` };
    default:
      return { dest: address.family };
  }
}
