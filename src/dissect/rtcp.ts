import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/rtcp.ts';
import { latin1 } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const many = { list: true } as const;
const hex = { list: true, base: 'hex' } as const;
const F = defineFields('rtcp', {
  version: ['Version', 'uint8', many],
  padding: ['Padding', 'bool', many],
  rc: ['Reception report count', 'uint8', many],
  sc: ['Source count', 'uint8', many],
  'app.subtype': ['Subtype', 'uint8', many],
  'rtpfb.fmt': ['RTCP Feedback message type (FMT)', 'uint8', many],
  'psfb.fmt': ['RTCP Feedback message type (FMT)', 'uint8', many],
  pt: [
    'Packet type',
    'uint8',
    {
      list: true,
      values: {
        [wire.SENDER_REPORT]: 'Sender Report',
        [wire.RECEIVER_REPORT]: 'Receiver Report',
        [wire.SOURCE_DESCRIPTION]: 'Source description',
        [wire.GOODBYE]: 'Goodbye',
        [wire.APPLICATION]: 'Application specific',
        [wire.TRANSPORT_FEEDBACK]: 'Generic RTP Feedback',
        [wire.PAYLOAD_FEEDBACK]: 'Payload-specific',
        [wire.EXTENDED_REPORT]: 'Extended report (RFC 3611)',
      },
    },
  ],
  length: ['Length', 'uint16', many],
  senderssrc: ['Sender SSRC', 'uint32', hex],
  mediassrc: ['Media source SSRC', 'uint32', hex],
  'timestamp.ntp.msw': ['Timestamp, MSW', 'uint32', many],
  'timestamp.ntp.lsw': ['Timestamp, LSW', 'uint32', many],
  'timestamp.rtp': ['RTP timestamp', 'uint32', many],
  'sender.packetcount': ["Sender's packet count", 'uint32', many],
  'sender.octetcount': ["Sender's octet count", 'uint32', many],
  'ssrc.identifier': ['Identifier', 'uint32', hex],
  'ssrc.fraction': ['Fraction lost', 'uint8', many],
  'ssrc.cum_nr': ['Cumulative number of packets lost', 'int32', many],
  'ssrc.ext_high': ['Extended highest sequence number received', 'uint32', many],
  'ssrc.high_cycles': ['Sequence number cycles count', 'uint16', many],
  'ssrc.high_seq': ['Highest sequence number received', 'uint16', many],
  'ssrc.jitter': ['Interarrival jitter', 'uint32', many],
  'ssrc.lsr': ['Last SR timestamp', 'uint32', many],
  'ssrc.dlsr': ['Delay since last SR timestamp', 'uint32', many],
  'sdes.type': ['Type', 'uint8', many],
  'sdes.length': ['Length', 'uint32', many],
  'sdes.text': ['Text', 'string', many],
  'app.name': ['Name (ASCII)', 'string', many],
  'app.data': ['Application specific data', 'bytes', many],
  'rtpfb.nack_pid': ['RTCP Transport Feedback NACK PID', 'uint16', many],
  'rtpfb.nack_blp': ['RTCP Transport Feedback NACK BLP', 'uint16', hex],
  length_check: ['RTCP frame length check', 'bool'],
});

/** What tcpdump asks for at the beginning of each packet: the header and an SSRC. */
const PRINTED_HEADER = 8;

function print(t: Text, at: number, length: number): void {
  t.layer = 'rtcp';
  const end = Math.min(at + length, t.end);
  while (at < end) {
    if (at + PRINTED_HEADER > end) {
      t.truncated();
      return;
    }
    const stop = printPacket(t, at, end);
    if (stop < 0) {
      t.truncated();
      return;
    }
    at = stop;
  }
}

/** Gives the offset behind the packet at `at`; -1 where it is cut. */
function printPacket(t: Text, at: number, end: number): number {
  const { out, bytes } = t;
  const length = wire.length(bytes, at);
  const count = wire.count(bytes, at);
  const type = wire.type(bytes, at);
  let place = at + PRINTED_HEADER;
  switch (type) {
    case wire.SENDER_REPORT:
    case wire.RECEIVER_REPORT: {
      const isSender = type === wire.SENDER_REPORT;
      out.ascii(isSender ? ' sr' : ' rr');
      const expected = PRINTED_HEADER + (isSender ? wire.SENDER_LENGTH : 0) + count * wire.BLOCK_LENGTH;
      if (length !== expected) {
        out.ascii(' [');
        out.decimal(length);
        out.byte(93);
      }
      if (t.verbose > 0) printSsrc(t, at + 4);
      if (isSender) {
        if (place + wire.SENDER_LENGTH > end) return -1;
        printSender(t, place);
        place += wire.SENDER_LENGTH;
      }
      if (count > 1) {
        out.ascii(' c');
        out.decimal(count);
      }
      // As many as are said, but the first one each time.
      for (let i = 0; i < count; i++) {
        if (place + wire.BLOCK_LENGTH > end) return -1;
        printBlock(t, place);
      }
      return at + length;
    }
    case wire.SOURCE_DESCRIPTION:
    case wire.GOODBYE:
      out.ascii(type === wire.GOODBYE ? ' bye ' : ' sdes ');
      out.decimal(length);
      if (t.verbose > 0) printSsrc(t, at + 4);
      return at + length;
    default:
      out.ascii(' type-0x');
      out.hex(type);
      out.byte(32);
      out.decimal(length);
      return at + length;
  }
}

