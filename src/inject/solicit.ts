import { Socket } from '../socket/socket.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { type Clock, systemClock } from '../time/clock.ts';
import { EHOSTUNREACH } from '../uapi/errno.ts';
import * as bpf from '../uapi/filter.ts';
import { AF_PACKET, SO_ATTACH_FILTER, SOCK_RAW, SOL_SOCKET } from '../uapi/socket.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as icmp6 from '../wire/icmp6.ts';
import { IPPROTO_ICMPV6 } from '../wire/ipproto.ts';
import * as ipv6 from '../wire/ipv6.ts';
import { formatIp } from './address.ts';
import { type Asker, answer, answerType, question } from './neighbour.ts';

/** Link and device on which a neighbour is looked for. */
export interface Link {
  ifindex: number;
  name: string;
}

export interface SolicitOptions {
  /** Questions before giving up. Default 3, as Linux's mcast_solicit. */
  tries?: number;
  /** Milliseconds after which the next question goes out. Default 1000, as Linux's retrans_time_ms. */
  interval?: number;
  signal?: AbortSignal | undefined;
  /** The time of the kernel that is asked; default: the machine's. */
  clock?: Clock | undefined;
}

/** Offset of the next header field in an IPv6 header. */
const NEXT_HEADER = 6;
/** The offset of an ICMPv6 message behind an IPv6 header without extensions. */
const MESSAGE = ethernet.HEADER_LENGTH + ipv6.HEADER_LENGTH;
/** Longest answer that makes sense: an advertisement with all its options is far below. */
const ANSWER_ROOM = 2048;

/** Lets only advertisements of neighbours through, so that a busy link does not fill the socket while we wait. */
const ADVERTISEMENTS: readonly bpf.SockFilter[] = [
  { code: bpf.BPF_LD | bpf.BPF_B | bpf.BPF_ABS, jt: 0, jf: 0, k: ethernet.HEADER_LENGTH + NEXT_HEADER },
  { code: bpf.BPF_JMP | bpf.BPF_JEQ | bpf.BPF_K, jt: 0, jf: 3, k: IPPROTO_ICMPV6 },
  { code: bpf.BPF_LD | bpf.BPF_B | bpf.BPF_ABS, jt: 0, jf: 0, k: MESSAGE },
  { code: bpf.BPF_JMP | bpf.BPF_JEQ | bpf.BPF_K, jt: 0, jf: 1, k: icmp6.NEIGHBOR_ADVERTISEMENT },
  { code: bpf.BPF_RET | bpf.BPF_K, jt: 0, jf: 0, k: ANSWER_ROOM },
  { code: bpf.BPF_RET | bpf.BPF_K, jt: 0, jf: 0, k: 0 },
];

/** Asks the link for the Ethernet address of `target` (4 or 16 bytes) by frames of our own, over a packet socket. Throws
 * SystemError EHOSTUNREACH when nobody answers; needs CAP_NET_RAW. */
export async function solicit(
  calls: SystemCalls,
  link: Link,
  asker: Asker,
  target: Uint8Array,
  options: SolicitOptions = {},
): Promise<Uint8Array> {
  const { tries = 3, interval = 1000, signal, clock = systemClock } = options;
  // Protocol 0 receives nothing until the bind, so that no frame comes in past the filter.
  const socket = Socket.open(calls, AF_PACKET, SOCK_RAW, 0);
  try {
    if (target.length === 16)
      socket.setOption(
        SOL_SOCKET,
        SO_ATTACH_FILTER,
        bpf.encodeSockFprog(ADVERTISEMENTS),
        'setsockopt SO_ATTACH_FILTER',
      );
    socket.bind({ family: 'packet', protocol: answerType(target), ifindex: link.ifindex });
    const frame = question(asker, target);
    const buffer = new Uint8Array(ANSWER_ROOM);
    for (let attempt = 0; attempt < tries; attempt++) {
      await socket.send(frame, { ...(signal ? { signal } : {}) });
      const end = clock.monotonic() + interval * 1e6;
      for (;;) {
        const left = Math.ceil((end - clock.monotonic()) / 1e6);
        if (left <= 0) break;
        const message = await socket.receive(buffer, { timeout: left, ...(signal ? { signal } : {}) });
        if (message === null) break;
        const mac = answer(message.data, message.data.length, target);
        if (mac !== null) return mac;
      }
    }
  } finally {
    socket.close();
  }
  const kind = target.length === 4 ? 'ARP' : 'neighbour solicitation';
  throw new SystemError(EHOSTUNREACH, kind, {
    dest: formatIp(target),
    hint: `Nobody on ${link.name} answered ${tries} questions for its Ethernet address`,
  });
}
