import { afterEach, describe, expect, test } from 'vitest';
import { linuxSystemCalls } from '../../src/linux/index.ts';
import { Socket } from '../../src/socket/socket.ts';
import { waitFor } from '../../src/socket/wait.ts';
import { IP_PKTINFO, IP_TTL, IPPROTO_IP } from '../../src/uapi/in.ts';
import { POLLIN, POLLOUT } from '../../src/uapi/poll.ts';
import { AF_INET, AF_INET6, AF_UNIX, MSG_TRUNC, SOCK_DGRAM, SOCK_STREAM } from '../../src/uapi/socket.ts';
import { describeNetwork } from '../support/network.ts';

const calls = linuxSystemCalls();
const open: Socket[] = [];
const opened = (domain: number, type: number): Socket => {
  const socket = Socket.open(calls, domain, type);
  open.push(socket);
  return socket;
};
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const text = (data: Uint8Array): string => Buffer.from(data).toString();
const LOOPBACK = { family: 'ipv4', address: '127.0.0.1', port: 0 } as const;

describeNetwork('a socket', () => {
  test.each([
    ['ipv4', AF_INET, '127.0.0.1'],
    ['ipv6', AF_INET6, '::1'],
  ] as const)('datagrams over %s, with addresses', async (family, domain, address) => {
    const a = opened(domain, SOCK_DGRAM);
    const b = opened(domain, SOCK_DGRAM);
    a.bind({ family, address, port: 0 });
    b.bind({ family, address, port: 0 });
    const to = b.localAddress()!;
    expect(await a.send(bytes('hello'), { to })).toBe(5);
    const received = (await b.receive(new Uint8Array(100), { timeout: 60_000 }))!;
    expect(text(received.data)).toBe('hello');
    expect(received.from).toEqual(a.localAddress());
    expect(received.flags).toBe(0);
  });

  test('a datagram longer than the buffer is cut, and MSG_TRUNC says so', async () => {
    const a = opened(AF_INET, SOCK_DGRAM);
    const b = opened(AF_INET, SOCK_DGRAM);
    b.bind(LOOPBACK);
    await a.send(bytes('0123456789'), { to: b.localAddress() });
    const received = (await b.receive(new Uint8Array(4), { timeout: 60_000, flags: MSG_TRUNC }))!;
    expect(text(received.data)).toBe('0123');
    expect(received.flags & MSG_TRUNC).toBe(MSG_TRUNC);
  });

  test('options and control messages', async () => {
    const a = opened(AF_INET, SOCK_DGRAM);
    a.setOption(IPPROTO_IP, IP_TTL, 7);
    expect(a.getIntOption(IPPROTO_IP, IP_TTL)).toBe(7);
    expect(() => a.setOption(IPPROTO_IP, 9999, 1, 'setsockopt NOSUCH')).toThrow(/ENOPROTOOPT.*setsockopt NOSUCH/);
    a.setOption(IPPROTO_IP, IP_PKTINFO, 1);
    a.bind(LOOPBACK);
    await a.send(bytes('x'), { to: a.localAddress() });
    const received = (await a.receive(new Uint8Array(10), { timeout: 60_000 }))!;
    expect(received.control.map(({ level, type }) => [level, type])).toEqual([[IPPROTO_IP, IP_PKTINFO]]);
  });

  test('listen, connect, accept', async () => {
    const listener = opened(AF_INET, SOCK_STREAM);
    listener.bind(LOOPBACK);
    listener.listen(4);
    const accepting = listener.accept({ timeout: 60_000 });
    const client = opened(AF_INET, SOCK_STREAM);
    await client.connect(listener.localAddress()!, { timeout: 60_000 });
    const accepted = (await accepting)!;
    open.push(accepted.socket);
    expect(accepted.from).toEqual(client.localAddress());
    expect(client.peerAddress()).toEqual(listener.localAddress());
    await accepted.socket.send(bytes('welcome'));
    expect(text((await client.receive(new Uint8Array(20), { timeout: 60_000 }))!.data)).toBe('welcome');
  });

  test('connect to where nobody listens', async () => {
    const gone = opened(AF_INET, SOCK_STREAM);
    gone.bind(LOOPBACK);
    const to = gone.localAddress()!;
    gone.close();
    const client = opened(AF_INET, SOCK_STREAM);
    const dest = to.family === 'ipv4' ? `127.0.0.1:${to.port}` : '';
    await expect(client.connect(to)).rejects.toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', dest });
  });

  test('time is over: null', async () => {
    const a = opened(AF_INET, SOCK_DGRAM);
    a.bind(LOOPBACK);
    expect(await a.receive(new Uint8Array(1), { timeout: 10 })).toBeNull();
    expect(await a.wait(POLLIN, { timeout: 0 })).toBe(0);
    expect(await a.wait(POLLOUT, { timeout: 0 })).toBe(POLLOUT);
  });

  test('given up by a signal: its reason; closed meanwhile: null', async () => {
    const a = opened(AF_INET, SOCK_DGRAM);
    a.bind(LOOPBACK);
    const controller = new AbortController();
    const receiving = a.receive(new Uint8Array(1), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(receiving).rejects.toThrow('enough');
    await expect(waitFor(calls, [], { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    const waiting = a.receive(new Uint8Array(1));
    a.close();
    expect(await waiting).toBeNull();
    expect(a.closed).toBe(true);
    a.close();
  });

  test('an address that is taken', () => {
    const a = opened(AF_INET, SOCK_DGRAM);
    const b = opened(AF_INET, SOCK_DGRAM);
    a.bind(LOOPBACK);
    expect(() => b.bind(a.localAddress()!)).toThrow(/EADDRINUSE.*'127\.0\.0\.1:\d+'/);
  });
});

describe('a socket that cannot be', () => {
  test('open', async () => {
    expect(() => Socket.open(calls, 9999, SOCK_DGRAM)).toThrow(/EAFNOSUPPORT.*socket/);
    await expect(opened(AF_UNIX, SOCK_DGRAM).connect({ family: 'other', number: 5 })).rejects.toThrow(RangeError);
  });
});
