import type { SystemCalls } from '../syscall/contract.ts';
import { hostU32, putHostU32 } from '../uapi/host.ts';
import { netlinkAttributes } from '../uapi/netlink.ts';
import { AF_PACKET } from '../uapi/socket.ts';
import { NetlinkSocket } from './netlink.ts';

/** Packet sockets as sock_diag(7) tells them (linux/packet_diag.h). */

const NETLINK_SOCK_DIAG = 4;
const SOCK_DIAG_BY_FAMILY = 20;
/** struct packet_diag_req. */
const request = { sizeof: 20, sdiag_family: 0, pdiag_show: 8 } as const;
const PACKET_SHOW_INFO = 0x1;
const PACKET_SHOW_MEMINFO = 0x10;
/** struct packet_diag_msg. */
const answer = { sizeof: 16, pdiag_ino: 4 } as const;
const PACKET_DIAG_INFO = 0;
const PACKET_DIAG_MEMINFO = 6;
/** Place of SK_MEMINFO_DROPS among the numbers of PACKET_DIAG_MEMINFO. */
const SK_MEMINFO_DROPS = 8;

export interface PacketSocketDiag {
  inode: number;
  /** Of the device that it is bound to; 0: all of them. */
  ifindex: number;
  /** Packets that found its buffer full (sk_drops). What a ring lost is counted apart, and only its owner can read that
   * (PACKET_STATISTICS). */
  drops: number;
}

/** All packet sockets of the namespace. Throws SystemError: EPROTONOSUPPORT, ENOENT where the kernel cannot tell. */
export async function packetSockets(calls: SystemCalls): Promise<PacketSocketDiag[]> {
  const socket = new NetlinkSocket(calls, NETLINK_SOCK_DIAG);
  try {
    const header = new Uint8Array(request.sizeof);
    header[request.sdiag_family] = AF_PACKET;
    putHostU32(header, request.pdiag_show, PACKET_SHOW_INFO | PACKET_SHOW_MEMINFO);
    const messages = await socket.dump(SOCK_DIAG_BY_FAMILY, header);
    return messages
      .filter(({ type, payload }) => type === SOCK_DIAG_BY_FAMILY && payload.length >= answer.sizeof)
      .map(({ payload }) => {
        const attributes = netlinkAttributes(payload, answer.sizeof);
        const info = attributes.get(PACKET_DIAG_INFO);
        const memory = attributes.get(PACKET_DIAG_MEMINFO);
        return {
          inode: hostU32(payload, answer.pdiag_ino),
          ifindex: info === undefined || info.length < 4 ? 0 : hostU32(info, 0),
          drops:
            memory === undefined || memory.length < 4 * (SK_MEMINFO_DROPS + 1)
              ? 0
              : hostU32(memory, 4 * SK_MEMINFO_DROPS),
        };
      });
  } finally {
    socket.close();
  }
}
