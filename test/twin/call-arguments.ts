/** Arguments of seeded calls (`calls.ts`): what may be named, sent, set and asked. */
import { putBe16 } from '../../src/bytes/endian.ts';
import { encodeSockFprog } from '../../src/uapi/filter.ts';
import { int, putHostU16, putHostU32 } from '../../src/uapi/host.ts';
import { encodeInPktinfo } from '../../src/uapi/in.ts';
import { encodeIn6Pktinfo } from '../../src/uapi/in6.ts';
import { encodeSockaddrLl } from '../../src/uapi/sockaddr.ts';
import type { ControlMessage } from '../../src/uapi/socket.ts';
import { bytes, FAR, ip, ip6, NEAR, sin, sin6 } from './program.ts';
import { FAR_LL, FAR_MAC, FAR6, NEAR_LL, NEAR_MAC, NEAR6 } from './world.ts';

export type Pick = <T>(list: readonly T[]) => T;

/** [domain, type, protocol] of what sequences open. */
export const KINDS = {
  udp: [2, 2, 17],
  lite: [2, 2, 136],
  raw: [2, 3, 200],
  hdr: [2, 3, 255],
  icmp: [2, 3, 1],
  ping: [2, 2, 1],
  udp6: [10, 2, 17],
  lite6: [10, 2, 136],
  raw6: [10, 3, 200],
  icmp6: [10, 3, 58],
  ping6: [10, 2, 58],
  packet: [17, 3, 0],
  cooked: [17, 2, 0],
} as const;
export type Kind = keyof typeof KINDS;

export type Profile = 'ipv4' | 'ipv6' | 'packet';
export const PROFILES: Record<Profile, readonly Kind[]> = {
  ipv4: ['udp', 'udp', 'udp', 'udp', 'lite', 'raw', 'hdr', 'icmp', 'ping'],
  ipv6: ['udp6', 'udp6', 'udp6', 'udp6', 'lite6', 'raw6', 'icmp6', 'ping6', 'udp'],
  packet: ['packet', 'packet', 'packet', 'cooked', 'cooked', 'udp', 'udp', 'raw'],
};
export const isPacket = (kind: Kind): boolean => KINDS[kind][0] === 17;
export const isIpv6 = (kind: Kind): boolean => KINDS[kind][0] === 10;

/** Where a call is made. */
export interface Place {
  kind: Kind;
  host: 'near' | 'far';
  ifindex: number;
}

const PORTS = [9000, 9000, 9001, 9001, 9002, 9003, 9, 0];
const STATIONS = [FAR, NEAR, '127.0.0.1'];
const OTHERS = [
  '0.0.0.0',
  '10.0.0.255',
  '10.1.0.9',
  '192.0.2.1',
  '10.66.0.1',
  '10.67.0.1',
  '10.68.0.1',
  '239.1.1.1',
  '224.0.0.1',
  '224.0.0.251',
  '255.255.255.255',
];
const STATIONS6 = [FAR6, NEAR6, '::1', FAR_LL, NEAR_LL];
const OTHERS6 = [
  '::',
  'ff02::1',
  'ff02::1:3',
  'ff01::1',
  '::ffff:0.0.0.0',
  '::ffff:127.0.0.1',
  `::ffff:${NEAR}`,
  `::ffff:${FAR}`,
  '2001:db8:1::9',
  '2001:db8:66::1',
  '2001:db8:67::1',
  '2002::1',
];
/** Of these nobody reports a membership (igmp_link_local_mcast_reports): the time of a report is random. */
export const GROUPS = ['224.0.0.251', '224.0.0.252', '224.0.0.253'];
export const GROUPS6 = ['ff02::1:3', 'ff05::7', 'ff02::77'];
const BROADCAST = new Uint8Array(6).fill(255);

