import { be24 } from '../bytes/endian.ts';
import * as wire from '../wire/tls.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { IS_TLS13, walkClientKeyExchange, walkHello, walkServerKeyExchange } from './tls-hello.ts';

const many = { list: true } as const;
const F = defineFields('tls', {
  record: ['Record Layer', 'none', many],
  'record.content_type': [
    'Content Type',
    'uint8',
    {
      list: true,
      values: {
        [wire.CHANGE_CIPHER_SPEC]: 'Change Cipher Spec',
        [wire.ALERT]: 'Alert',
        [wire.HANDSHAKE]: 'Handshake',
        [wire.APPLICATION_DATA]: 'Application Data',
        [wire.HEARTBEAT]: 'Heartbeat',
      },
    },
  ],
  'record.opaque_type': ['Opaque Type', 'uint8', many],
  'record.version': ['Version', 'uint16', { list: true, base: 'hex' }],
  'record.length': ['Length', 'uint16', many],
  app_data: ['Encrypted Application Data', 'bytes', many],
  change_cipher_spec: ['Change Cipher Spec Message', 'none', many],
  alert_message: ['Alert Message', 'none', many],
  'alert_message.level': ['Level', 'uint8', { list: true, values: { 1: 'Warning', 2: 'Fatal' } }],
  'alert_message.desc': ['Description', 'uint8', many],
  handshake: ['Handshake Protocol', 'none', many],
  'handshake.type': [
    'Handshake Type',
    'uint8',
    {
      list: true,
      values: {
        0: 'Hello Request',
        1: 'Client Hello',
        2: 'Server Hello',
        3: 'Hello Verify Request',
        4: 'New Session Ticket',
        5: 'End of Early Data',
        8: 'Encrypted Extensions',
        11: 'Certificate',
        12: 'Server Key Exchange',
        13: 'Certificate Request',
        14: 'Server Hello Done',
        15: 'Certificate Verify',
        16: 'Client Key Exchange',
        20: 'Finished',
        21: 'Certificate URL',
        22: 'Certificate Status',
        23: 'Supplemental Data',
        24: 'Key Update',
        25: 'Compressed Certificate',
      },
    },
  ],
  'handshake.length': ['Length', 'uint24', many],
  'handshake.certificates_length': ['Certificates Length', 'uint24', many],
  'handshake.certificate_length': ['Certificate Length', 'uint24', many],
  'handshake.certificate': ['Certificate', 'bytes', many],
});

/** Types of handshake messages, by number. */
const MESSAGE_TYPES = new Set([1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25]);
const HELLO_REQUEST = 0;
const SERVER_KEY_EXCHANGE = 12;
const CLIENT_KEY_EXCHANGE = 16;
/** Longest message that may go on in a further record; certificates are the longest. */
const MAX_MESSAGE = 1 << 17;

/** Handshake messages are only told from encrypted ones by their header: a known type, and a length that fits. The first
 * may go on in the next record where it is of a kind that is long. */
function isMessage(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + wire.MESSAGE_HEADER_LENGTH > end) return false;
  const type = wire.messageType(bytes, at);
  const length = wire.messageLength(bytes, at);
  // Encrypted records often begin with zeros, an explicit nonce. A HelloRequest is empty, and alone in its record.
  if (type === HELLO_REQUEST) return length === 0 && at + wire.MESSAGE_HEADER_LENGTH === end;
  if (!MESSAGE_TYPES.has(type)) return false;
  if (at + wire.MESSAGE_HEADER_LENGTH + length <= end) return true;
  return (
    (type === wire.CLIENT_HELLO || type === wire.SERVER_HELLO || type === wire.CERTIFICATE) && length < MAX_MESSAGE
  );
}

/** Walks handshake messages from `at`; their record ends at `recordEnd`, what was captured of it at `end`. */
export function walkMessages(f: Fields, at: number, end: number, recordEnd: number, transport: 't' | 'q'): void {
  const { bytes } = f;
  for (let isFirst = true; at < end; isFirst = false) {
    // Encrypted, or the rest of a message that began in an earlier record.
    if (!isMessage(bytes, at, recordEnd) || at + wire.MESSAGE_HEADER_LENGTH > end) {
      if (isFirst) f.raw(F.handshake, at, end - at);
      return;
    }
    const type = wire.messageType(bytes, at);
    const length = wire.messageLength(bytes, at);
    const body = at + wire.MESSAGE_HEADER_LENGTH;
    const stop = Math.min(body + length, end);
    f.raw(F.handshake, at, stop - at);
    f.uint(F['handshake.type'], at, 1, type);
    f.uint(F['handshake.length'], at + 1, 3, length);
    if (type === wire.CLIENT_HELLO || type === wire.SERVER_HELLO)
      walkHello(f, body, stop, type === wire.CLIENT_HELLO, body + length <= end, transport);
    else if (type === wire.CERTIFICATE) walkCertificates(f, body, stop);
    else if (type === SERVER_KEY_EXCHANGE && body + length <= end) walkServerKeyExchange(f, body, stop);
    else if (type === CLIENT_KEY_EXCHANGE && body + length <= end) walkClientKeyExchange(f, body, stop);
    at = body + length;
  }
}

