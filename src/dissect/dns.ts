import { be16, be32 } from '../bytes/endian.ts';
import * as wire from '../wire/dns.ts';
import { type DomainName, readName } from '../wire/dns-name.ts';
import { walkNsec3, walkOptions, walkTsig, walkTypes } from './dns-records.ts';
import { printDns } from './dns-text.ts';
import { walkTransaction } from './dns-transaction.ts';
import { defineFields, type Fields, WAITS_FOR_MORE } from './fields.ts';
import type { Protocol } from './protocol.ts';
import type { Text } from './text.ts';

const many = { list: true } as const;
/** SvcParamKeys, RFC 9460 14.3.2. */
const SVC_MANDATORY = 0;
const SVC_ALPN = 1;
const SVC_PORT = 3;
const SVC_IPV4_HINT = 4;
const SVC_ECH = 5;
const SVC_IPV6_HINT = 6;
const SVC_KEYS: Readonly<Record<number, string>> = {
  [SVC_MANDATORY]: 'mandatory',
  [SVC_ALPN]: 'alpn',
  2: 'no-default-alpn',
  [SVC_PORT]: 'port',
  [SVC_IPV4_HINT]: 'ipv4hint',
  [SVC_ECH]: 'ech',
  [SVC_IPV6_HINT]: 'ipv6hint',
  7: 'dohpath',
};

