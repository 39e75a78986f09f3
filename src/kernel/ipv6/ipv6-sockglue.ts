import { be32, putBe32 } from '../../bytes/endian.ts';
import { CAP_NET_ADMIN, CAP_NET_RAW } from '../../uapi/capability.ts';
import {
  EADDRINUSE,
  EADDRNOTAVAIL,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOBUFS,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
} from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from '../../uapi/host.ts';
import { IPPROTO_RAW, IPPROTO_UDP, IPPROTO_UDPLITE } from '../../uapi/in.ts';
import * as IN6 from '../../uapi/in6.ts';
import { in6_pktinfo, ipv6_mreq, sockaddr_in6 } from '../../uapi/in6.ts';
import { AF_INET, AF_INET6, SOCK_RAW, SOCK_STREAM, SOL_IP, SOL_IPV6 } from '../../uapi/socket.ts';
import type { Inet6SockFields, InetSock } from '../inet-sock.ts';
import * as S from '../inet-sock.ts';
import { ipGetsockopt, ipSetsockopt } from '../ip-sockglue.ts';
import { dstMtu } from '../route.ts';
import { skbQueuePurge } from '../skbuff.ts';
import { TCP_ESTABLISHED } from '../sock.ts';
import { putOption } from '../sock-options.ts';
import type { Net, Proto, ProtoOps, Sock } from '../structs.ts';
import { Msghdr } from '../structs-plain.ts';
import { in6Copy, in6Equal, ipv6AddrV4Mapped } from './addr.ts';
import { ipv6SockAcClose, ipv6SockAcDrop, ipv6SockAcJoin } from './anycast-sock.ts';
import { ip6DatagramSendCtl, ipcm6InitSk } from './datagram6.ts';
import { IP6_MTUINFO_SIZE } from './error-queue6.ts';
import { Flowi6, Ipcm6Cookie, type Ipv6TxOptions } from './flow.ts';
import { IPV6_PREFER_SRC_COA, IPV6_PREFER_SRC_PUBLIC, IPV6_PREFER_SRC_TMP } from './inet6-addr.ts';
import { ip6Autoflowlabel } from './ip6-append.ts';
import { ipv6, ipv6Sysctl } from './ipv6.ts';
import {
  ip6McMsfilter,
  ip6McSource,
  ipv6SockMcClose,
  ipv6SockMcDrop,
  ipv6SockMcJoin,
  MCAST_EXCLUDE,
  MCAST_INCLUDE,
} from './mcast6.ts';
import { dst6Mtu, IPV6_MIN_MTU, ip6DstHoplimit } from './route6.ts';

/** Options of level SOL_IPV6 (net/ipv6/ipv6_sockglue.c). */

const IPV6_SRCRT_TYPE_4 = 4;
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
const STORAGE = 128;
const GR_GROUP = 8;
const GF_FMODE = 136;
const GF_NUMSRC = 140;

// Bits of IPV6_ADDR_PREFERENCES beside those of inet6-addr.ts.
const IPV6_PREFER_SRC_PUBTMP_DEFAULT = 0x100;
const IPV6_PREFER_SRC_HOME = 0x400;
const IPV6_PREFER_SRC_CGA = 8;
const IPV6_PREFER_SRC_NONCGA = 0x800;

/** Options that switch what is told with each packet: the bit, and whether a value must be there. */
const RXOPTS: Record<number, number> = {
  [IN6.IPV6_RECVPKTINFO]: S.RXOPT_RXINFO,
  [IN6.IPV6_2292PKTINFO]: S.RXOPT_RXOINFO,
  [IN6.IPV6_RECVHOPLIMIT]: S.RXOPT_RXHLIM,
  [IN6.IPV6_2292HOPLIMIT]: S.RXOPT_RXOHLIM,
  [IN6.IPV6_RECVRTHDR]: S.RXOPT_SRCRT,
  [IN6.IPV6_2292RTHDR]: S.RXOPT_OSRCRT,
  [IN6.IPV6_RECVHOPOPTS]: S.RXOPT_HOPOPTS,
  [IN6.IPV6_2292HOPOPTS]: S.RXOPT_OHOPOPTS,
  [IN6.IPV6_RECVDSTOPTS]: S.RXOPT_DSTOPTS,
  [IN6.IPV6_2292DSTOPTS]: S.RXOPT_ODSTOPTS,
  [IN6.IPV6_RECVTCLASS]: S.RXOPT_RXTCLASS,
  [IN6.IPV6_FLOWINFO]: S.RXOPT_RXFLOW,
  [IN6.IPV6_RECVPATHMTU]: S.RXOPT_RXPMTU,
  [IN6.IPV6_RECVORIGDSTADDR]: S.RXOPT_RXORIGDSTADDR,
  [IN6.IPV6_RECVFRAGSIZE]: S.RXOPT_RECVFRAGSIZE,
};

