import { fold, sum } from '../bytes/checksum.ts';
import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import {
  ECONNREFUSED,
  EHOSTDOWN,
  EHOSTUNREACH,
  EMSGSIZE,
  ENETUNREACH,
  ENONET,
  ENOPROTOOPT,
  EOPNOTSUPP,
} from '../uapi/errno.ts';
import { IFF_LOOPBACK } from '../uapi/if.ts';
import { ETH_P_IP } from '../uapi/if_ether.ts';
import { PACKET_HOST } from '../uapi/if_packet.ts';
import { IPPROTO_ICMP } from '../uapi/in.ts';
import { RT_SCOPE_LINK, RTN_BROADCAST } from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { arpSetHooks } from './arp.ts';
import { inetSelectAddr } from './devinet.ts';
import * as reason from './drop-reason.ts';
import { Flowi4, inetAddrType } from './fib.ts';
import {
  daddrOf,
  ICMP_CHECKSUM,
  ICMP_CODE,
  ICMP_TYPE,
  ICMP_UN,
  ICMPHDR_LEN,
  IP_OFFSET,
  IPH_FRAG_OFF,
  IPH_PROTOCOL,
  IPH_TOS,
  IPHDR_LEN,
  ihl,
  saddrOf,
} from './headers.ts';
import { InetSock } from './inet-sock.ts';
import {
  type GetFrag,
  ipAppendData,
  ipFlushPendingFrames,
  ipPushPendingFrames,
  ipSetAppendHooks,
  ipSetupCork,
} from './ip-append.ts';
import { rtTos2priority } from './ip-forward.ts';
import { csumFold, ipv4Sysctl } from './ip-header.ts';
import { inetAddProtocol, inetProtos } from './ip-input.ts';
import { inetCurrentTimestamp, ipOptionsEcho } from './ip-options.ts';
import { ipSetOutputHooks } from './ip-output.ts';
import * as mib from './mib.ts';
import {
  dstMtu,
  fibComputeSpecDst,
  inetPeerXrlimAllow,
  inputType,
  ipRouteOutput,
  RTCF_BROADCAST,
  RTCF_LOCAL,
  RTCF_MULTICAST,
} from './route.ts';
import { ipv4Redirect, ipv4UpdatePmtu } from './route-exception.ts';
import {
  consumeSkb,
  copyBytes,
  kfreeSkb,
  pskbMayPull,
  skbChecksum,
  skbCopyBits,
  skbPull,
  skbTruesize,
} from './skbuff.ts';
import {
  CHECKSUM_NONE,
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  type DstEntry,
  type Net,
  type Proto,
  type SkBuff,
} from './structs.ts';
import type { IpOptions } from './structs-plain.ts';

/** ICMP, RFC 792 (net/ipv4/icmp.c): errors sent at limited rates, errors received and handed to whom they concern,
 * echo and timestamp answered. */

export const ICMP_ECHOREPLY = 0;
export const ICMP_DEST_UNREACH = 3;
export const ICMP_SOURCE_QUENCH = 4;
export const ICMP_REDIRECT = 5;
export const ICMP_ECHO = 8;
export const ICMP_TIME_EXCEEDED = 11;
export const ICMP_PARAMETERPROB = 12;
export const ICMP_TIMESTAMP = 13;
export const ICMP_TIMESTAMPREPLY = 14;
const ICMP_ADDRESS = 17;
const ICMP_ADDRESSREPLY = 18;
const NR_ICMP_TYPES = 18;
export const NR_ICMP_UNREACH = 15;
export const ICMP_FRAG_NEEDED = 4;
const ICMP_EXC_FRAGTIME = 1;
const INADDR_DUMMY = 0xc0000008;

/** icmp_err_convert: errno of each code of destination unreachable, and whether it ends a connection. */
export const icmpErrConvert: readonly { errno: number; fatal: boolean }[] = [
  { errno: ENETUNREACH, fatal: false },
  { errno: EHOSTUNREACH, fatal: false },
  { errno: ENOPROTOOPT, fatal: true },
  { errno: ECONNREFUSED, fatal: true },
  { errno: EMSGSIZE, fatal: false },
  { errno: EOPNOTSUPP, fatal: false },
  { errno: ENETUNREACH, fatal: true },
  { errno: EHOSTDOWN, fatal: true },
  { errno: ENONET, fatal: true },
  { errno: ENETUNREACH, fatal: true },
  { errno: EHOSTUNREACH, fatal: true },
  { errno: ENETUNREACH, fatal: false },
  { errno: EHOSTUNREACH, fatal: false },
  { errno: EHOSTUNREACH, fatal: true },
  { errno: EHOSTUNREACH, fatal: true },
  { errno: EHOSTUNREACH, fatal: true },
];

