import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import * as icmp6 from './icmp6.ts';
import { type Stop, truncated } from './stop.ts';

/** Multicast listener discovery, ICMPv6 messages: version 1 (RFC 2710 3), version 2 (RFC 3810 5).
 *
 *     0            8                  16                      31
 *    |  type      |  code            |  checksum              |
 *    |  maximum response code        |  reserved              |
 *    |  multicast address (16 bytes)                          |
 *
 * A version 2 query goes on with: 24: S flag and QRV, 25: QQIC, 26: number of sources, 28: sources. A version 2 report
 * has at 6 the number of records and at 8 the records: type, words of auxiliary data, number of sources, address,
 * sources, auxiliary data.
 */
const MAX_RESPONSE = 4;
const RECORD_COUNT = 6;
const GROUP = 8;
const ROBUSTNESS = 24;
const QUERY_INTERVAL = 25;
const SOURCE_COUNT = 26;
const SOURCES = 28;
const RECORDS = 8;
const RECORD_TYPE = 0;
const RECORD_AUX_LENGTH = 1;
const RECORD_SOURCE_COUNT = 2;
const RECORD_GROUP = 4;
const RECORD_SOURCES = 20;
export const V1_LENGTH = 24;
export const V2_QUERY_LENGTH = 28;
export const RECORD_LENGTH = 20;

/** The caller has checked the length, as for all below. */
export const maxResponseCode = (bytes: Uint8Array, at: number): number => be16(bytes, at + MAX_RESPONSE);
export const groupAt = (at: number): number => at + GROUP;
export const recordCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_COUNT);
export const suppress = (bytes: Uint8Array, at: number): boolean => (bytes[at + ROBUSTNESS]! & 8) !== 0;
export const robustness = (bytes: Uint8Array, at: number): number => bytes[at + ROBUSTNESS]! & 7;
export const queryIntervalCode = (bytes: Uint8Array, at: number): number => bytes[at + QUERY_INTERVAL]!;
export const sourceCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + SOURCE_COUNT);
export const sourcesAt = (at: number): number => at + SOURCES;
export const recordsAt = (at: number): number => at + RECORDS;
export const recordType = (bytes: Uint8Array, at: number): number => bytes[at + RECORD_TYPE]!;
export const recordAuxLength = (bytes: Uint8Array, at: number): number => bytes[at + RECORD_AUX_LENGTH]! * 4;
export const recordSourceCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_SOURCE_COUNT);
export const recordGroupAt = (at: number): number => at + RECORD_GROUP;
export const recordSourcesAt = (at: number): number => at + RECORD_SOURCES;
/** Milliseconds of a maximum response code (RFC 3810 5.1.3). */
export const responseDelay = (code: number): number =>
  code < 0x8000 ? code : ((code & 0xfff) | 0x1000) << (((code >> 12) & 7) + 3);

export interface MldRecord {
  type: number;
  group: Uint8Array;
  sources: Uint8Array[];
}

export type MldMessage =
  | { kind: 'v1'; type: number; maxResponseCode: number; group: Uint8Array }
  | {
      kind: 'v2Query';
      maxResponseCode: number;
      group: Uint8Array;
      suppress: boolean;
      robustness: number;
      queryIntervalCode: number;
      sources: Uint8Array[];
    }
  | { kind: 'v2Report'; records: MldRecord[] };

const addresses = (bytes: Uint8Array, at: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => copyOf(bytes, at + i * 16, 16));

/** Parses a message that ends at `end`: a query of 28 bytes or more is of version 2 (RFC 3810 8.1). */
export function parse(bytes: Uint8Array, at: number, end: number): MldMessage | Stop {
  if (end - at < icmp6.HEADER_LENGTH) return truncated('icmpv6', at, icmp6.HEADER_LENGTH, end - at);
  const type = icmp6.type(bytes, at);
  if (type === icmp6.MLDV2_REPORT) {
    const records: MldRecord[] = [];
    let record = at + RECORDS;
    for (let i = recordCount(bytes, at); i > 0; i--) {
      if (end - record < RECORD_LENGTH) return truncated('icmpv6', record, RECORD_LENGTH, end - record);
      const count = recordSourceCount(bytes, record);
      const length = RECORD_LENGTH + count * 16 + recordAuxLength(bytes, record);
      if (end - record < length) return truncated('icmpv6', record, length, end - record);
      records.push({
        type: recordType(bytes, record),
        group: copyOf(bytes, record + RECORD_GROUP, 16),
        sources: addresses(bytes, record + RECORD_SOURCES, count),
      });
      record += length;
    }
    return { kind: 'v2Report', records };
  }
  if (end - at < V1_LENGTH) return truncated('icmpv6', at, V1_LENGTH, end - at);
  const group = copyOf(bytes, at + GROUP, 16);
  if (type !== icmp6.MLD_QUERY || end - at < V2_QUERY_LENGTH)
    return { kind: 'v1', type, maxResponseCode: maxResponseCode(bytes, at), group };
  const count = sourceCount(bytes, at);
  if (end - at < SOURCES + count * 16) return truncated('icmpv6', at, SOURCES + count * 16, end - at);
  return {
    kind: 'v2Query',
    maxResponseCode: maxResponseCode(bytes, at),
    group,
    suppress: suppress(bytes, at),
    robustness: robustness(bytes, at),
    queryIntervalCode: queryIntervalCode(bytes, at),
    sources: addresses(bytes, at + SOURCES, count),
  };
}

/** Writes the whole ICMPv6 message at `at`; gives the offset behind it. The checksum is computed from `pseudo`
 * (`pseudo.ts`) unless one is given. */
export function emit(bytes: Uint8Array, at: number, message: MldMessage, pseudo: number, checksum?: number): number {
  let to: number;
  const put = (address: Uint8Array): void => {
    bytes.set(address, to);
    to += 16;
  };
  let type: number = icmp6.MLDV2_REPORT;
  if (message.kind === 'v2Report') {
    putBe16(bytes, at + MAX_RESPONSE, 0);
    putBe16(bytes, at + RECORD_COUNT, message.records.length);
    to = at + RECORDS;
    for (const record of message.records) {
      bytes[to + RECORD_TYPE] = record.type;
      bytes[to + RECORD_AUX_LENGTH] = 0;
      putBe16(bytes, to + RECORD_SOURCE_COUNT, record.sources.length);
      to += RECORD_GROUP;
      put(record.group);
      record.sources.forEach(put);
    }
  } else {
    type = message.kind === 'v1' ? message.type : icmp6.MLD_QUERY;
    putBe16(bytes, at + MAX_RESPONSE, message.maxResponseCode);
    putBe16(bytes, at + RECORD_COUNT, 0);
    to = at + GROUP;
    put(message.group);
    if (message.kind === 'v2Query') {
      bytes[at + ROBUSTNESS] = (message.suppress ? 8 : 0) | message.robustness;
      bytes[at + QUERY_INTERVAL] = message.queryIntervalCode;
      putBe16(bytes, at + SOURCE_COUNT, message.sources.length);
      to = at + SOURCES;
      message.sources.forEach(put);
    }
  }
  icmp6.emitFixed(bytes, at, to, checksum === undefined ? { type } : { type, checksum }, pseudo);
  return to;
}
