import { hostU32, putHostU16, putHostU32 } from '../../uapi/host.ts';
import {
  TP_FT_REQ_FILL_RXHASH,
  TP_STATUS_BLK_TMO,
  TP_STATUS_KERNEL,
  TP_STATUS_LOSING,
  TP_STATUS_USER,
  TP_STATUS_VLAN_TPID_VALID,
  TP_STATUS_VLAN_VALID,
  tpacket_block_desc,
  tpacket3_hdr,
} from '../../uapi/if_packet.ts';
import { skbFlowHash } from '../flow-hash.ts';
import type { SkBuff } from '../structs.ts';
import type { PacketSock } from './packet-sock.ts';

/** Rings of version 3: blocks filled with packets of any length, handed over when full or when their time is over
 * (net/packet/af_packet.c, prb_ functions). */

const B = tpacket_block_desc;
const BLK_HDR_LEN = 48;
const align8 = (n: number): number => (n + 7) & ~7;
export const blkPlusPriv = (priv: number): number => BLK_HDR_LEN + align8(priv);
const DEFAULT_PRB_RETIRE_TOV = 8;

const blockAt = (po: PacketSock): number => po.prb!.kactiveBlkNum * po.rxRing!.blockSize;

const statusOf = (po: PacketSock, block: number): number =>
  Atomics.load(po.rxRing!.words, (block + B['hdr.bh1.block_status']) >> 2);

/** prb_calc_retire_blk_tmo: about as long as a block takes to fill at the device's speed. */
function calcRetireTov(po: PacketSock, blockSize: number): number {
  if (po.boundDev === null || po.boundDev.kind !== 'veth') return DEFAULT_PRB_RETIRE_TOV;
  // veth says 10 Gbit/s.
  const div = 10;
  return Math.floor((blockSize * 8) / (1024 * 1024) / div) + 1;
}

export function initPrb(po: PacketSock, retireTov: number, sizeofPriv: number, featureReqWord: number): void {
  const ring = po.rxRing!;
  po.tpFreezeQCnt = 0;
  po.prb = {
    sizeofPriv,
    retireTov: retireTov !== 0 ? retireTov : calcRetireTov(po, ring.blockSize),
    featureReqWord,
    maxFrameLen: ring.blockSize - blkPlusPriv(sizeofPriv),
    knxtSeqNum: 1,
    kactiveBlkNum: 0,
    nxtOffset: 0,
    prev: 0,
    frozen: false,
    epoch: po.net.clock.monotonic(),
    cancel: null,
  };
  openBlock(po);
}

export function stopPrb(po: PacketSock): void {
  po.prb?.cancel?.();
  po.prb = null;
}

/** The next tick, where there is something that it would find to do. */
function armTimer(po: PacketSock): void {
  const prb = po.prb!;
  if (prb.cancel !== null) return;
  const { clock } = po.net;
  const interval = prb.retireTov * 1e6;
  const since = clock.monotonic() - prb.epoch;
  const wait = interval - (since % interval);
  prb.cancel = clock.after(wait, () => {
    prb.cancel = null;
    if (po.prb === prb) expired(po);
  });
}

/** prb_retire_rx_blk_timer_expired */
function expired(po: PacketSock): void {
  const prb = po.prb!;
  const block = blockAt(po);
  const { bytes } = po.rxRing!;
  if (!prb.frozen) {
    if (hostU32(bytes, block + B['hdr.bh1.num_pkts']) === 0) return; // armed again by the next packet
    retireCurrent(po, TP_STATUS_BLK_TMO);
    dispatchNext(po);
    if (prb.frozen) armTimer(po);
    return;
  }
  if ((statusOf(po, block) & TP_STATUS_USER) === 0) openBlock(po);
  else armTimer(po);
}

function openBlock(po: PacketSock): void {
  const prb = po.prb!;
  const { bytes, used } = po.rxRing!;
  const at = blockAt(po);
  used[prb.kactiveBlkNum] = 1;
  const first = blkPlusPriv(prb.sizeofPriv);
  putHostU32(bytes, at + B['hdr.bh1.seq_num'], prb.knxtSeqNum);
  putHostU32(bytes, at + B['hdr.bh1.seq_num'] + 4, Math.floor(prb.knxtSeqNum / 0x100000000));
  prb.knxtSeqNum++;
  putHostU32(bytes, at + B['hdr.bh1.num_pkts'], 0);
  putHostU32(bytes, at + B['hdr.bh1.blk_len'], first);
  const { seconds, nanoseconds } = po.net.clock.realtime();
  putHostU32(bytes, at + B['hdr.bh1.ts_first_pkt.ts_sec'], seconds);
  putHostU32(bytes, at + B['hdr.bh1.ts_first_pkt.ts_nsec'], nanoseconds);
  prb.nxtOffset = at + first;
  putHostU32(bytes, at + B['hdr.bh1.offset_to_first_pkt'], first);
  putHostU32(bytes, at + B.offset_to_priv, BLK_HDR_LEN);
  putHostU32(bytes, at + B.version, po.version);
  prb.prev = prb.nxtOffset;
  prb.frozen = false;
}

