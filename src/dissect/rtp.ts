import { be32 } from '../bytes/endian.ts';
import { isCompound } from '../wire/rtcp.ts';
import * as wire from '../wire/rtp.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { rtcp } from './rtcp.ts';
import type { Text } from './text.ts';

const many = { list: true } as const;
const F = defineFields('rtp', {
  version: ['Version', 'uint8'],
  padding: ['Padding', 'bool'],
  ext: ['Extension', 'bool'],
  cc: ['Contributing source identifiers count', 'uint8'],
  marker: ['Marker', 'bool'],
  p_type: ['Payload type', 'uint8'],
  seq: ['Sequence number', 'uint16'],
  timestamp: ['Timestamp', 'uint32'],
  ssrc: ['Synchronization Source identifier', 'uint32', { base: 'hex' }],
  'csrc.items': ['Contributing Source identifiers', 'none'],
  'csrc.item': ['CSRC item', 'uint32', { base: 'hex', list: true }],
  'ext.profile': ['Defined by profile', 'uint16', { base: 'hex' }],
  'ext.len': ['Extension length', 'uint16'],
  'ext.rfc5285.id': ['Identifier', 'uint8', many],
  'ext.rfc5285.len': ['Length', 'uint8', many],
  'ext.rfc5285.data': ['Extension Data', 'bytes', many],
  payload: ['Payload', 'bytes'],
  'padding.data': ['Padding data', 'bytes'],
  'padding.count': ['Padding count', 'uint8'],
});

const LEAST_LENGTH = 8;
const H261 = 31;
const VERSION_1 = 1;

function print(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'rtp';
  if (length < LEAST_LENGTH) {
    tooShort(t, length, LEAST_LENGTH);
    return;
  }
  t.need(at, LEAST_LENGTH);
  const version = wire.version(bytes, at);
  const isOld = version === VERSION_1;
  // The first version has its SSRC in the payload, and options behind it.
  const header = isOld ? LEAST_LENGTH : wire.HEADER_LENGTH;
  if (length < header) {
    tooShort(t, length, header);
    return;
  }
  const second = bytes[at + 1]!;
  const hasMore = isOld ? (second & 0x80) !== 0 : wire.hasExtension(bytes, at);
  const hasMarker = (second & (isOld ? 0x40 : 0x80)) !== 0;
  const type = second & (isOld ? 0x3f : 0x7f);
  const left = length - header;
  out.ascii(isOld ? 'udp/rtpv1 ' : 'udp/rtp ');
  out.decimal(left);
  out.ascii(' c');
  out.decimal(type);
  out.byte(32);
  if (hasMore) out.byte(43);
  if (hasMarker) out.byte(42);
  out.byte(32);
  out.decimal(wire.sequence(bytes, at));
  out.byte(32);
  out.decimal(wire.timestamp(bytes, at));
  if (t.verbose === 0) return;
  t.need(at, 12);
  out.byte(32);
  out.decimal(wire.ssrc(bytes, at));
  let place = at + wire.HEADER_LENGTH;
  if (hasMore) {
    place = isOld ? skipOptions(t, place, left) : skipExtension(t, place, left);
    if (place < 0) return;
  }
  if (type !== H261) return;
  t.need(place, 4);
  out.ascii(' 0x');
  out.hexPadded(be32(bytes, place) >>> 16, 4);
}

function tooShort({ out }: Text, length: number, least: number): void {
  out.ascii('udp/rtp, length ');
  out.decimal(length);
  out.ascii(' < ');
  out.decimal(least);
}

/** Gives the offset behind the extension; -1 where it is longer than what is there. */
function skipExtension(t: Text, at: number, left: number): number {
  t.need(at, wire.EXTENSION_HEADER_LENGTH);
  const length = wire.EXTENSION_HEADER_LENGTH + wire.extensionLength(t.bytes, at);
  if (length <= left) return at + length;
  t.out.ascii(' !ext');
  return -1;
}

/** The options of the first version: each with its length in words, the last with its first bit set. */
function skipOptions(t: Text, at: number, left: number): number {
  for (;;) {
    t.need(at, 4);
    const isLast = (t.bytes[at]! & 0x80) !== 0;
    const length = t.bytes[at + 1]! * 4;
    if (length === 0 || length > left) {
      t.out.ascii(' !opt');
      return -1;
    }
    at += length;
    left -= length;
    if (isLast) return at;
  }
}

