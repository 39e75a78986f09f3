import { type PacketSocketDiag, packetSockets } from '../socket/packet-diag.ts';
import { queueDisciplines } from '../socket/qdisc.ts';
import { links } from '../socket/route.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { SystemError } from '../syscall/error.ts';
import { formatIpv4, formatIpv6 } from '../wire/address.ts';

/** Every counter that tells of lost packets, on the way from the wire to a program: the device, its queue, the CPU's
 * backlog, IP, UDP and TCP, each socket. Read from rtnetlink(7) and /proc/net (proc(5)); needs no privilege. */

export type LossPlace = 'device' | 'qdisc' | 'softnet' | 'ip' | 'icmp' | 'udp' | 'tcp' | 'socket';

export interface LossCounter {
  place: LossPlace;
  /** Which one of them: `eth0`, `cpu 1`, `udp 0.0.0.0:53`; `Udp`, `Udp6` by the group's name. */
  scope: string;
  /** As the kernel calls it: `rx_missed_errors`, `RcvbufErrors`, `drops`. */
  name: string;
  value: number;
}

const decoder = new TextDecoder();

/** A file's text; null where this kernel (or namespace) has none. */
function read(system: SystemCalls, path: string): string | null {
  const content = system.readFile(path);
  return typeof content === 'number' ? null : decoder.decode(content);
}

/** All counters at one moment. Throws SystemError where the devices cannot be listed. */
export async function readLosses(system: SystemCalls): Promise<LossCounter[]> {
  return [
    ...(await devices(system)),
    ...softnet(read(system, '/proc/net/softnet_stat') ?? ''),
    ...protocols(system),
    ...sockets(system),
    ...(await packets(system)),
  ];
}

/** struct rtnl_link_stats64, as /sys/class/net/NAME/statistics has it (Documentation/networking/statistics.rst). */
const DEVICE = [
  'rx_dropped',
  'rx_missed_errors',
  'rx_fifo_errors',
  'rx_over_errors',
  'rx_errors',
  'rx_nohandler',
  'tx_dropped',
  'tx_errors',
  'tx_fifo_errors',
] as const;

async function devices(system: SystemCalls): Promise<LossCounter[]> {
  const found = await links(system);
  const counters: LossCounter[] = found.flatMap(({ name: scope, counters: counts }) =>
    DEVICE.map((name) => ({ place: 'device' as const, scope, name, value: Number(counts[name] ?? 0n) })),
  );
  try {
    for (const { ifindex, kind, drops, overlimits, requeues } of await queueDisciplines(system)) {
      const device = found.find((link) => link.ifindex === ifindex);
      // noqueue counts nothing: there is no queue.
      if (device === undefined || kind === 'noqueue') continue;
      const scope = `${device.name} ${kind}`;
      for (const [name, value] of Object.entries({ drops, overlimits, requeues }))
        counters.push({ place: 'qdisc', scope, name, value });
    }
  } catch (error) {
    // A kernel without traffic control has no disciplines to ask for.
    if (!(error instanceof SystemError) || error.code !== 'EOPNOTSUPP') throw error;
  }
  return counters;
}

/** /proc/net/softnet_stat (net/core/net-procfs.c, softnet_seq_show): a line a CPU, columns in hexadecimal. */
export function softnet(text: string): LossCounter[] {
  const DROPPED = 1;
  const TIME_SQUEEZE = 2;
  const FLOW_LIMIT = 10;
  const CPU = 12;
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line, row) => {
      const columns = line
        .trim()
        .split(/\s+/)
        .map((word) => Number.parseInt(word, 16));
      const counter = (name: string, column: number): LossCounter[] =>
        columns[column] === undefined
          ? []
          : [{ place: 'softnet', scope: `cpu ${columns[CPU] ?? row}`, name, value: columns[column]! }];
      return [
        ...counter('dropped', DROPPED),
        ...counter('time_squeeze', TIME_SQUEEZE),
        ...counter('flow_limit_count', FLOW_LIMIT),
      ];
    });
}

/** Groups of /proc/net/snmp and netstat, and the counters in them that mean a packet was lost (RFC 1213, RFC 4293, and
 * Linux's own, include/uapi/linux/snmp.h). */
const GROUPS: Record<string, { place: LossPlace; names: readonly string[] }> = {
  Ip: {
    place: 'ip',
    names: [
      'InHdrErrors',
      'InAddrErrors',
      'InUnknownProtos',
      'InDiscards',
      'OutDiscards',
      'OutNoRoutes',
      'ReasmTimeout',
      'ReasmFails',
      'FragFails',
    ],
  },
  IpExt: { place: 'ip', names: ['InNoRoutes', 'InTruncatedPkts', 'InCsumErrors'] },
  Icmp: {
    place: 'icmp',
    names: ['InErrors', 'InCsumErrors', 'OutErrors', 'OutRateLimitGlobal', 'OutRateLimitHost'],
  },
  Udp: {
    place: 'udp',
    names: ['NoPorts', 'InErrors', 'RcvbufErrors', 'SndbufErrors', 'InCsumErrors', 'IgnoredMulti', 'MemErrors'],
  },
  UdpLite: {
    place: 'udp',
    names: ['NoPorts', 'InErrors', 'RcvbufErrors', 'SndbufErrors', 'InCsumErrors', 'IgnoredMulti', 'MemErrors'],
  },
  Tcp: { place: 'tcp', names: ['InErrs', 'InCsumErrors', 'RetransSegs'] },
  TcpExt: {
    place: 'tcp',
    names: ['ListenOverflows', 'ListenDrops', 'TCPBacklogDrop', 'TCPRcvQDrop', 'RcvPruned', 'TCPOFODrop'],
  },
};

