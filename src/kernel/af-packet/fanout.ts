import { EALREADY, EINVAL, ENOMEM, ENOSPC, EPERM } from '../../uapi/errno.ts';
import {
  PACKET_FANOUT_CBPF,
  PACKET_FANOUT_CPU,
  PACKET_FANOUT_EBPF,
  PACKET_FANOUT_FLAG_ROLLOVER,
  PACKET_FANOUT_FLAG_UNIQUEID,
  PACKET_FANOUT_HASH,
  PACKET_FANOUT_LB,
  PACKET_FANOUT_QM,
  PACKET_FANOUT_RND,
  PACKET_FANOUT_ROLLOVER,
} from '../../uapi/if_packet.ts';
import { devAddPack, devRemovePack } from '../dev.ts';
import { bpfPrepare, copyBpfFprog } from '../filter.ts';
import { skbFlowHash } from '../flow-hash.ts';
import { consumeSkb } from '../skbuff.ts';
import type { Net, NetDevice, PacketType, SkBuff } from '../structs.ts';
import type { PacketFanout, PacketSock } from './packet-sock.ts';
import { packetRcvHasRoom, ROOM_NORMAL } from './receive.ts';

/** PACKET_FANOUT: several sockets share the frames of one tap (net/packet/af_packet.c). */

const PACKET_FANOUT_MAX = 65536;
const DEFAULT_MEMBERS = 256;
export const FANOUT_KEY = 17;
const groups = (net: Net): PacketFanout[] => (net.gen[FANOUT_KEY] ??= []) as PacketFanout[];

function rollover(f: PacketFanout, skb: SkBuff, index: number, trySelf: boolean, num: number): number {
  const po = f.members[index]!;
  let skip: PacketSock | null = null;
  let room = ROOM_NORMAL;
  if (trySelf) {
    room = packetRcvHasRoom(po, skb);
    if (room === ROOM_NORMAL) return index;
    if (room === 1 && !flowIsHuge(po, skb)) return index;
    skip = po;
  }
  const roll = po.rollover!;
  let i = Math.min(roll.sock, num - 1);
  const j = i;
  do {
    const next = f.members[i]!;
    if (next !== skip && !next.pressure && packetRcvHasRoom(next, skb) === ROOM_NORMAL) {
      if (i !== j) roll.sock = i;
      roll.num++;
      if (room === 1) roll.numHuge++;
      return i;
    }
    if (++i === num) i = 0;
  } while (i !== j);
  roll.numFailed++;
  return index;
}

/** A flow that makes up half of the last 16 packets (fanout_flow_is_huge). */
const histories = new WeakMap<PacketSock, { list: number[]; at: number }>();
function flowIsHuge(po: PacketSock, skb: SkBuff): boolean {
  let history = histories.get(po);
  if (history === undefined) histories.set(po, (history = { list: new Array(16).fill(0), at: 0 }));
  const hash = skbFlowHash(skb);
  const count = history.list.filter((h) => h === hash).length;
  history.list[history.at] = hash;
  history.at = (history.at + 1) % 16;
  return count > 8;
}

function packetRcvFanout(skb: SkBuff, dev: NetDevice, pt: PacketType, origDev: NetDevice): number {
  const f = pt.afPacketPriv as PacketFanout;
  const { net } = dev;
  const num = f.members.length;
  if (num === 0) {
    consumeSkb(skb);
    return 0;
  }
  let index: number;
  switch (f.type) {
    case PACKET_FANOUT_LB:
      f.rrCur = (f.rrCur + 1) >>> 0;
      index = f.rrCur % num;
      break;
    case PACKET_FANOUT_CPU:
      index = 0;
      break;
    case PACKET_FANOUT_RND:
      index = net.random() % num;
      break;
    case PACKET_FANOUT_QM:
      index = skb.queueMapping % num;
      break;
    case PACKET_FANOUT_ROLLOVER:
      index = rollover(f, skb, 0, false, num);
      break;
    case PACKET_FANOUT_CBPF: {
      const { data, len } = skb;
      // The program sees the frame from its network header on (bpf_prog_run_clear_cb at skb->data).
      index = f.prog === null ? 0 : f.prog.run(skb) % num;
      skb.data = data;
      skb.len = len;
      break;
    }
    default:
      index = Math.floor((skbFlowHash(skb) / 0x100000000) * num);
  }
  if (f.flags & (PACKET_FANOUT_FLAG_ROLLOVER >> 8)) index = rollover(f, skb, index, true, num);
  const po = f.members[index]!;
  return po.hook.func(skb, dev, po.hook, origDev);
}

