import { be16 } from '../bytes/endian.ts';
import { ascii, latin1 } from '../wire/text-line.ts';
import { isGrease } from '../wire/tls.ts';
import { defineFields, type Fields } from './fields.ts';
import { type Hello, ja3, ja3s, ja4 } from './ja.ts';

/** Hellos of TLS, RFC 8446 4.1.2 and 4.1.3, RFC 5246 7.4.1. */

const many = { list: true } as const;
const hex = { list: true, base: 'hex' } as const;
const F = defineFields('tls.handshake', {
  version: ['Version', 'uint16', hex],
  random: ['Random', 'bytes', many],
  session_id_length: ['Session ID Length', 'uint16', many],
  session_id: ['Session ID', 'bytes', many],
  cipher_suites_length: ['Cipher Suites Length', 'uint16', many],
  ciphersuite: ['Cipher Suite', 'uint16', hex],
  comp_methods_length: ['Compression Methods Length', 'uint8', many],
  comp_method: ['Compression Method', 'uint8', many],
  extensions_length: ['Extensions Length', 'uint16', many],
  'extension.type': ['Type', 'uint16', many],
  'extension.len': ['Length', 'uint16', many],
  'extension.data': ['Data', 'bytes', many],
  extensions_server_name_list_len: ['Server Name list length', 'uint16', many],
  extensions_server_name_type: ['Server Name Type', 'uint8', many],
  extensions_server_name_len: ['Server Name length', 'uint16', many],
  extensions_server_name: ['Server Name', 'string', many],
  extensions_supported_groups_length: ['Supported Groups List Length', 'uint16', many],
  extensions_supported_group: ['Supported Group', 'uint16', hex],
  extensions_ec_point_formats_length: ['EC point formats Length', 'uint8', many],
  extensions_ec_point_format: ['EC point format', 'uint8', many],
  sig_hash_alg_len: ['Signature Hash Algorithms Length', 'uint16', many],
  sig_hash_alg: ['Signature Algorithm', 'uint16', hex],
  extensions_alpn_len: ['ALPN Extension Length', 'uint16', many],
  extensions_alpn_str_len: ['ALPN string length', 'uint8', many],
  extensions_alpn_str: ['ALPN Next Protocol', 'string', many],
  'extensions.supported_versions_len': ['Supported Versions length', 'uint8', many],
  'extensions.supported_version': ['Supported Version', 'uint16', hex],
  extensions_key_share_client_length: ['Client Key Share Length', 'uint16', many],
  extensions_key_share_group: ['Group', 'uint16', many],
  extensions_key_share_key_exchange_length: ['Key Exchange Length', 'uint16', many],
  extensions_key_share_key_exchange: ['Key Exchange', 'bytes', many],
  extensions_key_share_selected_group: ['Selected Group', 'uint16', many],
  extensions_reneg_info_len: ['Renegotiation info extension length', 'uint8', many],
  extensions_padding_data: ['Padding Data', 'bytes', many],
  server_curve_type: ['Curve Type', 'uint8', hex],
  server_named_curve: ['Named Curve', 'uint16', hex],
  server_point_len: ['Pubkey Length', 'uint8', many],
  server_point: ['Pubkey', 'bytes', many],
  sig_len: ['Signature Length', 'uint16', many],
  sig: ['Signature', 'bytes', many],
  client_point_len: ['Pubkey Length', 'uint8', many],
  client_point: ['Pubkey', 'bytes', many],
  epms_len: ['Encrypted PreMaster length', 'uint16', many],
  epms: ['Encrypted PreMaster', 'bytes', many],
  ja3_full: ['JA3 Fullstring', 'string', many],
  ja3: ['JA3', 'string', many],
  ja3s_full: ['JA3S Fullstring', 'string', many],
  ja3s: ['JA3S', 'string', many],
  ja4: ['JA4', 'string', many],
  ja4_r: ['JA4_r', 'string', many],
});

