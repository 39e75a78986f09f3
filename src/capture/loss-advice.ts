import { Socket } from '../socket/socket.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { ETHTOOL_GRINGPARAM, ethtool_ringparam } from '../uapi/ethtool.ts';
import { hostU32, int } from '../uapi/host.ts';
import { encodeIfreq } from '../uapi/if.ts';
import { AF_INET, SOCK_DGRAM } from '../uapi/socket.ts';
import { SIOCETHTOOL } from '../uapi/sockios.ts';
import type { LossCounter } from './losses.ts';

/** What a counter of losses means, and what to enlarge. */

export interface LossAdvice {
  /** What happened to the packets. */
  meaning: string;
  /** What to do; '' where there is nothing that a setting could do. */
  advice: string;
}

const decoder = new TextDecoder();

/** The value of a sysctl, as a number (its first, where it has three); null where it is not there. */
function sysctl(system: SystemCalls, name: string, column = 0): number | null {
  const content = system.readFile(`/proc/sys/${name.replaceAll('.', '/')}`);
  if (typeof content === 'number') return null;
  const value = Number(decoder.decode(content).trim().split(/\s+/)[column]);
  return Number.isFinite(value) ? value : null;
}

/** `sysctl -w NAME=TWICE`, with what it is now. */
function twice(system: SystemCalls, name: string): string {
  const now = sysctl(system, name);
  return now === null
    ? `sysctl -w ${name}=… (not shown in this network namespace)`
    : `sysctl -w ${name}=${now * 2} (now ${now})`;
}

/** The rx ring of a device: how many frames it holds, and can hold; null where its driver has none that can be set. */
export function rxRing(system: SystemCalls, name: string): { now: number; most: number } | null {
  const socket = Socket.open(system, AF_INET, SOCK_DGRAM);
  try {
    const request = encodeIfreq(name);
    const argument = new Uint8Array(request.length + ethtool_ringparam.sizeof);
    argument.set(request);
    argument.set(int(ETHTOOL_GRINGPARAM), request.length);
    if (system.ioctl(socket.fd, SIOCETHTOOL, argument) < 0) return null;
    return {
      now: hostU32(argument, request.length + ethtool_ringparam.rx_pending),
      most: hostU32(argument, request.length + ethtool_ringparam.rx_max_pending),
    };
  } finally {
    socket.close();
  }
}

function ring(system: SystemCalls, device: string): string {
  const found = rxRing(system, device);
  if (found === null || found.most === 0) return `the driver of ${device} has no ring that could be enlarged`;
  if (found.now >= found.most)
    return `the ring of ${device} is as large as it can be (${found.now}): spread over more queues`;
  return `ethtool -G ${device} rx ${found.most} (now ${found.now})`;
}

type Advise = (system: SystemCalls, counter: LossCounter) => LossAdvice;

const device = ({ scope }: LossCounter): string => scope.split(' ')[0]!;

function txQueue(system: SystemCalls, counter: LossCounter): string {
  const name = device(counter);
  const socket = system.readFile(`/sys/class/net/${name}/tx_queue_len`);
  const now = typeof socket === 'number' ? Number.NaN : Number(decoder.decode(socket).trim());
  return now > 0
    ? `ip link set ${name} txqueuelen ${now * 2} (now ${now}), or send more slowly`
    : `ip link set ${name} txqueuelen 1000, or send more slowly`;
}

const RCVBUF: Advise = (system) => ({
  meaning: "a socket's receive buffer was full: the program reads too slowly, or in bursts",
  advice: `a larger SO_RCVBUF in the program, up to ${twice(system, 'net.core.rmem_max')}; for programs that set none, ${twice(system, 'net.core.rmem_default')}`,
});
const SNDBUF: Advise = (system) => ({
  meaning: "a socket's send buffer, or the device's queue, was full",
  advice: `a larger SO_SNDBUF in the program, up to ${twice(system, 'net.core.wmem_max')}`,
});
const CSUM: Advise = () => ({
  meaning: 'the checksum was wrong: damaged on the way, or never filled in',
  advice: '',
});
const REASSEMBLY: Advise = (system) => ({
  meaning: 'fragments whose packet was never whole: one of them was lost, or there was no room to wait for it',
  advice: `${twice(system, 'net.ipv4.ipfrag_high_thresh')}, where none is lost on the way`,
});
const LISTEN: Advise = (system) => ({
  meaning: 'the queue of connections that wait for accept() was full',
  advice: `a larger backlog in listen(), up to ${twice(system, 'net.core.somaxconn')}`,
});
const TCP_RCVBUF: Advise = (system) => ({
  meaning: "a connection's receive buffer was full: the program reads too slowly",
  advice: `a larger third number of net.ipv4.tcp_rmem (now ${sysctl(system, 'net.ipv4.tcp_rmem', 2) ?? 'unknown'}), or SO_RCVBUF up to net.core.rmem_max`,
});
const NOTHING =
  (meaning: string): Advise =>
  () => ({ meaning, advice: '' });

