import * as ber from '../wire/ber.ts';
import { latin1 } from '../wire/text-line.ts';
import * as names from './snmp-names.ts';
import type { Text } from './text.ts';

const VERSION_1 = 0;
const VERSION_2C = 1;
const VERSION_3 = 3;
const VERSIONS: Readonly<Record<number, string>> = {
  [VERSION_1]: 'SNMPv1',
  [VERSION_2C]: 'SNMPv2c',
  [VERSION_3]: 'SNMPv3',
};
/** A community that is not worth a word. */
const USUAL = 'public';
const FLAG_AUTHENTICATED = 1;
const FLAG_PRIVATE = 2;
const FLAG_REPORTABLE = 4;
const SECURITY_USM = 3;

const CLASS_PRIVATE = 3;
/** Names of tags by class; others are not known. */
const CLASSES: readonly (readonly string[])[] = [
  [
    ...['U-0', 'Boolean', 'Integer', 'Bitstring', 'String', 'Null', 'ObjID', 'ObjectDes'],
    ...['U-8', 'U-9', 'U-10', 'U-11', 'U-12', 'U-13', 'U-14', 'U-15', 'Sequence', 'Set'],
  ],
  ['IpAddress', 'Counter', 'Gauge', 'TimeTicks', 'Opaque', 'C-5', 'Counter64'],
  names.PDUS,
  ['P-0'],
];
/** Identifiers that have a form of their own. */
const HANDLED = new Set([
  ...[ber.TAG_INTEGER, ber.TAG_OCTETS, ber.TAG_NULL, ber.TAG_OID, ber.TAG_SEQUENCE],
  ...[names.IP_ADDRESS, names.COUNTER32, names.GAUGE32, names.TIME_TICKS, names.COUNTER64],
]);

/** Reads and prints one message; `element` is the one read last. */
class Printer {
  readonly element = new ber.Element();
  readonly t: Text;

  constructor(t: Text) {
    this.t = t;
  }

  /** Reads the element at `at`; false where it cannot be, which is told. */
  read(at: number, end: number): boolean {
    const { t, element } = this;
    const trouble = ber.read(element, t.bytes, at, Math.min(end, t.end));
    // What the capture cut is no fault of the sender.
    if (trouble !== null && end > t.end) {
      if (trouble === 'too long') {
        if (element.end <= end) {
          if (this.#name() === undefined) return this.isKnown();
          t.need(t.end, 1);
        }
      } else if (trouble !== 'short length' || element.end <= end) t.reads(t.end, 1);
    }
    switch (trouble) {
      case null:
        break;
      case 'nothing':
        t.out.ascii('[nothing to parse]');
        return false;
      case 'no length':
        t.out.ascii('[no asnlen]');
        return false;
      case 'short length':
        t.out.ascii(`[asnlen? ${end - element.at}<${element.length}]`);
        return false;
      case 'too long':
        t.out.ascii(`[len${end - element.at}<asnlen${element.length}]`);
        return false;
    }
    return this.isKnown();
  }

  /** Name of the identifier read last, of whose tag tcpdump keeps eight bits. */
  #name(): string | undefined {
    return CLASSES[this.element.class]![this.element.tag & 0xff];
  }

  isKnown(): boolean {
    const { element, t } = this;
    const { tag, isConstructed } = element;
    const name = this.#name();
    if (name === undefined) {
      t.out.ascii(`[id?${isConstructed ? 'C' : 'P'}/x/${tag & 0xff}]`);
      return false;
    }
    if (element.class === ber.CLASS_UNIVERSAL && !isConstructed && tag === ber.TAG_INTEGER && element.length === 0) {
      t.out.ascii('[asnlen=0]');
      return false;
    }
    // What SNMP has no use for is named where it is read; printed, it is octets.
    if (element.class !== ber.CLASS_CONTEXT && !HANDLED.has(element.identifier)) {
      const letter = element.class === ber.CLASS_UNIVERSAL ? 'U' : 'A';
      if (isConstructed) t.out.ascii(`C/${letter === 'U' ? 'U' : 'x'}/${name}`);
      else t.out.ascii(`[P/${element.class === CLASS_PRIVATE ? 'x' : letter}/${name}]`);
    }
    return true;
  }

