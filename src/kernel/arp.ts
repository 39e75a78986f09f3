import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { IFF_LOOPBACK, IFF_NOARP, IFF_POINTOPOINT } from '../uapi/if.ts';
import { ETH_ALEN, ETH_P_ARP, ETH_P_IP } from '../uapi/if_ether.ts';
import { PACKET_HOST, PACKET_LOOPBACK, PACKET_OTHERHOST } from '../uapi/if_packet.ts';
import { NUD_NOARP, NUD_REACHABLE, NUD_STALE } from '../uapi/neighbour.ts';
import {
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RTN_BROADCAST,
  RTN_LOCAL,
  RTN_MULTICAST,
  RTN_UNICAST,
} from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import {
  allDevices,
  devAddPack,
  devQueueXmit,
  NETDEV_CHANGEADDR,
  NETDEV_DOWN,
  NETDEV_UNREGISTER,
  NETDEV_UP,
} from './dev.ts';
import { inDevAnd, inDevMax, inDevOr, inetAddrOnlink, inetConfirmAddr, inetSelectAddr } from './devinet.ts';
import { NEIGH_FAILED, PKT_TOO_SMALL } from './drop-reason.ts';
import { inetAddrType } from './fib.ts';
import { IPH_SADDR, ipv4IsLoopback, ipv4IsMulticast } from './headers.ts';
import {
  NEIGH_UPDATE_F_OVERRIDE,
  NUD_VALID,
  neighChangeaddr,
  neighCreate,
  neighIfdown,
  neighLookup,
  neighParms,
  neighTable,
  neighUpdate,
} from './neighbour.ts';
import {
  allocSkb,
  consumeSkb,
  copyBytes,
  kfreeSkb,
  llReservedSpace,
  pskbMayPull,
  skbPut,
  skbReserve,
  skbShareCheck,
} from './skbuff.ts';
import type { InDevice, NeighTable, Net, NetDevice, PacketType, SkBuff } from './structs.ts';

/** ARP over Ethernet, RFC 826 (net/ipv4/arp.c). */

const ARPOP_REQUEST = 1;
const ARPOP_REPLY = 2;
const ARPHRD_ETHER = 1;
const AR_HRD = 0;
const AR_PRO = 2;
const AR_HLN = 4;
const AR_PLN = 5;
const AR_OP = 6;
const AR_SHA = 8;
const AR_SIP = 14;
const AR_THA = 18;
const AR_TIP = 24;
const ARP_LENGTH = 28;

export const ARP_KEY = 4;
export const arpTbl = (net: Net): NeighTable => net.gen[ARP_KEY] as NeighTable;

/** Hooks of the rooms above: told of a packet whose neighbour does not answer (dst_link_failure), and asked how an
 * address is reached (ip_route_output, ip_route_input). */
export interface ArpHooks {
  linkFailure(net: Net, skb: SkBuff): void;
  /** Type of the input route: RTN_ value, and the device it leads to. */
  inputType(net: Net, skb: SkBuff, tip: number, sip: number, dev: NetDevice): number;
  /** An answer from `tip` to `sip` would go out by another device (arp_filter). */
  leavesElsewhere(net: Net, sip: number, tip: number, dev: NetDevice): boolean;
}
let hooks: ArpHooks = { linkFailure: () => {}, inputType: () => RTN_UNICAST, leavesElsewhere: () => false };
export function arpSetHooks(made: ArpHooks): void {
  hooks = made;
}

/** Multicast group of an address on Ethernet, RFC 1112. */
export function ipEthMcMap(address: number): Uint8Array {
  return Uint8Array.of(0x01, 0, 0x5e, (address >>> 16) & 0x7f, (address >>> 8) & 0xff, address & 0xff);
}

export function arpSend(
  net: Net,
  op: number,
  dest: number,
  dev: NetDevice,
  src: number,
  destHw: Uint8Array | null,
  targetHw: Uint8Array | null,
): void {
  if (dev.flags & IFF_NOARP) return;
  const skb = allocSkb(llReservedSpace(dev) + ARP_LENGTH);
  skbReserve(skb, llReservedSpace(dev));
  skb.networkHeader = skb.data;
  const at = skbPut(skb, ARP_LENGTH);
  skb.dev = dev;
  skb.protocol = ETH_P_ARP;
  const { head } = skb;
  putBe16(head, at + AR_HRD, ARPHRD_ETHER);
  putBe16(head, at + AR_PRO, ETH_P_IP);
  head[at + AR_HLN] = ETH_ALEN;
  head[at + AR_PLN] = 4;
  putBe16(head, at + AR_OP, op);
  copyBytes(head, at + AR_SHA, dev.devAddr, 0, ETH_ALEN);
  putBe32(head, at + AR_SIP, src);
  if (targetHw !== null) copyBytes(head, at + AR_THA, targetHw, 0, ETH_ALEN);
  else head.fill(0, at + AR_THA, at + AR_THA + ETH_ALEN);
  putBe32(head, at + AR_TIP, dest);
  if (
    dev.headerOps !== null &&
    dev.headerOps.create(skb, dev, ETH_P_ARP, destHw ?? dev.broadcast, dev.devAddr, skb.len) < 0
  ) {
    consumeSkb(skb);
    return;
  }
  if (net.tracer !== null) net.tracer.enter(net, 'arp_xmit', skb);
  devQueueXmit(net, skb);
}

