import { constants } from 'node:zlib';
import * as wire from '../wire/http.ts';
import { ascii, colonOf, isDigit, isEnded, latin1, lineEnd, nextLine, skipBlanks } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import { walkRequest, walkResponse } from './http-exchange.ts';
import { IS_HTTP, IS_WEBSOCKET, measureHttp } from './http-length.ts';
import { STATUS_NAMES } from './http-status.ts';
import type { Protocol } from './protocol.ts';
import { decoded } from './session/http-messages.ts';
import { textProtocolOfTcp } from './text-protocol.ts';
import { walkWebsocket } from './websocket.ts';

const many = { list: true } as const;
const F = defineFields('http', {
  'request.method': ['Request Method', 'string'],
  'request.uri': ['Request URI', 'string'],
  'request.uri.path': ['Request URI Path', 'string'],
  'request.uri.query': ['Request URI Query', 'string'],
  'request.uri.query.parameter': ['Request URI Query Parameter', 'string', many],
  'request.version': ['Request Version', 'string'],
  'response.version': ['Response Version', 'string'],
  'response.code': ['Status Code', 'uint16'],
  'response.code.desc': ['Status Code Description', 'string'],
  'response.phrase': ['Response Phrase', 'string'],
  'request.line': ['Request line', 'string', many],
  'response.line': ['Response line', 'string', many],
  authorization: ['Authorization', 'string', many],
  authbasic: ['Credentials', 'string', many],
  www_authenticate: ['WWW-Authenticate', 'string', many],
  proxy_authenticate: ['Proxy-Authenticate', 'string', many],
  proxy_authorization: ['Proxy-Authorization', 'string', many],
  proxy_connect_host: ['Proxy-Connect-Hostname', 'string'],
  proxy_connect_port: ['Proxy-Connect-Port', 'uint16'],
  content_type: ['Content-Type', 'string', many],
  content_length_header: ['Content-Length', 'string', many],
  content_length: ['Content length', 'uint64', many],
  content_encoding: ['Content-Encoding', 'string', many],
  transfer_encoding: ['Transfer-Encoding', 'string', many],
  upgrade: ['Upgrade', 'string', many],
  user_agent: ['User-Agent', 'string', many],
  host: ['Host', 'string', many],
  connection: ['Connection', 'string', many],
  cookie: ['Cookie', 'string', many],
  cookie_pair: ['Cookie pair', 'string', many],
  accept: ['Accept', 'string', many],
  referer: ['Referer', 'string', many],
  accept_language: ['Accept-Language', 'string', many],
  accept_encoding: ['Accept Encoding', 'string', many],
  date: ['Date', 'string', many],
  cache_control: ['Cache-Control', 'string', many],
  server: ['Server', 'string', many],
  location: ['Location', 'string', many],
  sec_websocket_accept: ['Sec-WebSocket-Accept', 'string', many],
  sec_websocket_extensions: ['Sec-WebSocket-Extensions', 'string', many],
  sec_websocket_key: ['Sec-WebSocket-Key', 'string', many],
  sec_websocket_protocol: ['Sec-WebSocket-Protocol', 'string', many],
  sec_websocket_version: ['Sec-WebSocket-Version', 'string', many],
  set_cookie: ['Set-Cookie', 'string', many],
  last_modified: ['Last-Modified', 'string', many],
  x_forwarded_for: ['X-Forwarded-For', 'string', many],
  'request.full_uri': ['Full request URI', 'string'],
  request: ['Request', 'bool'],
  response: ['Response', 'bool'],
  notification: ['Notification', 'bool'],
  chunk_size: ['Chunk size', 'uint32', many],
  chunk_data: ['Chunk data', 'bytes', many],
  chunk_boundary: ['Chunk boundary', 'bytes', many],
  chunked_trailer_part: ['trailer-part', 'string', many],
  file_data: ['File Data', 'string'],
  decompression_failed: ['Decompression failed', 'none'],
});

