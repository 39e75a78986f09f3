/** linux/ethtool.h: what `SIOCETHTOOL` asks of a driver; the structure follows struct ifreq in the ioctl's argument. */

export const ETHTOOL_GRINGPARAM = 0x10;
export const ETHTOOL_GET_TS_INFO = 0x41;

export const ethtool_ringparam = {
  sizeof: 36,
  cmd: 0,
  rx_max_pending: 4,
  rx_mini_max_pending: 8,
  rx_jumbo_max_pending: 12,
  tx_max_pending: 16,
  rx_pending: 20,
  rx_mini_pending: 24,
  rx_jumbo_pending: 28,
  tx_pending: 32,
} as const;
export const ethtool_ts_info = {
  sizeof: 44,
  cmd: 0,
  so_timestamping: 4,
  phc_index: 8,
  tx_types: 12,
  rx_filters: 28,
} as const;
