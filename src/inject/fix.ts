import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import * as ethernet from '../wire/ethernet.ts';
import {
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  ETHERTYPE_MPLS,
  ETHERTYPE_MPLS_MULTICAST,
  ETHERTYPE_PPPOE_SESSION,
  ETHERTYPE_QINQ,
  ETHERTYPE_QINQ_OLD,
  ETHERTYPE_QINQ_OLD2,
  ETHERTYPE_TEB,
  ETHERTYPE_VLAN,
} from '../wire/ethertype.ts';
import * as geneve from '../wire/geneve.ts';
import * as gre from '../wire/gre.ts';
import * as icmp from '../wire/icmp.ts';
import * as icmp6 from '../wire/icmp6.ts';
import {
  IPPROTO_AH,
  IPPROTO_ETHERNET,
  IPPROTO_FRAGMENT,
  IPPROTO_GRE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_OSPF,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPPROTO_VRRP,
} from '../wire/ipproto.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_RAW,
} from '../wire/linktype.ts';
import * as loopback from '../wire/loopback.ts';
import * as mpls from '../wire/mpls.ts';
import * as ospf from '../wire/ospf.ts';
import * as ppp from '../wire/ppp.ts';
import * as pppoe from '../wire/pppoe.ts';
import { ipv4Pseudo, ipv6Pseudo } from '../wire/pseudo.ts';
import * as sctp from '../wire/sctp.ts';
import * as sll from '../wire/sll.ts';
import * as sll2 from '../wire/sll2.ts';
import * as tcp from '../wire/tcp.ts';
import * as udp from '../wire/udp.ts';
import * as udplite from '../wire/udplite.ts';
import * as vlan from '../wire/vlan.ts';
import * as vrrp from '../wire/vrrp.ts';
import * as vxlan from '../wire/vxlan.ts';

/** Puts lengths and checksums of a frame right, in place, after somebody changed, cut or padded it. */

export interface FixOptions {
  /** Lengths too: of IP, UDP and PPPoE, so that each packet ends where `end` says. Default: checksums alone. */
  lengths?: boolean;
  /** Where the frame begins and ends in `bytes`. Default: all of it. */
  at?: number;
  end?: number;
}

/** Sets the checksums of IPv4, TCP, UDP, UDP-Lite, ICMP, ICMPv6, IGMP, SCTP, GRE, OSPF and VRRP to what they must be, in
 * place, those of packets within tunnels (IP in IP, GRE, VXLAN, Geneve) first. Returns how many fields it changed.
 *
 * Left alone: a UDP checksum of 0 over IPv4 (there is none, RFC 768); checksums over data that is not all there, because
 * the frame was cut (its length says more than there is) or is a fragment; the packet that an ICMP error quotes; what
 * begins like no header that it knows. Reads and writes nothing outside `at` to `end`; never throws.
 *
 * With `lengths`, IP packets are made to end at `end` first: what was cut off is not missed any more, and padding behind
 * a packet becomes part of it. */
export function fixChecksums(bytes: Uint8Array, linkType: number, options: FixOptions = {}): number {
  const { lengths = false, at = 0, end = bytes.length } = options;
  const fixer = new Fixer(bytes, lengths);
  fixer.frame(at, end, linkType);
  return fixer.changed;
}

/** Offsets that only writing needs; their readers are in the wire files. */
const IPV4_TOTAL_LENGTH = 2;
const IPV4_CHECKSUM = 10;
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_NEXT_HEADER = 6;
const UDP_LENGTH = 4;
const UDP_CHECKSUM = 6;
const TCP_CHECKSUM = 16;
const ICMP_CHECKSUM = 2;
const SCTP_CHECKSUM = 8;
const GRE_CHECKSUM = 4;
const OSPF_CHECKSUM = 12;
const OSPF_AUTH_LENGTH = 8;
const VRRP_CHECKSUM = 6;
const PPPOE_LENGTH = 4;
const ROUTING_ADDRESSES = 8;
/** Type, length, pointer and one address. */
const ROUTE_LENGTH = 7;
/** Tunnels in tunnels are followed so deep. */
const MOST_DEPTH = 16;

class Fixer {
  changed = 0;
  readonly #bytes: Uint8Array;
  readonly #lengths: boolean;
  #depth = 0;

  constructor(bytes: Uint8Array, lengths: boolean) {
    this.#bytes = bytes;
    this.#lengths = lengths;
  }

