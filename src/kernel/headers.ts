import { be16, be32 } from '../bytes/endian.ts';

/** Where the kernel's own code writes and rewrites fields of headers. The names are those of struct iphdr, udphdr,
 * icmphdr, ipv6hdr; readers of captured frames use wire/. */
export const IPH_VERSION_IHL = 0;
export const IPH_TOS = 1;
export const IPH_TOT_LEN = 2;
export const IPH_ID = 4;
export const IPH_FRAG_OFF = 6;
export const IPH_TTL = 8;
export const IPH_PROTOCOL = 9;
export const IPH_CHECK = 10;
export const IPH_SADDR = 12;
export const IPH_DADDR = 16;
export const IPHDR_LEN = 20;
export const IP_DF = 0x4000;
export const IP_MF = 0x2000;
export const IP_OFFSET = 0x1fff;

export const UDP_SOURCE = 0;
export const UDP_DEST = 2;
export const UDP_LEN = 4;
export const UDP_CHECK = 6;
export const UDPHDR_LEN = 8;

export const ICMP_TYPE = 0;
export const ICMP_CODE = 1;
export const ICMP_CHECKSUM = 2;
/** un: gateway, or id and sequence, or unused and mtu. */
export const ICMP_UN = 4;
export const ICMPHDR_LEN = 8;

export const IP6_PAYLOAD_LEN = 4;
export const IP6_NEXTHDR = 6;
export const IP6_HOP_LIMIT = 7;
export const IP6_SADDR = 8;
export const IP6_DADDR = 24;
export const IPV6HDR_LEN = 40;

export const ihl = (bytes: Uint8Array, at: number): number => (bytes[at]! & 15) << 2;
export const saddrOf = (bytes: Uint8Array, at: number): number => be32(bytes, at + IPH_SADDR);
export const daddrOf = (bytes: Uint8Array, at: number): number => be32(bytes, at + IPH_DADDR);
export const totLen = (bytes: Uint8Array, at: number): number => be16(bytes, at + IPH_TOT_LEN);

export const ipv4IsMulticast = (a: number): boolean => a >>> 28 === 0xe;
export const ipv4IsLocalMulticast = (a: number): boolean => a >>> 8 === 0xe00000;
export const ipv4IsLoopback = (a: number): boolean => a >>> 24 === 127;
export const ipv4IsZeronet = (a: number): boolean => a >>> 24 === 0;
export const ipv4IsLbcast = (a: number): boolean => a === 0xffffffff;

export const ipv4Text = (a: number): string => `${a >>> 24}.${(a >>> 16) & 255}.${(a >>> 8) & 255}.${a & 255}`;

/** Parses dotted decimals; null where it is none. */
export function ipv4Parse(text: string): number | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let value = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
    value = value * 256 + Number(part);
  }
  return value;
}

/** Network mask of a prefix length. */
export const inetMakeMask = (length: number): number => (length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);
/** Prefix length of a mask. */
export const inetMaskLen = (mask: number): number => (mask === 0xffffffff ? 32 : Math.clz32(~mask));
