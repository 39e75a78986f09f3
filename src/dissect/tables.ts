import type { DecodeAsTables, OtherTable } from './decode-as-tables.ts';
import type { Fields } from './fields.ts';
import type { Protocol } from './protocol.ts';

/** Which protocol follows which value of the layer above: filled from the list in `protocols.ts`, asked by the
 * dissectors, which therefore need not know each other. */

const byNumber = (size: number): (Protocol | undefined)[] => new Array<Protocol | undefined>(size).fill(undefined);

/** By LINKTYPE_ value. */
export const linkTypes = new Map<number, Protocol>();
/** By EtherType. */
export const etherTypes = new Map<number, Protocol>();
/** By the destination SAP of LLC. */
export const llcSaps = byNumber(256);
/** By OUI * 65536 + protocol of SNAP, where the OUI does not say that the protocol is an EtherType. */
export const snapProtocols = new Map<number, Protocol>();
/** By PPP protocol number, where it is not one that an EtherType has too. */
export const pppProtocols = new Map<number, Protocol>();
/** By IP protocol number; IPv6 extension headers among them. */
export const ipProtocols = byNumber(256);

/** Protocols by port. Where both ports of a packet have one, the earlier in the list of `protocols.ts` wins, for tcpdump
 * asks port by port in a fixed order. */
export class PortTable {
  readonly #rank = new Uint16Array(65536);
  readonly #protocols: Protocol[] = [];