  frame(at: number, end: number, linkType: number): void {
    const bytes = this.#bytes;
    switch (linkType) {
      case LINKTYPE_ETHERNET:
        this.#ethernet(at, end);
        break;
      case LINKTYPE_RAW:
      case LINKTYPE_IPV4:
      case LINKTYPE_IPV6:
        this.#ip(at, end);
        break;
      case LINKTYPE_NULL:
      case LINKTYPE_LOOP:
        if (end - at >= loopback.HEADER_LENGTH) this.#ip(at + loopback.HEADER_LENGTH, end);
        break;
      case LINKTYPE_LINUX_SLL:
        if (end - at >= sll.HEADER_LENGTH) this.#etherType(sll.protocol(bytes, at), at + sll.HEADER_LENGTH, end);
        break;
      case LINKTYPE_LINUX_SLL2:
        if (end - at >= sll2.HEADER_LENGTH) this.#etherType(sll2.protocol(bytes, at), at + sll2.HEADER_LENGTH, end);
        break;
      case LINKTYPE_PPP:
        if (end - at >= 4 && bytes[at] === ppp.ADDRESS && bytes[at + 1] === ppp.CONTROL) at += 2;
        this.#ppp(at, end);
    }
  }

  #put16(at: number, value: number): void {
    if (be16(this.#bytes, at) === value) return;
    putBe16(this.#bytes, at, value);
    this.changed++;
  }

  #ethernet(at: number, end: number): void {
    if (end - at < ethernet.HEADER_LENGTH) return;
    this.#etherType(ethernet.type(this.#bytes, at), at + ethernet.HEADER_LENGTH, end);
  }

  #etherType(type: number, at: number, end: number): void {
    const bytes = this.#bytes;
    while (
      (type === ETHERTYPE_VLAN ||
        type === ETHERTYPE_QINQ ||
        type === ETHERTYPE_QINQ_OLD ||
        type === ETHERTYPE_QINQ_OLD2) &&
      end - at >= vlan.HEADER_LENGTH
    ) {
      type = vlan.type(bytes, at);
      at += vlan.HEADER_LENGTH;
    }
    if (type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6) this.#ip(at, end);
    else if (type === ETHERTYPE_TEB) this.#ethernet(at, end);
    else if (type === ETHERTYPE_MPLS || type === ETHERTYPE_MPLS_MULTICAST) {
      while (end - at >= mpls.ENTRY_LENGTH) {
        const last = mpls.isBottom(bytes, at);
        at += mpls.ENTRY_LENGTH;
        if (last) break;
      }
      this.#ip(at, end);
    } else if (type === ETHERTYPE_PPPOE_SESSION && end - at >= pppoe.HEADER_LENGTH) {
      const payload = at + pppoe.HEADER_LENGTH;
      if (this.#lengths) this.#put16(at + PPPOE_LENGTH, end - payload);
      this.#ppp(payload, Math.min(end, payload + pppoe.length(bytes, at)));
    }
  }

  #ppp(at: number, end: number): void {
    if (end - at < 2) return;
    const protocol = be16(this.#bytes, at);
    if (protocol === ppp.PPP_IP || protocol === ppp.PPP_IPV6) this.#ip(at + 2, end);
  }

  #ip(at: number, end: number): void {
    if (at >= end || this.#depth >= MOST_DEPTH) return;
    this.#depth++;
    const version = this.#bytes[at]! >>> 4;
    if (version === 4) this.#ipv4(at, end);
    else if (version === 6) this.#ipv6(at, end);
    this.#depth--;
  }

  #ipv4(at: number, end: number): void {
    const bytes = this.#bytes;
    const header = ipv4.headerLength(bytes, at);
    if (end - at < ipv4.HEADER_LENGTH || header < ipv4.HEADER_LENGTH || end - at < header) return;
    if (this.#lengths) this.#put16(at + IPV4_TOTAL_LENGTH, Math.min(end - at, 0xffff));
    // Linux and others write 0 into packets that their card will cut (TCP segmentation offload).
    const close = at + (ipv4.totalLength(bytes, at) || end - at);
    const isWhole = !ipv4.moreFragments(bytes, at) && ipv4.fragmentOffset(bytes, at) === 0 && close <= end;
    if (isWhole && close >= at + header) {
      const protocol = ipv4.protocol(bytes, at);
      const dst = lastHop(bytes, ipv4.optionsAt(at), at + header) ?? ipv4.dstAt(at);
      const pseudo = ipv4Pseudo(bytes, ipv4.srcAt(at), bytes, dst, 0);
      this.#transport(protocol, at + header, close, pseudo, 4);
    }
    this.#checksum(at, at + header, at + IPV4_CHECKSUM, 0);
  }

  #ipv6(at: number, end: number): void {
    const bytes = this.#bytes;
    if (end - at < ipv6.HEADER_LENGTH) return;
    if (this.#lengths) this.#put16(at + IPV6_PAYLOAD_LENGTH, Math.min(end - at - ipv6.HEADER_LENGTH, 0xffff));
    const close = at + ipv6.HEADER_LENGTH + ipv6.payloadLength(bytes, at);
    if (close > end) return;
    let protocol = bytes[at + IPV6_NEXT_HEADER]!;
    let to = at + ipv6.HEADER_LENGTH;
    let dst = ipv6.dstAt(at);
    while (extension.isExtension(protocol)) {
      if (close - to < extension.MIN_LENGTH) return;
      if (protocol === IPPROTO_FRAGMENT)
        if (extension.moreFragments(bytes, to) || extension.fragmentOffset(bytes, to) > 0) return;
      const length = extension.length(bytes, to, protocol);
      if (close - to < length) return;
      if (protocol === IPPROTO_ROUTING) dst = finalDestination(bytes, to, to + length) ?? dst;
      protocol = extension.nextHeader(bytes, to);
      to += length;
    }
    this.#transport(protocol, to, close, ipv6Pseudo(bytes, ipv6.srcAt(at), bytes, dst, 0), 6);
  }

  /** `pseudo` is the sum of the addresses alone. */
  #transport(protocol: number, at: number, end: number, pseudo: number, version: 4 | 6): void {
    const bytes = this.#bytes;
    const length = end - at;
    const withLength = pseudo + protocol + length;
    switch (protocol) {
      case IPPROTO_UDP:
        if (length >= udp.HEADER_LENGTH) this.#udp(at, end, pseudo + protocol, version);
        break;
      case IPPROTO_TCP:
        if (length >= tcp.HEADER_LENGTH) this.#checksum(at, end, at + TCP_CHECKSUM, withLength);
        break;
      case IPPROTO_ICMP:
        if (length >= icmp.HEADER_LENGTH) this.#checksum(at, end, at + ICMP_CHECKSUM, 0);
        break;
      case IPPROTO_ICMPV6:
        if (length >= icmp6.FIXED_LENGTH) this.#checksum(at, end, at + ICMP_CHECKSUM, withLength);
        break;
      case IPPROTO_IGMP:
        if (length >= icmp.HEADER_LENGTH) this.#checksum(at, end, at + ICMP_CHECKSUM, 0);
        break;
      case IPPROTO_UDPLITE:
        if (length >= udplite.HEADER_LENGTH) {
          const coverage = udplite.coverage(bytes, at) || length;
          // RFC 3828 3.1: less than the header, or more than there is, is nothing that can be checked.
          if (coverage >= udplite.HEADER_LENGTH && coverage <= length)
            this.#checksum(at, at + coverage, at + UDP_CHECKSUM, withLength, true);
        }
        break;
      case IPPROTO_SCTP:
        if (length >= sctp.HEADER_LENGTH) {
          const value = sctp.crc(bytes, at, end);
          if (be32(bytes, at + SCTP_CHECKSUM) !== value) {
            putBe32(bytes, at + SCTP_CHECKSUM, value);
            this.changed++;
          }
        }
        break;
      case IPPROTO_OSPF:
        this.#ospf(at, end, withLength);
        break;
      case IPPROTO_VRRP:
        if (length >= vrrp.HEADER_LENGTH)
          // RFC 5798 5.2.8: version 3 covers the pseudo header, version 2 does not.
          this.#checksum(at, end, at + VRRP_CHECKSUM, vrrp.version(bytes, at) === 3 ? withLength : 0);
        break;
      case IPPROTO_GRE:
        this.#gre(at, end);
        break;
      case IPPROTO_IPIP:
      case IPPROTO_IPV6:
        this.#ip(at, end);
        break;
      case IPPROTO_ETHERNET:
        this.#ethernet(at, end);
        break;
      case IPPROTO_AH: {
        // Of IPv4: in IPv6 it is an extension header like others.
        if (length < extension.MIN_LENGTH) break;
        const header = extension.length(bytes, at, IPPROTO_AH);
        if (header <= length) this.#transport(extension.nextHeader(bytes, at), at + header, end, pseudo, version);
      }
    }
  }

