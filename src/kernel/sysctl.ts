import { CAP_NET_ADMIN } from '../uapi/capability.ts';
import { EACCES, EINVAL } from '../uapi/errno.ts';
import { arpTbl } from './arp.ts';
import { devinet } from './devinet.ts';
import { fibFlushExceptions } from './fib.ts';
import { type Ipv4Sysctl, ipv4Sysctl } from './ip-header.ts';
import { neighParms, randReachTime } from './neighbour.ts';
import { type ProcDir, type ProcFile, procCreate, procMkdir } from './procfs.ts';
import { routes, rtCacheFlush, rtForget } from './route.ts';
import { SOCK_MIN_RCVBUF, SOCK_MIN_SNDBUF } from './sock.ts';
import type { NeighParms, Net, NetDevice } from './structs.ts';
import type { Ipv4Devconf } from './structs-plain.ts';

/** Sysctls by name, as files of /proc/sys, read and write. */

export interface IntOptions {
  min?: number;
  max?: number;
  after?: () => void;
}

/** Parses a number as proc_dointvec does: decimal, octal (0) or hexadecimal (0x). */
function parseInt32(text: string): number | null {
  if (!/^-?(0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return null;
  const negative = text.startsWith('-');
  const body = negative ? text.slice(1) : text;
  const value =
    body.length > 1 && body.startsWith('0') && !/^0[xX]/.test(body) ? Number.parseInt(body, 8) : Number(body);
  return negative ? -value : value;
}

/** The numbers of a line, at most `count`; what follows them is not looked at. Null where one is none. */
function parseInts(text: string, count: number): number[] | null {
  const words = text.replaceAll('\0', ' ').trim().split(/\s+/).filter(Boolean).slice(0, count);
  const values = words.map(parseInt32);
  return values.includes(null) ? null : (values as number[]);
}

export function intFile(
  net: Net,
  get: () => number,
  put: (value: number) => void,
  { min = -0x80000000, max = 0x7fffffff, after }: IntOptions,
): ProcFile {
  return {
    read: () => `${get()}\n`,
    write(text) {
      if (!net.cred.capable(CAP_NET_ADMIN)) return -EACCES;
      const values = parseInts(text, 1);
      if (values === null) return -EINVAL;
      const value = values[0];
      if (value === undefined) return 0; // an empty write changes nothing
      if (value < min || value > max) return -EINVAL;
      put(value);
      after?.();
      return 0;
    },
  };
}

/** Two numbers in a line: a range. Where one is given the other stays. */
function rangeFile(
  net: Net,
  get: () => [number, number],
  put: (low: number, high: number) => boolean,
  separator = '\t',
): ProcFile {
  return {
    read: () => `${get().join(separator)}\n`,
    write(text) {
      if (!net.cred.capable(CAP_NET_ADMIN)) return -EACCES;
      const values = parseInts(text, 2);
      if (values === null) return -EINVAL;
      const [low, high] = get();
      return put(values[0] ?? low, values[1] ?? high) ? 0 : -EINVAL;
    },
  };
}

export type NumberKey<T> = { [K in keyof T]: T[K] extends number ? K : never }[keyof T];

const IPV4: Record<string, [NumberKey<Ipv4Sysctl>, IntOptions?]> = {
  ip_default_ttl: ['defaultTtl', { min: 1, max: 255 }],
  ip_no_pmtu_disc: ['noPmtuDisc', { min: 0, max: 255 }],
  ip_forward_use_pmtu: ['forwardUsePmtu', { min: 0, max: 255 }],
  ip_nonlocal_bind: ['nonlocalBind', { min: 0, max: 255 }],
  ip_unprivileged_port_start: ['unprivPortStart', { min: 0, max: 65535 }],
  ip_autobind_reuse: ['autobindReuse', { min: 0, max: 1 }],
  ip_early_demux: ['earlyDemux', { min: 0, max: 255 }],
  udp_early_demux: ['udpEarlyDemux', { min: 0, max: 255 }],
  icmp_echo_ignore_all: ['icmpEchoIgnoreAll', { min: 0, max: 1 }],
  icmp_echo_ignore_broadcasts: ['icmpEchoIgnoreBroadcasts', { min: 0, max: 1 }],
  icmp_ignore_bogus_error_responses: ['icmpIgnoreBogus', { min: 0, max: 1 }],
  icmp_errors_use_inbound_ifaddr: ['icmpErrorsUseInbound', { min: 0, max: 1 }],
  icmp_ratemask: ['icmpRatemask'],
  icmp_msgs_per_sec: ['icmpMsgsPerSec', { min: 0 }],
  icmp_msgs_burst: ['icmpMsgsBurst', { min: 0 }],
  igmp_max_memberships: ['igmpMaxMemberships'],
  igmp_max_msf: ['igmpMaxMsf'],
  igmp_link_local_mcast_reports: ['igmpLlmReports', { min: 0, max: 255 }],
  igmp_qrv: ['igmpQrv', { min: 1 }],
  ipfrag_high_thresh: ['ipfragHighThresh', { min: 0 }],
  ipfrag_low_thresh: ['ipfragLowThresh', { min: 0 }],
  ipfrag_time: ['ipfragTime'],
  ipfrag_max_dist: ['ipfragMaxDist', { min: 0 }],
  udp_rmem_min: ['udpRmemMin', { min: 1 }],
  udp_wmem_min: ['udpWmemMin', { min: 1 }],
  fwmark_reflect: ['fwmarkReflect', { min: 0, max: 255 }],
};

const CORE: Record<string, [keyof Net, IntOptions?]> = {
  rmem_default: ['rmemDefault', { min: SOCK_MIN_RCVBUF }],
  rmem_max: ['rmemMax', { min: SOCK_MIN_RCVBUF }],
  wmem_default: ['wmemDefault', { min: SOCK_MIN_SNDBUF }],
  wmem_max: ['wmemMax', { min: SOCK_MIN_SNDBUF }],
  optmem_max: ['optmemMax', { min: 0 }],
  netdev_budget: ['netdevBudget'],
  dev_weight: ['devWeight', { min: 1 }],
  netdev_max_backlog: ['netdevMaxBacklog'],
  somaxconn: ['somaxconn', { min: 0 }],
  netdev_tstamp_prequeue: ['tstampPrequeue'],
};

const CONF: Record<string, keyof Ipv4Devconf> = {
  forwarding: 'forwarding',
  mc_forwarding: 'mcForwarding',
  accept_redirects: 'acceptRedirects',
  secure_redirects: 'secureRedirects',
  shared_media: 'sharedMedia',
  rp_filter: 'rpFilter',
  send_redirects: 'sendRedirects',
  accept_source_route: 'acceptSourceRoute',
  accept_local: 'acceptLocal',
  src_valid_mark: 'srcValidMark',
  proxy_arp: 'proxyArp',
  log_martians: 'logMartians',
  arp_filter: 'arpFilter',
  arp_announce: 'arpAnnounce',
  arp_ignore: 'arpIgnore',
  arp_accept: 'arpAccept',
  arp_notify: 'arpNotify',
  drop_gratuitous_arp: 'dropGratuitousArp',
  drop_unicast_in_l2_multicast: 'dropUnicastInL2Multicast',
  route_localnet: 'routeLocalnet',
  bc_forwarding: 'bcForwarding',
  promote_secondaries: 'promoteSecondaries',
  force_igmp_version: 'forceIgmpVersion',
};

/** inet_forward_change: conf/all's forwarding is everybody's. */
function setForward(net: Net, value: number): void {
  const on = value;
  ipv4Sysctl(net).forward = on;
  const state = devinet(net);
  state.all.forwarding = on;
  state.all.acceptRedirects = on !== 0 ? 0 : 1;
  state.dflt.forwarding = on;
  for (const dev of net.devices.values()) if (dev.ip !== null) dev.ip.cnf.forwarding = on;
  rtCacheFlush(net);
}

/** What of a conf empties the cache of routes (devinet_conf_proc and the flushing entries of net/ipv4/devinet.c): the
 * sockets that keep a route look for it anew then, and only then. */
function makesRoutesStale(key: keyof Ipv4Devconf, before: number, value: number): boolean {
  switch (key) {
    case 'acceptLocal':
      return value === 0 && before !== 0;
    case 'routeLocalnet':
    case 'forwarding':
    case 'bcForwarding':
    case 'promoteSecondaries':
    case 'dropUnicastInL2Multicast':
      return value !== before;
    default:
      return false;
  }
}

function confDir(net: Net, conf: () => Ipv4Devconf | null, all: boolean): ProcDir {
  return {
    list: () => Object.keys(CONF),
    get(name) {
      const key = CONF[name];
      if (key === undefined) return null;
      return {
        file: intFile(
          net,
          () => conf()?.[key] ?? 0,
          (value) => {
            const where = conf();
            if (where === null) return;
            const before = where[key];
            if (all && key === 'forwarding' && value !== before) setForward(net, value);
            else where[key] = value;
            if (makesRoutesStale(key, before, value) && !(key === 'forwarding' && where === devinet(net).dflt))
              rtCacheFlush(net);
            else rtForget(net);
          },
          {},
        ),
      };
    },
  };
}

/** Times of the neighbour tables: name, field, nanoseconds a unit. */
const NEIGH: Record<string, [NumberKey<NeighParms>, number]> = {
  mcast_solicit: ['mcastProbes', 1],
  ucast_solicit: ['ucastProbes', 1],
  app_solicit: ['appProbes', 1],
  mcast_resolicit: ['mcastReprobes', 1],
  base_reachable_time: ['baseReachableTime', 1e9],
  base_reachable_time_ms: ['baseReachableTime', 1e6],
  delay_first_probe_time: ['delayProbeTime', 1e9],
  gc_stale_time: ['gcStaletime', 1e9],
  retrans_time: ['retransTime', 1e7],
  retrans_time_ms: ['retransTime', 1e6],
  unres_qlen_bytes: ['queueLenBytes', 1],
  anycast_delay: ['anycastDelay', 1e7],
  proxy_delay: ['proxyDelay', 1e7],
  locktime: ['locktime', 1e7],
  interval_probe_time_ms: ['intervalProbeTime', 1e6],
  proxy_qlen: ['proxyQlen', 1],
};

export function neighDir(net: Net, parms: () => NeighParms): ProcDir {
  return {
    list: () => Object.keys(NEIGH),
    get(name) {
      const found = NEIGH[name];
      if (found === undefined) return null;
      const [key, unit] = found;
      return {
        file: intFile(
          net,
          () => Math.floor(parms()[key] / unit),
          (value) => {
            // Milliseconds are kept in ticks of 4 ms, rounded up.
            const kept = unit === 1e6 ? Math.ceil(value / 4) * 4 : value;
            (parms() as unknown as Record<string, number>)[key] = kept * unit;
            if (key === 'baseReachableTime')
              parms().reachableTime = randReachTime(parms().baseReachableTime, net.random);
          },
          unit === 1e9 ? {} : { min: 0 },
        ),
      };
    },
  };
}

export function deviceDirs(net: Net, fixed: Record<string, ProcDir>, make: (dev: NetDevice) => ProcDir): ProcDir {
  return {
    list: () => [...Object.keys(fixed), ...[...net.devices.values()].map((dev) => dev.name)],
    get(name) {
      if (name in fixed) return { dir: fixed[name]! };
      const dev = net.devByName.get(name);
      return dev === undefined ? null : { dir: make(dev) };
    },
  };
}

export function sysctlInit(net: Net): void {
  const ipv4 = ipv4Sysctl(net);
  const put = (path: string, file: ProcFile): void => procCreate(net, `/proc/sys/${path}`, file);
  for (const [name, [key, options = {}]] of Object.entries(IPV4))
    put(
      `net/ipv4/${name}`,
      intFile(
        net,
        () => ipv4[key],
        (value) => (ipv4[key] = value),
        options,
      ),
    );
  for (const [name, [key, options = {}]] of Object.entries(CORE)) {
    const fields = net as unknown as Record<string, number>;
    put(
      `net/core/${name}`,
      intFile(
        net,
        () => fields[key]!,
        (value) => (fields[key] = value),
        options,
      ),
    );
  }
  // Kept in ticks of 4 ms, rounded up.
  put(
    'net/ipv4/icmp_ratelimit',
    intFile(
      net,
      () => ipv4.icmpRatelimit,
      (value) => {
        ipv4.icmpRatelimit = Math.ceil(value / 4) * 4;
      },
      { min: 0 },
    ),
  );
  put(
    'net/ipv4/ip_forward',
    intFile(
      net,
      () => ipv4.forward,
      (value) => setForward(net, value),
      {},
    ),
  );
  put(
    'net/ipv4/ip_local_port_range',
    rangeFile(
      net,
      () => [ipv4.portLow, ipv4.portHigh],
      (low, high) => {
        if (low < Math.max(1, ipv4.unprivPortStart) || high > 65535 || high < low) return false;
        ipv4.portLow = low;
        ipv4.portHigh = high;
        return true;
      },
    ),
  );
  put(
    'net/ipv4/ping_group_range',
    rangeFile(
      net,
      () => [ipv4.pingGroupLow, ipv4.pingGroupHigh],
      (low, high) => {
        if (low < 0 || high < 0) return false;
        // An empty range is kept as 1 0.
        ipv4.pingGroupLow = high < low ? 1 : low;
        ipv4.pingGroupHigh = high < low ? 0 : high;
        return true;
      },
    ),
  );
  put('net/ipv4/ip_local_reserved_ports', {
    read: () => `${ipv4.reservedPorts.map(([a, b]) => (a === b ? a : `${a}-${b}`)).join(',')}\n`,
    write(text) {
      if (!net.cred.capable(CAP_NET_ADMIN)) return -EACCES;
      const ranges: [number, number][] = [];
      if (/^\s+\S/.test(text)) return -EINVAL;
      for (const part of text.trim().split(',').filter(Boolean)) {
        const [from, to, ...rest] = part.split('-').map(parseInt32);
        if (from === null || from === undefined || to === null || rest.length > 0) return -EINVAL;
        const low = from;
        const high = to ?? from;
        if (low > high || high > 65535) return -EINVAL;
        ranges.push([low, high]);
      }
      ipv4.reservedPorts = ranges;
      return 0;
    },
  });
  const route = routes(net);
  put(
    'net/ipv4/route/mtu_expires',
    intFile(
      net,
      () => route.mtuExpires,
      (value) => (route.mtuExpires = value),
      {},
    ),
  );
  put(
    'net/ipv4/route/min_pmtu',
    intFile(
      net,
      () => route.minPmtu,
      (value) => (route.minPmtu = value),
      { min: 68 },
    ),
  );
  put(
    'net/ipv4/route/min_adv_mss',
    intFile(
      net,
      () => route.minAdvMss,
      (value) => (route.minAdvMss = value),
      {},
    ),
  );
  put('net/ipv4/route/flush', {
    write() {
      fibFlushExceptions(net);
      rtCacheFlush(net);
      return 0;
    },
  });
  const state = devinet(net);
  const dir = procMkdir(net, '/proc/sys/net/ipv4').entries;
  dir.set('conf', {
    dir: deviceDirs(
      net,
      { all: confDir(net, () => state.all, true), default: confDir(net, () => state.dflt, false) },
      (dev) => confDir(net, () => dev.ip?.cnf ?? null, false),
    ),
  });
  const tbl = arpTbl(net);
  dir.set('neigh', {
    dir: deviceDirs(net, { default: neighDir(net, () => tbl.parms) }, (dev) =>
      neighDir(net, () => neighParms(tbl, dev)),
    ),
  });
  put('kernel/hostname', { read: () => `${net.hostname}\n` });
  put('kernel/osrelease', { read: () => '6.18.0-netlab\n' });
}
