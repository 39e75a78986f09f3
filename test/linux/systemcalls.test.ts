import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import type { EpollEvent, PollFd } from '../../src/syscall/contract.ts';
import { messageHeader, messageVector } from '../../src/syscall/message.ts';
import { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLLIN, EPOLLOUT } from '../../src/uapi/epoll.ts';
import * as errno from '../../src/uapi/errno.ts';
import { F_GETFD, F_GETFL, F_SETFL, FD_CLOEXEC, O_NONBLOCK } from '../../src/uapi/fcntl.ts';
import { decodeSockFilters, encodeSockFprog } from '../../src/uapi/filter.ts';
import { hostI32, int } from '../../src/uapi/host.ts';
import { encodeIfreq, ifreqInt } from '../../src/uapi/if.ts';
import { IP_PKTINFO, IPPROTO_IP } from '../../src/uapi/in.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../../src/uapi/mman.ts';
import { POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT } from '../../src/uapi/poll.ts';
import { decodeSockaddrIn, encodeSockaddrIn } from '../../src/uapi/sockaddr.ts';
import * as socket from '../../src/uapi/socket.ts';
import { SIOCETHTOOL, SIOCGIFINDEX } from '../../src/uapi/sockios.ts';
import { describeNetwork } from '../support/network.ts';

const calls = linuxSystemCalls();
const open: number[] = [];
const opened = (fd: number): number => {
  expect(fd).toBeGreaterThanOrEqual(0);
  open.push(fd);
  return fd;
};
const pair = (type: number = socket.SOCK_STREAM): [number, number] => {
  const fds = new Int32Array(2);
  expect(calls.socketpair(socket.AF_UNIX, type, 0, fds)).toBe(0);
  return [opened(fds[0]!), opened(fds[1]!)];
};
const closed = (fd: number): void => {
  open.splice(open.indexOf(fd), 1);
  expect(calls.close(fd)).toBe(0);
};
/** A UDP socket on loopback and its address. */
const udp = (): { fd: number; name: Uint8Array } => {
  const fd = opened(calls.socket(socket.AF_INET, socket.SOCK_DGRAM, 0));
  expect(calls.bind(fd, encodeSockaddrIn({ address: Uint8Array.of(127, 0, 0, 1), port: 0 }))).toBe(0);
  const name = new Uint8Array(16);
  expect(calls.getsockname(fd, name, Int32Array.of(16))).toBe(0);
  return { fd, name };
};
const wait = (fds: PollFd[], timeout: number): Promise<number> =>
  new Promise((resolve) => calls.pollWait(fds, timeout, resolve));
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

afterEach(() => {
  for (const fd of open.splice(0)) calls.close(fd);
});

