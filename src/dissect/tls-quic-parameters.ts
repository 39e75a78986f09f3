import { be32 } from '../bytes/endian.ts';
import { varint, varintLength } from '../wire/quic.ts';
import { defineFields, type Fields } from './fields.ts';

/** Transport parameters of QUIC in a hello, RFC 9000 18. */

const many = { list: true } as const;
const F = defineFields('tls.quic', {
  'parameter.type': ['Type', 'uint64', many],
  'parameter.length': ['Length', 'uint64', many],
  'parameter.value': ['Value', 'bytes', many],
  'parameter.original_destination_connection_id': ['original_destination_connection_id', 'bytes', many],
  'parameter.max_idle_timeout': ['max_idle_timeout', 'uint64', many],
  'parameter.stateless_reset_token': ['stateless_reset_token', 'bytes', many],
  'parameter.max_udp_payload_size': ['max_udp_payload_size', 'uint64', many],
  'parameter.initial_max_data': ['initial_max_data', 'uint64', many],
  'parameter.initial_max_stream_data_bidi_local': ['initial_max_stream_data_bidi_local', 'uint64', many],
  'parameter.initial_max_stream_data_bidi_remote': ['initial_max_stream_data_bidi_remote', 'uint64', many],
  'parameter.initial_max_stream_data_uni': ['initial_max_stream_data_uni', 'uint64', many],
  'parameter.initial_max_streams_bidi': ['initial_max_streams_bidi', 'uint64', many],
  'parameter.initial_max_streams_uni': ['initial_max_streams_uni', 'uint64', many],
  'parameter.ack_delay_exponent': ['ack_delay_exponent', 'uint64', many],
  'parameter.max_ack_delay': ['max_ack_delay', 'uint64', many],
  'parameter.active_connection_id_limit': ['Active Connection ID Limit', 'uint64', many],
  'parameter.initial_source_connection_id': ['Initial Source Connection ID', 'bytes', many],
  'parameter.retry_source_connection_id': ['Retry Source Connection ID', 'bytes', many],
  'parameter.max_datagram_frame_size': ['max_datagram_frame_size', 'uint64', many],
  'parameter.vi.chosen_version': ['Chosen Version', 'uint32', { list: true, base: 'hex' }],
  'parameter.vi.other_version': ['Other Version', 'uint32', { list: true, base: 'hex' }],
});

/** Version information, RFC 9368 3, and the number that it had before. */
const VERSION_INFORMATION = 0x11;
const VERSION_INFORMATION_OLD = 0xff73db;

/** Those whose value is one number of a variable length, and those whose value is bytes. */
const NUMBERS = new Map<bigint, number>([
  [0x01n, F['parameter.max_idle_timeout']],
  [0x03n, F['parameter.max_udp_payload_size']],
  [0x04n, F['parameter.initial_max_data']],
  [0x05n, F['parameter.initial_max_stream_data_bidi_local']],
  [0x06n, F['parameter.initial_max_stream_data_bidi_remote']],
  [0x07n, F['parameter.initial_max_stream_data_uni']],
  [0x08n, F['parameter.initial_max_streams_bidi']],
  [0x09n, F['parameter.initial_max_streams_uni']],
  [0x0an, F['parameter.ack_delay_exponent']],
  [0x0bn, F['parameter.max_ack_delay']],
  [0x0en, F['parameter.active_connection_id_limit']],
  [0x20n, F['parameter.max_datagram_frame_size']],
]);
const BYTES = new Map<bigint, number>([
  [0x00n, F['parameter.original_destination_connection_id']],
  [0x02n, F['parameter.stateless_reset_token']],
  [0x0fn, F['parameter.initial_source_connection_id']],
  [0x10n, F['parameter.retry_source_connection_id']],
]);

/** The number of a variable length at `at`, all of its 62 bits. */
function number(bytes: Uint8Array, at: number): bigint {
  if (varintLength(bytes, at) < 8) return BigInt(varint(bytes, at));
  return (BigInt(be32(bytes, at) & 0x3fffffff) << 32n) | BigInt(be32(bytes, at + 4));
}

/** False where it does not end before `end`. */
const isNumber = (bytes: Uint8Array, at: number, end: number): boolean =>
  at < end && at + varintLength(bytes, at) <= end;

export function walkQuicParameters(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  while (isNumber(bytes, at, end)) {
    const type = number(bytes, at);
    const typeLength = varintLength(bytes, at);
    f.value(F['parameter.type'], at, typeLength, type);
    at += typeLength;
    if (!isNumber(bytes, at, end)) return;
    const size = Number(number(bytes, at));
    const sizeLength = varintLength(bytes, at);
    f.value(F['parameter.length'], at, sizeLength, BigInt(size));
    at += sizeLength;
    if (at + size > end) return;
    f.raw(F['parameter.value'], at, size);
    const asNumber = NUMBERS.get(type);
    const asBytes = BYTES.get(type);
    if (asNumber !== undefined && isNumber(bytes, at, at + size)) f.value(asNumber, at, size, number(bytes, at));
    else if (asBytes !== undefined) f.raw(asBytes, at, size);
    else if ((Number(type) === VERSION_INFORMATION || Number(type) === VERSION_INFORMATION_OLD) && size >= 4) {
      f.uint(F['parameter.vi.chosen_version'], at, 4, be32(bytes, at));
      for (let place = at + 4; place + 4 <= at + size; place += 4)
        f.uint(F['parameter.vi.other_version'], place, 4, be32(bytes, place));
    }
    at += size;
  }
}
