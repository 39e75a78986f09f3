import * as ber from '../wire/ber.ts';
import { ascii } from '../wire/text-line.ts';
import { defineFields, type Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';
import * as names from './snmp-names.ts';
import { printSnmp } from './snmp-text.ts';
import { addElapsed, requestMemory, requestOf } from './transactions.ts';

const many = { list: true } as const;
const VERSIONS = { 0: 'version-1', 1: 'v2c', 2: 'v2u', 3: 'snmpv3' };
const F = defineFields('snmp', {
  version: ['version', 'int32', { values: VERSIONS }],
  msgVersion: ['msgVersion', 'int32', { values: VERSIONS }],
  community: ['community', 'string'],
  data: ['data', 'uint32'],
  request_id: ['request-id', 'int32'],
  response_to: ['Response To', 'uint32'],
  time: ['Time', 'time'],
  error_status: ['error-status', 'int32'],
  error_index: ['error-index', 'int32'],
  non_repeaters: ['non-repeaters', 'uint32'],
  max_repetitions: ['max-repetitions', 'uint32'],
  enterprise: ['enterprise', 'string'],
  agent_addr: ['agent-addr', 'ipv4'],
  generic_trap: ['generic-trap', 'int32'],
  specific_trap: ['specific-trap', 'int32'],
  time_stamp: ['time-stamp', 'uint32'],
  variable_bindings: ['variable-bindings', 'uint32'],
  name: ['Object Name', 'string', many],
  'value.int': ['Value (Integer32)', 'int32', many],
  'value.octets': ['Value (OctetString)', 'bytes', many],
  'value.null': ['Value (Null)', 'none', many],
  'value.oid': ['Value (OID)', 'string', many],
  'value.ipv4': ['Value (IpAddress)', 'ipv4', many],
  'value.counter': ['Value (Counter32)', 'uint64', many],
  'value.g32': ['Value (Gauge32)', 'int32', many],
  'value.timeticks': ['Value (Timeticks)', 'uint64', many],
  'value.opaque': ['Value (Opaque)', 'bytes', many],
  noSuchObject: ['noSuchObject', 'none', many],
  noSuchInstance: ['noSuchInstance', 'none', many],
  endOfMibView: ['endOfMibView', 'none', many],
  msgID: ['msgID', 'uint32'],
  msgMaxSize: ['msgMaxSize', 'uint32'],
  msgFlags: ['msgFlags', 'bytes'],
  'v3.flags.auth': ['Authenticated', 'bool'],
  'v3.flags.crypt': ['Encrypted', 'bool'],
  'v3.flags.report': ['Reportable', 'bool'],
  msgSecurityModel: ['msgSecurityModel', 'uint32'],
  msgAuthoritativeEngineID: ['msgAuthoritativeEngineID', 'bytes'],
  msgAuthoritativeEngineBoots: ['msgAuthoritativeEngineBoots', 'uint32'],
  msgAuthoritativeEngineTime: ['msgAuthoritativeEngineTime', 'uint32'],
  msgUserName: ['msgUserName', 'string'],
  msgAuthenticationParameters: ['msgAuthenticationParameters', 'bytes'],
  msgPrivacyParameters: ['msgPrivacyParameters', 'bytes'],
  msgData: ['msgData', 'uint32'],
  encryptedPDU: ['encryptedPDU', 'bytes'],
  contextEngineID: ['contextEngineID', 'bytes'],
  contextName: ['contextName', 'string'],
});

const VERSION_3 = 3;
const SECURITY_USM = 3;

/** Walks elements one after the other: each step reads one, adds it as a field, and goes behind it. Where an element is not
 * what it must be, the walk stops and is told why. */
class Walker {
  readonly f: Fields;
  readonly element = new ber.Element();
  at: number;
  end: number;

  constructor(f: Fields, at: number, end: number) {
    this.f = f;
    this.at = at;
    this.end = end;
  }

  read(identifier: number): boolean {
    const { f, element } = this;
    const trouble = ber.read(element, f.bytes, this.at, this.end);
    if (trouble !== null) {
      f.invalid('snmp', this.at, trouble === 'too long' ? element.length : 1, this.end - this.at, 'snmp.length');
      return false;
    }
    if (identifier >= 0 && element.identifier !== identifier) {
      f.invalid('snmp', this.at, identifier, element.identifier, 'snmp.identifier');
      return false;
    }
    return true;
  }

  /** Into the contents of a constructed element. */
  enter(identifier: number): boolean {
    if (!this.read(identifier)) return false;
    this.at = this.element.at;
    this.end = this.element.end;
    return true;
  }

  int(id: number, identifier = ber.TAG_INTEGER): boolean {
    if (!this.read(identifier)) return false;
    const { at, end } = this.element;
    this.f.uint(id, at, end - at, ber.int32(this.f.bytes, at, end));
    this.at = end;
    return true;
  }

  unsigned(id: number, identifier = ber.TAG_INTEGER): boolean {
    if (!this.read(identifier)) return false;
    const { at, end } = this.element;
    this.f.uint(id, at, end - at, ber.uint32(this.f.bytes, at, end));
    this.at = end;
    return true;
  }

  octets(id: number): boolean {
    if (!this.read(ber.TAG_OCTETS)) return false;
    const { at, end } = this.element;
    this.f.raw(id, at, end - at);
    this.at = end;
    return true;
  }

  string(id: number): boolean {
    if (!this.read(ber.TAG_OCTETS)) return false;
    const { at, end } = this.element;
    this.f.value(id, at, end - at, ascii(this.f.bytes, at, end));
    this.at = end;
    return true;
  }

  oid(id: number): boolean {
    if (!this.read(ber.TAG_OID)) return false;
    const { at, end } = this.element;
    if (this.f.wants(id)) this.f.value(id, at, end - at, ber.oid(this.f.bytes, at, end, false));
    this.at = end;
    return true;
  }

  pdu(): void {
    const { f, element } = this;
    if (!this.read(-1)) return;
    const kind = element.tag;
    if (element.class !== ber.CLASS_CONTEXT || !element.isConstructed) return;
    f.uint(F.data, this.at, element.end - this.at, kind);
    this.at = element.at;
    this.end = element.end;
    if (kind === names.PDU_TRAP) {
      if (!this.oid(F.enterprise) || !this.read(names.IP_ADDRESS)) return;
      if (element.length === 4) f.raw(F.agent_addr, element.at, 4);
      this.at = element.end;
      if (!this.int(F.generic_trap) || !this.int(F.specific_trap)) return;
      if (!this.unsigned(F.time_stamp, names.TIME_TICKS)) return;
    } else {
      const isBulk = kind === names.PDU_BULK;
      if (!this.int(F.request_id)) return;
      walkExchange(f, element.at, kind, ber.int32(f.bytes, element.at, element.end));
      if (!(isBulk ? this.unsigned(F.non_repeaters) : this.int(F.error_status))) return;
      if (!(isBulk ? this.unsigned(F.max_repetitions) : this.int(F.error_index))) return;
    }
    this.bindings();
  }

  bindings(): void {
    const { f, element } = this;
    const begin = this.at;
    if (!this.enter(ber.TAG_SEQUENCE)) return;
    const { at: first, end } = this;
    let count = 0;
    for (let at = first; at < end && ber.read(element, f.bytes, at, end) === null; at = element.end) count++;
    f.uint(F.variable_bindings, begin, end - begin, count);
    this.at = first;
    while (this.at < end) {
      this.end = end;
      if (!this.enter(ber.TAG_SEQUENCE)) return;
      const next = this.end;
      if (!this.oid(F.name) || !this.read(-1)) return;
      this.value();
      this.at = next;
    }
  }

  value(): void {
    const { f, element } = this;
    const { at, end } = element;
    const { bytes } = f;
    const size = end - at;
    switch (element.identifier) {
      case ber.TAG_INTEGER:
        f.uint(F['value.int'], at, size, ber.int32(bytes, at, end));
        return;
      case ber.TAG_OCTETS:
        f.raw(F['value.octets'], at, size);
        return;
      case ber.TAG_NULL:
        f.raw(F['value.null'], at, size);
        return;
      case ber.TAG_OID:
        if (f.wants(F['value.oid'])) f.value(F['value.oid'], at, size, ber.oid(bytes, at, end, false));
        return;
      case names.IP_ADDRESS:
        if (size === 4) f.raw(F['value.ipv4'], at, 4);
        return;
      case names.COUNTER32:
      case names.COUNTER64:
        if (f.wants(F['value.counter'])) f.value(F['value.counter'], at, size, ber.uint64(bytes, at, end));
        return;
      case names.GAUGE32:
        f.uint(F['value.g32'], at, size, ber.int32(bytes, at, end));
        return;
      case names.TIME_TICKS:
        if (f.wants(F['value.timeticks'])) f.value(F['value.timeticks'], at, size, ber.uint64(bytes, at, end));
        return;
      case names.OPAQUE:
        f.raw(F['value.opaque'], at, size);
        return;
      case 0x80:
        f.raw(F.noSuchObject, at, size);
        return;
      case 0x81:
        f.raw(F.noSuchInstance, at, size);
        return;
      case 0x82:
        f.raw(F.endOfMibView, at, size);
    }
  }

  message3(): void {
    const { f, element } = this;
    const { end } = this;
    if (!this.enter(ber.TAG_SEQUENCE)) return;
    const next = this.end;
    if (!this.unsigned(F.msgID) || !this.unsigned(F.msgMaxSize) || !this.octets(F.msgFlags)) return;
    if (element.length === 1) {
      const flags = f.bytes[element.at]!;
      f.bool(F['v3.flags.report'], element.at, 1, (flags & 4) !== 0);
      f.bool(F['v3.flags.crypt'], element.at, 1, (flags & 2) !== 0);
      f.bool(F['v3.flags.auth'], element.at, 1, (flags & 1) !== 0);
    }
    if (!this.unsigned(F.msgSecurityModel)) return;
    const model = ber.uint32(f.bytes, element.at, element.end);
    this.at = next;
    this.end = end;
    if (!this.read(ber.TAG_OCTETS)) return;
    const data = element.end;
    this.at = element.at;
    this.end = data;
    if (model === SECURITY_USM && element.length > 0) {
      if (!this.enter(ber.TAG_SEQUENCE) || !this.octets(F.msgAuthoritativeEngineID)) return;
      if (!this.unsigned(F.msgAuthoritativeEngineBoots) || !this.unsigned(F.msgAuthoritativeEngineTime)) return;
      if (!this.string(F.msgUserName) || !this.octets(F.msgAuthenticationParameters)) return;
      if (!this.octets(F.msgPrivacyParameters)) return;
    }
    this.at = data;
    this.end = end;
    if (!this.read(-1)) return;
    const isPlain = element.identifier === ber.TAG_SEQUENCE;
    f.uint(F.msgData, this.at, element.end - this.at, isPlain ? 0 : 1);
    if (!isPlain) {
      f.raw(F.encryptedPDU, element.at, element.length);
      return;
    }
    if (!this.enter(ber.TAG_SEQUENCE) || !this.octets(F.contextEngineID) || !this.string(F.contextName)) return;
    this.pdu();
  }
}

const requests = requestMemory([F.response_to, F.time]);

/** Adds which request a response answers. */
function walkExchange(f: Fields, at: number, kind: number, id: number): void {
  const isResponse = kind === names.PDU_RESPONSE;
  if (!isResponse && !names.PDU_REQUESTS.has(kind)) return;
  const memory = requests.of(f);
  if (memory === null) return;
  const key = `${f.sessions!.conversation(f)}${id}`;
  if (!isResponse) {
    memory.set(key, requestOf(f));
    return;
  }
  const request = memory.get(key);
  if (request === undefined) return;
  f.uint(F.response_to, at, 0, request.frame);
  addElapsed(f, F.time, at, request);
}

export const snmp: Protocol = {
  name: 'snmp',
  title: 'Simple Network Management Protocol',
  print: printSnmp,
  walk(f, at, end) {
    if (!f.fits('snmp', at, 2, end)) return;
    f.layer(snmp, at, end - at);
    const walker = new Walker(f, at, end);
    if (!walker.enter(ber.TAG_SEQUENCE) || !walker.read(ber.TAG_INTEGER)) return;
    const { element } = walker;
    const version = ber.int32(f.bytes, element.at, element.end);
    f.uint(version === VERSION_3 ? F.msgVersion : F.version, element.at, element.length, version);
    walker.at = element.end;
    if (version === VERSION_3) walker.message3();
    else if (walker.string(F.community)) walker.pdu();
  },
};
