import { be16, be32 } from '../bytes/endian.ts';
import { IPPROTO_SCTP } from '../wire/ipproto.ts';
import * as wire from '../wire/sctp.ts';
import { BAD, CHECKSUM_STATUS, defineAlias, defineFields, type Fields, GOOD, UNVERIFIED } from './fields.ts';
import type { Protocol } from './protocol.ts';
import { hmacId, walkParameters } from './sctp-parameters.ts';
import type { Text } from './text.ts';

const LIST = { list: true } as const;
const HEX = { list: true, base: 'hex' } as const;
const F = defineFields('sctp', {
  srcport: ['Source port', 'uint16'],
  dstport: ['Destination port', 'uint16'],
  verification_tag: ['Verification tag', 'uint32', { base: 'hex' }],
  checksum: ['Checksum', 'uint32', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  chunk_type: ['Chunk type', 'uint8', LIST],
  chunk_bit_1: ['Bit', 'bool', LIST],
  chunk_bit_2: ['Bit', 'bool', LIST],
  chunk_flags: ['Chunk flags', 'uint8', HEX],
  data_i_bit: ['I-Bit', 'bool', LIST],
  data_u_bit: ['U-Bit', 'bool', LIST],
  data_b_bit: ['B-Bit', 'bool', LIST],
  data_e_bit: ['E-Bit', 'bool', LIST],
  abort_t_bit: ['T-Bit', 'bool', LIST],
  shutdown_complete_t_bit: ['T-Bit', 'bool', LIST],
  chunk_length: ['Chunk length', 'uint16', LIST],
  data_tsn_raw: ['Transmission sequence number (absolute)', 'uint32', LIST],
  data_sid: ['Stream identifier', 'uint16', HEX],
  data_ssn: ['Stream sequence number', 'uint16', LIST],
  data_payload_proto_id: ['Payload protocol identifier', 'uint32', LIST],
  chunk_padding: ['Chunk padding', 'bytes', LIST],
  init_initiate_tag: ['Initiate tag', 'uint32', HEX],
  init_credit: ['Advertised receiver window credit (a_rwnd)', 'uint32', LIST],
  init_nr_out_streams: ['Number of outbound streams', 'uint16', LIST],
  init_nr_in_streams: ['Number of inbound streams', 'uint16', LIST],
  init_initial_tsn: ['Initial TSN', 'uint32', LIST],
  initack_initiate_tag: ['Initiate tag', 'uint32', HEX],
  initack_credit: ['Advertised receiver window credit (a_rwnd)', 'uint32', LIST],
  initack_nr_out_streams: ['Number of outbound streams', 'uint16', LIST],
  initack_nr_in_streams: ['Number of inbound streams', 'uint16', LIST],
  initack_initial_tsn: ['Initial TSN', 'uint32', LIST],
  initiate_tag: ['Initiate tag', 'uint32', HEX],
  sack_cumulative_tsn_ack_raw: ['Cumulative TSN ACK (absolute)', 'uint32', LIST],
  sack_a_rwnd: ['Advertised receiver window credit (a_rwnd)', 'uint32', LIST],
  sack_number_of_gap_blocks: ['Number of gap acknowledgement blocks', 'uint16', LIST],
  sack_number_of_duplicated_tsns: ['Number of duplicated TSNs', 'uint16', LIST],
  sack_gap_block_start: ['Start', 'uint16', LIST],
  sack_gap_block_start_tsn: ['Start TSN', 'uint32', LIST],
  sack_gap_block_end: ['End', 'uint16', LIST],
  sack_gap_block_end_tsn: ['End TSN', 'uint32', LIST],
  sack_duplicate_tsn: ['Duplicate TSN', 'uint32', LIST],
  shutdown_cumulative_tsn_ack: ['Cumulative TSN Ack', 'uint32', LIST],
  cookie: ['Cookie', 'bytes', LIST],
  ecne_lowest_tsn: ['Lowest TSN', 'uint32', LIST],
  cwr_lowest_tsn: ['Lowest TSN', 'uint32', LIST],
  forward_tsn_tsn: ['New cumulative TSN', 'uint32', LIST],
  forward_tsn_sid: ['Stream identifier', 'uint16', LIST],
  forward_tsn_ssn: ['Stream sequence number', 'uint16', LIST],
  sack_nounce_sum: ['Nounce sum', 'uint8', LIST],
  data_reserved: ['Reserved', 'uint16', LIST],
  data_mid: ['Message identifier', 'uint32', LIST],
  data_fsn: ['Fragment sequence number', 'uint32', LIST],
  i_forward_tsn_tsn: ['New cumulative TSN', 'uint32', LIST],
  i_forward_tsn_sid: ['Stream identifier', 'uint16', LIST],
  i_forward_tsn_flags: ['Flags', 'uint16', HEX],
  i_forward_tsn_res: ['Reserved', 'uint16', LIST],
  i_forward_tsn_u_bit: ['U-Bit', 'bool', LIST],
  forward_tsn_mid: ['Message identifier', 'uint32', LIST],
  shared_key_id: ['Shared key identifier', 'uint16', LIST],
  hmac: ['HMAC', 'bytes', LIST],
  asconf_seq_nr_number: ['Sequence number', 'uint32', HEX],
  asconf_ack_seq_nr_number: ['Sequence number', 'uint32', HEX],
  padding_data: ['Padding data', 'bytes', LIST],
  chunk_value: ['Chunk value', 'bytes', LIST],
});
defineAlias('sctp.port', ['sctp.srcport', 'sctp.dstport']);

const CHUNKS: Readonly<Record<number, string>> = {
  0: 'DATA',
  1: 'INIT',
  2: 'INIT ACK',
  3: 'SACK',
  4: 'HB REQ',
  5: 'HB ACK',
  6: 'ABORT',
  7: 'SHUTDOWN',
  8: 'SHUTDOWN ACK',
  9: 'OP ERR',
  10: 'COOKIE ECHO',
  11: 'COOKIE ACK',
  12: 'ECN ECHO',
  13: 'ECN CWR',
  14: 'SHUTDOWN COMPLETE',
  192: 'FOR CUM TSN',
  193: 'REL CTRL',
  194: 'REL CTRL ACK',
};
const PAYLOADS: Readonly<Record<number, string>> = {
  1: 'ISDN Q.921',
  2: 'M2UA',
  3: 'M3UA',
  4: 'SUA',
  5: 'M2PA',
  6: 'V5.2',
  7: 'H.248',
  8: 'BICC',
  9: 'TALI',
  10: 'DUA',
  11: 'ASAP',
  12: 'ENRP',
  13: 'H.323',
  14: 'Q.IPC',
  15: 'SIMCO',
  16: 'DDPSC',
  17: 'DDPSSC',
  18: 'S1AP',
  19: 'RUA',
  20: 'HNBAP',
  21: 'ForCES HP',
  22: 'ForCES MP',
  23: 'ForCES LP',
  24: 'SBc-AP',
  25: 'NBAP',
  27: 'X2AP',
};
/** Ports of the ForCES protocol (RFC 5811). */
const FORCES: Readonly<Record<number, string>> = { 6704: 'HP', 6705: 'MP', 6706: 'LP' };

function printEnds(t: Text, srcPort: number, dstPort: number): void {
  const { out, ip } = t;
  const inIp = t.protocolOfIp === IPPROTO_SCTP;
  for (let side = 0; side < 2; side++) {
    if (side === 1) out.ascii(' > ');
    if (inIp) {
      if (t.ipVersion === 6) t.ipv6(ip + (side === 0 ? 8 : 24));
      else t.ipv4(ip + (side === 0 ? 12 : 16));
      out.byte(46);
    }
    out.decimal(side === 0 ? srcPort : dstPort);
  }
  out.ascii(': sctp');
}

function printSctp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'sctp';
  if (length < wire.HEADER_LENGTH) {
    out.ascii(`truncated-sctp - ${wire.HEADER_LENGTH - length} bytes missing!`);
    return;
  }
  t.need(at, wire.HEADER_LENGTH);
  const srcPort = wire.srcPort(bytes, at);
  const dstPort = wire.dstPort(bytes, at);
  printEnds(t, srcPort, dstPort);
  const forces = FORCES[srcPort] ?? FORCES[dstPort];
  if (forces !== undefined) out.ascii(`[ForCES ${forces}]`);
  let chunk = at + wire.HEADER_LENGTH;
  let left = length - wire.HEADER_LENGTH;
  for (let number = 1; left > 0; number++) {
    const begin = t.verbose >= 2 ? '\n\t' : number === 1 ? ' (' : ', (';
    if (left < wire.CHUNK_HEADER_LENGTH) {
      out.ascii(`${begin}${number}) [chunk descriptor cut off at end of packet]`);
      return;
    }
    t.need(chunk, wire.CHUNK_HEADER_LENGTH);
    const size = t.be16(chunk + 2);
    if (size < wire.CHUNK_HEADER_LENGTH) {
      out.ascii(`${begin}${number}) [Bad chunk length ${size}, < size of chunk descriptor]`);
      return;
    }
    const padded = (size + 3) & ~3;
    if (size > left || padded > left) {
      t.truncated();
      return;
    }
    t.need(chunk, size);
    const type = t.u8(chunk);
    out.ascii(`${begin}${number}) [${CHUNKS[type] ?? `Unknown chunk type: 0x${type.toString(16)}`}] `);
    if (!printChunk(t, type, chunk, size)) return;
    t.need(chunk, padded);
    chunk += padded;
    left -= padded;
  }
}

