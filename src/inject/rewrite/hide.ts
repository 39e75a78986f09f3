import { be16 } from '../../bytes/endian.ts';
import type { FrameInterface } from '../../frames/source.ts';
import { formatIpv4, formatIpv6, formatMac, parseIpv4, parseIpv6, parseMac } from '../../wire/address.ts';
import * as arp from '../../wire/arp.ts';
import { ETHERTYPE_IPV4 } from '../../wire/ethertype.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as sctp from '../../wire/sctp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as option from '../../wire/tcp-options.ts';
import type { Anonymizer } from './anonymize.ts';
import * as kind from './headers.ts';
import { type Headers, NONE } from './headers.ts';

/** What else tells who spoke, beside addresses in headers. */

const ZEROS = new Uint8Array(1 << 18);
/** RFC 8684 3.4.1: ADD_ADDR carries an address. */
const MPTCP_ADD_ADDR = 3;

/** Overwrites what programs sent with zeros, and every part of a protocol that no rule understands. Lengths stay, and
 * checksums follow. `end`: of the frame. */
export function hidePayload(headers: Headers, end: number): void {
  const { bytes } = headers;
  const zero = (from: number, to: number, cover: number): void => {
    if (from < to) headers.write(from, ZEROS, 0, to - from, cover);
  };
  for (let row = 0; row < headers.count; row++) {
    const at = headers.at[row]!;
    const close = headers.end[row]!;
    const cover = headers.cover[row]!;
    switch (headers.kind[row]) {
      case kind.DATA:
        zero(at, close, cover);
        break;
      case kind.ARP: {
        // Padding behind it, and addresses of other kinds than Ethernet's and IPv4's.
        const isUsual =
          close - at >= arp.ETHERNET_IPV4_LENGTH &&
          arp.hardwareLength(bytes, at) === 6 &&
          arp.protocolType(bytes, at) === ETHERTYPE_IPV4 &&
          arp.protocolLength(bytes, at) === 4;
        zero(at + (isUsual ? arp.ETHERNET_IPV4_LENGTH : arp.FIXED_LENGTH), close, cover);
        break;
      }
      case kind.ICMP: {
        const type = icmp.type(bytes, at);
        // Errors, redirects and router advertisements have been gone through.
        if (!icmp.isError(type) && type !== icmp.ROUTER_ADVERTISEMENT)
          zero(at + icmp.HEADER_LENGTH, close, headers.inner(row));
        break;
      }
      case kind.ICMPV6:
        hideIcmpv6(headers, row, zero);
        break;
      case kind.SCTP:
        hideChunks(bytes, at, close, zero);
        break;
      case kind.TCP:
        for (let place = tcp.optionsAt(at); place < close && bytes[place] !== option.END; ) {
          const length = option.lengthAt(bytes, place, close);
          if (length < 1) break;
          if (bytes[place] === option.MPTCP && bytes[place + 2]! >>> 4 === MPTCP_ADD_ADDR)
            zero(place + 4, place + length, headers.inner(row));
          place += length;
        }
    }
  }
  // More headers in each other than the table holds: what follows is not known, so it goes.
  if (headers.isFull) bytes.fill(0, headers.at[headers.count - 1]!, end);
}

type Zero = (from: number, to: number, cover: number) => void;

function hideIcmpv6(headers: Headers, row: number, zero: Zero): void {
  const { bytes } = headers;
  const at = headers.at[row]!;
  const end = headers.end[row]!;
  const cover = headers.inner(row);
  const type = icmp6.type(bytes, at);
  if (icmp6.isError(type) || (type >= icmp6.MLD_QUERY && type <= icmp6.MLD_DONE) || type === icmp6.MLDV2_REPORT) return;
  if (type < icmp6.ROUTER_SOLICITATION || type > icmp6.REDIRECT) {
    zero(at + icmp6.HEADER_LENGTH, end, cover);
    return;
  }
  let place =
    at + ({ [icmp6.ROUTER_SOLICITATION]: 8, [icmp6.ROUTER_ADVERTISEMENT]: 16, [icmp6.REDIRECT]: 40 }[type] ?? 24);
  while (place + 2 <= end) {
    const length = bytes[place + 1]! * 8;
    if (length === 0) break;
    // Link-layer addresses, prefixes, MTU and DNS servers have been treated or tell nothing.
    if (![1, 2, 3, 5, 25].includes(bytes[place]!)) zero(place + 2, Math.min(place + length, end), cover);
    place += length;
  }
}

/** User data, cookies, addresses and everything else that is not numbers of the protocol (RFC 9260 3.3). */
function hideChunks(bytes: Uint8Array, at: number, end: number, zero: Zero): void {
  let place = at + sctp.HEADER_LENGTH;
  while (place + sctp.CHUNK_HEADER_LENGTH <= end) {
    const type = bytes[place]!;
    const length = Math.max(be16(bytes, place + 2), sctp.CHUNK_HEADER_LENGTH);
    const close = Math.min(place + length, end);
    const fixed =
      type === sctp.CHUNK_DATA
        ? sctp.DATA_LENGTH
        : type === sctp.CHUNK_INIT || type === sctp.CHUNK_INIT_ACK
          ? sctp.INIT_LENGTH
          : type === sctp.CHUNK_SACK || type === sctp.CHUNK_SHUTDOWN || type === sctp.CHUNK_FORWARD_TSN
            ? length
            : sctp.CHUNK_HEADER_LENGTH;
    if (type === sctp.CHUNK_INIT || type === sctp.CHUNK_INIT_ACK)
      // The parameters keep their types and lengths.
      for (let parameter = place + fixed; parameter + 4 <= close; ) {
        const size = Math.max(be16(bytes, parameter + 2), 4);
        zero(parameter + 4, Math.min(parameter + size, close), NONE);
        parameter += (size + 3) & ~3;
      }
    else zero(place + fixed, close, NONE);
    place += (length + 3) & ~3;
  }
}

const ADDRESS_LIKE =
  /[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}|\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]*:[0-9a-fA-F.]*/g;

/** Addresses in a text (a comment) replaced as those in headers are. */
export function anonymizedText(text: string, anonymizer: Anonymizer): string {
  return text.replace(ADDRESS_LIKE, (found) => {
    const mac = parseMac(found);
    if (mac !== null) {
      anonymizer.mac(mac);
      return formatMac(mac);
    }
    const address = parseIpv4(found) ?? parseIpv6(found);
    if (address === null) return found;
    anonymizer.address(address);
    return address.length === 4 ? formatIpv4(address) : formatIpv6(address);
  });
}

/** An interface without its addresses, filter and machine. */
export function anonymizedInterface(from: FrameInterface, anonymizer: Anonymizer): FrameInterface {
  const { filter: _filter, macAddress: _mac, others: _others, hardware: _hardware, os: _os, ...to } = from;
  if (to.description !== undefined) to.description = anonymizedText(to.description, anonymizer);
  if (to.comments !== undefined) to.comments = to.comments.map((comment) => anonymizedText(comment, anonymizer));
  return to;
}
