import { CAP_NET_ADMIN } from '../uapi/capability.ts';
import {
  EADDRINUSE,
  ECONNREFUSED,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENODATA,
  ENOPROTOOPT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
} from '../uapi/errno.ts';
import { hostU16, hostU32, putHostU16, putHostU32 } from '../uapi/host.ts';
import {
  NETLINK_ADD_MEMBERSHIP,
  NETLINK_CAP_ACK,
  NETLINK_DROP_MEMBERSHIP,
  NETLINK_EXT_ACK,
  NETLINK_GET_STRICT_CHK,
  NETLINK_PKTINFO,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_CAPPED,
  NLM_F_DUMP,
  NLM_F_MULTI,
  NLM_F_REQUEST,
  NLMSG_ALIGN,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  nlmsghdr,
  sockaddr_nl,
} from '../uapi/netlink.ts';
import { AF_NETLINK, MSG_OOB, SOCK_DGRAM, SOCK_RAW, SOL_NETLINK } from '../uapi/socket.ts';
import { copyFromIter, putCmsgInt } from './iov.ts';
import { allocSkb, consumeSkb, skbPut, skbQueueTail, skbSetOwnerR } from './skbuff.ts';
import {
  datagramPoll,
  finishDatagram,
  recvError,
  skbRecvDatagram,
  skCommonRelease,
  sockInitData,
  sockRecvCmsgs,
} from './sock.ts';
import { putOption } from './sock-options.ts';
import { sockNoAccept, sockNoListen, sockNoSocketpair, sockRegister } from './socket.ts';
import { type Net, type Proto, type ProtoOps, Sock, type Socket } from './structs.ts';

/** AF_NETLINK, netlink(7) (net/netlink/af_netlink.c): requests to the kernel, answered into the socket's own queue. */

export const NETLINK_KEY = 19;
const NLMSG_HDR = 16;

/** What answers a message of one type: the answers' bodies, or -errno. */
export interface RtnlHandler {
  /** Fills a list (NLM_F_DUMP): messages of `type`. */
  dump?(net: Net, payload: Uint8Array): { type: number; body: Uint8Array }[];
  /** One answer, nothing (0), or -errno. */
  doit?(net: Net, payload: Uint8Array, flags: number): { type: number; body: Uint8Array } | number;
}

interface NetlinkState {
  readonly route: Map<number, RtnlHandler>;
  readonly ports: Map<number, NetlinkSock>;
}
const state = (net: Net): NetlinkState =>
  (net.gen[NETLINK_KEY] ??= { route: new Map(), ports: new Map() }) as NetlinkState;

export function rtnlRegister(net: Net, type: number, handler: RtnlHandler): void {
  state(net).route.set(type, handler);
}

/** What is registered for a type, for a family that answers beside another. */
export const rtnlHandler = (net: Net, type: number): RtnlHandler | undefined => state(net).route.get(type);

class NetlinkSock extends Sock {
  portid = 0;
  dstPortid = 0;
  groups = 0;
  pktinfo = false;
  extAck = false;
  capAck = false;
  strict = false;
}

const netlinkProt: Proto = { name: 'NETLINK', close: () => {}, sendmsg: () => -EOPNOTSUPP, recvmsg: () => -EOPNOTSUPP };

function create(net: Net, socket: Socket, protocol: number): number {
  if (socket.type !== SOCK_RAW && socket.type !== SOCK_DGRAM) return -ESOCKTNOSUPPORT;
  if (protocol !== NETLINK_ROUTE) return -EPROTONOSUPPORT;
  socket.ops = netlinkOps;
  const sk = new NetlinkSock(net, AF_NETLINK, netlinkProt);
  sk.protocol = protocol;
  sockInitData(socket, sk);
  return 0;
}

function autobind(sk: NetlinkSock): void {
  const { ports } = state(sk.net);
  let portid = 1000 + ((sk.socket?.ino ?? 0) % 30000);
  while (ports.has(portid)) portid++;
  sk.portid = portid;
  ports.set(portid, sk);
}

function bind(socket: Socket, address: Uint8Array): number {
  const sk = socket.sk as NetlinkSock;
  if (address.length < sockaddr_nl.sizeof) return -EINVAL;
  if (hostU16(address, 0) !== AF_NETLINK) return -EINVAL;
  const portid = hostU32(address, sockaddr_nl.nl_pid);
  const { ports } = state(sk.net);
  if (sk.portid !== 0) {
    if (portid !== sk.portid) return -EINVAL;
  } else if (portid === 0) autobind(sk);
  else {
    if (ports.has(portid)) return -EADDRINUSE;
    sk.portid = portid;
    ports.set(portid, sk);
  }
  sk.groups = hostU32(address, sockaddr_nl.nl_groups);
  return 0;
}

