import { parseIpv4, parseIpv6 } from '../../../wire/address.ts';
import * as dnsWire from '../../../wire/dns.ts';
import { emitName, nameLength } from '../../../wire/dns-name.ts';
import { dataOf, joined, type Kind, list, text, uint, unknownName, ValueError, word, wordOf } from '../kind.ts';
import { defineLayer, derived, field, type Place } from '../layer.ts';

/** DNS messages: queries, answers, EDNS. Names are not compressed. */

const TYPES: Readonly<Record<string, number>> = {
  A: dnsWire.TYPE_A,
  NS: dnsWire.TYPE_NS,
  CNAME: dnsWire.TYPE_CNAME,
  SOA: dnsWire.TYPE_SOA,
  PTR: dnsWire.TYPE_PTR,
  MX: dnsWire.TYPE_MX,
  TXT: dnsWire.TYPE_TXT,
  AAAA: dnsWire.TYPE_AAAA,
  SRV: dnsWire.TYPE_SRV,
  NAPTR: dnsWire.TYPE_NAPTR,
  DNAME: dnsWire.TYPE_DNAME,
  OPT: dnsWire.TYPE_OPT,
  DS: dnsWire.TYPE_DS,
  RRSIG: dnsWire.TYPE_RRSIG,
  NSEC: dnsWire.TYPE_NSEC,
  DNSKEY: dnsWire.TYPE_DNSKEY,
  TLSA: dnsWire.TYPE_TLSA,
  SVCB: dnsWire.TYPE_SVCB,
  HTTPS: dnsWire.TYPE_HTTPS,
  CAA: dnsWire.TYPE_CAA,
  ANY: 255,
  AXFR: 252,
};
const CLASSES = { IN: dnsWire.CLASS_IN, CH: 3, HS: 4, NONE: 254, ANY: 255 };
const type = uint(16, { names: TYPES });
const dnsClass = uint(16, { names: CLASSES });

function nameBytes(name: string): Uint8Array {
  try {
    const bytes = new Uint8Array(nameLength(name));
    emitName(bytes, 0, name);
    return bytes;
  } catch (error) {
    throw new ValueError((error as Error).message);
  }
}

/** A domain name, as labels on the wire. */
const domainName: Kind<string> = {
  ...text,
  what: 'a domain name',
  take: (input) => ((input as unknown) instanceof Uint8Array ? (input as unknown as Uint8Array) : nameBytes(input)),
  odd: [
    Uint8Array.of(0),
    Uint8Array.of(0xc0, 0x0c),
    Uint8Array.of(0xc0, 0xff),
    Uint8Array.of(63, 65),
    new Uint8Array(300).fill(1),
  ],
};

export interface DnsQuestionInput {
  name: string;
  type?: string | number;
  class?: string | number;
}
/** `data` as in a zone file ("10 mail.example.org" for MX) for the types A, AAAA, NS, CNAME, PTR, DNAME, MX, SRV, TXT and
 * SOA; bytes for all. */
export interface DnsRecordInput extends DnsQuestionInput {
  /** Seconds; 3600 unless given. */
  ttl?: number;
  data: string | Uint8Array;
}

const big = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
const number = (words: string[], at: number): number => {
  const value = Number(words[at]);
  if (!Number.isInteger(value) || value < 0)
    throw new ValueError(`'${words.join(' ')}' has no number at place ${at + 1}`);
  return value;
};

function recordData(kind: number, input: string | Uint8Array): Uint8Array {
  if (input instanceof Uint8Array) return input;
  const words = input.trim().split(/\s+/);
  switch (kind) {
    case dnsWire.TYPE_A:
    case dnsWire.TYPE_AAAA: {
      const bytes = kind === dnsWire.TYPE_A ? parseIpv4(input) : parseIpv6(input);
      if (bytes === null) throw new ValueError(`'${input}' is not an IPv${kind === dnsWire.TYPE_A ? 4 : 6} address`);
      return bytes;
    }
    case dnsWire.TYPE_NS:
    case dnsWire.TYPE_CNAME:
    case dnsWire.TYPE_PTR:
    case dnsWire.TYPE_DNAME:
      return nameBytes(words[0]!);
    case dnsWire.TYPE_MX:
      return joined([word(number(words, 0)), nameBytes(words[1] ?? '')]);
    case dnsWire.TYPE_SRV:
      return joined([...[0, 1, 2].map((at) => word(number(words, at))), nameBytes(words[3] ?? '')]);
    case dnsWire.TYPE_SOA:
      return joined([
        nameBytes(words[0]!),
        nameBytes(words[1] ?? ''),
        ...[2, 3, 4, 5, 6].map((at) => big(number(words, at))),
      ]);
    default: {
      // RFC 1035 3.3.14: strings with a length each.
      const bytes = new TextEncoder().encode(input.replace(/^"(.*)"$/, '$1'));
      if (kind !== dnsWire.TYPE_TXT) return bytes;
      if (bytes.length > 255) throw new ValueError('a string of TXT has at most 255 bytes');
      return joined([Uint8Array.of(bytes.length), bytes]);
    }
  }
}

const question = (input: DnsQuestionInput): Uint8Array =>
  joined([
    nameBytes(input.name),
    word(type.take(input.type ?? 'A') as number),
    word(dnsClass.take(input.class ?? 'IN') as number),
  ]);

