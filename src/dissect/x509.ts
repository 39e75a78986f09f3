import * as ber from '../wire/ber.ts';
import { latin1 } from '../wire/text-line.ts';
import { defineFields, type Fields, groupOf } from './fields.ts';
import { walkTimestamps } from './tls-extensions.ts';
import { TLS } from './tls-fields.ts';

/** Certificates of X.509, RFC 5280 4: serial number, algorithms, names, times, and the extensions that say for whom and for
 * what they are. */

const many = { list: true } as const;
const AF = defineFields('x509af', {
  version: ['version', 'int32', many],
  serialNumber: ['serialNumber', 'bytes', many],
  'algorithm.id': ['Algorithm Id', 'string', many],
  issuer: ['issuer', 'uint32', many],
  notBefore: ['notBefore', 'uint32', many],
  notAfter: ['notAfter', 'uint32', many],
  utcTime: ['utcTime', 'string', many],
  generalizedTime: ['generalizedTime', 'time', { list: true, date: 'local' }],
  subject: ['subject', 'uint32', many],
  rdnSequence: ['rdnSequence', 'uint32', many],
  extensions: ['extensions', 'uint32', many],
  'extension.id': ['Extension Id', 'string', many],
  critical: ['critical', 'bool', many],
});
const IF = defineFields('x509if', {
  rdnSequence: ['rdnSequence', 'uint32', many],
  RDNSequence_item: ['RDNSequence item', 'uint32', many],
  oid: ['Object Id', 'string', many],
});
const SAT = defineFields('x509sat', {
  DirectoryString: ['DirectoryString', 'uint32', many],
  CountryName: ['CountryName', 'string', many],
  PrintableString: ['PrintableString', 'string', many],
  teletexString: ['teletexString', 'string', many],
  printableString: ['printableString', 'string', many],
  universalString: ['universalString', 'string', many],
  bmpString: ['bmpString', 'string', many],
  uTF8String: ['uTF8String', 'string', many],
  IA5String: ['IA5String', 'string', many],
});
const CE = defineFields('x509ce', {
  SubjectKeyIdentifier: ['SubjectKeyIdentifier', 'bytes', many],
  keyIdentifier: ['keyIdentifier', 'bytes', many],
  cA: ['cA', 'bool', many],
  pathLenConstraint: ['pathLenConstraint', 'uint64', many],
  KeyPurposeIDs: ['KeyPurposeIDs', 'uint32', many],
  KeyPurposeId: ['KeyPurposeId', 'string', many],
  KeyUsage: ['KeyUsage', 'bytes', many],
  'KeyUsage.digitalSignature': ['digitalSignature', 'bool', many],
  'KeyUsage.contentCommitment': ['contentCommitment', 'bool', many],
  'KeyUsage.keyEncipherment': ['keyEncipherment', 'bool', many],
  'KeyUsage.dataEncipherment': ['dataEncipherment', 'bool', many],
  'KeyUsage.keyAgreement': ['keyAgreement', 'bool', many],
  'KeyUsage.keyCertSign': ['keyCertSign', 'bool', many],
  'KeyUsage.cRLSign': ['cRLSign', 'bool', many],
  'KeyUsage.encipherOnly': ['encipherOnly', 'bool', many],
  'KeyUsage.decipherOnly': ['decipherOnly', 'bool', many],
  CertificatePoliciesSyntax: ['CertificatePoliciesSyntax', 'uint32', many],
  policyIdentifier: ['policyIdentifier', 'string', many],
  CRLDistPointsSyntax: ['CRLDistPointsSyntax', 'uint32', many],
  distributionPoint: ['distributionPoint', 'uint32', many],
  fullName: ['fullName', 'uint32', many],
  GeneralNames: ['GeneralNames', 'uint32', many],
  GeneralName: ['GeneralName', 'uint32', many],
  rfc822Name: ['rfc822Name', 'string', many],
  dNSName: ['dNSName', 'string', many],
  uniformResourceIdentifier: ['uniformResourceIdentifier', 'string', many],
  'IPAddress.ipv4': ['iPAddress', 'ipv4', many],
  'IPAddress.ipv6': ['iPAddress', 'ipv6', many],
});
/** With those of signed timestamps, which are TLS's. */
const TIMESTAMPS = [...Object.values(TLS.general), TLS.sig_hash_alg, TLS.sig_hash_hash, TLS.sig_hash_sig];
const group = groupOf([...[AF, IF, SAT, CE].flatMap((ids) => Object.values(ids)), ...TIMESTAMPS]);

