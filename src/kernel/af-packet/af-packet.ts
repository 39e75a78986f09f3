import { be16, putBe16 } from '../../bytes/endian.ts';
import { CAP_NET_RAW } from '../../uapi/capability.ts';
import {
  EAGAIN,
  EBUSY,
  EINVAL,
  ENETDOWN,
  ENODEV,
  ENOMEM,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  ESOCKTNOSUPPORT,
} from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU16, putHostU32 } from '../../uapi/host.ts';
import { IFF_UP } from '../../uapi/if.ts';
import {
  fanout_args,
  PACKET_ADD_MEMBERSHIP,
  PACKET_AUXDATA,
  PACKET_COPY_THRESH,
  PACKET_DROP_MEMBERSHIP,
  PACKET_FANOUT,
  PACKET_FANOUT_DATA,
  PACKET_HDRLEN,
  PACKET_IGNORE_OUTGOING,
  PACKET_LOSS,
  PACKET_MR_ALLMULTI,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  PACKET_MR_UNICAST,
  PACKET_ORIGDEV,
  PACKET_OUTGOING,
  PACKET_QDISC_BYPASS,
  PACKET_RESERVE,
  PACKET_ROLLOVER_STATS,
  PACKET_RX_RING,
  PACKET_STATISTICS,
  PACKET_TIMESTAMP,
  PACKET_TX_HAS_OFF,
  PACKET_TX_RING,
  PACKET_VERSION,
  PACKET_VNET_HDR,
  packet_mreq,
  sockaddr_ll,
  TP_STATUS_AVAILABLE,
  TP_STATUS_CSUM_VALID,
  TP_STATUS_CSUMNOTREADY,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  TPACKET_ALIGNMENT,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  tpacket_auxdata,
  tpacket_req,
  tpacket_req3,
  tpacket_stats,
  tpacket_stats_v3,
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
import {
  devAddAddress,
  devAddPack,
  devDelAddress,
  devRemovePack,
  devSetAllmulti,
  devSetPromiscuity,
  NETDEV_DOWN,
  NETDEV_UNREGISTER,
  NETDEV_UP,
} from '../dev.ts';
import { devIoctl, inetDevIoctl } from '../dev-ioctl.ts';
import { copyToIter, putCmsg, skbCopyDatagram } from '../iov.ts';
import { consumeSkb, skbQueuePurge } from '../skbuff.ts';
import {
  datagramPoll,
  recvError,
  skbRecvDatagram,
  skCommonRelease,
  sockDequeueErrSkb,
  sockInitData,
  sockRecvCmsgs,
} from '../sock.ts';
import { putOption } from '../sock-options.ts';
import { sockNoAccept, sockNoListen, sockNoSocketpair, sockRegister } from '../socket.ts';
import {
  CHECKSUM_PARTIAL,
  type KernelMapping,
  type Net,
  type NetDevice,
  type PacketType,
  type Proto,
  type ProtoOps,
  type Socket,
} from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import { fanoutAdd, fanoutLink, fanoutRelease, fanoutSetData, fanoutUnlink } from './fanout.ts';
import { csumValid, hdrlenOf, type PacketMclist, PacketRing, PacketSock, vnetHdrFromSkb } from './packet-sock.ts';
import { frameStatus, packetRcv, packetRcvHasRoom, ringReadable, tpacketRcv } from './receive.ts';
import { blkPlusPriv, initPrb, stopPrb } from './ring-v3.ts';
import { packetSnd, tpacketSnd } from './send.ts';

/** AF_PACKET, packet(7) (net/packet/af_packet.c): the calls and the options. Its rooms: receive, ring-v3, send, fanout. */

const PACKET_VNET_HDR_SZ = 24;
const PAGE_SIZE = 4096;

export const PACKET_KEY = 18;
export const packetSockets = (net: Net): PacketSock[] => (net.gen[PACKET_KEY] ??= []) as PacketSock[];

const packetProt: Proto = { name: 'PACKET', close: () => {}, sendmsg: () => -EOPNOTSUPP, recvmsg: () => -EOPNOTSUPP };

const ntohs = (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff);

function registerHook(po: PacketSock): void {
  if (po.running) return;
  po.running = true;
  if (po.fanout !== null) fanoutLink(po);
  else devAddPack(po.net, po.hook);
}
function unregisterHook(po: PacketSock): void {
  if (!po.running) return;
  po.running = false;
  if (po.fanout !== null) fanoutUnlink(po);
  else devRemovePack(po.net, po.hook);
}

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

function recvmsg(socket: Socket, msg: Msghdr, length: number, flags: number): number {
  const po = socket.sk as PacketSock;
  const { net } = po;
  if (flags & ~(MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC | MSG_CMSG_CLOEXEC | MSG_ERRQUEUE)) return -EINVAL;
  if (flags & MSG_ERRQUEUE) {
    const skb = sockDequeueErrSkb(po);
    if (skb === null) return -EAGAIN;
    consumeSkb(skb);
    return 0;
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

// ---- memberships ----

function devMc(po: PacketSock, mc: PacketMclist, by: 1 | -1): number {
  const dev = po.net.devices.get(mc.ifindex);
  if (dev === undefined) return 0;
  switch (mc.type) {
    case PACKET_MR_MULTICAST:
    case PACKET_MR_UNICAST:
      if (mc.alen !== dev.addrLen) return -EINVAL;
      if (by > 0) return devAddAddress(dev, mc.addr.subarray(0, mc.alen), mc.type === PACKET_MR_UNICAST);
      devDelAddress(dev, mc.addr.subarray(0, mc.alen), mc.type === PACKET_MR_UNICAST);
      return 0;
    case PACKET_MR_PROMISC:
      devSetPromiscuity(dev, by);
      return 0;
    case PACKET_MR_ALLMULTI:
      devSetAllmulti(dev, by);
      return 0;
    default:
      return 0;
  }
}

function membership(po: PacketSock, add: boolean, value: Uint8Array): number {
  if (value.length < packet_mreq.sizeof) return -EINVAL;
  const alen = hostU16(value, packet_mreq.mr_alen);
  if (Math.min(value.length, 48) < alen + packet_mreq.mr_address) return -EINVAL;
  const mc: PacketMclist = {
    ifindex: hostI32(value, packet_mreq.mr_ifindex),
    type: hostU16(value, packet_mreq.mr_type),
    alen,
    addr: value.slice(packet_mreq.mr_address, packet_mreq.mr_address + alen),
    count: 1,
  };
  const same = (one: PacketMclist): boolean =>
    one.ifindex === mc.ifindex &&
    one.type === mc.type &&
    one.alen === alen &&
    one.addr.every((b, i) => b === mc.addr[i]);
  const found = po.mclist.find(same);
  if (!add) {
    if (found !== undefined && --found.count === 0) {
      po.mclist.splice(po.mclist.indexOf(found), 1);
      devMc(po, found, -1);
    }
    return 0;
  }
  const dev = po.net.devices.get(mc.ifindex);
  if (dev === undefined) return -ENODEV;
  if (alen > dev.addrLen) return -EINVAL;
  if (found !== undefined) {
    found.count++;
    return 0;
  }
  const error = devMc(po, mc, 1);
  if (error === 0) po.mclist.unshift(mc);
  return error;
}

// ---- rings ----

/** packet_set_ring: null takes the ring away. */
function setRing(po: PacketSock, value: Uint8Array | null, tx: boolean): number {
  const current = tx ? po.txRing : po.rxRing;
  let ring: PacketRing | null = null;
  let tov = 0;
  let priv = 0;
  let features = 0;
  if (value !== null) {
    if (po.mapped > 0 || po.pending > 0) return -EBUSY;
    const blockSize = hostI32(value, tpacket_req.tp_block_size);
    const blockNr = hostU32(value, tpacket_req.tp_block_nr);
    const frameSize = hostU32(value, tpacket_req.tp_frame_size);
    const frameNr = hostU32(value, tpacket_req.tp_frame_nr);
    if (blockNr > 0) {
      if (current !== null) return -EBUSY;
      const hdrlen = hdrlenOf(po.version);
      if (blockSize <= 0 || blockSize % PAGE_SIZE !== 0) return -EINVAL;
      const least = hdrlen + po.reserve;
      if (po.version === TPACKET_V3) {
        tov = hostU32(value, tpacket_req3.tp_retire_blk_tov);
        priv = hostU32(value, tpacket_req3.tp_sizeof_priv);
        features = hostU32(value, tpacket_req3.tp_feature_req_word);
        if (blockSize < blkPlusPriv(priv) + least) return -EINVAL;
      }
      if (frameSize < least || frameSize & (TPACKET_ALIGNMENT - 1)) return -EINVAL;
      const perBlock = Math.floor(blockSize / frameSize);
      if (perBlock === 0 || perBlock * blockNr !== frameNr) return -EINVAL;
      if (tx && po.version === TPACKET_V3 && (tov !== 0 || priv !== 0 || features !== 0)) return -EINVAL;
      const bytes = blockSize * blockNr;
      if (bytes > 2 ** 32) return -ENOMEM;
      ring = new PacketRing(new ArrayBuffer(bytes), 0, blockSize, blockNr, frameSize);
    } else if (frameNr !== 0) return -EINVAL;
  }
  const was = po.running;
  if (was) unregisterHook(po);
  if (tx) po.txRing = ring;
  else {
    stopPrb(po);
    po.rxRing = ring;
    po.hook.func = ring !== null ? tpacketRcv : packetRcv;
    skbQueuePurge(po.receiveQueue);
    if (ring !== null && po.version === TPACKET_V3) initPrb(po, tov, priv, features);
  }
  if (was) registerHook(po);
  return 0;
}

interface RingMapping extends KernelMapping {
  bytes: Uint8Array;
  words: Int32Array;
  unmap(): void;
}

/** Both rings are mapped in one piece, the receive ring first. */
function mmap(socket: Socket, length: number, offset: number): KernelMapping | number {
  const po = socket.sk as PacketSock;
  if (offset !== 0) return -EINVAL;
  const rx = po.rxRing;
  const tx = po.txRing;
  const expected = (rx?.bytes.length ?? 0) + (tx?.bytes.length ?? 0);
  if (expected === 0 || length !== expected) return -EINVAL;
  if (rx !== null && tx !== null && rx.bytes.buffer !== tx.bytes.buffer) joinRings(po, rx, tx);
  const buffer = (po.rxRing ?? po.txRing)!.bytes.buffer as ArrayBuffer;
  po.mapped++;
  const mapping: RingMapping = {
    bytes: new Uint8Array(buffer, 0, expected),
    words: new Int32Array(buffer, 0, expected >> 2),
    unmap() {
      mapping.unmap = () => {};
      po.mapped--;
      mapping.bytes = new Uint8Array(expected);
      mapping.words = new Int32Array(mapping.bytes.buffer);
    },
  };
  return mapping;
}

function joinRings(po: PacketSock, rx: PacketRing, tx: PacketRing): void {
  const memory = new ArrayBuffer(rx.bytes.length + tx.bytes.length);
  const move = (ring: PacketRing, at: number): PacketRing => {
    const made = new PacketRing(memory, at, ring.blockSize, ring.blockNr, ring.frameSize);
    made.bytes.set(ring.bytes);
    made.head = ring.head;
    return made;
  };
  po.rxRing = move(rx, 0);
  po.txRing = move(tx, rx.bytes.length);
}

// ---- options ----

function setsockopt(socket: Socket, level: number, name: number, value: Uint8Array): number {
  const po = socket.sk as PacketSock;
  if (level !== SOL_PACKET) return -ENOPROTOOPT;
  const { length } = value;
  const val = length >= 4 ? hostI32(value, 0) : 0;
  const rings = po.rxRing !== null || po.txRing !== null;
  switch (name) {
    case PACKET_ADD_MEMBERSHIP:
    case PACKET_DROP_MEMBERSHIP:
      return membership(po, name === PACKET_ADD_MEMBERSHIP, value);
    case PACKET_RX_RING:
    case PACKET_TX_RING:
      if (length < (po.version === TPACKET_V3 ? tpacket_req3.sizeof : tpacket_req.sizeof)) return -EINVAL;
      return setRing(po, value, name === PACKET_TX_RING);
    case PACKET_COPY_THRESH:
      if (length !== 4) return -EINVAL;
      po.copyThresh = val;
      return 0;
    case PACKET_VERSION:
      if (length !== 4) return -EINVAL;
      if (val !== TPACKET_V1 && val !== TPACKET_V2 && val !== TPACKET_V3) return -EINVAL;
      if (rings) return -EBUSY;
      po.version = val;
      return 0;
    case PACKET_RESERVE:
      if (length !== 4) return -EINVAL;
      if (val < 0) return -EINVAL;
      if (rings) return -EBUSY;
      po.reserve = val;
      return 0;
    case PACKET_LOSS:
      if (length !== 4) return -EINVAL;
      if (rings) return -EBUSY;
      po.loss = val !== 0;
      return 0;
    case PACKET_AUXDATA:
      if (length < 4) return -EINVAL;
      po.auxdata = val !== 0;
      return 0;
    case PACKET_ORIGDEV:
      if (length < 4) return -EINVAL;
      po.origdev = val !== 0;
      return 0;
    case PACKET_VNET_HDR:
    case PACKET_VNET_HDR_SZ: {
      if (socket.type !== SOCK_RAW) return -EINVAL;
      if (length < 4) return -EINVAL;
      let size = val !== 0 ? 10 : 0;
      if (name === PACKET_VNET_HDR_SZ) {
        if (val !== 0 && val !== 10 && val !== 12) return -EINVAL;
        size = val;
      }
      if (rings) return -EBUSY;
      po.vnetHdrSz = size;
      return 0;
    }
    case PACKET_TIMESTAMP:
      if (length !== 4) return -EINVAL;
      po.tstamp = val;
      return 0;
    case PACKET_FANOUT:
      if (length !== 4 && length !== fanout_args.sizeof) return -EINVAL;
      return fanoutAdd(po, hostU16(value, 0), hostU16(value, 2), length === fanout_args.sizeof ? hostU32(value, 4) : 0);
    case PACKET_FANOUT_DATA:
      return fanoutSetData(po, value);
    case PACKET_IGNORE_OUTGOING:
      if (length !== 4) return -EINVAL;
      if (val < 0 || val > 1) return -EINVAL;
      po.hook.ignoreOutgoing = val !== 0;
      return 0;
    case PACKET_TX_HAS_OFF:
      if (length !== 4) return -EINVAL;
      if (rings) return -EBUSY;
      po.txHasOff = val !== 0;
      return 0;
    case PACKET_QDISC_BYPASS:
      if (length !== 4) return -EINVAL;
      po.qdiscBypass = val !== 0;
      return 0;
    default:
      return -ENOPROTOOPT;
  }
}

const answer = new Uint8Array(24);

function getsockopt(socket: Socket, level: number, name: number, value: Uint8Array, length: Int32Array): number {
  const po = socket.sk as PacketSock;
  if (level !== SOL_PACKET) return -ENOPROTOOPT;
  const len = length[0]!;
  if (len < 0) return -EINVAL;
  let val: number;
  switch (name) {
    case PACKET_STATISTICS: {
      // Reading them resets them; what came includes what was lost.
      const drops = po.tpDrops;
      putHostU32(answer, tpacket_stats.tp_packets, po.tpPackets + drops);
      putHostU32(answer, tpacket_stats.tp_drops, drops);
      putHostU32(answer, tpacket_stats_v3.tp_freeze_q_cnt, po.tpFreezeQCnt);
      po.tpPackets = po.tpDrops = po.tpFreezeQCnt = 0;
      return putOption(
        answer,
        po.version === TPACKET_V3 ? tpacket_stats_v3.sizeof : tpacket_stats.sizeof,
        value,
        length,
      );
    }
    case PACKET_AUXDATA:
      val = po.auxdata ? 1 : 0;
      break;
    case PACKET_ORIGDEV:
      val = po.origdev ? 1 : 0;
      break;
    case PACKET_VNET_HDR:
      val = po.vnetHdrSz > 0 ? 1 : 0;
      break;
    case PACKET_VNET_HDR_SZ:
      val = po.vnetHdrSz;
      break;
    case PACKET_COPY_THRESH:
      val = po.copyThresh;
      break;
    case PACKET_VERSION:
      val = po.version;
      break;
    case PACKET_HDRLEN:
      if (len < 4) return -EINVAL;
      val = hostI32(value, 0);
      if (val === TPACKET_V1 || val === TPACKET_V2) val = 32;
      else if (val === TPACKET_V3) val = 48;
      else return -EINVAL;
      break;
    case PACKET_RESERVE:
      val = po.reserve;
      break;
    case PACKET_LOSS:
      val = po.loss ? 1 : 0;
      break;
    case PACKET_TIMESTAMP:
      val = po.tstamp;
      break;
    case PACKET_FANOUT:
      val = po.fanout === null ? 0 : po.fanout.id | (po.fanout.type << 16) | (po.fanout.flags << 24);
      break;
    case PACKET_IGNORE_OUTGOING:
      val = po.hook.ignoreOutgoing ? 1 : 0;
      break;
    case PACKET_ROLLOVER_STATS: {
      const { rollover } = po;
      if (rollover === null) return -EINVAL;
      answer.fill(0);
      putHostU32(answer, 0, rollover.num);
      putHostU32(answer, 8, rollover.numHuge);
      putHostU32(answer, 16, rollover.numFailed);
      return putOption(answer, 24, value, length);
    }
    case PACKET_TX_HAS_OFF:
      val = po.txHasOff ? 1 : 0;
      break;
    case PACKET_QDISC_BYPASS:
      val = po.qdiscBypass ? 1 : 0;
      break;
    default:
      return -ENOPROTOOPT;
  }
  putHostU32(answer, 0, val);
  return putOption(answer, 4, value, length);
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
  setsockopt,
  getsockopt,
  sendmsg,
  recvmsg,
  mmap,
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