const X = defineFields('tls.extension', {
  psk_ke_modes_length: ['PSK Key Exchange Modes Length', 'uint8', many],
  psk_ke_mode: ['PSK Key Exchange Mode', 'uint8', many],
});

const RANDOM_LENGTH = 32;
const SERVER_NAME = 0;
const SUPPORTED_GROUPS = 10;
const EC_POINT_FORMATS = 11;
const SIGNATURE_ALGORITHMS = 13;
const ALPN = 16;
const SIGNED_CERTIFICATE_TIMESTAMP = 18;
const PADDING = 21;
const EXTENDED_MASTER_SECRET = 23;
const SUPPORTED_VERSIONS = 43;
const PSK_KEY_EXCHANGE_MODES = 45;
const KEY_SHARE = 51;
const RENEGOTIATION_INFO = 65281;
/** ECCurveType. */
const NAMED_CURVE = 3;

/** Walks the body of a client's or server's hello from `at`, which ends at `end`; `whole` tells that this is its end, and
 * not the end of what was captured: else there are no fingerprints. `transport`: see `ja4`. */
export function walkHello(
  f: Fields,
  at: number,
  end: number,
  isClient: boolean,
  whole: boolean,
  transport: 't' | 'q',
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
  f.raw(F.random, at + 2, RANDOM_LENGTH);
  at += 2 + RANDOM_LENGTH;
  const sessionId = bytes[at]!;
  f.uint(F.session_id_length, at, 1, sessionId);
  if (!f.fits('tls', at + 1, sessionId, end)) return;
  if (sessionId > 0) f.raw(F.session_id, at + 1, sessionId);
  at += 1 + sessionId;
  at = isClient ? walkOffers(f, hello, at, end) : walkChoice(f, hello, at, end);
  if (at < 0) return;
  // RFC 5246 7.4.1.2: extensions may be left out altogether.
  if (at + 2 <= end) {
    const length = be16(bytes, at);
    f.uint(F.extensions_length, at, 2, length);
    at += 2;
    const stop = f.narrow(at + length, end, 'tls.handshake.extensions_length');
    if (at + length > end) whole = false;
    if (!walkExtensions(f, hello, at, stop, isClient)) whole = false;
  }
  if (!isClient && transport === 't') {
    const version = hello.supportedVersions[0] ?? hello.version;
    if (version === TLS_13 || version >>> 8 === TLS_13_DRAFTS) f.connection |= IS_TLS13;
  }
  if (whole) fingerprints(f, hello, begin, isClient, transport);
}

const TLS_13 = 0x0304;
/** First byte of the versions of RFC 8446's drafts. */
const TLS_13_DRAFTS = 0x7f;
/** In `Fields.connection`: the server has chosen version 1.3, whose application data records are of any type. */
export const IS_TLS13 = 1;

/** A client's suites and compression methods. Gives the offset behind them, -1 where they are cut. */
function walkOffers(f: Fields, hello: Hello, at: number, end: number): number {
  const { bytes } = f;
  if (!f.fits('tls', at, 2, end)) return -1;
  const length = be16(bytes, at);
  f.uint(F.cipher_suites_length, at, 2, length);
  at += 2;
  numbers(f, at, Math.min(at + length, end), F.ciphersuite, hello.ciphers);
  if (!f.fits('tls', at, length + 1, end)) return -1;
  at += length;
  const methods = bytes[at]!;
  f.uint(F.comp_methods_length, at, 1, methods);
  at += 1;
  if (!f.fits('tls', at, methods, end)) return -1;
  for (let i = 0; i < methods; i++) f.uint(F.comp_method, at + i, 1, bytes[at + i]!);
  return at + methods;
}

function walkChoice(f: Fields, hello: Hello, at: number, end: number): number {
  if (!f.fits('tls', at, 3, end)) return -1;
  const suite = be16(f.bytes, at);
  hello.ciphers.push(suite);
  f.uint(F.ciphersuite, at, 2, suite);
  f.uint(F.comp_method, at + 2, 1, f.bytes[at + 2]!);
  return at + 3;
}

