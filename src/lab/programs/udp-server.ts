import type { SystemCalls } from '../../syscall/contract.ts';
import { int } from '../../uapi/host.ts';
import { IPPROTO_IPV6 } from '../../uapi/in.ts';
import { IPV6_V6ONLY } from '../../uapi/in6.ts';
import { POLLIN } from '../../uapi/poll.ts';
import { encodeSockaddrIn, encodeSockaddrIn6 } from '../../uapi/sockaddr.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM } from '../../uapi/socket.ts';

/** Answers one datagram: what it returns goes back to the sender; null: nothing does. `data` holds only during the call. */
export type Answer = (data: Uint8Array) => Uint8Array | null;

/** A program that answers datagrams on a port, over IPv4 and, where the host has it, IPv6. Its sockets stay open for as
 * long as the host lives. Throws where the port is taken. */
export function udpServer(calls: SystemCalls, port: number, answer: Answer, address?: string): void {
  const v4 = address?.split('.').map(Number) ?? [0, 0, 0, 0];
  serve(calls, open(calls, AF_INET, encodeSockaddrIn({ address: Uint8Array.from(v4), port })), answer);
  if (address !== undefined) return;
  const fd = calls.socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) return; // a host without IPv6
  calls.close(fd);
  serve(calls, open(calls, AF_INET6, encodeSockaddrIn6({ address: new Uint8Array(16), port })), answer);
}

function open(calls: SystemCalls, family: number, address: Uint8Array): number {
  const fd = calls.socket(family, SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`socket: ${fd}`);
  if (family === AF_INET6) calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, int(1));
  const bound = calls.bind(fd, address);
  if (bound < 0) throw new Error(`bind: ${bound}`);
  return fd;
}

function serve(calls: SystemCalls, fd: number, answer: Answer): void {
  const buffer = new Uint8Array(65_536);
  const from = new Uint8Array(28);
  const fromLength = new Int32Array(1);
  const poll = [{ fd, events: POLLIN, revents: 0 }];
  const ready = (): void => {
    for (;;) {
      fromLength[0] = from.length;
      const length = calls.recvfrom(fd, buffer, 0, from, fromLength);
      if (length < 0) break;
      const reply = answer(buffer.subarray(0, length));
      // A reply that cannot be sent (no route back, no room) is lost, as any datagram may be.
      if (reply !== null) calls.sendto(fd, reply, 0, from.subarray(0, fromLength[0]));
    }
    calls.pollWait(poll, -1, ready);
  };
  calls.pollWait(poll, -1, ready);
}
