import { hostI32, hostU16, putHostU16, putHostU32 } from './host.ts';

/** linux/if.h: flags of devices, and struct ifreq for ioctl(2) (netdevice(7)). IFF_LOWER_UP and above do not fit into the
 * 16 bits of ifr_flags; rtnetlink gives them. */

export const IFNAMSIZ = 16;

export const IFF_UP = 0x1;
export const IFF_BROADCAST = 0x2;
export const IFF_DEBUG = 0x4;
export const IFF_LOOPBACK = 0x8;
export const IFF_POINTOPOINT = 0x10;
export const IFF_NOTRAILERS = 0x20;
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
export const IFF_MASTER = 0x400;
export const IFF_SLAVE = 0x800;
export const IFF_MULTICAST = 0x1000;
export const IFF_PORTSEL = 0x2000;
export const IFF_AUTOMEDIA = 0x4000;
export const IFF_DYNAMIC = 0x8000;
export const IFF_LOWER_UP = 0x10000;
export const IFF_DORMANT = 0x20000;
export const IFF_ECHO = 0x40000;

// ifr_name is a macro for ifr_ifrn.ifrn_name; the union ifr_ifru follows it.
export const ifreq = { sizeof: 40, ifr_name: 0, ifr_ifru: 16 } as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** struct ifreq for the device `name`, the union zeroed. Throws RangeError for a name that no device can have. */
export function encodeIfreq(name: string): Uint8Array {
  const bytes = new Uint8Array(ifreq.sizeof);
  const encoded = encoder.encode(name);
  if (encoded.length >= IFNAMSIZ || encoded.includes(0))
    throw new RangeError(`interface name '${name}': at most ${IFNAMSIZ - 1} bytes, none of them NUL`);
  bytes.set(encoded, ifreq.ifr_name);
  return bytes;
}

export const ifreqName = (bytes: Uint8Array): string => {
  const name = bytes.subarray(ifreq.ifr_name, ifreq.ifr_name + IFNAMSIZ);
  const end = name.indexOf(0);
  return decoder.decode(end < 0 ? name : name.subarray(0, end));
};

/** ifr_ifindex, ifr_mtu, ifr_metric, ifr_qlen: the union as an int. */
export const ifreqInt = (bytes: Uint8Array): number => hostI32(bytes, ifreq.ifr_ifru);
export const putIfreqInt = (bytes: Uint8Array, value: number): void => putHostU32(bytes, ifreq.ifr_ifru, value);

/** ifr_flags: IFF_ bits, 16 of them. */
export const ifreqFlags = (bytes: Uint8Array): number => hostU16(bytes, ifreq.ifr_ifru);
export const putIfreqFlags = (bytes: Uint8Array, flags: number): void => putHostU16(bytes, ifreq.ifr_ifru, flags);

/** The union as struct sockaddr (ifr_addr, ifr_hwaddr and the like): 16 bytes, a view. For SIOCGIFHWADDR its family is
 * the ARPHRD_ type and the address follows it. */
export const ifreqSockaddr = (bytes: Uint8Array): Uint8Array =>
  bytes.subarray(ifreq.ifr_ifru, ifreq.ifr_ifru + SOCKADDR_SIZE);

/** sizeof(struct sockaddr) */
const SOCKADDR_SIZE = 16;
