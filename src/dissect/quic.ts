import { be32 } from '../bytes/endian.ts';
import * as wire from '../wire/quic.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { connectionOf, endpoint, QuicConnection, remember, type Side } from './quic-connections.ts';
import { type Unprotected, unprotect } from './quic-initial.ts';
import { walkTlsOfQuic } from './tls.ts';

const many = { list: true } as const;
const hex = { list: true, base: 'hex' } as const;
const F = defineFields('quic', {
  packet_length: ['Packet Length', 'uint32', many],
  header_form: ['Header Form', 'uint8', { list: true, values: { 0: 'Short Header', 1: 'Long Header' } }],
  fixed_bit: ['Fixed Bit', 'bool', many],
  'long.packet_type': [
    'Packet Type',
    'uint8',
    { list: true, values: { 0: 'Initial', 1: '0-RTT', 2: 'Handshake', 3: 'Retry' } },
  ],
  'long.packet_type_v2': [
    'Packet Type',
    'uint8',
    { list: true, values: { 1: 'Initial', 2: '0-RTT', 3: 'Handshake', 0: 'Retry' } },
  ],
  'long.reserved': ['Reserved', 'uint8', many],
  packet_number_length: ['Packet Number Length', 'uint8', many],
  version: ['Version', 'uint32', hex],
  'vn.unused': ['Unused', 'uint8', hex],
  supported_version: ['Supported Version', 'uint32', hex],
  dcil: ['Destination Connection ID Length', 'uint8', many],
  dcid: ['Destination Connection ID', 'bytes', many],
  scil: ['Source Connection ID Length', 'uint8', many],
  scid: ['Source Connection ID', 'bytes', many],
  token_length: ['Token Length', 'uint64', many],
  token: ['Token', 'bytes', many],
  length: ['Length', 'uint64', many],
  retry_token: ['Retry Token', 'bytes', many],
  retry_integrity_tag: ['Retry Integrity Tag', 'bytes', many],
  packet_number: ['Packet Number', 'uint64', many],
  payload: ['Payload', 'bytes', many],
  remaining_payload: ['Remaining Payload', 'bytes', many],
  short: ['QUIC Short Header', 'none', many],
  spin_bit: ['Spin Bit', 'bool', many],
  frame: ['Frame', 'none', many],
  frame_type: ['Frame Type', 'uint64', many],
  padding_length: ['Padding Length', 'uint32', many],
  'ack.largest_acknowledged': ['Largest Acknowledged', 'uint64', many],
  'ack.ack_delay': ['ACK Delay', 'uint64', many],
  'ack.ack_range_count': ['ACK Range Count', 'uint64', many],
  'ack.first_ack_range': ['First ACK Range', 'uint64', many],
  'ack.gap': ['Gap', 'uint64', many],
  'ack.ack_range': ['ACK Range', 'uint64', many],
  'crypto.offset': ['Offset', 'uint64', many],
  'crypto.length': ['Length', 'uint64', many],
  'crypto.crypto_data': ['Crypto Data', 'none', many],
  'cc.error_code': ['Error code', 'uint64', many],
  'cc.frame_type': ['Frame Type', 'uint64', many],
  'cc.reason_phrase.length': ['Reason phrase Length', 'uint64', many],
});

const PADDING = 0;
const PING = 1;
const ACK = 2;
const ACK_ECN = 3;
const CRYPTO = 6;
const CONNECTION_CLOSE = 0x1c;

const TAG_LENGTH = 16;
/** Packets of one datagram; ranges of one ACK. */
const MAX_PACKETS = 16;
const MAX_RANGES = 256;
/** Longest handshake that is put together. */
const MAX_CRYPTO = 1 << 16;

/** A piece of the handshake: where it is in the record's memory, and where it belongs. */
interface Piece {
  at: number;
  length: number;
  offset: number;
}

