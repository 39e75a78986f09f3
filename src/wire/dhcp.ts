import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** BOOTP and DHCP, RFC 951, RFC 2131.
 *
 *     0      1       2      3
 *    | op   | htype | hlen | hops |
 *    | xid                        |
 *    | secs         | flags       |
 *    | ciaddr | yiaddr | siaddr | giaddr (4 each)
 *    | chaddr (16) | sname (64) | file (128) | options: magic cookie, then code, length, data
 */
const OP = 0;
const HTYPE = 1;
const HLEN = 2;
const HOPS = 3;
const XID = 4;
const SECS = 8;
const FLAGS = 10;
export const CIADDR = 12;
export const YIADDR = 16;
export const SIADDR = 20;
export const GIADDR = 24;
export const CHADDR = 28;
export const SNAME = 44;
export const FILE = 108;
export const OPTIONS = 236;
export const CHADDR_LENGTH = 16;
export const SNAME_LENGTH = 64;
export const FILE_LENGTH = 128;

export const OP_REQUEST = 1;
export const OP_REPLY = 2;
export const HTYPE_ETHERNET = 1;
export const FLAG_BROADCAST = 0x8000;
/** RFC 2132 2: what the options begin with. */
export const COOKIE = 0x63825363;
export const COOKIE_LENGTH = 4;

export const OPTION_PAD = 0;
export const OPTION_SUBNET_MASK = 1;
export const OPTION_OVERLOAD = 52;
export const OPTION_MESSAGE_TYPE = 53;
export const OPTION_PARAMETER_REQUEST = 55;
export const OPTION_CLIENT_ID = 61;
export const OPTION_USER_CLASS = 77;
export const OPTION_FQDN = 81;
export const OPTION_AGENT = 82;
export const OPTION_NETWORK_ID = 94;
export const OPTION_DOMAIN_SEARCH = 119;
export const OPTION_CLASSLESS_ROUTE = 121;
export const OPTION_VENDOR_CLASSES = 124;
export const OPTION_CLASSLESS_ROUTE_MS = 249;
export const OPTION_END = 255;

export const op = (bytes: Uint8Array, at: number): number => bytes[at + OP]!;
export const htype = (bytes: Uint8Array, at: number): number => bytes[at + HTYPE]!;
export const hlen = (bytes: Uint8Array, at: number): number => bytes[at + HLEN]!;
export const hops = (bytes: Uint8Array, at: number): number => bytes[at + HOPS]!;
export const xid = (bytes: Uint8Array, at: number): number => be32(bytes, at + XID);
export const secs = (bytes: Uint8Array, at: number): number => be16(bytes, at + SECS);
export const flags = (bytes: Uint8Array, at: number): number => be16(bytes, at + FLAGS);

/** Places of those fields, for who shows where they are. */
export const AT = { OP, HTYPE, HLEN, HOPS, XID, SECS, FLAGS } as const;

/** True where the options' cookie stands at its place before `end`. */
export const hasCookie = (bytes: Uint8Array, at: number, end: number): boolean =>
  at + OPTIONS + COOKIE_LENGTH <= end && be32(bytes, at + OPTIONS) === COOKIE;

export interface DhcpOption {
  code: number;
  /** Behind code and length; at most 255 bytes. Empty for padding and the end. */
  data: Uint8Array;
}

export interface DhcpMessage {
  op: number;
  hardwareType: number;
  hardwareLength: number;
  hops: number;
  /** Transaction id. */
  xid: number;
  /** Seconds since the client began. */
  secs: number;
  flags: number;
  /** Four bytes each: the client's address, the one it is given, the next server's, the relay's. */
  ciaddr: Uint8Array;
  yiaddr: Uint8Array;
  siaddr: Uint8Array;
  giaddr: Uint8Array;
  /** 16 bytes, of which `hardwareLength` count. */
  chaddr: Uint8Array;
  /** 64 and 128 bytes: text that a zero ends, or options (RFC 2132 9.3). */
  sname: Uint8Array;
  file: Uint8Array;
  /** As they stand behind the cookie, padding and end among them; null: there is no cookie (BOOTP). */
  options: DhcpOption[] | null;
}

