/** Tests of what the link layer says about its payload: an EtherType, an LLC service access point, or what the link type
 * has in place of them. */
import { MAX_LENGTH } from '../../wire/ethertype.ts';
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from '../../wire/linktype.ts';
import { BPF_B, BPF_H, BPF_W } from '../opcodes.ts';
import { all, and, any, type Condition, not, or } from './block.ts';
import {
  is80211,
  isPpp,
  LINKTYPE_C_HDLC,
  LINKTYPE_FDDI,
  LINKTYPE_IEEE802_5,
  LINKTYPE_SLIP,
  linkTypeName,
} from './link-types.ts';
import { always, anyBit, atMost, equal, equalBytes, equalMasked, never } from './load.ts';
import { NOT_SET, type State } from './state.ts';

export const ETHERTYPE_IP = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_REVARP = 0x8035;
export const ETHERTYPE_IPV6 = 0x86dd;
export const ETHERTYPE_ATALK = 0x809b;
export const ETHERTYPE_AARP = 0x80f3;
export const ETHERTYPE_IPX = 0x8137;
export const ETHERTYPE_NS = 0x0600;
export const ETHERTYPE_MOPDL = 0x6001;
export const ETHERTYPE_MOPRC = 0x6002;
export const ETHERTYPE_DN = 0x6003;
export const ETHERTYPE_LAT = 0x6004;
export const ETHERTYPE_SCA = 0x6007;
export const ETHERTYPE_LOOPBACK = 0x9000;
export const ETHERTYPE_MPLS = 0x8847;
export const ETHERTYPE_PPPOED = 0x8863;
export const ETHERTYPE_PPPOES = 0x8864;
export const ETHERTYPE_8021Q = 0x8100;
export const ETHERTYPE_8021AD = 0x88a8;
export const ETHERTYPE_8021QINQ = 0x9100;

/** LLC service access points (IEEE 802.2). As protocols they are below every EtherType. */
export const LLCSAP_IP = 0x06;
export const LLCSAP_8021D = 0x42;
export const LLCSAP_IPX = 0xe0;
export const LLCSAP_NETBEUI = 0xf0;
export const LLCSAP_ISONS = 0xfe;

/** Protocol field of PPP, IANA registry of PPP numbers. */
export const PPP_MPLS_UCAST = 0x0281;
const PPP_OF: ReadonlyMap<number, number> = new Map([
  [ETHERTYPE_IP, 0x0021],
  [ETHERTYPE_IPV6, 0x0057],
  [ETHERTYPE_DN, 0x0027],
  [ETHERTYPE_ATALK, 0x0029],
  [ETHERTYPE_NS, 0x0025],
  [LLCSAP_ISONS, 0x0023],
  [LLCSAP_8021D, 0x0031],
  [LLCSAP_IPX, 0x002b],
]);

/** Protocol field of Linux's cooked header for frames that have none: raw 802.3 (Novell's IPX), and 802.2 LLC.
 * Source: linux/if_ether.h, ETH_P_802_3 and ETH_P_802_2. */
const SLL_802_3 = 0x0001;
const SLL_802_2 = 0x0004;

/** Address families in the header of BSD's loopback. AF_INET is the same everywhere, AF_INET6 is not. */
const AF_INET = 2;
const AF_INET6_LINUX = 10;
const AF_INET6_NETBSD_OPENBSD = 24;
const AF_INET6_FREEBSD = 28;
const AF_INET6_DARWIN = 30;

/** Organization codes of SNAP headers: encapsulated Ethernet, Apple. */
const OUI_ETHERNET = 0x000000;
const OUI_APPLE = 0x080007;

/** SNAP header (RFC 1042) with this organization and type, at the LLC header. */
const snap = (state: State, oui: number, type: number): Condition =>
  equalBytes(state, 'llc', 0, [0xaa, 0xaa, 0x03, oui >> 16, (oui >> 8) & 0xff, oui & 0xff, type >> 8, type & 0xff]);