const F = defineFields('dns', {
  length: ['Length', 'uint16'],
  id: ['Transaction ID', 'uint16', { base: 'hex' }],
  flags: ['Flags', 'uint16', { base: 'hex' }],
  'flags.response': ['Response', 'bool'],
  'flags.opcode': ['Opcode', 'uint16'],
  'flags.authoritative': ['Authoritative', 'bool'],
  'flags.conflict': ['Conflict', 'bool'],
  'flags.truncated': ['Truncated', 'bool'],
  'flags.recdesired': ['Recursion desired', 'bool'],
  'flags.tentative': ['Tentative', 'bool'],
  'flags.recavail': ['Recursion available', 'bool'],
  'flags.z': ['Z', 'bool'],
  'flags.authenticated': ['Answer authenticated', 'bool'],
  'flags.checkdisable': ['Non-authenticated data', 'bool'],
  'flags.rcode': ['Reply code', 'uint16'],
  'count.queries': ['Questions', 'uint16'],
  'count.answers': ['Answer RRs', 'uint16'],
  'count.auth_rr': ['Authority RRs', 'uint16'],
  'count.add_rr': ['Additional RRs', 'uint16'],
  'qry.name': ['Name', 'string', many],
  'qry.name.len': ['Name Length', 'uint16', many],
  'count.labels': ['Label Count', 'uint16', many],
  'qry.type': ['Type', 'uint16', many],
  'qry.class': ['Class', 'uint16', { base: 'hex', list: true }],
  'qry.qu': ['"QU" question', 'bool', many],
  'resp.name': ['Name', 'string', many],
  'resp.type': ['Type', 'uint16', many],
  'resp.class': ['Class', 'uint16', { base: 'hex', list: true }],
  'resp.cache_flush': ['Cache flush', 'bool', many],
  'resp.ttl': ['Time to live', 'uint32', many],
  'resp.len': ['Data length', 'uint16', many],
  a: ['Address', 'ipv4', many],
  aaaa: ['AAAA Address', 'ipv6', many],
  ns: ['Name Server', 'string', many],
  cname: ['CNAME', 'string', many],
  'ptr.domain_name': ['Domain Name', 'string', many],
  'soa.mname': ['Primary name server', 'string', many],
  'soa.rname': ["Responsible authority's mailbox", 'string', many],
  'soa.serial_number': ['Serial Number', 'uint32', many],
  'soa.refresh_interval': ['Refresh Interval', 'uint32', many],
  'soa.retry_interval': ['Retry Interval', 'uint32', many],
  'soa.expire_limit': ['Expire limit', 'uint32', many],
  'soa.minimum_ttl': ['Minimum TTL', 'uint32', many],
  'mx.preference': ['Preference', 'uint16', many],
  'mx.mail_exchange': ['Mail Exchange', 'string', many],
  'txt.length': ['TXT Length', 'uint8', many],
  txt: ['TXT', 'string', many],
  'spf.length': ['SPF Length', 'uint8', many],
  spf: ['SPF', 'string', many],
  'hinfo.cpu': ['CPU', 'string', many],
  'hinfo.os': ['OS', 'string', many],
  'srv.service': ['Service', 'string', many],
  'srv.proto': ['Protocol', 'string', many],
  'srv.name': ['Name', 'string', many],
  'srv.priority': ['Priority', 'uint16', many],
  'srv.weight': ['Weight', 'uint16', many],
  'srv.port': ['Port', 'uint16', many],
  'srv.target': ['Target', 'string', many],
  'naptr.order': ['Order', 'uint16', many],
  'naptr.preference': ['Preference', 'uint16', many],
  'naptr.flags': ['Flags', 'string', many],
  'naptr.service': ['Service', 'string', many],
  'naptr.regex': ['Regex', 'string', many],
  'naptr.replacement': ['Replacement', 'string', many],
  dname: ['Dname', 'string', many],
  'ds.key_id': ['Key id', 'uint16', { base: 'hex', list: true }],
  'ds.algorithm': ['Algorithm', 'uint8', many],
  'ds.digest_type': ['Digest Type', 'uint8', many],
  'ds.digest': ['Digest', 'bytes', many],
  'sshfp.algorithm': ['Algorithm', 'uint8', many],
  'sshfp.fingerprint.type': ['Fingerprint Type', 'uint8', many],
  'sshfp.fingerprint': ['Fingerprint', 'bytes', many],
  'rrsig.type_covered': ['Type Covered', 'uint16', many],
  'rrsig.algorithm': ['Algorithm', 'uint8', many],
  'rrsig.labels': ['Labels', 'uint8', many],
  'rrsig.original_ttl': ['Original TTL', 'uint32', many],
  'rrsig.signature_expiration': ['Signature Expiration', 'time', { list: true, date: 'local' }],
  'rrsig.signature_inception': ['Signature Inception', 'time', { list: true, date: 'local' }],
  'rrsig.key_tag': ['Key Tag', 'uint16', many],
  'rrsig.signers_name': ["Signer's name", 'string', many],
  'rrsig.signature': ['Signature', 'bytes', many],
  'nsec.next_domain_name': ['Next Domain Name', 'string', many],
  'dnskey.flags': ['Flags', 'uint16', { base: 'hex', list: true }],
  'dnskey.flags.zone_key': ['This is the zone key for specified zone', 'bool', many],
  'dnskey.flags.key_revoked': ['Key is revoked', 'bool', many],
  'dnskey.flags.secure_entry_point': ['Key is a Key Signing Key', 'bool', many],
  'dnskey.flags.reserved': ['Key Signing reserved', 'uint16', { base: 'hex', list: true }],
  'dnskey.protocol': ['Protocol', 'uint8', many],
  'dnskey.algorithm': ['Algorithm', 'uint8', many],
  'dnskey.public_key': ['Public Key', 'bytes', many],
  'tlsa.certificate_usage': ['Certificate Usage', 'uint8', many],
  'tlsa.selector': ['Selector', 'uint8', many],
  'tlsa.matching_type': ['Matching Type', 'uint8', many],
  'tlsa.certificate_association_data': ['Certificate Association Data', 'bytes', many],
  'svcb.svcpriority': ['SvcPriority', 'uint16', many],
  'svcb.targetname': ['TargetName', 'string', many],
  'svcb.svcparam': ['SvcParam', 'none', many],
  'svcb.svcparam.key': ['SvcParamKey', 'uint16', { list: true, values: SVC_KEYS }],
  'svcb.svcparam.value.length': ['SvcParamValue length', 'uint16', many],
  'svcb.svcparam.value': ['SvcParamValue', 'bytes', many],
  'svcb.svcparam.mandatory.key': ['Mandatory key', 'uint16', { list: true, values: SVC_KEYS }],
  'svcb.svcparam.alpn.length': ['ALPN length', 'uint8', many],
  'svcb.svcparam.alpn': ['ALPN', 'string', many],
  'svcb.svcparam.port': ['Port', 'uint16', many],
  'svcb.svcparam.ipv4hint.ip': ['IP', 'ipv4', many],
  'svcb.svcparam.echconfig': ['ECHConfig', 'bytes', many],
  'svcb.svcparam.ipv6hint.ip': ['IP', 'ipv6', many],
  'caa.flags': ['CAA Flags', 'uint8', { base: 'hex', list: true }],
  'caa.tag': ['Tag', 'string', many],
  'caa.value': ['Value', 'string', many],
  'rr.udp_payload_size': ['UDP payload size', 'uint16'],
  'resp.ext_rcode': ['Higher bits in extended RCODE', 'uint8', { base: 'hex' }],
  'resp.edns0_version': ['EDNS0 version', 'uint8'],
  'resp.z': ['Z', 'uint16', { base: 'hex' }],
  'resp.z.do': ['DO bit', 'bool'],
  'resp.z.reserved': ['Reserved', 'uint16', { base: 'hex' }],
  data: ['Data', 'bytes', many],
});

