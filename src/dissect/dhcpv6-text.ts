import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/dhcpv6.ts';
import { printName } from './dns-name.ts';
import type { Text } from './text.ts';

const TYPES: Readonly<Record<number, string>> = {
  1: 'solicit',
  2: 'advertise',
  3: 'request',
  4: 'confirm',
  5: 'renew',
  6: 'rebind',
  7: 'reply',
  8: 'release',
  9: 'decline',
  10: 'reconfigure',
  11: 'inf-req',
  12: 'relay-fwd',
  13: 'relay-reply',
  14: 'leasequery',
  15: 'leasequery-reply',
  16: 'leasequery-done',
  17: 'leasequery-data',
  18: 'reconfigure-request',
  19: 'reconfigure-reply',
  20: 'dhcpv4-query',
  21: 'dhcpv4-response',
};
const OPTIONS: Readonly<Record<number, string>> = {
  1: 'client-ID',
  2: 'server-ID',
  3: 'IA_NA',
  4: 'IA_TA',
  5: 'IA_ADDR',
  6: 'option-request',
  7: 'preference',
  8: 'elapsed-time',
  9: 'relay-message',
  11: 'authentication',
  12: 'server-unicast',
  13: 'status-code',
  14: 'rapid-commit',
  15: 'user-class',
  16: 'vendor-class',
  17: 'vendor-specific-info',
  18: 'interface-ID',
  19: 'reconfigure-message',
  20: 'reconfigure-accept',
  21: 'SIP-servers-domain',
  22: 'SIP-servers-address',
  23: 'DNS-server',
  24: 'DNS-search-list',
  25: 'IA_PD',
  26: 'IA_PD-prefix',
  27: 'NIS-server',
  28: 'NISP-server',
  29: 'NIS-domain-name',
  30: 'NISP-domain-name',
  31: 'SNTP-servers',
  32: 'lifetime',
  33: 'BCMCS-server-domain',
  34: 'BCMCS-server-address',
  36: 'geoconf-civic',
  37: 'Remote-ID',
  38: 'Subscriber-ID',
  39: 'Client-FQDN',
  56: 'NTP-server',
};
const STATUS: Readonly<Record<number, string>> = {
  0: 'Success',
  1: 'UnspecFail',
  2: 'NoAddrsAvail',
  3: 'NoBinding',
  4: 'NotOnLink',
  5: 'UseMulticast',
  6: 'NoPrefixAvail',
};
const ADDRESS_LISTS = new Set([
  wire.OPTION_SIP_ADDRESSES,
  wire.OPTION_DNS_SERVERS,
  wire.OPTION_SNTP_SERVERS,
  27,
  28,
  34,
]);
const NAME_LISTS = new Set([wire.OPTION_SIP_DOMAINS, wire.OPTION_DOMAINS, 29, 30]);
const IDENTIFIERS = new Set([wire.OPTION_INTERFACE_ID, 38]);
/** Bytes of an identifier that are shown. */
const SHOWN = 10;
const MAX_NESTING = 32;

/** Prints the DHCPv6 message of `length` bytes at `at`. */
export function printDhcpv6(t: Text, at: number, length: number): void {
  t.layer = 'dhcp6';
  t.out.ascii('dhcp6');
  printMessage(t, at, Math.min(at + length, t.end), 0);
}

function printMessage(t: Text, at: number, end: number, depth: number): void {
  const { out, bytes } = t;
  if (end - at < wire.HEADER_LENGTH) {
    t.truncated();
    return;
  }
  const type = bytes[at]!;
  out.ascii(` ${TYPES[type] ?? `msgtype-${type}`}`);
  if (t.verbose === 0) return;
  if (!wire.isRelay(type)) {
    out.ascii(' (xid=');
    out.hex(wire.transactionId(bytes, at));
    at += wire.HEADER_LENGTH;
  } else {
    out.ascii(' (');
    if (end - at < wire.PEER_ADDRESS) {
      t.truncated();
      return;
    }
    out.ascii('linkaddr=');
    t.ipv6(at + wire.LINK_ADDRESS);
    if (end - at < wire.RELAY_LENGTH) {
      t.truncated();
      return;
    }
    out.ascii(' peeraddr=');
    t.ipv6(at + wire.PEER_ADDRESS);
    at += wire.RELAY_LENGTH;
  }
  printOptions(t, at, end, depth);
  out.byte(41);
}