/** What is known while a datagram is walked. */
interface Datagram {
  connection: QuicConnection | undefined;
  /** Who sent it; meaningless without a connection. */
  side: Side;
  pieces: Piece[];
  /** Place of the connection ID of the packet before this one; -1 where none came. */
  dcid: number;
}

/** Reads numbers of a payload one after the other; after the first that is cut, `failed`. */
class Cursor {
  readonly #f: Fields;
  readonly #end: number;
  at: number;
  failed = false;

  constructor(f: Fields, at: number, end: number) {
    this.#f = f;
    this.at = at;
    this.#end = end;
  }

  /** A variable-length integer as the field `id` (none below 0). */
  number(id: number): number {
    const { bytes } = this.#f;
    if (this.failed || this.at >= this.#end || this.at + wire.varintLength(bytes, this.at) > this.#end) {
      this.failed = true;
      return 0;
    }
    const length = wire.varintLength(bytes, this.at);
    const value = wire.varint(bytes, this.at);
    if (id >= 0) this.#f.value(id, this.at, length, BigInt(value));
    this.at += length;
    return value;
  }
}

/** Walks the frames of an Initial's payload, which is in the record's memory. */
function walkFrames(f: Fields, at: number, end: number, pieces: Piece[]): void {
  const { bytes } = f;
  while (at < end) {
    const begin = at;
    const type = bytes[at]!;
    const cursor = new Cursor(f, at + 1, end);
    f.raw(F.frame, begin, 1);
    f.value(F.frame_type, begin, 1, BigInt(type));
    switch (type) {
      case PADDING: {
        while (cursor.at < end && bytes[cursor.at] === PADDING) cursor.at++;
        f.uint(F.padding_length, begin, 0, cursor.at - begin);
        break;
      }
      case PING:
        break;
      case ACK:
      case ACK_ECN: {
        cursor.number(F['ack.largest_acknowledged']);
        cursor.number(F['ack.ack_delay']);
        const ranges = cursor.number(F['ack.ack_range_count']);
        cursor.number(F['ack.first_ack_range']);
        if (ranges > MAX_RANGES) return;
        for (let i = 0; i < ranges && !cursor.failed; i++) {
          cursor.number(F['ack.gap']);
          cursor.number(F['ack.ack_range']);
        }
        if (type === ACK_ECN) for (let i = 0; i < 3; i++) cursor.number(-1);
        break;
      }
      case CRYPTO: {
        const offset = cursor.number(F['crypto.offset']);
        const length = cursor.number(F['crypto.length']);
        if (cursor.failed || cursor.at + length > end) return;
        f.raw(F['crypto.crypto_data'], cursor.at, length);
        if (offset + length <= MAX_CRYPTO) pieces.push({ at: cursor.at, length, offset });
        cursor.at += length;
        break;
      }
      case CONNECTION_CLOSE: {
        cursor.number(F['cc.error_code']);
        cursor.number(F['cc.frame_type']);
        cursor.at += cursor.number(F['cc.reason_phrase.length']);
        break;
      }
      default:
        // RFC 9000 12.4: no other frame may stand in an Initial.
        return;
    }
    if (cursor.failed) return;
    at = cursor.at;
  }
}

/** Walks the first message of the handshake when all of it has come, or what this datagram has of it up to the first gap
 * where nothing is kept from datagram to datagram. */
function walkHandshake(f: Fields, { connection, side, pieces }: Datagram): void {
  if (f.sessions !== null && connection !== undefined) {
    const handshake = connection.handshake(side);
    for (const { at, length, offset } of pieces) handshake.add(offset, f.bytes.subarray(at, at + length));
    const message = handshake.first();
    if (message === null) return;
    const place = f.append(message.length);
    f.bytes.set(message, place);
    walkTlsOfQuic(f, place, place + message.length);
    return;
  }
  pieces.sort((a, b) => a.offset - b.offset);
  let length = 0;
  for (const piece of pieces) {
    if (piece.offset > length) break;
    length = Math.max(length, piece.offset + piece.length);
  }
  if (length === 0) return;
  const place = f.append(length);
  for (const { at, offset, length: size } of pieces)
    if (offset + size <= length) f.bytes.set(f.bytes.subarray(at, at + size), place + offset);
  walkTlsOfQuic(f, place, place + length);
}

