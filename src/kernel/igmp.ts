import { fold, sum } from '../bytes/checksum.ts';
import { be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV } from '../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_UP } from '../uapi/if.ts';
import { IP_ADD_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_DROP_SOURCE_MEMBERSHIP, IPPROTO_IGMP } from '../uapi/in.ts';
import { ipEthMcMap } from './arp.ts';
import { devAddAddress, devDelAddress, NETDEV_DOWN, NETDEV_UP } from './dev.ts';
import { ipDevFind } from './devinet.ts';
import { Flowi4 } from './fib.ts';
import {
  IP_DF,
  IPH_DADDR,
  IPH_FRAG_OFF,
  IPH_PROTOCOL,
  IPH_SADDR,
  IPH_TOS,
  IPH_TTL,
  ipv4IsLocalMulticast,
  ipv4IsMulticast,
} from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import { csumFold, ipSelectIdent, ipv4Sysctl } from './ip-header.ts';
import { inetAddProtocol } from './ip-input.ts';
import { ipLocalOut } from './ip-output.ts';
import { ipRouteOutput } from './route.ts';
import { allocSkb, consumeSkb, llReservedSpace, pskbMayPull, skbChecksum, skbPut, skbReserve } from './skbuff.ts';
import type { InDevice, IpMcList, Net, NetDevice, SkBuff } from './structs.ts';

/** Multicast membership of IPv4 (net/ipv4/igmp.c): which groups a device and a socket listen to, and IGMPv3 reports
 * (RFC 3376) of what changed. */

const MCAST_EXCLUDE = 0;
const MCAST_INCLUDE = 1;
const IGMPV3_ALL_MCR = 0xe0000016;
const IGMP_ALL_HOSTS = 0xe0000001;
const IGMPV3_HOST_MEMBERSHIP_REPORT = 0x22;
const IGMPV3_CHANGE_TO_INCLUDE = 3;
const IGMPV3_CHANGE_TO_EXCLUDE = 4;
const IGMPV3_MODE_IS_EXCLUDE = 2;
const IGMPV3_MODE_IS_INCLUDE = 1;
const IGMPV3_ALLOW_NEW_SOURCES = 5;
const UNSOLICITED_REPORT_INTERVAL = 1e9;

/** ip_check_mc_rcu: whether the device takes packets of this group from this source. */
export function ipCheckMc(inDev: InDevice, group: number, source: number, proto: number): boolean {
  const im = inDev.mcList.get(group);
  if (im === undefined) return false;
  if (proto === IPPROTO_IGMP) return true;
  if (source === 0) return true; // unspecified source: allowed
  const psf = im.sources.get(source);
  if (psf !== undefined) return psf[MCAST_INCLUDE]! > 0 || psf[MCAST_EXCLUDE]! !== im.sfcount[MCAST_EXCLUDE];
  return im.sfcount[MCAST_EXCLUDE] !== 0;
}

/** ip_mc_sf_allow: whether this socket wants it. */
export function ipMcSfAllow(sk: InetSock, group: number, source: number, dif: number): boolean {
  if (!ipv4IsMulticast(group)) return true;
  for (const pmc of sk.mcList) {
    if (pmc.multiaddr !== group || (pmc.ifindex !== dif && dif !== 0)) continue;
    const listed = pmc.sources.includes(source);
    return pmc.sfmode === MCAST_INCLUDE ? listed : !listed;
  }
  return sk.mcAll;
}

function imodeDev(net: Net, group: number, address: number, ifindex: number): NetDevice | null {
  if (ifindex !== 0) return net.devices.get(ifindex) ?? null;
  if (address !== 0) return ipDevFind(net, address);
  // ip_mc_find_dev: the device by which the group would be reached.
  const fl = new Flowi4();
  fl.daddr = group;
  const dst = ipRouteOutput(net, fl);
  return typeof dst === 'number' ? null : dst.dev;
}

// ---- reports ----

/** Whether memberships of the group are told of at all. */
const isReported = (net: Net, group: number): boolean =>
  group !== IGMP_ALL_HOSTS && (!ipv4IsLocalMulticast(group) || ipv4Sysctl(net).igmpLlmReports !== 0);

