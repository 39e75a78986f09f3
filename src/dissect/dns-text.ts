import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/dns.ts';
import { printName, skipPrinted } from './dns-name.ts';
import * as names from './dns-names.ts';
import type { Text } from './text.ts';

const IQUERY = 1;
/** Bits of a query's second word that should be zero: as tcpdump has them. */
const WEIRD = 0x6cf;
const OPT_DO = 0x8000;

/** Prints the DNS message of `length` bytes at `at`. */
export function printDns(t: Text, at: number, length: number, isMdns: boolean): void {
  const { out, bytes } = t;
  t.layer = 'domain';
  if (length < wire.HEADER_LENGTH) {
    out.ascii('domain ');
    t.complain('length', length, ' < ', wire.HEADER_LENGTH);
    return;
  }
  t.need(at, wire.HEADER_LENGTH);
  const flags = wire.flags(bytes, at);
  out.decimal(wire.id(bytes, at));
  out.ascii(names.OPERATIONS[wire.opcode(bytes, at)]!);
  const isComplete =
    flags & wire.FLAG_RESPONSE ? printResponse(t, at, flags, isMdns) : printQuery(t, at, flags, isMdns);
  if (!isComplete) {
    t.truncated();
    return;
  }
  out.ascii(' (');
  out.decimal(length);
  out.byte(41);
}

/** What follows the operation in a response. False where the message ends early. */
function printResponse(t: Text, at: number, flags: number, isMdns: boolean): boolean {
  const { out, bytes } = t;
  out.ascii(names.responseName((flags & 15) | (extendedResponse(t, at) << 4)));
  if (flags & wire.FLAG_AUTHORITATIVE) out.byte(42);
  if (!(flags & wire.FLAG_RECURSION_AVAILABLE)) out.byte(45);
  if (flags & wire.FLAG_TRUNCATED) out.byte(124);
  if (flags & wire.FLAG_AUTHENTIC) out.byte(36);
  const questions = wire.questionCount(bytes, at);
  if (questions !== 1) printCount(t, questions, 'q');
  let to = at + wire.HEADER_LENGTH;
  for (let i = 0; i < questions; i++) {
    if (i > 0) out.byte(44);
    if (t.verbose > 1) {
      out.ascii(' q:');
      to = printQuestion(t, to, at, isMdns);
      if (to < 0) return false;
    } else {
      to = skipPrinted(t, to);
      if (to < 0) return false;
      to += wire.QUESTION_FIXED;
    }
  }
  const answers = wire.answerCount(bytes, at);
  const authorities = wire.authorityCount(bytes, at);
  const additionals = wire.additionalCount(bytes, at);
  out.byte(32);
  out.decimal(answers);
  out.byte(47);
  out.decimal(authorities);
  out.byte(47);
  out.decimal(additionals);
  if (answers > 0) {
    to = printRecords(t, to, at, answers, isMdns);
    if (to < 0) return false;
  }
  if (t.verbose > 1) {
    if (authorities > 0) {
      if (to >= t.end) return false;
      out.ascii(' ns:');
      to = printRecords(t, to, at, authorities, isMdns);
      if (to < 0) return false;
    }
    if (additionals > 0) {
      if (to >= t.end) return false;
      out.ascii(' ar:');
      to = printRecords(t, to, at, additionals, isMdns);
      if (to < 0) return false;
    }
  }
  return true;
}

/** The eight bits of the response code that the OPT record has (RFC 6891 6.1.3); 0 where there is none, or it is cut. */
function extendedResponse(t: Text, at: number): number {
  const { bytes } = t;
  let more = wire.additionalCount(bytes, at);
  if (more === 0) return 0;
  let to = at + wire.HEADER_LENGTH;
  for (let i = wire.questionCount(bytes, at); i > 0; i--) {
    to = skipPrinted(t, to);
    if (to < 0) return 0;
    to += wire.QUESTION_FIXED;
  }
  const others = wire.answerCount(bytes, at) + wire.authorityCount(bytes, at);
  more += others;
  for (let i = 0; i < more; i++) {
    const fixed = skipPrinted(t, to);
    if (fixed < 0) return 0;
    if (i >= others && t.has(fixed, 5) && wire.recordType(bytes, fixed) === wire.TYPE_OPT) return bytes[fixed + 4]!;
    if (!t.has(fixed, wire.RECORD_FIXED)) return 0;
    to = fixed + wire.RECORD_FIXED + wire.recordDataLength(bytes, fixed);
  }
  return 0;
}

function printCount(t: Text, count: number, what: string): void {
  t.out.ascii(' [');
  t.out.decimal(count);
  t.out.ascii(what);
  t.out.byte(93);
}