describe('calls', () => {
  test('a failed call gives -errno', () => {
    expect(calls.socket(9999, socket.SOCK_STREAM, 0)).toBe(-errno.EAFNOSUPPORT);
    expect(calls.close(9999)).toBe(-errno.EBADF);
    expect(calls.read(9999, new Uint8Array(1))).toBe(-errno.EBADF);
  });

  test('nothing blocks: an empty socket is EAGAIN, and O_NONBLOCK stays', () => {
    const [a] = pair();
    const buffer = new Uint8Array(4);
    expect(calls.read(a, buffer)).toBe(-errno.EAGAIN);
    expect(calls.recvfrom(a, buffer, 0, null, null)).toBe(-errno.EAGAIN);
    expect(calls.fcntl(a, F_SETFL, 0)).toBe(0);
    expect(calls.fcntl(a, F_GETFL, 0) & O_NONBLOCK).toBe(O_NONBLOCK);
    expect(calls.read(a, buffer)).toBe(-errno.EAGAIN);
    expect(calls.fcntl(a, F_GETFD, 0)).toBe(FD_CLOEXEC);
  });

  test('accept4 and connect do not wait', () => {
    const listener = opened(calls.socket(socket.AF_INET, socket.SOCK_STREAM, 0));
    expect(calls.bind(listener, encodeSockaddrIn({ address: Uint8Array.of(127, 0, 0, 1), port: 0 }))).toBe(0);
    expect(calls.listen(listener, 1)).toBe(0);
    expect(calls.accept4(listener, null, null, 0)).toBe(-errno.EAGAIN);
    const name = new Uint8Array(16);
    calls.getsockname(listener, name, Int32Array.of(16));
    const client = opened(calls.socket(socket.AF_INET, socket.SOCK_STREAM, 0));
    expect([0, -errno.EINPROGRESS]).toContain(calls.connect(client, name));
  });

  test('a value-result length larger than the buffer is cut to the buffer', () => {
    const { fd } = udp();
    const name = new Uint8Array(4);
    const length = Int32Array.of(1 << 20);
    expect(calls.getsockname(fd, name, length)).toBe(0);
    // The kernel says how long the address is, having written no more than the room.
    expect(length[0]).toBe(16);
    expect(name).toHaveLength(4);
  });

  test('sendto and recvfrom carry an address', async () => {
    const a = udp();
    const b = udp();
    expect(calls.sendto(a.fd, bytes('one'), 0, b.name)).toBe(3);
    expect(await wait([{ fd: b.fd, events: POLLIN, revents: 0 }], 60_000)).toBe(1);
    const from = new Uint8Array(128);
    const length = Int32Array.of(128);
    expect(calls.recvfrom(b.fd, new Uint8Array(8), 0, from, length)).toBe(3);
    expect(length[0]).toBe(16);
    expect(decodeSockaddrIn(from)).toEqual(decodeSockaddrIn(a.name));
  });

  test('sendmsg gathers, recvmsg scatters, with address, control messages and flags', async () => {
    const a = udp();
    const b = udp();
    expect(calls.setsockopt(b.fd, IPPROTO_IP, IP_PKTINFO, int(1))).toBe(0);
    expect(calls.sendmsg(a.fd, messageHeader([bytes('gath'), bytes('ered')], b.name), 0)).toBe(8);
    expect(await wait([{ fd: b.fd, events: POLLIN, revents: 0 }], 60_000)).toBe(1);
    const first = new Uint8Array(2);
    const second = new Uint8Array(4);
    const message = messageHeader([first, second], new Uint8Array(128), new Uint8Array(128));
    expect(calls.recvmsg(b.fd, message, 0)).toBe(6);
    expect([Buffer.from(first).toString(), Buffer.from(second).toString()]).toEqual(['ga', 'ther']);
    expect(message.flags & socket.MSG_TRUNC).toBe(socket.MSG_TRUNC);
    expect(message.nameLength).toBe(16);
    const control = socket.controlMessages(message.control!, message.controlLength);
    expect(control.map(({ level, type }) => [level, type])).toEqual([[IPPROTO_IP, IP_PKTINFO]]);
  });

  test('SCM_RIGHTS passes a descriptor', () => {
    const [a, b] = pair();
    const [c, d] = pair();
    const rights = socket.encodeControl([{ level: socket.SOL_SOCKET, type: socket.SCM_RIGHTS, data: int(c) }]);
    expect(calls.sendmsg(a, messageHeader([bytes('!')], null, rights), 0)).toBe(1);
    const message = messageHeader([new Uint8Array(1)], null, new Uint8Array(64));
    expect(calls.recvmsg(b, message, socket.MSG_CMSG_CLOEXEC)).toBe(1);
    const [right] = socket.controlMessages(message.control!, message.controlLength);
    const received = opened(hostI32(right!.data, 0));
    expect(calls.write(received, bytes('x'))).toBe(1);
    expect(calls.read(d, new Uint8Array(4))).toBe(1);
  });

  test('sendmmsg and recvmmsg over a vector: rows, parts of it, addresses, lengths, flags', async () => {
    const a = udp();
    const b = udp();
    const memory = new Uint8Array(1024).map((_, at) => at);
    const out = messageVector(memory, 8, { nameStride: 16 });
    for (let row = 0; row < 8; row++) {
      out.offset[row] = row * 100;
      out.length[row] = 10 + row;
      out.names!.set(b.name, row * 16);
      out.nameLength[row] = 16;
    }
    expect(calls.sendmmsg(a.fd, out, 2, 3, 0)).toBe(3);
    expect([...out.transferred]).toEqual([0, 0, 12, 13, 14, 0, 0, 0]);
    // The rows may change between calls.
    out.offset[2] = 500;
    expect(calls.sendmmsg(a.fd, out, 2, 1, 0)).toBe(1);
    const into = messageVector(new Uint8Array(4096), 8, { nameStride: 32 });
    for (let row = 0; row < 8; row++) {
      into.offset[row] = row * 512;
      into.length[row] = 13;
    }
    await wait([{ fd: b.fd, events: POLLIN, revents: 0 }], 60_000);
    expect(calls.recvmmsg(b.fd, into, 1, 6, 0)).toBe(4);
    expect([...into.transferred]).toEqual([0, 12, 13, 13, 12, 0, 0, 0]);
    expect([...into.flags].map((flags) => flags & socket.MSG_TRUNC)).toEqual([0, 0, 0, 32, 0, 0, 0, 0]);
    expect([...into.nameLength]).toEqual([0, 16, 16, 16, 16, 0, 0, 0]);
    expect(decodeSockaddrIn(into.names!, 2 * 32)).toEqual(decodeSockaddrIn(a.name));
    const row = (at: number, length: number) => into.memory.subarray(at * 512, at * 512 + length);
    expect(row(1, 12)).toEqual(memory.subarray(200, 212));
    expect(row(3, 13)).toEqual(memory.subarray(400, 413));
    expect(row(4, 12)).toEqual(memory.subarray(500, 512));
    expect(calls.recvmmsg(b.fd, into, 0, 8, 0)).toBe(-errno.EAGAIN);
  });

  test('a row outside of the memory is EFAULT, rows that are not there EINVAL', () => {
    const [a] = pair(socket.SOCK_DGRAM);
    const vector = messageVector(new Uint8Array(100), 2);
    vector.offset[0] = 90;
    vector.length[0] = 11;
    expect(calls.sendmmsg(a, vector, 0, 1, 0)).toBe(-errno.EFAULT);
    expect(calls.recvmmsg(a, vector, 0, 1, 0)).toBe(-errno.EFAULT);
    expect(calls.sendmmsg(a, vector, 1, 2, 0)).toBe(-errno.EINVAL);
    expect(calls.recvmmsg(a, vector, -1, 2, 0)).toBe(-errno.EINVAL);
  });

  test('a filter is attached from its program and read back', () => {
    const { fd } = udp();
    const program = [
      { code: 0x20, jt: 0, jf: 0, k: 0xfffff004 },
      { code: 0x15, jt: 0, jf: 1, k: 4 },
      { code: 6, jt: 0, jf: 0, k: 0 },
      { code: 6, jt: 0, jf: 0, k: 0xffffffff },
    ];
    const value = encodeSockFprog(program);
    expect(calls.setsockopt(fd, socket.SOL_SOCKET, socket.SO_ATTACH_FILTER, value)).toBe(0);
    expect(value).toEqual(encodeSockFprog(program));
    const back = new Uint8Array(32);
    const length = Int32Array.of(4);
    expect(calls.getsockopt(fd, socket.SOL_SOCKET, socket.SO_GET_FILTER, back, length)).toBe(0);
    expect(length[0]).toBe(4);
    expect(decodeSockFilters(back)).toEqual(program);
    const bad = encodeSockFprog([{ code: 5, jt: 0, jf: 0, k: 100 }]);
    expect(calls.setsockopt(fd, socket.SOL_SOCKET, socket.SO_ATTACH_FILTER, bad)).toBe(-errno.EINVAL);
  });

  test('readFile, readdir, readlink, writeFile', () => {
    expect(Buffer.from(calls.readFile('/proc/sys/kernel/ostype') as Uint8Array).toString()).toBe('Linux\n');
    expect(calls.readFile('/proc/no-such')).toBe(-errno.ENOENT);
    expect(calls.readdir('/proc/sys/net')).toContain('ipv4');
    expect(calls.readdir('/proc/no-such')).toBe(-errno.ENOENT);
    expect(calls.readlink('/proc/self/exe')).toBe(process.execPath);
    expect(calls.readlink('/proc/self/status')).toBe(-errno.EINVAL);
    expect(calls.writeFile('/proc/no-such', bytes('1'))).toBe(-errno.ENOENT);
  });
});