  #udp(at: number, end: number, pseudo: number, version: 4 | 6): void {
    const bytes = this.#bytes;
    if (this.#lengths) this.#put16(at + UDP_LENGTH, Math.min(end - at, 0xffff));
    const length = udp.length(bytes, at) || end - at;
    if (length < udp.HEADER_LENGTH || at + length > end) return;
    const close = at + length;
    const payload = at + udp.HEADER_LENGTH;
    const port = udp.dstPort(bytes, at);
    if (port === vxlan.UDP_PORT && close - payload >= vxlan.HEADER_LENGTH)
      this.#ethernet(payload + vxlan.HEADER_LENGTH, close);
    else if (port === geneve.UDP_PORT && close - payload >= geneve.HEADER_LENGTH) {
      const inner = payload + geneve.HEADER_LENGTH + geneve.optionsLength(bytes, payload);
      if (inner <= close) this.#etherType(geneve.protocol(bytes, payload), inner, close);
    }
    if (version === 4 && udp.checksum(bytes, at) === 0) return;
    this.#checksum(at, close, at + UDP_CHECKSUM, pseudo + length, true);
  }

  #gre(at: number, end: number): void {
    const bytes = this.#bytes;
    if (end - at < gre.HEADER_LENGTH || gre.version(bytes, at) !== 0) return;
    const flags = gre.flags(bytes, at);
    const payload = at + gre.lengthOf(flags);
    if (payload > end) return;
    if ((flags & gre.FLAG_ROUTING) === 0) this.#etherType(gre.protocol(bytes, at), payload, end);
    if ((flags & gre.FLAG_CHECKSUM) !== 0) this.#checksum(at, end, at + GRE_CHECKSUM, 0);
  }

  #ospf(at: number, end: number, pseudo: number): void {
    const bytes = this.#bytes;
    const length = end - at;
    if (length < 16) return;
    const version = ospf.version(bytes, at);
    if (version === 3) this.#checksum(at, end, at + OSPF_CHECKSUM, pseudo);
    else if (version === 2 && length >= ospf.HEADER_LENGTH && ospf.authType(bytes, at) !== ospf.AUTH_CRYPTO) {
      // RFC 2328 D.4: the 64 bits of authentication are left out.
      const close = Math.min(end, at + ospf.length(bytes, at));
      if (close < at + ospf.HEADER_LENGTH) return;
      this.#setChecksum(at + OSPF_CHECKSUM, () => {
        const auth = ospf.authDataAt(at);
        const head = ~internetChecksum(bytes, at, auth) & 0xffff;
        return internetChecksum(bytes, auth + OSPF_AUTH_LENGTH, close, head);
      });
    }
  }

  /** Sets the checksum at `field` over `at` up to `end`. `orOnes`: one that comes out as 0 is written as all ones. */
  #checksum(at: number, end: number, field: number, initial: number, orOnes = false): void {
    const bytes = this.#bytes;
    this.#setChecksum(field, () => {
      const value = internetChecksum(bytes, at, end, initial);
      return value === 0 && orOnes ? 0xffff : value;
    });
  }

  /** Writes what `compute` gives while the field is 0. */
  #setChecksum(field: number, compute: () => number): void {
    const bytes = this.#bytes;
    const before = be16(bytes, field);
    putBe16(bytes, field, 0);
    const right = compute();
    // 0 and all ones are one number in ones' complement: where either is right, the one that was there stays.
    const value = right === 0 && before === 0xffff ? before : right;
    putBe16(bytes, field, value);
    if (before !== value) this.changed++;
  }
}

