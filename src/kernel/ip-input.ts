import { be16 } from '../bytes/endian.ts';
import { ETH_P_IP } from '../uapi/if_ether.ts';
import { PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST } from '../uapi/if_packet.ts';
import { RTN_BROADCAST, RTN_MULTICAST } from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { devAddPack } from './dev.ts';
import { inDevAnd, inDevOr } from './devinet.ts';
import * as reason from './drop-reason.ts';
import {
  daddrOf,
  IP_MF,
  IP_OFFSET,
  IPH_FRAG_OFF,
  IPH_PROTOCOL,
  IPH_TOS,
  IPH_TOT_LEN,
  IPHDR_LEN,
  ihl,
  saddrOf,
} from './headers.ts';
import { ipFastCsum } from './ip-header.ts';
import { ipOptionsCompile, ipOptionsRcvSrr, optionsErrorAt } from './ip-options.ts';
import * as mib from './mib.ts';
import { NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, nfHook } from './netfilter.ts';
import { ipRouteInput } from './route.ts';
import { consumeSkb, kfreeSkb, pskbMayPull, pskbTrimRcsum, skbCow, skbOrphan, skbShareCheck } from './skbuff.ts';
import type { Net, NetDevice, PacketType, SkBuff } from './structs.ts';
import { IpOptions } from './structs-plain.ts';

/** IPv4 input (net/ipv4/ip_input.c), and the table of transport protocols (net/ipv4/protocol.c). */

/** struct net_protocol: takes the packet, whose data starts at the transport header. */
export interface NetProtocol {
  handler(net: Net, skb: SkBuff): number;
  /** An ICMP error about a packet of ours: data starts at the IP header that ICMP quoted. */
  errHandler?(net: Net, skb: SkBuff, info: number): number;
  /** Errors of ICMP are checked by this protocol itself. */
  icmpStrictTagValidation?: boolean;
}

export const INET_PROTOS_KEY = 9;
interface InetProtos {
  readonly table: (NetProtocol | null)[];
  /** Raw sockets hear first; true where one did (raw_local_deliver). */
  rawLocalDeliver: (net: Net, skb: SkBuff, protocol: number) => boolean;
  icmpSend: IcmpSend;
  defrag: (net: Net, skb: SkBuff) => SkBuff | null;
  earlyDemux: ((net: Net, skb: SkBuff) => void) | null;
  /** Router alert: sockets that want such packets (ip_call_ra_chain). */
  callRaChain: ((net: Net, skb: SkBuff) => boolean) | null;
}
export type IcmpSend = (net: Net, skb: SkBuff, type: number, code: number, info: number) => void;

export const inetProtos = (net: Net): InetProtos =>
  (net.gen[INET_PROTOS_KEY] ??= {
    table: new Array(256).fill(null),
    rawLocalDeliver: () => false,
    icmpSend: () => {},
    defrag: (_net, skb) => skb,
    earlyDemux: null,
    callRaChain: null,
  } satisfies InetProtos) as InetProtos;

export function inetAddProtocol(net: Net, protocol: NetProtocol, number: number): void {
  inetProtos(net).table[number] = protocol;
}

const ipRcv: PacketType['func'] = (skb, dev) => {
  const { net } = dev;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_rcv', skb);
  if (skb.pktType === PACKET_OTHERHOST) {
    kfreeSkb(net, skb, reason.OTHERHOST, 'ip_rcv_core');
    return 0;
  }
  const { ip, ipExt } = net.mib;
  ip[mib.IP_INRECEIVES]!++;
  ipExt[mib.IPEXT_INOCTETS]! += skb.len;
  if (skb.users > 1) skb = skbShareCheck(skb);
  const drop = (counter: number, why: string): number => {
    if (counter >= 0) ip[counter]!++;
    kfreeSkb(net, skb, why, 'ip_rcv_core');
    return 1;
  };
  if (!pskbMayPull(net, skb, IPHDR_LEN)) return drop(mib.IP_INHDRERRORS, reason.IP_INHDR);
  const { head } = skb;
  const at = skb.data;
  const first = head[at]!;
  const hlen = (first & 15) << 2;
  if (hlen < IPHDR_LEN || first >>> 4 !== 4) return drop(mib.IP_INHDRERRORS, reason.IP_INHDR);
  ipExt[mib.IPEXT_NOECTPKTS + (head[at + IPH_TOS]! & 3)]!++;
  if (!pskbMayPull(net, skb, hlen)) return drop(mib.IP_INHDRERRORS, reason.IP_INHDR);
  if (ipFastCsum(skb.head, skb.data, hlen) !== 0) {
    ipExt[mib.IPEXT_INCSUMERRORS]!++;
    return drop(mib.IP_INHDRERRORS, reason.IP_CSUM);
  }
  const length = be16(skb.head, skb.data + IPH_TOT_LEN);
  if (skb.len < length) {
    ipExt[mib.IPEXT_INTRUNCATEDPKTS]!++;
    return drop(-1, reason.PKT_TOO_SMALL);
  }
  if (length < hlen) return drop(mib.IP_INHDRERRORS, reason.IP_INHDR);
  // What a device padded goes.
  if (skb.len > length) pskbTrimRcsum(net, skb, length);
  skb.networkHeader = skb.data;
  skb.transportHeader = skb.data + hlen;
  skb.iif = skb.skbIif;
  skb.cbFlags = 0;
  skb.opt = null;
  skb.fragMaxSize = 0;
  if (skb.destructor !== null || skb.sk !== null) skbOrphan(skb);
  const verdict = nfHook(net, AF_INET, NF_INET_PRE_ROUTING, null, skb, dev, null);
  if (verdict !== 1) return verdict;
  return ipRcvFinish(net, skb, dev);
};

