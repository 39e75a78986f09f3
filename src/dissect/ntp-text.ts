import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/ntp.ts';
import { type Text, TRUNCATED } from './text.ts';

const MODES = [
  'unspecified',
  'symmetric active',
  'symmetric passive',
  'Client',
  'Server',
  'Broadcast',
  'Control Message',
  'Reserved',
];
const LEAPS = ['', '+1s', '-1s', 'clock unsynchronized'];
const RESERVED_STRATUM = 16;

/** Prints the NTP message of `length` bytes at `at`. */
export function printNtp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'ntp';
  if (length < 1) throw TRUNCATED;
  t.reads(at, 1);
  const mode = wire.mode(bytes, at);
  out.ascii(`NTPv${wire.version(bytes, at)}, ${MODES[mode]}, length ${length}`);
  if (t.verbose === 0) return;
  const leap = wire.leap(bytes, at);
  out.ascii(`\n\tLeap indicator: ${LEAPS[leap]} (${leap << 6})`);
  if (mode === wire.MODE_PRIVATE) return;
  if (mode === wire.MODE_CONTROL) printControl(t, at, length);
  else printTime(t, at, length);
}

function printTime(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  if (length < wire.HEADER_LENGTH) {
    t.invalid();
    t.need(at, length);
    return;
  }
  const stratum = t.u8(at + wire.STRATUM);
  out.ascii(`, Stratum ${stratum} (${stratumName(stratum)})`);
  const poll = (t.u8(at + wire.POLL) << 24) >> 24;
  out.ascii(`, poll ${poll}`);
  if (Math.abs(poll) < 32) out.ascii(` (${poll < 0 ? '1/' : ''}${(1 << Math.abs(poll)) >>> 0}s)`);
  const precision = (t.u8(at + wire.PRECISION) << 24) >> 24;
  out.ascii(`, precision ${precision}`);
  printShort(t, '\n\tRoot Delay: ', at + wire.ROOT_DELAY);
  printShort(t, ', Root dispersion: ', at + wire.ROOT_DISPERSION);
  t.need(at + wire.REFERENCE_ID, 4);
  out.ascii(', Reference-ID: ');
  if (stratum === 0) out.ascii('(unspec)');
  else if (stratum === 1) t.visibleBytes(at + wire.REFERENCE_ID, at + wire.REFERENCE_ID + 4);
  else {
    out.ascii('0x');
    out.hexPadded(be32(bytes, at + wire.REFERENCE_ID), 8);
  }
  t.need(at + wire.REFERENCE_TIME, 8);
  out.ascii('\n\t  Reference Timestamp:  ');
  printTimestamp(t, at + wire.REFERENCE_TIME);
  t.need(at + wire.ORIGIN_TIME, 8);
  out.ascii('\n\t  Originator Timestamp: ');
  printTimestamp(t, at + wire.ORIGIN_TIME);
  t.need(at + wire.RECEIVE_TIME, 8);
  out.ascii('\n\t  Receive Timestamp:    ');
  printTimestamp(t, at + wire.RECEIVE_TIME);
  t.need(at + wire.TRANSMIT_TIME, 8);
  out.ascii('\n\t  Transmit Timestamp:   ');
  printTimestamp(t, at + wire.TRANSMIT_TIME);
  out.ascii('\n\t    Originator - Receive Timestamp:  ');
  printDifference(t, at + wire.ORIGIN_TIME, at + wire.RECEIVE_TIME);
  out.ascii('\n\t    Originator - Transmit Timestamp: ');
  printDifference(t, at + wire.ORIGIN_TIME, at + wire.TRANSMIT_TIME);
  printKey(t, at + wire.HEADER_LENGTH, length - wire.HEADER_LENGTH);
}