/** RFC 1035 4.2.2: over TCP, messages follow each other, each with two bytes of length in front. */
const TCP_PREFIX = 2;

function walkRecursion(f: Fields, at: number, flags: number, isResponse: boolean): void {
  f.bool(F['flags.recdesired'], at + 2, 2, (flags & wire.FLAG_RECURSION_DESIRED) !== 0);
  if (isResponse) f.bool(F['flags.recavail'], at + 2, 2, (flags & wire.FLAG_RECURSION_AVAILABLE) !== 0);
  f.bool(F['flags.z'], at + 2, 2, (flags & 0x40) !== 0);
  // RFC 6840 5.7: in a query it says that the asker understands the flag.
  if (isResponse || (flags & wire.FLAG_AUTHENTIC) !== 0)
    f.bool(F['flags.authenticated'], at + 2, 2, (flags & wire.FLAG_AUTHENTIC) !== 0);
  f.bool(F['flags.checkdisable'], at + 2, 2, (flags & wire.FLAG_CHECKING_DISABLED) !== 0);
}

function walkMessage(f: Fields, self: Protocol, at: number, end: number): void {
  if (!f.fits('dns', at, wire.HEADER_LENGTH, end)) return;
  const { bytes } = f;
  f.layer(self, at, end - at);
  const flags = wire.flags(bytes, at);
  f.uint(F.id, at, 2, wire.id(bytes, at));
  f.uint(F.flags, at + 2, 2, flags);
  const isResponse = (flags & wire.FLAG_RESPONSE) !== 0;
  f.bool(F['flags.response'], at + 2, 2, isResponse);
  f.uint(F['flags.opcode'], at + 2, 2, wire.opcode(bytes, at));
  // RFC 4795 2.1.1: three of the flags mean other things, or nothing.
  const isLlmnr = self === llmnr;
  if (isLlmnr) f.bool(F['flags.conflict'], at + 2, 2, (flags & wire.FLAG_AUTHORITATIVE) !== 0);
  else if (isResponse) f.bool(F['flags.authoritative'], at + 2, 2, (flags & wire.FLAG_AUTHORITATIVE) !== 0);
  f.bool(F['flags.truncated'], at + 2, 2, (flags & wire.FLAG_TRUNCATED) !== 0);
  if (isLlmnr) f.bool(F['flags.tentative'], at + 2, 2, (flags & wire.FLAG_RECURSION_DESIRED) !== 0);
  else walkRecursion(f, at, flags, isResponse);
  if (isResponse) f.uint(F['flags.rcode'], at + 2, 2, flags & 15);
  f.uint(F['count.queries'], at + 4, 2, wire.questionCount(bytes, at));
  f.uint(F['count.answers'], at + 6, 2, wire.answerCount(bytes, at));
  f.uint(F['count.auth_rr'], at + 8, 2, wire.authorityCount(bytes, at));
  f.uint(F['count.add_rr'], at + 10, 2, wire.additionalCount(bytes, at));
  let to = at + wire.HEADER_LENGTH;
  for (let i = wire.questionCount(bytes, at); i > 0; i--) {
    to = walkQuestion(f, self, to, end, at);
    if (to < 0) return;
  }
  const records = wire.answerCount(bytes, at) + wire.authorityCount(bytes, at) + wire.additionalCount(bytes, at);
  for (let i = 0; i < records; i++) {
    to = walkRecord(f, self, to, end, at);
    if (to < 0) return;
  }
  walkTransaction(f, at, wire.id(bytes, at), isResponse);
}

