import { putBe16, putBe32 } from '../../bytes/endian.ts';
import type { DstEntry } from '../structs.ts';

/** What is asked of the routes of IPv6, what a datagram under way keeps, and the extension headers that a sender wants:
 * the types that sockets and the network layer share. */

/** struct flowi6. Addresses are 16 bytes of the flow's own (copy into them with `set`); ports in host order. */
export class Flowi6 {
  readonly saddr: Uint8Array = new Uint8Array(16);
  readonly daddr: Uint8Array = new Uint8Array(16);
  oif = 0;
  /** LOOPBACK_IFINDEX (1) for what we send ourselves. */
  iif = 0;
  mark = 0;
  /** IPPROTO_ of the payload. */
  proto = 0;
  scope = 0;
  /** FLOWI_FLAG_ bits (../fib.ts). */
  flags = 0;
  /** Traffic class and flow label: the lower 28 bits of the header's first word, host order. */
  flowlabel = 0;
  sport = 0;
  dport = 0;
  icmpType = 0;
  icmpCode = 0;

  /** Everything 0, addresses too. */
  clear(): this {
    this.saddr.fill(0);
    this.daddr.fill(0);
    this.oif = this.iif = this.mark = this.proto = this.scope = this.flags = this.flowlabel = 0;
    this.sport = this.dport = this.icmpType = this.icmpCode = 0;
    return this;
  }
  copy(from: Flowi6): this {
    this.saddr.set(from.saddr);
    this.daddr.set(from.daddr);
    this.oif = from.oif;
    this.iif = from.iif;
    this.mark = from.mark;
    this.proto = from.proto;
    this.scope = from.scope;
    this.flags = from.flags;
    this.flowlabel = from.flowlabel;
    this.sport = from.sport;
    this.dport = from.dport;
    this.icmpType = from.icmpType;
    this.icmpCode = from.icmpCode;
    return this;
  }
}

export const IPV6_FLOWINFO_MASK = 0x0fffffff;
export const IPV6_FLOWLABEL_MASK = 0x000fffff;
export const IPV6_TCLASS_SHIFT = 20;
/** ip6_make_flowinfo */
export const ip6MakeFlowinfo = (tclass: number, label: number): number =>
  ((tclass << IPV6_TCLASS_SHIFT) | label) & IPV6_FLOWINFO_MASK;
export const ip6Tclass = (flowinfo: number): number => (flowinfo >>> IPV6_TCLASS_SHIFT) & 0xff;

/** struct ipv6_txoptions: extension headers to put before the payload, each whole (next header byte, length byte, …),
 * a multiple of 8 bytes; the next-header bytes are filled in when they are pushed. Not changed once made: a new one
 * replaces it. */
export interface Ipv6TxOptions {
  readonly hopopt: Uint8Array | null;
  readonly dst0opt: Uint8Array | null;
  readonly srcrt: Uint8Array | null;
  readonly dst1opt: Uint8Array | null;
}
/** opt_nflen: bytes that go into every fragment. */
export const optNflen = (opt: Ipv6TxOptions | null): number =>
  opt === null ? 0 : (opt.hopopt?.length ?? 0) + (opt.dst0opt?.length ?? 0) + (opt.srcrt?.length ?? 0);
/** opt_flen: bytes that are fragmented with the payload. */
export const optFlen = (opt: Ipv6TxOptions | null): number => opt?.dst1opt?.length ?? 0;

/** struct ipcm6_cookie: what a sendmsg decides beside the addresses. -1: as the socket or the route has it. */
export class Ipcm6Cookie {
  hlimit = -1;
  tclass = -1;
  dontfrag = -1;
  mark = 0;
  priority = 0;
  gsoSize = 0;
  opt: Ipv6TxOptions | null = null;
  /** Bits of SOF_TIMESTAMPING_ asked for by a control message. */
  tsflags = 0;
  transmitTime = 0;
}

/** struct inet_cork_full of IPv6: what ip6_append_data gathers until it is sent. One for each socket
 * (`Inet6SockFields.cork`). */
export class Inet6Cork {
  active = false;
  readonly fl = new Flowi6();
  dst: DstEntry | null = null;
  opt: Ipv6TxOptions | null = null;
  fragsize = 0;
  length = 0;
  hopLimit = 0;
  tclass = 0;
  dontfrag = false;
  mark = 0;
  priority = 0;
  gsoSize = 0;
  /** SOF_TIMESTAMPING_ bits of the datagram's first packet. */
  tsflags = 0;
  /** What a raw socket's checksum is wrong by, of data under the cork that was summed as if it began at an even place. */
  missummed = 0;

  /** The flow of IPv4 lies in the same memory (union flowi): its addresses and ports, written by a connect to a mapped
   * address, are then the first twelve bytes of what is pending's destination. */
  overwriteByIpv4(fl: { saddr: number; daddr: number; sport: number; dport: number }): void {
    const { daddr } = this.fl;
    putBe32(daddr, 0, fl.saddr);
    putBe32(daddr, 4, fl.daddr);
    putBe16(daddr, 8, fl.dport);
    putBe16(daddr, 10, fl.sport);
  }
}
