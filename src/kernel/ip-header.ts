import { fold } from '../bytes/checksum.ts';
import { be16, putBe16 } from '../bytes/endian.ts';
import { IP_DF, IPH_CHECK, IPH_FRAG_OFF, IPH_ID, IPH_PROTOCOL, ihl } from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import type { Net } from './structs.ts';

/** What every room of IPv4 needs of the header: checksum, identification, and the sysctls net.ipv4. */

/** IPSKB_ flags of skb.cbFlags. */
export const IPSKB_FORWARDED = 1;
export const IPSKB_FRAG_COMPLETE = 8;
export const IPSKB_REROUTED = 16;
export const IPSKB_DOREDIRECT = 32;
export const IPSKB_FRAG_PMTU = 64;

/** Header checksum of an IPv4 header (ip_fast_csum). */
export function ipFastCsum(head: Uint8Array, at: number, length: number): number {
  let total = 0;
  for (const end = at + length; at < end; at += 2) total += (head[at]! << 8) | head[at + 1]!;
  total = (total & 0xffff) + (total >>> 16);
  total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

export function ipSendCheck(head: Uint8Array, at: number): void {
  head[at + IPH_CHECK] = 0;
  head[at + IPH_CHECK + 1] = 0;
  putBe16(head, at + IPH_CHECK, ipFastCsum(head, at, ihl(head, at)));
}

// ---- identification ----

export const IDENTS_KEY = 7;
/** __ip_select_ident: a counter per pair of addresses and protocol, which starts at random. */
function selectIdent(net: Net, saddr: number, daddr: number, protocol: number): number {
  const idents = (net.gen[IDENTS_KEY] ??= new Map()) as Map<number, number>;
  const key = (Math.imul(saddr, 0x9e3779b1) ^ Math.imul(daddr, 0x85ebca6b) ^ protocol) >>> 0;
  const next = idents.get(key) ?? net.random() & 0xffff;
  if (idents.size > 2048) idents.clear();
  idents.set(key, (next + 1) & 0xffff);
  return next;
}

/** ip_select_ident for a header whose flags and addresses are set. */
export function ipSelectIdent(
  net: Net,
  head: Uint8Array,
  at: number,
  sk: InetSock | null,
  ignoreDf: boolean,
  saddr: number,
  daddr: number,
): void {
  let id: number;
  if (sk !== null && sk.daddr !== 0) id = sk.ident = (sk.ident + 1) & 0xffff;
  else if (be16(head, at + IPH_FRAG_OFF) & IP_DF && !ignoreDf) id = 0;
  else id = selectIdent(net, saddr, daddr, head[at + IPH_PROTOCOL]!);
  putBe16(head, at + IPH_ID, id);
}

/** Pseudo header sum of IPv4 (csum_tcpudp_nofold), not folded. */
export const csumPseudo = (saddr: number, daddr: number, length: number, protocol: number): number =>
  (saddr >>> 16) + (saddr & 0xffff) + (daddr >>> 16) + (daddr & 0xffff) + length + protocol;

export const csumFold = (total: number): number => ~fold(total) & 0xffff;

export const IPV4_SYSCTL_KEY = 8;
/** net.ipv4.* that the data path reads. */
export class Ipv4Sysctl {
  defaultTtl = 64;
  noPmtuDisc = 0;
  forward = 0;
  forwardUsePmtu = 0;
  nonlocalBind = 0;
  unprivPortStart = 1024;
  portLow = 32768;
  portHigh = 60999;
  autobindReuse = 0;
  earlyDemux = 1;
  udpEarlyDemux = 1;
  icmpEchoIgnoreAll = 0;
  icmpEchoIgnoreBroadcasts = 1;
  icmpIgnoreBogus = 1;
  icmpErrorsUseInbound = 0;
  icmpRatelimit = 1000;
  icmpRatemask = 0x1818;
  icmpMsgsPerSec = 1000;
  icmpMsgsBurst = 50;
  pingGroupLow = 1;
  pingGroupHigh = 0;
  igmpMaxMemberships = 20;
  igmpMaxMsf = 10;
  /** igmp_link_local_mcast_reports: memberships of 224.0.0.x are reported. */
  igmpLlmReports = 1;
  ipfragHighThresh = 4194304;
  ipfragLowThresh = 3145728;
  ipfragTime = 30;
  ipfragMaxDist = 64;
  udpRmemMin = 4096;
  udpWmemMin = 4096;
  fwmarkReflect = 0;
  dynaddr = 0;
  igmpQrv = 2;
  igmpLinkLocal = 1;
  reservedPorts: [number, number][] = [];
}
export const ipv4Sysctl = (net: Net): Ipv4Sysctl => net.gen[IPV4_SYSCTL_KEY] as Ipv4Sysctl;
