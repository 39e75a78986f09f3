import { ETH_P_ALL } from '../uapi/if_ether.ts';
import { NUD_NOARP, NUD_PERMANENT } from '../uapi/neighbour.ts';
import {
  RT_TABLE_MAIN,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_PROHIBIT,
  RTN_UNICAST,
  RTN_UNREACHABLE,
} from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { packetSockets } from './af-packet/af-packet.ts';
import { arpTbl } from './arp.ts';
import { allDevices } from './dev.ts';
import { fibTable, fibTableRoutes } from './fib.ts';
import { inetMakeMask, ipv4Text } from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import { ipFrags } from './ip-fragment.ts';
import { ipv4Sysctl } from './ip-header.ts';
import * as mib from './mib.ts';
import { NUD_VALID } from './neighbour.ts';
import { pingSockets } from './ping.ts';
import { procCreate, procMkdir } from './procfs.ts';
import { rawProt, rawTable } from './raw.ts';
import { sockProtInuseGet } from './sock.ts';
import type { Net, PacketType } from './structs.ts';
import { udpliteProt, udpProt } from './udp.ts';
import { UDP_TABLE_KEY, UDPLITE_TABLE_KEY, udpSockets } from './udp-table.ts';

/** /proc/net: what the kernel counts and holds, in Linux's format. */

const upper = (value: number, width: number): string => (value >>> 0).toString(16).toUpperCase().padStart(width, '0');
/** An address as `%08X` of the 32 bits in network order shows on a little-endian machine. */
const swapped = (address: number): string =>
  upper(((address & 0xff) << 24) | ((address & 0xff00) << 8) | ((address >>> 8) & 0xff00) | (address >>> 24), 8);
const pad = (value: number | string, width: number): string => String(value).padStart(width);

function table(group: string, names: readonly string[], values: ArrayLike<number>): string {
  return `${group}: ${names.join(' ')}\n${group}: ${names.map((_, i) => values[i] ?? 0).join(' ')}\n`;
}

function snmp(net: Net): string {
  const sysctl = ipv4Sysctl(net);
  const ip = Float64Array.from(net.mib.ip);
  ip[0] = sysctl.forward !== 0 ? 1 : 2;
  ip[1] = sysctl.defaultTtl;
  const { icmp, icmpMsg } = net.mib;
  const sent = (type: number, out: boolean): number => icmpMsg?.[type + (out ? 256 : 0)] ?? 0;
  const icmpNames = [...mib.ICMP_NAMES_IN, ...mib.ICMP_NAMES_OUT];
  const icmpValues = [
    icmp[mib.ICMP_INMSGS]!,
    icmp[mib.ICMP_INERRORS]!,
    icmp[mib.ICMP_CSUMERRORS]!,
    ...mib.ICMP_TYPE_ORDER.map((type) => sent(type, false)),
    icmp[mib.ICMP_OUTMSGS]!,
    icmp[mib.ICMP_OUTERRORS]!,
    icmp[mib.ICMP_RATELIMITGLOBAL]!,
    icmp[mib.ICMP_RATELIMITHOST]!,
    ...mib.ICMP_TYPE_ORDER.map((type) => sent(type, true)),
  ];
  let text = table('Ip', mib.IP_NAMES, ip) + table('Icmp', icmpNames, icmpValues);
  const seen: [string, number][] = [];
  for (let i = 0; i < 512; i++) {
    const count = icmpMsg?.[i] ?? 0;
    if (count > 0) seen.push([i < 256 ? `InType${i}` : `OutType${i - 256}`, count]);
  }
  if (seen.length > 0)
    text += table(
      'IcmpMsg',
      seen.map(([n]) => n),
      seen.map(([, n]) => n),
    );
  text +=
    'Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors\n';
  text += 'Tcp: 1 200 120000 -1 0 0 0 0 0 0 0 0 0 0 0\n';
  return text + table('Udp', mib.UDP_NAMES, net.mib.udp) + table('UdpLite', mib.UDP_NAMES, net.mib.udplite);
}

const netstat = (net: Net): string =>
  table('TcpExt', mib.TCPEXT_NAMES, []) + table('IpExt', mib.IPEXT_NAMES, net.mib.ipExt);

