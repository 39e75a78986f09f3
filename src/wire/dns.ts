import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { copyOf } from './address.ts';
import { emitName, nameLength, readName, skipName } from './dns-name.ts';
import { invalid, type Stop, truncated } from './stop.ts';

/** DNS message, RFC 1035 4.1. Names are in `dns-name.ts`.
 *
 *     0                              16                          31
 *    |  identifier                  |QR|opcode|AA|TC|RD|RA|Z|AD|CD|rcode|
 *    |  questions                   |  answers                  |
 *    |  authority records           |  additional records       |
 *
 * Question: name, type, class. Resource record: name, type, class, TTL (32 bits), length, data. Over TCP two bytes of
 * length stand before each message (4.2.2).
 */
const ID = 0;
const FLAGS = 2;
const QUESTIONS = 4;
const ANSWERS = 6;
const AUTHORITIES = 8;
const ADDITIONALS = 10;
export const HEADER_LENGTH = 12;
/** Type, class, TTL and data length of a record, behind its name. */
const RECORD_TYPE = 0;
const RECORD_CLASS = 2;
const RECORD_TTL = 4;
const RECORD_LENGTH = 8;
export const RECORD_FIXED = 10;
/** Type and class of a question, behind its name. */
export const QUESTION_FIXED = 4;
/** Longest that is taken for a message's number of records: more cannot fit into 64 KiB. */
export const MIN_RECORD = RECORD_FIXED + 1;

export const FLAG_RESPONSE = 0x8000;
export const FLAG_AUTHORITATIVE = 0x0400;
export const FLAG_TRUNCATED = 0x0200;
export const FLAG_RECURSION_DESIRED = 0x0100;
export const FLAG_RECURSION_AVAILABLE = 0x0080;
export const FLAG_AUTHENTIC = 0x0020;
export const FLAG_CHECKING_DISABLED = 0x0010;
export const CLASS_IN = 1;
/** mDNS (RFC 6762 5.4, 10.2): unicast reply wanted in a question, cache flush in a record. */
export const CLASS_TOP_BIT = 0x8000;

export const TYPE_A = 1;
export const TYPE_NS = 2;
export const TYPE_CNAME = 5;
export const TYPE_SOA = 6;
export const TYPE_PTR = 12;
export const TYPE_HINFO = 13;
export const TYPE_MX = 15;
export const TYPE_TXT = 16;
export const TYPE_AAAA = 28;
export const TYPE_SRV = 33;
export const TYPE_NAPTR = 35;
export const TYPE_A6 = 38;
export const TYPE_DNAME = 39;
export const TYPE_OPT = 41;
export const TYPE_DS = 43;
export const TYPE_SSHFP = 44;
export const TYPE_RRSIG = 46;
export const TYPE_NSEC = 47;
export const TYPE_DNSKEY = 48;
export const TYPE_NSEC3 = 50;
export const TYPE_NSEC3PARAM = 51;
export const TYPE_TLSA = 52;
export const TYPE_SVCB = 64;
export const TYPE_HTTPS = 65;
export const TYPE_SPF = 99;
export const TYPE_UNSPECA = 104;
export const TYPE_TKEY = 249;
export const TYPE_TSIG = 250;
export const TYPE_URI = 256;
export const TYPE_CAA = 257;

/** The caller has checked that 12 bytes are there, as for all below. */
export const id = (bytes: Uint8Array, at: number): number => be16(bytes, at + ID);
export const flags = (bytes: Uint8Array, at: number): number => be16(bytes, at + FLAGS);
export const opcode = (bytes: Uint8Array, at: number): number => (bytes[at + FLAGS]! >>> 3) & 15;
export const responseCode = (bytes: Uint8Array, at: number): number => bytes[at + FLAGS + 1]! & 15;
export const questionCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + QUESTIONS);
export const answerCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + ANSWERS);
export const authorityCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + AUTHORITIES);
export const additionalCount = (bytes: Uint8Array, at: number): number => be16(bytes, at + ADDITIONALS);
/** Of the record whose part behind the name is at `at`. */
export const recordType = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_TYPE);
export const recordClass = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_CLASS);
export const recordTtl = (bytes: Uint8Array, at: number): number => be32(bytes, at + RECORD_TTL);
export const recordDataLength = (bytes: Uint8Array, at: number): number => be16(bytes, at + RECORD_LENGTH);

