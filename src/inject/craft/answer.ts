import { be16, be32 } from '../../bytes/endian.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_QINQ, ETHERTYPE_VLAN } from '../../wire/ethertype.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from '../../wire/ipproto.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as extension from '../../wire/ipv6-extension.ts';
import { LINKTYPE_ETHERNET } from '../../wire/linktype.ts';
import * as ndp from '../../wire/ndp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as vlan from '../../wire/vlan.ts';
import { formatIp, isMulticast } from '../address.ts';

/** Which frame answers which: an echo reply its request, a datagram or segment one with the ports turned round, an ARP
 * reply or a neighbour advertisement the question for its address, an ICMP error the packet that it quotes. */

/** What is known of a packet that was sent or came back. */
export interface Reading {
  /** Source of an IP packet, sender's address of an ARP message. */
  src: Uint8Array;
  dst: Uint8Array;
  /** TTL or hop limit; 0 for ARP. */
  ttl: number;
  /** Bytes of the IP packet. */
  length: number;
  protocol: number;
  /** What an answer to this packet has in `answers`; null: nothing is known to answer it. */
  asks: string | null;
  /** What this packet answers; '' where it answers nothing. */
  answers: string;
  /** What tells packets apart that ask for the same, as an error quotes it: the identification and the first eight bytes
   * behind the IP header, in hexadecimal. */
  mark: string;
  /** Of an ICMP error: its type and code, and the packet that it quotes. */
  error: { type: number; code: number; mtu: number; quoted: Reading } | null;
  /** Offset of what the IP packet carries, and where that ends. */
  at: number;
  end: number;
}

const ICMP_ANSWERS: Readonly<Record<number, number>> = {
  [icmp.ECHO_REQUEST]: icmp.ECHO_REPLY,
  [icmp.TIMESTAMP_REQUEST]: icmp.TIMESTAMP_REPLY,
  [icmp.INFORMATION_REQUEST]: icmp.INFORMATION_REPLY,
  [icmp.MASK_REQUEST]: icmp.MASK_REPLY,
};
const isIcmpAnswer = (type: number): boolean => Object.values(ICMP_ANSWERS).includes(type);

/** Reads the frame of this link type; null for what is neither ARP nor IP. */
export function readFrame(bytes: Uint8Array, linkType: number): Reading | null {
  if (linkType !== LINKTYPE_ETHERNET) return readIp(bytes, 0, bytes.length);
  if (bytes.length < ethernet.HEADER_LENGTH) return null;
  let type = ethernet.type(bytes, 0);
  let at = ethernet.HEADER_LENGTH;
  while ((type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ) && bytes.length - at >= vlan.HEADER_LENGTH) {
    type = vlan.type(bytes, at);
    at += vlan.HEADER_LENGTH;
  }
  if (type === ETHERTYPE_ARP) return readArp(bytes, at);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? readIp(bytes, at, bytes.length) : null;
}

function readArp(bytes: Uint8Array, at: number): Reading | null {
  const message = arp.parse(bytes, at, bytes.length);
  if ('stop' in message) return null;
  const { operation, senderProtocol, targetProtocol } = message;
  return {
    src: senderProtocol,
    dst: targetProtocol,
    ttl: 0,
    length: bytes.length - at,
    protocol: 0,
    asks: operation === arp.OP_REQUEST ? `arp ${targetProtocol.join('.')}` : null,
    answers: operation === arp.OP_REPLY ? `arp ${senderProtocol.join('.')}` : '',
    mark: '',
    error: null,
    at,
    end: bytes.length,
  };
}

/** Reads the IP packet at `at`; what is quoted by an error may be cut behind eight bytes. */
export function readIp(bytes: Uint8Array, at: number, end: number, isQuoted = false): Reading | null {
  if (at >= end) return null;
  return bytes[at]! >>> 4 === 4 ? readIpv4(bytes, at, end, isQuoted) : readIpv6(bytes, at, end, isQuoted);
}