  is(identifier: number): boolean {
    return this.element.identifier === identifier;
  }

  /** Reads an element that must have this identifier; else says that it has not. */
  expect(at: number, end: number, identifier: number, complaint: string): boolean {
    if (!this.read(at, end)) return false;
    if (this.is(identifier)) return true;
    this.t.out.ascii(`[${complaint}]`);
    this.print();
    return false;
  }

  integer(): number {
    return ber.int32(this.t.bytes, this.element.at, this.element.end);
  }

  octets(at: number, end: number): void {
    for (; at < end; at++) {
      this.t.out.byte(95);
      this.t.out.hexPadded(this.t.bytes[at]!, 2);
    }
  }

  string(): void {
    const { out, bytes } = this.t;
    const { at, end } = this.element;
    for (let i = at; i < end; i++)
      if (bytes[i]! < 0x20 || bytes[i]! > 0x7e) {
        for (let k = at; k < end; k++) {
          if (k > at) out.byte(95);
          out.hexPadded(bytes[k]!, 2);
        }
        return;
      }
    out.byte(34);
    out.copy(bytes, at, end);
    out.byte(34);
  }

  /** Prints the element read last. */
  print(): void {
    const { t, element } = this;
    const { out, bytes } = t;
    const { at, end, identifier } = element;
    switch (identifier) {
      case ber.TAG_INTEGER:
        out.signed(this.integer());
        return;
      case ber.TAG_OCTETS:
        this.string();
        return;
      case ber.TAG_NULL:
        return;
      case ber.TAG_OID:
        out.ascii(ber.oid(bytes, at, end, true));
        return;
      case ber.TAG_SEQUENCE:
        out.ascii(`Seq(${end - at})`);
        return;
      case names.IP_ADDRESS:
        if (end - at !== 4) out.ascii('[inetaddr len!=4]');
        for (let i = at; i < end; i++) {
          if (i > at) out.byte(46);
          out.decimal(bytes[i]!);
        }
        return;
      case names.COUNTER32:
      case names.GAUGE32:
      case names.TIME_TICKS:
        out.decimal(ber.uint32(bytes, at, end));
        return;
      case names.COUNTER64:
        out.big(ber.uint64(bytes, at, end));
        return;
    }
    if (element.class === ber.CLASS_CONTEXT) {
      if (element.isConstructed) out.ascii(`${names.PDUS[element.tag]}(${end - at})`);
      else out.ascii(`[${names.EXCEPTIONS[element.tag] ?? 'BE_ANY!?'}]`);
      return;
    }
    this.octets(at, end);
  }

  message(at: number, end: number): void {
    const { out } = this.t;
    if (!this.expect(at, end, ber.TAG_SEQUENCE, '!init SEQ')) return;
    const extra = end - this.element.end;
    if (extra > 0) out.ascii(`[${extra} extra after iSEQ]`);
    const stop = this.element.end;
    if (!this.expect(this.element.at, stop, ber.TAG_INTEGER, 'version!=INT')) return;
    const version = this.integer();
    const name = VERSIONS[version];
    if (name === undefined) {
      out.ascii(`SNMP [version = ${version}]`);
      return;
    }
    if (this.t.verbose > 0) out.ascii(`{ ${name} `);
    if (version === VERSION_3) this.messageOf3(this.element.end, stop);
    else this.messageOf2(this.element.end, stop, version);
    if (this.t.verbose > 0) out.ascii('} ');
  }

  messageOf2(at: number, end: number, version: number): void {
    if (!this.expect(at, end, ber.TAG_OCTETS, 'comm!=STR')) return;
    const { element } = this;
    if (latin1(this.t.bytes, element.at, element.end) !== USUAL) {
      this.t.out.ascii('C=');
      this.string();
      this.t.out.byte(32);
    }
    this.pdu(element.end, end, version);
  }

