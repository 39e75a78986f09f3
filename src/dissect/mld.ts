import { be16 } from '../bytes/endian.ts';
import * as icmp6 from '../wire/icmp6.ts';
import { codeValue } from '../wire/igmp.ts';
import * as wire from '../wire/mld.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Text } from './text.ts';

const F = defineFields('icmpv6', {
  'mld.maximum_response_delay': ['Maximum Response Delay', 'uint16'],
  'mld.multicast_address': ['Multicast Address', 'ipv6'],
  'mld.flag.s': ['S', 'bool'],
  'mld.flag.qrv': ['QRV', 'uint8'],
  'mld.qqi': ['QQIC', 'uint8'],
  'mld.nb_sources': ['Number of Sources', 'uint16'],
  'mld.source_address': ['Source Address', 'ipv6', { list: true }],
  'mldr.nb_mcast_records': ['Number of Multicast Address Records', 'uint16'],
  'mldr.mar.record_type': ['Record Type', 'uint8', { list: true }],
  'mldr.mar.aux_data_len': ['Aux Data Len', 'uint8', { list: true }],
  'mldr.mar.nb_sources': ['Number of Sources', 'uint16', { list: true }],
  'mldr.mar.multicast_address': ['Multicast Address', 'ipv6', { list: true }],
  'mldr.mar.source_address': ['Source Address', 'ipv6', { list: true }],
});

const RECORDS = ['', 'is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** Prints what follows the name of a message of multicast listener discovery. */
export function printMld(t: Text, at: number, length: number, type: number): void {
  const { out } = t;
  if (type === icmp6.MLDV2_REPORT) printReport(t, at, length);
  else if (type !== icmp6.MLD_QUERY || length === wire.V1_LENGTH) {
    if (!t.has(at, wire.V1_LENGTH)) return;
    out.ascii('max resp delay: ');
    out.decimal(wire.maxResponseCode(t.bytes, at));
    out.ascii(' addr: ');
    t.ipv6(wire.groupAt(at));
  } else if (length >= wire.V2_QUERY_LENGTH) {
    out.ascii(' v2');
    printQuery(t, at, length);
  } else {
    out.ascii(' unknown-version (len ');
    out.decimal(length);
    out.ascii(') ');
  }
}

function printQuery(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  const code = t.be16(at + 4);
  if (t.verbose > 0) out.ascii(` [max resp delay=${wire.responseDelay(code)}]`);
  t.reads(wire.groupAt(at), 16);
  out.ascii(' [gaddr ');
  t.ipv6(wire.groupAt(at));
  if (t.verbose > 0) {
    if (t.u8(at + 24) & 8) out.ascii(' sflag');
    const robustness = wire.robustness(bytes, at);
    if (robustness !== 0) out.ascii(` robustness=${robustness}`);
    const interval = t.u8(at + 25);
    out.ascii(` qqi=${codeValue(interval)}`);
  }
  const count = t.be16(at + 26);
  if (count > 0) {
    if (length < wire.V2_QUERY_LENGTH + count * 16) out.ascii(' [invalid number of sources]');
    else printSources(t, wire.sourcesAt(at), count);
  }
  out.byte(93);
}

function printSources(t: Text, at: number, count: number): void {
  const { out } = t;
  if (t.verbose < 2) {
    out.ascii(`, ${count} source(s)`);
    return;
  }
  out.ascii(' {');
  for (let i = 0; i < count; i++) {
    t.reads(at + i * 16, 16);
    out.byte(32);
    t.ipv6(at + i * 16);
  }
  out.ascii(' }');
}

function printReport(t: Text, at: number, length: number): void {
  const { out, bytes } = t;
  t.reads(at, icmp6.HEADER_LENGTH);
  const count = wire.recordCount(bytes, at);
  out.ascii(`, ${count} group record(s)`);
  if (t.verbose === 0) return;
  let record = wire.recordsAt(at);
  for (let i = 0; i < count; i++) {
    if (at + length < record + wire.RECORD_LENGTH) {
      out.ascii(' [invalid number of groups]');
      return;
    }
    t.reads(record + 4, 16);
    out.ascii(' [gaddr ');
    t.ipv6(wire.recordGroupAt(record));
    const type = wire.recordType(bytes, record);
    out.ascii(` ${RECORDS[type] || ` [v2-report-#${type}]`}`);
    const sources = be16(bytes, record + 2);
    if (at + length < record + wire.RECORD_LENGTH + sources * 16) {
      out.ascii(` [invalid number of sources ${sources}]`);
      return;
    }
    printSources(t, wire.recordSourcesAt(record), sources);
    record += wire.RECORD_LENGTH + sources * 16;
    out.byte(93);
  }
}

/** Walks a message of multicast listener discovery; false for other types. */
export function walkMld(f: Fields, at: number, end: number, type: number): boolean {
  const { bytes } = f;
  if (type === icmp6.MLDV2_REPORT) {
    walkReport(f, at, end);
    return true;
  }
  if (type !== icmp6.MLD_QUERY && type !== icmp6.MLD_REPORT && type !== icmp6.MLD_DONE) return false;
  if (!f.fits('icmpv6', at, wire.V1_LENGTH, end)) return true;
  f.uint(F['mld.maximum_response_delay'], at + 4, 2, wire.maxResponseCode(bytes, at));
  f.raw(F['mld.multicast_address'], wire.groupAt(at), 16);
  if (type !== icmp6.MLD_QUERY || end - at < wire.V2_QUERY_LENGTH) return true;
  f.bool(F['mld.flag.s'], at + 24, 1, wire.suppress(bytes, at));
  f.uint(F['mld.flag.qrv'], at + 24, 1, wire.robustness(bytes, at));
  f.uint(F['mld.qqi'], at + 25, 1, wire.queryIntervalCode(bytes, at));
  const count = wire.sourceCount(bytes, at);
  f.uint(F['mld.nb_sources'], at + 26, 2, count);
  walkSources(f, F['mld.source_address'], wire.sourcesAt(at), count, end);
  return true;
}

function walkSources(f: Fields, field: number, at: number, count: number, end: number): boolean {
  for (let i = 0; i < count; i++, at += 16) {
    if (!f.fits('icmpv6', at, 16, end)) return false;
    f.raw(field, at, 16);
  }
  return true;
}

function walkReport(f: Fields, at: number, end: number): void {
  const { bytes } = f;
  f.uint(F['mldr.nb_mcast_records'], at + 6, 2, wire.recordCount(bytes, at));
  let record = wire.recordsAt(at);
  for (let i = wire.recordCount(bytes, at); i > 0; i--) {
    if (!f.fits('icmpv6', record, wire.RECORD_LENGTH, end)) return;
    const count = wire.recordSourceCount(bytes, record);
    f.uint(F['mldr.mar.record_type'], record, 1, wire.recordType(bytes, record));
    f.uint(F['mldr.mar.aux_data_len'], record + 1, 1, wire.recordAuxLength(bytes, record) / 4);
    f.uint(F['mldr.mar.nb_sources'], record + 2, 2, count);
    f.raw(F['mldr.mar.multicast_address'], wire.recordGroupAt(record), 16);
    if (!walkSources(f, F['mldr.mar.source_address'], wire.recordSourcesAt(record), count, end)) return;
    record += wire.RECORD_LENGTH + count * 16 + wire.recordAuxLength(bytes, record);
  }
}