const ADVICE: Record<string, Advise> = {
  'device rx_dropped': (system) => ({
    meaning: 'dropped by the driver or the stack: no memory, no backlog, or a protocol that nobody here takes',
    advice: `where softnet dropped moves as well: ${twice(system, 'net.core.netdev_max_backlog')}`,
  }),
  'device rx_missed_errors': (system, counter) => ({
    meaning: "the device's own ring was full before the kernel saw them",
    advice: ring(system, device(counter)),
  }),
  'device rx_fifo_errors': (system, counter) => ({
    meaning: "the device's FIFO overran",
    advice: ring(system, device(counter)),
  }),
  'device rx_over_errors': (system, counter) => ({
    meaning: 'frames were longer than the device had room for, or its ring overran',
    advice: ring(system, device(counter)),
  }),
  'device rx_errors': NOTHING('bad frames: checksum, length, framing; look at the cable and at ethtool -S'),
  'device rx_nohandler': NOTHING('came in on a device that is a passive member of a bond or team'),
  'device tx_dropped': (system, counter) => ({
    meaning: 'not sent: the device or its peer was not ready, or had no room',
    advice: txQueue(system, counter),
  }),
  'device tx_errors': NOTHING('the device could not send: carrier, collisions; look at ethtool -S'),
  'device tx_fifo_errors': NOTHING("the device's FIFO ran dry while it sent"),
  'qdisc drops': (system, counter) => ({
    meaning: 'the queue in front of the device was full',
    advice: txQueue(system, counter),
  }),
  'qdisc overlimits': NOTHING('the discipline held packets back to keep its rate: no loss by itself'),
  'qdisc requeues': NOTHING('the driver was busy and the packet waited: no loss by itself'),
  'softnet dropped': (system) => ({
    meaning: "the CPU's backlog queue was full",
    advice: twice(system, 'net.core.netdev_max_backlog'),
  }),
  'softnet time_squeeze': (system) => ({
    meaning: 'a round of the softirq ended with work left: no loss yet, but the CPU does not keep up',
    advice: `${twice(system, 'net.core.netdev_budget')} and ${twice(system, 'net.core.netdev_budget_usecs')}`,
  }),
  'softnet flow_limit_count': (system) => ({
    meaning: 'a single flow took more than its share of a full backlog',
    advice: twice(system, 'net.core.netdev_max_backlog'),
  }),
  'udp RcvbufErrors': RCVBUF,
  'udp SndbufErrors': SNDBUF,
  'udp InErrors': NOTHING('the sum of what follows: a full buffer, a wrong checksum, a filter'),
  'udp NoPorts': NOTHING('nobody listened on the port: the sender got an ICMP error'),
  'udp InCsumErrors': CSUM,
  'udp IgnoredMulti': NOTHING('multicast to a group that no socket here has joined'),
  'udp MemErrors': (system) => ({
    meaning: 'all UDP sockets together had too much memory',
    advice: `a larger net.ipv4.udp_mem (now at most ${sysctl(system, 'net.ipv4.udp_mem', 2) ?? 'unknown'} pages)`,
  }),
  'socket drops': RCVBUF,
  'ip InHdrErrors': NOTHING('a wrong IP header, or the TTL ran out here'),
  'ip InAddrErrors': NOTHING('for an address that is not of this host, which does not forward'),
  'ip InUnknownProtos': NOTHING('a protocol that nobody here speaks'),
  'ip InDiscards': NOTHING('a good packet, dropped for want of memory or by a filter'),
  'ip OutDiscards': (system) => ({
    meaning: 'made here and not sent: no memory, a full queue, or a filter',
    advice: `the device's queue (qdisc drops), and ${twice(system, 'net.core.wmem_max')}`,
  }),
  'ip OutNoRoutes': () => ({ meaning: 'no route to the destination', advice: 'ip route: is there a default one?' }),
  'ip InNoRoutes': NOTHING('to be forwarded, and no route'),
  'ip ReasmTimeout': REASSEMBLY,
  'ip ReasmFails': REASSEMBLY,
  'ip FragFails': NOTHING('larger than the MTU of the way, and not to be fragmented'),
  'ip InTruncatedPkts': NOTHING('shorter than their header says'),
  'ip InTooBigErrors': NOTHING('too long for the next link, and not to be fragmented'),
  'ip InCsumErrors': CSUM,
  'icmp InErrors': NOTHING('ICMP messages that were wrong'),
  'icmp InCsumErrors': CSUM,
  'icmp OutErrors': NOTHING('ICMP messages that could not be sent'),
  'icmp OutRateLimitGlobal': (system) => ({
    meaning: 'an ICMP error was not sent: too many a second',
    advice: twice(system, 'net.ipv4.icmp_msgs_per_sec'),
  }),
  'icmp OutRateLimitHost': NOTHING('an ICMP error was not sent: too many to one host (net.ipv4.icmp_ratelimit)'),
  'tcp ListenOverflows': LISTEN,
  'tcp ListenDrops': LISTEN,
  'tcp InErrs': NOTHING('TCP segments that were wrong'),
  'tcp InCsumErrors': CSUM,
  'tcp RetransSegs': NOTHING('segments sent again: they, or the acknowledgements, were lost on the way'),
  'tcp TCPBacklogDrop': TCP_RCVBUF,
  'tcp TCPRcvQDrop': TCP_RCVBUF,
  'tcp RcvPruned': TCP_RCVBUF,
  'tcp TCPOFODrop': TCP_RCVBUF,
};

/** What the counter says and what would help here. */
export function lossAdvice(system: SystemCalls, counter: LossCounter): LossAdvice {
  const advise = ADVICE[`${counter.place} ${counter.name}`];
  return advise === undefined ? { meaning: '', advice: '' } : advise(system, counter);
}
