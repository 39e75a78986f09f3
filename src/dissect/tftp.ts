import { be16 } from '../bytes/endian.ts';
import { ascii } from '../wire/text-line.ts';
import { OP_ACK, OP_DATA, OP_ERROR, OP_OACK, OP_READ, OP_WRITE } from '../wire/tftp.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const F = defineFields('tftp', {
  opcode: ['Opcode', 'uint16'],
  source_file: ['Source File', 'string'],
  destination_file: ['Destination File', 'string'],
  type: ['Type', 'string'],
  block: ['Block', 'uint16'],
  'block.full': ['Full Block Number', 'uint32'],
  request_frame: ['Request frame', 'uint32'],
  'error.code': ['Error code', 'uint16'],
  'error.message': ['Error message', 'string'],
  'option.name': ['Option name', 'string', { list: true }],
  'option.value': ['Option value', 'string', { list: true }],
  data: ['Data', 'bytes'],
});

const NAMES: Readonly<Record<number, string>> = {
  [OP_READ]: 'RRQ',
  [OP_WRITE]: 'WRQ',
  [OP_DATA]: 'DATA',
  [OP_ACK]: 'ACK',
  [OP_ERROR]: 'ERROR',
  [OP_OACK]: 'OACK',
};
const ERRORS = ['EUNDEF', 'ENOTFOUND', 'EACCESS', 'ENOSPACE', 'EBADOP', 'EBADID', 'EEXISTS', 'ENOUSER'];

/** Prints text up to its zero byte, which must have been captured and come before `end`; gives the offset behind it, or -1. */
function printString(t: Text, at: number, end: number): number {
  for (; at < end && at < t.end; at++) {
    const value = t.bytes[at]!;
    if (value === 0) return at + 1;
    t.visible(value);
  }
  return -1;
}

function printQuoted(t: Text, at: number, end: number): number {
  t.out.byte(34);
  const next = printString(t, at, end);
  t.out.byte(34);
  return next;
}

/** Words, each ended by a zero, with blanks between. */
function printWords(t: Text, at: number, end: number): number {
  while (at >= 0 && at < end) {
    if (t.u8(at) !== 0) t.out.byte(32);
    at = printString(t, at, end);
  }
  return at;
}

function printTftp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'tftp';
  const end = at + length;
  out.ascii(`TFTP, length ${length}`);
  if (length < 2) {
    t.truncated();
    return;
  }
  const operation = t.be16(at);
  out.ascii(', ');
  out.ascii(NAMES[operation] ?? `tftp-#${operation}`);
  at += 2;
  let isWhole = true;
  switch (operation) {
    case OP_READ:
    case OP_WRITE: {
      if (at >= end) {
        isWhole = false;
        break;
      }
      out.byte(32);
      const mode = printQuoted(t, at, end);
      isWhole = mode >= 0 && mode < end;
      if (!isWhole) break;
      out.byte(32);
      const options = printString(t, mode, end);
      isWhole = options >= 0 && printWords(t, options, end) >= 0;
      break;
    }
    case OP_OACK:
      isWhole = printWords(t, at, end) >= 0;
      break;
    case OP_ACK:
    case OP_DATA:
      isWhole = end - at >= 2;
      if (isWhole) out.ascii(` block ${t.be16(at)}`);
      break;
    case OP_ERROR: {
      isWhole = end - at >= 2;
      if (!isWhole) break;
      const code = t.be16(at);
      out.ascii(` ${ERRORS[code] ?? `tftp-err-#${code} "`}`);
      at += 2;
      isWhole = at < end;
      if (!isWhole) break;
      out.byte(32);
      isWhole = printQuoted(t, at, end) >= 0;
    }
  }
  if (!isWhole) t.truncated();
}