/** The name at `at` as a field; null (and the stop noted) where there is none. */
function walkName(f: Fields, field: number, at: number, end: number, message: number): DomainName | null {
  const name = readName(f.bytes, at, end, message);
  if (name === null) f.invalid('dns', at, 1, end - at, 'dns.name');
  else f.value(field, at, name.end - at, name.text === '' ? '<Root>' : name.text);
  return name;
}

function walkQuestion(f: Fields, self: Protocol, at: number, end: number, message: number): number {
  const name = walkName(f, F['qry.name'], at, end, message);
  if (name === null) return -1;
  f.uint(F['qry.name.len'], at, 0, name.text === '' ? 6 : name.text.length);
  f.uint(F['count.labels'], at, 0, name.text === '' ? 0 : name.text.split('.').length);
  if (!f.fits('dns', name.end, wire.QUESTION_FIXED, end)) return -1;
  f.uint(F['qry.type'], name.end, 2, be16(f.bytes, name.end));
  const value = be16(f.bytes, name.end + 2);
  if (self.name === 'mdns') {
    f.uint(F['qry.class'], name.end + 2, 2, value & ~wire.CLASS_TOP_BIT);
    f.bool(F['qry.qu'], name.end + 2, 2, (value & wire.CLASS_TOP_BIT) !== 0);
  } else f.uint(F['qry.class'], name.end + 2, 2, value);
  return name.end + wire.QUESTION_FIXED;
}

function walkRecord(f: Fields, self: Protocol, at: number, end: number, message: number): number {
  const { bytes } = f;
  const name = readName(bytes, at, end, message);
  const isService = name !== null && name.end + 2 <= end && wire.recordType(bytes, name.end) === wire.TYPE_SRV;
  if (isService) walkServiceName(f, at, name);
  else walkName(f, F['resp.name'], at, end, message);
  if (name === null) return -1;
  const fixed = name.end;
  if (!f.fits('dns', fixed, wire.RECORD_FIXED, end)) return -1;
  const type = wire.recordType(bytes, fixed);
  const value = wire.recordClass(bytes, fixed);
  const length = wire.recordDataLength(bytes, fixed);
  f.uint(F['resp.type'], fixed, 2, type);
  if (type === wire.TYPE_OPT) {
    f.uint(F['rr.udp_payload_size'], fixed + 2, 2, value);
    f.uint(F['resp.ext_rcode'], fixed + 4, 1, bytes[fixed + 4]!);
    f.uint(F['resp.edns0_version'], fixed + 5, 1, bytes[fixed + 5]!);
    const z = be16(bytes, fixed + 6);
    f.uint(F['resp.z'], fixed + 6, 2, z);
    f.bool(F['resp.z.do'], fixed + 6, 2, (z & 0x8000) !== 0);
    f.uint(F['resp.z.reserved'], fixed + 6, 2, z & 0x7fff);
  } else {
    const isMdns = self.name === 'mdns';
    f.uint(F['resp.class'], fixed + 2, 2, isMdns ? value & 0x7fff : value);
    if (isMdns) f.bool(F['resp.cache_flush'], fixed + 2, 2, (value & wire.CLASS_TOP_BIT) !== 0);
    f.uint(F['resp.ttl'], fixed + 4, 4, wire.recordTtl(bytes, fixed));
  }
  f.uint(F['resp.len'], fixed + 8, 2, length);
  const data = fixed + wire.RECORD_FIXED;
  if (!f.fits('dns', data, length, end)) return -1;
  walkData(f, type, data, data + length, message);
  return data + length;
}

/** RFC 2782: `_service._protocol.name`, whose parts stand in place of the whole. */
function walkServiceName(f: Fields, at: number, name: DomainName): void {
  const text = name.text === '' ? '<Root>' : name.text;
  const [service, protocol] = text.split('.', 2);
  f.value(F['srv.service'], at, name.end - at, service!);
  if (protocol === undefined) return;
  f.value(F['srv.proto'], at, name.end - at, protocol);
  const rest = service!.length + protocol.length + 2;
  if (rest <= text.length) f.value(F['srv.name'], at, name.end - at, text.slice(rest));
}

