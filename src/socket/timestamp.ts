/** Where the times of captured frames come from, by libpcap's names (pcap-tstamp(7)). */
import { check } from '../syscall/error.ts';
import { ETHTOOL_GET_TS_INFO, ethtool_ts_info } from '../uapi/ethtool.ts';
import { hostU32, int, putHostU32 } from '../uapi/host.ts';
import { encodeIfreq } from '../uapi/if.ts';
import * as tstamp from '../uapi/net_tstamp.ts';
import { SIOCETHTOOL, SIOCSHWTSTAMP } from '../uapi/sockios.ts';
import type { Device, PacketSocket } from './packet.ts';

/** host: the kernel's clock when the frame came by. adapter_unsynced: the network adapter's own clock, which nothing need
 * have set; only where the driver has it. */
export type TimestampType = 'host' | 'adapter_unsynced';

export const TIMESTAMP_TYPES: readonly TimestampType[] = ['host', 'adapter_unsynced'];

/** What the device offers: always the host's clock. */
export function timestampTypes(socket: PacketSocket, device: Pick<Device, 'name'>): TimestampType[] {
  const request = encodeIfreq(device.name);
  const argument = new Uint8Array(request.length + ethtool_ts_info.sizeof);
  argument.set(request);
  argument.set(int(ETHTOOL_GET_TS_INFO), request.length);
  if (socket.calls.ioctl(socket.fd, SIOCETHTOOL, argument) < 0) return ['host'];
  const sources = hostU32(argument, request.length + ethtool_ts_info.so_timestamping);
  const filters = hostU32(argument, request.length + ethtool_ts_info.rx_filters);
  const hardware = (sources & tstamp.SOF_TIMESTAMPING_RAW_HARDWARE) !== 0;
  return hardware && (filters & (1 << tstamp.HWTSTAMP_FILTER_ALL)) !== 0 ? ['host', 'adapter_unsynced'] : ['host'];
}

/** Throws SystemError where the device has no such clock. */
export function setTimestampType(socket: PacketSocket, device: Device | null, type: TimestampType): void {
  if (type === 'host') return;
  if (!device) throw new RangeError(`timestampType: '${type}' needs one device, not 'any'`);
  const request = encodeIfreq(device.name);
  const argument = new Uint8Array(request.length + tstamp.hwtstamp_config.sizeof);
  argument.set(request);
  putHostU32(argument, request.length + tstamp.hwtstamp_config.tx_type, tstamp.HWTSTAMP_TX_OFF);
  putHostU32(argument, request.length + tstamp.hwtstamp_config.rx_filter, tstamp.HWTSTAMP_FILTER_ALL);
  check(socket.calls.ioctl(socket.fd, SIOCSHWTSTAMP, argument), 'ioctl SIOCSHWTSTAMP', {
    dest: device.name,
    hint: `The driver of ${device.name} does not stamp every frame; use the timestamp type 'host'`,
  });
  socket.setTimestampSource(tstamp.SOF_TIMESTAMPING_RAW_HARDWARE);
}
