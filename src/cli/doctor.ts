import { createRequire } from 'node:module';
import * as zlib from 'node:zlib';
import { libpcapMissing } from '../capture/libpcap.ts';
import type { SystemCalls } from '../syscall/contract.ts';
import { errnoName } from '../uapi/errno.ts';
import {
  encodeTpacketReq3,
  fanoutArgument,
  PACKET_FANOUT,
  PACKET_FANOUT_FLAG_UNIQUEID,
  PACKET_FANOUT_HASH,
  PACKET_HDRLEN,
  PACKET_IGNORE_OUTGOING,
  PACKET_RX_RING,
  PACKET_TIMESTAMP,
  PACKET_TX_RING,
  PACKET_VERSION,
  TPACKET_V1,
  TPACKET_V2,
  TPACKET_V3,
} from '../uapi/if_packet.ts';
import { SOF_TIMESTAMPING_RAW_HARDWARE } from '../uapi/net_tstamp.ts';
import { AF_PACKET, SOCK_CLOEXEC, SOCK_RAW, SOL_PACKET } from '../uapi/socket.ts';
import type { ChosenSystem } from './backend.ts';
import { CAP_NET_ADMIN, CAP_NET_RAW, capabilities, has, ownCommand, waysToPermission, which } from './permission.ts';

/** One thing that was looked at. */
export interface Finding {
  /** What it belongs to: `privilege`, `backend`, `kernel`, `limits`, `files`. */
  area: string;
  name: string;
  /** `ok`; `limited`: works, but less than it could; `missing`: does not work. */
  state: 'ok' | 'limited' | 'missing' | 'unknown';
  detail: string;
  /** What to do about it; '' where nothing need be done. */
  advice: string;
}

/** Looks at this machine, or at our kernel. Opens packet sockets of its own for a moment, sends nothing, changes nothing. */
export function examine({ kind, system, os }: Pick<ChosenSystem, 'kind' | 'system' | 'os'>): Finding[] {
  if (kind === 'emulated') return [...kernel(system, os), ...limits(system), ...files()];
  return [...privileges(), ...backends(system), ...kernel(system, os), ...limits(system), ...files()];
}

function privileges(): Finding[] {
  const { effective, bounding } = capabilities();
  const one = (name: string, bit: number, use: string, without: string): Finding => {
    if (has(effective, bit)) return { area: 'privilege', name, state: 'ok', detail: use, advice: '' };
    const advice = has(bounding, bit)
      ? (waysToPermission(['doctor'])[0]?.command ?? 'run it as root')
      : 'this process may never have it (bounding set): in a container, start that with --cap-add';
    return { area: 'privilege', name, state: 'missing', detail: without, advice };
  };
  return [
    one('CAP_NET_RAW', CAP_NET_RAW, 'capture and send frames', 'no capture, no sending of frames'),
    one('CAP_NET_ADMIN', CAP_NET_ADMIN, 'promiscuous mode, larger buffers', 'no promiscuous mode: capture with -p'),
  ];
}

function backends(system: SystemCalls): Finding[] {
  const found: Finding[] = [];
  const fd = system.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    system.close(fd);
    found.push({ area: 'backend', name: 'af_packet', state: 'ok', detail: 'the default', advice: '' });
  } else
    found.push({
      area: 'backend',
      name: 'af_packet',
      state: 'missing',
      detail: `socket(AF_PACKET): ${errnoName(-fd)}`,
      advice:
        errnoName(-fd) === 'EAFNOSUPPORT'
          ? 'the kernel was built without CONFIG_PACKET: modprobe af_packet, or use another kernel'
          : (waysToPermission(['doctor'])[0]?.command ?? 'run it as root'),
    });
  found.push({
    area: 'backend',
    name: 'emulated',
    state: 'ok',
    detail: `netlab's own kernel, no real frames${fd >= 0 ? '' : ': what commands run on here, unless --backend says otherwise'}`,
    advice: '',
  });
  const noCap = libpcapMissing();
  found.push(
    noCap === null
      ? {
          area: 'backend',
          name: 'libpcap',
          state: 'limited',
          detail: 'the package cap is here; it has no kernel timestamps and no drop counts',
          advice: 'nothing, unless af_packet is missing',
        }
      : {
          area: 'backend',
          name: 'libpcap',
          state: 'missing',
          detail: 'the package cap is not usable; only --backend libpcap needs it',
          advice: 'apt install libpcap-dev, then npm install',
        },
  );
  try {
    createRequire(import.meta.url)('raw-socket');
    found.push({ area: 'backend', name: 'raw-socket', state: 'ok', detail: 'send-udp --via raw', advice: '' });
  } catch {
    found.push({
      area: 'backend',
      name: 'raw-socket',
      state: 'missing',
      detail: 'the package raw-socket is not usable; only send-udp --via raw needs it',
      advice: 'apt install build-essential python3, then npm install',
    });
  }
  return found;
}

