import { formatIpv4, formatIpv6, formatMac } from '../wire/address.ts';
import * as ethernet from '../wire/ethernet.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import type { Fields } from './fields.ts';
import type { FrameFacts } from './frame.ts';

/** The columns of Wireshark's packet list by the names that `tshark -e` has for them (`_ws.col.Protocol`), but for Info. */

/** What a column says of a packet. `digits`: of a second, as many as the capture has. */
export type ListColumn = (f: Fields, facts: FrameFacts, digits: number) => string;

const COLUMNS: Readonly<Record<string, ListColumn>> = {
  '_ws.col.No.': (_, { number }) => String(number),
  '_ws.col.Time': (_, facts, digits) => sinceFirst(facts, digits),
  '_ws.col.Source': (f) => address(f, SOURCE),
  '_ws.col.Destination': (f) => address(f, DESTINATION),
  '_ws.col.Protocol': (f) => protocol(f),
  '_ws.col.Length': (_, { originalLength }) => String(originalLength),
};

export const listColumnNames: readonly string[] = Object.keys(COLUMNS);

/** Undefined: there is no column of this name. */
export const listColumn = (name: string): ListColumn | undefined =>
  Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined;

function sinceFirst({ seconds, nanoseconds, first }: FrameFacts, digits: number): string {
  const since = BigInt(seconds - (first?.seconds ?? seconds)) * 1_000_000_000n;
  const total = since + BigInt(nanoseconds - (first?.nanoseconds ?? nanoseconds));
  const size = total < 0n ? -total : total;
  const fraction = String(size % 1_000_000_000n).padStart(9, '0');
  const shown = digits > 6 ? 9 : digits > 3 ? 6 : digits;
  return `${total < 0n ? '-' : ''}${size / 1_000_000_000n}${shown > 0 ? `.${fraction.slice(0, shown)}` : ''}`;
}

const SOURCE = 0;
const DESTINATION = 1;
/** Of each protocol with addresses: its header's length, where they are, and how they are written. */
const ADDRESSES: Readonly<
  Record<string, readonly [length: number, at: readonly number[], write: (bytes: Uint8Array, at: number) => string]>
> = {
  eth: [ethernet.HEADER_LENGTH, [6, 0], formatMac],
  ip: [ipv4.HEADER_LENGTH, [12, 16], formatIpv4],
  ipv6: [ipv6.HEADER_LENGTH, [8, 24], formatIpv6],
};

/** The last layer that the list speaks of: what an ICMP error quotes is not what the packet is. */
function lastLayer(f: Fields): number {
  for (let i = 0; i < f.layers; i++) {
    const { name } = f.layerProtocol[i]!;
    if (name === 'icmp' || name === 'icmpv6') return i;
  }
  return f.layers - 1;
}

/** The address of the innermost layer that has some. */
function address(f: Fields, side: number): string {
  for (let i = lastLayer(f); i >= 0; i--) {
    const found = ADDRESSES[f.layerProtocol[i]!.name];
    const at = f.layerAt[i]!;
    if (found === undefined || at + found[0] > f.pieceEnd(at)) continue;
    return found[2](f.bytes, at + found[1][side]!);
  }
  return '';
}

/** Layers that leave the word to those below them. */
const SILENT = new Set(['frame', 'data', 'mime', 'eth', 'llc', 'ipv6.hopopts', 'ipv6.dstopts', 'ipv6.routing']);

/** What the list calls a protocol, where it is not its name in capitals. */
const SHORT: Readonly<Record<string, string>> = {
  bacp: 'PPP BACP',
  ccp: 'PPP CCP',
  chap: 'PPP CHAP',
  chdlc: 'CHDLC',
  dhcpv6: 'DHCPv6',
  geneve: 'Geneve',
  icmpv6: 'ICMPv6',
  ip: 'IPv4',
  ipcp: 'PPP IPCP',
  ipv6: 'IPv6',
  ipv6cp: 'PPP IPV6CP',
  lcp: 'PPP LCP',
  mplscp: 'PPP MPLSCP',
  nbdgm: 'NBDS',
  osinlcp: 'PPP OSINLCP',
  pap: 'PPP PAP',
  pppoed: 'PPPoED',
  pppoes: 'PPPoES',
  ripng: 'RIPng',
  syslog: 'Syslog',
  udplite: 'UDP-Lite',
  vxlan: 'VxLAN',
  websocket: 'WebSocket',
};
const TLS_VERSIONS = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];

function protocol(f: Fields): string {
  for (let i = lastLayer(f); i > 0; i--) {
    const { name } = f.layerProtocol[i]!;
    if (SILENT.has(name)) continue;
    const at = f.layerAt[i]!;
    const byte = (offset: number): number => (at + offset < f.capturedEnd ? f.bytes[at + offset]! : -1);
    if (name === 'sdp') return i > 1 ? `${f.layerProtocol[i - 1]!.name.toUpperCase()}/SDP` : 'SDP';
    if (name === 'rip') return byte(1) === 1 || byte(1) === 2 ? `RIPv${byte(1)}` : 'RIP';
    if (name === 'tls') return TLS_VERSIONS[byte(2)] ?? 'TLS';
    if (name === 'dhcp') return isDhcp(f) ? 'DHCP' : 'BOOTP';
    return SHORT[name] ?? name.toUpperCase();
  }
  return f.layers > 1 ? 'Ethernet' : '';
}

/** Magic cookie and option 53, RFC 2131: without it the message is BOOTP's. */
const COOKIE = 236;
const MESSAGE_TYPE = 53;

function isDhcp(f: Fields): boolean {
  const layer = f.layerProtocol.findIndex((one, i) => i < f.layers && one.name === 'dhcp');
  const { bytes } = f;
  for (let at = f.layerAt[layer]! + COOKIE + 4; at + 1 < f.capturedEnd && bytes[at] !== 255; ) {
    if (bytes[at] === MESSAGE_TYPE) return true;
    at += bytes[at] === 0 ? 1 : 2 + bytes[at + 1]!;
  }
  return false;
}
