import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, putBe16 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { type Stop, truncated } from './stop.ts';

/** IGMP: version 1 (RFC 1112), 2 (RFC 2236), 3 (RFC 3376 4).
 *
 *     0            8                  16                      31
 *    |  type      | max resp code    |  checksum              |
 *    |  group address                                         |
 *
 * A version 3 query goes on with: 8: S flag and QRV, 9: QQIC, 10: number of sources, 12: sources. A version 3 report has
 * at 6 the number of group records and at 8 the records: type, words of auxiliary data, number of sources, group,
 * sources, auxiliary data.
 */
const TYPE = 0;
const MAX_RESPONSE = 1;
const CHECKSUM = 2;
const GROUP = 4;
const RECORD_COUNT = 6;
const ROBUSTNESS = 8;
const QUERY_INTERVAL = 9;
const SOURCE_COUNT = 10;
const SOURCES = 12;
const RECORDS = 8;
const RECORD_TYPE = 0;
const RECORD_AUX_LENGTH = 1;
const RECORD_SOURCE_COUNT = 2;
const RECORD_GROUP = 4;
const RECORD_SOURCES = 8;
export const HEADER_LENGTH = 8;
export const V3_QUERY_LENGTH = 12;
export const RECORD_LENGTH = 8;

export const MEMBERSHIP_QUERY = 0x11;
export const V1_MEMBERSHIP_REPORT = 0x12;
export const DVMRP = 0x13;
export const PIM_V1 = 0x14;
export const V2_MEMBERSHIP_REPORT = 0x16;
export const V2_LEAVE_GROUP = 0x17;
export const MTRACE_RESPONSE = 0x1e;
export const MTRACE_REQUEST = 0x1f;
export const V3_MEMBERSHIP_REPORT = 0x22;

/** The caller has checked the length, as for all below. */
export const type = (bytes: Uint8Array, at: number): number => bytes[at + TYPE]!;
export const maxResponseCode = (bytes: Uint8Array, at: number): number => bytes[at + MAX_RESPONSE]!;
export const checksum = (bytes: Uint8Array, at: number): number => be16(bytes, at + CHECKSUM);
export const groupAt = (at: number): number => at + GROUP;
export const recordCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_COUNT);
export const robustness = (bytes: Uint8Array, at: number): number => bytes[at + ROBUSTNESS]! & 7;
export const suppress = (bytes: Uint8Array, at: number): boolean => (bytes[at + ROBUSTNESS]! & 8) !== 0;
export const queryIntervalCode = (bytes: Uint8Array, at: number): number => bytes[at + QUERY_INTERVAL]!;
export const sourceCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + SOURCE_COUNT);
export const sourcesAt = (at: number): number => at + SOURCES;
export const recordsAt = (at: number): number => at + RECORDS;
/** Of the group record at `at`. */
export const recordType = (bytes: Uint8Array, at: number): number => bytes[at + RECORD_TYPE]!;
export const recordAuxLength = (bytes: Uint8Array, at: number): number => bytes[at + RECORD_AUX_LENGTH]! * 4;
export const recordSourceCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_SOURCE_COUNT);
export const recordGroupAt = (at: number): number => at + RECORD_GROUP;
export const recordSourcesAt = (at: number): number => at + RECORD_SOURCES;
/** The value of a code: below 128 itself, else a mantissa and an exponent (RFC 3376 4.1.1 and 4.1.7). */
export const codeValue = (code: number): number => (code < 128 ? code : ((code & 15) | 16) << (((code >> 4) & 7) + 3));

export const verify = (bytes: Uint8Array, at: number, end: number): number => internetChecksum(bytes, at, end);

export interface IgmpRecord {
  type: number;
  group: Uint8Array;
  sources: Uint8Array[];
}

export type IgmpMessage =
  | { kind: 'simple'; type: number; maxResponseCode: number; group: Uint8Array }
  | {
      kind: 'v3Query';
      maxResponseCode: number;
      group: Uint8Array;
      suppress: boolean;
      robustness: number;
      queryIntervalCode: number;
      sources: Uint8Array[];
    }
  | { kind: 'v3Report'; records: IgmpRecord[] };

