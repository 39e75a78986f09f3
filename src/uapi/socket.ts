import { hostI32, hostU32, hostU64, putHostU32, putHostU64 } from './host.ts';

/** sys/socket.h: address families, socket types, options, flags, and control messages. The numbers are the generic ones
 * (asm-generic/socket.h) of x86-64 and arm64. */

// Address families
export const AF_UNSPEC = 0;
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_AX25 = 3;
export const AF_IPX = 4;
export const AF_APPLETALK = 5;
export const AF_NETROM = 6;
export const AF_BRIDGE = 7;
export const AF_ATMPVC = 8;
export const AF_X25 = 9;
export const AF_INET6 = 10;
export const AF_ROSE = 11;
export const AF_DECnet = 12;
export const AF_NETBEUI = 13;
export const AF_SECURITY = 14;
export const AF_KEY = 15;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;
export const AF_ASH = 18;
export const AF_ECONET = 19;
export const AF_ATMSVC = 20;
export const AF_RDS = 21;
export const AF_SNA = 22;
export const AF_IRDA = 23;
export const AF_PPPOX = 24;
export const AF_WANPIPE = 25;
export const AF_LLC = 26;
export const AF_IB = 27;
export const AF_MPLS = 28;
export const AF_CAN = 29;
export const AF_TIPC = 30;
export const AF_BLUETOOTH = 31;
export const AF_IUCV = 32;
export const AF_RXRPC = 33;
export const AF_ISDN = 34;
export const AF_PHONET = 35;
export const AF_IEEE802154 = 36;
export const AF_CAIF = 37;
export const AF_ALG = 38;
export const AF_NFC = 39;
export const AF_VSOCK = 40;
export const AF_KCM = 41;
export const AF_QIPCRTR = 42;
export const AF_SMC = 43;
export const AF_XDP = 44;
export const AF_MCTP = 45;

// Types of socket(2), and flags that may be or-ed in
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_RDM = 4;
export const SOCK_SEQPACKET = 5;
export const SOCK_DCCP = 6;
export const SOCK_PACKET = 10;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;

// Levels of getsockopt(2) and setsockopt(2)
export const SOL_IP = 0;
export const SOL_SOCKET = 1;
export const SOL_TCP = 6;
export const SOL_UDP = 17;
export const SOL_IPV6 = 41;
export const SOL_ICMPV6 = 58;
export const SOL_RAW = 255;
export const SOL_PACKET = 263;
export const SOL_NETLINK = 270;
export const SOL_XDP = 283;

// Options of level SOL_SOCKET
export const SO_DEBUG = 1;
export const SO_REUSEADDR = 2;
export const SO_TYPE = 3;
export const SO_ERROR = 4;
export const SO_DONTROUTE = 5;
export const SO_BROADCAST = 6;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_KEEPALIVE = 9;
export const SO_OOBINLINE = 10;
export const SO_NO_CHECK = 11;
export const SO_PRIORITY = 12;
export const SO_LINGER = 13;
export const SO_BSDCOMPAT = 14;
export const SO_REUSEPORT = 15;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
export const SO_RCVLOWAT = 18;
export const SO_SNDLOWAT = 19;
export const SO_RCVTIMEO = 20;
export const SO_SNDTIMEO = 21;
export const SO_SECURITY_AUTHENTICATION = 22;
export const SO_SECURITY_ENCRYPTION_TRANSPORT = 23;
export const SO_SECURITY_ENCRYPTION_NETWORK = 24;
export const SO_BINDTODEVICE = 25;
export const SO_ATTACH_FILTER = 26;
export const SO_GET_FILTER = 26;
export const SO_DETACH_BPF = 27;
export const SO_DETACH_FILTER = 27;
export const SO_PEERNAME = 28;
export const SO_TIMESTAMP = 29;
export const SO_ACCEPTCONN = 30;
export const SO_PEERSEC = 31;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_PASSSEC = 34;
export const SO_TIMESTAMPNS = 35;
export const SO_MARK = 36;
export const SO_TIMESTAMPING = 37;
export const SO_PROTOCOL = 38;
export const SO_DOMAIN = 39;
export const SO_RXQ_OVFL = 40;
export const SO_WIFI_STATUS = 41;
export const SO_PEEK_OFF = 42;
export const SO_NOFCS = 43;
export const SO_LOCK_FILTER = 44;
export const SO_SELECT_ERR_QUEUE = 45;
export const SO_BUSY_POLL = 46;
export const SO_MAX_PACING_RATE = 47;
export const SO_BPF_EXTENSIONS = 48;
export const SO_INCOMING_CPU = 49;
export const SO_ATTACH_BPF = 50;
export const SO_ATTACH_REUSEPORT_CBPF = 51;
export const SO_ATTACH_REUSEPORT_EBPF = 52;
export const SO_CNX_ADVICE = 53;
export const SO_MEMINFO = 55;
export const SO_INCOMING_NAPI_ID = 56;
export const SO_COOKIE = 57;
export const SO_PEERGROUPS = 59;
export const SO_ZEROCOPY = 60;
export const SO_TXTIME = 61;
export const SO_BINDTOIFINDEX = 62;
export const SO_TIMESTAMP_NEW = 63;
export const SO_TIMESTAMPNS_NEW = 64;
export const SO_TIMESTAMPING_NEW = 65;
export const SO_RCVTIMEO_NEW = 66;
export const SO_SNDTIMEO_NEW = 67;
export const SO_DETACH_REUSEPORT_BPF = 68;
export const SO_PREFER_BUSY_POLL = 69;
export const SO_BUSY_POLL_BUDGET = 70;
export const SO_NETNS_COOKIE = 71;
export const SO_BUF_LOCK = 72;
export const SO_RESERVE_MEM = 73;
export const SO_TXREHASH = 74;
export const SO_RCVMARK = 75;