function putName(to: Uint8Array, at: number, portid: number, groups: number): number {
  to.fill(0, at, at + sockaddr_nl.sizeof);
  putHostU16(to, at, AF_NETLINK);
  putHostU32(to, at + sockaddr_nl.nl_pid, portid);
  putHostU32(to, at + sockaddr_nl.nl_groups, groups);
  return sockaddr_nl.sizeof;
}

/** One message with its header. */
function message(type: number, flags: number, seq: number, portid: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NLMSG_ALIGN(NLMSG_HDR + body.length));
  putHostU32(bytes, nlmsghdr.nlmsg_len, NLMSG_HDR + body.length);
  putHostU16(bytes, nlmsghdr.nlmsg_type, type);
  putHostU16(bytes, nlmsghdr.nlmsg_flags, flags);
  putHostU32(bytes, nlmsghdr.nlmsg_seq, seq);
  putHostU32(bytes, nlmsghdr.nlmsg_pid, portid);
  bytes.set(body, NLMSG_HDR);
  return bytes;
}

function queue(sk: NetlinkSock, bytes: Uint8Array): void {
  const skb = allocSkb(bytes.length);
  skb.head.set(bytes, skbPut(skb, bytes.length));
  skbSetOwnerR(skb, sk);
  skbQueueTail(sk.receiveQueue, skb);
  sk.dataReady();
}

/** NLMSG_ERROR: the error, and the request that it is about (its header alone where there is none). */
function ack(sk: NetlinkSock, request: Uint8Array, error: number, seq: number): void {
  const whole = error !== 0 && !sk.capAck;
  const quoted = whole ? request : request.subarray(0, NLMSG_HDR);
  const body = new Uint8Array(4 + quoted.length);
  putHostU32(body, 0, error);
  body.set(quoted, 4);
  queue(sk, message(NLMSG_ERROR, whole ? 0 : NLM_F_CAPPED, seq, sk.portid, body));
}

/** Lists go out in messages of at most this many bytes together. */
const DUMP_ROOM = 32768;

function rcv(sk: NetlinkSock, data: Uint8Array): void {
  for (let at = 0; at + NLMSG_HDR <= data.length; ) {
    const length = hostU32(data, at + nlmsghdr.nlmsg_len);
    if (length < NLMSG_HDR || at + length > data.length) return;
    const request = data.subarray(at, at + length);
    at += NLMSG_ALIGN(length);
    const type = hostU16(request, nlmsghdr.nlmsg_type);
    const flags = hostU16(request, nlmsghdr.nlmsg_flags);
    const seq = hostU32(request, nlmsghdr.nlmsg_seq);
    if (!(flags & NLM_F_REQUEST)) continue;
    let error = 0;
    if (type >= NLMSG_MIN_TYPE) {
      const handler = state(sk.net).route.get(type);
      const payload = request.subarray(NLMSG_HDR);
      // Kinds of requests: new, delete, get, set, in fours; all but get need the capability.
      if ((type & 3) !== 2 && !sk.net.cred.capable(CAP_NET_ADMIN)) error = -EPERM;
      else if (handler === undefined) error = -EOPNOTSUPP;
      else if ((type & 3) === 2 && (flags & NLM_F_DUMP) !== 0) {
        if (handler.dump === undefined) error = -EOPNOTSUPP;
        else {
          dump(sk, handler.dump(sk.net, payload), seq);
          continue;
        }
      } else if (handler.doit === undefined) error = -EOPNOTSUPP;
      else {
        const answer = handler.doit(sk.net, payload, flags);
        if (typeof answer === 'number') error = answer;
        else queue(sk, message(answer.type, 0, seq, sk.portid, answer.body));
      }
    }
    if (flags & NLM_F_ACK || error !== 0) ack(sk, request, error, seq);
  }
}

