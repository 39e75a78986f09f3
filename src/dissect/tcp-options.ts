import { wordOf, writeUint, writeWord } from '../bytes/digits.ts';
import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/tcp-options.ts';
import { defineFields, type Fields, groupOf, ROW_TCP_TIMESTAMPS } from './fields.ts';
import { printMptcp } from './mptcp.ts';
import type { Text } from './text.ts';

const F = defineFields('tcp', {
  option_kind: ['Kind', 'uint8', { list: true }],
  option_len: ['Length', 'uint8', { list: true }],
  'options.mss_val': ['MSS Value', 'uint16', { list: true }],
  'options.wscale.shift': ['Shift count', 'uint8', { list: true }],
  'options.wscale.multiplier': ['Multiplier', 'uint16', { list: true }],
  'options.sack_perm': ['TCP SACK Permitted Option', 'bytes', { list: true }],
  'options.sack_le': ['TCP SACK Left Edge', 'uint32', { list: true }],
  'options.sack_re': ['TCP SACK Right Edge', 'uint32', { list: true }],
  'options.timestamp.tsval': ['Timestamp value', 'uint32', { list: true }],
  'options.timestamp.tsecr': ['Timestamp echo reply', 'uint32', { list: true }],
  'options.user_to_val': ['User Timeout', 'uint16', { list: true }],
  'options.md5.digest': ['MD5 digest', 'bytes', { list: true }],
  'options.tfo.cookie': ['Fast Open Cookie', 'bytes', { list: true }],
  'options.mptcp.subtype': ['Multipath TCP subtype', 'uint8', { list: true }],
});
const ALL = groupOf(Object.values(F));
/** RFC 7323 2.3: a larger shift count means this one. */
const MAX_SCALE = 14;

const NAMES: Readonly<Record<number, string>> = {
  [wire.END]: 'eol',
  [wire.NOP]: 'nop',
  [wire.MSS]: 'mss',
  [wire.WINDOW_SCALE]: 'wscale',
  [wire.SACK_PERMITTED]: 'sackOK',
  [wire.SACK]: 'sack',
  [wire.ECHO]: 'echo',
  [wire.ECHO_REPLY]: 'echoreply',
  [wire.TIMESTAMPS]: 'TS',
  [wire.CC]: 'cc',
  [wire.CC_NEW]: 'ccnew',
  // tcpdump has no name for it.
  [wire.CC_ECHO]: '',
  [wire.MD5]: 'md5',
  [wire.SCPS]: 'scps',
  [wire.USER_TIMEOUT]: 'uto',
  [wire.AUTHENTICATION]: 'tcp-ao',
  [wire.MPTCP]: 'mptcp',
  [wire.FAST_OPEN]: 'tfo',
  [wire.EXPERIMENT_2]: 'exp',
};
/** RFC 7413 4.1.1: Fast Open before it had a kind of its own. */
const FAST_OPEN_MAGIC = 0xf989;

/** Two NOPs and timestamps, in this order (RFC 7323 appendix A): most segments of most connections have just these. */
const TIMESTAMPS_ALIGNED = 12;
const NOP_NOP_TIMESTAMPS = 0x0101_080a;
const NOP_NOP_VAL = wordOf('nop,nop,TS val ');
const ECR = wordOf(' ecr ');
/** Bytes that `nop,nop,TS val 4294967295 ecr 4294967295` takes at most. */
const TIMESTAMPS_ROOM = 64;

/** Prints the options of `left` bytes at `at`, up to the closing bracket. False where they end in an error, which ends
 * the line. */
