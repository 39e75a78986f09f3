import type { Clock } from '../time/clock.ts';
import type { NetMib } from './mib.ts';
import {
  type Cred,
  DevStats,
  type HwAddr,
  Inet6DevFields,
  Inet6IfaddrFields,
  type Inet6SkbParm,
  type IpOptions,
  type Ipv4Devconf,
  type Ipv6Devconf,
  type KernelMapping,
  type Msghdr,
  type SockExtendedErr,
  SockFields,
} from './structs-plain.ts';
import { WaitQueueHead } from './wait.ts';

/** The structures that the rooms of the kernel share, as Linux's headers declare them: data here, and the functions on
 * them in the file named after each. Fields carry Linux's names in camel case (`sk_rmem_alloc` is `rmemAlloc`).
 * Addresses of IPv4 are unsigned 32-bit numbers in host order; those of IPv6 are 16 bytes. */

// ---- sk_buff ----------------------------------------------------------------------------------------------------

/** The memory behind one or more sk_buffs (skb_shared_info's dataref counts them). */
export class SkbHead {
  readonly bytes: Uint8Array;
  refs = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export const CHECKSUM_NONE = 0;
export const CHECKSUM_UNNECESSARY = 1;
export const CHECKSUM_COMPLETE = 2;
export const CHECKSUM_PARTIAL = 3;

/** One packet. The bytes are head[data] up to head[tail]; a chain of further pieces hangs from `fragList`. */
export class SkBuff {
  next: SkBuff | null = null;
  prev: SkBuff | null = null;
  list: SkBuffHead | null = null;
  buf: SkbHead = NO_HEAD;
  head: Uint8Array = NO_HEAD.bytes;
  data = 0;
  tail = 0;
  end = 0;
  /** Bytes in all: the linear part and `dataLen` in fragList. */
  len = 0;
  dataLen = 0;
  macHeader = 0;
  macLen = 0;
  networkHeader = 0;
  transportHeader = 0;
  /** First of the chain of fragments (skb_shinfo(skb)->frag_list), linked by `next`. */
  fragList: SkBuff | null = null;
  truesize = 0;
  dev: NetDevice | null = null;
  sk: Sock | null = null;
  /** Gives back what the buffer is charged to (sock_wfree, sock_rfree, tpacket_destruct_skb). */
  destructor: ((skb: SkBuff) => void) | null = null;
  destructorArg = 0;
  dst: DstEntry | null = null;
  /** Ethernet protocol, host order. */
  protocol = 0;
  pktType = 0;
  ipSummed = 0;
  csumStart = 0;
  csumOffset = 0;
  csumLevel = 0;
  /** With CHECKSUM_COMPLETE: the folded sum of the data. */
  csum = 0;
  csumValid = false;
  ignoreDf = false;
  priority = 0;
  mark = 0;
  hash = 0;
  l4Hash = false;
  queueMapping = 0;
  /** Index of the device that received it (skb->skb_iif). */
  skbIif = 0;
  vlanPresent = false;
  vlanTci = 0;
  vlanProto = 0;
  /** Receive time, CLOCK_REALTIME; seconds 0 means not taken. */
  tstampSec = 0;
  tstampNsec = 0;
  users = 0;
  cloned = false;
  /** inet_skb_parm: interface it came in by, options of the IP header, flags. */
  iif = 0;
  cbFlags = 0;
  fragMaxSize = 0;
  /** in_pktinfo as it was when the packet was queued: the address of ours that it is to be answered from. */
  specDst = 0;
  opt: IpOptions | null = null;
  /** inet6_skb_parm. */
  opt6: Inet6SkbParm | null = null;
  /** sock_skb_cb: packets dropped before this one (SO_RXQ_OVFL). */
  dropcount = 0;
  /** PACKET_SKB_CB: length on the wire, and the address that the device's header held. */
  origlen = 0;
  sllHatype = 0;
  sllHalen = 0;
  /** Peeked at already (udp: checksum known). */
  peeked = false;
  /** UDP-Lite: bytes that the checksum covers; 0 for all (UDP_SKB_CB). */
  csumCoverage = 0;
  partialCov = false;
  gsoSize = 0;
  gsoType = 0;
  /** Sender's time to the receiver in a trace; number given at birth, for tracers. */
  id = 0;
  errInfo: SockExtendedErr | null = null;
  /** SOF_TIMESTAMPING_TX_ bits that the sender asked for, and the packet's number (skb_shinfo's tx_flags and tskey). */
  txStamp: { asked: number; key: number } | null = null;
  /** What a queueing device notes: time to send (impairments, fq). */
  skbMstamp = 0;
  /** Offload of a bridge: already forwarded. */
  brPort: unknown = null;
}

/** A list of buffers (struct sk_buff_head). */
export class SkBuffHead {
  first: SkBuff | null = null;
  last: SkBuff | null = null;
  qlen = 0;
}

const NO_HEAD = new SkbHead(new Uint8Array(0));
export const NO_SKB_HEAD: SkbHead = NO_HEAD;

// ---- net_device -------------------------------------------------------------------------------------------------

export const NETDEV_TX_OK = 0;
export const NETDEV_TX_BUSY = 0x10;

export interface NetDeviceOps {
  open?(dev: NetDevice): number;
  stop?(dev: NetDevice): number;
  /** Takes the buffer, whatever it returns, unless that is NETDEV_TX_BUSY. */
  startXmit(skb: SkBuff, dev: NetDevice): number;
  setRxMode?(dev: NetDevice): void;
  changeMtu?(dev: NetDevice, mtu: number): number;
  setMacAddress?(dev: NetDevice, address: Uint8Array): number;
  /** Completes `dev.stats` where the driver keeps them elsewhere. */
  getStats?(dev: NetDevice): void;
  uninit?(dev: NetDevice): void;
}

export interface HeaderOps {
  /** Pushes a link header. Returns its length, or minus it where the destination is not known. */
  create(
    skb: SkBuff,
    dev: NetDevice,
    type: number,
    daddr: Uint8Array | null,
    saddr: Uint8Array | null,
    len: number,
  ): number;
  /** Source address of a received frame into `address`; returns its length. */
  parse(skb: SkBuff, address: Uint8Array): number;
}

export interface Qdisc {
  readonly id: string;
  /** Takes the buffer: NET_XMIT_SUCCESS, or the code of a drop. */
  enqueue(skb: SkBuff, q: QdiscState): number;
  dequeue(q: QdiscState): SkBuff | null;
  /** Number of packets waiting. */
  reset(q: QdiscState): void;
}

export interface QdiscState {
  readonly ops: Qdisc;
  readonly dev: NetDevice;
  qlen: number;
  backlog: number;
  limit: number;
  drops: number;
  requeues: number;
  overlimits: number;
  packets: number;
  bytes: number;
  /** A buffer that the driver refused (gso_skb). */
  requeued: SkBuff | null;
  running: boolean;
  /** What the discipline keeps. */
  priv: unknown;
}

export type RxHandler = (skb: SkBuff) => SkBuff | null;

export class NetDevice {
  readonly net: Net;
  name: string;
  ifindex = 0;
  /** ARPHRD_ value. */
  type = 1;
  mtu = 1500;
  minMtu = 68;
  maxMtu = 65535;
  flags = 0;
  /** NETIF_F_ bits of ours: see skbuff.ts. */
  features = 0;
  addrLen = 6;
  devAddr: Uint8Array = new Uint8Array(6);
  broadcast: Uint8Array = new Uint8Array(6).fill(0xff);
  addrAssignType = 0;
  hardHeaderLen = 14;
  neededHeadroom = 0;
  txQueueLen = 1000;
  promiscuity = 0;
  allmulti = 0;
  /** IFF_PROMISC and IFF_ALLMULTI as an administrator set them (dev->gflags). */
  userPromisc = false;
  userAllmulti = false;
  readonly mc = new Map<string, HwAddr>();
  readonly uc = new Map<string, HwAddr>();
  ops: NetDeviceOps;
  headerOps: HeaderOps | null = null;
  qdisc: QdiscState | null = null;
  /** Driver stopped the queue (netif_stop_queue). */
  queueStopped = false;
  /** IFF_NO_QUEUE: no discipline by default. */
  noQueue = false;
  carrier = true;
  carrierChanges = 1;
  present = true;
  running = false;
  registered = false;
  iflink = 0;
  numTxQueues = 1;
  numRxQueues = 1;
  readonly stats = new DevStats();
  /** Taps of this device (packet sockets bound to it, all protocols). */
  readonly ptypeAll: PacketType[] = [];
  rxHandler: RxHandler | null = null;
  rxHandlerData: unknown = null;
  master: NetDevice | null = null;
  ip: InDevice | null = null;
  ip6: Inet6Dev | null = null;
  xmitRecursion = 0;
  /** Driver's own state. */
  priv: unknown = null;
  /** Kind for rtnetlink (IFLA_INFO_KIND). */
  kind = '';

