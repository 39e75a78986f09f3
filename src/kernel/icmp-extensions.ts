import { fold } from '../bytes/checksum.ts';
import { be16 } from '../bytes/endian.ts';
import { skbChecksum, skbCopyBits } from './skbuff.ts';
import type { SkBuff } from './structs.ts';

/** Extensions behind the datagram that an ICMP error quotes, RFC 4884, as IP_RECVERR_RFC4884 and its twin of IPv6 tell of
 * them (ip_icmp_error_rfc4884 of net/ipv4/icmp.c). */

const EXTENSION_VERSION = 2;
const SO_EE_RFC4884_FLAG_INVALID = 1;
/** RFC 4884 4.3: a datagram is padded to at least so much in front of extensions. */
const MIN_QUOTED = 128;

const header = new Uint8Array(4);

/** ip_icmp_error_rfc4884_validate: the extension header at `offset` and the objects behind it are whole. */
function valid(skb: SkBuff, offset: number): boolean {
  skbCopyBits(skb, offset, header, 0, 4);
  if (header[0]! >>> 4 !== EXTENSION_VERSION) return true;
  if (be16(header, 2) !== 0 && fold(skbChecksum(skb, offset, skb.len - offset)) !== 0xffff) return false;
  for (offset += 4; offset < skb.len; ) {
    if (offset + 4 > skb.len) return false;
    skbCopyBits(skb, offset, header, 0, 4);
    const length = be16(header, 0);
    if (length < 4) return false;
    offset += length;
  }
  return offset === skb.len;
}

/** What goes into `ee_data`: where in the payload the extensions begin, and whether they are sound; 0 where there are
 * none. `skb.data` is at the payload, `icmp` the place of the ICMP header of 8 bytes, `quoted` the length of the datagram
 * that it says is quoted. */
export function icmpErrorExtensions(skb: SkBuff, icmp: number, quoted: number): number {
  const stripped = skb.data - icmp - 8;
  if (quoted < MIN_QUOTED || quoted < stripped) return 0;
  const offset = quoted - stripped;
  if (offset + 4 > skb.len) return 0;
  return offset | (valid(skb, offset) ? 0 : SO_EE_RFC4884_FLAG_INVALID << 16);
}
