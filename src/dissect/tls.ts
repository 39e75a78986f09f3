import { be16 } from '../bytes/endian.ts';
import * as wire from '../wire/tls.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { walkBody } from './tls-body.ts';
import { TLS } from './tls-fields.ts';
import { IS_TLS13, type Transport } from './tls-hello.ts';
import {
  newSession,
  type Partial,
  sessionOf,
  sideOf,
  type TlsMemory,
  type TlsSession,
  tlsMemory,
  VERSION_13,
} from './tls-session.ts';

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
  app_data_proto: ['Application Data Protocol', 'string', many],
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
  'handshake.fragments': ['Reassembled Handshake Fragments', 'none', many],
  'handshake.fragment': ['Handshake Fragment', 'uint32', many],
  'handshake.fragment.count': ['Handshake Fragment count', 'uint32', many],
  heartbeat_message: ['Heartbeat Message', 'none', many],
  'heartbeat_message.type': ['Type', 'uint8', many],
  'heartbeat_message.payload_length': ['Payload Length', 'uint16', many],
  'heartbeat_message.payload': ['Payload', 'bytes', many],
  'heartbeat_message.padding': ['Padding', 'bytes', many],
});

/** Types of handshake messages, by number. */
const MESSAGE_TYPES = new Set([1, 2, 3, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 23, 24, 25]);
/** Longest message that may go on in a further record; certificates are the longest. */
const MAX_MESSAGE = 1 << 17;

/** Handshake messages are only told from encrypted ones by their header: a known type, and a length that fits. The first
 * may go on in the next record where it is of a kind that is long. */
function isMessage(bytes: Uint8Array, at: number, end: number): boolean {
  if (at + wire.MESSAGE_HEADER_LENGTH > end) return false;
  const type = wire.messageType(bytes, at);
  const length = wire.messageLength(bytes, at);
  // Encrypted records often begin with zeros, an explicit nonce. A HelloRequest is empty, and alone in its record.
  if (type === wire.HELLO_REQUEST) return length === 0 && at + wire.MESSAGE_HEADER_LENGTH === end;
  if (!MESSAGE_TYPES.has(type)) return false;
  if (at + wire.MESSAGE_HEADER_LENGTH + length <= end) return true;
  return (
    (type === wire.CLIENT_HELLO || type === wire.SERVER_HELLO || type === wire.CERTIFICATE) && length < MAX_MESSAGE
  );
}

/** Walks handshake messages from `at`; their record ends at `recordEnd`, what was captured of it at `end`. */
function walkMessages(
  f: Fields,
  session: TlsSession,
  at: number,
  end: number,
  recordEnd: number,
  transport: Transport,
): void {
  const { bytes } = f;
  for (let isFirst = true; at < end; isFirst = false) {
    // Encrypted, or the rest of a message that began in an earlier record.
    if (!isMessage(bytes, at, recordEnd) || at + wire.MESSAGE_HEADER_LENGTH > end) {
      if (isFirst) f.raw(F.handshake, at, end - at);
      return;
    }
    at = walkOne(f, session, at, end, transport);
  }
}

/** One message, of which at least the header is there. Gives the offset behind it. */
function walkOne(f: Fields, session: TlsSession, at: number, end: number, transport: Transport): number {
  const { bytes } = f;
  const type = wire.messageType(bytes, at);
  const length = wire.messageLength(bytes, at);
  const body = at + wire.MESSAGE_HEADER_LENGTH;
  const stop = Math.min(body + length, end);
  f.raw(F.handshake, at, stop - at);
  f.uint(F['handshake.type'], at, 1, type);
  f.uint(F['handshake.length'], at + 1, 3, length);
  walkBody(f, TLS, session, type, body, stop, body + length, transport);
  return body + length;
}

/** Walks the messages of a record that is all here, with what earlier ones have left. A message that goes on in the next
 * one waits for it. */
function walkHandshake(f: Fields, memory: TlsMemory, session: TlsSession, at: number, end: number): void {
  const key = `${f.sessions!.conversation(f)}${sideOf(f)}`;
  const partial = memory.partials.get(key);
  if (partial !== undefined) {
    const taken = complete(f, partial, at, end);
    if (partial.need === 0 || partial.have < partial.need) return;
    memory.partials.delete(key);
    const place = f.append(partial.need);
    f.bytes.set(partial.bytes.subarray(0, partial.need), place);
    f.raw(F['handshake.fragments'], place, partial.need);
    for (const frame of partial.frames) f.uint(F['handshake.fragment'], at, 0, frame);
    f.uint(F['handshake.fragment.count'], at, 0, partial.frames.length);
    walkOne(f, session, place, place + partial.need, 't');
    at += taken;
  }
  const { bytes } = f;
  while (at < end) {
    const type = wire.messageType(bytes, at);
    const length = at + wire.MESSAGE_HEADER_LENGTH > end ? -1 : wire.messageLength(bytes, at);
    const next = at + wire.MESSAGE_HEADER_LENGTH + length;
    if (length >= 0 && next <= end) {
      at = walkOne(f, session, at, end, 't');
      continue;
    }
    if (!MESSAGE_TYPES.has(type) || length > MAX_MESSAGE) {
      f.raw(F.handshake, at, end - at);
      return;
    }
    const need = length < 0 ? 0 : wire.MESSAGE_HEADER_LENGTH + length;
    const begun: Partial = { bytes: new Uint8Array(Math.max(need, end - at)), have: 0, need, frames: [] };
    complete(f, begun, at, end);
    memory.partials.set(key, begun);
    return;
  }
}

