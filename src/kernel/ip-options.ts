import { be32, putBe32 } from '../bytes/endian.ts';
import { CAP_NET_RAW } from '../uapi/capability.ts';
import { EINVAL } from '../uapi/errno.ts';
import { PACKET_HOST } from '../uapi/if_packet.ts';
import { RTN_LOCAL, RTN_UNICAST } from '../uapi/rtnetlink.ts';
import { inetSelectAddr } from './devinet.ts';
import { inetAddrType } from './fib.ts';
import { daddrOf, IPH_DADDR, IPHDR_LEN, saddrOf } from './headers.ts';
import { fibComputeSpecDst, ipRouteInput } from './route.ts';
import type { DstEntry, Net, NetDevice, SkBuff } from './structs.ts';
import { IpOptions } from './structs-plain.ts';

/** Options of the IPv4 header, RFC 791 (net/ipv4/ip_options.c). Positions in struct ip_options count from the start of
 * the IP header; `data` holds what comes after its first 20 bytes. */

export const IPOPT_END = 0;
export const IPOPT_NOOP = 1;
export const IPOPT_RR = 7;
export const IPOPT_TIMESTAMP = 68;
export const IPOPT_LSRR = 131;
export const IPOPT_SSRR = 137;
export const IPOPT_RA = 148;
const IPOPT_CIPSO = 134;
const IPOPT_COPY = 0x80;
const IPOPT_TS_TSONLY = 0;
const IPOPT_TS_TSANDADDR = 1;
const IPOPT_TS_PRESPEC = 3;

/** Milliseconds since midnight UTC, as the timestamp option wants them (RFC 791). */
export function inetCurrentTimestamp(net: Net): number {
  const { seconds, nanoseconds } = net.clock.realtime();
  return (seconds % 86400) * 1000 + Math.floor(nanoseconds / 1e6);
}

/** Offset in the IP header of what was wrong, after a failed compile. */
export let optionsErrorAt = 0;

/** Reads the options, and fills in our part of those that record. `base`: where the IP header would start in `bytes`.
 * With `skb` the packet came in; without, a program gave them. 0 or -EINVAL. */