/** arp_ignore: whether a request for `tip` goes unanswered. */
function arpIgnore(dev: NetDevice, sip: number, tip: number): boolean {
  const inDev = dev.ip!;
  switch (inDevMax(inDev, 'arpIgnore')) {
    case 0:
      return false;
    case 1:
      return inetConfirmAddr(inDev, 0, tip, RT_SCOPE_HOST) === 0;
    case 2:
      return inetConfirmAddr(inDev, sip, tip, RT_SCOPE_HOST) === 0;
    case 3:
      // Addresses of any device, but those of the host alone.
      return allDevices(dev.net).every((d) => d.ip === null || inetConfirmAddr(d.ip, 0, tip, RT_SCOPE_LINK) === 0);
    case 8:
      return true;
    default:
      return false;
  }
}

/** Whether an unasked announcement makes an entry. */
function arpAccept(inDev: InDevice, sip: number): boolean {
  const accept = inDevMax(inDev, 'arpAccept');
  return accept === 1 || (accept === 2 && inetConfirmAddr(inDev, sip, 0, RT_SCOPE_LINK) !== 0);
}

function arpProcess(net: Net, skb: SkBuff): void {
  const dev = skb.dev!;
  const inDev = dev.ip;
  const { head } = skb;
  const at = skb.data;
  const op = be16(head, at + AR_OP);
  const hrd = be16(head, at + AR_HRD);
  if (inDev === null || be16(head, at + AR_PRO) !== ETH_P_IP || (hrd !== ARPHRD_ETHER && hrd !== 6)) {
    kfreeSkb(net, skb);
    return;
  }
  if (op !== ARPOP_REPLY && op !== ARPOP_REQUEST) {
    consumeSkb(skb);
    return;
  }
  const sha = head.slice(at + AR_SHA, at + AR_SHA + ETH_ALEN);
  const sip = be32(head, at + AR_SIP);
  const tip = be32(head, at + AR_TIP);
  if (ipv4IsMulticast(tip) || (!inDevOr(inDev, 'routeLocalnet') && ipv4IsLoopback(tip))) {
    consumeSkb(skb);
    return;
  }
  if (sip === tip && inDevOr(inDev, 'dropGratuitousArp')) {
    kfreeSkb(net, skb);
    return;
  }
  const tbl = arpTbl(net);
  // RFC 5227: an address probe has no sender address.
  if (sip === 0) {
    if (op === ARPOP_REQUEST && inetAddrType(net, tip) === RTN_LOCAL && !arpIgnore(dev, sip, tip))
      arpSend(net, ARPOP_REPLY, sip, dev, tip, sha, sha);
    consumeSkb(skb);
    return;
  }
  if (op === ARPOP_REQUEST) {
    const type = hooks.inputType(net, skb, tip, sip, dev);
    if (type === RTN_LOCAL) {
      const filtered = inDevOr(inDev, 'arpFilter') && hooks.leavesElsewhere(net, sip, tip, dev);
      if (!arpIgnore(dev, sip, tip) && !filtered) {
        const neigh = neighEventNs(tbl, sha, sip, dev);
        if (neigh) arpSend(net, ARPOP_REPLY, sip, dev, tip, sha, sha);
      }
      consumeSkb(skb);
      return;
    }
    if (
      type === RTN_UNICAST &&
      inDev.cnf.forwarding !== 0 &&
      inDevOr(inDev, 'proxyArp') &&
      !inetAddrOnlink(inDev, tip, 0)
    ) {
      neighEventNs(tbl, sha, sip, dev);
      // Those who are asked for by all leave the host itself time to answer first (pneigh_enqueue).
      const { proxyDelay } = neighParms(tbl, dev);
      const answer = (): void => arpSend(net, ARPOP_REPLY, sip, dev, tip, sha, sha);
      if (skb.pktType === PACKET_HOST || proxyDelay === 0) answer();
      else net.clock.after((net.random() / 0x100000000) * proxyDelay, answer);
      consumeSkb(skb);
      return;
    }
  }
  let neigh = neighLookup(tbl, dev, sip);
  let gratuitous = false;
  const addrType = inetAddrType(net, sip, dev);
  if (neigh !== null || arpAccept(inDev, sip)) {
    gratuitous = tip === sip && (op === ARPOP_REQUEST || (op === ARPOP_REPLY && sameHw(head, at + AR_THA, sha)));
    if (neigh === null && addrType === RTN_UNICAST && (op === ARPOP_REPLY || gratuitous))
      neigh = neighCreate(tbl, dev, sip, null);
  }
  if (neigh !== null) {
    const now = net.clock.monotonic();
    // An answer within a second of the last is not believed over it (locktime), unless it is gratuitous.
    const override = now > neigh.updated + neigh.parms.locktime || gratuitous;
    let state = NUD_REACHABLE;
    if (op !== ARPOP_REPLY || skb.pktType !== PACKET_HOST) state = NUD_STALE;
    neighUpdate(neigh, sha, state, override ? NEIGH_UPDATE_F_OVERRIDE : 0);
  }
  consumeSkb(skb);
}

