import { be16 } from '../bytes/endian.ts';
import * as wire from '../wire/dtls.ts';
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE } from '../wire/tls.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { Recent } from './session/recent.ts';
import { walkBody } from './tls-body.ts';
import { DTLS } from './tls-fields.ts';
import { walkCookie } from './tls-hello.ts';
import { newSession, sideOf, type TlsSession } from './tls-session.ts';
import { Memory } from './transactions.ts';

const many = { list: true } as const;
const hex = { list: true, base: 'hex' } as const;
const F = defineFields('dtls', {
  record: ['Record Layer', 'none', many],
  'record.content_type': ['Content Type', 'uint8', many],
  'record.version': ['Version', 'uint16', hex],
  'record.epoch': ['Epoch', 'uint16', many],
  'record.sequence_number': ['Sequence Number', 'uint64', many],
  'record.length': ['Length', 'uint16', many],
  app_data: ['Encrypted Application Data', 'bytes', many],
  change_cipher_spec: ['Change Cipher Spec Message', 'none', many],
  alert_message: ['Alert Message', 'none', many],
  'alert_message.level': ['Level', 'uint8', many],
  'alert_message.desc': ['Description', 'uint8', many],
  handshake: ['Handshake Protocol', 'none', many],
  'handshake.type': ['Handshake Type', 'uint8', many],
  'handshake.length': ['Length', 'uint24', many],
  'handshake.message_seq': ['Message Sequence', 'uint16', many],
  'handshake.fragment_offset': ['Fragment Offset', 'uint24', many],
  'handshake.fragment_length': ['Fragment Length', 'uint24', many],
  fragments: ['Message fragments', 'none', many],
  fragment: ['Message fragment', 'uint32', many],
  'fragment.count': ['Message fragment count', 'uint32', many],
  'reassembled.length': ['Reassembled DTLS length', 'uint32', many],
});

/** Messages of which fragments are missing: their bytes, which of them are here, and the frames that they came in. */
interface Pieces {
  readonly bytes: Uint8Array;
  readonly here: Uint8Array;
  /** Number of bytes that are here. */
  have: number;
  readonly frames: number[];
}

/** Bounds: the oldest sessions, and the oldest messages, are forgotten. */
const MAX_SESSIONS = 65_536;
const MAX_PIECES = 256;
const MAX_MESSAGE = 1 << 16;

class DtlsMemory {
  readonly sessions = new Recent<string, TlsSession>(MAX_SESSIONS);
  readonly pieces = new Recent<string, Pieces>(MAX_PIECES);
}

const { general, ...messages } = DTLS;
const memories = new Memory(
  [...Object.values(F), ...Object.values(messages), ...Object.values(general)],
  () => new DtlsMemory(),
);

/** Datagram TLS, on any port: records fill the datagram. */
export const dtls: Protocol = {
  name: 'dtls',
  title: 'Datagram Transport Layer Security',
  accepts(bytes, at, end) {
    if (!wire.isRecord(bytes, at, end)) return false;
    const next = at + wire.RECORD_HEADER_LENGTH + wire.recordLength(bytes, at);
    return next >= end || wire.isRecord(bytes, next, end);
  },
  walk(f, at, end) {
    f.layer(dtls, at, end - at);
    while (at < end) {
      if (!f.fits('dtls', at, wire.RECORD_HEADER_LENGTH, end)) return;
      if (!wire.isRecord(f.bytes, at, end)) {
        f.layerEnds(at);
        f.data(at, end);
        return;
      }
      const body = at + wire.RECORD_HEADER_LENGTH;
      const length = wire.recordLength(f.bytes, at);
      walkRecord(f, at, Math.min(body + length, end), length);
      if (!f.fits('dtls', body, length, end)) return;
      at = body + length;
    }
  },
};