/** Of /proc/net/snmp6, where each line is a name and a value: prefix, and the group that has the same names. */
const GROUPS6: [prefix: string, group: string, place: LossPlace, more: readonly string[]][] = [
  ['UdpLite6', 'UdpLite', 'udp', []],
  ['Udp6', 'Udp', 'udp', []],
  ['Icmp6', 'Icmp', 'icmp', []],
  ['Ip6', 'Ip', 'ip', ['InTooBigErrors', 'InTruncatedPkts', 'InNoRoutes']],
];

/** The counters of a file in the form of /proc/net/snmp: a line of names, then one of values, each after its group. */
export function snmp(text: string): LossCounter[] {
  const lines = text.trim().split('\n');
  const found: LossCounter[] = [];
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const [group, ...names] = lines[at]!.split(' ');
    const values = lines[at + 1]!.split(' ').slice(1);
    const scope = group!.replace(/:$/, '');
    const wanted = Object.hasOwn(GROUPS, scope) ? GROUPS[scope] : undefined;
    for (const name of wanted?.names ?? []) {
      const column = names.indexOf(name);
      if (column >= 0) found.push({ place: wanted!.place, scope, name, value: Number(values[column]) });
    }
  }
  return found;
}

/** The counters of /proc/net/snmp6. */
export function snmp6(text: string): LossCounter[] {
  const found: LossCounter[] = [];
  for (const line of text.split('\n')) {
    const [word, value] = line.trim().split(/\s+/);
    if (word === undefined || value === undefined) continue;
    const [prefix, group, place, more] = GROUPS6.find(([start]) => word.startsWith(start)) ?? [];
    if (prefix === undefined) continue;
    const name = word.slice(prefix.length);
    if (GROUPS[group!]!.names.includes(name) || more!.includes(name))
      found.push({ place: place!, scope: prefix, name, value: Number(value) });
  }
  return found;
}

function protocols(system: SystemCalls): LossCounter[] {
  return [
    ...snmp(read(system, '/proc/net/snmp') ?? ''),
    ...snmp(read(system, '/proc/net/netstat') ?? ''),
    ...snmp6(read(system, '/proc/net/snmp6') ?? ''),
  ];
}

/** Packet sockets that have no ring; what rings lost their owners alone can read. */
async function packets(system: SystemCalls): Promise<LossCounter[]> {
  let all: PacketSocketDiag[];
  try {
    all = await packetSockets(system);
  } catch (error) {
    // sock_diag(7), or its module for packet sockets, is not in every kernel.
    if (error instanceof SystemError) return [];
    throw error;
  }
  const names = new Map((await links(system)).map(({ ifindex, name }) => [ifindex, name]));
  return all.map(({ ifindex, inode, drops }) => ({
    place: 'socket' as const,
    scope: `packet ${ifindex === 0 ? 'any' : (names.get(ifindex) ?? `if${ifindex}`)} (inode ${inode})`,
    name: 'drops',
    value: drops,
  }));
}

const SOCKET_FILES = ['udp', 'udp6', 'udplite', 'udplite6', 'raw', 'raw6', 'icmp', 'icmp6'];

function sockets(system: SystemCalls): LossCounter[] {
  return SOCKET_FILES.flatMap((file) => socketTable(file, read(system, `/proc/net/${file}`) ?? ''));
}

/** The sockets of a file in the form of /proc/net/udp: the last column, `drops`, is sk_drops. */
export function socketTable(file: string, text: string): LossCounter[] {
  const [head, ...lines] = text.split('\n');
  if (head === undefined || !/\bdrops\s*$/.test(head)) return [];
  return lines.flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const drops = columns.at(-1);
    const local = columns[1];
    if (local === undefined || drops === undefined || !/^\d+$/.test(drops)) return [];
    return [{ place: 'socket' as const, scope: `${file} ${localAddress(local)}`, name: 'drops', value: Number(drops) }];
  });
}

/** `0100007F:0035`: the address as words of the host's order, the port in hexadecimal. */
function localAddress(text: string): string {
  const [words, port] = text.split(':') as [string, string];
  const bytes = new Uint8Array(words.length / 2);
  for (let at = 0; at < bytes.length; at += 4) {
    const word = Number.parseInt(words.slice(at * 2, at * 2 + 8), 16);
    new Uint32Array(bytes.buffer, at, 1)[0] = word;
  }
  const number = Number.parseInt(port, 16);
  return bytes.length === 4 ? `${formatIpv4(bytes)}:${number}` : `[${formatIpv6(bytes)}]:${number}`;
}

/** How much each counter moved since `before`, in the order of `now`. One that began again (the device or the socket was
 * made anew) counts from 0; one that was not there counts whole. */
export function lossDifferences(before: readonly LossCounter[], now: readonly LossCounter[]): LossCounter[] {
  const key = ({ place, scope, name }: LossCounter): string => `${place}\0${scope}\0${name}`;
  // Several sockets may share an address (SO_REUSEPORT): their sum is what there is.
  const sums = (all: readonly LossCounter[]): Map<string, LossCounter> => {
    const found = new Map<string, LossCounter>();
    for (const counter of all) {
      const known = found.get(key(counter));
      if (known === undefined) found.set(key(counter), { ...counter });
      else known.value += counter.value;
    }
    return found;
  };
  const old = sums(before);
  return [...sums(now).values()].map((counter) => {
    const was = old.get(key(counter))?.value ?? 0;
    return { ...counter, value: counter.value >= was ? counter.value - was : counter.value };
  });
}