export interface DnsQuestion {
  name: string;
  type: number;
  class: number;
}

export interface DnsRecord {
  name: string;
  type: number;
  class: number;
  /** Seconds; of OPT the extended code, version and flags (RFC 6891 6.1.3). */
  ttl: number;
  /** The data as it stands in the message; names within may be compressed. */
  data: Uint8Array;
}

export interface DnsMessage {
  id: number;
  /** The whole second word of the header. */
  flags: number;
  questions: DnsQuestion[];
  answers: DnsRecord[];
  authorities: DnsRecord[];
  additionals: DnsRecord[];
}

export function parse(bytes: Uint8Array, at: number, end: number): DnsMessage | Stop {
  if (end - at < HEADER_LENGTH) return truncated('dns', at, HEADER_LENGTH, end - at);
  const message: DnsMessage = {
    id: id(bytes, at),
    flags: flags(bytes, at),
    questions: [],
    answers: [],
    authorities: [],
    additionals: [],
  };
  let to = at + HEADER_LENGTH;
  for (let i = questionCount(bytes, at); i > 0; i--) {
    const name = readName(bytes, to, end, at);
    if (name === null) return invalid('dns', to, 1, end - to, 'dns.qry.name');
    to = name.end;
    if (end - to < QUESTION_FIXED) return truncated('dns', to, QUESTION_FIXED, end - to);
    message.questions.push({ name: name.text, type: be16(bytes, to), class: be16(bytes, to + 2) });
    to += QUESTION_FIXED;
  }
  const sections: [number, DnsRecord[]][] = [
    [answerCount(bytes, at), message.answers],
    [authorityCount(bytes, at), message.authorities],
    [additionalCount(bytes, at), message.additionals],
  ];
  for (const [count, records] of sections)
    for (let i = count; i > 0; i--) {
      const name = readName(bytes, to, end, at);
      if (name === null) return invalid('dns', to, 1, end - to, 'dns.resp.name');
      to = name.end;
      if (end - to < RECORD_FIXED) return truncated('dns', to, RECORD_FIXED, end - to);
      const length = recordDataLength(bytes, to);
      const data = to + RECORD_FIXED;
      if (end - data < length) return truncated('dns', data, length, end - data, 'dns.resp.len');
      records.push({
        name: name.text,
        type: recordType(bytes, to),
        class: recordClass(bytes, to),
        ttl: recordTtl(bytes, to),
        data: copyOf(bytes, data, length),
      });
      to = data + length;
    }
  return message;
}

/** Bytes that `emit` writes. */
export function emittedLength(message: DnsMessage): number {
  let length = HEADER_LENGTH;
  for (const question of message.questions) length += nameLength(question.name) + QUESTION_FIXED;
  for (const record of [...message.answers, ...message.authorities, ...message.additionals])
    length += nameLength(record.name) + RECORD_FIXED + record.data.length;
  return length;
}

/** Writes the message at `at`, without compression; gives the offset behind it. */
export function emit(bytes: Uint8Array, at: number, message: DnsMessage): number {
  putBe16(bytes, at + ID, message.id);
  putBe16(bytes, at + FLAGS, message.flags);
  putBe16(bytes, at + QUESTIONS, message.questions.length);
  putBe16(bytes, at + ANSWERS, message.answers.length);
  putBe16(bytes, at + AUTHORITIES, message.authorities.length);
  putBe16(bytes, at + ADDITIONALS, message.additionals.length);
  let to = at + HEADER_LENGTH;
  for (const question of message.questions) {
    to = emitName(bytes, to, question.name);
    putBe16(bytes, to, question.type);
    putBe16(bytes, to + 2, question.class);
    to += QUESTION_FIXED;
  }
  for (const record of [...message.answers, ...message.authorities, ...message.additionals]) {
    to = emitName(bytes, to, record.name);
    putBe16(bytes, to + RECORD_TYPE, record.type);
    putBe16(bytes, to + RECORD_CLASS, record.class);
    putBe32(bytes, to + RECORD_TTL, record.ttl);
    putBe16(bytes, to + RECORD_LENGTH, record.data.length);
    bytes.set(record.data, to + RECORD_FIXED);
    to += RECORD_FIXED + record.data.length;
  }
  return to;
}

export { skipName };