/** Data shorter than its type needs is noted as bytes. */
function walkData(f: Fields, type: number, at: number, end: number, message: number): void {
  const { bytes } = f;
  const size = end - at;
  const text = (field: number, from: number): number => {
    if (from >= end) return end;
    const stop = Math.min(from + 1 + bytes[from]!, end);
    if (f.wants(field)) f.value(field, from, stop - from, latin1(bytes, from + 1, stop));
    return stop;
  };
  switch (type) {
    case wire.TYPE_A:
      if (size === 4) {
        f.raw(F.a, at, 4);
        return;
      }
      break;
    case wire.TYPE_AAAA:
      if (size === 16) {
        f.raw(F.aaaa, at, 16);
        return;
      }
      break;
    case wire.TYPE_NS:
      walkName(f, F.ns, at, end, message);
      return;
    case wire.TYPE_CNAME:
      walkName(f, F.cname, at, end, message);
      return;
    case wire.TYPE_PTR:
      walkName(f, F['ptr.domain_name'], at, end, message);
      return;
    case wire.TYPE_DNAME:
      walkName(f, F.dname, at, end, message);
      return;
    case wire.TYPE_SOA:
      walkSoa(f, at, end, message);
      return;
    case wire.TYPE_MX:
      if (size < 3) break;
      f.uint(F['mx.preference'], at, 2, be16(bytes, at));
      walkName(f, F['mx.mail_exchange'], at + 2, end, message);
      return;
    case wire.TYPE_TXT:
    case wire.TYPE_SPF:
      while (at < end) {
        f.uint(type === wire.TYPE_TXT ? F['txt.length'] : F['spf.length'], at, 1, bytes[at]!);
        at = text(type === wire.TYPE_TXT ? F.txt : F.spf, at);
      }
      return;
    case wire.TYPE_HINFO:
      text(F['hinfo.os'], text(F['hinfo.cpu'], at));
      return;
    case wire.TYPE_SRV:
      if (size < 7) break;
      f.uint(F['srv.priority'], at, 2, be16(bytes, at));
      f.uint(F['srv.weight'], at + 2, 2, be16(bytes, at + 2));
      f.uint(F['srv.port'], at + 4, 2, be16(bytes, at + 4));
      walkName(f, F['srv.target'], at + 6, end, message);
      return;
    case wire.TYPE_NAPTR:
      if (size < 8) break;
      f.uint(F['naptr.order'], at, 2, be16(bytes, at));
      f.uint(F['naptr.preference'], at + 2, 2, be16(bytes, at + 2));
      at = text(F['naptr.regex'], text(F['naptr.service'], text(F['naptr.flags'], at + 4)));
      walkName(f, F['naptr.replacement'], at, end, message);
      return;
    case wire.TYPE_DS:
      if (size < 4) break;
      f.uint(F['ds.key_id'], at, 2, be16(bytes, at));
      f.uint(F['ds.algorithm'], at + 2, 1, bytes[at + 2]!);
      f.uint(F['ds.digest_type'], at + 3, 1, bytes[at + 3]!);
      f.raw(F['ds.digest'], at + 4, size - 4);
      return;
    case wire.TYPE_SSHFP:
      if (size < 2) break;
      f.uint(F['sshfp.algorithm'], at, 1, bytes[at]!);
      f.uint(F['sshfp.fingerprint.type'], at + 1, 1, bytes[at + 1]!);
      f.raw(F['sshfp.fingerprint'], at + 2, size - 2);
      return;
    case wire.TYPE_RRSIG:
      if (size < 19) break;
      walkSignature(f, at, end, message);
      return;
    case wire.TYPE_NSEC: {
      const name = walkName(f, F['nsec.next_domain_name'], at, end, message);
      if (name !== null) walkTypes(f, F['resp.type'], name.end, end);
      return;
    }
    case wire.TYPE_DNSKEY:
      if (size < 4) break;
      f.uint(F['dnskey.flags'], at, 2, be16(bytes, at));
      f.bool(F['dnskey.flags.zone_key'], at, 2, (bytes[at]! & 1) !== 0);
      f.bool(F['dnskey.flags.key_revoked'], at, 2, (bytes[at + 1]! & 0x80) !== 0);
      f.bool(F['dnskey.flags.secure_entry_point'], at, 2, (bytes[at + 1]! & 1) !== 0);
      f.uint(F['dnskey.flags.reserved'], at, 2, be16(bytes, at) & 0xfe7e);
      f.uint(F['dnskey.protocol'], at + 2, 1, bytes[at + 2]!);
      f.uint(F['dnskey.algorithm'], at + 3, 1, bytes[at + 3]!);
      f.raw(F['dnskey.public_key'], at + 4, size - 4);
      return;
    case wire.TYPE_TLSA:
      if (size < 3) break;
      f.uint(F['tlsa.certificate_usage'], at, 1, bytes[at]!);
      f.uint(F['tlsa.selector'], at + 1, 1, bytes[at + 1]!);
      f.uint(F['tlsa.matching_type'], at + 2, 1, bytes[at + 2]!);
      f.raw(F['tlsa.certificate_association_data'], at + 3, size - 3);
      return;
    case wire.TYPE_SVCB:
    case wire.TYPE_HTTPS:
      if (size < 3) break;
      walkService(f, at, end, message);
      return;
    case wire.TYPE_CAA: {
      if (size < 2) break;
      f.uint(F['caa.flags'], at, 1, bytes[at]!);
      const value = text(F['caa.tag'], at + 1);
      f.value(F['caa.value'], value, end - value, latin1(bytes, value, end));
      return;
    }
    case wire.TYPE_OPT:
      walkOptions(f, at, end);
      return;
    case wire.TYPE_NSEC3:
      if (walkNsec3(f, F['resp.type'], at, end)) return;
      break;
    case wire.TYPE_TSIG:
      if (walkTsig(f, at, end, message)) return;
      break;
  }
  if (size > 0) f.raw(F.data, at, size);
}

