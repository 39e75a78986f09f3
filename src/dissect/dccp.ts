import { checksum } from '../bytes/checksum.ts';
import { be24, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/dccp.ts';
import { IPPROTO_DCCP } from '../wire/ipproto.ts';
import { CHECKSUM_STATUS, defineAlias, defineFields, UNVERIFIED } from './fields.ts';
import { TROUBLE_CHECKSUM, TROUBLE_INVALID } from './options.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';
import { shouldBe } from './udp.ts';

const F = defineFields('dccp', {
  srcport: ['Source Port', 'uint16'],
  dstport: ['Destination Port', 'uint16'],
  data_offset: ['Data Offset', 'uint8'],
  ccval: ['CCVal', 'uint8'],
  cscov: ['Checksum Coverage', 'uint8'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  type: ['Type', 'uint8'],
  x: ['Extended Sequence Numbers', 'bool'],
  seq_raw: ['Sequence Number (raw)', 'uint64'],
  ack_raw: ['Acknowledgement Number (raw)', 'uint64'],
  service_code: ['Service Code', 'uint32'],
  reset_code: ['Reset Code', 'uint8'],
});
defineAlias('dccp.port', ['dccp.srcport', 'dccp.dstport']);

/** RFC 4340 5.1. */
const TYPES = [
  'DCCP-Request',
  'DCCP-Response',
  'DCCP-Data',
  'DCCP-Ack',
  'DCCP-DataAck',
  'DCCP-CloseReq',
  'DCCP-Close',
  'DCCP-Reset',
  'DCCP-Sync',
  'DCCP-SyncAck',
];
/** RFC 4340 5.6. */
const RESETS = [
  'unspecified',
  'closed',
  'aborted',
  'no_connection',
  'packet_error',
  'option_error',
  'mandatory_error',
  'connection_refused',
  'bad_service_code',
  'too_busy',
  'bad_init_cookie',
  'aggression_penalty',
];

function printEnds(t: Text, at: number): void {
  const { out, ip } = t;
  const inIp = t.protocolOfIp === IPPROTO_DCCP;
  for (let side = 0; side < 2; side++) {
    if (side === 1) out.ascii(' > ');
    if (inIp) {
      if (t.ipVersion === 6) t.ipv6(ip + (side === 0 ? 8 : 24));
      else t.ipv4(ip + (side === 0 ? 12 : 16));
      out.byte(46);
    }
    out.decimal(side === 0 ? wire.srcPort(t.bytes, at) : wire.dstPort(t.bytes, at));
  }
  out.ascii(': ');
}

function printDccp(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.layer = 'dccp';
  if (length < wire.SHORT_LENGTH) {
    if (t.has(at, wire.SHORT_LENGTH)) out.ascii(`truncated-dccp - ${wire.SHORT_LENGTH - length} bytes missing!`);
    else t.truncated();
    return;
  }
  t.need(at, wire.SHORT_LENGTH);
  const generic = wire.genericLength(bytes, at);
  if (length < generic) {
    out.ascii(`truncated-dccp - ${generic - length} bytes missing!`);
    return;
  }
  t.need(at, generic);
  printEnds(t, at);
  out.ascii('DCCP');
  if (t.quiet) {
    const header = wire.dataOffset(bytes, at) * 4;
    out.ascii(` ${(length - header) >>> 0}`);
    if (header > length) {
      out.ascii(` [bad hdr length ${header} - too long, > ${length}]`);
      t.trouble |= TROUBLE_INVALID;
    }
    return;
  }
  out.byte(32);
  if (t.verbose > 0) {
    out.ascii(`(CCVal ${wire.ccVal(bytes, at)}, CsCov ${wire.coverage(bytes, at)}`);
    if (t.has(at, length)) printChecksum(t, at, length);
    out.ascii(') ');
  }
  const type = wire.type(bytes, at);
  const extended = wire.isExtended(bytes, at);
  const name = TYPES[type];
  if (name === undefined) {
    out.ascii(`unknown-type-${type} `);
    t.reads(t.end, 1);
    return;
  }
  const added = wire.typeLength(type, extended);
  // tcpdump asks for the long acknowledgement in either case.
  const asked = wire.typeLength(type, true);
  if (length < generic + asked) {
    out.ascii(`truncated-${name} - ${generic + asked - length} bytes missing!`);
    return;
  }
  const hasCode = type === wire.TYPE_REQUEST || type === wire.TYPE_RESPONSE || type === wire.TYPE_RESET;
  if (hasCode) t.need(at, generic + added);
  out.ascii(`${name} `);
  t.reads(at, generic + added);
  const tail = at + generic + added - 4;
  if (type === wire.TYPE_REQUEST || type === wire.TYPE_RESPONSE) out.ascii(`(service=${t.be32(tail)}) `);
  else if (type === wire.TYPE_RESET) {
    const code = t.u8(tail);
    out.ascii(`(code=${RESETS[code] ?? `unknown code (${code})`}) `);
  }
  if (type !== wire.TYPE_REQUEST && type !== wire.TYPE_DATA)
    out.ascii(`(ack=${extended ? wire.be48(bytes, at + generic + 2) : be24(bytes, at + generic + 1)}) `);
  if (t.verbose > 1) out.ascii(`seq ${extended ? wire.be48(bytes, at + 10) : be24(bytes, at + 9)}`);
}

/** RFC 4340 9.2: the coverage counts words behind the header, plus one; 0 is all. */
function printChecksum(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  const coverage = wire.coverage(bytes, at);
  const covered = coverage === 0 ? length : Math.min(length, (wire.dataOffset(bytes, at) + coverage - 1) * 4);
  const stated = wire.checksum(bytes, at);
  const left = checksum(bytes, at, at + covered, t.pseudo(IPPROTO_DCCP) + length);
  out.ascii(`, cksum 0x${stated.toString(16).padStart(4, '0')} `);
  if (left === 0) out.ascii('(correct)');
  else {
    t.trouble |= TROUBLE_CHECKSUM;
    out.ascii(`(incorrect -> 0x${shouldBe(stated, left).toString(16).padStart(4, '0')})`);
  }
}

export const dccp: Protocol = {
  name: 'dccp',
  title: 'Datagram Congestion Control Protocol',
  print: printDccp,
  walk(f, at, end) {
    if (!f.fits('dccp', at, wire.SHORT_LENGTH, end)) return;
    const { bytes } = f;
    const generic = wire.genericLength(bytes, at);
    const type = wire.type(bytes, at);
    const extended = wire.isExtended(bytes, at);
    const offset = wire.dataOffset(bytes, at) * 4;
    f.layer(dccp, at, generic);
    f.uint(F.srcport, at, 2, wire.srcPort(bytes, at));
    f.uint(F.dstport, at + 2, 2, wire.dstPort(bytes, at));
    f.uint(F.data_offset, at + 4, 1, wire.dataOffset(bytes, at));
    f.uint(F.ccval, at + 5, 1, wire.ccVal(bytes, at));
    f.uint(F.cscov, at + 5, 1, wire.coverage(bytes, at));
    f.uint(F.checksum, at + 6, 2, wire.checksum(bytes, at));
    const isWhole = wire.coverage(bytes, at) === 0;
    const status = isWhole ? f.checksumStatus(at, f.wireEnd - at, IPPROTO_DCCP, true) : UNVERIFIED;
    f.uint(F['checksum.status'], at + 6, 0, status);
    f.uint(F.type, at + 8, 1, type);
    f.bool(F.x, at + 8, 1, extended);
    if (!f.fits('dccp', at, generic, end)) return;
    if (extended && f.wants(F.seq_raw)) f.value(F.seq_raw, at + 10, 6, BigInt(wire.be48(bytes, at + 10)));
    if (TYPES[type] === undefined) return;
    const added = wire.typeLength(type, extended);
    if (!f.fits('dccp', at + generic, added, end)) return;
    if (type !== wire.TYPE_REQUEST && type !== wire.TYPE_DATA && f.wants(F.ack_raw)) {
      const ack = extended ? wire.be48(bytes, at + generic + 2) : be24(bytes, at + generic + 1);
      f.value(F.ack_raw, at + generic, extended ? 8 : 4, BigInt(ack));
    }
    const tail = at + generic + added - 4;
    if (type === wire.TYPE_REQUEST || type === wire.TYPE_RESPONSE) f.uint(F.service_code, tail, 4, be32(bytes, tail));
    else if (type === wire.TYPE_RESET) f.uint(F.reset_code, tail, 1, bytes[tail]!);
    if (offset < generic + added) {
      f.invalid('dccp', at + 4, generic + added, offset, 'dccp.data_offset');
      return;
    }
    if (!f.fits('dccp', at, offset, end)) return;
    f.layerEnds(at + offset);
    f.data(at + offset, end);
  },
};