/** Takes the protection off an Initial: with the keys of its connection, or as the first of one. */
function opened(f: Fields, at: number, header: wire.LongHeader, datagram: Datagram): Unprotected | null {
  const { connection, side } = datagram;
  if (connection?.version === header.version) {
    const plain = unprotect(f.bytes, at, header, connection.keys(side));
    if (plain !== null) return plain;
  }
  const dcid = f.bytes.subarray(header.dcid, header.dcid + header.dcidLength);
  const first = new QuicConnection('', header.version, dcid);
  const plain = unprotect(f.bytes, at, header, first.keys('client'));
  if (plain === null) return null;
  datagram.connection = remember(f, header.version, dcid, connection);
  datagram.side = 'client';
  return plain;
}

function walkLong(f: Fields, at: number, header: wire.LongHeader, datagram: Datagram): void {
  const { bytes } = f;
  const { version, type, body } = header;
  f.uint(F.packet_length, at, 0, Math.min(header.end, f.capturedEnd) - at);
  f.uint(F.header_form, at, 1, 1);
  if (type < 0) {
    f.uint(F['vn.unused'], at, 1, bytes[at]! & 0x7f);
    walkIds(f, at, header);
    for (let place = body; place + 4 <= header.end; place += 4)
      f.uint(F.supported_version, place, 4, be32(bytes, place));
    return;
  }
  if (type !== wire.RETRY) f.bool(F.fixed_bit, at, 1, true);
  f.uint(version === wire.VERSION_2 ? F['long.packet_type_v2'] : F['long.packet_type'], at, 1, (bytes[at]! >> 4) & 3);
  const plain = type === wire.INITIAL ? opened(f, at, header, datagram) : null;
  if (plain !== null) {
    f.uint(F['long.reserved'], at, 1, (plain.first >> 2) & 3);
    f.uint(F.packet_number_length, at, 1, plain.first & 3);
  }
  walkIds(f, at, header);
  if (type === wire.RETRY) {
    if (datagram.connection !== undefined) datagram.connection.isRetried = true;
    const tag = Math.max(body, header.end - TAG_LENGTH);
    f.raw(F.retry_token, body, tag - body);
    f.raw(F.retry_integrity_tag, tag, header.end - tag);
    return;
  }
  if (type === wire.INITIAL) {
    f.value(F.token_length, header.tokenLengthAt, header.token - header.tokenLengthAt, BigInt(header.tokenLength));
    if (header.tokenLength > 0) f.raw(F.token, header.token, header.tokenLength);
  }
  f.value(F.length, header.lengthAt, body - header.lengthAt, BigInt(header.length));
  const end = Math.min(header.end, f.capturedEnd);
  if (plain === null) {
    if (end > body) f.raw(F.remaining_payload, body, end - body);
    return;
  }
  f.value(F.packet_number, body, plain.packetNumberLength, BigInt(plain.packetNumber));
  f.raw(F.payload, body + plain.packetNumberLength, end - body - plain.packetNumberLength);
  const place = f.append(plain.payload.length);
  f.bytes.set(plain.payload, place);
  walkFrames(f, place, place + plain.payload.length, datagram.pieces);
}

function walkIds(f: Fields, at: number, header: wire.LongHeader): void {
  f.uint(F.version, at + 1, 4, header.version);
  f.uint(F.dcil, header.dcid - 1, 1, header.dcidLength);
  if (header.dcidLength > 0) f.raw(F.dcid, header.dcid, header.dcidLength);
  f.uint(F.scil, header.scid - 1, 1, header.scidLength);
  if (header.scidLength > 0) f.raw(F.scid, header.scid, header.scidLength);
}

