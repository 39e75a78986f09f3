import { be16, be32 } from '../bytes/endian.ts';
import { ascii, latin1 } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Hello } from './ja.ts';
import { type HandshakeFields, TLS } from './tls-fields.ts';
import { walkQuicParameters } from './tls-quic-parameters.ts';

/** Extensions of hellos, by IANA's registry. */

const many = { list: true } as const;
const D = defineFields('dtls', {
  connection_id_length: ['Connection ID length', 'uint8', many],
  connection_id: ['Connection ID', 'bytes', many],
});
const SRTP = {
  'use_srtp.protection_profiles_length': ['SRTP Protection Profiles Length', 'uint16', many],
  'use_srtp.protection_profile': ['SRTP Protection Profile', 'uint16', { list: true, base: 'hex' }],
  'use_srtp.mki_length': ['MKI Length', 'uint8', many],
} as const;
const S = defineFields('dtls', SRTP);

const SERVER_NAME = 0;
const MAX_FRAGMENT_LENGTH = 1;
const STATUS_REQUEST = 5;
const SUPPORTED_GROUPS = 10;
const EC_POINT_FORMATS = 11;
const SIGNATURE_ALGORITHMS = 13;
const USE_SRTP = 14;
const HEARTBEAT = 15;
const ALPN = 16;
const STATUS_REQUEST_2 = 17;
const SIGNED_CERTIFICATE_TIMESTAMP = 18;
const CLIENT_CERTIFICATE_TYPE = 19;
const SERVER_CERTIFICATE_TYPE = 20;
const PADDING = 21;
const ENCRYPT_THEN_MAC = 22;
const EXTENDED_MASTER_SECRET = 23;
const COMPRESS_CERTIFICATE = 27;
const RECORD_SIZE_LIMIT = 28;
const DELEGATED_CREDENTIALS = 34;
/** RFC 8446's number, and that of its drafts before the 23rd. */
const KEY_SHARE = 51;
const KEY_SHARE_OLD = 40;
const PRE_SHARED_KEY = 41;
const EARLY_DATA = 42;
const SUPPORTED_VERSIONS = 43;
const COOKIE = 44;
const PSK_KEY_EXCHANGE_MODES = 45;
const POST_HANDSHAKE_AUTH = 49;
const SIGNATURE_ALGORITHMS_CERT = 50;
const CONNECTION_ID_OLD = 53;
const CONNECTION_ID = 54;
const QUIC_PARAMETERS = 57;
const NEXT_PROTOCOL = 13172;
const APPLICATION_SETTINGS = 17513;
const QUIC_PARAMETERS_OLD = 65445;
const RENEGOTIATION_INFO = 65281;

/** Status of RFC 6066 8 and RFC 6961 2.2. */
const OCSP = 1;
const OCSP_MULTI = 2;

/** Walks extensions. False where they are cut. */
export function walkExtensions(
  f: Fields,
  F: HandshakeFields,
  hello: Hello,
  at: number,
  end: number,
  isClient: boolean,
  isRetry: boolean,
): boolean {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('tls', at, 4, end)) return false;
    const type = be16(bytes, at);
    const length = be16(bytes, at + 2);
    hello.extensions.push(type);
    f.uint(F['extension.type'], at, 2, type);
    f.uint(F['extension.len'], at + 2, 2, length);
    at += 4;
    walkExtension(f, F, hello, type, at, Math.min(at + length, end), isClient, isRetry);
    if (!f.fits('tls', at, length, end)) return false;
    at += length;
  }
  return true;
}

