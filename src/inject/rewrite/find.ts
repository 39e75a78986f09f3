import { be16 } from '../../bytes/endian.ts';
import * as ethernet from '../../wire/ethernet.ts';
import {
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_QINQ_OLD2,
  ETHERTYPE_REVARP,
  ETHERTYPE_TEB,
  ETHERTYPE_VLAN,
} from '../../wire/ethertype.ts';
import * as geneve from '../../wire/geneve.ts';
import * as gre from '../../wire/gre.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import {
  IPPROTO_AH,
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_ETHERNET,
  IPPROTO_FRAGMENT,
  IPPROTO_GRE,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from '../../wire/ipproto.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as extension from '../../wire/ipv6-extension.ts';
import * as linktype from '../../wire/linktype.ts';
import * as loopback from '../../wire/loopback.ts';
import * as mpls from '../../wire/mpls.ts';
import * as ppp from '../../wire/ppp.ts';
import * as pppoe from '../../wire/pppoe.ts';
import * as sll from '../../wire/sll.ts';
import * as sll2 from '../../wire/sll2.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import * as vlan from '../../wire/vlan.ts';
import * as vxlan from '../../wire/vxlan.ts';
import { finalDestination } from '../fix.ts';
import * as kind from './headers.ts';
import { type Headers, NONE } from './headers.ts';

/** Offsets of checksum fields in their headers. */
const IPV4_CHECKSUM = 10;
const UDP_CHECKSUM = 6;
const DCCP_CHECKSUM = 6;
const TCP_CHECKSUM = 16;
const ICMP_CHECKSUM = 2;
const PORTS_LENGTH = 4;
/** Tunnels and quotes within each other are followed so deep. */
const MOST_DEPTH = 12;

/** Link types whose frames `findHeaders` understands. */
const KNOWN: ReadonlySet<number> = new Set([
  linktype.LINKTYPE_ETHERNET,
  linktype.LINKTYPE_RAW,
  linktype.LINKTYPE_IPV4,
  linktype.LINKTYPE_IPV6,
  linktype.LINKTYPE_NULL,
  linktype.LINKTYPE_LOOP,
  linktype.LINKTYPE_LINUX_SLL,
  linktype.LINKTYPE_LINUX_SLL2,
  linktype.LINKTYPE_PPP,
  linktype.LINKTYPE_PPP_HDLC,
]);

export const knowsLinkType = (linkType: number): boolean => KNOWN.has(linkType);

/** Fills `headers` with those of the frame from `at` to `end`, in the order of its bytes: of tunnels and of packets that
 * ICMP quotes too. Every byte of the frame belongs to a header or to DATA. False: the link type is not known. */
export function findHeaders(headers: Headers, bytes: Uint8Array, at: number, end: number, linkType: number): boolean {
  headers.begin(bytes);
  if (!KNOWN.has(linkType)) return false;
  new Finder(headers, bytes).frame(at, end, linkType);
  return true;
}

/** What `frame` of a link type begins with before its network packet, and the packet's type. Null: too short, or not of a
 * kind that has one. */
export interface NetworkStart {
  etherType: number;
  at: number;
}

export function networkStart(bytes: Uint8Array, at: number, end: number, linkType: number): NetworkStart | null {
  const ip = (from: number): NetworkStart | null => {
    const version = from < end ? bytes[from]! >>> 4 : 0;
    return version === 4 || version === 6
      ? { etherType: version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6, at: from }
      : null;
  };
  switch (linkType) {
    case linktype.LINKTYPE_ETHERNET: {
      if (end - at < ethernet.HEADER_LENGTH) return null;
      let etherType = ethernet.type(bytes, at);
      at += ethernet.HEADER_LENGTH;
      while (isVlan(etherType) && end - at >= vlan.HEADER_LENGTH) {
        etherType = vlan.type(bytes, at);
        at += vlan.HEADER_LENGTH;
      }
      return { etherType, at };
    }
    case linktype.LINKTYPE_RAW:
    case linktype.LINKTYPE_IPV4:
    case linktype.LINKTYPE_IPV6:
      return ip(at);
    case linktype.LINKTYPE_NULL:
    case linktype.LINKTYPE_LOOP:
      return ip(at + loopback.HEADER_LENGTH);
    case linktype.LINKTYPE_LINUX_SLL:
      return end - at < sll.HEADER_LENGTH ? null : { etherType: sll.protocol(bytes, at), at: at + sll.HEADER_LENGTH };
    case linktype.LINKTYPE_LINUX_SLL2:
      return end - at < sll2.HEADER_LENGTH
        ? null
        : { etherType: sll2.protocol(bytes, at), at: at + sll2.HEADER_LENGTH };
    case linktype.LINKTYPE_PPP:
    case linktype.LINKTYPE_PPP_HDLC: {
      if (end - at >= 4 && bytes[at] === ppp.ADDRESS && bytes[at + 1] === ppp.CONTROL) at += 2;
      if (end - at < 2) return null;
      const protocol = be16(bytes, at);
      return protocol === ppp.PPP_IP || protocol === ppp.PPP_IPV6 ? ip(at + 2) : null;
    }
    default:
      return null;
  }
}