/** Notes the connection ID that the sender wants to be called by. */
function learnId(f: Fields, header: wire.LongHeader, { connection, side }: Datagram): void {
  if (connection !== undefined && header.type >= 0)
    connection.ids[side] = f.bytes.slice(header.scid, header.scid + header.scidLength);
}

function walkShort(f: Fields, at: number, end: number, datagram: Datagram): void {
  const first = f.bytes[at]!;
  const id = datagram.connection?.ids[datagram.side === 'client' ? 'server' : 'client'] ?? null;
  let body = at + 1;
  let isKnown = false;
  if (id !== null) {
    // Behind other packets of a datagram, something else is what some senders pad with.
    // RFC 9000 12.2: it has the connection ID of those; which need not be the one that the peer chose first.
    const isWhole = body + id.length <= end;
    const isSame = (_: number, i: number): boolean => f.bytes[body + i] === f.bytes[datagram.dcid + i];
    if (datagram.dcid >= 0 && !(isWhole && id.every(isSame))) return;
    isKnown = isWhole && id.length > 0 && id.every((byte, i) => f.bytes[body + i] === byte);
  }
  f.uint(F.packet_length, at, 0, end - at);
  f.raw(F.short, at, 1);
  f.uint(F.header_form, at, 1, 0);
  f.bool(F.fixed_bit, at, 1, true);
  f.bool(F.spin_bit, at, 1, (first & wire.SPIN_BIT) !== 0);
  // One that was issued later, in a packet that nobody here can read, is not told from what follows it.
  if (id !== null && isKnown) {
    f.raw(F.dcid, body, id.length);
    body += id.length;
  }
  if (end > body) f.raw(F.remaining_payload, body, end - body);
}

function walk(f: Fields, at: number, end: number): void {
  f.layer(quic, at, end - at);
  const connection = connectionOf(f);
  const side = connection !== undefined && connection.client === endpoint(f, 'destination') ? 'server' : 'client';
  const datagram: Datagram = { connection, side, pieces: [], dcid: -1 };
  for (let i = 0; i < MAX_PACKETS && at < end; i++) {
    const first = f.bytes[at]!;
    if ((first & wire.LONG_FORM) === 0) {
      // RFC 9000 12.2: a short header's packet is the last of a datagram. Zeros behind packets are padding.
      if ((first & wire.FIXED_BIT) !== 0) walkShort(f, at, end, datagram);
      break;
    }
    const header = wire.longHeader(f.bytes, at, end);
    if (header === null) break;
    if (i === 0) f.sessions?.speaks(f, quic);
    walkLong(f, at, header, datagram);
    learnId(f, header, datagram);
    if (header.end > end && !f.fits('quic', header.body, header.length, end)) break;
    at = header.end;
    datagram.dcid = header.dcid;
  }
  if (datagram.pieces.length > 0) walkHandshake(f, datagram);
}

/** QUIC, told on any port by its long header. Several packets of a datagram are one layer, as tshark shows them. */
export const quic: Protocol = {
  name: 'quic',
  title: 'QUIC IETF',
  accepts(bytes, at, end) {
    const header = wire.longHeader(bytes, at, end);
    if (header === null) return false;
    if (header.type === wire.RETRY) return header.end - header.body >= TAG_LENGTH;
    if (header.type >= 0) return header.length >= 1 + TAG_LENGTH + 3 && header.length < 65536;
    // A version negotiation is too like other things: it is told by what came before, as in Wireshark.
    return false;
  },
  walk,
};

/** RFC 9001 5.4.2: no packet is too short for its sample. */
const SHORTEST = 1 + 4 + TAG_LENGTH;

/** The same on the ports of HTTP/3, where short headers, whose content is all but random, are taken for it. */
export const quicOfHttp: Protocol = {
  ...quic,
  accepts: (bytes, at, end) =>
    ((bytes[at]! & (wire.LONG_FORM | wire.FIXED_BIT)) === wire.FIXED_BIT && end - at >= SHORTEST) ||
    quic.accepts!(bytes, at, end),
};
