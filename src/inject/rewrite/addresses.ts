import { be16 } from '../../bytes/endian.ts';
import * as arp from '../../wire/arp.ts';
import { ETHERTYPE_IPV4 } from '../../wire/ethertype.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as option6 from '../../wire/ipv6-extension.ts';
import * as kind from './headers.ts';
import { type Headers, NONE } from './headers.ts';
import type { AddressChange } from './maps.ts';

/** Every place in a frame where an address of IP or of the link layer stands. */

export interface AddressRules {
  addresses?: AddressChange | undefined;
  sources?: AddressChange | undefined;
  destinations?: AddressChange | undefined;
  macs?: AddressChange | undefined;
  skipGroups: boolean;
}

export function rewriteAddresses(headers: Headers, rules: AddressRules): void {
  const pass = new Pass(headers, rules);
  for (let row = 0; row < headers.count; row++) pass.header(row);
}

type Role = 'source' | 'destination' | 'other';

class Pass {
  readonly #headers: Headers;
  readonly #rules: AddressRules;
  readonly #four = new Uint8Array(4);
  readonly #sixteen = new Uint8Array(16);

  constructor(headers: Headers, rules: AddressRules) {
    this.#headers = headers;
    this.#rules = rules;
  }

  header(row: number): void {
    const headers = this.#headers;
    const { bytes } = headers;
    const at = headers.at[row]!;
    const end = headers.end[row]!;
    const cover = headers.cover[row]!;
    switch (headers.kind[row]) {
      case kind.ETHERNET:
        this.#mac(at, end, cover);
        this.#mac(at + 6, end, cover);
        break;
      case kind.LINK_ADDRESS:
        if (end - at === 6) this.#mac(at, end, cover);
        break;
      case kind.ARP:
        this.#arp(at, end, cover);
        break;
      case kind.IPV4:
        this.#ip(ipv4.srcAt(at), 4, end, 'source', row, true);
        this.#ip(ipv4.dstAt(at), 4, end, 'destination', row, true);
        this.#options4(row, at, end);
        break;
      case kind.IPV6: {
        const final = headers.finalDst[row]!;
        this.#ip(ipv6.srcAt(at), 16, end, 'source', row, true);
        this.#ip(ipv6.dstAt(at), 16, end, 'destination', row, final === ipv6.dstAt(at));
        break;
      }
      case kind.ROUTING:
        this.#routing(row, at, end);
        break;
      case kind.OPTIONS:
        for (let place = at + 2; place < end; ) {
          const length = bytes[place] === option6.OPTION_PAD1 ? 1 : 2 + (bytes[place + 1] ?? 0);
          if (bytes[place] === option6.OPTION_HOME_ADDRESS && length === 18)
            this.#other(place + 2, 16, Math.min(place + length, end), cover);
          place += length;
        }
        break;
      case kind.ICMP:
        this.#icmp(at, end, headers.inner(row));
        break;
      case kind.ICMPV6:
        this.#icmpv6(at, end, headers.inner(row));
        break;
      case kind.IGMP:
        this.#igmp(at, end, headers.inner(row));
    }
  }