export function printTcpOptions(t: Text, at: number, left: number, sackBase: number, flags: number): boolean {
  const { out, bytes } = t;
  if (left === TIMESTAMPS_ALIGNED && t.has(at, left) && be32(bytes, at) === NOP_NOP_TIMESTAMPS) {
    out.reserve(TIMESTAMPS_ROOM);
    const { memory } = out;
    const to = writeUint(memory, writeWord(memory, out.length, NOP_NOP_VAL), be32(bytes, at + 4));
    out.length = writeUint(memory, writeWord(memory, to, ECR), be32(bytes, at + 8));
    return true;
  }
  for (let first = true; left > 0; first = false) {
    if (!first) out.byte(44);
    const kind = t.u8(at++);
    left--;
    let length = 1;
    if (kind > wire.NOP) {
      length = t.u8(at++);
      if (length < 2 || length - 1 > left) return bad(t, first);
      left--;
    }
    const name = NAMES[kind];
    if (name === undefined) {
      out.ascii('unknown-');
      out.decimal(kind);
    } else out.ascii(name);
    // Bytes of data that the kind has (`used`), or that the length gives it.
    let used = length - 2;
    switch (kind) {
      case wire.END:
      case wire.NOP:
        used = 0;
        break;
      case wire.SACK_PERMITTED:
        used = 0;
        break;
      case wire.MSS:
      case wire.USER_TIMEOUT:
        used = 2;
        if (!lies(t, at, used, left, first)) return false;
        if (kind === wire.MSS) {
          out.byte(32);
          out.decimal(t.be16(at));
        } else {
          const value = t.be16(at);
          out.ascii(' 0x');
          out.hex(value);
          out.byte(32);
          out.decimal(value & 1 ? (value >> 1) * 60 : value >> 1);
        }
        break;
      case wire.WINDOW_SCALE:
        used = 1;
        if (!lies(t, at, used, left, first)) return false;
        out.byte(32);
        out.decimal(t.u8(at));
        break;
      case wire.SACK:
        if (used % 8 !== 0) {
          out.ascii(' invalid sack');
          break;
        }
        out.byte(32);
        out.decimal(used >> 3);
        out.byte(32);
        for (let i = 0; i < used; i += 8) {
          if (!lies(t, at, i + 4, left, first)) return false;
          if (!lies(t, at, i + 8, left, first)) return false;
          out.byte(123);
          out.decimal((be32(bytes, at + i) - sackBase) >>> 0);
          out.byte(58);
          out.decimal((be32(bytes, at + i + 4) - sackBase) >>> 0);
          out.byte(125);
        }
        break;
      case wire.CC:
      case wire.CC_NEW:
      case wire.CC_ECHO:
      case wire.ECHO:
      case wire.ECHO_REPLY:
        used = 4;
        if (!lies(t, at, used, left, first)) return false;
        out.byte(32);
        out.decimal(t.be32(at));
        break;
      case wire.TIMESTAMPS:
        used = 8;
        if (!lies(t, at, used, left, first)) return false;
        out.ascii(' val ');
        out.decimal(t.be32(at));
        out.ascii(' ecr ');
        out.decimal(t.be32(at + 4));
        break;
      case wire.MD5:
        used = 16;
        if (!lies(t, at, used, left, first)) return false;
        out.ascii(" shared secret not supplied with -M, can't check - ");
        out.hexBytes(bytes, at, at + used);
        break;
      case wire.SCPS:
        used = 2;
        if (!lies(t, at, used, left, first)) return false;
        out.ascii(' cap ');
        out.hexPadded(t.u8(at), 2);
        out.ascii(' id ');
        out.decimal(t.u8(at + 1));
        break;
      case wire.AUTHENTICATION:
        // RFC 5925 2.2: the length is at least 4.
        if (used < 2) {
          t.invalid();
          break;
        }
        if (!lies(t, at, 1, left, first)) return false;
        out.ascii(' keyid ');
        out.decimal(bytes[at]!);
        if (!lies(t, at, 2, left, first)) return false;
        out.ascii(' rnextkeyid ');
        out.decimal(bytes[at + 1]!);
        if (used > 2) {
          out.ascii(' mac 0x');
          for (let i = 2; i < used; i++) {
            if (!lies(t, at, i + 1, left, first)) return false;
            out.hexPadded(bytes[at + i]!, 2);
          }
        }
        break;
      case wire.MPTCP:
        if (!lies(t, at, used, left, first)) return false;
        if (!printMptcp(t, at - 2, length, flags)) return bad(t, first);
        break;
      case wire.FAST_OPEN:
        if (!lies(t, at, used, left, first)) return false;
        out.byte(32);
        printFastOpen(t, at, used, false);
        break;
      case wire.EXPERIMENT_2:
        if (!lies(t, at, used, left, first)) return false;
        if (used < 2) return bad(t, first);
        out.byte(45);
        if (be16(bytes, at) === FAST_OPEN_MAGIC) printFastOpen(t, at + 2, used - 2, true);
        else out.hexPadded(be16(bytes, at), 4);
        break;
      default:
        if (used > 0) out.ascii(' 0x');
        for (let i = 0; i < used; i++) {
          if (!lies(t, at, i + 1, left, first)) return false;
          out.hexPadded(bytes[at + i]!, 2);
        }
    }
    at += used;
    left -= used;
    if (used + (kind > wire.NOP ? 2 : 1) !== length) {
      out.ascii('[len ');
      out.decimal(length);
      out.byte(93);
    }
    if (kind === wire.END) break;
  }
  return true;
}

