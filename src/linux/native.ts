/** Every function of the C library that netlab calls, with its signature. Nothing else in the project declares a foreign
 * function (libpcap's, for comparisons only, stand in `libpcap.ts`). koffi is loaded at the first call of `native()`. */
import { createRequire } from 'node:module';

type Koffi = typeof import('koffi');

/** koffi cannot be loaded here, so the host's kernel cannot be reached. */
export class NativeUnavailable extends Error {
  override readonly name = 'NativeUnavailable';
  readonly code = 'ERR_NETLAB_NO_FFI';
}

/** Memory handed to C: a typed array (its bytes), an address, or NULL. */
export type Pointer = Uint8Array | Int32Array | Uint32Array | number | null;

/** Results are as in C: -1 with `errno()` set on failure. */
export interface Native {
  readonly koffi: Koffi;
  /** errno of the last call on this thread. */
  errno(): number;
  /** Where a typed array's bytes are. They stay there for as long as the array is reachable. */
  address(bytes: Uint8Array | Uint32Array | Int32Array): number;

  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Pointer): number;
  bind(fd: number, address: Pointer, length: number): number;
  listen(fd: number, backlog: number): number;
  accept4(fd: number, address: Pointer, length: Pointer, flags: number): number;
  connect(fd: number, address: Pointer, length: number): number;
  getsockname(fd: number, address: Pointer, length: Pointer): number;
  getpeername(fd: number, address: Pointer, length: Pointer): number;
  getsockopt(fd: number, level: number, name: number, value: Pointer, length: Pointer): number;
  setsockopt(fd: number, level: number, name: number, value: Pointer, length: number): number;
  shutdown(fd: number, how: number): number;
  close(fd: number): number;
  dup(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  ioctl(fd: number, request: number, argument: Pointer): number;
  read(fd: number, buffer: Pointer, length: number): number;
  write(fd: number, buffer: Pointer, length: number): number;
  sendto(fd: number, buffer: Pointer, length: number, flags: number, address: Pointer, addressLength: number): number;
  recvfrom(
    fd: number,
    buffer: Pointer,
    length: number,
    flags: number,
    address: Pointer,
    addressLength: Pointer,
  ): number;
  sendmsg(fd: number, message: Pointer, flags: number): number;
  recvmsg(fd: number, message: Pointer, flags: number): number;
  sendmmsg(fd: number, vector: Pointer, count: number, flags: number): number;
  recvmmsg(fd: number, vector: Pointer, count: number, flags: number, timeout: Pointer): number;
  /** The address, or -1. */
  mmap(address: Pointer, length: number, protection: number, flags: number, fd: number, offset: number): number;
  munmap(address: number, length: number): number;
  poll(fds: Pointer, count: number, timeout: number): number;
  epoll_create1(flags: number): number;
  epoll_ctl(epfd: number, operation: number, fd: number, event: Pointer): number;
  epoll_wait(epfd: number, events: Pointer, maximum: number, timeout: number): number;
  open(path: string, flags: number): number;
  prctl(option: number, argument2: number, argument3: number, argument4: number, argument5: number): number;
  capget(header: Pointer, data: Pointer): number;
  capset(header: Pointer, data: Pointer): number;
  unshare(flags: number): number;
  setns(fd: number, type: number): number;
  /** pid 0: the calling thread. */
  sched_setaffinity(pid: number, size: number, mask: Pointer): number;
  sched_getaffinity(pid: number, size: number, mask: Pointer): number;
  gettid(): number;
  clock_gettime(clock: number, time: Pointer): number;
  /** Returns an error number itself; errno is not set. */
  clock_nanosleep(clock: number, flags: number, request: Pointer, remain: Pointer): number;
}