function printQuery(t: Text, at: number, flags: number, isMdns: boolean): boolean {
  const { out, bytes } = t;
  if (flags & wire.FLAG_RECURSION_DESIRED) out.byte(43);
  if (flags & wire.FLAG_CHECKING_DISABLED) out.byte(37);
  if (flags & WEIRD) {
    out.ascii(' [b2&3=0x');
    out.hex(flags);
    out.byte(93);
  }
  const questions = wire.questionCount(bytes, at);
  const answers = wire.answerCount(bytes, at);
  const authorities = wire.authorityCount(bytes, at);
  const additionals = wire.additionalCount(bytes, at);
  if (wire.opcode(bytes, at) === IQUERY) {
    if (questions > 0) printCount(t, questions, 'q');
    if (answers !== 1) printCount(t, answers, 'a');
  } else {
    if (answers > 0) printCount(t, answers, 'a');
    if (questions !== 1) printCount(t, questions, 'q');
  }
  if (authorities > 0) printCount(t, authorities, 'n');
  if (additionals > 0) printCount(t, additionals, 'au');
  let to = at + wire.HEADER_LENGTH;
  for (let i = 0; i < questions; i++) {
    if (i > 0 && to >= t.end) return false;
    to = printQuestion(t, to, at, isMdns);
    if (to < 0) return false;
  }
  if (t.verbose > 1) {
    if (answers > 0) {
      to = printRecords(t, to, at, answers, isMdns);
      if (to < 0) return false;
    }
    if (authorities > 0) {
      if (to >= t.end) return false;
      out.ascii(' ns:');
      to = printRecords(t, to, at, authorities, isMdns);
      if (to < 0) return false;
    }
    if (additionals > 0) {
      if (to >= t.end) return false;
      out.ascii(' ar:');
      to = printRecords(t, to, at, additionals, isMdns);
      if (to < 0) return false;
    }
  }
  return true;
}

/** Prints ` A? name` for the question at `at`. Gives the offset behind it, or -1 where it is cut. */
function printQuestion(t: Text, at: number, message: number, isMdns: boolean): number {
  const { out, bytes } = t;
  const fixed = skipPrinted(t, at);
  if (fixed < 0 || !t.has(fixed, wire.QUESTION_FIXED)) return -1;
  out.byte(32);
  out.ascii(names.typeName(be16(bytes, fixed)));
  let value = be16(bytes, fixed + 2);
  const unicast = isMdns && (value & wire.CLASS_TOP_BIT) !== 0;
  if (isMdns) value &= ~wire.CLASS_TOP_BIT;
  if (value !== wire.CLASS_IN) {
    out.byte(32);
    out.ascii(names.className(value));
  }
  if (isMdns) out.ascii(unicast ? ' (QU)' : ' (QM)');
  out.ascii('? ');
  return printName(t, at, message) < 0 ? -1 : fixed + wire.QUESTION_FIXED;
}

/** Prints `count` records, of which the first is at `at`, with commas between. Gives the offset behind them, or -1. */
function printRecords(t: Text, at: number, message: number, count: number, isMdns: boolean): number {
  let to = at;
  for (let i = 0; i < count; i++) {
    if (i > 0) {
      if (to >= t.end) return -1;
      t.out.byte(44);
    }
    to = printRecord(t, to, message, isMdns);
    if (to < 0) return -1;
  }
  return to;
}

function printRecord(t: Text, at: number, message: number, isMdns: boolean): number {
  const { out, bytes } = t;
  let fixed: number;
  if (t.verbose > 0) {
    out.byte(32);
    fixed = printName(t, at, message);
    if (fixed < 0) return -1;
  } else fixed = skipPrinted(t, at);
  if (fixed < 0 || !t.has(fixed, wire.RECORD_FIXED)) return t.end;
  const type = wire.recordType(bytes, fixed);
  let value = wire.recordClass(bytes, fixed);
  const flush = isMdns && (value & wire.CLASS_TOP_BIT) !== 0;
  if (isMdns) value &= ~wire.CLASS_TOP_BIT;
  if (value !== wire.CLASS_IN && type !== wire.TYPE_OPT) {
    out.byte(32);
    out.ascii(names.className(value));
  }
  if (flush) out.ascii(' (Cache flush)');
  if (type !== wire.TYPE_OPT && t.verbose > 2) {
    out.ascii(' [');
    printDuration(t, wire.recordTtl(bytes, fixed));
    out.byte(93);
  }
  const data = fixed + wire.RECORD_FIXED;
  const end = data + wire.recordDataLength(bytes, fixed);
  out.byte(32);
  out.ascii(names.typeName(type));
  if (end > t.end) return -1;
  return printData(t, type, value, fixed, data, end, message) ? end : -1;
}

