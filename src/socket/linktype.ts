/** Which link type (LINKTYPE_ of the savefile registry) the frames of a device have, as libpcap chooses for Linux. */
import * as arp from '../uapi/if_arp.ts';

export const LINKTYPE_ETHERNET = 1;
export const LINKTYPE_RAW = 101;
export const LINKTYPE_LINUX_SLL = 113;
export const LINKTYPE_LINUX_SLL2 = 276;

/** Devices whose frames are taken as they are (SOCK_RAW), by ARPHRD_ type. Every other device is captured cooked
 * (SOCK_DGRAM): its link header is replaced by a Linux cooked one. */
const AS_THEY_ARE = new Map<number, number>([
  [arp.ARPHRD_ETHER, LINKTYPE_ETHERNET],
  [arp.ARPHRD_METRICOM, LINKTYPE_ETHERNET],
  [arp.ARPHRD_LOOPBACK, LINKTYPE_ETHERNET],
  [arp.ARPHRD_AX25, 202],
  [arp.ARPHRD_PRONET, 4],
  [arp.ARPHRD_CHAOS, 5],
  [arp.ARPHRD_CAN, 227],
  [arp.ARPHRD_IEEE802, 6],
  [arp.ARPHRD_IEEE802_TR, 6],
  [arp.ARPHRD_ARCNET, 129],
  [arp.ARPHRD_FDDI, 10],
  [arp.ARPHRD_IEEE80211, 105],
  [arp.ARPHRD_IEEE80211_PRISM, 119],
  [arp.ARPHRD_IEEE80211_RADIOTAP, 127],
  [arp.ARPHRD_CISCO, 104],
  [arp.ARPHRD_FRAD, 107],
  [arp.ARPHRD_LOCALTLK, 114],
  [arp.ARPHRD_IEEE802154, 230],
  // No link header, or one that means nothing without its device: the packet is IP.
  [arp.ARPHRD_NONE, LINKTYPE_RAW],
  [arp.ARPHRD_RAWIP, LINKTYPE_RAW],
  [arp.ARPHRD_TUNNEL, LINKTYPE_RAW],
  [arp.ARPHRD_SIT, LINKTYPE_RAW],
  [arp.ARPHRD_SLIP, LINKTYPE_RAW],
  [arp.ARPHRD_CSLIP, LINKTYPE_RAW],
  [arp.ARPHRD_SLIP6, LINKTYPE_RAW],
  [arp.ARPHRD_CSLIP6, LINKTYPE_RAW],
  [arp.ARPHRD_ADAPT, LINKTYPE_RAW],
  [arp.ARPHRD_RAWHDLC, LINKTYPE_RAW],
  [arp.ARPHRD_DLCI, LINKTYPE_RAW],
]);

/** The link type of a device's frames, and whether they are captured cooked. */
export function deviceLinkType(arphrd: number): { linkType: number; cooked: boolean } {
  const linkType = AS_THEY_ARE.get(arphrd);
  return linkType === undefined ? { linkType: LINKTYPE_LINUX_SLL, cooked: true } : { linkType, cooked: false };
}