const latin1 = (bytes: Uint8Array, at: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + at, Math.max(end - at, 0)).toString('latin1');

function walkSoa(f: Fields, at: number, end: number, message: number): void {
  const first = walkName(f, F['soa.mname'], at, end, message);
  if (first === null) return;
  const second = walkName(f, F['soa.rname'], first.end, end, message);
  if (second === null || !f.fits('dns', second.end, 20, end)) return;
  const numbers = [
    F['soa.serial_number'],
    F['soa.refresh_interval'],
    F['soa.retry_interval'],
    F['soa.expire_limit'],
    F['soa.minimum_ttl'],
  ];
  for (let i = 0; i < numbers.length; i++)
    f.uint(numbers[i]!, second.end + i * 4, 4, be32(f.bytes, second.end + i * 4));
}

function walkSignature(f: Fields, at: number, end: number, message: number): void {
  const { bytes } = f;
  f.uint(F['rrsig.type_covered'], at, 2, be16(bytes, at));
  f.uint(F['rrsig.algorithm'], at + 2, 1, bytes[at + 2]!);
  f.uint(F['rrsig.labels'], at + 3, 1, bytes[at + 3]!);
  f.uint(F['rrsig.original_ttl'], at + 4, 4, be32(bytes, at + 4));
  f.time(F['rrsig.signature_expiration'], at + 8, 4, be32(bytes, at + 8), 0);
  f.time(F['rrsig.signature_inception'], at + 12, 4, be32(bytes, at + 12), 0);
  f.uint(F['rrsig.key_tag'], at + 16, 2, be16(bytes, at + 16));
  const signer = walkName(f, F['rrsig.signers_name'], at + 18, end, message);
  if (signer !== null) f.raw(F['rrsig.signature'], signer.end, end - signer.end);
}

