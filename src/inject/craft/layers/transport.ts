import { checksum } from '../../../bytes/checksum.ts';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../../../wire/ipproto.ts';
import * as sctpWire from '../../../wire/sctp.ts';
import * as tcpWire from '../../../wire/tcp.ts';
import * as tcpOptions from '../../../wire/tcp-options.ts';
import { data, dataOf, flags, type Kind, list, uint, unknownName, ValueError } from '../kind.ts';
import { defineLayer, derived, field, type Place } from '../layer.ts';
import type { Item } from '../node.ts';

/** TCP with options, UDP, UDP-Lite, SCTP with chunks. Ports default to scapy's. */

/** The checksum over pseudo header, own header and payload; 0 where there is no IP packet around. */
const overPseudo =
  (protocol: number, orOnes: boolean) =>
  (place: Place, bytes: Uint8Array, at: number, end: number): number => {
    const pseudo = place.pseudo(protocol);
    if (pseudo === null) return 0;
    const value = checksum(bytes, at, end, pseudo + (end - at));
    // RFC 768: a checksum of zero would say that there is none.
    return value === 0 && orOnes ? 0xffff : value;
  };

const ports = (space: 'udp' | 'tcp', sport: number, dport: number) => ({
  sport: field(uint(16), (place: Place) => place.above?.type.sourcePort ?? sport, {
    names: ['srcport', 'src', 'src_port'],
  }),
  dport: field(uint(16), (place: Place) => place.above?.type.numbers[space] ?? dport, {
    names: ['dstport', 'dst', 'dst_port', 'port'],
  }),
});
const CHECKSUM_NAMES = { names: ['checksum', 'cksum'] };

export const udp = defineLayer({
  name: 'udp',
  names: [],
  title: 'UDP header',
  numbers: { ip: IPPROTO_UDP },
  fields: {
    ...ports('udp', 53, 53),
    len: derived(uint(16), (place) => place.length, { names: ['length'] }),
    chksum: field(uint(16), { seal: overPseudo(IPPROTO_UDP, true) }, CHECKSUM_NAMES),
  },
});

export const udplite = defineLayer({
  name: 'udplite',
  names: [],
  title: 'UDP-Lite header',
  numbers: { ip: IPPROTO_UDPLITE },
  fields: {
    ...ports('udp', 53, 53),
    coverage: field(uint(16), 0, { names: ['checksum_coverage'] }),
    chksum: field(
      uint(16),
      {
        seal(place, bytes, at, end) {
          const coverage = place.number('coverage') || end - at;
          const pseudo = place.pseudo(IPPROTO_UDPLITE);
          if (pseudo === null) return 0;
          // RFC 3828 3.1: the pseudo header has the datagram's length, not what is covered.
          return checksum(bytes, at, Math.min(at + coverage, end), pseudo + (end - at)) || 0xffff;
        },
      },
      CHECKSUM_NAMES,
    ),
  },
});

const OPTION_NAMES = ['end', 'nop', 'mss', 'wscale', 'sackok', 'sack', 'ts', 'timestamp', 'uto', 'tfo', 'md5'];

/** `mss=1460`, `nop`, `wscale=7`, `sackok`, `sack=1:100+200:300`, `ts=1:0`, `tfo=0x…`, `254=0x…`. */
function tcpOption({ name, value }: Item): tcpOptions.TcpOption {
  const key = (name ?? '').toLowerCase();
  const text = value === null ? '' : value.type === 'word' || value.type === 'string' ? value.text : '';
  const numbers = text.split(/[:+]/).map(Number);
  if (text !== '' && !/^0x/i.test(text) && numbers.some((number) => !Number.isInteger(number)) && key !== 'tfo')
    throw new ValueError(`option ${key}: '${text}' is not numbers`);
  if (/^\d+$/.test(key)) return { kind: 'other', type: Number(key), data: value ? dataOf(value) : new Uint8Array(0) };
  switch (key) {
    case 'end':
    case 'eol':
      return { kind: 'end' };
    case 'nop':
      return { kind: 'nop' };
    case 'mss':
      return { kind: 'mss', mss: numbers[0]! };
    case 'wscale':
      return { kind: 'windowScale', shift: numbers[0]! };
    case 'sackok':
      return { kind: 'sackPermitted' };
    case 'sack':
      return {
        kind: 'sack',
        blocks: text.split('+').map((block) => {
          const [left, right] = block.split(':').map(Number);
          return { left: left!, right: right ?? 0 };
        }),
      };
    case 'ts':
    case 'timestamp':
    case 'timestamps':
      return { kind: 'timestamps', value: numbers[0]!, echo: numbers[1] ?? 0 };
    case 'uto':
      return { kind: 'userTimeout', minutes: false, timeout: numbers[0]! };
    case 'tfo':
      return { kind: 'fastOpen', cookie: value ? dataOf(value) : new Uint8Array(0) };
    case 'md5':
      return { kind: 'md5', digest: value ? dataOf(value) : new Uint8Array(16) };
    default:
      throw unknownName('option', key, OPTION_NAMES);
  }
}

const options: Kind<readonly tcpOptions.TcpOption[]> = list(
  'options',
  (all) => {
    const bytes = new Uint8Array((tcpOptions.optionsLength(all) + 3) & ~3);
    tcpOptions.emitOptions(bytes, 0, all);
    return bytes;
  },
  tcpOption,
);