function printOptions(t: Text, at: number, end: number, depth: number): void {
  const { out, bytes } = t;
  while (at < end) {
    if (end - at < wire.OPTION_HEADER) {
      t.truncated();
      return;
    }
    const code = wire.optionCode(bytes, at);
    const length = wire.optionLength(bytes, at);
    if (length > end - at - wire.OPTION_HEADER) {
      t.truncated();
      return;
    }
    out.ascii(` (${OPTIONS[code] ?? `opt_${code}`}`);
    const body = at + wire.OPTION_HEADER;
    printOption(t, code, body, body + length, depth);
    at = body + length;
  }
}

function printOption(t: Text, code: number, at: number, end: number, depth: number): void {
  const { out, bytes } = t;
  const length = end - at;
  const close = (): void => out.byte(41);
  const unknown = (): void => out.ascii(' ?)');
  if (ADDRESS_LISTS.has(code)) {
    if (length % 16 !== 0) {
      unknown();
      return;
    }
    for (; at < end; at += 16) {
      out.byte(32);
      t.ipv6(at);
    }
    close();
    return;
  }
  if (NAME_LISTS.has(code)) {
    while (at >= 0 && at < end) {
      out.byte(32);
      at = printName(t, at, at);
    }
    close();
    return;
  }
  if (IDENTIFIERS.has(code)) {
    out.byte(32);
    out.hexBytes(bytes, at, Math.min(at + SHOWN, end));
    out.ascii('...)');
    return;
  }
  const nest = (from: number): void => {
    if (depth < MAX_NESTING) printOptions(t, from, end, depth + 1);
    close();
  };
  switch (code) {
    case wire.OPTION_CLIENT_ID:
    case wire.OPTION_SERVER_ID:
      printDuid(t, at, end);
      return;
    case wire.OPTION_IA_NA:
    case wire.OPTION_IA_PD:
      if (length < 12) {
        unknown();
        return;
      }
      out.ascii(` IAID:${be32(bytes, at)} T1:${be32(bytes, at + 4)} T2:${be32(bytes, at + 8)}`);
      nest(at + 12);
      return;
    case wire.OPTION_IA_TA:
      if (length < 4) {
        unknown();
        return;
      }
      out.ascii(` IAID:${be32(bytes, at)}`);
      nest(at + 4);
      return;
    case wire.OPTION_IA_ADDRESS:
      if (length < 24) {
        unknown();
        return;
      }
      out.byte(32);
      t.ipv6(at);
      out.ascii(` pltime:${be32(bytes, at + 16)} vltime:${be32(bytes, at + 20)}`);
      nest(at + 24);
      return;
    case wire.OPTION_IA_PREFIX:
      if (length < 25) {
        unknown();
        return;
      }
      out.byte(32);
      t.ipv6(at + 9);
      out.ascii(`/${bytes[at + 8]} pltime:${be32(bytes, at)} vltime:${be32(bytes, at + 4)}`);
      nest(at + 25);
      return;
    case wire.OPTION_REQUEST:
      if (length % 2 !== 0) {
        unknown();
        return;
      }
      for (; at < end; at += 2) out.ascii(` ${OPTIONS[be16(bytes, at)] ?? `opt_${be16(bytes, at)}`}`);
      close();
      return;
    case wire.OPTION_PREFERENCE:
      if (length !== 1) unknown();
      else out.ascii(` ${bytes[at]})`);
      return;
    case wire.OPTION_ELAPSED:
      if (length !== 2) unknown();
      else out.ascii(` ${be16(bytes, at)})`);
      return;
    case wire.OPTION_LIFETIME:
      if (length !== 4) unknown();
      else out.ascii(` ${be32(bytes, at)})`);
      return;
    case wire.OPTION_RELAY_MESSAGE:
      out.ascii(' (dhcp6');
      if (depth < MAX_NESTING) printMessage(t, at, end, depth + 1);
      close();
      return;
    case wire.OPTION_AUTHENTICATION:
      printAuthentication(t, at, end);
      return;
    case wire.OPTION_NTP_SERVER:
      printNtpServer(t, at, end);
      return;
    case wire.OPTION_STATUS:
      if (length < 2) unknown();
      else out.ascii(` ${STATUS[be16(bytes, at)] ?? `code${be16(bytes, at)}`})`);
      return;
    case wire.OPTION_RECONFIGURE:
      if (length !== 1) unknown();
      else if (bytes[at] === 5) out.ascii(' for renew)');
      else if (bytes[at] === 11) out.ascii(' for inf-req)');
      else out.ascii(` for ?\\${bytes[at]!.toString(8).padStart(3, '0')})`);
      return;
    case wire.OPTION_REMOTE_ID:
      if (length < 4) {
        unknown();
        return;
      }
      out.ascii(` ${be32(bytes, at)} `);
      out.hexBytes(bytes, at + 4, Math.min(at + 4 + SHOWN, end));
      out.ascii('...)');
      return;
    default:
      close();
  }
}