function dev(net: Net): string {
  let text =
    'Inter-|   Receive                                                |  Transmit\n' +
    ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n';
  for (const one of allDevices(net)) {
    one.ops.getStats?.(one);
    const s = one.stats;
    text += `${pad(one.name, 6)}: ${pad(s.rxBytes, 7)} ${pad(s.rxPackets, 7)} ${pad(s.rxErrors, 4)} ${pad(s.rxDropped + s.rxMissedErrors, 4)} ${pad(s.rxFifoErrors, 4)} ${pad(s.rxLengthErrors + s.rxOverErrors + s.rxCrcErrors + s.rxFrameErrors, 5)} ${pad(s.rxCompressed, 10)} ${pad(s.multicast, 9)} ${pad(s.txBytes, 8)} ${pad(s.txPackets, 7)} ${pad(s.txErrors, 4)} ${pad(s.txDropped, 4)} ${pad(s.txFifoErrors, 4)} ${pad(s.collisions, 5)} ${pad(s.txCarrierErrors + s.txAbortedErrors + s.txWindowErrors + s.txHeartbeatErrors, 7)} ${pad(s.txCompressed, 10)}\n`;
  }
  return text;
}

/** One socket of /proc/net/udp, raw or icmp. */
function inetLine(sk: InetSock, slot: number, width: number, remotePort: number): string {
  const state = upper(sk.state, 2);
  return `${pad(slot, width)}: ${swapped(sk.rcvSaddr)}:${upper(sk.sport, 4)} ${swapped(sk.daddr)}:${upper(remotePort, 4)} ${state} ${upper(sk.wmemAlloc, 8)}:${upper(sk.rmemAlloc, 8)} 00:00000000 00000000 ${pad(sk.uid, 5)} ${pad(0, 8)} ${sk.socket?.ino ?? 0} 2 0000000000000000 ${sk.drops}`;
}

function udp(net: Net, key: number): string {
  let text =
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            \n';
  const list = udpSockets(net, key).filter((sk) => sk.family === AF_INET);
  for (const sk of list.sort((a, b) => a.num - b.num)) text += `${inetLine(sk, sk.num, 5, sk.dport).padEnd(127)}\n`;
  return text;
}

function raw(net: Net): string {
  let text =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
  for (const [protocol, list] of [...rawTable(net)].sort(([a], [b]) => a - b))
    for (const sk of list) text += `${inetLine(sk, protocol, 4, 0)}\n`;
  return text;
}

function icmp(net: Net): string {
  let text =
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops             \n';
  for (const sk of pingSockets(net).filter(({ family }) => family === AF_INET))
    text += `${inetLine(sk, sk.num, 5, sk.dport).padEnd(127)}\n`;
  return text;
}

function packet(net: Net): string {
  let text = 'sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n';
  for (const po of packetSockets(net))
    text += `0000000000000000 ${'3'.padEnd(6)} ${String(po.type).padEnd(4)} ${po.num.toString(16).padStart(4, '0')}   ${String(po.ifindex).padEnd(5)} ${po.running ? 1 : 0} ${String(po.rmemAlloc).padEnd(6)} ${String(po.uid).padEnd(6)} ${String(po.socket?.ino ?? 0).padEnd(6)}\n`;
  return text;
}

const macText = (address: Uint8Array): string => [...address].map((b) => b.toString(16).padStart(2, '0')).join(':');

function arp(net: Net): string {
  let text = 'IP address       HW type     Flags       HW address            Mask     Device\n';
  for (const byKey of arpTbl(net).hash.values())
    for (const neigh of byKey.values()) {
      if (neigh.nudState & NUD_NOARP) continue;
      const flags = neigh.nudState & NUD_PERMANENT ? 6 : neigh.nudState & NUD_VALID ? 2 : 0;
      text += `${ipv4Text(neigh.key4).padEnd(16)} 0x${neigh.dev.type.toString(16).padEnd(10)}0x${flags.toString(16).padEnd(10)}${macText(neigh.ha).padEnd(17)}     *        ${neigh.dev.name}\n`;
    }
  return text;
}

const RTF_UP = 1;
const RTF_GATEWAY = 2;
const RTF_HOST = 4;
const RTF_REJECT = 0x200;

