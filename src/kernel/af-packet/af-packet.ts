import { be16, putBe16 } from '../../bytes/endian.ts';
import { CAP_NET_RAW } from '../../uapi/capability.ts';
import { EAGAIN, EINVAL, ENETDOWN, ENODEV, ENOTCONN, EOPNOTSUPP, EPERM, ESOCKTNOSUPPORT } from '../../uapi/errno.ts';
import { sock_extended_err } from '../../uapi/errqueue.ts';
import { hostI32, hostU16, putHostU16, putHostU32 } from '../../uapi/host.ts';
import { IFF_UP } from '../../uapi/if.ts';
import {
  PACKET_AUXDATA,
  PACKET_OUTGOING,
  PACKET_TX_TIMESTAMP,
  sockaddr_ll,
  TP_STATUS_AVAILABLE,
  TP_STATUS_CSUM_VALID,
  TP_STATUS_CSUMNOTREADY,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  tpacket_auxdata,
} from '../../uapi/if_packet.ts';
import { POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM } from '../../uapi/poll.ts';
import {
  AF_PACKET,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_PEEK,
  MSG_TRUNC,
  SOCK_DGRAM,
  SOCK_PACKET,
  SOCK_RAW,
  SOL_PACKET,
} from '../../uapi/socket.ts';
import {
  SIOCADDRT,
  SIOCDARP,
  SIOCDELRT,
  SIOCGARP,
  SIOCGIFADDR,
  SIOCGIFBRDADDR,
  SIOCGIFDSTADDR,
  SIOCGIFNETMASK,
  SIOCGSTAMP_OLD,
  SIOCGSTAMPNS_OLD,
  SIOCINQ,
  SIOCOUTQ,
  SIOCSARP,
  SIOCSIFADDR,
  SIOCSIFBRDADDR,
  SIOCSIFDSTADDR,
  SIOCSIFFLAGS,
  SIOCSIFNETMASK,
} from '../../uapi/sockios.ts';
import { sockGettstamp } from '../af-inet.ts';
import { NETDEV_DOWN, NETDEV_UNREGISTER, NETDEV_UP } from '../dev.ts';
import { devIoctl, inetDevIoctl } from '../dev-ioctl.ts';
import { copyToIter, putCmsg, skbCopyDatagram } from '../iov.ts';
import { consumeSkb } from '../skbuff.ts';
import {
  datagramPoll,
  recvError,
  skbRecvDatagram,
  skCommonRelease,
  sockDequeueErrSkb,
  sockInitData,
  sockRecvCmsgs,
  sockRecvTimestamp,
} from '../sock.ts';
import { sockNoAccept, sockNoListen, sockNoSocketpair, sockRegister } from '../socket.ts';
import {
  CHECKSUM_PARTIAL,
  type Net,
  type NetDevice,
  type PacketType,
  type Proto,
  type ProtoOps,
  type SkBuff,
  type Socket,
} from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import { fanoutRelease } from './fanout.ts';
import { registerHook, unregisterHook } from './hook.ts';
import { devMc } from './membership.ts';
import { packetGetsockopt, packetSetsockopt } from './options.ts';
import { csumValid, PacketSock, vnetHdrFromSkb } from './packet-sock.ts';
import { frameStatus, packetRcv, packetRcvHasRoom, ringReadable } from './receive.ts';
import { packetMmap, setRing } from './rings.ts';
import { packetSnd, tpacketSnd } from './send.ts';

/** AF_PACKET, packet(7) (net/packet/af_packet.c): the calls and the options. Its rooms: receive, ring-v3, send, fanout. */

export const PACKET_KEY = 18;
export const packetSockets = (net: Net): PacketSock[] => (net.gen[PACKET_KEY] ??= []) as PacketSock[];

const packetProt: Proto = { name: 'PACKET', close: () => {}, sendmsg: () => -EOPNOTSUPP, recvmsg: () => -EOPNOTSUPP };

const ntohs = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);

function create(net: Net, socket: Socket, protocol: number): number {
  if (!net.cred.capable(CAP_NET_RAW)) return -EPERM;
  if (socket.type !== SOCK_DGRAM && socket.type !== SOCK_RAW && socket.type !== SOCK_PACKET) return -ESOCKTNOSUPPORT;
  socket.ops = packetOps;
  const number = ntohs(protocol & 0xffff);
  const hook: PacketType = {
    type: number,
    dev: null,
    func: packetRcv,
    afPacketPriv: null,
    ignoreOutgoing: false,
    idMatch: null,
  };
  const po = new PacketSock(net, packetProt, hook);
  po.num = number;
  po.protocol = 0;
  sockInitData(socket, po);
  packetSockets(net).push(po);
  if (number !== 0) registerHook(po);
  return 0;
}