  /** RFC 3412 6: header data, security parameters, the scoped PDU. */
  messageOf3(at: number, end: number): void {
    const { element, t } = this;
    const { out } = t;
    if (!this.expect(at, end, ber.TAG_SEQUENCE, '!message')) return;
    const next = element.end;
    if (t.verbose > 0) out.ascii('{ ');
    if (!this.expect(element.at, next, ber.TAG_INTEGER, 'msgID!=INT')) return;
    if (!this.expect(element.end, next, ber.TAG_INTEGER, 'msgMaxSize!=INT')) return;
    if (!this.expect(element.end, next, ber.TAG_OCTETS, 'msgFlags!=INT')) return;
    if (element.length !== 1) {
      out.ascii(`[msgFlags size ${element.length}]`);
      return;
    }
    const flags = t.bytes[element.at]!;
    if (flags > 7 || (flags & (FLAG_AUTHENTICATED | FLAG_PRIVATE)) === FLAG_PRIVATE) {
      out.ascii(`[msgFlags=0x${flags.toString(16).padStart(2, '0').toUpperCase()}]`);
      return;
    }
    out.ascii('F=');
    if (flags & FLAG_AUTHENTICATED) out.byte(97);
    if (flags & FLAG_PRIVATE) out.byte(112);
    if (flags & FLAG_REPORTABLE) out.byte(114);
    out.byte(32);
    if (!this.expect(element.end, next, ber.TAG_INTEGER, 'msgSecurityModel!=INT')) return;
    const model = this.integer();
    if (t.verbose > 0) out.ascii('} ');
    if (model !== SECURITY_USM) {
      out.ascii(`[security model ${model}]`);
      return;
    }
    if (!this.expect(next, end, ber.TAG_OCTETS, 'msgSecurityParameters!=STR')) return;
    const after = element.end;
    if (t.verbose > 0) out.ascii('{ ');
    if (!this.user(element.at, after)) return;
    if (t.verbose > 0) out.ascii('} { ScopedPDU ');
    this.scoped(after, end);
    if (t.verbose > 0) out.ascii('} ');
  }

  /** RFC 3414 2.4. */
  user(at: number, end: number): boolean {
    const { element, t } = this;
    if (!this.expect(at, end, ber.TAG_SEQUENCE, '!usm SEQ')) return false;
    const stop = element.end;
    if (!this.expect(element.at, stop, ber.TAG_OCTETS, 'msgAuthoritativeEngineID!=STR')) return false;
    if (!this.expect(element.end, stop, ber.TAG_INTEGER, 'msgAuthoritativeEngineBoots!=INT')) return false;
    const boots = this.integer();
    if (!this.expect(element.end, stop, ber.TAG_INTEGER, 'msgAuthoritativeEngineTime!=INT')) return false;
    const time = this.integer();
    if (!this.expect(element.end, stop, ber.TAG_OCTETS, 'msgUserName!=STR')) return false;
    if (t.verbose > 0) t.out.ascii(`USM B=${boots} T=${time} `);
    t.out.ascii('U=');
    this.string();
    t.out.byte(32);
    if (!this.expect(element.end, stop, ber.TAG_OCTETS, 'msgAuthenticationParameters!=STR')) return false;
    return this.expect(element.end, stop, ber.TAG_OCTETS, 'msgPrivacyParameters!=STR');
  }

  scoped(at: number, end: number): void {
    const { element, t } = this;
    if (!this.expect(at, end, ber.TAG_SEQUENCE, '!scoped PDU')) return;
    const stop = element.end;
    if (!this.expect(element.at, stop, ber.TAG_OCTETS, 'contextEngineID!=STR')) return;
    t.out.ascii('E=');
    this.octets(element.at, element.end);
    t.out.byte(32);
    if (!this.expect(element.end, stop, ber.TAG_OCTETS, 'contextName!=STR')) return;
    t.out.ascii('C=');
    this.string();
    t.out.byte(32);
    this.pdu(element.end, stop, VERSION_3);
  }

  pdu(at: number, end: number, version: number): void {
    const { element, t } = this;
    const { out } = t;
    if (!this.read(at, end)) return;
    if (element.class !== ber.CLASS_CONTEXT || !element.isConstructed) {
      out.ascii('[no PDU]');
      return;
    }
    const kind = element.tag;
    const stop = element.end;
    if (stop < end) out.ascii(`[${end - stop} extra after PDU]`);
    if (t.verbose > 0) out.ascii('{ ');
    out.ascii(`${names.PDUS[kind]}(${element.length}) `);
    if (version === VERSION_1 && kind >= names.PDU_BULK) {
      out.ascii('[v2 PDU in v1 message]');
      return;
    }
    if (version !== VERSION_1 && kind === names.PDU_TRAP) {
      out.ascii('[v1 PDU in v2 message]');
      return;
    }
    if (kind === names.PDU_TRAP) this.trap(element.at, stop);
    else this.request(element.at, stop, kind);
    if (t.verbose > 0) out.ascii(' } ');
  }

