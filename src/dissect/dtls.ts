import { be16 } from '../bytes/endian.ts';
import * as wire from '../wire/dtls.ts';
import { latin1 } from '../wire/text-line.ts';
import { ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT_HELLO, HANDSHAKE, SERVER_HELLO } from '../wire/tls.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';

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
  'handshake.version': ['Version', 'uint16', hex],
  'handshake.random': ['Random', 'bytes', many],
  'handshake.session_id_length': ['Session ID Length', 'uint8', many],
  'handshake.session_id': ['Session ID', 'bytes', many],
  'handshake.cookie_length': ['Cookie Length', 'uint8', many],
  'handshake.cookie': ['Cookie', 'bytes', many],
  'handshake.cipher_suites_length': ['Cipher Suites Length', 'uint16', many],
  'handshake.ciphersuite': ['Cipher Suite', 'uint16', hex],
  'handshake.comp_methods_length': ['Compression Methods Length', 'uint8', many],
  'handshake.comp_method': ['Compression Method', 'uint8', many],
  'handshake.extensions_length': ['Extensions Length', 'uint16', many],
  'handshake.extension.type': ['Type', 'uint16', many],
  'handshake.extension.len': ['Length', 'uint16', many],
  'handshake.extensions_server_name': ['Server Name', 'string', many],
});

const RANDOM_LENGTH = 32;
const SERVER_NAME = 0;

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

function walkMessages(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('dtls', at, wire.MESSAGE_HEADER_LENGTH, end)) return;
    const type = wire.messageType(bytes, at);
    const length = wire.messageLength(bytes, at);
    const offset = wire.fragmentOffset(bytes, at);
    const fragment = wire.fragmentLength(bytes, at);
    const body = at + wire.MESSAGE_HEADER_LENGTH;
    const stop = Math.min(body + fragment, end);
    f.raw(F.handshake, at, stop - at);
    f.uint(F['handshake.type'], at, 1, type);
    f.uint(F['handshake.length'], at + 1, 3, length);
    f.uint(F['handshake.message_seq'], at + 4, 2, wire.messageSequence(bytes, at));
    f.uint(F['handshake.fragment_offset'], at + 6, 3, offset);
    f.uint(F['handshake.fragment_length'], at + 9, 3, fragment);
    if (!f.fits('dtls', body, fragment, end)) return;
    if (offset === 0 && fragment === length) {
      if (type === CLIENT_HELLO || type === SERVER_HELLO) walkHello(f, body, stop, type === CLIENT_HELLO);
      else if (type === wire.HELLO_VERIFY_REQUEST && f.fits('dtls', body, 3, stop)) {
        f.uint(F['handshake.version'], body, 2, be16(bytes, body));
        walkCookie(f, body + 2, stop);
      }
    }
    at = stop;
  }
}

/** Gives the offset behind it; -1 where it is cut. */
function walkCookie(f: Fields, at: number, end: number): number {
  if (!f.fits('dtls', at, 1, end)) return -1;
  const length = f.bytes[at]!;
  f.uint(F['handshake.cookie_length'], at, 1, length);
  if (!f.fits('dtls', at + 1, length, end)) return -1;
  if (length > 0) f.raw(F['handshake.cookie'], at + 1, length);
  return at + 1 + length;
}

/** RFC 6347 4.2.1 and RFC 5246 7.4.1: a client's has a cookie behind the session. */
function walkHello(f: Fields, at: number, end: number, isClient: boolean): void {
  const { bytes } = f;
  if (!f.fits('dtls', at, 2 + RANDOM_LENGTH + 1, end)) return;
  f.uint(F['handshake.version'], at, 2, be16(bytes, at));
  f.raw(F['handshake.random'], at + 2, RANDOM_LENGTH);
  at += 2 + RANDOM_LENGTH;
  const session = bytes[at]!;
  f.uint(F['handshake.session_id_length'], at, 1, session);
  if (!f.fits('dtls', at + 1, session, end)) return;
  if (session > 0) f.raw(F['handshake.session_id'], at + 1, session);
  at += 1 + session;
  if (isClient) {
    at = walkCookie(f, at, end);
    if (at < 0 || !f.fits('dtls', at, 2, end)) return;
    const suites = be16(bytes, at);
    f.uint(F['handshake.cipher_suites_length'], at, 2, suites);
    at += 2;
    if (!f.fits('dtls', at, suites + 1, end)) return;
    for (let i = 0; i + 2 <= suites; i += 2) f.uint(F['handshake.ciphersuite'], at + i, 2, be16(bytes, at + i));
    at += suites;
    const methods = bytes[at]!;
    f.uint(F['handshake.comp_methods_length'], at, 1, methods);
    at++;
    if (!f.fits('dtls', at, methods, end)) return;
    for (let i = 0; i < methods; i++) f.uint(F['handshake.comp_method'], at + i, 1, bytes[at + i]!);
    at += methods;
  } else {
    if (!f.fits('dtls', at, 3, end)) return;
    f.uint(F['handshake.ciphersuite'], at, 2, be16(bytes, at));
    f.uint(F['handshake.comp_method'], at + 2, 1, bytes[at + 2]!);
    at += 3;
  }
  // Extensions may be left out altogether.
  if (at + 2 > end) return;
  f.uint(F['handshake.extensions_length'], at, 2, be16(bytes, at));
  for (at += 2; at < end; ) {
    if (!f.fits('dtls', at, 4, end)) return;
    const type = be16(bytes, at);
    const length = be16(bytes, at + 2);
    f.uint(F['handshake.extension.type'], at, 2, type);
    f.uint(F['handshake.extension.len'], at + 2, 2, length);
    at += 4;
    if (!f.fits('dtls', at, length, end)) return;
    // RFC 6066 3: the length of the list, a type, the length of the name.
    if (type === SERVER_NAME && length > 5) {
      const name = Math.min(be16(bytes, at + 3), length - 5);
      f.value(F['handshake.extensions_server_name'], at + 5, name, latin1(bytes, at + 5, at + 5 + name));
    }
    at += length;
  }
}