function release(socket: Socket): void {
  const po = socket.sk as PacketSock | null;
  if (po === null) return;
  const { net } = po;
  const list = packetSockets(net);
  list.splice(list.indexOf(po), 1);
  unregisterHook(po);
  for (const mc of po.mclist.splice(0)) devMc(po, mc, -1);
  fanoutRelease(po);
  setRing(po, null, false);
  setRing(po, null, true);
  skCommonRelease(po);
}

function bind(socket: Socket, address: Uint8Array): number {
  const po = socket.sk as PacketSock;
  const { net } = po;
  if (socket.type === SOCK_PACKET) {
    // struct sockaddr with the name of a device.
    if (address.length !== 16) return -EINVAL;
    const name = address.subarray(2, 16);
    const end = name.indexOf(0);
    const dev = net.devByName.get(new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)));
    if (dev === undefined) return -ENODEV;
    return doBind(po, dev, po.num);
  }
  if (address.length < sockaddr_ll.sizeof) return -EINVAL;
  if (hostU16(address, 0) !== AF_PACKET) return -EINVAL;
  const ifindex = hostI32(address, sockaddr_ll.sll_ifindex);
  const protocol = be16(address, sockaddr_ll.sll_protocol) || po.num;
  if (po.fanout !== null) return -EINVAL;
  let dev: NetDevice | null = null;
  if (ifindex !== 0) {
    dev = net.devices.get(ifindex) ?? null;
    if (dev === null) return -ENODEV;
  }
  return doBind(po, dev, protocol);
}

function doBind(po: PacketSock, dev: NetDevice | null, protocol: number): number {
  if (po.fanout !== null) return -EINVAL;
  const changed = po.hook.type !== protocol || po.hook.dev !== dev;
  if (changed) {
    unregisterHook(po);
    po.num = protocol;
    po.hook.type = protocol;
    po.hook.dev = dev;
    po.ifindex = dev === null ? 0 : dev.ifindex;
    po.boundDev = dev;
  }
  if (protocol === 0 || !changed) return 0;
  if (dev === null || dev.flags & IFF_UP) registerHook(po);
  else {
    po.err = ENETDOWN;
    po.errorReport();
  }
  return 0;
}

function getname(socket: Socket, address: Uint8Array, peer: boolean): number {
  if (peer) return -EOPNOTSUPP;
  const po = socket.sk as PacketSock;
  if (socket.type === SOCK_PACKET) {
    address.fill(0, 0, 16);
    putHostU16(address, 0, AF_PACKET);
    if (po.boundDev !== null) address.set(new TextEncoder().encode(po.boundDev.name), 2);
    return 16;
  }
  address.fill(0, 0, sockaddr_ll.sizeof);
  putHostU16(address, 0, AF_PACKET);
  putBe16(address, sockaddr_ll.sll_protocol, po.num);
  putHostU32(address, sockaddr_ll.sll_ifindex, po.ifindex);
  const dev = po.net.devices.get(po.ifindex);
  if (dev === undefined) return sockaddr_ll.sll_addr;
  putHostU16(address, sockaddr_ll.sll_hatype, dev.type);
  address[sockaddr_ll.sll_halen] = dev.addrLen;
  address.set(dev.devAddr, sockaddr_ll.sll_addr);
  return sockaddr_ll.sll_addr + dev.addrLen;
}

function sendmsg(socket: Socket, msg: Msghdr, len: number): number {
  const po = socket.sk as PacketSock;
  if (socket.type === SOCK_PACKET) return sendSpkt(po, msg, len);
  return po.txRing !== null ? tpacketSnd(po, msg) : packetSnd(po, msg, len);
}

/** SOCK_PACKET: struct sockaddr_pkt names the device. */
function sendSpkt(po: PacketSock, msg: Msghdr, len: number): number {
  if (msg.name === null) return -ENOTCONN;
  if (msg.namelen < 16) return -EINVAL;
  const name = msg.name.subarray(msg.nameAt + 2, msg.nameAt + 15);
  const end = name.indexOf(0);
  const dev = po.net.devByName.get(new TextDecoder().decode(end < 0 ? name : name.subarray(0, end)));
  if (dev === undefined) return -ENODEV;
  const protocol = msg.namelen >= 18 ? be16(msg.name, msg.nameAt + 16) : 0;
  const ll = new Uint8Array(sockaddr_ll.sizeof);
  putHostU16(ll, 0, AF_PACKET);
  putBe16(ll, sockaddr_ll.sll_protocol, protocol);
  putHostU32(ll, sockaddr_ll.sll_ifindex, dev.ifindex);
  msg.name = ll;
  msg.nameAt = 0;
  msg.namelen = ll.length;
  return packetSnd(po, msg, len);
}

