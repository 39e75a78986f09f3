/** Structures that refer to no other: options, counters, a message on its way through a system call. */

const NO_BYTES = new Uint8Array(0);

/** struct sock_extended_err and what the error queue keeps beside it. */
export interface SockExtendedErr {
  errno: number;
  origin: number;
  type: number;
  code: number;
  info: number;
  data: number;
  /** Destination of the packet that this is about, by IPv4 or IPv6, and its port in host order. */
  addr: number;
  addr6: Uint8Array | null;
  port: number;
  /** Who said so (SO_EE_OFFENDER). */
  offender: number;
  offender6: Uint8Array | null;
  /** SO_EE_RFC4884 fields. */
  rfc4884Len: number;
  rfc4884Flags: number;
}

/** struct ip_options: what was found in, or is to be put into, a header. Offsets are from the start of the IP header;
 * 0 means not there. `data` holds the options without the 20 bytes before them. */
export class IpOptions {
  faddr = 0;
  nexthop = 0;
  optlen = 0;
  srr = 0;
  rr = 0;
  ts = 0;
  isStrictroute = false;
  srrIsHit = false;
  isChanged = false;
  rrNeedaddr = false;
  tsNeedtime = false;
  tsNeedaddr = false;
  routerAlert = 0;
  cipso = 0;
  data: Uint8Array = NO_BYTES;
}

/** struct inet6_skb_parm of a received packet. Offsets are from the network header; 0: not there. */
export interface Inet6SkbParm {
  /** Device that it came in by. */
  iif: number;
  /** Value of the router alert option, with IP6SKB_ROUTERALERT in skb.cbFlags. */
  ra: number;
  dst0: number;
  srcrt: number;
  dst1: number;
  lasthop: number;
  /** Offset of the next-header byte that named the header now at skb.data. */
  nhoff: number;
  /** IP6SKB_HOPBYHOP: there is a hop-by-hop header, right behind the IPv6 header. */
  hop: number;
}

/** struct ipv6_devconf: net.ipv6.conf.NAME. */
export class Ipv6Devconf {
  disableIpv6 = 0;
  hopLimit = 64;
  mtu6 = 1280;
  forwarding = 0;
  disablePolicy = 0;
  acceptRa = 1;
  acceptRedirects = 1;
  autoconf = 1;
  dadTransmits = 1;
  acceptDad = 1;
  enhancedDad = 1;
  optimisticDad = 0;
  useOptimistic = 0;
  rtrSolicits = -1;
  rtrSolicitInterval = 4;
  rtrSolicitMaxInterval = 3600;
  rtrSolicitDelay = 1;
  forceMldVersion = 0;
  mldv1UnsolicitedReportInterval = 10000;
  mldv2UnsolicitedReportInterval = 1000;
  useTempaddr = 0;
  tempValidLft = 604800;
  tempPreferedLft = 86400;
  regenMinAdvance = 2;
  regenMaxRetry = 3;
  maxDesyncFactor = 600;
  maxAddresses = 16;
  acceptRaDefrtr = 1;
  raDefrtrMetric = 1024;
  acceptRaMinHopLimit = 1;
  acceptRaMinLft = 0;
  acceptRaPinfo = 1;
  acceptRaRtrPref = 1;
  acceptRaMtu = 1;
  acceptRaFromLocal = 0;
  rtrProbeInterval = 60;
  acceptRaRtInfoMinPlen = 0;
  acceptRaRtInfoMaxPlen = 0;
  proxyNdp = 0;
  acceptSourceRoute = 0;
  acceptUntrackedNa = 0;
  mcForwarding = 0;
  forceTllao = 0;
  forceForwarding = 0;
  ndiscNotify = 0;
  ndiscTclass = 0;
  ndiscEvictNocarrier = 1;
  suppressFragNdisc = 1;
  useOifAddrsOnly = 0;
  keepAddrOnDown = 0;
  ignoreRoutesWithLinkdown = 0;
  dropUnicastInL2Multicast = 0;
  dropUnsolicitedNa = 0;
  addrGenMode = 0;
  raHonorPioLife = 0;
  raHonorPioPflag = 0;
  seg6Enabled = 0;
  seg6RequireHmac = 0;
  rplSegEnabled = 0;
  ioam6Enabled = 0;
  ioam6Id = 0xffff;
  ioam6IdWide = 0xffffffff;
}