/** Options whose value must be an int, for which anything shorter is EINVAL. */
const NEEDS_INT = new Set<number>([
  IN6.IPV6_UNICAST_HOPS,
  IN6.IPV6_MULTICAST_LOOP,
  IN6.IPV6_MTU,
  IN6.IPV6_MINHOPCOUNT,
  IN6.IPV6_RECVERR_RFC4884,
  IN6.IPV6_MULTICAST_ALL,
  IN6.IPV6_ROUTER_ALERT_ISOLATE,
  IN6.IPV6_MTU_DISCOVER,
  IN6.IPV6_FLOWINFO_SEND,
  IN6.IPV6_ADDR_PREFERENCES,
  IN6.IPV6_ADDRFORM,
  IN6.IPV6_V6ONLY,
  IN6.IPV6_TCLASS,
  IN6.IPV6_FREEBIND,
  IN6.IPV6_ROUTER_ALERT,
  IN6.IPV6_RECVERR,
]);

/** What a socket of this protocol of IPv6 becomes by IPV6_ADDRFORM; registered by udp6.ts. */
type Addrform = (protocol: number) => { prot: Proto; ops: ProtoOps };
let addrformOf: Addrform | null = null;
export function ipv6SetAddrform(of: Addrform): void {
  addrformOf = of;
}

export const RA6_KEY = 42;
/** Sockets with IPV6_ROUTER_ALERT, and the value that each wants (ip6_ra_chain). */
export const raChain = (net: Net): { sk: InetSock; sel: number }[] =>
  (net.gen[RA6_KEY] ??= []) as { sk: InetSock; sel: number }[];

/** ip6_ra_control */
export function ip6RaControl(sk: InetSock, sel: number): number {
  if (sk.type !== SOCK_RAW || sk.num !== IPPROTO_RAW) return -ENOPROTOOPT;
  const chain = raChain(sk.net);
  const at = chain.findIndex((ra) => ra.sk === sk);
  if (at >= 0) {
    if (sel >= 0) return -EADDRINUSE;
    chain.splice(at, 1);
    return 0;
  }
  if (sel < 0) return -ENOBUFS;
  chain.push({ sk, sel });
  return 0;
}

// ---- setting ----

