import * as ethernet from '../../wire/ethernet.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_QINQ_OLD2,
  ETHERTYPE_VLAN,
} from '../../wire/ethertype.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from '../../wire/ipproto.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as vlanTag from '../../wire/vlan.ts';
import { eth, vlan } from '../eth.ts';
import { Fields, findFields } from '../fields.ts';
import { frame as frameProtocol } from '../frame.ts';
import { ip as ipProtocol } from '../ip.ts';
import { ipv6 as ipv6Protocol } from '../ip6.ts';
import { tcpPorts, udpContents, udpPorts } from '../tables.ts';
import { tcp as tcpProtocol } from '../tcp.ts';
import { udp as udpProtocol } from '../udp.ts';

/** Frames whose headers alone decide a display filter that asks for nothing but fields of Ethernet, IP, TCP and UDP headers:
 * Ethernet, tags, one IP header, one TCP or UDP header or an ICMP echo, all there and in order, no fragment, and a payload
 * that cannot have such fields again. Nine frames of ten are such, and what walks every frame takes ten times as long for them. */
export class PlainFrame {
  /** Where the rows of the fields that a part of the filter asks for are put, just as the walk gives them. */
  readonly record = new Fields();
  bytes: Uint8Array = new Uint8Array(0);
  frame = 0;
  captured = 0;
  original = 0;
  number = 0;
  seconds = 0;
  nanoseconds = 0;
  /** Offsets of the headers, and of what follows the last. */
  ip = 0;
  transport = 0;
  body = 0;
  isIpv4 = false;
  /** IPPROTO_TCP, IPPROTO_UDP, or IPPROTO_ICMP for an echo of either version. */
  protocol = 0;
  /** Where the IP packet ends on the wire. */
  wireEnd = 0;

  /** Looks at the frame of `captured` bytes at `at`. False where it is not plain; `passedOver` is what need not be looked
   * into. */
  parse(
    bytes: Uint8Array,
    at: number,
    captured: number,
    original: number,
    linkType: number,
    passedOver: ReadonlySet<object>,
  ): boolean {
    const end = at + captured;
    let ip = at + ethernet.HEADER_LENGTH;
    if (linkType !== LINKTYPE_ETHERNET || ip > end) return false;
    let type = ethernet.type(bytes, at);
    for (let tags = 0; isVlanType(type); tags++) {
      if (tags === MOST_TAGS || ip + vlanTag.HEADER_LENGTH > end) return false;
      type = vlanTag.type(bytes, ip);
      ip += vlanTag.HEADER_LENGTH;
    }
    let transport: number;
    let stop: number;
    let protocol: number;
    if (type === ETHERTYPE_IPV4) {
      if (ip + ipv4.HEADER_LENGTH > end || ipv4.version(bytes, ip) !== 4) return false;
      const headerLength = ipv4.headerLength(bytes, ip);
      const total = ipv4.totalLength(bytes, ip);
      // A total length of 0 is segmentation offload's.
      if (headerLength < ipv4.HEADER_LENGTH || total < headerLength) return false;
      if ((ipv4.flagsFragment(bytes, ip) & ~(ipv4.FLAG_RESERVED | ipv4.FLAG_DONT_FRAGMENT)) !== 0) return false;
      transport = ip + headerLength;
      stop = ip + total;
      protocol = ipv4.protocol(bytes, ip);
      this.isIpv4 = true;
    } else if (type === ETHERTYPE_IPV6) {
      if (ip + ipv6.HEADER_LENGTH > end || ipv6.version(bytes, ip) !== 6) return false;
      const length = ipv6.payloadLength(bytes, ip);
      if (length === 0) return false;
      transport = ip + ipv6.HEADER_LENGTH;
      stop = transport + length;
      protocol = ipv6.nextHeader(bytes, ip);
      this.isIpv4 = false;
    } else return false;
    this.wireEnd = Math.min(stop, at + original);
    const room = Math.min(stop, end) - transport;
    if (protocol === IPPROTO_TCP) {
      if (room < tcp.HEADER_LENGTH || !passedOver.has(tcpPorts)) return false;
      const headerLength = tcp.headerLength(bytes, transport);
      if (headerLength < tcp.HEADER_LENGTH || headerLength > room) return false;
      this.body = transport + headerLength;
    } else if (protocol === IPPROTO_UDP) {
      if (room < udp.HEADER_LENGTH || !passedOver.has(udpContents)) return false;
      const above = udpPorts.find(udp.srcPort(bytes, transport), udp.dstPort(bytes, transport));
      if (above !== undefined && !passedOver.has(above)) return false;
      this.body = transport + udp.HEADER_LENGTH;
    } else if (this.isIpv4 ? protocol === IPPROTO_ICMP : protocol === IPPROTO_ICMPV6) {
      if (room < 1) return false;
      // Errors bring a packet back, whose headers have the same fields.
      const message = bytes[transport]!;
      const { ECHO_REQUEST, ECHO_REPLY } = this.isIpv4 ? icmp : icmp6;
      if (message !== ECHO_REQUEST && message !== ECHO_REPLY) return false;
      protocol = IPPROTO_ICMP;
    } else return false;
    this.protocol = protocol;
    this.bytes = bytes;
    this.frame = at;
    this.captured = captured;
    this.original = original;
    this.ip = ip;
    this.transport = transport;
    return true;
  }