/** Checks that the option's first `count` bytes of data at `at` lie in the `left` bytes of options, and were captured. */
function lies(t: Text, at: number, count: number, left: number, first: boolean): boolean {
  if (count > left) return bad(t, first);
  if (t.has(at, count)) return true;
  t.truncated();
  if (!first) t.out.byte(62);
  return false;
}

function bad(t: Text, first: boolean): false {
  t.out.ascii('[bad opt]');
  if (!first) t.out.byte(93);
  return false;
}

/** RFC 7413 4.1.1: an empty option asks for a cookie; a cookie has 4 to 16 bytes, an even number. */
function printFastOpen(t: Text, at: number, length: number, isExperiment: boolean): void {
  const { out } = t;
  if (isExperiment) out.ascii('tfo');
  if (length === 0) {
    out.ascii(' cookiereq');
    return;
  }
  if (length % 2 !== 0 || length < 4 || length > 16) t.invalid();
  else {
    out.ascii(' cookie ');
    out.hexBytes(t.bytes, at, at + length);
  }
}

export function walkTcpOptions(f: Fields, at: number, end: number): void {
  if (!f.wantsSome(ALL)) return;
  const { bytes } = f;
  if (f.compact && end - at === TIMESTAMPS_ALIGNED && be32(bytes, at) === NOP_NOP_TIMESTAMPS) {
    f.header(ROW_TCP_TIMESTAMPS, at);
    return;
  }
  while (at < end) {
    const kind = bytes[at]!;
    f.uint(F.option_kind, at, 1, kind);
    if (kind === wire.END) {
      // More of these fill the header up; what else may be there is no option.
      if (at + 1 < end && bytes[at + 1] !== wire.END) return;
      at++;
      continue;
    }
    const length = wire.lengthAt(bytes, at, end);
    if (length === 0) {
      f.invalid('tcp', at, 2, end - at, 'tcp.option_len');
      return;
    }
    const data = at + 2;
    if (kind !== wire.NOP) f.uint(F.option_len, at + 1, 1, length);
    if (kind === wire.MSS && length === 4) f.uint(F['options.mss_val'], data, 2, be16(bytes, data));
    else if (kind === wire.WINDOW_SCALE && length === 3) {
      f.uint(F['options.wscale.shift'], data, 1, bytes[data]!);
      f.uint(F['options.wscale.multiplier'], data, 1, 1 << Math.min(bytes[data]!, MAX_SCALE));
    } else if (kind === wire.SACK_PERMITTED) f.raw(F['options.sack_perm'], at, length);
    else if (kind === wire.SACK)
      for (let block = data; block + 8 <= at + length; block += 8) {
        const base = f.sessions?.ackBase ?? 0;
        f.uint(F['options.sack_le'], block, 4, (be32(bytes, block) - base) >>> 0);
        f.uint(F['options.sack_re'], block + 4, 4, (be32(bytes, block + 4) - base) >>> 0);
      }
    else if (kind === wire.TIMESTAMPS && length === 10) {
      f.uint(F['options.timestamp.tsval'], data, 4, be32(bytes, data));
      f.uint(F['options.timestamp.tsecr'], data + 4, 4, be32(bytes, data + 4));
    } else if (kind === wire.USER_TIMEOUT && length === 4)
      f.uint(F['options.user_to_val'], data, 2, be16(bytes, data) & 0x7fff);
    else if (kind === wire.MD5) f.raw(F['options.md5.digest'], data, length - 2);
    else if (kind === wire.FAST_OPEN && length > 2) f.raw(F['options.tfo.cookie'], data, length - 2);
    else if (kind === wire.MPTCP && length > 2) f.uint(F['options.mptcp.subtype'], data, 1, bytes[data]! >>> 4);
    at += length;
  }
}