function printDuid(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  const length = end - at;
  if (length < 2) {
    out.ascii(' ?)');
    return;
  }
  const type = be16(bytes, at);
  if (type === 1 && length >= 8) {
    out.ascii(` hwaddr/time type ${be16(bytes, at + 2)} time ${be32(bytes, at + 4)} `);
    out.hexBytes(bytes, at + 8, end);
    out.byte(41);
  } else if (type === 2 && length >= 10) {
    out.ascii(' vid ');
    out.hexBytes(bytes, at + 2, at + 10);
    out.byte(41);
  } else if (type === 3 && length >= 4) {
    out.ascii(` hwaddr type ${be16(bytes, at + 2)} `);
    out.hexBytes(bytes, at + 4, end);
    out.byte(41);
  } else if (type > 3) out.ascii(` type ${type})`);
  else out.ascii(' ?)');
}

/** RFC 5908 4: addresses and names of servers. */
function printNtpServer(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  while (end - at >= wire.OPTION_HEADER) {
    const kind = be16(bytes, at);
    const size = be16(bytes, at + 2);
    at += wire.OPTION_HEADER;
    if (size > end - at) break;
    out.ascii(` subopt:${kind}`);
    if (kind === 1 || kind === 2) {
      if (size !== 16) out.ascii(' ?');
      else {
        out.byte(32);
        t.ipv6(at);
      }
    } else if (kind === 3) {
      out.byte(32);
      printName(t, at, at);
    } else out.ascii(' ?');
    at += size;
  }
  out.byte(41);
}

/** RFC 8415 21.11. */
function printAuthentication(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  if (end - at < 11) {
    out.ascii(' ?)');
    return;
  }
  const protocol = bytes[at]!;
  out.ascii(` proto: ${protocol === 2 ? 'delayed' : protocol === 3 ? 'reconfigure' : protocol}`);
  out.ascii(`, alg: ${bytes[at + 1] === 1 ? 'HMAC-MD5' : bytes[at + 1]}`);
  out.ascii(`, RDM: ${bytes[at + 2] === 0 ? 'mono' : bytes[at + 2]}, RD:`);
  for (let i = 0; i < 4; i++) {
    out.byte(32);
    out.hexPadded(be16(bytes, at + 3 + i * 2), 4);
  }
  if (end - at > 11) out.ascii(' ??');
  out.byte(41);
}
