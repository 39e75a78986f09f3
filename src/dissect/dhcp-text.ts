import { be16, be32 } from '../bytes/endian.ts';
import { hexdump } from '../bytes/hexdump.ts';
import * as wire from '../wire/dhcp.ts';
import { AGENT, ENUMERATIONS, HARDWARE, MESSAGES, OPTIONS } from './dhcp-options.ts';
import { CUT, type Text } from './text.ts';

const LINE = '\n\t  ';
const OPTION_LINE = '\n\t    ';
const INNER_LINE = '\n\t      ';
/** RFC 1048's predecessor at CMU began so. */
const CMU_COOKIE = 0x434d5500;
/** Options whose codes stand in one line. */
const CODES_PER_LINE = 4;
const VERY_VERBOSE = 3;

/** Prints the BOOTP or DHCP message of `length` bytes at `at`. */
export function printDhcp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'bootp';
  t.reads(at, 1);
  const op = wire.op(bytes, at);
  out.ascii('BOOTP/DHCP, ');
  if (op === wire.OP_REQUEST) out.ascii('Request');
  else if (op === wire.OP_REPLY) out.ascii('Reply');
  else {
    out.ascii('unknown (0x');
    out.hexPadded(op, 2);
    out.byte(41);
  }
  t.reads(at, 3);
  const htype = wire.htype(bytes, at);
  const hlen = wire.hlen(bytes, at);
  const isEthernet = htype === wire.HTYPE_ETHERNET && hlen === 6;
  if (isEthernet && op === wire.OP_REQUEST) {
    t.reads(at + wire.CHADDR, 6);
    out.ascii(' from ');
    t.mac(at + wire.CHADDR);
  }
  out.ascii(', length ');
  out.decimal(length);
  if (t.verbose === 0) return;
  t.need(at + wire.AT.SECS, 2);
  if (htype !== wire.HTYPE_ETHERNET) out.ascii(`, htype ${htype}`);
  if (!isEthernet) out.ascii(`, hlen ${hlen}`);
  if (wire.hops(bytes, at) > 0) out.ascii(`, hops ${wire.hops(bytes, at)}`);
  if (wire.xid(bytes, at) > 0) {
    out.ascii(', xid 0x');
    out.hex(wire.xid(bytes, at));
  }
  if (wire.secs(bytes, at) > 0) out.ascii(`, secs ${wire.secs(bytes, at)}`);
  t.reads(at + wire.AT.FLAGS, 2);
  out.ascii(wire.flags(bytes, at) & wire.FLAG_BROADCAST ? ', Flags [Broadcast]' : ', Flags [none]');
  if (t.verbose > 1) {
    out.ascii(' (0x');
    out.hexPadded(wire.flags(bytes, at), 4);
    out.byte(41);
  }
  printAddresses(t, at);
  if (isEthernet) {
    t.reads(at + wire.CHADDR, 6);
    out.ascii(`${LINE}Client-Ethernet-Address `);
    t.mac(at + wire.CHADDR);
  }
  printText(t, 'sname', at + wire.SNAME, wire.SNAME_LENGTH);
  printText(t, 'file', at + wire.FILE, wire.FILE_LENGTH);
  printVendor(t, at + wire.OPTIONS, at + length);
}

function printAddresses(t: Text, at: number): void {
  for (const [name, place] of [
    ['Client-IP', wire.CIADDR],
    ['Your-IP', wire.YIADDR],
    ['Server-IP', wire.SIADDR],
    ['Gateway-IP', wire.GIADDR],
  ] as const) {
    t.reads(at + place, 4);
    if (be32(t.bytes, at + place) === 0) continue;
    t.out.ascii(`${LINE}${name} `);
    t.ipv4(at + place);
  }
}

/** Text that ends with a zero byte, where there is any; it is cut off where the zero is missing. */
function printText(t: Text, name: string, at: number, size: number): void {
  const { out, bytes } = t;
  t.reads(at, 1);
  if (bytes[at] === 0) return;
  out.ascii(`${LINE}${name} "`);
  const end = at + size;
  while (at < end && at < t.end) {
    const value = bytes[at++]!;
    if (value === 0) {
      out.byte(34);
      return;
    }
    t.visible(value);
  }
  out.byte(34);
  throw CUT;
}