/** An address for bind (`own`) or as a destination. */
export function address(pick: Pick, { kind, host, ifindex }: Place, own = false): Uint8Array {
  if (isPacket(kind))
    return encodeSockaddrLl({
      protocol: pick([0x88b5, 0x88b6, 0x800, 3, 3, 0]),
      ifindex: pick([ifindex, ifindex, ifindex, 1, 99, 0]),
      address: pick([FAR_MAC, NEAR_MAC, BROADCAST]),
    });
  const port = pick(PORTS);
  const odd = pick([0, 0, 0, 0, 1]) === 1;
  if (!isIpv6(kind)) {
    if (own) return sin(pick(odd ? OTHERS : ['0.0.0.0', '0.0.0.0', host === 'near' ? NEAR : FAR, '127.0.0.1']), port);
    return sin(pick(odd ? OTHERS : STATIONS), port);
  }
  if (pick([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])) return sin(pick(STATIONS), port);
  const scope = pick([0, ifindex, ifindex, ifindex, 1]);
  const raw = kind === 'raw6' || kind === 'icmp6';
  const mine = host === 'near' ? [NEAR6, NEAR_LL] : [FAR6, FAR_LL];
  const text = pick(odd ? OTHERS6 : own ? ['::', '::', '::1', ...mine] : STATIONS6);
  return sin6(text, raw ? 0 : port, scope, pick([0, 0, 0, 0x0ab12345]));
}

const SIZES = [0, 1, 4, 7, 8, 9, 20, 100, 100, 600, 1400, 1452, 1453, 1472, 1473, 2000, 3000, 9000, 65507, 65508];
const pattern = Uint8Array.from({ length: 65600 }, (_, i) => i);

/** An IPv4 packet with a header of its own, of `length` bytes. */
function ownHeader(pick: Pick, length: number): Uint8Array {
  const b = pattern.slice(0, Math.max(length, 20));
  b.set([pick([0x45, 0x45, 0x46, 0x44]), 0, 0, 0, 0, pick([0, 1]), 0, 0, pick([64, 1]), pick([200, 17, 1]), 0, 0]);
  putBe16(b, 2, pick([0, b.length]));
  b.set(ip(pick(['0.0.0.0', NEAR])), 12);
  b.set(ip(pick([FAR, FAR, NEAR, '127.0.0.1', '10.1.0.9'])), 16);
  return b;
}

