import { be16, be32 } from '../bytes/endian.ts';
import { readName } from '../wire/dns-name.ts';
import { defineFields, type Fields } from './fields.ts';

/** Data of records of DNS that are of DNSSEC, signed messages and EDNS. */

const many = { list: true } as const;
const F = defineFields('dns', {
  'nsec3.algo': ['Hash algorithm', 'uint8', many],
  'nsec3.flags': ['NSEC3 flags', 'uint8', many],
  'nsec3.flags.opt_out': ['NSEC3 Opt-out flag', 'bool', many],
  'nsec3.iterations': ['NSEC3 iterations', 'uint16', many],
  'nsec3.salt_length': ['Salt length', 'uint8', many],
  'nsec3.salt_value': ['Salt value', 'bytes', many],
  'nsec3.hash_length': ['Hash length', 'uint8', many],
  'nsec3.hash_value': ['Next hashed owner', 'string', many],
  'tsig.algorithm_name': ['Algorithm Name', 'string', many],
  'tsig.time_signed': ['Time Signed', 'time', { list: true, date: 'local' }],
  'tsig.fudge': ['Fudge', 'uint16', many],
  'tsig.mac_size': ['MAC Size', 'uint16', many],
  'tsig.mac': ['MAC', 'none', many],
  'tsig.original_id': ['Original Id', 'uint16', many],
  'tsig.error': ['Error', 'uint16', many],
  'tsig.other_len': ['Other Len', 'uint16', many],
  'tsig.other_data': ['Other Data', 'bytes', many],
  opt: ['Option', 'none', many],
  'opt.code': ['Option Code', 'uint16', many],
  'opt.len': ['Option Length', 'uint16', many],
  'opt.data': ['Option Data', 'bytes', many],
  'opt.client.family': ['Family', 'uint16', many],
  'opt.client.netmask': ['Source Netmask', 'uint8', many],
  'opt.client.scope': ['Scope Netmask', 'uint8', many],
  'opt.client.addr': ['Client Subnet', 'bytes', many],
  'opt.client.addr4': ['Client Subnet', 'ipv4', many],
  'opt.client.addr6': ['Client Subnet', 'ipv6', many],
  'opt.cookie.client': ['Client Cookie', 'bytes', many],
  'opt.cookie.server': ['Server Cookie', 'bytes', many],
  'opt.edns_tcp_keepalive.timeout': ['Timeout', 'uint16', many],
  'opt.padding': ['Padding', 'bytes', many],
  'opt.ext_error.info_code': ['Info Code', 'uint16', many],
  'opt.ext_error.extra_text': ['Extra Text', 'string', many],
});

/** Option codes: RFC 7871 6, RFC 7873 4, RFC 7828 3.1, RFC 7830 3, RFC 8914 2. */
const CLIENT_SUBNET = 8;
const COOKIE = 10;
const TCP_KEEPALIVE = 11;
const PADDING = 12;
const EXTENDED_ERROR = 15;
const CLIENT_COOKIE_LENGTH = 8;

/** Options of EDNS, RFC 6891 6.1.2. */
export function walkOptions(f: Fields, at: number, end: number): void {
  while (at + 4 <= end) {
    const code = be16(f.bytes, at);
    const length = be16(f.bytes, at + 2);
    f.raw(F.opt, at, Math.min(4 + length, end - at));
    f.uint(F['opt.code'], at, 2, code);
    f.uint(F['opt.len'], at + 2, 2, length);
    if (!f.fits('dns', at + 4, length, end)) return;
    f.raw(F['opt.data'], at + 4, length);
    walkOption(f, code, at + 4, at + 4 + length);
    at += 4 + length;
  }
}

function walkOption(f: Fields, code: number, at: number, end: number): void {
  const { bytes } = f;
  const length = end - at;
  switch (code) {
    case CLIENT_SUBNET:
      if (length >= 4) walkSubnet(f, at, end);
      return;
    case COOKIE:
      if (length < CLIENT_COOKIE_LENGTH) return;
      f.raw(F['opt.cookie.client'], at, CLIENT_COOKIE_LENGTH);
      f.raw(F['opt.cookie.server'], at + CLIENT_COOKIE_LENGTH, length - CLIENT_COOKIE_LENGTH);
      return;
    case TCP_KEEPALIVE:
      if (length === 2) f.uint(F['opt.edns_tcp_keepalive.timeout'], at, 2, be16(bytes, at));
      return;
    case PADDING:
      f.raw(F['opt.padding'], at, length);
      return;
    case EXTENDED_ERROR:
      if (length < 2) return;
      f.uint(F['opt.ext_error.info_code'], at, 2, be16(bytes, at));
      if (length > 2)
        f.value(F['opt.ext_error.extra_text'], at + 2, length - 2, Buffer.from(bytes.subarray(at + 2, end)).toString());
  }
}

