import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { invalid, type Stop } from './stop.ts';

/** TCP options, RFC 9293 3.1 and the IANA registry of TCP option kinds. END and NOP are one byte; every other has its
 * whole length in its second byte.
 *
 *     0         8          16
 *    |  kind   |  length  |  data …
 */
const KIND = 0;
const LENGTH = 1;
const DATA = 2;

export const END = 0;
export const NOP = 1;
export const MSS = 2;
/** RFC 7323 2.2. */
export const WINDOW_SCALE = 3;
/** RFC 2018. */
export const SACK_PERMITTED = 4;
export const SACK = 5;
export const ECHO = 6;
export const ECHO_REPLY = 7;
/** RFC 7323 3.2. */
export const TIMESTAMPS = 8;
export const PARTIAL_ORDER_PERMITTED = 9;
export const PARTIAL_ORDER_PROFILE = 10;
/** RFC 1644. */
export const CC = 11;
export const CC_NEW = 12;
export const CC_ECHO = 13;
export const ALTERNATE_CHECKSUM_REQUEST = 14;
export const ALTERNATE_CHECKSUM_DATA = 15;
export const SKEETER = 16;
export const BUBBA = 17;
export const TRAILER_CHECKSUM = 18;
/** RFC 2385. */
export const MD5 = 19;
export const SCPS = 20;
export const SNACK = 21;
export const RECORD_BOUNDARIES = 22;
export const CORRUPTION = 23;
export const SNAP = 24;
export const COMPRESSION_FILTER = 26;
/** RFC 4782. */
export const QUICK_START = 27;
/** RFC 5482. */
export const USER_TIMEOUT = 28;
/** RFC 5925. */
export const AUTHENTICATION = 29;
/** RFC 8684. */
export const MPTCP = 30;
/** RFC 7413. */
export const FAST_OPEN = 34;
/** RFC 8547. */
export const ENCRYPTION_NEGOTIATION = 69;
export const ACC_ECN_0 = 172;
export const ACC_ECN_1 = 174;
/** RFC 6994 shared experimental options, which begin with a 16-bit identifier. */
export const EXPERIMENT_1 = 253;
export const EXPERIMENT_2 = 254;

/** An option: the ones that a stack acts on have their values, all others their bytes. */
export type TcpOption =
  | { kind: 'end' | 'nop' | 'sackPermitted' }
  | { kind: 'mss'; mss: number }
  | { kind: 'windowScale'; shift: number }
  | { kind: 'sack'; blocks: { left: number; right: number }[] }
  | { kind: 'timestamps'; value: number; echo: number }
  | { kind: 'userTimeout'; minutes: boolean; timeout: number }
  | { kind: 'fastOpen'; cookie: Uint8Array }
  | { kind: 'md5'; digest: Uint8Array }
  | { kind: 'other'; type: number; data: Uint8Array };

/** Length in bytes of the option at `at`, which is before `end`; 0 where its length is missing, below 2, or beyond
 * `end`. */
export function lengthAt(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at + KIND]! <= NOP) return 1;
  if (at + LENGTH >= end) return 0;
  const length = bytes[at + LENGTH]!;
  return length < DATA || at + length > end ? 0 : length;
}

/** The options from `at` up to `end`; END ends them. An option of a known kind with a length that it must not have is
 * kept as `other`. */
export function parseOptions(bytes: Uint8Array, at: number, end: number): TcpOption[] | Stop {
  const options: TcpOption[] = [];
  while (at < end) {
    const length = lengthAt(bytes, at, end);
    if (length === 0) return invalid('tcp', at, DATA, end - at, 'tcp.option_len');
    options.push(parseOption(bytes, at, length));
    if (bytes[at] === END) break;
    at += length;
  }
  return options;
}