  request(at: number, end: number, kind: number): void {
    const { element, t } = this;
    const { out } = t;
    if (!this.expect(at, end, ber.TAG_INTEGER, 'reqId!=INT')) return;
    if (t.verbose > 0) out.ascii(`R=${this.integer()} `);
    if (!this.expect(element.end, end, ber.TAG_INTEGER, 'errorStatus!=INT')) return;
    const status = this.integer();
    let failed = false;
    if (kind === names.PDU_BULK) out.ascii(` N=${status}`);
    else if (status !== 0) {
      const name = names.ERRORS[status] ?? `err=${status}`;
      if (kind === names.PDU_RESPONSE) {
        out.ascii(` ${name}`);
        failed = true;
      } else out.ascii(`[errorStatus(${name})!=0]`);
    }
    if (!this.expect(element.end, end, ber.TAG_INTEGER, 'errorIndex!=INT')) return;
    const index = this.integer();
    if (kind === names.PDU_BULK) out.ascii(` M=${index}`);
    else if (kind === names.PDU_RESPONSE) {
      if (failed) out.ascii(index === 0 ? '[errorIndex==0]' : `@${index}`);
      else if (index !== 0) out.ascii(`[errorIndex(${index}) w/o errorStatus]`);
    } else if (index !== 0) out.ascii(`[errorIndex(${index})!=0]`);
    this.bindings(element.end, end, kind);
  }

  trap(at: number, end: number): void {
    const { element } = this;
    const { out } = this.t;
    out.byte(32);
    if (!this.expect(at, end, ber.TAG_OID, 'enterprise!=OID')) return;
    this.print();
    out.byte(32);
    if (!this.expect(element.end, end, names.IP_ADDRESS, 'agent-addr!=INETADDR')) return;
    this.print();
    if (!this.expect(element.end, end, ber.TAG_INTEGER, 'generic-trap!=INT')) return;
    const generic = this.integer();
    out.ascii(` ${names.TRAPS[generic] ?? `gt=${generic}`}`);
    if (!this.expect(element.end, end, ber.TAG_INTEGER, 'specific-trap!=INT')) return;
    const specific = this.integer();
    if (generic === names.TRAP_ENTERPRISE) out.ascii(` s=${specific}`);
    else if (specific !== 0) out.ascii(`[specific-trap(${specific})!=0]`);
    out.byte(32);
    if (!this.expect(element.end, end, names.TIME_TICKS, 'timestamp!=TIMETICKS')) return;
    this.print();
    if (element.end < end) this.bindings(element.end, end, names.PDU_TRAP);
  }

  bindings(at: number, end: number, kind: number): void {
    const { element } = this;
    const { out } = this.t;
    const isQuery = kind === names.PDU_GET || kind === names.PDU_NEXT || kind === names.PDU_BULK;
    if (!this.expect(at, end, ber.TAG_SEQUENCE, '!SEQ of varbind')) return;
    if (element.end < end) out.ascii(`[${end - element.end} extra after SEQ of varbind]`);
    const stop = element.end;
    at = element.at;
    while (at < stop) {
      out.byte(32);
      if (!this.expect(at, stop, ber.TAG_SEQUENCE, '!varbind')) return;
      const next = element.end;
      if (!this.expect(element.at, next, ber.TAG_OID, 'objName!=OID')) return;
      this.print();
      const value = element.end;
      if (!isQuery) out.byte(61);
      if (!this.read(value, next)) return;
      if (isQuery && !this.is(ber.TAG_NULL)) out.ascii('[objVal!=NULL]');
      this.print();
      at = next;
    }
  }
}

/** Prints the SNMP message of `length` bytes at `at`. */
export function printSnmp(t: Text, at: number, length: number): void {
  t.layer = 'snmp';
  t.out.byte(32);
  new Printer(t).message(at, at + length);
}
