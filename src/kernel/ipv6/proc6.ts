import { allDevices } from '../dev.ts';
import * as mib from '../mib.ts';
import { type ProcDir, procCreate, procMkdir } from '../procfs.ts';
import type { Inet6Dev, Net } from '../structs.ts';
import { in6Hex } from './addr.ts';
import { type Fib6Info, fib6, fib6TableRoutes, RTF_GATEWAY } from './ip6-fib.ts';
import { ip6Frags } from './ip6-fragment.ts';
import { MAF_TIMER_RUNNING } from './mld.ts';

/** Files of /proc/net about IPv6, in Linux's format. */

const hex8 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
const hex2 = (value: number): string => value.toString(16).padStart(2, '0');

/** Names that /proc/net/snmp6 gives to types of ICMPv6 (icmp6type2name). */
const ICMP6_TYPES: readonly [number, string][] = [
  [1, 'DestUnreachs'],
  [2, 'PktTooBigs'],
  [3, 'TimeExcds'],
  [4, 'ParmProblems'],
  [128, 'Echos'],
  [129, 'EchoReplies'],
  [130, 'GroupMembQueries'],
  [131, 'GroupMembResponses'],
  [132, 'GroupMembReductions'],
  [133, 'RouterSolicits'],
  [134, 'RouterAdvertisements'],
  [135, 'NeighborSolicits'],
  [136, 'NeighborAdvertisements'],
  [137, 'Redirects'],
  [143, 'MLDv2Reports'],
];

const line = (name: string, value: number): string => `${name.padEnd(32)}\t${value}\n`;

/** snmp6_seq_show_icmpv6msg: the known types, then every type that was seen, by number. */
function icmp6Types(messages: Float64Array | null): string {
  let text = '';
  for (const [prefix, base] of [
    ['In', 0],
    ['Out', 256],
  ] as const)
    for (const [type, name] of ICMP6_TYPES) text += line(`Icmp6${prefix}${name}`, messages?.[base + type] ?? 0);
  for (let i = 0; i < 512; i++) {
    const count = messages?.[i] ?? 0;
    if (count !== 0) text += line(`Icmp6${i < 256 ? 'In' : 'Out'}Type${i & 255}`, count);
  }
  return text;
}

function snmp6(net: Net): string {
  const { ip6, icmp6, icmp6Msg, udp6, udplite6 } = net.mib;
  let text = '';
  for (const [i, name] of mib.IP6_NAMES.entries()) text += line(`Ip6${name}`, ip6[i]!);
  for (const [i, name] of mib.ICMP6_NAMES.entries()) text += line(`Icmp6${name}`, icmp6[i]!);
  text += icmp6Types(icmp6Msg);
  for (const [i, name] of mib.UDP_NAMES.entries()) text += line(`Udp6${name}`, udp6[i]!);
  mib.UDP_NAMES.forEach((name, i) => {
    if (name !== 'IgnoredMulti') text += line(`UdpLite6${name}`, udplite6[i]!);
  });
  return text;
}

/** /proc/net/dev_snmp6/NAME: without the limit by host, which devices do not count. */
function devSnmp6(idev: Inet6Dev): string {
  let text = line('ifIndex', idev.dev.ifindex);
  for (const [i, name] of mib.IP6_NAMES.entries()) text += line(`Ip6${name}`, idev.ip6[i]!);
  mib.ICMP6_NAMES.forEach((name, i) => {
    if (i !== mib.ICMP6_RATELIMITHOST) text += line(`Icmp6${name}`, idev.icmp6[i]!);
  });
  return text + icmp6Types(idev.icmp6Msg);
}

function ifInet6(net: Net): string {
  let text = '';
  for (const dev of allDevices(net))
    for (const ifp of dev.ip6?.addrList ?? [])
      text += `${in6Hex(ifp.addr)} ${hex2(dev.ifindex)} ${hex2(ifp.prefixLen)} ${hex2(ifp.scope)} ${hex2(ifp.flags & 0xff)} ${dev.name.padStart(8)}\n`;
  return text;
}

const ZERO = '0'.repeat(32);
const NULL_ROUTE = `${ZERO} 00 ${ZERO} 00 ${ZERO} ffffffff 00000001 00000000 00200200       lo\n`;