/** Numbers of 16 bits that fill the bytes from `at` up to `end`. */
function numbers(f: Fields, at: number, end: number, id: number, into: number[]): void {
  for (; at + 2 <= end; at += 2) {
    const value = be16(f.bytes, at);
    into.push(value);
    f.uint(id, at, 2, value);
  }
}

/** False where they are cut. */
function walkExtensions(f: Fields, hello: Hello, at: number, end: number, isClient: boolean): boolean {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('tls', at, 4, end)) return false;
    const type = be16(bytes, at);
    const length = be16(bytes, at + 2);
    hello.extensions.push(type);
    f.uint(F['extension.type'], at, 2, type);
    f.uint(F['extension.len'], at + 2, 2, length);
    at += 4;
    walkExtension(f, hello, type, at, Math.min(at + length, end), isClient);
    if (!f.fits('tls', at, length, end)) return false;
    at += length;
  }
  return true;
}

function walkExtension(f: Fields, hello: Hello, type: number, at: number, end: number, isClient: boolean): void {
  const { bytes } = f;
  switch (type) {
    case SERVER_NAME:
      walkServerNames(f, at, end);
      break;
    case SUPPORTED_GROUPS:
      list16(f, at, end, F.extensions_supported_groups_length, F.extensions_supported_group, hello.groups);
      break;
    case EC_POINT_FORMATS: {
      if (at >= end) break;
      f.uint(F.extensions_ec_point_formats_length, at, 1, bytes[at]!);
      const stop = Math.min(at + 1 + bytes[at]!, end);
      for (at++; at < stop; at++) {
        hello.pointFormats.push(bytes[at]!);
        f.uint(F.extensions_ec_point_format, at, 1, bytes[at]!);
      }
      break;
    }
    case SIGNATURE_ALGORITHMS:
      list16(f, at, end, F.sig_hash_alg_len, F.sig_hash_alg, hello.signatures);
      break;
    case ALPN:
      walkAlpn(f, hello, at, end);
      break;
    case SUPPORTED_VERSIONS:
      if (isClient && at < end) {
        f.uint(F['extensions.supported_versions_len'], at, 1, bytes[at]!);
        end = Math.min(at + 1 + bytes[at]!, end);
        at++;
      }
      numbers(f, at, end, F['extensions.supported_version'], hello.supportedVersions);
      break;
    case KEY_SHARE:
      walkKeyShares(f, at, end, isClient);
      break;
    case PSK_KEY_EXCHANGE_MODES: {
      if (at >= end) break;
      f.uint(X.psk_ke_modes_length, at, 1, bytes[at]!);
      const stop = Math.min(at + 1 + bytes[at]!, end);
      for (at++; at < stop; at++) f.uint(X.psk_ke_mode, at, 1, bytes[at]!);
      break;
    }
    case RENEGOTIATION_INFO:
      if (at < end) f.uint(F.extensions_reneg_info_len, at, 1, bytes[at]!);
      break;
    case PADDING:
      if (at < end) f.raw(F.extensions_padding_data, at, end - at);
      break;
    case EXTENDED_MASTER_SECRET:
    case SIGNED_CERTIFICATE_TIMESTAMP:
      break;
    default:
      if (at < end || isGrease(type)) f.raw(F['extension.data'], at, end - at);
  }
}

/** A length of 16 bits and so many bytes of numbers of 16 bits. */
function list16(f: Fields, at: number, end: number, lengthId: number, id: number, into: number[]): void {
  if (at + 2 > end) return;
  const length = be16(f.bytes, at);
  f.uint(lengthId, at, 2, length);
  numbers(f, at + 2, Math.min(at + 2 + length, end), id, into);
}

/** RFC 6066 3. A server answers with nothing. */
function walkServerNames(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  f.uint(F.extensions_server_name_list_len, at, 2, be16(bytes, at));
  for (at += 2; at + 3 <= end; ) {
    const length = be16(bytes, at + 1);
    f.uint(F.extensions_server_name_type, at, 1, bytes[at]!);
    f.uint(F.extensions_server_name_len, at + 1, 2, length);
    at += 3;
    if (at + length > end) return;
    f.value(F.extensions_server_name, at, length, ascii(bytes, at, at + length));
    at += length;
  }
}

