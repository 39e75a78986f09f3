import { EINVAL, ENODEV } from '../../uapi/errno.ts';
import { hostI32, hostU16 } from '../../uapi/host.ts';
import {
  PACKET_MR_ALLMULTI,
  PACKET_MR_MULTICAST,
  PACKET_MR_PROMISC,
  PACKET_MR_UNICAST,
  packet_mreq,
} from '../../uapi/if_packet.ts';
import { devAddAddress, devDelAddress, devSetAllmulti, devSetPromiscuity } from '../dev.ts';
import type { PacketMclist, PacketSock } from './packet-sock.ts';

/** What devices listen to on behalf of packet sockets. */

/** Makes a device listen to more, or to less. */
export function devMc(po: PacketSock, mc: PacketMclist, by: 1 | -1): number {
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

/** PACKET_ADD_MEMBERSHIP and PACKET_DROP_MEMBERSHIP. */
export function membership(po: PacketSock, add: boolean, value: Uint8Array): number {
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
