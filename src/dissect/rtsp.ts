import { be16 } from '../bytes/endian.ts';
import { ascii, codeAt, colonOf, isCode, lineEnd, nextLine, skipBlanks, tokenEnd } from '../wire/text-line.ts';
import { defineFields, type Fields, type Progress, WAITS_FOR_MORE } from './fields.ts';
import { headerValue, measureText, walkEach } from './http-length.ts';
import type { Protocol } from './protocol.ts';
import { rtcp } from './rtcp.ts';
import { rtp } from './rtp.ts';
import { sdp } from './sdp.ts';
import { textProtocolOfTcp } from './text-protocol.ts';

/** RTSP, RFC 2326: messages like HTTP's, and between them packets of RTP, each with four bytes in front: `$`, channel,
 * length. */
const F = defineFields('rtsp', {
  request: ['Request', 'string'],
  response: ['Response', 'string'],
  method: ['Method', 'string'],
  url: ['URL', 'string'],
  status: ['Status', 'uint32'],
  session: ['Session', 'string'],
  transport: ['Transport', 'string'],
  'content-type': ['Content-type', 'string'],
  'content-length': ['Content-length', 'uint32'],
  magic: ['Magic', 'uint8', { base: 'hex' }],
  channel: ['Channel', 'uint8', { base: 'hex' }],
  length: ['Length', 'uint16'],
  data: ['Data', 'bytes'],
});

const MAGIC = 0x24;
const FRAME_HEADER = 4;
const METHODS = [
  'ANNOUNCE',
  'DESCRIBE',
  'GET_PARAMETER',
  'OPTIONS',
  'PAUSE',
  'PLAY',
  'RECORD',
  'REDIRECT',
  'SETUP',
  'SET_PARAMETER',
  'TEARDOWN',
];
const KNOWN = new Set(METHODS);

function walkFrame(f: Fields, at: number, end: number): void {
  if (!f.fits('rtsp', at, FRAME_HEADER, end)) return;
  const length = be16(f.bytes, at + 2);
  const body = at + FRAME_HEADER;
  const stop = Math.min(body + length, end);
  f.layer(rtsp, at, stop - at);
  f.uint(F.magic, at, 1, MAGIC);
  f.uint(F.channel, at + 1, 1, f.bytes[at + 1]!);
  f.uint(F.length, at + 2, 2, length);
  if (stop > body) f.raw(F.data, body, stop - body);
}

function walkHeader(f: Fields, at: number, colon: number, stop: number, next: number): void {
  const { bytes } = f;
  const value = skipBlanks(bytes, colon + 1, stop);
  const text = ascii(bytes, value, stop);
  switch (ascii(bytes, at, colon).toLowerCase()) {
    case 'session':
      f.value(F.session, at, next - at, text);
      break;
    case 'transport':
      f.value(F.transport, at, next - at, text);
      break;
    case 'content-type':
      f.value(F['content-type'], at, next - at, text);
      break;
    case 'content-length':
      if (/^\d{1,9}$/.test(text)) f.uint(F['content-length'], at, next - at, Number(text));
      break;
  }
}

function measure(bytes: Uint8Array, at: number, end: number, progress: Progress): number {
  if (bytes[at] === MAGIC) return at + FRAME_HEADER > end ? WAITS_FOR_MORE : FRAME_HEADER + be16(bytes, at + 2);
  const word = ascii(bytes, at, Math.min(tokenEnd(bytes, at, end), at + 16));
  return word.startsWith('RTSP/') || KNOWN.has(word) ? measureText(bytes, at, end, progress) : end - at;
}

export const rtsp: Protocol = {
  name: 'rtsp',
  title: 'Real Time Streaming Protocol',
  print: textProtocolOfTcp('rtsp', METHODS),
  measure,
  walk: (f, at, end) => walkEach(f, at, end, measure, walkOne),
};

function walkOne(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (bytes[at] === MAGIC) {
    walkFrame(f, at, end);
    return;
  }
  let next = nextLine(bytes, at, end);
  const first = lineEnd(bytes, at, next);
  const word = tokenEnd(bytes, at, first);
  const second = skipBlanks(bytes, word, first);
  const token = ascii(bytes, at, Math.min(word, at + 16));
  const isResponse = token.startsWith('RTSP/');
  if (!isResponse && !KNOWN.has(token)) {
    f.data(at, end);
    return;
  }
  f.layer(rtsp, at, end - at);
  f.value(isResponse ? F.response : F.request, at, next - at, ascii(bytes, at, next));
  if (isResponse) {
    if (isCode(bytes, second, first)) f.uint(F.status, second, 3, codeAt(bytes, second));
  } else {
    f.value(F.method, at, word - at, token);
    const url = tokenEnd(bytes, second, first);
    f.value(F.url, second, url - second, ascii(bytes, second, url));
  }
  for (let line = next; line < end; line = next) {
    next = nextLine(bytes, line, end);
    const stop = lineEnd(bytes, line, next);
    const colon = colonOf(bytes, line, stop);
    if (colon < 0) break;
    walkHeader(f, line, colon, stop, next);
  }
  if (isResponse && f.sessions !== null) announce(f, headerValue(bytes, at, next, 'transport'));
  const isSdp = next < end && /^application\/sdp\b/i.test(headerValue(bytes, at, next, 'content-type'));
  if (isSdp) f.next(sdp, next, end);
}

/** RFC 2326 12.39: a server's answer says both sides' ports of RTP and RTCP. */
function announce(f: Fields, transport: string): void {
  if (f.ipVersion === 0 || !/^RTP\//i.test(transport)) return;
  const length = f.ipVersion === 4 ? 4 : 16;
  const src = f.ip + (f.ipVersion === 4 ? 12 : 8);
  for (const [, side, first, second] of transport.matchAll(/\b(client|server)_port=(\d{1,5})(?:-(\d{1,5}))?/gi)) {
    const at = side!.toLowerCase() === 'server' ? src : src + length;
    const address = f.bytes.slice(at, at + length);
    const port = Number(first);
    const control = second === undefined ? port + 1 : Number(second);
    if (port === 0 || port > 0xffff) continue;
    f.sessions!.expect(address, port, rtp);
    if (control <= 0xffff) f.sessions!.expect(address, control, rtcp);
  }
}
