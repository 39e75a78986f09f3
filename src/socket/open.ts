import type { SystemCalls } from '../syscall/contract.ts';
import { IPPROTO_ICMP } from '../uapi/in.ts';
import { IPPROTO_ICMPV6 } from '../uapi/in6.ts';
import { AF_INET, AF_INET6, SOCK_DGRAM, SOCK_RAW } from '../uapi/socket.ts';
import { Socket } from './socket.ts';

/** Sockets by what they are for, on either kernel. Each throws SystemError: EACCES or EPERM without the privilege,
 * EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT. */

export interface InetOptions {
  /** Default: that of `address`, else ipv4. */
  family?: 'ipv4' | 'ipv6';
  /** To bind to; default: any. */
  address?: string;
  /** To bind to; default: one that the kernel chooses, when it is first needed. */
  port?: number;
  /** Index of the link that an address of one link is on. */
  scopeId?: number;
}

const familyOf = ({ family, address }: InetOptions): 'ipv4' | 'ipv6' =>
  family ?? (address?.includes(':') ? 'ipv6' : 'ipv4');

function open(calls: SystemCalls, type: number, protocol: number, options: InetOptions): Socket {
  const family = familyOf(options);
  const socket = Socket.open(calls, family === 'ipv4' ? AF_INET : AF_INET6, type, protocol);
  if (options.address === undefined && options.port === undefined) return socket;
  const port = options.port ?? 0;
  try {
    if (family === 'ipv4') socket.bind({ family, address: options.address ?? '0.0.0.0', port });
    else socket.bind({ family, address: options.address ?? '::', port, scopeId: options.scopeId ?? 0 });
  } catch (error) {
    socket.close();
    throw error;
  }
  return socket;
}

/** udp(7), bound where that was asked for. */
export const udpSocket = (calls: SystemCalls, options: InetOptions = {}): Socket => open(calls, SOCK_DGRAM, 0, options);

/** A socket that sends echo requests and gets their answers alone (icmp(7)); the kernel fills in identifier and checksum.
 * Needs no privilege where net.ipv4.ping_group_range has the caller's group. */
export const pingSocket = (calls: SystemCalls, options: InetOptions = {}): Socket =>
  open(calls, SOCK_DGRAM, familyOf(options) === 'ipv4' ? IPPROTO_ICMP : IPPROTO_ICMPV6, options);

/** raw(7): packets of an IP protocol, as they come and with the kernel's header on sending. Needs CAP_NET_RAW. */
export const rawSocket = (calls: SystemCalls, protocol: number, options: InetOptions = {}): Socket =>
  open(calls, SOCK_RAW, protocol, options);
