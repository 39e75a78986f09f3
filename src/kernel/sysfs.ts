import { CAP_NET_ADMIN } from '../uapi/capability.ts';
import { EINVAL, EPERM } from '../uapi/errno.ts';
import { IFF_LOOPBACK, IFF_UP } from '../uapi/if.ts';
import { allDevices, devGetFlags, devSetMtu } from './dev.ts';
import { type ProcDir, type ProcEntry, type ProcFile, procMkdir } from './procfs.ts';
import type { Net, NetDevice } from './structs.ts';
import type { DevStats } from './structs-plain.ts';

/** /sys/class/net: a directory for each device, made as it is looked into. */

const STATISTICS: Record<string, keyof DevStats> = {
  collisions: 'collisions',
  multicast: 'multicast',
  rx_bytes: 'rxBytes',
  rx_compressed: 'rxCompressed',
  rx_crc_errors: 'rxCrcErrors',
  rx_dropped: 'rxDropped',
  rx_errors: 'rxErrors',
  rx_fifo_errors: 'rxFifoErrors',
  rx_frame_errors: 'rxFrameErrors',
  rx_length_errors: 'rxLengthErrors',
  rx_missed_errors: 'rxMissedErrors',
  rx_nohandler: 'rxNohandler',
  rx_over_errors: 'rxOverErrors',
  rx_packets: 'rxPackets',
  tx_aborted_errors: 'txAbortedErrors',
  tx_bytes: 'txBytes',
  tx_carrier_errors: 'txCarrierErrors',
  tx_compressed: 'txCompressed',
  tx_dropped: 'txDropped',
  tx_errors: 'txErrors',
  tx_fifo_errors: 'txFifoErrors',
  tx_heartbeat_errors: 'txHeartbeatErrors',
  tx_packets: 'txPackets',
  tx_window_errors: 'txWindowErrors',
};

const mac = (address: Uint8Array): string => [...address].map((b) => b.toString(16).padStart(2, '0')).join(':');

/** operstate as RFC 2863 has it. */
function operstate(dev: NetDevice): string {
  if (!(dev.flags & IFF_UP)) return 'down';
  if (dev.flags & IFF_LOOPBACK) return 'unknown';
  return dev.carrier ? 'up' : 'lowerlayerdown';
}

function attributes(dev: NetDevice): Record<string, ProcFile> {
  const line = (make: () => string | number): ProcFile => ({ read: () => `${make()}\n` });
  const running = (make: () => string): ProcFile => ({ read: () => (dev.flags & IFF_UP ? `${make()}\n` : -EINVAL) });
  return {
    addr_assign_type: line(() => dev.addrAssignType),
    addr_len: line(() => dev.addrLen),
    address: line(() => mac(dev.devAddr)),
    broadcast: line(() => mac(dev.broadcast)),
    carrier: running(() => (dev.carrier ? '1' : '0')),
    carrier_changes: line(() => dev.carrierChanges),
    dev_id: line(() => '0x0'),
    dev_port: line(() => 0),
    dormant: running(() => '0'),
    flags: line(() => `0x${(devGetFlags(dev) & 0xffff & ~0x40).toString(16)}`),
    ifalias: { read: () => '' },
    ifindex: line(() => dev.ifindex),
    iflink: line(() => dev.iflink),
    link_mode: line(() => 0),
    mtu: {
      read: () => `${dev.mtu}\n`,
      write: (text) => (dev.net.cred.capable(CAP_NET_ADMIN) ? devSetMtu(dev, Number(text.trim())) : -EPERM),
    },
    netdev_group: line(() => 0),
    operstate: line(() => operstate(dev)),
    duplex: running(() => (dev.kind === 'veth' ? 'full' : 'unknown')),
    speed: { read: () => (dev.kind === 'veth' && dev.flags & IFF_UP ? '10000\n' : -EINVAL) },
    tx_queue_len: line(() => dev.txQueueLen),
    type: line(() => dev.type),
    uevent: line(() => `INTERFACE=${dev.name}\nIFINDEX=${dev.ifindex}`),
  };
}

function deviceDir(dev: NetDevice): ProcDir {
  const files = attributes(dev);
  const statistics: ProcDir = {
    list: () => Object.keys(STATISTICS),
    get(name) {
      const key = STATISTICS[name];
      if (key === undefined) return null;
      return {
        file: {
          read() {
            dev.ops.getStats?.(dev);
            return `${dev.stats[key]}\n`;
          },
        },
      };
    },
  };
  return {
    list: () => [...Object.keys(files), 'statistics'],
    get: (name) => (name === 'statistics' ? { dir: statistics } : name in files ? { file: files[name]! } : null),
  };
}

export function sysfsInit(net: Net): void {
  const dir: ProcDir = {
    list: () => allDevices(net).map((dev) => dev.name),
    get(name): ProcEntry | null {
      const dev = net.devByName.get(name);
      return dev === undefined ? null : { dir: deviceDir(dev) };
    },
  };
  procMkdir(net, '/sys/class').entries.set('net', { dir });
}
