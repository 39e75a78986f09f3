import { be16, be32 } from '../bytes/endian.ts';
import { EACCES, EAFNOSUPPORT, EINVAL, ENETUNREACH } from '../uapi/errno.ts';
import { hostU16 } from '../uapi/host.ts';
import { sockaddr_in } from '../uapi/in.ts';
import { RT_SCOPE_LINK, RT_SCOPE_UNIVERSE } from '../uapi/rtnetlink.ts';
import { AF_INET } from '../uapi/socket.ts';
import { FLOWI_FLAG_ANYSRC, Flowi4 } from './fib.ts';
import { ipv4IsMulticast } from './headers.ts';
import type { InetSock } from './inet-sock.ts';
import * as mib from './mib.ts';
import { ipRouteOutput, RTCF_BROADCAST } from './route.ts';
import {
  SOCK_BINDADDR_LOCK,
  SOCK_BINDPORT_LOCK,
  SOCK_BROADCAST,
  SOCK_LOCALROUTE,
  TCP_CLOSE,
  TCP_ESTABLISHED,
} from './sock.ts';
import { reuseportHasConnsSet } from './sock-reuseport.ts';
import type { Sock } from './structs.ts';

/** connect and disconnect of datagram sockets of IPv4 (net/ipv4/datagram.c). */

const flow = new Flowi4();

/** ip_sock_rt_scope */
export const sockScope = (sk: Sock): number => (sk.flags & SOCK_LOCALROUTE ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE);

export function ip4DatagramConnect(sk: Sock, address: Uint8Array): number {
  const inet = sk as InetSock;
  const { net } = sk;
  if (address.length < sockaddr_in.sizeof) return -EINVAL;
  if (hostU16(address, 0) !== AF_INET) return -EAFNOSUPPORT;
  sk.dst = null;
  const daddr = be32(address, sockaddr_in.sin_addr);
  const dport = be16(address, sockaddr_in.sin_port);
  const fl = flow;
  fl.oif = sk.boundDevIf;
  fl.saddr = inet.saddr;
  if (ipv4IsMulticast(daddr)) {
    if (fl.oif === 0) fl.oif = inet.mcIndex;
    if (fl.saddr === 0) fl.saddr = inet.mcAddr;
  } else if (fl.oif === 0) fl.oif = inet.ucIndex;
  fl.daddr = daddr;
  fl.iif = 0;
  fl.mark = sk.mark;
  fl.tos = inet.tos & 0x1c;
  fl.scope = sockScope(sk);
  fl.proto = sk.protocol;
  fl.flags = inet.transparent ? FLOWI_FLAG_ANYSRC : 0;
  fl.sport = inet.sport;
  fl.dport = dport;
  const { oif } = fl;
  const incomplete = daddr === 0 || fl.saddr === 0;
  let dst = ipRouteOutput(net, fl);
  if (incomplete && typeof dst !== 'number') {
    // ip_route_connect: the first look fills in the missing address, the second finds the way for both.
    fl.oif = oif;
    dst = ipRouteOutput(net, fl);
  }
  // The flow of a datagram under a cork is kept in the same place, and is overwritten: what is pending goes to the new
  // address by the old route.
  inet.cork.saddr = fl.saddr;
  inet.cork.daddr = fl.daddr;
  inet.cork.sport = fl.sport;
  inet.cork.dport = fl.dport;
  inet.inet6?.cork.overwriteByIpv4(fl);
  if (typeof dst === 'number') {
    if (dst === -ENETUNREACH) net.mib.ip[mib.IP_OUTNOROUTES]!++;
    return dst;
  }
  if (dst.rtFlags & RTCF_BROADCAST && !(sk.flags & SOCK_BROADCAST)) return -EACCES;
  inet.daddr = fl.daddr;
  inet.dport = dport;
  if (inet.saddr === 0) inet.saddr = fl.saddr;
  if (inet.rcvSaddr === 0) {
    inet.rcvSaddr = fl.saddr;
    sk.prot.rehash?.(sk);
  }
  reuseportHasConnsSet(inet);
  sk.state = TCP_ESTABLISHED;
  inet.ident = net.random() & 0xffff;
  sk.dst = dst;
  return 0;
}

/** __udp_disconnect, which raw sockets share. */
export function udpDisconnect(sk: Sock): number {
  const inet = sk as InetSock;
  sk.state = TCP_CLOSE;
  inet.daddr = 0;
  inet.dport = 0;
  sk.boundDevIf = 0;
  if (!(sk.userlocks & SOCK_BINDADDR_LOCK)) {
    inet.rcvSaddr = inet.saddr = 0;
    if (inet.inet6 !== null) {
      inet.inet6.rcvSaddr = new Uint8Array(16);
      inet.inet6.saddr = new Uint8Array(16);
    }
    if (sk.prot.rehash !== undefined && sk.userlocks & SOCK_BINDPORT_LOCK) sk.prot.rehash(sk);
  }
  if (!(sk.userlocks & SOCK_BINDPORT_LOCK)) {
    sk.prot.unhash?.(sk);
    inet.sport = 0;
  }
  sk.dst = null;
  return 0;
}
