import { checksum as internetChecksum } from '../bytes/checksum.ts';
import { putBe16 } from '../bytes/endian.ts';
import { IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, IPPROTO_HOPOPTS, IPPROTO_ROUTING } from '../wire/ipproto.ts';
import * as ipv4 from '../wire/ipv4.ts';
import * as ipv6 from '../wire/ipv6.ts';
import * as extension from '../wire/ipv6-extension.ts';

/** Cuts IP packets that are longer than a link takes: IPv4 by RFC 791 3.2, IPv6 by RFC 8200 4.5. The checksum of what
 * they carry stays as it is, since it covers the whole. */

/** Offsets in the IPv4 header that are rewritten in each fragment. */
const IPV4_VERSION_IHL = 0;
const IPV4_TOTAL_LENGTH = 2;
const IPV4_FLAGS_FRAGMENT = 6;
const IPV4_CHECKSUM = 10;
/** RFC 791 3.1: the option goes into every fragment. */
const OPTION_COPIED = 0x80;
/** Offsets in the IPv6 header. */
const IPV6_PAYLOAD_LENGTH = 4;
const IPV6_NEXT_HEADER = 6;

/** The packet could not be cut: it says so itself, or the link is too narrow for any fragment. */
export class MtuError extends Error {
  readonly code = 'EMSGSIZE';
  /** Bytes that the packet has, and that the link takes. */
  readonly length: number;
  readonly mtu: number;

  constructor(message: string, length: number, mtu: number) {
    super(message);
    this.length = length;
    this.mtu = mtu;
  }
}

/** The IP packet in pieces of at most `mtu` bytes; itself where it fits. `id` is the identification of the fragment
 * headers of IPv6; IPv4 has its own. Throws MtuError where it may not or cannot be cut. */
export function fragment(packet: Uint8Array, mtu: number, id: number): Uint8Array[] {
  if (packet.length <= mtu) return [packet];
  return packet[0]! >>> 4 === 6 ? fragmentIpv6(packet, mtu, id) : fragmentIpv4(packet, mtu);
}

function fragmentIpv4(packet: Uint8Array, mtu: number): Uint8Array[] {
  const header = ipv4.headerLength(packet, 0);
  if (ipv4.dontFragment(packet, 0))
    throw new MtuError(
      `a packet of ${packet.length} bytes says "don't fragment", and the link takes ${mtu}`,
      packet.length,
      mtu,
    );
  const laterOptions = copiedOptions(packet, header);
  const before = ipv4.fragmentOffset(packet, 0);
  const moreAfter = ipv4.moreFragments(packet, 0);
  const pieces: Uint8Array[] = [];
  for (let at = header; at < packet.length; ) {
    const options = at === header ? packet.subarray(ipv4.HEADER_LENGTH, header) : laterOptions;
    const own = ipv4.HEADER_LENGTH + options.length;
    let room = mtu - own;
    const last = packet.length - at <= room;
    // All but the last carry a multiple of eight bytes, which is what the offset counts in.
    if (!last) room &= ~7;
    if (room <= 0) throw tooNarrow(packet, mtu, own + 8);
    const size = Math.min(room, packet.length - at);
    const piece = new Uint8Array(own + size);
    piece.set(packet.subarray(0, ipv4.HEADER_LENGTH));
    piece.set(options, ipv4.HEADER_LENGTH);
    piece.set(packet.subarray(at, at + size), own);
    piece[IPV4_VERSION_IHL] = (4 << 4) | (own >> 2);
    putBe16(piece, IPV4_TOTAL_LENGTH, own + size);
    const reserved = ipv4.flagsFragment(packet, 0) & ipv4.FLAG_RESERVED;
    const more = !last || moreAfter ? ipv4.FLAG_MORE_FRAGMENTS : 0;
    putBe16(piece, IPV4_FLAGS_FRAGMENT, reserved | more | ((before + at - header) >> 3));
    putBe16(piece, IPV4_CHECKSUM, 0);
    putBe16(piece, IPV4_CHECKSUM, internetChecksum(piece, 0, own));
    pieces.push(piece);
    at += size;
  }
  return pieces;
}

/** The options that go into every fragment, padded to a multiple of four bytes. */
function copiedOptions(packet: Uint8Array, header: number): Uint8Array {
  const kept: number[] = [];
  for (let at = ipv4.HEADER_LENGTH; at < header; ) {
    const type = packet[at]!;
    if (type === ipv4.OPTION_END) break;
    const length = type === ipv4.OPTION_NOP ? 1 : packet[at + 1]!;
    // A length that makes no sense ends the options: what is left cannot be told apart.
    if (type !== ipv4.OPTION_NOP && (length < 2 || at + length > header)) break;
    if (type & OPTION_COPIED) kept.push(...packet.subarray(at, at + length));
    at += length;
  }
  while (kept.length % 4) kept.push(ipv4.OPTION_END);
  return Uint8Array.from(kept);
}

function fragmentIpv6(packet: Uint8Array, mtu: number, id: number): Uint8Array[] {
  const { end: prefix, nextHeaderAt } = unfragmentable(packet);
  const next = packet[nextHeaderAt]!;
  const own = prefix + extension.MIN_LENGTH;
  const pieces: Uint8Array[] = [];
  for (let at = prefix; at < packet.length; ) {
    let room = mtu - own;
    const last = packet.length - at <= room;
    if (!last) room &= ~7;
    if (room <= 0) throw tooNarrow(packet, mtu, own + 8);
    const size = Math.min(room, packet.length - at);
    const piece = new Uint8Array(own + size);
    piece.set(packet.subarray(0, prefix));
    piece[nextHeaderAt] = IPPROTO_FRAGMENT;
    putBe16(piece, IPV6_PAYLOAD_LENGTH, own + size - ipv6.HEADER_LENGTH);
    extension.emit(piece, prefix, {
      kind: 'fragment',
      nextHeader: next,
      fragmentOffset: at - prefix,
      moreFragments: !last,
      id,
    });
    piece.set(packet.subarray(at, at + size), own);
    pieces.push(piece);
    at += size;
  }
  return pieces;
}

/** RFC 8200 4.5: the headers that every router needs (up to the hop-by-hop options or the routing header, destination
 * options in front of a routing header included) go in front of the fragment header, in every fragment. */
function unfragmentable(packet: Uint8Array): { end: number; nextHeaderAt: number } {
  let result = { end: ipv6.HEADER_LENGTH, nextHeaderAt: IPV6_NEXT_HEADER };
  let at = ipv6.HEADER_LENGTH;
  let protocol = ipv6.nextHeader(packet, 0);
  while (
    (protocol === IPPROTO_HOPOPTS || protocol === IPPROTO_ROUTING || protocol === IPPROTO_DSTOPTS) &&
    at + extension.MIN_LENGTH <= packet.length
  ) {
    const end = at + extension.length(packet, at, protocol);
    if (end > packet.length) break;
    if (protocol !== IPPROTO_DSTOPTS) result = { end, nextHeaderAt: at };
    protocol = extension.nextHeader(packet, at);
    at = end;
  }
  return result;
}

const tooNarrow = (packet: Uint8Array, mtu: number, needed: number): MtuError =>
  new MtuError(
    `a packet of ${packet.length} bytes cannot be cut for a link that takes ${mtu}: a fragment needs ${needed}`,
    packet.length,
    mtu,
  );