  /** Makes `record` hold the fields of these ids that the frame has. */
  read(ids: readonly number[]): Fields {
    const { record } = this;
    record.bytes = this.bytes;
    record.count = 0;
    for (let i = 0; i < ids.length; i++) {
      const entries = entriesOf[ids[i]!]!;
      for (let k = 0; k < entries.length; k++) {
        const entry = entries[k]!;
        const at = this.#headerAt(entry.header);
        if (at >= 0) entry.put(record, entry.id, this, at);
      }
    }
    return record;
  }

  /** Makes `f` hold what a walk that looks for the plan's fields finds in the frame: layers up to TCP or UDP, and fields. */
  fill(f: Fields, plan: PlainPlan): void {
    const { bytes, frame, captured, ip, transport } = this;
    f.begin(bytes, frame + captured, frame);
    f.layer(frameProtocol, frame, captured);
    this.#put(f, plan[FRAME]!, frame);
    f.layer(eth, frame, ethernet.HEADER_LENGTH);
    this.#put(f, plan[ETH]!, frame);
    for (let tag = frame + ethernet.HEADER_LENGTH; tag < ip; tag += vlanTag.HEADER_LENGTH)
      f.layer(vlan, tag, vlanTag.HEADER_LENGTH);
    f.layer(this.isIpv4 ? ipProtocol : ipv6Protocol, ip, this.isIpv4 ? transport - ip : ipv6.HEADER_LENGTH);
    this.#put(f, plan[this.isIpv4 ? IPV4 : IPV6]!, ip);
    if (this.protocol !== IPPROTO_ICMP) {
      const isTcp = this.protocol === IPPROTO_TCP;
      f.layer(isTcp ? tcpProtocol : udpProtocol, transport, this.body - transport);
      this.#put(f, plan[isTcp ? TCP : UDP]!, transport);
    }
    f.end();
  }

  #put(f: Fields, entries: readonly Entry[], at: number): void {
    for (let i = 0; i < entries.length; i++) entries[i]!.put(f, entries[i]!.id, this, at);
  }

  /** Where a header begins; below zero: the frame has none. */
  #headerAt(header: number): number {
    switch (header) {
      case IPV4:
        return this.isIpv4 ? this.ip : -1;
      case IPV6:
        return this.isIpv4 ? -1 : this.ip;
      case TCP:
        return this.protocol === IPPROTO_TCP ? this.transport : -1;
      case UDP:
        return this.protocol === IPPROTO_UDP ? this.transport : -1;
      default:
        return this.frame;
    }
  }
}