const int = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer);

/** What a packet socket of this kernel can do, each tried on a socket of its own that is bound to nothing. */
function kernel(system: SystemCalls, os: string): Finding[] {
  const found: Finding[] = [
    { area: 'kernel', name: 'release', state: 'ok', detail: `${os}, Node ${process.version}`, advice: '' },
  ];
  const trial = (name: string, ok: string, without: string, advice: string, run: (fd: number) => number): void => {
    const fd = system.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    if (fd < 0) {
      const detail = `cannot be tried: socket(AF_PACKET): ${errnoName(-fd)}`;
      found.push({ area: 'kernel', name, state: 'unknown', detail, advice: 'run netlab doctor with CAP_NET_RAW' });
      return;
    }
    const result = run(fd);
    system.close(fd);
    found.push(
      result >= 0
        ? { area: 'kernel', name, state: 'ok', detail: ok, advice: '' }
        : { area: 'kernel', name, state: 'missing', detail: `${without} (${errnoName(-result)})`, advice },
    );
  };
  const ring = (version: number, option: number) => (fd: number) => {
    // PACKET_HDRLEN takes a version and gives the length of its header: EINVAL where the kernel does not know it.
    const length = system.getsockopt(fd, SOL_PACKET, PACKET_HDRLEN, int(version), Int32Array.of(4));
    if (length < 0) return length;
    const set = system.setsockopt(fd, SOL_PACKET, PACKET_VERSION, int(version));
    if (set < 0) return set;
    // V1 and V2 read the first four fields of the request of V3, and would refuse the length of the larger one.
    const request = encodeTpacketReq3({
      blockSize: 65_536,
      blockNr: 1,
      frameSize: 2048,
      frameNr: 32,
      retireBlkTov: 10,
    });
    return system.setsockopt(fd, SOL_PACKET, option, version === TPACKET_V3 ? request : request.subarray(0, 16));
  };
  trial(
    'TPACKET_V3 ring',
    'receive ring in blocks: the default',
    'capture cannot work',
    'use Linux 3.2 or newer',
    ring(TPACKET_V3, PACKET_RX_RING),
  );
  trial('TPACKET_V2 ring', 'receive ring in frames', 'not needed', '', ring(TPACKET_V2, PACKET_RX_RING));
  trial('TPACKET_V1 ring', 'receive ring in frames, 32-bit times', 'not needed', '', ring(TPACKET_V1, PACKET_RX_RING));
  trial('transmit ring', 'send from mapped memory', 'sending uses sendmmsg', '', ring(TPACKET_V2, PACKET_TX_RING));
  trial(
    'fanout',
    'several threads on an interface (--fanout)',
    '--fanout cannot work',
    'use Linux 3.1 or newer',
    (fd) => {
      // A socket that is not bound cannot join; a kernel that knows fanout says EINVAL for that, others ENOPROTOOPT.
      const result = system.setsockopt(
        fd,
        SOL_PACKET,
        PACKET_FANOUT,
        int(fanoutArgument(0, PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_UNIQUEID)),
      );
      return errnoName(-result) === 'ENOPROTOOPT' ? result : 0;
    },
  );
  trial('direction', '-Q in without a filter (PACKET_IGNORE_OUTGOING)', '-Q uses the filter', '', (fd) =>
    system.setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, int(1)),
  );
  trial(
    'hardware timestamps',
    'a ring can ask for them (-j adapter_unsynced), where the device has them',
    'only the kernel clock',
    '',
    (fd) => system.setsockopt(fd, SOL_PACKET, PACKET_TIMESTAMP, int(SOF_TIMESTAMPING_RAW_HARDWARE)),
  );
  const namespaces = readNumber(system, '/proc/sys/user/max_user_namespaces');
  found.push(
    namespaces === null || namespaces === 0
      ? {
          area: 'kernel',
          name: 'user namespaces',
          state: 'missing',
          detail: 'no private network without privilege (unshare -Urn)',
          advice: 'sysctl -w user.max_user_namespaces=15000',
        }
      : {
          area: 'kernel',
          name: 'user namespaces',
          state: 'ok',
          detail: `up to ${namespaces}: unshare -Urn ${ownCommand(['capture', 'lo'])}`,
          advice: '',
        },
  );
  return found;
}

