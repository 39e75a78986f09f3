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
  parameter_value: ['Parameter value', 'bytes', LIST],
  parameter_reconfig_request_sequence_number: ['Re-configuration request sequence number', 'uint32', LIST],
  parameter_reconfig_response_sequence_number: ['Re-configuration response sequence number', 'uint32', LIST],
  parameter_reconfig_response_result: ['Result', 'uint32', LIST],
  parameter_senders_last_assigned_tsn: ['Senders last assigned TSN', 'uint32', LIST],
  parameter_senders_next_tsn: ['Senders next TSN', 'uint32', LIST],
  parameter_receivers_next_tsn: ['Receivers next TSN', 'uint32', LIST],
  parameter_reconfig_sid: ['Stream Identifier', 'uint16', LIST],
  parameter_add_outgoing_streams_number: ['Number of streams', 'uint16', LIST],
  parameter_add_outgoing_streams_reserved: ['Reserved', 'uint16', LIST],
  parameter_add_incoming_streams_number: ['Number of streams', 'uint16', LIST],
  parameter_add_incoming_streams_reserved: ['Reserved', 'uint16', LIST],
  correlation_id: ['Correlation_id', 'uint32', HEX],
  adaptation_layer_indication: ['Indication', 'uint32', HEX],
  parameter_padding: ['Parameter padding', 'bytes', LIST],
  supported_chunk_type: ['Supported chunk type', 'uint8', LIST],
  random_number: ['Random number', 'bytes', LIST],
  chunk_type_to_auth: ['Chunk type', 'uint8', LIST],
  hmac_id: ['HMAC identifier', 'uint16', LIST],
  cause_code: ['Cause code', 'uint16', HEX],
  cause_length: ['Cause length', 'uint16', LIST],
  cause_information: ['Cause information', 'bytes', LIST],
  cause_stream_identifier: ['Stream identifier', 'uint16', LIST],
  cause_reserved: ['Reserved', 'uint16', LIST],
  cause_nr_of_missing_parameters: ['Number of missing parameters', 'uint32', LIST],
  cause_missing_parameter_type: ['Missing parameter type', 'uint16', HEX],
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
const UNRECOGNIZED = 8;
/** RFC 6525 4. */
const OUTGOING_RESET = 13;
const INCOMING_RESET = 14;
const TSN_RESET = 15;
const RECONFIGURATION_RESPONSE = 16;
const ADD_OUTGOING = 17;
const ADD_INCOMING = 18;
/** RFC 5061 4.2. */
const ADD_ADDRESS = 0xc001;
const DELETE_ADDRESS = 0xc002;
const ERROR_INDICATION = 0xc003;
const PRIMARY_ADDRESS = 0xc004;
const SUCCESS_INDICATION = 0xc005;
const ADAPTATION = 0xc006;
/** RFC 3758 3.1, and ECN: they have no value. */
const FORWARD_TSN_SUPPORTED = 0xc000;
const ECN_CAPABLE = 0x8000;
/** RFC 4895 3. */
const RANDOM = 0x8002;
const CHUNK_LIST = 0x8003;
const HMAC_ALGORITHMS = 0x8004;
/** RFC 5061 4.2.7. */
const SUPPORTED_EXTENSIONS = 0x8008;

/** Bytes before the list of streams of those that have one. */
const STREAMS_AT: Readonly<Record<number, number>> = { [OUTGOING_RESET]: 12, [INCOMING_RESET]: 4 };

const INVALID_STREAM = 1;
const MISSING_PARAMETERS = 2;
const UNRESOLVABLE_ADDRESS = 5;
const UNRECOGNIZED_CHUNK = 6;
const UNRECOGNIZED_PARAMETERS = 8;
const RESTART_WITH_NEW_ADDRESSES = 11;
/** RFC 4895 4.1. */
const UNSUPPORTED_HMAC = 0x105;
const STALE_COOKIE = 3;
const NO_USER_DATA = 9;
const USER_ABORT = 12;
const PROTOCOL_VIOLATION = 13;

/** The identifier of the algorithm of an AUTH chunk (RFC 4895 4.1). */
export const hmacId = (f: Fields, at: number): void => f.uint(F.hmac_id, at, 2, be16(f.bytes, at));

/** Walks a chunk that a cause brings back. */
export type WalkChunk = (f: Fields, at: number, end: number) => void;

/** Parameters in parameters, deeper than which nothing is looked for. */
const MAX_NESTING = 4;

/** Parameters, or causes, from `at` up to `end`. */
export function walkParameters(
  f: Fields,
  at: number,
  end: number,
  areCauses: boolean,
  walkChunk: WalkChunk,
  depth = 0,
): void {
  const { bytes } = f;
  if (depth > MAX_NESTING) return;
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
    if (areCauses) walkCause(f, type, at + 4, at + length, walkChunk, depth);
    else walkParameter(f, type, at + 4, at + length, walkChunk, depth);
    const next = Math.min(at + ((length + 3) & ~3), end);
    if (next > at + length) f.raw(areCauses ? F.cause_padding : F.parameter_padding, at + length, next - at - length);
    at = next;
  }
}

