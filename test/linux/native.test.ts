/** Each foreign function once: that its signature passes arguments and results as C does. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { type Native, native } from '../../src/linux/native.ts';
import { EBADF, EINVAL, ENOENT, ENOPROTOOPT } from '../../src/uapi/errno.ts';
import { hostI32, hostU16, hostU32, hostU64, int, putHostU32 } from '../../src/uapi/host.ts';
import { decodeSockaddrIn, encodeSockaddrIn } from '../../src/uapi/sockaddr.ts';
import { AF_INET, AF_UNIX, SO_RCVBUF, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';

const MSG_DONTWAIT = 0x40;
const loopback = (port: number) => encodeSockaddrIn({ address: Uint8Array.of(127, 0, 0, 1), port });
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

/** Retries for as long as a fresh loopback datagram or connection may take. */
async function eventually(call: () => number): Promise<number> {
  for (let tries = 0; tries < 10_000; tries++) {
    const result = call();
    if (result >= 0) return result;
    await sleep(5);
  }
  return call();
}

function pair(libc: Native, type = SOCK_STREAM): [number, number] {
  const fds = new Int32Array(2);
  expect(libc.socketpair(AF_UNIX, type, 0, fds)).toBe(0);
  return [fds[0]!, fds[1]!];
}

test('nothing native is loaded by importing', () => {
  const script = `
    const { linuxSystemCalls } = await import(${JSON.stringify(new URL('../../src/linux/index.ts', import.meta.url))});
    const loaded = () => process.report.getReport().sharedObjects.some((path) => path.includes('koffi'));
    const before = loaded();
    linuxSystemCalls();
    console.log(before, loaded());`;
  const done = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(done.stdout.trim(), done.stderr).toBe('false true');
});

describe('descriptors', () => {
  const libc = native();

  test('socketpair, write, read, dup, close', () => {
    const [a, b] = pair(libc);
    expect(libc.write(a, Buffer.from('hello'), 5)).toBe(5);
    const buffer = new Uint8Array(8);
    const other = libc.dup(b);
    expect(other).toBeGreaterThan(b);
    expect(libc.read(other, buffer, 8)).toBe(5);
    expect(text(buffer)).toBe('hello\0\0\0');
    for (const fd of [a, b, other]) expect(libc.close(fd)).toBe(0);
    expect(libc.close(other)).toBe(-1);
    expect(libc.errno()).toBe(EBADF);
  });

  test('fcntl', () => {
    const [a, b] = pair(libc);
    const F_GETFL = 3;
    const F_SETFL = 4;
    expect(libc.fcntl(a, F_SETFL, 0x800)).toBe(0);
    expect(libc.fcntl(a, F_GETFL, 0) & 0x800).toBe(0x800);
    libc.close(a);
    libc.close(b);
  });

  test('open', () => {
    const fd = libc.open('/proc/self/comm', 0);
    expect(fd).toBeGreaterThan(2);
    const buffer = new Uint8Array(32);
    const length = libc.read(fd, buffer, 32);
    expect(text(buffer.subarray(0, length))).toBe(readFileSync('/proc/self/comm', 'utf8'));
    libc.close(fd);
    expect(libc.open('/no/such/file', 0)).toBe(-1);
    expect(libc.errno()).toBe(ENOENT);
  });

  test('shutdown', () => {
    const [a, b] = pair(libc);
    expect(libc.shutdown(a, 1)).toBe(0);
    expect(libc.read(b, new Uint8Array(1), 1)).toBe(0);
    libc.close(a);
    libc.close(b);
  });

  test('ioctl: FIONREAD', () => {
    const [a, b] = pair(libc);
    libc.write(a, new Uint8Array(300), 300);
    const value = new Uint8Array(4);
    expect(libc.ioctl(b, 0x541b, value)).toBe(0);
    expect(hostI32(value, 0)).toBe(300);
    libc.close(a);
    libc.close(b);
  });

  test('poll', () => {
    const [a, b] = pair(libc);
    const fds = new Uint8Array(8);
    putHostU32(fds, 0, b);
    fds[4] = 1;
    expect(libc.poll(fds, 1, 0)).toBe(0);
    libc.write(a, new Uint8Array(1), 1);
    expect(libc.poll(fds, 1, 0)).toBe(1);
    expect(hostU16(fds, 6)).toBe(1);
    libc.close(a);
    libc.close(b);
  });

  test('epoll_create1, epoll_ctl, epoll_wait', () => {
    const [a, b] = pair(libc);
    const epfd = libc.epoll_create1(0x80000);
    expect(epfd).toBeGreaterThan(2);
    const at = process.arch === 'x64' ? 4 : 8;
    const event = new Uint8Array(at + 8);
    event[0] = 1;
    event[at] = 0x7f;
    event[at + 7] = 0x80;
    expect(libc.epoll_ctl(epfd, 1, b, event)).toBe(0);
    const events = new Uint8Array((at + 8) * 4);
    expect(libc.epoll_wait(epfd, events, 4, 0)).toBe(0);
    libc.write(a, new Uint8Array(1), 1);
    expect(libc.epoll_wait(epfd, events, 4, 0)).toBe(1);
    expect(hostU32(events, 0)).toBe(1);
    expect(hostU64(events, at)).toBe(0x800000000000007fn);
    for (const fd of [a, b, epfd]) libc.close(fd);
  });

  test('mmap, view, munmap', () => {
    const address = libc.mmap(null, 8192, 3, 0x22, -1, 0);
    expect(address).toBeGreaterThan(4096);
    expect(Number.isSafeInteger(address)).toBe(true);
    const bytes = new Uint8Array(libc.koffi.view(address, 8192));
    bytes[8191] = 7;
    expect(libc.address(bytes)).toBe(address);
    expect(libc.mmap(address, 8192, 3, 0x32, -1, 0)).toBe(address);
    expect(bytes[8191]).toBe(0);
    expect(libc.mmap(null, 0, 3, 0x22, -1, 0)).toBe(-1);
    expect(libc.errno()).toBe(EINVAL);
    const other = libc.mmap(null, 4096, 1, 0x22, -1, 0);
    expect(libc.munmap(other, 4096)).toBe(0);
    expect(libc.munmap(1, 4096)).toBe(-1);
  });
});