/** Fields of headers, by the header's name in lower case. */
const HEADERS = new Map<string, number>([
  ['authorization', F.authorization],
  ['www-authenticate', F.www_authenticate],
  ['proxy-authenticate', F.proxy_authenticate],
  ['proxy-authorization', F.proxy_authorization],
  ['content-type', F.content_type],
  ['content-length', F.content_length_header],
  ['content-encoding', F.content_encoding],
  ['transfer-encoding', F.transfer_encoding],
  ['upgrade', F.upgrade],
  ['user-agent', F.user_agent],
  ['host', F.host],
  ['connection', F.connection],
  ['cookie', F.cookie],
  ['accept', F.accept],
  ['referer', F.referer],
  ['accept-language', F.accept_language],
  ['accept-encoding', F.accept_encoding],
  ['date', F.date],
  ['cache-control', F.cache_control],
  ['server', F.server],
  ['location', F.location],
  ['sec-websocket-accept', F.sec_websocket_accept],
  ['sec-websocket-extensions', F.sec_websocket_extensions],
  ['sec-websocket-key', F.sec_websocket_key],
  ['sec-websocket-protocol', F.sec_websocket_protocol],
  ['sec-websocket-version', F.sec_websocket_version],
  ['set-cookie', F.set_cookie],
  ['last-modified', F.last_modified],
  ['x-forwarded-for', F.x_forwarded_for],
]);

const QUESTION_MARK = 63;
const HASH = 35;
const AMPERSAND = 38;
/** Most messages in a row that one packet's fields give. */
const MAX_MESSAGES = 64;

/** What the header says about the body. */
interface Header {
  isRequest: boolean;
  code: number;
  method: string;
  host: string;
  /** -1: not said. */
  contentLength: number;
  isChunked: boolean;
  /** Content coding in lower case; '': none. */
  coding: string;
  /** The header's empty line is here. */
  isWhole: boolean;
}

/** Walks the message at `at`; gives the offset behind it, or `end`. */
function walkMessage(f: Fields, at: number, end: number): number {
  const { bytes } = f;
  const begin = at;
  f.layer(http, at, end - at);
  const method = wire.methodAt(bytes, at, end);
  const header: Header = {
    isRequest: method !== '',
    code: -1,
    method,
    host: '',
    contentLength: -1,
    isChunked: false,
    coding: '',
    isWhole: false,
  };
  let next = nextLine(bytes, at, end);
  const first = lineEnd(bytes, at, next);
  const uri = header.isRequest ? walkRequestLine(f, at, first) : '';
  if (!header.isRequest) header.code = walkStatusLine(f, at, first);
  for (at = next; at < end; at = next) {
    next = nextLine(bytes, at, end);
    const stop = lineEnd(bytes, at, next);
    if (stop === at) {
      header.isWhole = true;
      at = next;
      break;
    }
    const colon = colonOf(bytes, at, stop);
    if (colon <= at) break;
    walkHeader(f, header, at, colon, stop, next);
  }
  if (header.isRequest) {
    const isAsked = header.method === 'CONNECT' || header.host !== '';
    const full = header.method === 'CONNECT' ? uri : isAsked ? `http://${header.host.trim()}${uri}` : '';
    if (isAsked) f.value(F['request.full_uri'], begin, 0, full);
    f.bool(F.request, begin, 0, true);
    walkRequest(f, begin, full);
  } else {
    f.bool(F.response, begin, 0, true);
    walkResponse(f, begin);
    // Its frames look like nothing, on whatever port.
    if (f.connection & IS_WEBSOCKET) f.sessions?.speaks(f, http);
  }
  const behind = header.isWhole ? walkBody(f, header, at, end) : end;
  f.layerEnds(behind);
  return behind;
}

/** Gives the target. */
function walkRequestLine(f: Fields, at: number, end: number): string {
  const { bytes } = f;
  const target = wire.nextWord(bytes, at, end);
  f.value(F['request.method'], at, target - 1 - at, latin1(bytes, at, target - 1));
  let stop = target;
  while (stop < end && bytes[stop] !== 32) stop++;
  const uri = ascii(bytes, target, stop);
  f.value(F['request.uri'], target, stop - target, uri);
  const query = bytes.subarray(target, stop).indexOf(QUESTION_MARK);
  if (query >= 0) walkQuery(f, target, target + query, stop);
  const version = Math.min(stop + 1, end);
  f.value(F['request.version'], version, end - version, latin1(bytes, version, end));
  return uri;
}

