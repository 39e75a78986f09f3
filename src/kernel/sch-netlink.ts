import { int, putHostU16, putHostU32, putHostU64 } from '../uapi/host.ts';
import { IFF_UP } from '../uapi/if.ts';
import { NLMSG_ALIGN } from '../uapi/netlink.ts';
import * as sch from '../uapi/pkt_sched.ts';
import { rtnlRegister } from './af-netlink.ts';
import { allDevices } from './dev.ts';
import type { Net, NetDevice } from './structs.ts';

/** RTM_GETQDISC: the disciplines of the devices with their counts (net/sched/sch_api.c, tc_dump_qdisc). */

function attribute(type: number, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NLMSG_ALIGN(4 + data.length));
  putHostU16(bytes, 0, 4 + data.length);
  putHostU16(bytes, 2, type);
  bytes.set(data, 4);
  return bytes;
}

const joined = (...parts: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

function message(dev: NetDevice): Uint8Array {
  const q = dev.qdisc;
  const header = new Uint8Array(sch.tcmsg.sizeof);
  header.set(int(dev.ifindex), sch.tcmsg.tcm_ifindex);
  putHostU32(header, sch.tcmsg.tcm_parent, sch.TC_H_ROOT);
  putHostU32(header, sch.tcmsg.tcm_info, 2);
  const basic = new Uint8Array(sch.gnet_stats_basic.sizeof);
  const queue = new Uint8Array(sch.gnet_stats_queue.sizeof);
  if (q !== null) {
    putHostU64(basic, sch.gnet_stats_basic.bytes, BigInt(q.bytes));
    putHostU32(basic, sch.gnet_stats_basic.packets, q.packets);
    for (const name of ['qlen', 'backlog', 'drops', 'requeues', 'overlimits'] as const)
      putHostU32(queue, sch.gnet_stats_queue[name], q[name]);
  }
  return joined(
    header,
    attribute(sch.TCA_KIND, new TextEncoder().encode(`${q?.ops.id ?? 'noqueue'}\0`)),
    attribute(sch.TCA_STATS2, joined(attribute(sch.TCA_STATS_BASIC, basic), attribute(sch.TCA_STATS_QUEUE, queue))),
  );
}

export function schNetlinkInit(net: Net): void {
  rtnlRegister(net, sch.RTM_GETQDISC, {
    dump: () =>
      allDevices(net)
        .filter((dev) => dev.flags & IFF_UP || dev.qdisc !== null)
        .map((dev) => ({ type: sch.RTM_NEWQDISC, body: message(dev) })),
  });
}