describe('memory', () => {
  test('a view on unmapped memory reads zeros and may be written', () => {
    const mapping = calls.mmap(1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    mapping.words[5] = 0x01010101;
    expect(mapping.bytes[21]).toBe(1);
    expect(Atomics.load(mapping.words, 5)).toBe(0x01010101);
    expect(calls.munmap(mapping)).toBe(0);
    expect(mapping.bytes.every((byte) => byte === 0)).toBe(true);
    mapping.bytes[7] = 1;
    expect(calls.munmap(mapping)).toBe(-errno.EINVAL);
  });

  test('what cannot be mapped is -errno', () => {
    expect(calls.mmap(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)).toBe(-errno.EINVAL);
    expect(calls.mmap(4096, PROT_READ, MAP_PRIVATE, 9999, 0)).toBe(-errno.EBADF);
  });
});

describe('waiting', () => {
  let a: number;
  let b: number;
  beforeEach(() => {
    [a, b] = pair();
  });
  const reading = (fd: number): PollFd => ({ fd, events: POLLIN, revents: 0 });

  test('poll fills revents of each and counts the ready ones', () => {
    const fds = [reading(a), { fd: a, events: POLLOUT, revents: 0 }, reading(-1), reading(9999)];
    expect(calls.poll(fds)).toBe(2);
    expect(fds.map(({ revents }) => revents)).toEqual([0, POLLOUT, 0, POLLNVAL]);
    const many = Array.from({ length: 100 }, () => ({ fd: b, events: POLLOUT, revents: 0 }));
    expect(calls.poll(many)).toBe(100);
    expect(many[99]!.revents).toBe(POLLOUT);
    expect(calls.poll([])).toBe(0);
  });

  test('wakes when data comes, once, not from inside the call', async () => {
    let woken = 0;
    const fds = [reading(a)];
    const done = new Promise<number>((resolve) => {
      calls.pollWait(fds, -1, (ready) => {
        woken++;
        resolve(ready);
      });
    });
    expect(woken).toBe(0);
    calls.write(b, bytes('x'));
    expect(await done).toBe(1);
    expect(fds[0]!.revents).toBe(POLLIN);
    calls.write(b, bytes('y'));
    await wait([], 20);
    expect(woken).toBe(1);
  });

  test('ready already: still not from inside the call', async () => {
    calls.write(b, bytes('x'));
    let inside = true;
    const done = new Promise<boolean>((resolve) => calls.pollWait([reading(a)], -1, () => resolve(inside)));
    inside = false;
    expect(await done).toBe(false);
  });

  test('a timeout gives 0, a timeout of 0 at once', async () => {
    const start = performance.now();
    expect(await wait([reading(a)], 30)).toBe(0);
    expect(performance.now() - start).toBeGreaterThanOrEqual(25);
    expect(await wait([reading(a)], 0)).toBe(0);
  });

  test('given up: no wake, and the next wait works', async () => {
    let woken = false;
    const cancel = calls.pollWait([reading(a)], -1, () => (woken = true));
    cancel();
    cancel();
    calls.write(b, bytes('x'));
    expect(await wait([reading(a)], 60_000)).toBe(1);
    await wait([], 10);
    expect(woken).toBe(false);
  });

  test('several descriptors and several waits on the same one', async () => {
    const [c, d] = pair();
    const both = [reading(a), reading(c)];
    const first = wait(both, 60_000);
    const second = wait([reading(c)], 60_000);
    const other = wait([reading(a)], 50);
    calls.write(d, bytes('x'));
    expect(await first).toBe(1);
    expect(both.map(({ revents }) => revents)).toEqual([0, POLLIN]);
    expect(await second).toBe(1);
    expect(await other).toBe(0);
  });

  test('one wait for reading, one for writing on the same descriptor', async () => {
    // Fill the socket so that it is not writable.
    const chunk = new Uint8Array(65536);
    while (calls.write(a, chunk) > 0);
    const writable = wait([{ fd: a, events: POLLOUT, revents: 0 }], 60_000);
    const readable = wait([reading(a)], 60_000);
    calls.write(b, bytes('x'));
    expect(await readable).toBe(1);
    const sink = new Uint8Array(1 << 20);
    while (calls.read(b, sink) > 0);
    expect(await writable).toBe(1);
  });

  test('the other end hangs up', async () => {
    const fds = [reading(a)];
    const done = wait(fds, 60_000);
    closed(b);
    expect(await done).toBe(1);
    expect(fds[0]!.revents & POLLHUP).toBe(POLLHUP);
  });

  test('closed while waiting: woken with POLLNVAL', async () => {
    const fds = [reading(a)];
    const done = wait(fds, 60_000);
    closed(a);
    expect(await done).toBe(1);
    expect(fds[0]!.revents).toBe(POLLNVAL);
  });

  test('a descriptor number that stands for another file now', async () => {
    expect(await wait([reading(a)], 5)).toBe(0);
    closed(a);
    closed(b);
    const [c, d] = pair();
    expect([c, d].sort()).toEqual([a, b].sort());
    const done = wait([reading(c)], 60_000);
    calls.write(d, bytes('x'));
    expect(await done).toBe(1);
  });

  test('an epoll descriptor can be waited for', async () => {
    const epfd = opened(calls.epoll_create1(0));
    expect(calls.epoll_ctl(epfd, EPOLL_CTL_ADD, a, EPOLLIN, 0x1234_5678_9abc_def0n)).toBe(0);
    const events: EpollEvent[] = [];
    expect(calls.epoll_wait(epfd, events, 4)).toBe(0);
    const done = wait([reading(epfd)], 60_000);
    calls.write(b, bytes('x'));
    expect(await done).toBe(1);
    expect(calls.epoll_wait(epfd, events, 4)).toBe(1);
    expect(events).toEqual([{ events: EPOLLIN, data: 0x1234_5678_9abc_def0n }]);
    expect(calls.epoll_ctl(epfd, EPOLL_CTL_DEL, a, 0, 0n)).toBe(0);
    expect(calls.epoll_ctl(epfd, EPOLL_CTL_DEL, a, EPOLLOUT, 0n)).toBe(-errno.ENOENT);
    expect(calls.epoll_wait(epfd, events, 0)).toBe(-errno.EINVAL);
  });

  test('thousands of waits in a row, each of them woken', async () => {
    const buffer = new Uint8Array(1);
    for (let round = 0; round < 3000; round++) {
      const done = wait([reading(a)], 60_000);
      calls.write(b, buffer);
      expect(await done).toBe(1);
      expect(calls.read(a, buffer)).toBe(1);
    }
  });

  test('a wake that throws stops no other', async () => {
    const errors: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.once('uncaughtException', (error) => errors.push(error));
    try {
      calls.pollWait([reading(a)], 5000, () => {
        throw new Error('from a wake');
      });
      const done = wait([reading(a)], 60_000);
      calls.write(b, bytes('x'));
      expect(await done).toBe(1);
      await wait([], 5);
    } finally {
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    expect(errors).toEqual([new Error('from a wake')]);
  });

  test('POLLERR of a connected UDP socket whose peer is not there', async () => {
    const peer = udp();
    const { name } = peer;
    closed(peer.fd);
    const { fd } = udp();
    expect(calls.connect(fd, name)).toBe(0);
    const fds = [reading(fd)];
    const done = wait(fds, 60_000);
    expect(calls.write(fd, bytes('x'))).toBe(1);
    expect(await done).toBe(1);
    expect(fds[0]!.revents & POLLERR).toBe(POLLERR);
    expect(calls.read(fd, new Uint8Array(1))).toBe(-errno.ECONNREFUSED);
  });
});

describeNetwork('ioctl', () => {
  test('a structure in place; one shorter than the kernel writes is safe', () => {
    const { fd } = udp();
    const request = encodeIfreq('lo');
    expect(calls.ioctl(fd, SIOCGIFINDEX, request)).toBe(0);
    expect(ifreqInt(request)).toBe(1);
    expect(calls.ioctl(fd, SIOCGIFINDEX, encodeIfreq('nosuch'))).toBe(-errno.ENODEV);
    const short = encodeIfreq('lo').slice(0, 4);
    expect(calls.ioctl(fd, SIOCGIFINDEX, short)).toBe(0);
    expect(short).toHaveLength(4);
  });

  test('SIOCETHTOOL: what ifr_data points to follows the structure', () => {
    const { fd } = udp();
    // ETHTOOL_GLINK (0x0a): struct ethtool_value { cmd, data }; data is 1 where the link is up.
    const argument = new Uint8Array(48);
    argument.set(encodeIfreq('lo'));
    argument.set(int(0x0a), 40);
    expect(calls.ioctl(fd, SIOCETHTOOL, argument)).toBe(0);
    expect(hostI32(argument, 44)).toBe(1);
    expect(argument.subarray(16, 24)).toEqual(new Uint8Array(8));
  });
});