/** With a source route that is not used up the checksum covers the final destination, the last address
 * of the option. Offset of that address in the options from `at` up to `end`, or null. */
export function lastHop(bytes: Uint8Array, at: number, end: number): number | null {
  while (at < end && bytes[at] !== ipv4.OPTION_END) {
    if (bytes[at] === ipv4.OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 2 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end) return null;
    const isRoute = bytes[at] === ipv4.OPTION_LOOSE_ROUTE || bytes[at] === ipv4.OPTION_STRICT_ROUTE;
    // RFC 791 3.1: the pointer counts from 1, and is beyond the option where the route is used up.
    if (isRoute) return length >= ROUTE_LENGTH && bytes[at + 2]! <= length - 3 ? at + length - 4 : null;
    at += length;
  }
  return null;
}

/** RFC 8200 8.1: the checksum covers the final destination, the last address of a routing header that is not used up.
 * Offset of that address, or null. */
export function finalDestination(bytes: Uint8Array, at: number, end: number): number | null {
  if (extension.segmentsLeft(bytes, at) === 0) return null;
  const type = extension.routingType(bytes, at);
  // RFC 8754 2: the segment list of type 4 is in reverse order. Types 0 (RFC 5095) and 2 (RFC 6275 6.4) end with it.
  const place = type === 4 ? at + ROUTING_ADDRESSES : type === 0 || type === 2 ? end - 16 : -1;
  return place >= at + ROUTING_ADDRESSES && place + 16 <= end ? place : null;
}