function route(net: Net): string {
  let text = `${'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT'.padEnd(127)}\n`;
  for (const r of fibTableRoutes(fibTable(net, RT_TABLE_MAIN))) {
    if (r.type === RTN_BROADCAST || r.type === RTN_MULTICAST) continue;
    const nh = r.nhs[0]!;
    const mask = inetMakeMask(r.plen);
    let flags = r.type === RTN_UNREACHABLE || r.type === RTN_PROHIBIT ? RTF_REJECT : 0;
    if (nh.gw !== 0) flags |= RTF_GATEWAY;
    if (mask === 0xffffffff) flags |= RTF_HOST;
    flags |= RTF_UP;
    const device = r.type === RTN_UNICAST || r.type === RTN_LOCAL ? (nh.dev?.name ?? '*') : '*';
    const mtu = r.advmss !== 0 ? r.advmss + 40 : 0;
    text += `${`${device}\t${swapped(r.dst)}\t${swapped(nh.gw)}\t${upper(flags, 4)}\t0\t0\t${r.priority}\t${swapped(mask)}\t${mtu}\t0\t0`.padEnd(127)}\n`;
  }
  return text;
}

function softnetStat(net: Net): string {
  const sd = net.softnet;
  const x = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
  const columns = [
    sd.processed,
    sd.dropped,
    sd.timeSqueeze,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    sd.inputQueue.qlen,
    0,
    sd.inputQueue.qlen,
    0,
  ];
  return `${columns.map(x).join(' ')}\n`;
}

function sockstat(net: Net): string {
  const { queues, memory } = ipFrags(net);
  return (
    `sockets: used ${net.socketsUsed}\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\n` +
    `UDP: inuse ${sockProtInuseGet(net, udpProt)} mem 0\nUDPLITE: inuse ${sockProtInuseGet(net, udpliteProt)}\n` +
    `RAW: inuse ${sockProtInuseGet(net, rawProt)}\nFRAG: inuse ${queues.size} memory ${memory}\n`
  );
}

function devMcast(net: Net): string {
  let text = '';
  for (const one of allDevices(net))
    for (const { addr, refcount } of one.mc.values())
      text += `${String(one.ifindex).padEnd(4)} ${one.name.padEnd(15)} ${String(refcount).padEnd(5)} ${'0'.padEnd(5)} ${macText(addr).replaceAll(':', '')}\n`;
  return text;
}

function igmp(net: Net): string {
  let text = 'Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n';
  for (const one of allDevices(net)) {
    if (one.ip === null || one.ip.mcList.size === 0) continue;
    text += `${one.ifindex}\t${one.name.padEnd(10)}: ${pad(one.ip.mcList.size, 5)} ${pad('V3', 7)}\n`;
    for (const im of one.ip.mcList.values())
      text += `\t\t\t\t${swapped(im.multiaddr)} ${pad(im.users, 5)} 0:00000000\t\t0\n`;
  }
  return text;
}

function ptype(net: Net): string {
  let text = 'Type Device      Function\n';
  const line = (pt: PacketType): string =>
    `${pt.type === ETH_P_ALL ? 'ALL ' : pt.type.toString(16).padStart(4, '0')} ${(pt.dev?.name ?? '').padEnd(8)} ${FUNCTIONS[pt.type] ?? (pt.func.name === 'tpacketRcv' ? 'tpacket_rcv' : 'packet_rcv')}\n`;
  for (const pt of net.ptypeAll) text += line(pt);
  for (const one of allDevices(net)) for (const pt of one.ptypeAll) text += line(pt);
  for (const list of net.ptypeBase.values()) for (const pt of list) text += line(pt);
  return text;
}
const FUNCTIONS: Record<number, string> = { 2048: 'ip_rcv', 2054: 'arp_rcv', 34525: 'ipv6_rcv' };

export function netProcInit(net: Net): void {
  const files: Record<string, () => string> = {
    dev: () => dev(net),
    snmp: () => snmp(net),
    netstat: () => netstat(net),
    udp: () => udp(net, UDP_TABLE_KEY),
    udplite: () => udp(net, UDPLITE_TABLE_KEY),
    raw: () => raw(net),
    icmp: () => icmp(net),
    packet: () => packet(net),
    arp: () => arp(net),
    route: () => route(net),
    softnet_stat: () => softnetStat(net),
    sockstat: () => sockstat(net),
    dev_mcast: () => devMcast(net),
    igmp: () => igmp(net),
    ptype: () => ptype(net),
  };
  for (const [name, read] of Object.entries(files)) procCreate(net, `/proc/self/net/${name}`, { read });
  procMkdir(net, '/proc').entries.set('net', { link: 'self/net' });
}
