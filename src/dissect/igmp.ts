import { checksum } from '../bytes/checksum.ts';
import * as wire from '../wire/igmp.ts';
import { CHECKSUM_STATUS, defineFields, type Fields } from './fields.ts';
import { wrongVersion } from './ip.ts';
import { TROUBLE_CHECKSUM } from './options.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const F = defineFields('igmp', {
  version: ['IGMP Version', 'uint8'],
  type: ['Type', 'uint8', { base: 'hex' }],
  max_resp: ['Max Resp Time', 'uint8'],
  checksum: ['Checksum', 'uint16', { base: 'hex' }],
  'checksum.status': ['Checksum Status', 'uint8', CHECKSUM_STATUS],
  maddr: ['Multicast Address', 'ipv4', { list: true }],
  s: ['S', 'bool'],
  qrv: ['QRV', 'uint8'],
  qqic: ['QQIC', 'uint8'],
  num_src: ['Num Src', 'uint16', { list: true }],
  saddr: ['Source Address', 'ipv4', { list: true }],
  num_grp_recs: ['Num Group Records', 'uint16'],
  record_type: ['Record Type', 'uint8', { list: true }],
  aux_data_len: ['Aux Data Len', 'uint8', { list: true }],
});

const RECORDS = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];
/** Tenths of a second that a version 2 query has unless it says otherwise (RFC 2236 8.3). */
const DEFAULT_RESPONSE = 100;

function printIgmp(t: Text, at: number, length: number): void {
  if (wrongVersion(t, 4, 'IGMP')) return;
  const { out, bytes } = t;
  t.layer = 'igmp';
  if (t.quiet) {
    out.ascii('igmp');
    return;
  }
  const type = t.u8(at);
  switch (type) {
    case wire.MEMBERSHIP_QUERY:
      out.ascii('igmp query');
      if (length >= wire.V3_QUERY_LENGTH) {
        if (!printV3Query(t, at, length)) return;
      } else printQuery(t, at, length);
      break;
    case wire.V1_MEMBERSHIP_REPORT:
    case wire.V2_MEMBERSHIP_REPORT:
    case wire.V2_LEAVE_GROUP: {
      t.reads(at + 4, 4);
      out.ascii(
        type === wire.V1_MEMBERSHIP_REPORT
          ? 'igmp v1 report '
          : type === wire.V2_MEMBERSHIP_REPORT
            ? 'igmp v2 report '
            : 'igmp leave ',
      );
      t.ipv4(wire.groupAt(at));
      if (type === wire.V1_MEMBERSHIP_REPORT && length !== wire.HEADER_LENGTH) out.ascii(` [len ${length}]`);
      break;
    }
    case wire.V3_MEMBERSHIP_REPORT:
      out.ascii('igmp v3 report');
      printV3Report(t, at, length);
      break;
    case wire.DVMRP:
      out.ascii('igmp dvmrp');
      break;
    case wire.PIM_V1:
      out.ascii('igmp pimv1');
      break;
    case wire.MTRACE_REQUEST:
    case wire.MTRACE_RESPONSE:
      printTrace(t, at, length, type);
      break;
    default:
      out.ascii(`igmp-${type}`);
  }
  if (t.verbose > 0 && length >= 4 && t.has(at, length) && checksum(bytes, at, at + length) !== 0) {
    t.trouble |= TROUBLE_CHECKSUM;
    out.ascii(' bad igmp cksum ');
    out.hex(t.be16(at + 2));
    out.byte(33);
  }
}

function printQuery(t: Text, at: number, length: number): void {
  const { out } = t;
  const response = t.u8(at + 1);
  if (response === 0) out.ascii(' v1');
  else {
    out.ascii(' v2');
    if (response !== DEFAULT_RESPONSE) out.ascii(` [max resp time ${response}]`);
  }
  if (t.be32(at + 4) !== 0) {
    out.ascii(' [gaddr ');
    t.ipv4(wire.groupAt(at));
    out.byte(93);
  }
  if (length !== wire.HEADER_LENGTH) out.ascii(` [len ${length}]`);
}

/** False where the line ended with `[|igmp]`. */
function printV3Query(t: Text, at: number, length: number): boolean {
  const { out } = t;
  out.ascii(' v3');
  if (length % 4 !== 0) {
    out.ascii(` [invalid len ${length}]`);
    return true;
  }
  const code = t.u8(at + 1);
  const tenths = wire.codeValue(code);
  if (code !== DEFAULT_RESPONSE) {
    out.ascii(' [max resp time ');
    if (tenths < 600) out.ascii(`${(tenths / 10).toFixed(1)}s`);
    else {
      out.ascii(`${Math.floor(tenths / 600)}m`);
      if (tenths % 600 !== 0) out.ascii(`${Math.floor((tenths % 600) / 10)}s`);
    }
    out.byte(93);
  }
  if (t.be32(at + 4) === 0) return true;
  out.ascii(' [gaddr ');
  t.ipv4(wire.groupAt(at));
  const count = t.be16(at + 10);
  if (count > 0) {
    if (length < wire.V3_QUERY_LENGTH + count * 4) out.ascii(' [invalid number of sources]');
    else printSources(t, wire.sourcesAt(at), count);
  }
  out.byte(93);
  return true;
}

