import { be32, putBe32 } from '../bytes/endian.ts';
import { CAP_NET_ADMIN } from '../uapi/capability.ts';
import {
  EADDRNOTAVAIL,
  EFAULT,
  EINVAL,
  ENOBUFS,
  ENODEV,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  EPFNOSUPPORT,
} from '../uapi/errno.ts';
import { hostI32, hostU16, putHostU16, putHostU32 } from '../uapi/host.ts';
import { IFF_BROADCAST, IFF_UP, IFNAMSIZ, ifreq } from '../uapi/if.ts';
import { NUD_PERMANENT, NUD_STALE } from '../uapi/neighbour.ts';
import { AF_INET } from '../uapi/socket.ts';
import {
  SIOCADDMULTI,
  SIOCADDRT,
  SIOCDARP,
  SIOCDELMULTI,
  SIOCDELRT,
  SIOCGARP,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFCONF,
  SIOCGIFDSTADDR,
  SIOCGIFFLAGS,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMAP,
  SIOCGIFMETRIC,
  SIOCGIFMTU,
  SIOCGIFNAME,
  SIOCGIFNETMASK,
  SIOCGIFTXQLEN,
  SIOCSARP,
  SIOCSIFADDR,
  SIOCSIFBRDADDR,
  SIOCSIFDSTADDR,
  SIOCSIFFLAGS,
  SIOCSIFHWADDR,
  SIOCSIFMETRIC,
  SIOCSIFMTU,
  SIOCSIFNAME,
  SIOCSIFNETMASK,
  SIOCSIFTXQLEN,
} from '../uapi/sockios.ts';
import { arpTbl } from './arp.ts';
import {
  allDevices,
  devAddAddress,
  devChangeFlags,
  devChangeName,
  devDelAddress,
  devGetFlags,
  devSetMacAddress,
  devSetMtu,
} from './dev.ts';
import { inetAddAddress, inetDelIfa, inetInsertIfa } from './devinet.ts';
import { Flowi4 } from './fib.ts';
import { inetMakeMask, inetMaskLen, ipv4IsLbcast, ipv4IsZeronet } from './headers.ts';
import {
  NEIGH_UPDATE_F_ADMIN,
  NEIGH_UPDATE_F_OVERRIDE,
  NUD_VALID,
  neighCreate,
  neighLookup,
  neighRemove,
  neighUpdate,
} from './neighbour.ts';
import { ipRouteOutput } from './route.ts';
import type { InIfaddr, Net, NetDevice } from './structs.ts';

/** Requests of ioctl(2) about devices and addresses (net/core/dev_ioctl.c, net/ipv4/devinet.c, arp.c). */

export const ENOIOCTLCMD = 515;
const decoder = new TextDecoder();
/** sizeof(struct ifconf) */
const IFCONF = 16;