function printSsrc(t: Text, at: number): void {
  t.out.byte(32);
  t.out.decimal(be32(t.bytes, at));
}

function printSender(t: Text, at: number): void {
  const { out, bytes } = t;
  const time = be32(bytes, at) + be32(bytes, at + 4) / 0x1_0000_0000;
  out.ascii(` @${time.toFixed(2)} `);
  out.decimal(be32(bytes, at + 8));
  out.byte(32);
  out.decimal(be32(bytes, at + 12));
  out.ascii('p ');
  out.decimal(be32(bytes, at + 16));
  out.byte(98);
}

function printBlock(t: Text, at: number): void {
  const { out, bytes } = t;
  if (t.verbose > 0) printSsrc(t, at);
  out.byte(32);
  out.decimal(be32(bytes, at + 4) & 0xffffff);
  out.ascii('l ');
  out.decimal(be32(bytes, at + 8));
  out.ascii('s ');
  out.decimal(be32(bytes, at + 12));
  out.ascii('j @');
  out.ascii((be32(bytes, at + 16) / 65536).toFixed(2));
  out.byte(43);
  out.ascii((be32(bytes, at + 20) / 65536).toFixed(2));
}

/** RTCP, on any port, where packets of it fill the datagram; or where something says so. */
export const rtcp: Protocol = {
  name: 'rtcp',
  title: 'Real-time Transport Control Protocol',
  accepts: wire.isCompound,
  print,
  walk(f, at, end) {
    const begin = at;
    while (at < end) {
      if (!f.fits('rtcp', at, wire.HEADER_LENGTH, end)) return;
      if (wire.version(f.bytes, at) !== 2) {
        if (at > begin) f.layerEnds(at);
        f.data(at, end);
        return;
      }
      if (at === begin) f.layer(rtcp, at, end - at);
      const length = wire.length(f.bytes, at);
      walkPacket(f, at, Math.min(at + length, end), length);
      if (!f.fits('rtcp', at, length, end)) return;
      at += length;
    }
    if (at > begin) f.bool(F.length_check, at - 2, 0, true);
  },
};

function walkPacket(f: Fields, at: number, end: number, length: number): void {
  const { bytes } = f;
  const type = wire.type(bytes, at);
  const count = wire.count(bytes, at);
  f.uint(F.version, at, 1, 2);
  f.bool(F.padding, at, 1, wire.hasPadding(bytes, at));
  const counted = COUNTS[type];
  if (counted !== undefined) f.uint(counted, at, 1, count);
  f.uint(F.pt, at + 1, 1, type);
  f.uint(F.length, at + 2, 2, length / 4 - 1);
  let place = at + wire.HEADER_LENGTH;
  switch (type) {
    case wire.SENDER_REPORT:
    case wire.RECEIVER_REPORT:
      if (!f.fits('rtcp', place, 4, end)) return;
      f.uint(F.senderssrc, place, 4, be32(bytes, place));
      place += 4;
      if (type === wire.SENDER_REPORT) {
        if (!f.fits('rtcp', place, wire.SENDER_LENGTH, end)) return;
        f.uint(F['timestamp.ntp.msw'], place, 4, be32(bytes, place));
        f.uint(F['timestamp.ntp.lsw'], place + 4, 4, be32(bytes, place + 4));
        f.uint(F['timestamp.rtp'], place + 8, 4, be32(bytes, place + 8));
        f.uint(F['sender.packetcount'], place + 12, 4, be32(bytes, place + 12));
        f.uint(F['sender.octetcount'], place + 16, 4, be32(bytes, place + 16));
        place += wire.SENDER_LENGTH;
      }
      for (let i = 0; i < count; i++, place += wire.BLOCK_LENGTH) {
        if (!f.fits('rtcp', place, wire.BLOCK_LENGTH, end)) return;
        walkBlock(f, place);
      }
      break;
    case wire.SOURCE_DESCRIPTION:
      walkSources(f, place, end, count);
      break;
    case wire.GOODBYE:
      for (let i = 0; i < count; i++, place += 4) {
        if (!f.fits('rtcp', place, 4, end)) return;
        f.uint(F['ssrc.identifier'], place, 4, be32(bytes, place));
      }
      if (place < end) walkText(f, place, end);
      break;
    case wire.APPLICATION:
      if (!f.fits('rtcp', place, 8, end)) return;
      f.uint(F['ssrc.identifier'], place, 4, be32(bytes, place));
      f.value(F['app.name'], place + 4, 4, latin1(bytes, place + 4, place + 8));
      if (place + 8 < end) f.raw(F['app.data'], place + 8, end - place - 8);
      break;
    case wire.TRANSPORT_FEEDBACK:
    case wire.PAYLOAD_FEEDBACK:
      if (!f.fits('rtcp', place, 8, end)) return;
      f.uint(F.senderssrc, place, 4, be32(bytes, place));
      f.uint(F.mediassrc, place + 4, 4, be32(bytes, place + 4));
      // RFC 4585 6.2.1.
      if (type !== wire.TRANSPORT_FEEDBACK || count !== 1) break;
      for (place += 8; place + 4 <= end; place += 4) {
        f.uint(F['rtpfb.nack_pid'], place, 2, be16(bytes, place));
        f.uint(F['rtpfb.nack_blp'], place + 2, 2, be16(bytes, place + 2));
      }
      break;
    case wire.EXTENDED_REPORT:
      if (f.fits('rtcp', place, 4, end)) f.uint(F.senderssrc, place, 4, be32(bytes, place));
      break;
  }
}