function walkExtension(
  f: Fields,
  F: HandshakeFields,
  hello: Hello,
  type: number,
  at: number,
  end: number,
  isClient: boolean,
  isRetry: boolean,
): void {
  const { bytes } = f;
  const { general: G } = F;
  switch (type) {
    case SERVER_NAME:
      walkServerNames(f, F, at, end);
      break;
    case MAX_FRAGMENT_LENGTH:
      if (at < end) f.uint(F.max_fragment_length, at, 1, bytes[at]!);
      break;
    case STATUS_REQUEST:
      if (isClient) walkStatusRequest(f, F, at, end, false);
      break;
    case STATUS_REQUEST_2:
      if (!isClient || at + 2 > end) break;
      f.uint(F.extensions_status_request_list_len, at, 2, be16(bytes, at));
      for (at += 2; at + 4 <= end; at += 3 + be16(bytes, at + 1)) walkStatusRequest(f, F, at, end, true);
      break;
    case SUPPORTED_GROUPS:
      numbers16(f, at, end, F.extensions_supported_groups_length, F.extensions_supported_groups, (place, value) => {
        hello.groups.push(value);
        f.uint(F.extensions_supported_group, place, 2, value);
      });
      break;
    case EC_POINT_FORMATS:
      numbers8(f, at, end, F.extensions_ec_point_formats_length, F.extensions_ec_point_formats, (place, value) => {
        hello.pointFormats.push(value);
        f.uint(F.extensions_ec_point_format, place, 1, value);
      });
      break;
    case SIGNATURE_ALGORITHMS:
    case SIGNATURE_ALGORITHMS_CERT:
    case DELEGATED_CREDENTIALS:
      walkSignatures(f, F, at, end, type === SIGNATURE_ALGORITHMS ? hello.signatures : null);
      break;
    case USE_SRTP:
      walkSrtp(f, F, at, end);
      break;
    case HEARTBEAT:
      if (at < end) f.uint(F['extension.heartbeat.mode'], at, 1, bytes[at]!);
      break;
    case ALPN:
      walkAlpn(f, F, hello, at, end);
      break;
    case APPLICATION_SETTINGS:
      if (at + 2 > end) break;
      f.uint(F.extensions_alps_len, at, 2, be16(bytes, at));
      f.raw(F.extensions_alps_alpn_list, at + 2, end - at - 2);
      for (at += 2; at < end; at += 1 + bytes[at]!) {
        f.uint(F.extensions_alps_alpn_str_len, at, 1, bytes[at]!);
        const stop = at + 1 + bytes[at]!;
        if (stop > end) return;
        f.value(F.extensions_alps_alpn_str, at + 1, stop - at - 1, ascii(bytes, at + 1, stop));
      }
      break;
    case SIGNED_CERTIFICATE_TIMESTAMP:
      walkTimestamps(f, F, at, end);
      break;
    case CLIENT_CERTIFICATE_TYPE:
    case SERVER_CERTIFICATE_TYPE:
      if (isClient)
        numbers8(f, at, end, F['cert_type.types_len'], F['cert_type.types'], (place, value) =>
          f.uint(F['cert_type.type'], place, 1, value),
        );
      else if (at < end) f.uint(F['cert_type.type'], at, 1, bytes[at]!);
      break;
    case PADDING:
      if (at < end) f.raw(F.extensions_padding_data, at, end - at);
      break;
    case COMPRESS_CERTIFICATE:
      if (at >= end) break;
      f.uint(G['compress_certificate.algorithms_length'], at, 1, bytes[at]!);
      end = Math.min(end, at + 1 + bytes[at]!);
      for (at++; at + 2 <= end; at += 2) f.uint(G['compress_certificate.algorithm'], at, 2, be16(bytes, at));
      break;
    case RECORD_SIZE_LIMIT:
      if (at + 2 <= end) f.uint(G.record_size_limit, at, 2, be16(bytes, at));
      break;
    case PRE_SHARED_KEY:
      if (isClient) walkSharedKeys(f, F, at, end);
      else if (at + 2 <= end) f.uint(F['extensions.psk.identity.selected'], at, 2, be16(bytes, at));
      break;
    case SUPPORTED_VERSIONS:
      if (isClient && at < end) {
        f.uint(F['extensions.supported_versions_len'], at, 1, bytes[at]!);
        end = Math.min(at + 1 + bytes[at]!, end);
        at++;
      }
      for (; at + 2 <= end; at += 2) {
        hello.supportedVersions.push(be16(bytes, at));
        f.uint(F['extensions.supported_version'], at, 2, be16(bytes, at));
      }
      break;
    case COOKIE:
      if (at + 2 > end) break;
      f.uint(F['extensions.cookie_len'], at, 2, be16(bytes, at));
      f.raw(F['extensions.cookie'], at + 2, Math.min(be16(bytes, at), end - at - 2));
      break;
    case KEY_SHARE_OLD:
    case KEY_SHARE:
      walkKeyShares(f, F, at, end, isClient, isRetry);
      break;
    case PSK_KEY_EXCHANGE_MODES:
      numbers8(f, at, end, G['extension.psk_ke_modes_length'], -1, (place, value) =>
        f.uint(G['extension.psk_ke_mode'], place, 1, value),
      );
      break;
    case CONNECTION_ID:
    case CONNECTION_ID_OLD:
      if (F === TLS || at >= end) break;
      f.uint(D.connection_id_length, at, 1, bytes[at]!);
      if (end > at + 1) f.raw(D.connection_id, at + 1, Math.min(bytes[at]!, end - at - 1));
      break;
    case RENEGOTIATION_INFO:
      if (at >= end) break;
      f.uint(F.extensions_reneg_info_len, at, 1, bytes[at]!);
      if (end > at + 1) f.raw(F.extensions_reneg_info, at + 1, Math.min(bytes[at]!, end - at - 1));
      break;
    case QUIC_PARAMETERS:
    case QUIC_PARAMETERS_OLD:
      if (F === TLS) walkQuicParameters(f, at, end);
      break;
    case ENCRYPT_THEN_MAC:
    case EXTENDED_MASTER_SECRET:
    case EARLY_DATA:
    case POST_HANDSHAKE_AUTH:
    case NEXT_PROTOCOL:
      break;
    default:
      f.raw(F['extension.data'], at, end - at);
  }
}

