import { be16, be32, putBe16, putBe32 } from '../bytes/endian.ts';
import { CAP_NET_ADMIN, CAP_NET_RAW } from '../uapi/capability.ts';
import { EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM } from '../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from '../uapi/host.ts';
import {
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_BIND_ADDRESS_NO_PORT,
  IP_BLOCK_SOURCE,
  IP_CHECKSUM,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IP_FREEBIND,
  IP_HDRINCL,
  IP_IPSEC_POLICY,
  IP_LOCAL_PORT_RANGE,
  IP_MINTTL,
  IP_MSFILTER,
  IP_MTU,
  IP_MTU_DISCOVER,
  IP_MULTICAST_ALL,
  IP_MULTICAST_IF,
  IP_MULTICAST_LOOP,
  IP_MULTICAST_TTL,
  IP_NODEFRAG,
  IP_OPTIONS,
  IP_ORIGDSTADDR,
  IP_PASSSEC,
  IP_PKTINFO,
  IP_PKTOPTIONS,
  IP_PMTUDISC_DONT,
  IP_PMTUDISC_OMIT,
  IP_PROTOCOL,
  IP_RECVERR,
  IP_RECVERR_RFC4884,
  IP_RECVFRAGSIZE,
  IP_RECVOPTS,
  IP_RECVORIGDSTADDR,
  IP_RECVTOS,
  IP_RECVTTL,
  IP_RETOPTS,
  IP_ROUTER_ALERT,
  IP_TOS,
  IP_TRANSPARENT,
  IP_TTL,
  IP_UNBLOCK_SOURCE,
  IP_UNICAST_IF,
  IP_XFRM_POLICY,
  IPPROTO_RAW,
  in_pktinfo,
  ip_mreqn,
  sockaddr_in,
} from '../uapi/in.ts';
import { IPV6_PKTINFO, in6_pktinfo } from '../uapi/in6.ts';
import { AF_INET, AF_INET6, MSG_CTRUNC, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_IPV6, SOL_SOCKET } from '../uapi/socket.ts';
import { ipDevFind } from './devinet.ts';
import { daddrOf, IPH_TOS, IPH_TTL, IPHDR_LEN, ipv4IsMulticast } from './headers.ts';
import { ipMcJoinGroup, ipMcLeaveGroup, ipMcMsfilter, ipMcSource } from './igmp.ts';
import {
  type InetSock,
  IP_CMSG_CHECKSUM,
  IP_CMSG_ORIGDSTADDR,
  IP_CMSG_PASSSEC,
  IP_CMSG_PKTINFO,
  IP_CMSG_RECVFRAGSIZE,
  IP_CMSG_RECVOPTS,
  IP_CMSG_RETOPTS,
  IP_CMSG_TOS,
  IP_CMSG_TTL,
} from './inet-sock.ts';
import { forEachCmsg, putCmsg, putCmsgInt } from './iov.ts';
import { rtTos2priority } from './ip-forward.ts';
import { ipv4Sysctl } from './ip-header.ts';
import { ipOptionsEcho, ipOptionsGet, ipOptionsUndo } from './ip-options.ts';
import { ipv6AddrV4Mapped } from './ipv6/addr.ts';
import { dst6Mtu } from './ipv6/route6.ts';
import { dstMtu, fibComputeSpecDst, inetIif } from './route.ts';
import { skbQueuePurge } from './skbuff.ts';
import { type SockcmCookie, sockCmsgSend } from './sock.ts';
import { putOption } from './sock-options.ts';
import { CHECKSUM_COMPLETE, type NetDevice, type SkBuff, type Sock } from './structs.ts';
import { IpOptions, type Msghdr } from './structs-plain.ts';

/** Options of level SOL_IP, control messages and the error queue (net/ipv4/ip_sockglue.c). */

/** What one message is to be sent with (struct ipcm_cookie). */
export class IpcmCookie implements SockcmCookie {
  addr = 0;
  oif = 0;
  opt: IpOptions | null = null;
  protocol = 0;
  ttl = 0;
  tos = -1;
  priority = 0;
  mark = 0;
  tsflags = 0;
  transmitTime = 0;
  gsoSize = 0;