/** Sends one report with one group record (add_grec, igmpv3_sendpack). */
function sendReport(inDev: InDevice, type: number, group: number, sources: number[]): void {
  const { dev } = inDev;
  const { net } = dev;
  if (!(dev.flags & IFF_UP) || dev.flags & IFF_LOOPBACK) return;
  if (!isReported(net, group)) return;
  const fl = new Flowi4();
  fl.daddr = IGMPV3_ALL_MCR;
  fl.oif = dev.ifindex;
  fl.proto = IPPROTO_IGMP;
  const dst = ipRouteOutput(net, fl);
  if (typeof dst === 'number') return;
  const room = llReservedSpace(dev);
  const length = 16 + sources.length * 4;
  const skb = allocSkb(room + 24 + length);
  skbReserve(skb, room);
  skb.networkHeader = skb.data;
  const at = skbPut(skb, 24 + length);
  const { head } = skb;
  head.fill(0, at, at + 24 + length);
  // IHL 6: the router alert option (RFC 2113).
  head[at] = 0x46;
  head[at + IPH_TOS] = 0xc0;
  putBe16(head, at + IPH_FRAG_OFF, IP_DF);
  head[at + IPH_TTL] = 1;
  head[at + IPH_PROTOCOL] = IPPROTO_IGMP;
  putBe32(head, at + IPH_SADDR, fl.saddr);
  putBe32(head, at + IPH_DADDR, IGMPV3_ALL_MCR);
  putBe32(head, at + 20, 0x94040000);
  ipSelectIdent(net, head, at, null, false, fl.saddr, IGMPV3_ALL_MCR);
  const igmp = at + 24;
  skb.transportHeader = igmp;
  head[igmp] = IGMPV3_HOST_MEMBERSHIP_REPORT;
  putBe16(head, igmp + 6, 1);
  head[igmp + 8] = type;
  putBe16(head, igmp + 10, sources.length);
  putBe32(head, igmp + 12, group);
  for (let i = 0; i < sources.length; i++) putBe32(head, igmp + 16 + i * 4, sources[i]!);
  putBe16(head, igmp + 2, csumFold(sum(head, igmp, igmp + length)));
  skb.dev = dev;
  skb.dst = dst;
  ipLocalOut(net, null, skb);
}

/** A change is reported igmp_qrv times, at random moments within a second of each other. */
function scheduleReport(inDev: InDevice, im: IpMcList, type: number): void {
  const { net } = inDev.dev;
  im.timerCancel?.();
  im.timerCancel = null;
  let left = Math.max(1, ipv4Sysctl(net).igmpQrv);
  const again = (): void => {
    im.timerCancel = null;
    sendReport(inDev, type, im.multiaddr, [...im.sources.keys()]);
    if (--left > 0) im.timerCancel = net.clock.after((net.random() / 0x100000000) * UNSOLICITED_REPORT_INTERVAL, again);
  };
  im.timerCancel = net.clock.after((net.random() / 0x100000000) * UNSOLICITED_REPORT_INTERVAL + 4e6, again);
}

// ---- devices ----

/** ip_mc_inc_group */
export function ipMcIncGroup(inDev: InDevice, group: number, mode = MCAST_EXCLUDE): void {
  const { dev } = inDev;
  let im = inDev.mcList.get(group);
  if (im !== undefined) {
    im.users++;
    im.sfcount[mode as 0 | 1]++;
    return;
  }
  im = {
    multiaddr: group,
    users: 1,
    sfcount: mode === MCAST_EXCLUDE ? [1, 0] : [0, 1],
    sources: new Map(),
    sfmode: mode,
    timerCancel: null,
    unsolicitCount: 0,
    reporter: false,
  };
  inDev.mcList.set(group, im);
  inDev.dev.net.rtGenid++;
  if (dev.addrLen === 6) devAddAddress(dev, ipEthMcMap(group), false);
  if (isReported(dev.net, group) && dev.flags & IFF_UP)
    scheduleReport(inDev, im, mode === MCAST_EXCLUDE ? IGMPV3_CHANGE_TO_EXCLUDE : IGMPV3_ALLOW_NEW_SOURCES);
}

export function ipMcDecGroup(inDev: InDevice, group: number, mode = MCAST_EXCLUDE): void {
  const im = inDev.mcList.get(group);
  if (im === undefined) return;
  im.sfcount[mode as 0 | 1]--;
  if (--im.users > 0) return;
  inDev.mcList.delete(group);
  inDev.dev.net.rtGenid++;
  im.timerCancel?.();
  if (inDev.dev.addrLen === 6) devDelAddress(inDev.dev, ipEthMcMap(group), false);
  if (isReported(inDev.dev.net, group) && inDev.dev.flags & IFF_UP) {
    im.sources.clear();
    scheduleReport(inDev, im, IGMPV3_CHANGE_TO_INCLUDE);
  }
}

