import { putHostU16 } from '../../uapi/host.ts';
import { sockaddr_ll, TPACKET_V1, TPACKET_V3 } from '../../uapi/if_packet.ts';
import { AF_PACKET } from '../../uapi/socket.ts';
import {
  CHECKSUM_PARTIAL,
  CHECKSUM_UNNECESSARY,
  type Net,
  type NetDevice,
  type PacketType,
  type Proto,
  type SkBuff,
  type SkFilter,
  Sock,
} from '../structs.ts';

/** struct packet_sock and what its rooms share (net/packet/internal.h). */

export interface PacketMclist {
  ifindex: number;
  type: number;
  alen: number;
  addr: Uint8Array;
  count: number;
}

/** Ring memory of one direction (struct packet_ring_buffer). */
export class PacketRing {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly blockSize: number;
  readonly blockNr: number;
  readonly frameSize: number;
  readonly frameNr: number;
  readonly framesPerBlock: number;
  head = 0;
  /** By block: 1 where the kernel has written to it. */
  readonly used: Uint8Array;

  constructor(memory: ArrayBuffer, at: number, blockSize: number, blockNr: number, frameSize: number) {
    this.bytes = new Uint8Array(memory, at, blockSize * blockNr);
    this.words = new Int32Array(memory, at, (blockSize * blockNr) >> 2);
    this.blockSize = blockSize;
    this.blockNr = blockNr;
    this.frameSize = frameSize;
    this.framesPerBlock = Math.floor(blockSize / frameSize);
    this.frameNr = this.framesPerBlock * blockNr;
    this.used = new Uint8Array(blockNr);
  }

  /** What was in the ring reads as zeros. Memory that was never written to is not touched. */
  clear(): void {
    for (let block = 0; block < this.blockNr; block++)
      if (this.used[block] !== 0) this.bytes.fill(0, block * this.blockSize, (block + 1) * this.blockSize);
  }

  /** Where a frame starts: frames do not cross blocks. */
  frameAt(index: number): number {
    const block = Math.floor(index / this.framesPerBlock);
    return block * this.blockSize + (index - block * this.framesPerBlock) * this.frameSize;
  }
}

export class PacketSock extends Sock {
  /** Protocol listened to, host order; 0: none. */
  num = 0;
  ifindex = 0;
  boundDev: NetDevice | null = null;
  running = false;
  hook: PacketType;
  auxdata = false;
  origdev = false;
  vnetHdrSz = 0;
  version = TPACKET_V1;
  reserve = 0;
  loss = false;
  txHasOff = false;
  qdiscBypass = false;
  copyThresh = 0;
  tstamp = 0;
  tpPackets = 0;
  tpDrops = 0;
  tpFreezeQCnt = 0;
  rxRing: PacketRing | null = null;
  txRing: PacketRing | null = null;
  /** State of a ring of version 3 (struct tpacket_kbdq_core). */
  prb: Kbdq | null = null;
  /** Memory that was mapped: a ring may not change under it. */
  mapped = 0;
  pending = 0;
  mclist: PacketMclist[] = [];
  fanout: PacketFanout | null = null;
  rollover: { sock: number; num: number; numHuge: number; numFailed: number } | null = null;
  pressure = false;

  constructor(net: Net, prot: Proto, hook: PacketType) {
    super(net, AF_PACKET, prot);
    this.hook = hook;
    hook.afPacketPriv = this;
  }
}

export interface PacketFanout {
  readonly id: number;
  readonly type: number;
  readonly flags: number;
  readonly maxNumMembers: number;
  readonly members: PacketSock[];
  readonly hook: PacketType;
  /** Sockets that belong to it, running or not. */
  refs: number;
  rrCur: number;
  prog: SkFilter | null;
  linked: boolean;
}

/** struct tpacket_kbdq_core: the blocks of a ring of version 3. */
export interface Kbdq {
  readonly sizeofPriv: number;
  readonly retireTov: number;
  readonly featureReqWord: number;
  readonly maxFrameLen: number;
  knxtSeqNum: number;
  kactiveBlkNum: number;
  nxtOffset: number;
  prev: number;
  frozen: boolean;
  /** Moment at which the timer began to tick: it fires at whole multiples of the interval after it. */
  readonly epoch: number;
  cancel: (() => void) | null;
}

export const hdrlenOf = (version: number): number => (version === TPACKET_V3 ? 48 : 32) + sockaddr_ll.sizeof;

/** The device has a link header that programs see (dev_has_header). */
export const devHasHeader = (dev: NetDevice): boolean => dev.headerOps !== null;

/** skb_csum_unnecessary, as a packet socket says it. */
export const csumValid = (skb: SkBuff): boolean => skb.ipSummed === CHECKSUM_UNNECESSARY || skb.csumValid;

/** Writes the sender's address of the frame; returns its length (dev_parse_header). */
export function devParseHeader(skb: SkBuff, dev: NetDevice, to: Uint8Array, at: number): number {
  if (dev.headerOps === null) return 0;
  for (let i = 0; i < 6; i++) to[at + i] = skb.head[skb.macHeader + 6 + i]!;
  return 6;
}

/** struct virtio_net_hdr of a packet that goes to a program (virtio_net_hdr_from_skb). */
export function vnetHdrFromSkb(skb: SkBuff, to: Uint8Array, at: number, size: number): void {
  to.fill(0, at, at + size);
  if (skb.ipSummed === CHECKSUM_PARTIAL) {
    to[at] = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM
    putHostU16(to, at + 6, skb.csumStart - skb.data);
    putHostU16(to, at + 8, skb.csumOffset);
  } else if (skb.ipSummed === CHECKSUM_UNNECESSARY) to[at] = 2; // VIRTIO_NET_HDR_F_DATA_VALID
}