/** RFC 7301 3.1. */
function walkAlpn(f: Fields, hello: Hello, at: number, end: number): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  f.uint(F.extensions_alpn_len, at, 2, be16(bytes, at));
  for (at += 2; at < end; ) {
    const length = bytes[at]!;
    f.uint(F.extensions_alpn_str_len, at, 1, length);
    at++;
    if (at + length > end) return;
    hello.alpn ??= latin1(bytes, at, at + length);
    f.value(F.extensions_alpn_str, at, length, ascii(bytes, at, at + length));
    at += length;
  }
}

/** RFC 8446 4.2.8: a list of a client, one of a server, or the group that a HelloRetryRequest asks for. */
function walkKeyShares(f: Fields, at: number, end: number, isClient: boolean): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  if (isClient) {
    f.uint(F.extensions_key_share_client_length, at, 2, be16(bytes, at));
    at += 2;
  } else if (end - at === 2) {
    f.uint(F.extensions_key_share_selected_group, at, 2, be16(bytes, at));
    return;
  }
  while (at + 4 <= end) {
    const length = be16(bytes, at + 2);
    f.uint(F.extensions_key_share_group, at, 2, be16(bytes, at));
    f.uint(F.extensions_key_share_key_exchange_length, at + 2, 2, length);
    at += 4;
    if (at + length > end) return;
    f.raw(F.extensions_key_share_key_exchange, at, length);
    at += length;
  }
}

/** The parameters of a server's key exchange over a named curve, RFC 8422 5.4, told by lengths that fill the message: it
 * does not say of which kind it is. */
export function walkServerKeyExchange(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const point = at + 4;
  if (point > end || bytes[at] !== NAMED_CURVE) return;
  const pointLength = bytes[at + 3]!;
  const signed = point + pointLength;
  if (signed > end) return;
  // Before version 1.2 the signature stands without its algorithm.
  const hasAlgorithm = signed + 4 <= end && signed + 4 + be16(bytes, signed + 2) === end;
  const hasNone = signed + 2 <= end && signed + 2 + be16(bytes, signed) === end;
  if (!hasAlgorithm && !hasNone && signed !== end) return;
  f.uint(F.server_curve_type, at, 1, bytes[at]!);
  f.uint(F.server_named_curve, at + 1, 2, be16(bytes, at + 1));
  f.uint(F.server_point_len, at + 3, 1, pointLength);
  f.raw(F.server_point, point, pointLength);
  let length = signed;
  if (hasAlgorithm) {
    f.uint(F.sig_hash_alg, signed, 2, be16(bytes, signed));
    length += 2;
  }
  if (length + 2 > end) return;
  f.uint(F.sig_len, length, 2, be16(bytes, length));
  f.raw(F.sig, length + 2, end - length - 2);
}

/** A client's public point, RFC 8422 5.7, or its encrypted secret, RFC 5246 7.4.7.1. */
export function walkClientKeyExchange(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  if (at < end && at + 1 + bytes[at]! === end) {
    f.uint(F.client_point_len, at, 1, bytes[at]!);
    f.raw(F.client_point, at + 1, bytes[at]!);
  } else if (at + 2 <= end && at + 2 + be16(bytes, at) === end) {
    f.uint(F.epms_len, at, 2, be16(bytes, at));
    f.raw(F.epms, at + 2, be16(bytes, at));
  }
}

function fingerprints(f: Fields, hello: Hello, at: number, isClient: boolean, transport: 't' | 'q'): void {
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
  if (f.wants(F.ja4) || f.wants(F.ja4_r)) {
    const { hash, raw } = ja4(hello, transport);
    f.value(F.ja4, at, 0, hash);
    f.value(F.ja4_r, at, 0, raw);
  }
}