const auxdata = new Uint8Array(tpacket_auxdata.sizeof);

/** sock_recv_errqueue: the time at which a frame was sent. */
function recvErrqueue(po: PacketSock, skb: SkBuff, msg: Msghdr, length: number): number {
  const copied = Math.min(skb.len, length);
  if (copied < skb.len) msg.flags |= MSG_TRUNC;
  skbCopyDatagram(po.net, skb, 0, msg, copied);
  sockRecvTimestamp(po, skb, msg);
  const info = skb.errInfo!;
  const told = new Uint8Array(sock_extended_err.sizeof);
  putHostU32(told, sock_extended_err.ee_errno, info.errno);
  told[sock_extended_err.ee_origin] = info.origin;
  putHostU32(told, sock_extended_err.ee_info, info.info);
  putHostU32(told, sock_extended_err.ee_data, info.data);
  putCmsg(msg, SOL_PACKET, PACKET_TX_TIMESTAMP, told);
  msg.flags |= MSG_ERRQUEUE;
  consumeSkb(skb);
  return copied;
}

function recvmsg(socket: Socket, msg: Msghdr, length: number, flags: number): number {
  const po = socket.sk as PacketSock;
  const { net } = po;
  if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC | MSG_ERRQUEUE)) return -EINVAL;
  if (flags & MSG_ERRQUEUE) {
    const skb = sockDequeueErrSkb(po);
    return skb === null ? -EAGAIN : recvErrqueue(po, skb, msg, length);
  }
  const skb = skbRecvDatagram(po, po.receiveQueue, flags & ~MSG_PEEK ? flags : flags);
  if (skb === null) return recvError;
  if (po.pressure) packetRcvHasRoom(po, null);
  let len = length;
  if (po.vnetHdrSz > 0) {
    if (len < po.vnetHdrSz) {
      consumeSkb(skb);
      return -EINVAL;
    }
    len -= po.vnetHdrSz;
    const header = new Uint8Array(po.vnetHdrSz);
    vnetHdrFromSkb(skb, header, 0, po.vnetHdrSz);
    copyToIter(msg, header, 0, po.vnetHdrSz);
  }
  let copied = skb.len;
  if (copied > len) {
    copied = len;
    msg.flags |= MSG_TRUNC;
  }
  skbCopyDatagram(net, skb, 0, msg, copied);
  sockRecvCmsgs(po, skb, msg);
  if (msg.name !== null) {
    const { name, nameAt: at } = msg;
    if (socket.type === SOCK_PACKET) {
      name.fill(0, at, at + 18);
      putHostU16(name, at, skb.sllHatype);
      const dev = net.devices.get(skb.iif);
      if (dev !== undefined) name.set(new TextEncoder().encode(dev.name).subarray(0, 13), at + 2);
      putBe16(name, at + 16, skb.protocol);
      msg.namelen = 18;
    } else {
      putHostU16(name, at + sockaddr_ll.sll_family, AF_PACKET);
      putBe16(name, at + sockaddr_ll.sll_protocol, skb.protocol);
      putHostU32(name, at + sockaddr_ll.sll_ifindex, skb.iif);
      putHostU16(name, at + sockaddr_ll.sll_hatype, skb.sllHatype);
      name[at + sockaddr_ll.sll_pkttype] = skb.pktType;
      name[at + sockaddr_ll.sll_halen] = skb.sllHalen;
      for (let i = 0; i < 8; i++)
        name[at + sockaddr_ll.sll_addr + i] = i < skb.sllHalen ? skb.head[skb.macHeader + 6 + i]! : 0;
      msg.namelen = sockaddr_ll.sizeof;
    }
  }
  if (po.auxdata) {
    let status = TP_STATUS_USER;
    if (skb.ipSummed === CHECKSUM_PARTIAL) status |= TP_STATUS_CSUMNOTREADY;
    else if (skb.pktType !== PACKET_OUTGOING && csumValid(skb)) status |= TP_STATUS_CSUM_VALID;
    if (skb.vlanPresent) status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
    putHostU32(auxdata, tpacket_auxdata.tp_status, status);
    putHostU32(auxdata, tpacket_auxdata.tp_len, skb.origlen);
    putHostU32(auxdata, tpacket_auxdata.tp_snaplen, skb.len);
    putHostU16(auxdata, tpacket_auxdata.tp_mac, 0);
    putHostU16(auxdata, tpacket_auxdata.tp_net, skb.networkHeader - skb.data);
    putHostU16(auxdata, tpacket_auxdata.tp_vlan_tci, skb.vlanPresent ? skb.vlanTci : 0);
    putHostU16(auxdata, tpacket_auxdata.tp_vlan_tpid, skb.vlanPresent ? skb.vlanProto : 0);
    putCmsg(msg, SOL_PACKET, PACKET_AUXDATA, auxdata);
  }
  const result = po.vnetHdrSz + (flags & MSG_TRUNC ? skb.len : copied);
  // The length on the wire lies where the address's first four bytes are written: after a peek it is lost.
  if (flags & MSG_PEEK) skb.origlen = AF_PACKET | (((skb.protocol & 0xff) << 24) | ((skb.protocol & 0xff00) << 8));
  consumeSkb(skb);
  return result;
}