/** Takes what belongs to a message from the bytes at `at`: gives how many. */
function complete(f: Fields, partial: Partial, at: number, end: number): number {
  const { bytes } = f;
  const begin = at;
  if (partial.need === 0 && partial.have + end - at >= wire.MESSAGE_HEADER_LENGTH) {
    const header = new Uint8Array(wire.MESSAGE_HEADER_LENGTH);
    header.set(partial.bytes.subarray(0, partial.have));
    header.set(bytes.subarray(at, at + wire.MESSAGE_HEADER_LENGTH - partial.have), partial.have);
    partial.need = wire.MESSAGE_HEADER_LENGTH + Math.min(wire.messageLength(header, 0), MAX_MESSAGE);
  }
  const room = partial.need === 0 ? partial.have + end - at : partial.need;
  if (partial.bytes.length < room) {
    const larger = new Uint8Array(room);
    larger.set(partial.bytes.subarray(0, partial.have));
    partial.bytes = larger;
  }
  const taken = Math.min(end - at, room - partial.have);
  partial.bytes.set(bytes.subarray(at, at + taken), partial.have);
  partial.have += taken;
  partial.frames.push(f.sessions!.frame);
  f.raw(F.handshake, begin, taken);
  return taken;
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
      if (tlsMemory(f) !== null) sessionOf(f, tlsMemory(f)).ciphers |= sideOf(f);
      break;
    case wire.ALERT:
      f.raw(F.alert_message, body, stop - body);
      // Any other length is an encrypted alert.
      if (length !== 2 || stop - body < 2) break;
      f.uint(F['alert_message.level'], body, 1, bytes[body]!);
      f.uint(F['alert_message.desc'], body + 1, 1, bytes[body + 1]!);
      break;
    case wire.HANDSHAKE: {
      const memory = tlsMemory(f);
      const session = sessionOf(f, memory);
      const hasChanged = isEncrypted || (session.ciphers & sideOf(f)) !== 0;
      if (isEncrypted && !isHello(bytes, body, stop, length)) f.raw(F.handshake, body, stop - body);
      else if (memory === null || hasChanged || stop < body + length)
        walkMessages(f, session, body, stop, body + length, 't');
      else walkHandshake(f, memory, session, body, stop);
      break;
    }
    case wire.HEARTBEAT:
      if (f.connection & IS_TLS13) break;
      f.raw(F.heartbeat_message, body, stop - body);
      if (stop === body + length) walkHeartbeat(f, body, stop);
      break;
    case wire.APPLICATION_DATA:
      if (stop > body) walkApplicationData(f, body, stop);
      break;
  }
}

/** What is spoken within, by the server's port. */
const PORTS = new Map([
  [25, 'Simple Mail Transfer Protocol'],
  [110, 'Post Office Protocol'],
  [143, 'Internet Message Access Protocol'],
  [443, 'Hypertext Transfer Protocol'],
  [465, 'Simple Mail Transfer Protocol'],
  [587, 'Simple Mail Transfer Protocol'],
  [636, 'Lightweight Directory Access Protocol'],
  [853, 'Domain Name System'],
  [993, 'Internet Message Access Protocol'],
  [995, 'Post Office Protocol'],
  [3389, 'TPKT - ISO on TCP - RFC1006'],
  [5061, 'Session Initiation Protocol'],
  [5222, 'XMPP Protocol'],
  [5671, 'Advanced Message Queuing Protocol'],
  [8883, 'MQ Telemetry Transport Protocol'],
  [27017, 'Mongo Wire Protocol'],
]);
/** The same by what the server has chosen of ALPN (RFC 7301). */
const CHOSEN = new Map([
  ['http/1.1', 'Hypertext Transfer Protocol'],
  ['h2', 'HyperText Transfer Protocol 2'],
  ['spdy/2', 'SPDY'],
  ['spdy/3', 'SPDY'],
  ['spdy/3.1', 'SPDY'],
]);

function walkApplicationData(f: Fields, at: number, end: number): void {
  f.raw(F.app_data, at, end - at);
  if (!f.wants(F.app_data_proto)) return;
  const { alpn } = sessionOf(f, tlsMemory(f));
  const protocol = CHOSEN.get(alpn) ?? PORTS.get(f.srcPort) ?? PORTS.get(f.dstPort);
  if (protocol !== undefined) f.value(F.app_data_proto, at, 0, protocol);
}

/** RFC 6520 4. An encrypted one looks like anything. */
function walkHeartbeat(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const type = bytes[at]!;
  if (at + 3 > end || (type !== 1 && type !== 2)) return;
  const length = be16(bytes, at + 1);
  if (at + 3 + length > end) return;
  f.uint(F['heartbeat_message.type'], at, 1, type);
  f.uint(F['heartbeat_message.payload_length'], at + 1, 2, length);
  f.raw(F['heartbeat_message.payload'], at + 3, length);
  f.raw(F['heartbeat_message.padding'], at + 3 + length, end - at - 3 - length);
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
  walkMessages(f, newSession(VERSION_13), at, end, end, 'q');
}
