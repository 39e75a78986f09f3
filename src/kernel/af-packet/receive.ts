import { putBe16 } from '../../bytes/endian.ts';
import { hostU32, putHostU16, putHostU32 } from '../../uapi/host.ts';
import {
  PACKET_LOOPBACK,
  PACKET_OUTGOING,
  sockaddr_ll,
  TP_STATUS_COPY,
  TP_STATUS_CSUM_VALID,
  TP_STATUS_CSUMNOTREADY,
  TP_STATUS_KERNEL,
  TP_STATUS_LOSING,
  TP_STATUS_TS_SOFTWARE,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  TPACKET_ALIGN,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  tpacket_hdr,
  tpacket2_hdr,
  tpacket3_hdr,
} from '../../uapi/if_packet.ts';
import { AF_PACKET, SOCK_DGRAM } from '../../uapi/socket.ts';
import * as reason from '../drop-reason.ts';
import { consumeSkb, kfreeSkb, skbClone, skbCopyBits, skbQueueTail, skbSetOwnerR, skbTrim } from '../skbuff.ts';
import { SOCK_RXQ_OVFL } from '../sock.ts';
import { CHECKSUM_PARTIAL, type NetDevice, type PacketType, type SkBuff } from '../structs.ts';
import {
  csumValid,
  devHasHeader,
  devParseHeader,
  hdrlenOf,
  type PacketRing,
  type PacketSock,
  vnetHdrFromSkb,
} from './packet-sock.ts';
import { lookupFrameInBlock, v3HasRoom, v3Readable } from './ring-v3.ts';

/** Frames on their way to packet sockets: into the queue (packet_rcv) or into the ring (tpacket_rcv). */

const ROOM_NONE = 0;
const ROOM_LOW = 1;
export const ROOM_NORMAL = 2;
const ROOM_POW_OFF = 2;
const LAP = 0x100000000;

/** The frame as this socket sees it: with its link header (SOCK_RAW), or from the network header on. Moves `skb.data`;
 * the caller puts it back. */
function adjust(sk: PacketSock, skb: SkBuff, dev: NetDevice): void {
  if (!devHasHeader(dev)) return;
  if (sk.type !== SOCK_DGRAM) {
    const push = skb.data - skb.macHeader;
    skb.data -= push;
    skb.len += push;
  } else if (skb.pktType === PACKET_OUTGOING) {
    const pull = skb.networkHeader - skb.data;
    skb.data += pull;
    skb.len -= pull;
  }
}

export function packetRcv(skb: SkBuff, dev: NetDevice, pt: PacketType, origDev: NetDevice): number {
  const po = pt.afPacketPriv as PacketSock;
  const { net } = po;
  if (skb.pktType === PACKET_LOOPBACK) {
    consumeSkb(skb);
    return 0;
  }
  skb.dev = dev;
  const { data, len } = skb;
  adjust(po, skb, dev);
  let snaplen = skb.len;
  const keep = po.filter === null ? snaplen : po.filter.run(skb);
  const full = keep !== 0 && po.rmemAlloc >= po.rcvbuf;
  if (keep === 0 || full) {
    if (full) {
      po.tpDrops++;
      po.drops++;
    }
    if (skb.users > 1) {
      skb.data = data;
      skb.len = len;
    }
    if (full) kfreeSkb(net, skb, reason.PACKET_SOCK_ERROR, 'packet_rcv');
    else consumeSkb(skb);
    return 0;
  }
  if (keep < snaplen) snaplen = keep;
  let mine = skb;
  if (net.tracer !== null) net.tracer.enter(net, 'packet_rcv', skb, `rmem ${po.rmemAlloc} of ${po.rcvbuf}`);
  if (skb.users > 1) {
    mine = skbClone(skb);
    skb.data = data;
    skb.len = len;
    consumeSkb(skb);
  }
  mine.sllHatype = dev.type;
  mine.iif = po.origdev ? origDev.ifindex : dev.ifindex;
  mine.sllHalen = devHasHeader(dev) ? 6 : 0;
  mine.origlen = mine.len;
  if (snaplen < mine.len) skbTrim(net, mine, snaplen);
  skbSetOwnerR(mine, po);
  mine.dev = null;
  mine.dst = null;
  po.tpPackets++;
  if (po.flags & SOCK_RXQ_OVFL) mine.dropcount = po.drops;
  skbQueueTail(po.receiveQueue, mine);
  po.dataReady();
  return 0;
}