/** Parses a message that ends at `end`: a query of 12 bytes or more is of version 3 (RFC 3376 7.1). */
export function parse(bytes: Uint8Array, at: number, end: number): IgmpMessage | Stop {
  if (end - at < HEADER_LENGTH) return truncated('igmp', at, HEADER_LENGTH, end - at);
  const messageType = type(bytes, at);
  if (messageType === V3_MEMBERSHIP_REPORT) {
    const records: IgmpRecord[] = [];
    let record = at + RECORDS;
    for (let i = recordCount(bytes, at); i > 0; i--) {
      if (end - record < RECORD_LENGTH) return truncated('igmp', record, RECORD_LENGTH, end - record);
      const count = recordSourceCount(bytes, record);
      const length = RECORD_LENGTH + count * 4 + recordAuxLength(bytes, record);
      if (end - record < length) return truncated('igmp', record, length, end - record);
      records.push({
        type: recordType(bytes, record),
        group: copyOf(bytes, record + RECORD_GROUP, 4),
        sources: addresses(bytes, record + RECORD_SOURCES, count),
      });
      record += length;
    }
    return { kind: 'v3Report', records };
  }
  const group = copyOf(bytes, at + GROUP, 4);
  if (messageType !== MEMBERSHIP_QUERY || end - at < V3_QUERY_LENGTH)
    return { kind: 'simple', type: messageType, maxResponseCode: maxResponseCode(bytes, at), group };
  const count = sourceCount(bytes, at);
  if (end - at < SOURCES + count * 4) return truncated('igmp', at, SOURCES + count * 4, end - at);
  return {
    kind: 'v3Query',
    maxResponseCode: maxResponseCode(bytes, at),
    group,
    suppress: suppress(bytes, at),
    robustness: robustness(bytes, at),
    queryIntervalCode: queryIntervalCode(bytes, at),
    sources: addresses(bytes, at + SOURCES, count),
  };
}

function addresses(bytes: Uint8Array, at: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => copyOf(bytes, at + i * 4, 4));
}

/** Writes the message at `at`; gives the offset behind it. The checksum is computed unless given. */
export function emit(bytes: Uint8Array, at: number, message: IgmpMessage, checksumField?: number): number {
  let to = at + HEADER_LENGTH;
  const put = (address: Uint8Array): void => {
    bytes.set(address, to);
    to += 4;
  };
  bytes[at + MAX_RESPONSE] = message.kind === 'v3Report' ? 0 : message.maxResponseCode;
  putBe16(bytes, at + CHECKSUM, 0);
  if (message.kind === 'v3Report') {
    bytes[at + TYPE] = V3_MEMBERSHIP_REPORT;
    putBe16(bytes, at + GROUP, 0);
    putBe16(bytes, at + RECORD_COUNT, message.records.length);
    for (const record of message.records) {
      bytes[to + RECORD_TYPE] = record.type;
      bytes[to + RECORD_AUX_LENGTH] = 0;
      putBe16(bytes, to + RECORD_SOURCE_COUNT, record.sources.length);
      to += RECORD_GROUP;
      put(record.group);
      record.sources.forEach(put);
    }
  } else {
    bytes[at + TYPE] = message.kind === 'simple' ? message.type : MEMBERSHIP_QUERY;
    bytes.set(message.group, at + GROUP);
    if (message.kind === 'v3Query') {
      bytes[at + ROBUSTNESS] = (message.suppress ? 8 : 0) | message.robustness;
      bytes[at + QUERY_INTERVAL] = message.queryIntervalCode;
      putBe16(bytes, at + SOURCE_COUNT, message.sources.length);
      to = at + SOURCES;
      message.sources.forEach(put);
    }
  }
  putBe16(bytes, at + CHECKSUM, checksumField ?? internetChecksum(bytes, at, to));
  return to;
}