export function ipOptionsCompile(
  net: Net,
  opt: IpOptions,
  bytes: Uint8Array,
  base: number,
  skb: SkBuff | null,
): number {
  const start = base + IPHDR_LEN;
  const end = start + opt.optlen;
  const privileged = (): boolean => skb !== null || net.cred.capable(CAP_NET_RAW);
  const rt = skb?.dst ?? null;
  let specDst = 0;
  const spec = (): number => (specDst ||= fibComputeSpecDst(net, skb!));
  const fail = (at: number): number => {
    optionsErrorAt = at - base;
    return -EINVAL;
  };
  let at = start;
  while (at < end) {
    const kind = bytes[at]!;
    if (kind === IPOPT_END) {
      for (at++; at < end; at++)
        if (bytes[at] !== IPOPT_END) {
          bytes[at] = IPOPT_END;
          opt.isChanged = true;
        }
      return 0;
    }
    if (kind === IPOPT_NOOP) {
      at++;
      continue;
    }
    const left = end - at;
    if (left < 2) return fail(at);
    const length = bytes[at + 1]!;
    if (length < 2 || length > left) return fail(at);
    const pointer = length > 2 ? bytes[at + 2]! : 0;
    switch (kind) {
      case IPOPT_SSRR:
      case IPOPT_LSRR:
        if (length < 3) return fail(at + 1);
        if (pointer < 4) return fail(at + 2);
        if (opt.srr !== 0) return fail(at);
        if (skb === null) {
          if (pointer !== 4 || length < 7 || (length - 3) & 3) return fail(at + 1);
          opt.faddr = be32(bytes, at + 3);
          if (length > 7) bytes.copyWithin(at + 3, at + 7, at + length);
        }
        opt.isStrictroute = kind === IPOPT_SSRR;
        opt.srr = at - base;
        break;
      case IPOPT_RR:
        if (opt.rr !== 0) return fail(at);
        if (length < 3) return fail(at + 1);
        if (pointer < 4) return fail(at + 2);
        if (pointer <= length) {
          if (pointer + 3 > length) return fail(at + 2);
          if (rt !== null) {
            putBe32(bytes, at + pointer - 1, spec());
            opt.isChanged = true;
          }
          bytes[at + 2] = pointer + 4;
          opt.rrNeedaddr = true;
        }
        opt.rr = at - base;
        break;
      case IPOPT_TIMESTAMP: {
        if (opt.ts !== 0) return fail(at);
        if (length < 4) return fail(at + 1);
        if (pointer < 5) return fail(at + 2);
        const flag = bytes[at + 3]! & 15;
        if (pointer <= length) {
          let timeAt = -1;
          if (pointer + 3 > length) return fail(at + 2);
          if (flag === IPOPT_TS_TSONLY) {
            if (skb !== null) timeAt = at + pointer - 1;
            opt.tsNeedtime = true;
            bytes[at + 2] = pointer + 4;
          } else if (flag === IPOPT_TS_TSANDADDR) {
            if (pointer + 7 > length) return fail(at + 2);
            if (rt !== null) {
              putBe32(bytes, at + pointer - 1, spec());
              timeAt = at + pointer + 3;
            }
            opt.tsNeedaddr = true;
            opt.tsNeedtime = true;
            bytes[at + 2] = pointer + 8;
          } else if (flag === IPOPT_TS_PRESPEC) {
            if (pointer + 7 > length) return fail(at + 2);
            if (inetAddrType(net, be32(bytes, at + pointer - 1)) !== RTN_UNICAST) {
              if (skb !== null) timeAt = at + pointer + 3;
              opt.tsNeedtime = true;
              bytes[at + 2] = pointer + 8;
            }
          } else if (!privileged()) return fail(at + 3);
          if (timeAt >= 0) {
            putBe32(bytes, timeAt, inetCurrentTimestamp(net));
            opt.isChanged = true;
          }
        } else if (flag !== IPOPT_TS_PRESPEC) {
          const overflow = bytes[at + 3]! >>> 4;
          if (overflow === 15) return fail(at + 3);
          if (skb !== null) {
            bytes[at + 3] = flag | ((overflow + 1) << 4);
            opt.isChanged = true;
          }
        }
        opt.ts = at - base;
        break;
      }
      case IPOPT_RA:
        if (length < 4) return fail(at + 1);
        if (bytes[at + 2] === 0 && bytes[at + 3] === 0) opt.routerAlert = at - base;
        break;
      case IPOPT_CIPSO:
        if (!privileged() || opt.cipso !== 0) return fail(at);
        opt.cipso = at - base;
        break;
      default:
        if (!privileged()) return fail(at);
    }
    at += length;
  }
  return 0;
}

/** What a program gave for IP_OPTIONS (ip_options_get): padded to 32 bits with END, compiled; or -errno. */
export function ipOptionsGet(net: Net, given: Uint8Array): IpOptions | number {
  const opt = new IpOptions();
  if (given.length > 40) return -EINVAL;
  const length = (given.length + 3) & ~3;
  opt.data = new Uint8Array(length);
  opt.data.set(given);
  opt.optlen = length;
  if (length > 0) {
    const error = ipOptionsCompile(net, opt, opt.data, -IPHDR_LEN, null);
    if (error < 0) return error;
  }
  return opt;
}

/** ip_rt_get_source: the address that a recorded route shows for us. */
function rtGetSource(skb: SkBuff, dst: DstEntry): number {
  if (!dst.rtIsInput) return saddrOf(skb.head, skb.networkHeader);
  return inetSelectAddr(dst.dev, dst.rtUsesGateway ? dst.rtGw4 : daddrOf(skb.head, skb.networkHeader), 0);
}

/** Writes the options into the header of a packet that goes out (ip_options_build). */
export function ipOptionsBuild(net: Net, skb: SkBuff, opt: IpOptions, daddr: number, dst: DstEntry): void {
  const { head } = skb;
  const base = skb.networkHeader;
  head.set(opt.data.subarray(0, opt.optlen), base + IPHDR_LEN);
  const kept = new IpOptions();
  Object.assign(kept, opt);
  skb.opt = kept;
  if (opt.srr !== 0) putBe32(head, base + opt.srr + head[base + opt.srr + 1]! - 4, daddr);
  if (opt.rrNeedaddr) putBe32(head, base + opt.rr + head[base + opt.rr + 2]! - 5, rtGetSource(skb, dst));
  if (opt.tsNeedaddr) putBe32(head, base + opt.ts + head[base + opt.ts + 2]! - 9, rtGetSource(skb, dst));
  if (opt.tsNeedtime) putBe32(head, base + opt.ts + head[base + opt.ts + 2]! - 5, inetCurrentTimestamp(net));
}