function walkRecord(f: Fields, at: number, end: number, length: number): void {
  const { bytes } = f;
  const type = wire.contentType(bytes, at);
  const epoch = wire.epoch(bytes, at);
  f.raw(F.record, at, end - at);
  f.uint(F['record.content_type'], at, 1, type);
  f.uint(F['record.version'], at + 1, 2, wire.recordVersion(bytes, at));
  f.uint(F['record.epoch'], at + 3, 2, epoch);
  f.value(F['record.sequence_number'], at + 5, 6, BigInt(wire.sequence(bytes, at)));
  f.uint(F['record.length'], at + 11, 2, length);
  const body = at + wire.RECORD_HEADER_LENGTH;
  switch (type) {
    case CHANGE_CIPHER_SPEC:
      f.raw(F.change_cipher_spec, body, end - body);
      break;
    case ALERT:
      f.raw(F.alert_message, body, end - body);
      // Any other length is an encrypted alert.
      if (length !== 2 || end - body < 2) break;
      f.uint(F['alert_message.level'], body, 1, bytes[body]!);
      f.uint(F['alert_message.desc'], body + 1, 1, bytes[body + 1]!);
      break;
    case HANDSHAKE:
      // RFC 6347 4.1: the epoch counts changes of the cipher; the first is without one.
      if (epoch === 0) walkMessages(f, body, end);
      else f.raw(F.handshake, body, end - body);
      break;
    case APPLICATION_DATA:
      if (end > body) f.raw(F.app_data, body, end - body);
      break;
  }
}

/** Takes a fragment of a message of `length` bytes. Gives the message when it is whole; else null. */
function put(
  f: Fields,
  memory: DtlsMemory,
  key: string,
  length: number,
  offset: number,
  at: number,
  end: number,
): Pieces | null {
  let pieces = memory.pieces.get(key);
  if (pieces === undefined || pieces.bytes.length !== length) {
    pieces = { bytes: new Uint8Array(length), here: new Uint8Array(length), have: 0, frames: [] };
    memory.pieces.set(key, pieces);
  }
  pieces.bytes.set(f.bytes.subarray(at, end), offset);
  for (let i = offset; i < offset + end - at; i++) {
    if (pieces.here[i] === 0) pieces.have++;
    pieces.here[i] = 1;
  }
  pieces.frames.push(f.sessions!.frame);
  if (pieces.have < length) return null;
  memory.pieces.delete(key);
  return pieces;
}

function walkMessages(f: Fields, at: number, end: number): void {
  const memory = memories.of(f);
  const conversation = memory === null ? '' : f.sessions!.conversation(f);
  let session = memory?.sessions.get(conversation);
  if (session === undefined) {
    session = newSession();
    memory?.sessions.set(conversation, session);
  }
  while (at < end) {
    const { bytes } = f;
    if (!f.fits('dtls', at, wire.MESSAGE_HEADER_LENGTH, end)) return;
    const type = wire.messageType(bytes, at);
    const length = wire.messageLength(bytes, at);
    const offset = wire.fragmentOffset(bytes, at);
    const fragment = wire.fragmentLength(bytes, at);
    const sequence = wire.messageSequence(bytes, at);
    const body = at + wire.MESSAGE_HEADER_LENGTH;
    const stop = Math.min(body + fragment, end);
    f.raw(F.handshake, at, stop - at);
    f.uint(F['handshake.type'], at, 1, type);
    f.uint(F['handshake.length'], at + 1, 3, length);
    f.uint(F['handshake.message_seq'], at + 4, 2, sequence);
    f.uint(F['handshake.fragment_offset'], at + 6, 3, offset);
    f.uint(F['handshake.fragment_length'], at + 9, 3, fragment);
    if (!f.fits('dtls', body, fragment, end)) return;
    if (offset === 0 && fragment === length) walkContents(f, session, type, body, stop);
    else if (memory !== null && offset + fragment <= length && length <= MAX_MESSAGE) {
      const key = `${conversation}${sideOf(f)}/${sequence}`;
      const whole = put(f, memory, key, length, offset, body, stop);
      if (whole !== null) {
        const place = f.append(length);
        f.bytes.set(whole.bytes, place);
        f.raw(F.fragments, place, length);
        for (const frame of whole.frames) f.uint(F.fragment, at, 0, frame);
        f.uint(F['fragment.count'], at, 0, whole.frames.length);
        f.uint(F['reassembled.length'], at, 0, length);
        walkContents(f, session, type, place, place + length);
      }
    }
    at = stop;
  }
}

function walkContents(f: Fields, session: TlsSession, type: number, at: number, end: number): void {
  if (type === wire.HELLO_VERIFY_REQUEST) {
    if (!f.fits('dtls', at, 3, end)) return;
    f.uint(DTLS.version, at, 2, be16(f.bytes, at));
    walkCookie(f, at + 2, end);
  } else walkBody(f, DTLS, session, type, at, end, end, 'd');
}