const isVlan = (type: number): boolean =>
  type === ETHERTYPE_VLAN || type === ETHERTYPE_QINQ || type === ETHERTYPE_QINQ_OLD || type === ETHERTYPE_QINQ_OLD2;

class Finder {
  readonly #headers: Headers;
  readonly #bytes: Uint8Array;
  #depth = 0;

  constructor(headers: Headers, bytes: Uint8Array) {
    this.#headers = headers;
    this.#bytes = bytes;
  }

  frame(at: number, end: number, type: number): void {
    const bytes = this.#bytes;
    if (type === linktype.LINKTYPE_ETHERNET) {
      this.#ethernet(at, end, NONE);
      return;
    }
    if (type === linktype.LINKTYPE_LINUX_SLL && end - at >= sll.HEADER_LENGTH) {
      const from = sll.addressAt(at);
      this.#headers.add(kind.LINK_ADDRESS, from, from + Math.min(sll.addressLength(bytes, at), 8), NONE);
    } else if (type === linktype.LINKTYPE_LINUX_SLL2 && end - at >= sll2.HEADER_LENGTH) {
      const from = sll2.addressAt(at);
      this.#headers.add(kind.LINK_ADDRESS, from, from + Math.min(sll2.addressLength(bytes, at), 8), NONE);
    }
    const network = networkStart(bytes, at, end, type);
    if (network === null) this.#data(at, end, NONE);
    else this.#etherType(network.etherType, network.at, end, NONE);
  }