export function payload(pick: Pick, { kind }: Place): Uint8Array {
  let length = pick(SIZES);
  // Linux sums long echo requests in pieces that are not always of even length: their checksums are wrong at times.
  if (kind === 'ping' || kind === 'ping6') length = Math.min(length, 3000);
  if (kind === 'hdr') return ownHeader(pick, Math.min(length, 1500));
  const data = pattern.slice(0, length);
  if (kind === 'packet' && length >= 14) {
    data.set(pick([FAR_MAC, FAR_MAC, NEAR_MAC, BROADCAST]));
    data.set(NEAR_MAC, 6);
    putBe16(data, 12, pick([0x88b5, 0x88b5, 0x88b6, 0x8100, 0x0004]));
  }
  if (kind === 'cooked' && length >= 1) data[0] = 0;
  // Echo requests, as the rest of ICMP would be answered by who knows whom.
  if ((kind === 'icmp' || kind === 'ping') && length >= 8) data.set([8, 0, 0, 0]);
  if ((kind === 'icmp6' || kind === 'ping6') && length >= 8) data.set([128, 0, 0, 0]);
  return data;
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
/** Options of a name each level has; what is the machine's, random, or makes a call wait is not among them. */
const SOL = [
  ...[...range(1, 6), 7, 7, 8, 8, 8, ...range(9, 13), 15, 15, 16, 18, 19, 27, 30, 32, 33, 34, 36, 38, 39, 40, 40, 42],
  ...[42, 43, 44, 45, 47, 60, 62, 68, 72, 74, 75, 29, 35, 63, 64],
];
const IP = [...range(1, 3), ...range(6, 8), 9, ...range(10, 15), ...range(18, 26), 32, 33, 34, 49, 50, 51, 52, 120];
const IPV6 = [
  ...[1, 2, 3, 4, 5, 7, 8, 11, 16, 17, 18, 19, 21, 22, 23, 24, 25, 26, 29, 30, 31, 33, 49, 51, 53, 56, 58, 60, 61, 62],
  ...[66, 67, 70, 72, 73, 74, 75, 76, 77, 78, 80, 120],
];
const UDP = [1, 1, 100, 101, 102, 104, 10, 11];
const PACKET = [5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24];
/** Told without their value. */
const RANDOM = new Set(['1/49', '1/56', '1/57', '1/71', '1/17', '1/55', '41/32', '17/104', '0/52']);

/** [level, option] that the kind of socket may know; sometimes of another level. */
export function option(pick: Pick, kind: Kind): [number, number] {
  const domain = KINDS[kind][0];
  const levels: [number, readonly number[]][] = [[1, SOL]];
  if (domain === 17) levels.push([263, PACKET], [263, PACKET], [263, PACKET]);
  else {
    levels.push([0, IP]);
    if (domain === 2) levels.push([0, IP]);
    else levels.push([41, IPV6], [41, IPV6], [41, IPV6]);
    if (kind.startsWith('udp')) levels.push([17, UDP]);
    if (kind.startsWith('lite')) levels.push([136, UDP]);
    if (kind.startsWith('raw') || kind.startsWith('icmp')) levels.push([255, [1, 2, 7]]);
    if (kind === 'icmp6') levels.push([58, [1, 2]]);
  }
  const [level, options] = pick(levels);
  return [level, pick(options)];
}
export const isRandomOption = (level: number, name: number): boolean => RANDOM.has(`${level}/${name}`);

const VALUES = [0, 0, 1, 1, 1, 2, 3, 4, 5, 8, 64, 255, 256, 300, 1280, 1500, 4096, 20000, 65535, 65536, -1, -2];
const HUGE = [0x7fffffff, -0x80000000, 0x10000];

/** A value for setsockopt: mostly an int, sometimes of an odd length. SO_SNDBUF and its like are never made huge. */
export function value(pick: Pick, level: number, name: number): Uint8Array {
  const amount = level === 1 && [7, 8, 32, 33].includes(name);
  const number = pick(amount ? [0, 1, 1000, 2304, 4608, 6000, 20000, 212992] : [...VALUES, ...VALUES, ...HUGE]);
  const data = new Uint8Array(32);
  data.set(int(number));
  return data.subarray(0, pick([4, 4, 4, 4, 4, 4, 4, 4, 0, 1, 2, 3, 5, 8, 12, 16, 32]));
}

/** An option whose value has a form of its own: [level, option, value]. */
export function structured(pick: Pick, { kind, host, ifindex }: Place): [number, number, Uint8Array] {
  const domain = KINDS[kind][0];
  const mine = host === 'near' ? NEAR : FAR;
  const join = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
  const filters = [
    [{ code: 0x06, jt: 0, jf: 0, k: pick([0xffff, 0, 60, 30]) }],
    [
      { code: 0x30, jt: 0, jf: 0, k: pick([0, 9, 12, 100]) },
      { code: 0x15, jt: 0, jf: 1, k: pick([8, 0x45, 0, 1]) },
      { code: 0x06, jt: 0, jf: 0, k: 0xffff },
      { code: 0x06, jt: 0, jf: 0, k: pick([0, 40]) },
    ],
  ];
  const common: [number, number, Uint8Array][] = [
    [1, pick([26, 26, 51]), encodeSockFprog(pick(filters))],
    [1, 27, int(0)],
    [1, 25, bytes(pick(['eth0', 'eth0\0', 'lo', '', 'nothing', 'averyveryverylongname']))],
    [1, pick([37, 65]), int(pick([0x18, 0x10, 0x8, 0x12, 0x92, 0x892, 0x112, 0x492, 0x592, 0]))],
    [1, 20, join(int(0), int(0), int(pick([0, 1000, 2000000])), int(0))],
    [1, 13, join(int(pick([0, 1])), int(pick([0, 5])))],
  ];
  if (domain === 17) {
    const mreq = new Uint8Array(16);
    putHostU32(mreq, 0, pick([ifindex, ifindex, 1, 99]));
    putHostU16(mreq, 4, pick([0, 1, 2, 3, 4]));
    putHostU16(mreq, 6, pick([6, 6, 0, 9]));
    mreq.set([1, 0, 0x5e, 1, 1, pick([1, 2])], 8);
    const group = pick([1, 2]) | (pick([1, 1, 3, 5, 0x1001]) << 16);
    return pick([...common, [263, pick([1, 1, 2]), mreq], [263, pick([1, 1, 2]), mreq], [263, 18, int(group)]]);
  }
  if (domain === 2) {
    const group = ip(pick(GROUPS));
    const source = ip(pick([NEAR, FAR, '127.0.0.1']));
    const local = ip(pick([mine, '0.0.0.0', '127.0.0.1', '192.0.2.1']));
    const options = pick([
      [],
      [7, 7, 4, 0, 0, 0, 0],
      [1, 1, 1, 1],
      [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0],
      [131, 7, 4, 10, 0, 0, 2],
      [148, 4, 0, 0],
      [9, 9, 9, 9],
    ]);
    const mreqn = join(group, local, int(pick([0, ifindex, 1, 99])));
    const sources = join(group, local, source);
    const msf = join(group, local, int(pick([0, 1, 1, 2])), int(1), source);
    const greq = new Uint8Array(264);
    putHostU32(greq, 0, pick([ifindex, ifindex, 1, 0, 99]));
    greq.set(sin(pick(GROUPS), 0), 8);
    greq.set(sin(pick([NEAR, FAR, '127.0.0.1']), 0), 136);
    return pick<[number, number, Uint8Array]>([
      ...common,
      [0, 4, Uint8Array.from(options)],
      [0, 35, mreqn],
      [0, 35, mreqn.subarray(0, 8)],
      [0, 36, mreqn],
      [0, pick([37, 38, 39, 39, 40]), sources],
      [0, 41, msf],
      [0, 32, pick([mreqn, local, mreqn.subarray(0, 8)])],
      [0, pick([42, 45]), greq.subarray(0, 136)],
      [0, pick([43, 44, 46, 47]), greq],
      [255, 1, int(pick([0, 1, 1 << 8, 1 << 3, -1]))],
      [0, 50, Uint8Array.of(0, 0, 0, pick([0, 1, ifindex, 99]))],
      [0, 51, join(Uint8Array.of(0x40, 0x9c, 0x50, 0x9c))],
    ]);
  }
  const mreq6 = join(ip6(pick(GROUPS6)), int(pick([ifindex, ifindex, 1, 0, 99])));
  const greq = new Uint8Array(264);
  putHostU32(greq, 0, pick([ifindex, ifindex, 1, 0, 99]));
  greq.set(sin6(pick(GROUPS6), 0), 8);
  greq.set(sin6(pick([NEAR6, FAR6, NEAR_LL]), 0), 136);
  const opts = pick([[0, 0, 1, 4, 0, 0, 0, 0], [0, 0, 5, 2, 0, 0, 1, 0], [], [0, 1, 1, 4, 0, 0, 0, 0]]);
  return pick<[number, number, Uint8Array]>([
    ...common,
    [41, 20, mreq6],
    [41, 20, mreq6],
    [41, 21, mreq6],
    [41, pick([42, 45]), greq.subarray(0, 136)],
    [41, pick([43, 44, 46, 47]), greq],
    [41, pick([54, 59, 55]), Uint8Array.from(opts)],
    [41, 50, encodeIn6Pktinfo({ addr: ip6(pick(['::', NEAR6, FAR6])), ifindex: pick([0, ifindex, 1]) })],
    [41, 17, int(pick([0, ifindex, 1, 99]))],
    [58, 1, new Uint8Array(32).fill(pick([0, 255]))],
  ]);
}

/** Control messages for a sender. */
export function controls(pick: Pick, { kind, ifindex }: Place): ControlMessage[] {
  const list: ControlMessage[] = [];
  const add = (chance: number, level: number, type: number, data: () => Uint8Array): void => {
    if (pick(range(1, chance)) === 1) list.push({ level, type, data: data() });
  };
  add(6, 1, 36, () => int(pick([0, 7])));
  add(8, 1, pick([37, 65]), () => int(pick([0x2, 0x2, 0x102, 0, 0x8])));
  add(12, 1, 61, () => new Uint8Array(pick([8, 4])));
  add(12, 1, 12, () => int(pick([0, 3, 6])));
  if (isPacket(kind)) return list;
  if (!isIpv6(kind) || pick([0, 0, 1]) === 1) {
    add(3, 0, 8, () =>
      encodeInPktinfo({
        ifindex: pick([0, ifindex, 1, 99]),
        specDst: ip(pick(['0.0.0.0', NEAR, '127.0.0.1'])),
        addr: ip('0.0.0.0'),
      }),
    );
    add(3, 0, 2, () => int(pick([1, 64, 255, 0, 256])));
    add(3, 0, 1, () => pick([int(8), Uint8Array.of(0x10), Uint8Array.of(3, 0)]));
    add(6, 0, 7, () =>
      Uint8Array.from(
        pick([
          [7, 7, 4, 0, 0, 0, 0],
          [1, 1],
          [9, 3, 0],
        ]),
      ),
    );
    add(9, 0, 52, () => int(200));
  }
  if (isIpv6(kind)) {
    add(3, 41, 52, () => int(pick([-1, 0, 3, 255, 256])));
    add(3, 41, 67, () => int(pick([0, 8, 0xb8])));
    add(4, 41, 62, () => int(pick([0, 1])));
    add(6, 41, 54, () => Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0));
    add(6, 41, 59, () => Uint8Array.of(0, 0, 1, 4, 0, 0, 0, 0));
    add(4, 41, 50, () => encodeIn6Pktinfo({ addr: ip6(pick(['::', ...STATIONS6])), ifindex: pick([0, ifindex, 1]) }));
  }
  return list;
}

