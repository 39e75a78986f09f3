import { hostU32, hostU64, putHostU16, putHostU32 } from './host.ts';

/** linux/if_packet.h: packet sockets and their rings (packet(7)). */

// sll_pkttype
export const PACKET_HOST = 0;
export const PACKET_BROADCAST = 1;
export const PACKET_MULTICAST = 2;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;
export const PACKET_LOOPBACK = 5;
export const PACKET_USER = 6;
export const PACKET_KERNEL = 7;

// Options of level SOL_PACKET
export const PACKET_ADD_MEMBERSHIP = 1;
export const PACKET_DROP_MEMBERSHIP = 2;
export const PACKET_RX_RING = 5;
export const PACKET_STATISTICS = 6;
export const PACKET_COPY_THRESH = 7;
export const PACKET_AUXDATA = 8;
export const PACKET_ORIGDEV = 9;
export const PACKET_VERSION = 10;
export const PACKET_HDRLEN = 11;
export const PACKET_RESERVE = 12;
export const PACKET_TX_RING = 13;
export const PACKET_LOSS = 14;
export const PACKET_VNET_HDR = 15;
export const PACKET_TX_TIMESTAMP = 16;
export const PACKET_TIMESTAMP = 17;
export const PACKET_FANOUT = 18;
export const PACKET_TX_HAS_OFF = 19;
export const PACKET_QDISC_BYPASS = 20;
export const PACKET_ROLLOVER_STATS = 21;
export const PACKET_FANOUT_DATA = 22;
export const PACKET_IGNORE_OUTGOING = 23;

// How PACKET_FANOUT spreads, and its flags
export const PACKET_FANOUT_HASH = 0x0;
export const PACKET_FANOUT_LB = 0x1;
export const PACKET_FANOUT_CPU = 0x2;
export const PACKET_FANOUT_ROLLOVER = 0x3;
export const PACKET_FANOUT_RND = 0x4;
export const PACKET_FANOUT_QM = 0x5;
export const PACKET_FANOUT_CBPF = 0x6;
export const PACKET_FANOUT_EBPF = 0x7;
export const PACKET_FANOUT_FLAG_ROLLOVER = 0x1000;
export const PACKET_FANOUT_FLAG_UNIQUEID = 0x2000;
export const PACKET_FANOUT_FLAG_DEFRAG = 0x8000;

// mr_type
export const PACKET_MR_MULTICAST = 0;
export const PACKET_MR_PROMISC = 1;
export const PACKET_MR_ALLMULTI = 2;
export const PACKET_MR_UNICAST = 3;

// tp_status of a received frame, block_status
export const TP_STATUS_KERNEL = 0x0;
export const TP_STATUS_USER = 0x1;
export const TP_STATUS_COPY = 0x2;
export const TP_STATUS_LOSING = 0x4;
export const TP_STATUS_CSUMNOTREADY = 0x8;
export const TP_STATUS_VLAN_VALID = 0x10;
export const TP_STATUS_BLK_TMO = 0x20;
export const TP_STATUS_VLAN_TPID_VALID = 0x40;
export const TP_STATUS_CSUM_VALID = 0x80;

// tp_status of a frame to send
export const TP_STATUS_AVAILABLE = 0x0;
export const TP_STATUS_SEND_REQUEST = 0x1;
export const TP_STATUS_SENDING = 0x2;
export const TP_STATUS_WRONG_FORMAT = 0x4;

// Where the time comes from, in tp_status
export const TP_STATUS_TS_SOFTWARE = 0x20000000;
export const TP_STATUS_TS_SYS_HARDWARE = 0x40000000;
export const TP_STATUS_TS_RAW_HARDWARE = 0x80000000;

export const TP_FT_REQ_FILL_RXHASH = 1;
export const TPACKET_V1 = 0;
export const TPACKET_V2 = 1;
export const TPACKET_V3 = 2;
export const TPACKET_ALIGNMENT = 16;
export const TPACKET_HDRLEN = 52;
export const TPACKET2_HDRLEN = 52;
export const TPACKET3_HDRLEN = 68;

export const sockaddr_ll = {
  sizeof: 20,
  sll_family: 0,
  sll_protocol: 2,
  sll_ifindex: 4,
  sll_hatype: 8,
  sll_pkttype: 10,
  sll_halen: 11,
  sll_addr: 12,
} as const;
export const tpacket_stats = { sizeof: 8, tp_packets: 0, tp_drops: 4 } as const;
export const tpacket_stats_v3 = { sizeof: 12, tp_packets: 0, tp_drops: 4, tp_freeze_q_cnt: 8 } as const;
export const tpacket_rollover_stats = { sizeof: 24, tp_all: 0, tp_huge: 8, tp_failed: 16 } as const;
export const tpacket_auxdata = {
  sizeof: 20,
  tp_status: 0,
  tp_len: 4,
  tp_snaplen: 8,
  tp_mac: 12,
  tp_net: 14,
  tp_vlan_tci: 16,
  tp_vlan_tpid: 18,
} as const;