  /** ipcm_init_sk */
  init(sk: InetSock): void {
    this.addr = sk.saddr;
    this.oif = sk.boundDevIf;
    this.opt = null;
    this.protocol = sk.num;
    this.ttl = 0;
    this.tos = -1;
    this.priority = sk.priority;
    this.mark = sk.mark;
    this.tsflags = sk.tsflags;
    this.transmitTime = 0;
    this.gsoSize = 0;
  }
}

/** ip_cmsg_send: what the control messages ask for; 0 or -errno. */
export function ipCmsgSend(sk: InetSock, msg: Msghdr, ipc: IpcmCookie): number {
  const { net } = sk;
  return forEachCmsg(msg, EINVAL, (level, type, control, at, length) => {
    if (level === SOL_IPV6 && type === IPV6_PKTINFO && sk.family === AF_INET6) {
      // A mapped address, named as a native one would be.
      if (length < in6_pktinfo.sizeof || !ipv6AddrV4Mapped(control, at)) return -EINVAL;
      ipc.oif = hostI32(control, at + in6_pktinfo.ipi6_ifindex) || ipc.oif;
      ipc.addr = be32(control, at + 12);
      return 0;
    }
    if (level === SOL_SOCKET) return sockCmsgSend(sk, type, control, at, length, ipc);
    if (level !== SOL_IP) return 0;
    switch (type) {
      case IP_RETOPTS: {
        const opt = ipOptionsGet(net, control.subarray(at, at + Math.min(length, 40)));
        if (typeof opt === 'number') return opt;
        ipc.opt = opt;
        return 0;
      }
      case IP_PKTINFO:
        if (length !== in_pktinfo.sizeof) return -EINVAL;
        ipc.oif = hostI32(control, at + in_pktinfo.ipi_ifindex) || ipc.oif;
        ipc.addr = be32(control, at + in_pktinfo.ipi_spec_dst);
        return 0;
      case IP_TTL: {
        if (length !== 4) return -EINVAL;
        const ttl = hostI32(control, at);
        if (ttl < 1 || ttl > 255) return -EINVAL;
        ipc.ttl = ttl;
        return 0;
      }
      case IP_TOS: {
        let tos: number;
        if (length === 4) tos = hostI32(control, at);
        else if (length === 1) tos = control[at]!;
        else return -EINVAL;
        if (tos < 0 || tos > 255) return -EINVAL;
        ipc.tos = tos;
        ipc.priority = rtTos2priority(tos);
        return 0;
      }
      case IP_PROTOCOL: {
        if (length !== 4) return -EINVAL;
        const protocol = hostI32(control, at);
        if (protocol < 1 || protocol > 255) return -EINVAL;
        ipc.protocol = protocol;
        return 0;
      }
      default:
        return -EINVAL;
    }
  });
}

const pktinfo = new Uint8Array(in_pktinfo.sizeof);
const oneByte = new Uint8Array(1);

/** ipv4_pktinfo_prepare: what the packet's route says is kept before the route goes. */
export function ipv4PktinfoPrepare(sk: InetSock, skb: SkBuff): void {
  if (sk.cmsgFlags & IP_CMSG_PKTINFO || (sk.inet6 !== null && sk.inet6.rxopt & 3)) {
    const { net } = sk;
    if (skb.iif === net.loopbackDev.ifindex) skb.iif = inetIif(skb);
    skb.specDst = skb.dst === null ? 0 : fibComputeSpecDst(net, skb);
  } else {
    skb.iif = 0;
    skb.specDst = 0;
  }
}