/** The name in struct ifreq. */
function nameIn(argument: Uint8Array): string {
  const bytes = argument.subarray(0, IFNAMSIZ - 1);
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
/** The device that struct ifreq names; an alias (eth0:1) is its device. */
const named = (net: Net, argument: Uint8Array): NetDevice | null =>
  net.devByName.get(nameIn(argument).split(':')[0]!) ?? null;

/** dev_ifconf: struct ifreq of each address of IPv4, into what lies behind struct ifconf (a length, a pointer) in the same
 * buffer; without such room, how many bytes it would be. */
function devIfconf(net: Net, argument: Uint8Array): number {
  const room = argument.length > IFCONF ? hostI32(argument, 0) : -1;
  let total = 0;
  const one = new Uint8Array(ifreq.sizeof);
  for (const dev of allDevices(net))
    for (const ifa of dev.ip?.ifaList ?? []) {
      if (argument.length > IFCONF && room - total < ifreq.sizeof) break;
      one.fill(0);
      one.set(new TextEncoder().encode(ifa.label).subarray(0, IFNAMSIZ - 1));
      putHostU16(one, ifreq.ifr_ifru, AF_INET);
      putBe32(one, ifreq.ifr_ifru + 4, ifa.local);
      const at = IFCONF + total;
      if (at < argument.length) argument.set(one.subarray(0, argument.length - at), at);
      total += ifreq.sizeof;
    }
  putHostU32(argument, 0, total);
  return 0;
}

export function devIoctl(net: Net, request: number, argument: Uint8Array): number {
  const at = ifreq.ifr_ifru;
  if (request === SIOCGIFCONF) return devIfconf(net, argument);
  if (request === SIOCGIFNAME) {
    const dev = net.devices.get(hostI32(argument, at));
    if (dev === undefined) return -ENODEV;
    argument.fill(0, 0, IFNAMSIZ);
    argument.set(new TextEncoder().encode(dev.name));
    return 0;
  }
  const known = [
    SIOCGIFFLAGS,
    SIOCGIFMETRIC,
    SIOCGIFMTU,
    SIOCGIFHWADDR,
    SIOCGIFMAP,
    SIOCGIFINDEX,
    SIOCGIFTXQLEN,
    SIOCSIFFLAGS,
    SIOCSIFMTU,
    SIOCSIFHWADDR,
    SIOCSIFTXQLEN,
    SIOCSIFNAME,
    SIOCSIFMETRIC,
    SIOCADDMULTI,
    SIOCDELMULTI,
  ];
  if (!known.includes(request)) return -ENOTTY;
  const dev = named(net, argument);
  const changes =
    request === SIOCSIFFLAGS ||
    request === SIOCSIFMTU ||
    request === SIOCSIFHWADDR ||
    request === SIOCSIFTXQLEN ||
    request === SIOCSIFNAME ||
    request === SIOCADDMULTI ||
    request === SIOCDELMULTI;
  if (changes && !net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
  if (dev === null) return -ENODEV;
  switch (request) {
    case SIOCGIFFLAGS:
      putHostU16(argument, at, devGetFlags(dev));
      return 0;
    case SIOCGIFMETRIC:
      putHostU32(argument, at, 0);
      return 0;
    case SIOCSIFMETRIC:
      return -EOPNOTSUPP;
    case SIOCGIFMTU:
      putHostU32(argument, at, dev.mtu);
      return 0;
    case SIOCGIFHWADDR:
      argument.fill(0, at, at + 16);
      putHostU16(argument, at, dev.type);
      argument.set(dev.devAddr, at + 2);
      return 0;
    case SIOCGIFMAP:
      argument.fill(0, at, at + 24);
      return 0;
    case SIOCGIFINDEX:
      putHostU32(argument, at, dev.ifindex);
      return 0;
    case SIOCGIFTXQLEN:
      putHostU32(argument, at, dev.txQueueLen);
      return 0;
    case SIOCSIFFLAGS:
      return devChangeFlags(dev, hostU16(argument, at));
    case SIOCSIFMTU:
      return devSetMtu(dev, hostI32(argument, at));
    case SIOCSIFHWADDR:
      if (hostU16(argument, at) !== dev.type) return -EINVAL;
      return devSetMacAddress(dev, argument.slice(at + 2, at + 2 + dev.addrLen));
    case SIOCSIFTXQLEN:
      if (hostI32(argument, at) < 0) return -EINVAL;
      dev.txQueueLen = hostI32(argument, at);
      return 0;
    case SIOCSIFNAME: {
      const bytes = argument.subarray(at, at + IFNAMSIZ - 1);
      const end = bytes.indexOf(0);
      return devChangeName(dev, decoder.decode(end < 0 ? bytes : bytes.subarray(0, end)));
    }
    case SIOCADDMULTI:
    case SIOCDELMULTI: {
      if (hostU16(argument, at) !== 0 || dev.ops.setRxMode === undefined) return -EINVAL;
      const address = argument.slice(at + 2, at + 2 + dev.addrLen);
      if (request === SIOCADDMULTI) return devAddAddress(dev, address, false);
      devDelAddress(dev, address, false);
      return 0;
    }
    default:
      return -ENOTTY;
  }
}

/** inet_abc_len: the class of an address decides the prefix; -1 where it is of none. */
function inetAbcLen(address: number): number {
  if (ipv4IsZeronet(address) || ipv4IsLbcast(address)) return 0;
  if (address >>> 31 === 0) return 8;
  if (address >>> 30 === 2) return 16;
  if (address >>> 29 === 6) return 24;
  return address >>> 28 === 15 ? 32 : -1;
}

/** Requests of AF_INET: addresses by ioctl, flags, ARP entries (devinet_ioctl). The address that is meant is the one with the
 * label in the request's name. */
export function inetDevIoctl(net: Net, request: number, argument: Uint8Array): number {
  const at = ifreq.ifr_ifru;
  if (request === SIOCADDRT || request === SIOCDELRT) return net.cred.capable(CAP_NET_ADMIN) ? -EINVAL : -EPERM;
  if (request === SIOCDARP || request === SIOCGARP || request === SIOCSARP) return arpIoctl(net, request, argument);
  const reads = [SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFDSTADDR].includes(request);
  const family = hostU16(argument, at);
  if (!reads) {
    if (!net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
    if (request !== SIOCSIFFLAGS && family !== AF_INET) return -EINVAL;
  }
  const dev = named(net, argument);
  if (dev === null) return -ENODEV;
  const label = nameIn(argument);
  const given = be32(argument, at + 4);
  const labelled = dev.ip?.ifaList.filter((one) => one.label === label) ?? [];
  // 4.4BSD: label and address; otherwise the label alone.
  const ifa = (reads && family === AF_INET ? labelled.find((one) => one.local === given) : undefined) ?? labelled[0];
  if (request === SIOCSIFFLAGS) {
    if (!label.includes(':')) return devChangeFlags(dev, family);
    if (ifa === undefined) return -EADDRNOTAVAIL;
    if (!(family & IFF_UP)) inetDelIfa(ifa);
    return 0;
  }
  if (request === SIOCSIFADDR) return setAddress(dev, label, ifa, given);
  if (ifa === undefined) return -EADDRNOTAVAIL;
  const answer = (address: number): number => {
    argument.fill(0, at, at + 16);
    putHostU16(argument, at, AF_INET);
    putBe32(argument, at + 4, address);
    return 0;
  };
  /** The address goes, and comes again changed. */
  const changed = (change: Partial<InIfaddr>): number => {
    inetDelIfa(ifa);
    Object.assign(ifa, change);
    inetInsertIfa(ifa);
    return 0;
  };
  switch (request) {
    case SIOCGIFADDR:
      return answer(ifa.local);
    case SIOCGIFBRDADDR:
      return answer(ifa.broadcast);
    case SIOCGIFDSTADDR:
      return answer(ifa.address);
    case SIOCGIFNETMASK:
      return answer(ifa.mask);
    case SIOCSIFBRDADDR:
      return ifa.broadcast === given ? 0 : changed({ broadcast: given });
    case SIOCSIFDSTADDR:
      if (ifa.address === given) return 0;
      return inetAbcLen(given) < 0 ? -EINVAL : changed({ address: given });
    case SIOCSIFNETMASK: {
      const inverted = ~given >>> 0;
      if ((inverted & (inverted + 1)) >>> 0 !== 0) return -EINVAL;
      if (ifa.mask === given) return 0;
      const prefixlen = inetMaskLen(given);
      // A broadcast address that fitted the old mask follows; another one is left alone.
      const follows = dev.flags & IFF_BROADCAST && prefixlen < 31 && ifa.broadcast === (ifa.local | ~ifa.mask) >>> 0;
      const broadcast = follows ? (ifa.local | inverted) >>> 0 : ifa.broadcast;
      return changed({ mask: given, prefixlen, broadcast });
    }
    default:
      return -EINVAL;
  }
}

/** SIOCSIFADDR: a new address with this label, or the one that has it becomes another; 0.0.0.0 takes it away. */
function setAddress(dev: NetDevice, label: string, ifa: InIfaddr | undefined, given: number): number {
  const length = inetAbcLen(given);
  if (length < 0) return -EINVAL;
  if (ifa !== undefined) {
    if (ifa.local === given) return 0;
    inetDelIfa(ifa);
  }
  if (given === 0) return 0;
  const broadcast = dev.flags & IFF_BROADCAST && length < 31 ? (given | ~inetMakeMask(length)) >>> 0 : 0;
  return inetAddAddress(dev, given, length, { broadcast, label });
}

const ATF_COM = 2;
const ATF_PERM = 4;

/** struct arpreq: address, hardware address, flags, mask, device. */
function arpIoctl(net: Net, request: number, argument: Uint8Array): number {
  if (request !== SIOCGARP && !net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
  if (argument.length < 68) return -EFAULT;
  if (hostU16(argument, 0) !== AF_INET) return -EPFNOSUPPORT;
  const address = be32(argument, 4);
  const name = argument.subarray(52, 52 + 15);
  const end = name.indexOf(0);
  const text = decoder.decode(end < 0 ? name : name.subarray(0, end));
  let dev: NetDevice | null = null;
  if (text !== '') {
    dev = net.devByName.get(text) ?? null;
    if (dev === null) return -ENODEV;
  } else {
    const fl = new Flowi4();
    fl.daddr = address;
    const dst = ipRouteOutput(net, fl);
    if (typeof dst === 'number') return dst;
    dev = dst.dev;
  }
  const tbl = arpTbl(net);
  switch (request) {
    case SIOCGARP: {
      const neigh = neighLookup(tbl, dev, address);
      if (neigh === null) return -ENXIO;
      if (!(neigh.nudState & NUD_VALID)) return -ENXIO;
      argument.fill(0, 16, 32);
      putHostU16(argument, 16, dev.type);
      argument.set(neigh.ha, 18);
      putHostU32(argument, 32, neigh.nudState & NUD_PERMANENT ? ATF_COM | ATF_PERM : ATF_COM);
      argument.fill(0, 52, 68);
      argument.set(new TextEncoder().encode(dev.name), 52);
      return 0;
    }
    case SIOCSARP: {
      const neigh = neighCreate(tbl, dev, address, null);
      if (neigh === null) return -ENOBUFS;
      const permanent = (hostI32(argument, 32) & ATF_PERM) !== 0;
      neighUpdate(
        neigh,
        argument.slice(18, 18 + dev.addrLen),
        permanent ? NUD_PERMANENT : NUD_STALE,
        (NEIGH_UPDATE_F_OVERRIDE | NEIGH_UPDATE_F_ADMIN) >>> 0,
      );
      return 0;
    }
    default:
      return neighRemove(tbl, dev, address) ? 0 : -ENXIO;
  }
}