/** Bits of a key's usage, in their order. */
const USAGES = [
  CE['KeyUsage.digitalSignature'],
  CE['KeyUsage.contentCommitment'],
  CE['KeyUsage.keyEncipherment'],
  CE['KeyUsage.dataEncipherment'],
  CE['KeyUsage.keyAgreement'],
  CE['KeyUsage.keyCertSign'],
  CE['KeyUsage.cRLSign'],
  CE['KeyUsage.encipherOnly'],
  CE['KeyUsage.decipherOnly'],
];

const TAG_BOOLEAN = 1;
const TAG_BIT_STRING = 3;
const TAG_SET = 0x31;
const TAG_UTC_TIME = 23;
const TAG_GENERALIZED_TIME = 24;
const TAG_CHOICE_0 = 0xa0;
/** Of a certificate, RFC 5280 4.1: its version and its extensions. */
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;

/** Kinds of strings by their tag: the number of the choice, the field, and how many bytes a character has. */
const STRINGS: Readonly<Record<number, readonly [choice: number, id: number]>> = {
  20: [0, SAT.teletexString],
  19: [1, SAT.printableString],
  28: [2, SAT.universalString],
  30: [3, SAT.bmpString],
  12: [4, SAT.uTF8String],
};
const TAG_BMP_STRING = 30;
const TAG_UTF8_STRING = 12;
const TAG_IA5_STRING = 22;
const COUNTRY = '2.5.4.6';
const SERIAL_NUMBER = '2.5.4.5';

/** Extensions, RFC 5280 4.2.1. */
const SUBJECT_KEY = '2.5.29.14';
const SUBJECT_ALTERNATIVES = '2.5.29.17';
const ISSUER_ALTERNATIVES = '2.5.29.18';
const BASIC_CONSTRAINTS = '2.5.29.19';
const AUTHORITY_KEY = '2.5.29.35';
const KEY_USAGE = '2.5.29.15';
const CRL_DISTRIBUTION_POINTS = '2.5.29.31';
const POLICIES = '2.5.29.32';
const KEY_PURPOSES = '2.5.29.37';
const AUTHORITY_INFORMATION = '1.3.6.1.5.5.7.1.1';
/** RFC 6962 3.3. */
const SIGNED_TIMESTAMPS = '1.3.6.1.4.1.11129.2.4.2';

/** Choices of a GeneralName, RFC 5280 4.2.1.6. */
const RFC822_NAME = 1;
const DNS_NAME = 2;
const URI = 6;
const IP_ADDRESS = 7;