  constructor(net: Net, name: string, ops: NetDeviceOps) {
    this.net = net;
    this.name = name;
    this.ops = ops;
  }
}

/** A handler of a protocol, or a tap (type ETH_P_ALL). */
export interface PacketType {
  /** Ethernet protocol, host order. */
  type: number;
  /** null: any device. */
  dev: NetDevice | null;
  /** Owns `skb` after the call. `origDev` received it. */
  func(skb: SkBuff, dev: NetDevice, pt: PacketType, origDev: NetDevice): number;
  /** The tap's own socket, to keep it from hearing itself. */
  afPacketPriv: unknown;
  ignoreOutgoing: boolean;
  idMatch: ((pt: PacketType, sk: Sock) => boolean) | null;
}

// ---- IPv4 on a device -------------------------------------------------------------------------------------------

/** struct in_ifaddr. */
export class InIfaddr {
  readonly inDev: InDevice;
  local = 0;
  address = 0;
  mask = 0;
  broadcast = 0;
  scope = 0;
  flags = 0;
  prefixlen = 0;
  label = '';
  rtPriority = 0;
  constructor(inDev: InDevice) {
    this.inDev = inDev;
  }
}

/** struct in_device. */
export class InDevice {
  readonly dev: NetDevice;
  readonly ifaList: InIfaddr[] = [];
  /** IPV4_DEVCONF: sysctl values by name, shared shape. */
  readonly cnf: Ipv4Devconf;
  arpParms: NeighParms | null = null;
  /** Multicast groups joined: group to its state (igmp.ts). */
  readonly mcList = new Map<number, IpMcList>();
  dead = false;
  constructor(dev: NetDevice, cnf: Ipv4Devconf) {
    this.dev = dev;
    this.cnf = cnf;
  }
}

export interface IpMcList {
  multiaddr: number;
  users: number;
  /** Source filters: sources included, sources excluded, with their counts. */
  sfcount: [number, number];
  sources: Map<number, [number, number]>;
  sfmode: number;
  timerCancel: (() => void) | null;
  unsolicitCount: number;
  reporter: boolean;
}

// ---- IPv6 on a device -------------------------------------------------------------------------------------------

/** struct inet6_ifaddr: an address of a device. */
export class Inet6Ifaddr extends Inet6IfaddrFields {
  readonly idev: Inet6Dev;
  constructor(idev: Inet6Dev, addr: Uint8Array, prefixLen: number) {
    super(addr, prefixLen);
    this.idev = idev;
  }
}

/** struct inet6_dev: IPv6 on a device. */
export class Inet6Dev extends Inet6DevFields {
  readonly dev: NetDevice;
  /** By falling scope, as inet6_dump and /proc/net/if_inet6 have them. */
  readonly addrList: Inet6Ifaddr[] = [];
  ndParms: NeighParms | null = null;
  constructor(dev: NetDevice, cnf: Ipv6Devconf) {
    super(cnf);
    this.dev = dev;
  }
}

// ---- neighbour --------------------------------------------------------------------------------------------------

export interface NeighParms {
  readonly dev: NetDevice | null;
  /** Times in nanoseconds. */
  baseReachableTime: number;
  reachableTime: number;
  retransTime: number;
  delayProbeTime: number;
  gcStaletime: number;
  anycastDelay: number;
  proxyDelay: number;
  locktime: number;
  intervalProbeTime: number;
  queueLenBytes: number;
  mcastProbes: number;
  ucastProbes: number;
  appProbes: number;
  mcastReprobes: number;
  proxyQlen: number;
}

export class Neighbour {
  readonly tbl: NeighTable;
  readonly dev: NetDevice;
  readonly parms: NeighParms;
  /** IPv4 address. */
  key4 = 0;
  /** IPv6 address. */
  key6: Uint8Array | null = null;
  ha: Uint8Array;
  nudState = 0;
  type = 0;
  flags = 0;
  probes = 0;
  dead = false;
  confirmed = 0;
  updated = 0;
  used = 0;
  timerCancel: (() => void) | null = null;
  readonly arpQueue = new SkBuffHead();
  arpQueueLenBytes = 0;
  /** Header ready to be copied in front of a packet (struct hh_cache); null until known. */
  hh: Uint8Array | null = null;
  /** Sends, resolving where need be. */
  connected = false;
  refcnt = 0;
  constructor(tbl: NeighTable, dev: NetDevice, parms: NeighParms) {
    this.tbl = tbl;
    this.dev = dev;
    this.parms = parms;
    this.ha = new Uint8Array(dev.addrLen);
  }
}

export interface NeighTable {
  readonly family: number;
  readonly net: Net;
  readonly id: string;
  readonly protocol: number;
  /** Neighbours by device and key. */
  readonly hash: Map<number, Map<number | string, Neighbour>>;
  readonly parms: NeighParms;
  readonly devParms: Map<number, NeighParms>;
  gcThresh1: number;
  gcThresh2: number;
  gcThresh3: number;
  gcInterval: number;
  entries: number;
  stat: Float64Array;
  gcCancel: (() => void) | null;
  /** Fills in what the protocol knows of an address: multicast, broadcast, no ARP. */
  constructor_(neigh: Neighbour): number;
  solicit(neigh: Neighbour, skb: SkBuff | null): void;
  errorReport(neigh: Neighbour, skb: SkBuff): void;
  pneigh: Map<string, number>;
}

// ---- routes -----------------------------------------------------------------------------------------------------

/** struct dst_entry, with the fields of struct rtable and rt6_info that every user of a route needs. */
export class DstEntry {
  dev: NetDevice;
  input: (net: Net, skb: SkBuff) => number;
  output: (net: Net, sk: Sock | null, skb: SkBuff) => number;
  /** -errno for a route that refuses, else 0. */
  error = 0;
  flags = 0;
  /** Generation of the tables when it was made; a route of an older one is not used again. */
  genid = 0;
  // rtable
  rtFlags = 0;
  rtType = 0;
  rtIsInput = false;
  rtUsesGateway = false;
  rtIif = 0;
  rtGw4 = 0;
  /** Next hop of a route made for one packet whose header may name another destination; 0: the header's. */
  rtNexthop4 = 0;
  rtPmtu = 0;
  rtMtuLocked = false;
  /** Monotonic time at which a learned path MTU ends; 0: none. */
  expires = 0;
  /** RTAX_MTU, RTAX_HOPLIMIT, RTAX_ADVMSS of the route; 0: not set. */
  metricMtu = 0;
  metricHoplimit = 0;
  neigh: Neighbour | null = null;
  neighKey = 0;
  /** Exception (struct fib_nh_exception) this came from. */
  fibInfo: unknown = null;
  // rt6_info: next hop behind a gateway, and the destination that a cached clone (RTF_CACHE) is for.
  gw6: Uint8Array | null = null;
  dst6: Uint8Array | null = null;
  idev6: Inet6Dev | null = null;

