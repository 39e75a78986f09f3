import * as ntpWire from '../../../wire/ntp.ts';
import * as tftpWire from '../../../wire/tftp.ts';
import * as tlsWire from '../../../wire/tls.ts';
import {
  data,
  fixedBytes,
  int,
  joined,
  type Kind,
  list,
  text,
  textOf,
  uint,
  ValueError,
  word,
  wordOf,
} from '../kind.ts';
import { defineLayer, derived, type Field, field, type Place, virtual } from '../layer.ts';

/** What applications say: NTP, TFTP, SNMP, syslog, HTTP, TLS ClientHello, RTP. */

export const ntp = defineLayer({
  name: 'ntp',
  names: [],
  title: 'NTP',
  numbers: { udp: 123 },
  sourcePort: 123,
  fields: {
    leap: field(uint(2), 0, { names: ['li'] }),
    version: field(uint(3), 4, { names: ['vn'] }),
    mode: field(uint(3, { names: { active: 1, passive: 2, client: 3, server: 4, broadcast: 5 } }), 3),
    stratum: field(uint(8), 2),
    poll: field(uint(8), 10, { names: ['ppoll'] }),
    precision: field(int(8), 0),
    delay: field(uint(32), 0, { names: ['rootdelay'] }),
    dispersion: field(uint(32), 0, { names: ['rootdispersion'] }),
    id: field(fixedBytes(ntpWire.REFERENCE_TIME - ntpWire.REFERENCE_ID), Uint8Array.of(127, 0, 0, 1), {
      names: ['refid'],
    }),
    ref: field(uint(64), 0, { names: ['reftime'] }),
    orig: field(uint(64), 0, { names: ['org'] }),
    recv: field(uint(64), 0, { names: ['rec'] }),
    sent: field(uint(64), 0, { names: ['xmt'] }),
  },
});

const zeroTerminated: Kind<string> = {
  ...text,
  take: (input) =>
    (input as unknown) instanceof Uint8Array
      ? (input as unknown as Uint8Array)
      : joined([text.take(input) as Uint8Array, Uint8Array.of(0)]),
};
const ofOperation =
  (...operations: number[]) =>
  (place: Place): boolean =>
    operations.includes(place.number('op'));
const isRequest = { present: ofOperation(tftpWire.OP_READ, tftpWire.OP_WRITE) };
export const tftp = defineLayer({
  name: 'tftp',
  names: [],
  title: 'TFTP; the operation says which fields there are',
  numbers: { udp: 69 },
  fields: {
    op: field(
      uint(16, {
        names: {
          read: tftpWire.OP_READ,
          write: tftpWire.OP_WRITE,
          data: tftpWire.OP_DATA,
          ack: tftpWire.OP_ACK,
          error: tftpWire.OP_ERROR,
          oack: tftpWire.OP_OACK,
        },
      }),
      tftpWire.OP_READ,
      { names: ['opcode'] },
    ),
    filename: field(zeroTerminated, '', { ...isRequest, names: ['source_file'] }),
    mode: field(zeroTerminated, 'octet', { ...isRequest, names: ['type'] }),
    block: field(uint(16), 0, { present: ofOperation(tftpWire.OP_DATA, tftpWire.OP_ACK) }),
    errorcode: field(uint(16), 0, { present: ofOperation(tftpWire.OP_ERROR) }),
    errormsg: field(zeroTerminated, '', { present: ofOperation(tftpWire.OP_ERROR), names: ['error.message'] }),
    /** Name and value in turns, each ended by a zero (RFC 2347). */
    options: field(
      list<string>(
        'options',
        (words) => joined(words.map((one) => zeroTerminated.take(one) as Uint8Array)),
        (item) => item.name ?? wordOf(item.value!, 'text'),
      ),
      () => [],
      { present: ofOperation(tftpWire.OP_READ, tftpWire.OP_WRITE, tftpWire.OP_OACK) },
    ),
  },
});