  #data(at: number, end: number, cover: number): void {
    if (at < end) this.#headers.add(kind.DATA, at, end, cover);
  }

  #ethernet(at: number, end: number, cover: number): void {
    if (end - at < ethernet.HEADER_LENGTH) {
      this.#data(at, end, cover);
      return;
    }
    const payload = at + ethernet.HEADER_LENGTH;
    this.#headers.add(kind.ETHERNET, at, payload, cover);
    this.#etherType(ethernet.type(this.#bytes, at), payload, end, cover);
  }

  #etherType(type: number, at: number, end: number, cover: number): void {
    const bytes = this.#bytes;
    while (isVlan(type) && end - at >= vlan.HEADER_LENGTH) {
      type = vlan.type(bytes, at);
      this.#headers.add(kind.VLAN, at, at + vlan.HEADER_LENGTH, cover);
      at += vlan.HEADER_LENGTH;
    }
    switch (type) {
      case ETHERTYPE_IPV4:
      case ETHERTYPE_IPV6:
        this.#ip(at, end, cover, false);
        break;
      case ETHERTYPE_ARP:
      case ETHERTYPE_REVARP:
        this.#headers.add(kind.ARP, at, end, cover);
        break;
      case ETHERTYPE_TEB:
        this.#ethernet(at, end, cover);
        break;
      case ETHERTYPE_MPLS:
      case ETHERTYPE_MPLS_MULTICAST: {
        while (end - at >= mpls.ENTRY_LENGTH) {
          const last = mpls.isBottom(bytes, at);
          at += mpls.ENTRY_LENGTH;
          if (last) break;
        }
        this.#ip(at, end, cover, false);
        break;
      }
      case ETHERTYPE_PPPOE_SESSION: {
        const payload = at + pppoe.HEADER_LENGTH;
        const protocol = end - payload >= 2 ? be16(bytes, payload) : 0;
        if (protocol === ppp.PPP_IP || protocol === ppp.PPP_IPV6) this.#ip(payload + 2, end, cover, false);
        else this.#data(payload, end, cover);
        break;
      }
      default:
        this.#data(at, end, cover);
    }
  }

  /** `quoted`: in an ICMP error, where the packet is cut and nothing is missed. */
  #ip(at: number, end: number, cover: number, quoted: boolean): void {
    const version = at < end ? this.#bytes[at]! >>> 4 : 0;
    const { level } = this.#headers;
    this.#headers.level = this.#depth | (quoted ? kind.QUOTED : level & kind.QUOTED);
    this.#depth++;
    if (this.#depth > MOST_DEPTH || this.#headers.isFull) this.#data(at, end, cover);
    else if (version === 4) this.#ipv4(at, end, cover, quoted);
    else if (version === 6) this.#ipv6(at, end, cover, quoted);
    else this.#data(at, end, cover);
    this.#depth--;
    this.#headers.level = level;
  }

  #ipv4(at: number, end: number, cover: number, quoted: boolean): void {
    const bytes = this.#bytes;
    const headers = this.#headers;
    const header = ipv4.headerLength(bytes, at);
    if (end - at < ipv4.HEADER_LENGTH || header < ipv4.HEADER_LENGTH) {
      this.#data(at, end, cover);
      return;
    }
    const total = ipv4.totalLength(bytes, at);
    const close = total < header || quoted ? end : Math.min(end, at + total);
    const payload = Math.min(at + header, end);
    const row = headers.add(kind.IPV4, at, payload, cover);
    headers.own[row] = headers.checksum(at + IPV4_CHECKSUM, at, payload, cover, false);
    if (ipv4.fragmentOffset(bytes, at) > 0) this.#data(payload, close, cover);
    else this.#transport(row, ipv4.protocol(bytes, at), payload, close, cover);
    // Behind the packet: padding, or a check sequence.
    this.#data(Math.max(close, payload), end, cover);
  }

  #ipv6(at: number, end: number, cover: number, quoted: boolean): void {
    const bytes = this.#bytes;
    const headers = this.#headers;
    if (end - at < ipv6.HEADER_LENGTH) {
      this.#data(at, end, cover);
      return;
    }
    const length = ipv6.payloadLength(bytes, at);
    // 0: a jumbogram, or left to the card that will cut it.
    const close = length === 0 || quoted ? end : Math.min(end, at + ipv6.HEADER_LENGTH + length);
    let to = at + ipv6.HEADER_LENGTH;
    const row = headers.add(kind.IPV6, at, to, cover);
    headers.finalDst[row] = ipv6.dstAt(at);
    let protocol = ipv6.nextHeader(bytes, at);
    let isLater = false;
    while (extension.isExtension(protocol) && close - to >= extension.MIN_LENGTH && !isLater) {
      const next = to + extension.length(bytes, to, protocol);
      if (next > close) break;
      if (protocol === IPPROTO_FRAGMENT) isLater = extension.fragmentOffset(bytes, to) > 0;
      else if (protocol === IPPROTO_ROUTING) {
        headers.finalDst[row] = finalDestination(bytes, to, next) ?? headers.finalDst[row]!;
        headers.add(kind.ROUTING, to, next, cover);
      } else if (protocol === IPPROTO_HOPOPTS || protocol === IPPROTO_DSTOPTS)
        headers.add(kind.OPTIONS, to, next, cover);
      protocol = extension.nextHeader(bytes, to);
      to = next;
    }
    if (isLater || extension.isExtension(protocol)) this.#data(to, close, cover);
    else this.#transport(row, protocol, to, close, cover);
    this.#data(Math.max(close, to), end, cover);
  }

  /** `ip`: the row of the packet's IP header. */
  #transport(ip: number, protocol: number, at: number, end: number, cover: number): void {
    const bytes = this.#bytes;
    const headers = this.#headers;
    const withPseudo = (field: number, optional = false): number => {
      const id = headers.checksum(field, at, end, cover, optional);
      headers.pseudo[ip] = id;
      return id;
    };
    switch (protocol) {
      case IPPROTO_TCP: {
        if (end - at < PORTS_LENGTH) break;
        const own = withPseudo(at + TCP_CHECKSUM);
        const header =
          end - at >= tcp.HEADER_LENGTH ? Math.max(tcp.headerLength(bytes, at), tcp.HEADER_LENGTH) : end - at;
        const payload = Math.min(at + header, end);
        headers.own[headers.add(kind.TCP, at, payload, cover)] = own;
        this.#data(payload, end, own === NONE ? cover : own);
        return;
      }
      case IPPROTO_UDP: {
        if (end - at < PORTS_LENGTH) break;
        const own = withPseudo(at + UDP_CHECKSUM, true);
        const payload = Math.min(at + udp.HEADER_LENGTH, end);
        headers.own[headers.add(kind.UDP, at, payload, cover)] = own;
        this.#datagram(udp.dstPort(bytes, at), payload, end, own === NONE ? cover : own);
        return;
      }
      case IPPROTO_UDPLITE:
      case IPPROTO_DCCP: {
        if (end - at < PORTS_LENGTH) break;
        const own = withPseudo(at + DCCP_CHECKSUM, protocol === IPPROTO_UDPLITE);
        const payload = Math.min(at + udp.HEADER_LENGTH, end);
        headers.own[headers.add(kind.PORTS, at, payload, cover)] = own;
        // Coverage may end anywhere: what is behind the ports is changed by no rule but that of anonymising, which asks
        // for the checksum to be computed anew.
        this.#data(payload, end, own === NONE ? cover : own);
        return;
      }
      case IPPROTO_SCTP:
        if (end - at < PORTS_LENGTH) break;
        headers.add(kind.SCTP, at, end, cover);
        return;
      case IPPROTO_ICMP:
      case IPPROTO_IGMP: {
        if (end - at < icmp.HEADER_LENGTH) break;
        const own = headers.checksum(at + ICMP_CHECKSUM, at, end, cover, false);
        const isError = protocol === IPPROTO_ICMP && icmp.isError(icmp.type(bytes, at));
        const isIcmp = protocol === IPPROTO_ICMP;
        const payload = isIcmp ? at + icmp.HEADER_LENGTH : end;
        headers.own[headers.add(isIcmp ? kind.ICMP : kind.IGMP, at, isError ? payload : end, cover)] = own;
        if (isError) this.#ip(payload, end, own === NONE ? cover : own, true);
        return;
      }
      case IPPROTO_ICMPV6: {
        if (end - at < icmp6.HEADER_LENGTH) break;
        const own = withPseudo(at + ICMP_CHECKSUM);
        const isError = icmp6.isError(icmp6.type(bytes, at));
        const payload = at + icmp6.HEADER_LENGTH;
        headers.own[headers.add(kind.ICMPV6, at, isError ? payload : end, cover)] = own;
        if (isError) this.#ip(payload, end, own === NONE ? cover : own, true);
        return;
      }
      case IPPROTO_IPIP:
      case IPPROTO_IPV6:
        this.#ip(at, end, cover, false);
        return;
      case IPPROTO_ETHERNET:
        this.#ethernet(at, end, cover);
        return;
      case IPPROTO_GRE:
        this.#gre(at, end, cover);
        return;
      case IPPROTO_AH: {
        if (end - at < extension.MIN_LENGTH) break;
        const next = at + extension.length(bytes, at, IPPROTO_AH);
        if (next > end) break;
        this.#transport(ip, extension.nextHeader(bytes, at), next, end, cover);
        return;
      }
    }
    this.#data(at, end, cover);
  }

  #datagram(port: number, at: number, end: number, cover: number): void {
    const bytes = this.#bytes;
    if (port === vxlan.UDP_PORT && end - at >= vxlan.HEADER_LENGTH) {
      this.#ethernet(at + vxlan.HEADER_LENGTH, end, cover);
      return;
    }
    if (port === geneve.UDP_PORT && end - at >= geneve.HEADER_LENGTH) {
      const inner = at + geneve.HEADER_LENGTH + geneve.optionsLength(bytes, at);
      if (inner <= end) {
        this.#etherType(geneve.protocol(bytes, at), inner, end, cover);
        return;
      }
    }
    this.#data(at, end, cover);
  }

  #gre(at: number, end: number, cover: number): void {
    const bytes = this.#bytes;
    const flags = end - at >= gre.HEADER_LENGTH ? gre.flags(bytes, at) : gre.FLAG_ROUTING;
    const payload = at + gre.lengthOf(flags);
    if (gre.version(bytes, at) !== 0 || (flags & gre.FLAG_ROUTING) !== 0 || payload > end) {
      this.#data(at, end, cover);
      return;
    }
    let inner = cover;
    if ((flags & gre.FLAG_CHECKSUM) !== 0)
      inner = this.#headers.checksum(at + gre.HEADER_LENGTH, at, end, cover, false);
    this.#etherType(gre.protocol(bytes, at), payload, end, inner);
  }
}
