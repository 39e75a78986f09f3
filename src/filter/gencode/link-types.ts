/** Where the headers are in each link type (LINKTYPE_ registry of the savefile format). */
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_IEEE802_11,
  LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_LINUX_SLL2,
  LINKTYPE_LOOP,
  LINKTYPE_NULL,
  LINKTYPE_PPP,
  LINKTYPE_PPP_ETHER,
  LINKTYPE_PPP_HDLC,
  LINKTYPE_RAW,
} from '../../wire/linktype.ts';
import { fixed, type Layers, NOT_SET, variableOffset } from './state.ts';

export const LINKTYPE_IEEE802_5 = 6;
export const LINKTYPE_SLIP = 8;
export const LINKTYPE_FDDI = 10;
export const LINKTYPE_C_HDLC = 104;
export const LINKTYPE_IEEE802_11_PRISM = 119;
export const LINKTYPE_IEEE802_11_AVS = 163;
export const LINKTYPE_PPI = 192;

/** DLT_RAW is 12, and 14 on OpenBSD; in files it is 101. */
const RAW_ALIASES = new Set([12, 14]);

/** Values that the registry had given out when libpcap 1.10.3 was made; others are a mistake of the caller. */
const FIRST_REGISTERED = 104;
const LAST_REGISTERED = 289;

/** Link types that libpcap has rules of its own for (frame relay, pflog, ATM, ARCnet, Juniper's and others), which are not
 * made here: an error is better than a filter that looks at the wrong bytes. */
const NOT_MADE: ReadonlySet<number> = new Set([
  107, 109, 112, 114, 117, 122, 123, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 164, 165, 166, 167, 168, 178,
  179, 180, 181, 183, 194, 200, 226, 232, 233, 234, 238, 240, 241,
]);

/** LLC with a SNAP header, and LLC alone (IEEE 802.2). */
const SNAP_LENGTH = 8;
const LLC_LENGTH = 3;

/** Offset of the type field, of the payload, and of the network header in it: behind LLC and SNAP, and behind LLC. */
const FIXED: ReadonlyMap<number, readonly [type: number, payload: number, network: number, noSnap: number]> = new Map([
  [LINKTYPE_ETHERNET, [12, 14, 0, LLC_LENGTH]],
  [LINKTYPE_NULL, [0, 4, 0, 0]],
  [LINKTYPE_LOOP, [0, 4, 0, 0]],
  [LINKTYPE_PPP, [2, 4, 0, 0]],
  [LINKTYPE_PPP_HDLC, [2, 4, 0, 0]],
  [LINKTYPE_C_HDLC, [2, 4, 0, 0]],
  [LINKTYPE_PPP_ETHER, [6, 8, 0, 0]],
  [LINKTYPE_RAW, [NOT_SET, 0, 0, 0]],
  [LINKTYPE_IPV4, [NOT_SET, 0, 0, 0]],
  [LINKTYPE_IPV6, [NOT_SET, 0, 0, 0]],
  [LINKTYPE_LINUX_SLL, [14, 16, 0, 0]],
  [LINKTYPE_LINUX_SLL2, [0, 20, 0, 0]],
  [LINKTYPE_SLIP, [NOT_SET, 16, 0, 0]],
  [LINKTYPE_FDDI, [13, 13, SNAP_LENGTH, LLC_LENGTH]],
  [LINKTYPE_IEEE802_5, [14, 14, SNAP_LENGTH, LLC_LENGTH]],
]);

const WITH_PREFIX = new Set([
  LINKTYPE_IEEE802_11_PRISM,
  LINKTYPE_IEEE802_11_AVS,
  LINKTYPE_IEEE802_11_RADIOTAP,
  LINKTYPE_PPI,
]);

export const is80211 = (linkType: number): boolean => linkType === LINKTYPE_IEEE802_11 || WITH_PREFIX.has(linkType);

/** 802.11 of which the frame control field and VLAN tags can be tested: not inside PPI, for which libpcap refuses it. */
export const hasFrameControl = (linkType: number): boolean => is80211(linkType) && linkType !== LINKTYPE_PPI;

export const isPpp = (linkType: number): boolean =>
  linkType === LINKTYPE_PPP || linkType === LINKTYPE_PPP_HDLC || linkType === LINKTYPE_PPP_ETHER;

/** The layers at the start of a packet; null for a link type that is not in the registry, or that no filters are made
 * for. Of those that are in it and not known here, only the bytes from the start and the length can be tested. */
export function layersOf(linkType: number): Layers | null {
  if (RAW_ALIASES.has(linkType)) linkType = LINKTYPE_RAW;
  const none = { mplsDepth: 0, vlanDepth: 0, geneve: false };
  if (is80211(linkType)) {
    return {
      linkType,
      linkHeader: WITH_PREFIX.has(linkType) ? variableOffset() : fixed(0),
      linkTypeField: variableOffset(),
      linkPayload: variableOffset(),
      network: SNAP_LENGTH,
      networkNoSnap: LLC_LENGTH,
      ...none,
    };
  }
  const known = FIXED.get(linkType);
  if (NOT_MADE.has(linkType)) return null;
  if (known === undefined && !(linkType >= FIRST_REGISTERED && linkType <= LAST_REGISTERED)) return null;
  const [type, payload, network, networkNoSnap] = known ?? [NOT_SET, NOT_SET, NOT_SET, NOT_SET];
  return {
    linkType,
    linkHeader: fixed(0),
    linkTypeField: fixed(type),
    linkPayload: fixed(payload),
    network,
    networkNoSnap,
    ...none,
  };
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [LINKTYPE_ETHERNET, 'Ethernet'],
  [LINKTYPE_NULL, 'BSD loopback'],
  [LINKTYPE_LOOP, 'OpenBSD loopback'],
  [LINKTYPE_PPP, 'PPP'],
  [LINKTYPE_PPP_HDLC, 'PPP over serial'],
  [LINKTYPE_C_HDLC, 'Cisco HDLC'],
  [LINKTYPE_PPP_ETHER, 'PPPoE'],
  [LINKTYPE_RAW, 'raw IP'],
  [LINKTYPE_IPV4, 'raw IPv4'],
  [LINKTYPE_IPV6, 'raw IPv6'],
  [LINKTYPE_LINUX_SLL, 'Linux cooked v1'],
  [LINKTYPE_LINUX_SLL2, 'Linux cooked v2'],
  [LINKTYPE_SLIP, 'SLIP'],
  [LINKTYPE_FDDI, 'FDDI'],
  [LINKTYPE_IEEE802_5, 'Token Ring'],
  [LINKTYPE_IEEE802_11, '802.11'],
  [LINKTYPE_IEEE802_11_RADIOTAP, '802.11 plus radiotap header'],
  [LINKTYPE_IEEE802_11_PRISM, '802.11 plus Prism header'],
  [LINKTYPE_IEEE802_11_AVS, '802.11 plus AVS header'],
  [LINKTYPE_PPI, 'per-packet information'],
]);

/** Name of a link type for a message. */
export const linkTypeName = (linkType: number): string => NAMES.get(linkType) ?? `link type ${linkType}`;