// ---- sockets ----

export function ipMcJoinGroup(
  sk: InetSock,
  group: number,
  address: number,
  ifindex: number,
  mode = MCAST_EXCLUDE,
): number {
  if (!ipv4IsMulticast(group)) return -EINVAL;
  const { net } = sk;
  const dev = imodeDev(net, group, address, ifindex);
  if (dev === null || dev.ip === null) return -ENODEV;
  // One group on one device once; another device is another membership.
  if (sk.mcList.some((pmc) => pmc.multiaddr === group && pmc.ifindex === dev.ifindex)) return -EADDRINUSE;
  if (sk.mcList.length >= ipv4Sysctl(net).igmpMaxMemberships) return -ENOBUFS;
  sk.mcList.unshift({ multiaddr: group, ifindex: dev.ifindex, address, sfmode: mode, sources: [] });
  ipMcIncGroup(dev.ip, group, mode);
  return 0;
}

export function ipMcLeaveGroup(sk: InetSock, group: number, address: number, ifindex: number): number {
  const { net } = sk;
  const dev = imodeDev(net, group, address, ifindex);
  if (ifindex === 0 && address === 0 && dev === null) return -ENODEV;
  const wanted = dev?.ifindex ?? ifindex;
  for (let i = 0; i < sk.mcList.length; i++) {
    const pmc = sk.mcList[i]!;
    if (pmc.multiaddr !== group) continue;
    if (ifindex !== 0) {
      if (pmc.ifindex !== ifindex) continue;
    } else if (address !== 0 && pmc.address !== address && pmc.ifindex !== wanted) continue;
    sk.mcList.splice(i, 1);
    const inDev = net.devices.get(pmc.ifindex)?.ip;
    if (inDev) ipMcDecGroup(inDev, group, pmc.sfmode);
    return 0;
  }
  return -EADDRNOTAVAIL;
}

/** Recounts which sources the device's sockets name (ip_mc_add_src, ip_mc_del_src). */
function deviceSource(inDev: InDevice, group: number, source: number, mode: 0 | 1, by: number): void {
  const im = inDev.mcList.get(group);
  if (im === undefined) return;
  let psf = im.sources.get(source);
  if (psf === undefined) im.sources.set(source, (psf = [0, 0]));
  psf[mode] += by;
  if (psf[0] === 0 && psf[1] === 0) im.sources.delete(source);
  inDev.dev.net.rtGenid++;
}

/** IP_ADD_SOURCE_MEMBERSHIP and its three sisters (ip_mc_source). */
export function ipMcSource(
  sk: InetSock,
  name: number,
  group: number,
  address: number,
  source: number,
  ifindex = 0,
): number {
  if (!ipv4IsMulticast(group)) return -EINVAL;
  const { net } = sk;
  const dev = imodeDev(net, group, address, ifindex);
  if (dev === null || dev.ip === null) return -ENODEV;
  const add = name === IP_ADD_SOURCE_MEMBERSHIP || name === IP_BLOCK_SOURCE;
  const mode = name === IP_ADD_SOURCE_MEMBERSHIP || name === IP_DROP_SOURCE_MEMBERSHIP ? MCAST_INCLUDE : MCAST_EXCLUDE;
  let pmc = sk.mcList.find((one) => one.multiaddr === group && one.ifindex === dev.ifindex);
  if (name === IP_ADD_SOURCE_MEMBERSHIP && pmc === undefined) {
    const error = ipMcJoinGroup(sk, group, address, dev.ifindex, MCAST_INCLUDE);
    if (error !== 0) return error;
    pmc = sk.mcList.find((one) => one.multiaddr === group && one.ifindex === dev.ifindex);
  }
  if (pmc === undefined) return -EINVAL;
  if (pmc.sources.length > 0) {
    if (pmc.sfmode !== mode) return -EINVAL;
  } else if (pmc.sfmode !== mode) {
    // An empty filter may change its mode.
    const im = dev.ip.mcList.get(group);
    if (im !== undefined) {
      im.sfcount[pmc.sfmode as 0 | 1]--;
      im.sfcount[mode]++;
    }
    pmc.sfmode = mode;
  }
  const at = pmc.sources.indexOf(source);
  if (!add) {
    if (at < 0) return -EADDRNOTAVAIL;
    // The last source of an inclusive filter: the membership ends.
    if (pmc.sources.length === 1 && mode === MCAST_INCLUDE) {
      deviceSource(dev.ip, group, source, mode, -1);
      return ipMcLeaveGroup(sk, group, address, dev.ifindex);
    }
    pmc.sources.splice(at, 1);
    deviceSource(dev.ip, group, source, mode, -1);
    return 0;
  }
  if (at >= 0) return -EADDRNOTAVAIL;
  if (pmc.sources.length >= ipv4Sysctl(net).igmpMaxMsf) return -ENOBUFS;
  pmc.sources.push(source);
  deviceSource(dev.ip, group, source, mode, 1);
  return 0;
}