function poll(socket: Socket): number {
  const po = socket.sk as PacketSock;
  let mask = datagramPoll(po);
  if (po.rxRing !== null && ringReadable(po)) mask |= POLLIN | POLLRDNORM;
  if (po.pressure) packetRcvHasRoom(po, null);
  if (po.txRing !== null && frameStatus(po, po.txRing, po.txRing.head) === TP_STATUS_AVAILABLE)
    mask |= POLLOUT | POLLWRNORM;
  return mask;
}

function ioctl(socket: Socket, request: number, argument: Uint8Array): number {
  const po = socket.sk as PacketSock;
  switch (request) {
    case SIOCOUTQ:
      putHostU32(argument, 0, po.wmemAlloc);
      return 0;
    case SIOCINQ:
      putHostU32(argument, 0, po.receiveQueue.first?.len ?? 0);
      return 0;
    case SIOCGSTAMP_OLD:
    case SIOCGSTAMPNS_OLD:
      return sockGettstamp(po, argument, request === SIOCGSTAMPNS_OLD);
    case SIOCGIFADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
    case SIOCGIFDSTADDR:
    case SIOCSIFADDR:
    case SIOCSIFBRDADDR:
    case SIOCSIFNETMASK:
    case SIOCSIFDSTADDR:
    case SIOCSIFFLAGS:
    case SIOCADDRT:
    case SIOCDELRT:
    case SIOCDARP:
    case SIOCGARP:
    case SIOCSARP:
      return inetDevIoctl(po.net, request, argument);
    default:
      return devIoctl(po.net, request, argument);
  }
}

const packetOps: ProtoOps = {
  family: AF_PACKET,
  release,
  bind,
  connect: () => -EOPNOTSUPP,
  socketpair: sockNoSocketpair,
  accept: sockNoAccept,
  getname,
  poll,
  ioctl,
  listen: sockNoListen,
  shutdown: () => -EOPNOTSUPP,
  setsockopt: packetSetsockopt,
  getsockopt: packetGetsockopt,
  sendmsg,
  recvmsg,
  mmap: packetMmap,
};

/** packet_notifier: what becomes of the sockets on a device that goes or comes. */
function notifier(net: Net, event: number, dev: NetDevice): void {
  if (event !== NETDEV_UNREGISTER && event !== NETDEV_DOWN && event !== NETDEV_UP) return;
  for (const po of [...packetSockets(net)]) {
    if (event === NETDEV_UNREGISTER) po.mclist = po.mclist.filter((mc) => mc.ifindex !== dev.ifindex);
    if (po.ifindex !== dev.ifindex) continue;
    if (event === NETDEV_UP) {
      if (po.num !== 0) registerHook(po);
      continue;
    }
    if (po.running) {
      unregisterHook(po);
      po.err = ENETDOWN;
      po.errorReport();
    }
    if (event === NETDEV_UNREGISTER) {
      po.ifindex = -1;
      po.boundDev = null;
      po.hook.dev = null;
    }
  }
}

export function packetInit(net: Net): void {
  sockRegister(net, { family: AF_PACKET, create });
  net.netdevChain.push((event, dev) => notifier(net, event, dev));
}