/** Turns options as they are sent back into what a program gave (ip_options_undo). */
export function ipOptionsUndo(opt: IpOptions): void {
  const { data } = opt;
  if (opt.srr !== 0) {
    const at = opt.srr - IPHDR_LEN;
    data.copyWithin(at + 7, at + 3, at + 3 + data[at + 1]! - 7);
    putBe32(data, at + 3, opt.faddr);
  }
  if (opt.rrNeedaddr) {
    const at = opt.rr - IPHDR_LEN;
    data[at + 2]! -= 4;
    data.fill(0, at + data[at + 2]! - 1, at + data[at + 2]! + 3);
  }
  if (opt.ts !== 0) {
    const at = opt.ts - IPHDR_LEN;
    if (opt.tsNeedtime) {
      data[at + 2]! -= 4;
      data.fill(0, at + data[at + 2]! - 1, at + data[at + 2]! + 3);
      if ((data[at + 3]! & 15) === IPOPT_TS_PRESPEC) data[at + 2]! -= 4;
    }
    if (opt.tsNeedaddr) {
      data[at + 2]! -= 4;
      data.fill(0, at + data[at + 2]! - 1, at + data[at + 2]! + 3);
    }
  }
}

/** The options of an answer to a packet that came in (ip_options_echo): null where it had none, -EINVAL where they are
 * broken. */
export function ipOptionsEcho(net: Net, skb: SkBuff): IpOptions | null | number {
  const sopt = skb.opt;
  if (sopt === null || sopt.optlen === 0) return null;
  const dopt = new IpOptions();
  const data = new Uint8Array(40);
  const { head } = skb;
  const base = skb.networkHeader;
  let to = 0;
  if (sopt.rr !== 0) {
    const from = base + sopt.rr;
    const length = head[from + 1]!;
    const pointer = head[from + 2]!;
    dopt.rr = dopt.optlen + IPHDR_LEN;
    data.set(head.subarray(from, from + length), to);
    if (sopt.rrNeedaddr && pointer <= length) {
      if (pointer + 3 > length) return -EINVAL;
      data[to + 2] = pointer + 4;
      dopt.rrNeedaddr = true;
    }
    to += length;
    dopt.optlen += length;
  }
  if (sopt.ts !== 0) {
    const from = base + sopt.ts;
    const length = head[from + 1]!;
    let pointer = head[from + 2]!;
    dopt.ts = dopt.optlen + IPHDR_LEN;
    data.set(head.subarray(from, from + length), to);
    if (pointer <= length) {
      if (sopt.tsNeedaddr) {
        if (pointer + 3 > length) return -EINVAL;
        dopt.tsNeedaddr = true;
        pointer += 4;
      }
      if (sopt.tsNeedtime) {
        if (pointer + 3 > length) return -EINVAL;
        if ((data[to + 3]! & 15) !== IPOPT_TS_PRESPEC) {
          dopt.tsNeedtime = true;
          pointer += 4;
        } else if (pointer + 7 <= length && inetAddrType(net, be32(data, to + pointer - 1)) !== RTN_UNICAST) {
          dopt.tsNeedtime = true;
          pointer += 8;
        }
      }
      data[to + 2] = pointer;
    }
    to += length;
    dopt.optlen += length;
  }
  if (sopt.srr !== 0) {
    const from = base + sopt.srr;
    const length = head[from + 1]!;
    let soffset = head[from + 2]!;
    let doffset = 0;
    let faddr = 0;
    if (soffset > length) soffset = length + 1;
    soffset -= 4;
    if (soffset > 3) {
      faddr = be32(head, from + soffset - 1);
      for (soffset -= 4, doffset = 4; soffset > 3; soffset -= 4, doffset += 4)
        putBe32(data, to + doffset - 1, be32(head, from + soffset - 1));
      // RFC 1812 5.2.4.1: a source that lists itself as its first hop is mended.
      if (saddrOf(head, base) === be32(head, from + soffset + 3)) doffset -= 4;
    }
    if (doffset > 3) {
      dopt.faddr = faddr;
      data[to] = head[from]!;
      data[to + 1] = doffset + 3;
      data[to + 2] = 4;
      dopt.srr = dopt.optlen + IPHDR_LEN;
      dopt.optlen += doffset + 3;
      dopt.isStrictroute = sopt.isStrictroute;
      to += doffset + 3;
    }
  }
  while (dopt.optlen & 3) {
    data[to++] = IPOPT_END;
    dopt.optlen++;
  }
  dopt.data = data.slice(0, dopt.optlen);
  return dopt;
}