// Heads of a frame in a ring. tpacket_hdr (version 1) starts with an unsigned long: as on 64-bit machines. All are in host
// order; struct sockaddr_ll follows at the next multiple of TPACKET_ALIGNMENT.
export const tpacket_hdr = {
  sizeof: 32,
  tp_status: 0,
  tp_len: 8,
  tp_snaplen: 12,
  tp_mac: 16,
  tp_net: 18,
  tp_sec: 20,
  tp_usec: 24,
} as const;
export const tpacket2_hdr = {
  sizeof: 32,
  tp_status: 0,
  tp_len: 4,
  tp_snaplen: 8,
  tp_mac: 12,
  tp_net: 14,
  tp_sec: 16,
  tp_nsec: 20,
  tp_vlan_tci: 24,
  tp_vlan_tpid: 26,
} as const;
export const tpacket3_hdr = {
  sizeof: 48,
  tp_next_offset: 0,
  tp_sec: 4,
  tp_nsec: 8,
  tp_snaplen: 12,
  tp_len: 16,
  tp_status: 20,
  tp_mac: 24,
  tp_net: 26,
  'hv1.tp_rxhash': 28,
  'hv1.tp_vlan_tci': 32,
  'hv1.tp_vlan_tpid': 36,
} as const;
export const tpacket_block_desc = {
  sizeof: 48,
  version: 0,
  offset_to_priv: 4,
  'hdr.bh1.block_status': 8,
  'hdr.bh1.num_pkts': 12,
  'hdr.bh1.offset_to_first_pkt': 16,
  'hdr.bh1.blk_len': 20,
  'hdr.bh1.seq_num': 24,
  'hdr.bh1.ts_first_pkt.ts_sec': 32,
  'hdr.bh1.ts_first_pkt.ts_nsec': 36,
  'hdr.bh1.ts_last_pkt.ts_sec': 40,
  'hdr.bh1.ts_last_pkt.ts_nsec': 44,
} as const;

export const tpacket_req = { sizeof: 16, tp_block_size: 0, tp_block_nr: 4, tp_frame_size: 8, tp_frame_nr: 12 } as const;
export const tpacket_req3 = {
  sizeof: 28,
  tp_block_size: 0,
  tp_block_nr: 4,
  tp_frame_size: 8,
  tp_frame_nr: 12,
  tp_retire_blk_tov: 16,
  tp_sizeof_priv: 20,
  tp_feature_req_word: 24,
} as const;
export const packet_mreq = { sizeof: 16, mr_ifindex: 0, mr_type: 4, mr_alen: 6, mr_address: 8 } as const;
export const fanout_args = { sizeof: 8, id: 0, type_flags: 2, max_num_members: 4 } as const;

/** TPACKET_ALIGN */
export const TPACKET_ALIGN = (length: number): number => (length + TPACKET_ALIGNMENT - 1) & ~(TPACKET_ALIGNMENT - 1);

/** struct tpacket_req3, the value of PACKET_RX_RING and PACKET_TX_RING of TPACKET_V3. */
export interface TpacketReq3 {
  /** Bytes of a block: a multiple of the page size. */
  blockSize: number;
  blockNr: number;
  /** Bytes of a frame's slot, a multiple of TPACKET_ALIGNMENT; V3 uses it only to bound a frame. */
  frameSize: number;
  /** blockSize / frameSize * blockNr. */
  frameNr: number;
  /** Milliseconds after which a block that holds frames is handed over; 0: the kernel chooses by the link's speed. */
  retireBlkTov?: number;
  sizeofPriv?: number;
  featureReqWord?: number;
}

export function encodeTpacketReq3(req: TpacketReq3): Uint8Array {
  const bytes = new Uint8Array(tpacket_req3.sizeof);
  putHostU32(bytes, tpacket_req3.tp_block_size, req.blockSize);
  putHostU32(bytes, tpacket_req3.tp_block_nr, req.blockNr);
  putHostU32(bytes, tpacket_req3.tp_frame_size, req.frameSize);
  putHostU32(bytes, tpacket_req3.tp_frame_nr, req.frameNr);
  putHostU32(bytes, tpacket_req3.tp_retire_blk_tov, req.retireBlkTov ?? 0);
  putHostU32(bytes, tpacket_req3.tp_sizeof_priv, req.sizeofPriv ?? 0);
  putHostU32(bytes, tpacket_req3.tp_feature_req_word, req.featureReqWord ?? 0);
  return bytes;
}

/** struct tpacket_req, for TPACKET_V1 and TPACKET_V2. */
export function encodeTpacketReq(
  req: Pick<TpacketReq3, 'blockSize' | 'blockNr' | 'frameSize' | 'frameNr'>,
): Uint8Array {
  return encodeTpacketReq3(req).subarray(0, tpacket_req.sizeof);
}

/** struct tpacket_stats_v3: frames since the last reading, which resets them (packet(7)). `packets` includes the drops. */
export const decodeTpacketStatsV3 = (bytes: Uint8Array): { packets: number; drops: number; freezes: number } => ({
  packets: hostU32(bytes, tpacket_stats_v3.tp_packets),
  drops: hostU32(bytes, tpacket_stats_v3.tp_drops),
  freezes: hostU32(bytes, tpacket_stats_v3.tp_freeze_q_cnt),
});

/** struct tpacket_rollover_stats. */
export const decodeTpacketRolloverStats = (bytes: Uint8Array): { all: bigint; huge: bigint; failed: bigint } => ({
  all: hostU64(bytes, tpacket_rollover_stats.tp_all),
  huge: hostU64(bytes, tpacket_rollover_stats.tp_huge),
  failed: hostU64(bytes, tpacket_rollover_stats.tp_failed),
});

/** struct packet_mreq, the value of PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP. */
export function encodePacketMreq(ifindex: number, type: number, address = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(packet_mreq.sizeof);
  putHostU32(bytes, packet_mreq.mr_ifindex, ifindex);
  putHostU16(bytes, packet_mreq.mr_type, type);
  putHostU16(bytes, packet_mreq.mr_alen, address.length);
  bytes.set(address.subarray(0, 8), packet_mreq.mr_address);
  return bytes;
}

/** The value of PACKET_FANOUT: the group in the low half of an int, PACKET_FANOUT_ kind and flags in the high half. */
export const fanoutArgument = (group: number, typeFlags: number): number => (group & 0xffff) | (typeFlags << 16);