describe('sockets', () => {
  const libc = native();

  test('socket, bind, getsockname, sendto, recvfrom on loopback', async () => {
    const a = libc.socket(AF_INET, SOCK_DGRAM, 0);
    const b = libc.socket(AF_INET, SOCK_DGRAM, 0);
    expect(libc.bind(a, loopback(0), 16)).toBe(0);
    const name = new Uint8Array(16);
    const length = Int32Array.of(16);
    expect(libc.getsockname(a, name, length)).toBe(0);
    expect(length[0]).toBe(16);
    const { port } = decodeSockaddrIn(name);
    expect(libc.sendto(b, Buffer.from('datagram'), 8, 0, loopback(port), 16)).toBe(8);
    const buffer = new Uint8Array(16);
    const from = new Uint8Array(16);
    length[0] = 16;
    expect(await eventually(() => libc.recvfrom(a, buffer, 16, MSG_DONTWAIT, from, length))).toBe(8);
    expect(text(buffer.subarray(0, 8))).toBe('datagram');
    expect(decodeSockaddrIn(from).address).toEqual(Uint8Array.of(127, 0, 0, 1));
    libc.close(a);
    libc.close(b);
  });

  test('listen, connect, accept4, getpeername', async () => {
    const a = libc.socket(AF_INET, SOCK_STREAM | 0x800, 0);
    libc.bind(a, loopback(0), 16);
    expect(libc.listen(a, 4)).toBe(0);
    const name = new Uint8Array(16);
    libc.getsockname(a, name, Int32Array.of(16));
    const b = libc.socket(AF_INET, SOCK_STREAM, 0);
    expect(libc.connect(b, name, 16)).toBe(0);
    const from = new Uint8Array(16);
    const length = Int32Array.of(16);
    const c = await eventually(() => libc.accept4(a, from, length, 0x80000));
    expect(c).toBeGreaterThan(2);
    const peer = new Uint8Array(16);
    expect(libc.getpeername(c, peer, Int32Array.of(16))).toBe(0);
    expect(peer).toEqual(from);
    for (const fd of [a, b, c]) libc.close(fd);
  });

  test('getsockopt, setsockopt', () => {
    const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
    const value = new Uint8Array(4);
    const length = Int32Array.of(4);
    expect(libc.getsockopt(fd, SOL_SOCKET, SO_TYPE, value, length)).toBe(0);
    expect([hostI32(value, 0), length[0]]).toEqual([SOCK_DGRAM, 4]);
    expect(libc.setsockopt(fd, SOL_SOCKET, SO_RCVBUF, int(10_000), 4)).toBe(0);
    libc.getsockopt(fd, SOL_SOCKET, SO_RCVBUF, value, length);
    // socket(7): the kernel doubles this value.
    expect(hostI32(value, 0)).toBe(20_000);
    expect(libc.getsockopt(fd, SOL_SOCKET, 9999, value, length)).toBe(-1);
    expect(libc.errno()).toBe(ENOPROTOOPT);
    libc.close(fd);
  });

  // sendmsg, recvmsg, sendmmsg and recvmmsg take structures that messages.ts lays out: tested there.
  test('sendmsg, recvmsg, sendmmsg, recvmmsg refuse a bad descriptor', () => {
    const header = new Uint8Array(64);
    for (const call of [libc.sendmsg, libc.recvmsg]) {
      expect(call(-1, header, 0)).toBe(-1);
      expect(libc.errno()).toBe(EBADF);
    }
    expect(libc.sendmmsg(-1, header, 1, 0)).toBe(-1);
    expect(libc.errno()).toBe(EBADF);
    expect(libc.recvmmsg(-1, header, 1, 0, null)).toBe(-1);
    expect(libc.errno()).toBe(EBADF);
  });
});