function printVendor(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  t.need(at, wire.COOKIE_LENGTH);
  const cookie = be32(bytes, at);
  if (cookie === wire.COOKIE) {
    out.ascii(`${LINE}Vendor-rfc1048 Extensions${OPTION_LINE}Magic Cookie 0x`);
    out.hex(cookie);
    printOptions(t, at + wire.COOKIE_LENGTH, end);
  } else if (cookie === CMU_COOKIE) printCmu(t, at);
  else if (cookie !== 0) {
    out.ascii(`${LINE}Vendor-#0x`);
    out.hex(cookie);
  }
}

/** Seven addresses and a mask. */
function printCmu(t: Text, at: number): void {
  t.out.ascii(' vend-cmu');
  for (const [name, place] of [
    ['DG', 12],
    ['SM', 8],
    ['NS1', 16],
    ['NS2', 20],
    ['IEN1', 24],
    ['IEN2', 28],
    ['TS1', 32],
    ['TS2', 36],
  ] as const) {
    t.need(at + place, 4);
    if (be32(t.bytes, at + place) === 0) continue;
    t.out.ascii(` ${name}${name === 'SM' ? '*' : ''}:`);
    t.ipv4(at + place);
  }
}

function printOptions(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  while (at < t.end && at < end) {
    const code = bytes[at++]!;
    if (t.verbose < VERY_VERBOSE && code === wire.OPTION_PAD) continue;
    if (t.verbose < VERY_VERBOSE && code === wire.OPTION_END) return;
    const info = OPTIONS[code]!;
    let length = 0;
    if (code !== wire.OPTION_PAD && code !== wire.OPTION_END) {
      t.reads(at, 1);
      length = bytes[at++]!;
    }
    out.ascii(`${OPTION_LINE}${info.name} (${code}), length ${length}`);
    if (length > 0) out.ascii(': ');
    if (code === wire.OPTION_PAD) {
      let count = 1;
      while (at < t.end && bytes[at] === wire.OPTION_PAD) {
        at++;
        count++;
      }
      if (count > 1) out.ascii(`, occurs ${count}`);
    }
    t.need(at, length);
    if (length === 0 && (code === wire.OPTION_PAD || code === wire.OPTION_END)) continue;
    const left = printData(t, code, at, at + length);
    at += length;
    if (left > 0) out.ascii(`${LINE}trailing data length ${left}`);
  }
}

/** Gives how many of the bytes were not printed. */
function printData(t: Text, code: number, at: number, end: number): number {
  const length = end - at;
  const { kind } = OPTIONS[code]!;
  switch (kind) {
    case 'addresses':
      return printList(t, at, end, 4, (place) => t.ipv4(place));
    case 'pairs':
      return printList(t, at, end, 8, (place) => {
        t.out.byte(40);
        t.ipv4(place);
        t.out.byte(58);
        t.ipv4(place + 4);
        t.out.byte(41);
      });
    case 'numbers32':
    case 'numbers16':
      return printNumbers(t, at, end, kind === 'numbers32' ? 4 : 2);
    case 'booleans':
      return printList(t, at, end, 1, (place) => {
        const value = t.bytes[place]!;
        t.out.ascii(value === 0 ? 'N' : value === 1 ? 'Y' : `${value}?`);
      });
    case 'octets':
      return printOctets(t, at, end);
    case 'guess':
      // By the length alone: numbers of the largest size that fits.
      if (length % 4 === 0) return printNumbers(t, at, end, 4);
      return length % 2 === 0 ? printNumbers(t, at, end, 2) : printOctets(t, at, end);
    case 'text':
      printQuoted(t, at, end);
      return 0;
    case 'options':
      for (let i = 0; at + i < end; i++) {
        const wanted = t.bytes[at + i]!;
        t.out.ascii(`${i % CODES_PER_LINE === 0 ? INNER_LINE : ', '}${OPTIONS[wanted]!.name} (${wanted})`);
      }
      return 0;
    case 'enumeration': {
      if (!isLong(t, length, 1)) return 0;
      const value = t.bytes[at]!;
      t.out.ascii(ENUMERATIONS[code]![value] ?? `#${value}`);
      return length - 1;
    }
    case 'message': {
      if (length !== 1) return printOctets(t, at, end);
      const type = t.bytes[at]!;
      t.out.ascii(MESSAGES[type] ?? `Unknown (${type})`);
      return 0;
    }
    case 'client':
      printClient(t, at, end);
      return 0;
    case 'classes':
      printClasses(t, at, end);
      return 0;
    case 'name':
      printName(t, at, end);
      return 0;
    case 'agent':
      return printAgent(t, at, end);
    case 'routes':
      printRoutes(t, at, end);
      return 0;
  }
}