/** What the count in the header is called, by type. */
const COUNTS: Readonly<Record<number, number>> = {
  [wire.SENDER_REPORT]: F.rc,
  [wire.RECEIVER_REPORT]: F.rc,
  [wire.SOURCE_DESCRIPTION]: F.sc,
  [wire.GOODBYE]: F.sc,
  [wire.APPLICATION]: F['app.subtype'],
  [wire.TRANSPORT_FEEDBACK]: F['rtpfb.fmt'],
  [wire.PAYLOAD_FEEDBACK]: F['psfb.fmt'],
};

function walkBlock(f: Fields, at: number): void {
  const { bytes } = f;
  const lost = be32(bytes, at + 4) & 0xffffff;
  f.uint(F['ssrc.identifier'], at, 4, be32(bytes, at));
  f.uint(F['ssrc.fraction'], at + 4, 1, bytes[at + 4]!);
  // RFC 3550 6.4.1: a signed number of 24 bits; duplicates make it negative.
  f.uint(F['ssrc.cum_nr'], at + 5, 3, (lost << 8) >> 8);
  f.uint(F['ssrc.ext_high'], at + 8, 4, be32(bytes, at + 8));
  f.uint(F['ssrc.high_cycles'], at + 8, 2, be16(bytes, at + 8));
  f.uint(F['ssrc.high_seq'], at + 10, 2, be16(bytes, at + 10));
  f.uint(F['ssrc.jitter'], at + 12, 4, be32(bytes, at + 12));
  f.uint(F['ssrc.lsr'], at + 16, 4, be32(bytes, at + 16));
  f.uint(F['ssrc.dlsr'], at + 20, 4, be32(bytes, at + 20));
}

/** RFC 3550 6.5: chunks of an SSRC and items, ended by a zero and filled up to a word. */
function walkSources(f: Fields, at: number, end: number, count: number): void {
  const { bytes } = f;
  for (let i = 0; i < count; i++) {
    if (!f.fits('rtcp', at, 4, end)) return;
    f.uint(F['ssrc.identifier'], at, 4, be32(bytes, at));
    const chunk = at;
    at += 4;
    for (;;) {
      if (!f.fits('rtcp', at, 1, end)) return;
      f.uint(F['sdes.type'], at, 1, bytes[at]!);
      if (bytes[at++] === 0) break;
      at = walkText(f, at, end);
      if (at < 0) return;
    }
    at = chunk + ((at - chunk + 3) & ~3);
  }
}

/** A length of one byte and so much text; gives the offset behind it, -1 where it is cut. */
function walkText(f: Fields, at: number, end: number): number {
  if (!f.fits('rtcp', at, 1, end)) return -1;
  const length = f.bytes[at]!;
  f.uint(F['sdes.length'], at, 1, length);
  if (!f.fits('rtcp', at + 1, length, end)) return -1;
  if (length > 0) f.value(F['sdes.text'], at + 1, length, latin1(f.bytes, at + 1, at + 1 + length));
  return at + 1 + length;
}