function readIpv4(bytes: Uint8Array, at: number, end: number, isQuoted: boolean): Reading | null {
  if (end - at < ipv4.HEADER_LENGTH || ipv4.headerLength(bytes, at) < ipv4.HEADER_LENGTH) return null;
  if (ipv4.fragmentOffset(bytes, at) > 0) return null;
  const close = Math.min(end, at + ipv4.totalLength(bytes, at));
  const payload = at + ipv4.headerLength(bytes, at);
  if (payload > close) return null;
  const reading = blank(
    bytes.slice(ipv4.srcAt(at), ipv4.srcAt(at) + 4),
    bytes.slice(ipv4.dstAt(at), ipv4.dstAt(at) + 4),
    ipv4.ttl(bytes, at),
    ipv4.protocol(bytes, at),
    payload,
    close,
  );
  reading.length = ipv4.totalLength(bytes, at);
  reading.mark = `${ipv4.id(bytes, at)} `;
  return readTransport(bytes, reading, isQuoted);
}

function readIpv6(bytes: Uint8Array, at: number, end: number, isQuoted: boolean): Reading | null {
  if (end - at < ipv6.HEADER_LENGTH || ipv6.version(bytes, at) !== 6) return null;
  const close = Math.min(end, at + ipv6.HEADER_LENGTH + ipv6.payloadLength(bytes, at));
  let protocol = ipv6.nextHeader(bytes, at);
  let payload = at + ipv6.HEADER_LENGTH;
  while (extension.isExtension(protocol) && close - payload >= extension.MIN_LENGTH) {
    const next = extension.nextHeader(bytes, payload);
    payload += extension.length(bytes, payload, protocol);
    protocol = next;
  }
  if (payload > close) return null;
  const reading = blank(
    bytes.slice(ipv6.srcAt(at), ipv6.srcAt(at) + 16),
    bytes.slice(ipv6.dstAt(at), ipv6.dstAt(at) + 16),
    ipv6.hopLimit(bytes, at),
    protocol,
    payload,
    close,
  );
  reading.length = ipv6.HEADER_LENGTH + ipv6.payloadLength(bytes, at);
  return readTransport(bytes, reading, isQuoted);
}

const blank = (src: Uint8Array, dst: Uint8Array, ttl: number, protocol: number, at: number, end: number): Reading => ({
  src,
  dst,
  ttl,
  length: 0,
  protocol,
  asks: null,
  answers: '',
  mark: '',
  error: null,
  at,
  end,
});

/** Bytes behind the IP header that an error quotes at least (RFC 792). */
const QUOTED = 8;

function readTransport(bytes: Uint8Array, reading: Reading, isQuoted: boolean): Reading {
  const { at, end, protocol, src, dst } = reading;
  reading.mark += Buffer.from(bytes.subarray(at, Math.min(end, at + QUOTED))).toString('hex');
  if (end - at < 4) return reading;
  // Who answers a group or everybody has an address of its own.
  const anybody = isMulticast(dst) || (dst.length === 4 && (dst[3] === 255 || dst.every((byte) => byte === 255)));
  const to = anybody ? '*' : formatIp(dst);
  const from = formatIp(src);
  switch (protocol) {
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_TCP:
    case IPPROTO_SCTP:
      reading.asks = `${protocol} ${to} ${be16(bytes, at + 2)} ${be16(bytes, at)}`;
      reading.answers = `${protocol} ${from} ${be16(bytes, at)} ${be16(bytes, at + 2)}`;
      break;
    case IPPROTO_ICMP:
      readIcmp(bytes, reading, to, from, isQuoted);
      break;
    case IPPROTO_ICMPV6:
      readIcmp6(bytes, reading, to, from, isQuoted);
      break;
    default:
      reading.asks = `${protocol} ${to}`;
      reading.answers = `${protocol} ${from}`;
  }
  return reading;
}