function walkQuery(f: Fields, target: number, mark: number, end: number): void {
  const { bytes } = f;
  f.value(F['request.uri.path'], target, mark - target, ascii(bytes, target, mark));
  const fragment = bytes.subarray(mark, end).indexOf(HASH);
  if (fragment >= 0) end = mark + fragment;
  f.value(F['request.uri.query'], mark + 1, end - mark - 1, ascii(bytes, mark + 1, end));
  for (let at = mark + 1; at < end; ) {
    const found = bytes.subarray(at, end).indexOf(AMPERSAND);
    const stop = found < 0 ? end : at + found;
    f.value(F['request.uri.query.parameter'], at, stop - at, ascii(bytes, at, stop));
    at = stop + 1;
  }
}

/** Gives the status code, -1 where there is none. */
function walkStatusLine(f: Fields, at: number, end: number): number {
  const { bytes } = f;
  const place = wire.nextWord(bytes, at, end);
  const version = place - (bytes[place - 1] === 32 ? 1 : 0);
  f.value(F['response.version'], at, version - at, latin1(bytes, at, version));
  const code = wire.statusCode(bytes, at, end);
  if (code < 0) return code;
  f.uint(F['response.code'], place, 3, code);
  f.value(F['response.code.desc'], place, 3, STATUS_NAMES[code] ?? `Unknown (${code})`);
  const phrase = Math.min(place + 4, end);
  if (phrase < end) f.value(F['response.phrase'], phrase, end - phrase, ascii(bytes, phrase, end));
  return code;
}

function walkHeader(f: Fields, header: Header, at: number, colon: number, stop: number, next: number): void {
  const { bytes } = f;
  const name = latin1(bytes, at, colon).toLowerCase();
  const value = skipBlanks(bytes, colon + 1, stop);
  const text = ascii(bytes, value, stop);
  const field = HEADERS.get(name);
  if (field !== undefined) f.value(field, at, next - at, text);
  switch (field) {
    case F.content_length_header:
      // More digits than a 64-bit number has are no length.
      if (/^\d{1,18}/.test(text)) {
        const digits = /^\d+/.exec(text)![0];
        if (digits.length > 18) break;
        header.contentLength = Number(digits);
        f.value(F.content_length, at, next - at, BigInt(digits));
      }
      break;
    case F.transfer_encoding:
      header.isChunked = /\bchunked\b/i.test(text);
      break;
    case F.content_encoding:
      header.coding = /^identity\b/i.test(text) ? '' : text.trim().toLowerCase();
      break;
    case F.host:
      header.host = text;
      break;
    case F.cookie:
      walkCookies(f, value, stop);
      break;
    case F.authorization:
    case F.proxy_authorization: {
      const basic = /^basic\s+(\S+)/i.exec(text);
      if (basic && f.wants(F.authbasic))
        f.value(F.authbasic, value, stop - value, Buffer.from(basic[1]!, 'base64').toString('utf8'));
      break;
    }
  }
  const line = header.isRequest ? F['request.line'] : F['response.line'];
  if (f.wants(line)) f.value(line, at, next - at, ascii(bytes, at, next));
}

function walkCookies(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (at < end) {
    const found = bytes.subarray(at, end).indexOf(59);
    const stop = found < 0 ? end : at + found;
    f.value(F.cookie_pair, at, stop - at, ascii(bytes, at, stop));
    at = skipBlanks(bytes, stop + 1, end);
  }
}

/** Gives the offset behind the body, where the next message begins. */
function walkBody(f: Fields, header: Header, at: number, end: number): number {
  const { bytes } = f;
  // RFC 9112 6.3: no body after these, whatever the header says.
  if (header.code === 204 || header.code === 304 || (header.code >= 100 && header.code < 200)) return at;
  if (header.isChunked) return walkChunks(f, header, at, end);
  if (header.contentLength < 0) {
    // RFC 9112 6.3: such a response goes on up to the end of the connection.
    if (!header.isRequest) walkFile(f, header, at, end, bytes.subarray(at, end));
    return header.isRequest ? at : end;
  }
  const stop = at + header.contentLength;
  if (stop > end) return end;
  walkFile(f, header, at, stop, bytes.subarray(at, stop));
  return stop;
}

/** Longest body that is shown without its content coding. */
const MAX_DECODED = 8 << 20;