  add(port: number, protocol: Protocol): void {
    let rank = this.#protocols.indexOf(protocol);
    if (rank < 0) rank = this.#protocols.push(protocol) - 1;
    if (this.#rank[port] === 0) this.#rank[port] = rank + 1;
  }

  get protocols(): readonly Protocol[] {
    return this.#protocols;
  }

  find(srcPort: number, dstPort: number): Protocol | undefined {
    const source = this.#rank[srcPort]!;
    const destination = this.#rank[dstPort]!;
    if ((source | destination) === 0) return undefined;
    if (source === 0 || destination === 0) return this.#protocols[(source | destination) - 1];
    return this.#protocols[Math.min(source, destination) - 1];
  }
}

/** Of protocols over TCP and UDP that carry no other one: the first words of all fields that can come of their bytes. Who
 * asks for none of these need not look into them. */
export const leaves = new Map<Protocol, readonly string[]>();

export const udpPorts = new PortTable();
export const tcpPorts = new PortTable();

/** Protocols that are known by their content (`accepts`), asked in this order where the ports do not decide. */
export const udpContents: Protocol[] = [];
export const tcpContents: Protocol[] = [];

/** The first of `contents` that accepts the bytes. */
export function findByContent(
  contents: readonly Protocol[],
  bytes: Uint8Array,
  at: number,
  end: number,
): Protocol | undefined {
  for (const protocol of contents) if (protocol.accepts!(bytes, at, end)) return protocol;
  return undefined;
}

/** A walk or a print, which may have been told what to decode as what. */
export interface Told {
  readonly decodeAs: DecodeAsTables | null;
}

/** The protocol of an EtherType. */
export const protocolOfEtherType = ({ decodeAs }: Told, type: number): Protocol | undefined =>
  decodeAs === null ? recentEtherType(type) : (decodeAs.etherTypes.get(type) as Protocol | undefined);

/** What was asked last of `etherTypes`, by the low bits: a Map's lookup takes longer than a comparison, and nearly all frames
 * have one of three EtherTypes. */
const RECENT = 16;
const recentTypes = new Int32Array(RECENT).fill(-1);
const recentProtocols = byNumber(RECENT);

function recentEtherType(type: number): Protocol | undefined {
  const slot = type & (RECENT - 1);
  if (recentTypes[slot] !== type) {
    recentTypes[slot] = type;
    recentProtocols[slot] = etherTypes.get(type);
  }
  return recentProtocols[slot];
}

/** What was told about a number of one of the other tables; undefined where nothing was. */
export const toldIn = ({ decodeAs }: Told, table: OtherTable, number: number): Protocol | undefined =>
  decodeAs === null ? undefined : (decodeAs.others[table]?.get(number) as Protocol | undefined);

/** The protocol of an IP protocol number. */
export const protocolOverIp = ({ decodeAs }: Told, number: number): Protocol | undefined =>
  decodeAs === null ? ipProtocols[number] : (decodeAs.ipProtocols[number] as Protocol | undefined);

/** What was told about a datagram or segment between two ports; undefined where nothing was. */
export function toldOver(
  { decodeAs }: Told,
  table: 'tcp' | 'udp',
  srcPort: number,
  dstPort: number,
): Protocol | undefined {
  if (decodeAs === null) return undefined;
  const told = decodeAs[table].find(srcPort, dstPort);
  return told as Protocol | undefined;
}

/** The protocol of a TCP payload whose bytes from `at` up to `end` are there: by its ports where the content fits, else by
 * its content. */
export function protocolOverTcp(f: Fields, at: number, end: number): Protocol | undefined {
  const { bytes } = f;
  const told = toldOver(f, 'tcp', f.srcPort, f.dstPort) ?? toldOfAllTcp(f);
  if (told !== undefined) return told;
  const spoken = f.sessions?.spoken(f);
  if (spoken !== undefined) return spoken;
  const protocol = tcpPorts.find(f.srcPort, f.dstPort);
  if (protocol?.walk) {
    // TLS is spoken on ports of all kinds; nothing else begins so, and goes on so.
    if (protocol.accepts ? protocol.accepts(bytes, at, end) : !mayBeTls(bytes, at, end)) return protocol;
    return findByContent(tcpContents, bytes, at, end) ?? (protocol.accepts ? undefined : protocol);
  }
  return findByContent(tcpContents, bytes, at, end);
}

/** True for a content type of TLS and the first byte of its versions. */
const mayBeTls = (bytes: Uint8Array, at: number, end: number): boolean =>
  at + 1 < end && bytes[at]! >= 20 && bytes[at]! <= 24 && bytes[at + 1] === 3;

/** What every datagram was told to be. */
export const toldOfAllUdp = ({ decodeAs }: Told): Protocol | undefined =>
  decodeAs === null ? undefined : (decodeAs.allUdp as Protocol | undefined);

/** What every segment was. */
export const toldOfAllTcp = ({ decodeAs }: Told): Protocol | undefined =>
  decodeAs === null ? undefined : (decodeAs.allTcp as Protocol | undefined);

/** The protocol of a UDP payload, likewise. */
export function protocolOverUdp(f: Fields, at: number, end: number): Protocol | undefined {
  const { bytes } = f;
  const told = toldOver(f, 'udp', f.srcPort, f.dstPort) ?? toldOfAllUdp(f);
  if (told !== undefined) return told;
  const spoken = f.sessions?.spoken(f);
  if (spoken !== undefined) return spoken;
  // What is announced is RTP and RTCP, of version 2 (RFC 7983 7: other protocols on the same ports begin otherwise).
  const expected = f.sessions?.expected(f);
  // Of RTP and RTCP the version is checked, which they begin with.
  if (expected !== undefined && at < end && (expected.name === 'tftp' || bytes[at]! >>> 6 === 2)) return expected;
  const protocol = udpPorts.find(f.srcPort, f.dstPort);
  if (protocol?.walk && (!protocol.accepts || protocol.accepts(bytes, at, end))) return protocol;
  return f.passesOver(udpContents) ? undefined : findByContent(udpContents, bytes, at, end);
}

/** For `Fields.passedOver`: what holds none of the fields whose names are given. A reader that looks at layers as well must
 * not pass anything over. */
export function unwanted(names: readonly string[]): ReadonlySet<object> {
  const words = new Set(names.map((name) => name.slice(0, name.indexOf('.'))));
  const found = new Set<object>();
  for (const [protocol, own] of leaves) if (!own.some((word) => words.has(word))) found.add(protocol);
  if (words.has('data')) return found;
  const isPassedOver = (protocol: Protocol): boolean => protocol.walk === undefined || found.has(protocol);
  for (const contents of [udpContents, tcpContents]) if (contents.every(isPassedOver)) found.add(contents);
  if (found.has(tcpContents) && tcpPorts.protocols.every(isPassedOver)) found.add(tcpPorts);
  return found;
}
