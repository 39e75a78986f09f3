import { be16 } from '../bytes/endian.ts';
import type { Ancillary } from '../filter/ancillary.ts';
import { jit } from '../filter/jit.ts';
import { validate } from '../filter/validate.ts';
import { CAP_NET_ADMIN } from '../uapi/capability.ts';
import { EINVAL, ENOMEM, EPERM } from '../uapi/errno.ts';
import { decodeSockFilters, sock_filter, sock_fprog } from '../uapi/filter.ts';
import { hostU16 } from '../uapi/host.ts';
import { ETH_P_IP, ETH_P_IPV6 } from '../uapi/if_ether.ts';
import { IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE } from '../uapi/in.ts';
import { IPPROTO_ICMPV6 } from '../uapi/in6.ts';
import type { SkBuff, SkFilter, Sock } from './structs.ts';

/** Filters on sockets: classic BPF, checked as the kernel checks it and compiled (net/core/filter.c). */

/** skb_get_poff: where the payload of the transport protocol starts; 0 where that is not known. */
function payOffset(skb: SkBuff): number {
  const { head } = skb;
  let at = skb.networkHeader;
  let protocol: number;
  if (skb.protocol === ETH_P_IP) {
    if (skb.tail - at < 20) return 0;
    protocol = head[at + 9]!;
    const fragment = be16(head, at + 6) & 0x1fff;
    at += (head[at]! & 15) << 2;
    if (fragment !== 0) return at - skb.data;
  } else if (skb.protocol === ETH_P_IPV6) {
    if (skb.tail - at < 40) return 0;
    protocol = head[at + 6]!;
    at += 40;
  } else return 0;
  switch (protocol) {
    case IPPROTO_TCP:
      return skb.tail - at < 20 ? 0 : at - skb.data + Math.max(20, (head[at + 12]! >>> 4) << 2);
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return at - skb.data + 8;
    default:
      return at - skb.data;
  }
}

/** What the filter may ask of the packet beside its bytes: one object, pointed at one packet after another. */
class SkbAncillary implements Ancillary {
  skb: SkBuff | null = null;
  randomSource: () => number = () => 0;
  get protocol(): number {
    return this.skb!.protocol;
  }
  get pktType(): number {
    return this.skb!.pktType;
  }
  get ifindex(): number {
    return this.skb!.dev?.ifindex ?? 0;
  }
  get hatype(): number {
    return this.skb!.dev?.type ?? 0;
  }
  get mark(): number {
    return this.skb!.mark;
  }
  get queue(): number {
    return this.skb!.queueMapping;
  }
  get rxhash(): number {
    return this.skb!.hash;
  }
  get cpu(): number {
    return 0;
  }
  get vlanTag(): number {
    return this.skb!.vlanTci;
  }
  get vlanTagPresent(): number {
    return this.skb!.vlanPresent ? 1 : 0;
  }
  get vlanTpid(): number {
    return this.skb!.vlanProto;
  }
  get payOffset(): number {
    return payOffset(this.skb!);
  }
  get random(): number {
    return this.randomSource();
  }
  get networkOffset(): number {
    return this.skb!.networkHeader - this.skb!.data;
  }
  get linkOffset(): number | null {
    return this.skb!.macHeader - this.skb!.data;
  }
}
const ancillary = new SkbAncillary();

/** The instructions of a struct sock_fprog that they follow (the contract's form), or -errno. */
export function copyBpfFprog(value: Uint8Array): Uint8Array | number {
  if (value.length < sock_fprog.sizeof) return -EINVAL;
  const length = hostU16(value, sock_fprog.len);
  const bytes = length * sock_filter.sizeof;
  if (length === 0 || value.length < sock_fprog.sizeof + bytes) return -EINVAL;
  return value.slice(sock_fprog.sizeof, sock_fprog.sizeof + bytes);
}

/** A program ready to run on packets of `sk`, or -EINVAL. */
export function bpfPrepare(random: () => number, image: Uint8Array): SkFilter | number {
  const program = decodeSockFilters(image);
  if (validate(program) !== null) return -EINVAL;
  const { run } = jit(program);
  return {
    length: program.length,
    image,
    run(skb) {
      ancillary.skb = skb;
      ancillary.randomSource = random;
      const verdict = run(skb.head, skb.data, skb.len - skb.dataLen, skb.len, ancillary);
      ancillary.skb = null;
      return verdict;
    },
  };
}

/** SO_ATTACH_FILTER */
export function skAttachFilter(sk: Sock, value: Uint8Array): number {
  if (sk.filterLocked) return -EPERM;
  const image = copyBpfFprog(value);
  if (typeof image === 'number') return image;
  const filter = bpfPrepare(sk.net.random, image);
  if (typeof filter === 'number') return filter;
  if (filter.length * 8 > sk.net.optmemMax) return -ENOMEM;
  sk.filter = filter;
  return 0;
}

export function skDetachFilter(sk: Sock, enoent: number): number {
  if (sk.filterLocked) return -EPERM;
  if (sk.filter === null) return -enoent;
  sk.filter = null;
  return 0;
}

export const mayAdmin = (sk: Sock): boolean => sk.net.cred.capable(CAP_NET_ADMIN);
