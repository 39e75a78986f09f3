import { fold, sum } from '../../bytes/checksum.ts';
import { putBe16 } from '../../bytes/endian.ts';
import { IFA_F_OPTIMISTIC, IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import { ETH_P_IPV6 } from '../../uapi/if_ether.ts';
import { IPPROTO_ICMPV6 } from '../../uapi/in6.ts';
import { AF_INET6 } from '../../uapi/socket.ts';
import { IP6_DADDR, IP6_HOP_LIMIT, IP6_NEXTHDR, IP6_PAYLOAD_LEN, IP6_SADDR, IPV6HDR_LEN } from '../headers.ts';
import type { InetSock } from '../inet-sock.ts';
import * as mib from '../mib.ts';
import { NUD_VALID, neighCreate } from '../neighbour.ts';
import { NF_INET_LOCAL_OUT, nfHook } from '../netfilter.ts';
import { inetPeerXrlimAllow } from '../route.ts';
import { allocSkb, llReservedSpace, skbCopyBits, skbPut, skbReserve } from '../skbuff.ts';
import type { DstEntry, Net, NetDevice, SkBuff } from '../structs.ts';
import { csumIpv6Pseudo, IPV6_ADDR_LINKLOCAL, in6Copy, in6Equal, in6Key, ipv6AddrAny, ipv6AddrType } from './addr.ts';
import { Flowi6 } from './flow.ts';
import {
  kernelSock6,
  NDISC_NEIGHBOUR_ADVERTISEMENT,
  NDISC_NEIGHBOUR_SOLICITATION,
  NDISC_REDIRECT,
  NDISC_ROUTER_SOLICITATION,
  peerOf,
} from './icmpv6.ts';
import { ipv6DevGetSaddr, ipv6GetIfaddr, ipv6GetLladdr } from './inet6-addr.ts';
import { ip6FlowHdr } from './ip6-append.ts';
import { RTF_GATEWAY } from './ip6-fib.ts';
import { icmp6OutCount, ip6Inc, ndTbl } from './ipv6.ts';
import { IPV6_MIN_MTU, icmp6DstAlloc, ip6RouteOutput } from './route6.ts';

/** Messages of neighbour discovery as they are sent, RFC 4861 4 (the sending half of net/ipv6/ndisc.c). */

export const ND_OPT_SOURCE_LL_ADDR = 1;
export const ND_OPT_TARGET_LL_ADDR = 2;
export const ND_OPT_PREFIX_INFO = 3;
export const ND_OPT_REDIRECT_HDR = 4;
export const ND_OPT_MTU = 5;
export const ND_OPT_NONCE = 14;
export const ND_OPT_ROUTE_INFO = 24;
export const ND_TARGET = 8;
export const ND_MSG_LEN = 24;
export const RD_MSG_LEN = 40;
const ND_HOP_LIMIT = 255;

const SOCK_KEY = 28;
const ndiscSk = (net: Net): InetSock => net.gen[SOCK_KEY] as InetSock;

/** ndisc_send_skb: `body` is the ICMPv6 message; its checksum is filled in. */
function send(dev: NetDevice, body: Uint8Array, daddr: Uint8Array, saddr: Uint8Array, dst: DstEntry | null): void {
  const { net } = dev;
  const route = dst ?? icmp6DstAlloc(dev, daddr);
  const room = llReservedSpace(dev);
  const skb = allocSkb(room + IPV6HDR_LEN + body.length);
  skbReserve(skb, room);
  const at = skbPut(skb, IPV6HDR_LEN + body.length);
  const { head } = skb;
  ip6FlowHdr(head, at, dev.ip6?.cnf.ndiscTclass ?? 0, 0);
  putBe16(head, at + IP6_PAYLOAD_LEN, body.length);
  head[at + IP6_NEXTHDR] = IPPROTO_ICMPV6;
  head[at + IP6_HOP_LIMIT] = ND_HOP_LIMIT;
  head.set(saddr, at + IP6_SADDR);
  head.set(daddr, at + IP6_DADDR);
  const pseudo = csumIpv6Pseudo(saddr, 0, daddr, 0, body.length, IPPROTO_ICMPV6);
  putBe16(body, 2, ~fold(sum(body, 0, body.length, pseudo)) & 0xffff);
  head.set(body, at + IPV6HDR_LEN);
  skb.networkHeader = at;
  skb.transportHeader = at + IPV6HDR_LEN;
  skb.protocol = ETH_P_IPV6;
  skb.dev = dev;
  skb.dst = route;
  const idev = route.dev.ip6;
  const sk = ndiscSk(net);
  ip6Inc(net, idev, mib.IP6_OUTREQUESTS);
  let error = nfHook(net, AF_INET6, NF_INET_LOCAL_OUT, sk, skb, null, route.dev);
  if (error === 1) error = route.output(net, sk, skb);
  if (error === 0) icmp6OutCount(net, idev, body[0]!);
}

/** Type, length in eights, address. */
function addressOption(to: Uint8Array, at: number, type: number, address: Uint8Array): void {
  to[at] = type;
  to[at + 1] = 1;
  to.set(address.subarray(0, 6), at + 2);
}

/** ndisc_send_ns: who has `target`? `nonce` (6 bytes) for DAD, RFC 7527. */
export function ndiscSendNs(
  dev: NetDevice,
  target: Uint8Array,
  daddr: Uint8Array,
  saddr: Uint8Array | null,
  nonce: Uint8Array | null,
): void {
  const source = saddr ?? ipv6GetLladdr(dev, IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
  if (source === null) return;
  const withAddress = dev.addrLen === 6 && !ipv6AddrAny(source);
  const body = new Uint8Array(ND_MSG_LEN + (withAddress ? 8 : 0) + (nonce === null ? 0 : 8));
  body[0] = NDISC_NEIGHBOUR_SOLICITATION;
  body.set(target, ND_TARGET);
  if (withAddress) addressOption(body, ND_MSG_LEN, ND_OPT_SOURCE_LL_ADDR, dev.devAddr);
  if (nonce !== null) addressOption(body, body.length - 8, ND_OPT_NONCE, nonce);
  send(dev, body, daddr, source, null);
}

/** ndisc_send_na */
export function ndiscSendNa(
  dev: NetDevice,
  daddr: Uint8Array,
  target: Uint8Array,
  flags: { router: boolean; solicited: boolean; override: boolean; withAddress: boolean },
): void {
  const { net } = dev;
  const ifp = ipv6GetIfaddr(net, target, dev, true);
  let { override, withAddress } = flags;
  let source: Uint8Array | null = target;
  if (ifp !== null) {
    if (ifp.flags & IFA_F_OPTIMISTIC) override = false;
    withAddress ||= ifp.idev.cnf.forceTllao !== 0;
  } else source = ipv6DevGetSaddr(net, dev, daddr, 0);
  if (source === null) return;
  if (dev.addrLen !== 6) withAddress = false;
  const body = new Uint8Array(ND_MSG_LEN + (withAddress ? 8 : 0));
  body[0] = NDISC_NEIGHBOUR_ADVERTISEMENT;
  body[4] = (flags.router ? 0x80 : 0) | (flags.solicited ? 0x40 : 0) | (override ? 0x20 : 0);
  body.set(target, ND_TARGET);
  if (withAddress) addressOption(body, ND_MSG_LEN, ND_OPT_TARGET_LL_ADDR, dev.devAddr);
  send(dev, body, daddr, source, null);
}

/** ndisc_send_rs */
export function ndiscSendRs(dev: NetDevice, saddr: Uint8Array, daddr: Uint8Array): void {
  const ifp = ipv6GetIfaddr(dev.net, saddr, dev, true);
  // RFC 4429 2.2: not from an optimistic address.
  const withAddress = dev.addrLen === 6 && ifp !== null && !(ifp.flags & IFA_F_OPTIMISTIC);
  const body = new Uint8Array(8 + (withAddress ? 8 : 0));
  body[0] = NDISC_ROUTER_SOLICITATION;
  if (withAddress) addressOption(body, 8, ND_OPT_SOURCE_LL_ADDR, dev.devAddr);
  send(dev, body, daddr, saddr, null);
}

const flow = new Flowi6();

/** ndisc_send_redirect: the sender of `skb` reaches its destination better by `target`. */
export function ndiscSendRedirect(net: Net, skb: SkBuff, target: Uint8Array): void {
  const dev = skb.dev!;
  const { head, networkHeader: at } = skb;
  const saddr = ipv6GetLladdr(dev, IFA_F_TENTATIVE);
  if (saddr === null) return;
  const dest = in6Copy(head, at + IP6_DADDR);
  const sender = in6Copy(head, at + IP6_SADDR);
  if (!in6Equal(dest, target) && !(ipv6AddrType(target) & IPV6_ADDR_LINKLOCAL)) return;
  const fl = flow.clear();
  fl.proto = IPPROTO_ICMPV6;
  fl.icmpType = NDISC_REDIRECT;
  fl.saddr.set(saddr);
  fl.daddr.set(sender);
  fl.oif = dev.ifindex;
  const dst = ip6RouteOutput(net, null, fl);
  if (dst.error !== 0 || dst.rtFlags & RTF_GATEWAY) return;
  if (!inetPeerXrlimAllow(net, peerOf(net, sender), 1e9)) return;
  let address: Uint8Array | null = null;
  if (dev.addrLen === 6) {
    const neigh = neighCreate(ndTbl(net), skb.dst!.dev, in6Key(target), target);
    if (neigh === null) return;
    if (neigh.nudState & NUD_VALID) address = neigh.ha;
  }
  const optlen = address === null ? 0 : 8;
  const quoted = Math.min(IPV6_MIN_MTU - IPV6HDR_LEN - RD_MSG_LEN - optlen, skb.len + 8) & ~7;
  const body = new Uint8Array(RD_MSG_LEN + optlen + quoted);
  body[0] = NDISC_REDIRECT;
  body.set(target, ND_TARGET);
  body.set(dest, ND_TARGET + 16);
  if (address !== null) addressOption(body, RD_MSG_LEN, ND_OPT_TARGET_LL_ADDR, address);
  if (quoted > 0) {
    const option = RD_MSG_LEN + optlen;
    body[option] = ND_OPT_REDIRECT_HDR;
    body[option + 1] = quoted >>> 3;
    skbCopyBits(skb, at - skb.data, body, option + 8, quoted - 8);
  }
  send(dev, body, sender, saddr, dst);
}

export function ndSendInit(net: Net): void {
  const sk = kernelSock6(net);
  sk.inet6!.hopLimit = ND_HOP_LIMIT;
  sk.inet6!.mcLoop = false;
  net.gen[SOCK_KEY] = sk;
}