/** After the first fragment: options that are not copied become NOOP (ip_options_fragment). */
export function ipOptionsFragment(skb: SkBuff): void {
  const opt = skb.opt;
  const { head } = skb;
  const base = skb.networkHeader;
  const end = base + ((head[base]! & 15) << 2);
  let at = base + IPHDR_LEN;
  while (at < end) {
    const kind = head[at]!;
    if (kind === IPOPT_END) break;
    if (kind === IPOPT_NOOP) {
      at++;
      continue;
    }
    const length = head[at + 1]!;
    if (length < 2 || at + length > end) break;
    if (!(kind & IPOPT_COPY)) head.fill(IPOPT_NOOP, at, at + length);
    at += length;
  }
  if (opt !== null) {
    opt.ts = opt.rr = 0;
    opt.rrNeedaddr = opt.tsNeedaddr = opt.tsNeedtime = false;
  }
}

/** A forwarded packet's options show the way it took (ip_forward_options). The caller has made the bytes its own, and
 * corrects the checksum where this returns true. */
export function ipForwardOptions(skb: SkBuff): boolean {
  const opt = skb.opt!;
  const { head } = skb;
  const base = skb.networkHeader;
  const dst = skb.dst!;
  if (opt.rrNeedaddr) {
    putBe32(head, base + opt.rr + head[base + opt.rr + 2]! - 5, rtGetSource(skb, dst));
    opt.isChanged = true;
  }
  if (opt.srrIsHit) {
    const at = base + opt.srr;
    let pointer = head[at + 2]!;
    for (; pointer <= head[at + 1]!; pointer += 4) {
      if (pointer + 3 > head[at + 1]!) break;
      if (be32(head, at + pointer - 1) === opt.nexthop) break;
    }
    if (pointer + 3 <= head[at + 1]!) {
      opt.isChanged = true;
      putBe32(head, base + IPH_DADDR, opt.nexthop);
      putBe32(head, at + pointer - 1, rtGetSource(skb, dst));
      head[at + 2] = pointer + 4;
    }
    if (opt.tsNeedaddr) {
      const ts = base + opt.ts;
      putBe32(head, ts + head[ts + 2]! - 9, rtGetSource(skb, dst));
      opt.isChanged = true;
    }
  } else if (opt.tsNeedaddr) {
    const ts = base + opt.ts;
    putBe32(head, ts + head[ts + 2]! - 9, rtGetSource(skb, dst));
    opt.isChanged = true;
  }
  const changed = opt.isChanged;
  opt.isChanged = false;
  return changed;
}

/** The next hop of a source route, for a packet that has come to us (ip_options_rcv_srr): 0, -EINVAL (drop), or 1 where
 * the sender is to be told by ICMP that the strict route is broken; 2: parameter problem at `optionsErrorAt`. */
export function ipOptionsRcvSrr(net: Net, skb: SkBuff, dev: NetDevice): number {
  const opt = skb.opt!;
  const { head } = skb;
  const base = skb.networkHeader;
  if (opt.srr === 0) return 0;
  if (skb.pktType !== PACKET_HOST) return -EINVAL;
  const dst = skb.dst!;
  if (dst.rtType === RTN_UNICAST) return opt.isStrictroute ? 1 : 0;
  if (dst.rtType !== RTN_LOCAL) return -EINVAL;
  const at = base + opt.srr;
  const length = head[at + 1]!;
  for (let pointer = head[at + 2]!; pointer <= length; pointer += 4) {
    if (pointer + 3 > length) {
      optionsErrorAt = opt.srr + 2;
      return 2;
    }
    const nexthop = be32(head, at + pointer - 1);
    const kept = skb.dst;
    const why = ipRouteInput(net, skb, nexthop, saddrOf(head, base), head[base + 1]!, dev);
    const next = skb.dst!;
    if (why !== '' || (next.rtType !== RTN_UNICAST && next.rtType !== RTN_LOCAL)) {
      skb.dst = kept;
      return -EINVAL;
    }
    if (next.rtType !== RTN_LOCAL) {
      opt.srrIsHit = true;
      opt.nexthop = nexthop;
      opt.isChanged = true;
      return 0;
    }
    // A hop of the list that is ourselves: take it, and go on.
    putBe32(head, base + IPH_DADDR, nexthop);
    opt.isChanged = true;
  }
  return 0;
}
