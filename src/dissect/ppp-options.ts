import * as wire from '../wire/ppp.ts';
import { ouiName } from './oui.ts';
import { pppName } from './ppp.ts';
import { printUnknown } from './ppp-unknown.ts';
import type { Text } from './text.ts';

/** Configuration options of PPP's control protocols as tcpdump prints them. Each printer gives the option's length, or 0
 * where nothing more can be read. */

const LCP_NAMES = [
  'Vend-Ext',
  'MRU',
  'ACCM',
  'Auth-Prot',
  'Qual-Prot',
  'Magic-Num',
  'deprecated(6)',
  'PFC',
  'ACFC',
  'FCS-Alt',
  'SDP',
  'Num-Mode',
  'deprecated(12)',
  'Call-Back',
  'deprecated(14)',
  'deprecated(15)',
  'deprecated(16)',
  'MRRU',
  '12-Bit seq #',
  'End-Disc',
  'Proprietary',
  'DCE-Id',
  'MP+',
  'Link-Disc',
  'LCP-Auth-Opt',
  'COBS',
  'Prefix-elision',
  'Multilink-header-Form',
  'I18N',
  'SDL-over-SONET/SDH',
  'PPP-Muxing',
];
const CALLBACKS: Readonly<Record<number, string>> = {
  0: 'UserAuth',
  1: 'DialString',
  2: 'LocalID',
  3: 'E.164',
  4: 'X.500',
  6: 'CBCP',
};
const CHAP_ALGORITHMS: Readonly<Record<number, string>> = { 5: 'MD5', 128: 'MS-CHAPv1', 129: 'MS-CHAPv2' };
const IPCP_NAMES: Readonly<Record<number, string>> = {
  1: 'IP-Addrs',
  2: 'IP-Comp',
  3: 'IP-Addr',
  4: 'Home-Addr',
  129: 'Pri-DNS',
  130: 'Pri-NBNS',
  131: 'Sec-DNS',
  132: 'Sec-NBNS',
};
const CCP_NAMES: Readonly<Record<number, string>> = {
  0: 'OUI',
  1: 'Pred-1',
  2: 'Pred-2',
  3: 'Puddle',
  16: 'HP-PPC',
  17: 'Stac-LZS',
  18: 'MPPC',
  19: 'Gand-FZA',
  20: 'V.42bis',
  21: 'BSD-Comp',
  23: 'LZS-DCP',
  24: 'MVRCA',
  25: 'DEC',
  26: 'Deflate',
  255: 'Reserved',
};