/** A length of one byte, and so many bytes, of which each is given with its place; `all` stands for them together. */
function numbers8(
  f: Fields,
  at: number,
  end: number,
  lengthId: number,
  all: number,
  take: (place: number, value: number) => void,
): void {
  if (at >= end) return;
  const length = f.bytes[at]!;
  f.uint(lengthId, at, 1, length);
  const stop = Math.min(at + 1 + length, end);
  if (all >= 0) f.raw(all, at + 1, stop - at - 1);
  for (at++; at < stop; at++) take(at, f.bytes[at]!);
}

/** The same of numbers of 16 bits, with a length of 16 bits. */
function numbers16(
  f: Fields,
  at: number,
  end: number,
  lengthId: number,
  all: number,
  take: (place: number, value: number) => void,
): void {
  if (at + 2 > end) return;
  const length = be16(f.bytes, at);
  f.uint(lengthId, at, 2, length);
  const stop = Math.min(at + 2 + length, end);
  f.raw(all, at + 2, stop - at - 2);
  for (at += 2; at + 2 <= stop; at += 2) take(at, be16(f.bytes, at));
}

/** A signature's algorithm, which before version 1.3 was one of a hash and one of a signature. */
export function addSignature(f: Fields, F: HandshakeFields, at: number): void {
  f.uint(F.sig_hash_alg, at, 2, be16(f.bytes, at));
  f.uint(F.sig_hash_hash, at, 1, f.bytes[at]!);
  f.uint(F.sig_hash_sig, at + 1, 1, f.bytes[at + 1]!);
}

/** A list of signature algorithms. */
export function walkSignatures(f: Fields, F: HandshakeFields, at: number, end: number, into: number[] | null): void {
  numbers16(f, at, end, F.sig_hash_alg_len, F.sig_hash_algs, (place, value) => {
    into?.push(value);
    addSignature(f, F, place);
  });
}