/** Seconds as tcpdump writes them: `1y2w3d4h5m6s`, without the units that are zero. */
function printDuration(t: Text, seconds: number): void {
  const { out } = t;
  if (seconds === 0) {
    out.ascii('0s');
    return;
  }
  const units: readonly (readonly [number, string])[] = [
    [31536000, 'y'],
    [604800, 'w'],
    [86400, 'd'],
    [3600, 'h'],
    [60, 'm'],
    [1, 's'],
  ];
  for (const [size, letter] of units) {
    if (seconds < size) continue;
    out.decimal(Math.floor(seconds / size));
    out.ascii(letter);
    seconds %= size;
  }
}

/** Prints a record's data. False where it is cut. */
function printData(
  t: Text,
  type: number,
  value: number,
  fixed: number,
  data: number,
  end: number,
  message: number,
): boolean {
  const { out, bytes } = t;
  switch (type) {
    case wire.TYPE_A:
      if (!t.has(data, 4)) return false;
      out.byte(32);
      out.ipv4(bytes, data);
      return true;
    case wire.TYPE_NS:
    case wire.TYPE_CNAME:
    case wire.TYPE_PTR:
    case wire.TYPE_DNAME:
      out.byte(32);
      return printName(t, data, message) >= 0;
    case wire.TYPE_SOA:
      return t.verbose === 0 || printSoa(t, data, message);
    case wire.TYPE_MX:
      out.byte(32);
      if (!t.has(data, 2)) return false;
      if (printName(t, data + 2, message) < 0) return false;
      out.byte(32);
      out.decimal(be16(bytes, data));
      return true;
    case wire.TYPE_TXT:
      for (let to = data; to < end; ) {
        out.ascii(' "');
        to = printString(t, to);
        out.byte(34);
        if (to < 0) return false;
      }
      return true;
    case wire.TYPE_SRV:
      out.byte(32);
      if (!t.has(data, 2)) return false;
      if (printName(t, data + 6, message) < 0) return false;
      out.ascii(`:${t.be16(data + 4)} ${t.be16(data)} ${t.be16(data + 2)}`);
      return true;
    case wire.TYPE_AAAA:
      if (!t.has(data, 16)) return false;
      out.byte(32);
      out.ipv6(bytes, data);
      return true;
    case wire.TYPE_A6:
      return printA6(t, data, message);
    case wire.TYPE_URI:
      if (!t.has(data, end - data)) return false;
      out.ascii(` ${t.be16(data)} ${t.be16(data + 2)} `);
      // A record too short for its numbers has all that follows for its target.
      return !t.visibleBytes(data + 4, end < data + 4 ? t.end + 1 : end);
    case wire.TYPE_OPT:
      printOpt(t, value, fixed, data, end, message);
      return true;
    case wire.TYPE_UNSPECA:
      return t.has(data, end - data) && !t.visibleBytes(data, end);
    case wire.TYPE_TSIG:
      return t.verbose === 0 || printTsig(t, data, message);
    default:
      return true;
  }
}

/** A string with its length in front. Gives the offset behind it, or -1 where it is cut. */
function printString(t: Text, at: number): number {
  if (!t.has(at, 1)) return -1;
  const end = at + 1 + t.bytes[at]!;
  return t.visibleBytes(at + 1, end) ? -1 : end;
}

function printSoa(t: Text, at: number, message: number): boolean {
  const { out } = t;
  for (let i = 0; i < 2; i++) {
    out.byte(32);
    at = printName(t, at, message);
    if (at < 0) return false;
  }
  if (!t.has(at, 20)) return false;
  for (let i = 0; i < 5; i++) {
    out.byte(32);
    out.decimal(be32(t.bytes, at + i * 4));
  }
  return true;
}

function printA6(t: Text, at: number, message: number): boolean {
  const { out, bytes } = t;
  if (!t.has(at, 1)) return false;
  const prefix = bytes[at]!;
  if (prefix > 128) {
    out.ascii(` ${prefix}(bad plen)`);
    return true;
  }
  if (prefix < 128) {
    const address = new Uint8Array(16);
    const skipped = prefix >> 3;
    if (!t.has(at + 1, 16 - skipped)) return false;
    address.set(bytes.subarray(at + 1, at + 17 - skipped), skipped);
    out.ascii(` ${prefix} `);
    out.ipv6(address, 0);
    at += 17 - skipped;
  } else {
    out.ascii(` ${prefix}`);
    at += 1;
  }
  if (prefix > 0) {
    out.byte(32);
    return printName(t, at, message) >= 0;
  }
  return true;
}