const sameHw = (head: Uint8Array, at: number, address: Uint8Array): boolean =>
  address.every((byte, i) => head[at + i] === byte);

/** neigh_event_ns: somebody asked for us, so we know him. */
function neighEventNs(tbl: NeighTable, sha: Uint8Array, sip: number, dev: NetDevice): boolean {
  const neigh = neighCreate(tbl, dev, sip, null);
  if (neigh === null) return false;
  neighUpdate(neigh, sha, NUD_STALE, NEIGH_UPDATE_F_OVERRIDE);
  return true;
}

function arpRcv(skb: SkBuff, dev: NetDevice): number {
  const { net } = dev;
  if (net.tracer !== null) net.tracer.enter(net, 'arp_rcv', skb);
  if (dev.flags & IFF_NOARP || skb.pktType === PACKET_OTHERHOST || skb.pktType === PACKET_LOOPBACK) {
    consumeSkb(skb);
    return 0;
  }
  skb = skbShareCheck(skb);
  if (!pskbMayPull(net, skb, ARP_LENGTH)) {
    kfreeSkb(net, skb, PKT_TOO_SMALL, 'arp_rcv');
    return 0;
  }
  if (skb.head[skb.data + AR_HLN] !== dev.addrLen || skb.head[skb.data + AR_PLN] !== 4) {
    kfreeSkb(net, skb);
    return 0;
  }
  arpProcess(net, skb);
  return 0;
}

/** Announces the device's addresses (arp_notify, SIOCSIFHWADDR). */
export function inetdevSendGratuitousArp(dev: NetDevice): void {
  for (const ifa of dev.ip?.ifaList ?? [])
    arpSend(dev.net, ARPOP_REQUEST, ifa.local, dev, ifa.local, null, dev.devAddr);
}

export function arpInit(net: Net): void {
  const tbl = neighTable(net, {
    family: AF_INET,
    id: 'arp_cache',
    protocol: ETH_P_IP,
    constructor_(neigh) {
      const { dev, key4: address } = neigh;
      neigh.type = inetAddrType(net, address, dev);
      if (dev.headerOps === null) {
        neigh.nudState = NUD_NOARP;
        return 0;
      }
      if (neigh.type === RTN_MULTICAST) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = ipEthMcMap(address);
      } else if (dev.flags & (IFF_NOARP | IFF_LOOPBACK)) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = dev.devAddr.slice();
      } else if (neigh.type === RTN_BROADCAST || dev.flags & IFF_POINTOPOINT) {
        neigh.nudState = NUD_NOARP;
        neigh.ha = dev.broadcast.slice();
      }
      return 0;
    },
    solicit(neigh, skb) {
      const { dev, key4: target, parms } = neigh;
      const inDev = dev.ip;
      if (inDev === null) return;
      let saddr = 0;
      const packetSource = skb === null ? 0 : be32(skb.head, skb.networkHeader + IPH_SADDR);
      const announce = inDevMax(inDev, 'arpAnnounce');
      if (announce < 2 && skb !== null && inetAddrType(net, packetSource) === RTN_LOCAL) {
        if (announce === 0 || inetAddrOnlink(inDev, target, packetSource)) saddr = packetSource;
      }
      if (saddr === 0) saddr = inetSelectAddr(dev, target, RT_SCOPE_LINK);
      let probes = neigh.probes - parms.ucastProbes;
      let destHw: Uint8Array | null = null;
      if (probes < 0) {
        if (neigh.nudState & NUD_VALID) destHw = neigh.ha.slice();
      } else {
        probes -= parms.appProbes;
        if (probes < 0) return; // for a daemon that is not there
      }
      arpSend(net, ARPOP_REQUEST, target, dev, saddr, destHw, null);
    },
    errorReport(_neigh, skb) {
      hooks.linkFailure(net, skb);
      kfreeSkb(net, skb, NEIGH_FAILED, 'arp_error_report');
    },
  });
  net.gen[ARP_KEY] = tbl;
  const type: PacketType = {
    type: ETH_P_ARP,
    dev: null,
    func: arpRcv,
    afPacketPriv: null,
    ignoreOutgoing: false,
    idMatch: null,
  };
  devAddPack(net, type);
  net.netdevChain.push((event, dev) => {
    switch (event) {
      case NETDEV_CHANGEADDR:
        neighChangeaddr(tbl, dev);
        net.rtGenid++;
        if (dev.ip !== null && inDevOr(dev.ip, 'arpNotify')) inetdevSendGratuitousArp(dev);
        break;
      case NETDEV_UP:
        if (dev.ip !== null && inDevAnd(dev.ip, 'arpNotify')) inetdevSendGratuitousArp(dev);
        break;
      case NETDEV_DOWN:
      case NETDEV_UNREGISTER:
        neighIfdown(tbl, dev);
        net.rtGenid++;
        break;
    }
  });
}