/** RTP, where something says so: a packet that announced it, or the user. Its bytes alone look like anything. */
export const rtp: Protocol = {
  name: 'rtp',
  title: 'Real-Time Transport Protocol',
  print,
  walk(f, at, end) {
    if (!f.fits('rtp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    if (wire.version(bytes, at) !== wire.VERSION) {
      f.data(at, end);
      return;
    }
    // RFC 5761 4: RTCP on the same port, told by its type.
    if (isCompound(bytes, at, end)) {
      rtcp.walk!(f, at, end);
      return;
    }
    f.layer(rtp, at, end - at);
    f.uint(F.version, at, 1, wire.VERSION);
    const sources = wire.sources(bytes, at);
    const hasPadding = wire.hasPadding(bytes, at);
    f.bool(F.padding, at, 1, hasPadding);
    f.bool(F.ext, at, 1, wire.hasExtension(bytes, at));
    f.uint(F.cc, at, 1, sources);
    f.bool(F.marker, at + 1, 1, wire.marker(bytes, at));
    f.uint(F.p_type, at + 1, 1, wire.payloadType(bytes, at));
    f.uint(F.seq, at + 2, 2, wire.sequence(bytes, at));
    f.uint(F.timestamp, at + 4, 4, wire.timestamp(bytes, at));
    f.uint(F.ssrc, at + 8, 4, wire.ssrc(bytes, at));
    let place = at + wire.HEADER_LENGTH;
    if (!f.fits('rtp', place, sources * 4, end)) return;
    if (sources > 0) f.raw(F['csrc.items'], place, sources * 4);
    for (let i = 0; i < sources; i++, place += 4) f.uint(F['csrc.item'], place, 4, be32(bytes, place));
    if (wire.hasExtension(bytes, at)) {
      if (!f.fits('rtp', place, wire.EXTENSION_HEADER_LENGTH, end)) return;
      const length = wire.extensionLength(bytes, place);
      f.uint(F['ext.profile'], place, 2, wire.extensionProfile(bytes, place));
      f.uint(F['ext.len'], place + 2, 2, length / 4);
      const profile = wire.extensionProfile(bytes, place);
      place += wire.EXTENSION_HEADER_LENGTH;
      if (!f.fits('rtp', place, length, end)) return;
      if (profile === wire.ONE_BYTE_PROFILE) walkElements(f, place, place + length, 1);
      else if ((profile & 0xfff0) === wire.TWO_BYTE_PROFILE) walkElements(f, place, place + length, 2);
      place += length;
    }
    // RFC 3550 5.1: the last byte of the padding says how long it is, with itself.
    const isWhole = f.ipEnd <= f.capturedEnd;
    const padding = hasPadding && isWhole && end > place ? Math.min(bytes[end - 1]!, end - place) : 0;
    const stop = end - padding;
    if (stop > place) f.raw(F.payload, place, stop - place);
    if (padding > 1) f.raw(F['padding.data'], stop, padding - 1);
    if (padding > 0) f.uint(F['padding.count'], end - 1, 1, bytes[end - 1]!);
  },
};

/** RFC 8285 4.2 and 4.3: elements with headers of `header` bytes; zeros between them are padding. */
function walkElements(f: Fields, at: number, end: number, header: 1 | 2): void {
  const { bytes } = f;
  while (at + header <= end) {
    const first = bytes[at]!;
    if (first === 0) {
      at++;
      continue;
    }
    const id = header === 1 ? first >>> 4 : first;
    const length = header === 1 ? (first & 15) + 1 : bytes[at + 1]!;
    // RFC 8285 4.2: behind this one there is nothing more.
    if (header === 1 && id === 15) return;
    f.uint(F['ext.rfc5285.id'], at, 1, id);
    f.uint(F['ext.rfc5285.len'], at + header - 1, 1, length);
    at += header;
    if (!f.fits('rtp', at, length, end)) return;
    f.raw(F['ext.rfc5285.data'], at, length);
    at += length;
  }
}
