import { CAP_NET_ADMIN, CAP_NET_RAW } from '../uapi/capability.ts';
import {
  EACCES,
  EBADF,
  EDOM,
  EFAULT,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOENT,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
} from '../uapi/errno.ts';
import { hostI32, hostU32, hostU64, putHostU32, putHostU64 } from '../uapi/host.ts';
import { IFNAMSIZ } from '../uapi/if.ts';
import { IPPROTO_UDP } from '../uapi/in.ts';
import { SOF_TIMESTAMPING_OPT_ID, SOF_TIMESTAMPING_RX_SOFTWARE } from '../uapi/net_tstamp.ts';
import * as S from '../uapi/socket.ts';
import { skAttachFilter, skDetachFilter } from './filter.ts';
import type { InetSock } from './inet-sock.ts';
import {
  SOCK_BROADCAST,
  SOCK_DBG,
  SOCK_KEEPOPEN,
  SOCK_LINGER,
  SOCK_LOCALROUTE,
  SOCK_MIN_RCVBUF,
  SOCK_MIN_SNDBUF,
  SOCK_NOFCS,
  SOCK_RCVBUF_LOCK,
  SOCK_RCVMARK,
  SOCK_RCVTSTAMP,
  SOCK_RCVTSTAMPNS,
  SOCK_RXQ_OVFL,
  SOCK_SELECT_ERR_QUEUE,
  SOCK_SNDBUF_LOCK,
  SOCK_TIMESTAMP,
  SOCK_TIMESTAMPING_RX_SOFTWARE,
  SOCK_TSTAMP_NEW,
  SOCK_TXTIME,
  SOCK_URGINLINE,
  SOCK_WIFI_STATUS,
  SOCK_ZEROCOPY,
  sockDisableTimestamp,
  sockEnableTimestamp,
  TCP_LISTEN,
} from './sock.ts';
import { reuseportDetachProg, skReuseportAttachFilter } from './sock-reuseport.ts';
import type { Sock, Socket } from './structs.ts';

/** Options of level SOL_SOCKET (sk_setsockopt and sk_getsockopt of net/core/sock.c). */

const INT_MAX = 0x7fffffff;
/** CONFIG_HZ of the kernel that this is compared with: timeouts are kept in ticks of 4 ms. */
const TICK_US = 4000;
const SOCK_BUF_LOCK_MASK = SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK;
const SO_PASSPIDFD = 76;
const SO_PEERPIDFD = 77;
const SO_RCVPRIORITY = 82;
const SO_PASSRIGHTS = 83;
const SO_INQ = 84;
const SOF_TIMESTAMPING_MASK = 0x7ffff;

/** Hooks of the rooms above, by registration: a device index must be resolved, cached routes forgotten. */
export interface SockOptionHooks {
  rehash(sk: Sock): void;
  resetRoute(sk: Sock): void;
}

const setFlag = (sk: Sock, flag: number, on: boolean): void => {
  if (on) sk.flags |= flag;
  else sk.flags &= ~flag;
};

export function sockBindToIndex(sk: Sock, ifindex: number): number {
  if (sk.boundDevIf !== 0 && !sk.net.cred.capable(CAP_NET_RAW)) return -EPERM;
  if (ifindex < 0) return -EINVAL;
  sk.boundDevIf = ifindex;
  sk.prot.rehash?.(sk);
  sk.dst = null;
  return 0;
}

function bindToDevice(sk: Sock, value: Uint8Array): number {
  const name = value.subarray(0, Math.min(value.length, IFNAMSIZ - 1));
  const end = name.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
  let ifindex = 0;
  if (text !== '') {
    const dev = sk.net.devByName.get(text);
    if (dev === undefined) return -ENODEV;
    ifindex = dev.ifindex;
  }
  return sockBindToIndex(sk, ifindex);
}

function setTimestamp(sk: Sock, name: number, on: boolean): void {
  if (!on) {
    setFlag(sk, SOCK_RCVTSTAMP | SOCK_RCVTSTAMPNS, false);
    return;
  }
  const isNew = name === S.SO_TIMESTAMP_NEW || name === S.SO_TIMESTAMPNS_NEW;
  const nano = name === S.SO_TIMESTAMPNS || name === S.SO_TIMESTAMPNS_NEW;
  setFlag(sk, SOCK_RCVTSTAMP, true);
  setFlag(sk, SOCK_TSTAMP_NEW, isNew);
  setFlag(sk, SOCK_RCVTSTAMPNS, nano);
  sockEnableTimestamp(sk, SOCK_TIMESTAMP);
}