function record(input: DnsRecordInput): Uint8Array {
  const kind = type.take(input.type ?? 'A') as number;
  const contents = recordData(kind, input.data);
  return joined([
    nameBytes(input.name),
    word(kind),
    word(dnsClass.take(input.class ?? 'IN') as number),
    big(input.ttl ?? 3600),
    word(contents.length),
    contents,
  ]);
}

const RECORD = /^(\S+)\s+(?:(\d+)\s+)?(?:(IN|CH|HS)\s+)?([A-Za-z]+\d*)\s+(.+)$/i;

/** `"example.org AAAA 2001:db8::1"`, `"example.org 300 IN MX 10 mail.example.org"`. */
const records: Kind<readonly DnsRecordInput[]> = list(
  'records',
  (all) => joined(all.map(record)),
  ({ name, value }) => {
    const source = name ?? wordOf(value!, 'a record');
    const match = RECORD.exec(source);
    if (match === null) throw new ValueError(`'${source}' is no record; "example.org 300 A 192.0.2.1" is one`);
    const kind = match[4]!.toUpperCase();
    if (!Object.hasOwn(TYPES, kind)) throw unknownName('type', kind, Object.keys(TYPES));
    return {
      name: match[1]!,
      type: kind,
      class: match[3] ?? 'IN',
      data: match[5]!,
      ...(match[2] === undefined ? {} : { ttl: Number(match[2]) }),
    };
  },
);
/** `"example.org AAAA"`. */
const questions: Kind<readonly DnsQuestionInput[]> = list(
  'questions',
  (all) => joined(all.map(question)),
  ({ name, value }) => {
    const [first, second] = (name ?? wordOf(value!, 'a question')).split(/\s+/);
    return { name: first!, ...(second ? { type: second } : {}) };
  },
);

export interface EdnsInput {
  /** Bytes that the sender takes over UDP; 1232 unless given. */
  size?: number;
  do?: boolean;
  version?: number;
  /** Options on the wire. */
  options?: Uint8Array;
}
/** RFC 6891 6.1.4. */
const FLAG_DO = 0x8000;
/** At most one OPT record: `(size=1232, do)`. */
const edns: Kind<readonly EdnsInput[]> = list(
  'EDNS',
  (all) =>
    joined(
      all.map(({ size = 1232, do: wantsDnssec = false, version = 0, options = new Uint8Array(0) }) =>
        joined([
          Uint8Array.of(0),
          word(dnsWire.TYPE_OPT),
          word(size),
          Uint8Array.of(0, version),
          word(wantsDnssec ? FLAG_DO : 0),
          word(options.length),
          options,
        ]),
      ),
    ),
  ({ name, value }) => {
    if (name === 'do') return { do: true };
    if (name === 'size') return { size: Number(wordOf(value!, 'bytes')) };
    if (name === 'options') return { options: dataOf(value!) };
    throw unknownName('part of EDNS', name ?? '', ['size', 'do', 'options']);
  },
);
/** In the text form the parts of one record are given as a list. */
const ednsField: typeof edns = {
  ...edns,
  fromText: (node) => [Object.assign({}, ...edns.fromText(node)) as EdnsInput],
};

const bit = (fallback: number) => field(uint(1), fallback);
const hasQuestion = (place: Place): boolean => !place.isGiven('qd');

export const dns = defineLayer({
  name: 'dns',
  names: ['mdns'],
  title: 'DNS: one question by qname and qtype, records by an, ns and ar, EDNS by edns',
  numbers: { udp: 53, tcp: 53 },
  fields: {
    /** RFC 1035 4.2.2. */
    length: derived(uint(16), (place) => place.length - 2, { present: (place) => place.below?.type.name === 'tcp' }),
    id: field(uint(16), 0),
    qr: field(uint(1), (place) => (place.isGiven('an') ? 1 : 0), { names: ['flags.response', 'response'] }),
    opcode: field(uint(4, { names: { query: 0, status: 2, notify: 4, update: 5 } }), 0, { names: ['flags.opcode'] }),
    aa: bit(0),
    tc: bit(0),
    rd: bit(1),
    ra: bit(0),
    z: bit(0),
    ad: bit(0),
    cd: bit(0),
    rcode: field(uint(4, { names: { noerror: 0, formerr: 1, servfail: 2, nxdomain: 3, notimp: 4, refused: 5 } }), 0),
    qdcount: derived(uint(16), (place) => (hasQuestion(place) ? 1 : place.parts('qd')), { names: ['count.queries'] }),
    ancount: derived(uint(16), (place) => place.parts('an'), { names: ['count.answers'] }),
    nscount: derived(uint(16), (place) => place.parts('ns'), { names: ['count.auth_rr'] }),
    arcount: derived(uint(16), (place) => place.parts('ar') + place.parts('edns'), { names: ['count.add_rr'] }),
    qname: field(domainName, 'www.example.com', { present: hasQuestion, names: ['qry.name'] }),
    qtype: field(type, 'A', { present: hasQuestion, names: ['qry.type'] }),
    qclass: field(dnsClass, 'IN', { present: hasQuestion, names: ['qry.class'] }),
    qd: field(questions, () => []),
    an: field(records, () => []),
    ns: field(records, () => []),
    ar: field(records, () => []),
    edns: field(ednsField, () => []),
  },
});
