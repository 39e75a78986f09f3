import { be16, be24, be32 } from '../bytes/endian.ts';
import type { KeyExchange } from '../wire/tls-suites.ts';
import type { Fields } from './fields.ts';
import { addSignature, walkSignatures } from './tls-extensions.ts';
import type { HandshakeFields } from './tls-fields.ts';
import { isVersion12, isVersion13, type TlsSession } from './tls-session.ts';
import { walkX509, walkX509Name } from './x509.ts';

/** Bodies of handshake messages but for hellos, from `at` up to `end`. They are of TLS 1.2 and before: later ones are
 * encrypted. */

/** RFC 5246 7.4.2. */
export function walkCertificates(f: Fields, F: HandshakeFields, at: number, end: number): void {
  const { bytes } = f;
  if (at + 3 > end) return;
  const all = be24(bytes, at);
  f.uint(F.certificates_length, at, 3, all);
  if (all > 0) f.raw(F.certificates, at + 3, Math.min(all, end - at - 3));
  for (at += 3; at + 3 <= end; ) {
    const length = be24(bytes, at);
    f.uint(F.certificate_length, at, 3, length);
    at += 3;
    if (at + length > end) return;
    f.raw(F.certificate, at, length);
    walkX509(f, at, at + length);
    at += length;
  }
}

/** RFC 5246 7.4.4. */
export function walkCertificateRequest(
  f: Fields,
  F: HandshakeFields,
  session: TlsSession,
  at: number,
  end: number,
): void {
  const { bytes } = f;
  if (at >= end || isVersion13(session.version)) return;
  const count = bytes[at]!;
  f.uint(F.cert_types_count, at, 1, count);
  at++;
  if (at + count > end) return;
  if (count > 0) f.raw(F.cert_types, at, count);
  for (let i = 0; i < count; i++) f.uint(F.cert_type, at + i, 1, bytes[at + i]!);
  at += count;
  if (isVersion12(session.version) && at + 2 <= end) {
    walkSignatures(f, F, at, end, null);
    at += 2 + be16(bytes, at);
  }
  if (at + 2 > end) return;
  const names = be16(bytes, at);
  f.uint(F.dnames_len, at, 2, names);
  at += 2;
  if (names > 0) f.raw(F.dnames, at, Math.min(names, end - at));
  while (at + 2 <= end) {
    const length = be16(bytes, at);
    f.uint(F.dname_len, at, 2, length);
    at += 2;
    if (at + length > end) return;
    f.raw(F.dname, at, length);
    walkX509Name(f, at, at + length);
    at += length;
  }
}

/** Bytes behind a length of two bytes. Gives the offset behind them; -1 where they are cut. */
function opaque(f: Fields, lengthId: number, id: number, at: number, end: number): number {
  if (at < 0 || at + 2 > end) return -1;
  const length = be16(f.bytes, at);
  f.uint(lengthId, at, 2, length);
  if (at + 2 + length > end) return -1;
  f.raw(id, at + 2, length);
  return at + 2 + length;
}

/** RFC 5246 4.7; before version 1.2 without the algorithm. */
function walkSignature(
  f: Fields,
  F: HandshakeFields,
  lengthId: number,
  id: number,
  isVersioned: boolean,
  at: number,
  end: number,
): void {
  if (isVersioned) {
    if (at + 2 > end) return;
    addSignature(f, F, at);
    at += 2;
  }
  opaque(f, lengthId, id, at, end);
}

/** RFC 8422 5.4: the parameters of a named curve. Gives the offset behind; -1 where there are none. */
function walkCurve(f: Fields, F: HandshakeFields, at: number, end: number): number {
  const { bytes } = f;
  if (at < 0 || at >= end) return -1;
  f.uint(F.server_curve_type, at, 1, bytes[at]!);
  if (bytes[at] !== NAMED_CURVE || at + 4 > end) return -1;
  f.uint(F.server_named_curve, at + 1, 2, be16(bytes, at + 1));
  const length = bytes[at + 3]!;
  f.uint(F.server_point_len, at + 3, 1, length);
  if (at + 4 + length > end) return -1;
  f.raw(F.server_point, at + 4, length);
  return at + 4 + length;
}

