import { be16 } from '../bytes/endian.ts';
import * as wire from '../wire/websocket.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { Recent } from './session/recent.ts';
import { sideOf } from './tls-session.ts';
import { Memory } from './transactions.ts';

const many = { list: true } as const;
const F = defineFields('websocket', {
  fin: ['Fin', 'bool'],
  rsv: ['Reserved', 'uint8', { base: 'hex' }],
  opcode: [
    'Opcode',
    'uint8',
    { values: { 0: 'Continuation', 1: 'Text', 2: 'Binary', 8: 'Connection Close', 9: 'Ping', 10: 'Pong' } },
  ],
  mask: ['Mask', 'bool'],
  payload_length: ['Payload length', 'uint8'],
  payload_length_ext_16: ['Extended Payload length (16 bits)', 'uint16'],
  payload_length_ext_64: ['Extended Payload length (64 bits)', 'uint64'],
  masking_key: ['Masking-Key', 'bytes'],
  masked_payload: ['Masked payload', 'none'],
  payload: ['Payload', 'none'],
  'payload.text': ['Text', 'string'],
  'payload.close': ['Close', 'none'],
  'payload.close.status_code': ['Status code', 'uint16'],
  'payload.close.reason': ['Reason', 'string'],
  'payload.ping': ['Ping', 'bytes'],
  'payload.pong': ['Pong', 'bytes'],
  fragment: ['Websocket Fragment', 'uint32', many],
  'fragment.count': ['Fragment count', 'uint32'],
  'reassembled.length': ['Reassembled websocket Payload length', 'uint32'],
});

/** A message of which more frames are to come. */
interface Message {
  readonly opcode: number;
  parts: Uint8Array[];
  length: number;
  readonly frames: number[];
}

/** Bounds: the oldest messages are forgotten, and what is longer is not put together. */
const MAX_MESSAGES = 64;
const MAX_MESSAGE = 1 << 18;
const messages = new Memory(Object.values(F), () => new Recent<string, Message>(MAX_MESSAGES));

/** RFC 7692 6: the message is compressed. */
const COMPRESSED = 0x40;

/** Length of the frame at `at`, or that more is needed to tell. */
export function measureWebsocket(bytes: Uint8Array, at: number, end: number): number {
  const header = wire.headerLength(bytes, at, end);
  if (header === 0 || at + header > end) return WAITS_FOR_MORE;
  return header + wire.payloadLength(bytes, at);
}

/** Walks the frame at `at`; gives the offset behind it, or `end`. */
export function walkWebsocket(f: Fields, at: number, end: number): number {
  const { bytes } = f;
  f.layer(websocket, at, end - at);
  if (!f.fits('websocket', at, 2, end)) return end;
  const first = bytes[at]!;
  const second = bytes[at + 1]!;
  const isMasked = (second & wire.MASK) !== 0;
  const short = second & wire.LENGTH;
  const header = wire.headerLength(bytes, at, end);
  f.bool(F.fin, at, 1, (first & wire.FIN) !== 0);
  f.uint(F.rsv, at, 1, (first & wire.RESERVED) >> 4);
  f.uint(F.opcode, at, 1, first & wire.OPCODE);
  f.bool(F.mask, at + 1, 1, isMasked);
  f.uint(F.payload_length, at + 1, 1, short);
  if (!f.fits('websocket', at, header, end)) return end;
  const length = wire.payloadLength(bytes, at);
  if (short === wire.LENGTH_16) f.uint(F.payload_length_ext_16, at + 2, 2, length);
  if (short === wire.LENGTH_64) f.value(F.payload_length_ext_64, at + 2, 8, BigInt(length));
  const payload = at + header;
  if (isMasked) f.raw(F.masking_key, payload - wire.KEY_LENGTH, wire.KEY_LENGTH);
  if (!f.fits('websocket', payload, length, end)) return end;
  if (length === 0) {
    f.layerEnds(payload);
    return payload;
  }
  let place = payload;
  if (isMasked) {
    f.raw(F.masked_payload, payload, length);
    place = f.append(length);
    const key = payload - wire.KEY_LENGTH;
    for (let i = 0; i < length; i++) f.bytes[place + i] = f.bytes[payload + i]! ^ f.bytes[key + (i & 3)]!;
  }
  f.raw(F.payload, place, length);
  f.layerEnds(payload + length);
  walkPayload(f, first, place, place + length);
  return payload + length;
}

function walkPayload(f: Fields, first: number, at: number, end: number): void {
  const opcode = first & wire.OPCODE;
  if (opcode === wire.CLOSE) {
    f.raw(F['payload.close'], at, end - at);
    if (at + 2 > end) return;
    f.uint(F['payload.close.status_code'], at, 2, be16(f.bytes, at));
    if (at + 2 < end) f.value(F['payload.close.reason'], at + 2, end - at - 2, utf8(f, at + 2, end));
  } else if (opcode === wire.PING) f.raw(F['payload.ping'], at, end - at);
  else if (opcode === wire.PONG) f.raw(F['payload.pong'], at, end - at);
  else if (opcode > wire.BINARY || first & (COMPRESSED | 0x30)) return;
  else if ((first & wire.FIN) === 0 || opcode === wire.CONTINUATION) walkPart(f, first, at, end);
  else walkMessage(f, opcode, at, end);
}

function walkMessage(f: Fields, opcode: number, at: number, end: number): void {
  if (opcode === wire.TEXT) f.value(F['payload.text'], at, end - at, utf8(f, at, end));
  else f.data(at, end);
}

/** Part of a message: it is shown when it is whole. */
function walkPart(f: Fields, first: number, at: number, end: number): void {
  const memory = messages.of(f);
  if (memory === null) return;
  const key = `${f.sessions!.conversation(f)}${sideOf(f)}`;
  const opcode = first & wire.OPCODE;
  let message = memory.get(key);
  if (opcode !== wire.CONTINUATION) {
    message = { opcode, parts: [], length: 0, frames: [] };
    memory.set(key, message);
  }
  if (message === undefined) return;
  message.length += end - at;
  message.frames.push(f.sessions!.frame);
  if (message.length <= MAX_MESSAGE) message.parts.push(f.bytes.slice(at, end));
  else message.parts = [];
  if ((first & wire.FIN) === 0) return;
  memory.delete(key);
  if (message.length > MAX_MESSAGE) return;
  const place = f.append(message.length);
  let to = place;
  for (const part of message.parts) {
    f.bytes.set(part, to);
    to += part.length;
  }
  for (const frame of message.frames) f.uint(F.fragment, at, 0, frame);
  f.uint(F['fragment.count'], at, 0, message.frames.length);
  f.uint(F['reassembled.length'], at, 0, message.length);
  walkMessage(f, message.opcode, place, to);
}

const utf8 = (f: Fields, at: number, end: number): string => Buffer.from(f.bytes.subarray(at, end)).toString('utf8');

/** WebSocket, to which a connection of HTTP has changed. */
export const websocket: Protocol = { name: 'websocket', title: 'WebSocket' };