  constructor(
    dev: NetDevice,
    input: (net: Net, skb: SkBuff) => number,
    output: (net: Net, sk: Sock | null, skb: SkBuff) => number,
  ) {
    this.dev = dev;
    this.input = input;
    this.output = output;
  }
}

// ---- sockets ----------------------------------------------------------------------------------------------------

export interface ProtoOps {
  readonly family: number;
  release(sock: Socket): void;
  bind(sock: Socket, address: Uint8Array): number;
  connect(sock: Socket, address: Uint8Array, flags: number): number;
  socketpair(a: Socket, b: Socket): number;
  /** A new socket, or -errno. */
  accept(sock: Socket, flags: number): Socket | number;
  /** Writes the address; returns its length, or -errno. */
  getname(sock: Socket, address: Uint8Array, peer: boolean): number;
  poll(sock: Socket): number;
  ioctl(sock: Socket, request: number, argument: Uint8Array): number;
  listen(sock: Socket, backlog: number): number;
  shutdown(sock: Socket, how: number): number;
  setsockopt(sock: Socket, level: number, name: number, value: Uint8Array): number;
  getsockopt(sock: Socket, level: number, name: number, value: Uint8Array, length: Int32Array): number;
  sendmsg(sock: Socket, msg: Msghdr, len: number): number;
  recvmsg(sock: Socket, msg: Msghdr, len: number, flags: number): number;
  mmap?(sock: Socket, length: number, offset: number): KernelMapping | number;
  /** Wait queues beside the socket's own that poll must watch. */
  setRcvlowat?(sk: Sock, value: number): number;
  setPeekOff?(sk: Sock, value: number): number;
}

/** struct socket: what a descriptor refers to. */
export class Socket {
  state = 1;
  readonly type: number;
  ops: ProtoOps;
  sk: Sock | null = null;
  readonly wq = new WaitQueueHead();
  readonly net: Net;
  readonly ino: number;
  constructor(net: Net, type: number, ops: ProtoOps, ino: number) {
    this.net = net;
    this.type = type;
    this.ops = ops;
    this.ino = ino;
  }
}

/** Transport operations (struct proto). */
export interface Proto {
  readonly name: string;
  readonly noAutobind?: boolean;
  close(sk: Sock, timeout: number): void;
  connect?(sk: Sock, address: Uint8Array): number;
  disconnect?(sk: Sock, flags: number): number;
  ioctl?(sk: Sock, request: number, argument: Uint8Array): number;
  init?(sk: Sock): number;
  destroy?(sk: Sock): void;
  setsockopt?(sk: Sock, level: number, name: number, value: Uint8Array): number;
  getsockopt?(sk: Sock, level: number, name: number, value: Uint8Array, length: Int32Array): number;
  sendmsg(sk: Sock, msg: Msghdr, len: number): number;
  recvmsg(sk: Sock, msg: Msghdr, len: number, flags: number): number;
  bind?(sk: Sock, address: Uint8Array): number;
  getPort?(sk: Sock, port: number): number;
  hash?(sk: Sock): number;
  unhash?(sk: Sock): void;
  rehash?(sk: Sock): void;
  /** Sockets of this kind: counted for /proc/net/sockstat. */
  inuse?: number;
}

/** A filter attached to a socket: returns the bytes to keep, 0 to drop. `base` is where the packet starts in `bytes`. */
export interface SkFilter {
  readonly length: number;
  readonly image: Uint8Array;
  run(skb: SkBuff): number;
}

/** struct sock. */
export class Sock extends SockFields {
  readonly net: Net;
  family: number;
  type = 0;
  protocol = 0;
  prot: Proto;
  state = 7;
  socket: Socket | null = null;
  readonly receiveQueue = new SkBuffHead();
  readonly errorQueue = new SkBuffHead();
  readonly writeQueue = new SkBuffHead();
  filter: SkFilter | null = null;
  dst: DstEntry | null = null;
  constructor(net: Net, family: number, prot: Proto) {
    super();
    this.net = net;
    this.family = family;
    this.prot = prot;
    this.rcvbuf = net.rmemDefault;
    this.sndbuf = net.wmemDefault;
  }