/** X.690 8.1.3: the length in one byte, or in as many as the first byte says. */
function berLength(length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(length);
  return length < 0x100 ? Uint8Array.of(0x81, length) : joined([Uint8Array.of(0x82), word(length)]);
}
const ber = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
  const contents = joined(parts);
  return joined([Uint8Array.of(tag), berLength(contents.length), contents]);
};
/** X.690 8.3: two's complement in as few bytes as do. */
function berInteger(value: number): Uint8Array {
  const bytes: number[] = [];
  do {
    bytes.unshift(value & 0xff);
    value >>>= 8;
  } while (value > 0);
  if (bytes[0]! & 0x80) bytes.unshift(0);
  return ber(2, Uint8Array.from(bytes));
}
/** X.690 8.19. */
function berOid(oid: string): Uint8Array {
  const numbers = oid.replace(/^\./, '').split('.').map(Number);
  if (numbers.length < 2 || numbers.some((number) => !Number.isInteger(number) || number < 0))
    throw new ValueError(`'${oid}' is no object identifier`);
  const [first, second, ...rest] = numbers;
  const bytes = [first! * 40 + second!, ...rest].flatMap((number) => {
    const septets = [number & 0x7f];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift((left & 0x7f) | 0x80);
    return septets;
  });
  return ber(6, Uint8Array.from(bytes));
}
const PDUS = { get: 0xa0, getnext: 0xa1, response: 0xa2, set: 0xa3, getbulk: 0xa5, inform: 0xa6, trap2: 0xa7 };

export const snmp = defineLayer({
  name: 'snmp',
  names: [],
  title: 'SNMP version 1 and 2c: a request for objects',
  numbers: { udp: 161 },
  fields: {
    version: virtual(uint(8, { names: { v1: 0, v2c: 1 } }), 1),
    community: virtual(text, 'public'),
    pdu: virtual(uint(8, { names: PDUS }), PDUS.get, { names: ['type'] }),
    id: virtual(uint(31), 0, { names: ['request_id'] }),
    error: virtual(uint(31), 0, { names: ['error_status', 'nonrepeaters'] }),
    index: virtual(uint(31), 0, { names: ['error_index', 'maxrepetitions'] }),
    /** Object identifiers; their values are null. */
    oids: virtual(
      list<string>(
        'object identifiers',
        (oids) => joined(oids.map((oid) => ber(0x30, berOid(oid), ber(5)))),
        (item) => item.name ?? wordOf(item.value!, 'an object identifier'),
      ),
      () => ['1.3.6.1.2.1.1.1.0'],
      { names: ['oid', 'name'] },
    ),
    message: field(data, (place) =>
      ber(
        0x30,
        berInteger(place.number('version')),
        ber(4, place.bytes('community')),
        ber(
          place.number('pdu'),
          berInteger(place.number('id')),
          berInteger(place.number('error')),
          berInteger(place.number('index')),
          ber(0x30, place.bytes('oids')),
        ),
      ),
    ),
  },
});

const FACILITIES = [
  'kern',
  'user',
  'mail',
  'daemon',
  'auth',
  'syslog',
  'lpr',
  'news',
  'uucp',
  'cron',
  'authpriv',
  'ftp',
];
const SEVERITIES = ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'];
const indexes = (names: string[]): Record<string, number> =>
  Object.fromEntries(names.map((name, index) => [name, index]));
export const syslog = defineLayer({
  name: 'syslog',
  names: [],
  title: 'syslog: <priority>message',
  numbers: { udp: 514 },
  fields: {
    facility: virtual(uint(8, { names: indexes(FACILITIES) }), 1),
    severity: virtual(uint(3, { names: indexes(SEVERITIES) }), 6, { names: ['level'] }),
    msg: virtual(text, ''),
    message: field(data, (place) =>
      joined([
        text.take(`<${place.number('facility') * 8 + place.number('severity')}>`) as Uint8Array,
        place.bytes('msg'),
      ]),
    ),
  },
});

export const http = defineLayer({
  name: 'http',
  names: [],
  title: 'HTTP/1 request; the body follows as data',
  numbers: { tcp: 80 },
  fields: {
    method: virtual(text, 'GET', { names: ['request.method'] }),
    path: virtual(text, '/', { names: ['uri', 'request.uri'] }),
    version: virtual(text, 'HTTP/1.1', { names: ['request.version'] }),
    host: virtual(text, 'localhost'),
    /** Further lines, `Name: value`. */
    headers: virtual(
      list<string>(
        'headers',
        (lines) => text.take(lines.map((line) => `${line}\r\n`).join('')) as Uint8Array,
        (item) =>
          item.name !== null && item.value !== null
            ? `${item.name}: ${wordOf(item.value, 'text')}`
            : (item.name ?? wordOf(item.value!, 'a header')),
      ),
      () => [],
    ),
    message: field(data, (place) => {
      const line = (name: string): string => textOf(place.bytes(name));
      // RFC 9112 6.2: a body needs a length.
      const body = place.payloadLength > 0 ? `Content-Length: ${place.payloadLength}\r\n` : '';
      const start = `${line('method')} ${line('path')} ${line('version')}\r\nHost: ${line('host')}\r\n`;
      return joined([text.take(start) as Uint8Array, place.bytes('headers'), text.take(`${body}\r\n`) as Uint8Array]);
    }),
  },
});

