/** linux/if_link.h: attributes of links (RTM_GETLINK). */

export const IFLA_UNSPEC = 0;
export const IFLA_ADDRESS = 1;
export const IFLA_BROADCAST = 2;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_QDISC = 6;
export const IFLA_STATS = 7;
export const IFLA_MASTER = 10;
export const IFLA_TXQLEN = 13;
export const IFLA_OPERSTATE = 16;
export const IFLA_LINKMODE = 17;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_STATS64 = 23;
export const IFLA_GROUP = 27;
export const IFLA_EXT_MASK = 29;
export const IFLA_PROMISCUITY = 30;
export const IFLA_NUM_TX_QUEUES = 31;
export const IFLA_NUM_RX_QUEUES = 32;
export const IFLA_CARRIER = 33;
export const IFLA_LINK_NETNSID = 37;
export const IFLA_MIN_MTU = 50;
export const IFLA_MAX_MTU = 51;
export const IFLA_PERM_ADDRESS = 54;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;

// The head of a link message stands in linux/rtnetlink.h.
export const ifinfomsg = {
  sizeof: 16,
  ifi_family: 0,
  ifi_type: 2,
  ifi_index: 4,
  ifi_flags: 8,
  ifi_change: 12,
} as const;

// Counters, each an unsigned 64-bit integer; /sys/class/net/DEVICE/statistics has a file of each.
export const rtnl_link_stats64 = {
  sizeof: 200,
  rx_packets: 0,
  tx_packets: 8,
  rx_bytes: 16,
  tx_bytes: 24,
  rx_errors: 32,
  tx_errors: 40,
  rx_dropped: 48,
  tx_dropped: 56,
  multicast: 64,
  collisions: 72,
  rx_length_errors: 80,
  rx_over_errors: 88,
  rx_crc_errors: 96,
  rx_frame_errors: 104,
  rx_fifo_errors: 112,
  rx_missed_errors: 120,
  tx_aborted_errors: 128,
  tx_carrier_errors: 136,
  tx_fifo_errors: 144,
  tx_heartbeat_errors: 152,
  tx_window_errors: 160,
  rx_compressed: 168,
  tx_compressed: 176,
  rx_nohandler: 184,
} as const;