/** The body, which stands from `at` up to `end`, with chunks or without; one that is cut is decoded as far as it goes. */
function walkFile(f: Fields, header: Header, at: number, end: number, body: Uint8Array): void {
  if (body.length === 0 || !f.wants(F.file_data)) return;
  let file = body;
  if (header.coding !== '') {
    try {
      const options = { maxOutputLength: MAX_DECODED, finishFlush: constants.Z_SYNC_FLUSH };
      file = decoded(body, header.coding, options);
    } catch {
      f.raw(F.decompression_failed, at, end - at);
      return;
    }
  }
  addFile(f, at, end, file);
}

/** As Wireshark has it: a string, which ends at the first zero. */
function addFile(f: Fields, at: number, end: number, file: Uint8Array): void {
  if (!f.wants(F.file_data)) return;
  const zero = file.indexOf(0);
  f.value(F.file_data, at, end - at, ascii(file, 0, zero < 0 ? file.length : zero));
}

function walkChunks(f: Fields, header: Header, at: number, end: number): number {
  const { bytes } = f;
  const { places, end: behind, trailer } = wire.chunks(bytes, at, end);
  if (behind < 0) return end;
  const parts: Uint8Array[] = [];
  for (let i = 0; i < places.length; i += 2) {
    const place = places[i]!;
    const size = places[i + 1]!;
    f.uint(F.chunk_size, place, 0, size);
    f.raw(F.chunk_data, place, size);
    const boundary = place + size;
    f.raw(F.chunk_boundary, boundary, nextLine(bytes, boundary, end) - boundary);
    parts.push(bytes.subarray(place, boundary));
  }
  f.uint(F.chunk_size, trailer, 0, 0);
  const last = lineEnd(bytes, trailer, nextLine(bytes, trailer, end));
  if (last > trailer) {
    // All lines of the trailer but the empty one.
    const stop = behind - (bytes[behind - 2] === 13 ? 2 : 1);
    f.value(F.chunked_trailer_part, trailer, stop - trailer, ascii(bytes, trailer, stop));
  }
  walkFile(f, header, at, behind, Buffer.concat(parts));
  return behind;
}

/** What is no message is taken for the rest of one whose head was not seen, where there have been messages. */
function walkContinuation(f: Fields, at: number, end: number): void {
  if (f.connection & IS_HTTP) {
    f.layer(http, at, end - at);
    addFile(f, at, end, f.bytes.subarray(at, end));
  }
  f.data(at, end);
}

export const http: Protocol = {
  name: 'http',
  title: 'Hypertext Transfer Protocol',
  print: textProtocolOfTcp(
    'http',
    `GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE NOTIFY
    BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT
    MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL`.split(/\s+/),
  ),
  measure: measureHttp,
  walk(f, at, end) {
    for (let i = 0; i < MAX_MESSAGES && at < end; i++) {
      const begin = at;
      // RFC 9112 2.2: empty lines before a request are passed over.
      while (at + 2 <= end && f.bytes[at] === 13 && f.bytes[at + 1] === 10) at += 2;
      if (at < end && f.connection & IS_WEBSOCKET && !wire.isMessage(f.bytes, at, end)) {
        f.layer(http, at, 0);
        while (at < end) at = walkWebsocket(f, at, end);
        return;
      }
      if (at >= end || !wire.isMessage(f.bytes, at, end)) {
        walkContinuation(f, begin, end);
        return;
      }
      at = walkMessage(f, at, end);
    }
  },
};

/** The same on ports where its text is not printed. */
export const httpElsewhere: Protocol = { name: http.name, title: http.title, measure: measureHttp, walk: http.walk! };

/** The same on any port, where the first line is one of HTTP's. */
export const httpByContent: Protocol = {
  ...httpElsewhere,
  accepts(bytes, at, end) {
    if (wire.isVersion(bytes, at, end)) return isDigit(bytes[at + 5] ?? 0);
    if (wire.methodAt(bytes, at, end) === '') return false;
    const next = nextLine(bytes, at, end);
    const stop = lineEnd(bytes, at, next);
    if (!isEnded(bytes, at, next)) return false;
    return stop - 9 > at && wire.isVersion(bytes, stop - 8, stop);
  },
};