/** RFC 9460 2.2: priority, target, then parameters of key, length, value. */
function walkService(f: Fields, at: number, end: number, message: number): void {
  const { bytes } = f;
  f.uint(F['svcb.svcpriority'], at, 2, be16(bytes, at));
  const target = walkName(f, F['svcb.targetname'], at + 2, end, message);
  if (target === null) return;
  for (at = target.end; at + 4 <= end; ) {
    const key = be16(bytes, at);
    const length = be16(bytes, at + 2);
    if (!f.fits('dns', at + 4, length, end)) return;
    f.raw(F['svcb.svcparam'], at, 4 + length);
    f.uint(F['svcb.svcparam.key'], at, 2, key);
    f.uint(F['svcb.svcparam.value.length'], at + 2, 2, length);
    walkServiceValue(f, key, at + 4, at + 4 + length);
    at += 4 + length;
  }
}

/** RFC 9460 7 and 8. */
function walkServiceValue(f: Fields, key: number, at: number, end: number): void {
  const { bytes } = f;
  switch (key) {
    case SVC_MANDATORY:
      for (; at + 2 <= end; at += 2) f.uint(F['svcb.svcparam.mandatory.key'], at, 2, be16(bytes, at));
      return;
    case SVC_ALPN:
      while (at < end) {
        const stop = Math.min(at + 1 + bytes[at]!, end);
        f.uint(F['svcb.svcparam.alpn.length'], at, 1, bytes[at]!);
        f.value(F['svcb.svcparam.alpn'], at + 1, stop - at - 1, latin1(bytes, at + 1, stop));
        at = stop;
      }
      return;
    case SVC_PORT:
      if (at + 2 <= end) f.uint(F['svcb.svcparam.port'], at, 2, be16(bytes, at));
      return;
    case SVC_IPV4_HINT:
      for (; at + 4 <= end; at += 4) f.raw(F['svcb.svcparam.ipv4hint.ip'], at, 4);
      return;
    case SVC_ECH:
      if (at < end) f.raw(F['svcb.svcparam.echconfig'], at, end - at);
      return;
    case SVC_IPV6_HINT:
      for (; at + 16 <= end; at += 16) f.raw(F['svcb.svcparam.ipv6hint.ip'], at, 16);
      return;
    default:
      if (at < end) f.raw(F['svcb.svcparam.value'], at, end - at);
  }
}

export const dns: Protocol = {
  name: 'dns',
  title: 'Domain Name System',
  print: (t, at, length) => printDns(t, at, length, false),
  walk: (f, at, end) => walkMessage(f, dns, at, end),
};

export const mdns: Protocol = {
  name: 'mdns',
  title: 'Multicast Domain Name System',
  print: (t, at, length) => printDns(t, at, length, true),
  walk: (f, at, end) => walkMessage(f, mdns, at, end),
};

export const llmnr: Protocol = {
  name: 'llmnr',
  title: 'Link-local Multicast Name Resolution',
  walk: (f, at, end) => walkMessage(f, llmnr, at, end),
};

/** DNS over TCP, RFC 1035 4.2.2: each message behind its length. */
export const dnsTcp: Protocol = {
  name: 'dns',
  title: 'Domain Name System',
  print: printOverTcp,
  measure: (bytes, at, end) => (at + TCP_PREFIX > end ? WAITS_FOR_MORE : TCP_PREFIX + be16(bytes, at)),
  walk(f, at, end) {
    for (;;) {
      if (!f.fits('dns', at, TCP_PREFIX + wire.HEADER_LENGTH, end)) return;
      const length = be16(f.bytes, at);
      const message = at + TCP_PREFIX;
      const layers = f.layers;
      walkMessage(f, dns, message, f.narrow(message + length, end, 'dns.length'));
      if (f.layers > layers) f.uint(F.length, at, 2, length);
      at = message + length;
      if (at >= end || length < wire.HEADER_LENGTH || f.stopped !== null) return;
    }
  },
};

function printOverTcp(t: Text, at: number, length: number): void {
  const { out } = t;
  t.layer = 'domain';
  if (length < TCP_PREFIX) {
    out.ascii(' domain ');
    t.complain('length', length, ' < ', TCP_PREFIX);
    return;
  }
  const stated = t.be16(at);
  if (stated !== length - TCP_PREFIX) {
    out.ascii(` [prefix length(${stated}) != length(${length - TCP_PREFIX})]`);
    t.invalid();
    return;
  }
  out.byte(32);
  printDns(t, at + TCP_PREFIX, length - TCP_PREFIX, false);
}