function isLong(t: Text, length: number, needed: number): boolean {
  if (length >= needed) return true;
  t.out.ascii(`[ERROR: length < ${needed} bytes]`);
  return false;
}

function printList(t: Text, at: number, end: number, size: number, print: (at: number) => void): number {
  for (let isFirst = true; at + size <= end; at += size) {
    if (!isFirst) t.out.byte(44);
    print(at);
    isFirst = false;
  }
  return end - at;
}

const printNumbers = (t: Text, at: number, end: number, size: 2 | 4): number =>
  printList(t, at, end, size, (place) => t.out.decimal(size === 4 ? be32(t.bytes, place) : be16(t.bytes, place)));

function printOctets(t: Text, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    if (i > at) t.out.byte(46);
    t.out.decimal(t.bytes[i]!);
  }
  return 0;
}

function printQuoted(t: Text, at: number, end: number): void {
  t.out.byte(34);
  t.visibleBytes(at, end);
  t.out.byte(34);
}

function printClient(t: Text, at: number, end: number): void {
  if (!isLong(t, end - at, 1)) return;
  const type = t.bytes[at++]!;
  if (type === 0) {
    printQuoted(t, at, end);
    return;
  }
  t.out.ascii(HARDWARE[type] === undefined ? `hardware-type ${type}, ` : `${HARDWARE[type]} `);
  if (end > at) t.out.mac(t.bytes, at, end - at);
}

/** RFC 3004. */
function printClasses(t: Text, at: number, end: number): void {
  if (!isLong(t, end - at, 2)) return;
  for (let number = 1; at < end; number++) {
    const size = t.bytes[at++]!;
    t.out.ascii(`${INNER_LINE}instance#${number}: `);
    if (size === 0 || size > end - at) {
      t.out.ascii(size === 0 ? '[ERROR: suboption length must be non-zero]' : '[ERROR: invalid option]');
      return;
    }
    printQuoted(t, at, at + size);
    t.out.ascii(`, length ${size}`);
    at += size;
  }
}

/** RFC 4702. */
function printName(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  if (!isLong(t, end - at, 3)) return;
  const flags = bytes[at]!;
  if (flags & 0xf0) {
    out.ascii('[ERROR: MBZ nibble 0x');
    out.hex(flags >> 4);
    out.ascii(' != 0] ');
  }
  if (flags & 0x0f) {
    const letters = [flags & 1 ? 'S' : '', flags & 2 ? 'O' : '', flags & 4 ? 'E' : '', flags & 8 ? 'N' : ''];
    out.ascii(`[${letters.join('')}] `);
  }
  if (bytes[at + 1] || bytes[at + 2]) out.ascii(`${bytes[at + 1]}/${bytes[at + 2]} `);
  printQuoted(t, at + 3, end);
}

/** RFC 3046. */
function printAgent(t: Text, at: number, end: number): number {
  const { out, bytes } = t;
  while (end - at >= 2) {
    const code = bytes[at]!;
    const size = bytes[at + 1]!;
    at += 2;
    out.ascii(`${INNER_LINE}${AGENT[code] ?? 'Unknown'} SubOption ${code}, length ${size}: `);
    if (size > end - at) {
      out.ascii('length goes past end of option');
      return 0;
    }
    if (AGENT[code] !== undefined) t.visibleBytes(at, at + size);
    else hexdump(out, bytes, at, at + size, false, '\n\t\t');
    at += size;
  }
  return end - at;
}

/** RFC 3442: width of the mask, as many bytes of the destination as are significant, router. */
function printRoutes(t: Text, at: number, end: number): void {
  const { out, bytes } = t;
  if (!isLong(t, end - at, 5)) return;
  for (let isFirst = true; at < end; isFirst = false) {
    if (!isFirst) out.byte(44);
    const width = bytes[at++]!;
    if (width > 32) {
      out.ascii(`[ERROR: Mask width (${width}) > 32]`);
      return;
    }
    const significant = (width + 7) >> 3;
    if (significant + 4 > end - at) {
      out.ascii(`[ERROR: Remaining length (${end - at}) < ${significant + 4} bytes]`);
      return;
    }
    out.byte(40);
    if (width === 0) out.ascii('default');
    else {
      for (let i = 0; i < 4; i++) {
        if (i > 0) out.byte(46);
        out.decimal(i < significant ? bytes[at + i]! : 0);
      }
      out.ascii(`/${width}`);
    }
    at += significant;
    out.byte(58);
    t.ipv4(at);
    out.byte(41);
    at += 4;
  }
}
