import * as wire from '../wire/http.ts';
import { ascii, colonOf, isEnded, lineEnd, nextLine, skipBlanks } from '../wire/text-line.ts';
import { type Fields, type Measure, type Progress, WAITS_FOR_END, WAITS_FOR_MORE, type Walk } from './fields.ts';
import { measureWebsocket } from './websocket.ts';

/** How long messages of HTTP are (RFC 9112 6.3), and of protocols built like it: for payloads put together from several
 * segments. */

/** A head longer than this is taken as it is: no server takes one either. */
const MAX_HEAD = 1 << 18;
/** Longest piece of a first line that need not have its end. */
const MAX_WORD = 24;

/** Stage of a message whose head is whole, 0 being the one before. */
const IN_CHUNKS = 1;

/** In `Progress.connection`: what the last request says about its response, */
const ASKED_FOR_HEAD = 1;
const ASKED_TO_CONNECT = 2;
/** and that there have been messages. */
export const IS_HTTP = 4;
/** What follows are frames of WebSocket. */
export const IS_WEBSOCKET = 8;

/** Offset behind the empty line that ends the head of the message at `at`; -1 where it is not there yet. */
export function headEnd(bytes: Uint8Array, at: number, end: number, progress: Progress): number {
  for (let line = at + progress.done; line < end; ) {
    const next = nextLine(bytes, line, end);
    if (!isEnded(bytes, line, next)) {
      progress.done = line - at;
      return -1;
    }
    if (lineEnd(bytes, line, next) === line && line > at) return next;
    line = next;
    progress.done = line - at;
  }
  return -1;
}

/** The value of the header called `name` (in lower case) in the head from `at` up to `end`; '' where it has none. */
export function headerValue(bytes: Uint8Array, at: number, end: number, name: string, short = ''): string {
  for (let line = nextLine(bytes, at, end); line < end; ) {
    const next = nextLine(bytes, line, end);
    const stop = lineEnd(bytes, line, next);
    const colon = colonOf(bytes, line, stop);
    const length = colon - line;
    if (length === name.length || (short !== '' && length >= short.length && length < name.length)) {
      const found = ascii(bytes, line, colon).trim().toLowerCase();
      if (found === name || (short !== '' && found === short))
        return ascii(bytes, skipBlanks(bytes, colon + 1, stop), stop);
    }
    line = next;
  }
  return '';
}

/** The number that a Content-Length says; -1 where it says none. */
export function contentLength(text: string): number {
  const digits = /^\d{1,15}(?!\d)/.exec(text);
  return digits === null ? -1 : Number(digits[0]);
}

/** Length of a message that has a head like HTTP's, and a body where a Content-Length says so: SIP's, RTSP's. */
export function measureText(bytes: Uint8Array, at: number, end: number, progress: Progress, short = ''): number {
  const body = headEnd(bytes, at, end, progress);
  if (body < 0) return end - at > MAX_HEAD ? end - at : WAITS_FOR_MORE;
  return body - at + Math.max(contentLength(headerValue(bytes, at, body, 'content-length', short)), 0);
}

/** Walks the messages from `at` up to `end` one by one, as `measure` cuts them. */
export function walkEach(f: Fields, at: number, end: number, measure: Measure, walk: Walk): void {
  while (at < end) {
    const length = measure(f.bytes, at, end, { stage: 0, done: 0, connection: 0 });
    const stop = length <= 0 ? end : Math.min(at + length, end);
    walk(f, at, stop);
    at = stop;
  }
}

/** Could the bytes be the beginning of a first line that goes on in the next segment? */
function mayBegin(bytes: Uint8Array, at: number, end: number): boolean {
  if (wire.isMessage(bytes, at, end)) return true;
  if (end - at > MAX_WORD) return false;
  for (let i = at; i < end; i++) {
    const value = bytes[i]!;
    const isUpper = value >= 65 && value <= 90;
    if (!isUpper && value !== 45 && value !== 95 && !(value === 47 && i === at + 4)) return false;
  }
  return true;
}

export const measureHttp: Measure = (bytes, at, end, progress) => {
  if (progress.connection & IS_WEBSOCKET) return measureWebsocket(bytes, at, end);
  if (progress.stage === IN_CHUNKS) return measureChunks(bytes, at, end, progress);
  // RFC 9112 2.2: empty lines before a request are passed over.
  let begin = at;
  while (begin + 2 <= end && bytes[begin] === 13 && bytes[begin + 1] === 10) begin += 2;
  // What is no message says nothing about what follows.
  if (begin === end || !mayBegin(bytes, begin, end)) return end - at;
  if (progress.done < begin - at) progress.done = begin - at;
  const body = headEnd(bytes, at, end, progress);
  if (body < 0) return end - at > MAX_HEAD ? end - at : WAITS_FOR_MORE;
  const head = body - at;
  const method = wire.methodAt(bytes, begin, body);
  const length = contentLength(headerValue(bytes, begin, body, 'content-length'));
  const isChunked = /\bchunked\b/i.test(headerValue(bytes, begin, body, 'transfer-encoding'));
  if (method !== '') {
    const asked = method === 'HEAD' ? ASKED_FOR_HEAD : method === 'CONNECT' ? ASKED_TO_CONNECT : 0;
    progress.connection = IS_HTTP | asked;
    if (!isChunked) return head + Math.max(length, 0);
  } else {
    const code = wire.statusCode(bytes, begin, nextLine(bytes, begin, body));
    const hasNone = code === 204 || code === 304 || (code >= 100 && code < 200);
    if (code === 101 && /\bwebsocket\b/i.test(headerValue(bytes, begin, body, 'upgrade')))
      progress.connection |= IS_WEBSOCKET;
    const asked = progress.connection & (ASKED_FOR_HEAD | ASKED_TO_CONNECT);
    progress.connection |= IS_HTTP;
    if (hasNone || asked !== 0) return head;
    if (!isChunked) return length >= 0 ? head + length : WAITS_FOR_END;
  }
  progress.stage = IN_CHUNKS;
  progress.done = head;
  return measureChunks(bytes, at, end, progress);
};

/** RFC 9112 7.1: from the chunk at `progress.done` on. */
function measureChunks(bytes: Uint8Array, at: number, end: number, progress: Progress): number {
  for (;;) {
    const chunk = at + progress.done;
    const size = wire.chunkAt(bytes, chunk, end);
    if (size === wire.CHUNK_CUT) return WAITS_FOR_MORE;
    if (size === wire.CHUNK_BAD) return end - at;
    const next = nextLine(bytes, chunk, end);
    if (size === 0) return measureTrailer(bytes, at, next, end);
    const behind = nextLine(bytes, Math.min(next + size, end), end);
    if (next + size >= end || !isEnded(bytes, next + size, behind)) return WAITS_FOR_MORE;
    progress.done = behind - at;
  }
}

function measureTrailer(bytes: Uint8Array, at: number, line: number, end: number): number {
  while (line < end) {
    const next = nextLine(bytes, line, end);
    if (!isEnded(bytes, line, next)) return WAITS_FOR_MORE;
    if (lineEnd(bytes, line, next) === line) return next - at;
    line = next;
  }
  return WAITS_FOR_MORE;
}
