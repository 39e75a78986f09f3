import { be16 } from '../../bytes/endian.ts';
import { skbCopyBits } from '../skbuff.ts';
import type { SkBuff } from '../structs.ts';

/** Walking over extension headers without looking into them (net/ipv6/exthdrs_core.c). */

export const NEXTHDR_HOP = 0;
export const NEXTHDR_ROUTING = 43;
export const NEXTHDR_FRAGMENT = 44;
export const NEXTHDR_AUTH = 51;
export const NEXTHDR_NONE = 59;
export const NEXTHDR_DEST = 60;

/** ipv6_ext_hdr */
export const ipv6ExtHdr = (nexthdr: number): boolean =>
  nexthdr === NEXTHDR_HOP ||
  nexthdr === NEXTHDR_ROUTING ||
  nexthdr === NEXTHDR_FRAGMENT ||
  nexthdr === NEXTHDR_AUTH ||
  nexthdr === NEXTHDR_NONE ||
  nexthdr === NEXTHDR_DEST;

/** Results of ipv6SkipExthdr: the protocol found, and the offset field of a fragment header met on the way. */
export let skippedNexthdr = 0;
export let skippedFragOff = 0;

const scratch = new Uint8Array(4);

/** ipv6_skip_exthdr: offset (from `skb.data`) behind the extension headers that begin at `start` with `nexthdr`; -1
 * where they do not end in the packet. Stops behind the header of a fragment that is not the first. */
export function ipv6SkipExthdr(skb: SkBuff, start: number, nexthdr: number): number {
  skippedFragOff = 0;
  while (ipv6ExtHdr(nexthdr)) {
    if (nexthdr === NEXTHDR_NONE || start + 2 > skb.len) return -1;
    skbCopyBits(skb, start, scratch, 0, Math.min(4, skb.len - start));
    let length: number;
    if (nexthdr === NEXTHDR_FRAGMENT) {
      if (start + 4 > skb.len) return -1;
      skippedFragOff = be16(scratch, 2);
      if (skippedFragOff & ~7) break;
      length = 8;
    } else if (nexthdr === NEXTHDR_AUTH) length = (scratch[1]! + 2) << 2;
    else length = (scratch[1]! + 1) << 3;
    nexthdr = scratch[0]!;
    start += length;
  }
  skippedNexthdr = nexthdr;
  return start;
}

/** Result of ipv6FindTlv: none. */
export const NO_TLV = -1;

/** ipv6_find_tlv: offset from the network header of the first option of `type` in the options header at `offset`. */
export function ipv6FindTlv(skb: SkBuff, offset: number, type: number): number {
  const { head, networkHeader: at } = skb;
  const packetLen = skb.tail - at;
  if (offset + 2 > packetLen) return NO_TLV;
  let length = (head[at + offset + 1]! + 1) << 3;
  if (offset + length > packetLen) return NO_TLV;
  offset += 2;
  length -= 2;
  while (length > 0) {
    const opt = head[at + offset]!;
    if (opt === type) return offset;
    if (opt === 0) {
      offset++;
      length--;
      continue;
    }
    if (length < 2) return NO_TLV;
    const optlen = head[at + offset + 1]! + 2;
    if (optlen > length) return NO_TLV;
    offset += optlen;
    length -= optlen;
  }
  return NO_TLV;
}