/** What a filter, or a part of it, says of a frame that is plain. */
export type PlainPredicate = (frame: PlainFrame) => boolean;

const MOST_TAGS = 2;

const isVlanType = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ || type === ETHERTYPE_QINQ_OLD || type === ETHERTYPE_QINQ_OLD2;

const FRAME = 0;
const ETH = 1;
const IPV4 = 2;
const IPV6 = 3;
const TCP = 4;
const UDP = 5;

/** Puts a field's row into a record; `at` is where the header begins. */
type Put = (f: Fields, id: number, frame: PlainFrame, at: number) => void;
interface Entry {
  readonly id: number;
  readonly header: number;
  readonly put: Put;
}
/** By header: its fields in the order in which a walk adds them. */
const entriesIn: Entry[][] = [[], [], [], [], [], []];
/** By field id. */
const entriesOf: Entry[][] = [];

/** By header: what is wanted of it. */
export type PlainPlan = readonly (readonly Entry[])[];

/** Null where a wanted field is none of those. */
export function plainPlan(wanted: Uint8Array): PlainPlan | null {
  for (let id = 0; id < wanted.length; id++) if (wanted[id] === 1 && !isPlainField(id)) return null;
  return entriesIn.map((entries) => entries.filter(({ id }) => wanted[id] === 1));
}

function add(header: number, name: string, put: Put): void {
  const [info] = findFields(name);
  // A typing error here.
  if (info === undefined) throw new RangeError(`no field ${name}`);
  const entry = { id: info.id, header, put };
  entriesIn[header]!.push(entry);
  (entriesOf[info.id] ??= []).push(entry);
}

type Read = (bytes: Uint8Array, at: number) => number;
/** Place in the header, length, and how the number is read; without that, the bytes are the value. */
type Place = readonly [offset: number, length: number, read?: Read];

/** Adds fields that are read from a header, in the walk's order. */
function define(header: number, prefix: string, fields: Readonly<Record<string, Place>>): void {
  for (const [key, [offset, length, read]] of Object.entries(fields))
    add(
      header,
      `${prefix}.${key}`,
      read === undefined
        ? (f, id, _frame, at) => f.raw(id, at + offset, length)
        : (f, id, frame, at) => f.uint(id, at + offset, length, read(frame.bytes, at)),
    );
}

const bit =
  (read: Read, mask: number): Read =>
  (bytes, at) =>
    (read(bytes, at) & mask) === 0 ? 0 : 1;
const byte =
  (offset: number, mask = 0xff): Read =>
  (bytes, at) =>
    bytes[at + offset]! & mask;