function printSources(t: Text, at: number, count: number): void {
  const { out } = t;
  if (t.verbose < 2) {
    out.ascii(`, ${count} source(s)`);
    return;
  }
  out.ascii(' {');
  for (let i = 0; i < count; i++) {
    t.reads(at + i * 4, 4);
    out.byte(32);
    t.ipv4(at + i * 4);
  }
  out.ascii(' }');
}

function printV3Report(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  if (length < 16 || length % 4 !== 0) {
    out.ascii(` [invalid len ${length}]`);
    return;
  }
  t.reads(at, wire.HEADER_LENGTH);
  const count = wire.recordCount(bytes, at);
  out.ascii(`, ${count} group record(s)`);
  if (t.verbose === 0) return;
  let record = wire.recordsAt(at);
  for (let i = 0; i < count; i++) {
    if (at + length < record + wire.RECORD_LENGTH) {
      out.ascii(' [invalid number of groups]');
      return;
    }
    t.reads(record + 4, 4);
    out.ascii(' [gaddr ');
    t.ipv4(wire.recordGroupAt(record));
    const type = wire.recordType(bytes, record);
    out.ascii(` ${RECORDS[type] || ` [v3-report-#${type}]`}`);
    const sources = wire.recordSourceCount(bytes, record);
    if (at + length < record + wire.RECORD_LENGTH + sources * 4) {
      out.ascii(` [invalid number of sources ${sources}]`);
      return;
    }
    printSources(t, wire.recordSourcesAt(record), sources);
    record += wire.RECORD_LENGTH + sources * 4;
    out.byte(93);
  }
}

/** Multicast traceroute: query and response share their first 24 bytes (hops in byte 1; group, source, destination and
 * response address from byte 4 on; TTL and query identifier from byte 20 on). */
function printTrace(t: Text, at: number, length: number, type: number): void {
  const { out } = t;
  const name = type === wire.MTRACE_REQUEST ? 'mtrace' : 'mresp';
  if (length < 24) {
    out.ascii(` [invalid len ${length}]`);
    return;
  }
  t.reads(at, 24);
  out.ascii(name);
  out.byte(32);
  out.decimal(t.be24(at + 21));
  out.ascii(': ');
  t.ipv4(at + 8);
  out.ascii(' to ');
  t.ipv4(at + 12);
  out.ascii(' reply-to ');
  t.ipv4(at + 16);
}

export const igmp: Protocol = {
  name: 'igmp',
  title: 'Internet Group Management Protocol',
  print: printIgmp,
  walk(f, at, end) {
    if (!f.fits('igmp', at, wire.HEADER_LENGTH, end)) return;
    const { bytes } = f;
    const type = wire.type(bytes, at);
    f.layer(igmp, at, end - at);
    f.uint(F.version, at, 0, versionOf(type, wire.maxResponseCode(bytes, at), end - at));
    f.uint(F.type, at, 1, type);
    f.uint(F.checksum, at + 2, 2, wire.checksum(bytes, at));
    f.uint(F['checksum.status'], at + 2, 0, f.ownChecksumStatus(at, end));
    if (type === wire.V3_MEMBERSHIP_REPORT) {
      walkReport(f, at, end);
      return;
    }
    f.uint(F.max_resp, at + 1, 1, wire.maxResponseCode(bytes, at));
    f.raw(F.maddr, wire.groupAt(at), 4);
    if (type !== wire.MEMBERSHIP_QUERY || end - at < wire.V3_QUERY_LENGTH) return;
    f.bool(F.s, at + 8, 1, wire.suppress(bytes, at));
    f.uint(F.qrv, at + 8, 1, wire.robustness(bytes, at));
    f.uint(F.qqic, at + 9, 1, wire.queryIntervalCode(bytes, at));
    const count = wire.sourceCount(bytes, at);
    f.uint(F.num_src, at + 10, 2, count);
    walkSources(f, wire.sourcesAt(at), count, end);
  },
};

function versionOf(type: number, response: number, length: number): number {
  if (type === wire.MEMBERSHIP_QUERY) return length >= wire.V3_QUERY_LENGTH ? 3 : response === 0 ? 1 : 2;
  if (type === wire.V3_MEMBERSHIP_REPORT) return 3;
  return type === wire.V1_MEMBERSHIP_REPORT ? 1 : 2;
}

function walkSources(f: Fields, at: number, count: number, end: number): boolean {
  for (let i = 0; i < count; i++, at += 4) {
    if (!f.fits('igmp', at, 4, end)) return false;
    f.raw(F.saddr, at, 4);
  }
  return true;
}

function walkReport(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.uint(F.num_grp_recs, at + 6, 2, wire.recordCount(bytes, at));
  let record = wire.recordsAt(at);
  for (let i = wire.recordCount(bytes, at); i > 0; i--) {
    if (!f.fits('igmp', record, wire.RECORD_LENGTH, end)) return;
    f.uint(F.record_type, record, 1, wire.recordType(bytes, record));
    f.uint(F.aux_data_len, record + 1, 1, wire.recordAuxLength(bytes, record) / 4);
    const count = wire.recordSourceCount(bytes, record);
    f.uint(F.num_src, record + 2, 2, count);
    f.raw(F.maddr, wire.recordGroupAt(record), 4);
    if (!walkSources(f, wire.recordSourcesAt(record), count, end)) return;
    record += wire.RECORD_LENGTH + count * 4 + wire.recordAuxLength(bytes, record);
  }
}
