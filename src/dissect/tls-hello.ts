import { be16, be32 } from '../bytes/endian.ts';
import { keyExchange } from '../wire/tls-suites.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Hello, ja3, ja3s, ja4 } from './ja.ts';
import { walkExtensions } from './tls-extensions.ts';
import { type HandshakeFields, TLS } from './tls-fields.ts';
import { isVersion13, type TlsSession } from './tls-session.ts';

/** Hellos of TLS, RFC 8446 4.1.2 and 4.1.3, RFC 5246 7.4.1, and of DTLS, RFC 6347 4.2.1. */

const many = { list: true } as const;
const J = defineFields('tls.handshake', {
  ja4: ['JA4', 'string', many],
  ja4_r: ['JA4_r', 'string', many],
});
const D = defineFields('dtls.handshake', {
  cookie_length: ['Cookie Length', 'uint8', many],
  cookie: ['Cookie', 'bytes', many],
});

const RANDOM_LENGTH = 32;
/** First bytes of the random number of a HelloRetryRequest, RFC 8446 4.1.3. */
const RETRY = 0xcf21ad74;
const SUPPORTED_VERSIONS = 43;
/** Before draft 22, hellos of servers had neither a session nor a compression method. */
const FIRST_OLD_DRAFT = 0x7f00;
const LAST_OLD_DRAFT = 0x7f15;

/** What a hello came over: TCP, QUIC, or datagrams. */
export type Transport = 't' | 'q' | 'd';

/** Walks the body of a client's or server's hello from `at`, which ends at `end`; `whole` tells that this is its end, and
 * not the end of what was captured: else there are no fingerprints. */
export function walkHello(
  f: Fields,
  F: HandshakeFields,
  session: TlsSession,
  at: number,
  end: number,
  isClient: boolean,
  whole: boolean,
  transport: Transport,
): void {
  const { bytes } = f;
  const begin = at;
  const hello: Hello = {
    version: 0,
    ciphers: [],
    extensions: [],
    groups: [],
    pointFormats: [],
    signatures: [],
    supportedVersions: [],
    alpn: null,
  };
  if (!f.fits('tls', at, 2 + RANDOM_LENGTH + 1, end)) return;
  hello.version = be16(bytes, at);
  f.uint(F.version, at, 2, hello.version);
  const isOldDraft = !isClient && hello.version >= FIRST_OLD_DRAFT && hello.version <= LAST_OLD_DRAFT;
  if (!isClient) session.version = isOldDraft ? hello.version : (chosenVersion(bytes, at, end) ?? hello.version);
  f.raw(F.random, at + 2, RANDOM_LENGTH);
  if (transport === 'd' || !isVersion13(session.version)) {
    f.time(F.random_time, at + 2, 4, be32(bytes, at + 2), 0);
    f.raw(F.random_bytes, at + 6, RANDOM_LENGTH - 4);
  }
  const isRetry = !isClient && be32(bytes, at + 2) === RETRY;
  at += 2 + RANDOM_LENGTH;
  if (!isOldDraft) {
    const sessionId = bytes[at]!;
    f.uint(F.session_id_length, at, 1, sessionId);
    if (!f.fits('tls', at + 1, sessionId, end)) return;
    if (sessionId > 0) f.raw(F.session_id, at + 1, sessionId);
    at += 1 + sessionId;
  }
  if (isClient && transport === 'd') at = walkCookie(f, at, end);
  if (at < 0) return;
  at = isClient ? walkOffers(f, F, hello, at, end) : walkChoice(f, F, hello, at, end, isOldDraft);
  if (at < 0) return;
  if (!isClient && !isRetry) session.keyExchange = keyExchange(hello.ciphers[0]!);
  // RFC 5246 7.4.1.2: extensions may be left out altogether.
  if (at + 2 <= end) {
    const length = be16(bytes, at);
    f.uint(F.extensions_length, at, 2, length);
    at += 2;
    const stop = f.narrow(at + length, end, 'tls.handshake.extensions_length');
    if (at + length > end) whole = false;
    if (!walkExtensions(f, F, hello, at, stop, isClient, isRetry)) whole = false;
  }
  if (!isClient) session.alpn = hello.alpn ?? '';
  if (!isClient && transport === 't' && isVersion13(session.version)) f.connection |= IS_TLS13;
  if (whole) fingerprints(f, F, hello, begin, isClient, transport);
}