/** Destination and source service access point are both `sap`. */
const bothSaps = (state: State, sap: number): Condition => equal(state, 'llc', 0, BPF_H, (sap << 8) | sap);
const destinationSap = (state: State, sap: number): Condition => equal(state, 'llc', 0, BPF_B, sap);

const ETHER_TYPE_LENGTH = 2;

/** The type field is a length: the frame is 802.3. */
export const isLength = (state: State): Condition => atMost(state, 'link type', 0, BPF_H, MAX_LENGTH);
const typeIs = (state: State, value: number): Condition => equal(state, 'link type', 0, BPF_H, value);

function ethernet(state: State, protocol: number): Condition {
  switch (protocol) {
    case LLCSAP_ISONS:
    case LLCSAP_IP:
    case LLCSAP_NETBEUI:
      return and(isLength(state), bothSaps(state, protocol));
    case LLCSAP_IPX:
      // Ethernet II, then in 802.3 frames: SNAP, 802.2, and Novell's raw form, which begins with a checksum of 0xffff.
      return or(
        typeIs(state, ETHERTYPE_IPX),
        and(
          isLength(state),
          any(
            snap(state, OUI_ETHERNET, ETHERTYPE_IPX),
            destinationSap(state, LLCSAP_IPX),
            equal(state, 'llc', 0, BPF_H, 0xffff),
          ),
        ),
      );
    case ETHERTYPE_ATALK:
    case ETHERTYPE_AARP:
      return or(typeIs(state, protocol), and(isLength(state), appleSnap(state, protocol)));
    default:
      if (protocol > MAX_LENGTH) return typeIs(state, protocol);
      return and(isLength(state), equal(state, 'link type', ETHER_TYPE_LENGTH, BPF_B, protocol));
  }
}

const appleSnap = (state: State, protocol: number): Condition =>
  snap(state, protocol === ETHERTYPE_ATALK ? OUI_APPLE : OUI_ETHERNET, protocol);

function cooked(state: State, protocol: number): Condition {
  const is8022 = (): Condition => typeIs(state, SLL_802_2);
  switch (protocol) {
    case LLCSAP_ISONS:
    case LLCSAP_IP:
    case LLCSAP_NETBEUI:
      return and(is8022(), bothSaps(state, protocol));
    case LLCSAP_IPX:
      return any(
        typeIs(state, ETHERTYPE_IPX),
        typeIs(state, SLL_802_3),
        and(is8022(), or(destinationSap(state, LLCSAP_IPX), snap(state, OUI_ETHERNET, ETHERTYPE_IPX))),
      );
    case ETHERTYPE_ATALK:
    case ETHERTYPE_AARP:
      return or(typeIs(state, protocol), and(is8022(), appleSnap(state, protocol)));
    default:
      return protocol <= MAX_LENGTH ? and(is8022(), destinationSap(state, protocol)) : typeIs(state, protocol);
  }
}

/** Frames that always have an LLC header. For an EtherType only the last field of SNAP is looked at. */
function llc(state: State, protocol: number): Condition {
  switch (protocol) {
    case LLCSAP_IP:
    case LLCSAP_ISONS:
    case LLCSAP_NETBEUI:
      return bothSaps(state, protocol);
    case LLCSAP_IPX:
      return destinationSap(state, protocol);
    case ETHERTYPE_ATALK:
      return snap(state, OUI_APPLE, ETHERTYPE_ATALK);
    default:
      return protocol <= MAX_LENGTH ? destinationSap(state, protocol) : equal(state, 'llc', 6, BPF_H, protocol);
  }
}

/** The version nibble of IP, where nothing else says what the packet is. */
function ipVersion(state: State, protocol: number, base: 'network' | 'link header'): Condition {
  if (protocol === ETHERTYPE_IP) return equalMasked(state, base, 0, BPF_B, 0x40, 0xf0);
  if (protocol === ETHERTYPE_IPV6) return equalMasked(state, base, 0, BPF_B, 0x60, 0xf0);
  return never();
}

