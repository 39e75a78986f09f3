import { EBUSY, EINVAL, ENOPROTOOPT } from '../../uapi/errno.ts';
import { hostI32, hostU16, hostU32, putHostU32 } from '../../uapi/host.ts';
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
  PACKET_ORIGDEV,
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
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
  tpacket_req,
  tpacket_req3,
  tpacket_stats,
  tpacket_stats_v3,
} from '../../uapi/if_packet.ts';
import { SOCK_RAW, SOL_PACKET } from '../../uapi/socket.ts';
import { putOption } from '../sock-options.ts';
import type { Socket } from '../structs.ts';
import { fanoutAdd, fanoutSetData } from './fanout.ts';
import { membership } from './membership.ts';
import type { PacketSock } from './packet-sock.ts';
import { setRing } from './rings.ts';

/** Options of level SOL_PACKET, packet(7). */

const PACKET_VNET_HDR_SZ = 24;

export function packetSetsockopt(socket: Socket, level: number, name: number, value: Uint8Array): number {
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

export function packetGetsockopt(
  socket: Socket,
  level: number,
  name: number,
  value: Uint8Array,
  length: Int32Array,
): number {
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