/** False where the chunk's length is wrong. */
function printChunk(t: Text, type: number, at: number, size: number): boolean {
  const { out } = t;
  const bogus = (): boolean => {
    out.ascii(`bogus chunk length ${size}]`);
    return false;
  };
  if (type === wire.CHUNK_DATA) {
    const flags = t.u8(at + 1);
    if ((flags & 7) !== 0) {
      if ((flags & wire.FLAG_UNORDERED) !== 0) out.ascii('(U)');
      if ((flags & wire.FLAG_BEGIN) !== 0) out.ascii('(B)');
      if ((flags & wire.FLAG_END) !== 0) out.ascii('(E)');
      out.byte(32);
    }
    if (size < wire.DATA_LENGTH) return bogus();
    const payload = t.be32(at + 12);
    out.ascii(`[TSN: ${t.be32(at + 4)}] [SID: ${t.be16(at + 8)}] [SSEQ ${t.be16(at + 10)}] `);
    out.ascii(`[PPID ${PAYLOADS[payload] ?? `0x${payload.toString(16)}`}] `);
    if (size === wire.DATA_LENGTH) return bogus();
    if (t.verbose >= 2) {
      out.ascii('[Payload');
      if (!t.dumps) {
        out.byte(58);
        t.unknown(at + wire.DATA_LENGTH, size - wire.DATA_LENGTH);
      }
      out.byte(93);
    }
  } else if (type === wire.CHUNK_INIT || type === wire.CHUNK_INIT_ACK) {
    if (size < wire.INIT_LENGTH) return bogus();
    out.ascii(`[init tag: ${t.be32(at + 4)}] [rwnd: ${t.be32(at + 8)}] [OS: ${t.be16(at + 12)}] `);
    out.ascii(`[MIS: ${t.be16(at + 14)}] [init TSN: ${t.be32(at + 16)}] `);
  } else if (type === wire.CHUNK_SACK) {
    if (size < wire.SACK_LENGTH) return bogus();
    const acked = t.be32(at + 4);
    const gaps = t.be16(at + 12);
    const duplicates = t.be16(at + 14);
    out.ascii(`[cum ack ${acked}] [a_rwnd ${t.be32(at + 8)}] [#gap acks ${gaps}] [#dup tsns ${duplicates}] `);
    let place = at + wire.SACK_LENGTH;
    const end = at + size;
    for (let i = 1; i <= gaps && place !== end; i++, place += 4) {
      if (place + 4 > end) return bogus();
      const start = (acked + t.be16(place)) >>> 0;
      out.ascii(`\n\t\t[gap ack block #${i}: start = ${start}, end = ${(acked + t.be16(place + 2)) >>> 0}] `);
    }
    for (let i = 1; i <= duplicates && place !== end; i++, place += 4) {
      if (place + 4 > end) return bogus();
      out.ascii(`\n\t\t[dup TSN #${i}: ${t.be32(place)}] `);
    }
  }
  return true;
}