describe('process', () => {
  const libc = native();

  test('prctl, capget, capset', () => {
    // PR_CAPBSET_READ of CAP_CHOWN
    expect([0, 1]).toContain(libc.prctl(23, 0, 0, 0, 0));
    expect(libc.prctl(23, 1000, 0, 0, 0)).toBe(-1);
    expect(libc.errno()).toBe(EINVAL);
    const header = new Uint8Array(8);
    putHostU32(header, 0, 0x20080522);
    const data = new Uint8Array(24);
    expect(libc.capget(header, data)).toBe(0);
    const effective = (BigInt(hostU32(data, 12)) << 32n) | BigInt(hostU32(data, 0));
    const status = readFileSync('/proc/self/status', 'utf8');
    expect(effective).toBe(BigInt(`0x${/CapEff:\s*(\w+)/.exec(status)![1]}`));
    // Setting what is set already changes nothing and is always permitted.
    expect(libc.capset(header, data)).toBe(0);
  });

  test('gettid', () => {
    expect(readFileSync(`/proc/self/task/${libc.gettid()}/comm`, 'utf8').length).toBeGreaterThan(0);
  });

  test('sched_getaffinity, sched_setaffinity', () => {
    const mask = new Uint8Array(128);
    expect(libc.sched_getaffinity(0, 128, mask)).toBe(0);
    expect(mask.some((byte) => byte !== 0)).toBe(true);
    expect(libc.sched_setaffinity(0, 128, mask)).toBe(0);
    expect(libc.sched_setaffinity(0, 128, new Uint8Array(128))).toBe(-1);
  });

  test('clock_gettime, clock_nanosleep', () => {
    const time = new Uint8Array(16);
    expect(libc.clock_gettime(0, time)).toBe(0);
    expect(Math.abs(Number(hostU64(time, 0)) - Date.now() / 1000)).toBeLessThan(60);
    const request = new Uint8Array(16);
    putHostU32(request, 8, 2_000_000);
    const before = process.hrtime.bigint();
    expect(libc.clock_nanosleep(1, 0, request, null)).toBe(0);
    expect(process.hrtime.bigint() - before).toBeGreaterThanOrEqual(2_000_000n);
    putHostU32(request, 8, 0x7fffffff);
    expect(libc.clock_nanosleep(1, 0, request, null)).toBe(EINVAL);
  });
});

describeNetwork('namespaces', () => {
  const libc = native();

  test('setns into the namespace that the thread is in', () => {
    const fd = openSync('/proc/self/ns/net', 'r');
    expect(libc.setns(fd, 0x40000000)).toBe(0);
    expect(libc.setns(fd, 0x20000)).toBe(-1);
    expect(libc.errno()).toBe(EINVAL);
    closeSync(fd);
  });

  test('unshare with no flag changes nothing', () => {
    expect(libc.unshare(0)).toBe(0);
    expect(libc.unshare(1)).toBe(-1);
    expect(libc.errno()).toBe(EINVAL);
  });
});