const swap32 = (value: number): number =>
  (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;

/** BSD loopback: an address family, for LINKTYPE_NULL in the byte order of the machine that captured (here: little endian,
 * unless a savefile of the other order is read), for LINKTYPE_LOOP in network order. */
function loopback(state: State, protocol: number): Condition {
  const family = (value: number): Condition => {
    const littleEndian = state.layers.linkType === LINKTYPE_NULL && !state.options.swapped;
    return equal(state, 'link header', 0, BPF_W, littleEndian ? swap32(value) : value);
  };
  if (protocol === ETHERTYPE_IP) return family(AF_INET);
  if (protocol !== ETHERTYPE_IPV6) return never();
  if (!state.options.savefile) return family(AF_INET6_LINUX);
  return any(family(AF_INET6_DARWIN), family(AF_INET6_NETBSD_OPENBSD), family(AF_INET6_FREEBSD));
}

/** Behind MPLS labels nothing says what follows: the last label must be the bottom of the stack, and the version nibble
 * tells the rest. */
function mpls(state: State, protocol: number): Condition {
  if (protocol !== ETHERTYPE_IP && protocol !== ETHERTYPE_IPV6)
    throw state.error('UNSUPPORTED', 'behind mpls only IPv4 and IPv6 can be tested', ['ip', 'ip6']);
  return and(equalMasked(state, 'network', -2, BPF_B, 0x01, 0x01), ipVersion(state, protocol, 'network'));
}

/** Data frames of 802.11: bit 3 of the first octet of frame control is set and bit 2 is not (IEEE 802.11-2020 9.2.4.1). */
export const isDataFrame = (state: State): Condition =>
  and(not(anyBit(state, 'link header', 0, BPF_B, 0x04)), anyBit(state, 'link header', 0, BPF_B, 0x08));

/** True where the payload of the link layer is `protocol`: an EtherType, or an LLC service access point (at most 1500). */
export function linkTypeIs(state: State, protocol: number): Condition {
  if (state.layers.mplsDepth > 0) return mpls(state, protocol);
  const { linkType, linkTypeField } = state.layers;
  if (linkType === LINKTYPE_ETHERNET) return ethernet(state, protocol);
  if (isPpp(linkType)) return typeIs(state, PPP_OF.get(protocol) ?? protocol);
  if (is80211(linkType)) return and(isDataFrame(state), llc(state, protocol));
  switch (linkType) {
    case LINKTYPE_LINUX_SLL:
      return cooked(state, protocol);
    case LINKTYPE_LINUX_SLL2:
      // libpcap compares the field with everything, also with the service access points that it never holds.
      return state.options.strict ? cooked(state, protocol) : typeIs(state, protocol);
    case LINKTYPE_NULL:
    case LINKTYPE_LOOP:
      return loopback(state, protocol);
    case LINKTYPE_RAW:
      return ipVersion(state, protocol, 'link header');
    case LINKTYPE_SLIP:
      // libpcap looks at the first byte of SLIP's pseudo-header, which is its direction.
      return ipVersion(state, protocol, state.options.strict ? 'network' : 'link header');
    case LINKTYPE_IPV4:
      return protocol === ETHERTYPE_IP ? always() : never();
    case LINKTYPE_IPV6:
      return protocol === ETHERTYPE_IPV6 ? always() : never();
    case LINKTYPE_FDDI:
    case LINKTYPE_IEEE802_5:
      return llc(state, protocol);
    case LINKTYPE_C_HDLC:
      return typeIs(state, protocol === LLCSAP_ISONS ? (LLCSAP_ISONS << 8) | LLCSAP_ISONS : protocol);
  }
  if (linkTypeField.constant === NOT_SET)
    throw state.error('LINK_TYPE', `nothing is known of the payload of ${linkTypeName(linkType)}`);
  return typeIs(state, protocol);
}

/** An 802.3 frame, and not Novell's raw form, whose checksum stands where LLC would be. */
export const hasLlc = (state: State): Condition => all(isLength(state), not(equal(state, 'llc', 0, BPF_H, 0xffff)));
