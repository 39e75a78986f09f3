import {
  ascii,
  codeAt,
  colonOf,
  isCode,
  lineEnd,
  nextLine,
  skipBlanks,
  startsWith,
  trimEnd,
} from '../wire/text-line.ts';
import { defineFields, type Fields, type Measure } from './fields.ts';
import { headerValue, measureText, walkEach } from './http-length.ts';
import type { Protocol } from './protocol.ts';
import { sdp } from './sdp.ts';
import { textProtocol } from './text-protocol.ts';

/** SIP, RFC 3261: messages like HTTP's, over UDP and TCP; header names have short forms (7.3.3). */
const many = { list: true } as const;
const F = defineFields('sip', {
  'Request-Line': ['Request-Line', 'string'],
  'Status-Line': ['Status-Line', 'string'],
  Method: ['Method', 'string'],
  'r-uri': ['Request-URI', 'string'],
  'r-uri.user': ['Request-URI User Part', 'string'],
  'r-uri.host': ['Request-URI Host Part', 'string'],
  'r-uri.port': ['Request-URI Host Port', 'string'],
  'Status-Code': ['Status-Code', 'uint32'],
  msg_hdr: ['Message Header', 'string'],
  msg_body: ['Message Body', 'none'],
  Via: ['Via', 'string', many],
  'Via.transport': ['Transport', 'string', many],
  'Via.sent-by.address': ['Sent-by Address', 'string', many],
  'Via.sent-by.port': ['Sent-by port', 'uint16', many],
  'Via.branch': ['Branch', 'string', many],
  'Via.received': ['Received', 'string', many],
  'Via.rport': ['RPort', 'string', many],
  From: ['From', 'string'],
  'from.addr': ['SIP from address', 'string'],
  'from.user': ['SIP from address User Part', 'string'],
  'from.host': ['SIP from address Host Part', 'string'],
  'from.port': ['SIP from address Host Port', 'string'],
  'from.tag': ['SIP from tag', 'string'],
  To: ['To', 'string'],
  'to.addr': ['SIP to address', 'string'],
  'to.user': ['SIP to address User Part', 'string'],
  'to.host': ['SIP to address Host Part', 'string'],
  'to.port': ['SIP to address Host Port', 'string'],
  'to.tag': ['SIP to tag', 'string'],
  tag: ['SIP tag', 'string', many],
  'Call-ID': ['Call-ID', 'string'],
  Contact: ['Contact', 'string', many],
  'contact.uri': ['Contact URI', 'string', many],
  'contact.user': ['Contact URI User Part', 'string', many],
  'contact.host': ['Contact URI Host Part', 'string', many],
  'contact.port': ['Contact URI Host Port', 'string', many],
  CSeq: ['CSeq', 'string'],
  'CSeq.seq': ['Sequence Number', 'uint32'],
  'CSeq.method': ['CSeq Method', 'string'],
  Expires: ['Expires', 'uint32'],
  'Max-Forwards': ['Max-Forwards', 'uint32'],
  'Content-Length': ['Content-Length', 'uint32'],
  'Content-Type': ['Content-Type', 'string'],
  'User-Agent': ['User-Agent', 'string'],
  Server: ['Server', 'string'],
  Allow: ['Allow', 'string', many],
  Supported: ['Supported', 'string', many],
  Require: ['Require', 'string', many],
  Route: ['Route', 'string', many],
  'Record-Route': ['Record-Route', 'string', many],
  Authorization: ['Authorization', 'string', many],
  'WWW-Authenticate': ['WWW-Authenticate', 'string', many],
  'Proxy-Authorization': ['Proxy-Authorization', 'string', many],
  'Proxy-Authenticate': ['Proxy-Authenticate', 'string', many],
  Subject: ['Subject', 'string'],
  Event: ['Event', 'string'],
  Reason: ['Reason', 'string'],
  Warning: ['Warning', 'string', many],
  Accept: ['Accept', 'string', many],
  Date: ['Date', 'string'],
  'Refer-To': ['Refer-To', 'string'],
  'P-Asserted-Identity': ['P-Asserted-Identity', 'string', many],
});

const METHODS =
  'ACK BYE CANCEL DO INFO INVITE MESSAGE NOTIFY OPTIONS PRACK QAUTH REFER REGISTER SPRACK SUBSCRIBE UPDATE PUBLISH'.split(
    ' ',
  );
/** Wireshark's, which has not the drafts' methods. */
const KNOWN = new Set(METHODS);
const VERSION = 'SIP/2.0';
/** How the first line of an answer begins, and how that of a request ends. */
const ANSWER = `${VERSION} `;
const ASKED = ` ${VERSION}`;
const SHORT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  k: 'supported',
  s: 'subject',
  o: 'event',
  r: 'refer-to',
};