/** ip_cmsg_recv: what the socket asked to hear with each packet. */
export function ipCmsgRecv(sk: InetSock, msg: Msghdr, skb: SkBuff): void {
  const flags = sk.cmsgFlags;
  const { head } = skb;
  const at = skb.networkHeader;
  if (flags & IP_CMSG_PKTINFO) {
    putHostU32(pktinfo, in_pktinfo.ipi_ifindex, skb.iif);
    putBe32(pktinfo, in_pktinfo.ipi_spec_dst, skb.specDst);
    putBe32(pktinfo, in_pktinfo.ipi_addr, daddrOf(head, at));
    putCmsg(msg, SOL_IP, IP_PKTINFO, pktinfo);
  }
  if (flags & IP_CMSG_TTL) putCmsgInt(msg, SOL_IP, IP_TTL, head[at + IPH_TTL]!);
  if (flags & IP_CMSG_TOS) {
    oneByte[0] = head[at + IPH_TOS]!;
    putCmsg(msg, SOL_IP, IP_TOS, oneByte);
  }
  if (flags & IP_CMSG_RECVOPTS && skb.opt !== null && skb.opt.optlen > 0)
    putCmsg(msg, SOL_IP, IP_RECVOPTS, head.subarray(at + IPHDR_LEN, at + IPHDR_LEN + skb.opt.optlen));
  if (flags & IP_CMSG_RETOPTS && skb.opt !== null && skb.opt.optlen > 0) {
    const opt = ipOptionsEcho(sk.net, skb);
    if (typeof opt === 'number') msg.flags |= MSG_CTRUNC;
    else if (opt !== null) {
      ipOptionsUndo(opt);
      putCmsg(msg, SOL_IP, IP_RETOPTS, opt.data);
    }
  }
  // The ports must be there, whatever the protocol.
  if (flags & IP_CMSG_ORIGDSTADDR && skb.tail - skb.transportHeader >= 4) {
    const sin = new Uint8Array(sockaddr_in.sizeof);
    putHostU16(sin, sockaddr_in.sin_family, AF_INET);
    putBe32(sin, sockaddr_in.sin_addr, daddrOf(head, at));
    const ports = skb.transportHeader;
    putBe16(sin, sockaddr_in.sin_port, be16(head, ports + 2));
    putCmsg(msg, SOL_IP, IP_ORIGDSTADDR, sin);
  }
  if (flags & IP_CMSG_CHECKSUM && skb.ipSummed === CHECKSUM_COMPLETE) {
    // A __wsum is in network order, whatever the machine's.
    putCmsgInt(msg, SOL_IP, IP_CHECKSUM, ((skb.csum & 0xff) << 8) | (skb.csum >>> 8));
  }
  if (flags & IP_CMSG_RECVFRAGSIZE && skb.fragMaxSize > 0) putCmsgInt(msg, SOL_IP, IP_RECVFRAGSIZE, skb.fragMaxSize);
}

/** Writes a struct sockaddr_in. */
export function putSockaddrIn(bytes: Uint8Array, at: number, address: number, port: number): void {
  putHostU16(bytes, at + sockaddr_in.sin_family, AF_INET);
  putBe16(bytes, at + sockaddr_in.sin_port, port);
  putBe32(bytes, at + sockaddr_in.sin_addr, address);
  for (let i = 8; i < 16; i++) bytes[at + i] = 0;
}

// ---- options ----

// Protocol-independent multicast options of linux/in.h, with struct group_req, group_source_req and group_filter.
const MCAST_JOIN_GROUP = 42;
const MCAST_BLOCK_SOURCE = 43;
const MCAST_UNBLOCK_SOURCE = 44;
const MCAST_LEAVE_GROUP = 45;
const MCAST_JOIN_SOURCE_GROUP = 46;
const MCAST_LEAVE_SOURCE_GROUP = 47;
const MCAST_MSFILTER = 48;
const GROUP_REQ = 136;
const GROUP_SOURCE_REQ = 264;
const GROUP_FILTER = 144;

const CMSG_OPTIONS: Record<number, number> = {
  [IP_PKTINFO]: IP_CMSG_PKTINFO,
  [IP_RECVTTL]: IP_CMSG_TTL,
  [IP_RECVTOS]: IP_CMSG_TOS,
  [IP_RECVOPTS]: IP_CMSG_RECVOPTS,
  [IP_RETOPTS]: IP_CMSG_RETOPTS,
  [IP_PASSSEC]: IP_CMSG_PASSSEC,
  [IP_RECVORIGDSTADDR]: IP_CMSG_ORIGDSTADDR,
  [IP_RECVFRAGSIZE]: IP_CMSG_RECVFRAGSIZE,
};