/** packet_rcv_has_room: how full the socket is. */
export function packetRcvHasRoom(po: PacketSock, skb: SkBuff | null): number {
  const ring = po.rxRing;
  let room = ROOM_NONE;
  if (ring === null) {
    const available = po.rcvbuf - po.rmemAlloc - (skb === null ? 0 : skb.truesize);
    if (available > po.rcvbuf >> ROOM_POW_OFF) room = ROOM_NORMAL;
    else if (available > 0) room = ROOM_LOW;
  } else if (po.version === TPACKET_V3) {
    if (v3HasRoom(po, ROOM_POW_OFF)) room = ROOM_NORMAL;
    else if (v3HasRoom(po, 0)) room = ROOM_LOW;
  } else {
    const free = (powOff: number): boolean => {
      let index = ring.head + (powOff > 0 ? ring.frameNr >> powOff : 0);
      if (index >= ring.frameNr) index -= ring.frameNr;
      return frameStatus(po, ring, index) === TP_STATUS_KERNEL;
    };
    if (free(ROOM_POW_OFF)) room = ROOM_NORMAL;
    else if (free(0)) room = ROOM_LOW;
  }
  po.pressure = room !== ROOM_NORMAL;
  return room;
}

/** Status word of a frame of version 1 or 2; version 1 has a long, of which the low half is used. */
export function frameStatus(po: PacketSock, ring: PacketRing, index: number): number {
  const at = ring.frameAt(index) + (po.version === TPACKET_V3 ? tpacket3_hdr.tp_status : 0);
  return Atomics.load(ring.words, at >> 2);
}

export function setFrameStatus(po: PacketSock, ring: PacketRing, index: number, status: number): void {
  const at = ring.frameAt(index) + (po.version === TPACKET_V3 ? tpacket3_hdr.tp_status : 0);
  Atomics.store(ring.words, at >> 2, status);
  if (po.version === TPACKET_V1) ring.words[(at >> 2) + 1] = 0;
}