/** An IPv6 address of a device without its references (structs.ts). Times are nanoseconds of the monotonic clock,
 * lifetimes seconds, 0xffffffff for ever. */
export class Inet6IfaddrFields {
  readonly addr: Uint8Array;
  readonly peerAddr: Uint8Array | null = null;
  prefixLen: number;
  flags = 0;
  scope = 0;
  /** INET6_IFADDR_STATE_ of addrconf.ts. */
  state = 0;
  dadProbes = 0;
  dadNonce: Uint8Array | null = null;
  validLft = 0xffffffff;
  preferedLft = 0xffffffff;
  cstamp = 0;
  tstamp = 0;
  rtPriority = 0;
  ifaProto = 0;
  /** The route that came with it; null where another address has it. */
  rt: unknown = null;
  dadCancel: (() => void) | null = null;
  constructor(addr: Uint8Array, prefixLen: number) {
    this.addr = addr;
    this.prefixLen = prefixLen;
  }
}

/** struct ifmcaddr6: a group that a device listens to. */
export interface Ifmcaddr6 {
  readonly addr: Uint8Array;
  users: number;
  flags: number;
  sfmode: number;
  /** Sockets that exclude and that include sources. */
  sfcount: [number, number];
  /** Reports of a changed filter mode that are still to be sent. */
  crcount: number;
  sources: Map<string, Ip6SfList>;
  /** Sources that went and are still to be reported. */
  tomb: Map<string, Ip6SfList>;
  workCancel: (() => void) | null;
  workAt: number;
}
/** struct ip6_sf_list: a source of a group, how many sockets exclude [0] and include [1] it. */
export interface Ip6SfList {
  addr: Uint8Array;
  sfcount: [number, number];
  oldin: boolean;
  crcount: number;
  gsresp: boolean;
}

/** IPv6 on a device without its references (structs.ts). */
export class Inet6DevFields {
  readonly cnf: Ipv6Devconf;
  /** IF_ flags of if_inet6.h: IF_READY, IF_RA_MANAGED, … */
  ifFlags = 0;
  dead = false;
  /** Groups joined, latest first, by the address as `in6Key` gives it. */
  readonly mcList = new Map<string, Ifmcaddr6>();
  /** Groups left whose leaving is still to be reported (mc_tomb). */
  readonly mcTomb = new Map<string, Ifmcaddr6>();
  readonly acList = new Map<string, { addr: Uint8Array; users: number; rt: unknown }>();
  mcQrv = 2;
  mcGqRunning = false;
  mcIfcCount = 0;
  mcDadCount = 0;
  mcV1Seen = 0;
  mcQi = 125e9;
  mcQri = 10e9;
  mcMaxdelay = 1e9;
  mcIfcCancel: (() => void) | null = null;
  mcGqCancel: (() => void) | null = null;
  mcDadCancel: (() => void) | null = null;
  mcQueryCancel: (() => void) | null = null;
  rsProbes = 0;
  rsInterval = 0;
  rsCancel: (() => void) | null = null;
  raMtu = 0;
  tstamp = 0;
  /** /proc/net/dev_snmp6/NAME. */
  readonly ip6 = new Float64Array(33);
  readonly icmp6 = new Float64Array(6);
  readonly icmp6Msg = new Float64Array(512);
  constructor(cnf: Ipv6Devconf) {
    this.cnf = cnf;
  }
}