export function fanoutLink(po: PacketSock): void {
  const f = po.fanout!;
  f.members.push(po);
  if (f.members.length === 1) devAddPack(po.net, f.hook);
}

export function fanoutUnlink(po: PacketSock): void {
  const f = po.fanout!;
  const at = f.members.indexOf(po);
  if (at < 0) return;
  // The last takes the place of the one that goes.
  f.members[at] = f.members[f.members.length - 1]!;
  f.members.pop();
  if (f.members.length === 0) devRemovePack(po.net, f.hook);
}

export function fanoutRelease(po: PacketSock): void {
  const f = po.fanout;
  if (f === null) return;
  po.fanout = null;
  if (--f.refs === 0) {
    const list = groups(po.net);
    list.splice(list.indexOf(f), 1);
  }
}

/** fanout_add */
export function fanoutAdd(po: PacketSock, wantedId: number, typeFlags: number, maxMembers: number): number {
  const { net } = po;
  const type = typeFlags & 0xff;
  let flags = typeFlags >> 8;
  let id = wantedId;
  switch (type) {
    case PACKET_FANOUT_ROLLOVER:
      if (typeFlags & PACKET_FANOUT_FLAG_ROLLOVER) return -EINVAL;
      break;
    case PACKET_FANOUT_HASH:
    case PACKET_FANOUT_LB:
    case PACKET_FANOUT_CPU:
    case PACKET_FANOUT_RND:
    case PACKET_FANOUT_QM:
    case PACKET_FANOUT_CBPF:
    case PACKET_FANOUT_EBPF:
      break;
    default:
      return -EINVAL;
  }
  if (po.fanout !== null) return -EALREADY;
  if (typeFlags & PACKET_FANOUT_FLAG_UNIQUEID) {
    if (id !== 0) return -EINVAL;
    while (groups(net).some((f) => f.id === id)) if (++id > 0xffff) return -ENOMEM;
    flags &= ~(PACKET_FANOUT_FLAG_UNIQUEID >> 8);
  }
  let match = groups(net).find((f) => f.id === id);
  if (match !== undefined) {
    if (match.flags !== flags) return -EINVAL;
    if (maxMembers !== 0 && match.maxNumMembers !== maxMembers) return -EINVAL;
  } else {
    if (maxMembers > PACKET_FANOUT_MAX) return -EINVAL;
    const hook: PacketType = {
      type: po.hook.type,
      dev: po.hook.dev,
      func: packetRcvFanout,
      afPacketPriv: null,
      ignoreOutgoing: po.hook.ignoreOutgoing,
      idMatch: (pt, sk) => (pt.afPacketPriv as PacketFanout).members.includes(sk as PacketSock),
    };
    match = {
      id,
      type,
      flags,
      maxNumMembers: maxMembers || DEFAULT_MEMBERS,
      members: [],
      hook,
      refs: 0,
      rrCur: 0,
      prog: null,
      linked: false,
    };
    hook.afPacketPriv = match;
    groups(net).push(match);
  }
  const drop = (error: number): number => {
    if (match!.refs === 0) groups(net).splice(groups(net).indexOf(match!), 1);
    return error;
  };
  if (po.num === 0 || match.type !== type || match.hook.type !== po.hook.type || match.hook.dev !== po.hook.dev)
    return drop(-EINVAL);
  if (match.refs >= match.maxNumMembers) return drop(-ENOSPC);
  if (type === PACKET_FANOUT_ROLLOVER || typeFlags & PACKET_FANOUT_FLAG_ROLLOVER)
    po.rollover = { sock: 0, num: 0, numHuge: 0, numFailed: 0 };
  match.refs++;
  if (po.running) devRemovePack(net, po.hook);
  po.fanout = match;
  if (po.running) fanoutLink(po);
  return 0;
}

/** PACKET_FANOUT_DATA: the program that chooses. */
export function fanoutSetData(po: PacketSock, value: Uint8Array): number {
  const f = po.fanout;
  if (f === null) return -EINVAL;
  if (f.type !== PACKET_FANOUT_CBPF) return -EINVAL;
  if (po.filterLocked) return -EPERM;
  const image = copyBpfFprog(value);
  if (typeof image === 'number') return image;
  const prog = bpfPrepare(po.net.random, image);
  if (typeof prog === 'number') return prog;
  f.prog = prog;
  return 0;
}