/** IP_MSFILTER: the whole filter of a membership at once (ip_mc_msfilter). */
export function ipMcMsfilter(sk: InetSock, group: number, address: number, mode: number, sources: number[]): number {
  if (!ipv4IsMulticast(group)) return -EINVAL;
  if (mode !== MCAST_INCLUDE && mode !== MCAST_EXCLUDE) return -EINVAL;
  const dev = imodeDev(sk.net, group, address, 0);
  if (dev === null || dev.ip === null) return -ENODEV;
  if (mode === MCAST_INCLUDE && sources.length === 0) return ipMcLeaveGroup(sk, group, address, dev.ifindex);
  const pmc = sk.mcList.find((one) => one.multiaddr === group && one.ifindex === dev.ifindex);
  if (pmc === undefined) return -EINVAL;
  for (const source of pmc.sources) deviceSource(dev.ip, group, source, pmc.sfmode as 0 | 1, -1);
  const im = dev.ip.mcList.get(group);
  if (im !== undefined && pmc.sfmode !== mode) {
    im.sfcount[pmc.sfmode as 0 | 1]--;
    im.sfcount[mode]++;
  }
  pmc.sfmode = mode;
  pmc.sources = sources;
  for (const source of sources) deviceSource(dev.ip, group, source, mode, 1);
  return 0;
}

/** A socket closes: its memberships end (ip_mc_drop_socket). */
export function ipMcDropSocket(sk: InetSock): void {
  for (const pmc of sk.mcList.splice(0)) {
    const inDev = sk.net.devices.get(pmc.ifindex)?.ip;
    if (!inDev) continue;
    for (const source of pmc.sources) deviceSource(inDev, pmc.multiaddr, source, pmc.sfmode as 0 | 1, -1);
    ipMcDecGroup(inDev, pmc.multiaddr, pmc.sfmode);
  }
}

// ---- queries ----

/** IGMP queries are answered with the state of each group, after a random part of the time they allow. */
function igmpRcv(net: Net, skb: SkBuff): number {
  const done = (): number => {
    consumeSkb(skb);
    return 0;
  };
  if (skb.dev?.ip == null || !pskbMayPull(net, skb, 8)) return done();
  const { head } = skb;
  const at = skb.data;
  if (fold(skbChecksum(skb, 0, skb.len)) !== 0xffff) return done();
  if (head[at] !== 0x11) return done();
  const inDev = skb.dev.ip;
  const group = be32(head, at + 4);
  const code = head[at + 1]!;
  const maxDelay = (code < 128 ? code || 100 : ((code & 15) | 16) << (((code >>> 4) & 7) + 3)) * 1e8;
  for (const im of inDev.mcList.values()) {
    if (group !== 0 && group !== im.multiaddr) continue;
    if (!isReported(net, im.multiaddr)) continue;
    const type = im.sfcount[MCAST_EXCLUDE] > 0 ? IGMPV3_MODE_IS_EXCLUDE : IGMPV3_MODE_IS_INCLUDE;
    im.timerCancel?.();
    im.timerCancel = net.clock.after((net.random() / 0x100000000) * maxDelay, () => {
      im.timerCancel = null;
      sendReport(inDev, type, im.multiaddr, [...im.sources.keys()]);
    });
  }
  return done();
}

export function igmpInit(net: Net): void {
  inetAddProtocol(net, { handler: igmpRcv }, IPPROTO_IGMP);
  net.netdevChain.push((event, dev) => {
    if (dev.ip === null) return;
    if (event === NETDEV_UP) {
      if (!dev.ip.mcList.has(IGMP_ALL_HOSTS)) ipMcIncGroup(dev.ip, IGMP_ALL_HOSTS);
    } else if (event === NETDEV_DOWN) {
      for (const im of dev.ip.mcList.values()) {
        im.timerCancel?.();
        im.timerCancel = null;
      }
      if (dev.ip.mcList.has(IGMP_ALL_HOSTS)) ipMcDecGroup(dev.ip, IGMP_ALL_HOSTS);
    }
  });
}