/** Headers whose field is their value as it stands. */
const HEADERS = new Map<string, number>(
  (
    [
      'Via',
      'From',
      'To',
      'Call-ID',
      'Contact',
      'CSeq',
      'Content-Type',
      'User-Agent',
      'Server',
      'Allow',
      'Supported',
      'Require',
      'Route',
      'Record-Route',
      'Authorization',
      'WWW-Authenticate',
      'Proxy-Authorization',
      'Proxy-Authenticate',
      'Subject',
      'Event',
      'Reason',
      'Warning',
      'Accept',
      'Date',
      'Refer-To',
      'P-Asserted-Identity',
    ] as const
  ).map((name) => [name.toLowerCase(), F[name]]),
);
const NUMBERS = new Map<string, number>([
  ['expires', F.Expires],
  ['max-forwards', F['Max-Forwards']],
  ['content-length', F['Content-Length']],
]);

interface UriFields {
  readonly uri: number;
  readonly user: number;
  readonly host: number;
  readonly port: number;
}
const REQUEST_URI: UriFields = { uri: F['r-uri'], user: F['r-uri.user'], host: F['r-uri.host'], port: F['r-uri.port'] };
const FROM_URI: UriFields = { uri: F['from.addr'], user: F['from.user'], host: F['from.host'], port: F['from.port'] };
const TO_URI: UriFields = { uri: F['to.addr'], user: F['to.user'], host: F['to.host'], port: F['to.port'] };
const CONTACT_URI: UriFields = {
  uri: F['contact.uri'],
  user: F['contact.user'],
  host: F['contact.host'],
  port: F['contact.port'],
};

/** The text that stands at `at` + `offset`. */
const put = (f: Fields, id: number, at: number, offset: number, text: string): void =>
  f.value(id, at + offset, text.length, text);

/** `scheme:user@host:port;parameters`. */
function walkUri(f: Fields, ids: UriFields, at: number, text: string): void {
  put(f, ids.uri, at, 0, text);
  const found = /^[a-z]+:(?:([^@]*)@)?(\[[^\]]*\]|[^:;?>]*)(?::(\d+))?/i.exec(text);
  if (found === null) return;
  const [all, user, host, port] = found;
  if (user !== undefined) put(f, ids.user, at, text.indexOf(':') + 1, user.split(':')[0]!);
  if (host !== undefined && host !== '') put(f, ids.host, at, all.lastIndexOf(host), host);
  if (port !== undefined) put(f, ids.port, at, all.length - port.length, port);
}

/** `"name" <uri>;parameters` or `uri;parameters`: the URI's fields; gives the parameters. */
function walkAddress(f: Fields, ids: UriFields, at: number, text: string): string {
  const open = text.replace(/"(?:[^"\\]|\\.)*"/g, (quoted) => ' '.repeat(quoted.length)).indexOf('<');
  if (open >= 0) {
    const close = text.indexOf('>', open);
    if (close < 0) return '';
    walkUri(f, ids, at + open + 1, text.slice(open + 1, close));
    return text.slice(close + 1);
  }
  const end = text.indexOf(';');
  walkUri(f, ids, at, end < 0 ? text : text.slice(0, end));
  return end < 0 ? '' : text.slice(end);
}

function walkTag(f: Fields, id: number, at: number, parameters: string): void {
  const tag = /;\s*tag=([^;,\s]+)/i.exec(parameters)?.[1];
  if (tag === undefined) return;
  put(f, id, at, 0, tag);
  put(f, F.tag, at, 0, tag);
}

function walkVia(f: Fields, at: number, text: string): void {
  for (const part of text.split(',')) {
    const found = /^\s*SIP\s*\/\s*2\.0\s*\/\s*(\w+)\s+(\[[^\]]*\]|[^:;\s]+)(?::(\d+))?/i.exec(part);
    if (found === null) return;
    put(f, F['Via.transport'], at, 0, found[1]!);
    put(f, F['Via.sent-by.address'], at, 0, found[2]!.replace(/[[\]]/g, ''));
    if (found[3] !== undefined) f.uint(F['Via.sent-by.port'], at, 0, Math.min(Number(found[3]), 0xffff));
    for (const parameter of part.slice(found[0].length).split(';')) {
      const [name, value] = parameter.trim().split('=');
      if (name === 'branch') put(f, F['Via.branch'], at, 0, value ?? '');
      else if (name === 'received') put(f, F['Via.received'], at, 0, value ?? '');
      else if (name === 'rport') put(f, F['Via.rport'], at, 0, value ?? name);
    }
  }
}

/** A number as C's strtoul reads it into 32 bits. */
function wrapped(digits: string): number {
  if (digits.length < 10) return Number(digits);
  const value = BigInt(digits);
  return value >> 64n === 0n ? Number(value & 0xffffffffn) : 0xffffffff;
}