const isError = (type: number): boolean =>
  type === 1 || type === 2 || (type >= 3 && type <= 7) || type === 11 || type === 12;

export const ICMP_KEY = 11;
interface IcmpState {
  readonly sk: InetSock;
  credit: number;
  stamp: number;
  /** Echo replies for ping sockets. */
  pingRcv: (net: Net, skb: SkBuff) => boolean;
  /** Raw sockets hear of errors too (raw_icmp_error). */
  rawError: (net: Net, skb: SkBuff, protocol: number, info: number) => void;
}
const icmpState = (net: Net): IcmpState => net.gen[ICMP_KEY] as IcmpState;

const msgIn = (net: Net, type: number): void => {
  (net.mib.icmpMsg ??= new Float64Array(512))[type]!++;
};
export const icmpOutCount = (net: Net, type: number): void => {
  net.mib.icmp[mib.ICMP_OUTMSGS]!++;
  (net.mib.icmpMsg ??= new Float64Array(512))[256 + type]!++;
};

// ---- sending ----

/** icmp_global_allow: the host as a whole. */
export function icmpGlobalAllow(net: Net): boolean {
  const sysctl = ipv4Sysctl(net);
  const state = icmpState(net);
  if (state.credit > 0) return true;
  const now = net.clock.monotonic();
  const delta = Math.min(now - state.stamp, 1e9);
  // Not oftener than each 20 ms.
  if (delta < 2e7) return false;
  const more = Math.floor((sysctl.icmpMsgsPerSec * delta) / 1e9);
  if (more === 0) return false;
  state.stamp = now;
  state.credit = Math.min(state.credit + more, sysctl.icmpMsgsBurst);
  return true;
}
export function icmpGlobalConsume(net: Net): void {
  // None, one or two, so that the credit left cannot be counted from outside. It may fall below 0.
  icmpState(net).credit -= net.random() % 3;
}

/** Whether a message of this kind may go out at all times (icmpv4_mask_allow). */
function maskAllow(net: Net, type: number, code: number): boolean {
  if (type > NR_ICMP_TYPES) return true;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) return true;
  return !((1 << type) & ipv4Sysctl(net).icmpRatemask);
}

function xrlimAllow(net: Net, dst: DstEntry, daddr: number, type: number, code: number): boolean {
  // What is not limited counts against the host all the same.
  const free = maskAllow(net, type, code) || (dst.dev.flags & IFF_LOOPBACK) !== 0;
  if (!free && !inetPeerXrlimAllow(net, daddr, ipv4Sysctl(net).icmpRatelimit * 1e6)) {
    net.mib.icmp[mib.ICMP_RATELIMITHOST]!++;
    return false;
  }
  icmpGlobalConsume(net);
  return true;
}

/** One message: header of 8 bytes, then bytes of `skb` from `offset` (of the network header) or of `extra`. */
interface IcmpBxm {
  skb: SkBuff | null;
  offset: number;
  extra: Uint8Array | null;
}
const glueBits: GetFrag = (from, to, at, offset, length) => {
  const bxm = from as IcmpBxm;
  if (bxm.extra !== null) copyBytes(to, at, bxm.extra, offset, length);
  else skbCopyBits(bxm.skb!, bxm.offset + offset, to, at, length);
  return true;
};

function pushReply(
  net: Net,
  dst: DstEntry,
  fl: Flowi4,
  header: { type: number; code: number; rest: number },
  bxm: IcmpBxm,
  dataLen: number,
  tos: number,
  mark: number,
  opt: IpOptions | null,
  addr: number,
): void {
  const { sk } = icmpState(net);
  const { cork } = sk;
  cork.opt = opt;
  cork.addr = addr;
  cork.ttl = 0;
  cork.tos = tos;
  cork.priority = rtTos2priority(tos);
  cork.mark = mark;
  cork.gsoSize = 0;
  cork.saddr = fl.saddr;
  cork.daddr = fl.daddr;
  if (ipSetupCork(sk, cork, dst) < 0) return;
  if (ipAppendData(sk, sk.writeQueue, cork, glueBits, bxm, dataLen + ICMPHDR_LEN, ICMPHDR_LEN, 0) < 0) {
    net.mib.icmp[mib.ICMP_OUTERRORS]!++;
    ipFlushPendingFrames(sk);
    return;
  }
  const first = sk.writeQueue.first!;
  const at = first.transportHeader;
  first.head[at + ICMP_TYPE] = header.type;
  first.head[at + ICMP_CODE] = header.code;
  putBe16(first.head, at + ICMP_CHECKSUM, 0);
  putBe32(first.head, at + ICMP_UN, header.rest);
  let total = 0;
  for (let skb: SkBuff | null = first; skb !== null; skb = skb.next)
    total += fold(sum(skb.head, skb.transportHeader, skb.tail));
  putBe16(first.head, at + ICMP_CHECKSUM, csumFold(total));
  first.ipSummed = CHECKSUM_NONE;
  ipPushPendingFrames(sk, IPPROTO_ICMP);
}