/** The address has as many bytes as its prefix needs. */
function walkSubnet(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const family = be16(bytes, at);
  f.uint(F['opt.client.family'], at, 2, family);
  f.uint(F['opt.client.netmask'], at + 2, 1, bytes[at + 2]!);
  f.uint(F['opt.client.scope'], at + 3, 1, bytes[at + 3]!);
  const size = family === 1 ? 4 : family === 2 ? 16 : 0;
  const given = end - at - 4;
  if (size === 0 || given > size) {
    if (given > 0) f.raw(F['opt.client.addr'], at + 4, given);
    return;
  }
  const id = size === 4 ? F['opt.client.addr4'] : F['opt.client.addr6'];
  if (!f.wants(id)) return;
  const place = f.append(size);
  f.bytes.fill(0, place, place + size);
  f.bytes.set(f.bytes.subarray(at + 4, end), place);
  f.raw(id, place, size);
}

const BASE_32 = '0123456789abcdefghijklmnopqrstuv';

/** RFC 5155 3.2; `typeId` is the field of a type. False where it is cut. */
export function walkNsec3(f: Fields, typeId: number, at: number, end: number): boolean {
  const { bytes } = f;
  const salt = at + 5;
  if (salt > end || salt + bytes[salt - 1]! + 1 > end) return false;
  const hash = salt + bytes[salt - 1]! + 1;
  const hashLength = bytes[hash - 1]!;
  if (hash + hashLength > end) return false;
  f.uint(F['nsec3.algo'], at, 1, bytes[at]!);
  f.uint(F['nsec3.flags'], at + 1, 1, bytes[at + 1]!);
  f.bool(F['nsec3.flags.opt_out'], at + 1, 1, (bytes[at + 1]! & 1) !== 0);
  f.uint(F['nsec3.iterations'], at + 2, 2, be16(bytes, at + 2));
  f.uint(F['nsec3.salt_length'], at + 4, 1, hash - 1 - salt);
  f.raw(F['nsec3.salt_value'], salt, hash - 1 - salt);
  f.uint(F['nsec3.hash_length'], hash - 1, 1, hashLength);
  let text = '';
  for (let i = 0; i < hashLength * 8; i += 5) {
    const two = (bytes[hash + (i >> 3)]! << 8) | ((i >> 3) + 1 < hashLength ? bytes[hash + (i >> 3) + 1]! : 0);
    text += BASE_32[(two >> (11 - (i & 7))) & 31];
  }
  f.value(F['nsec3.hash_value'], hash, hashLength, text);
  walkTypes(f, typeId, hash + hashLength, end);
  return true;
}

/** The types that a name has, RFC 4034 4.1.2: windows of 256, with a bit for each. `id` is the field of a type. */
export function walkTypes(f: Fields, id: number, at: number, end: number): void {
  const { bytes } = f;
  while (at + 2 <= end) {
    const window = bytes[at]! << 8;
    const stop = Math.min(at + 2 + bytes[at + 1]!, end);
    for (let place = at + 2; place < stop; place++)
      for (let bit = 0; bit < 8; bit++)
        if (bytes[place]! & (0x80 >> bit)) f.uint(id, place, 1, window + (place - at - 2) * 8 + bit);
    at = stop;
  }
}

/** RFC 8945 4.2. False where it is cut. */
export function walkTsig(f: Fields, at: number, end: number, message: number): boolean {
  const { bytes } = f;
  const name = readName(bytes, at, end, message);
  if (name === null || name.end + 10 > end) return false;
  const time = name.end;
  const mac = time + 10;
  const macLength = be16(bytes, time + 8);
  const behind = mac + macLength;
  if (behind + 6 > end) return false;
  f.value(F['tsig.algorithm_name'], at, name.end - at, name.text === '' ? '<Root>' : name.text);
  f.time(F['tsig.time_signed'], time, 6, be16(bytes, time) * 0x1_0000_0000 + be32(bytes, time + 2), 0);
  f.uint(F['tsig.fudge'], time + 6, 2, be16(bytes, time + 6));
  f.uint(F['tsig.mac_size'], time + 8, 2, macLength);
  if (macLength > 0) f.raw(F['tsig.mac'], mac, macLength);
  f.uint(F['tsig.original_id'], behind, 2, be16(bytes, behind));
  f.uint(F['tsig.error'], behind + 2, 2, be16(bytes, behind + 2));
  const other = be16(bytes, behind + 4);
  f.uint(F['tsig.other_len'], behind + 4, 2, other);
  if (other > 0 && behind + 6 + other <= end) f.raw(F['tsig.other_data'], behind + 6, other);
  return true;
}