/** The message from `at` up to `end`. Options in `sname` and `file` are not read. */
export function parse(bytes: Uint8Array, at: number, end: number): DhcpMessage | Stop {
  if (end - at < OPTIONS) return truncated('dhcp', at, OPTIONS, end - at);
  let options: DhcpOption[] | null = null;
  if (hasCookie(bytes, at, end)) {
    options = [];
    for (let to = at + OPTIONS + COOKIE_LENGTH; to < end; ) {
      const code = bytes[to]!;
      if (code === OPTION_PAD || code === OPTION_END) {
        options.push({ code, data: new Uint8Array(0) });
        to++;
        if (code === OPTION_END) break;
        continue;
      }
      const length = to + 1 < end ? 2 + bytes[to + 1]! : 2;
      if (to + length > end) return invalid('dhcp', to, length, end - to, 'dhcp.option.length');
      options.push({ code, data: copyOf(bytes, to + 2, length - 2) });
      to += length;
    }
  }
  return {
    op: op(bytes, at),
    hardwareType: htype(bytes, at),
    hardwareLength: hlen(bytes, at),
    hops: hops(bytes, at),
    xid: xid(bytes, at),
    secs: secs(bytes, at),
    flags: flags(bytes, at),
    ciaddr: copyOf(bytes, at + CIADDR, 4),
    yiaddr: copyOf(bytes, at + YIADDR, 4),
    siaddr: copyOf(bytes, at + SIADDR, 4),
    giaddr: copyOf(bytes, at + GIADDR, 4),
    chaddr: copyOf(bytes, at + CHADDR, CHADDR_LENGTH),
    sname: copyOf(bytes, at + SNAME, SNAME_LENGTH),
    file: copyOf(bytes, at + FILE, FILE_LENGTH),
    options,
  };
}

const isSingle = (code: number): boolean => code === OPTION_PAD || code === OPTION_END;

/** Bytes that `emit` writes. */
export function emittedLength(message: Pick<DhcpMessage, 'options'>): number {
  if (message.options === null) return OPTIONS;
  return message.options.reduce(
    (sum, option) => sum + (isSingle(option.code) ? 1 : 2 + option.data.length),
    OPTIONS + COOKIE_LENGTH,
  );
}

/** Writes the message at `at`; gives the offset behind it. Options are written as they are given: an end only where one
 * is among them. Addresses and names that are shorter than their place are filled with zeros. */
export function emit(bytes: Uint8Array, at: number, message: DhcpMessage): number {
  bytes[at + OP] = message.op;
  bytes[at + HTYPE] = message.hardwareType;
  bytes[at + HLEN] = message.hardwareLength;
  bytes[at + HOPS] = message.hops;
  putBe32(bytes, at + XID, message.xid);
  putBe16(bytes, at + SECS, message.secs);
  putBe16(bytes, at + FLAGS, message.flags);
  bytes.fill(0, at + CIADDR, at + OPTIONS);
  bytes.set(message.ciaddr, at + CIADDR);
  bytes.set(message.yiaddr, at + YIADDR);
  bytes.set(message.siaddr, at + SIADDR);
  bytes.set(message.giaddr, at + GIADDR);
  bytes.set(message.chaddr, at + CHADDR);
  bytes.set(message.sname, at + SNAME);
  bytes.set(message.file, at + FILE);
  let to = at + OPTIONS;
  if (message.options === null) return to;
  putBe32(bytes, to, COOKIE);
  to += COOKIE_LENGTH;
  for (const { code, data } of message.options) {
    bytes[to++] = code;
    if (isSingle(code)) continue;
    bytes[to++] = data.length;
    bytes.set(data, to);
    to += data.length;
  }
  return to;
}