const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, '0')}`;

/** True where the option is long enough; else says so. `exact`: it must have just this length. */
function fits(t: Text, size: number, needed: number, exact: boolean): boolean {
  if (exact ? size === needed : size >= needed) return true;
  t.out.ascii(` (length bogus, should be ${exact ? '=' : '>='} ${needed})`);
  return false;
}

/** Name, number and length of an option. False where its length cannot be. */
function printHead(t: Text, name: string, type: number, size: number): boolean {
  t.out.ascii(`\n\t  ${name} Option (${hex(type, 2)}), length ${size}`);
  return fits(t, size, 2, false);
}

/** The value in hexadecimal, where nothing else says what it holds, or -vv. */
function printValue(t: Text, at: number, size: number, isKnown: boolean): number {
  if (t.verbose > 1 || !isKnown) printUnknown(t, at + 2, size - 2, '\n\t    ');
  return size;
}

/** True where type and length of an option are there; else says that they are not. */
function hasHead(t: Text, at: number, length: number, name: string): boolean {
  if (length < 2) return false;
  if (t.has(at, 2)) return true;
  t.out.ascii(`[|${name}]`);
  return false;
}

export function printLcpOption(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!hasHead(t, at, length, 'lcp')) return 0;
  const type = t.u8(at);
  const size = t.u8(at + 1);
  if (length < size) return 0;
  const name = LCP_NAMES[type];
  if (name === undefined) {
    out.ascii(`\n\tunknown LCP option ${hex(type, 2)}`);
    if (size < 2) return 0;
  } else if (!printHead(t, name, type, size)) return 0;
  let isKnown = true;
  switch (type) {
    case 0:
      if (!fits(t, size, 6, false)) return size;
      out.ascii(`: Vendor: ${ouiName(t.be24(at + 2))} (${t.be24(at + 2)})`);
      break;
    case 1:
    case 17:
      if (!fits(t, size, 4, true)) return type === 1 ? size : 0;
      out.ascii(`: ${t.be16(at + 2)}`);
      break;
    case 2:
    case 5:
      if (!fits(t, size, 6, true)) return type === 2 ? size : 0;
      out.ascii(`: ${hex(t.be32(at + 2), 8)}`);
      break;
    case 3: {
      if (!fits(t, size, 4, false)) return size;
      const protocol = t.be16(at + 2);
      out.ascii(`: ${pppName(protocol) ?? 'Unknown Auth Proto (0x04x)'}`);
      if (protocol === wire.PPP_CHAP) {
        const algorithm = t.u8(at + 4);
        out.ascii(`, ${CHAP_ALGORITHMS[algorithm] ?? `Unknown Auth Alg ${algorithm}`}`);
      } else if (![wire.PPP_PAP, wire.PPP_EAP, wire.PPP_SPAP, wire.PPP_SPAP_OLD].includes(protocol))
        printUnknown(t, at, size);
      break;
    }
    case 4:
      if (!fits(t, size, 4, false)) return 0;
      out.ascii(t.be16(at + 2) === wire.PPP_LQR ? ': LQR' : ': unknown');
      break;
    case 7:
    case 8:
      break;
    case 13:
      if (!fits(t, size, 3, false)) return 0;
      out.ascii(': ');
      out.ascii(`: Callback Operation ${CALLBACKS[t.u8(at + 2)] ?? 'Unknown'} (${t.u8(at + 2)})`);
      break;
    case 19:
      if (!fits(t, size, 3, false)) return 0;
      printDiscriminator(t, at, size);
      break;
    case 23:
      if (!fits(t, size, 4, true)) return 0;
      out.ascii(`: ${hex(t.be16(at + 2), 4)}`);
      break;
    default:
      isKnown = false;
  }
  return printValue(t, at, size, isKnown);
}

/** RFC 1990 5.1.3. */
function printDiscriminator(t: Text, at: number, size: number): void {
  const { out } = t;
  switch (t.u8(at + 2)) {
    case 0:
      out.ascii(': Null');
      break;
    case 1:
      out.ascii(': Local');
      break;
    case 2:
      if (size !== 7) break;
      t.reads(at + 3, 4);
      out.ascii(': IPv4 ');
      t.ipv4(at + 3);
      break;
    case 3:
      if (size !== 9) break;
      t.reads(at + 3, 6);
      out.ascii(': MAC ');
      t.mac(at + 3);
      break;
    case 4:
      out.ascii(': Magic-Num-Block');
      break;
    case 5:
      out.ascii(': PSNDN');
  }
}

export function printIpcpOption(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!hasHead(t, at, length, 'ipcp')) return 0;
  const type = t.u8(at);
  const size = t.u8(at + 1);
  if (length < size) return 0;
  if (!printHead(t, IPCP_NAMES[type] ?? 'unknown', type, size)) return 0;
  const isKnown = IPCP_NAMES[type] !== undefined;
  if (type === 1) {
    if (!fits(t, size, 10, true)) return size;
    t.reads(at + 2, 8);
    out.ascii(': src ');
    t.ipv4(at + 2);
    out.ascii(', dst ');
    t.ipv4(at + 6);
  } else if (type === 2) {
    if (!fits(t, size, 4, false)) return 0;
    const place = printCompression(t, at, size);
    if (place < 0) return 0;
    return printValue(t, place, size, true);
  } else if (isKnown) {
    if (!fits(t, size, 6, true)) return 0;
    t.reads(at + 2, 4);
    out.ascii(': ');
    t.ipv4(at + 2);
  }
  return printValue(t, at, size, isKnown);
}

/** RFC 1332 3.2 and RFC 2509 2.1. Gives where tcpdump takes the option to begin for its hexdump, which is behind the
 * suboptions where there are some, or -1 where the capture ends. */
function printCompression(t: Text, at: number, size: number): number {
  const { out } = t;
  const protocol = t.be16(at + 2);
  const name = protocol === 0x2d ? 'VJ-Comp' : protocol === 0x61 ? 'IP Header Compression' : 'Unknown';
  out.ascii(`: ${name} (${hex(protocol, 2)}):`);
  if (protocol !== 0x61) return at;
  if (!fits(t, size, 14, false)) return -1;
  if (!t.has(at + 2, 14)) {
    out.ascii('[|ipcp]');
    return -1;
  }
  out.ascii(`\n\t    TCP Space ${t.be16(at + 4)}, non-TCP Space ${t.be16(at + 6)}`);
  out.ascii(`, maxPeriod ${t.be16(at + 8)}, maxTime ${t.be16(at + 10)}, maxHdr ${t.be16(at + 12)}`);
  if (size === 14) return at;
  out.ascii(`\n\t      Suboptions, length ${size - 14}`);
  let place = at + 14;
  for (let left = size - 14; left >= 2; ) {
    if (!t.has(place, 2)) {
      out.ascii('[|ipcp]');
      return -1;
    }
    const kind = t.u8(place);
    const length = t.u8(place + 1);
    if (kind === 0 || length === 0) break;
    const label = kind === 1 ? 'RTP-Compression' : kind === 2 ? 'Enhanced RTP-Compression' : 'Unknown';
    out.ascii(`\n\t\t${label} Suboption #${kind}, length ${length}`);
    left -= length;
    place += length;
  }
  return place;
}