  #mac(at: number, end: number, cover: number, length = 6): void {
    const { macs } = this.#rules;
    if (macs === undefined || at + length > end) return;
    const address = this.#headers.bytes.slice(at, at + length);
    if (macs(address)) this.#headers.write(at, address, 0, length, cover);
  }

  /** The address in `copy` is changed by the rules for its role; true where there is another now. */
  #change(copy: Uint8Array, role: Role): boolean {
    const { addresses, sources, destinations, skipGroups } = this.#rules;
    if (skipGroups && isGroup(copy)) return false;
    const own = role === 'source' ? sources : role === 'destination' ? destinations : undefined;
    return own?.(copy) || addresses?.(copy) || false;
  }

  /** An address of an IP header, whose checksums count it in. */
  #ip(at: number, length: 4 | 16, end: number, role: Role, row: number, inPseudo: boolean): void {
    if (at + length > end) return;
    const headers = this.#headers;
    const copy = length === 4 ? this.#four : this.#sixteen;
    for (let i = 0; i < length; i++) copy[i] = headers.bytes[at + i]!;
    if (!this.#change(copy, role)) return;
    const pseudo = inPseudo ? headers.pseudo[row]! : NONE;
    headers.write(at, copy, 0, length, headers.cover[row]!, headers.own[row]!, pseudo);
  }

  /** An address anywhere else. */
  #other(at: number, length: 4 | 16, end: number, cover: number, role: Role = 'other'): void {
    if (at + length > end) return;
    const headers = this.#headers;
    const copy = length === 4 ? this.#four : this.#sixteen;
    for (let i = 0; i < length; i++) copy[i] = headers.bytes[at + i]!;
    if (this.#change(copy, role)) headers.write(at, copy, 0, length, cover);
  }

  #arp(at: number, end: number, cover: number): void {
    const { bytes } = this.#headers;
    if (end - at < arp.FIXED_LENGTH) return;
    const hardware = arp.hardwareLength(bytes, at);
    if (hardware === 6) {
      this.#mac(arp.senderHardwareAt(bytes, at), end, cover);
      this.#mac(arp.targetHardwareAt(bytes, at), end, cover);
    }
    if (arp.protocolType(bytes, at) !== ETHERTYPE_IPV4 || arp.protocolLength(bytes, at) !== 4) return;
    this.#other(arp.senderProtocolAt(bytes, at), 4, end, cover, 'source');
    this.#other(arp.targetProtocolAt(bytes, at), 4, end, cover, 'destination');
  }

  /** RFC 791 3.1: routes and timestamps list addresses. */
  #options4(row: number, at: number, end: number): void {
    const headers = this.#headers;
    const { bytes } = headers;
    for (let place = ipv4.optionsAt(at); place < end && bytes[place] !== ipv4.OPTION_END; ) {
      const type = bytes[place]!;
      const length = type === ipv4.OPTION_NOP ? 1 : (bytes[place + 1] ?? 0);
      if (length < 1 || (length < 2 && type !== ipv4.OPTION_NOP) || place + length > end) return;
      const close = place + length;
      const each = (from: number, step: number): void => {
        for (let address = from; address + 4 <= close; address += step)
          this.#ip(address, 4, close, 'other', row, false);
      };
      if (type === ipv4.OPTION_RECORD_ROUTE || type === ipv4.OPTION_LOOSE_ROUTE || type === ipv4.OPTION_STRICT_ROUTE)
        each(place + 3, 4);
      // Flags 0: times alone.
      else if (type === ipv4.OPTION_TIMESTAMP && (bytes[place + 3]! & 15) !== 0) each(place + 4, 8);
      else if (type === ipv4.OPTION_TRACEROUTE && length === 12) each(place + 8, 4);
      place = close;
    }
  }

  /** Types 0, 2 and 4 list whole addresses from byte 8 on. */
  #routing(row: number, at: number, end: number): void {
    const headers = this.#headers;
    const type = option6.routingType(headers.bytes, at);
    if (type !== 0 && type !== 2 && type !== 4) return;
    const segments = type === 4 ? headers.bytes[at + 4]! + 1 : Number.POSITIVE_INFINITY;
    let ip = row - 1;
    while (ip >= 0 && headers.kind[ip] !== kind.IPV6) ip--;
    for (let place = at + 8, n = 0; place + 16 <= end && n < segments; place += 16, n++) {
      if (ip >= 0 && headers.finalDst[ip] === place) this.#ip(place, 16, end, 'other', ip, true);
      else this.#other(place, 16, end, headers.cover[row]!);
    }
  }

  #icmp(at: number, end: number, cover: number): void {
    const { bytes } = this.#headers;
    const type = icmp.type(bytes, at);
    if (type === icmp.REDIRECT) this.#other(icmp.gatewayAt(at), 4, end, cover);
    // RFC 1256 3: pairs of a router's address and its preference.
    else if (type === icmp.ROUTER_ADVERTISEMENT)
      for (let n = 0; n < bytes[at + 4]!; n++) this.#other(at + 8 + n * 8, 4, end, cover);
  }

  /** RFC 2236 2, RFC 3376 4. */
  #igmp(at: number, end: number, cover: number): void {
    const { bytes } = this.#headers;
    if (bytes[at] !== 0x22) {
      this.#other(at + 4, 4, end, cover);
      if (bytes[at] === 0x11 && end - at >= 12) this.#list(at + 12, be16(bytes, at + 10), 4, end, cover);
      return;
    }
    let place = at + 8;
    for (let records = be16(bytes, at + 6); records > 0 && place + 8 <= end; records--) {
      const sources = be16(bytes, place + 2);
      this.#other(place + 4, 4, end, cover);
      this.#list(place + 8, sources, 4, end, cover);
      place += 8 + sources * 4 + bytes[place + 1]! * 4;
    }
  }

  #list(at: number, count: number, length: 4 | 16, end: number, cover: number): void {
    for (let n = 0; n < count && at + length <= end; n++, at += length) this.#other(at, length, end, cover);
  }

  #icmpv6(at: number, end: number, cover: number): void {
    const { bytes } = this.#headers;
    switch (icmp6.type(bytes, at)) {
      // RFC 2710 3, RFC 3810 5.
      case icmp6.MLD_QUERY:
        this.#other(at + 8, 16, end, cover);
        if (end - at >= 28) this.#list(at + 28, be16(bytes, at + 26), 16, end, cover);
        break;
      case icmp6.MLD_REPORT:
      case icmp6.MLD_DONE:
        this.#other(at + 8, 16, end, cover);
        break;
      case icmp6.MLDV2_REPORT: {
        let place = at + 8;
        for (let records = be16(bytes, at + 6); records > 0 && place + 20 <= end; records--) {
          const sources = be16(bytes, place + 2);
          this.#other(place + 4, 16, end, cover);
          this.#list(place + 20, sources, 16, end, cover);
          place += 20 + sources * 16 + bytes[place + 1]! * 4;
        }
        break;
      }
      // RFC 4861 4.
      case icmp6.ROUTER_SOLICITATION:
        this.#neighbourOptions(at + 8, end, cover);
        break;
      case icmp6.ROUTER_ADVERTISEMENT:
        this.#neighbourOptions(at + 16, end, cover);
        break;
      case icmp6.NEIGHBOR_SOLICITATION:
      case icmp6.NEIGHBOR_ADVERTISEMENT:
        this.#other(at + 8, 16, end, cover);
        this.#neighbourOptions(at + 24, end, cover);
        break;
      case icmp6.REDIRECT:
        this.#other(at + 8, 16, end, cover);
        this.#other(at + 24, 16, end, cover);
        this.#neighbourOptions(at + 40, end, cover);
    }
  }

  /** RFC 4861 4.6, RFC 8106 5.1: options count their length in units of eight bytes. */
  #neighbourOptions(at: number, end: number, cover: number): void {
    const { bytes } = this.#headers;
    while (at + 2 <= end) {
      const length = bytes[at + 1]! * 8;
      if (length === 0) return;
      const close = Math.min(at + length, end);
      const type = bytes[at]!;
      if (type === 1 || type === 2) this.#mac(at + 2, close, cover);
      else if (type === 3) this.#other(at + 16, 16, close, cover);
      else if (type === 25) this.#list(at + 8, Number.POSITIVE_INFINITY, 16, close, cover);
      at += length;
    }
  }
}

/** Broadcast and multicast of IP. A network's own broadcast address cannot be told without its mask. */
const isGroup = (address: Uint8Array): boolean =>
  address.length === 4
    ? address[0]! >= 224 && (address[0]! < 240 || address.every((byte) => byte === 255))
    : address[0] === 0xff;