function printKey(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  const digest = length - wire.KEY_LENGTH;
  if (digest !== 0 && digest !== wire.MD5_LENGTH && digest !== wire.SHA1_LENGTH) {
    if (length > 0) out.ascii(`\n\t(${length} more bytes after the header)`);
    return;
  }
  t.reads(at, wire.KEY_LENGTH);
  out.ascii('\n\tKey id: ');
  out.decimal(be32(bytes, at));
  if (digest === 0) return;
  at += wire.KEY_LENGTH;
  t.need(at, digest);
  out.ascii('\n\tAuthentication: ');
  for (let i = 0; i < digest; i += 4) out.hexPadded(be32(bytes, at + i), 8);
}

function stratumName(stratum: number): string {
  if (stratum === 0) return 'unspecified';
  if (stratum === 1) return 'primary reference';
  return stratum < RESERVED_STRATUM ? 'secondary reference' : 'reserved';
}

/** 16 bits of seconds, 16 of a fraction. */
function printShort(t: Text, label: string, at: number): void {
  t.need(at, 4);
  t.out.ascii(label);
  const micros = Math.floor((be16(t.bytes, at + 2) / 65536) * 1e6);
  t.out.decimal(be16(t.bytes, at));
  t.out.byte(46);
  t.out.padded(micros, 6, 48);
}

function printTimestamp(t: Text, at: number): void {
  t.need(at, 8);
  const seconds = wire.seconds(t.bytes, at);
  t.out.decimal(seconds);
  t.out.byte(46);
  t.out.padded(wire.nanoseconds(wire.fraction(t.bytes, at)), 9, 48);
  if (seconds === 0) return;
  const date = new Date((seconds - wire.EPOCH) * 1000).toISOString();
  t.out.ascii(` (${date.slice(0, 19)}Z)`);
}

/** The other time less the origin, or the other time where the origin is not known. */
function printDifference(t: Text, origin: number, other: number): void {
  const { out, bytes } = t;
  t.need(origin, 8);
  t.need(other, 8);
  const begin = wire.seconds(bytes, origin);
  const beginPart = wire.fraction(bytes, origin);
  if (begin === 0 && beginPart === 0) {
    printTimestamp(t, other);
    return;
  }
  let seconds = wire.seconds(bytes, other) - begin;
  let part = wire.fraction(bytes, other) - beginPart;
  const isNegative = seconds < 0 || (seconds === 0 && part <= 0);
  if (isNegative) {
    seconds = -seconds;
    part = -part;
  }
  if (part < 0) {
    seconds--;
    part += 2 ** 32;
  }
  out.byte(isNegative ? 45 : 43);
  out.decimal(seconds);
  out.byte(46);
  out.padded(wire.nanoseconds(part), 9, 48);
}

function printControl(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  if (length < wire.CONTROL_LENGTH) {
    t.invalid();
    t.need(at, length);
    return;
  }
  const operation = t.u8(at + wire.OPERATION);
  out.ascii(operation & wire.CONTROL_RESPONSE ? ', Response' : ', Request');
  out.ascii(operation & wire.CONTROL_ERROR ? ', Error' : ', OK');
  out.ascii(operation & wire.CONTROL_MORE ? ', More' : ', Last');
  out.ascii(`, OpCode=${operation & 31}`);
  out.byte(10);
  out.ascii(`\tSequence=${t.be16(at + wire.SEQUENCE)}`);
  const status = t.be16(at + wire.STATUS);
  out.ascii(`, Status=${status === 0 ? '0' : `0x${status.toString(16)}`}`);
  out.ascii(`, Assoc.=${t.be16(at + wire.ASSOCIATION)}`);
  out.ascii(`, Offset=${t.be16(at + wire.OFFSET)}`);
  out.ascii(`, Count=${t.be16(at + wire.COUNT)}`);
  const count = wire.count(bytes, at);
  if (wire.CONTROL_LENGTH + count > length) {
    t.invalid();
    t.need(at, length);
    return;
  }
  if (count === 0) return;
  t.need(at + wire.CONTROL_LENGTH, count);
  out.ascii('\n\tTO-BE-DONE: data not interpreted');
}
