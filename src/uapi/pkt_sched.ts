/** linux/rtnetlink.h, linux/gen_stats.h, linux/pkt_sched.h: queueing disciplines as rtnetlink(7) tells them. */
export const RTM_NEWQDISC = 36;
export const RTM_GETQDISC = 38;

/** struct tcmsg. */
export const tcmsg = {
  sizeof: 20,
  tcm_family: 0,
  tcm_ifindex: 4,
  tcm_handle: 8,
  tcm_parent: 12,
  tcm_info: 16,
} as const;

/** The parent of a device's own discipline. */
export const TC_H_ROOT = 0xffffffff;

export const TCA_KIND = 1;
export const TCA_STATS2 = 7;
/** Attributes within TCA_STATS2. */
export const TCA_STATS_BASIC = 1;
export const TCA_STATS_QUEUE = 3;

/** struct gnet_stats_basic: bytes (64 bits), packets. */
export const gnet_stats_basic = { sizeof: 16, bytes: 0, packets: 8 } as const;
/** struct gnet_stats_queue: five numbers of 32 bits. */
export const gnet_stats_queue = { sizeof: 20, qlen: 0, backlog: 4, drops: 8, requeues: 12, overlimits: 16 } as const;