function setTimestamping(sk: Sock, name: number, flags: number): number {
  if (flags & ~SOF_TIMESTAMPING_MASK) return -EINVAL;
  // OPT_ID_TCP goes only with OPT_ID.
  if (flags & 0x10000 && !(flags & SOF_TIMESTAMPING_OPT_ID)) return -EINVAL;
  if (flags & SOF_TIMESTAMPING_OPT_ID && !(sk.tsflags & SOF_TIMESTAMPING_OPT_ID)) sk.tskey = 0;
  if (flags & S_OPT_STATS && !(flags & S_OPT_TSONLY)) return -EINVAL;
  sk.tsflags = flags;
  setFlag(sk, SOCK_TSTAMP_NEW, name === S.SO_TIMESTAMPING_NEW);
  if (flags & SOF_TIMESTAMPING_RX_SOFTWARE) sockEnableTimestamp(sk, SOCK_TIMESTAMPING_RX_SOFTWARE);
  else sockDisableTimestamp(sk, SOCK_TIMESTAMPING_RX_SOFTWARE);
  return 0;
}
const S_OPT_STATS = 0x1000;
const S_OPT_TSONLY = 0x800;

/** Rounds up to ticks; 0 is for ever. In microseconds. */
function timeout(value: Uint8Array): number {
  if (value.length < 16) return -EINVAL;
  const seconds = Number(BigInt.asIntN(64, hostU64(value, 0)));
  const micro = Number(BigInt.asIntN(64, hostU64(value, 8)));
  if (micro < 0 || micro >= 1_000_000) return -EDOM;
  if (seconds < 0) return 0.5; // times out at once: kept as less than a tick
  return seconds * 1_000_000 + Math.ceil(micro / TICK_US) * TICK_US;
}

function setSndbuf(sk: Sock, value: number): void {
  const wanted = Math.min(value, INT_MAX / 2) | 0;
  sk.userlocks |= SOCK_SNDBUF_LOCK;
  sk.sndbuf = Math.max(wanted * 2, SOCK_MIN_SNDBUF);
  sk.writeSpace();
}
function setRcvbuf(sk: Sock, value: number): void {
  const wanted = Math.min(value, INT_MAX / 2) | 0;
  sk.userlocks |= SOCK_RCVBUF_LOCK;
  sk.rcvbuf = Math.max(wanted * 2, SOCK_MIN_RCVBUF);
}

