import type { Net, NetDevice } from '../structs.ts';
import { IPV6_ADDR_LINKLOCAL, in6Key, ipv6AddrType } from './addr.ts';

/** Anycast addresses of devices (the reading half of net/ipv6/anycast.c); addrconf.ts and sockets join them. */

/** ipv6_chk_acast_addr: whether the address is an anycast address of the device, or with null of any. */
export function ipv6ChkAcastAddr(net: Net, dev: NetDevice | null, addr: Uint8Array): boolean {
  const key = in6Key(addr);
  if (dev !== null) return dev.ip6?.acList.has(key) ?? false;
  for (const one of net.devices.values()) if (one.ip6?.acList.has(key)) return true;
  return false;
}

/** ipv6_chk_acast_addr_src: link-local ones must be the device's own. */
export const ipv6ChkAcastAddrSrc = (net: Net, dev: NetDevice, addr: Uint8Array): boolean =>
  ipv6ChkAcastAddr(net, ipv6AddrType(addr) & IPV6_ADDR_LINKLOCAL ? dev : null, addr);