function dump(sk: NetlinkSock, list: { type: number; body: Uint8Array }[], seq: number): void {
  let pieces: Uint8Array[] = [];
  let size = 0;
  const flush = (): void => {
    if (pieces.length === 0) return;
    const all = new Uint8Array(size);
    let at = 0;
    for (const piece of pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    queue(sk, all);
    pieces = [];
    size = 0;
  };
  for (const { type, body } of list) {
    const one = message(type, NLM_F_MULTI, seq, sk.portid, body);
    if (size + one.length > DUMP_ROOM) flush();
    pieces.push(one);
    size += one.length;
  }
  flush();
  queue(sk, message(NLMSG_DONE, NLM_F_MULTI, seq, sk.portid, new Uint8Array(4)));
}

const netlinkOps: ProtoOps = {
  family: AF_NETLINK,
  release(socket) {
    const sk = socket.sk as NetlinkSock | null;
    if (sk === null) return;
    if (sk.portid !== 0) state(sk.net).ports.delete(sk.portid);
    skCommonRelease(sk);
  },
  bind,
  connect(socket, address) {
    const sk = socket.sk as NetlinkSock;
    if (address.length < 2) return -EINVAL;
    const family = hostU16(address, 0);
    if (family === 0) {
      sk.dstPortid = 0;
      return 0;
    }
    if (family !== AF_NETLINK || address.length < sockaddr_nl.sizeof) return -EINVAL;
    if (sk.portid === 0) autobind(sk);
    sk.dstPortid = hostU32(address, sockaddr_nl.nl_pid);
    return 0;
  },
  socketpair: sockNoSocketpair,
  accept: sockNoAccept,
  getname(socket, address, peer) {
    const sk = socket.sk as NetlinkSock;
    return putName(address, 0, peer ? sk.dstPortid : sk.portid, peer ? 0 : sk.groups);
  },
  poll: (socket) => datagramPoll(socket.sk!),
  ioctl: () => -ENOTTY,
  listen: sockNoListen,
  shutdown: () => -EOPNOTSUPP,
  setsockopt(socket, level, name, value) {
    const sk = socket.sk as NetlinkSock;
    if (level !== SOL_NETLINK) return -ENOPROTOOPT;
    if (value.length < 4) return -EINVAL;
    const on = hostU32(value, 0) !== 0;
    switch (name) {
      case NETLINK_PKTINFO:
        sk.pktinfo = on;
        return 0;
      case NETLINK_EXT_ACK:
        sk.extAck = on;
        return 0;
      case NETLINK_CAP_ACK:
        sk.capAck = on;
        return 0;
      case NETLINK_GET_STRICT_CHK:
        sk.strict = on;
        return 0;
      case NETLINK_ADD_MEMBERSHIP:
      case NETLINK_DROP_MEMBERSHIP: {
        const group = hostU32(value, 0);
        if (group === 0 || group > 32) return -EINVAL;
        if (name === NETLINK_ADD_MEMBERSHIP) sk.groups |= 1 << (group - 1);
        else sk.groups &= ~(1 << (group - 1));
        return 0;
      }
      default:
        return -ENOPROTOOPT;
    }
  },
  getsockopt(socket, level, name, value, length) {
    const sk = socket.sk as NetlinkSock;
    if (level !== SOL_NETLINK) return -ENOPROTOOPT;
    const flags: Record<number, boolean> = {
      [NETLINK_PKTINFO]: sk.pktinfo,
      [NETLINK_EXT_ACK]: sk.extAck,
      [NETLINK_CAP_ACK]: sk.capAck,
      [NETLINK_GET_STRICT_CHK]: sk.strict,
    };
    if (!(name in flags)) return -ENOPROTOOPT;
    if (length[0]! < 4) return -EINVAL;
    const word = new Uint8Array(4);
    putHostU32(word, 0, flags[name] ? 1 : 0);
    return putOption(word, 4, value, length);
  },
  sendmsg(socket, msg, len) {
    const sk = socket.sk as NetlinkSock;
    if (msg.flags & MSG_OOB) return -EOPNOTSUPP;
    if (len === 0) return -ENODATA;
    let portid = sk.dstPortid;
    if (msg.name !== null) {
      if (msg.namelen < sockaddr_nl.sizeof || hostU16(msg.name, msg.nameAt) !== AF_NETLINK) return -EINVAL;
      portid = hostU32(msg.name, msg.nameAt + sockaddr_nl.nl_pid);
      if (
        (portid !== 0 || hostU32(msg.name, msg.nameAt + sockaddr_nl.nl_groups) !== 0) &&
        !sk.net.cred.capable(CAP_NET_ADMIN)
      )
        return -EPERM;
    }
    if (sk.portid === 0) autobind(sk);
    if (len > sk.sndbuf - 32) return -EMSGSIZE;
    const data = new Uint8Array(len);
    if (!copyFromIter(msg, data, 0, len)) return -EFAULT;
    if (portid !== 0) return state(sk.net).ports.has(portid) ? -EPERM : -ECONNREFUSED;
    rcv(sk, data);
    return len;
  },
  recvmsg(socket, msg, len, flags) {
    const sk = socket.sk as NetlinkSock;
    if (flags & MSG_OOB) return -EOPNOTSUPP;
    const skb = skbRecvDatagram(sk, sk.receiveQueue, flags);
    if (skb === null) return recvError;
    const result = finishDatagram(sk, skb, msg, len, flags);
    if (msg.name !== null) msg.namelen = putName(msg.name, msg.nameAt, 0, 0);
    sockRecvCmsgs(sk, skb, msg);
    if (sk.pktinfo) putCmsgInt(msg, SOL_NETLINK, NETLINK_PKTINFO, 0);
    consumeSkb(skb);
    return result;
  },
};

export function netlinkInit(net: Net): void {
  sockRegister(net, { family: AF_NETLINK, create });
}