const flow = new Flowi4();

/** Answers a packet that came in (icmp_reply). */
function icmpReply(
  net: Net,
  skb: SkBuff,
  header: { type: number; code: number; rest: number },
  extra: Uint8Array | null,
): void {
  const opt = ipOptionsEcho(net, skb);
  if (typeof opt === 'number') return;
  const at = skb.networkHeader;
  const fl = flow;
  const saddr = saddrOf(skb.head, at);
  fl.daddr = opt !== null && opt.srr !== 0 ? opt.faddr : saddr;
  fl.saddr = fibComputeSpecDst(net, skb);
  const tos = skb.head[at + IPH_TOS]!;
  fl.tos = tos & 0x1c;
  fl.proto = IPPROTO_ICMP;
  fl.oif = fl.iif = fl.flags = fl.scope = 0;
  fl.mark = ipv4Sysctl(net).fwmarkReflect ? skb.mark : 0;
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number') return;
  if (!xrlimAllow(net, dst, saddr, header.type, header.code)) return;
  // The data begins behind the ICMP header, which has been pulled.
  const bxm: IcmpBxm = { skb, offset: 0, extra };
  pushReply(net, dst, fl, header, bxm, extra === null ? skb.len : extra.length, tos, fl.mark, opt, saddr);
}

/** Tells the sender of a packet what became of it (icmp_send). `info` is the second word of the ICMP header. */
export function icmpSend(net: Net, skbIn: SkBuff, type: number, code: number, info: number): void {
  const rt = skbIn.dst;
  if (rt === null) return;
  const at = skbIn.networkHeader;
  const { head } = skbIn;
  if (at < 0 || at + IPHDR_LEN > skbIn.tail) return;
  // RFC 1122 3.2.2: never about a broadcast, a fragment but the first, or another error.
  if (skbIn.pktType !== PACKET_HOST) return;
  if (rt.rtFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) return;
  if (be16(head, at + IPH_FRAG_OFF) & IP_OFFSET) return;
  const error = isError(type);
  if (error && head[at + IPH_PROTOCOL] === IPPROTO_ICMP) {
    const inner = at + ihl(head, at);
    if (inner >= skbIn.tail) return;
    const innerType = head[inner]!;
    if (innerType > NR_ICMP_TYPES || isError(innerType)) return;
  }
  if (!maskAllow(net, type, code) && !(rt.dev.flags & IFF_LOOPBACK) && !icmpGlobalAllow(net)) {
    net.mib.icmp[mib.ICMP_RATELIMITGLOBAL]!++;
    return;
  }
  const saddrIn = saddrOf(head, at);
  let saddr = daddrOf(head, at);
  if (!(rt.rtFlags & RTCF_LOCAL)) {
    saddr = 0;
    if (rt.rtIsInput && ipv4Sysctl(net).icmpErrorsUseInbound) {
      const dev = net.devices.get(skbIn.skbIif);
      if (dev !== undefined) saddr = inetSelectAddr(dev, saddrIn, RT_SCOPE_LINK);
    }
  }
  const tosIn = head[at + IPH_TOS]!;
  const tos = error ? (tosIn & 0x1e) | 0xc0 : tosIn;
  const opt = ipOptionsEcho(net, skbIn);
  if (typeof opt === 'number') return;
  const fl = flow;
  fl.daddr = opt !== null && opt.srr !== 0 ? opt.faddr : saddrIn;
  fl.saddr = saddr;
  fl.tos = tos & 0x1c;
  fl.proto = IPPROTO_ICMP;
  fl.oif = fl.iif = fl.flags = fl.scope = 0;
  fl.mark = ipv4Sysctl(net).fwmarkReflect ? skbIn.mark : 0;
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number') return;
  if (!xrlimAllow(net, dst, saddrIn, type, code)) return;
  let room = Math.min(dstMtu(net, dst), 576);
  room -= IPHDR_LEN + (opt === null ? 0 : opt.optlen) + ICMPHDR_LEN;
  if (room <= IPHDR_LEN) return;
  const offset = at - skbIn.data;
  const length = Math.min(skbIn.len - offset, room);
  if (fl.saddr === 0) fl.saddr = INADDR_DUMMY;
  if (net.tracer !== null) net.tracer.enter(net, 'icmp_send', skbIn, `type ${type} code ${code}`);
  pushReply(
    net,
    dst,
    fl,
    { type, code, rest: info },
    { skb: skbIn, offset, extra: null },
    length,
    tos,
    fl.mark,
    opt,
    saddrIn,
  );
}