/** RFC 6066 3. A server answers with nothing. */
function walkServerNames(f: Fields, F: HandshakeFields, at: number, end: number): void {
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

/** RFC 6066 8; in RFC 6961 2.2 a length stands behind the type. */
function walkStatusRequest(f: Fields, F: HandshakeFields, at: number, end: number, hasLength: boolean): void {
  const { bytes } = f;
  if (at >= end) return;
  const type = bytes[at]!;
  f.uint(F.extensions_status_request_type, at, 1, type);
  at++;
  if (hasLength) {
    f.uint(F.extensions_status_request_len, at, 2, be16(bytes, at));
    at += 2;
  }
  if ((type !== OCSP && type !== OCSP_MULTI) || at + 2 > end) return;
  const ids = be16(bytes, at);
  f.uint(F.extensions_status_request_responder_ids_len, at, 2, ids);
  at += 2 + ids;
  if (at + 2 <= end) f.uint(F.extensions_status_request_exts_len, at, 2, be16(bytes, at));
}

/** RFC 7301 3.1. */
function walkAlpn(f: Fields, F: HandshakeFields, hello: Hello, at: number, end: number): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  f.uint(F.extensions_alpn_len, at, 2, be16(bytes, at));
  f.raw(F.extensions_alpn_list, at + 2, end - at - 2);
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
function walkKeyShares(
  f: Fields,
  F: HandshakeFields,
  at: number,
  end: number,
  isClient: boolean,
  isRetry: boolean,
): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  if (isRetry) {
    f.uint(F.extensions_key_share_selected_group, at, 2, be16(bytes, at));
    return;
  }
  if (isClient) {
    f.uint(F.extensions_key_share_client_length, at, 2, be16(bytes, at));
    at += 2;
  }
  while (at + 2 <= end) {
    f.uint(F.extensions_key_share_group, at, 2, be16(bytes, at));
    if (at + 4 > end) return;
    const length = be16(bytes, at + 2);
    f.uint(F.extensions_key_share_key_exchange_length, at + 2, 2, length);
    at += 4;
    if (at + length > end) return;
    f.raw(F.extensions_key_share_key_exchange, at, length);
    at += length;
  }
}

/** RFC 8446 4.2.11. */
function walkSharedKeys(f: Fields, F: HandshakeFields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 2 > end) return;
  const length = be16(bytes, at);
  f.uint(F['extensions.psk.identities.length'], at, 2, length);
  const stop = Math.min(at + 2 + length, end);
  for (at += 2; at + 2 <= stop; ) {
    const size = be16(bytes, at);
    f.uint(F['extensions.psk.identity.identity_length'], at, 2, size);
    at += 2;
    if (at + size + 4 > stop) return;
    f.raw(F['extensions.psk.identity.identity'], at, size);
    f.uint(F['extensions.psk.identity.obfuscated_ticket_age'], at + size, 4, be32(bytes, at + size));
    at += size + 4;
  }
  if (at + 2 > end) return;
  f.uint(F['extensions.psk.binders_len'], at, 2, be16(bytes, at));
  f.raw(F['extensions.psk.binders'], at + 2, end - at - 2);
}

/** RFC 5764 4.1.1. */
function walkSrtp(f: Fields, F: HandshakeFields, at: number, end: number): void {
  const { bytes } = f;
  if (F === TLS || at + 2 > end) return;
  const length = be16(bytes, at);
  f.uint(S['use_srtp.protection_profiles_length'], at, 2, length);
  const stop = Math.min(at + 2 + length, end);
  for (at += 2; at + 2 <= stop; at += 2) f.uint(S['use_srtp.protection_profile'], at, 2, be16(bytes, at));
  if (at < end) f.uint(S['use_srtp.mki_length'], at, 1, bytes[at]!);
}

/** RFC 6962 3.3: a list, in which each has a length in front. */
export function walkTimestamps(f: Fields, F: HandshakeFields, at: number, end: number): void {
  const { bytes } = f;
  const { general: G } = F;
  if (at + 2 > end) return;
  f.uint(G['sct.scts_length'], at, 2, be16(bytes, at));
  for (at += 2; at + 2 <= end; ) {
    const length = be16(bytes, at);
    f.uint(G['sct.sct_length'], at, 2, length);
    at += 2;
    const stop = at + length;
    if (stop > end || length < SCT_FIXED) return;
    f.uint(G['sct.sct_version'], at, 1, bytes[at]!);
    f.raw(G['sct.sct_logid'], at + 1, 32);
    const time = be32(bytes, at + 33) * 0x1_0000_0000 + be32(bytes, at + 37);
    f.time(G['sct.sct_timestamp'], at + 33, 8, Math.floor(time / 1000), (time % 1000) * 1e6);
    const extensions = be16(bytes, at + 41);
    f.uint(G['sct.sct_extensions_length'], at + 41, 2, extensions);
    const algorithm = at + 43 + extensions;
    if (algorithm + 4 <= stop) {
      addSignature(f, F, algorithm);
      f.uint(G['sct.sct_signature_length'], algorithm + 2, 2, be16(bytes, algorithm + 2));
      f.raw(G['sct.sct_signature'], algorithm + 4, stop - algorithm - 4);
    }
    at = stop;
  }
}
/** Version, log, timestamp, length of extensions. */
const SCT_FIXED = 1 + 32 + 8 + 2;