function routeLine(f6i: Fib6Info): string {
  const nh = f6i.nhs[0];
  let flags = f6i.flags;
  if (nh?.gw) flags |= RTF_GATEWAY;
  const gw = nh?.gw ? in6Hex(nh.gw) : ZERO;
  return `${in6Hex(f6i.dst)} ${hex2(f6i.plen)} ${in6Hex(f6i.src)} ${hex2(f6i.srcLen)} ${gw} ${hex8(f6i.metric)} ${hex8(REFERENCES)} 00000000 ${hex8(flags)} ${(nh?.dev.name ?? '').padStart(8)}\n`;
}
/** Reference counts are Linux's own; a route at rest has one. */
const REFERENCES = 1;

function ipv6Route(net: Net): string {
  let text = '';
  for (const table of [...fib6(net).tables.values()].sort(
    (a, b) => (a.id === 255 ? 1 : 0) - (b.id === 255 ? 1 : 0) || a.id - b.id,
  )) {
    const list = fib6TableRoutes(table);
    for (const f6i of list) text += routeLine(f6i);
    // The root of a table without a default route is the one that says no.
    if (!list.some((f6i) => f6i.plen === 0)) text += NULL_ROUTE;
  }
  return text;
}

const reporting = (flags: number): number => (flags & MAF_TIMER_RUNNING ? 1 : 0);

function igmp6(net: Net): string {
  let text = '';
  const now = net.clock.monotonic();
  for (const dev of allDevices(net))
    for (const mc of dev.ip6?.mcList.values() ?? []) {
      const left = reporting(mc.flags) ? Math.max(0, Math.floor((mc.workAt - now) / 1e7)) : 0;
      text += `${String(dev.ifindex).padEnd(4)} ${dev.name.padEnd(15)} ${in6Hex(mc.addr)} ${String(mc.users).padStart(5)} ${(mc.flags >>> 0).toString(16).toUpperCase().padStart(8, '0')} ${left}\n`;
    }
  return text;
}

function mcfilter6(net: Net): string {
  let text = 'Idx Device                Multicast Address                   Source Address    INC    EXC\n';
  for (const dev of allDevices(net))
    for (const mc of dev.ip6?.mcList.values() ?? [])
      for (const psf of mc.sources.values())
        text += `${String(dev.ifindex).padStart(3)} ${dev.name.padStart(6)} ${in6Hex(mc.addr)} ${in6Hex(psf.addr)} ${String(psf.sfcount[1]).padStart(6)} ${String(psf.sfcount[0]).padStart(6)}\n`;
  return text;
}

/** The latest first. */
function anycast6(net: Net): string {
  let text = '';
  for (const dev of allDevices(net))
    for (const ac of [...(dev.ip6?.acList.values() ?? [])].reverse())
      text += `${String(dev.ifindex).padEnd(4)} ${dev.name.padEnd(15)} ${in6Hex(ac.addr)} ${String(ac.users).padStart(5)}\n`;
  return text;
}

/** The line of reassembly in /proc/net/sockstat6. */
export const sockstat6Frag = (net: Net): string => {
  const { queues, memory } = ip6Frags(net);
  return `FRAG6: inuse ${queues.size} memory ${memory}\n`;
};

export function proc6Init(net: Net): void {
  const files: Record<string, () => string> = {
    snmp6: () => snmp6(net),
    if_inet6: () => ifInet6(net),
    ipv6_route: () => ipv6Route(net),
    igmp6: () => igmp6(net),
    mcfilter6: () => mcfilter6(net),
    anycast6: () => anycast6(net),
  };
  for (const [name, read] of Object.entries(files)) procCreate(net, `/proc/self/net/${name}`, { read });
  const dir: ProcDir = {
    list: () =>
      allDevices(net)
        .filter((dev) => dev.ip6 !== null)
        .map((dev) => dev.name),
    get(name) {
      const dev = net.devByName.get(name);
      const idev = dev?.ip6;
      return idev ? { file: { read: () => devSnmp6(idev) } } : null;
    },
  };
  procMkdir(net, '/proc/self/net').entries.set('dev_snmp6', { dir });
}