function walkParameter(f: Fields, type: number, at: number, end: number, walkChunk: WalkChunk, depth: number): void {
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
      break;
    case UNRECOGNIZED:
      walkParameters(f, at, end, false, walkChunk, depth + 1);
      break;
    case ADD_ADDRESS:
    case DELETE_ADDRESS:
    case ERROR_INDICATION:
    case PRIMARY_ADDRESS:
    case SUCCESS_INDICATION:
      if (!f.fits('sctp', at, 4, end)) break;
      f.uint(F.correlation_id, at, 4, be32(bytes, at));
      if (at + 4 < end) walkParameters(f, at + 4, end, type === ERROR_INDICATION, walkChunk, depth + 1);
      break;
    case ADAPTATION:
      if (f.fits('sctp', at, 4, end)) f.uint(F.adaptation_layer_indication, at, 4, be32(bytes, at));
      break;
    case OUTGOING_RESET:
    case INCOMING_RESET:
    case TSN_RESET:
    case RECONFIGURATION_RESPONSE:
    case ADD_OUTGOING:
    case ADD_INCOMING:
      walkReconfiguration(f, type, at, end);
      break;
    case ECN_CAPABLE:
    case FORWARD_TSN_SUPPORTED:
      break;
    default:
      f.raw(F.parameter_value, at, end - at);
  }
}

/** RFC 6525 4. */
function walkReconfiguration(f: Fields, type: number, at: number, end: number): void {
  const { bytes } = f;
  const isResponse = type === RECONFIGURATION_RESPONSE;
  const numbers = isResponse
    ? [
        F.parameter_reconfig_response_sequence_number,
        F.parameter_reconfig_response_result,
        F.parameter_senders_next_tsn,
        F.parameter_receivers_next_tsn,
      ]
    : type === OUTGOING_RESET
      ? [
          F.parameter_reconfig_request_sequence_number,
          F.parameter_reconfig_response_sequence_number,
          F.parameter_senders_last_assigned_tsn,
        ]
      : [F.parameter_reconfig_request_sequence_number];
  let place = at;
  for (const id of numbers) {
    if (place + 4 > end) return;
    f.uint(id, place, 4, be32(bytes, place));
    place += 4;
  }
  if (STREAMS_AT[type] !== undefined)
    for (place = at + STREAMS_AT[type]; place + 2 <= end; place += 2)
      f.uint(F.parameter_reconfig_sid, place, 2, be16(bytes, place));
  const isAdding = type === ADD_OUTGOING || type === ADD_INCOMING;
  if (!isAdding || place + 4 > end) return;
  const isOutgoing = type === ADD_OUTGOING;
  f.uint(
    isOutgoing ? F.parameter_add_outgoing_streams_number : F.parameter_add_incoming_streams_number,
    place,
    2,
    be16(bytes, place),
  );
  f.uint(
    isOutgoing ? F.parameter_add_outgoing_streams_reserved : F.parameter_add_incoming_streams_reserved,
    place + 2,
    2,
    be16(bytes, place + 2),
  );
}

function walkCause(f: Fields, type: number, at: number, end: number, walkChunk: WalkChunk, depth: number): void {
  const { bytes } = f;
  const size = end - at;
  switch (type) {
    case INVALID_STREAM:
      if (size < 2) break;
      f.uint(F.cause_stream_identifier, at, 2, be16(bytes, at));
      if (size >= 4) f.uint(F.cause_reserved, at + 2, 2, be16(bytes, at + 2));
      break;
    case MISSING_PARAMETERS:
      if (size < 4) break;
      f.uint(F.cause_nr_of_missing_parameters, at, 4, be32(bytes, at));
      for (let place = at + 4; place + 2 <= end; place += 2)
        f.uint(F.cause_missing_parameter_type, place, 2, be16(bytes, place));
      break;
    case STALE_COOKIE:
      if (size >= 4) f.uint(F.cause_measure_of_staleness, at, 4, be32(bytes, at));
      break;
    case UNRESOLVABLE_ADDRESS:
    case UNRECOGNIZED_PARAMETERS:
    case RESTART_WITH_NEW_ADDRESSES:
      walkParameters(f, at, end, false, walkChunk, depth + 1);
      break;
    case UNRECOGNIZED_CHUNK:
      if (size > 0) walkChunk(f, at, end);
      break;
    case NO_USER_DATA:
      if (size >= 4) f.uint(F.cause_tsn, at, 4, be32(bytes, at));
      break;
    case USER_ABORT:
    case PROTOCOL_VIOLATION:
      if (size > 0) f.raw(F.cause_information, at, size);
      break;
    default:
      if (type === UNSUPPORTED_HMAC) {
        if (size >= 2) hmacId(f, at);
      } else if (type > 0xa4 && size > 0) f.raw(F.cause_information, at, size);
      else if (type >= 0xa0 && type <= 0xa2) walkParameters(f, at, end, false, walkChunk, depth + 1);
  }
}
