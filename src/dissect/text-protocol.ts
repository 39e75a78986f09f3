import { isCode } from '../wire/text-line.ts';
import type { Print, Text } from './text.ts';

/** Text of the protocols whose lines are printed as they are: HTTP, FTP, SMTP, WHOIS, RTSP, SIP. */

const TAB = 9;
const LF = 10;
const CR = 13;
const BLANK = 32;
/** Longest token that is looked at. */
const MAX_TOKEN = 126;

const isVisible = (value: number): boolean => value >= BLANK && value < 0x7f;
const isSpace = (value: number): boolean => value === BLANK || (value >= TAB && value <= CR);

/** End of the token at `at`; -1 where there is none, where it is too long, not text, or not all captured. */
function tokenEnd(bytes: Uint8Array, at: number, end: number, captured: number): number {
  const begin = at;
  for (; at < end; at++) {
    if (at >= captured) return -1;
    const value = bytes[at]!;
    if (isSpace(value)) break;
    if (!isVisible(value) || at - begin >= MAX_TOKEN) return -1;
  }
  return at === begin ? -1 : at;
}

function isKnown(bytes: Uint8Array, at: number, end: number, requests: ReadonlySet<string>): boolean {
  let token = '';
  for (; at < end; at++) token += String.fromCharCode(bytes[at]!);
  return requests.has(token.toUpperCase());
}

/** Does the text begin with one of the requests, or with a token and a code of three digits? */
function begins(bytes: Uint8Array, at: number, end: number, captured: number, requests: ReadonlySet<string>): boolean {
  let stop = tokenEnd(bytes, at, end, captured);
  if (stop < 0) return false;
  if (isKnown(bytes, at, stop, requests)) return true;
  while (stop < end && stop < captured && bytes[stop] === BLANK) stop++;
  return tokenEnd(bytes, stop, end, captured) === stop + 3 && isCode(bytes, stop, end);
}

/** Prints `prefix` and the line at `at` without its end. Gives the offset of the next line; 0 where this one is not text
 * or does not end. */
function printLine(t: Text, prefix: string, at: number, end: number): number {
  const { out, bytes } = t;
  const begin = at;
  for (; at < end; at++) {
    const value = t.u8(at);
    if (value === LF) {
      out.ascii(prefix);
      out.copy(bytes, begin, at);
      return at + 1;
    }
    if (value === CR) {
      if (at + 1 >= end) return 0;
      if (t.u8(at + 1) !== LF) return 0;
      out.ascii(prefix);
      out.copy(bytes, begin, at);
      return at + 2;
    }
    if (!isVisible(value) && value !== TAB) return 0;
  }
  out.ascii(prefix);
  out.copy(bytes, begin, at);
  t.truncated();
  return 0;
}

/** A printer of the protocol called `name`: its name in capitals, and then, where the text begins with one of `requests`
 * or with a response's code as its second token (null: always), the first line, or under -v all lines that are text. */
export function textProtocol(name: string, requests: readonly string[] | null): Print {
  const known = requests === null ? null : new Set(requests);
  const title = name.toUpperCase();
  return (t, at, length) => {
    const { out } = t;
    t.layer = name;
    const end = at + length;
    const shows = known === null || begins(t.bytes, at, end, t.end, known);
    out.ascii(title);
    if (!shows) return;
    if (t.verbose === 0) {
      printLine(t, ': ', at, end);
      return;
    }
    out.ascii(', length: ');
    out.decimal(length);
    while (at < end) {
      at = printLine(t, '\n\t', at, end);
      if (at === 0) return;
    }
  };
}

/** As `textProtocol`, for what TCP carries: with the colon that stands between the two. */
export function textProtocolOfTcp(name: string, requests: readonly string[] | null): Print {
  const print = textProtocol(name, requests);
  return (t, at, length) => {
    t.out.ascii(': ');
    print(t, at, length);
  };
}