  /** Something may be read. */
  dataReady(): void {
    const socket = this.socket;
    if (socket !== null && socket.wq.first !== null) socket.wq.wake(POLL_READ_EVENTS);
  }

  /** There may be room to write. */
  writeSpace(): void {
    const socket = this.socket;
    // sock_def_write_space: woken when at least half of the buffer is free.
    if (socket !== null && socket.wq.first !== null && this.wmemAlloc << 1 <= this.sndbuf)
      socket.wq.wake(POLL_WRITE_EVENTS);
  }

  errorReport(): void {
    const socket = this.socket;
    if (socket !== null && socket.wq.first !== null) socket.wq.wake(0x8);
  }

  stateChange(): void {
    const socket = this.socket;
    if (socket !== null && socket.wq.first !== null) socket.wq.wake(0x2015);
  }
}
// POLLIN | POLLPRI | POLLRDNORM | POLLRDBAND, and POLLOUT | POLLWRNORM | POLLWRBAND.
const POLL_READ_EVENTS = 0x1 | 0x2 | 0x40 | 0x80;
const POLL_WRITE_EVENTS = 0x4 | 0x100 | 0x200;

// ---- net --------------------------------------------------------------------------------------------------------

/** Sees packets pass the named functions, and where they end. */
export interface Tracer {
  /** A call begins that may make a packet (`udp_sendmsg`): there is no buffer yet. */
  begin(net: Net, name: string, detail?: string): void;
  /** `skb` enters the function called `name` (Linux's name). `detail`: what it met there; a queue as `NAME LENGTH` or
   * `NAME LENGTH of LIMIT`. */
  enter(net: Net, name: string, skb: SkBuff, detail?: string): void;
  drop(net: Net, name: string, skb: SkBuff, reason: string): void;
}

/** struct softnet_data: what one CPU has to do for the network. */
export class SoftnetData {
  readonly inputQueue = new SkBuffHead();
  readonly pollList: NapiStruct[] = [];
  processed = 0;
  dropped = 0;
  timeSqueeze = 0;
  /** A disabled bottom half (count) puts softirqs off. */
  bhDisabled = 0;
  inSoftirq = false;
  pending = false;
  backlog: NapiStruct | null = null;
  /** Devices whose qdisc must be run again. */
  readonly outputQueue: NetDevice[] = [];
  interrupts = 0;
  polls = 0;
  received = 0;
  deferred: (() => void) | null = null;
}

export interface NapiStruct {
  weight: number;
  scheduled: boolean;
  dev: NetDevice | null;
  /** Handles up to `budget` packets; returns how many. Less than budget means: done, interrupts on again. */
  poll(napi: NapiStruct, budget: number): number;
}

/** struct net: everything of one host. */
export interface Net {
  readonly clock: Clock;
  /** Uniform unsigned 32-bit integers. */
  readonly random: () => number;
  readonly mib: NetMib;
  readonly devices: Map<number, NetDevice>;
  readonly devByName: Map<string, NetDevice>;
  nextIfindex: number;
  loopbackDev: NetDevice;
  readonly softnet: SoftnetData;
  /** Taps of every device. */
  readonly ptypeAll: PacketType[];
  /** Handlers by protocol. */
  readonly ptypeBase: Map<number, PacketType[]>;
  /** Who is calling. */
  cred: Cred;
  tracer: Tracer | null;
  readonly hostname: string;
  // net.core
  rmemDefault: number;
  rmemMax: number;
  wmemDefault: number;
  wmemMax: number;
  optmemMax: number;
  netdevBudget: number;
  devWeight: number;
  netdevMaxBacklog: number;
  somaxconn: number;
  tstampPrequeue: number;
  /** How many want receive times taken (net_enable_timestamp). */
  netstampNeeded: number;
  /** State of the rooms above, by their key (net_generic). */
  readonly gen: unknown[];
  /** Times that packet bytes were copied, and how many bytes. */
  readonly copies: { fromUser: number; toUser: number; fromDevice: number; toDevice: number; within: number };
  nextInode: number;
  nextCookie: number;
  skbId: number;
  /** Told of every change of a device: netdev_chain. */
  readonly netdevChain: ((event: number, dev: NetDevice) => void)[];
  /** Told of every change of an IPv4 address: inetaddr_chain. */
  readonly inetaddrChain: ((event: number, ifa: InIfaddr) => void)[];
  /** Number of the routing tables' state: a cached route of an older one is looked up anew (rt_genid). */
  rtGenid: number;
  rtGenid6: number;
  /** Sockets alive. */
  socketsUsed: number;
}
