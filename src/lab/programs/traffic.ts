import { putBe32 } from '../../bytes/endian.ts';
import type { SystemCalls } from '../../syscall/contract.ts';
import type { Clock } from '../../time/clock.ts';
import { IPPROTO_ICMP } from '../../uapi/in.ts';
import { IPPROTO_ICMPV6 } from '../../uapi/in6.ts';
import { POLLIN } from '../../uapi/poll.ts';
import { encodeSockaddrIn, encodeSockaddrIn6 } from '../../uapi/sockaddr.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW } from '../../uapi/socket.ts';
import { parseIpv4, parseIpv6 } from '../../wire/address.ts';
import * as dns from '../../wire/dns.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';

/** Programs that make an emulated network's traffic. Each runs for as long as its host. */

/** What a program has of its host. */
export interface Program {
  calls: SystemCalls;
  clock: Clock;
  /** Uniform unsigned 32-bit integers. */
  random: () => number;
}

const SECOND = 1e9;

/** Calls `work` about every `period` nanoseconds, a tenth to either side, the first time within the first period. */
export function repeatedly({ clock, random }: Program, period: number, work: () => void): void {
  const share = (): number => random() / 2 ** 32;
  const next = (): void => {
    work();
    clock.after(period * (0.9 + 0.2 * share()), next);
  };
  clock.after(period * share(), next);
}

function sockaddr(address: string, port: number): Uint8Array {
  const v4 = parseIpv4(address);
  return v4 === null
    ? encodeSockaddrIn6({ address: parseIpv6(address)!, port })
    : encodeSockaddrIn({ address: v4, port });
}

function opened(calls: SystemCalls, type: number, protocol = 0, family = AF_INET): number {
  const fd = calls.socket(family, type, protocol);
  if (fd < 0) throw new Error(`socket: ${fd}`);
  return fd;
}

/** Takes what is there and throws it away, so that the socket's buffer never fills. */
function drain(calls: SystemCalls, fd: number): void {
  const buffer = new Uint8Array(2048);
  const poll = [{ fd, events: POLLIN, revents: 0 }];
  const ready = (): void => {
    // An error that a socket reports (nobody listens there) counts as read.
    for (let tries = 0; tries < 1000 && calls.recvfrom(fd, buffer, 0, null, null) !== -11; tries++);
    calls.pollWait(poll, -1, ready);
  };
  calls.pollWait(poll, -1, ready);
}

/** As ping(8): an echo request of 56 bytes every `seconds`. */
export function pinger(program: Program, address: string, seconds: number): void {
  const { calls, clock, random } = program;
  const v6 = address.includes(':');
  const fd = v6 ? opened(calls, SOCK_RAW, IPPROTO_ICMPV6, AF_INET6) : opened(calls, SOCK_RAW, IPPROTO_ICMP);
  drain(calls, fd);
  const id = random() & 0xffff;
  const to = sockaddr(address, 0);
  let sequence = 0;
  repeatedly(program, seconds * SECOND, () => {
    const message = new Uint8Array(icmp.HEADER_LENGTH + 56);
    const now = clock.realtime();
    putBe32(message, 8, now.seconds);
    putBe32(message, 12, now.nanoseconds);
    for (let at = 16; at < message.length; at++) message[at] = at - 8;
    sequence = (sequence + 1) & 0xffff;
    // In ICMPv6 the kernel computes the checksum, in which the addresses are (RFC 3542 3.1).
    const type = v6 ? icmp6.ECHO_REQUEST : icmp.ECHO_REQUEST;
    icmp.emit(message, 0, message.length, { type, code: 0, rest: icmp.echoRest(id, sequence) });
    calls.sendto(fd, message, 0, to);
  });
}

/** Asks `server` for the address of one of `names`, every `seconds`. */
export function resolver(program: Program, server: string, names: readonly string[], seconds: number): void {
  const { calls, random } = program;
  const to = sockaddr(server, 53);
  repeatedly(program, seconds * SECOND, () => {
    // A port of its own for each question, as resolvers have it; the answer is read before the next.
    const fd = opened(calls, SOCK_DGRAM);
    const query: dns.DnsMessage = {
      id: random() & 0xffff,
      flags: dns.FLAG_RECURSION_DESIRED,
      questions: [
        { name: names[random() % names.length]!, type: random() & 3 ? dns.TYPE_A : dns.TYPE_AAAA, class: dns.CLASS_IN },
      ],
      answers: [],
      authorities: [],
      additionals: [],
    };
    const bytes = new Uint8Array(dns.emittedLength(query));
    dns.emit(bytes, 0, query);
    const cancel = program.calls.pollWait([{ fd, events: POLLIN, revents: 0 }], 5000, () => calls.close(fd));
    if (calls.sendto(fd, bytes, 0, to) < 0) {
      cancel();
      calls.close(fd);
    }
  });
}

/** Sends a short text to a UDP service every `seconds`. */
export function talker(program: Program, address: string, port: number, seconds: number): void {
  const { calls } = program;
  const fd = opened(calls, SOCK_DGRAM);
  drain(calls, fd);
  const to = sockaddr(address, port);
  let count = 0;
  repeatedly(program, seconds * SECOND, () => {
    calls.sendto(fd, new TextEncoder().encode(`hello ${++count}`), 0, to);
  });
}
