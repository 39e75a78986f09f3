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
import { IFF_BROADCAST, IFNAMSIZ, ifreq } from '../uapi/if.ts';
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
  devAddAddress,
  devChangeFlags,
  devChangeName,
  devDelAddress,
  devGetFlags,
  devSetMacAddress,
  devSetMtu,
} from './dev.ts';
import { inetAddAddress, inetDelIfa } from './devinet.ts';
import { Flowi4 } from './fib.ts';
import { inetMaskLen } from './headers.ts';
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
import type { Net, NetDevice } from './structs.ts';

/** Requests of ioctl(2) about devices and addresses (net/core/dev_ioctl.c, net/ipv4/devinet.c, arp.c). */

export const ENOIOCTLCMD = 515;
const decoder = new TextDecoder();

/** The device that struct ifreq names; an alias (eth0:1) is its device. */
function named(net: Net, argument: Uint8Array): NetDevice | null {
  const bytes = argument.subarray(0, IFNAMSIZ - 1);
  const end = bytes.indexOf(0);
  const text = decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
  return net.devByName.get(text.split(':')[0]!) ?? null;
}

export function devIoctl(net: Net, request: number, argument: Uint8Array): number {
  const at = ifreq.ifr_ifru;
  if (request === SIOCGIFCONF) return -EINVAL; // its answer lies behind a pointer, which the contract does not carry
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

/** Requests of AF_INET: addresses by ioctl, flags, ARP entries. */
export function inetDevIoctl(net: Net, request: number, argument: Uint8Array): number {
  const at = ifreq.ifr_ifru;
  if (request === SIOCADDRT || request === SIOCDELRT) return net.cred.capable(CAP_NET_ADMIN) ? -EINVAL : -EPERM;
  if (request === SIOCDARP || request === SIOCGARP || request === SIOCSARP) return arpIoctl(net, request, argument);
  const reads = [SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK, SIOCGIFDSTADDR].includes(request);
  if (!reads) {
    if (!net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
    if (request !== SIOCSIFFLAGS && hostU16(argument, at) !== AF_INET) return -EINVAL;
  }
  const dev = named(net, argument);
  if (dev === null) return -ENODEV;
  if (request === SIOCSIFFLAGS) return devChangeFlags(dev, hostU16(argument, at));
  const ifa = dev.ip?.ifaList[0];
  const answer = (address: number): number => {
    argument.fill(0, at, at + 16);
    putHostU16(argument, at, AF_INET);
    putBe32(argument, at + 4, address);
    return 0;
  };
  const given = be32(argument, at + 4);
  if (ifa === undefined && request !== SIOCSIFADDR) return -EADDRNOTAVAIL;
  switch (request) {
    case SIOCGIFADDR:
      return answer(ifa!.local);
    case SIOCGIFBRDADDR:
      return answer(ifa!.broadcast);
    case SIOCGIFDSTADDR:
      return answer(ifa!.address);
    case SIOCGIFNETMASK:
      return answer(ifa!.mask);
    case SIOCSIFADDR: {
      // inet_abc_len: the class of the address decides the prefix.
      if (given === 0) {
        if (ifa !== undefined) inetDelIfa(ifa);
        return 0;
      }
      const length = given >>> 31 === 0 ? 8 : given >>> 30 === 2 ? 16 : given >>> 29 === 6 ? 24 : -1;
      if (length < 0) return -EINVAL;
      if (ifa !== undefined) inetDelIfa(ifa);
      const mask = (0xffffffff << (32 - length)) >>> 0;
      return inetAddAddress(dev, given, length, dev.flags & IFF_BROADCAST ? { broadcast: (given | ~mask) >>> 0 } : {});
    }
    case SIOCSIFBRDADDR: {
      const { local, prefixlen } = ifa!;
      inetDelIfa(ifa!);
      return inetAddAddress(dev, local, prefixlen, { broadcast: given });
    }
    case SIOCSIFNETMASK: {
      const inverted = ~given >>> 0;
      if ((inverted & (inverted + 1)) >>> 0 !== 0) return -EINVAL;
      const { local } = ifa!;
      const length = inetMaskLen(given);
      inetDelIfa(ifa!);
      return inetAddAddress(
        dev,
        local,
        length,
        dev.flags & IFF_BROADCAST && length < 31 ? { broadcast: (local | inverted) >>> 0 } : {},
      );
    }
    default:
      return -EINVAL;
  }
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
