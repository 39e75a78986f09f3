import { AF_INET6 } from '../../uapi/socket.ts';
import type { InetSock } from '../inet-sock.ts';
import { pingSockets } from '../ping.ts';
import { procCreate } from '../procfs.ts';
import { sockProtInuseGet } from '../sock.ts';
import type { Net } from '../structs.ts';
import { UDP_TABLE_KEY, UDPLITE_TABLE_KEY, udpSockets } from '../udp-table.ts';
import { inet6Init } from './af-inet6.ts';
import { ip6Frags } from './ip6-fragment.ts';
import { ping6Init } from './ping6.ts';
import { raw6Init, raw6Table, rawv6Prot } from './raw6.ts';
import { udp6Init, udplitev6Prot, udpv6Prot } from './udp6.ts';

/** Sockets of IPv6 in /proc/net: udp6, udplite6, raw6, icmp6, sockstat6; and the start of all their rooms. */

const HEADER =
  '  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';

const upper = (value: number, width: number): string => (value >>> 0).toString(16).toUpperCase().padStart(width, '0');
/** Four words of 32 bits, each as `%08X` shows it on a little-endian machine. */
function words(addr: Uint8Array): string {
  let text = '';
  for (let i = 0; i < 16; i += 4)
    text += upper((addr[i + 3]! << 24) | (addr[i + 2]! << 16) | (addr[i + 1]! << 8) | addr[i]!, 8);
  return text;
}

function line(sk: InetSock, slot: number, local: number, remote: number): string {
  const { rcvSaddr, daddr } = sk.inet6!;
  return `${String(slot).padStart(5)}: ${words(rcvSaddr)}:${upper(local, 4)} ${words(daddr)}:${upper(remote, 4)} ${upper(sk.state, 2)} ${upper(sk.wmemAlloc, 8)}:${upper(sk.rmemAlloc, 8)} 00:00000000 00000000 ${String(sk.uid).padStart(5)} ${'0'.padStart(8)} ${sk.socket?.ino ?? 0} 2 0000000000000000 ${sk.drops}\n`;
}

function udp(net: Net, key: number): string {
  const list = udpSockets(net, key).filter((sk) => sk.family === AF_INET6);
  list.sort((a, b) => a.num - b.num);
  return HEADER + list.map((sk) => line(sk, sk.num, sk.sport, sk.dport)).join('');
}

function raw(net: Net): string {
  let text = HEADER;
  for (const [protocol, list] of [...raw6Table(net)].sort(([a], [b]) => a - b))
    for (const sk of list) text += line(sk, protocol, sk.num, 0);
  return text;
}

const icmp = (net: Net): string =>
  HEADER +
  pingSockets(net)
    .filter((sk) => sk.family === AF_INET6)
    .map((sk) => line(sk, sk.num, sk.sport, sk.dport))
    .join('');

function sockstat(net: Net): string {
  const { queues, memory } = ip6Frags(net);
  return (
    `TCP6: inuse 0\nUDP6: inuse ${sockProtInuseGet(net, udpv6Prot)}\n` +
    `UDPLITE6: inuse ${sockProtInuseGet(net, udplitev6Prot)}\nRAW6: inuse ${sockProtInuseGet(net, rawv6Prot)}\n` +
    `FRAG6: inuse ${queues.size} memory ${memory}\n`
  );
}

/** Everything of AF_INET6; the network layer is there. */
export function inet6SocketsInit(net: Net): void {
  inet6Init(net);
  udp6Init(net);
  raw6Init(net);
  ping6Init(net);
  const files: Record<string, () => string> = {
    udp6: () => udp(net, UDP_TABLE_KEY),
    udplite6: () => udp(net, UDPLITE_TABLE_KEY),
    raw6: () => raw(net),
    icmp6: () => icmp(net),
    sockstat6: () => sockstat(net),
  };
  for (const [name, read] of Object.entries(files)) procCreate(net, `/proc/self/net/${name}`, { read });
}