/** In `Fields.connection`: the server has chosen version 1.3, whose application data records are of any type. */
export const IS_TLS13 = 1;

/** The version in the extension of a server's hello from `at`; undefined where it has none. */
function chosenVersion(bytes: Uint8Array, at: number, end: number): number | undefined {
  at += 2 + RANDOM_LENGTH;
  at += 1 + bytes[at]! + 3;
  if (at + 2 > end) return undefined;
  const stop = Math.min(at + 2 + be16(bytes, at), end);
  for (at += 2; at + 6 <= stop; at += 4 + be16(bytes, at + 2))
    if (be16(bytes, at) === SUPPORTED_VERSIONS && be16(bytes, at + 2) === 2) return be16(bytes, at + 4);
  return undefined;
}

/** A client's suites and compression methods. Gives the offset behind them, -1 where they are cut. */
function walkOffers(f: Fields, F: HandshakeFields, hello: Hello, at: number, end: number): number {
  const { bytes } = f;
  if (!f.fits('tls', at, 2, end)) return -1;
  const length = be16(bytes, at);
  f.uint(F.cipher_suites_length, at, 2, length);
  at += 2;
  const stop = Math.min(at + length, end);
  f.raw(F.ciphersuites, at, stop - at);
  for (let place = at; place + 2 <= stop; place += 2) {
    hello.ciphers.push(be16(bytes, place));
    f.uint(F.ciphersuite, place, 2, be16(bytes, place));
  }
  if (!f.fits('tls', at, length + 1, end)) return -1;
  at += length;
  const methods = bytes[at]!;
  f.uint(F.comp_methods_length, at, 1, methods);
  at += 1;
  if (!f.fits('tls', at, methods, end)) return -1;
  if (methods > 0) f.raw(F.comp_methods, at, methods);
  for (let i = 0; i < methods; i++) f.uint(F.comp_method, at + i, 1, bytes[at + i]!);
  return at + methods;
}

function walkChoice(f: Fields, F: HandshakeFields, hello: Hello, at: number, end: number, isOldDraft: boolean): number {
  const length = isOldDraft ? 2 : 3;
  if (!f.fits('tls', at, length, end)) return -1;
  const suite = be16(f.bytes, at);
  hello.ciphers.push(suite);
  f.uint(F.ciphersuite, at, 2, suite);
  if (!isOldDraft) f.uint(F.comp_method, at + 2, 1, f.bytes[at + 2]!);
  return at + length;
}

/** RFC 6347 4.2.1. Gives the offset behind it; -1 where it is cut. */
export function walkCookie(f: Fields, at: number, end: number): number {
  if (!f.fits('dtls', at, 1, end)) return -1;
  const length = f.bytes[at]!;
  f.uint(D.cookie_length, at, 1, length);
  if (!f.fits('dtls', at + 1, length, end)) return -1;
  if (length > 0) f.raw(D.cookie, at + 1, length);
  return at + 1 + length;
}

function fingerprints(
  f: Fields,
  F: HandshakeFields,
  hello: Hello,
  at: number,
  isClient: boolean,
  transport: Transport,
): void {
  if (!isClient) {
    if (!f.wants(F.ja3s) && !f.wants(F.ja3s_full)) return;
    const { full, hash } = ja3s(hello);
    f.value(F.ja3s_full, at, 0, full);
    f.value(F.ja3s, at, 0, hash);
    return;
  }
  if (f.wants(F.ja3) || f.wants(F.ja3_full)) {
    const { full, hash } = ja3(hello);
    f.value(F.ja3_full, at, 0, full);
    f.value(F.ja3, at, 0, hash);
  }
  if (F === TLS && (f.wants(J.ja4) || f.wants(J.ja4_r))) {
    const { hash, raw } = ja4(hello, transport);
    f.value(J.ja4, at, 0, hash);
    f.value(J.ja4_r, at, 0, raw);
  }
}