function walkHeader(f: Fields, at: number, colon: number, stop: number): void {
  const { bytes } = f;
  const lower = ascii(bytes, at, trimEnd(bytes, at, colon)).toLowerCase();
  const name = SHORT[lower] ?? lower;
  const begin = skipBlanks(bytes, colon + 1, stop);
  const end = trimEnd(bytes, begin, stop);
  const text = ascii(bytes, begin, end);
  const number = NUMBERS.get(name);
  if (number !== undefined) {
    const digits = /^\d+/.exec(text)?.[0];
    if (digits === undefined) return;
    // Of a length that is no number, or too large a one, Wireshark makes 0, or the largest.
    const isLength = number === F['Content-Length'];
    const value = !isLength ? wrapped(digits) : digits === text ? Math.min(Number(text), 0xffffffff) : 0;
    f.uint(number, begin, text.length, value);
    return;
  }
  const id = HEADERS.get(name);
  if (id === undefined) return;
  put(f, id, begin, 0, text);
  switch (id) {
    case F.From:
      walkTag(f, F['from.tag'], begin, walkAddress(f, FROM_URI, begin, text));
      return;
    case F.To:
      walkTag(f, F['to.tag'], begin, walkAddress(f, TO_URI, begin, text));
      return;
    case F.Contact:
      walkAddress(f, CONTACT_URI, begin, text);
      return;
    case F.Via:
      walkVia(f, begin, text);
      return;
    case F.CSeq: {
      const found = /^(\d+)\s+(\S+)/.exec(text);
      if (found === null) return;
      f.uint(F['CSeq.seq'], begin, found[1]!.length, wrapped(found[1]!));
      put(f, F['CSeq.method'], begin, text.length - found[2]!.length, found[2]!);
    }
  }
}

/** Does a message begin here? */
function accepts(bytes: Uint8Array, at: number, end: number): boolean {
  if (at >= end || bytes[at]! < 65 || bytes[at]! > 90) return false;
  const next = nextLine(bytes, at, Math.min(end, at + 1024));
  // Compared byte by byte: every payload that begins with a capital comes by here.
  if (startsWith(bytes, at, next, ANSWER)) return true;
  const stop = lineEnd(bytes, at, next);
  if (stop - ASKED.length < at || !startsWith(bytes, stop - ASKED.length, stop, ASKED)) return false;
  return KNOWN.has(ascii(bytes, at, stop).split(' ')[0]!);
}

const print = textProtocol('sip', METHODS);

export const sip: Protocol = {
  name: 'sip',
  title: 'Session Initiation Protocol',
  print,
  walk(f, at, end) {
    const { bytes } = f;
    if (!accepts(bytes, at, end)) {
      f.data(at, end);
      return;
    }
    f.layer(sip, at, end - at);
    let next = nextLine(bytes, at, end);
    const first = lineEnd(bytes, at, next);
    const line = ascii(bytes, at, first);
    if (line.startsWith(VERSION)) {
      put(f, F['Status-Line'], at, 0, line);
      const code = at + VERSION.length + 1;
      if (isCode(bytes, code, first)) f.uint(F['Status-Code'], code, 3, codeAt(bytes, code));
    } else {
      put(f, F['Request-Line'], at, 0, line);
      const [method, uri] = line.split(' ');
      put(f, F.Method, at, 0, method!);
      if (uri !== undefined) walkUri(f, REQUEST_URI, at + method!.length + 1, uri);
    }
    const headers = next;
    let stop = end;
    for (let to = headers; to < end; to = next) {
      next = nextLine(bytes, to, end);
      if (lineEnd(bytes, to, next) === to && next > to) {
        stop = next;
        break;
      }
    }
    // Wireshark's field goes on into the body.
    f.value(F.msg_hdr, headers, end - headers, ascii(bytes, headers, end));
    for (let to = headers; to < stop; to = next) {
      next = nextLine(bytes, to, stop);
      const lineStop = lineEnd(bytes, to, next);
      const colon = colonOf(bytes, to, lineStop);
      if (colon > to) walkHeader(f, to, colon, lineStop);
    }
    if (stop < end) {
      f.raw(F.msg_body, stop, end - stop);
      if (/^application\/sdp\b/i.test(headerValue(bytes, at, stop, 'content-type', 'c'))) f.next(sdp, stop, end);
    }
  },
};

const measure: Measure = (bytes, at, end, progress) =>
  accepts(bytes, at, end) ? measureText(bytes, at, end, progress, 'l') : end - at;

/** The same where its text is not printed: over TCP, and on other ports. */
export const sipElsewhere: Protocol = {
  name: sip.name,
  title: sip.title,
  accepts,
  measure,
  walk: (f, at, end) => walkEach(f, at, end, measure, sip.walk!),
};