function parseOption(bytes: Uint8Array, at: number, length: number): TcpOption {
  const type = bytes[at + KIND]!;
  const data = at + DATA;
  const dataLength = Math.max(length - DATA, 0);
  if (type === END) return { kind: 'end' };
  if (type === NOP) return { kind: 'nop' };
  if (type === MSS && length === 4) return { kind: 'mss', mss: be16(bytes, data) };
  if (type === WINDOW_SCALE && length === 3) return { kind: 'windowScale', shift: bytes[data]! };
  if (type === SACK_PERMITTED && length === 2) return { kind: 'sackPermitted' };
  if (type === TIMESTAMPS && length === 10)
    return { kind: 'timestamps', value: be32(bytes, data), echo: be32(bytes, data + 4) };
  if (type === SACK && dataLength % 8 === 0) {
    const blocks: { left: number; right: number }[] = [];
    for (let block = data; block < data + dataLength; block += 8)
      blocks.push({ left: be32(bytes, block), right: be32(bytes, block + 4) });
    return { kind: 'sack', blocks };
  }
  if (type === USER_TIMEOUT && length === 4)
    return { kind: 'userTimeout', minutes: (bytes[data]! & 0x80) !== 0, timeout: be16(bytes, data) & 0x7fff };
  if (type === FAST_OPEN) return { kind: 'fastOpen', cookie: copyOf(bytes, data, dataLength) };
  if (type === MD5 && length === 18) return { kind: 'md5', digest: copyOf(bytes, data, dataLength) };
  return { kind: 'other', type, data: copyOf(bytes, data, dataLength) };
}

/** Bytes that one option takes. */
function optionLength(option: TcpOption): number {
  switch (option.kind) {
    case 'end':
    case 'nop':
      return 1;
    case 'sackPermitted':
      return 2;
    case 'windowScale':
      return 3;
    case 'mss':
    case 'userTimeout':
      return 4;
    case 'timestamps':
      return 10;
    case 'sack':
      return DATA + option.blocks.length * 8;
    case 'fastOpen':
      return DATA + option.cookie.length;
    case 'md5':
      return DATA + option.digest.length;
    case 'other':
      return option.type <= NOP ? 1 : DATA + option.data.length;
  }
}

/** Bytes that the options take, without padding. */
export function optionsLength(options: readonly TcpOption[]): number {
  let length = 0;
  for (const option of options) length += optionLength(option);
  return length;
}

/** Writes the options at `at`, without padding; gives the offset behind them. */
export function emitOptions(bytes: Uint8Array, at: number, options: readonly TcpOption[]): number {
  for (const option of options) {
    const length = optionLength(option);
    const data = at + DATA;
    bytes[at + KIND] = kindOf(option);
    if (length > 1) bytes[at + LENGTH] = length;
    if (option.kind === 'mss') putBe16(bytes, data, option.mss);
    else if (option.kind === 'windowScale') bytes[data] = option.shift;
    else if (option.kind === 'timestamps') {
      putBe32(bytes, data, option.value);
      putBe32(bytes, data + 4, option.echo);
    } else if (option.kind === 'sack') {
      for (const [index, block] of option.blocks.entries()) {
        putBe32(bytes, data + index * 8, block.left);
        putBe32(bytes, data + index * 8 + 4, block.right);
      }
    } else if (option.kind === 'userTimeout') putBe16(bytes, data, (option.minutes ? 0x8000 : 0) | option.timeout);
    else if (option.kind === 'fastOpen') bytes.set(option.cookie, data);
    else if (option.kind === 'md5') bytes.set(option.digest, data);
    else if (option.kind === 'other' && length > 1) bytes.set(option.data, data);
    at += length;
  }
  return at;
}

function kindOf(option: TcpOption): number {
  switch (option.kind) {
    case 'end':
      return END;
    case 'nop':
      return NOP;
    case 'mss':
      return MSS;
    case 'windowScale':
      return WINDOW_SCALE;
    case 'sackPermitted':
      return SACK_PERMITTED;
    case 'sack':
      return SACK;
    case 'timestamps':
      return TIMESTAMPS;
    case 'userTimeout':
      return USER_TIMEOUT;
    case 'fastOpen':
      return FAST_OPEN;
    case 'md5':
      return MD5;
    case 'other':
      return option.type;
  }
}
