import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ntp.ts';
import { defineFields, type Fields } from './fields.ts';
import { printNtp } from './ntp-text.ts';
import type { Protocol } from './protocol.ts';

const many = { list: true } as const;
const F = defineFields('ntp', {
  flags: ['Flags', 'uint8', { base: 'hex' }],
  'flags.li': ['Leap Indicator', 'uint8'],
  'flags.vn': ['Version number', 'uint8'],
  'flags.mode': ['Mode', 'uint8'],
  stratum: ['Peer Clock Stratum', 'uint8'],
  ppoll: ['Peer Polling Interval', 'uint8'],
  precision: ['Peer Clock Precision', 'uint8'],
  rootdelay: ['Root Delay', 'uint32'],
  rootdispersion: ['Root Dispersion', 'uint32'],
  refid: ['Reference ID', 'bytes'],
  reftime: ['Reference Timestamp', 'time', { date: 'ntp' }],
  org: ['Origin Timestamp', 'time', { date: 'ntp' }],
  rec: ['Receive Timestamp', 'time', { date: 'ntp' }],
  xmt: ['Transmit Timestamp', 'time', { date: 'ntp' }],
  'ext.type': ['Field Type', 'uint16', { base: 'hex', list: true }],
  'ext.length': ['Length', 'uint16', many],
  'ext.value': ['Value', 'bytes', many],
  keyid: ['Key ID', 'bytes'],
  mac: ['Message Authentication Code', 'bytes'],
  'ctrl.flags2': ['Flags 2', 'uint8', { base: 'hex' }],
  'ctrl.flags2.r': ['Response bit', 'uint8'],
  'ctrl.flags2.error': ['Error bit', 'uint8'],
  'ctrl.flags2.more': ['More bit', 'uint8'],
  'ctrl.flags2.opcode': ['Opcode', 'uint8'],
  'ctrl.sequence': ['Sequence', 'uint16'],
  'ctrl.status': ['Status', 'uint16', { base: 'hex' }],
  'ctrl.associd': ['AssociationID', 'uint16'],
  'ctrl.offset': ['Offset', 'uint16'],
  'ctrl.count': ['Count', 'uint16'],
  'priv.flags.r': ['Response bit', 'uint8'],
  'priv.flags.more': ['More bit', 'uint8'],
  'priv.auth_seq': ['Auth, sequence', 'uint8'],
  'priv.auth': ['Auth bit', 'uint8'],
  'priv.seq': ['Sequence number', 'uint8'],
  'priv.impl': ['Implementation', 'uint8'],
  'priv.reqcode': ['Request code', 'uint8'],
  'priv.err': ['Err', 'uint8', { base: 'hex' }],
  'priv.numitems': ['Number of data items', 'uint16'],
  'priv.reserved': ['Reserved', 'uint8', { base: 'hex' }],
  'priv.itemsize': ['Size of data item', 'uint16'],
});

/** Header of mode 7: two bytes more of flags and codes than others, then counts of items and their size. */
const PRIVATE_LENGTH = 8;
const PRIVATE_CODES = 4;
/** RFC 7822 3: extension fields have at least this length; what is shorter is a key and a digest. */
const SHORTEST_LAST_EXTENSION = 28;

function timestamp(f: Fields, id: number, at: number): void {
  const { bytes } = f;
  f.time(id, at, 8, wire.unixSeconds(wire.seconds(bytes, at)), wire.nanoseconds(wire.fraction(bytes, at)));
}