// fcntl, ioctl, prctl and open are variadic in C. The calling conventions of Linux on x86-64 and arm64 pass integer
// arguments of a variadic function as those of any other.
const SIGNATURES: Record<Exclude<keyof Native, 'koffi' | 'errno' | 'address'>, string> = {
  socket: 'int socket(int domain, int type, int protocol)',
  socketpair: 'int socketpair(int domain, int type, int protocol, void *pair)',
  bind: 'int bind(int fd, const void *address, uint32_t length)',
  listen: 'int listen(int fd, int backlog)',
  accept4: 'int accept4(int fd, void *address, void *length, int flags)',
  connect: 'int connect(int fd, const void *address, uint32_t length)',
  getsockname: 'int getsockname(int fd, void *address, void *length)',
  getpeername: 'int getpeername(int fd, void *address, void *length)',
  getsockopt: 'int getsockopt(int fd, int level, int name, void *value, void *length)',
  setsockopt: 'int setsockopt(int fd, int level, int name, const void *value, uint32_t length)',
  shutdown: 'int shutdown(int fd, int how)',
  close: 'int close(int fd)',
  dup: 'int dup(int fd)',
  fcntl: 'int fcntl(int fd, int command, long argument)',
  ioctl: 'int ioctl(int fd, unsigned long request, void *argument)',
  read: 'intptr_t read(int fd, void *buffer, size_t length)',
  write: 'intptr_t write(int fd, const void *buffer, size_t length)',
  sendto:
    'intptr_t sendto(int fd, const void *buffer, size_t length, int flags, const void *address, uint32_t addressLength)',
  recvfrom: 'intptr_t recvfrom(int fd, void *buffer, size_t length, int flags, void *address, void *addressLength)',
  sendmsg: 'intptr_t sendmsg(int fd, const void *message, int flags)',
  recvmsg: 'intptr_t recvmsg(int fd, void *message, int flags)',
  sendmmsg: 'int sendmmsg(int fd, void *vector, unsigned int count, int flags)',
  recvmmsg: 'int recvmmsg(int fd, void *vector, unsigned int count, int flags, void *timeout)',
  mmap: 'intptr_t mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(void *address, size_t length)',
  poll: 'int poll(void *fds, unsigned long count, int timeout)',
  epoll_create1: 'int epoll_create1(int flags)',
  epoll_ctl: 'int epoll_ctl(int epfd, int operation, int fd, void *event)',
  epoll_wait: 'int epoll_wait(int epfd, void *events, int maximum, int timeout)',
  open: 'int open(const char *path, int flags)',
  prctl: 'int prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)',
  capget: 'int capget(void *header, void *data)',
  capset: 'int capset(void *header, const void *data)',
  unshare: 'int unshare(int flags)',
  setns: 'int setns(int fd, int type)',
  sched_setaffinity: 'int sched_setaffinity(int pid, size_t size, const void *mask)',
  sched_getaffinity: 'int sched_getaffinity(int pid, size_t size, void *mask)',
  gettid: 'int gettid()',
  clock_gettime: 'int clock_gettime(int clock, void *time)',
  clock_nanosleep: 'int clock_nanosleep(int clock, int flags, const void *request, void *remain)',
};

let loaded: Native | undefined;

/** The C library, loaded at the first call. Throws NativeUnavailable. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}

function load(): Native {
  if (process.platform !== 'linux')
    throw new NativeUnavailable(`the host's kernel is ${process.platform}'s; netlab's system calls are Linux's`);
  let koffi: Koffi;
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (error) {
    throw new NativeUnavailable(
      `the host's kernel cannot be called: koffi does not load on ${process.platform}-${process.arch} ` +
        `(${(error as Error).message.split('\n')[0]}); 'npm install koffi' brings its binary for this machine`,
      { cause: error },
    );
  }
  const library = koffi.load(null);
  const functions: Record<string, unknown> = {};
  // A C library may lack one of them (musl has no gettid before 1.2.2): that shows when it is called, not before.
  for (const [name, signature] of Object.entries(SIGNATURES)) {
    try {
      functions[name] = library.func(signature);
    } catch (cause) {
      functions[name] = () => {
        throw new NativeUnavailable(`this C library has no ${name}()`, { cause });
      };
    }
  }
  return {
    ...(functions as unknown as Omit<Native, 'koffi' | 'errno' | 'address'>),
    koffi,
    errno: () => koffi.errno(),
    address: (bytes) => Number(koffi.address(bytes)),
  };
}
