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

export interface Inet6SkbParm {
  iif: number;
  ra: number;
  dst0: number;
  srcrt: number;
  dst1: number;
  nhoff: number;
  flags: number;
  fragMaxSize: number;
  hop: number;
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