/** struct rtnl_link_stats64. */
export class DevStats {
  rxPackets = 0;
  txPackets = 0;
  rxBytes = 0;
  txBytes = 0;
  rxErrors = 0;
  txErrors = 0;
  rxDropped = 0;
  txDropped = 0;
  multicast = 0;
  collisions = 0;
  rxLengthErrors = 0;
  rxOverErrors = 0;
  rxCrcErrors = 0;
  rxFrameErrors = 0;
  rxFifoErrors = 0;
  rxMissedErrors = 0;
  txAbortedErrors = 0;
  txCarrierErrors = 0;
  txFifoErrors = 0;
  txHeartbeatErrors = 0;
  txWindowErrors = 0;
  rxCompressed = 0;
  txCompressed = 0;
  rxNohandler = 0;
}

export class Ipv4Devconf {
  forwarding = 0;
  mcForwarding = 0;
  acceptRedirects = 1;
  secureRedirects = 1;
  sharedMedia = 1;
  rpFilter = 0;
  sendRedirects = 1;
  acceptSourceRoute = 1;
  acceptLocal = 0;
  srcValidMark = 0;
  proxyArp = 0;
  logMartians = 0;
  arpFilter = 0;
  arpAnnounce = 0;
  arpIgnore = 0;
  arpAccept = 0;
  arpNotify = 0;
  dropGratuitousArp = 0;
  dropUnicastInL2Multicast = 0;
  routeLocalnet = 0;
  bcForwarding = 0;
  promoteSecondaries = 0;
  forceIgmpVersion = 0;
}

/** A message being sent or received, inside the kernel (struct msghdr with its iov_iter). */
export class Msghdr {
  name: Uint8Array | null = null;
  nameAt = 0;
  /** Sending: bytes of the address. Receiving: room, then what was written. */
  namelen = 0;
  control: Uint8Array | null = null;
  controlAt = 0;
  /** Sending: bytes. Receiving: room left. */
  controllen = 0;
  flags = 0;
  // iov_iter: pieces of user memory, and where in them we are.
  bases: Uint8Array[] = [];
  starts: number[] = [];
  lens: number[] = [];
  nr = 0;
  seg = 0;
  segOff = 0;
  /** Bytes left. */
  count = 0;
}

/** The numbers of struct sock; its references are in structs.ts. */
export class SockFields {
  rmemAlloc = 0;
  wmemAlloc = 0;
  wmemQueued = 0;
  omemAlloc = 0;
  forwardAlloc = 0;
  rcvbuf = 212992;
  sndbuf = 212992;
  drops = 0;
  err = 0;
  errSoft = 0;
  shutdown = 0;
  userlocks = 0;
  reuse = 0;
  reuseport = 0;
  boundDevIf = 0;
  priority = 0;
  mark = 0;
  rcvlowat = 1;
  rcvtimeoUs = 0;
  sndtimeoUs = 0;
  lingertime = 0;
  /** SOCK_ flags: bits of sock.ts. */
  flags = 0;
  tsflags = 0;
  tskey = 0;
  bindPhc = -1;
  noCheckTx = false;
  noCheckRx = false;
  filterLocked = false;
  peekOff = -1;
  incomingCpu = 0;
  napiId = 0;
  llUsec = 0;
  preferBusyPoll = 0;
  busyPollBudget = 0;
  maxPacingRate = Number.POSITIVE_INFINITY;
  /** SO_TXTIME: clock and flags. */
  txtime = 0;
  txtimeFlags = 0;
  rcvmark = false;
  rcvpriority = false;
  stampSec = -1;
  stampNsec = 0;
  cookie = 0;
  dstCookie = 0;
  dstPendingConfirm = false;
  bufLock = 0;
  /** Identity for listings. */
  uid = 0;
  dead = false;
  refcnt = 1;
  /** SOCK_NOSPACE: a sender waits for room. */
  nospace = false;
}

/** Memory of a packet ring as mmap gives it. */
export interface KernelMapping {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** Who is in a system call: what it may do. */
export interface Cred {
  readonly uid: number;
  readonly gid: number;
  capable(capability: number): boolean;
}

/** A multicast or unicast address of a device, with its count of users. */
export interface HwAddr {
  addr: Uint8Array;
  refcount: number;
  globalUse: boolean;
}