export function printIp6cpOption(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!hasHead(t, at, length, 'ip6cp')) return 0;
  const type = t.u8(at);
  const size = t.u8(at + 1);
  if (length < size) return 0;
  if (!printHead(t, type === 1 ? 'Interface-ID' : 'unknown', type, size)) return 0;
  if (type === 1) {
    if (!fits(t, size, 10, true)) return size;
    if (!t.has(at + 2, 8)) {
      out.ascii('[|ip6cp]');
      return 0;
    }
    out.ascii(': ');
    for (let i = 0; i < 8; i += 2) {
      if (i > 0) out.byte(58);
      out.hexPadded(t.be16(at + 2 + i), 4);
    }
  }
  return printValue(t, at, size, type === 1);
}

export function printCcpOption(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!hasHead(t, at, length, 'ccp')) return 0;
  const type = t.u8(at);
  const size = t.u8(at + 1);
  if (length < size) return 0;
  if (!printHead(t, CCP_NAMES[type] ?? 'Unknown', type, size)) return 0;
  const isKnown = type === 21 || type === 24 || type === 26;
  if (type === 21) {
    if (!fits(t, size, 3, false)) return size;
    const value = t.u8(at + 2);
    out.ascii(`: Version: ${value >>> 5}, Dictionary Bits: ${value & 31}`);
  } else if (type === 24) {
    if (!fits(t, size, 4, false)) return size;
    const value = t.u8(at + 2);
    out.ascii(
      `: Features: ${value >>> 6}, PxP: ${(value & 0x20) !== 0 ? 'Enabled' : 'Disabled'}, ` +
        `History: ${value & 31}, #CTX-ID: ${t.u8(at + 3)}`,
    );
  } else if (type === 26) {
    if (!fits(t, size, 4, false)) return size;
    const first = t.u8(at + 2);
    const second = t.u8(at + 3);
    out.ascii(`: Window: ${first >>> 4}K, Method: ${(first & 15) === 8 ? 'zlib' : 'unknown'} (0x`);
    out.ascii(`${(first & 15).toString(16)}), MBZ: ${second >>> 2}, CHK: ${second & 3}`);
  }
  return printValue(t, at, size, isKnown);
}

export function printBacpOption(t: Text, at: number, length: number): number {
  const { out } = t;
  if (!hasHead(t, at, length, 'bacp')) return 0;
  const type = t.u8(at);
  const size = t.u8(at + 1);
  if (length < size) return 0;
  if (!printHead(t, type === 1 ? 'Favored-Peer' : 'Unknown', type, size)) return 0;
  if (type === 1) {
    if (!fits(t, size, 6, true)) return size;
    out.ascii(`: Magic-Num ${hex(t.be32(at + 2), 8)}`);
  }
  return printValue(t, at, size, type === 1);
}