/** prb_retire_current_block and prb_close_block: the block is the program's now. */
function retireCurrent(po: PacketSock, why: number): void {
  const prb = po.prb!;
  const ring = po.rxRing!;
  const at = blockAt(po);
  if (statusOf(po, at) !== TP_STATUS_KERNEL) return;
  let status = TP_STATUS_USER | why;
  if (po.tpDrops > 0) status |= TP_STATUS_LOSING;
  const { bytes } = ring;
  const last = prb.prev;
  putHostU32(bytes, last + tpacket3_hdr.tp_next_offset, 0);
  if (hostU32(bytes, at + B['hdr.bh1.num_pkts']) > 0) {
    putHostU32(bytes, at + B['hdr.bh1.ts_last_pkt.ts_sec'], hostU32(bytes, last + tpacket3_hdr.tp_sec));
    putHostU32(bytes, at + B['hdr.bh1.ts_last_pkt.ts_nsec'], hostU32(bytes, last + tpacket3_hdr.tp_nsec));
  } else {
    const { seconds, nanoseconds } = po.net.clock.realtime();
    putHostU32(bytes, at + B['hdr.bh1.ts_last_pkt.ts_sec'], seconds);
    putHostU32(bytes, at + B['hdr.bh1.ts_last_pkt.ts_nsec'], nanoseconds);
  }
  Atomics.store(ring.words, (at + B['hdr.bh1.block_status']) >> 2, status);
  po.dataReady();
  prb.kactiveBlkNum = prb.kactiveBlkNum + 1 === ring.blockNr ? 0 : prb.kactiveBlkNum + 1;
}

/** prb_dispatch_next_block: where the next packet goes, -1 where the program still holds the block (the queue freezes). */
function dispatchNext(po: PacketSock): number {
  const prb = po.prb!;
  if (statusOf(po, blockAt(po)) & TP_STATUS_USER) {
    prb.frozen = true;
    po.tpFreezeQCnt++;
    return -1;
  }
  openBlock(po);
  return prb.nxtOffset;
}

function fill(po: PacketSock, skb: SkBuff, length: number): number {
  const prb = po.prb!;
  const { bytes } = po.rxRing!;
  const at = prb.nxtOffset;
  const block = blockAt(po);
  const total = align8(length);
  putHostU32(bytes, at + tpacket3_hdr.tp_next_offset, total);
  prb.prev = at;
  prb.nxtOffset += total;
  putHostU32(bytes, block + B['hdr.bh1.blk_len'], hostU32(bytes, block + B['hdr.bh1.blk_len']) + total);
  putHostU32(bytes, block + B['hdr.bh1.num_pkts'], hostU32(bytes, block + B['hdr.bh1.num_pkts']) + 1);
  if (skb.vlanPresent) {
    putHostU32(bytes, at + tpacket3_hdr['hv1.tp_vlan_tci'], skb.vlanTci);
    putHostU16(bytes, at + tpacket3_hdr['hv1.tp_vlan_tpid'], skb.vlanProto);
    putHostU32(bytes, at + tpacket3_hdr.tp_status, TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID);
  } else {
    putHostU32(bytes, at + tpacket3_hdr['hv1.tp_vlan_tci'], 0);
    putHostU16(bytes, at + tpacket3_hdr['hv1.tp_vlan_tpid'], 0);
    putHostU32(bytes, at + tpacket3_hdr.tp_status, 0);
  }
  putHostU32(
    bytes,
    at + tpacket3_hdr['hv1.tp_rxhash'],
    prb.featureReqWord & TP_FT_REQ_FILL_RXHASH ? skbFlowHash(skb) : 0,
  );
  armTimer(po);
  return at;
}

/** Room for a packet of `length` bytes with its header: where, or -1 (__packet_lookup_frame_in_block). */
export function lookupFrameInBlock(po: PacketSock, skb: SkBuff, length: number): number {
  const prb = po.prb!;
  const ring = po.rxRing!;
  if (prb.frozen) {
    if (statusOf(po, blockAt(po)) & TP_STATUS_USER) return -1;
    openBlock(po);
  }
  if (prb.nxtOffset + align8(length) < blockAt(po) + ring.blockSize) return fill(po, skb, length);
  retireCurrent(po, 0);
  if (dispatchNext(po) < 0) {
    armTimer(po);
    return -1;
  }
  return fill(po, skb, length);
}

/** ROOM_NONE 0, ROOM_LOW 1, ROOM_NORMAL 2 (__tpacket_v3_has_room). */
export function v3HasRoom(po: PacketSock, powOff: number): boolean {
  const ring = po.rxRing!;
  let index = po.prb!.kactiveBlkNum;
  if (powOff > 0) index += ring.blockNr >> powOff;
  if (index >= ring.blockNr) index -= ring.blockNr;
  return statusOf(po, index * ring.blockSize) === TP_STATUS_KERNEL;
}

/** Whether a block is ready for the program (packet_previous_rx_frame). */
export function v3Readable(po: PacketSock): boolean {
  const ring = po.rxRing!;
  const index = po.prb!.kactiveBlkNum === 0 ? ring.blockNr - 1 : po.prb!.kactiveBlkNum - 1;
  return statusOf(po, index * ring.blockSize) !== TP_STATUS_KERNEL;
}