/** Text up to its zero byte as a field; gives the offset behind the zero, or `end`. */
function walkString(f: Fields, id: number, at: number, end: number): number {
  if (at >= end) return end;
  const zero = f.bytes.subarray(at, end).indexOf(0);
  const stop = zero < 0 ? end : at + zero;
  f.value(id, at, Math.min(stop + 1, end) - at, ascii(f.bytes, at, stop));
  return Math.min(stop + 1, end);
}

function walkOptions(f: Fields, at: number, end: number): void {
  while (at < end) at = walkString(f, F['option.value'], walkString(f, F['option.name'], at, end), end);
}

export const tftp: Protocol = {
  name: 'tftp',
  title: 'Trivial File Transfer Protocol',
  print: printTftp,
  walk(f, at, end) {
    if (!f.fits('tftp', at, 2, end)) return;
    walkMessage(f, at, end, null);
  },
};

/** What a request says about the messages to come: it is the client's port that tells them from others, for the server
 * answers from a new one. */
interface Transfer {
  readonly file: string;
  readonly isRead: boolean;
  readonly requestFrame: number;
  /** Number of the last block without the wraps before it. */
  block: number;
}

const BLOCK_NUMBERS = 0x10000;

function announce(f: Fields, at: number, end: number, isRead: boolean): void {
  const { sessions } = f;
  if (sessions === null || f.ipVersion === 0) return;
  const zero = f.bytes.subarray(at, end).indexOf(0);
  const file = ascii(f.bytes, at, zero < 0 ? end : at + zero);
  const transfer: Transfer = { file, isRead, requestFrame: sessions.frame, block: 0 };
  const source = f.ip + (f.ipVersion === 4 ? 12 : 8);
  const address = f.bytes.slice(source, source + (f.ipVersion === 4 ? 4 : 16));
  sessions.expect(address, f.srcPort, {
    ...tftp,
    walk(fields, from, to) {
      if (fields.fits('tftp', from, 2, to)) walkMessage(fields, from, to, transfer);
    },
  });
}

/** Number of a block without the wraps before it: the one nearest to the last. */
function wholeNumber(transfer: Transfer, block: number): number {
  const wraps = Math.round((transfer.block - block) / BLOCK_NUMBERS);
  return (transfer.block = Math.max(wraps, 0) * BLOCK_NUMBERS + block);
}

function walkMessage(f: Fields, at: number, end: number, transfer: Transfer | null): void {
  const { bytes } = f;
  const operation = be16(bytes, at);
  f.layer(tftp, at, end - at);
  f.uint(F.opcode, at, 2, operation);
  at += 2;
  const isRequest = operation === OP_READ || operation === OP_WRITE;
  if (transfer !== null && !isRequest) {
    f.value(transfer.isRead ? F.destination_file : F.source_file, at, 0, transfer.file);
    f.uint(F.request_frame, at, 0, transfer.requestFrame);
  }
  switch (operation) {
    case OP_READ:
    case OP_WRITE: {
      announce(f, at, end, operation === OP_READ);
      const name = operation === OP_READ ? F.source_file : F.destination_file;
      walkOptions(f, walkString(f, F.type, walkString(f, name, at, end), end), end);
      return;
    }
    case OP_OACK:
      walkOptions(f, at, end);
      return;
    case OP_DATA:
    case OP_ACK:
      if (!f.fits('tftp', at, 2, end)) return;
      f.uint(F.block, at, 2, be16(bytes, at));
      f.uint(F['block.full'], at, 2, transfer === null ? be16(bytes, at) : wholeNumber(transfer, be16(bytes, at)));
      if (operation === OP_DATA) {
        f.layerEnds(at + 2);
        f.data(at + 2, end);
      }
      return;
    case OP_ERROR:
      if (!f.fits('tftp', at, 2, end)) return;
      f.uint(F['error.code'], at, 2, be16(bytes, at));
      walkString(f, F['error.message'], at + 2, end);
      return;
    default:
      if (at < end) f.raw(F.data, at, end - at);
  }
}