// Types of control messages at level SOL_SOCKET; those of timestamps have the numbers of their options.
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const SCM_TIMESTAMP = 29;
export const SCM_TIMESTAMPNS = 35;
export const SCM_TIMESTAMPING = 37;
export const SCM_WIFI_STATUS = 41;
export const SCM_TIMESTAMPING_OPT_STATS = 54;
export const SCM_TIMESTAMPING_PKTINFO = 58;
export const SCM_TXTIME = 61;

// Flags of send(2), recv(2) and their like
export const MSG_OOB = 0x1;
export const MSG_PEEK = 0x2;
export const MSG_DONTROUTE = 0x4;
export const MSG_CTRUNC = 0x8;
export const MSG_PROXY = 0x10;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;
export const MSG_EOR = 0x80;
export const MSG_WAITALL = 0x100;
export const MSG_FIN = 0x200;
export const MSG_SYN = 0x400;
export const MSG_CONFIRM = 0x800;
export const MSG_RST = 0x1000;
export const MSG_ERRQUEUE = 0x2000;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_MORE = 0x8000;
export const MSG_WAITFORONE = 0x10000;
export const MSG_BATCH = 0x40000;
export const MSG_ZEROCOPY = 0x4000000;
export const MSG_FASTOPEN = 0x20000000;
export const MSG_CMSG_CLOEXEC = 0x40000000;

// How of shutdown(2)
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

export const SOMAXCONN = 4096;

// struct cmsghdr, as 64-bit machines lay it out (cmsg_len is a size_t).
export const cmsghdr = { sizeof: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 } as const;
export const linger = { sizeof: 8, l_onoff: 0, l_linger: 4 } as const;
export const timeval = { sizeof: 16, tv_sec: 0, tv_usec: 8 } as const;
export const ucred = { sizeof: 12, pid: 0, uid: 4, gid: 8 } as const;

/** CMSG_ALIGN: a length rounded up to the size of a long. */
export const CMSG_ALIGN = (length: number): number => (length + 7) & ~7;
/** CMSG_LEN: what cmsg_len says for `length` bytes of data. */
export const CMSG_LEN = (length: number): number => cmsghdr.sizeof + length;
/** CMSG_SPACE: the room that a control message with `length` bytes of data takes. */
export const CMSG_SPACE = (length: number): number => cmsghdr.sizeof + CMSG_ALIGN(length);

/** One control message; `data` is a view on the buffer it was read from. */
export interface ControlMessage {
  level: number;
  type: number;
  data: Uint8Array;
}

/** Walks the control messages in the first `length` bytes, as CMSG_FIRSTHDR and CMSG_NXTHDR do. Ends at the first one
 * whose length does not fit; never throws. */
export function controlMessages(control: Uint8Array, length = control.length): ControlMessage[] {
  const found: ControlMessage[] = [];
  const end = Math.min(length, control.length);
  let at = 0;
  while (at + cmsghdr.sizeof <= end) {
    const size = Number(hostU64(control, at + cmsghdr.cmsg_len));
    if (size < cmsghdr.sizeof || size > end - at) break;
    found.push({
      level: hostI32(control, at + cmsghdr.cmsg_level),
      type: hostI32(control, at + cmsghdr.cmsg_type),
      data: control.subarray(at + cmsghdr.sizeof, at + size),
    });
    at += CMSG_ALIGN(size);
  }
  return found;
}

/** Control messages laid out one after another for sendmsg(2), padding zeroed. */
export function encodeControl(messages: readonly ControlMessage[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, { data }) => sum + CMSG_SPACE(data.length), 0));
  let at = 0;
  for (const { level, type, data } of messages) {
    putHostU64(bytes, at + cmsghdr.cmsg_len, BigInt(CMSG_LEN(data.length)));
    putHostU32(bytes, at + cmsghdr.cmsg_level, level);
    putHostU32(bytes, at + cmsghdr.cmsg_type, type);
    bytes.set(data, at + cmsghdr.sizeof);
    at += CMSG_SPACE(data.length);
  }
  return bytes;
}

/** struct linger, the value of SO_LINGER. */
export function encodeLinger(on: boolean, seconds: number): Uint8Array {
  const bytes = new Uint8Array(linger.sizeof);
  putHostU32(bytes, linger.l_onoff, on ? 1 : 0);
  putHostU32(bytes, linger.l_linger, seconds);
  return bytes;
}

/** struct timeval, the value of SO_RCVTIMEO and SO_SNDTIMEO. */
export function encodeTimeval(microseconds: number): Uint8Array {
  const bytes = new Uint8Array(timeval.sizeof);
  putHostU64(bytes, timeval.tv_sec, BigInt(Math.floor(microseconds / 1e6)));
  putHostU64(bytes, timeval.tv_usec, BigInt(Math.floor(microseconds % 1e6)));
  return bytes;
}

/** struct ucred, the value of SO_PEERCRED and the data of SCM_CREDENTIALS. */
export const decodeUcred = (bytes: Uint8Array): { pid: number; uid: number; gid: number } => ({
  pid: hostI32(bytes, ucred.pid),
  uid: hostU32(bytes, ucred.uid),
  gid: hostU32(bytes, ucred.gid),
});