/** ECCurveType. */
const NAMED_CURVE = 3;

/** Without the server's hello, a point that fills the message, with or without a signature, shows what it is. */
function guessed(bytes: Uint8Array, at: number, end: number): KeyExchange {
  if (at + 4 > end || bytes[at] !== NAMED_CURVE) return '-';
  const signed = at + 4 + bytes[at + 3]!;
  const isWhole = signed + 4 <= end && signed + 4 + be16(bytes, signed + 2) === end;
  return isWhole ? 'ecdhe' : '-';
}

/** RFC 5246 7.4.3, RFC 8422 5.4, RFC 4279 2 and 4. */
export function walkServerKeyExchange(
  f: Fields,
  F: HandshakeFields,
  session: TlsSession,
  at: number,
  end: number,
): void {
  const kind = session.keyExchange === '' && f.sessions === null ? guessed(f.bytes, at, end) : session.keyExchange;
  if (kind === 'psk' || kind === 'rsa-psk') {
    opaque(f, F.hint_len, F.hint, at, end);
    return;
  }
  if (kind === 'dhe') {
    at = opaque(f, F.p_len, F.p, at, end);
    at = opaque(f, F.g_len, F.g, at, end);
    at = opaque(f, F.ys_len, F.ys, at, end);
  } else if (kind === 'ecdhe') at = walkCurve(f, F, at, end);
  else return;
  if (at < 0 || at >= end) return;
  walkSignature(f, F, F.sig_len, F.sig, session.version === 0 || isVersion12(session.version), at, end);
}

/** RFC 5246 7.4.7, RFC 8422 5.7, RFC 4279 2 and 4. */
export function walkClientKeyExchange(
  f: Fields,
  F: HandshakeFields,
  session: TlsSession,
  at: number,
  end: number,
): void {
  const kind = session.keyExchange;
  if (kind === 'psk' || kind === 'rsa-psk') {
    at = opaque(f, F.identity_len, F.identity, at, end);
    if (at < 0) return;
  }
  switch (kind) {
    case 'rsa':
    case 'rsa-psk':
      opaque(f, F.epms_len, F.epms, at, end);
      break;
    case 'dhe':
      opaque(f, F.yc_len, F.yc, at, end);
      break;
    case 'ecdhe': {
      if (at >= end) break;
      const length = f.bytes[at]!;
      f.uint(F.client_point_len, at, 1, length);
      if (at + 1 + length <= end) f.raw(F.client_point, at + 1, length);
    }
  }
}

/** RFC 5246 7.4.8. */
export function walkCertificateVerify(
  f: Fields,
  F: HandshakeFields,
  session: TlsSession,
  at: number,
  end: number,
): void {
  if (isVersion13(session.version)) return;
  const isVersioned = isVersion12(session.version);
  walkSignature(f, F, F['client_cert_vrfy.sig_len'], F['client_cert_vrfy.sig'], isVersioned, at, end);
}

/** RFC 5077 3.3. */
export function walkTicket(f: Fields, F: HandshakeFields, session: TlsSession, at: number, end: number): void {
  if (isVersion13(session.version) || at + 4 > end) return;
  f.uint(F.session_ticket_lifetime_hint, at, 4, be32(f.bytes, at));
  opaque(f, F.session_ticket_length, F.session_ticket, at + 4, end);
}

/** RFC 6066 8. */
export function walkCertificateStatus(f: Fields, F: HandshakeFields, at: number, end: number): void {
  const { bytes } = f;
  if (at >= end) return;
  f.uint(F.extensions_status_request_type, at, 1, bytes[at]!);
  if (at + 4 <= end) f.uint(F.ocsp_response_len, at + 1, 3, be24(bytes, at + 1));
}