function readNumber(system: SystemCalls, path: string): number | null {
  const content = system.readFile(path);
  if (typeof content === 'number') return null;
  const value = Number(Buffer.from(content).toString('latin1').trim());
  return Number.isFinite(value) ? value : null;
}

/** Kernel settings that bound a capture or a transmission: what each is, and from where on it is enough. */
const LIMITS: { key: string; what: string; enough: number }[] = [
  {
    key: 'net.core.rmem_max',
    what: 'largest receive buffer of a socket in bytes (rings are not bound by it)',
    enough: 4 << 20,
  },
  { key: 'net.core.rmem_default', what: 'receive buffer of a socket in bytes', enough: 0 },
  { key: 'net.core.wmem_max', what: 'largest send buffer of a socket in bytes', enough: 1 << 20 },
  { key: 'net.core.optmem_max', what: 'memory for socket options and filters in bytes', enough: 20_480 },
  { key: 'net.core.netdev_max_backlog', what: 'frames that wait for a CPU before they are dropped', enough: 1000 },
  { key: 'net.core.netdev_budget', what: 'frames a CPU takes in one round', enough: 300 },
  { key: 'net.core.bpf_jit_enable', what: 'filters compiled to machine code', enough: 1 },
];

function limits(system: SystemCalls): Finding[] {
  return LIMITS.map(({ key, what, enough }) => {
    const value = readNumber(system, `/proc/sys/${key.replaceAll('.', '/')}`);
    if (value === null)
      return {
        area: 'limits',
        name: key,
        state: 'unknown',
        detail: `${what}: not shown in this network namespace`,
        advice: '',
      };
    return value >= enough
      ? { area: 'limits', name: key, state: 'ok', detail: `${value}: ${what}`, advice: '' }
      : {
          area: 'limits',
          name: key,
          state: 'limited',
          detail: `${value}: ${what}`,
          advice: `sysctl -w ${key}=${enough}`,
        };
  });
}

function files(): Finding[] {
  const zstd = 'createZstdCompress' in zlib;
  const found: Finding[] = [
    { area: 'files', name: 'gzip', state: 'ok', detail: 'reads and writes .gz', advice: '' },
    zstd
      ? { area: 'files', name: 'zstd', state: 'ok', detail: 'reads and writes .zst', advice: '' }
      : {
          area: 'files',
          name: 'zstd',
          state: 'missing',
          detail: `Node ${process.version} cannot read or write .zst`,
          advice: 'use Node 22.15 or newer, or 23.8 or newer',
        },
  ];
  const ethtool = which('ethtool');
  found.push({
    area: 'files',
    name: 'ethtool',
    state: ethtool === null ? 'limited' : 'ok',
    detail: ethtool ?? 'not installed; it shows and sets the ring sizes of drivers',
    advice: ethtool === null ? 'apt install ethtool' : '',
  });
  return found;
}
