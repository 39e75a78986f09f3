import { be16 } from '../../bytes/endian.ts';
import { EFAULT, EINVAL, EMSGSIZE, ENETDOWN, ENOBUFS, ENXIO, EPROTONOSUPPORT } from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32 } from '../../uapi/host.ts';
import { IFF_UP } from '../../uapi/if.ts';
import { ARPHRD_ETHER } from '../../uapi/if_arp.ts';
import { ETH_HLEN, ETH_P_802_3_MIN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_ALL } from '../../uapi/if_ether.ts';
import {
  sockaddr_ll,
  TP_STATUS_AVAILABLE,
  TP_STATUS_SEND_REQUEST,
  TP_STATUS_SENDING,
  TP_STATUS_WRONG_FORMAT,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  tpacket_hdr,
  tpacket2_hdr,
  tpacket3_hdr,
} from '../../uapi/if_packet.ts';
import { SOCK_DGRAM, SOCK_RAW } from '../../uapi/socket.ts';
import { devDirectXmit, devQueueXmit } from '../dev.ts';
import * as reason from '../drop-reason.ts';
import { copyFromIter } from '../iov.ts';
import { NET_XMIT_CN } from '../sch-generic.ts';
import { copyBytes, kfreeSkb, llReservedSpace, skbPut, skbReserve, sockWfree } from '../skbuff.ts';
import { SOCK_NOFCS, type SockcmCookie, sockAllocSendPskb, sockAllocSendSkb, sockCmsgSendAll } from '../sock.ts';
import { CHECKSUM_PARTIAL, type NetDevice, type SkBuff } from '../structs.ts';
import type { Msghdr } from '../structs-plain.ts';
import { skbSetupTxTimestamp } from '../tx-timestamp.ts';
import { hdrlenOf, type PacketSock } from './packet-sock.ts';
import { frameStatus, setFrameStatus } from './receive.ts';

/** Sending by packet sockets: one frame (packet_snd), or all that a TX ring holds (tpacket_snd). */

const VLAN_HLEN = 4;
const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1;

interface Target {
  dev: NetDevice;
  /** Host order. */
  protocol: number;
  addr: Uint8Array | null;
}

/** Where the frame is to go, by the address given or the binding; -errno. */
function target(po: PacketSock, msg: Msghdr): Target | number {
  const { net } = po;
  let dev: NetDevice | null;
  let protocol: number;
  let addr: Uint8Array | null = null;
  if (msg.name === null) {
    dev = po.boundDev;
    protocol = po.num;
  } else {
    const { name, nameAt: at } = msg;
    if (msg.namelen < sockaddr_ll.sizeof) return -EINVAL;
    const halen = name[at + sockaddr_ll.sll_halen]!;
    if (msg.namelen < halen + sockaddr_ll.sll_addr) return -EINVAL;
    protocol = be16(name, at + sockaddr_ll.sll_protocol);
    dev = net.devices.get(hostI32(name, at + sockaddr_ll.sll_ifindex)) ?? null;
    if (po.type === SOCK_DGRAM) {
      if (dev !== null && msg.namelen < dev.addrLen + sockaddr_ll.sll_addr) return -EINVAL;
      if (halen > 0) addr = name.slice(at + sockaddr_ll.sll_addr, at + sockaddr_ll.sll_addr + 8);
    }
  }
  if (dev === null) return -ENXIO;
  if (!(dev.flags & IFF_UP)) return -ENETDOWN;
  return { dev, protocol, addr };
}

/** Finds protocol and headers of a frame that a program made (packet_parse_headers). */
function parseHeaders(po: PacketSock, skb: SkBuff): void {
  if ((skb.protocol === 0 || skb.protocol === ETH_P_ALL) && po.type === SOCK_RAW) {
    skb.macHeader = skb.data;
    if (skb.len >= ETH_HLEN) {
      const type = be16(skb.head, skb.data + 12);
      skb.protocol = type >= ETH_P_802_3_MIN ? type : type;
    }
  }
  if (skb.dev!.type === ARPHRD_ETHER && (skb.protocol === ETH_P_8021Q || skb.protocol === ETH_P_8021AD)) {
    let depth = ETH_HLEN;
    let type = skb.protocol;
    while ((type === ETH_P_8021Q || type === ETH_P_8021AD) && depth + 4 <= skb.len) {
      type = be16(skb.head, skb.data + depth + 2);
      depth += 4;
    }
    skb.networkHeader = skb.data + depth;
  }
  skb.transportHeader = skb.networkHeader;
}

const isVlan = (skb: SkBuff): boolean =>
  skb.len >= ETH_HLEN &&
  (be16(skb.head, skb.data + 12) === ETH_P_8021Q || be16(skb.head, skb.data + 12) === ETH_P_8021AD);