add(FRAME, 'frame.number', (f, id, frame, at) => f.uint(id, at, 0, frame.number));
add(FRAME, 'frame.time_epoch', (f, id, frame, at) => f.time(id, at, 0, frame.seconds, frame.nanoseconds));
add(FRAME, 'frame.len', (f, id, frame, at) => f.uint(id, at, 0, frame.original));
add(FRAME, 'frame.cap_len', (f, id, frame, at) => f.uint(id, at, 0, frame.captured));
define(ETH, 'eth', {
  dst: [0, 6],
  'dst.ig': [0, 1, byte(0, 1)],
  src: [6, 6],
  'src.ig': [6, 1, byte(6, 1)],
  type: [12, 2, ethernet.type],
});
const flagsOfIp: Read = (bytes, at) => ipv4.flagsFragment(bytes, at);
define(IPV4, 'ip', {
  version: [0, 1, ipv4.version],
  hdr_len: [0, 1, ipv4.headerLength],
  dsfield: [1, 1, ipv4.tos],
  'dsfield.dscp': [1, 1, (bytes, at) => ipv4.tos(bytes, at) >>> 2],
  'dsfield.ecn': [1, 1, byte(1, 3)],
  len: [2, 2, ipv4.totalLength],
  id: [4, 2, ipv4.id],
  flags: [6, 1, (bytes, at) => ipv4.flagsFragment(bytes, at) >>> 13],
  'flags.rb': [6, 1, bit(flagsOfIp, ipv4.FLAG_RESERVED)],
  'flags.df': [6, 1, bit(flagsOfIp, ipv4.FLAG_DONT_FRAGMENT)],
  'flags.mf': [6, 1, bit(flagsOfIp, ipv4.FLAG_MORE_FRAGMENTS)],
  frag_offset: [6, 2, (bytes, at) => ipv4.fragmentOffset(bytes, at) >>> 3],
  ttl: [8, 1, ipv4.ttl],
  proto: [9, 1, ipv4.protocol],
  checksum: [10, 2, ipv4.checksum],
  src: [12, 4],
  dst: [16, 4],
});
define(IPV6, 'ipv6', {
  version: [0, 1, ipv6.version],
  tclass: [0, 4, ipv6.trafficClass],
  'tclass.dscp': [0, 4, (bytes, at) => ipv6.trafficClass(bytes, at) >>> 2],
  'tclass.ecn': [0, 4, (bytes, at) => ipv6.trafficClass(bytes, at) & 3],
  flow: [0, 4, ipv6.flowLabel],
  plen: [4, 2, ipv6.payloadLength],
  nxt: [6, 1, ipv6.nextHeader],
  hlim: [7, 1, ipv6.hopLimit],
  src: [8, 16],
  dst: [24, 16],
});
// Wireshark has the version of either protocol under this name.
define(IPV6, 'ip', { version: [0, 1, ipv6.version] });
define(TCP, 'tcp', {
  srcport: [0, 2, tcp.srcPort],
  dstport: [2, 2, tcp.dstPort],
  seq_raw: [4, 4, tcp.seq],
  ack_raw: [8, 4, tcp.ack],
  hdr_len: [12, 1, tcp.headerLength],
  flags: [12, 2, tcp.flags],
  'flags.res': [12, 1, bit(tcp.flags, 0xe00)],
  'flags.ae': [12, 1, bit(tcp.flags, tcp.AE)],
  'flags.cwr': [13, 1, bit(tcp.flags, tcp.CWR)],
  'flags.ece': [13, 1, bit(tcp.flags, tcp.ECE)],
  'flags.urg': [13, 1, bit(tcp.flags, tcp.URG)],
  'flags.ack': [13, 1, bit(tcp.flags, tcp.ACK_FLAG)],
  'flags.push': [13, 1, bit(tcp.flags, tcp.PSH)],
  'flags.reset': [13, 1, bit(tcp.flags, tcp.RST)],
  'flags.syn': [13, 1, bit(tcp.flags, tcp.SYN)],
  'flags.fin': [13, 1, bit(tcp.flags, tcp.FIN)],
  window_size_value: [14, 2, tcp.window],
  checksum: [16, 2, tcp.checksum],
  urgent_pointer: [18, 2, tcp.urgent],
});
add(TCP, 'tcp.len', (f, id, frame, at) => f.uint(id, at, 0, Math.max(frame.wireEnd - frame.body, 0)));
define(UDP, 'udp', {
  srcport: [0, 2, udp.srcPort],
  dstport: [2, 2, udp.dstPort],
  length: [4, 2, udp.length],
  checksum: [6, 2, udp.checksum],
});

/** Whether plain frames tell the field by their headers. */
export const isPlainField = (id: number): boolean => entriesOf[id] !== undefined;

/** What a plain frame says of whether a layer of this name is there; null where its headers do not tell. */
export function plainLayer(name: string): PlainPredicate | null {
  switch (name) {
    case 'frame':
    case 'eth':
      return () => true;
    case 'ip':
      return ({ isIpv4 }) => isIpv4;
    case 'ipv6':
      return ({ isIpv4 }) => !isIpv4;
    case 'tcp':
      return ({ protocol }) => protocol === IPPROTO_TCP;
    case 'udp':
      return ({ protocol }) => protocol === IPPROTO_UDP;
    default:
      return null;
  }
}