// ---- receiving ----

function icmpRcv(net: Net, skb: SkBuff): number {
  const { icmp } = net.mib;
  const drop = (why: string, counted = true): number => {
    if (counted) icmp[mib.ICMP_INERRORS]!++;
    kfreeSkb(net, skb, why, 'icmp_rcv');
    return 0;
  };
  if (net.tracer !== null) net.tracer.enter(net, 'icmp_rcv', skb);
  icmp[mib.ICMP_INMSGS]!++;
  if (skb.ipSummed !== CHECKSUM_UNNECESSARY && skb.ipSummed !== CHECKSUM_PARTIAL) {
    if (fold(skbChecksum(skb, 0, skb.len)) !== 0xffff) {
      icmp[mib.ICMP_CSUMERRORS]!++;
      return drop(reason.ICMP_CSUM);
    }
    skb.ipSummed = CHECKSUM_UNNECESSARY;
  }
  if (!pskbMayPull(net, skb, ICMPHDR_LEN)) return drop(reason.PKT_TOO_SMALL);
  skb.transportHeader = skb.data;
  const at = skb.data;
  const type = skb.head[at + ICMP_TYPE]!;
  skbPull(skb, ICMPHDR_LEN);
  msgIn(net, type);
  if (type > NR_ICMP_TYPES) return drop(reason.UNHANDLED_PROTO);
  const rt = skb.dst!;
  if (rt.rtFlags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
    if ((type === ICMP_ECHO || type === ICMP_TIMESTAMP) && ipv4Sysctl(net).icmpEchoIgnoreBroadcasts)
      return drop(reason.INVALID_PROTO);
    if (type !== ICMP_ECHO && type !== ICMP_TIMESTAMP && type !== ICMP_ADDRESS && type !== ICMP_ADDRESSREPLY)
      return drop(reason.INVALID_PROTO);
  }
  switch (type) {
    case ICMP_ECHOREPLY:
      if (!icmpState(net).pingRcv(net, skb)) return drop(reason.NO_SOCKET, false);
      break;
    case ICMP_ECHO:
      if (!ipv4Sysctl(net).icmpEchoIgnoreAll)
        icmpReply(
          net,
          skb,
          { type: ICMP_ECHOREPLY, code: skb.head[at + ICMP_CODE]!, rest: be32(skb.head, at + ICMP_UN) },
          null,
        );
      break;
    case ICMP_TIMESTAMP:
      timestamp(net, skb, at);
      break;
    case ICMP_DEST_UNREACH:
    case ICMP_SOURCE_QUENCH:
    case ICMP_TIME_EXCEEDED:
    case ICMP_PARAMETERPROB:
      unreach(net, skb, at, type);
      break;
    case ICMP_REDIRECT:
      redirect(net, skb, at);
      break;
  }
  consumeSkb(skb);
  return 0;
}

function timestamp(net: Net, skb: SkBuff, at: number): void {
  if (!pskbMayPull(net, skb, 4)) {
    net.mib.icmp[mib.ICMP_INERRORS]!++;
    return;
  }
  // Originate as it came, receive and transmit the same moment.
  const times = new Uint8Array(12);
  skbCopyBits(skb, 0, times, 0, 4);
  const now = inetCurrentTimestamp(net);
  putBe32(times, 4, now);
  putBe32(times, 8, now);
  icmpReply(net, skb, { type: ICMP_TIMESTAMPREPLY, code: 0, rest: be32(skb.head, at + ICMP_UN) }, times);
}