function printTsig(t: Text, at: number, message: number): boolean {
  const { out } = t;
  out.byte(32);
  at = printName(t, at, message);
  if (at < 0) return false;
  at += 6;
  if (!t.has(at, 2)) return false;
  out.ascii(` fudge=${t.be16(at)}`);
  if (!t.has(at + 2, 2)) return false;
  const size = t.be16(at + 2);
  out.ascii(` maclen=${size}`);
  at += 4 + size;
  if (!t.has(at, 2)) return false;
  out.ascii(` origid=${t.be16(at)}`);
  if (!t.has(at + 2, 2)) return false;
  out.ascii(` error=${t.be16(at + 2)}`);
  if (!t.has(at + 4, 2)) return false;
  out.ascii(` otherlen=${t.be16(at + 4)}`);
  return true;
}

function printOpt(t: Text, size: number, fixed: number, at: number, end: number, message: number): void {
  const { out } = t;
  out.ascii(` UDPsize=${size}`);
  if (be16(t.bytes, fixed + 6) & OPT_DO) out.ascii(' DO');
  if (at >= end) return;
  out.ascii(' [');
  while (at < end) {
    const code = t.be16(at);
    out.ascii(names.ednsName(code));
    const length = t.be16(at + 2);
    at += 4;
    if (length > 0) {
      t.need(at, length);
      out.byte(32);
      printEdns(t, code, at, length, message);
    }
    at += length;
    if (at < end) out.byte(44);
  }
  out.byte(93);
}

const SIGNATURES: Readonly<Record<number, string>> = {
  0: 'DELETE',
  1: 'RSAMD5',
  2: 'DH',
  3: 'DS',
  5: 'RSASHA1',
  6: 'DSA-NSEC3-SHA1',
  7: 'RSASHA1-NSEC3-SHA1',
  8: 'RSASHA256',
  10: 'RSASHA512',
  12: 'ECC-GOST',
  13: 'ECDSAP256SHA256',
  14: 'ECDSAP384SHA384',
  15: 'ED25519',
  16: 'ED448',
  252: 'INDIRECT',
  253: 'PRIVATEDNS',
  254: 'PRIVATEOID',
};
const DIGESTS: Readonly<Record<number, string>> = { 1: 'SHA-1', 2: 'SHA-256', 3: 'GOST_R_34.11-94', 4: 'SHA-384' };
const NSEC3_HASHES: Readonly<Record<number, string>> = { 1: 'SHA-1' };

function printEdns(t: Text, code: number, at: number, length: number, message: number): void {
  const { out, bytes } = t;
  t.reads(at, length);
  switch (code) {
    case names.EDNS_CLIENT_SUBNET:
      printSubnet(t, at, length);
      return;
    case names.EDNS_COOKIE:
      if (length < 8 || length === 9 || length > 40) t.invalid();
      else {
        // RFC 7873 4: eight bytes are the client's cookie, the rest is the server's.
        out.hexBytes(bytes, at, at + 8);
        if (length > 8) out.byte(32);
        out.hexBytes(bytes, at + 8, at + length);
      }
      return;
    case names.EDNS_KEEPALIVE:
      if (length !== 2) t.invalid();
      else out.ascii(`${(be16(bytes, at) / 10).toFixed(1)} sec`);
      return;
    case names.EDNS_EXPIRE:
      if (length !== 4) t.invalid();
      else out.ascii(`${be32(bytes, at)} sec`);
      return;
    case names.EDNS_PADDING:
      out.ascii(`(${length})`);
      return;
    case names.EDNS_CHAIN:
      printName(t, at, message);
      return;
    case names.EDNS_KEY_TAG:
      if (length < 2 || length % 2 !== 0) t.invalid();
      else
        for (let i = 0; i < length; i += 2) {
          if (i > 0) out.byte(32);
          out.decimal(be16(bytes, at + i));
        }
      return;
    case names.EDNS_DAU:
    case names.EDNS_DHU:
    case names.EDNS_N3U: {
      const table = code === names.EDNS_DAU ? SIGNATURES : code === names.EDNS_DHU ? DIGESTS : NSEC3_HASHES;
      for (let i = 0; i < length; i++) {
        if (i > 0) out.byte(32);
        out.ascii(table[bytes[at + i]!] ?? `Alg_${bytes[at + i]}`);
      }
      return;
    }
    default:
      out.hexBytes(bytes, at, at + length);
  }
}

/** RFC 7871 6: family, source and scope prefix lengths, as many bytes of the address as the source prefix needs. */
function printSubnet(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  if (length < 4) {
    t.invalid();
    return;
  }
  const family = be16(bytes, at);
  const source = bytes[at + 2]!;
  const scope = bytes[at + 3]!;
  const width = family === 1 ? 4 : family === 2 ? 16 : 0;
  if (width === 0 || length - 4 !== (source + 7) >> 3 || source > width * 8 || scope > width * 8) {
    t.invalid();
    return;
  }
  const address = new Uint8Array(16);
  address.set(bytes.subarray(at + 4, at + length));
  if (width === 4) out.ipv4(address, 0);
  else out.ipv6(address, 0);
  out.ascii(`/${source}/${scope}`);
}