function walkTime(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (!f.fits('ntp', at, wire.HEADER_LENGTH, end)) return;
  f.uint(F.stratum, at + wire.STRATUM, 1, bytes[at + wire.STRATUM]!);
  f.uint(F.ppoll, at + wire.POLL, 1, bytes[at + wire.POLL]!);
  f.uint(F.precision, at + wire.PRECISION, 1, bytes[at + wire.PRECISION]!);
  f.uint(F.rootdelay, at + wire.ROOT_DELAY, 4, be32(bytes, at + wire.ROOT_DELAY));
  f.uint(F.rootdispersion, at + wire.ROOT_DISPERSION, 4, be32(bytes, at + wire.ROOT_DISPERSION));
  f.raw(F.refid, at + wire.REFERENCE_ID, 4);
  timestamp(f, F.reftime, at + wire.REFERENCE_TIME);
  timestamp(f, F.org, at + wire.ORIGIN_TIME);
  timestamp(f, F.rec, at + wire.RECEIVE_TIME);
  timestamp(f, F.xmt, at + wire.TRANSMIT_TIME);
  let to = at + wire.HEADER_LENGTH;
  while (end - to >= SHORTEST_LAST_EXTENSION) {
    const length = be16(bytes, to + 2);
    if (length < 4 || to + length > end) break;
    f.uint(F['ext.type'], to, 2, be16(bytes, to));
    f.uint(F['ext.length'], to + 2, 2, length);
    f.raw(F['ext.value'], to + 4, length - 4);
    to += length;
  }
  if (end - to < wire.KEY_LENGTH) return;
  f.raw(F.keyid, to, wire.KEY_LENGTH);
  to += wire.KEY_LENGTH;
  if (to < end) f.raw(F.mac, to, end - to);
}

function walkControl(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (!f.fits('ntp', at, wire.CONTROL_LENGTH, end)) return;
  const operation = wire.operation(bytes, at);
  f.uint(F['ctrl.flags2'], at + wire.OPERATION, 1, operation);
  f.uint(F['ctrl.flags2.r'], at + wire.OPERATION, 1, operation >> 7);
  f.uint(F['ctrl.flags2.error'], at + wire.OPERATION, 1, (operation >> 6) & 1);
  f.uint(F['ctrl.flags2.more'], at + wire.OPERATION, 1, (operation >> 5) & 1);
  f.uint(F['ctrl.flags2.opcode'], at + wire.OPERATION, 1, operation & 31);
  f.uint(F['ctrl.sequence'], at + wire.SEQUENCE, 2, wire.sequence(bytes, at));
  f.uint(F['ctrl.status'], at + wire.STATUS, 2, wire.status(bytes, at));
  f.uint(F['ctrl.associd'], at + wire.ASSOCIATION, 2, wire.association(bytes, at));
  f.uint(F['ctrl.offset'], at + wire.OFFSET, 2, wire.offset(bytes, at));
  f.uint(F['ctrl.count'], at + wire.COUNT, 2, wire.count(bytes, at));
}

function walkPrivate(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.uint(F['priv.flags.r'], at, 1, bytes[at]! >> 7);
  f.uint(F['priv.flags.more'], at, 1, (bytes[at]! >> 6) & 1);
  if (!f.fits('ntp', at, PRIVATE_CODES, end)) return;
  f.uint(F['priv.auth_seq'], at + 1, 1, bytes[at + 1]!);
  f.uint(F['priv.auth'], at + 1, 1, bytes[at + 1]! >> 7);
  f.uint(F['priv.seq'], at + 1, 1, bytes[at + 1]! & 127);
  f.uint(F['priv.impl'], at + 2, 1, bytes[at + 2]!);
  f.uint(F['priv.reqcode'], at + 3, 1, bytes[at + 3]!);
  if (!f.fits('ntp', at, PRIVATE_LENGTH, end)) return;
  const items = be16(bytes, at + 4);
  const size = be16(bytes, at + 6);
  f.uint(F['priv.err'], at + 4, 1, items >> 12);
  f.uint(F['priv.numitems'], at + 4, 2, items & 0xfff);
  f.uint(F['priv.reserved'], at + 6, 1, size >> 12);
  f.uint(F['priv.itemsize'], at + 6, 2, size & 0xfff);
}

export const ntp: Protocol = {
  name: 'ntp',
  title: 'Network Time Protocol',
  print: printNtp,
  walk(f, at, end) {
    if (!f.fits('ntp', at, 1, end)) return;
    const { bytes } = f;
    const mode = wire.mode(bytes, at);
    f.layer(ntp, at, end - at);
    f.uint(F.flags, at, 1, bytes[at]!);
    if (mode !== wire.MODE_PRIVATE) f.uint(F['flags.li'], at, 1, wire.leap(bytes, at));
    f.uint(F['flags.vn'], at, 1, wire.version(bytes, at));
    f.uint(F['flags.mode'], at, 1, mode);
    if (mode === wire.MODE_PRIVATE) walkPrivate(f, at, end);
    else if (mode === wire.MODE_CONTROL) walkControl(f, at, end);
    else walkTime(f, at, end);
  },
};