function status(f: Fields, at: number, end: number): number {
  if (!f.verifies || f.fragmented || f.wireEnd > end) return UNVERIFIED;
  return wire.crc(f.bytes, at, end) === wire.checksum(f.bytes, at) ? GOOD : BAD;
}

export const sctp: Protocol = {
  name: 'sctp',
  title: 'Stream Control Transmission Protocol',
  print: printSctp,
  walk(f, at, end) {
    if (!f.fits('sctp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    f.layer(sctp, at, wire.HEADER_LENGTH);
    f.srcPort = wire.srcPort(bytes, at);
    f.dstPort = wire.dstPort(bytes, at);
    f.uint(F.srcport, at, 2, f.srcPort);
    f.uint(F.dstport, at + 2, 2, f.dstPort);
    f.uint(F.verification_tag, at + 4, 4, wire.tag(bytes, at));
    f.uint(F.checksum, at + 8, 4, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 8, 0, status(f, at, end));
    walkChunks(f, at + wire.HEADER_LENGTH, end, 0);
    walkPayloads(f, at + wire.HEADER_LENGTH, end);
  },
};

/** What the chunks carry whose message is whole, and that no protocol is stated for: a layer each, behind this one. */
function walkPayloads(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  const whole = wire.FLAG_BEGIN | wire.FLAG_END;
  for (let chunk = at; chunk + wire.DATA_LENGTH <= end; ) {
    const size = be16(bytes, chunk + 2);
    if (size < wire.CHUNK_HEADER_LENGTH || chunk + size > end) return;
    const type = bytes[chunk]!;
    const isData = type === wire.CHUNK_DATA || type === wire.CHUNK_I_DATA;
    const body = chunk + (type === wire.CHUNK_DATA ? wire.DATA_LENGTH : wire.I_DATA_LENGTH);
    // The payload protocol identifier is the last word before the payload.
    if (isData && (bytes[chunk + 1]! & whole) === whole && body < chunk + size && be32(bytes, body - 4) === 0)
      f.data(body, chunk + size);
    chunk += (size + 3) & ~3;
  }
}

/** A chunk may bring back another one, which may do so too. */
const MAX_NESTING = 4;

/** Types of chunks whose value Wireshark does not show: those that have none, and packet drop and NR-SACK, which it takes
 * apart. */
const WITHOUT_VALUE: ReadonlySet<number> = new Set([8, 11, 16, 129]);

function walkChunks(f: Fields, at: number, end: number, depth: number): void {
  const { bytes } = f;
  for (let chunk = at; chunk < end; ) {
    if (!f.fits('sctp', chunk, wire.CHUNK_HEADER_LENGTH, end)) return;
    const size = be16(bytes, chunk + 2);
    const type = bytes[chunk]!;
    f.uint(F.chunk_type, chunk, 1, type);
    f.bool(F.chunk_bit_1, chunk, 1, (type & 0x80) !== 0);
    f.bool(F.chunk_bit_2, chunk, 1, (type & 0x40) !== 0);
    f.uint(F.chunk_flags, chunk + 1, 1, bytes[chunk + 1]!);
    f.uint(F.chunk_length, chunk + 2, 2, size);
    if (size < wire.CHUNK_HEADER_LENGTH) {
      f.invalid('sctp', chunk + 2, wire.CHUNK_HEADER_LENGTH, size, 'sctp.chunk_length');
      return;
    }
    walkChunk(f, type, chunk, Math.min(chunk + size, end), depth);
    if (!f.fits('sctp', chunk, size, end)) return;
    const next = Math.min(chunk + ((size + 3) & ~3), end);
    if (next > chunk + size) f.raw(F.chunk_padding, chunk + size, next - chunk - size);
    chunk = next;
    if (depth === 0) f.layerEnds(chunk);
  }
}

/** The fixed fields of a chunk, then its parameters or causes. */
function walkChunk(f: Fields, type: number, at: number, end: number, depth: number): void {
  const { bytes } = f;
  const walkQuoted = (_: Fields, from: number, to: number): void => {
    if (depth < MAX_NESTING) walkChunks(f, from, to, depth + 1);
  };
  const body = at + wire.CHUNK_HEADER_LENGTH;
  const flags = bytes[at + 1]!;
  switch (type) {
    case wire.CHUNK_DATA:
      dataFlags(f, at, flags);
      if (!f.fits('sctp', at, wire.DATA_LENGTH, end)) return;
      f.uint(F.data_tsn_raw, at + 4, 4, be32(bytes, at + 4));
      f.uint(F.data_sid, at + 8, 2, be16(bytes, at + 8));
      f.uint(F.data_ssn, at + 10, 2, be16(bytes, at + 10));
      f.uint(F.data_payload_proto_id, at + 12, 4, be32(bytes, at + 12));
      return;
    case wire.CHUNK_INIT:
    case wire.CHUNK_INIT_ACK: {
      if (!f.fits('sctp', at, wire.INIT_LENGTH, end)) return;
      const isInit = type === wire.CHUNK_INIT;
      const tag = be32(bytes, at + 4);
      f.uint(isInit ? F.init_initiate_tag : F.initack_initiate_tag, at + 4, 4, tag);
      f.uint(F.initiate_tag, at + 4, 4, tag);
      f.uint(isInit ? F.init_credit : F.initack_credit, at + 8, 4, be32(bytes, at + 8));
      f.uint(isInit ? F.init_nr_out_streams : F.initack_nr_out_streams, at + 12, 2, be16(bytes, at + 12));
      f.uint(isInit ? F.init_nr_in_streams : F.initack_nr_in_streams, at + 14, 2, be16(bytes, at + 14));
      f.uint(isInit ? F.init_initial_tsn : F.initack_initial_tsn, at + 16, 4, be32(bytes, at + 16));
      walkParameters(f, at + wire.INIT_LENGTH, end, false, walkQuoted);
      return;
    }
    case wire.CHUNK_SACK:
      walkSack(f, at, end);
      return;
    case wire.CHUNK_HEARTBEAT:
    case wire.CHUNK_HEARTBEAT_ACK:
      walkParameters(f, body, end, false, walkQuoted);
      return;
    case wire.CHUNK_ABORT:
      f.bool(F.abort_t_bit, at + 1, 1, (flags & 1) !== 0);
      walkParameters(f, body, end, true, walkQuoted);
      return;
    case wire.CHUNK_ERROR:
      walkParameters(f, body, end, true, walkQuoted);
      return;
    case wire.CHUNK_COOKIE_ECHO:
      if (body < end) f.raw(F.cookie, body, end - body);
      return;
    case wire.CHUNK_SHUTDOWN_COMPLETE:
      f.bool(F.shutdown_complete_t_bit, at + 1, 1, (flags & 1) !== 0);
      return;
    case wire.CHUNK_SHUTDOWN:
    case wire.CHUNK_ECNE:
    case wire.CHUNK_CWR: {
      if (!f.fits('sctp', body, 4, end)) return;
      const id =
        type === wire.CHUNK_SHUTDOWN
          ? F.shutdown_cumulative_tsn_ack
          : type === wire.CHUNK_ECNE
            ? F.ecne_lowest_tsn
            : F.cwr_lowest_tsn;
      f.uint(id, body, 4, be32(bytes, body));
      return;
    }
    case wire.CHUNK_FORWARD_TSN:
      if (!f.fits('sctp', body, 4, end)) return;
      f.uint(F.forward_tsn_tsn, body, 4, be32(bytes, body));
      for (let place = body + 4; place + 4 <= end; place += 4) {
        f.uint(F.forward_tsn_sid, place, 2, be16(bytes, place));
        f.uint(F.forward_tsn_ssn, place + 2, 2, be16(bytes, place + 2));
      }
      return;
    case wire.CHUNK_I_FORWARD_TSN:
      if (!f.fits('sctp', body, 4, end)) return;
      f.uint(F.i_forward_tsn_tsn, body, 4, be32(bytes, body));
      for (let place = body + 4; place + 8 <= end; place += 8) {
        const bits = be16(bytes, place + 2);
        f.uint(F.i_forward_tsn_sid, place, 2, be16(bytes, place));
        f.uint(F.i_forward_tsn_flags, place + 2, 2, bits);
        f.uint(F.i_forward_tsn_res, place + 2, 2, bits >>> 1);
        f.bool(F.i_forward_tsn_u_bit, place + 2, 2, (bits & 1) !== 0);
        f.uint(F.forward_tsn_mid, place + 4, 4, be32(bytes, place + 4));
      }
      return;
    case wire.CHUNK_I_DATA: {
      dataFlags(f, at, flags);
      if (!f.fits('sctp', at, wire.I_DATA_LENGTH, end)) return;
      f.uint(F.data_tsn_raw, at + 4, 4, be32(bytes, at + 4));
      f.uint(F.data_sid, at + 8, 2, be16(bytes, at + 8));
      f.uint(F.data_reserved, at + 10, 2, be16(bytes, at + 10));
      f.uint(F.data_mid, at + 12, 4, be32(bytes, at + 12));
      const isFirst = (flags & wire.FLAG_BEGIN) !== 0;
      f.uint(isFirst ? F.data_payload_proto_id : F.data_fsn, at + 16, 4, be32(bytes, at + 16));
      return;
    }
    case wire.CHUNK_AUTH:
      if (!f.fits('sctp', body, 4, end)) return;
      f.uint(F.shared_key_id, body, 2, be16(bytes, body));
      hmacId(f, body + 2);
      if (body + 4 < end) f.raw(F.hmac, body + 4, end - body - 4);
      return;
    case wire.CHUNK_ASCONF:
    case wire.CHUNK_ASCONF_ACK:
      if (!f.fits('sctp', body, 4, end)) return;
      f.uint(
        type === wire.CHUNK_ASCONF ? F.asconf_seq_nr_number : F.asconf_ack_seq_nr_number,
        body,
        4,
        be32(bytes, body),
      );
      walkParameters(f, body + 4, end, false, walkQuoted);
      return;
    case wire.CHUNK_RE_CONFIG:
      walkParameters(f, body, end, false, walkQuoted);
      return;
    case wire.CHUNK_PAD:
      if (body < end) f.raw(F.padding_data, body, end - body);
      return;
    default:
      if (!WITHOUT_VALUE.has(type) && body < end) f.raw(F.chunk_value, body, end - body);
  }
}

function dataFlags(f: Fields, at: number, flags: number): void {
  f.bool(F.data_i_bit, at + 1, 1, (flags & wire.FLAG_IMMEDIATE) !== 0);
  f.bool(F.data_u_bit, at + 1, 1, (flags & wire.FLAG_UNORDERED) !== 0);
  f.bool(F.data_b_bit, at + 1, 1, (flags & wire.FLAG_BEGIN) !== 0);
  f.bool(F.data_e_bit, at + 1, 1, (flags & wire.FLAG_END) !== 0);
}

function walkSack(f: Fields, at: number, end: number): void {
  if (!f.fits('sctp', at, wire.SACK_LENGTH, end)) return;
  const { bytes } = f;
  const acked = be32(bytes, at + 4);
  const gaps = be16(bytes, at + 12);
  const duplicates = be16(bytes, at + 14);
  f.uint(F.sack_nounce_sum, at + 1, 1, bytes[at + 1]! & 1);
  f.uint(F.sack_cumulative_tsn_ack_raw, at + 4, 4, acked);
  f.uint(F.sack_a_rwnd, at + 8, 4, be32(bytes, at + 8));
  f.uint(F.sack_number_of_gap_blocks, at + 12, 2, gaps);
  f.uint(F.sack_number_of_duplicated_tsns, at + 14, 2, duplicates);
  let place = at + wire.SACK_LENGTH;
  for (let i = 0; i < gaps; i++, place += 4) {
    if (!f.fits('sctp', place, 4, end)) return;
    f.uint(F.sack_gap_block_start, place, 2, be16(bytes, place));
    f.uint(F.sack_gap_block_start_tsn, place, 2, (acked + be16(bytes, place)) >>> 0);
    f.uint(F.sack_gap_block_end, place + 2, 2, be16(bytes, place + 2));
    f.uint(F.sack_gap_block_end_tsn, place + 2, 2, (acked + be16(bytes, place + 2)) >>> 0);
  }
  for (let i = 0; i < duplicates; i++, place += 4) {
    if (!f.fits('sctp', place, 4, end)) return;
    f.uint(F.sack_duplicate_tsn, place, 4, be32(bytes, place));
  }
}