function ipRcvFinish(net: Net, skb: SkBuff, dev: NetDevice): number {
  const at = skb.networkHeader;
  if (skb.dst === null) {
    const { head } = skb;
    const why = ipRouteInput(net, skb, daddrOf(head, at), saddrOf(head, at), head[at + IPH_TOS]!, dev);
    if (why !== '') {
      kfreeSkb(net, skb, why, 'ip_rcv_finish_core');
      return 1;
    }
  }
  if ((skb.head[at]! & 15) > 5 && ipRcvOptions(net, skb, dev)) {
    kfreeSkb(net, skb, reason.IP_INHDR, 'ip_rcv_options');
    return 1;
  }
  const dst = skb.dst!;
  const { ipExt } = net.mib;
  if (dst.rtType === RTN_MULTICAST) {
    ipExt[mib.IPEXT_INMCASTPKTS]!++;
    ipExt[mib.IPEXT_INMCASTOCTETS]! += skb.len;
  } else if (dst.rtType === RTN_BROADCAST) {
    ipExt[mib.IPEXT_INBCASTPKTS]!++;
    ipExt[mib.IPEXT_INBCASTOCTETS]! += skb.len;
  } else if (skb.pktType === PACKET_BROADCAST || skb.pktType === PACKET_MULTICAST) {
    // RFC 1122 3.3.6: a unicast packet in a link broadcast; dropped only where that was asked for.
    if (dev.ip !== null && inDevOr(dev.ip, 'dropUnicastInL2Multicast')) {
      kfreeSkb(net, skb, reason.UNICAST_IN_L2_MULTICAST, 'ip_rcv_finish_core');
      return 1;
    }
  }
  return dst.input(net, skb);
}

/** True where the packet must be dropped. */
function ipRcvOptions(net: Net, skb: SkBuff, dev: NetDevice): boolean {
  const { icmpSend } = inetProtos(net);
  skbCow(net, skb, skb.data);
  const at = skb.networkHeader;
  const opt = new IpOptions();
  opt.optlen = ihl(skb.head, at) - IPHDR_LEN;
  skb.opt = opt;
  if (ipOptionsCompile(net, opt, skb.head, at, skb) < 0) {
    icmpSend(net, skb, 12, 0, (optionsErrorAt << 24) >>> 0);
    net.mib.ip[mib.IP_INHDRERRORS]!++;
    return true;
  }
  if (opt.srr !== 0) {
    if (dev.ip !== null && !inDevAnd(dev.ip, 'acceptSourceRoute')) return true;
    const error = ipOptionsRcvSrr(net, skb, dev);
    if (error === 0) return false;
    if (error === 1) icmpSend(net, skb, 12, 0, 16 << 24);
    else if (error === 2) icmpSend(net, skb, 12, 0, (optionsErrorAt << 24) >>> 0);
    return true;
  }
  return false;
}

/** A packet for us: whole, past LOCAL_IN, to its transport (ip_local_deliver). */
export function ipLocalDeliver(net: Net, skb: SkBuff): number {
  if (be16(skb.head, skb.networkHeader + IPH_FRAG_OFF) & (IP_MF | IP_OFFSET)) {
    const whole = inetProtos(net).defrag(net, skb);
    if (whole === null) return 0;
    skb = whole;
  }
  const verdict = nfHook(net, AF_INET, NF_INET_LOCAL_IN, null, skb, skb.dev, null);
  if (verdict !== 1) return verdict;
  if (net.tracer !== null) net.tracer.enter(net, 'ip_local_deliver_finish', skb);
  const protos = inetProtos(net);
  const pull = skb.transportHeader - skb.data;
  skb.data += pull;
  skb.len -= pull;
  let protocol = skb.head[skb.networkHeader + IPH_PROTOCOL]!;
  for (;;) {
    const raw = protos.rawLocalDeliver(net, skb, protocol);
    const handler = protos.table[protocol]!;
    if (handler !== null) {
      const result = handler.handler(net, skb);
      if (result < 0) {
        protocol = -result;
        continue;
      }
      net.mib.ip[mib.IP_INDELIVERS]!++;
      return 0;
    }
    if (!raw) {
      net.mib.ip[mib.IP_INUNKNOWNPROTOS]!++;
      protos.icmpSend(net, skb, 3, 2, 0);
      kfreeSkb(net, skb, reason.IP_NOPROTO, 'ip_protocol_deliver_rcu');
    } else {
      net.mib.ip[mib.IP_INDELIVERS]!++;
      consumeSkb(skb);
    }
    return 0;
  }
}

export function ipInputInit(net: Net): void {
  devAddPack(net, { type: ETH_P_IP, dev: null, func: ipRcv, afPacketPriv: null, ignoreOutgoing: false, idMatch: null });
}