export function tpacketRcv(skb: SkBuff, dev: NetDevice, pt: PacketType, origDev: NetDevice): number {
  const po = pt.afPacketPriv as PacketSock;
  const { net } = po;
  if (skb.pktType === PACKET_LOOPBACK) {
    consumeSkb(skb);
    return 0;
  }
  skb.dev = dev;
  const { data, len } = skb;
  adjust(po, skb, dev);
  const restore = (dropped: boolean): number => {
    skb.data = data;
    skb.len = len;
    if (dropped) kfreeSkb(net, skb, reason.PACKET_SOCK_ERROR, 'tpacket_rcv');
    else consumeSkb(skb);
    return 0;
  };
  let snaplen = skb.len;
  const keep = po.filter === null ? snaplen : po.filter.run(skb);
  if (keep === 0) return restore(false);
  if (packetRcvHasRoom(po, skb) === ROOM_NONE) {
    po.tpDrops++;
    return restore(true);
  }
  let status = TP_STATUS_USER;
  if (skb.ipSummed === CHECKSUM_PARTIAL) status |= TP_STATUS_CSUMNOTREADY;
  else if (skb.pktType !== PACKET_OUTGOING && csumValid(skb)) status |= TP_STATUS_CSUM_VALID;
  if (keep < snaplen) snaplen = keep;
  const ring = po.rxRing!;
  const v3 = po.version === TPACKET_V3;
  const hdrlen = hdrlenOf(po.version);
  let vnet = po.vnetHdrSz;
  let macoff: number;
  let netoff: number;
  if (po.type === SOCK_DGRAM) macoff = netoff = TPACKET_ALIGN(hdrlen) + 16 + po.reserve;
  else {
    const maclen = skb.networkHeader - skb.data;
    netoff = TPACKET_ALIGN(hdrlen + Math.max(maclen, 16)) + po.reserve + vnet;
    macoff = netoff - maclen;
  }
  if (netoff > 0xffff) {
    po.tpDrops++;
    return restore(true);
  }
  let copySkb: SkBuff | null = null;
  if (!v3) {
    if (macoff + snaplen > ring.frameSize) {
      if (po.copyThresh !== 0 && po.rmemAlloc < po.rcvbuf) {
        copySkb = skbClone(skb);
        // The copy's address is empty but for family and protocol.
        copySkb.iif = 0;
        copySkb.pktType = 0;
        copySkb.sllHatype = copySkb.sllHalen = 0;
        skbSetOwnerR(copySkb, po);
      }
      snaplen = ring.frameSize - macoff;
      if (snaplen < 0) {
        snaplen = 0;
        vnet = 0;
      }
    }
  } else if (macoff + snaplen > po.prb!.maxFrameLen) {
    snaplen = po.prb!.maxFrameLen - macoff;
    if (snaplen < 0) {
      snaplen = 0;
      macoff = po.prb!.maxFrameLen;
      vnet = 0;
    }
  }
  let at: number;
  const index = ring.head;
  if (v3) at = lookupFrameInBlock(po, skb, macoff + snaplen);
  else at = frameStatus(po, ring, index) === TP_STATUS_KERNEL ? ring.frameAt(index) : -1;
  if (at < 0) {
    po.tpDrops++;
    po.dataReady();
    if (copySkb !== null) consumeSkb(copySkb);
    return restore(true);
  }
  const { bytes } = ring;
  if (net.tracer !== null) net.tracer.enter(net, 'tpacket_rcv', skb);
  if (vnet > 0) vnetHdrFromSkb(skb, bytes, at + macoff - vnet, vnet);
  if (!v3) {
    ring.used[Math.floor(index / ring.framesPerBlock)] = 1;
    ring.head = index + 1 === ring.frameNr ? 0 : index + 1;
    if (po.tpDrops > 0) status |= TP_STATUS_LOSING;
  }
  po.tpPackets++;
  if (copySkb !== null) {
    status |= TP_STATUS_COPY;
    copySkb.dev = null;
    copySkb.dst = null;
    copySkb.origlen = 0;
    skbQueueTail(po.receiveQueue, copySkb);
  }
  skbCopyBits(skb, 0, bytes, at + macoff, snaplen);
  net.copies.toUser++;
  let sec = skb.tstampSec;
  let nsec = skb.tstampNsec;
  if (sec !== 0) status += TP_STATUS_TS_SOFTWARE;
  else {
    const now = net.clock.realtime();
    sec = now.seconds;
    nsec = now.nanoseconds;
  }
  const H = po.version === TPACKET_V1 ? tpacket_hdr : po.version === TPACKET_V2 ? tpacket2_hdr : tpacket3_hdr;
  putHostU32(bytes, at + H.tp_len, skb.len);
  putHostU32(bytes, at + H.tp_snaplen, snaplen);
  putHostU16(bytes, at + H.tp_mac, macoff);
  putHostU16(bytes, at + H.tp_net, netoff);
  putHostU32(bytes, at + H.tp_sec, sec % LAP);
  if (po.version === TPACKET_V1) putHostU32(bytes, at + tpacket_hdr.tp_usec, Math.floor(nsec / 1000));
  else if (po.version === TPACKET_V2) {
    putHostU32(bytes, at + tpacket2_hdr.tp_nsec, nsec);
    putHostU16(bytes, at + tpacket2_hdr.tp_vlan_tci, skb.vlanPresent ? skb.vlanTci : 0);
    putHostU16(bytes, at + tpacket2_hdr.tp_vlan_tpid, skb.vlanPresent ? skb.vlanProto : 0);
    if (skb.vlanPresent) status |= TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID;
    bytes.fill(0, at + 28, at + 32);
  } else {
    putHostU32(bytes, at + tpacket3_hdr.tp_nsec, nsec);
    putHostU32(bytes, at + tpacket3_hdr.tp_status, hostU32(bytes, at + tpacket3_hdr.tp_status) + status);
    bytes.fill(0, at + 38, at + 48);
  }
  const sll = at + H.sizeof;
  putHostU16(bytes, sll + sockaddr_ll.sll_family, AF_PACKET);
  putBe16(bytes, sll + sockaddr_ll.sll_protocol, skb.protocol);
  putHostU32(bytes, sll + sockaddr_ll.sll_ifindex, po.origdev ? origDev.ifindex : dev.ifindex);
  putHostU16(bytes, sll + sockaddr_ll.sll_hatype, dev.type);
  bytes[sll + sockaddr_ll.sll_pkttype] = skb.pktType;
  bytes[sll + sockaddr_ll.sll_halen] = devParseHeader(skb, dev, bytes, sll + sockaddr_ll.sll_addr);
  if (!v3) {
    setFrameStatus(po, ring, index, status | 0);
    po.dataReady();
  }
  return restore(false);
}

/** Something that a program has not taken yet (packet_previous_rx_frame). */
export function ringReadable(po: PacketSock): boolean {
  const ring = po.rxRing!;
  if (po.version === TPACKET_V3) return v3Readable(po);
  const previous = ring.head === 0 ? ring.frameNr - 1 : ring.head - 1;
  return frameStatus(po, ring, previous) !== TP_STATUS_KERNEL;
}
