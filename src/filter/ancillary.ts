/** What the kernel knows of a packet beside its bytes: the values behind loads at SKF_AD_OFF, and where the headers are
 * for loads at SKF_NET_OFF and SKF_LL_OFF. Source: linux/filter.h, net/core/filter.c (convert_skb_access and
 * bpf_convert_filter_ancillary). */
import { LITTLE_ENDIAN_HOST } from '../bytes/endian.ts';

/** Values for one packet, unsigned, in the order of this machine. Any of them may be a getter. */
export interface Ancillary {
  /** SKF_AD_PROTOCOL: skb->protocol, an EtherType (0x0800), in host order. */
  readonly protocol: number;
  /** SKF_AD_PKTTYPE: PACKET_HOST and the rest of linux/if_packet.h. */
  readonly pktType: number;
  /** SKF_AD_IFINDEX; 0: the packet has no device. */
  readonly ifindex: number;
  /** SKF_AD_HATYPE: ARPHRD_ value of the device. */
  readonly hatype: number;
  /** SKF_AD_MARK. */
  readonly mark: number;
  /** SKF_AD_QUEUE. */
  readonly queue: number;
  /** SKF_AD_RXHASH. */
  readonly rxhash: number;
  /** SKF_AD_CPU. */
  readonly cpu: number;
  /** SKF_AD_VLAN_TAG: the TCI of the tag that was taken out of the frame. */
  readonly vlanTag: number;
  /** SKF_AD_VLAN_TAG_PRESENT: 1 where a tag was taken out. */
  readonly vlanTagPresent: number;
  /** SKF_AD_VLAN_TPID, in host order. */
  readonly vlanTpid: number;
  /** SKF_AD_PAY_OFFSET: where the payload of the transport protocol starts, as skb_get_poff() finds it. */
  readonly payOffset: number;
  /** SKF_AD_RANDOM: 32 bits, new at every load. */
  readonly random: number;
  /** Where the network header is, counted from the first byte that the filter sees. */
  readonly networkOffset: number;
  /** Where the link header is, counted likewise (negative on a socket that hands out frames without it); null: there is
   * none. */
  readonly linkOffset: number | null;
}

/** A packet of which nothing is known but its bytes. */
export const NO_ANCILLARY: Ancillary = {
  protocol: 0,
  pktType: 0,
  ifindex: 0,
  hatype: 0,
  mark: 0,
  queue: 0,
  rxhash: 0,
  cpu: 0,
  vlanTag: 0,
  vlanTagPresent: 0,
  vlanTpid: 0,
  payOffset: 0,
  random: 0,
  networkOffset: 0,
  linkOffset: null,
};

// struct nlattr: nla_len (16 bits, header included), nla_type (16 bits, two flags on top), in host order.
const NLA_TYPE = 2;
const NLA_HDRLEN = 4;
const NLA_TYPE_MASK = 0x3fff;

const host16 = (bytes: Uint8Array, at: number): number =>
  LITTLE_ENDIAN_HOST ? bytes[at]! | (bytes[at + 1]! << 8) : (bytes[at]! << 8) | bytes[at + 1]!;

/** nla_find(): offset, from `offset`, of the attribute of type `type` between `from` and `from + length`; 0: none. */
function findAttribute(bytes: Uint8Array, offset: number, from: number, length: number, type: number): number {
  let at = from;
  let remaining = length;
  while (remaining >= NLA_HDRLEN) {
    const attributeLength = host16(bytes, offset + at);
    if (attributeLength < NLA_HDRLEN || attributeLength > remaining) return 0;
    if ((host16(bytes, offset + at + NLA_TYPE) & NLA_TYPE_MASK) === type) return at;
    const step = (attributeLength + 3) & ~3;
    at += step;
    remaining -= step;
  }
  return 0;
}

/** SKF_AD_NLATTR: the netlink attribute of type `type` at or after offset `from` of the packet; 0: none. */
export function netlinkAttribute(
  bytes: Uint8Array,
  offset: number,
  length: number,
  from: number,
  type: number,
): number {
  if (length < NLA_HDRLEN || from > length - NLA_HDRLEN) return 0;
  return findAttribute(bytes, offset, from, length - from, type);
}

/** SKF_AD_NLATTR_NEST: the attribute of type `type` inside the attribute that starts at `from`; 0: none. */
export function nestedNetlinkAttribute(
  bytes: Uint8Array,
  offset: number,
  length: number,
  from: number,
  type: number,
): number {
  if (length < NLA_HDRLEN || from > length - NLA_HDRLEN) return 0;
  const nestLength = host16(bytes, offset + from);
  if (nestLength > length - from) return 0;
  return findAttribute(bytes, offset, from + NLA_HDRLEN, nestLength - NLA_HDRLEN, type);
}
