import { codeAt, isCode, lineEnd, nextLine } from './text-line.ts';

/** HTTP/1, RFC 9112: a request line or a status line, header fields, an empty line, the body.
 *
 *     method SP target SP version CRLF
 *     version SP code SP phrase CRLF
 */

const BLANK = 32;

/** Methods of RFC 9110, WebDAV and its extensions, and SSDP. */
export const METHODS: ReadonlySet<string> = new Set(
  `GET PUT COPY HEAD LOCK MOVE POLL POST BCOPY BMOVE MKCOL TRACE PATCH LABEL MERGE DELETE SEARCH UNLOCK REPORT UPDATE
  NOTIFY BDELETE CONNECT OPTIONS CHECKIN PROPFIND CHECKOUT CCM_POST SUBSCRIBE PROPPATCH BPROPFIND BPROPPATCH UNCHECKOUT
  MKACTIVITY MKWORKSPACE UNSUBSCRIBE RPC_CONNECT VERSION-CONTROL BASELINE-CONTROL M-SEARCH ACL ORDERPATCH LINK UNLINK
  BIND REBIND UNBIND MKCALENDAR MKREDIRECTREF UPDATEREDIRECTREF`.split(/\s+/),
);

/** Longest method. */
const MAX_METHOD = 20;

/** The method that a request line at `at` begins with; '' where it begins with none. */
export function methodAt(bytes: Uint8Array, at: number, end: number): string {
  let stop = at;
  const most = Math.min(end, at + MAX_METHOD + 1);
  while (stop < most) {
    const value = bytes[stop]!;
    if ((value < 65 || value > 90) && value !== 45 && value !== 95) break;
    stop++;
  }
  if (stop === at || stop === most || bytes[stop] !== BLANK) return '';
  let method = '';
  for (let i = at; i < stop; i++) method += String.fromCharCode(bytes[i]!);
  return METHODS.has(method) ? method : '';
}

/** True where `HTTP/` stands at `at`. */
export const isVersion = (bytes: Uint8Array, at: number, end: number): boolean =>
  at + 5 <= end &&
  bytes[at] === 0x48 &&
  bytes[at + 1] === 0x54 &&
  bytes[at + 2] === 0x54 &&
  bytes[at + 3] === 0x50 &&
  bytes[at + 4] === 0x2f;

/** True for the beginning of a request or of a response. */
export const isMessage = (bytes: Uint8Array, at: number, end: number): boolean =>
  isVersion(bytes, at, end) || methodAt(bytes, at, end) !== '';

/** Offset behind the blank that ends the word at `at`, or `end`. */
export function nextWord(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at] !== BLANK) at++;
  return Math.min(at + 1, end);
}

/** Status code of the status line from `at` up to `end`; -1 where there is none. */
export function statusCode(bytes: Uint8Array, at: number, end: number): number {
  const code = nextWord(bytes, at, end);
  return isCode(bytes, code, end) ? codeAt(bytes, code) : -1;
}

export interface Chunks {
  /** Offset and length of each chunk's data, one after the other. */
  readonly places: readonly number[];
  /** Offset behind the last chunk and the trailer; -1 where the body does not end before `end`. */
  readonly end: number;
  /** Offset of the trailer's first line. */
  readonly trailer: number;
}

/** RFC 9112 7.1: the chunks of the body at `at`. A chunk that is not whole is left out. */
export function chunks(bytes: Uint8Array, at: number, end: number): Chunks {
  const places: number[] = [];
  for (;;) {
    const size = chunkAt(bytes, at, end);
    if (size < 0) return { places, end: -1, trailer: -1 };
    const next = nextLine(bytes, at, end);
    if (size === 0) {
      const trailer = next;
      for (let line = next; line < end; ) {
        const after = nextLine(bytes, line, end);
        const isEmpty = lineEnd(bytes, line, after) === line && after > line;
        line = after;
        if (isEmpty) return { places, end: line, trailer };
      }
      return { places, end: -1, trailer };
    }
    // The data, and the line end behind it.
    if (next + size + 1 > end) return { places, end: -1, trailer: -1 };
    places.push(next, size);
    at = nextLine(bytes, next + size, end);
  }
}

/** The line of the chunk at `at` does not end here; it says no length. */
export const CHUNK_CUT = -1;
export const CHUNK_BAD = -2;

/** Length of the data of the chunk whose line is at `at`, or one of the above. */
export function chunkAt(bytes: Uint8Array, at: number, end: number): number {
  const next = nextLine(bytes, at, end);
  const stop = lineEnd(bytes, at, next);
  if (stop === next) return CHUNK_CUT;
  let size = 0;
  let digits = 0;
  for (; at + digits < stop; digits++) {
    const digit = hexDigit(bytes[at + digits]!);
    if (digit < 0) break;
    size = size * 16 + digit;
  }
  return digits === 0 ? CHUNK_BAD : size;
}

function hexDigit(value: number): number {
  if (value >= 48 && value <= 57) return value - 48;
  const letter = value | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}
