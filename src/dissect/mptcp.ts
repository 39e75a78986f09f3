import { be16, be32, be64 } from '../bytes/endian.ts';
import * as tcp from '../wire/tcp.ts';
import type { Text } from './text.ts';

/** Prints a Multipath TCP option (RFC 8684 3, RFC 6824 3) of `length` bytes at `at`, all of which are there. False where
 * its length does not suit its subtype. */
export function printMptcp(t: Text, at: number, length: number, flags: number): boolean {
  const { out, bytes } = t;
  // What is cut from here on, in later options too, is reported under this name.
  t.layer = 'mptcp';
  if (length < 3) return false;
  out.byte(32);
  out.decimal(length);
  const subtype = bytes[at + 2]! >>> 4;
  out.byte(32);
  out.ascii(NAMES[subtype] ?? 'unknown');
  const print = PRINTERS[subtype];
  return print === undefined || print(t, at, length, flags);
}

const NAMES = ['capable', 'join', 'dss', 'add-addr', 'rem-addr', 'prio', 'fail', 'fast-close'];

const hex64 = (t: Text, at: number): void => t.out.ascii('0x' + be64(t.bytes, at).toString(16));

function capable(t: Text, at: number, length: number, flags: number): boolean {
  const { out, bytes } = t;
  const sync = flags & (tcp.SYN | tcp.ACK_FLAG);
  const isSyn = (flags & tcp.SYN) !== 0;
  const suits =
    ((length === 4 || length === 12) && isSyn) || ((length === 20 || length === 22) && sync === tcp.ACK_FLAG);
  if (!suits) return false;
  const version = bytes[at + 2]! & 15;
  if (version > 1) {
    out.ascii(` Unknown Version (${version})`);
    return true;
  }
  out.ascii(` v${version}`);
  if (bytes[at + 3]! & 0x80) out.ascii(' csum');
  if (length >= 12) {
    out.ascii(' {');
    hex64(t, at + 4);
    if (length >= 20) {
      out.byte(44);
      hex64(t, at + 12);
    }
    out.byte(125);
  }
  return true;
}

function join(t: Text, at: number, length: number, flags: number): boolean {
  const { out, bytes } = t;
  const isSyn = (flags & tcp.SYN) !== 0;
  const isAck = (flags & tcp.ACK_FLAG) !== 0;
  if (!((length === 12 && isSyn) || (length === 16 && isSyn && isAck) || (length === 24 && isAck))) return false;
  if (length !== 24) {
    if (bytes[at + 2]! & 1) out.ascii(' backup');
    out.ascii(' id ');
    out.decimal(bytes[at + 3]!);
  }
  if (length === 12) {
    out.ascii(' token 0x');
    out.hex(be32(bytes, at + 4));
    out.ascii(' nonce 0x');
    out.hex(be32(bytes, at + 8));
  } else if (length === 16) {
    out.ascii(' hmac ');
    hex64(t, at + 4);
    out.ascii(' nonce 0x');
    out.hex(be32(bytes, at + 12));
  } else {
    out.ascii(' hmac 0x');
    out.hexBytes(bytes, at + 4, at + 24);
  }
  return true;
}

/** RFC 8684 3.3.1: flags of the data sequence signal. */
const DSS_FIN = 0x10;
const DSS_SEQUENCE_64 = 0x08;
const DSS_SEQUENCE = 0x04;
const DSS_ACK_64 = 0x02;
const DSS_ACK = 0x01;

function dss(t: Text, at: number, length: number, flags: number): boolean {
  const { out, bytes } = t;
  // RFC 6824 3.3: only on segments without SYN.
  if (length < 4 || flags & tcp.SYN) return false;
  const bits = bytes[at + 3]!;
  const end = at + length;
  let to = at + 4;
  if (bits & DSS_FIN) out.ascii(' fin');
  if (bits & DSS_ACK) {
    out.ascii(' ack ');
    const size = bits & DSS_ACK_64 ? 8 : 4;
    if (to + size > end) return false;
    if (size === 8) out.big(be64(bytes, to));
    else out.decimal(be32(bytes, to));
    to += size;
  }
  if (bits & DSS_SEQUENCE) {
    out.ascii(' seq ');
    const size = bits & DSS_SEQUENCE_64 ? 8 : 4;
    if (to + size > end) return false;
    if (size === 8) out.big(be64(bytes, to));
    else out.decimal(be32(bytes, to));
    to += size;
    if (to + 4 > end) return false;
    out.ascii(' subseq ');
    out.decimal(be32(bytes, to));
    to += 4;
    if (to + 2 > end) return false;
    out.ascii(' len ');
    out.decimal(be16(bytes, to));
    to += 2;
    if (end - to >= 2) {
      out.ascii(' csum 0x');
      out.hex(be16(bytes, to));
      to += 2;
    }
  }
  return to === end;
}

function addAddress(t: Text, at: number, length: number): boolean {
  const { out, bytes } = t;
  const kind = bytes[at + 2]! & 15;
  const isIpv4 = length === 8 || length === 10 || length === 16 || length === 18;
  const isIpv6 = length === 20 || length === 22 || length === 28 || length === 30;
  if (!isIpv4 && !isIpv6) return false;
  if (kind > 1 && kind !== 4 && kind !== 6) return false;
  out.ascii(kind === 0 ? ' v1' : kind === 1 ? ' v1-echo' : kind === 4 ? ' v0-ip4' : ' v0-ip6');
  out.ascii(' id ');
  out.decimal(bytes[at + 3]!);
  out.byte(32);
  let to = at + 4;
  if (isIpv4) out.ipv4(bytes, to);
  else out.ipv6(bytes, to);
  to += isIpv4 ? 4 : 16;
  if (length === 10 || length === 18 || length === 22 || length === 30) {
    out.byte(58);
    out.decimal(be16(bytes, to));
    to += 2;
  }
  if (length === 16 || length === 18 || length === 28 || length === 30) {
    out.ascii(' hmac ');
    hex64(t, to);
  }
  return true;
}

function removeAddress(t: Text, at: number, length: number): boolean {
  const { out, bytes } = t;
  if (length < 4) return false;
  out.ascii(' id');
  for (let to = at + 3; to < at + length; to++) {
    out.byte(32);
    out.decimal(bytes[to]!);
  }
  return true;
}

function priority(t: Text, at: number, length: number): boolean {
  const { out, bytes } = t;
  if (length !== 3 && length !== 4) return false;
  out.ascii(bytes[at + 2]! & 1 ? ' backup' : ' non-backup');
  if (length === 4) {
    out.ascii(' id ');
    out.decimal(bytes[at + 3]!);
  }
  return true;
}

function fail(t: Text, at: number, length: number): boolean {
  if (length !== 12) return false;
  t.out.ascii(' seq ');
  t.out.big(be64(t.bytes, at + 4));
  return true;
}

function fastClose(t: Text, at: number, length: number): boolean {
  if (length !== 12) return false;
  t.out.ascii(' key ');
  hex64(t, at + 4);
  return true;
}

const PRINTERS = [capable, join, dss, addAddress, removeAddress, priority, fail, fastClose];