export const tcp = defineLayer({
  name: 'tcp',
  names: [],
  title: 'TCP header',
  numbers: { ip: IPPROTO_TCP },
  fields: {
    ...ports('tcp', 20, 80),
    seq: field(uint(32), 0),
    ack: field(uint(32), 0),
    dataofs: derived(uint(4), (place) => (tcpWire.HEADER_LENGTH + place.width('options')) >> 2, {
      names: ['hdr_len', 'offset'],
    }),
    reserved: field(uint(3), 0),
    flags: field(flags(9, ['F', 'S', 'R', 'P', 'A', 'U', 'E', 'C', 'N']), 'S'),
    window: field(uint(16), 8192, { names: ['window_size_value', 'win'] }),
    chksum: field(uint(16), { seal: overPseudo(IPPROTO_TCP, false) }, CHECKSUM_NAMES),
    urgptr: field(uint(16), 0, { names: ['urgent_pointer', 'urg'] }),
    options: field(options, () => [], { names: ['opt'] }),
  },
});

export const sctp = defineLayer({
  name: 'sctp',
  names: [],
  title: 'SCTP common header; chunks follow as layers',
  numbers: { ip: IPPROTO_SCTP },
  fields: {
    ...ports('tcp', 0, 0),
    tag: field(uint(32), 0, { names: ['verification_tag'] }),
    chksum: field(uint(32), { seal: (_, bytes, at, end) => sctpWire.crc(bytes, at, end) }, CHECKSUM_NAMES),
  },
});

/** RFC 9260 3.2: type, flags, and a length that counts the header but not the padding. */
const chunk = (type: number, flagNames: readonly string[] = []) => ({
  type: field(uint(8), type, { names: ['chunk_type'] }),
  flags: field(flags(8, flagNames), 0, { names: ['chunk_flags'] }),
  len: derived(uint(16), (place: Place) => place.headerLength - place.width('pad'), {
    names: ['chunk_length'],
  }),
});
/** To a multiple of four bytes, by the width of what has any width. */
const pad = (of: string) => field(data, (place: Place) => new Uint8Array(-place.width(of) & 3));

export const sctpData = defineLayer({
  name: 'sctp.data',
  names: [],
  title: 'SCTP chunk: data',
  numbers: {},
  fields: {
    ...chunk(sctpWire.CHUNK_DATA),
    tsn: field(uint(32), 0),
    sid: field(uint(16), 0, { names: ['stream_id'] }),
    sseq: field(uint(16), 0, { names: ['stream_seq'] }),
    ppid: field(uint(32), 0, { names: ['payload_proto_id'] }),
    data: field(data, new Uint8Array(0), { names: ['load'] }),
    pad: pad('data'),
  },
});
const init = (type: number) => ({
  ...chunk(type),
  inittag: field(uint(32), 0, { names: ['initiate_tag'] }),
  arwnd: field(uint(32), 0, { names: ['credit'] }),
  nout: field(uint(16), 0, { names: ['nr_out_streams'] }),
  nin: field(uint(16), 0, { names: ['nr_in_streams'] }),
  tsn: field(uint(32), 0, { names: ['initial_tsn'] }),
  params: field(data, new Uint8Array(0)),
  pad: pad('params'),
});
export const sctpInit = defineLayer({
  name: 'sctp.init',
  names: [],
  title: 'SCTP chunk: initiation',
  numbers: {},
  fields: init(sctpWire.CHUNK_INIT),
});
export const sctpInitAck = defineLayer({
  name: 'sctp.initack',
  names: [],
  title: 'SCTP chunk: answer to initiation',
  numbers: {},
  fields: init(sctpWire.CHUNK_INIT_ACK),
});
export const sctpSack = defineLayer({
  name: 'sctp.sack',
  names: [],
  title: 'SCTP chunk: selective acknowledgement; blocks and duplicates as bytes',
  numbers: {},
  fields: {
    ...chunk(sctpWire.CHUNK_SACK),
    cumtsn: field(uint(32), 0, { names: ['cumulative_tsn_ack'] }),
    arwnd: field(uint(32), 0),
    ngaps: derived(uint(16), (place) => place.width('blocks') >> 2),
    ndups: field(uint(16), 0),
    blocks: field(data, new Uint8Array(0)),
  },
});
/** Chunks that are a header and bytes. */
const plain = (name: string, type: number, title: string) =>
  defineLayer({
    name,
    names: [],
    title,
    numbers: {},
    fields: { ...chunk(type), data: field(data, new Uint8Array(0), { names: ['load'] }), pad: pad('data') },
  });
export const sctpHeartbeat = plain('sctp.heartbeat', sctpWire.CHUNK_HEARTBEAT, 'SCTP chunk: heartbeat');
export const sctpAbort = plain('sctp.abort', sctpWire.CHUNK_ABORT, 'SCTP chunk: abort');
export const sctpCookieEcho = plain('sctp.cookieecho', sctpWire.CHUNK_COOKIE_ECHO, 'SCTP chunk: cookie');
/** 11 (RFC 9260 3.2). */
export const sctpCookieAck = plain('sctp.cookieack', 11, 'SCTP chunk: answer to the cookie');
export const sctpShutdown = defineLayer({
  name: 'sctp.shutdown',
  names: [],
  title: 'SCTP chunk: shutdown',
  numbers: {},
  fields: { ...chunk(sctpWire.CHUNK_SHUTDOWN), cumtsn: field(uint(32), 0) },
});
