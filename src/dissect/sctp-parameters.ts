import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/sctp.ts';
import { defineFields, type Fields } from './fields.ts';

/** Parameters and error causes of SCTP's chunks (RFC 9260 3.3.2.1 and 3.3.10): type, length, value, padding. */

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('sctp', {
  parameter_type: ['Parameter type', 'uint16', HEX],
  parameter_bit_1: ['Bit', 'bool', LIST],
  parameter_bit_2: ['Bit', 'bool', LIST],
  parameter_length: ['Parameter length', 'uint16', LIST],
  parameter_heartbeat_information: ['Heartbeat information', 'bytes', LIST],
  parameter_ipv4_address: ['IP Version 4 address', 'ipv4', LIST],
  parameter_ipv6_address: ['IP Version 6 address', 'ipv6', LIST],
  parameter_state_cookie: ['State cookie', 'bytes', LIST],
  parameter_cookie_preservative_incr: ['Suggested Cookie life-span increment (msec)', 'uint32', LIST],
  parameter_hostname: ['Hostname', 'string', LIST],
  parameter_supported_address_type: ['Supported address type', 'uint16', LIST],
  parameter_padding: ['Parameter padding', 'bytes', LIST],
  supported_chunk_type: ['Supported chunk type', 'uint8', LIST],
  random_number: ['Random number', 'bytes', LIST],
  chunk_type_to_auth: ['Chunk type', 'uint8', LIST],
  hmac_id: ['HMAC identifier', 'uint16', LIST],
  cause_code: ['Cause code', 'uint16', HEX],
  cause_length: ['Cause length', 'uint16', LIST],
  cause_information: ['Cause information', 'bytes', LIST],
  cause_stream_identifier: ['Stream identifier', 'uint16', LIST],
  cause_measure_of_staleness: ['Measure of staleness in usec', 'uint32', LIST],
  cause_tsn: ['TSN', 'uint32', LIST],
  cause_padding: ['Cause padding', 'bytes', LIST],
});

const HEARTBEAT_INFO = 1;
const IPV4_ADDRESS = 5;
const IPV6_ADDRESS = 6;
const STATE_COOKIE = 7;
const COOKIE_PRESERVATIVE = 9;
const HOSTNAME = 11;
const SUPPORTED_ADDRESSES = 12;
/** RFC 4895 3. */
const RANDOM = 0x8002;
const CHUNK_LIST = 0x8003;
const HMAC_ALGORITHMS = 0x8004;
/** RFC 5061 4.2.7. */
const SUPPORTED_EXTENSIONS = 0x8008;

const INVALID_STREAM = 1;
const STALE_COOKIE = 3;
const NO_USER_DATA = 9;
const USER_ABORT = 12;
const PROTOCOL_VIOLATION = 13;

export function walkParameters(f: Fields, at: number, end: number, areCauses: boolean): void {
  const { bytes } = f;
  while (at < end) {
    if (!f.fits('sctp', at, wire.PARAMETER_HEADER_LENGTH, end)) return;
    const type = be16(bytes, at);
    const length = be16(bytes, at + 2);
    f.uint(areCauses ? F.cause_code : F.parameter_type, at, 2, type);
    if (!areCauses) {
      f.bool(F.parameter_bit_1, at, 1, (type & 0x8000) !== 0);
      f.bool(F.parameter_bit_2, at, 1, (type & 0x4000) !== 0);
    }
    f.uint(areCauses ? F.cause_length : F.parameter_length, at + 2, 2, length);
    if (length < wire.PARAMETER_HEADER_LENGTH) {
      f.invalid('sctp', at + 2, wire.PARAMETER_HEADER_LENGTH, length, 'sctp.parameter_length');
      return;
    }
    if (!f.fits('sctp', at, length, end)) return;
    if (areCauses) walkCause(f, type, at + 4, at + length);
    else walkParameter(f, type, at + 4, at + length);
    const next = Math.min(at + ((length + 3) & ~3), end);
    if (next > at + length) f.raw(areCauses ? F.cause_padding : F.parameter_padding, at + length, next - at - length);
    at = next;
  }
}

function walkParameter(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  if (at >= end) return;
  switch (type) {
    case HEARTBEAT_INFO:
      f.raw(F.parameter_heartbeat_information, at, end - at);
      break;
    case IPV4_ADDRESS:
      if (f.fits('sctp', at, 4, end)) f.raw(F.parameter_ipv4_address, at, 4);
      break;
    case IPV6_ADDRESS:
      if (f.fits('sctp', at, 16, end)) f.raw(F.parameter_ipv6_address, at, 16);
      break;
    case STATE_COOKIE:
      f.raw(F.parameter_state_cookie, at, end - at);
      break;
    case COOKIE_PRESERVATIVE:
      if (f.fits('sctp', at, 4, end)) f.uint(F.parameter_cookie_preservative_incr, at, 4, be32(bytes, at));
      break;
    case HOSTNAME: {
      let stop = at;
      while (stop < end && bytes[stop] !== 0) stop++;
      f.value(F.parameter_hostname, at, end - at, new TextDecoder().decode(bytes.subarray(at, stop)));
      break;
    }
    case SUPPORTED_ADDRESSES:
      for (; at + 2 <= end; at += 2) f.uint(F.parameter_supported_address_type, at, 2, be16(bytes, at));
      break;
    case RANDOM:
      f.raw(F.random_number, at, end - at);
      break;
    case CHUNK_LIST:
      for (; at < end; at++) f.uint(F.chunk_type_to_auth, at, 1, bytes[at]!);
      break;
    case HMAC_ALGORITHMS:
      for (; at + 2 <= end; at += 2) f.uint(F.hmac_id, at, 2, be16(bytes, at));
      break;
    case SUPPORTED_EXTENSIONS:
      for (; at < end; at++) f.uint(F.supported_chunk_type, at, 1, bytes[at]!);
  }
}

function walkCause(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  if (type === INVALID_STREAM && end - at >= 2) f.uint(F.cause_stream_identifier, at, 2, be16(bytes, at));
  else if (type === STALE_COOKIE && end - at >= 4) f.uint(F.cause_measure_of_staleness, at, 4, be32(bytes, at));
  else if (type === NO_USER_DATA && end - at >= 4) f.uint(F.cause_tsn, at, 4, be32(bytes, at));
  else if ((type === USER_ABORT || type === PROTOCOL_VIOLATION) && at < end) f.raw(F.cause_information, at, end - at);
}