function packetXmit(po: PacketSock, skb: SkBuff): number {
  return po.qdiscBypass ? devDirectXmit(po.net, skb) : devQueueXmit(po.net, skb);
}
const xmitErrno = (code: number): number => (code > 0 ? (code !== NET_XMIT_CN ? -ENOBUFS : 0) : code);

const sockc: SockcmCookie = { mark: 0, priority: 0, tsflags: 0, transmitTime: 0 };

function sockcInit(po: PacketSock): void {
  sockc.mark = po.mark;
  sockc.priority = po.priority;
  sockc.tsflags = po.tsflags;
  sockc.transmitTime = 0;
}

const vnetBytes = new Uint8Array(12);

export function packetSnd(po: PacketSock, msg: Msghdr, total: number): number {
  if (po.net.tracer !== null) po.net.tracer.begin(po.net, 'packet_snd', `wmem ${po.wmemAlloc} of ${po.sndbuf}`);
  const { net } = po;
  const to = target(po, msg);
  if (typeof to === 'number') return to;
  const { dev } = to;
  sockcInit(po);
  if (msg.controllen > 0) {
    const error = sockCmsgSendAll(po, msg, sockc);
    if (error !== 0) return error;
  }
  const reserve = po.type === SOCK_RAW ? dev.hardHeaderLen : 0;
  let len = total;
  let needsCsum = false;
  if (po.vnetHdrSz > 0) {
    if (len < po.vnetHdrSz) return -EINVAL;
    len -= po.vnetHdrSz;
    copyFromIter(msg, vnetBytes, 0, po.vnetHdrSz);
    needsCsum = (vnetBytes[0]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
    let hdrLen = hostU16(vnetBytes, 2);
    if (needsCsum) hdrLen = Math.max(hdrLen, hostU16(vnetBytes, 6) + hostU16(vnetBytes, 8) + 2);
    if (hdrLen > len) return -EINVAL;
    // A packet to be segmented by the device: none of ours does.
    if (vnetBytes[1] !== 0) return -EINVAL;
  }
  // No device of ours leaves the frame's checksum to the program.
  if (po.flags & SOCK_NOFCS) return -EPROTONOSUPPORT;
  if (len > dev.mtu + reserve + VLAN_HLEN) return -EMSGSIZE;
  const hlen = llReservedSpace(dev);
  let linear = Math.min(len, dev.hardHeaderLen);
  if (hlen + len < 4096 || linear === 0) linear = len;
  const skb = sockAllocSendPskb(po, hlen + linear, len - linear);
  if (typeof skb === 'number') return skb;
  skbReserve(skb, hlen);
  skb.networkHeader = skb.data;
  if (po.type === SOCK_DGRAM) {
    if (dev.headerOps !== null && dev.headerOps.create(skb, dev, to.protocol, to.addr, null, len) < 0) {
      kfreeSkb(net, skb);
      return -EINVAL;
    }
  } else if (reserve > 0) {
    // The link header that the program wrote goes in front of where IP's is to start.
    skb.data -= reserve;
    skb.tail -= reserve;
  }
  const at = skbPut(skb, len);
  if (!copyFromIter(msg, skb.head, at, len)) {
    kfreeSkb(net, skb);
    return -EFAULT;
  }
  net.copies.fromUser++;
  if (po.type === SOCK_RAW && len < dev.hardHeaderLen && dev.headerOps !== null) {
    kfreeSkb(net, skb, reason.DEV_HDR, 'packet_snd');
    return -EINVAL;
  }
  if (len > dev.mtu + reserve && !(po.type === SOCK_RAW && isVlan(skb))) {
    kfreeSkb(net, skb, reason.PKT_TOO_BIG, 'packet_snd');
    return -EMSGSIZE;
  }
  skb.protocol = to.protocol;
  skb.dev = dev;
  skb.priority = sockc.priority;
  skb.mark = sockc.mark;
  skbSetupTxTimestamp(po, skb, sockc.tsflags);
  if (needsCsum) {
    const start = hostU16(vnetBytes, 6);
    const offset = hostU16(vnetBytes, 8);
    if (start + offset + 2 > skb.len) {
      kfreeSkb(net, skb);
      return -EINVAL;
    }
    skb.ipSummed = CHECKSUM_PARTIAL;
    skb.csumStart = skb.data + start;
    skb.csumOffset = offset;
  }
  parseHeaders(po, skb);
  const error = xmitErrno(packetXmit(po, skb));
  return error !== 0 ? error : total;
}

/** The frame's slot is the program's again (tpacket_destruct_skb). */
function tpacketDestruct(skb: SkBuff): void {
  const po = skb.sk as PacketSock;
  po.pending--;
  if (po.txRing !== null) setFrameStatus(po, po.txRing, skb.destructorArg, TP_STATUS_AVAILABLE);
  sockWfree(skb);
}

/** Sends every frame of the TX ring that asks for it. */
export function tpacketSnd(po: PacketSock, msg: Msghdr): number {
  if (po.net.tracer !== null) po.net.tracer.begin(po.net, 'tpacket_snd', `wmem ${po.wmemAlloc} of ${po.sndbuf}`);
  const { net } = po;
  const ring = po.txRing!;
  const to = target(po, msg);
  if (typeof to === 'number') return to;
  const { dev } = to;
  sockcInit(po);
  if (msg.controllen > 0) {
    const error = sockCmsgSendAll(po, msg, sockc);
    if (error !== 0) return error;
  }
  const reserve = po.type === SOCK_RAW ? dev.hardHeaderLen : 0;
  const hdrlen = hdrlenOf(po.version);
  const dataOffset = hdrlen - sockaddr_ll.sizeof;
  let sizeMax = ring.frameSize - dataOffset;
  if (sizeMax > dev.mtu + reserve + VLAN_HLEN && po.vnetHdrSz === 0) sizeMax = dev.mtu + reserve + VLAN_HLEN;
  const H = po.version === TPACKET_V1 ? tpacket_hdr : po.version === TPACKET_V2 ? tpacket2_hdr : tpacket3_hdr;
  const { bytes } = ring;
  let sent = 0;
  for (;;) {
    const index = ring.head;
    if (frameStatus(po, ring, index) !== TP_STATUS_SEND_REQUEST) return sent;
    const at = ring.frameAt(index);
    const next = (): void => {
      ring.head = index + 1 === ring.frameNr ? 0 : index + 1;
    };
    const parse = (): { error: number; length: number; offset: number } => {
      if (po.version === TPACKET_V3 && hostU32(bytes, at + tpacket3_hdr.tp_next_offset) !== 0)
        return { error: -EINVAL, length: 0, offset: 0 };
      const length = hostU32(bytes, at + H.tp_len);
      if (length > sizeMax) return { error: -EMSGSIZE, length, offset: 0 };
      let offset = dataOffset;
      if (po.txHasOff) {
        offset = hostU16(bytes, at + (po.type === SOCK_DGRAM ? H.tp_net : H.tp_mac));
        if (offset < dataOffset || offset > ring.frameSize - length) return { error: -EINVAL, length, offset };
      }
      return { error: 0, length, offset };
    };
    const { error: wrong, length, offset } = parse();
    let error = wrong;
    let skb: SkBuff | null = null;
    if (error === 0) {
      const hlen = llReservedSpace(dev);
      const got = sockAllocSendSkb(po, hlen + length + sockaddr_ll.sizeof);
      if (typeof got === 'number') return sent > 0 ? sent : got;
      skb = got;
      skb.protocol = to.protocol;
      skb.dev = dev;
      skb.priority = sockc.priority;
      skb.mark = sockc.mark;
      skbReserve(skb, hlen);
      skb.networkHeader = skb.data;
      if (po.type === SOCK_DGRAM) {
        if (dev.headerOps !== null && dev.headerOps.create(skb, dev, to.protocol, to.addr, null, length) < 0)
          error = -EINVAL;
      } else {
        skb.data -= reserve;
        skb.tail -= reserve;
        if (length < dev.hardHeaderLen && dev.headerOps !== null) error = -EINVAL;
      }
      if (error === 0) {
        const to_ = skbPut(skb, length);
        copyBytes(skb.head, to_, bytes, at + offset, length);
        net.copies.fromUser++;
        if (length > dev.mtu + reserve && po.vnetHdrSz === 0 && !isVlan(skb)) error = -EMSGSIZE;
      }
    }
    if (error !== 0) {
      if (skb !== null) kfreeSkb(net, skb);
      if (po.loss) {
        setFrameStatus(po, ring, index, TP_STATUS_AVAILABLE);
        next();
        continue;
      }
      setFrameStatus(po, ring, index, TP_STATUS_WRONG_FORMAT);
      return error;
    }
    parseHeaders(po, skb!);
    skb!.destructor = tpacketDestruct;
    skb!.destructorArg = index;
    po.pending++;
    setFrameStatus(po, ring, index, TP_STATUS_SENDING);
    const code = xmitErrno(packetXmit(po, skb!));
    if (code !== 0 && frameStatus(po, ring, index) === TP_STATUS_AVAILABLE) {
      // Lost, and its memory is back: to be sent again.
      setFrameStatus(po, ring, index, TP_STATUS_SEND_REQUEST);
      return code;
    }
    next();
    sent += length;
  }
}