/** do_ip_setsockopt */
export function ipSetsockopt(sk: Sock, level: number, name: number, value: Uint8Array): number {
  if (level !== SOL_IP) return -ENOPROTOOPT;
  const inet = sk as InetSock;
  const { net } = sk;
  const { cred } = net;
  const { length } = value;
  const val = length >= 4 ? hostI32(value, 0) : length >= 1 ? value[0]! : 0;
  const on = val !== 0;
  const cmsg = CMSG_OPTIONS[name];
  if (cmsg !== undefined) {
    if (on) inet.cmsgFlags |= cmsg;
    else inet.cmsgFlags &= ~cmsg;
    return 0;
  }
  switch (name) {
    case IP_CHECKSUM:
      if (on) inet.cmsgFlags |= IP_CMSG_CHECKSUM;
      else inet.cmsgFlags &= ~IP_CMSG_CHECKSUM;
      return 0;
    case IP_RECVERR:
      inet.recverr = on;
      if (!on) skbQueuePurge(sk.errorQueue);
      return 0;
    case IP_RECVERR_RFC4884:
      if (val < 0 || val > 1) return -EINVAL;
      inet.recverrRfc4884 = on;
      return 0;
    case IP_FREEBIND:
      if (length < 1) return -EINVAL;
      inet.freebind = on;
      return 0;
    case IP_HDRINCL:
      if (sk.type !== SOCK_RAW) return -ENOPROTOOPT;
      inet.hdrincl = on;
      return 0;
    case IP_NODEFRAG:
      if (sk.type !== SOCK_RAW) return -ENOPROTOOPT;
      inet.nodefrag = on;
      return 0;
    case IP_BIND_ADDRESS_NO_PORT:
      inet.bindAddressNoPort = on;
      return 0;
    case IP_MULTICAST_ALL:
      if (length < 1) return -EINVAL;
      if (val !== 0 && val !== 1) return -EINVAL;
      inet.mcAll = on;
      return 0;
    case IP_MULTICAST_LOOP:
      if (length < 1) return -EINVAL;
      inet.mcLoop = on;
      return 0;
    case IP_TRANSPARENT:
      if (on && !cred.capable(CAP_NET_RAW) && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (length < 1) return -EINVAL;
      inet.transparent = on;
      return 0;
    case IP_OPTIONS: {
      if (length > 40) return -EINVAL;
      const opt = ipOptionsGet(net, value);
      if (typeof opt === 'number') return opt;
      inet.opt = opt.optlen > 0 ? opt : null;
      return 0;
    }
    case IP_TOS:
      if ((val & 0xff) !== inet.tos) {
        inet.tos = val & 0xff;
        sk.priority = rtTos2priority(val & 0xff);
        sk.dst = null;
      }
      return 0;
    case IP_TTL:
      if (length < 1) return -EINVAL;
      if (val !== -1 && (val < 1 || val > 255)) return -EINVAL;
      inet.ucTtl = val;
      return 0;
    case IP_MINTTL:
      if (length < 1) return -EINVAL;
      if (val < 0 || val > 255) return -EINVAL;
      inet.minTtl = val;
      return 0;
    case IP_MTU_DISCOVER:
      if (val < IP_PMTUDISC_DONT || val > IP_PMTUDISC_OMIT) return -EINVAL;
      inet.pmtudisc = val;
      return 0;
    case IP_MULTICAST_TTL: {
      if (sk.type === SOCK_STREAM) return -EINVAL;
      if (length < 1) return -EINVAL;
      const ttl = val === -1 ? 1 : val;
      if (ttl < 0 || ttl > 255) return -EINVAL;
      inet.mcTtl = ttl;
      return 0;
    }
    case IP_UNICAST_IF: {
      if (length !== 4) return -EINVAL;
      const ifindex = be32(value, 0);
      if (ifindex === 0) {
        inet.ucIndex = 0;
        return 0;
      }
      const dev = net.devices.get(ifindex);
      if (dev === undefined) return -EADDRNOTAVAIL;
      if (sk.boundDevIf !== 0) return -EINVAL;
      inet.ucIndex = ifindex;
      return 0;
    }
    case IP_MULTICAST_IF:
      return setMulticastIf(inet, value);
    case IP_ADD_MEMBERSHIP:
    case IP_DROP_MEMBERSHIP: {
      if (length < 8) return -EINVAL;
      const group = be32(value, 0);
      const address = be32(value, 4);
      const ifindex = length >= ip_mreqn.sizeof ? hostI32(value, ip_mreqn.imr_ifindex) : 0;
      return name === IP_ADD_MEMBERSHIP
        ? ipMcJoinGroup(inet, group, address, ifindex)
        : ipMcLeaveGroup(inet, group, address, ifindex);
    }
    case IP_ADD_SOURCE_MEMBERSHIP:
    case IP_DROP_SOURCE_MEMBERSHIP:
    case IP_BLOCK_SOURCE:
    case IP_UNBLOCK_SOURCE:
      // struct ip_mreq_source: group, interface, source.
      if (length !== 12) return -EINVAL;
      return ipMcSource(inet, name, be32(value, 0), be32(value, 4), be32(value, 8));
    case IP_ROUTER_ALERT:
      if (sk.type !== SOCK_RAW || inet.num === IPPROTO_RAW) return -EINVAL;
      if (inet.routerAlert === on) return on ? -EADDRINUSE : -ENOBUFS;
      inet.routerAlert = on;
      return 0;
    case IP_IPSEC_POLICY:
    case IP_XFRM_POLICY:
      // No IPsec: nothing to take off succeeds, anything else is not understood.
      if (!cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (length === 0) return 0;
      return name === IP_XFRM_POLICY && sk.family === AF_INET ? -EINVAL : -EOPNOTSUPP;
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP: {
      // struct group_req: an index, and a socket address at 8.
      if (length < GROUP_REQ) return -EINVAL;
      if (hostU16(value, 8) !== AF_INET) return -EINVAL;
      const group = be32(value, 12);
      const ifindex = hostI32(value, 0);
      return name === MCAST_JOIN_GROUP
        ? ipMcJoinGroup(inet, group, 0, ifindex)
        : ipMcLeaveGroup(inet, group, 0, ifindex);
    }
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE: {
      if (length !== GROUP_SOURCE_REQ) return -EINVAL;
      if (hostU16(value, 8) !== AF_INET || hostU16(value, GROUP_REQ) !== AF_INET) return -EADDRNOTAVAIL;
      const same = {
        [MCAST_JOIN_SOURCE_GROUP]: IP_ADD_SOURCE_MEMBERSHIP,
        [MCAST_LEAVE_SOURCE_GROUP]: IP_DROP_SOURCE_MEMBERSHIP,
        [MCAST_BLOCK_SOURCE]: IP_BLOCK_SOURCE,
        [MCAST_UNBLOCK_SOURCE]: IP_UNBLOCK_SOURCE,
      }[name];
      return ipMcSource(inet, same, be32(value, 12), 0, be32(value, GROUP_REQ + 4), hostI32(value, 0));
    }
    case IP_MSFILTER: {
      // struct ip_msfilter: group, interface, mode, count, sources.
      if (length < 16) return -EINVAL;
      const count = hostU32(value, 12);
      if (count >= 0x1ffffff0 || count > ipv4Sysctl(net).igmpMaxMsf) return -ENOBUFS;
      if (length < 16 + count * 4) return -EINVAL;
      const sources = Array.from({ length: count }, (_, i) => be32(value, 16 + i * 4));
      return ipMcMsfilter(inet, be32(value, 0), be32(value, 4), hostU32(value, 8), sources);
    }
    case MCAST_MSFILTER:
      return length < GROUP_FILTER ? -EINVAL : -EADDRNOTAVAIL;
    case IP_LOCAL_PORT_RANGE: {
      if (length !== 4) return -EINVAL;
      const low = val & 0xffff;
      const high = val >>> 16;
      if (low !== 0 && high !== 0 && low > high) return -EINVAL;
      inet.localPortRange = val;
      return 0;
    }
    default:
      return -ENOPROTOOPT;
  }
}

function setMulticastIf(inet: InetSock, value: Uint8Array): number {
  const { net } = inet;
  if (inet.type === SOCK_STREAM) return -EINVAL;
  if (value.length < 4) return -EINVAL;
  let address: number;
  let ifindex = 0;
  if (value.length >= ip_mreqn.sizeof) {
    address = be32(value, ip_mreqn.imr_address);
    ifindex = hostI32(value, ip_mreqn.imr_ifindex);
  } else if (value.length >= 8) address = be32(value, 4);
  else address = be32(value, 0);
  let dev: NetDevice | null;
  if (ifindex === 0) {
    if (address === 0) {
      inet.mcIndex = 0;
      inet.mcAddr = 0;
      return 0;
    }
    dev = ipDevFind(net, address);
    if (dev !== null) ifindex = dev.ifindex;
  } else dev = net.devices.get(ifindex) ?? null;
  if (dev === null) return -EADDRNOTAVAIL;
  if (inet.boundDevIf !== 0 && ifindex !== inet.boundDevIf) return -EINVAL;
  inet.mcIndex = ifindex;
  inet.mcAddr = address;
  return 0;
}

const answer = new Uint8Array(48);

/** do_ip_getsockopt */
export function ipGetsockopt(sk: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  if (level !== SOL_IP) return -EOPNOTSUPP;
  const inet = sk as InetSock;
  const len = length[0]!;
  if (len < 0) return -EINVAL;
  let val: number;
  const cmsg = CMSG_OPTIONS[name];
  if (cmsg !== undefined) val = inet.cmsgFlags & cmsg ? 1 : 0;
  else
    switch (name) {
      case IP_CHECKSUM:
        val = inet.cmsgFlags & IP_CMSG_CHECKSUM ? 1 : 0;
        break;
      case IP_OPTIONS: {
        if (inet.opt === null) {
          length[0] = 0;
          return 0;
        }
        const copy = Object.assign(new IpOptions(), inet.opt, { data: inet.opt.data.slice() });
        ipOptionsUndo(copy);
        return putOption(copy.data, copy.optlen, value, length);
      }
      case IP_RECVERR:
        val = inet.recverr ? 1 : 0;
        break;
      case IP_RECVERR_RFC4884:
        val = inet.recverrRfc4884 ? 1 : 0;
        break;
      case IP_FREEBIND:
        val = inet.freebind ? 1 : 0;
        break;
      case IP_HDRINCL:
        val = inet.hdrincl ? 1 : 0;
        break;
      case IP_NODEFRAG:
        val = inet.nodefrag ? 1 : 0;
        break;
      case IP_BIND_ADDRESS_NO_PORT:
        val = inet.bindAddressNoPort ? 1 : 0;
        break;
      case IP_MULTICAST_ALL:
        val = inet.mcAll ? 1 : 0;
        break;
      case IP_MULTICAST_LOOP:
        val = inet.mcLoop ? 1 : 0;
        break;
      case IP_TRANSPARENT:
        val = inet.transparent ? 1 : 0;
        break;
      case IP_ROUTER_ALERT:
        val = inet.routerAlert ? 1 : 0;
        break;
      case IP_TOS:
        val = inet.tos;
        break;
      case IP_TTL:
        val = inet.ucTtl < 0 ? ipv4Sysctl(sk.net).defaultTtl : inet.ucTtl;
        break;
      case IP_MINTTL:
        val = inet.minTtl;
        break;
      case IP_MTU_DISCOVER:
        val = inet.pmtudisc;
        break;
      case IP_MTU:
        if (sk.dst === null) return -ENOTCONN;
        val = sk.dst.idev6 !== null ? dst6Mtu(sk.dst) : dstMtu(sk.net, sk.dst);
        break;
      case IP_MULTICAST_TTL:
        val = inet.mcTtl;
        break;
      case IP_UNICAST_IF:
        putBe32(answer, 0, inet.ucIndex);
        val = hostI32(answer, 0);
        break;
      case IP_MULTICAST_IF:
        putBe32(answer, 0, inet.mcAddr);
        return putOption(answer, 4, value, length);
      case IP_LOCAL_PORT_RANGE:
        val = inet.localPortRange;
        break;
      case IP_PROTOCOL:
        val = inet.num;
        break;
      case IP_MSFILTER:
      case MCAST_MSFILTER:
        if (len < (name === IP_MSFILTER ? 16 : GROUP_FILTER)) return -EINVAL;
        if (!ipv4IsMulticast(be32(value, name === IP_MSFILTER ? 0 : 12))) return -EINVAL;
        return -EADDRNOTAVAIL;
      case IP_PKTOPTIONS:
        return -ENOPROTOOPT;
      default:
        return -ENOPROTOOPT;
    }
  // A short buffer gets one byte where that holds the value.
  if (len < 4 && len > 0 && val >= 0 && val <= 255) {
    value[0] = val;
    length[0] = 1;
    return 0;
  }
  putHostU32(answer, 0, val);
  return putOption(answer, 4, value, length);
}