/** Walks the elements of a certificate one after the other. */
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

  /** Reads the next element, which must have the identifier (-1: any), and goes behind it. */
  read(identifier = -1): boolean {
    const { element } = this;
    if (ber.read(element, this.f.bytes, this.at, this.end) !== null) return false;
    if (identifier >= 0 && element.identifier !== identifier) return false;
    this.at = element.end;
    return true;
  }

  /** A walker of the contents of the element that was read. */
  inside(): Walker {
    return new Walker(this.f, this.element.at, this.element.end);
  }

  /** How many elements there are from here on. */
  count(): number {
    const ahead = new Walker(this.f, this.at, this.end);
    let count = 0;
    while (ahead.read()) count++;
    return count;
  }

  /** The object identifier of the element that was read. */
  oid(): string {
    return ber.oid(this.f.bytes, this.element.at, this.element.end, false);
  }

  addOid(id: number): string {
    const text = this.oid();
    this.f.value(id, this.element.at, this.element.length, text);
    return text;
  }

  /** Of an AlgorithmIdentifier. */
  algorithm(): boolean {
    if (!this.read(ber.TAG_SEQUENCE)) return false;
    const inner = this.inside();
    if (!inner.read(ber.TAG_OID)) return false;
    inner.addOid(AF['algorithm.id']);
    return true;
  }

  /** A Name: a sequence of sets of pairs. */
  name(id: number, sequenceId: number): boolean {
    const { f, element } = this;
    if (!this.read(ber.TAG_SEQUENCE)) return false;
    f.uint(id, element.at, element.length, 0);
    const sequence = this.inside();
    f.uint(sequenceId, element.at, element.length, sequence.count());
    return sequence.relativeNames();
  }

  /** The sets of a Name. */
  relativeNames(): boolean {
    const { f } = this;
    while (this.read(TAG_SET)) {
      const set = this.inside();
      f.uint(IF.RDNSequence_item, set.at, set.end - set.at, set.count());
      while (set.read(ber.TAG_SEQUENCE)) {
        const pair = set.inside();
        if (!pair.read(ber.TAG_OID)) return false;
        const type = pair.addOid(IF.oid);
        if (!pair.read()) return false;
        pair.attribute(type);
      }
    }
    return true;
  }

  attribute(type: string): void {
    const { f, element } = this;
    const { at, length } = element;
    if (type === COUNTRY) f.value(SAT.CountryName, at, length, this.text());
    else if (type === SERIAL_NUMBER) f.value(SAT.PrintableString, at, length, this.text());
    else if (element.identifier === TAG_IA5_STRING) f.value(SAT.IA5String, at, length, this.text());
    else {
      const kind = STRINGS[element.identifier];
      if (kind === undefined) return;
      f.uint(SAT.DirectoryString, at, length, kind[0]);
      f.value(kind[1], at, length, this.text());
    }
  }

  text(): string {
    const { bytes } = this.f;
    const { at, end, identifier } = this.element;
    if (identifier === TAG_UTF8_STRING) return Buffer.from(bytes.subarray(at, end)).toString('utf8');
    if (identifier !== TAG_BMP_STRING) return latin1(bytes, at, end);
    let text = '';
    for (let place = at; place + 2 <= end; place += 2)
      text += String.fromCharCode((bytes[place]! << 8) | bytes[place + 1]!);
    return text;
  }

  time(id: number): boolean {
    const { f, element } = this;
    if (!this.read()) return false;
    const { at, length } = element;
    const isUtc = element.identifier === TAG_UTC_TIME;
    if (!isUtc && element.identifier !== TAG_GENERALIZED_TIME) return false;
    f.uint(id, at, length, isUtc ? 0 : 1);
    const parts = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(latin1(f.bytes, at, element.end));
    if (parts === null || (parts[1]!.length === 2) !== isUtc) return true;
    const [, digits, month, day, hour, minute, second] = parts;
    // RFC 5280 4.1.2.5.1: two digits are of 1950 to 2049.
    const year = isUtc ? (Number(digits) < 50 ? '20' : '19') + digits : digits;
    if (isUtc) f.value(AF.utcTime, at, length, `${year}-${month}-${day} ${hour}:${minute}:${second} (UTC)`);
    else {
      const time = Date.UTC(+year!, +month! - 1, +day!, +hour!, +minute!, +second!);
      f.time(AF.generalizedTime, at, length, time / 1000, 0);
    }
    return true;
  }

  extensions(): void {
    const { f, element } = this;
    if (!this.read(ber.TAG_SEQUENCE)) return;
    const list = this.inside();
    f.uint(AF.extensions, element.at, element.length, list.count());
    while (list.read(ber.TAG_SEQUENCE)) {
      const one = list.inside();
      if (!one.read(ber.TAG_OID)) return;
      const type = one.addOid(AF['extension.id']);
      if (!one.read()) return;
      if (one.element.identifier === TAG_BOOLEAN) {
        f.bool(AF.critical, one.element.at, 1, f.bytes[one.element.at] !== 0);
        if (!one.read()) return;
      }
      if (one.element.identifier === ber.TAG_OCTETS) one.inside().extension(type);
    }
  }

  extension(type: string): void {
    const { f, element } = this;
    if (type === SUBJECT_KEY) {
      if (this.read(ber.TAG_OCTETS)) f.raw(CE.SubjectKeyIdentifier, element.at, element.length);
      return;
    }
    if (type === SIGNED_TIMESTAMPS) {
      if (this.read(ber.TAG_OCTETS)) walkTimestamps(f, TLS, element.at, element.end);
      return;
    }
    if (type === KEY_USAGE) {
      this.keyUsage();
      return;
    }
    if (!this.read(ber.TAG_SEQUENCE)) return;
    const list = this.inside();
    switch (type) {
      case SUBJECT_ALTERNATIVES:
      case ISSUER_ALTERNATIVES:
        f.uint(CE.GeneralNames, element.at, element.length, list.count());
        while (list.read()) list.generalName();
        break;
      case BASIC_CONSTRAINTS:
        if (!list.read()) break;
        if (list.element.identifier === TAG_BOOLEAN) {
          f.bool(CE.cA, list.element.at, 1, f.bytes[list.element.at] !== 0);
          if (!list.read()) break;
        }
        if (list.element.identifier === ber.TAG_INTEGER)
          f.value(
            CE.pathLenConstraint,
            list.element.at,
            list.element.length,
            ber.uint64(f.bytes, list.element.at, list.element.end),
          );
        break;
      case AUTHORITY_KEY:
        if (list.read(0x80)) f.raw(CE.keyIdentifier, list.element.at, list.element.length);
        break;
      case CRL_DISTRIBUTION_POINTS:
        f.uint(CE.CRLDistPointsSyntax, element.at, element.length, list.count());
        while (list.read(ber.TAG_SEQUENCE)) list.inside().distributionPoint();
        break;
      case AUTHORITY_INFORMATION:
        while (list.read(ber.TAG_SEQUENCE)) {
          const access = list.inside();
          if (access.read(ber.TAG_OID) && access.read()) access.location();
        }
        break;
      case POLICIES:
        f.uint(CE.CertificatePoliciesSyntax, element.at, element.length, list.count());
        while (list.read(ber.TAG_SEQUENCE)) {
          const policy = list.inside();
          if (policy.read(ber.TAG_OID)) policy.addOid(CE.policyIdentifier);
        }
        break;
      case KEY_PURPOSES:
        f.uint(CE.KeyPurposeIDs, element.at, element.length, list.count());
        while (list.read(ber.TAG_OID)) list.addOid(CE.KeyPurposeId);
        break;
    }
  }

  /** RFC 5280 4.2.1.3: bits from the highest of the first byte on. */
  keyUsage(): void {
    const { f, element } = this;
    if (!this.read(TAG_BIT_STRING) || element.length < 2) return;
    const { at, end } = element;
    f.raw(CE.KeyUsage, at + 1, end - at - 1);
    for (const [bit, id] of USAGES.entries()) {
      const place = at + 1 + (bit >> 3);
      f.bool(id, Math.min(place, end - 1), 1, place < end && (f.bytes[place]! & (0x80 >> (bit & 7))) !== 0);
    }
  }

  /** RFC 5280 4.2.1.13: where it is, of which only the full name is looked at. */
  distributionPoint(): void {
    if (!this.read(TAG_CHOICE_0)) return;
    const name = this.inside();
    if (!name.read()) return;
    const { element } = name;
    name.f.uint(CE.distributionPoint, element.at, element.length, element.tag);
    if (element.tag !== 0) return;
    const names = name.inside();
    name.f.uint(CE.fullName, element.at, element.length, names.count());
    while (names.read()) names.generalName();
  }

  generalName(): void {
    const { at, length, tag } = this.element;
    if (this.element.class !== ber.CLASS_CONTEXT) return;
    this.f.uint(CE.GeneralName, at, length, tag);
    this.location();
  }

  /** What the GeneralName says that was read. */
  location(): void {
    const { f, element } = this;
    const { at, end, length, tag } = element;
    if (element.class !== ber.CLASS_CONTEXT) return;
    if (tag === RFC822_NAME) f.value(CE.rfc822Name, at, length, latin1(f.bytes, at, end));
    else if (tag === DNS_NAME) f.value(CE.dNSName, at, length, latin1(f.bytes, at, end));
    else if (tag === URI) f.value(CE.uniformResourceIdentifier, at, length, latin1(f.bytes, at, end));
    else if (tag === IP_ADDRESS && length === 4) f.raw(CE['IPAddress.ipv4'], at, length);
    else if (tag === IP_ADDRESS && length === 16) f.raw(CE['IPAddress.ipv6'], at, length);
  }

  /** RFC 5280 4.1: what is signed, the algorithm of the signature, the signature. */
  certificate(): void {
    if (!this.read(ber.TAG_SEQUENCE)) return;
    const signed = this.inside();
    if (!signed.read(ber.TAG_SEQUENCE) || !signed.inside().content()) return;
    signed.algorithm();
  }

  content(): boolean {
    const { f } = this;
    if (!this.read()) return false;
    if (this.element.identifier === TAG_VERSION) {
      const version = this.inside();
      if (!version.read(ber.TAG_INTEGER)) return false;
      const { at, end, length } = version.element;
      f.uint(AF.version, at, length, ber.int32(f.bytes, at, end));
      if (!this.read()) return false;
    }
    const { identifier, at, length } = this.element;
    if (identifier !== ber.TAG_INTEGER) return false;
    f.raw(AF.serialNumber, at, length);
    if (!this.algorithm() || !this.name(AF.issuer, IF.rdnSequence) || !this.read(ber.TAG_SEQUENCE)) return false;
    const validity = this.inside();
    if (!validity.time(AF.notBefore) || !validity.time(AF.notAfter)) return false;
    if (!this.name(AF.subject, AF.rdnSequence) || !this.read(ber.TAG_SEQUENCE)) return false;
    const key = this.inside();
    if (!key.algorithm() || !key.read(TAG_BIT_STRING)) return false;
    // Unique identifiers of issuer and subject may stand before.
    while (this.read()) if (this.element.identifier === TAG_EXTENSIONS) this.inside().extensions();
    return true;
  }
}

/** Adds the fields of the certificate from `at` up to `end`, to the layer begun last. What is no certificate gives those
 * that come before the fault. */
export function walkX509(f: Fields, at: number, end: number): void {
  if (f.wantsSome(group)) new Walker(f, at, end).certificate();
}

/** The same of a Name alone, as that of an authority in a request for a certificate. */
export function walkX509Name(f: Fields, at: number, end: number): void {
  const walker = new Walker(f, at, end);
  if (f.wantsSome(group) && walker.read(ber.TAG_SEQUENCE)) walker.inside().relativeNames();
}