export function ipv6Setsockopt(sk: Sock, level: number, name: number, value: Uint8Array): number {
  const inet = sk as InetSock;
  if (level === SOL_IP && sk.type !== SOCK_RAW) return ipSetsockopt(sk, level, name, value);
  if (level !== SOL_IPV6) return -ENOPROTOOPT;
  const np = inet.inet6!;
  const { net } = sk;
  const { length } = value;
  if (NEEDS_INT.has(name) && length < 4) return -EINVAL;
  const val = length >= 4 ? hostI32(value, 0) : 0;
  const on = val !== 0;
  const rxopt = RXOPTS[name];
  if (rxopt !== undefined) {
    if (length < 4 && name !== IN6.IPV6_RECVFRAGSIZE) return -EINVAL;
    if (on) np.rxopt |= rxopt;
    else np.rxopt &= ~rxopt;
    return 0;
  }
  switch (name) {
    case IN6.IPV6_UNICAST_HOPS:
      if (val > 255 || val < -1) return -EINVAL;
      np.hopLimit = val;
      return 0;
    case IN6.IPV6_MULTICAST_LOOP:
      if (val !== 0 && val !== 1) return -EINVAL;
      np.mcLoop = on;
      return 0;
    case IN6.IPV6_MULTICAST_HOPS:
      if (sk.type === SOCK_STREAM) return -ENOPROTOOPT;
      if (length < 4 || val > 255 || val < -1) return -EINVAL;
      np.mcastHops = val === -1 ? 1 : val;
      return 0;
    case IN6.IPV6_MTU:
      if (val !== 0 && val < IPV6_MIN_MTU) return -EINVAL;
      np.frag = val;
      return 0;
    case IN6.IPV6_MINHOPCOUNT:
      if (val < 0 || val > 255) return -EINVAL;
      np.minHopcount = val;
      return 0;
    case IN6.IPV6_RECVERR_RFC4884:
      if (val < 0 || val > 1) return -EINVAL;
      np.recverrRfc4884 = on;
      return 0;
    case IN6.IPV6_MULTICAST_ALL:
      np.mcAll = on;
      return 0;
    case IN6.IPV6_AUTOFLOWLABEL:
      np.autoflowlabel = on;
      np.autoflowlabelSet = true;
      return 0;
    case IN6.IPV6_DONTFRAG:
      np.dontfrag = on;
      return 0;
    case IN6.IPV6_RECVERR:
      np.recverr = on;
      if (!on) skbQueuePurge(sk.errorQueue);
      return 0;
    case IN6.IPV6_ROUTER_ALERT_ISOLATE:
      np.rtalertIsolate = on;
      return 0;
    case IN6.IPV6_MTU_DISCOVER:
      if (val < IN6.IPV6_PMTUDISC_DONT || val > IN6.IPV6_PMTUDISC_OMIT) return -EINVAL;
      np.pmtudisc = val;
      return 0;
    case IN6.IPV6_FLOWINFO_SEND:
      np.sndflow = on;
      return 0;
    case IN6.IPV6_ADDR_PREFERENCES:
      return setAddrPreferences(np, val);
    case IN6.IPV6_MULTICAST_IF:
      if (sk.type === SOCK_STREAM) return -ENOPROTOOPT;
      if (length < 4) return -EINVAL;
      if (on) {
        if (!net.devices.has(val)) return -ENODEV;
        if (sk.boundDevIf !== 0 && sk.boundDevIf !== val) return -EINVAL;
      }
      np.mcastOif = val;
      return 0;
    case IN6.IPV6_UNICAST_IF: {
      if (length !== 4) return -EINVAL;
      const ifindex = be32(value, 0);
      if (ifindex !== 0) {
        if (!net.devices.has(ifindex)) return -EADDRNOTAVAIL;
        if (sk.boundDevIf !== 0) return -EINVAL;
      }
      np.ucastOif = ifindex;
      return 0;
    }
    case IN6.IPV6_ADDRFORM:
      return setAddrform(inet, val);
    case IN6.IPV6_V6ONLY:
      if (inet.num !== 0) return -EINVAL;
      np.v6only = on;
      return 0;
    case IN6.IPV6_TCLASS:
      if (val < -1 || val > 255) return -EINVAL;
      // RFC 3542 6.5: -1 is the default.
      if (np.tclass === Math.max(val, 0)) return 0;
      np.tclass = Math.max(val, 0);
      sk.dst = null;
      return 0;
    case IN6.IPV6_TRANSPARENT:
      if (on && !net.cred.capable(CAP_NET_RAW) && !net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (length < 4) return -EINVAL;
      inet.transparent = on;
      return 0;
    case IN6.IPV6_FREEBIND:
      inet.freebind = on;
      return 0;
    case IN6.IPV6_HOPOPTS:
    case IN6.IPV6_RTHDRDSTOPTS:
    case IN6.IPV6_RTHDR:
    case IN6.IPV6_DSTOPTS:
      return setOptHdr(inet, name, value);
    case IN6.IPV6_PKTINFO: {
      if (length < in6_pktinfo.sizeof) return -EINVAL;
      const ifindex = hostI32(value, in6_pktinfo.ipi6_ifindex);
      if (sk.boundDevIf !== 0 && ifindex !== sk.boundDevIf) return -EINVAL;
      np.stickyPktinfoIfindex = ifindex;
      np.stickyPktinfoAddr = in6Copy(value, in6_pktinfo.ipi6_addr);
      return 0;
    }
    case IN6.IPV6_2292PKTOPTIONS:
      return setPktoptions(inet, value);
    case IN6.IPV6_ADD_MEMBERSHIP:
    case IN6.IPV6_DROP_MEMBERSHIP:
    case IN6.IPV6_JOIN_ANYCAST:
    case IN6.IPV6_LEAVE_ANYCAST: {
      if (length < ipv6_mreq.sizeof) return -EINVAL;
      const ifindex = hostI32(value, ipv6_mreq.ipv6mr_ifindex);
      const addr = in6Copy(value, ipv6_mreq.ipv6mr_multiaddr);
      if (name === IN6.IPV6_ADD_MEMBERSHIP) return ipv6SockMcJoin(inet, ifindex, addr);
      if (name === IN6.IPV6_DROP_MEMBERSHIP) return ipv6SockMcDrop(inet, ifindex, addr);
      return name === IN6.IPV6_JOIN_ANYCAST ? ipv6SockAcJoin(inet, ifindex, addr) : ipv6SockAcDrop(inet, ifindex, addr);
    }
    case MCAST_JOIN_GROUP:
    case MCAST_LEAVE_GROUP: {
      if (length < GROUP_REQ) return -EINVAL;
      if (hostU16(value, GR_GROUP) !== AF_INET6) return -EADDRNOTAVAIL;
      const addr = in6Copy(value, GR_GROUP + sockaddr_in6.sin6_addr);
      const ifindex = hostI32(value, 0);
      return name === MCAST_JOIN_GROUP ? ipv6SockMcJoin(inet, ifindex, addr) : ipv6SockMcDrop(inet, ifindex, addr);
    }
    case MCAST_JOIN_SOURCE_GROUP:
    case MCAST_LEAVE_SOURCE_GROUP:
    case MCAST_BLOCK_SOURCE:
    case MCAST_UNBLOCK_SOURCE:
      return groupSource(inet, name, value);
    case MCAST_MSFILTER:
      return setMsfilter(inet, value);
    case IN6.IPV6_ROUTER_ALERT: {
      const error = ip6RaControl(inet, val);
      // What is read back is whether the value was 0, though a negative one took the socket off.
      if (error === 0) np.routerAlert = on ? 0 : -1;
      return error;
    }
    case IN6.IPV6_IPSEC_POLICY:
    case IN6.IPV6_XFRM_POLICY:
      // No IPsec: nothing to take off succeeds, anything else is not understood.
      if (!net.cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (length === 0) return 0;
      return name === IN6.IPV6_IPSEC_POLICY ? -EOPNOTSUPP : -EINVAL;
    default:
      return -ENOPROTOOPT;
  }
}

/** ip6_sock_set_addr_preferences */
function setAddrPreferences(np: Inet6SockFields, val: number): number {
  let pref = 0;
  switch (val & (IPV6_PREFER_SRC_PUBLIC | IPV6_PREFER_SRC_TMP | IPV6_PREFER_SRC_PUBTMP_DEFAULT)) {
    case IPV6_PREFER_SRC_PUBLIC:
      pref = IPV6_PREFER_SRC_PUBLIC;
      break;
    case IPV6_PREFER_SRC_TMP:
      pref = IPV6_PREFER_SRC_TMP;
      break;
    case IPV6_PREFER_SRC_PUBTMP_DEFAULT:
    case 0:
      break;
    default:
      return -EINVAL;
  }
  switch (val & (IPV6_PREFER_SRC_HOME | IPV6_PREFER_SRC_COA)) {
    case IPV6_PREFER_SRC_COA:
      pref |= IPV6_PREFER_SRC_COA;
      break;
    case IPV6_PREFER_SRC_HOME:
    case 0:
      break;
    default:
      return -EINVAL;
  }
  if ((val & (IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA)) === (IPV6_PREFER_SRC_CGA | IPV6_PREFER_SRC_NONCGA))
    return -EINVAL;
  np.srcprefs = pref;
  return 0;
}

/** IPV6_ADDRFORM: a connected socket whose peer is mapped becomes one of IPv4. */
function setAddrform(sk: InetSock, val: number): number {
  const np = sk.inet6!;
  if (val !== AF_INET) return -EINVAL;
  if (sk.type === SOCK_RAW) return -ENOPROTOOPT;
  if (sk.protocol !== IPPROTO_UDP && sk.protocol !== IPPROTO_UDPLITE) return -ENOPROTOOPT;
  if (sk.pending === AF_INET6) return -EBUSY;
  if (sk.state !== TCP_ESTABLISHED) return -ENOTCONN;
  if (np.v6only || !ipv6AddrV4Mapped(np.daddr)) return -EADDRNOTAVAIL;
  ipv6SockMcClose(sk);
  ipv6SockAcClose(sk);
  const { prot, ops } = addrformOf!(sk.protocol);
  sk.prot = prot;
  sk.socket!.ops = ops;
  sk.family = AF_INET;
  np.opt = null;
  return 0;
}

/** Length of an extension header by its own length byte. */
const optlen = (header: Uint8Array): number => (header[1]! + 1) << 3;

/** seg6_validate_srh */
function validSrh(srh: Uint8Array, length: number): boolean {
  if (optlen(srh) !== length) return false;
  const [segmentsLeft, firstSegment] = [srh[3]!, srh[4]!];
  if (segmentsLeft > firstSegment) return false;
  let at = 8 + ((firstSegment + 1) << 4);
  if (at > length) return false;
  while (at < length) {
    if (length - at < 2) return false;
    at += 2 + srh[at + 1]!;
  }
  return at === length;
}

const NO_OPTIONS: Ipv6TxOptions = { hopopt: null, dst0opt: null, srcrt: null, dst1opt: null };
const FIELD: Record<number, keyof Ipv6TxOptions> = {
  [IN6.IPV6_HOPOPTS]: 'hopopt',
  [IN6.IPV6_RTHDRDSTOPTS]: 'dst0opt',
  [IN6.IPV6_RTHDR]: 'srcrt',
  [IN6.IPV6_DSTOPTS]: 'dst1opt',
};

/** ipv6_set_opt_hdr: a header that goes with every packet of the socket. An empty value takes it off. */
function setOptHdr(sk: InetSock, name: number, value: Uint8Array): number {
  const np = sk.inet6!;
  const { length } = value;
  if (name !== IN6.IPV6_RTHDR && !sk.net.cred.capable(CAP_NET_RAW)) return -EPERM;
  let header: Uint8Array | null = null;
  if (length > 0) {
    if (length < 2 || length & 7 || length > 8 * 255) return -EINVAL;
    if (optlen(value) > length) return -EINVAL;
    header = value.slice(0, optlen(value));
  }
  const opt: Ipv6TxOptions = { ...(np.opt ?? NO_OPTIONS), [FIELD[name]!]: header };
  if (name === IN6.IPV6_RTHDR && header !== null && (header[2] !== IPV6_SRCRT_TYPE_4 || !validSrh(header, length)))
    return -EINVAL;
  np.opt = Object.values(opt).some((one) => one !== null) ? opt : null;
  sk.dst = null;
  return 0;
}

/** IPV6_2292PKTOPTIONS: control messages, kept. */
function setPktoptions(sk: InetSock, value: Uint8Array): number {
  const np = sk.inet6!;
  let opt: Ipv6TxOptions | null = null;
  if (value.length > 0) {
    if (value.length > 64 * 1024) return -EINVAL;
    const msg = new Msghdr();
    msg.control = value;
    msg.controllen = value.length;
    const fl = new Flowi6();
    fl.oif = sk.boundDevIf;
    const ipc = new Ipcm6Cookie();
    ipcm6InitSk(ipc, sk);
    const error = ip6DatagramSendCtl(sk, msg, fl, ipc);
    if (error !== 0) return error;
    opt = ipc.opt;
  }
  np.opt = opt;
  sk.dst = null;
  return 0;
}

function groupSource(sk: InetSock, name: number, value: Uint8Array): number {
  if (value.length < GROUP_SOURCE_REQ) return -EINVAL;
  const sourceAt = GR_GROUP + STORAGE;
  if (hostU16(value, GR_GROUP) !== AF_INET6 || hostU16(value, sourceAt) !== AF_INET6) return -EADDRNOTAVAIL;
  const ifindex = hostI32(value, 0);
  const group = in6Copy(value, GR_GROUP + sockaddr_in6.sin6_addr);
  const source = in6Copy(value, sourceAt + sockaddr_in6.sin6_addr);
  if (name === MCAST_JOIN_SOURCE_GROUP) {
    // A second source of a group is no second membership.
    const error = ipv6SockMcJoin(sk, ifindex, group, MCAST_INCLUDE);
    if (error !== 0 && error !== -EADDRINUSE) return error;
  }
  const omode = name === MCAST_BLOCK_SOURCE || name === MCAST_UNBLOCK_SOURCE ? MCAST_EXCLUDE : MCAST_INCLUDE;
  const add = name === MCAST_BLOCK_SOURCE || name === MCAST_JOIN_SOURCE_GROUP;
  return ip6McSource(sk, add, omode, ifindex, group, source);
}

function setMsfilter(sk: InetSock, value: Uint8Array): number {
  const { length } = value;
  if (length < GROUP_FILTER) return -EINVAL;
  if (length > sk.net.optmemMax) return -ENOBUFS;
  const count = hostU32(value, GF_NUMSRC);
  if (count >= 0x1ffffff || count > ipv6Sysctl(sk.net).mldMaxMsf) return -ENOBUFS;
  if (GROUP_FILTER + count * STORAGE > length) return -EINVAL;
  const sources = Array.from({ length: count }, (_, i) =>
    in6Copy(value, GROUP_FILTER + i * STORAGE + sockaddr_in6.sin6_addr),
  );
  const group = in6Copy(value, GR_GROUP + sockaddr_in6.sin6_addr);
  return ip6McMsfilter(sk, hostI32(value, 0), group, hostI32(value, GF_FMODE), sources);
}

// ---- getting ----

const answer = new Uint8Array(IP6_MTUINFO_SIZE);

const routeMtu = (sk: InetSock): number =>
  sk.dst === null ? 0 : sk.dst.idev6 !== null ? dst6Mtu(sk.dst) : dstMtu(sk.net, sk.dst);

export function ipv6Getsockopt(sk: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  const inet = sk as InetSock;
  if (level === SOL_IP && sk.type !== SOCK_RAW) return ipGetsockopt(sk, level, name, value, length);
  if (level !== SOL_IPV6) return -ENOPROTOOPT;
  const np = inet.inet6!;
  const { net } = sk;
  // An unsigned minimum: what is negative is as good as enough.
  const len = length[0]! >>> 0;
  const rxopt = RXOPTS[name];
  let val: number;
  if (rxopt !== undefined) val = np.rxopt & rxopt ? 1 : 0;
  else
    switch (name) {
      case IN6.IPV6_ADDRFORM:
        if (sk.protocol !== IPPROTO_UDP && sk.protocol !== IPPROTO_UDPLITE) return -ENOPROTOOPT;
        if (sk.state !== TCP_ESTABLISHED) return -ENOTCONN;
        val = sk.family;
        break;
      case MCAST_MSFILTER:
        return getMsfilter(inet, value, length);
      case IN6.IPV6_MTU:
        val = routeMtu(inet);
        if (val === 0) return -ENOTCONN;
        break;
      case IN6.IPV6_V6ONLY:
        val = np.v6only ? 1 : 0;
        break;
      case IN6.IPV6_HOPOPTS:
      case IN6.IPV6_RTHDRDSTOPTS:
      case IN6.IPV6_RTHDR:
      case IN6.IPV6_DSTOPTS: {
        const header = np.opt?.[FIELD[name]!] ?? null;
        const size = header === null ? 0 : Math.min(header.length, len);
        if (size > value.length) return -EFAULT;
        if (header !== null) value.set(header.subarray(0, size));
        length[0] = size;
        return 0;
      }
      case IN6.IPV6_TCLASS:
        val = np.tclass;
        break;
      case IN6.IPV6_PATHMTU: {
        if (len < IP6_MTUINFO_SIZE) return -EINVAL;
        const mtu = routeMtu(inet);
        if (mtu === 0) return -ENOTCONN;
        answer.fill(0);
        putHostU32(answer, sockaddr_in6.sizeof, mtu);
        length[0] = IP6_MTUINFO_SIZE;
        return putOption(answer, IP6_MTUINFO_SIZE, value, length);
      }
      case IN6.IPV6_TRANSPARENT:
        val = inet.transparent ? 1 : 0;
        break;
      case IN6.IPV6_FREEBIND:
        val = inet.freebind ? 1 : 0;
        break;
      case IN6.IPV6_UNICAST_HOPS:
      case IN6.IPV6_MULTICAST_HOPS:
        val = name === IN6.IPV6_UNICAST_HOPS ? np.hopLimit : np.mcastHops;
        if (val < 0 && sk.dst !== null) val = ip6DstHoplimit(net, sk.dst);
        if (val < 0) val = ipv6(net).all.hopLimit;
        break;
      case IN6.IPV6_MULTICAST_LOOP:
        val = np.mcLoop ? 1 : 0;
        break;
      case IN6.IPV6_MULTICAST_IF:
        val = np.mcastOif;
        break;
      case IN6.IPV6_MULTICAST_ALL:
        val = np.mcAll ? 1 : 0;
        break;
      case IN6.IPV6_UNICAST_IF:
        putBe32(answer, 0, np.ucastOif);
        val = hostI32(answer, 0);
        break;
      case IN6.IPV6_MTU_DISCOVER:
        val = np.pmtudisc;
        break;
      case IN6.IPV6_RECVERR:
        val = np.recverr ? 1 : 0;
        break;
      case IN6.IPV6_FLOWINFO_SEND:
        val = np.sndflow ? 1 : 0;
        break;
      case IN6.IPV6_ADDR_PREFERENCES:
        val =
          np.srcprefs & IPV6_PREFER_SRC_TMP
            ? IPV6_PREFER_SRC_TMP
            : np.srcprefs & IPV6_PREFER_SRC_PUBLIC
              ? IPV6_PREFER_SRC_PUBLIC
              : IPV6_PREFER_SRC_PUBTMP_DEFAULT;
        val |= np.srcprefs & IPV6_PREFER_SRC_COA ? IPV6_PREFER_SRC_COA : IPV6_PREFER_SRC_HOME;
        break;
      case IN6.IPV6_MINHOPCOUNT:
        val = np.minHopcount;
        break;
      case IN6.IPV6_DONTFRAG:
        val = np.dontfrag ? 1 : 0;
        break;
      case IN6.IPV6_AUTOFLOWLABEL:
        val = ip6Autoflowlabel(net, inet) ? 1 : 0;
        break;
      case IN6.IPV6_ROUTER_ALERT:
        val = np.routerAlert >= 0 ? 1 : 0;
        break;
      case IN6.IPV6_ROUTER_ALERT_ISOLATE:
        val = np.rtalertIsolate ? 1 : 0;
        break;
      case IN6.IPV6_RECVERR_RFC4884:
        val = np.recverrRfc4884 ? 1 : 0;
        break;
      default:
        return -ENOPROTOOPT;
    }
  putHostU32(answer, 0, val);
  length[0] = Math.min(len, 4);
  return putOption(answer, 4, value, length);
}

/** ip6_mc_msfget */
function getMsfilter(sk: InetSock, value: Uint8Array, length: Int32Array): number {
  if (length[0]! < GROUP_FILTER) return -EINVAL;
  if (value.length < GROUP_FILTER) return -EFAULT;
  if (hostU16(value, GR_GROUP) !== AF_INET6) return -EADDRNOTAVAIL;
  const group = in6Copy(value, GR_GROUP + sockaddr_in6.sin6_addr);
  if (group[0] !== 0xff) return -EINVAL;
  const ifindex = hostI32(value, 0);
  const pmc = sk.inet6!.mcList.find((mc) => mc.ifindex === ifindex && in6Equal(mc.addr, group));
  if (pmc === undefined) return -EADDRNOTAVAIL;
  const copied = Math.min(pmc.sources.length, hostU32(value, GF_NUMSRC));
  if (value.length < GROUP_FILTER + copied * STORAGE) return -EFAULT;
  for (let i = 0; i < copied; i++) {
    const at = GROUP_FILTER + i * STORAGE;
    value.fill(0, at, at + STORAGE);
    putHostU16(value, at, AF_INET6);
    value.set(pmc.sources[i]!, at + sockaddr_in6.sin6_addr);
  }
  putHostU32(value, GF_FMODE, pmc.sfmode);
  putHostU32(value, GF_NUMSRC, pmc.sources.length);
  length[0] = GROUP_FILTER + copied * STORAGE;
  return 0;
}