export function sockSetsockopt(socket: Socket, name: number, value: Uint8Array): number {
  const sk = socket.sk!;
  const { cred } = sk.net;
  if (name === S.SO_BINDTODEVICE) return bindToDevice(sk, value);
  if (value.length < 4) return -EINVAL;
  const val = hostI32(value, 0);
  const on = val !== 0;
  switch (name) {
    case S.SO_PRIORITY:
      if (!(val >= 0 && val <= 6) && !cred.capable(CAP_NET_RAW) && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      sk.priority = val >>> 0;
      return 0;
    case S.SO_TYPE:
    case S.SO_PROTOCOL:
    case S.SO_DOMAIN:
    case S.SO_ERROR:
      return -ENOPROTOOPT;
    case S.SO_DEBUG:
      if (val && !cred.capable(CAP_NET_ADMIN)) return -EACCES;
      setFlag(sk, SOCK_DBG, on);
      return 0;
    case S.SO_REUSEADDR:
      sk.reuse = on ? 1 : 0;
      return 0;
    case S.SO_REUSEPORT:
      if (on && sk.family !== S.AF_INET && sk.family !== S.AF_INET6) return -EOPNOTSUPP;
      sk.reuseport = on ? 1 : 0;
      return 0;
    case S.SO_DONTROUTE:
      setFlag(sk, SOCK_LOCALROUTE, on);
      sk.dst = null;
      return 0;
    case S.SO_BROADCAST:
      setFlag(sk, SOCK_BROADCAST, on);
      return 0;
    case S.SO_SNDBUF:
      // The limit is compared unsigned: a negative size means the largest.
      setSndbuf(sk, Math.min(val >>> 0, sk.net.wmemMax));
      return 0;
    case S.SO_SNDBUFFORCE:
      if (!cred.capable(CAP_NET_ADMIN)) return -EPERM;
      setSndbuf(sk, Math.max(val, 0));
      return 0;
    case S.SO_RCVBUF:
      setRcvbuf(sk, Math.min(val >>> 0, sk.net.rmemMax));
      return 0;
    case S.SO_RCVBUFFORCE:
      if (!cred.capable(CAP_NET_ADMIN)) return -EPERM;
      setRcvbuf(sk, Math.max(val, 0));
      return 0;
    case S.SO_KEEPALIVE:
      setFlag(sk, SOCK_KEEPOPEN, on);
      return 0;
    case S.SO_OOBINLINE:
      setFlag(sk, SOCK_URGINLINE, on);
      return 0;
    case S.SO_NO_CHECK:
      sk.noCheckTx = on;
      return 0;
    case S.SO_LINGER: {
      if (value.length < 8) return -EINVAL;
      if (hostI32(value, 0) === 0) {
        setFlag(sk, SOCK_LINGER, false);
        return 0;
      }
      sk.lingertime = hostU32(value, 4);
      setFlag(sk, SOCK_LINGER, true);
      return 0;
    }
    case S.SO_BSDCOMPAT:
      return 0;
    case S.SO_TIMESTAMP:
    case S.SO_TIMESTAMP_NEW:
    case S.SO_TIMESTAMPNS:
    case S.SO_TIMESTAMPNS_NEW:
      setTimestamp(sk, name, on);
      return 0;
    case S.SO_TIMESTAMPING:
    case S.SO_TIMESTAMPING_NEW:
      return setTimestamping(sk, name, val);
    case S.SO_RCVLOWAT: {
      const low = val < 0 ? INT_MAX : val;
      if (socket.ops.setRcvlowat !== undefined) return socket.ops.setRcvlowat(sk, low);
      sk.rcvlowat = low || 1;
      return 0;
    }
    case S.SO_RCVTIMEO:
    case S.SO_RCVTIMEO_NEW:
    case S.SO_SNDTIMEO:
    case S.SO_SNDTIMEO_NEW: {
      const t = timeout(value);
      if (t < 0) return t;
      if (name === S.SO_RCVTIMEO || name === S.SO_RCVTIMEO_NEW) sk.rcvtimeoUs = t;
      else sk.sndtimeoUs = t;
      return 0;
    }
    case S.SO_ATTACH_FILTER:
      return skAttachFilter(sk, value);
    case S.SO_ATTACH_BPF:
    case S.SO_ATTACH_REUSEPORT_EBPF:
      // No bpf(2), so no descriptor of a program.
      return value.length === 4 ? -EBADF : -EINVAL;
    case S.SO_ATTACH_REUSEPORT_CBPF:
      return skReuseportAttachFilter(sk, value, sk.type !== S.SOCK_RAW && !(sk as InetSock).hashed);
    case S.SO_DETACH_REUSEPORT_BPF:
      return reuseportDetachProg(sk);
    case S.SO_DETACH_FILTER:
      return skDetachFilter(sk, ENOENT);
    case S.SO_LOCK_FILTER:
      if (sk.filterLocked && !on) return -EPERM;
      sk.filterLocked = on;
      return 0;
    case S.SO_MARK:
      if (!cred.capable(CAP_NET_RAW) && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      if (sk.mark !== val >>> 0) {
        sk.mark = val >>> 0;
        sk.dst = null;
      }
      return 0;
    case S.SO_RCVMARK:
      setFlag(sk, SOCK_RCVMARK, on);
      return 0;
    case SO_RCVPRIORITY:
      sk.rcvpriority = on;
      return 0;
    case S.SO_RXQ_OVFL:
      setFlag(sk, SOCK_RXQ_OVFL, on);
      return 0;
    case S.SO_WIFI_STATUS:
      setFlag(sk, SOCK_WIFI_STATUS, on);
      return 0;
    case S.SO_PEEK_OFF:
      if (socket.ops.setPeekOff === undefined) return -EOPNOTSUPP;
      return socket.ops.setPeekOff(sk, val);
    case S.SO_NOFCS:
      setFlag(sk, SOCK_NOFCS, on);
      return 0;
    case S.SO_SELECT_ERR_QUEUE:
      setFlag(sk, SOCK_SELECT_ERR_QUEUE, on);
      return 0;
    case S.SO_BUSY_POLL:
      if (val < 0) return -EINVAL;
      if (val > sk.llUsec && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      sk.llUsec = val;
      return 0;
    case S.SO_PREFER_BUSY_POLL:
      if (on && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      sk.preferBusyPoll = on ? 1 : 0;
      return 0;
    case S.SO_BUSY_POLL_BUDGET:
      if (val < 0 || val > 0xffff) return -EINVAL;
      if (val > sk.busyPollBudget && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      sk.busyPollBudget = val;
      return 0;
    case S.SO_MAX_PACING_RATE:
      sk.maxPacingRate =
        value.length >= 8 ? Number(hostU64(value, 0)) : val === -1 ? Number.POSITIVE_INFINITY : val >>> 0;
      return 0;
    case S.SO_INCOMING_CPU:
      sk.incomingCpu = val;
      return 0;
    case S.SO_CNX_ADVICE:
      if (val === 1) sk.dst = null;
      return 0;
    case S.SO_ZEROCOPY:
      if (sk.family === S.AF_INET || sk.family === S.AF_INET6) {
        const tcp = sk.type === S.SOCK_STREAM;
        const udp = sk.type === S.SOCK_DGRAM && sk.protocol === IPPROTO_UDP;
        if (!tcp && !udp) return -EOPNOTSUPP;
      } else return -EOPNOTSUPP;
      if (val < 0 || val > 1) return -EINVAL;
      setFlag(sk, SOCK_ZEROCOPY, on);
      return 0;
    case S.SO_TXTIME: {
      if (value.length !== 8) return -EINVAL;
      const flags = hostU32(value, 4);
      if (flags & ~3) return -EINVAL;
      const clockid = hostI32(value, 0);
      if (clockid !== 1 && !cred.capable(CAP_NET_ADMIN)) return -EPERM;
      setFlag(sk, SOCK_TXTIME, true);
      sk.txtime = clockid;
      sk.txtimeFlags = flags;
      return 0;
    }
    case S.SO_BINDTOIFINDEX:
      return sockBindToIndex(sk, val);
    case S.SO_BUF_LOCK:
      if (val & ~SOCK_BUF_LOCK_MASK) return -EINVAL;
      sk.userlocks = (sk.userlocks & ~SOCK_BUF_LOCK_MASK) | (val & SOCK_BUF_LOCK_MASK);
      return 0;
    case S.SO_RESERVE_MEM:
      if (val < 0) return -EINVAL;
      return -EOPNOTSUPP; // no memory cgroup to reserve from
    case S.SO_TXREHASH:
      return -EOPNOTSUPP; // TCP's alone
    case S.SO_PASSCRED:
    case S.SO_PASSSEC:
    case SO_PASSPIDFD:
    case SO_PASSRIGHTS:
      return -EOPNOTSUPP; // AF_UNIX and AF_NETLINK alone
    default:
      return -ENOPROTOOPT;
  }
}

const scratch = new Uint8Array(40);

/** Writes as much of the answer as there is room for, and its length. */
export function putOption(answer: Uint8Array, size: number, value: Uint8Array, length: Int32Array): number {
  const room = Math.min(length[0]!, size);
  if (room > value.length) return -EFAULT;
  value.set(answer.subarray(0, room));
  length[0] = room;
  return 0;
}

function putTimeout(us: number, value: Uint8Array, length: Int32Array): number {
  const whole = us < 1 ? 0 : us;
  putHostU64(scratch, 0, BigInt(Math.floor(whole / 1e6)));
  putHostU64(scratch, 8, BigInt(whole % 1e6));
  return putOption(scratch, 16, value, length);
}

export function sockGetsockopt(socket: Socket, name: number, value: Uint8Array, length: Int32Array): number {
  const sk = socket.sk!;
  const flag = (bit: number): number => (sk.flags & bit ? 1 : 0);
  const len = length[0]!;
  if (len < 0) return -EINVAL;
  let val: number;
  switch (name) {
    case S.SO_DEBUG:
      val = flag(SOCK_DBG);
      break;
    case S.SO_DONTROUTE:
      val = flag(SOCK_LOCALROUTE);
      break;
    case S.SO_BROADCAST:
      val = flag(SOCK_BROADCAST);
      break;
    case S.SO_SNDBUF:
      val = sk.sndbuf;
      break;
    case S.SO_RCVBUF:
      val = sk.rcvbuf;
      break;
    case S.SO_REUSEADDR:
      val = sk.reuse;
      break;
    case S.SO_REUSEPORT:
      val = sk.reuseport;
      break;
    case S.SO_KEEPALIVE:
      val = flag(SOCK_KEEPOPEN);
      break;
    case S.SO_TYPE:
      val = sk.type;
      break;
    case S.SO_PROTOCOL:
      val = sk.protocol;
      break;
    case S.SO_DOMAIN:
      val = sk.family;
      break;
    case S.SO_ERROR:
      val = sk.err;
      sk.err = 0;
      if (val === 0) {
        val = sk.errSoft;
        sk.errSoft = 0;
      }
      break;
    case S.SO_OOBINLINE:
      val = flag(SOCK_URGINLINE);
      break;
    case S.SO_NO_CHECK:
      val = sk.noCheckTx ? 1 : 0;
      break;
    case S.SO_PRIORITY:
      val = sk.priority | 0;
      break;
    case S.SO_LINGER:
      putHostU32(scratch, 0, flag(SOCK_LINGER));
      putHostU32(scratch, 4, sk.lingertime);
      return putOption(scratch, 8, value, length);
    case S.SO_BSDCOMPAT:
      val = 0;
      break;
    case S.SO_TIMESTAMP:
      val = flag(SOCK_RCVTSTAMP) && !flag(SOCK_TSTAMP_NEW) && !flag(SOCK_RCVTSTAMPNS) ? 1 : 0;
      break;
    case S.SO_TIMESTAMPNS:
      val = flag(SOCK_RCVTSTAMPNS) && !flag(SOCK_TSTAMP_NEW) ? 1 : 0;
      break;
    case S.SO_TIMESTAMP_NEW:
      val = flag(SOCK_RCVTSTAMP) && flag(SOCK_TSTAMP_NEW) ? 1 : 0;
      break;
    case S.SO_TIMESTAMPNS_NEW:
      val = flag(SOCK_RCVTSTAMPNS) && flag(SOCK_TSTAMP_NEW) ? 1 : 0;
      break;
    case S.SO_TIMESTAMPING:
    case S.SO_TIMESTAMPING_NEW: {
      // struct so_timestamping: flags and the clock bound to, where there is room for both.
      const isNew = name === S.SO_TIMESTAMPING_NEW;
      const shown = !isNew || flag(SOCK_TSTAMP_NEW) ? sk.tsflags : 0;
      putHostU32(scratch, 0, shown);
      putHostU32(scratch, 4, 0);
      return putOption(scratch, 8, value, length);
    }
    case S.SO_RCVTIMEO:
    case S.SO_RCVTIMEO_NEW:
      return putTimeout(sk.rcvtimeoUs, value, length);
    case S.SO_SNDTIMEO:
    case S.SO_SNDTIMEO_NEW:
      return putTimeout(sk.sndtimeoUs, value, length);
    case S.SO_RCVLOWAT:
      val = sk.rcvlowat;
      break;
    case S.SO_SNDLOWAT:
      val = 1;
      break;
    case S.SO_PEERCRED: {
      // No peer: pid 0, uid and gid -1.
      const cred = new Uint8Array(12).fill(0xff);
      cred.fill(0, 0, 4);
      return putOption(cred, 12, value, length);
    }
    case S.SO_PEERNAME: {
      const address = new Uint8Array(128);
      const size = socket.ops.getname(socket, address, true);
      if (size < 0) return -ENOTCONN;
      if (size < len) return -EINVAL;
      value.set(address.subarray(0, len));
      length[0] = len;
      return 0;
    }
    case S.SO_ACCEPTCONN:
      val = sk.state === TCP_LISTEN ? 1 : 0;
      break;
    case S.SO_PEERSEC:
    case SO_INQ:
      return -ENOPROTOOPT;
    case S.SO_PEERGROUPS:
      return -ENODATA;
    case S.SO_PASSCRED:
    case S.SO_PASSSEC:
    case SO_PASSPIDFD:
    case SO_PASSRIGHTS:
      return -EOPNOTSUPP;
    case S.SO_MARK:
      val = sk.mark | 0;
      break;
    case S.SO_RCVMARK:
      val = flag(SOCK_RCVMARK);
      break;
    case SO_RCVPRIORITY:
      val = sk.rcvpriority ? 1 : 0;
      break;
    case S.SO_RXQ_OVFL:
      val = flag(SOCK_RXQ_OVFL);
      break;
    case S.SO_WIFI_STATUS:
      val = flag(SOCK_WIFI_STATUS);
      break;
    case S.SO_PEEK_OFF:
      if (socket.ops.setPeekOff === undefined) return -EOPNOTSUPP;
      val = sk.peekOff;
      break;
    case S.SO_NOFCS:
      val = flag(SOCK_NOFCS);
      break;
    case S.SO_BINDTODEVICE: {
      if (sk.boundDevIf === 0) {
        length[0] = 0;
        return 0;
      }
      if (len < IFNAMSIZ) return -EINVAL;
      const dev = sk.net.devices.get(sk.boundDevIf);
      if (dev === undefined) return -ENODEV;
      const text = new TextEncoder().encode(`${dev.name}\0`);
      value.set(text);
      length[0] = text.length;
      return 0;
    }
    case S.SO_GET_FILTER: {
      // In units of instructions: 0 asks how many there are. One byte more than an int would do.
      if (sk.filter === null) {
        length[0] = 0;
        return 0;
      }
      if (len === 0) {
        length[0] = sk.filter.length;
        return 0;
      }
      if (len < sk.filter.length) return -EINVAL;
      if (value.length < sk.filter.image.length) return -EFAULT;
      value.set(sk.filter.image);
      length[0] = sk.filter.length;
      return 0;
    }
    case S.SO_LOCK_FILTER:
      val = sk.filterLocked ? 1 : 0;
      break;
    case S.SO_BPF_EXTENSIONS:
      val = 64; // SKF_AD_MAX
      break;
    case S.SO_SELECT_ERR_QUEUE:
      val = flag(SOCK_SELECT_ERR_QUEUE);
      break;
    case S.SO_BUSY_POLL:
      val = sk.llUsec;
      break;
    case S.SO_PREFER_BUSY_POLL:
      val = sk.preferBusyPoll;
      break;
    case S.SO_MAX_PACING_RATE: {
      if (len >= 8) {
        putHostU64(
          scratch,
          0,
          sk.maxPacingRate === Number.POSITIVE_INFINITY ? 0xffffffffffffffffn : BigInt(sk.maxPacingRate),
        );
        return putOption(scratch, 8, value, length);
      }
      val = Math.min(sk.maxPacingRate, 0xffffffff) | 0;
      if (sk.maxPacingRate >= 0xffffffff) val = -1;
      break;
    }
    case S.SO_INCOMING_CPU:
      val = sk.incomingCpu;
      break;
    case S.SO_MEMINFO: {
      const info = [
        sk.rmemAlloc,
        sk.rcvbuf,
        sk.wmemAlloc,
        sk.sndbuf,
        sk.forwardAlloc,
        sk.wmemQueued,
        sk.omemAlloc,
        0,
        sk.drops,
      ];
      for (let i = 0; i < info.length; i++) putHostU32(scratch, i * 4, info[i]!);
      return putOption(scratch, 36, value, length);
    }
    case S.SO_INCOMING_NAPI_ID:
      val = 0;
      break;
    case S.SO_COOKIE:
      if (len < 8) return -EINVAL;
      if (sk.cookie === 0) sk.cookie = ++sk.net.nextCookie;
      putHostU64(scratch, 0, BigInt(sk.cookie));
      return putOption(scratch, 8, value, length);
    case S.SO_ZEROCOPY:
      val = flag(SOCK_ZEROCOPY);
      break;
    case S.SO_TXTIME:
      putHostU32(scratch, 0, sk.txtime);
      putHostU32(scratch, 4, sk.txtimeFlags);
      return putOption(scratch, 8, value, length);
    case S.SO_BINDTOIFINDEX:
      val = sk.boundDevIf;
      break;
    case S.SO_NETNS_COOKIE:
      if (len !== 8) return -EINVAL;
      putHostU64(scratch, 0, 1n);
      return putOption(scratch, 8, value, length);
    case S.SO_BUF_LOCK:
      val = sk.userlocks & SOCK_BUF_LOCK_MASK;
      break;
    case S.SO_RESERVE_MEM:
      val = 0;
      break;
    case S.SO_TXREHASH:
      return -EOPNOTSUPP; // TCP's alone
    case SO_PEERPIDFD:
      return -ENOPROTOOPT;
    default:
      return -ENOPROTOOPT;
  }
  putHostU32(scratch, 0, val);
  return putOption(scratch, 4, value, length);
}
