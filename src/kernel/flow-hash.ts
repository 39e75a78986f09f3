import { be16, be32 } from '../bytes/endian.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../uapi/if_ether.ts';
import { IPPROTO_TCP, IPPROTO_UDP } from '../uapi/in.ts';
import {
  daddrOf,
  IP_MF,
  IP_OFFSET,
  IPH_FRAG_OFF,
  IPH_PROTOCOL,
  IPHDR_LEN,
  IPV6HDR_LEN,
  ihl,
  saddrOf,
} from './headers.ts';
import type { SkBuff } from './structs.ts';

/** The hash of a packet's flow (skb_get_hash): equal for both directions, so that a fanout group keeps them together. */

const mix = (h: number, value: number): number => {
  h = Math.imul(h ^ value, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
};

export function skbFlowHash(skb: SkBuff): number {
  if (skb.hash !== 0) return skb.hash;
  const { head } = skb;
  const at = skb.networkHeader;
  let h = 0x9e3779b9;
  if (skb.protocol === ETH_P_IP && skb.tail - at >= IPHDR_LEN) {
    const saddr = saddrOf(head, at);
    const daddr = daddrOf(head, at);
    h = mix(mix(h, Math.min(saddr, daddr)), Math.max(saddr, daddr));
    const protocol = head[at + IPH_PROTOCOL]!;
    h = mix(h, protocol);
    const l4 = at + ihl(head, at);
    const fragment = be16(head, at + IPH_FRAG_OFF) & (IP_MF | IP_OFFSET);
    if (fragment === 0 && (protocol === IPPROTO_UDP || protocol === IPPROTO_TCP) && skb.tail - l4 >= 4) {
      const a = be16(head, l4);
      const b = be16(head, l4 + 2);
      h = mix(h, Math.min(a, b) * 65536 + Math.max(a, b));
    }
  } else if (skb.protocol === ETH_P_IPV6 && skb.tail - at >= IPV6HDR_LEN) {
    let x = 0;
    for (let i = 0; i < 16; i += 4) x ^= mix(i, be32(head, at + 8 + i)) ^ mix(i, be32(head, at + 24 + i));
    h = mix(h, x >>> 0);
    h = mix(h, head[at + 6]!);
    if ((head[at + 6] === IPPROTO_UDP || head[at + 6] === IPPROTO_TCP) && skb.tail - at >= 44) {
      const a = be16(head, at + 40);
      const b = be16(head, at + 42);
      h = mix(h, Math.min(a, b) * 65536 + Math.max(a, b));
    }
  } else {
    for (let i = 0; i < 12 && skb.macHeader + i < skb.tail; i++) h = mix(h, head[skb.macHeader + i]!);
  }
  skb.hash = h || 1;
  return skb.hash;
}
