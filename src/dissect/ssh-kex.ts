import { be32 } from '../bytes/endian.ts';
import { ascii } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Exchange } from './ssh-session.ts';

/** Messages of the key exchange of SSH behind KEXINIT: RFC 4253 8, RFC 4419 3, RFC 5656 4. */

const many = { list: true } as const;
const F = defineFields('ssh', {
  'host_key.length': ['Host key length', 'uint32', many],
  'host_key.type_length': ['Host key type length', 'uint32', many],
  'host_key.type': ['Host key type', 'string', many],
  'host_key.data': ['Host key data', 'bytes', many],
  'host_key.rsa.n': ['RSA modulus (N)', 'bytes', many],
  'host_key.rsa.e': ['RSA public exponent (e)', 'bytes', many],
  'host_key.dsa.p': ['DSA prime modulus (p)', 'bytes', many],
  'host_key.dsa.q': ['DSA prime divisor (q)', 'bytes', many],
  'host_key.dsa.g': ['DSA subgroup generator (g)', 'bytes', many],
  'host_key.dsa.y': ['DSA public key (y)', 'bytes', many],
  'host_key.ecdsa.id_length': ['ECDSA elliptic curve identifier length', 'uint32', many],
  'host_key.ecdsa.id': ['ECDSA elliptic curve identifier', 'string', many],
  'host_key.ecdsa.q_length': ['ECDSA public key length', 'uint32', many],
  'host_key.ecdsa.q': ['ECDSA public key (Q)', 'bytes', many],
  'host_key.eddsa.key_length': ['EdDSA public key length', 'uint32', many],
  'host_key.eddsa.key': ['EdDSA public key', 'bytes', many],
  'host_sig.length': ['Host signature length', 'uint32', many],
  'host_sig.type_length': ['Host signature type length', 'uint32', many],
  'host_sig.type': ['Host signature type', 'string', many],
  'host_sig.rsa': ['RSA signature', 'bytes', many],
  'host_sig.dsa': ['DSA signature', 'bytes', many],
  mpint_length: ['Multi Precision Integer Length', 'uint32', many],
  'dh.e': ['DH client e', 'bytes', many],
  'dh.f': ['DH server f', 'bytes', many],
  'dh_gex.min': ['DH GEX Min', 'uint32', many],
  'dh_gex.nbits': ['DH GEX Number of Bits', 'uint32', many],
  'dh_gex.max': ['DH GEX Max', 'uint32', many],
  'dh_gex.p': ['DH GEX modulus (P)', 'bytes', many],
  'dh_gex.g': ['DH GEX base (G)', 'bytes', many],
  'ecdh.q_c_length': ["ECDH client's ephemeral public key length", 'uint32', many],
  'ecdh.q_c': ["ECDH client's ephemeral public key (Q_C)", 'bytes', many],
  'ecdh.q_s_length': ["ECDH server's ephemeral public key length", 'uint32', many],
  'ecdh.q_s': ["ECDH server's ephemeral public key (Q_S)", 'bytes', many],
});

const INIT = 30;
const REPLY = 31;
const GROUP_INIT = 32;
const GROUP_REPLY = 33;
const GROUP_REQUEST = 34;

/** Bytes behind a length of four (RFC 4251 5): the length a field, the bytes one where `id` is not negative. Gives the
 * offset behind them; -1 where they are cut, or `at` was. */
function counted(f: Fields, lengthId: number, id: number, at: number, end: number): number {
  if (at < 0 || at + 4 > end) return -1;
  const length = be32(f.bytes, at);
  f.uint(lengthId, at, 4, length);
  const stop = at + 4 + length;
  if (stop > end) return -1;
  if (id >= 0) f.raw(id, at + 4, length);
  return stop;
}

const integer = (f: Fields, id: number, at: number, end: number): number => counted(f, F.mpint_length, id, at, end);

function name(f: Fields, lengthId: number, id: number, at: number, end: number): number {
  const stop = counted(f, lengthId, -1, at, end);
  if (stop >= 0) f.value(id, at + 4, stop - at - 4, ascii(f.bytes, at + 4, stop));
  return stop;
}

function walkHostKey(f: Fields, at: number, end: number): number {
  const stop = counted(f, F['host_key.length'], -1, at, end);
  const type = at + 8;
  at = stop < 0 ? -1 : name(f, F['host_key.type_length'], F['host_key.type'], at + 4, stop);
  if (at < 0) return -1;
  const text = ascii(f.bytes, type, at);
  if (text === 'ssh-rsa') {
    at = integer(f, F['host_key.rsa.e'], at, stop);
    integer(f, F['host_key.rsa.n'], at, stop);
  } else if (text === 'ssh-dss') {
    for (const id of [F['host_key.dsa.p'], F['host_key.dsa.q'], F['host_key.dsa.g'], F['host_key.dsa.y']])
      at = integer(f, id, at, stop);
  } else if (text.startsWith('ecdsa-sha2-')) {
    at = name(f, F['host_key.ecdsa.id_length'], F['host_key.ecdsa.id'], at, stop);
    counted(f, F['host_key.ecdsa.q_length'], F['host_key.ecdsa.q'], at, stop);
  } else if (text.startsWith('ssh-ed25519'))
    counted(f, F['host_key.eddsa.key_length'], F['host_key.eddsa.key'], at, stop);
  else f.raw(F['host_key.data'], at, stop - at);
  return stop;
}

function walkSignature(f: Fields, at: number, end: number): void {
  const stop = counted(f, F['host_sig.length'], -1, at, end);
  const type = at + 8;
  at = stop < 0 ? -1 : name(f, F['host_sig.type_length'], F['host_sig.type'], at + 4, stop);
  if (at < 0) return;
  const text = ascii(f.bytes, type, at);
  if (text === 'ssh-rsa') integer(f, F['host_sig.rsa'], at, stop);
  else if (text === 'ssh-dss') integer(f, F['host_sig.dsa'], at, stop);
}

/** Walks the message `code` of the exchange, whose contents stand from `at` up to `end`. */
export function walkExchange(f: Fields, exchange: Exchange, code: number, at: number, end: number): void {
  if (exchange === 'ecdh') {
    if (code === INIT) counted(f, F['ecdh.q_c_length'], F['ecdh.q_c'], at, end);
    if (code !== REPLY) return;
    at = walkHostKey(f, at, end);
    at = counted(f, F['ecdh.q_s_length'], F['ecdh.q_s'], at, end);
    if (at >= 0) walkSignature(f, at, end);
    return;
  }
  const isGroup = exchange === 'group exchange';
  if (code === (isGroup ? GROUP_INIT : INIT)) integer(f, F['dh.e'], at, end);
  else if (code === (isGroup ? GROUP_REPLY : REPLY)) {
    at = walkHostKey(f, at, end);
    at = integer(f, F['dh.f'], at, end);
    if (at >= 0) walkSignature(f, at, end);
  } else if (isGroup && code === REPLY) {
    at = integer(f, F['dh_gex.p'], at, end);
    integer(f, F['dh_gex.g'], at, end);
  } else if (isGroup && code === GROUP_REQUEST && at + 12 <= end) {
    f.uint(F['dh_gex.min'], at, 4, be32(f.bytes, at));
    f.uint(F['dh_gex.nbits'], at + 4, 4, be32(f.bytes, at + 4));
    f.uint(F['dh_gex.max'], at + 8, 4, be32(f.bytes, at + 8));
  } else if (isGroup && code === INIT && at + 4 <= end) f.uint(F['dh_gex.nbits'], at, 4, be32(f.bytes, at));
}