function readIcmp(bytes: Uint8Array, reading: Reading, to: string, from: string, isQuoted: boolean): void {
  const { at, end } = reading;
  if (end - at < icmp.HEADER_LENGTH) return;
  const type = icmp.type(bytes, at);
  const answer = ICMP_ANSWERS[type];
  const which = `${icmp.id(bytes, at)} ${icmp.sequence(bytes, at)}`;
  if (answer !== undefined) reading.asks = `icmp ${answer} ${to} ${which}`;
  else if (isIcmpAnswer(type)) reading.answers = `icmp ${type} ${from} ${which}`;
  else if (icmp.isError(type) && !isQuoted) {
    const quoted = readIp(bytes, at + icmp.HEADER_LENGTH, end, true);
    if (quoted) reading.error = { type, code: icmp.code(bytes, at), mtu: icmp.nextHopMtu(bytes, at), quoted };
  }
}

function readIcmp6(bytes: Uint8Array, reading: Reading, to: string, from: string, isQuoted: boolean): void {
  const { at, end } = reading;
  if (end - at < icmp6.HEADER_LENGTH) return;
  const type = icmp6.type(bytes, at);
  const which = `${icmp6.id(bytes, at)} ${icmp6.sequence(bytes, at)}`;
  const target = (): string => formatIp(bytes.slice(ndp.targetAt(at), ndp.targetAt(at) + 16));
  if (type === icmp6.ECHO_REQUEST) reading.asks = `icmp6 ${to} ${which}`;
  else if (type === icmp6.ECHO_REPLY) reading.answers = `icmp6 ${from} ${which}`;
  else if (type === icmp6.NEIGHBOR_SOLICITATION && end - at >= ndp.NEIGHBOR_LENGTH) reading.asks = `nd ${target()}`;
  else if (type === icmp6.NEIGHBOR_ADVERTISEMENT && end - at >= ndp.NEIGHBOR_LENGTH) reading.answers = `nd ${target()}`;
  else if (type === icmp6.ROUTER_SOLICITATION) reading.asks = 'router';
  else if (type === icmp6.ROUTER_ADVERTISEMENT) reading.answers = 'router';
  else if (icmp6.isError(type) && !isQuoted) {
    const quoted = readIp(bytes, at + icmp6.HEADER_LENGTH, end, true);
    if (quoted) reading.error = { type, code: icmp6.code(bytes, at), mtu: be32(bytes, at + 4), quoted };
  }
}

/** `answers` of a frame that came from somebody else than the packet was sent to, for groups. */
export const fromAnybody = ({ answers, src }: Reading): string => answers.replace(formatIp(src), '*');

/** How well a frame answers a packet that asks for it: of several, the highest is meant. A segment that acknowledges just
 * that one, and a message of DNS with the same identifier, are better than what merely has the right ports. */
export function suits(sent: Uint8Array, asked: Reading, frame: Uint8Array, answer: Reading): number {
  if (asked.protocol === IPPROTO_TCP && asked.end - asked.at >= tcp.HEADER_LENGTH) {
    if (answer.end - answer.at < tcp.HEADER_LENGTH) return 0;
    const flags = tcp.flags(sent, asked.at);
    const data = asked.end - asked.at - tcp.headerLength(sent, asked.at);
    const counted = data + (flags & tcp.SYN ? 1 : 0) + (flags & tcp.FIN ? 1 : 0);
    return tcp.ack(frame, answer.at) === (tcp.seq(sent, asked.at) + counted) >>> 0 ? 2 : 0;
  }
  if (asked.protocol === IPPROTO_UDP && be16(sent, asked.at + 2) === 53 && asked.end - asked.at > 10)
    return answer.end - answer.at > 10 && be16(sent, asked.at + 8) === be16(frame, answer.at + 8) ? 2 : -1;
  return 1;
}