/** An error about something that we sent (icmp_unreach). */
function unreach(net: Net, skb: SkBuff, at: number, type: number): void {
  const { icmp } = net.mib;
  if (!pskbMayPull(net, skb, IPHDR_LEN) || ihl(skb.head, skb.data) < IPHDR_LEN) {
    icmp[mib.ICMP_INERRORS]!++;
    return;
  }
  const { head } = skb;
  const code = head[at + ICMP_CODE]!;
  let info = 0;
  if (type === ICMP_DEST_UNREACH) {
    if ((code & 15) === ICMP_FRAG_NEEDED) {
      const mode = ipv4Sysctl(net).noPmtuDisc;
      if (mode === 2) return;
      if (mode === 0) info = be16(head, at + ICMP_UN + 2);
    }
    if (code > NR_ICMP_UNREACH) return;
  } else if (type === ICMP_PARAMETERPROB) info = head[at + ICMP_UN]!;
  else if (type === ICMP_TIME_EXCEEDED && code === ICMP_EXC_FRAGTIME) return;
  const inner = skb.data;
  if (!ipv4Sysctl(net).icmpIgnoreBogus && inetAddrType(net, daddrOf(head, inner)) === RTN_BROADCAST) return;
  socketDeliver(net, skb, info);
}

function socketDeliver(net: Net, skb: SkBuff, info: number): void {
  const inner = skb.data;
  const protocol = skb.head[inner + IPH_PROTOCOL]!;
  if (!pskbMayPull(net, skb, ihl(skb.head, inner) + 8)) {
    net.mib.icmp[mib.ICMP_INERRORS]!++;
    return;
  }
  icmpState(net).rawError(net, skb, protocol, info);
  const handler = inetProtos(net).table[protocol];
  handler?.errHandler?.(net, skb, info);
}

/** A router that knows a better one (icmp_redirect). */
function redirect(net: Net, skb: SkBuff, at: number): void {
  if (skb.len < IPHDR_LEN || !pskbMayPull(net, skb, IPHDR_LEN)) {
    net.mib.icmp[mib.ICMP_INERRORS]!++;
    return;
  }
  socketDeliver(net, skb, be32(skb.head, at + ICMP_UN));
}

/** ICMP about ICMP: for ping sockets (icmp_err). */
export function icmpSetPing(
  net: Net,
  hooks: { rcv: IcmpState['pingRcv']; err: (net: Net, skb: SkBuff, info: number) => void },
): void {
  icmpState(net).pingRcv = hooks.rcv;
  pingErr.set(net, hooks.err);
}
const pingErr = new WeakMap<Net, (net: Net, skb: SkBuff, info: number) => void>();
export function icmpSetRawError(net: Net, rawError: IcmpState['rawError']): void {
  icmpState(net).rawError = rawError;
}

function icmpErr(net: Net, skb: SkBuff, info: number): number {
  const inner = skb.data;
  // The quoted message: an answer is the kernel's, anything else a ping socket's.
  if (skb.head[inner + ihl(skb.head, inner)] !== ICMP_ECHOREPLY) {
    pingErr.get(net)?.(net, skb, info);
    return 0;
  }
  const type = skb.head[skb.transportHeader]!;
  const code = skb.head[skb.transportHeader + 1]!;
  if (type === ICMP_DEST_UNREACH && code === ICMP_FRAG_NEEDED) ipv4UpdatePmtu(net, skb, info);
  else if (type === ICMP_REDIRECT) ipv4Redirect(net, skb, info);
  return 0;
}

export function icmpInit(net: Net): void {
  const prot: Proto = { name: 'RAW', close: () => {}, sendmsg: () => -EOPNOTSUPP, recvmsg: () => -EOPNOTSUPP };
  const sk = new InetSock(net, AF_INET, prot);
  sk.protocol = IPPROTO_ICMP;
  sk.sndbuf = 2 * skbTruesize(64 * 1024);
  sk.pmtudisc = 0;
  sk.dead = true;
  net.gen[ICMP_KEY] = {
    sk,
    credit: 0,
    stamp: -1e9,
    pingRcv: () => false,
    rawError: () => {},
  } satisfies IcmpState;
  inetAddProtocol(net, { handler: icmpRcv, errHandler: icmpErr }, IPPROTO_ICMP);
  inetProtos(net).icmpSend = icmpSend;
}

ipSetOutputHooks({ icmpFragNeeded: (net, skb, mtu) => icmpSend(net, skb, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu) });
ipSetAppendHooks({ icmpOutCount });
arpSetHooks({
  inputType,
  leavesElsewhere(net, sip, tip, dev) {
    const fl = new Flowi4();
    fl.daddr = sip;
    fl.saddr = tip;
    const dst = ipRouteOutput(net, fl);
    return typeof dst === 'number' || dst.dev !== dev;
  },
  // ipv4_link_failure: those who wait for an answer are told that the host is not there.
  linkFailure(net, skb) {
    if (skb.protocol !== ETH_P_IP || skb.dst === null) return;
    icmpSend(net, skb, ICMP_DEST_UNREACH, 1, 0);
  },
});
