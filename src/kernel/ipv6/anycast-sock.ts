import { CAP_NET_ADMIN } from '../../uapi/capability.ts';
import { EADDRNOTAVAIL, EINVAL, ENODEV, ENOENT, EPERM } from '../../uapi/errno.ts';
import { IFA_F_TENTATIVE } from '../../uapi/if_addr.ts';
import type { InetSock } from '../inet-sock.ts';
import type { NetDevice } from '../structs.ts';
import { in6Copy, in6Equal, ipv6AddrIsMulticast } from './addr.ts';
import { Flowi6 } from './flow.ts';
import { ipv6ChkAddrAndFlags, ipv6ChkPrefix } from './inet6-addr.ts';
import { ipv6DevAcDec, ipv6DevAcInc } from './inet6-ifaddr.ts';
import { ip6RouteOutput } from './route6.ts';

/** Anycast addresses that sockets join and leave, IPV6_JOIN_ANYCAST (the socket's half of net/ipv6/anycast.c). */

/** ipv6_sock_ac_join */
export function ipv6SockAcJoin(sk: InetSock, ifindex: number, addr: Uint8Array): number {
  const { net } = sk;
  if (!net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
  if (ipv6AddrIsMulticast(addr)) return -EINVAL;
  if (ipv6ChkAddrAndFlags(net, addr, null, true, IFA_F_TENTATIVE) !== null) return -EINVAL;
  let dev: NetDevice | null = net.devices.get(ifindex) ?? null;
  if (ifindex === 0) {
    const fl = new Flowi6();
    fl.daddr.set(addr);
    const dst = ip6RouteOutput(net, null, fl);
    if (dst.error !== 0) return -EADDRNOTAVAIL;
    dev = dst.idev6?.dev ?? dst.dev;
  }
  if (dev === null) return -ENODEV;
  const idev = dev.ip6;
  if (idev === null) return ifindex !== 0 ? -ENODEV : -EADDRNOTAVAIL;
  // A host takes the anycast addresses of its own prefixes alone.
  if (!ipv6ChkPrefix(addr, dev) && idev.cnf.forwarding === 0) return -EADDRNOTAVAIL;
  const error = ipv6DevAcInc(idev, addr);
  if (error === 0) sk.inet6!.acList.unshift({ addr: in6Copy(addr), ifindex: dev.ifindex });
  return error;
}

function leave(sk: InetSock, ac: { addr: Uint8Array; ifindex: number }): void {
  const idev = sk.net.devices.get(ac.ifindex)?.ip6;
  if (idev) ipv6DevAcDec(idev, ac.addr);
}

/** ipv6_sock_ac_drop */
export function ipv6SockAcDrop(sk: InetSock, ifindex: number, addr: Uint8Array): number {
  const { acList } = sk.inet6!;
  const at = acList.findIndex((ac) => (ifindex === 0 || ac.ifindex === ifindex) && in6Equal(ac.addr, addr));
  if (at < 0) return -ENOENT;
  leave(sk, acList.splice(at, 1)[0]!);
  return 0;
}

/** ipv6_sock_ac_close */
export function ipv6SockAcClose(sk: InetSock): void {
  for (const ac of sk.inet6!.acList.splice(0)) leave(sk, ac);
}