/** Cipher suites of RFC 8446 B.4 and two of RFC 5289, which servers know. */
const CIPHERS = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f];
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_GROUPS = 10;
const EXTENSION_SIGNATURES = 13;
const EXTENSION_ALPN = 16;
const EXTENSION_VERSIONS = 43;
const EXTENSION_KEY_SHARE = 51;
const X25519 = 0x001d;
const SECP256R1 = 0x0017;
const SIGNATURES = [0x0403, 0x0804, 0x0401];
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
const withLength16 = (...parts: Uint8Array[]): Uint8Array => {
  const contents = joined(parts);
  return joined([word(contents.length), contents]);
};
const withLength8 = (...parts: Uint8Array[]): Uint8Array => {
  const contents = joined(parts);
  return joined([Uint8Array.of(contents.length), contents]);
};
const extension = (type: number, ...parts: Uint8Array[]): Uint8Array => joined([word(type), withLength16(...parts)]);

function clientHello(place: Place): Uint8Array {
  const name = place.bytes('sni');
  const protocols = textOf(place.bytes('alpn')).split('+').filter(Boolean);
  const extensions = [
    // RFC 6066 3.
    ...(name.length ? [extension(EXTENSION_SERVER_NAME, withLength16(Uint8Array.of(0), withLength16(name)))] : []),
    extension(EXTENSION_GROUPS, withLength16(word(X25519), word(SECP256R1))),
    extension(EXTENSION_SIGNATURES, withLength16(...SIGNATURES.map(word))),
    // RFC 7301 3.1.
    ...(protocols.length
      ? [extension(EXTENSION_ALPN, withLength16(...protocols.map((one) => withLength8(text.take(one) as Uint8Array))))]
      : []),
    extension(EXTENSION_VERSIONS, withLength8(word(TLS_1_3), word(TLS_1_2))),
    // RFC 8446 4.2.8: the public key is 32 bytes; the base point's coordinate stands for one.
    extension(EXTENSION_KEY_SHARE, withLength16(word(X25519), withLength16(Uint8Array.of(9, ...new Uint8Array(31))))),
  ];
  const body = joined([
    word(TLS_1_2),
    place.bytes('random'),
    withLength8(place.bytes('session')),
    withLength16(...CIPHERS.map(word)),
    withLength8(Uint8Array.of(0)),
    withLength16(...extensions),
  ]);
  return joined([Uint8Array.of(tlsWire.CLIENT_HELLO, body.length >> 16), word(body.length & 0xffff), body]);
}

export const tlsClientHello = defineLayer({
  name: 'tls.clienthello',
  names: ['clienthello', 'tls'],
  title: 'TLS 1.3 ClientHello in one record',
  numbers: { tcp: 443 },
  fields: {
    content: field(uint(8), tlsWire.HANDSHAKE, { names: ['record.content_type'] }),
    version: field(uint(16), 0x0301, { names: ['record.version'] }),
    length: derived(uint(16), (place) => place.width('message'), { names: ['record.length'] }),
    sni: virtual(text, 'example.org', { names: ['server_name'] }),
    /** Protocols with + between. */
    alpn: virtual(text, 'h2+http/1.1'),
    random: virtual(fixedBytes(32), new Uint8Array(32)),
    session: virtual(data, new Uint8Array(32)),
    message: field(data, clientHello),
  },
});

const sources: Field<readonly (string | number)[]> = field(
  list<string | number>(
    'sources',
    (all) =>
      joined(
        all.map((one) => word(Number(one) >>> 16)).flatMap((high, index) => [high, word(Number(all[index]) & 0xffff)]),
      ),
    (item) => item.name ?? wordOf(item.value!, 'a number'),
  ),
  () => [],
  { names: ['csrc'] },
);
export const rtp = defineLayer({
  name: 'rtp',
  names: [],
  title: 'RTP',
  numbers: { udp: 5004 },
  fields: {
    version: field(uint(2), 2),
    padding: field(uint(1), 0),
    extension: field(uint(1), 0),
    numsync: derived(uint(4), (place) => place.width('sync') >> 2, { names: ['cc'] }),
    marker: field(uint(1), 0),
    payload_type: field(uint(7), 0, { names: ['p_type', 'pt'] }),
    sequence: field(uint(16), 0, { names: ['seq'] }),
    timestamp: field(uint(32), 0),
    sourcesync: field(uint(32), 0, { names: ['ssrc'] }),
    sync: sources,
  },
});