/** Flags of a receiver and of a sender: one, or several together. */
const RECV = [0, 0, 0, 0, 0, 2, 2, 0x20, 0x100, 0x2000, 0x4000, 1, 4, 0x800, 0x10000];
const SEND = [0, 0, 0, 0, 0, 0, 4, 0x8000, 0x8000, 0x800, 0x4000, 0x80, 1, 0x2000, 0x20];
export const recvFlags = (pick: Pick): number => pick(RECV) | pick([0, 0, 0, ...RECV]);
export const sendFlags = (pick: Pick): number => pick(SEND) | pick([0, 0, 0, 0, 0, ...SEND]);

/** Switches of the host that count for one namespace alone: [path below /proc/sys/net, values]. */
export const SYSCTLS: readonly (readonly [string, readonly string[]])[] = [
  ['ipv4/ip_nonlocal_bind', ['0', '1']],
  ['ipv4/ip_local_port_range', ['32768 60999', '40000 40003', '5 4']],
  ['ipv4/ip_default_ttl', ['64', '1', '200', '0', '256']],
  ['ipv4/icmp_echo_ignore_all', ['0', '0', '1']],
  ['ipv4/icmp_echo_ignore_broadcasts', ['0', '1']],
  ['ipv4/ip_no_pmtu_disc', ['0', '1', '2', '3', '4']],
  ['ipv4/igmp_max_memberships', ['20', '1']],
  ['ipv4/igmp_max_msf', ['10', '1']],
  ['ipv4/icmp_errors_use_inbound_ifaddr', ['0', '1']],
  ['ipv4/ping_group_range', ['0 2147483647', '0 2147483647', '1 0']],
  ['ipv4/conf/eth0/rp_filter', ['0', '1', '2']],
  ['ipv4/conf/all/accept_source_route', ['0', '1']],
  ['ipv4/fwmark_reflect', ['0', '1']],
  ['ipv4/ip_autobind_reuse', ['0', '1']],
];
export const SYSCTLS6: readonly (readonly [string, readonly string[]])[] = [
  ['ipv6/bindv6only', ['0', '1']],
  ['ipv6/ip_nonlocal_bind', ['0', '1']],
  ['ipv6/conf/eth0/hop_limit', ['64', '1', '0', '256']],
  ['ipv6/icmp/echo_ignore_all', ['0', '0', '1']],
  ['ipv6/icmp/echo_ignore_multicast', ['0', '1']],
  ['ipv6/icmp/echo_ignore_anycast', ['0', '1']],
  ['ipv6/flowlabel_consistency', ['0', '1']],
  ['ipv6/flowlabel_reflect', ['0', '1', '2']],
  ['ipv6/max_dst_opts_number', ['8', '0']],
];