/** RFC 5246 7.4.2. (In TLS 1.3 certificates are encrypted.) */
function walkCertificates(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 3 > end) return;
  f.uint(F['handshake.certificates_length'], at, 3, be24(bytes, at));
  for (at += 3; at + 3 <= end; ) {
    const length = be24(bytes, at);
    f.uint(F['handshake.certificate_length'], at, 3, length);
    at += 3;
    if (at + length > end) return;
    f.raw(F['handshake.certificate'], at, length);
    at += length;
  }
}

/** True for a hello that fills its record: RFC 8446 D.4 allows a ChangeCipherSpec before the second one. */
const isHello = (bytes: Uint8Array, at: number, end: number, length: number): boolean =>
  at + wire.MESSAGE_HEADER_LENGTH <= end &&
  (wire.messageType(bytes, at) === wire.CLIENT_HELLO || wire.messageType(bytes, at) === wire.SERVER_HELLO) &&
  wire.messageLength(bytes, at) + wire.MESSAGE_HEADER_LENGTH === length;

/** `isEncrypted`: a ChangeCipherSpec came before it. */
function walkRecord(f: Fields, at: number, end: number, isEncrypted: boolean): void {
  const { bytes } = f;
  const type = wire.contentType(bytes, at);
  const length = wire.recordLength(bytes, at);
  const body = at + wire.RECORD_HEADER_LENGTH;
  const stop = Math.min(body + length, end);
  f.raw(F.record, at, stop - at);
  const isOpaque = type === wire.APPLICATION_DATA && (f.connection & IS_TLS13) !== 0;
  f.uint(isOpaque ? F['record.opaque_type'] : F['record.content_type'], at, 1, type);
  f.uint(F['record.version'], at + 1, 2, wire.recordVersion(bytes, at));
  f.uint(F['record.length'], at + 3, 2, length);
  switch (type) {
    case wire.CHANGE_CIPHER_SPEC:
      f.raw(F.change_cipher_spec, body, stop - body);
      break;
    case wire.ALERT:
      f.raw(F.alert_message, body, stop - body);
      // Any other length is an encrypted alert.
      if (length !== 2 || stop - body < 2) break;
      f.uint(F['alert_message.level'], body, 1, bytes[body]!);
      f.uint(F['alert_message.desc'], body + 1, 1, bytes[body + 1]!);
      break;
    case wire.HANDSHAKE:
      if (isEncrypted && !isHello(bytes, body, stop, length)) f.raw(F.handshake, body, stop - body);
      else walkMessages(f, body, stop, body + length, 't');
      break;
    case wire.APPLICATION_DATA:
      if (stop > body) f.raw(F.app_data, body, stop - body);
      break;
  }
}

function measureRecord(bytes: Uint8Array, at: number, end: number): number {
  if (at + wire.RECORD_HEADER_LENGTH > end) return WAITS_FOR_MORE;
  // What is no record says nothing about what follows.
  return wire.isRecord(bytes, at) ? wire.RECORD_HEADER_LENGTH + wire.recordLength(bytes, at) : end - at;
}

/** Transport Layer Security, on any port: told by the headers of its records. */
export const tls: Protocol = {
  name: 'tls',
  title: 'Transport Layer Security',
  accepts(bytes, at, end) {
    if (at + wire.RECORD_HEADER_LENGTH > end || !wire.isRecord(bytes, at)) return false;
    const body = at + wire.RECORD_HEADER_LENGTH;
    const next = body + wire.recordLength(bytes, at);
    const type = wire.contentType(bytes, at);
    if (type === wire.CHANGE_CIPHER_SPEC && (next !== body + 1 || (body < end && bytes[body] !== 1))) return false;
    if (type === wire.ALERT && next === body + 2 && body < end && bytes[body] !== 1 && bytes[body] !== 2) return false;
    return next + wire.RECORD_HEADER_LENGTH > end || wire.isRecord(bytes, next);
  },
  showsWaiting: true,
  measure: measureRecord,
  walk(f, at, end) {
    f.layer(tls, at, end - at);
    let isEncrypted = false;
    while (at < end) {
      if (!f.fits('tls', at, wire.RECORD_HEADER_LENGTH, end)) return;
      if (!wire.isRecord(f.bytes, at)) {
        f.layerEnds(at);
        f.data(at, end);
        return;
      }
      walkRecord(f, at, end, isEncrypted);
      isEncrypted ||= wire.contentType(f.bytes, at) === wire.CHANGE_CIPHER_SPEC;
      const next = at + wire.RECORD_HEADER_LENGTH + wire.recordLength(f.bytes, at);
      if (next > end) {
        f.fits('tls', at + wire.RECORD_HEADER_LENGTH, wire.recordLength(f.bytes, at), end);
        return;
      }
      at = next;
    }
  },
};

/** The same on ports that are its own, where the beginning of a record's header is enough. */
export const tlsOnPort: Protocol = {
  ...tls,
  accepts(bytes, at, end) {
    if (at + wire.RECORD_HEADER_LENGTH <= end) return wire.isRecord(bytes, at);
    const type = wire.contentType(bytes, at);
    return type >= wire.CHANGE_CIPHER_SPEC && type <= wire.HEARTBEAT && (at + 1 === end || bytes[at + 1] === 3);
  },
};

/** TLS without records, as QUIC carries it: handshake messages from `at` up to `end`. */
export function walkTlsOfQuic(f: Fields, at: number, end: number): void {
  f.layer(tls, at, end - at);
  walkMessages(f, at, end, end, 'q');
}
