import type { SystemCalls } from '../syscall/contract.ts';
import { hostI32, hostU32 } from '../uapi/host.ts';
import { netlinkAttributes } from '../uapi/netlink.ts';
import * as sch from '../uapi/pkt_sched.ts';
import { NetlinkSocket } from './netlink.ts';

/** A device's queueing discipline and what it counted (tc -s qdisc show). Counts of packets; `backlog` in bytes. */
export interface QueueDiscipline {
  ifindex: number;
  /** pfifo_fast, fq_codel, noqueue… */
  kind: string;
  qlen: number;
  backlog: number;
  drops: number;
  requeues: number;
  overlimits: number;
}

const decoder = new TextDecoder();

/** The root disciplines of all devices: what their children count is in them. Throws SystemError. */
export async function queueDisciplines(calls: SystemCalls): Promise<QueueDiscipline[]> {
  const socket = new NetlinkSocket(calls);
  try {
    const messages = await socket.dump(sch.RTM_GETQDISC, new Uint8Array(sch.tcmsg.sizeof));
    return messages
      .filter(({ type, payload }) => type === sch.RTM_NEWQDISC && payload.length >= sch.tcmsg.sizeof)
      .filter(({ payload }) => hostU32(payload, sch.tcmsg.tcm_parent) === sch.TC_H_ROOT)
      .map(({ payload }) => decode(payload));
  } finally {
    socket.close();
  }
}

function decode(payload: Uint8Array): QueueDiscipline {
  const attributes = netlinkAttributes(payload, sch.tcmsg.sizeof);
  const stats = attributes.get(sch.TCA_STATS2);
  const queue = stats && netlinkAttributes(stats, 0).get(sch.TCA_STATS_QUEUE);
  const count = (at: number): number => (queue && queue.length >= at + 4 ? hostU32(queue, at) : 0);
  return {
    ifindex: hostI32(payload, sch.tcmsg.tcm_ifindex),
    kind: decoder.decode(attributes.get(sch.TCA_KIND) ?? new Uint8Array(0)).replace(/\0.*$/s, ''),
    qlen: count(sch.gnet_stats_queue.qlen),
    backlog: count(sch.gnet_stats_queue.backlog),
    drops: count(sch.gnet_stats_queue.drops),
    requeues: count(sch.gnet_stats_queue.requeues),
    overlimits: count(sch.gnet_stats_queue.overlimits),
  };
}
