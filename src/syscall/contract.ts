/** The contract under which both kernels stand: Linux's own system calls.
 *
 * Conventions, as in the kernel: a call returns a value of zero or more, or `-errno` (see `uapi/errno.ts`). It never
 * throws for what a user program could do wrong at the ABI, and it never blocks: every descriptor behaves as if each
 * call carried MSG_DONTWAIT, and waiting is `poll`. Structures cross the contract as bytes laid out exactly as the
 * C headers lay them out on this machine (`uapi/` reads and writes them): socket addresses, option values, control
 * messages, ioctl arguments. Value-result lengths are an Int32Array of one element. Where such a structure points to more
 * memory (struct sock_fprog for SO_ATTACH_FILTER, ifr_data of struct ifreq for SIOCETHTOOL), that memory follows the
 * structure in the same buffer, and the pointer field is the implementation's to fill: the caller leaves it 0. The memory that
 * XDP_UMEM_REG registers is the buffer itself, a Mapping's whole `bytes`, with struct xdp_umem_reg in its first bytes. */
export interface SystemCalls {
  /** What stands behind the contract: 'linux' is the host's kernel, 'emulated' ours. For messages to people only;
   * programs must not branch on it. */
  readonly kernelName: 'linux' | 'emulated';

  socket(domain: number, type: number, protocol: number): number;
  /** On success the two descriptors are in `pair` (two elements). */
  socketpair(domain: number, type: number, protocol: number, pair: Int32Array): number;
  bind(fd: number, address: Uint8Array): number;
  listen(fd: number, backlog: number): number;
  /** `address` and `addressLength` (value-result) may be null together. */
  accept4(fd: number, address: Uint8Array | null, addressLength: Int32Array | null, flags: number): number;
  connect(fd: number, address: Uint8Array): number;
  getsockname(fd: number, address: Uint8Array, addressLength: Int32Array): number;
  getpeername(fd: number, address: Uint8Array, addressLength: Int32Array): number;
  getsockopt(fd: number, level: number, name: number, value: Uint8Array, length: Int32Array): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  /** dup(2): the lowest free descriptor for the same open description. */
  dup(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  /** `argument` is the structure that the request reads or writes, in place. */
  ioctl(fd: number, request: number, argument: Uint8Array): number;

  read(fd: number, buffer: Uint8Array): number;
  write(fd: number, buffer: Uint8Array): number;
  sendto(fd: number, buffer: Uint8Array, flags: number, address: Uint8Array | null): number;
  recvfrom(
    fd: number,
    buffer: Uint8Array,
    flags: number,
    address: Uint8Array | null,
    addressLength: Int32Array | null,
  ): number;
  sendmsg(fd: number, message: MessageHeader, flags: number): number;
  recvmsg(fd: number, message: MessageHeader, flags: number): number;
  /** Sends rows `first` to `first + count - 1`. Returns how many were sent; `vector.transferred` holds bytes each. */
  sendmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number;
  /** Fills rows `first` to `first + count - 1` with what is there now. Returns how many were received. */
  recvmmsg(fd: number, vector: MessageVector, first: number, count: number, flags: number): number;

  /** Maps a packet ring (or another descriptor that can be mapped). Returns -errno on failure. */
  mmap(length: number, protection: number, flags: number, fd: number, offset: number): Mapping | number;
  /** After this `mapping.bytes` reads as zeros; it never faults. */
  munmap(mapping: Mapping): number;

  /** poll(2) with a timeout of 0: fills `revents`, returns how many are ready. */
  poll(fds: readonly PollFd[]): number;
  /** poll(2) that waits: calls `wake` once, never from inside this call, with the number of ready descriptors, 0 after
   * `timeout` milliseconds (-1: no limit) or -errno. Returns a function that gives the wait up; `wake` is not called
   * after it. The descriptors must stay open for as long as the wait lasts. */
  pollWait(fds: readonly PollFd[], timeout: number, wake: (ready: number) => void): () => void;
  epoll_create1(flags: number): number;
  epoll_ctl(epfd: number, operation: number, fd: number, events: number, data: bigint): number;
  /** epoll_wait(2) with a timeout of 0: fills `events` from the start, returns how many. Wait by polling `epfd`. */
  epoll_wait(epfd: number, events: EpollEvent[], maximum: number): number;

  /** Contents of a file of /proc or /sys, or -errno. */
  readFile(path: string): Uint8Array | number;
  /** Writes a file of /proc or /sys (a sysctl). */
  writeFile(path: string, content: Uint8Array): number;
  /** Names in a directory of /proc or /sys, sorted, or -errno. */
  readdir(path: string): string[] | number;
  /** Where a symbolic link of /proc or /sys points, or -errno. */
  readlink(path: string): string | number;
}

/** struct msghdr. `nameLength`, `controlLength` and `flags` are written by recvmsg. */
export interface MessageHeader {
  /** Socket address; null: none. Its length is the buffer's on sending, the room for one on receiving. */
  name: Uint8Array | null;
  nameLength: number;
  /** The pieces of the data, gathered or scattered in order. */
  iov: Uint8Array[];
  /** Control messages (struct cmsghdr and data, aligned as CMSG_ALIGN does). */
  control: Uint8Array | null;
  controlLength: number;
  flags: number;
}

/** An array of struct mmsghdr with one iovec each, as columns: what sendmmsg and recvmmsg need at full speed. The rows
 * may be changed between calls; `memory`, `names` and `controls` may not be replaced. */
export interface MessageVector {
  /** Holds the data of every row. */
  readonly memory: Uint8Array;
  /** Where each row's data starts in `memory`. */
  readonly offset: Uint32Array;
  /** Bytes to send, or room to receive into. */
  readonly length: Uint32Array;
  /** Written by the call: bytes sent or received (msg_len). */
  readonly transferred: Uint32Array;
  /** Written by recvmmsg: msg_flags. */
  readonly flags: Uint32Array;
  /** Socket addresses, `nameStride` bytes a row; null: none. */
  readonly names: Uint8Array | null;
  readonly nameStride: number;
  /** Bytes of each row's address: used on sending, written on receiving. */
  readonly nameLength: Uint32Array;
  /** Control messages, `controlStride` bytes a row; null: none. */
  readonly controls: Uint8Array | null;
  readonly controlStride: number;
  readonly controlLength: Uint32Array;
}

/** A mapping of a packet ring. */
export interface Mapping {
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit words in host order, for `Atomics.load` on a block's status. */
  readonly words: Int32Array;
}

/** struct pollfd. */
export interface PollFd {
  readonly fd: number;
  readonly events: number;
  revents: number;
}

/** struct epoll_event. */
export interface EpollEvent {
  events: number;
  data: bigint;
}
